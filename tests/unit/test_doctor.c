/* test_doctor.c - findings, how they are shown, and what checks read with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/findings.h"

static void show(
    const struct doctor *d, void (*print)(const struct doctor *, FILE *), char *out, size_t size)
{
	FILE *to = fmemopen(out, size, "w");

	assert_non_null(to);
	print(d, to);
	assert_int_equal(fclose(to), 0);
}

static void test_exit_status(void **state)
{
	static struct doctor d;

	(void)state;
	assert_int_equal(doctor_exit_status(&d), 0);
	doctor_say(&d, DOCTOR_OK, "a", "well");
	doctor_say(&d, DOCTOR_UNKNOWN, "a", "not known");
	assert_int_equal(doctor_exit_status(&d), 0);
	doctor_say(&d, DOCTOR_WARN, "a", "so so");
	assert_int_equal(doctor_exit_status(&d), 1);
	doctor_say(&d, DOCTOR_BAD, "a", "bad");
	doctor_say(&d, DOCTOR_OK, "a", "well");
	assert_int_equal(doctor_exit_status(&d), 2);
}

/* What comes from elsewhere steers no terminal, and breaks no JSON. */
static void test_print(void **state)
{
	static struct doctor d;
	char out[4096];

	(void)state;
	show(&d, doctor_print_json, out, sizeof(out));
	assert_string_equal(out, "{\"state\":\"well\",\"checks\":[]}\n");
	doctor_say(&d, DOCTOR_OK, "port", "%s is free", "[::]:53");
	doctor_say(&d, DOCTOR_BAD, "upstream", "a \"quote\" and \033[31m");
	doctor_fix(&d, "type %s", "this");
	show(&d, doctor_print, out, sizeof(out));
	assert_string_equal(out, "ok       port       [::]:53 is free\n"
				 "bad      upstream   a \"quote\" and \\x1b[31m\n"
				 "                    fix: type this\n");
	show(&d, doctor_print_json, out, sizeof(out));
	assert_string_equal(out,
	    "{\"state\":\"bad\",\"checks\":["
	    "{\"check\":\"port\",\"state\":\"ok\",\"text\":\"[::]:53 is free\",\"fix\":\"\"},"
	    "{\"check\":\"upstream\",\"state\":\"bad\",\"text\":\"a \\\"quote\\\" and "
	    "\\\\x1b[31m\",\"fix\":\"type this\"}]}\n");
}

static void test_too_many(void **state)
{
	static struct doctor d;

	(void)state;
	for (unsigned i = 0; i < DOCTOR_FINDINGS_MAX; i++)
		doctor_say(&d, DOCTOR_OK, "a", "%u", i);
	doctor_say(&d, DOCTOR_BAD, "a", "one more");
	doctor_fix(&d, "nothing");
	assert_int_equal(d.n, DOCTOR_FINDINGS_MAX);
	assert_string_equal(d.found[d.n - 1].fix, "");
	assert_int_equal(doctor_exit_status(&d), 2);
}

static void test_pairs(void **state)
{
	const char *at = "state well\nreason no upstream answers\nalone\n";
	struct doctor_pair pair;

	(void)state;
	assert_true(doctor_value(at, "reason", &pair));
	assert_string_equal(pair.value, "no upstream answers");
	assert_false(doctor_value(at, "listen", &pair));
	assert_true(doctor_next(&at, &pair));
	assert_string_equal(pair.key, "state");
	assert_string_equal(pair.value, "well");
	assert_true(doctor_next(&at, &pair));
	assert_true(doctor_next(&at, &pair));
	assert_string_equal(pair.key, "alone");
	assert_string_equal(pair.value, "");
	assert_false(doctor_next(&at, &pair));
	assert_string_equal(at, "");
}

/* A key or a value without an end is cut, and the next line is still the next. */
static void test_long_pairs(void **state)
{
	static char text[4 * DOCTOR_TEXT_SIZE];
	struct doctor_pair pair;
	const char *at = text;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text + 1000, " ", 1);
	memcpy(text + 1900, "\nkey value\n", 12);
	assert_true(doctor_next(&at, &pair));
	assert_int_equal(strlen(pair.key), sizeof(pair.key) - 1);
	assert_int_equal(strlen(pair.value), sizeof(pair.value) - 1);
	assert_true(doctor_next(&at, &pair));
	assert_string_equal(pair.key, "key");
	assert_string_equal(pair.value, "value");
}

static void test_addresses(void **state)
{
	struct doctor_addrs all = {.n = 0};
	struct doctor_case c = {.root = ""};
	union addr a = findings_addr("192.0.2.1:53"), b = findings_addr("[2001:db8::1]:53");
	union addr other_port = findings_addr("192.0.2.1:5300"), any = findings_addr("0.0.0.0:53");
	char text[32];

	(void)state;
	assert_string_equal(doctor_addrs_text(&all, text, sizeof(text)), "nothing");
	doctor_addrs_add(&all, &a);
	doctor_addrs_add(&all, &a);
	assert_int_equal(all.n, 1);
	assert_true(doctor_addrs_has_host(&all, &other_port));
	assert_false(doctor_addrs_has_host(&all, &b));
	doctor_addrs_add(&all, &b);
	assert_string_equal(doctor_addrs_text(&all, text, sizeof(text)), "192.0.2.1, 2001:db8::1");
	assert_true(strlen(doctor_addrs_text(&all, text, 12)) < 12);

	c.listen = (struct doctor_addrs){.addr = {any}, .n = 1};
	assert_true(doctor_listens_at(&c, &a, 53));
	assert_false(doctor_listens_at(&c, &a, 5300));
	assert_false(doctor_listens_at(&c, &b, 53));
	c.listen = (struct doctor_addrs){.addr = {b}, .n = 1};
	assert_true(doctor_listens_at(&c, &b, 53));
	assert_false(doctor_listens_at(&c, &a, 53));
}

static void test_read(void **state)
{
	struct doctor_case c = {.root = "root"};
	char *text;

	(void)state;
	findings_file("/etc/a", "text\n");
	text = doctor_read(&c, "/etc/a");
	assert_string_equal(text, "text\n");
	free(text);
	assert_null(doctor_read(&c, "/etc/b"));
	assert_null(doctor_read(&c, "/etc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exit_status),
	    cmocka_unit_test(test_print),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_pairs),
	    cmocka_unit_test(test_long_pairs),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test_setup_teardown(test_read, scratch_set_up, scratch_tear_down),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
