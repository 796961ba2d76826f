/* test_listen_tcp.c - connections of clients over real sockets, with a core that answers when it is
 * told to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/conf.h"
#include "resolver/io/listen_tcp.h"
#include "tests/unit/loopback.h"

#define CLIENTS_MAX 3
#define LONG_MS	    60000
#define SHORT_MS    50
#define MSG_LEN	    20 /* of a query of these tests: its number stands in the first two bytes */
#define ASKED_MAX   1000

/* ---- the core ---- */

static struct {
	unsigned asked;
	struct query_asker askers[ASKED_MAX];
	uint16_t ids[ASKED_MAX]; /* of their messages */
	bool later;		 /* no answer now */
	size_t answer_len;	 /* of an answer: the query, as a response, and zeros */
} core;

static void write_answer(uint8_t *out, uint16_t id, size_t len)
{
	memset(out, 0, len);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[2] = 0x80;
}

size_t query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg, size_t len,
    uint64_t now_ms, uint8_t *out, size_t out_size)
{
	assert_null(q);
	assert_true(now_ms > 0);
	assert_true(out_size >= QUERY_OUT_SIZE);
	assert_true(core.asked < ASKED_MAX);
	core.askers[core.asked] = *from;
	core.ids[core.asked] = (uint16_t)(len >= 2 ? msg[0] << 8 | msg[1] : 0);
	core.asked++;
	if (len < 12 || (msg[2] & 0x80) != 0 || core.later)
		return 0;
	write_answer(out, core.ids[core.asked - 1], core.answer_len);
	return core.answer_len;
}

void query_sent(struct query *q, uint64_t took_ns)
{
	assert_null(q);
	assert_true(took_ns < (uint64_t)10e9);
}

/* ---- the network: accept4() that is to fail or to lie, and calls that are counted ---- */

static struct {
	unsigned calls, left;
	int with;
} failing;

static const char *pretended; /* where clients come from; NULL: where they do */
static unsigned reads, writes;

static union addr parsed(const char *text)
{
	union addr a;
	struct why why;

	assert_int_equal(addr_parse(&a, text, 1024, &why), 0);
	return a;
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	int got;

	failing.calls++;
	if (failing.left > 0) {
		failing.left--;
		errno = failing.with;
		return -1;
	}
	got = (int)syscall(SYS_accept4, fd, addr, len, flags);
	if (got >= 0 && pretended != NULL) {
		const union addr from = parsed(pretended);

		memcpy(addr, &from, sizeof(from));
	}
	return got;
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
	reads++;
	return syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	writes++;
	return syscall(SYS_sendmsg, fd, msg, flags);
}

/* ---- the tests ---- */

static struct event_base *base;
static struct listen_tcp *listener;
static struct listen_tcp_limits limits;
static const struct hash_key key = {1, 2};
static union addr address;
static int listening; /* the listener's */

static int setup(void **state)
{
	const int size = 32768;

	(void)state;
	memset(&core, 0, sizeof(core));
	memset(&failing, 0, sizeof(failing));
	pretended = NULL;
	core.answer_len = MSG_LEN;
	base = event_base_new();
	limits = (struct listen_tcp_limits){CLIENTS_MAX, CLIENTS_MAX, LONG_MS};
	listener = listen_tcp_new(base, NULL, &limits, &key);
	address = loopback_addr("127.0.0.1", 0);
	listening = loopback_bind(&address, SOCK_STREAM);
	/* Connections inherit it: the kernel is not to hide how much waits for a reader. */
	(void)setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return listen_tcp_add(listener, 9, listening);
}

static int teardown(void **state)
{
	(void)state;
	listen_tcp_free(listener);
	event_base_free(base);
	return 0;
}

static int client(void)
{
	return loopback_connect(&address, SOCK_STREAM);
}

/* A client that takes little before it has read. */
static int slow_client(void)
{
	const int size = 4096;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), errno);
	assert_return_code(connect(fd, &address.sa, addr_len(&address)), errno);
	assert_return_code(fcntl(fd, F_SETFL, O_NONBLOCK), errno);
	return fd;
}

/* The frames of messages first .. first + n - 1 into `out`; their length. */
static size_t frames(uint8_t *out, unsigned first, unsigned n)
{
	uint8_t *at = out;

	memset(out, 0, (size_t)n * (2 + MSG_LEN));
	for (unsigned i = first; i < first + n; i++, at += 2 + MSG_LEN) {
		at[1] = MSG_LEN;
		at[2] = (uint8_t)(i >> 8);
		at[3] = (uint8_t)i;
	}
	return (size_t)(at - out);
}

static void ask(int fd, unsigned first, unsigned n)
{
	uint8_t out[ASKED_MAX * (2 + MSG_LEN)];

	loopback_write(base, fd, out, frames(out, first, n));
}

/* The next answer is for message `id`, `len` bytes long. */
static void expect(int fd, unsigned id, size_t len)
{
	static uint8_t bytes[2 + 65535];

	assert_int_equal(loopback_read(base, fd, bytes, 2 + len), 2 + len);
	assert_int_equal(bytes[0] << 8 | bytes[1], len);
	assert_int_equal(bytes[2] << 8 | bytes[3], id);
	assert_int_equal(bytes[4], 0x80);
}

static void expect_end(int fd)
{
	uint8_t byte;

	assert_int_equal(loopback_read(base, fd, &byte, 1), 0);
}

static struct stats stats(void)
{
	struct stats s = {0};

	listen_tcp_stats(listener, &s);
	return s;
}

static unsigned clients(void)
{
	return (unsigned)stats().tcp_clients;
}

static bool has_asked(void *ctx)
{
	return core.asked >= *(const unsigned *)ctx;
}

static void await_asked(unsigned n)
{
	loopback_run(base, has_asked, &n);
	assert_int_equal(core.asked, n);
}

static bool has_clients(void *ctx)
{
	return clients() == *(const unsigned *)ctx;
}

static void await_clients(unsigned n)
{
	loopback_run(base, has_clients, &n);
}

/* Give the answer to the n-th message (from 0) as the core does. */
static void answer(unsigned n, size_t len)
{
	static uint8_t msg[65535];

	write_answer(msg, core.ids[n], len);
	listen_tcp_send(listener, &core.askers[n], msg, len);
}

static void test_answers(void **state)
{
	int fd = client();

	(void)state;
	ask(fd, 700, 1);
	expect(fd, 700, MSG_LEN);
	assert_true(core.askers[0].tcp);
	assert_int_equal(core.askers[0].listener, 9);
	assert_int_equal(core.askers[0].from.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(clients(), 1);
	ask(fd, 701, 1);
	expect(fd, 701, MSG_LEN);
	assert_true(core.askers[0].conn == core.askers[1].conn);
	close(fd);
	await_clients(0);
}

static void test_split_anywhere(void **state)
{
	uint8_t bytes[3 * (2 + MSG_LEN)];
	size_t len = frames(bytes, 1, 3);

	(void)state;
	for (size_t cut = 1; cut < len; cut++) {
		int fd = client();

		core.asked = 0;
		loopback_write(base, fd, bytes, cut);
		await_asked((unsigned)(cut / (2 + MSG_LEN)));
		loopback_settle(base);
		await_asked((unsigned)(cut / (2 + MSG_LEN)));
		loopback_write(base, fd, bytes + cut, len - cut);
		for (unsigned id = 1; id <= 3; id++)
			expect(fd, id, MSG_LEN);
		close(fd);
		await_clients(0);
	}
}

static void test_byte_by_byte(void **state)
{
	uint8_t bytes[2 * (2 + MSG_LEN)];
	size_t len = frames(bytes, 1, 2);
	int fd = client();

	(void)state;
	for (size_t i = 0; i < len; i++) {
		loopback_write(base, fd, bytes + i, 1);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	expect(fd, 1, MSG_LEN);
	expect(fd, 2, MSG_LEN);
	close(fd);
}

static void test_largest(void **state)
{
	static uint8_t bytes[2 + 65535];
	int fd = client();

	(void)state;
	core.answer_len = 65535;
	bytes[0] = bytes[1] = 0xff;
	bytes[3] = 5;
	loopback_write(base, fd, bytes, sizeof(bytes));
	expect(fd, 5, 65535);
	loopback_write(base, fd, bytes, sizeof(bytes));
	expect(fd, 5, 65535);
	close(fd);
}

static void test_answers_in_any_order(void **state)
{
	int fd = client();

	(void)state;
	core.later = true;
	ask(fd, 10, 4);
	await_asked(4);
	answer(2, MSG_LEN);
	answer(0, 300);
	expect(fd, 12, MSG_LEN);
	expect(fd, 10, 300);
	core.later = false;
	ask(fd, 14, 1);
	expect(fd, 14, MSG_LEN);
	answer(3, MSG_LEN);
	answer(1, MSG_LEN);
	expect(fd, 13, MSG_LEN);
	expect(fd, 11, MSG_LEN);
	close(fd);
}

static void test_half_close(void **state)
{
	int fd = client();

	(void)state;
	core.later = true;
	ask(fd, 1, 2);
	shutdown(fd, SHUT_WR);
	await_asked(2);
	loopback_settle(base);
	assert_int_equal(clients(), 1);
	answer(1, MSG_LEN);
	expect(fd, 2, MSG_LEN);
	answer(0, MSG_LEN);
	expect(fd, 1, MSG_LEN);
	expect_end(fd);
	close(fd);
	await_clients(0);
}

/* The core says that a question gets no answer: nobody waits for it any more. */
static void test_left_unanswered(void **state)
{
	int fd = client();

	(void)state;
	core.later = true;
	ask(fd, 1, 2);
	shutdown(fd, SHUT_WR);
	await_asked(2);
	listen_tcp_send(listener, &core.askers[0], NULL, 0);
	loopback_settle(base);
	assert_int_equal(clients(), 1);
	answer(1, MSG_LEN);
	expect(fd, 2, MSG_LEN);
	expect_end(fd);
	close(fd);
	await_clients(0);
}

static void test_half_close_at_once(void **state)
{
	int fd = client();

	(void)state;
	/* More than is taken in one turn. */
	core.answer_len = 60000;
	ask(fd, 0, 30);
	shutdown(fd, SHUT_WR);
	for (unsigned id = 0; id < 30; id++)
		expect(fd, id, 60000);
	expect_end(fd);
	close(fd);
}

static void check_closed(const uint8_t *bytes, size_t len, unsigned asked)
{
	uint8_t good[2 + MSG_LEN], byte;
	int fd = client();

	core.asked = 0;
	loopback_write(base, fd, bytes, len);
	loopback_write(base, fd, good, frames(good, 1, 1));
	loopback_await(base, fd);
	await_clients(0);
	/* With bytes unread the end is a reset; with none, orderly. */
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	assert_int_equal(core.asked, asked);
	close(fd);
}

static void test_what_has_no_answer(void **state)
{
	static const uint8_t response[2 + 12] = {0, 12, 0, 1, 0x80};

	(void)state;
	check_closed((const uint8_t[]){0, 0}, 2, 1);
	check_closed((const uint8_t[]){0, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 13, 1);
	check_closed(response, sizeof(response), 1);
}

static void test_too_many_clients(void **state)
{
	int fds[CLIENTS_MAX], extra;

	(void)state;
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		fds[i] = client();
		ask(fds[i], i, 1);
		expect(fds[i], i, MSG_LEN);
	}
	/* The first waits for an answer, longer than the others are idle: the second makes room. */
	core.later = true;
	ask(fds[0], 5, 1);
	await_asked(CLIENTS_MAX + 1);
	core.later = false;
	poll(NULL, 0, 2); /* later by the clock, which counts milliseconds */
	for (unsigned i = 1; i < CLIENTS_MAX; i++) {
		ask(fds[i], i, 1);
		expect(fds[i], i, MSG_LEN);
	}
	core.later = true;
	extra = client();
	expect_end(fds[1]);
	assert_int_equal(stats().tcp_refused, 1);
	assert_int_equal(clients(), CLIENTS_MAX);
	close(fds[1]);
	fds[1] = extra;

	/* When all wait, the one that waits longest does. */
	ask(fds[1], 6, 1);
	ask(fds[2], 7, 1);
	await_asked(2 * CLIENTS_MAX + 2);
	extra = client();
	expect_end(fds[0]);
	assert_int_equal(stats().tcp_refused, 2);
	assert_int_equal(clients(), CLIENTS_MAX);
	answer(CLIENTS_MAX, MSG_LEN); /* comes too late */
	answer(2 * CLIENTS_MAX, MSG_LEN);
	answer(2 * CLIENTS_MAX + 1, MSG_LEN);
	expect(fds[1], 6, MSG_LEN);
	expect(fds[2], 7, MSG_LEN);
	close(fds[0]);
	fds[0] = extra;
	core.later = false;

	limits.clients_max++;
	listen_tcp_set(listener, &limits);
	extra = client();
	ask(extra, 8, 1);
	expect(extra, 8, MSG_LEN);
	close(extra);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		close(fds[i]);
}

static void test_idle(void **state)
{
	int silent = client(), dribbler = client(), waiting = client();
	uint8_t bytes[2 + MSG_LEN];

	(void)state;
	core.later = true;
	limits.idle_ms = SHORT_MS;
	listen_tcp_set(listener, &limits);
	ask(waiting, 1, 1);
	loopback_write(base, dribbler, bytes, frames(bytes, 2, 1) - 1);
	await_asked(1);
	expect_end(silent);
	expect_end(dribbler);
	/* Not this one: it waits for us. */
	assert_int_equal(clients(), 1);
	answer(0, MSG_LEN);
	expect(waiting, 1, MSG_LEN);
	expect_end(waiting);
	close(silent);
	close(dribbler);
	close(waiting);
}

static void test_pending_is_bounded(void **state)
{
	int fd = client();

	(void)state;
	core.later = true;
	ask(fd, 0, 100);
	await_asked(LISTEN_TCP_PENDING_MAX);
	loopback_settle(base);
	await_asked(LISTEN_TCP_PENDING_MAX);
	answer(5, MSG_LEN);
	expect(fd, 5, MSG_LEN);
	await_asked(LISTEN_TCP_PENDING_MAX + 1);
	for (unsigned i = 0; i < LISTEN_TCP_PENDING_MAX; i++) {
		if (i != 5)
			answer(i, MSG_LEN);
	}
	await_asked(100);
	close(fd);
}

/* Nor is more read than one message, however much there is. */
static void test_unread_stays_in_the_network(void **state)
{
	uint8_t bytes[2 + 600] = {600 >> 8, 600 & 0xff};
	int fd = client();

	(void)state;
	core.later = true;
	for (unsigned i = 0; i < 300; i++) {
		bytes[2] = (uint8_t)(i >> 8);
		bytes[3] = (uint8_t)i;
		loopback_write(base, fd, bytes, sizeof(bytes));
	}
	await_asked(LISTEN_TCP_PENDING_MAX);
	loopback_settle(base);
	core.later = false;
	answer(0, MSG_LEN);
	expect(fd, 0, MSG_LEN);
	for (unsigned id = LISTEN_TCP_PENDING_MAX; id < 300; id++)
		expect(fd, id, MSG_LEN);
	close(fd);
}

/* What is written at once in full is no reason to wait. */
static void test_goes_on_after_a_full_write(void **state)
{
	const int size = 1 << 20;
	int fd;

	(void)state;
	(void)setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fd = client();
	core.answer_len = 60000;
	ask(fd, 0, 30);
	for (unsigned id = 0; id < 30; id++)
		expect(fd, id, 60000);
	close(fd);
}

static void test_slow_reader_is_not_read_from(void **state)
{
	int fd = slow_client();

	(void)state;
	core.answer_len = 60000;
	ask(fd, 0, 100);
	loopback_settle(base);
	/* What waits, and what the kernel took: far from all. */
	assert_in_range(core.asked, 1, 20);
	assert_int_equal(clients(), 1);
	for (unsigned id = 0; id < 100; id++)
		expect(fd, id, 60000);
	assert_int_equal(core.asked, 100);
	ask(fd, 100, 1);
	expect(fd, 100, 60000);
	close(fd);
}

static void test_stuck_reader_is_closed(void **state)
{
	int fd = slow_client();
	unsigned one = 1;

	(void)state;
	limits.idle_ms = SHORT_MS;
	listen_tcp_set(listener, &limits);
	core.answer_len = 60000;
	ask(fd, 0, 100);
	loopback_run(base, has_asked, &one);
	await_clients(0);
	assert_in_range(core.asked, 1, 20);
	close(fd);
}

static void test_answers_for_a_stuck_reader_are_bounded(void **state)
{
	int fd = slow_client();

	(void)state;
	core.later = true;
	ask(fd, 0, 64);
	await_asked(64);
	for (unsigned i = 0; i < 64; i++)
		answer(i, 65535);
	await_clients(0);
	close(fd);
}

static void test_client_that_is_gone(void **state)
{
	const struct linger reset = {.l_onoff = 1};
	int fd = client();

	(void)state;
	core.later = true;
	ask(fd, 1, 2);
	await_asked(2);
	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), errno);
	close(fd);
	await_clients(0);
	answer(0, MSG_LEN);

	/* The next one, at the same place, gets nothing of it. */
	fd = client();
	ask(fd, 3, 1);
	await_asked(3);
	assert_true(core.askers[2].conn != core.askers[0].conn);
	answer(1, MSG_LEN);
	answer(2, MSG_LEN);
	expect(fd, 3, MSG_LEN);
	close(fd);
}

static void test_out_of_descriptors(void **state)
{
	int fd;

	(void)state;
	failing.left = 2;
	failing.with = EMFILE;
	fd = client();
	while (failing.calls == 0)
		event_base_loop(base, EVLOOP_ONCE);
	/* It is waiting, and nobody spins. */
	for (unsigned i = 0; i < 100; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_in_range(failing.calls, 1, 2);
	ask(fd, 4, 1);
	expect(fd, 4, MSG_LEN);
	close(fd);
}

static void test_remove(void **state)
{
	int fd = client(), refused = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	ask(fd, 1, 1);
	expect(fd, 1, MSG_LEN);
	listen_tcp_remove(listener, 9);
	listen_tcp_remove(listener, 9);
	listen_tcp_remove(listener, 1000);
	assert_int_equal(connect(refused, &address.sa, addr_len(&address)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	ask(fd, 2, 1);
	expect(fd, 2, MSG_LEN);
	close(refused);
	close(fd);
}

static void test_wrong_index(void **state)
{
	union addr a = loopback_addr("127.0.0.1", 0);
	int fd = loopback_bind(&a, SOCK_STREAM);

	(void)state;
	assert_int_equal(listen_tcp_add(listener, 9, fd), ERR_RANGE);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	a = loopback_addr("127.0.0.1", 0);
	fd = loopback_bind(&a, SOCK_STREAM);
	assert_int_equal(listen_tcp_add(listener, 2 * CONF_LISTEN_MAX, fd), ERR_RANGE);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* A client that pipelines as much as it can gets no more of a turn than one read. */
static void test_share_of_a_turn(void **state)
{
	int busy = client(), other = client();
	unsigned of_other = 0;

	(void)state;
	core.answer_len = 12;
	ask(busy, 0, 1);
	ask(other, 1, 1);
	expect(busy, 0, 12);
	expect(other, 1, 12);
	core.asked = 0;
	ask(busy, 0, 900);
	ask(other, 1, 1);
	while (of_other == 0) {
		event_base_loop(base, EVLOOP_ONCE);
		for (unsigned i = 0; i < core.asked; i++)
			of_other += core.askers[i].conn != core.askers[0].conn;
	}
	/* Two reads of 2 KiB: the other's turn may come behind the second. */
	assert_in_range(core.asked, 1, 2 * 2048 / (2 + MSG_LEN) + 1);
	for (unsigned id = 0; id < 900; id++)
		expect(busy, id, 12);
	close(busy);
	close(other);
}

/* What comes at once is read at once, and answered by one segment (RFC 7766, 8). */
static void test_one_read_and_one_write(void **state)
{
	int fd = client();

	(void)state;
	ask(fd, 0, 1);
	expect(fd, 0, MSG_LEN);
	reads = writes = 0;
	ask(fd, 1, 50);
	for (unsigned wanted = 51; core.asked < wanted;)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(reads, 1);
	assert_int_equal(writes, 1);
	for (unsigned id = 1; id <= 50; id++)
		expect(fd, id, MSG_LEN);

	/* The same of answers that the core gives later, one by one. */
	core.later = true;
	ask(fd, 51, 50);
	await_asked(101);
	writes = 0;
	for (unsigned n = 51; n < 101; n++)
		answer(n, MSG_LEN);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(writes, 1);
	for (unsigned id = 51; id < 101; id++)
		expect(fd, id, MSG_LEN);
	close(fd);
}

/* The more places are taken, the sooner clients are to leave (RFC 7828, 3.4). */
static void test_keepalive(void **state)
{
	static const unsigned announced_ds[CLIENTS_MAX] = {LONG_MS / 100, LONG_MS / 200, 0};
	int fds[CLIENTS_MAX];

	(void)state;
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		fds[i] = client();
		ask(fds[i], i, 1);
		expect(fds[i], i, MSG_LEN);
		assert_int_equal(core.askers[i].keepalive_ds, announced_ds[i]);
	}
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		close(fds[i]);
}

static int client_from(const char *text)
{
	static unsigned id;
	int fd = client();

	pretended = text;
	ask(fd, ++id, 1);
	expect(fd, id, MSG_LEN);
	return fd;
}

static void test_too_many_of_a_client(void **state)
{
	int fds[10];
	unsigned n = 0;

	(void)state;
	limits = (struct listen_tcp_limits){10, 2, LONG_MS};
	listen_tcp_set(listener, &limits);
	fds[n++] = client_from("192.0.2.1");
	fds[n++] = client_from("192.0.2.2");
	fds[n++] = client_from("192.0.2.1");
	/* The first of its own has been idle longest, unless it did something since. */
	ask(fds[0], 900, 1);
	expect(fds[0], 900, MSG_LEN);
	fds[n++] = client_from("::ffff:192.0.2.1");
	expect_end(fds[2]);
	assert_int_equal(stats().tcp_refused_client, 1);
	/* One that waits for us stays, rather. */
	core.later = true;
	ask(fds[0], 901, 1);
	await_asked(core.asked + 1);
	core.later = false;
	ask(fds[3], 902, 1);
	expect(fds[3], 902, MSG_LEN);
	fds[n++] = client_from("192.0.2.1");
	expect_end(fds[3]);
	assert_int_equal(stats().tcp_refused_client, 2);
	/* A network of 64 bits is one client. */
	fds[n++] = client_from("2001:db8::1");
	fds[n++] = client_from("2001:db8::2:0:0:1");
	fds[n++] = client_from("2001:db8:0:1::1");
	assert_int_equal(stats().tcp_refused_client, 2);
	fds[n++] = client_from("2001:db8::3");
	expect_end(fds[5]);
	assert_int_equal(stats().tcp_refused_client, 3);
	assert_int_equal(stats().tcp_refused, 0);
	assert_int_equal(clients(), 6);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

static void test_this_machine_is_no_client(void **state)
{
	int fds[CLIENTS_MAX];

	(void)state;
	limits.per_address_max = 1;
	listen_tcp_set(listener, &limits);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		fds[i] = client_from("127.0.0.1");
	assert_int_equal(clients(), CLIENTS_MAX);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		close(fds[i]);
}

/* It sends all the time, but a message must be whole in time. */
static void test_byte_after_byte_is_closed(void **state)
{
	uint8_t byte = 1;
	int fd = client();

	(void)state;
	limits.idle_ms = SHORT_MS;
	listen_tcp_set(listener, &limits);
	loopback_write(base, fd, "\xff\xff", 2);
	for (unsigned i = 0; i < 5000 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		poll(NULL, 0, 1);
	}
	assert_int_equal(clients(), 0);
	assert_int_equal(core.asked, 0);
	assert_int_equal(stats().tcp_slow, 1);
	close(fd);
}

/* It reads all the time, but too little; and nothing is left to the kernel. */
static void test_byte_by_byte_reader_is_reset(void **state)
{
	int fd = slow_client();
	uint8_t bytes[4096];
	ssize_t got = 1;

	(void)state;
	limits.idle_ms = SHORT_MS;
	listen_tcp_set(listener, &limits);
	core.answer_len = 60000;
	ask(fd, 0, 100);
	for (unsigned i = 0; i < 10000 && (i == 0 || clients() > 0); i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		poll(NULL, 0, 1);
		(void)recv(fd, bytes, 1, 0);
	}
	assert_int_equal(clients(), 0);
	while (got > 0)
		got = recv(fd, bytes, sizeof(bytes), 0);
	assert_int_equal(got, -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

/* One that the kernel has answers for still, when all is written. */
static void test_idle_with_answers_untaken_is_reset(void **state)
{
	int fd = slow_client();
	uint8_t bytes[4096];
	ssize_t got = 1;

	(void)state;
	limits.idle_ms = SHORT_MS;
	listen_tcp_set(listener, &limits);
	core.answer_len = 20000;
	ask(fd, 0, 1);
	await_asked(1);
	await_clients(0);
	while (got > 0)
		got = recv(fd, bytes, sizeof(bytes), 0);
	assert_int_equal(got, -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

#define STUCK 60

static void test_buffers_are_bounded(void **state)
{
	int fds[STUCK], good = client();
	unsigned id = 1, one = 1;

	(void)state;
	limits = (struct listen_tcp_limits){STUCK + 1, STUCK + 1, LONG_MS};
	listen_tcp_set(listener, &limits);
	for (unsigned i = 0; i < STUCK; i++) {
		core.asked = 0;
		core.answer_len = 65535;
		fds[i] = slow_client();
		ask(fds[i], 0, 10);
		loopback_run(base, has_asked, &one);
		loopback_settle(base);
		assert_in_range(stats().tcp_buffered, 1, LISTEN_TCP_BUFFERS_MAX);
		core.answer_len = MSG_LEN;
		ask(good, id, 1);
		expect(good, id++, MSG_LEN);
	}
	assert_in_range(stats().tcp_slow, 1, STUCK);
	for (unsigned i = 0; i < STUCK; i++)
		close(fds[i]);
	await_clients(1);
	assert_int_equal(stats().tcp_buffered, 0);
	close(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_split_anywhere, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_largest, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_answers_in_any_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_half_close, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_left_unanswered, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_half_close_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_what_has_no_answer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_too_many_clients, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pending_is_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unread_stays_in_the_network, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_goes_on_after_a_full_write, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_slow_reader_is_not_read_from, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stuck_reader_is_closed, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_answers_for_a_stuck_reader_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_client_that_is_gone, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_out_of_descriptors, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wrong_index, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_share_of_a_turn, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_one_read_and_one_write, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_keepalive, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_too_many_of_a_client, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_this_machine_is_no_client, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_byte_after_byte_is_closed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_byte_by_byte_reader_is_reset, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_idle_with_answers_untaken_is_reset, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_buffers_are_bounded, setup, teardown),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("listen_tcp", tests, NULL, NULL);
}
