/* update_local.h - list texts that lie on this machine: files, and folders of them. */
#ifndef QUELL_UPDATE_LOCAL_H
#define QUELL_UPDATE_LOCAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/conf.h"
#include "lib/err.h"

/* Whether `url` is one of file:, and then its path, terminated, where it is no longer than that. */
bool update_local_path(const char *url, char path[CONF_PATH_SIZE]);

/* Read the file `path`, or, of a folder, all regular files in it (or that links in it lead to), in
 * the order of their names' bytes, each ending its last line; those whose name begins with a dot are
 * hidden here too.  At most `max` bytes, into *text (malloc'ed for the caller, terminated) and *len.
 * Returns 0; ERR_NOTFOUND, ERR_SYS, ERR_NOMEM or ERR_RANGE with the reason in `why`. */
int update_local_read(
    const char *path, size_t max, char **text, size_t *len, struct why *why) QUELL_CHECK;

#endif
