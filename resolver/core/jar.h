/* jar.h - DNS cookies, the client's side (RFC 7873, 5.1 and 5.3): what makes an upstream's replies over
 * UDP hard to forge.
 *
 *   client cookie 8 | server cookie 8 to 32      sent to one upstream, which repeats the first part
 *   \--- ours ----/   \-- as it was given -/
 *
 * An upstream that has given a server cookie is expected to go on doing so: a reply of it without our
 * client cookie is forged, or comes from a server that has lost its cookies; TCP finds out which.  One
 * that gives none is not sent any for a while.
 */
#ifndef QUELL_JAR_H
#define QUELL_JAR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/dns/msg.h"
#include "lib/rng.h"

/* So long an upstream without cookies is sent none. */
#define JAR_OFF_MS 3600000

/* Of one upstream; all zero: nothing is known. */
struct jar {
	uint64_t off_until_ms; /* it is sent none until then */
	uint8_t len;	       /* 0: there is no client cookie yet */
	uint8_t cookie[MSG_COOKIE_MAX];
};

/* The length of jar->cookie as it is to be sent now, 0: none is.  `careful`: nor is one to an upstream
 * that may be silent because of it. */
uint8_t jar_get(struct jar *jar, struct rng *rng, bool careful, uint64_t now_ms);

/* Forget all: our address is another, and nobody is to see that we are the same (RFC 9018, 3). */
void jar_empty(struct jar *jar);

/* This upstream gave a server cookie before. */
bool jar_is_proven(const struct jar *jar);

/* Is a reply of this upstream, to which `sent` bytes of cookie were sent over UDP and which says `edns`
 * about itself, none of its own?  The cookie is at msg[edns->cookie_off]. */
bool jar_is_forged(
    const struct jar *jar, uint8_t sent, const uint8_t *msg, const struct msg_edns *edns);

/* Keep what a reply that is not forged gives; or, where it gives nothing, that there is nothing. */
void jar_put(struct jar *jar, const uint8_t *msg, const struct msg_edns *edns, uint64_t now_ms);

#endif
