/* test_name.c - wire names, with ldns as the judge where it has an opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/dns/name.h"
#include "tests/unit/oracle.h"
#include "tests/unit/rounds.h"

#define ROUNDS rounds(20000)

/* A wire name out of a string literal, whose terminator is the root label. */
#define WIRE(text) ((const uint8_t *)(text))

static void expect_text(const char *text, const char *wire, size_t wire_len)
{
	uint8_t name[NAME_SIZE];
	size_t len = 0;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	assert_int_equal(len, wire_len);
	assert_memory_equal(name, wire, wire_len);
}

static int from_text_error(const char *text)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	return name_from_text(text, strlen(text), name, &len);
}

static void test_from_text(void **state)
{
	(void)state;
	expect_text("www.example.com", "\3www\7example\3com", 17);
	expect_text("www.example.com.", "\3www\7example\3com", 17);
	expect_text("WwW", "\3WwW", 5);
	expect_text(".", "", 1);
	expect_text("\\.", "\1.", 3);
	expect_text("a\\.b.c", "\3a.b\1c", 7);
	expect_text("\\\\", "\1\\", 3);
	expect_text("\\000\\255\\065", "\3\0\377A", 5);
	expect_text("\\x\\032", "\2x ", 4);
	expect_text("_dmarc.*", "\6_dmarc\1*", 10);
}

static void test_from_text_errors(void **state)
{
	static const char *const malformed[] = {"", "..", ".a", "a..b", "a..", "a\\", "\\1", "\\12",
	    "\\1a2", "\\12a", "\\256", "\\999"};

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		if (from_text_error(malformed[i]) != ERR_FORMAT)
			fail_msg("'%s' was not found malformed", malformed[i]);
	}
}

/* `n` labels of `label` letters each, with dots between. */
static const char *labels_text(unsigned n, unsigned label)
{
	static char text[1000];
	char *p = text;

	for (; n > 0; n--) {
		memset(p, 'a', label);
		p += label;
		*p++ = '.';
	}
	p[-1] = '\0';
	return text;
}

static void test_from_text_lengths(void **state)
{
	uint8_t name[NAME_SIZE];
	char text[400], label[64] = {0};
	size_t len;

	(void)state;
	memset(label, 'a', sizeof(label) - 1);
	assert_int_equal(from_text_error(labels_text(1, 63)), 0);
	assert_int_equal(from_text_error(labels_text(1, 64)), ERR_RANGE);
	assert_int_equal(from_text_error(labels_text(127, 1)), 0);
	assert_int_equal(from_text_error(labels_text(128, 1)), ERR_RANGE);

	/* Three labels of 63 are 192 bytes; 61 and its length make it 254, and the root 255. */
	snprintf(text, sizeof(text), "%s.%.61s", labels_text(3, 63), label);
	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	assert_int_equal(len, 255);
	strcat(text, ".");
	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	snprintf(text, sizeof(text), "%s.%.62s", labels_text(3, 63), label);
	assert_int_equal(name_from_text(text, strlen(text), name, &len), ERR_RANGE);
	snprintf(text, sizeof(text), "%s.%.61s.b", labels_text(3, 63), label);
	assert_int_equal(name_from_text(text, strlen(text), name, &len), ERR_RANGE);
}

static void test_to_text(void **state)
{
	char text[NAME_TEXT_SIZE];

	(void)state;
	assert_string_equal(name_to_text(WIRE(""), text), ".");
	assert_string_equal(name_to_text(WIRE("\3www\7Example"), text), "www.Example");
	assert_string_equal(name_to_text(WIRE("\4a.\\ "), text), "a\\.\\\\\\032");
	assert_string_equal(name_to_text(WIRE("\4\1\177\377~"), text), "\\001\\127\\255~");
}

static void test_longest_text(void **state)
{
	uint8_t name[NAME_SIZE], again[NAME_SIZE];
	char text[NAME_TEXT_SIZE];
	size_t len;

	(void)state;
	memset(name, 0xff, sizeof(name));
	name[0] = name[64] = name[128] = 63;
	name[192] = 61;
	name[254] = 0;
	name_to_text(name, text);
	assert_int_equal(strlen(text), 250 * 4 + 3);
	assert_int_equal(name_from_text(text, strlen(text), again, &len), 0);
	assert_int_equal(len, 255);
	assert_memory_equal(name, again, len);
}

/* Our text, read by ldns and by us, and ldns' text, read by us, are the name again. */
static void test_text_round_trip(void **state)
{
	struct oracle_random r = {.state = 1};

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t name[NAME_SIZE], again[NAME_SIZE];
		char text[NAME_TEXT_SIZE];
		size_t len = oracle_random_name(&r, name), again_len;
		ldns_rdf *ours, *theirs;
		char *their_text;

		name_to_text(name, text);
		assert_int_equal(name_from_text(text, strlen(text), again, &again_len), 0);
		assert_int_equal(again_len, len);
		assert_memory_equal(again, name, len);

		ours = ldns_dname_new_frm_str(text);
		assert_non_null(ours);
		assert_int_equal(ldns_rdf_size(ours), len);
		assert_memory_equal(ldns_rdf_data(ours), name, len);
		ldns_rdf_deep_free(ours);

		theirs = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, len, name);
		their_text = ldns_rdf2str(theirs);
		assert_int_equal(
		    name_from_text(their_text, strlen(their_text), again, &again_len), 0);
		assert_int_equal(again_len, len);
		assert_memory_equal(again, name, len);
		LDNS_FREE(their_text);
		ldns_rdf_deep_free(theirs);
	}
}

static void test_every_byte_round_trips(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		const uint8_t name[] = {3, 'a', (uint8_t)c, 'b', 1, (uint8_t)c, 0};
		uint8_t again[NAME_SIZE];
		char text[NAME_TEXT_SIZE];
		size_t len;

		name_to_text(name, text);
		assert_int_equal(name_from_text(text, strlen(text), again, &len), 0);
		assert_int_equal(len, sizeof(name));
		assert_memory_equal(again, name, len);
	}
}

static void test_lower(void **state)
{
	uint8_t in[300], out[300];

	(void)state;
	/* Each value at each place of a run of eight, and behind the last full run. */
	for (unsigned shift = 0; shift < 9; shift++) {
		for (unsigned i = 0; i < sizeof(in); i++)
			in[i] = (uint8_t)(i + shift);
		name_lower(out, in, sizeof(in) - shift);
		for (unsigned i = 0; i < sizeof(in) - shift; i++)
			assert_int_equal(
			    out[i], in[i] >= 'A' && in[i] <= 'Z' ? in[i] + 'a' - 'A' : in[i]);
		name_lower(in, in, sizeof(in) - shift);
		assert_memory_equal(in, out, sizeof(in) - shift);
	}
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(name_equal(WIRE(""), WIRE("")));
	assert_true(name_equal(WIRE("\3www\7EXAMPLE"), WIRE("\3WWW\7example")));
	assert_false(name_equal(WIRE("\3www\7example"), WIRE("\3www\7examplf")));
	assert_false(name_equal(WIRE("\3www\7example"), WIRE("\3www")));
	assert_false(name_equal(WIRE("\3www"), WIRE("\3www\7example")));
	/* Not letters, though a bit apart as letters are. */
	assert_false(name_equal(WIRE("\1@"), WIRE("\1`")));
	assert_false(name_equal(WIRE("\1["), WIRE("\1{")));
	assert_false(name_equal(WIRE("\1\301"), WIRE("\1\341")));
	/* The same bytes but for the ends of labels. */
	assert_false(name_equal(WIRE("\3a\1b"), WIRE("\1a\1b")));
}

static void test_in_zone(void **state)
{
	(void)state;
	assert_true(name_in_zone(WIRE("\3www\7example"), WIRE("")));
	assert_true(name_in_zone(WIRE(""), WIRE("")));
	assert_true(name_in_zone(WIRE("\3www\7example"), WIRE("\7EXAMPLE")));
	assert_true(name_in_zone(WIRE("\7example"), WIRE("\7example")));
	assert_false(name_in_zone(WIRE("\7example"), WIRE("\3www\7example")));
	assert_false(name_in_zone(WIRE("\12notexample"), WIRE("\7example")));
	/* The zone's bytes at the end of the name, but inside its label. */
	assert_false(name_in_zone(WIRE("\11a\7example"), WIRE("\7example")));
	assert_false(name_in_zone(WIRE(""), WIRE("\3com")));
}

static void test_against_ldns(void **state)
{
	struct oracle_random r = {.state = 2};
	unsigned n_equal = 0, n_below = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t a[NAME_SIZE], b[NAME_SIZE];
		size_t len_a = oracle_random_name(&r, a), len_b, skip = 0;
		ldns_rdf *their_a, *their_b;

		/* `b` is often a suffix of `a` in another letter case, at times with one bit
		 * changed. */
		if (oracle_below(&r, 4) != 0) {
			while (a[skip] != 0 && oracle_below(&r, 3) == 0)
				skip += a[skip] + 1u;
			len_b = len_a - skip;
			memcpy(b, a + skip, len_b);
			for (size_t p = 0; b[p] != 0; p += b[p] + 1u) {
				for (size_t j = p + 1; j <= p + b[p]; j++) {
					if ((b[j] | 0x20) >= 'a' && (b[j] | 0x20) <= 'z')
						b[j] ^= oracle_below(&r, 2) ? 0x20 : 0;
				}
				if (oracle_below(&r, 16) == 0)
					b[p + b[p]] ^= (uint8_t)(1u << oracle_below(&r, 8));
			}
		} else {
			len_b = oracle_random_name(&r, b);
		}
		their_a = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, len_a, a);
		their_b = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, len_b, b);
		assert_int_equal(name_len(a), len_a);
		assert_int_equal(name_labels(a), ldns_dname_label_count(their_a));
		assert_int_equal(name_equal(a, b), ldns_dname_compare(their_a, their_b) == 0);
		assert_int_equal(name_in_zone(a, b), ldns_dname_is_subdomain(their_a, their_b) ||
							 ldns_dname_compare(their_a, their_b) == 0);
		n_equal += name_equal(a, b);
		n_below += name_in_zone(a, b);
		ldns_rdf_deep_free(their_a);
		ldns_rdf_deep_free(their_b);
	}
	/* The mix had both answers. */
	assert_in_range(n_equal, ROUNDS / 20, ROUNDS - ROUNDS / 20);
	assert_in_range(n_below, ROUNDS / 20, ROUNDS - ROUNDS / 20);
}

/* name_read() and name_skip() at `off`, on a block that ends where the message does. */
static int read_at(const char *bytes, size_t len, size_t off, const char *expected, size_t end)
{
	uint8_t *msg = malloc(len);
	uint8_t name[NAME_SIZE];
	size_t pos = off, skip = off, name_size = 0;
	int err;

	assert_non_null(msg);
	memcpy(msg, bytes, len);
	err = name_read(msg, len, &pos, name, &name_size);
	if (err == 0) {
		assert_int_equal(pos, end);
		assert_int_equal(name_size, name_len(WIRE(expected)));
		assert_memory_equal(name, expected, name_size);
		assert_int_equal(name_skip(msg, len, &skip), 0);
		assert_int_equal(skip, end);
	} else {
		assert_int_equal(pos, off);
	}
	free(msg);
	return err;
}

#define HEADER				"0123456789ab"
#define READ(bytes, off, expected, end) read_at(bytes, sizeof(bytes) - 1, off, expected, end)

static void test_read(void **state)
{
	(void)state;
	assert_int_equal(READ("\0", 0, "", 1), 0);
	assert_int_equal(READ("\3wWw\0", 0, "\3wWw", 5), 0);
	assert_int_equal(READ(HEADER "\3www\7example\0", 12, "\3www\7example", 25), 0);
	assert_int_equal(READ(HEADER "\3www\0\1a\xc0\x0c", 17, "\1a\3www", 21), 0);
	assert_int_equal(READ(HEADER "\0\xc0\x0c", 13, "", 15), 0);
	assert_int_equal(
	    READ(HEADER "\1a\0\1b\xc0\x0c\1c\xc0\x0f\xc0\x13", 19, "\1c\1b\1a", 23), 0);
	assert_int_equal(
	    READ(HEADER "\1a\0\1b\xc0\x0c\1c\xc0\x0f\xc0\x13", 23, "\1c\1b\1a", 25), 0);
}

static void test_read_malformed(void **state)
{
	(void)state;
	assert_int_equal(read_at("", 0, 0, NULL, 0), ERR_FORMAT);
	assert_int_equal(READ("\0", 1, NULL, 0), ERR_FORMAT);
	assert_int_equal(READ("\3ww", 0, NULL, 0), ERR_FORMAT);
	assert_int_equal(READ("\3www", 0, NULL, 0), ERR_FORMAT);
	assert_int_equal(READ("\x40" HEADER HEADER HEADER HEADER HEADER HEADER, 0, NULL, 0),
	    ERR_FORMAT); /* 01 and 10 are no lengths (RFC 6891, 5) */
	assert_int_equal(READ("\x80\0", 0, NULL, 0), ERR_FORMAT);
	assert_int_equal(READ(HEADER "\0\xc0", 13, NULL, 0), ERR_FORMAT);
	assert_int_equal(READ(HEADER "\0\xc0\x0d", 13, NULL, 0), ERR_FORMAT);	    /* to itself */
	assert_int_equal(READ(HEADER "\0\xc0\x0f\0", 13, NULL, 0), ERR_FORMAT);	    /* forward */
	assert_int_equal(READ(HEADER "\0\xc0\xff\0", 13, NULL, 0), ERR_FORMAT);	    /* outside */
	assert_int_equal(READ(HEADER "\1a\xc0\x0c", 12, NULL, 0), ERR_FORMAT);	    /* own start */
	assert_int_equal(READ(HEADER "\1a\1b\xc0\x0e", 12, NULL, 0), ERR_FORMAT);   /* own label */
	assert_int_equal(READ(HEADER "\1a\xc0\x0b", 12, NULL, 0), ERR_FORMAT);	    /* header */
	assert_int_equal(READ("\0" HEADER "\1a\xc0\x00", 13, NULL, 0), ERR_FORMAT); /* header */
	/* To a label, and to a pointer, that reach into the name itself. */
	assert_int_equal(READ(HEADER "\3ab\1c\xc0\x0c", 15, NULL, 0), ERR_FORMAT);
	assert_int_equal(READ(HEADER "\0\1a\xc0\x0c"
				     "123456789abc"
				     "\xc0\x0d",
			     16, NULL, 0),
	    ERR_FORMAT);
	/* Two that lead to each other. */
	assert_int_equal(READ(HEADER "\1a\xc0\x10\1b\xc0\x0c", 16, NULL, 0), ERR_FORMAT);
}

/* 127 pointers in a row are followed, and no more. */
static void test_read_chain(void **state)
{
	uint8_t msg[12 + 1 + 2 * 128] = {0}, name[NAME_SIZE];
	size_t pos, len;

	(void)state;
	msg_set_u16(msg + 13, 0xc00c);
	for (unsigned i = 1; i < 128; i++)
		msg_set_u16(msg + 13 + 2 * (size_t)i, 0xc00d + 2 * (i - 1));
	pos = 13 + 2 * 126;
	assert_int_equal(name_read(msg, sizeof(msg), &pos, name, &len), 0);
	assert_int_equal(len, 1);
	pos = 13 + 2 * 127;
	assert_int_equal(name_read(msg, sizeof(msg), &pos, name, &len), ERR_FORMAT);
	assert_int_equal(name_skip(msg, sizeof(msg), &pos), 0);
}

/* Written through two pointers, a name may be 255 bytes long and no longer. */
static void test_read_too_long(void **state)
{
	uint8_t msg[400] = {0}, name[NAME_SIZE];
	size_t pos, len;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		msg[12 + 64 * i] = 63;
	msg[210] = 61; /* 62 + 192 + 1 */
	msg_set_u16(msg + 272, 0xc00c);
	pos = 210;
	assert_int_equal(name_read(msg, sizeof(msg), &pos, name, &len), 0);
	assert_int_equal(len, 255);
	assert_int_equal(pos, 274);
	msg[210] = 62;
	msg_set_u16(msg + 273, 0xc00c);
	pos = 210;
	assert_int_equal(name_read(msg, sizeof(msg), &pos, name, &len), ERR_FORMAT);
	/* Without any pointer. */
	msg[204] = 61;
	msg[266] = 0;
	pos = 12;
	assert_int_equal(name_read(msg, sizeof(msg), &pos, name, &len), 0);
	assert_int_equal(pos, 267);
	msg[204] = 62;
	msg[267] = 0;
	pos = 12;
	assert_int_equal(name_read(msg, sizeof(msg), &pos, name, &len), ERR_FORMAT);
	assert_int_equal(name_skip(msg, sizeof(msg), &pos), ERR_FORMAT);
}

/* Soups of labels and pointers: ldns and we read the same names, but for the rule on pointers. */
static void test_read_against_ldns(void **state)
{
	struct oracle_random r = {.state = 3};
	unsigned n_read = 0, n_rejected = 0, n_differ = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t msg[120], name[NAME_SIZE];
		size_t len = 13 + oracle_below(&r, sizeof(msg) - 13), name_size;

		for (size_t p = 0; p < len; p++) {
			static const uint8_t likely[] = {0, 1, 1, 2, 3, 5, 63, 64, 0xc0, 0xc0};

			msg[p] = oracle_below(&r, 3) ? likely[oracle_below(&r, sizeof(likely))]
						     : (uint8_t)oracle_below(&r, 120);
		}
		for (size_t off = 12; off < len; off++) {
			size_t ours = off, theirs = off, skipped = off;
			ldns_rdf *dname = NULL;
			int err = name_read(msg, len, &ours, name, &name_size);

			if (err == 0) {
				assert_int_equal(name_skip(msg, len, &skipped), 0);
				assert_int_equal(skipped, ours);
			}
			if (ldns_wire2dname(&dname, msg, len, &theirs) != LDNS_STATUS_OK) {
				assert_int_equal(err, ERR_FORMAT);
				n_rejected++;
			} else if (oracle_pointers_differ(msg, off, ORACLE_ALL_POINTERS)) {
				assert_int_equal(err, ERR_FORMAT);
				n_differ++;
			} else {
				assert_int_equal(err, 0);
				assert_int_equal(ours, theirs);
				assert_int_equal(name_size, ldns_rdf_size(dname));
				assert_memory_equal(name, ldns_rdf_data(dname), name_size);
				n_read++;
			}
			ldns_rdf_deep_free(dname);
		}
	}
	assert_true(n_read > ROUNDS && n_rejected > ROUNDS && n_differ > ROUNDS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_from_text),
	    cmocka_unit_test(test_from_text_errors),
	    cmocka_unit_test(test_from_text_lengths),
	    cmocka_unit_test(test_to_text),
	    cmocka_unit_test(test_longest_text),
	    cmocka_unit_test(test_text_round_trip),
	    cmocka_unit_test(test_every_byte_round_trips),
	    cmocka_unit_test(test_lower),
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_in_zone),
	    cmocka_unit_test(test_against_ldns),
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_read_malformed),
	    cmocka_unit_test(test_read_chain),
	    cmocka_unit_test(test_read_too_long),
	    cmocka_unit_test(test_read_against_ldns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
