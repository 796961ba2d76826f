/* explain.h - the verdict on a name in words: the rules that match, and what comes of them.
 *
 * For `why`: not for the way of a query.
 */
#ifndef QUELL_EXPLAIN_H
#define QUELL_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "blocklists/judge.h"

#define EXPLAIN_RULE_SIZE    448 /* where it is shown, a longer rule is cut */
#define EXPLAIN_VERDICT_SIZE 1024

/* The rule that `match`, of `name`, is; it borrows from both and from the image.  False for one of a
 * damaged image. */
bool explain_rule(
    const struct trie *t, const uint8_t *name, const struct judge_match *match, struct rule *rule);

/* "not listed" (n_matches 0), "not blocked", "let pass", "allowed", "exempt: the network needs it",
 * "blocked", "dropped", "truncated
 * over UDP", or the answer.  Returns `text`. */
const char *explain_verdict(
    const struct judge_verdict *verdict, size_t n_matches, char text[EXPLAIN_VERDICT_SIZE]);

#endif
