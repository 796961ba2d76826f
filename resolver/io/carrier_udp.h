/* carrier_udp.h - questions to upstreams over UDP, each from a port drawn at random (RFC 5452,
 * 9.2).
 *
 *   pool of an upstream -- place, place, ... (CARRIER_UDP_PORTS)   a connected socket each
 *   carrier_udp_ask() -> [ queue ] -> carrier_udp_flush() -> sendmmsg()
 *
 * A place is opened when it is first drawn, on a random port of 1024..65535, and connected: only the
 * upstream's datagrams come in, and a refusal (ICMP) is seen at once.  It is spent after
 * CARRIER_UDP_USES questions or CARRIER_UDP_AGE_MS, or when it was refused: then it is closed as soon
 * as no reply is awaited on it, and opened anew, on another port, when it is drawn again.  Where the
 * process may not have so many descriptors the pools are smaller, and the log says so.
 *
 * What is asked between two flushes goes out together, and shares a port, up to CARRIER_UDP_SHARE
 * questions for each upstream: whoever forges a reply to one of them has still to guess a port and an
 * ID.
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
#define CARRIER_UDP_SHARE  16
#define CARRIER_UDP_AGE_MS 60000

/* The longest message that can be asked, bytes: a header, a question and an OPT have fewer. */
#define CARRIER_UDP_ASK_MAX 512

struct carrier_udp;

/* Pools that take at most half of the descriptors this process may have (RLIMIT_NOFILE).  `rng` is
 * borrowed.  NULL: no memory. */
struct carrier_udp *carrier_udp_new(struct event_base *base, struct rng *rng);

/* Who gets the replies: before the first event. */
void carrier_udp_set_core(struct carrier_udp *c, struct query *core);
void carrier_udp_free(struct carrier_udp *c);

/* The core's actions, for CARRIER_UDP: each port() that gave 0 is followed by one done().  Errors:
 * ERR_SYS (no socket to be had, or there is no way to that address), ERR_RANGE (a message
 * longer than CARRIER_UDP_ASK_MAX).  A message is sent by carrier_udp_flush(). */
int carrier_udp_port(struct carrier_udp *c, const union addr *to, uint32_t *port) QUELL_CHECK;
int carrier_udp_ask(
    struct carrier_udp *c, const struct query_try *try, const uint8_t *msg, size_t len) QUELL_CHECK;
void carrier_udp_done(struct carrier_udp *c, const struct query_try *try);

/* The network is another: no port that is open is asked from any more, for it has its old address. */
void carrier_udp_renew(struct carrier_udp *c);

/* Send what was asked since the last call; what the network refuses comes to the core as
 * query_failed().  To be called after each round of events, and not from within one. */
void carrier_udp_flush(struct carrier_udp *c);

#endif
