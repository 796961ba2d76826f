/* test_stats.c - the table of counters and the struct that it makes. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/core/stats.h"

static void test_rows_name_the_fields_in_order(void **state)
{
	(void)state;
	assert_string_equal(stats_rows[0].name, "queries_udp");
	assert_string_equal(
	    stats_rows[offsetof(struct stats, blocked) / sizeof(uint64_t)].name, "blocked");
	assert_string_equal(
	    stats_rows[offsetof(struct stats, in_flight) / sizeof(uint64_t)].name, "in_flight");
}

/* They become keys of `quellctl stats` and of its JSON. */
static void test_names_are_words_of_their_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < STATS_N; i++) {
		assert_int_equal(
		    strspn(stats_rows[i].name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
		    strlen(stats_rows[i].name));
		assert_true(islower((unsigned char)stats_rows[i].text[0]) ||
			    strncmp(stats_rows[i].text, "TCP", 3) == 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(stats_rows[i].name, stats_rows[k].name);
	}
}

/* Each row belongs to a group, and no group is a title over nothing. */
static void test_groups(void **state)
{
	unsigned n_rows[STATS_N_GROUPS] = {0};

	(void)state;
	for (size_t i = 0; i < STATS_N; i++) {
		assert_true(stats_rows[i].group < STATS_N_GROUPS);
		n_rows[stats_rows[i].group]++;
	}
	for (size_t i = 0; i < STATS_N_GROUPS; i++) {
		assert_true(isupper((unsigned char)stats_group_titles[i][0]));
		assert_int_not_equal(n_rows[i], 0);
	}
}

static void test_add(void **state)
{
	uint64_t values[STATS_N];
	struct stats sum, one;

	(void)state;
	for (size_t i = 0; i < STATS_N; i++)
		values[i] = i + 1;
	memcpy(&one, values, sizeof(one));
	memset(&sum, 0, sizeof(sum));
	stats_add(&sum, &one);
	stats_add(&sum, &one);
	memcpy(values, &sum, sizeof(values));
	for (size_t i = 0; i < STATS_N; i++)
		assert_int_equal(values[i], 2 * (i + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows_name_the_fields_in_order),
	    cmocka_unit_test(test_names_are_words_of_their_own),
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_add),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
