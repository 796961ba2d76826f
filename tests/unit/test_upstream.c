/* test_upstream.c - which server is asked next, how long it is waited for, and when it is down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/core/upstream.h"

static const uint8_t untried[OPTIONS_SERVERS_MAX];

static union addr address(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(&a, text, 53, NULL), 0);
	return a;
}

static struct upstreams three(void)
{
	struct options options = {.n_upstream = 3};
	struct upstreams u = {0};

	options.upstream[0] = address("192.0.2.1");
	options.upstream[1] = address("192.0.2.2");
	options.upstream[2] = address("[2001:db8::3]");
	upstream_configure(&u, &options);
	return u;
}

static void fall_silent(struct upstreams *u, unsigned i, uint64_t now_ms)
{
	for (unsigned n = 0; n < UPSTREAM_DOWN_AFTER; n++)
		upstream_silent(u, &u->server[i].addr, now_ms);
}

static void nearest_is_asked_first(void **state)
{
	struct upstreams u = three();

	(void)state;
	upstream_answered(&u, &u.server[0].addr, 40);
	upstream_answered(&u, &u.server[1].addr, 8);
	upstream_answered(&u, &u.server[2].addr, 20);
	assert_int_equal(upstream_choose(&u, 0, 0, untried), 1);
}

static void unmeasured_are_tried_before_measured(void **state)
{
	struct upstreams u = three();

	(void)state;
	upstream_answered(&u, &u.server[0].addr, 1);
	assert_int_not_equal(upstream_choose(&u, 0, 0, untried), 0);
}

static void less_tried_before_more_tried_until_all_are_used_up(void **state)
{
	struct upstreams u = three();
	uint8_t tries[OPTIONS_SERVERS_MAX] = {0};
	unsigned n = 0;
	int i;

	(void)state;
	while ((i = upstream_choose(&u, 0, 0, tries)) >= 0) {
		for (unsigned j = 0; j < 3; j++)
			assert_true(tries[i] <= tries[j]);
		tries[i]++;
		n++;
	}
	assert_int_equal(n, 3 * UPSTREAM_TRIES_MAX);
}

static void a_server_that_is_down_comes_last(void **state)
{
	struct upstreams u = three();
	const uint8_t tries[OPTIONS_SERVERS_MAX] = {0, 2, 2};

	(void)state;
	fall_silent(&u, 0, 1000);
	assert_true(upstream_is_down(&u, 0));
	assert_int_not_equal(upstream_choose(&u, 0, 0, tries), 0);
	fall_silent(&u, 1, 1000);
	fall_silent(&u, 2, 1000);
	assert_int_equal(upstream_choose(&u, 0, 0, tries), 0);
}

static void one_reply_brings_it_back(void **state)
{
	struct upstreams u = three();

	(void)state;
	for (unsigned n = 0; n < UPSTREAM_DOWN_AFTER - 1; n++)
		upstream_silent(&u, &u.server[0].addr, 1000);
	assert_false(upstream_is_down(&u, 0));
	upstream_silent(&u, &u.server[0].addr, 1000);
	assert_true(upstream_is_down(&u, 0));
	upstream_answered(&u, &u.server[0].addr, 5);
	assert_false(upstream_is_down(&u, 0));
}

static void down_is_probed_once_in_a_while(void **state)
{
	struct upstreams u = three();

	(void)state;
	assert_int_equal(upstream_probe(&u, 0, -1, 1000), -1);
	fall_silent(&u, 1, 1000);
	assert_int_equal(upstream_probe(&u, 0, 0, 1000 + UPSTREAM_PROBE_MS - 1), -1);
	assert_int_equal(upstream_probe(&u, 0, 1, 1000 + UPSTREAM_PROBE_MS), -1);
	assert_int_equal(upstream_probe(&u, 0, 0, 1000 + UPSTREAM_PROBE_MS), 1);
	assert_int_equal(upstream_probe(&u, 0, 0, 1000 + UPSTREAM_PROBE_MS), -1);
	assert_int_equal(upstream_probe(&u, 0, 0, 1000 + 2 * UPSTREAM_PROBE_MS), 1);
}

static uint32_t wait_ms(const struct upstreams *u, unsigned i, unsigned earlier)
{
	return upstream_wait_ms(upstream_wait_class(u, i, earlier, false));
}

static void waiting_grows_with_distance_and_tries(void **state)
{
	struct upstreams u = three();

	(void)state;
	assert_true(wait_ms(&u, 0, 0) >= UPSTREAM_WAIT_UNKNOWN_MS);
	for (unsigned n = 0; n < 50; n++) {
		upstream_answered(&u, &u.server[0].addr, 10);
		upstream_answered(&u, &u.server[1].addr, 300);
		upstream_answered(&u, &u.server[2].addr, n % 2 == 0 ? 100 : 500);
	}
	assert_in_range(wait_ms(&u, 0, 0), 20, 100);
	/* One that always takes the same time is late soon after; another, 300 ms on average, later. */
	assert_in_range(wait_ms(&u, 1, 0), 300, 450);
	assert_in_range(wait_ms(&u, 2, 0), 900, 1600);
	assert_true(wait_ms(&u, 0, 1) > wait_ms(&u, 0, 0));
	assert_true(wait_ms(&u, 0, 2) > wait_ms(&u, 0, 1));
	assert_int_equal(
	    upstream_wait_ms(upstream_wait_class(&u, 0, 0, true)), 2 * wait_ms(&u, 0, 0));
	assert_true(upstream_wait_class(&u, 1, 200, true) < UPSTREAM_WAIT_CLASSES);
}

/* How long a question is tried at n servers whose round trip takes 200 ms, until the last try is sent. */
static uint32_t time_of_all_tries(unsigned n)
{
	struct options options = {.n_upstream = n};
	uint8_t tries[OPTIONS_SERVERS_MAX] = {0};
	struct upstreams u = {0};
	uint32_t time_ms = 0;

	for (unsigned i = 0; i < n; i++)
		options.upstream[i] = address((const char *[]){"::1", "::2", "::3", "::4"}[i]);
	upstream_configure(&u, &options);
	for (unsigned i = 0; i < 50 * n; i++)
		upstream_answered(&u, &u.server[i % n].addr, 200);
	for (unsigned i = 0; i + 1 < n * UPSTREAM_TRIES_MAX; i++)
		time_ms += wait_ms(&u, i % n, tries[i % n]++);
	return time_ms;
}

/* All tries are made within the time of a question, 4 s, and those of few servers are not over at once. */
static void tries_fill_the_time_of_a_question(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 4; n++)
		assert_in_range(time_of_all_tries(n), 1000, 3800);
}

static void what_is_known_survives_a_new_configuration(void **state)
{
	struct options options = {.n_upstream = 2};
	struct upstreams u = three();

	(void)state;
	fall_silent(&u, 1, 1000);
	options.upstream[0] = address("192.0.2.2");
	options.upstream[1] = address("192.0.2.4");
	upstream_configure(&u, &options);
	assert_int_equal(u.n, 2);
	assert_true(upstream_is_down(&u, 0));
	assert_false(upstream_is_down(&u, 1));
	/* One that is gone is nobody's business. */
	upstream_silent(&u, &options.upstream[0], 1000);
	options.upstream[0] = address("192.0.2.1");
	upstream_answered(&u, &options.upstream[0], 1);
	assert_true(upstream_is_down(&u, 0));
}

/* 95 of 100 replies keep the time that is waited for. */
static void late_is_what_five_of_a_hundred_are(void **state)
{
	struct upstreams u = three();

	(void)state;
	for (unsigned n = 1; n < UPSTREAM_HEDGE_AFTER; n++)
		upstream_answered(&u, &u.server[0].addr, 25);
	assert_int_equal(upstream_hedge_class(&u, 0), UPSTREAM_HEDGES);
	upstream_answered(&u, &u.server[0].addr, 25);
	assert_int_equal(upstream_hedge_ms(upstream_hedge_class(&u, 0)), 30);
	/* Five of 100 are slower, then more. */
	for (unsigned n = 0; n < 75; n++)
		upstream_answered(&u, &u.server[0].addr, 25);
	for (unsigned n = 0; n < 5; n++)
		upstream_answered(&u, &u.server[0].addr, 200);
	assert_int_equal(upstream_hedge_ms(upstream_hedge_class(&u, 0)), 30);
	upstream_answered(&u, &u.server[0].addr, 200);
	assert_int_equal(upstream_hedge_ms(upstream_hedge_class(&u, 0)), 240);
	/* What was long ago is forgotten. */
	for (unsigned n = 0; n < 2000; n++)
		upstream_answered(&u, &u.server[0].addr, 3);
	assert_int_equal(upstream_hedge_ms(upstream_hedge_class(&u, 0)), 10);
	/* One that takes seconds is never late. */
	for (unsigned n = 0; n < 2000; n++)
		upstream_answered(&u, &u.server[0].addr, 2000);
	assert_int_equal(upstream_hedge_class(&u, 0), UPSTREAM_HEDGES);
	assert_int_equal(upstream_hedge_class(&u, 1), UPSTREAM_HEDGES);
}

static void hedges_are_up_and_not_asked(void **state)
{
	struct upstreams u = three();
	uint8_t tries[OPTIONS_SERVERS_MAX] = {1, 0, 0};

	(void)state;
	fall_silent(&u, 1, 0);
	assert_int_equal(upstream_hedge(&u, 0, tries), 2);
	tries[2] = 1;
	assert_int_equal(upstream_hedge(&u, 0, tries), -1);
}

static void news_of_the_network(void **state)
{
	struct upstreams u = three();

	(void)state;
	upstream_answered(&u, &u.server[0].addr, 30);
	upstream_case_lost(&u, &u.server[0].addr, 1000);
	upstream_case_lost(&u, &u.server[0].addr, 1000);
	fall_silent(&u, 1, 1000);
	upstream_network(&u, false, 1100);
	assert_false(upstream_mixes_case(&u, 0, 1100));
	assert_true(upstream_is_down(&u, 1));
	assert_int_equal(upstream_probe(&u, 0, 0, 1100), 1);
	upstream_network(&u, true, 1200);
	assert_true(upstream_mixes_case(&u, 0, 1200));
	assert_false(upstream_is_down(&u, 1));
	assert_int_equal(u.server[0].srtt_ms8, 0);
}

static void strict_keeps_the_order(void **state)
{
	struct upstreams u = three();
	uint8_t tries[OPTIONS_SERVERS_MAX] = {0};

	(void)state;
	u.strategy = CONF_STRICT;
	upstream_answered(&u, &u.server[0].addr, 300);
	upstream_answered(&u, &u.server[1].addr, 3);
	upstream_answered(&u, &u.server[2].addr, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(upstream_choose(&u, 0, 0, tries), i);
		tries[i]++;
	}
	tries[0] = tries[1] = tries[2] = 0;
	fall_silent(&u, 0, 0);
	assert_int_equal(upstream_choose(&u, 0, 0, tries), 1);
}

static void what_happened_is_counted(void **state)
{
	struct upstreams u = three();
	union addr other = address("192.0.2.9");

	(void)state;
	for (unsigned i = 0; i < 99; i++)
		upstream_answered(&u, &u.server[1].addr, 10);
	upstream_answered(&u, &u.server[1].addr, 900);
	assert_int_equal(latency_percentile_ns(&u.server[1].rtt, 500) / 1000000, 10);
	assert_int_equal(latency_percentile_ns(&u.server[1].rtt, 1000) / 1000000, 900);
	assert_int_equal(u.server[0].rtt.n, 0);
	upstream_count(&u, &u.server[2].addr, UPSTREAM_lame);
	upstream_count(&u, &u.server[2].addr, UPSTREAM_lame);
	upstream_count(&u, &other, UPSTREAM_lame);
	assert_int_equal(u.server[2].counter[UPSTREAM_lame], 2);
	assert_int_equal(u.server[2].counter[UPSTREAM_servfail], 0);
	assert_int_equal(u.server[0].counter[UPSTREAM_lame], 0);
	assert_string_equal(upstream_counter_names[UPSTREAM_lame], "lame");
	/* Away since the last of the tries that were too many. */
	fall_silent(&u, 0, 5000);
	upstream_silent(&u, &u.server[0].addr, 6000);
	assert_int_equal(u.server[0].down_ms, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nearest_is_asked_first),
	    cmocka_unit_test(unmeasured_are_tried_before_measured),
	    cmocka_unit_test(less_tried_before_more_tried_until_all_are_used_up),
	    cmocka_unit_test(a_server_that_is_down_comes_last),
	    cmocka_unit_test(one_reply_brings_it_back),
	    cmocka_unit_test(down_is_probed_once_in_a_while),
	    cmocka_unit_test(waiting_grows_with_distance_and_tries),
	    cmocka_unit_test(tries_fill_the_time_of_a_question),
	    cmocka_unit_test(what_is_known_survives_a_new_configuration),
	    cmocka_unit_test(late_is_what_five_of_a_hundred_are),
	    cmocka_unit_test(hedges_are_up_and_not_asked),
	    cmocka_unit_test(news_of_the_network),
	    cmocka_unit_test(strict_keeps_the_order),
	    cmocka_unit_test(what_happened_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
