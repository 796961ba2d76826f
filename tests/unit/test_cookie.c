/* test_cookie.c - server cookies: the test vectors of RFC 9018, and what is not good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/core/cookie.h"

#define SECRET	   "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define OLD_SECRET "dd3bdf9344b678b185a6f5cb60fca715"
#define NEW_SECRET "445536bcd2513298075a5d379663c962"

static size_t unhex(const char *text, uint8_t *out)
{
	size_t len = strlen(text) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return len;
}

static struct cookie_secrets secrets_of(const char *current, const char *previous)
{
	struct cookie_secrets s = {.known = true, .rolled = previous != NULL};

	(void)unhex(current, s.current);
	if (previous != NULL)
		(void)unhex(previous, s.previous);
	return s;
}

/* The time is wall_s of the secrets. */
static enum cookie_state check(const struct cookie_secrets *s, const uint8_t *cookie, size_t len,
    const char *from, uint8_t *answer)
{
	union addr addr;

	assert_int_equal(addr_parse(&addr, from, 53, NULL), 0);
	return cookie_check(s, cookie, len, &addr, 0, answer);
}

/* RFC 9018, appendix A. */
static void test_vectors(void **state)
{
	static const struct {
		const char *current, *previous, *from, *asked, *answer;
		int64_t now_s;
		enum cookie_state state;
	} vectors[] = {
	    {SECRET, NULL, "198.51.100.100", "2464c4abcf10c957",
		"2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985, COOKIE_ALONE},
	    {SECRET, NULL, "198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
		"2464c4abcf10c957010000005cf7a871d4a564a1442aca77", 1559734385, COOKIE_GOOD},
	    /* Its time is 112 minutes ago, so that it is not good any more. */
	    {SECRET, NULL, "203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
		"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", 1559734700, COOKIE_BAD},
	    {NEW_SECRET, OLD_SECRET, "[2001:db8:220:1:59de:d0f4:8769:82b8]",
		"22681ab97d52c298010000005cf7c57926556bd0934c72f8",
		"22681ab97d52c298010000005cf7c609a6bb79d16625507a", 1559741961, COOKIE_GOOD},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct cookie_secrets s = secrets_of(vectors[i].current, vectors[i].previous);
		uint8_t asked[40], wanted[24], answer[24];
		size_t len = unhex(vectors[i].asked, asked);

		s.wall_s = vectors[i].now_s;
		assert_int_equal(check(&s, asked, len, vectors[i].from, answer), vectors[i].state);
		assert_int_equal(unhex(vectors[i].answer, wanted), 24);
		assert_memory_equal(answer, wanted, 24);
	}
}

/* Bits that are reserved now may be used by who made the cookie: they only have to be in the hash. */
static void test_reserved_bits(void **state)
{
	struct cookie_secrets s = secrets_of(SECRET, NULL);
	uint8_t asked[24], answer[24];

	(void)state;
	(void)unhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", asked);
	s.wall_s = 0x5cf78f71;
	assert_int_equal(check(&s, asked, 24, "203.0.113.203", answer), COOKIE_GOOD);
	asked[9] ^= 1;
	assert_int_equal(check(&s, asked, 24, "203.0.113.203", answer), COOKIE_BAD);
}

/* RFC 9018, 4.3: an hour back, five minutes ahead; after half an hour there is a new one. */
static void test_time(void **state)
{
	static const struct {
		int age_s;
		bool good, kept;
	} ages[] = {
	    {0, true, true},
	    {1800, true, true},
	    {1801, true, false},
	    {3600, true, false},
	    {3601, false, false},
	    {-1, true, true},
	    {-300, true, true},
	    {-301, false, false},
	    {INT32_MAX, false, false},
	    {INT32_MIN, false, false},
	};
	static const int64_t made_s[] = {1559731985, 0, 100, UINT32_MAX, (int64_t)UINT32_MAX - 100};

	(void)state;
	for (size_t m = 0; m < sizeof(made_s) / sizeof(made_s[0]); m++) {
		struct cookie_secrets s = secrets_of(SECRET, NULL);
		uint8_t asked[24] = "my cooky", answer[24];

		s.wall_s = made_s[m];
		assert_int_equal(check(&s, asked, 8, "192.0.2.1", asked), COOKIE_ALONE);
		assert_memory_equal(asked, "my cooky", 8);
		for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
			s.wall_s = made_s[m] + ages[i].age_s;
			assert_int_equal(check(&s, asked, 24, "192.0.2.1", answer),
			    ages[i].good ? COOKIE_GOOD : COOKIE_BAD);
			assert_int_equal(memcmp(asked, answer, 24) == 0, ages[i].kept);
			/* The answer is always one that is good now, and stays so. */
			assert_int_equal(check(&s, answer, 24, "192.0.2.1", answer), COOKIE_GOOD);
		}
	}
}

/* The core's clock counts on from what the wall clock said. */
static void test_core_clock(void **state)
{
	struct cookie_secrets s = secrets_of(SECRET, NULL);
	uint8_t cookie[24] = "my cooky", answer[24];
	union addr from;

	(void)state;
	s.wall_s = -50;
	assert_int_equal(addr_parse(&from, "192.0.2.1", 53, NULL), 0);
	assert_int_equal(cookie_check(&s, cookie, 8, &from, 150999, cookie), COOKIE_ALONE);
	assert_int_equal(msg_u32(cookie + 12), 100);
	assert_int_equal(cookie_check(&s, cookie, 24, &from, 3750999, answer), COOKIE_GOOD);
	assert_int_equal(cookie_check(&s, cookie, 24, &from, 3751000, answer), COOKIE_BAD);
}

static void test_every_bit_counts(void **state)
{
	const struct cookie_secrets s = secrets_of(SECRET, OLD_SECRET);
	uint8_t cookie[24] = "my cooky", answer[24];

	(void)state;
	assert_int_equal(check(&s, cookie, 8, "192.0.2.1", cookie), COOKIE_ALONE);
	for (unsigned bit = 0; bit < 8 * 24; bit++) {
		cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(check(&s, cookie, 24, "192.0.2.1", answer), COOKIE_BAD);
		assert_memory_equal(answer, cookie, 8);
		cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(check(&s, cookie, 24, "192.0.2.1", answer), COOKIE_GOOD);
	assert_int_equal(check(&s, cookie, 24, "[::ffff:192.0.2.1]", answer), COOKIE_GOOD);
	assert_int_equal(check(&s, cookie, 24, "192.0.2.1:999", answer), COOKIE_GOOD);
	assert_int_equal(check(&s, cookie, 24, "192.0.2.2", answer), COOKIE_BAD);
	assert_int_equal(check(&s, cookie, 24, "[2001:db8::1]", answer), COOKIE_BAD);
}

static void test_address_of_ipv6(void **state)
{
	const struct cookie_secrets s = secrets_of(SECRET, NULL);
	uint8_t cookie[24] = "my cooky", answer[24];

	(void)state;
	assert_int_equal(check(&s, cookie, 8, "[2001:db8::1]", cookie), COOKIE_ALONE);
	assert_int_equal(check(&s, cookie, 24, "[2001:db8::1]", answer), COOKIE_GOOD);
	assert_int_equal(check(&s, cookie, 24, "[2001:db8::2]", answer), COOKIE_BAD);
}

/* Other servers' cookies have other lengths. */
static void test_other_lengths(void **state)
{
	const struct cookie_secrets s = secrets_of(SECRET, NULL);
	uint8_t cookie[40] = "my cooky", answer[24];

	(void)state;
	assert_int_equal(check(&s, cookie, 8, "192.0.2.1", cookie), COOKIE_ALONE);
	for (size_t len = 16; len <= 40; len++)
		assert_int_equal(check(&s, cookie, len, "192.0.2.1", answer),
		    len == 24 ? COOKIE_GOOD : COOKIE_BAD);
}

/* A cookie that is as it should be, made with `secret` by hand. */
static void make(const uint8_t secret[16], uint8_t version, uint32_t made_s, uint8_t cookie[24])
{
	const struct hash_key key = hash_key_of(secret);
	uint8_t input[20] = "my cooky";
	uint64_t hash;

	input[8] = version;
	msg_set_u32(input + 12, made_s);
	memcpy(input + 16, "\xc0\0\2\1", 4);
	hash = hash_siphash24(&key, input, sizeof(input));
	memcpy(cookie, input, 16);
	for (unsigned i = 0; i < 8; i++)
		cookie[16 + i] = (uint8_t)(hash >> (8 * i));
}

static void test_forged(void **state)
{
	static const uint8_t zeros[16];
	struct cookie_secrets s = secrets_of(SECRET, NULL);
	uint8_t cookie[24], answer[24];

	(void)state;
	s.wall_s = 1700000000;
	make(s.current, 1, 1700000000, cookie);
	assert_int_equal(check(&s, cookie, 24, "192.0.2.1", answer), COOKIE_GOOD);
	/* A version that is not known says nothing of what is behind it. */
	make(s.current, 2, 1700000000, cookie);
	assert_int_equal(check(&s, cookie, 24, "192.0.2.1", answer), COOKIE_BAD);
	/* There is no secret before the first. */
	make(zeros, 1, 1700000000, cookie);
	assert_int_equal(check(&s, cookie, 24, "192.0.2.1", answer), COOKIE_BAD);
}

static void test_roll(void **state)
{
	const struct cookie_secrets before = secrets_of(OLD_SECRET, NULL),
				    after = secrets_of(NEW_SECRET, OLD_SECRET),
				    later = secrets_of(SECRET, NEW_SECRET);
	uint8_t cookie[24] = "my cooky", answer[24];

	(void)state;
	assert_int_equal(check(&before, cookie, 8, "192.0.2.1", cookie), COOKIE_ALONE);
	/* RFC 7873, 7.1: good, and the answer brings another. */
	assert_int_equal(check(&after, cookie, 24, "192.0.2.1", answer), COOKIE_GOOD);
	assert_memory_not_equal(answer, cookie, 24);
	assert_int_equal(check(&later, cookie, 24, "192.0.2.1", cookie), COOKIE_BAD);
	assert_int_equal(check(&later, answer, 24, "192.0.2.1", cookie), COOKIE_GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_reserved_bits),
	    cmocka_unit_test(test_time),
	    cmocka_unit_test(test_core_clock),
	    cmocka_unit_test(test_every_bit_counts),
	    cmocka_unit_test(test_address_of_ipv6),
	    cmocka_unit_test(test_other_lengths),
	    cmocka_unit_test(test_forged),
	    cmocka_unit_test(test_roll),
	};

	return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
