/* carrier_udp.h - questions to upstreams over UDP, each from a port drawn at random (RFC 5452,
 * 9.2).
 *
 * A pool of CARRIER_UDP_PORTS places for each address family.  A place is opened when it is first
 * drawn, on a random port of 1024..65535.  It is spent after CARRIER_UDP_USES questions or
 * CARRIER_UDP_AGE_MS: then it is closed as soon as no reply is awaited on it, and opened anew, on
 * another port, when it is drawn again.  Where the process may not have so many descriptors the
 * pool is smaller, and the log says so.
 *
 * A port's handle names the place; whether a datagram is the reply to a question is the core's to
 * check.
 */
#ifndef QUELL_CARRIER_UDP_H
#define QUELL_CARRIER_UDP_H

#include <event2/event.h>

#include "lib/rng.h"
#include "resolver/core/query.h"

#define CARRIER_UDP_PORTS  1024
#define CARRIER_UDP_USES   256
#define CARRIER_UDP_AGE_MS 60000

struct carrier_udp;

/* A pool that takes at most half of the descriptors this process may have (RLIMIT_NOFILE).  `rng`
 * is borrowed.  NULL: no memory. */
struct carrier_udp *carrier_udp_new(struct event_base *base, struct rng *rng);

/* Who gets the replies: before the first event. */
void carrier_udp_set_core(struct carrier_udp *c, struct query *core);
void carrier_udp_free(struct carrier_udp *c);

/* The core's actions, for CARRIER_UDP: each port() that gave 0 is followed by one done().  Errors:
 * ERR_SYS (no socket to be had; or what the network says to the message, EAGAIN included). */
int carrier_udp_port(struct carrier_udp *c, const union addr *to, uint32_t *port) QUELL_CHECK;
int carrier_udp_ask(
    struct carrier_udp *c, const struct query_try *try, const uint8_t *msg, size_t len) QUELL_CHECK;
void carrier_udp_done(struct carrier_udp *c, const struct query_try *try);

#endif
