/* test_client.c - which clients are answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver/core/client.h"

static bool allowed(const struct options *options, const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(&a, text, 53, NULL), 0);
	return client_allowed(options, &a);
}

static void loopback_is_always_answered(void **state)
{
	const struct options none = {0};

	(void)state;
	assert_true(allowed(&none, "127.0.0.1"));
	assert_true(allowed(&none, "127.9.9.9"));
	assert_true(allowed(&none, "[::1]"));
	assert_false(allowed(&none, "192.168.1.1"));
	assert_false(allowed(&none, "[fd00::1]"));
	assert_false(allowed(&none, "128.0.0.1"));
}

static void networks_are_answered_to_their_edges(void **state)
{
	struct options options = {.n_allow = 2};

	(void)state;
	assert_int_equal(net_parse(&options.allow[0], "172.16.0.0/12", NULL), 0);
	assert_int_equal(net_parse(&options.allow[1], "2001:db8:1::/48", NULL), 0);
	assert_true(allowed(&options, "172.16.0.0"));
	assert_true(allowed(&options, "172.31.255.255"));
	assert_false(allowed(&options, "172.32.0.0"));
	assert_false(allowed(&options, "172.15.255.255"));
	assert_true(allowed(&options, "[2001:db8:1:ffff::1]"));
	assert_false(allowed(&options, "[2001:db8:2::1]"));
	assert_true(allowed(&options, "[::ffff:172.16.0.1]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(loopback_is_always_answered),
	    cmocka_unit_test(networks_are_answered_to_their_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
