/* spoof.c - how hard it is to have quelld believe a forged reply, measured.
 *
 *   quelld --listen 127.0.0.1:5300 --upstream 127.0.0.1:5454 &
 *   spoof [-c keep|lose] [-n QUESTIONS] [-q QUESTIONS_A_SECOND] [-r FORGERIES_A_SECOND] 5300 5454
 *
 *   client --- question ---> quelld --- question ---> upstream ... DELAY_MS ... reply
 *                                <=== forged replies === attacker
 *
 * The attacker knows everything but the secrets: the question (it had it asked), the address and port of
 * the upstream, and the port that the question came from; ID and letter case it guesses.  It shares the
 * upstream's socket, for quelld hears nobody else.  With `-c lose` the upstream answers in lower case, so
 * that quelld does without that secret; over TCP it answers at once.
 *
 * Written out: how many forged replies were sent while a question waited, how many answers were forged,
 * and how many are to be expected (docs/decisions/0007-spoofing.md).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

#define DELAY_MS  20
#define WAITS_MAX 4096
#define BATCH	  64
#define CONNS_MAX 64
#define TRUE_NET  198 /* first byte of the addresses that the upstream gives ... */
#define FALSE_NET 203 /* ... and the attacker */
#define NAME_FMT  "n%07u.a-name-of-some-length.example"

/* A question at the upstream that was not answered yet. */
struct wait {
	struct sockaddr_in from;
	uint64_t at_ns; /* when it is answered */
	unsigned len;
	uint8_t msg[512];
};

static struct {
	bool lose_case;
	unsigned n, per_s, forged_per_s;
	uint16_t quelld_port, upstream_port;
} opt = {.n = 20000, .per_s = 500, .forged_per_s = 100000};

static int udp, tcp;
static atomic_bool over;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct wait waits[WAITS_MAX]; /* a ring, in the order of coming */
static unsigned first, last;
static uint64_t n_forged, n_hits, n_udp, n_tcp;
static double expected;

static void die(const char *what)
{
	(void)fprintf(stderr, "spoof: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void lower(uint8_t *msg, unsigned end)
{
	for (unsigned i = NAME_OFF; i < end; i++)
		if (msg[i] >= 'A' && msg[i] <= 'Z')
			msg[i] |= 0x20;
}

/* ---- the upstream ---- */

static void take_question(void)
{
	struct wait *w;
	socklen_t size = sizeof(w->from);
	ssize_t len;

	(void)pthread_mutex_lock(&lock);
	w = &waits[last % WAITS_MAX];
	len = recvfrom(
	    udp, w->msg, sizeof(w->msg) - 16, MSG_DONTWAIT, (struct sockaddr *)&w->from, &size);
	if (len > 0 && last - first < WAITS_MAX) {
		w->len = (unsigned)len;
		w->at_ns = now_ns() + DELAY_MS * 1000000u;
		last++;
		n_udp++;
	}
	(void)pthread_mutex_unlock(&lock);
}

static void answer_due(void)
{
	(void)pthread_mutex_lock(&lock);
	while (first != last && waits[first % WAITS_MAX].at_ns <= now_ns()) {
		struct wait *w = &waits[first++ % WAITS_MAX];
		unsigned len = make_reply(w->msg, w->len, 60, TRUE_NET);

		if (opt.lose_case)
			lower(w->msg, question_end(w->msg, len));
		(void)sendto(
		    udp, w->msg, len, 0, (const struct sockaddr *)&w->from, sizeof(w->from));
	}
	(void)pthread_mutex_unlock(&lock);
}

/* All whole messages that are there; false: the connection has ended. */
static bool serve_tcp(int fd)
{
	uint8_t frame[2 + 600];

	for (;;) {
		ssize_t got = recv(fd, frame, 2, MSG_DONTWAIT | MSG_PEEK);
		unsigned len;

		if (got < 0)
			return errno == EAGAIN;
		if (got < 2)
			return got != 0;
		len = (unsigned)(frame[0] << 8 | frame[1]);
		if (len > 512 || recv(fd, frame, 2 + len, MSG_WAITALL) != (ssize_t)len + 2)
			return false;
		len = make_reply(frame + 2, len, 60, TRUE_NET);
		frame[0] = (uint8_t)(len >> 8);
		frame[1] = (uint8_t)len;
		if (send(fd, frame, 2 + len, MSG_NOSIGNAL) < 0)
			return false;
		n_tcp++;
	}
}

static void *upstream(void *arg)
{
	struct pollfd fds[2 + CONNS_MAX] = {
	    {.fd = udp, .events = POLLIN}, {.fd = tcp, .events = POLLIN}};
	nfds_t n = 2;

	(void)arg;
	while (!over) {
		(void)poll(fds, n, 1);
		if (fds[0].revents != 0)
			take_question();
		answer_due();
		for (nfds_t i = 2; i < n; i++)
			if (fds[i].revents != 0 && !serve_tcp(fds[i].fd)) {
				(void)close(fds[i].fd);
				fds[i--] = fds[--n];
			}
		if (fds[1].revents != 0 && n < 2 + CONNS_MAX) {
			fds[n] = (struct pollfd){.fd = accept(tcp, NULL, NULL), .events = POLLIN};
			n += fds[n].fd >= 0;
		}
	}
	return NULL;
}

/* ---- the attacker ---- */

static uint64_t draw(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* Forge a reply to each question that waits, in turn, BATCH of them; how many. */
static unsigned forge(void)
{
	static uint8_t msgs[BATCH][512];
	static struct sockaddr_in to[BATCH];
	struct mmsghdr out[BATCH] = {0};
	struct iovec iov[BATCH];
	unsigned n = 0;

	(void)pthread_mutex_lock(&lock);
	for (; n < BATCH && first != last; n++) {
		const struct wait *w = &waits[(first + draw() % (last - first)) % WAITS_MAX];
		unsigned end = question_end(w->msg, w->len);
		uint64_t bits = draw();

		memcpy(msgs[n], w->msg, w->len);
		lower(msgs[n], end);
		for (unsigned i = NAME_OFF; !opt.lose_case && i < end;
		     i++, bits = bits >> 1 | bits << 63)
			if (msgs[n][i] >= 'a' && (bits & 1) != 0)
				msgs[n][i] &= 0xdf;
		msgs[n][0] = (uint8_t)draw();
		msgs[n][1] = (uint8_t)(draw() >> 8);
		n_hits += memcmp(msgs[n], w->msg, 2) == 0;
		iov[n] = (struct iovec){msgs[n], make_reply(msgs[n], w->len, 60, FALSE_NET)};
		to[n] = w->from;
		out[n].msg_hdr = (struct msghdr){.msg_name = &to[n],
		    .msg_namelen = sizeof(to[n]),
		    .msg_iov = &iov[n],
		    .msg_iovlen = 1};
	}
	(void)pthread_mutex_unlock(&lock);
	return n == 0 || sendmmsg(udp, out, n, MSG_DONTWAIT) < 0 ? 0 : n;
}

static void *attacker(void *arg)
{
	uint64_t begin, turn = 0;

	(void)arg;
	/* quelld finds out first whether the upstream keeps the letter case. */
	(void)sleep(1);
	begin = now_ns();
	while (!over) {
		const struct timespec pause = {.tv_nsec = 200000};

		/* What was not sent for there was nobody to send it to is not made up for. */
		if (turn * 1000000000u / opt.forged_per_s > now_ns() - begin) {
			(void)nanosleep(&pause, NULL);
			continue;
		}
		n_forged += forge();
		turn += BATCH;
	}
	return NULL;
}

/* ---- the client ---- */

static unsigned make_query(uint8_t *msg, unsigned id)
{
	char name[80];
	unsigned at = NAME_OFF;

	(void)snprintf(name, sizeof(name), NAME_FMT, id);
	memset(msg, 0, NAME_OFF);
	msg[0] = (uint8_t)(id >> 8);
	msg[1] = (uint8_t)id;
	msg[2] = 1;
	msg[5] = 1;
	for (char *label = strtok(name, "."); label != NULL; label = strtok(NULL, ".")) {
		msg[at++] = (uint8_t)strlen(label);
		memcpy(msg + at, label, strlen(label));
		at += (unsigned)strlen(label);
	}
	memcpy(msg + at, "\0\0\1\0\1", 5);
	return at + 5;
}

/* Ask all questions at their pace; takes the answers as they come. */
static void ask_all(unsigned *n_true, unsigned *n_false, unsigned *n_failed)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = loopback(opt.quelld_port);
	uint64_t begin = now_ns(), last_ns = begin;
	unsigned asked = 0, seen = 0;
	uint8_t msg[600];

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		die("client");
	while (seen < opt.n && now_ns() - last_ns < 10000000000u) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t len;

		while (
		    asked < opt.n && asked * UINT64_C(1000000000) / opt.per_s <= now_ns() - begin) {
			if (send(fd, msg, make_query(msg, asked++), 0) < 0)
				die("ask");
			last_ns = now_ns();
		}
		if (poll(&p, 1, 1) <= 0)
			continue;
		len = recv(fd, msg, sizeof(msg), MSG_DONTWAIT);
		if (len < NAME_OFF)
			continue;
		seen++;
		*n_failed += (msg[3] & 15) != 0 || msg[7] == 0;
		*n_true += msg[7] != 0 && msg[len - 4] == TRUE_NET;
		*n_false += msg[7] != 0 && msg[len - 4] == FALSE_NET;
		last_ns = now_ns();
	}
	(void)close(fd);
}

static void open_upstream(void)
{
	struct sockaddr_in at = loopback(opt.upstream_port);
	const int size = 8 << 20, on = 1;

	udp = socket(AF_INET, SOCK_DGRAM, 0);
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(udp, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    bind(tcp, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(tcp, CONNS_MAX) < 0)
		die("upstream");
}

int main(int argc, char **argv)
{
	unsigned n_true = 0, n_false = 0, n_failed = 0;
	pthread_t up, bad;
	uint64_t begin;
	double seconds;
	int c;

	while ((c = getopt(argc, argv, "c:n:q:r:")) != -1) {
		if (c == 'c')
			opt.lose_case = strcmp(optarg, "lose") == 0;
		else if (c == 'n')
			opt.n = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'q')
			opt.per_s = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			opt.forged_per_s = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	opt.quelld_port = (uint16_t)strtoul(argv[optind], NULL, 10);
	opt.upstream_port = (uint16_t)strtoul(argv[optind + 1], NULL, 10);
	open_upstream();
	if (pthread_create(&up, NULL, upstream, NULL) != 0 ||
	    pthread_create(&bad, NULL, attacker, NULL) != 0)
		die("threads");
	begin = now_ns();
	ask_all(&n_true, &n_false, &n_failed);
	seconds = (double)(now_ns() - begin) / 1e9;
	over = true;
	(void)pthread_join(up, NULL);
	(void)pthread_join(bad, NULL);
	/* Three guesses count for each message over UDP, each at an ID. */
	expected = (double)n_udp * 3 / 65536;
	(void)printf("%u questions in %.1f s; upstream: %llu over UDP, %llu over TCP\n"
		     "forged: %llu, %.0f a second, %llu with the right ID\n"
		     "answers: %u true, %u forged, %u failed\n"
		     "to be expected of guessing IDs alone: %.2f at most\n",
	    opt.n, seconds, (unsigned long long)n_udp, (unsigned long long)n_tcp,
	    (unsigned long long)n_forged, (double)n_forged / seconds, (unsigned long long)n_hits,
	    n_true, n_false, n_failed, expected);
	return n_true + n_false + n_failed == opt.n ? 0 : 1;
}
