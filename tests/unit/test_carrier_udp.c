/* test_carrier_udp.c - the pool of ports, seen from an upstream on loopback. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "resolver/io/carrier_udp.h"
#include "tests/unit/loopback.h"

/* ---- the core: keeps the last reply ---- */

static struct {
	unsigned replies;
	uint32_t port;
	union addr from;
	uint8_t msg[65535];
	size_t len;
	struct carrier_udp *done_by; /* give the port back from within the reply */
} core;

void query_reply(struct query *q, enum query_carrier via, uint32_t port, const union addr *from,
    const uint8_t *msg, size_t len, uint64_t now_ms)
{
	assert_null(q);
	assert_int_equal(via, CARRIER_UDP);
	assert_int_equal(now_ms, clock_ms());
	core.replies++;
	core.port = port;
	core.from = *from;
	memcpy(core.msg, msg, len);
	core.len = len;
	if (core.done_by != NULL)
		carrier_udp_done(core.done_by, &(struct query_try){.port = port});
}

/* What the core was told of tries and ports that have no hope. */
static struct {
	unsigned failed, refused;
	uint32_t try, port;
	unsigned awaited; /* so often core.done_by gets the port back that was refused */
} lost;

void query_failed(struct query *q, uint32_t try, uint64_t now_ms)
{
	assert_null(q);
	assert_int_equal(now_ms, clock_ms());
	lost.failed++;
	lost.try = try;
}

void query_refused(struct query *q, enum query_carrier via, uint32_t port, uint64_t now_ms)
{
	assert_null(q);
	assert_int_equal(via, CARRIER_UDP);
	assert_int_equal(now_ms, clock_ms());
	lost.refused++;
	lost.port = port;
	for (; lost.awaited > 0; lost.awaited--)
		carrier_udp_done(core.done_by, &(struct query_try){.port = port});
}

/* ---- the clock, and ports that are taken ---- */

static uint64_t now;

uint64_t clock_ms(void)
{
	return now;
}

static unsigned binds_that_fail;
static uint16_t bound_port; /* by the last bind() */

int bind(int fd, const struct sockaddr *a, socklen_t len)
{
	bound_port = addr_port((const union addr *)a);
	if (binds_that_fail > 0) {
		binds_that_fail--;
		errno = EADDRINUSE;
		return -1;
	}
	return (int)syscall(SYS_bind, fd, a, len);
}

/* ---- the tests ---- */

static struct event_base *base;
static struct carrier_udp *carrier;
static struct rng rng;
static union addr upstream;
static int upstream_fd;

static int setup(void **state)
{
	(void)state;
	memset(&core, 0, sizeof(core));
	memset(&lost, 0, sizeof(lost));
	now = 1000000;
	binds_that_fail = 0;
	/* Two runs at a time must not draw the same ports. */
	rng_init_fixed(&rng, (uint64_t)getpid());
	base = event_base_new();
	carrier = carrier_udp_new(base, &rng);
	upstream = loopback_addr("127.0.0.1", 0);
	upstream_fd = loopback_bind(&upstream, SOCK_DGRAM);
	return carrier == NULL;
}

static int teardown(void **state)
{
	(void)state;
	carrier_udp_free(carrier);
	event_base_free(base);
	close(upstream_fd);
	return 0;
}

/* Not 0: how many descriptors are said to be allowed, by getrlimit() as the linker knows it. */
static rlim_t files_allowed;

int __real_getrlimit64(int resource, struct rlimit *limit);
int __wrap_getrlimit64(int resource, struct rlimit *limit);

int __wrap_getrlimit64(int resource, struct rlimit *limit)
{
	if (files_allowed == 0)
		return __real_getrlimit64(resource, limit);
	*limit = (struct rlimit){.rlim_cur = files_allowed, .rlim_max = files_allowed};
	return 0;
}

/* A pool as a process gets it that may have `files` descriptors. */
static void renew_with_limit(rlim_t files)
{
	carrier_udp_free(carrier);
	files_allowed = files;
	carrier = carrier_udp_new(base, &rng);
	files_allowed = 0;
	assert_non_null(carrier);
}

static struct query_try take(void)
{
	struct query_try try = {.via = CARRIER_UDP, .to = upstream};

	carrier_udp_flush(carrier); /* a round of its own */
	assert_int_equal(carrier_udp_port(carrier, &upstream, &try.port), 0);
	return try;
}

/* Ask once; the address that the upstream sees. */
static union addr ask(const struct query_try *try)
{
	union addr from = {0};
	socklen_t len = sizeof(from);
	char bytes[16];

	assert_int_equal(carrier_udp_ask(carrier, try, (const uint8_t *)"question", 8), 0);
	carrier_udp_flush(carrier);
	loopback_await(base, upstream_fd);
	assert_int_equal(recvfrom(upstream_fd, bytes, sizeof(bytes), 0, &from.sa, &len), 8);
	assert_memory_equal(bytes, "question", 8);
	return from;
}

static void reply(const union addr *to, const void *bytes, size_t len)
{
	assert_int_equal(sendto(upstream_fd, bytes, len, 0, &to->sa, addr_len(to)), len);
}

static bool has_reply(void *ctx)
{
	return core.replies == *(const unsigned *)ctx;
}

static void await_replies(unsigned n)
{
	loopback_run(base, has_reply, &n);
}

/* Has anybody this port? */
static bool is_open(const union addr *seen)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = seen->in4.sin_port};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool open = syscall(SYS_bind, fd, &any, sizeof(any)) < 0;

	if (open)
		assert_int_equal(errno, EADDRINUSE);
	close(fd);
	return open;
}

static void test_ask_and_reply(void **state)
{
	struct query_try try = take();
	union addr from = ask(&try);

	(void)state;
	assert_true(addr_port(&from) >= 1024);
	reply(&from, "answer", 6);
	await_replies(1);
	assert_int_equal(core.port, try.port);
	assert_int_equal(core.len, 6);
	assert_memory_equal(core.msg, "answer", 6);
	assert_true(addr_equal(&core.from, &upstream));
	carrier_udp_done(carrier, &try);
}

static void test_large_reply(void **state)
{
	static uint8_t bytes[65507]; /* as much as a datagram can be */
	const int size = 1 << 20;
	struct query_try try = take();
	union addr from = ask(&try);

	(void)state;
	(void)setsockopt(upstream_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 251);
	reply(&from, bytes, sizeof(bytes));
	await_replies(1);
	assert_int_equal(core.len, sizeof(bytes));
	assert_memory_equal(core.msg, bytes, sizeof(bytes));
	carrier_udp_done(carrier, &try);
}

static void test_many_replies_on_one_port(void **state)
{
	struct query_try try = take();
	union addr from = ask(&try);

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		reply(&from, "again", 5);
	await_replies(20);
	carrier_udp_done(carrier, &try);
}

/* Each place has a port of its own, and they are drawn from all of them. */
static void test_ports_differ(void **state)
{
	static struct query_try tries[400];
	static uint32_t place_at[65536];
	unsigned n_places = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		uint16_t port;
		union addr from;

		tries[i] = take();
		from = ask(&tries[i]);
		port = addr_port(&from);
		if (place_at[port] == 0) {
			place_at[port] = tries[i].port + 1;
			n_places++;
		}
		assert_int_equal(place_at[port], tries[i].port + 1);
	}
	/* 331 are to be expected of 1024 places, whatever the seed. */
	assert_in_range(n_places, 290, 370);
	for (unsigned i = 0; i < 400; i++)
		carrier_udp_done(carrier, &tries[i]);
}

static void test_retired_after_uses(void **state)
{
	struct query_try try;
	union addr first, next;

	(void)state;
	renew_with_limit(7); /* one place */
	for (unsigned i = 0; i < CARRIER_UDP_USES; i++) {
		try = take();
		next = ask(&try);
		if (i == 0)
			first = next;
		assert_true(addr_equal(&first, &next));
		assert_true(is_open(&first));
		carrier_udp_done(carrier, &try);
	}
	assert_false(is_open(&first));
	try = take();
	next = ask(&try);
	assert_false(addr_equal(&first, &next));
	carrier_udp_done(carrier, &try);
}

static void test_renewed(void **state)
{
	struct query_try try, waiting;
	union addr first, second;

	(void)state;
	renew_with_limit(7); /* one place */
	try = take();
	first = ask(&try);
	carrier_udp_done(carrier, &try);
	assert_true(is_open(&first));
	carrier_udp_renew(carrier);
	assert_false(is_open(&first));
	/* One whose reply is awaited is closed after it. */
	waiting = take();
	second = ask(&waiting);
	assert_false(addr_equal(&first, &second));
	carrier_udp_renew(carrier);
	assert_true(is_open(&second));
	carrier_udp_done(carrier, &waiting);
	assert_false(is_open(&second));
}

static void test_not_retired_while_awaited(void **state)
{
	struct query_try first, try;
	union addr from, again;

	(void)state;
	renew_with_limit(7);
	first = take();
	from = ask(&first);
	/* Rather a worn port than none. */
	for (unsigned i = 0; i < 2 * CARRIER_UDP_USES; i++) {
		try = take();
		again = ask(&try);
		assert_true(addr_equal(&from, &again));
		carrier_udp_done(carrier, &try);
	}
	now += 2 * CARRIER_UDP_AGE_MS;
	reply(&from, "late", 4);
	await_replies(1);
	assert_int_equal(core.port, first.port);
	carrier_udp_done(carrier, &first);
	assert_false(is_open(&from));
}

static void test_worn_places_rest(void **state)
{
	struct query_try awaited, try;
	unsigned worn = 0, all = 0;

	(void)state;
	renew_with_limit(2 * 4); /* two places */
	/* One is worn and awaited: new questions go to the other. */
	awaited = take();
	while (worn < CARRIER_UDP_USES - 1) {
		try = take();
		worn += try.port == awaited.port;
		carrier_udp_done(carrier, &try);
	}
	worn = 0;
	for (unsigned i = 0; i < 100; i++) {
		try = take();
		worn += try.port == awaited.port;
		all++;
		carrier_udp_done(carrier, &try);
	}
	/* By mere chance it would be half of them. */
	assert_true(worn * 10 < all);
	carrier_udp_done(carrier, &awaited);
}

static void test_retired_with_age(void **state)
{
	struct query_try try;
	union addr first, next;

	(void)state;
	renew_with_limit(7);
	try = take();
	first = ask(&try);
	carrier_udp_done(carrier, &try);
	now += CARRIER_UDP_AGE_MS - 1;
	try = take();
	next = ask(&try);
	assert_true(addr_equal(&first, &next));
	carrier_udp_done(carrier, &try);
	now++;
	try = take();
	next = ask(&try);
	assert_false(addr_equal(&first, &next));
	assert_false(is_open(&first));
	carrier_udp_done(carrier, &try);
}

static int activate_timer(const struct event_base *b, const struct event *ev, void *ctx)
{
	(void)b;
	if (event_get_fd(ev) < 0)
		*(struct event **)ctx = (struct event *)(uintptr_t)ev;
	return 0;
}

/* A port that nobody draws again is closed all the same; one that is awaited is not. */
static void test_swept(void **state)
{
	struct event *sweep = NULL;
	struct query_try try = take(), awaited;
	union addr idle = ask(&try), busy;

	(void)state;
	carrier_udp_done(carrier, &try);
	do {
		awaited = take();
		busy = ask(&awaited);
		if (addr_equal(&busy, &idle))
			carrier_udp_done(carrier, &awaited);
	} while (addr_equal(&busy, &idle));
	(void)event_base_foreach_event(base, activate_timer, &sweep);
	assert_non_null(sweep);
	now += CARRIER_UDP_AGE_MS - 1;
	event_active(sweep, EV_TIMEOUT, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_true(is_open(&idle));
	now++;
	event_active(sweep, EV_TIMEOUT, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_false(is_open(&idle));
	assert_true(is_open(&busy));
	carrier_udp_done(carrier, &awaited);
}

/* As many upstreams as there can be, and in the same moment as many others. */
static void test_all_upstreams_change(void **state)
{
	static uint32_t ports[2 * OPTIONS_SERVERS_MAX];
	struct query_try try = {.via = CARRIER_UDP};
	union addr to = upstream;

	(void)state;
	for (unsigned i = 0; i < 2 * OPTIONS_SERVERS_MAX; i++) {
		to.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i);
		assert_int_equal(carrier_udp_port(carrier, &to, &ports[i]), 0);
	}
	/* All are awaited; that of one which is not makes room, when its port is spent. */
	to.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1000);
	assert_int_equal(carrier_udp_port(carrier, &to, &try.port), ERR_SYS);
	carrier_udp_renew(carrier);
	try.port = ports[3];
	carrier_udp_done(carrier, &try);
	assert_int_equal(carrier_udp_port(carrier, &to, &try.port), 0);
}

static void test_done_within_a_reply(void **state)
{
	struct query_try try;
	union addr from;

	(void)state;
	renew_with_limit(7);
	for (unsigned i = 0; i < CARRIER_UDP_USES - 1; i++) {
		try = take();
		carrier_udp_done(carrier, &try);
	}
	/* The last use: the place is closed while its reply is being read. */
	try = take();
	from = ask(&try);
	core.done_by = carrier;
	reply(&from, "answer", 6);
	reply(&from, "second", 6);
	await_replies(1);
	assert_memory_equal(core.msg, "answer", 6);
	loopback_settle(base);
	assert_int_equal(core.replies, 1);
	assert_false(is_open(&from));
}

static void test_other_family(void **state)
{
	union addr six = loopback_addr("::1", 0), from = {0};
	struct query_try four_try = take(), try = {.via = CARRIER_UDP};
	socklen_t len = sizeof(from);
	uint8_t byte;
	int fd;

	(void)state;
	if (!loopback_has_ip6()) {
		carrier_udp_done(carrier, &four_try);
		skip();
	}
	renew_with_limit(7);
	four_try = take();
	fd = loopback_bind(&six, SOCK_DGRAM);
	try.to = six;
	assert_int_equal(carrier_udp_port(carrier, &six, &try.port), 0);
	assert_true(try.port != four_try.port);
	assert_int_equal(carrier_udp_ask(carrier, &try, (const uint8_t *)"6", 1), 0);
	carrier_udp_flush(carrier);
	loopback_await(base, fd);
	assert_int_equal(recvfrom(fd, &byte, 1, 0, &from.sa, &len), 1);
	assert_int_equal(sendto(fd, "vi", 2, 0, &from.sa, len), 2);
	await_replies(1);
	assert_int_equal(core.port, try.port);
	assert_true(addr_equal(&core.from, &six));
	carrier_udp_done(carrier, &try);
	carrier_udp_done(carrier, &four_try);
	close(fd);
}

static void test_taken_ports_are_passed_over(void **state)
{
	struct query_try try;
	union addr from;

	(void)state;
	try = take();
	(void)ask(&try);
	assert_true(bound_port >= 1024);
	carrier_udp_done(carrier, &try);
	/* All that we draw are taken: the kernel chooses. */
	binds_that_fail = 8;
	try = take();
	from = ask(&try);
	assert_int_equal(binds_that_fail, 0);
	assert_int_equal(bound_port, 0);
	assert_true(addr_port(&from) != 0);
	carrier_udp_done(carrier, &try);
}

static void test_too_long(void **state)
{
	static const uint8_t bytes[CARRIER_UDP_ASK_MAX + 1];
	struct query_try try = take();

	(void)state;
	assert_int_equal(carrier_udp_ask(carrier, &try, bytes, sizeof(bytes)), ERR_RANGE);
	assert_int_equal(carrier_udp_ask(carrier, &try, bytes, sizeof(bytes) - 1), 0);
	carrier_udp_done(carrier, &try);
}

/* ---- what goes out together ---- */

/* The next message at the upstream: its one byte; -1: there is none. */
static int next_asked(uint16_t *port)
{
	union addr from = {0};
	socklen_t len = sizeof(from);
	uint8_t byte;

	if (recvfrom(upstream_fd, &byte, 1, MSG_DONTWAIT, &from.sa, &len) != 1)
		return -1;
	*port = addr_port(&from);
	return byte;
}

static struct query_try ask_byte(uint8_t byte)
{
	struct query_try try = {.via = CARRIER_UDP, .to = upstream, .try = byte};

	assert_int_equal(carrier_udp_port(carrier, &upstream, &try.port), 0);
	assert_int_equal(carrier_udp_ask(carrier, &try, &byte, 1), 0);
	return try;
}

/* A round: nothing is sent before its end, then all of it, in its order, with CARRIER_UDP_SHARE
 * questions from each port. */
static void test_a_round(void **state)
{
	struct query_try tries[2 * CARRIER_UDP_SHARE];
	uint16_t port, ports[2] = {0};

	(void)state;
	for (unsigned i = 0; i < 2 * CARRIER_UDP_SHARE; i++)
		tries[i] = ask_byte((uint8_t)i);
	assert_int_equal(next_asked(&port), -1);
	carrier_udp_flush(carrier);
	for (unsigned i = 0; i < 2 * CARRIER_UDP_SHARE; i++) {
		assert_int_equal(next_asked(&port), i);
		if (i % CARRIER_UDP_SHARE == 0)
			ports[i / CARRIER_UDP_SHARE] = port;
		assert_int_equal(port, ports[i / CARRIER_UDP_SHARE]);
	}
	assert_int_not_equal(ports[0], ports[1]);
	assert_int_equal(next_asked(&port), -1);
	for (unsigned i = 0; i < 2 * CARRIER_UDP_SHARE; i++)
		carrier_udp_done(carrier, &tries[i]);
}

/* More than the queue holds goes out earlier, and none is lost. */
static void test_a_long_round(void **state)
{
	enum { N = 150 };
	struct query_try tries[N];
	uint16_t port;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		tries[i] = ask_byte((uint8_t)i);
	carrier_udp_flush(carrier);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(next_asked(&port), i);
	for (unsigned i = 0; i < N; i++)
		carrier_udp_done(carrier, &tries[i]);
}

/* A question that is given up in the round in which it was asked is not asked. */
static void test_done_before_it_is_sent(void **state)
{
	struct query_try tries[4];
	uint16_t port;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		tries[i] = ask_byte((uint8_t)i);
	carrier_udp_done(carrier, &tries[1]);
	carrier_udp_done(carrier, &tries[3]);
	carrier_udp_flush(carrier);
	assert_int_equal(next_asked(&port), 0);
	assert_int_equal(next_asked(&port), 2);
	assert_int_equal(next_asked(&port), -1);
	carrier_udp_done(carrier, &tries[0]);
	carrier_udp_done(carrier, &tries[2]);
}

static void test_other_sources_are_not_heard(void **state)
{
	struct query_try try = take();
	union addr from = ask(&try);
	int fd = loopback_connect(&from, SOCK_DGRAM);

	(void)state;
	(void)send(fd, "forged", 6, 0);
	reply(&from, "answer", 6);
	await_replies(1);
	assert_memory_equal(core.msg, "answer", 6);
	close(fd);
	carrier_udp_done(carrier, &try);
}

static bool was_refused(void *ctx)
{
	(void)ctx;
	return lost.refused != 0;
}

/* Nobody listens at the upstream: the core is told at once, and the port is not used again. */
static void test_refused(void **state)
{
	struct query_try try;
	uint32_t port;

	(void)state;
	renew_with_limit(7); /* one place */
	close(upstream_fd);
	carrier_udp_flush(carrier);
	try = ask_byte('?');
	core.done_by = carrier;
	lost.awaited = 1;
	carrier_udp_flush(carrier);
	loopback_run(base, was_refused, NULL);
	assert_int_equal(lost.refused, 1);
	assert_int_equal(lost.port, try.port);
	assert_int_equal(lost.failed, 0);
	upstream_fd = loopback_bind(&upstream, SOCK_DGRAM);
	assert_int_equal(carrier_udp_port(carrier, &upstream, &port), 0);
	try.port = port;
	(void)ask(&try);
	carrier_udp_done(carrier, &try);
}

/* The refusal of one is seen when the next is sent: both end. */
static void test_refused_while_sending(void **state)
{
	struct query_try try;

	(void)state;
	renew_with_limit(7);
	close(upstream_fd);
	carrier_udp_flush(carrier);
	try = ask_byte('1');
	carrier_udp_flush(carrier);
	(void)ask_byte('2');
	core.done_by = carrier;
	lost.awaited = 2;
	carrier_udp_flush(carrier);
	assert_int_equal(lost.refused, 1);
	assert_int_equal(lost.port, try.port);
	upstream_fd = loopback_bind(&upstream, SOCK_DGRAM);
}

static void test_no_socket_to_be_had(void **state)
{
	struct rlimit before, none;
	struct query_try try;

	(void)state;
	assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
	none = before;
	none.rlim_cur = 0;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
	assert_int_equal(carrier_udp_port(carrier, &upstream, &try.port), ERR_SYS);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
	try = take();
	(void)ask(&try);
	carrier_udp_done(carrier, &try);
}

/* Enough descriptors for a whole pool; and none from whoever started this, for the tests allow themselves
 * few. */
static int raise_limit(void **state)
{
	struct rlimit files;

	(void)state;
	for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
		(void)close(fd);
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -1;
	files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
	return setrlimit(RLIMIT_NOFILE, &files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_ask_and_reply, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_large_reply, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_replies_on_one_port, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ports_differ, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_retired_after_uses, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_renewed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_retired_while_awaited, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_worn_places_rest, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_retired_with_age, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_swept, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_all_upstreams_change, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_done_within_a_reply, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_other_family, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_taken_ports_are_passed_over, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_round, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_long_round, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_done_before_it_is_sent, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_other_sources_are_not_heard, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused_while_sending, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_socket_to_be_had, setup, teardown),
	};

	return cmocka_run_group_tests_name("carrier_udp", tests, raise_limit, NULL);
}
