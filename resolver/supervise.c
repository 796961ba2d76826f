/* supervise.c - starting, watching and replacing workers. */
#include "resolver/supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "resolver/child.h"
#include "resolver/health.h"
#include "resolver/io/timer.h"
#include "resolver/worker.h"

struct worker {
	struct supervisor *owner;
	pid_t pid; /* 0: not running */
	int channel;
	struct event *readable;
	struct event *restart; /* timer */
	const char *killed;    /* why, borrowed; NULL: it was not */
	bool leaving;	       /* it said so: its end is no death */
	struct health health;
	struct supervise_past past;
};

struct supervisor {
	struct event_base *base;
	struct supervise_hooks hooks;
	bool stopping;
	void (*ended)(void *ctx);
	void *ended_ctx;
	struct event *limit, *ping; /* timers */
	unsigned n;
	struct worker workers[];
};

static unsigned number(const struct worker *w)
{
	return (unsigned)(w - w->owner->workers);
}

/* Close the channel; errno stays. */
static void unwatch(struct worker *w)
{
	int saved = errno;

	if (w->readable != NULL)
		event_free(w->readable);
	w->readable = NULL;
	(void)close(w->channel);
	w->channel = -1;
	errno = saved;
}

/* Forget a worker that is dead or is to die now.  Returns its status. */
static int bury(struct worker *w)
{
	int status;

	unwatch(w);
	status = child_end(w->pid);
	w->pid = 0;
	return status;
}

/* Keep why it died, for who asks. */
static void note_end(struct worker *w, int status, uint64_t now_ms)
{
	char text[64];

	(void)child_status(status, text);
	w->past.n_died++;
	w->past.died_ms = now_ms;
	w->past.by_others = w->killed == NULL && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	if (w->killed != NULL)
		(void)snprintf(w->past.why, sizeof(w->past.why), "%s: %s", w->killed, text);
	else
		(void)snprintf(w->past.why, sizeof(w->past.why), "%s", text);
}

static void log_end(const struct worker *w, pid_t pid, unsigned delay_ms)
{
	if (w->leaving)
		log_info(
		    "worker-ended", "worker %u, pid %d: the next takes over", number(w), (int)pid);
	else if (delay_ms != 0)
		log_warning("worker-died",
		    "worker %u, pid %d: %s; it keeps dying, the next starts in %u ms", number(w),
		    (int)pid, w->past.why, delay_ms);
	else
		log_warning(
		    "worker-died", "worker %u, pid %d: %s", number(w), (int)pid, w->past.why);
}

static void on_end(struct worker *w)
{
	struct supervisor *s = w->owner;
	const uint64_t now_ms = clock_ms();
	pid_t pid = w->pid;
	int status = bury(w);
	unsigned delay_ms;

	if (!w->leaving)
		note_end(w, status, now_ms);
	if (s->stopping) {
		s->hooks.died(s->hooks.ctx, number(w));
		if (supervise_running(s) == 0)
			s->ended(s->ended_ctx);
		return;
	}
	/* Whoever leaves again and again is held up like one that dies. */
	delay_ms = health_died(&w->health, now_ms);
	log_end(w, pid, delay_ms);
	timer_start(w->restart, delay_ms);
	s->hooks.died(s->hooks.ctx, number(w));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	static struct channel_message message;
	struct worker *w = arg;
	struct supervisor *s = w->owner;
	int got = channel_receive(fd, &message);

	(void)what;
	if (got == ERR_SYS && errno == EAGAIN)
		return;
	if (got != 1) {
		on_end(w);
		return;
	}
	if (message.fd >= 0) /* workers have none to give */
		(void)close(message.fd);
	health_heard(&w->health, message.head.type == CHANNEL_PING);
	if (message.head.type == CHANNEL_LEAVE)
		w->leaving = true;
	else if (message.head.type != CHANNEL_PING)
		s->hooks.message(s->hooks.ctx, number(w), &message);
}

/* Fork one and watch its channel.  Returns 0, or ERR_SYS with errno. */
static int spawn(struct worker *w)
{
	int pair[2];

	if (channel_pair(pair) < 0)
		return ERR_SYS;
	w->channel = pair[0];
	w->readable = event_new(w->owner->base, w->channel, EV_READ | EV_PERSIST, on_readable, w);
	if (w->readable == NULL || event_add(w->readable, NULL) < 0)
		goto fail;
	w->pid = child_fork(&pair[1], 1);
	if (w->pid == 0)
		exit(worker_run(pair[1]));
	if (w->pid < 0)
		goto fail;
	(void)close(pair[1]);
	return 0;
fail:
	w->pid = 0;
	unwatch(w);
	(void)close(pair[1]);
	return ERR_SYS;
}

static void ping(struct worker *w)
{
	struct supervisor *s = w->owner;

	if (w->pid == 0 || w->killed != NULL)
		return;
	if (health_ping(&w->health))
		(void)supervise_send(s, number(w), CHANNEL_PING, 0, NULL, 0, -1);
	else
		supervise_kill(s, number(w), "it stands still");
}

static void worker_start(struct worker *w)
{
	struct supervisor *s = w->owner;

	if (spawn(w) < 0) {
		log_error(
		    "no-worker", "worker %u cannot be started: %s", number(w), strerror(errno));
		timer_start(w->restart, HEALTH_DELAY_MAX_MS);
		return;
	}
	w->killed = NULL;
	w->leaving = false;
	health_started(&w->health, clock_ms());
	log_info("worker-started", "worker %u, pid %d", number(w), (int)w->pid);
	s->hooks.started(s->hooks.ctx, number(w));
	/* When it answers that it has taken all of the above. */
	ping(w);
}

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	worker_start(arg);
}

static void on_ping(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *s = arg;

	(void)fd, (void)what;
	for (unsigned i = 0; i < s->n; i++)
		ping(&s->workers[i]);
	timer_start(s->ping, HEALTH_PING_MS);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *s = arg;

	(void)fd, (void)what;
	for (unsigned i = 0; i < s->n; i++)
		supervise_kill(s, i, "it does not end");
}

struct supervisor *supervise_new(
    struct event_base *base, unsigned n, const struct supervise_hooks *hooks)
{
	struct supervisor *s = calloc(1, sizeof(*s) + n * sizeof(s->workers[0]));

	if (s == NULL)
		return NULL;
	s->base = base;
	s->hooks = *hooks;
	s->limit = evtimer_new(base, on_limit, s);
	s->ping = evtimer_new(base, on_ping, s);
	if (s->limit == NULL || s->ping == NULL)
		goto fail;
	for (; s->n < n; s->n++) {
		struct worker *w = &s->workers[s->n];

		*w = (struct worker){.owner = s, .channel = -1};
		w->restart = evtimer_new(base, on_restart, w);
		if (w->restart == NULL)
			goto fail;
	}
	return s;
fail:
	supervise_free(s);
	return NULL;
}

void supervise_start(struct supervisor *s)
{
	for (unsigned i = 0; i < s->n; i++)
		worker_start(&s->workers[i]);
	timer_start(s->ping, HEALTH_PING_MS);
}

bool supervise_send(struct supervisor *s, unsigned worker, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd)
{
	struct worker *w = &s->workers[worker];

	if (w->pid == 0)
		return false;
	if (channel_send(w->channel, type, serial, payload, len, fd) == 0)
		return true;
	/* One that is dead cannot be killed: its end is seen in a moment. */
	if (errno != EPIPE && errno != ECONNRESET)
		supervise_kill(s, worker, "it does not read what it is sent");
	return false;
}

void supervise_send_all(struct supervisor *s, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd)
{
	for (unsigned i = 0; i < s->n; i++)
		(void)supervise_send(s, i, type, serial, payload, len, fd);
}

unsigned supervise_n(const struct supervisor *s)
{
	return s->n;
}

unsigned supervise_running(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->workers[i].pid != 0;
	return n;
}

void supervise_kill(struct supervisor *s, unsigned worker, const char *why)
{
	struct worker *w = &s->workers[worker];

	if (w->pid == 0)
		return;
	if (w->killed == NULL)
		log_warning("worker-stuck", "worker %u, pid %d: %s", worker, (int)w->pid, why);
	w->killed = why;
	(void)kill(w->pid, SIGKILL);
}

bool supervise_loops(const struct supervisor *s, unsigned worker)
{
	return health_loops(&s->workers[worker].health, clock_ms());
}

void supervise_past(const struct supervisor *s, unsigned worker, struct supervise_past *out)
{
	*out = s->workers[worker].past;
}

void supervise_stop(struct supervisor *s, unsigned limit_ms, void (*ended)(void *ctx), void *ctx)
{
	s->stopping = true;
	s->ended = ended;
	s->ended_ctx = ctx;
	timer_start(s->limit, limit_ms);
	(void)evtimer_del(s->ping);
	for (unsigned i = 0; i < s->n; i++) {
		(void)evtimer_del(s->workers[i].restart);
		/* The worker reads an end; we still read its end. */
		if (s->workers[i].pid != 0)
			(void)shutdown(s->workers[i].channel, SHUT_WR);
	}
	if (supervise_running(s) == 0)
		ended(ctx);
}

void supervise_free(struct supervisor *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		if (s->workers[i].pid != 0)
			(void)bury(&s->workers[i]);
		event_free(s->workers[i].restart);
	}
	if (s->limit != NULL)
		event_free(s->limit);
	if (s->ping != NULL)
		event_free(s->ping);
	free(s);
}
