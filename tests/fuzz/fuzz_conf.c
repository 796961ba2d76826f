/* fuzz_conf.c - the configuration: any text is refused with a line number, or prints as a text that
 * reads back as the same configuration. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf.h"
#include "tests/fuzz/fuzz.h"

static char *printed(const struct conf *conf)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	CHECK(to != NULL);
	conf_print(conf, to);
	CHECK(fclose(to) == 0);
	return text;
}

static void check_reads_back(const struct conf *conf)
{
	char *text = printed(conf), *again_text;
	struct conf *again = NULL;

	CHECK(conf_read_text(&again, text, "again", NULL) == 0);
	again_text = printed(again);
	CHECK(strcmp(text, again_text) == 0);
	CHECK(memcmp(conf, again, offsetof(struct conf, lists)) == 0);
	CHECK(conf->n_lists == again->n_lists);
	/* Both are from calloc(): what lies between the members is the same, too. */
	for (unsigned i = 0; i < conf->n_lists; i++)
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
		CHECK(memcmp(&conf->lists[i], &again->lists[i], sizeof(conf->lists[i])) == 0);
	CHECK(conf->n_groups == again->n_groups && conf->n_forwards == again->n_forwards);
	for (unsigned i = 0; i < conf->n_groups; i++)
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
		CHECK(memcmp(&conf->groups[i], &again->groups[i], sizeof(conf->groups[i])) == 0);
	for (unsigned i = 0; i < conf->n_forwards; i++)
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
		CHECK(memcmp(&conf->forwards[i], &again->forwards[i], sizeof(conf->forwards[i])) ==
		      0);
	free(text);
	free(again_text);
	conf_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	struct conf *conf = NULL;
	struct why why = {""};

	CHECK(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	if (conf_read_text(&conf, text, "fuzz", &why) == 0) {
		check_reads_back(conf);
	} else {
		unsigned line;

		CHECK(conf == NULL);
		CHECK(sscanf(why.text, "fuzz:%u: ", &line) == 1 && line >= 1);
	}
	conf_free(conf);
	free(text);
	return 0;
}
