/* test_compile.c - texts to an image. */
#include "tests/unit/lists.h"

#include "blocklists/compile.h"
#include "blocklists/verify.h"

static struct compile_source source_of(const char *name, const char *text, enum conf_match match)
{
	return (struct compile_source){
	    .name = name, .text = text, .len = strlen(text), .match = match};
}

struct found {
	unsigned n;
	struct rule rules[16];
};

static int find_rule(void *ctx, const struct rule *rule)
{
	struct found *found = ctx;

	assert_true(found->n < COUNT(found->rules));
	found->rules[found->n++] = *rule;
	return 0;
}

static bool has(const struct found *found, const char *name, enum rule_kind kind, unsigned list)
{
	struct rule rule = rule_of(name, kind, list);

	for (unsigned i = 0; i < found->n; i++) {
		if (rule_equal(&found->rules[i], &rule))
			return true;
	}
	return false;
}

static void test_list_ids_and_kinds(void **state)
{
	struct compile_source sources[] = {
	    source_of("h", "0.0.0.0 a.example\n", CONF_MATCH_AUTO),
	    source_of("d", "a.example\n", CONF_MATCH_AUTO),
	    source_of("he", "0.0.0.0 b.example\n", CONF_MATCH_SUFFIX),
	    source_of("de", "b.example\n", CONF_MATCH_EXACT),
	    source_of("db", "b.example\n", CONF_MATCH_BELOW),
	    source_of("empty", "# no rules today\n", CONF_MATCH_AUTO),
	};
	struct found found = {.n = 0};
	struct why why = {""};
	uint8_t *image;
	struct trie t;
	size_t len;

	(void)state;
	if (compile_texts(sources, COUNT(sources), NULL, NULL, &image, &len, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(verify_image(image, len, NULL), 0);
	assert_true(compile_is_image(image, len));
	t = trie_of(image, len);
	trie_each(&t, find_rule, &found);
	assert_int_equal(found.n, 5);
	assert_true(has(&found, "a.example", RULE_EXACT, 0));
	assert_true(has(&found, "a.example", RULE_SUFFIX, 1));
	assert_true(has(&found, "b.example", RULE_SUFFIX, 2));
	assert_true(has(&found, "b.example", RULE_EXACT, 3));
	assert_true(has(&found, "b.example", RULE_BELOW, 4));
	assert_int_equal(t.n_lists, COUNT(sources));
	assert_string_equal(sources[0].used->name, "hosts");
	assert_string_equal(sources[1].used->name, "domains");
	assert_int_equal(sources[1].counts.rules, 1);
	assert_int_equal(sources[5].counts.rules, 0);
	free(image);
}

static void test_given_syntax(void **state)
{
	struct compile_source source = source_of("x", "com\n", CONF_MATCH_AUTO);
	struct why why = {""};
	uint8_t *image;
	size_t len;

	(void)state;
	assert_int_equal(compile_texts(&source, 1, NULL, NULL, &image, &len, &why), ERR_FORMAT);
	source.syntax = feed_find("domains");
	assert_int_equal(compile_texts(&source, 1, NULL, NULL, &image, &len, &why), 0);
	assert_ptr_equal(source.used, source.syntax);
	free(image);
}

static void test_error_names_list_and_line(void **state)
{
	struct compile_source sources[] = {
	    source_of("good.txt", "a.example\n", CONF_MATCH_AUTO),
	    source_of("bad.txt", "# c\n||b.example^\n", CONF_MATCH_AUTO),
	};
	struct why why = {""};
	uint8_t *image = NULL;
	size_t len;

	(void)state;
	assert_int_equal(compile_texts(sources, 2, NULL, NULL, &image, &len, &why), ERR_FORMAT);
	assert_null(image);
	assert_ptr_equal(strstr(why.text, "bad.txt: line 2: "), why.text);
	assert_null(sources[1].used);
	assert_int_equal(
	    compile_texts(sources, RULE_LISTS_MAX + 1, NULL, NULL, &image, &len, &why), ERR_LIMIT);
}

static void on_skip(void *ctx, const struct compile_source *source, enum feed_skip reason,
    uint64_t line, const char *text, size_t len)
{
	char *out = ctx;

	snprintf(out + strlen(out), 100, "%s:%u:%d:%.*s;", source->name, (unsigned)line, reason,
	    (int)len, text);
}

static void test_tells_skipped_lines(void **state)
{
	struct compile_source sources[] = {
	    source_of("one", "a.example\nlocalhost\n", CONF_MATCH_AUTO),
	    source_of("two", "0.0.0.0 b.example\n\n192.0.2.1 c.example\nx\n", CONF_MATCH_AUTO),
	};
	char skipped[1000] = "", expected[200];
	uint8_t *image;
	size_t len;

	(void)state;
	assert_int_equal(compile_texts(sources, 2, on_skip, skipped, &image, &len, NULL), 0);
	snprintf(expected, sizeof(expected), "one:2:%d:localhost;two:3:%d:c.example;two:4:%d:x;",
	    FEED_OWN_NAME, FEED_REWRITE, FEED_BAD);
	assert_string_equal(skipped, expected);
	free(image);
}

static void test_no_sources(void **state)
{
	uint8_t *image;
	size_t len;

	(void)state;
	assert_int_equal(compile_texts(NULL, 0, NULL, NULL, &image, &len, NULL), 0);
	assert_int_equal(trie_of(image, len).n_rules, 0);
	free(image);
}

static void test_is_image(void **state)
{
	(void)state;
	assert_false(compile_is_image("", 0));
	assert_false(compile_is_image("0.0.0.0 a.example", 17));
	assert_false(compile_is_image("\177ELF\002\001\001\000\000", 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_list_ids_and_kinds),
	    cmocka_unit_test(test_given_syntax),
	    cmocka_unit_test(test_error_names_list_and_line),
	    cmocka_unit_test(test_tells_skipped_lines),
	    cmocka_unit_test(test_no_sources),
	    cmocka_unit_test(test_is_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
