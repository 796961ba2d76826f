/* test_codes.c - prefix codes: short for what is frequent, and read as they were written. */
#include "tests/unit/lists.h"

#include "blocklists/bits.h"
#include "blocklists/codes.h"

/* The example of RFC 1951, 3.2.2: lengths 3, 3, 3, 3, 3, 2, 4, 4 (here from counts that lead to
 * them); the first bit of a code is the lowest. */
static void test_canonical(void **state)
{
	static const uint64_t counts[] = {4, 4, 4, 4, 4, 8, 2, 2};
	static const char *const expected[] = {
	    "010", "011", "100", "101", "110", "00", "1110", "1111"};
	codes_word table[8];

	(void)state;
	codes_make(table, counts, 8);
	for (unsigned symbol = 0; symbol < 8; symbol++) {
		char text[CODES_LEN_MAX + 1] = "";

		for (unsigned i = 0; i < codes_len(table[symbol]); i++)
			strcat(text, (codes_bits(table[symbol]) >> i & 1) != 0 ? "1" : "0");
		assert_string_equal(text, expected[symbol]);
	}
}

static void test_few_symbols(void **state)
{
	static const uint64_t none[4] = {0}, one[4] = {0, 0, 7, 0}, two[4] = {9, 0, 0, 1};
	struct codes_reader r;
	codes_word table[4];
	unsigned len;

	(void)state;
	codes_make(table, none, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(table[i], 0);
	assert_int_equal(codes_open(&r, table, 4), 0);
	assert_int_equal(codes_read(&r, 0, &len), -1);
	codes_make(table, one, 4);
	assert_int_equal(codes_len(table[2]), 1);
	assert_int_equal(codes_open(&r, table, 4), 0);
	assert_int_equal(codes_read(&r, 0, &len), 2);
	assert_int_equal(codes_read(&r, UINT64_MAX, &len), -1);
	codes_make(table, two, 4);
	assert_int_equal(codes_len(table[0]), 1);
	assert_int_equal(codes_len(table[1]), 0);
	assert_int_equal(codes_len(table[3]), 1);
}

/* Huffman's algorithm over these would give codes of 40 bits and more. */
static void test_no_code_is_too_long(void **state)
{
	uint64_t counts[CODES_SYMBOLS_MAX];
	codes_word table[CODES_SYMBOLS_MAX];
	struct codes_reader r;

	(void)state;
	for (unsigned i = 0; i < CODES_SYMBOLS_MAX; i++)
		counts[i] = UINT64_C(1) << (i < 50 ? i : 50);
	codes_make(table, counts, CODES_SYMBOLS_MAX);
	for (unsigned i = 0; i < CODES_SYMBOLS_MAX; i++)
		assert_in_range(codes_len(table[i]), 1, CODES_LEN_MAX);
	assert_int_equal(codes_open(&r, table, CODES_SYMBOLS_MAX), 0);
}

/* Symbols of a random code, written one behind the other and read again. */
static void one_random_code(uint32_t *seed)
{
	unsigned n = 2 + dice(seed, CODES_SYMBOLS_MAX - 1), symbols[300], last = 0, at_most = 0;
	uint64_t counts[CODES_SYMBOLS_MAX];
	codes_word table[CODES_SYMBOLS_MAX];
	uint8_t bytes[300 * 2 + BITS_PAD] = {0};
	struct bits_out out = {.bytes = bytes};
	struct codes_reader r;
	size_t at = 0;

	for (unsigned i = 0; i < n; i++)
		counts[i] = dice(seed, 3) == 0 ? 0 : 1 + dice(seed, 1u << dice(seed, 20));
	codes_make(table, counts, n);
	assert_int_equal(codes_open(&r, table, n), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(codes_len(table[i]) == 0, counts[i] == 0);
		/* What occurs more often takes no more bits, or one where both are thought
		 * as rare so that no code is too long. */
		for (unsigned k = 0; k < n && counts[i] != 0; k++)
			if (counts[k] > counts[i])
				assert_true(codes_len(table[k]) <= codes_len(table[i]) + 1);
	}
	while (counts[last] == 0) {
		if (++last == n)
			return;
	}
	for (unsigned i = 0; i < COUNT(symbols); i++) {
		unsigned symbol = dice(seed, n);

		last = counts[symbol] != 0 ? symbol : last;
		symbols[i] = last;
		bits_put(&out, codes_bits(table[last]), codes_len(table[last]));
	}
	for (unsigned i = 0; i < COUNT(symbols); i++) {
		unsigned len;

		assert_int_equal(codes_read(&r, bits_peek(bytes, at), &len), symbols[i]);
		at += len;
		at_most += CODES_LEN_MAX;
	}
	assert_int_equal(at, out.at);
	assert_true(at <= at_most);
}

static void test_reads_what_it_wrote(void **state)
{
	uint32_t seed = 9;

	(void)state;
	for (unsigned round = 0; round < 500; round++)
		one_random_code(&seed);
}

static void test_open_refuses(void **state)
{
	static const uint64_t counts[] = {1, 1, 2, 4};
	codes_word good[4], bad[4];
	struct codes_reader r;

	(void)state;
	codes_make(good, counts, 4);
	assert_int_equal(codes_open(&r, good, 4), 0);
	for (unsigned symbol = 0; symbol < 4; symbol++) {
		for (unsigned word = 0; word <= UINT16_MAX; word++) {
			memcpy(bad, good, sizeof(bad));
			bad[symbol] = (codes_word)word;
			if (word != good[symbol])
				assert_int_equal(codes_open(&r, bad, 4), ERR_FORMAT);
		}
	}
	/* A prefix code, but not the canonical one. */
	memcpy(bad, good, sizeof(bad));
	bad[0] = good[1];
	bad[1] = good[0];
	assert_int_equal(codes_open(&r, bad, 4), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_canonical),
	    cmocka_unit_test(test_few_symbols),
	    cmocka_unit_test(test_no_code_is_too_long),
	    cmocka_unit_test(test_reads_what_it_wrote),
	    cmocka_unit_test(test_open_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
