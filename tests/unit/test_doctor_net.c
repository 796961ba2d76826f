/* test_doctor_net.c - resolvers, leases and addresses as systems write them down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/findings.h"
#include "tools/doctor_net.h"

static struct doctor d;
static struct doctor_case c;

/* A machine at 192.168.1.2 and fd00::2, at all of whose IPv4 addresses quelld listens. */
static int set_up(void **state)
{
	d = (struct doctor){.n = 0};
	c = (struct doctor_case){.root = "root", .reach = DOCTOR_ANSWERS};
	c.own = (struct doctor_addrs){
	    .addr = {findings_addr("192.168.1.2:53"), findings_addr("[fd00::2]:53")}, .n = 2};
	c.listen = (struct doctor_addrs){.addr = {findings_addr("0.0.0.0:53")}, .n = 1};
	return scratch_set_up(state);
}

/* ---- this machine ---- */

static void test_self(void **state)
{
	(void)state;
	doctor_self(&d, &c);
	assert_finding(&d, "self", DOCTOR_UNKNOWN, "/etc/resolv.conf", "resolvectl");
	findings_file("/etc/resolv.conf", "# none\nsearch lan\n");
	doctor_self(&d, &c);
	assert_finding(&d, "self", DOCTOR_UNKNOWN, "/etc/resolv.conf", "resolvectl");
	findings_file("/etc/resolv.conf", "nameserver 127.0.0.1\n");
	doctor_self(&d, &c);
	assert_finding(&d, "self", DOCTOR_OK, "asks quell", "");
	findings_file("/etc/resolv.conf", "nameserver 192.168.1.2\n");
	doctor_self(&d, &c);
	assert_finding(&d, "self", DOCTOR_OK, "asks quell", "");
	findings_file("/etc/resolv.conf", "nameserver 192.168.1.1\n");
	doctor_self(&d, &c);
	assert_finding(&d, "self", DOCTOR_OK, "192.168.1.1 and not quell", "");
	findings_file("/etc/resolv.conf", "nameserver 192.168.1.2\nnameserver 192.168.1.1\n");
	doctor_self(&d, &c);
	assert_finding(&d, "self", DOCTOR_WARN, "at 192.168.1.2 and also 192.168.1.1",
	    "nameserver 192.168.1.1");
	/* It is this machine, and quell does not listen there. */
	findings_file("/etc/resolv.conf", "nameserver fd00::2\n");
	doctor_self(&d, &c);
	assert_finding(&d, "self", DOCTOR_OK, "fd00::2 and not quell", "");
}

static void test_self_behind_stub(void **state)
{
	(void)state;
	c.listen.addr[0] = findings_addr("192.168.1.2:53");
	findings_file("/etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0\n");
	findings_file(
	    "/run/systemd/resolve/resolv.conf", "nameserver 192.168.1.2\nnameserver 9.9.9.9\n");
	doctor_self(&d, &c);
	assert_finding(&d, "self", DOCTOR_WARN, "also 9.9.9.9", "9.9.9.9");
}

/* ---- the router ---- */

static void test_router_unknown(void **state)
{
	(void)state;
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_UNKNOWN, "cannot be known from here",
	    "192.168.1.2 has to be its only DNS server");
	/* A lease without resolvers says nothing of them. */
	findings_file("/run/systemd/netif/leases/2", "ADDRESS=192.168.1.2\nMDNS=yes\nDNS=\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_UNKNOWN, "cannot be known from here", "192.168.1.2");
}

static void test_router_networkd(void **state)
{
	(void)state;
	findings_file("/run/systemd/netif/leases/2",
	    "# This is private data. Do not "
	    "parse.\nADDRESS=192.168.1.2\nROUTER=192.168.1.1\nDNS=192.168.1.2\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_OK, "alone (192.168.1.2)", "");
	findings_file(
	    "/run/systemd/netif/leases/2", "DNS=192.168.1.2 192.168.1.1\nNTP=192.168.1.1\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_BAD,
	    "(192.168.1.2) the router hands out 192.168.1.1:", "make 192.168.1.2 the DNS server");
	findings_file("/run/systemd/netif/leases/2", "DNS=192.168.1.1\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_WARN, "hands out 192.168.1.1, and not this machine",
	    "192.168.1.2");
}

/* An announcement of IPv6 beside a good lease.  What is IPv4 in the file of the link may be set
 * by hand. */
static void test_router_announces(void **state)
{
	(void)state;
	findings_file("/run/systemd/netif/leases/2", "DNS=192.168.1.2\n");
	findings_file("/run/systemd/netif/links/2",
	    "ADMIN_STATE=configured\nDNS=9.9.9.9 192.168.1.2 fe80::1%lo\nLLMNR=yes\nMDNS=no\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_BAD, "the router hands out fe80::1", "RDNSS");
	findings_file("/run/systemd/netif/links/2", "DNS=9.9.9.9 fd00::2\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_OK, "alone (192.168.1.2, fd00::2)", "");
}

/* Of a file of dhclient the last lease counts. */
static void test_router_dhclient(void **state)
{
	static const char leases[] =
	    "lease {\n  interface \"eth0\";\n  fixed-address 192.168.1.2;\n"
	    "  option routers 192.168.1.1;\n"
	    "  option domain-name-servers 192.168.1.1,9.9.9.9;\n}\n"
	    "lease {\n  option domain-name-servers 192.168.1.2;\n}\n";

	(void)state;
	findings_file("/var/lib/dhcp/dhclient.eth0.leases", leases);
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_OK, "alone (192.168.1.2)", "");
	findings_file("/var/lib/dhcp/dhclient6.eth0.leases",
	    "lease6 {\n  option dhcp6.name-servers fd00::1, fd00::2;\n}\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_BAD, "hands out fd00::1", "DHCPv6");
}

static void test_router_resolvconf(void **state)
{
	(void)state;
	findings_file("/run/resolvconf/interfaces/eth0.dhcp", "nameserver 192.168.1.2\n");
	findings_file("/run/resolvconf/interfaces/eth0.ra", "nameserver fd00::1\n");
	findings_file("/run/resolvconf/interfaces/lo.quell", "nameserver 9.9.9.9\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_BAD, "hands out fd00::1", "RDNSS");
}

/* NetworkManager mixes what it was given with what was set by hand: so the connection has to say
 * that nothing was. */
static void test_router_network_manager(void **state)
{
	static const char path[] = "/etc/NetworkManager/system-connections/eth0.nmconnection";

	(void)state;
	findings_file("/run/NetworkManager/resolv.conf",
	    "# Generated by NetworkManager\nsearch lan\nnameserver 192.168.1.2\nnameserver "
	    "192.168.1.1\nnameserver fd00::1\n");
	findings_file("/run/NetworkManager/devices/1", "[device]\nmanaged=false\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_UNKNOWN, "cannot be known", "192.168.1.2");
	findings_file(
	    "/run/NetworkManager/devices/2", "[device]\nmanaged=true\nconnection-uuid=11-22\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_UNKNOWN, "cannot be known", "192.168.1.2");
	findings_file("/etc/NetworkManager/system-connections/other.nmconnection",
	    "[connection]\nid=other\nuuid=11-223\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_UNKNOWN, "cannot be known", "192.168.1.2");
	findings_file(path, "[connection]\nid=eth0\nuuid=11-22\n\n[ipv4]\nmethod=auto\n\n[ipv6]"
			    "\naddr-gen-mode=default\nmethod=ignore\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_BAD,
	    "(192.168.1.2) the router hands out 192.168.1.1:", "192.168.1.2");
	findings_file(path, "[connection]\nuuid=11-22\n[ipv4]\ndns=192.168.1.2;\nmethod=auto\n\n["
			    "ipv6]\nmethod=auto\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_WARN, "hands out fd00::1, and not", "RDNSS");
	findings_file(path, "[connection]\nuuid=11-22\n[ipv4]\nmethod=manual\n\n[ipv6]\nmethod="
			    "auto\nignore-auto-dns=true\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_UNKNOWN, "cannot be known", "192.168.1.2");
	/* Another one in use of which nothing is known. */
	findings_file(path, "[connection]\nuuid=11-22\n[ipv4]\nmethod=auto\n");
	findings_file("/run/NetworkManager/devices/3", "[device]\nconnection-uuid=33\n");
	doctor_router(&d, &c);
	assert_finding(&d, "router", DOCTOR_UNKNOWN, "cannot be known", "192.168.1.2");
}

/* ---- IPv6 ---- */

static void test_ipv6(void **state)
{
	(void)state;
	doctor_ipv6(&d, &c);
	assert_finding(&d, "ipv6", DOCTOR_OK, "no address of IPv6", "");
	findings_file("/proc/net/if_inet6",
	    "00000000000000000000000000000001 01 80 10 80       lo\n"
	    "fe80000000000000000000fffe000001 02 40 20 80     eth0\n");
	doctor_ipv6(&d, &c);
	assert_finding(&d, "ipv6", DOCTOR_OK, "no address of IPv6", "");
	/* A temporary one, one that stays, an old one, and the best: of this house alone. */
	findings_file("/proc/net/if_inet6",
	    "20010db8000000000000000000000099 02 40 00 01     eth0\n"
	    "20010db8000000000000000000000001 02 40 00 80     eth0\n");
	doctor_ipv6(&d, &c);
	assert_finding(&d, "ipv6", DOCTOR_WARN, "(2001:db8::1)", "\"[2001:db8::1]:53\"");
	findings_file("/proc/net/if_inet6",
	    "fd000000000000000000000000000003 02 40 00 20     eth0\n"
	    "fd000000000000000000000000000002 02 40 00 80     eth0\n"
	    "20010db8000000000000000000000001 02 40 00 80     eth0\n");
	doctor_ipv6(&d, &c);
	assert_finding(&d, "ipv6", DOCTOR_WARN, "(fd00::2)", "\"[fd00::2]:53\"");
	c.listen.addr[c.listen.n++] = findings_addr("[2001:db8::1]:53");
	doctor_ipv6(&d, &c);
	assert_finding(
	    &d, "ipv6", DOCTOR_OK, "listens at IPv6, too; the address that stays is fd00::2", "");
	c.reach = DOCTOR_AWAY;
	doctor_ipv6(&d, &c);
	assert_finding(&d, "ipv6", DOCTOR_OK, "is to listen at IPv6", "");
	c.listen.addr[1] = findings_addr("[::]:53");
	doctor_ipv6(&d, &c);
	assert_finding(&d, "ipv6", DOCTOR_OK, "that stays is fd00::2", "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_self),
	    TEST(test_self_behind_stub),
	    TEST(test_router_unknown),
	    TEST(test_router_networkd),
	    TEST(test_router_announces),
	    TEST(test_router_dhclient),
	    TEST(test_router_resolvconf),
	    TEST(test_router_network_manager),
	    TEST(test_ipv6),
	};

	return cmocka_run_group_tests_name("doctor_net", tests, NULL, NULL);
}
