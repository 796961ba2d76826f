/* test_feed_smartdns.c - smartdns configurations; docs/lists.md has the plain examples. */
#include "tests/unit/feeds.h"

static void test_lines(void **state)
{
	static const struct given_row rows[] = {
	    {"address\t/a.example/#", "suffix a.example"},
	    {"address /a.example/# # why", "suffix a.example"},
	    {"address /..a.example/#", "suffix a.example"},
	    {"address /A.Example./#", "suffix a.example"},
	    {"address /a.example/#4,#6", "suffix a.example block nearest types=A, suffix a.example "
					 "block nearest types=AAAA"},
	    {"address /a.example/-4", "suffix a.example exempt nearest types=A"},
	    {"address /*.a.example/-", "below a.example exempt nearest"},
	    {"address /-.a.example/-", "exact a.example exempt nearest"},
	    {"address /*a.example/#", "regex /a\\.example$/"},
	    {"address /*/#", "not-here"},
	    {"address //#", "not-here"},
	    {"address /*.localhost/#", "own"},
	    {"address /a.example/127.0.0.1,::1", "suffix a.example"},
	    {"address /a.example/192.0.2.7,x", "bad"},
	    {"address /a.example/#,x", "suffix a.example, bad"},
	    {"address /a.example/#44", "bad"},
	    {"address /a.example/-x", "bad"},
	    {"address /a.example/,", "bad"},
	    {"address 192.0.2.7", "not-here"},
	    {"address", "bad"},
	    {"domain-rules /a.example/ -c none -a #", "suffix a.example"},
	    {"domain-rules /a.example/ -a #4 -c none", "suffix a.example block nearest types=A"},
	    {"domain-rule /a.example/ -address -", "suffix a.example exempt nearest"},
	    {"domain-rules /a.example/ -a", "not-here"},
	    {"domain-rules a.example -a #", "bad"},
	    {"domain-set -name x -file y", "not-here"},
	    {"cname /a.example/b.example", "not-here"},
	    {"Address /a.example/#", "bad"},
	};

	(void)state;
	given_check("smartdns", rows, FEEDS_COUNT(rows), false);
}

static void test_rewrites(void **state)
{
	static const struct given_row rows[] = {
	    {"address /a.example/#4", "suffix a.example answer nearest rcode=NOERROR types=A"},
	    {"address /-.a.example/192.0.2.7",
		"exact a.example answer nearest types=A A=192.0.2.7"},
	    {"address /a.example/#6,192.0.2.7",
		"suffix a.example answer nearest rcode=NOERROR types=AAAA, "
		"suffix a.example answer nearest types=A A=192.0.2.7"},
	    {"address /a.example/192.0.2.7,192.0.2.7",
		"suffix a.example answer nearest types=A A=192.0.2.7"},
	    {"address /a.example/-", "suffix a.example exempt nearest"},
	};

	(void)state;
	given_check("smartdns", rows, FEEDS_COUNT(rows), true);
}

/* More addresses than an effect has room for. */
static void test_many_addresses(void **state)
{
	static struct given given;
	size_t size = 40000, len;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	len = (size_t)snprintf(text, size, "address /a.example/192.0.2.1");
	for (unsigned i = 0; i < 2000; i++)
		len += (size_t)snprintf(text + len, size - len, ",10.0.%u.%u", i / 256, i % 256);
	given_parse(&given, "smartdns", text, len, true);
	assert_string_equal(given.text, "budget");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_rewrites),
	    cmocka_unit_test(test_many_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
