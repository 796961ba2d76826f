/* patterns.h - many regular expressions behind one literal pre-filter: a section of the image.
 *
 *   name --> every run of up to 8 of its symbols --> hash table of literals --> candidates
 *            (regex.h: what a match must contain)        --> each its own table --> matches
 *
 * An expression of which nothing is known hangs on the beginning of the name, which every name has.
 * 20,000 expressions cost a name microseconds.  The bytes are made once (patterns_build.c) and read
 * in place; a look-up is memory-safe on any bytes and its steps are bounded.
 *
 *   header 16 | filters | buckets | entries | ends | tables | texts          little-endian
 *
 *   header    u32 n, u32 n_entries, u32 bytes of all tables, u8 bits of the bucket number, u8 which
 *             lengths literals have (bit 0: 1), 2 zeros
 *   filters   u16 each, 2^bits: for each bucket, which of 16 values the next 4 bits of its entries
 *             have; most look-ups end here
 *   buckets   u32 each, 2^bits + 1: where the entries begin whose first bits are the bucket's number
 *   entries   u64 each, sorted: literal, mixed (48 bits), and number of the expression (16 bits)
 *   ends      for each expression: u32 end of its table, u32 end of its text
 *   table     u16 states, u16 first sink, u8 classes, u8 class of each symbol; a bit for each
 *             state: it accepts; for each state that is no sink and each class the next state, in
 *             one byte, or two where there are more than 256 states
 *   text      u8 inverted, and the expression as it was written
 */
#ifndef QUELL_PATTERNS_H
#define QUELL_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define PATTERNS_MAX	   65536       /* in one image */
#define PATTERNS_LOAD_MAX  1024	       /* candidates that a name is thought to have at most */
#define PATTERNS_BYTES_MAX (64u << 20) /* of all tables */

/* Over the bytes of the section; all zero: no patterns. */
struct patterns {
	uint32_t n;
	/* --- the rest belongs to patterns*.c --- */
	const uint8_t *bytes;
	size_t len;
	const uint8_t *filters, *buckets, *entries, *ends, *tables, *texts;
	uint32_t n_entries, tables_len, texts_len;
	uint8_t bucket_bits, lengths;
};

struct regex;

/* Bytes that an expression's table takes of PATTERNS_BYTES_MAX. */
size_t patterns_table_size(const struct regex *r);

/* One expression to build from. */
struct patterns_source {
	const char *text;
	size_t len;
	bool inverted;
};

/* The section for sources[0..n), in their order; the number of each is its index.  *bytes is
 * malloc'ed for the caller.  Returns 0; ERR_LIMIT or ERR_FORMAT with the text of the expression in
 * `why`; ERR_NOMEM. */
int patterns_build(const struct patterns_source *sources, size_t n, uint8_t **bytes, size_t *len,
    struct why *why) QUELL_CHECK;

/* Look at the header: constant cost.  Returns 0 or ERR_FORMAT with the reason. */
int patterns_open(
    struct patterns *p, const uint8_t *bytes, size_t len, struct why *why) QUELL_CHECK;

/* Check all of it: these are the bytes that patterns_build() makes of their sources (so this costs as
 * much).  Returns 0, ERR_FORMAT with the reason, or ERR_NOMEM. */
int patterns_verify(const struct patterns *p, struct why *why) QUELL_CHECK;

/* Call found() with the number of each expression that `name` (lower-case wire form) matches, in no
 * order, each once. */
void patterns_match(const struct patterns *p, const uint8_t *name,
    void (*found)(void *ctx, uint32_t number), void *ctx);

/* Expression `number` as it was written; false where there is none (or the bytes are damaged). */
bool patterns_source(const struct patterns *p, uint32_t number, struct patterns_source *source);

#endif
