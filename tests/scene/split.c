/* split.c - see split.h. */
#include "tests/scene/split.h"

#include <event2/event.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/dns/msg.h"
#include "resolver/io/listen_tcp.h"

#define CLIENTS_MAX 256
#define PIECE_MAX   40
#define PATIENCE    1000 /* turns of the loop, or waits of 10 ms, until something is missing */

struct split {
	struct event_base *base;
	struct listen_tcp *listener;
	union addr address;
	unsigned seed;
	int client[CLIENTS_MAX]; /* -1: none */
	void (*answered)(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len);
	void *ctx;
};

/* What the functions below say in the place of those that the listener calls. */
static struct {
	struct split *split; /* NULL: nobody asks over TCP now */
	struct query_asker from;
	bool asked;
	uint64_t now_ms;
} pretended;

uint64_t __real_clock_ms(void);
uint64_t __wrap_clock_ms(void);
uint64_t __wrap_clock_ms(void)
{
	return pretended.now_ms != 0 ? pretended.now_ms : __real_clock_ms();
}

uint64_t __real_clock_ns(void);
uint64_t __wrap_clock_ns(void);
uint64_t __wrap_clock_ns(void)
{
	return pretended.now_ms != 0 ? pretended.now_ms * 1000000 : __real_clock_ns();
}

int __real_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	int client = __real_accept4(fd, addr, len, flags);

	if (client >= 0 && pretended.split != NULL) {
		*len = addr_len(&pretended.from.from);
		memcpy(addr, &pretended.from.from, *len);
	}
	return client;
}

size_t __real_query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg,
    size_t len, uint64_t now_ms, uint8_t *out, size_t out_size);
size_t __wrap_query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg,
    size_t len, uint64_t now_ms, uint8_t *out, size_t out_size);
size_t __wrap_query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg,
    size_t len, uint64_t now_ms, uint8_t *out, size_t out_size)
{
	struct split *s = pretended.split;
	struct query_asker asker = *from;

	if (s == NULL)
		return __real_query_ask(q, from, msg, len, now_ms, out, out_size);
	pretended.asked = true;
	asker.listener = pretended.from.listener;
	len = __real_query_ask(q, &asker, msg, len, now_ms, out, out_size);
	if (len != 0)
		s->answered(s->ctx, &asker, out, len);
	return len;
}

struct split *split_new(struct query *core, unsigned seed,
    void (*answered)(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len),
    void *ctx)
{
	static const struct listen_tcp_limits limits = {
	    .clients_max = CLIENTS_MAX, .per_address_max = CLIENTS_MAX, .idle_ms = 10000};
	static const struct hash_key key = {1, 2};
	struct split *s = calloc(1, sizeof(*s));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(s->address);

	if (s == NULL || fd < 0)
		abort();
	s->seed = seed;
	s->answered = answered;
	s->ctx = ctx;
	memset(s->client, -1, sizeof(s->client));
	s->address.in4.sin_family = AF_INET;
	s->address.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->base = event_base_new();
	if (s->base == NULL || bind(fd, &s->address.sa, addr_len(&s->address)) != 0 ||
	    listen(fd, 16) != 0 || getsockname(fd, &s->address.sa, &len) != 0)
		abort();
	s->listener = listen_tcp_new(s->base, core, &limits, &key);
	if (s->listener == NULL || listen_tcp_add(s->listener, 0, fd) != 0)
		abort();
	return s;
}

void split_free(struct split *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (s->client[i] >= 0)
			(void)close(s->client[i]);
	listen_tcp_free(s->listener);
	event_base_free(s->base);
	free(s);
	pretended.now_ms = 0;
}

/* Write bytes[0..len) in pieces, the listener looking between them. */
static bool write_pieces(struct split *s, int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t piece = 1 + (size_t)rand_r(&s->seed) % PIECE_MAX;

		piece = piece < len ? piece : len;
		if (send(fd, bytes, piece, MSG_NOSIGNAL) != (ssize_t)piece)
			return false;
		bytes += piece;
		len -= piece;
		(void)event_base_loop(s->base, EVLOOP_NONBLOCK);
	}
	return true;
}

bool split_ask(struct split *s, const struct query_asker *from, const uint8_t *msg, size_t len,
    uint64_t now_ms)
{
	static uint8_t frame[2 + MSG_MAX];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;
	bool ok;

	if (fd < 0 || from->listener >= CLIENTS_MAX)
		abort();
	s->client[from->listener] = fd;
	pretended.split = s;
	pretended.from = *from;
	pretended.asked = false;
	pretended.now_ms = now_ms;
	msg_set_u16(frame, (unsigned)len);
	memcpy(frame + 2, msg, len);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ok = connect(fd, &s->address.sa, addr_len(&s->address)) == 0 &&
	     write_pieces(s, fd, frame, len + 2);
	for (unsigned i = 0; ok && !pretended.asked && i < PATIENCE; i++)
		(void)event_base_loop(s->base, EVLOOP_ONCE);
	pretended.split = NULL;
	return ok && pretended.asked;
}

void split_send(struct split *s, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	listen_tcp_send(s->listener, to, msg, len);
}

/* Read exactly bytes[0..len). */
static bool read_all(struct split *s, int fd, uint8_t *bytes, size_t len)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	for (unsigned i = 0; len > 0 && i < PATIENCE; i++) {
		ssize_t n;

		(void)event_base_loop(s->base, EVLOOP_NONBLOCK);
		if (poll(&readable, 1, 10) != 1)
			continue;
		n = recv(fd, bytes, len, 0);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return len == 0;
}

bool split_received(struct split *s, unsigned n, const uint8_t *msg, size_t len)
{
	static uint8_t got[2 + MSG_MAX];

	return read_all(s, s->client[n], got, len + 2) && msg_u16(got) == len &&
	       memcmp(got + 2, msg, len) == 0;
}
