/* codes.h - prefix codes (Huffman, canonical, at most CODES_LEN_MAX bits), made from how often each
 * symbol occurs.  So frequent letters, hubs and sets take few bits of the image.
 *
 * A code stands in a table by symbol, in which a writer or a comparing reader finds it; bits in the
 * order of bits.h.  The table of a code that is never used is zero.
 */
#ifndef QUELL_CODES_H
#define QUELL_CODES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define CODES_LEN_MAX	  12
#define CODES_SYMBOLS_MAX 256

/* The code of a symbol: its bits, and its length above them; 0: the symbol does not occur. */
typedef uint16_t codes_word;

static inline codes_word codes_make_word(unsigned bits, unsigned len)
{
	return (codes_word)(bits | len << CODES_LEN_MAX);
}

static inline unsigned codes_bits(codes_word word)
{
	return word & ((1u << CODES_LEN_MAX) - 1);
}

static inline unsigned codes_len(codes_word word)
{
	return word >> CODES_LEN_MAX;
}

/* Codes for the symbols 0..n) (n <= CODES_SYMBOLS_MAX), which occur counts[symbol] times; a symbol
 * with the count 0 gets none.  Depends on the counts alone. */
void codes_make(codes_word *table, const uint64_t *counts, unsigned n);

#define CODES_FAST_BITS 8

/* A reader of a table of n symbols. */
struct codes_reader {
	uint16_t first[CODES_LEN_MAX + 2]; /* the first code of each length, as a number */
	uint16_t index[CODES_LEN_MAX + 2]; /* where its symbol stands in symbols[] */
	uint8_t symbols[CODES_SYMBOLS_MAX];
	uint16_t
	    fast[1 << CODES_FAST_BITS]; /* by the next bits: symbol, length above it; 0: longer */
};

/* Returns 0, or ERR_FORMAT where the table is not what codes_make() makes. */
int codes_open(struct codes_reader *r, const codes_word *table, unsigned n) QUELL_CHECK;

/* The symbol whose code begins the bits of `bits` (at least CODES_LEN_MAX of them); *len: bits of
 * it.  -1: none. */
int codes_read(const struct codes_reader *r, uint64_t bits, unsigned *len);

#endif
