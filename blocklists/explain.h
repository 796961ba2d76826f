/* explain.h - the verdict on a name in words: which rules match, and what comes of them.
 *
 * For `why`: not for the way of a query.
 */
#ifndef QUELL_EXPLAIN_H
#define QUELL_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "blocklists/judge.h"

#define EXPLAIN_MATCHES	     64
#define EXPLAIN_RULE_SIZE    448 /* a longer rule is cut */
#define EXPLAIN_VERDICT_SIZE 1024

/* Rules come from lists: escape their text before it is shown. */
struct explain {
	char verdict[EXPLAIN_VERDICT_SIZE]; /* "blocked", "answer A=192.0.2.1", ... */
	uint32_t by_client;		    /* not 0: another client might get another verdict */
	uint32_t n_matches;		    /* in all; of these the first EXPLAIN_MATCHES: */
	struct explain_match {
		uint16_t list;
		uint16_t voided; /* not 0: another rule takes it out */
		char rule[EXPLAIN_RULE_SIZE];
	} match[EXPLAIN_MATCHES]; /* in the order of precedence */
};

/* What the lists say of ask->name. */
void explain_name(const struct trie *t, const struct effect_ask *ask, struct explain *out);

/* The rule that `match`, of `name`, is; it borrows from both and from the image.  False for one of a
 * damaged image. */
bool explain_rule(
    const struct trie *t, const uint8_t *name, const struct judge_match *match, struct rule *rule);

/* "not listed" (n_matches 0), "not blocked", "let pass", "allowed", "blocked", "dropped", "truncated
 * over UDP", or the answer.  Returns `text`. */
const char *explain_verdict(
    const struct judge_verdict *verdict, size_t n_matches, char text[EXPLAIN_VERDICT_SIZE]);

#endif
