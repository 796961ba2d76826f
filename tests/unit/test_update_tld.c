/* test_update_tld.c - names under which others register theirs, and the names beside them. */
#include "tests/unit/lists.h"
#include "tools/update_tld.h"

static bool is_tld(const char *text)
{
	uint8_t *exact, name[NAME_SIZE];
	size_t len;
	bool is;

	/* In a block of its size, so that reading behind it is seen. */
	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	exact = malloc(len);
	assert_non_null(exact);
	memcpy(exact, name, len);
	is = update_tld_is(exact);
	free(exact);
	return is;
}

static void check(const char *const *texts, size_t n, bool expected)
{
	for (size_t i = 0; i < n; i++) {
		if (is_tld(texts[i]) != expected)
			fail_msg("%s", texts[i]);
	}
}

/* Whatever it is: new ones come each month. */
static void test_one_label(void **state)
{
	static const char *const yes[] = {"com", "uk", "arpa", "xn--p1ai", "no-such-tld", "x"};

	(void)state;
	check(yes, COUNT(yes), true);
}

static void test_two_labels(void **state)
{
	static const char *const yes[] = {"co.uk", "org.uk", "com.au", "com.br", "co.jp", "co.in",
	    "co.nz", "co.za", "com.cn", "com.tr", "or.at", "in-addr.arpa", "ip6.arpa", "ac.ae",
	    "web.za"};
	static const char *const no[] = {"google.com", "example.uk", "co.example", "co.com",
	    "com.com", "uk.co", "arpa.in-addr", "com.uk", "co.au"};

	(void)state;
	check(yes, COUNT(yes), true);
	check(no, COUNT(no), false);
}

/* A part of a registry's name, a name that it is a part of, and all below it are no registries. */
static void test_neighbours(void **state)
{
	static const char *const no[] = {"c.uk", "o.uk", "coo.uk", "co-gov.uk", "plc.polic.uk",
	    "in.arpa", "addr.arpa", "co.u", "co.ukk", "example.co.uk", "www.example.co.uk",
	    "uk.co.uk", "co.uk.com", "1.in-addr.arpa"};

	(void)state;
	check(no, COUNT(no), false);
}

/* They are kept with blanks between them, which is no reason to find one with a blank in it. */
static void test_blanks(void **state)
{
	(void)state;
	assert_false(update_tld_is((const uint8_t *)"\5co go\2id"));
	assert_false(update_tld_is((const uint8_t *)"\3co \2uk"));
	assert_false(update_tld_is((const uint8_t *)"\1 \2uk"));
}

/* A rule on all names is another mistake. */
static void test_root(void **state)
{
	(void)state;
	assert_false(is_tld("."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_label),
	    cmocka_unit_test(test_two_labels),
	    cmocka_unit_test(test_neighbours),
	    cmocka_unit_test(test_blanks),
	    cmocka_unit_test(test_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
