/* test_hostnet.c - who is answered by default: private networks and this machine's own. */
#include <ifaddrs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/hostnet.h"

#define NETS_MAX     128
#define PRIVATE_NETS 6 /* they come first */

static bool allowed(const struct net *nets, unsigned n, const union addr *a)
{
	for (unsigned i = 0; i < n; i++) {
		if (net_contains(&nets[i], a))
			return true;
	}
	return false;
}

/* Both ends of each network, and the neighbours outside (RFC 1918, 3927, 4193). */
static void test_private_nets(void **state)
{
	static const struct {
		const char *text;
		bool inside;
	} rows[] = {
	    {"10.0.0.0", true},
	    {"10.255.255.255", true},
	    {"172.16.0.0", true},
	    {"172.31.255.255", true},
	    {"192.168.0.0", true},
	    {"192.168.255.255", true},
	    {"169.254.0.0", true},
	    {"169.254.255.255", true},
	    {"[fc00::]", true},
	    {"[fdff:ffff::1]", true},
	    {"[::ffff:10.1.2.3]", true},
	    {"9.255.255.255", false},
	    {"11.0.0.0", false},
	    {"172.15.255.255", false},
	    {"172.32.0.0", false},
	    {"192.167.255.255", false},
	    {"192.169.0.0", false},
	    {"[2001:db8::1]", false},
	};
	struct net nets[PRIVATE_NETS];
	unsigned n = hostnet_allowed(nets, PRIVATE_NETS);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		union addr a;

		assert_int_equal(addr_parse(&a, rows[i].text, 53, NULL), 0);
		assert_int_equal(allowed(nets, n, &a), rows[i].inside);
	}
}

/* Nothing stands for everybody, nothing twice, and the bound of the caller holds. */
static void test_sound(void **state)
{
	struct net nets[NETS_MAX], few[3];
	unsigned n = hostnet_allowed(nets, NETS_MAX);

	(void)state;
	assert_true(n >= PRIVATE_NETS && n <= NETS_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct net parsed;
		char text[ADDR_TEXT_SIZE];

		assert_true(nets[i].bits > 0);
		assert_int_equal(net_parse(&parsed, net_format(&nets[i], text), NULL), 0);
		assert_memory_equal(&parsed, &nets[i], sizeof(parsed));
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(&nets[i], &nets[k], sizeof(nets[i]));
	}
	memset(&few[2], 0x5a, sizeof(few[2]));
	assert_int_equal(hostnet_allowed(few, 2), 2);
	assert_int_equal(few[2].bits, 0x5a);
}

static void test_own(void **state)
{
	struct net nets[NETS_MAX];
	unsigned n = hostnet_allowed(nets, NETS_MAX);
	struct ifaddrs *all;

	(void)state;
	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		union addr a;

		if (i->ifa_addr == NULL || i->ifa_netmask == NULL)
			continue;
		memset(&a, 0, sizeof(a));
		a.sa.sa_family = i->ifa_addr->sa_family;
		if (addr_len(&a) == 0)
			continue;
		memcpy(&a, i->ifa_addr, addr_len(&a));
		assert_true(allowed(nets, n, &a));
	}
	freeifaddrs(all);
}

/* Without news there is nothing to read, and draining does not wait. */
static void test_watch(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(hostnet_watch_open(&fd), 0);
	hostnet_watch_drain(fd);
	close(fd);
}

static void test_sources(void **state)
{
	const char *const texts[] = {"127.0.0.1", "127.7.7.7", "[::1]", "255.255.255.255"};
	union addr to[4], from[4];
	uint8_t a[16], b[16];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(addr_parse(&to[i], texts[i], 53, NULL), 0);
	hostnet_sources(to, 4, from);
	assert_int_equal(addr_host_bytes(&from[0], a), AF_INET);
	assert_int_equal(addr_host_bytes(&to[0], b), AF_INET);
	assert_memory_equal(a, b, 4);
	assert_true(addr_is_loopback(&from[1]));
	assert_true(addr_is_loopback(&from[2]) || from[2].sa.sa_family == AF_UNSPEC);
	/* Nobody may ask all. */
	assert_int_equal(from[3].sa.sa_family, AF_UNSPEC);
	assert_int_equal(addr_port(&from[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_private_nets),
	    cmocka_unit_test(test_sound),
	    cmocka_unit_test(test_own),
	    cmocka_unit_test(test_watch),
	    cmocka_unit_test(test_sources),
	};

	return cmocka_run_group_tests_name("hostnet", tests, NULL, NULL);
}
