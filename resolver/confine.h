/* confine.h - a worker's sandbox: what its options let it reach, and no more. */
#ifndef QUELL_CONFINE_H
#define QUELL_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/sandbox.h"
#include "resolver/core/options.h"

#define CONFINE_PORTS_MAX (OPTIONS_SERVERS_MAX + OPTIONS_PROXIES_MAX + 1)

struct confine {
	struct sandbox sandbox;
	uint16_t ports[CONFINE_PORTS_MAX]; /* that TCP may connect to */
	unsigned n_ports;
};

/* Enter the sandbox of a worker with these options: TCP to the ports of its upstreams and proxies, and to port 53, which those
 * of the system have, that come and go. */
void confine_enter(struct confine *c, const struct options *options);

/* Will TCP reach all upstreams of these options, too?  What was given up does not come back: for others there has to
 * be a new worker. */
bool confine_fits(const struct confine *c, const struct options *options);

#endif
