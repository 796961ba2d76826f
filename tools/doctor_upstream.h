/* doctor_upstream.h - are the upstreams reached from here, over UDP and TCP, with EDNS and
 * DNSSEC, and what has quelld seen of them? */
#ifndef QUELL_DOCTOR_UPSTREAM_H
#define QUELL_DOCTOR_UPSTREAM_H

#include "tools/doctor.h"
#include "tools/probe.h"

#define DOCTOR_SERVERS_MAX 32 /* those beyond are not asked */

struct doctor_server {
	union addr addr;
	bool general;		/* asked for any name, not just those of some zones */
	bool proxied;		/* not to be asked but through its proxy */
	bool away;		/* says quelld */
	uint64_t asked, failed; /* has counted quelld */
};

struct doctor_servers {
	struct doctor_server server[DOCTOR_SERVERS_MAX];
	unsigned n;
	bool more;
};

/* Each server has these probes, in this order. */
enum { DOCTOR_PROBE_PLAIN, DOCTOR_PROBE_EDNS, DOCTOR_PROBE_TCP, DOCTOR_PROBES };

/* Those that quelld names in its answer to `upstreams`; where there is none, those of the
 * configuration. */
void doctor_servers(const struct doctor_case *c, struct doctor_servers *servers);

/* What is to be asked into probes[0..servers->n * DOCTOR_PROBES).  Returns how many: there is
 * none for one behind a proxy. */
unsigned doctor_upstream_ask(const struct doctor_servers *servers, struct probe *probes);

/* Judge the same when they have been asked. */
void doctor_upstream(
    struct doctor *d, const struct doctor_servers *servers, const struct probe *probes);

#endif
