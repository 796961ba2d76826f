/* test_priv.c - rights go, and do not come back; each case in a child of its own. */
#include <linux/capability.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/caps.h"
#include "resolver/priv.h"

/* The permitted capabilities of this process. */
static uint64_t permitted(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &head, data) < 0)
		_exit(99);
	return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

/* 0, or the number of the first thing that is wrong. */
static int keep_none(void)
{
	if (caps_keep(0) != 0)
		return 1;
	if (permitted() != 0)
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 3;
	/* What is gone stays gone. */
	return caps_keep(~(uint64_t)0) != 0 || permitted() != 0 ? 4 : 0;
}

static int keep_one(void)
{
	uint64_t one = CAPS_BIT(CAP_NET_BIND_SERVICE), had = permitted();

	if (caps_keep(one) != 0)
		return 1;
	return permitted() == (had & one) ? 0 : 2;
}

static int become_unknown(void)
{
	struct why why = {""};

	if (priv_become("no-such-user-of-quell", &why) != ERR_NOTFOUND)
		return 1;
	return strstr(why.text, "no-such-user-of-quell") != NULL ? 0 : 2;
}

/* Root becomes nobody; anybody else cannot. */
static int become_nobody(void)
{
	const struct passwd *nobody = getpwnam(PRIV_FALLBACK);
	bool root = geteuid() == 0;
	struct why why = {""};
	int err;

	if (nobody == NULL || nobody->pw_uid == geteuid())
		return 0;
	err = priv_become(PRIV_FALLBACK, &why);
	if (!root)
		return err == ERR_DENIED ? 0 : 1;
	if (err != 0)
		return 2;
	if (getuid() != nobody->pw_uid || geteuid() != nobody->pw_uid ||
	    getegid() != nobody->pw_gid)
		return 3;
	if (setuid(0) == 0)
		return 4;
	return (permitted() & ~CAPS_BIT(CAP_NET_BIND_SERVICE)) == 0 ? 0 : 5;
}

static void in_child(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(run());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_keep(void **state)
{
	(void)state;
	in_child(keep_none);
	in_child(keep_one);
}

static void test_become(void **state)
{
	(void)state;
	in_child(become_unknown);
	in_child(become_nobody);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keep),
	    cmocka_unit_test(test_become),
	};

	return cmocka_run_group_tests_name("priv", tests, NULL, NULL);
}
