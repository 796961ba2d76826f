/* query.c - the way of a query, from a client's message to its answer, or to the upstreams; the way back up
 * is query_reply.c's.
 */
#include "resolver/core/query.h"

#include <assert.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/client.h"
#include "resolver/core/cookie.h"
#include "resolver/core/query_answer.h"
#include "resolver/core/query_family.h"
#include "resolver/core/query_forward.h"
#include "resolver/core/query_names.h"
#include "resolver/core/query_state.h"

/* EDE texts. */
#define TEXT_NOT_A_CLIENT "this resolver serves its own network only"
#define TEXT_NOT_HERE	  "not answered by a forwarding resolver"
#define TEXT_NOT_CACHED	  "not in the cache, and recursion was not desired"
#define TEXT_FAILED	  "no upstream resolver had an answer a moment ago"

/* ---- Who asks, and how an answer must look ---- */

static struct answer_to answer_for(const struct query *q, const struct query_asker *from,
    const struct msg_query *ask, const uint8_t *msg, size_t out_size)
{
	struct answer_to to = {
	    .id = ask->id,
	    .flags = ask->flags,
	    .edns = ask->edns.present,
	    .opt =
		{
		    .udp_size = q->options.udp_size,
		    .dnssec_ok = ask->edns.dnssec_ok,
		    /* Over UDP it means nothing (RFC 7828, 3.3.1). */
		    .keepalive = from->tcp && ask->edns.keepalive,
		    .keepalive_ds = from->keepalive_ds,
		},
	    .limit = out_size,
	};

	/* Of another opcode's message we do not know what stands where a question would. */
	if (ask->question_end != 0 && (ask->flags & MSG_OPCODE) == 0) {
		to.question = msg + MSG_HEADER;
		to.question_len = ask->question_end - MSG_HEADER;
	}
	if (!from->tcp) {
		size_t size = ask->edns.present ? ask->edns.udp_size : MSG_UDP_PLAIN;

		if (size > q->options.udp_size)
			size = q->options.udp_size;
		if (size < MSG_UDP_PLAIN)
			size = MSG_UDP_PLAIN;
		if (size < to.limit)
			to.limit = size;
	}
	return to;
}

/* Heed the client's cookie, where there is one that counts: *to gets the one to answer with. */
static enum cookie_state heed_cookie(struct query *q, const struct query_asker *from,
    const struct msg_query *ask, const uint8_t *msg, uint64_t now_ms, struct answer_to *to)
{
	const struct msg_edns *edns = &ask->edns;
	enum cookie_state state;

	if (!edns->cookie || edns->cookie_bad || edns->version != 0 || !q->cookies.known)
		return COOKIE_NONE;
	state = cookie_check(&q->cookies, msg + edns->cookie_off, edns->cookie_len, &from->from,
	    now_ms, to->opt.cookie);
	to->opt.cookie_len = MSG_COOKIE_SIZE;
	q->stats.cookie_good += state == COOKIE_GOOD;
	q->stats.cookie_bad += state == COOKIE_BAD;
	q->stats.cookie_alone += state == COOKIE_ALONE;
	return state;
}

/* The result of msg_parse_query() with what it does not know: how the message came, and whether there are
 * cookies. */
static int judge_options(int rcode, const struct query_asker *from, const struct msg_edns *edns,
    enum cookie_state cookie)
{
	if (rcode > RCODE_NOERROR)
		return rcode;
	/* Over UDP keepalive does not count (RFC 7828, 3.3.1). */
	if (from->tcp && edns->keepalive_value)
		return RCODE_FORMERR;
	return rcode == MSG_QUERY_COOKIE && cookie == COOKIE_NONE ? RCODE_FORMERR : rcode;
}

/* Whoever forges the address of a victim gets no more sent there than they send: `len` bytes. */
static void keep_small(struct answer_to *to, size_t len)
{
	to->opt.cookie_len = 0;
	if (to->limit > len)
		to->limit = len;
}

/* ---- What a message gets that is no question to be answered ---- */

/* A source that may be forged asks too often (row 9b). */
static size_t answer_over_rate(
    struct query *q, const struct answer_to *to, enum rate_verdict verdict, uint8_t *out)
{
	if (verdict == RATE_OVER) {
		q->stats.rate_limited++;
		return 0;
	}
	q->stats.rate_slipped++;
	return answer_write_truncated(to, out);
}

/* A cookie is all that is asked for (RFC 7873, 5.4). */
static size_t answer_cookie(const struct answer_to *to, enum cookie_state state, uint8_t *out)
{
	return answer_write_empty(
	    to, state == COOKIE_BAD ? RCODE_BADCOOKIE : RCODE_NOERROR, EDE_NONE, NULL, out);
}

/* What a message that is no good query gets (docs/answers.md, rows 3 to 8). */
static size_t answer_bad(struct query *q, const struct answer_to *to, int rcode, uint8_t *out)
{
	switch (rcode) {
	case RCODE_NOTIMP:
		q->stats.not_implemented++;
		break;
	case RCODE_BADVERS:
		q->stats.bad_version++;
		break;
	default:
		q->stats.malformed++;
		break;
	}
	return answer_write_empty(to, (unsigned)rcode, EDE_NONE, NULL, out);
}

static size_t answer_refused(
    struct query *q, const struct answer_to *to, int ede, const char *text, uint8_t *out)
{
	q->stats.refused++;
	return answer_write_empty(to, RCODE_REFUSED, ede, text, out);
}

/* Types and classes that are not forwarded (rows 10 to 13): the length of their answer, or 0. */
static size_t answer_unforwardable(
    struct query *q, const struct msg_query *ask, const struct answer_to *to, uint8_t *out)
{
	if (ask->qclass == CLASS_CH || ask->qclass == CLASS_NONE || ask->qclass == 0) {
		q->stats.refused_kind++;
		return answer_refused(q, to, EDE_NOT_AUTHORITATIVE, TEXT_NOT_HERE, out);
	}
	switch (ask->qtype) {
	case TYPE_AXFR:
	case TYPE_IXFR:
		q->stats.refused_kind++;
		return answer_refused(q, to, EDE_NOT_AUTHORITATIVE, TEXT_NOT_HERE, out);
	case 0:
	case TYPE_OPT:
	case TYPE_NXNAME:
	case TYPE_TSIG:
		return answer_bad(q, to, RCODE_FORMERR, out);
	case TYPE_TKEY:
		return answer_bad(q, to, RCODE_NOTIMP, out);
	default:
		return 0;
	}
}

/* ---- The way of a question: names, lists, cache, upstream ---- */

/* What has just failed, if it has; NULL: it has not, or not within cache_failure_ttl. */
static const struct failure *find_failure(
    const struct query *q, const struct cache_key *key, uint64_t now_ms)
{
	const struct failure *failure = failures_find(&q->failures, key, now_ms);

	if (failure == NULL || now_ms - failure->at_ms >= q->options.cache_failure_ttl_s * 1000u)
		return NULL;
	return failure;
}

static size_t answer_by_a(struct query *q, const struct query_asker *from,
    const struct msg_query *asked, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    const char **outcome);

/* The question about ask->name, the end of q->way, which rules and lists let through: the cache, upstream.
 * `asked` is what is looked for, to->question what was asked.  As answer_question(), a part of which it is on the
 * way of most queries. */
static inline __attribute__((always_inline)) size_t answer_open(struct query *q,
    const struct query_asker *from, const struct msg_query *asked, const struct effect_ask *ask,
    const struct answer_to *to, uint64_t now_ms, uint8_t *out, const char **outcome)
{
	const bool dns64 = query_family_is_asked(q, asked);
	struct cache_verdict *kept;
	struct cache_answer cached;
	struct cache_key key;
	const struct failure *failure;
	bool is_old;
	size_t len;

	cache_key(q->cache, &key, ask->name, name_len(ask->name), asked->qtype, asked->qclass,
	    asked->edns.dnssec_ok, (asked->flags & MSG_CD) != 0,
	    query_state_group(q, ask->name, name_len(ask->name)));
	if (cache_get(q->cache, &key, now_ms, &cached, &kept)) {
		if (dns64 && query_family_needs_a(&cached)) {
			len = answer_by_a(q, from, asked, to, now_ms, out, outcome);
		} else {
			q->stats.cache_hits++;
			*outcome = "cached";
			len = query_answer_judged(
			    q, from, ask, &cached, kept, to, now_ms, out, outcome);
			q->unsent[LATENCY_CACHED] += len != 0;
		}
		if (cached.uses >= q->options.prefetch && q->options.prefetch != 0)
			query_forward_prefetch(q, asked, &key, &cached, now_ms);
		return len;
	}
	*outcome = NULL;
	if ((asked->flags & MSG_RD) == 0) {
		q->stats.refused_uncached++;
		return answer_refused(q, to, EDE_NOT_AUTHORITATIVE, TEXT_NOT_CACHED, out);
	}
	is_old = q->options.stale && cache_get_stale(q->cache, &key, now_ms, &cached, &kept);
	if (is_old && query_forward_is_hopeless(q, &key, now_ms)) {
		if (dns64 && query_family_needs_a(&cached))
			return answer_by_a(q, from, asked, to, now_ms, out, outcome);
		q->stats.stale++;
		*outcome = OUTCOME_STALE;
		len = query_answer_judged(q, from, ask, &cached, kept, to, now_ms, out, outcome);
		q->unsent[LATENCY_CACHED] += len != 0;
		return len;
	}
	failure = is_old ? NULL : find_failure(q, &key, now_ms);
	if (failure != NULL) {
		if (dns64)
			return answer_by_a(q, from, asked, to, now_ms, out, outcome);
		q->stats.failed_cached++;
		*outcome = "failed: no upstream answered a moment ago";
		/* Why it failed is worth more than that this is remembered. */
		if (failure->ede != EDE_NONE)
			return answer_write_empty(
			    to, failure->rcode, failure->ede, ANSWER_EDE_TEXT, out);
		return answer_write_empty(to, failure->rcode, EDE_CACHED_ERROR, TEXT_FAILED, out);
	}
	q->stats.cache_misses++;
	return query_forward(q, from, asked, &key, is_old, to, now_ms, out);
}

/* The same by the A records of the name, of which AAAA records are made (dns64.h): where rules and lists do not
 * let a question for these through, they are not to be had that way either. */
static size_t answer_by_a(struct query *q, const struct query_asker *from,
    const struct msg_query *asked, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    const char **outcome)
{
	struct msg_query as_a = *asked;
	struct effect_ask ask = {
	    .name = asked->qname,
	    .type = TYPE_A,
	    .client = &from->from,
	    .rule_wanted = to->edns || q->answers != NULL,
	};

	as_a.qtype = TYPE_A;
	if (!query_answer_judge(q, from, &ask))
		return query_answer_by_name(q, from, &ask, to, now_ms, out, outcome);
	return answer_open(q, from, &as_a, &ask, to, now_ms, out, outcome);
}

/* A good question of a client: the lists, the cache, upstream.  Returns the length of the answer, or
 * 0 when there is none now; *outcome is for the log, and NULL where there is nothing to say yet. */
static size_t answer_question(struct query *q, const struct query_asker *from,
    const struct msg_query *asked, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    const char **outcome)
{
	struct effect_ask ask = {
	    .name = asked->qname,
	    .type = asked->qtype,
	    .client = &from->from,
	    .rule_wanted = to->edns || q->answers != NULL,
	};
	size_t len;

	len = query_names_answer(q, asked, to, out, outcome);
	if (len != 0)
		return len;
	if (!query_answer_judge(q, from, &ask)) {
		len = query_answer_by_name(q, from, &ask, to, now_ms, out, outcome);
		q->unsent[LATENCY_BLOCKED] += len != 0;
		return len;
	}
	q->stats.allowed += q->way.verdict.outcome == JUDGE_ALLOWED;
	if (policy_way_is_forged(&q->way) && !q->way.own) {
		len = query_names_fixed(q, asked, to, out, outcome);
		if (len != 0)
			return len;
	}
	if (q->options.suppress != 0) {
		len = query_family_suppress(q, asked, ask.name, to, out, outcome);
		if (len != 0)
			return len;
	}
	return answer_open(q, from, asked, &ask, to, now_ms, out, outcome);
}

/* The way of a message that msg_parse_query() has read. */
static size_t answer_parsed(struct query *q, const struct query_asker *from, const uint8_t *msg,
    size_t len, const struct query_parsed *parsed, uint64_t now_ms, uint8_t *out, size_t out_size)
{
	const enum client_access access = client_access(&q->options, &from->from);
	const struct msg_query *ask = &parsed->ask;
	enum cookie_state cookie;
	struct answer_to to;
	const char *outcome;
	int rcode;

	if (from->tcp)
		q->stats.queries_tcp++;
	else
		q->stats.queries_udp++;

	if (parsed->rcode == MSG_QUERY_DROP) {
		q->stats.dropped++;
		return 0;
	}
	if (access == CLIENT_DROP) {
		q->stats.client_dropped++;
		query_state_leave(q, from);
		return 0;
	}
	to = answer_for(q, from, ask, msg, out_size);
	cookie = heed_cookie(q, from, ask, msg, now_ms, &to);
	if (!from->tcp && cookie != COOKIE_GOOD && access != CLIENT_LOOPBACK) {
		enum rate_verdict verdict = rate_take(q->rate, &from->from, now_ms);

		if (access == CLIENT_REFUSE)
			keep_small(&to, len);
		if (verdict != RATE_PASS)
			return answer_over_rate(q, &to, verdict, out);
	}
	rcode = judge_options(parsed->rcode, from, &ask->edns, cookie);
	if (rcode > RCODE_NOERROR)
		return answer_bad(q, &to, rcode, out);
	if (access == CLIENT_REFUSE) {
		if (ask->question_end != 0)
			query_state_note(q, from, ask->qname, ask->qtype, "refused: not a client");
		q->stats.refused_client++;
		return answer_refused(q, &to, EDE_PROHIBITED, TEXT_NOT_A_CLIENT, out);
	}
	if (rcode == MSG_QUERY_COOKIE)
		return answer_cookie(&to, cookie, out);
	len = answer_unforwardable(q, ask, &to, out);
	if (len != 0)
		return len;
	if (query_names_is_ours(ask))
		return query_names_ours(q, from, ask, &to, now_ms, out);
	len = answer_question(q, from, ask, &to, now_ms, out, &outcome);
	if (outcome != NULL)
		query_state_note(q, from, ask->qname, ask->qtype, outcome);
	return len;
}

size_t query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg, size_t len,
    uint64_t now_ms, uint8_t *out, size_t out_size)
{
	struct query_parsed parsed;

	parsed.rcode = msg_parse_query(msg, len, &parsed.ask);
	return answer_parsed(q, from, msg, len, &parsed, now_ms, out, out_size);
}

/* A question like this will be asked at once: begin to fetch what the lists and the cache have of it. */
static void expect(const struct query *q, struct query_parsed *p)
{
	const struct msg_query *ask = &p->ask;
	struct cache_key key;

	trie_expect(&q->policy.lists, ask->qname);
	cache_key(q->cache, &key, ask->qname, ask->qname_len, ask->qtype, ask->qclass,
	    ask->edns.dnssec_ok, (ask->flags & MSG_CD) != 0,
	    query_state_group(q, ask->qname, ask->qname_len));
	p->hash = key.hash;
	cache_expect(q->cache, p->hash);
}

void query_ask_all(struct query *q, struct query_message *messages, unsigned n, uint64_t now_ms)
{
	assert(n <= QUERY_TOGETHER);
	for (unsigned i = 0; i < n; i++) {
		struct query_parsed *p = &q->together[i];

		p->rcode = msg_parse_query(messages[i].msg, messages[i].len, &p->ask);
		if (n > 1 && p->rcode == RCODE_NOERROR)
			expect(q, p);
	}
	for (unsigned i = 0; n > 1 && i < n; i++)
		if (q->together[i].rcode == RCODE_NOERROR)
			cache_expect_entry(q->cache, q->together[i].hash);
	for (unsigned i = 0; i < n; i++) {
		struct query_message *m = &messages[i];

		m->answer_len = answer_parsed(
		    q, &m->from, m->msg, m->len, &q->together[i], now_ms, m->out, m->out_size);
	}
}

void query_sent(struct query *q, uint64_t took_ns)
{
	for (unsigned i = 0; i < LATENCY_N_STAGES; i++) {
		if (q->unsent[i] != 0)
			latency_count(&q->latency[i], took_ns, q->unsent[i]);
		q->unsent[i] = 0;
	}
}

/* ---- For the control socket ---- */

void query_stats(const struct query *q, struct stats *out)
{
	const struct cache_usage usage = cache_usage(q->cache);

	*out = q->stats;
	out->cache_entries = usage.entries;
	out->cache_bytes = usage.bytes;
	out->cache_evicted = usage.evicted;
	out->in_flight = q->inflight.n_questions;
}

void query_latency(const struct query *q, struct latency out[LATENCY_N_STAGES])
{
	memcpy(out, q->latency, sizeof(q->latency));
}

unsigned query_upstreams(const struct query *q, struct query_upstream *out, unsigned max)
{
	for (unsigned i = 0; i < q->upstreams.n && i < max; i++) {
		const struct upstream *s = &q->upstreams.server[i];
		struct query_upstream *to = &out[i];

		memset(to, 0, sizeof(*to)); /* its gaps go to another process, too */
		to->addr = s->addr;
		to->down = upstream_is_down(&q->upstreams, i);
		to->forward = (s->groups & 1) == 0;
		to->rtt_ms = (s->srtt_ms8 + 7) / 8;
		to->asked = s->asked;
		to->answered = s->answered;
		to->failed = s->failed;
	}
	return q->upstreams.n;
}

size_t query_flush(struct query *q, const uint8_t *name, bool below)
{
	return cache_flush(q->cache, name, below);
}
