/* listen_udp.h - clients over UDP: a batch in (recvmmsg), each through the core, a batch out
 * (sendmmsg).
 *
 * Sockets come from the parent, bound and non-blocking.  A wildcard socket has IP_PKTINFO or
 * IPV6_RECVPKTINFO set, and answers from the address that was asked (IP_PKTINFO, IPV6_PKTINFO in
 * sendmsg).
 */
#ifndef QUELL_LISTEN_UDP_H
#define QUELL_LISTEN_UDP_H

#include <event2/event.h>

#include "resolver/core/query.h"

struct listen_udp;

/* All listeners share one set of batch buffers.  NULL: no memory. */
struct listen_udp *listen_udp_new(struct event_base *base, struct query *core);
void listen_udp_free(struct listen_udp *l);

/* Read from `fd` (becomes the listener's) as number `index` (< 2 * CONF_LISTEN_MAX). */
int listen_udp_add(
    struct listen_udp *l, unsigned index, int fd, const union addr *addr) QUELL_CHECK;

/* Close socket `index`; unknown: nothing. */
void listen_udp_remove(struct listen_udp *l, unsigned index);

/* The core's net->send() for asker->tcp false: an answer that had to wait, of at most the option
 * udp_size.  It goes out with the next listen_udp_flush(). */
void listen_udp_send(
    struct listen_udp *l, const struct query_asker *to, const uint8_t *msg, size_t len);

/* Send the answers that came since the last call; after each round of events. */
void listen_udp_flush(struct listen_udp *l);

#endif
