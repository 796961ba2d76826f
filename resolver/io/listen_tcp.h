/* listen_tcp.h - clients over TCP (RFC 7766): a length and a message, pipelined, answered in any order.
 *
 * Bounds: connections in all (`clients_max`), bytes waiting for each reader (LISTEN_TCP_OUT_MAX: beyond it we
 * stop reading from that client until it drains), messages awaited by each (LISTEN_TCP_PENDING_MAX: likewise),
 * idle time (`idle_ms`, from the last whole message or answer; a client that dribbles a message is idle).
 */
#ifndef QUELL_LISTEN_TCP_H
#define QUELL_LISTEN_TCP_H

#include <event2/event.h>

#include "resolver/core/query.h"

#define LISTEN_TCP_OUT_MAX     (2 * 65537)
#define LISTEN_TCP_PENDING_MAX 64

struct listen_tcp;

struct listen_tcp *listen_tcp_new(
    struct event_base *base, struct query *core, unsigned clients_max, unsigned idle_ms);
void listen_tcp_free(struct listen_tcp *l);
void listen_tcp_set(struct listen_tcp *l, unsigned clients_max, unsigned idle_ms);

/* Accept from `fd` (bound and listening; becomes the listener's) as number `index`. */
int listen_tcp_add(
    struct listen_tcp *l, unsigned index, int fd, const union addr *addr) QUELL_CHECK;
void listen_tcp_remove(struct listen_tcp *l, unsigned index);

/* The core's net->send() for asker->tcp true; a connection that is gone: nothing. */
void listen_tcp_send(
    struct listen_tcp *l, const struct query_asker *to, const uint8_t *msg, size_t len);

/* Connections open now, and how many were closed at once because there were too many. */
unsigned listen_tcp_clients(const struct listen_tcp *l);
uint64_t listen_tcp_refused(const struct listen_tcp *l);

#endif
