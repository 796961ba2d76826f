/* regex.h - a regular expression to a deterministic automaton, within a budget.
 *
 *   text -- regex_tree.c --> tree --> NFA --> DFA, minimised      regex.c
 *                               \---> literals                    regex_literals.c
 *
 * Compiled outside the worker; what the worker runs is a table (patterns.h).  The subject is a host
 * name in lower case without the dot at its end, as lists' expressions expect it: `ads.example.com`.
 * An expression matches a name when it matches any part of it.
 *
 * Read: literals, `.`, classes with ranges and negation, [:alpha:] and its kind, \d \w \s \D \W \S,
 * \xHH, escaped punctuation, groups `(...)` and `(?:...)`, alternation, * + ? {m,n} and their lazy forms
 * (which match the same names), ^ $ \b \B \< \> \A \z anywhere.  Letter case is ignored.  A backslash
 * in a class escapes, as in RE2 and JavaScript and not in POSIX.
 * Refused, with position and reason: look-around, back-references, possessive and doubled
 * quantifiers, braces that are no bound, other escapes.
 *
 * Names have 40 symbols: a-z 0-9 - _ . and one for all other bytes.  That one is matched by `.`, \D
 * \W \S and negated classes, and by nothing that names a character.
 */
#ifndef QUELL_REGEX_H
#define QUELL_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dns/name.h"
#include "lib/err.h"

/* What one expression may be and cost; beyond it is ERR_LIMIT. */
#define REGEX_TEXT_MAX	 2048	/* bytes */
#define REGEX_DEPTH_MAX	 40	/* groups inside each other */
#define REGEX_REPEAT_MAX 1000	/* in braces */
#define REGEX_NODES_MAX	 4000	/* of the NFA, bounds in braces written out */
#define REGEX_RAW_MAX	 4000	/* states before the automaton is minimised */
#define REGEX_STATES_MAX 1000	/* and then */
#define REGEX_WORK_MAX	 500000 /* nodes looked at on the way: a few milliseconds */

#define REGEX_SYMBOLS 40
#define REGEX_OTHER   39

/* The symbol, below REGEX_SYMBOLS, of a byte of a subject. */
uint8_t regex_symbol(uint8_t byte);

/* A literal is a run of up to REGEX_LITERAL_LEN symbols in 6 bits each, the last one lowest; each
 * counts from 1, so that 0 is no symbol.  Before the first symbol of a subject stands REGEX_BEGIN,
 * behind its last REGEX_END, so that a literal can be bound to an end of the name. */
#define REGEX_BEGIN	   40
#define REGEX_END	   41
#define REGEX_LITERAL_LEN  8
#define REGEX_LITERAL_BITS 6
#define REGEX_LITERAL_MASK 0x3fu
#define REGEX_LITERALS_MAX 32
#define REGEX_LOAD_ONE	   (1u << 20)

/* The minimal automaton: state 0 is the start; it reads the whole subject, and accepts by
 * accepts[state at the end].  No way leads out of the states from first_sink on. */
struct regex {
	uint64_t work; /* nodes looked at to make it; also where that failed */
	uint16_t n_states, first_sink;
	uint8_t n_classes;
	uint8_t class_of[REGEX_SYMBOLS];
	uint16_t *next;	  /* [state * n_classes + class], owned */
	uint8_t *accepts; /* [state], owned */
	/* Every subject that matches contains one of these: REGEX_BEGIN alone where no better is
	 * known.  `load` is the share of names thought to contain one, of REGEX_LOAD_ONE. */
	uint8_t n_literals;
	uint32_t load;
	uint64_t literals[REGEX_LITERALS_MAX];
};

/* Compile text[0..len).  `inverted`: accept what it does not match.
 * Returns 0; ERR_FORMAT: the expression is wrong or uses what is not supported; ERR_LIMIT: over the
 * budget, both with the reason in `why`; ERR_NOMEM.  Free with regex_free(), also after an error. */
int regex_compile(
    struct regex *r, const char *text, size_t len, bool inverted, struct why *why) QUELL_CHECK;
void regex_free(struct regex *r);

/* Does it accept subject[0..len)? */
bool regex_matches(const struct regex *r, const char *subject, size_t len);

/* Does it mean the same as a rule on a name: `(^|\.)ads\.example\.com$` (suffix), `^ads\.example\.com$`
 * (exact), `\.ads\.example\.com$` (below)?  Then true, and the kind and the name of *rule are set, to
 * name[]: such a rule goes into the trie.  False: *rule is as it was. */
struct rule;
bool regex_is_name(const char *text, size_t len, struct rule *rule, uint8_t name[NAME_SIZE]);

#endif
