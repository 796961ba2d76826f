/* why_text.h - where in the text of a list a rule stands: an image knows no lines, so the text is parsed
 * again.
 */
#ifndef QUELL_WHY_TEXT_H
#define QUELL_WHY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/explain.h"
#include "blocklists/feed.h"
#include "lib/conf.h"
#include "lib/err.h"

#define WHY_LINES_MAX	4 /* of one rule that are kept */
#define WHY_RULE_SIZE	(4 * EXPLAIN_RULE_SIZE)
#define WHY_PLACES_SIZE 128
#define WHY_AGE_SIZE	32

/* A list's text, and how it is read. */
struct why_text {
	const char *path;
	const struct feed_syntax *syntax; /* NULL: by content */
	enum conf_match match;
	bool rewrites; /* as in struct feed_sink */
};

/* A rule to be found, as it is shown: rule_text(), cut to EXPLAIN_RULE_SIZE - 1 bytes, escaped. */
struct why_rule {
	const char *text;
	/* --- filled in --- */
	uint64_t line[WHY_LINES_MAX]; /* the first of them, from 1 */
	unsigned n_lines;	      /* in all */
};

/* `rule` as struct why_rule has it.  Returns `text`. */
const char *why_rule_text(const struct rule *rule, char text[WHY_RULE_SIZE]);

/* Find rules[0..n) in the text, and when that was written (s since 1970).  Returns 0; ERR_NOTFOUND,
 * ERR_SYS where it cannot be read, ERR_FORMAT where it is no list's text, ERR_NOMEM. */
int why_text_find(const struct why_text *text, struct why_rule *rules, size_t n, int64_t *written_s,
    struct why *why) QUELL_CHECK;

/* "line 3", "lines 3, 7 and 12 more".  Returns `text`. */
const char *why_places(const struct why_rule *rule, char text[WHY_PLACES_SIZE]);

/* How long ago that was: "7 minutes", "3 hours", "12 days".  Returns `text`. */
const char *why_age(int64_t written_s, int64_t now_s, char text[WHY_AGE_SIZE]);

#endif
