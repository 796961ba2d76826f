/* test_walk.c - all of an image, and its first fault. */
#include "tests/unit/lists.h"

#include "blocklists/format.h"

struct seen {
	size_t n, n_anchors, n_hubs, n_with_rule, stop_at;
	uint32_t bucket;
};

static int see(void *ctx, const struct walk_node *node)
{
	struct seen *seen = ctx;

	assert_int_equal(name_len(node->name), node->name_len);
	assert_true(node->bucket >= seen->bucket);
	seen->bucket = node->bucket;
	seen->n_anchors += node->parent_hub != UINT32_MAX;
	seen->n_hubs += node->hub != UINT32_MAX;
	seen->n_with_rule += node->set != 0;
	return ++seen->n == seen->stop_at ? 42 : 0;
}

static uint8_t *sample(size_t *len)
{
	struct build *b = build_new();
	char text[64];

	assert_non_null(b);
	for (unsigned i = 0; i < 120; i++) {
		struct listed listed;

		snprintf(text, sizeof(text), "n%u.%s.com", i, i % 6 != 0 ? "many" : "x.few");
		listed = rule_of(text, RULE_SUFFIX, i % 2);
		add_rules(b, &listed, 1);
	}
	return image_of_build(b, 2, len);
}

static void test_nodes(void **state)
{
	size_t len;
	uint8_t *image = sample(&len);
	struct trie t = trie_of(image, len);
	struct seen seen = {0};

	(void)state;
	assert_int_equal(walk_nodes(&t, see, &seen, NULL), 0);
	/* com, many, few, x, and the names */
	assert_int_equal(seen.n, 4 + 120);
	assert_int_equal(seen.n_with_rule, 120);
	/* com and many */
	assert_int_equal(seen.n_hubs, 2);
	/* com; few and many; what is below many */
	assert_int_equal(seen.n_anchors, 1 + 2 + 100);
	free(image);
}

static void test_stops(void **state)
{
	size_t len;
	uint8_t *image = sample(&len);
	struct trie t = trie_of(image, len);

	(void)state;
	for (size_t n = 1; n <= 4 + 120; n++) {
		struct seen seen = {.stop_at = n};

		assert_int_equal(walk_nodes(&t, see, &seen, NULL), 42);
		assert_int_equal(seen.n, n);
	}
	free(image);
}

static void test_rules_of_all_kinds(void **state)
{
	struct listed rules[] = {
	    rule_of("a.example", RULE_EXACT, 0),
	    rule_of("a.example", RULE_BELOW, 1),
	    rule_of("example", RULE_SUFFIX, 0),
	    regex_of("^ads?\\.", false, 1),
	    regex_of("^ads?\\.", true, 1),
	    regex_of("^ads?\\.", false, 0),
	    address_of("192.0.2.0/24", 1),
	    address_of("2001:db8::/32", 0),
	    address_of("192.0.2.0/24", 0),
	};
	struct effect effect;
	size_t len;
	uint8_t *image;
	struct trie t, zero = {0};

	(void)state;
	effect_init(&effect, EFFECT_ALLOW, EFFECT_IMPORTANT);
	effect_finish(&effect);
	for (size_t i = 0; i < COUNT(rules); i += 2) {
		rules[i].rule.effect = effect.bytes;
		rules[i].rule.effect_len = effect.len;
	}
	image = image_of(rules, COUNT(rules), 2, &len);
	t = trie_of(image, len);
	assert_rules(&t, rules, COUNT(rules));
	assert_rules(&zero, NULL, 0);
	free(image);
}

static int ignore(void *ctx, const struct walk_node *node)
{
	(void)ctx;
	(void)node;
	return 0;
}

/* Each part damaged: the walk says which fault it met. */
static void test_says_why(void **state)
{
	size_t len;
	uint8_t *image = sample(&len);
	struct trie t = trie_of(image, len);
	struct {
		size_t at;
		const char *reason;
	} rows[] = {
	    {(size_t)(t.codes - image), "code"},
	    {(size_t)(t.directory - image), "shelf"},
	    /* Where bucket 1 ends, and where one would that is not there. */
	    {(size_t)(t.nodes - image) + 2, "bucket 1"},
	    {(size_t)(t.nodes - image) + FORMAT_SHELF_HEAD - 2, "shelf"},
	    {(size_t)(t.nodes - image) + t.nodes_len - 1, "do not fill"},
	    {(size_t)(t.nodes - image), "bucket 0"},
	    {(size_t)(t.hub_ends - image) + 4, "a hub without a name"},
	    {(size_t)(t.hub_names - image), "a hub without a name"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct why why = {""};
		uint8_t was = image[rows[i].at];

		image[rows[i].at] = 0xfe;
		assert_int_equal(walk_nodes(&t, ignore, NULL, &why), ERR_FORMAT);
		if (strstr(why.text, rows[i].reason) == NULL)
			fail_msg("%zu: %s", i, why.text);
		image[rows[i].at] = was;
	}
	assert_int_equal(walk_nodes(&t, ignore, NULL, NULL), 0);
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nodes),
	    cmocka_unit_test(test_stops),
	    cmocka_unit_test(test_rules_of_all_kinds),
	    cmocka_unit_test(test_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
