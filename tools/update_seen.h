/* update_seen.h - what is remembered of a download beside its text, so that what has not changed is
 * not sent again (RFC 9110, 13) and what broke off can go on (RFC 9110, 14).
 *
 *   url https://lists.example/ads.txt       as configured
 *   from https://cdn.example/ads.txt        who answered, after redirects
 *   etag "33a64df5"                         as sent; a weak one has its W/
 *   modified Sat, 21 Nov 2026 10:00:00 GMT
 *   key RWQf6LRC...                         that it was signed with
 *   boot 01234567                           of a part: written since this start of the machine
 *                                           (clock_boot()); then what it has is all that was written
 *   bytes 123456                            of the text that all this belongs to
 *   hash 0123456789abcdef                   of the same
 *
 * A text with other bytes than these is not the one that the server would speak of.  The file may
 * be removed at any time: the list is downloaded whole then.
 */
#ifndef QUELL_UPDATE_SEEN_H
#define QUELL_UPDATE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/err.h"

#define UPDATE_ETAG_SIZE     256 /* longer ones are not remembered */
#define UPDATE_MODIFIED_SIZE 64

struct update_seen {
	char url[CONF_URL_SIZE];
	char from[CONF_URL_SIZE];
	char etag[UPDATE_ETAG_SIZE];	     /* empty: none */
	char modified[UPDATE_MODIFIED_SIZE]; /* empty: none that tells two versions apart */
	char key[CONF_KEY_SIZE];    /* that the text was found to be signed with; empty: none */
	char boot[CLOCK_BOOT_SIZE]; /* empty: bytes and hash say what the text is */
	uint64_t bytes, hash;
};

/* Read the file `name` of the folder `dir_fd`.  False: there is none that makes sense. */
bool update_seen_read(int dir_fd, const char *name, struct update_seen *seen);

/* Make it the content of `name`, whole or not at all; nothing is written where it is that already.
 * Returns 0 or ERR_SYS. */
int update_seen_write(
    int dir_fd, const char *name, const struct update_seen *seen, struct why *why) QUELL_CHECK;

/* Note the validators of a response: its header fields, NULL where it has none. */
void update_seen_note(
    struct update_seen *seen, const char *etag, const char *modified, const char *date);

/* Is there anything to ask with? */
bool update_seen_has_validator(const struct update_seen *seen);

/* The validator that the rest of a broken download may be asked for with, a strong one (RFC 9110,
 * 13.1.5), or NULL. */
const char *update_seen_strong(const struct update_seen *seen);

/* Note `text` as what the validators belong to; was it that? */
void update_seen_bind(struct update_seen *seen, const char *text, size_t len);
bool update_seen_fits(const struct update_seen *seen, const char *text, size_t len);

/* May a request to `url`, redirected to if `is_redirect`, be made with them?  After a redirect the
 * query is not looked at: it is where some publishers sign the time. */
bool update_seen_is_from(const struct update_seen *seen, const char *url, bool is_redirect);

#endif
