/* test_carrier_tcp.c - connections to an upstream on loopback. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/dns/msg.h"
#include "resolver/io/carrier_tcp.h"
#include "tests/unit/loopback.h"

static struct event_base *base;
static struct carrier_tcp *carrier;
static union addr upstream;
static int listening;

/* ---- the core: keeps the last reply ---- */

static struct {
	unsigned replies, failures;
	uint32_t port, try;
	uint8_t msg[65535];
	size_t len;
	struct query_try *end;	 /* give its port back from within the reply or failure */
	struct query_try *begin; /* and ask this */
} core;

static void end_and_begin(void)
{
	struct query_try *end = core.end, *begin = core.begin;

	core.end = core.begin = NULL;
	if (end != NULL)
		carrier_tcp_done(carrier, end);
	if (begin != NULL) {
		assert_int_equal(carrier_tcp_port(carrier, &begin->to, &begin->port), 0);
		assert_int_equal(
		    carrier_tcp_ask(carrier, begin, (const uint8_t *)"the next question", 17), 0);
	}
}

void query_reply(struct query *q, enum query_carrier via, uint32_t port, const union addr *from,
    const uint8_t *msg, size_t len, uint64_t now_ms)
{
	assert_null(q);
	assert_int_equal(via, CARRIER_TCP);
	assert_true(now_ms > 0);
	assert_true(addr_equal(from, &upstream));
	end_and_begin();
	core.replies++;
	core.port = port;
	memcpy(core.msg, msg, len);
	core.len = len;
}

void query_failed(struct query *q, uint32_t try, uint64_t now_ms)
{
	assert_null(q);
	assert_true(now_ms > 0);
	end_and_begin();
	core.failures++;
	core.try = try;
}

/* ---- the tests ---- */

static int setup(void **state)
{
	(void)state;
	memset(&core, 0, sizeof(core));
	base = event_base_new();
	carrier = carrier_tcp_new(base);
	upstream = loopback_addr("127.0.0.1", 0);
	listening = loopback_bind(&upstream, SOCK_STREAM);
	return carrier == NULL;
}

static int teardown(void **state)
{
	(void)state;
	carrier_tcp_free(carrier);
	event_base_free(base);
	if (listening >= 0)
		close(listening);
	return 0;
}

static struct query_try take(uint32_t handle)
{
	struct query_try try = {.try = handle, .via = CARRIER_TCP, .to = upstream};

	assert_int_equal(carrier_tcp_port(carrier, &upstream, &try.port), 0);
	return try;
}

static struct query_try ask(uint32_t handle)
{
	struct query_try try = take(handle);

	assert_int_equal(carrier_tcp_ask(carrier, &try, (const uint8_t *)"one question", 12), 0);
	return try;
}

static int take_connection(void)
{
	int fd;

	loopback_await(base, listening);
	fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void read_question(int fd, const char *question)
{
	uint8_t bytes[64];

	assert_int_equal(
	    loopback_read(base, fd, bytes, 2 + strlen(question)), 2 + strlen(question));
	assert_int_equal(bytes[0] << 8 | bytes[1], strlen(question));
	assert_memory_equal(bytes + 2, question, strlen(question));
}

/* The upstream's side of the next connection, its question read. */
static int serve(const char *question)
{
	int fd = take_connection();

	read_question(fd, question);
	return fd;
}

static void reply(int fd, const void *msg, size_t len)
{
	const uint8_t be[2] = {(uint8_t)(len >> 8), (uint8_t)len};

	loopback_write(base, fd, be, 2);
	loopback_write(base, fd, msg, len);
}

static bool has_replies(void *ctx)
{
	return core.replies == *(const unsigned *)ctx;
}

static void await_replies(unsigned n)
{
	loopback_run(base, has_replies, &n);
}

static bool has_failures(void *ctx)
{
	return core.failures == *(const unsigned *)ctx;
}

static void await_failures(unsigned n)
{
	loopback_run(base, has_failures, &n);
}

static void test_ask_and_reply(void **state)
{
	struct query_try try = ask(31);
	int fd = serve("one question");
	uint8_t byte;

	(void)state;
	core.end = &try;
	reply(fd, "a whole answer", 14);
	await_replies(1);
	assert_int_equal(core.port, try.port);
	assert_int_equal(core.len, 14);
	assert_memory_equal(core.msg, "a whole answer", 14);
	/* The connection is kept for the next one. */
	loopback_settle(base);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(core.failures, 0);
	close(fd);
}

static void test_reply_in_pieces(void **state)
{
	static const uint8_t bytes[] = "\0\16a whole answer";
	struct query_try try = ask(1);
	int fd = serve("one question");

	(void)state;
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(core.replies, 0);
		loopback_write(base, fd, bytes + i, 1);
		loopback_settle(base);
	}
	await_replies(1);
	assert_int_equal(core.len, 14);
	assert_memory_equal(core.msg, "a whole answer", 14);
	carrier_tcp_done(carrier, &try);
	close(fd);
}

static void test_largest(void **state)
{
	static uint8_t bytes[2 + 65535], back[2 + 65535];
	struct query_try try = take(1);
	int fd;

	(void)state;
	for (size_t i = 0; i < 65535; i++)
		bytes[i] = (uint8_t)(i % 251);
	assert_int_equal(carrier_tcp_ask(carrier, &try, bytes, 65536), ERR_RANGE);
	assert_int_equal(carrier_tcp_ask(carrier, &try, bytes, 65535), 0);
	loopback_await(base, listening);
	fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_int_equal(loopback_read(base, fd, back, sizeof(back)), sizeof(back));
	assert_memory_equal(back + 2, bytes, 65535);
	reply(fd, bytes, 65535);
	await_replies(1);
	assert_int_equal(core.len, 65535);
	assert_memory_equal(core.msg, bytes, 65535);
	carrier_tcp_done(carrier, &try);
	close(fd);
}

/* The core did not want the first message: the connection stays for the next. */
static void test_reply_not_wanted(void **state)
{
	struct query_try try = ask(1);
	int fd = serve("one question");

	(void)state;
	reply(fd, "not the answer", 14);
	reply(fd, "but this one is", 15);
	await_replies(2);
	assert_memory_equal(core.msg, "but this one is", 15);
	close(fd);
	close(serve("one question"));
	await_failures(1);
	carrier_tcp_done(carrier, &try);
}

static void check_failed(const void *bytes, size_t len)
{
	struct query_try try = ask(77);
	int fd = serve("one question");

	core.failures = 0;
	loopback_write(base, fd, bytes, len);
	shutdown(fd, SHUT_WR);
	await_failures(1);
	assert_int_equal(core.try, 77);
	assert_int_equal(core.replies, 0);
	loopback_settle(base);
	assert_int_equal(core.failures, 1);
	carrier_tcp_done(carrier, &try);
	close(fd);
}

static void test_failures(void **state)
{
	struct query_try try;
	int fd;

	(void)state;
	check_failed("", 0);
	check_failed("\0", 1);
	check_failed("\0\14", 2);
	check_failed("\0\14eleven byte", 13);
	check_failed("\0\0", 2);
	check_failed("\0\13eleven byte", 13);
	check_failed("\0", 1);
	/* Nothing is left of them. */
	try = ask(78);
	fd = serve("one question");
	reply(fd, "a whole answer", 14);
	await_replies(1);
	assert_memory_equal(core.msg, "a whole answer", 14);
	carrier_tcp_done(carrier, &try);
	close(fd);
}

static void test_refused(void **state)
{
	struct query_try try = take(5);
	unsigned failures = 1;

	(void)state;
	close(listening);
	listening = -1;
	/* The refusal may be there at once: then ask() says it. */
	if (carrier_tcp_ask(carrier, &try, (const uint8_t *)"one question", 12) < 0)
		failures = 0;
	await_failures(failures);
	loopback_settle(base);
	assert_int_equal(core.failures, failures);
	carrier_tcp_done(carrier, &try);
}

static void test_given_up(void **state)
{
	struct query_try connecting, waiting, halfway;
	uint8_t byte;
	int fd;

	(void)state;
	connecting = ask(1);
	carrier_tcp_done(carrier, &connecting);
	loopback_await(base, listening);
	fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_int_equal(loopback_read(base, fd, &byte, 1), 0);
	close(fd);

	waiting = ask(2);
	fd = serve("one question");
	carrier_tcp_done(carrier, &waiting);
	assert_int_equal(loopback_read(base, fd, &byte, 1), 0);
	close(fd);

	halfway = ask(3);
	fd = serve("one question");
	loopback_write(base, fd, "\1\0something", 11);
	loopback_settle(base);
	carrier_tcp_done(carrier, &halfway);
	close(fd);
	loopback_settle(base);
	assert_int_equal(core.replies + core.failures, 0);
}

/* The place of a try that ends is taken by the next, within one event. */
static void test_next_within_a_reply(void **state)
{
	struct query_try first = ask(1), next = {.try = 2, .via = CARRIER_TCP, .to = upstream};
	int fd = serve("one question");

	(void)state;
	core.end = &first;
	core.begin = &next;
	reply(fd, "the first answer", 16);
	await_replies(1);
	assert_memory_equal(core.msg, "the first answer", 16);
	assert_int_equal(next.port, first.port);
	read_question(fd, "the next question");
	reply(fd, "the next answer", 15);
	await_replies(2);
	assert_memory_equal(core.msg, "the next answer", 15);
	carrier_tcp_done(carrier, &next);
	close(fd);
}

static void test_next_within_a_failure(void **state)
{
	struct query_try first = ask(1), next = {.try = 2, .via = CARRIER_TCP, .to = upstream};
	int fd = serve("one question");

	(void)state;
	core.end = &first;
	core.begin = &next;
	close(fd);
	await_failures(1);
	assert_int_equal(core.try, 1);
	fd = serve("the next question");
	reply(fd, "the next answer", 15);
	await_replies(1);
	carrier_tcp_done(carrier, &next);
	close(fd);
}

/* Questions at once: a few connections, then several on each. */
static void test_bounded(void **state)
{
	static struct query_try tries[CARRIER_TCP_EACH * CARRIER_TCP_DEPTH];
	const unsigned n = CARRIER_TCP_EACH * CARRIER_TCP_DEPTH;
	uint32_t port;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		unsigned others = 0;

		tries[i] = ask(i);
		for (unsigned k = 0; k < i; k++)
			others += tries[k].port == tries[i].port;
		assert_int_equal(others, i / CARRIER_TCP_EACH);
	}
	assert_int_equal(carrier_tcp_port(carrier, &upstream, &port), ERR_LIMIT);
	carrier_tcp_done(carrier, &tries[40]);
	/* Given up, so its connection is not asked on any more: nor are the others, which are full. */
	assert_int_equal(carrier_tcp_port(carrier, &upstream, &port), ERR_LIMIT);
	for (unsigned i = 0; i < n; i++) {
		if (i != 40)
			carrier_tcp_done(carrier, &tries[i]);
	}
	assert_int_equal(carrier_tcp_port(carrier, &upstream, &port), 0);
}

static void reply_to(int fd, unsigned id)
{
	uint8_t msg[12] = {(uint8_t)(id >> 8), (uint8_t)id, 0x80};

	reply(fd, msg, sizeof(msg));
}

/* On a connection that is kept there is no handshake, and no end, for each question. */
static void test_kept(void **state)
{
	struct query_try try = ask(1);
	int fd = serve("one question");

	(void)state;
	for (unsigned i = 1; i <= 5; i++) {
		core.end = &try;
		reply_to(fd, i);
		await_replies(i);
		try = ask(1 + i);
		read_question(fd, "one question");
	}
	carrier_tcp_done(carrier, &try);
	close(fd);
}

/* Other addresses: a connection that is kept is closed; one that is in use, after its reply. */
static void test_renewed(void **state)
{
	struct query_try try = ask(1);
	int fd = serve("one question"), next;

	(void)state;
	core.end = &try;
	reply_to(fd, 1);
	await_replies(1);
	carrier_tcp_renew(carrier);
	assert_int_equal(read(fd, &(char){0}, 1), 0);
	close(fd);
	try = ask(2);
	fd = serve("one question");
	carrier_tcp_renew(carrier);
	core.end = &try;
	reply_to(fd, 2);
	await_replies(2);
	assert_int_equal(read(fd, &(char){0}, 1), 0);
	close(fd);
	try = ask(3);
	next = serve("one question");
	core.end = &try;
	reply_to(next, 3);
	await_replies(3);
	close(next);
}

/* More questions than connections: those on one come in one piece, and are answered in any order. */
static void test_pipelined(void **state)
{
	const unsigned n = 2 * CARRIER_TCP_EACH;
	struct query_try tries[2 * CARRIER_TCP_EACH];
	int fds[CARRIER_TCP_EACH];

	(void)state;
	for (unsigned i = 0; i < n; i++)
		tries[i] = ask(i);
	for (unsigned i = 0; i < CARRIER_TCP_EACH; i++) {
		fds[i] = take_connection();
		read_question(fds[i], "one question");
		read_question(fds[i], "one question");
	}
	for (unsigned i = 0; i < CARRIER_TCP_EACH; i++) {
		reply(fds[i], "the second answer", 17);
		reply(fds[i], "the first answer", 16);
		await_replies(2 * i + 2);
		assert_memory_equal(core.msg, "the first answer", 16);
	}
	for (unsigned i = 0; i < n; i++)
		carrier_tcp_done(carrier, &tries[i]);
	for (unsigned i = 0; i < CARRIER_TCP_EACH; i++)
		close(fds[i]);
}

/* The upstream closes in the moment in which we ask on: it is asked again, by itself. */
static void test_closed_meanwhile(void **state)
{
	struct query_try try = ask(1);
	int fd = serve("one question"), next_fd;

	(void)state;
	core.end = &try;
	reply_to(fd, 1);
	await_replies(1);
	try = ask(2);
	close(fd);
	next_fd = serve("one question");
	reply(next_fd, "a whole answer", 14);
	await_replies(2);
	assert_int_equal(core.port, try.port);
	assert_int_equal(core.failures, 0);

	/* But not again and again: only one that replied is worth it. */
	carrier_tcp_done(carrier, &try);
	close(next_fd);
	loopback_settle(base);
	try = ask(3);
	close(serve("one question"));
	await_failures(1);
	assert_int_equal(core.try, 3);
	carrier_tcp_done(carrier, &try);
}

/* It closes while nothing is asked: nobody's failure. */
static void test_closed_idle(void **state)
{
	struct query_try try = ask(1);
	int fd = serve("one question");

	(void)state;
	core.end = &try;
	reply_to(fd, 1);
	await_replies(1);
	close(fd);
	loopback_settle(base);
	assert_int_equal(core.failures, 0);
	try = ask(2);
	fd = serve("one question");
	core.end = &try;
	reply_to(fd, 2);
	await_replies(2);
	close(fd);
}

/* All that was asked on a connection fails with it, each once. */
static void test_failed_together(void **state)
{
	struct query_try tries[2 * CARRIER_TCP_EACH];

	(void)state;
	for (unsigned i = 0; i < 2 * CARRIER_TCP_EACH; i++)
		tries[i] = ask(i);
	for (unsigned i = 0; i < CARRIER_TCP_EACH; i++) {
		close(take_connection());
		await_failures(2 * (i + 1));
	}
	for (unsigned i = 0; i < 2 * CARRIER_TCP_EACH; i++)
		carrier_tcp_done(carrier, &tries[i]);
}

/* One on which a question got no reply in time is left to those that wait there. */
static void test_stuck(void **state)
{
	struct query_try stuck = ask(1), next;
	int fd = serve("one question"), next_fd;
	uint8_t byte;

	(void)state;
	carrier_tcp_done(carrier, &stuck);
	next = ask(2);
	next_fd = serve("one question");
	assert_int_equal(loopback_read(base, fd, &byte, 1), 0);
	reply_to(next_fd, 2);
	await_replies(1);
	carrier_tcp_done(carrier, &next);
	close(fd);
	close(next_fd);
}

/* An upstream that reads slowly gets it in parts. */
static void test_partial_writes(void **state)
{
	static uint8_t bytes[MSG_MAX], back[2 + MSG_MAX];
	const int size = 4096;
	struct query_try tries[CARRIER_TCP_EACH * 4];
	int fd;

	(void)state;
	assert_return_code(
	    setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), errno);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 251);
	for (unsigned i = 0; i < CARRIER_TCP_EACH * 4; i++) {
		tries[i] = take(i);
		assert_int_equal(carrier_tcp_ask(carrier, &tries[i], bytes, sizeof(bytes)), 0);
	}
	for (unsigned i = 0; i < CARRIER_TCP_EACH; i++) {
		fd = take_connection();
		loopback_settle(base);
		for (unsigned k = 0; k < 4; k++) {
			assert_int_equal(loopback_read(base, fd, back, sizeof(back)), sizeof(back));
			assert_memory_equal(back + 2, bytes, sizeof(bytes));
		}
		reply_to(fd, i);
		await_replies(i + 1);
		close(fd);
	}
	for (unsigned i = 0; i < CARRIER_TCP_EACH * 4; i++)
		carrier_tcp_done(carrier, &tries[i]);
}

/* ---- through a proxy: the listening socket is it, the upstream is nowhere ---- */

static int setup_proxy(void **state)
{
	static struct options options = {.n_upstream = 1, .proxy = {1}};
	char text[ADDR_TEXT_SIZE], proxy[PROXY_TEXT_SIZE];
	struct why why;

	if (setup(state) != 0)
		return -1;
	(void)snprintf(proxy, sizeof(proxy), "socks5://%s", addr_format(&upstream, text));
	upstream = loopback_addr("192.0.2.1", 53);
	options.upstream[0] = upstream;
	if (proxy_parse(&options.proxies[0], proxy, &why) != 0)
		return -1;
	carrier_tcp_set_proxies(carrier, &options);
	return 0;
}

static void assert_counted(uint64_t opened, uint64_t failed)
{
	struct stats stats = {0};

	carrier_tcp_stats(carrier, &stats);
	assert_int_equal(stats.proxy_opened, opened);
	assert_int_equal(stats.proxy_failed, failed);
}

static void expect(int fd, const void *bytes, size_t len)
{
	uint8_t got[64];

	assert_int_equal(loopback_read(base, fd, got, len), len);
	assert_memory_equal(got, bytes, len);
}

/* The proxy's side of the next connection, as far as the address. */
static int welcome(void)
{
	int fd = take_connection();

	expect(fd, "\5\1\0", 3);
	loopback_write(base, fd, "\5\0", 2);
	expect(fd, "\5\1\0\1\300\0\2\1\0\65", 10);
	return fd;
}

static void test_proxy(void **state)
{
	static const uint8_t connected[] = "\5\0\0\1\0\0\0\0\0\0";
	struct query_try first = ask(1), next;
	int fd = welcome();
	uint8_t byte;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		/* Nothing is asked before. */
		loopback_settle(base);
		assert_int_equal(recv(fd, &byte, 1, 0), -1);
		loopback_write(base, fd, connected + i, 1);
	}
	read_question(fd, "one question");
	core.end = &first;
	reply(fd, "a whole answer", 14);
	await_replies(1);
	/* It is kept; and where it was closed meanwhile, made anew. */
	next = ask(2);
	read_question(fd, "one question");
	close(fd);
	fd = welcome();
	loopback_write(base, fd, connected, 10);
	read_question(fd, "one question");
	core.end = &next;
	reply(fd, "the next answer", 15);
	await_replies(2);
	assert_int_equal(core.failures, 0);
	assert_counted(2, 0);
	close(fd);
}

/* The reply to the address, and the first of the upstream's, in one piece. */
static void test_proxy_in_one_piece(void **state)
{
	struct query_try try = ask(1);
	int fd = welcome();

	(void)state;
	core.end = &try;
	loopback_write(base, fd, "\5\0\0\3\2ab\0\65\0\16a whole answer", 25);
	await_replies(1);
	assert_memory_equal(core.msg, "a whole answer", 14);
	close(fd);
}

static void check_proxy_failed(const void *bytes, size_t len)
{
	struct query_try try = ask(7);
	int fd = welcome();

	core.failures = 0;
	loopback_write(base, fd, bytes, len);
	shutdown(fd, SHUT_WR);
	await_failures(1);
	assert_int_equal(core.try, 7);
	carrier_tcp_done(carrier, &try);
	close(fd);
}

static void test_proxy_fails(void **state)
{
	struct query_try try;
	int fd;

	(void)state;
	check_proxy_failed("", 0);
	check_proxy_failed("\5\1\0\1\0\0\0\0\0\0", 10);
	check_proxy_failed("\5\0\0\1\0\0\0\0\0", 9);
	check_proxy_failed("HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	assert_counted(0, 4);
	/* It stalls: the core gives up. */
	try = ask(8);
	fd = welcome();
	carrier_tcp_done(carrier, &try);
	assert_int_equal(recv(fd, &core.msg, 1, 0), 0);
	close(fd);
	assert_counted(0, 5);
	/* Nobody is there. */
	close(listening);
	listening = -1;
	try = take(9);
	core.failures = 0;
	if (carrier_tcp_ask(carrier, &try, (const uint8_t *)"one question", 12) == 0)
		await_failures(1);
	carrier_tcp_done(carrier, &try);
	assert_counted(0, 6);
	assert_int_equal(core.replies, 0);
}

/* What was connected by another way is not asked on any more. */
static void test_proxy_changes(void **state)
{
	static const struct options none = {.n_upstream = 1};
	struct query_try try = ask(1);
	int fd = welcome();
	uint8_t byte;

	(void)state;
	core.end = &try;
	loopback_write(base, fd, "\5\0\0\1\0\0\0\0\0\0\0\16a whole answer", 26);
	await_replies(1);
	carrier_tcp_set_proxies(carrier, &none);
	read_question(fd, "one question");
	assert_int_equal(loopback_read(base, fd, &byte, 1), 0);
	close(fd);
	assert_counted(1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_proxy, setup_proxy, teardown),
	    cmocka_unit_test_setup_teardown(test_proxy_in_one_piece, setup_proxy, teardown),
	    cmocka_unit_test_setup_teardown(test_proxy_fails, setup_proxy, teardown),
	    cmocka_unit_test_setup_teardown(test_proxy_changes, setup_proxy, teardown),
	    cmocka_unit_test_setup_teardown(test_ask_and_reply, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_reply_in_pieces, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_largest, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_reply_not_wanted, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_next_within_a_reply, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_next_within_a_failure, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_renewed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pipelined, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_closed_meanwhile, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_closed_idle, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_failed_together, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stuck, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_partial_writes, setup, teardown),
	};

	return cmocka_run_group_tests_name("carrier_tcp", tests, NULL, NULL);
}
