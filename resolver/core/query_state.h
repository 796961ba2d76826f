/* query_state.h - what the parts of a query's way share: the state of the core, and the little that more
 * than one of them needs.
 *
 * The parts, with what they are for each other; nothing else includes this:
 *
 *   query.c           the way of a client's query, and what a message gets that is no good query
 *   |- query_names.h    names with an answer of their own: of the house, special, ours
 *   |- query_answer.h   what rules, lists and rebinding protection make of a name and its answer
 *   |- query_family.h   which families of addresses are given: suppressed types, hints, DNS64
 *   `- query_forward.h  questions for upstreams, from the first try to the time when they are over
 *      |- query_try.h     a message to an upstream, and the port and ID it waits with
 *      `- query_wait.h    who waits, and what they get in the end
 *   query_reply.c     what came from upstreams
 *   query_setup.c     what is configured, query_why.c why, query_saved.c the cache on disk
 */
#ifndef QUELL_QUERY_STATE_H
#define QUELL_QUERY_STATE_H

#include "lib/log.h"
#include "resolver/core/adapt.h"
#include "resolver/core/answer.h"
#include "resolver/core/cache.h"
#include "resolver/core/failures.h"
#include "resolver/core/inflight.h"
#include "resolver/core/policy.h"
#include "resolver/core/query.h"
#include "resolver/core/rate.h"
#include "resolver/core/special.h"
#include "resolver/core/upstream.h"
#include "resolver/core/zones.h"

/* Counters of messages that match nothing; ports share them by their last bits. */
#define STRAYS_SIZE 4096

#define TEXT_NO_UPSTREAM "no upstream resolver answered" /* EDE text */

/* For the log. */
#define OUTCOME_STALE "cached, and its time is over"

/* What msg_parse_query() made of a client's message. */
struct query_parsed {
	int rcode;
	uint32_t hash; /* under which the cache may have its answer */
	struct msg_query ask;
};

struct query {
	struct options options;
	struct query_net net;
	struct rng rng;
	struct cookie_secrets cookies;
	struct rate *rate;
	struct policy policy;
	struct overlay *rules;		      /* the user's own */
	const struct reason_names *names;     /* of the lists, borrowed; NULL: not known */
	const struct reason_answers *answers; /* of the lists, borrowed; NULL: none differs */
	struct special special;
	struct local local; /* names of the house */
	struct adapt *adapt;
	struct upstreams upstreams;
	uint8_t subnet[4 + 16]; /* data of the client subnet option (RFC 7871, 6) ... */
	uint8_t subnet_len;	/* ... that is sent; 0: none is */
	struct inflight inflight;
	uint32_t strays[STRAYS_SIZE];
	struct failures failures;
	struct cache *cache;
	struct stats stats;
	/* Answers, and those that query_sent() has not told of yet. */
	struct latency latency[LATENCY_N_STAGES];
	uint32_t unsent[LATENCY_N_STAGES];
	uint64_t probed_ms; /* when the network was last tried while it failed */
	uint64_t armed_ms;  /* what net->arm() was told last */
	struct query_parsed together[QUERY_TOGETHER];
	struct policy_way way; /* of the question being worked on */
	struct answer answer;  /* the reply being worked on */
	uint8_t out[MSG_MAX];  /* the answer being written for a waiter */
};

/* A line for the log, where queries are logged. */
static inline void query_state_note(const struct query *q, const struct query_asker *from,
    const uint8_t *name, uint16_t type, const char *outcome)
{
	char client[ADDR_TEXT_SIZE], text[NAME_TEXT_SIZE];

	if (q->options.log_queries)
		log_each(LOG_INFO, "query", "%s %s type %u: %s",
		    addr_format_host(&from->from, client), name_to_text(name, text), type, outcome);
}

/* The group of upstreams that is asked for name[0..len). */
static inline uint8_t query_state_group(const struct query *q, const uint8_t *name, size_t len)
{
	int group = zones_find(&q->options.forward, name, len);

	return group > 0 ? (uint8_t)group : 0;
}

/* No answer will come: those who count what they wait for are told. */
static inline void query_state_leave(struct query *q, const struct query_asker *from)
{
	if (from->tcp)
		q->net.send(q->net.ctx, from, NULL, 0);
}

/* Messages that came on this port and matched nothing. */
static inline uint32_t *query_state_strays(struct query *q, uint32_t port)
{
	return &q->strays[port % STRAYS_SIZE];
}

/* What an answer may be kept for. */
static inline struct answer_limits query_state_limits(const struct query *q)
{
	return (struct answer_limits){
	    .min_ttl_s = q->options.min_ttl_s,
	    .max_ttl_s = q->options.cache_max_ttl_s,
	    .negative_ttl_s = q->options.cache_negative_ttl_s,
	};
}

#endif
