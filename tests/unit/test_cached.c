/* test_cached.c - what is told of the cache: what was put comes back, what has no room is counted, and bytes
 * that are no entries are no entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "resolver/core/cached.h"

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct cached));
	return *state == NULL;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void put_comes_back(void **state)
{
	struct cached_entry with = {.type = 28, .class = 1, .answer = true, .ttl_s = 7};
	struct cached_entry without = {.type = 1, .class = 1, .failed = true, .failure = 2}, got;
	static const uint8_t msg[] = {1, 2, 3}, *found;
	struct cached *c = *state;
	const char *verdict;
	size_t pos = 0;

	cached_put(c, &with, "blocked", msg, sizeof(msg));
	cached_put(c, &without, "", msg, sizeof(msg)); /* there is no answer that it could be */
	assert_true(cached_next(c, &pos, &got, &verdict, &found));
	assert_int_equal(got.type, 28);
	assert_int_equal(got.ttl_s, 7);
	assert_false(got.cut);
	assert_int_equal(got.verdict_len, 7);
	assert_memory_equal(verdict, "blocked", 7);
	assert_int_equal(got.msg_len, sizeof(msg));
	assert_memory_equal(found, msg, sizeof(msg));
	assert_true(cached_next(c, &pos, &got, &verdict, &found));
	assert_int_equal(got.failure, 2);
	assert_int_equal(got.verdict_len, 0);
	assert_int_equal(got.msg_len, 0);
	assert_false(got.cut);
	assert_false(cached_next(c, &pos, &got, &verdict, &found));
	assert_int_equal(c->n_left_out, 0);
}

/* The records go first, then all of it; what was put before stays whole. */
static void what_has_no_room_is_left_out(void **state)
{
	static const uint8_t msg[65535];
	struct cached *c = *state;
	struct cached_entry entry = {.answer = true}, got;
	unsigned n_put = 0, n_got = 0, n_cut = 0;
	const char *verdict;
	const uint8_t *found;
	size_t pos = 0;

	cached_put(c, &entry, "a", msg, sizeof(msg));
	assert_true(entry.cut);
	for (size_t len = 0; c->n_left_out == 0; len += 100, n_put++)
		cached_put(c, &entry, "a verdict", msg, len);
	assert_true(c->len <= CACHED_SIZE);
	while (cached_next(c, &pos, &got, &verdict, &found)) {
		assert_true(got.verdict_len != 0 && verdict[0] == 'a');
		n_cut += got.cut;
		n_got++;
	}
	assert_int_equal(n_got, n_put); /* all but the last, and one before them */
	assert_true(n_cut > 1 && n_cut < n_got);
	cached_put(c, &entry, "a verdict", msg, 0);
	assert_int_equal(c->n_left_out, 2);
}

static void lengths_are_not_believed(void **state)
{
	struct cached_entry entry = {.answer = true}, got;
	struct cached *c = *state;
	const uint8_t *found;
	const char *verdict;
	size_t pos = 0;

	cached_put(c, &entry, "a", (const uint8_t *)"b", 1);
	c->len--;
	assert_false(cached_next(c, &pos, &got, &verdict, &found));
	c->len = sizeof(entry) - 1;
	assert_false(cached_next(c, &pos, &got, &verdict, &found));
	memset(c, 0xff, sizeof(*c));
	for (unsigned n = 0; cached_next(c, &pos, &got, &verdict, &found); n++)
		assert_true(n < CACHED_SIZE && found + got.msg_len <= c->entries + CACHED_SIZE);
	pos = SIZE_MAX;
	assert_false(cached_next(c, &pos, &got, &verdict, &found));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(put_comes_back),
	    TEST(what_has_no_room_is_left_out),
	    TEST(lengths_are_not_believed),
	};

	return cmocka_run_group_tests_name("cached", tests, NULL, NULL);
}
