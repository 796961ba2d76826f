/* lists.h - what the tests of blocklists share: rules from text, random rules, images of them, and
 * the rules that an image has.
 */
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
#include "blocklists/effect.h"
#include "blocklists/rule.h"
#include "blocklists/trie.h"
#include "blocklists/walk.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A rule of a list that has its name in itself; all else is borrowed. */
struct listed {
	struct rule rule; /* without its name: see rule_in() */
	uint16_t list;
	uint8_t name[NAME_SIZE];
};

static inline struct listed rule_of(const char *text, enum rule_kind kind, unsigned list)
{
	struct listed listed = {.rule.kind = kind, .list = (uint16_t)list};

	assert_int_equal(name_from_text(text, strlen(text), listed.name, &listed.rule.name_len), 0);
	name_lower(listed.name, listed.name, listed.rule.name_len);
	return listed;
}

static inline struct listed regex_of(const char *text, bool inverted, unsigned list)
{
	return (struct listed){
	    .rule.kind = RULE_REGEX,
	    .rule.regex = text,
	    .rule.regex_len = strlen(text),
	    .rule.inverted = inverted,
	    .list = (uint16_t)list,
	};
}

static inline struct listed address_of(const char *network, unsigned list)
{
	struct listed listed = {.rule.kind = RULE_ADDRESS, .list = (uint16_t)list};

	assert_int_equal(net_parse(&listed.rule.network, network, NULL), 0);
	return listed;
}

/* The rule, which borrows its name from `listed`. */
static inline struct rule rule_in(const struct listed *listed)
{
	struct rule rule = listed->rule;

	rule.name = rule.kind < RULE_NAME_KINDS ? listed->name : NULL;
	return rule;
}

static inline bool bytes_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
	if (a_len != b_len || a_len == 0)
		return a_len == b_len;
	return a != NULL && b != NULL && memcmp(a, b, a_len) == 0;
}

static inline bool rule_equal(const struct rule *a, const struct rule *b)
{
	if (a->kind != b->kind || !bytes_equal(a->effect, a->effect_len, b->effect, b->effect_len))
		return false;
	switch (a->kind) {
	case RULE_REGEX:
		return a->inverted == b->inverted &&
		       bytes_equal(a->regex, a->regex_len, b->regex, b->regex_len);
	case RULE_ADDRESS:
		return a->network.family == b->network.family &&
		       a->network.bits == b->network.bits &&
		       memcmp(a->network.bytes, b->network.bytes, 16) == 0;
	default:
		return bytes_equal(a->name, a->name_len, b->name, b->name_len);
	}
}

static inline bool listed_equal(const struct listed *a, const struct listed *b)
{
	struct rule x = rule_in(a), y = rule_in(b);

	return a->list == b->list && rule_equal(&x, &y);
}

static inline void add_rules(struct build *b, const struct listed *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rule rule = rule_in(&rules[i]);

		assert_int_equal(build_add(b, &rule, rules[i].list), 0);
	}
}

/* The image of what was added, in a block of exactly its size, of *len bytes; free() it. */
static inline uint8_t *image_of_build(struct build *b, unsigned n_lists, size_t *len)
{
	struct why why = {""};
	uint8_t *image = NULL;

	if (build_image(b, n_lists, &image, len, &why) != 0)
		fail_msg("%s", why.text);
	build_free(b);
	return image;
}

static inline uint8_t *image_of(const struct listed *rules, size_t n, unsigned n_lists, size_t *len)
{
	struct build *b = build_new();

	assert_non_null(b);
	add_rules(b, rules, n);
	return image_of_build(b, n_lists, len);
}

static inline struct trie trie_of(const uint8_t *image, size_t len)
{
	struct why why = {""};
	struct trie t;

	if (trie_open(&t, image, len, &why) != 0)
		fail_msg("%s", why.text);
	return t;
}

/* The rules of an image, as walk_rules() tells them. */
struct gathered {
	struct listed *rules;
	size_t n, size;
};

static inline int gather(void *ctx, const struct rule *rule, uint16_t list)
{
	struct gathered *g = ctx;
	struct listed *to;

	if (g->n == g->size) {
		g->size = 2 * g->size + 64;
		g->rules = realloc(g->rules, g->size * sizeof(*g->rules));
		assert_non_null(g->rules);
	}
	to = &g->rules[g->n++];
	*to = (struct listed){.rule = *rule, .list = list};
	if (rule->kind < RULE_NAME_KINDS) {
		assert_int_equal(name_len(rule->name), rule->name_len);
		memcpy(to->name, rule->name, rule->name_len);
	}
	to->rule.name = NULL;
	return 0;
}

static inline size_t count_equal(const struct listed *rules, size_t n, const struct listed *rule)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += listed_equal(&rules[i], rule);
	return found;
}

/* The image has these rules, each once, and no others. */
static inline void assert_rules(const struct trie *t, const struct listed *rules, size_t n)
{
	struct gathered back = {0};
	struct why why = {""};

	if (walk_rules(t, gather, &back, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(back.n, n);
	assert_int_equal(t->n_rules, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(count_equal(back.rules, back.n, &rules[i]), 1);
	free(back.rules);
}

/* xorshift32: the same numbers in each run. */
static inline uint32_t dice(uint32_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return n != 0 ? *state % n : 0;
}

static inline void dice_label(uint32_t *state, uint8_t label[NAME_LABEL_MAX + 1])
{
	static const char *const labels[] = {"\1a", "\1b", "\2aa", "\2ab", "\3ads", "\3com",
	    "\3net", "\5x-y_z", "\4A.\377 ",
	    "\77sixty-three-bytes-long-sixty-three-bytes-long-sixty-three-bytes"};
	const char *chosen = labels[dice(state, COUNT(labels))];

	memcpy(label, chosen, (size_t)chosen[0] + 1);
}

/* A name of one to `labels_max` (at most 3) labels out of few, so that names share ancestors and
 * labels; now and then the first is one of 200, so that a name gets many children. */
static inline struct listed dice_rule(uint32_t *state, unsigned n_lists, unsigned labels_max)
{
	struct listed listed = {0};
	unsigned n = 1 + dice(state, labels_max);
	size_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		if (i == 0 && dice(state, 3) == 0)
			listed.name[0] = (uint8_t)sprintf(
			    (char *)listed.name + 1, "n%u", (unsigned)dice(state, 200));
		else
			dice_label(state, listed.name + len);
		len += listed.name[len] + 1u;
	}
	listed.name[len] = 0;
	listed.rule.name_len = len + 1;
	listed.rule.kind = (enum rule_kind)dice(state, RULE_NAME_KINDS);
	listed.list = (uint16_t)dice(state, n_lists);
	return listed;
}

#endif
