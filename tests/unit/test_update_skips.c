/* test_update_skips.c - what of a list gave no rule, for people and for programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/update_skips.h"

static void assert_writes(void (*write)(FILE *to, const struct feed_counts *counts),
    const struct feed_counts *counts, const char *wanted)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	write(to, counts);
	assert_int_equal(fclose(to), 0);
	assert_string_equal(text, wanted);
	free(text);
}

/* Of nothing, and of what is not of interest here, not a word. */
static void test_nothing(void **state)
{
	struct feed_counts counts = {.lines = 7, .rules = 5};

	(void)state;
	assert_writes(update_skips_text, &counts, "");
	counts.skips[FEED_BAD] = 3;
	counts.skips[FEED_OWN_NAME] = 4;
	assert_writes(update_skips_text, &counts, "");
}

static void test_text(void **state)
{
	struct feed_counts counts = {.skips = {[FEED_BAD] = 1, [FEED_BROWSER] = 12}};
	char wanted[512];

	(void)state;
	assert_writes(update_skips_text, &counts, "; left out: 12 (a rule for browsers)");
	counts.skips[FEED_NOT_HERE] = UINT64_MAX;
	(void)snprintf(wanted, sizeof(wanted),
	    "; left out: 12 (a rule for browsers), 18446744073709551615 (%s)",
	    feed_skip_text(FEED_NOT_HERE));
	assert_writes(update_skips_text, &counts, wanted);
}

/* Each reason but the two is among them, alone and with all others. */
static void test_each(void **state)
{
	struct feed_counts all = {.skips = {[FEED_BAD] = 99, [FEED_OWN_NAME] = 99}};
	char wanted[512], wanted_of_all[2048] = "; left out: ";

	(void)state;
	for (unsigned reason = FEED_OWN_NAME + 1; reason < FEED_SKIPS; reason++) {
		struct feed_counts counts = {.skips = {0}};
		size_t used = strlen(wanted_of_all);

		counts.skips[reason] = all.skips[reason] = 10 + reason;
		(void)snprintf(wanted, sizeof(wanted), "; left out: %u (%s)", 10 + reason,
		    feed_skip_text(reason));
		assert_writes(update_skips_text, &counts, wanted);
		(void)snprintf(wanted_of_all + used, sizeof(wanted_of_all) - used, "%s%u (%s)",
		    reason != FEED_OWN_NAME + 1 ? ", " : "", 10 + reason, feed_skip_text(reason));
	}
	assert_writes(update_skips_text, &all, wanted_of_all);
}

/* The keys are those of quell-update(8), and all are there, in a list of which nothing is left out
 * too. */
static void test_json(void **state)
{
	const struct feed_counts none = {.lines = 7, .rules = 7};
	const struct feed_counts counts = {
	    .skips = {[FEED_BAD] = 1,
		[FEED_OWN_NAME] = 2,
		[FEED_REWRITE] = 3,
		[FEED_BROWSER] = 4,
		[FEED_CLIENT] = 5,
		[FEED_BUDGET] = 6,
		[FEED_NOT_HERE] = UINT64_MAX},
	};

	(void)state;
	assert_int_equal(FEED_SKIPS, 7);
	assert_writes(update_skips_json, &none,
	    ",\"bad_lines\":0,\"own_names\":0,\"rewrites_left_out\":0,\"browser_rules\":0,"
	    "\"client_rules\":0,\"over_budget\":0,\"not_here\":0");
	assert_writes(update_skips_json, &counts,
	    ",\"bad_lines\":1,\"own_names\":2,\"rewrites_left_out\":3,\"browser_rules\":4,"
	    "\"client_rules\":5,\"over_budget\":6,\"not_here\":18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_each),
	    cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("update_skips", tests, NULL, NULL);
}
