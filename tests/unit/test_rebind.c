/* test_rebind.c - which addresses are private, in which records they are found, which names are
 * public. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "lib/dns/name.h"
#include "resolver/core/rebind.h"

static bool is_private(const char *text)
{
	uint8_t bytes[16];
	struct rebind_address address = {strchr(text, ':') != NULL ? AF_INET6 : AF_INET, bytes};

	assert_int_equal(inet_pton(address.family, text, bytes), 1);
	return rebind_is_private(&address);
}

static void private_networks_from_edge_to_edge(void **state)
{
	static const char *const private[] = {
	    "0.0.0.0",
	    "0.255.255.255",
	    "10.0.0.0",
	    "10.255.255.255",
	    "100.64.0.0",
	    "100.127.255.255",
	    "127.0.0.0",
	    "127.255.255.255",
	    "169.254.0.0",
	    "169.254.255.255",
	    "172.16.0.0",
	    "172.31.255.255",
	    "192.168.0.0",
	    "192.168.255.255",
	    "255.255.255.255",
	    "::",
	    "::1",
	    "fc00::",
	    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "fe80::",
	    "febf:ffff::",
	    "fec0::1",
	};
	static const char *const public[] = {
	    "1.0.0.0",
	    "9.255.255.255",
	    "11.0.0.0",
	    "100.63.255.255",
	    "100.128.0.0",
	    "126.255.255.255",
	    "128.0.0.0",
	    "169.253.255.255",
	    "169.255.0.0",
	    "172.15.255.255",
	    "172.32.0.0",
	    "192.167.255.255",
	    "192.169.0.0",
	    "255.255.255.254",
	    "192.0.2.1",
	    "fbff:ffff::",
	    "fe00::",
	    "fe7f:ffff::",
	    "ff02::1",
	    "2001:db8::1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		if (!is_private(private[i]))
			fail_msg("not private: %s", private[i]);
	for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++)
		if (is_private(public[i]))
			fail_msg("private: %s", public[i]);
}

static void ipv4_is_seen_in_ipv6(void **state)
{
	static const char *const forms[][2] = {
	    {"::ffff:192.168.1.1", "::ffff:8.8.8.8"},
	    {"::ffff:0:192.168.1.1", "::ffff:0:8.8.8.8"},
	    {"::192.168.1.1", "::8.8.8.8"},
	    {"64:ff9b::10.1.2.3", "64:ff9b::8.8.8.8"},
	    {"64:ff9b:1::127.0.0.1", "64:ff9b:1::8.8.8.8"},
	    {"2002:c0a8:0101::1", "2002:0808:0808::1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!is_private(forms[i][0]))
			fail_msg("not private: %s", forms[i][0]);
		if (is_private(forms[i][1]))
			fail_msg("private: %s", forms[i][1]);
	}
}

/* A record of `type` and `class` with this rdata: is there a private address in it? */
static bool found(uint16_t type, uint16_t class, const void *rdata, size_t rdata_len)
{
	uint8_t msg[512] = {0};
	struct rebind_address address;

	msg_set_u16(msg + 20, type);
	msg_set_u16(msg + 22, class);
	msg_set_u16(msg + 28, (unsigned)rdata_len);
	memcpy(msg + 30, rdata, rdata_len);
	return rebind_find(msg, 30 + rdata_len, 24, &address);
}

#define FOUND(type, rdata) found(type, CLASS_IN, rdata, sizeof(rdata) - 1)

static void records_and_hints(void **state)
{
	(void)state;
	assert_true(FOUND(TYPE_A, "\300\250\1\1"));
	assert_false(FOUND(TYPE_A, "\10\10\10\10"));
	assert_true(FOUND(TYPE_AAAA, "\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"));
	assert_false(FOUND(TYPE_TXT, "\3\300\250\1\1"));
	/* In another class, it is something else. */
	assert_false(found(TYPE_A, CLASS_CH, "\300\250\1\1", 4));
	/* Priority, target, ipv4hint. */
	assert_true(FOUND(TYPE_HTTPS, "\0\1\0\0\4\0\4\12\0\0\1"));
	assert_true(FOUND(TYPE_SVCB, "\0\1\1a\0\0\4\0\10\10\10\10\10\12\0\0\1"));
	assert_false(FOUND(TYPE_SVCB, "\0\1\1a\0\0\4\0\10\10\10\10\10\10\10\4\4"));
	/* ipv6hint behind alpn. */
	assert_true(
	    FOUND(TYPE_HTTPS, "\0\1\0\0\1\0\3\2h2\0\6\0\20\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\1"));
	/* Another key with the same bytes. */
	assert_false(FOUND(TYPE_HTTPS, "\0\1\0\0\5\0\4\12\0\0\1"));
	/* Cut short, wherever: nothing outside is read. */
	for (size_t len = 0; len < 11; len++)
		assert_false(found(TYPE_HTTPS, CLASS_IN, "\0\1\0\0\4\0\4\12\0\0\1", len));
}

static bool is_public(const struct zones *zones, const char *text)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	return rebind_is_public(zones, name, len);
}

static void names_of_home_are_not_public(void **state)
{
	static struct zones zones;

	(void)state;
	rebind_except_usual(&zones);
	assert_true(is_public(&zones, "www.example.com"));
	assert_true(is_public(&zones, "example.com"));
	assert_true(is_public(&zones, "planlan.com"));
	assert_true(is_public(&zones, "nas.notlan"));
	assert_false(is_public(&zones, "."));
	assert_false(is_public(&zones, "router"));
	assert_false(is_public(&zones, "nas.lan"));
	assert_false(is_public(&zones, "a.b.home.arpa"));
	assert_true(is_public(&zones, "work.arpa"));
	assert_int_equal(zones_add(&zones, (const uint8_t *)"\4plex\6direct", 0), 0);
	assert_false(is_public(&zones, "a.plex.direct"));
	assert_false(is_public(&zones, "plex.direct"));
	assert_true(is_public(&zones, "xplex.direct"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(private_networks_from_edge_to_edge),
	    cmocka_unit_test(ipv4_is_seen_in_ipv6),
	    cmocka_unit_test(records_and_hints),
	    cmocka_unit_test(names_of_home_are_not_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
