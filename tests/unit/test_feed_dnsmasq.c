/* test_feed_dnsmasq.c - dnsmasq configurations; docs/lists.md has the plain examples. */
#include "tests/unit/feeds.h"

static void test_lines(void **state)
{
	static const struct given_row rows[] = {
	    {"address=/a.example/b.example/c.example/#",
		"suffix a.example, suffix b.example, suffix c.example"},
	    {"address=/a.example/*b.example/*.c.example/",
		"suffix a.example, regex /b\\.example$/, below c.example"},
	    {"server=/a.example/b.example/#",
		"suffix a.example exempt nearest, suffix b.example exempt nearest"},
	    {"server=/*a.example/#", "regex /a\\.example$/ exempt nearest"},
	    {"address\t=\t/a.example/\t# why", "suffix a.example"},
	    {"address=/a.example/#x", "bad"},
	    {"address=/a.example/ #", "suffix a.example"},
	    {"address=/a.example/# # why", "suffix a.example"},
	    {"address=/a.example/0.0.0.0 # why", "suffix a.example"},
	    {"address=/a.example./", "suffix a.example"},
	    {"address=//", "not-here"},
	    {"address=/./", "not-here"},
	    {"address=/*./", "not-here"},
	    {"address=///a.example/", "not-here, not-here, suffix a.example"},
	    {"address=/", "bad"},
	    {"address=", "not-here"},
	    {"address", "not-here"},
	    {"address=a.example/", "not-here"},
	    {"address=/a b.example/", "bad"},
	    {"address=/a.example/1.2.3.4,5.6.7.8", "bad"},
	    {"local=/a.example/1.2.3.4", "not-here"},
	    {"server=/a.example/1.2.3.4@eth0", "not-here"},
	    {"address=/1.2.3.4/", "bad"},
	    {"address=/0.0.0.0/", "own"},
	    {"ipset=/a.example/set", "not-here"},
	    {"conf-dir=/etc/dnsmasq.d", "not-here"},
	    {"Address=/a.example/", "bad"},
	    {"-address=/a.example/", "bad"},
	    {"a.example", "bad"},
	    {"=/a.example/", "bad"},
	};

	(void)state;
	given_check("dnsmasq", rows, FEEDS_COUNT(rows), false);
}

static void test_rewrites(void **state)
{
	static const struct given_row rows[] = {
	    {"address=/a.example/b.example/", "suffix a.example answer nearest rcode=NXDOMAIN, "
					      "suffix b.example answer nearest rcode=NXDOMAIN"},
	    {"address=/*a.example/192.0.2.7",
		"regex /a\\.example$/ answer nearest types=A A=192.0.2.7"},
	    {"address=/*.a.example/::1", "below a.example answer nearest types=AAAA AAAA=::1"},
	    {"address=/#/192.0.2.7", "not-here"},
	    {"address=/localhost/192.0.2.7", "own"},
	};

	(void)state;
	given_check("dnsmasq", rows, FEEDS_COUNT(rows), true);
}

/* The names of a megabyte of them, in one line. */
static void test_many_names(void **state)
{
	static const char begin[] = "address=/", name[] = "a.example/";
	size_t n = 100000, len = sizeof(begin) - 1;
	char *text = malloc(len + n * (sizeof(name) - 1) + 1);
	struct feed_sink sink = {.rule = NULL};
	struct feed_counts counts;
	static struct given given;

	(void)state;
	assert_non_null(text);
	memcpy(text, begin, len);
	for (size_t i = 0; i < n; i++, len += sizeof(name) - 1)
		memcpy(text + len, name, sizeof(name) - 1);
	sink.ctx = &given;
	given.stop = 1;
	sink.rule = given_rule;
	/* the first stops it */
	given.text[0] = '\0';
	assert_int_equal(feed_parse(text, len, &feed_dnsmasq, &sink, &counts, NULL), 1);
	assert_int_equal(counts.rules, 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_rewrites),
	    cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
