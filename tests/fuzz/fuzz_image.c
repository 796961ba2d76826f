/* fuzz_image.c - images.  On any bytes a look-up reads nothing outside and comes to an end; in an image
 * that verify_image() passes, look-ups find exactly the names that a walk finds.
 *
 * The input is tried as an image, and then as changes to a sound one: a byte that chooses which, and
 * then, again and again, u16 offset, u8 n, n bytes that stand there; the checksum is made right.
 */
#include <stdlib.h>
#include <string.h>

#include "blocklists/build.h"
#include "blocklists/effect.h"
#include "blocklists/format.h"
#include "blocklists/trie.h"
#include "blocklists/verify.h"
#include "blocklists/walk.h"
#include "tests/fuzz/fuzz.h"

#define N_IMAGES 3

static const uint8_t *const names[] = {
    (const uint8_t *)"",
    (const uint8_t *)"\3com",
    (const uint8_t *)"\7example\3com",
    (const uint8_t *)"\3ads\7example\3com",
    (const uint8_t *)"\1a\1b\1c\1d\1e\1f",
    (const uint8_t *)"\2n7\4many\3com",
    (const uint8_t *)"\1x\3n42\4many\3com",
    (const uint8_t *)"\4\377A. \3net",
    (const uint8_t *)"\77"
		     "\200\201\202\203\204\205\206\207\210\211\212\213\214\215\216\217"
		     "\200\201\202\203\204\205\206\207\210\211\212\213\214\215\216\217"
		     "\200\201\202\203\204\205\206\207\210\211\212\213\214\215\216\217"
		     "\200\201\202\203\204\205\206\207\210\211\212\213\214\215\216",
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

static void add(struct build *b, struct rule rule, unsigned list)
{
	CHECK(build_add(b, &rule, (uint16_t)list) == 0);
}

static struct rule name_rule(const uint8_t *name, unsigned kind)
{
	return (struct rule){
	    .kind = (enum rule_kind)(kind % RULE_NAME_KINDS),
	    .name = name,
	    .name_len = name_len(name),
	};
}

/* 0: the names above; 1: a name with many children too; 2: effects, expressions and networks too. */
static uint8_t *make_image(unsigned which, size_t *len)
{
	struct build *b = build_new();
	uint8_t *image = NULL;

	CHECK(b != NULL);
	for (unsigned i = 1; i < N_NAMES; i++) {
		add(b, name_rule(names[i], i), i % 3);
		add(b, name_rule(names[i], i + 1), i % 2);
	}
	for (unsigned i = 0; i < 90 && which > 0; i++) {
		uint8_t name[] = "\3n00\4many\3com";

		name[2] = (uint8_t)('0' + i / 10);
		name[3] = (uint8_t)('0' + i % 10);
		add(b, name_rule(name, RULE_SUFFIX), i % 2);
	}
	for (unsigned i = 0; i < 4 && which > 1; i++) {
		static const char *const regexes[] = {"^ad[0-9]", "track", "a.*b$", "x|yz"};
		struct rule rules[] = {
		    name_rule(names[i + 1], i),
		    {.kind = RULE_REGEX, .regex = regexes[i], .regex_len = strlen(regexes[i])},
		    {.kind = RULE_ADDRESS,
			.network = {.bytes = {10, (uint8_t)i}, .bits = 16, .family = AF_INET}},
		};
		struct effect effect;

		effect_init(&effect, (enum effect_verdict)i, i & 1);
		effect_finish(&effect);
		for (unsigned k = 0; k < 3; k++) {
			rules[k].effect = effect.bytes;
			rules[k].effect_len = effect.len;
			add(b, rules[k], i % 3);
		}
	}
	CHECK(build_image(b, 3, &image, len, NULL) == 0);
	build_free(b);
	return image;
}

struct checked {
	const struct trie *t;
	struct trie_path paths[N_NAMES]; /* of names[], as look-ups see them */
	unsigned n_met[N_NAMES];	 /* nodes on them, as the walk sees them */
};

static int on_node(void *ctx, const struct walk_node *node)
{
	struct checked *c = ctx;
	struct trie_path path;

	if (node->set == 0)
		return 0;
	trie_walk(c->t, node->name, &path);
	CHECK(path.n != 0 && path.at[0].set == node->set &&
	      path.at[0].labels == name_labels(node->name));
	for (unsigned i = 0; i < N_NAMES; i++) {
		unsigned at = 0;

		if (!rule_covers(RULE_SUFFIX, node->name, names[i]))
			continue;
		while (at < c->paths[i].n && c->paths[i].at[at].labels != name_labels(node->name))
			at++;
		CHECK(at < c->paths[i].n && c->paths[i].at[at].set == node->set);
		c->n_met[i]++;
	}
	return 0;
}

static int on_rule(void *ctx, const struct rule *rule, uint16_t list)
{
	uint64_t *n = ctx;

	CHECK(list < RULE_LISTS_MAX && rule->kind < RULE_KINDS);
	(*n)++;
	return 0;
}

static int on_any_node(void *ctx, const struct walk_node *node)
{
	(void)ctx;
	CHECK(name_len(node->name) == node->name_len);
	return 0;
}

/* Is the name blocked, as its path has it? */
static bool is_blocked(const struct trie *t, const struct trie_path *path, unsigned n_labels)
{
	for (unsigned i = 0; i < path->n; i++) {
		size_t n = trie_set_size(t, path->at[i].set);

		for (size_t k = 0; k < n; k++) {
			struct trie_entry entry = trie_set_entry(t, path->at[i].set, k);
			enum rule_kind not =
			    path->at[i].labels == n_labels ? RULE_BELOW : RULE_EXACT;

			if (entry.effect == 0 && entry.kind != not )
				return true;
		}
	}
	return false;
}

static void try_image(const uint8_t *bytes, size_t len)
{
	static struct checked c;
	bool sound = verify_image(bytes, len, NULL) == 0;
	uint64_t n_rules = 0;
	struct trie t;

	if (trie_open(&t, bytes, len, NULL) != 0) {
		CHECK(!sound);
		return;
	}
	c.t = &t;
	for (unsigned i = 0; i < N_NAMES; i++) {
		bool blocked = trie_blocks(&t, names[i]);

		trie_walk(&t, names[i], &c.paths[i]);
		c.n_met[i] = 0;
		if (sound)
			CHECK(blocked == is_blocked(&t, &c.paths[i], name_labels(names[i])));
	}
	if (!sound) {
		if (walk_nodes(&t, on_any_node, NULL, NULL) == 0 &&
		    walk_rules(&t, on_rule, &n_rules, NULL) == 0)
			return;
		return;
	}
	CHECK(walk_nodes(&t, on_node, &c, NULL) == 0);
	for (unsigned i = 0; i < N_NAMES; i++)
		CHECK(c.n_met[i] == c.paths[i].n);
	CHECK(walk_rules(&t, on_rule, &n_rules, NULL) == 0);
	CHECK(n_rules == t.n_rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *images[N_IMAGES];
	static size_t lens[N_IMAGES];
	unsigned which;
	uint8_t *copy;

	if (images[0] == NULL) {
		for (unsigned i = 0; i < N_IMAGES; i++)
			images[i] = make_image(i, &lens[i]);
	}
	try_image(data, size);
	if (size == 0)
		return 0;
	which = data[0] % N_IMAGES;
	/* A block of exactly its size, so that a sanitizer sees every read behind it. */
	copy = malloc(lens[which]);
	CHECK(copy != NULL);
	memcpy(copy, images[which], lens[which]);
	for (size_t at = 1; at + 3 < size;) {
		size_t to = format_get_u16(data + at);

		for (unsigned n = data[at + 2], i = 0; i < n && at + 3 + i < size; i++)
			if (to + i < lens[which])
				copy[to + i] = data[at + 3 + i];
		at += 3u + data[at + 2];
	}
	format_put(copy + FORMAT_AT_SUM, format_sum(copy, lens[which]), 8);
	try_image(copy, lens[which]);
	free(copy);
	return 0;
}
