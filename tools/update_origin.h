/* update_origin.h - the text beside an image that says of which lists it is (blocklists/origin.h). */
#ifndef QUELL_UPDATE_ORIGIN_H
#define QUELL_UPDATE_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/origin.h"
#include "lib/err.h"

/* What the text beside `path` (relative to dir_fd, or AT_FDCWD) says of image[0..len); origin->n 0:
 * nothing, or there is none. */
void update_origin_read(
    int dir_fd, const char *path, const void *image, size_t len, struct origin *origin);

/* Write there that image[0..len) is of the lists `origin`; nothing, where it says so already.  To be
 * called before the image is put at `path`.  Returns 0, ERR_SYS, ERR_FORMAT (the bytes are no image), ERR_RANGE
 * (too long a path, or text) or ERR_NOMEM. */
int update_origin_write(int dir_fd, const char *path, const void *image, size_t len,
    const struct origin *origin, struct why *why) QUELL_CHECK;

#endif
