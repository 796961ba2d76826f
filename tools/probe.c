/* probe.c - one descriptor for each question, polled until all are answered or the time is over. */
#include "tools/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/dns/msg.h"
#include "lib/rng.h"

#define TCP_PREFIX 2 /* RFC 1035, 4.2.2 */
#define QUERY_SIZE (MSG_HEADER + NAME_SIZE + 4 + 11)
#define REPLY_SIZE 4096 /* of what is asked here nobody has more to say */

/* A question on its way. */
struct trial {
	struct probe *probe;
	int fd; /* -1: it is over */
	uint64_t start_ms;
	bool repeated;
	uint8_t query[TCP_PREFIX + QUERY_SIZE]; /* UDP leaves the prefix out */
	size_t query_len, question_len, n_sent, n_got;
	uint8_t reply[TCP_PREFIX + REPLY_SIZE];
};

static void end(struct trial *t, int error)
{
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
	t->probe->answered = error == 0;
	t->probe->error = error;
}

static void write_query(struct trial *t, struct rng *rng)
{
	const struct msg_opt opt = {.udp_size = PROBE_UDP_SIZE, .dnssec_ok = true, .ede = EDE_NONE};
	struct msg_writer w;

	msg_write_start(&w, t->query + TCP_PREFIX, QUERY_SIZE, rng_u16(rng), MSG_RD);
	msg_write_question(&w, t->probe->name, t->probe->type, CLASS_IN);
	t->question_len = w.out.pos - MSG_HEADER;
	if (t->probe->edns)
		msg_write_opt(&w, &opt);
	msg_set_u16(t->query, (unsigned)w.out.pos); /* it fits: that is what QUERY_SIZE says */
	t->query_len = TCP_PREFIX + w.out.pos;
}

/* ---- a reply ---- */

static bool has_ede_blocked(const uint8_t *msg, const struct msg_edns *edns)
{
	size_t pos = edns->options_off, end_off = pos + edns->options_len;
	const uint8_t *data;
	uint16_t code, len;

	while (msg_next_option(msg, &pos, end_off, &code, &data, &len)) {
		if (code == OPTION_EDE && len >= 2 && msg_u16(data) == EDE_BLOCKED)
			return true;
	}
	return false;
}

/* Take what is of interest.  False: it is malformed. */
static bool read_reply(struct probe *p, const uint8_t *msg, size_t len)
{
	struct msg_edns edns;
	struct msg_walk walk;
	struct msg_rr rr;
	int more;

	p->rcode = msg_u16(msg + 2) & MSG_RCODE;
	p->truncated = (msg_u16(msg + 2) & MSG_TC) != 0;
	if (msg_walk_start(&walk, msg, len) != 0)
		return false;
	while ((more = msg_walk_next(&walk, &rr)) == 1) {
		p->is_signed = p->is_signed || rr.type == TYPE_RRSIG;
		if (rr.type != TYPE_OPT || msg_read_edns(msg, &rr, &edns) != 0)
			continue;
		p->has_opt = true;
		p->rcode = (uint16_t)(p->rcode | edns.ext_rcode << 4);
		p->blocked = has_ede_blocked(msg, &edns);
	}
	return more == 0 || p->truncated; /* some cut in the middle of a record */
}

/* Is msg[0..len) a reply to what was asked?  One that cannot read the question need not repeat
 * it. */
static bool is_reply(const struct trial *t, const uint8_t *msg, size_t len)
{
	const uint8_t *query = t->query + TCP_PREFIX;

	if (len < MSG_HEADER || memcmp(msg, query, 2) != 0 || (msg_u16(msg + 2) & MSG_QR) == 0)
		return false;
	if (msg_u16(msg + 4) == 0)
		return (msg_u16(msg + 2) & MSG_RCODE) != RCODE_NOERROR;
	return len >= MSG_HEADER + t->question_len &&
	       memcmp(msg + MSG_HEADER, query + MSG_HEADER, t->question_len) == 0;
}

static void take(struct trial *t, const uint8_t *msg, size_t len)
{
	t->probe->rtt_ms = (uint32_t)(clock_ms() - t->start_ms);
	end(t, read_reply(t->probe, msg, len) ? 0 : EPROTO);
}

/* ---- UDP ---- */

static void send_udp(struct trial *t)
{
	size_t len = t->query_len - TCP_PREFIX;

	if (send(t->fd, t->query + TCP_PREFIX, len, MSG_NOSIGNAL) != (ssize_t)len)
		end(t, errno);
}

static void read_udp(struct trial *t)
{
	ssize_t len = recv(t->fd, t->reply, sizeof(t->reply), 0);

	if (len < 0 && errno != EAGAIN && errno != EINTR)
		end(t, errno);
	else if (len >= 0 && is_reply(t, t->reply, (size_t)len))
		take(t, t->reply, (size_t)len);
}

/* ---- TCP ---- */

static void write_tcp(struct trial *t)
{
	ssize_t n = send(t->fd, t->query + t->n_sent, t->query_len - t->n_sent, MSG_NOSIGNAL);

	if (n >= 0)
		t->n_sent += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		end(t, errno);
}

static void read_tcp(struct trial *t)
{
	ssize_t n = recv(t->fd, t->reply + t->n_got, sizeof(t->reply) - t->n_got, 0);
	size_t len;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(t, n < 0 ? errno : ECONNRESET);
		return;
	}
	t->n_got += (size_t)n;
	if (t->n_got < TCP_PREFIX)
		return;
	len = msg_u16(t->reply);
	if (len > REPLY_SIZE)
		end(t, EPROTO);
	else if (t->n_got < TCP_PREFIX + len)
		return;
	else if (is_reply(t, t->reply + TCP_PREFIX, len))
		take(t, t->reply + TCP_PREFIX, len);
	else
		end(t, EPROTO);
}

/* ---- all of them ---- */

static void start(struct trial *t, struct probe *p, struct rng *rng)
{
	*t = (struct trial){.probe = p, .start_ms = clock_ms()};
	p->answered = false;
	t->fd = socket(p->to.sa.sa_family,
	    (p->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	write_query(t, rng);
	if (t->fd < 0 || (connect(t->fd, &p->to.sa, addr_len(&p->to)) != 0 && errno != EINPROGRESS))
		end(t, errno);
	else if (!p->tcp)
		send_udp(t);
}

static void step(struct trial *t, short what)
{
	if (!t->probe->tcp)
		read_udp(t);
	else if (t->n_sent < t->query_len)
		write_tcp(t);
	else if ((what & ~POLLOUT) != 0)
		read_tcp(t);
}

/* What a lost packet needs. */
static void repeat(struct trial *trials, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct trial *t = &trials[i];

		if (t->fd >= 0 && !t->probe->tcp && !t->repeated)
			send_udp(t);
		t->repeated = true;
	}
}

/* What to poll; entry i is of trials[i].  Returns how many are still on their way. */
static unsigned await(const struct trial *trials, struct pollfd *fds, unsigned n)
{
	unsigned n_open = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct trial *t = &trials[i];
		bool writes = t->probe->tcp && t->n_sent < t->query_len;

		fds[i] = (struct pollfd){.fd = t->fd, .events = writes ? POLLOUT : POLLIN};
		n_open += t->fd >= 0;
	}
	return n_open;
}

void probe_run(struct probe *probes, unsigned n, unsigned wait_ms)
{
	struct trial *trials = calloc(n + 1, sizeof(*trials));
	struct pollfd *fds = calloc(n + 1, sizeof(*fds));
	uint64_t now_ms = clock_ms(), again_ms = now_ms + wait_ms / 3, until_ms = now_ms + wait_ms;
	struct rng rng;

	rng_init(&rng);
	for (unsigned i = 0; i < n; i++) {
		probes[i].error = ENOMEM;
		if (trials != NULL && fds != NULL)
			start(&trials[i], &probes[i], &rng);
	}
	if (trials == NULL || fds == NULL)
		goto out;
	while (now_ms < until_ms && await(trials, fds, n) != 0) {
		uint64_t next_ms = now_ms < again_ms ? again_ms : until_ms;

		(void)poll(fds, n, (int)(next_ms - now_ms));
		for (unsigned i = 0; i < n; i++) {
			if (trials[i].fd >= 0 && fds[i].revents != 0)
				step(&trials[i], fds[i].revents);
		}
		now_ms = clock_ms();
		if (now_ms >= again_ms)
			repeat(trials, n);
	}
	for (unsigned i = 0; i < n; i++) {
		if (trials[i].fd >= 0)
			end(&trials[i], ETIMEDOUT);
	}
out:
	free(trials);
	free(fds);
}

const char *probe_trouble(const struct probe *p)
{
	switch (p->error) {
	case ETIMEDOUT:
		return "silence";
	case EPROTO:
		return "what it says is no answer";
	default:
		return strerror(p->error);
	}
}
