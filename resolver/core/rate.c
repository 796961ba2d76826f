/* rate.c - leaky buckets in a table of fixed size. */
#include "resolver/core/rate.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

#define SECOND_NS UINT64_C(1000000000)
#define MS_NS	  UINT64_C(1000000)

/* Spreads the addresses of a network, which has one hash, over the table: an odd number whose multiples
 * are far apart (Knuth's multiplicative hashing). */
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

/* How much is in a bucket is known by when all of it will have leaked out. */
struct bucket {
	uint64_t empty_ns;
	uint32_t tag;	   /* the part of the hash that does not choose the set */
	uint16_t n_over;   /* queries over the limit, modulo 2^16 */
	bool warned, full; /* said so since it was empty */
};

_Static_assert(sizeof(struct bucket) == 16, "as rate.h says");

/* One of the two limits. */
struct limit {
	const char *option;
	uint8_t v4_bits, v6_bits; /* of the address that count */
	uint32_t per_s;
	uint64_t drop_ns; /* one query more takes that long to leak; 0: no limit */
};

enum { ADDRESS, NETWORK, LIMITS_N };

struct rate {
	struct hash_key key;
	struct limit limits[LIMITS_N];
	uint32_t slip;
	struct bucket buckets[RATE_SETS][RATE_WAYS];
};

struct rate *rate_new(const struct hash_key *key)
{
	struct rate *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->key = *key;
	r->limits[ADDRESS] = (struct limit){.option = "rate_limit", .v4_bits = 32, .v6_bits = 64};
	r->limits[NETWORK] =
	    (struct limit){.option = "rate_limit_network", .v4_bits = 24, .v6_bits = 56};
	return r;
}

void rate_free(struct rate *r)
{
	free(r);
}

static void set_limit(struct limit *limit, uint32_t per_s)
{
	limit->per_s = per_s;
	limit->drop_ns = per_s != 0 ? SECOND_NS / per_s : 0;
}

void rate_set(struct rate *r, const struct rate_limits *limits)
{
	set_limit(&r->limits[ADDRESS], limits->address);
	set_limit(&r->limits[NETWORK], limits->network);
	r->slip = limits->slip;
}

/* The hashes of the source: the two limits differ in the last byte of what they count. */
static void hash_source(const struct rate *r, const union addr *from, uint64_t hash[LIMITS_N])
{
	uint8_t bytes[16] = {0}, network[8] = {0};
	unsigned last;

	if (addr_host_bytes(from, bytes) == AF_INET) {
		memcpy(network, bytes, 3);
		network[7] = AF_INET;
		last = bytes[3];
	} else {
		memcpy(network, bytes, 7);
		network[7] = AF_INET6;
		last = bytes[7];
	}
	hash[NETWORK] = hash_siphash13(&r->key, network, sizeof(network));
	hash[ADDRESS] = hash[NETWORK] + (last + 1) * SPREAD;
}

/* The bucket of what hashes to `hash`. */
static struct bucket *find(struct rate *r, uint64_t hash)
{
	struct bucket *set = r->buckets[hash % RATE_SETS], *emptiest = set;
	uint32_t tag = (uint32_t)(hash >> 32);

	for (unsigned i = 0; i < RATE_WAYS; i++) {
		if (set[i].tag == tag)
			return &set[i];
		if (set[i].empty_ns < emptiest->empty_ns)
			emptiest = &set[i];
	}
	emptiest->tag = tag;
	emptiest->n_over = 0;
	emptiest->warned = emptiest->full = false;
	return emptiest;
}

static void say(const struct limit *limit, const union addr *from, const char *consequence)
{
	char text[ADDR_TEXT_SIZE];
	struct net net = {.bits = limit->v6_bits};

	net.family = (uint8_t)addr_host_bytes(from, net.bytes);
	if (net.family == AF_INET)
		net.bits = limit->v4_bits;
	memset(net.bytes + net.bits / 8, 0, sizeof(net.bytes) - net.bits / 8);
	log_warning("rate-limit", "%s asks more than %" PRIu32 " times a second (%s): %s",
	    net_format(&net, text), limit->per_s, limit->option, consequence);
}

/* Put a drop into the bucket, where there is room for it. */
static void fill(
    struct bucket *b, const struct limit *limit, const union addr *from, uint64_t now_ns)
{
	if (b->empty_ns <= now_ns) {
		b->empty_ns = now_ns;
		b->warned = b->full = false;
	}
	b->empty_ns += limit->drop_ns;
	if (b->warned || b->empty_ns - now_ns <= SECOND_NS / 100 * RATE_WARN)
		return;
	b->warned = true;
	say(limit, from, "soon some will get no answer");
}

static bool has_room(const struct bucket *b, const struct limit *limit, uint64_t now_ns)
{
	return b->empty_ns + limit->drop_ns <= now_ns + SECOND_NS;
}

static enum rate_verdict over(
    struct rate *r, struct bucket *b, const struct limit *limit, const union addr *from)
{
	b->n_over++;
	if (!b->full)
		say(limit, from, "some get no answer now, or are sent to TCP");
	b->full = true;
	return r->slip != 0 && b->n_over % r->slip == 0 ? RATE_SLIP : RATE_OVER;
}

enum rate_verdict rate_take(struct rate *r, const union addr *from, uint64_t now_ms)
{
	const uint64_t now_ns = now_ms * MS_NS;
	uint64_t hash[LIMITS_N];
	struct bucket *b[LIMITS_N];

	hash_source(r, from, hash);
	for (unsigned i = 0; i < LIMITS_N; i++) {
		if (r->limits[i].drop_ns == 0)
			continue;
		b[i] = find(r, hash[i]);
		if (!has_room(b[i], &r->limits[i], now_ns))
			return over(r, b[i], &r->limits[i], from);
	}
	for (unsigned i = 0; i < LIMITS_N; i++)
		if (r->limits[i].drop_ns != 0)
			fill(b[i], &r->limits[i], from, now_ns);
	return RATE_PASS;
}
