/* test_update_preview.c - two images compared, by names and by the verdicts on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/images.h"
#include "tools/update_preview.h"

/* Two lists, `a` and `b`, before and after. */
struct fixture {
	struct conf_list confs[2];
	struct update_list lists[2];
	struct update_result result;
	struct trie old, new;
	uint8_t *images[2];
	struct update_preview preview;
	char *said;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	for (unsigned i = 0; i < 2; i++) {
		f->confs[i] = (struct conf_list){.name = {(char)('a' + i)}};
		f->lists[i] = (struct update_list){.conf = &f->confs[i], .outcome = UPDATE_UPDATED};
	}
	f->result = (struct update_result){.lists = f->lists, .n_lists = 2};
	*state = f;
	return 0;
}

static void forget(struct fixture *f)
{
	update_preview_fini(&f->preview);
	free(f->images[0]);
	free(f->images[1]);
	free(f->said);
	f->images[0] = f->images[1] = NULL;
	f->said = NULL;
}

static int teardown(void **state)
{
	forget(*state);
	free(*state);
	return 0;
}

static void open_image(const char *const *texts, uint8_t **image, struct trie *t)
{
	size_t len;

	*image = image_of_texts(texts, 2, &len);
	assert_non_null(*image);
	assert_int_equal(trie_open(t, *image, len, NULL), 0);
}

/* What the text says between the two images; old_a NULL: there was none. */
static const char *compare(struct fixture *f, const char *old_a, const char *old_b,
    const char *new_a, const char *new_b, const char *names, bool json)
{
	const char *const old[] = {old_a, old_b}, *const new[] = {new_a, new_b};
	struct why why;
	size_t len;
	FILE *to;

	forget(f);
	f->old = (struct trie){0};
	if (old_a != NULL)
		open_image(old, &f->images[0], &f->old);
	open_image(new, &f->images[1], &f->new);
	assert_int_equal(update_preview_make(&f->preview, &f->old, &f->new, &why), 0);
	to = open_memstream(&f->said, &len);
	assert_non_null(to);
	(json ? update_preview_json : update_preview_text)(to, &f->preview, &f->result, names);
	assert_int_equal(fclose(to), 0);
	return f->said;
}

static void test_names(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(compare(f, "a.example\nboth.example\n", "both.example\n",
				"a.example\nnew.example\n", "both.example\n", NULL, false),
	    "a: 1 names newly blocked, 0 freed\n  + new.example\n"
	    "b: 0 names newly blocked, 0 freed\n");
	/* Another rule of another list, but the same verdict. */
	assert_string_equal(compare(f, "wide.example\n", "x.example\n", "x.example\n",
				"sub.wide.example\nwide.example\n", NULL, false),
	    "a: 0 names newly blocked, 0 freed\nb: 0 names newly blocked, 0 freed\n");
	assert_string_equal(compare(f, "a.example\n", "a.example\nb.example\n", "c.example\n",
				"c.example\n", NULL, false),
	    "a: 1 names newly blocked, 1 freed\n  + c.example\n  - a.example\n"
	    "b: 1 names newly blocked, 2 freed\n  + c.example\n  - a.example\n  - b.example\n");
}

/* Below a name; an exception that takes a name out of a suffix. */
static void test_kinds(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
	    compare(f, "||a.example^\n", "||b.example^\n", "||a.example^\n@@||ok.a.example^\n",
		"*.b.example CNAME .\n", NULL, false),
	    "a: 0 names newly blocked, 1 freed\n  - ok.a.example\n"
	    "b: 0 names newly blocked, 1 freed\n  - b.example\n");
	assert_string_equal(compare(f, "||a.example^\n", "0.0.0.0 b.example\n", "||a.example^\n",
				"b.example CNAME .\n*.b.example CNAME .\n", NULL, false),
	    "a: 0 names newly blocked, 0 freed\nb: 1 names newly blocked, 0 freed\n"
	    "  + *.b.example\n");
}

static void test_rules_without_a_name(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
	    compare(f, "||a.example^\n/^stays[0-9]/\n/^goes[0-9]/\n", "||b.example^\n",
		"||a.example^\n/^comes[0-9]/\n/^stays[0-9]/\n", "||b.example^\n", NULL, false),
	    "a: 0 names newly blocked, 0 freed; 1 rules without a name added, 1 removed\n"
	    "  + regex /^comes[0-9]/\n  - regex /^goes[0-9]/\n"
	    "b: 0 names newly blocked, 0 freed\n");
}

static void test_first_image(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
	    compare(f, NULL, NULL, "a.example\n", "||b.example^\n", "b.example\n", false),
	    "a: 1 names newly blocked, 0 freed\n  + a.example\n"
	    "b: 1 names newly blocked, 0 freed\n  + b.example\n"
	    "b.example: would be blocked (b)\n");
}

static void test_file_of_names(void **state)
{
	struct fixture *f = *state;

	compare(f, "a.example\nc.example\n", "b.example\n", "a.example\n", "b.example\nd.example\n",
	    "# mine\r\nwww.A.example\r\nc.example\nfree.example\nd.example\nno name\n", false);
	assert_non_null(
	    strstr(f->said, "www.a.example: stays blocked (a)\nc.example: would be freed (a)\n"
			    "d.example: would be blocked (b)\n"));
	assert_null(strstr(f->said, "free.example"));
}

static void test_json(void **state)
{
	struct fixture *f = *state;

	f->result.exit_code = 3;
	f->lists[1].outcome = UPDATE_HELD;
	(void)why_set(&f->lists[1].why, ERR_DENIED, "it is \"odd\"");
	assert_string_equal(compare(f, "a.example\n", "b.example\n", "c.example\n", "b.example\n",
				"c.example\n", true),
	    "{\"exit\":3,\"lists\":["
	    "{\"name\":\"a\",\"result\":\"updated\",\"blocked\":[\"c.example\"],"
	    "\"freed\":[\"a.example\"],\"rules_added\":[],\"rules_removed\":[]},"
	    "{\"name\":\"b\",\"result\":\"held\",\"reason\":\"it is \\\"odd\\\"\",\"blocked\":[],"
	    "\"freed\":[],\"rules_added\":[],\"rules_removed\":[]}],"
	    "\"names\":[{\"name\":\"c.example\",\"before\":false,\"after\":true,\"list\":\"a\"}]}"
	    "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rules_without_a_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_first_image, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_file_of_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_json, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
