/* regexes.h - for tests of regular expressions: expressions by dice, and what one means by its
 * definition, without an automaton.
 */
#ifndef QUELL_TESTS_REGEXES_H
#define QUELL_TESTS_REGEXES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/regex_tree.h"

#define REGEXES_SUBJECT_MAX 60 /* the places in it are the bits of a u64 */

/* ---- the definition ---- */

struct regexes_subject {
	uint8_t symbols[REGEXES_SUBJECT_MAX];
	unsigned n;
};

static inline bool regexes_word_at(const struct regexes_subject *s, unsigned at)
{
	return at < s->n && (REGEX_WORD >> s->symbols[at] & 1) != 0;
}

static inline bool regexes_holds(
    const struct regexes_subject *s, enum regex_assert assert, unsigned at)
{
	bool before = at != 0 && regexes_word_at(s, at - 1), behind = regexes_word_at(s, at);

	switch (assert) {
	case REGEX_AT_BEGIN:
		return at == 0;
	case REGEX_AT_END:
		return at == s->n;
	case REGEX_AT_EDGE:
		return before != behind;
	case REGEX_AT_NO_EDGE:
		return before == behind;
	case REGEX_AT_WORD_BEGIN:
		return !before && behind;
	default:
		return before && !behind;
	}
}

static inline uint64_t regexes_ends(
    const struct regex_tree *tree, uint16_t at, const struct regexes_subject *s, uint64_t places);

static inline uint64_t regexes_ends_of_parts(const struct regex_tree *tree, uint16_t last_part,
    const struct regexes_subject *s, uint64_t places)
{
	if (last_part == 0)
		return places;
	places = regexes_ends_of_parts(tree, tree->nodes[last_part].before, s, places);
	return regexes_ends(tree, last_part, s, places);
}

/* Where node `at` may end if it begins at one of `places`. */
static inline uint64_t regexes_ends(
    const struct regex_tree *tree, uint16_t at, const struct regexes_subject *s, uint64_t places)
{
	const struct regex_node *node = &tree->nodes[at];
	uint64_t ends = 0;

	switch (node->type) {
	case REGEX_SET:
		for (unsigned i = 0; i < s->n; i++) {
			if ((places >> i & 1) != 0 && (node->set >> s->symbols[i] & 1) != 0)
				ends |= UINT64_C(2) << i;
		}
		return ends;
	case REGEX_ASSERT:
		for (unsigned i = 0; i <= s->n; i++) {
			if ((places >> i & 1) != 0 && regexes_holds(s, node->assert, i))
				ends |= UINT64_C(1) << i;
		}
		return ends;
	case REGEX_CAT:
		return regexes_ends_of_parts(tree, node->last_part, s, places);
	case REGEX_ALT:
		for (uint16_t i = node->last_part; i != 0; i = tree->nodes[i].before)
			ends |= regexes_ends(tree, i, s, places);
		return ends;
	case REGEX_REPEAT:
		for (unsigned i = 0; i < node->max; i++) {
			uint64_t next;

			if (i >= node->min)
				ends |= places;
			next = regexes_ends(tree, node->last_part, s, places);
			if (next == places)
				break; /* and so for ever */
			places = next;
		}
		return ends | places;
	}
	return ends;
}

/* `tree` at any place of subject[0..len), len <= REGEXES_SUBJECT_MAX. */
static inline bool regexes_match(const struct regex_tree *tree, const char *subject, size_t len)
{
	struct regexes_subject s = {.n = (unsigned)len};

	for (unsigned i = 0; i < s.n; i++)
		s.symbols[i] = regex_symbol((uint8_t)subject[i]);
	return regexes_ends(tree, tree->root, &s, (UINT64_C(2) << s.n) - 1) != 0;
}

/* Has subject[0..len), with its ends, one of the literals? */
static inline bool regexes_has_literal(const struct regex *r, const char *subject, size_t len)
{
	uint64_t last = REGEX_BEGIN + 1;

	for (size_t at = 0;; at++) {
		for (unsigned i = 0; i < r->n_literals; i++) {
			uint64_t literal = r->literals[i], mask = 0;

			while (mask < literal)
				mask = mask << REGEX_LITERAL_BITS | REGEX_LITERAL_MASK;
			if ((last & mask) == literal)
				return true;
		}
		if (at > len)
			return false;
		last <<= REGEX_LITERAL_BITS;
		last |= at == len ? REGEX_END + 1 : regex_symbol((uint8_t)subject[at]) + 1u;
	}
}

/* ---- by dice ---- */

/* From 0 to n - 1 (Marsaglia's xorshift). */
static inline uint32_t regexes_dice(uint32_t *seed, uint32_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % n;
}

/* An expression as lists write it, and the same one for regcomp(). */
struct regexes_text {
	char ours[600], posix[600];
};

static inline void regexes_put(struct regexes_text *t, const char *ours, const char *posix)
{
	size_t n = strlen(t->ours), m = strlen(t->posix);

	snprintf(t->ours + n, sizeof(t->ours) - n, "%s", ours);
	snprintf(t->posix + m, sizeof(t->posix) - m, "%s", posix);
}

/* `places`: with ^ $ \b \B inside. */
static inline void regexes_put_any(
    struct regexes_text *t, uint32_t *seed, unsigned depth, bool places)
{
	static const struct {
		const char *ours, *posix;
	} atoms[] = {
	    {"a", "a"},
	    {"b", "b"},
	    {"ads", "ads"},
	    {"C", "c"},
	    {"\\.", "\\."},
	    {".", "."},
	    {"[ab]", "[ab]"},
	    {"[^a.]", "[^a.]"},
	    {"\\d", "[0-9]"},
	    {"[\\d_]", "[0-9_]"},
	    {"\\w", "\\w"},
	    {"\\W", "\\W"},
	    {"[[:alnum:]-]", "[[:alnum:]-]"},
	    {"x1", "x1"},
	    {"\\-", "-"},
	    {"[\\w.]", "[a-z0-9_.]"},
	    {"[0-9a-c]", "[0-9a-c]"},
	    {"\\x62", "b"},
	    {"[^[:space:].]", "[^[:space:].]"},
	    {"\\D", "[^0-9]"},
	    {"com", "com"},
	    {"\\bad", "\\bad"},
	    {"s\\b", "s\\b"},
	    {"a\\B", "a\\B"},
	};
	const uint32_t n_atoms = sizeof(atoms) / sizeof(atoms[0]) - (places ? 0 : 3);
	static const struct {
		const char *ours, *posix;
	} repeats[] = {
	    {"*", "*"},
	    {"+", "+"},
	    {"?", "?"},
	    {"*?", "*"},
	    {"+?", "+"},
	    {"{2}", "{2}"},
	    {"{0,2}", "{0,2}"},
	    {"{1,}", "{1,}"},
	    {"{1,3}?", "{1,3}"},
	    {"??", "?"},
	};
	unsigned n_alternatives = depth > 1 && regexes_dice(seed, 3) == 0 ? 2 : 1;

	for (unsigned i = 0; i < n_alternatives; i++) {
		unsigned n_pieces = 1 + regexes_dice(seed, 3);

		if (i != 0)
			regexes_put(t, "|", "|");
		while (n_pieces-- != 0) {
			uint32_t kind = (places ? 0 : 2) + regexes_dice(seed, 8);

			if (kind == 0) {
				regexes_put(t, "^", "^");
				continue;
			}
			if (kind == 1) {
				regexes_put(t, "$", "$");
				continue;
			}
			if (kind < 5 && depth != 0) {
				regexes_put(t, kind == 2 ? "(?:" : "(", "(");
				regexes_put_any(t, seed, depth - 1, places);
				regexes_put(t, ")", ")");
			} else {
				uint32_t a = regexes_dice(seed, n_atoms);

				/* A quantifier is for the whole atom. */
				regexes_put(t, "(?:", "(");
				regexes_put(t, atoms[a].ours, atoms[a].posix);
				regexes_put(t, ")", ")");
			}
			if (regexes_dice(seed, 3) == 0) {
				uint32_t q =
				    regexes_dice(seed, sizeof(repeats) / sizeof(repeats[0]));

				regexes_put(t, repeats[q].ours, repeats[q].posix);
			}
		}
	}
}

static inline void regexes_random(struct regexes_text *t, uint32_t *seed, bool places)
{
	t->ours[0] = t->posix[0] = '\0';
	if (regexes_dice(seed, 3) == 0)
		regexes_put(t, "^", "^");
	regexes_put_any(t, seed, 3, places);
	if (regexes_dice(seed, 3) == 0)
		regexes_put(t, "$", "$");
}

/* A name, without empty labels, that expressions by dice are likely to match parts of. */
static inline size_t regexes_subject(char *subject, uint32_t *seed)
{
	static const char *const parts[] = {
	    "a", "b", "ads", "c", "x1", "12", "-", "_", "com", "aa", "ab", "\x80", "z", "s"};
	size_t n = 0, max = regexes_dice(seed, 24);

	subject[0] = '\0';
	while (n < max) {
		const char *part = parts[regexes_dice(seed, sizeof(parts) / sizeof(parts[0]))];

		if (n != 0 && subject[n - 1] != '.' && regexes_dice(seed, 3) == 0)
			subject[n++] = '.';
		memcpy(subject + n, part, strlen(part) + 1);
		n += strlen(part);
	}
	return n;
}

#endif
