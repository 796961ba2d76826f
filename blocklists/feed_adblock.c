/* feed_adblock.c - Adblock lists, as AdGuard's DNS filtering syntax reads them.
 *
 *   [@@] PATTERN [$modifiers]       PATTERN: a mask of the host name, or /expression/
 *
 * Besides these there may be lines of hosts files, and plain domains, which stand for themselves
 * alone.  What is for browsers is told by its form, counted, and left out.
 */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "blocklists/adblock.h"
#include "blocklists/regex.h"

#define SHORT_MASK 3 /* bytes that a mask without a beginning must have */

/* Where the rules of a line go. */
struct out {
	const char *text; /* the line */
	size_t len;
	uint64_t line;
	struct feed_sink *sink;
	struct feed_counts *counts;
};

static int skip(const struct out *out, enum feed_skip reason)
{
	feed_skip(out->text, out->len, reason, out->line, out->sink, out->counts);
	return 0;
}

/* Give `rule`, or take its equals away. */
static int give(struct rule *rule, const struct adblock_modifiers *m, const struct out *out)
{
	rule->effect = m->effect.bytes;
	rule->effect_len = m->effect.len;
	if (!m->badfilter)
		return feed_give_rule(rule, out->line, out->sink, out->counts);
	out->counts->rules++;
	return out->sink->cancel != NULL ? out->sink->cancel(out->sink->ctx, rule, out->line) : 0;
}

static int give_name(const char *text, size_t len, enum rule_kind kind,
    const struct adblock_modifiers *m, const struct out *out)
{
	uint8_t name[NAME_SIZE];
	struct rule rule = {.kind = kind, .name = name};

	if (!feed_host(text, len, name, &rule.name_len))
		return skip(out, FEED_BAD);
	if (rule_is_own_name(name))
		return skip(out, FEED_OWN_NAME);
	return give(&rule, m, out);
}

/* A lower-case expression, or the name that it comes to. */
static int give_regex(
    const char *text, size_t len, const struct adblock_modifiers *m, const struct out *out)
{
	struct rule rule = {.kind = RULE_REGEX, .regex = text, .regex_len = len};
	struct rule of_name = {0};
	uint8_t name[NAME_SIZE];
	int err = feed_check_regex(&rule, out->counts);

	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return skip(out, err == ERR_LIMIT ? FEED_BUDGET : FEED_BAD);
	if (!regex_is_name(text, len, &of_name, name))
		return give(&rule, m, out);
	if (rule_is_own_name(of_name.name))
		return skip(out, FEED_OWN_NAME);
	return give(&of_name, m, out);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* What stands between the slashes.  The subject is a name, so that a slash speaks of URLs. */
static int give_expression(
    const char *text, size_t len, const struct adblock_modifiers *m, const struct out *out)
{
	char regex[REGEX_TEXT_MAX];
	bool class = false; /* in brackets, where `[A-z]` has more than letters */

	if (len == 0 || memchr(text, '\0', len) != NULL)
		return skip(out, FEED_BAD);
	if (memchr(text, '/', len) != NULL)
		return skip(out, FEED_BROWSER);
	if (len > sizeof(regex))
		return skip(out, FEED_BUDGET);
	for (size_t i = 0; i < len; i++) {
		regex[i] = class ? text[i] : lower(text[i]);
		if (text[i] == '[' || text[i] == ']')
			class = text[i] == '[';
		if (text[i] == '\\' && i + 1 < len) {
			i++;
			regex[i] = text[i];
		}
	}
	return give_regex(regex, len, m, out);
}

/* ---- Masks ---- */

enum start { ANYWHERE, LABEL, BEGINNING }; /* `mask`, `||mask`, `|mask` */

struct mask {
	enum start start;
	bool end; /* the name ends here: `^`, `|` */
	const char *body;
	size_t len;
	bool stars; /* inside */
};

/* Cut a mask into its parts.  False: it can match no host name, for *reason. */
static bool read_mask(struct mask *mask, const char *text, size_t len, enum feed_skip *reason)
{
	size_t bars = 0, caret;

	while (bars < 2 && bars < len && text[bars] == '|')
		bars++;
	mask->start = bars == 2 ? LABEL : bars == 1 ? BEGINNING : ANYWHERE;
	text += bars;
	len -= bars;
	mask->end = len != 0 && text[len - 1] == '|';
	len -= mask->end;
	/* `^` is the end of a name: nothing but what may be empty can follow. */
	caret = len != 0 && memchr(text, '^', len) != NULL
		    ? (size_t)((const char *)memchr(text, '^', len) - text)
		    : len;
	for (size_t i = caret; i < len; i++) {
		*reason = FEED_BROWSER;
		if (text[i] != '^' && text[i] != '*')
			return false;
	}
	mask->end = mask->end || caret < len;
	len = caret;
	while (len != 0 && text[0] == '*') {
		mask->start = ANYWHERE;
		text++;
		len--;
	}
	while (len != 0 && text[len - 1] == '*') {
		mask->end = false;
		len--;
	}
	mask->body = text;
	mask->len = len;
	mask->stars = len != 0 && memchr(text, '*', len) != NULL;
	return true;
}

/* May the body be a part of a host name?  Else *reason. */
static bool check_body(const struct mask *mask, enum feed_skip *reason)
{
	bool high = false;

	for (size_t i = 0; i < mask->len; i++) {
		unsigned char c = (unsigned char)mask->body[i];
		char small = lower((char)c);

		if (c >= 0x80) {
			high = true;
		} else if ((small < 'a' || small > 'z') && (c < '0' || c > '9') &&
			   strchr("-_.*", c) == NULL) {
			*reason = c > ' ' && c < 0x7f && c != '|' ? FEED_BROWSER : FEED_BAD;
			return false;
		} else if (c == '\0') {
			*reason = FEED_BAD;
			return false;
		}
	}
	/* Part of a name in other letters is no part of its A-labels. */
	*reason = FEED_BAD;
	return !high || (!mask->stars && mask->end && mask->start != ANYWHERE);
}

/* Numbers of an IPv4 address, dots between, and one behind the last unless there are four; 0: the
 * text is something else.  *dot: there is one behind the last. */
static unsigned read_numbers(const char *text, size_t len, uint8_t bytes[4], bool *dot)
{
	unsigned n = 0, number = 0, digits = 0;

	*dot = false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] >= '0' && text[i] <= '9' && digits < 3) {
			number = number * 10 + (unsigned)(text[i] - '0');
			digits++;
		} else if (text[i] == '.' && digits != 0 && n < 3) {
			bytes[n++] = (uint8_t)number;
			number = digits = 0;
		} else {
			return 0;
		}
		if (number > 255)
			return 0;
	}
	*dot = digits == 0;
	if (digits != 0)
		bytes[n++] = (uint8_t)number;
	return n;
}

/* Is the mask one of addresses, and is *network what it matches (else *network.family is 0)? */
static bool is_addresses(const struct mask *mask, struct net *network)
{
	bool bound = mask->start != ANYWHERE, dot;
	unsigned n;

	*network = (struct net){0};
	if (feed_address(mask->body, mask->len, network->bytes) == AF_INET6) {
		network->family = bound && mask->end ? AF_INET6 : 0;
		network->bits = 128;
		return true;
	}
	memset(network->bytes, 0, sizeof(network->bytes));
	n = read_numbers(mask->body, mask->len, network->bytes, &dot);
	network->bits = (uint8_t)(8 * n);
	if (n == 4)
		network->family = bound && mask->end ? AF_INET : 0;
	/* `||35.188.` is in 1.35.188.2 too; with three numbers there is no room for that. */
	else if (dot && !mask->end &&
		 (mask->start == BEGINNING || (mask->start == LABEL && n == 3)))
		network->family = AF_INET;
	else if (n == 1)
		return false; /* `||163.`: 163.com */
	return n != 0;
}

/* Is the mask a rule on a name? */
static bool is_name(const struct mask *mask, enum rule_kind *kind)
{
	if (!mask->end || mask->stars)
		return false;
	*kind = mask->start == LABEL	   ? RULE_SUFFIX
		: mask->start == BEGINNING ? RULE_EXACT
					   : RULE_BELOW;
	return mask->start != ANYWHERE || mask->body[0] == '.';
}

/* Every name has an empty mask in it, and next to every name one or two letters. */
static bool is_too_wide(const struct mask *mask)
{
	size_t n = 0;

	for (size_t i = 0; i < mask->len; i++)
		n += mask->body[i] != '.' && mask->body[i] != '*';
	return n == 0 || (mask->start == ANYWHERE && n < SHORT_MASK);
}

/* The expression of a mask; 0: names with an empty label would match it, which are none. */
static size_t mask_regex(const struct mask *mask, char regex[REGEX_TEXT_MAX])
{
	static const char *const starts[] = {
	    [ANYWHERE] = "", [LABEL] = "(^|\\.)", [BEGINNING] = "^"};
	size_t n = strlen(starts[mask->start]);
	char before = mask->start == ANYWHERE ? '*' : '.';

	memcpy(regex, starts[mask->start], n);
	for (size_t i = 0; i < mask->len; before = mask->body[i++]) {
		char c = lower(mask->body[i]);

		if (c == '.' && before == '.')
			return 0;
		if (c == '*' && before == '*')
			continue;
		if (c == '*' || c == '.')
			regex[n++] = c == '*' ? '.' : '\\';
		regex[n++] = c;
	}
	if (mask->end && before == '.')
		return 0;
	if (mask->end)
		regex[n++] = '$';
	return n;
}

/* What most lines are: `||example.com^`. */
static bool is_plain_suffix(const struct mask *mask, uint8_t name[NAME_SIZE], size_t *name_len)
{
	return mask->start == LABEL && mask->end && mask->len != 0 &&
	       mask->body[mask->len - 1] != '.' && feed_name(mask->body, mask->len, name, name_len);
}

static int give_mask(
    const char *text, size_t len, const struct adblock_modifiers *m, const struct out *out)
{
	struct rule address = {.kind = RULE_ADDRESS};
	uint8_t name[NAME_SIZE];
	struct rule suffix = {.kind = RULE_SUFFIX, .name = name};
	enum feed_skip reason = FEED_BAD;
	char regex[REGEX_TEXT_MAX];
	enum rule_kind kind;
	struct mask mask;
	size_t n;

	if (len > REGEX_TEXT_MAX / 2 - 8)
		return skip(out, FEED_BAD);
	if (!read_mask(&mask, text, len, &reason))
		return skip(out, reason);
	if (is_plain_suffix(&mask, name, &suffix.name_len))
		return rule_is_own_name(name) ? skip(out, FEED_OWN_NAME) : give(&suffix, m, out);
	if (is_addresses(&mask, &address.network)) {
		/* An answer to the name asked for says nothing of addresses. */
		if (address.network.family == 0 || m->rewrite)
			return skip(out, FEED_NOT_HERE);
		return give(&address, m, out);
	}
	if (!check_body(&mask, &reason))
		return skip(out, reason);
	if (mask.len == 0)
		return m->limited ? give_regex(".*", 2, m, out) : skip(out, FEED_NOT_HERE);
	if (is_name(&mask, &kind)) {
		bool dot = kind == RULE_BELOW;

		if (mask.body[mask.len - 1] == '.')
			return skip(out, FEED_BAD);
		return give_name(mask.body + dot, mask.len - dot, kind, m, out);
	}
	if (!m->limited && is_too_wide(&mask))
		return skip(out, FEED_NOT_HERE);
	n = mask_regex(&mask, regex);
	return n != 0 ? give_regex(regex, n, m, out) : skip(out, FEED_BAD);
}

/* ---- Lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The length of the mark that begins here and separates domains from what browsers are to do on
 * their pages; 0: none. */
static size_t cosmetic_mark(const char *text, size_t len)
{
	static const char *const marks[] = {"##", "#@#", "#?#", "#@?#", "#$#", "#@$#", "#$?#",
	    "#@$?#", "#%#", "#@%#", "$$", "$@$", "%%"};

	if (*text != '#' && *text != '$' && *text != '%')
		return 0;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t n = strlen(marks[i]);

		if (len > n && memcmp(text, marks[i], n) == 0)
			return n;
	}
	return 0;
}

/* `example.com##.banner`, `##.banner`, `[$path=/a]##.banner`, but not `## Headline` nor `#######`. */
static bool is_cosmetic(const char *text, size_t len)
{
	if (len > 2 && memcmp(text, "[$", 2) == 0)
		return true;
	/* Domains are all that stands before a mark. */
	for (size_t i = 0; i < len && memchr(" \t/^|=", text[i], 6) == NULL; i++) {
		size_t n = cosmetic_mark(text + i, len - i);

		if (n != 0)
			return !is_blank(text[i + n]) &&
			       (text[i + n] != '#' ||
				   (i + n + 1 < len && !is_blank(text[i + n + 1]) &&
				       text[i + n + 1] != '#'));
	}
	return false;
}

/* A line that has no rule, for whatever reader. */
static bool is_comment(const char *text, size_t len)
{
	return text[0] == '!' || text[0] == '#' || (text[0] == '[' && text[len - 1] == ']');
}

/* A name of two labels or more, as it stands. */
static bool is_domain(const char *text, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t name_len;
	char first = lower(text[0]);

	if (len == 0 || text[len - 1] == '.' || memchr(text, '.', len) == NULL)
		return false;
	/* `_ads.js`, `-banner.com` are masks. */
	if ((first < 'a' || first > 'z') && (first < '0' || first > '9') && (first & 0x80) == 0)
		return false;
	return feed_host(text, len, name, &name_len);
}

/* `example.com # why`: behind a rule there are no comments, but behind a domain. */
static size_t without_comment(const char *text, size_t len)
{
	const char *behind = text;
	size_t left = len, n = feed_word(&behind, &left);

	if (!is_domain(behind, n))
		return len;
	behind += n;
	left -= n;
	return feed_word(&behind, &left) != 0 && *behind == '#' ? n : len;
}

/* The pattern's length of a rule without its `@@`; *expression: it is one. */
static size_t pattern_length(const char *text, size_t len, bool *expression)
{
	const char *end;
	size_t n = 0;

	*expression = false;
	if (len > 1 && text[0] == '/') {
		/* An expression may have a `$` itself, even behind a slash. */
		for (n = len - 1; n > 1; n--) {
			*expression = text[n - 1] == '/' && text[n] == '$' &&
				      adblock_is_modifiers(text + n + 1, len - n - 1);
			if (*expression)
				return n;
		}
		*expression = text[len - 1] == '/';
		if (*expression)
			return len;
	}
	end = memchr(text + n, '$', len - n);
	return end != NULL ? (size_t)(end - text) : len;
}

static int rule_line(const char *text, size_t len, const struct out *out)
{
	bool allow = len >= 2 && memcmp(text, "@@", 2) == 0, expression;
	struct adblock_modifiers m;
	enum feed_skip reason;
	size_t n;

	text += allow ? 2 : 0;
	len -= allow ? 2 : 0;
	n = pattern_length(text, len, &expression);
	if (len == 0 || n + 1 == len)
		return skip(out, FEED_BAD);
	if (!adblock_read_modifiers(&m, text + n + (n < len ? 1 : 0), len - n - (n < len ? 1 : 0),
		allow, out->sink->rewrites, &reason)) {
		/* `||example.com/a$b`: a `$` of the URL. */
		bool url = !expression && memchr(text, '/', n) != NULL;

		return skip(out, url ? FEED_BROWSER : reason);
	}
	if (expression)
		return give_expression(text + 1, n - 2, &m, out);
	if (!allow && n == len && is_domain(text, n))
		return give_name(text, n, RULE_EXACT, &m, out);
	return give_mask(text, n, &m, out);
}

static int adblock_line(
    const char *text, size_t len, uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	const struct out out = {text, len, line, sink, counts};
	const char *word = text;
	size_t left = len, n;

	if (len == 0)
		return 0;
	if (is_cosmetic(text, len))
		return skip(&out, FEED_BROWSER);
	if (is_comment(text, len))
		return 0;
	n = feed_word(&word, &left);
	if (n < left && feed_is_address(word, n))
		return feed_hosts.line(text, len, line, sink, counts);
	if (feed_is_sink_address(text, len))
		return skip(&out, FEED_OWN_NAME);
	return rule_line(text, without_comment(text, len), &out);
}

/* Bytes that masks and URL parts are made of. */
static bool is_pattern_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = lower(text[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && (c & 0x80) == 0 &&
		    (c == '\0' || strchr("-_.*^|/:?&=%,;~+!@'", c) == NULL))
			return false;
	}
	return true;
}

static int adblock_looks(const char *text, size_t len)
{
	const char *word = text;
	size_t left = len, n;
	bool expression;

	if (len == 0)
		return 0;
	if (text[0] == '[')
		return len > 8 && strncasecmp(text, "[adblock", 8) == 0 ? 2 : 0;
	if (len > 2 && (memcmp(text, "||", 2) == 0 || memcmp(text, "@@", 2) == 0))
		return 2;
	n = feed_word(&word, &left);
	if (n < left && feed_is_address(word, n))
		return feed_hosts.looks(text, len) != 0;
	if (is_cosmetic(text, len))
		return 2;
	n = pattern_length(text, len, &expression);
	if (expression || (n < len && adblock_is_modifiers(text + n + 1, len - n - 1)))
		return 2;
	len = without_comment(text, len);
	if (!is_pattern_text(text, len))
		return 0;
	/* `|example.com`, `example.com^`; a `^` in front begins an expression of Pi-hole's. */
	return text[0] == '|' || (text[0] != '^' && text[len - 1] == '^') ? 2 : 1;
}

const struct feed_syntax feed_adblock = {
    .name = "adblock",
    .description = "Adblock list",
    .example = "||ads.example.com^",
    .line = adblock_line,
    .looks = adblock_looks,
};
