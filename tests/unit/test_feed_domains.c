/* test_feed_domains.c - plain domains; docs/lists.md has the plain examples. */
#include "tests/unit/feeds.h"

static void test_words(void **state)
{
	static const struct given_row rows[] = {
	    {"a.example\t# why", "suffix a.example"},
	    {"a.example\t#", "suffix a.example"},
	    {"a.example #1 #2", "suffix a.example"},
	    {"a.example ! why", "bad"},
	    {"a.example ; why", "bad"},
	    {"; a.example", "bad"},
	    {"// a.example", "bad"},
	    {"..a.example", "bad"},
	    {".", "bad"},
	    {"a.example,b.example", "bad"},
	    {"\"a.example\"", "bad"},
	    {"a.example:80", "bad"},
	    {"-a.example", "suffix -a.example"},
	    {"1.2.3.4.example", "suffix 1.2.3.4.example"},
	    {"1.2.3.4.example.5", "bad"},
	    {"xn--p1ai", "suffix xn--p1ai"},
	    {"ip6-localhost", "own"},
	    {"ip6-ads.example", "suffix ip6-ads.example"},
	};

	(void)state;
	given_check("domains", rows, FEEDS_COUNT(rows), false);
	given_check("domains", rows, FEEDS_COUNT(rows), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
