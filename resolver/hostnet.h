/* hostnet.h - the networks that this machine is in, and news of its addresses. */
#ifndef QUELL_HOSTNET_H
#define QUELL_HOSTNET_H

#include "lib/addr.h"
#include "lib/err.h"

/* Who is answered unless the option `allow` says otherwise: private and link-local networks (RFC
 * 1918, 3927, 4193, 4291) and those of this machine's own addresses, into out[0..max) without
 * doubles.  Returns how many. */
unsigned hostnet_allowed(struct net *out, unsigned max);

/* The addresses that this machine would ask to[0..n) from now, into out[0..n); of family AF_UNSPEC where
 * there is no way.  Nothing is sent. */
void hostnet_sources(const union addr *to, unsigned n, union addr *out);

/* A descriptor (the caller's) that becomes readable when an address, a link or a route changes.  ERR_SYS:
 * there is none. */
int hostnet_watch_open(int *fd) QUELL_CHECK;

/* Read away what made it readable. */
void hostnet_watch_drain(int fd);

#endif
