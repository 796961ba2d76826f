/* carrier_udp.c - pools of ports, and what goes out through them. */
#include "resolver/io/carrier_udp.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "resolver/io/timer.h"

#define DRAWS	      8 /* of a place, when the one drawn cannot be used */
#define BINDS	      8 /* of a port, when the one drawn is taken */
#define PORT_MIN      1024
#define SWEEP_MS      (CARRIER_UDP_AGE_MS / 4)
#define DATAGRAM_SIZE 65535
#define BATCH	      16			/* replies read for one wake-up of a port */
#define READY_MAX     64			/* ports for one wake-up */
#define QUEUE	      64			/* messages that wait for the flush */
#define POOLS	      (2 * OPTIONS_SERVERS_MAX) /* while upstreams change there are those before, too */
#define PLACE_BITS    10			/* of a handle; above it is the pool's number */

_Static_assert(CARRIER_UDP_PORTS <= 1 << PLACE_BITS, "a place's number fits its handle");

struct place {
	struct pool *pool;
	uint64_t opened_ms;
	int fd; /* -1: not open */
	uint32_t handle;
	uint32_t awaited; /* questions whose reply may come */
	uint32_t queued;  /* of these, those that wait for the flush */
	uint16_t uses;
};

struct pool {
	struct carrier_udp *owner;
	union addr to;
	uint32_t n_open;
	struct place *shared; /* what was drawn since the last flush, ... */
	unsigned n_shared;    /* ... and for how many questions */
	struct place *places; /* n_places of them; NULL: this pool was never used */
};

/* A message that waits for the flush. */
struct queued {
	struct place *place;
	uint32_t try;
	int error; /* what the network said; 0: not sent yet */
	struct iovec iov;
	uint8_t msg[CARRIER_UDP_ASK_MAX];
};

struct carrier_udp {
	struct rng *rng;
	struct query *core;
	struct event sweep;
	/* The open ports, in a set of their own: the loop would allocate for each new descriptor. */
	int ports;
	struct event readable; /* one of them */
	uint32_t n_places;     /* of each pool */
	uint32_t n_open, open_max;
	unsigned n_pools; /* that were ever used */
	struct pool pools[POOLS];
	struct place
	    *places; /* of all pools; only as many of them are memory as belong to used ones */
	unsigned n_queued;
	struct queued queue[QUEUE];
	struct mmsghdr out[QUEUE], in[BATCH];
	struct iovec in_iov[BATCH];
	/* Only as much of it is memory as was ever received. */
	uint8_t datagrams[BATCH][DATAGRAM_SIZE];
};

static struct place *place_of(struct carrier_udp *c, uint32_t handle)
{
	return &c->pools[handle >> PLACE_BITS].places[handle & ((1u << PLACE_BITS) - 1)];
}

static bool place_is_spent(const struct place *p, uint64_t now_ms)
{
	return p->uses >= CARRIER_UDP_USES || now_ms - p->opened_ms >= CARRIER_UDP_AGE_MS;
}

static void place_close(struct place *p)
{
	close(p->fd); /* which takes it out of the set */
	p->fd = -1;
	p->pool->n_open--;
	p->pool->owner->n_open--;
}

/* ---- in ---- */

static void place_read(struct place *p, uint64_t now_ms)
{
	struct carrier_udp *c = p->pool->owner;
	const union addr from = p->pool->to;
	uint32_t handle = p->handle;
	/* More than is awaited would be a look in vain. */
	unsigned want = p->awaited > 1 ? p->awaited : 1;
	int n = recvmmsg(p->fd, c->in, want < BATCH ? want : BATCH, MSG_DONTWAIT, NULL);

	if (n < 0 && errno == ECONNREFUSED) {
		/* Nobody listens there.  Closed when its questions are done with. */
		p->uses = CARRIER_UDP_USES;
		query_refused(c->core, CARRIER_UDP, handle, now_ms);
	}
	for (int i = 0; i < n; i++)
		query_reply(
		    c->core, CARRIER_UDP, handle, &from, c->datagrams[i], c->in[i].msg_len, now_ms);
}

/* One batch of each: the loop comes back for more, and no port can keep the others waiting. */
static void on_readable(evutil_socket_t ports, short what, void *arg)
{
	struct epoll_event ready[READY_MAX];
	uint64_t now_ms = clock_ms();
	int n = epoll_wait(ports, ready, READY_MAX, 0);

	(void)what;
	(void)arg;
	for (int i = 0; i < n; i++) {
		struct place *p = ready[i].data.ptr;

		/* What one reply ends may have closed the port of the next. */
		if (p->fd >= 0)
			place_read(p, now_ms);
	}
}

/* ---- places ---- */

/* A port of our own drawing; where it is taken again and again, one of the kernel's. */
static int bind_random(int fd, sa_family_t family, struct rng *rng)
{
	union addr any = {0};
	unsigned tries = 0;
	int failed;

	any.sa.sa_family = family;
	do {
		uint16_t port =
		    tries < BINDS ? (uint16_t)(PORT_MIN + rng_below(rng, 65536 - PORT_MIN)) : 0;

		/* The port lies at the same place in both kinds of address. */
		any.in4.sin_port = htons(port);
		failed = bind(fd, &any.sa, addr_len(&any));
	} while (failed && (errno == EADDRINUSE || errno == EACCES) && tries++ < BINDS);
	return failed ? ERR_SYS : 0;
}

static int place_open(struct place *p, uint64_t now_ms)
{
	struct pool *pool = p->pool;
	struct carrier_udp *c = pool->owner;
	const union timer_wait sweep = timer_wait(SWEEP_MS);
	struct epoll_event readable = {.events = EPOLLIN, .data.ptr = p};
	sa_family_t family = pool->to.sa.sa_family;
	const int on = 1;
	int err = ERR_SYS;
	int fd;

	if (c->n_open >= c->open_max)
		return ERR_SYS;
	fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_SYS;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		goto fail;
	err = bind_random(fd, family, c->rng);
	if (err < 0)
		goto fail;
	err = ERR_SYS;
	if (connect(fd, &pool->to.sa, addr_len(&pool->to)) < 0 ||
	    epoll_ctl(c->ports, EPOLL_CTL_ADD, fd, &readable) < 0)
		goto fail;
	p->fd = fd;
	p->uses = 0;
	p->opened_ms = now_ms;
	pool->n_open++;
	if (c->n_open++ == 0)
		event_add(&c->sweep, &sweep.tv);
	return 0;
fail:
	close(fd);
	return err;
}

/* Close what is spent and not awaited, so that a port is never open for long: an attacker would
 * find it. */
static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct carrier_udp *c = arg;
	uint64_t now_ms = clock_ms();

	(void)fd;
	(void)what;
	for (struct pool *pool = c->pools; pool < c->pools + POOLS; pool++) {
		for (uint32_t i = 0; i < c->n_places && pool->n_open > 0; i++) {
			struct place *p = &pool->places[i];

			if (p->fd >= 0 && p->awaited == 0 && place_is_spent(p, now_ms))
				place_close(p);
		}
	}
	if (c->n_open == 0)
		event_del(&c->sweep);
}

/* ---- pools ---- */

static void pool_start(struct carrier_udp *c, struct pool *pool, const union addr *to)
{
	const unsigned number = (unsigned)(pool - c->pools);

	if (c->n_pools <= number)
		c->n_pools = number + 1;
	pool->owner = c;
	pool->to = *to;
	pool->shared = NULL;
	pool->places = c->places + (size_t)number * c->n_places;
	for (uint32_t i = 0; i < c->n_places; i++)
		pool->places[i] = (struct place){
		    .pool = pool,
		    .fd = -1,
		    .handle = (uint32_t)(pool - c->pools) << PLACE_BITS | i,
		};
}

/* The pool of upstream `to`; where it has none yet, one that is not in use becomes its own. */
static int find_pool(struct carrier_udp *c, const union addr *to, struct pool **found)
{
	struct pool *idle = NULL;

	for (struct pool *pool = c->pools; pool < c->pools + POOLS; pool++) {
		if (pool->places != NULL && addr_equal(&pool->to, to)) {
			*found = pool;
			return 0;
		}
		if (idle == NULL && pool->n_open == 0)
			idle = pool;
	}
	if (idle == NULL)
		return ERR_SYS;
	pool_start(c, idle, to);
	*found = idle;
	return 0;
}

/* A place of the pool that is open, whichever; NULL: there is none. */
static struct place *any_open(const struct carrier_udp *c, const struct pool *pool)
{
	uint32_t first = rng_below(c->rng, c->n_places);

	for (uint32_t i = 0; i < c->n_places && pool->n_open > 0; i++) {
		struct place *p = &pool->places[(first + i) % c->n_places];

		if (p->fd >= 0)
			return p;
	}
	return NULL;
}

static int draw(struct carrier_udp *c, struct pool *pool, uint64_t now_ms, struct place **drawn)
{
	int err = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		struct place *p = &pool->places[rng_below(c->rng, c->n_places)];

		if (p->fd >= 0 && place_is_spent(p, now_ms)) {
			/* Let its last replies come in; but rather a worn port than none. */
			if (p->awaited > 0 && i < DRAWS - 1)
				continue;
			if (p->awaited == 0)
				place_close(p);
		}
		err = p->fd >= 0 ? 0 : place_open(p, now_ms);
		*drawn = p;
		if (err == 0)
			return 0;
	}
	*drawn = any_open(c, pool);
	return *drawn != NULL ? 0 : err;
}

int carrier_udp_port(struct carrier_udp *c, const union addr *to, uint32_t *port)
{
	uint64_t now_ms = clock_ms();
	struct place *p;
	struct pool *pool;
	int err = find_pool(c, to, &pool);

	if (err < 0)
		return err;
	p = pool->shared;
	if (p == NULL || p->fd < 0 || pool->n_shared >= CARRIER_UDP_SHARE ||
	    place_is_spent(p, now_ms)) {
		err = draw(c, pool, now_ms, &p);
		if (err < 0)
			return err;
		pool->shared = p;
		pool->n_shared = 0;
	}
	pool->n_shared++;
	p->awaited++;
	if (p->uses < UINT16_MAX)
		p->uses++;
	*port = p->handle;
	return 0;
}

/* ---- out ---- */

/* Send the first messages of the queue that have one place; returns how many, 0 where the first could
 * not be sent: then errno says why. */
static unsigned send_run(struct carrier_udp *c, const struct queued *first, unsigned n)
{
	unsigned run = 0;
	int sent;

	for (; run < n && first[run].place == first->place; run++)
		c->out[run].msg_hdr = (struct msghdr){
		    .msg_iov = (struct iovec *)(uintptr_t)&first[run].iov,
		    .msg_iovlen = 1,
		};
	do
		sent = sendmmsg(first->place->fd, c->out, run, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent > 0 ? (unsigned)sent : 0;
}

/* Send what is in the queue; only what the network refused stays there, with its error. */
static void send_queued(struct carrier_udp *c)
{
	unsigned n = c->n_queued, kept = 0;

	for (unsigned at = 0; at < n;) {
		struct queued *first = &c->queue[at];
		unsigned sent = first->error == 0 ? send_run(c, first, n - at) : 0;

		for (unsigned i = 0; i < sent; i++)
			c->queue[at + i].place->queued--;
		at += sent;
		if (sent > 0)
			continue;
		if (first->error == 0)
			first->error = errno;
		if (kept != at) {
			c->queue[kept] = *first;
			c->queue[kept].iov.iov_base = c->queue[kept].msg;
		}
		kept++;
		at++;
	}
	c->n_queued = kept;
}

int carrier_udp_ask(
    struct carrier_udp *c, const struct query_try *try, const uint8_t *msg, size_t len)
{
	struct queued *queued;

	if (len > CARRIER_UDP_ASK_MAX)
		return ERR_RANGE;
	if (c->n_queued == QUEUE)
		send_queued(c);
	if (c->n_queued == QUEUE)
		return ERR_SYS;
	queued = &c->queue[c->n_queued++];
	queued->place = place_of(c, try->port);
	queued->place->queued++;
	queued->try = try->try;
	queued->error = 0;
	queued->iov = (struct iovec){.iov_base = queued->msg, .iov_len = len};
	memcpy(queued->msg, msg, len);
	return 0;
}

/* Take message `at` out of the queue. */
static void drop_queued(struct carrier_udp *c, unsigned at)
{
	c->queue[at].place->queued--;
	c->n_queued--;
	for (; at < c->n_queued; at++) {
		c->queue[at] = c->queue[at + 1];
		c->queue[at].iov.iov_base = c->queue[at].msg;
	}
}

void carrier_udp_done(struct carrier_udp *c, const struct query_try *try)
{
	struct place *p = place_of(c, try->port);

	for (unsigned i = 0; i < c->n_queued && p->queued > 0; i++)
		if (c->queue[i].place == p && c->queue[i].try == try->try)
			drop_queued(c, i);
	if (--p->awaited == 0 && p->uses >= CARRIER_UDP_USES)
		place_close(p);
}

void carrier_udp_flush(struct carrier_udp *c)
{
	for (unsigned i = 0; i < c->n_pools; i++)
		c->pools[i].shared = NULL;
	/* The core may ask elsewhere for each that failed; it tries no server for ever. */
	for (send_queued(c); c->n_queued > 0; send_queued(c)) {
		const struct queued *failed = &c->queue[c->n_queued - 1];
		struct place *p = failed->place;
		uint32_t try = failed->try;
		bool refused = failed->error == ECONNREFUSED;

		drop_queued(c, c->n_queued - 1);
		if (refused) {
			p->uses = CARRIER_UDP_USES;
			query_refused(c->core, CARRIER_UDP, p->handle, clock_ms());
		} else {
			query_failed(c->core, try, clock_ms());
		}
	}
}

void carrier_udp_renew(struct carrier_udp *c)
{
	for (struct pool *pool = c->pools; pool < c->pools + c->n_pools; pool++) {
		pool->shared = NULL;
		for (uint32_t i = 0; i < c->n_places && pool->n_open > 0; i++) {
			struct place *p = &pool->places[i];

			p->uses = CARRIER_UDP_USES;
			if (p->fd >= 0 && p->awaited == 0)
				place_close(p);
		}
	}
}

/* ---- the whole ---- */

/* Half of all descriptors are for ports; the pools of two upstreams may fill up. */
static void share_descriptors(struct carrier_udp *c)
{
	struct rlimit files;

	c->n_places = CARRIER_UDP_PORTS;
	c->open_max = POOLS * CARRIER_UDP_PORTS;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	if (files.rlim_cur / 2 < c->open_max)
		c->open_max = files.rlim_cur >= 4 ? (uint32_t)(files.rlim_cur / 2) : 2;
	if (c->open_max / 2 >= c->n_places)
		return;
	c->n_places = c->open_max / 2;
	log_warning("udp-ports",
	    "only %u ports to ask from, not %u: %llu descriptors are allowed (LimitNOFILE)",
	    c->n_places, CARRIER_UDP_PORTS, (unsigned long long)files.rlim_cur);
}

struct carrier_udp *carrier_udp_new(struct event_base *base, struct rng *rng)
{
	struct carrier_udp *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->rng = rng;
	share_descriptors(c);
	c->ports = epoll_create1(EPOLL_CLOEXEC);
	c->places = calloc((size_t)POOLS * c->n_places, sizeof(*c->places));
	for (unsigned i = 0; i < BATCH; i++) {
		c->in_iov[i] = (struct iovec){c->datagrams[i], DATAGRAM_SIZE};
		c->in[i].msg_hdr = (struct msghdr){.msg_iov = &c->in_iov[i], .msg_iovlen = 1};
	}
	if (c->ports >= 0 && c->places != NULL &&
	    event_assign(&c->sweep, base, -1, EV_PERSIST, on_sweep, c) == 0 &&
	    event_assign(&c->readable, base, c->ports, EV_READ | EV_PERSIST, on_readable, c) == 0 &&
	    event_add(&c->readable, NULL) == 0)
		return c;
	if (c->ports >= 0)
		close(c->ports);
	free(c->places);
	free(c);
	return NULL;
}

void carrier_udp_set_core(struct carrier_udp *c, struct query *core)
{
	c->core = core;
}

void carrier_udp_free(struct carrier_udp *c)
{
	if (c == NULL)
		return;
	for (struct pool *pool = c->pools; pool < c->pools + POOLS; pool++) {
		for (uint32_t i = 0; i < c->n_places && pool->n_open > 0; i++)
			if (pool->places[i].fd >= 0)
				place_close(&pool->places[i]);
	}
	event_del(&c->sweep);
	event_del(&c->readable);
	close(c->ports);
	free(c->places);
	free(c);
}
