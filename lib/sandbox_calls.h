/* sandbox_calls.h - the system calls of each kind of process: a part of sandbox.h. */
#ifndef QUELL_SANDBOX_CALLS_H
#define QUELL_SANDBOX_CALLS_H

#include "lib/sandbox.h"

/* Allow those of `kind` alone from now on.  Returns 0, or why the system refuses: an errno. */
int sandbox_calls(enum sandbox_kind kind);

#endif
