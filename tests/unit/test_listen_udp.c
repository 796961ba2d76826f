/* test_listen_udp.c - datagrams of clients over real sockets, with a core that answers by rote. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/conf.h"
#include "resolver/io/listen_udp.h"
#include "tests/unit/loopback.h"

/* ---- the core: answers with the bytes of the query turned round, or later ---- */

static struct {
	unsigned asked;
	bool later;
	struct query_asker asker; /* the last one */
	size_t len;		  /* of its message */
	unsigned n_unsent, n_sent;
	uint64_t took_ns;
} core;

static void turn(uint8_t *out, const uint8_t *msg, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = msg[len - 1 - i];
}

size_t query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg, size_t len,
    uint64_t now_ms, uint8_t *out, size_t out_size)
{
	assert_null(q);
	assert_true(now_ms > 0);
	assert_true(out_size >= 4096);
	core.asked++;
	core.asker = *from;
	core.len = len;
	if (core.later)
		return 0;
	turn(out, msg, len);
	core.n_unsent++;
	return len;
}

void query_ask_all(struct query *q, struct query_message *messages, unsigned n, uint64_t now_ms)
{
	for (struct query_message *m = messages; m < messages + n; m++)
		m->answer_len = query_ask(q, &m->from, m->msg, m->len, now_ms, m->out, m->out_size);
}

void query_sent(struct query *q, uint64_t took_ns)
{
	assert_null(q);
	assert_true(core.n_unsent > 0);
	core.n_sent += core.n_unsent;
	core.n_unsent = 0;
	core.took_ns = took_ns;
}

/* ---- the network: the sending that is to fail ---- */

static struct {
	unsigned messages; /* sent so far */
	unsigned at;	   /* this one fails, counted from 1; 0: none */
	int with;
} failing;

/* As the kernel does it: what precedes a failing message is sent, and the error waits for the next
 * call. */
int sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	unsigned before = failing.at > failing.messages ? failing.at - failing.messages - 1 : n;
	long sent;

	if (failing.at != 0 && before == 0) {
		failing.at = 0;
		failing.messages++;
		errno = failing.with;
		return -1;
	}
	sent = syscall(SYS_sendmmsg, fd, msgs, before < n ? before : n, flags);
	if (sent > 0)
		failing.messages += (unsigned)sent;
	return (int)sent;
}

/* ---- the tests ---- */

static struct event_base *base;
static struct listen_udp *listener;

static int setup(void **state)
{
	(void)state;
	memset(&core, 0, sizeof(core));
	memset(&failing, 0, sizeof(failing));
	base = event_base_new();
	listener = listen_udp_new(base, NULL);
	return base == NULL || listener == NULL;
}

static int teardown(void **state)
{
	(void)state;
	listen_udp_free(listener);
	event_base_free(base);
	return 0;
}

/* A listening socket on `host`, as number `index`; its address. */
static union addr listen_on(const char *host, unsigned index)
{
	union addr a = loopback_addr(host, 0);
	int fd = loopback_bind(&a, SOCK_DGRAM);
	const int size = 1 << 20;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	assert_int_equal(listen_udp_add(listener, index, fd, &a), 0);
	return a;
}

/* A socket that hears only `host`, at the port of `a`. */
static int client_of(const char *host, const union addr *a)
{
	union addr to = loopback_addr(host, addr_port(a));

	return loopback_connect(&to, SOCK_DGRAM);
}

static void ask(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

static void expect(int fd, const char *text)
{
	char bytes[8192];
	ssize_t len;

	loopback_await(base, fd);
	len = recv(fd, bytes, sizeof(bytes), 0);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
}

static void test_answers(void **state)
{
	union addr a = listen_on("127.0.0.1", 3);
	int fd = client_of("127.0.0.1", &a);

	(void)state;
	ask(fd, "stressed");
	expect(fd, "desserts");
	assert_int_equal(core.asker.listener, 3);
	assert_false(core.asker.tcp);
	assert_int_equal(core.asker.from.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(core.n_sent, 1);
	assert_true(core.took_ns > 0);
	/* A socket with one address answers from there by itself. */
	assert_int_equal(core.asker.local.sa.sa_family, AF_UNSPEC);
	close(fd);
}

static void test_each_client_gets_its_own(void **state)
{
	union addr a = listen_on("127.0.0.1", 0);
	int fds[200];
	char text[16], turned[16] = {0};

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		fds[i] = client_of("127.0.0.1", &a);
		(void)snprintf(text, sizeof(text), "client %u", i + 100);
		ask(fds[i], text);
	}
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(text, sizeof(text), "client %u", i + 100);
		turn((uint8_t *)turned, (const uint8_t *)text, strlen(text));
		expect(fds[i], turned);
		close(fds[i]);
	}
	assert_int_equal(core.n_sent, 200);
}

/* The clients here are deaf to any other address than the one that they asked. */
static void test_wildcard_answers_from_the_address_asked(void **state)
{
	union addr a = listen_on("0.0.0.0", 0);
	int one = client_of("127.0.0.1", &a), two = client_of("127.0.0.2", &a);

	(void)state;
	ask(two, "two");
	ask(one, "one");
	expect(two, "owt");
	expect(one, "eno");
	close(one);
	close(two);
}

static void test_wildcard_answers_later_from_there_too(void **state)
{
	union addr a = listen_on("0.0.0.0", 5);
	int fd = client_of("127.0.0.77", &a);

	(void)state;
	core.later = true;
	ask(fd, "later");
	while (core.asked == 0)
		event_base_loop(base, EVLOOP_ONCE);
	listen_udp_send(listener, &core.asker, (const uint8_t *)"now", 3);
	listen_udp_flush(listener);
	expect(fd, "now");
	close(fd);
}

static void test_wildcard_ip6(void **state)
{
	union addr a;
	int fd;

	(void)state;
	if (!loopback_has_ip6())
		skip();
	a = listen_on("::", 1);
	fd = client_of("::1", &a);
	ask(fd, "six");
	expect(fd, "xis");
	assert_int_equal(core.asker.local.sa.sa_family, AF_INET6);
	assert_true(IN6_IS_ADDR_LOOPBACK(&core.asker.local.in6.sin6_addr));
	core.later = true;
	ask(fd, "later");
	while (core.asked < 2)
		event_base_loop(base, EVLOOP_ONCE);
	listen_udp_send(listener, &core.asker, (const uint8_t *)"now", 3);
	listen_udp_flush(listener);
	expect(fd, "now");
	close(fd);
}

/* Ask from `fd`; who it is, for the answers to come. */
static struct query_asker ask_for_later(int fd)
{
	unsigned asked = core.asked;

	core.later = true;
	ask(fd, "later");
	while (core.asked == asked)
		event_base_loop(base, EVLOOP_ONCE);
	return core.asker;
}

static void expect_bytes(int fd, uint8_t value, size_t len)
{
	uint8_t bytes[8192];

	assert_int_equal(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(bytes[i], value);
}

/* Answers of one round for many clients of two listeners, more and longer ones than are held at once:
 * each gets its own, in their order. */
static void test_answers_of_a_round(void **state)
{
	enum { ROUNDS = 70, LEN = 1000 };
	union addr a = listen_on("127.0.0.1", 0), b = listen_on("127.0.0.1", 1);
	int at_a = client_of("127.0.0.1", &a), at_b = client_of("127.0.0.1", &b);
	struct query_asker of_a = ask_for_later(at_a), of_b = ask_for_later(at_b);
	uint8_t bytes[LEN];

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		listen_udp_send(listener, &of_a, bytes, LEN);
		if (i % 10 == 0)
			listen_udp_send(listener, &of_b, bytes, i);
	}
	memset(bytes, 0xff, sizeof(bytes)); /* what was to be sent is no longer needed */
	listen_udp_flush(listener);
	listen_udp_flush(listener);
	for (unsigned i = 0; i < ROUNDS; i++) {
		expect_bytes(at_a, (uint8_t)i, LEN);
		if (i % 10 == 0)
			expect_bytes(at_b, (uint8_t)i, i);
	}
	assert_int_equal(recv(at_a, bytes, 1, MSG_DONTWAIT), -1);
	close(at_a);
	close(at_b);
}

/* What is held for a socket goes out before it is closed. */
static void test_remove_with_answers(void **state)
{
	union addr a = listen_on("127.0.0.1", 4);
	int fd = client_of("127.0.0.1", &a);
	struct query_asker asker = ask_for_later(fd);

	(void)state;
	listen_udp_send(listener, &asker, (const uint8_t *)"bye", 3);
	listen_udp_remove(listener, 4);
	expect(fd, "bye");
	close(fd);
}

static void test_largest_and_truncated(void **state)
{
	union addr a = listen_on("127.0.0.1", 0);
	int fd = client_of("127.0.0.1", &a);
	char bytes[4097 + 1];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	bytes[4097] = '\0';
	ask(fd, bytes); /* one too many */
	ask(fd, bytes + 1);
	expect(fd, bytes + 1);
	assert_int_equal(core.asked, 1);
	assert_int_equal(core.len, 4096);
	close(fd);
}

static void test_empty_datagram_goes_to_the_core(void **state)
{
	union addr a = listen_on("127.0.0.1", 0);
	int fd = client_of("127.0.0.1", &a);

	(void)state;
	assert_int_equal(send(fd, "", 0, 0), 0);
	ask(fd, "next");
	expect(fd, "txen");
	assert_int_equal(core.asked, 2);
	close(fd);
}

static void check_one_lost(unsigned at, int with)
{
	union addr a = listen_on("127.0.0.1", 0);
	int fd = client_of("127.0.0.1", &a);
	static const char *const texts[] = {"1", "2", "3", "4", "5"};
	char byte;

	failing.at = at;
	failing.with = with;
	for (unsigned i = 0; i < 5; i++)
		ask(fd, texts[i]);
	for (unsigned i = 0; i < 5; i++) {
		if (i + 1 != at)
			expect(fd, texts[i]);
	}
	assert_int_equal(core.asked, 5);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	close(fd);
}

static void test_answers_behind_a_lost_one(void **state)
{
	(void)state;
	check_one_lost(3, EPERM);
}

static void test_answers_behind_a_lost_first(void **state)
{
	(void)state;
	check_one_lost(1, EAGAIN);
}

static void test_answers_after_the_last_was_lost(void **state)
{
	(void)state;
	check_one_lost(5, ENOBUFS);
}

/* One wake-up is bounded: other events have their turn, and nothing is lost. */
static void test_bounded_wake_up(void **state)
{
	union addr a = listen_on("127.0.0.1", 0);
	int fd = client_of("127.0.0.1", &a);

	(void)state;
	core.later = true;
	for (unsigned i = 0; i < 300; i++)
		ask(fd, "q");
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(core.asked, 256);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(core.asked, 300);
	close(fd);
}

static void test_remove(void **state)
{
	union addr a = listen_on("127.0.0.1", 7);
	int fd = client_of("127.0.0.1", &a);

	(void)state;
	ask(fd, "ab");
	expect(fd, "ba");
	listen_udp_remove(listener, 7);
	listen_udp_remove(listener, 7);
	listen_udp_remove(listener, 1000);
	/* An answer that comes after it is nobody's. */
	listen_udp_send(listener, &core.asker, (const uint8_t *)"late", 4);
	listen_udp_flush(listener);
	ask(fd, "ab");
	assert_int_equal(recv(fd, &(char){0}, 1, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
}

static void test_wrong_index(void **state)
{
	union addr a = loopback_addr("127.0.0.1", 0);
	int fd = loopback_bind(&a, SOCK_DGRAM);

	(void)state;
	assert_int_equal(listen_udp_add(listener, 2 * CONF_LISTEN_MAX, fd, &a), ERR_RANGE);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	a = listen_on("127.0.0.1", 2);
	a = loopback_addr("127.0.0.1", 0);
	fd = loopback_bind(&a, SOCK_DGRAM);
	assert_int_equal(listen_udp_add(listener, 2, fd, &a), ERR_RANGE);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_each_client_gets_its_own, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_wildcard_answers_from_the_address_asked, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_wildcard_answers_later_from_there_too, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wildcard_ip6, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_largest_and_truncated, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty_datagram_goes_to_the_core, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_answers_behind_a_lost_one, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_answers_behind_a_lost_first, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_answers_after_the_last_was_lost, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bounded_wake_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_answers_of_a_round, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_remove_with_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wrong_index, setup, teardown),
	};

	return cmocka_run_group_tests_name("listen_udp", tests, NULL, NULL);
}
