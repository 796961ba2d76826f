/* judge.h - what the lists say of a name: all rules that match it, weighed.
 *
 *   $badfilter has taken rules out already when the image was made; then, the first that there is:
 *     1  answer that no no-answer voids ($dnsrewrite; not that of a `nearest` rule)
 *     2  allow, important                        3  block, important
 *     4  allow
 *     5  list by list in their order, of each the most specific rule: block, drop, tcp-only, answer
 *        of a `nearest` rule; with exempt the next list is looked at; pass is the end
 *
 *   More specific is: an exact rule, then the rule with more labels, below before suffix, names
 *   before expressions, of networks the smaller.  Of equals in one list the first of pass, exempt,
 *   drop, tcp-only, answer, block decides.
 *   Answers: one with an RCODE or a CNAME stands for itself, before others (in 1: of several the
 *   important, then the first list's, then the most specific); all others of 1, or of the same list
 *   and as specific in 5, are one answer with the records of all.
 *
 * Read-only, no allocation, a few KiB of stack; memory-safe on any image.
 */
#ifndef QUELL_JUDGE_H
#define QUELL_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/effect.h"
#include "blocklists/trie.h"

enum judge_outcome {
	JUDGE_NONE,    /* no rule says anything */
	JUDGE_ALLOWED, /* a rule allows it */
	JUDGE_BLOCKED,
	JUDGE_DROP,
	JUDGE_TCP_ONLY,
	JUDGE_ANSWER /* the answers together */
};

/* Effects with the verdict answer; more for one name are left out. */
#define JUDGE_ANSWERS_MAX 16

/* One rule that matches a name and counts. */
struct judge_match {
	uint16_t list;
	enum rule_kind kind;
	uint8_t labels;	 /* of a name rule: the rightmost `labels` labels of the name are its own */
	bool voided;	 /* another rule takes it out, or it is ... */
	bool shared;	 /* ... on a name that many share (effect_ask.shared_labels) */
	uint32_t number; /* of a regex: see trie_regex_set() */
	uint32_t effect; /* see trie_effect() */
};

struct judge_verdict {
	enum judge_outcome outcome;
	bool by_client; /* another client might get another verdict */
	bool by_type;	/* another type of query might */
	bool needed;	/* JUDGE_ALLOWED: since the network needs the name (EFFECT_NEEDED) */
	/* What the answer leads to is judged by the lists below this: less than asked for where a rule
	 * of it passed the name (tcp-only, over TCP, is a pass too), 0 where one allowed it. */
	uint16_t n_lists;
	bool decided;	       /* where ask->rule_wanted: by a rule, which is */
	struct judge_match by; /* the first of judge_matches() */
	uint16_t n_answers;    /* JUDGE_ANSWER: at least one */
	struct judge_answer {
		const uint8_t *effect;
		size_t len;
	} answers[JUDGE_ANSWERS_MAX];
};

/* The verdict on ask->name by the lists below `n_lists` (RULE_LISTS_MAX: all).  Cost: where
 * the image has nothing but plain blocks trie_blocks(); where no other rule stands on the way of the
 * name, or the rule is wanted, one trie_walk() and patterns_match(); else these a few times. */
void judge_name(const struct trie *t, const struct effect_ask *ask, unsigned n_lists,
    struct judge_verdict *verdict);

/* The verdict on an address in the answer to ask->name: the rules of the kind address.  `family`
 * AF_INET or AF_INET6; address in network order. */
void judge_address(const struct trie *t, const struct effect_ask *ask, unsigned n_lists, int family,
    const uint8_t *address, struct judge_verdict *verdict);

/* Every rule that matches ask->name and counts, in the order of precedence: the first decides, if it
 * is not void; void ones come last.  At most `max` into out.  Returns how many there are in all. */
size_t judge_matches(
    const struct trie *t, const struct effect_ask *ask, struct judge_match *out, size_t max);

/* The same for an address in the answer to ask->name, as judge_address() has it: of a match, `labels`
 * are the bits of the network. */
size_t judge_address_matches(const struct trie *t, const struct effect_ask *ask, unsigned n_lists,
    int family, const uint8_t *address, struct judge_match *out, size_t max);

#endif
