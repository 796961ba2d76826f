/* test_mixcase.c - letters get the case that was drawn, and nothing else changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/core/mixcase.h"

static void test_letters_only(void **state)
{
	static const uint8_t labels[] = "\3az`\4{-09\2\377\200\1q";
	static const uint8_t want[] = "\3AZ`\4{-09\2\377\200\1Q";
	uint8_t bits[MIXCASE_SIZE], out[sizeof(labels)];

	(void)state;
	memset(bits, 0xff, sizeof(bits));
	assert_int_equal(mixcase_write(out, labels, sizeof(labels), bits), 3);
	assert_memory_equal(out, want, sizeof(labels));
	assert_true(name_equal(out, labels));
}

static void test_each_letter_has_its_bit(void **state)
{
	static const uint8_t labels[] = "\20abcdefghijklmnop";
	uint8_t out[sizeof(labels)];

	(void)state;
	for (size_t i = 1; i < sizeof(labels) - 1; i++) {
		uint8_t bits[MIXCASE_SIZE] = {0};

		bits[i / 8] = (uint8_t)(1u << i % 8);
		assert_int_equal(mixcase_write(out, labels, sizeof(labels), bits), 1);
		for (size_t j = 1; j < sizeof(labels) - 1; j++)
			assert_int_equal(out[j], j == i ? labels[j] - 32 : labels[j]);
	}
}

/* Over many draws each letter is now upper, now lower. */
static void test_every_letter_varies(void **state)
{
	uint8_t long_name[NAME_SIZE], upper[NAME_SIZE] = {0}, lower[NAME_SIZE] = {0};
	struct rng rng;

	(void)state;
	rng_init(&rng);
	memset(long_name, 'x', sizeof(long_name));
	for (unsigned n = 0; n < 200; n++) {
		uint8_t bits[MIXCASE_SIZE], out[NAME_SIZE];

		mixcase_draw(bits, &rng, NAME_SIZE);
		(void)mixcase_write(out, long_name, NAME_SIZE, bits);
		for (unsigned i = 0; i < NAME_SIZE; i++) {
			upper[i] |= out[i] == 'X';
			lower[i] |= out[i] == 'x';
		}
	}
	for (unsigned i = 0; i < NAME_SIZE; i++)
		assert_true(upper[i] && lower[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_letters_only),
	    cmocka_unit_test(test_each_letter_has_its_bit),
	    cmocka_unit_test(test_every_letter_varies),
	};

	return cmocka_run_group_tests_name("mixcase", tests, NULL, NULL);
}
