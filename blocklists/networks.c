/* networks.c - the section of networks: entries of 22 bytes, sorted.
 *
 *   family 1: 4 or 6 | free 1: bits behind the prefix | address 16 (IPv4: 4, then zeros) | set 4
 *
 * The first 18 bytes are the key, in whose order the entries stand: the networks of a family lie
 * together, the longest prefix first.
 */
#include "blocklists/networks.h"

#include <stdlib.h>
#include <string.h>

#include "blocklists/format.h"

enum {
	AT_FAMILY = 0,
	AT_FREE = 1,
	AT_ADDRESS = 2,
	AT_SET = 18,
	KEY_SIZE = AT_SET,
	ENTRY_SIZE = 22
};

static uint8_t width_of(uint8_t family)
{
	return family == 4 ? 32 : 128;
}

/* The key of the network of address[0..width / 8) with `free` (at most the width) bits free. */
static void make_key(uint8_t key[KEY_SIZE], uint8_t family, uint8_t free, const uint8_t *address)
{
	unsigned bits = (unsigned)width_of(family) - free;

	memset(key, 0, KEY_SIZE);
	key[AT_FAMILY] = family;
	key[AT_FREE] = free;
	memcpy(key + AT_ADDRESS, address, bits / 8);
	if (bits % 8 != 0)
		key[AT_ADDRESS + bits / 8] = address[bits / 8] & (uint8_t)(0xff00 >> bits % 8);
}

static void key_of_net(uint8_t key[KEY_SIZE], const struct net *net)
{
	uint8_t family = net->family == AF_INET ? 4 : 6;

	make_key(key, family, (uint8_t)(width_of(family) - net->bits), net->bytes);
}

/* How the key of entry `i` compares. */
static int compare_at(const struct networks *s, uint32_t i, const uint8_t key[KEY_SIZE])
{
	return memcmp(s->bytes + (size_t)i * ENTRY_SIZE, key, KEY_SIZE);
}

/* The first entry from `low` on whose key is not below `key`; s->n: none. */
static uint32_t search(const struct networks *s, uint32_t low, const uint8_t key[KEY_SIZE])
{
	uint32_t high = s->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_at(s, middle, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int compare_sources(const void *a, const void *b)
{
	uint8_t key_a[KEY_SIZE], key_b[KEY_SIZE];

	key_of_net(key_a, &((const struct networks_source *)a)->network);
	key_of_net(key_b, &((const struct networks_source *)b)->network);
	return memcmp(key_a, key_b, KEY_SIZE);
}

int networks_build(struct networks_source *sources, size_t n, uint8_t **bytes, size_t *len)
{
	uint8_t *p;

	*len = n * ENTRY_SIZE;
	*bytes = malloc(*len != 0 ? *len : 1);
	if (*bytes == NULL)
		return ERR_NOMEM;
	if (n != 0)
		qsort(sources, n, sizeof(*sources), compare_sources);
	p = *bytes;
	for (size_t i = 0; i < n; i++, p += ENTRY_SIZE) {
		key_of_net(p, &sources[i].network);
		format_put(p + AT_SET, sources[i].set, 4);
	}
	return 0;
}

int networks_open(struct networks *s, const uint8_t *bytes, size_t len, struct why *why)
{
	memset(s, 0, sizeof(*s));
	if (len % ENTRY_SIZE != 0 || len / ENTRY_SIZE > UINT32_MAX)
		return why_set(
		    why, ERR_FORMAT, "networks: %zu bytes are no entries of %d", len, ENTRY_SIZE);
	s->bytes = bytes;
	s->len = len;
	s->n = (uint32_t)(len / ENTRY_SIZE);
	return 0;
}

int networks_verify(const struct networks *s, struct why *why)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const uint8_t *p = s->bytes + (size_t)i * ENTRY_SIZE;
		uint8_t key[KEY_SIZE];

		if ((p[AT_FAMILY] != 4 && p[AT_FAMILY] != 6) || p[AT_FREE] > width_of(p[AT_FAMILY]))
			return why_set(why, ERR_FORMAT, "networks: entry %u is no network", i);
		make_key(key, p[AT_FAMILY], p[AT_FREE], p + AT_ADDRESS);
		if (memcmp(p, key, KEY_SIZE) != 0)
			return why_set(
			    why, ERR_FORMAT, "networks: entry %u has bits behind its prefix", i);
		if (i != 0 && compare_at(s, i - 1, key) >= 0)
			return why_set(why, ERR_FORMAT, "networks: entry %u is out of order", i);
	}
	return 0;
}

struct networks_source networks_at(const struct networks *s, uint32_t i)
{
	const uint8_t *p = s->bytes + (size_t)i * ENTRY_SIZE;
	uint8_t family = p[AT_FAMILY] == 4 ? 4 : 6, width = width_of(family);
	struct networks_source source = {.set = format_get_u32(p + AT_SET)};

	source.network.family = family == 4 ? AF_INET : AF_INET6;
	source.network.bits = p[AT_FREE] <= width ? (uint8_t)(width - p[AT_FREE]) : 0;
	memcpy(source.network.bytes, p + AT_ADDRESS, width / 8);
	return source;
}

void networks_match(const struct networks *s, int family, const uint8_t *address,
    void (*found)(void *ctx, const struct net *network, uint32_t set), void *ctx)
{
	const uint8_t none[16] = {0};
	uint8_t key[KEY_SIZE], number = family == AF_INET ? 4 : 6;
	uint32_t i;

	make_key(key, number, 0, none);
	i = search(s, 0, key);
	/* Entry i is the first with as many free bits as it has.  The number grows with each turn,
	 * so damaged bytes end it too. */
	while (i < s->n) {
		const uint8_t *p = s->bytes + (size_t)i * ENTRY_SIZE;
		uint8_t free = p[AT_FREE];

		if (p[AT_FAMILY] != number || free < key[AT_FREE] || free > width_of(number))
			return;
		make_key(key, number, free, address);
		i = search(s, i, key);
		if (i < s->n && compare_at(s, i, key) == 0) {
			struct networks_source source = networks_at(s, i);

			found(ctx, &source.network, source.set);
		}
		if (free == width_of(number))
			return;
		make_key(key, number, (uint8_t)(free + 1), none);
		i = search(s, i, key);
	}
}
