/* dns64.h - addresses of IPv4 for those who have IPv6 alone (RFC 6147): what is where in an address of
 * IPv6 that stands for one of IPv4 (RFC 6052, 2.2), and which answers are in need of such.
 *
 *   192.0.2.33 in 64:ff9b::/96        64:ff9b::192.0.2.33      a translator (NAT64) has this prefix
 *              in 2001:db8:122::/48   2001:db8:122:c000:2:2100::
 *
 * The prefix is a network of 32, 40, 48, 56, 64 or 96 bits (dns64_is_prefix()); of 0 bits: there is none.
 * Pure: no state, no allocation.
 */
#ifndef QUELL_DNS64_H
#define QUELL_DNS64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/dns/name.h"

/* The lower bound of what is kept where nobody says how long "no AAAA" holds, s (RFC 6147, 5.1.7). */
#define DNS64_TTL_S 600

/* The address of IPv6 that stands for v4. */
void dns64_embed(const struct net *prefix, const uint8_t v4[4], uint8_t v6[16]);

/* May it?  Under the well-known prefix 64:ff9b::/96 a private address may not (RFC 6052, 3.1). */
bool dns64_may_embed(const struct net *prefix, const uint8_t v4[4]);

/* Is `v6` of no use to who has no IPv4: in ::ffff:0:0/96 (RFC 6147, 5.1.4)? */
bool dns64_is_excluded(const uint8_t v6[16]);

/* What an answer in normal form (answer.h), to a question for AAAA, is in need of (RFC 6147, 5.1). */
enum dns64_need {
	DNS64_NOTHING,
	DNS64_FILTER,	 /* some of its addresses are to be left out */
	DNS64_SYNTHESIS, /* it has none that can be used: the A records are to be asked for */
};

enum dns64_need dns64_need(const uint8_t *msg, size_t len);

/* The TTL of the SOA in an answer in normal form; DNS64_TTL_S: it has none. */
uint32_t dns64_soa_ttl(const uint8_t *msg, size_t len);

/* Is name[0..len) (lower-case wire form) the reverse name of an address that stands for one of IPv4?  Then
 * the reverse name of that goes into `alias` (RFC 6147, 5.3.1). */
bool dns64_reverse(
    const struct net *prefix, const uint8_t *name, size_t len, uint8_t alias[NAME_SIZE]);

#endif
