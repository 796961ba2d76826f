/* fuzz_build.c - rules to an image and back: the image verifies, it has exactly the rules that went in
 * and were not cancelled, look-ups agree with rule_covers(), and in another order the same rules give
 * the same bytes.
 *
 * The input: rules, one behind the other.  u8 kind (see read_rule()), u8 list, u8 effect; of a name u8 how
 * many labels, and these: u8 below 192 is one of a few labels, more is a label of so many bytes above 192,
 * which follow.
 */
#include <stdlib.h>
#include <string.h>

#include "blocklists/build.h"
#include "blocklists/effect.h"
#include "blocklists/trie.h"
#include "blocklists/verify.h"
#include "blocklists/walk.h"
#include "tests/fuzz/fuzz.h"

#define RULES_MAX 400
#define N_LISTS	  8

struct one {
	struct rule rule;
	uint16_t list;
	uint8_t name[NAME_SIZE];
	bool met;
};

static struct one rules[RULES_MAX], cancels[RULES_MAX];
static size_t n_rules, n_cancels;

static const struct effect *effect_of(unsigned which)
{
	static struct effect effects[3 * EFFECT_VERDICTS];
	struct effect *e = &effects[which % (3 * EFFECT_VERDICTS)];

	effect_init(e, (enum effect_verdict)(which % EFFECT_VERDICTS), which % 3);
	effect_finish(e);
	return e;
}

static uint8_t take(const uint8_t **p, const uint8_t *end)
{
	return *p < end ? *(*p)++ : 0;
}

/* A name of at least one label; less than asked for where they are too long. */
static size_t read_name(const uint8_t **p, const uint8_t *end, uint8_t name[NAME_SIZE])
{
	static const char *const labels[] = {"\3com", "\3net", "\7example", "\1a", "\2co", "\3ads"};
	unsigned n = take(p, end) % NAME_LABELS_MAX + 1;
	size_t len = 0;

	while (n-- != 0) {
		unsigned what = take(p, end);
		uint8_t label[NAME_LABEL_MAX + 1] = {1, 'x'};

		if (what > 192) {
			label[0] = (uint8_t)(what - 192);
			for (unsigned i = 1; i <= label[0]; i++)
				label[i] = take(p, end);
		} else if (what < 64) {
			const char *chosen = labels[what % 6];

			memcpy(label, chosen, (size_t)chosen[0] + 1);
		} else {
			label[1] = (uint8_t)what;
		}
		if (len + label[0] + 2 > NAME_SIZE)
			break;
		memcpy(name + len, label, label[0] + 1u);
		len += label[0] + 1u;
	}
	name[len] = 0;
	return len + 1;
}

static bool bytes_are(const void *a, size_t a_len, const void *b, size_t b_len)
{
	if (a_len != b_len || a_len == 0)
		return a_len == b_len;
	CHECK(a != NULL && b != NULL);
	return memcmp(a, b, a_len) == 0;
}

static bool is_same(const struct rule *a, const struct rule *b)
{
	if (a->kind != b->kind || !bytes_are(a->effect, a->effect_len, b->effect, b->effect_len))
		return false;
	if (a->kind == RULE_REGEX)
		return a->inverted == b->inverted &&
		       bytes_are(a->regex, a->regex_len, b->regex, b->regex_len);
	if (a->kind == RULE_ADDRESS)
		return memcmp(&a->network, &b->network, sizeof(a->network)) == 0;
	return bytes_are(a->name, a->name_len, b->name, b->name_len);
}

static void put(struct one *to, size_t *n, const struct one *one)
{
	if (*n == RULES_MAX)
		return;
	to[*n] = *one;
	if (one->rule.name != NULL)
		to[*n].rule.name = to[*n].name;
	(*n)++;
}

/* The lowest 3 bits of the first byte: exact, suffix, below, regex, address, many children of a name;
 * bit 4: cancelled. */
static void read_rule(const uint8_t **p, const uint8_t *end)
{
	static const char *const regexes[] = {"^ad", "track[0-9]", "a.*b$", "x|yz"};
	struct one one = {0};
	uint8_t what = take(p, end), list = take(p, end), effect = take(p, end);
	unsigned kind = what & 7;

	one.list = list % N_LISTS;
	one.rule.kind = kind < RULE_KINDS ? (enum rule_kind)kind : RULE_EXACT;
	if (effect >= 128) {
		one.rule.effect = effect_of(effect)->bytes;
		one.rule.effect_len = effect_of(effect)->len;
	}
	switch (one.rule.kind) {
	case RULE_REGEX:
		one.rule.regex = regexes[list / N_LISTS % 4];
		one.rule.regex_len = strlen(one.rule.regex);
		one.rule.inverted = (what & 32) != 0;
		break;
	case RULE_ADDRESS:
		one.rule.network =
		    (struct net){.family = AF_INET, .bits = 16, .bytes = {10, take(p, end)}};
		break;
	default:
		one.rule.name_len = read_name(p, end, one.name);
		one.rule.name = one.name;
		break;
	}
	if ((what & 16) != 0)
		put(cancels, &n_cancels, &one);
	else
		put(rules, &n_rules, &one);
	for (unsigned i = 0; kind == 5 && i < 60 && one.rule.name_len + 3 <= NAME_SIZE; i++) {
		struct one child = one;

		child.name[0] = 2;
		child.name[1] = 'n';
		child.name[2] = (uint8_t)('0' + i);
		memcpy(child.name + 3, one.name, one.rule.name_len);
		child.rule.name_len += 3;
		put(rules, &n_rules, &child);
	}
}

static uint8_t *image_of(bool backwards, size_t *len)
{
	struct build *b = build_new();
	uint8_t *image = NULL;

	CHECK(b != NULL);
	for (size_t i = 0; i < n_cancels && backwards; i++)
		CHECK(build_cancel(b, &cancels[i].rule) == 0);
	for (size_t i = 0; i < n_rules; i++) {
		const struct one *one = &rules[backwards ? n_rules - 1 - i : i];

		CHECK(build_add(b, &one->rule, one->list) == 0);
	}
	for (size_t i = 0; i < n_cancels && !backwards; i++)
		CHECK(build_cancel(b, &cancels[i].rule) == 0);
	CHECK(build_image(b, N_LISTS, &image, len, NULL) == 0);
	build_free(b);
	return image;
}

/* Leave each rule once, and none that was cancelled. */
static void reduce(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_rules; i++) {
		bool keep = true;

		for (size_t k = 0; k < n_cancels; k++)
			keep &= !is_same(&rules[i].rule, &cancels[k].rule);
		for (size_t k = 0; k < kept && keep; k++)
			keep &= rules[i].list != rules[k].list ||
				!is_same(&rules[i].rule, &rules[k].rule);
		if (!keep)
			continue;
		rules[kept] = rules[i];
		if (rules[kept].rule.name != NULL)
			rules[kept].rule.name = rules[kept].name;
		kept++;
	}
	n_rules = kept;
}

static int on_rule(void *ctx, const struct rule *rule, uint16_t list)
{
	size_t *n = ctx;

	for (size_t i = 0; i < n_rules; i++) {
		if (rules[i].list != list || !is_same(&rules[i].rule, rule))
			continue;
		CHECK(!rules[i].met);
		rules[i].met = true;
		(*n)++;
		return 0;
	}
	CHECK(false);
	return 0;
}

static void ask(const struct trie *t, const uint8_t *name)
{
	size_t n_found = 0, n_on_the_way = 0;
	bool blocked = false;
	struct trie_path path;

	trie_walk(t, name, &path);
	for (unsigned i = 0; i < path.n; i++)
		n_found += trie_set_size(t, path.at[i].set);
	for (size_t i = 0; i < n_rules; i++) {
		if (rules[i].rule.name == NULL)
			continue;
		n_on_the_way += rule_covers(RULE_SUFFIX, rules[i].name, name);
		blocked |= rules[i].rule.effect_len == 0 &&
			   rule_covers(rules[i].rule.kind, rules[i].name, name);
	}
	CHECK(n_found == n_on_the_way && trie_blocks(t, name) == blocked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data, *end = data + size;
	uint8_t *image, *backwards;
	size_t len, backwards_len, n = 0;
	struct trie t;

	n_rules = n_cancels = 0;
	while (p < end && n_rules < RULES_MAX)
		read_rule(&p, end);
	image = image_of(false, &len);
	backwards = image_of(true, &backwards_len);
	CHECK(len == backwards_len && memcmp(image, backwards, len) == 0);
	free(backwards);
	reduce();
	CHECK(verify_image(image, len, NULL) == 0);
	CHECK(trie_open(&t, image, len, NULL) == 0);
	CHECK(t.n_rules == n_rules);
	CHECK(walk_rules(&t, on_rule, &n, NULL) == 0 && n == n_rules);
	for (size_t i = 0; i < n_rules && i < 100; i++) {
		uint8_t below[NAME_SIZE + 2] = "\1a";

		if (rules[i].rule.name == NULL)
			continue;
		ask(&t, rules[i].name);
		ask(&t, rules[i].name + rules[i].name[0] + 1);
		memcpy(below + 2, rules[i].name, rules[i].rule.name_len);
		if (rules[i].rule.name_len + 2 <= NAME_SIZE)
			ask(&t, below);
	}
	free(image);
	return 0;
}
