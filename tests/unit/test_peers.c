/* test_peers.c - who counts as one client, and the order of its connections. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "resolver/io/peers.h"
#include "tests/unit/loopback.h"

#define LINKS 300

static struct peers *peers;

static int setup(void **state)
{
	const struct hash_key key = {3, 4};

	(void)state;
	peers = peers_new(16, &key);
	return peers == NULL;
}

static int teardown(void **state)
{
	(void)state;
	peers_free(peers);
	return 0;
}

static bool is_one_client(const char *a_text, const char *b_text)
{
	/* The port is no part of it. */
	const union addr a = loopback_addr(a_text, 1024), b = loopback_addr(b_text, 1025);
	struct peer_link first = {.peer = NULL}, second = {.peer = NULL};
	bool one;

	assert_int_equal(peers_join(peers, &first, &a), 0);
	assert_int_equal(peers_join(peers, &second, &b), 0);
	one = first.peer == second.peer;
	assert_int_equal(peers_count(first.peer), one ? 2 : 1);
	peers_leave(peers, &first);
	peers_leave(peers, &second);
	assert_null(peers_find(peers, &a));
	assert_null(peers_find(peers, &b));
	return one;
}

static void test_who_is_one_client(void **state)
{
	(void)state;
	assert_true(is_one_client("192.0.2.1", "192.0.2.1"));
	assert_false(is_one_client("192.0.2.1", "192.0.2.2"));
	assert_true(is_one_client("192.0.2.1", "::ffff:192.0.2.1"));
	assert_true(is_one_client("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"));
	assert_false(is_one_client("2001:db8::1", "2001:db8:0:1::1"));
	/* All of the link have the same first half. */
	assert_false(is_one_client("fe80::1", "fe80::2"));
	assert_true(is_one_client("fe80::1", "fe80::1"));
}

static void test_loopback_is_not_counted(void **state)
{
	static const char *const texts[] = {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const union addr a = loopback_addr(texts[i], 1024);
		struct peer_link link = {.peer = NULL};

		assert_int_equal(peers_join(peers, &link, &a), 0);
		assert_null(link.peer);
		assert_null(peers_find(peers, &a));
		peers_touch(&link);
		peers_leave(peers, &link);
	}
}

static void test_order(void **state)
{
	const union addr a = loopback_addr("192.0.2.1", 1024);
	struct peer_link links[3] = {0};
	const struct peer *peer;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(peers_join(peers, &links[i], &a), 0);
	peer = peers_find(peers, &a);
	peers_touch(&links[0]);
	peers_touch(&links[0]);
	assert_ptr_equal(peers_first(peer), &links[1]);
	assert_ptr_equal(peers_next(&links[1]), &links[2]);
	assert_ptr_equal(peers_next(&links[2]), &links[0]);
	assert_null(peers_next(&links[0]));
	peers_leave(peers, &links[1]);
	peers_leave(peers, &links[1]);
	assert_int_equal(peers_count(peer), 2);
	assert_ptr_equal(peers_first(peer), &links[2]);
	peers_leave(peers, &links[2]);
	peers_leave(peers, &links[0]);
	assert_null(peers_find(peers, &a));
}

/* More than it was made for. */
static void test_many(void **state)
{
	static struct peer_link links[LINKS];
	union addr a = loopback_addr("192.0.2.0", 1024);

	(void)state;
	for (uint32_t i = 0; i < LINKS; i++) {
		a.in4.sin_addr.s_addr = htonl(0xc0000200 + i / 3);
		assert_int_equal(peers_join(peers, &links[i], &a), 0);
		assert_int_equal(peers_count(links[i].peer), i % 3 + 1);
	}
	for (uint32_t i = 0; i < LINKS; i++) {
		a.in4.sin_addr.s_addr = htonl(0xc0000200 + i / 3);
		assert_ptr_equal(peers_find(peers, &a), links[i].peer);
	}
	for (unsigned i = 0; i < LINKS; i++)
		peers_leave(peers, &links[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_who_is_one_client, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_loopback_is_not_counted, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
