/* lossy.c - how many questions quelld gets answered over a bad line, measured.
 *
 *   quelld --listen 127.0.0.1:5300 --upstream 127.0.0.1:5411 --upstream 127.0.0.1:5412 ... &
 *   lossy [-l PERCENT] [-d DELAY_MS] [-n QUESTIONS] [-q QUESTIONS_A_SECOND] 5300 5411 5412 ...
 *
 *   client --- question ---> quelld --- question ---> relay ---> upstreams, one for each port
 *
 * The relay loses PERCENT of the messages in each direction and keeps the others for DELAY_MS; the client's
 * side is clean, and each name is another and asked once.  The upstreams answer at once.  Over TCP nothing is
 * lost, but late: each part of a connection (SYN, question, answer) that is lost is sent once more when the
 * sender's timer is over, 1 s for a SYN and RTO_MS for others, double each time.
 *
 * Written out: how many were answered within 5 s and how long that took, and what it cost in messages
 * upstream for each question.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

#define SERVERS_MAX 8
#define CONNS_MAX   256
#define ROAD_SIZE   16384
#define RTO_MS	    200
#define SYN_MS	    1000
#define GOOD_MS	    5000 /* an answer that takes longer does not count */
#define END_MS	    8000 /* none comes that takes longer */
#define NS_PER_MS   UINT64_C(1000000)

/* A message on its way. */
struct packet {
	bool used, answer;
	int fd, conn; /* conn: the number of a connection, -1: over UDP */
	uint64_t due_ns;
	struct sockaddr_in to;
	unsigned len;
	uint8_t msg[512];
};

struct conn {
	int fd;
	unsigned serial;   /* of the connections that had this place */
	uint64_t ready_ns; /* what was sent before has come by then */
};

static struct {
	unsigned percent, delay_ms, n, per_s;
	uint16_t quelld_port;
} opt = {.percent = 30, .delay_ms = 100, .n = 20000, .per_s = 400};

static int udp[SERVERS_MAX], tcp[SERVERS_MAX];
static unsigned n_servers;
static struct conn conns[CONNS_MAX];
static struct packet road[ROAD_SIZE];
static unsigned n_road; /* places that were ever used */
static uint64_t n_udp, n_tcp, n_lost;

static void die(const char *what)
{
	(void)fprintf(stderr, "lossy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool is_lost(void)
{
	return (unsigned)(random() % 100) < opt.percent;
}

/* ---- the relay ---- */

/* A place for a message; it is full only when something else is wrong. */
static struct packet *place(void)
{
	for (unsigned i = 0; i < n_road; i++)
		if (!road[i].used)
			return &road[i];
	if (n_road == ROAD_SIZE)
		die("too many messages on their way");
	return &road[n_road++];
}

static void carry(
    int fd, const struct sockaddr_in *to, const uint8_t *msg, unsigned len, bool answer)
{
	struct packet *p;

	if (is_lost()) {
		n_lost++;
		return;
	}
	p = place();
	*p = (struct packet){.used = true,
	    .answer = answer,
	    .fd = fd,
	    .conn = -1,
	    .due_ns = now_ns() + opt.delay_ms * NS_PER_MS,
	    .len = len};
	if (to != NULL)
		p->to = *to;
	memcpy(p->msg, msg, len);
}

/* How long a part of a connection takes in one direction. */
static uint64_t tcp_way_ns(unsigned rto_ms)
{
	uint64_t ms = opt.delay_ms;

	for (; is_lost(); rto_ms *= 2)
		ms += rto_ms;
	return ms * NS_PER_MS;
}

/* The answer to a question over a connection: there and back. */
static void carry_tcp(struct conn *c, const uint8_t *frame, unsigned len)
{
	struct packet *p = place();
	uint64_t now = now_ns();

	c->ready_ns =
	    (c->ready_ns > now ? c->ready_ns : now) + tcp_way_ns(RTO_MS) + tcp_way_ns(RTO_MS);
	*p = (struct packet){.used = true,
	    .answer = true,
	    .fd = (int)c->serial,
	    .conn = (int)(c - conns),
	    .due_ns = c->ready_ns,
	    .len = len};
	memcpy(p->msg, frame, len);
}

/* ---- the upstreams ---- */

static void arrive(struct packet *p)
{
	p->used = false;
	if (p->conn >= 0) {
		if (conns[p->conn].serial == (unsigned)p->fd && conns[p->conn].fd >= 0)
			(void)send(conns[p->conn].fd, p->msg, p->len, MSG_NOSIGNAL);
	} else if (p->answer) {
		(void)sendto(
		    p->fd, p->msg, p->len, 0, (const struct sockaddr *)&p->to, sizeof(p->to));
	} else {
		struct packet question = *p;
		unsigned len = make_reply(question.msg, question.len, 60, 198);

		if (len != 0)
			carry(question.fd, &question.to, question.msg, len, true);
	}
}

static void take_udp(int fd)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	uint8_t msg[512];
	ssize_t len;

	while ((len = recvfrom(fd, msg, sizeof(msg) - 32, MSG_DONTWAIT, (struct sockaddr *)&from,
		    &size)) >= 0) {
		n_udp++;
		carry(fd, &from, msg, (unsigned)len, false);
		size = sizeof(from);
	}
}

static void take_conn(int listener)
{
	int fd = accept(listener, NULL, NULL);

	for (struct conn *c = conns; fd >= 0 && c < conns + CONNS_MAX; c++)
		if (c->fd < 0) {
			c->fd = fd;
			c->serial++;
			c->ready_ns = now_ns() + tcp_way_ns(SYN_MS) + tcp_way_ns(SYN_MS);
			return;
		}
	if (fd >= 0)
		(void)close(fd);
}

/* All whole questions of a connection. */
static void take_tcp(struct conn *c)
{
	uint8_t frame[512];
	ssize_t got;

	while ((got = recv(c->fd, frame, 2, MSG_DONTWAIT | MSG_PEEK)) == 2) {
		unsigned len = (unsigned)(frame[0] << 8 | frame[1]);

		if (len > sizeof(frame) - 34 ||
		    recv(c->fd, frame, 2 + len, MSG_WAITALL) != (ssize_t)len + 2)
			break;
		len = make_reply(frame + 2, len, 60, 198);
		frame[0] = (uint8_t)(len >> 8);
		frame[1] = (uint8_t)len;
		n_tcp++;
		if (len != 0)
			carry_tcp(c, frame, 2 + len);
	}
	if (got < 0 && errno == EAGAIN)
		return;
	(void)close(c->fd);
	c->fd = -1;
}

static void open_server(uint16_t port)
{
	struct sockaddr_in at = loopback(port);
	const int size = 4 << 20, on = 1;
	unsigned i = n_servers++;

	udp[i] = socket(AF_INET, SOCK_DGRAM, 0);
	tcp[i] = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(udp[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(tcp[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(udp[i], (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    bind(tcp[i], (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(tcp[i], CONNS_MAX) < 0)
		die("upstream");
}

/* ---- the client ---- */

static int client;
static unsigned n_asked, n_answered, n_failed, n_good;
static uint64_t *asked_ns, *took_ns; /* by number of the question */

static unsigned make_query(uint8_t *msg, unsigned number)
{
	unsigned at = NAME_OFF;

	memset(msg, 0, NAME_OFF);
	msg[0] = (uint8_t)(number >> 8);
	msg[1] = (uint8_t)number;
	msg[2] = 1;
	msg[5] = 1;
	msg[at] = (uint8_t)snprintf((char *)msg + at + 1, 32, "n%08u", number);
	at += msg[at] + 1u;
	memcpy(msg + at, "\7example\0\0\1\0\1", 13);
	return at + 13;
}

static void ask_due(uint64_t begin_ns)
{
	uint8_t msg[128];

	while (
	    n_asked < opt.n && n_asked * UINT64_C(1000000000) / opt.per_s <= now_ns() - begin_ns) {
		asked_ns[n_asked] = now_ns();
		if (send(client, msg, make_query(msg, n_asked), 0) < 0)
			die("ask");
		n_asked++;
	}
}

static void take_answers(void)
{
	uint8_t msg[600];

	while (recv(client, msg, sizeof(msg), MSG_DONTWAIT) > NAME_OFF) {
		unsigned number = (unsigned)strtoul((const char *)msg + NAME_OFF + 2, NULL, 10);

		if (number >= n_asked || took_ns[number] != 0)
			continue;
		took_ns[number] = now_ns() - asked_ns[number];
		n_answered++;
		if ((msg[3] & 15) != 0 || msg[7] == 0)
			n_failed++;
		else
			n_good += took_ns[number] <= GOOD_MS * NS_PER_MS;
	}
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What so many of 1000 names took at the most. */
static double took_ms(unsigned of_1000)
{
	uint64_t i = (uint64_t)opt.n * of_1000 / 1000;

	return 1e-6 * (double)took_ns[i < opt.n ? i : opt.n - 1];
}

static void report(double seconds)
{
	qsort(took_ns, opt.n, sizeof(*took_ns), by_size);
	(void)printf("%u names in %.1f s, %u %% lost and %u ms each way, %u upstreams\n", opt.n,
	    seconds, opt.percent, opt.delay_ms, n_servers);
	(void)printf("answered within %d s: %u, %.3f %%; failed %u, none %u\n", GOOD_MS / 1000,
	    n_good, 100.0 * n_good / opt.n, n_failed, opt.n - n_answered);
	(void)printf("ms: half %.0f, 99 %% %.0f, 99.9 %% %.0f, all %.0f\n", took_ms(500),
	    took_ms(990), took_ms(999), took_ms(1000));
	(void)printf(
	    "messages upstream for each name: %.2f over UDP, %.3f over TCP; lost of all: %llu\n",
	    (double)n_udp / opt.n, (double)n_tcp / opt.n, (unsigned long long)n_lost);
}

static void turn(void)
{
	struct pollfd fds[1 + 2 * SERVERS_MAX + CONNS_MAX] = {{.fd = client, .events = POLLIN}};
	nfds_t n = 1;

	for (unsigned i = 0; i < n_servers; i++) {
		fds[n++] = (struct pollfd){.fd = udp[i], .events = POLLIN};
		fds[n++] = (struct pollfd){.fd = tcp[i], .events = POLLIN};
	}
	/* Places without a connection have -1, which poll() passes over. */
	for (unsigned i = 0; i < CONNS_MAX; i++)
		fds[n++] = (struct pollfd){.fd = conns[i].fd, .events = POLLIN};
	(void)poll(fds, n, 1);
	take_answers();
	for (unsigned i = 0; i < n_servers; i++) {
		take_udp(udp[i]);
		if (fds[2 + 2 * i].revents != 0)
			take_conn(tcp[i]);
	}
	for (unsigned i = 0; i < CONNS_MAX; i++)
		if (fds[1 + 2 * n_servers + i].revents != 0)
			take_tcp(&conns[i]);
	for (unsigned i = 0; i < n_road; i++)
		if (road[i].used && road[i].due_ns <= now_ns())
			arrive(&road[i]);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to;
	uint64_t begin_ns;
	int c;

	while ((c = getopt(argc, argv, "d:l:n:q:")) != -1) {
		unsigned value = c == '?' ? 0 : (unsigned)strtoul(optarg, NULL, 10);

		if (c == 'd')
			opt.delay_ms = value;
		else if (c == 'l')
			opt.percent = value;
		else if (c == 'n')
			opt.n = value;
		else if (c == 'q')
			opt.per_s = value;
		else
			return 2;
	}
	if (argc - optind < 2 || argc - optind > 1 + SERVERS_MAX || opt.n == 0 || opt.per_s == 0)
		return 2;
	opt.quelld_port = (uint16_t)strtoul(argv[optind], NULL, 10);
	for (int i = optind + 1; i < argc; i++)
		open_server((uint16_t)strtoul(argv[i], NULL, 10));
	for (unsigned i = 0; i < CONNS_MAX; i++)
		conns[i].fd = -1;
	asked_ns = calloc(opt.n, sizeof(*asked_ns));
	took_ns = calloc(opt.n, sizeof(*took_ns));
	to = loopback(opt.quelld_port);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	if (asked_ns == NULL || took_ns == NULL || client < 0 ||
	    connect(client, (const struct sockaddr *)&to, sizeof(to)) < 0)
		die("client");
	srandom(1);
	begin_ns = now_ns();
	do {
		ask_due(begin_ns);
		turn();
	} while (n_asked < opt.n ||
		 (n_answered < opt.n && now_ns() - asked_ns[opt.n - 1] < END_MS * NS_PER_MS));
	report(1e-9 * (double)(now_ns() - begin_ns));
	free(asked_ns);
	free(took_ns);
	return 0;
}
