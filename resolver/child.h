/* child.h - starting a worker or a loader: a fork that leaves everything of the parent behind. */
#ifndef QUELL_CHILD_H
#define QUELL_CHILD_H

#include <sys/types.h>

/* Fork.  In the child (0) only the standard descriptors and keep[0..n_keep), which must ascend, are
 * open; it has no capability, cannot get one, dies with its parent, and takes no signal but SIGKILL
 * as a reason to end (a service manager signals all at once, and the parent decides the order). In
 * the parent the pid, or -1 with errno. */
pid_t child_fork(const int *keep, unsigned n_keep);

/* Kill a child, which may be ending by itself and then keeps its own status, and wait for it.
 * Returns its status as waitpid(2) gives it. */
int child_end(pid_t pid);

/* "signal 9 (Killed)" or "exit status 1" of a status from waitpid(2), into text; returns text. */
const char *child_status(int status, char text[64]);

#endif
