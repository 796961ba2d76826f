/* format.h - the bytes of an image (docs/format.md): what build.c writes and trie.c and verify.c
 * read.
 *
 *   header 96 | slots | labels | sets
 *
 *   slot    tag, parent, label, set: bit fields from the lowest bit of a little-endian number of
 *           slot_size bytes; label 0 stands for an empty slot
 *   labels  8 zero bytes, then each distinct label once: its length byte and its bytes
 *   sets    n_sets + 1 ends of 32 bits (in entries; the first is 0), then the entries of 16 bits
 *
 * Numbers are little-endian and at any address, so they are read byte by byte or by memcpy.
 */
#ifndef QUELL_FORMAT_H
#define QUELL_FORMAT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "blocklists/rule.h"
#include "lib/hash.h"

#define FORMAT_MAGIC	  "\177quell\r\n"
#define FORMAT_MAGIC_LEN  8
#define FORMAT_VERSION	  1
#define FORMAT_PROBES_MAX 64 /* slots that a look-up reads for one label */
#define FORMAT_TAG_MAX	  16 /* bits */
#define FORMAT_FIELD_MAX  32 /* bits of parent, label, set: such a field lies in one 8-byte read */
#define FORMAT_SLOT_MAX	  16 /* bytes */
#define FORMAT_LABELS_PAD 8  /* zero bytes: the 8-byte read of the last slot stays inside */

/* Where the fields of the header stand. */
enum {
	FORMAT_AT_MAGIC = 0,
	FORMAT_AT_VERSION = 8,	 /* u64 */
	FORMAT_AT_LEN = 16,	 /* u64, of the whole image */
	FORMAT_AT_SUM = 24,	 /* u64, format_sum() */
	FORMAT_AT_SUMMED = 32,	 /* the checksum covers all from here */
	FORMAT_AT_RULES = 32,	 /* u64 n_rules */
	FORMAT_AT_NAMES = 40,	 /* u64 n_names */
	FORMAT_AT_SLOTS = 48,	 /* u64 n_slots */
	FORMAT_AT_LABELS = 56,	 /* u64 labels_len, bytes */
	FORMAT_AT_SETS_LEN = 64, /* u64 sets_len, bytes */
	FORMAT_AT_SEED = 72,	 /* u64 */
	FORMAT_AT_SETS = 80,	 /* u32 n_sets */
	FORMAT_AT_LISTS = 84,	 /* u32 n_lists */
	FORMAT_AT_PROBES = 88,	 /* u8, then u8 slot_size, tag, parent, label, set bits; 2 zeros */
	FORMAT_HEADER = 96
};

/* An entry of a set: the kind above the list, so that the first and the last entry of a sorted set
 * tell which kinds it has. */
#define FORMAT_KIND_SHIFT 12
_Static_assert(RULE_LISTS_MAX <= 1 << FORMAT_KIND_SHIFT, "a list id fits below the kind");

static inline uint16_t format_entry(enum rule_kind kind, uint16_t list)
{
	return (uint16_t)((unsigned)kind << FORMAT_KIND_SHIFT | list);
}

static inline enum rule_kind format_entry_kind(uint16_t entry)
{
	return (enum rule_kind)(entry >> FORMAT_KIND_SHIFT);
}

static inline uint16_t format_entry_list(uint16_t entry)
{
	return entry & ((1u << FORMAT_KIND_SHIFT) - 1);
}

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

/* Field of `bits` (at most FORMAT_FIELD_MAX) bits, `shift` bits from the lowest of the slot at p;
 * reads 8 bytes from the field's first byte on. */
static inline uint64_t format_field(const uint8_t *p, unsigned shift, unsigned bits)
{
	return format_get_u64(p + shift / 8) >> shift % 8 & ((UINT64_C(1) << bits) - 1);
}

/* Labels as length byte and bytes; neither is read behind its end. */
static inline bool format_label_equal(const uint8_t *a, const uint8_t *b)
{
	return a[0] == b[0] && memcmp(a + 1, b + 1, a[0]) == 0;
}

/* The hash of a node from its parent's (0: the root) and its label (length byte and bytes).  A
 * hostile list could be made to pile up under one seed, but not under each that the builder
 * tries. */
static inline uint64_t format_hash(uint64_t seed, uint64_t parent_hash, const uint8_t *label)
{
	const struct hash_key key = {seed, parent_hash};

	return hash_siphash13(&key, label, 1u + label[0]);
}

/* Where the probes for a node begin: 0 .. n_homes - 1, growing with the hash. */
static inline uint64_t format_home(uint64_t hash, uint64_t n_homes)
{
	return (hash >> 32) * n_homes >> 32;
}

static inline uint64_t format_sum(const uint8_t *bytes, size_t len)
{
	static const struct hash_key key = {0x6c6c657571, FORMAT_VERSION};

	return hash_siphash13(&key, bytes + FORMAT_AT_SUMMED, len - FORMAT_AT_SUMMED);
}

#endif
