/* listen_tcp.c - connections of clients, their buffers and their end. */

#include "resolver/io/listen_tcp.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "resolver/io/timer.h"

#define SOCKETS_MAX    (2 * CONF_LISTEN_MAX)
#define ACCEPTS_MAX    32 /* for one wake-up */
#define ACCEPT_WAIT_MS 100
#define FRAME_MAX      (2 + 65535)
#define HEADER_SIZE    12
#define SLOT_BITS      20
#define SLOTS_MAX      (1u << SLOT_BITS)

struct tcp_conn {
	struct listen_tcp *owner;
	TAILQ_ENTRY(tcp_conn) link; /* in `open` or `free` */
	struct event readable, writable;
	struct evbuffer *in, *out;
	uint64_t handle; /* n-th connection << SLOT_BITS | slot; 0: closed */
	uint64_t progress_ms;
	union addr from;
	int fd;
	uint32_t slot;
	uint16_t listener;
	uint16_t pending; /* messages whose answer is awaited */
	bool eof;	  /* the client sends no more */
	bool broken;	  /* to be closed by conn_proceed() */
};

TAILQ_HEAD(tcp_conn_list, tcp_conn);

struct tcp_socket {
	struct listen_tcp *owner;
	struct event acceptable;
	int fd; /* -1: this place is free */
};

struct listen_tcp {
	struct event_base *base;
	struct query *core;
	struct tcp_socket sockets[SOCKETS_MAX];
	struct event resume; /* accepting, after descriptors ran out */
	struct event idle;
	struct tcp_conn **slots;   /* n_slots, each made when it is first needed */
	struct tcp_conn_list open; /* the one longest without progress first */
	struct tcp_conn_list free;
	unsigned n_slots, n_open;
	unsigned clients_max, idle_ms;
	uint64_t accepted, refused;
	uint8_t frame[FRAME_MAX]; /* the answer in the making */
};

/* ---- idle time ---- */

static void idle_arm(struct listen_tcp *l, uint64_t now_ms)
{
	const struct tcp_conn *first = TAILQ_FIRST(&l->open);
	uint64_t due_ms;

	if (first == NULL) {
		event_del(&l->idle);
		return;
	}
	due_ms = first->progress_ms + l->idle_ms;
	timer_start(&l->idle, due_ms > now_ms ? due_ms - now_ms : 0);
}

static void conn_progress(struct tcp_conn *c, uint64_t now_ms)
{
	c->progress_ms = now_ms;
	TAILQ_REMOVE(&c->owner->open, c, link);
	TAILQ_INSERT_TAIL(&c->owner->open, c, link);
}

/* ---- connections ---- */

static void conn_close(struct tcp_conn *c)
{
	struct listen_tcp *l = c->owner;

	event_del(&c->readable);
	event_del(&c->writable);
	evbuffer_free(c->in);
	evbuffer_free(c->out);
	close(c->fd);
	c->handle = 0;
	TAILQ_REMOVE(&l->open, c, link);
	TAILQ_INSERT_HEAD(&l->free, c, link);
	l->n_open--;
}

static void conn_flush(struct tcp_conn *c, uint64_t now_ms)
{
	while (evbuffer_get_length(c->out) > 0) {
		int n = evbuffer_write(c->out, c->fd);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			c->broken = true;
		if (n <= 0)
			return;
		conn_progress(c, now_ms);
	}
}

/* Bytes of the first frame, its length field included; 0: it is not there as a whole. */
static size_t conn_frame_len(const struct tcp_conn *c)
{
	uint8_t be[2];
	size_t len;

	if (evbuffer_copyout(c->in, be, sizeof(be)) < (ssize_t)sizeof(be))
		return 0;
	len = 2 + (size_t)(be[0] << 8 | be[1]);
	return evbuffer_get_length(c->in) >= len ? len : 0;
}

static bool conn_may_take(const struct tcp_conn *c)
{
	return !c->broken && c->pending < LISTEN_TCP_PENDING_MAX &&
	       evbuffer_get_length(c->out) <= LISTEN_TCP_OUT_MAX;
}

static void conn_take_message(struct tcp_conn *c, size_t frame_len, uint64_t now_ms)
{
	struct listen_tcp *l = c->owner;
	struct query_asker asker = {
	    .from = c->from, .tcp = true, .listener = c->listener, .conn = c->handle};
	const uint8_t *frame = evbuffer_pullup(c->in, (ssize_t)frame_len);
	bool answerable = frame_len >= 2 + HEADER_SIZE && (frame[2 + 2] & 0x80) == 0;
	size_t len;

	c->pending++;
	len = query_ask(
	    l->core, &asker, frame + 2, frame_len - 2, now_ms, l->frame + 2, QUERY_OUT_SIZE);
	if (len > 0 || !answerable)
		c->pending--;
	if (len > 0) {
		l->frame[0] = (uint8_t)(len >> 8);
		l->frame[1] = (uint8_t)len;
		if (evbuffer_add(c->out, l->frame, 2 + len) < 0)
			c->broken = true;
	} else if (!answerable) {
		c->broken = true;
	}
	evbuffer_drain(c->in, frame_len);
	conn_progress(c, now_ms);
}

/* Do what can be done for a connection now: take messages, write answers, wait for what is missing,
 * or close. */
static void conn_proceed(struct tcp_conn *c, uint64_t now_ms)
{
	size_t frame_len;

	do {
		while (conn_may_take(c) && (frame_len = conn_frame_len(c)) > 0)
			conn_take_message(c, frame_len, now_ms);
		conn_flush(c, now_ms);
	} while (conn_may_take(c) && conn_frame_len(c) > 0);

	if (c->broken || (c->eof && c->pending == 0 && evbuffer_get_length(c->out) == 0)) {
		conn_close(c);
		return;
	}
	if (!c->eof && conn_may_take(c))
		event_add(&c->readable, NULL);
	else
		event_del(&c->readable);
	if (evbuffer_get_length(c->out) > 0)
		event_add(&c->writable, NULL);
	else
		event_del(&c->writable);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_conn *c = arg;
	size_t room = FRAME_MAX - evbuffer_get_length(c->in);
	int n = evbuffer_read(c->in, fd, (int)room);

	(void)what;
	if (n == 0)
		c->eof = true;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->broken = true;
	conn_proceed(c, clock_ms());
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_proceed(arg, clock_ms());
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct listen_tcp *l = arg;
	uint64_t now_ms = clock_ms();
	struct tcp_conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&l->open)) != NULL && now_ms - c->progress_ms >= l->idle_ms) {
		/* The core's time-outs bound how long a client waits for it. */
		if (c->pending > 0 && evbuffer_get_length(c->out) == 0)
			conn_progress(c, now_ms);
		else
			conn_close(c);
	}
	idle_arm(l, now_ms);
}

/* A closed connection to be used, or NULL. */
static struct tcp_conn *conn_spare(struct listen_tcp *l)
{
	struct tcp_conn *c = TAILQ_FIRST(&l->free);
	struct tcp_conn **slots;

	if (c != NULL)
		return c;
	slots = realloc(l->slots, (l->n_slots + 1) * sizeof(struct tcp_conn *));
	if (slots == NULL)
		return NULL;
	l->slots = slots;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->owner = l;
	c->slot = l->n_slots;
	slots[l->n_slots++] = c;
	TAILQ_INSERT_HEAD(&l->free, c, link);
	return c;
}

static int conn_open(struct tcp_socket *s, int fd, const union addr *from, uint64_t now_ms)
{
	struct listen_tcp *l = s->owner;
	struct tcp_conn *c = conn_spare(l);
	const int on = 1;

	if (c == NULL)
		return ERR_NOMEM;
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	if (c->in == NULL || c->out == NULL ||
	    event_assign(&c->readable, l->base, fd, EV_READ | EV_PERSIST, on_readable, c) < 0 ||
	    event_assign(&c->writable, l->base, fd, EV_WRITE | EV_PERSIST, on_writable, c) < 0 ||
	    event_add(&c->readable, NULL) < 0) {
		if (c->in != NULL)
			evbuffer_free(c->in);
		if (c->out != NULL)
			evbuffer_free(c->out);
		return ERR_NOMEM;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->handle = ++l->accepted << SLOT_BITS | c->slot;
	c->fd = fd;
	c->from = *from;
	c->listener = (uint16_t)(s - l->sockets);
	c->pending = 0;
	c->eof = c->broken = false;
	c->progress_ms = now_ms;
	TAILQ_REMOVE(&l->free, c, link);
	TAILQ_INSERT_TAIL(&l->open, c, link);
	if (l->n_open++ == 0)
		idle_arm(l, now_ms);
	return 0;
}

/* ---- accepting ---- */

/* Close a connection for a new one: the longest without progress, rather of those that do not wait
 * for us.  Who comes always gets in: else a few who ask what takes long would keep all others
 * out. */
static void conn_give_up(struct listen_tcp *l)
{
	struct tcp_conn *c = TAILQ_FIRST(&l->open);

	while (c != NULL && c->pending > 0)
		c = TAILQ_NEXT(c, link);
	if (c == NULL)
		c = TAILQ_FIRST(&l->open);
	if (c == NULL)
		return;
	conn_close(c);
	l->refused++;
}

/* A connection that cannot be taken leaves the listener readable: look away for a while instead of
 * spinning. */
static void accept_pause(struct listen_tcp *l, const char *reason)
{
	log_warning("tcp-accept", "cannot take a connection: %s", reason);
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		if (l->sockets[i].fd >= 0)
			event_del(&l->sockets[i].acceptable);
	}
	timer_start(&l->resume, ACCEPT_WAIT_MS);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct listen_tcp *l = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		if (l->sockets[i].fd >= 0)
			event_add(&l->sockets[i].acceptable, NULL);
	}
}

static void on_acceptable(evutil_socket_t listening, short what, void *arg)
{
	struct tcp_socket *s = arg;
	struct listen_tcp *l = s->owner;
	uint64_t now_ms = clock_ms();

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		union addr from = {0};
		socklen_t from_len = sizeof(from);
		int fd = accept4(listening, &from.sa, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				accept_pause(l, strerror(errno));
			/* Else there is none, or the network took it back: accept(2). */
			return;
		}
		if (l->n_open >= l->clients_max)
			conn_give_up(l);
		if (conn_open(s, fd, &from, now_ms) < 0)
			close(fd);
	}
}

/* ---- for the worker ---- */

struct listen_tcp *listen_tcp_new(
    struct event_base *base, struct query *core, unsigned clients_max, unsigned idle_ms)
{
	struct listen_tcp *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->base = base;
	l->core = core;
	TAILQ_INIT(&l->open);
	TAILQ_INIT(&l->free);
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		l->sockets[i].owner = l;
		l->sockets[i].fd = -1;
	}
	if (evtimer_assign(&l->resume, base, on_resume, l) < 0 ||
	    evtimer_assign(&l->idle, base, on_idle, l) < 0) {
		free(l);
		return NULL;
	}
	listen_tcp_set(l, clients_max, idle_ms);
	return l;
}

void listen_tcp_free(struct listen_tcp *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < SOCKETS_MAX; i++)
		listen_tcp_remove(l, i);
	while (!TAILQ_EMPTY(&l->open))
		conn_close(TAILQ_FIRST(&l->open));
	for (unsigned i = 0; i < l->n_slots; i++)
		free(l->slots[i]);
	free(l->slots);
	event_del(&l->resume);
	event_del(&l->idle);
	free(l);
}

void listen_tcp_set(struct listen_tcp *l, unsigned clients_max, unsigned idle_ms)
{
	l->clients_max = clients_max < SLOTS_MAX ? clients_max : SLOTS_MAX;
	l->idle_ms = idle_ms;
	idle_arm(l, clock_ms());
}

int listen_tcp_add(struct listen_tcp *l, unsigned index, int fd)
{
	struct tcp_socket *s;

	if (index >= SOCKETS_MAX || l->sockets[index].fd >= 0) {
		close(fd);
		return ERR_RANGE;
	}
	s = &l->sockets[index];
	if (event_assign(&s->acceptable, l->base, fd, EV_READ | EV_PERSIST, on_acceptable, s) < 0 ||
	    event_add(&s->acceptable, NULL) < 0) {
		close(fd);
		return ERR_NOMEM;
	}
	s->fd = fd;
	return 0;
}

void listen_tcp_remove(struct listen_tcp *l, unsigned index)
{
	struct tcp_socket *s;

	if (index >= SOCKETS_MAX || l->sockets[index].fd < 0)
		return;
	s = &l->sockets[index];
	event_del(&s->acceptable);
	close(s->fd);
	s->fd = -1;
}

void listen_tcp_send(
    struct listen_tcp *l, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	const uint8_t be[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	size_t slot = to->conn & (SLOTS_MAX - 1);
	struct tcp_conn *c = slot < l->n_slots ? l->slots[slot] : NULL;

	if (c == NULL || c->handle != to->conn)
		return;
	if (c->pending > 0)
		c->pending--;
	if (evbuffer_get_length(c->out) > LISTEN_TCP_OUT_MAX)
		conn_flush(c, clock_ms());
	if (len != 0 &&
	    (evbuffer_get_length(c->out) > LISTEN_TCP_OUT_MAX ||
		evbuffer_add(c->out, be, sizeof(be)) < 0 || evbuffer_add(c->out, msg, len) < 0))
		c->broken = true;
	/* Called from the core, maybe for a message of this very connection: go on when it is
	 * through. */
	event_active(&c->writable, EV_WRITE, 0);
}

unsigned listen_tcp_clients(const struct listen_tcp *l)
{
	return l->n_open;
}

uint64_t listen_tcp_refused(const struct listen_tcp *l)
{
	return l->refused;
}
