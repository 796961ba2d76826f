/* query_try.h - a try to ask an upstream (inflight.h): sent, and ended. */
#ifndef QUELL_QUERY_TRY_H
#define QUELL_QUERY_TRY_H

#include "resolver/core/inflight.h"
#include "resolver/core/query.h"

/* The way to ask `server` first. */
enum query_carrier query_try_carrier(const struct query *q, unsigned server);

/* Ask `server` once.  False: it could not be asked, which counts as a try. */
bool query_try_send(struct query *q, struct inflight_question *question, unsigned server,
    enum query_carrier via, uint64_t now_ms);

/* Ask `server` besides another, whose reply is the one that is waited for. */
void query_try_copy(
    struct query *q, struct inflight_question *question, int server, uint64_t now_ms);

/* No reply to it is awaited any more; `t` is gone then. */
void query_try_end(struct query *q, struct inflight_try *t);

#endif
