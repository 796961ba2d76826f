/* test_build.c - every rule once, the same bytes for the same rules, and what is large or odd. */
#include "tests/unit/lists.h"

#include <ctype.h>

#include "blocklists/format.h"
#include "blocklists/verify.h"
#include "lib/dns/msg.h"

static struct effect allow, important, for_client;

static int make_effects(void **state)
{
	struct net net;

	(void)state;
	effect_init(&allow, EFFECT_ALLOW, 0);
	effect_init(&important, EFFECT_BLOCK, EFFECT_IMPORTANT);
	effect_init(&for_client, EFFECT_BLOCK, 0);
	assert_int_equal(net_parse(&net, "192.0.2.0/24", NULL), 0);
	assert_int_equal(effect_add_client(&for_client, &net, false), 0);
	effect_finish(&allow);
	effect_finish(&important);
	effect_finish(&for_client);
	return 0;
}

static struct listed with(struct listed listed, const struct effect *effect)
{
	listed.rule.effect = effect->bytes;
	listed.rule.effect_len = effect->len;
	return listed;
}

/* Some of everything, each once. */
static size_t everything(struct listed *rules, size_t n, unsigned n_lists, uint32_t *seed)
{
	static const struct effect *const effects[] = {&allow, &important, &for_client};
	static const char *const regexes[] = {"^ad[0-9]+\\.", "track", "(^|\\.)x[ab]\\.example$"};
	static const char *const nets[] = {"192.0.2.0/24", "192.0.2.0/25", "2001:db8::/32"};
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct listed rule = dice_rule(seed, n_lists, 3);
		unsigned which = dice(seed, 3);

		if (dice(seed, 30) == 0)
			rule = regex_of(regexes[which], dice(seed, 2) != 0, dice(seed, n_lists));
		else if (dice(seed, 30) == 0)
			rule = address_of(nets[which], dice(seed, n_lists));
		if (dice(seed, 4) == 0)
			rule = with(rule, effects[dice(seed, 3)]);
		if (count_equal(rules, kept, &rule) == 0)
			rules[kept++] = rule;
	}
	return kept;
}

static void assert_sound(const uint8_t *image, size_t len)
{
	struct why why = {""};

	if (verify_image(image, len, &why) != 0)
		fail_msg("%s", why.text);
}

static void test_same_bytes_in_any_order(void **state)
{
	enum { N = 1500 };
	static struct listed rules[N], shuffled[2 * N];
	uint32_t seed = 5;
	size_t n = everything(rules, N, 40, &seed), len, shuffled_len;
	uint8_t *image = image_of(rules, n, 40, &len);
	struct trie t = trie_of(image, len);

	(void)state;
	assert_sound(image, len);
	assert_false(t.plain);
	assert_int_equal(t.n_effects, 3);
	assert_int_equal(t.patterns.n, 6);
	assert_int_equal(t.networks.n, 3);
	assert_rules(&t, rules, n);
	for (unsigned round = 0; round < 20; round++) {
		size_t n_shuffled = n + dice(&seed, (uint32_t)n);
		uint8_t *other;

		/* The same rules, some of them twice. */
		for (size_t i = 0; i < n_shuffled; i++)
			shuffled[i] = rules[i % n];
		for (size_t i = n_shuffled - 1; i > 0; i--) {
			size_t k = dice(&seed, (uint32_t)i + 1);
			struct listed rule = shuffled[i];

			shuffled[i] = shuffled[k];
			shuffled[k] = rule;
		}
		other = image_of(shuffled, n_shuffled, 40, &shuffled_len);
		assert_int_equal(shuffled_len, len);
		assert_memory_equal(other, image, len);
		free(other);
	}
	free(image);
}

static int add_one(struct build *b, struct listed listed)
{
	struct rule rule = rule_in(&listed);

	return build_add(b, &rule, listed.list);
}

static void test_refuses(void **state)
{
	struct rule root = {.kind = RULE_SUFFIX, .name = (const uint8_t *)"", .name_len = 1};
	struct rule no_regex = {.kind = RULE_REGEX};
	struct rule no_kind = {.kind = RULE_KINDS};
	struct build *b = build_new();
	struct why why;
	uint8_t *image;
	size_t len;

	(void)state;
	assert_non_null(b);
	assert_int_equal(build_add(b, &root, 0), ERR_RANGE);
	assert_int_equal(build_add(b, &no_regex, 0), ERR_RANGE);
	assert_int_equal(build_add(b, &no_kind, 0), ERR_RANGE);
	assert_int_equal(build_cancel(b, &root), ERR_RANGE);
	assert_int_equal(add_one(b, rule_of("a.example", RULE_EXACT, RULE_LISTS_MAX)), ERR_RANGE);
	assert_int_equal(add_one(b, rule_of("a.example", RULE_EXACT, 0)), 0);
	assert_int_equal(build_image(b, 0, &image, &len, &why), ERR_RANGE);
	assert_int_equal(add_one(b, rule_of("a.example", RULE_EXACT, RULE_LISTS_MAX - 1)), 0);
	assert_int_equal(build_image(b, RULE_LISTS_MAX - 1, &image, &len, &why), ERR_RANGE);
	assert_non_null(strstr(why.text, "4095"));
	assert_int_equal(build_image(b, RULE_LISTS_MAX, &image, &len, &why), 0);
	assert_int_equal(trie_of(image, len).n_rules, 2);
	free(image);
	build_free(b);
	build_free(NULL);
}

/* A regex that is none is named, and nothing leaks. */
static void test_bad_regex(void **state)
{
	struct build *b = build_new();
	struct why why = {""};
	uint8_t *image;
	size_t len;

	(void)state;
	assert_non_null(b);
	assert_int_equal(add_one(b, rule_of("a.example", RULE_EXACT, 0)), 0);
	assert_int_equal(add_one(b, regex_of("(((", false, 0)), 0);
	assert_int_not_equal(build_image(b, 1, &image, &len, &why), 0);
	assert_non_null(strstr(why.text, "((("));
	build_free(b);
}

/* A client may have only some lists, so a rule stays where another list blocks its parent. */
static void test_every_rule_is_kept(void **state)
{
	struct listed rules[] = {
	    rule_of("example.com", RULE_SUFFIX, 0),
	    rule_of("ads.example.com", RULE_EXACT, 1),
	    rule_of("ads.example.com", RULE_SUFFIX, 0),
	    with(rule_of("ads.example.com", RULE_SUFFIX, 0), &allow),
	    rule_of("com", RULE_BELOW, 2),
	    rule_of("example.com", RULE_BELOW, 0),
	};
	size_t len;
	uint8_t *image = image_of(rules, COUNT(rules), 3, &len);
	struct trie t = trie_of(image, len);

	(void)state;
	assert_int_equal(t.n_names, 3);
	assert_rules(&t, rules, COUNT(rules));
	free(image);
}

/* Cancelled: whatever the list, before or after it was added, but only with the same kind and
 * effect. */
static void test_cancel(void **state)
{
	struct listed gone[] = {
	    rule_of("a.example", RULE_SUFFIX, 0),
	    rule_of("a.example", RULE_SUFFIX, 1),
	    with(rule_of("b.example", RULE_SUFFIX, 1), &allow),
	    regex_of("^ads", false, 0),
	    with(regex_of("^ads", true, 1), &important),
	    address_of("192.0.2.0/24", 1),
	};
	struct listed kept[] = {
	    rule_of("a.example", RULE_EXACT, 0),
	    rule_of("x.a.example", RULE_SUFFIX, 0),
	    with(rule_of("a.example", RULE_SUFFIX, 1), &allow),
	    rule_of("b.example", RULE_SUFFIX, 1),
	    with(rule_of("b.example", RULE_SUFFIX, 1), &important),
	    regex_of("^ads", true, 0),
	    with(regex_of("^ads", false, 0), &important),
	    regex_of("^ad", false, 0),
	    address_of("192.0.2.0/25", 1),
	    with(address_of("192.0.2.0/24", 1), &allow),
	};

	(void)state;
	for (unsigned later = 0; later < 2; later++) {
		struct build *b = build_new();
		struct trie t;
		uint8_t *image;
		size_t len;

		assert_non_null(b);
		if (later == 0)
			add_rules(b, gone, COUNT(gone));
		for (size_t i = 0; i < COUNT(gone); i++) {
			struct rule rule = rule_in(&gone[i]);

			assert_int_equal(build_cancel(b, &rule), 0);
		}
		if (later != 0)
			add_rules(b, gone, COUNT(gone));
		add_rules(b, kept, COUNT(kept));
		image = image_of_build(b, 2, &len);
		assert_sound(image, len);
		t = trie_of(image, len);
		assert_rules(&t, kept, COUNT(kept));
		free(image);
	}
}

static int add_text(struct build *b, const char *text, enum rule_kind kind, unsigned list)
{
	return add_one(b, rule_of(text, kind, list));
}

static bool blocks(const struct trie *t, const char *text)
{
	return trie_blocks(t, rule_of(text, RULE_EXACT, 0).name);
}

/* Every other of many names in each of three places: below one name, of one label, and spread. */
static void test_many_names(void **state)
{
	enum { N = 100000 };
	static const char *const forms[][2] = {
	    {"host", ".example.com"}, {"h", ""}, {"www.s", ".net"}};
	struct build *b = build_new();
	struct trie t;
	uint8_t *image;
	size_t len;
	char text[64];

	(void)state;
	assert_non_null(b);
	for (unsigned i = 0; i < COUNT(forms) * N; i++) {
		snprintf(text, sizeof(text), "%s%u%s", forms[i / N][0], i % N * 2, forms[i / N][1]);
		assert_int_equal(add_text(b, text, RULE_EXACT, i % 7), 0);
	}
	image = image_of_build(b, 7, &len);
	assert_sound(image, len);
	t = trie_of(image, len);
	assert_int_equal(t.n_names, COUNT(forms) * N);
	assert_int_equal(t.n_sets, 7);
	for (unsigned i = 0; i < COUNT(forms) * 2 * N; i++) {
		snprintf(text, sizeof(text), "%s%u%s", forms[i / (2 * N)][0], i % (2 * N),
		    forms[i / (2 * N)][1]);
		if (blocks(&t, text) != (i % 2 == 0))
			fail_msg("%s", text);
	}
	free(image);
}

/* More sets than have a code of their own, of many lists. */
static void test_many_sets(void **state)
{
	enum { N = 70000 };
	struct build *b = build_new();
	struct trie t;
	uint8_t *image;
	size_t len;
	char text[64];

	(void)state;
	assert_non_null(b);
	for (unsigned i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "n%u.example", i);
		assert_int_equal(add_text(b, text, RULE_SUFFIX, i % 300), 0);
		assert_int_equal(add_text(b, text, RULE_SUFFIX, 300 + i / 300), 0);
	}
	image = image_of_build(b, RULE_LISTS_MAX, &len);
	assert_sound(image, len);
	t = trie_of(image, len);
	assert_int_equal(t.n_sets, N);
	for (unsigned i = 0; i < N; i++) {
		struct trie_path path;

		snprintf(text, sizeof(text), "n%u.example", i);
		trie_walk(&t, rule_of(text, RULE_EXACT, 0).name, &path);
		assert_int_equal(path.n, 1);
		assert_int_equal(trie_set_size(&t, path.at[0].set), 2);
		assert_int_equal(trie_set_entry(&t, path.at[0].set, 0).list, i % 300);
		assert_int_equal(trie_set_entry(&t, path.at[0].set, 1).list, 300 + i / 300);
	}
	free(image);
}

/* As many effects as fit, all on one name; one more does not. */
static void test_many_effects(void **state)
{
	struct listed listed = rule_of("a.example", RULE_SUFFIX, 0);
	struct build *b = build_new();
	struct trie_path path;
	struct effect e;
	struct trie t;
	uint8_t *image;
	size_t len;

	(void)state;
	assert_non_null(b);
	for (uint32_t i = 0; i <= FORMAT_EFFECTS_MAX; i++) {
		/* In no order. */
		uint32_t address = i * 2654435761u;

		effect_init(&e, EFFECT_ANSWER, 0);
		assert_int_equal(effect_add_record(&e, TYPE_A, (const uint8_t *)&address, 4), 0);
		effect_finish(&e);
		assert_int_equal(
		    add_one(b, with(listed, &e)), i < FORMAT_EFFECTS_MAX ? 0 : ERR_LIMIT);
	}
	image = image_of_build(b, 1, &len);
	assert_sound(image, len);
	t = trie_of(image, len);
	assert_int_equal(t.n_effects, FORMAT_EFFECTS_MAX);
	trie_walk(&t, listed.name, &path);
	assert_int_equal(path.n, 1);
	assert_int_equal(trie_set_size(&t, path.at[0].set), FORMAT_EFFECTS_MAX);
	free(image);
}

/* Families as large as they become: long labels of bytes that need the escape, many and deep. */
static void test_huge_families(void **state)
{
	enum { N = 3000 };
	static struct listed rules[N];
	uint32_t seed = 21;
	size_t len;
	uint8_t *image;
	struct trie t;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		uint8_t *name = rules[i].name;
		size_t at = 0;

		/* Labels of few kinds, so that names share them, then a tail that all share. */
		while (at < 120) {
			size_t n = dice(&seed, 4) == 0 ? 63 : 1 + dice(&seed, 3);

			name[at++] = (uint8_t)n;
			memset(name + at, (int)(128 + dice(&seed, 3)), n);
			at += n;
		}
		memcpy(name + at, "\4\200\200\200\200\1\377", 8);
		rules[i].rule.name_len = at + 8;
		rules[i].rule.kind = RULE_EXACT;
	}
	image = image_of(rules, N, 1, &len);
	assert_sound(image, len);
	t = trie_of(image, len);
	for (size_t i = 0; i < N; i++)
		assert_true(trie_blocks(&t, rules[i].name));
	free(image);
}

/* Names made so that they pile up under the first seeds are laid out under another. */
static void test_names_made_to_collide(void **state)
{
	enum { PER_SEED = 3 * FORMAT_SIBLINGS_MAX, SEEDS = 20, N = SEEDS * PER_SEED };
	static struct listed rules[N];
	unsigned n = 0;
	size_t len;
	uint8_t *image;
	struct trie t;

	(void)state;
	for (unsigned i = 0; n < N; i++) {
		char text[32];

		snprintf(text, sizeof(text), "n%u", i);
		rules[n] = rule_of(text, RULE_SUFFIX, 0);
		n += format_bucket(format_hash(n / PER_SEED, rules[n].name, rules[n].name[0] + 1u),
			 N / FORMAT_ANCHORS_PER_BUCKET) == 0;
	}
	image = image_of(rules, N, 1, &len);
	assert_sound(image, len);
	t = trie_of(image, len);
	assert_true(t.seed >= SEEDS);
	for (unsigned i = 0; i < N; i++)
		assert_true(trie_blocks(&t, rules[i].name));
	free(image);
}

/* The worked example of docs/format.md: the image is zero but for lines `OFFSET  BYTE BYTE ...` in
 * the fences that are headed `bytes`. */
static uint8_t *read_example(size_t *len)
{
	const char *top = getenv("top_srcdir");
	uint8_t *bytes = calloc(1, 1 << 16);
	char path[4096], line[512];
	bool inside = false;
	FILE *f;

	assert_non_null(bytes);
	*len = 0;
	snprintf(path, sizeof(path), "%s/docs/format.md", top != NULL ? top : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned off;

		if (strncmp(line, "```", 3) == 0)
			inside = strncmp(line, "```bytes", 8) == 0;
		if (!inside || sscanf(line, "%4x", &off) != 1)
			continue;
		assert_true(off >= *len && off < (1 << 16) - 100);
		/* Two blanks end them: behind those stands what they mean. */
		for (const char *p = line + 5; p[0] == ' ' && isxdigit((unsigned char)p[1]); p += 3)
			bytes[off++] = (uint8_t)strtoul(p, NULL, 16);
		*len = off;
	}
	fclose(f);
	return bytes;
}

static void test_example_of_the_format(void **state)
{
	struct listed rules[] = {
	    rule_of("example.com", RULE_SUFFIX, 0),
	    rule_of("example.com", RULE_SUFFIX, 1),
	    rule_of("ads.example.com", RULE_EXACT, 1),
	};
	size_t expected_len, len;
	uint8_t *expected = read_example(&expected_len);
	uint8_t *image = image_of(rules, COUNT(rules), 2, &len);

	(void)state;
	assert_sound(expected, expected_len);
	assert_int_equal(len, expected_len);
	assert_memory_equal(image, expected, len);
	free(expected);
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_same_bytes_in_any_order),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_bad_regex),
	    cmocka_unit_test(test_every_rule_is_kept),
	    cmocka_unit_test(test_cancel),
	    cmocka_unit_test(test_many_names),
	    cmocka_unit_test(test_many_sets),
	    cmocka_unit_test(test_many_effects),
	    cmocka_unit_test(test_huge_families),
	    cmocka_unit_test(test_names_made_to_collide),
	    cmocka_unit_test(test_example_of_the_format),
	};

	return cmocka_run_group_tests(tests, make_effects, NULL);
}
