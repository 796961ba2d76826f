/* test_reverse.c - names of addresses, and zones of networks. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "lib/dns/reverse.h"

static void assert_name(const char *address, const char *expected)
{
	int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	uint8_t bytes[16], name[NAME_SIZE];
	char text[NAME_TEXT_SIZE];

	assert_int_equal(inet_pton(family, address, bytes), 1);
	reverse_name(family, bytes, name);
	assert_string_equal(name_to_text(name, text), expected);
}

static void names_of_addresses(void **state)
{
	(void)state;
	assert_name("192.168.0.5", "5.0.168.192.in-addr.arpa");
	assert_name("0.0.0.0", "0.0.0.0.in-addr.arpa");
	assert_name("255.255.255.255", "255.255.255.255.in-addr.arpa");
	/* The example of RFC 3596, 2.5 */
	assert_name("4321:0:1:2:3:4:567:89ab",
	    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}

static void assert_zones(const char *network, unsigned n, const char *first, const char *last)
{
	uint8_t name[NAME_SIZE];
	char text[NAME_TEXT_SIZE];
	struct net net;

	assert_int_equal(net_parse(&net, network, NULL), 0);
	assert_int_equal(reverse_n_zones(&net), n);
	reverse_zone(&net, 0, name);
	assert_string_equal(name_to_text(name, text), first);
	reverse_zone(&net, n - 1, name);
	assert_string_equal(name_to_text(name, text), last);
}

static void zones_of_networks(void **state)
{
	(void)state;
	assert_zones("192.168.0.0/16", 1, "168.192.in-addr.arpa", "168.192.in-addr.arpa");
	assert_zones("10.0.0.0/8", 1, "10.in-addr.arpa", "10.in-addr.arpa");
	assert_zones("172.16.0.0/12", 16, "16.172.in-addr.arpa", "31.172.in-addr.arpa");
	assert_zones("192.168.4.0/23", 2, "4.168.192.in-addr.arpa", "5.168.192.in-addr.arpa");
	assert_zones("192.168.1.7/32", 1, "7.1.168.192.in-addr.arpa", "7.1.168.192.in-addr.arpa");
	assert_zones("128.0.0.0/1", 128, "128.in-addr.arpa", "255.in-addr.arpa");
	assert_zones("0.0.0.0/0", 1, "in-addr.arpa", "in-addr.arpa");
	assert_zones("fd00::/8", 1, "d.f.ip6.arpa", "d.f.ip6.arpa");
	assert_zones("fc00::/7", 2, "c.f.ip6.arpa", "d.f.ip6.arpa");
	assert_zones("fe80::/10", 4, "8.e.f.ip6.arpa", "b.e.f.ip6.arpa");
	assert_zones(
	    "2001:db8::/33", 8, "0.8.b.d.0.1.0.0.2.ip6.arpa", "7.8.b.d.0.1.0.0.2.ip6.arpa");
	assert_zones("::/0", 1, "ip6.arpa", "ip6.arpa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_of_addresses),
	    cmocka_unit_test(zones_of_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
