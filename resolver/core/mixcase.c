/* mixcase.c - a bit for each byte of the name; those of bytes that are no letters do not count. */
#include "resolver/core/mixcase.h"

void mixcase_draw(uint8_t bits[MIXCASE_SIZE], struct rng *rng, size_t len)
{
	rng_bytes(rng, bits, (len + 7) / 8);
}

unsigned mixcase_write(
    uint8_t *out, const uint8_t *name, size_t len, const uint8_t bits[MIXCASE_SIZE])
{
	unsigned n_upper = 0;

	/* Length bytes are below all letters (RFC 1035, 2.3.4). */
	for (size_t i = 0; i < len; i++) {
		bool upper = name[i] >= 'a' && name[i] <= 'z' && (bits[i / 8] >> i % 8 & 1) != 0;

		out[i] = (uint8_t)(upper ? name[i] - 'a' + 'A' : name[i]);
		n_upper += upper;
	}
	return n_upper;
}
