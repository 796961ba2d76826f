/* test_compile.c - texts to an image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/compile.h"
#include "blocklists/trie.h"
#include "blocklists/verify.h"
#include "blocklists/walk.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct compile_source source_of(const char *name, const char *text)
{
	return (struct compile_source){.name = name, .text = text, .len = strlen(text)};
}

/* The image of sources[0..n); each text is gone when its rules are in. */
static int compile(struct compile_source *sources, unsigned n, compile_skip_fn *skip,
    void *skip_ctx, uint8_t **image, size_t *len, struct why *why)
{
	struct compile *c = compile_new();
	int err = 0;

	assert_non_null(c);
	for (unsigned i = 0; i < n && err == 0; i++) {
		char *text = strdup(sources[i].text);

		assert_non_null(text);
		sources[i].text = text;
		err = compile_add(c, &sources[i], skip, skip_ctx, why);
		memset(text, 'z', sources[i].len);
		free(text);
	}
	if (err == 0)
		err = compile_image(c, image, len, why);
	compile_free(c);
	return err;
}

struct dump {
	char text[2000];
};

static int dump_rule(void *ctx, const struct rule *rule, uint16_t list)
{
	struct dump *dump = ctx;
	char text[RULE_TEXT_SIZE];
	size_t used = strlen(dump->text);

	(void)snprintf(
	    dump->text + used, sizeof(dump->text) - used, "%u %s;", list, rule_text(rule, text));
	return 0;
}

static bool has(const struct dump *dump, const char *line)
{
	const char *at = strstr(dump->text, line);

	return at != NULL && (at == dump->text || at[-1] == ';') && at[strlen(line)] == ';';
}

/* The image has these rules and no others, as `LIST RULE`. */
static void assert_rules(const uint8_t *image, size_t len, const char *const *rules, size_t n)
{
	struct dump dump = {""};
	struct trie t;

	assert_int_equal(verify_image(image, len, NULL), 0);
	assert_int_equal(trie_open(&t, image, len, NULL), 0);
	assert_int_equal(walk_rules(&t, dump_rule, &dump, NULL), 0);
	assert_int_equal(t.n_rules, n);
	for (size_t i = 0; i < n; i++) {
		if (!has(&dump, rules[i]))
			fail_msg("%s is not in %s", rules[i], dump.text);
	}
}

static void test_list_ids_and_kinds(void **state)
{
	static const char *const rules[] = {"0 exact a.example", "1 suffix a.example",
	    "2 suffix b.example", "3 exact b.example", "4 below b.example"};
	struct compile_source sources[] = {
	    source_of("h", "0.0.0.0 a.example\n"),
	    source_of("d", "a.example\n"),
	    source_of("he", "0.0.0.0 b.example\n"),
	    source_of("de", "b.example\n"),
	    source_of("db", "b.example\n"),
	    source_of("empty", "# no rules today\n"),
	};
	struct why why = {""};
	uint8_t *image = NULL;
	struct trie t;
	size_t len = 0;

	(void)state;
	sources[2].match = CONF_MATCH_SUFFIX;
	sources[3].match = CONF_MATCH_EXACT;
	sources[4].match = CONF_MATCH_BELOW;
	if (compile(sources, COUNT(sources), NULL, NULL, &image, &len, &why) != 0)
		fail_msg("%s", why.text);
	assert_true(compile_is_image(image, len));
	assert_rules(image, len, rules, COUNT(rules));
	assert_int_equal(trie_open(&t, image, len, NULL), 0);
	assert_int_equal(t.n_lists, COUNT(sources));
	assert_string_equal(sources[0].used->name, "hosts");
	assert_string_equal(sources[1].used->name, "domains");
	assert_int_equal(sources[1].counts.rules, 1);
	assert_int_equal(sources[5].counts.rules, 0);
	free(image);
}

/* `match` is for rules on names; the others are as they are. */
static void test_match_and_others(void **state)
{
	static const char *const rules[] = {"0 exact ads.example", "0 regex /^ad[0-9]+\\./"};
	struct compile_source source = source_of("p", "(^|\\.)ads\\.example$\n^ad[0-9]+\\.\n");
	uint8_t *image = NULL;
	size_t len = 0;

	(void)state;
	source.syntax = feed_find("pihole-regex");
	source.match = CONF_MATCH_EXACT;
	assert_int_equal(compile(&source, 1, NULL, NULL, &image, &len, NULL), 0);
	assert_rules(image, len, rules, COUNT(rules));
	free(image);
}

/* What one list may, another need not. */
static void test_trust(void **state)
{
	static const char *const rules[] = {"0 suffix a.example", "1 suffix a.example",
	    "1 suffix b.example answer nearest types=A A=192.0.2.1"};
	static const char text[] = "address=/a.example/\naddress=/b.example/192.0.2.1\n";
	struct compile_source sources[] = {source_of("block", text), source_of("rewrite", text)};
	struct dump dump = {""};
	uint8_t *image = NULL;
	struct trie t;
	size_t len = 0;

	(void)state;
	sources[1].rewrites = true;
	assert_int_equal(compile(sources, 2, NULL, NULL, &image, &len, NULL), 0);
	assert_int_equal(trie_open(&t, image, len, NULL), 0);
	assert_int_equal(walk_rules(&t, dump_rule, &dump, NULL), 0);
	assert_true(has(&dump, rules[0]));
	assert_true(has(&dump, rules[2]));
	assert_int_equal(t.n_rules, 3);
	assert_int_equal(sources[0].counts.skips[FEED_REWRITE], 1);
	assert_int_equal(sources[1].counts.skips[FEED_REWRITE], 0);
	free(image);
}

/* $badfilter takes an equal rule out of every list, before it and behind it. */
static void test_cancel(void **state)
{
	static const char *const rules[] = {"0 suffix kept.example", "2 suffix kept.example"};
	struct compile_source sources[] = {
	    source_of("a", "gone.example\nkept.example\n"),
	    source_of("b", "||gone.example^$badfilter\n||other.example^$badfilter\n"),
	    source_of("c", "||gone.example^\n||kept.example^\n"),
	};
	uint8_t *image = NULL;
	size_t len = 0;

	(void)state;
	sources[1].syntax = sources[2].syntax = feed_find("adblock");
	assert_int_equal(compile(sources, 3, NULL, NULL, &image, &len, NULL), 0);
	assert_rules(image, len, rules, COUNT(rules));
	free(image);
}

static void test_given_syntax(void **state)
{
	struct compile_source source = source_of("x", "com\n");
	struct why why = {""};
	uint8_t *image = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(compile(&source, 1, NULL, NULL, &image, &len, &why), ERR_FORMAT);
	source = source_of("x", "com\n");
	source.syntax = feed_find("domains");
	assert_int_equal(compile(&source, 1, NULL, NULL, &image, &len, &why), 0);
	assert_ptr_equal(source.used, source.syntax);
	free(image);
}

static void test_error_names_list_and_line(void **state)
{
	struct compile_source sources[] = {
	    source_of("good.txt", "a.example\n"),
	    source_of("bad.txt", "# c\n{ \"a\": 1 }\n"),
	};
	struct why why = {""};
	uint8_t *image = NULL;
	size_t len = 0;

	(void)state;
	sources[1].syntax = feed_find("hosts");
	assert_int_equal(compile(sources, 2, NULL, NULL, &image, &len, &why), ERR_FORMAT);
	assert_null(image);
	assert_ptr_equal(strstr(why.text, "bad.txt: line 2: "), why.text);
}

static void test_too_many_lists(void **state)
{
	struct compile_source source = source_of("last", "a.example\n");
	struct compile *c = compile_new();
	struct why why;

	(void)state;
	assert_non_null(c);
	for (unsigned i = 0; i < RULE_LISTS_MAX; i++)
		assert_int_equal(compile_add_none(c, &why), 0);
	assert_int_equal(compile_add_none(c, &why), ERR_LIMIT);
	assert_int_equal(compile_add(c, &source, NULL, NULL, &why), ERR_LIMIT);
	assert_non_null(strstr(why.text, "4096"));
	compile_free(c);
}

/* One that is left out has its id all the same. */
static void test_add_none(void **state)
{
	static const char *const rules[] = {"1 suffix a.example"};
	struct compile_source source = source_of("a", "a.example\n");
	struct compile *c = compile_new();
	uint8_t *image = NULL;
	struct trie t;
	size_t len = 0;

	(void)state;
	assert_non_null(c);
	assert_int_equal(compile_add_none(c, NULL), 0);
	assert_int_equal(compile_add(c, &source, NULL, NULL, NULL), 0);
	assert_int_equal(compile_add_none(c, NULL), 0);
	assert_int_equal(compile_image(c, &image, &len, NULL), 0);
	compile_free(c);
	compile_free(NULL);
	assert_rules(image, len, rules, COUNT(rules));
	assert_int_equal(trie_open(&t, image, len, NULL), 0);
	assert_int_equal(t.n_lists, 3);
	free(image);
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
	    source_of("one", "a.example\nlocalhost\n"),
	    source_of("two", "0.0.0.0 b.example\n\n192.0.2.1 c.example\n???\n"),
	};
	char skipped[1000] = "", expected[200];
	uint8_t *image = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(compile(sources, 2, on_skip, skipped, &image, &len, NULL), 0);
	snprintf(expected, sizeof(expected),
	    "one:2:%d:localhost;two:3:%d:c.example;two:4:%d:?\?\?;", FEED_OWN_NAME, FEED_REWRITE,
	    FEED_BAD);
	assert_string_equal(skipped, expected);
	free(image);
}

static void test_no_sources(void **state)
{
	uint8_t *image = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(compile(NULL, 0, NULL, NULL, &image, &len, NULL), 0);
	assert_rules(image, len, NULL, 0);
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
	    cmocka_unit_test(test_match_and_others),
	    cmocka_unit_test(test_trust),
	    cmocka_unit_test(test_cancel),
	    cmocka_unit_test(test_given_syntax),
	    cmocka_unit_test(test_error_names_list_and_line),
	    cmocka_unit_test(test_too_many_lists),
	    cmocka_unit_test(test_add_none),
	    cmocka_unit_test(test_tells_skipped_lines),
	    cmocka_unit_test(test_no_sources),
	    cmocka_unit_test(test_is_image),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
