/* test_regex.c - expressions mean what regcomp(3) and the definition say, within their budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <regex.h>

#include "blocklists/regex.h"
#include "blocklists/rule.h"
#include "tests/unit/regexes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct regex compiled(const char *text, bool inverted)
{
	struct why why = {""};
	struct regex r;

	if (regex_compile(&r, text, strlen(text), inverted, &why) != 0)
		fail_msg("%s: %s", text, why.text);
	return r;
}

static bool matches(const char *text, const char *subject)
{
	struct regex r = compiled(text, false);
	bool result = regex_matches(&r, subject, strlen(subject));

	if (result && !regexes_has_literal(&r, subject, strlen(subject)))
		fail_msg("%s has no literal in %s", text, subject);
	regex_free(&r);
	return result;
}

static void test_syntax(void **state)
{
	static const struct {
		const char *text, *yes[4], *no[4];
	} rows[] = {
	    {"ads", {"ads.example", "x.bads"}, {"ad.s", ""}},
	    {"ADS", {"ads.example"}, {"ad"}},
	    {"[A-C]x", {"bx"}, {"dx"}},
	    {"", {"", "a"}, {NULL}},
	    {"^$", {""}, {"a"}},
	    {"a.c",
		{"abc", "a.c",
		    "a\xc3"
		    "c"},
		{"ac"}},
	    {"a\\.c", {"a.c"}, {"abc"}},
	    {"^ad([sxv]?[0-9]*|system)[_.-]", {"ad.x", "ads12-x", "adsystem_x"},
		{"add.x", "xad.x"}},
	    {"^(.+[_.-])?adse?rv(er?|ice)?s?[0-9]*[_.-]",
		{"adserv.x", "a.adsrvice7.x", "adservers-1"}, {"badserv.x"}},
	    {"(^|\\.)a{2,3}$", {"aa", "x.aaa"}, {"a", "aaaa", "xaa"}},
	    {"^a{2}$", {"aa"}, {"a", "aaa"}},
	    {"^a{2,}$", {"aa", "aaaaaa"}, {"a"}},
	    {"^a{,2}$", {"", "aa"}, {"aaa"}},
	    {"^a{0}b$", {"b"}, {"ab"}},
	    {"^(ab)+?$", {"ab", "abab"}, {"", "aba"}},
	    {"^a??b*?c+?$", {"c", "abbc"}, {"ab"}},
	    {"^(?:a|b|)$", {"a", "b", ""}, {"c"}},
	    {"^\\d\\D\\w\\W\\s*\\S$", {"1a_-x"}, {"aa_-x", "11_-x", "1a--x"}},
	    {"^[\\d.]+[\\W]$", {"1.2-"}, {"1.2a"}},
	    {"^[^\\w]$", {"-", "."}, {"_", "a"}},
	    {"^[]a]$", {"a"}, {"b"}},
	    {"^[^]a]$", {"b"}, {"a"}},
	    {"^[a-]$", {"a", "-"}, {"b"}},
	    {"^[-a]$", {"a", "-"}, {"b"}},
	    {"^[a\\-c]$", {"-", "a"}, {"b"}},
	    {"^[\\w-]$", {"-", "a"}, {"."}},
	    {"^[[:alpha:]][[:digit:]][[:punct:]][[:xdigit:]]$", {"a1-f", "z9.0"}, {"11-f", "a1af"}},
	    {"^[^[:space:]]$", {"a", "."}, {""}},
	    {"[[:space:]]", {NULL}, {"a b"}},
	    {"^\\x61\\x{2e}$", {"a."}, {"ab"}},
	    {"a\\/b", {NULL}, {"a/b", "ab"}},
	    {"a/b|c", {"c"}, {"a/b"}},
	    {"^(?i)ADS$", {"ads"}, {"ad"}},
	    {"\\bads\\b", {"ads", "x.ads-1"}, {"bads", "ads1"}},
	    {"\\Bads", {"bads", "_ads"}, {"ads", "-ads"}},
	    {"\\<ads\\>", {"x.ads"}, {"xads", "adsx"}},
	    {"\\Aads\\z", {"ads"}, {"xads"}},
	    {"x$|^y", {"ax", "ya"}, {"xa", "ay"}},
	    {"a^b|a$b", {NULL}, {"ab", "a"}},
	    {"(^a|b$)+", {"a", "xb"}, {"xa", "bx"}},
	    {"(^|x)(^|y)z", {"z", "xyz"}, {"yxz", "az"}},
	    {"^[^.]+$", {"ab", "\x80"}, {"a.b"}},
	    {"\xc3\xa9", {NULL}, {"\xc3\xa9"}},
	    {"}]", {NULL}, {"a"}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t j = 0; j < 4 && rows[i].yes[j] != NULL; j++) {
			if (!matches(rows[i].text, rows[i].yes[j]))
				fail_msg("%s should match %s", rows[i].text, rows[i].yes[j]);
		}
		for (size_t j = 0; j < 4 && rows[i].no[j] != NULL; j++) {
			if (matches(rows[i].text, rows[i].no[j]))
				fail_msg("%s should not match %s", rows[i].text, rows[i].no[j]);
		}
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *position, *reason;
	} rows[] = {
	    {"ads(?=x)", ERR_FORMAT, "position 4", "look-around"},
	    {"(?!x)", ERR_FORMAT, "position 1", "look-around"},
	    {"(?<=x)", ERR_FORMAT, "position 1", "look-around"},
	    {"(?<!x)", ERR_FORMAT, "position 1", "look-around"},
	    {"(?P<n>x)", ERR_FORMAT, "position 1", "group"},
	    {"(?-i)x", ERR_FORMAT, "position 1", "group"},
	    {"(a)\\1", ERR_FORMAT, "position 4", "back-reference"},
	    {"a\\q", ERR_FORMAT, "position 2", "escape"},
	    {"[\\b]", ERR_FORMAT, "position 2", "escape"},
	    {"a\\", ERR_FORMAT, "position 2", "backslash"},
	    {"[a", ERR_FORMAT, "position 1", "not closed"},
	    {"[]", ERR_FORMAT, "position 1", "not closed"},
	    {"[b-a]", ERR_FORMAT, "position 2", "range"},
	    {"[a-\\d]", ERR_FORMAT, "position 2", "range"},
	    {"[[:foo:]]", ERR_FORMAT, "position 2", "class"},
	    {"[[.a.]]", ERR_FORMAT, "position 2", "collating"},
	    {"(a", ERR_FORMAT, "position 1", "not closed"},
	    {"a)", ERR_FORMAT, "position 2", "closes nothing"},
	    {"*a", ERR_FORMAT, "position 1", "nothing to repeat"},
	    {"(|+)", ERR_FORMAT, "position 3", "nothing to repeat"},
	    {"a**", ERR_FORMAT, "position 3", "behind another"},
	    {"a++", ERR_FORMAT, "position 3", "behind another"},
	    {"a{2}{3}", ERR_FORMAT, "position 5", "behind another"},
	    {"a{2", ERR_FORMAT, "position 2", "bound"},
	    {"a{}", ERR_FORMAT, "position 2", "bound"},
	    {"a{,}", ERR_FORMAT, "position 2", "bound"},
	    {"a{x}", ERR_FORMAT, "position 2", "bound"},
	    {"a{3,2}", ERR_FORMAT, "position 2", "bound"},
	    {"a{1001}", ERR_LIMIT, "position 2", "bound"},
	    {"a{99999999999999999999}", ERR_LIMIT, "position 2", "bound"},
	    {"\\xg0", ERR_FORMAT, "position 1", "hexadecimal"},
	    {"\\x{}", ERR_FORMAT, "position 1", "hexadecimal"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct why why = {""};
		struct regex r;

		assert_int_equal(regex_compile(&r, rows[i].text, strlen(rows[i].text), false, &why),
		    rows[i].err);
		if (strstr(why.text, rows[i].position) == NULL ||
		    strstr(why.text, rows[i].reason) == NULL)
			fail_msg("%s: %s", rows[i].text, why.text);
		regex_free(&r);
	}
}

static int result_of(const char *text, size_t len)
{
	struct regex r;
	int err = regex_compile(&r, text, len, false, NULL);

	regex_free(&r);
	return err;
}

/* False: it is over the budget. */
static bool compare(const struct regexes_text *text, bool places, uint32_t *seed)
{
	struct regex r, other;
	struct regex_tree tree;
	regex_t posix;

	if (result_of(text->ours, strlen(text->ours)) == ERR_LIMIT)
		return false;
	r = compiled(text->ours, false);
	other = compiled(text->ours, true);
	assert_int_equal(regex_tree_parse(&tree, text->ours, strlen(text->ours), NULL), 0);
	assert_int_equal(regcomp(&posix, text->posix, REG_EXTENDED | REG_NOSUB | REG_ICASE), 0);
	for (unsigned i = 0; i < 40; i++) {
		char subject[64];
		size_t len = regexes_subject(subject, seed);
		bool is = regex_matches(&r, subject, len);

		if (is != regexes_match(&tree, subject, len))
			fail_msg("%s on %s against the definition", text->ours, subject);
		/* glibc forgets a place inside of what is repeated: `(s\b){2}` finds `ss`. */
		if (!places && is != (regexec(&posix, subject, 0, NULL, 0) == 0))
			fail_msg("%s on %s against regexec(): %d", text->posix, subject, is);
		if (is == regex_matches(&other, subject, len))
			fail_msg("%s on %s, inverted", text->ours, subject);
		if (is && !regexes_has_literal(&r, subject, len))
			fail_msg("%s on %s: no literal of it", text->ours, subject);
	}
	regfree(&posix);
	regex_tree_free(&tree);
	regex_free(&r);
	regex_free(&other);
	return true;
}

static void test_against_regexec(void **state)
{
	unsigned n_compared = 0, n = 4000;
	uint32_t seed = 5;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct regexes_text text;

		regexes_random(&text, &seed, i % 2 != 0);
		n_compared += compare(&text, i % 2 != 0, &seed);
	}
	assert_true(n_compared > n / 10 * 9);
}

/* The least number of states is a property of the language (Myhill and Nerode). */
static void test_minimal(void **state)
{
	static const struct {
		const char *text;
		unsigned n_states;
	} rows[] = {
	    {"", 1},	/* all */
	    {"[/]", 1}, /* nothing */
	    {"^$", 2},	/* at the start, behind a symbol */
	    {"a", 2},	/* not yet, seen */
	    {"abc", 4},
	    {"^abc", 5},       /* and what cannot match any more */
	    {"^(abc|xbc)", 5}, /* tails are shared */
	    {"a$", 2},
	    {"(a|b)*a(a|b){3}$", 16},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct regex r = compiled(rows[i].text, false);

		if (r.n_states != rows[i].n_states)
			fail_msg("%s: %u states", rows[i].text, r.n_states);
		regex_free(&r);
	}
}

static void test_equal_languages(void **state)
{
	static const char *const rows[][2] = {
	    {"(^|\\.)ads\\.example$", "(\\.|^)ads[.]example$"},
	    {"[abc]x", "(a|(b|c))x"},
	    {"a+b", "aa*b"},
	    {"^(a|ab)(c|bcd)$", "^(ac|abcd|abc|abbcd)$"},
	    {"(x?){3}y", "y"},
	    {"\\bads", "(^|\\W)ads"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct regex a = compiled(rows[i][0], false), b = compiled(rows[i][1], false);

		assert_int_equal(a.n_states, b.n_states);
		assert_int_equal(a.first_sink, b.first_sink);
		assert_int_equal(a.n_classes, b.n_classes);
		assert_memory_equal(a.class_of, b.class_of, sizeof(a.class_of));
		assert_memory_equal(
		    a.next, b.next, 2u * (unsigned)a.n_states * (unsigned)a.n_classes);
		assert_memory_equal(a.accepts, b.accepts, a.n_states);
		regex_free(&a);
		regex_free(&b);
	}
}

static void test_budget(void **state)
{
	static const char *const too_much[] = {"((a{1,100}){1,100}){1,100}", "(a|b)*a(a|b){18}$",
	    "((((a{1000}){1000}){1000}){1000}){1000}", ".*a.{100}b.{100}$",
	    "([ab].{30}[bc].{30}){3}$"};
	static const char *const enough[] = {"^[a-z]{1,63}\\.[a-z]{1,63}$", "[0-9a-f]{32}",
	    "((){1000}){1000}", "(((((a*)*)*)*)*)*", "(a{0}){1000}", "(a|b)*a(a|b){5}$",
	    /* no name is longer than 253 bytes, so these have no upper bound */
	    "(.{0,1000}){4}", "([a-z0-9.-]{2,256})(\\.cn)"};
	char text[REGEX_TEXT_MAX + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(too_much); i++)
		assert_int_equal(result_of(too_much[i], strlen(too_much[i])), ERR_LIMIT);
	for (size_t i = 0; i < COUNT(enough); i++)
		assert_int_equal(result_of(enough[i], strlen(enough[i])), 0);

	memset(text, '(', sizeof(text));
	assert_int_equal(result_of(text, REGEX_DEPTH_MAX + 1), ERR_LIMIT);
	assert_int_equal(result_of(text, REGEX_TEXT_MAX), ERR_LIMIT);
	memset(text, '|', sizeof(text));
	assert_int_equal(result_of(text, REGEX_TEXT_MAX), 0);
	assert_int_equal(result_of(text, REGEX_TEXT_MAX + 1), ERR_LIMIT);
	/* As many different words as fit. */
	for (size_t i = 0; i < REGEX_TEXT_MAX; i++)
		text[i] =
		    i % 4 == 3 ? '|' : (char)('a' + i / 4 / (i % 4 == 0 ? 1 : i % 4 * 5) % 26);
	assert_int_equal(result_of(text, REGEX_TEXT_MAX - 1), 0);
}

/* Whatever is tried is no name, or covers the same names as the rule. */
static void test_is_name(void **state)
{
	static const struct {
		const char *text;
		int kind; /* -1: no name */
		const char *name;
	} rows[] = {
	    {"(\\.|^)example\\.com$", RULE_SUFFIX, "example.com"},
	    {"(^|\\.)example\\.com$", RULE_SUFFIX, "example.com"},
	    {"((^)|(\\.))Example[.]com$", RULE_SUFFIX, "example.com"},
	    {"(?:^|\\.)x_1-y$", RULE_SUFFIX, "x_1-y"},
	    {"^(.+\\.)?example\\.com$", RULE_SUFFIX, "example.com"},
	    {"^(.*\\.)?example\\.com$", RULE_SUFFIX, "example.com"},
	    {"^(?:.*?\\.)?example\\.com$", RULE_SUFFIX, "example.com"},
	    {"^example\\.com$", RULE_EXACT, "example.com"},
	    {"^(example\\.com)$", -1, NULL},
	    {"^.+\\.example\\.com$", RULE_BELOW, "example.com"},
	    {"^.*\\.example\\.com$", RULE_BELOW, "example.com"},
	    {".*\\.example\\.com$", RULE_BELOW, "example.com"},
	    {"\\.example\\.com$", RULE_BELOW, "example.com"},
	    {"^\\.example\\.com$", -1, NULL},
	    {"example\\.com$", -1, NULL},
	    {"^example\\.com", -1, NULL},
	    {"(^|\\.)example.com$", -1, NULL},
	    {"(^|\\.)ex[ab]mple\\.com$", -1, NULL},
	    {"(^|\\.)example\\.$", -1, NULL},
	    {"(^|\\.)a\\.\\.b$", -1, NULL},
	    {"(^|\\.)$", -1, NULL},
	    {"(^|-)a$", -1, NULL},
	    {"(^|\\.|x)a$", -1, NULL},
	    {"(^|\\.)+a$", -1, NULL},
	    {"^(.+\\.)*a$", -1, NULL},
	    {"^(..\\.)?a$", -1, NULL},
	    {"^(.+-)?a$", -1, NULL},
	    {"(.+\\.)?a$", -1, NULL},
	    {"x^.+\\.a$", -1, NULL},
	    {"^.{2,}\\.a$", -1, NULL},
	    {"^.\\.a$", -1, NULL},
	    {"$", -1, NULL},
	    {"", -1, NULL},
	    {"(", -1, NULL},
	    {"^a$|b", -1, NULL},
	    {"(^|\\.)aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$", -1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t name[NAME_SIZE], wanted[NAME_SIZE];
		struct rule rule;
		size_t len;
		bool is = regex_is_name(rows[i].text, strlen(rows[i].text), &rule, name);

		if (is != (rows[i].kind >= 0))
			fail_msg("%s: %d", rows[i].text, is);
		if (!is)
			continue;
		assert_int_equal(rule.kind, rows[i].kind);
		assert_int_equal(
		    name_from_text(rows[i].name, strlen(rows[i].name), wanted, &len), 0);
		assert_int_equal(rule.name_len, len);
		assert_ptr_equal(rule.name, name);
		assert_memory_equal(name, wanted, len);
	}
}

static void test_is_name_means_it(void **state)
{
	static const char *const heads[] = {"(^|\\.)", "(\\.|^)", "^(.+\\.)?", "^(.*\\.)?", "^",
	    "^.+\\.", "^.*\\.", "\\.", ".+\\.", "", "(^|-)", "^(.\\.)?", ".*", "^\\."};
	static const char *const names[] = {"a$", "a\\.b$", "ads\\.com$", "a.b$", "a\\.b", "\\.a$"};
	uint32_t seed = 9;
	unsigned n_names = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(heads) * COUNT(names); i++) {
		char text[64], subject[64];
		uint8_t name[NAME_SIZE], asked[NAME_SIZE];
		struct rule rule;
		struct regex r;
		size_t len, asked_len;

		snprintf(
		    text, sizeof(text), "%s%s", heads[i / COUNT(names)], names[i % COUNT(names)]);
		if (!regex_is_name(text, strlen(text), &rule, name))
			continue;
		n_names++;
		r = compiled(text, false);
		for (unsigned j = 0; j < 2000; j++) {
			len = regexes_subject(subject, &seed);
			if (len == 0 || subject[len - 1] == '.' || strchr(subject, '\\') != NULL)
				continue;
			assert_int_equal(name_from_text(subject, len, asked, &asked_len), 0);
			if (regex_matches(&r, subject, len) !=
			    rule_covers(rule.kind, rule.name, asked))
				fail_msg("%s on %s", text, subject);
		}
		regex_free(&r);
	}
	assert_true(n_names >= 27);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_syntax),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_against_regexec),
	    cmocka_unit_test(test_minimal),
	    cmocka_unit_test(test_equal_languages),
	    cmocka_unit_test(test_budget),
	    cmocka_unit_test(test_is_name),
	    cmocka_unit_test(test_is_name_means_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
