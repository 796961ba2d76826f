/* test_adblock_rewrite.c - the value of $dnsrewrite, to an RCODE and a record in wire form. */
#include "tests/unit/feeds.h"

#include "blocklists/adblock.h"
#include "lib/dns/msg.h"

#define RDATA(literal) literal, sizeof(literal) - 1

/* Read a value in a block of exactly its size, so that reading behind it is seen. */
static bool read_value(
    struct adblock_rewrite *r, const char *text, size_t len, enum feed_skip *reason)
{
	char *copy = malloc(len != 0 ? len : 1);
	bool ok;

	assert_non_null(copy);
	memcpy(copy, text, len);
	ok = adblock_read_rewrite(r, copy, len, reason);
	free(copy);
	return ok;
}

struct row {
	const char *text;
	uint16_t type;
	const char *rdata;
	size_t rdata_len;
};

static void check_records(const struct row *rows, size_t n)
{
	static struct adblock_rewrite r;
	enum feed_skip reason;

	for (size_t i = 0; i < n; i++) {
		const struct row *row = &rows[i];

		if (!read_value(&r, row->text, strlen(row->text), &reason))
			fail_msg("%s: %s", row->text, feed_skip_text(reason));
		if (r.rcode != RCODE_NOERROR || r.type != row->type ||
		    r.rdata_len != row->rdata_len ||
		    memcmp(r.rdata, row->rdata, row->rdata_len) != 0)
			fail_msg("%s", row->text);
	}
}

static void test_short(void **state)
{
	static const struct row rows[] = {
	    {"192.0.2.1", TYPE_A, RDATA("\300\0\2\1")},
	    {"2001:db8::1", TYPE_AAAA, RDATA("\40\1\r\270\0\0\0\0\0\0\0\0\0\0\0\1")},
	    {"example.net", TYPE_CNAME, RDATA("\7example\3net\0")},
	    {"Example.NET.", TYPE_CNAME, RDATA("\7example\3net\0")},
	    {"nxdomain", TYPE_CNAME, RDATA("\10nxdomain\0")}, /* keywords are upper-case */
	};

	(void)state;
	check_records(rows, FEEDS_COUNT(rows));
}

static void test_long(void **state)
{
	static const struct row rows[] = {
	    {"NOERROR;A;192.0.2.1", TYPE_A, RDATA("\300\0\2\1")},
	    {"noerror;a;192.0.2.1", TYPE_A, RDATA("\300\0\2\1")},
	    {"NOERROR;AAAA;::1", TYPE_AAAA, RDATA("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1")},
	    {"NOERROR;CNAME;a.example", TYPE_CNAME, RDATA("\1a\7example\0")},
	    {"NOERROR;PTR;a.example.", TYPE_PTR, RDATA("\1a\7example\0")},
	    {"NOERROR;MX;258 a.example", TYPE_MX, RDATA("\1\2\1a\7example\0")},
	    {"NOERROR;MX;0 .", TYPE_MX, RDATA("\0\0\0")},
	    {"NOERROR;SRV;1 2 65535 a.example", TYPE_SRV, RDATA("\0\1\0\2\377\377\1a\7example\0")},
	    {"NOERROR;TXT;a b\\,c;d", TYPE_TXT, RDATA("\7a b,c;d")},
	    {"NOERROR;HTTPS;1 . alpn=h3", TYPE_HTTPS, RDATA("\0\1\0\0\1\0\3\2h3")},
	    {"NOERROR;SVCB;0 A.example", TYPE_SVCB, RDATA("\0\0\1a\7example\0")},
	    {"NOERROR;SVCB;1 . dohpath=/q", TYPE_SVCB, RDATA("\0\1\0\0\7\0\2/q")},
	};

	(void)state;
	check_records(rows, FEEDS_COUNT(rows));
}

static void test_rcodes(void **state)
{
	static const struct {
		const char *text;
		uint8_t rcode;
	} rows[] = {
	    {"NOERROR", RCODE_NOERROR}, {"SERVFAIL", RCODE_SERVFAIL}, {"NXDOMAIN", RCODE_NXDOMAIN},
	    {"REFUSED", RCODE_REFUSED}, {"NOERROR;;", RCODE_NOERROR},
	    {"NXDOMAIN;;", RCODE_NXDOMAIN}, {"refused;;", RCODE_REFUSED},
	    {"FORMERR;;", RCODE_FORMERR}, {"NOTZONE;;", 10}, /* RFC 2136, 2.2 */
	    {"SERVFAIL;A;192.0.2.1", RCODE_SERVFAIL},	     /* an error has no records */
	};
	static struct adblock_rewrite r;
	enum feed_skip reason;

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		bool ok = read_value(&r, rows[i].text, strlen(rows[i].text), &reason);

		if (!ok || r.rcode != rows[i].rcode || r.type != 0)
			fail_msg("%s", rows[i].text);
		assert_true(adblock_rewrite_blocks(&r));
	}
}

static void test_wrong(void **state)
{
	static const struct {
		const char *text;
		enum feed_skip reason;
	} rows[] = {
	    {"FORMERR", FEED_BAD}, /* has no short form */
	    {"NOSUCHCODE", FEED_BAD},
	    {"a..example", FEED_BAD},
	    {"fe80::1%eth0", FEED_BAD},
	    {"NOERROR;A", FEED_BAD},
	    {"NOERROR;A;", FEED_BAD},
	    {"NOERROR;;192.0.2.1", FEED_BAD},
	    {"WHAT;A;192.0.2.1", FEED_BAD},
	    {"NOERROR;A;::1", FEED_BAD},
	    {"NOERROR;AAAA;192.0.2.1", FEED_BAD},
	    {"NOERROR;NOTYPE;1", FEED_BAD},
	    {"NOERROR;NS;a.example", FEED_NOT_HERE},
	    {"NOERROR;CNAME;.", FEED_BAD},
	    {"NOERROR;CNAME;a.example b", FEED_BAD},
	    {"NOERROR;MX;a.example", FEED_BAD},
	    {"NOERROR;MX;65536 a.example", FEED_BAD},
	    {"NOERROR;MX;000001 a.example", FEED_BAD},
	    {"NOERROR;MX;-1 a.example", FEED_BAD},
	    {"NOERROR;MX;1", FEED_BAD},
	    {"NOERROR;SRV;1 2 a.example", FEED_BAD},
	    {"NOERROR;TXT;", FEED_BAD},
	    {"NOERROR;HTTPS;1", FEED_BAD},
	    {"NOERROR;HTTPS;x .", FEED_BAD},
	    {"NOERROR;HTTPS;1 . (alpn=h3)", FEED_BAD},
	};
	static struct adblock_rewrite r;

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		enum feed_skip reason = FEED_SKIPS;

		if (read_value(&r, rows[i].text, strlen(rows[i].text), &reason) ||
		    reason != rows[i].reason)
			fail_msg("%s: %d", rows[i].text, (int)reason);
	}
}

/* A text of `n` bytes is cut into strings of at most 255 (RFC 1035, 3.3.14). */
static bool check_text(size_t n)
{
	static const char head[] = "NOERROR;TXT;";
	static struct adblock_rewrite r;
	static char text[4096];
	enum feed_skip reason;
	size_t at = 0, left = n;

	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, 'x', n);
	if (!read_value(&r, text, sizeof(head) - 1 + n, &reason)) {
		assert_int_equal(reason, FEED_BAD);
		return false;
	}
	assert_true(r.rdata_len <= sizeof(r.rdata));
	while (left != 0) {
		size_t len = left < 255 ? left : 255;

		assert_int_equal(r.rdata[at], len);
		at += 1 + len;
		left -= len;
	}
	assert_int_equal(r.rdata_len, at);
	return true;
}

static void test_long_text(void **state)
{
	(void)state;
	assert_true(check_text(255));
	assert_true(check_text(256));
	assert_true(check_text(511));
	for (size_t n = 900; n < 1100; n++)
		(void)check_text(n);
	assert_false(check_text(ADBLOCK_RDATA_MAX));
	assert_false(check_text(3 * ADBLOCK_RDATA_MAX));
}

static void test_blocks(void **state)
{
	static const char *const yes[] = {"0.0.0.0", "127.0.0.1", "::", "::1", "NXDOMAIN",
	    "NOERROR", "REFUSED", "NOERROR;A;0.0.0.0"};
	static const char *const no[] = {
	    "192.0.2.1", "2001:db8::1", "a.example", "NOERROR;TXT;0.0.0.0", "NOERROR;MX;0 ."};
	static struct adblock_rewrite r;
	enum feed_skip reason;

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(yes); i++) {
		assert_true(read_value(&r, yes[i], strlen(yes[i]), &reason));
		assert_true(adblock_rewrite_blocks(&r));
	}
	for (size_t i = 0; i < FEEDS_COUNT(no); i++) {
		assert_true(read_value(&r, no[i], strlen(no[i]), &reason));
		assert_false(adblock_rewrite_blocks(&r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_short),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_rcodes),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_long_text),
	    cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
