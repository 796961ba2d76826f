/* test_doctor_answers.c - what quelld is asked at its own addresses, and a name that has to be
 * blocked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/findings.h"
#include "tests/unit/images.h"
#include "tools/doctor_answers.h"

static const uint8_t listed[] = "\003ads\007example";

static struct doctor d;
static struct doctor_case c;
static struct probe probes[DOCTOR_ANSWERS_PROBES];

/* quelld listens at one address, and all is answered as it should be. */
static unsigned good(const uint8_t *name)
{
	unsigned n;

	d = (struct doctor){.n = 0};
	c = (struct doctor_case){.reach = DOCTOR_ANSWERS, .status = "blocking on\n"};
	c.open = (struct doctor_addrs){.addr = {findings_addr("0.0.0.0:53")}, .n = 1};
	n = doctor_answers_ask(&c, name, probes);
	for (unsigned i = 0; i < n; i++)
		probes[i].answered = true;
	probes[2].blocked = true;
	return n;
}

static void test_questions(void **state)
{
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(good(NULL), 2);
	assert_int_equal(good(listed), 3);
	assert_string_equal(addr_format(&probes[0].to, text), "127.0.0.1:53");
	assert_true(!probes[0].tcp && probes[1].tcp && !probes[2].tcp);
	assert_memory_equal(probes[2].name, listed, sizeof(listed));
	c.open = (struct doctor_addrs){
	    .addr = {findings_addr("[::]:53"), findings_addr("192.0.2.1:5300")}, .n = 2};
	assert_int_equal(doctor_answers_ask(&c, listed, probes), 5);
	assert_string_equal(addr_format(&probes[1].to, text), "[::1]:53");
	assert_string_equal(addr_format(&probes[3].to, text), "192.0.2.1:5300");
	c.open.n = 0;
	assert_int_equal(doctor_answers_ask(&c, listed, probes), 0);
	doctor_answers(&d, &c, listed, probes, 0);
	assert_int_equal(d.n, 0);
}

static void test_judgement(void **state)
{
	unsigned n = good(listed);

	(void)state;
	doctor_answers(&d, &c, listed, probes, n);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.worst, DOCTOR_OK);
	assert_non_null(strstr(d.found[0].text, "at 127.0.0.1:53 over UDP and TCP"));
	assert_non_null(strstr(d.found[1].text, "ads.example is blocked"));
	n = good(listed);
	probes[1].answered = false;
	probes[1].error = ECONNREFUSED;
	doctor_answers(&d, &c, listed, probes, n);
	assert_int_equal(d.found[0].grade, DOCTOR_BAD);
	assert_non_null(strstr(d.found[0].text, "over TCP: Connection refused"));
	n = good(NULL);
	probes[0].answered = probes[1].answered = false;
	probes[0].error = probes[1].error = ETIMEDOUT;
	doctor_answers(&d, &c, NULL, probes, n);
	assert_int_equal(d.found[0].grade, DOCTOR_BAD);
	assert_non_null(strstr(d.found[0].text, "nobody answers at 127.0.0.1:53: silence"));
}

static void test_blocking(void **state)
{
	unsigned n = good(listed);

	(void)state;
	probes[2].blocked = false;
	doctor_answers(&d, &c, listed, probes, n);
	assert_int_equal(d.worst, DOCTOR_BAD);
	assert_non_null(strstr(d.found[1].text, "ads.example is not blocked"));
	assert_non_null(strstr(d.found[1].fix, "quellctl why ads.example"));
	n = good(listed);
	c.status = "blocking paused left 30m\n";
	probes[2].blocked = false;
	doctor_answers(&d, &c, listed, probes, n);
	assert_int_equal(d.n, 1);
	n = good(NULL);
	doctor_answers(&d, &c, NULL, probes, n);
	assert_int_equal(d.found[1].grade, DOCTOR_UNKNOWN);
	n = good(NULL);
	c.status = "rules 0\nblocking on\n";
	doctor_answers(&d, &c, NULL, probes, n);
	assert_int_equal(d.n, 1);
}

/* Of an image: plain blocks of a name itself. */
static void test_listed(void **state)
{
	const char *text = "@@||good.example^\n/^ads/\n||ads.example^\n";
	uint8_t name[NAME_SIZE], *image;
	size_t len;

	(void)state;
	assert_false(doctor_answers_listed("root", 0, name));
	image = image_of_texts(&text, 1, &len);
	assert_non_null(image);
	findings_file("/image", "");
	scratch_write_bytes("root/image", image, len);
	assert_true(doctor_answers_listed("root", 0, name));
	assert_memory_equal(name, listed, sizeof(listed));
	assert_false(doctor_answers_listed("root", 1, name));
	scratch_write_bytes("root/image", image, len / 2);
	assert_false(doctor_answers_listed("root", 0, name));
	scratch_write_bytes("root/image", "", 0);
	assert_false(doctor_answers_listed("root", 0, name));
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_questions),
	    cmocka_unit_test(test_judgement),
	    cmocka_unit_test(test_blocking),
	    cmocka_unit_test_setup_teardown(test_listed, scratch_set_up, scratch_tear_down),
	};

	return cmocka_run_group_tests_name("doctor_answers", tests, NULL, NULL);
}
