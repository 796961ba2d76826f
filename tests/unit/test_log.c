/* test_log.c - log lines, read back through a pipe; the clock stands where the test puts it. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

static uint64_t now_ms = 1;
static int ends[2];
static char got[65536];

/* Stands in for the library's, which the linker then leaves out. */
uint64_t clock_ms(void)
{
	return now_ms;
}

/* What was logged since the last call. */
static const char *logged(void)
{
	ssize_t n = read(ends[0], got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

static unsigned n_lines(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static int set_up(void **state)
{
	(void)state;
	if (pipe2(ends, O_NONBLOCK) < 0)
		return -1;
	log_setup(LOG_INFO, ends[1]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_setup(LOG_INFO, STDERR_FILENO);
	return close(ends[0]) + close(ends[1]);
}

static void test_line(void **state)
{
	(void)state;
	log_notice("ready", "answering on %s, %d list%s", "127.0.0.1:5300", 1, "");
	assert_string_equal(logged(), "notice ready answering on 127.0.0.1:5300, 1 list\n");
	log_error("line-test", "a");
	log_warning("line-test", "b");
	log_info("line-test", "c");
	assert_string_equal(logged(), "error line-test a\nwarning line-test b\ninfo line-test c\n");
}

static void test_level(void **state)
{
	(void)state;
	log_debug("level-test", "not at this level");
	assert_string_equal(logged(), "");
	log_setup(LOG_DEBUG, ends[1]);
	log_debug("level-test", "at this");
	assert_string_equal(logged(), "debug level-test at this\n");
	log_setup(LOG_ERROR, ends[1]);
	log_warning("level-test", "nor this");
	log_each(LOG_WARNING, "level-test", "nor that");
	assert_string_equal(logged(), "");
}

static void test_bytes_are_escaped(void **state)
{
	(void)state;
	log_info("escape", "%s", "a\nerror fake line\r\t\x1b[0m\x7f\xc3\xa9 ~\\");
	assert_string_equal(
	    logged(), "info escape a\\x0aerror fake line\\x0d\\x09\\x1b[0m\\x7f\\xc3\\xa9 ~\\\n");
}

static void test_long_line_is_cut(void **state)
{
	char text[3 * LOG_LINE_SIZE];
	const char *line;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("long", "%s", text);
	line = logged();
	assert_int_equal(strlen(line), LOG_LINE_SIZE);
	assert_int_equal(n_lines(line), 1);

	memset(text, '\n', sizeof(text) - 1); /* four bytes each when written */
	log_info("long", "%s", text);
	line = logged();
	assert_in_range(strlen(line), LOG_LINE_SIZE - 4, LOG_LINE_SIZE);
	assert_int_equal(n_lines(line), 1);
	assert_string_equal(line + strlen(line) - 5, "\\x0a\n");
}

static void test_limit(void **state)
{
	(void)state;
	now_ms = 1000000;
	for (unsigned i = 0; i < LOG_BURST + 7; i++)
		log_info("flood", "%u", i);
	assert_int_equal(n_lines(logged()), LOG_BURST);

	log_info("other", "has its own limit");
	assert_string_equal(logged(), "info other has its own limit\n");

	now_ms += LOG_WINDOW_MS - 1;
	log_info("flood", "still too early");
	assert_string_equal(logged(), "");

	now_ms += 1;
	log_info("flood", "again");
	assert_string_equal(logged(), "info flood again (8 lines suppressed)\n");

	log_info("flood", "it goes on");
	log_info("flood", "and on");
	now_ms += LOG_WINDOW_MS;
	log_info("flood", "one of each window");
	assert_string_equal(logged(), "info flood one of each window (2 lines suppressed)\n");
	log_info("flood", "no more than one");
	assert_string_equal(logged(), "");

	now_ms += LOG_WINDOW_MS;
	log_info("flood", "the last");
	assert_string_equal(logged(), "info flood the last (1 lines suppressed)\n");
	now_ms += LOG_WINDOW_MS;
	for (unsigned i = 0; i < LOG_BURST; i++)
		log_info("flood", "it was calm: %u", i);
	assert_int_equal(n_lines(logged()), LOG_BURST);
}

static void test_count_survives_a_long_line(void **state)
{
	static const char tail[] = "xx (1 lines suppressed)\n";
	char text[3 * LOG_LINE_SIZE];
	const char *line;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	now_ms = 2000000;
	for (unsigned i = 0; i < LOG_BURST + 1; i++)
		log_info("tail", "%u", i);
	(void)logged();
	now_ms += LOG_WINDOW_MS;
	log_info("tail", "%s", text);
	line = logged();
	assert_int_equal(strlen(line), LOG_LINE_SIZE);
	assert_string_equal(line + strlen(line) - strlen(tail), tail);
}

static void test_each_has_no_limit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10 * LOG_BURST; i++)
		log_each(LOG_INFO, "query", "%u", i);
	assert_int_equal(n_lines(logged()), 10 * LOG_BURST);
}

/* Runs last: it fills the table of tags. */
static void test_tags_beyond_the_table_share(void **state)
{
	static char tags[100][8];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(tags[i], sizeof(tags[i]), "t%u", i);
		log_info(tags[i], "first");
	}
	/* At least 36 of them share one limit, at most 64 have their own. */
	assert_in_range(n_lines(logged()), LOG_BURST, 64 + LOG_BURST);
	log_info(tags[99], "shared, and spent");
	assert_string_equal(logged(), "");
	log_info(tags[0], "own");
	assert_string_equal(logged(), "info t0 own\n");
}

static void test_errno_and_a_full_pipe(void **state)
{
	(void)state;
	now_ms += LOG_WINDOW_MS;
	while (write(ends[1], got, 4096) > 0)
		;
	while (write(ends[1], "x", 1) > 0)
		;
	errno = ENOENT;
	log_error("full", "is lost, but nothing waits");
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_level, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_bytes_are_escaped, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_long_line_is_cut, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_count_survives_a_long_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_each_has_no_limit, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_errno_and_a_full_pipe, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_tags_beyond_the_table_share, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
