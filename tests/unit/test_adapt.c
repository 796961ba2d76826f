/* test_adapt.c - the bound of the table, and what is told apart; the moves are in a scene. */
#include "resolver/core/adapt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/dns/msg.h"

static const struct hash_key key = {7, 9};
static const struct options_adapt options = {
    .on = true,
    .threshold = 2,
    .window_ms = 10000,
    .dwell_ms = 60000,
    .return_ms = 600000,
};

static struct adapt *adapt;
static struct stats stats;

static int set_up(void **state)
{
	(void)state;
	adapt = adapt_new(&key);
	memset(&stats, 0, sizeof(stats));
	return adapt == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	free(adapt);
	return 0;
}

static enum adapt_level ask(const char *client, const char *name, uint16_t type, uint64_t now_ms)
{
	union addr from;

	assert_int_equal(addr_parse(&from, client, 0, NULL), 0);
	return adapt_ask(
	    adapt, &options, &from, (const uint8_t *)name, strlen(name) + 1, type, now_ms, &stats);
}

static void told_apart(void **state)
{
	static const struct {
		const char *client, *name;
		uint16_t type;
	} others[] = {
	    {"192.0.2.2:1", "\1a", TYPE_A},
	    {"[2001:db8::1]:1", "\1a", TYPE_A},
	    {"192.0.2.1:1", "\1b", TYPE_A},
	    {"192.0.2.1:1", "\1a", TYPE_AAAA},
	    {"192.0.2.1:1", "\1a\1a", TYPE_A},
	};

	(void)state;
	assert_int_equal(ask("192.0.2.1:1", "\1a", TYPE_A, 1000), ADAPT_NONE);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(
		    ask(others[i].client, others[i].name, others[i].type, 1000), ADAPT_NONE);
	/* The port is not the client. */
	assert_int_equal(ask("192.0.2.1:2", "\1a", TYPE_A, 1000), ADAPT_NULL);
	assert_int_equal(stats.adaptive_moved, 1);
}

/* Far more names than places: those that ask on keep theirs. */
static void the_bound(void **state)
{
	union addr from;

	(void)state;
	assert_int_equal(addr_parse(&from, "192.0.2.1:1", 0, NULL), 0);
	assert_int_equal(ask("192.0.2.9:1", "\4busy", TYPE_A, 1), ADAPT_NONE);
	assert_int_equal(ask("192.0.2.9:1", "\4busy", TYPE_A, 2), ADAPT_NULL);
	for (uint32_t i = 0; i < 64 * ADAPT_SLOTS; i++) {
		uint8_t name[] = {4, 0, 0, 0, 0, 0};
		uint64_t now_ms = 10 + i / 8;

		msg_set_u32(name + 1, i);
		assert_int_equal(
		    adapt_ask(adapt, &options, &from, name, sizeof(name), TYPE_A, now_ms, &stats),
		    ADAPT_NONE);
		if (i % 64 == 0)
			assert_int_equal(ask("192.0.2.9:1", "\4busy", TYPE_A, now_ms), ADAPT_NULL);
	}
	assert_int_equal(stats.adaptive_moved, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(told_apart, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_bound, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("adapt", tests, NULL, NULL);
}
