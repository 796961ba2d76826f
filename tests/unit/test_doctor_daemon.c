/* test_doctor_daemon.c - what quelld says of itself, and what is made of it. */
#include "config.h" /* PACKAGE_VERSION */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/findings.h"
#include "tools/doctor_daemon.h"

#define WELL                                                                                       \
	"state well\npid 1\nversion " PACKAGE_VERSION "\nuptime_s 3600\nrules 12\nblocking on\n"

static struct doctor d;

static void look(const char *status)
{
	const struct doctor_case c = {.root = "", .reach = DOCTOR_ANSWERS, .status = status};

	d = (struct doctor){.n = 0};
	doctor_daemon(&d, &c);
}

/* That of the finding number `i`, from 0. */
static void assert_one(
    unsigned i, const char *check, enum doctor_grade grade, const char *text, const char *fix)
{
	assert_true(i < d.n);
	assert_string_equal(d.found[i].check, check);
	assert_int_equal(d.found[i].grade, grade);
	assert_non_null(strstr(d.found[i].text, text));
	assert_non_null(strstr(d.found[i].fix, fix));
}

static void test_away(void **state)
{
	const struct doctor_case away = {
	    .reach = DOCTOR_AWAY, .status = "", .refusal = "nobody there"};
	const struct doctor_case closed = {
	    .reach = DOCTOR_CLOSED, .status = "", .refusal = "not you"};

	(void)state;
	d = (struct doctor){.n = 0};
	doctor_daemon(&d, &away);
	assert_finding(&d, "quelld", DOCTOR_BAD, "nobody there", "systemctl restart quelld");
	doctor_daemon(&d, &closed);
	assert_finding(&d, "quelld", DOCTOR_UNKNOWN, "not you", "sudo quellctl doctor");
}

static void test_well(void **state)
{
	(void)state;
	look(WELL);
	assert_finding(
	    &d, "quelld", DOCTOR_OK, "running for 1 h 0 min, and says that all is well", "");
	look(WELL "sandbox worker: no-new-privs, seccomp\n");
	assert_int_equal(d.n, 2);
	assert_one(1, "sandbox", DOCTOR_OK, "every layer", "");
}

static void test_reasons(void **state)
{
	(void)state;
	look("state degraded\nreason no upstream answers\nreason UDP 0.0.0.0:53 is held by pid 1 "
	     "(x)\n"
	     "reason the last reload failed: a.conf:3\nreason something new\n");
	assert_int_equal(d.n, 4); /* who holds a port is another check's */
	assert_one(0, "quelld", DOCTOR_OK, "running for", "");
	assert_null(strstr(d.found[0].text, "well"));
	assert_one(1, "quelld", DOCTOR_WARN, "no upstream answers", "quellctl upstreams");
	assert_one(2, "quelld", DOCTOR_WARN, "a.conf:3", "quelld --check");
	assert_one(3, "quelld", DOCTOR_WARN, "something new", "journalctl");
}

static void test_trouble(void **state)
{
	(void)state;
	look("state well\nversion 0.0.1-old\nrules 0\nblocking paused left 29m\nsandbox worker: "
	     "seccomp\n"
	     "sandbox_lacks worker: landlock-files (Function not implemented)\n"
	     "sandbox_lacks parent: seccomp (Operation not permitted)\n");
	assert_int_equal(d.n, 6);
	assert_one(1, "quelld", DOCTOR_WARN, "version 0.0.1-old runs", "restart quelld");
	assert_one(2, "lists", DOCTOR_WARN, "no list", "quell-update add");
	assert_one(3, "blocking", DOCTOR_WARN, "paused left 29m", "quellctl resume");
	assert_one(4, "sandbox", DOCTOR_WARN, "landlock-files", "lsm=landlock");
	assert_one(5, "sandbox", DOCTOR_WARN, "seccomp", "seccomp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_away),
	    cmocka_unit_test(test_well),
	    cmocka_unit_test(test_reasons),
	    cmocka_unit_test(test_trouble),
	};

	return cmocka_run_group_tests_name("doctor_daemon", tests, NULL, NULL);
}
