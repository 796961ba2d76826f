/* lists.h - what the tests of blocklists share: rules from text, random rules, and images of
 * them. */
#ifndef TESTS_LISTS_H
#define TESTS_LISTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocklists/build.h"
#include "blocklists/rule.h"
#include "blocklists/trie.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline struct rule rule_of(const char *text, enum rule_kind kind, unsigned list)
{
	struct rule rule = {.kind = kind, .list = (uint16_t)list};
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), rule.name, &len), 0);
	name_lower(rule.name, rule.name, len);
	rule.name_len = (uint8_t)len;
	return rule;
}

static inline bool rule_equal(const struct rule *a, const struct rule *b)
{
	return a->kind == b->kind && a->list == b->list && a->name_len == b->name_len &&
	       memcmp(a->name, b->name, a->name_len) == 0;
}

/* The image of rules[0..n) in a block of exactly its size, of *len bytes; free() it. */
static inline uint8_t *image_of(const struct rule *rules, size_t n, unsigned n_lists, size_t *len)
{
	struct build *b = build_new();
	struct why why = {""};
	uint8_t *image = NULL;

	assert_non_null(b);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
		    build_add(b, rules[i].name, rules[i].name_len, rules[i].kind, rules[i].list),
		    0);
	if (build_image(b, n_lists, &image, len, &why) != 0)
		fail_msg("%s", why.text);
	build_free(b);
	return image;
}

static inline struct trie trie_of(const uint8_t *image, size_t len)
{
	struct why why = {""};
	struct trie t;

	if (trie_open(&t, image, len, &why) != 0)
		fail_msg("%s", why.text);
	return t;
}

/* xorshift32: the same numbers in each run. */
static inline uint32_t dice(uint32_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state % n;
}

/* A name of one to five labels out of few, so that names share ancestors and labels. */
static inline struct rule dice_rule(uint32_t *state, unsigned n_lists)
{
	static const char *const labels[] = {"a", "b", "aa", "ab", "ads", "com", "net", "x-y_z",
	    "sixty-three-bytes-long-sixty-three-bytes-long-sixty-three-bytes"};
	char text[5 * 64] = "";
	unsigned n = 1 + dice(state, 3);

	for (unsigned i = 0; i < n; i++) {
		strcat(text, i != 0 ? "." : "");
		strcat(text, labels[dice(state, COUNT(labels))]);
	}
	return rule_of(text, (enum rule_kind)dice(state, RULE_KINDS), dice(state, n_lists));
}

#endif
