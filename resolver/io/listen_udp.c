/* listen_udp.c - batches of queries in, batches of answers out. */

#include "resolver/io/listen_udp.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"

#define SOCKETS_MAX (2 * CONF_LISTEN_MAX)
#define BATCH	    QUERY_TOGETHER /* datagrams for one system call */
#define BATCHES_MAX 4		   /* for one wake-up, so that timers and TCP have their turn */
#define DATAGRAM    4096
#define HELD_SIZE   65536 /* bytes of answers that go out at once */

/* Room for the local address of a datagram, of either family. */
struct control {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

_Static_assert(sizeof(struct in_pktinfo) <= sizeof(struct in6_pktinfo), "IPv6 takes more room");

/* A datagram and its answer. */
struct exchange {
	union addr from;
	struct control in_control, out_control;
	struct iovec in_iov, out_iov;
	uint8_t query[DATAGRAM];
	uint8_t answer[DATAGRAM];
};

/* An answer that had to wait, on its way out. */
struct held {
	union addr to;
	struct control control;
	struct iovec iov;
};

struct udp_socket {
	struct listen_udp *owner;
	struct event readable;
	int fd; /* -1: this place is free */
	bool wildcard;
};

struct listen_udp {
	struct event_base *base;
	struct query *core;
	struct udp_socket sockets[SOCKETS_MAX];
	struct mmsghdr in[BATCH], out[BATCH];
	struct exchange exchanges[BATCH];
	struct query_message messages[BATCH];
	/* Answers for listen_udp_flush(), all of one listener. */
	struct mmsghdr held_out[BATCH];
	struct held held[BATCH];
	uint8_t held_bytes[HELD_SIZE];
	size_t held_len;
	unsigned n_held;
	uint16_t held_listener;
};

/* The address and interface that a datagram came to. */
static void read_local(struct msghdr *hdr, struct query_asker *asker)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c != NULL; c = CMSG_NXTHDR(hdr, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			asker->local.in4.sin_family = AF_INET;
			/* Not ipi_addr: that may be a broadcast address, which cannot answer. */
			asker->local.in4.sin_addr = info.ipi_spec_dst;
			asker->local_ifindex = (uint32_t)info.ipi_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			asker->local.in6.sin6_family = AF_INET6;
			asker->local.in6.sin6_addr = info.ipi6_addr;
			asker->local_ifindex = info.ipi6_ifindex;
		}
	}
}

static void put_control(
    struct msghdr *hdr, struct control *control, int level, int type, const void *info, size_t len)
{
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	hdr->msg_control = control;
	hdr->msg_controllen = CMSG_SPACE(len);
	c = CMSG_FIRSTHDR(hdr);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
}

/* Send from the address that was asked.  The interface is left to the routing table, which knows
 * the way back better than the way in did; only a link-local address means nothing without it. */
static void write_local(struct msghdr *hdr, struct control *control, const struct query_asker *to)
{
	if (to->local.sa.sa_family == AF_INET) {
		struct in_pktinfo info = {.ipi_spec_dst = to->local.in4.sin_addr};

		put_control(hdr, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (to->local.sa.sa_family == AF_INET6) {
		struct in6_pktinfo info = {.ipi6_addr = to->local.in6.sin6_addr};

		if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			info.ipi6_ifindex = to->local_ifindex;
		put_control(hdr, control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

static void log_lost(const struct msghdr *hdr)
{
	const char *reason = strerror(errno);
	char text[ADDR_TEXT_SIZE];

	log_debug("udp-send", "answer to %s lost: %s", addr_format(hdr->msg_name, text), reason);
}

/* Clients ask again, so an answer that cannot be sent now is dropped, and those behind it are
 * not. */
static void send_batch(int fd, struct mmsghdr *out, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		int sent = sendmmsg(fd, out + done, n - done, MSG_DONTWAIT);

		if (sent > 0) {
			done += (unsigned)sent;
		} else if (sent == 0 || errno != EINTR) {
			log_lost(&out[done].msg_hdr);
			done++;
		}
	}
}

/* Make the first n places for datagrams ready: a datagram has overwritten what is said of its own. */
static void prepare_receive(struct listen_udp *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct msghdr *hdr = &l->in[i].msg_hdr;

		hdr->msg_namelen = sizeof(l->exchanges[i].from);
		hdr->msg_controllen = sizeof(l->exchanges[i].in_control);
	}
}

/* Show the first n datagrams, which came to `s`, to the core.  Returns how many have an answer now: the first
 * of l->out. */
static unsigned ask_core(
    struct listen_udp *l, const struct udp_socket *s, unsigned n, uint64_t now_ms)
{
	struct exchange *asked[BATCH];
	unsigned n_asked = 0, n_out = 0;

	for (unsigned i = 0; i < n; i++) {
		struct exchange *x = &l->exchanges[i];
		struct query_message *m = &l->messages[n_asked];

		if ((l->in[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
			continue;
		*m = (struct query_message){
		    .from = {.from = x->from, .listener = (uint16_t)(s - l->sockets)},
		    .msg = x->query,
		    .len = l->in[i].msg_len,
		    .out = x->answer,
		    .out_size = sizeof(x->answer),
		};
		if (s->wildcard)
			read_local(&l->in[i].msg_hdr, &m->from);
		asked[n_asked++] = x;
	}
	query_ask_all(l->core, l->messages, n_asked, now_ms);
	for (unsigned i = 0; i < n_asked; i++) {
		const struct query_message *m = &l->messages[i];
		struct exchange *x = asked[i];
		struct msghdr *out = &l->out[n_out].msg_hdr;

		if (m->answer_len == 0)
			continue;
		n_out++;
		x->out_iov = (struct iovec){.iov_base = x->answer, .iov_len = m->answer_len};
		*out = (struct msghdr){
		    .msg_name = &x->from,
		    .msg_namelen = addr_len(&x->from),
		    .msg_iov = &x->out_iov,
		    .msg_iovlen = 1,
		};
		write_local(out, &x->out_control, &m->from);
	}
	return n_out;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct udp_socket *s = arg;
	struct listen_udp *l = s->owner;
	uint64_t begin_ns = clock_ns(), now_ms = begin_ns / CLOCK_NS_PER_MS;

	(void)what;
	for (unsigned batch = 0; batch < BATCHES_MAX; batch++) {
		/* Errors are of no use here: EAGAIN, or what ICMP says of an earlier answer. */
		int n = recvmmsg(fd, l->in, BATCH, MSG_DONTWAIT, NULL);
		unsigned n_out;

		if (n <= 0)
			return;
		n_out = ask_core(l, s, (unsigned)n, now_ms);
		prepare_receive(l, (unsigned)n);
		send_batch(fd, l->out, n_out);
		if (n_out != 0)
			query_sent(l->core, clock_ns() - begin_ns);
		if (n < BATCH)
			return;
	}
}

struct listen_udp *listen_udp_new(struct event_base *base, struct query *core)
{
	struct listen_udp *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->base = base;
	l->core = core;
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		l->sockets[i].owner = l;
		l->sockets[i].fd = -1;
	}
	for (unsigned i = 0; i < BATCH; i++) {
		struct exchange *x = &l->exchanges[i];

		x->in_iov = (struct iovec){.iov_base = x->query, .iov_len = sizeof(x->query)};
		l->in[i].msg_hdr = (struct msghdr){
		    .msg_name = &x->from,
		    .msg_iov = &x->in_iov,
		    .msg_iovlen = 1,
		    .msg_control = &x->in_control,
		};
	}
	prepare_receive(l, BATCH);
	return l;
}

void listen_udp_free(struct listen_udp *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < SOCKETS_MAX; i++)
		listen_udp_remove(l, i);
	free(l);
}

int listen_udp_add(struct listen_udp *l, unsigned index, int fd, const union addr *addr)
{
	struct udp_socket *s;

	if (index >= SOCKETS_MAX || l->sockets[index].fd >= 0) {
		close(fd);
		return ERR_RANGE;
	}
	s = &l->sockets[index];
	if (event_assign(&s->readable, l->base, fd, EV_READ | EV_PERSIST, on_readable, s) < 0 ||
	    event_add(&s->readable, NULL) < 0) {
		close(fd);
		return ERR_NOMEM;
	}
	s->fd = fd;
	s->wildcard = addr_is_wildcard(addr);
	return 0;
}

void listen_udp_remove(struct listen_udp *l, unsigned index)
{
	struct udp_socket *s;

	if (index >= SOCKETS_MAX || l->sockets[index].fd < 0)
		return;
	if (l->held_listener == index)
		listen_udp_flush(l);
	s = &l->sockets[index];
	event_del(&s->readable);
	close(s->fd);
	s->fd = -1;
}

void listen_udp_flush(struct listen_udp *l)
{
	const struct udp_socket *s = &l->sockets[l->held_listener];

	if (l->n_held != 0 && s->fd >= 0)
		send_batch(s->fd, l->held_out, l->n_held);
	l->n_held = 0;
	l->held_len = 0;
}

void listen_udp_send(
    struct listen_udp *l, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	struct held *held;
	struct msghdr *out;

	if (to->listener >= SOCKETS_MAX || len > HELD_SIZE)
		return;
	if (l->n_held == BATCH || len > HELD_SIZE - l->held_len || to->listener != l->held_listener)
		listen_udp_flush(l);
	l->held_listener = to->listener;
	held = &l->held[l->n_held];
	out = &l->held_out[l->n_held++].msg_hdr;
	held->to = to->from;
	held->iov = (struct iovec){.iov_base = l->held_bytes + l->held_len, .iov_len = len};
	memcpy(held->iov.iov_base, msg, len);
	l->held_len += len;
	*out = (struct msghdr){
	    .msg_name = &held->to,
	    .msg_namelen = addr_len(&held->to),
	    .msg_iov = &held->iov,
	    .msg_iovlen = 1,
	};
	write_local(out, &held->control, to);
}
