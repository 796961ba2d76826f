/* rate.h - how often a source that may be forged is answered over UDP.
 *
 *   address -- keyed hash --> a set of RATE_WAYS buckets: that of the address (/32, /64)
 *           \-------------> another:                       that of its network (/24, /56)
 *
 * A bucket takes one drop for each query and leaks at the limit's rate; it holds a second's worth.
 * A query that finds one of its two buckets full is over the limit.
 *
 * Whoever has one address of IPv6 has all of its /64 to choose from, so that counts as one.  A /24 is the
 * smallest network of IPv4 that is routed by itself, a /56 what a provider hands a site (RFC 6177, 2).
 *
 * Memory is fixed: a source that has no bucket takes that of its set that is the emptiest, and what is in
 * it.  So a full table counts somebody a little too much, and nobody too little.
 */
#ifndef QUELL_RATE_H
#define QUELL_RATE_H

#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "lib/hash.h"

#define RATE_WAYS      4
#define RATE_SETS_BITS 11 /* 2,048 sets; with 16 bytes for each bucket 128 KiB */

/* Percent of a bucket from which there is a warning in the log. */
#define RATE_WARN 80

struct rate_limits {
	uint32_t address, network; /* queries a second; 0: no limit */
	uint32_t slip; /* of those over the limit each of that many gets a hint; 0: none */
};

enum rate_verdict {
	RATE_PASS,
	RATE_SLIP, /* over the limit: an answer that is small, and says to come by TCP */
	RATE_OVER, /* over the limit: no answer */
};

struct rate;

/* NULL: no memory.  `key` is the secret of the hash.  There are no limits yet. */
struct rate *rate_new(const struct hash_key *key);
void rate_free(struct rate *r);

/* Other limits from now on. */
void rate_set(struct rate *r, const struct rate_limits *limits);

/* Count a query from `from` at now_ms, which must not go back.  Cost: one hash, two sets looked at; no
 * allocation.  A log line where a bucket is nearly full, and where it is full. */
enum rate_verdict rate_take(struct rate *r, const union addr *from, uint64_t now_ms) QUELL_CHECK;

#endif
