/* fuzz_feed.c - list texts.  The first byte chooses the syntax (0: by content, else a row of the
 * table) and whether the list may give answers of its own (128 added); the rest is the text.
 * Whatever it says, each rule is one that an image can keep, lines come in order, what is skipped
 * stands in the text, and the counts agree. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "blocklists/feed.h"
#include "tests/fuzz/fuzz.h"

struct seen {
	const char *text;
	size_t len;
	uint64_t line;
	uint64_t n_rules, n_skips[FEED_SKIPS];
	uint64_t first_bad_line;
};

static void check_name(const uint8_t *name, size_t len)
{
	uint8_t again[NAME_SIZE];
	char text[NAME_TEXT_SIZE];
	size_t again_len, at = 0;

	CHECK(len >= 3 && len <= NAME_SIZE);
	while (name[at] != 0) {
		CHECK(name[at] <= NAME_LABEL_MAX);
		at += name[at] + 1u;
		CHECK(at < len);
	}
	CHECK(at + 1 == len);
	for (size_t i = 0; i < len; i++)
		CHECK(name[i] < 'A' || name[i] > 'Z' || name[i] <= NAME_LABEL_MAX);
	name_to_text(name, text);
	CHECK(feed_name(text, strlen(text), again, &again_len));
	CHECK(again_len == len && memcmp(again, name, len) == 0);
	CHECK(!rule_is_own_name(name));
}

static void check_network(const struct net *network)
{
	unsigned bits = network->family == AF_INET ? 32 : 128;

	CHECK(network->family == AF_INET || network->family == AF_INET6);
	CHECK(network->bits <= bits);
	for (unsigned bit = network->bits; bit < 128; bit++)
		CHECK((network->bytes[bit / 8] & (0x80u >> bit % 8)) == 0);
}

static int on_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	struct seen *seen = ctx;
	static char text[RULE_TEXT_SIZE];

	CHECK(rule->kind < RULE_KINDS);
	if (rule->kind < RULE_NAME_KINDS)
		check_name(rule->name, rule->name_len);
	else if (rule->kind == RULE_REGEX)
		CHECK(rule->regex_len != 0 && memchr(rule->regex, '\n', rule->regex_len) == NULL);
	else
		check_network(&rule->network);
	CHECK(effect_check(rule->effect, rule->effect_len) == 0);
	CHECK(memchr(rule_text(rule, text), '\0', RULE_TEXT_SIZE) != NULL);
	CHECK(line >= seen->line && line != 0);
	seen->line = line;
	seen->n_rules++;
	return 0;
}

static void on_skip(void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len)
{
	struct seen *seen = ctx;

	CHECK(reason < FEED_SKIPS);
	CHECK(text >= seen->text && len != 0 && text + len <= seen->text + seen->len);
	CHECK(memchr(text, '\n', len) == NULL);
	CHECK(line >= seen->line && line != 0);
	seen->line = line;
	seen->n_skips[reason]++;
	if (reason == FEED_BAD && seen->first_bad_line == 0)
		seen->first_bad_line = line;
}

/* A list that may only block has no rule that answers. */
static int on_blocking_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	CHECK(effect_verdict(rule->effect, rule->effect_len) != EFFECT_ANSWER);
	return on_rule(ctx, rule, line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {0};
	struct feed_sink sink = {.ctx = &seen, .cancel = on_rule, .skip = on_skip};
	const struct feed_syntax *syntax = NULL;
	struct feed_counts counts;
	struct why why = {""};
	int err;

	if (size == 0)
		return 0;
	for (size_t i = 0; feed_syntaxes[i] != NULL; i++) {
		if ((data[0] & 0x7f) == i + 1)
			syntax = feed_syntaxes[i];
	}
	sink.rewrites = data[0] >= 0x80;
	sink.rule = sink.rewrites ? on_rule : on_blocking_rule;
	seen.text = (const char *)data + 1;
	seen.len = size - 1;
	err = feed_parse(seen.text, seen.len, syntax, &sink, &counts, &why);
	CHECK(err == 0 || (err == ERR_FORMAT && why.text[0] != '\0' && seen.n_rules == 0));
	CHECK(counts.rules == seen.n_rules);
	CHECK(counts.first_bad_line == seen.first_bad_line);
	CHECK(counts.lines >= seen.line);
	for (size_t i = 0; i < FEED_SKIPS; i++)
		CHECK(counts.skips[i] == seen.n_skips[i]);
	for (const char *p = why.text; *p != '\0'; p++)
		CHECK(*p >= ' ' && *p <= '~');
	return 0;
}
