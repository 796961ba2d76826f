/* carrier_udp.c - the pool of ports. */
#include "resolver/io/carrier_udp.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

#define DRAWS	      8 /* of a place, when the one drawn cannot be used */
#define BINDS	      8 /* of a port, when the one drawn is taken */
#define PORT_MIN      1024
#define SWEEP_MS      (CARRIER_UDP_AGE_MS / 4)
#define DATAGRAM_SIZE 65535
#define PLACE_IP6     0x10000u /* in a handle: of the second pool */

struct place {
	struct carrier_udp *owner;
	struct event readable;
	uint64_t opened_ms;
	int fd; /* -1: not open */
	uint32_t handle;
	uint32_t awaited; /* questions whose reply may come */
	uint16_t uses;
};

struct carrier_udp {
	struct event_base *base;
	struct rng *rng;
	struct query *core;
	struct event sweep;
	uint32_t n_places; /* of each family */
	uint32_t n_open;
	struct place ip4[CARRIER_UDP_PORTS];
	struct place ip6[CARRIER_UDP_PORTS];
	uint8_t datagram[DATAGRAM_SIZE];
};

static struct place *place_of(struct carrier_udp *c, uint32_t handle)
{
	return (handle & PLACE_IP6) != 0 ? &c->ip6[handle & ~PLACE_IP6] : &c->ip4[handle];
}

static bool place_is_spent(const struct place *p, uint64_t now_ms)
{
	return p->uses >= CARRIER_UDP_USES || now_ms - p->opened_ms >= CARRIER_UDP_AGE_MS;
}

static void place_close(struct place *p)
{
	event_del(&p->readable);
	close(p->fd);
	p->fd = -1;
	p->owner->n_open--;
}

/* One datagram for each wake-up: the loop comes back for more, and no port can keep the others
 * waiting. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct place *p = arg;
	struct carrier_udp *c = p->owner;
	union addr from = {0};
	socklen_t from_len = sizeof(from);
	ssize_t len =
	    recvfrom(fd, c->datagram, sizeof(c->datagram), MSG_DONTWAIT, &from.sa, &from_len);

	(void)what;
	if (len >= 0)
		query_reply(
		    c->core, CARRIER_UDP, p->handle, &from, c->datagram, (size_t)len, clock_ms());
}

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

static int place_open(struct place *p, sa_family_t family, uint64_t now_ms)
{
	struct carrier_udp *c = p->owner;
	const struct timeval sweep = {.tv_sec = SWEEP_MS / 1000};
	const int on = 1;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = ERR_SYS;

	if (fd < 0)
		return ERR_SYS;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		goto fail;
	err = bind_random(fd, family, c->rng);
	if (err < 0)
		goto fail;
	err = ERR_NOMEM;
	if (event_assign(&p->readable, c->base, fd, EV_READ | EV_PERSIST, on_readable, p) < 0 ||
	    event_add(&p->readable, NULL) < 0)
		goto fail;
	p->fd = fd;
	p->uses = 0;
	p->opened_ms = now_ms;
	if (c->n_open++ == 0)
		event_add(&c->sweep, &sweep);
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
	for (uint32_t i = 0; i < 2 * c->n_places; i++) {
		struct place *p = i % 2 == 0 ? &c->ip4[i / 2] : &c->ip6[i / 2];

		if (p->fd >= 0 && p->awaited == 0 && place_is_spent(p, now_ms))
			place_close(p);
	}
	if (c->n_open == 0)
		event_del(&c->sweep);
}

int carrier_udp_port(struct carrier_udp *c, const union addr *to, uint32_t *port)
{
	struct place *places = to->sa.sa_family == AF_INET6 ? c->ip6 : c->ip4;
	struct place *p = NULL;
	uint64_t now_ms = clock_ms();
	int err = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		p = &places[rng_below(c->rng, c->n_places)];
		if (p->fd >= 0 && place_is_spent(p, now_ms)) {
			/* Let its last replies come in; but rather a worn port than none. */
			if (p->awaited > 0 && i < DRAWS - 1)
				continue;
			if (p->awaited == 0)
				place_close(p);
		}
		err = p->fd >= 0 ? 0 : place_open(p, to->sa.sa_family, now_ms);
		if (err == 0)
			break;
	}
	if (err < 0)
		return err;
	p->awaited++;
	if (p->uses < UINT16_MAX)
		p->uses++;
	*port = p->handle;
	return 0;
}

int carrier_udp_ask(
    struct carrier_udp *c, const struct query_try *try, const uint8_t *msg, size_t len)
{
	const struct place *p = place_of(c, try->port);
	ssize_t sent;

	do
		sent = sendto(
		    p->fd, msg, len, MSG_DONTWAIT | MSG_NOSIGNAL, &try->to.sa, addr_len(&try->to));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? ERR_SYS : 0;
}

void carrier_udp_done(struct carrier_udp *c, const struct query_try *try)
{
	struct place *p = place_of(c, try->port);

	if (--p->awaited == 0 && p->uses >= CARRIER_UDP_USES)
		place_close(p);
}

static uint32_t places_allowed(void)
{
	struct rlimit files;
	uint32_t n = CARRIER_UDP_PORTS;

	/* Two families: half of all descriptors. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 4 < n) {
		n = (uint32_t)(files.rlim_cur / 4);
		if (n == 0)
			n = 1;
		log_warning("udp-ports",
		    "only %u ports to ask from, not %u: %llu descriptors are allowed (LimitNOFILE)",
		    n, CARRIER_UDP_PORTS, (unsigned long long)files.rlim_cur);
	}
	return n;
}

static void place_init(struct carrier_udp *c, struct place *p, uint32_t handle)
{
	p->owner = c;
	p->handle = handle;
	p->fd = -1;
}

struct carrier_udp *carrier_udp_new(struct event_base *base, struct rng *rng)
{
	struct carrier_udp *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->base = base;
	c->rng = rng;
	c->n_places = places_allowed();
	for (uint32_t i = 0; i < CARRIER_UDP_PORTS; i++) {
		place_init(c, &c->ip4[i], i);
		place_init(c, &c->ip6[i], PLACE_IP6 | i);
	}
	if (event_assign(&c->sweep, base, -1, EV_PERSIST, on_sweep, c) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

void carrier_udp_set_core(struct carrier_udp *c, struct query *core)
{
	c->core = core;
}

void carrier_udp_free(struct carrier_udp *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < CARRIER_UDP_PORTS; i++) {
		if (c->ip4[i].fd >= 0)
			place_close(&c->ip4[i]);
		if (c->ip6[i].fd >= 0)
			place_close(&c->ip6[i]);
	}
	event_del(&c->sweep);
	free(c);
}
