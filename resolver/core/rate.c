/* rate.c - leaky buckets in a table of fixed size. */
#include "resolver/core/rate.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

#define SECOND_NS UINT64_C(1000000000)
#define MS_NS	  UINT64_C(1000000)

#define IPV4_BIT     (UINT64_C(1) << 32)
#define NETWORK_MASK (~UINT64_C(0xff))
#define RATE_SETS    (1 << RATE_SETS_BITS)

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
	uint64_t factor;  /* of the hash: secret, odd */
};

enum { ADDRESS, NETWORK, LIMITS_N };

struct rate {
	struct limit limits[LIMITS_N];
	uint32_t slip;
	struct bucket buckets[RATE_SETS][RATE_WAYS];
};

struct rate *rate_new(const struct hash_key *key)
{
	struct rate *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->limits[ADDRESS] = (struct limit){
	    .option = "rate_limit", .v4_bits = 32, .v6_bits = 64, .factor = key->k0 | 1};
	r->limits[NETWORK] = (struct limit){
	    .option = "rate_limit_network", .v4_bits = 24, .v6_bits = 56, .factor = key->k1 | 1};
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

/* What counts of a source: the upper half of an address of IPv6, or all of one of IPv4, beside a bit that
 * no address in use has there (RFC 4291, 2.4: 0000::/8).  Either way a network is all but the last byte. */
static uint64_t source_of(const union addr *from)
{
	const struct addr_number n = addr_number(from);

	return n.family == AF_INET6 ? n.high : n.low | IPV4_BIT;
}

/* Take the bucket of the set that is the emptiest. */
static struct bucket *replace(struct bucket *set, uint32_t tag)
{
	struct bucket *emptiest = set;

	for (unsigned i = 1; i < RATE_WAYS; i++)
		if (set[i].empty_ns < emptiest->empty_ns)
			emptiest = &set[i];
	emptiest->tag = tag;
	emptiest->n_over = 0;
	emptiest->warned = emptiest->full = false;
	return emptiest;
}

/* The bucket of `source`.  Multiplied by a secret odd number, two sources agree in the upper m bits with a
 * chance of at most 2^(1 - m), whatever they are (Dietzfelbinger and others, 1997): nobody outside can
 * choose some that fall into one set. */
static struct bucket *find(struct rate *r, uint64_t source, uint64_t factor)
{
	uint64_t hash = source * factor;
	struct bucket *set = r->buckets[hash >> (64 - RATE_SETS_BITS)];
	uint32_t tag = (uint32_t)(hash >> (32 - RATE_SETS_BITS));

	for (unsigned i = 0; i < RATE_WAYS; i++)
		if (set[i].tag == tag)
			return &set[i];
	return replace(set, tag);
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
	const uint64_t now_ns = now_ms * MS_NS, address = source_of(from);
	const uint64_t source[LIMITS_N] = {address, address & NETWORK_MASK};
	struct bucket *b[LIMITS_N] = {NULL};

	for (unsigned i = 0; i < LIMITS_N; i++) {
		if (r->limits[i].drop_ns == 0)
			continue;
		b[i] = find(r, source[i], r->limits[i].factor);
		if (!has_room(b[i], &r->limits[i], now_ns))
			return over(r, b[i], &r->limits[i], from);
	}
	for (unsigned i = 0; i < LIMITS_N; i++)
		if (b[i] != NULL)
			fill(b[i], &r->limits[i], from, now_ns);
	return RATE_PASS;
}
