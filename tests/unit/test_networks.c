/* test_networks.c - the section of networks, against a plain list. */
#include "tests/unit/lists.h"

#include <arpa/inet.h>

#include "blocklists/networks.h"

#define MAX 400

/* Not net_parse(): it takes no IPv4 address mapped into IPv6. */
static struct net net_of(const char *address, uint8_t bits)
{
	struct net net = {
	    .family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET, .bits = bits};

	assert_int_equal(inet_pton(net.family, address, net.bytes), 1);
	return net;
}

static bool same_net(const struct net *a, const struct net *b)
{
	return a->family == b->family && a->bits == b->bits &&
	       memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : 16) == 0;
}

static uint8_t *section_of(struct networks *s, struct networks_source *sources, size_t n)
{
	struct why why = {""};
	uint8_t *bytes;
	size_t len;

	assert_int_equal(networks_build(sources, n, &bytes, &len), 0);
	assert_int_equal(networks_open(s, bytes, len, &why), 0);
	assert_int_equal(networks_verify(s, &why), 0);
	assert_int_equal(s->n, n);
	return bytes;
}

struct seen {
	size_t n;
	struct networks_source at[MAX];
};

static void on_found(void *ctx, const struct net *network, uint32_t set)
{
	struct seen *seen = ctx;

	assert_true(seen->n < MAX);
	if (seen->n != 0)
		assert_true(network->bits < seen->at[seen->n - 1].network.bits);
	seen->at[seen->n++] = (struct networks_source){*network, set};
}

/* Bit by bit, apart from the code that is tested. */
static bool contains(const struct net *net, int family, const uint8_t *address)
{
	if (net->family != family)
		return false;
	for (unsigned i = 0; i < net->bits; i++) {
		if (((net->bytes[i / 8] ^ address[i / 8]) & 0x80 >> i % 8) != 0)
			return false;
	}
	return true;
}

static void check(const struct networks *s, const struct networks_source *list, size_t n,
    int family, const uint8_t *address)
{
	struct seen seen = {0};
	size_t expected = 0;

	networks_match(s, family, address, on_found, &seen);
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		if (!contains(&list[i].network, family, address))
			continue;
		expected++;
		for (size_t k = 0; k < seen.n; k++)
			found = found || (same_net(&seen.at[k].network, &list[i].network) &&
					     seen.at[k].set == list[i].set);
		assert_true(found);
	}
	assert_int_equal(seen.n, expected);
}

/* Few bits are set, so that networks lie in each other and addresses in networks. */
static void dice_address(uint32_t *state, uint8_t bytes[16])
{
	memset(bytes, 0, 16);
	for (unsigned i = dice(state, 4); i != 0; i--) {
		unsigned bit = dice(state, dice(state, 2) != 0 ? 12 : 128);

		bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	if (dice(state, 8) == 0)
		memcpy(bytes, "\0\0\0\0\0\0\0\0\0\0\377\377", 12);
}

static struct net dice_net(uint32_t *state)
{
	struct net net = {.family = dice(state, 2) != 0 ? AF_INET : AF_INET6};
	unsigned width = net.family == AF_INET ? 32 : 128;

	dice_address(state, net.bytes);
	net.bits = (uint8_t)(dice(state, 3) == 0 ? width : dice(state, width + 1));
	for (unsigned i = net.bits; i < 128; i++)
		net.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return net;
}

static void test_random(void **state)
{
	uint32_t seed = 20260816;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct networks_source list[MAX];
		size_t n = 0, wanted = round % 3 == 0 ? dice(&seed, 5) : dice(&seed, MAX);
		struct networks s;
		uint8_t *bytes;

		for (unsigned i = 0; i < wanted; i++) {
			struct net net = dice_net(&seed);
			bool there = false;

			for (size_t k = 0; k < n; k++)
				there = there || same_net(&list[k].network, &net);
			if (!there)
				list[n++] = (struct networks_source){net, dice(&seed, UINT32_MAX)};
		}
		bytes = section_of(&s, list, n);
		for (unsigned i = 0; i < 400; i++) {
			uint8_t address[16];

			dice_address(&seed, address);
			check(&s, list, n, i % 2 != 0 ? AF_INET : AF_INET6, address);
		}
		free(bytes);
	}
}

/* The bytes do not depend on the order of the sources, and say which they were. */
static void test_build(void **state)
{
	const struct net nets[] = {net_of("192.0.2.0", 24), net_of("192.0.2.1", 32),
	    net_of("0.0.0.0", 0), net_of("::", 0), net_of("2001:db8::", 32),
	    net_of("2001:db8::1", 128), net_of("::ffff:192.0.2.1", 128), net_of("10.0.0.0", 8)};
	struct networks_source a[COUNT(nets)], b[COUNT(nets)];
	struct networks s;
	uint8_t *x, *y;
	size_t x_len, y_len;

	(void)state;
	for (size_t i = 0; i < COUNT(nets); i++) {
		a[i] = (struct networks_source){nets[i], (uint32_t)i};
		b[COUNT(nets) - 1 - i] = a[i];
	}
	assert_int_equal(networks_build(a, COUNT(nets), &x, &x_len), 0);
	assert_int_equal(networks_build(b, COUNT(nets), &y, &y_len), 0);
	assert_int_equal(x_len, y_len);
	assert_memory_equal(x, y, x_len);
	assert_int_equal(networks_open(&s, x, x_len, NULL), 0);
	for (size_t i = 0; i < COUNT(nets); i++) {
		bool found = false;

		for (uint32_t k = 0; k < s.n; k++) {
			struct networks_source source = networks_at(&s, k);

			found = found || (same_net(&source.network, &nets[i]) && source.set == i);
		}
		assert_true(found);
	}
	free(x);
	free(y);
}

static void match_text(const struct networks *s, int family, const char *text, const char *expected)
{
	struct seen seen = {0};
	char given[512] = "", net[ADDR_TEXT_SIZE];
	uint8_t address[16];

	assert_int_equal(inet_pton(family, text, address), 1);
	networks_match(s, family, address, on_found, &seen);
	for (size_t i = 0; i < seen.n; i++)
		sprintf(given + strlen(given), "%s ", net_format(&seen.at[i].network, net));
	assert_string_equal(given, expected);
}

static void test_families(void **state)
{
	struct networks_source list[] = {{net_of("192.0.2.0", 24), 1}, {net_of("0.0.0.0", 0), 2},
	    {net_of("::ffff:0.0.0.0", 96), 3}, {net_of("::", 0), 4}, {net_of("c000:200::", 24), 5}};
	struct networks s;
	uint8_t *bytes = section_of(&s, list, COUNT(list));

	(void)state;
	match_text(&s, AF_INET, "192.0.2.1", "192.0.2.0/24 0.0.0.0/0 ");
	match_text(&s, AF_INET, "192.0.3.1", "0.0.0.0/0 ");
	match_text(&s, AF_INET6, "::ffff:192.0.2.1", "::ffff:0.0.0.0/96 ::/0 ");
	match_text(&s, AF_INET6, "c000:200::", "c000:200::/24 ::/0 ");
	match_text(&s, AF_INET6, "2001:db8::1", "::/0 ");
	free(bytes);
}

static void test_none(void **state)
{
	struct networks s;
	struct seen seen = {0};
	const uint8_t address[16] = {0};
	uint8_t *bytes = section_of(&s, NULL, 0);

	(void)state;
	networks_match(&s, AF_INET6, address, on_found, &seen);
	free(bytes);
	memset(&s, 0, sizeof(s));
	networks_match(&s, AF_INET, address, on_found, &seen);
	assert_int_equal(networks_verify(&s, NULL), 0);
	assert_int_equal(seen.n, 0);
}

static void no_matter(void *ctx, const struct net *network, uint32_t set)
{
	(void)set;
	assert_true((network->family == AF_INET && network->bits <= 32) ||
		    (network->family == AF_INET6 && network->bits <= 128));
	++*(unsigned *)ctx;
}

/* Whatever the bytes: answers, in bounded time, and nothing is read outside. */
static void test_damaged(void **state)
{
	struct networks_source list[64];
	uint32_t seed = 1;
	struct networks s;
	size_t n = 0, len;
	uint8_t *good;

	(void)state;
	for (unsigned i = 0; i < COUNT(list); i++) {
		struct net net = dice_net(&seed);
		bool there = false;

		for (size_t k = 0; k < n; k++)
			there = there || same_net(&list[k].network, &net);
		if (!there)
			list[n++] = (struct networks_source){net, i};
	}
	assert_int_equal(networks_build(list, n, &good, &len), 0);
	for (unsigned round = 0; round < 20000; round++) {
		size_t cut = round % 2 != 0 ? len : dice(&seed, (uint32_t)len + 1);
		uint8_t *bytes = malloc(cut != 0 ? cut : 1), address[16];
		unsigned n_found = 0;
		struct why why;

		assert_non_null(bytes);
		memcpy(bytes, good, cut);
		for (unsigned i = dice(&seed, 20); i != 0 && cut != 0; i--)
			bytes[dice(&seed, (uint32_t)cut)] = (uint8_t)dice(&seed, 256);
		if (networks_open(&s, bytes, cut, &why) == 0) {
			dice_address(&seed, address);
			networks_match(&s, AF_INET, address, no_matter, &n_found);
			networks_match(&s, AF_INET6, address, no_matter, &n_found);
			assert_true(n_found <= 33 + 129);
			(void)!networks_verify(&s, &why);
			for (uint32_t i = 0; i < s.n; i++) {
				struct networks_source source = networks_at(&s, i);

				no_matter(&n_found, &source.network, source.set);
			}
		}
		free(bytes);
	}
	free(good);
}

/* Only what networks_build() makes passes. */
static void test_verify(void **state)
{
	struct networks_source list[] = {{net_of("192.0.2.0", 24), 7}, {net_of("192.0.2.1", 32), 8},
	    {net_of("2001:db8::", 33), 9}};
	struct networks s;
	struct why why;
	uint8_t *bytes = section_of(&s, list, COUNT(list));
	size_t len = s.len, size = len / COUNT(list);
	uint8_t *other = malloc(len), bits[COUNT(list)];

	(void)state;
	assert_non_null(other);
	for (uint32_t i = 0; i < COUNT(list); i++)
		bits[i] = networks_at(&s, i).network.bits;
	/* Each byte but those of the sets matters: with another value it is wrong, or another
	 * network in another place. */
	for (size_t i = 0; i < len; i++) {
		memcpy(other, bytes, len);
		other[i] ^= 0xff;
		assert_int_equal(networks_open(&s, other, len, &why), 0);
		if (i % size >= size - 4)
			assert_int_equal(networks_verify(&s, &why), 0);
		else if (i % size >= 2 && 8 * (i % size - 2) >= bits[i / size])
			assert_int_equal(networks_verify(&s, &why), ERR_FORMAT);
		else if (networks_verify(&s, &why) == 0)
			assert_true(i % size >= 2); /* bytes of the address before the prefix */
		else
			assert_true(why.text[0] != '\0');
	}
	/* two entries in each other's place; one twice */
	memcpy(other, bytes + size, size);
	memcpy(other + size, bytes, size);
	assert_int_equal(networks_open(&s, other, 2 * size, &why), 0);
	assert_int_equal(networks_verify(&s, &why), ERR_FORMAT);
	memcpy(other, bytes, size);
	assert_int_equal(networks_verify(&s, &why), ERR_FORMAT);
	assert_int_equal(networks_open(&s, bytes, len - 1, &why), ERR_FORMAT);
	free(other);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_build),
	    cmocka_unit_test(test_families),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
