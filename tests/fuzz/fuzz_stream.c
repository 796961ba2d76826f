/* fuzz_stream.c - a client's TCP stream, cut anywhere, against a model of it: the core sees each message
 * once and in order, and the client each answer once and whole.
 *
 * The input is a script: a byte below 0x80 sends that many and one of the bytes behind it; others give
 * answers that wait, read, or shut down.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dns/msg.h"
#include "resolver/io/listen_tcp.h"
#include "tests/fuzz/fuzz.h"

#define ASKED_MAX   8192
#define SOCKET_SIZE 4096 /* small, so that much waits */
#define ENDS_MAX    100000

static struct event_base *base;
static struct listen_tcp *listener;
static int listening;	  /* an event: a connection is there */
static int accepted = -1; /* it */

struct asked {
	struct query_asker asker;
	size_t answer_len;
	bool answerable, answered, received;
};

/* The client, and what it knows. */
static struct {
	int fd;
	uint8_t sent[1 << 16];
	size_t n_sent, n_seen; /* of these the core saw so many */
	bool malformed, ended;
	struct asked asked[ASKED_MAX];
	size_t n_asked;
	uint8_t in[2 * (2 + MSG_MAX)];
	size_t n_in;
} client;

/* ---- the core ---- */

static void fill(uint8_t *out, size_t number, size_t len)
{
	memset(out, (int)(number * 31 + 7), len);
	msg_set_u16(out, (unsigned)number);
}

size_t query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg, size_t len,
    uint64_t now_ms, uint8_t *out, size_t out_size)
{
	const uint8_t *expected = client.sent + client.n_seen;
	struct asked *asked = &client.asked[client.n_asked];

	(void)q;
	(void)now_ms;
	CHECK(!client.malformed && client.n_asked < ASKED_MAX && out_size >= MSG_MAX);
	CHECK(client.n_sent - client.n_seen >= 2 + len);
	CHECK(msg_u16(expected) == len && memcmp(expected + 2, msg, len) == 0);
	client.n_seen += 2 + len;
	*asked = (struct asked){.asker = *from};
	client.malformed = len < MSG_HEADER || (msg[2] & 0x80) != 0;
	if (client.malformed)
		return 0;
	asked->answerable = true;
	asked->answer_len = MSG_HEADER + (size_t)msg[1] * 256;
	client.n_asked++;
	if ((msg[0] & 1) == 0)
		return 0;
	asked->answered = true;
	fill(out, client.n_asked - 1, asked->answer_len);
	return asked->answer_len;
}

void query_sent(struct query *q, uint64_t took_ns)
{
	(void)q;
	(void)took_ns;
}

static void answer(size_t number)
{
	static uint8_t msg[MSG_MAX];
	struct asked *asked = &client.asked[number];

	if (asked->answered)
		return;
	asked->answered = true;
	fill(msg, number, asked->answer_len);
	listen_tcp_send(listener, &asked->asker, msg, asked->answer_len);
}

/* Of those that wait, the oldest or the youngest. */
static void answer_one(bool oldest)
{
	size_t found = ASKED_MAX;

	for (size_t i = 0; i < client.n_asked; i++) {
		if (client.asked[i].answered)
			continue;
		found = i;
		if (oldest)
			break;
	}
	if (found < ASKED_MAX)
		answer(found);
}

/* ---- the client ---- */

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	const struct sockaddr_in from = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
	int got = accepted;
	eventfd_t one;

	(void)flags;
	accepted = -1;
	if (got < 0) {
		errno = EAGAIN;
		return -1;
	}
	CHECK(eventfd_read(fd, &one) == 0 && *len >= sizeof(from));
	memcpy(addr, &from, sizeof(from));
	*len = sizeof(from);
	return got;
}

static void run(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* The answers that are in client.in as a whole. */
static void check_answers(void)
{
	static uint8_t expected[MSG_MAX];
	size_t pos = 0;

	while (client.n_in - pos >= 2) {
		size_t len = msg_u16(client.in + pos), number;

		if (client.n_in - pos < 2 + len)
			break;
		CHECK(len >= MSG_HEADER);
		number = msg_u16(client.in + pos + 2);
		CHECK(number < client.n_asked && client.asked[number].answered);
		CHECK(!client.asked[number].received && client.asked[number].answer_len == len);
		fill(expected, number, len);
		CHECK(memcmp(client.in + pos + 2, expected, len) == 0);
		client.asked[number].received = true;
		pos += 2 + len;
	}
	memmove(client.in, client.in + pos, client.n_in - pos);
	client.n_in -= pos;
}

static void take(void)
{
	while (!client.ended) {
		ssize_t n =
		    recv(client.fd, client.in + client.n_in, sizeof(client.in) - client.n_in, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		client.ended = n <= 0;
		client.n_in += n > 0 ? (size_t)n : 0;
		check_answers();
	}
}

static void give(const uint8_t *bytes, size_t len)
{
	ssize_t n;

	if (len > sizeof(client.sent) - client.n_sent)
		len = sizeof(client.sent) - client.n_sent;
	/* First, for the core sees it while it is sent. */
	memcpy(client.sent + client.n_sent, bytes, len);
	n = send(client.fd, bytes, len, MSG_NOSIGNAL);
	if (n > 0)
		client.n_sent += (size_t)n;
}

static void start(void)
{
	const struct listen_tcp_limits limits = {4, 4, 60000};
	const struct hash_key key = {1, 2};

	base = event_base_new();
	listener = listen_tcp_new(base, NULL, &limits, &key);
	listening = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(listener != NULL && listen_tcp_add(listener, 0, listening) == 0);
}

static void begin(void)
{
	const int size = SOCKET_SIZE;
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
	accepted = pair[1];
	CHECK(eventfd_write(listening, 1) == 0);
	run();
	CHECK(accepted < 0);
	client.fd = pair[0];
	client.n_sent = client.n_seen = client.n_asked = client.n_in = 0;
	client.malformed = client.ended = false;
}

static struct stats stats(void)
{
	struct stats s = {0};

	listen_tcp_stats(listener, &s);
	return s;
}

/* All that is owed is paid: every whole message was seen, every answer received. */
static void end(uint64_t slow)
{
	size_t pos;

	shutdown(client.fd, SHUT_WR);
	for (unsigned i = 0; !client.ended; i++) {
		CHECK(i < ENDS_MAX);
		take();
		for (size_t k = 0; k < client.n_asked; k++)
			answer(k);
		run();
	}
	CHECK(stats().tcp_clients == 0 && stats().tcp_buffered == 0);
	close(client.fd);
	if (client.malformed || stats().tcp_slow != slow)
		return;
	pos = client.n_seen;
	CHECK(client.n_sent - pos < 2 || client.n_sent - pos - 2 < msg_u16(client.sent + pos));
	CHECK(client.n_in == 0);
	for (size_t k = 0; k < client.n_asked; k++)
		CHECK(client.asked[k].received);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t slow;

	if (base == NULL)
		start();
	begin();
	slow = stats().tcp_slow;
	for (size_t pos = 0; pos < size;) {
		uint8_t op = data[pos++];
		size_t len = (size_t)op + 1;

		if (op < 0x80) {
			if (len > size - pos)
				len = size - pos;
			give(data + pos, len);
			pos += len;
		} else if (op < 0xa0) {
			answer_one(true);
		} else if (op < 0xc0) {
			answer_one(false);
		} else if (op < 0xe0) {
			take();
		} else if (op == 0xff) {
			shutdown(client.fd, SHUT_WR);
		}
		if ((op & 0x10) == 0)
			run();
	}
	end(slow);
	return 0;
}
