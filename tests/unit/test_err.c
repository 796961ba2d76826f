/* test_err.c - errors and their texts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/err.h"

static void test_text_of_each_error(void **state)
{
	(void)state;
	for (int a = 0; a >= ERR_NET; a--) {
		assert_string_not_equal(err_text(a), "unknown error");
		for (int b = 0; b > a; b--)
			assert_string_not_equal(err_text(a), err_text(b));
	}
	assert_string_equal(err_text(1), "unknown error");
	assert_string_equal(err_text(ERR_NET - 1), "unknown error");
}

static void test_why_returns_the_error(void **state)
{
	struct why why;

	(void)state;
	errno = EISDIR;
	assert_int_equal(why_set(&why, ERR_FORMAT, "line %d: %s", 7, "bad"), ERR_FORMAT);
	assert_string_equal(why.text, "line 7: bad");
	assert_int_equal(errno, EISDIR);
	assert_int_equal(why_set(NULL, ERR_RANGE, "%s", "nobody listens"), ERR_RANGE);
}

static void test_why_takes_its_own_text(void **state)
{
	struct why why;

	(void)state;
	assert_int_equal(why_set(&why, ERR_SYS, "inner"), ERR_SYS);
	assert_int_equal(why_set(&why, ERR_SYS, "outer: %s", why.text), ERR_SYS);
	assert_string_equal(why.text, "outer: inner");
}

static void test_why_cuts(void **state)
{
	char text[2000];
	struct why why;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(why_set(&why, ERR_SYS, "%s", text), ERR_SYS);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
}

/* What is quoted can neither end the line nor steer a terminal; other bytes, of UTF-8 too, stay. */
static void test_why_is_one_line(void **state)
{
	struct why why;

	(void)state;
	(void)why_set(&why, ERR_FORMAT, "no%s", "\n\x1b[2J\t\x7f\xc3\xa4.");
	assert_string_equal(why.text, "no  [2J  \xc3\xa4.");
}

static void test_buf_error_sticks(void **state)
{
	static const uint8_t expected[5] = {1, 2, 3, 4};
	uint8_t bytes[5] = {0};
	struct buf b = buf_over(bytes, sizeof(bytes));

	(void)state;
	buf_put_u32(&b, 0x01020304);
	assert_false(b.failed);
	buf_put_u16(&b, 0xffff); /* one byte is left */
	assert_true(b.failed);
	buf_put_u8(&b, 9);
	assert_int_equal(b.pos, 4);
	assert_memory_equal(bytes, expected, sizeof(bytes));
}

static void test_clock_never_goes_back(void **state)
{
	uint64_t last = clock_ms();

	(void)state;
	assert_true(last > 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_ms();

		assert_true(now >= last);
		last = now;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text_of_each_error),
	    cmocka_unit_test(test_why_returns_the_error),
	    cmocka_unit_test(test_why_takes_its_own_text),
	    cmocka_unit_test(test_why_cuts),
	    cmocka_unit_test(test_why_is_one_line),
	    cmocka_unit_test(test_buf_error_sticks),
	    cmocka_unit_test(test_clock_never_goes_back),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
