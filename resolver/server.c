/* server.c - the parent's events, in the order of its life: start, workers, reload, end. */
#include "config.h" /* PACKAGE_VERSION */

#include "resolver/server.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "resolver/health.h"
#include "resolver/hostnet.h"
#include "resolver/notify.h"
#include "resolver/report.h"
#include "resolver/io/timer.h"

/* ---- what workers are told ---- */

/* A listeners_change_fn.  A worker that is not there is told when it starts. */
static void tell_listen(
    void *ctx, unsigned worker, enum channel_type type, const struct channel_listen *listen, int fd)
{
	struct server *s = ctx;

	(void)supervise_send(s->workers, worker, type, 0, listen, sizeof(*listen), fd);
}

/* A new worker knows nothing.  The lists come before the sockets: not one query passes them. */
static void on_worker_started(void *ctx, unsigned worker)
{
	struct server *s = ctx;
	struct channel_image image = {.generation = s->generation};

	lists_names(&s->lists, s->conf, s->flags, &image.names);
	image.answers_differ = lists_answers(&s->lists, s->conf, &image.answers);
	(void)supervise_send(
	    s->workers, worker, CHANNEL_OPTIONS, 0, &s->options, sizeof(s->options), -1);
	(void)own_tell(s, worker, 0);
	secret_tell(s, worker);
	house_tell(s, worker);
	(void)supervise_send(
	    s->workers, worker, CHANNEL_IMAGE, 0, &image, sizeof(image), s->lists.fd);
	listeners_each(&s->listeners, worker, tell_listen, s);
	/* One that keeps dying may do so of what it reads there. */
	if (!supervise_loops(s->workers, worker))
		saved_tell(s, worker);
}

/* ---- the world around: addresses and upstreams that come and go ---- */

static void warn_no_upstream(const struct server *s)
{
	if (s->options.n_upstream == 0)
		log_warning("no-upstream",
		    "no upstream is configured and the system has none: only blocked names are "
		    "answered; name one with the option upstream");
}

/* Has the address changed from which an upstream is asked?  A socket keeps the one that it began with. */
static bool sources_moved(struct server *s)
{
	union addr sources[OPTIONS_SERVERS_MAX] = {0};
	bool moved;

	hostnet_sources(s->options.upstream, s->options.n_upstream + s->options.n_forward, sources);
	/* Both were zeroed, gaps and all, before they were filled. */
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
	moved = memcmp(sources, s->sources, sizeof(sources)) != 0;
	memcpy(s->sources, sources, sizeof(sources));
	return moved;
}

/* What a worker is told now. */
static void make_options(const struct server *s, struct options *options)
{
	settings_options(s->conf, options);
	budget_share(&s->budget, s->conf, options);
}

/* Look again at everything that is not in the configuration, and tell the workers what changed. */
static void look_around(struct server *s)
{
	struct options options;
	unsigned n_waiting = listeners_retry(&s->listeners, tell_listen, s);

	make_options(s, &options);
	/* Both were zeroed, gaps and all, before they were filled. */
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
	if (memcmp(&options, &s->options, sizeof(options)) != 0) {
		if (options.n_upstream != s->options.n_upstream)
			log_notice("upstreams", "the system has %u now", options.n_upstream);
		s->options = options;
		supervise_send_all(
		    s->workers, CHANNEL_OPTIONS, 0, &s->options, sizeof(s->options), -1);
	}
	if (n_waiting != 0 || s->options.n_upstream == 0)
		timer_start(s->retry, SERVER_RETRY_S * 1000);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	look_around(arg);
}

static void on_settled(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct channel_network network = {0};

	(void)fd, (void)what;
	look_around(s);
	network.moved = sources_moved(s);
	if (network.moved)
		log_notice("network", "the upstreams are asked from other addresses now");
	s->network_news++;
	supervise_send_all(s->workers, CHANNEL_NETWORK, 0, &network, sizeof(network), -1);
}

static void on_address_news(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)what;
	hostnet_watch_drain(fd);
	if (evtimer_pending(s->settle, NULL))
		return;
	/* Who may ask, and where, is known at once; for the rest it is waited until nothing more comes. */
	look_around(s);
	timer_start(s->settle, SERVER_SETTLE_MS);
}

/* ---- ready and reloaded ---- */

/* " 127.0.0.1:5300 [::1]:5300": what is open, or also what waits. */
static void format_listeners(const struct server *s, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < s->listeners.n && used < size; i++) {
		const struct listener *l = &s->listeners.all[i];

		if (l->state != LISTENER_UNUSABLE)
			used += (size_t)snprintf(text + used, size - used, " %s%s", l->text,
			    l->state == LISTENER_WAITING ? " (waiting)" : "");
	}
}

static void format_upstreams(const struct server *s, char *text, size_t size)
{
	char one[ADDR_TEXT_SIZE];
	size_t used = 0;

	(void)snprintf(text, size, " none");
	for (unsigned i = 0; i < s->options.n_upstream && used < size; i++)
		used += (size_t)snprintf(
		    text + used, size - used, " %s", addr_format(&s->options.upstream[i], one));
}

/* What is in force, with every bound.  Scripts wait for these lines, and for reload-failed: each is
 * written. */
static void log_state(const struct server *s, const char *tag)
{
	char listen[400], upstream[200];

	format_listeners(s, listen, sizeof(listen));
	format_upstreams(s, upstream, sizeof(upstream));
	log_each(LOG_NOTICE, tag,
	    "listen%s; own rules %u of %d; lists %" PRIu32 " (%s), rules %" PRIu64
	    ", generation %" PRIu32 "; upstream%s; workers %u; cache_size %" PRIu64
	    ", questions_max %" PRIu32 ", tcp_clients_max %" PRIu32 ", rate_limit %" PRIu32
	    ", rate_limit_network %" PRIu32 ", memory %" PRIu64 " KiB (lists %" PRIu64
	    "), control clients %d, log lines %d of a tag in %d s",
	    listen, s->own.rules.n_rules, OVERLAY_RULES_MAX, s->lists.info.n_lists,
	    lists_source_text(s->lists.source), s->lists.info.n_rules, s->generation, upstream,
	    supervise_n(s->workers), s->budget.cache_size, s->budget.questions_max,
	    s->budget.tcp_clients_max, s->conf->rate_limit, s->conf->rate_limit_network,
	    s->budget.memory / 1024, s->budget.part[BUDGET_LISTS] / 1024, CTL_CLIENTS, LOG_BURST,
	    LOG_WINDOW_MS / 1000);
}

static void log_lists(const struct lists *lists)
{
	if (lists->info.text[0] != '\0')
		log_warning("lists", "%s", lists->info.text);
	if (lists->trouble.text[0] != '\0')
		log_warning("degraded", "%s; using: %s", lists->trouble.text,
		    lists_source_text(lists->source));
}

void server_sandbox(struct server *s, enum sandbox_kind kind, const struct sandbox *sandbox)
{
	char lacks[SANDBOX_TEXT_SIZE], lacked[SANDBOX_TEXT_SIZE];

	(void)sandbox_lacks(sandbox, lacks);
	(void)sandbox_lacks(&s->sandbox[kind], lacked);
	if (lacks[0] != '\0' && strcmp(lacks, lacked) != 0)
		log_notice(
		    "sandbox", "%s: this system is without %s", sandbox_kind_text(kind), lacks);
	s->sandbox[kind] = *sandbox;
}

/* The lists in force, and the loader that made them. */
static void set_lists(struct server *s, const struct lists *lists)
{
	s->lists = *lists;
	if (lists->source != LISTS_NONE)
		server_sandbox(s, SANDBOX_LOADER, &lists->info.sandbox);
	log_lists(lists);
}

static void reload_begin(struct server *s);

/* The reload that was asked for while there was no time for it. */
static void reload_next(struct server *s)
{
	struct reload *r = &s->reload;

	if (!r->again)
		return;
	memcpy(r->clients, r->clients_again, sizeof(r->clients));
	r->n_clients = r->n_clients_again;
	r->n_clients_again = 0;
	r->again = false;
	reload_begin(s);
}

/* Tell those who wait, and go on with the next if there is one. */
static void reload_end(struct server *s)
{
	struct reload *r = &s->reload;
	struct evbuffer *answer = evbuffer_new();

	for (unsigned i = 0; i < r->n_clients; i++) {
		if (answer == NULL) {
			ctl_refuse(s->ctl, r->clients[i], "no memory for an answer");
			continue;
		}
		if (r->failed.text[0] != '\0')
			evbuffer_add_printf(answer, "error %s\n", r->failed.text);
		else
			evbuffer_add_printf(answer, "ok\ngeneration %" PRIu32 "\n", s->generation);
		ctl_answer(s->ctl, r->clients[i], answer);
	}
	if (answer != NULL)
		evbuffer_free(answer);
	r->n_clients = 0;
	r->running = r->committed = false;
	notify_send("READY=1\nSTATUS=%s%.400s",
	    r->failed.text[0] != '\0' ? "reload failed: " : "running", r->failed.text);
	reload_next(s);
}

static void reload_fail(struct server *s, const struct why *why)
{
	struct reload *r = &s->reload;

	log_each(LOG_ERROR, "reload-failed", "%s", why->text);
	r->failed = *why;
	listeners_drop(&r->listeners);
	house_drop(s);
	conf_free(r->conf);
	r->conf = NULL;
	reload_end(s);
}

/* Has each worker taken the lists that are in force, or said that it cannot? */
static bool all_swapped(const struct server *s)
{
	for (unsigned i = 0; i < supervise_n(s->workers); i++) {
		if (s->swapped[i] != s->generation)
			return false;
	}
	return true;
}

static bool any_swap_failed(const struct server *s)
{
	for (unsigned i = 0; i < supervise_n(s->workers); i++) {
		if (s->swap_failed[i])
			return true;
	}
	return false;
}

static void on_all_swapped(struct server *s)
{
	(void)evtimer_del(s->swap_limit);
	if (!s->ready) {
		s->ready = true;
		log_state(s, "ready");
		notify_send("READY=1\nSTATUS=running");
		watchdog_start(s->watchdog);
		reload_next(s);
	} else if (s->reload.committed) {
		if (any_swap_failed(s)) {
			(void)why_set(&s->reload.failed, 0, "a worker could not take the lists");
			log_each(LOG_ERROR, "reload-failed", "%s", s->reload.failed.text);
		} else if (s->reload.failed.text[0] == '\0') {
			log_state(s, "reloaded");
		}
		reload_end(s);
	}
}

static void on_worker_message(void *ctx, unsigned worker, const struct channel_message *m)
{
	struct server *s = ctx;
	struct channel_swapped swapped;
	struct sandbox sandbox;

	if (m->head.type == CHANNEL_SANDBOX && m->len == sizeof(sandbox)) {
		memcpy(&sandbox, m->payload, sizeof(sandbox));
		server_sandbox(s, SANDBOX_WORKER, &sandbox);
		return;
	}
	if (m->head.type != CHANNEL_SWAPPED) {
		report_message(s, worker, m);
		return;
	}
	if (m->len != sizeof(swapped))
		return;
	memcpy(&swapped, m->payload, sizeof(swapped));
	s->swapped[worker] = swapped.generation;
	s->swap_failed[worker] = swapped.failed != 0;
	if (all_swapped(s))
		on_all_swapped(s);
}

/* ---- the trial of new lists ---- */

static void trial_end(struct server *s)
{
	(void)evtimer_del(s->trial);
	if (s->before.fd >= 0)
		(void)close(s->before.fd);
	s->before.fd = -1;
}

/* `lists` are in force from now on, for a trial. */
static void trial_begin(struct server *s, const struct lists *lists)
{
	struct supervise_past past;

	for (unsigned i = 0; i < supervise_n(s->workers); i++) {
		supervise_past(s->workers, i, &past);
		s->died[i] = past.n_died;
	}
	trial_end(s);
	s->before = s->lists;
	set_lists(s, lists);
	timer_start(s->trial, SERVER_TRIAL_S * 1000);
}

static void on_trial(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	trial_end(arg);
}

/* To all workers: the lists in force are others now. */
static void tell_lists(struct server *s)
{
	struct channel_image image = {.generation = ++s->generation};

	lists_names(&s->lists, s->conf, s->flags, &image.names);
	image.answers_differ = lists_answers(&s->lists, s->conf, &image.answers);
	memset(s->swap_failed, 0, sizeof(s->swap_failed));
	supervise_send_all(s->workers, CHANNEL_IMAGE, 0, &image, sizeof(image), s->lists.fd);
	timer_start(s->swap_limit, SERVER_SWAP_LIMIT_S * 1000);
}

/* What kills the workers may be something else, but with the lists before they lived. */
static void trial_fail(struct server *s)
{
	const struct lists bad = s->lists;

	(void)why_set(&s->reload.failed, 0,
	    "workers keep dying with the new lists: those before are in force again");
	log_each(LOG_ERROR, "reload-failed", "%s", s->reload.failed.text);
	notify_send("STATUS=reload failed: %.400s", s->reload.failed.text);
	s->lists = s->before;
	s->before = bad;
	trial_end(s);
	tell_lists(s);
}

/* A crash loop that was there before the new lists may be what they end. */
static bool trial_has_failed(const struct server *s, unsigned worker)
{
	struct supervise_past past;

	supervise_past(s->workers, worker, &past);
	return evtimer_pending(s->trial, NULL) && supervise_loops(s->workers, worker) &&
	       past.n_died - s->died[worker] >= HEALTH_DEATHS && !past.by_others;
}

static void on_worker_died(void *ctx, unsigned worker)
{
	struct server *s = ctx;

	s->swapped[worker] = 0;
	report_died(s, worker);
	if (trial_has_failed(s, worker))
		trial_fail(s);
}

/* Workers that do not take the lists in time are replaced; the new ones get them at once. */
static void on_swap_limit(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd, (void)what;
	for (unsigned i = 0; i < supervise_n(s->workers); i++) {
		if (s->swapped[i] != s->generation)
			supervise_kill(s->workers, i, "it did not take the lists");
	}
	timer_start(s->swap_limit, SERVER_SWAP_LIMIT_S * 1000);
}

/* ---- reload ---- */

/* These have their size, or their place, from the start. */
static bool needs_restart(const struct conf *now, const struct conf *next)
{
	return now->workers != next->workers || now->cache_size != next->cache_size ||
	       now->questions_max != next->questions_max || now->memory != next->memory ||
	       strcmp(now->control, next->control) != 0;
}

/* What is in force stays so, for a worker that is replaced too: the next sizes were only checked
 * against the next number of workers. */
static void keep_until_restart(struct conf *next, const struct conf *now)
{
	next->workers = now->workers;
	next->memory = now->memory;
	next->cache_size = now->cache_size;
	next->questions_max = now->questions_max;
	memcpy(next->control, now->control, sizeof(next->control));
}

static void set_budget(struct server *s, const struct budget *budget)
{
	if (budget->cut[0] != '\0' && strcmp(budget->cut, s->budget.cut) != 0)
		log_warning("memory", "what does not fit into %" PRIu64 " KiB is cut: %s",
		    budget->memory / 1024, budget->cut);
	s->budget = *budget;
}

/* What may come while the lists in force are kept, and those before, if there is room for three. */
static void limit_lists(struct server *s)
{
	const struct budget *b = server_budget(s);
	const struct loader_limits all = budget_lists(b, s->lists.info.image_len);
	struct loader_limits limits = all;

	if (s->before.fd >= 0)
		limits = budget_lists(b, s->lists.info.image_len + s->before.info.image_len);
	if (limits.image < all.image || limits.memory < all.memory) {
		log_notice(
		    "memory", "the lists before are dropped early, for the next ones to have room");
		trial_end(s);
		limits = all;
	}
	lists_limit(s->loader, &limits);
}

/* Everything is good: to the workers, all at once. */
static void reload_commit(struct server *s, struct lists *lists)
{
	struct reload *r = &s->reload;

	if (r->needs_restart)
		log_warning("restart-needed", "workers, memory, cache_size, questions_max and "
					      "control change with the next start");
	conf_free(s->conf);
	s->conf = r->conf;
	r->conf = NULL;
	set_budget(s, &r->budget);
	r->committed = true;
	r->failed.text[0] = '\0';
	trial_begin(s, lists);

	make_options(s, &s->options);
	supervise_send_all(s->workers, CHANNEL_OPTIONS, 0, &s->options, sizeof(s->options), -1);
	own_read(s);
	house_commit(s);
	tell_lists(s);
	listeners_switch(&s->listeners, &r->listeners, tell_listen, s);
	watchdog_renew(s->watchdog);
	saved_arm(s);
	warn_no_upstream(s);
	look_around(s);
}

/* The names of the house are made: now the lists. */
static void on_names(struct server *s, int err, const struct why *why)
{
	struct reload *r = &s->reload;

	if (err < 0) {
		reload_fail(s, why);
		return;
	}
	limit_lists(s);
	/* What is in force is only given up for something better than a fallback. */
	lists_load(s->loader, r->conf, s->flags,
	    s->lists.source == LISTS_NONE || s->lists.trouble.text[0] != '\0');
}

/* The configuration to come, and how it divides the memory. */
static int read_next(struct server *s, struct why *why)
{
	struct reload *r = &s->reload;
	int err = settings_read(&r->conf, s->flags, why);

	if (err < 0)
		return err;
	r->needs_restart = needs_restart(s->conf, r->conf);
	keep_until_restart(r->conf, s->conf);
	return settings_budget(&r->budget, r->conf, why);
}

static void reload_begin(struct server *s)
{
	struct reload *r = &s->reload;
	struct why why;

	r->running = true;
	notify_send("RELOADING=1\nSTATUS=reloading");
	if (read_next(s, &why) < 0 ||
	    listeners_open(&r->listeners, &s->listeners, r->conf, NULL, &why) < 0) {
		reload_fail(s, &why);
		return;
	}
	house_prepare(s, r->conf, on_names);
}

void server_reload(struct server *s, uint64_t client)
{
	struct reload *r = &s->reload;
	bool wait = !s->ready || r->running;

	if (client != 0 && wait && r->n_clients_again < CTL_CLIENTS)
		r->clients_again[r->n_clients_again++] = client;
	else if (client != 0 && !wait && r->n_clients < CTL_CLIENTS)
		r->clients[r->n_clients++] = client;
	if (wait)
		r->again = true;
	else
		reload_begin(s);
}

/* ---- start ---- */

static void server_stop(struct server *s, enum server_exit status);

/* The first lists: now workers can start. */
static void start_workers(struct server *s, struct lists *lists)
{
	witness_stop(&s->witness);
	set_lists(s, lists);
	s->generation = 1;
	make_options(s, &s->options);
	(void)sources_moved(s);
	warn_no_upstream(s);
	supervise_start(s->workers);
	saved_arm(s);
	look_around(s);
}

enum server_exit server_exit_of(int err)
{
	return err == ERR_SYS || err == ERR_NOMEM ? SERVER_FAILED : SERVER_USAGE;
}

static void on_lists(void *ctx, int err, struct lists *lists, const struct why *why)
{
	struct server *s = ctx;

	if (s->reload.running && err < 0) {
		reload_fail(s, why);
	} else if (s->reload.running) {
		reload_commit(s, lists);
	} else if (err < 0) {
		log_error("lists", "%s", why->text);
		server_stop(s, server_exit_of(err));
	} else {
		start_workers(s, lists);
	}
}

/* At the start. */
static void on_first_names(struct server *s, int err, const struct why *why)
{
	if (err == ERR_FORMAT) { /* a record of the configuration */
		log_error("names", "%s", why->text);
		server_stop(s, SERVER_USAGE);
		return;
	}
	if (err < 0)
		house_without(s, why);
	else
		house_commit(s);
	limit_lists(s);
	lists_load(s->loader, s->conf, s->flags, true);
}

static void on_reload_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	server_reload(arg, 0);
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	(void)what;
	log_notice("stopping", "%s", strsignal(number));
	server_stop(arg, SERVER_OK);
}

/* Is the control socket where the user, and not only the default, wants it? */
static bool control_is_wanted(const struct server *s)
{
	struct conf *defaults = conf_new();
	bool wanted = s->flags->control != NULL || defaults == NULL ||
		      strcmp(defaults->control, s->conf->control) != 0;

	conf_free(defaults);
	return wanted;
}

static int open_control(struct server *s)
{
	struct why why;

	if (ctl_open(&s->ctl, s->base, s->conf->control, report_request, s, &why) == 0)
		return 0;
	if (control_is_wanted(s)) {
		log_error("control", "%s", why.text);
		return ERR_DENIED;
	}
	log_warning("control", "%s: running without quellctl; another path: --control", why.text);
	return 0;
}

/* Events of the world; without news of addresses the timers still look. */
static int open_events(struct server *s)
{
	s->on_hup = evsignal_new(s->base, SIGHUP, on_reload_signal, s);
	s->on_term = evsignal_new(s->base, SIGTERM, on_stop_signal, s);
	s->on_int = evsignal_new(s->base, SIGINT, on_stop_signal, s);
	s->retry = evtimer_new(s->base, on_retry, s);
	s->settle = evtimer_new(s->base, on_settled, s);
	s->swap_limit = evtimer_new(s->base, on_swap_limit, s);
	s->trial = evtimer_new(s->base, on_trial, s);
	if (s->on_hup == NULL || s->on_term == NULL || s->on_int == NULL || s->retry == NULL ||
	    s->settle == NULL || s->swap_limit == NULL || s->trial == NULL ||
	    event_add(s->on_hup, NULL) < 0 || event_add(s->on_term, NULL) < 0 ||
	    event_add(s->on_int, NULL) < 0)
		return ERR_NOMEM;
	if (hostnet_watch_open(&s->address_fd) < 0) {
		s->address_fd = -1;
		log_warning("addresses", "the system gives no news of its addresses");
		return 0;
	}
	s->address_news =
	    event_new(s->base, s->address_fd, EV_READ | EV_PERSIST, on_address_news, s);
	return s->address_news != NULL && event_add(s->address_news, NULL) == 0 ? 0 : ERR_NOMEM;
}

static int open_all(struct server *s)
{
	const struct supervise_hooks hooks = {
	    .ctx = s,
	    .started = on_worker_started,
	    .message = on_worker_message,
	    .died = on_worker_died,
	};

	(void)signal(SIGPIPE, SIG_IGN);
	s->base = event_base_new();
	if (s->base == NULL)
		return ERR_NOMEM;
	s->workers = supervise_new(s->base, s->conf->workers, &hooks);
	s->loader = lists_loader_new(s->base, on_lists, s);
	s->watchdog = watchdog_new(s->base, &s->listeners);
	if (s->workers == NULL || s->loader == NULL || s->watchdog == NULL || report_init(s) < 0 ||
	    own_init(s) < 0 || house_init(s) < 0 || secret_init(s) < 0 || saved_init(s) < 0)
		return ERR_NOMEM;
	return open_events(s);
}

/* ---- end ---- */

static void on_stopped(void *ctx)
{
	struct server *s = ctx;

	s->stopped = true;
	(void)event_base_loopbreak(s->base);
}

static void stop_workers(struct server *s)
{
	uint64_t past_ms = clock_ms() - s->stop_ms;

	supervise_stop(s->workers,
	    past_ms < SERVER_STOP_MS ? SERVER_STOP_MS - (unsigned)past_ms : 0, on_stopped, s);
}

static void server_stop(struct server *s, enum server_exit status)
{
	if (s->stop_ms != 0)
		return;
	s->exit = status;
	s->stop_ms = clock_ms();
	notify_send("STOPPING=1");
	if (s->ready)
		saved_last(s, SERVER_SAVE_MS, stop_workers);
	else
		stop_workers(s);
}

static void free_event(struct event *e)
{
	if (e != NULL)
		event_free(e);
}

static void close_all(struct server *s)
{
	witness_stop(&s->witness);
	ctl_close(s->ctl);
	lists_loader_free(s->loader);
	supervise_free(s->workers);
	watchdog_free(s->watchdog);
	listeners_drop(&s->reload.listeners);
	listeners_close(&s->listeners);
	conf_free(s->reload.conf);
	conf_free(s->conf);
	if (s->lists.fd >= 0)
		(void)close(s->lists.fd);
	if (s->before.fd >= 0)
		(void)close(s->before.fd);
	report_fini(s);
	own_fini(s);
	house_fini(s);
	secret_fini(s);
	saved_fini(s);
	free_event(s->on_hup);
	free_event(s->on_term);
	free_event(s->on_int);
	free_event(s->retry);
	free_event(s->settle);
	free_event(s->swap_limit);
	free_event(s->trial);
	free_event(s->address_news);
	if (s->address_fd >= 0)
		(void)close(s->address_fd);
	if (s->base != NULL)
		event_base_free(s->base);
}

enum server_exit server_run(struct conf *conf, const struct settings_flags *flags,
    const struct witness *witness, const struct sandbox *sandbox)
{
	struct server *s = calloc(1, sizeof(*s));
	enum server_exit status = SERVER_FAILED;
	struct budget budget;
	struct why why;

	if (s == NULL) {
		log_error("start", "no memory");
		conf_free(conf);
		return SERVER_FAILED;
	}
	s->conf = conf;
	s->flags = flags;
	s->witness = *witness;
	server_sandbox(s, SANDBOX_PARENT, sandbox);
	s->started_ms = clock_ms();
	s->lists.fd = s->before.fd = s->address_fd = -1;
	s->house.now.fd = s->house.next.fd = s->house.watch = -1;
	if (settings_budget(&budget, conf, &why) < 0) {
		log_error("memory", "%s", why.text);
		status = SERVER_USAGE;
		goto out;
	}
	set_budget(s, &budget);
	if (open_all(s) < 0) {
		log_error("start", "no memory");
		goto out;
	}
	if (listeners_open(&s->reload.listeners, &s->listeners, s->conf, &s->witness, &why) < 0) {
		log_error("listen", "%s", why.text);
		goto out;
	}
	listeners_switch(&s->listeners, &s->reload.listeners, tell_listen, s);
	if (open_control(s) < 0)
		goto out;
	own_read(s);
	house_prepare(s, s->conf, on_first_names);
	if (!s->stopped) /* where the lists failed at once there are no workers to wait for */
		(void)event_base_dispatch(s->base);
	status = s->exit;
out:
	close_all(s);
	free(s);
	return status;
}
