/* own.h - the user's own rules and the pause in the parent: their file is read and written, the
 * workers are told, and what has an expiry is ended.
 *
 *   quellctl allow, block, unset, pause, resume     start, reload        timer
 *                     |                                |                   |
 *        read the file, make the change           read the file       take it out
 *                     \--------------------------------+-------------------/
 *                                                      v
 *                      tell the workers, then write the file
 *
 * A disk that is slow, full or read-only holds up no rule.
 */
#ifndef QUELL_OWN_H
#define QUELL_OWN_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "blocklists/rules.h"
#include "lib/err.h"

struct server;

struct own {
	struct rules rules;
	char boot[RULES_BOOT_SIZE]; /* of this boot's ID */
	struct event *expiry;
	int timer_fd;	    /* by the clock that runs since boot, in suspend too */
	struct why trouble; /* not empty: why the file cannot be read or written */
};

/* Make the timer.  Returns 0, ERR_SYS or ERR_NOMEM. */
int own_init(struct server *s) QUELL_CHECK;
void own_fini(struct server *s);

/* Take what the file has, log its mistakes, and tell all workers. */
void own_read(struct server *s);

/* Tell a worker what is in force; returns whether it went out.  The worker answers with `serial`. */
bool own_tell(struct server *s, unsigned worker, uint32_t serial);

/* Is this a command that own_request() takes? */
bool own_is_command(const char *command);

/* Do what the control socket asks for: the answer's lines to `said`.  Workers were told with `serial`,
 * those of *waiting (bit n: worker n) will answer.  Returns 0, or an error with the reason. */
int own_request(struct server *s, const char *command, const char *arguments, uint32_t serial,
    uint64_t *waiting, struct evbuffer *said, struct why *why) QUELL_CHECK;

/* The line `blocking on`, or how long there is a pause. */
void own_blocking(const struct server *s, struct evbuffer *to);

/* Rule `nth` (from 0, in the order of precedence) that covers `name` (lower-case wire form), as
 * rules_format() has it, and its line in the file.  False: there is none. */
bool own_match(const struct server *s, const uint8_t *name, unsigned nth,
    char text[RULES_TEXT_SIZE], size_t *line);

/* Lines for `status`, and its reasons for which all is not well. */
void own_status(const struct server *s, struct evbuffer *to);
void own_reasons(const struct server *s, struct evbuffer *to);

#endif
