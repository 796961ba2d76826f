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
	assert_true(mixcase_write(out, labels, sizeof(labels), bits));
	assert_memory_equal(out, want, sizeof(labels));
	assert_true(name_equal(out, labels));
	assert_false(mixcase_write(out, (const uint8_t *)"\3123", sizeof("\3123"), bits));
}

static void test_each_letter_has_its_bit(void **state)
{
	static const uint8_t labels[] = "\20abcdefghijklmnop";
	uint8_t out[sizeof(labels)];

	(void)state;
	for (size_t i = 1; i < sizeof(labels) - 1; i++) {
		uint8_t bits[MIXCASE_SIZE] = {0};

		bits[i / 8] = (uint8_t)(1u << i % 8);
		assert_true(mixcase_write(out, labels, sizeof(labels), bits));
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

/* At each length: what is read is what is written, and nothing behind it. */
static void test_reads_what_it_writes(void **state)
{
	static const uint8_t name[] = "\24AbcD-@[`{efghIJKLz9_\0";
	uint8_t lower[sizeof(name)];

	(void)state;
	name_lower(lower, name, sizeof(name));
	for (size_t len = 0; len <= sizeof(name); len++) {
		uint8_t bits[MIXCASE_SIZE], out[sizeof(name) + 1];
		bool any;

		memset(bits, 0xa5, sizeof(bits));
		memset(out, '#', sizeof(out));
		any = mixcase_read(bits, name, len);
		assert_int_equal(any, len > 1);
		assert_int_equal(mixcase_write(out, lower, len, bits), any);
		assert_memory_equal(out, name, len);
		assert_int_equal(out[len], '#');
		if (len % 8 != 0)
			assert_int_equal(bits[len / 8] >> len % 8, 0);
		assert_int_equal(bits[(len + 7) / 8], 0xa5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_letters_only),
	    cmocka_unit_test(test_each_letter_has_its_bit),
	    cmocka_unit_test(test_every_letter_varies),
	    cmocka_unit_test(test_reads_what_it_writes),
	};

	return cmocka_run_group_tests_name("mixcase", tests, NULL, NULL);
}
