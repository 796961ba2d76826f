/* test_doctor_port.c - where quelld listens, who is in its place, what to type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/findings.h"
#include "tools/doctor_port.h"

static struct doctor d;
static struct conf *conf;

static struct doctor_case look(enum doctor_reach reach, const char *status)
{
	struct doctor_case c = {.root = "", .conf = conf, .reach = reach, .status = status};

	d = (struct doctor){.n = 0};
	doctor_listening(&c);
	return c;
}

static int set_up(void **state)
{
	(void)state;
	return conf_read_text(&conf, "listen = { \"192.0.2.1:53\", \"[::1]:53\" }\n", "conf", NULL);
}

static int tear_down(void **state)
{
	(void)state;
	conf_free(conf);
	return 0;
}

static void test_listening(void **state)
{
	struct doctor_case c =
	    look(DOCTOR_ANSWERS, "state degraded\nlisten 127.0.0.1:53 open\nlisten 192.0.2.9:53 "
				 "waiting\nlisten [::]:53 unusable\n"
				 "listen nonsense\nlisten 127.0.0.1 x open\n");
	char text[64];

	(void)state;
	assert_string_equal(
	    doctor_addrs_text(&c.listen, text, sizeof(text)), "127.0.0.1, 192.0.2.9");
	assert_string_equal(doctor_addrs_text(&c.open, text, sizeof(text)), "127.0.0.1");
	c = look(DOCTOR_CLOSED, "");
	assert_string_equal(doctor_addrs_text(&c.listen, text, sizeof(text)), "192.0.2.1, ::1");
	assert_int_equal(c.open.n, 2);
	c = look(DOCTOR_AWAY, "");
	assert_int_equal(c.listen.n, 2);
	assert_int_equal(c.open.n, 0);
}

static void test_house(void **state)
{
	struct doctor_case c = look(DOCTOR_ANSWERS, "listen 192.0.2.9:53 open\n");

	(void)state;
	doctor_port(&d, &c);
	assert_int_equal(d.n, 0);
	c = look(DOCTOR_ANSWERS, "listen 127.0.0.1:53 open\n");
	doctor_port(&d, &c);
	assert_finding(&d, "house", DOCTOR_WARN, "it listens at 127.0.0.1,", "0.0.0.0:53");
	c = look(DOCTOR_ANSWERS, "listen 192.0.2.9:5300 open\n");
	doctor_port(&d, &c);
	assert_finding(&d, "house", DOCTOR_WARN, "other devices cannot ask", "0.0.0.0:53");
}

/* This test itself is in the way. */
static void test_held(void **state)
{
	/* The same in either byte order: /proc under an emulator has the words of the kernel below. */
	union addr a = findings_addr("127.0.0.127:1");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char status[128], text[ADDR_TEXT_SIZE], who[64];
	socklen_t len = sizeof(a);
	struct doctor_case c;

	(void)state;
	a.in4.sin_port = 0;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &a.sa, sizeof(a.in4)), 0);
	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	(void)snprintf(
	    who, sizeof(who), "UDP %s is held by pid %d (", addr_format(&a, text), (int)getpid());
	(void)snprintf(
	    status, sizeof(status), "listen %s waiting\nlisten 192.0.2.9:53 open\n", text);
	c = look(DOCTOR_ANSWERS, status);
	doctor_port(&d, &c);
	assert_finding(&d, "port", DOCTOR_BAD, who, "stop that program");
	c = look(DOCTOR_AWAY, "");
	c.listen = (struct doctor_addrs){.addr = {a, findings_addr("0.0.0.0:53")}, .n = 1};
	doctor_port(&d, &c);
	assert_int_equal(d.n, 2); /* and the house */
	assert_non_null(strstr(d.found[0].text, who));
	assert_int_equal(close(fd), 0);

	c = look(DOCTOR_ANSWERS, status);
	doctor_port(&d, &c);
	assert_finding(&d, "port", DOCTOR_WARN, "cannot listen at", "ip address");
	c = look(DOCTOR_AWAY, "");
	a.in4.sin_addr.s_addr = INADDR_ANY;
	c.listen = (struct doctor_addrs){.addr = {a}, .n = 1};
	doctor_port(&d, &c);
	assert_int_equal(d.found[0].grade, DOCTOR_OK);
	assert_non_null(strstr(d.found[0].text, " is free"));
}

static void test_fixes(void **state)
{
	struct holder h = {.found = true, .pid = 17};

	(void)state;
	memcpy(h.command, "systemd-resolve", sizeof(h.command));
	assert_non_null(strstr(doctor_port_fix(&h, NULL), "DNSStubListener=no"));
	memcpy(h.command, "dnsmasq", sizeof("dnsmasq"));
	assert_non_null(strstr(doctor_port_fix(&h, "nobody"), "disable --now dnsmasq"));
	memcpy(h.command, "x", sizeof("x"));
	assert_non_null(strstr(doctor_port_fix(&h, "dnsmasq"), "stop that program"));
	/* Where the program cannot be seen, its user speaks for it. */
	h = (struct holder){.found = true};
	assert_non_null(strstr(doctor_port_fix(&h, "systemd-resolve"), "DNSStubListener=no"));
	assert_non_null(strstr(doctor_port_fix(&h, "unbound"), "disable --now unbound"));
	assert_non_null(strstr(doctor_port_fix(&h, "root"), "sudo ss"));
	assert_non_null(strstr(doctor_port_fix(&h, NULL), "sudo ss"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_listening),
	    cmocka_unit_test(test_house),
	    cmocka_unit_test(test_held),
	    cmocka_unit_test(test_fixes),
	};

	return cmocka_run_group_tests_name("doctor_port", tests, set_up, tear_down);
}
