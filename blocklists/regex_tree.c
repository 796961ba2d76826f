/* regex_tree.c - the syntax of regular expressions, by recursive descent. */
#include "blocklists/regex_tree.h"

#include <stdlib.h>
#include <string.h>

#include "lib/dns/name.h"

struct parser {
	struct regex_tree *tree;
	const char *text;
	size_t len, at;
	unsigned depth;
	int err;
	struct why *why;
};

uint8_t regex_symbol(uint8_t byte)
{
	if (byte >= 'a' && byte <= 'z')
		return (uint8_t)(byte - 'a');
	if (byte >= 'A' && byte <= 'Z')
		return (uint8_t)(byte - 'A');
	if (byte >= '0' && byte <= '9')
		return (uint8_t)(26 + byte - '0');
	switch (byte) {
	case '-':
		return 36;
	case '_':
		return 37;
	case '.':
		return 38;
	default:
		return REGEX_OTHER;
	}
}

/* What is no symbol of its own is in no name that is read as text. */
static uint64_t set_of(uint8_t byte)
{
	uint8_t symbol = regex_symbol(byte);

	return symbol == REGEX_OTHER ? 0 : UINT64_C(1) << symbol;
}

static uint64_t set_of_range(unsigned from, unsigned to)
{
	uint64_t set = 0;

	for (unsigned byte = from; byte <= to; byte++)
		set |= set_of((uint8_t)byte);
	return set;
}

/* Always 0, so that it can stand for a node. */
static uint16_t refuse(struct parser *p, int err, size_t at, const char *reason)
{
	if (p->err == 0)
		p->err = why_set(p->why, err, "position %zu: %s", at + 1, reason);
	return 0;
}

static uint16_t node_new(struct parser *p, enum regex_type type)
{
	unsigned i = p->tree->n_nodes++;

	p->tree->nodes[i] = (struct regex_node){.type = type};
	return (uint16_t)i;
}

static uint16_t node_set(struct parser *p, uint64_t set)
{
	uint16_t i = node_new(p, REGEX_SET);

	p->tree->nodes[i].set = set;
	return i;
}

static uint16_t node_assert(struct parser *p, enum regex_assert assert)
{
	uint16_t i = node_new(p, REGEX_ASSERT);

	p->tree->nodes[i].assert = assert;
	return i;
}

/* `parts` hang on each other; a single one needs no node above it. */
static uint16_t node_of_parts(struct parser *p, enum regex_type type, uint16_t parts)
{
	uint16_t i;

	if (parts != 0 && p->tree->nodes[parts].before == 0)
		return parts;
	i = node_new(p, type);
	p->tree->nodes[i].last_part = parts;
	return i;
}

static bool at_end(const struct parser *p)
{
	return p->at == p->len;
}

/* Is `word` next?  Then it is read. */
static bool take(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	if (p->len - p->at < n || memcmp(p->text + p->at, word, n) != 0)
		return false;
	p->at += n;
	return true;
}

static bool next_is(const struct parser *p, char c)
{
	return !at_end(p) && p->text[p->at] == c;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind `\x`: two digits, or some in braces. */
static int read_hex(struct parser *p, size_t from)
{
	bool braces = take(p, "{");
	unsigned n_digits = 0;
	int value = 0;

	while (n_digits < (braces ? 6 : 2) && !at_end(p) && hex_digit(p->text[p->at]) >= 0) {
		value = value * 16 + hex_digit(p->text[p->at++]);
		n_digits++;
	}
	if (n_digits < (braces ? 1 : 2) || (braces && !take(p, "}")))
		return refuse(p, ERR_FORMAT, from, "\\x wants two hexadecimal digits");
	/* No character of more than a byte is in a name. */
	return value > UINT8_MAX ? UINT8_MAX : value;
}

/* Behind a backslash.  A single character returns its value; a set of them -1 and *set. */
static int read_escape(struct parser *p, uint64_t *set)
{
	size_t from = p->at - 1;
	char c;

	if (at_end(p))
		return refuse(p, ERR_FORMAT, from, "a backslash with nothing behind it");
	c = p->text[p->at++];
	switch (c) {
	case 'd':
		*set = REGEX_DIGITS;
		return -1;
	case 'D':
		*set = REGEX_ANY & ~REGEX_DIGITS;
		return -1;
	case 'w':
		*set = REGEX_WORD;
		return -1;
	case 'W':
		*set = REGEX_ANY & ~REGEX_WORD;
		return -1;
	case 's':
		*set = 0;
		return -1;
	case 'S':
		*set = REGEX_ANY;
		return -1;
	case 'x':
		return read_hex(p, from);
	case 't':
	case 'n':
	case 'r':
	case 'f':
	case 'v':
		return '\t'; /* none of them is in a name */
	default:
		break;
	}
	if (c >= '0' && c <= '9')
		return refuse(p, ERR_FORMAT, from, "back-references are not supported");
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return refuse(p, ERR_FORMAT, from, "this escape is not supported");
	return (uint8_t)c;
}

/* Behind `[:`. */
static uint64_t read_named_class(struct parser *p)
{
	static const struct {
		const char *name, *ranges;
	} classes[] = {
	    {"alpha:]", "az"},
	    {"lower:]", "az"},
	    {"upper:]", "az"}, /* letter case is ignored */
	    {"digit:]", "09"},
	    {"alnum:]", "az09"},
	    {"xdigit:]", "af09"},
	    {"word:]", "az09__"},
	    {"punct:]", "--__.."},
	    {"graph:]", "az09--__.."},
	    {"print:]", "az09--__.."},
	    {"space:]", ""},
	    {"blank:]", ""},
	    {"cntrl:]", ""},
	};
	size_t from = p->at - 2;

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		uint64_t set = 0;

		if (!take(p, classes[i].name))
			continue;
		for (const char *range = classes[i].ranges; *range != '\0'; range += 2)
			set |= set_of_range((uint8_t)range[0], (uint8_t)range[1]);
		return set;
	}
	return refuse(p, ERR_FORMAT, from, "there is no such class of characters");
}

/* One character (its value) or a set of them (-1 and *set) between brackets. */
static int read_class_item(struct parser *p, uint64_t *set)
{
	if (take(p, "[:")) {
		*set = read_named_class(p);
		return -1;
	}
	if (next_is(p, '[') && p->at + 1 < p->len &&
	    (p->text[p->at + 1] == '.' || p->text[p->at + 1] == '='))
		return refuse(p, ERR_FORMAT, p->at, "collating elements are not supported");
	if (take(p, "\\"))
		return read_escape(p, set);
	return (uint8_t)p->text[p->at++];
}

/* Behind `[`. */
static uint16_t parse_class(struct parser *p)
{
	size_t from = p->at - 1;
	bool negated = take(p, "^");
	uint64_t set = 0;

	for (bool first = true; p->err == 0; first = false) {
		uint64_t item_set = 0;
		size_t item_at = p->at;
		int low, high;

		if (at_end(p))
			return refuse(p, ERR_FORMAT, from, "this [ is not closed");
		/* POSIX, RE2: a bracket that stands first is itself. */
		if (!first && take(p, "]"))
			break;
		low = read_class_item(p, &item_set);
		if (low < 0) {
			set |= item_set;
			continue;
		}
		high = low;
		if (next_is(p, '-') && p->at + 1 < p->len && p->text[p->at + 1] != ']') {
			p->at++;
			high = read_class_item(p, &item_set);
			if (high < low)
				return refuse(p, ERR_FORMAT, item_at, "this is no range");
		}
		set |= set_of_range((unsigned)low, (unsigned)high);
	}
	return node_set(p, negated ? REGEX_ANY & ~set : set);
}

static uint16_t parse_alternatives(struct parser *p);

/* Behind `(?`: flags that make no difference to whether a name matches. */
static bool take_flags(struct parser *p)
{
	while (take(p, "i") || take(p, "m") || take(p, "s") || take(p, "U"))
		;
	return next_is(p, ':') || next_is(p, ')');
}

/* Behind `(`. */
static uint16_t parse_group(struct parser *p)
{
	size_t from = p->at - 1;
	uint16_t inner = 0;

	if (++p->depth > REGEX_DEPTH_MAX)
		return refuse(p, ERR_LIMIT, from, "too many groups inside each other");
	if (take(p, "?")) {
		if (take(p, "=") || take(p, "!") || take(p, "<=") || take(p, "<!"))
			return refuse(p, ERR_FORMAT, from, "look-around is not supported");
		if (!take_flags(p))
			return refuse(p, ERR_FORMAT, from, "this kind of group is not supported");
		if (!take(p, ":"))
			inner = node_new(p, REGEX_CAT);
	}
	if (inner == 0)
		inner = parse_alternatives(p);
	if (p->err == 0 && !take(p, ")"))
		return refuse(p, ERR_FORMAT, from, "this ( is not closed");
	p->depth--;
	return inner;
}

/* An escape that stands for a place, or 0. */
static uint16_t parse_place(struct parser *p)
{
	static const struct {
		const char *text;
		enum regex_assert assert;
	} places[] = {
	    {"^", REGEX_AT_BEGIN},
	    {"$", REGEX_AT_END},
	    {"\\A", REGEX_AT_BEGIN},
	    {"\\z", REGEX_AT_END},
	    {"\\b", REGEX_AT_EDGE},
	    {"\\B", REGEX_AT_NO_EDGE},
	    {"\\<", REGEX_AT_WORD_BEGIN},
	    {"\\>", REGEX_AT_WORD_END},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (take(p, places[i].text))
			return node_assert(p, places[i].assert);
	}
	return 0;
}

static uint16_t parse_atom(struct parser *p)
{
	uint16_t place = parse_place(p);
	uint64_t set = 0;
	int byte;

	if (place != 0)
		return place;
	if (take(p, "("))
		return parse_group(p);
	if (take(p, "["))
		return parse_class(p);
	if (take(p, "."))
		return node_set(p, REGEX_ANY);
	if (take(p, "\\")) {
		byte = read_escape(p, &set);
		return node_set(p, byte < 0 ? set : set_of((uint8_t)byte));
	}
	if (strchr("*+?{", p->text[p->at]) != NULL && p->text[p->at] != '\0')
		return refuse(p, ERR_FORMAT, p->at, "there is nothing to repeat");
	return node_set(p, set_of((uint8_t)p->text[p->at++]));
}

static bool read_number(struct parser *p, unsigned *value)
{
	size_t from = p->at;

	for (*value = 0; !at_end(p) && p->text[p->at] >= '0' && p->text[p->at] <= '9'; p->at++) {
		if (*value <= REGEX_REPEAT_MAX)
			*value = *value * 10 + (unsigned)(p->text[p->at] - '0');
	}
	return p->at != from;
}

/* Behind `{`. */
static void read_bound(struct parser *p, unsigned *min, unsigned *max)
{
	size_t from = p->at - 1;
	bool has_min = read_number(p, min), has_max = true;

	*max = *min;
	if (take(p, ",")) {
		has_max = read_number(p, max);
		if (!has_max)
			*max = REGEX_INFINITE;
	}
	if (!take(p, "}") || (!has_min && (!has_max || p->text[from + 1] != ',')) || *min > *max)
		refuse(p, ERR_FORMAT, from, "this is no bound like {2} or {2,5}");
	else if (*min > REGEX_REPEAT_MAX || (*max > REGEX_REPEAT_MAX && *max != REGEX_INFINITE))
		refuse(p, ERR_LIMIT, from, "a bound is too large");
	else if (*max >= NAME_SIZE - 2)
		*max = REGEX_INFINITE; /* no name is longer */
}

static bool take_quantifier(struct parser *p, unsigned *min, unsigned *max)
{
	*min = 0;
	*max = REGEX_INFINITE;
	if (take(p, "*"))
		return true;
	if (take(p, "+")) {
		*min = 1;
		return true;
	}
	if (take(p, "?")) {
		*max = 1;
		return true;
	}
	if (!take(p, "{"))
		return false;
	read_bound(p, min, max);
	return true;
}

static uint16_t parse_piece(struct parser *p)
{
	uint16_t atom = parse_atom(p), i;
	unsigned min, max;

	if (p->err != 0 || !take_quantifier(p, &min, &max))
		return atom;
	take(p, "?"); /* lazy */
	if (!at_end(p) && p->err == 0 && strchr("*+?{", p->text[p->at]) != NULL &&
	    p->text[p->at] != '\0')
		return refuse(p, ERR_FORMAT, p->at, "one quantifier behind another");
	i = node_new(p, REGEX_REPEAT);
	p->tree->nodes[i].last_part = atom;
	p->tree->nodes[i].min = (uint16_t)min;
	p->tree->nodes[i].max = (uint16_t)max;
	return i;
}

static uint16_t parse_sequence(struct parser *p)
{
	uint16_t parts = 0;

	while (p->err == 0 && !at_end(p) && !next_is(p, '|') && !next_is(p, ')')) {
		uint16_t part = parse_piece(p);

		p->tree->nodes[part].before = parts;
		parts = part;
	}
	return node_of_parts(p, REGEX_CAT, parts);
}

static uint16_t parse_alternatives(struct parser *p)
{
	uint16_t parts = 0;

	do {
		uint16_t part = parse_sequence(p);

		p->tree->nodes[part].before = parts;
		parts = part;
	} while (p->err == 0 && take(p, "|"));
	return node_of_parts(p, REGEX_ALT, parts);
}

int regex_tree_parse(struct regex_tree *tree, const char *text, size_t len, struct why *why)
{
	struct parser p = {.tree = tree, .text = text, .len = len, .why = why};

	*tree = (struct regex_tree){.n_nodes = 1};
	if (len > REGEX_TEXT_MAX)
		return why_set(
		    why, ERR_LIMIT, "the expression is longer than %d bytes", REGEX_TEXT_MAX);
	/* A byte makes one node; `(` and `|` up to two, a sequence and what holds it. */
	tree->nodes = calloc(2 * len + 4, sizeof(*tree->nodes));
	if (tree->nodes == NULL)
		return ERR_NOMEM;
	tree->root = parse_alternatives(&p);
	if (p.err == 0 && !at_end(&p))
		refuse(&p, ERR_FORMAT, p.at, "this ) closes nothing");
	return p.err;
}

void regex_tree_free(struct regex_tree *tree)
{
	free(tree->nodes);
	tree->nodes = NULL;
}
