/* test_verify.c - an image with any one thing wrong is refused. */
#include "tests/unit/lists.h"

#include "blocklists/format.h"
#include "blocklists/verify.h"

static uint8_t *small_image(size_t *len)
{
	struct rule rules[24];
	uint32_t seed = 11;

	for (size_t i = 0; i < COUNT(rules); i++)
		rules[i] = dice_rule(&seed, 3);
	return image_of(rules, COUNT(rules), 3, len);
}

static void test_every_byte_counts(void **state)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff};
	size_t len;
	uint8_t *image = small_image(&len);
	struct why why;

	(void)state;
	assert_int_equal(verify_image(image, len, &why), 0);
	assert_int_equal(verify_checksum(image, len, &why), 0);
	for (size_t at = 0; at < len; at++) {
		for (size_t i = 0; i < COUNT(masks); i++) {
			image[at] ^= masks[i];
			if (verify_image(image, len, &why) != ERR_FORMAT ||
			    verify_checksum(image, len, &why) != ERR_FORMAT)
				fail_msg("byte %zu", at);
			image[at] ^= masks[i];
		}
	}
	free(image);
}

static void test_every_length_counts(void **state)
{
	size_t len;
	uint8_t *image = small_image(&len);

	(void)state;
	for (size_t n = 0; n <= len + 1; n++) {
		uint8_t *other = calloc(1, n + 1);

		assert_non_null(other);
		memcpy(other, image, n < len ? n : len);
		assert_int_equal(verify_image(other, n, NULL), n == len ? 0 : ERR_FORMAT);
		assert_int_equal(verify_checksum(other, n, NULL), n == len ? 0 : ERR_FORMAT);
		free(other);
	}
	free(image);
}

struct checked {
	const struct trie *t;
	uint64_t n;
};

/* A rule that trie_each() tells must be one that a look-up finds. */
static int check_rule(void *ctx, const struct rule *rule)
{
	struct checked *checked = ctx;
	struct trie_match found[64];
	uint8_t name[NAME_SIZE + 2] = "\1q";
	const uint8_t *asked = name;
	size_t n, n_same = 0;

	memcpy(name + 2, rule->name, rule->name_len);
	if (rule->kind != RULE_BELOW)
		asked += 2;
	n = trie_matches(checked->t, asked, found, COUNT(found));
	assert_true(n <= COUNT(found));
	for (size_t i = 0; i < n; i++)
		n_same += found[i].list == rule->list && found[i].kind == rule->kind &&
			  found[i].labels == name_labels(rule->name);
	assert_int_equal(n_same, 1);
	assert_true(trie_blocks(checked->t, asked));
	checked->n++;
	return 0;
}

/* Bytes changed and the checksum made right again: what still passes must be a sound image. */
static void test_forged_checksum(void **state)
{
	unsigned n_refused = 0, n_rounds = 20000;
	uint32_t seed = 3;
	size_t len;
	uint8_t *image = small_image(&len), *forged = malloc(len);

	(void)state;
	assert_non_null(forged);
	for (unsigned round = 0; round < n_rounds; round++) {
		struct trie t;
		struct checked checked = {.t = &t};

		memcpy(forged, image, len);
		for (unsigned i = 0; i <= round % 3; i++)
			forged[FORMAT_AT_SUMMED + dice(&seed, (uint32_t)len - FORMAT_AT_SUMMED)] ^=
			    (uint8_t)(1 + dice(&seed, 255));
		format_put(forged + FORMAT_AT_SUM, format_sum(forged, len), 8);
		if (verify_image(forged, len, NULL) != 0) {
			n_refused++;
			continue;
		}
		t = trie_of(forged, len);
		assert_int_equal(trie_each(&t, check_rule, &checked), 0);
		assert_int_equal(checked.n, t.n_rules);
	}
	/* A label renamed or an empty slot's other bits do no harm, but most is seen. */
	assert_true(n_refused > n_rounds / 2);
	free(forged);
	free(image);
}

static void test_says_why(void **state)
{
	static const struct {
		size_t at;
		const char *reason;
	} rows[] = {
	    {FORMAT_AT_RULES, "rules"},
	    {FORMAT_AT_NAMES, "names"},
	    {FORMAT_AT_SEED, "not found where it is"},
	    {FORMAT_AT_SLOTS, "do not fill"},
	    {FORMAT_AT_SETS, "set"},
	    {FORMAT_AT_PROBES + 1, "fit"},
	};
	size_t len;
	uint8_t *image = small_image(&len);
	struct why why;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		image[rows[i].at]--;
		format_put(image + FORMAT_AT_SUM, format_sum(image, len), 8);
		assert_int_equal(verify_image(image, len, &why), ERR_FORMAT);
		if (strstr(why.text, rows[i].reason) == NULL)
			fail_msg("byte %zu: %s", rows[i].at, why.text);
		image[rows[i].at]++;
	}
	image[FORMAT_AT_SUM] ^= 1;
	assert_int_equal(verify_image(image, len, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "checksum"));
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_byte_counts),
	    cmocka_unit_test(test_every_length_counts),
	    cmocka_unit_test(test_forged_checksum),
	    cmocka_unit_test(test_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
