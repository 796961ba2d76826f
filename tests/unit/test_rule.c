/* test_rule.c - what a rule covers, and the machine's own names. */
#include "tests/unit/lists.h"

static void test_covers(void **state)
{
	static const struct {
		const char *rule, *name;
		bool exact, suffix, below;
	} rows[] = {
	    {"example.com", "example.com", true, true, false},
	    {"example.com", "www.example.com", false, true, true},
	    {"example.com", "a.b.c.example.com", false, true, true},
	    {"example.com", "com", false, false, false},
	    {"example.com", "badexample.com", false, false, false},
	    {"example.com", "example.com.org", false, false, false},
	    {"example.com", "xexample.com", false, false, false},
	    {"example.com", "a.exbmple.com", false, false, false},
	    {"com", "com", true, true, false},
	    {"com", "example.com", false, true, true},
	    {"a.com", ".", false, false, false},
	    {"longer.com", "x.s.com", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct listed rule = rule_of(rows[i].rule, RULE_EXACT, 0);
		struct listed name = rule_of(rows[i].name, RULE_EXACT, 0);

		assert_int_equal(rule_covers(RULE_EXACT, rule.name, name.name), rows[i].exact);
		assert_int_equal(rule_covers(RULE_SUFFIX, rule.name, name.name), rows[i].suffix);
		assert_int_equal(rule_covers(RULE_BELOW, rule.name, name.name), rows[i].below);
	}
}

static void test_own_names(void **state)
{
	static const char *const own[] = {"localhost", "localhost.localdomain", "local",
	    "broadcasthost", "ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix",
	    "ip6-allnodes", "ip6-allrouters", "ip6-allhosts", "localhost4",
	    "localhost6.localdomain6"};
	static const char *const others[] = {"localhost.com", "a.localhost", "x.local", "loca",
	    "ip6-a.com", "ip6", "localdomain", "localhosts", "."};

	(void)state;
	for (size_t i = 0; i < COUNT(own); i++)
		assert_true(rule_is_own_name(rule_of(own[i], RULE_EXACT, 0).name));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(rule_is_own_name(rule_of(others[i], RULE_EXACT, 0).name));
}

static void test_kind_texts(void **state)
{
	(void)state;
	assert_string_equal(rule_kind_text(RULE_EXACT), "exact");
	assert_string_equal(rule_kind_text(RULE_SUFFIX), "suffix");
	assert_string_equal(rule_kind_text(RULE_BELOW), "below");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_covers),
	    cmocka_unit_test(test_own_names),
	    cmocka_unit_test(test_kind_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
