/* vital.h - the names that the network needs (vital.txt): made from it when the program is built. */
#ifndef QUELL_VITAL_H
#define QUELL_VITAL_H

#include <stddef.h>

/* Lines: `NAME` for that name alone, `.NAME` also for all below it; `#` begins a comment. */
extern const char vital_text[];
extern const size_t vital_len;

#endif
