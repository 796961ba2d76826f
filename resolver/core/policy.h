/* policy.h - the verdict on a name: what the user's own rules say of it, and where they say nothing,
 * the lists now in force; and of the names and addresses that an answer leads to.
 *
 * A verdict holds for one generation: it goes up by one with every change of the rules and the lists,
 * so that a verdict kept beside a cached answer can be known to be old.
 */
#ifndef QUELL_POLICY_H
#define QUELL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/judge.h"
#include "blocklists/trie.h"
#include "resolver/core/overlay.h"
#include "resolver/core/zones.h"

struct policy {
	struct trie lists;	     /* all zero: nothing is blocked */
	const struct overlay *rules; /* the user's own, borrowed; NULL: none */
	struct zones shared;	     /* by labels (shared.h); none: every rule counts */
	uint32_t generation;
};

/* CNAMEs of the lists that are followed for one question; a longer chain, or a loop, is blocked. */
#define POLICY_HOPS_MAX 8

/* Where the lists lead a question: over their own CNAMEs to the name that is to be resolved, and
 * the verdict on that. */
struct policy_way {
	struct judge_verdict verdict; /* of all on the way: by_client */
	bool own;		      /* it is not the lists' but the user's: allowed or blocked */
	unsigned n_hops;
	unsigned n_local; /* the first of them: aliases of the configuration, and no list's */
	/* In lower case; the last is the name to be resolved. */
	uint8_t hop[POLICY_HOPS_MAX][NAME_SIZE];
};

/* Judge by `lists` from now on; their bytes stay mapped until the next call. */
void policy_set_lists(struct policy *p, const struct trie *lists);

/* Judge by these rules from now on; again after each change of them. */
void policy_set_rules(struct policy *p, const struct overlay *rules);

/* Where an answer leads to a name that many share, the lists' rules on that alone do not count; or do. */
void policy_set_guard(struct policy *p, bool on);

/* Judge ask->name (lower-case wire form), and follow the lists' CNAMEs from there: to a verdict that
 * is no CNAME.  A name that is answered with a CNAME to itself is allowed.  Cost: overlay_judge() and
 * judge_name() for each name. */
void policy_judge(const struct policy *p, const struct effect_ask *ask, struct policy_way *way);

/* Does `way` lead by aliases of the house, and does a rule of the user's own allow the name asked, in lower
 * case or not?  Then where they lead is not judged, as for any other name that is allowed so. */
bool policy_allows_alias(
    const struct policy *p, const uint8_t *asked, const struct policy_way *way);

/* The same from the end of `way` on, to where aliases lead; `way` has n_hops and n_local. */
void policy_judge_from(
    const struct policy *p, const struct effect_ask *ask, struct policy_way *way);

/* Do lists lead it on? */
static inline bool policy_way_is_forged(const struct policy_way *way)
{
	return way->n_hops > way->n_local;
}

/* Verdicts of before do not count any more: names of the house have changed. */
void policy_renew(struct policy *p);

/* The name to be resolved for the question `name`. */
static inline const uint8_t *policy_way_end(const struct policy_way *way, const uint8_t *name)
{
	return way->n_hops == 0 ? name : way->hop[way->n_hops - 1];
}

/* Is a question for ask->name let through, its aliases aside? */
bool policy_lets(const struct policy *p, const struct effect_ask *ask);

/* What an answer leads to is judged at all: `addresses` or names, where the verdict on the name asked
 * is `way`. */
bool policy_judges_answers(const struct policy *p, const struct policy_way *way, bool addresses);

/* What a record of an answer leads to: a name, or an address. */
struct policy_target {
	uint8_t name[NAME_SIZE]; /* lower case */
	int family;		 /* of the address: AF_INET or AF_INET6; 0: it is the name */
	const uint8_t *address;	 /* borrowed from the message; network order */
};

/* Where a record leads to, one after the other: its name or its address; of SVCB and HTTPS the name, and the
 * addresses of the hints. */
struct policy_targets {
	const uint8_t *msg;
	size_t pos, end; /* what of the rdata is still to be read */
	size_t hints_end;
	uint16_t type; /* 0: nothing more */
	int family;    /* of hints, from pos to hints_end; 0: there are none */
	bool named;    /* the name was given */
};

/* Begin with the record whose TTL stands at msg[ttl_off], in an answer in normal form (answer.h). */
void policy_targets_start(struct policy_targets *t, const uint8_t *msg, size_t len, size_t ttl_off);

/* The next of them; false: there is none. */
bool policy_targets_next(struct policy_targets *t, struct policy_target *target);

/* The first of them that is not let through by policy_judge_target(); false: all are. */
bool policy_find_withheld(const struct policy *p, const struct effect_ask *ask, unsigned n_lists,
    const uint8_t *msg, size_t len, size_t ttl_off, struct policy_target *target);

/* What is asked of rules and lists about `target`, a name, in the answer to ask->name. */
struct effect_ask policy_ask_target(
    const struct policy *p, const struct effect_ask *ask, const struct policy_target *target);

/* The verdict on a target of the answer to ask->name; returns whether it is the user's own.  What a
 * list answers with a CNAME is blocked here: it is not followed a second time. */
bool policy_judge_target(const struct policy *p, const struct effect_ask *ask, unsigned n_lists,
    const struct policy_target *target, struct judge_verdict *verdict);

/* The verdict on what an answer in normal form to ask->name leads to: the names of CNAME, DNAME, SVCB
 * and HTTPS, and the addresses of A and AAAA and of hints, in its answer section.  The first that is neither let be
 * nor allowed decides; JUDGE_NONE where there is none; *own says whose it is, and *ttl_off where the
 * TTL of its record stands.  `n_lists`: as the verdict on the name says.  Cost: a walk over the answer
 * section and a look-up for each. */
void policy_judge_answer(const struct policy *p, const struct effect_ask *ask, unsigned n_lists,
    const uint8_t *msg, size_t len, struct judge_verdict *verdict, bool *own, uint16_t *ttl_off);

#endif
