/* test_feed_pihole_regex.c - Pi-hole's regular expressions and their options. */
#include "tests/unit/lists.h"

#include "blocklists/feed.h"
#include "blocklists/regex.h"

/* What a text gave, a line each: `2 regex /^ads/`, `3 -bad`. */
struct given {
	char text[8192];
	struct feed_counts counts;
};

static void give(struct given *given, uint64_t line, const char *what)
{
	size_t len = strlen(given->text);

	snprintf(given->text + len, sizeof(given->text) - len, "%llu %s\n",
	    (unsigned long long)line, what);
}

static int on_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	char text[RULE_TEXT_SIZE];

	assert_int_equal(
	    rule->effect_len != 0 ? effect_check(rule->effect, rule->effect_len) : 0, 0);
	give(ctx, line, rule_text(rule, text));
	return 0;
}

static void on_skip(void *ctx, enum feed_skip reason, uint64_t line, const char *text, size_t len)
{
	static const char *const words[FEED_SKIPS] = {[FEED_BAD] = "-bad",
	    [FEED_OWN_NAME] = "-own",
	    [FEED_REWRITE] = "-rewrite",
	    [FEED_BUDGET] = "-budget",
	    [FEED_NOT_HERE] = "-not-here"};

	assert_true(len != 0);
	assert_null(memchr(text, '\n', len));
	assert_non_null(words[reason]);
	give(ctx, line, words[reason]);
}

static void read_text(struct given *given, const char *text, size_t len, bool rewrites)
{
	struct feed_sink sink = {
	    .ctx = given, .rewrites = rewrites, .rule = on_rule, .skip = on_skip};
	char *copy = malloc(len != 0 ? len : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, text, len);
	given->text[0] = '\0';
	err = feed_parse(copy, len, &feed_pihole_regex, &sink, &given->counts, NULL);
	assert_true(err == 0 || (err == ERR_FORMAT && given->counts.rules == 0));
	free(copy);
}

static void expect(const char *text, bool rewrites, const char *expected)
{
	struct given given;

	read_text(&given, text, strlen(text), rewrites);
	assert_string_equal(given.text, expected);
}

static void test_expressions(void **state)
{
	(void)state;
	expect("# comment\n"
	       "\n"
	       "^ads[0-9]*[_.-]\n"
	       "^(.+[_.-])?Telemetry[_.-]\n"
	       "ads\\.[[:alnum:]]+\\.example$\n"
	       "a(?#of (what)b\n"
	       ".*\n"
	       "[(?#x)]y\n"
	       "^A\\D\\.example$\n",
	    false,
	    "3 regex /^ads[0-9]*[_.-]/\n4 regex /^(.+[_.-])?telemetry[_.-]/\n"
	    "5 regex /ads\\.[[:alnum:]]+\\.example$/\n6 regex /ab/\n7 regex /.*/\n"
	    "8 regex /[(?#x)]y/\n9 regex /^a\\D\\.example$/\n");
}

static void test_names(void **state)
{
	(void)state;
	expect("(^|\\.)Ads\\.example\\.com$\n"
	       "^ads\\.example\\.com$\n"
	       "^ads\\.example\\.com$;querytype=AAAA\n"
	       "^localhost$\n"
	       "^ads\\.example\\.com$;invert\n",
	    false,
	    "1 suffix ads.example.com\n2 exact ads.example.com\n"
	    "3 exact ads.example.com block types=AAAA\n4 -own\n"
	    "5 regex !/^ads\\.example\\.com$/\n");
}

static void test_types(void **state)
{
	(void)state;
	expect("ads[0-9];querytype=A\n"
	       "ads[0-9];querytype=aaaa,A\n"
	       "ads[0-9];querytype=!A,AAAA\n"
	       "ads[0-9];querytype=ANY;invert\n"
	       "ads[0-9];querytype=!OTHER,ANY,SRV,SOA,PTR,TXT,NAPTR,MX,DS,RRSIG,DNSKEY,NS,SVCB\n"
	       "ads[0-9];querytype=OTHER,SRV,SOA,PTR,TXT,NAPTR,MX,DS,RRSIG,DNSKEY,NS,SVCB,ANY\n"
	       "ads[0-9];querytype=!A;querytype=AAAA\n"
	       "ads[0-9];querytype=\n"
	       "ads[0-9];querytype=!\n"
	       "ads[0-9];querytype=A,\n"
	       "ads[0-9];querytype=A,UNHEARD\n"
	       "ads[0-9];querytype=!A,AAAA,ANY,SRV,SOA,PTR,TXT,NAPTR,MX,DS,RRSIG,DNSKEY,NS,SVCB,"
	       "HTTPS,OTHER\n",
	    false,
	    "1 regex /ads[0-9]/ block types=A\n2 regex /ads[0-9]/ block types=A,AAAA\n"
	    "3 regex /ads[0-9]/ block types=~A,~AAAA\n4 regex !/ads[0-9]/ block types=ANY\n"
	    "5 regex /ads[0-9]/ block types=A,AAAA,HTTPS\n"
	    "6 regex /ads[0-9]/ block types=~A,~AAAA,~HTTPS\n7 -bad\n8 -bad\n9 -bad\n"
	    "10 regex /ads[0-9]/ block types=A\n11 -bad\n12 -bad\n");
}

static void test_replies(void **state)
{
	static const char text[] = "ads[0-9];reply=NODATA\n"
				   "ads[0-9];reply=nxdomain\n"
				   "ads[0-9];reply=refused\n"
				   "ads[0-9];reply=none\n"
				   "ads[0-9];reply=IP\n"
				   "ads[0-9];reply=0.0.0.0\n"
				   "ads[0-9];reply=192.0.2.1\n"
				   "ads[0-9];reply=2001:db8::1\n"
				   "ads[0-9];reply=192.0.2.1;reply=2001:db8::1\n"
				   "ads[0-9];reply=0.0.0.0;reply=2001:db8::1\n"
				   "ads[0-9];reply=CNAME,Garden.example\n"
				   "ads[0-9];querytype=A;reply=none;invert\n"
				   "ads[0-9];reply=192.0.2.1;reply=192.0.2.2\n"
				   "ads[0-9];reply=none;reply=192.0.2.2\n"
				   "ads[0-9];reply=192.0.2.2;reply=none\n"
				   "ads[0-9];reply=garden.example\n"
				   "ads[0-9];reply=CNAME,\n"
				   "ads[0-9];reply=CNAME,a..b\n"
				   "ads[0-9];reply\n"
				   "ads[0-9];unheard=1\n"
				   "ads[0-9];;invert;\n"
				   ";invert\n";

	(void)state;
	expect(text, false,
	    "1 regex /ads[0-9]/\n2 regex /ads[0-9]/\n3 regex /ads[0-9]/\n4 regex /ads[0-9]/ drop\n"
	    "5 -not-here\n6 regex /ads[0-9]/\n7 -rewrite\n8 -rewrite\n9 -rewrite\n10 -rewrite\n"
	    "11 -rewrite\n12 regex !/ads[0-9]/ drop types=A\n13 -bad\n14 -bad\n15 -bad\n16 -bad\n"
	    "17 -bad\n18 -bad\n19 -bad\n20 -bad\n21 regex !/ads[0-9]/\n22 -bad\n");
	expect(text, true,
	    "1 regex /ads[0-9]/ answer rcode=NOERROR\n2 regex /ads[0-9]/ answer rcode=NXDOMAIN\n"
	    "3 regex /ads[0-9]/ answer rcode=REFUSED\n4 regex /ads[0-9]/ drop\n5 -not-here\n"
	    "6 regex /ads[0-9]/ answer A=0.0.0.0 AAAA=::\n"
	    "7 regex /ads[0-9]/ answer A=192.0.2.1 AAAA=::\n"
	    "8 regex /ads[0-9]/ answer A=0.0.0.0 AAAA=2001:db8::1\n"
	    "9 regex /ads[0-9]/ answer A=192.0.2.1 AAAA=2001:db8::1\n"
	    "10 regex /ads[0-9]/ answer A=0.0.0.0 AAAA=2001:db8::1\n"
	    "11 regex /ads[0-9]/ answer CNAME=garden.example\n"
	    "12 regex !/ads[0-9]/ drop types=A\n13 -bad\n14 -bad\n15 -bad\n16 -bad\n17 -bad\n"
	    "18 -bad\n19 -bad\n20 -bad\n21 regex !/ads[0-9]/\n22 -bad\n");
}

static void test_refused(void **state)
{
	char text[3 * REGEX_TEXT_MAX];
	struct given given;

	(void)state;
	expect("a(b\n"
	       "a[b\n"
	       "(a)\\1\n"
	       "a(?=b)\n"
	       "a(?#b\n"
	       "(?#b)\n"
	       "a\\\n"
	       "([a-z]{30}[0-9]{30}){30}[a-z]{30}\n"
	       "z[0-9]\n",
	    false,
	    "1 -bad\n2 -bad\n3 -bad\n4 -bad\n5 -bad\n6 -bad\n7 -bad\n8 -budget\n9 regex "
	    "/z[0-9]/\n");
	memset(text, 'a', sizeof(text));
	memcpy(text + REGEX_TEXT_MAX + 1, "\nb[0-9]\n", 8);
	read_text(&given, text, sizeof(text), false);
	assert_string_equal(given.text, "1 -budget\n2 regex /b[0-9]/\n3 -budget\n");
	read_text(&given, "a\0b\nc[0-9]\r\n", 12, false);
	assert_string_equal(given.text, "1 -bad\n2 regex /c[0-9]/\n");
}

static void test_looks(void **state)
{
	static const char *const own[] = {"^ads\\.", "(^|\\.)ads\\.example$",
	    "(\\.|^)example\\.com$", "^ad[sxv]?[0-9]*[_.-]", "ads;querytype=A", ".*;invert"};
	static const char *const others[] = {"||ads.example.com^", "ads.example.com^", "0.0.0.0 a",
	    "/ads[0-9]/", "@@||a.example^", "*.ads.example", "address=/a/", "a.example##.ad",
	    "a.example CNAME .", "domain,a.example;x"};

	(void)state;
	for (size_t i = 0; i < COUNT(own); i++)
		assert_int_equal(feed_pihole_regex.looks(own[i], strlen(own[i])), 2);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(feed_pihole_regex.looks(others[i], strlen(others[i])), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_expressions),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
