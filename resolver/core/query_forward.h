/* query_forward.h - questions for upstreams: opened for a client or for the cache's sake, asked one server
 * after the other, and what is due with the time.
 */
#ifndef QUELL_QUERY_FORWARD_H
#define QUELL_QUERY_FORWARD_H

#include "resolver/core/answer.h"
#include "resolver/core/cache.h"
#include "resolver/core/inflight.h"
#include "resolver/core/query.h"

/* Ask upstream, or wait for what was asked already; with `is_old`, no longer than it takes to give the old
 * answer.  Returns the length of an answer when that cannot be. */
size_t query_forward(struct query *q, const struct query_asker *from, const struct msg_query *ask,
    const struct cache_key *key, bool is_old, const struct answer_to *to, uint64_t now_ms,
    uint8_t *out);

/* `a` was given once more: when it is asked for often, and its time is nearly over, the next is fetched
 * before anybody has to wait for it. */
void query_forward_prefetch(struct query *q, const struct msg_query *ask,
    const struct cache_key *key, const struct cache_answer *a, uint64_t now_ms);

/* Is it of no use to let a client wait for a newer answer?  Then this finds out, once in
 * FAILURES_RECHECK_MS for a question and once in UPSTREAM_PROBE_MS for the network, whether it still is. */
bool query_forward_is_hopeless(struct query *q, const struct cache_key *key, uint64_t now_ms);

/* q->answer answers the question: keep it, and give it to all that wait; but where it has no addresses for
 * those who have IPv6 alone, these wait for the A records then.  The question is gone. */
void query_forward_finish(struct query *q, struct inflight_question *question, uint64_t now_ms);

/* Ask the next server.  When none is left the question ends with its last try: it may be gone then. */
void query_forward_next(struct query *q, struct inflight_question *question, uint64_t now_ms);

/* A try got no answer that can be used: ask on, unless another is still awaited.  `t` is gone then, and its
 * question may be. */
void query_forward_lost(struct query *q, struct inflight_try *t, uint64_t now_ms);

/* Tell the loop when query_tick() is due; after each event that began or ended a try or a question. */
void query_forward_arm(struct query *q);

#endif
