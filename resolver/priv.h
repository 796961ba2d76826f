/* priv.h - the rights of a process: who it is and what it may do.
 *
 *   started as root -- priv_become() --> parent: user quell, CAP_NET_BIND_SERVICE alone
 *   started as a user ------------------/     |
 *                                             \-- child_fork() --> worker, loader: no capability
 *
 * Rights only ever shrink.  No new ones are gained by running a program (no_new_privs).
 */
#ifndef QUELL_PRIV_H
#define QUELL_PRIV_H

#include "lib/err.h"

/* The user that root becomes: `name`, or without one (NULL) quell, else nobody with a warning. */
#define PRIV_USER     "quell"
#define PRIV_FALLBACK "nobody"

/* Give up everything but CAP_NET_BIND_SERVICE, and being root: for the parent, before it reads
 * anything. A process that is not root keeps its user; `name` must then be its own, or NULL.
 * Returns 0; ERR_NOTFOUND: there is no such user; ERR_DENIED or ERR_SYS: the system refused. */
int priv_become(const char *name, struct why *why) QUELL_CHECK;

/* The user whose rights count now, for messages; valid until the next call. */
const char *priv_user_name(void);

#endif
