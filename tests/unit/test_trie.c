/* test_trie.c - look-ups against the definition of a rule, on random mixes. */
#include "tests/unit/lists.h"

static void test_kinds(void **state)
{
	static const struct {
		const char *name;
		bool blocked;
	} rows[] = {
	    {"exact.com", true},
	    {"a.exact.com", false},
	    {"suffix.com", true},
	    {"a.suffix.com", true},
	    {"a.b.c.suffix.com", true},
	    {"below.com", false},
	    {"a.below.com", true},
	    {"deep.in.suffix.net", true},
	    {"in.suffix.net", false},
	    {"com", false},
	    {"xsuffix.com", false},
	    {"suffix.com.org", false},
	    {".", false},
	};
	struct rule rules[] = {
	    rule_of("exact.com", RULE_EXACT, 0),
	    rule_of("suffix.com", RULE_SUFFIX, 0),
	    rule_of("below.com", RULE_BELOW, 0),
	    rule_of("deep.in.suffix.net", RULE_EXACT, 0),
	};
	size_t len;
	uint8_t *image = image_of(rules, COUNT(rules), 1, &len);
	struct trie t = trie_of(image, len);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rule name = rule_of(rows[i].name, RULE_EXACT, 0);

		if (trie_blocks(&t, name.name) != rows[i].blocked)
			fail_msg("%s", rows[i].name);
	}
	free(image);
}

static void test_matches_most_specific_first(void **state)
{
	struct rule rules[] = {
	    rule_of("com", RULE_SUFFIX, 2),
	    rule_of("b.com", RULE_BELOW, 1),
	    rule_of("b.com", RULE_SUFFIX, 3),
	    rule_of("b.com", RULE_EXACT, 0),
	    rule_of("a.b.com", RULE_EXACT, 4),
	    rule_of("a.b.com", RULE_BELOW, 4),
	};
	static const struct trie_match expected[] = {
	    {4, RULE_EXACT, 3},
	    {3, RULE_SUFFIX, 2},
	    {1, RULE_BELOW, 2},
	    {2, RULE_SUFFIX, 1},
	};
	struct trie_match found[8];
	struct rule name = rule_of("a.b.com", RULE_EXACT, 0);
	size_t len;
	uint8_t *image = image_of(rules, COUNT(rules), 5, &len);
	struct trie t = trie_of(image, len);

	(void)state;
	assert_int_equal(trie_matches(&t, name.name, found, COUNT(found)), COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_int_equal(found[i].list, expected[i].list);
		assert_int_equal(found[i].kind, expected[i].kind);
		assert_int_equal(found[i].labels, expected[i].labels);
	}
	/* More than there is room for: the number tells. */
	found[1].list = 99;
	assert_int_equal(trie_matches(&t, name.name, found, 1), COUNT(expected));
	assert_int_equal(found[1].list, 99);
	assert_int_equal(trie_matches(&t, name.name, NULL, 0), COUNT(expected));
	free(image);
}

static int each_none(void *ctx, const struct rule *rule)
{
	(void)ctx;
	(void)rule;
	return 1;
}

static void test_no_rules(void **state)
{
	struct rule name = rule_of("www.example.com", RULE_EXACT, 0);
	struct trie zero = {0}, t;
	size_t len;
	uint8_t *image = image_of(NULL, 0, 3, &len);

	(void)state;
	t = trie_of(image, len);
	assert_int_equal(t.n_rules, 0);
	assert_int_equal(t.n_lists, 3);
	for (const struct trie *p = &t; p != NULL; p = p == &t ? &zero : NULL) {
		assert_false(trie_blocks(p, name.name));
		assert_int_equal(trie_matches(p, name.name, NULL, 0), 0);
		assert_int_equal(trie_each(p, each_none, NULL), 0);
	}
	free(image);
}

static void test_longest_names(void **state)
{
	struct rule rules[2] = {{.kind = RULE_EXACT}, {.kind = RULE_SUFFIX}};
	struct rule other;
	size_t len;
	uint8_t *image;
	struct trie t;

	(void)state;
	for (unsigned i = 0; i < NAME_LABELS_MAX; i++)
		memcpy(rules[0].name + 2 * (size_t)i, "\1a", 2);
	rules[0].name_len = NAME_SIZE;
	for (unsigned i = 0; i < 3; i++) {
		rules[1].name[64 * i] = 63;
		memset(rules[1].name + 64 * (size_t)i + 1, 'z', 63);
	}
	rules[1].name[192] = 61;
	memset(rules[1].name + 193, 'y', 61);
	rules[1].name_len = NAME_SIZE;
	image = image_of(rules, 2, 1, &len);
	t = trie_of(image, len);
	assert_true(trie_blocks(&t, rules[0].name));
	assert_true(trie_blocks(&t, rules[1].name));
	other = rules[0];
	other.name[1] = 'b';
	assert_false(trie_blocks(&t, other.name));
	assert_false(trie_blocks(&t, rules[0].name + 2));
	assert_int_equal(t.n_rules, 2);
	free(image);
}

/* The rules of a trie, as trie_each() gives them. */
struct gathered {
	struct rule rules[256];
	size_t n;
};

static int gather(void *ctx, const struct rule *rule)
{
	struct gathered *g = ctx;

	assert_true(g->n < COUNT(g->rules));
	g->rules[g->n++] = *rule;
	return 0;
}

static size_t count_equal(const struct rule *rules, size_t n, const struct rule *rule)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += rule_equal(&rules[i], rule);
	return found;
}

static bool match_is(const struct trie_match *match, const struct rule *rule, const uint8_t *name)
{
	return match->list == rule->list && match->kind == rule->kind &&
	       match->labels == name_labels(rule->name) &&
	       rule_covers(rule->kind, rule->name, name);
}

/* What the trie says of `name` against what the rules (each once) say. */
static void compare(
    const struct trie *t, const struct gathered *rules, const uint8_t *name, uint32_t seed)
{
	struct trie_match found[256];
	size_t n_found = trie_matches(t, name, found, COUNT(found)), n_covering = 0;

	for (size_t i = 0; i < rules->n; i++) {
		size_t n = 0;

		if (!rule_covers(rules->rules[i].kind, rules->rules[i].name, name))
			continue;
		n_covering++;
		for (size_t k = 0; k < n_found; k++)
			n += match_is(&found[k], &rules->rules[i], name);
		assert_int_equal(n, 1);
	}
	if (n_found != n_covering || trie_blocks(t, name) != (n_covering != 0))
		fail_msg("seed %u", seed);
	for (size_t k = 1; k < n_found; k++)
		assert_true(found[k].labels <= found[k - 1].labels);
}

static void one_random_mix(uint32_t seed)
{
	static struct gathered rules, back;
	unsigned n_lists = 1 + dice(&seed, 6), n = 1 + dice(&seed, 120);
	uint32_t started = seed;
	size_t len;
	uint8_t *image;
	struct trie t;

	rules.n = back.n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct rule rule = dice_rule(&seed, n_lists);

		if (count_equal(rules.rules, rules.n, &rule) == 0)
			rules.rules[rules.n++] = rule;
	}
	image = image_of(rules.rules, rules.n, n_lists, &len);
	t = trie_of(image, len);
	assert_int_equal(t.n_rules, rules.n);
	assert_int_equal(trie_each(&t, gather, &back), 0);
	assert_int_equal(back.n, rules.n);
	for (size_t i = 0; i < rules.n; i++) {
		assert_int_equal(count_equal(back.rules, back.n, &rules.rules[i]), 1);
		compare(&t, &rules, rules.rules[i].name, started);
		compare(&t, &rules, rules.rules[i].name + rules.rules[i].name[0] + 1, started);
	}
	for (unsigned i = 0; i < 300; i++)
		compare(&t, &rules, dice_rule(&seed, 1).name, started);
	free(image);
}

static void test_against_naive_set(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 150; seed++)
		one_random_mix(seed * 2654435761u);
}

static int each_count(void *ctx, const struct rule *rule)
{
	assert_int_equal(name_len(rule->name), rule->name_len);
	return ++*(unsigned *)ctx > 100000 ? 1 : 0;
}

/* Whatever the bytes say, nothing outside of them is read (seen by a sanitizer or valgrind). */
static void use(const uint8_t *bytes, size_t len, uint32_t *seed)
{
	struct trie_match found[4];
	struct trie t;
	unsigned n = 0;

	if (trie_open(&t, bytes, len, NULL) != 0)
		return;
	for (unsigned i = 0; i < 20; i++) {
		struct rule name = dice_rule(seed, 1);

		trie_blocks(&t, name.name);
		trie_matches(&t, name.name, found, COUNT(found));
	}
	trie_each(&t, each_count, &n);
}

static void test_any_bytes(void **state)
{
	struct rule rules[60];
	uint32_t seed = 77;
	unsigned n_opened = 0;
	size_t len;
	uint8_t *image, *bytes;

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++)
		rules[i] = dice_rule(&seed, 3);
	image = image_of(rules, COUNT(rules), 3, &len);
	bytes = malloc(len);
	assert_non_null(bytes);
	for (unsigned round = 0; round < 4000; round++) {
		unsigned n = 1 + dice(&seed, 8);
		struct trie t;

		memcpy(bytes, image, len);
		/* Half of the time behind the header, so that it opens. */
		for (unsigned i = 0; i < n; i++) {
			size_t from = round % 2 != 0 ? 96 : 32;

			bytes[from + dice(&seed, (uint32_t)(len - from))] =
			    (uint8_t)dice(&seed, 256);
		}
		n_opened += trie_open(&t, bytes, len, NULL) == 0;
		use(bytes, len, &seed);
	}
	assert_true(n_opened > 2000);
	for (size_t i = 32; i < len; i++)
		bytes[i] = (uint8_t)dice(&seed, 256);
	use(bytes, len, &seed);
	free(bytes);
	free(image);
}

static void test_open_refuses(void **state)
{
	struct rule rule = rule_of("example.com", RULE_SUFFIX, 0);
	struct why why;
	struct trie t;
	size_t len;
	uint8_t *image = image_of(&rule, 1, 1, &len);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		uint8_t *cut = malloc(n + 1); /* malloc(0) may be NULL */

		assert_non_null(cut);
		memcpy(cut, image, n);
		assert_int_equal(trie_open(&t, cut, n, NULL), ERR_FORMAT);
		assert_int_equal(t.n_slots, 0);
		free(cut);
	}
	image[8]++;
	assert_int_equal(trie_open(&t, image, len, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "version 2"));
	image[8]--;
	image[0]++;
	assert_int_equal(trie_open(&t, image, len, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "no image"));
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_matches_most_specific_first),
	    cmocka_unit_test(test_no_rules),
	    cmocka_unit_test(test_longest_names),
	    cmocka_unit_test(test_against_naive_set),
	    cmocka_unit_test(test_any_bytes),
	    cmocka_unit_test(test_open_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
