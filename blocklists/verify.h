/* verify.h - is an image whole, and is it sound?
 *
 * quell-update makes the full check before an image is put into service.  The loader looks whether it still has the same
 * bytes: that is quick, and look-ups are memory-safe on any bytes (trie.h).
 */
#ifndef QUELL_VERIFY_H
#define QUELL_VERIFY_H

#include <stddef.h>

#include "lib/err.h"

/* Header and checksum: the image is as it was written.
 * Returns 0 or ERR_FORMAT, with the reason in `why`.  Cost: one pass over the image. */
int verify_checksum(const void *bytes, size_t len, struct why *why) QUELL_CHECK;

/* Header, checksum, codes, buckets, sets, effects, expressions and networks: everything is as build
 * makes it, each name where a look-up would seek it, counts as the header says.
 * Returns 0, ERR_NOMEM, or ERR_FORMAT with the place and the reason in `why`.  Cost: one pass over the
 * image. */
int verify_image(const void *bytes, size_t len, struct why *why) QUELL_CHECK;

#endif
