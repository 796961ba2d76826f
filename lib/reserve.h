/* reserve.h - memory for a library that does not survive that malloc(3) fails.
 *
 * libseccomp (2.5.4) frees twice, never comes back, or makes a filter that is not what was asked for; libconfuse (3.3) ends the
 * process.  So what they take is in the heap before they begin: then their malloc() asks the system for nothing.
 */
#ifndef QUELL_RESERVE_H
#define QUELL_RESERVE_H

#include <stddef.h>

#include "lib/err.h"

struct reserve {
	void *guard; /* lies behind it, and keeps the heap from being cut */
};

/* Have `len` bytes in the heap, for blocks of less than 64 KiB.  Returns 0, or ERR_NOMEM; then nothing has to be dropped. */
int reserve_take(struct reserve *r, size_t len) QUELL_CHECK;
void reserve_drop(struct reserve *r);

#endif
