/* timer.h - start a one-shot timer of libevent by milliseconds. */
#ifndef QUELL_TIMER_H
#define QUELL_TIMER_H

#include <event2/event.h>
#include <stdint.h>

/* Anew, if it runs already.  It was allocated with its event, so this does not fail. */
static inline void timer_start(struct event *timer, uint64_t ms)
{
	const struct timeval wait = {
	    .tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};

	(void)evtimer_add(timer, &wait);
}

#endif
