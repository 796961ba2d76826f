/* update_fetch.h - downloads of list texts, bounded in bytes and in time (libcurl).
 *
 * http, https and file; a redirect is followed to http and https alone, so that no server makes
 * us read a local file, and from https to https alone.  Compressed transfers are unpacked, and
 * the bound holds for what comes out.  A body that is shorter than announced, and any status other
 * than 200, is a failure.
 */
#ifndef QUELL_UPDATE_FETCH_H
#define QUELL_UPDATE_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/* Bytes so far and in all as they are transferred (0: not announced), and per second.  False:
 * give up. */
typedef bool update_fetch_progress_fn(void *ctx, uint64_t now, uint64_t total, uint64_t per_s);

struct update_fetch;

/* `max_bytes` of one text; `stall_s`, at least 1: seconds to connect, and seconds without data,
 * after which a download is given up.  NULL: no memory.  Free with update_fetch_free(). */
struct update_fetch *update_fetch_new(
    size_t max_bytes, unsigned stall_s, update_fetch_progress_fn *progress, void *progress_ctx);
void update_fetch_free(struct update_fetch *f);

/* Download `url` to *text (malloc'ed for the caller) of *len bytes.  Returns 0; ERR_NET with the
 * reason in `why`; ERR_RANGE: larger than max_bytes; ERR_NOMEM. */
int update_fetch_get(
    struct update_fetch *f, const char *url, char **text, size_t *len, struct why *why) QUELL_CHECK;

#endif
