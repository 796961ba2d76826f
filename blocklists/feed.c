/* feed.c - what all syntaxes share: lines, names, addresses, and telling one syntax from
 * another. */
#include "blocklists/feed.h"

#include <arpa/inet.h>
#include <endian.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "blocklists/patterns.h"
#include "blocklists/regex.h"
#include "lib/dns/msg.h"

#define PASSED_STEP	(4 << 20) /* bytes between two calls of sink->passed() */
#define DETECT_HEAD	200	  /* lines at the beginning of a text that are looked at */
#define DETECT_SPREAD	300	  /* and lines all over the rest of it */
#define HOST_TEXT_MAX	1024	  /* bytes of a Unicode name: no longer one has 255 as A-labels */
#define GLOB_REGEX_SIZE (8 + 2 * NAME_SIZE)
#define QUOTE_SIZE	64 /* of a line, in a message */

const struct feed_syntax *const feed_syntaxes[] = {&feed_hosts, &feed_domains, &feed_wildcards,
    &feed_adblock, &feed_dnsmasq, &feed_unbound, &feed_smartdns, &feed_rpz, &feed_pihole_regex,
    NULL};

const struct feed_syntax *feed_find(const char *name)
{
	for (size_t i = 0; feed_syntaxes[i] != NULL; i++) {
		if (strcmp(feed_syntaxes[i]->name, name) == 0)
			return feed_syntaxes[i];
	}
	return NULL;
}

/* The names of all syntaxes, `, ` between. */
static const char *syntax_names(char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; feed_syntaxes[i] != NULL && used < size; i++)
		used += (size_t)snprintf(
		    text + used, size - used, "%s%s", i != 0 ? ", " : "", feed_syntaxes[i]->name);
	return text;
}

int feed_check_name(const char *name, struct why *why)
{
	char known[128];

	if (strcmp(name, "auto") == 0 || feed_find(name) != NULL)
		return 0;
	return why_set(why, ERR_FORMAT, "the syntax '%s' is not known; there are: auto, %s", name,
	    syntax_names(known, sizeof(known)));
}

const char *feed_skip_text(enum feed_skip reason)
{
	static const char *const texts[FEED_SKIPS] = {
	    [FEED_BAD] = "not understood",
	    [FEED_OWN_NAME] = "the machine's own name",
	    [FEED_REWRITE] = "an answer of its own for a name: the list may only block",
	    [FEED_BROWSER] = "a rule for browsers",
	    [FEED_CLIENT] = "a rule for clients by name or tag",
	    [FEED_BUDGET] = "an expression over its budget",
	    [FEED_NOT_HERE] = "no rule that counts here",
	};

	return reason < FEED_SKIPS ? texts[reason] : "unknown reason";
}

size_t feed_word(const char **text, size_t *len)
{
	const char *blank;
	size_t n;

	while (*len != 0 && (**text == ' ' || **text == '\t')) {
		(*text)++;
		(*len)--;
	}
	blank = memchr(*text, ' ', *len);
	n = blank != NULL ? (size_t)(blank - *text) : *len;
	blank = memchr(*text, '\t', n);
	return blank != NULL ? (size_t)(blank - *text) : n;
}

/* For each byte of a label the bit that makes it lower case (or that it has anyway); 0: no label has
 * it. */
static const uint8_t lower_bit[256] = {
    ['-'] = 0x20,
    ['0' ... '9'] = 0x20,
    ['A' ... 'Z'] = 0x20,
    ['_'] = 0x40,
    ['a' ... 'z'] = 0x20,
};

#define EACH(byte) ((uint64_t)(byte)*0x0101010101010101u)

/* The top bits of those bytes of v, all below 0x80, that are `first` to `last`; the other bits are
 * anything. */
static uint64_t between(uint64_t v, unsigned first, unsigned last)
{
	return (v + EACH(0x80 - first)) & ~(v + EACH(0x7f - last));
}

/* Eight bytes of a name in lower case; *dots has a bit in each byte that is a dot.  False: one of them
 * no name has. */
static bool lower_eight(uint8_t *to, const char *from, uint64_t *dots)
{
	uint64_t v, letters, others;

	memcpy(&v, from, sizeof(v));
	v = le64toh(v);
	letters = between(v | EACH(0x20), 'a', 'z') & EACH(0x80);
	others = between(v, '0', '9') | between(v, '-', '.') | between(v, '_', '_');
	*dots = between(v, '.', '.') & EACH(0x80);
	others = (letters | others) & ~v & EACH(0x80);
	v = htole64(v | letters >> 2); /* 0x20 */
	memcpy(to, &v, sizeof(v));
	return others == EACH(0x80);
}

/* Set the length byte of the label that stands before `end`. */
static bool end_label(uint8_t *label, const uint8_t *end)
{
	size_t n = (size_t)(end - label) - 1;

	*label = (uint8_t)n;
	return n != 0 && n <= NAME_LABEL_MAX;
}

static bool is_digits(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): of `len` bytes */
		if (bytes[i] < '0' || bytes[i] > '9')
			return false;
	}
	return true;
}

bool feed_name(const char *text, size_t len, uint8_t name[NAME_SIZE], size_t *name_len)
{
	uint8_t *label = name, *to = name + 1; /* `label`: where its length byte is to stand */
	const char *p = text, *end;

	if (len != 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_SIZE - 2)
		return false;
	end = text + len;
	/* Each byte moves up by one, so that every dot becomes the length byte behind it. */
	for (; end - p >= 8; p += 8, to += 8) {
		uint64_t dots;

		if (!lower_eight(to, p, &dots))
			return false;
		for (; dots != 0; dots &= dots - 1) {
			uint8_t *dot = to + __builtin_ctzll(dots) / 8;

			if (!end_label(label, dot))
				return false;
			label = dot;
		}
	}
	for (; p < end; p++, to++) {
		uint8_t byte = (uint8_t)*p, bit = lower_bit[byte];

		*to = byte | bit;
		if (bit != 0)
			continue;
		if (byte != '.' || !end_label(label, to))
			return false;
		label = to;
	}
	if (!end_label(label, name + len + 1) || is_digits(label + 1, *label))
		return false;
	name[len + 1] = 0;
	*name_len = len + 2;
	return true;
}

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= 0x80)
			return false;
	}
	return true;
}

bool feed_host(const char *text, size_t len, uint8_t name[NAME_SIZE], size_t *name_len)
{
	uint8_t copy[HOST_TEXT_MAX + 1], *ascii = NULL;
	bool is_name;

	if (feed_name(text, len, name, name_len))
		return true;
	if (len > HOST_TEXT_MAX || is_ascii(text, len) || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (idn2_lookup_u8(copy, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return false;
	is_name = feed_name((const char *)ascii, strlen((const char *)ascii), name, name_len);
	idn2_free(ascii);
	return is_name;
}

int feed_address(const char *text, size_t len, uint8_t bytes[16])
{
	char copy[INET6_ADDRSTRLEN];
	const char *percent;

	if (len == 7 && memcmp(text, "0.0.0.0", 7) == 0) { /* most lines of hosts lists */
		memset(bytes, 0, 4);
		return AF_INET;
	}
	if (len == 0 || ((text[0] < '0' || text[0] > '9') && memchr(text, ':', len) == NULL))
		return 0;
	percent = memchr(text, '%', len);
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

bool feed_is_sink(int family, const uint8_t *bytes)
{
	static const uint8_t none[16], loopback[16] = {[15] = 1};

	switch (family) {
	case AF_INET:
		return bytes[0] == 127 || memcmp(bytes, none, 4) == 0;
	case AF_INET6:
		return memcmp(bytes, none, 16) == 0 || memcmp(bytes, loopback, 16) == 0;
	default:
		return false;
	}
}

bool feed_is_address(const char *text, size_t len)
{
	uint8_t bytes[16];

	return feed_address(text, len, bytes) != 0;
}

bool feed_is_sink_address(const char *text, size_t len)
{
	uint8_t bytes[16];

	return feed_is_sink(feed_address(text, len, bytes), bytes);
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

int feed_give_rule(
    const struct rule *rule, uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	int ret = sink->rule(sink->ctx, rule, line);

	if (ret == ERR_LIMIT && rule->kind == RULE_REGEX) {
		feed_skip(rule->regex, rule->regex_len, FEED_BUDGET, line, sink, counts);
		return 0;
	}
	counts->rules++;
	return ret;
}

int feed_check_regex(struct rule *rule, struct feed_counts *counts)
{
	struct regex regex;
	int err;

	if (counts->regex_work > FEED_REGEX_WORK_MAX)
		return ERR_LIMIT;
	err = regex_compile(&regex, rule->regex, rule->regex_len, rule->inverted, NULL);
	counts->regex_work += regex.work;
	if (err == 0) {
		rule->regex_load = regex.load;
		rule->regex_size = (uint32_t)patterns_table_size(&regex);
	}
	regex_free(&regex);
	return err;
}

static int give_name(const uint8_t *name, size_t name_len, enum rule_kind kind,
    const struct effect *effect, uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	struct rule rule = {.kind = kind, .name = name, .name_len = name_len};

	if (effect != NULL) {
		rule.effect = effect->bytes;
		rule.effect_len = effect->len;
	}
	return feed_give_rule(&rule, line, sink, counts);
}

int feed_give(const char *text, size_t len, enum rule_kind kind, const struct effect *effect,
    uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	uint8_t name[NAME_SIZE];
	size_t name_len;

	if (!feed_host(text, len, name, &name_len)) {
		/* Some lists block the address of nowhere itself (`0.0.0.0 0.0.0.0`). */
		feed_skip(text, len, feed_is_sink_address(text, len) ? FEED_OWN_NAME : FEED_BAD,
		    line, sink, counts);
		return 0;
	}
	if (rule_is_own_name(name)) {
		feed_skip(text, len, FEED_OWN_NAME, line, sink, counts);
		return 0;
	}
	return give_name(name, name_len, kind, effect, line, sink, counts);
}

int feed_give_line(const char *text, size_t len, enum rule_kind kind, bool *given, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts)
{
	uint8_t name[NAME_SIZE];
	size_t name_len;

	*given = feed_name(text, len, name, &name_len) && !rule_is_own_name(name);
	return *given ? give_name(name, name_len, kind, NULL, line, sink, counts) : 0;
}

/* The expression of a name with stars; its length, 0: everything, -1: it is none. */
static int glob_regex(const char *text, size_t len, char regex[GLOB_REGEX_SIZE])
{
	static const char begin[] = "(^|\\.)";
	bool literal = false, letters = false;
	size_t n = 0;

	if (len == 0 || len > NAME_SIZE)
		return -1;
	if (text[0] != '*') {
		memcpy(regex, begin, sizeof(begin) - 1);
		n = sizeof(begin) - 1;
	}
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)text[i], next = i + 1 < len ? (uint8_t)text[i + 1] : 0;

		if (byte == '*') {
			if (n != 0 && next != 0 && next != '*') {
				regex[n++] = '.';
				regex[n++] = '*';
			}
			continue;
		}
		if (byte == '.' ? next == '.' || i == 0 : lower_bit[byte] == 0)
			return -1;
		if (byte == '.')
			regex[n++] = '\\';
		regex[n++] = (char)(byte | lower_bit[byte]);
		literal = literal || byte != '.';
		letters = letters || (byte != '.' && (byte < '0' || byte > '9'));
	}
	if (text[len - 1] != '*')
		regex[n++] = '$';
	if (!literal)
		return 0;
	return letters ? (int)n : -1; /* 192.0.2.* would be addresses */
}

int feed_give_glob(const char *text, size_t len, const struct effect *effect, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts)
{
	char regex[GLOB_REGEX_SIZE];
	struct rule rule = {.kind = RULE_REGEX, .regex = regex};
	int n;

	if (len > 1 && text[len - 1] == '.')
		len--;
	n = glob_regex(text, len, regex);
	if (n <= 0) {
		feed_skip(text, len, n == 0 ? FEED_NOT_HERE : FEED_BAD, line, sink, counts);
		return 0;
	}
	rule.regex_len = (size_t)n;
	n = feed_check_regex(&rule, counts);
	if (n == ERR_NOMEM)
		return n;
	if (n != 0) {
		feed_skip(text, len, n == ERR_LIMIT ? FEED_BUDGET : FEED_BAD, line, sink, counts);
		return 0;
	}
	if (effect != NULL) {
		rule.effect = effect->bytes;
		rule.effect_len = effect->len;
	}
	return feed_give_rule(&rule, line, sink, counts);
}

void feed_answer_address(struct effect *effect, unsigned flags, int family, const uint8_t *bytes)
{
	bool v4 = family == AF_INET;
	uint16_t type = v4 ? TYPE_A : TYPE_AAAA;

	effect_init(effect, EFFECT_ANSWER, flags);
	/* One type and one record fit into any effect. */
	(void)!effect_add_type(effect, type, false);
	(void)!effect_add_record(effect, type, bytes, v4 ? 4 : 16);
	effect_finish(effect);
}

void feed_answer_rcode(struct effect *effect, unsigned flags, uint8_t rcode)
{
	effect_init(effect, EFFECT_ANSWER, flags);
	effect_set_rcode(effect, rcode);
	effect_finish(effect);
}

void feed_lines_start(struct feed_lines *l, const char *text, size_t len)
{
	*l = (struct feed_lines){.next = text, .end = text + len};
	if (len >= 3 && memcmp(text, "\357\273\277", 3) == 0)
		l->next += 3;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool feed_lines_next(struct feed_lines *l)
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
	struct feed_lines l;
	size_t n_control = 0, n_head = len < 1024 ? len : 1024;

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (len >= magics[i].len && memcmp(text, magics[i].magic, magics[i].len) == 0)
			return magics[i].what;
	}
	for (size_t i = 0; i < n_head; i++)
		n_control += (unsigned char)text[i] < ' ' &&
			     memchr("\t\n\v\f\r", text[i], 5) == NULL; /* NUL counts */
	if (n_control > n_head / 8)
		return "binary data";
	feed_lines_start(&l, text, len);
	while (feed_lines_next(&l)) {
		if (l.len != 0)
			return l.text[0] == '<' ? "a web page or XML" : NULL;
	}
	return NULL;
}

/* The kind of list that a line surely belongs to and that is not read; else NULL. */
static const char *other_syntax(const char *text, size_t len)
{
	static const struct {
		const char *start, *what;
	} starts_of[] = {
	    {"domain-suffix,", "a rule set of a proxy"},
	    {"domain-keyword,", "a rule set of a proxy"},
	    {"domain,", "a rule set of a proxy"},
	    {"host-suffix,", "a rule set of a proxy"},
	    {"host,", "a rule set of a proxy"},
	    {"ip-cidr,", "a rule set of a proxy"},
	    {"payload:", "a rule set of a proxy"},
	    {"[rule]", "a rule set of a proxy"},
	    {"- domain", "a rule set of a proxy"},
	    {"- '", "a rule set of a proxy"},
	    {"- \"", "a rule set of a proxy"},
	    {"+.", "a rule set of a proxy"},
	    {"function findproxyforurl", "a program for browsers (PAC)"},
	    {"zone \"", "a BIND configuration"},
	    {"/ip dns static", "a RouterOS script"},
	    {"{", "JSON"},
	    {"[\"", "JSON"},
	};

	for (size_t i = 0; i < sizeof(starts_of) / sizeof(starts_of[0]); i++) {
		if (starts(text, len, starts_of[i].start))
			return starts_of[i].what;
	}
	return NULL;
}

#define SYNTAXES (sizeof(feed_syntaxes) / sizeof(feed_syntaxes[0]) - 1)

/* What the lines of a text say. */
struct votes {
	unsigned n_lines;
	unsigned n_sure; /* of them that are of one syntax or another without doubt */
	unsigned n_other;
	struct {
		unsigned covers; /* lines that it could read */
		unsigned sure;	 /* lines that are its own without doubt */
	} of[SYNTAXES];
	const char *other;	       /* what the first of n_other is a line of */
	struct feed_lines first_other; /* text NULL: none */
	struct feed_lines first_odd;   /* the first line that is not sure; text NULL: none */
};

static void vote(struct votes *v, const struct feed_lines *l)
{
	const char *other;
	int best = 0;

	if (l->len == 0 || l->text[0] == '#' || l->text[0] == '!' || l->text[0] == ';')
		return;
	v->n_lines++;
	for (size_t i = 0; i < SYNTAXES; i++) {
		int looks = feed_syntaxes[i]->looks(l->text, l->len);

		v->of[i].covers += looks != 0;
		v->of[i].sure += looks == 2;
		best = looks > best ? looks : best;
	}
	v->n_sure += best == 2;
	if (best == 2)
		return;
	if (v->first_odd.text == NULL)
		v->first_odd = *l;
	other = other_syntax(l->text, l->len);
	v->n_other += other != NULL;
	if (other != NULL && v->other == NULL) {
		v->other = other;
		v->first_other = *l;
	}
}

/* Pass over `n` bytes and the rest of the line there; line numbers no longer count. */
static void lines_jump(struct feed_lines *l, size_t n)
{
	const char *lf;

	l->next = n < (size_t)(l->end - l->next) ? l->next + n : l->end;
	lf = memchr(l->next, '\n', (size_t)(l->end - l->next));
	l->next = lf != NULL ? lf + 1 : l->end;
}

static void take_votes(struct votes *v, const char *text, size_t len)
{
	struct feed_lines l;
	size_t step;

	memset(v, 0, sizeof(*v));
	feed_lines_start(&l, text, len);
	while (v->n_lines < DETECT_HEAD && feed_lines_next(&l))
		vote(v, &l);
	step = (size_t)(l.end - l.next) / DETECT_SPREAD;
	for (unsigned i = 0; i < DETECT_SPREAD && feed_lines_next(&l); i++) {
		vote(v, &l);
		if (step > 100) /* of a short rest each line is looked at */
			lines_jump(&l, step - 100);
	}
}

/* Of the syntaxes that a line is of without doubt (if there is such a line) the one that reads most
 * lines; of those that read nearly as many (a stray line does not make another list of it) the one
 * that most lines are of without doubt. */
static size_t most_votes(const struct votes *v)
{
	unsigned most = 0;
	size_t best = SYNTAXES;

	for (size_t i = 0; i < SYNTAXES; i++)
		if (v->of[i].sure != 0 || v->n_sure == 0)
			most = v->of[i].covers > most ? v->of[i].covers : most;
	for (size_t i = 0; i < SYNTAXES; i++) {
		if ((v->of[i].sure != 0 || v->n_sure == 0) &&
		    v->of[i].covers + v->n_lines / 64 >= most &&
		    (best == SYNTAXES || v->of[i].sure > v->of[best].sure))
			best = i;
	}
	return best;
}

/* The number of the line that begins at `at`. */
static uint64_t line_number(const char *text, const char *at)
{
	uint64_t n = 1;

	while ((text = memchr(text, '\n', (size_t)(at - text))) != NULL) {
		text++;
		n++;
	}
	return n;
}

const struct feed_syntax *feed_detect(const char *text, size_t len, struct why *why)
{
	const char *what = no_list(text, len);
	char quoted[QUOTE_SIZE], names[128];
	struct votes v;
	size_t best;

	if (what != NULL) {
		why_set(why, ERR_FORMAT, "this is no list but %s", what);
		return NULL;
	}
	take_votes(&v, text, len);
	/* One in sixteen is no accident. */
	if (v.n_other * 16 > v.n_lines) {
		why_set(why, ERR_FORMAT,
		    "line %llu: `%s` is a line of %s, which is not read: choose a list of another "
		    "syntax",
		    (unsigned long long)line_number(text, v.first_other.text),
		    quote(v.first_other.text, v.first_other.len, quoted), v.other);
		return NULL;
	}
	best = most_votes(&v);
	if (v.n_lines == 0 || (v.n_sure != 0 && v.of[best].covers * 2 > v.n_lines))
		return feed_syntaxes[best];
	if (v.first_odd.text == NULL) {
		why_set(why, ERR_FORMAT, "the lines are of many syntaxes: say which with syntax");
		return NULL;
	}
	why_set(why, ERR_FORMAT,
	    "line %llu: `%s`: this does not look like a list of any syntax (%s)",
	    (unsigned long long)line_number(text, v.first_odd.text),
	    quote(v.first_odd.text, v.first_odd.len, quoted), syntax_names(names, sizeof(names)));
	return NULL;
}

/* Why a text gave no rule although it has lines. */
static int no_rule(const char *text, size_t len, const struct feed_syntax *syntax,
    const struct feed_counts *counts, struct why *why)
{
	enum feed_skip most = FEED_BAD;
	char quoted[QUOTE_SIZE];
	struct feed_lines l;

	for (int i = 0; i < FEED_SKIPS; i++) {
		if (counts->skips[i] > counts->skips[most])
			most = (enum feed_skip)i;
	}
	if (counts->first_bad_line == 0)
		return why_set(why, ERR_FORMAT, "no rule: %llu times %s",
		    (unsigned long long)counts->skips[most], feed_skip_text(most));
	feed_lines_start(&l, text, len);
	while (feed_lines_next(&l) && l.number < counts->first_bad_line)
		;
	return why_set(why, ERR_FORMAT,
	    "line %llu: `%s` is not understood, and there is no rule in all: a line of a %s looks "
	    "like `%s`",
	    (unsigned long long)l.number, quote(l.text, l.len, quoted), syntax->description,
	    syntax->example);
}

/* All lines, one by one. */
static int each_line(const char *text, size_t len, const struct feed_syntax *syntax,
    struct feed_sink *sink, struct feed_counts *counts)
{
	const char *passed = text;
	struct feed_lines l;

	feed_lines_start(&l, text, len);
	while (feed_lines_next(&l)) {
		int ret = l.len != 0 ? syntax->line(l.text, l.len, l.number, sink, counts) : 0;

		counts->lines = l.number;
		if (ret != 0)
			return ret;
		/* A list without any rule is looked at once more: no_rule(). */
		if (sink->passed != NULL && counts->rules != 0 && l.next - passed > PASSED_STEP) {
			passed = l.next;
			sink->passed(sink->ctx, (size_t)(passed - text));
		}
	}
	return 0;
}

int feed_parse(const char *text, size_t len, const struct feed_syntax *syntax,
    struct feed_sink *sink, struct feed_counts *counts, struct why *why)
{
	const char *what = no_list(text, len);
	uint64_t n_skips = 0;
	int ret;

	memset(counts, 0, sizeof(*counts));
	if (what != NULL)
		return why_set(why, ERR_FORMAT, "this is no list but %s", what);
	if (syntax == NULL)
		syntax = feed_detect(text, len, why);
	if (syntax == NULL)
		return ERR_FORMAT;
	ret = syntax->text != NULL ? syntax->text(text, len, sink, counts)
				   : each_line(text, len, syntax, sink, counts);
	if (ret != 0)
		return ret;
	for (size_t i = 0; i < FEED_SKIPS; i++)
		n_skips += counts->skips[i];
	if (counts->rules == 0 && n_skips != 0)
		return no_rule(text, len, syntax, counts, why);
	return 0;
}
