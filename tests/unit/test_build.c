/* test_build.c - the same rules give the same image, in any order. */
#include "tests/unit/lists.h"

#include <ctype.h>

#include "blocklists/format.h"
#include "blocklists/verify.h"

static void test_same_bytes_in_any_order(void **state)
{
	static struct rule rules[500], shuffled[700];
	uint32_t seed = 5;
	size_t len, shuffled_len;
	uint8_t *image;

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++)
		rules[i] = dice_rule(&seed, 40);
	image = image_of(rules, COUNT(rules), 40, &len);
	for (unsigned round = 0; round < 20; round++) {
		uint8_t *other;

		/* The same rules, some of them twice. */
		for (size_t i = 0; i < COUNT(shuffled); i++)
			shuffled[i] = rules[i % COUNT(rules)];
		for (size_t i = COUNT(shuffled) - 1; i > 0; i--) {
			size_t k = dice(&seed, (uint32_t)i + 1);
			struct rule rule = shuffled[i];

			shuffled[i] = shuffled[k];
			shuffled[k] = rule;
		}
		other = image_of(shuffled, COUNT(shuffled), 40, &shuffled_len);
		assert_int_equal(shuffled_len, len);
		assert_memory_equal(other, image, len);
		free(other);
	}
	free(image);
}

static void test_refuses(void **state)
{
	struct rule rule = rule_of("example.com", RULE_EXACT, 0);
	struct build *b = build_new();
	struct why why;
	uint8_t *image;
	size_t len;

	(void)state;
	assert_non_null(b);
	assert_int_equal(build_add(b, (const uint8_t *)"", 1, RULE_EXACT, 0), ERR_RANGE);
	assert_int_equal(
	    build_add(b, rule.name, rule.name_len, RULE_EXACT, RULE_LISTS_MAX), ERR_RANGE);
	assert_int_equal(build_add(b, rule.name, rule.name_len, RULE_KINDS, 0), ERR_RANGE);
	assert_int_equal(build_add(b, rule.name, rule.name_len, RULE_EXACT, RULE_LISTS_MAX - 1), 0);
	assert_int_equal(build_add(b, rule.name, rule.name_len, RULE_EXACT, RULE_LISTS_MAX - 1), 0);
	assert_int_equal(build_image(b, RULE_LISTS_MAX - 1, &image, &len, &why), ERR_RANGE);
	assert_int_equal(build_image(b, RULE_LISTS_MAX, &image, &len, &why), 0);
	assert_int_equal(trie_of(image, len).n_rules, 1);
	free(image);
	build_free(b);
	build_free(NULL);
}

struct seen {
	const struct rule *rules;
	size_t n;
	unsigned n_seen[8];
};

static int see(void *ctx, const struct rule *rule)
{
	struct seen *seen = ctx;

	for (size_t i = 0; i < seen->n; i++)
		seen->n_seen[i] += rule_equal(rule, &seen->rules[i]);
	return 0;
}

/* A client may have only some lists, so a rule stays where another list blocks its parent. */
static void test_every_rule_is_kept(void **state)
{
	struct rule rules[] = {
	    rule_of("example.com", RULE_SUFFIX, 0),
	    rule_of("ads.example.com", RULE_EXACT, 1),
	    rule_of("ads.example.com", RULE_SUFFIX, 0),
	    rule_of("com", RULE_BELOW, 2),
	    rule_of("example.com", RULE_BELOW, 0),
	};
	struct seen seen = {.rules = rules, .n = COUNT(rules)};
	size_t len;
	uint8_t *image = image_of(rules, COUNT(rules), 3, &len);
	struct trie t = trie_of(image, len);

	(void)state;
	assert_int_equal(t.n_rules, 5);
	assert_int_equal(t.n_names, 3);
	trie_each(&t, see, &seen);
	for (size_t i = 0; i < COUNT(rules); i++)
		assert_int_equal(seen.n_seen[i], 1);
	free(image);
}

static void test_many_names(void **state)
{
	enum { N = 50000 };
	struct build *b = build_new();
	struct why why;
	struct trie t;
	uint8_t *image;
	size_t len;
	char text[64];

	(void)state;
	assert_non_null(b);
	for (unsigned i = 0; i < N; i++) {
		struct rule rule;

		snprintf(
		    text, sizeof(text), "host%u.%s", i * 2, i % 3 != 0 ? "example.com" : "net");
		rule = rule_of(text, RULE_EXACT, i % 7);
		assert_int_equal(build_add(b, rule.name, rule.name_len, rule.kind, rule.list), 0);
	}
	assert_int_equal(build_image(b, 7, &image, &len, &why), 0);
	build_free(b);
	t = trie_of(image, len);
	assert_int_equal(t.n_names, N);
	assert_int_equal(t.n_sets, 7);
	for (unsigned i = 0; i < 2 * N; i++) {
		const char *zone = i / 2 % 3 != 0 ? "example.com" : "net";

		snprintf(text, sizeof(text), "host%u.%s", i, zone);
		assert_int_equal(trie_blocks(&t, rule_of(text, RULE_EXACT, 0).name), i % 2 == 0);
	}
	free(image);
}

/* A list made so that its names pile up under the first seed is laid out under another. */
static void test_names_made_to_collide(void **state)
{
	enum { N = FORMAT_PROBES_MAX + 20 };
	static struct rule rules[N];
	unsigned n = 0;
	size_t len;
	uint8_t *image;
	struct trie t;

	(void)state;
	for (unsigned i = 0; n < N; i++) {
		char text[32];

		snprintf(text, sizeof(text), "n%u", i);
		rules[n] = rule_of(text, RULE_SUFFIX, 0);
		/* The first home of as many as there will be, and more. */
		if (format_home(format_hash(0, 0, rules[n].name), UINT64_C(4) * N) == 0)
			n++;
	}
	image = image_of(rules, N, 1, &len);
	t = trie_of(image, len);
	assert_true(t.seed != 0);
	assert_true(t.n_probes <= FORMAT_PROBES_MAX);
	for (unsigned i = 0; i < N; i++)
		assert_true(trie_blocks(&t, rules[i].name));
	free(image);
}

/* The bytes of the worked example in docs/format.md: lines `OFFSET  BYTE BYTE ...` in the fence
 * that is headed `bytes`. */
static size_t read_example(uint8_t *bytes, size_t size)
{
	const char *top = getenv("top_srcdir");
	char path[4096], line[512];
	bool inside = false;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/docs/format.md", top != NULL ? top : ".");
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned off;

		if (strncmp(line, "```", 3) == 0)
			inside = strncmp(line, "```bytes", 8) == 0;
		if (!inside || sscanf(line, "%4x", &off) != 1)
			continue;
		assert_int_equal(off, len);
		/* Two blanks end them: behind those stands what they mean. */
		for (const char *p = line + 5; p[0] == ' ' && isxdigit((unsigned char)p[1]);
		     p += 3) {
			assert_true(len < size);
			bytes[len++] = (uint8_t)strtoul(p + 1, NULL, 16);
		}
	}
	fclose(f);
	return len;
}

static void test_example_of_the_format(void **state)
{
	struct rule rules[] = {
	    rule_of("ads.example.com", RULE_EXACT, 1),
	    rule_of("example.com", RULE_SUFFIX, 0),
	    rule_of("example.com", RULE_SUFFIX, 1),
	};
	uint8_t expected[1024];
	size_t expected_len = read_example(expected, sizeof(expected)), len;
	uint8_t *image = image_of(rules, COUNT(rules), 2, &len);

	(void)state;
	assert_int_equal(verify_image(expected, expected_len, NULL), 0);
	assert_int_equal(len, expected_len);
	assert_memory_equal(image, expected, len);
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_same_bytes_in_any_order),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_every_rule_is_kept),
	    cmocka_unit_test(test_many_names),
	    cmocka_unit_test(test_names_made_to_collide),
	    cmocka_unit_test(test_example_of_the_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
