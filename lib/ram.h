/* ram.h - how much memory this system has for a program. */
#ifndef QUELL_RAM_H
#define QUELL_RAM_H

#include <stdint.h>

/* Bytes: what the control groups of this process allow (version 2: the least memory.max from its own up), but no more
 * than half of the machine's; UINT64_MAX: not known.  `root` is "", or a folder that stands for / in a test. */
uint64_t ram_allowed(const char *root);

#endif
