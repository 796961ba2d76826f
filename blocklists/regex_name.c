/* regex_name.c - expressions that mean a name. */
#include <string.h>

#include "blocklists/regex_tree.h"
#include "blocklists/rule.h"

/* The parts of a sequence, from the last on; what is no sequence is its own only part. */
struct reader {
	const struct regex_node *nodes;
	uint16_t at; /* 0: all are read */
	bool alone;
};

static struct reader reader_of(const struct regex_node *nodes, uint16_t root)
{
	if (nodes[root].type == REGEX_CAT)
		return (struct reader){nodes, nodes[root].last_part, false};
	return (struct reader){nodes, root, true};
}

static void read_on(struct reader *r)
{
	r->at = r->alone ? 0 : r->nodes[r->at].before;
}

static bool read_assert(struct reader *r, enum regex_assert assert)
{
	const struct regex_node *node = &r->nodes[r->at];

	if (r->at == 0 || node->type != REGEX_ASSERT || node->assert != assert)
		return false;
	read_on(r);
	return true;
}

/* The character that the next part matches, and it alone; 0: it is something else. */
static char read_char(struct reader *r)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	const struct regex_node *node = &r->nodes[r->at];

	if (r->at == 0 || node->type != REGEX_SET || __builtin_popcountll(node->set) != 1 ||
	    node->set >> REGEX_OTHER != 0)
		return '\0';
	read_on(r);
	return chars[__builtin_ctzll(node->set)];
}

static bool read_dot(struct reader *r)
{
	struct reader before = *r;

	if (read_char(r) == '.')
		return true;
	*r = before;
	return false;
}

/* `.*` or `.+`: no label is empty, so before a dot they are the same. */
static bool read_anything(struct reader *r)
{
	const struct regex_node *node = &r->nodes[r->at];

	if (r->at == 0 || node->type != REGEX_REPEAT || node->max != REGEX_INFINITE ||
	    node->min > 1 || r->nodes[node->last_part].type != REGEX_SET ||
	    r->nodes[node->last_part].set != REGEX_ANY)
		return false;
	read_on(r);
	return true;
}

static bool read_end(const struct reader *r)
{
	return r->at == 0;
}

/* `.*\.`, which is `^.*\.`. */
static bool is_labels(const struct regex_node *nodes, uint16_t root)
{
	struct reader r = reader_of(nodes, root);

	return read_dot(&r) && read_anything(&r) && read_end(&r);
}

static bool is_dot(const struct regex_node *nodes, uint16_t root)
{
	struct reader r = reader_of(nodes, root);

	return read_dot(&r) && read_end(&r);
}

static bool is_begin(const struct regex_node *nodes, uint16_t root)
{
	struct reader r = reader_of(nodes, root);

	return read_assert(&r, REGEX_AT_BEGIN) && read_end(&r);
}

/* `(^|\.)`, `(\.|^)`. */
static bool read_begin_or_dot(struct reader *r)
{
	const struct regex_node *nodes = r->nodes, *node = &nodes[r->at];
	uint16_t last = node->last_part, first;

	if (r->at == 0 || node->type != REGEX_ALT)
		return false;
	first = nodes[last].before;
	if (nodes[first].before != 0 || !((is_begin(nodes, first) && is_dot(nodes, last)) ||
					    (is_begin(nodes, last) && is_dot(nodes, first))))
		return false;
	read_on(r);
	return true;
}

/* `(.+\.)?`. */
static bool read_labels_or_not(struct reader *r)
{
	const struct regex_node *node = &r->nodes[r->at];

	if (r->at == 0 || node->type != REGEX_REPEAT || node->min != 0 || node->max != 1 ||
	    !is_labels(r->nodes, node->last_part))
		return false;
	read_on(r);
	return true;
}

/* What stands before the name. */
static bool read_kind(struct reader r, enum rule_kind *kind)
{
	struct reader other = r;

	*kind = RULE_SUFFIX;
	if (read_begin_or_dot(&other) && read_end(&other))
		return true;
	other = r;
	if (read_labels_or_not(&other) && read_assert(&other, REGEX_AT_BEGIN) && read_end(&other))
		return true;
	*kind = RULE_EXACT;
	other = r;
	if (read_assert(&other, REGEX_AT_BEGIN) && read_end(&other))
		return true;
	*kind = RULE_BELOW;
	if (!read_dot(&r))
		return false;
	if (read_anything(&r))
		read_assert(&r, REGEX_AT_BEGIN);
	return read_end(&r);
}

static bool read_name(struct reader *r, enum rule_kind *kind, uint8_t name[NAME_SIZE], size_t *len)
{
	char text[NAME_SIZE];
	size_t n = sizeof(text);

	if (!read_assert(r, REGEX_AT_END))
		return false;
	while (n != 0) {
		char c;

		if (n != sizeof(text) && read_kind(*r, kind))
			return name_from_text(text + n, sizeof(text) - n, name, len) == 0 &&
			       text[sizeof(text) - 1] != '.';
		c = read_char(r);
		if (c == '\0')
			return false;
		text[--n] = c;
	}
	return false;
}

bool regex_is_name(const char *text, size_t len, struct rule *rule, uint8_t name[NAME_SIZE])
{
	struct regex_tree tree;
	bool is_name = false;
	enum rule_kind kind;
	size_t name_len;

	if (regex_tree_parse(&tree, text, len, NULL) == 0) {
		struct reader r = reader_of(tree.nodes, tree.root);

		is_name = read_name(&r, &kind, name, &name_len);
		if (is_name) {
			rule->kind = kind;
			rule->name = name;
			rule->name_len = name_len;
		}
	}
	regex_tree_free(&tree);
	return is_name;
}
