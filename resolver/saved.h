/* saved.h - the saved cache in the parent: one file for each worker, cache-0, cache-1, ..., in state_dir or,
 * where that cannot be written, beside the rules.
 *
 *   worker --- pipe ---> saver --- file beside it, synced, renamed ---> cache-N
 *          <-- the open file ---------------------------------------------/   at its next start
 *
 * A saver is a short-lived process without rights: a disk that is slow holds up nobody.  All of them together
 * write no more in a day than the option says; what is left of that is in the files.  A save for which too little
 * is left is put off: begun, and given up half way, it would only use up what the next one needs.
 */
#ifndef QUELL_SAVED_H
#define QUELL_SAVED_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/conf.h"
#include "lib/err.h"

struct server;

/* A saver that runs. */
struct saved_job {
	struct server *owner;
	pid_t pid;	    /* 0: none */
	int result;	    /* where it says how it went */
	struct event *done; /* NULL: none */
	uint64_t size; /* bytes that a save needs, as far as the last one tells; 0: not known */
};

struct saved {
	struct saved_job job[CONF_WORKERS_MAX];
	unsigned n_running;
	struct event *timer, *limit;
	uint32_t interval_s;		/* that the timer runs for */
	uint64_t budget, budget_ms;	/* bytes that were left then */
	bool spent;			/* said so */
	void (*then)(struct server *s); /* when the last save is over; NULL: it has not begun */
};

/* Returns 0 or ERR_NOMEM. */
int saved_init(struct server *s) QUELL_CHECK;
void saved_fini(struct server *s);

/* Save in the interval of the configuration that is in force from now on. */
void saved_arm(struct server *s);

/* Hand a new worker what was saved. */
void saved_tell(struct server *s, unsigned worker);

/* Save once more, for limit_ms at most, then go on with `then`. */
void saved_last(struct server *s, unsigned limit_ms, void (*then)(struct server *s));

#endif
