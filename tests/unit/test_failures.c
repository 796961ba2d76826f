/* test_failures.c - questions that failed: how long that is known, and what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/dns/msg.h"
#include "resolver/core/failures.h"

#define START_MS 1000000u

static const struct hash_key secret = {7, 9};

static struct cache *hashes;

static struct cache_key key_of(const char *name, uint16_t type)
{
	struct cache_key key;

	cache_key(hashes, &key, (const uint8_t *)name, name_len((const uint8_t *)name), type,
	    CLASS_IN, false, false, 0);
	return key;
}

static bool failed(const struct failures *f, const char *name, uint64_t now_ms)
{
	const struct cache_key key = key_of(name, TYPE_A);

	return failures_find(f, &key, now_ms) != NULL;
}

static void fail_name(struct failures *f, const char *name, uint64_t started_ms, uint64_t now_ms)
{
	const struct cache_key key = key_of(name, TYPE_A);

	failures_put(f, &key, RCODE_SERVFAIL, EDE_NONE, started_ms, now_ms);
}

static int setup(void **state)
{
	struct failures *f = calloc(1, sizeof(*f));

	failures_init(f, &secret);
	*state = f;
	return cache_new(&hashes, 65536, &secret);
}

static int teardown(void **state)
{
	cache_free(hashes);
	free(*state);
	return 0;
}

static void a_failure_is_of_its_question(void **state)
{
	struct failures *f = *state;
	struct cache_key key = key_of("\1a\7example", TYPE_AAAA);

	assert_false(failed(f, "\1a\7example", START_MS));
	fail_name(f, "\1a\7example", START_MS, START_MS + 5);
	assert_true(failed(f, "\1a\7example", START_MS + 5));
	assert_false(failed(f, "\1b\7example", START_MS + 5));
	assert_null(failures_find(f, &key, START_MS + 5));
	key = key_of("\1a\7example", TYPE_A);
	assert_true(failures_find(f, &key, START_MS + 6)->at_ms == START_MS + 5);
	assert_int_equal(failures_find(f, &key, START_MS + 6)->rcode, RCODE_SERVFAIL);
}

static void it_is_known_for_the_recheck_time(void **state)
{
	struct failures *f = *state;

	fail_name(f, "\1a\7example", START_MS, START_MS);
	assert_true(failed(f, "\1a\7example", START_MS + FAILURES_RECHECK_MS - 1));
	assert_false(failed(f, "\1a\7example", START_MS + FAILURES_RECHECK_MS));
	/* A younger one of another question does not make it younger. */
	fail_name(f, "\1b\7example", START_MS, START_MS + FAILURES_RECHECK_MS - 1);
	assert_false(failed(f, "\1a\7example", START_MS + FAILURES_RECHECK_MS));
	fail_name(f, "\1a\7example", START_MS, START_MS + FAILURES_RECHECK_MS);
	assert_true(failed(f, "\1a\7example", START_MS + FAILURES_RECHECK_MS + 1));
}

static void all_fall_with_a_good_reply(void **state)
{
	struct failures *f = *state;

	fail_name(f, "\1a\7example", START_MS, START_MS + 10);
	fail_name(f, "\1b\7example", START_MS, START_MS + 20);
	failures_good(f, START_MS + 30);
	assert_false(failed(f, "\1a\7example", START_MS + 30));
	assert_false(failed(f, "\1b\7example", START_MS + 30));
	/* And one that was asked before that reply, and fails after it, is its own; nothing but time ends it. */
	fail_name(f, "\1c\7example", START_MS + 29, START_MS + 40);
	fail_name(f, "\1d\7example", START_MS + 30, START_MS + 40);
	failures_good(f, START_MS + 50);
	assert_true(failed(f, "\1c\7example", START_MS + 50));
	assert_false(failed(f, "\1d\7example", START_MS + 50));
	/* The network failed once more, and that is over; a question that fails by itself is no outage. */
	assert_true(failures_over(f, START_MS + 50));
	assert_false(failures_over(f, START_MS + 51));
	fail_name(f, "\1c\7example", START_MS + 49, START_MS + 60);
	failures_good(f, START_MS + 70);
	assert_false(failures_over(f, START_MS + 51));
}

/* However many fail, the last ones are known. */
static void a_flood_displaces_the_oldest(void **state)
{
	struct failures *f = *state;
	const unsigned n = 20 * FAILURES_SETS * FAILURES_WAYS;
	const char *name = "\10--------\7example";
	unsigned known = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t label[18];

		memcpy(label, name, sizeof(label));
		for (unsigned k = 0; k < 8; k++)
			label[1 + k] = (uint8_t)('a' + (i >> 4 * k & 15));
		fail_name(f, (const char *)label, START_MS, START_MS + i / 64);
	}
	for (unsigned i = n - FAILURES_SETS; i < n; i++) {
		uint8_t label[18];

		memcpy(label, name, sizeof(label));
		for (unsigned k = 0; k < 8; k++)
			label[1 + k] = (uint8_t)('a' + (i >> 4 * k & 15));
		known += failed(f, (const char *)label, START_MS + n / 64);
	}
	/* Of a quarter of what there is room for, all but those whose set got more than its ways. */
	assert_true(known > FAILURES_SETS * 95 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_failure_is_of_its_question, setup, teardown),
	    cmocka_unit_test_setup_teardown(it_is_known_for_the_recheck_time, setup, teardown),
	    cmocka_unit_test_setup_teardown(all_fall_with_a_good_reply, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_flood_displaces_the_oldest, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
