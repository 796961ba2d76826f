/* test_update_resolve.c - lookups at upstreams that answer, cut, lie, fail, and are silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dns/msg.h"
#include "tools/update_resolve.h"

#define HOST	 "lists.example"
#define MSG_SIZE 1024

/* An upstream, which the test itself plays. */
struct upstream {
	int udp, tcp;
};

struct fixture {
	struct upstream upstreams[2];
	union addr addresses[2];
	struct rng rng;
	struct update_lookup *lookup;
	uint64_t now_ms;
};

/* Returns -1 where somebody else has the port. */
static int open_socket(int type, union addr *a)
{
	socklen_t len = sizeof(*a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_return_code(fd, errno);
	if (bind(fd, &a->sa, addr_len(a)) != 0 || (type == SOCK_STREAM && listen(fd, 4) != 0)) {
		close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, &a->sa, &len), 0);
	return fd;
}

/* A port that is free for UDP need not be so for TCP. */
static void open_upstream(struct upstream *u, union addr *a)
{
	u->tcp = -1;
	for (unsigned tries = 0; u->tcp < 0; tries++) {
		assert_true(tries < 100);
		a->in4.sin_port = 0;
		u->udp = open_socket(SOCK_DGRAM, a);
		assert_true(u->udp >= 0);
		u->tcp = open_socket(SOCK_STREAM, a);
		if (u->tcp < 0)
			close(u->udp);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->now_ms = 1000;
	rng_init_fixed(&f->rng, 7);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(addr_parse(&f->addresses[i], "127.0.0.1:1", 0, NULL), 0);
		open_upstream(&f->upstreams[i], &f->addresses[i]);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	update_lookup_free(f->lookup);
	for (unsigned i = 0; i < 2; i++) {
		close(f->upstreams[i].udp);
		close(f->upstreams[i].tcp);
	}
	free(f);
	return 0;
}

static void start(struct fixture *f, unsigned n_upstreams)
{
	f->lookup = update_lookup_new(f->addresses, n_upstreams, &f->rng, HOST, f->now_ms);
	assert_non_null(f->lookup);
}

/* ---- what the upstream says ---- */

struct ask {
	uint8_t msg[MSG_SIZE];
	size_t len;
	uint16_t type;
	union addr from;
};

/* The next question that came over UDP. */
static void take_ask(const struct upstream *u, struct ask *ask)
{
	struct pollfd p = {.fd = u->udp, .events = POLLIN};
	socklen_t from_len = sizeof(ask->from);
	struct msg_query q;
	char text[NAME_TEXT_SIZE];
	ssize_t n;

	assert_int_equal(poll(&p, 1, 10000), 1);
	n = recvfrom(u->udp, ask->msg, sizeof(ask->msg), 0, &ask->from.sa, &from_len);
	assert_true(n > 0);
	ask->len = (size_t)n;
	assert_int_equal(msg_parse_query(ask->msg, ask->len, &q), RCODE_NOERROR);
	assert_string_equal(name_to_text(q.qname, text), HOST);
	assert_true((q.flags & MSG_RD) != 0 && q.edns.present);
	ask->type = q.qtype;
}

static bool is_silent(const struct upstream *u)
{
	struct pollfd p = {.fd = u->udp, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

/* A reply as it is built up. */
struct reply {
	uint8_t msg[MSG_SIZE];
	struct msg_writer w;
};

static void begin_reply(struct reply *r, const struct ask *ask, unsigned flags)
{
	struct msg_query q;

	assert_int_equal(msg_parse_query(ask->msg, ask->len, &q), RCODE_NOERROR);
	msg_write_start(&r->w, r->msg, sizeof(r->msg), q.id, (uint16_t)(MSG_QR | MSG_RA | flags));
	msg_write_question(&r->w, q.qname, q.qtype, CLASS_IN);
}

static void add_record(
    struct reply *r, const char *owner, uint16_t type, const void *rdata, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t name_size;

	assert_int_equal(name_from_text(owner, strlen(owner), name, &name_size), 0);
	buf_put_bytes(&r->w.out, name, name_size);
	buf_put_u16(&r->w.out, type);
	buf_put_u16(&r->w.out, CLASS_IN);
	buf_put_u32(&r->w.out, 60);
	buf_put_u16(&r->w.out, (uint16_t)len);
	buf_put_bytes(&r->w.out, rdata, len);
	msg_set_u16(r->msg + 6, msg_u16(r->msg + 6) + 1u);
}

static void add_address(struct reply *r, const char *owner, const char *text)
{
	bool is6 = strchr(text, ':') != NULL;
	uint8_t bytes[16];

	assert_int_equal(inet_pton(is6 ? AF_INET6 : AF_INET, text, bytes), 1);
	add_record(r, owner, is6 ? TYPE_AAAA : TYPE_A, bytes, is6 ? 16 : 4);
}

static void add_alias(struct reply *r, const char *owner, const char *to)
{
	uint8_t name[NAME_SIZE];
	size_t name_size;

	assert_int_equal(name_from_text(to, strlen(to), name, &name_size), 0);
	add_record(r, owner, TYPE_CNAME, name, name_size);
}

static void send_reply(const struct upstream *u, const struct reply *r, const struct ask *ask)
{
	assert_int_equal(
	    sendto(u->udp, r->msg, r->w.out.pos, 0, &ask->from.sa, addr_len(&ask->from)),
	    r->w.out.pos);
}

/* To each of the two questions: nothing but this code. */
static void answer_with_code(const struct upstream *u, unsigned rcode)
{
	struct reply r;
	struct ask ask;

	for (unsigned i = 0; i < 2; i++) {
		take_ask(u, &ask);
		begin_reply(&r, &ask, rcode);
		send_reply(u, &r, &ask);
	}
}

/* ---- what the lookup does ---- */

/* What came is taken, until nothing more comes within this wait. */
static bool step(struct fixture *f)
{
	struct pollfd fds[2];
	uint64_t until_ms;
	unsigned n = update_lookup_fds(f->lookup, fds, &until_ms);

	if (n > 0)
		(void)poll(fds, n, 100);
	return update_lookup_step(f->lookup, f->now_ms);
}

/* To each: the address of its family. */
static void answer(struct fixture *f, unsigned at, const char *a, const char *aaaa)
{
	const struct upstream *u = &f->upstreams[at];
	struct reply r;
	struct ask ask;

	for (unsigned i = 0; i < 2; i++) {
		const char *address;

		for (unsigned k = 0; k < 100 && is_silent(u); k++)
			assert_true(step(f));
		take_ask(u, &ask);
		address = ask.type == TYPE_A ? a : aaaa;
		begin_reply(&r, &ask, 0);
		if (address != NULL)
			add_address(&r, HOST, address);
		send_reply(u, &r, &ask);
	}
}

/* The next time that it waits for. */
static void let_time_pass(struct fixture *f)
{
	struct pollfd fds[2];
	uint64_t until_ms;

	assert_true(update_lookup_fds(f->lookup, fds, &until_ms) > 0);
	assert_true(until_ms >= f->now_ms);
	f->now_ms = until_ms;
}

static void finish(struct fixture *f)
{
	for (unsigned i = 0; i < 100; i++) {
		if (!step(f))
			return;
	}
	fail_msg("the lookup does not end");
}

static void assert_found(struct fixture *f, const char *const *wanted, unsigned n)
{
	const union addr *found;
	char text[ADDR_TEXT_SIZE];
	bool answered;

	assert_int_equal(update_lookup_result(f->lookup, &found, &answered), n);
	assert_true(answered);
	for (unsigned i = 0; i < n; i++) {
		unsigned k = 0;

		while (k < n && strcmp(addr_format_host(&found[k], text), wanted[i]) != 0)
			k++;
		if (k == n)
			fail_msg("%s is not there", wanted[i]);
	}
}

static void assert_nothing(struct fixture *f, bool wanted_answered)
{
	const union addr *found;
	bool answered;

	assert_int_equal(update_lookup_result(f->lookup, &found, &answered), 0);
	assert_int_equal(answered, wanted_answered);
}

/* ---- the tests ---- */

static void test_needed(void **state)
{
	(void)state;
	assert_true(update_resolve_needed("lists.example"));
	assert_true(update_resolve_needed("notlocalhost"));
	assert_true(update_resolve_needed("localhost.example"));
	assert_true(update_resolve_needed("1.2.3.4.example"));
	assert_false(update_resolve_needed("192.0.2.1"));
	assert_false(update_resolve_needed("2001:db8::1"));
	assert_false(update_resolve_needed("::1"));
	assert_false(update_resolve_needed("localhost"));
	assert_false(update_resolve_needed("LocalHost."));
	assert_false(update_resolve_needed("a.localhost"));
}

static void test_both_families(void **state)
{
	static const char *const wanted[] = {"192.0.2.1", "2001:db8::1"};
	struct fixture *f = *state;

	start(f, 2);
	answer(f, 0, wanted[0], wanted[1]);
	finish(f);
	assert_found(f, wanted, 2);
	assert_true(is_silent(&f->upstreams[1]));
}

static void test_one_family(void **state)
{
	static const char *const wanted[] = {"2001:db8::1"};
	struct fixture *f = *state;

	start(f, 1);
	answer(f, 0, NULL, wanted[0]);
	finish(f);
	assert_found(f, wanted, 1);
}

/* In any order, through aliases; what belongs to others is not taken. */
static void test_aliases(void **state)
{
	static const char *const wanted[] = {"192.0.2.1", "192.0.2.2"};
	struct fixture *f = *state;
	struct reply r;
	struct ask ask;

	start(f, 1);
	for (unsigned i = 0; i < 2; i++) {
		take_ask(&f->upstreams[0], &ask);
		begin_reply(&r, &ask, 0);
		if (ask.type == TYPE_A) {
			add_address(&r, "cdn.example", wanted[0]);
			add_alias(&r, "Edge.example", "CDN.example");
			add_alias(&r, HOST, "edge.example");
			add_address(&r, "cdn.example", wanted[1]);
			add_address(&r, "other.example", "192.0.2.66");
		} else { /* a circle */
			add_alias(&r, HOST, "edge.example");
			add_alias(&r, "edge.example", HOST);
		}
		send_reply(&f->upstreams[0], &r, &ask);
	}
	finish(f);
	assert_found(f, wanted, 2);
}

static void test_no_such_name(void **state)
{
	struct fixture *f = *state;

	start(f, 2);
	answer_with_code(&f->upstreams[0], RCODE_NXDOMAIN);
	finish(f);
	assert_nothing(f, true);
	assert_true(is_silent(&f->upstreams[1])); /* an answer is an answer */
}

/* The next one is asked after a failure, and after silence. */
static void test_next_upstream(void **state)
{
	static const char *const wanted[] = {"192.0.2.1", "2001:db8::1"};
	struct fixture *f = *state;

	start(f, 2);
	answer_with_code(&f->upstreams[0], RCODE_SERVFAIL);
	answer(f, 1, wanted[0], wanted[1]);
	finish(f);
	assert_found(f, wanted, 2);

	update_lookup_free(f->lookup);
	start(f, 2);
	assert_true(update_lookup_step(f->lookup, f->now_ms));
	assert_true(is_silent(&f->upstreams[1]));
	let_time_pass(f);
	assert_true(update_lookup_step(f->lookup, f->now_ms));
	answer(f, 1, wanted[0], wanted[1]);
	finish(f);
	assert_found(f, wanted, 2);
}

static void test_nobody_answers(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;

	start(f, 2);
	while (update_lookup_step(f->lookup, f->now_ms)) {
		let_time_pass(f);
		assert_true(++n < 100);
	}
	assert_nothing(f, false);
	for (unsigned i = 0; i < 2; i++) { /* each question twice */
		struct ask ask;

		for (unsigned k = 0; k < 4; k++)
			take_ask(&f->upstreams[i], &ask);
		assert_true(is_silent(&f->upstreams[i]));
	}
}

/* Nobody listens: the machine says so, and no time has to pass. */
static void test_closed_port(void **state)
{
	static const char *const wanted[] = {"192.0.2.1", "2001:db8::1"};
	struct fixture *f = *state;

	close(f->upstreams[0].udp);
	f->upstreams[0].udp = dup(f->upstreams[0].tcp);
	start(f, 2);
	answer(f, 1, wanted[0], wanted[1]);
	finish(f);
	assert_found(f, wanted, 2);
}

/* Once there are addresses the other family is waited for no longer than a moment. */
static void test_silence_of_one_family(void **state)
{
	static const char *const wanted[] = {"192.0.2.1"};
	struct fixture *f = *state;
	struct reply r;
	struct ask asks[2];

	start(f, 1);
	take_ask(&f->upstreams[0], &asks[0]);
	take_ask(&f->upstreams[0], &asks[1]);
	begin_reply(&r, &asks[0], 0);
	assert_int_equal(asks[0].type, TYPE_A);
	add_address(&r, HOST, wanted[0]);
	send_reply(&f->upstreams[0], &r, &asks[0]);
	assert_true(step(f));
	let_time_pass(f);
	assert_false(update_lookup_step(f->lookup, f->now_ms));
	assert_found(f, wanted, 1);
	assert_true(is_silent(&f->upstreams[0]));
}

/* Each lie on its own; the truth behind it is taken. */
static void test_lies(void **state)
{
	static const char *const wanted[] = {"192.0.2.1", "2001:db8::1"};
	struct fixture *f = *state;
	struct ask ask;

	for (unsigned lie = 0; lie < 6; lie++) {
		start(f, 1);
		for (unsigned i = 0; i < 2; i++) {
			struct reply r;

			take_ask(&f->upstreams[0], &ask);
			begin_reply(&r, &ask, 0);
			add_address(&r, HOST, ask.type == TYPE_A ? "192.0.2.66" : "2001:db8::66");
			switch (lie) {
			case 0: /* another ID */
				r.msg[1] ^= 1;
				break;
			case 1: /* no reply */
				r.msg[2] ^= 0x80;
				break;
			case 2: /* another name */
				r.msg[MSG_HEADER + 1] = 'x';
				break;
			case 3: /* another type */
				r.msg[MSG_HEADER + name_len(r.msg + MSG_HEADER) + 1] ^= 16;
				break;
			case 4: /* no question */
				r.msg[5] = 0;
				break;
			default: /* nothing but a header */
				r.w.out.pos = MSG_HEADER;
				break;
			}
			send_reply(&f->upstreams[0], &r, &ask);
			begin_reply(&r, &ask, 0);
			add_address(&r, HOST, ask.type == TYPE_A ? wanted[0] : wanted[1]);
			send_reply(&f->upstreams[0], &r, &ask);
		}
		finish(f);
		assert_found(f, wanted, 2);
		update_lookup_free(f->lookup);
		f->lookup = NULL;
	}
}

/* ---- TCP ---- */

static void read_exactly(int fd, uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = recv(fd, bytes + at, len - at, 0);

		assert_true(n > 0);
		at += (size_t)n;
	}
}

/* The question that comes over TCP; the connection is left in *fd. */
static void take_tcp_ask(struct fixture *f, int *fd, struct ask *ask)
{
	uint8_t prefix[2];
	struct msg_query q;

	*fd = accept4(f->upstreams[0].tcp, NULL, NULL, SOCK_CLOEXEC);
	assert_return_code(*fd, errno);
	assert_true(step(f));
	read_exactly(*fd, prefix, 2);
	ask->len = msg_u16(prefix);
	assert_true(ask->len <= sizeof(ask->msg));
	read_exactly(*fd, ask->msg, ask->len);
	assert_int_equal(msg_parse_query(ask->msg, ask->len, &q), RCODE_NOERROR);
	ask->type = q.qtype;
}

static void send_frame(struct fixture *f, int fd, const struct reply *r, size_t piece)
{
	uint8_t frame[2 + MSG_SIZE];
	size_t len = 2 + r->w.out.pos;

	msg_set_u16(frame, (unsigned)r->w.out.pos);
	memcpy(frame + 2, r->msg, r->w.out.pos);
	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		assert_int_equal(send(fd, frame + at, n, MSG_NOSIGNAL), n);
		(void)step(f);
	}
}

static void cut_both(struct fixture *f)
{
	struct reply r;
	struct ask ask;

	for (unsigned i = 0; i < 2; i++) {
		take_ask(&f->upstreams[0], &ask);
		begin_reply(&r, &ask, MSG_TC);
		add_address(&r, HOST, ask.type == TYPE_A ? "192.0.2.66" : "2001:db8::66");
		send_reply(&f->upstreams[0], &r, &ask);
	}
	assert_true(step(f));
	assert_true(step(f));
}

static void test_cut_answer(void **state)
{
	static const char *const wanted[] = {"192.0.2.1", "2001:db8::1"};
	struct fixture *f = *state;
	struct reply r;
	struct ask ask;

	start(f, 2);
	cut_both(f);
	for (unsigned i = 0; i < 2; i++) {
		int fd;

		take_tcp_ask(f, &fd, &ask);
		begin_reply(&r, &ask, 0);
		add_address(&r, HOST, ask.type == TYPE_A ? wanted[0] : wanted[1]);
		send_frame(f, fd, &r, i == 0 ? 1 : MSG_SIZE);
		close(fd);
	}
	finish(f);
	assert_found(f, wanted, 2);
	assert_true(is_silent(&f->upstreams[1]));
}

/* A connection that ends early is a failure of this upstream. */
static void test_tcp_breaks_off(void **state)
{
	static const char *const wanted[] = {"192.0.2.1", "2001:db8::1"};
	struct fixture *f = *state;
	struct ask ask;

	start(f, 2);
	cut_both(f);
	for (unsigned i = 0; i < 2; i++) {
		int fd;

		take_tcp_ask(f, &fd, &ask);
		assert_int_equal(send(fd, "\1", 1, MSG_NOSIGNAL), 1);
		close(fd);
	}
	answer(f, 1, wanted[0], wanted[1]);
	finish(f);
	assert_found(f, wanted, 2);
}

static void test_no_name(void **state)
{
	struct fixture *f = *state;

	assert_null(update_lookup_new(f->addresses, 1, &f->rng, "a..b", 0));
	assert_null(update_lookup_new(f->addresses, 1, &f->rng, "", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_needed),
	    cmocka_unit_test_setup_teardown(test_both_families, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_one_family, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_aliases, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_such_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_next_upstream, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nobody_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_closed_port, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_silence_of_one_family, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cut_answer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tcp_breaks_off, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
