/* query_answer.h - what rules, lists and rebinding protection make of a name and its answer. */
#ifndef QUELL_QUERY_ANSWER_H
#define QUELL_QUERY_ANSWER_H

#include "resolver/core/answer.h"
#include "resolver/core/query_state.h"

/* Over TCP a rule that leads there passes. */
static inline void query_answer_heed_carrier(
    struct judge_verdict *verdict, const struct query_asker *from)
{
	if (verdict->outcome == JUDGE_TCP_ONLY && from->tcp)
		verdict->outcome = JUDGE_NONE;
}

/* The lists let it be. */
static inline bool query_answer_is_open(const struct judge_verdict *verdict)
{
	return verdict->outcome == JUDGE_NONE || verdict->outcome == JUDGE_ALLOWED;
}

/* Judge ask->name, which is where q->way has come to: its verdict is in q->way then, and ask->name the end of
 * the way.  Returns whether who asks is let through. */
static inline bool query_answer_judge(
    struct query *q, const struct query_asker *from, struct effect_ask *ask)
{
	policy_judge_from(&q->policy, ask, &q->way);
	query_answer_heed_carrier(&q->way.verdict, from);
	ask->name = policy_way_end(&q->way, ask->name);
	return query_answer_is_open(&q->way.verdict);
}

/* What an asker gets who is not let through by the verdict on ask->name, the end of q->way: the length, 0 for
 * no answer at all.  *outcome is for the log. */
size_t query_answer_by_name(struct query *q, const struct query_asker *from,
    const struct effect_ask *ask, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    const char **outcome);

/* The answer `a` to ask->name, the end of q->way, for one asker who was let through; unless what it leads to
 * is listed, or inside of this network.  The verdict on that is found in *kept, or put there.  Returns the
 * length, 0 for no answer at all. */
size_t query_answer_judged(struct query *q, const struct query_asker *from,
    const struct effect_ask *ask, const struct cache_answer *a, struct cache_verdict *kept,
    const struct answer_to *to, uint64_t now_ms, uint8_t *out, const char **outcome);

/* Does `a`, the answer to `name`, lead from outside into this network?  An allow of the user's own is an
 * exception; a pause is not. */
bool query_answer_rebinds(const struct query *q, const uint8_t *name, const struct cache_answer *a);

#endif
