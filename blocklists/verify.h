/* verify.h - the full structural check of an image, before anything trusts it. */
#ifndef QUELL_VERIFY_H
#define QUELL_VERIFY_H

#include <stddef.h>

#include "lib/err.h"

/* Header, checksum, every slot, label and set: each offset inside its part, each chain of
 * parents a name, each node found where a look-up would seek it, counts as the header says.
 * Returns 0 or ERR_FORMAT, with offset and reason in `why`.  Cost: one pass over the image, and a
 * look-up for each node. */
int verify_image(const void *bytes, size_t len, struct why *why) QUELL_CHECK;

#endif
