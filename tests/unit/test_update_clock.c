/* test_update_clock.c - a clock before and behind the day of the build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "tools/update_clock.h"

static time_t now;

/* Where times had 32 bits at first, this is what the linker knows it by. */
#if __TIMESIZE == 32
#define __wrap_time __wrap___time64
#endif

time_t __wrap_time(time_t *out);

time_t __wrap_time(time_t *out)
{
	if (out != NULL)
		*out = now;
	return now;
}

static void test_is_set(void **state)
{
	struct timespec real;

	(void)state;
	assert_return_code(clock_gettime(CLOCK_REALTIME, &real), errno);
	now = 0; /* where a Raspberry Pi without a battery may begin */
	assert_false(update_clock_is_set());
	now = 1700000000; /* 2023, before the first version of this program */
	assert_false(update_clock_is_set());
	now = real.tv_sec; /* it has been built before */
	assert_true(update_clock_is_set());
}

static void test_watch(void **state)
{
	struct pollfd p = {.fd = update_clock_watch(), .events = POLLIN};
	uint64_t ticks;

	(void)state;
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(read(p.fd, &ticks, sizeof(ticks)), -1); /* it does not wait */
	assert_int_equal(errno, EAGAIN);
	close(p.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_is_set),
	    cmocka_unit_test(test_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
