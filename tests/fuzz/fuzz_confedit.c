/* fuzz_confedit.c - a configuration's text edited: a list that is added and removed leaves every
 * byte as it was, and each list that is removed is the only thing that the configuration no
 * longer says. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tools/conf_edit.h"

/* What `conf` says, but for list `index`. */
static char *printed_without(struct conf *conf, unsigned index)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	CHECK(to != NULL);
	if (index < conf->n_lists) {
		conf->n_lists--;
		memmove(&conf->lists[index], &conf->lists[index + 1],
		    (conf->n_lists - index) * sizeof(*conf->lists));
	}
	conf_print(conf, to);
	CHECK(fclose(to) == 0);
	return text;
}

static void check_same(const char *more, unsigned index, const char *less)
{
	struct conf *a = NULL, *b = NULL;
	char *a_text, *b_text;

	CHECK(conf_read_text(&a, more, "more", NULL) == 0);
	CHECK(conf_read_text(&b, less, "less", NULL) == 0);
	CHECK(a->n_lists == b->n_lists + 1);
	a_text = printed_without(a, index);
	b_text = printed_without(b, b->n_lists);
	CHECK(strcmp(a_text, b_text) == 0);
	free(a_text);
	free(b_text);
	conf_free(a);
	conf_free(b);
}

static void check_add(const char *text)
{
	static const struct conf_edit_list list = {
	    "fuzz-new", "https://example.net/$\"\\", "hosts"};
	struct conf_edit e;
	struct why why;

	CHECK(conf_edit_init(&e, text, "fuzz", &why) == 0);
	if (conf_edit_add(&e, &list, &why) == 0) {
		check_same(e.text, e.conf->n_lists - 1, text);
		CHECK(conf_edit_remove(&e, list.name, &why) == 0);
	}
	CHECK(strcmp(e.text, text) == 0);
	conf_edit_fini(&e);
}

static void check_remove(const char *text, unsigned index)
{
	char name[CONF_NAME_SIZE];
	struct conf_edit e;
	struct why why;

	CHECK(conf_edit_init(&e, text, "fuzz", &why) == 0);
	memcpy(name, e.conf->lists[index].name, sizeof(name));
	CHECK(conf_edit_line(&e, index) >= 1);
	if (conf_edit_remove(&e, name, &why) == 0) {
		check_same(text, index, e.text);
		CHECK(strlen(e.text) < strlen(text));
	} else {
		CHECK(strcmp(e.text, text) == 0);
	}
	conf_edit_fini(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	struct conf_edit e;
	struct why why;

	CHECK(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	if (conf_edit_init(&e, text, "fuzz", &why) == 0) {
		unsigned n = e.conf->n_lists < 8 ? e.conf->n_lists : 8;

		conf_edit_fini(&e);
		check_add(text);
		for (unsigned i = 0; i < n; i++)
			check_remove(text, i);
	}
	free(text);
	return 0;
}
