/* feeds.h - what the tests of list syntaxes share: what a text gives, in words. */
#ifndef TESTS_FEEDS_H
#define TESTS_FEEDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocklists/feed.h"

#define FEEDS_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A text and its length. */
#define TEXT(t) t, sizeof(t) - 1

/* What a text gave: `suffix a.example, bad`, or with lines `1 suffix a.example, 2 bad`; empty for
 * nothing. */
struct given {
	char text[1 << 16];
	bool with_lines;
	int stop; /* what the sink returns */
	uint64_t line;
	struct feed_counts counts;
	struct why why;
	int err;
};

static inline void given_add(
    struct given *given, uint64_t line, const char *prefix, const char *what)
{
	size_t len = strlen(given->text);
	char number[24] = "";

	assert_true(line >= given->line && line != 0);
	given->line = line;
	if (given->with_lines)
		snprintf(number, sizeof(number), "%llu ", (unsigned long long)line);
	snprintf(given->text + len, sizeof(given->text) - len, "%s%s%s%s", len != 0 ? ", " : "",
	    number, prefix, what);
}

static inline int given_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	struct given *given = ctx;
	char text[RULE_TEXT_SIZE];

	if (rule->kind < RULE_NAME_KINDS)
		assert_int_equal(rule->name_len, name_len(rule->name));
	assert_int_equal(effect_check(rule->effect, rule->effect_len), 0);
	given_add(given, line, "", rule_text(rule, text));
	return given->stop;
}

static inline int given_cancel(void *ctx, const struct rule *rule, uint64_t line)
{
	struct given *given = ctx;
	char text[RULE_TEXT_SIZE];

	given_add(given, line, "cancel ", rule_text(rule, text));
	return given->stop;
}

static inline void given_skip(
    void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len)
{
	static const char *const words[FEED_SKIPS] = {
	    [FEED_BAD] = "bad",
	    [FEED_OWN_NAME] = "own",
	    [FEED_REWRITE] = "rewrite",
	    [FEED_BROWSER] = "browser",
	    [FEED_CLIENT] = "client",
	    [FEED_BUDGET] = "budget",
	    [FEED_NOT_HERE] = "not-here",
	};

	assert_true(text != NULL && len != 0 && reason < FEED_SKIPS);
	given_add(ctx, line, "", words[reason]);
}

/* Parse a text in a block of exactly its size, so that reading behind it is seen.  `syntax` NULL: by
 * content.  given->with_lines and given->stop are kept.  Returns given->text. */
static inline const char *given_parse(
    struct given *given, const char *syntax, const char *text, size_t len, bool rewrites)
{
	struct feed_sink sink = {.ctx = given,
	    .rewrites = rewrites,
	    .rule = given_rule,
	    .cancel = given_cancel,
	    .skip = given_skip};
	const struct feed_syntax *row = syntax != NULL ? feed_find(syntax) : NULL;
	char *copy = malloc(len != 0 ? len : 1);

	assert_true(syntax == NULL || row != NULL);
	assert_non_null(copy);
	memcpy(copy, text, len);
	given->text[0] = '\0';
	given->why.text[0] = '\0';
	given->line = 0;
	given->err = feed_parse(copy, len, row, &sink, &given->counts, &given->why);
	free(copy);
	return given->text;
}

/* A line, and what it gives. */
struct given_row {
	const char *line, *gives;
};

static inline void given_check(
    const char *syntax, const struct given_row *rows, size_t n, bool rewrites)
{
	static struct given given;

	for (size_t i = 0; i < n; i++) {
		given_parse(&given, syntax, rows[i].line, strlen(rows[i].line), rewrites);
		if (strcmp(given.text, rows[i].gives) != 0)
			fail_msg("%s: `%s` gives %s, not %s", syntax, rows[i].line, given.text,
			    rows[i].gives);
	}
}

#endif
