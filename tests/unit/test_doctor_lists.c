/* test_doctor_lists.c - copies that are new, old, held or missing; a timer that runs or does
 * not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/findings.h"
#include "tools/doctor_lists.h"

#define NOW_S 1800000000
#define DAY_S 86400

static struct doctor d;
static struct doctor_case c;
static struct conf *conf;

static int set_up(void **state)
{
	d = (struct doctor){.n = 0};
	if (scratch_set_up(state) != 0)
		return -1;
	assert_int_equal(
	    conf_read_text(&conf,
		"state_dir = \"/nowhere\"\nlist \"ads\" { url = \"https://lists.example/ads\" }\n"
		"list \"mine\" { file = \"/etc/mine\" }\n",
		"conf", NULL),
	    0);
	memcpy(conf->state_dir, "root", 5);
	c = (struct doctor_case){.root = "root", .conf = conf, .now_s = NOW_S};
	return 0;
}

static int tear_down(void **state)
{
	conf_free(conf);
	return scratch_tear_down(state);
}

/* A file of this age. */
static void make(const char *path, int64_t age_s)
{
	const struct timespec times[2] = {{.tv_sec = NOW_S - age_s}, {.tv_sec = NOW_S - age_s}};
	char whole[128];

	findings_file(path, "");
	(void)snprintf(whole, sizeof(whole), "root%s", path);
	assert_int_equal(utimensat(AT_FDCWD, whole, times, 0), 0);
}

static void test_lists(void **state)
{
	(void)state;
	doctor_lists(&d, &c);
	assert_finding(&d, "lists", DOCTOR_WARN, "ads: it has never been fetched",
	    "systemctl start quell-update");
	make("/lists/ads.txt", 2 * DAY_S);
	doctor_lists(&d, &c);
	assert_finding(
	    &d, "lists", DOCTOR_OK, "1 of the internet, the oldest as of 2 d 0 h ago", "");
	make("/lists/ads.txt", -DAY_S); /* the clock was ahead then */
	doctor_lists(&d, &c);
	assert_finding(&d, "lists", DOCTOR_OK, "as of 0 s ago", "");
	make("/lists/ads.txt", 40 * DAY_S);
	doctor_lists(&d, &c);
	assert_finding(&d, "lists", DOCTOR_WARN, "ads: it has not changed for 40 d",
	    "systemctl start quell-update");
	make("/lists/ads.held", 3 * DAY_S);
	doctor_lists(&d, &c);
	assert_finding(
	    &d, "lists", DOCTOR_WARN, "ads: a new version has been held back", "run --accept ads");
}

static void test_no_urls(void **state)
{
	(void)state;
	conf->n_lists = 0;
	doctor_lists(&d, &c);
	doctor_timer(&d, &c);
	assert_int_equal(d.n, 0);
}

static void test_timer(void **state)
{
	(void)state;
	doctor_timer(&d, &c);
	assert_finding(&d, "timer", DOCTOR_UNKNOWN, "systemd does not run here", "cron");
	make("/run/systemd/system/x", 0);
	doctor_timer(&d, &c);
	assert_finding(
	    &d, "timer", DOCTOR_WARN, "not enabled", "systemctl enable --now quell-update.timer");
	findings_file("/etc/systemd/system/timers.target.wants/x", "");
	/* The link leads to a unit that is not below this root. */
	assert_int_equal(symlink("/nowhere/quell-update.timer",
			     "root/etc/systemd/system/timers.target.wants/quell-update.timer"),
	    0);
	doctor_timer(&d, &c);
	assert_finding(&d, "timer", DOCTOR_WARN, "never run", "systemctl start quell-update.timer");
	make("/var/lib/systemd/timers/stamp-quell-update.timer", 4 * DAY_S);
	doctor_timer(&d, &c);
	assert_finding(
	    &d, "timer", DOCTOR_WARN, "has not run for 4 d", "restart quell-update.timer");
	make("/var/lib/systemd/timers/stamp-quell-update.timer", 3600);
	doctor_timer(&d, &c);
	assert_finding(&d, "timer", DOCTOR_OK, "ran 1 h 0 min ago", "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lists),
	    TEST(test_no_urls),
	    TEST(test_timer),
	};

	return cmocka_run_group_tests_name("doctor_lists", tests, NULL, NULL);
}
