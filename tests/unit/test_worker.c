/* test_worker.c - a real worker process and its messages, with a core that does what its queries
 * say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/dns/msg.h"
#include "resolver/channel.h"
#include "resolver/core/cachefile.h"
#include "resolver/local_build.h"
#include "resolver/worker.h"
#include "tests/unit/loopback.h"

#define WAIT_MS 10000

/* ---- the core, in the worker's process ---- */

struct query {
	struct options options;
	struct query_net net;
	const struct trie *lists;
	char rules[16];
	struct cookie_secrets cookies;
	struct local local;
	unsigned n_news, n_moved; /* of the network */
	struct query_asker asker; /* of the last query that waits */
	struct query_try try;
	uint64_t tick_ms;
};

int query_new(struct query **out, const struct options *options, const struct query_net *net,
    const struct rng *rng)
{
	(void)rng;
	if (options->cache_size == 0)
		return ERR_RANGE;
	*out = calloc(1, sizeof(**out));
	(*out)->options = *options;
	(*out)->net = *net;
	return 0;
}

void query_free(struct query *q)
{
	free(q);
}

void query_set_options(struct query *q, const struct options *options)
{
	q->options = *options;
}

void query_set_lists(struct query *q, const struct trie *lists)
{
	static struct trie copy;

	copy = *lists;
	q->lists = &copy;
}

/* Rules are what begins with `good`. */
int query_set_rules(struct query *q, bool paused, const uint8_t *rules, size_t len)
{
	if (len > 5 || (len != 0 && (len < 4 || memcmp(rules, "good", 4) != 0)))
		return ERR_FORMAT;
	(void)snprintf(q->rules, sizeof(q->rules), "%s%.*s", paused ? "paused " : "", (int)len,
	    (const char *)rules);
	return 0;
}

void query_set_local(struct query *q, const struct local *local)
{
	q->local = *local;
}

void query_set_cookies(struct query *q, const struct cookie_secrets *secrets)
{
	q->cookies = *secrets;
}

void query_network(struct query *q, bool moved, uint64_t now_ms)
{
	assert_true(now_ms != 0);
	q->n_news++;
	q->n_moved += moved;
}

/* The first byte of the header says what to do; it is left alone as an ID. */
size_t query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg, size_t len,
    uint64_t now_ms, uint8_t *out, size_t out_size)
{
	enum query_carrier via = msg[0] == 'T' ? CARRIER_TCP : CARRIER_UDP;

	(void)out_size;
	switch (msg[0]) {
	case 'e': /* echo */
		memcpy(out, msg, len);
		return len;
	case 'o': /* options */
		return (size_t)sprintf((char *)out, "udp_size %u", q->options.udp_size);
	case 'l': /* lists */
		return (size_t)sprintf((char *)out, "lists %.5s",
		    q->lists->bytes != NULL ? (const char *)q->lists->bytes : "none");
	case 'n': /* news */
		return (size_t)sprintf((char *)out, "news %u moved %u", q->n_news, q->n_moved);
	case 'c': /* cookies */
		return (size_t)sprintf((char *)out, "cookies %.16s at %d",
		    (const char *)q->cookies.current, (int)q->cookies.wall_s);
	case 'h': /* house */
		return (size_t)sprintf((char *)out, "house %u", q->local.head.n_nodes);
	case 'r': /* rules */
		return (size_t)sprintf((char *)out, "rules %.15s", q->rules);
	case 'w': /* wait */
		q->asker = *from;
		q->tick_ms = now_ms + 30;
		q->net.arm(q->net.ctx, UINT64_MAX);
		q->net.arm(q->net.ctx, q->tick_ms);
		return 0;
	case 'U': /* forward over UDP, TCP */
	case 'T':
		q->asker = *from;
		q->try = (struct query_try){.try = 5, .via = via, .to = q->options.upstream[0]};
		if (q->net.port(q->net.ctx, via, &q->try.to, &q->try.port) == 0 &&
		    q->net.ask(q->net.ctx, &q->try, msg, len) == 0)
			return 0;
		return (size_t)sprintf((char *)out, "not asked");
	default:
		return 0;
	}
}

void query_ask_all(struct query *q, struct query_message *messages, unsigned n, uint64_t now_ms)
{
	for (struct query_message *m = messages; m < messages + n; m++)
		m->answer_len = query_ask(q, &m->from, m->msg, m->len, now_ms, m->out, m->out_size);
}

static void send_text(struct query *q, const char *text)
{
	q->net.send(q->net.ctx, &q->asker, (const uint8_t *)text, strlen(text));
}

void query_reply(struct query *q, enum query_carrier via, uint32_t port, const union addr *from,
    const uint8_t *msg, size_t len, uint64_t now_ms)
{
	(void)now_ms;
	if (via == q->try.via && port == q->try.port && addr_equal(from, &q->try.to))
		q->net.send(q->net.ctx, &q->asker, msg, len);
	q->net.done(q->net.ctx, &q->try);
}

void query_failed(struct query *q, uint32_t try, uint64_t now_ms)
{
	(void)now_ms;
	send_text(q, try == 5 ? "failed" : "wrong try");
	q->net.done(q->net.ctx, &q->try);
}

void query_refused(struct query *q, enum query_carrier via, uint32_t port, uint64_t now_ms)
{
	(void)via, (void)port;
	query_failed(q, q->try.try, now_ms);
}

void query_tick(struct query *q, uint64_t now_ms)
{
	send_text(q, now_ms >= q->tick_ms ? "tick" : "too early");
}

void query_stats(const struct query *q, struct stats *out)
{
	(void)q;
	*out = (struct stats){.queries_udp = 42};
}

void query_latency(const struct query *q, struct latency out[LATENCY_N_STAGES])
{
	(void)q;
	memset(out, 0, LATENCY_N_STAGES * sizeof(*out));
	out[LATENCY_FORWARDED].n = 3;
	out[LATENCY_FORWARDED].max_ns = 5000000;
}

void query_sent(struct query *q, uint64_t took_ns)
{
	(void)q;
	(void)took_ns;
}

unsigned query_upstreams(const struct query *q, struct query_upstream *out, unsigned max)
{
	(void)max;
	out[0] = (struct query_upstream){.addr = q->options.upstream[0], .rtt_ms = 9};
	return 1;
}

size_t query_save(
    struct query *q, struct cache_walk *at, uint64_t now_ms, uint8_t *out, size_t size)
{
	(void)q, (void)now_ms;
	assert_true(size >= sizeof("saved"));
	memcpy(out, "saved", sizeof("saved"));
	return at->ring++ == 0 ? sizeof("saved") : 0;
}

int query_load(struct query *q, const uint8_t *bytes, size_t len, uint64_t age_ms, uint64_t now_ms)
{
	(void)q, (void)bytes, (void)now_ms;
	assert_true(age_ms == 77);
	return (int)len;
}

size_t query_flush(struct query *q, const uint8_t *name, bool below)
{
	(void)q;
	return name == NULL ? 1000 : name[0] + (below ? 100u : 0);
}

void query_cached(
    struct query *q, const uint8_t *name, uint16_t type, uint64_t now_ms, struct cached *out)
{
	(void)q;
	assert_in_range(now_ms, 1, clock_ms());
	memset(out, 0, sizeof(*out));
	out->n_left_out = type + name[0];
}

void query_upstream(const struct query *q, const union addr *addr, uint64_t now_ms,
    struct query_upstream_whole *out)
{
	(void)q;
	assert_in_range(now_ms, 1, clock_ms());
	memset(out, 0, sizeof(*out));
	out->upstream.addr = *addr;
}

/* ---- the image: good when it says so ---- */

int trie_open(struct trie *t, const void *bytes, size_t len, struct why *why)
{
	if (len < 5 || memcmp(bytes, "good", 4) != 0)
		return why_set(why, ERR_FORMAT, "not good");
	*t = (struct trie){.bytes = bytes, .len = len};
	return 0;
}

static const struct reason_names *names;
static const struct reason_answers *answers;

void query_set_names(struct query *q, const struct reason_names *of)
{
	(void)q;
	names = of;
}

void query_set_answers(struct query *q, const struct reason_answers *of)
{
	(void)q;
	answers = of;
}

void query_why(struct query *q, const struct effect_ask *ask, uint64_t now_ms, struct reason *out)
{
	(void)q;
	memset(out, 0, sizeof(*out));
	assert_in_range(now_ms, 1, clock_ms());
	if (names->n == 0 || ask->name[0] != 3 || ask->type != TYPE_AAAA || ask->client != NULL)
		return;
	out->n_matches = REASON_MATCHES + 1;
	out->match[0].list = 8;
	memcpy(out->verdict, names->name[1], sizeof(names->name[1]));
	out->by_client = answers != NULL ? answers->list[1].mode : 0;
	memset(out->match[REASON_MATCHES - 1].rule, 'r', EXPLAIN_RULE_SIZE - 1);
}

/* ---- the parent ---- */

static pid_t pid;
static int channel;
static struct event_base *base; /* with nothing in it: the worker has its own */
static union addr upstream;
static int upstream_fd, upstream_listening;
static struct channel_message message;
static struct sandbox sandbox; /* that it says it is in */

/* Sockets of both kinds at one port; the TCP one is not accepted from unless a test does. */
static void open_upstream(void)
{
	int failed;

	do {
		upstream = loopback_addr("127.0.0.1", 0);
		upstream_listening = loopback_bind(&upstream, SOCK_STREAM);
		upstream_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		failed = bind(upstream_fd, &upstream.sa, addr_len(&upstream));
		if (failed) {
			assert_int_equal(errno, EADDRINUSE);
			close(upstream_fd);
			close(upstream_listening);
		}
	} while (failed);
}

static int setup(void **state)
{
	int pair[2];

	(void)state;
	base = event_base_new();
	open_upstream();
	if (channel_pair(pair) < 0)
		return -1;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		event_base_free(base);
		exit(worker_run(pair[1]));
	}
	close(pair[1]);
	channel = pair[0];
	return pid < 0;
}

static int exit_status(void)
{
	int status;
	pid_t ended = pid;

	pid = 0;
	assert_int_equal(waitpid(ended, &status, 0), ended);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int teardown(void **state)
{
	(void)state;
	close(channel);
	close(upstream_fd);
	close(upstream_listening);
	event_base_free(base);
	if (pid > 0)
		assert_int_equal(exit_status(), 0);
	return 0;
}

static void tell(enum channel_type type, uint32_t serial, const void *payload, size_t len, int fd)
{
	assert_int_equal(channel_send(channel, type, serial, payload, len, fd), 0);
}

static void await_message(enum channel_type type, uint32_t serial, size_t len)
{
	struct pollfd p = {.fd = channel, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(channel_receive(channel, &message), 1);
	assert_int_equal(message.head.type, type);
	assert_int_equal(message.head.serial, serial);
	assert_int_equal(message.len, len);
	assert_int_equal(message.fd, -1);
}

static void tell_options(uint16_t udp_size)
{
	struct options options = {
	    .n_upstream = 1,
	    .cache_size = 1,
	    .tcp_clients_max = 10,
	    .tcp_clients_per_address = 10,
	    .tcp_idle_ms = 60000,
	    .udp_size = udp_size,
	};

	options.upstream[0] = upstream;
	tell(CHANNEL_OPTIONS, 0, &options, sizeof(options), -1);
}

/* Lists of these bytes; what the worker says to them. */
static struct channel_swapped swap_image(const char *bytes, unsigned seals, uint32_t generation)
{
	struct channel_image image = {
	    .generation = generation,
	    .names = {.n = bytes != NULL ? 2 : 0, .name = {"first", "second"}},
	};
	struct channel_swapped swapped;
	int fd = -1;

	if (bytes != NULL) {
		fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
		assert_return_code(fcntl(fd, F_ADD_SEALS, seals), errno);
	}
	tell(CHANNEL_IMAGE, 7, &image, sizeof(image), fd);
	if (fd >= 0)
		close(fd);
	await_message(CHANNEL_SWAPPED, 7, sizeof(swapped));
	memcpy(&swapped, message.payload, sizeof(swapped));
	assert_int_equal(swapped.generation, generation);
	return swapped;
}

static union addr listen_on(const char *host, int type, uint32_t index)
{
	struct channel_listen listen = {
	    .index = index, .kind = type == SOCK_DGRAM ? CHANNEL_SOCKET_UDP : CHANNEL_SOCKET_TCP};
	int fd;

	listen.addr = loopback_addr(host, 0);
	fd = loopback_bind(&listen.addr, type);
	tell(CHANNEL_LISTEN, 0, &listen, sizeof(listen), fd);
	close(fd);
	return listen.addr;
}

/* A client of a worker that has options and a UDP socket, number 0. */
static int start(void)
{
	union addr a;

	tell_options(1232);
	await_message(CHANNEL_SANDBOX, 0, sizeof(sandbox));
	memcpy(&sandbox, message.payload, sizeof(sandbox));
	assert_int_equal(swap_image(NULL, 0, 1).failed, 0);
	a = listen_on("127.0.0.1", SOCK_DGRAM, 0);
	return loopback_connect(&a, SOCK_DGRAM);
}

static void ask(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void expect(int fd, const char *text)
{
	char bytes[512];
	ssize_t len;

	loopback_await(base, fd);
	len = recv(fd, bytes, sizeof(bytes), 0);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
}

static void test_answers(void **state)
{
	int fd = start(), tcp_fd;
	union addr a = listen_on("127.0.0.1", SOCK_STREAM, 1);
	char bytes[15];

	(void)state;
	ask(fd, "echo");
	expect(fd, "echo");
	tcp_fd = loopback_connect(&a, SOCK_STREAM);
	loopback_write(base, tcp_fd, "\0\15echo over TCP", 15);
	assert_int_equal(loopback_read(base, tcp_fd, bytes, 15), 15);
	assert_memory_equal(bytes, "\0\15echo over TCP", 15);
	close(tcp_fd);
	close(fd);
}

static void test_forwards(void **state)
{
	int fd = start(), tcp_fd;
	union addr from = {0};
	socklen_t len = sizeof(from);
	char bytes[64];

	(void)state;
	ask(fd, "UDP question");
	loopback_await(base, upstream_fd);
	assert_int_equal(recvfrom(upstream_fd, bytes, sizeof(bytes), 0, &from.sa, &len), 12);
	assert_memory_equal(bytes, "UDP question", 12);
	assert_int_equal(sendto(upstream_fd, "UDP answer", 10, 0, &from.sa, len), 10);
	expect(fd, "UDP answer");

	ask(fd, "TCP question");
	loopback_await(base, upstream_listening);
	tcp_fd = accept(upstream_listening, NULL, NULL);
	assert_int_equal(loopback_read(base, tcp_fd, bytes, 14), 14);
	assert_memory_equal(bytes, "\0\14TCP question", 14);
	loopback_write(base, tcp_fd, "\0\14a TCP answer", 14);
	expect(fd, "a TCP answer");
	close(tcp_fd);

	ask(fd, "TCP question");
	loopback_await(base, upstream_listening);
	close(accept(upstream_listening, NULL, NULL));
	expect(fd, "failed");
	close(fd);
}

static void test_tick(void **state)
{
	int fd = start();

	(void)state;
	ask(fd, "wait");
	expect(fd, "tick");
	close(fd);
}

static void test_options_change(void **state)
{
	int fd = start();

	(void)state;
	ask(fd, "options");
	expect(fd, "udp_size 1232");
	tell_options(700);
	assert_int_equal(swap_image(NULL, 0, 2).failed, 0);
	ask(fd, "options");
	expect(fd, "udp_size 700");
	close(fd);
}

/* A port that its sandbox is closed for: it ends, once nothing is in flight. */
static void test_new_port(void **state)
{
	union addr old = upstream;
	int fd = start();

	(void)state;
	if (sandbox.state[SANDBOX_TCP] != SANDBOX_HOLDS) {
		close(fd);
		print_message("# this system has no limits on TCP\n");
		skip();
	}
	upstream.in4.sin_addr.s_addr = htonl(0x7f000002); /* another server, the same port */
	tell_options(700);
	ask(fd, "options");
	expect(fd, "udp_size 700");
	upstream.in4.sin_port = htons((uint16_t)(addr_port(&old) ^ 1));
	tell_options(701);
	assert_int_equal(exit_status(), 0);
	close(fd);
}

static void test_lists(void **state)
{
	const unsigned sealed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd = start();

	(void)state;
	ask(fd, "lists");
	expect(fd, "lists none");
	assert_int_equal(swap_image("good1", sealed, 2).failed, 0);
	ask(fd, "lists");
	expect(fd, "lists good1");
	assert_int_equal(swap_image("good2", sealed, 3).failed, 0);
	ask(fd, "lists");
	expect(fd, "lists good2");

	/* What cannot be trusted or read leaves the old ones in force. */
	assert_int_equal(swap_image("bad", sealed, 4).failed, 1);
	assert_int_equal(swap_image("", sealed, 5).failed, 1);
	assert_int_equal(swap_image("good3", F_SEAL_WRITE, 6).failed, 1);
	assert_int_equal(swap_image("good4", F_SEAL_SHRINK, 7).failed, 1);
	ask(fd, "lists");
	expect(fd, "lists good2");

	assert_int_equal(swap_image(NULL, 0, 8).failed, 0);
	ask(fd, "lists");
	expect(fd, "lists none");
	close(fd);
}

/* Hand over these rules (NULL: none), said to be `len` bytes; what the worker says. */
static struct channel_overlay hand_rules(const char *rules, uint32_t len, bool paused)
{
	struct channel_overlay overlay = {.paused = paused, .len = len};
	int fd = -1;

	if (rules != NULL) {
		fd = memfd_create("rules", MFD_CLOEXEC);
		assert_int_equal(write(fd, rules, strlen(rules)), strlen(rules));
	}
	tell(CHANNEL_OVERLAY, 9, &overlay, sizeof(overlay), fd);
	if (fd >= 0)
		close(fd);
	await_message(CHANNEL_OVERLAY, 9, sizeof(overlay));
	memcpy(&overlay, message.payload, sizeof(overlay));
	return overlay;
}

static void test_rules(void **state)
{
	int fd = start();

	(void)state;
	assert_int_equal(hand_rules("good1", 5, false).failed, 0);
	ask(fd, "rules");
	expect(fd, "rules good1");
	assert_int_equal(hand_rules("good2", 5, true).failed, 0);
	ask(fd, "rules");
	expect(fd, "rules paused good2");

	/* What is none, or is not what it says it is, leaves the old ones in force. */
	assert_int_equal(hand_rules("bad", 3, false).failed, 1);
	assert_int_equal(hand_rules("good3", 6, false).failed, 1);
	assert_int_equal(hand_rules("good4", OVERLAY_SIZE + 1, false).failed, 1);
	assert_int_equal(hand_rules("good5", 0, false).failed, 1);
	assert_int_equal(hand_rules(NULL, 5, false).failed, 1);
	ask(fd, "rules");
	expect(fd, "rules paused good2");

	assert_int_equal(hand_rules(NULL, 0, false).failed, 0);
	ask(fd, "rules");
	expect(fd, "rules ");
	close(fd);
}

static void test_cookies(void **state)
{
	struct cookie_secrets secrets = {.current = "a secret of us", .wall_s = 17};
	int fd = start();

	(void)state;
	tell(CHANNEL_COOKIES, 0, &secrets, sizeof(secrets), -1);
	assert_int_equal(swap_image(NULL, 0, 2).failed, 0);
	ask(fd, "cookies");
	expect(fd, "cookies a secret of us at 17");
	close(fd);
}

/* Hand over the names of a house with one record, or of none, or what is no such thing. */
static void hand_house(bool any, bool sealed, bool damaged)
{
	const struct hash_key key = {1, 2};
	struct local_build *b = local_build_new();
	int fd = -1;

	assert_non_null(b);
	if (any) {
		uint8_t *bytes;
		size_t len;

		assert_int_equal(local_build_add(b, (const uint8_t *)"\3nas\3lan", LOCAL_RECORD,
				     TYPE_TXT, 60, "\1a", 2),
		    0);
		assert_int_equal(local_build_image(b, &key, &bytes, &len), 0);
		fd = memfd_create("house", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(write(fd, bytes, len - damaged), len - damaged);
		if (sealed)
			assert_return_code(
			    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), errno);
		free(bytes);
	}
	tell(CHANNEL_LOCAL, 0, NULL, 0, fd);
	if (fd >= 0)
		close(fd);
	local_build_free(b);
}

static void test_house(void **state)
{
	int fd = start();

	(void)state;
	hand_house(true, true, false);
	assert_int_equal(swap_image(NULL, 0, 2).failed, 0);
	ask(fd, "house");
	expect(fd, "house 1");
	/* What cannot be trusted or read leaves the old ones in force. */
	hand_house(true, false, false);
	hand_house(true, true, true);
	assert_int_equal(swap_image(NULL, 0, 3).failed, 0);
	ask(fd, "house");
	expect(fd, "house 1");
	hand_house(false, false, false);
	assert_int_equal(swap_image(NULL, 0, 4).failed, 0);
	ask(fd, "house");
	expect(fd, "house 0");
	close(fd);
}

static void test_network(void **state)
{
	struct channel_network network = {0};
	int fd = start();

	(void)state;
	tell(CHANNEL_NETWORK, 0, &network, sizeof(network), -1);
	network.moved = 1;
	tell(CHANNEL_NETWORK, 0, &network, sizeof(network), -1);
	assert_int_equal(swap_image(NULL, 0, 2).failed, 0);
	ask(fd, "news");
	expect(fd, "news 2 moved 1");
	close(fd);
}

static void test_unlisten(void **state)
{
	struct channel_listen listen = {.index = 0, .kind = CHANNEL_SOCKET_UDP};
	int fd = start();
	union addr a;
	char byte;

	(void)state;
	tell(CHANNEL_UNLISTEN, 0, &listen, sizeof(listen), -1);
	assert_int_equal(swap_image(NULL, 0, 2).failed, 0);
	(void)send(fd, "e", 1, 0);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
	/* The number is free again. */
	a = listen_on("127.0.0.2", SOCK_DGRAM, 0);
	fd = loopback_connect(&a, SOCK_DGRAM);
	ask(fd, "echo");
	expect(fd, "echo");
	close(fd);
}

/* The cache goes into a pipe, block by block, and comes out of a file; what is damaged is dropped. */
static void test_cache(void **state)
{
	const struct channel_cache cache = {.age_ms = 77};
	uint8_t block[2 * CACHEFILE_BLOCK_HEAD_SIZE + sizeof("saved")], got[sizeof(block)];
	size_t first = CACHEFILE_BLOCK_HEAD_SIZE + sizeof("saved"), done = 0;
	int fd = start(), pipes[2], file = memfd_create("cache", MFD_CLOEXEC);
	ssize_t n;

	(void)state;
	memcpy(block + CACHEFILE_BLOCK_HEAD_SIZE, "saved", sizeof("saved"));
	cachefile_seal(block, sizeof("saved"), 0);
	cachefile_seal(block + first, 0, 1);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(fcntl(pipes[1], F_SETFL, O_NONBLOCK), 0);
	tell(CHANNEL_CACHE_SAVE, 0, NULL, 0, pipes[1]);
	close(pipes[1]);
	while ((n = read(pipes[0], got + done, sizeof(got) - done)) > 0)
		done += (size_t)n;
	assert_int_equal(done, sizeof(block));
	assert_memory_equal(got, block, sizeof(block));
	close(pipes[0]);

	assert_int_equal(write(file, block, sizeof(block)), (int)sizeof(block));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(lseek(file, 0, SEEK_SET), 0);
		tell(CHANNEL_CACHE_LOAD, 0, &cache, sizeof(cache), file);
		/* It goes on answering, whatever it reads. */
		ask(fd, "echo");
		expect(fd, "echo");
		assert_int_equal(pwrite(file, "x", 1, 5), 1);
	}
	close(file);
	close(fd);
}

static void test_stats(void **state)
{
	const struct channel_stats *stats = (const struct channel_stats *)message.payload;
	int fd = start(), tcp_fd;
	union addr a = listen_on("127.0.0.1", SOCK_STREAM, 1);
	char bytes[3];

	(void)state;
	tcp_fd = loopback_connect(&a, SOCK_STREAM);
	loopback_write(base, tcp_fd, "\0\1e", 3);
	assert_int_equal(loopback_read(base, tcp_fd, bytes, 3), 3);
	tell(CHANNEL_STATS, 99, NULL, 0, -1);
	await_message(CHANNEL_STATS, 99, sizeof(*stats));
	assert_int_equal(stats->stats.queries_udp, 42);
	assert_int_equal(stats->stats.tcp_clients, 1);
	assert_int_equal(stats->stats.tcp_refused, 0);
	assert_int_equal(stats->latency[LATENCY_FORWARDED].n, 3);
	assert_int_equal(stats->latency[LATENCY_FORWARDED].max_ns, 5000000);
	assert_int_equal(stats->latency[LATENCY_BLOCKED].n, 0);
	assert_int_equal(stats->n_upstream, 1);
	assert_true(addr_equal(&stats->upstream[0].addr, &upstream));
	assert_int_equal(stats->upstream[0].rtt_ms, 9);
	assert_int_equal(stats->generation, 1);
	close(tcp_fd);
	close(fd);
}

static void test_why(void **state)
{
	const struct reason *why = (const struct reason *)message.payload;
	struct channel_name name = {.name_len = 5, .type = TYPE_AAAA, .name = "\3com"};
	int fd = start();

	(void)state;
	tell(CHANNEL_WHY, 3, &name, sizeof(name), -1);
	await_message(CHANNEL_WHY, 3, sizeof(*why));
	assert_int_equal(why->n_matches, 0);
	assert_int_equal(swap_image("good1", F_SEAL_WRITE | F_SEAL_SHRINK, 2).failed, 0);
	tell(CHANNEL_WHY, 4, &name, sizeof(name), -1);
	await_message(CHANNEL_WHY, 4, sizeof(*why));
	assert_int_equal(why->n_matches, REASON_MATCHES + 1);
	assert_int_equal(why->match[0].list, 8);
	assert_string_equal(why->verdict, "second"); /* what list 1 is called */
	assert_int_equal(strlen(why->match[REASON_MATCHES - 1].rule), EXPLAIN_RULE_SIZE - 1);
	name.client = loopback_addr("127.0.0.1", 0);
	tell(CHANNEL_WHY, 5, &name, sizeof(name), -1);
	await_message(CHANNEL_WHY, 5, sizeof(*why));
	assert_int_equal(why->n_matches, 0);
	close(fd);
}

static void test_inspect(void **state)
{
	struct channel_name name = {.name_len = 5, .type = 28, .name = "\3com"};
	const struct query_upstream_whole *whole =
	    (const struct query_upstream_whole *)message.payload;
	const struct cached *cached = (const struct cached *)message.payload;
	int fd = start();
	union addr addr;

	(void)state;
	tell(CHANNEL_CACHED, 3, &name, sizeof(name), -1);
	await_message(CHANNEL_CACHED, 3, sizeof(*cached));
	assert_int_equal(cached->n_left_out, 28 + 3);
	assert_int_equal(addr_parse(&addr, "192.0.2.1:53", 0, NULL), 0);
	tell(CHANNEL_UPSTREAM, 4, &addr, sizeof(addr), -1);
	await_message(CHANNEL_UPSTREAM, 4, sizeof(*whole));
	assert_true(addr_equal(&whole->upstream.addr, &addr));
	close(fd);
}

static void test_flush(void **state)
{
	struct channel_name name = {.name_len = 5, .name = "\3com"};
	int fd = start();
	uint64_t n;

	(void)state;
	tell(CHANNEL_FLUSH, 3, &name, sizeof(name), -1);
	await_message(CHANNEL_FLUSH, 3, sizeof(n));
	memcpy(&n, message.payload, sizeof(n));
	assert_int_equal(n, 3);
	name.below = 1;
	tell(CHANNEL_FLUSH, 4, &name, sizeof(name), -1);
	await_message(CHANNEL_FLUSH, 4, sizeof(n));
	memcpy(&n, message.payload, sizeof(n));
	assert_int_equal(n, 103);
	name.name_len = name.below = 0;
	tell(CHANNEL_FLUSH, 4, &name, sizeof(name), -1);
	await_message(CHANNEL_FLUSH, 4, sizeof(n));
	memcpy(&n, message.payload, sizeof(n));
	assert_int_equal(n, 1000);
	close(fd);
}

/* A message that is not understood harms nothing, and its descriptor does not stay. */
static void test_unknown_messages(void **state)
{
	int fd = start(), pipe_fds[2];
	struct channel_listen listen = {.index = 5};
	char byte;

	(void)state;
	assert_return_code(pipe2(pipe_fds, O_CLOEXEC), errno);
	tell((enum channel_type)0, 0, NULL, 0, pipe_fds[1]);
	tell((enum channel_type)1000, 0, "x", 1, pipe_fds[1]);
	tell(CHANNEL_IMAGE, 0, "short", 5, pipe_fds[1]);
	tell(CHANNEL_STATS, 0, NULL, 0, pipe_fds[1]);
	await_message(CHANNEL_STATS, 0, sizeof(struct channel_stats));
	tell(CHANNEL_LISTEN, 0, &listen, sizeof(listen), -1);
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0);
	close(pipe_fds[0]);
	ask(fd, "echo");
	expect(fd, "echo");
	close(fd);
}

static void test_ends_with_the_channel(void **state)
{
	int fd = start();

	(void)state;
	assert_return_code(shutdown(channel, SHUT_WR), errno);
	assert_int_equal(exit_status(), 0);
	close(fd);
}

static void test_options_come_first(void **state)
{
	(void)state;
	tell(CHANNEL_STATS, 0, NULL, 0, -1);
	assert_int_equal(exit_status(), 1);
}

static void test_options_that_cannot_be(void **state)
{
	const struct options options = {0};

	(void)state;
	tell(CHANNEL_OPTIONS, 0, &options, sizeof(options), -1);
	assert_int_equal(exit_status(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_forwards, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tick, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_options_change, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_new_port, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cookies, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_house, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_network, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unlisten, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cache, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stats, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_why, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_inspect, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_flush, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unknown_messages, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ends_with_the_channel, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_options_come_first, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_options_that_cannot_be, setup, teardown),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
