/* rules.c - lines of the user's own rules: read, changed, written. */
#include "blocklists/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "blocklists/feed.h"
#include "lib/conf.h"
#include "lib/file.h"

#define BLANKS	   " \t\r"
#define TIME_SIZE  32 /* 2026-11-21T15:31:05Z, with years of any length */
#define NOTE_SHOWN 200
/* Of the longest line: block NAME with A... for D until T boot B, and one too many. */
#define WORDS_MAX (9 + 1 + 2 * BLOCK_ADDRESSES_MAX)
#define WITH_SIZE (BLOCK_TEXT_SIZE + 8)

/* What a new file begins with. */
static const char *const header[] = {
    "# Rules of this network, before all lists; see quellctl(8).  A line may be changed by hand:",
    "# run `quellctl reload` then.",
};

#define N_HEADER (sizeof(header) / sizeof(header[0]))

static const char *const verbs[] = {
    [RULES_ALLOW] = "allow",
    [RULES_BLOCK] = "block",
    [RULES_PAUSE] = "pause",
    [RULES_UNSET] = "unset",
    [RULES_RESUME] = "resume",
};

static bool is_rule(const struct rules_line *line)
{
	return line->kind == RULES_ALLOW || line->kind == RULES_BLOCK;
}

static bool is_change(const struct rules_line *line)
{
	return line->kind == RULES_UNSET || line->kind == RULES_RESUME;
}

void rules_init(struct rules *r)
{
	*r = (struct rules){0};
}

void rules_line_fini(struct rules_line *line)
{
	free(line->text);
	free(line->note);
	*line = (struct rules_line){0};
}

static void free_lines(struct rules_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		rules_line_fini(&lines[i]);
	free(lines);
}

void rules_fini(struct rules *r)
{
	free_lines(r->lines, r->n_lines);
	free_lines(r->pending, r->n_pending);
	free(r->disk);
	rules_init(r);
}

/* ---- durations and times ---- */

static const struct unit {
	const char *text;
	uint64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

/* As conf_parse_duration() reads it: in the largest unit that leaves no rest. */
static void format_for(uint64_t ms, char text[TIME_SIZE])
{
	size_t i = 0;

	while (ms % units[i].ms != 0)
		i++;
	(void)snprintf(text, TIME_SIZE, "%" PRIu64 "%s", ms / units[i].ms, units[i].text);
}

/* For people: "1d2h", "29m10s", "9s"; a second that has begun counts. */
static void format_left(uint64_t ms, char text[TIME_SIZE])
{
	size_t i = 0, used;

	if (ms == 0) {
		(void)snprintf(text, TIME_SIZE, "0s");
		return;
	}
	ms = (ms + 999) / 1000 * 1000;
	while (i < 3 && ms < units[i].ms)
		i++;
	used = (size_t)snprintf(text, TIME_SIZE, "%" PRIu64 "%s", ms / units[i].ms, units[i].text);
	ms %= units[i].ms;
	if (i < 3 && ms / units[i + 1].ms != 0)
		(void)snprintf(text + used, TIME_SIZE - used, "%" PRIu64 "%s", ms / units[i + 1].ms,
		    units[i + 1].text);
}

static void format_wall(int64_t wall_s, char text[TIME_SIZE])
{
	time_t seconds = (time_t)wall_s;
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(text, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool parse_wall(const char *text, int64_t *wall_s)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (end == NULL || *end != '\0')
		return false;
	*wall_s = timegm(&tm);
	return true;
}

/* ---- the text of a line ---- */

/* " with nxdomain", or nothing.  Returns `text`. */
static const char *format_with(const struct rules_line *line, char text[WITH_SIZE])
{
	char words[BLOCK_TEXT_SIZE];

	text[0] = '\0';
	if (line->answer.mode != BLOCK_DEFAULT)
		(void)snprintf(
		    text, WITH_SIZE, " with %s", block_answer_text(&line->answer, words));
	return text;
}

/* The text of a rule or pause made by quelld, into line->text.  Returns 0 or ERR_NOMEM. */
static int compose(struct rules_line *line, const struct rules_clock *now)
{
	char name[NAME_TEXT_SIZE] = "", span[TIME_SIZE], until[TIME_SIZE], timed[160] = "";
	char with[WITH_SIZE];
	int64_t left_s;
	char *text;

	if (line->kind != RULES_PAUSE)
		(void)name_to_text(line->name, name);
	if (line->for_ms != 0) {
		left_s = ((int64_t)line->expires_ms - (int64_t)now->boot_ms + 999) / 1000;
		format_for(line->for_ms, span);
		format_wall(now->wall_s + left_s, until);
		(void)snprintf(timed, sizeof(timed), " for %s until %s boot %s+%" PRIu64 ".%03u",
		    span, until, now->boot, line->expires_ms / 1000,
		    (unsigned)(line->expires_ms % 1000));
	}
	if (asprintf(&text, "%s%s%s%s%s%s%s%s", verbs[line->kind],
		line->kind != RULES_PAUSE ? " " : "", line->exact ? "=" : "", name,
		format_with(line, with), timed, line->note != NULL ? "  # " : "",
		line->note != NULL ? line->note : "") < 0)
		return ERR_NOMEM;
	free(line->text);
	line->text = text;
	return 0;
}

/* What could steer a terminal, or end a line. */
static void blank_controls(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

/* Cut the comment off `text`: it begins with a # that is the first sign, or behind a blank.  Without
 * the blanks around it; NULL: none. */
static char *cut_comment(char *text)
{
	char *mark = text, *end;

	for (; (mark = strchr(mark, '#')) != NULL; mark++) {
		if (mark == text || mark[-1] == ' ' || mark[-1] == '\t')
			break;
	}
	if (mark == NULL)
		return NULL;
	*mark++ = '\0';
	mark += strspn(mark, BLANKS);
	end = mark + strlen(mark);
	while (end > mark && strchr(BLANKS, end[-1]) != NULL)
		*--end = '\0';
	blank_controls(mark);
	return *mark != '\0' ? mark : NULL;
}

/* ---- words to a line ---- */

struct words {
	char *word[WORDS_MAX];
	unsigned n, at;
};

static const char *next_word(struct words *w)
{
	return w->at < w->n ? w->word[w->at++] : NULL;
}

/* The word behind `key`, where that comes next; NULL: it does not, or nothing is behind it. */
static const char *value_of(struct words *w, const char *key)
{
	if (w->at + 1 >= w->n || strcmp(w->word[w->at], key) != 0)
		return NULL;
	w->at += 2;
	return w->word[w->at - 1];
}

static int parse_name(struct rules_line *line, const char *text, struct why *why)
{
	const char *verb = verbs[line->kind];
	size_t len;

	if (text == NULL)
		return why_set(
		    why, ERR_FORMAT, "which name? write it as: %s www.example.com", verb);
	line->exact = text[0] == '=';
	text += line->exact;
	if (strcmp(text, ".") == 0) {
		line->name[0] = 0;
		return 0;
	}
	if (feed_host(text, strlen(text), line->name, &len))
		return 0;
	if (strncmp(text, "*.", 2) == 0 && feed_host(text + 2, strlen(text + 2), line->name, &len))
		return why_set(why, ERR_FORMAT,
		    "'%.300s': write it as: %s %.100s, which covers all below it, too", text, verb,
		    text + 2);
	return why_set(
	    why, ERR_FORMAT, "'%.300s' is not a name; write it as: %s www.example.com", text, verb);
}

/* `with ANSWER`, or nothing. */
static int parse_with(struct rules_line *line, struct words *w, struct why *why)
{
	const char *word = value_of(w, "with");
	int err = 0;

	for (unsigned i = 0; word != NULL && err == 0; i++) {
		err = block_answer_add(&line->answer, i, word, why);
		word = w->at < w->n && strcmp(w->word[w->at], "for") != 0 ? next_word(w) : NULL;
	}
	return err;
}

/* `5f0c2a81+7325.250`: seconds since the boot of that ID, in ms; false: it is not this boot's. */
static bool parse_boot(const char *text, const struct rules_clock *now, uint64_t *at_ms)
{
	unsigned long long seconds;
	unsigned ms;
	int len = 0;

	if (strncmp(text, now->boot, RULES_BOOT_SIZE - 1) != 0 ||
	    sscanf(text + RULES_BOOT_SIZE - 1, "+%12llu.%3u%n", &seconds, &ms, &len) != 2 ||
	    text[RULES_BOOT_SIZE - 1 + len] != '\0')
		return false;
	*at_ms = seconds * 1000 + ms;
	return true;
}

/* When it expires, by the stamp that quelld put behind `for`. */
static int parse_stamp(struct rules_line *line, const char *until, const char *boot,
    const struct rules_clock *now, struct why *why)
{
	uint64_t left_ms;
	int64_t wall_s;

	if (!parse_wall(until, &wall_s))
		return why_set(
		    why, ERR_FORMAT, "'%.100s' is not a time; write only: for 30m", until);
	if (boot != NULL && parse_boot(boot, now, &line->expires_ms) &&
	    line->expires_ms <= now->boot_ms + line->for_ms)
		return 0;
	if (wall_s <= now->wall_s) {
		line->expires_ms = now->boot_ms;
		return 0;
	}
	left_ms = (uint64_t)(wall_s - now->wall_s);
	left_ms = left_ms < RULES_FOR_MAX_S ? left_ms * 1000 : line->for_ms;
	line->expires_ms = now->boot_ms + (left_ms < line->for_ms ? left_ms : line->for_ms);
	return 0;
}

/* `for DURATION [until TIME [boot BOOT]]`, or nothing; *stamp: the line is to be written with a new
 * one. */
static int parse_for(struct rules_line *line, struct words *w, const struct rules_clock *now,
    bool *stamp, struct why *why)
{
	const char *span = value_of(w, "for"), *until, *boot;

	if (span == NULL && line->kind == RULES_PAUSE)
		span = next_word(w); /* pause 30m */
	if (span == NULL)
		return 0;
	if (conf_parse_duration(&line->for_ms, span, why) < 0)
		return ERR_FORMAT;
	if (line->for_ms == 0 || line->for_ms > (uint64_t)RULES_FOR_MAX_S * 1000)
		return why_set(why, ERR_FORMAT, "'%.100s' is out of range: it may be up to %ud",
		    span, RULES_FOR_MAX_S / 86400);
	line->expires_ms = now->boot_ms + line->for_ms;
	until = value_of(w, "until");
	boot = until != NULL ? value_of(w, "boot") : NULL;
	*stamp = boot == NULL || strncmp(boot, now->boot, strlen(now->boot)) != 0;
	return until != NULL ? parse_stamp(line, until, boot, now, why) : 0;
}

static enum rules_kind kind_of(const char *verb, bool change)
{
	for (enum rules_kind kind = RULES_ALLOW; kind <= RULES_RESUME; kind++) {
		if (strcmp(verb, verbs[kind]) == 0 && (change || kind < RULES_UNSET))
			return kind;
	}
	return RULES_BAD;
}

/* The words of a line that has some. */
static int parse_words(struct rules_line *line, struct words *w, const struct rules_clock *now,
    bool change, bool *stamp, struct why *why)
{
	const char *verb = next_word(w);
	int err = 0;

	line->kind = kind_of(verb, change);
	if (line->kind == RULES_BAD)
		return why_set(why, ERR_FORMAT,
		    "'%.100s' is not known; a line is: allow NAME, block NAME or pause", verb);
	if (line->kind != RULES_PAUSE && line->kind != RULES_RESUME)
		err = parse_name(line, next_word(w), why);
	if (err == 0 && line->kind == RULES_BLOCK)
		err = parse_with(line, w, why);
	if (err == 0 && !is_change(line))
		err = parse_for(line, w, now, stamp, why);
	if (err == 0 && w->at < w->n)
		return why_set(why, ERR_FORMAT,
		    "'%.100s' is not expected here; what may follow is: %sfor 30m # a comment",
		    w->word[w->at], line->kind == RULES_BLOCK ? "with nxdomain " : "");
	return err;
}

/* `text` to a line without text; *stamp as for parse_for().  Returns 0, ERR_FORMAT with the reason or
 * ERR_NOMEM. */
static int parse(struct rules_line *line, const char *text, const struct rules_clock *now,
    bool change, bool *stamp, struct why *why)
{
	char *copy = strdup(text), *note, *at = copy, *word;
	struct words w = {.n = 0};
	int err = ERR_NOMEM;

	*line = (struct rules_line){.kind = RULES_TEXT};
	*stamp = false;
	if (copy == NULL)
		return why_set(why, err, "no memory");
	note = cut_comment(copy);
	while (w.n < WORDS_MAX && (word = strsep(&at, BLANKS)) != NULL) {
		if (*word != '\0')
			w.word[w.n++] = word;
	}
	err = w.n != 0 ? parse_words(line, &w, now, change, stamp, why) : 0;
	if (err == 0 && note != NULL && line->kind != RULES_TEXT) {
		line->note = strdup(note);
		if (line->note == NULL)
			err = why_set(why, ERR_NOMEM, "no memory");
	}
	free(copy);
	return err;
}

int rules_parse_change(
    struct rules_line *change, const char *text, const struct rules_clock *now, struct why *why)
{
	bool stamp;
	int err = parse(change, text, now, true, &stamp, why);

	if (err == 0 && change->kind == RULES_TEXT)
		err = why_set(why, ERR_FORMAT, "there is nothing to do");
	if (err < 0)
		rules_line_fini(change);
	return err;
}

/* ---- lines ---- */

/* Is `line` what `change` is about?  One with an expiry leaves the rule without alone. */
static bool concerns(const struct rules_line *change, const struct rules_line *line)
{
	if (change->kind == RULES_PAUSE || change->kind == RULES_RESUME)
		return line->kind == RULES_PAUSE || line->kind == RULES_RESUME;
	return (is_rule(line) || line->kind == RULES_UNSET) && line->exact == change->exact &&
	       (change->for_ms == 0 || line->for_ms != 0) && name_equal(line->name, change->name);
}

static int make_room(struct rules *r)
{
	size_t size = r->size != 0 ? 2 * r->size : 16;
	struct rules_line *lines;

	if (r->n_lines < r->size)
		return 0;
	lines = realloc(r->lines, size * sizeof(*lines));
	if (lines == NULL)
		return ERR_NOMEM;
	r->lines = lines;
	r->size = size;
	return 0;
}

static void count(struct rules *r)
{
	r->n_rules = 0;
	for (size_t i = 0; i < r->n_lines; i++)
		r->n_rules += is_rule(&r->lines[i]);
}

/* Take out what `change` is about, but for the first, where `spare`; its place into *first. */
static void take_out(struct rules *r, const struct rules_line *change, bool spare, size_t *first)
{
	size_t to = 0;

	*first = r->n_lines;
	for (size_t i = 0; i < r->n_lines; i++) {
		if (!concerns(change, &r->lines[i])) {
			r->lines[to++] = r->lines[i];
		} else if (spare && *first == r->n_lines) {
			*first = to;
			r->lines[to++] = r->lines[i];
		} else {
			rules_line_fini(&r->lines[i]);
		}
	}
	if (*first == r->n_lines)
		*first = to;
	r->n_lines = to;
}

/* A copy of a line or change.  Returns 0 or ERR_NOMEM. */
static int copy_line(struct rules_line *to, const struct rules_line *from)
{
	*to = *from;
	to->text = from->text != NULL ? strdup(from->text) : NULL;
	to->note = from->note != NULL ? strdup(from->note) : NULL;
	if ((from->text == NULL || to->text != NULL) && (from->note == NULL || to->note != NULL))
		return 0;
	rules_line_fini(to);
	return ERR_NOMEM;
}

/* A file that is not there yet begins with the header.  Returns 0 or ERR_NOMEM. */
static int add_header(struct rules *r)
{
	if (r->disk != NULL || r->n_lines != 0)
		return 0;
	for (size_t i = 0; i < N_HEADER; i++) {
		char *text = strdup(header[i]);

		if (text == NULL || make_room(r) < 0) {
			free(text);
			return ERR_NOMEM;
		}
		r->lines[r->n_lines++] = (struct rules_line){.kind = RULES_TEXT, .text = text};
	}
	return 0;
}

/* Make the change on the lines, for which there is room; it becomes a line, or is freed. */
static void change_lines(struct rules *r, struct rules_line *change)
{
	bool sets = !is_change(change);
	size_t first;

	take_out(r, change, sets, &first);
	if (!sets) {
		rules_line_fini(change);
	} else if (first < r->n_lines) {
		rules_line_fini(&r->lines[first]);
		r->lines[first] = *change;
	} else {
		r->lines[r->n_lines++] = *change;
	}
	count(r);
}

/* Keep `change` (copied) until the file has it, in the place of what it overrides. */
static int remember(struct rules *r, const struct rules_line *change)
{
	struct rules_line *pending = realloc(r->pending, (r->n_pending + 1) * sizeof(*pending));
	struct rules_line copy;
	size_t to = 0;

	if (pending == NULL)
		return ERR_NOMEM;
	r->pending = pending;
	if (copy_line(&copy, change) < 0)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->n_pending; i++) {
		if (concerns(change, &pending[i]))
			rules_line_fini(&pending[i]);
		else
			pending[to++] = pending[i];
	}
	pending[to++] = copy;
	r->n_pending = to;
	return 0;
}

/* The comment stays, where only the time changes. */
static int keep_note(const struct rules *r, struct rules_line *change)
{
	for (size_t i = 0; i < r->n_lines && change->note == NULL; i++) {
		const struct rules_line *line = &r->lines[i];

		if (line->kind != change->kind || line->note == NULL || !concerns(change, line))
			continue;
		change->note = strdup(line->note);
		return change->note != NULL ? 0 : ERR_NOMEM;
	}
	return 0;
}

static bool any_concerned(const struct rules *r, const struct rules_line *change)
{
	for (size_t i = 0; i < r->n_lines; i++) {
		if (concerns(change, &r->lines[i]))
			return true;
	}
	return false;
}

/* Can the change be made? */
static int check_change(const struct rules *r, const struct rules_line *change, struct why *why)
{
	char name[NAME_TEXT_SIZE];

	if (change->kind == RULES_UNSET && !any_concerned(r, change))
		return why_set(why, ERR_NOTFOUND,
		    "there is no rule for %s%.255s: quellctl rules shows those there are",
		    change->exact ? "=" : "", name_to_text(change->name, name));
	if (is_rule(change) && r->n_rules >= RULES_MAX && !any_concerned(r, change))
		return why_set(why, ERR_LIMIT, "there are %d rules, and no more may be", RULES_MAX);
	return 0;
}

int rules_apply(
    struct rules *r, struct rules_line *change, const struct rules_clock *now, struct why *why)
{
	int err = check_change(r, change, why);

	if (err == 0 && (keep_note(r, change) < 0 || (!is_change(change) && add_header(r) < 0) ||
			    make_room(r) < 0 || (!is_change(change) && compose(change, now) < 0) ||
			    remember(r, change) < 0))
		err = why_set(why, ERR_NOMEM, "no memory");
	if (err == 0)
		change_lines(r, change);
	else
		rules_line_fini(change);
	return err;
}

/* ---- reading ---- */

/* Some editors begin a file with the signature of UTF-8 (RFC 3629, 6). */
static size_t signature_len(const char *text)
{
	static const char signature[] = "\xef\xbb\xbf";

	return strncmp(text, signature, sizeof(signature) - 1) == 0 ? sizeof(signature) - 1 : 0;
}

/* One line of the file into r. */
static int add_line(struct rules *r, const char *text, const struct rules_clock *now)
{
	struct rules_line *line;
	struct why why;
	bool stamp;
	int err;

	if (make_room(r) < 0)
		return ERR_NOMEM;
	line = &r->lines[r->n_lines];
	err = parse(
	    line, text + (r->n_lines == 0 ? signature_len(text) : 0), now, false, &stamp, &why);
	if (err == 0 && is_rule(line) && r->n_rules >= RULES_MAX)
		err = why_set(&why, ERR_FORMAT, "only the first %d rules count", RULES_MAX);
	if (err == ERR_FORMAT) {
		rules_line_fini(line);
		line->kind = RULES_BAD;
		stamp = false;
		line->note = strdup(why.text);
		err = line->note != NULL ? 0 : ERR_NOMEM;
	}
	if (err == 0 && stamp) {
		err = compose(line, now);
	} else if (err == 0) {
		line->text = strdup(text);
		err = line->text != NULL ? 0 : ERR_NOMEM;
	}
	if (err < 0) {
		rules_line_fini(line);
		return err;
	}
	r->n_lines++;
	r->n_rules += is_rule(line);
	return 0;
}

/* All of the file, which is changed, into r. */
static int add_text(
    struct rules *r, char *text, size_t len, const struct rules_clock *now, struct why *why)
{
	char *end = text + len, *line = text;

	while (line < end) {
		char *stop = memchr(line, '\n', (size_t)(end - line));

		if (stop == NULL)
			stop = end;
		*stop = '\0';
		if (strlen(line) != (size_t)(stop - line))
			return why_set(why, ERR_FORMAT, "line %zu is not text", r->n_lines + 1);
		if (r->n_lines == RULES_LINES_MAX)
			return why_set(
			    why, ERR_RANGE, "it has more than %d lines", RULES_LINES_MAX);
		if (add_line(r, line, now) < 0)
			return why_set(why, ERR_NOMEM, "no memory");
		line = stop + 1;
	}
	return 0;
}

/* The whole file; *text NULL: it is not there. */
static int read_text(const char *path, char **text, size_t *len, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
	struct stat st;

	*text = NULL;
	*len = 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return why_set(why, errno == EACCES ? ERR_DENIED : ERR_SYS, "%s", strerror(errno));
	/* A pipe that nobody writes would be an empty file. */
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		err = why_set(why, ERR_FORMAT, "this is a pipe");
	else
		err = file_read(fd, "the file", RULES_FILE_MAX, text, len, why);
	(void)close(fd);
	return err;
}

/* The changes that the file has not. */
static int add_pending(struct rules *r, const struct rules *old)
{
	for (size_t i = 0; i < old->n_pending; i++) {
		struct rules_line copy;

		if ((!is_change(&old->pending[i]) && add_header(r) < 0) || make_room(r) < 0 ||
		    copy_line(&copy, &old->pending[i]) < 0)
			return ERR_NOMEM;
		change_lines(r, &copy);
	}
	return 0;
}

/* Is text[0..len) (NULL: no file) what the file had when it was read? */
static bool is_disk(const struct rules *r, const char *text, size_t len)
{
	if (text == NULL || r->disk == NULL)
		return text == NULL && r->disk == NULL;
	return len == r->disk_len && memcmp(text, r->disk, len) == 0;
}

/* Are the lines what text[0..len) comes to?  What a line with a mistake comes to may depend on the
 * others. */
static bool is_known(const struct rules *r, const char *text, size_t len)
{
	if (text == NULL || !is_disk(r, text, len))
		return false;
	for (size_t i = 0; i < r->n_lines; i++) {
		if (r->lines[i].kind == RULES_BAD)
			return false;
	}
	return true;
}

int rules_read(struct rules *r, const char *path, const struct rules_clock *now, struct why *why)
{
	struct rules next = {0};
	struct why reason;
	char *copy = NULL;
	int err = read_text(path, &next.disk, &next.disk_len, &reason);

	if (err == 0 && is_known(r, next.disk, next.disk_len)) {
		free(next.disk);
		r->unread = false;
		return 0;
	}
	if (err == 0 && next.disk != NULL) {
		copy = malloc(next.disk_len + 1);
		if (copy == NULL) {
			err = why_set(&reason, ERR_NOMEM, "no memory");
			goto out;
		}
		memcpy(copy, next.disk, next.disk_len + 1);
		err = add_text(&next, copy, next.disk_len, now, &reason);
	}
	if (err == 0 && add_pending(&next, r) < 0)
		err = why_set(&reason, ERR_NOMEM, "no memory");
out:
	free(copy);
	r->unread = err < 0;
	if (err < 0) {
		rules_fini(&next);
		return why_set(why, err, "%.200s: %.250s", path, reason.text);
	}
	next.pending = r->pending;
	next.n_pending = r->n_pending;
	r->pending = NULL;
	r->n_pending = 0;
	rules_fini(r);
	*r = next;
	return 0;
}

/* ---- time ---- */

static bool has_expired(const struct rules_line *line, const struct rules_clock *now)
{
	return line->for_ms != 0 && line->expires_ms <= now->boot_ms;
}

bool rules_expire(struct rules *r, const struct rules_clock *now)
{
	size_t to = 0, n = r->n_lines;

	for (size_t i = 0; i < r->n_lines; i++) {
		if (has_expired(&r->lines[i], now))
			rules_line_fini(&r->lines[i]);
		else
			r->lines[to++] = r->lines[i];
	}
	r->n_lines = to;
	count(r);
	return to != n;
}

uint64_t rules_next_ms(const struct rules *r)
{
	uint64_t next_ms = UINT64_MAX;

	for (size_t i = 0; i < r->n_lines; i++) {
		const struct rules_line *line = &r->lines[i];

		if (line->for_ms != 0 && line->expires_ms < next_ms)
			next_ms = line->expires_ms;
	}
	return next_ms;
}

/* ---- writing ---- */

/* The file's text: *text is the caller's. */
static int make_text(const struct rules *r, char **text, size_t *len)
{
	size_t size = 1, at = 0;

	for (size_t i = 0; i < r->n_lines; i++)
		size += strlen(r->lines[i].text) + 1;
	*text = malloc(size);
	if (*text == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->n_lines; i++)
		at = (size_t)(stpcpy(stpcpy(*text + at, r->lines[i].text), "\n") - *text);
	(*text)[at] = '\0';
	*len = at;
	return 0;
}

static int sys_error(const char *what, struct why *why)
{
	return why_set(why, errno == EACCES || errno == EROFS ? ERR_DENIED : ERR_SYS, "%.400s: %s",
	    what, strerror(errno));
}

/* A new file beside `path`, with the rights of the old one. */
static int write_beside(
    const char *path, const char *temp, const char *text, size_t len, struct why *why)
{
	struct stat st;
	int fd, err;

	/* What a run that was killed has left there need not be ours. */
	(void)unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
	if (fd < 0)
		return sys_error(temp, why);
	if (stat(path, &st) == 0)
		(void)fchmod(fd, st.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO));
	err = file_write(fd, temp, text, len, why);
	if (err == 0 && fsync(fd) != 0)
		err = sys_error(temp, why);
	if (close(fd) != 0 && err == 0)
		err = sys_error(temp, why);
	if (err != 0)
		(void)unlink(temp);
	return err;
}

/* Has the file what it had when it was read? */
static int check_disk(const struct rules *r, const char *path, struct why *why)
{
	struct why reason;
	char *text;
	size_t len;
	int err = read_text(path, &text, &len, &reason);

	if (err < 0)
		return why_set(why, err, "%.200s: %.250s", path, reason.text);
	if (!is_disk(r, text, len))
		err = why_set(why, ERR_TAKEN, "%.400s: somebody else is writing it", path);
	free(text);
	return err;
}

/* Put `temp` at `target`.  Who has opened the old file may still be writing into it: it is looked at
 * when all is done, and put back where it is not what was read. */
static int swap(const struct rules *r, const char *temp, const char *target, struct why *why)
{
	bool kept =
	    r->disk != NULL && renameat2(AT_FDCWD, temp, AT_FDCWD, target, RENAME_EXCHANGE) == 0;
	int err = 0;

	if (!kept && rename(temp, target) != 0)
		return sys_error(target, why);
	file_sync_folder(target);
	if (!kept)
		return 0;
	err = check_disk(r, temp, why);
	if (err < 0 && rename(temp, target) == 0)
		return err;
	if (err < 0)
		return sys_error(temp, why);
	(void)unlink(temp);
	return 0;
}

static int replace(
    const struct rules *r, const char *path, const char *text, size_t len, struct why *why)
{
	char target[PATH_MAX], temp[PATH_MAX + 8];
	int err;

	/* A link stays one. */
	if (realpath(path, target) == NULL)
		(void)snprintf(target, sizeof(target), "%s", path);
	(void)snprintf(temp, sizeof(temp), "%s.new", target);
	err = write_beside(target, temp, text, len, why);
	if (err < 0)
		return err;
	err = check_disk(r, target, why);
	if (err < 0)
		(void)unlink(temp);
	return err < 0 ? err : swap(r, temp, target, why);
}

static void forget_pending(struct rules *r)
{
	free_lines(r->pending, r->n_pending);
	r->pending = NULL;
	r->n_pending = 0;
}

int rules_write(struct rules *r, const char *path, struct why *why)
{
	char *text;
	size_t len;
	int err;

	if (r->unread)
		return why_set(why, ERR_DENIED, "%.400s: it could not be read, so it stays", path);
	if (r->disk == NULL && r->n_lines == 0) {
		forget_pending(r);
		return 0;
	}
	if (make_text(r, &text, &len) < 0)
		return why_set(why, ERR_NOMEM, "no memory");
	err = r->disk != NULL && len == r->disk_len && memcmp(text, r->disk, len) == 0
		  ? 0
		  : replace(r, path, text, len, why);
	if (err < 0) {
		free(text);
		return err;
	}
	free(r->disk);
	r->disk = text;
	r->disk_len = len;
	forget_pending(r);
	return 0;
}

/* ---- what is in force ---- */

const struct rules_line *rules_pause(const struct rules *r)
{
	const struct rules_line *pause = NULL;

	for (size_t i = 0; i < r->n_lines; i++) {
		const struct rules_line *line = &r->lines[i];

		if (line->kind != RULES_PAUSE)
			continue;
		/* Of several written by hand the one that lasts longest. */
		if (pause == NULL || line->for_ms == 0 ||
		    (pause->for_ms != 0 && line->expires_ms > pause->expires_ms))
			pause = line;
	}
	return pause;
}

/* ---- for people ---- */

/* Does `a` come before `b`, of two rules that cover a name? */
static bool precedes(const struct rules_line *a, const struct rules_line *b)
{
	unsigned a_labels = name_labels(a->name), b_labels = name_labels(b->name);

	if (a->exact != b->exact)
		return a->exact;
	if (a_labels != b_labels)
		return a_labels > b_labels;
	if ((a->for_ms != 0) != (b->for_ms != 0))
		return a->for_ms != 0;
	return a->kind == RULES_ALLOW && b->kind == RULES_BLOCK;
}

size_t rules_matches(
    const struct rules *r, const uint8_t *name, const struct rules_line **out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_lines; i++) {
		const struct rules_line *line = &r->lines[i];
		size_t at;

		if (!is_rule(line) ||
		    !(line->exact ? name_equal(name, line->name) : name_in_zone(name, line->name)))
			continue;
		if (n < max)
			n++;
		else if (n == 0 || !precedes(line, out[n - 1]))
			continue;
		for (at = n - 1; at > 0 && precedes(line, out[at - 1]); at--)
			out[at] = out[at - 1];
		out[at] = line;
	}
	return n;
}

size_t rules_number(const struct rules *r, const struct rules_line *line)
{
	return (size_t)(line - r->lines) + 1;
}

const char *rules_format(
    const struct rules_line *line, const struct rules_clock *now, char text[RULES_TEXT_SIZE])
{
	char name[NAME_TEXT_SIZE] = "", left[TIME_SIZE] = "", with[WITH_SIZE];

	if (line->kind != RULES_PAUSE && line->kind != RULES_RESUME)
		(void)name_to_text(line->name, name);
	if (line->for_ms != 0)
		format_left(
		    line->expires_ms > now->boot_ms ? line->expires_ms - now->boot_ms : 0, left);
	(void)snprintf(text, RULES_TEXT_SIZE, "%s%s%s%s%s%s%s%s%.*s", verbs[line->kind],
	    name[0] != '\0' ? " " : "", line->exact ? "=" : "", name, format_with(line, with),
	    left[0] != '\0' ? " left " : "", left, line->note != NULL ? " # " : "", NOTE_SHOWN,
	    line->note != NULL ? line->note : "");
	return text;
}
