/* report.c - gathering figures from the workers, and writing them. */
#include "config.h" /* PACKAGE_VERSION */

#include "resolver/report.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/dns/msg.h"
#include "lib/dns/name.h"
#include "lib/dns/type.h"
#include "resolver/core/stats.h"
#include "resolver/inspect.h"
#include "resolver/io/timer.h"
#include "resolver/printable.h"
#include "resolver/steer.h"

/* After this a report is made without the workers that have not answered. */
#define WORKER_LIMIT_MS 1000

/* ---- status ---- */

/* Every reason for which all is not well, one a line. */
static void write_reasons(const struct report *r, struct evbuffer *to)
{
	const struct server *s = r->owner;
	unsigned running = supervise_running(s->workers), n_servers = 0, n_down = 0;

	if (running < supervise_n(s->workers))
		evbuffer_add_printf(
		    to, "reason %u of %u workers run\n", running, supervise_n(s->workers));
	if (r->waiting != 0)
		evbuffer_add_printf(
		    to, "reason %d workers do not answer\n", __builtin_popcountll(r->waiting));
	if (s->lists.trouble.text[0] != '\0')
		evbuffer_add_printf(to, "reason %s (using: %s)\n", s->lists.trouble.text,
		    lists_source_text(s->lists.source));
	if (s->reload.failed.text[0] != '\0')
		evbuffer_add_printf(
		    to, "reason the last reload failed: %s\n", s->reload.failed.text);
	for (unsigned i = 0; i < supervise_n(s->workers); i++) {
		if (s->swap_failed[i])
			evbuffer_add_printf(to, "reason worker %u could not take the lists\n", i);
		if (supervise_loops(s->workers, i))
			evbuffer_add_printf(to, "reason worker %u keeps dying\n", i);
	}
	for (unsigned i = 0; i < s->listeners.n; i++) {
		if (s->listeners.all[i].state == LISTENER_WAITING)
			evbuffer_add_printf(to, "reason %s\n", s->listeners.all[i].why.text);
	}
	for (unsigned i = 0; i < r->total.n_upstream; i++) {
		if (r->total.upstream[i].forward)
			continue;
		n_servers++;
		n_down += r->total.upstream[i].down != 0;
	}
	own_reasons(s, to);
	house_reasons(s, to);
	if (s->options.n_upstream == 0)
		evbuffer_add_printf(to, "reason there is no upstream\n");
	else if (n_servers != 0 && n_down == n_servers)
		evbuffer_add_printf(to, "reason no upstream answers\n");
}

static void write_listeners(const struct server *s, struct evbuffer *to)
{
	static const char *const states[] = {
	    [LISTENER_WAITING] = "waiting",
	    [LISTENER_OPEN] = "open",
	    [LISTENER_UNUSABLE] = "unusable",
	};

	for (unsigned i = 0; i < s->listeners.n; i++) {
		const struct listener *l = &s->listeners.all[i];

		evbuffer_add_printf(to, "listen %s %s\n", l->text, states[l->state]);
	}
}

static void write_upstreams(const struct channel_stats *total, struct evbuffer *to)
{
	char text[ADDR_TEXT_SIZE];

	for (unsigned i = 0; i < total->n_upstream; i++) {
		const struct query_upstream *u = &total->upstream[i];

		evbuffer_add_printf(to,
		    "upstream %s %s rtt_ms %" PRIu32 " asked %" PRIu64 " answered %" PRIu64
		    " failed %" PRIu64 "\n",
		    addr_format(&u->addr, text), u->down ? "down" : "up", u->rtt_ms, u->asked,
		    u->answered, u->failed);
	}
}

/* What there was to do; quellctl shows the others as parts of the first. */
static void write_load(const struct stats *stats, struct evbuffer *to)
{
	evbuffer_add_printf(to, "queries %" PRIu64 "\nblocked %" PRIu64 "\ncached %" PRIu64 "\n",
	    stats->queries_udp + stats->queries_tcp, stats->blocked + stats->blocked_target,
	    stats->cache_hits);
}

/* The layers of each kind of process that has been there. */
static void write_sandbox(const struct server *s, struct evbuffer *to)
{
	char text[SANDBOX_TEXT_SIZE];

	for (unsigned i = 0; i < SANDBOX_N_KINDS; i++) {
		const char *kind = sandbox_kind_text((enum sandbox_kind)i);

		if (sandbox_holds(&s->sandbox[i], text)[0] != '\0')
			evbuffer_add_printf(to, "sandbox %s: %s\n", kind, text);
		if (sandbox_lacks(&s->sandbox[i], text)[0] != '\0')
			evbuffer_add_printf(to, "sandbox_lacks %s: %s\n", kind, text);
	}
}

/* Workers that had to be replaced, and why the last time. */
static void write_restarts(const struct server *s, struct evbuffer *to)
{
	struct supervise_past past;

	for (unsigned i = 0; i < supervise_n(s->workers); i++) {
		supervise_past(s->workers, i, &past);
		if (past.n_died != 0)
			evbuffer_add_printf(to,
			    "restarts worker %u: %u, the last %" PRIu64 " s ago: %s\n", i,
			    past.n_died, (clock_ms() - past.died_ms) / 1000, past.why);
	}
}

static void write_status(const struct report *r, struct evbuffer *to)
{
	const struct server *s = r->owner;
	struct evbuffer *reasons = evbuffer_new();

	if (reasons != NULL)
		write_reasons(r, reasons);
	evbuffer_add_printf(to, "state %s\n",
	    reasons != NULL && evbuffer_get_length(reasons) == 0 ? "well" : "degraded");
	evbuffer_add_printf(to, "pid %d\nversion " PACKAGE_VERSION "\nuptime_s %" PRIu64 "\n",
	    (int)getpid(), (clock_ms() - s->started_ms) / 1000);
	write_listeners(s, to);
	evbuffer_add_printf(to,
	    "workers %u\nlists %" PRIu32 "\nrules %" PRIu64 "\nnames %" PRIu64 "\n",
	    supervise_running(s->workers), s->lists.info.n_lists, s->lists.info.n_rules,
	    s->lists.info.n_names);
	evbuffer_add_printf(to, "lists_from %s\nlists_age_s %" PRIu64 "\ngeneration %" PRIu32 "\n",
	    lists_source_text(s->lists.source), (clock_ms() - s->lists.loaded_ms) / 1000,
	    s->generation);
	own_status(s, to);
	house_status(s, to);
	write_load(&r->total.stats, to);
	write_upstreams(&r->total, to);
	evbuffer_add_printf(to, "memory %" PRIu64 "\nmemory_lists %" PRIu64 "\n", s->budget.memory,
	    s->budget.part[BUDGET_LISTS]);
	if (s->budget.cut[0] != '\0')
		evbuffer_add_printf(to, "memory_cut %s\n", s->budget.cut);
	write_restarts(s, to);
	write_sandbox(s, to);
	if (reasons != NULL) {
		(void)evbuffer_add_buffer(to, reasons);
		evbuffer_free(reasons);
	}
}

/* ---- stats ---- */

/* "about" is for people, and comes before what it is about. */
static void write_counters(const struct stats *stats, enum stats_group group, struct evbuffer *to)
{
	uint64_t values[STATS_N];

	memcpy(values, stats, sizeof(values));
	evbuffer_add_printf(to, "group %s\n", stats_group_titles[group]);
	for (size_t i = 0; i < STATS_N; i++) {
		if (stats_rows[i].group == group)
			evbuffer_add_printf(to, "about %s\n%s %" PRIu64 "\n", stats_rows[i].text,
			    stats_rows[i].name, values[i]);
	}
}

/* In whole microseconds, rounded up: only what was less than the clock could tell is 0. */
static uint64_t to_us(uint64_t ns)
{
	return ns / 1000 + (ns % 1000 != 0);
}

static void write_latencies(const struct latency *latencies, struct evbuffer *to)
{
	static const struct {
		const char *name, *text;
	} stages[LATENCY_N_STAGES] = {
	    [LATENCY_BLOCKED] = {"blocked", "by rules and lists"},
	    [LATENCY_CACHED] = {"cached", "from the cache"},
	    [LATENCY_FORWARDED] = {"forwarded", "from upstream, or failed"},
	};
	static const struct {
		const char *name;
		unsigned permille;
	} figures[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p999", 999}};

	evbuffer_add_printf(to, "group Time to answer\n");
	for (unsigned i = 0; i < LATENCY_N_STAGES; i++) {
		const struct latency *l = &latencies[i];

		evbuffer_add_printf(to, "about %s\nlatency_%s_n %" PRIu64 "\n", stages[i].text,
		    stages[i].name, l->n);
		for (size_t k = 0; k < sizeof(figures) / sizeof(figures[0]); k++)
			evbuffer_add_printf(to, "latency_%s_%s_us %" PRIu64 "\n", stages[i].name,
			    figures[k].name, to_us(latency_percentile_ns(l, figures[k].permille)));
		evbuffer_add_printf(
		    to, "latency_%s_max_us %" PRIu64 "\n", stages[i].name, to_us(l->max_ns));
	}
}

static void write_stats(const struct report *r, struct evbuffer *to)
{
	for (unsigned i = 0; i < STATS_N_GROUPS; i++)
		write_counters(&r->total.stats, (enum stats_group)i, to);
	write_latencies(r->total.latency, to);
}

/* ---- why ---- */

/* The rule of a match: the user's with all that their file says of it. */
static void write_rule(const struct report *r, const struct reason_match *m, struct evbuffer *to)
{
	const struct server *s = r->owner;
	const struct reason_step *step = &r->why.step[m->step];
	char text[RULES_TEXT_SIZE], name[NAME_TEXT_SIZE];
	unsigned nth = 0;
	size_t line;

	for (const struct reason_match *other = r->why.match; other != m; other++)
		nth += other->list == REASON_OWN && other->step == m->step;
	/* A step that has a text is well-formed. */
	if (m->list == REASON_OWN && step->family == 0 && reason_step_text(step, name)[0] != '\0' &&
	    own_match(s, step->name, nth, text, &line))
		evbuffer_add_printf(to, "%s, line %zu of %s", text, line, s->conf->rules);
	else
		printable_write(to, m->rule, sizeof(m->rule));
}

/* A rule that matches, and where its list's text is: quellctl finds the line. */
static void write_match(const struct report *r, const struct reason_match *m,
    const struct reason_names *names, struct evbuffer *to)
{
	const struct server *s = r->owner;
	char hop[REASON_HOP_SIZE], list[CONF_NAME_SIZE];
	struct lists_text text;

	evbuffer_add_printf(to, "match %s: ", reason_list(m, names, list));
	write_rule(r, m, to);
	evbuffer_add_printf(
	    to, "%s%s\n", reason_void_text(m), reason_hop_text(&r->why.step[m->step], hop));
	if (!lists_text(&s->lists, s->conf, s->flags, m->list, &text))
		return;
	evbuffer_add_printf(
	    to, "text %s %s %s %s\t", text.syntax, text.match, text.trust, text.path);
	printable_write(to, m->rule, sizeof(m->rule));
	evbuffer_add_printf(to, "\n");
}

static void write_query(const struct report *r, struct evbuffer *to)
{
	char text[NAME_TEXT_SIZE], type[TYPE_TEXT_SIZE];

	evbuffer_add_printf(to, "name %s\ntype %s\n", name_to_text(r->name.name, text),
	    type_to_text(r->name.type, type));
	if (r->name.client.sa.sa_family != AF_UNSPEC)
		evbuffer_add_printf(to, "client %s\n", addr_format_host(&r->name.client, text));
}

static void write_verdict(const struct report *r, struct evbuffer *to)
{
	char hop[REASON_HOP_SIZE];

	evbuffer_add_printf(to, "verdict ");
	printable_write(to, r->why.verdict, sizeof(r->why.verdict));
	evbuffer_add_printf(to, "%s\n", reason_verdict_hop(&r->why, hop));
	if (r->why.paused != 0)
		own_blocking(r->owner, to);
	if (r->why.by_client != 0)
		evbuffer_add_printf(to, "note another client may get another verdict\n");
	if (r->why.answer == REASON_ANSWER_UNKNOWN)
		evbuffer_add_printf(to, "note %s\n", reason_note_unknown);
}

/* Who would be asked, where it is not the upstreams for all.  A worker reads packets: its numbers are looked at. */
static void write_asked(const struct report *r, struct evbuffer *to)
{
	const struct conf *conf = r->owner->conf;
	unsigned zone = r->why.group - 1u, group = r->why.asked - 1u - conf->n_forwards;
	const char *name = zone < conf->n_forwards ? conf->forwards[zone].zone : "";

	if (r->why.forwarded == 0)
		return;
	if (r->why.asked != r->why.group && group < conf->n_groups)
		evbuffer_add_printf(to, "asked group %s, for no upstream%s%s answers\n",
		    conf->groups[group].name, name[0] != '\0' ? " of " : "", name);
	else if (name[0] != '\0')
		evbuffer_add_printf(to, "asked upstreams of %s\n", name);
}

static void write_why(const struct report *r, struct evbuffer *to)
{
	const struct server *s = r->owner;
	unsigned n = reason_n_matches(&r->why), n_changes;
	char changes[REASON_CHANGES][REASON_CHANGE_SIZE];
	struct reason_names names;

	lists_names(&s->lists, s->conf, s->flags, &names);
	write_query(r, to);
	write_verdict(r, to);
	write_asked(r, to);
	for (unsigned i = 0; i < n; i++) {
		/* A worker reads packets: its numbers are looked at. */
		if (r->why.match[i].step < reason_n_steps(&r->why))
			write_match(r, &r->why.match[i], &names, to);
	}
	if (n < r->why.n_matches)
		evbuffer_add_printf(to, "match and %" PRIu32 " more\n", r->why.n_matches - n);
	n_changes = reason_changes(&r->why, r->name.name, &names, changes);
	for (unsigned i = 0; i < n_changes; i++)
		evbuffer_add_printf(to, "change %s\n", changes[i]);
}

/* ---- gathering ---- */

static void write_answer(struct report *r, struct evbuffer *to)
{
	evbuffer_add_printf(to, "ok\n");
	switch (r->kind) {
	case REPORT_STATUS:
		write_status(r, to);
		break;
	case REPORT_STATS:
		write_stats(r, to);
		break;
	case REPORT_WHY:
		write_why(r, to);
		break;
	case REPORT_FLUSH:
		evbuffer_add_printf(to, "flushed %" PRIu64 "\n", r->n_flushed);
		break;
	case REPORT_CACHE:
	case REPORT_UPSTREAMS:
		inspect_write(r, to);
		break;
	case REPORT_OWN:
		(void)evbuffer_add_buffer(to, r->said);
		if (r->failed || r->waiting != 0)
			evbuffer_add_printf(to, "note a worker has not taken it\n");
		break;
	}
}

/* Are workers asked one after the other? */
static bool is_stepwise(const struct report *r)
{
	return r->kind == REPORT_CACHE || r->kind == REPORT_UPSTREAMS;
}

static void free_lines(struct report *r)
{
	if (r->said != NULL)
		evbuffer_free(r->said);
	if (r->of_workers != NULL)
		evbuffer_free(r->of_workers);
	r->said = r->of_workers = NULL;
}

static void finish(struct report *r)
{
	struct evbuffer *answer = evbuffer_new();
	struct server *s = r->owner;
	uint64_t client = r->client;

	(void)evtimer_del(r->limit);
	r->client = 0;
	if (answer == NULL) {
		ctl_refuse(s->ctl, client, "no memory");
		goto out;
	}
	if ((r->kind == REPORT_WHY && r->waiting != 0) ||
	    (is_stepwise(r) && r->step != 0 && r->n_answers == 0)) {
		ctl_refuse(s->ctl, client, "no worker answers");
	} else {
		write_answer(r, answer);
		ctl_answer(s->ctl, client, answer);
	}
	evbuffer_free(answer);
out:
	free_lines(r);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	finish(arg);
}

int report_init(struct server *s)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		s->reports[i].owner = s;
		s->reports[i].limit = evtimer_new(s->base, on_limit, &s->reports[i]);
		if (s->reports[i].limit == NULL)
			return ERR_NOMEM;
	}
	return 0;
}

void report_fini(struct server *s)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		if (s->reports[i].limit != NULL)
			event_free(s->reports[i].limit);
		free_lines(&s->reports[i]);
	}
}

/* A fresh report; there are as many as clients can be connected. */
static struct report *start(struct server *s, uint64_t client)
{
	struct report *r = s->reports;

	while (r < s->reports + CTL_CLIENTS && r->client != 0)
		r++;
	if (r == s->reports + CTL_CLIENTS)
		return NULL;
	*r = (struct report){
	    .client = client,
	    .serial = ++s->report_serial,
	    .limit = r->limit,
	    .owner = s,
	    .total.stats.network_news = s->network_news,
	};
	timer_start(r->limit, WORKER_LIMIT_MS);
	return r;
}

/* Ask worker `worker` for its part. */
static void ask(struct report *r, unsigned worker, enum channel_type type, size_t len)
{
	if (supervise_send(r->owner->workers, worker, type, r->serial, &r->name, len, -1))
		r->waiting |= (uint64_t)1 << worker;
}

static void refuse(struct report *r, const char *reason)
{
	ctl_refuse(r->owner->ctl, r->client, reason);
	(void)evtimer_del(r->limit);
	r->client = 0;
	free_lines(r);
}

/* All that were asked have answered, or are not there any more. */
static void gathered(struct report *r)
{
	if (!is_stepwise(r) || !inspect_next(r))
		finish(r);
}

/* False: there is no memory, and the client was told. */
static bool make_lines(struct report *r)
{
	r->said = evbuffer_new();
	r->of_workers = evbuffer_new();
	if (r->said != NULL && r->of_workers != NULL)
		return true;
	refuse(r, "no memory");
	return false;
}

/* Figures of all workers. */
static void start_figures(struct report *r)
{
	for (unsigned i = 0; i < supervise_n(r->owner->workers); i++)
		ask(r, i, CHANNEL_STATS, 0);
	if (r->waiting == 0)
		gathered(r);
}

/* The name that a command is about.  False: it is none, and the client was told. */
static bool take_name(struct report *r, const char *command, const char *text, size_t text_len)
{
	char reason[64];
	size_t len;

	if (name_from_text(text, text_len, r->name.name, &len) == 0) {
		name_lower(r->name.name, r->name.name, len);
		r->name.name_len = (uint16_t)len;
		return true;
	}
	(void)snprintf(
	    reason, sizeof(reason), "this is not a name; write it as: %s www.example.com", command);
	refuse(r, reason);
	return false;
}

/* `NAME [TYPE [ADDRESS]]`; without a type it is `usual`.  False: it is none, and the client was told. */
static bool take_query(struct report *r, const char *command, const char *text, uint16_t usual)
{
	size_t name_len = strcspn(text, " ");
	char words[128], *client = words, *type;

	if (!take_name(r, command, text, name_len))
		return false;
	r->name.type = usual;
	r->name.client.sa.sa_family = AF_UNSPEC;
	(void)snprintf(
	    words, sizeof(words), "%s", text[name_len] != '\0' ? text + name_len + 1 : "");
	type = strsep(&client, " ");
	if (*type != '\0' && !type_from_text(type, &r->name.type)) {
		refuse(r, "this is not a query type; write it as: why www.example.com AAAA");
		return false;
	}
	if (client != NULL && addr_parse(&r->name.client, client, 53, NULL) != 0) {
		refuse(r, "this is not an address; write it as: why www.example.com A 192.0.2.7");
		return false;
	}
	return true;
}

/* Each worker has its own cache. */
static void start_flush(struct report *r, const char *text)
{
	static const char below[] = "--below ";

	r->name.below = strncmp(text, below, strlen(below)) == 0;
	if (r->name.below)
		text += strlen(below);
	if (strcmp(text, "--all") != 0 && !take_name(r, "flush", text, strlen(text)))
		return;
	for (unsigned i = 0; i < supervise_n(r->owner->workers); i++)
		ask(r, i, CHANNEL_FLUSH, sizeof(r->name));
	if (r->waiting == 0)
		finish(r);
}

/* All workers have the same lists: one that has them is asked, first of all that which may have the answer in its
 * cache. */
static void start_why(struct report *r, const char *text)
{
	struct server *s = r->owner;
	const unsigned n = supervise_n(s->workers);
	unsigned first;

	if (!take_query(r, "why", text, TYPE_A))
		return;
	first = steer_worker(r->name.name, r->name.name_len, r->name.type, n);
	for (unsigned i = first; i < first + n && r->waiting == 0; i++) {
		if (s->swapped[i % n] == s->generation)
			ask(r, i % n, CHANNEL_WHY, sizeof(r->name));
	}
	if (r->waiting == 0) {
		r->waiting = 1; /* for finish(): nobody is there */
		finish(r);
	}
}

/* Each worker has its own cache; of types 0 stands for all. */
static void start_cache(struct report *r, const char *text)
{
	if (take_query(r, "cache", text, 0) && make_lines(r))
		gathered(r);
}

/* First, what part of the questions each upstream has. */
static void start_upstreams(struct report *r)
{
	if (make_lines(r))
		start_figures(r);
}

/* The user's own rules: told to all workers. */
static void start_own(struct report *r, const char *command, const char *arguments)
{
	struct why why = {"no memory"};

	r->kind = REPORT_OWN;
	r->said = evbuffer_new();
	if (r->said == NULL ||
	    own_request(r->owner, command, arguments, r->serial, &r->waiting, r->said, &why) < 0) {
		refuse(r, why.text);
	} else if (r->waiting == 0) {
		finish(r);
	}
}

void report_request(void *ctx, uint64_t client, const char *command, const char *arguments)
{
	struct server *s = ctx;
	struct report *r;

	if (strcmp(command, "reload") == 0) {
		server_reload(s, client);
		return;
	}
	if (strcmp(command, "status") != 0 && strcmp(command, "stats") != 0 &&
	    strcmp(command, "why") != 0 && strcmp(command, "flush") != 0 &&
	    strcmp(command, "cache") != 0 && strcmp(command, "upstreams") != 0 &&
	    !own_is_command(command)) {
		ctl_refuse(s->ctl, client,
		    "unknown command; there are: status, stats, reload, why NAME [TYPE [ADDRESS]], "
		    "cache NAME [TYPE], upstreams, flush [--below] NAME|--all, allow NAME, block "
		    "NAME, unset NAME, rules, pause, resume");
		return;
	}
	r = start(s, client);
	if (r == NULL) {
		ctl_refuse(s->ctl, client, "too many requests at once");
		return;
	}
	if (own_is_command(command)) {
		start_own(r, command, arguments);
	} else if (strcmp(command, "why") == 0) {
		r->kind = REPORT_WHY;
		start_why(r, arguments);
	} else if (strcmp(command, "flush") == 0) {
		r->kind = REPORT_FLUSH;
		start_flush(r, arguments);
	} else if (strcmp(command, "cache") == 0) {
		r->kind = REPORT_CACHE;
		start_cache(r, arguments);
	} else if (strcmp(command, "upstreams") == 0) {
		r->kind = REPORT_UPSTREAMS;
		start_upstreams(r);
	} else {
		r->kind = strcmp(command, "stats") == 0 ? REPORT_STATS : REPORT_STATUS;
		start_figures(r);
	}
}

/* The workers have the same upstreams in the same order.  A worker reads packets, so what it says
 * is believed as far as it can do no harm. */
static void merge_upstreams(struct channel_stats *total, const struct channel_stats *one)
{
	bool first = total->n_upstream == 0;

	if (first)
		total->n_upstream =
		    one->n_upstream < OPTIONS_SERVERS_MAX ? one->n_upstream : OPTIONS_SERVERS_MAX;
	for (unsigned i = 0; i < total->n_upstream && i < one->n_upstream; i++) {
		struct query_upstream *to = &total->upstream[i];
		const struct query_upstream *from = &one->upstream[i];

		if (first) {
			*to = *from;
			continue;
		}
		to->down = to->down && from->down;
		to->rtt_ms = to->rtt_ms > from->rtt_ms ? to->rtt_ms : from->rtt_ms;
		to->asked += from->asked;
		to->answered += from->answered;
		to->failed += from->failed;
	}
}

void report_message(struct server *s, unsigned worker, const struct channel_message *m)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		struct report *r = &s->reports[i];
		uint64_t bit = (uint64_t)1 << worker;

		if (r->client == 0 || r->serial != m->head.serial || (r->waiting & bit) == 0)
			continue;
		if (m->head.type == CHANNEL_STATS && m->len == sizeof(struct channel_stats)) {
			const struct channel_stats *stats =
			    (const struct channel_stats *)m->payload;

			stats_add(&r->total.stats, &stats->stats);
			for (unsigned k = 0; k < LATENCY_N_STAGES; k++)
				latency_add(&r->total.latency[k], &stats->latency[k]);
			merge_upstreams(&r->total, stats);
		} else if (m->head.type == CHANNEL_WHY && m->len == sizeof(r->why)) {
			memcpy(&r->why, m->payload, sizeof(r->why));
		} else if (m->head.type == CHANNEL_FLUSH && m->len == sizeof(r->n_flushed)) {
			uint64_t n;

			memcpy(&n, m->payload, sizeof(n));
			r->n_flushed += n;
		} else if (m->head.type == CHANNEL_OVERLAY &&
			   m->len == sizeof(struct channel_overlay)) {
			const struct channel_overlay *overlay =
			    (const struct channel_overlay *)m->payload;

			r->failed |= overlay->failed != 0;
		} else if (!is_stepwise(r) || !inspect_take(r, worker, m)) {
			continue;
		}
		r->waiting &= ~bit;
		if (r->waiting == 0)
			gathered(r);
	}
}

void report_died(struct server *s, unsigned worker)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		struct report *r = &s->reports[i];
		uint64_t bit = (uint64_t)1 << worker;

		if (r->client == 0 || (r->waiting & bit) == 0)
			continue;
		if (r->kind != REPORT_WHY) /* else the report tells that nobody answered */
			r->waiting &= ~bit;
		if (r->kind == REPORT_WHY)
			finish(r);
		else if (r->waiting == 0)
			gathered(r);
	}
}
