/* resolvconf.h - the system's own resolvers, as upstreams when none is configured. */
#ifndef QUELL_RESOLVCONF_H
#define QUELL_RESOLVCONF_H

#include <stdbool.h>

#include "lib/addr.h"

/* Read the `nameserver` lines of /etc/resolv.conf, port 53, into out[0..max).  Where they are only
 * the stub of systemd-resolved (127.0.0.53, 127.0.0.54), or none but quell itself, those of
 * /run/systemd/resolve/resolv.conf are taken instead if there are any.  Addresses that are in `own`
 * are left out: quell never asks itself.  A wildcard in `own` stands for every address of this
 * machine with that port, loopback included.  Returns how many were found, 0 where there is none or
 * no file. */
unsigned resolvconf_read(union addr *out, unsigned max, const union addr *own, unsigned n_own);

/* The same from the text of one file, without the second one; for tests. */
unsigned resolvconf_parse(
    const char *text, union addr *out, unsigned max, const union addr *own, unsigned n_own);

/* Is `a` one of these addresses?  A wildcard in `own` stands for every address of this machine with
 * that port, of whichever family. */
bool resolvconf_is_own(const union addr *a, const union addr *own, unsigned n_own);

#endif
