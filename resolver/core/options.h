/* options.h - what the parent tells a worker: the part of the configuration that the query core and
 * its carriers use, as plain bytes for the channel.  Bounds are already this worker's own share.
 */
#ifndef QUELL_OPTIONS_H
#define QUELL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/conf.h"

#define OPTIONS_ALLOW_MAX (CONF_ALLOW_MAX + 192) /* configured or default, and the host's own */

struct options {
	union addr upstream[CONF_UPSTREAM_MAX];
	uint32_t n_upstream;
	struct net allow[OPTIONS_ALLOW_MAX]; /* loopback is always allowed */
	uint32_t n_allow;
	size_t cache_size; /* bytes */
	uint32_t cache_max_ttl_s;
	uint32_t cache_negative_ttl_s;
	uint32_t query_timeout_ms;
	uint32_t questions_max;
	uint32_t tcp_clients_max;
	uint32_t tcp_idle_ms;
	uint16_t udp_size;
	bool log_queries;
};

#endif
