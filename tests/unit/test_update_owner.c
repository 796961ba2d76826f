/* test_update_owner.c - root becomes the owner of the state folder; each case in a child of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tools/update_owner.h"

#define GROUPS_MAX 64
#define USER	   "nobody"
#define NO_USER	   54321 /* nor a group */
#define OF_ROOT	   54322 /* a group that it has besides */

static const char folder[] = "state";

/* The folder, of somebody. */
static void make_folder(uid_t uid, gid_t gid)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(folder, 0755), 0);
	if (chown(folder, uid, gid) != 0)
		skip(); /* a root of few rights */
}

static void assert_well(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(run());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0); /* else, shifted, the number of what is wrong */
}

static int become(void)
{
	static const gid_t of_root = OF_ROOT;

	if (setgroups(1, &of_root) != 0)
		return ERR_SYS;
	return update_owner_become(folder, NULL);
}

/* All of its IDs are these, and there is no way back. */
static bool is_for_good(uid_t uid, gid_t gid)
{
	uid_t real, effective, saved;
	gid_t real_gid, effective_gid, saved_gid;

	if (getresuid(&real, &effective, &saved) != 0 ||
	    getresgid(&real_gid, &effective_gid, &saved_gid) != 0)
		return false;
	return real == uid && effective == uid && saved == uid && real_gid == gid &&
	       effective_gid == gid && saved_gid == gid && setuid(0) != 0 && setgid(0) != 0;
}

static int compare_gids(const void *a, const void *b)
{
	gid_t of_a = *(const gid_t *)a, of_b = *(const gid_t *)b;

	return (of_a > of_b) - (of_a < of_b);
}

/* Its groups are those of the user, and none of root's. */
static bool has_groups_of(const struct passwd *user)
{
	gid_t wanted[GROUPS_MAX], got[GROUPS_MAX];
	int n_wanted = GROUPS_MAX, n_got = getgroups(GROUPS_MAX, got);

	if (getgrouplist(user->pw_name, user->pw_gid, wanted, &n_wanted) < 0 || n_got != n_wanted)
		return false;
	qsort(wanted, (size_t)n_wanted, sizeof(gid_t), compare_gids);
	qsort(got, (size_t)n_got, sizeof(gid_t), compare_gids);
	return memcmp(wanted, got, (size_t)n_got * sizeof(gid_t)) == 0;
}

static int become_user(void)
{
	const struct passwd *user = getpwnam(USER);

	if (become() != 0 || user == NULL)
		return 1;
	if (!has_groups_of(user))
		return 2;
	return is_for_good(user->pw_uid, user->pw_gid) ? 0 : 3;
}

/* With the groups of the user, whatever group the folder is of. */
static void a_user(void **state)
{
	const struct passwd *user = getpwnam(USER);

	(void)state;
	if (user != NULL)
		make_folder(user->pw_uid, NO_USER);
	else
		skip();
	assert_well(become_user);
}

static int become_number(void)
{
	if (become() != 0)
		return 1;
	if (getgroups(0, NULL) != 0)
		return 2;
	return is_for_good(NO_USER, NO_USER + 1) ? 0 : 3;
}

/* A user without a name has the folder's group, and no other. */
static void a_number(void **state)
{
	(void)state;
	if (getpwuid(NO_USER) != NULL)
		skip();
	make_folder(NO_USER, NO_USER + 1);
	assert_well(become_number);
}

static int stay_root(void)
{
	gid_t group;

	if (become() != 0)
		return 1;
	if (geteuid() != 0 || getuid() != 0 || getegid() != 0)
		return 2;
	return getgroups(1, &group) == 1 && group == OF_ROOT ? 0 : 3;
}

static void a_folder_of_root(void **state)
{
	(void)state;
	make_folder(0, NO_USER);
	assert_well(stay_root);
}

static void no_folder(void **state)
{
	(void)state;
	make_folder(NO_USER, NO_USER);
	assert_int_equal(rmdir(folder), 0);
	assert_well(stay_root);
}

static int stay_other(void)
{
	if (setgroups(0, NULL) != 0 || setgid(NO_USER + 2) != 0 || setuid(NO_USER + 2) != 0)
		return 1;
	if (update_owner_become(folder, NULL) != 0)
		return 2;
	return geteuid() == NO_USER + 2 && getegid() == NO_USER + 2 ? 0 : 3;
}

/* Who is not root stays who he is, and that is no error. */
static void not_root(void **state)
{
	(void)state;
	make_folder(NO_USER, NO_USER);
	/* The folder can be looked at. */
	assert_int_equal(chmod(".", 0755), 0);
	assert_well(stay_other);
}

/* Take a right away, as a container may. */
static bool forgo(unsigned capability)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &head, data) < 0)
		return false;
	data[0].effective &= ~(1u << capability);
	data[0].permitted &= ~(1u << capability);
	return syscall(SYS_capset, &head, data) == 0;
}

static int refused(unsigned capability)
{
	struct why why = {""};

	if (!forgo(capability))
		return 1;
	if (update_owner_become(folder, &why) != ERR_SYS)
		return 2;
	return strstr(why.text, folder) != NULL ? 0 : 3;
}

static int refused_user(void)
{
	return refused(CAP_SETUID);
}

static int refused_groups(void)
{
	return refused(CAP_SETGID);
}

static void no_right(void **state)
{
	(void)state;
	make_folder(NO_USER, NO_USER);
	assert_well(refused_user);
	assert_well(refused_groups);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, scratch_set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_user),
	    TEST(a_number),
	    TEST(a_folder_of_root),
	    TEST(no_folder),
	    TEST(not_root),
	    TEST(no_right),
	};

	return cmocka_run_group_tests_name("update_owner", tests, NULL, NULL);
}
