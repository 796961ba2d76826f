/* addr.h - socket addresses and networks, as text and as bytes.
 *
 * An address is written as `192.0.2.1:53`, `[2001:db8::1]:53` or `[fe80::1%eth0]:53`.
 * A network is written as `192.168.0.0/16`, `fe80::/10`, or a bare address.
 */
#ifndef QUELL_ADDR_H
#define QUELL_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/err.h"

#define ADDR_TEXT_SIZE 80 /* [full IPv6%interface]:65535 and the terminator */

union addr {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

struct net {
	uint8_t bytes[16]; /* network order; IPv4 in the first four; bits behind `bits` are 0 */
	uint8_t bits;
	uint8_t family; /* AF_INET or AF_INET6 */
};

/* Parse ADDR:PORT, or ADDR alone when `default_port` is not 0.  Returns 0; ERR_FORMAT, with the
 * right form in `why`; ERR_NOTFOUND for an interface (%name) that is not there now. */
int addr_parse(union addr *a, const char *text, uint16_t default_port, struct why *why) QUELL_CHECK;

/* ADDR:PORT into `text`, terminated; returns text. */
const char *addr_format(const union addr *a, char text[ADDR_TEXT_SIZE]);

/* ADDR without the port and without brackets; returns text. */
const char *addr_format_host(const union addr *a, char text[ADDR_TEXT_SIZE]);

socklen_t addr_len(const union addr *a);
uint16_t addr_port(const union addr *a); /* host order */
bool addr_is_wildcard(const union addr *a);
bool addr_is_loopback(const union addr *a);

/* The address alone, in network order: 4 or 16 bytes, the rest stays as it is.  Returns AF_INET (also
 * for one mapped into IPv6), AF_INET6, or AF_UNSPEC for neither. */
int addr_host_bytes(const union addr *a, uint8_t bytes[16]);

/* The same as numbers, to compare with: IPv4 in `low` alone. */
struct addr_number {
	uint64_t high, low;
	int family; /* as addr_host_bytes() returns it */
};

struct addr_number addr_number(const union addr *a);

/* Same family, address, port and (for link-local ones) interface. */
bool addr_equal(const union addr *a, const union addr *b);

/* Returns 0, or ERR_FORMAT with the right form in `why` (host bits set are an error that names the
 * network that was probably meant). */
int net_parse(struct net *n, const char *text, struct why *why) QUELL_CHECK;
const char *net_format(const struct net *n, char text[ADDR_TEXT_SIZE]);

/* An IPv4 address mapped into IPv6 (::ffff:0:0/96) is matched as IPv4. */
bool net_contains(const struct net *n, const union addr *a);

#endif
