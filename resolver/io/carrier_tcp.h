/* carrier_tcp.h - questions to upstreams over TCP: one connection for each, closed with its reply.
 *
 * At most CARRIER_TCP_MAX at once.  The core's timers bound how long each may take.
 *
 *   port: a place is taken -> ask: connect -> write length + message -> read length + message
 *     -> query_reply(), for each further message too while the core wants another -> done: closed
 *   an error, or the end before that -> closed, query_failed()                    -> done
 */
#ifndef QUELL_CARRIER_TCP_H
#define QUELL_CARRIER_TCP_H

#include <event2/event.h>

#include "resolver/core/query.h"

#define CARRIER_TCP_MAX 128

struct carrier_tcp;

/* NULL: no memory. */
struct carrier_tcp *carrier_tcp_new(struct event_base *base);

/* Who gets the replies: before the first event. */
void carrier_tcp_set_core(struct carrier_tcp *c, struct query *core);
void carrier_tcp_free(struct carrier_tcp *c);

/* The core's actions, for CARRIER_TCP: port() takes a free place (ERR_LIMIT: there is none), ask()
 * begins to connect (ERR_RANGE: the message is too long; ERR_NOMEM; ERR_SYS), done() gives the
 * place back.  Each port() that gave 0 is followed by one done(). */
int carrier_tcp_port(struct carrier_tcp *c, const union addr *to, uint32_t *port) QUELL_CHECK;
int carrier_tcp_ask(
    struct carrier_tcp *c, const struct query_try *try, const uint8_t *msg, size_t len) QUELL_CHECK;
void carrier_tcp_done(struct carrier_tcp *c, const struct query_try *try);

#endif
