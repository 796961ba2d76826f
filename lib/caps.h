/* caps.h - the capabilities of this process: they only ever get fewer. */
#ifndef QUELL_CAPS_H
#define QUELL_CAPS_H

#include <stdint.h>

#include "lib/err.h"

/* A capability set: bit n stands for capability n of <linux/capability.h>. */
#define CAPS_BIT(cap) ((uint64_t)1 << (cap))

/* Keep of the capabilities only those in `set`, and never get new ones: not by a program either
 * (no_new_privs).  Returns 0 or ERR_SYS. */
int caps_keep(uint64_t set) QUELL_CHECK;

#endif
