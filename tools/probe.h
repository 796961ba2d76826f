/* probe.h - a few questions to DNS servers, all at once, each over UDP or TCP: who answers, and
 * with what.
 *
 * A reply counts that comes from the address that was asked, with the ID and the question that
 * were sent.
 */
#ifndef QUELL_PROBE_H
#define QUELL_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/dns/name.h"

#define PROBE_UDP_SIZE 1232 /* asked for with EDNS: fits into every path (as the option udp_size) */

struct probe {
	union addr to;
	bool tcp;
	bool edns; /* with OPT, DO and PROBE_UDP_SIZE */
	uint16_t type;
	uint8_t name[NAME_SIZE];

	/* What came of it. */
	bool answered;
	/* Not answered: an errno, as ECONNREFUSED; ETIMEDOUT: silence; EPROTO: no reply to this. */
	int error;
	uint32_t rtt_ms; /* TCP: with the connection */
	uint16_t rcode;	 /* the full one */
	bool truncated;
	bool has_opt;
	bool is_signed; /* there is a RRSIG in it */
	bool blocked;	/* extended error 15 (RFC 8914, 4.16) */
};

/* Ask them all, and wait `wait_ms` at most.  Over UDP each is asked once more after a third of
 * the time.  Costs a descriptor and 4 KiB for each. */
void probe_run(struct probe *probes, unsigned n, unsigned wait_ms);

/* Why there is no answer, in words. */
const char *probe_trouble(const struct probe *p);

#endif
