/* test_pack.c - the user's own rules as the workers get them: what they find there, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/core/overlay.h"
#include "resolver/pack.h"

#define HOUR_MS 3600000u

static const struct hash_key secret = {1, 2};

static struct rules_line lines[RULES_MAX + 8];
static struct rules rules;
static struct overlay *overlay;

static int set_up(void **state)
{
	(void)state;
	memset(lines, 0, sizeof(lines));
	rules = (struct rules){.lines = lines};
	overlay = overlay_new(&secret);
	return overlay != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(overlay);
	return 0;
}

static struct rules_line *add(enum rules_kind kind, const char *name, uint64_t for_ms)
{
	struct rules_line *line = &lines[rules.n_lines++];
	size_t len;

	line->kind = kind;
	line->for_ms = for_ms;
	assert_int_equal(name_from_text(name, strlen(name), line->name, &len), 0);
	if (kind == RULES_ALLOW || kind == RULES_BLOCK)
		rules.n_rules++;
	return line;
}

static void hand_over(void)
{
	uint8_t *bytes;
	size_t len;

	assert_int_equal(pack_rules(&rules, &bytes, &len), 0);
	assert_int_equal(overlay_set(overlay, false, bytes, len), 0);
	free(bytes);
}

static size_t matches(const char *text, struct overlay_rule *found, size_t max)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	return overlay_matches(overlay, name, found, max);
}

static void no_rules(void **state)
{
	uint8_t *bytes = NULL;
	size_t len = 1;

	(void)state;
	assert_int_equal(pack_rules(&rules, &bytes, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(overlay_set(overlay, false, bytes, len), 0);
	assert_int_equal(overlay->n_rules, 0);
	free(bytes);
}

/* Lines that are no rules are not handed over, though they have a name. */
static void rules_alone(void **state)
{
	struct overlay_rule found[4];

	(void)state;
	add(RULES_TEXT, "text.example", 0);
	add(RULES_BAD, "bad.example", HOUR_MS);
	add(RULES_PAUSE, "pause.example", HOUR_MS);
	add(RULES_BLOCK, "block.example", 0);
	add(RULES_ALLOW, "allow.example", 0)->exact = true;
	hand_over();
	assert_int_equal(overlay->n_rules, 2);
	assert_int_equal(matches("a.block.example", found, 4), 1);
	assert_int_equal(found[0].action, OVERLAY_BLOCK);
	assert_false(found[0].exact);
	assert_int_equal(matches("allow.example", found, 4), 1);
	assert_int_equal(found[0].action, OVERLAY_ALLOW);
	assert_true(found[0].exact);
	assert_int_equal(matches("a.allow.example", found, 4), 0);
}

static void answers(void **state)
{
	const struct block_answer answer = {
	    .mode = BLOCK_ADDRESS, .n_in4 = 1, .in4 = {{192, 0, 2, 1}}};
	struct overlay_rule found;

	(void)state;
	add(RULES_BLOCK, "a.example", 0)->answer = answer;
	add(RULES_BLOCK, "b.example", 0)->answer.mode = BLOCK_NXDOMAIN;
	add(RULES_BLOCK, "c.example", 0)->answer.mode = BLOCK_DEFAULT;
	hand_over();
	assert_int_equal(overlay->n_answers, 2);
	assert_int_equal(matches("a.example", &found, 1), 1);
	assert_non_null(found.answer);
	assert_memory_equal(found.answer, &answer, sizeof(answer));
	assert_int_equal(matches("b.example", &found, 1), 1);
	assert_non_null(found.answer);
	assert_int_equal(found.answer->mode, BLOCK_NXDOMAIN);
	/* As lists block: the workers know how. */
	assert_int_equal(matches("c.example", &found, 1), 1);
	assert_null(found.answer);
}

/* Of equals the overlay takes the first: with an expiry, then what allows; wherever they stand in the
 * file. */
static void order_of_equals(void **state)
{
	static const struct {
		enum rules_kind kind;
		uint64_t for_ms;
		enum overlay_action action;
		enum block_mode mode; /* tells the two blocks apart */
	} wanted[] = {
	    {RULES_ALLOW, HOUR_MS, OVERLAY_ALLOW, BLOCK_DEFAULT},
	    {RULES_BLOCK, HOUR_MS, OVERLAY_BLOCK, BLOCK_NXDOMAIN},
	    {RULES_ALLOW, 0, OVERLAY_ALLOW, BLOCK_DEFAULT},
	    {RULES_BLOCK, 0, OVERLAY_BLOCK, BLOCK_NULL},
	};
	struct overlay_rule found[5];

	/* In all orders of the four: each is a number of four digits in base 4, all of them others. */
	(void)state;
	for (unsigned order = 0; order < 256; order++) {
		unsigned seen = 0;

		for (unsigned i = 0; i < 4; i++)
			seen |= 1u << (order >> 2 * i & 3);
		if (seen != 15)
			continue;
		rules.n_lines = rules.n_rules = 0;
		for (unsigned i = 0; i < 4; i++) {
			unsigned k = order >> 2 * i & 3;

			add(wanted[k].kind, "a.example", wanted[k].for_ms)->answer.mode =
			    (uint8_t)wanted[k].mode;
		}
		hand_over();
		assert_int_equal(matches("www.a.example", found, 5), 4);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(found[i].action, wanted[i].action);
			assert_int_equal(
			    found[i].answer != NULL ? found[i].answer->mode : 0, wanted[i].mode);
		}
	}
}

/* As many as there may be, each as long as it can be. */
static void the_most(void **state)
{
	static const struct block_answer answer = {.mode = BLOCK_NULL};
	struct overlay_rule found;
	char text[254];

	(void)state;
	memset(text, 'a', 253);
	text[253] = '\0';
	text[63] = text[127] = text[191] = '.';
	for (unsigned i = 0; i < RULES_MAX; i++) {
		(void)snprintf(text, 9, "%08u", i);
		text[8] = 'a';
		add(RULES_BLOCK, text, i % 2 != 0 ? HOUR_MS : 0)->answer = answer;
	}
	hand_over();
	assert_int_equal(overlay->n_rules, RULES_MAX);
	assert_int_equal(matches(text, &found, 1), 1);
	memcpy(text, "00000000", 8);
	assert_int_equal(matches(text, &found, 1), 1);
	assert_int_equal(found.action, OVERLAY_BLOCK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(no_rules),
	    TEST(rules_alone),
	    TEST(answers),
	    TEST(order_of_equals),
	    TEST(the_most),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
