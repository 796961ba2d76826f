/* upstream.h - the servers that questions are forwarded to: which one next, how long to wait, who
 * is down.
 *
 *   up ---- UPSTREAM_DOWN_AFTER tries in a row without a reply ----> down
 *      <------------------- any reply at all -----------------------
 *
 * A server that is down is asked only when no other is left, and once a UPSTREAM_PROBE_MS with a
 * copy of a question that another server answers, so that it is back in use within seconds of
 * coming back.
 *
 * A group may fall back on another, and that on a third: the next is asked where all of those before it are down,
 * or were tried in vain, and none of them has said anything.  One that is back is asked again at once.
 */
#ifndef QUELL_UPSTREAM_H
#define QUELL_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "resolver/core/jar.h"
#include "resolver/core/latency.h"
#include "resolver/core/options.h"

#define UPSTREAM_DOWN_AFTER 4
#define UPSTREAM_PROBE_MS   1000

/* Tries of one question at one server (RFC 9520, 3.1). */
#define UPSTREAM_TRIES_MAX 3

/* A try waits for one of so many times, for what waits is in one FIFO for each: from 100 ms, for a server that is
 * near, each a quarter longer than the one before. */
#define UPSTREAM_WAIT_CLASSES 16
#define UPSTREAM_WAIT_DOUBLE  3 /* so many classes on it is twice the time */

/* Each try at a server waits for longer than the one before at the same, by so many classes over the number of
 * servers there are to ask: the tries at those take time as well, and all shall fit into that of the question. */
#define UPSTREAM_WAIT_BACKOFF 6

/* A server is later than usual when this time is over, ms, that 95 of 100 of its replies keep: one of
 * these, for what waits is in one FIFO for each. */
#define UPSTREAM_HEDGES	     14
#define UPSTREAM_HEDGE_AFTER 20	 /* replies; before there is no "usual" */
#define UPSTREAM_HEDGE_AGE   256 /* replies; then all count half */

/* With the strategy `parallel`, so many servers are asked at once. */
#define UPSTREAM_PARALLEL 3

/* With `hedged` and `fastest` a copy of one in so many questions goes to another server: it may have
 * become the best. */
#define UPSTREAM_EXPLORE_EACH 50

/* What is assumed of a server that has not been measured, and of one behind a proxy. */
#define UPSTREAM_WAIT_UNKNOWN_MS 400
#define UPSTREAM_WAIT_PROXY_MS	 1600

/* A server that answers FORMERR to EDNS is asked without it for so long. */
#define UPSTREAM_PLAIN_MS 300000

/* After so many replies in a row that had the question in another letter case than it was asked in, a
 * server counts as one that does not keep it, and is asked in lower case for so long. */
#define UPSTREAM_CASE_LOST_MAX 2 /* so the last of a question's tries is answered */
#define UPSTREAM_CASE_MS       600000

/* What is counted of each besides what it was asked: name, explanation.  A try can count in several. */
#define UPSTREAM_COUNTERS(X)                                                                       \
	X(tcp, "tries over TCP")                                                                   \
	X(timeouts, "tries without a reply in time")                                               \
	X(servfail, "replies SERVFAIL")                                                            \
	X(refused, "replies REFUSED")                                                              \
	X(formerr, "replies FORMERR")                                                              \
	X(notimp, "replies NOTIMP")                                                                \
	X(lame, "replies of a server that does not resolve: referrals, extended RCODEs")           \
	X(malformed, "replies that were malformed")                                                \
	X(truncated, "replies that were truncated: asked again over TCP")                          \
	X(mismatched, "messages that did not match what was asked, or came after their time")

#define UPSTREAM_COUNTER(name, text) UPSTREAM_##name,
enum upstream_counter { UPSTREAM_COUNTERS(UPSTREAM_COUNTER) UPSTREAM_N_COUNTERS };

/* Their names, in this order. */
extern const char *const upstream_counter_names[UPSTREAM_N_COUNTERS];

struct upstream {
	union addr addr;
	uint32_t srtt_ms8; /* smoothed round trip, in eighths of a ms; 0: not measured */
	uint32_t dev_ms8;  /* how far round trips are from that, smoothed */
	uint32_t silent;   /* tries in a row without a reply */
	uint16_t rtts[UPSTREAM_HEDGES +
		      1]; /* replies by round trip: as upstream_hedge_ms(), and above */
	uint16_t n_rtts;
	uint64_t down_ms;	 /* while down: since when */
	uint64_t probe_ms;	 /* and when it is asked again */
	uint64_t plain_until_ms; /* asked without EDNS until then */
	uint64_t case_until_ms;	 /* asked in lower case until then */
	uint32_t case_lost;	 /* replies in a row in another case */
	struct jar jar;		 /* its cookies */
	uint64_t asked, answered, failed;
	uint64_t counter[UPSTREAM_N_COUNTERS];
	struct latency rtt;	  /* of all replies, ever */
	uint64_t groups;	  /* bits of those that ask it */
	bool trusted;		  /* its replies may have private addresses */
	bool proxied;		  /* it is asked through a proxy: over TCP alone */
	uint64_t subnet_until_ms; /* asked without a client subnet until then */
};

struct upstreams {
	struct upstream server[OPTIONS_SERVERS_MAX];
	unsigned n;
	uint8_t fallback[OPTIONS_GROUPS_MAX]; /* the group behind this; 0: none */
	enum conf_strategy strategy;
	uint32_t n_explored; /* questions since a copy was sent elsewhere */
};

/* Take the servers of `options`; what is known of those that stay is kept. */
void upstream_configure(struct upstreams *u, const struct options *options);

/* Below, "those for `group`" are its servers and those of the groups behind it. */

/* Are there any for `group`? */
bool upstream_has(const struct upstreams *u, unsigned group);

/* Which group is asked for `group`: it, or the first behind it of which one is up, or the last. */
unsigned upstream_group(const struct upstreams *u, unsigned group);

/* The server for `group` to ask next, when tries[i] questions went to server i already: one that is up before
 * one that is down, of the group before those behind it, the less tried before the more tried, the nearer before
 * the farther (with the strategy `strict`: the first before the next).  Behind a group of which one has said
 * something, by its bit in `heard`, nobody is asked.  -1: none is left. */
int upstream_choose(const struct upstreams *u, unsigned group, uint64_t heard,
    const uint8_t tries[OPTIONS_SERVERS_MAX]);

/* A server for `group` that is down and due to be probed at `now_ms`, other than `except`; -1: none.  It is not
 * due again for UPSTREAM_PROBE_MS.  Those behind a group of which one is up are left alone. */
int upstream_probe(struct upstreams *u, unsigned group, int except, uint64_t now_ms);

/* A server of the first group for `group` of which one is up, to send a copy of a question to whose tries[i]
 * went to server i, the first but just now; n_copies such copies were sent.  It is up, and was not asked this.
 * -1: no copy. */
int upstream_copy(struct upstreams *u, unsigned group, const uint8_t tries[OPTIONS_SERVERS_MAX],
    unsigned n_copies);

/* A server of that group to ask besides one that is late: it is up, and was not asked this.  -1: none. */
int upstream_hedge(
    const struct upstreams *u, unsigned group, const uint8_t tries[OPTIONS_SERVERS_MAX]);

/* After which time, ms, server i is late, as a class: UPSTREAM_HEDGES: it is never. */
unsigned upstream_hedge_class(const struct upstreams *u, unsigned i);
uint32_t upstream_hedge_ms(unsigned hedge_class);

/* Into which class of waiting times a try falls that follows `earlier` tries of the same question
 * at server i, and goes over TCP or not; and how long that class waits, ms. */
unsigned upstream_wait_class(const struct upstreams *u, unsigned i, unsigned earlier, bool tcp);
uint32_t upstream_wait_ms(unsigned wait_class);

bool upstream_is_down(const struct upstreams *u, unsigned i);

/* Is server i in a group behind `group`, and not in it? */
bool upstream_is_behind(const struct upstreams *u, unsigned i, unsigned group);

/* Is there none for `group` that is up? */
bool upstream_all_down(const struct upstreams *u, unsigned group);

/* What happened to a try at the server `addr` (one that is not configured any more: nothing is
 * noted).  `rtt_ms`: from sending to the reply. */
void upstream_answered(struct upstreams *u, const union addr *addr, uint64_t rtt_ms);
void upstream_silent(struct upstreams *u, const union addr *addr, uint64_t now_ms);

/* Count one more of `what` at the server `addr` (one that is not configured: nothing). */
void upstream_count(struct upstreams *u, const union addr *addr, enum upstream_counter what);

/* There is news of the network: servers that are down are due to be probed.  With `moved` nothing counts
 * that was found out about the way to them, or was said on it. */
void upstream_network(struct upstreams *u, bool moved, uint64_t now_ms);

/* Is the question to server i in a letter case drawn at random (mixcase.h)? */
bool upstream_mixes_case(const struct upstreams *u, unsigned i, uint64_t now_ms);

/* A reply of `addr` had the question, asked with letters in upper case, as it was asked, or in another
 * case. */
void upstream_case_kept(struct upstreams *u, const union addr *addr);
void upstream_case_lost(struct upstreams *u, const union addr *addr, uint64_t now_ms);

#endif
