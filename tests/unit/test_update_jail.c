/* test_update_jail.c - what comes back from the process that reads texts, and what it cannot do. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/file.h"
#include "tools/update_jail.h"

static int write_much(void *ctx, int out, struct why *why)
{
	char block[4096];
	int err = 0;

	memset(block, *(const char *)ctx, sizeof(block));
	for (unsigned i = 0; i < 100 && err == 0; i++) /* more than a pipe holds */
		err = file_write(out, "pipe", block, sizeof(block), why);
	return err;
}

static void test_bytes(void **state)
{
	char byte = 'q', *bytes;
	struct why why;
	size_t len;

	(void)state;
	assert_int_equal(update_jail(write_much, &byte, NULL, 0, &bytes, &len, &why), 0);
	assert_int_equal(len, 100 * 4096);
	assert_int_equal(bytes[0], 'q');
	assert_int_equal(bytes[len - 1], 'q');
	free(bytes);
}

static int refuse(void *ctx, int out, struct why *why)
{
	(void)ctx;
	return write(out, "half", 4) == 4 ? why_set(why, ERR_FORMAT, "a\033[31mreason") : 0;
}

/* What a terminal would take for a command is not passed on. */
static void test_error(void **state)
{
	struct why why;
	char *bytes;
	size_t len;

	(void)state;
	assert_int_equal(update_jail(refuse, NULL, NULL, 0, &bytes, &len, &why), ERR_FORMAT);
	assert_string_equal(why.text, "a [31mreason");
	assert_null(bytes);
}

static int crash(void *ctx, int out, struct why *why)
{
	(void)ctx, (void)out, (void)why;
	(void)signal(SIGABRT, SIG_DFL);
	abort();
}

static int end_early(void *ctx, int out, struct why *why)
{
	(void)ctx, (void)out, (void)why;
	_exit(0);
}

static void test_crash(void **state)
{
	struct why why;
	char *bytes;
	size_t len;

	(void)state;
	assert_int_equal(update_jail(crash, NULL, NULL, 0, &bytes, &len, &why), ERR_SYS);
	assert_string_equal(why.text, "the process that reads it ended with Aborted");
	assert_null(bytes);
	assert_int_equal(update_jail(end_early, NULL, NULL, 0, &bytes, &len, &why), ERR_SYS);
}

/* A socket that was open before is not there, and the sandbox is entered, as far as the system has one. */
static int look_around(void *ctx, int out, struct why *why)
{
	const int *open_socket = ctx;
	char seen[3] = {'n', 'n', 'n'};
	int fd;

	if (fcntl(*open_socket, F_GETFD) >= 0)
		seen[0] = 'y';
	fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		seen[1] = 'y';
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		seen[2] = 'y';
	return file_write(out, "pipe", seen, sizeof(seen), why);
}

static void test_limits(void **state)
{
	static const char *const read[] = {"/dev/null"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct why why;
	bool has_files;
	char *bytes;
	size_t len;

	(void)state;
	assert_int_equal(update_jail(look_around, &fd, read, 1, &bytes, &len, &why), 0);
	assert_int_equal(len, 3);
	assert_int_equal(bytes[0], 'n');
	has_files = bytes[1] == 'n';
	assert_int_equal(bytes[2], 'y');
	free(bytes);
	close(fd);
	if (!has_files) { /* test_sandbox.c tells whether the system could */
		print_message("# this system is without Landlock\n");
		skip();
	}
}

static int talk(void *ctx, int out, struct why *why)
{
	(void)ctx, (void)out, (void)why;
	return socket(AF_INET, SOCK_DGRAM, 0) >= 0 ? 0 : ERR_SYS;
}

static void test_network(void **state)
{
	struct why why;
	char *bytes;
	size_t len;

	(void)state;
	if (update_jail(talk, NULL, NULL, 0, &bytes, &len, &why) == 0) {
		free(bytes);
		print_message("# this system is without seccomp\n");
		skip();
	}
	assert_string_equal(why.text, "the process that reads it ended with Bad system call");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_error),
	    cmocka_unit_test(test_crash),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_network),
	};

	return cmocka_run_group_tests_name("update_jail", tests, NULL, NULL);
}
