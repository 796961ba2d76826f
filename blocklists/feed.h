/* feed.h - list texts to rules.  One file for each syntax (feed_*.c), chosen from a table.
 *
 * Lines end in LF or CRLF; the last may lack its end; a UTF-8 BOM is skipped; NUL bytes, Latin-1
 * comments and lines of a megabyte do no harm.  A line that is not understood is counted, reported
 * with its number, and never taken for another rule.
 */
#ifndef QUELL_FEED_H
#define QUELL_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/effect.h"
#include "blocklists/rule.h"
#include "lib/err.h"

/* Why a line gave no rule. */
enum feed_skip {
	FEED_BAD,      /* not understood */
	FEED_OWN_NAME, /* localhost and its kind */
	FEED_REWRITE,  /* an answer of the list's own for a name, in a list that may only block */
	FEED_BROWSER,  /* for browsers: element hiding, scripts, URL paths, kinds of requests */
	FEED_CLIENT,   /* for a client by its name or tag: not applied */
	FEED_BUDGET,   /* an expression over its budget */
	FEED_NOT_HERE, /* of the syntax, but no rule that a resolver of names can keep */
	FEED_SKIPS
};

struct feed_sink {
	void *ctx;
	bool rewrites; /* the list may give names answers of its own (option trust) */
	/* One rule; `line` counts from 1; kind is what the syntax says; what it points to is
	 * borrowed.  Not 0: stop with it. */
	int (*rule)(void *ctx, const struct rule *rule, uint64_t line);
	/* Equal rules of all lists are void ($badfilter); may be NULL.  Not 0: stop with it. */
	int (*cancel)(void *ctx, const struct rule *rule, uint64_t line);
	/* One line (or one name of it) that gave none; may be NULL.  `text` is borrowed,
	 * unterminated and raw: escape it before it is shown. */
	void (*skip)(void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len);
	/* What stands before text[bytes] is not looked at again; called now and then, once there was
	 * a rule; may be NULL. */
	void (*passed)(void *ctx, size_t bytes);
};

struct feed_counts {
	uint64_t lines;
	uint64_t rules; /* given to the sink, doubles and cancelling ones included */
	uint64_t skips[FEED_SKIPS];
	uint64_t first_bad_line; /* 0: none */
	uint64_t regex_work;	 /* of all expressions: feed_check_regex() */
};

struct feed_syntax {
	const char *name;	 /* as in the `syntax` option */
	const char *description; /* one line, for help texts */
	const char *example;	 /* a right line, for messages */
	/* The rules of one line, without its end, into the sink; counts rules and skips.  Returns 0
	 * or what the sink returned.  NULL where `text` is set. */
	int (*line)(const char *text, size_t len, uint64_t line, struct feed_sink *sink,
	    struct feed_counts *counts);
	/* A syntax whose rules may span lines: the whole text at once; counts lines too. */
	int (*text)(
	    const char *text, size_t len, struct feed_sink *sink, struct feed_counts *counts);
	/* How clearly one line speaks for this syntax: 0 not at all, 1 it could be, 2 only this. */
	int (*looks)(const char *text, size_t len);
};

/* NULL-terminated table, and a row of it by name (NULL: unknown; "auto" is not in it). */
extern const struct feed_syntax *const feed_syntaxes[];
const struct feed_syntax *feed_find(const char *name);

/* May a list's option `syntax` be this?  Returns 0, or ERR_FORMAT with what there is. */
int feed_check_name(const char *name, struct why *why) QUELL_CHECK;

/* Which syntax a text is in, from its first lines.  NULL, with the reason in `why`, where it is
 * none: a web page, an archive, an image, or nothing that looks like a list.  A text without any
 * line but comments is of the first syntax. */
const struct feed_syntax *feed_detect(const char *text, size_t len, struct why *why);

/* All lines of text[0..len).  `syntax` NULL: feed_detect().  Counts into *counts (zeroed first).
 * Returns 0; ERR_FORMAT with the reason in `why` where the text is no list, or has lines but not
 * one rule (then `why` names the first bad line and what would be right); or what the sink
 * returned.  A text of comments alone is a list without rules: 0. */
int feed_parse(const char *text, size_t len, const struct feed_syntax *syntax,
    struct feed_sink *sink, struct feed_counts *counts, struct why *why) QUELL_CHECK;

/* "not understood", ... */
const char *feed_skip_text(enum feed_skip reason);

/* ---- for feed_*.c ---- */

extern const struct feed_syntax feed_hosts, feed_domains, feed_wildcards, feed_adblock,
    feed_dnsmasq, feed_unbound, feed_smartdns, feed_rpz, feed_pihole_regex;

/* The lines of a text, one after the other. */
struct feed_lines {
	const char *text; /* of the line, its end and the blanks at both ends left out */
	size_t len;
	uint64_t number; /* from 1 */
	const char *next, *end;
};

void feed_lines_start(struct feed_lines *l, const char *text, size_t len);
bool feed_lines_next(struct feed_lines *l);

/* The next word (blanks are space and tab) of *text, `*len` bytes left: returns its length, 0 at
 * the end; *text then stands on it and *len counts from there. */
size_t feed_word(const char **text, size_t *len);

/* A host or domain name as lists have them, to a lower-case wire name: labels of letters, digits,
 * hyphen and underscore, the last of them not of digits alone (that is an address; RFC 3696, 2);
 * one dot may stand at the end.  False for anything else, the root included. */
bool feed_name(const char *text, size_t len, uint8_t name[NAME_SIZE], size_t *name_len);

/* The same, and names in other letters than ASCII become A-labels (UTS 46, libidn2). */
bool feed_host(const char *text, size_t len, uint8_t name[NAME_SIZE], size_t *name_len);

/* The family (AF_INET, AF_INET6) of an address, the latter with or without `%interface`, and its
 * bytes in network order; 0: it is none. */
int feed_address(const char *text, size_t len, uint8_t bytes[16]);
bool feed_is_address(const char *text, size_t len);

/* An address that lists point to in order to block: 0.0.0.0, 127.0.0.0/8, ::, ::1. */
bool feed_is_sink(int family, const uint8_t *bytes);
bool feed_is_sink_address(const char *text, size_t len);

/* Give the name text[0..len) (Unicode too: feed_host()) to the sink as a rule with `effect`, which
 * is finished (NULL: a plain block), or skip it as bad or the machine's own.  Returns 0 or what the
 * sink returned. */
int feed_give(const char *text, size_t len, enum rule_kind kind, const struct effect *effect,
    uint64_t line, struct feed_sink *sink, struct feed_counts *counts);

/* The same for a name with stars, each of which stands for any bytes, dots too: `ads*.example.com`
 * begins with a label (so it matches x.ads1.example.com as well), `*ads.example.com` anywhere; with
 * one at the end the names may go on.  Becomes a regex; one on everything is skipped as not for
 * here. */
int feed_give_glob(const char *text, size_t len, const struct effect *effect, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts);

/* Give a whole line as a plain block, if it is an ASCII name and not the machine's own, which most lines
 * are; else *given is false, and nothing was done. */
int feed_give_line(const char *text, size_t len, enum rule_kind kind, bool *given, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts);

/* Make `effect` a finished EFFECT_ANSWER that gives this address to queries for its type, and
 * nothing to others. */
void feed_answer_address(struct effect *effect, unsigned flags, int family, const uint8_t *bytes);

/* Make it a finished answer without records. */
void feed_answer_rcode(struct effect *effect, unsigned flags, uint8_t rcode);

/* Can the rule's expression be compiled within its budget, and within that of all expressions of the
 * list, FEED_REGEX_WORK_MAX?  Fills in what it costs.  Returns 0, ERR_FORMAT, ERR_LIMIT or
 * ERR_NOMEM. */
#define FEED_REGEX_WORK_MAX 10000000000u /* nodes looked at: about ten seconds */
int feed_check_regex(struct rule *rule, struct feed_counts *counts) QUELL_CHECK;

/* Give a rule that is ready; counts it.  An expression that does not fit beside those of before
 * (ERR_LIMIT of the sink) is skipped as FEED_BUDGET. */
int feed_give_rule(
    const struct rule *rule, uint64_t line, struct feed_sink *sink, struct feed_counts *counts);

void feed_skip(const char *text, size_t len, enum feed_skip reason, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts);

#endif
