/* load.c - ask a DNS server for many names and check every answer.
 *
 *	load [OPTION]... ADDR PORT FILE SECONDS
 *	  -t           over TCP, on connections that are kept
 *	  -c SOCKETS   so many, each with its share of the window (8)
 *	  -w WINDOW    queries under way at once (128)
 *	  -r QPS       so many a second, instead of as many as the server answers
 *	  -o           each name once
 *	  -f           with a label in front that no query had before
 *	  -b RCODE     what names that are blocked get (2)
 *	  -e           with EDNS
 *	  -p SECONDS   until a query without an answer is lost (1)
 *	  -i SECONDS   a line of what came of each such time, instead of one at the end
 *	  -l           "lost SENT NAME" for each that is lost, SENT in seconds of the monotonic clock
 *
 * A line of FILE is NAME TYPE open|blocked.  ADDR is of loopback: nobody else shall be asked this way.  Writes one
 * line of JSON: queries sent, answered, lost (no answer in time or in the end) and answered wrongly (not the
 * question, or not the RCODE), and how long answers took.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX  64
#define SLOTS	     4096 /* IDs of each socket */
#define BATCH	     64
#define HEADER	     12
#define MESSAGE_SIZE 320
#define FRESH_DIGITS 12
#define STREAM_SIZE  (128 << 10)
#define LATENCY_MAX  1000000		 /* us that are told apart */
#define SWEEP_NS     UINT64_C(250000000) /* between looks at what is lost */
#define TURN_NS	     100000		 /* between looks at what is due, with -r */

struct message {
	uint16_t len, question_end;
	bool blocked;
	uint8_t bytes[MESSAGE_SIZE];
};

/* A query under way. */
struct slot {
	uint64_t sent_ns; /* 0: none */
	uint64_t fresh;
	uint32_t message;
};

/* A UDP socket or a TCP connection. */
struct port {
	int fd;
	unsigned n_open, next; /* slots in use, and the next to use */
	struct slot slots[SLOTS];
	size_t n_in, n_out; /* TCP: bytes that are half a frame, and that could not be sent yet */
	uint8_t in[STREAM_SIZE], out[STREAM_SIZE];
};

static struct {
	bool tcp, once, fresh, edns, tell_lost;
	unsigned n_ports, window, blocked_rcode;
	double qps, seconds, patience_s, interval_s;
	struct sockaddr_in to;
} options = {.n_ports = 8, .window = 128, .blocked_rcode = 2, .patience_s = 1};

static struct message *messages;
static size_t n_messages, next_message;
static uint64_t next_fresh;
static struct port ports[SOCKETS_MAX];
static int poller;
static uint64_t n_sent; /* since the beginning */

/* What came of them, since it was last told. */
static struct {
	uint64_t began_ns, sent, answered, lost, wrong, max_us;
	uint32_t latency_us[LATENCY_MAX + 1];
} result;

static void fail(const char *what)
{
	(void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the queries ---- */

static size_t put_label(uint8_t *to, const char *label, size_t len)
{
	to[0] = (uint8_t)len;
	memcpy(to + 1, label, len);
	return len + 1;
}

static uint16_t type_of(const char *text)
{
	return strcmp(text, "AAAA") == 0 ? 28 : strcmp(text, "HTTPS") == 0 ? 65 : 1;
}

static void make_message(struct message *m, char *name, const char *type)
{
	static const uint8_t opt[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
	static const char zeros[FRESH_DIGITS] = "000000000000";
	size_t at = HEADER;
	char *rest = NULL;

	*m = (struct message){.bytes = {[2] = 1, [5] = 1, [11] = options.edns}};
	if (options.fresh)
		at += put_label(m->bytes + at, zeros, sizeof(zeros));
	for (char *label = strtok_r(name, ".", &rest); label != NULL;
	     label = strtok_r(NULL, ".", &rest))
		at += put_label(m->bytes + at, label, strlen(label));
	at++;
	m->bytes[at + 1] = (uint8_t)type_of(type);
	m->bytes[at + 3] = 1;
	at += 4;
	m->question_end = (uint16_t)at;
	if (options.edns) {
		memcpy(m->bytes + at, opt, sizeof(opt));
		at += sizeof(opt);
	}
	m->len = (uint16_t)at;
}

static void read_messages(const char *path)
{
	FILE *f = fopen(path, "r");
	char name[256], type[8], kind[8];
	size_t size = 1 << 16;

	messages = malloc(size * sizeof(*messages));
	if (f == NULL || messages == NULL)
		fail(path);
	while (fscanf(f, "%250s %7s %7s", name, type, kind) == 3) {
		if (n_messages == size) {
			size *= 2;
			messages = realloc(messages, size * sizeof(*messages));
			if (messages == NULL)
				fail(path);
		}
		make_message(&messages[n_messages], name, type);
		messages[n_messages++].blocked = kind[0] == 'b';
	}
	(void)fclose(f);
	if (n_messages == 0)
		fail(path);
}

/* The label that makes a name fresh, as it is sent: no two numbers have the same, and neighbours look random. */
static void put_fresh(uint8_t *label, uint64_t fresh)
{
	fresh *= UINT64_C(0x9e3779b97f4b);
	for (unsigned i = FRESH_DIGITS; i-- > 0; fresh >>= 4)
		label[i] = (uint8_t) "0123456789abcdef"[fresh & 15];
}

/* ---- the sockets ---- */

static void open_port(struct port *p)
{
	struct epoll_event readable = {.events = EPOLLIN, .data.ptr = p};
	const int size = 4 << 20;

	p->fd = socket(AF_INET, options.tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (p->fd < 0)
		fail("socket");
	(void)setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (connect(p->fd, (const struct sockaddr *)&options.to, sizeof(options.to)) < 0)
		fail("connect");
	if (epoll_ctl(poller, EPOLL_CTL_ADD, p->fd, &readable) < 0)
		fail("epoll");
	p->n_in = p->n_out = 0;
}

static void tell_lost(const struct slot *s)
{
	uint8_t *label = messages[s->message].bytes + HEADER;

	if (options.fresh)
		put_fresh(label + 1, s->fresh);
	printf("lost %.6f ", (double)s->sent_ns * 1e-9);
	for (; *label != 0; label += *label + 1)
		printf("%.*s.", (int)*label, (const char *)label + 1);
	printf("\n");
}

static void lose(struct port *p, struct slot *s)
{
	if (options.tell_lost)
		tell_lost(s);
	s->sent_ns = 0;
	p->n_open--;
	result.lost++;
}

static void lose_older(struct port *p, uint64_t than_ns)
{
	for (unsigned i = 0; i < SLOTS && p->n_open > 0; i++)
		if (p->slots[i].sent_ns != 0 && p->slots[i].sent_ns < than_ns)
			lose(p, &p->slots[i]);
}

/* The server has closed it: what was under way there is lost. */
static void reopen_port(struct port *p)
{
	lose_older(p, UINT64_MAX);
	(void)close(p->fd);
	open_port(p);
}

/* ---- out ---- */

static bool all_sent(void)
{
	return options.once && n_sent >= n_messages;
}

/* The next query, its ID and its name made ready; *id is its slot.  NULL: there is none, or no slot. */
static struct message *take_message(struct port *p, uint64_t now, unsigned *id)
{
	struct message *m = &messages[next_message];
	struct slot *s;

	if (all_sent() || p->n_open == SLOTS)
		return NULL;
	/* Those of lost queries are in use for long. */
	while (p->slots[p->next % SLOTS].sent_ns != 0)
		p->next++;
	*id = p->next++ % SLOTS;
	s = &p->slots[*id];
	*s = (struct slot){.sent_ns = now, .message = (uint32_t)next_message, .fresh = next_fresh};
	if (options.fresh)
		put_fresh(m->bytes + HEADER + 1, next_fresh++);
	next_message = next_message + 1 == n_messages ? 0 : next_message + 1;
	p->n_open++;
	n_sent++;
	result.sent++;
	return m;
}

static void send_datagrams(struct port *p, unsigned n, uint64_t now)
{
	static struct mmsghdr out[BATCH];
	static struct iovec parts[BATCH][2];
	static uint8_t ids[BATCH][2];
	unsigned k = 0;

	for (unsigned id; k < BATCH && k < n; k++) {
		struct message *m = take_message(p, now, &id);

		if (m == NULL)
			break;
		ids[k][0] = (uint8_t)(id >> 8);
		ids[k][1] = (uint8_t)id;
		parts[k][0] = (struct iovec){ids[k], 2};
		parts[k][1] = (struct iovec){m->bytes + 2, m->len - 2u};
		out[k].msg_hdr = (struct msghdr){.msg_iov = parts[k], .msg_iovlen = 2};
	}
	/* What does not go out is a query without an answer. */
	(void)(k > 0 && sendmmsg(p->fd, out, k, 0));
}

static void flush_stream(struct port *p)
{
	ssize_t n = p->n_out > 0 ? send(p->fd, p->out, p->n_out, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (n <= 0)
		return;
	p->n_out -= (size_t)n;
	memmove(p->out, p->out + n, p->n_out);
}

static void send_frames(struct port *p, unsigned n, uint64_t now)
{
	for (unsigned id; n > 0 && p->n_out + 2 + MESSAGE_SIZE <= sizeof(p->out); n--) {
		struct message *m = take_message(p, now, &id);
		uint8_t *to = p->out + p->n_out;

		if (m == NULL)
			break;
		to[0] = (uint8_t)(m->len >> 8);
		to[1] = (uint8_t)m->len;
		memcpy(to + 2, m->bytes, m->len);
		to[2] = (uint8_t)(id >> 8);
		to[3] = (uint8_t)id;
		p->n_out += 2u + m->len;
	}
	flush_stream(p);
}

static void send_queries(struct port *p, unsigned n, uint64_t now)
{
	if (options.tcp)
		send_frames(p, n, now);
	else
		send_datagrams(p, n, now);
}

/* ---- in ---- */

static bool is_right(const struct slot *s, const uint8_t *answer, size_t len)
{
	struct message *m = &messages[s->message];
	unsigned rcode = m->blocked ? options.blocked_rcode : 0;

	if (options.fresh)
		put_fresh(m->bytes + HEADER + 1, s->fresh);
	return len >= m->question_end && (answer[2] & 0x80) != 0 && (answer[3] & 15) == rcode &&
	       memcmp(answer + HEADER, m->bytes + HEADER, m->question_end - HEADER) == 0;
}

static void take_answer(struct port *p, const uint8_t *answer, size_t len, uint64_t now)
{
	unsigned id = len >= HEADER ? (unsigned)answer[0] << 8 | answer[1] : SLOTS;
	struct slot *s = id < SLOTS ? &p->slots[id] : NULL;
	uint64_t us;

	if (s == NULL || s->sent_ns == 0) {
		/* Too late, or nobody asked. */
		return;
	}
	us = (now - s->sent_ns) / 1000;
	result.latency_us[us < LATENCY_MAX ? us : LATENCY_MAX]++;
	result.max_us = us > result.max_us ? us : result.max_us;
	result.wrong += !is_right(s, answer, len);
	s->sent_ns = 0;
	p->n_open--;
	result.answered++;
}

static void take_datagrams(struct port *p)
{
	static struct mmsghdr in[BATCH];
	static struct iovec parts[BATCH];
	static uint8_t bytes[BATCH][1500];
	uint64_t now;
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	n = recvmmsg(p->fd, in, BATCH, MSG_DONTWAIT, NULL);
	now = now_ns();
	for (int i = 0; i < n; i++)
		take_answer(p, bytes[i], in[i].msg_len, now);
}

static void take_frames(struct port *p)
{
	ssize_t n = recv(p->fd, p->in + p->n_in, sizeof(p->in) - p->n_in, MSG_DONTWAIT);
	uint64_t now = now_ns();
	size_t at = 0, len;

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		reopen_port(p);
		return;
	}
	p->n_in += n > 0 ? (size_t)n : 0;
	for (; p->n_in - at >= 2; at += 2 + len) {
		len = (size_t)p->in[at] << 8 | p->in[at + 1];
		if (p->n_in - at - 2 < len)
			break;
		take_answer(p, p->in + at + 2, len, now);
	}
	p->n_in -= at;
	memmove(p->in, p->in + at, p->n_in);
	flush_stream(p);
}

/* Wait for answers and take them. */
static void receive(uint64_t wait_ns)
{
	const struct timespec wait = {.tv_nsec = (long)wait_ns};
	struct epoll_event ready[SOCKETS_MAX];
	int n = epoll_pwait2(poller, ready, SOCKETS_MAX, &wait, NULL);

	for (int i = 0; i < n; i++) {
		if (options.tcp)
			take_frames(ready[i].data.ptr);
		else
			take_datagrams(ready[i].data.ptr);
	}
}

/* ---- the run ---- */

/* As many as are due by now, on one port after the other. */
static void send_due(uint64_t begin_ns, uint64_t now)
{
	uint64_t due = (uint64_t)((double)(now - begin_ns) * 1e-9 * options.qps);

	assert(options.n_ports > 0);
	for (unsigned i = 0; n_sent < due && i < 1024; i++)
		send_queries(&ports[n_sent % options.n_ports], 1, now);
}

/* Fill the window up again where half of it is answered. */
static void send_more(uint64_t now)
{
	unsigned share;

	assert(options.n_ports > 0);
	share = (options.window + options.n_ports - 1) / options.n_ports;
	for (unsigned i = 0; i < options.n_ports; i++)
		if (ports[i].n_open <= share - share / 2)
			send_queries(&ports[i], share - ports[i].n_open, now);
}

static unsigned under_way(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < options.n_ports; i++)
		n += ports[i].n_open;
	return n;
}

static uint64_t percentile(double share)
{
	uint64_t wanted = (uint64_t)((double)result.answered * share), seen = 0;

	for (uint64_t us = 0; us < LATENCY_MAX; us++)
		if ((seen += result.latency_us[us]) > wanted)
			return us;
	return result.max_us;
}

/* What came of it since it was last told. */
static void tell(uint64_t now)
{
	printf("{\"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"wrong\": %llu, \"seconds\": "
	       "%.3f, "
	       "\"p50\": %llu, \"p90\": %llu, \"p99\": %llu, \"p999\": %llu, \"max\": %llu}\n",
	    (unsigned long long)result.sent, (unsigned long long)result.answered,
	    (unsigned long long)result.lost, (unsigned long long)result.wrong,
	    (double)(now - result.began_ns) * 1e-9, (unsigned long long)percentile(.5),
	    (unsigned long long)percentile(.9), (unsigned long long)percentile(.99),
	    (unsigned long long)percentile(.999), (unsigned long long)result.max_us);
	(void)fflush(stdout);
	memset(&result, 0, sizeof(result));
	result.began_ns = now;
}

static uint64_t patience_ns(void)
{
	return (uint64_t)(options.patience_s * 1e9);
}

static void sweep(uint64_t now)
{
	for (unsigned i = 0; now > patience_ns() && i < options.n_ports; i++)
		lose_older(&ports[i], now - patience_ns());
}

/* What is still to come. */
static void drain(uint64_t now)
{
	const uint64_t end_ns = now + patience_ns();

	while (under_way() > 0 && now < end_ns) {
		receive(20 * 1000000);
		now = now_ns();
	}
	for (unsigned i = 0; i < options.n_ports; i++)
		lose_older(&ports[i], UINT64_MAX);
}

static void run(void)
{
	uint64_t begin_ns = now_ns(), now = begin_ns, swept_ns = begin_ns,
		 end_ns = begin_ns + (uint64_t)(options.seconds * 1e9);

	result.began_ns = begin_ns;
	while (now < end_ns && !(all_sent() && under_way() == 0)) {
		if (options.qps > 0)
			send_due(begin_ns, now);
		else
			send_more(now);
		receive(options.qps > 0 ? TURN_NS : 20 * 1000000);
		now = now_ns();
		if (now - swept_ns > SWEEP_NS) {
			sweep(now);
			swept_ns = now;
		}
		if (options.interval_s > 0 &&
		    now - result.began_ns >= (uint64_t)(options.interval_s * 1e9))
			tell(now);
	}
	drain(now);
	tell(now);
}

static void usage(void)
{
	(void)fputs("usage: load [-t] [-c SOCKETS] [-w WINDOW] [-r QPS] [-o] [-f] [-b RCODE] [-e] "
		    "[-p SECONDS] [-i SECONDS] [-l] 127.X.Y.Z PORT FILE SECONDS\n",
	    stderr);
	exit(2);
}

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "tc:w:r:ofb:ep:i:l")) != -1) {
		switch (c) {
		case 't':
			options.tcp = true;
			break;
		case 'c':
			options.n_ports = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'w':
			options.window = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			options.qps = strtod(optarg, NULL);
			break;
		case 'o':
			options.once = true;
			break;
		case 'f':
			options.fresh = true;
			break;
		case 'b':
			options.blocked_rcode = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'e':
			options.edns = true;
			break;
		case 'p':
			options.patience_s = strtod(optarg, NULL);
			break;
		case 'i':
			options.interval_s = strtod(optarg, NULL);
			break;
		case 'l':
			options.tell_lost = true;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 4)
		usage();
	options.to.sin_family = AF_INET;
	options.to.sin_port = htons((uint16_t)strtoul(argv[optind + 1], NULL, 10));
	options.seconds = strtod(argv[optind + 3], NULL);
	if (inet_pton(AF_INET, argv[optind], &options.to.sin_addr) != 1 ||
	    ntohl(options.to.sin_addr.s_addr) >> 24 != 127 || options.n_ports < 1 ||
	    options.n_ports > SOCKETS_MAX || options.window < options.n_ports ||
	    options.window / options.n_ports > SLOTS / 2 || options.seconds <= 0)
		usage();
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	read_messages(argv[optind + 2]);
	next_fresh = now_ns();
	poller = epoll_create1(0);
	for (unsigned i = 0; i < options.n_ports; i++)
		open_port(&ports[i]);
	run();
	free(messages);
	return 0;
}
