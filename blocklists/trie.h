/* trie.h - look-ups in the image of the block lists: a hash trie over labels, read-only.
 *
 *   root -- com -- example -- ads      A node with many children (a "hub": the root, com) finds a
 *                         \-- tracker  child by hashing (hub, label) to a bucket; what hangs below
 *                                      that child stands behind it in the same bucket.
 *
 * So a look-up costs a bucket for each hub on the way, mostly two.  Exact: no false positive.
 * Memory-safe on any bytes: every read is checked against the length, so that even an image with a
 * forged checksum can only give wrong answers, in bounded time.
 * A trie owns nothing; the bytes must stay mapped while it is used.
 */
#ifndef QUELL_TRIE_H
#define QUELL_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/codes.h"
#include "blocklists/networks.h"
#include "blocklists/patterns.h"
#include "blocklists/rule.h"
#include "lib/err.h"

/* A child of the root that is a hub: found here in one step, for half of all look-ups' work would be
 * finding `com` again. */
struct trie_top {
	uint64_t label; /* its length and its bytes, as one number; 0: none */
	uint32_t hub, set;
};

#define TRIE_TOPS                                                                                  \
	1024 /* places, two for each hash; what finds them taken is found as any other node */
#define TRIE_TOP_HUBS 4096 /* the largest hubs: among these they are sought */

/* The decoded header: fields as docs/format.md names them; for trie.c, verify.c and build.c. */
struct trie {
	const uint8_t *bytes; /* NULL: the empty trie */
	size_t len;
	uint32_t n_lists;
	uint64_t n_rules; /* distinct (rule, list) */
	uint64_t n_names; /* distinct names with a rule */
	bool plain;	  /* there are nothing but names, and plain blocks */
	struct patterns patterns;
	struct networks networks;
	/* --- layout, owned by the format --- */
	uint64_t seed;
	uint32_t n_buckets, n_hubs, n_sets, n_effects;
	const uint8_t *codes, *directory, *nodes, *hub_ends, *hub_names, *set_ends, *entries,
	    *regex_sets, *effect_ends, *effects;
	uint32_t nodes_len, hub_names_len, n_entries, effects_len;
	struct codes_reader set_code;
	struct trie_top tops[TRIE_TOPS];
};

/* Look at the header of an image: magic, version, length, that the parts lie inside; and at the code
 * of the sets.  Does not read the rest (see verify.h).  Cost: constant,
 * a look-up for each top-level domain.  Returns 0 or ERR_FORMAT with the reason in
 * `why`. */
int trie_open(struct trie *t, const void *bytes, size_t len, struct why *why) QUELL_CHECK;

/* Does any plain block rule cover `name` (lower-case wire form)?  `t` may be an all-zero trie:
 * nothing is blocked.  No allocation.  The whole verdict where t->plain. */
bool trie_blocks(const struct trie *t, const uint8_t *name);

/* Have come into the processor's cache what a look-up of `name` begins with, below one of t->tops: of names
 * that come together, for all before the first is looked up, so that they wait for memory at the same
 * time.  Cost: a hash. */
void trie_expect(const struct trie *t, const uint8_t *name);

/* The nodes with rules on the way of a name, the deepest first. */
struct trie_path {
	unsigned n;
	struct trie_step {
		uint32_t set;
		uint8_t labels; /* of the node's name: the rightmost of the name asked */
	} at[NAME_LABELS_MAX];
};

void trie_walk(const struct trie *t, const uint8_t *name, struct trie_path *path);

/* A rule as a set has it. */
struct trie_entry {
	uint16_t list;
	uint32_t effect;     /* 0: a plain block; else see trie_effect() */
	enum rule_kind kind; /* of name rules */
};

/* How many entries set `set` has (0 where there is no such set), and entry i of them.  Sorted:
 * plain blocks first, of these exact, suffix, below. */
size_t trie_set_size(const struct trie *t, uint32_t set);
struct trie_entry trie_set_entry(const struct trie *t, uint32_t set, size_t i);

/* The bytes of effect `effect` (effect.h), *len of them; NULL and 0 for 0 or one that is not there. */
const uint8_t *trie_effect(const struct trie *t, uint32_t effect, size_t *len);

/* The set of rules of expression `number` of t->patterns; 0: none. */
uint32_t trie_regex_set(const struct trie *t, uint32_t number);

/* ---- for walk.c ---- */

/* Bytes of the nodes that bucket < t->n_buckets has: [*begin, *end), inside them; 0 and 0 where the
 * directory or the head of the shelf is malformed. */
void trie_bucket(const struct trie *t, uint32_t bucket, size_t *begin, size_t *end);

#endif
