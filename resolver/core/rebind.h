/* rebind.h - addresses of this network in answers to names of the world.
 *
 * Who owns a public name can let it lead to 192.168.1.1 and have a browser that shows their page
 * speak with the router as if it were theirs (DNS rebinding).  So answers that lead there are refused,
 * but for names that are known not to be public, zones that the user excepts, and replies of upstreams
 * that the user trusts with it.
 *
 * Private are the networks of this host and this link, of RFC 1918, 6598, 4193 and 4291, in every form
 * by which an IPv4 address stands in one of IPv6.  Read-only, no allocation.
 */
#ifndef QUELL_REBIND_H
#define QUELL_REBIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resolver/core/zones.h"

/* An address in a message, in network order. */
struct rebind_address {
	int family;	      /* AF_INET or AF_INET6 */
	const uint8_t *bytes; /* borrowed */
};

/* Does it belong to a network that is no part of the internet? */
bool rebind_is_private(const struct rebind_address *address);

/* The first private address in the record whose TTL stands at msg[ttl_off], in an answer in normal form
 * (answer.h): that of A and AAAA, the hints of SVCB and HTTPS.  False: there is none. */
bool rebind_find(const uint8_t *msg, size_t len, size_t ttl_off, struct rebind_address *address);

/* Into `zones`, those that are known not to be public: they may lead anywhere. */
void rebind_except_usual(struct zones *zones);

/* Is name[0..len) (lower-case wire form) public: in none of `excepted`, and more than one label? */
bool rebind_is_public(const struct zones *excepted, const uint8_t *name, size_t len);

#endif
