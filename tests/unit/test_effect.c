/* test_effect.c - the bytes of an effect: one way to write each, and safe to read whatever they
 * are. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocklists/effect.h"
#include "lib/dns/msg.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NAME(literal) ((const uint8_t *)(literal))

static void add_client(struct effect *e, const char *text, bool except)
{
	struct net network;

	assert_int_equal(net_parse(&network, text, NULL), 0);
	assert_int_equal(effect_add_client(e, &network, except), 0);
}

static void add_type(struct effect *e, uint16_t type, bool except)
{
	assert_int_equal(effect_add_type(e, type, except), 0);
}

static void add_record(struct effect *e, uint16_t type, const char *rdata, size_t len)
{
	assert_int_equal(effect_add_record(e, type, NAME(rdata), len), 0);
}

static void finish(struct effect *e)
{
	effect_finish(e);
	assert_int_equal(effect_check(e->bytes, e->len), 0);
}

static void assert_text(const struct effect *e, const char *expected)
{
	char text[4 * EFFECT_SIZE];

	assert_string_equal(effect_text(e->bytes, e->len, text, sizeof(text)), expected);
}

static bool applies(
    const struct effect *e, const char *name, uint16_t type, const char *client, bool *by_client)
{
	struct effect_ask ask = {.name = NAME(name), .type = type};
	union addr from;

	if (client != NULL) {
		assert_int_equal(addr_parse(&from, client, 53, NULL), 0);
		ask.client = &from;
	}
	*by_client = false;
	return effect_applies(e->bytes, e->len, &ask, by_client);
}

static void test_plain(void **state)
{
	struct effect e;
	char text[8];
	bool by_client;

	(void)state;
	effect_init(&e, EFFECT_BLOCK, 0);
	finish(&e);
	assert_int_equal(e.len, 0);
	assert_int_equal(effect_verdict(e.bytes, 0), EFFECT_BLOCK);
	assert_int_equal(effect_flags(e.bytes, 0), 0);
	assert_true(applies(&e, "\1a", TYPE_A, NULL, &by_client));
	assert_false(by_client);
	assert_string_equal(effect_text(e.bytes, 0, text, sizeof(text)), "");
	effect_init(&e, EFFECT_BLOCK, EFFECT_NEAREST);
	finish(&e);
	assert_int_equal(e.len, 0);
	effect_init(&e, EFFECT_BLOCK, EFFECT_IMPORTANT);
	finish(&e);
	assert_true(e.len != 0);
	effect_init(&e, EFFECT_ALLOW, 0);
	finish(&e);
	assert_true(e.len != 0);
}

/* Whatever the order in which the parts were said, and however often. */
static void test_canonical(void **state)
{
	struct effect one, other;

	(void)state;
	effect_init(&one, EFFECT_ANSWER, EFFECT_NEAREST);
	effect_set_rcode(&one, RCODE_REFUSED);
	add_type(&one, TYPE_A, false);
	add_type(&one, TYPE_HTTPS, false);
	add_type(&one, TYPE_MX, true);
	add_client(&one, "192.0.2.0/24", false);
	add_client(&one, "2001:db8::1", true);
	assert_int_equal(effect_add_except(&one, NAME("\1a\3com"), 7), 0);
	assert_int_equal(effect_add_except(&one, NAME("\3com"), 5), 0);
	add_record(&one, TYPE_A, "\300\0\2\1", 4);
	add_record(&one, TYPE_TXT, "\1a", 2);
	add_record(&one, TYPE_TXT, "", 0);
	finish(&one);

	effect_init(&other, EFFECT_ANSWER, EFFECT_NEAREST);
	for (int twice = 0; twice < 2; twice++) {
		add_record(&other, TYPE_TXT, "", 0);
		add_record(&other, TYPE_TXT, "\1a", 2);
		add_record(&other, TYPE_A, "\300\0\2\1", 4);
		assert_int_equal(effect_add_except(&other, NAME("\3com"), 5), 0);
		assert_int_equal(effect_add_except(&other, NAME("\1a\3com"), 7), 0);
		add_client(&other, "2001:db8::1", true);
		add_client(&other, "192.0.2.0/24", false);
		add_type(&other, TYPE_MX, true);
		add_type(&other, TYPE_HTTPS, false);
		add_type(&other, TYPE_A, false);
		effect_set_rcode(&other, twice == 0 ? RCODE_NXDOMAIN : RCODE_REFUSED);
	}
	finish(&other);
	assert_int_equal(one.len, other.len);
	assert_memory_equal(one.bytes, other.bytes, one.len);
	assert_text(&one, "answer nearest rcode=REFUSED types=A,HTTPS,~MX "
			  "clients=192.0.2.0/24,~2001:db8::1 except=com,a.com "
			  "TXT=\\# 0 TXT=\\# 2 0161 A=192.0.2.1");
}

static void test_types(void **state)
{
	struct effect e;
	bool by_client;

	(void)state;
	effect_init(&e, EFFECT_BLOCK, 0);
	add_type(&e, TYPE_A, false);
	add_type(&e, TYPE_AAAA, false);
	finish(&e);
	assert_true(applies(&e, "\1a", TYPE_A, NULL, &by_client));
	assert_true(applies(&e, "\1a", TYPE_AAAA, NULL, &by_client));
	assert_false(applies(&e, "\1a", TYPE_MX, NULL, &by_client));
	assert_false(by_client);

	effect_init(&e, EFFECT_BLOCK, 0);
	add_type(&e, TYPE_A, true);
	finish(&e);
	assert_false(applies(&e, "\1a", TYPE_A, NULL, &by_client));
	assert_true(applies(&e, "\1a", TYPE_AAAA, NULL, &by_client));
	assert_text(&e, "block types=~A");
}

static void test_clients(void **state)
{
	struct effect e;
	bool by_client;

	(void)state;
	effect_init(&e, EFFECT_BLOCK, 0);
	add_client(&e, "192.0.2.0/24", false);
	add_client(&e, "2001:db8::/32", false);
	add_client(&e, "192.0.2.7", true);
	finish(&e);
	assert_true(applies(&e, "\1a", TYPE_A, "192.0.2.1", &by_client));
	assert_true(by_client);
	assert_true(applies(&e, "\1a", TYPE_A, "[2001:db8:ffff::1]", &by_client));
	assert_false(applies(&e, "\1a", TYPE_A, "192.0.2.7", &by_client));
	assert_true(by_client);
	assert_false(applies(&e, "\1a", TYPE_A, "192.0.3.1", &by_client));
	assert_false(applies(&e, "\1a", TYPE_A, "[2001:db9::1]", &by_client));
	assert_false(applies(&e, "\1a", TYPE_A, NULL, &by_client));
	assert_true(by_client);

	/* Where the type or the name says no, no client could say otherwise. */
	add_type(&e, TYPE_A, false);
	assert_int_equal(effect_add_except(&e, NAME("\1b"), 3), 0);
	finish(&e);
	assert_false(applies(&e, "\1a", TYPE_MX, "192.0.2.1", &by_client));
	assert_false(by_client);
	assert_false(applies(&e, "\1b", TYPE_A, "192.0.2.1", &by_client));
	assert_false(by_client);

	effect_init(&e, EFFECT_BLOCK, 0);
	add_client(&e, "0.0.0.0/0", true);
	finish(&e);
	assert_false(applies(&e, "\1a", TYPE_A, "192.0.2.1", &by_client));
	assert_true(applies(&e, "\1a", TYPE_A, "[::1]", &by_client));
	assert_true(applies(&e, "\1a", TYPE_A, NULL, &by_client));
	assert_true(by_client);
}

static void test_except(void **state)
{
	struct effect e;
	bool by_client;

	(void)state;
	effect_init(&e, EFFECT_BLOCK, 0);
	assert_int_equal(effect_add_except(&e, NAME("\1b\3com"), 7), 0);
	finish(&e);
	assert_false(applies(&e, "\1b\3com", TYPE_A, NULL, &by_client));
	assert_false(applies(&e, "\1a\1b\3com", TYPE_A, NULL, &by_client));
	assert_true(applies(&e, "\2ab\3com", TYPE_A, NULL, &by_client));
	assert_true(applies(&e, "\3com", TYPE_A, NULL, &by_client));
	assert_text(&e, "block except=b.com");
}

static void test_records(void **state)
{
	struct effect e;
	const uint8_t *rdata;
	size_t at = 0, len;
	uint16_t type;

	(void)state;
	effect_init(&e, EFFECT_ANSWER, 0);
	add_type(&e, TYPE_A, false);
	add_record(&e, TYPE_AAAA, "\x20\x01\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	add_record(&e, TYPE_CNAME, "\1B\3com", 7);
	finish(&e);
	assert_int_equal(effect_rcode(e.bytes, e.len), RCODE_NOERROR);
	assert_true(effect_record(e.bytes, e.len, &at, &type, &rdata, &len));
	assert_int_equal(type, TYPE_CNAME);
	assert_int_equal(len, 7);
	assert_memory_equal(rdata, "\1B\3com", 7);
	assert_true(effect_record(e.bytes, e.len, &at, &type, &rdata, &len));
	assert_int_equal(type, TYPE_AAAA);
	assert_int_equal(len, 16);
	assert_false(effect_record(e.bytes, e.len, &at, &type, &rdata, &len));
	assert_text(&e, "answer types=A CNAME=B.com AAAA=2001:db8::1");
}

static void test_voids(void **state)
{
	struct effect answer, by;

	(void)state;
	effect_init(&answer, EFFECT_ANSWER, EFFECT_IMPORTANT);
	add_type(&answer, TYPE_A, false);
	add_record(&answer, TYPE_A, "\1\2\3\4", 4);
	finish(&answer);

	/* Important ones are voided by important ones alone. */
	effect_init(&by, EFFECT_NO_ANSWER, 0);
	finish(&by);
	assert_false(effect_voids(by.bytes, by.len, answer.bytes, answer.len));
	effect_init(&by, EFFECT_NO_ANSWER, EFFECT_IMPORTANT);
	finish(&by);
	assert_true(effect_voids(by.bytes, by.len, answer.bytes, answer.len));
	add_record(&by, TYPE_A, "\1\2\3\4", 4);
	finish(&by);
	assert_true(effect_voids(by.bytes, by.len, answer.bytes, answer.len));
	add_record(&by, TYPE_A, "\1\2\3\5", 4);
	finish(&by);
	assert_false(effect_voids(by.bytes, by.len, answer.bytes, answer.len));

	effect_init(&answer, EFFECT_ANSWER, 0);
	effect_set_rcode(&answer, RCODE_NXDOMAIN);
	finish(&answer);
	effect_init(&by, EFFECT_NO_ANSWER, 0);
	effect_set_rcode(&by, RCODE_REFUSED);
	finish(&by);
	assert_false(effect_voids(by.bytes, by.len, answer.bytes, answer.len));
	effect_set_rcode(&by, RCODE_NXDOMAIN);
	assert_true(effect_voids(by.bytes, by.len, answer.bytes, answer.len));
	assert_text(&by, "no-answer rcode=NXDOMAIN");
}

static void test_texts(void **state)
{
	struct effect e;
	char text[8];

	(void)state;
	effect_init(&e, EFFECT_ALLOW, EFFECT_IMPORTANT);
	add_type(&e, TYPE_A, false);
	add_type(&e, TYPE_AAAA, false);
	add_type(&e, 4711, false);
	finish(&e);
	assert_text(&e, "allow important types=A,AAAA,TYPE4711");
	/* Cut, and never beyond the end. */
	memset(text, 'x', sizeof(text));
	effect_text(e.bytes, e.len, text, 6);
	assert_string_equal(text, "allow");
	assert_int_equal(text[6], 'x');
	effect_text(e.bytes, e.len, text, 0);
	assert_int_equal(text[0], 'a');

	effect_init(&e, EFFECT_ANSWER, 0);
	finish(&e);
	assert_text(&e, "answer rcode=NOERROR");
	effect_set_rcode(&e, 14);
	assert_text(&e, "answer rcode=RCODE14");
	effect_init(&e, EFFECT_TCP_ONLY, EFFECT_NEAREST);
	assert_text(&e, "tcp-only nearest");
	effect_init(&e, EFFECT_ALLOW, EFFECT_IMPORTANT | EFFECT_NEEDED);
	assert_text(&e, "allow important needed");
	effect_init(&e, EFFECT_BLOCK, 0);
	add_client(&e, "192.0.2.0/24", false);
	add_client(&e, "192.0.2.7", true);
	assert_text(&e, "block clients=192.0.2.0/24,~192.0.2.7");
}

static void test_limit(void **state)
{
	uint8_t rdata[EFFECT_SIZE] = {0};
	struct effect e;
	size_t len;
	int n = 0, err;

	(void)state;
	effect_init(&e, EFFECT_ANSWER, 0);
	len = e.len;
	assert_int_equal(effect_add_record(&e, TYPE_TXT, rdata, sizeof(rdata)), ERR_LIMIT);
	assert_int_equal(e.len, len);
	while ((err = effect_add_type(&e, (uint16_t)n, false)) == 0)
		n++;
	assert_int_equal(err, ERR_LIMIT);
	assert_true(n > 500 && n < EFFECT_SIZE / 2);
	finish(&e);
}

/* What is not canonical is told from what is. */
static void test_check(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
	    {"\0", 1}, {"\0\0", 2}, {"\0\0\0", 3}, /* a plain block has no bytes */
	    {"\0\2\0", 3},			   /* nor has this one */
	    {"\10\0\0", 3},			   /* no verdict */
	    {"\1\10\0", 3},			   /* no flag */
	    {"\1\0\3", 3},			   /* an RCODE, but no answer */
	    {"\6\0\20", 3},			   /* no RCODE of four bits */
	    {"\0\0\0\0\0\2\0\1", 8},		   /* no tag */
	    {"\0\0\0\7\0\2\0\1", 8},		   /* no tag */
	    {"\0\0\0\1\0\2\0", 7},		   /* overruns */
	    {"\0\0\0\1\0\1\1", 7},		   /* a type of one byte */
	    {"\0\0\0\1\0\2\0\1\0", 9},		   /* something behind */
	    {"\0\0\0\1\0\2\0\1\1\0\2\0\1", 13},	   /* twice */
	    {"\0\0\0\1\0\2\0\2\1\0\2\0\1", 13},	   /* out of order */
	    {"\0\0\0\2\0\2\0\1\1\0\2\0\1", 13},	   /* out of order */
	    {"\0\0\0\3\0\6\4\41\1\2\3\4", 12},	   /* 33 bits of 32 */
	    {"\0\0\0\3\0\6\5\40\1\2\3\4", 12},	   /* no family */
	    {"\0\0\0\3\0\6\4\37\1\2\3\5", 12},	   /* a bit behind the prefix */
	    {"\0\0\0\5\0\2\1a", 8},		   /* a name without its end */
	    {"\0\0\0\5\0\3\1A", 9},		   /* upper case */
	    {"\0\0\0\5\0\4\1a\0\0", 10},	   /* more than a name */
	    {"\0\0\0\6\0\6\0\1\1\2\3\4", 12},	   /* a record, but no answer */
	    {"\6\0\0\6\0\5\0\1\1\2\3", 11},	   /* an A of three bytes */
	    {"\6\0\0\6\0\3\0\5\1", 9},		   /* a CNAME to no name */
	    {"\6\0\0\6\0\1\0", 7},		   /* half a type */
	};
	static const struct {
		const char *bytes;
		size_t len;
	} good[] = {
	    {"", 0},
	    {"\0\1\0", 3},
	    {"\6\0\3", 3},
	    {"\0\0\0\1\0\2\0\1\1\0\2\0\2", 13},
	    {"\0\0\0\3\0\6\4\37\1\2\3\4", 12},
	    {"\0\0\0\5\0\3\1a", 9},
	    {"\6\0\0\6\0\6\0\1\1\2\3\4", 12},
	    {"\6\0\0\6\0\2\0\20", 8},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (effect_check(NAME(bad[i].bytes), bad[i].len) != ERR_FORMAT)
			fail_msg("bad row %zu passed", i);
	}
	for (size_t i = 0; i < COUNT(good); i++) {
		if (effect_check(NAME(good[i].bytes), good[i].len) != 0)
			fail_msg("good row %zu did not pass", i);
	}
}

/* Readers stay inside any bytes, each in a block of exactly its size for the sanitizers. */
static void test_any_bytes(void **state)
{
	union addr client;
	struct effect_ask ask = {.name = NAME("\1a\3com"), .type = TYPE_A, .client = &client};
	uint32_t seed = 1;
	char text[64];

	(void)state;
	assert_int_equal(addr_parse(&client, "192.0.2.1", 53, NULL), 0);
	for (int round = 0; round < 200000; round++) {
		size_t len = (seed >> 8) % 40, at = 0, rdata_len;
		uint8_t *bytes = malloc(len + (len == 0));
		const uint8_t *rdata;
		bool by_client = false;
		uint16_t type;

		assert_non_null(bytes);
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = (uint8_t)((seed >> 24) & ((seed & 0x10000) != 0 ? 7 : 255));
		}
		seed = seed * 1664525 + 1013904223;
		assert_true(effect_check(bytes, len) <= 0);
		assert_true(effect_verdict(bytes, len) < EFFECT_VERDICTS);
		(void)effect_flags(bytes, len);
		assert_true(effect_rcode(bytes, len) < 16);
		(void)effect_applies(bytes, len, &ask, &by_client);
		while (effect_record(bytes, len, &at, &type, &rdata, &rdata_len))
			assert_true(rdata >= bytes && rdata + rdata_len <= bytes + len);
		(void)effect_voids(bytes, len, bytes, len);
		effect_text(bytes, len, text, sizeof(text));
		assert_true(strlen(text) < sizeof(text));
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_canonical),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_clients),
	    cmocka_unit_test(test_except),
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_voids),
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
