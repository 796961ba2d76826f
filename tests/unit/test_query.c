/* test_query.c - the core beside its scenes: what query_new() refuses, that everything is bounded
 * and nothing is allocated, what is armed, ports that fail, events that nobody waits for, and other
 * options while questions are in flight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/query.h"
#include "resolver/core/upstream.h"
#include "tests/unit/counted.h"

/* ---- the world of one core ---- */

#define START_MS 1000000
#define SENT_MAX 4096

struct sent {
	struct query_try try;
	uint8_t msg[300];
	size_t len;
	unsigned n_done;
};

struct world {
	struct query *core;
	struct options options;
	uint64_t now_ms, armed_ms;
	unsigned n_arm;
	struct sent sent[SENT_MAX]; /* what net->port() gave, in order */
	unsigned n_ports, n_asked;
	bool no_port, no_ask, one_port;
	unsigned n_answers;
	uint16_t answer_id, answer_flags; /* of the last answer */
};

static void net_send(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	struct world *w = ctx;

	assert_true(addr_is_loopback(&to->from));
	assert_true(len >= MSG_HEADER);
	w->n_answers++;
	w->answer_id = msg_u16(msg);
	w->answer_flags = msg_u16(msg + 2);
}

static int net_port(void *ctx, enum query_carrier via, const union addr *to, uint32_t *port)
{
	struct world *w = ctx;

	(void)via;
	assert_true(addr_port(to) == 53);
	if (w->no_port)
		return ERR_NET;
	assert_true(w->n_ports < SENT_MAX);
	w->sent[w->n_ports++] = (struct sent){0};
	*port = w->one_port ? 7 : 1000 + w->n_ports;
	return 0;
}

static int net_ask(void *ctx, const struct query_try *try, const uint8_t *msg, size_t len)
{
	struct world *w = ctx;
	struct sent *s = &w->sent[w->n_ports - 1];

	w->n_asked++;
	s->try = *try;
	assert_true(len <= sizeof(s->msg));
	memcpy(s->msg, msg, len);
	s->len = len;
	return w->no_ask ? ERR_NET : 0;
}

static void net_done(void *ctx, const struct query_try *try)
{
	struct world *w = ctx;

	for (unsigned i = w->n_ports; i-- > 0;) {
		if (w->one_port ? w->sent[i].try.try != try->try || w->sent[i].n_done != 0
				: 1001 + i != try->port)
			continue;
		w->sent[i].n_done++;
		return;
	}
	fail_msg("a port is given back that was never drawn");
}

static void net_arm(void *ctx, uint64_t at_ms)
{
	struct world *w = ctx;

	w->armed_ms = at_ms;
	w->n_arm++;
}

static void set_upstreams(struct world *w, unsigned n, const char *const *texts)
{
	memset(w->options.upstream, 0, sizeof(w->options.upstream));
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(addr_parse(&w->options.upstream[i], texts[i], 53, NULL), 0);
	w->options.n_upstream = n;
}

static int new_core(struct world *w)
{
	const struct query_net net = {w, net_send, net_port, net_ask, net_done, net_arm};
	struct rng rng;

	rng_init_fixed(&rng, 1);
	return query_new(&w->core, &w->options, &net, &rng);
}

static const char *const servers[] = {"192.0.2.1", "192.0.2.2", "2001:db8::3"};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->now_ms = START_MS;
	w->armed_ms = UINT64_MAX;
	w->options = (struct options){
	    .cache_size = 1 << 20,
	    .cache_max_ttl_s = 86400,
	    .cache_negative_ttl_s = 3600,
	    .cache_failure_ttl_s = 1,
	    .query_timeout_ms = 5000,
	    .questions_max = 64,
	    .udp_size = 1232,
	};
	set_upstreams(w, 1, servers);
	assert_int_equal(new_core(w), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	query_free(w->core);
	free(w);
	return 0;
}

/* The same core with other bounds. */
static void restart(struct world *w)
{
	query_free(w->core);
	assert_int_equal(new_core(w), 0);
}

/* A client's question for the A record of qNNNN.example; returns its length. */
static size_t write_question(unsigned n, struct query_asker *asker, uint8_t msg[64])
{
	uint8_t name[] = "\5qNNNN\7example";
	struct msg_writer m;

	assert_int_equal(addr_parse(&asker->from, "127.0.0.1:5000", 0, NULL), 0);
	for (unsigned i = 5, rest = n; i > 1; i--, rest /= 10)
		name[i] = (uint8_t)('0' + rest % 10);
	msg_write_start(&m, msg, 64, (uint16_t)n, MSG_RD);
	msg_write_question(&m, name, TYPE_A, CLASS_IN);
	return m.out.pos;
}

/* Ask for the A record of qNNNN.example; returns the RCODE that came at once, or -1. */
static int ask(struct world *w, unsigned n)
{
	static uint8_t out[QUERY_OUT_SIZE];
	struct query_asker asker = {0};
	uint8_t msg[64];
	size_t len = write_question(n, &asker, msg);

	len = query_ask(w->core, &asker, msg, len, w->now_ms, out, 1232);
	return len == 0 ? -1 : (int)(msg_u16(out + 2) & MSG_RCODE);
}

/* A reply to the try number i: the question it was asked, no EDNS, and one A record where `record`.
 */
static void reply(struct world *w, unsigned i, unsigned flags, bool record)
{
	static const uint8_t a[] = {
	    0xc0, 12, 0, TYPE_A, 0, CLASS_IN, 0, 0, 1, 0, 0, 4, 198, 51, 100, 7};
	const struct sent *s = &w->sent[i];
	uint8_t msg[300];
	size_t len = MSG_HEADER + name_len(s->msg + MSG_HEADER) + 4;

	memset(msg, 0, sizeof(msg));
	memcpy(msg, s->msg, len);
	msg_set_u16(msg + 2, MSG_QR | MSG_RD | MSG_RA | flags);
	msg_set_u16(msg + 6, record);
	msg_set_u16(msg + 10, 0);
	if (record) {
		memcpy(msg + len, a, sizeof(a));
		len += sizeof(a);
	}
	query_reply(w->core, s->try.via, s->try.port, &s->try.to, msg, len, w->now_ms);
}

static struct stats counters(const struct world *w)
{
	struct stats stats;

	query_stats(w->core, &stats);
	return stats;
}

/* The one-shot timer that net->arm() set. */
static void tick(struct world *w, uint64_t at_ms)
{
	w->now_ms = at_ms;
	w->armed_ms = UINT64_MAX;
	query_tick(w->core, at_ms);
}

/* What must hold when nobody waits any more: each port is given back once, no timer runs. */
static void expect_idle(const struct world *w)
{
	assert_int_equal(counters(w).in_flight, 0);
	assert_true(w->armed_ms == UINT64_MAX);
	for (unsigned i = 0; i < w->n_ports; i++)
		assert_int_equal(w->sent[i].n_done, 1);
}

static bool asks(const struct world *w, unsigned i, const char *server)
{
	union addr a;

	assert_true(i < w->n_ports);
	assert_int_equal(addr_parse(&a, server, 53, NULL), 0);
	return addr_equal(&a, &w->sent[i].try.to);
}

/* ---- query_new() ---- */

static void test_new_out_of_range(void **state)
{
	struct world *w = *state;
	struct query *first = w->core;

	w->options.cache_size = 1;
	assert_int_equal(new_core(w), ERR_RANGE);
	assert_null(w->core);
	w->options.cache_size = 0;
	assert_int_equal(new_core(w), ERR_RANGE);
	assert_null(w->core);
	w->core = first;
}

/* Whichever allocation fails: an error, and nothing stays behind (the sanitizer looks). */
static void test_new_without_memory(void **state)
{
	struct world *w = *state;
	struct query *first = w->core;
	int err;

	for (unsigned i = 1;; i++) {
		counted.n = 0;
		counted.fail_at = i;
		err = new_core(w);
		counted.fail_at = 0;
		if (err == 0)
			break;
		assert_int_equal(err, ERR_NOMEM);
		assert_true(i < 20);
	}
	assert_true(counted.n >= 2);
	query_free(w->core);
	query_free(NULL);
	w->core = first;
}

/* ---- bounds ---- */

static void test_no_allocation_and_no_more_in_flight(void **state)
{
	struct world *w = *state;

	counted.n = 0;
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(ask(w, i), -1);
		assert_true(counters(w).in_flight <= w->options.questions_max);
		if (i % 3 == 0)
			reply(w, w->n_ports - 1, 0, true);
	}
	assert_true(counters(w).overload > 0);
	for (unsigned i = 0; w->armed_ms != UINT64_MAX; i++) {
		assert_true(i < 10000);
		tick(w, w->armed_ms);
	}
	assert_int_equal(counted.n, 0);
	assert_int_equal(w->n_answers, 1000); /* each asker got one */
	expect_idle(w);
}

/* With room for one question the older makes way at once. */
static void test_one_question(void **state)
{
	struct world *w = *state;

	w->options.questions_max = 1;
	restart(w);
	assert_int_equal(ask(w, 1), -1);
	assert_int_equal(ask(w, 2), -1);
	assert_int_equal(w->n_answers, 1);
	assert_int_equal(w->answer_id, 1);
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_SERVFAIL);
	assert_int_equal(w->sent[0].n_done, 1);
	assert_int_equal(counters(w).overload, 1);
	/* Its late reply is for nobody. */
	reply(w, 0, 0, true);
	assert_int_equal(counters(w).replies_unexpected, 1);
	reply(w, 1, 0, true);
	assert_int_equal(w->answer_id, 2);
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_NOERROR);
	expect_idle(w);
}

/* Tries that share a port differ in their ID: of 4000 that are drawn at random many would not. */
static void test_ids_on_one_port(void **state)
{
	struct world *w = *state;
	static uint8_t used[1 << 16];

	memset(used, 0, sizeof(used));
	w->options.questions_max = 4000;
	w->one_port = true;
	restart(w);
	for (unsigned i = 0; i < 4000; i++) {
		assert_int_equal(ask(w, i), -1);
		assert_int_equal(used[msg_u16(w->sent[i].msg)]++, 0);
	}
	/* Each reply finds its own question. */
	for (unsigned i = 0; i < 4000; i++) {
		reply(w, i, 0, true);
		assert_int_equal(w->n_answers, i + 1);
		assert_int_equal(w->answer_id, i);
	}
	expect_idle(w);
}

/* ---- net->arm() ---- */

static void test_arm(void **state)
{
	struct world *w = *state;

	assert_int_equal(w->n_arm, 0);
	assert_int_equal(ask(w, 1), -1);
	assert_true(w->armed_ms == START_MS + UPSTREAM_WAIT_UNKNOWN_MS);
	assert_int_equal(w->n_arm, 1);
	/* What is due later needs no other timer. */
	w->now_ms += 20;
	assert_int_equal(ask(w, 2), -1);
	assert_int_equal(w->n_arm, 1);
	/* Called too early it is called again; nothing else happens. */
	tick(w, w->now_ms);
	assert_true(w->armed_ms == START_MS + UPSTREAM_WAIT_UNKNOWN_MS);
	assert_int_equal(w->n_arm, 2);
	assert_int_equal(w->n_asked, 2);
	assert_int_equal(counters(w).timeouts, 0);
	/* The next in line; then none. */
	reply(w, 0, 0, true);
	assert_true(w->armed_ms == START_MS + 20 + UPSTREAM_WAIT_UNKNOWN_MS);
	reply(w, 1, 0, true);
	assert_int_equal(w->n_answers, 2);
	expect_idle(w);
}

/* A server that is near is waited for less, and longer each time that it says nothing. */
static void test_arm_by_round_trip(void **state)
{
	struct world *w = *state;
	uint64_t wait_ms = upstream_wait_ms(0);

	assert_int_equal(ask(w, 1), -1);
	w->now_ms += 20;
	reply(w, 0, 0, true);
	assert_int_equal(ask(w, 2), -1);
	for (unsigned i = 0; i < UPSTREAM_TRIES_MAX; i++) {
		assert_int_equal(w->n_asked, 2 + i);
		assert_true(w->armed_ms == w->now_ms + wait_ms);
		wait_ms *= 4; /* it is the only one */
		tick(w, w->armed_ms);
	}
	/* All tries are made; late replies are welcome until the question's own end. */
	assert_int_equal(w->n_asked, 1 + UPSTREAM_TRIES_MAX);
	assert_true(w->armed_ms == START_MS + 20 + w->options.query_timeout_ms);
	assert_int_equal(w->n_answers, 1);
	tick(w, w->armed_ms - 1);
	assert_int_equal(w->n_answers, 1);
	tick(w, w->armed_ms);
	assert_int_equal(w->n_answers, 2);
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_SERVFAIL);
	expect_idle(w);
}

/* The end of the question comes before the end of its try. */
static void test_arm_by_question(void **state)
{
	struct world *w = *state;

	w->options.query_timeout_ms = 150;
	query_set_options(w->core, &w->options);
	assert_int_equal(ask(w, 1), -1);
	assert_true(w->armed_ms == START_MS + 150);
	tick(w, w->armed_ms);
	assert_int_equal(w->n_answers, 1);
	expect_idle(w);
}

/* ---- the network refuses ---- */

/* Without a port there is nothing to give back. */
static void test_no_port(void **state)
{
	struct world *w = *state;

	w->no_port = true;
	assert_int_equal(ask(w, 1), -1);
	assert_int_equal(w->n_answers, 1);
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_SERVFAIL);
	assert_int_equal(w->n_asked, 0);
	assert_true(counters(w).net_errors > 0);
	assert_int_equal(counters(w).tries_udp, 0);
	assert_int_equal(counters(w).failed, 1);
	expect_idle(w);
	w->no_port = false;
	assert_int_equal(ask(w, 1), -1);
	reply(w, 0, 0, true);
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_NOERROR);
	expect_idle(w);
}

/* A port whose message could not be sent is given back, once. */
static void test_no_ask(void **state)
{
	struct world *w = *state;

	w->no_ask = true;
	assert_int_equal(ask(w, 1), -1);
	assert_int_equal(w->n_answers, 1);
	assert_int_equal(w->n_asked, UPSTREAM_TRIES_MAX);
	assert_int_equal(counters(w).net_errors, UPSTREAM_TRIES_MAX);
	assert_int_equal(counters(w).tries_udp, 0);
	expect_idle(w);
}

static void test_no_upstream(void **state)
{
	struct world *w = *state;

	set_upstreams(w, 0, servers);
	restart(w);
	assert_int_equal(ask(w, 1), RCODE_SERVFAIL);
	assert_int_equal(w->n_ports, 0);
	assert_int_equal(query_upstreams(w->core, NULL, 0), 0);
	expect_idle(w);
}

/* ---- events that nobody waits for ---- */

static void test_unknown_try(void **state)
{
	struct world *w = *state;
	uint32_t try;

	query_failed(w->core, 0, w->now_ms);
	query_failed(w->core, UINT32_MAX, w->now_ms);
	assert_int_equal(ask(w, 1), -1);
	try = w->sent[0].try.try;
	for (uint32_t handle = 0; handle < 1000; handle++)
		if (handle != try)
			query_failed(w->core, handle, w->now_ms);
	assert_int_equal(counters(w).net_errors, 0);
	assert_int_equal(counters(w).in_flight, 1);
	assert_int_equal(w->sent[0].n_done, 0);
	reply(w, 0, 0, true);
	/* It is over: its failing says nothing any more. */
	query_failed(w->core, try, w->now_ms);
	assert_int_equal(counters(w).net_errors, 0);
	assert_int_equal(w->n_answers, 1);
	expect_idle(w);
}

static void test_unknown_reply(void **state)
{
	struct world *w = *state;
	const struct query_try *try = &w->sent[0].try;
	uint8_t header[MSG_HEADER] = {0};

	query_reply(w->core, CARRIER_UDP, 4711, &w->options.upstream[0], header, 0, w->now_ms);
	assert_int_equal(ask(w, 1), -1);
	/* Each in a block of its size, so that a sanitizer sees a read behind it. */
	for (size_t len = 0; len < MSG_HEADER; len++) {
		uint8_t *part = malloc(len + 1);

		assert_non_null(part);
		memcpy(part + 1, w->sent[0].msg, len);
		if (len > 2)
			part[3] |= MSG_QR >> 8;
		query_reply(w->core, try->via, try->port, &try->to, part + 1, len, w->now_ms);
		free(part);
	}
	w->sent[0].try.port++;
	reply(w, 0, 0, true);
	w->sent[0].try.port--;
	w->sent[0].try.via = CARRIER_TCP;
	reply(w, 0, 0, true);
	w->sent[0].try.via = CARRIER_UDP;
	w->sent[0].msg[0] ^= 1;
	reply(w, 0, 0, true);
	w->sent[0].msg[0] ^= 1;
	w->sent[0].try.to.in4.sin_port ^= 1;
	reply(w, 0, 0, true);
	w->sent[0].try.to.in4.sin_port ^= 1;
	/* Its own question, not an answer to it. */
	query_reply(
	    w->core, try->via, try->port, &try->to, w->sent[0].msg, w->sent[0].len, w->now_ms);
	assert_int_equal(counters(w).replies_unexpected, 1 + MSG_HEADER + 5);
	assert_int_equal(w->n_answers, 0);
	assert_int_equal(w->sent[0].n_done, 0);
	/* So much of that was on its port that the right one is not believed either: it comes over TCP. */
	reply(w, 0, 0, true);
	assert_int_equal(w->n_answers, 0);
	assert_int_equal(w->n_asked, 2);
	assert_int_equal(w->sent[1].try.via, CARRIER_TCP);
	reply(w, 1, 0, true);
	assert_int_equal(w->n_answers, 1);
	reply(w, 1, 0, true);
	assert_int_equal(w->n_answers, 1);
	expect_idle(w);
}

static void test_tick_with_nothing_due(void **state)
{
	struct world *w = *state;

	tick(w, w->now_ms);
	tick(w, UINT64_MAX);
	assert_int_equal(w->n_answers + w->n_ports, 0);
	expect_idle(w);
}

/* ---- other options with questions in flight ---- */

/* The server that was asked is gone; it fails, and the new one is asked. */
static void test_upstream_replaced(void **state)
{
	struct world *w = *state;
	struct query_upstream up;

	assert_int_equal(ask(w, 1), -1);
	set_upstreams(w, 1, servers + 1);
	query_set_options(w->core, &w->options);
	query_failed(w->core, w->sent[0].try.try, w->now_ms);
	assert_int_equal(w->n_asked, 2);
	assert_true(asks(w, 1, servers[1]));
	/* The old one's failure is not the new one's. */
	assert_int_equal(query_upstreams(w->core, &up, 1), 1);
	assert_int_equal(up.asked, 1);
	assert_int_equal(up.failed, 0);
	reply(w, 1, 0, true);
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_NOERROR);
	expect_idle(w);
}

/* No server is left: its answer still counts, and without it the askers are told. */
static void test_upstreams_removed(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ask(w, i), -1);
	set_upstreams(w, 0, servers);
	query_set_options(w->core, &w->options);
	reply(w, 0, 0, true);
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_NOERROR);
	query_failed(w->core, w->sent[1].try.try, w->now_ms);
	assert_int_equal(w->n_answers, 2);
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_SERVFAIL);
	/* Nobody is there to be asked over TCP, or without EDNS. */
	reply(w, 2, MSG_TC, false);
	reply(w, 3, RCODE_FORMERR, false);
	assert_int_equal(w->n_answers, 4);
	assert_int_equal(w->n_asked, 4);
	expect_idle(w);
}

/* What a server that is gone says of itself is not taken for another that has its place now. */
static void test_upstream_moved(void **state)
{
	struct world *w = *state;
	struct msg_query asked;

	assert_int_equal(ask(w, 1), -1);
	assert_int_equal(ask(w, 2), -1);
	set_upstreams(w, 1, servers + 1);
	query_set_options(w->core, &w->options);
	reply(w, 0, RCODE_FORMERR, false); /* it does not know EDNS */
	assert_int_equal(w->n_asked, 3);
	assert_true(asks(w, 2, servers[1]));
	assert_int_equal(msg_parse_query(w->sent[2].msg, w->sent[2].len, &asked), RCODE_NOERROR);
	assert_true(asked.edns.present);
	reply(w, 1, MSG_TC, false);
	assert_int_equal(w->n_asked, 4);
	assert_true(asks(w, 3, servers[1]));
	assert_int_equal(w->sent[3].try.via, CARRIER_UDP);
	reply(w, 2, 0, true);
	reply(w, 3, 0, true);
	assert_int_equal(w->n_answers, 2);
	assert_int_equal(ask(w, 3), -1);
	set_upstreams(w, 1, servers);
	query_set_options(w->core, &w->options);
	reply(w, 4, RCODE_REFUSED, false);
	assert_int_equal(w->n_asked, 6);
	assert_true(asks(w, 5, servers[0]));
	reply(w, 5, 0, true);
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_NOERROR);
	expect_idle(w);
}

/* A server that stays is still known, in another place too. */
static void test_upstream_kept(void **state)
{
	struct world *w = *state;
	struct query_upstream up[3];

	assert_int_equal(ask(w, 1), -1);
	w->now_ms += 40;
	reply(w, 0, 0, true);
	set_upstreams(w, 3, (const char *const[]){servers[2], servers[1], servers[0]});
	query_set_options(w->core, &w->options);
	memset(up, 0xff, sizeof(up));
	assert_int_equal(query_upstreams(w->core, up, 2), 3);
	assert_true(addr_equal(&up[0].addr, &w->options.upstream[0]));
	assert_int_equal(up[0].asked + up[0].answered + up[0].failed + up[0].rtt_ms, 0);
	assert_true(up[2].asked == UINT64_MAX); /* not more than there was room for */
	assert_int_equal(query_upstreams(w->core, up, 3), 3);
	assert_int_equal(up[2].asked, 1);
	assert_int_equal(up[2].answered, 1);
	assert_in_range(up[2].rtt_ms, 40, 41);
	assert_false(up[2].down);
}

/* The tables keep the size they have. */
static void test_bounds_stay(void **state)
{
	struct world *w = *state;

	w->options.questions_max = 1;
	w->options.cache_size = 0;
	query_set_options(w->core, &w->options);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(ask(w, i), -1);
	assert_int_equal(counters(w).in_flight, 64);
	assert_int_equal(counters(w).overload, 0);
	for (unsigned i = 0; i < 64; i++)
		reply(w, i, 0, true);
	assert_int_equal(counters(w).cache_entries, 64);
	expect_idle(w);
}

/* ---- the control socket's part ---- */

static void test_flush(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ask(w, i), -1);
		reply(w, i, 0, true);
		assert_int_equal(ask(w, i), RCODE_NOERROR);
	}
	assert_int_equal(counters(w).cache_hits, 3);
	assert_int_equal(query_flush(w->core, (const uint8_t *)"\5q9999\7example", false), 0);
	assert_int_equal(query_flush(w->core, (const uint8_t *)"\5q0001\7example", false), 1);
	assert_int_equal(ask(w, 0), RCODE_NOERROR);
	assert_int_equal(ask(w, 1), -1);
	assert_int_equal(query_flush(w->core, NULL, false), 2);
	assert_int_equal(counters(w).cache_entries, 0);
	assert_int_equal(ask(w, 0), -1);
}

/* ---- what is told of the cache, and of an upstream ---- */

static const uint8_t cached_name[] = "\5q0001\7example";

/* The only entry for cached_name and `type`; its message into *msg.  False: there is none. */
static bool find_cached(
    struct world *w, uint16_t type, struct cached_entry *entry, const uint8_t **msg)
{
	static struct cached cached;
	struct cached_entry more;
	const char *verdict;
	const uint8_t *other;
	size_t pos = 0;

	query_cached(w->core, cached_name, type, w->now_ms, &cached);
	assert_string_equal(cached.verdict, "not listed");
	assert_int_equal(cached.n_left_out, 0);
	if (!cached_next(&cached, &pos, entry, &verdict, msg))
		return false;
	assert_int_equal(entry->type, TYPE_A);
	assert_int_equal(entry->class, CLASS_IN);
	assert_int_equal(entry->verdict_len, strlen("not listed"));
	assert_memory_equal(verdict, "not listed", entry->verdict_len);
	assert_false(cached_next(&cached, &pos, &more, &verdict, &other));
	return true;
}

static void test_cached(void **state)
{
	struct world *w = *state;
	struct cached_entry entry;
	const uint8_t *msg;

	assert_false(find_cached(w, 0, &entry, &msg));
	assert_int_equal(ask(w, 1), -1);
	assert_true(find_cached(w, 0, &entry, &msg));
	assert_true(entry.asked && !entry.answer && !entry.failed);
	reply(w, 0, 0, true);
	for (unsigned uses = 0; uses < 3; uses++) {
		assert_true(find_cached(w, uses % 2 == 0 ? 0 : TYPE_A, &entry, &msg));
		assert_true(entry.answer && !entry.asked && !entry.failed && !entry.stale);
		assert_false(entry.prefetched);
		assert_int_equal(entry.uses, uses); /* who looks does not use it */
		assert_int_equal(ask(w, 1), RCODE_NOERROR);
	}
	assert_false(find_cached(w, TYPE_AAAA, &entry, &msg));
	w->now_ms += 100900;
	assert_true(find_cached(w, 0, &entry, &msg));
	assert_int_equal(entry.life_s, 256);
	assert_int_equal(entry.ttl_s, 156);
	assert_int_equal(entry.age_ms, 100900);
	assert_int_equal(
	    msg_u32(msg + entry.msg_len - 10), 156); /* before the length and the address */
	w->now_ms = START_MS + 256000;
	assert_false(find_cached(w, 0, &entry, &msg));
}

static void test_cached_stale(void **state)
{
	struct world *w = *state;
	struct cached_entry entry;
	const uint8_t *msg;

	w->options.stale = true;
	w->options.stale_delay_ms = 1800;
	w->options.stale_max_s = 1000;
	restart(w);
	assert_int_equal(ask(w, 1), -1);
	reply(w, 0, 0, true);
	w->now_ms += 300000;
	assert_true(find_cached(w, 0, &entry, &msg));
	assert_true(entry.answer && entry.stale);
	assert_int_equal(entry.ttl_s, 0);
	assert_int_equal(msg_u32(msg + entry.msg_len - 10), 0);
	w->now_ms = START_MS + 1256000;
	assert_false(find_cached(w, 0, &entry, &msg));
}

static void test_cached_failure(void **state)
{
	struct world *w = *state;
	struct cached_entry entry;
	const uint8_t *msg;

	assert_int_equal(ask(w, 1), -1);
	reply(w, 0, RCODE_REFUSED, false);
	w->now_ms += 700;
	assert_true(find_cached(w, 0, &entry, &msg));
	assert_true(entry.failed && !entry.answer && !entry.asked);
	assert_int_equal(entry.failure, RCODE_REFUSED);
	assert_int_equal(entry.failure_age_ms, 700);
}

static struct query_upstream_whole whole(const struct world *w, const char *server)
{
	static struct query_upstream_whole out;
	union addr addr;

	assert_int_equal(addr_parse(&addr, server, 53, NULL), 0);
	query_upstream(w->core, &addr, w->now_ms, &out);
	return out;
}

static void test_upstream_by_kind(void **state)
{
	static const struct {
		unsigned flags;
		enum upstream_counter counter;
	} kinds[] = {
	    {RCODE_SERVFAIL, UPSTREAM_servfail},
	    {RCODE_REFUSED, UPSTREAM_refused},
	    {MSG_TC, UPSTREAM_truncated},
	    {RCODE_NXDOMAIN, UPSTREAM_N_COUNTERS},
	};
	struct world *w = *state;

	assert_false(whole(w, servers[1]).known);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct query_upstream_whole before = whole(w, servers[0]), after;
		unsigned n_ports = w->n_ports;

		assert_int_equal(ask(w, i), -1);
		reply(w, n_ports, kinds[i].flags, false);
		after = whole(w, servers[0]);
		assert_true(after.known);
		for (unsigned k = 0; k < UPSTREAM_N_COUNTERS; k++) {
			bool over_tcp = k == UPSTREAM_tcp && kinds[i].flags == MSG_TC;

			assert_int_equal(after.counter[k] - before.counter[k],
			    k == (unsigned)kinds[i].counter || over_tcp);
		}
		assert_int_equal(after.upstream.answered, i + 1);
		assert_int_equal(after.rtt.n, i + 1);
	}
	/* The same once more: nobody waits for it any longer. */
	reply(w, 0, 0, true);
	assert_int_equal(whole(w, servers[0]).counter[UPSTREAM_mismatched], 1);
}

static void test_upstream_goes_away(void **state)
{
	struct world *w = *state;
	struct query_upstream_whole now = whole(w, servers[0]);
	unsigned n = 0;

	assert_int_equal(now.state, QUERY_GOOD);
	assert_int_equal(now.cookies, QUERY_COOKIES_UNKNOWN);
	for (; n < 100 && whole(w, servers[0]).state != QUERY_AWAY; n++) {
		if (w->armed_ms == UINT64_MAX)
			assert_int_equal(ask(w, n), -1);
		tick(w, w->armed_ms);
		now = whole(w, servers[0]);
		assert_int_equal(now.counter[UPSTREAM_timeouts], now.upstream.failed);
		if (now.upstream.failed != 0 && now.upstream.failed < UPSTREAM_DOWN_AFTER)
			assert_int_equal(now.state, QUERY_SUSPECT);
	}
	assert_int_equal(now.upstream.failed, UPSTREAM_DOWN_AFTER);
	assert_int_equal(now.away_ms, 0);
	assert_int_equal(now.probe_in_ms, UPSTREAM_PROBE_MS);
	w->now_ms += 400;
	now = whole(w, servers[0]);
	assert_int_equal(now.away_ms, 400);
	assert_int_equal(now.probe_in_ms, UPSTREAM_PROBE_MS - 400);
}

/* ---- how long answers took ---- */

static const struct latency *latencies(const struct world *w)
{
	static struct latency out[LATENCY_N_STAGES];

	query_latency(w->core, out);
	return out;
}

/* Block qNNNN.example by a rule of the user's own. */
static void block(struct world *w, const char *name)
{
	uint8_t rule[OVERLAY_RULE_SIZE];
	size_t len = overlay_put(
	    rule, &(struct overlay_rule){OVERLAY_BLOCK, false, (const uint8_t *)name, NULL});

	assert_int_equal(query_set_rules(w->core, false, rule, len), 0);
}

/* What is answered at once counts when it was sent, under the stage that had the answer. */
static void test_latency_at_once(void **state)
{
	struct world *w = *state;

	block(w, "\5q0007\7example");
	assert_int_equal(ask(w, 1), -1);
	reply(w, 0, 0, true);
	query_sent(w->core, 1000); /* nothing was returned */
	assert_int_equal(latencies(w)[LATENCY_BLOCKED].n, 0);
	assert_int_equal(latencies(w)[LATENCY_CACHED].n, 0);

	assert_int_equal(ask(w, 1), RCODE_NOERROR);
	assert_int_equal(ask(w, 7), RCODE_SERVFAIL);
	assert_int_equal(ask(w, 1), RCODE_NOERROR);
	assert_int_equal(latencies(w)[LATENCY_CACHED].n, 0);
	query_sent(w->core, 5000);
	assert_int_equal(latencies(w)[LATENCY_BLOCKED].n, 1);
	assert_int_equal(latencies(w)[LATENCY_BLOCKED].max_ns, 5000);
	assert_int_equal(latencies(w)[LATENCY_CACHED].n, 2);
	assert_int_equal(latencies(w)[LATENCY_CACHED].max_ns, 5000);
	query_sent(w->core, 9000);
	assert_int_equal(latencies(w)[LATENCY_CACHED].n, 2);
	assert_int_equal(latencies(w)[LATENCY_CACHED].max_ns, 5000);
	assert_int_equal(latencies(w)[LATENCY_FORWARDED].n, 1);
}

/* Each who waits waits from when it asked, and also where nobody answers. */
static void test_latency_of_waiting(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, 1), -1);
	w->now_ms += 30;
	assert_int_equal(ask(w, 1), -1);
	w->now_ms += 10;
	reply(w, 0, 0, true);
	assert_int_equal(latencies(w)[LATENCY_FORWARDED].n, 2);
	assert_int_equal(latencies(w)[LATENCY_FORWARDED].max_ns, 40 * 1000000);
	/* The lower of the two is the median; it is at most 1/16 too high. */
	assert_in_range(latency_percentile_ns(&latencies(w)[LATENCY_FORWARDED], 500), 10 * 1000000,
	    10 * 1000000 * 17 / 16);

	assert_int_equal(ask(w, 2), -1);
	for (unsigned i = 0; w->armed_ms != UINT64_MAX; i++) {
		assert_true(i < 100);
		tick(w, w->armed_ms);
	}
	assert_int_equal(w->answer_flags & MSG_RCODE, RCODE_SERVFAIL);
	assert_int_equal(latencies(w)[LATENCY_FORWARDED].n, 3);
	assert_true(latencies(w)[LATENCY_FORWARDED].max_ns > UINT64_C(1000) * 1000000);
}

/* ---- query_ask_all() ---- */

/* Each gets what it would get alone. */
static void test_together(void **state)
{
	static const struct {
		unsigned n;
		int rcode; /* -1: no answer now */
	} messages[] = {{1, RCODE_NOERROR}, {2, -1}, {3, -1}, {2, -1}, {4, RCODE_NOTIMP},
	    {5, RCODE_FORMERR}, {6, -1}, {1, RCODE_NOERROR}};
	enum { N = sizeof(messages) / sizeof(messages[0]) };
	struct world *w = *state;
	struct query_message m[N];
	uint8_t msg[N][64], out[N][1232];

	assert_int_equal(ask(w, 1), -1);
	reply(w, 0, 0, true);
	for (unsigned i = 0; i < N; i++) {
		m[i] = (struct query_message){
		    .msg = msg[i], .out = out[i], .out_size = sizeof(out[i])};
		m[i].len = write_question(messages[i].n, &m[i].from, msg[i]);
	}
	msg_set_u16(msg[4] + 2, 2 << 11); /* STATUS */
	m[5].len--;			  /* the class is cut */
	m[6].len = MSG_HEADER - 1;
	query_ask_all(w->core, m, N, w->now_ms);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(m[i].answer_len != 0, messages[i].rcode >= 0);
		if (m[i].answer_len == 0)
			continue;
		assert_int_equal(msg_u16(out[i]), messages[i].n);
		assert_int_equal(msg_u16(out[i] + 2) & MSG_RCODE, messages[i].rcode);
		assert_int_equal(msg_u16(out[i] + 6), messages[i].n == 1);
	}
	/* Of q0002 one waits for the other. */
	assert_int_equal(w->n_asked, 3);
	assert_int_equal(counters(w).queries_udp, 1 + N);
	assert_int_equal(counters(w).dropped, 1);
}

static void test_together_none(void **state)
{
	struct world *w = *state;

	query_ask_all(w->core, NULL, 0, w->now_ms);
	assert_int_equal(counters(w).queries_udp, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_new_out_of_range),
	    TEST(test_new_without_memory),
	    TEST(test_no_allocation_and_no_more_in_flight),
	    TEST(test_one_question),
	    TEST(test_ids_on_one_port),
	    TEST(test_arm),
	    TEST(test_arm_by_round_trip),
	    TEST(test_arm_by_question),
	    TEST(test_no_port),
	    TEST(test_no_ask),
	    TEST(test_no_upstream),
	    TEST(test_unknown_try),
	    TEST(test_unknown_reply),
	    TEST(test_tick_with_nothing_due),
	    TEST(test_upstream_replaced),
	    TEST(test_upstreams_removed),
	    TEST(test_upstream_moved),
	    TEST(test_upstream_kept),
	    TEST(test_bounds_stay),
	    TEST(test_flush),
	    TEST(test_cached),
	    TEST(test_cached_stale),
	    TEST(test_cached_failure),
	    TEST(test_upstream_by_kind),
	    TEST(test_upstream_goes_away),
	    TEST(test_latency_at_once),
	    TEST(test_latency_of_waiting),
	    TEST(test_together),
	    TEST(test_together_none),
	};

	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
