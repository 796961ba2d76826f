/* listen_tcp.h - clients over TCP (RFC 7766): a length and a message, pipelined, answered in any
 * order.
 *
 *   read -> [ in: one message at most ] -> query_ask() -> [ out ] -> write
 *                                          listen_tcp_send() ^
 *
 * Bounds: connections in all (`clients_max` > 0; one more takes the place of that which has been
 * idle longest, or else waits longest: RFC 7766, 6.2.3), bytes waiting for
 * each reader (LISTEN_TCP_OUT_MAX: beyond it we stop taking messages from that client until it
 * drains, and an answer that comes then ends the connection), messages awaited by each
 * (LISTEN_TCP_PENDING_MAX: likewise we stop), idle time (`idle_ms`, from the last whole message or
 * bytes of an answer; a client that dribbles a message is idle, one that waits for us is not).  A
 * message that can never have an answer (shorter than a header, or itself a response) ends its
 * connection.  A client that has shut down its side gets what is pending.
 */
#ifndef QUELL_LISTEN_TCP_H
#define QUELL_LISTEN_TCP_H

#include <event2/event.h>

#include "resolver/core/query.h"

#define LISTEN_TCP_OUT_MAX     (2 * 65537)
#define LISTEN_TCP_PENDING_MAX 64

struct listen_tcp;

/* NULL: no memory. */
struct listen_tcp *listen_tcp_new(
    struct event_base *base, struct query *core, unsigned clients_max, unsigned idle_ms);
void listen_tcp_free(struct listen_tcp *l);

/* Other bounds; connections above a lower clients_max stay. */
void listen_tcp_set(struct listen_tcp *l, unsigned clients_max, unsigned idle_ms);

/* Accept from `fd` (bound, listening and non-blocking; becomes the listener's, and is closed on an
 * error) as number `index` (< 2 * CONF_LISTEN_MAX).  Returns 0, ERR_RANGE (no such number, or in
 * use) or ERR_NOMEM. */
int listen_tcp_add(struct listen_tcp *l, unsigned index, int fd) QUELL_CHECK;

/* Close socket `index`; its connections stay.  Unknown: nothing. */
void listen_tcp_remove(struct listen_tcp *l, unsigned index);

/* The core's net->send() for asker->tcp true (len 0: no answer will come); a connection that is gone:
 * nothing. */
void listen_tcp_send(
    struct listen_tcp *l, const struct query_asker *to, const uint8_t *msg, size_t len);

/* Connections open now, and how many were closed because there were too many. */
unsigned listen_tcp_clients(const struct listen_tcp *l);
uint64_t listen_tcp_refused(const struct listen_tcp *l);

#endif
