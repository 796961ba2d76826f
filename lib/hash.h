/* hash.h - SipHash (Aumasson and Bernstein, 2012), the keyed hash of every table.
 *
 * With a secret key nobody outside can choose names that fall into one bucket.  The image of the
 * lists uses a fixed key written in its header, since its bytes must be reproducible.
 */
#ifndef QUELL_HASH_H
#define QUELL_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

/* The key that others write as these bytes. */
struct hash_key hash_key_of(const uint8_t bytes[16]);

/* SipHash-1-3 of `len` bytes. */
uint64_t hash_siphash13(const struct hash_key *key, const void *data, size_t len);

/* SipHash-2-4, for what others compute too: its output, as they write it, is this number little
 * endian. */
uint64_t hash_siphash24(const struct hash_key *key, const void *data, size_t len);

#endif
