/* test_report.c - what the control socket is answered; the workers and the socket are the test's
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/dns/msg.h"
#include "resolver/report.h"

#define N_WORKERS 3

/* ---- the workers ---- */

struct supervisor {
	unsigned n;
	bool runs[CONF_WORKERS_MAX], loops[CONF_WORKERS_MAX];
	struct supervise_past past[CONF_WORKERS_MAX];
	unsigned n_sent[CONF_WORKERS_MAX];
	enum channel_type type; /* of what was sent last */
	uint32_t serial;
	struct channel_name name;
	size_t len;
};

static struct supervisor workers;

unsigned supervise_n(const struct supervisor *s)
{
	return s->n;
}

unsigned supervise_running(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->runs[i];
	return n;
}

bool supervise_send(struct supervisor *s, unsigned worker, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd)
{
	assert_true(worker < s->n);
	assert_int_equal(fd, -1);
	assert_true(len <= sizeof(s->name));
	if (!s->runs[worker])
		return false;
	s->n_sent[worker]++;
	s->type = type;
	s->serial = serial;
	s->len = len;
	memcpy(&s->name, payload, len);
	return true;
}

bool supervise_loops(const struct supervisor *s, unsigned worker)
{
	return s->loops[worker];
}

void supervise_past(const struct supervisor *s, unsigned worker, struct supervise_past *out)
{
	*out = s->past[worker];
}

/* Of what is linked here, and not run. */
void supervise_send_all(struct supervisor *s, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd)
{
	(void)s, (void)type, (void)serial, (void)payload, (void)len, (void)fd;
	fail();
}

/* ---- the control socket ---- */

struct ctl {
	uint64_t client; /* of the last answer */
	unsigned n_answers;
	char text[1 << 20]; /* what quellctl takes */
};

static struct ctl control;

void ctl_answer(struct ctl *c, uint64_t client, struct evbuffer *answer)
{
	size_t len = evbuffer_get_length(answer);

	assert_true(len < sizeof(c->text));
	assert_int_equal(evbuffer_remove(answer, c->text, len), (int)len);
	c->text[len] = '\0';
	c->client = client;
	c->n_answers++;
}

void ctl_refuse(struct ctl *c, uint64_t client, const char *reason)
{
	(void)snprintf(c->text, sizeof(c->text), "error %s\n", reason);
	c->client = client;
	c->n_answers++;
}

/* ---- the server ---- */

static uint64_t reloaded_for;

void server_reload(struct server *s, uint64_t client)
{
	(void)s;
	reloaded_for = client;
}

static int set_up(void **state)
{
	static const struct settings_flags flags = {
	    .blocklist = {"/lists/one", "/lists/two"}, .n_blocklist = 2};
	struct server *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	workers = (struct supervisor){.n = N_WORKERS, .runs = {true, true, true}};
	control = (struct ctl){0};
	reloaded_for = 0;
	s->flags = &flags;
	s->base = event_base_new();
	s->conf = conf_new();
	assert_true(s->base != NULL && s->conf != NULL);
	s->workers = &workers;
	s->ctl = &control;
	s->started_ms = clock_ms();
	s->options.n_upstream = 1;
	s->generation = 5;
	for (unsigned i = 0; i < N_WORKERS; i++)
		s->swapped[i] = 5;
	s->lists = (struct lists){
	    .source = LISTS_FILES,
	    .fd = -1,
	    .loaded_ms = clock_ms(),
	    .info = {.n_lists = 2, .n_rules = 300, .n_names = 200},
	};
	assert_int_equal(report_init(s), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct server *s = *state;

	report_fini(s);
	conf_free(s->conf);
	event_base_free(s->base);
	free(s);
	return 0;
}

static void say(struct server *s, unsigned worker, enum channel_type type, uint32_t serial,
    const void *payload, size_t len)
{
	static struct channel_message m;

	m.head = (struct channel_head){.type = type, .serial = serial};
	m.len = len;
	m.fd = -1;
	memcpy(m.payload, payload, len);
	report_message(s, worker, &m);
}

/* Figures of one worker with one upstream. */
static struct channel_stats figures(uint64_t queries, bool down, uint32_t rtt_ms)
{
	struct channel_stats stats;

	memset(&stats, 0, sizeof(stats));
	stats.stats.queries_udp = queries;
	stats.stats.tcp_refused = 1;
	stats.n_upstream = 1;
	stats.upstream[0].down = down;
	stats.upstream[0].rtt_ms = rtt_ms;
	stats.upstream[0].asked = 10 * queries;
	stats.upstream[0].answered = queries;
	stats.upstream[0].failed = 2;
	assert_int_equal(addr_parse(&stats.upstream[0].addr, "192.0.2.1:53", 0, NULL), 0);
	return stats;
}

static void say_figures(struct server *s, unsigned worker, const struct channel_stats *stats)
{
	say(s, worker, CHANNEL_STATS, workers.serial, stats, sizeof(*stats));
}

static bool has_line(const char *line)
{
	const char *at = control.text;
	size_t len = strlen(line);

	for (; at != NULL; at = strchr(at, '\n') != NULL ? strchr(at, '\n') + 1 : NULL)
		if (strncmp(at, line, len) == 0 && at[len] == '\n')
			return true;
	return false;
}

static bool says(const char *text)
{
	return strstr(control.text, text) != NULL;
}

/* The answer to `status` when all workers say that all is well with their upstream. */
static void get_status(struct server *s)
{
	struct channel_stats stats = figures(1, false, 5);
	unsigned n = control.n_answers;

	report_request(s, 7, "status", "");
	for (unsigned i = 0; i < N_WORKERS; i++)
		if (workers.runs[i])
			say_figures(s, i, &stats);
	assert_int_equal(control.n_answers, n + 1);
	assert_int_equal(control.client, 7);
	assert_int_equal(strncmp(control.text, "ok\n", 3), 0);
}

static struct report *the_report(struct server *s)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++)
		if (s->reports[i].client != 0)
			return &s->reports[i];
	return NULL;
}

static void test_commands(void **state)
{
	struct server *s = *state;

	report_request(s, 3, "nonsense", "");
	assert_int_equal(control.client, 3);
	assert_true(says("error unknown command"));
	for (size_t i = 0; i < 7; i++) {
		static const char *const commands[] = {
		    "status", "stats", "reload", "why", "flush", "cache", "upstreams"};

		assert_true(says(commands[i]));
	}
	assert_int_equal(reloaded_for, 0);
	report_request(s, 4, "reload", "");
	assert_int_equal(reloaded_for, 4);
	assert_int_equal(control.n_answers, 1); /* the reload answers when it is over */
	assert_int_equal(workers.n_sent[0], 0);
	assert_null(the_report(s));
}

/* Counters are sums, and the answer waits for the last worker. */
static void test_stats(void **state)
{
	struct server *s = *state;
	struct channel_stats one = figures(1, false, 5), two = figures(20, false, 5),
			     three = figures(300, false, 5);

	report_request(s, 3, "stats", "");
	assert_int_equal(workers.type, CHANNEL_STATS);
	assert_int_equal(workers.len, 0);
	for (unsigned i = 0; i < N_WORKERS; i++)
		assert_int_equal(workers.n_sent[i], 1);
	say_figures(s, 2, &three);
	say_figures(s, 0, &one);
	say_figures(s, 0, &one); /* once is enough */
	assert_int_equal(control.n_answers, 0);
	say_figures(s, 1, &two);
	assert_int_equal(control.n_answers, 1);
	assert_int_equal(control.client, 3);
	assert_true(has_line("ok"));
	assert_true(has_line("queries_udp 321"));
	assert_true(has_line("tcp_refused 3"));
	assert_true(has_line("blocked 0"));
	for (size_t i = 0; i < STATS_N; i++)
		assert_true(says(stats_rows[i].name));
	assert_null(the_report(s));
	say_figures(s, 1, &two);
	assert_int_equal(control.n_answers, 1);
}

/* Under the title of its group stands each counter once, and before it what it counts. */
static void test_stats_groups(void **state)
{
	struct server *s = *state;
	struct channel_stats stats = figures(1, false, 5);
	unsigned n_groups = 0, n_counters = 0;
	char *line, *at = control.text;

	report_request(s, 3, "stats", "");
	for (unsigned i = 0; i < N_WORKERS; i++)
		say_figures(s, i, &stats);
	assert_string_equal(strsep(&at, "\n"), "ok");
	while ((line = strsep(&at, "\n")) != NULL && strcmp(line, "group Time to answer") != 0) {
		if (strncmp(line, "group ", 6) == 0) {
			assert_string_equal(line + 6, stats_group_titles[n_groups++]);
			continue;
		}
		assert_memory_equal(line, "about ", 6);
		for (size_t i = 0; i < STATS_N; i++)
			n_counters +=
			    strcmp(line + 6, stats_rows[i].text) == 0 &&
			    stats_rows[i].group == n_groups - 1 &&
			    strncmp(at, stats_rows[i].name, strlen(stats_rows[i].name)) == 0;
		(void)strsep(&at, "\n");
	}
	assert_non_null(line);
	assert_int_equal(n_groups, STATS_N_GROUPS);
	assert_int_equal(n_counters, STATS_N);
}

/* The histograms of the workers are added up before anything is read from them. */
static void test_stats_latencies(void **state)
{
	struct server *s = *state;
	struct channel_stats stats = figures(1, false, 5);

	latency_count(&stats.latency[LATENCY_BLOCKED], 16000, 99);
	report_request(s, 3, "stats", "");
	say_figures(s, 0, &stats);
	memset(stats.latency, 0, sizeof(stats.latency));
	latency_count(&stats.latency[LATENCY_BLOCKED], 30000500, 1);
	latency_count(&stats.latency[LATENCY_FORWARDED], 0, 1);
	say_figures(s, 1, &stats);
	memset(stats.latency, 0, sizeof(stats.latency));
	say_figures(s, 2, &stats);
	assert_true(has_line("latency_blocked_n 100"));
	assert_true(has_line("latency_blocked_p50_us 17")); /* 16.0 to 16.4, rounded up */
	assert_true(has_line("latency_blocked_p90_us 17"));
	assert_true(has_line("latency_blocked_p99_us 17"));
	assert_true(has_line("latency_blocked_p999_us 30001"));
	assert_true(has_line("latency_blocked_max_us 30001"));
	assert_true(has_line("latency_cached_n 0"));
	assert_true(has_line("latency_cached_p50_us 0"));
	assert_true(has_line("latency_cached_max_us 0"));
	assert_true(has_line("latency_forwarded_n 1"));
	assert_true(has_line("latency_forwarded_p999_us 0"));
}

/* What is no answer to the request counts for nothing. */
static void test_stray_messages(void **state)
{
	struct server *s = *state;
	struct channel_stats stats = figures(1, false, 5);

	say_figures(s, 0, &stats);
	report_request(s, 3, "stats", "");
	say(s, 0, CHANNEL_STATS, workers.serial + 1, &stats, sizeof(stats));
	say(s, 0, CHANNEL_STATS, workers.serial, &stats, sizeof(stats) - 1);
	say(s, 0, CHANNEL_LISTEN, workers.serial, &stats, sizeof(stats));
	say(s, 0, CHANNEL_WHY, workers.serial, &stats, 0);
	say(s, 0, CHANNEL_FLUSH, workers.serial, &stats, 4);
	say_figures(s, 1, &stats);
	say_figures(s, 2, &stats);
	assert_int_equal(control.n_answers, 0);
	say_figures(s, 0, &stats);
	assert_int_equal(control.n_answers, 1);
	assert_true(has_line("queries_udp 3"));
}

static void test_status_well(void **state)
{
	struct server *s = *state;
	char line[64];

	s->listeners.n = 2;
	s->listeners.all[0] = (struct listener){.text = "127.0.0.1:53", .state = LISTENER_OPEN};
	s->listeners.all[1] = (struct listener){.text = "[::1]:53", .state = LISTENER_UNUSABLE};
	get_status(s);
	assert_true(has_line("state well"));
	assert_false(says("reason"));
	(void)snprintf(line, sizeof(line), "pid %d", (int)getpid());
	assert_true(has_line(line));
	assert_true(has_line("workers 3"));
	assert_true(has_line("lists 2"));
	assert_true(has_line("rules 300"));
	assert_true(has_line("names 200"));
	assert_true(has_line("lists_from files"));
	assert_true(has_line("generation 5"));
	assert_true(has_line("listen 127.0.0.1:53 open"));
	assert_true(has_line("listen [::1]:53 unusable"));
	assert_true(has_line("upstream 192.0.2.1:53 up rtt_ms 5 asked 30 answered 3 failed 6"));
	assert_true(has_line("queries 3"));
	assert_true(has_line("blocked 0"));
	assert_true(has_line("cached 0"));
	assert_false(says("restarts"));
	/* Whoever was replaced is well again. */
	s->workers->past[1] =
	    (struct supervise_past){.n_died = 3, .died_ms = clock_ms(), .why = "signal 11"};
	get_status(s);
	s->workers->past[1].n_died = 0;
	assert_true(has_line("state well"));
	assert_true(says("restarts worker 1: 3, the last "));
	assert_true(says(" s ago: signal 11\n"));
}

/* One thing that is not well. */
static void expect_reason(struct server *s, const char *reason)
{
	get_status(s);
	assert_true(has_line("state degraded"));
	assert_true(has_line(reason));
	assert_null(strstr(strstr(control.text, "\nreason ") + 1, "\nreason "));
}

static void test_status_reasons(void **state)
{
	struct server *s = *state;

	(void)why_set(&s->lists.trouble, 0, "no image");
	expect_reason(s, "reason no image (using: files)");
	s->lists.trouble.text[0] = '\0';
	(void)why_set(&s->reload.failed, 0, "bad file");
	expect_reason(s, "reason the last reload failed: bad file");
	s->reload.failed.text[0] = '\0';
	s->swap_failed[1] = true;
	expect_reason(s, "reason worker 1 could not take the lists");
	s->swap_failed[1] = false;
	s->workers->loops[2] = true;
	expect_reason(s, "reason worker 2 keeps dying");
	s->workers->loops[2] = false;
	s->listeners.n = 1;
	s->listeners.all[0].state = LISTENER_WAITING;
	(void)why_set(&s->listeners.all[0].why, 0, "no such address");
	expect_reason(s, "reason no such address");
	s->listeners.n = 0;
	s->options.n_upstream = 0;
	expect_reason(s, "reason there is no upstream");
	s->options.n_upstream = 1;
	workers.runs[2] = false;
	expect_reason(s, "reason 2 of 3 workers run");
	workers.runs[2] = true;
	get_status(s);
	assert_true(has_line("state well"));
}

/* An upstream is down when every worker finds it so; its slowest round trip is shown. */
static void test_status_upstream(void **state)
{
	struct server *s = *state;
	struct channel_stats down = figures(1, true, 9), up = figures(1, false, 30);

	report_request(s, 7, "status", "");
	say_figures(s, 0, &down);
	say_figures(s, 1, &up);
	say_figures(s, 2, &down);
	assert_true(has_line("state well"));
	assert_true(says("upstream 192.0.2.1:53 up rtt_ms 30 "));
	report_request(s, 8, "status", "");
	for (unsigned i = 0; i < N_WORKERS; i++)
		say_figures(s, i, &down);
	assert_true(has_line("state degraded"));
	assert_true(has_line("reason no upstream answers"));
	assert_true(says("upstream 192.0.2.1:53 down "));
}

/* A worker reads packets: what it says of itself is not trusted with an index. */
static void test_status_liar(void **state)
{
	struct server *s = *state;
	struct channel_stats liar = figures(1, false, 1), honest = figures(1, false, 2);
	unsigned n = 0;

	liar.n_upstream = UINT32_MAX;
	for (unsigned i = 1; i < OPTIONS_SERVERS_MAX; i++)
		liar.upstream[i] = liar.upstream[0];
	report_request(s, 7, "status", "");
	say_figures(s, 0, &liar);
	say_figures(s, 1, &honest);
	say_figures(s, 2, &liar);
	assert_int_equal(control.n_answers, 1);
	for (const char *at = control.text; (at = strstr(at, "\nupstream ")) != NULL; at++)
		n++;
	assert_int_equal(n, OPTIONS_SERVERS_MAX);
}

/* Workers that die, or say nothing in time, do not keep the client waiting. */
static void test_silent_workers(void **state)
{
	struct server *s = *state;
	struct channel_stats stats = figures(4, false, 5);
	struct report *r;

	report_request(s, 3, "stats", "");
	say_figures(s, 0, &stats);
	report_died(s, 1);
	report_died(s, 0);
	assert_int_equal(control.n_answers, 0);
	report_died(s, 2);
	assert_int_equal(control.n_answers, 1);
	assert_true(has_line("queries_udp 4"));

	report_request(s, 4, "status", "");
	say_figures(s, 0, &stats);
	r = the_report(s);
	assert_non_null(r);
	assert_true(evtimer_pending(r->limit, NULL));
	event_active(r->limit, EV_TIMEOUT, 0); /* its time has come */
	assert_true(event_base_loop(s->base, EVLOOP_NONBLOCK) >= 0);
	assert_int_equal(control.n_answers, 2);
	assert_int_equal(control.client, 4);
	assert_true(has_line("state degraded"));
	assert_true(has_line("reason 2 workers do not answer"));
	assert_null(the_report(s));
	assert_false(evtimer_pending(r->limit, NULL));
	say_figures(s, 1, &stats); /* too late */
	assert_int_equal(control.n_answers, 2);
}

static void test_no_workers(void **state)
{
	struct server *s = *state;

	memset(workers.runs, 0, sizeof(workers.runs));
	report_request(s, 3, "status", "");
	assert_int_equal(control.n_answers, 1);
	assert_true(has_line("reason 0 of 3 workers run"));
	report_request(s, 3, "stats", "");
	assert_int_equal(control.n_answers, 2);
	assert_true(has_line("queries_udp 0"));
	report_request(s, 3, "flush", "--all");
	assert_string_equal(control.text, "ok\nflushed 0\n");
	report_request(s, 3, "why", "a.example");
	assert_string_equal(control.text, "error no worker answers\n");
	report_request(s, 3, "cache", "a.example");
	assert_string_equal(control.text, "error no worker answers\n");
	report_request(s, 3, "upstreams", "");
	assert_string_equal(control.text, "error no worker answers\n");
	assert_int_equal(event_base_loop(s->base, EVLOOP_NONBLOCK), 1); /* no timer is left */
}

/* Of the workers one is asked: which, is told by the question. */
static unsigned asked(struct server *s)
{
	return (unsigned)__builtin_ctzll(the_report(s)->waiting);
}

static void set_match(struct reason *why, unsigned i, uint16_t list, const char *rule)
{
	why->match[i].list = list;
	(void)snprintf(why->match[i].rule, sizeof(why->match[i].rule), "%s", rule);
}

static void test_why(void **state)
{
	struct server *s = *state;
	struct reason why;

	memset(&why, 0, sizeof(why));
	s->swapped[0] = 4; /* it still has the lists before these */
	report_request(s, 3, "why", "Ads.Example.");
	assert_int_equal(workers.n_sent[0], 0);
	assert_int_equal(workers.n_sent[1], 1);
	assert_int_equal(workers.n_sent[2], 0);
	assert_int_equal(workers.type, CHANNEL_WHY);
	assert_int_equal(workers.len, sizeof(workers.name));
	assert_int_equal(workers.name.name_len, 13);
	assert_int_equal(workers.name.type, TYPE_A);
	assert_int_equal(workers.name.client.sa.sa_family, AF_UNSPEC);
	assert_memory_equal(workers.name.name, "\3ads\7example", 13);
	say(s, 2, CHANNEL_WHY, workers.serial, &why, sizeof(why)); /* it was not asked */
	assert_int_equal(control.n_answers, 0);
	(void)snprintf(why.verdict, sizeof(why.verdict), "blocked");
	why.blocked = 1;
	why.n_steps = 1;
	why.n_matches = REASON_MATCHES + 9;
	set_match(&why, 0, 1, "suffix example");
	set_match(&why, 1, 0, "exact ads.example block types=A");
	why.match[1].voided = 1;
	for (unsigned i = 2; i < REASON_MATCHES; i++)
		why.match[i] = why.match[1];
	say(s, 1, CHANNEL_WHY, workers.serial, &why, sizeof(why));
	assert_ptr_equal(strstr(control.text, "ok\nname ads.example\ntype A\nverdict blocked\n"
					      "match two: suffix example\n"
					      "text auto auto block /lists/two\tsuffix example\n"
					      "match one: exact ads.example block types=A (void)\n"
					      "text auto auto block /lists/one\t"
					      "exact ads.example block types=A\n"),
	    control.text);
	assert_true(has_line("match and 9 more"));
	assert_true(has_line("change quellctl allow ads.example"));
	assert_false(has_line("change quellctl block ads.example"));
	report_request(s, 4, "why", "good.example https");
	assert_int_equal(workers.name.type, TYPE_HTTPS);
	memset(&why, 0, sizeof(why));
	(void)snprintf(why.verdict, sizeof(why.verdict), "not listed");
	why.by_client = 1;
	why.answer = REASON_ANSWER_UNKNOWN;
	say(s, 1, CHANNEL_WHY, workers.serial, &why, sizeof(why));
	assert_string_equal(control.text,
	    "ok\nname good.example\ntype HTTPS\nverdict not listed\n"
	    "note another client may get another verdict\n"
	    "note where its answer leads is not known: none is in the cache\n"
	    "change quellctl block good.example\n");
}

/* What a target of the answer is blocked by, and a pause. */
static void test_why_way(void **state)
{
	struct server *s = *state;
	struct reason why;

	memset(&why, 0, sizeof(why));
	(void)snprintf(why.verdict, sizeof(why.verdict), "blocked");
	why.blocked = 1;
	why.n_matches = 1;
	why.n_steps = 2;
	why.step[1].how = REASON_TARGET;
	memcpy(why.step[1].name, "\3cdn\4test", 10);
	set_match(&why, 0, 1, "suffix test");
	why.match[0].step = 1;
	report_request(s, 3, "why", "www.example");
	say(s, asked(s), CHANNEL_WHY, workers.serial, &why, sizeof(why));
	assert_string_equal(control.text,
	    "ok\nname www.example\ntype A\nverdict blocked (its answer leads to cdn.test)\n"
	    "match two: suffix test (its answer leads to cdn.test)\n"
	    "text auto auto block /lists/two\tsuffix test\n"
	    "change quellctl allow www.example\n");
	why.blocked = 0;
	why.paused = 1;
	why.n_steps = 1;
	why.match[0].step = 0;
	report_request(s, 3, "why", "www.example");
	say(s, asked(s), CHANNEL_WHY, workers.serial, &why, sizeof(why));
	assert_true(has_line("change quellctl resume"));
}

static void test_why_client(void **state)
{
	struct server *s = *state;
	struct reason why;
	union addr client;

	memset(&why, 0, sizeof(why));
	report_request(s, 3, "why", "a.example TXT 2001:db8::7");
	assert_int_equal(addr_parse(&client, "2001:db8::7", 53, NULL), 0);
	assert_true(addr_equal(&workers.name.client, &client));
	assert_int_equal(workers.name.type, TYPE_TXT);
	(void)snprintf(why.verdict, sizeof(why.verdict), "allowed");
	say(s, asked(s), CHANNEL_WHY, workers.serial, &why, sizeof(why));
	assert_string_equal(control.text,
	    "ok\nname a.example\ntype TXT\nclient 2001:db8::7\nverdict allowed\n"
	    "change quellctl block a.example\n");
}

/* A rule is a publisher's text, and a worker may say anything: neither ends a line or a buffer. */
static void test_why_hostile(void **state)
{
	struct server *s = *state;
	struct reason why;

	memset(&why, 0xff, sizeof(why));
	report_request(s, 3, "why", "a.example");
	set_match(&why, 0, 1, "regex /a\nstate well\033[2J/");
	why.match[0].step = 1;
	why.match[0].flags = 0;
	why.match[0].shared = 0;
	why.match[1] = why.match[0];
	why.match[1].list = REASON_OWN;
	say(s, asked(s), CHANNEL_WHY, workers.serial, &why, sizeof(why));
	assert_int_equal(control.n_answers, 1);
	for (const char *c = control.text; *c != '\0'; c++)
		assert_true(*c == '\n' || *c == '\t' || (*c >= ' ' && *c < 0x7f));
	assert_true(has_line("match two: regex /a\\x0astate well\\x1b[2J/ (void)"));
}

/* The one worker that was asked dies. */
static void test_why_died(void **state)
{
	struct server *s = *state;

	report_request(s, 3, "why", "a.example");
	report_died(s, 1);
	assert_int_equal(control.n_answers, 0);
	report_died(s, 0);
	assert_int_equal(control.n_answers, 1);
	assert_string_equal(control.text, "error no worker answers\n");
}

static void test_flush(void **state)
{
	struct server *s = *state;
	uint64_t n = 40;

	report_request(s, 3, "flush", "WWW.example");
	assert_int_equal(workers.type, CHANNEL_FLUSH);
	assert_int_equal(workers.len, sizeof(workers.name));
	assert_int_equal(workers.name.name_len, 13);
	assert_memory_equal(workers.name.name, "\3www\7example", 13);
	for (unsigned i = 0; i < N_WORKERS; i++) {
		assert_int_equal(workers.n_sent[i], 1);
		say(s, i, CHANNEL_FLUSH, workers.serial, &n, sizeof(n));
	}
	assert_string_equal(control.text, "ok\nflushed 120\n");
	assert_int_equal(workers.name.below, 0);
	report_request(s, 4, "flush", "--below example");
	assert_int_equal(workers.name.below, 1);
	assert_memory_equal(workers.name.name, "\7example", 9);
	report_request(s, 4, "flush", "--all");
	assert_int_equal(workers.name.below, 0);
	assert_int_equal(workers.name.name_len, 0);
	assert_int_equal(control.n_answers, 1);
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = {"", "a..b", ".a",
	    "a23456789012345678901234567890123456789012345678901234567890.1234."
	    "a234567890123456789012345678901234567890123456789012345678901234"};
	struct server *s = *state;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		report_request(s, i + 1, "flush", bad[i]);
		assert_string_equal(
		    control.text, "error this is not a name; write it as: flush www.example.com\n");
		assert_int_equal(control.client, i + 1);
		report_request(s, i + 1, "why", bad[i]);
		assert_string_equal(
		    control.text, "error this is not a name; write it as: why www.example.com\n");
	}
	report_request(s, 1, "why", "a.example A 192.0.2");
	assert_string_equal(control.text,
	    "error this is not an address; write it as: why www.example.com A 192.0.2.7\n");
	report_request(s, 1, "why", "a.example FOO");
	assert_string_equal(control.text,
	    "error this is not a query type; write it as: why www.example.com AAAA\n");
	for (unsigned i = 0; i < N_WORKERS; i++)
		assert_int_equal(workers.n_sent[i], 0);
	assert_null(the_report(s));
	assert_int_equal(event_base_loop(s->base, EVLOOP_NONBLOCK), 1);
}

/* As many at once as clients may be connected, each with its own answer. */
static void test_many(void **state)
{
	struct server *s = *state;
	struct channel_stats stats = figures(1, false, 5);
	uint32_t first;

	report_request(s, 100, "stats", "");
	first = workers.serial;
	for (uint64_t i = 1; i < CTL_CLIENTS; i++)
		report_request(s, 100 + i, "stats", "");
	assert_int_equal(control.n_answers, 0);
	report_request(s, 500, "stats", "");
	assert_int_equal(control.client, 500);
	assert_true(says("error too many requests"));
	for (unsigned i = 0; i < N_WORKERS; i++)
		say(s, i, CHANNEL_STATS, first + 3, &stats, sizeof(stats));
	assert_int_equal(control.n_answers, 2);
	assert_int_equal(control.client, 103);
	/* Its place is free. */
	report_request(s, 600, "stats", "");
	assert_int_equal(control.n_answers, 2);
	for (unsigned i = 0; i < N_WORKERS; i++)
		report_died(s, i);
	assert_int_equal(control.n_answers, 2 + CTL_CLIENTS);
}

/* The user's own rules: the answer waits for all workers; `rules` for none. */
static void test_own_rules(void **state)
{
	struct channel_overlay taken = {.paused = 1};
	struct server *s = *state;

	(void)snprintf(s->conf->rules, sizeof(s->conf->rules), "/nonexistent/rules");
	report_request(s, 3, "allow", "");
	assert_true(says("error which name?"));
	assert_null(the_report(s));
	assert_int_equal(workers.n_sent[0], 0);
	report_request(s, 3, "rules", "");
	assert_true(has_line("blocking on"));
	assert_false(says("note "));
	assert_int_equal(workers.n_sent[0], 0);

	report_request(s, 4, "pause", "5m");
	assert_int_equal(control.n_answers, 2);
	assert_int_equal(workers.type, CHANNEL_OVERLAY);
	for (unsigned i = 0; i < N_WORKERS; i++)
		assert_int_equal(workers.n_sent[i], 1);
	say(s, 0, CHANNEL_OVERLAY, workers.serial, &taken, sizeof(taken));
	report_died(s, 2);
	assert_int_equal(control.n_answers, 2);
	say(s, 1, CHANNEL_OVERLAY, workers.serial, &taken, sizeof(taken));
	assert_int_equal(control.n_answers, 3);
	assert_int_equal(control.client, 4);
	assert_true(has_line("blocking paused left 5m"));
	assert_true(says("note /nonexistent/rules"));
	assert_false(says("a worker has not"));

	report_request(s, 5, "resume", "");
	taken = (struct channel_overlay){.failed = 1};
	for (unsigned i = 0; i < N_WORKERS; i++)
		say(s, i, CHANNEL_OVERLAY, workers.serial, &taken, sizeof(taken));
	assert_true(has_line("blocking on"));
	assert_true(has_line("note a worker has not taken it"));
	rules_fini(&s->own.rules);
}

/* A pause without an end leaves the house open: all is not well. */
static void test_status_of_names(void **state)
{
	struct server *s = *state;

	s->house.now.info.n_rules = 7;
	get_status(s);
	assert_true(has_line("state well"));
	assert_true(has_line("local_names 7"));
	(void)snprintf(s->house.now.info.text, sizeof(s->house.now.info.text), "/etc/hosts: gone");
	get_status(s);
	assert_true(has_line("state degraded"));
	assert_true(has_line("reason names of the house: /etc/hosts: gone"));
	/* A loader reads what others write: its words are no lines of their own. */
	(void)snprintf(s->house.now.info.text, sizeof(s->house.now.info.text), "x\nstate well");
	get_status(s);
	assert_true(has_line("reason names of the house: x\\x0astate well"));
	assert_true(!has_line("state well"));
}

static void test_status_of_own_rules(void **state)
{
	struct server *s = *state;

	(void)snprintf(s->conf->rules, sizeof(s->conf->rules), "/nonexistent/rules");
	get_status(s);
	assert_true(has_line("state well"));
	assert_true(has_line("blocking on"));
	assert_true(has_line("own_rules 0"));
	workers.runs[0] = workers.runs[1] = workers.runs[2] = false;
	report_request(s, 5, "pause", "");
	workers.runs[0] = workers.runs[1] = workers.runs[2] = true;
	get_status(s);
	assert_true(has_line("state degraded"));
	assert_true(has_line("blocking paused"));
	assert_true(says("reason nothing is blocked"));
	assert_true(says("reason /nonexistent/rules"));
	rules_fini(&s->own.rules);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- cache ---- */

static struct cached cached_of(const char *verdict)
{
	static struct cached cached;

	memset(&cached, 0, sizeof(cached));
	(void)snprintf(cached.verdict, sizeof(cached.verdict), "%s", verdict);
	return cached;
}

static void say_cached(struct server *s, unsigned worker, const struct cached *cached)
{
	say(s, worker, CHANNEL_CACHED, workers.serial, cached, sizeof(*cached));
}

/* One worker after the other; what the second has is told as its own. */
static void test_cache(void **state)
{
	struct server *s = *state;
	struct cached none = cached_of("not listed"), some = none;
	struct cached_entry fresh = {.type = 28,
	    .class = 1,
	    .answer = true,
	    .dnssec_ok = true,
	    .prefetched = true,
	    .uses = 3,
	    .ttl_s = 200,
	    .life_s = 300,
	    .age_ms = 100500};
	struct cached_entry failed = {.type = 65280,
	    .class = 1,
	    .asked = true,
	    .failed = true,
	    .failure = 5,
	    .failure_age_ms = 70};
	static const uint8_t wire[] = "\1a\7example";

	cached_put(&some, &fresh, "blocked by ads", (const uint8_t *)"\x01\xfe", 2);
	cached_put(&some, &failed, "not listed", NULL, 0);
	some.n_left_out = 4;
	report_request(s, 3, "cache", "A.example.");
	assert_int_equal(workers.type, CHANNEL_CACHED);
	assert_int_equal(workers.name.type, 0);
	assert_memory_equal(workers.name.name, wire, sizeof(wire));
	for (unsigned i = 0; i < N_WORKERS; i++) {
		assert_int_equal(workers.n_sent[i], 1);
		for (unsigned k = i + 1; k < N_WORKERS; k++)
			assert_int_equal(workers.n_sent[k], 0);
		assert_int_equal(control.n_answers, 0);
		say_cached(s, i, i == 1 ? &some : &none);
	}
	assert_int_equal(control.n_answers, 1);
	assert_string_equal(control.text,
	    "ok\nname a.example\nverdict not listed\nnote worker 1 has 4 more\n"
	    "answer AAAA\nclass 1\nworker 1\nstate fresh\ndnssec_ok true\nchecking_disabled false\n"
	    "asked_upstream false\nverdict blocked by ads\n"
	    "ttl_s 200\nlife_s 300\nage_s 100\nuses 3\nprefetched true\nmessage 01fe\n"
	    "answer TYPE65280\nclass 1\nworker 1\nstate none\ndnssec_ok false\nchecking_disabled "
	    "false\n"
	    "asked_upstream true\nfailure 5\nfailure_age_ms 70\nverdict not listed\n");
	assert_null(the_report(s));
}

static void test_cache_of_a_type(void **state)
{
	struct server *s = *state;
	struct cached none = cached_of("a\x1b[2Jb");

	report_request(s, 3, "cache", "b.example https");
	assert_int_equal(workers.name.type, 65);
	for (unsigned i = 0; i < N_WORKERS; i++)
		say_cached(s, i, &none);
	assert_string_equal(control.text, "ok\nname b.example\ntype HTTPS\nverdict a\\x1b[2Jb\n"
					  "note nothing is in the cache\n");
	report_request(s, 3, "cache", "b.example nonsense");
	assert_true(says("error this is not a query type"));
	report_request(s, 3, "cache", "");
	assert_true(says("error this is not a name"));
}

/* Bytes that are no entries are no reason to read on behind them. */
static void test_cache_liar(void **state)
{
	struct server *s = *state;
	struct cached liar = cached_of("");

	memset(&liar, 'x', sizeof(liar));
	report_request(s, 3, "cache", "b.example");
	for (unsigned i = 0; i < N_WORKERS; i++)
		say_cached(s, i, &liar);
	assert_int_equal(control.n_answers, 1);
	assert_false(says("\nanswer "));
}

/* All that the workers have may be more than quellctl takes: then first records are left out, then answers. */
static void test_cache_bound(void **state)
{
	static uint8_t msg[CACHED_SIZE - 200];
	struct server *s = *state;
	struct cached full = cached_of("not listed"), many = full;
	struct cached_entry entry = {.type = 1, .class = 1, .answer = true};

	cached_put(&full, &entry, "not listed", msg, sizeof(msg));
	assert_int_equal(entry.msg_len, sizeof(msg));
	for (unsigned i = 0; i < 400; i++)
		cached_put(&many, &entry, "not listed", NULL, 0);
	assert_int_equal(many.n_left_out, 0);
	workers.n = CONF_WORKERS_MAX;
	memset(workers.runs, true, sizeof(workers.runs));
	report_request(s, 3, "cache", "b.example");
	for (unsigned i = 0; i < CONF_WORKERS_MAX; i++)
		say_cached(s, i, i < CONF_WORKERS_MAX / 2 ? &full : &many);
	assert_int_equal(control.n_answers, 1); /* and it was short enough */
	assert_true(says("\nmessage "));
	assert_true(says("\ncut true\n"));
	assert_true(has_line("note worker 63 has 400 more"));
}

static void test_cache_silent(void **state)
{
	struct server *s = *state;
	struct cached none = cached_of("not listed");

	report_request(s, 3, "cache", "b.example");
	say_cached(s, 0, &none);
	report_died(s, 1); /* it goes on with the next */
	assert_int_equal(workers.n_sent[2], 1);
	event_active(the_report(s)->limit, EV_TIMEOUT, 0);
	assert_true(event_base_loop(s->base, EVLOOP_NONBLOCK) >= 0);
	assert_int_equal(control.n_answers, 1);
	assert_true(has_line("verdict not listed"));
	assert_true(says("note worker 2 does not answer"));
	assert_null(the_report(s));
}

/* ---- upstreams ---- */

static struct query_upstream_whole whole_of(
    enum query_upstream_state state, uint64_t asked, uint32_t rtt_ms)
{
	struct query_upstream_whole whole;

	memset(&whole, 0, sizeof(whole));
	whole.known = true;
	whole.state = (uint8_t)state;
	whole.upstream.asked = asked;
	whole.upstream.answered = asked - 1;
	whole.upstream.failed = 1;
	whole.upstream.rtt_ms = rtt_ms;
	whole.counter[UPSTREAM_servfail] = 2;
	latency_count(&whole.rtt, rtt_ms * UINT64_C(1000000), 1);
	return whole;
}

static void say_whole(struct server *s, unsigned worker, const struct query_upstream_whole *whole)
{
	say(s, worker, CHANNEL_UPSTREAM, workers.serial, whole, sizeof(*whole));
}

/* Counters and round trips are added up, what each worker has learnt is not. */
static void test_upstreams(void **state)
{
	struct server *s = *state;
	struct channel_stats stats = figures(2, false, 5);
	struct query_upstream_whole good = whole_of(QUERY_GOOD, 10, 7),
				    away = whole_of(QUERY_AWAY, 5, 90), other;

	assert_int_equal(addr_parse(&s->options.upstream[0], "192.0.2.1:53", 0, NULL), 0);
	assert_int_equal(addr_parse(&s->options.upstream[1], "[2001:db8::1]:5353", 0, NULL), 0);
	s->options.n_forward = 1;
	s->options.proxy[1] = 1;
	assert_int_equal(
	    proxy_parse(&s->options.proxies[0], "socks5://u:secret@192.0.2.9:9050", NULL), 0);
	away.away_ms = 2500;
	away.probe_in_ms = 300;
	away.plain_ms = away.folded_ms = 1;
	away.cookies = QUERY_COOKIES_NO;
	good.cookies = QUERY_COOKIES_YES;
	report_request(s, 3, "upstreams", "");
	for (unsigned i = 0; i < N_WORKERS; i++)
		say_figures(s, i, &stats); /* 60 questions */
	for (unsigned i = 0; i < N_WORKERS; i++) {
		assert_int_equal(workers.type, CHANNEL_UPSTREAM);
		assert_memory_equal(&workers.name, &s->options.upstream[0], sizeof(union addr));
		say_whole(s, i, i == 1 ? &good : &away);
	}
	other = whole_of(QUERY_SUSPECT, 40, 0);
	for (unsigned i = 0; i < N_WORKERS; i++) {
		assert_memory_equal(&workers.name, &s->options.upstream[1], sizeof(union addr));
		assert_int_equal(control.n_answers, 0);
		other.known = i == 2;
		say_whole(s, i, &other);
	}
	assert_int_equal(control.n_answers, 1);
	assert_true(says("ok\nupstream 192.0.2.1:53\nzone .\ntransport udp\nstate good\nasked "
			 "20\nshare_permille 333\n"
			 "answered 17\nfailed 3\nnet_errors 3\ntcp 0\n"));
	assert_true(says("\nservfail 6\n"));
	assert_true(
	    says("\nrtt_p50_ms 91\nrtt_p95_ms 91\nrtt_p99_ms 91\n"
		 "worker 0\nstate away\nrtt_ms 90\naway_ms 2500\nprobe_in_ms 300\n"
		 "edns false\nletter_case false\ncookies no\n"
		 "worker 1\nstate good\nrtt_ms 7\nedns true\nletter_case true\ncookies yes\n"
		 "worker 2\nstate away\n"));
	assert_true(says("\nupstream [2001:db8::1]:5353\ntransport socks5 192.0.2.9:9050\nstate "
			 "suspect\nasked 40\nshare_permille 667\n"));
	assert_true(says("\nservfail 2\n"));
	assert_null(the_report(s));
}

static void test_no_upstreams(void **state)
{
	struct server *s = *state;
	struct channel_stats stats = figures(2, false, 5);

	s->options.n_upstream = 0;
	report_request(s, 3, "upstreams", "");
	for (unsigned i = 0; i < N_WORKERS; i++)
		say_figures(s, i, &stats);
	assert_string_equal(control.text, "ok\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_commands),
	    TEST(test_stats),
	    TEST(test_stats_groups),
	    TEST(test_stats_latencies),
	    TEST(test_stray_messages),
	    TEST(test_status_well),
	    TEST(test_status_reasons),
	    TEST(test_status_upstream),
	    TEST(test_status_liar),
	    TEST(test_silent_workers),
	    TEST(test_no_workers),
	    TEST(test_why),
	    TEST(test_why_way),
	    TEST(test_why_client),
	    TEST(test_why_hostile),
	    TEST(test_why_died),
	    TEST(test_own_rules),
	    TEST(test_status_of_names),
	    TEST(test_status_of_own_rules),
	    TEST(test_flush),
	    TEST(test_cache),
	    TEST(test_cache_of_a_type),
	    TEST(test_cache_liar),
	    TEST(test_cache_bound),
	    TEST(test_cache_silent),
	    TEST(test_upstreams),
	    TEST(test_no_upstreams),
	    TEST(test_bad_names),
	    TEST(test_many),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
