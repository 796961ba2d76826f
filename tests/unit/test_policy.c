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

/* A policy with the one rule `suffix blocked.example`; the image is the caller's to free. */
static uint8_t *one_rule(struct policy *p)
{
	struct build *b = build_new();
	uint8_t name[NAME_SIZE], *image;
	struct trie trie;
	size_t len = wire("blocked.example", name), image_len;

	assert_int_equal(build_add(b, name, len, RULE_SUFFIX, 0), 0);
	assert_int_equal(build_image(b, 1, &image, &image_len, NULL), 0);
	assert_int_equal(trie_open(&trie, image, image_len, NULL), 0);
	build_free(b);
	policy_set_lists(p, &trie);
	return image;
}

static void without_lists_nothing_is_blocked(void **state)
{
	struct policy p = {0};
	uint8_t name[NAME_SIZE];

	(void)state;
	wire("blocked.example", name);
	assert_false(policy_blocks(&p, name));
}

static void each_change_is_a_generation(void **state)
{
	struct policy p = {0};
	uint8_t name[NAME_SIZE], *image = one_rule(&p);
	const struct trie none = {0};
	uint32_t first = p.generation;

	(void)state;
	wire("a.blocked.example", name);
	assert_true(policy_blocks(&p, name));
	policy_set_lists(&p, &none);
	assert_int_not_equal(p.generation, first);
	assert_false(policy_blocks(&p, name));
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

static void targets_are_judged_by_type_and_section(void **state)
{
	struct policy p = {0};
	uint8_t *image = one_rule(&p), msg[512];
	size_t len;

	(void)state;
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "X.Blocked.example");
	assert_true(policy_blocks_targets(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_DNAME, 0, "blocked.example");
	assert_true(policy_blocks_targets(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_HTTPS, 2, "blocked.example");
	assert_true(policy_blocks_targets(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_SVCB, 2, "blocked.example");
	assert_true(policy_blocks_targets(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_CNAME, 0, "open.example");
	assert_false(policy_blocks_targets(&p, msg, len));
	/* A name server is not where an answer leads. */
	len = message(msg, sizeof(msg), SECTION_ANSWER, TYPE_NS, 0, "blocked.example");
	assert_false(policy_blocks_targets(&p, msg, len));
	len = message(msg, sizeof(msg), SECTION_AUTHORITY, TYPE_CNAME, 0, "blocked.example");
	assert_false(policy_blocks_targets(&p, msg, len));
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_lists_nothing_is_blocked),
	    cmocka_unit_test(each_change_is_a_generation),
	    cmocka_unit_test(targets_are_judged_by_type_and_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
