/* fuzz_reply.c - an upstream's message: walk and copy against ldns, the copy in another's name, and its OPT. */
#include <stdio.h>

#include "tests/unit/oracle.h"
#include "tests/fuzz/fuzz.h"

/* As an answer is made: behind the question in the asker's letter case, and only while it fits. */
static size_t answer(const uint8_t *msg, size_t len, const uint8_t *name, uint8_t *out, size_t size)
{
	struct msg_writer w;
	struct msg_walk walk;
	struct msg_rr rr;

	msg_write_start(&w, out, size, 0, MSG_QR);
	msg_write_question(&w, name, TYPE_A, CLASS_IN);
	if (msg_walk_start(&walk, msg, len) < 0)
		return w.out.pos;
	while (msg_walk_next(&walk, &rr) > 0) {
		size_t before = w.out.pos;

		if (msg_write_copy(&w, msg, len, &rr, rr.ttl) < 0) {
			CHECK(w.out.pos == before && !w.out.failed);
			break;
		}
	}
	return w.out.pos;
}

/* The answer's records are the first of the message, letter case aside. */
static void check_answer(const uint8_t *msg, size_t len, const uint8_t *out, size_t out_len)
{
	struct msg_walk of_msg, of_out;
	struct msg_rr a, b;
	uint8_t owner_a[NAME_SIZE], owner_b[NAME_SIZE];
	size_t size_a, size_b;
	int more;

	if (msg_walk_start(&of_msg, msg, len) < 0)
		return;
	CHECK(msg_walk_start(&of_out, out, out_len) == 0);
	while ((more = msg_walk_next(&of_out, &b)) > 0) {
		CHECK(msg_walk_next(&of_msg, &a) == 1);
		CHECK(a.type == b.type && a.class == b.class && a.ttl == b.ttl);
		CHECK(a.section == b.section);
		CHECK(name_read(msg, len, &a.owner_off, owner_a, &size_a) == 0);
		CHECK(name_read(out, out_len, &b.owner_off, owner_b, &size_b) == 0);
		CHECK(name_equal(owner_a, owner_b));
	}
	CHECK(more == 0 && of_out.pos == out_len);
}

/* Each OPT is read, or refused, by what stands in it. */
static void check_edns(const uint8_t *msg, size_t len)
{
	struct msg_walk walk;
	struct msg_edns edns;
	struct msg_rr rr;

	if (msg_walk_start(&walk, msg, len) < 0)
		return;
	while (msg_walk_next(&walk, &rr) > 0) {
		bool sound =
		    msg[rr.owner_off] == 0 && oracle_options_ok(msg + rr.rdata_off, rr.rdata_len);

		if (rr.type != TYPE_OPT)
			continue;
		CHECK((msg_read_edns(msg, &rr, &edns) == 0) == sound);
		if (!sound)
			continue;
		CHECK(edns.present && edns.udp_size == rr.class);
		CHECK(edns.ext_rcode == msg[rr.ttl_off] && edns.version == msg[rr.ttl_off + 1]);
		CHECK(edns.dnssec_ok == ((msg[rr.ttl_off + 2] & 0x80) != 0));
		CHECK(oracle_check_options(msg, rr.rdata_off, rr.rdata_len, &edns) == NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[MSG_MAX];
	uint8_t name[NAME_SIZE];
	size_t off = MSG_HEADER, name_size, out_len;
	unsigned differences;
	const char *why;

	/* ldns follows 65,535 pointers for each name: larger input is only slower. */
	if (size > 4096)
		return 0;
	why = oracle_check_reply(data, size, &differences);
	if (why != NULL) {
		fprintf(stderr, "%s\n", why);
		__builtin_trap();
	}
	check_edns(data, size);
	if (size < MSG_HEADER || name_read(data, size, &off, name, &name_size) < 0)
		return 0;
	for (size_t i = 0; i < name_size; i++)
		name[i] = (uint8_t)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
	out_len = answer(data, size, name, out, sizeof(out));
	check_answer(data, size, out, out_len);
	out_len = answer(data, size, name, out, MSG_UDP_PLAIN);
	CHECK(out_len <= MSG_UDP_PLAIN);
	check_answer(data, size, out, out_len);
	return 0;
}
