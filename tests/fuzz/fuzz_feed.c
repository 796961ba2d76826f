/* fuzz_feed.c - list texts.  The first byte chooses the syntax (0: by content), the rest is the
 * text.  Whatever it says, each rule has a well-formed lower-case name, lines come in order, and
 * the counts agree. */
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

static int on_rule(void *ctx, const uint8_t *name, size_t len, enum rule_kind kind, uint64_t line)
{
	struct seen *seen = ctx;
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
	CHECK(kind < RULE_KINDS);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct feed_syntax *const syntaxes[] = {NULL, &feed_hosts, &feed_domains};
	struct seen seen = {0};
	struct feed_sink sink = {.ctx = &seen, .rule = on_rule, .skip = on_skip};
	struct feed_counts counts;
	struct why why = {""};
	int err;

	if (size == 0)
		return 0;
	seen.text = (const char *)data + 1;
	seen.len = size - 1;
	err = feed_parse(seen.text, seen.len, syntaxes[data[0] % 3], &sink, &counts, &why);
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
