/* pack.h - the user's own rules (blocklists/rules.h), as the overlay of the workers takes them. */
#ifndef QUELL_PACK_H
#define QUELL_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "blocklists/rules.h"
#include "lib/err.h"

/* What is in force, for overlay_set(): *bytes (malloc'ed, the caller's) and *len.  Returns 0 or
 * ERR_NOMEM. */
int pack_rules(const struct rules *r, uint8_t **bytes, size_t *len) QUELL_CHECK;

#endif
