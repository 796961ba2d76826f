/* test_child.c - what a child has of its parent, and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/child.h"

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Only what is kept is open: the exit status says which of the three was. */
static void test_descriptors(void **state)
{
	int low = open("/dev/null", O_RDONLY), keep = open("/dev/null", O_RDONLY);
	int high = open("/dev/null", O_RDONLY);
	pid_t pid;

	(void)state;
	assert_true(low > STDERR_FILENO && low < keep && keep < high);
	pid = child_fork(&keep, 1);
	if (pid == 0)
		_exit((fcntl(low, F_GETFD) >= 0) | (fcntl(keep, F_GETFD) >= 0) << 1 |
		      (fcntl(high, F_GETFD) >= 0) << 2);
	assert_true(pid > 0);
	assert_int_equal(WEXITSTATUS(wait_for(pid)), 2);
	close(low);
	close(keep);
	close(high);
}

/* A service manager's SIGTERM does not end it, the parent's death does. */
static void test_signals_and_rights(void **state)
{
	pid_t pid = child_fork(NULL, 0);
	int death_signal = 0;

	(void)state;
	if (pid == 0) {
		if (raise(SIGTERM) != 0 || raise(SIGINT) != 0 || raise(SIGHUP) != 0)
			_exit(1);
		if (prctl(PR_GET_PDEATHSIG, &death_signal) != 0 || death_signal != SIGKILL)
			_exit(2);
		_exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3);
	}
	assert_true(pid > 0);
	assert_int_equal(wait_for(pid), 0);
}

static void test_end(void **state)
{
	char text[64];
	siginfo_t info;
	pid_t pid = child_fork(NULL, 0);

	(void)state;
	if (pid == 0) {
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	assert_string_equal(child_status(child_end(pid), text), "signal 9 (Killed)");

	/* One that ended by itself keeps its status. */
	pid = child_fork(NULL, 0);
	if (pid == 0)
		_exit(7);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_string_equal(child_status(child_end(pid), text), "exit status 7");
	assert_int_equal(waitpid(pid, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_descriptors),
	    cmocka_unit_test(test_signals_and_rights),
	    cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
