/* svcb.h - the parameters of SVCB and HTTPS records (RFC 9460, 2.2).
 *
 *   priority 2 | TargetName | key 2, length 2, value | key 2, length 2, value | ...
 */
#ifndef QUELL_SVCB_H
#define QUELL_SVCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dns/msg.h"

/* Keys (RFC 9460, 14.3.2). */
enum svcb_key { SVCB_MANDATORY = 0, SVCB_IPV4HINT = 4, SVCB_IPV6HINT = 6 };

struct svcb_param {
	uint16_t key;
	size_t off; /* of its value, which is ... */
	size_t len; /* ... so long */
};

/* Move *pos, where the rdata that msg[..end) ends with begin, behind the TargetName.  False: they are
 * malformed. */
static inline bool svcb_skip_target(const uint8_t *msg, size_t *pos, size_t end)
{
	*pos += 2;
	return *pos < end && name_skip(msg, end, pos) == 0;
}

/* The next parameter of msg[*pos..end).  False: there is none, or it overruns the end. */
static inline bool svcb_next(const uint8_t *msg, size_t *pos, size_t end, struct svcb_param *param)
{
	if (*pos > end || end - *pos < 4)
		return false;
	*param = (struct svcb_param){
	    .key = msg_u16(msg + *pos), .off = *pos + 4, .len = msg_u16(msg + *pos + 2)};
	if (param->len > end - param->off)
		return false;
	*pos = param->off + param->len;
	return true;
}

#endif
