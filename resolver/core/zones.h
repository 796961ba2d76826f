/* zones.h - a few zones with a number each: which is the nearest above a name?
 *
 *   name --tails.h--> may be --> zones, the longest first --> number
 *
 * Plain bytes: made by the parent and sent to the workers as part of their options.  No allocation.  A
 * name in none of them costs what its last bytes cost.
 */
#ifndef QUELL_ZONES_H
#define QUELL_ZONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "resolver/core/tails.h"

#define ZONES_MAX  160	/* more than a network's reverse zones can be: 128 */
#define ZONES_SIZE 4096 /* bytes of all their names */

/* All zero: none. */
struct zones {
	struct tails tails;
	uint16_t n, used;
	struct zones_zone {
		uint16_t off;
		uint8_t len, value;
	} zone[ZONES_MAX]; /* by length, the longest first */
	uint8_t bytes[ZONES_SIZE];
};

/* Add `name` (lower-case wire form), with a number.  One that is there keeps its own.  Returns 0, or
 * ERR_RANGE: there is no room. */
int zones_add(struct zones *z, const uint8_t *name, uint8_t value) QUELL_CHECK;

/* The same zones with the same numbers, added in the same order? */
bool zones_equal(const struct zones *a, const struct zones *b);

/* The number of the longest zone that name[0..len) is or lies in; -1: none.  Both of zones_find() and
 * zones_find_slowly(), which does without the filter, give the same. */
int zones_find_slowly(const struct zones *z, const uint8_t *name, size_t len);

static inline int zones_find(const struct zones *z, const uint8_t *name, size_t len)
{
	if (z->n == 0 || (len > sizeof(uint32_t) && !tails_maybe(&z->tails, name, len)))
		return -1;
	return zones_find_slowly(z, name, len);
}

#endif
