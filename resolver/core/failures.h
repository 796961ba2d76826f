/* failures.h - the questions that no upstream had an answer to a moment ago (RFC 9520, 3.2).
 *
 *   question -- keyed hash of 64 bits --> a set of FAILURES_WAYS entries: when, and what was said
 *
 * An entry is young for the time of an option: it answers who asks again.  It is remembered for
 * FAILURES_RECHECK_MS, in which nobody has to wait for the same where there is an old answer to
 * give (RFC 8767, 5: failure recheck timer).
 *
 * A network that comes back is used at once: all entries fall with the first good reply of any
 * upstream.  But a failure while others are answered is the question's own, and stays.
 *
 * Memory is fixed; in a full set the oldest makes room, and is only asked upstream again.
 */
#ifndef QUELL_FAILURES_H
#define QUELL_FAILURES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/hash.h"
#include "resolver/core/cache.h"

#define FAILURES_WAYS 4
#define FAILURES_SETS 1024 /* a power of two; with 24 bytes for each entry 96 KiB */

#define FAILURES_RECHECK_MS 30000 /* RFC 8767, 5 and 6 */

struct failure {
	uint64_t id; /* the hash; 0: none */
	uint64_t at_ms;
	uint32_t epoch; /* how many outages were over then */
	int16_t ede;	/* what an upstream said of it (RFC 8914), or EDE_NONE */
	uint8_t rcode;
	bool own; /* of the question, not of the network */
};

struct failures {
	struct hash_key key;
	uint32_t epoch;
	bool any_good, any_since; /* a good reply came once; the network failed after the last */
	uint64_t good_ms;	  /* when the last good reply came */
	uint64_t over_ms;	  /* when the last outage was over: with the first good reply */
	uint64_t newest_ms; /* of the entries; they are looked for only when there may be one */
	struct failure set[FAILURES_SETS][FAILURES_WAYS];
};

/* None yet, in *f that is all zero.  `key` is the secret of the hash. */
void failures_init(struct failures *f, const struct hash_key *key);

/* The question under `key`, asked since started_ms, has failed: its askers got `rcode`, and `ede` (or
 * EDE_NONE) is what an upstream said. */
void failures_put(struct failures *f, const struct cache_key *key, uint8_t rcode, int16_t ede,
    uint64_t started_ms, uint64_t now_ms);

/* An upstream has answered a question. */
void failures_good(struct failures *f, uint64_t now_ms);

/* Has an outage ended since `since_ms`? */
bool failures_over(const struct failures *f, uint64_t since_ms);

/* The failure of the question under `key`, of the last FAILURES_RECHECK_MS; NULL: none.  Cost: a
 * comparison while nothing fails, else a hash. */
const struct failure *failures_find(
    const struct failures *f, const struct cache_key *key, uint64_t now_ms);

#endif
