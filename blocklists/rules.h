/* rules.h - the rules of the user's own and the pause, as a text that is the user's too.
 *
 *   # what is no rule stays as it is
 *   allow example.com                                                   and all below it
 *   block =www.example.net                                              this name alone
 *   block example.org with nxdomain                                     not as lists block
 *   allow cdn.example for 30m until 2026-11-21T15:31:05Z boot 5f0c2a81+7325.250  # the telly
 *   pause for 1h until ...
 *
 *   file --rules_read()--> lines --rules_apply(change)--> lines --> the workers (resolver/pack.h)
 *                            |  \--rules_expire()------/
 *                            \--rules_write()--> file
 *
 * A line with a mistake has no effect, and is kept.  A change that could not be written is made anew
 * on what is read later, until it can be.
 *
 * An expiry counts by the clock that runs since boot, which the file has behind `boot`, with the
 * beginning of the boot's ID.  After a reboot the wall clock says what is left, at most all of `for`:
 * it may not be set yet.  A `for` by the user's hand, without the rest, counts from when it is read.
 *
 * For one name there may be a rule without expiry and one with: as long as it lives, the latter
 * counts.  No clock is read here.
 */
#ifndef QUELL_RULES_H
#define QUELL_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/block_answer.h"
#include "lib/clock.h"
#include "lib/dns/name.h"
#include "lib/err.h"

#define RULES_MAX	4096   /* that count */
#define RULES_FILE_MAX	524288 /* bytes */
#define RULES_LINES_MAX 16384
#define RULES_FOR_MAX_S (3650 * 86400u)
#define RULES_BOOT_SIZE CLOCK_BOOT_SIZE
#define RULES_TEXT_SIZE 1536

/* What time it is. */
struct rules_clock {
	uint64_t boot_ms;	    /* clock_ms() */
	int64_t wall_s;		    /* since 1970, right or not */
	char boot[RULES_BOOT_SIZE]; /* clock_boot() */
};

enum rules_kind {
	RULES_TEXT, /* blank, or a comment */
	RULES_BAD,
	RULES_ALLOW,
	RULES_BLOCK,
	RULES_PAUSE,
	/* changes only */
	RULES_UNSET,
	RULES_RESUME,
};

/* A line of the file, or a change. */
struct rules_line {
	enum rules_kind kind;
	bool exact;
	uint8_t name[NAME_SIZE];    /* lower-case wire form */
	struct block_answer answer; /* of RULES_BLOCK; BLOCK_DEFAULT: as lists block */
	uint64_t for_ms;	    /* 0: without expiry */
	uint64_t expires_ms;	    /* by rules_clock.boot_ms */
	char *text;		    /* as it stands in the file, owned */
	char *note; /* the comment, or what is wrong with the line; NULL: none; owned */
};

struct rules {
	struct rules_line *lines;
	size_t n_lines, size;
	struct rules_line *pending; /* changes that the file does not have */
	size_t n_pending;
	unsigned n_rules; /* allow and block */
	char *disk;	  /* what the file has; NULL: it is not there */
	size_t disk_len;
	bool unread; /* what the file has is not known: it is not written */
};

void rules_init(struct rules *r);
void rules_fini(struct rules *r);

/* Take what the file has (nothing, where it is not there), and the changes that it has not.  Returns
 * 0; or ERR_SYS, ERR_DENIED, ERR_RANGE, ERR_NOMEM with the reason: then all stays as it was.  Cost: of
 * a file that has not changed, and has no mistake, reading it. */
int rules_read(
    struct rules *r, const char *path, const struct rules_clock *now, struct why *why) QUELL_CHECK;

/* Parse a change: `allow [=]NAME [for DURATION] [# COMMENT]`, `block [=]NAME [with ANSWER] ...` likewise,
 * `unset [=]NAME`, `pause [[for] DURATION]`, `resume`.  Returns 0 with *change, to be given to
 * rules_apply() or rules_line_fini(); ERR_FORMAT with the reason; ERR_NOMEM. */
int rules_parse_change(struct rules_line *change, const char *text, const struct rules_clock *now,
    struct why *why) QUELL_CHECK;
void rules_line_fini(struct rules_line *line);

/* Make the change, which becomes the callee's.  A rule without expiry takes the place of all rules on
 * its name, one with an expiry only of such.  Returns 0; ERR_NOTFOUND where there is nothing to
 * unset, ERR_LIMIT, ERR_NOMEM, with the reason: nothing has changed then. */
int rules_apply(struct rules *r, struct rules_line *change, const struct rules_clock *now,
    struct why *why) QUELL_CHECK;

/* Take out what has expired (also after rules_read()); whether there was any. */
bool rules_expire(struct rules *r, const struct rules_clock *now);

/* When the next one expires, by boot_ms; UINT64_MAX: never. */
uint64_t rules_next_ms(const struct rules *r);

/* Write the file, if it would be another: beside it, synced, renamed into its place.  Returns 0; or
 * ERR_TAKEN, where it is not what was read: to be read and written anew; or ERR_SYS, ERR_DENIED,
 * ERR_NOMEM with the reason.  The file is as it was then. */
int rules_write(struct rules *r, const char *path, struct why *why) QUELL_CHECK;

/* The pause that is in force; NULL: none. */
const struct rules_line *rules_pause(const struct rules *r);

/* The rules that cover `name` (lower-case wire form) in the order of precedence: at most `max` into
 * out, borrowed until the next change.  Returns how many; the first decides, unless there is a
 * pause. */
size_t rules_matches(
    const struct rules *r, const uint8_t *name, const struct rules_line **out, size_t max);

/* The number of a line in the file, from 1. */
size_t rules_number(const struct rules *r, const struct rules_line *line);

/* `allow =www.example.com left 29m10s # the telly`: for people.  Returns text. */
const char *rules_format(
    const struct rules_line *line, const struct rules_clock *now, char text[RULES_TEXT_SIZE]);

#endif
