/* clock.c - the time since boot. */
#include "lib/clock.h"

#include <time.h>

uint64_t clock_ns(void)
{
	struct timespec ts = {0};

	/* Fails only for a clock that the kernel lacks; this one is there since Linux 2.6.39. */
	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t clock_ms(void)
{
	return clock_ns() / CLOCK_NS_PER_MS;
}
