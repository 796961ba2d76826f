/* carrier_tcp.c - connections to upstreams, and what is asked on each. */
#include "resolver/io/carrier_tcp.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/clock.h"
#include "lib/dns/msg.h"
#include "lib/log.h"
#include "resolver/io/socks.h"
#include "resolver/io/timer.h"

#define FRAME_MAX (2 + MSG_MAX)

/* Memory of these sizes is kept for the next: of a connection while it is there, of a question for good. */
#define BUFFER_KEPT 4096
#define FRAME_KEPT  512 /* no question of the core is longer */

/* bytes[0..len) of `size` allocated ones. */
struct buffer {
	uint8_t *bytes;
	size_t len, size;
};

/* A question whose reply is awaited. */
struct asked {
	struct asked *prev, *next; /* utlist DL list, in the order of asking, or the unused ones */
	uint32_t try;		   /* the core's handle */
	struct buffer frame;	   /* length and message, to be asked again */
};

struct conn {
	struct carrier_tcp *owner;
	struct event event;
	union addr to;
	struct asked *asked;
	struct buffer out, in; /* what is not written; less than a reply */
	uint64_t idle_ms;      /* since when, while n_ports is 0 */
	unsigned n_ports;      /* port() without done() */
	uint64_t opened_ms;
	int fd;	     /* -1: not connected */
	bool shakes; /* a proxy was not yet heard to have connected it; nothing is asked before */
	struct socks socks; /* what was said to that proxy */
	bool writes;	    /* `event` waits for room to write, too */
	bool replied;	    /* on this connection */
	bool spent;	    /* not to be asked on any more */
	bool busy;	    /* its replies are being given to the core */
};

/* An upstream behind a proxy. */
struct proxied {
	union addr to;
	struct proxy proxy;
};

struct carrier_tcp {
	struct event_base *base;
	struct query *core;
	struct proxied proxied[OPTIONS_SERVERS_MAX]; /* n_proxied of them, the rest is zero */
	unsigned n_proxied;
	uint64_t n_opened, n_failed; /* connections by way of a proxy */
	struct event sweep;	     /* of idle connections */
	struct asked *failing;	     /* of a connection that ended; the core is being told */
	struct asked *unused;	     /* as many as ever were awaited at once */
	struct conn conns[CARRIER_TCP_MAX];
	uint8_t read[FRAME_MAX];
};

/* ---- buffers ---- */

static void buffer_free(struct buffer *b)
{
	free(b->bytes);
	*b = (struct buffer){0};
}

/* Room for `size` bytes in all.  Returns 0 or ERR_NOMEM. */
static int buffer_reserve(struct buffer *b, size_t size)
{
	uint8_t *grown;

	if (size <= b->size)
		return 0;
	grown = realloc(b->bytes, size);
	if (grown == NULL)
		return ERR_NOMEM;
	b->bytes = grown;
	b->size = size;
	return 0;
}

static int buffer_add(struct buffer *b, const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return 0;
	if (b->len + len > b->size && buffer_reserve(b, 2 * (b->len + len)) < 0)
		return ERR_NOMEM;
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	return 0;
}

static void buffer_drop(struct buffer *b, size_t len)
{
	b->len -= len;
	memmove(b->bytes, b->bytes + len, b->len);
	if (b->len == 0 && b->size > BUFFER_KEPT)
		buffer_free(b);
}

/* ---- connections ---- */

static void conn_close(struct conn *p)
{
	if (p->fd < 0)
		return;
	if (event_initialized(&p->event))
		event_del(&p->event);
	close(p->fd);
	p->fd = -1;
	p->writes = p->replied = p->shakes = false;
	buffer_free(&p->out);
	buffer_free(&p->in);
}

static void forget(struct carrier_tcp *c, struct asked **list, struct asked *a)
{
	DL_DELETE(*list, a);
	if (a->frame.size > FRAME_KEPT)
		buffer_free(&a->frame);
	LL_PREPEND(c->unused, a);
}

static struct asked *find(struct asked *list, uint32_t try)
{
	struct asked *a = list;

	while (a != NULL && a->try != try)
		a = a->next;
	return a;
}

/* Close, and say of each question that it has failed. */
static void conn_fail(struct conn *p)
{
	struct carrier_tcp *c = p->owner;

	conn_close(p);
	p->spent = true;
	/* The core ends these tries one by one, or several at once, and may ask anew, here too. */
	DL_CONCAT(c->failing, p->asked);
	p->asked = NULL;
	while (c->failing != NULL) {
		uint32_t try = c->failing->try;

		forget(c, &c->failing, c->failing);
		query_failed(c->core, try, clock_ms());
	}
}

static void on_event(evutil_socket_t fd, short what, void *arg);

/* Wait for replies and, with `writes`, for room.  Returns 0 or ERR_NOMEM. */
static int conn_watch(struct conn *p, bool writes)
{
	short events = (short)(EV_READ | EV_PERSIST | (writes ? EV_WRITE : 0));

	if (event_initialized(&p->event))
		event_del(&p->event);
	if (event_assign(&p->event, p->owner->base, p->fd, events, on_event, p) < 0 ||
	    event_add(&p->event, NULL) < 0)
		return ERR_NOMEM;
	p->writes = writes;
	return 0;
}

static const struct proxy *proxy_of(const struct carrier_tcp *c, const union addr *to)
{
	for (unsigned i = 0; i < c->n_proxied; i++)
		if (addr_equal(&c->proxied[i].to, to))
			return &c->proxied[i].proxy;
	return NULL;
}

/* The proxy has not connected `p`. */
static void proxy_failed(struct conn *p, const char *reason)
{
	char proxy[ADDR_TEXT_SIZE], to[ADDR_TEXT_SIZE];

	p->owner->n_failed++;
	log_warning("proxy", "%s does not connect to the upstream %s: %s",
	    addr_format(&p->socks.proxy.addr, proxy), addr_format(&p->to, to), reason);
}

/* Nor will it be waited for any longer. */
static void proxy_late(struct conn *p)
{
	char reason[64];

	(void)snprintf(reason, sizeof(reason), "given up after %llu ms",
	    (unsigned long long)(clock_ms() - p->opened_ms));
	proxy_failed(p, reason);
}

static int conn_open(struct conn *p)
{
	const struct proxy *proxy = proxy_of(p->owner, &p->to);
	const union addr *at = proxy != NULL ? &proxy->addr : &p->to;
	struct socks_out say = {.len = 0};
	const int on = 1, size = CARRIER_TCP_BUFFER;

	p->fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return ERR_SYS;
	p->event = (struct event){0};
	p->opened_ms = clock_ms();
	(void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(p->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	p->shakes = proxy != NULL;
	if (p->shakes)
		socks_start(&p->socks, proxy, &p->to, &say);
	if ((connect(p->fd, &at->sa, addr_len(at)) < 0 && errno != EINPROGRESS) ||
	    buffer_reserve(&p->in, BUFFER_KEPT) < 0 || buffer_reserve(&p->out, BUFFER_KEPT) < 0 ||
	    buffer_add(&p->out, say.bytes, say.len) < 0 || conn_watch(p, true) < 0) {
		if (p->shakes)
			proxy_failed(p, strerror(errno));
		conn_close(p);
		return ERR_SYS;
	}
	return 0;
}

/* All that is to be asked on a connection that is new.  Returns 0 or ERR_NOMEM. */
static int conn_ask(struct conn *p)
{
	for (const struct asked *a = p->asked; a != NULL; a = a->next)
		if (buffer_add(&p->out, a->frame.bytes, a->frame.len) < 0)
			return ERR_NOMEM;
	return 0;
}

/* Write what waits.  Returns 0, ERR_SYS or ERR_NOMEM. */
static int conn_write(struct conn *p)
{
	if (p->out.len > 0) {
		ssize_t sent = send(p->fd, p->out.bytes, p->out.len, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return ERR_SYS;
		if (sent > 0)
			buffer_drop(&p->out, (size_t)sent);
	}
	return p->writes != (p->out.len > 0) ? conn_watch(p, p->out.len > 0) : 0;
}

/* The connection has ended.  The upstream may have closed it as idle, or after so many questions, in
 * the moment in which we asked: then it is asked again, once for each connection that replied. */
static void conn_lost(struct conn *p)
{
	bool again = p->replied && !p->spent && p->asked != NULL;

	conn_close(p);
	if (again && conn_open(p) == 0 && (p->shakes || conn_ask(p) == 0))
		return;
	conn_fail(p);
}

/* The connection has ended: recv() or send() gave `status`. */
static void conn_ended(struct conn *p, ssize_t status)
{
	if (p->shakes)
		proxy_failed(p, status == 0 ? "it has closed the connection" : strerror(errno));
	conn_lost(p);
}

/* ---- replies ---- */

/* Give the core the replies of bytes[0..len); returns the bytes they were, or ERR_FORMAT. */
static ssize_t deliver(struct conn *p, const uint8_t *bytes, size_t len)
{
	struct carrier_tcp *c = p->owner;
	size_t pos = 0;

	while (len - pos >= 2) {
		size_t msg_len = msg_u16(bytes + pos);

		if (msg_len < MSG_HEADER)
			return ERR_FORMAT;
		if (len - pos - 2 < msg_len)
			break;
		p->replied = true;
		query_reply(c->core, CARRIER_TCP, (uint32_t)(p - c->conns), &p->to, bytes + pos + 2,
		    msg_len, clock_ms());
		pos += 2 + msg_len;
	}
	return (ssize_t)pos;
}

/* The next bytes of the stream.  Returns 0, ERR_FORMAT or ERR_NOMEM. */
static int conn_feed(struct conn *p, const uint8_t *bytes, size_t len)
{
	bool half = p->in.len > 0;
	ssize_t used;

	if (half) {
		if (buffer_add(&p->in, bytes, len) < 0)
			return ERR_NOMEM;
		bytes = p->in.bytes;
		len = p->in.len;
	}
	p->busy = true;
	used = deliver(p, bytes, len);
	p->busy = false;
	if (used < 0)
		return (int)used;
	if (!half)
		return (size_t)used < len ? buffer_add(&p->in, bytes + used, len - (size_t)used)
					  : 0;
	if (used > 0)
		buffer_drop(&p->in, (size_t)used);
	return 0;
}

/* The proxy speaks, and then the upstream.  Returns 0 or an error. */
static int conn_shake(struct conn *p, const uint8_t *bytes, size_t len)
{
	struct socks_out say;
	struct why why;
	size_t used;
	int err = socks_feed(&p->socks, bytes, len, &used, &say, &why);

	if (err < 0) {
		proxy_failed(p, why.text);
		return err;
	}
	if (err == 0)
		return buffer_add(&p->out, say.bytes, say.len);
	p->shakes = false;
	p->owner->n_opened++;
	err = conn_ask(p);
	return err < 0 ? err : conn_feed(p, bytes + used, len - used);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *p = arg;
	struct carrier_tcp *c = p->owner;
	int err = 0;

	if ((what & EV_READ) != 0) {
		ssize_t got = recv(fd, c->read, sizeof(c->read), 0);

		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
			conn_ended(p, got);
			return;
		}
		if (got > 0)
			err = p->shakes ? conn_shake(p, c->read, (size_t)got)
					: conn_feed(p, c->read, (size_t)got);
	}
	if (err == 0)
		err = conn_write(p);
	if (err == ERR_SYS)
		conn_ended(p, -1);
	else if (err < 0)
		conn_fail(p);
	else if (p->spent && p->n_ports == 0)
		conn_close(p);
}

/* ---- for the core ---- */

/* A place for a new connection: one without, or whose connection has been idle longest. */
static struct conn *conn_spare(struct carrier_tcp *c)
{
	struct conn *idle = NULL;

	for (unsigned i = 0; i < CARRIER_TCP_MAX; i++) {
		struct conn *p = &c->conns[i];

		if (p->n_ports > 0 || p->busy)
			continue;
		if (p->fd < 0)
			return p;
		if (idle == NULL || p->idle_ms < idle->idle_ms)
			idle = p;
	}
	if (idle != NULL)
		conn_close(idle);
	return idle;
}

int carrier_tcp_port(struct carrier_tcp *c, const union addr *to, uint32_t *port)
{
	struct conn *best = NULL, *spare = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < CARRIER_TCP_MAX; i++) {
		struct conn *p = &c->conns[i];

		if ((p->fd < 0 && p->n_ports == 0) || !addr_equal(&p->to, to))
			continue;
		n++;
		if (!p->spent && (best == NULL || p->n_ports < best->n_ports))
			best = p;
	}
	if (best == NULL || (best->n_ports > 0 && n < CARRIER_TCP_EACH))
		spare = conn_spare(c);
	if (spare != NULL) {
		best = spare;
		best->to = *to;
		best->spent = false;
	}
	if (best == NULL || best->n_ports >= CARRIER_TCP_DEPTH)
		return ERR_LIMIT;
	best->n_ports++;
	*port = (uint32_t)(best - c->conns);
	return 0;
}

/* What is asked on `p` from now on; NULL: no memory. */
static struct asked *await(struct conn *p, uint32_t try, const uint8_t *msg, size_t len)
{
	struct carrier_tcp *c = p->owner;
	struct asked *a = c->unused;
	uint8_t head[2];

	if (a != NULL)
		LL_DELETE(c->unused, a);
	else
		a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	DL_APPEND(p->asked, a);
	a->try = try;
	a->frame.len = 0;
	msg_set_u16(head, (unsigned)len);
	if (buffer_reserve(&a->frame, FRAME_KEPT) < 0 || buffer_add(&a->frame, head, 2) < 0 ||
	    buffer_add(&a->frame, msg, len) < 0) {
		forget(c, &p->asked, a);
		return NULL;
	}
	return a;
}

int carrier_tcp_ask(
    struct carrier_tcp *c, const struct query_try *try, const uint8_t *msg, size_t len)
{
	struct conn *p = &c->conns[try->port];
	struct asked *a;

	if (len > MSG_MAX)
		return ERR_RANGE;
	if (p->fd < 0 && conn_open(p) < 0)
		return ERR_SYS;
	a = await(p, try->try, msg, len);
	if (a != NULL && (p->shakes || (buffer_add(&p->out, a->frame.bytes, a->frame.len) == 0 &&
					   (p->writes || conn_watch(p, true) == 0))))
		return 0;
	p->spent = true;
	if (a != NULL)
		forget(c, &p->asked, a);
	return ERR_NOMEM;
}

void carrier_tcp_done(struct carrier_tcp *c, const struct query_try *try)
{
	struct conn *p = &c->conns[try->port];
	struct asked *a = find(p->asked, try->try), *failing = find(c->failing, try->try);

	if (failing != NULL)
		forget(c, &c->failing, failing);
	if (a != NULL)
		forget(c, &p->asked, a);
	/* Given up: the upstream, or the way to it, may be stuck. */
	if (a != NULL && !p->busy) {
		if (p->shakes && !p->spent)
			proxy_late(p);
		p->spent = true;
	}
	if (--p->n_ports > 0)
		return;
	if (p->spent && !p->busy) {
		conn_close(p);
	} else if (p->fd >= 0) {
		p->idle_ms = clock_ms();
		if (!evtimer_pending(&c->sweep, NULL))
			timer_start(&c->sweep, CARRIER_TCP_IDLE_MS);
	}
}

void carrier_tcp_renew(struct carrier_tcp *c)
{
	for (struct conn *p = c->conns; p < c->conns + CARRIER_TCP_MAX; p++) {
		p->spent = true;
		if (p->n_ports == 0)
			conn_close(p);
	}
}

void carrier_tcp_set_proxies(struct carrier_tcp *c, const struct options *options)
{
	struct proxied proxied[OPTIONS_SERVERS_MAX];
	unsigned n = 0;

	memset(proxied, 0, sizeof(proxied));
	for (unsigned i = 0; i < options->n_upstream + options->n_forward; i++) {
		if (options->proxy[i] == 0)
			continue;
		proxied[n].to = options->upstream[i];
		proxied[n++].proxy = options->proxies[options->proxy[i] - 1];
	}
	/* Both were zeroed, gaps and all, before they were filled. */
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
	if (memcmp(proxied, c->proxied, sizeof(proxied)) == 0)
		return;
	memcpy(c->proxied, proxied, sizeof(proxied));
	c->n_proxied = n;
	carrier_tcp_renew(c);
}

void carrier_tcp_stats(const struct carrier_tcp *c, struct stats *stats)
{
	stats->proxy_opened = c->n_opened;
	stats->proxy_failed = c->n_failed;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct carrier_tcp *c = arg;
	uint64_t now_ms = clock_ms(), first_ms = UINT64_MAX;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < CARRIER_TCP_MAX; i++) {
		struct conn *p = &c->conns[i];

		if (p->fd < 0 || p->n_ports > 0)
			continue;
		if (now_ms - p->idle_ms >= CARRIER_TCP_IDLE_MS)
			conn_close(p);
		else if (p->idle_ms < first_ms)
			first_ms = p->idle_ms;
	}
	if (first_ms != UINT64_MAX)
		timer_start(&c->sweep, first_ms + CARRIER_TCP_IDLE_MS - now_ms);
}

struct carrier_tcp *carrier_tcp_new(struct event_base *base)
{
	struct carrier_tcp *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->base = base;
	for (unsigned i = 0; i < CARRIER_TCP_MAX; i++) {
		c->conns[i].owner = c;
		c->conns[i].fd = -1;
	}
	if (evtimer_assign(&c->sweep, base, on_sweep, c) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

void carrier_tcp_set_core(struct carrier_tcp *c, struct query *core)
{
	c->core = core;
}

void carrier_tcp_free(struct carrier_tcp *c)
{
	struct asked *a, *next;

	if (c == NULL)
		return;
	for (unsigned i = 0; i < CARRIER_TCP_MAX; i++) {
		struct conn *p = &c->conns[i];

		conn_close(p);
		while (p->asked != NULL)
			forget(c, &p->asked, p->asked);
	}
	LL_FOREACH_SAFE(c->unused, a, next)
	{
		buffer_free(&a->frame);
		free(a);
	}
	event_del(&c->sweep);
	free(c);
}
