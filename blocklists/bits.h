/* bits.h - numbers and codes of bits in bytes, the lowest bit of a byte first.
 *
 * A reader may look at 8 bytes from the byte of its position on, whatever it takes of them: what is
 * read ends in BITS_PAD bytes that nobody uses.
 */
#ifndef QUELL_BITS_H
#define QUELL_BITS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BITS_PAD      8
#define BITS_READ_MAX 57 /* bits of one bits_peek() that are sure to be there */

/* 57 bits or more from bit `at` on; what is above them is undefined. */
static inline uint64_t bits_peek(const uint8_t *bytes, size_t at)
{
	uint64_t v;

	memcpy(&v, bytes + at / 8, sizeof(v));
	return le64toh(v) >> at % 8;
}

/* The lowest n bits of v, n < 64. */
static inline uint64_t bits_low(uint64_t v, unsigned n)
{
	return v & ((UINT64_C(1) << n) - 1);
}

/* 8 bytes, of bits that stand in v. */
static inline void bits_put_word(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

/* Bits being written: what is behind them is zero, and BITS_PAD bytes longer than what is written. */
struct bits_out {
	uint8_t *bytes;
	size_t at;
};

/* Append the lowest n bits of v, n <= BITS_READ_MAX. */
static inline void bits_put(struct bits_out *out, uint64_t v, unsigned n)
{
	uint8_t *p = out->bytes + out->at / 8;
	uint64_t there;

	memcpy(&there, p, sizeof(there));
	there = htole64(le64toh(there) | bits_low(v, n) << out->at % 8);
	memcpy(p, &there, sizeof(there));
	out->at += n;
}

/* Append n bits that stand at `from`, with BITS_PAD bytes behind them. */
static inline void bits_copy(struct bits_out *out, const uint8_t *from, size_t n)
{
	enum { STEP = 56 };

	for (; n > STEP; n -= STEP, from += STEP / 8)
		bits_put(out, bits_peek(from, 0), STEP);
	bits_put(out, bits_peek(from, 0), (unsigned)n);
}

#define BITS_NUMBER_MAX 5 /* bytes */

/* A number in 7 bits a byte, lowest first, all but the last byte with the 8th.  Returns what is
 * behind it. */
static inline uint8_t *bits_put_number(uint8_t *p, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static inline const uint8_t *bits_get_number(const uint8_t *p, uint32_t *v)
{
	*v = *p & 0x7f;
	for (unsigned shift = 7; (*p++ & 0x80) != 0; shift += 7)
		*v |= (uint32_t)(*p & 0x7f) << shift;
	return p;
}

#endif
