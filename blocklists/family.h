/* family.h - the names below one anchor as a tree, while an image is built: which of its nodes are
 * hubs, how many bits each record takes, and the records.
 */
#ifndef QUELL_FAMILY_H
#define QUELL_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/codes.h"
#include "blocklists/names.h"
#include "lib/err.h"

struct bits_out;

/* Nodes in the order of their names: each right before its children. */
struct family_node {
	const uint8_t *name; /* turned; the node's own is its first name_len bytes */
	uint8_t name_len, label_off;
	bool is_hub;
	uint16_t cost;	 /* of all below it that stands in its record, estimated */
	uint32_t set;	 /* id; 0: it has no rule */
	uint32_t parent; /* index */
	uint32_t end;	 /* index behind all below it */
	uint32_t hub;	 /* of a hub: its number, given by who builds */
	/* --- when measured --- */
	uint16_t bits; /* of its record behind the length */
	uint16_t label_bits;
	uint32_t coded_off; /* of its label in `coded` */
};

struct family {
	struct family_node *nodes;
	size_t n, size;
	uint8_t *coded; /* labels, each from a whole byte on */
	size_t coded_size;
};

void family_fini(struct family *f);

/* Read the next family of a merged shard: all names that have their two rightmost labels in common;
 * or one name of a single label (then the family is that node).  `ahead` holds the name that was
 * read last, with len 0 at first.  Returns 1, 0 behind the last, or ERR_NOMEM or ERR_LIMIT. */
int family_next(struct family *f, struct names_cursor *c, struct names_one *ahead) QUELL_CHECK;

/* Bits of a number of a set or hub, by the table of its code. */
unsigned family_number_bits(const codes_word *table, uint32_t number);

/* Bits of a record's length as it stands before it. */
unsigned family_len_bits(uint32_t bits);

/* Measure all nodes, and code their labels with `codes` (the codes section).  The bits of anchors
 * (children of hubs, and the first node) come without the code of their hub.  Returns 0, ERR_NOMEM or
 * ERR_LIMIT. */
int family_measure(struct family *f, const codes_word *codes, const struct sets *sets) QUELL_CHECK;

/* Write the record of node i, measured: with the code of hub `hub` before it, or (UINT32_MAX) as a
 * child. */
void family_put(const struct family *f, uint32_t i, uint32_t hub, const codes_word *codes,
    const struct sets *sets, struct bits_out *out);

static inline const uint8_t *family_label(const struct family_node *node)
{
	return node->name + node->label_off;
}

/* Does node i stand in a bucket of its own? */
static inline bool family_is_anchor(const struct family *f, uint32_t i)
{
	return i == 0 || f->nodes[f->nodes[i].parent].is_hub;
}

#endif
