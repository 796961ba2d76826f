/* query_try.c - a message to an upstream: how it looks, and what its reply has to know. */
#include "resolver/core/query_try.h"

#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/mixcase.h"
#include "resolver/core/query_state.h"

/* IDs drawn for one try before its port counts as full. */
#define ID_DRAWS 16

void query_try_end(struct query *q, struct inflight_try *t)
{
	q->net.done(q->net.ctx, &t->sent);
	inflight_end(&q->inflight, t);
}

/* The message to ask `t` upstream: its length. */
static size_t write_upstream(
    const struct query *q, struct inflight_try *t, uint8_t *out, size_t size)
{
	const struct inflight_question *question = t->question;
	struct msg_opt opt = {
	    .udp_size = q->options.udp_size,
	    .dnssec_ok = question->dnssec_ok,
	    .ede = EDE_NONE,
	    .cookie_len = t->cookie_len,
	    .subnet = q->subnet,
	    .subnet_len = t->subnet ? q->subnet_len : 0,
	};
	struct msg_writer w;
	unsigned flags = MSG_RD;
	uint8_t name[NAME_SIZE];

	/* AD says that we understand AD in the reply (RFC 6840, 5.7). */
	if (!t->plain)
		flags |= MSG_AD;
	if (question->checking_disabled)
		flags |= MSG_CD;
	msg_write_start(&w, out, size, t->id, (uint16_t)flags);
	t->mixed = mixcase_write(name, question->name, question->name_len, t->upper);
	msg_write_question(&w, name, question->type, question->class);
	if (!t->plain) {
		memcpy(opt.cookie, q->upstreams.server[t->server].jar.cookie, opt.cookie_len);
		msg_write_opt(&w, &opt);
	}
	return w.out.pos;
}

/* Let it wait with an ID that no other try on this port has; false: the port is full. */
static bool wait_with_id(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	for (unsigned i = 0; i < ID_DRAWS; i++) {
		t->id = rng_u16(&q->rng);
		if (inflight_sent(&q->inflight, t, now_ms))
			return true;
	}
	return false;
}

enum query_carrier query_try_carrier(const struct query *q, unsigned server)
{
	return q->upstreams.server[server].proxied ? CARRIER_TCP : CARRIER_UDP;
}

/* May the server of `t` be told a client's subnet?  Those of forward zones are no public resolvers. */
static bool wants_subnet(const struct query *q, const struct inflight_try *t, uint64_t now_ms)
{
	return !t->plain && q->subnet_len != 0 && t->question->group == 0 &&
	       (t->question->no_subnet >> t->server & 1) == 0 &&
	       now_ms >= q->upstreams.server[t->server].subnet_until_ms;
}

/* Nobody of those who are asked before this server had anything to say. */
static void note_fallback(struct query *q, const struct upstream *s)
{
	char text[ADDR_TEXT_SIZE];

	q->stats.fallbacks++;
	log_warning("fallback", "no upstream answers of those before it: %s is asked",
	    addr_format(&s->addr, text));
}

bool query_try_send(struct query *q, struct inflight_question *question, unsigned server,
    enum query_carrier via, uint64_t now_ms)
{
	uint8_t msg[MSG_HEADER + NAME_SIZE + 4 + 11 + 4 + MSG_COOKIE_MAX + 4 + sizeof(q->subnet)];
	struct upstream *s = &q->upstreams.server[server];
	bool first = via == query_try_carrier(q, server);
	uint8_t *tried = first ? question->tried : question->tried_tcp;
	struct inflight_try *t;
	unsigned hedge;
	size_t len;
	int err;

	if (tried[server] >= UPSTREAM_TRIES_MAX)
		return false;
	tried[server]++;
	t = inflight_try(&q->inflight, question);
	if (t == NULL)
		return false;
	t->server = (uint8_t)server;
	t->plain = now_ms < s->plain_until_ms || (question->plain >> server & 1) != 0;
	if (!t->plain)
		t->cookie_len =
		    jar_get(&s->jar, &q->rng, tried[server] == UPSTREAM_TRIES_MAX, now_ms);
	t->subnet = wants_subnet(q, t, now_ms);
	if (via == CARRIER_UDP && upstream_mixes_case(&q->upstreams, server, now_ms))
		mixcase_draw(t->upper, &q->rng, question->name_len);
	t->wait_class = (uint8_t)upstream_wait_class(
	    &q->upstreams, server, tried[server] - 1u, via == CARRIER_TCP);
	t->sent.try = inflight_try_handle(&q->inflight, t);
	t->sent.via = via;
	t->sent.to = s->addr;
	s->asked++;
	if (q->net.port(q->net.ctx, via, &s->addr, &t->sent.port) != 0) {
		inflight_end(&q->inflight, t);
		goto failed;
	}
	if (!wait_with_id(q, t, now_ms)) {
		query_try_end(q, t);
		goto failed;
	}
	t->strays = *query_state_strays(q, t->sent.port);
	len = write_upstream(q, t, msg, sizeof(msg));
	err = q->net.ask(q->net.ctx, &t->sent, msg, len);
	if (err != 0) {
		query_try_end(q, t);
		goto failed;
	}
	question->asked = true;
	hedge = upstream_hedge_class(&q->upstreams, server);
	if (hedge < UPSTREAM_HEDGES && first)
		inflight_hedge(&q->inflight, t, hedge);
	if (via == CARRIER_UDP) {
		q->stats.tries_udp++;
	} else {
		q->stats.tries_tcp++;
		s->counter[UPSTREAM_tcp]++;
	}
	if (upstream_is_behind(&q->upstreams, server, question->group))
		note_fallback(q, s);
	return true;
failed:
	q->stats.net_errors++;
	upstream_silent(&q->upstreams, &s->addr, now_ms);
	return false;
}

void query_try_copy(
    struct query *q, struct inflight_question *question, int server, uint64_t now_ms)
{
	if (!query_try_send(
		q, question, (unsigned)server, query_try_carrier(q, (unsigned)server), now_ms))
		return;
	/* It is the youngest. */
	question->tries->spare = true;
	inflight_unhedge(&q->inflight, question->tries);
	q->stats.copies++;
}
