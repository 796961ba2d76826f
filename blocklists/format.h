/* format.h - the bytes of an image (docs/format.md): what build writes, and trie.c and verify.c
 * read.
 *
 *   header | codes | directory | nodes | hub ends, hub names | set ends, entries | regex sets
 *          | effect ends, effects | patterns | networks
 *
 * A hub is a node whose children are found by hashing (the root is hub 0); an anchor is a child of a
 * hub.  Anchors stand in buckets, each with all that hangs below it up to the next hubs; buckets on
 * shelves.
 *
 *   shelf   its head, then its buckets
 *   bucket  records of anchors, to its end
 *   record  length, [anchor: code of the hub], label, code of the set, form, rest
 *   form    0 leaf; 10 children: their records, to the end of this one; 11 hub: its number
 *
 * Numbers are little-endian and at any address; bits are in the order of bits.h.
 */
#ifndef QUELL_FORMAT_H
#define QUELL_FORMAT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "blocklists/bits.h"
#include "blocklists/codes.h"
#include "blocklists/rule.h"
#include "lib/hash.h"

#define FORMAT_MAGIC	 "\177quell\r\n"
#define FORMAT_MAGIC_LEN 8
#define FORMAT_VERSION	 3

/* Where the fields of the header stand; those from FORMAT_AT_BUCKETS on are u32. */
enum {
	FORMAT_AT_MAGIC = 0,
	FORMAT_AT_VERSION = 8, /* u64 */
	FORMAT_AT_LEN = 16,    /* u64, of the whole image */
	FORMAT_AT_SUM = 24,    /* u64, format_sum() */
	FORMAT_AT_SUMMED = 32, /* the checksum covers all from here */
	FORMAT_AT_RULES = 32,  /* u64 n_rules */
	FORMAT_AT_NAMES = 40,  /* u64 n_names */
	FORMAT_AT_SEED = 48,   /* u64 */
	FORMAT_AT_BUCKETS = 56,
	FORMAT_AT_NODES_LEN = 60, /* bytes, BITS_PAD included */
	FORMAT_AT_HUBS = 64,
	FORMAT_AT_HUB_NAMES_LEN = 68, /* bytes */
	FORMAT_AT_SETS = 72,
	FORMAT_AT_ENTRIES = 76,
	FORMAT_AT_REGEXES = 80,
	FORMAT_AT_EFFECTS = 84,
	FORMAT_AT_EFFECTS_LEN = 88,  /* bytes */
	FORMAT_AT_PATTERNS_LEN = 92, /* bytes */
	FORMAT_AT_NETWORKS_LEN = 96, /* bytes */
	FORMAT_AT_LISTS = 100,
	FORMAT_HEADER = 104
};

/* ---- Codes ---- */

/* What a label is written with: its end, the bytes that names usually have, and an escape, behind
 * which 8 bits are any other byte. */
enum { FORMAT_ESCAPE, FORMAT_END, FORMAT_PLAIN, FORMAT_SYMBOLS = FORMAT_PLAIN + 38 };

/* The code of a symbol depends on the two before it: the last, and the class of the one before. */
#define FORMAT_CLASSES	11
#define FORMAT_CONTEXTS (FORMAT_SYMBOLS * FORMAT_CLASSES)

/* Sets and hubs by number: the most frequent have the codes of the symbols 0..FORMAT_RARE), all
 * others that of FORMAT_RARE and then 24 bits of number. */
#define FORMAT_RARE	 255
#define FORMAT_RARE_BITS 24

/* The codes section: tables of codes_word. */
enum {
	FORMAT_CODES_LABEL = 0, /* context by context, symbol by symbol */
	FORMAT_CODES_SET = FORMAT_CONTEXTS * FORMAT_SYMBOLS,
	FORMAT_CODES_HUB = FORMAT_CODES_SET + CODES_SYMBOLS_MAX,
	FORMAT_CODES = FORMAT_CODES_HUB + CODES_SYMBOLS_MAX
};

extern const uint8_t format_symbol[256]; /* of a byte of a label */
extern const uint8_t format_class[FORMAT_SYMBOLS];
extern const uint8_t format_byte[FORMAT_SYMBOLS]; /* of a symbol from FORMAT_PLAIN on */

/* Where a label stands while its symbols are written or read: at first zero. */
struct format_context {
	uint8_t last, class_before;
};

static inline unsigned format_context(const struct format_context *c)
{
	return (unsigned)c->class_before * FORMAT_SYMBOLS + c->last;
}

static inline void format_context_next(struct format_context *c, unsigned symbol)
{
	c->class_before = format_class[c->last];
	c->last = (uint8_t)symbol;
}

/* ---- Records ---- */

#define FORMAT_LEN_BITS	     7	 /* of a record, behind itself, in bits ... */
#define FORMAT_LEN_LONG	     127 /* ... or this, and then */
#define FORMAT_LEN_LONG_BITS 14

#define FORMAT_SIBLINGS_MAX 64 /* in a bucket, or below a node: a look-up reads no more */
#define FORMAT_NODES_MAX    (UINT32_MAX / 8) /* bytes: their bits have numbers of 32 bits */

/* What a node's family may take at most, as build estimates it: so many bits for a node and for a
 * byte of its label.  A node with more below it is a hub. */
#define FORMAT_FAMILY_MAX 1000
#define FORMAT_NODE_COST  20u
#define FORMAT_BYTE_COST  5u

/* ---- Buckets ---- */

#define FORMAT_ANCHORS_PER_BUCKET 5

/* Buckets stand on shelves of so many.  The head of a shelf: for each of its buckets u16 where it ends,
 * bytes from the beginning of the shelf on; 0 where the last shelf has no such bucket. */
#define FORMAT_SHELF	  32
#define FORMAT_SHELF_HEAD (2 * FORMAT_SHELF)

/* The directory: where each shelf begins in the nodes, and where the last one ends, in units of
 * FORMAT_UNIT bytes.  For each FORMAT_GROUP of these u32 the first, and u16 each of the others, behind
 * the first. */
#define FORMAT_UNIT	  8
#define FORMAT_GROUP	  8
#define FORMAT_GROUP_SIZE (4 + 2 * (FORMAT_GROUP - 1))

/* Up to the next whole unit. */
static inline uint64_t format_whole_units(uint64_t bytes)
{
	return (bytes + FORMAT_UNIT - 1) / FORMAT_UNIT * FORMAT_UNIT;
}

static inline uint32_t format_n_shelves(uint32_t n_buckets)
{
	return n_buckets / FORMAT_SHELF + (n_buckets % FORMAT_SHELF != 0);
}

static inline uint64_t format_directory_len(uint32_t n_buckets)
{
	return ((uint64_t)format_n_shelves(n_buckets) / FORMAT_GROUP + 1) * FORMAT_GROUP_SIZE;
}

/* ---- Sets ---- */

/* An entry: the effect above the kind above the list, so that plain blocks come first, and of these
 * the first and the last tell which kinds there are. */
#define FORMAT_KIND_SHIFT   12
#define FORMAT_EFFECT_SHIFT 14
#define FORMAT_EFFECTS_MAX  ((1 << (32 - FORMAT_EFFECT_SHIFT)) - 1)
_Static_assert(RULE_LISTS_MAX <= 1 << FORMAT_KIND_SHIFT, "a list id fits below the kind");

static inline uint32_t format_entry(enum rule_kind kind, uint16_t list, uint32_t effect)
{
	return effect << FORMAT_EFFECT_SHIFT | (uint32_t)kind << FORMAT_KIND_SHIFT | list;
}

static inline enum rule_kind format_entry_kind(uint32_t entry)
{
	return (enum rule_kind)(entry >> FORMAT_KIND_SHIFT & 3);
}

static inline uint16_t format_entry_list(uint32_t entry)
{
	return entry & ((1u << FORMAT_KIND_SHIFT) - 1);
}

static inline uint32_t format_entry_effect(uint32_t entry)
{
	return entry >> FORMAT_EFFECT_SHIFT;
}

/* The end of a set among the entries, and above it what its plain entries are for a name that lies
 * at the node (HERE) or further down (BELOW). */
#define FORMAT_SET_HERE	 (UINT32_C(1) << 31)
#define FORMAT_SET_BELOW (UINT32_C(1) << 30)
#define FORMAT_SET_END	 (FORMAT_SET_BELOW - 1)

/* ---- Numbers ---- */

static inline uint16_t format_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t format_get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t format_get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void format_put(uint8_t *p, uint64_t v, unsigned n_bytes)
{
	for (unsigned i = 0; i < n_bytes; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

/* The hash of an anchor: of its whole name, in wire form without the root. */
static inline uint64_t format_hash(uint64_t seed, const uint8_t *name, size_t len)
{
	const struct hash_key key = {seed, 0};

	return hash_siphash13(&key, name, len);
}

/* The bucket of an anchor with that hash: so many parts as there are buckets of all hashes in their
 * order, so that names with near hashes stand near. */
static inline uint32_t format_bucket(uint64_t hash, uint32_t n_buckets)
{
	return (uint32_t)((hash >> 32) * n_buckets >> 32);
}

static inline uint64_t format_sum(const uint8_t *bytes, size_t len)
{
	static const struct hash_key key = {0x6c6c657571, FORMAT_VERSION};

	return hash_siphash13(&key, bytes + FORMAT_AT_SUMMED, len - FORMAT_AT_SUMMED);
}

#endif
