/* test_client.c - which clients are answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/rng.h"
#include "resolver/core/client.h"

static enum client_access access_of(const struct options *options, const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(&a, text, 53, NULL), 0);
	return client_access(options, &a);
}

static void put(struct options *options, const char *text, enum client_access access)
{
	struct net net;

	assert_int_equal(net_parse(&net, text, NULL), 0);
	client_put(options, &net, access);
}

static void loopback_is_always_answered(void **state)
{
	static struct options options;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(access_of(&options, "127.0.0.1"), CLIENT_LOOPBACK);
		assert_int_equal(access_of(&options, "127.9.9.9"), CLIENT_LOOPBACK);
		assert_int_equal(access_of(&options, "[::1]"), CLIENT_LOOPBACK);
		assert_int_equal(access_of(&options, "[::ffff:127.0.0.1]"), CLIENT_LOOPBACK);
		put(&options, "127.0.0.0/8", CLIENT_DROP);
		put(&options, "127.0.0.1", CLIENT_REFUSE);
		put(&options, "::1", CLIENT_DROP);
	}
}

static void strangers_are_refused(void **state)
{
	static const struct options none;

	(void)state;
	assert_int_equal(access_of(&none, "192.168.1.1"), CLIENT_REFUSE);
	assert_int_equal(access_of(&none, "[fd00::1]"), CLIENT_REFUSE);
	assert_int_equal(access_of(&none, "128.0.0.1"), CLIENT_REFUSE);
}

static void networks_are_answered_to_their_edges(void **state)
{
	static struct options options;

	(void)state;
	put(&options, "172.16.0.0/12", CLIENT_ALLOW);
	put(&options, "2001:db8:1::/48", CLIENT_ALLOW);
	assert_int_equal(access_of(&options, "172.16.0.0"), CLIENT_ALLOW);
	assert_int_equal(access_of(&options, "172.31.255.255"), CLIENT_ALLOW);
	assert_int_equal(access_of(&options, "172.32.0.0"), CLIENT_REFUSE);
	assert_int_equal(access_of(&options, "172.15.255.255"), CLIENT_REFUSE);
	assert_int_equal(access_of(&options, "[2001:db8:1:ffff::1]"), CLIENT_ALLOW);
	assert_int_equal(access_of(&options, "[2001:db8:2::1]"), CLIENT_REFUSE);
	assert_int_equal(access_of(&options, "[::ffff:172.16.0.1]"), CLIENT_ALLOW);
}

/* In whatever order they come. */
static void the_most_specific_network_decides(void **state)
{
	static const struct {
		const char *net;
		enum client_access access;
	} rules[] = {
	    {"0.0.0.0/0", CLIENT_DROP},
	    {"10.0.0.0/8", CLIENT_ALLOW},
	    {"10.1.0.0/16", CLIENT_REFUSE},
	    {"10.1.1.0/24", CLIENT_ALLOW},
	    {"10.1.1.1", CLIENT_DROP},
	};
	static const size_t n = sizeof(rules) / sizeof(rules[0]);

	(void)state;
	for (size_t shift = 0; shift < 2 * n; shift++) {
		struct options options = {.n_access = 0};

		for (size_t i = 0; i < n; i++) {
			size_t at = ((shift < n ? i : n - 1 - i) + shift) % n;

			put(&options, rules[at].net, rules[at].access);
		}
		assert_int_equal(access_of(&options, "9.9.9.9"), CLIENT_DROP);
		assert_int_equal(access_of(&options, "10.2.0.1"), CLIENT_ALLOW);
		assert_int_equal(access_of(&options, "10.1.0.1"), CLIENT_REFUSE);
		assert_int_equal(access_of(&options, "10.1.1.2"), CLIENT_ALLOW);
		assert_int_equal(access_of(&options, "10.1.1.1"), CLIENT_DROP);
		assert_int_equal(access_of(&options, "[2001:db8::1]"), CLIENT_REFUSE);
	}
}

static void of_equals_the_stricter_decides(void **state)
{
	static const enum client_access strictness[] = {CLIENT_ALLOW, CLIENT_REFUSE, CLIENT_DROP};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned j = 0; j < 3; j++) {
			struct options options = {.n_access = 0};

			put(&options, "192.0.2.0/24", strictness[i]);
			put(&options, "192.0.2.0/24", strictness[j]);
			assert_int_equal(
			    access_of(&options, "192.0.2.9"), strictness[i > j ? i : j]);
		}
	}
}

/* ---- against the plain way: one network after the other, by net_contains() ---- */

#define NETS_MAX 40

struct plain {
	struct net net[NETS_MAX];
	enum client_access access[NETS_MAX];
	unsigned n;
};

static enum client_access plain_access(const struct plain *p, const union addr *from)
{
	enum client_access access = CLIENT_REFUSE;
	int bits = -1;

	if (addr_is_loopback(from))
		return CLIENT_LOOPBACK;
	for (unsigned i = 0; i < p->n; i++) {
		const struct net *net = &p->net[i];

		if (!net_contains(net, from) || net->bits < bits ||
		    (net->bits == bits && p->access[i] <= access))
			continue;
		bits = net->bits;
		access = p->access[i];
	}
	return access;
}

static struct net random_net(struct rng *rng)
{
	bool v4 = rng_below(rng, 2) == 0;
	unsigned bits = rng_below(rng, v4 ? 33 : 129);
	struct net net = {.family = v4 ? AF_INET : AF_INET6, .bits = (uint8_t)bits};

	/* Few bytes differ, so that one lies in another. */
	for (unsigned i = 0; i < bits; i++)
		if (rng_below(rng, 8) == 0)
			net.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return net;
}

/* An address in or beside the network. */
static union addr near(struct rng *rng, const struct net *net)
{
	union addr a = {.sa = {.sa_family = net->family}};
	uint8_t *bytes =
	    net->family == AF_INET ? (uint8_t *)&a.in4.sin_addr : a.in6.sin6_addr.s6_addr;
	unsigned n_bits = net->family == AF_INET ? 32 : 128;

	memcpy(bytes, net->bytes, n_bits / 8);
	for (unsigned i = rng_below(rng, 4); i > 0; i--) {
		unsigned bit = rng_below(rng, n_bits);

		bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
	return a;
}

static void the_plain_way_says_the_same(void **state)
{
	static struct options options;
	static struct plain p;
	struct rng rng;

	(void)state;
	rng_init_fixed(&rng, 7);
	for (unsigned round = 0; round < 300; round++) {
		options.n_access = 0;
		for (p.n = 0; p.n < 1 + round % NETS_MAX; p.n++) {
			p.net[p.n] = random_net(&rng);
			p.access[p.n] = (enum client_access)(CLIENT_ALLOW + rng_below(&rng, 3));
			client_put(&options, &p.net[p.n], p.access[p.n]);
		}
		for (unsigned i = 0; i < 200; i++) {
			union addr a = near(&rng, &p.net[rng_below(&rng, p.n)]);

			assert_int_equal(client_access(&options, &a), plain_access(&p, &a));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(loopback_is_always_answered),
	    cmocka_unit_test(strangers_are_refused),
	    cmocka_unit_test(networks_are_answered_to_their_edges),
	    cmocka_unit_test(the_most_specific_network_decides),
	    cmocka_unit_test(of_equals_the_stricter_decides),
	    cmocka_unit_test(the_plain_way_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
