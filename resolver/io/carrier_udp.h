/* carrier_udp.h - questions to upstreams over UDP, each from a port drawn at random (RFC 5452, 9.2).
 *
 * A pool of CARRIER_UDP_PORTS places for each address family.  A place is opened when it is first drawn, on
 * a random port of 1024..65535, and is closed and opened anew, on another port, after CARRIER_UDP_USES
 * questions or CARRIER_UDP_AGE_MS, as soon as no reply is awaited on it.  Where the process may not have so many
 * descriptors the pool is smaller, and the log says so.
 */
#ifndef QUELL_CARRIER_UDP_H
#define QUELL_CARRIER_UDP_H

#include <event2/event.h>

#include "resolver/core/query.h"

#define CARRIER_UDP_PORTS  1024
#define CARRIER_UDP_USES   256
#define CARRIER_UDP_AGE_MS 60000

struct carrier_udp;

/* `rng` is borrowed. `core` may be set later by carrier_udp_set_core(), before the first event. */
struct carrier_udp *carrier_udp_new(struct event_base *base, struct rng *rng);
void carrier_udp_set_core(struct carrier_udp *c, struct query *core);
void carrier_udp_free(struct carrier_udp *c);

/* The core's actions, for CARRIER_UDP. */
int carrier_udp_port(struct carrier_udp *c, const union addr *to, uint32_t *port) QUELL_CHECK;
int carrier_udp_ask(
    struct carrier_udp *c, const struct query_try *try, const uint8_t *msg, size_t len) QUELL_CHECK;
void carrier_udp_done(struct carrier_udp *c, const struct query_try *try);

#endif
