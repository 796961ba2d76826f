/* listen_tcp.c - connections of clients, their buffers and their end. */

#include "resolver/io/listen_tcp.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/dns/msg.h"
#include "lib/log.h"
#include "resolver/io/peers.h"
#include "resolver/io/timer.h"

#define SOCKETS_MAX    (2 * CONF_LISTEN_MAX)
#define ACCEPTS_MAX    32 /* for one wake-up */
#define ACCEPT_WAIT_MS 100
#define READ_SIZE      2048	  /* of one turn */
#define TURN_OUT       (16 << 10) /* bytes of answers from which they are written within a turn */
#define OUT_STOP       (16 << 10) /* unsent bytes from which no more messages are taken */
#define FRAME_MAX      (2 + 65535)
#define BUFFER_MIN     128
#define SPARE_SIZES    8	  /* up to TURN_OUT */
#define SPARE_MAX      (64 << 10) /* bytes that are kept for buffers to come */
#define SLOT_BITS      20
#define SLOTS_MAX      (1u << SLOT_BITS)

/* bytes[from..to) of `size` allocated ones; all zero when it is empty. */
struct buffer {
	uint8_t *bytes;
	uint32_t from, to, size;
};

enum conn_state { CONN_IDLE, CONN_HALF, CONN_WAITING, CONN_UNSENT, CONN_STATES };

struct tcp_conn {
	struct listen_tcp *owner;
	TAILQ_ENTRY(tcp_conn) link;	  /* in the list of its state, or `free` */
	TAILQ_ENTRY(tcp_conn) ready_link; /* in `ready`, when is_ready */
	struct peer_link peer;
	struct event event;
	uint64_t handle;   /* n-th connection << SLOT_BITS | slot; 0: closed */
	uint64_t since_ms; /* its last progress */
	struct buffer in;  /* half a message, or messages that cannot be taken yet */
	struct buffer out; /* answers that the kernel has not taken, whole but for the first */
	union addr from;
	int fd;
	uint32_t slot;
	uint16_t listener;
	uint16_t pending; /* messages whose answer is awaited */
	uint8_t state;
	uint8_t watched; /* EV_READ, EV_WRITE */
	bool is_ready;
	bool took;	/* a message, within this turn */
	bool drained;	/* bytes of answers were taken by the kernel, within this turn */
	bool blocked;	/* the kernel takes no more now */
	bool eof;	/* the client sends no more */
	bool malformed; /* it sent what can have no answer */
	bool broken;	/* of no use any more */
};

TAILQ_HEAD(tcp_conn_list, tcp_conn);

struct tcp_socket {
	struct listen_tcp *owner;
	struct event acceptable;
	int fd; /* -1: this place is free */
};

/* The memory of a buffer that is empty now. */
struct spare {
	SLIST_ENTRY(spare) link;
};

SLIST_HEAD(spare_list, spare);

struct listen_tcp {
	struct event_base *base;
	struct query *core;
	struct listen_tcp_limits limits;
	struct peers *peers;
	struct tcp_socket sockets[SOCKETS_MAX];
	struct event resume; /* accepting, after descriptors ran out */
	struct event idle;
	struct event deliver;			  /* to those of `ready` */
	struct tcp_conn **slots;		  /* n_slots, each made when it is first needed */
	struct tcp_conn_list states[CONN_STATES]; /* the one longest without progress first */
	struct tcp_conn_list free;
	struct tcp_conn_list ready; /* they got answers, or none is awaited any more */
	struct tcp_conn *busy;	    /* whose turn it is */
	unsigned n_slots, n_open;
	bool idle_runs;
	size_t buffered;		       /* bytes of all buffers */
	struct spare_list spares[SPARE_SIZES]; /* of BUFFER_MIN bytes, of twice as many, ... */
	size_t spared;			       /* bytes of all of them */
	uint64_t accepted, refused, refused_client, closed_idle, closed_slow, closed_malformed,
	    accept_failed;
	size_t n_answers; /* bytes of answers[] that are to be written after busy->out */
	uint8_t answers[TURN_OUT + FRAME_MAX];
	uint8_t read[READ_SIZE];
};

static void conn_reset(struct tcp_conn *c);

/* ---- buffers ---- */

static size_t buffer_len(const struct buffer *b)
{
	return b->to - b->from;
}

/* Those of `size` bytes, BUFFER_MIN << n; NULL: such are not kept. */
static struct spare_list *spares_of(struct listen_tcp *l, size_t size)
{
	unsigned n = (unsigned)__builtin_ctzl(size / BUFFER_MIN);

	return n < SPARE_SIZES ? &l->spares[n] : NULL;
}

/* Memory for a buffer of `size` bytes, BUFFER_MIN << n.  NULL: there is none. */
static uint8_t *bytes_take(struct listen_tcp *l, size_t size)
{
	struct spare_list *spares = spares_of(l, size);
	struct spare *spare = spares != NULL ? SLIST_FIRST(spares) : NULL;

	if (spare == NULL)
		return malloc(size);
	SLIST_REMOVE_HEAD(spares, link);
	l->spared -= size;
	return (uint8_t *)spare;
}

/* Half a message, or answers that came late, are there for a moment and come again and again: some of the
 * memory is kept for the next. */
static void bytes_put(struct listen_tcp *l, uint8_t *bytes, size_t size)
{
	struct spare_list *spares = spares_of(l, size);
	struct spare *spare = (struct spare *)(void *)bytes;

	if (spares == NULL || l->spared + size > SPARE_MAX) {
		free(bytes);
		return;
	}
	SLIST_INSERT_HEAD(spares, spare, link);
	l->spared += size;
}

/* Memory for the buffers of one connection more, so that its queries need not allocate. */
static void spares_stock(struct listen_tcp *l)
{
	for (size_t size = BUFFER_MIN; size < BUFFER_MIN << SPARE_SIZES; size *= 2) {
		uint8_t *bytes = l->spared + size <= SPARE_MAX ? malloc(size) : NULL;

		if (bytes != NULL)
			bytes_put(l, bytes, size);
	}
}

static void buffer_free(struct listen_tcp *l, struct buffer *b)
{
	if (b->bytes == NULL)
		return;
	l->buffered -= b->size;
	bytes_put(l, b->bytes, b->size);
	*b = (struct buffer){0};
}

static void buffer_drop(struct listen_tcp *l, struct buffer *b, size_t len)
{
	b->from += (uint32_t)len;
	if (b->from == b->to)
		buffer_free(l, b);
}

/* The one of this state with buffers that has made no progress for longest, but for `but` and the
 * one whose turn it is. */
static struct tcp_conn *oldest_buffered(
    const struct listen_tcp *l, enum conn_state state, const struct tcp_conn *but)
{
	struct tcp_conn *c = TAILQ_FIRST(&l->states[state]);

	while (c != NULL && (c == but || c == l->busy))
		c = TAILQ_NEXT(c, link);
	return c;
}

/* Room for `size` bytes more in the buffers of all connections, at the cost of the slowest others:
 * those who do not read first.  False: there is none. */
static bool make_room(struct listen_tcp *l, const struct tcp_conn *for_, size_t size)
{
	while (l->buffered + size > LISTEN_TCP_BUFFERS_MAX) {
		struct tcp_conn *c = oldest_buffered(l, CONN_UNSENT, for_);

		if (c == NULL)
			c = oldest_buffered(l, CONN_HALF, for_);
		if (c == NULL)
			return false;
		l->closed_slow++;
		conn_reset(c);
	}
	return true;
}

/* Append to a buffer of `c`.  False: no room, or no memory. */
static bool buffer_add(struct tcp_conn *c, struct buffer *b, const uint8_t *bytes, size_t len)
{
	struct listen_tcp *l = c->owner;
	size_t used = buffer_len(b), size = b->size != 0 ? b->size : BUFFER_MIN;
	uint8_t *grown;

	while (size < used + len)
		size *= 2;
	if (size > b->size) {
		if (!make_room(l, c, size - b->size))
			return false;
		grown = bytes_take(l, size);
		if (grown == NULL)
			return false;
		if (used > 0)
			memcpy(grown, b->bytes + b->from, used);
		buffer_free(l, b);
		l->buffered += size;
		*b = (struct buffer){.bytes = grown, .size = (uint32_t)size};
	} else if (b->from > 0) {
		memmove(b->bytes, b->bytes + b->from, used);
	}
	b->from = 0;
	b->to = (uint32_t)used;
	memcpy(b->bytes + used, bytes, len);
	b->to += (uint32_t)len;
	return true;
}

/* ---- progress, and the lack of it ---- */

/* When the first of those that may not go on for ever is over; UINT64_MAX: there is none. */
static uint64_t first_due_ms(const struct listen_tcp *l)
{
	uint64_t since_ms = UINT64_MAX;

	for (unsigned i = 0; i < CONN_STATES; i++) {
		const struct tcp_conn *c = TAILQ_FIRST(&l->states[i]);

		if (i != CONN_WAITING && c != NULL && c->since_ms < since_ms)
			since_ms = c->since_ms;
	}
	return since_ms == UINT64_MAX ? UINT64_MAX : since_ms + l->limits.idle_ms;
}

static void idle_arm(struct listen_tcp *l, uint64_t now_ms)
{
	uint64_t due_ms = first_due_ms(l);

	l->idle_runs = due_ms != UINT64_MAX;
	if (l->idle_runs)
		timer_start(&l->idle, due_ms > now_ms ? due_ms - now_ms : 0);
	else
		event_del(&l->idle);
}

static void conn_enter(struct tcp_conn *c, enum conn_state state, uint64_t now_ms)
{
	struct listen_tcp *l = c->owner;

	if (c->state != state || TAILQ_NEXT(c, link) != NULL) {
		TAILQ_REMOVE(&l->states[c->state], c, link);
		TAILQ_INSERT_TAIL(&l->states[state], c, link);
	}
	peers_touch(&c->peer);
	c->state = (uint8_t)state;
	c->since_ms = now_ms;
	/* All may stay for the same time, so a timer that runs is early enough. */
	if (!l->idle_runs && state != CONN_WAITING)
		idle_arm(l, now_ms);
}

/* ---- the end ---- */

static void conn_close(struct tcp_conn *c)
{
	struct listen_tcp *l = c->owner;

	event_del(&c->event);
	close(c->fd);
	buffer_free(l, &c->in);
	buffer_free(l, &c->out);
	if (c->is_ready)
		TAILQ_REMOVE(&l->ready, c, ready_link);
	c->is_ready = false;
	c->handle = 0;
	peers_leave(l->peers, &c->peer);
	TAILQ_REMOVE(&l->states[c->state], c, link);
	TAILQ_INSERT_HEAD(&l->free, c, link);
	l->n_open--;
}

/* Close, and let the kernel forget it at once with what it still has for the client.  (SO_LINGER would do the same, but
 * the sandbox denies it.) */
static void conn_reset(struct tcp_conn *c)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	(void)connect(c->fd, &nobody, sizeof(nobody));
	conn_close(c);
}

/* An orderly end, but not for one that does not take what was sent to it: the kernel would go on to
 * offer that. */
static void conn_end(struct tcp_conn *c)
{
	int unsent = 0;

	if (ioctl(c->fd, SIOCOUTQ, &unsent) == 0 && unsent > 0)
		conn_reset(c);
	else
		conn_close(c);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct listen_tcp *l = arg;
	uint64_t now_ms = clock_ms();

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < CONN_STATES; i++) {
		struct tcp_conn *c;

		while (i != CONN_WAITING && (c = TAILQ_FIRST(&l->states[i])) != NULL &&
		       now_ms - c->since_ms >= l->limits.idle_ms) {
			if (i == CONN_IDLE)
				l->closed_idle++;
			else
				l->closed_slow++;
			conn_end(c);
		}
	}
	idle_arm(l, now_ms);
}

/* ---- a turn: take messages, write answers ---- */

/* Write the unsent answers, and behind them those of this turn; keep what the kernel does not
 * take. */
static void conn_flush(struct tcp_conn *c)
{
	struct listen_tcp *l = c->owner;
	size_t unsent = buffer_len(&c->out), turn = c == l->busy ? l->n_answers : 0, sent = 0;
	struct iovec parts[2] = {
	    {.iov_base = unsent > 0 ? c->out.bytes + c->out.from : NULL, .iov_len = unsent},
	    {.iov_base = l->answers, .iov_len = turn},
	};
	const struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};

	if (unsent + turn == 0 || c->broken)
		return;
	if (!c->blocked) {
		ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			c->broken = true;
			return;
		}
		sent = n > 0 ? (size_t)n : 0;
		c->drained |= sent > 0;
		c->blocked = sent < unsent + turn;
	}
	if (unsent > 0)
		buffer_drop(l, &c->out, sent < unsent ? sent : unsent);
	if (turn == 0)
		return;
	l->n_answers = 0;
	sent = sent > unsent ? sent - unsent : 0;
	if (sent < turn && !buffer_add(c, &c->out, l->answers + sent, turn - sent)) {
		l->closed_slow++;
		c->broken = true;
	}
}

static bool conn_may_take(const struct tcp_conn *c)
{
	return !c->broken && !c->malformed && c->pending < LISTEN_TCP_PENDING_MAX &&
	       buffer_len(&c->out) <= OUT_STOP;
}

static void conn_ask(struct tcp_conn *c, const struct query_asker *asker, const uint8_t *msg,
    size_t len, uint64_t now_ms)
{
	struct listen_tcp *l = c->owner;
	uint8_t *out = l->answers + l->n_answers;
	size_t out_len;

	c->took = true;
	c->pending++;
	out_len = query_ask(l->core, asker, msg, len, now_ms, out + 2, QUERY_OUT_SIZE);
	if (out_len > 0) {
		c->pending--;
		msg_set_u16(out, (unsigned)out_len);
		l->n_answers += 2 + out_len;
		if (l->n_answers > TURN_OUT)
			conn_flush(c);
	} else if (len < MSG_HEADER || (msg_u16(msg + 2) & MSG_QR) != 0) {
		c->pending--;
		c->malformed = true;
	}
}

/* Bytes of the frame that begins bytes[0..len), its length field included; 0: it is not there as a
 * whole. */
static size_t frame_len(const uint8_t *bytes, size_t len)
{
	size_t frame = len >= 2 ? 2 + (size_t)msg_u16(bytes) : SIZE_MAX;

	return frame <= len ? frame : 0;
}

/* The idle time-out to announce (RFC 7828, 3.4): as places get few clients are to leave sooner, and
 * at once when there is none. */
static uint16_t keepalive_ds(const struct listen_tcp *l)
{
	unsigned places = l->limits.clients_max, half = places - places / 2;
	unsigned left = l->n_open < places ? places - l->n_open : 0;
	uint64_t ds = l->limits.idle_ms / 100;

	if (left < half)
		ds = ds * left / half;
	return ds < UINT16_MAX ? (uint16_t)ds : UINT16_MAX;
}

/* Take the messages of bytes[0..len) as far as may be; returns how many bytes they were. */
static size_t conn_take(struct tcp_conn *c, const uint8_t *bytes, size_t len, uint64_t now_ms)
{
	const struct query_asker asker = {
	    .from = c->from,
	    .tcp = true,
	    .listener = c->listener,
	    .conn = c->handle,
	    .keepalive_ds = keepalive_ds(c->owner),
	};
	size_t pos = 0, frame;

	while (conn_may_take(c) && (frame = frame_len(bytes + pos, len - pos)) != 0) {
		conn_ask(c, &asker, bytes + pos + 2, frame - 2, now_ms);
		pos += frame;
	}
	return pos;
}

/* The same of what was kept. */
static void conn_take_kept(struct tcp_conn *c, uint64_t now_ms)
{
	size_t taken = conn_take(c, c->in.bytes + c->in.from, buffer_len(&c->in), now_ms);

	if (taken > 0)
		buffer_drop(c->owner, &c->in, taken);
}

static void conn_keep(struct tcp_conn *c, const uint8_t *bytes, size_t len)
{
	if (len > 0 && !c->broken && !buffer_add(c, &c->in, bytes, len)) {
		c->owner->closed_slow++;
		c->broken = true;
	}
}

/* Bytes that the half message which is kept lacks; while its length is not known, of that. */
static size_t conn_lacks(const struct tcp_conn *c)
{
	const uint8_t *kept = c->in.bytes + c->in.from;
	size_t len = buffer_len(&c->in);

	return len < 2 ? 2 - len : 2 + (size_t)msg_u16(kept) - len;
}

/* The next bytes of the stream: the half message that is kept is completed first, and what makes no
 * whole one is kept. */
static void conn_feed(struct tcp_conn *c, const uint8_t *bytes, size_t len, uint64_t now_ms)
{
	while (c->in.bytes != NULL && len > 0 && !c->broken) {
		size_t part = conn_lacks(c);

		if (part > len)
			part = len;
		conn_keep(c, bytes, part);
		bytes += part;
		len -= part;
		if (frame_len(c->in.bytes + c->in.from, buffer_len(&c->in)) != 0)
			conn_take_kept(c, now_ms);
	}
	if (len > 0) {
		size_t taken = conn_take(c, bytes, len, now_ms);

		conn_keep(c, bytes + taken, len - taken);
	}
}

static void conn_watch(struct tcp_conn *c, short events);

/* Where it stands after a turn: wait for what is missing, or close. */
static void conn_settle(struct tcp_conn *c, uint64_t now_ms)
{
	bool unsent = c->out.bytes != NULL, reads = !c->eof && conn_may_take(c);
	enum conn_state state = CONN_IDLE;
	bool progress = c->took || (c->drained && c->state != CONN_HALF);

	if (c->broken || c->malformed || (c->eof && c->pending == 0 && !unsent)) {
		c->owner->closed_malformed += c->malformed;
		conn_close(c);
		return;
	}
	c->took = c->drained = false;
	if (unsent)
		state = CONN_UNSENT;
	else if (reads && c->in.bytes != NULL)
		state = CONN_HALF;
	else if (c->pending > 0)
		state = CONN_WAITING;
	if (progress || state != c->state)
		conn_enter(c, state, now_ms);
	conn_watch(c, (short)((reads ? EV_READ : 0) | (unsent ? EV_WRITE : 0)));
}

/* A turn: bytes[0..len) came, or there is room for answers, or answers. */
static void conn_turn(struct tcp_conn *c, const uint8_t *bytes, size_t len, uint64_t begin_ns)
{
	struct listen_tcp *l = c->owner;
	uint64_t now_ms = begin_ns / CLOCK_NS_PER_MS;
	bool took;

	l->busy = c;
	conn_feed(c, bytes, len, now_ms);
	conn_flush(c);
	while (c->in.bytes != NULL && conn_may_take(c) &&
	       frame_len(c->in.bytes + c->in.from, buffer_len(&c->in)) != 0) {
		conn_take_kept(c, now_ms);
		conn_flush(c);
	}
	l->busy = NULL;
	l->n_answers = 0;
	took = c->took;
	conn_settle(c, now_ms);
	if (took)
		query_sent(l->core, clock_ns() - begin_ns);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_conn *c = arg;
	struct listen_tcp *l = c->owner;
	uint64_t begin_ns = clock_ns();
	ssize_t n = 0;

	if ((what & EV_WRITE) != 0)
		c->blocked = false;
	if ((what & EV_READ) != 0) {
		n = recv(fd, l->read, sizeof(l->read), MSG_DONTWAIT);
		if (n == 0)
			c->eof = true;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			c->broken = true;
	}
	conn_turn(c, l->read, n > 0 ? (size_t)n : 0, begin_ns);
}

/* Wait for these events.  Mostly they are those of before, which costs nothing. */
static void conn_watch(struct tcp_conn *c, short events)
{
	if (c->watched == events)
		return;
	if (c->watched != 0)
		event_del(&c->event);
	c->watched = (uint8_t)events;
	if (events == 0)
		return;
	if (event_assign(
		&c->event, c->owner->base, c->fd, (short)(events | EV_PERSIST), on_event, c) < 0 ||
	    event_add(&c->event, NULL) < 0)
		conn_close(c);
}

/* Those whose answers came from the core: all that came in a wake-up are written at once. */
static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct listen_tcp *l = arg;
	uint64_t begin_ns = clock_ns();
	struct tcp_conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&l->ready)) != NULL) {
		TAILQ_REMOVE(&l->ready, c, ready_link);
		c->is_ready = false;
		conn_turn(c, NULL, 0, begin_ns);
	}
}

/* ---- connections ---- */

/* A closed connection to be used, or NULL. */
static struct tcp_conn *conn_spare(struct listen_tcp *l)
{
	struct tcp_conn *c = TAILQ_FIRST(&l->free);
	struct tcp_conn **slots;

	if (c != NULL)
		return c;
	slots = realloc(l->slots, (l->n_slots + 1) * sizeof(struct tcp_conn *));
	if (slots == NULL)
		return NULL;
	l->slots = slots;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->slot = l->n_slots;
	slots[l->n_slots++] = c;
	spares_stock(l);
	TAILQ_INSERT_HEAD(&l->free, c, link);
	return c;
}

/* The connection `fd` of the client `from`; becomes ours, and is closed where it cannot be kept. */
static void conn_open(struct tcp_socket *s, int fd, const union addr *from, uint64_t now_ms)
{
	struct listen_tcp *l = s->owner;
	struct tcp_conn *c = conn_spare(l);

	if (c == NULL || peers_join(l->peers, &c->peer, from) < 0) {
		close(fd);
		return;
	}
	TAILQ_REMOVE(&l->free, c, link);
	*c = (struct tcp_conn){
	    .owner = l,
	    .peer = c->peer,
	    .handle = ++l->accepted << SLOT_BITS | c->slot,
	    .from = *from,
	    .fd = fd,
	    .slot = c->slot,
	    .listener = (uint16_t)(s - l->sockets),
	    .state = CONN_IDLE,
	};
	TAILQ_INSERT_TAIL(&l->states[CONN_IDLE], c, link);
	l->n_open++;
	conn_enter(c, CONN_IDLE, now_ms);
	conn_watch(c, EV_READ);
}

/* ---- accepting ---- */

/* Close a connection for a new one: the longest without progress, rather of those that do not wait
 * for us. */
static void give_up_any(struct listen_tcp *l)
{
	struct tcp_conn *oldest = NULL;

	for (unsigned i = 0; i < CONN_STATES; i++) {
		struct tcp_conn *c = TAILQ_FIRST(&l->states[i]);

		if (i != CONN_WAITING && c != NULL &&
		    (oldest == NULL || c->since_ms < oldest->since_ms))
			oldest = c;
	}
	if (oldest == NULL)
		oldest = TAILQ_FIRST(&l->states[CONN_WAITING]);
	if (oldest == NULL)
		return;
	l->refused++;
	log_warning(
	    "tcp-clients", "%u clients are connected: the longest idle gives way", l->n_open);
	conn_end(oldest);
}

static struct tcp_conn *conn_of(struct peer_link *link)
{
	return (struct tcp_conn *)(void *)((char *)link - offsetof(struct tcp_conn, peer));
}

/* The same among those of one client, which has too many. */
static void give_up_own(struct listen_tcp *l, const struct peer *peer, const union addr *from)
{
	struct peer_link *link = peers_first(peer);
	char text[ADDR_TEXT_SIZE];

	while (link != NULL && conn_of(link)->state == CONN_WAITING)
		link = peers_next(link);
	if (link == NULL)
		link = peers_first(peer);
	l->refused_client++;
	log_warning("tcp-client", "%s has %u connections: its longest idle gives way",
	    addr_format_host(from, text), peers_count(peer));
	conn_end(conn_of(link));
}

static void make_place(struct listen_tcp *l, const union addr *from)
{
	const struct peer *peer = peers_find(l->peers, from);

	if (peer != NULL && peers_count(peer) >= l->limits.per_address_max)
		give_up_own(l, peer, from);
	else if (l->n_open >= l->limits.clients_max)
		give_up_any(l);
}

/* A connection that cannot be taken leaves the listener readable: look away for a while instead of
 * spinning. */
static void accept_pause(struct listen_tcp *l, const char *reason)
{
	l->accept_failed++;
	log_warning("tcp-accept", "cannot take a connection: %s", reason);
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		if (l->sockets[i].fd >= 0)
			event_del(&l->sockets[i].acceptable);
	}
	timer_start(&l->resume, ACCEPT_WAIT_MS);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct listen_tcp *l = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		if (l->sockets[i].fd >= 0)
			event_add(&l->sockets[i].acceptable, NULL);
	}
}

static void on_acceptable(evutil_socket_t listening, short what, void *arg)
{
	struct tcp_socket *s = arg;
	struct listen_tcp *l = s->owner;
	uint64_t now_ms = clock_ms();

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		union addr from = {0};
		socklen_t from_len = sizeof(from);
		int fd = accept4(listening, &from.sa, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				accept_pause(l, strerror(errno));
			/* Else there is none, or the network took it back: accept(2). */
			return;
		}
		make_place(l, &from);
		conn_open(s, fd, &from, now_ms);
	}
}

/* ---- for the worker ---- */

struct listen_tcp *listen_tcp_new(struct event_base *base, struct query *core,
    const struct listen_tcp_limits *limits, const struct hash_key *key)
{
	struct listen_tcp *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->base = base;
	l->core = core;
	for (unsigned i = 0; i < CONN_STATES; i++)
		TAILQ_INIT(&l->states[i]);
	TAILQ_INIT(&l->free);
	TAILQ_INIT(&l->ready);
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		l->sockets[i].owner = l;
		l->sockets[i].fd = -1;
	}
	l->peers = peers_new(limits->clients_max, key);
	if (l->peers == NULL || evtimer_assign(&l->resume, base, on_resume, l) < 0 ||
	    evtimer_assign(&l->idle, base, on_idle, l) < 0 ||
	    event_assign(&l->deliver, base, -1, 0, on_deliver, l) < 0) {
		peers_free(l->peers);
		free(l);
		return NULL;
	}
	listen_tcp_set(l, limits);
	return l;
}

void listen_tcp_free(struct listen_tcp *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < SOCKETS_MAX; i++)
		listen_tcp_remove(l, i);
	for (unsigned i = 0; i < CONN_STATES; i++) {
		while (!TAILQ_EMPTY(&l->states[i]))
			conn_close(TAILQ_FIRST(&l->states[i]));
	}
	for (unsigned i = 0; i < l->n_slots; i++)
		free(l->slots[i]);
	for (unsigned i = 0; i < SPARE_SIZES; i++) {
		struct spare *spare;

		while ((spare = SLIST_FIRST(&l->spares[i])) != NULL) {
			SLIST_REMOVE_HEAD(&l->spares[i], link);
			free(spare);
		}
	}
	free(l->slots);
	peers_free(l->peers);
	event_del(&l->resume);
	event_del(&l->idle);
	event_del(&l->deliver);
	free(l);
}

/* What its connections inherit, at no cost for each (Linux, tcp(7)). */
static void socket_tune(int fd, unsigned idle_ms)
{
	const int size = LISTEN_TCP_SOCKET_BUFFER, on = 1, user_timeout = (int)idle_ms;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* How long the kernel goes on with one that is closed and was not taken. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof(user_timeout));
}

void listen_tcp_set(struct listen_tcp *l, const struct listen_tcp_limits *limits)
{
	l->limits = *limits;
	if (l->limits.clients_max > SLOTS_MAX)
		l->limits.clients_max = SLOTS_MAX;
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		if (l->sockets[i].fd >= 0)
			socket_tune(l->sockets[i].fd, limits->idle_ms);
	}
	idle_arm(l, clock_ms());
}

int listen_tcp_add(struct listen_tcp *l, unsigned index, int fd)
{
	struct tcp_socket *s;

	if (index >= SOCKETS_MAX || l->sockets[index].fd >= 0) {
		close(fd);
		return ERR_RANGE;
	}
	s = &l->sockets[index];
	if (event_assign(&s->acceptable, l->base, fd, EV_READ | EV_PERSIST, on_acceptable, s) < 0 ||
	    event_add(&s->acceptable, NULL) < 0) {
		close(fd);
		return ERR_NOMEM;
	}
	socket_tune(fd, l->limits.idle_ms);
	s->fd = fd;
	return 0;
}

void listen_tcp_remove(struct listen_tcp *l, unsigned index)
{
	struct tcp_socket *s;

	if (index >= SOCKETS_MAX || l->sockets[index].fd < 0)
		return;
	s = &l->sockets[index];
	event_del(&s->acceptable);
	close(s->fd);
	s->fd = -1;
}

/* An answer from the core behind those that are unsent.  Where it is large, or others need the room,
 * it is written at once.  False: the client takes too little. */
static bool conn_add_answer(struct tcp_conn *c, const uint8_t *msg, size_t len)
{
	const struct listen_tcp *l = c->owner;
	uint8_t be[2];

	msg_set_u16(be, (unsigned)len);
	if (buffer_len(&c->out) + sizeof(be) + len > LISTEN_TCP_OUT_MAX ||
	    !buffer_add(c, &c->out, be, sizeof(be)) || !buffer_add(c, &c->out, msg, len))
		return false;
	/* In its own turn the core is writing to answers[]. */
	if (c != l->busy &&
	    (buffer_len(&c->out) > TURN_OUT || l->buffered > LISTEN_TCP_BUFFERS_MAX / 2))
		conn_flush(c);
	return true;
}

void listen_tcp_send(
    struct listen_tcp *l, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	size_t slot = to->conn & (SLOTS_MAX - 1);
	struct tcp_conn *c = slot < l->n_slots ? l->slots[slot] : NULL;

	if (c == NULL || c->handle != to->conn)
		return;
	if (c->pending > 0)
		c->pending--;
	if (len != 0 && !c->broken && !conn_add_answer(c, msg, len)) {
		l->closed_slow++;
		c->broken = true;
	}
	/* Called from the core, maybe for a message of this very connection: go on when it is
	 * through. */
	if (c == l->busy || c->is_ready)
		return;
	if (TAILQ_EMPTY(&l->ready))
		event_active(&l->deliver, EV_WRITE, 0);
	TAILQ_INSERT_TAIL(&l->ready, c, ready_link);
	c->is_ready = true;
}

void listen_tcp_stats(const struct listen_tcp *l, struct stats *stats)
{
	stats->tcp_clients = l->n_open;
	stats->tcp_accepted = l->accepted;
	stats->tcp_buffered = l->buffered;
	stats->tcp_refused = l->refused;
	stats->tcp_refused_client = l->refused_client;
	stats->tcp_idle = l->closed_idle;
	stats->tcp_slow = l->closed_slow;
	stats->tcp_malformed = l->closed_malformed;
	stats->tcp_accept_failed = l->accept_failed;
}
