/* test_doctor_host.c - clocks and disks of all kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/findings.h"
#include "tools/doctor_host.h"

#define BUILT_S 1800000000
#define DAY_S	86400

static struct doctor d;

static void clock_at(int64_t now_s, bool synchronised)
{
	const struct doctor_case c = {.root = "", .now_s = now_s};

	doctor_clock(&d, &c, BUILT_S, synchronised);
}

static void test_clock(void **state)
{
	(void)state;
	clock_at(0, true); /* where a Raspberry Pi without a battery may begin */
	assert_finding(&d, "clock", DOCTOR_BAD, "1970-01-01", "timedatectl");
	clock_at(BUILT_S - 2 * DAY_S, true);
	assert_finding(&d, "clock", DOCTOR_BAD, "before this program was built", "timedatectl");
	clock_at(BUILT_S, true);
	assert_finding(&d, "clock", DOCTOR_OK, "synchronised", "");
	clock_at(BUILT_S + 100 * DAY_S, false);
	assert_finding(&d, "clock", DOCTOR_WARN, "nobody keeps", "timedatectl");
	clock_at(BUILT_S + 20LL * 366 * DAY_S, true);
	assert_finding(&d, "clock", DOCTOR_WARN, "years after", "timedatectl");
	clock_at(INT64_MAX, true);
	assert_finding(&d, "clock", DOCTOR_WARN, "years after", "timedatectl");
}

static void test_room(void **state)
{
	struct statvfs fs = {.f_frsize = 4096,
	    .f_blocks = 1000000,
	    .f_bavail = 500000,
	    .f_files = 1000,
	    .f_favail = 500};

	(void)state;
	assert_false(doctor_room(&d, "/x", &fs));
	fs.f_bavail = 5000; /* 20 MB */
	assert_true(doctor_room(&d, "/x", &fs));
	assert_finding(&d, "disk", DOCTOR_WARN, "only 20.5 MB are left at /x", "df -h /x");
	fs.f_bavail = 500;
	assert_true(doctor_room(&d, "/x", &fs));
	assert_finding(&d, "disk", DOCTOR_BAD, "only 2.0 MB are left at /x", "df -h /x");
	fs.f_favail = 0;
	assert_true(doctor_room(&d, "/x", &fs));
	assert_finding(&d, "disk", DOCTOR_BAD, "inodes", "df -i /x");
	fs.f_flag = ST_RDONLY;
	assert_true(doctor_room(&d, "/x", &fs));
	assert_finding(&d, "disk", DOCTOR_BAD, "read-only", "remount,rw");
	/* Some file systems do not tell: of these nothing is said. */
	fs = (struct statvfs){.f_frsize = 4096};
	assert_false(doctor_room(&d, "/x", &fs));
	assert_int_equal(d.n, 0);
}

static void test_folder(void **state)
{
	struct statvfs fs;

	(void)state;
	if (statvfs(".", &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize < 64000000)
		skip();
	doctor_folder(&d, "none", "root");
	assert_finding(
	    &d, "disk", DOCTOR_WARN, "none: No such file", "install -d -o root -g root none");
	scratch_write("file", "");
	doctor_folder(&d, "file", "root");
	assert_finding(&d, "disk", DOCTOR_BAD, "file is no folder", "mv file");
	doctor_folder(&d, ".", "root");
	assert_finding(&d, "disk", DOCTOR_OK, "can be written", "");
	doctor_folder(&d, ".", "no-such-user");
	assert_finding(&d, "disk", DOCTOR_OK, "can be written", "");
	doctor_folder(&d, ".", "nobody"); /* mkdtemp(3) makes it 0700 */
	assert_finding(&d, "disk", DOCTOR_WARN, "nobody may not write", "chown -R nobody:");
	assert_int_equal(chmod(".", 0777), 0);
	doctor_folder(&d, ".", "nobody");
	assert_finding(&d, "disk", DOCTOR_OK, "can be written", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clock),
	    cmocka_unit_test(test_room),
	    cmocka_unit_test_setup_teardown(test_folder, scratch_set_up, scratch_tear_down),
	};

	return cmocka_run_group_tests_name("doctor_host", tests, NULL, NULL);
}
