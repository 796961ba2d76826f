/* socks.h - how a proxy is asked for a connection: the client's side of SOCKS 5 (RFC 1928), with user and
 * password where there are any (RFC 1929).
 *
 *   socks_start()   ways to log in -->
 *   socks_feed()                       <-- one of them
 *                   user, password -->                    unless there are none
 *                                      <-- welcome
 *                   address, port -->
 *                                      <-- connected      what follows is the upstream's
 *
 * Sans-I/O: bytes in, in any pieces, and bytes out.  Of an upstream only its address is told, so the proxy
 * resolves nothing.  No allocation.
 */
#ifndef QUELL_SOCKS_H
#define QUELL_SOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "lib/proxy.h"

/* All that is ever said at once: user, password, and an address of IPv6. */
#define SOCKS_OUT_SIZE (3 + 2 * PROXY_WORD_SIZE + 22)

/* What is to be said to the proxy. */
struct socks_out {
	uint8_t bytes[SOCKS_OUT_SIZE];
	size_t len;
};

struct socks {
	struct proxy proxy;
	union addr to;
	enum socks_step { SOCKS_METHOD, SOCKS_LOGIN, SOCKS_CONNECT } step;
	uint8_t in[5];	     /* the first of a reply; the rest counts for nothing */
	uint16_t have, need; /* bytes of the reply, need: as far as is known */
};

/* Begin to ask `proxy` for a connection to `to`; both are copied.  Into *out what is to be said first. */
void socks_start(
    struct socks *s, const struct proxy *proxy, const union addr *to, struct socks_out *out);

/* The proxy has said bytes[0..len), of which *used are its own.  Returns 1: the connection is there; 0: not yet,
 * and *out is to be said; ERR_DENIED: it refuses, or ERR_FORMAT: it does not speak SOCKS, with the reason: then *s is
 * of no use any more. */
int socks_feed(struct socks *s, const uint8_t *bytes, size_t len, size_t *used,
    struct socks_out *out, struct why *why) QUELL_CHECK;

#endif
