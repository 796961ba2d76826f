/* test_probe.c - servers that answer, refuse, lie, or say nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dns/msg.h"
#include "tools/probe.h"

#define WAIT_MS 20000 /* what is answered ends it; the others have a time of their own */

/* Writes what is answered to msg[0..len) into `reply`; returns its length, 0: nothing. */
typedef size_t answer_fn(const uint8_t *msg, size_t len, uint8_t *reply);

struct server {
	union addr addr;
	int fd;
	bool tcp;
	unsigned n_queries; /* that it reads before it ends */
	answer_fn *answer;
	pthread_t thread;
};

static void *serve_udp(struct server *s)
{
	uint8_t msg[512], reply[1024];
	union addr from;

	for (unsigned i = 0; i < s->n_queries; i++) {
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(s->fd, msg, sizeof(msg), 0, &from.sa, &from_len);
		size_t reply_len = len > 0 ? s->answer(msg, (size_t)len, reply) : 0;

		if (reply_len != 0)
			(void)sendto(s->fd, reply, reply_len, 0, &from.sa, from_len);
	}
	return NULL;
}

/* Byte by byte, so that what comes in pieces is put together. */
static void *serve_tcp(struct server *s)
{
	int fd = accept(s->fd, NULL, NULL);
	uint8_t msg[512], reply[1024];
	ssize_t len = recv(fd, msg, sizeof(msg), 0);
	size_t reply_len = len > 2 ? s->answer(msg + 2, (size_t)len - 2, reply + 2) : 0;

	msg_set_u16(reply, (unsigned)reply_len);
	for (size_t i = 0; reply_len != 0 && i < 2 + reply_len; i++)
		(void)send(fd, reply + i, 1, MSG_NOSIGNAL);
	(void)close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	struct server *s = arg;

	return s->tcp ? serve_tcp(s) : serve_udp(s);
}

static void open_socket(struct server *s)
{
	socklen_t len = sizeof(s->addr);

	memset(&s->addr, 0, sizeof(s->addr));
	s->addr.in4.sin_family = AF_INET;
	s->addr.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, s->tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, &s->addr.sa, sizeof(s->addr.in4)), 0);
	assert_int_equal(getsockname(s->fd, &s->addr.sa, &len), 0);
	if (s->tcp)
		assert_int_equal(listen(s->fd, 4), 0);
}

/* Ask one that answers so. */
static struct probe ask(bool tcp, answer_fn *answer, unsigned n_queries)
{
	struct server s = {.tcp = tcp, .n_queries = n_queries, .answer = answer};
	struct probe p = {.tcp = tcp, .edns = true, .type = TYPE_A, .name = "\007example"};

	open_socket(&s);
	p.to = s.addr;
	assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
	probe_run(&p, 1, n_queries > 1 ? 600 : WAIT_MS);
	assert_int_equal(pthread_join(s.thread, NULL), 0);
	assert_int_equal(close(s.fd), 0);
	return p;
}

/* ---- answers ---- */

static size_t echo(const uint8_t *msg, size_t len, uint8_t *reply)
{
	memcpy(reply, msg, len);
	reply[2] |= 0x80; /* QR */
	return len;
}

static size_t refuse(const uint8_t *msg, size_t len, uint8_t *reply)
{
	len = echo(msg, len, reply);
	reply[3] |= RCODE_REFUSED;
	return len;
}

/* A name, a RRSIG (RFC 4034, 3.1: its fields are not looked at) and OPT with EDE 15. */
static size_t signed_and_blocked(const uint8_t *msg, size_t len, uint8_t *reply)
{
	const struct msg_opt opt = {.udp_size = 1232, .rcode = RCODE_BADVERS, .ede = EDE_BLOCKED};
	static const uint8_t name[] = "\007example";
	struct msg_writer w;

	(void)len;
	msg_write_start(&w, reply, 1024, msg_u16(msg), MSG_QR | MSG_RD);
	msg_write_question(&w, name, TYPE_A, CLASS_IN);
	buf_put_bytes(&w.out, "\xc0\x0c\0\x2e\0\1\0\0\0\7\0\2xx", 14);
	msg_set_u16(reply + 6, 1);
	msg_write_opt(&w, &opt);
	return w.out.pos;
}

static size_t wrong_id(const uint8_t *msg, size_t len, uint8_t *reply)
{
	len = echo(msg, len, reply);
	reply[0] ^= 1;
	return len;
}

static size_t wrong_question(const uint8_t *msg, size_t len, uint8_t *reply)
{
	len = echo(msg, len, reply);
	reply[MSG_HEADER + 1] ^= 1;
	return len;
}

static size_t no_reply(const uint8_t *msg, size_t len, uint8_t *reply)
{
	memcpy(reply, msg, len);
	return len;
}

static size_t cut(const uint8_t *msg, size_t len, uint8_t *reply)
{
	len = echo(msg, len, reply);
	reply[7] = 1; /* an answer that is not there */
	return len;
}

static size_t cut_and_said(const uint8_t *msg, size_t len, uint8_t *reply)
{
	len = cut(msg, len, reply);
	reply[2] |= MSG_TC >> 8;
	return len;
}

/* Who understands nothing need not repeat the question. */
static size_t formerr(const uint8_t *msg, size_t len, uint8_t *reply)
{
	(void)len;
	memset(reply, 0, MSG_HEADER);
	memcpy(reply, msg, 2);
	reply[2] = 0x80;
	reply[3] = RCODE_FORMERR;
	return MSG_HEADER;
}

static size_t silent(const uint8_t *msg, size_t len, uint8_t *reply)
{
	(void)msg, (void)len;
	reply[0] = 0;
	return 0;
}

/* ---- tests ---- */

static void check_answers(bool tcp)
{
	struct probe p = ask(tcp, echo, 1);

	assert_true(p.answered);
	assert_true(p.has_opt); /* our own */
	assert_true(!p.is_signed && !p.blocked && !p.truncated);
	assert_int_equal(p.rcode, RCODE_NOERROR);
	p = ask(tcp, refuse, 1);
	assert_true(p.answered);
	assert_int_equal(p.rcode, RCODE_REFUSED);
	p = ask(tcp, signed_and_blocked, 1);
	assert_true(p.answered && p.has_opt && p.is_signed && p.blocked);
	assert_int_equal(p.rcode, RCODE_BADVERS);
	p = ask(tcp, formerr, 1);
	assert_true(p.answered && !p.has_opt);
	assert_int_equal(p.rcode, RCODE_FORMERR);
	p = ask(tcp, cut_and_said, 1);
	assert_true(p.answered && p.truncated);
	p = ask(tcp, cut, 1);
	assert_false(p.answered);
	assert_int_equal(p.error, EPROTO);
	assert_string_equal(probe_trouble(&p), "what it says is no answer");
}

static void test_udp(void **state)
{
	(void)state;
	check_answers(false);
}

static void test_tcp(void **state)
{
	(void)state;
	check_answers(true);
}

/* What does not belong to the question is as if it had not come; it is asked twice. */
static void test_lies(void **state)
{
	static answer_fn *const lies[] = {wrong_id, wrong_question, no_reply, silent};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct probe p = ask(false, lies[i], 2);

		assert_false(p.answered);
		assert_int_equal(p.error, ETIMEDOUT);
		assert_string_equal(probe_trouble(&p), "silence");
	}
	assert_int_equal(ask(true, wrong_id, 1).error, EPROTO);
	assert_int_equal(ask(true, silent, 1).error, ECONNRESET);
}

/* Nobody is there: that is said at once. */
static void test_refused(void **state)
{
	struct probe probes[2] = {{.type = TYPE_A}, {.type = TYPE_A, .tcp = true}};
	struct server s = {.tcp = false};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		s.tcp = probes[i].tcp;
		open_socket(&s);
		probes[i].to = s.addr;
		assert_int_equal(close(s.fd), 0);
	}
	probe_run(probes, 2, WAIT_MS);
	assert_int_equal(probes[0].error, ECONNREFUSED);
	assert_int_equal(probes[1].error, ECONNREFUSED);
	assert_false(probes[0].answered || probes[1].answered);
	probe_run(probes, 0, WAIT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_udp),
	    cmocka_unit_test(test_tcp),
	    cmocka_unit_test(test_lies),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
