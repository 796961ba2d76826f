/* cache.h - the answers already known: bounded in bytes, and no scan of random names empties it.
 *
 *            put                 hit since it came in?  yes       hit again?  yes
 *   -----> [ probation: 1/8 ] ----------------------------> [ main: 7/8 ] ---+
 *               | no                                             | no        |
 *               v                                                v           +--> its head again
 *             ghost (only its hash; a name that comes back soon goes to main at once)
 *
 * S3-FIFO (Yang et al., SOSP 2023) over two rings of bytes; while the main ring is not full, all
 * that probation gives up goes there.  An entry is one run of bytes in a ring: header, record
 * offsets, message.  Taking room at the head drops or moves what lies there, so there is no free
 * list, no fragmentation, and the bound holds under any mix of sizes.
 *
 * The index is a uthash table of fixed size over the entries; its buckets and the ghosts are part
 * of the bound.  Time is given by the caller; nothing here reads a clock or allocates after
 * cache_new().  One thread only.
 */
#ifndef QUELL_CACHE_H
#define QUELL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dns/name.h"
#include "lib/err.h"
#include "lib/hash.h"

struct cache;

/* What an answer is kept under: built by cache_key(). */
#define CACHE_KEY_FLAGS 4
#define CACHE_KEY_DO	1
#define CACHE_KEY_CD	2
#define CACHE_KEY_GROUP 5
#define CACHE_KEY_NAME	6 /* where its name begins */
#define CACHE_KEY_SIZE	(CACHE_KEY_NAME + NAME_SIZE)

struct cache_key {
	uint32_t hash; /* of the bytes, under the secret of the cache */
	uint16_t len;
	uint8_t bytes[CACHE_KEY_SIZE]; /* type, class, flags, group, name in lower case */
};

/* `name` in lower case.  `group` is that of the upstreams that are asked.  Cost: a hash of the name. */
void cache_key(const struct cache *c, struct cache_key *key, const uint8_t *name, size_t name_len,
    uint16_t type, uint16_t class, bool dnssec_ok, bool checking_disabled, uint8_t group);

/* Have come into the processor's cache what a look-up of a key with this hash will read: where it begins; and,
 * when that has come, an entry that is there. */
void cache_expect(const struct cache *c, uint32_t hash);
void cache_expect_entry(const struct cache *c, uint32_t hash);

static inline uint8_t cache_key_group(const struct cache_key *key)
{
	return key->bytes[5];
}

/* An answer as it is kept.  `msg` is a whole message in its normal form (answer.h): question,
 * records, no OPT.  Valid until the next cache_put() or cache_flush(). */
struct cache_answer {
	const uint8_t *msg;
	size_t len;
	const uint16_t *ttl_off; /* n_records offsets of the TTL fields, in order */
	unsigned n_records;
	uint64_t stored_ms;   /* when it was put */
	uint32_t ttl_s;	      /* how long it lives, from stored_ms */
	bool has_targets;     /* it leads to other names, which the lists may have */
	bool has_addresses;   /* it leads to addresses */
	int16_t ede;	      /* the extended error that came with it, or EDE_NONE */
	uint16_t private_off; /* the TTL of a record with a private address stands here; 0: none */
	bool stale;	      /* its time is over */
	bool prefetched;      /* it was fetched for the cache's sake, not for a client */
	uint8_t uses;	      /* how often it was asked for, this time included; at most 255 */
};

/* A verdict on what an entry leads to, and the generation of lists it was found under. */
struct cache_verdict {
	uint32_t generation;
	uint16_t ttl_off; /* where in the message the TTL of the record that decided stands */
	uint8_t outcome;  /* as in judge.h */
	bool own : 1;	  /* by the user's rules, not a list */
	bool holds : 1;	  /* for every asker; else there is none */
};

/* A cache that takes `size` bytes in all, allocated here in one piece.  `key` is the secret for its
 * hash.  Returns 0, ERR_RANGE for a size below 64 KiB or above 4 GiB, or ERR_NOMEM.  Free with
 * cache_free(). */
int cache_new(struct cache **out, size_t size, const struct hash_key *key) QUELL_CHECK;
void cache_free(struct cache *c);

/* The answer for `key` that still lives at `now_ms`: true and *answer, with *verdict borrowed (the
 * caller may write it) - or false. */
bool cache_get(struct cache *c, const struct cache_key *key, uint64_t now_ms,
    struct cache_answer *answer, struct cache_verdict **verdict);

/* What cache_get_stale() would give, without its being asked for: nothing counts as a use. */
bool cache_peek(const struct cache *c, const struct cache_key *key, uint64_t now_ms,
    struct cache_answer *answer);

/* How long an answer may be used whose time is over (RFC 8767); 0, as at first: not at all. */
void cache_set_stale(struct cache *c, uint64_t stale_ms);

/* Is that so of `answer`, or does it live? */
bool cache_is_useful(const struct cache *c, const struct cache_answer *answer, uint64_t now_ms);

/* The same as cache_get(), and an answer whose time is over, too, where it is not over for longer. */
bool cache_get_stale(struct cache *c, const struct cache_key *key, uint64_t now_ms,
    struct cache_answer *answer, struct cache_verdict **verdict);

/* Keep `answer` (its msg and ttl_off are copied) under `key`, in place of an older one;
 * answer->stored_ms is the time now.  What is larger than an eighth of the probation ring (1/64 of
 * the cache), or has a TTL of 0, is not kept: that is no error, and the older one is dropped. */
void cache_put(struct cache *c, const struct cache_key *key, const struct cache_answer *answer,
    const struct cache_verdict *verdict);

/* The same at now_ms, for an answer that was put earlier, and never in place of another.  Returns whether it
 * is kept. */
bool cache_restore(struct cache *c, const struct cache_key *key, const struct cache_answer *answer,
    uint64_t now_ms);

/* Where a walk through all entries stands; all zero: at the start.  Other calls may come in between: then
 * what was put since may be left out, and what moved may come twice. */
struct cache_walk {
	unsigned ring;
	bool in_ring;
	uint64_t pos, end; /* bytes since the cache began */
};

/* The next entry, expired or not: its key in *key (the bytes, their length; not the hash), and *answer,
 * which are valid as with cache_get().  False: that was all. */
bool cache_next(struct cache *c, struct cache_walk *at, struct cache_key *key,
    struct cache_answer *answer, uint64_t now_ms);

/* Drop the entries of one name (lower-case wire form; all types) and, with `below`, of all names below it; or
 * all with NULL.  Returns how many. */
size_t cache_flush(struct cache *c, const uint8_t *name, bool below);

struct cache_usage {
	uint64_t entries; /* kept; an expired one counts until its bytes are taken again */
	uint64_t bytes;	  /* of these */
	uint64_t evicted; /* dropped before their time to make room, ever */
};

struct cache_usage cache_usage(const struct cache *c);

#endif
