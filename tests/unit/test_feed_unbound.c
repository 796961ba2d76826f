/* test_feed_unbound.c - unbound configurations; docs/lists.md has the plain examples. */
#include "tests/unit/feeds.h"

static void test_lines(void **state)
{
	static const struct given_row rows[] = {
	    {"  local-zone:\t\"a.example\"\tstatic", "suffix a.example"},
	    {"local-zone: a.example \"static\"", "suffix a.example"},
	    {"local-zone: \"a.example\"static", "suffix a.example"},
	    {"local-zone: \"a.example\" static x", "suffix a.example, bad"},
	    {"local-zone: \"\" static", "bad"},
	    {"local-zone: \"a.example\" #static", "bad"},
	    {"local-zone: \"a.example\" static local-data: \"b.example A 0.0.0.0\" # x",
		"suffix a.example, exact b.example"},
	    {"local-zone: \"a.example\" static verbosity: 1", "suffix a.example, not-here"},
	    {"server: # x", ""},
	    {"server: verbosity: 1", "not-here"},
	    {"server: local-data: \"a.example A 0.0.0.0\"", "exact a.example"},
	    {"local-data: \"a.example 1h IN A 0.0.0.0\"", "exact a.example"},
	    {"local-data: \"a.example in a 0.0.0.0\"", "exact a.example"},
	    {"local-data: \"a.example A 0.0.0.0 x\"", "bad"},
	    {"local-data: \"a.example\"", "bad"},
	    {"local-data: \"a.example 60\"", "bad"},
	    {"local-data: \"a.example 60 IN\"", "bad"},
	    {"local-data: \"\"", "bad"},
	    {"local-data:", "not-here"},
	    {"local-data: \". A 0.0.0.0\"", "not-here"},
	    {"local-data: \"localhost A 127.0.0.1\"", "own"},
	    {"local-data-ptr: \"192.0.2.7 a.example\"", "not-here"},
	    {"include: \"/etc/x\"", "not-here"},
	    {"local zone: a.example static", "bad"},
	    {": a", "bad"},
	};

	(void)state;
	given_check("unbound", rows, FEEDS_COUNT(rows), false);
}

/* Zones of the type redirect, their data before and behind them, near and far. */
static void test_redirect(void **state)
{
	static const struct given_row rows[] = {
	    {"local-zone: a.example redirect\n"
	     "local-zone: b.example redirect\n"
	     "local-zone: c.example redirect\n"
	     "local-data: 'b.example A 192.0.2.7'\n"
	     "local-data: 'a.example A 0.0.0.0'",
		"suffix a.example, rewrite, suffix c.example, rewrite, exact a.example"},
	    {"local-data: 'A.Example. AAAA 2001:db8::7'\nlocal-zone: a.example redirect",
		"rewrite, rewrite"},
	    /* of one family alone, the other one leading nowhere */
	    {"local-zone: a.example redirect\n"
	     "local-data: 'a.example A 192.0.2.7'\n"
	     "local-data: 'a.example AAAA ::'",
		"rewrite, rewrite, exact a.example"},
	    /* what leads nowhere else does not matter */
	    {"local-zone: a.example redirect\nlocal-data: 'a.example TXT \"blocked\"'",
		"suffix a.example, rewrite"},
	    /* data of a name below, which unbound does not take */
	    {"local-zone: a.example redirect\nlocal-data: 'x.a.example A 192.0.2.7'",
		"suffix a.example, rewrite"},
	    /* other types ignore it or are blocked for all other names */
	    {"local-zone: a.example static\nlocal-data: 'a.example A 192.0.2.7'",
		"suffix a.example, rewrite"},
	    {"local-zone: a.example static\nlocal-data: 'a.example A 0.0.0.0'", "suffix a.example"},
	    {"local-zone: a.example static\nlocal-data: 'x.a.example A 0.0.0.0'",
		"suffix a.example, exact x.a.example"},
	    {"local-zone: a.example transparent\nlocal-data: 'a.example A 0.0.0.0'",
		"suffix a.example exempt nearest, exact a.example"},
	};

	(void)state;
	given_check("unbound", rows, FEEDS_COUNT(rows), false);
}

static void test_clients(void **state)
{
	static const struct given_row rows[] = {
	    {"local-zone-tag: a.example x\nlocal-zone: a.example static\nlocal-zone: b.example "
	     "static",
		"client, client, suffix b.example"},
	    {"view:\nlocal-zone: a.example static\nserver:\nlocal-zone: b.example static",
		"not-here, client, suffix b.example"},
	    {"view: # x\nlocal-data: 'a.example A 0.0.0.0'\nforward-zone:\nserver: "
	     "local-zone: b.example static",
		"not-here, client, not-here, suffix b.example"},
	    /* data within a view is not that of the zone outside */
	    {"server:\nlocal-zone: a.example redirect\nview:\nlocal-data: 'a.example A 192.0.2.7'",
		"suffix a.example, not-here, client"},
	};

	(void)state;
	given_check("unbound", rows, FEEDS_COUNT(rows), false);
}

static void test_rewrites(void **state)
{
	static const struct given_row rows[] = {
	    {"local-data: 'a.example A 192.0.2.7'\nlocal-zone: a.example redirect\n"
	     "local-data: 'a.example AAAA 2001:db8::7'",
		"suffix a.example answer nearest A=192.0.2.7 AAAA=2001:db8::7"},
	    {"local-zone: a.example redirect\nlocal-data: 'x.a.example A 192.0.2.7'",
		"suffix a.example answer nearest rcode=NOERROR, not-here"},
	    {"local-zone: a.example static\nlocal-data: 'a.example A 192.0.2.7'",
		"suffix a.example answer nearest rcode=NXDOMAIN, exact a.example answer nearest "
		"A=192.0.2.7"},
	    {"local-zone: a.example refuse\nlocal-data: 'x.a.example A 192.0.2.7'",
		"suffix a.example answer nearest rcode=REFUSED, exact x.a.example answer nearest "
		"types=A A=192.0.2.7"},
	    {"local-data: 'a.example A 192.0.2.8'\nlocal-data: 'b.example A 192.0.2.9'\n"
	     "local-data: 'a.example A 192.0.2.7'",
		"exact a.example answer nearest A=192.0.2.7 A=192.0.2.8, exact b.example answer "
		"nearest A=192.0.2.9"},
	    {"local-data: 'a.example CNAME b.example.'",
		"exact a.example answer nearest CNAME=b.example"},
	    {"local-data: 'a.example A 0.0.0.0'", "exact a.example answer nearest A=0.0.0.0"},
	    {"local-zone: a.example inform_deny", "suffix a.example drop nearest"},
	    {"local-zone: a.example noview", "suffix a.example exempt nearest"},
	    {"local-data: 'a.example AAAA nonsense'", "bad"},
	    {"local-data: 'a.example MX nonsense'", "bad"},
	    {"local-data: 'a.example NOTYPE x'", "bad"},
	};

	(void)state;
	given_check("unbound", rows, FEEDS_COUNT(rows), true);
}

/* More records than an effect has room for. */
static void test_many_records(void **state)
{
	static struct given given;
	size_t size = 100000, len = 0;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < 2000; i++)
		len += (size_t)snprintf(text + len, size - len,
		    "local-data: 'a.example A 10.0.%u.%u'\n", i / 256, i % 256);
	given_parse(&given, "unbound", text, len, true);
	assert_int_equal(given.counts.rules, 0);
	assert_string_equal(given.text, "budget");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_redirect),
	    cmocka_unit_test(test_clients),
	    cmocka_unit_test(test_rewrites),
	    cmocka_unit_test(test_many_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
