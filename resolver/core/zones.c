/* zones.c - zones in the order of their lengths. */
#include "resolver/core/zones.h"

#include <string.h>

#include "lib/dns/name.h"

int zones_add(struct zones *z, const uint8_t *name, uint8_t value)
{
	size_t len = name_len(name);
	unsigned at = 0;

	for (; at < z->n && z->zone[at].len >= len; at++)
		if (z->zone[at].len == len && memcmp(z->bytes + z->zone[at].off, name, len) == 0)
			return 0;
	if (z->n == ZONES_MAX || len > sizeof(z->bytes) - z->used)
		return ERR_RANGE;
	memmove(&z->zone[at + 1], &z->zone[at], (z->n - at) * sizeof(z->zone[0]));
	z->zone[at] = (struct zones_zone){z->used, (uint8_t)len, value};
	memcpy(z->bytes + z->used, name, len);
	z->used = (uint16_t)(z->used + len);
	z->n++;
	tails_add(&z->tails, name, len);
	return 0;
}

bool zones_equal(const struct zones *a, const struct zones *b)
{
	/* No gaps. */
	return a->n == b->n && a->used == b->used &&
	       memcmp(a->zone, b->zone, a->n * sizeof(a->zone[0])) == 0 &&
	       memcmp(a->bytes, b->bytes, a->used) == 0;
}

int zones_find_slowly(const struct zones *z, const uint8_t *name, size_t len)
{
	for (unsigned i = 0; i < z->n; i++) {
		const uint8_t *zone = z->bytes + z->zone[i].off;
		size_t zone_len = z->zone[i].len;

		if (zone_len <= len && memcmp(name + len - zone_len, zone, zone_len) == 0 &&
		    name_in_zone(name, zone))
			return z->zone[i].value;
	}
	return -1;
}
