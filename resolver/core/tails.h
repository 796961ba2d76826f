/* tails.h - a filter of last bytes: which names may lie in one of some zones.
 *
 * A set of the last 8 bytes of the zones' names without the root, or 4 of those that are shorter.  A hit
 * may be a chance; nearly every other name costs two loads and two look-ups in 64 bytes.
 */
#ifndef QUELL_TAILS_H
#define QUELL_TAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TAILS_BITS 512 /* 2 to the power of 64 - 55 */

/* All zero: nothing passes. */
struct tails {
	uint64_t set[TAILS_BITS / 64];
};

static inline unsigned tails_slot(uint64_t tail)
{
	/* The golden ratio: the upper bits of the product depend on all bytes. */
	return (unsigned)(tail * 0x9e3779b97f4a7c15u >> 55);
}

static inline uint64_t tails_long(const uint8_t *name, size_t len)
{
	uint64_t tail;

	memcpy(&tail, name + len - 1 - sizeof(tail), sizeof(tail));
	return tail;
}

static inline uint64_t tails_short(const uint8_t *name, size_t len)
{
	uint32_t tail;

	memcpy(&tail, name + len - 1 - sizeof(tail), sizeof(tail));
	return tail;
}

static inline bool tails_has(const struct tails *t, uint64_t tail)
{
	unsigned slot = tails_slot(tail);

	return (t->set[slot / 64] >> slot % 64 & 1) != 0;
}

/* Let name[0..len), in lower-case wire form, and what is below it pass.  Of a zone of less than three
 * letters: all names. */
static inline void tails_add(struct tails *t, const uint8_t *name, size_t len)
{
	unsigned slot;

	if (len <= sizeof(uint32_t)) {
		memset(t, 0xff, sizeof(*t));
		return;
	}
	slot = tails_slot(len > sizeof(uint64_t) ? tails_long(name, len) : tails_short(name, len));
	t->set[slot / 64] |= (uint64_t)1 << slot % 64;
}

/* The same for one who asks for tails_short() alone. */
static inline void tails_add_short(struct tails *t, const uint8_t *name, size_t len)
{
	unsigned slot;

	if (len <= sizeof(uint32_t)) {
		memset(t, 0xff, sizeof(*t));
		return;
	}
	slot = tails_slot(tails_short(name, len));
	t->set[slot / 64] |= (uint64_t)1 << slot % 64;
}

/* Does name[0..len), in lower-case wire form, pass? */
static inline bool tails_maybe(const struct tails *t, const uint8_t *name, size_t len)
{
	return (len > sizeof(uint64_t) && tails_has(t, tails_long(name, len))) ||
	       (len > sizeof(uint32_t) && tails_has(t, tails_short(name, len)));
}

#endif
