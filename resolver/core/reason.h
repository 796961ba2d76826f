/* reason.h - why a query gets the answer it gets: every rule that matches, of the user's own and of
 * the lists, on the whole way from the name asked to what its answer leads to.
 *
 *   www.shop.example --asked--> own rules, lists          steps, in their order; the last one judged
 *     cdn.shop.example --a list's CNAME--> own, lists      decides.  Each has its matches, in the order
 *       x.tracker.example --answer leads to--> own, lists  of precedence: the first decides, if it is
 *                                                          not void.
 *
 * Two forms: the whole of it (for the control socket and for NAME.why.quell.internal), and a short text
 * for the EDE of a blocked answer.  Only the second stands on the way of a query; it formats no more
 * than a name.  No allocation; the whole of it takes some 40 KiB of stack.
 *
 * Texts of rules come from lists: escape them before they are shown.
 */
#ifndef QUELL_REASON_H
#define QUELL_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/effect.h"
#include "blocklists/explain.h"
#include "lib/block_answer.h"
#include "lib/conf.h"
#include "resolver/core/cache.h"
#include "resolver/core/local.h"
#include "resolver/core/policy.h"
#include "resolver/core/special.h"

#define REASON_STEPS	   16
#define REASON_MATCHES	   48
#define REASON_LISTS	   (CONF_LISTS_MAX + 1) /* one more: what quell-update exempts */
#define REASON_OWN	   UINT16_MAX /* in the place of a list: a rule of the user's own */
#define REASON_SHORT_SIZE  97
#define REASON_CHANGES	   3
#define REASON_CHANGE_SIZE 288

/* What the lists are called: printable ASCII; an empty name is not known. */
struct reason_names {
	uint32_t n;
	bool configured[REASON_LISTS]; /* it stands in the configuration */
	char name[REASON_LISTS][CONF_NAME_SIZE];
};

/* What is said to those whom the lists in it block; BLOCK_DEFAULT: as for all. */
struct reason_answers {
	struct block_answer list[REASON_LISTS];
};

/* What is known of where the answer leads. */
enum reason_answer {
	REASON_ANSWER_OPEN, /* it does not matter: another step has decided, or no rule could match */
	REASON_ANSWER_JUDGED, /* by the answer in the cache */
	REASON_ANSWER_UNKNOWN /* there is none in the cache */
};

enum reason_how { REASON_ASKED, REASON_REWRITTEN, REASON_TARGET };

struct reason {
	char verdict[EXPLAIN_VERDICT_SIZE]; /* as explain_verdict() has it */
	uint8_t paused;			    /* nothing is blocked, whatever matches */
	uint8_t blocked;		    /* the asker is not let through */
	uint8_t by_client;		    /* another client might get another verdict */
	uint8_t answer;			    /* enum reason_answer */
	uint8_t special;      /* neither rule nor list decides: it has a fixed answer */
	uint8_t forwarded;    /* what is not cached would be asked for ... */
	uint8_t group, asked; /* ... by this group, and now of this, which is it or one behind it */
	uint32_t n_steps;
	struct reason_step {
		uint8_t how;		 /* enum reason_how */
		uint8_t family;		 /* of an address: AF_INET or AF_INET6; 0: a name */
		uint8_t name[NAME_SIZE]; /* lower-case wire form, or the address */
	} step[REASON_STEPS];
	uint32_t n_matches; /* in all; of these the first REASON_MATCHES: */
	struct reason_match {
		uint16_t step;
		uint16_t list;	 /* its ID, or REASON_OWN */
		uint8_t verdict; /* enum effect_verdict */
		uint8_t flags;	 /* of the effect */
		uint8_t voided;	 /* another rule takes it out, ... */
		uint8_t shared;	 /* ... or it is on a name that many share (shared.h) */
		/* As rule_text(); of the user's: `allow =a.example`. */
		char rule[EXPLAIN_RULE_SIZE];
	} match[REASON_MATCHES];
};

/* Why ask->name gets what it gets by `p`, where `cached` is the answer in the cache at the end of its
 * way (reason_end(); NULL: there is none). */
void reason_find(const struct policy *p, const struct effect_ask *ask,
    const struct cache_answer *cached, struct reason *out);

/* The same of a name of the house, of which this is known. */
void reason_find_local(const struct policy *p, const struct effect_ask *ask,
    const struct local_name *found, struct reason *out);

/* The same of a name that gets `special`. */
void reason_find_special(const struct policy *p, const struct effect_ask *ask,
    const struct special_answer *special, struct reason *out);

/* The same of a name of one label that nobody here knows, where such are not forwarded. */
void reason_find_lost(const struct policy *p, const struct effect_ask *ask, struct reason *out);

/* Of `out` from reason_find(), where what is said there lets the asker through: nobody is asked, for clients
 * are not given records of this type. */
void reason_set_suppressed(struct reason *out);

/* Of `out` from reason_find(), where what is said there lets the asker through: the cached answer is refused
 * for its private address (rebind.h). */
void reason_set_rebinding(struct reason *out, const struct cache_answer *cached);

/* The name whose answer it is that counts: ask->name, or where the lists' CNAMEs lead.  Into `name`. */
void reason_end(const struct policy *p, const struct effect_ask *ask, uint8_t name[NAME_SIZE]);

/* What to say of REASON_ANSWER_UNKNOWN. */
extern const char reason_note_unknown[];

/* How many of r->match, and of r->step, there are: for one that comes from elsewhere. */
unsigned reason_n_matches(const struct reason *r);
unsigned reason_n_steps(const struct reason *r);

/* " (void)", with the reason where it is one of its own; "" where the match counts. */
const char *reason_void_text(const struct reason_match *match);

/* "ads", "own rule", "needed by the network", "list 7".  Returns `text`. */
const char *reason_list(
    const struct reason_match *match, const struct reason_names *names, char text[CONF_NAME_SIZE]);

/* The name or address of a step; "" for one that is malformed.  Returns `text`. */
const char *reason_step_text(const struct reason_step *step, char text[NAME_TEXT_SIZE]);

#define REASON_HOP_SIZE (NAME_TEXT_SIZE + 64)

/* How the way comes to `step`, to be put behind what is said of it: "", " (a list's CNAME leads to
 * NAME)" or " (its answer leads to NAME)".  Returns `text`. */
const char *reason_hop_text(const struct reason_step *step, char text[REASON_HOP_SIZE]);

/* The same of the step that blocks, to be put behind the verdict; "" where nothing does. */
const char *reason_verdict_hop(const struct reason *r, char text[REASON_HOP_SIZE]);

/* The commands that would change the verdict on `name`, the one asked.  Returns how many. */
unsigned reason_changes(const struct reason *r, const uint8_t *name,
    const struct reason_names *names, char out[REASON_CHANGES][REASON_CHANGE_SIZE]);

#define REASON_STRINGS_SIZE 4096

/* All of it for people, as character-strings (RFC 1035, 3.3) of printable ASCII: the verdict on `name`,
 * the rules, what is not known, and the commands.  Returns the length of `out`. */
size_t reason_strings(const struct reason *r, const uint8_t *name, const struct reason_names *names,
    uint8_t out[REASON_STRINGS_SIZE]);

/* What blocks: ask->name itself, or a target of its answer. */
struct reason_cause {
	const struct effect_ask *ask;
	unsigned n_lists;		    /* that count */
	bool own;			    /* it is a rule of the user's */
	const struct policy_target *target; /* NULL: ask->name */
	const struct judge_match *by; /* the list's rule that decides; NULL: to be found out */
};

/* `blocked by ads: suffix example.com`, `blocked by a rule of this network: =example.com`, or, of a
 * target, `leads to x.example.com, blocked by ...`: printable ASCII, cut to REASON_SHORT_SIZE - 1 bytes.
 * NULL where rule or list are not known; else `text`. */
const char *reason_short(const struct policy *p, const struct reason_names *names,
    const struct reason_cause *cause, char text[REASON_SHORT_SIZE]);

/* The block answer of the own rule, or by `answers` (NULL: they have none) of the list, that decides;
 * borrowed.  NULL: it has none of its own. */
const struct block_answer *reason_block_answer(
    const struct policy *p, const struct reason_answers *answers, const struct reason_cause *cause);

#endif
