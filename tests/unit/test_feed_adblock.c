/* test_feed_adblock.c - Adblock lists.  docs/lists.md has what a line gives, and is tested by
 * test_lists_doc; here is what the rules then say of names, and what is odd. */
#include "tests/unit/feeds.h"

#include "blocklists/regex.h"
#include "lib/dns/name.h"
#include "tests/unit/naive.h"

#define TYPE_IS_A    1
#define TYPE_IS_AAAA 28

static enum judge_outcome judge(
    const char *list, bool rewrites, const char *host, uint16_t type, const char *client)
{
	enum judge_outcome outcome;
	struct why why = {""};
	struct naive naive;
	union addr address;
	uint8_t name[NAME_SIZE];
	struct effect_ask ask = {.name = name, .type = type};
	size_t len;

	if (client != NULL) {
		assert_int_equal(addr_parse(&address, client, 53, NULL), 0);
		ask.client = &address;
	}
	assert_int_equal(name_from_text(host, strlen(host), name, &len), 0);
	naive_init(&naive);
	if (naive_feed(&naive, 0, list, strlen(list), &feed_adblock, rewrites, &why) != 0)
		fail_msg("%s: %s", list, why.text);
	outcome = naive_judge(&naive, &ask);
	naive_fini(&naive);
	return outcome;
}

/* Which names a mask blocks, from the words of the syntax's page. */
static void test_masks(void **state)
{
	static const struct {
		const char *mask, *blocked, *not_blocked; /* a name each, or more with blanks */
	} rows[] = {
	    {"||example.org^", "example.org www.example.org a.b.example.org",
		"testexample.org example.org.com example.com"},
	    {"||example.org", "example.org test.example.org example.org.com example.organic",
		"testexample.org"},
	    {"|example.org^", "example.org", "www.example.org example.org.com"},
	    {"|example.org|", "example.org", "www.example.org example.org.com"},
	    {"ample.org|", "example.org ample.org www.example.org", "example.org.com"},
	    {"|example", "example.org example.com", "test.example"},
	    {"||*.example.org^", "www.example.org a.b.example.org", "example.org xexample.org"},
	    {"||ad*.example.org^",
		"ads.example.org ad.example.org x.adx.example.org ad.x.example.org",
		"example.org bad.example.org ads.example.org.com"},
	    {"||ads.*^", "ads.example.org www.ads.example", "x-ads.org bads.example"},
	    {"||ads*", "ads ads.example ads-1.example x.ads2.example", "bads.example"},
	    {"-ads-", "x-ads-y.example a.b-ads-", "ads.example x-ads.example"},
	    {".example.org^", "www.example.org", "example.org"},
	    {"|192.168.*", "", "192.168.example"},
	    {"example.org", "example.org", "www.example.org"},
	    {"0.0.0.0 example.org", "example.org", "www.example.org"},
	    {"/example.*/", "example.org myexamples.com", "exampl.org"},
	    {"/^ex(a|b)mple\\.org$/", "example.org exbmple.org", "www.example.org"},
	    {"*$denyallow=com|net", "example.org com.example", "com example.com a.example.net"},
	    {"||example.org^$denyallow=sub.example.org", "example.org www.example.org",
		"sub.example.org a.sub.example.org"},
	};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		for (int blocked = 0; blocked < 2; blocked++) {
			const char *names = blocked ? rows[i].blocked : rows[i].not_blocked;
			char host[64];
			int n = 0;

			for (; sscanf(names, "%63s%n", host, &n) == 1; names += n) {
				enum judge_outcome outcome =
				    judge(rows[i].mask, false, host, TYPE_IS_A, NULL);

				if ((outcome == JUDGE_BLOCKED) != (blocked != 0))
					fail_msg("%s: %s", rows[i].mask, host);
			}
		}
	}
}

static void test_weight(void **state)
{
	static const struct {
		const char *list, *host;
		enum judge_outcome outcome;
	} rows[] = {
	    {"||example.org^\n@@||www.example.org^", "example.org", JUDGE_BLOCKED},
	    {"||example.org^\n@@||www.example.org^", "a.www.example.org", JUDGE_ALLOWED},
	    {"||example.org^$important\n@@||example.org^", "www.example.org", JUDGE_BLOCKED},
	    {"||example.org^$important\n@@||example.org^$important", "www.example.org",
		JUDGE_ALLOWED},
	    {"||example.org^\n||example.org^$badfilter", "example.org", JUDGE_NONE},
	    {"||example.org^$badfilter\n||example.org^", "example.org", JUDGE_NONE},
	    {"||example.org^$important\n||example.org^$badfilter", "example.org", JUDGE_BLOCKED},
	    {"||example.org^\n@@||example.org^$badfilter\n@@||example.org^", "example.org",
		JUDGE_BLOCKED},
	    {"/^ex/$important\n/^ex/$badfilter,important\n||a.example^", "example.org", JUDGE_NONE},
	    {"||example.org^$dnsrewrite=192.0.2.1\n||example.org^$important", "example.org",
		JUDGE_ANSWER},
	    {"||example.org^$dnsrewrite=192.0.2.1\n@@||example.org^", "example.org", JUDGE_ANSWER},
	    {"||example.org^$dnsrewrite=192.0.2.1\n@@||example.org^$dnsrewrite", "example.org",
		JUDGE_NONE},
	    {"||example.org^$dnsrewrite=192.0.2.1\n@@||example.org^$dnsrewrite=192.0.2.1",
		"example.org", JUDGE_NONE},
	    {"||example.org^$dnsrewrite=192.0.2.1\n@@||example.org^$dnsrewrite=192.0.2.2",
		"example.org", JUDGE_ANSWER},
	    {"||example.org^$dnsrewrite=192.0.2.1\n||example.org^$dnsrewrite=192.0.2.1,badfilter",
		"example.org", JUDGE_NONE},
	    {"||example.org^\n@@||example.org^$dnsrewrite", "example.org", JUDGE_BLOCKED},
	    {"||example.org^$third-party\n||a.example^", "example.org", JUDGE_NONE},
	    {"@@||example.org^$elemhide\n||example.org^", "example.org", JUDGE_BLOCKED},
	};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		if (judge(rows[i].list, true, rows[i].host, TYPE_IS_A, NULL) != rows[i].outcome)
			fail_msg("%s: %s", rows[i].list, rows[i].host);
	}
}

static void test_types_and_clients(void **state)
{
	static const struct {
		const char *rule;
		uint16_t type;
		const char *client;
		bool blocked;
	} rows[] = {
	    {"||example.org^$dnstype=AAAA", TYPE_IS_AAAA, NULL, true},
	    {"||example.org^$dnstype=AAAA", TYPE_IS_A, NULL, false},
	    {"||example.org^$dnstype=~A|~CNAME", TYPE_IS_A, NULL, false},
	    {"||example.org^$dnstype=~A|~CNAME", TYPE_IS_AAAA, NULL, true},
	    {"||example.org^$dnstype=~AAAA|A", TYPE_IS_A, NULL, true},
	    {"||example.org^$dnstype=~AAAA|A", 16, NULL, false},
	    {"||example.org^$dnstype=TYPE65", 65, NULL, true},
	    {"||example.org^$client=192.168.0.0/24", TYPE_IS_A, "192.168.0.255", true},
	    {"||example.org^$client=192.168.0.0/24", TYPE_IS_A, "192.168.1.0", false},
	    {"||example.org^$client=192.168.0.0/24", TYPE_IS_A, NULL, false},
	    {"||example.org^$client=192.168.0.77/24", TYPE_IS_A, "192.168.0.1", true},
	    {"||example.org^$client=~192.168.0.7", TYPE_IS_A, "192.168.0.7", false},
	    {"||example.org^$client=~192.168.0.7", TYPE_IS_A, "192.168.0.8", true},
	    {"||example.org^$client=0.0.0.0/0", TYPE_IS_A, "192.168.0.7", true},
	    {"||example.org^$client='2001:db8::/33'", TYPE_IS_A, "[2001:db8:7fff::1]", true},
	    {"||example.org^$client='2001:db8::/33'", TYPE_IS_A, "[2001:db8:8000::1]", false},
	};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		bool blocked = judge(rows[i].rule, false, "example.org", rows[i].type,
				   rows[i].client) == JUDGE_BLOCKED;

		if (blocked != rows[i].blocked)
			fail_msg("%zu: %s", i, rows[i].rule);
	}
}

static void test_odd(void **state)
{
	static const struct given_row rows[] = {
	    {"||example.com^$client=192.0.2.0/33", "client"},
	    {"||example.com^$client=192.0.2.0/", "client"},
	    {"||example.com^$client=fe80::1%eth0", "client"},
	    {"||example.com^$client=a\\|b", "client"},
	    {"||example.com^$client=", "bad"},
	    {"||example.com^$client=192.0.2.1||", "bad"},
	    {"||example.com^$~important", "browser"},
	    {"||example.com^$Important", "browser"},
	    {"||example.com^$im portant", "bad"},
	    {"||example.com^$,important", "bad"},
	    {"||example.com^$important,,badfilter", "bad"},
	    {"||example.com^$dnsrewrite=NXDOMAIN,dnsrewrite=REFUSED", "bad"},
	    {"||example.com^$dnstype=A,dnstype=AAAA", "suffix example.com block types=A,AAAA"},
	    {"||example.com^$dnstype=TYPE65536", "bad"},
	    {"||example.com^$dnstype=A A", "bad"},
	    {"||example.com^$denyallow=~a.example", "bad"},
	    {"||example.com^$denyallow=", "bad"},
	    {"||example.com/a$b$important", "browser"},
	    {"||example.com^^^", "suffix example.com"},
	    {"||example.com^*^|", "suffix example.com"},
	    {"|||example.com^", "bad"},
	    {"^example.com^", "browser"},
	    {"|", "not-here"},
	    {"||", "not-here"},
	    {"^", "not-here"},
	    {"@@*", "not-here"},
	    {"$important", "not-here"},
	    {"$dnstype=A", "regex /.*/ block types=A"},
	    {"@@$client=192.0.2.1", "regex /.*/ allow clients=192.0.2.1"},
	    {"||a*b**c^", "regex /(^|\\.)a.*b.*c$/"},
	    {"||a*.^", "bad"},
	    {"//", "bad"},
	    {"/", "browser"},
	    {"/$important", "browser"},
	    {"/a$/$important", "regex /a$/ block important"},
	    {"/a/$/", "browser"},
	    {"/\\W\\D[A-Z]/", "regex /\\W\\D[A-Z]/"},
	    {"/^localhost$/", "own"},
	    {"/\\.example\\.com$/$important", "below example.com block important"},
	    {"||255.255.255.255^", "address 255.255.255.255/32"},
	    {"||256.255.255.255^", "bad"},
	    {"|0.0.0.0^", "address 0.0.0.0/32"},
	    {"|2001:db8:*", "browser"},
	    {"192.0.2.0/24", "browser"},
	    {"||192.0.2.*$client=192.0.2.7", "address 192.0.2.0/24 block clients=192.0.2.7"},
	    {"##", ""},
	    {"#", ""},
	    {"########", ""},
	    {"#######a", ""},
	    {"example.com##", "browser"},
	    {"[Adblock]", ""},
	    {"[", "browser"},
	    {"0.0.0.0 example.com##x", "exact example.com"},
	    {"0.0.0.0", "own"},
	    {"::1", "own"},
	    {"example.com#why", "browser"},
	    {"_ads.example", "regex /_ads\\.example/"},
	    {"ads", "regex /ads/"},
	    {"ads.example.", "regex /ads\\.example\\./"},
	    {"b\303\274cher.example", "exact xn--bcher-kva.example"},
	    {"||b\303\274cher.example", "bad"},
	    {"||\377\376^", "bad"},
	    {"some words of a page", "bad"},
	};

	(void)state;
	given_check("adblock", rows, FEEDS_COUNT(rows), false);
}

static void test_odd_rewrites(void **state)
{
	static const struct given_row rows[] = {
	    {"||a.b^$dnsrewrite=nxdomain", "suffix a.b answer CNAME=nxdomain"},
	    {"||a.b^$dnsrewrite=NOTIMP", "bad"},
	    {"||a.b^$dnsrewrite=NOTIMP;;", "suffix a.b answer rcode=NOTIMP"},
	    {"||a.b^$dnsrewrite=NXDOMAIN;A;192.0.2.1", "suffix a.b answer rcode=NXDOMAIN"},
	    {"||a.b^$dnsrewrite=;;", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;A;", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;AAAA;192.0.2.1", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;CNAME;!!bad", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;CNAME;.", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;PTR;a b", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;MX;65536 a.b", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;MX;a 1", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;MX;0 .", "suffix a.b answer MX=\\# 3 000000"},
	    {"||a.b^$dnsrewrite=NOERROR;SRV;1 2 a.b", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;SRV;1 2 3 .", "suffix a.b answer SRV=\\# 7 00010002000300"},
	    {"||a.b^$dnsrewrite=NOERROR;SVCB;a b", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;SVCB;1", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;SVCB;1 . stuffs=1", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;SVCB;1 . dohpath=/q{?dns}",
		"suffix a.b answer SVCB=\\# 15 00010000070008"
		"2f717b3f646e737d"},
	    {"||a.b^$dnsrewrite=NOERROR;HTTPS;0 A.B",
		"suffix a.b answer HTTPS=\\# 7 00000161016200"},
	    {"||a.b^$dnsrewrite=NOERROR;HTTPS;1 . ipv4hint=192.0.2.1",
		"suffix a.b answer HTTPS=\\# 11 00010000040004c0000201"},
	    {"||a.b^$dnsrewrite=NOERROR;HTTPS;1 . ) (", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;TXT;", "bad"},
	    {"||a.b^$dnsrewrite=NOERROR;NS;a.b", "not-here"},
	    {"||a.b^$dnsrewrite=NOERROR;NONE;a.b", "bad"},
	    {"||a.b^$dnsrewrite=fe80::1%eth0", "bad"},
	};

	(void)state;
	given_check("adblock", rows, FEEDS_COUNT(rows), true);
}

/* Strings of TXT have at most 255 bytes; what does not fit is no rule. */
static void test_long_values(void **state)
{
	static struct given given;
	static char line[20000], value[10000];

	(void)state;
	memset(value, 'a', sizeof(value));
	snprintf(line, sizeof(line), "||a.b^$dnsrewrite=NOERROR;TXT;%.*s", 300, value);
	given_parse(&given, "adblock", line, strlen(line), true);
	assert_non_null(strstr(given.text, "TXT=\\# 302 ff61"));
	assert_non_null(strstr(given.text, "612d6161"));
	snprintf(line, sizeof(line), "||a.b^$dnsrewrite=NOERROR;TXT;%.*s", 5000, value);
	assert_string_equal(given_parse(&given, "adblock", line, strlen(line), true), "bad");
	snprintf(line, sizeof(line), "||a.b^$dnsrewrite=NOERROR;SVCB;1 . key9=%.*s", 5000, value);
	assert_string_equal(given_parse(&given, "adblock", line, strlen(line), true), "bad");
	snprintf(line, sizeof(line), "||a.b^$client=%.*s", 5000, value);
	given_parse(&given, "adblock", line, strlen(line), true);
	assert_int_equal(given.counts.rules, 0);
	snprintf(line, sizeof(line), "||%.*s*b^", 5000, value);
	given_parse(&given, "adblock", line, strlen(line), true);
	assert_int_equal(given.counts.rules, 0);
	snprintf(line, sizeof(line), "/%.*s/", 5000, value);
	assert_string_equal(given_parse(&given, "adblock", line, strlen(line), true), "budget");
	/* More names than an effect can hold. */
	strcpy(line, "*$denyallow=");
	for (unsigned i = 0; i < 500; i++)
		sprintf(line + strlen(line), "%sname-%u.example", i != 0 ? "|" : "", i);
	assert_string_equal(given_parse(&given, "adblock", line, strlen(line), true), "bad");
}

/* A line in which there may be modifiers everywhere is read once, not once from each of them on. */
static void test_many_dollars(void **state)
{
	static struct given given;
	size_t len = (size_t)3 << 20;
	char *line = malloc(len);

	(void)state;
	assert_non_null(line);
	for (size_t i = 0; i < len; i++)
		line[i] = "/$a"[i % 3];
	given_parse(&given, "adblock", line, len, false);
	assert_int_equal(given.counts.rules, 0);
	assert_int_equal(given.counts.skips[FEED_BROWSER], 1);
	assert_int_equal(feed_adblock.looks(line, len), 0);
	free(line);
}

/* All expressions of a list have a budget together. */
static void test_work(void **state)
{
	static const char regex[] = "ads[0-9]+x";
	struct rule rule = {.kind = RULE_REGEX, .regex = regex, .regex_len = sizeof(regex) - 1};
	struct feed_counts counts = {0};
	uint64_t once;

	(void)state;
	assert_int_equal(feed_check_regex(&rule, &counts), 0);
	once = counts.regex_work;
	assert_true(once != 0 && once < REGEX_WORK_MAX);
	assert_int_equal(feed_check_regex(&rule, &counts), 0);
	assert_int_equal(counts.regex_work, 2 * once);
	counts.regex_work = FEED_REGEX_WORK_MAX + 1;
	assert_int_equal(feed_check_regex(&rule, &counts), ERR_LIMIT);
	assert_int_equal(counts.regex_work, FEED_REGEX_WORK_MAX + 1);
}

static void test_bytes(void **state)
{
	static struct given given = {.with_lines = true};
	size_t len = (size_t)1 << 20;
	char *text = malloc(len + 64);

	(void)state;
	assert_non_null(text);
	given_parse(&given, "adblock",
	    TEXT("\357\273\277[Adblock Plus 2.0]\r\n! caf\351\r\n\r\n\t||a.example^ "
		 "\r\n||b.exa\0mple^\n"
		 "/a\0b/\n\0\n||c.example^$client=a\0b\n@@|d.example|"),
	    false);
	assert_string_equal(given.text, "4 suffix a.example, 5 bad, 6 bad, 7 bad, 8 bad, "
					"9 exact d.example allow");
	assert_int_equal(given.counts.lines, 9);
	for (int i = 0; i < 4; i++) {
		static const char *const starts[] = {"||", "/", "||a^$client=", "*$denyallow="};

		memset(text, 'a', len);
		memcpy(text, starts[i], strlen(starts[i]));
		memcpy(text + len, "\n||b.example^", 13);
		given_parse(&given, "adblock", text, len, false);
		assert_int_equal(given.counts.rules, 0);
		given_parse(&given, "adblock", text, len + 13, false);
		assert_int_equal(given.counts.rules, 1);
		assert_non_null(strstr(given.text, "2 suffix b.example"));
	}
	free(text);
}

static void test_sink(void **state)
{
	static struct given given = {.stop = ERR_NOMEM};
	struct feed_sink sink = {.ctx = &given, .rule = given_rule};
	struct feed_counts counts;

	(void)state;
	given_parse(&given, "adblock", TEXT("||a.example^\n||b.example^"), false);
	assert_int_equal(given.err, ERR_NOMEM);
	assert_string_equal(given.text, "suffix a.example");
	given_parse(&given, "adblock", TEXT("||a.example^$badfilter\n||b.example^"), false);
	assert_int_equal(given.err, ERR_NOMEM);
	assert_string_equal(given.text, "cancel suffix a.example");
	/* A sink that takes rules alone. */
	given.stop = 0;
	given.text[0] = '\0';
	given.line = 0;
	assert_int_equal(feed_parse(TEXT("||a.example^$badfilter\n##a\n||b.example^"),
			     &feed_adblock, &sink, &counts, NULL),
	    0);
	assert_string_equal(given.text, "suffix b.example");
	assert_int_equal(counts.rules, 2);
	assert_int_equal(counts.skips[FEED_BROWSER], 1);
}

static void test_looks(void **state)
{
	static const struct {
		const char *line;
		int looks;
	} rows[] = {
	    {"||example.com^", 2},
	    {"@@||example.com^", 2},
	    {"@@example.com", 2},
	    {"|example.com|", 2},
	    {"example.com^", 2},
	    {"[Adblock Plus 2.0]", 2},
	    {"/^ads/", 2},
	    {"/^ads/$important", 2},
	    {"*$denyallow=com", 2},
	    {"example.com$third-party", 2},
	    {"/banner.$~script,domain=a.example", 2},
	    {"##.banner", 2},
	    {"a.example,b.example##.banner", 2},
	    {"example.com#@#.banner", 2},
	    {"example.com", 1},
	    {"example.com # why", 1},
	    {"0.0.0.0 example.com", 1},
	    {"*.example.com", 1},
	    {"/banners/ads_", 1},
	    {"&ad_id=", 1},
	    {"some words", 0},
	    {"^ads[0-9]+\\.", 0},
	    {"(^|\\.)example\\.com$", 0},
	    {"[section]", 0},
	    {"<html>", 0},
	    {"local-zone: \"example.com\" refuse", 0},
	    {"example.com CNAME .", 0},
	};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(rows); i++) {
		int looks = feed_adblock.looks(rows[i].line, strlen(rows[i].line));

		if (looks != rows[i].looks)
			fail_msg("%s: %d", rows[i].line, looks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_masks),
	    cmocka_unit_test(test_weight),
	    cmocka_unit_test(test_types_and_clients),
	    cmocka_unit_test(test_odd),
	    cmocka_unit_test(test_odd_rewrites),
	    cmocka_unit_test(test_long_values),
	    cmocka_unit_test(test_many_dollars),
	    cmocka_unit_test(test_work),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_sink),
	    cmocka_unit_test(test_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
