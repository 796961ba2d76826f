/* test_health.c - deaths and silence, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "resolver/health.h"

#define BEGIN_MS 1000000

/* Born at *now_ms, dead after life_ms: how long is waited. */
static unsigned live(struct health *h, uint64_t *now_ms, unsigned life_ms)
{
	unsigned delay_ms;

	health_started(h, *now_ms);
	*now_ms += life_ms;
	delay_ms = health_died(h, *now_ms);
	*now_ms += delay_ms;
	return delay_ms;
}

/* Four deaths are answered at once; then it is waited, twice as long each time, for a second at most. */
static void test_crash_loop(void **state)
{
	static const unsigned expected[] = {0, 0, 0, 0, 100, 200, 400, 800, 1000, 1000, 1000};
	struct health h = {0};
	uint64_t now_ms = BEGIN_MS;

	(void)state;
	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(health_loops(&h, now_ms), i > 4);
		assert_int_equal(live(&h, &now_ms, 1), expected[i]);
	}
}

/* What is over is over: the next death is answered at once. */
static void test_loop_ends(void **state)
{
	struct health h = {0};
	uint64_t now_ms = BEGIN_MS;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		(void)live(&h, &now_ms, 1);
	assert_true(health_loops(&h, now_ms));
	now_ms += HEALTH_WINDOW_MS;
	assert_false(health_loops(&h, now_ms));
	assert_int_equal(live(&h, &now_ms, 1), 0);
	assert_false(health_loops(&h, now_ms));
}

/* Who lives a while has answered queries: waiting would only cost the next ones. */
static void test_longer_lives(void **state)
{
	struct health h = {0};
	uint64_t now_ms = BEGIN_MS;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(live(&h, &now_ms, HEALTH_LIFE_MS), 0);
	assert_true(health_loops(&h, now_ms));
	assert_int_equal(live(&h, &now_ms, HEALTH_LIFE_MS - 1), 100);
	assert_int_equal(live(&h, &now_ms, HEALTH_LIFE_MS), 0);
	assert_int_equal(live(&h, &now_ms, 1), 100);
}

/* Deaths that are far between are none. */
static void test_rare_deaths(void **state)
{
	struct health h = {0};
	uint64_t now_ms = BEGIN_MS;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(live(&h, &now_ms, 1), 0);
		assert_false(health_loops(&h, now_ms));
		now_ms += HEALTH_WINDOW_MS / (HEALTH_DEATHS - 1);
	}
}

/* Four pings without a sound, and no fewer; any message is a sound. */
static void test_silence(void **state)
{
	struct health h = {0};

	(void)state;
	health_started(&h, BEGIN_MS);
	assert_true(health_ping(&h));
	health_heard(&h, true);
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 4; i++)
			assert_true(health_ping(&h));
		health_heard(&h, round % 2 == 0);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_true(health_ping(&h));
	assert_false(health_ping(&h));
	/* The next one begins anew. */
	health_started(&h, BEGIN_MS);
	assert_true(health_ping(&h));
}

/* Until it has answered a ping it makes its tables: there is more patience then, but it has an end. */
static void test_silence_at_the_start(void **state)
{
	struct health h = {0};

	(void)state;
	health_started(&h, BEGIN_MS);
	assert_true(health_ping(&h));
	health_heard(&h, false);
	for (unsigned i = 0; i < 40; i++)
		assert_true(health_ping(&h));
	assert_false(health_ping(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_crash_loop),
	    cmocka_unit_test(test_loop_ends),
	    cmocka_unit_test(test_longer_lives),
	    cmocka_unit_test(test_rare_deaths),
	    cmocka_unit_test(test_silence),
	    cmocka_unit_test(test_silence_at_the_start),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
