/* fuzz_query.c - a client's message: msg_parse_query() against its contract and against ldns. */
#include <stdio.h>

#include "tests/unit/oracle.h"
#include "tests/fuzz/fuzz.h"

static void check_question(const uint8_t *packet, size_t len, const struct msg_query *q)
{
	uint8_t name[NAME_SIZE];
	size_t off = MSG_HEADER, name_size;

	CHECK(q->question_end <= len);
	CHECK(name_len(q->qname) == q->qname_len);
	CHECK(name_read(packet, len, &off, name, &name_size) == 0);
	CHECK(off + 4 == q->question_end && name_equal(name, q->qname));
	name_lower(name, name, name_size);
	CHECK(memcmp(name, q->qname, name_size) == 0);
}

static void check_options(const uint8_t *packet, size_t len, const struct msg_edns *edns)
{
	size_t pos = edns->options_off, end = pos + edns->options_len;
	const uint8_t *data;
	uint16_t code, data_len;

	CHECK(end <= len);
	while (msg_next_option(packet, &pos, end, &code, &data, &data_len))
		CHECK(data + data_len == packet + pos);
	CHECK(pos == end);
	if (edns->present)
		CHECK(oracle_check_options(packet, edns->options_off, edns->options_len, edns) ==
		      NULL);
	if (edns->cookie && !edns->cookie_bad)
		CHECK(edns->cookie_len == 8 || (edns->cookie_len >= 16 && edns->cookie_len <= 40));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msg_query q;
	unsigned differences;
	const char *why;
	int rcode;

	if (size > MSG_MAX)
		return 0;
	rcode = msg_parse_query(data, size, &q);
	if (rcode != MSG_QUERY_DROP && q.question_end != 0)
		check_question(data, size, &q);
	if (rcode == MSG_QUERY_COOKIE)
		CHECK(q.edns.cookie && !q.edns.cookie_bad && q.question_end == 0);
	if (q.edns.present)
		CHECK(rcode != RCODE_FORMERR || q.edns.cookie_bad);
	if (rcode == RCODE_NOERROR || rcode == RCODE_BADVERS || rcode == MSG_QUERY_COOKIE)
		check_options(data, size, &q.edns);
	why = oracle_check_query(data, size, &differences);
	if (why != NULL) {
		fprintf(stderr, "%s\n", why);
		__builtin_trap();
	}
	return 0;
}
