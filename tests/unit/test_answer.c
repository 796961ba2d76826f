/* test_answer.c - answers in normal form, and answers for one asker: what the scenes do not
 * reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/core/answer.h"

static const uint8_t qname[] = "\3www\7example";
static const struct answer_question question = {
    .name = qname, .name_len = sizeof(qname), .type = TYPE_A, .class = CLASS_IN};
static const struct answer_limits limits = {.max_ttl_s = 86400, .negative_ttl_s = 3600};
static struct answer answer;

struct reply {
	uint8_t msg[4096];
	struct buf out;
};

static void start(struct reply *r, unsigned flags)
{
	r->out = buf_over(r->msg, sizeof(r->msg));
	buf_put_u16(&r->out, 0x1234);
	buf_put_u16(&r->out, (uint16_t)(MSG_QR | flags));
	buf_put_u16(&r->out, 1);
	buf_put_u16(&r->out, 0);
	buf_put_u32(&r->out, 0);
	buf_put_bytes(&r->out, qname, sizeof(qname));
	buf_put_u16(&r->out, TYPE_A);
	buf_put_u16(&r->out, CLASS_IN);
}

static void record(struct reply *r, enum msg_section section, const void *owner, size_t owner_len,
    uint16_t type, uint32_t ttl, const void *rdata, size_t len)
{
	uint8_t *count = r->msg + 6 + 2 * section;

	msg_set_u16(count, msg_u16(count) + 1u);
	buf_put_bytes(&r->out, owner, owner_len);
	buf_put_u16(&r->out, type);
	buf_put_u16(&r->out, CLASS_IN);
	buf_put_u32(&r->out, ttl);
	buf_put_u16(&r->out, (uint16_t)len);
	buf_put_bytes(&r->out, rdata, len);
	assert_false(r->out.failed);
}

static int normalise(const struct reply *r)
{
	return answer_normalise(&answer, &question, &limits, r->msg, r->out.pos, 1000);
}

static void a_plain_answer_lives_as_long_as_its_lowest_ttl(void **state)
{
	struct reply r;

	(void)state;
	start(&r, MSG_AA | MSG_RA);
	record(&r, SECTION_ANSWER, "\xc0\x0c", 2, TYPE_A, 70, "\1\2\3\4", 4);
	record(&r, SECTION_ANSWER, "\xc0\x0c", 2, TYPE_A, 60, "\1\2\3\5", 4);
	assert_int_equal(normalise(&r), 0);
	assert_int_equal(answer.view.ttl_s, 60);
	assert_int_equal(answer.view.n_records, 2);
	/* One RRset has one TTL (RFC 2181, 5.2). */
	assert_int_equal(msg_u32(answer.view.msg + answer.ttl_off[0]), 60);
	assert_int_equal(msg_u32(answer.view.msg + answer.ttl_off[1]), 60);
	assert_false(answer.view.has_targets);
	assert_int_equal(msg_u16(answer.view.msg + 2) & (MSG_AA | MSG_RA), 0);
}

static void opt_goes_wherever_it_stands_and_gives_the_upper_rcode(void **state)
{
	static const uint8_t opt[] = {0, 0, TYPE_OPT, 4, 0xd0, 1, 0, 0, 0, 0, 0};
	struct reply r;

	(void)state;
	start(&r, 0);
	msg_set_u16(r.msg + 10, 1);
	buf_put_bytes(&r.out, opt, sizeof(opt));
	record(&r, SECTION_ADDITIONAL, "\xc0\x0c", 2, TYPE_A, 70, "\1\2\3\4", 4);
	assert_int_equal(normalise(&r), 0);
	assert_int_equal(answer.rcode, RCODE_BADVERS);
	assert_true(answer.edns.present);
	assert_int_equal(answer.view.n_records, 1);
	assert_int_equal(answer.view.ttl_s, 0);
	/* A second OPT is malformed. */
	msg_set_u16(r.msg + 10, 3);
	buf_put_bytes(&r.out, opt, sizeof(opt));
	assert_int_equal(normalise(&r), ERR_FORMAT);
	/* So is one in the answer section, even where it is the root's that was asked for. */
	start(&r, 0);
	msg_set_u16(r.msg + 6, 1);
	buf_put_bytes(&r.out, opt, sizeof(opt));
	assert_int_equal(normalise(&r), ERR_FORMAT);
}

static void what_is_cut_anywhere_is_malformed(void **state)
{
	struct reply r;
	size_t end;

	(void)state;
	start(&r, 0);
	end = r.out.pos;
	record(&r, SECTION_ANSWER, "\xc0\x0c", 2, TYPE_A, 70, "\1\2\3\4", 4);
	for (size_t len = 0; len < r.out.pos; len++)
		assert_int_equal(
		    answer_normalise(&answer, &question, &limits, r.msg, len, 1000), ERR_FORMAT);
	/* An address of three bytes is no address. */
	r.out.pos = end;
	msg_set_u16(r.msg + 6, 0);
	record(&r, SECTION_ANSWER, "\xc0\x0c", 2, TYPE_A, 70, "\1\2\3", 3);
	assert_int_equal(normalise(&r), ERR_FORMAT);
}

/* A chain of `n` CNAMEs: www.example -> b -> c -> ... */
static void chain(struct reply *r, unsigned n)
{
	start(r, 0);
	for (unsigned i = 0; i < n; i++) {
		uint8_t from[] = "\1a", to[] = "\1a";

		from[1] = (uint8_t)('a' + i);
		to[1] = (uint8_t)('a' + i + 1);
		if (i == 0)
			record(r, SECTION_ANSWER, "\xc0\x0c", 2, TYPE_CNAME, 60, to, sizeof(to));
		else
			record(
			    r, SECTION_ANSWER, from, sizeof(from), TYPE_CNAME, 60, to, sizeof(to));
	}
}

static void chains_are_followed_to_their_bound(void **state)
{
	struct reply r;

	(void)state;
	chain(&r, ANSWER_CHAIN_MAX);
	assert_int_equal(normalise(&r), 0);
	assert_int_equal(answer.view.n_records, ANSWER_CHAIN_MAX);
	assert_true(answer.view.has_targets);
	chain(&r, ANSWER_CHAIN_MAX + 1);
	assert_int_equal(normalise(&r), ERR_FORMAT);
	/* A loop ends. */
	start(&r, 0);
	record(&r, SECTION_ANSWER, "\xc0\x0c", 2, TYPE_CNAME, 60, "\1b", 3);
	record(&r, SECTION_ANSWER, "\1b", 3, TYPE_CNAME, 60, "\3www\7example", sizeof(qname));
	assert_int_equal(normalise(&r), 0);
}

static void a_flood_of_cnames_is_malformed(void **state)
{
	struct reply r;

	(void)state;
	/* None of them belongs to the question. */
	start(&r, 0);
	record(&r, SECTION_ANSWER, "\xc0\x0c", 2, TYPE_A, 60, "\1\2\3\4", 4);
	for (unsigned i = 0; i < 2 * ANSWER_CHAIN_MAX; i++)
		record(&r, SECTION_ANSWER, "\1b", 3, TYPE_CNAME, 60, "\1c", 3);
	assert_int_equal(normalise(&r), 0);
	assert_int_equal(answer.view.n_records, 1);
	record(&r, SECTION_ANSWER, "\1b", 3, TYPE_CNAME, 60, "\1c", 3);
	assert_int_equal(normalise(&r), ERR_FORMAT);
}

static struct answer_to asker(size_t limit)
{
	static const uint8_t asked[] = "\3wWw\7eXample\0\0\1\0\1";

	return (struct answer_to){
	    .id = 0xabcd,
	    .flags = MSG_RD | MSG_CD,
	    .question = asked,
	    .question_len = sizeof(asked) - 1,
	    .edns = true,
	    .opt = {.udp_size = 1232},
	    .limit = limit,
	};
}

static void every_limit_is_kept(void **state)
{
	static uint8_t out[4096];
	struct reply r;
	bool truncated;

	(void)state;
	start(&r, 0);
	for (unsigned i = 0; i < 60; i++) {
		const uint8_t owner[] = {2, 'n', (uint8_t)('A' + i / 3), 0xc0, 0x0c};

		record(&r, i < 2 ? SECTION_ANSWER : SECTION_ADDITIONAL,
		    i < 2 ? (const void *)"\xc0\x0c" : owner, i < 2 ? 2 : sizeof(owner), TYPE_A, 60,
		    "\1\2\3\4", 4);
	}
	assert_int_equal(normalise(&r), 0);
	for (size_t limit = 512; limit < 2000; limit++) {
		struct answer_to to = asker(limit);
		size_t len = answer_write(&answer.view, &to, 1000, out, &truncated);
		struct msg_walk walk;
		struct msg_rr rr;
		unsigned n = 0;

		assert_true(len <= limit);
		assert_false(truncated); /* the answer section always fits */
		assert_int_equal(msg_u16(out), 0xabcd);
		assert_memory_equal(out + MSG_HEADER, to.question, to.question_len);
		assert_int_equal(msg_walk_start(&walk, out, len), 0);
		while (msg_walk_next(&walk, &rr) == 1)
			n++;
		assert_int_equal(n, msg_u16(out + 6) + msg_u16(out + 8) + msg_u16(out + 10));
		assert_int_equal(rr.type, TYPE_OPT);
		/* Only whole RRsets: they have three records from the third on. */
		assert_true(n == 61 || (n - 1 - 2) % 3 == 1);
	}
}

static void an_empty_answer_keeps_its_limit(void **state)
{
	char text[600];
	uint8_t out[512];
	struct answer_to to = asker(sizeof(out));
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	len = answer_write_empty(&to, RCODE_SERVFAIL, EDE_BLOCKED, text, out);
	assert_true(len <= sizeof(out));
	assert_int_equal(msg_u16(out + 10), 1);
	assert_int_equal(msg_u16(out + 2), MSG_QR | MSG_RD | MSG_RA | MSG_CD | RCODE_SERVFAIL);
	to.question = NULL;
	to.question_len = 0;
	to.edns = false;
	len = answer_write_empty(&to, RCODE_FORMERR, EDE_NONE, NULL, out);
	assert_int_equal(len, MSG_HEADER);
	assert_int_equal(msg_u16(out + 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plain_answer_lives_as_long_as_its_lowest_ttl),
	    cmocka_unit_test(opt_goes_wherever_it_stands_and_gives_the_upper_rcode),
	    cmocka_unit_test(what_is_cut_anywhere_is_malformed),
	    cmocka_unit_test(chains_are_followed_to_their_bound),
	    cmocka_unit_test(a_flood_of_cnames_is_malformed),
	    cmocka_unit_test(every_limit_is_kept),
	    cmocka_unit_test(an_empty_answer_keeps_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
