/* trie.h - look-ups in the image of the block lists: a hash trie over labels, read-only.
 *
 *   com --- example --- ads      a node is found by hashing (its parent, its label): a look-up
 *       \-- tracker              costs one probe for each label, from the root down, and ends at
 *                                the first label that is not there.
 *
 * Exact: no false positive.  Memory-safe on any bytes: every offset read is checked against the
 * length, so that even an image with a forged checksum can only give wrong answers.
 * A trie owns nothing; the bytes must stay mapped while it is used.
 */
#ifndef QUELL_TRIE_H
#define QUELL_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/rule.h"
#include "lib/err.h"

/* The decoded header: fields as docs/format.md names them; for trie.c, verify.c and build.c. */
struct trie {
	const uint8_t *bytes; /* NULL: the empty trie */
	size_t len;
	uint32_t n_lists;
	uint64_t n_rules; /* distinct (name, kind, list) */
	uint64_t n_names; /* distinct names with a rule */
	/* --- layout, owned by the format --- */
	uint64_t n_slots, n_homes;
	uint64_t labels_off, labels_len, sets_off, entries_off, n_entries;
	uint64_t seed;
	uint32_t n_sets;
	uint8_t n_probes, slot_size, tag_bits, parent_bits, label_bits, set_bits;
};

/* One rule that covers a name. */
struct trie_match {
	uint16_t list;
	enum rule_kind kind;
	uint8_t labels; /* of the rule's own name: the rightmost `labels` of the name asked */
};

/* Look at the header of an image: magic, version, length, and that the parts lie inside.  Does not
 * read the rest (see verify.h).  Cost: constant.  Returns 0 or ERR_FORMAT with the reason in
 * `why`. */
int trie_open(struct trie *t, const void *bytes, size_t len, struct why *why) QUELL_CHECK;

/* Does any block rule cover `name` (lower-case wire form)?  `t` may be an all-zero trie: nothing is
 * blocked.  No allocation; cost: a probe for each label. */
bool trie_blocks(const struct trie *t, const uint8_t *name);

/* Every rule that covers `name`, most specific first, at most `max` of them into `out`.  Returns
 * how many there are in all, which may be more than `max`. */
size_t trie_matches(const struct trie *t, const uint8_t *name, struct trie_match *out, size_t max);

/* Every rule of the image, in no order.  Stops with what `each` returns when it is not 0.  Nodes of
 * a malformed image that have no whole name are left out. */
int trie_each(const struct trie *t, int (*each)(void *ctx, const struct rule *rule), void *ctx);

/* ---- for verify.c ---- */

/* A node as its slot holds it. */
struct trie_node {
	uint64_t parent; /* its slot + 1; 0: the root */
	uint64_t label;	 /* offset in the labels; 0: the slot is empty */
	uint64_t set;	 /* 0: no rule has this name, it is on the way to others */
};

struct trie_node trie_node(const struct trie *t, uint64_t slot);

/* The name of the node in `slot` (not empty).  Returns its length, or 0 where the chain of parents
 * is malformed or no name. */
size_t trie_name(const struct trie *t, uint64_t slot, uint8_t name[NAME_SIZE]);

/* The slot + 1 where a look-up ends that follows every label of `name`; 0: none. */
uint64_t trie_find(const struct trie *t, const uint8_t *name);

/* The sorted entries of set `set`, *n of them; NULL and 0 where it lies outside. */
const uint8_t *trie_set(const struct trie *t, uint64_t set, size_t *n);

#endif
