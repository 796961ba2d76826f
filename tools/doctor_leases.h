/* doctor_leases.h - the DNS servers that this machine was handed out: by DHCP or by router
 * advertisements. */
#ifndef QUELL_DOCTOR_LEASES_H
#define QUELL_DOCTOR_LEASES_H

#include "tools/doctor.h"

/* Put to *given those that the files of systemd-networkd, dhclient, resolvconf and
 * NetworkManager have; what may have been set by hand is left out. */
void doctor_leases(const struct doctor_case *c, struct doctor_addrs *given);

#endif
