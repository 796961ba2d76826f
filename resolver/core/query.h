/* query.h - the way of a query, and the core as the rest of the program sees it.  query.c has the way from
 * top to bottom; what is done on it stands in query_*.c, which query_state.h lists.
 *
 *   query_ask(), query_ask_all() -- clients' messages     \
 *                     came in                               |
 *   query_reply()  -- an upstream's message came in         } events in, with the time
 *   query_failed(), query_refused() -- a carrier could     |
 *                     not deliver                          /
 *   query_tick()   -- the time given to net->arm() has come
 *   query_sent()   -- what query_ask() returned has left
 *
 *   net->send()    -- an answer for a client that waited  \
 *   net->port()    -- a port to ask from, drawn at random   } actions out
 *   net->ask()     -- a message for an upstream            /
 *   net->done()    -- no reply is awaited any more
 *   net->arm()     -- call query_tick() then
 *
 * Sans-I/O: no socket, no clock, no allocation after query_new(); the same events give the same
 * actions (with the generator of random numbers fixed).  Actions are called from within the events;
 * an action must not call back into the core.  One thread only.
 */
#ifndef QUELL_QUERY_H
#define QUELL_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/trie.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/rng.h"
#include "resolver/core/cache.h"
#include "resolver/core/cached.h"
#include "resolver/core/latency.h"
#include "resolver/core/local.h"
#include "resolver/core/cookie.h"
#include "resolver/core/options.h"
#include "resolver/core/overlay.h"
#include "resolver/core/reason.h"
#include "resolver/core/stats.h"
#include "resolver/core/upstream.h"

/* Who asked, and how to reach them: copied while an answer has to wait.  The core reads `from`,
 * `tcp` and `keepalive_ds`; the rest belongs to the listeners. */
struct query_asker {
	union addr from;
	bool tcp;
	uint16_t listener;	/* index of the listening socket */
	uint32_t local_ifindex; /* wildcard UDP sockets: where the query came in */
	union addr local;      /* and the address it was sent to; sa_family AF_UNSPEC: not needed */
	uint64_t conn;	       /* TCP: the connection's handle, never reused for another */
	uint16_t keepalive_ds; /* TCP: the idle time-out to announce (RFC 7828), units of 100 ms */
};

enum query_carrier { CARRIER_UDP, CARRIER_TCP };

/* A try to ask one upstream once. */
struct query_try {
	uint32_t try;  /* the core's handle: comes back in query_reply() and query_failed() */
	uint32_t port; /* what net->port() gave */
	enum query_carrier via;
	union addr to;
};

struct query_net {
	void *ctx;
	/* Send msg[0..len) to a client that waited.  Whether it arrives is not the core's
	 * matter.  len 0, over TCP only: there will be no answer. */
	void (*send)(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len);
	/* Draw a port to ask `to` from: its handle into *port.  Returns 0, or an error: then
	 * nothing can be asked that way now. */
	int (*port)(void *ctx, enum query_carrier via, const union addr *to, uint32_t *port);
	/* Send msg[0..len) (a whole message, without the TCP length), now or after the event.
	 * Returns 0, or an error: then done() is still called, and query_failed() must not be. */
	int (*ask)(void *ctx, const struct query_try *try, const uint8_t *msg, size_t len);
	/* The port of this try is not needed any more (it got its reply, or was given up). */
	void (*done)(void *ctx, const struct query_try *try);
	/* Call query_tick() at `at_ms`, instead of when was said before; UINT64_MAX: not until said
	 * anew. */
	void (*arm)(void *ctx, uint64_t at_ms);
};

struct query;

/* A core with these options, its tables and cache allocated here.  `net`, `rng` and `options` are
 * copied.  Returns 0, ERR_NOMEM or ERR_RANGE.  Free with query_free(). */
int query_new(struct query **out, const struct options *options, const struct query_net *net,
    const struct rng *rng) QUELL_CHECK;
void query_free(struct query *q);

/* Take other options; what is in flight goes on.  A changed cache_size or questions_max counts from
 * the next start (the tables keep their size). */
void query_set_options(struct query *q, const struct options *options);

/* Judge by these lists from now on (an all-zero trie: none).  The bytes stay mapped until the next
 * call; the cache is kept, its entries are judged anew when they are asked for. */
void query_set_lists(struct query *q, const struct trie *lists);

/* Judge by these rules of the user's own, before all lists, from now on; `paused`: block nothing, and
 * answer nothing by a list.  rules[0..len) as overlay_put() writes them; copied.  Returns 0, or
 * ERR_FORMAT or ERR_RANGE: then those before stay. */
int query_set_rules(struct query *q, bool paused, const uint8_t *rules, size_t len) QUELL_CHECK;

/* These are the names of the house from now on (all-zero: there are none).  The bytes stay mapped until the
 * next call. */
void query_set_local(struct query *q, const struct local *local);

/* What the lists are called, for those who ask why; borrowed until the next call.  NULL: not known. */
void query_set_names(struct query *q, const struct reason_names *names);

/* What is said to those whom the lists block, list by list; borrowed until the next call.  NULL: what the
 * options say. */
void query_set_answers(struct query *q, const struct reason_answers *answers);

/* Make and check cookies with these secrets from now on; copied.  Before the first call there are no
 * cookies. */
void query_set_cookies(struct query *q, const struct cookie_secrets *secrets);

/* Why `ask` would get the answer it would get now. */
void query_why(struct query *q, const struct effect_ask *ask, uint64_t now_ms, struct reason *out);

/* What is in the cache for `name` (lower-case wire form) and `type` (0: all types that are assigned), with the
 * verdict on each; nothing counts as a use.  Cost: with 0 some 3,200 look-ups, a third of a millisecond. */
void query_cached(
    struct query *q, const uint8_t *name, uint16_t type, uint64_t now_ms, struct cached *out);

#define QUERY_OUT_SIZE 65535

/* A client's message.  Returns the length of the answer written to out[0..out_size), or 0 when
 * there is none (now: it may come by net->send(); or at all, by what a list says).  out_size: QUERY_OUT_SIZE for TCP, at
 * least the option udp_size (and 512) for UDP. */
size_t query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg, size_t len,
    uint64_t now_ms, uint8_t *out, size_t out_size) QUELL_CHECK;

#define QUERY_TOGETHER 64

/* A client's message and its answer: the arguments of query_ask() and, in `answer_len`, what it returns. */
struct query_message {
	struct query_asker from;
	const uint8_t *msg;
	uint8_t *out;
	size_t len, out_size, answer_len;
};

/* The same for messages that came in together, at most QUERY_TOGETHER, in their order.  Cheaper: what they need of
 * memory is fetched for all of them at once. */
void query_ask_all(struct query *q, struct query_message *messages, unsigned n, uint64_t now_ms);

/* What query_ask() and query_ask_all() returned since the last call has been handed to the kernel, `took_ns` after the
 * wake-up that found the queries; it counts as the latency of each. */
void query_sent(struct query *q, uint64_t took_ns);

/* A message came in on `port` (of CARRIER_UDP: from the address `from`; of CARRIER_TCP: for the try
 * that was asked there).  All checks against what was asked are made here. */
void query_reply(struct query *q, enum query_carrier via, uint32_t port, const union addr *from,
    const uint8_t *msg, size_t len, uint64_t now_ms);

/* The try cannot get a reply: connection refused, closed, unreachable. */
void query_failed(struct query *q, uint32_t try, uint64_t now_ms);

/* Nobody listens where everything that waits for a reply on `port` was sent. */
void query_refused(struct query *q, enum query_carrier via, uint32_t port, uint64_t now_ms);

/* Do what is due at now_ms. */
void query_tick(struct query *q, uint64_t now_ms);

/* There is news of the network: an address, a link or a route.  Servers that are down are probed with the
 * next questions; with `moved` (they are asked from other addresses, or by other ways) what waits is asked
 * once more, at once. */
void query_network(struct query *q, bool moved, uint64_t now_ms);

/* Counters up to now. */
void query_stats(const struct query *q, struct stats *out);

/* How long answers took up to now. */
void query_latency(const struct query *q, struct latency out[LATENCY_N_STAGES]);

/* State of one upstream, for `status`. */
struct query_upstream {
	union addr addr;
	uint8_t down; /* whether; not bool, for the parent believes no worker that this is 0 or 1 */
	uint8_t forward; /* likewise: it is asked for forward zones alone */
	uint32_t rtt_ms; /* smoothed; 0: not known yet */
	uint64_t asked, answered, failed;
};

/* Returns how many there are; the first `max` into out. */
unsigned query_upstreams(const struct query *q, struct query_upstream *out, unsigned max);

enum query_upstream_state { QUERY_GOOD, QUERY_SUSPECT, QUERY_AWAY };
enum query_upstream_cookies { QUERY_COOKIES_UNKNOWN, QUERY_COOKIES_YES, QUERY_COOKIES_NO };

/* All that is known of one, for `upstreams`. */
struct query_upstream_whole {
	struct query_upstream upstream;
	uint64_t counter[UPSTREAM_N_COUNTERS];
	struct latency rtt;	       /* of its replies */
	uint64_t away_ms, probe_in_ms; /* away: so long, and to be asked again after so long */
	uint64_t plain_ms, folded_ms;  /* asked without EDNS, or in lower case, for so long still */
	uint8_t state;		       /* enum query_upstream_state */
	uint8_t cookies;	       /* enum query_upstream_cookies */
	uint8_t known;		       /* it is one (not 0); else the rest is 0 */
};

/* Of the upstream at `addr`. */
void query_upstream(const struct query *q, const union addr *addr, uint64_t now_ms,
    struct query_upstream_whole *out);

/* The next entries of the cache, from *at on, as cachefile.h has them, into out[0..size), of which there
 * are at least CACHEFILE_PAYLOAD_SIZE bytes.  Returns their length, 0 at the end. */
size_t query_save(
    struct query *q, struct cache_walk *at, uint64_t now_ms, uint8_t *out, size_t size);

/* Take such entries, written age_ms ago (UINT64_MAX: some time ago), where they are still of use and nothing
 * newer is there.  None is believed: each is checked as an upstream's reply.  Returns how many were taken, or
 * ERR_FORMAT where they are not entries. */
int query_load(struct query *q, const uint8_t *bytes, size_t len, uint64_t age_ms,
    uint64_t now_ms) QUELL_CHECK;

/* Forget cached answers: of `name` (lower-case wire form) and, with `below`, of all names below it; or all
 * (NULL).  Returns how many. */
size_t query_flush(struct query *q, const uint8_t *name, bool below);

#endif
