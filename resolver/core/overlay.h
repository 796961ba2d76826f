/* overlay.h - the rules of the user's own, in force before everything that lists say.
 *
 *   rules   action, exact?, answer, name   action, ...            (bytes: as the parent sends them)
 *              ^                              ^
 *   slots   [  1  |  0  |  ...  |  n  |  0  ]                     hashed by the name
 *
 * A rule covers its name and all below it, or with `exact` its name alone.  Of the rules that cover
 * a name the exact one comes first, then the one with more labels; of equals, the one given first.  A
 * pause is above all of them.
 *
 * The table is made at its full size and filled as a whole.  A look-up takes one probe for each
 * number of labels that rules have: with none of them it is a comparison.  No input or output, no
 * allocation after overlay_new().  One thread only.
 */
#ifndef QUELL_OVERLAY_H
#define QUELL_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/block_answer.h"
#include "lib/dns/name.h"
#include "lib/err.h"
#include "lib/hash.h"

#define OVERLAY_RULES_MAX 4096
#define OVERLAY_RULE_SIZE (2 + sizeof(struct block_answer) + NAME_SIZE)
#define OVERLAY_SIZE	  (OVERLAY_RULES_MAX * OVERLAY_RULE_SIZE)
#define OVERLAY_SLOTS	  (2 * OVERLAY_RULES_MAX) /* a power of two */

enum overlay_action { OVERLAY_NONE, OVERLAY_ALLOW, OVERLAY_BLOCK };

struct overlay_rule {
	enum overlay_action action;
	bool exact;
	const uint8_t *name;		   /* lower-case wire form */
	const struct block_answer *answer; /* of a block; NULL: as lists have it */
};

/* Open, for the look-up of an empty one. */
struct overlay {
	bool paused; /* blocking is off */
	uint32_t n_rules, n_blocks;
	uint32_t n_answers; /* blocks with an answer of their own */
	uint64_t depths[2]; /* bit i: a rule's name has i labels */
	struct hash_key key;
	uint32_t slot[OVERLAY_SLOTS]; /* 1 + where the rule begins; 0: free */
	uint8_t rules[OVERLAY_SIZE];
};

/* An empty overlay; `key` is the secret for its hash.  NULL: no memory.  Free with free().  What no
 * rule needs of it is never touched. */
struct overlay *overlay_new(const struct hash_key *key);

/* Write `rule` to out[0..OVERLAY_RULE_SIZE), as overlay_set() reads it; returns its length. */
size_t overlay_put(uint8_t out[OVERLAY_RULE_SIZE], const struct overlay_rule *rule);

/* Take these rules, one behind the other, in the place of those before.  Returns 0, or ERR_FORMAT or
 * ERR_RANGE for what are none or too many: then those before stay. */
int overlay_set(struct overlay *o, bool paused, const uint8_t *rules, size_t len) QUELL_CHECK;

/* The rules that cover `name` (lower-case wire form), in the order of precedence: at most `max` into
 * out, borrowed until the next overlay_set().  Returns how many; the first decides.  A pause does
 * not count here. */
size_t overlay_matches(
    const struct overlay *o, const uint8_t *name, struct overlay_rule *out, size_t max);

/* What becomes of `name`: blocked, allowed (in a pause: anything), or none of both. */
static inline enum overlay_action overlay_judge(const struct overlay *o, const uint8_t *name)
{
	struct overlay_rule rule;

	if (o->paused)
		return OVERLAY_ALLOW;
	if (o->n_rules == 0 || overlay_matches(o, name, &rule, 1) == 0)
		return OVERLAY_NONE;
	return rule.action;
}

#endif
