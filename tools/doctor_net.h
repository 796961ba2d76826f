/* doctor_net.h - who is asked past quell: by this machine, by devices that the router gives a
 * second resolver, by IPv6. */
#ifndef QUELL_DOCTOR_NET_H
#define QUELL_DOCTOR_NET_H

#include "tools/doctor.h"

/* Whom this machine asks (resolv.conf(5)). */
void doctor_self(struct doctor *d, const struct doctor_case *c);

/* What the router hands out, as far as this machine was given it: leases of DHCP, router
 * advertisements. */
void doctor_router(struct doctor *d, const struct doctor_case *c);

/* Addresses of IPv6 that quell does not listen at. */
void doctor_ipv6(struct doctor *d, const struct doctor_case *c);

#endif
