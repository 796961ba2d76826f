/* test_allocations.c - a real worker with its core, its sockets and libevent: from an empty cache to a full one
 * it answers without allocating anything. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocklists/compile.h"
#include "lib/clock.h"
#include "lib/dns/msg.h"
#include "resolver/channel.h"
#include "resolver/worker.h"
#include "tests/unit/loopback.h"

#define WAIT_MS	     10000
#define WINDOW	     48 /* queries under way at once */
#define MANY	     4000
#define CACHE_SIZE   ((size_t)256 << 10)
#define CACHED_NAMES 200
#define SIZES	     6 /* of allocations, for who has to find them */
#define STREAMS	     4 /* connections of the worker to one upstream, at most */

/* ---- every allocation of the program and of libevent comes through here (linked with --wrap) ---- */

/* In memory that the worker's process shares. */
static struct counted {
	atomic_uint n;
	size_t size[SIZES];
} * counted;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static void count(size_t size)
{
	if (counted != NULL)
		counted->size[atomic_fetch_add(&counted->n, 1) % SIZES] = size;
}

void *__wrap_malloc(size_t size)
{
	count(size);
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	count(n * size);
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	count(size);
	return __real_realloc(old, size);
}

/* ---- time stands still: nothing is late, however slow the machine is, and so nothing is asked twice ---- */

#define NOW_MS UINT64_C(1000000)

uint64_t __wrap_clock_ms(void);
uint64_t __wrap_clock_ns(void);

uint64_t __wrap_clock_ms(void)
{
	return NOW_MS;
}

uint64_t __wrap_clock_ns(void)
{
	return NOW_MS * CLOCK_NS_PER_MS;
}

/* ---- the parent of one worker, its clients and its upstream ---- */

static pid_t pid;
static int channel;
static union addr upstream;
static int upstream_fd, upstream_listening;
static bool truncates; /* the upstream, over UDP */
static union addr asked_at, asked_at_any, asked_over_tcp;
static struct channel_message message;

static void tell(enum channel_type type, const void *payload, size_t len, int fd)
{
	assert_int_equal(channel_send(channel, type, 1, payload, len, fd), 0);
}

static void await_message(enum channel_type type)
{
	struct pollfd p = {.fd = channel, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(channel_receive(channel, &message), 1);
	assert_int_equal(message.head.type, type);
}

static struct stats read_stats(void)
{
	tell(CHANNEL_STATS, NULL, 0, -1);
	await_message(CHANNEL_STATS);
	return ((const struct channel_stats *)message.payload)->stats;
}

static void tell_options(void)
{
	struct options options = {
	    .n_upstream = 1,
	    .cache_size = CACHE_SIZE,
	    .cache_max_ttl_s = 86400,
	    .cache_negative_ttl_s = 3600,
	    .query_timeout_ms = 4000,
	    .questions_max = 1024,
	    .tcp_clients_max = 10,
	    .tcp_clients_per_address = 10,
	    .tcp_idle_ms = 60000,
	    .udp_size = 1232,
	};

	options.upstream[0] = upstream;
	tell(CHANNEL_OPTIONS, &options, sizeof(options), -1);
}

/* Block blocked.example.com and all below it. */
static void tell_lists(void)
{
	static const char text[] = "blocked.example.com\n";
	struct compile_source source = {.name = "list", .text = text, .len = sizeof(text) - 1};
	struct channel_image told = {.generation = 1, .names = {.n = 1, .name = {"list"}}};
	struct compile *c = compile_new();
	struct why why = {""};
	uint8_t *image;
	size_t len;
	int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(compile_add(c, &source, NULL, NULL, &why), 0);
	assert_int_equal(compile_image(c, &image, &len, &why), 0);
	assert_int_equal(write(fd, image, len), len);
	assert_return_code(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), errno);
	tell(CHANNEL_IMAGE, &told, sizeof(told), fd);
	await_message(CHANNEL_SWAPPED);
	assert_int_equal(((const struct channel_swapped *)message.payload)->failed, 0);
	close(fd);
	free(image);
	compile_free(c);
}

static union addr tell_listener(const char *host, int type, uint32_t index)
{
	struct channel_listen listen = {
	    .index = index, .kind = type == SOCK_DGRAM ? CHANNEL_SOCKET_UDP : CHANNEL_SOCKET_TCP};
	int fd;

	listen.addr = loopback_addr(host, 0);
	fd = loopback_bind(&listen.addr, type);
	tell(CHANNEL_LISTEN, &listen, sizeof(listen), fd);
	close(fd);
	return listen.addr;
}

static int setup(void **state)
{
	int pair[2];

	(void)state;
	upstream = loopback_addr("127.0.0.1", 0);
	upstream_listening = loopback_bind(&upstream, SOCK_STREAM);
	upstream_fd = loopback_bind(&upstream, SOCK_DGRAM);
	truncates = false;
	assert_int_equal(channel_pair(pair), 0);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		exit(worker_run(pair[1]));
	}
	close(pair[1]);
	channel = pair[0];
	tell_options();
	await_message(CHANNEL_SANDBOX);
	asked_at = tell_listener("127.0.0.1", SOCK_DGRAM, 0);
	asked_at_any = tell_listener("0.0.0.0", SOCK_DGRAM, 1);
	asked_at_any.in4.sin_addr = asked_at.in4.sin_addr;
	asked_over_tcp = tell_listener("127.0.0.1", SOCK_STREAM, 2);
	tell_lists();
	return pid < 0;
}

static int teardown(void **state)
{
	int status;

	(void)state;
	close(channel);
	close(upstream_fd);
	close(upstream_listening);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- queries and answers ---- */

/* What many are asked for: nN.ZONE, where N comes of the number of a query, which is also its ID. */
struct load {
	const char *zone;
	unsigned n, names; /* queries, and how many different names they are for */
	unsigned rcode;	   /* of every answer */
	bool edns;
	unsigned hold; /* of those the upstream hears over TCP, which is the first to be answered */
};

static size_t write_query(const struct load *load, unsigned i, uint8_t *out)
{
	struct msg_writer w;
	uint8_t name[NAME_SIZE];
	char text[64];
	size_t len;
	int text_len = snprintf(text, sizeof(text), "n%u.%s", i % load->names, load->zone);

	assert_int_equal(name_from_text(text, (size_t)text_len, name, &len), 0);
	msg_write_start(&w, out, MSG_UDP_PLAIN, (uint16_t)i, MSG_RD);
	msg_write_question(&w, name, TYPE_A, CLASS_IN);
	if (load->edns)
		msg_write_opt(&w, &(struct msg_opt){.udp_size = 1232, .ede = EDE_NONE});
	return w.out.pos;
}

/* The answer to msg[0..len), behind which there is room: an address for every name.  Returns its length. */
static size_t make_answer(uint8_t *msg, size_t len, bool truncated)
{
	static const uint8_t record[] = {
	    0xc0, MSG_HEADER, 0, TYPE_A, 0, CLASS_IN, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1};
	size_t end = MSG_HEADER;

	assert_int_equal(name_skip(msg, len, &end), 0);
	end += 4;
	msg_set_u16(msg + 2, MSG_QR | MSG_RD | MSG_RA | (truncated ? MSG_TC : 0u));
	msg_set_u16(msg + 6, !truncated);
	msg_set_u16(msg + 10, 0);
	if (truncated)
		return end;
	memcpy(msg + end, record, sizeof(record));
	return end + sizeof(record);
}

/* Answer what the worker asks over UDP. */
static void serve_upstream(void)
{
	uint8_t msg[MSG_UDP_PLAIN];
	union addr from;
	socklen_t from_len = sizeof(from);
	ssize_t len;

	while ((len = recvfrom(upstream_fd, msg, sizeof(msg), 0, &from.sa, &from_len)) > 0) {
		size_t end = make_answer(msg, (size_t)len, truncates);

		assert_int_equal(sendto(upstream_fd, msg, end, 0, &from.sa, from_len), end);
	}
}

/* The worker's connections to its upstream, with what was not answered yet. */
static struct stream {
	int fd;
	size_t have, counted; /* bytes, and those that are whole questions */
	uint8_t bytes[16384];
} streams[STREAMS];
static unsigned n_streams, n_heard;

static void accept_streams(void)
{
	int fd;

	while ((fd = accept4(upstream_listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		assert_true(n_streams < STREAMS);
		streams[n_streams++] = (struct stream){.fd = fd};
	}
}

static void close_streams(void)
{
	while (n_streams > 0)
		close(streams[--n_streams].fd);
	n_heard = 0;
}

static void hear(struct stream *s)
{
	ssize_t len = recv(s->fd, s->bytes + s->have, sizeof(s->bytes) - s->have, 0);

	s->have += len > 0 ? (size_t)len : 0;
	while (s->have - s->counted >= 2 &&
	       s->have - s->counted - 2 >= msg_u16(s->bytes + s->counted)) {
		s->counted += 2u + msg_u16(s->bytes + s->counted);
		n_heard++;
	}
}

static void answer_stream(struct stream *s)
{
	size_t at = 0;

	while (at < s->counted) {
		size_t len = msg_u16(s->bytes + at), end;
		uint8_t frame[2 + MSG_UDP_PLAIN];

		memcpy(frame + 2, s->bytes + at + 2, len);
		end = make_answer(frame + 2, len, false);
		msg_set_u16(frame, (unsigned)end);
		assert_int_equal(send(s->fd, frame, 2 + end, MSG_NOSIGNAL), 2 + end);
		at += 2 + len;
	}
	memmove(s->bytes, s->bytes + at, s->have - at);
	s->have -= at;
	s->counted = 0;
}

/* Answer what the worker asks over TCP, from the `hold`th question on. */
static void serve_streams(unsigned hold)
{
	accept_streams();
	for (unsigned i = 0; i < n_streams; i++)
		hear(&streams[i]);
	for (unsigned i = 0; i < n_streams && n_heard >= hold; i++)
		answer_stream(&streams[i]);
}

static void check_answer(const struct load *load, const uint8_t *msg, size_t len)
{
	assert_true(len >= MSG_HEADER);
	assert_true(msg_u16(msg) < load->n);
	assert_int_equal(msg_u16(msg + 2) & (MSG_QR | MSG_TC | MSG_RCODE), MSG_QR | load->rcode);
}

/* All answers that are there now; returns how many. */
static unsigned take_datagrams(int fd, const struct load *load)
{
	uint8_t msg[MSG_UDP_PLAIN];
	unsigned n = 0;
	ssize_t len;

	for (; (len = recv(fd, msg, sizeof(msg), 0)) > 0; n++)
		check_answer(load, msg, (size_t)len);
	return n;
}

static unsigned take_frames(int fd, const struct load *load)
{
	static uint8_t bytes[65536];
	static size_t have;
	size_t at = 0;
	unsigned n = 0;
	ssize_t len = recv(fd, bytes + have, sizeof(bytes) - have, 0);

	have += len > 0 ? (size_t)len : 0;
	for (; have - at >= 2 && have - at - 2 >= msg_u16(bytes + at); n++) {
		check_answer(load, bytes + at + 2, msg_u16(bytes + at));
		at += 2u + msg_u16(bytes + at);
	}
	memmove(bytes, bytes + at, have - at);
	have -= at;
	return n;
}

/* Ask for all of them, WINDOW at once. */
static void ask(int fd, bool tcp, const struct load *load)
{
	struct pollfd p[3 + STREAMS] = {{.fd = fd, .events = POLLIN},
	    {.fd = upstream_fd, .events = POLLIN}, {.fd = upstream_listening, .events = POLLIN}};
	uint8_t frame[2 + MSG_UDP_PLAIN];
	unsigned sent = 0, answered = 0;

	while (answered < load->n) {
		while (sent < load->n && sent - answered < WINDOW) {
			size_t len = write_query(load, sent++, frame + 2);

			msg_set_u16(frame, (unsigned)len);
			assert_int_equal(
			    send(fd, tcp ? frame : frame + 2, len + (tcp ? 2 : 0), MSG_NOSIGNAL),
			    len + (tcp ? 2 : 0));
		}
		for (unsigned i = 0; i < n_streams; i++)
			p[3 + i] = (struct pollfd){.fd = streams[i].fd, .events = POLLIN};
		assert_true(poll(p, 3 + n_streams, WAIT_MS) > 0);
		serve_upstream();
		serve_streams(load->hold);
		answered += tcp ? take_frames(fd, load) : take_datagrams(fd, load);
	}
}

/* The same, and what was allocated meanwhile. */
static void assert_no_allocation(const union addr *to, int type, const struct load *load)
{
	int fd = loopback_connect(to, type);
	unsigned before, n;

	if (type == SOCK_STREAM) {
		/* Connections may allocate, their queries may not. */
		struct load first = *load;
		int other = loopback_connect(to, type);

		first.n = 1;
		assert_int_equal(
		    poll(&(struct pollfd){.fd = other, .events = POLLOUT}, 1, WAIT_MS), 1);
		ask(other, true, &first);
		ask(fd, true, &first);
		close(other);
	}
	before = atomic_load(&counted->n);
	ask(fd, type == SOCK_STREAM, load);
	n = atomic_load(&counted->n) - before;
	close(fd);
	if (n == 0)
		return;
	for (unsigned i = 0; i < SIZES && i < n; i++)
		print_message("one of them: %zu bytes\n", counted->size[(before + i) % SIZES]);
	fail_msg("%u allocations for %u queries below %s", n, load->n, load->zone);
}

static void over_all(const struct load *load)
{
	assert_no_allocation(&asked_at, SOCK_DGRAM, load);
	assert_no_allocation(&asked_at_any, SOCK_DGRAM, load);
	assert_no_allocation(&asked_over_tcp, SOCK_STREAM, load);
}

static void test_blocked(void **state)
{
	struct load load = {
	    .zone = "blocked.example.com", .n = MANY, .names = MANY, .rcode = RCODE_SERVFAIL};

	(void)state;
	over_all(&load);
	load.edns = true;
	over_all(&load);
	assert_int_equal(read_stats().blocked, 6 * MANY + 4);
}

static void test_cached(void **state)
{
	struct load load = {.zone = "example.org", .n = CACHED_NAMES, .names = CACHED_NAMES};
	int fd = loopback_connect(&asked_at, SOCK_DGRAM);
	struct stats stats;

	(void)state;
	ask(fd, false, &load);
	close(fd);
	load.n = MANY;
	over_all(&load);
	load.edns = true;
	over_all(&load);
	stats = read_stats();
	assert_int_equal(stats.cache_hits, 6 * MANY + 4);
	assert_int_equal(stats.forwarded, CACHED_NAMES);
}

static void test_forwarded(void **state)
{
	struct load load = {.zone = "udp.example.org", .n = MANY, .names = MANY};
	struct stats stats;

	(void)state;
	assert_no_allocation(&asked_at, SOCK_DGRAM, &load);
	load.zone = "any.example.org";
	assert_no_allocation(&asked_at_any, SOCK_DGRAM, &load);
	load.zone = "tcp.example.org";
	assert_no_allocation(&asked_over_tcp, SOCK_STREAM, &load);
	stats = read_stats();
	assert_true(stats.forwarded >= 3 * MANY);
	assert_int_equal(stats.failed, 0);
	/* The cache began empty and has overflowed. */
	assert_true(stats.cache_evicted > MANY / 2);
}

/* What is too long for UDP is asked for over TCP, on connections that are kept. */
static void test_forwarded_over_tcp(void **state)
{
	struct load load = {
	    .zone = "warm.example.org", .n = WINDOW, .names = WINDOW, .hold = WINDOW};
	int fd = loopback_connect(&asked_at, SOCK_DGRAM);
	struct stats stats;

	(void)state;
	truncates = true;
	/* As many at once as there will ever be. */
	ask(fd, false, &load);
	close(fd);
	load = (struct load){.zone = "long.example.org", .n = MANY, .names = MANY};
	assert_no_allocation(&asked_at, SOCK_DGRAM, &load);
	stats = read_stats();
	assert_int_equal(stats.tries_tcp, MANY + WINDOW);
	assert_int_equal(stats.failed, 0);
	close_streams();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_blocked, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cached, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_forwarded, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_forwarded_over_tcp, setup, teardown),
	};

	counted =
	    mmap(NULL, sizeof(*counted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counted == MAP_FAILED)
		return EXIT_FAILURE;
	event_set_mem_functions(__wrap_malloc, __wrap_realloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
