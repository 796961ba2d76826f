/* test_rate.c - limits on sources that may be forged, by a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log.h"
#include "resolver/core/rate.h"

#define START_MS 1000000u

/* As good as drawn at random: from the digits of pi. */
static const struct hash_key key = {0x243f6a8885a308d3, 0x13198a2e03707344};

static struct rate *rate_with(uint32_t address, uint32_t network, uint32_t slip)
{
	const struct rate_limits limits = {.address = address, .network = network, .slip = slip};
	struct rate *r = rate_new(&key);

	assert_non_null(r);
	rate_set(r, &limits);
	return r;
}

static enum rate_verdict take(struct rate *r, const char *from, uint64_t now_ms)
{
	union addr addr;

	assert_int_equal(addr_parse(&addr, from, 53, NULL), 0);
	return rate_take(r, &addr, now_ms);
}

/* How many of `n` pass. */
static unsigned passed(struct rate *r, const char *from, unsigned n, uint64_t now_ms)
{
	unsigned count = 0;

	while (n-- > 0)
		count += take(r, from, now_ms) == RATE_PASS;
	return count;
}

static void a_second_may_come_at_once(void **state)
{
	struct rate *r = rate_with(10, 0, 0);

	(void)state;
	assert_int_equal(passed(r, "192.168.1.1", 30, START_MS), 10);
	/* Then one every tenth of a second. */
	assert_int_equal(passed(r, "192.168.1.1", 30, START_MS + 99), 0);
	assert_int_equal(passed(r, "192.168.1.1", 30, START_MS + 100), 1);
	assert_int_equal(passed(r, "192.168.1.1", 30, START_MS + 350), 2);
	assert_int_equal(passed(r, "192.168.1.1", 30, START_MS + 5000), 10);
	rate_free(r);
}

/* Whoever keeps to the limit is never over it, however long. */
static void the_limit_itself_passes(void **state)
{
	static const uint32_t limits[] = {1, 3, 7, 1000, 1000000};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rate *r = rate_with(limits[i], limits[i], 0);

		for (uint64_t n = 0; n < 5000; n++)
			assert_int_equal(take(r, "192.168.1.1",
					     START_MS + (n * 1000 + limits[i] - 1) / limits[i]),
			    RATE_PASS);
		rate_free(r);
	}
}

/* In any time, no more pass than come to it by the limit, and a second's worth. */
static void a_flood_gets_no_more_than_the_limit(void **state)
{
	struct rate *r = rate_with(100, 0, 0);
	unsigned n = 0;

	(void)state;
	for (uint64_t ms = 0; ms < 20000; ms++)
		n += passed(r, "192.168.1.1", 3, START_MS + ms);
	assert_in_range(n, 20 * 100, 21 * 100);
	rate_free(r);
}

static void each_address_has_its_own(void **state)
{
	struct rate *r = rate_with(5, 0, 0);
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		(void)snprintf(text, sizeof(text), "192.168.1.%u", i);
		assert_int_equal(passed(r, text, 9, START_MS), 5);
		(void)snprintf(text, sizeof(text), "[2001:db8:0:%x::1]", i);
		assert_int_equal(passed(r, text, 9, START_MS), 5);
	}
	rate_free(r);
}

/* All of a /64 is one address. */
static void all_of_a_prefix_share_one(void **state)
{
	struct rate *r = rate_with(5, 0, 0);

	(void)state;
	assert_int_equal(passed(r, "[2001:db8::1]", 3, START_MS), 3);
	assert_int_equal(passed(r, "[2001:db8::ffff:0:0:1]", 3, START_MS), 2);
	assert_int_equal(passed(r, "[2001:db8:0:1::1]", 9, START_MS), 5);
	/* IPv4 is itself however it came. */
	assert_int_equal(passed(r, "192.0.2.1", 3, START_MS), 3);
	assert_int_equal(passed(r, "[::ffff:192.0.2.1]", 3, START_MS), 2);
	assert_int_equal(passed(r, "[0:0:c000:201::]", 9, START_MS), 5);
	rate_free(r);
}

static void all_of_a_network_share_another(void **state)
{
	struct rate *r = rate_with(5, 12, 0);

	(void)state;
	assert_int_equal(passed(r, "192.0.2.1", 9, START_MS), 5);
	assert_int_equal(passed(r, "192.0.2.2", 9, START_MS), 5);
	assert_int_equal(passed(r, "192.0.2.3", 9, START_MS), 2);
	assert_int_equal(passed(r, "192.0.3.3", 9, START_MS), 5);
	assert_int_equal(passed(r, "[2001:db8::1]", 9, START_MS), 5);
	assert_int_equal(passed(r, "[2001:db8:0:ff::1]", 9, START_MS), 5);
	assert_int_equal(passed(r, "[2001:db8:0:1::1]", 9, START_MS), 2);
	assert_int_equal(passed(r, "[2001:db8:0:100::1]", 9, START_MS), 5);
	rate_free(r);
}

/* What is over one limit does not fill the other. */
static void what_is_over_does_not_count(void **state)
{
	struct rate *r = rate_with(5, 12, 0);

	(void)state;
	assert_int_equal(passed(r, "192.0.2.1", 1000, START_MS), 5);
	assert_int_equal(passed(r, "192.0.2.2", 9, START_MS), 5);
	assert_int_equal(passed(r, "192.0.2.3", 9, START_MS), 2);
	/* So the flood ends when it ends. */
	assert_int_equal(passed(r, "192.0.2.1", 1000, START_MS + 1000), 5);
	rate_free(r);
}

static void each_limit_can_be_off(void **state)
{
	struct rate *none = rate_with(0, 0, 2), *network = rate_with(0, 3, 0);

	(void)state;
	assert_int_equal(passed(none, "192.0.2.1", 10000, START_MS), 10000);
	assert_int_equal(passed(network, "192.0.2.1", 9, START_MS), 3);
	rate_set(network, &(struct rate_limits){.address = 0});
	assert_int_equal(passed(network, "192.0.2.1", 9, START_MS), 9);
	rate_free(none);
	rate_free(network);
}

static void slips(void **state)
{
	(void)state;
	for (unsigned slip = 0; slip < 6; slip++) {
		struct rate *r = rate_with(4, 0, slip);
		unsigned n_slipped = 0;

		assert_int_equal(passed(r, "192.0.2.1", 4, START_MS), 4);
		for (unsigned i = 1; i <= 60; i++) {
			enum rate_verdict verdict = take(r, "192.0.2.1", START_MS);

			assert_int_equal(
			    verdict, slip != 0 && i % slip == 0 ? RATE_SLIP : RATE_OVER);
			n_slipped += verdict == RATE_SLIP;
		}
		assert_int_equal(n_slipped, slip == 0 ? 0 : 60 / slip);
		rate_free(r);
	}
}

/* Floods from more sources than there is room for: nobody is forgotten who is at the limit. */
static void a_full_table_forgets_nobody(void **state)
{
	struct rate *r = rate_with(100, 0, 0);
	unsigned n = 0;

	(void)state;
	assert_int_equal(passed(r, "203.0.113.1", 200, START_MS), 100);
	for (uint32_t i = 0; i < (4 * RATE_WAYS << RATE_SETS_BITS); i++) {
		union addr a = {
		    .in4 = {.sin_family = AF_INET, .sin_addr = {0x0a000000 + i * 7919}}};

		n += rate_take(r, &a, START_MS) == RATE_PASS;
	}
	/* It counts some a little too much, but all of them once or a few times. */
	assert_in_range(
	    n, (4 * RATE_WAYS << RATE_SETS_BITS) * 99 / 100, (4 * RATE_WAYS << RATE_SETS_BITS));
	assert_true(passed(r, "203.0.113.1", 10, START_MS) == 0);
	rate_free(r);
}

/* However many sources there are: together they have no more than the buckets that there are hold. */
static void a_full_table_lets_nobody_through(void **state)
{
	const unsigned n_buckets = RATE_WAYS << RATE_SETS_BITS;
	struct rate *r = rate_with(2, 0, 0);
	unsigned n = 0;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 8 * n_buckets; i++) {
			union addr a = {
			    .in4 = {.sin_family = AF_INET, .sin_addr = {0x0b000000 + i * 7919}}};

			n += rate_take(r, &a, START_MS) == RATE_PASS;
		}
	}
	assert_in_range(n, n_buckets, 2 * n_buckets);
	rate_free(r);
}

/* The lines that were logged by what `act` does. */
static size_t logged(void (*act)(void), char *text, size_t size)
{
	int fds[2];
	ssize_t len;

	assert_int_equal(pipe(fds), 0);
	log_setup(LOG_INFO, fds[1]);
	act();
	log_setup(LOG_INFO, 2);
	assert_int_equal(close(fds[1]), 0);
	len = read(fds[0], text, size - 1);
	assert_true(len >= 0);
	text[len] = '\0';
	assert_int_equal(close(fds[0]), 0);
	return (size_t)len;
}

static void flood(void)
{
	struct rate *r = rate_with(10, 0, 0);

	assert_int_equal(passed(r, "192.0.2.77", 40, START_MS), 10);
	rate_free(r);
}

static void flood_a_network(void)
{
	struct rate *r = rate_with(0, 10, 0);

	assert_int_equal(passed(r, "[2001:db8:1:277::1]", 9, START_MS), 9);
	rate_free(r);
}

static void behave(void)
{
	struct rate *r = rate_with(10, 10, 0);

	assert_int_equal(passed(r, "192.0.2.78", 8, START_MS), 8);
	rate_free(r);
}

static void there_is_a_warning_before_it_bites(void **state)
{
	char text[2048];

	(void)state;
	assert_true(logged(flood, text, sizeof(text)) > 0);
	assert_string_equal(text,
	    "warning rate-limit 192.0.2.77/32 asks more than 10 times a second (rate_limit): "
	    "soon some will get no answer\n"
	    "warning rate-limit 192.0.2.77/32 asks more than 10 times a second (rate_limit): "
	    "some get no answer now, or are sent to TCP\n");
	assert_true(logged(flood_a_network, text, sizeof(text)) > 0);
	assert_string_equal(text,
	    "warning rate-limit 2001:db8:1:200::/56 asks more than 10 times a second "
	    "(rate_limit_network): soon some will get no answer\n");
	assert_int_equal(logged(behave, text, sizeof(text)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_is_a_warning_before_it_bites),
	    cmocka_unit_test(a_second_may_come_at_once),
	    cmocka_unit_test(the_limit_itself_passes),
	    cmocka_unit_test(a_flood_gets_no_more_than_the_limit),
	    cmocka_unit_test(each_address_has_its_own),
	    cmocka_unit_test(all_of_a_prefix_share_one),
	    cmocka_unit_test(all_of_a_network_share_another),
	    cmocka_unit_test(what_is_over_does_not_count),
	    cmocka_unit_test(each_limit_can_be_off),
	    cmocka_unit_test(slips),
	    cmocka_unit_test(a_full_table_forgets_nobody),
	    cmocka_unit_test(a_full_table_lets_nobody_through),
	};

	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
