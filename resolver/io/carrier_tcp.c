/* carrier_tcp.c - one connection for one question. */
#include "resolver/io/carrier_tcp.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"

#define HEADER_SIZE 12

/* What is to be written, then what is read: bytes[0..done) of len are through. */
struct frame {
	uint8_t *bytes;
	size_t done, len;
};

struct place {
	struct carrier_tcp *owner;
	struct event ready; /* to write, then to read */
	struct query_try try;
	struct frame out, in;
	uint8_t in_len[2];  /* the length field of `in`, whose bytes come with it */
	size_t in_len_done; /* bytes of it */
	int fd;		    /* -1: not connected */
	bool taken;
};

struct carrier_tcp {
	struct event_base *base;
	struct query *core;
	struct place places[CARRIER_TCP_MAX];
};

static void frame_free(struct frame *f)
{
	free(f->bytes);
	*f = (struct frame){0};
}

static void place_close(struct place *p)
{
	if (p->fd < 0)
		return;
	event_del(&p->ready);
	close(p->fd);
	p->fd = -1;
	frame_free(&p->out);
	frame_free(&p->in);
	p->in_len_done = 0;
}

static void place_fail(struct place *p)
{
	uint32_t try = p->try.try;

	place_close(p);
	query_failed(p->owner->core, try, clock_ms());
}

/* 1: written; 0: some is left; or ERR_SYS. */
static int write_frame(struct place *p)
{
	struct frame *out = &p->out;
	ssize_t sent = send(p->fd, out->bytes + out->done, out->len - out->done, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : ERR_SYS;
	out->done += (size_t)sent;
	return out->done == out->len;
}

/* Read on into at[*done..len).  1: it is full; 0: some is missing; ERR_NET: the connection ended;
 * ERR_SYS. */
static int read_some(int fd, uint8_t *at, size_t *done, size_t len)
{
	ssize_t got = recv(fd, at + *done, len - *done, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : ERR_SYS;
	if (got == 0)
		return ERR_NET;
	*done += (size_t)got;
	return *done == len;
}

static int read_frame(struct place *p)
{
	struct frame *in = &p->in;
	int err;

	if (in->bytes == NULL) {
		err = read_some(p->fd, p->in_len, &p->in_len_done, sizeof(p->in_len));
		if (err <= 0)
			return err;
		in->len = (size_t)(p->in_len[0] << 8 | p->in_len[1]);
		if (in->len < HEADER_SIZE)
			return ERR_FORMAT;
		in->bytes = malloc(in->len);
		if (in->bytes == NULL)
			return ERR_NOMEM;
	}
	return read_some(p->fd, in->bytes, &in->done, in->len);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct place *p = arg;
	int got = read_frame(p);
	struct frame in;

	(void)fd;
	(void)what;
	if (got < 0) {
		place_fail(p);
	} else if (got > 0) {
		/* The core may end this try, and even take the place for another, while it reads
		 * the message: so that is ours, and the place is left alone from here on. */
		in = p->in;
		p->in = (struct frame){0};
		p->in_len_done = 0;
		query_reply(p->owner->core, CARRIER_TCP, p->try.port, &p->try.to, in.bytes, in.len,
		    clock_ms());
		frame_free(&in);
	}
}

/* Connected, or not: the first write says which. */
static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct place *p = arg;
	int wrote = write_frame(p);

	(void)what;
	if (wrote < 0) {
		place_fail(p);
	} else if (wrote > 0) {
		event_del(&p->ready);
		if (event_assign(
			&p->ready, p->owner->base, fd, EV_READ | EV_PERSIST, on_readable, p) < 0 ||
		    event_add(&p->ready, NULL) < 0)
			place_fail(p);
	}
}

int carrier_tcp_port(struct carrier_tcp *c, const union addr *to, uint32_t *port)
{
	(void)to;
	for (uint32_t i = 0; i < CARRIER_TCP_MAX; i++) {
		if (!c->places[i].taken) {
			c->places[i].taken = true;
			*port = i;
			return 0;
		}
	}
	return ERR_LIMIT;
}

static int fill_out(struct frame *out, const uint8_t *msg, size_t len)
{
	if (len > 65535)
		return ERR_RANGE;
	out->bytes = malloc(2 + len);
	if (out->bytes == NULL)
		return ERR_NOMEM;
	out->bytes[0] = (uint8_t)(len >> 8);
	out->bytes[1] = (uint8_t)len;
	memcpy(out->bytes + 2, msg, len);
	out->len = 2 + len;
	return 0;
}

int carrier_tcp_ask(
    struct carrier_tcp *c, const struct query_try *try, const uint8_t *msg, size_t len)
{
	struct place *p = &c->places[try->port];
	const int on = 1;
	int err = fill_out(&p->out, msg, len);
	int fd;

	if (err < 0)
		return err;
	err = ERR_SYS;
	fd = socket(try->to.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto fail;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, &try->to.sa, addr_len(&try->to)) < 0 && errno != EINPROGRESS)
		goto fail;
	err = ERR_NOMEM;
	if (event_assign(&p->ready, c->base, fd, EV_WRITE | EV_PERSIST, on_writable, p) < 0 ||
	    event_add(&p->ready, NULL) < 0)
		goto fail;
	p->fd = fd;
	p->try = *try;
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	frame_free(&p->out);
	return err;
}

void carrier_tcp_done(struct carrier_tcp *c, const struct query_try *try)
{
	struct place *p = &c->places[try->port];

	place_close(p);
	p->taken = false;
}

struct carrier_tcp *carrier_tcp_new(struct event_base *base)
{
	struct carrier_tcp *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->base = base;
	for (unsigned i = 0; i < CARRIER_TCP_MAX; i++) {
		c->places[i].owner = c;
		c->places[i].fd = -1;
	}
	return c;
}

void carrier_tcp_set_core(struct carrier_tcp *c, struct query *core)
{
	c->core = core;
}

void carrier_tcp_free(struct carrier_tcp *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < CARRIER_TCP_MAX; i++)
		place_close(&c->places[i]);
	free(c);
}
