/* feed.c - what all syntaxes share: lines, names, addresses, and telling one syntax from
 * another. */
#include "blocklists/feed.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DETECT_LINES 200 /* lines that tell something are looked at until there are so many */
#define QUOTE_SIZE   64	 /* of a line, in a message */

const struct feed_syntax *const feed_syntaxes[] = {&feed_hosts, &feed_domains, NULL};

const struct feed_syntax *feed_find(const char *name)
{
	for (size_t i = 0; feed_syntaxes[i] != NULL; i++) {
		if (strcmp(feed_syntaxes[i]->name, name) == 0)
			return feed_syntaxes[i];
	}
	return NULL;
}

int feed_check_name(const char *name, struct why *why)
{
	char known[128];
	size_t used = 0;

	if (strcmp(name, "auto") == 0 || feed_find(name) != NULL)
		return 0;
	for (size_t i = 0; feed_syntaxes[i] != NULL && used < sizeof(known); i++)
		used += (size_t)snprintf(
		    known + used, sizeof(known) - used, ", %s", feed_syntaxes[i]->name);
	return why_set(why, ERR_FORMAT, "the syntax '%s' is not known; there are: auto%s", name,
	    used != 0 ? known : "");
}

const char *feed_skip_text(enum feed_skip reason)
{
	static const char *const texts[FEED_SKIPS] = {
	    [FEED_BAD] = "not understood",
	    [FEED_OWN_NAME] = "the machine's own name",
	    [FEED_REWRITE] = "an address of its own for a name: a list may only block",
	};

	return reason < FEED_SKIPS ? texts[reason] : "unknown reason";
}

size_t feed_word(const char **text, size_t *len)
{
	size_t n = 0;

	while (*len != 0 && (**text == ' ' || **text == '\t')) {
		(*text)++;
		(*len)--;
	}
	while (n < *len && (*text)[n] != ' ' && (*text)[n] != '\t')
		n++;
	return n;
}

/* The lower-case form of a byte that a name may have, else 0. */
static uint8_t name_byte(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A' + 'a');
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return (uint8_t)c;
	return 0;
}

bool feed_name(const char *text, size_t len, uint8_t name[NAME_SIZE], size_t *name_len)
{
	size_t label = 0, at = 1; /* where the label's length byte and its next byte stand */
	bool digits = true;	  /* the label has no others yet */

	if (len != 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_SIZE - 2)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i == len || text[i] == '.') {
			size_t n = at - label - 1;

			if (n == 0 || n > NAME_LABEL_MAX || (i == len && digits))
				return false;
			name[label] = (uint8_t)n;
			label = at++;
			digits = i == len ? digits : true;
			continue;
		}
		name[at] = name_byte(text[i]);
		if (name[at] == 0)
			return false;
		digits = digits && name[at] >= '0' && name[at] <= '9';
		at++;
	}
	name[label] = 0;
	*name_len = label + 1;
	return true;
}

/* The family of the address text[0..len), its bytes in `bytes`; 0: it is none.  An interface behind
 * a percent sign is passed over. */
static int read_address(const char *text, size_t len, uint8_t bytes[16])
{
	char copy[INET6_ADDRSTRLEN];
	const char *percent = memchr(text, '%', len);

	if (percent != NULL)
		len = (size_t)(percent - text);
	if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (percent == NULL && inet_pton(AF_INET, copy, bytes) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, copy, bytes) == 1 ? AF_INET6 : 0;
}

bool feed_is_address(const char *text, size_t len)
{
	uint8_t bytes[16];

	return read_address(text, len, bytes) != 0;
}

bool feed_is_sink_address(const char *text, size_t len)
{
	static const uint8_t none[16], loopback[16] = {[15] = 1};
	uint8_t bytes[16];

	switch (read_address(text, len, bytes)) {
	case AF_INET:
		return bytes[0] == 127 || memcmp(bytes, none, 4) == 0;
	case AF_INET6:
		return memcmp(bytes, none, 16) == 0 || memcmp(bytes, loopback, 16) == 0;
	default:
		return false;
	}
}

void feed_skip(const char *text, size_t len, enum feed_skip reason, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts)
{
	counts->skips[reason]++;
	if (reason == FEED_BAD && counts->first_bad_line == 0)
		counts->first_bad_line = line;
	if (sink->skip != NULL)
		sink->skip(sink->ctx, reason, line, text, len);
}

int feed_give(const char *text, size_t len, enum rule_kind kind, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts)
{
	uint8_t name[NAME_SIZE];
	size_t name_len;

	if (!feed_name(text, len, name, &name_len)) {
		/* Some lists block the address of nowhere itself (`0.0.0.0 0.0.0.0`). */
		feed_skip(text, len, feed_is_sink_address(text, len) ? FEED_OWN_NAME : FEED_BAD,
		    line, sink, counts);
		return 0;
	}
	if (rule_is_own_name(name)) {
		feed_skip(text, len, FEED_OWN_NAME, line, sink, counts);
		return 0;
	}
	counts->rules++;
	return sink->rule(sink->ctx, name, name_len, kind, line);
}

/* Lines of a text, one after the other. */
struct lines {
	const char *text; /* of the line, its end and blanks at both ends left out */
	size_t len;
	uint64_t number;
	const char *next, *end;
};

static void lines_start(struct lines *l, const char *text, size_t len)
{
	*l = (struct lines){.next = text, .end = text + len};
	if (len >= 3 && memcmp(text, "\357\273\277", 3) == 0)
		l->next += 3;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool lines_next(struct lines *l)
{
	const char *lf;

	if (l->next == l->end)
		return false;
	lf = memchr(l->next, '\n', (size_t)(l->end - l->next));
	l->text = l->next;
	l->len = (size_t)((lf != NULL ? lf : l->end) - l->next);
	l->next = lf != NULL ? lf + 1 : l->end;
	l->number++;
	while (l->len != 0 && is_blank(l->text[l->len - 1]))
		l->len--;
	while (l->len != 0 && is_blank(l->text[0])) {
		l->text++;
		l->len--;
	}
	return true;
}

/* The beginning of a line for a message, terminated; returns `out`. */
static const char *quote(const char *text, size_t len, char out[QUOTE_SIZE])
{
	size_t n = len < QUOTE_SIZE - 4 ? len : QUOTE_SIZE - 4;

	for (size_t i = 0; i < n; i++)
		out[i] = '?';
	for (size_t i = 0; i < n; i++) {
		if (text[i] >= ' ' && text[i] <= '~')
			out[i] = text[i];
	}
	strcpy(out + n, n < len ? "..." : "");
	return out;
}

static bool starts(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && strncasecmp(text, with, strlen(with)) == 0;
}

static bool contains(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what)) != NULL;
}

/* What a text is that begins like this, where it is surely no list; else NULL. */
static const char *no_list(const char *text, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *what;
	} magics[] = {
	    {"\037\213", 2, "a gzip file: unpack it first"},
	    {"PK\003\004", 4, "a zip archive: unpack it first"},
	    {"\3757zXZ", 6, "an xz file: unpack it first"},
	    {"\050\265\057\375", 4, "a zstd file: unpack it first"},
	    {"BZh", 3, "a bzip2 file: unpack it first"},
	    {"\211PNG", 4, "a picture (PNG)"},
	    {"\377\330\377", 3, "a picture (JPEG)"},
	    {"GIF8", 4, "a picture (GIF)"},
	    {"%PDF", 4, "a PDF file"},
	    {"\177ELF", 4, "a program (ELF)"},
	    {"SQLite format 3", 15, "a database (SQLite)"},
	    {"\377\376", 2, "UTF-16 text: save it as UTF-8"},
	    {"\376\377", 2, "UTF-16 text: save it as UTF-8"},
	};
	struct lines l;
	size_t n_control = 0, n_head = len < 1024 ? len : 1024;

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (len >= magics[i].len && memcmp(text, magics[i].magic, magics[i].len) == 0)
			return magics[i].what;
	}
	for (size_t i = 0; i < n_head; i++)
		n_control += (unsigned char)text[i] < ' ' && strchr("\t\n\v\f\r", text[i]) == NULL;
	if (n_control > n_head / 8)
		return "binary data";
	lines_start(&l, text, len);
	while (lines_next(&l)) {
		if (l.len != 0)
			return l.text[0] == '<' ? "a web page or XML" : NULL;
	}
	return NULL;
}

/* The kind of list that a line surely belongs to and that is not read here; else NULL. */
static const char *other_syntax(const char *text, size_t len)
{
	static const struct {
		const char *start, *what;
	} starts_of[] = {
	    {"||", "an Adblock filter list"},
	    {"@@", "an Adblock filter list"},
	    {"[adblock", "an Adblock filter list"},
	    {"address=/", "a dnsmasq configuration"},
	    {"server=/", "a dnsmasq configuration"},
	    {"local=/", "a dnsmasq configuration"},
	    {"address /", "a smartdns configuration"},
	    {"local-zone:", "an unbound configuration"},
	    {"local-data:", "an unbound configuration"},
	    {"server:", "an unbound configuration"},
	    {"$ttl", "a zone file (RPZ)"},
	    {"$origin", "a zone file (RPZ)"},
	    {"*.", "a list of wildcards"},
	    {"domain-suffix,", "a rule set of a proxy"},
	    {"domain,", "a rule set of a proxy"},
	    {"payload:", "a rule set of a proxy"},
	    {"{", "JSON"},
	};
	static const struct {
		const char *inside, *what;
	} inside_of[] = {
	    {"##", "an Adblock filter list"},
	    {"#@#", "an Adblock filter list"},
	    {" CNAME ", "a zone file (RPZ)"},
	    {"\tCNAME\t", "a zone file (RPZ)"},
	    {" SOA ", "a zone file (RPZ)"},
	};

	for (size_t i = 0; i < sizeof(starts_of) / sizeof(starts_of[0]); i++) {
		if (starts(text, len, starts_of[i].start))
			return starts_of[i].what;
	}
	for (size_t i = 0; i < sizeof(inside_of) / sizeof(inside_of[0]); i++) {
		if (contains(text, len, inside_of[i].inside))
			return inside_of[i].what;
	}
	return NULL;
}

/* What the first lines of a text say. */
struct votes {
	unsigned n_lines; /* that told something */
	unsigned of[sizeof(feed_syntaxes) / sizeof(feed_syntaxes[0])];
	unsigned n_other;
	const char *other; /* what the first of n_other is a line of */
	struct lines first_other;
	struct lines first_odd; /* the first line that speaks for no syntax; number 0: none */
};

static void vote(struct votes *v, const struct lines *l)
{
	int best = 0;

	for (size_t i = 0; feed_syntaxes[i] != NULL; i++) {
		int looks = feed_syntaxes[i]->looks(l->text, l->len);

		v->of[i] += looks == 2;
		best = looks > best ? looks : best;
	}
	if (best != 2 && v->first_odd.number == 0)
		v->first_odd = *l;
	if (best == 0) {
		const char *other = other_syntax(l->text, l->len);

		v->n_other += other != NULL;
		if (other != NULL && v->other == NULL) {
			v->other = other;
			v->first_other = *l;
		}
	}
	v->n_lines += best != 1;
}

static void take_votes(struct votes *v, const char *text, size_t len)
{
	struct lines l;

	memset(v, 0, sizeof(*v));
	lines_start(&l, text, len);
	while (v->n_lines < DETECT_LINES && lines_next(&l)) {
		if (l.len == 0 || l.text[0] == '#' || l.text[0] == '!' || l.text[0] == ';')
			continue;
		vote(v, &l);
	}
}

const struct feed_syntax *feed_detect(const char *text, size_t len, struct why *why)
{
	const char *what = no_list(text, len);
	struct votes v;
	char quoted[QUOTE_SIZE];
	size_t best = 0;

	if (what != NULL) {
		why_set(why, ERR_FORMAT, "this is no list but %s", what);
		return NULL;
	}
	take_votes(&v, text, len);
	for (size_t i = 0; feed_syntaxes[i] != NULL; i++) {
		if (v.of[i] > v.of[best])
			best = i;
	}
	/* A stray line does not make another list of it, but one in sixteen is no accident. */
	if (v.n_other * 16 > v.n_lines) {
		why_set(why, ERR_FORMAT,
		    "line %llu: `%s` is a line of %s, which is not supported: choose the "
		    "publisher's "
		    "hosts file or plain domain list",
		    (unsigned long long)v.first_other.number,
		    quote(v.first_other.text, v.first_other.len, quoted), v.other);
		return NULL;
	}
	if (v.of[best] * 2 > v.n_lines || v.first_odd.number == 0)
		return feed_syntaxes[best];
	why_set(why, ERR_FORMAT,
	    "line %llu: `%s`: this does not look like a list: neither a hosts file (`%s`) nor "
	    "plain "
	    "domains (`%s`)",
	    (unsigned long long)v.first_odd.number,
	    quote(v.first_odd.text, v.first_odd.len, quoted), feed_hosts.example,
	    feed_domains.example);
	return NULL;
}

/* Why a text gave no rule although it has lines. */
static int no_rule(const char *text, size_t len, const struct feed_syntax *syntax,
    const struct feed_counts *counts, struct why *why)
{
	char quoted[QUOTE_SIZE];
	struct lines l;

	if (counts->first_bad_line == 0)
		return why_set(why, ERR_FORMAT,
		    "no rule: each name is the machine's own or has a real address");
	lines_start(&l, text, len);
	while (lines_next(&l) && l.number < counts->first_bad_line)
		;
	return why_set(why, ERR_FORMAT,
	    "line %llu: `%s` is not understood, and there is no rule in all: a line of a %s looks "
	    "like `%s`",
	    (unsigned long long)l.number, quote(l.text, l.len, quoted), syntax->description,
	    syntax->example);
}

int feed_parse(const char *text, size_t len, const struct feed_syntax *syntax,
    struct feed_sink *sink, struct feed_counts *counts, struct why *why)
{
	const char *what = no_list(text, len);
	uint64_t n_skips = 0;
	struct lines l;

	memset(counts, 0, sizeof(*counts));
	if (what != NULL)
		return why_set(why, ERR_FORMAT, "this is no list but %s", what);
	if (syntax == NULL)
		syntax = feed_detect(text, len, why);
	if (syntax == NULL)
		return ERR_FORMAT;
	lines_start(&l, text, len);
	while (lines_next(&l)) {
		int ret = l.len != 0 ? syntax->line(l.text, l.len, l.number, sink, counts) : 0;

		counts->lines = l.number;
		if (ret != 0)
			return ret;
	}
	for (size_t i = 0; i < FEED_SKIPS; i++)
		n_skips += counts->skips[i];
	if (counts->rules == 0 && n_skips != 0)
		return no_rule(text, len, syntax, counts, why);
	return 0;
}
