/* file.h - whole files through a descriptor, however many calls that takes.
 *
 * `name` is only for the message.  A descriptor is borrowed, and used from where it stands.
 */
#ifndef QUELL_FILE_H
#define QUELL_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

/* Read to the end: into *text (malloc'ed for the caller, one NUL behind the end) and *len.  At most
 * `max` bytes.  Returns 0, ERR_SYS, ERR_NOMEM or ERR_RANGE with the reason in `why`. */
int file_read(
    int fd, const char *name, size_t max, char **text, size_t *len, struct why *why) QUELL_CHECK;

/* Memory for one file after the other: it grows where one is larger.  All zero at first; free(bytes)
 * at the end. */
struct file_buffer {
	char *bytes;
	size_t size;
};

/* Read to the end, in the place of what was read before: into buffer->bytes, one NUL behind the end,
 * and *len.  Otherwise as file_read(). */
int file_read_into(struct file_buffer *buffer, int fd, const char *name, size_t max, size_t *len,
    struct why *why) QUELL_CHECK;

/* Put a file with bytes[0..len) and the rights `mode` in the place of `path`: written beside it, synced,
 * renamed, so that there is the old one or the new one whatever happens.  Returns 0, or ERR_SYS with the
 * reason in `why`: then the old one is as it was. */
int file_replace(
    const char *path, mode_t mode, const void *bytes, size_t len, struct why *why) QUELL_CHECK;

/* Put the names in the folder of `path` on the disk, as fsync(2) does the bytes of a file: after a rename
 * that is to last.  Where that cannot be done, nothing is said. */
void file_sync_folder(const char *path);

/* Write bytes[0..len).  Returns 0 or ERR_SYS with the reason in `why`. */
int file_write(
    int fd, const char *name, const void *bytes, size_t len, struct why *why) QUELL_CHECK;

#endif
