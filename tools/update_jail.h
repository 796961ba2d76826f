/* update_jail.h - work on text of the internet, in a process of its own without network: it reads the files that are
 * named, writes into one pipe, and ends.
 *
 *   caller: fork --> child: its sandbox (SANDBOX_PARSER), work() --> pipe --> bytes
 *           <-- error and reason, as work() returned them; a child that crashed is ERR_SYS
 *
 * The child sees the memory of the caller as it was.  Nobody believes what comes back more than it must.
 */
#ifndef QUELL_UPDATE_JAIL_H
#define QUELL_UPDATE_JAIL_H

#include "lib/err.h"
#include "lib/sandbox.h"

/* Runs in the child.  Returns 0 or an error with the reason in `why`. */
typedef int update_jail_fn(void *ctx, int out, struct why *why);

/* Run work(ctx, ...) where of the files only read[0..n_read), and what is below them, can be opened.  What it wrote:
 * (*bytes)[0..*len), malloc'ed for the caller, and NULL for an error. */
int update_jail(update_jail_fn *work, void *ctx, const char *const *read, unsigned n_read,
    char **bytes, size_t *len, struct why *why) QUELL_CHECK;

/* The caller itself goes there, for good; what the system does not give is said on standard error. */
void update_jail_enter(const struct sandbox_wish *wish);

#endif
