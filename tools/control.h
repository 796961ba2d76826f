/* control.h - one request to the running quelld, over its control socket (quellctl(8) has the commands). */
#ifndef QUELL_CONTROL_H
#define QUELL_CONTROL_H

#include "lib/err.h"

#define CONTROL_WAIT_S	   90 /* a reload with long lists on a slow card takes longest */
#define CONTROL_ANSWER_MAX (1024 * 1024)

/* Send `request`, one line with its newline, to the socket at `path`, and wait for the answer.  *lines (malloc'ed,
 * terminated, the caller's) are the lines behind its `ok`.
 * Returns 0; ERR_DENIED with quelld's own reason where it refused; ERR_NOTFOUND where no quelld listens there;
 * ERR_RANGE for a path that is too long; ERR_NET where the answer is none, was cut, is
 * CONTROL_ANSWER_MAX bytes or longer, or does not come within CONTROL_WAIT_S; ERR_SYS, ERR_NOMEM. */
int control_ask(const char *path, const char *request, char **lines, struct why *why) QUELL_CHECK;

/* The same within `wait_s` (not 0) instead. */
int control_ask_within(const char *path, const char *request, unsigned wait_s, char **lines,
    struct why *why) QUELL_CHECK;

#endif
