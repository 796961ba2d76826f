/* test_clock.c - the clock: which one it is, its unit, and that it never goes back.
 *
 * clock_gettime() is wrapped by the linker, so that the test can say what the kernel's clocks show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <time.h>

#include "lib/clock.h"

/* Where times had 32 bits at first, this is what the linker knows it by. */
#if __TIMESIZE == 32
#define __real_clock_gettime __real___clock_gettime64
#define __wrap_clock_gettime __wrap___clock_gettime64
#endif

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

static bool faked;
static clockid_t asked_id;
static struct timespec shown;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	if (!faked)
		return __real_clock_gettime(id, ts);
	asked_id = id;
	*ts = shown;
	return 0;
}

static uint64_t ms_of(time_t s, long ns)
{
	uint64_t ms;

	faked = true;
	shown = (struct timespec){.tv_sec = s, .tv_nsec = ns};
	ms = clock_ms();
	faked = false;
	return ms;
}

static void test_unit(void **state)
{
	(void)state;
	assert_int_equal(ms_of(0, 0), 0);
	assert_int_equal(ms_of(0, 999999), 0);
	assert_int_equal(ms_of(0, 1000000), 1);
	assert_int_equal(ms_of(1, 999999999), 1999);
	assert_int_equal(ms_of(2, 0), 2000);
	/* Two months of milliseconds are more than 32 bits hold. */
	assert_int_equal(ms_of(5000000, 7000000), UINT64_C(5000000007));
}

static void test_nanoseconds(void **state)
{
	(void)state;
	faked = true;
	shown = (struct timespec){.tv_sec = 5000000, .tv_nsec = 999999999};
	assert_int_equal(clock_ns(), UINT64_C(5000000999999999));
	faked = false;
}

/* It has to go on in suspend, and not to follow the wall clock. */
static void test_counts_suspend(void **state)
{
	(void)state;
	asked_id = CLOCK_REALTIME;
	(void)ms_of(1, 0);
	assert_int_equal(asked_id, CLOCK_BOOTTIME);
}

static uint64_t boottime_ms(void)
{
	struct timespec ts;

	assert_int_equal(__real_clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)(ts.tv_nsec / 1000000);
}

static void test_real_clock(void **state)
{
	uint64_t last = boottime_ms();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_ms();

		assert_true(last <= now);
		last = boottime_ms();
		assert_true(now <= last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_unit),
	    cmocka_unit_test(test_nanoseconds),
	    cmocka_unit_test(test_counts_suspend),
	    cmocka_unit_test(test_real_clock),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
