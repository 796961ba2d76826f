/* update_notify.h - tell the running quelld that there is a new image, over its control socket. */
#ifndef QUELL_UPDATE_NOTIFY_H
#define QUELL_UPDATE_NOTIFY_H

#include "lib/err.h"

/* Send `reload` to the socket at `path` and wait for the answer.  Returns 0; ERR_NOTFOUND where
 * no quelld listens there; ERR_DENIED with quelld's own reason where it refused; ERR_SYS,
 * ERR_NET. */
int update_notify_reload(const char *path, struct why *why) QUELL_CHECK;

#endif
