/* test_watchdog.c - the service manager hears of it when a question was answered, and not when none was.  The test is
 * the service manager, and the workers at the listening addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/dns/msg.h"
#include "resolver/notify.h"
#include "resolver/steer.h"
#include "resolver/watchdog.h"

#define N_WORKERS 3
#define FED	  "WATCHDOG=1"

struct question {
	uint8_t bytes[512];
	size_t len;
	union addr from;
};

struct fixture {
	struct event_base *base;
	struct listeners listeners;
	struct watchdog *watchdog;
	int manager;
};

/* A socket at loopback, or at any address, of this family; *addr is where. */
static int open_udp(int family, bool wildcard, union addr *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memset(addr, 0, sizeof(*addr));
	addr->sa.sa_family = (sa_family_t)family;
	if (!wildcard && family == AF_INET)
		addr->in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (!wildcard)
		addr->in6.sin6_addr = in6addr_loopback;
	if (fd < 0 || bind(fd, &addr->sa, addr_len(addr)) < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, &addr->sa, &len), 0);
	return fd;
}

static void add_listener(struct fixture *f, int family, bool wildcard)
{
	struct listener *l = &f->listeners.all[f->listeners.n];

	l->udp[0] = open_udp(family, wildcard, &l->addr);
	if (l->udp[0] < 0)
		skip(); /* a machine without IPv6 */
	l->state = LISTENER_OPEN;
	f->listeners.n++;
}

/* Run until there is something to read from `fd`; then read it.  Returns its length. */
static void on_there(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	(void)event_base_loopbreak(arg);
}

static size_t await(struct fixture *f, int fd, void *bytes, size_t size, union addr *from)
{
	struct event *there = event_new(f->base, fd, EV_READ, on_there, f->base);
	socklen_t len = sizeof(*from);
	ssize_t got;

	assert_non_null(there);
	for (;;) {
		got = recvfrom(fd, bytes, size, 0, from == NULL ? NULL : &from->sa,
		    from == NULL ? NULL : &len);
		if (got >= 0)
			break;
		assert_int_equal(errno, EAGAIN);
		assert_int_equal(event_add(there, NULL), 0);
		assert_int_equal(event_base_dispatch(f->base), 0);
	}
	event_free(there);
	return (size_t)got;
}

static void await_question(struct fixture *f, unsigned listener, struct question *q)
{
	q->len = await(f, f->listeners.all[listener].udp[0], q->bytes, sizeof(q->bytes), &q->from);
}

/* The next that is another than *q. */
static void await_another(struct fixture *f, unsigned listener, struct question *q)
{
	const struct question before = *q;

	do
		await_question(f, listener, q);
	while (q->len == before.len && memcmp(q->bytes, before.bytes, q->len) == 0);
}

static void await_fed(struct fixture *f)
{
	char text[64] = {0};

	(void)await(f, f->manager, text, sizeof(text) - 1, NULL);
	assert_string_equal(text, FED);
}

static bool is_fed(const struct fixture *f)
{
	char text[64];

	return recv(f->manager, text, sizeof(text), 0) > 0;
}

static void answer(struct fixture *f, unsigned listener, const struct question *q, unsigned rcode)
{
	uint8_t bytes[sizeof(q->bytes)];

	memcpy(bytes, q->bytes, q->len);
	msg_set_u16(bytes + 2, (uint16_t)(MSG_QR | rcode));
	assert_true(sendto(f->listeners.all[listener].udp[0], bytes, q->len, 0, &q->from.sa,
			addr_len(&q->from)) > 0);
}

/* The worker that the kernel gives it to. */
static unsigned worker_of(const struct question *q)
{
	struct msg_query ask;

	assert_int_equal(msg_parse_query(q->bytes, q->len, &ask), RCODE_NOERROR);
	return steer_worker(ask.qname, ask.qname_len, ask.qtype, N_WORKERS);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t len;
	char name[64];

	assert_non_null(f);
	len = (socklen_t)offsetof(struct sockaddr_un, sun_path) +
	      (socklen_t)snprintf(
		  at.sun_path + 1, sizeof(at.sun_path) - 1, "test_watchdog.%d", (int)getpid()) +
	      1;
	f->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->manager, (struct sockaddr *)&at, len), 0);
	(void)snprintf(name, sizeof(name), "@test_watchdog.%d", (int)getpid());
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "200000", 1), 0);
	assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
	f->base = event_base_new();
	f->listeners.n_workers = N_WORKERS;
	f->watchdog = watchdog_new(f->base, &f->listeners);
	assert_non_null(f->watchdog);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	watchdog_free(f->watchdog);
	for (unsigned i = 0; i < f->listeners.n; i++)
		(void)close(f->listeners.all[i].udp[0]);
	event_base_free(f->base);
	(void)close(f->manager);
	free(f);
	return 0;
}

/* Answer a first question, so that it is known that there are answers. */
static void begin(struct fixture *f, struct question *q)
{
	await_question(f, 0, q);
	answer(f, 0, q, RCODE_NOERROR);
	await_another(f, 0, q);
	while (is_fed(f))
		;
}

/* Each worker has its turn, when the one before has answered; a REFUSED is an answer, too. */
static void test_answered(void **state)
{
	struct fixture *f = *state;
	struct question q;

	add_listener(f, AF_INET, false);
	watchdog_start(f->watchdog);
	begin(f, &q);
	for (unsigned i = 1; i < 2 * N_WORKERS; i++) {
		assert_int_equal(worker_of(&q), i % N_WORKERS);
		assert_int_equal(ntohl(q.from.in4.sin_addr.s_addr), INADDR_LOOPBACK);
		assert_false(is_fed(f));
		answer(f, 0, &q, i % 2 == 0 ? RCODE_NOERROR : RCODE_REFUSED);
		await_fed(f);
		await_another(f, 0, &q);
	}
}

/* Without an answer the same is asked again and again, and nothing is fed; what is no answer is none. */
static void test_not_answered(void **state)
{
	struct fixture *f = *state;
	struct question first, q, other;

	add_listener(f, AF_INET, false);
	watchdog_start(f->watchdog);
	begin(f, &first);
	for (unsigned i = 0; i < 20; i++) {
		other = first;
		if (i % 4 == 0)
			other.bytes[0] ^= 1; /* another ID */
		else if (i % 4 == 1)
			other.len = MSG_HEADER; /* no question */
		else if (i % 4 == 2)
			other.bytes[MSG_HEADER + 4] ^= 1; /* another name */
		if (i % 4 != 3)
			answer(f, 0, &other, RCODE_NOERROR);
		await_question(f, 0, &q);
		assert_int_equal(q.len, first.len);
		assert_memory_equal(q.bytes, first.bytes, first.len);
		assert_false(is_fed(f));
	}
	/* Late is not too late. */
	answer(f, 0, &first, RCODE_NOERROR);
	await_fed(f);
}

/* A question that one address does not answer is asked at the next, of whatever kind; one that is closed is left
 * out. */
static void test_addresses(void **state)
{
	static const unsigned open[] = {0, 2, 3};
	struct fixture *f = *state;
	struct question q, same;

	add_listener(f, AF_INET, true);
	add_listener(f, AF_INET, false);
	f->listeners.all[1].state = LISTENER_WAITING;
	add_listener(f, AF_INET6, false);
	add_listener(f, AF_INET6, true);
	watchdog_start(f->watchdog);
	await_question(f, 0, &q);
	for (unsigned i = 1; i < 6; i++) {
		await_question(f, open[i % 3], &same);
		assert_int_equal(same.len, q.len);
		assert_memory_equal(same.bytes, q.bytes, q.len);
	}
	for (unsigned i = 0; i < 3; i++) {
		while (is_fed(f))
			;
		answer(f, open[i], &q, RCODE_NOERROR);
		await_fed(f);
		await_another(f, open[(i + 1) % 3], &q);
	}
}

/* It is fed where there is nobody to be asked, and where nobody ever answered: to start anew would mend nothing.
 * After new addresses that is so again. */
static void test_cannot_be_asked(void **state)
{
	struct fixture *f = *state;
	struct question q;

	watchdog_start(f->watchdog);
	for (unsigned i = 0; i < 3; i++)
		await_fed(f);
	/* 192.0.2.0/24 is nobody's: from loopback there is no way there. */
	add_listener(f, AF_INET, false);
	f->listeners.all[0].addr.in4.sin_addr.s_addr = htonl(0xc0000201);
	for (unsigned i = 0; i < 3; i++)
		await_fed(f);
	f->listeners.all[0].addr.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while (is_fed(f))
		;
	for (unsigned i = 0; i < 3; i++) {
		await_question(f, 0, &q);
		await_fed(f);
	}
	begin(f, &q);
	await_question(f, 0, &q);
	assert_false(is_fed(f));
	watchdog_renew(f->watchdog);
	await_fed(f);
	/* One that was there, and is not any more. */
	begin(f, &q);
	f->listeners.all[0].addr.in4.sin_addr.s_addr = htonl(0xc0000201);
	for (unsigned i = 0; i < 3; i++)
		await_fed(f);
}

/* A manager that watches nobody, or another process, is not told; what it says has to be a number. */
static void test_no_watchdog(void **state)
{
	static const char *const none[] = {"", "0", "-1", "+1", " 1", "1s", "x"};

	(void)state;
	assert_int_equal(notify_watchdog_us(), 200000);
	assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
	assert_int_equal(notify_watchdog_us(), 0);
	assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(setenv("WATCHDOG_USEC", none[i], 1), 0);
		assert_int_equal(notify_watchdog_us(), 0);
	}
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
	assert_int_equal(notify_watchdog_us(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_answered),
	    TEST(test_not_answered),
	    TEST(test_addresses),
	    TEST(test_cannot_be_asked),
	    TEST(test_no_watchdog),
	};

	return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
