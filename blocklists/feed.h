/* feed.h - list texts to rules.  One file for each syntax (feed_*.c), chosen from a table.
 *
 * Lines end in LF or CRLF; the last may lack its end; a UTF-8 BOM is skipped; NUL bytes, Latin-1
 * comments and lines of a megabyte do no harm.  A line that is not understood is counted, reported
 * with its number, and never taken for another rule.
 */
#ifndef QUELL_FEED_H
#define QUELL_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "blocklists/rule.h"
#include "lib/err.h"

/* Why a line gave no rule. */
enum feed_skip {
	FEED_BAD,      /* not understood */
	FEED_OWN_NAME, /* localhost and its kind */
	FEED_REWRITE,  /* a hosts line with a real address: a publisher may only block */
	FEED_SKIPS
};

struct feed_sink {
	void *ctx;
	/* One rule; `line` counts from 1; kind is what the syntax says.  Not 0: stop with it. */
	int (*rule)(
	    void *ctx, const uint8_t *name, size_t name_len, enum rule_kind kind, uint64_t line);
	/* One line (or one name of it) that gave none; may be NULL.  `text` is borrowed, unterminated
	 * and raw: escape it before it is shown. */
	void (*skip)(void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len);
};

struct feed_counts {
	uint64_t lines;
	uint64_t rules; /* names given to the sink, doubles included */
	uint64_t skips[FEED_SKIPS];
	uint64_t first_bad_line; /* 0: none */
};

struct feed_syntax {
	const char *name;	 /* as in the `syntax` option */
	const char *description; /* one line, for help texts */
	/* Lines of 100 that look like this syntax alone: see feed_detect(). */
	int (*line)(const char *text, size_t len, uint64_t line, struct feed_sink *sink,
	    struct feed_counts *counts);
	/* How clearly one line speaks for this syntax: 0 not at all, 1 it could be, 2 only this. */
	int (*looks)(const char *text, size_t len);
};

/* NULL-terminated table, and a row of it by name (NULL: unknown; "auto" is not in it). */
extern const struct feed_syntax *const feed_syntaxes[];
const struct feed_syntax *feed_find(const char *name);

/* Which syntax a text is in, from its first lines.  NULL, with the reason in `why`, where it is none:
 * a web page, an archive, an image, or nothing that looks like a list.  A text without any line but
 * comments is of the first syntax. */
const struct feed_syntax *feed_detect(const char *text, size_t len, struct why *why);

/* All lines of text[0..len).  `syntax` NULL: feed_detect().  Counts into *counts (zeroed first).
 * Returns 0; ERR_FORMAT with the reason in `why` where the text is no list, or has lines but not one
 * rule (then `why` names the first bad line and what would be right); or what the sink returned. */
int feed_parse(const char *text, size_t len, const struct feed_syntax *syntax,
    struct feed_sink *sink, struct feed_counts *counts, struct why *why) QUELL_CHECK;

/* "not understood", ... */
const char *feed_skip_text(enum feed_skip reason);

#endif
