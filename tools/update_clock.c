/* update_clock.c - the wall clock against the day of the build. */
#include "tools/update_clock.h"

#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define DAY_S 86400

/* The compiler takes SOURCE_DATE_EPOCH for it. */
int64_t update_clock_built_s(void)
{
	struct tm tm = {.tm_isdst = 0};

	return strptime(__DATE__, "%b %d %Y", &tm) != NULL ? (int64_t)timegm(&tm) : 0;
}

bool update_clock_is_set(void)
{
	return time(NULL) >= update_clock_built_s() - DAY_S; /* the day is that of some time zone */
}

int update_clock_watch(void)
{
	/* Never due: what is waited for is the clock's being set before. */
	const struct itimerspec never = {.it_value.tv_sec = INT32_MAX};
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -1;
	if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) == 0)
		return fd;
	close(fd);
	return -1;
}
