/* patterns_format.h - the bytes of the section of expressions, as patterns.h draws them; for
 * patterns.c and patterns_build.c alone. */
#ifndef QUELL_PATTERNS_FORMAT_H
#define QUELL_PATTERNS_FORMAT_H

#include <stdint.h>

#include "blocklists/regex.h"

enum {
	PATTERNS_AT_N = 0,
	PATTERNS_AT_ENTRIES = 4,
	PATTERNS_AT_TABLES_LEN = 8,
	PATTERNS_AT_BUCKET_BITS = 12,
	PATTERNS_AT_LENGTHS = 13,
	PATTERNS_HEADER = 16
};

enum {
	PATTERNS_TABLE_AT_STATES = 0,
	PATTERNS_TABLE_AT_FIRST_SINK = 2,
	PATTERNS_TABLE_AT_CLASSES = 4,
	PATTERNS_TABLE_AT_CLASS_OF = 5,
	PATTERNS_TABLE_HEADER = PATTERNS_TABLE_AT_CLASS_OF + REGEX_SYMBOLS
};

#define PATTERNS_BUCKET_BITS_MAX 22
#define PATTERNS_FILTER_BITS	 4 /* 2^4 bits are a u16 */
#define PATTERNS_NUMBER_BITS	 16
#define PATTERNS_KEY_BITS	 (REGEX_LITERAL_LEN * REGEX_LITERAL_BITS)
_Static_assert(PATTERNS_KEY_BITS + PATTERNS_NUMBER_BITS == 64, "an entry fills its 8 bytes");

/* The entry of a literal for expression 0.  The product spreads literals over the buckets; the factor is
 * odd, so that no two literals become one. */
static inline uint64_t patterns_entry(uint64_t literal)
{
	return literal * UINT64_C(0x9e3779b97f4a7c15) << PATTERNS_NUMBER_BITS;
}

/* The first bits of an entry: those of its bucket, and then those of its bit in the filter. */
static inline uint32_t patterns_first_bits(uint64_t entry, unsigned n)
{
	return (uint32_t)(entry >> 1 >> (63 - n)); /* n may be 0 */
}

static inline unsigned patterns_next_size(unsigned n_states)
{
	return n_states > 256 ? 2 : 1;
}

#endif
