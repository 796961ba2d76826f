/* house.h - the names of the house in the parent: made by the loader out of the configuration, hosts
 * files and leases, given to the workers, and made again when a file changes.
 *
 *   start, reload                          a file changes
 *        |                                        | (watched; some time for more changes)
 *   house_prepare() --> loader --> done      loader --> in force, workers told
 *                                    |
 *                              house_commit(): in force, workers told, files watched
 *
 * A record that is malformed is an error of the configuration.  A file that is not there, has lines that
 * are not understood, or more names than there may be, is not: the rest counts, and it is told of.  A loader that
 * dies, or has not the memory, is none either: at the start there are no names then, and it is told of.
 */
#ifndef QUELL_HOUSE_H
#define QUELL_HOUSE_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "resolver/loader.h"
#include "resolver/channel.h"

#define HOUSE_SETTLE_MS	    250	 /* after the last change of a file, ... */
#define HOUSE_SETTLE_MAX_MS 2000 /* ... but no longer after the first */
#define HOUSE_AGAIN_MS	    5000

struct server;
struct loader;

/* What a job of the loader came to. */
struct house_made {
	int fd; /* owned: the sealed bytes; -1: there are no names */
	struct channel_loaded info;
};

/* The end of house_prepare(): err 0, or `why` says what is wrong. */
typedef void house_done_fn(struct server *s, int err, const struct why *why);

struct house {
	struct loader *loader;
	struct house_made now, next; /* in force, and prepared */
	struct event *readable, *settle;
	int watch;	     /* inotify; -1: nothing is watched */
	uint64_t changed_ms; /* the first change since the last job; 0: none */
	bool running;	     /* a job is; for a change unless `done` is set */
	house_done_fn *done;
	/* A job that waits for the end of another. */
	const struct conf *waiting;
	house_done_fn *waiting_done;
};

/* Returns 0 or ERR_NOMEM. */
int house_init(struct server *s) QUELL_CHECK;
void house_fini(struct server *s);

/* Make the names of `conf` (borrowed until done()), to be in force with house_commit(); done() may be called
 * before this returns. */
void house_prepare(struct server *s, const struct conf *conf, house_done_fn *done);

/* Forget what was prepared. */
void house_drop(struct server *s);

/* What was prepared is in force: tell all workers, and watch the files of s->conf. */
void house_commit(struct server *s);

/* At the start, where nothing could be prepared: there are no names, and status says why, until a file changes or the
 * next try, which comes by itself, is better. */
void house_without(struct server *s, const struct why *why);

/* Tell one worker. */
void house_tell(struct server *s, unsigned worker);

/* Make the names of `conf` and drop them again, for --check: with an event loop of its own.  Returns 0 or
 * an error with what is wrong. */
int house_check(
    const struct conf *conf, const struct loader_limits *limits, struct why *why) QUELL_CHECK;

/* The line for `status`, and reasons for which all is not well. */
void house_status(const struct server *s, struct evbuffer *to);
void house_reasons(const struct server *s, struct evbuffer *to);

#endif
