/* query_inspect.c - what is cached for a name, and how it stands with an upstream: for the control socket.
 */
#include <stdio.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/cached.h"
#include "resolver/core/query_state.h"

/* ---- The cache ---- */

/* The cache finds nothing by a name alone, and a walk through all of it would hold up queries: so each kind
 * of question is looked up that clients ask.  Behind these there are types for private use, and two more that nobody asks for (RFC 6895, 3.1). */
#define TYPES_ASSIGNED 264

#define CLASS_HS 4

/* Of the others nothing is forwarded, or they were never used. */
static const uint16_t classes[] = {CLASS_IN, CLASS_HS, CLASS_ANY};

/* The verdict on `name` as `why` has it, with where it leads. */
static void find_verdict(struct query *q, const uint8_t *name, uint16_t type, uint64_t now_ms,
    char text[CACHED_VERDICT_SIZE])
{
	const struct effect_ask ask = {.name = name, .type = type};
	char hop[REASON_HOP_SIZE];
	struct reason reason;

	query_why(q, &ask, now_ms, &reason);
	(void)snprintf(
	    text, CACHED_VERDICT_SIZE, "%s%s", reason.verdict, reason_verdict_hop(&reason, hop));
}

/* The message of `a` with the TTLs as they are now, in q->out. */
static const uint8_t *aged(struct query *q, const struct cache_answer *a, uint64_t age_s)
{
	memcpy(q->out, a->msg, a->len);
	for (unsigned i = 0; i < a->n_records; i++) {
		uint32_t ttl_s = msg_u32(q->out + a->ttl_off[i]);

		msg_set_u32(q->out + a->ttl_off[i], ttl_s > age_s ? (uint32_t)(ttl_s - age_s) : 0);
	}
	return q->out;
}

/* What is known under `key`; *entry has its type and class.  False: nothing. */
static bool find(struct query *q, const struct cache_key *key, uint64_t now_ms,
    struct cached_entry *entry, struct cache_answer *a)
{
	const struct failure *failure = failures_find(&q->failures, key, now_ms);
	uint64_t age_s;

	entry->answer = cache_peek(q->cache, key, now_ms, a);
	entry->asked = inflight_find(&q->inflight, key) != NULL;
	entry->failed = failure != NULL;
	if (failure != NULL) {
		entry->failure = failure->rcode;
		entry->failure_age_ms = (uint32_t)(now_ms - failure->at_ms);
	}
	if (entry->answer) {
		entry->age_ms = now_ms - a->stored_ms;
		age_s = entry->age_ms / 1000;
		entry->life_s = a->ttl_s;
		entry->ttl_s = a->ttl_s > age_s ? (uint32_t)(a->ttl_s - age_s) : 0;
		entry->stale = a->stale;
		entry->prefetched = a->prefetched;
		entry->uses = a->uses;
	}
	return entry->answer || entry->asked || entry->failed;
}

/* What is known of `type` and `class`, in *out; `verdict` is found when it is needed first. */
static void put_kinds(struct query *q, const uint8_t *name, uint16_t type, uint16_t class,
    uint64_t now_ms, char verdict[CACHED_VERDICT_SIZE], struct cached *out)
{
	size_t len = name_len(name);
	struct cache_answer a;
	struct cache_key key;

	for (unsigned flags = 0; flags <= (CACHE_KEY_DO | CACHE_KEY_CD); flags++) {
		struct cached_entry entry = {
		    .type = type,
		    .class = class,
		    .dnssec_ok = (flags & CACHE_KEY_DO) != 0,
		    .checking_disabled = (flags & CACHE_KEY_CD) != 0,
		};

		cache_key(q->cache, &key, name, len, type, class, entry.dnssec_ok,
		    entry.checking_disabled, query_state_group(q, name, len));
		if (!find(q, &key, now_ms, &entry, &a))
			continue;
		if (verdict[0] == '\0')
			find_verdict(q, name, type, now_ms, verdict);
		cached_put(out, &entry, verdict,
		    entry.answer ? aged(q, &a, entry.age_ms / 1000) : NULL,
		    entry.answer ? a.len : 0);
	}
}

void query_cached(
    struct query *q, const uint8_t *name, uint16_t type, uint64_t now_ms, struct cached *out)
{
	unsigned first = type != 0 ? type : 1, end = type != 0 ? type + 1u : TYPES_ASSIGNED;

	memset(out, 0, sizeof(*out));
	find_verdict(q, name, type != 0 ? type : TYPE_A, now_ms, out->verdict);
	for (unsigned t = first; t < end; t++) {
		char verdict[CACHED_VERDICT_SIZE] = "";

		for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
			put_kinds(q, name, (uint16_t)t, classes[i], now_ms, verdict, out);
	}
}

/* ---- An upstream ---- */

static uint64_t left_ms(uint64_t until_ms, uint64_t now_ms)
{
	return until_ms > now_ms ? until_ms - now_ms : 0;
}

static enum query_upstream_state state_of(const struct upstreams *u, unsigned i)
{
	if (upstream_is_down(u, i))
		return QUERY_AWAY;
	return u->server[i].silent != 0 ? QUERY_SUSPECT : QUERY_GOOD;
}

static enum query_upstream_cookies cookies_of(const struct upstream *s, uint64_t now_ms)
{
	if (jar_is_proven(&s->jar))
		return QUERY_COOKIES_YES;
	return s->jar.off_until_ms > now_ms ? QUERY_COOKIES_NO : QUERY_COOKIES_UNKNOWN;
}

void query_upstream(const struct query *q, const union addr *addr, uint64_t now_ms,
    struct query_upstream_whole *out)
{
	const struct upstreams *u = &q->upstreams;
	struct query_upstream all[OPTIONS_SERVERS_MAX];
	unsigned n = query_upstreams(q, all, OPTIONS_SERVERS_MAX), i = 0;
	const struct upstream *s;

	memset(out, 0, sizeof(*out));
	while (i < n && !addr_equal(&all[i].addr, addr))
		i++;
	if (i == n)
		return;
	s = &u->server[i];
	out->known = true;
	out->upstream = all[i];
	memcpy(out->counter, s->counter, sizeof(out->counter));
	out->rtt = s->rtt;
	out->state = (uint8_t)state_of(u, i);
	out->cookies = (uint8_t)cookies_of(s, now_ms);
	out->plain_ms = left_ms(s->plain_until_ms, now_ms);
	out->folded_ms = left_ms(s->case_until_ms, now_ms);
	if (out->state == QUERY_AWAY) {
		out->away_ms = now_ms - s->down_ms;
		out->probe_in_ms = left_ms(s->probe_ms, now_ms);
	}
}
