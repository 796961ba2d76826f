/* starter.h - the starter list (starter.txt), compiled into the programs: plain domains. */
#ifndef QUELL_STARTER_H
#define QUELL_STARTER_H

#include <stddef.h>

extern const char starter_text[];
extern const size_t starter_len;

#endif
