/* cached.h - what a worker has in its cache for a name, as `quellctl cache` is told.
 *
 *   for each kind of question (type, class, DO, CD) of which something is known:
 *   entry    what is known, verdict, message        one behind the other, in one message of the channel
 *
 * The one who reads trusts neither lengths nor texts: a worker reads packets.
 */
#ifndef QUELL_CACHED_H
#define QUELL_CACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/explain.h"
#include "resolver/core/reason.h"

/* What a query would get, and where its answer leads. */
#define CACHED_VERDICT_SIZE (EXPLAIN_VERDICT_SIZE + REASON_HOP_SIZE)

#define CACHED_SIZE 28672 /* bytes of all entries */

/* What is known of one kind of question. */
struct cached_entry {
	uint64_t age_ms; /* of the answer */
	uint32_t ttl_s;	 /* that are left; 0: its time is over */
	uint32_t life_s; /* that it had at first */
	uint32_t failure_age_ms;
	uint16_t type, class;
	uint16_t verdict_len, msg_len;
	/* Whether, as bytes: no bool may have any other value than 0 and 1. */
	uint8_t dnssec_ok, checking_disabled;
	uint8_t answer; /* there is one ... */
	uint8_t stale, prefetched;
	uint8_t cut;	/* ... but it had no room here: msg_len is 0 */
	uint8_t asked;	/* it is being asked for upstream */
	uint8_t failed; /* no upstream had an answer a moment ago */

	uint8_t failure; /* the RCODE that says so */
	uint8_t uses;	 /* how often the answer was given; 255: at least */
};

struct cached {
	uint32_t n_left_out; /* entries that had no room at all */
	uint32_t len;
	char verdict[CACHED_VERDICT_SIZE]; /* on the name, of the type that was meant; terminated */
	uint8_t entries[CACHED_SIZE];
};

/* Add an entry with its `verdict` and, where entry->answer is set, its message msg[0..len); the lengths in
 * *entry are filled in.  What has no room is left out, first the message. */
void cached_put(struct cached *c, struct cached_entry *entry, const char *verdict,
    const uint8_t *msg, size_t len);

/* The entry at *pos (at first 0), which is moved past it; what follows it is borrowed, entry->verdict_len
 * and entry->msg_len bytes.  False: there is none, or what is there is no entry. */
bool cached_next(const struct cached *c, size_t *pos, struct cached_entry *entry,
    const char **verdict, const uint8_t **msg);

#endif
