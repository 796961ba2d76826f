/* fuzz_image.c - images.  On any bytes a look-up reads nothing outside; an image that
 * verify_image() passes has the rules that its header counts, and a look-up finds each.  Each input
 * is tried as it is, and once more with its length and checksum made right, which a fuzzer would
 * hardly find. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/format.h"
#include "blocklists/trie.h"
#include "blocklists/verify.h"
#include "tests/fuzz/fuzz.h"

struct checked {
	const struct trie *t;
	bool sound; /* verify_image() passed */
	uint64_t n;
};

static int on_rule(void *ctx, const struct rule *rule)
{
	struct checked *checked = ctx;
	struct trie_match match;
	uint8_t below[NAME_SIZE + 2] = "\1q";
	const uint8_t *asked = rule->name;
	size_t n;

	CHECK(rule->kind < RULE_KINDS && rule->list < RULE_LISTS_MAX);
	CHECK(rule->name_len >= 3 && name_len(rule->name) == rule->name_len);
	checked->n++;
	/* A name of full length has none below. */
	if (rule->kind == RULE_BELOW && rule->name_len > NAME_SIZE - 2)
		return 0;
	memcpy(below + 2, rule->name, rule->name_len);
	if (rule->kind == RULE_BELOW)
		asked = below;
	n = trie_matches(checked->t, asked, &match, 1);
	if (checked->sound)
		CHECK(n != 0 && trie_blocks(checked->t, asked));
	return 0;
}

static void try_image(const uint8_t *bytes, size_t len)
{
	static const char *const names[] = {
	    "", "\3com", "\7example\3com", "\3ads\7example\3com", "\1a\1b\1c\1d\1e\1f"};
	struct checked checked = {0};
	struct trie t;

	checked.sound = verify_image(bytes, len, NULL) == 0;
	if (trie_open(&t, bytes, len, NULL) != 0) {
		CHECK(!checked.sound);
		return;
	}
	checked.t = &t;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const uint8_t *name = (const uint8_t *)names[i];
		bool blocked = trie_blocks(&t, name);
		size_t n = trie_matches(&t, name, NULL, 0);

		if (checked.sound)
			CHECK(blocked == (n != 0));
	}
	CHECK(trie_each(&t, on_rule, &checked) == 0);
	if (checked.sound)
		CHECK(checked.n == t.n_rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	try_image(data, size);
	if (size < FORMAT_HEADER)
		return 0;
	copy = malloc(size);
	CHECK(copy != NULL);
	memcpy(copy, data, size);
	format_put(copy + FORMAT_AT_LEN, size, 8);
	format_put(copy + FORMAT_AT_SUM, format_sum(copy, size), 8);
	try_image(copy, size);
	free(copy);
	return 0;
}
