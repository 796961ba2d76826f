/* watchdog.c - asking oneself. */
#include "resolver/watchdog.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dns/msg.h"
#include "lib/dns/name.h"
#include "lib/log.h"
#include "lib/rng.h"
#include "resolver/core/query_names.h"
#include "resolver/io/timer.h"
#include "resolver/notify.h"
#include "resolver/steer.h"

#define ZONE "\5alive" QUERY_NAMES_ZONE

#define ASKS_IN_PERIOD 4     /* of the service manager's, while all is well */
#define TRIES_IN_ASK   15    /* for an answer that does not come: a flood may drown a question */
#define N_MAX	       10000 /* of N: for any of the workers there is a smaller one */
#define N_SIZE	       5

#define QUESTION_MAX (MSG_HEADER + 1 + N_SIZE + sizeof(ZONE) + 4)

enum { OVER_IPV4, OVER_IPV6, N_WAYS };

struct way {
	struct watchdog *owner;
	int fd; /* -1: not open */
	struct event *readable;
};

struct watchdog {
	struct event_base *base;
	const struct listeners *listeners;
	uint64_t ask_ms; /* between an answer and the next question */
	struct event *timer;
	struct way ways[N_WAYS];
	struct rng rng;
	bool known;	   /* an address has answered: it can be asked */
	unsigned worker;   /* whose turn it is */
	unsigned listener; /* likewise */
	uint8_t question[QUESTION_MAX];
	size_t len; /* of it; 0: none is asked */
};

static void feed(void)
{
	notify_send("WATCHDOG=1");
}

/* A question that comes to the worker whose turn it is. */
static void make_question(struct watchdog *w)
{
	uint8_t *name = w->question + MSG_HEADER;
	size_t name_len = 0;

	for (unsigned n = 0; n < N_MAX; n++) {
		int digits = snprintf((char *)name + 1, N_SIZE, "%u", n);

		name[0] = (uint8_t)digits;
		memcpy(name + 1 + digits, ZONE, sizeof(ZONE));
		name_len = 1 + (size_t)digits + sizeof(ZONE);
		if (steer_worker(name, name_len, TYPE_A, w->listeners->n_workers) == w->worker)
			break;
	}
	memset(w->question, 0, MSG_HEADER);
	msg_set_u16(w->question, rng_u16(&w->rng));
	msg_set_u16(w->question + 4, 1); /* QDCOUNT */
	msg_set_u16(name + name_len, TYPE_A);
	msg_set_u16(name + name_len + 2, CLASS_IN);
	w->len = MSG_HEADER + name_len + 4;
}

/* Whatever it says: whoever repeats the question has read it. */
static bool is_answer(const struct watchdog *w, const uint8_t *msg, size_t len)
{
	return w->len != 0 && len >= w->len && memcmp(msg, w->question, 2) == 0 &&
	       (msg_u16(msg + 2) & MSG_QR) != 0 &&
	       memcmp(msg + MSG_HEADER, w->question + MSG_HEADER, w->len - MSG_HEADER) == 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	const struct way *way = arg;
	struct watchdog *w = way->owner;
	uint8_t msg[QUESTION_MAX]; /* what is behind the question is not looked at */
	ssize_t len = recv(fd, msg, sizeof(msg), 0);

	(void)what;
	if (len < 0 || !is_answer(w, msg, (size_t)len))
		return;
	w->known = true;
	w->len = 0;
	w->worker = (w->worker + 1) % w->listeners->n_workers;
	feed();
	timer_start(w->timer, w->ask_ms);
}

/* The socket for addresses like this one.  It is bound to loopback: from there every address of this machine can be
 * reached, and no other.  NULL: there is none. */
static struct way *open_way(struct watchdog *w, const union addr *to)
{
	struct way *way = &w->ways[to->sa.sa_family == AF_INET ? OVER_IPV4 : OVER_IPV6];
	union addr from = {.sa = {.sa_family = to->sa.sa_family}};

	if (way->fd >= 0)
		return way;
	if (from.sa.sa_family == AF_INET)
		from.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		from.in6.sin6_addr = in6addr_loopback;
	way->owner = w;
	way->fd = socket(from.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (way->fd < 0)
		return NULL;
	if (bind(way->fd, &from.sa, addr_len(&from)) < 0)
		goto fail;
	way->readable = event_new(w->base, way->fd, EV_READ | EV_PERSIST, on_readable, way);
	if (way->readable == NULL || event_add(way->readable, NULL) < 0)
		goto fail;
	return way;
fail:
	if (way->readable != NULL)
		event_free(way->readable);
	way->readable = NULL;
	(void)close(way->fd);
	way->fd = -1;
	return NULL;
}

/* Send the question there.  Returns whether it went out. */
static bool ask_at(struct watchdog *w, const struct listener *l)
{
	union addr to = l->addr;
	const struct way *way;

	if (l->state != LISTENER_OPEN)
		return false;
	if (addr_is_wildcard(&to) && to.sa.sa_family == AF_INET)
		to.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (addr_is_wildcard(&to))
		to.in6.sin6_addr = in6addr_loopback;
	way = open_way(w, &to);
	return way != NULL && sendto(way->fd, w->question, w->len, 0, &to.sa, addr_len(&to)) >= 0;
}

/* At the first address, from that whose turn it is on, that can be asked; false: there is none. */
static bool ask(struct watchdog *w)
{
	const struct listeners *l = w->listeners;

	if (w->len == 0)
		make_question(w);
	for (unsigned i = 0; i < l->n; i++) {
		const struct listener *at = &l->all[w->listener++ % l->n];

		if (ask_at(w, at))
			return true;
	}
	return false;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct watchdog *w = arg;
	const bool asked = ask(w);

	(void)fd, (void)what;
	if (!asked || !w->known)
		feed();
	timer_start(w->timer, w->ask_ms / TRIES_IN_ASK + 1);
}

struct watchdog *watchdog_new(struct event_base *base, const struct listeners *listeners)
{
	struct watchdog *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->base = base;
	w->listeners = listeners;
	rng_init(&w->rng);
	for (unsigned i = 0; i < N_WAYS; i++)
		w->ways[i].fd = -1;
	w->timer = evtimer_new(base, on_timer, w);
	if (w->timer == NULL) {
		free(w);
		return NULL;
	}
	return w;
}

void watchdog_start(struct watchdog *w)
{
	w->ask_ms = notify_watchdog_us() / 1000 / ASKS_IN_PERIOD;
	if (w->ask_ms == 0)
		return;
	log_info("watchdog", "fed when a question is answered, which is asked every %llu ms",
	    (unsigned long long)w->ask_ms);
	timer_start(w->timer, 0);
}

void watchdog_renew(struct watchdog *w)
{
	w->known = false;
}

void watchdog_free(struct watchdog *w)
{
	if (w == NULL)
		return;
	for (unsigned i = 0; i < N_WAYS; i++) {
		if (w->ways[i].fd < 0)
			continue;
		event_free(w->ways[i].readable);
		(void)close(w->ways[i].fd);
	}
	event_free(w->timer);
	free(w);
}
