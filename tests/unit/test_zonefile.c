/* test_zonefile.c - a zone file cut into entries, whatever is wrong with some of them. */
#include "tests/unit/feeds.h"

#include "blocklists/zonefile.h"

/* Of several spaces one: how many there are means nothing, but that a line begins with one. */
static int squeeze(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from != ' ' || to == text || to[-1] != ' ')
			*to++ = *from;
	}
	*to = '\0';
	return (int)(to - text);
}

/* All entries in words: `1 text|3 BAD raw|`. */
static const char *cut(const char *text, size_t len)
{
	static struct zonefile_entry e;
	static char words[4096];
	char *copy = malloc(len != 0 ? len : 1);
	struct zonefile z;
	size_t used = 0;

	/* In a block of its size, so that reading behind it is seen. */
	assert_non_null(copy);
	memcpy(copy, text, len);
	words[0] = '\0';
	zonefile_start(&z, copy, len);
	while (zonefile_next(&z, &e)) {
		assert_true(e.raw >= copy && e.raw + e.raw_len <= copy + len && e.raw_len != 0);
		if (!e.bad)
			assert_int_equal(strlen(e.text), e.len);
		used += (size_t)snprintf(
		    words + used, sizeof(words) - used, "%llu ", (unsigned long long)e.line);
		if (e.bad)
			used += (size_t)snprintf(
			    words + used, sizeof(words) - used, "BAD %.*s|", (int)e.raw_len, e.raw);
		else
			used += (size_t)snprintf(
			    words + used, sizeof(words) - used, "%.*s|", squeeze(e.text), e.text);
		assert_true(used < sizeof(words));
	}
	free(copy);
	return words;
}

static void check(const char *text, size_t len, const char *expected)
{
	assert_string_equal(cut(text, len), expected);
}

static void test_lines(void **state)
{
	(void)state;
	check(TEXT(""), "");
	check(TEXT("\n \r\n\t\n; only\n  ; this\n"), "");
	check(
	    TEXT("$TTL 60\na A 192.0.2.1\n\nb CNAME ."), "1 $TTL 60|2 a A 192.0.2.1|4 b CNAME .|");
	check(TEXT("a A 192.0.2.1\r\nb CNAME .\r\n"), "1 a A 192.0.2.1|2 b CNAME .|");
	check(TEXT("\357\273\277a NS b"), "1 a NS b|");
	/* A blank at the beginning says that the owner is the last one (RFC 1035, 5.1). */
	check(TEXT("\tNS\tb \t; why\n"), "1  NS b|");
}

static void test_comments_and_quotes(void **state)
{
	(void)state;
	check(TEXT("a NS b;c\na NS b ; (\nx NS y"), "1 a NS b|2 a NS b|3 x NS y|");
	check(TEXT("a TXT \"b;(c)\td\""), "1 a TXT \"b;(c)\td\"|");
	check(TEXT("a TXT \"b\\\";c\""), "1 a TXT \"b\\\";c\"|");
	check(TEXT("a TXT b\\;c\\(d\\\\;e"), "1 a TXT b\\;c\\(d\\\\|");
	check(TEXT("a TXT b\\ c"), "1 a TXT b\\032c|");
	check(TEXT("a TXT \\065"), "1 a TXT \\065|");
}

static void test_parentheses(void **state)
{
	(void)state;
	check(
	    TEXT("a SOA b c (1 2\n 3 ; (four\n) ; five\nd NS e\n"), "1 a SOA b c 1 2 3|4 d NS e|");
	check(TEXT("a TXT (\"b\"\n(\"c\"))\nd NS e"), "1 a TXT \"b\" \"c\"|3 d NS e|");
	check(TEXT("(\na NS b\n)\nc NS d"), "1  a NS b|4 c NS d|");
}

/* The entry that is wrong, and no other. */
static void test_wrong(void **state)
{
	(void)state;
	check(TEXT("a NS b\n a TXT \"b  \nc NS d"), "1 a NS b|2 BAD a TXT \"b|3 c NS d|");
	check(TEXT("a NS b)\nc NS d"), "1 BAD a NS b)|2 c NS d|");
	check(TEXT("a NS )b(\nc NS d"), "1 BAD a NS )b(|2 c NS d|");
	check(TEXT("a NS b\\\nc NS d"), "1 BAD a NS b\\|2 c NS d|");
	check(TEXT("a (b\nc NS d\ne NS f"), "1 BAD a (b|2 c NS d|3 e NS f|");
	check(TEXT("a (b\nc (d\ne NS f"), "1 BAD a (b|2 BAD c (d|3 e NS f|");
	check(TEXT("a (b\nc \"\n)\nd NS e"), "1 BAD a (b|2 BAD c \"|3 BAD )|4 d NS e|");
}

/* Neither in the text nor in the entry, which is terminated. */
static void test_nul(void **state)
{
	static const char text[] = "a NS \0b\nc NS d";
	static struct zonefile_entry e;
	struct zonefile z;

	(void)state;
	zonefile_start(&z, text, sizeof(text) - 1);
	assert_true(zonefile_next(&z, &e));
	assert_true(e.bad);
	assert_int_equal(e.raw_len, 7);
	assert_true(zonefile_next(&z, &e));
	assert_false(e.bad);
	assert_string_equal(e.text, "c NS d");
	assert_false(zonefile_next(&z, &e));
}

/* `n` bytes and a comment, and an entry behind them; in one line or, from `fold` on, in two. */
static void check_size(size_t n, size_t fold, bool bad)
{
	static struct zonefile_entry e;
	char *text = malloc(n + 64);
	struct zonefile z;
	int end;

	assert_non_null(text);
	memset(text, 'a', n);
	if (fold != 0) {
		text[fold] = '(';
		text[fold + 1] = '\n';
	} else {
		text[0] = text[n - 1] = '"';
	}
	end = sprintf(text + n, "%s;why\nc NS d", fold != 0 ? ")" : "");
	zonefile_start(&z, text, n + (size_t)end);
	assert_true(zonefile_next(&z, &e));
	assert_int_equal(e.line, 1);
	assert_int_equal(e.bad, bad);
	if (fold == 0 && !bad)
		assert_int_equal(e.len, n);
	while (e.line < (fold != 0 ? 3u : 2u))
		assert_true(zonefile_next(&z, &e));
	assert_false(e.bad);
	assert_string_equal(e.text, "c NS d");
	assert_false(zonefile_next(&z, &e));
	free(text);
}

static void test_size(void **state)
{
	(void)state;
	check_size(ZONEFILE_ENTRY_MAX, 0, false);
	check_size(ZONEFILE_ENTRY_MAX + 1, 0, true);
	check_size(10 * ZONEFILE_ENTRY_MAX, 0, true);
	check_size(ZONEFILE_ENTRY_MAX - 8, 100, false);
	check_size(2 * ZONEFILE_ENTRY_MAX - 8, ZONEFILE_ENTRY_MAX - 8, true);
}

/* One that is never closed does not make each line behind it search for its end: there the entries
 * are lines. */
static void test_many_open(void **state)
{
	enum { LINES = 200000 };
	static struct zonefile_entry e;
	char *text = malloc(4 * LINES);
	struct zonefile z;
	uint64_t n = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < LINES; i++)
		memcpy(text + 4 * i, "( a\n", 4);
	zonefile_start(&z, text, 4 * LINES);
	while (zonefile_next(&z, &e)) {
		assert_true(e.bad);
		assert_int_equal(e.line, ++n);
	}
	assert_int_equal(n, LINES);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_comments_and_quotes),
	    cmocka_unit_test(test_parentheses),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_nul),
	    cmocka_unit_test(test_size),
	    cmocka_unit_test(test_many_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
