/* reverse.h - names by which addresses are asked for (RFC 1035, 3.5; RFC 3596, 2.5). */
#ifndef QUELL_REVERSE_H
#define QUELL_REVERSE_H

#include <stdint.h>

#include "lib/addr.h"
#include "lib/dns/name.h"

/* The name of an address (AF_INET: 4 bytes, AF_INET6: 16, network order) into `name`, in lower case. */
void reverse_name(int family, const uint8_t *bytes, uint8_t name[NAME_SIZE]);

/* Zones end where labels do, so a network may need several: 1 to 128 (172.16.0.0/12: 16). */
unsigned reverse_n_zones(const struct net *net);

/* Zone `i` of them into `name`, in lower case. */
void reverse_zone(const struct net *net, unsigned i, uint8_t name[NAME_SIZE]);

#endif
