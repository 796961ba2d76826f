/* secret.h - the secret of the DNS cookies in the parent: drawn, kept in a file, rolled once a day, and
 * told to the workers, who all have the same.
 *
 *   state_dir/cookie-secret, or where quelld may not write there, the folder of the own rules
 *   magic 8 | made, s since 1970, 8 | rolled 1 | current 16 | previous 16        (big endian)
 *
 * Only its owner may read it.  A file that cannot be read or written costs the cookies of a restart, and
 * nothing else.  After a start whose clock does not agree with the file the secret is rolled.
 *
 * Cookies tell the time by the clock that runs since boot, and what the wall clock said at the start: a
 * wall clock that jumps, as it does on a machine that has none of its own, makes no cookie bad.
 */
#ifndef QUELL_SECRET_H
#define QUELL_SECRET_H

#include <event2/event.h>
#include <stdint.h>

#include "lib/err.h"
#include "resolver/core/cookie.h"

#define SECRET_FILE "cookie-secret"

/* RFC 7873, 7.1: a day, and up to 40 % less, so that nobody knows when. */
#define SECRET_LIFE_S	    86400
#define SECRET_JITTER_SHARE 40 /* percent */

struct server;

struct secret {
	struct cookie_secrets cookies;
	int64_t made_s; /* when the current one was drawn, s since 1970 */
	struct event *roll;
};

/* Take the secret out of the file, or draw one; roll it in time.  Returns 0 or ERR_NOMEM. */
int secret_init(struct server *s) QUELL_CHECK;
void secret_fini(struct server *s);

/* Tell one worker. */
void secret_tell(struct server *s, unsigned worker);

#endif
