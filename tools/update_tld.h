/* update_tld.h - names under which others register theirs: a rule on all of them is a mistake. */
#ifndef QUELL_UPDATE_TLD_H
#define QUELL_UPDATE_TLD_H

#include <stdbool.h>
#include <stdint.h>

/* Is `name` (lower-case wire form) a name of one label, or one of the commonest of two, as co.uk? */
bool update_tld_is(const uint8_t *name);

#endif
