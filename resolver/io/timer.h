/* timer.h - lengths of time as libevent takes them, and one-shot timers of milliseconds. */
#ifndef QUELL_TIMER_H
#define QUELL_TIMER_H

#include <event2/event.h>
#include <stdint.h>

/* The words of a struct timeval in libevent, which may have been built with times of 32 bits (Debian 12
 * for armhf); this program is not. */
#if EVENT__SIZEOF_TIME_T == 4
typedef int32_t timer_word;
#else
typedef int64_t timer_word;
#endif

union timer_wait {
	struct {
		timer_word s, us;
	};
	struct timeval tv; /* for the prototypes: libevent reads the above */
};

static inline union timer_wait timer_wait(uint64_t ms)
{
	return (union timer_wait){
	    .s = (timer_word)(ms / 1000),
	    .us = (timer_word)(ms % 1000 * 1000),
	};
}

/* Anew, if it runs already.  It was allocated with its event, so this does not fail. */
static inline void timer_start(struct event *timer, uint64_t ms)
{
	const union timer_wait wait = timer_wait(ms);

	(void)evtimer_add(timer, &wait.tv);
}

#endif
