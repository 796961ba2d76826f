/* test_listeners.c - opening, keeping, replacing listening sockets on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "resolver/listeners.h"
#include "resolver/steer.h"

/* An address that no machine has (RFC 5737). */
#define NOWHERE "192.0.2.1"

/* What a change function was told. */
struct told {
	unsigned n;
	struct {
		unsigned worker;
		enum channel_type type;
		struct channel_listen listen;
		int fd;
	} change[16];
};

static void tell(
    void *ctx, unsigned worker, enum channel_type type, const struct channel_listen *listen, int fd)
{
	struct told *told = ctx;

	assert_true(told->n < 16);
	told->change[told->n].worker = worker;
	told->change[told->n].type = type;
	told->change[told->n].listen = *listen;
	told->change[told->n].fd = fd;
	told->n++;
}

/* A port of `host` that is free for UDP and TCP now, held by *udp (for UDP).  It is below those that
 * the kernel gives to other programs' questions and connections. */
static unsigned hold_port(uint32_t host, int *udp)
{
	static unsigned next;
	union addr a;
	int tcp;

	for (;;) {
		memset(&a, 0, sizeof(a));
		a.in4.sin_family = AF_INET;
		a.in4.sin_addr.s_addr = htonl(host);
		a.in4.sin_port =
		    htons((uint16_t)(10000 + ((unsigned)getpid() * 16 + next++) % 20000));
		*udp = socket(AF_INET, SOCK_DGRAM, 0);
		tcp = socket(AF_INET, SOCK_STREAM, 0);
		assert_true(*udp >= 0 && tcp >= 0);
		if (bind(*udp, &a.sa, sizeof(a.in4)) == 0 && bind(tcp, &a.sa, sizeof(a.in4)) == 0)
			break;
		assert_int_equal(close(*udp), 0);
		assert_int_equal(close(tcp), 0);
	}
	assert_int_equal(close(tcp), 0);
	return addr_port(&a);
}

static unsigned free_port(void)
{
	int udp;
	unsigned port = hold_port(INADDR_LOOPBACK, &udp);

	assert_int_equal(close(udp), 0);
	return port;
}

/* A configuration with these hosts, all with one port. */
static struct conf *make_conf(unsigned port, unsigned n, const char *const *hosts)
{
	struct conf *conf = conf_new();

	assert_non_null(conf);
	conf->n_listen = n;
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(conf->listen_text[i], ADDR_TEXT_SIZE, "%s:%u", hosts[i], port);
	return conf;
}

static int open_into(struct listeners *next, const struct listeners *now, unsigned port, unsigned n,
    const char *const *hosts, struct why *why)
{
	struct conf *conf = make_conf(port, n, hosts);
	int err = listeners_open(next, now, conf, NULL, why);

	conf_free(conf);
	return err;
}

static void test_open_and_each(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", NOWHERE, "127.0.0.2"};
	struct listeners now = {.n = 0}, next;
	struct told told = {0};
	unsigned port = free_port();

	(void)state;
	assert_int_equal(open_into(&next, &now, port, 3, hosts, NULL), 0);
	listeners_switch(&now, &next, tell, &told);
	assert_int_equal(next.n, 0);
	assert_int_equal(told.n, 4);
	assert_int_equal(listeners_waiting(&now), 1);
	assert_int_equal(now.all[0].state, LISTENER_OPEN);
	assert_int_equal(now.all[1].state, LISTENER_WAITING);
	assert_non_null(strstr(now.all[1].why.text, NOWHERE));
	assert_int_equal(now.all[2].state, LISTENER_OPEN);

	/* Each has its own number, and the sockets are what they are said to be. */
	for (unsigned i = 0; i < told.n; i++) {
		int type, accepts;
		socklen_t len = sizeof(type);

		assert_int_equal(told.change[i].type, CHANNEL_LISTEN);
		assert_int_equal(
		    getsockopt(told.change[i].fd, SOL_SOCKET, SO_TYPE, &type, &len), 0);
		len = sizeof(accepts);
		assert_int_equal(
		    getsockopt(told.change[i].fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len), 0);
		assert_int_equal(type,
		    told.change[i].listen.kind == CHANNEL_SOCKET_TCP ? SOCK_STREAM : SOCK_DGRAM);
		assert_int_equal(accepts, told.change[i].listen.kind == CHANNEL_SOCKET_TCP);
		if (type == SOCK_DGRAM) { /* what is heard of the path splits no answer */
			int discover;

			len = sizeof(discover);
			assert_int_equal(getsockopt(told.change[i].fd, IPPROTO_IP, IP_MTU_DISCOVER,
					     &discover, &len),
			    0);
			assert_int_equal(discover, IP_PMTUDISC_OMIT);
		}
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(
			    told.change[i].listen.index, told.change[k].listen.index);
	}
	told.n = 0;
	listeners_each(&now, 0, tell, &told);
	assert_int_equal(told.n, 4);
	/* It still is not there. */
	assert_int_equal(listeners_retry(&now, tell, &told), 1);
	assert_int_equal(told.n, 4);
	listeners_close(&now);
}

static void test_taken(void **state)
{
	static const char *const hosts[] = {"127.0.0.2", "127.0.0.127"};
	struct listeners now = {.n = 0}, next;
	struct why why;
	char pid[32];
	int udp;
	unsigned port = hold_port(0x7f00007f, &udp); /* as in test_holder.c */

	(void)state;
	assert_int_equal(open_into(&next, &now, port, 2, hosts, &why), ERR_TAKEN);
	assert_int_equal(next.n, 0);
	(void)snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
	assert_non_null(strstr(why.text, pid));
	assert_non_null(strstr(why.text, "127.0.0.127"));
	/* Nothing is left open: the other address can be bound now. */
	assert_int_equal(open_into(&next, &now, port, 1, hosts, &why), 0);
	listeners_drop(&next);
	assert_int_equal(close(udp), 0);
}

static void test_exclusive(void **state)
{
	static const char *const hosts[] = {"127.0.0.1"};
	struct listeners none = {.n = 0}, first, second;
	struct why why;
	unsigned port = free_port();

	(void)state;
	assert_int_equal(open_into(&first, &none, port, 1, hosts, &why), 0);
	assert_int_equal(open_into(&second, &none, port, 1, hosts, &why), ERR_TAKEN);
	listeners_drop(&first);
	assert_int_equal(open_into(&second, &none, port, 1, hosts, &why), 0);
	listeners_drop(&second);
}

static void test_overlap(void **state)
{
	static const char *const hosts[] = {"0.0.0.0", "127.0.0.1"};
	struct listeners now = {.n = 0}, next;
	struct told told = {0};
	struct why why;
	unsigned port = free_port();

	(void)state;
	assert_int_equal(open_into(&next, &now, port, 2, hosts, &why), ERR_TAKEN);
	assert_non_null(strstr(why.text, "exclude each other: keep one"));
	/* The same at a reload. */
	assert_int_equal(open_into(&next, &now, port, 1, hosts + 1, &why), 0);
	listeners_switch(&now, &next, tell, &told);
	assert_int_equal(open_into(&next, &now, port, 1, hosts, &why), ERR_TAKEN);
	assert_non_null(strstr(why.text, "restart"));
	listeners_close(&now);
}

static void test_switch(void **state)
{
	static const char *const before[] = {"127.0.0.1", "127.0.0.2"};
	static const char *const after[] = {"127.0.0.3", "127.0.0.2"};
	struct listeners now = {.n = 0}, next;
	struct told told = {0};
	unsigned port = free_port();
	int kept;

	(void)state;
	assert_int_equal(open_into(&next, &now, port, 2, before, NULL), 0);
	listeners_switch(&now, &next, tell, &told);
	kept = now.all[1].udp[0];

	/* A set that is dropped leaves what it shares open. */
	assert_int_equal(open_into(&next, &now, port, 2, after, NULL), 0);
	listeners_drop(&next);
	told.n = 0;
	listeners_each(&now, 0, tell, &told);
	assert_int_equal(told.n, 4);

	assert_int_equal(open_into(&next, &now, port, 2, after, NULL), 0);
	told.n = 0;
	listeners_switch(&now, &next, tell, &told);
	/* Close the first, open the third, say nothing of the second. */
	assert_int_equal(told.n, 4);
	for (unsigned i = 0; i < 4; i++) {
		char text[ADDR_TEXT_SIZE];

		(void)addr_format_host(&told.change[i].listen.addr, text);
		assert_int_equal(told.change[i].type, i < 2 ? CHANNEL_UNLISTEN : CHANNEL_LISTEN);
		assert_string_equal(text, i < 2 ? "127.0.0.1" : "127.0.0.3");
		assert_int_equal(told.change[i].fd < 0, i < 2);
	}
	/* The number that became free is used again. */
	assert_int_equal(told.change[0].listen.index, told.change[2].listen.index);
	assert_int_equal(now.all[1].udp[0], kept);
	listeners_close(&now);
}

/* ---- several workers ---- */

#define N_WORKERS 4
#define N_NAMES	  200

/* An emulator of system calls, for one, does not know the option. */
static bool can_steer(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool can =
	    steer_share(fd) == 0 && (steer_attach(fd, N_WORKERS) == 0 || errno != ENOPROTOOPT);

	assert_int_equal(close(fd), 0);
	return can;
}

static struct listeners open_workers(unsigned port)
{
	static const char *const hosts[] = {"127.0.0.1"};
	struct conf *conf = make_conf(port, 1, hosts);
	struct listeners none = {.n = 0}, set;

	conf->workers = N_WORKERS;
	assert_int_equal(listeners_open(&set, &none, conf, NULL, NULL), 0);
	conf_free(conf);
	return set;
}

static void test_workers(void **state)
{
	static const char *const hosts[] = {"127.0.0.1"};
	struct listeners now = {.n = 0}, next, second;
	struct told told = {0};
	unsigned port = free_port();
	struct why why;

	(void)state;
	next = open_workers(port);
	/* Nobody else is let in, for whichever number of workers. */
	assert_int_equal(open_into(&second, &now, port, 1, hosts, &why), ERR_TAKEN);
	listeners_switch(&now, &next, tell, &told);
	assert_int_equal(told.n, 2 * N_WORKERS);
	for (unsigned i = 0; i < told.n; i++) {
		assert_int_equal(told.change[i].worker, i / 2);
		assert_int_equal(told.change[i].listen.index, i % 2);
		/* Each has a UDP socket of its own, and the TCP socket of all. */
		for (unsigned k = i % 2; k < i; k += 2)
			assert_int_equal(told.change[i].fd == told.change[k].fd, i % 2);
	}
	told.n = 0;
	listeners_each(&now, 2, tell, &told);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.change[0].fd, now.all[0].udp[2]);
	listeners_close(&now);
}

/* A query for name `n`, or for the last `label_len` bytes of its first label alone: its length. */
static size_t make_query(uint8_t *msg, unsigned n, bool upper, unsigned label_len)
{
	char label[16];
	size_t len = 12;

	(void)snprintf(label, sizeof(label), "%cname-%03u", upper ? 'A' : 'a', n);
	memset(msg, 0, len);
	msg[0] = (uint8_t)n; /* whatever the ID */
	msg[5] = 1;
	if (label_len != 0) {
		msg[len++] = (uint8_t)label_len;
		memcpy(msg + len, label + strlen(label) - label_len, label_len);
		len += label_len;
	} else {
		msg[len++] = (uint8_t)strlen(label);
		memcpy(msg + len, label, strlen(label));
		len += strlen(label);
		memcpy(msg + len, upper ? "\7EXAMPLE\3COM" : "\7example\3com", 12);
		len += 12;
	}
	memcpy(msg + len, "\0\0\1\0\1", 5);
	return len + 5;
}

/* The number of the socket that msg[0..len) comes to which is sent by `client`. */
static unsigned send_query(const struct listener *l, int client, uint8_t *msg, size_t len)
{
	struct pollfd fds[N_WORKERS];
	unsigned to = N_WORKERS;

	for (unsigned i = 0; i < N_WORKERS; i++)
		fds[i] = (struct pollfd){.fd = l->udp[i], .events = POLLIN};
	assert_int_equal(sendto(client, msg, len, 0, &l->addr.sa, addr_len(&l->addr)), len);
	assert_int_equal(poll(fds, N_WORKERS, 10000), 1);
	for (unsigned i = 0; i < N_WORKERS; i++)
		if (fds[i].revents != 0)
			to = i;
	assert_int_equal(recv(l->udp[to], msg, len, 0), len);
	return to;
}

#define N_CLIENTS 8

/* The same question comes to the same worker, whoever asks it; and each has some. */
static void test_steered(void **state)
{
	unsigned port = free_port(), counts[N_WORKERS] = {0};
	struct listeners set;
	int clients[N_CLIENTS];
	uint8_t msg[64];

	(void)state;
	if (!can_steer()) {
		print_message(
		    "# the kernel, or an emulator, takes no program that tells queries apart\n");
		skip();
	}
	set = open_workers(port);
	for (unsigned c = 0; c < N_CLIENTS; c++)
		clients[c] = socket(AF_INET, SOCK_DGRAM, 0);
	for (unsigned n = 0; n < N_NAMES; n++) {
		const unsigned label_len = n <= 8 ? n : 0;
		size_t len = make_query(msg, n, false, label_len);
		unsigned to = send_query(&set.all[0], clients[0], msg, len);

		counts[to]++;
		assert_int_equal(steer_worker(msg + 12, len - 16, 1, N_WORKERS), to);
		for (unsigned c = 1; c < N_CLIENTS; c++)
			assert_int_equal(send_query(&set.all[0], clients[c], msg, len), to);
		len = make_query(msg, n, true, label_len);
		assert_int_equal(send_query(&set.all[0], clients[0], msg, len), to);
	}
	for (unsigned i = 0; i < N_WORKERS; i++)
		assert_in_range(counts[i], N_NAMES / N_WORKERS / 2, N_NAMES / N_WORKERS * 2);
	/* What is too short for a name comes to one, too. */
	for (unsigned c = 0; c < N_CLIENTS; c++)
		assert_int_equal(send_query(&set.all[0], clients[c], msg, 12), 0);
	for (unsigned c = 0; c < N_CLIENTS; c++)
		assert_int_equal(close(clients[c]), 0);
	listeners_drop(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_open_and_each),
	    cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_exclusive),
	    cmocka_unit_test(test_overlap),
	    cmocka_unit_test(test_switch),
	    cmocka_unit_test(test_workers),
	    cmocka_unit_test(test_steered),
	};

	return cmocka_run_group_tests_name("listeners", tests, NULL, NULL);
}
