/* supervise.h - the workers: started, spoken to, and replaced when they die or stand still.
 *
 *   parent                       worker 0 .. n-1
 *   supervise_send() -----> channel -----> worker_run()
 *   hooks.message()  <----- channel <-----
 *   hooks.started()    a new worker knows nothing: send it all of the state
 *
 * The end of its channel is how a worker's death is seen.  It is replaced at once; one that keeps
 * dying, after a while that grows to HEALTH_DELAY_MAX_MS.  Each is pinged, and answers from its loop:
 * one that stands still (health.h), or does not read what it is sent, is killed, and so replaced.
 */
#ifndef QUELL_SUPERVISE_H
#define QUELL_SUPERVISE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "resolver/channel.h"

#define SUPERVISE_WHY_SIZE 128

struct supervise_hooks {
	void *ctx;
	/* A worker was started, as number `worker`. */
	void (*started)(void *ctx, unsigned worker);
	/* It sent something (never a descriptor, nor the answer to a ping, nor that it leaves). */
	void (*message)(void *ctx, unsigned worker, const struct channel_message *m);
	/* It died, or left: what it was asked will not be answered. */
	void (*died)(void *ctx, unsigned worker);
};

struct supervisor;

/* For n workers, none of them started.  NULL: no memory. */
struct supervisor *supervise_new(
    struct event_base *base, unsigned n, const struct supervise_hooks *hooks);

/* Start all.  A worker that cannot be started now is tried again. */
void supervise_start(struct supervisor *s);

/* Send to one worker, or to all that run (arguments as in channel_send()).  A worker that is not
 * there gets it all when it starts, by hooks.started().  supervise_send() returns whether it went
 * out. */
bool supervise_send(struct supervisor *s, unsigned worker, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd);
void supervise_send_all(struct supervisor *s, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd);

unsigned supervise_n(const struct supervisor *s);	/* workers that there should be */
unsigned supervise_running(const struct supervisor *s); /* that there are */

/* Kill a worker, to have it replaced.  `why` (borrowed, and kept) is logged. */
void supervise_kill(struct supervisor *s, unsigned worker, const char *why);

/* Does it die again and again? */
bool supervise_loops(const struct supervisor *s, unsigned worker);

/* How it has gone with one. */
struct supervise_past {
	unsigned n_died;	      /* those that left do not count */
	uint64_t died_ms;	      /* the last time, of clock_ms() */
	char why[SUPERVISE_WHY_SIZE]; /* it did */
	bool by_others;		      /* it was killed, and not by us: nothing is wrong with it */
};
void supervise_past(const struct supervisor *s, unsigned worker, struct supervise_past *out);

/* Ask all to end and replace none.  `ended` is called when the last is gone (or at once); they have
 * `limit_ms` for it. */
void supervise_stop(struct supervisor *s, unsigned limit_ms, void (*ended)(void *ctx), void *ctx);

/* Kills what is left. */
void supervise_free(struct supervisor *s);

#endif
