/* test_addr.c - addresses and networks as text, and what is in what. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lib/addr.h"

static union addr addr(const char *text)
{
	union addr a;
	struct why why = {""};

	if (addr_parse(&a, text, 53, &why) < 0)
		fail_msg("%s", why.text);
	return a;
}

static struct net net(const char *text)
{
	struct net n;
	struct why why = {""};

	if (net_parse(&n, text, &why) < 0)
		fail_msg("%s", why.text);
	return n;
}

static void test_addr_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"192.0.2.1:5300", "192.0.2.1:5300"},
	    {"192.0.2.1", "192.0.2.1:53"},
	    {"[2001:db8::1]:53", "[2001:db8::1]:53"},
	    {"[2001:DB8:0:0::1]", "[2001:db8::1]:53"},
	    {"2001:db8::1", "[2001:db8::1]:53"},
	    {"::", "[::]:53"},
	    {"0.0.0.0:65535", "0.0.0.0:65535"},
	    {"[::1]:1", "[::1]:1"},
	};
	char text[ADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		union addr a = addr(cases[i].in), b;

		assert_string_equal(addr_format(&a, text), cases[i].out);
		b = addr(text);
		assert_true(addr_equal(&a, &b));
		assert_memory_equal(&a, &b, addr_len(&a));
	}
}

static void test_addr_bytes(void **state)
{
	char text[ADDR_TEXT_SIZE];
	union addr a = addr("192.0.2.1:5300");

	(void)state;
	assert_int_equal(a.sa.sa_family, AF_INET);
	assert_int_equal(a.in4.sin_addr.s_addr, htonl(0xc0000201));
	assert_int_equal(a.in4.sin_port, htons(5300));
	assert_int_equal(addr_port(&a), 5300);
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in));
	assert_string_equal(addr_format_host(&a, text), "192.0.2.1");

	a = addr("[2001:db8::1]:5301");
	assert_int_equal(a.sa.sa_family, AF_INET6);
	assert_int_equal(a.in6.sin6_addr.s6_addr[15], 1);
	assert_int_equal(addr_port(&a), 5301);
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in6));
	assert_string_equal(addr_format_host(&a, text), "2001:db8::1");
}

static void test_addr_errors(void **state)
{
	static const char *const bad[] = {"", ":53", "1.2.3:53", "1.2.3.4.5", "256.1.1.1",
	    "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:x", "1.2.3.4:-1", "1.2.3.4:5 3",
	    " 1.2.3.4", "[::1", "::1]:53", "[::1]53", "[::1]:", "[1.2.3.4]:53", "[::1]:53:53",
	    "localhost", "[fe80::1]:53", "[fe80::1%]:53", "[2001:db8::1%lo]:53", "1.2.3.4%lo",
	    "[fe80::1%a\nb]:53", "[fe80::1%a b]:53", "[fe80::1%a/b]:53",
	    "[fe80::1%sixteen-letters-]:53"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		union addr a;
		struct why why = {""};
		char shown[64];

		assert_int_equal(addr_parse(&a, bad[i], 53, &why), ERR_FORMAT);
		(void)snprintf(shown, sizeof(shown), "%s", bad[i]);
		for (char *c = shown; (c = strchr(c, '\n')) != NULL;)
			*c = ' '; /* a reason has no control characters */
		assert_non_null(strstr(why.text, shown));
		assert_int_equal(a.sa.sa_family, AF_UNSPEC);
	}
}

static void test_addr_too_long(void **state)
{
	char text[ADDR_TEXT_SIZE + 1];
	union addr a;

	(void)state;
	memset(text, '0', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(addr_parse(&a, text, 53, NULL), ERR_FORMAT);
	memcpy(text, "[fe80::1%", 9);
	assert_int_equal(addr_parse(&a, text, 53, NULL), ERR_FORMAT);
}

static void test_addr_without_default_port(void **state)
{
	static const struct {
		const char *in, *hint;
	} cases[] = {
	    {"192.0.2.1", "as in 192.0.2.1:53"},
	    {"2001:db8::1", "as in [2001:db8::1]:53"},
	    {"[2001:db8::1]", "as in [2001:db8::1]:53"},
	};
	union addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct why why = {""};

		assert_int_equal(addr_parse(&a, cases[i].in, 0, &why), ERR_FORMAT);
		assert_non_null(strstr(why.text, cases[i].hint));
	}
	assert_int_equal(addr_parse(&a, "192.0.2.1:7", 0, NULL), 0);
}

static void test_addr_interface(void **state)
{
	unsigned lo = if_nametoindex("lo");
	char text[ADDR_TEXT_SIZE], by_number[ADDR_TEXT_SIZE];
	union addr a, b;
	struct why why = {""};

	(void)state;
	assert_int_equal(addr_parse(&a, "[fe80::1%no-such-if]:53", 0, &why), ERR_NOTFOUND);
	assert_non_null(strstr(why.text, "no-such-if"));
	assert_int_equal(addr_parse(&a, "[fe80::1%999999]:53", 0, &why), ERR_NOTFOUND);
	if (lo == 0)
		return;
	a = addr("[fe80::1%lo]:53");
	assert_int_equal(a.in6.sin6_scope_id, lo);
	assert_string_equal(addr_format(&a, text), "[fe80::1%lo]:53");
	assert_string_equal(addr_format_host(&a, text), "fe80::1%lo");
	(void)snprintf(by_number, sizeof(by_number), "[fe80::1%%%u]:53", lo);
	b = addr(by_number);
	assert_true(addr_equal(&a, &b));
	b.in6.sin6_scope_id = lo + 1000000; /* another interface, and one that is gone */
	assert_false(addr_equal(&a, &b));
	(void)snprintf(by_number, sizeof(by_number), "[fe80::1%%%u]:53", lo + 1000000);
	assert_string_equal(addr_format(&b, text), by_number);
}

static void test_addr_kinds(void **state)
{
	union addr a;

	(void)state;
	a = addr("0.0.0.0");
	assert_true(addr_is_wildcard(&a) && !addr_is_loopback(&a));
	a = addr("::");
	assert_true(addr_is_wildcard(&a) && !addr_is_loopback(&a));
	a = addr("127.255.0.1");
	assert_true(!addr_is_wildcard(&a) && addr_is_loopback(&a));
	a = addr("::1");
	assert_true(!addr_is_wildcard(&a) && addr_is_loopback(&a));
	a = addr("::ffff:127.0.0.1");
	assert_true(addr_is_loopback(&a));
	a = addr("128.0.0.1");
	assert_false(addr_is_loopback(&a));
	a = addr("::2");
	assert_false(addr_is_loopback(&a));
	a = addr("::ffff:128.0.0.1");
	assert_false(addr_is_loopback(&a));
}

static void test_addr_equal(void **state)
{
	union addr a = addr("192.0.2.1:53"), b;

	(void)state;
	b = addr("192.0.2.1:54");
	assert_false(addr_equal(&a, &b));
	b = addr("192.0.2.2:53");
	assert_false(addr_equal(&a, &b));
	b = addr("::ffff:192.0.2.1");
	assert_false(addr_equal(&a, &b));
	a = addr("2001:db8::1");
	b = addr("2001:db8::1");
	b.in6.sin6_scope_id = 9; /* says nothing for a global address */
	assert_true(addr_equal(&a, &b));
}

/* As a socket's is before it has one. */
static void test_addr_of_no_family(void **state)
{
	const union addr none = {0}, other = {0}, v4 = addr("127.0.0.1:53");
	char text[ADDR_TEXT_SIZE];
	uint8_t bytes[16];

	(void)state;
	assert_string_equal(addr_format(&none, text), "none");
	assert_int_equal(addr_len(&none), 0);
	assert_int_equal(addr_port(&none), 0);
	assert_int_equal(addr_host_bytes(&none, bytes), AF_UNSPEC);
	assert_int_equal(addr_number(&none).family, AF_UNSPEC);
	assert_false(addr_is_loopback(&none));
	assert_false(addr_is_wildcard(&none));
	assert_true(addr_equal(&none, &other));
	assert_false(addr_equal(&none, &v4));
}

static void test_net_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"192.168.0.0/16", "192.168.0.0/16"},
	    {"10.0.0.1", "10.0.0.1/32"},
	    {"fe80::/10", "fe80::/10"},
	    {"2001:db8::1", "2001:db8::1/128"},
	    {"0.0.0.0/0", "0.0.0.0/0"},
	    {"::/0", "::/0"},
	    {"172.16.0.0/12", "172.16.0.0/12"},
	};
	char text[ADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net n = net(cases[i].in);

		assert_string_equal(net_format(&n, text), cases[i].out);
	}
}

static void test_net_errors(void **state)
{
	static const struct {
		const char *in, *hint;
	} cases[] = {
	    {"192.168.1.7/16", "the network is 192.168.0.0/16"},
	    {"fe80::1/10", "the network is fe80::/10"},
	    {"10.0.0.0/33", "from 0 to 32"},
	    {"::/129", "from 0 to 128"},
	    {"10.0.0.0/", "from 0 to 32"},
	    {"10.0.0.0/8/8", "from 0 to 32"},
	    {"10.0.0.0/-1", "from 0 to 32"},
	    {"10.0.0/8", "not a network"},
	    {"", "not a network"},
	    {"/8", "not a network"},
	    {"fe80::1%lo", "not a network"},
	    {"2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000/32", "not a network"},
	    {"::ffff:10.0.0.0/104", "as IPv4"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net n;
		struct why why = {""};

		assert_int_equal(net_parse(&n, cases[i].in, &why), ERR_FORMAT);
		if (strstr(why.text, cases[i].hint) == NULL)
			fail_msg("%s", why.text);
	}
}

static void test_net_contains(void **state)
{
	static const struct {
		const char *net, *addr;
		bool in;
	} cases[] = {
	    {"172.16.0.0/12", "172.16.0.0", true},
	    {"172.16.0.0/12", "172.31.255.255", true},
	    {"172.16.0.0/12", "172.32.0.0", false},
	    {"172.16.0.0/12", "172.15.255.255", false},
	    {"10.0.0.1/32", "10.0.0.1", true},
	    {"10.0.0.1/32", "10.0.0.0", false},
	    {"0.0.0.0/0", "203.0.113.9", true},
	    {"0.0.0.0/0", "2001:db8::1", false},
	    {"::/0", "2001:db8::1", true},
	    {"::/0", "10.0.0.1", false},
	    {"fc00::/7", "fdff::1", true},
	    {"fc00::/7", "fe00::1", false},
	    {"192.168.0.0/16", "::ffff:192.168.3.4", true},
	    {"192.168.0.0/16", "::ffff:192.169.3.4", false},
	    {"::/0", "::ffff:192.168.3.4", false},
	    {"2001:db8::1/128", "2001:db8::1", true},
	    {"2001:db8::1/128", "2001:db8::2", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net n = net(cases[i].net);
		union addr a = addr(cases[i].addr);

		if (net_contains(&n, &a) != cases[i].in)
			fail_msg("%s in %s", cases[i].addr, cases[i].net);
	}
}

/* The numbers say of two addresses what the bytes do. */
static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		int family;
		uint64_t high, low;
	} addrs[] = {
	    {"1.2.3.4", AF_INET, 0, 0x01020304},
	    {"255.255.255.255", AF_INET, 0, 0xffffffff},
	    {"[::ffff:1.2.3.4]", AF_INET, 0, 0x01020304},
	    {"[::1]", AF_INET6, 0, 1},
	    {"[::1.2.3.4]", AF_INET6, 0, 0x01020304},
	    {"[::fffe:1.2.3.4]", AF_INET6, 0, 0xfffe01020304},
	    {"[2001:db8:1:2:3:4:5:6]", AF_INET6, 0x20010db800010002, 0x0003000400050006},
	    {"[1::ffff:1.2.3.4]", AF_INET6, 0x0001000000000000, 0xffff01020304},
	};
	const union addr none = {.sa = {.sa_family = AF_UNIX}};

	(void)state;
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		struct addr_number n;
		union addr a;

		assert_int_equal(addr_parse(&a, addrs[i].text, 53, NULL), 0);
		n = addr_number(&a);
		assert_int_equal(n.family, addrs[i].family);
		assert_true(n.high == addrs[i].high && n.low == addrs[i].low);
	}
	assert_int_equal(addr_number(&none).family, AF_UNSPEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addr_text),
	    cmocka_unit_test(test_addr_bytes),
	    cmocka_unit_test(test_addr_errors),
	    cmocka_unit_test(test_addr_too_long),
	    cmocka_unit_test(test_addr_without_default_port),
	    cmocka_unit_test(test_addr_interface),
	    cmocka_unit_test(test_addr_kinds),
	    cmocka_unit_test(test_addr_equal),
	    cmocka_unit_test(test_addr_of_no_family),
	    cmocka_unit_test(test_net_text),
	    cmocka_unit_test(test_net_errors),
	    cmocka_unit_test(test_net_contains),
	    cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
