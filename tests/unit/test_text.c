/* test_text.c - escapes, sizes and JSON texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/text.h"

static void test_escape(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(text_escape(out, sizeof(out), "a b~", 4), "a b~");
	assert_string_equal(
	    text_escape(out, sizeof(out), "\x1b[\n\0\x7f\xc3", 6), "\\x1b[\\x0a\\x00\\x7f\\xc3");
	assert_string_equal(text_escape(out, sizeof(out), NULL, 0), "");
}

static void test_escape_cuts(void **state)
{
	char out[9];

	(void)state;
	assert_string_equal(text_escape(out, 8, "1234567", 7), "1234567");
	assert_string_equal(text_escape(out, 8, "12345678", 8), "1234...");
	assert_string_equal(text_escape(out, 8, "\n\n", 2), "\\x0a...");
	assert_string_equal(text_escape(out, 8, "12\n4567", 7), "12...");
	assert_string_equal(text_escape(out, 9, "\n\n", 2), "\\x0a\\x0a");

	/* Whatever the size, nothing is written behind it. */
	for (size_t size = 8; size < 40; size++) {
		char text[41];

		memset(text, '!', sizeof(text));
		text_escape(text, size, "ab\ncd\nef\ngh\nij\n", 15);
		assert_true(strlen(text) < size);
		assert_int_equal(text[size], '!');
	}
}

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
	    {0, "0 B"},
	    {999, "999 B"},
	    {1000, "1.0 kB"},
	    {999949, "999.9 kB"},
	    {999950, "1.0 MB"},
	    {12300000, "12.3 MB"},
	    {UINT64_C(4000000000), "4.0 GB"},
	    {UINT64_MAX, "9999.0 TB"},
	};
	char out[TEXT_BYTES_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(text_bytes(out, rows[i].bytes), rows[i].text);
}

static void test_json(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	assert_non_null(to);
	text_json(to, "a \"b\" \\ \x01\x1f\x7f\xff");
	assert_int_equal(fclose(to), 0);
	assert_string_equal(text, "\"a \\\"b\\\" \\\\ \\\\x01\\\\x1f\\\\x7f\\\\xff\"");
	free(text);
}

static void test_seconds(void **state)
{
	static const struct {
		uint64_t s;
		const char *text;
	} rows[] = {
	    {0, "0 s"},
	    {59, "59 s"},
	    {60, "1 min"},
	    {3599, "59 min"},
	    {3600, "1 h 0 min"},
	    {86399, "23 h 59 min"},
	    {86400, "1 d 0 h"},
	    {86400 * 400 + 7200, "400 d 2 h"},
	    {UINT64_MAX, "213503982334601 d 7 h"},
	};
	char out[TEXT_DURATION_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(text_seconds(out, rows[i].s), rows[i].text);
}

static void test_micros(void **state)
{
	static const struct {
		uint64_t us;
		const char *text;
	} rows[] = {
	    {0, "<1 ms"},
	    {1, "1 us"},
	    {999, "999 us"},
	    {1000, "1.0 ms"},
	    {999949, "999.9 ms"},
	    {999950, "1.0 s"},
	    {68700000, "68.7 s"},
	};
	char out[TEXT_DURATION_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(text_micros(out, rows[i].us), rows[i].text);
	assert_non_null(strchr(text_micros(out, UINT64_MAX), 's'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_escape),
	    cmocka_unit_test(test_escape_cuts),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_seconds),
	    cmocka_unit_test(test_micros),
	    cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
