/* test_verify.c - an image with any one thing wrong is refused, or it is another sound one. */
#include "tests/unit/lists.h"

#include "blocklists/format.h"
#include "blocklists/verify.h"

/* Some of everything. */
static uint8_t *small_image(size_t *len)
{
	static struct effect effect;
	struct listed rules[150];
	uint32_t seed = 11;

	effect_init(&effect, EFFECT_ALLOW, 0);
	effect_finish(&effect);
	for (size_t i = 0; i < COUNT(rules); i++) {
		rules[i] = dice_rule(&seed, 3, 3);
		if (i == 70)
			rules[i] = regex_of("^ads[0-9]", false, 1);
		if (i == 80)
			rules[i] = address_of("192.0.2.0/24", 2);
		if (i % 5 == 0) {
			rules[i].rule.effect = effect.bytes;
			rules[i].rule.effect_len = effect.len;
		}
	}
	return image_of(rules, COUNT(rules), 3, len);
}

static void test_every_byte_counts(void **state)
{
	size_t len;
	uint8_t *image = small_image(&len);
	struct why why;

	(void)state;
	assert_int_equal(verify_image(image, len, &why), 0);
	assert_int_equal(verify_checksum(image, len, &why), 0);
	/* Most of them are codes; the checksum is as good for each. */
	for (size_t at = 0; at < len; at += at < FORMAT_HEADER ? 1 : 13) {
		image[at] ^= (uint8_t)(1 + at % 255);
		if (verify_image(image, len, &why) != ERR_FORMAT ||
		    verify_checksum(image, len, &why) != ERR_FORMAT)
			fail_msg("byte %zu", at);
		image[at] ^= (uint8_t)(1 + at % 255);
	}
	free(image);
}

static void test_every_length_counts(void **state)
{
	size_t len;
	uint8_t *image = small_image(&len);

	(void)state;
	for (size_t n = 0; n <= len + 1; n += n < FORMAT_HEADER || n + 50 > len ? 1 : 101) {
		uint8_t *other = calloc(1, n + 1);

		assert_non_null(other);
		memcpy(other, image, n < len ? n : len);
		assert_int_equal(verify_image(other, n, NULL), n == len ? 0 : ERR_FORMAT);
		assert_int_equal(verify_checksum(other, n, NULL), n == len ? 0 : ERR_FORMAT);
		free(other);
	}
	free(image);
}

/* A node of a walk must be one that a look-up finds. */
static int check_node(void *ctx, const struct walk_node *node)
{
	struct trie_path path;

	if (node->set == 0)
		return 0;
	trie_walk(ctx, node->name, &path);
	assert_true(path.n != 0);
	assert_int_equal(path.at[0].set, node->set);
	assert_int_equal(path.at[0].labels, name_labels(node->name));
	return 0;
}

static int count_rule(void *ctx, const struct rule *rule, uint16_t list)
{
	uint64_t *n = ctx;

	assert_true(rule->kind < RULE_KINDS);
	assert_true(list < 3);
	(*n)++;
	return 0;
}

/* Returns whether the image was refused; if not, it must be sound. */
static bool check_forged(uint8_t *forged, size_t len)
{
	uint64_t n = 0;
	struct trie t;

	format_put(forged + FORMAT_AT_SUM, format_sum(forged, len), 8);
	if (verify_image(forged, len, NULL) != 0)
		return true;
	t = trie_of(forged, len);
	assert_int_equal(walk_nodes(&t, check_node, &t, NULL), 0);
	assert_int_equal(walk_rules(&t, count_rule, &n, NULL), 0);
	assert_int_equal(n, t.n_rules);
	return false;
}

/* Each byte behind the codes changed, and the checksum made right again. */
static void test_forged_bytes(void **state)
{
	size_t len, from, n_refused = 0, n_tried = 0;
	uint8_t *image = small_image(&len);
	struct trie t = trie_of(image, len);

	(void)state;
	from = (size_t)(t.directory - image);
	for (size_t at = FORMAT_AT_SUMMED; at < len; at = at + 1 == FORMAT_HEADER ? from : at + 1) {
		for (unsigned bit = 0; bit < 8; bit += 3, n_tried++) {
			image[at] ^= (uint8_t)(1 << bit);
			n_refused += check_forged(image, len);
			image[at] ^= (uint8_t)(1 << bit);
		}
	}
	/* A letter that becomes another does no harm below a node, but most is seen. */
	assert_true(n_refused > n_tried / 2);
	free(image);
}

/* Each byte of the codes: a code of symbols that no name has could be any, all others are seen. */
static void test_forged_codes(void **state)
{
	size_t len;
	uint8_t *image = small_image(&len);

	(void)state;
	for (size_t at = FORMAT_HEADER; at < FORMAT_HEADER + 2 * FORMAT_CODES; at += 7) {
		image[at] ^= 0x11;
		assert_true(check_forged(image, len));
		image[at] ^= 0x11;
	}
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
	    {FORMAT_AT_SEED, "belongs elsewhere"},
	    {FORMAT_AT_NODES_LEN, "do not fill"},
	    {FORMAT_AT_SETS, "do not fill"},
	    {FORMAT_AT_REGEXES, "do not fill"},
	};
	size_t len;
	uint8_t *image = small_image(&len);
	struct trie t = trie_of(image, len);
	struct why why;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		image[rows[i].at]--;
		format_put(image + FORMAT_AT_SUM, format_sum(image, len), 8);
		assert_int_equal(verify_image(image, len, &why), ERR_FORMAT);
		if (strstr(why.text, rows[i].reason) == NULL)
			fail_msg("%zu: %s", rows[i].at, why.text);
		image[rows[i].at]++;
	}
	/* An effect that is none; a set with an entry of a list that is not there. */
	image[t.effects - image] = 0xff;
	format_put(image + FORMAT_AT_SUM, format_sum(image, len), 8);
	assert_int_equal(verify_image(image, len, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "effect 1"));
	image[FORMAT_AT_LISTS] = 2;
	format_put(image + FORMAT_AT_SUM, format_sum(image, len), 8);
	assert_int_equal(verify_image(image, len, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "set "));
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
	    cmocka_unit_test(test_forged_bytes),
	    cmocka_unit_test(test_forged_codes),
	    cmocka_unit_test(test_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
