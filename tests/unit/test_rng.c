/* test_rng.c - random numbers: the fixed generator against its definition, the bounds of
 * rng_below(), and that no two states give the same. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "lib/rng.h"

/* The first outputs of splitmix64 from 1234567, as its published test vector has them. */
static void test_fixed_is_splitmix64(void **state)
{
	static const uint64_t expected[] = {6457827717110365317u, 3203168211198807973u,
	    9817491932198370423u, 4593380528125082431u, 16408922859458223821u};
	struct rng r;

	(void)state;
	rng_init_fixed(&r, 1234567);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		uint64_t word;

		rng_bytes(&r, &word, sizeof(word));
		assert_int_equal(word, expected[i]);
	}
}

static void test_fixed_repeats_in_any_portions(void **state)
{
	uint8_t whole[3 * RNG_BLOCK + 5], parts[sizeof(whole)];
	struct rng a, b;
	size_t have = 0;

	(void)state;
	rng_init_fixed(&a, 0);
	rng_init_fixed(&b, 0);
	rng_bytes(&a, whole, sizeof(whole));
	for (size_t n = 1; have < sizeof(parts); n = n * 3 % 101) {
		if (n > sizeof(parts) - have)
			n = sizeof(parts) - have;
		rng_bytes(&b, parts + have, n);
		have += n;
	}
	assert_memory_equal(whole, parts, sizeof(whole));
}

static void test_kernel_gives_fresh_bytes(void **state)
{
	uint8_t a_bytes[2 * RNG_BLOCK], b_bytes[2 * RNG_BLOCK];
	struct rng a, b;

	(void)state;
	rng_init(&a);
	rng_init(&b);
	rng_bytes(&a, a_bytes, sizeof(a_bytes));
	rng_bytes(&b, b_bytes, sizeof(b_bytes));
	assert_memory_not_equal(a_bytes, b_bytes, sizeof(a_bytes));
	assert_memory_not_equal(a_bytes, a_bytes + RNG_BLOCK, RNG_BLOCK);
}

static void test_given_bytes_are_wiped(void **state)
{
	static const uint8_t zero[16];
	uint8_t out[16];
	struct rng r;

	(void)state;
	rng_init_fixed(&r, 7);
	rng_bytes(&r, out, sizeof(out));
	assert_memory_equal(r.block, zero, sizeof(zero));
	assert_memory_not_equal(r.block + 16, zero, sizeof(zero));
}

static void test_below(void **state)
{
	static const uint32_t bounds[] = {1, 2, 3, 7, 1000, 0x80000001u, UINT32_MAX};
	struct rng r;

	(void)state;
	rng_init_fixed(&r, 42);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		for (int k = 0; k < 1000; k++)
			assert_true(rng_below(&r, bounds[i]) < bounds[i]);
	}
}

/* 3 * 2^30: without rejection the lower third would come up half of the time. */
static void test_below_has_no_bias(void **state)
{
	const uint32_t n = 3u << 30;
	unsigned n_low = 0, n_draws = 30000;
	struct rng r;

	(void)state;
	rng_init_fixed(&r, 99);
	for (unsigned i = 0; i < n_draws; i++)
		n_low += rng_below(&r, n) < n / 3;
	assert_in_range(n_low, n_draws * 31 / 100, n_draws * 36 / 100);
}

static void test_u16_reaches_everything(void **state)
{
	static uint8_t seen[65536];
	unsigned n_seen = 0;
	struct rng r;

	(void)state;
	rng_init_fixed(&r, 5);
	for (unsigned i = 0; i < 20 * 65536; i++)
		seen[rng_u16(&r)] = 1;
	for (size_t i = 0; i < sizeof(seen); i++)
		n_seen += seen[i];
	assert_int_equal(n_seen, 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fixed_is_splitmix64),
	    cmocka_unit_test(test_fixed_repeats_in_any_portions),
	    cmocka_unit_test(test_kernel_gives_fresh_bytes),
	    cmocka_unit_test(test_given_bytes_are_wiped),
	    cmocka_unit_test(test_below),
	    cmocka_unit_test(test_below_has_no_bias),
	    cmocka_unit_test(test_u16_reaches_everything),
	};

	return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
