/* query_wait.c - who waits for a question, and what they get in the end: the answer, an old one, or none. */
#include "resolver/core/query_wait.h"

#include <assert.h>

#include "lib/dns/msg.h"
#include "resolver/core/query_answer.h"
#include "resolver/core/query_names.h"
#include "resolver/core/query_state.h"
#include "resolver/core/query_try.h"

#define NS_PER_MS 1000000

void query_wait_join(struct query *q, struct inflight_question *question,
    const struct query_asker *from, const struct msg_query *ask, const struct answer_to *to,
    uint64_t now_ms)
{
	struct inflight_waiter *w = inflight_wait(&q->inflight, question);

	assert(w != NULL);
	w->asker = *from;
	w->asked_ms = now_ms;
	w->id = to->id;
	w->flags = to->flags;
	w->limit = (uint16_t)to->limit;
	w->edns = to->edns;
	w->opt = to->opt;
	w->verdict = (struct inflight_verdict){
	    .generation = q->policy.generation,
	    .n_lists = q->way.verdict.n_lists,
	    .own = q->way.own,
	    .by_client = q->way.verdict.by_client,
	    .by_type = q->way.verdict.by_type,
	};
	w->as_aaaa =
	    ask->qtype == TYPE_A && msg_u16(to->question + to->question_len - 4) == TYPE_AAAA;
	inflight_keep_case(w, to->question, to->question_len - 4);
	if (q->way.n_hops != 0)
		(void)inflight_wait_as(&q->inflight, w, ask->qname, ask->qname_len);
}

static struct answer_to answer_for_waiter(const struct inflight_question *question,
    const struct inflight_waiter *w, uint8_t asked[NAME_SIZE + 4])
{
	return (struct answer_to){
	    .id = w->id,
	    .flags = w->flags,
	    .question = asked,
	    .question_len = inflight_question_as_asked(question, w, asked),
	    .edns = w->edns,
	    .opt = w->opt,
	    .limit = w->limit,
	};
}

/* It waits no longer. */
static void count_wait(struct query *q, const struct inflight_waiter *w, uint64_t now_ms)
{
	latency_count(&q->latency[LATENCY_FORWARDED], (now_ms - w->asked_ms) * NS_PER_MS, 1);
}

/* ---- The answer ---- */

/* The verdict by which `w` was let through holds still; then q->way says so. */
static bool judged_before(struct query *q, const struct inflight_waiter *w)
{
	if (w->alias != NULL || w->as_aaaa || w->verdict.generation != q->policy.generation)
		return false;
	q->way.n_hops = q->way.n_local = 0;
	q->way.own = w->verdict.own;
	q->way.verdict.outcome = w->verdict.own ? JUDGE_ALLOWED : JUDGE_NONE;
	q->way.verdict.n_lists = w->verdict.n_lists;
	q->way.verdict.by_client = w->verdict.by_client;
	q->way.verdict.by_type = w->verdict.by_type;
	q->way.verdict.n_answers = 0;
	q->way.verdict.decided = false;
	return true;
}

/* The answer `a` for one of those who wait, by the lists that are in force now: its length, or 0 for
 * none. */
static size_t answer_waiter(struct query *q, const struct inflight_question *question,
    const struct inflight_waiter *w, const struct answer_to *to, const struct cache_answer *a,
    struct cache_verdict *kept, uint64_t now_ms, const char **outcome)
{
	struct effect_ask ask = {
	    .name = inflight_asked_name(question, w),
	    .type = question->type,
	    .client = &w->asker.from,
	    .rule_wanted = w->edns || q->answers != NULL,
	};
	size_t len;

	if (!judged_before(q, w)) {
		len = query_names_house(
		    q, ask.name, question->type, question->class, to, q->out, outcome);
		if (len != 0)
			return len;
		if (!query_answer_judge(q, &w->asker, &ask))
			return query_answer_by_name(
			    q, &w->asker, &ask, to, now_ms, q->out, outcome);
	}
	if (ask.name != question->name && !name_equal(ask.name, question->name)) {
		q->stats.failed++;
		*outcome = "failed: the lists lead elsewhere now";
		return answer_write_empty(to, RCODE_SERVFAIL, EDE_NONE, NULL, q->out);
	}
	return query_answer_judged(q, &w->asker, &ask, a, kept, to, now_ms, q->out, outcome);
}

/* Give `a` to all that wait. */
static void answer_waiters(struct query *q, const struct inflight_question *question,
    const struct cache_answer *a, struct cache_verdict *kept, const char *how, uint64_t now_ms)
{
	uint8_t asked[NAME_SIZE + 4];

	for (const struct inflight_waiter *w = question->waiters; w != NULL; w = w->next) {
		struct answer_to to = answer_for_waiter(question, w, asked);
		const char *outcome = how;
		size_t len = answer_waiter(q, question, w, &to, a, kept, now_ms, &outcome);

		q->stats.stale += a->stale;
		query_state_note(
		    q, &w->asker, inflight_asked_name(question, w), question->type, outcome);
		if (len != 0) {
			q->net.send(q->net.ctx, &w->asker, q->out, len);
			count_wait(q, w, now_ms);
		}
	}
}

bool query_wait_cached(
    struct query *q, struct inflight_question *question, bool old, uint64_t now_ms)
{
	struct cache_answer cached;
	struct cache_verdict *kept;

	if (question->waiters == NULL ||
	    !(old && q->options.stale
		    ? cache_get_stale(q->cache, &question->key, now_ms, &cached, &kept)
		    : cache_get(q->cache, &question->key, now_ms, &cached, &kept)))
		return false;
	answer_waiters(q, question, &cached, kept, cached.stale ? OUTCOME_STALE : "cached", now_ms);
	inflight_dismiss(&q->inflight, question);
	return true;
}

/* ---- The end of a question ---- */

void query_wait_close(struct query *q, struct inflight_question *question)
{
	struct inflight_try *t, *next;

	for (t = question->tries; t != NULL; t = next) {
		next = t->question_next;
		if (t->waiting && upstream_is_down(&q->upstreams, t->server))
			inflight_orphan(t);
		else
			query_try_end(q, t);
	}
	inflight_close(&q->inflight, question);
}

void query_wait_give_up(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	int ede = question->replied ? question->ede : EDE_NO_REACHABLE_AUTHORITY;
	const char *text = question->replied ? ANSWER_EDE_TEXT : TEXT_NO_UPSTREAM;
	uint8_t asked[NAME_SIZE + 4];

	(void)query_wait_cached(q, question, true, now_ms);
	for (const struct inflight_waiter *w = question->waiters; w != NULL; w = w->next) {
		struct answer_to to = answer_for_waiter(question, w, asked);
		size_t len = answer_write_empty(&to, question->rcode, ede, text, q->out);

		q->stats.failed++;
		query_state_note(q, &w->asker, inflight_asked_name(question, w), question->type,
		    "failed: no upstream answered");
		q->net.send(q->net.ctx, &w->asker, q->out, len);
		count_wait(q, w, now_ms);
	}
	query_wait_close(q, question);
}

void query_wait_fail(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	/* Where none could even be asked, the next question may try at once. */
	if (question->asked)
		failures_put(&q->failures, &question->key, question->rcode,
		    question->replied ? question->ede : EDE_NONE, question->started_ms, now_ms);
	query_wait_give_up(q, question, now_ms);
}

void query_wait_finish(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	struct cache_verdict kept = {0};

	q->answer.view.prefetched = question->aside;
	answer_waiters(q, question, &q->answer.view, &kept, "forwarded", now_ms);
	if (!question->uncached)
		cache_put(q->cache, &question->key, &q->answer.view, &kept);
	query_wait_close(q, question);
}
