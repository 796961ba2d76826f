/* test_feed_pihole_regex.c - Pi-hole's regular expressions and their options. */
#include "tests/unit/feeds.h"

#include "blocklists/regex.h"

static struct given given = {.with_lines = true};

static void expect(const char *text, bool rewrites, const char *expected)
{
	given_parse(&given, "pihole-regex", text, strlen(text), rewrites);
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
	       "a(?#of what \342\202\254)b\n"
	       ".*\n"
	       "[(?#x)]y\n"
	       "^A\\D\\.example$\n",
	    false,
	    "3 regex /^ads[0-9]*[_.-]/, 4 regex /^(.+[_.-])?telemetry[_.-]/, "
	    "5 regex /ads\\.[[:alnum:]]+\\.example$/, 6 regex /ab/, 7 regex /.*/, "
	    "8 regex /[(?#x)]y/, 9 regex /^a\\D\\.example$/");
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
	    "1 suffix ads.example.com, 2 exact ads.example.com, "
	    "3 exact ads.example.com block types=AAAA, 4 own, "
	    "5 regex !/^ads\\.example\\.com$/");
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
	    "1 regex /ads[0-9]/ block types=A, 2 regex /ads[0-9]/ block types=A,AAAA, "
	    "3 regex /ads[0-9]/ block types=~A,~AAAA, 4 regex !/ads[0-9]/ block types=ANY, "
	    "5 regex /ads[0-9]/ block types=A,AAAA,HTTPS, "
	    "6 regex /ads[0-9]/ block types=~A,~AAAA,~HTTPS, 7 bad, 8 bad, 9 bad, "
	    "10 regex /ads[0-9]/ block types=A, 11 bad, 12 bad");
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
	    "1 regex /ads[0-9]/, 2 regex /ads[0-9]/, 3 regex /ads[0-9]/, "
	    "4 regex /ads[0-9]/ drop, 5 not-here, 6 regex /ads[0-9]/, 7 rewrite, 8 rewrite, "
	    "9 rewrite, 10 rewrite, 11 rewrite, 12 regex !/ads[0-9]/ drop types=A, 13 bad, "
	    "14 bad, 15 bad, 16 bad, 17 bad, 18 bad, 19 bad, 20 bad, 21 regex !/ads[0-9]/, "
	    "22 bad");
	expect(text, true,
	    "1 regex /ads[0-9]/ answer rcode=NOERROR, "
	    "2 regex /ads[0-9]/ answer rcode=NXDOMAIN, "
	    "3 regex /ads[0-9]/ answer rcode=REFUSED, 4 regex /ads[0-9]/ drop, 5 not-here, "
	    "6 regex /ads[0-9]/ answer A=0.0.0.0 AAAA=::, "
	    "7 regex /ads[0-9]/ answer A=192.0.2.1 AAAA=::, "
	    "8 regex /ads[0-9]/ answer A=0.0.0.0 AAAA=2001:db8::1, "
	    "9 regex /ads[0-9]/ answer A=192.0.2.1 AAAA=2001:db8::1, "
	    "10 regex /ads[0-9]/ answer A=0.0.0.0 AAAA=2001:db8::1, "
	    "11 regex /ads[0-9]/ answer CNAME=garden.example, "
	    "12 regex !/ads[0-9]/ drop types=A, 13 bad, 14 bad, 15 bad, 16 bad, 17 bad, "
	    "18 bad, 19 bad, 20 bad, 21 regex !/ads[0-9]/, 22 bad");
}

static void test_refused(void **state)
{
	char text[3 * REGEX_TEXT_MAX];

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
	    false, "1 bad, 2 bad, 3 bad, 4 bad, 5 bad, 6 bad, 7 bad, 8 budget, 9 regex /z[0-9]/");
	memset(text, 'a', sizeof(text));
	memcpy(text + REGEX_TEXT_MAX + 1, "\nb[0-9]\n", 8);
	given_parse(&given, "pihole-regex", text, sizeof(text), false);
	assert_string_equal(given.text, "1 budget, 2 regex /b[0-9]/, 3 budget");
	given_parse(&given, "pihole-regex", "a\0b\nc[0-9]\r\n", 12, false);
	assert_string_equal(given.text, "1 bad, 2 regex /c[0-9]/");
}

static void test_looks(void **state)
{
	static const char *const own[] = {"^ads\\.", "(^|\\.)ads\\.example$",
	    "(\\.|^)example\\.com$", "^ad[sxv]?[0-9]*[_.-]", "ads;querytype=A", ".*;invert"};
	static const char *const others[] = {"||ads.example.com^", "ads.example.com^", "0.0.0.0 a",
	    "/ads[0-9]/", "@@||a.example^", "*.ads.example", "address=/a/", "a.example##.ad",
	    "a.example CNAME .", "domain,a.example;x"};

	(void)state;
	for (size_t i = 0; i < FEEDS_COUNT(own); i++)
		assert_int_equal(feed_pihole_regex.looks(own[i], strlen(own[i])), 2);
	for (size_t i = 0; i < FEEDS_COUNT(others); i++)
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
