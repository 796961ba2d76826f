/* query_wait.h - who waits for a question in flight (inflight.h), and what they get in the end.  After
 * finish, give_up, fail and close the question is gone.
 */
#ifndef QUELL_QUERY_WAIT_H
#define QUELL_QUERY_WAIT_H

#include "resolver/core/answer.h"
#include "resolver/core/inflight.h"
#include "resolver/core/query.h"

/* Let the asker of `ask`, whose way is q->way, wait for `question`; there is room. */
void query_wait_join(struct query *q, struct inflight_question *question,
    const struct query_asker *from, const struct msg_query *ask, const struct answer_to *to,
    uint64_t now_ms);

/* What is in the cache, with `old` though its time is over, for all that wait; the question goes on.  False:
 * there is nothing. */
bool query_wait_cached(
    struct query *q, struct inflight_question *question, bool old, uint64_t now_ms);

/* q->answer answers the question: keep it and give it to all that wait. */
void query_wait_finish(struct query *q, struct inflight_question *question, uint64_t now_ms);

/* End it without an answer: who waits gets the old one, or is told. */
void query_wait_give_up(struct query *q, struct inflight_question *question, uint64_t now_ms);

/* The same, because no upstream had one, which is kept in mind for those who ask next. */
void query_wait_fail(struct query *q, struct inflight_question *question, uint64_t now_ms);

/* Forget a question whose waiters were answered.  A try at a server that is down goes on: its reply
 * would say that the server is back. */
void query_wait_close(struct query *q, struct inflight_question *question);

#endif
