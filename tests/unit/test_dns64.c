/* test_dns64.c - addresses of IPv4 within those of IPv6, and answers in need of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "lib/dns/reverse.h"
#include "resolver/core/dns64.h"

static struct net net_of(const char *text)
{
	struct net net = {.bits = 0};

	if (text[0] != '\0')
		assert_int_equal(net_parse(&net, text, NULL), 0);
	return net;
}

static void v4_of(const char *text, uint8_t v4[4])
{
	assert_int_equal(inet_pton(AF_INET, text, v4), 1);
}

static const char *embedded(const char *prefix, const char *v4_text)
{
	static char text[INET6_ADDRSTRLEN];
	const struct net net = net_of(prefix);
	uint8_t v4[4], v6[16];

	v4_of(v4_text, v4);
	memset(v6, 0xff, sizeof(v6));
	dns64_embed(&net, v4, v6);
	return inet_ntop(AF_INET6, v6, text, sizeof(text));
}

/* RFC 6052, 2.4. */
static const struct {
	const char *prefix, *v6;
} standard[] = {
    {"2001:db8::/32", "2001:db8:c000:221::"},
    {"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
    {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
    {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
    {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100:0"},
    {"2001:db8:122:344::/96", "2001:db8:122:344::c000:221"},
    {"64:ff9b::/96", "64:ff9b::c000:221"},
};

#define N_STANDARD (sizeof(standard) / sizeof(standard[0]))

static void addresses_of_the_standard(void **state)
{
	uint8_t one[16], other[16];

	(void)state;
	for (size_t i = 0; i < N_STANDARD; i++) {
		assert_int_equal(
		    inet_pton(AF_INET6, embedded(standard[i].prefix, "192.0.2.33"), one), 1);
		assert_int_equal(inet_pton(AF_INET6, standard[i].v6, other), 1);
		assert_memory_equal(one, other, sizeof(one));
	}
}

static bool may_embed(const char *prefix, const char *v4_text)
{
	const struct net net = net_of(prefix);
	uint8_t v4[4];

	v4_of(v4_text, v4);
	return dns64_may_embed(&net, v4);
}

static void private_addresses_under_a_prefix_of_ones_own(void **state)
{
	static const char *const private[] = {
	    "10.0.0.1", "192.168.255.255", "172.16.0.1", "127.0.0.1", "169.254.1.1", "100.64.0.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
		assert_false(may_embed("64:ff9b::/96", private[i]));
		assert_true(may_embed("64:ff9b:1::/96", private[i]));
		assert_true(may_embed("64:ff9b::/32", private[i]));
	}
	assert_true(may_embed("64:ff9b::/96", "192.0.2.33"));
	assert_true(may_embed("64:ff9b::/96", "11.0.0.1"));
}

static bool reverse(const char *prefix, const char *v6_text, uint8_t alias[NAME_SIZE])
{
	const struct net net = net_of(prefix);
	uint8_t v6[16], name[NAME_SIZE];

	assert_int_equal(inet_pton(AF_INET6, v6_text, v6), 1);
	reverse_name(AF_INET6, v6, name);
	return dns64_reverse(&net, name, name_len(name), alias);
}

static void reverse_names(void **state)
{
	static const uint8_t v4[] = {192, 0, 2, 33};
	const struct net net = net_of("64:ff9b::/96");
	uint8_t alias[NAME_SIZE], expected[NAME_SIZE], name[NAME_SIZE], v6[16];
	size_t len;

	(void)state;
	reverse_name(AF_INET, v4, expected);
	for (size_t i = 0; i < N_STANDARD; i++) {
		memset(alias, 0, sizeof(alias));
		assert_true(reverse(standard[i].prefix, standard[i].v6, alias));
		assert_memory_equal(alias, expected, name_len(expected));
	}
	/* Of another prefix; with something in bits 64 to 71; without a prefix. */
	assert_false(reverse("64:ff9b::/96", "64:ff9b:1::c000:221", alias));
	assert_false(reverse("2001:db8:122::/48", "2001:db8:122:c000:102:2100::", alias));
	assert_false(reverse("", "64:ff9b::c000:221", alias));

	/* Names that are not of the form. */
	dns64_embed(&net, v4, v6);
	reverse_name(AF_INET6, v6, name);
	len = name_len(name);
	assert_true(dns64_reverse(&net, name, len, alias));
	assert_false(dns64_reverse(&net, name + 2, len - 2, alias));
	name[1] = 'g';
	assert_false(dns64_reverse(&net, name, len, alias));
	name[1] = '1';
	name[0] = 3; /* "1", its neighbour's length and letter: as long in all */
	assert_false(dns64_reverse(&net, name, len, alias));
	name[0] = 1;
	name[len - 2] = 'x';
	assert_false(dns64_reverse(&net, name, len, alias));
}

/* An answer with these AAAA records, in normal form. */
static enum dns64_need need(unsigned rcode, const char *const addresses[], size_t n)
{
	static const uint8_t name[] = "\3www\7example";
	uint8_t out[512], v6[16];
	struct msg_writer w;

	msg_write_start(&w, out, sizeof(out), 0, (uint16_t)(MSG_QR | rcode));
	msg_write_question(&w, name, TYPE_AAAA, CLASS_IN);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(inet_pton(AF_INET6, addresses[i], v6), 1);
		msg_write_name(&w, name, true);
		buf_put_u16(&w.out, TYPE_AAAA);
		buf_put_u16(&w.out, CLASS_IN);
		buf_put_u32(&w.out, 300);
		buf_put_u16(&w.out, sizeof(v6));
		buf_put_bytes(&w.out, v6, sizeof(v6));
		msg_set_u16(out + 6, (unsigned)(i + 1));
	}
	assert_false(w.out.failed);
	assert_int_equal(dns64_soa_ttl(out, w.out.pos), DNS64_TTL_S);
	return dns64_need(out, w.out.pos);
}

static void what_an_answer_needs(void **state)
{
	static const char *const addresses[] = {"2001:db8::1", "::ffff:192.0.2.1", "::192.0.2.1"};

	(void)state;
	assert_int_equal(need(RCODE_NOERROR, NULL, 0), DNS64_SYNTHESIS);
	assert_int_equal(need(RCODE_NXDOMAIN, NULL, 0), DNS64_NOTHING);
	assert_int_equal(need(9, NULL, 0), DNS64_SYNTHESIS); /* NOTAUTH */
	assert_int_equal(need(RCODE_NOERROR, addresses, 1), DNS64_NOTHING);
	assert_int_equal(need(RCODE_NOERROR, addresses, 2), DNS64_FILTER);
	assert_int_equal(need(RCODE_NOERROR, addresses + 1, 1), DNS64_SYNTHESIS);
	assert_int_equal(need(RCODE_NOERROR, addresses + 2, 1), DNS64_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_of_the_standard),
	    cmocka_unit_test(private_addresses_under_a_prefix_of_ones_own),
	    cmocka_unit_test(reverse_names),
	    cmocka_unit_test(what_an_answer_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
