/* test_feed_hosts.c - hosts files; docs/lists.md has the plain examples. */
#include "tests/unit/feeds.h"

static void test_words(void **state)
{
	static const struct given_row rows[] = {
	    {"0.0.0.0\ta.example", "exact a.example"},
	    {"0.0.0.0 \t  a.example \t b.example", "exact a.example, exact b.example"},
	    {"0.0.0.0  # a.example", "bad"},
	    {"0.0.0.0 a.example# b.example", "exact a.example"},
	    {"#0.0.0.0 a.example", ""},
	    {"0.0.0.0 a.example a.example", "exact a.example, exact a.example"},
	    {"0.0.0.0 127.0.0.1 ::1 a.example", "own, own, exact a.example"},
	    {"0.0.0.0 1.2.3.4 a.example", "bad, exact a.example"},
	    {"::%eth0 a.example", "exact a.example"},
	    {"0.0.0.0%eth0 a.example", "bad"},
	    {"000.0.0.0 a.example", "bad"},
	    {"0 a.example", "bad"},
	    {"0.0.0.0,a.example", "bad"},
	};

	(void)state;
	given_check("hosts", rows, FEEDS_COUNT(rows), false);
}

/* In a list that may give answers: each family is one answer, what leads nowhere stays a block. */
static void test_rewrites(void **state)
{
	static const struct given_row rows[] = {
	    {"192.0.2.7 a.example b.example # c", "exact a.example answer types=A A=192.0.2.7, "
						  "exact b.example answer types=A A=192.0.2.7"},
	    {"192.0.2.7 a.example\n2001:db8::7 a.example",
		"exact a.example answer types=A A=192.0.2.7, "
		"exact a.example answer types=AAAA AAAA=2001:db8::7"},
	    {"192.0.2.7 localhost broadcasthost", "own, own"},
	    {"192.0.2.7 a..example", "bad"},
	    {"127.0.0.1 a.example\n::1 a.example", "exact a.example, exact a.example"},
	};

	(void)state;
	given_check("hosts", rows, FEEDS_COUNT(rows), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_rewrites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
