/* test_feed_rpz.c - response policy zones to rules. */
#include "tests/unit/feeds.h"

#include <unistd.h>

#include "blocklists/zonefile.h"

#define SOA "@ SOA ns.example. root.example. 1 3600 600 86400 60\n"

static struct given given = {.with_lines = true};

static void expect(const char *text, bool rewrites, const char *expected)
{
	given_parse(&given, "rpz", text, strlen(text), rewrites);
	assert_string_equal(given.text, expected);
}

static void test_triggers(void **state)
{
	(void)state;
	expect("a.example CNAME .\n"
	       "*.a.example CNAME .\n"
	       "* CNAME .\n"
	       "@ CNAME .\n"
	       "a.*.example CNAME .\n"
	       "*.*.example CNAME .\n"
	       "localhost CNAME .\n"
	       "*.localhost CNAME .\n"
	       "192.0.2.1 CNAME .\n"
	       "a\\046b.example CNAME .\n"
	       "UPPER.Example CNAME .\n"
	       "com CNAME .\n"
	       "x.rpz-client-ip CNAME .\n"
	       "ns.example.rpz-nsdname CNAME .\n"
	       "32.1.2.0.192.rpz-nsip CNAME .\n"
	       "a.rpz-unheard-of CNAME .\n",
	    false,
	    "1 exact a.example, 2 below a.example, 3 not-here, 4 not-here, 5 bad, 6 bad, "
	    "7 own, 8 own, 9 bad, 10 bad, 11 exact upper.example, 12 exact com, 13 not-here, "
	    "14 not-here, 15 not-here, 16 not-here");
}

static void test_addresses(void **state)
{
	static const struct {
		const char *owner, *network; /* NULL: bad */
	} rows[] = {
	    {"32.1.2.0.192", "192.0.2.1/32"},
	    {"24.0.2.0.192", "192.0.2.0/24"},
	    {"1.0.0.0.128", "128.0.0.0/1"},
	    {"128.1.zz.db8.2001", "2001:db8::1/128"},
	    {"48.zz.1.db8.2001", "2001:db8:1::/48"},
	    {"128.zz.2.1.0.0.0.0.0", "::1:2:0/128"},
	    {"128.8.7.6.5.4.3.2.1", "1:2:3:4:5:6:7:8/128"},
	    {"128.1.zz", "::1/128"},
	    {"1.zz.8000", "8000::/1"},
	    {"96.zz.ffff.zz", NULL},
	    {"96.zz.ffff.0.0.0.0.0", "::ffff:0.0.0.0/96"},
	    {"128.201.c000.ffff.zz", "::ffff:192.0.2.1/128"},
	    {"128.8.7.6.5.4.3.2.zz", "0:2:3:4:5:6:7:8/128"},
	    {"128.8.zz.7.6.5.4.3.2.1", NULL},
	    /* four groups and `zz` are no IPv4 address */
	    {"64.zz.3.2.1", "1:2:3::/64"},
	    {"0.0.0.0.0", NULL},
	    {"0.zz", NULL},
	    {"33.1.2.0.192", NULL},
	    {"129.1.zz", NULL},
	    {"24.1.2.0.192", NULL}, /* bits behind the prefix */
	    {"64.1.zz.db8.2001", NULL},
	    {"32.256.2.0.192", NULL},
	    {"32.a.2.0.192", NULL},
	    {"32.-1.2.0.192", NULL},
	    {"32.0x1.2.0.192", NULL},
	    {"32..2.0.192", NULL},
	    {"32.2.0.192", NULL},
	    {"32.1.1.2.0.192", NULL},
	    {"128.10000.zz.1", NULL},
	    {"128.g.zz.1", NULL},
	    {"128.+1.zz.1", NULL},
	    {"x.1.2.0.192", NULL},
	    {"32", NULL},
	    {"128.7.6.5.4.3.2.1", NULL},
	    {"*.32.1.2.0.192", NULL},
	};
	char text[256], expected[256];

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		snprintf(text, sizeof(text), "%s.rpz-ip CNAME .\n", rows[i].owner);
		snprintf(expected, sizeof(expected), "1 %s%s",
		    rows[i].network != NULL ? "address " : "bad",
		    rows[i].network != NULL ? rows[i].network : "");
		expect(text, false, expected);
	}
	expect("rpz-ip CNAME .\n32.1.2.0.192.RPZ-IP CNAME rpz-passthru.\n", false,
	    "1 bad, 2 address 192.0.2.1/32 pass nearest");
}

static void test_actions(void **state)
{
	static const char text[] = "a.example CNAME .\n"
				   "b.example CNAME *.\n"
				   "c.example CNAME rpz-passthru.\n"
				   "d.example CNAME rpz-DROP.\n"
				   "e.example CNAME rpz-tcp-only.\n"
				   "f.example CNAME rpz-unheard-of.\n"
				   "g.example CNAME a.rpz-drop.\n"
				   "h.example CNAME *.garden.example.\n"
				   "i.example CNAME i.example.\n"
				   "*.j.example CNAME *.j.example.\n"
				   "32.1.2.0.192.rpz-ip CNAME *.\n"
				   "k.example DNAME garden.example.\n"
				   "l.example NS ns.example.\n"
				   "m.example LOC 51 30 12.748 N 0 7 39.611 W 0m\n";

	(void)state;
	expect(text, false,
	    "1 exact a.example, 2 exact b.example, 3 exact c.example pass nearest, "
	    "4 exact d.example drop nearest, 5 exact e.example tcp-only nearest, 6 bad, "
	    "7 bad, 8 not-here, 9 exact i.example pass nearest, "
	    "10 below j.example pass nearest, 11 address 192.0.2.1/32, 12 not-here, "
	    "13 not-here, 14 not-here");
	expect(text, true,
	    "1 exact a.example answer nearest rcode=NXDOMAIN, "
	    "2 exact b.example answer nearest rcode=NOERROR, 3 exact c.example pass nearest, "
	    "4 exact d.example drop nearest, 5 exact e.example tcp-only nearest, 6 bad, "
	    "7 bad, 8 not-here, 9 exact i.example pass nearest, "
	    "10 below j.example pass nearest, "
	    "11 address 192.0.2.1/32 answer nearest rcode=NOERROR, 12 not-here, 13 not-here, "
	    "14 not-here");
}

static void test_local_data(void **state)
{
	static const char text[] = "a.example A 192.0.2.1\n"
				   "b.example A 0.0.0.0\n"
				   "c.example A 127.0.0.1\n"
				   "c.example AAAA ::\n"
				   "d.example A 0.0.0.0\n"
				   "*.e.example CNAME garden.example.\n"
				   "d.example A 192.0.2.2\n" /* not next to the other */
				   "f.example MX 10 mail.example.\n"
				   "f.example TXT \"a;b(c\"\n"
				   "32.1.2.0.192.rpz-ip A 192.0.2.9\n"
				   "g.example A 192.0.2.1\n"
				   "g.example CNAME garden.example.\n"
				   "g.example CNAME rpz-drop.\n";

	(void)state;
	expect(text, false,
	    "1 rewrite, 2 exact b.example, 3 exact c.example, 5 rewrite, 6 rewrite, "
	    "8 rewrite, 10 rewrite, 11 bad, 13 exact g.example drop nearest");
	expect(text, true,
	    "1 exact a.example answer nearest A=192.0.2.1, "
	    "2 exact b.example answer nearest A=0.0.0.0, "
	    "3 exact c.example answer nearest A=127.0.0.1 AAAA=::, "
	    "5 exact d.example answer nearest A=0.0.0.0 A=192.0.2.2, "
	    "6 below e.example answer nearest CNAME=garden.example, "
	    "8 exact f.example answer nearest TXT=\\# 6 05613b622863 MX=\\# 16 "
	    "000a046d61696c076578616d706c6500, "
	    "10 address 192.0.2.1/32 answer nearest A=192.0.2.9, 11 bad, "
	    "13 exact g.example drop nearest");
}

static void test_zone_name(void **state)
{
	(void)state;
	/* $ORIGIN */
	expect("$TTL 1h\n$ORIGIN rpz.example.\n" SOA "  NS ns.example.\n"
	       "ads.example.com CNAME .\n"
	       "ads.example.net.rpz.example. CNAME .\n"
	       "out.example. CNAME .\n"
	       "www.rpz.example CNAME .\n"
	       "$ORIGIN com.rpz.example.\n"
	       "a CNAME .\n"
	       "$ORIGIN b\n"
	       "c CNAME .\n"
	       "@ CNAME .\n",
	    false,
	    "5 exact ads.example.com, 6 exact ads.example.net, 7 bad, "
	    "8 exact www.rpz.example, 10 exact a.com, 12 exact c.b.com, 13 exact b.com");
	/* the owner of the SOA */
	expect("RPZ.example. SOA ns.example. root.example. 1 2 3 4 5\n"
	       "ads.example.com.rpz.example. CNAME .\n"
	       "ads.example.net CNAME .\n"
	       "out.example. CNAME .\n"
	       "sub SOA ns.example. root.example. 1 2 3 4 5\n",
	    false, "2 exact ads.example.com, 3 exact ads.example.net, 4 bad, 5 not-here");
	/* neither: as they stand */
	expect(SOA "ads.example.com CNAME .\nads.example.net. CNAME .\n"
		   "pass.example CNAME rpz-passthru\n",
	    false,
	    "2 exact ads.example.com, 3 exact ads.example.net, "
	    "4 exact pass.example pass nearest");
	/* The records of the zone's own name and its signatures are no rules. */
	expect("$ORIGIN rpz.example.\n" SOA "@ NS ns.example.\n@ TXT \"about\"\n@ A 192.0.2.1\n"
	       "a.example RRSIG CNAME 8 2 60 20300101000000 20200101000000 1 rpz.example. AAAA\n"
	       "a.example NSEC b.example CNAME\n"
	       "a.example CNAME .\n",
	    false, "8 exact a.example");
}

static void test_entries(void **state)
{
	(void)state;
	/* TTL, class, comments, parentheses, owners left out */
	expect("a.example 3600 IN CNAME . ; comment (\n"
	       "b.example IN 1h CNAME .\n"
	       "c.example in cname .\n"
	       "\n"
	       "   ; nothing\n"
	       "d.example\tA (\n"
	       "\t0.0.0.0 ; )\n"
	       ")\n"
	       "\tAAAA ::\n"
	       "e.example CH CNAME .\n"
	       "f.example 60 60 CNAME .\n"
	       "(\n"
	       "  g.example CNAME . )\n"
	       "h.example ( CNAME\n"
	       "\n"
	       "; x\n"
	       ". )\n"
	       "  TXT \"of h\"\n"
	       "i.example CNAME .",
	    false,
	    "1 exact a.example, 2 exact b.example, 3 exact c.example, 6 exact d.example, "
	    "10 bad, 11 bad, 12 bad, 14 exact h.example, 18 rewrite, 19 exact i.example");
	/* CRLF and a byte order mark */
	expect("\357\273\277$TTL 60\r\n@ SOA a b (\r\n1 2 3\r\n4 5 )\r\na.example CNAME .\r\n"
	       "; L\344ngs\r\nb.example CNAME .\r\n",
	    false, "5 exact a.example, 7 exact b.example");
	expect("", false, "");
	expect("; nothing\n\n", false, "");
}

static void test_errors(void **state)
{
	(void)state;
	/* One that is wrong costs no other. */
	expect("a.example CNAME .\n"
	       "b..example CNAME .\n"
	       "  CNAME .\n" /* of whom? */
	       "c.example CNAME\n"
	       "d.example CNAME . .\n"
	       "e.example A 192.0.2\n"
	       "f.example UNHEARD 1\n"
	       "g.example\n"
	       "h.example TXT \"open\n"
	       "i.example CNAME . )\n"
	       "$ORIGIN\n"
	       "$UNHEARD x\n"
	       "$GENERATE 1-9 $.example CNAME .\n"
	       "j.example A \\# 3 000000\n"
	       "j.example HTTPS \\# 2 0001\n"
	       "j.example A \\# x\n"
	       "j.example CNAME \\# 2 c000\n"
	       "k.example CNAME .\\\n"
	       "l.example CNAME a..b.\n"
	       "z.example CNAME .\n",
	    false,
	    "1 exact a.example, 2 bad, 3 bad, 4 bad, 5 bad, 6 bad, 7 bad, 8 bad, 9 bad, "
	    "10 bad, 11 bad, 12 bad, 13 not-here, 14 bad, 15 bad, 16 bad, 17 bad, 18 bad, "
	    "19 bad, 20 exact z.example");
	/* A parenthesis that nobody closes */
	expect("a.example CNAME .\nb.example CNAME ( .\nc.example CNAME .\nd.example A (\n"
	       "192.0.2.1 )\ne.example CNAME .\n( (\n",
	    false,
	    "1 exact a.example, 2 bad, 3 exact c.example, 4 bad, 5 bad, 6 exact e.example, "
	    "7 bad");
}

/* An entry may have ZONEFILE_ENTRY_MAX bytes. */
static void test_long_entries(void **state)
{
	static const char begin[] = "a.example CNAME", end[] = ".\nb.example CNAME .\n";
	static char text[ZONEFILE_ENTRY_MAX + sizeof(end) + 1];

	(void)state;
	for (size_t len = ZONEFILE_ENTRY_MAX; len <= ZONEFILE_ENTRY_MAX + 1; len++) {
		memset(text, ' ', len);
		memcpy(text, begin, sizeof(begin) - 1);
		memcpy(text + len - 1, end, sizeof(end));
		expect(text, false,
		    len == ZONEFILE_ENTRY_MAX ? "1 exact a.example, 2 exact b.example"
					      : "1 bad, 2 exact b.example");
	}
}

static void test_bytes(void **state)
{
	static const char nul[] =
	    "a.example CNAME .\nb.example CNAME .\0x\nc.example CNAME . ; \0\n"
	    "d.example CNAME .\n";
	char *text;

	(void)state;
	given_parse(&given, "rpz", nul, sizeof(nul) - 1, false);
	assert_string_equal(
	    given.text, "1 exact a.example, 2 bad, 3 exact c.example, 4 exact d.example");
	/* lines of a megabyte */
	text = malloc(3 << 20);
	assert_non_null(text);
	memset(text, 'x', 3 << 20);
	memcpy(text, "a.example TXT ", 14);
	memcpy(text + (1 << 20), "\nb.example CNAME . ;", 20);
	memcpy(text + (2 << 20), "\nc.example CNAME .\n", 19);
	given_parse(&given, "rpz", text, 3 << 20, false);
	assert_string_equal(given.text, "1 bad, 2 exact b.example, 3 exact c.example, 4 bad");
	assert_int_equal(given.counts.lines, 4);
	/* Data that no effect has room for is no rule, not part of one. */
	text[0] = '\0';
	for (unsigned i = 0; i < 400; i++)
		sprintf(text + strlen(text), "big.example A 10.0.%u.%u\n", i / 200, i % 200);
	sprintf(text + strlen(text), "z.example CNAME .\n");
	for (unsigned i = 0; i < 400; i++)
		sprintf(text + strlen(text), "big.example AAAA ::%x\n", i + 2);
	expect(text, true, "1 not-here, 401 exact z.example answer nearest rcode=NXDOMAIN");
	free(text);
}

/* Parentheses without end on each line: the time must not grow with the square of the lines. */
static void test_open_parentheses(void **state)
{
	static const char line[] = "a(\n";
	size_t n = 200000;
	char *text = malloc(n * 3 + 64);
	struct feed_sink sink = {.ctx = NULL};
	struct feed_counts counts;
	struct why why;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		memcpy(text + 3 * i, line, 3);
	assert_int_equal(feed_parse(text, 3 * n, &feed_rpz, &sink, &counts, &why), ERR_FORMAT);
	assert_int_equal(counts.lines, n);
	assert_int_equal(counts.skips[FEED_BAD], n);
	assert_int_equal(counts.first_bad_line, 1);
	free(text);
}

/* Nothing that a list says may make us read another file. */
static void test_include(void **state)
{
	char path[] = "/tmp/test_feed_rpz.XXXXXX", text[256];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "evil.example CNAME .\n", 21), 21);
	close(fd);
	snprintf(text, sizeof(text), "$INCLUDE %s\na.example CNAME .\n$include %s rpz.example.\n",
	    path, path);
	expect(text, false, "1 not-here, 2 exact a.example, 3 not-here");
	unlink(path);
}

static int stop_at_third(void *ctx, const struct rule *rule, uint64_t line)
{
	(void)rule;
	(void)line;
	return ++*(unsigned *)ctx == 3 ? ERR_LIMIT : 0;
}

static void test_stop(void **state)
{
	static const char *const texts[] = {
	    "a.example CNAME .\nb.example CNAME .\nc.example CNAME .\nd.example CNAME .\n",
	    "a.example CNAME .\nb.example A 0.0.0.0\nc.example A 0.0.0.0\nd.example A 0.0.0.0\n"};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(texts); i++) {
		unsigned n = 0;
		struct feed_sink sink = {.ctx = &n, .rule = stop_at_third};
		struct feed_counts counts;

		assert_int_equal(
		    feed_parse(texts[i], strlen(texts[i]), &feed_rpz, &sink, &counts, NULL),
		    ERR_LIMIT);
		assert_int_equal(n, 3);
	}
}

static void test_looks(void **state)
{
	static const char *const zones[] = {"$TTL 60", "$ORIGIN rpz.example.", "a.example CNAME .",
	    "a.example IN CNAME .", "a.example 60 IN CNAME *.", "@ SOA ns. root. 1 2 3 4 5",
	    "@ IN SOA ns. root. ("};
	static const char *const others[] = {"0.0.0.0 a.example", "0.0.0.0 a cname b", "a.example",
	    "||a.example^", "address=/a.example/", "local-zone: \"a.example\" refuse",
	    "local-data: \"a.example A 0.0.0.0\"", "address /a.example/#", "^a\\.example$"};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(zones); i++)
		assert_int_equal(feed_rpz.looks(zones[i], strlen(zones[i])), 2);
	for (size_t i = 0; i < FEEDS_COUNT(others); i++)
		assert_int_equal(feed_rpz.looks(others[i], strlen(others[i])), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_triggers),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_actions),
	    cmocka_unit_test(test_local_data),
	    cmocka_unit_test(test_zone_name),
	    cmocka_unit_test(test_entries),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_long_entries),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_open_parentheses),
	    cmocka_unit_test(test_include),
	    cmocka_unit_test(test_stop),
	    cmocka_unit_test(test_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
