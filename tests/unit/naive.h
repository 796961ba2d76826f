/* naive.h - rules in an array, and what they say of a name by going through all of them: judge.h
 * read literally.  What the trie, the patterns and the judge are tested against; expressions are
 * matched by the C library.
 */
#ifndef TESTS_NAIVE_H
#define TESTS_NAIVE_H

#include <regex.h>

#include "blocklists/feed.h"
#include "blocklists/judge.h"

struct naive_rule {
	unsigned list;
	struct rule rule; /* what it points to is owned */
	regex_t regex;	  /* RULE_REGEX */
	bool taken_away;  /* by $badfilter */
};

struct naive {
	struct naive_rule *rules;
	size_t n, size;
	struct rule *cancels;
	size_t n_cancels;
};

void naive_init(struct naive *naive);
void naive_fini(struct naive *naive);

/* Copy a rule of list `list`. */
void naive_add(struct naive *naive, const struct rule *rule, unsigned list);

/* Take away all rules that equal it, those that are there and those to come. */
void naive_cancel(struct naive *naive, const struct rule *rule);

/* All rules of a text, as feed_parse() reads it; returns what that returned. */
int naive_feed(struct naive *naive, unsigned list, const char *text, size_t len,
    const struct feed_syntax *syntax, bool rewrites, struct why *why) QUELL_CHECK;

/* Does the rule match the name, whether it counts for the one who asks or not? */
bool naive_matches(const struct naive_rule *rule, const uint8_t *name);

/* The verdict on ask->name. */
enum judge_outcome naive_judge(const struct naive *naive, const struct effect_ask *ask);

#endif
