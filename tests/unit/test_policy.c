/* test_policy.c - verdicts on names and on what an answer leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocklists/build.h"
#include "lib/dns/msg.h"
#include "resolver/core/policy.h"

static size_t wire(const char *text, uint8_t name[NAME_SIZE])
{
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	return len;
}

/* A policy with rules of one list: `suffix blocked.example`, and the CNAMEs from[i] -> to[i] that are
 * given.  The image is the caller's to free. */
static uint8_t *rules(struct policy *p, const char *const from[], const char *const to[], size_t n)
{
	struct build *b = build_new();
	uint8_t name[NAME_SIZE], target[NAME_SIZE], *image;
	struct rule rule = {.kind = RULE_SUFFIX, .name = name};
	struct trie trie;
	size_t image_len;

	rule.name_len = wire("blocked.example", name);
	assert_int_equal(build_add(b, &rule, 0), 0);
	for (size_t i = 0; i < n; i++) {
		struct effect e;

		effect_init(&e, EFFECT_ANSWER, 0);
		assert_int_equal(effect_add_record(&e, TYPE_CNAME, target, wire(to[i], target)), 0);
		effect_finish(&e);
		rule.name_len = wire(from[i], name);
		rule.effect = e.bytes;
		rule.effect_len = e.len;
		assert_int_equal(build_add(b, &rule, 0), 0);
	}
	assert_int_equal(build_image(b, 1, &image, &image_len, NULL), 0);
	assert_int_equal(trie_open(&trie, image, image_len, NULL), 0);
	build_free(b);
	policy_set_lists(p, &trie);
	return image;
}

static enum judge_outcome outcome(const struct policy *p, const char *text, uint16_t type)
{
	uint8_t name[NAME_SIZE];
	const struct effect_ask ask = {.name = name, .type = type};
	struct policy_way way;

	wire(text, name);
	policy_judge(p, &ask, &way);
	return way.verdict.outcome;
}

static void without_lists_nothing_is_blocked(void **state)
{
	const struct policy p = {0};

	(void)state;
	assert_int_equal(outcome(&p, "blocked.example", TYPE_A), JUDGE_NONE);
}

static void each_change_is_a_generation(void **state)
{
	struct policy p = {0};
	uint8_t *image = rules(&p, NULL, NULL, 0);
	const struct trie none = {0};
	uint32_t first = p.generation;

	(void)state;
	assert_int_equal(outcome(&p, "a.blocked.example", TYPE_A), JUDGE_BLOCKED);
	policy_set_lists(&p, &none);
	assert_int_not_equal(p.generation, first);
	assert_int_equal(outcome(&p, "a.blocked.example", TYPE_A), JUDGE_NONE);
	free(image);
}

static void cnames_of_lists_are_followed(void **state)
{
	static const char *const from[] = {"a.example", "b.example", "self.example", "bad.example",
	    "one.example", "two.example", "n0.example", "n1.example", "n2.example", "n3.example",
	    "n4.example", "n5.example", "n6.example", "n7.example", "n8.example"};
	static const char *const to[] = {"B.example", "c.example", "www.self.example",
	    "x.blocked.example", "two.example", "one.example", "n1.example", "n2.example",
	    "n3.example", "n4.example", "n5.example", "n6.example", "n7.example", "n8.example",
	    "n9.example"};
	struct policy p = {0};
	uint8_t *image = rules(&p, from, to, sizeof(to) / sizeof(to[0]));
	uint8_t name[NAME_SIZE], end[NAME_SIZE];
	const struct effect_ask ask = {.name = name, .type = TYPE_A};
	struct policy_way way;

	(void)state;
	wire("a.example", name);
	wire("c.example", end);
	policy_judge(&p, &ask, &way);
	assert_int_equal(way.verdict.outcome, JUDGE_NONE);
	assert_int_equal(way.n_hops, 2);
	assert_memory_equal(policy_way_end(&way, name), end, name_len(end));

	/* Who asks for the CNAME itself gets it. */
	assert_int_equal(outcome(&p, "a.example", TYPE_CNAME), JUDGE_ANSWER);
	assert_int_equal(outcome(&p, "a.example", TYPE_ANY), JUDGE_ANSWER);

	assert_int_equal(outcome(&p, "self.example", TYPE_A), JUDGE_ALLOWED);
	assert_int_equal(outcome(&p, "bad.example", TYPE_A), JUDGE_BLOCKED);
	/* A loop, and a chain of one too many. */
	assert_int_equal(outcome(&p, "one.example", TYPE_A), JUDGE_BLOCKED);
	assert_int_equal(outcome(&p, "n0.example", TYPE_A), JUDGE_BLOCKED);
	assert_int_equal(outcome(&p, "n1.example", TYPE_A), JUDGE_NONE);
	free(image);
}

/* A message with one record of `type` in `section`, whose rdata is `prefix` bytes and the name
 * `target`. */
static size_t message(uint8_t *out, size_t size, enum msg_section section, uint16_t type,
    size_t prefix, const char *target)
{
	uint8_t name[NAME_SIZE];
	struct msg_writer w;
	size_t len;

	msg_write_start(&w, out, size, 0, MSG_QR);
	len = wire("www.example", name);
	msg_write_question(&w, name, type, CLASS_IN);
	msg_set_u16(out + 6 + 2 * section, 1);
	buf_put_bytes(&w.out, name, len);
	buf_put_u16(&w.out, type);
	buf_put_u16(&w.out, CLASS_IN);
	buf_put_u32(&w.out, 60);
	len = wire(target, name);
	buf_put_u16(&w.out, (uint16_t)(prefix + len));
	for (size_t i = 0; i < prefix; i++)
		buf_put_u8(&w.out, 0);
	buf_put_bytes(&w.out, name, len);
	assert_false(w.out.failed);
	return w.out.pos;
}

static bool withheld(const struct policy *p, const uint8_t *msg, size_t len)
{
	uint8_t name[NAME_SIZE];
	const struct effect_ask ask = {.name = name, .type = TYPE_A};
	struct judge_verdict verdict;
	uint16_t ttl_off;
	bool own;

	wire("www.example", name);
	policy_judge_answer(p, &ask, RULE_LISTS_MAX, msg, len, &verdict, &own, &ttl_off);
	assert_false(own && verdict.outcome != JUDGE_BLOCKED);
	return verdict.outcome == JUDGE_BLOCKED;
}

/* The user's own rules: `action` for one name and what is below it. */
static struct overlay *own_rule(enum overlay_action action, const char *text)
{
	struct overlay *o = overlay_new(&(struct hash_key){1, 2});
	uint8_t bytes[OVERLAY_RULE_SIZE], name[NAME_SIZE];

	assert_non_null(o);
	wire(text, name);
	assert_int_equal(overlay_set(o, false, bytes,
			     overlay_put(bytes, &(struct overlay_rule){action, false, name, NULL})),
	    0);
	return o;
}

static void own_rules_come_first(void **state)
{
	static const char *const from[] = {"a.example", "b.example"};
	static const char *const to[] = {"x.blocked.example", "c.example"};
	struct policy p = {0};
	uint8_t *image = rules(&p, from, to, 2), name[NAME_SIZE];
	const struct effect_ask ask = {.name = name, .type = TYPE_A};
	struct overlay *allow = own_rule(OVERLAY_ALLOW, "x.blocked.example"),
		       *block = own_rule(OVERLAY_BLOCK, "c.example");
	uint32_t generation = p.generation;
	struct policy_way way;

	(void)state;
	policy_set_rules(&p, allow);
	assert_int_not_equal(p.generation, generation);
	wire("x.blocked.example", name);
	policy_judge(&p, &ask, &way);
	assert_int_equal(way.verdict.outcome, JUDGE_ALLOWED);
	assert_true(way.own);
	/* Nothing of where it leads is judged. */
	assert_false(policy_judges_answers(&p, &way, false));
	assert_false(policy_judges_answers(&p, &way, true));
	/* Where a list leads a name to, too. */
	wire("a.example", name);
	policy_judge(&p, &ask, &way);
	assert_int_equal(way.verdict.outcome, JUDGE_ALLOWED);
	assert_int_equal(way.n_hops, 1);
	wire("y.blocked.example", name);
	policy_judge(&p, &ask, &way);
	assert_int_equal(way.verdict.outcome, JUDGE_BLOCKED);
	assert_false(way.own);

	policy_set_rules(&p, block);
	wire("b.example", name);
	policy_judge(&p, &ask, &way);
	assert_int_equal(way.verdict.outcome, JUDGE_BLOCKED);
	assert_true(way.own);
	free(allow);
	free(block);
	free(image);
}

static void targets_by_own_rules(void **state)
{
	const struct policy_way open = {.verdict = {.n_lists = 0}};
	struct policy p = {0};
	struct overlay *allow = own_rule(OVERLAY_ALLOW, "x.blocked.example"),
		       *block = own_rule(OVERLAY_BLOCK, "cdn.example");
	uint8_t *image = rules(&p, NULL, NULL, 0), msg[512];
	size_t len;

	(void)state;
	/* A list's allow for the name asked does not keep the user's block from its target. */
	assert_false(policy_judges_answers(&p, &open, false));
	policy_set_rules(&p, block);
	assert_true(policy_judges_answers(&p, &open, false));
	assert_false(policy_judges_answers(&p, &open, true));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "A.cdn.example");
	assert_true(withheld(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "x.blocked.example");
	assert_true(withheld(&p, msg, len));
	policy_set_rules(&p, allow);
	assert_false(policy_judges_answers(&p, &open, false));
	assert_false(withheld(&p, msg, len));
	free(allow);
	free(block);
	free(image);
}

static void targets_are_judged_by_type_and_section(void **state)
{
	struct policy p = {0};
	uint8_t *image = rules(&p, NULL, NULL, 0), msg[512];
	size_t len;

	(void)state;
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "X.Blocked.example");
	assert_true(withheld(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_DNAME, 0, "blocked.example");
	assert_true(withheld(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_HTTPS, 2, "blocked.example");
	assert_true(withheld(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_SVCB, 2, "blocked.example");
	assert_true(withheld(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "open.example");
	assert_false(withheld(&p, msg, len));
	/* A name server is not where an answer leads. */
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_NS, 0, "blocked.example");
	assert_false(withheld(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_AUTHORITY, TYPE_CNAME, 0, "blocked.example");
	assert_false(withheld(&p, msg, len));
	free(image);
}

/* Rules on a name that many share, and on longer ones. */
static void shared_names_are_no_reason(void **state)
{
	static const char *const from[] = {"fastly.net", "tracker.map.fastly.net"};
	static const char *const to[] = {"blocked.example", "blocked.example"};
	struct policy p = {0};
	uint8_t *image = rules(&p, from, to, 2), msg[512];
	uint32_t generation = p.generation;
	size_t len;

	(void)state;
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "shop.map.fastly.net");
	assert_true(withheld(&p, msg, len));
	policy_set_guard(&p, true);
	assert_int_not_equal(p.generation, generation);
	assert_false(withheld(&p, msg, len));
	/* Who asks for it is led on, to what is blocked. */
	assert_int_equal(outcome(&p, "shop.map.fastly.net", TYPE_A), JUDGE_BLOCKED);
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "x.tracker.map.fastly.net");
	assert_true(withheld(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "not-fastly.net");
	assert_false(withheld(&p, msg, len));
	generation = p.generation;
	policy_set_guard(&p, true);
	assert_int_equal(p.generation, generation);
	policy_set_guard(&p, false);
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "shop.map.fastly.net");
	assert_true(withheld(&p, msg, len));
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_lists_nothing_is_blocked),
	    cmocka_unit_test(each_change_is_a_generation),
	    cmocka_unit_test(cnames_of_lists_are_followed),
	    cmocka_unit_test(targets_are_judged_by_type_and_section),
	    cmocka_unit_test(own_rules_come_first),
	    cmocka_unit_test(targets_by_own_rules),
	    cmocka_unit_test(shared_names_are_no_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
