/* regex_tree.h - the text of a regular expression to a tree; for regex*.c alone. */
#ifndef QUELL_REGEX_TREE_H
#define QUELL_REGEX_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "blocklists/regex.h"
#include "lib/err.h"

#define REGEX_ANY      ((UINT64_C(1) << REGEX_SYMBOLS) - 1) /* the set of all symbols */
#define REGEX_LETTERS  UINT64_C(0x3ffffff)
#define REGEX_DIGITS   (UINT64_C(0x3ff) << 26)
#define REGEX_WORD     (REGEX_LETTERS | REGEX_DIGITS | UINT64_C(1) << 37) /* and `_` */
#define REGEX_INFINITE UINT16_MAX

enum regex_type {
	REGEX_SET,    /* one symbol of a set, which may be empty */
	REGEX_ASSERT, /* an empty match at certain places */
	REGEX_CAT,    /* all parts one after the other; without parts: the empty match */
	REGEX_ALT,    /* one of the parts */
	REGEX_REPEAT  /* its only part, from min to max times */
};

enum regex_assert {
	REGEX_AT_BEGIN,
	REGEX_AT_END,
	REGEX_AT_EDGE, /* a word character on one side alone */
	REGEX_AT_NO_EDGE,
	REGEX_AT_WORD_BEGIN,
	REGEX_AT_WORD_END
};

/* Parts hang on each other from the last to the first; 0 is no node. */
struct regex_node {
	uint64_t set; /* of symbols, a bit each */
	uint16_t last_part, before;
	uint16_t min, max;
	enum regex_type type;
	enum regex_assert assert;
};

struct regex_tree {
	uint16_t root;
	unsigned n_nodes;
	struct regex_node *nodes; /* owned */
};

/* Returns 0, ERR_FORMAT, ERR_LIMIT or ERR_NOMEM as regex_compile().  Free in any case. */
int regex_tree_parse(
    struct regex_tree *tree, const char *text, size_t len, struct why *why) QUELL_CHECK;
void regex_tree_free(struct regex_tree *tree);

/* Fill r->literals and r->load from the tree (regex_literals.c). */
void regex_literals_find(struct regex *r, const struct regex_tree *tree);

#endif
