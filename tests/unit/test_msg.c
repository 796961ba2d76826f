/* test_msg.c - reading queries and writing messages; ldns builds the input and reads the output.
 * That all kinds of received messages are walked and copied rightly is in test_corpus.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/dns/msg.h"
#include "tests/unit/oracle.h"
#include "tests/unit/rounds.h"

#define ROUNDS rounds(5000)

/* -- msg_parse_query ------------------------------------------------------------------------ */

#define HEADER(qd, an, ns, ar) "\x12\x34\x01\x10\0" qd "\0" an "\0" ns "\0" ar
#define NAME		       "\3WwW\7eXample\3com\0"
#define QUESTION	       NAME "\0\x1c\0\1" /* AAAA IN; ends at 33 */
#define OPT(version, length)   "\0\0\x29\x04\xd0\0" version "\x80\0\0" length

/* On a block that ends where the packet does. */
static int parse(const char *bytes, size_t len, struct msg_query *q)
{
	uint8_t *packet = malloc(len);
	int rcode;

	memset(q, 0xaa, sizeof(*q));
	assert_true(packet != NULL || len == 0);
	if (len > 0)
		memcpy(packet, bytes, len);
	rcode = msg_parse_query(packet, len, q);
	free(packet);
	return rcode;
}

#define PARSE(bytes, q) parse(bytes, sizeof(bytes) - 1, q)

static void assert_question(const struct msg_query *q)
{
	assert_int_equal(q->qname_len, 17);
	assert_memory_equal(q->qname, "\3www\7example\3com", 17);
	assert_int_equal(q->qtype, TYPE_AAAA);
	assert_int_equal(q->qclass, CLASS_IN);
	assert_int_equal(q->question_end, 33);
}

static void assert_no_edns(const struct msg_query *q)
{
	assert_false(q->edns.present || q->edns.dnssec_ok);
	assert_int_equal(q->edns.udp_size | q->edns.options_len | q->edns.version, 0);
}

static void test_query_plain(void **state)
{
	struct msg_query q;

	(void)state;
	assert_int_equal(PARSE(HEADER("\1", "\0", "\0", "\0") QUESTION, &q), RCODE_NOERROR);
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.flags, MSG_RD | MSG_CD);
	assert_question(&q);
	assert_no_edns(&q);
}

static void test_query_root(void **state)
{
	struct msg_query q;

	(void)state;
	assert_int_equal(PARSE(HEADER("\1", "\0", "\0", "\0") "\0\0\2\0\1", &q), RCODE_NOERROR);
	assert_int_equal(q.qname_len, 1);
	assert_int_equal(q.qname[0], 0);
	assert_int_equal(q.question_end, 17);
}

static void test_query_edns(void **state)
{
	struct msg_query q;

	(void)state;
	assert_int_equal(
	    PARSE(HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\6") "\0\x0c\0\2\xab\xcd", &q),
	    RCODE_NOERROR);
	assert_question(&q);
	assert_true(q.edns.present && q.edns.dnssec_ok);
	assert_int_equal(q.edns.udp_size, 1232);
	assert_int_equal(q.edns.options_off, 33 + 11);
	assert_int_equal(q.edns.options_len, 6);
}

/* A query with a COOKIE option of `len` bytes. */
static int parse_cookie(const char *header, size_t question_len, size_t len, struct msg_query *q)
{
	char packet[200] = {0};
	size_t at = MSG_HEADER + question_len;

	memcpy(packet, header, MSG_HEADER);
	memcpy(packet + MSG_HEADER, QUESTION, question_len);
	memcpy(packet + at, OPT("\0", "\0"), 11);
	packet[at + 10] = (char)(len + 4);
	packet[at + 12] = 10;
	packet[at + 14] = (char)len;
	return parse(packet, at + 15 + len, q);
}

/* RFC 7873, 5.2.2: 8 bytes, or 16 to 40; else FORMERR. */
static void test_query_cookie_lengths(void **state)
{
	struct msg_query q;

	(void)state;
	for (size_t len = 0; len < 60; len++) {
		bool good = len == 8 || (len >= 16 && len <= 40);

		assert_int_equal(parse_cookie(HEADER("\1", "\0", "\0", "\1"), 21, len, &q),
		    good ? RCODE_NOERROR : RCODE_FORMERR);
		assert_question(&q);
		assert_true(q.edns.present && q.edns.cookie && q.edns.cookie_bad == !good);
		assert_int_equal(q.edns.cookie_off, 33 + 15);
		assert_int_equal(q.edns.cookie_len, len);
		/* Without a question (5.4). */
		assert_int_equal(parse_cookie(HEADER("\0", "\0", "\0", "\1"), 0, len, &q),
		    good ? MSG_QUERY_COOKIE : RCODE_FORMERR);
		assert_true(q.edns.present && q.edns.cookie);
		assert_int_equal(q.question_end, 0);
	}
}

static void test_query_two_cookies(void **state)
{
	struct msg_query q;

	(void)state;
	assert_int_equal(
	    PARSE(HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\x11") "\0\x0a\0\x08"
									    "abcdefgh"
									    "\0\x0a\0\1x",
		&q),
	    RCODE_NOERROR);
	assert_int_equal(q.edns.cookie_len, 8);
	assert_int_equal(
	    PARSE(HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\x11") "\0\x0a\0\1x"
									    "\0\x0a\0\x08"
									    "abcdefgh",
		&q),
	    RCODE_FORMERR);
	/* What the options of another version mean is not known. */
	assert_int_equal(
	    PARSE(HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\1", "\5") "\0\x0a\0\1x", &q),
	    RCODE_BADVERS);
}

static void test_query_without_question(void **state)
{
	struct msg_query q;

	(void)state;
	assert_int_equal(PARSE(HEADER("\0", "\0", "\0", "\1") OPT("\0", "\0"), &q), RCODE_FORMERR);
	assert_no_edns(&q);
	assert_int_equal(PARSE(HEADER("\0", "\0", "\0", "\0"), &q), RCODE_FORMERR);
	assert_no_edns(&q);
}

static void test_query_keepalive(void **state)
{
	struct msg_query q;

	(void)state;
	assert_int_equal(
	    PARSE(HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\4") "\0\x0b\0\0", &q),
	    RCODE_NOERROR);
	assert_true(q.edns.keepalive && !q.edns.keepalive_value && !q.edns.cookie);
	assert_int_equal(
	    PARSE(HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\6") "\0\x0b\0\2\0\1", &q),
	    RCODE_NOERROR);
	assert_true(q.edns.keepalive && q.edns.keepalive_value);
}

static void test_query_drops(void **state)
{
	struct msg_query q;

	(void)state;
	assert_int_equal(PARSE("", &q), MSG_QUERY_DROP);
	assert_int_equal(PARSE("\x12\x34\x01\0\0\0\0\0\0\0\0", &q), MSG_QUERY_DROP);
	/* A response, whole or not. */
	assert_int_equal(PARSE("\x12\x34\x81\0\0\1\0\0\0\0\0\0" QUESTION, &q), MSG_QUERY_DROP);
	assert_int_equal(PARSE("\x12\x34\x80\0\0\1\0\0\0\0\0\0", &q), MSG_QUERY_DROP);
}

static void test_query_other_opcode(void **state)
{
	struct msg_query q;

	(void)state;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		char packet[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0" QUESTION;

		packet[2] = (char)(opcode << 3 | 1);
		assert_int_equal(PARSE(packet, &q), RCODE_NOTIMP);
		assert_int_equal(q.id, 0x1234);
		assert_int_equal((q.flags & MSG_OPCODE) >> 11, opcode);
		assert_question(&q);
		assert_no_edns(&q);
	}
	/* Also where the rest would be malformed, but then without a question. */
	assert_int_equal(PARSE("\x12\x34\x10\0\0\1\0\0\0\0\0\0\3ww", &q), RCODE_NOTIMP);
	assert_int_equal(q.question_end, 0);
	assert_int_equal(PARSE("\x12\x34\x10\0\0\0\0\0\0\0\0\0", &q), RCODE_NOTIMP);
	assert_int_equal(q.question_end, 0);
	assert_int_equal(PARSE("\x12\x34\x28\0\0\1\0\1\0\0\0\0" QUESTION, &q), RCODE_NOTIMP);
	assert_question(&q);
	/* RFC 6891, 6.1.1: OPT is answered with OPT. */
	assert_int_equal(
	    PARSE("\x12\x34\x10\0\0\1\0\0\0\0\0\1" QUESTION "\0\0\x29\x10\0\0\0\x80\0\0\0", &q),
	    RCODE_NOTIMP);
	assert_question(&q);
	assert_true(q.edns.present);
	assert_true(q.edns.dnssec_ok);
}

/* Malformed, and no question that a reply could repeat. */
static void test_query_bad_question(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t len;
	} rows[] = {
#define ROW(what, bytes) {what, bytes, sizeof(bytes) - 1}
	    ROW("no question", HEADER("\0", "\0", "\0", "\0")),
	    ROW("a question that is not counted", HEADER("\0", "\0", "\0", "\0") QUESTION),
	    ROW("two questions", HEADER("\2", "\0", "\0", "\0") QUESTION QUESTION),
	    ROW("256 questions", "\x12\x34\x01\0\1\0\0\0\0\0\0\0" QUESTION),
	    ROW("nothing behind the header", HEADER("\1", "\0", "\0", "\0")),
	    ROW("a name without its root", HEADER("\1", "\0", "\0", "\0") "\3www"),
	    ROW("half a label", HEADER("\1", "\0", "\0", "\0") "\3ww"),
	    ROW("no type", HEADER("\1", "\0", "\0", "\0") NAME),
	    ROW("no class", HEADER("\1", "\0", "\0", "\0") NAME "\0\1"),
	    ROW("half a class", HEADER("\1", "\0", "\0", "\0") NAME "\0\1\0"),
	    ROW("a name that points to itself", HEADER("\1", "\0", "\0", "\0") "\xc0\x0c\0\1\0\1"),
	    ROW("a name that points into the header",
		HEADER("\1", "\0", "\0", "\0") "\1a\xc0\x04\0\1\0\1"),
	    ROW("a name that points forward",
		HEADER("\1", "\0", "\0", "\0") "\1a\xc0\x14\0\1\0\1\0\0"),
	    ROW("a length of type 01", HEADER("\1", "\0", "\0", "\0") "\x41"
								      "a\0\0\1\0\1"),
	    ROW("a length of type 10", HEADER("\1", "\0", "\0", "\0") "\x81"
								      "a\0\0\1\0\1"),
	};
	struct msg_query q;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (parse(rows[i].bytes, rows[i].len, &q) != RCODE_FORMERR)
			fail_msg("%s: not FORMERR", rows[i].what);
		if (q.question_end != 0)
			fail_msg("%s: a question was read", rows[i].what);
		assert_int_equal(q.id, 0x1234);
		assert_int_equal(q.flags & MSG_RD, MSG_RD);
		assert_no_edns(&q);
	}
}

/* Malformed behind a good question, which the reply repeats. */
static void test_query_bad_records(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t len;
	} rows[] = {
	    ROW("no record where one is counted", HEADER("\1", "\0", "\0", "\1") QUESTION),
	    ROW("half a record", HEADER("\1", "\1", "\0", "\0") QUESTION "\0\0\1\0\1\0\0\0\0\0"),
	    ROW("rdata that overruns",
		HEADER("\1", "\1", "\0", "\0") QUESTION "\0\0\1\0\1\0\0\0\0\0\2\1"),
	    ROW("an owner that is not whole", HEADER("\1", "\0", "\1", "\0") QUESTION "\3ww"),
	    ROW("an owner that points forward", HEADER("\1", "\0", "\1", "\0") QUESTION
		"\xc0\x30\0\1\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	    ROW("an owner that points to itself",
		HEADER("\1", "\0", "\1", "\0") QUESTION "\xc0\x21\0\1\0\1\0\0\0\0\0\0"),
	    ROW("an owner with half a pointer", HEADER("\1", "\0", "\1", "\0") QUESTION "\xc0"),
	    ROW("two OPT", HEADER("\1", "\0", "\0", "\2") QUESTION OPT("\0", "\0") OPT("\0", "\0")),
	    ROW("OPT in the answer", HEADER("\1", "\1", "\0", "\0") QUESTION OPT("\0", "\0")),
	    ROW("OPT in the authority", HEADER("\1", "\0", "\1", "\0") QUESTION OPT("\0", "\0")),
	    ROW("OPT with an owner", HEADER("\1", "\0", "\0", "\1") QUESTION "\1a" OPT("\0", "\0")),
	    ROW("OPT with a pointer to the root",
		HEADER("\1", "\0", "\0", "\1") QUESTION "\xc0\x1c\0\x29\x04\xd0\0\0\0\0\0\0"),
	    ROW("OPT that overruns", HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\1")),
	    ROW("half an option",
		HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\3") "\0\x0a\0"),
	    ROW("an option that overruns OPT",
		HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\4") "\0\x0a\0\1"),
	    ROW("an option that overruns OPT, not the packet",
		HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\4") "\0\x0a\0\1\1"),
	    ROW("a second option that overruns",
		HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\0", "\x08") "\0\x0a\0\0\0\x0a\0\1"),
	    ROW("two OPT of version 1",
		HEADER("\1", "\0", "\0", "\2") QUESTION OPT("\1", "\0") OPT("\1", "\0")),
	    ROW("a record missing behind OPT",
		HEADER("\1", "\0", "\0", "\2") QUESTION OPT("\0", "\0")),
#undef ROW
	};
	struct msg_query q;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (parse(rows[i].bytes, rows[i].len, &q) != RCODE_FORMERR)
			fail_msg("%s: not FORMERR", rows[i].what);
		assert_int_equal(q.id, 0x1234);
		assert_question(&q);
		assert_no_edns(&q);
	}
}

static void test_query_bad_version(void **state)
{
	struct msg_query q;

	(void)state;
	assert_int_equal(
	    PARSE(HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\1", "\0"), &q), RCODE_BADVERS);
	assert_question(&q);
	assert_true(q.edns.present && q.edns.dnssec_ok);
	assert_int_equal(q.edns.version, 1);
	assert_int_equal(
	    PARSE(HEADER("\1", "\0", "\0", "\1") QUESTION OPT("\377", "\0"), &q), RCODE_BADVERS);
}

/* Records in any section are walked over, and what is behind the last is nothing. */
static void test_query_ignores(void **state)
{
	struct msg_query q;

	(void)state;
	assert_int_equal(
	    PARSE(HEADER("\1", "\0", "\0", "\0") QUESTION "behind", &q), RCODE_NOERROR);
	assert_question(&q);
	assert_int_equal(
	    PARSE(HEADER("\1", "\1", "\1", "\2") QUESTION
		"\xc0\x0c\0\1\0\1\0\0\0\0\0\2ab" /* an A that is too short */
		"\3abc\xc0\x10\0\2\0\1\0\0\0\0\0\0" OPT("\0", "\0") "\0\0\xfa\0\xff\0\0\0\0\0\1x",
		&q),
	    RCODE_NOERROR);
	assert_question(&q);
	assert_true(q.edns.present);
}

static void test_query_longest_name(void **state)
{
	uint8_t packet[12 + 256 + 4] = {0, 0, 1, 0, 0, 1};
	struct msg_query q;

	(void)state;
	for (unsigned i = 0; i < 127; i++) {
		packet[12 + 2 * i] = 1;
		packet[13 + 2 * i] = 'A';
	}
	packet[12 + 256] = 1; /* the type's low byte, and no class */
	assert_int_equal(msg_parse_query(packet, 12 + 255 + 4, &q), RCODE_NOERROR);
	assert_int_equal(q.qname_len, 255);
	assert_int_equal(q.qname[253], 'a');
	packet[12] = 2;
	memmove(packet + 15, packet + 14, sizeof(packet) - 15);
	packet[14] = 'A';
	assert_int_equal(msg_parse_query(packet, sizeof(packet), &q), RCODE_FORMERR);
	assert_int_equal(q.question_end, 0);
}

/* Queries that ldns built. */
static void test_query_from_ldns(void **state)
{
	struct oracle_random r = {.state = 5};

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t name[NAME_SIZE], *wire = NULL;
		size_t name_size = oracle_random_name(&r, name), wire_len = 0;
		uint16_t type = (uint16_t)oracle_random(&r);
		uint16_t class = oracle_below(&r, 4) ? CLASS_IN : (uint16_t)oracle_random(&r);
		uint16_t size = (uint16_t)oracle_random(&r);
		bool has_edns = oracle_below(&r, 2) != 0, dnssec_ok = oracle_below(&r, 2) != 0;
		unsigned differences;
		struct msg_query q;
		ldns_pkt *pkt =
		    ldns_pkt_query_new(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_size, name),
			type, class, LDNS_RD);

		assert_non_null(pkt);
		ldns_pkt_set_id(pkt, (uint16_t)i);
		if (has_edns) {
			ldns_pkt_set_edns_udp_size(pkt, size);
			ldns_pkt_set_edns_do(pkt, dnssec_ok);
		}
		has_edns = ldns_pkt_edns(pkt);
		assert_int_equal(ldns_pkt2wire(&wire, pkt, &wire_len), LDNS_STATUS_OK);
		assert_int_equal(msg_parse_query(wire, wire_len, &q), RCODE_NOERROR);
		assert_int_equal(q.id, (uint16_t)i);
		assert_int_equal(q.flags, MSG_RD);
		assert_int_equal(q.qtype, type);
		assert_int_equal(q.qclass, class);
		assert_int_equal(q.qname_len, name_size);
		assert_true(name_equal(q.qname, name));
		assert_int_equal(q.edns.present, has_edns);
		if (has_edns) {
			assert_int_equal(q.edns.udp_size, ldns_pkt_edns_udp_size(pkt));
			assert_int_equal(q.edns.dnssec_ok, ldns_pkt_edns_do(pkt));
		}
		assert_null(oracle_check_query(wire, wire_len, &differences));
		assert_int_equal(differences, 0);
		LDNS_FREE(wire);
		ldns_pkt_free(pkt);
	}
}

static void test_next_option(void **state)
{
	static const uint8_t options[] = "\0\x0a\0\2ab\0\x0c\0\0\xff\xff\0\1c";
	size_t pos = 0;
	uint16_t code, len;
	const uint8_t *data;

	(void)state;
	assert_true(msg_next_option(options, &pos, 15, &code, &data, &len));
	assert_int_equal(code, 10);
	assert_int_equal(len, 2);
	assert_ptr_equal(data, options + 4);
	assert_true(msg_next_option(options, &pos, 15, &code, &data, &len));
	assert_int_equal(code, 12);
	assert_int_equal(len, 0);
	assert_true(msg_next_option(options, &pos, 15, &code, &data, &len));
	assert_int_equal(code, 0xffff);
	assert_int_equal(data[0], 'c');
	assert_false(msg_next_option(options, &pos, 15, &code, &data, &len));
	assert_int_equal(pos, 15);
	pos = 0;
	assert_false(msg_next_option(options, &pos, 5, &code, &data, &len));
	assert_int_equal(pos, 0);
}

/* -- walking and writing -------------------------------------------------------------------- */

/* The rdata of each well-known type and some others; %s is a name. */
static const char *const rdata_texts[] = {
    "A 192.0.2.1",
    "NS %s",
    "MD %s",
    "MF %s",
    "CNAME %s",
    "SOA %s %s 2024010101 7200 3600 1209600 300",
    "MB %s",
    "MG %s",
    "MR %s",
    "PTR %s",
    "HINFO \"RFC8482\" \"\"",
    "MINFO %s %s",
    "MX 10 %s",
    "TXT \"one\" \"\" \"three\"",
    "RP %s %s",
    "AFSDB 1 %s",
    "RT 10 %s",
    "PX 10 %s %s",
    "AAAA 2001:db8::1",
    "SRV 1 2 5060 %s",
    "NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" %s",
    "DNAME %s",
    "DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
    "RRSIG A 8 2 300 20300101000000 20240101000000 12345 %s c2lnbmF0dXJl",
    "NSEC %s A NS SOA MX RRSIG NSEC DNSKEY TYPE1234",
    "NSEC3 1 0 10 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
    "DNSKEY 257 3 8 AwEAAQ==",
    "LOC 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m",
    "KX 10 %s",
    "CERT 1 1 8 Y2VydA==",
    "APL 1:192.0.2.0/24 !2:2001:db8::/32",
    "SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789",
    "IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
    "HIP 2 200100107b1a74df365639cc39f1d578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI %s",
    "CSYNC 66 3 A NS AAAA",
    "LP 10 %s",
    "EUI48 00-00-5e-00-53-2a",
    "URI 10 1 \"https://www.example.com/\"",
    "CAA 0 issue \"ca.example.net\"",
    "TLSA 3 1 1 0123456789abcdef",
    "TYPE64 \\# 8 0000 04 6e616d65 00",
    "TYPE65280 \\# 4 c00c0001",
};
#define N_RDATA_TEXTS (sizeof(rdata_texts) / sizeof(rdata_texts[0]))

/* A name out of a small family, so that names share suffixes, at times in another letter case. */
static const char *family_name(struct oracle_random *r, char text[100])
{
	static const char *const labels[] = {"a", "A", "bb", "mail", "Mail", "x1", "X1"};
	static const char *const zones[] = {"example.com.", "Example.com.", "example.net.", ""};

	text[0] = '\0';
	for (unsigned n = oracle_below(r, 4); n > 0; n--) {
		strcat(text, labels[oracle_below(r, sizeof(labels) / sizeof(labels[0]))]);
		strcat(text, ".");
	}
	strcat(text, zones[oracle_below(r, 4)]);
	return text[0] != '\0' ? text : strcpy(text, ".");
}

static ldns_rr *random_rr(struct oracle_random *r)
{
	char text[1000], name[3][100], owner[100];
	const char *format = rdata_texts[oracle_below(r, N_RDATA_TEXTS)];
	int at = snprintf(
	    text, sizeof(text), "%s %u IN ", family_name(r, owner), oracle_below(r, 1000000));
	ldns_rr *rr = NULL;

	for (unsigned n = 0; *format != '\0'; format++) {
		if (*format != '%') {
			text[at++] = *format;
			continue;
		}
		at +=
		    snprintf(text + at, sizeof(text) - (size_t)at, "%s", family_name(r, name[n++]));
		format++; /* its letter */
	}
	text[at] = '\0';
	if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) != LDNS_STATUS_OK)
		fail_msg("ldns does not understand '%s'", text);
	return rr;
}

/* A reply with some records in each section, as ldns writes it: *wire is to be freed. */
static ldns_pkt *random_reply(struct oracle_random *r, uint8_t **wire, size_t *wire_len)
{
	char text[100];
	ldns_pkt *pkt = ldns_pkt_query_new(ldns_dname_new_frm_str(family_name(r, text)),
	    LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, LDNS_QR | LDNS_RD);

	assert_non_null(pkt);
	for (unsigned n = oracle_below(r, 6); n > 0; n--)
		ldns_pkt_push_rr(pkt, LDNS_SECTION_ANSWER, random_rr(r));
	for (unsigned n = oracle_below(r, 4); n > 0; n--)
		ldns_pkt_push_rr(pkt, LDNS_SECTION_AUTHORITY, random_rr(r));
	for (unsigned n = oracle_below(r, 4); n > 0; n--)
		ldns_pkt_push_rr(pkt, LDNS_SECTION_ADDITIONAL, random_rr(r));
	assert_int_equal(ldns_pkt2wire(wire, pkt, wire_len), LDNS_STATUS_OK);
	return pkt;
}

/* Records equal in all but the letter case of their names. */
static void assert_same_section(const ldns_rr_list *a, const ldns_rr_list *b)
{
	assert_int_equal(ldns_rr_list_rr_count(a), ldns_rr_list_rr_count(b));
	for (size_t i = 0; i < ldns_rr_list_rr_count(a); i++) {
		const ldns_rr *x = ldns_rr_list_rr(a, i), *y = ldns_rr_list_rr(b, i);

		assert_int_equal(ldns_rr_compare(x, y), 0);
		assert_int_equal(ldns_rr_ttl(x), ldns_rr_ttl(y));
	}
}

/* Write the answer to `name` from a received message: the whole way of an upstream's reply. */
static size_t write_answer(
    const uint8_t *msg, size_t len, const uint8_t *name, uint8_t *out, size_t size)
{
	const struct msg_opt opt = {.udp_size = 1232, .dnssec_ok = true, .ede = EDE_NONE};
	struct msg_writer w;
	struct msg_walk walk;
	struct msg_rr rr;

	msg_write_start(&w, out, size, 0x4321, MSG_QR | MSG_RD | MSG_RA);
	msg_write_question(&w, name, TYPE_A, CLASS_IN);
	assert_int_equal(msg_walk_start(&walk, msg, len), 0);
	while (msg_walk_next(&walk, &rr) > 0)
		assert_int_equal(msg_write_copy(&w, msg, len, &rr, rr.ttl), 0);
	msg_write_opt(&w, &opt);
	assert_false(w.out.failed);
	return w.out.pos;
}

static void test_copy_of_ldns_messages(void **state)
{
	static uint8_t out[MSG_MAX];
	struct oracle_random r = {.state = 6};

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t *wire = NULL, name[NAME_SIZE];
		size_t wire_len = 0, name_size, out_len, off = MSG_HEADER;
		ldns_pkt *built = random_reply(&r, &wire, &wire_len), *read = NULL;
		unsigned differences;

		assert_null(oracle_check_reply(wire, wire_len, &differences));
		assert_int_equal(differences, 0);
		assert_int_equal(name_read(wire, wire_len, &off, name, &name_size), 0);
		out_len = write_answer(wire, wire_len, name, out, sizeof(out));
		assert_int_equal(ldns_wire2pkt(&read, out, out_len), LDNS_STATUS_OK);
		assert_int_equal(ldns_pkt_id(read), 0x4321);
		assert_true(ldns_pkt_qr(read) && ldns_pkt_rd(read) && ldns_pkt_ra(read));
		assert_same_section(ldns_pkt_question(built), ldns_pkt_question(read));
		assert_same_section(ldns_pkt_answer(built), ldns_pkt_answer(read));
		assert_same_section(ldns_pkt_authority(built), ldns_pkt_authority(read));
		assert_same_section(ldns_pkt_additional(built), ldns_pkt_additional(read));
		assert_int_equal(ldns_pkt_edns_udp_size(read), 1232);
		assert_true(ldns_pkt_edns_do(read));
		ldns_pkt_free(read);
		ldns_pkt_free(built);
		LDNS_FREE(wire);
	}
}

/* Whatever the room, a record is written whole or not at all, and the writer goes on. */
static void test_copy_into_any_room(void **state)
{
	static uint8_t all[MSG_MAX], part[MSG_MAX];
	struct oracle_random r = {.state = 7};

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		uint8_t *wire = NULL, name[NAME_SIZE];
		size_t wire_len = 0, name_size, off = MSG_HEADER, all_len;
		ldns_pkt *built = random_reply(&r, &wire, &wire_len);

		assert_int_equal(name_read(wire, wire_len, &off, name, &name_size), 0);
		all_len = write_answer(wire, wire_len, name, all, sizeof(all));
		for (size_t size = MSG_HEADER + name_size + 4; size < all_len; size++) {
			unsigned n = 0;
			int err = 0;
			struct msg_writer w;
			struct msg_walk walk;
			struct msg_rr rr;

			memset(part, 0xaa, size + 1);
			msg_write_start(&w, part, size, 0x4321, MSG_QR | MSG_RD | MSG_RA);
			msg_write_question(&w, name, TYPE_A, CLASS_IN);
			assert_int_equal(msg_walk_start(&walk, wire, wire_len), 0);
			while (err == 0 && msg_walk_next(&walk, &rr) > 0) {
				size_t before = w.out.pos;

				err = msg_write_copy(&w, wire, wire_len, &rr, rr.ttl);
				n += err == 0;
				if (err != 0) {
					assert_int_equal(err, ERR_RANGE);
					assert_int_equal(w.out.pos, before);
				}
			}
			assert_false(w.out.failed);
			assert_int_equal(
			    n, msg_u16(part + 6) + msg_u16(part + 8) + msg_u16(part + 10));
			assert_memory_equal(
			    part + MSG_HEADER, all + MSG_HEADER, w.out.pos - MSG_HEADER);
			assert_int_equal(part[size], 0xaa);
		}
		ldns_pkt_free(built);
		LDNS_FREE(wire);
	}
}

#define REPLY(an)	    "\0\0\x80\0\0\1\0" an "\0\0\0\0" /* a header; the question follows */
#define RR(type, rdata_len) "\0" type "\0\1\0\0\0\5\0" rdata_len

/* Copy all records of `bytes` behind the question `name` and compare with `expected`. */
static void copy_is(
    const char *name, const char *bytes, size_t len, const char *expected, size_t expected_len)
{
	uint8_t out[600];
	struct msg_writer w;
	struct msg_walk walk;
	struct msg_rr rr;

	msg_write_start(&w, out, sizeof(out), 0, MSG_QR);
	msg_write_question(&w, (const uint8_t *)name, TYPE_A, CLASS_IN);
	assert_int_equal(msg_walk_start(&walk, (const uint8_t *)bytes, len), 0);
	while (msg_walk_next(&walk, &rr) > 0)
		assert_int_equal(msg_write_copy(&w, (const uint8_t *)bytes, len, &rr, rr.ttl), 0);
	assert_int_equal(w.out.pos, expected_len);
	assert_memory_equal(out, expected, expected_len);
}

#define COPY_IS(name, from, to) copy_is(name, from, sizeof(from) - 1, to, sizeof(to) - 1)

static void test_asker_letter_case(void **state)
{
	(void)state;
	/* The owner in another case points to the question all the same, and so does a suffix. */
	COPY_IS("\2AB\1c",
	    REPLY("\1") "\2ab\1c\0\0\1\0\1"
			"\2Ab\1C\0" RR("\5", "\5") "\1x\1C\0",
	    REPLY("\1") "\2AB\1c\0\0\1\0\1"
			"\xc0\x0c" RR("\5", "\4") "\1x\xc0\x0f");
	/* Names beside it keep their own. */
	COPY_IS("\1q",
	    REPLY("\3") "\1q\0\0\1\0\1"
			"\1q\0" RR("\5", "\5") "\1X\1y\0"
					       "\1x\1y\0" RR("\5", "\5") "\1X\1y\0"
									 "\1x\1Y\0" RR(
									     "\1", "\4") "abcd",
	    REPLY("\3") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\5", "\5") "\1X\1y\0"
						  "\1x\xc0\x21" RR(
						      "\5", "\2") "\xc0\x1f"
								  "\1x\1Y\0" RR("\1", "\4") "abcd");
}

static void test_compressed_types(void **state)
{
	(void)state;
	/* MX and SOA are compressed; SRV, DNAME and NSEC are not, and nothing points into them. */
	COPY_IS("\1q",
	    REPLY("\1") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\x0f", "\5") "\0\1\1q\0",
	    REPLY("\1") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\x0f", "\4") "\0\1\xc0\x0c");
	COPY_IS("\1q",
	    REPLY("\2") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\x21", "\x0a") "\0\0\0\0\0\0\1x\xc0\x0c"
						      "\1x\xc0\x0c" RR("\1", "\4") "abcd",
	    REPLY("\2") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\x21", "\x0b") "\0\0\0\0\0\0\1x\1q\0"
						      "\1x\xc0\x0c" RR("\1", "\4") "abcd");
	COPY_IS("\1q",
	    REPLY("\1") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\x27", "\2") "\xc0\x0c",
	    REPLY("\1") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\x27", "\3") "\1q\0");
	COPY_IS("\1q",
	    REPLY("\1") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\x2f", "\5") "\xc0\x0c\0\1\x40",
	    REPLY("\1") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\x2f", "\6") "\1q\0\0\1\x40");
	/* An opaque one stays as it is, pointer or not (RFC 3597). */
	COPY_IS("\1r\1q",
	    REPLY("\1") "\1q\0\0\1\0\1"
			"\xc0\x0c" RR("\xf0", "\4") "\0\1\xc0\x0c",
	    REPLY("\1") "\1r\1q\0\0\1\0\1"
			"\xc0\x0e" RR("\xf0", "\4") "\0\1\xc0\x0c");
}

/* A TTL with its top bit set counts as 0, and the TTL written is the one that is given. */
static void test_ttl(void **state)
{
	static const uint8_t msg[] = REPLY("\1") "\0\0\1\0\1\0\0\1\0\1\x80\0\0\7\0\4abcd";
	uint8_t out[100];
	struct msg_writer w;
	struct msg_walk walk;
	struct msg_rr rr;

	(void)state;
	assert_int_equal(msg_walk_start(&walk, msg, sizeof(msg) - 1), 0);
	assert_int_equal(msg_walk_next(&walk, &rr), 1);
	assert_int_equal(rr.ttl, 0);
	assert_int_equal(rr.section, SECTION_ANSWER);
	assert_int_equal(rr.owner_off, 17);
	assert_int_equal(rr.ttl_off, 22);
	assert_int_equal(rr.rdata_off, 28);
	assert_int_equal(rr.rdata_len, 4);
	msg_write_start(&w, out, sizeof(out), 0, 0);
	assert_int_equal(msg_write_copy(&w, msg, sizeof(msg) - 1, &rr, 77), 0);
	assert_int_equal(msg_u32(out + 12 + 5), 77);
	assert_int_equal(msg_walk_next(&walk, &rr), 0);
	assert_int_equal(msg_walk_next(&walk, &rr), 0);
}

/* Each of these is refused, and the record before it stays as it was written. */
static void test_copy_malformed(void **state)
{
	static const struct {
		const char *what, *rr;
		size_t len;
	} rows[] = {
#define ROW(what, bytes) {what, bytes, sizeof(bytes) - 1}
	    ROW("an owner whose pointer goes in a circle", "\1a\xc0\x21" RR("\1", "\4") "abcd"),
	    ROW("A of 3 bytes", "\0" RR("\1", "\3") "abc"),
	    ROW("A of 5 bytes", "\0" RR("\1", "\5") "abcde"),
	    ROW("A of 3 bytes with an owner of its own", "\1a\0" RR("\1", "\3") "abc"),
	    ROW("A of none", "\0" RR("\1", "\0")),
	    ROW("AAAA of 4 bytes", "\0" RR("\x1c", "\4") "abcd"),
	    ROW("AAAA of 17 bytes", "\0" RR("\x1c", "\x11") "0123456789abcdefg"),
	    ROW("CNAME of none", "\0" RR("\5", "\0")),
	    ROW("CNAME with more behind", "\0" RR("\5", "\4") "\1a\0\0"),
	    ROW("CNAME that overruns its rdata", "\0" RR("\5", "\2") "\1a\0"),
	    ROW("CNAME that points into its own record", "\0" RR("\5", "\2") "\xc0\x1e"),
	    ROW("CNAME with half a pointer", "\0" RR("\5", "\1") "\xc0\x0c"),
	    ROW("MX without a name", "\0" RR("\x0f", "\2") "\0\1"),
	    ROW("MX of one byte", "\0" RR("\x0f", "\1") "\0"),
	    ROW("SOA cut off", "\0" RR("\6", "\x15") "\0\0"
						     "0123456789012345678"),
	    ROW("SOA too long", "\0" RR("\6", "\x17") "\0\0"
						      "012345678901234567890"),
	    ROW("TXT of none", "\0" RR("\x10", "\0")),
	    ROW("TXT that overruns", "\0" RR("\x10", "\3") "\3ab"),
	    ROW("HINFO with one text", "\0" RR("\x0d", "\2") "\1a"),
	    ROW("HINFO with three", "\0" RR("\x0d", "\3") "\0\0\0"),
	    ROW("SRV without a name", "\0" RR("\x21", "\6") "\0\0\0\0\0\0"),
	    ROW("NAPTR with two texts", "\0" RR("\x23", "\6") "\0\0\0\0\0\0"),
	    ROW("RRSIG cut off in its signer", "\0" RR("\x2e", "\x13") "012345678901234567\1"),
	    ROW("NSEC without a map", "\0" RR("\x2f", "\1") "\0"),
	    ROW("NSEC with an empty window", "\0" RR("\x2f", "\3") "\0\0\0"),
	    ROW("NSEC with a window that overruns", "\0" RR("\x2f", "\4") "\0\0\2a"),
	    ROW("NSEC with half a window", "\0" RR("\x2f", "\5") "\0\0\1a\1"),
	    ROW("NSEC with a window twice", "\0" RR("\x2f", "\7") "\0\0\1a\0\1a"),
	    ROW("NSEC with a window of 33",
		"\0" RR("\x2f", "\x24") "\0\0\x21"
					"012345678901234567890123456789012"),
	    ROW("SVCB without a target", "\0" RR("\x40", "\2") "\0\1"),
	    ROW("HTTPS with half a parameter", "\0" RR("\x41", "\6") "\0\1\0\0\1\0"),
	    ROW("HTTPS with a value that overruns", "\0" RR("\x41", "\7") "\0\1\0\0\1\0\1"),
	    ROW("HTTPS with a key twice", "\0" RR("\x41", "\x0b") "\0\1\0\0\2\0\0\0\2\0\0"),
	    ROW("HTTPS with a port of a byte", "\0" RR("\x41", "\x08") "\0\1\0\0\3\0\1\1"),
	    ROW("DS with a digest of 31",
		"\0" RR("\x2b", "\x23") "\0\1\10\2"
					"0123456789012345678901234567890"),
	    ROW("DNSKEY without a key", "\0" RR("\x30", "\4") "\1\0\3\10"),
	    ROW("NSEC3 without a hash", "\0" RR("\x32", "\5") "\1\0\0\0\0"),
	    ROW("NSEC3 with a window of 0", "\0" RR("\x32", "\x0a") "\1\0\0\0\0\1h\0\0\0"),
	    ROW("TLSA without data", "\0" RR("\x34", "\3") "\3\1\1"),
	    ROW("LOC of 15", "\0" RR("\x1d", "\x0f") "\0"
						     "12345678901234"),
	    ROW("APL with a prefix of 33", "\0" RR("\x2a", "\4") "\0\1\x21\0"),
	    ROW("APL with five bytes of IPv4", "\0" RR("\x2a", "\x09") "\0\1\x20\5"
								       "12345"),
	    ROW("HIP with a key that overruns", "\0" RR("\x37", "\6") "\1\2\0\2hk"),
	    ROW("HIP with half a name", "\0" RR("\x37", "\x08") "\1\2\0\1hk\1a"),
	    ROW("IPSECKEY with a gateway of a new kind", "\0" RR("\x2d", "\4") "\1\4\2k"),
	    ROW("IPSECKEY with half an address", "\0" RR("\x2d", "\5") "\1\1\2ab"),
	    ROW("CAA without a tag", "\0"
				     "\1\1"
				     "\0\1\0\0\0\5\0\2"
				     "\0\0"),
	    ROW("CAA with a tag of no letters", "\0"
						"\1\1"
						"\0\1\0\0\0\5\0\4"
						"\0\2a-"),
	    ROW("URI without a target", "\0"
					"\1\0"
					"\0\1\0\0\0\5\0\4"
					"\0\1\0\1"),
	    ROW("HTTPS with falling keys", "\0" RR("\x41", "\x0b") "\0\1\0\0\2\0\0\0\1\0\0"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const char before[] = REPLY("\2") "\1q\0\0\1\0\1"
							 "\0" RR("\1", "\4");
		uint8_t msg[200], out[200];
		size_t len = sizeof(before) - 1 + 4, pos;
		struct msg_writer w;
		struct msg_walk walk;
		struct msg_rr rr;

		memcpy(msg, before, sizeof(before));
		memcpy(msg + len - 4, "good", 4);
		memcpy(msg + len, rows[i].rr, rows[i].len);
		len += rows[i].len;
		msg_write_start(&w, out, sizeof(out), 0, 0);
		assert_int_equal(msg_walk_start(&walk, msg, len), 0);
		assert_int_equal(msg_walk_next(&walk, &rr), 1);
		assert_int_equal(msg_write_copy(&w, msg, len, &rr, 5), 0);
		pos = w.out.pos;
		if (msg_walk_next(&walk, &rr) != 1)
			fail_msg("%s: the walk does not pass it", rows[i].what);
		if (msg_write_copy(&w, msg, len, &rr, 5) != ERR_FORMAT)
			fail_msg("%s: was not refused", rows[i].what);
		assert_int_equal(w.out.pos, pos);
		assert_int_equal(msg_u16(out + 6), 1);
		assert_false(w.out.failed);
		/* Nothing of it is pointed to later. */
		msg_write_name(&w, (const uint8_t *)"\1a", true);
		assert_int_equal(w.out.pos, pos + 3);
		assert_memory_equal(out + pos, "\1a", 3);
	}
}

static void test_walk_malformed(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t len;
	} rows[] = {
#define ROW(what, bytes) {what, bytes, sizeof(bytes) - 1}
	    ROW("nothing", ""),
	    ROW("eleven bytes", "\0\0\x80\0\0\0\0\0\0\0\0"),
	    ROW("no question", REPLY("\0")),
	    ROW("half a question", REPLY("\0") "\1a\0\0\1\0"),
	    ROW("no record", REPLY("\1") "\0\0\1\0\1"),
	    ROW("a record cut off", REPLY("\1") "\0\0\1\0\1"
						"\0\0\1\0\1\0\0\0\0\0"),
	    ROW("rdata cut off", REPLY("\1") "\0\0\1\0\1"
					     "\0" RR("\1", "\4") "abc"),
	    ROW("a bad label", REPLY("\1") "\0\0\1\0\1"
					   "\x40" RR("\1", "\4") "abcd"),
	    ROW("a second question that leads to a bad label", "\0\0\x80\0\0\2\0\1\0\0\0\0"
							       "\0\0\x7f\0\1"
							       "\xc0\x0e\0\1\0\1"
							       "\0" RR("\1", "\4") "abcd"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *msg = malloc(rows[i].len + 1);
		struct msg_walk walk;
		struct msg_rr rr;
		int err;

		assert_non_null(msg);
		memcpy(msg + 1, rows[i].bytes, rows[i].len);
		err = msg_walk_start(&walk, msg + 1, rows[i].len);
		if (err == 0)
			err = msg_walk_next(&walk, &rr);
		if (err != ERR_FORMAT)
			fail_msg("%s: not malformed", rows[i].what);
		free(msg);
	}
}

/* The name of 127 labels: all of them can be pointed to, in the asker's case. */
static void test_many_labels(void **state)
{
	uint8_t name[NAME_SIZE], lower[NAME_SIZE], out[1000];
	struct msg_writer w;

	(void)state;
	for (unsigned i = 0; i < 127; i++) {
		name[2 * i] = 1;
		name[2 * i + 1] = (uint8_t)('A' + i % 26);
	}
	name[254] = 0;
	name_lower(lower, name, sizeof(lower));
	msg_write_start(&w, out, sizeof(out), 0, 0);
	msg_write_question(&w, name, TYPE_A, CLASS_IN);
	for (unsigned i = 0; i < 127; i++) {
		size_t before = w.out.pos;

		msg_write_name(&w, lower + 2 * (size_t)i, true);
		assert_int_equal(w.out.pos, before + 2);
		assert_int_equal(msg_u16(out + before), 0xc00c + 2 * i);
	}
}

/* A record that does not fit takes nothing with it that later names point to. */
static void test_question_stays(void **state)
{
	static const uint8_t record[] = "\0\0\200\0\0\0\0\1\0\0\0\0"
					"\5other\7example\3com\0\0\20\0\1\0\0\0\11\0\40"
					"\37a text that is too long for them";
	uint8_t out[MSG_HEADER + 17 + 4 + 16];
	struct msg_writer w;
	struct msg_walk walk;
	struct msg_rr rr;
	size_t behind;

	(void)state;
	msg_write_start(&w, out, sizeof(out), 0, 0);
	msg_write_question(&w, (const uint8_t *)"\3www\7example\3com", TYPE_A, CLASS_IN);
	behind = w.out.pos;
	assert_int_equal(msg_walk_start(&walk, record, sizeof(record) - 1), 0);
	assert_int_equal(msg_walk_next(&walk, &rr), 1);
	assert_int_equal(msg_write_copy(&w, record, sizeof(record) - 1, &rr, 9), ERR_RANGE);
	assert_int_equal(w.out.pos, behind);
	msg_write_name(&w, (const uint8_t *)"\2ww\7EXAMPLE\3com", true);
	assert_int_equal(w.out.pos, behind + 5);
	assert_memory_equal(out + behind, "\2ww\300\20", 5);
	msg_write_name(&w, (const uint8_t *)"\3www\7example\3com", true);
	assert_memory_equal(out + behind + 5, "\300\14", 2);
	msg_write_name(&w, (const uint8_t *)"\3WWW\7example\3com", true);
	assert_memory_equal(out + behind + 7, "\300\14", 2);
	assert_int_equal(w.out.pos, behind + 9);
}

/* More names than are kept, and names too far behind to be pointed to, are written all the same. */
static void test_many_names(void **state)
{
	static uint8_t out[MSG_MAX];
	struct oracle_random r = {.state = 8};
	struct msg_writer w;
	size_t pos = MSG_HEADER;
	static uint8_t names[700][NAME_SIZE];

	(void)state;
	msg_write_start(&w, out, sizeof(out), 0, 0);
	for (unsigned i = 0; i < 700; i++) {
		if (oracle_below(&r, 3) == 0 && i > 0)
			memcpy(names[i], names[oracle_below(&r, i)], NAME_SIZE);
		else
			oracle_random_name(&r, names[i]);
		msg_write_name(&w, names[i], true);
	}
	assert_false(w.out.failed);
	assert_true(w.out.pos > 0x4000);
	for (unsigned i = 0; i < 700; i++) {
		uint8_t name[NAME_SIZE];
		size_t len;

		assert_int_equal(name_read(out, w.out.pos, &pos, name, &len), 0);
		assert_int_equal(len, name_len(names[i]));
		assert_memory_equal(name, names[i], len);
	}
	assert_int_equal(pos, w.out.pos);
}

/* A pointer can reach 0x3fff at most: a name is kept when its last label begins up to there. */
static void test_pointer_reach(void **state)
{
	static uint8_t out[MSG_MAX];

	(void)state;
	for (size_t at = 0x3ffd; at < 0x4003; at++) {
		struct msg_writer w;
		size_t again;

		msg_write_start(&w, out, sizeof(out), 0, 0);
		w.out.pos = at;
		msg_write_name(&w, (const uint8_t *)"\1a\2bc", true);
		again = w.out.pos;
		assert_int_equal(again, at + 6);
		msg_write_name(&w, (const uint8_t *)"\1a\2bc", true);
		if (at + 2 <= 0x3fff) {
			size_t off = again, len;
			uint8_t name[NAME_SIZE];

			assert_int_equal(w.out.pos - again, 2);
			assert_int_equal(name_read(out, w.out.pos, &off, name, &len), 0);
			assert_memory_equal(name, "\1a\2bc", 6);
		} else {
			assert_int_equal(w.out.pos - again, 6);
		}
	}
}

static void test_write_opt(void **state)
{
	static const char *const texts[] = {NULL, "", "Blocked", "a longer text with \xc3\xbc"};
	static const int codes[] = {EDE_NONE, 0, EDE_BLOCKED, EDE_NO_REACHABLE_AUTHORITY};

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		const char *text = texts[i % 16 / 4];
		int ede = codes[i % 4];
		unsigned rcode = i % 3 == 0 ? RCODE_BADVERS : RCODE_SERVFAIL;
		const struct msg_opt opt = {
		    .udp_size = 1232,
		    .dnssec_ok = i % 2 != 0,
		    .rcode = (uint16_t)rcode,
		    .ede = (int16_t)ede,
		    .ede_text = text,
		    .cookie_len = i / 16 % 2 != 0 ? MSG_COOKIE_SIZE : 0,
		    .cookie = "client  a server cookie",
		    .keepalive = i / 32 != 0,
		    .keepalive_ds = 0x1234,
		};
		uint8_t out[200];
		struct msg_writer w;
		struct msg_walk walk;
		struct msg_rr rr;
		struct msg_edns edns;
		size_t pos;
		uint16_t code, len;
		const uint8_t *data;
		ldns_pkt *pkt = NULL;

		msg_write_start(&w, out, sizeof(out), 0, MSG_QR | (rcode & MSG_RCODE));
		msg_write_opt(&w, &opt);
		assert_int_equal(w.out.pos, MSG_HEADER + msg_opt_size(&opt));
		assert_int_equal(ldns_wire2pkt(&pkt, out, w.out.pos), LDNS_STATUS_OK);
		assert_int_equal(ldns_pkt_edns_udp_size(pkt), 1232);
		assert_int_equal(ldns_pkt_edns_do(pkt), i % 2);
		assert_int_equal(ldns_pkt_edns_version(pkt), 0);
		assert_int_equal(
		    (unsigned)ldns_pkt_edns_extended_rcode(pkt) << 4 | ldns_pkt_get_rcode(pkt),
		    rcode);
		ldns_pkt_free(pkt);

		assert_int_equal(msg_walk_start(&walk, out, w.out.pos), 0);
		assert_int_equal(msg_walk_next(&walk, &rr), 1);
		assert_int_equal(rr.section, SECTION_ADDITIONAL);
		assert_int_equal(msg_read_edns(out, &rr, &edns), 0);
		assert_true(edns.present && edns.dnssec_ok == (i % 2 != 0));
		assert_int_equal(edns.ext_rcode, rcode >> 4);
		assert_int_equal(edns.cookie, opt.cookie_len != 0);
		assert_false(edns.cookie_bad);
		assert_int_equal(edns.keepalive, opt.keepalive);
		assert_int_equal(edns.keepalive_value, opt.keepalive);
		pos = edns.options_off;
		if (opt.cookie_len != 0) {
			assert_true(
			    msg_next_option(out, &pos, pos + edns.options_len, &code, &data, &len));
			assert_int_equal(code, 10);
			assert_int_equal(len, 24);
			assert_memory_equal(data, opt.cookie, 24);
			assert_ptr_equal(out + edns.cookie_off, data);
			assert_int_equal(edns.cookie_len, 24);
		}
		if (opt.keepalive) {
			assert_true(
			    msg_next_option(out, &pos, pos + edns.options_len, &code, &data, &len));
			assert_int_equal(code, 11);
			assert_int_equal(len, 2);
			assert_int_equal(msg_u16(data), 0x1234);
		}
		assert_int_equal(
		    msg_next_option(out, &pos, w.out.pos, &code, &data, &len), ede != EDE_NONE);
		if (ede != EDE_NONE) {
			assert_int_equal(code, 15);
			assert_int_equal(msg_u16(data), ede);
			assert_int_equal(len, 2 + (text != NULL ? strlen(text) : 0));
			assert_memory_equal(data + 2, text != NULL ? text : "", len - 2u);
		}
	}
}

/* Too little room fails stickily, and nothing behind it is touched. */
static void test_no_room(void **state)
{
	(void)state;
	for (size_t size = 0; size < 40; size++) {
		const struct msg_opt opt = {.udp_size = 1232, .ede = EDE_NONE};
		uint8_t out[41];
		struct msg_writer w;

		memset(out, 0xaa, sizeof(out));
		msg_write_start(&w, out, size, 1, 0);
		msg_write_question(&w, (const uint8_t *)"\3www\7example", TYPE_A, CLASS_IN);
		msg_write_opt(&w, &opt);
		assert_int_equal(w.out.failed, size < 12 + 13 + 4 + 11);
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], 0xaa);
		if (w.out.failed && size >= MSG_HEADER)
			assert_int_equal(msg_u16(out + 10), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_query_plain),
	    cmocka_unit_test(test_query_root),
	    cmocka_unit_test(test_query_edns),
	    cmocka_unit_test(test_query_cookie_lengths),
	    cmocka_unit_test(test_query_two_cookies),
	    cmocka_unit_test(test_query_without_question),
	    cmocka_unit_test(test_query_keepalive),
	    cmocka_unit_test(test_query_drops),
	    cmocka_unit_test(test_query_other_opcode),
	    cmocka_unit_test(test_query_bad_question),
	    cmocka_unit_test(test_query_bad_records),
	    cmocka_unit_test(test_query_bad_version),
	    cmocka_unit_test(test_query_ignores),
	    cmocka_unit_test(test_query_longest_name),
	    cmocka_unit_test(test_query_from_ldns),
	    cmocka_unit_test(test_next_option),
	    cmocka_unit_test(test_copy_of_ldns_messages),
	    cmocka_unit_test(test_copy_into_any_room),
	    cmocka_unit_test(test_asker_letter_case),
	    cmocka_unit_test(test_compressed_types),
	    cmocka_unit_test(test_ttl),
	    cmocka_unit_test(test_copy_malformed),
	    cmocka_unit_test(test_walk_malformed),
	    cmocka_unit_test(test_many_labels),
	    cmocka_unit_test(test_question_stays),
	    cmocka_unit_test(test_many_names),
	    cmocka_unit_test(test_pointer_reach),
	    cmocka_unit_test(test_write_opt),
	    cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
