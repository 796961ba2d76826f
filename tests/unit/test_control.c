/* test_control.c - what control_ask() makes of everything that a control socket may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/fake_quelld.h"
#include "tests/unit/scratch.h"
#include "tools/control.h"

#define NOBODY 65534

static char *const untouched = (char *)"untouched";

/* Ask one that answers with answer[0..len).  Returns what control_ask() does; *lines and `why` are
 * its. */
static int ask_bytes(
    enum fake_quelld_manner manner, const char *answer, size_t len, char **lines, struct why *why)
{
	struct fake_quelld f;
	int err;

	*lines = untouched;
	fake_quelld_start(&f, "socket", manner, answer, len);
	err = control_ask("socket", "flush www.example.com\n", lines, why);
	fake_quelld_stop(&f);
	assert_int_equal(unlink("socket"), 0);
	assert_string_equal(f.heard, manner == FAKE_BRUSQUE ? "" : "flush www.example.com\n");
	return err;
}

static int ask(const char *answer, char **lines, struct why *why)
{
	return ask_bytes(FAKE_POLITE, answer, strlen(answer), lines, why);
}

static void assert_lines(const char *answer, const char *wanted)
{
	struct why why;
	char *lines;

	assert_int_equal(ask(answer, &lines, &why), 0);
	assert_string_equal(lines, wanted);
	free(lines);
}

static void test_lines_behind_ok(void **state)
{
	(void)state;
	assert_lines("ok\n", "");
	assert_lines("ok\nflushed 3\n", "flushed 3\n");
	assert_lines(
	    "ok\nstate well\nlisten [::1]:53 open\n", "state well\nlisten [::1]:53 open\n");
	assert_lines("ok as ever\nkey value\n", "key value\n");
	assert_lines("ok\nerror is a key here\n", "error is a key here\n");
}

/* What another than quelld may say does not steer the terminal. */
static void test_controls_are_blanked(void **state)
{
	static const char answer[] = "ok\nreason \x1b[2J\r\x7f \0 \xc3\xa4\ttab\n";
	struct why why;
	char *lines;

	(void)state;
	assert_int_equal(ask_bytes(FAKE_POLITE, answer, sizeof(answer) - 1, &lines, &why), 0);
	assert_string_equal(lines, "reason  [2J     \xc3\xa4\ttab\n");
	free(lines);
}

static void test_answer_in_pieces(void **state)
{
	static const char answer[] = "ok\nstate degraded\nreason no upstream answers\n";
	struct why why;
	char *lines;

	(void)state;
	assert_int_equal(ask_bytes(FAKE_PIECEMEAL, answer, strlen(answer), &lines, &why), 0);
	assert_string_equal(lines, answer + 3);
	free(lines);
}

/* Lines of 16 bytes, as many as there is room for, so that CONTROL_ANSWER_MAX is the end of one.
 * Returns the answer's length. */
static size_t long_answer(char **answer, size_t size)
{
	size_t len = 16;

	*answer = malloc(size + 1);
	assert_non_null(*answer);
	memcpy(*answer, "ok here you are\n", 16);
	for (unsigned i = 0; len + 16 <= size; i++, len += 16)
		assert_int_equal(snprintf(*answer + len, 17, "match %09u\n", i), 16);
	return len;
}

static void test_long_answer(void **state)
{
	struct why why;
	char *answer, *lines;
	size_t len = long_answer(&answer, CONTROL_ANSWER_MAX - 16);

	(void)state;
	assert_int_equal(ask_bytes(FAKE_POLITE, answer, len, &lines, &why), 0);
	assert_string_equal(lines, answer + 16);
	free(lines);
	free(answer);
}

static void assert_net_error(const char *answer, size_t len)
{
	struct why why;
	char *lines;

	assert_int_equal(ask_bytes(FAKE_POLITE, answer, len, &lines, &why), ERR_NET);
	assert_ptr_equal(lines, untouched);
	assert_non_null(strstr(why.text, "socket"));
}

/* Part of an answer is none: what is missing could be what matters. */
static void test_cut_answer(void **state)
{
	char *answer;
	size_t len = long_answer(&answer, CONTROL_ANSWER_MAX + 64);

	(void)state;
	assert_net_error("ok", 2);
	assert_net_error("ok\nstate we", 11);
	assert_net_error(answer, len);
	free(answer);
}

static void test_strange_answer(void **state)
{
	static const char *const answers[] = {"", "\n", "okay\n", "OK\n", "error\n",
	    "errors abound\n", "state well\n", "220 hello\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		assert_net_error(answers[i], strlen(answers[i]));
	assert_net_error("\0ok\n", 4);
}

static void test_refused(void **state)
{
	struct why why;
	char *lines;

	(void)state;
	assert_int_equal(ask("error quell.conf:3: no such option\n", &lines, &why), ERR_DENIED);
	assert_string_equal(why.text, "quell.conf:3: no such option");
	assert_ptr_equal(lines, untouched);
	assert_int_equal(ask("error busy\nok\n", &lines, &why), ERR_DENIED);
	assert_string_equal(why.text, "busy");
}

/* The kernel reports such a close as a reset, behind the words. */
static void test_refused_unheard(void **state)
{
	static const char answer[] = "error too many clients at once\n";
	struct why why;
	char *lines;

	(void)state;
	assert_int_equal(ask_bytes(FAKE_BRUSQUE, answer, strlen(answer), &lines, &why), ERR_DENIED);
	assert_string_equal(why.text, "too many clients at once");
	assert_int_not_equal(ask_bytes(FAKE_BRUSQUE, "", 0, &lines, &why), 0);
	assert_ptr_equal(lines, untouched);
}

static void assert_error(const char *path, int wanted)
{
	struct why why;
	char *lines = untouched;

	assert_int_equal(control_ask(path, "status\n", &lines, &why), wanted);
	assert_ptr_equal(lines, untouched);
	assert_int_equal(strncmp(why.text, path, strlen(path)), 0);
	assert_int_equal(control_ask(path, "status\n", &lines, NULL), wanted);
}

static void test_nobody_listens(void **state)
{
	(void)state;
	assert_error("socket", ERR_NOTFOUND);
	(void)close(fake_quelld_bind("socket")); /* as a quelld that was killed leaves it */
	assert_error("socket", ERR_NOTFOUND);
}

static void test_unusable_path(void **state)
{
	(void)state;
	scratch_write("file", "");
	assert_error("file/socket", ERR_SYS);
}

static void test_long_path(void **state)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];

	(void)state;
	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_error(path, ERR_RANGE);
	path[sizeof(path) - 2] = '\0'; /* there is room for this one */
	assert_error(path, ERR_NOTFOUND);
}

static void test_no_permission(void **state)
{
	int fd = fake_quelld_bind("socket");
	bool root = geteuid() == 0;
	char *lines = untouched;
	struct why why;
	int err;

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(chmod("socket", 0), 0);
	if (root && seteuid(NOBODY) != 0)
		skip();
	err = control_ask("socket", "status\n", &lines, &why);
	if (root)
		assert_int_equal(seteuid(0), 0);
	(void)close(fd);
	assert_int_equal(err, ERR_SYS);
	assert_ptr_equal(lines, untouched);
	assert_non_null(strstr(why.text, "sudo")); /* what helps */
}

/* One that takes the request and never answers. */
static void test_wait_is_bounded(void **state)
{
	int fd = fake_quelld_bind("socket");
	struct why why;
	char *lines = untouched;

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(control_ask_within("socket", "status\n", 1, &lines, &why), ERR_NET);
	assert_string_equal(why.text, "socket: no answer within 1 s");
	assert_ptr_equal(lines, untouched);
	(void)close(fd);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, scratch_set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lines_behind_ok),
	    TEST(test_controls_are_blanked),
	    TEST(test_answer_in_pieces),
	    TEST(test_long_answer),
	    TEST(test_cut_answer),
	    TEST(test_strange_answer),
	    TEST(test_refused),
	    TEST(test_refused_unheard),
	    TEST(test_nobody_listens),
	    TEST(test_unusable_path),
	    TEST(test_long_path),
	    TEST(test_no_permission),
	    TEST(test_wait_is_bounded),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
