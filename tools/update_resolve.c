/* update_resolve.c - a stub resolver of two questions. */
#include "tools/update_resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/dns/msg.h"

#define TRY_MS	    2000 /* for one upstream to answer, over UDP or TCP */
#define TRIES_MAX   8u	 /* of one question */
#define ROUNDS	    2u	 /* through the upstreams, within TRIES_MAX */
#define PATIENCE_MS 500	 /* for the other family once there are addresses */
#define ALIASES_MAX 16	 /* CNAMEs in a row */
#define QUERY_SIZE  (MSG_HEADER + NAME_SIZE + 4 + 11)
#define UDP_SIZE    1232 /* asked for: fits into every path (as the option udp_size) */
#define TCP_PREFIX  2	 /* RFC 1035, 4.2.2 */

/* A or AAAA. */
struct question {
	uint16_t type, id;
	bool ended, answered;
	bool is_tcp;
	int fd;	     /* -1: none */
	unsigned at; /* the upstream of this try */
	unsigned n_tries;
	uint64_t until_ms; /* of this try */
	uint8_t query[TCP_PREFIX + QUERY_SIZE];
	size_t query_len; /* with the prefix, which UDP leaves out */
	size_t n_sent;	  /* of TCP */
	size_t n_got;	  /* of TCP, with the prefix */
	uint8_t *reply;	  /* TCP_PREFIX + MSG_MAX */
};

struct update_lookup {
	const union addr *upstreams;
	unsigned n_upstreams;
	struct rng *rng;
	uint8_t name[NAME_SIZE];
	struct question questions[2];
	union addr found[UPDATE_ADDRS_MAX];
	unsigned n_found;
};

static bool is_below_localhost(const char *host)
{
	static const char name[] = "localhost";
	size_t len = strlen(host), tail = sizeof(name) - 1;

	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len < tail || strncasecmp(host + len - tail, name, tail) != 0)
		return false;
	return len == tail || host[len - tail - 1] == '.';
}

bool update_resolve_needed(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) != 1 && strchr(host, ':') == NULL &&
	       !is_below_localhost(host);
}

/* ---- one try ---- */

static void hang_up(struct question *q)
{
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
}

static void end(struct question *q, bool answered)
{
	hang_up(q);
	q->ended = true;
	q->answered = answered;
}

static int connect_to(const union addr *a, int type)
{
	int fd = socket(a->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, &a->sa, addr_len(a)) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

static void write_query(struct update_lookup *l, struct question *q)
{
	const struct msg_opt opt = {.udp_size = UDP_SIZE, .ede = EDE_NONE};
	struct msg_writer w;

	q->id = rng_u16(l->rng);
	msg_write_start(&w, q->query + TCP_PREFIX, QUERY_SIZE, q->id, MSG_RD);
	msg_write_question(&w, l->name, q->type, CLASS_IN);
	msg_write_opt(&w, &opt);
	q->query_len = TCP_PREFIX + w.out.pos; /* it fits: that is what QUERY_SIZE says */
	msg_set_u16(q->query, (unsigned)w.out.pos);
}

/* One more attempt at the upstream of the last one, or, over UDP, at the next one. */
static bool open_try(struct update_lookup *l, struct question *q, bool is_tcp, uint64_t now_ms)
{
	hang_up(q);
	if (!is_tcp)
		q->at = q->n_tries++ % l->n_upstreams;
	q->is_tcp = is_tcp;
	q->n_sent = q->n_got = 0;
	q->until_ms = now_ms + TRY_MS;
	write_query(l, q);
	q->fd = connect_to(&l->upstreams[q->at], is_tcp ? SOCK_STREAM : SOCK_DGRAM);
	if (q->fd < 0)
		return false;
	return is_tcp || send(q->fd, q->query + TCP_PREFIX, q->query_len - TCP_PREFIX,
			     MSG_NOSIGNAL) == (ssize_t)(q->query_len - TCP_PREFIX);
}

static void try_next(struct update_lookup *l, struct question *q, uint64_t now_ms)
{
	unsigned most = ROUNDS * l->n_upstreams;

	most = most < TRIES_MAX ? most : TRIES_MAX;
	while (q->n_tries < most) {
		if (open_try(l, q, false, now_ms))
			return;
	}
	end(q, false);
}

/* ---- a reply ---- */

static bool is_reply(
    const struct update_lookup *l, const struct question *q, const uint8_t *msg, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t off = MSG_HEADER, name_size;

	if (len < MSG_HEADER || msg_u16(msg) != q->id || msg_u16(msg + 4) != 1 ||
	    (msg_u16(msg + 2) & (MSG_QR | MSG_OPCODE)) != MSG_QR)
		return false;
	if (name_read(msg, len, &off, name, &name_size) != 0 || len - off < 4)
		return false;
	return name_equal(name, l->name) && msg_u16(msg + off) == q->type &&
	       msg_u16(msg + off + 2) == CLASS_IN;
}

static void add_address(struct update_lookup *l, uint16_t type, const uint8_t *rdata)
{
	union addr *a = &l->found[l->n_found];

	if (l->n_found == UPDATE_ADDRS_MAX)
		return;
	memset(a, 0, sizeof(*a));
	if (type == TYPE_A) {
		a->in4.sin_family = AF_INET;
		memcpy(&a->in4.sin_addr, rdata, 4);
	} else {
		a->in6.sin6_family = AF_INET6;
		memcpy(&a->in6.sin6_addr, rdata, 16);
	}
	l->n_found++;
}

/* Take the addresses of `owner` in the answer, or else its alias into `owner`.  Returns 1 where it was
 * an alias, 0 where it was not, ERR_FORMAT. */
static int take_answer(struct update_lookup *l, uint16_t type, const uint8_t *msg, size_t len,
    uint8_t owner[NAME_SIZE])
{
	struct msg_walk walk;
	struct msg_rr rr;
	uint8_t name[NAME_SIZE], alias[NAME_SIZE];
	size_t name_size, want = type == TYPE_A ? 4 : 16;
	bool has_alias = false;
	int more = msg_walk_start(&walk, msg, len);

	if (more != 0)
		return more;
	while ((more = msg_walk_next(&walk, &rr)) == 1 && rr.section == SECTION_ANSWER) {
		size_t off = rr.owner_off;

		if (rr.class != CLASS_IN || name_read(msg, len, &off, name, &name_size) != 0 ||
		    !name_equal(name, owner))
			continue;
		if (rr.type == type && rr.rdata_len == want)
			add_address(l, type, msg + rr.rdata_off);
		off = rr.rdata_off;
		if (rr.type == TYPE_CNAME && name_read(msg, len, &off, alias, &name_size) == 0)
			has_alias = true;
	}
	if (has_alias)
		memcpy(owner, alias, NAME_SIZE);
	return more < 0 ? more : has_alias;
}

static bool take_addresses(struct update_lookup *l, uint16_t type, const uint8_t *msg, size_t len)
{
	uint8_t owner[NAME_SIZE];
	unsigned before = l->n_found;
	int more = 1;

	memcpy(owner, l->name, NAME_SIZE);
	for (unsigned i = 0; i < ALIASES_MAX && more == 1 && l->n_found == before; i++)
		more = take_answer(l, type, msg, len, owner);
	return more >= 0;
}

/* A reply to this question: the end of it, or a reason to ask once more. */
static void take_reply(
    struct update_lookup *l, struct question *q, const uint8_t *msg, size_t len, uint64_t now_ms)
{
	unsigned flags = msg_u16(msg + 2), rcode = flags & MSG_RCODE;

	if ((flags & MSG_TC) != 0 && !q->is_tcp) {
		if (!open_try(l, q, true, now_ms))
			try_next(l, q, now_ms);
		return;
	}
	if (rcode == RCODE_NXDOMAIN ||
	    (rcode == RCODE_NOERROR && take_addresses(l, q->type, msg, len)))
		end(q, true);
	else
		try_next(l, q, now_ms);
}

/* ---- what has come ---- */

static bool is_later(void)
{
	return errno == EAGAIN || errno == EINTR || errno == ENOTCONN || errno == EINPROGRESS;
}

static void step_udp(struct update_lookup *l, struct question *q, uint64_t now_ms)
{
	uint8_t msg[UDP_SIZE];

	while (!q->ended && !q->is_tcp) {
		ssize_t n = recv(q->fd, msg, sizeof(msg), 0);

		if (n < 0 && is_later())
			return;
		if (n < 0) /* nobody is there, says its machine */
			try_next(l, q, now_ms);
		else if (is_reply(l, q, msg, (size_t)n))
			take_reply(l, q, msg, (size_t)n, now_ms);
	}
}

/* Returns 1 where it is done, 0 where the rest comes later, -1 where the connection failed. */
static int move_tcp(struct question *q)
{
	size_t want = TCP_PREFIX;
	ssize_t n;

	while (q->n_sent < q->query_len) {
		n = send(q->fd, q->query + q->n_sent, q->query_len - q->n_sent, MSG_NOSIGNAL);
		if (n < 0)
			return is_later() ? 0 : -1;
		q->n_sent += (size_t)n;
	}
	if (q->reply == NULL)
		q->reply = calloc(1, TCP_PREFIX + MSG_MAX);
	if (q->reply == NULL)
		return -1;
	for (;;) {
		if (q->n_got >= TCP_PREFIX)
			want = TCP_PREFIX + (size_t)msg_u16(q->reply);
		if (q->n_got >= TCP_PREFIX && q->n_got == want)
			return 1;
		n = recv(q->fd, q->reply + q->n_got, want - q->n_got, 0);
		if (n <= 0)
			return n < 0 && is_later() ? 0 : -1;
		q->n_got += (size_t)n;
	}
}

static void step_tcp(struct update_lookup *l, struct question *q, uint64_t now_ms)
{
	const uint8_t *msg;
	int moved = move_tcp(q);

	if (moved == 0)
		return;
	if (moved < 0) {
		try_next(l, q, now_ms);
		return;
	}
	msg = q->reply + TCP_PREFIX;
	if (is_reply(l, q, msg, q->n_got - TCP_PREFIX))
		take_reply(l, q, msg, q->n_got - TCP_PREFIX, now_ms);
	else
		try_next(l, q, now_ms);
}

static void step_question(struct update_lookup *l, struct question *q, uint64_t now_ms)
{
	if (!q->ended && !q->is_tcp)
		step_udp(l, q, now_ms);
	if (!q->ended && q->is_tcp)
		step_tcp(l, q, now_ms);
	if (!q->ended && now_ms >= q->until_ms)
		try_next(l, q, now_ms);
}

bool update_lookup_step(struct update_lookup *l, uint64_t now_ms)
{
	struct question *q = l->questions;
	unsigned found = l->n_found;

	step_question(l, &q[0], now_ms);
	step_question(l, &q[1], now_ms);
	if (found == 0 && l->n_found != 0) {
		for (unsigned i = 0; i < 2; i++) {
			if (!q[i].ended && q[i].until_ms > now_ms + PATIENCE_MS)
				q[i].until_ms = now_ms + PATIENCE_MS;
			q[i].n_tries = TRIES_MAX; /* the one under way is the last */
		}
	}
	return !q[0].ended || !q[1].ended;
}

/* ---- the lookup ---- */

struct update_lookup *update_lookup_new(
    const union addr *upstreams, unsigned n, struct rng *rng, const char *host, uint64_t now_ms)
{
	struct update_lookup *l = calloc(1, sizeof(*l));
	size_t name_size;

	if (l == NULL)
		return NULL;
	if (name_from_text(host, strlen(host), l->name, &name_size) != 0) {
		free(l);
		return NULL;
	}
	l->upstreams = upstreams;
	l->n_upstreams = n;
	l->rng = rng;
	for (unsigned i = 0; i < 2; i++) {
		l->questions[i].fd = -1;
		l->questions[i].type = i == 0 ? TYPE_A : TYPE_AAAA;
		try_next(l, &l->questions[i], now_ms);
	}
	return l;
}

void update_lookup_free(struct update_lookup *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < 2; i++) {
		hang_up(&l->questions[i]);
		free(l->questions[i].reply);
	}
	free(l);
}

unsigned update_lookup_fds(const struct update_lookup *l, struct pollfd fds[2], uint64_t *until_ms)
{
	unsigned n = 0;

	*until_ms = UINT64_MAX;
	for (unsigned i = 0; i < 2; i++) {
		const struct question *q = &l->questions[i];
		bool is_sending = q->is_tcp && q->n_sent < q->query_len;

		if (q->ended)
			continue;
		fds[n++] = (struct pollfd){.fd = q->fd, .events = is_sending ? POLLOUT : POLLIN};
		if (q->until_ms < *until_ms)
			*until_ms = q->until_ms;
	}
	return n;
}

unsigned update_lookup_result(
    const struct update_lookup *l, const union addr **addresses, bool *answered)
{
	*addresses = l->found;
	*answered = l->questions[0].answered || l->questions[1].answered;
	return l->n_found;
}
