/* options.h - what the parent tells a worker: the part of the configuration that the query core and
 * its carriers use, as plain bytes for the channel.  Bounds are already this worker's own share.
 */
#ifndef QUELL_OPTIONS_H
#define QUELL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/block_answer.h"
#include "lib/conf.h"
#include "resolver/core/zones.h"

#define OPTIONS_ALLOW_MAX (CONF_NETWORKS_MAX + 192) /* configured or default, and the host's own */
/* Upstreams: those for all names, and those of forward zones. */
#define OPTIONS_FORWARD_MAX 16
#define OPTIONS_SERVERS_MAX (CONF_UPSTREAM_MAX + OPTIONS_FORWARD_MAX)
#define OPTIONS_PROXIES_MAX 4
/* Groups of them: that for all names, one for each forward zone, and those that only fall back. */
#define OPTIONS_GROUPS_MAX (1 + CONF_FORWARDS_MAX + CONF_GROUPS_MAX)

_Static_assert(OPTIONS_GROUPS_MAX <= 64, "a server's groups are the bits of a number");

#define OPTIONS_ACCESS_MAX (OPTIONS_ALLOW_MAX + 2 * CONF_NETWORKS_MAX)

/* Who is answered (client.h): whose number is `high`, `low` where the masks have a bit. */
struct options_access {
	uint64_t high, low;
	uint64_t high_mask, low_mask;
	uint8_t family, bits;
	uint8_t access; /* enum client_access */
	uint8_t unused[5];
};

/* When a client is moved to quieter block answers (adapt.h). */
struct options_adapt {
	bool on;
	uint32_t threshold; /* questions */
	uint32_t window_ms, dwell_ms, return_ms;
};

struct options {
	/* First n_upstream for the names that are in no forward zone (group 0), behind them n_forward that
	 * are asked by other groups alone. */
	union addr upstream[OPTIONS_SERVERS_MAX];
	uint32_t n_upstream, n_forward;
	uint64_t groups[OPTIONS_SERVERS_MAX]; /* bits of those that ask it, 0 left out */
	bool trusted[OPTIONS_SERVERS_MAX];    /* its replies may have private addresses */
	uint8_t proxy[OPTIONS_SERVERS_MAX];   /* 1 and the index of the proxy; 0: none */
	struct proxy proxies[OPTIONS_PROXIES_MAX];
	uint8_t
	    fallback[OPTIONS_GROUPS_MAX]; /* the group asked where none of this answers; 0: none */
	struct net client_subnet;	  /* sent to those of group 0; family AF_UNSPEC: none */
	enum conf_strategy strategy;
	struct zones forward;				  /* the number of a zone is its group */
	struct options_access access[OPTIONS_ACCESS_MAX]; /* in the order of client_put() */
	uint32_t n_access;
	uint32_t rate_limit, rate_limit_network; /* queries a second; 0: no limit (rate.h) */
	uint16_t rate_slip;
	size_t cache_size; /* bytes */
	uint32_t min_ttl_s;
	uint32_t cache_max_ttl_s;
	uint32_t cache_negative_ttl_s;
	uint32_t cache_failure_ttl_s;
	uint32_t
	    prefetch; /* hits after which an answer is fetched before its time is over; 0: never */
	bool stale;   /* answers whose time is over are used (RFC 8767) ... */
	uint32_t stale_delay_ms, stale_max_s;
	uint32_t query_timeout_ms;
	uint32_t questions_max;
	uint32_t tcp_clients_max;
	uint32_t tcp_clients_per_address;
	uint32_t tcp_idle_ms;
	uint16_t udp_size;
	bool log_queries;
	bool single_labels; /* names of one label are forwarded */
	uint32_t special;   /* bits by word (special.h) of the names that are special */
	struct block_answer block_answer; /* where neither rule nor list has one of its own */
	uint32_t block_ttl_s;
	struct options_adapt adapt;
	uint32_t suppress; /* bits of enum conf_suppress */
	struct net dns64;  /* prefix (dns64.h); 0 bits: none */
	bool cname_guard;
	bool rebind_protection;	   /* public names lead to no private address ... */
	struct zones rebind_allow; /* ... but for those in these zones */
};

#endif
