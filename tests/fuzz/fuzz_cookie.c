/* fuzz_cookie.c - any COOKIE option in a query, any secret and any clock.
 *
 * The input: a byte of flags (1: over TCP, 2: no question, 4: IPv6, 8: a previous secret), 4 bytes of
 * time, a byte of which secret, and the option's data.
 * Invariants: a length that no cookie has is FORMERR (RFC 7873, 5.2.2); every other brings a cookie that is
 * good from then on, for this address and this client cookie alone; what was good is not refused.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/query.h"
#include "tests/fuzz/fuzz.h"

#define HEAD	 6
#define QUESTION "\1a\1b\0\0\1\0\1"
#define NOW_MS	 5000000

static void net_send(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	(void)ctx, (void)to, (void)msg, (void)len;
}

static int net_port(void *ctx, enum query_carrier via, const union addr *to, uint32_t *port)
{
	(void)ctx, (void)via, (void)to;
	*port = 0;
	return ERR_NET;
}

static void net_arm(void *ctx, uint64_t at_ms)
{
	(void)ctx, (void)at_ms;
}

/* Without upstreams each question has its answer at once. */
static struct query *core(void)
{
	static const struct query_net net = {.send = net_send, .port = net_port, .arm = net_arm};
	static struct options options = {
	    .cache_size = 65536,
	    .query_timeout_ms = 4000,
	    .questions_max = 64,
	    .udp_size = 1232,
	};
	struct query *q;
	struct rng rng;

	rng_init_fixed(&rng, 1);
	CHECK(query_new(&q, &options, &net, &rng) == 0);
	return q;
}

static size_t write_query(uint8_t *out, bool question, const uint8_t *cookie, size_t len)
{
	static const uint8_t opt[] = {0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0, 0};
	uint8_t *p = out + MSG_HEADER;

	memset(out, 0, MSG_HEADER);
	out[2] = MSG_RD >> 8;
	out[5] = question;
	out[11] = 1;
	if (question)
		p = (uint8_t *)memcpy(p, QUESTION, sizeof(QUESTION) - 1) + sizeof(QUESTION) - 1;
	p = (uint8_t *)memcpy(p, opt, sizeof(opt)) + sizeof(opt);
	msg_set_u16(p, (unsigned)len + 4);
	msg_set_u16(p + 2, 10);
	msg_set_u16(p + 4, (unsigned)len);
	if (len != 0)
		memcpy(p + 6, cookie, len);
	return (size_t)(p + 6 + len - out);
}

/* Read an answer: its full RCODE, and the cookie in it; false: it has none. */
static bool read_answer(
    const uint8_t *msg, size_t len, unsigned *rcode, uint8_t cookie[MSG_COOKIE_SIZE])
{
	struct msg_edns edns = {.present = false};
	struct msg_walk walk;
	struct msg_rr rr;

	CHECK(msg_walk_start(&walk, msg, len) == 0);
	while (msg_walk_next(&walk, &rr) == 1)
		if (rr.type == TYPE_OPT)
			CHECK(msg_read_edns(msg, &rr, &edns) == 0);
	CHECK(edns.present);
	*rcode = (unsigned)edns.ext_rcode << 4 | (msg[3] & MSG_RCODE);
	if (!edns.cookie)
		return false;
	CHECK(edns.cookie_len == MSG_COOKIE_SIZE);
	memcpy(cookie, msg + edns.cookie_off, MSG_COOKIE_SIZE);
	return true;
}

static struct cookie_secrets secrets_of(const uint8_t *data)
{
	struct cookie_secrets s = {
	    .known = true, .rolled = (data[0] & 8) != 0, .wall_s = msg_u32(data + 1)};

	memset(s.current, data[5], sizeof(s.current));
	memset(s.previous, data[5] ^ 1, sizeof(s.previous));
	return s;
}

static void check_good(const struct cookie_secrets *secrets, const union addr *from,
    const uint8_t cookie[MSG_COOKIE_SIZE])
{
	uint8_t again[MSG_COOKIE_SIZE], other[MSG_COOKIE_SIZE];

	CHECK(cookie_check(secrets, cookie, MSG_COOKIE_SIZE, from, NOW_MS, again) == COOKIE_GOOD);
	CHECK(memcmp(cookie, again, sizeof(again)) == 0);
	memcpy(other, cookie, sizeof(other));
	other[cookie[0] % MSG_COOKIE_SIZE] ^= (uint8_t)(1 + cookie[1] % 255);
	CHECK(cookie_check(secrets, other, MSG_COOKIE_SIZE, from, NOW_MS, again) == COOKIE_BAD);
}

static void check(struct query *q, const uint8_t *data, size_t size)
{
	static uint8_t query[MSG_MAX], out[QUERY_OUT_SIZE];
	const struct cookie_secrets secrets = secrets_of(data);
	struct query_asker asker = {.tcp = (data[0] & 1) != 0};
	bool question = (data[0] & 2) == 0;
	size_t len = size - HEAD, query_len = write_query(query, question, data + HEAD, len);
	uint8_t cookie[MSG_COOKIE_SIZE], again[MSG_COOKIE_SIZE];
	enum cookie_state state;
	unsigned rcode;

	CHECK(addr_parse(&asker.from, (data[0] & 4) != 0 ? "[::1]" : "127.0.0.1", 53, NULL) == 0);
	query_set_cookies(q, &secrets);
	len = query_ask(q, &asker, query, query_len, NOW_MS, out, 1232);
	CHECK(len != 0);
	if (!read_answer(out, len, &rcode, cookie)) {
		len = size - HEAD;
		CHECK(rcode == RCODE_FORMERR && len != 8 && (len < 16 || len > 40));
		return;
	}
	len = size - HEAD;
	CHECK(len == 8 || (len >= 16 && len <= 40));
	CHECK(memcmp(cookie, data + HEAD, MSG_COOKIE_CLIENT) == 0);
	check_good(&secrets, &asker.from, cookie);
	state = cookie_check(&secrets, data + HEAD, len, &asker.from, NOW_MS, again);
	CHECK(memcmp(cookie, again, sizeof(again)) == 0);
	if (question)
		CHECK(rcode == RCODE_SERVFAIL);
	else
		CHECK(rcode == (state == COOKIE_BAD ? RCODE_BADCOOKIE : RCODE_NOERROR));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct query *q;

	if (size < HEAD || size > 2000)
		return 0;
	if (q == NULL)
		q = core();
	check(q, data, size);
	return 0;
}
