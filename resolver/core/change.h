/* change.h - records of an answer as an asker is to see them, where that is not as they came: without a
 * family of addresses that is not for them, or with addresses of IPv6 made of those of IPv4.
 *
 *   A, AAAA, HTTPS, SVCB left out
 *   hints of HTTPS, SVCB left out of the record (RFC 9460, 7.3); a record that says that they are mandatory
 *                        is of no use without, and left out as a whole (8)
 *   signatures           left out where they are of a set that is changed
 *
 * Works on answers in normal form (answer.h), record by record, while they are written.  No allocation.
 */
#ifndef QUELL_CHANGE_H
#define QUELL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/conf.h"
#include "lib/dns/msg.h"

/* All zero: nothing is changed. */
struct change {
	unsigned changed; /* by change_find(): bits of the types of which there are others then */
	unsigned without; /* bits of enum conf_suppress */
	bool without_mapped; /* addresses in ::ffff:0:0/96 are left out */
	const struct net
	    *dns64; /* A records become AAAA under this prefix (dns64.h); NULL: they do not */
	uint32_t dns64_ttl_s; /* these are kept for no longer */
};

/* The bit of enum conf_suppress for `type`; 0: it has none. */
unsigned change_bit(uint16_t type);

/* Find out what of msg[0..len) is changed: before change_copy().  Returns whether anything is. */
bool change_find(struct change *c, const uint8_t *msg, size_t len);

/* Write the record `rr` of msg[0..len) as it is to be seen, with the TTL `ttl` (s), or nothing of it.
 * Returns as msg_write_copy(). */
int change_copy(const struct change *c, struct msg_writer *w, const uint8_t *msg, size_t len,
    const struct msg_rr *rr, uint32_t ttl) QUELL_CHECK;

#endif
