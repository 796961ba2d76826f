/* query_answer.c - what rules, lists and rebinding protection make of a name and its answer. */
#include "resolver/core/query_answer.h"

#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/query_family.h"
#include "resolver/core/query_state.h"
#include "resolver/core/rebind.h"

/* The EDE texts where the rule that blocks cannot be named. */
#define TEXT_BLOCKED	    "on a block list of this network"
#define TEXT_BLOCKED_TARGET "leads to what is on a block list of this network"
#define TEXT_OWN	    "blocked by a rule of this network"
#define TEXT_OWN_TARGET	    "leads to what a rule of this network blocks"

#define TEXT_REBIND "rebinding: private address for a public name"

/* What a verdict is on: the name at the end of q->way, or what its answer leads to. */
struct subject {
	const struct effect_ask *ask;	   /* the name at the end of the way */
	const struct cache_answer *answer; /* NULL: the name itself; else a record of this, ... */
	uint16_t ttl_off;		   /* ... whose TTL stands here */
	bool own;			   /* the verdict is the user's own, not a list's */
};

/* ---- Verdicts ---- */

/* The verdict on what `a`, an answer at the end of q->way, leads to; by what and by whom is put into
 * *what.  It is kept in *kept where it holds for all who ask, until lists or rules change. */
static void judge_targets(const struct query *q, const struct cache_answer *a,
    struct cache_verdict *kept, struct judge_verdict *verdict, struct subject *what)
{
	const struct policy *p = &q->policy;
	const struct judge_verdict *of_name = &q->way.verdict;

	verdict->outcome = JUDGE_NONE;
	if (!(a->has_targets && policy_judges_answers(p, &q->way, false)) &&
	    !(a->has_addresses && policy_judges_answers(p, &q->way, true)))
		return;
	if (kept->holds && kept->generation == p->generation) {
		verdict->outcome = (enum judge_outcome)kept->outcome;
		what->own = kept->own;
		what->ttl_off = kept->ttl_off;
		return;
	}
	policy_judge_answer(
	    p, what->ask, of_name->n_lists, a->msg, a->len, verdict, &what->own, &what->ttl_off);
	/* What a list answers is found anew each time. */
	if (verdict->outcome == JUDGE_ANSWER || verdict->by_client || of_name->by_client)
		return;
	*kept = (struct cache_verdict){
	    .generation = p->generation,
	    .ttl_off = what->ttl_off,
	    .outcome = (uint8_t)verdict->outcome,
	    .own = what->own,
	    .holds = true,
	};
}

bool query_answer_rebinds(const struct query *q, const uint8_t *name, const struct cache_answer *a)
{
	struct overlay_rule own;

	if (a->private_off == 0 || !q->options.rebind_protection ||
	    !rebind_is_public(&q->options.rebind_allow, name, name_len(name)))
		return false;
	return overlay_matches(q->rules, name, &own, 1) == 0 || own.action != OVERLAY_ALLOW;
}

/* ---- What those get who are not let through ---- */

/* What blocks `what`, with *target for its room.  False: the rule is not known.  Of where a record leads to it is
 * the first that is not let through. */
static bool find_cause(const struct query *q, const struct subject *what,
    struct policy_target *target, struct reason_cause *cause)
{
	*cause =
	    (struct reason_cause){.ask = what->ask, .n_lists = RULE_LISTS_MAX, .own = what->own};
	target->family = 0;
	if (what->answer != NULL) {
		cause->n_lists = q->way.verdict.n_lists;
		cause->target = target;
		return policy_find_withheld(&q->policy, what->ask, cause->n_lists,
		    what->answer->msg, what->answer->len, what->ttl_off, target);
	}
	if (q->way.verdict.decided)
		cause->by = &q->way.verdict.by;
	if (q->way.n_hops != 0) {
		cause->target = target;
		memcpy(target->name, what->ask->name, name_len(what->ask->name));
	}
	return true;
}

/* Have own rules, or lists, block answers that differ? */
static bool answers_differ(const struct query *q, bool own)
{
	return own ? q->rules->n_answers != 0 : q->answers != NULL;
}

/* `how`, or what is quieter for a client that asks for the same again and again.  Of the answers that
 * make clients ask on there are two. */
static const struct block_answer *adapt_answer(struct query *q, const struct query_asker *from,
    const struct block_answer *how, const struct answer_to *to, uint64_t now_ms)
{
	static const struct block_answer quiet[] = {
	    [ADAPT_NULL] = {.mode = BLOCK_NULL},
	    [ADAPT_NXDOMAIN] = {.mode = BLOCK_NXDOMAIN},
	};
	size_t len = to->question_len - 4;
	enum adapt_level level;
	uint8_t name[NAME_SIZE];

	if (!q->options.adapt.on || (how->mode != BLOCK_SERVFAIL && how->mode != BLOCK_REFUSED))
		return how;
	name_lower(name, to->question, len);
	level = adapt_ask(q->adapt, &q->options.adapt, &from->from, name, len,
	    msg_u16(to->question + len), now_ms, &q->stats);
	return level == ADAPT_NONE ? how : &quiet[level];
}

static void count_blocked(struct query *q, const struct block_answer *how)
{
	static const size_t counters[BLOCK_MODES] = {
	    [BLOCK_DEFAULT] = offsetof(struct stats, blocked_servfail),
	    [BLOCK_SERVFAIL] = offsetof(struct stats, blocked_servfail),
	    [BLOCK_NXDOMAIN] = offsetof(struct stats, blocked_nxdomain),
	    [BLOCK_NODATA] = offsetof(struct stats, blocked_nodata),
	    [BLOCK_REFUSED] = offsetof(struct stats, blocked_refused),
	    [BLOCK_NULL] = offsetof(struct stats, blocked_null),
	    [BLOCK_ADDRESS] = offsetof(struct stats, blocked_address),
	};

	++*(uint64_t *)(void *)((char *)&q->stats + counters[how->mode]);
}

/* Blocked, by a list or a rule of the user's own. */
static size_t answer_blocked(struct query *q, const struct query_asker *from,
    const struct subject *what, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    const char **outcome)
{
	bool target = what->answer != NULL || q->way.n_hops != 0, own = what->own;
	bool differ = answers_differ(q, own);
	const struct block_answer *how = NULL;
	struct policy_target where;
	struct reason_cause cause;
	char text[REASON_SHORT_SIZE];
	const char *ede = NULL;
	static const struct {
		const char *outcome, *ede;
	} says[2][2] = {
	    {{"blocked", TEXT_BLOCKED}, {"blocked by an own rule", TEXT_OWN}},
	    {{"blocked: leads to what is listed", TEXT_BLOCKED_TARGET},
		{"blocked: leads to what an own rule blocks", TEXT_OWN_TARGET}},
	};

	if (target)
		q->stats.blocked_target++;
	else
		q->stats.blocked++;
	q->stats.blocked_own += own;
	*outcome = says[target][own].outcome;
	/* Only those who have EDNS see the text. */
	if ((to->edns || differ) && find_cause(q, what, &where, &cause)) {
		ede = to->edns ? reason_short(&q->policy, q->names, &cause, text) : NULL;
		how = differ ? reason_block_answer(&q->policy, q->answers, &cause) : NULL;
	}
	if (how == NULL)
		how = &q->options.block_answer;
	how = adapt_answer(q, from, how, to, now_ms);
	count_blocked(q, how);
	return answer_write_blocked(
	    to, how, q->options.block_ttl_s, ede != NULL ? ede : says[target][own].ede, out);
}

static size_t answer_rebinding(struct query *q, const struct query_asker *from,
    const struct answer_to *to, uint64_t now_ms, uint8_t *out, const char **outcome)
{
	const struct block_answer *how =
	    adapt_answer(q, from, &q->options.block_answer, to, now_ms);

	q->stats.rebind++;
	*outcome = "refused: a private address for a public name";
	count_blocked(q, how);
	return answer_write_blocked(to, how, q->options.block_ttl_s, TEXT_REBIND, out);
}

/* What an asker gets who is not let through, by the verdict on `what`: the length, 0 for no answer at
 * all.  *outcome is for the log. */
static size_t answer_by_list(struct query *q, const struct query_asker *from,
    const struct judge_verdict *verdict, const struct subject *what, const struct answer_to *to,
    uint64_t now_ms, uint8_t *out, const char **outcome)
{
	bool truncated;
	size_t len;

	switch (verdict->outcome) {
	case JUDGE_DROP:
		q->stats.list_dropped++;
		*outcome = "dropped: a list says so";
		query_state_leave(q, from);
		return 0;
	case JUDGE_TCP_ONLY:
		q->stats.list_tcp_only++;
		*outcome = "sent to TCP: a list says so";
		return answer_write_truncated(to, out);
	case JUDGE_ANSWER:
		q->stats.list_answered++;
		*outcome = "answered by a list";
		len = answer_write_rule(verdict, &q->way, to, out, &truncated);
		q->stats.truncated += truncated;
		return len;
	default:
		return answer_blocked(q, from, what, to, now_ms, out, outcome);
	}
}

size_t query_answer_by_name(struct query *q, const struct query_asker *from,
    const struct effect_ask *ask, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    const char **outcome)
{
	const struct subject what = {.ask = ask, .own = q->way.own};

	return answer_by_list(q, from, &q->way.verdict, &what, to, now_ms, out, outcome);
}

/* ---- What those get who are ---- */

size_t query_answer_judged(struct query *q, const struct query_asker *from,
    const struct effect_ask *ask, const struct cache_answer *a, struct cache_verdict *kept,
    const struct answer_to *to, uint64_t now_ms, uint8_t *out, const char **outcome)
{
	struct subject what = {.ask = ask, .answer = a};
	struct judge_verdict verdict;
	struct change change;
	bool truncated, changed;
	size_t len;

	judge_targets(q, a, kept, &verdict, &what);
	query_answer_heed_carrier(&verdict, from);
	if (!query_answer_is_open(&verdict))
		return answer_by_list(q, from, &verdict, &what, to, now_ms, out, outcome);
	if (query_answer_rebinds(q, ask->name, a))
		return answer_rebinding(q, from, to, now_ms, out, outcome);
	changed = query_family_change(q, ask, a, to, now_ms, &change);
	if (q->way.n_hops == 0 && !changed) {
		len = answer_write(a, to, now_ms, out, &truncated);
	} else {
		q->stats.list_answered += policy_way_is_forged(&q->way);
		len = answer_write_behind(
		    a, &q->way, changed ? &change : NULL, to, now_ms, out, &truncated);
	}
	q->stats.truncated += truncated;
	return len;
}
