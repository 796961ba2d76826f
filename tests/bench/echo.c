/* echo.c - the least that a DNS server can do, and what stands in for an upstream.
 *
 *	echo udp|twice|tcp|upstream ADDR PORT
 *
 * udp and tcp send each message back as a response and look at nothing in it: the floor that servers are measured
 * against, in batches as good servers work.  twice is udp by two processes that share the port.  upstream (over UDP) has an address for every name, at once, and no
 * records of other types.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH	    64
#define DATAGRAM    1500
#define HEADER	    12
#define STREAM_SIZE (128 << 10)
#define STREAMS_MAX 128
#define READY_MAX   64

/* ---- answers ---- */

static size_t put_record(uint8_t *to, uint8_t type, const uint8_t *rdata, uint8_t len)
{
	const uint8_t head[] = {0xc0, HEADER, 0, type, 0, 1, 0, 0, 14, 16, 0, len};

	memcpy(to, head, sizeof(head));
	memcpy(to + sizeof(head), rdata, len);
	return sizeof(head) + len;
}

/* Turn a query in msg[0..len), behind which there is room, into its answer; returns its length, 0: none. */
static size_t answer(uint8_t *msg, size_t len)
{
	static const uint8_t address[] = {192, 0, 2, 1};
	static const uint8_t address6[] = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	static const uint8_t soa[] = {
	    0, 0, 0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 3, 132, 0, 1, 81, 128, 0, 0, 14, 16};
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
	size_t at = HEADER;
	bool edns;

	while (at < len && msg[at] != 0 && msg[at] < 64)
		at += msg[at] + 1u;
	if (at + 5 > len || msg[at] != 0)
		return 0;
	edns = msg[11] != 0;
	msg[2] = 0x80 | (msg[2] & 1);
	msg[3] = 0x80;
	memset(msg + 6, 0, 6);
	at += 5;
	if (msg[at - 3] == 1) {
		msg[7] = 1;
		at += put_record(msg + at, 1, address, sizeof(address));
	} else if (msg[at - 3] == 28) {
		msg[7] = 1;
		at += put_record(msg + at, 28, address6, sizeof(address6));
	} else {
		msg[9] = 1;
		at += put_record(msg + at, 6, soa, sizeof(soa));
	}
	if (edns) {
		msg[11] = 1;
		memcpy(msg + at, opt, sizeof(opt));
		at += sizeof(opt);
	}
	return at;
}

static size_t flip(uint8_t *msg, size_t len)
{
	if (len < HEADER)
		return 0;
	msg[2] |= 0x80;
	return len;
}

/* ---- over UDP ---- */

static struct exchange {
	struct sockaddr_storage from;
	struct iovec iov;
	uint8_t bytes[DATAGRAM];
} exchanges[BATCH];

/* One batch; returns how many came. */
static int exchange_batch(int fd, size_t (*make)(uint8_t *msg, size_t len))
{
	static struct mmsghdr in[BATCH], out[BATCH];
	unsigned n_out = 0, sent = 0;
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		struct exchange *x = &exchanges[i];

		x->iov = (struct iovec){x->bytes, DATAGRAM - 100};
		in[i].msg_hdr = (struct msghdr){.msg_name = &x->from,
		    .msg_namelen = sizeof(x->from),
		    .msg_iov = &x->iov,
		    .msg_iovlen = 1};
	}
	n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct exchange *x = &exchanges[i];

		x->iov.iov_len = make(x->bytes, in[i].msg_len);
		if (x->iov.iov_len > 0)
			out[n_out++].msg_hdr = in[i].msg_hdr;
	}
	while (sent < n_out) {
		int done = sendmmsg(fd, out + sent, n_out - sent, 0);

		sent += done > 0 ? (unsigned)done : 1;
	}
	return n;
}

static void serve_datagrams(int fd, int poller, size_t (*make)(uint8_t *msg, size_t len))
{
	struct epoll_event ready;

	while (epoll_wait(poller, &ready, 1, -1) >= 0)
		while (exchange_batch(fd, make) == BATCH)
			;
}

/* ---- over TCP ---- */

/* By descriptor: half a message, and room for what comes behind it. */
static struct stream {
	size_t n;
	uint8_t bytes[STREAM_SIZE];
} streams[STREAMS_MAX];

static void write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static void serve_stream(int fd)
{
	struct stream *s = &streams[fd];
	ssize_t n = recv(fd, s->bytes + s->n, sizeof(s->bytes) - s->n, 0);
	size_t at = 0, len;

	if (n <= 0) {
		(void)close(fd);
		return;
	}
	s->n += (size_t)n;
	for (; s->n - at >= 2; at += 2 + len) {
		len = (size_t)s->bytes[at] << 8 | s->bytes[at + 1];
		if (s->n - at - 2 < len)
			break;
		(void)flip(s->bytes + at + 2, len);
	}
	write_all(fd, s->bytes, at);
	s->n -= at;
	memmove(s->bytes, s->bytes + at, s->n);
}

static void accept_stream(int listening, int poller)
{
	struct epoll_event readable = {.events = EPOLLIN};
	int fd = accept(listening, NULL, NULL);

	if (fd < 0)
		return;
	readable.data.fd = fd;
	if (fd >= STREAMS_MAX || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &readable) < 0) {
		(void)close(fd);
		return;
	}
	streams[fd].n = 0;
}

static void serve_streams(int fd, int poller)
{
	struct epoll_event ready[READY_MAX];
	int n;

	while ((n = epoll_wait(poller, ready, READY_MAX, -1)) >= 0) {
		for (int i = 0; i < n; i++) {
			if (ready[i].data.fd == fd)
				accept_stream(fd, poller);
			else
				serve_stream(ready[i].data.fd);
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct epoll_event readable = {.events = EPOLLIN};
	const int size = 4 << 20, on = 1;
	int fd, poller;
	bool tcp = argc == 4 && strcmp(argv[1], "tcp") == 0;
	bool twice = argc == 4 && strcmp(argv[1], "twice") == 0;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &at.sin_addr) != 1) {
		(void)fputs("usage: echo udp|twice|tcp|upstream ADDR PORT\n", stderr);
		return 2;
	}
	at.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
	if (twice && fork() == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	poller = epoll_create1(0);
	fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (twice)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	readable.data.fd = fd;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || (tcp && listen(fd, 64) < 0) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &readable) < 0) {
		perror("echo");
		return EXIT_FAILURE;
	}
	if (tcp)
		serve_streams(fd, poller);
	else
		serve_datagrams(fd, poller, strcmp(argv[1], "upstream") == 0 ? answer : flip);
	return EXIT_FAILURE;
}
