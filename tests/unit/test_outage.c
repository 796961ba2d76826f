/* test_outage.c - a day in which no upstream answers: what was in the cache goes on being answered in time, for the
 * price of little traffic upstream, and with the first good reply all is as before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/query.h"

#define START_MS    1000000
#define DAY_MS	    UINT64_C(86400000)
#define DELAY_MS    1800 /* the client response timer of RFC 8767, 5 */
#define N_NAMES	    300
#define N_UPSTREAMS 2
#define RTT_MS	    20
#define FLYING_MAX  1024

enum line { LINE_UP, LINE_SILENT, LINE_DOWN };

struct flying {
	struct query_try try;
	uint8_t msg[600];
	size_t len;
	uint64_t due_ms;
};

struct world {
	struct query *core;
	enum line line;
	uint8_t era; /* last byte of the addresses that are given */
	uint64_t now_ms, armed_ms;
	struct flying flying[FLYING_MAX]; /* replies on their way, in order */
	unsigned n_flying;
	uint64_t n_sent;  /* messages upstream */
	uint64_t good_ms; /* when the last reply came in */
	uint32_t last_port;
	struct rng rng;
	/* Of each name: whether somebody waits, since when; and what came last. */
	bool waits[N_NAMES];
	uint64_t asked_ms[N_NAMES];
	uint8_t got[N_NAMES];
	uint64_t latest_ms; /* the longest that anybody waited */
	unsigned n_failed;
};

/* The number of the name in a message. */
static unsigned name_in(const uint8_t *msg)
{
	return (unsigned)(msg[MSG_HEADER + 2] - '0') * 100 +
	       (unsigned)(msg[MSG_HEADER + 3] - '0') * 10 + (unsigned)(msg[MSG_HEADER + 4] - '0');
}

static size_t put_name(uint8_t out[16], unsigned n)
{
	memcpy(out, "\4qNNN\7example", 14);
	out[2] = (uint8_t)('0' + n / 100);
	out[3] = (uint8_t)('0' + n / 10 % 10);
	out[4] = (uint8_t)('0' + n % 10);
	return 14;
}

static uint32_t ttl_of(unsigned n)
{
	return 60 + n * 37 % 3600;
}

/* An answer for a client that asked for name `n`. */
static void take_answer(struct world *w, unsigned n, const uint8_t *msg, size_t len)
{
	assert_true(n < N_NAMES && w->waits[n] && len >= MSG_HEADER);
	w->waits[n] = false;
	w->got[n] = 0;
	if ((msg_u16(msg + 2) & MSG_RCODE) == RCODE_NOERROR && msg_u16(msg + 6) == 1)
		w->got[n] = msg[len - 1];
	w->n_failed += w->got[n] == 0;
	if (w->now_ms - w->asked_ms[n] > w->latest_ms)
		w->latest_ms = w->now_ms - w->asked_ms[n];
}

static void net_send(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	(void)to;
	take_answer(ctx, name_in(msg), msg, len);
}

static int net_port(void *ctx, enum query_carrier via, const union addr *to, uint32_t *port)
{
	(void)via, (void)to;
	*port = ++((struct world *)ctx)->last_port;
	return 0;
}

/* The upstream's reply is made at once, and comes RTT_MS later. */
static int net_ask(void *ctx, const struct query_try *try, const uint8_t *msg, size_t len)
{
	struct world *w = ctx;
	struct flying *f = &w->flying[w->n_flying];
	static const uint8_t record[] = {
	    0xc0, MSG_HEADER, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 198, 51, 100, 0};
	size_t end = MSG_HEADER + 14 + 4;

	w->n_sent++;
	if (w->line == LINE_DOWN)
		return ERR_NET;
	if (w->line == LINE_SILENT)
		return 0;
	assert_true(w->n_flying < FLYING_MAX && len >= end);
	*f = (struct flying){.try = *try, .due_ms = w->now_ms + RTT_MS};
	memcpy(f->msg, msg, end);
	msg_set_u16(f->msg + 2, MSG_QR | MSG_RD | MSG_RA);
	msg_set_u16(f->msg + 4, 1);
	msg_set_u16(f->msg + 6, 1);
	msg_set_u16(f->msg + 8, 0);
	msg_set_u16(f->msg + 10, 0);
	memcpy(f->msg + end, record, sizeof(record));
	msg_set_u32(f->msg + end + 6, ttl_of(name_in(msg)));
	f->msg[end + sizeof(record) - 1] = w->era;
	f->len = end + sizeof(record);
	w->n_flying++;
	return 0;
}

static void net_done(void *ctx, const struct query_try *try)
{
	(void)ctx, (void)try;
}

static void net_arm(void *ctx, uint64_t at_ms)
{
	((struct world *)ctx)->armed_ms = at_ms;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct query_net net = {w, net_send, net_port, net_ask, net_done, net_arm};
	struct options options = {
	    .n_upstream = N_UPSTREAMS,
	    .cache_size = 1 << 20,
	    .cache_max_ttl_s = 86400,
	    .cache_negative_ttl_s = 3600,
	    .cache_failure_ttl_s = 1,
	    .prefetch = 2,
	    .stale = true,
	    .stale_delay_ms = DELAY_MS,
	    .stale_max_s = 2 * 86400,
	    .query_timeout_ms = 4000,
	    .questions_max = 4096,
	    .udp_size = 1232,
	};

	assert_non_null(w);
	assert_int_equal(addr_parse(&options.upstream[0], "192.0.2.1", 53, NULL), 0);
	assert_int_equal(addr_parse(&options.upstream[1], "192.0.2.2", 53, NULL), 0);
	w->now_ms = START_MS;
	w->armed_ms = UINT64_MAX;
	w->era = 1;
	rng_init_fixed(&w->rng, 3);
	assert_int_equal(query_new(&w->core, &options, &net, &w->rng), 0);
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

static void ask(struct world *w, unsigned n)
{
	static uint8_t out[QUERY_OUT_SIZE];
	uint8_t name[16], msg[64];
	struct query_asker asker = {0};
	struct msg_writer m;
	size_t len;

	if (w->waits[n])
		return;
	(void)put_name(name, n);
	assert_int_equal(addr_parse(&asker.from, "127.0.0.1:5000", 0, NULL), 0);
	msg_write_start(&m, msg, sizeof(msg), (uint16_t)n, MSG_RD);
	msg_write_question(&m, name, TYPE_A, CLASS_IN);
	w->waits[n] = true;
	w->asked_ms[n] = w->now_ms;
	len = query_ask(w->core, &asker, msg, m.out.pos, w->now_ms, out, 1232);
	if (len != 0)
		take_answer(w, n, out, len);
}

static void ask_all(struct world *w)
{
	for (unsigned n = 0; n < N_NAMES; n++)
		ask(w, n);
}

/* The first reply on its way comes in. */
static void land(struct world *w)
{
	const struct flying f = w->flying[0];

	memmove(w->flying, w->flying + 1, --w->n_flying * sizeof(w->flying[0]));
	w->good_ms = w->now_ms;
	query_reply(w->core, f.try.via, f.try.port, &f.try.to, f.msg, f.len, w->now_ms);
}

/* Let time pass: replies and the core's timer come when they are due. */
static void pass(struct world *w, uint64_t ms)
{
	const uint64_t until_ms = w->now_ms + ms;

	for (;;) {
		uint64_t reply_ms = w->n_flying != 0 ? w->flying[0].due_ms : UINT64_MAX;
		uint64_t next_ms = reply_ms < w->armed_ms ? reply_ms : w->armed_ms;

		if (next_ms > until_ms)
			break;
		if (next_ms > w->now_ms)
			w->now_ms = next_ms;
		if (reply_ms == next_ms) {
			land(w);
		} else {
			w->armed_ms = UINT64_MAX;
			query_tick(w->core, w->now_ms);
		}
	}
	w->now_ms = until_ms;
}

/* A house that asks five times a second, for some names more often than for others. */
static void live(struct world *w, uint64_t ms)
{
	for (uint64_t n = 0; n < ms / 200; n++) {
		ask(w, rng_below(&w->rng, 1 + rng_below(&w->rng, N_NAMES)));
		pass(w, 200);
	}
}

static struct stats stats(const struct world *w)
{
	struct stats s;

	query_stats(w->core, &s);
	return s;
}

static void a_day(struct world *w, enum line line)
{
	struct stats before, after;
	uint64_t n_sent, begin_ms;

	ask_all(w);
	pass(w, 1000);
	live(w, 600000);
	before = stats(w);
	assert_int_equal(before.cache_entries, N_NAMES);
	assert_int_equal(w->n_failed, 0);
	w->latest_ms = 0;

	w->line = line;
	n_sent = w->n_sent;
	live(w, DAY_MS);
	pass(w, DELAY_MS);
	after = stats(w);
	/* Everybody had an answer, in time. */
	assert_int_equal(w->n_failed, 0);
	assert_true(w->latest_ms <= DELAY_MS);
	assert_true(after.stale > before.stale + 5 * DAY_MS / 1000 / 2);
	/* Nothing left the cache. */
	assert_int_equal(after.cache_entries, N_NAMES);
	assert_int_equal(after.cache_evicted, 0);
	/* Once a second the network is tried, by a message to each upstream. */
	assert_true(w->n_sent - n_sent <= N_UPSTREAMS * (DAY_MS / 1000 + 60));

	/* The network is back: found out within a second, and then all names are as new. */
	w->line = LINE_UP;
	w->era = 2;
	w->good_ms = 0;
	begin_ms = w->now_ms;
	while (w->good_ms == 0 && w->now_ms < begin_ms + 60000)
		live(w, 200);
	assert_true(w->good_ms - begin_ms <= 1200 + RTT_MS);
	w->latest_ms = 0;
	ask_all(w);
	pass(w, 1000);
	for (unsigned n = 0; n < N_NAMES; n++)
		assert_int_equal(w->got[n], 2);
	assert_true(w->latest_ms <= RTT_MS);
	assert_int_equal(w->n_failed, 0);
}

static void test_silent(void **state)
{
	a_day(*state, LINE_SILENT);
}

static void test_down(void **state)
{
	a_day(*state, LINE_DOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_silent, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_down, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
