/* test_latency.c - the histogram against a plain sorted list of what was counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/rng.h"
#include "resolver/core/latency.h"

static struct latency l, other;

static int set_up(void **state)
{
	(void)state;
	memset(&l, 0, sizeof(l));
	memset(&other, 0, sizeof(other));
	return 0;
}

static void test_none(void **state)
{
	(void)state;
	assert_int_equal(latency_percentile_ns(&l, 0), 0);
	assert_int_equal(latency_percentile_ns(&l, 500), 0);
	assert_int_equal(latency_percentile_ns(&l, 1000), 0);
	latency_count(&l, 1000, 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(l.max_ns, 0);
}

/* One answer is all of the percentiles, to the nanosecond: no figure is above the highest. */
static void test_one(void **state)
{
	(void)state;
	latency_count(&l, 12345, 1);
	assert_int_equal(latency_percentile_ns(&l, 0), 12345);
	assert_int_equal(latency_percentile_ns(&l, 500), 12345);
	assert_int_equal(latency_percentile_ns(&l, 999), 12345);
	assert_int_equal(latency_percentile_ns(&l, 1000), 12345);
	assert_int_equal(l.max_ns, 12345);
}

/* Each value alone below a huge one: the figure for it is not below it, nor more than 1/16 above. */
static void assert_precise(uint64_t ns)
{
	uint64_t got;

	set_up(NULL);
	latency_count(&l, ns, 1);
	latency_count(&l, UINT64_MAX, 1);
	got = latency_percentile_ns(&l, 500);
	assert_true(got >= ns);
	assert_true(got - ns <= ns / 16);
}

static void test_precision(void **state)
{
	(void)state;
	for (uint64_t ns = 0; ns < 5000; ns++)
		assert_precise(ns);
	for (unsigned bit = 5; bit < LATENCY_BITS; bit++) {
		assert_precise(((uint64_t)1 << bit) - 1);
		assert_precise((uint64_t)1 << bit);
		assert_precise(((uint64_t)1 << bit) + 1);
	}
}

/* Beyond the last bucket only the maximum knows how long. */
static void test_very_long(void **state)
{
	uint64_t limit_ns = ((uint64_t)1 << LATENCY_BITS) - 1;

	(void)state;
	latency_count(&l, limit_ns + 1, 1);
	latency_count(&l, UINT64_MAX, 2);
	assert_int_equal(l.bucket[LATENCY_BUCKETS - 1], 3);
	assert_int_equal(l.max_ns, UINT64_MAX);
	assert_int_equal(latency_percentile_ns(&l, 500), limit_ns);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

#define N_VALUES 5000

static void assert_percentiles(const uint64_t *sorted)
{
	static const unsigned permilles[] = {1, 10, 250, 500, 900, 990, 999, 1000};

	for (size_t i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++) {
		/* The least value that so many are not above. */
		uint64_t want = sorted[(uint64_t)N_VALUES * permilles[i] / 1000 - 1];
		uint64_t got = latency_percentile_ns(&l, permilles[i]);

		assert_true(got >= want);
		assert_true(got - want <= want / 16);
	}
}

/* Values of all magnitudes, counted in two histograms, one by one and several at once. */
static void test_against_sorted_values(void **state)
{
	static uint64_t values[N_VALUES];
	struct rng rng;

	(void)state;
	rng_init_fixed(&rng, 7);
	for (size_t i = 0; i < N_VALUES; i += 5) {
		uint64_t ns = (uint64_t)1 + rng_below(&rng, 2u << rng_below(&rng, 31));

		for (size_t k = 0; k < 5; k++)
			values[i + k] = ns;
		if (i % 2 == 0) {
			latency_count(&l, ns, 5);
		} else {
			latency_count(&other, ns, 4);
			latency_count(&other, ns, 1);
		}
	}
	latency_add(&l, &other);
	qsort(values, N_VALUES, sizeof(values[0]), compare);
	assert_int_equal(l.n, N_VALUES);
	assert_int_equal(l.max_ns, values[N_VALUES - 1]);
	assert_percentiles(values);
}

/* The parent adds up what workers say; nonsense in a message must not lead outside. */
static void test_counts_that_do_not_add_up(void **state)
{
	(void)state;
	l.n = UINT64_MAX;
	l.max_ns = 17;
	assert_int_equal(latency_percentile_ns(&l, 1000), 17);
	l.bucket[3] = 1;
	assert_int_equal(latency_percentile_ns(&l, 1000), 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_none, set_up),
	    cmocka_unit_test_setup(test_one, set_up),
	    cmocka_unit_test_setup(test_precision, set_up),
	    cmocka_unit_test_setup(test_very_long, set_up),
	    cmocka_unit_test_setup(test_against_sorted_values, set_up),
	    cmocka_unit_test_setup(test_counts_that_do_not_add_up, set_up),
	};

	return cmocka_run_group_tests_name("latency", tests, NULL, NULL);
}
