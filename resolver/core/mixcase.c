/* mixcase.c - a bit for each byte of the name; those of bytes that are no letters do not count. */
#include "resolver/core/mixcase.h"

#include <endian.h>
#include <string.h>

void mixcase_draw(uint8_t bits[MIXCASE_SIZE], struct rng *rng, size_t len)
{
	rng_bytes(rng, bits, (len + 7) / 8);
}

/* Eight bytes at a time, as in name.c: bit i of `bits` is for byte i. */
#define ONES UINT64_C(0x0101010101010101)
#define TOPS (0x80 * ONES)

static inline uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return le64toh(v);
}

/* The top bit of each byte of `v` from `first` to `last`, which are ASCII. */
static inline uint64_t between(uint64_t v, unsigned first, unsigned last)
{
	uint64_t low = v & ~TOPS;

	return ((low + (0x80 - first) * ONES) ^ (low + (0x7f - last) * ONES)) & ~v & TOPS;
}

/* The top bit of each byte whose bit is set. */
static inline uint64_t spread(uint8_t bits)
{
	return ((bits * ONES & UINT64_C(0x8040201008040201)) + ~TOPS) & TOPS;
}

static inline uint8_t gather(uint64_t tops)
{
	return (uint8_t)((tops >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

/* n <= 8 bytes; returns those that are in upper case now. */
static inline uint64_t write_some(uint8_t *out, const uint8_t *name, size_t n, uint8_t bits)
{
	uint64_t v = load(name, n), upper = between(v, 'a', 'z') & spread(bits);

	v = htole64(v ^ upper >> 2);
	memcpy(out, &v, n);
	return upper;
}

bool mixcase_write(uint8_t *out, const uint8_t *name, size_t len, const uint8_t bits[MIXCASE_SIZE])
{
	uint64_t upper = 0;

	/* Length bytes are below all letters (RFC 1035, 2.3.4). */
	for (; len >= 8; out += 8, name += 8, len -= 8)
		upper |= write_some(out, name, 8, *bits++);
	if (len > 0)
		upper |= write_some(out, name, len, *bits);
	return upper != 0;
}

bool mixcase_read(uint8_t bits[MIXCASE_SIZE], const uint8_t *name, size_t len)
{
	uint8_t any = 0;

	for (; len >= 8; name += 8, len -= 8)
		any |= *bits++ = gather(between(load(name, 8), 'A', 'Z'));
	if (len > 0)
		any |= *bits = gather(between(load(name, len), 'A', 'Z'));
	return any != 0;
}
