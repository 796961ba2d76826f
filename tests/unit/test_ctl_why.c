/* test_ctl_why.c - the lines that quelld says of a name, with the places in the lists' texts; the test
 * is the reader of texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_why.h"
#include "tools/why_text.h"

#define NOW_S	  1000000
#define WRITTEN_S (NOW_S - 3 * 3600)

/* What was asked of texts. */
static struct {
	unsigned n_reads, n_rules;
	char path[128];
	const struct feed_syntax *syntax;
	enum conf_match match;
	bool rewrites;
} asked;

/* A rule's number is its line; `not.here` is nowhere; the text `gone` is not there. */
int __wrap_why_text_find(const struct why_text *text, struct why_rule *rules, size_t n,
    int64_t *written_s, struct why *why);
int __wrap_why_text_find(const struct why_text *text, struct why_rule *rules, size_t n,
    int64_t *written_s, struct why *why)
{
	asked.n_reads++;
	asked.n_rules += (unsigned)n;
	(void)snprintf(asked.path, sizeof(asked.path), "%s", text->path);
	asked.syntax = text->syntax;
	asked.match = text->match;
	asked.rewrites = text->rewrites;
	if (strcmp(text->path, "gone") == 0)
		return why_set(why, ERR_NOTFOUND, "no such text");
	*written_s = WRITTEN_S;
	for (size_t i = 0; i < n; i++) {
		const char *number = strpbrk(rules[i].text, "0123456789");

		rules[i].n_lines = number != NULL;
		if (number != NULL)
			rules[i].line[0] = strtoull(number, NULL, 10);
	}
	return 0;
}

static void assert_shown(const char *lines, const char *wanted)
{
	char *copy = strdup(lines), *shown;

	assert_non_null(copy);
	memset(&asked, 0, sizeof(asked));
	shown = ctl_why(copy, NOW_S);
	assert_non_null(shown);
	assert_string_equal(shown, wanted);
	free(shown);
}

static void test_one(void **state)
{
	(void)state;
	assert_shown("match ads: suffix a7.example\n"
		     "text auto auto block /lists/ads.txt\tsuffix a7.example\n",
	    "match ads: suffix a7.example, line 7 of /lists/ads.txt, which is 3 hours old\n");
	assert_string_equal(asked.path, "/lists/ads.txt");
}

/* Lines without a text are as they were, and in their places. */
static void test_others(void **state)
{
	(void)state;
	assert_shown("name a.example\nmatch own rule: block a.example\n"
		     "match ads: suffix 12\ntext auto auto block ads\t12\nchange x\n",
	    "name a.example\nmatch own rule: block a.example\n"
	    "match ads: suffix 12, line 12 of ads, which is 3 hours old\nchange x\n");
	assert_shown("", "");
	assert_int_equal(asked.n_reads, 0);
}

static void test_not_found(void **state)
{
	(void)state;
	assert_shown("match ads: a\ntext auto auto block ads\tnot.here\n",
	    "match ads: a, no longer in ads, which is 3 hours old\n");
	assert_shown("match ads: a\ntext auto auto block gone\t7\n"
		     "match ads: b\ntext auto auto block ads\t8\n",
	    "match ads: a, to be found in gone (no such text)\n"
	    "match ads: b, line 8 of ads, which is 3 hours old\n");
}

/* Each text is read once, for all that is wanted of it; each line gets what is its own. */
static void test_reads(void **state)
{
	(void)state;
	assert_shown("match a: x\ntext auto auto block a\t1\n"
		     "match b: x\ntext auto auto block b\t2\n"
		     "match own rule\n"
		     "match a: y\ntext auto auto block a\t3\n"
		     "match b: y\ntext auto auto block b\tnot.here\n"
		     "match a: z\ntext auto auto block a\t5\n",
	    "match a: x, line 1 of a, which is 3 hours old\n"
	    "match b: x, line 2 of b, which is 3 hours old\n"
	    "match own rule\n"
	    "match a: y, line 3 of a, which is 3 hours old\n"
	    "match b: y, no longer in b, which is 3 hours old\n"
	    "match a: z, line 5 of a, which is 3 hours old\n");
	assert_int_equal(asked.n_reads, 2);
	assert_int_equal(asked.n_rules, 5);
	/* One that cannot be read is not tried again. */
	assert_shown("match x\ntext auto auto block gone\t1\n"
		     "match y\ntext auto auto block gone\t2\n",
	    "match x, to be found in gone (no such text)\n"
	    "match y, to be found in gone (no such text)\n");
	assert_int_equal(asked.n_reads, 1);
}

/* A text is read as the list's options have it; its path and the rule may have blanks. */
static void test_options(void **state)
{
	static const struct {
		const char *words, *syntax; /* NULL: by content */
		enum conf_match match;
		bool rewrites;
	} rows[] = {
	    {"auto auto block", NULL, CONF_MATCH_AUTO, false},
	    {"hosts exact block", "hosts", CONF_MATCH_EXACT, false},
	    {"domains suffix rewrite", "domains", CONF_MATCH_SUFFIX, true},
	    {"adblock below block", "adblock", CONF_MATCH_BELOW, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char lines[128];

		(void)snprintf(lines, sizeof(lines),
		    "match a\ntext %s /my lists/a b.txt\tsuffix a \t 9\n", rows[i].words);
		assert_shown(lines, "match a, line 9 of /my lists/a b.txt, which is 3 hours old\n");
		assert_string_equal(asked.path, "/my lists/a b.txt");
		if (rows[i].syntax == NULL)
			assert_null(asked.syntax);
		else
			assert_string_equal(asked.syntax->name, rows[i].syntax);
		assert_int_equal(asked.match, rows[i].match);
		assert_int_equal(asked.rewrites, rows[i].rewrites);
	}
}

/* What quelld does not say is not shown, and asks for nothing. */
static void test_odd(void **state)
{
	static const char *const texts[] = {"text ", "text auto", "text auto auto", "text a b c",
	    "text a b c d", "text \t", "text a b c d e"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char lines[64];

		(void)snprintf(lines, sizeof(lines), "match a\n%s\nmatch b\n", texts[i]);
		assert_shown(lines, "match a\nmatch b\n");
		assert_int_equal(asked.n_reads, 0);
	}
	assert_shown("text auto auto block a\t1\nmatch b\n", "match b\n");
	assert_shown("match a", "match a\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_not_found),
	    cmocka_unit_test(test_reads),
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests_name("ctl_why", tests, NULL, NULL);
}
