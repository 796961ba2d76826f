/* health.h - what is to become of a worker that died, or of which nothing is heard.
 *
 *   death ---> how long to wait before the next start: nothing, or more and more where the lives of a crash loop
 *              are short, and starting would be all that is done
 *   ping  ---> one that was asked HEALTH_SILENT times, and let nothing be heard, stands still
 *
 * Silence is counted in pings, not in time: a parent that gets no processor sends fewer, and a machine that was
 * suspended goes on with the one that was next.  A worker that is idle, or has much to do, comes to its channel in
 * each round of its loop.
 *
 * No clock, no process: supervise.h has both.
 */
#ifndef QUELL_HEALTH_H
#define QUELL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_DEATHS	    5 /* that many in HEALTH_WINDOW_MS are a crash loop */
#define HEALTH_WINDOW_MS    10000
#define HEALTH_LIFE_MS	    500 /* less is short */
#define HEALTH_DELAY_MIN_MS 100
#define HEALTH_DELAY_MAX_MS 1000

#define HEALTH_PING_MS	    500 /* between two */
#define HEALTH_SILENT	    4	/* 2 s */
#define HEALTH_SILENT_START 40	/* 20 s: until its tables are made it cannot answer */

struct health {
	uint64_t died_ms[HEALTH_DEATHS]; /* a ring of the last deaths; 0: none */
	unsigned n_died;
	uint64_t started_ms;
	unsigned delay_ms; /* before the last start */
	unsigned n_silent; /* pings since it was last heard of */
	bool answered;	   /* one of them, since it was started */
};

/* A new process. */
void health_started(struct health *h, uint64_t now_ms);

/* It died.  Returns how long to wait before the next start, in ms. */
unsigned health_died(struct health *h, uint64_t now_ms);

/* Does it die again and again? */
bool health_loops(const struct health *h, uint64_t now_ms);

/* It is to be pinged.  Returns false if it stands still: then kill it. */
bool health_ping(struct health *h);

/* It sent something; `pong`: the answer to a ping. */
void health_heard(struct health *h, bool pong);

#endif
