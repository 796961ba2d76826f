/* client.h - which clients are answered: a resolver open to the world is a weapon against
 * others.
 *
 *   allow 192.168.0.0/16, refuse 192.168.7.0/24, allow 192.168.7.7, drop 0.0.0.0/0
 *
 * The most specific network that has the client decides; of equals, the stricter one.
 */
#ifndef QUELL_CLIENT_H
#define QUELL_CLIENT_H

#include "resolver/core/options.h"

/* From the mildest to the strictest. */
enum client_access {
	CLIENT_LOOPBACK, /* always answered, and without limits */
	CLIENT_ALLOW,
	CLIENT_REFUSE, /* also those that no network has */
	CLIENT_DROP,   /* no answer, whatever it sent */
};

/* Add a rule to options->access, at its place: the first that has a client decides. */
void client_put(struct options *options, const struct net *net, enum client_access access);

/* What becomes of the client at `from`.  Cost: one comparison for each network up to that which
 * decides. */
enum client_access client_access(const struct options *options, const union addr *from);

#endif
