/* test_overlay.c - the user's own rules against a list of them that is searched from end to end. */
#include "resolver/core/overlay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/rng.h"
#include "tests/unit/counted.h"

#define RULES_MAX   200
#define MATCHES_MAX 16

static const struct hash_key secret = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

/* ---- rules ---- */

struct naive {
	size_t n;
	struct {
		enum overlay_action action;
		bool exact;
		uint8_t name[NAME_SIZE];
	} rule[RULES_MAX];
	uint8_t bytes[OVERLAY_SIZE + OVERLAY_RULE_SIZE];
	size_t len;
};

static struct naive naive;
static struct overlay *overlay;

static size_t wire(const char *text, uint8_t name[NAME_SIZE])
{
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	return len;
}

static void naive_add(enum overlay_action action, bool exact, const char *text)
{
	struct overlay_rule rule = {action, exact, naive.rule[naive.n].name, NULL};

	assert_true(naive.n < RULES_MAX);
	wire(text, naive.rule[naive.n].name);
	naive.rule[naive.n].action = action;
	naive.rule[naive.n].exact = exact;
	naive.n++;
	naive.len += overlay_put(naive.bytes + naive.len, &rule);
}

/* Does rule `i` cover the name; how far it comes before others: exact, labels, order. */
static bool naive_covers(size_t i, const uint8_t *name)
{
	return naive.rule[i].exact ? name_equal(naive.rule[i].name, name)
				   : name_in_zone(name, naive.rule[i].name);
}

static bool naive_precedes(size_t a, size_t b)
{
	unsigned a_labels = name_labels(naive.rule[a].name),
		 b_labels = name_labels(naive.rule[b].name);

	if (naive.rule[a].exact != naive.rule[b].exact)
		return naive.rule[a].exact;
	return a_labels != b_labels ? a_labels > b_labels : a < b;
}

static size_t naive_matches(const uint8_t *name, size_t out[MATCHES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < naive.n; i++) {
		size_t at = n;

		if (!naive_covers(i, name))
			continue;
		assert_true(n++ < MATCHES_MAX);
		for (; at > 0 && naive_precedes(i, out[at - 1]); at--)
			out[at] = out[at - 1];
		out[at] = i;
	}
	return n;
}

static void put_in_force(void)
{
	assert_int_equal(overlay_set(overlay, false, naive.bytes, naive.len), 0);
}

static enum overlay_action judge(const char *text)
{
	uint8_t name[NAME_SIZE];

	wire(text, name);
	return overlay_judge(overlay, name);
}

static int set_up(void **state)
{
	(void)state;
	memset(&naive, 0, sizeof(naive));
	overlay = overlay_new(&secret);
	return overlay != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(overlay);
	return 0;
}

/* ---- tests ---- */

static void empty_says_nothing(void **state)
{
	(void)state;
	assert_int_equal(judge("a.example"), OVERLAY_NONE);
	assert_int_equal(judge("."), OVERLAY_NONE);
}

static void suffix_and_exact(void **state)
{
	(void)state;
	naive_add(OVERLAY_BLOCK, false, "example.com");
	naive_add(OVERLAY_ALLOW, true, "example.com");
	naive_add(OVERLAY_ALLOW, false, "good.example.com");
	naive_add(OVERLAY_BLOCK, true, "www.good.example.com");
	put_in_force();
	assert_int_equal(judge("com"), OVERLAY_NONE);
	assert_int_equal(judge("badexample.com"), OVERLAY_NONE);
	assert_int_equal(judge("example.com"), OVERLAY_ALLOW);
	assert_int_equal(judge("a.example.com"), OVERLAY_BLOCK);
	assert_int_equal(judge("good.example.com"), OVERLAY_ALLOW);
	assert_int_equal(judge("a.b.good.example.com"), OVERLAY_ALLOW);
	assert_int_equal(judge("www.good.example.com"), OVERLAY_BLOCK);
	assert_int_equal(judge("a.www.good.example.com"), OVERLAY_ALLOW);
}

static void of_equals_the_first(void **state)
{
	(void)state;
	naive_add(OVERLAY_ALLOW, false, "a.example");
	naive_add(OVERLAY_BLOCK, false, "a.example");
	naive_add(OVERLAY_BLOCK, false, "b.example");
	naive_add(OVERLAY_ALLOW, false, "b.example");
	put_in_force();
	assert_int_equal(judge("x.a.example"), OVERLAY_ALLOW);
	assert_int_equal(judge("x.b.example"), OVERLAY_BLOCK);
}

static void all_names_and_long_ones(void **state)
{
	char text[254];

	(void)state;
	for (size_t i = 0; i < 253; i++)
		text[i] = i % 2 == 0 ? 'a' : '.';
	text[253] = '\0'; /* 127 labels */
	naive_add(OVERLAY_BLOCK, false, ".");
	naive_add(OVERLAY_ALLOW, true, text);
	naive_add(OVERLAY_ALLOW, false, text + 126); /* 64 labels */
	put_in_force();
	assert_int_equal(judge("."), OVERLAY_BLOCK);
	assert_int_equal(judge("a.example"), OVERLAY_BLOCK);
	assert_int_equal(judge(text), OVERLAY_ALLOW);
	assert_int_equal(judge(text + 2), OVERLAY_ALLOW);
	assert_int_equal(judge(text + 128), OVERLAY_BLOCK);
}

static void a_pause_allows_all(void **state)
{
	struct overlay_rule found;
	uint8_t name[NAME_SIZE];

	(void)state;
	naive_add(OVERLAY_BLOCK, false, "example");
	assert_int_equal(overlay_set(overlay, true, naive.bytes, naive.len), 0);
	assert_int_equal(judge("a.example"), OVERLAY_ALLOW);
	assert_int_equal(judge("a.test"), OVERLAY_ALLOW);
	/* The rules are there all the same. */
	wire("a.example", name);
	assert_int_equal(overlay_matches(overlay, name, &found, 1), 1);
	put_in_force();
	assert_int_equal(judge("a.example"), OVERLAY_BLOCK);
}

static void what_is_no_rule_changes_nothing(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
	    {"\1", 1},
	    {"\1\0", 2},
	    {"\0\0\1a\0", 5},
	    {"\3\0\1a\0", 5},
	    {"\1\4\1a\0", 5},
	    {"\2\2\1a\0", 5}, /* an answer, cut */
	    {"\1\0\1a", 4},
	    {"\1\0\100a", 4},
	    {"\1\0\300\0", 4},		    /* a pointer */
	    {"\1\0\1a\0\1\0\1b\300\2", 11}, /* one behind a label */
	    {"\1\0\1a\0\1", 6},
	};

	(void)state;
	naive_add(OVERLAY_BLOCK, false, "example");
	put_in_force();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    overlay_set(overlay, true, (const uint8_t *)bad[i].bytes, bad[i].len),
		    ERR_FORMAT);
		assert_int_equal(judge("a.example"), OVERLAY_BLOCK);
		assert_int_equal(judge("a"), OVERLAY_NONE);
	}
}

/* A block's answer comes back; an allow has none, and what is none is no rule. */
static void answers_of_blocks(void **state)
{
	static const uint8_t name[] = "\1a", other[] = "\1b\1a";
	struct block_answer answer = {.mode = BLOCK_NULL};
	struct overlay_rule rules[] = {
	    {OVERLAY_BLOCK, false, name, &answer},
	    {OVERLAY_BLOCK, true, other, NULL},
	};
	uint8_t bytes[2 * OVERLAY_RULE_SIZE];
	struct overlay_rule found;
	size_t len = overlay_put(bytes, &rules[0]), used = len;

	(void)state;
	used += overlay_put(bytes + used, &rules[1]);
	assert_int_equal(overlay_set(overlay, false, bytes, used), 0);
	assert_int_equal(overlay->n_answers, 1);
	assert_int_equal(overlay_matches(overlay, name, &found, 1), 1);
	assert_memory_equal(found.answer, &answer, sizeof(answer));
	assert_true(name_equal(found.name, name));
	assert_int_equal(overlay_matches(overlay, other, &found, 1), 1);
	assert_null(found.answer);
	assert_true(found.exact);

	for (size_t cut = 0; cut < len; cut++)
		if (cut != 0)
			assert_int_equal(overlay_set(overlay, false, bytes, cut), ERR_FORMAT);
	rules[0].action = OVERLAY_ALLOW;
	assert_int_equal(
	    overlay_set(overlay, false, bytes, overlay_put(bytes, &rules[0])), ERR_FORMAT);
	rules[0].action = OVERLAY_BLOCK;
	answer.mode = BLOCK_MODES;
	assert_int_equal(
	    overlay_set(overlay, false, bytes, overlay_put(bytes, &rules[0])), ERR_FORMAT);
	assert_int_equal(overlay->n_answers, 1);
	assert_int_equal(overlay_set(overlay, false, NULL, 0), 0);
	assert_int_equal(overlay->n_answers, 0);
}

/* As many rules as there may be, of the greatest length; and one more. */
static void the_bound(void **state)
{
	static const struct block_answer answer = {.mode = BLOCK_NULL};
	char text[254];
	unsigned allocations;
	size_t at = 0;

	(void)state;
	memset(text, 'a', 253);
	text[253] = '\0';
	text[63] = text[127] = text[191] = '.';
	for (unsigned i = 0; i <= OVERLAY_RULES_MAX; i++) {
		uint8_t name[NAME_SIZE];
		struct overlay_rule rule = {OVERLAY_BLOCK, false, name, &answer};

		(void)snprintf(text, 9, "%08u", i);
		text[8] = 'a';
		assert_int_equal(wire(text, name), NAME_SIZE);
		at += overlay_put(naive.bytes + at, &rule);
	}
	allocations = counted.n;
	assert_int_equal(overlay_set(overlay, false, naive.bytes, at), ERR_RANGE);
	assert_int_equal(judge(text), OVERLAY_NONE);
	assert_int_equal(overlay_set(overlay, false, naive.bytes, at - OVERLAY_RULE_SIZE), 0);
	assert_int_equal(overlay->n_rules, OVERLAY_RULES_MAX);
	assert_int_equal(judge(text), OVERLAY_NONE);
	for (unsigned i = 0; i < OVERLAY_RULES_MAX; i++) {
		(void)snprintf(text, 9, "%08u", i);
		text[8] = 'a';
		assert_int_equal(judge(text), OVERLAY_BLOCK);
	}
	assert_int_equal(counted.n, allocations);
}

/* A name out of few labels, so that many rules meet. */
static void random_name(struct rng *rng, char text[64])
{
	static const char *const labels[] = {"a", "b", "ab", "example"};
	unsigned n = rng_u16(rng) % 5;

	text[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(text + strlen(text), 64 - strlen(text), "%s%s", i != 0 ? "." : "",
		    labels[rng_u16(rng) % 4]);
	if (n == 0)
		(void)snprintf(text, 64, ".");
}

static void as_the_naive_one(void **state)
{
	struct overlay_rule found[MATCHES_MAX];
	size_t expected[MATCHES_MAX], n;
	uint8_t name[NAME_SIZE];
	struct rng rng;
	char text[64];

	(void)state;
	rng_init_fixed(&rng, 7);
	for (unsigned round = 0; round < 300; round++) {
		memset(&naive, 0, sizeof(naive.n) + sizeof(naive.rule));
		naive.len = 0;
		for (unsigned i = rng_u16(&rng) % 30; i > 0; i--) {
			random_name(&rng, text);
			naive_add(rng_u16(&rng) % 2 != 0 ? OVERLAY_ALLOW : OVERLAY_BLOCK,
			    rng_u16(&rng) % 3 == 0, text);
		}
		put_in_force();
		for (unsigned i = 0; i < 100; i++) {
			random_name(&rng, text);
			wire(text, name);
			n = naive_matches(name, expected);
			assert_int_equal(overlay_matches(overlay, name, found, MATCHES_MAX), n);
			assert_int_equal(overlay_judge(overlay, name),
			    n != 0 ? naive.rule[expected[0]].action : OVERLAY_NONE);
			for (size_t j = 0; j < n; j++) {
				assert_int_equal(found[j].action, naive.rule[expected[j]].action);
				assert_int_equal(found[j].exact, naive.rule[expected[j]].exact);
				assert_true(
				    name_equal(found[j].name, naive.rule[expected[j]].name));
			}
			assert_int_equal(overlay_matches(overlay, name, found, 1), n != 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest cases[] = {
	    cmocka_unit_test_setup_teardown(empty_says_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(suffix_and_exact, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(of_equals_the_first, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(all_names_and_long_ones, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_pause_allows_all, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_rule_changes_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(answers_of_blocks, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_bound, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(as_the_naive_one, set_up, tear_down),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
