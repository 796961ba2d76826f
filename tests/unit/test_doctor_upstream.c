/* test_doctor_upstream.c - which servers are asked, and what their answers, or their silence,
 * mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/dns/msg.h"
#include "tests/unit/findings.h"
#include "tools/doctor_upstream.h"

static struct doctor d;
static struct doctor_servers servers;
static struct probe probes[DOCTOR_SERVERS_MAX * DOCTOR_PROBES];

/* ---- which ---- */

static void test_of_quelld(void **state)
{
	const struct doctor_case c = {
	    .upstreams =
		"upstream 192.0.2.1:53\nzone .\ntransport udp\nstate away\nasked 200\nfailed 100\n"
		"worker 0\nstate good\nasked 7\n"
		"upstream [2001:db8::1]:5353\nzone lan\ntransport udp\nstate good\nasked 3\nfailed "
		"0\n"
		"worker 0\nstate good\n"
		"upstream nonsense\nstate away\n"
		"upstream 192.0.2.2:53\ngroup reserve\ntransport socks5 127.0.0.1:9050\nstate "
		"good\n"};
	const struct doctor_server *s = servers.server;

	(void)state;
	doctor_servers(&c, &servers);
	assert_int_equal(servers.n, 3);
	assert_true(s[0].general && !s[0].proxied && s[0].away);
	assert_int_equal(s[0].asked, 200);
	assert_int_equal(s[0].failed, 100);
	assert_true(!s[1].general && !s[1].proxied && !s[1].away);
	assert_int_equal(addr_port(&s[1].addr), 5353);
	assert_true(s[2].general && s[2].proxied);
}

static void test_of_configuration(void **state)
{
	struct doctor_case c = {.upstreams = ""};
	struct conf *conf;
	const struct doctor_server *s = servers.server;

	(void)state;
	assert_int_equal(conf_read_text(&conf,
			     "upstream = { \"192.0.2.1\", \"192.0.2.2\" }\n"
			     "group \"reserve\" { upstream = { \"192.0.2.3\" } proxy = "
			     "\"socks5://127.0.0.1:9050\" }\n"
			     "forward \"lan\" { upstream = { \"192.0.2.1\", \"192.0.2.4\" } }\n",
			     "conf", NULL),
	    0);
	c.conf = conf;
	doctor_servers(&c, &servers);
	assert_int_equal(servers.n, 4);
	c.upstreams = "note worker 0 does not answer\n";
	doctor_servers(&c, &servers);
	assert_int_equal(servers.n, 4);
	assert_true(s[0].general && s[1].general && s[2].general && !s[3].general);
	assert_true(!s[0].proxied && !s[1].proxied && s[2].proxied && !s[3].proxied);
	conf_free(conf);
}

static void test_too_many(void **state)
{
	static char text[64 * (DOCTOR_SERVERS_MAX + 2)];
	const struct doctor_case c = {.upstreams = text};
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < DOCTOR_SERVERS_MAX + 1; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "upstream 192.0.2.%u:53\nzone .\ntransport socks5 x\n", i);
	doctor_servers(&c, &servers);
	assert_int_equal(servers.n, DOCTOR_SERVERS_MAX);
	assert_int_equal(doctor_upstream_ask(&servers, probes), 0);
	d = (struct doctor){.n = 0};
	doctor_upstream(&d, &servers, probes);
	assert_int_equal(d.n, DOCTOR_SERVERS_MAX + 1);
	assert_int_equal(d.found[0].grade, DOCTOR_UNKNOWN);
	assert_non_null(strstr(d.found[DOCTOR_SERVERS_MAX].text, "more than 32"));
}

/* ---- what they say ---- */

/* One server, or two, that do all well. */
static void good(unsigned n)
{
	d = (struct doctor){.n = 0};
	servers = (struct doctor_servers){.n = n};
	servers.server[0] =
	    (struct doctor_server){.addr = findings_addr("192.0.2.1:53"), .general = true};
	servers.server[1] =
	    (struct doctor_server){.addr = findings_addr("192.0.2.2:53"), .general = true};
	assert_int_equal(doctor_upstream_ask(&servers, probes), n * DOCTOR_PROBES);
	for (unsigned i = 0; i < n * DOCTOR_PROBES; i++) {
		probes[i].answered = true;
		probes[i].rtt_ms = 12;
		probes[i].has_opt = probes[i].is_signed = probes[i].edns;
	}
}

static void silence(unsigned i)
{
	probes[i].answered = probes[i].has_opt = false;
	probes[i].error = ETIMEDOUT;
}

static void test_questions(void **state)
{
	(void)state;
	good(1);
	assert_false(probes[DOCTOR_PROBE_PLAIN].edns || probes[DOCTOR_PROBE_PLAIN].tcp);
	assert_true(probes[DOCTOR_PROBE_EDNS].edns && !probes[DOCTOR_PROBE_EDNS].tcp);
	assert_true(probes[DOCTOR_PROBE_TCP].edns && probes[DOCTOR_PROBE_TCP].tcp);
	assert_int_equal(probes[0].type, TYPE_SOA);
	assert_int_equal(probes[0].name[0], 0);
}

static void test_good(void **state)
{
	(void)state;
	good(1);
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_OK,
	    "192.0.2.1:53 answers in 12 ms, over UDP and TCP, with EDNS and DNSSEC", "");
}

/* It is bad only where there is no other. */
static void test_silent(void **state)
{
	(void)state;
	good(1);
	for (unsigned i = 0; i < DOCTOR_PROBES; i++)
		silence(i);
	doctor_upstream(&d, &servers, probes);
	assert_finding(
	    &d, "upstream", DOCTOR_BAD, "does not answer over UDP: silence", "ping the router");
	good(2);
	for (unsigned i = 0; i < DOCTOR_PROBES; i++)
		silence(i);
	doctor_upstream(&d, &servers, probes);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.found[0].grade, DOCTOR_WARN);
	assert_int_equal(d.found[1].grade, DOCTOR_OK);
	/* One of some zones alone is no help for the others. */
	good(2);
	servers.server[1].general = false;
	for (unsigned i = 0; i < DOCTOR_PROBES; i++)
		silence(i);
	doctor_upstream(&d, &servers, probes);
	assert_int_equal(d.found[0].grade, DOCTOR_BAD);
}

static void test_lacks(void **state)
{
	(void)state;
	good(1);
	silence(DOCTOR_PROBE_TCP);
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_WARN, "not answer over TCP (silence)", "TCP port 53");
	good(1);
	silence(DOCTOR_PROBE_EDNS);
	doctor_upstream(&d, &servers, probes);
	assert_finding(
	    &d, "upstream", DOCTOR_WARN, "does not understand EDNS, and is silent", "upstream = ");
	good(1);
	probes[DOCTOR_PROBE_EDNS].has_opt = probes[DOCTOR_PROBE_EDNS].is_signed = false;
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_WARN, "does not understand EDNS:", "upstream = ");
	good(1);
	probes[DOCTOR_PROBE_EDNS].is_signed = false;
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_WARN, "leaves DNSSEC signatures out", "upstream = ");
	good(1);
	probes[DOCTOR_PROBE_EDNS].is_signed = false;
	probes[DOCTOR_PROBE_EDNS].truncated = true; /* they had no room */
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_OK, "with EDNS", "");
	good(1);
	probes[DOCTOR_PROBE_PLAIN].rcode = probes[DOCTOR_PROBE_EDNS].rcode = RCODE_REFUSED;
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_WARN,
	    "does not resolve: the SOA of the root gets RCODE 5", "upstream = ");
	/* Who has but some zones need not know the root. */
	good(2);
	servers.server[0].general = false;
	probes[DOCTOR_PROBE_PLAIN].rcode = probes[DOCTOR_PROBE_EDNS].rcode = RCODE_REFUSED;
	doctor_upstream(&d, &servers, probes);
	assert_int_equal(d.worst, DOCTOR_OK);
}

static void test_history(void **state)
{
	(void)state;
	good(1);
	servers.server[0].away = true;
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_WARN, "no reply from 192.0.2.1:53 of late",
	    "quellctl upstreams");
	good(1);
	servers.server[0].asked = 100;
	servers.server[0].failed = 19;
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_OK, "answers", "");
	good(1);
	servers.server[0].asked = 100;
	servers.server[0].failed = 20;
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_WARN, "20 of 100 questions", "quellctl upstreams");
	good(1);
	probes[DOCTOR_PROBE_PLAIN].rtt_ms = 900;
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_WARN, "took 900 ms", "upstream = ");
}

static void test_none(void **state)
{
	(void)state;
	good(0);
	doctor_upstream(&d, &servers, probes);
	assert_finding(&d, "upstream", DOCTOR_BAD, "there is no upstream", "upstream = ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_of_quelld),
	    cmocka_unit_test(test_of_configuration),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_questions),
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_silent),
	    cmocka_unit_test(test_lacks),
	    cmocka_unit_test(test_history),
	    cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests_name("doctor_upstream", tests, NULL, NULL);
}
