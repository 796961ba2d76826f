/* test_why_text.c - rules found again in the texts that they came from, and what quellctl makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/scratch.h"
#include "tools/ctl_why.h"
#include "tools/why_text.h"

static void assert_found(struct why_text text, const char *rule, unsigned n_lines, uint64_t line)
{
	struct why_rule rules[] = {{.text = "suffix not.here"}, {.text = rule}};
	int64_t written_s = 0;
	struct why why = {""};

	text.path = "list";
	if (why_text_find(&text, rules, 2, &written_s, &why) != 0)
		fail_msg("%s", why.text);
	assert_true(written_s > 0);
	assert_int_equal(rules[0].n_lines, 0);
	assert_int_equal(rules[1].n_lines, n_lines);
	if (n_lines != 0)
		assert_int_equal(rules[1].line[0], line);
}

static void test_kinds(void **state)
{
	const struct why_text adblock = {.syntax = feed_find("adblock")};

	(void)state;
	scratch_write("list", "! title\n||a.example^\n||a.example^$important\n@@||a.example^\n"
			      "|b.example^\n/^ads[0-9]/\n||a.example^\n||w*.example^\n");
	assert_found(adblock, "suffix a.example", 2, 2);
	assert_found(adblock, "suffix a.example block important", 1, 3);
	assert_found(adblock, "suffix a.example allow", 1, 4);
	assert_found(adblock, "exact b.example", 1, 5);
	assert_found(adblock, "suffix b.example", 0, 0);
	assert_found(adblock, "regex /^ads[0-9]/", 1, 6);
	assert_found(adblock, "exact a.example", 0, 0);
	assert_found(adblock, "nonsense", 0, 0);
	assert_found(adblock, "", 0, 0);
}

/* What the options of the list say counts: else a rule would not be found. */
/* Lines are counted as an editor counts them, whatever ends them and however long they are. */
static void test_line_ends(void **state)
{
	const struct why_text domains = {.syntax = feed_find("domains")};
	FILE *to = fopen("list", "w");

	(void)state;
	assert_non_null(to);
	fputs("\xef\xbb\xbf"
	      "first.example\r\n\r\n# third\nnul\1.example\n",
	    to);
	for (unsigned i = 0; i < 100000; i++)
		fputc('x', to);
	fputs("\r\nsixth.example\r\n", to);
	for (unsigned i = 7; i < 300000; i++)
		fprintf(to, "n%u.example\r\n", i);
	fputs("last.example", to);
	assert_int_equal(fclose(to), 0);
	assert_found(domains, "suffix first.example", 1, 1);
	assert_found(domains, "suffix sixth.example", 1, 6);
	assert_found(domains, "suffix last.example", 1, 300000);
}

static void test_options(void **state)
{
	struct why_text text = {.match = CONF_MATCH_BELOW};

	(void)state;
	scratch_write("list", "a.example\n");
	assert_found(text, "below a.example", 1, 1);
	assert_found(text, "suffix a.example", 0, 0);
	text = (struct why_text){.syntax = feed_find("dnsmasq")};
	scratch_write("list", "address=/a.example/192.0.2.1\naddress=/b.example/\n");
	assert_found(text, "suffix a.example answer nearest types=A A=192.0.2.1", 0, 0);
	text.rewrites = true;
	assert_found(text, "suffix a.example answer nearest types=A A=192.0.2.1", 1, 1);
}

/* A long rule is cut in the same place on both sides. */
static void test_long_rule(void **state)
{
	char expression[1200], line[1210], text[WHY_RULE_SIZE];
	struct rule rule = {.kind = RULE_REGEX, .regex = expression};

	(void)state;
	(void)snprintf(expression, sizeof(expression), "^[a%0500d]ds\\.", 0);
	rule.regex_len = strlen(expression);
	(void)snprintf(line, sizeof(line), "%s\n", expression);
	scratch_write("list", line);
	why_rule_text(&rule, text);
	assert_int_equal(strlen(text), EXPLAIN_RULE_SIZE - 1);
	assert_found((struct why_text){.syntax = feed_find("pihole-regex")}, text, 1, 1);
}

static void test_errors(void **state)
{
	struct why_text text = {.path = "none"};
	struct why_rule rule = {.text = "suffix a.example"};
	int64_t written_s;
	struct why why;

	(void)state;
	assert_int_equal(why_text_find(&text, &rule, 1, &written_s, &why), ERR_NOTFOUND);
	assert_string_equal(why.text, "none: No such file or directory");
	scratch_write("page", "<!DOCTYPE html>\n<html></html>\n");
	text.path = "page";
	assert_int_equal(why_text_find(&text, &rule, 1, &written_s, &why), ERR_FORMAT);
	/* A pipe would never end. */
	assert_int_equal(mkfifo("pipe", 0600), 0);
	text.path = "pipe";
	assert_int_equal(why_text_find(&text, &rule, 1, &written_s, &why), ERR_FORMAT);
	assert_string_equal(why.text, "pipe: not a regular file");
}

static void test_words(void **state)
{
	struct why_rule rule = {.n_lines = 1, .line = {7, 12, 900, 901}};
	char places[WHY_PLACES_SIZE], age[WHY_AGE_SIZE];

	(void)state;
	assert_string_equal(why_places(&rule, places), "line 7");
	rule.n_lines = 3;
	assert_string_equal(why_places(&rule, places), "lines 7, 12, 900");
	rule.n_lines = 40;
	assert_string_equal(why_places(&rule, places), "lines 7, 12, 900, 901 and 36 more");
	for (unsigned i = 0; i < WHY_LINES_MAX; i++)
		rule.line[i] = UINT64_MAX;
	rule.n_lines = UINT32_MAX;
	assert_true(strlen(why_places(&rule, places)) < WHY_PLACES_SIZE - 1);
	assert_string_equal(why_age(1000, 1000, age), "0 seconds");
	assert_string_equal(why_age(1000, 900, age), "0 seconds"); /* a clock that was set back */
	assert_string_equal(why_age(1000, 1001, age), "1 second");
	assert_string_equal(why_age(0, 119, age), "119 seconds");
	assert_string_equal(why_age(0, 120, age), "2 minutes");
	assert_string_equal(why_age(0, 2 * 86400 - 1, age), "47 hours");
	assert_string_equal(why_age(0, 400 * 86400, age), "400 days");
}

static void assert_shown(const char *lines, const char *wanted)
{
	struct stat st;
	char *shown;

	assert_int_equal(stat("list", &st), 0);
	shown = ctl_why(strdup(lines), (int64_t)st.st_mtime + 7200);
	assert_non_null(shown);
	assert_string_equal(shown, wanted);
	free(shown);
}

static void test_quellctl(void **state)
{
	(void)state;
	scratch_write("list", "a.example\nb.example\na.example\n");
	assert_shown("name a.example\nmatch ads: suffix a.example\n"
		     "text auto auto block list\tsuffix a.example\n"
		     "match ads: suffix b.example (void)\n"
		     "text domains auto rewrite list\tsuffix b.example\n"
		     "match own rule: block c.example\n"
		     "match gone: suffix a.example\ntext auto auto block gone\tsuffix a.example\n"
		     "match ads: suffix d.example\ntext auto auto block list\tsuffix d.example\n"
		     "change quellctl allow a.example\n",
	    "name a.example\n"
	    "match ads: suffix a.example, lines 1, 3 of list, which is 2 hours old\n"
	    "match ads: suffix b.example (void), line 2 of list, which is 2 hours old\n"
	    "match own rule: block c.example\n"
	    "match gone: suffix a.example, to be found in gone (gone: No such file or directory)\n"
	    "match ads: suffix d.example, no longer in list, which is 2 hours old\n"
	    "change quellctl allow a.example\n");
	/* Not what quelld says. */
	assert_shown("", "");
	assert_shown("text auto\ntext a b c d\n", "");
	assert_shown("match a\ntext auto\n", "match a\n");
	assert_shown("match a\ntext \t\n", "match a\n");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, scratch_set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_kinds),
	    TEST(test_line_ends),
	    TEST(test_options),
	    TEST(test_long_rule),
	    TEST(test_errors),
	    TEST(test_words),
	    TEST(test_quellctl),
	};

	return cmocka_run_group_tests_name("why_text", tests, NULL, NULL);
}
