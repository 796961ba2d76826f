/* test_jar.c - cookies for upstreams: sent, checked, kept, and left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/core/jar.h"

static struct rng rng;
static struct jar jar;
static uint8_t msg[64];

static int set_up(void **state)
{
	(void)state;
	rng_init(&rng);
	memset(&jar, 0, sizeof(jar));
	memset(msg, 0x55, sizeof(msg));
	return 0;
}

/* A reply with our client cookie and `len` bytes of server cookie. */
static struct msg_edns with_cookie(uint16_t len)
{
	memcpy(msg + 20, jar.cookie, MSG_COOKIE_CLIENT);
	return (struct msg_edns){
	    .present = true,
	    .cookie = true,
	    .cookie_off = 20,
	    .cookie_len = (uint16_t)(MSG_COOKIE_CLIENT + len),
	};
}

static const struct msg_edns without = {.present = true};

static void client_cookie_first(void **state)
{
	struct jar other = {0};

	(void)state;
	assert_int_equal(jar_get(&jar, &rng, false, 0), MSG_COOKIE_CLIENT);
	assert_int_equal(jar_get(&other, &rng, false, 0), MSG_COOKIE_CLIENT);
	assert_memory_not_equal(jar.cookie, other.cookie, MSG_COOKIE_CLIENT);
	memcpy(msg, jar.cookie, MSG_COOKIE_CLIENT);
	assert_int_equal(jar_get(&jar, &rng, false, 1000), MSG_COOKIE_CLIENT);
	assert_memory_equal(jar.cookie, msg, MSG_COOKIE_CLIENT);
}

static void every_length_is_kept(void **state)
{
	(void)state;
	for (uint16_t len = MSG_COOKIE_SERVER_MIN; len <= MSG_COOKIE_SERVER_MAX; len++) {
		struct msg_edns edns;
		uint8_t sent = jar_get(&jar, &rng, false, 0);

		edns = with_cookie(len);
		memset(msg + 20 + MSG_COOKIE_CLIENT, len, len);
		assert_false(jar_is_forged(&jar, sent, msg, &edns));
		jar_put(&jar, msg, &edns, 0);
		assert_true(jar_is_proven(&jar));
		assert_int_equal(jar_get(&jar, &rng, true, 0), MSG_COOKIE_CLIENT + len);
		assert_memory_equal(jar.cookie, msg + 20, MSG_COOKIE_CLIENT + len);
	}
}

/* RFC 7873, 5.3 */
static void wrong_or_missing(void **state)
{
	uint8_t sent = jar_get(&jar, &rng, false, 0);
	struct msg_edns edns = with_cookie(16);

	(void)state;
	assert_false(jar_is_forged(&jar, sent, msg, &without));
	for (unsigned i = 0; i < MSG_COOKIE_CLIENT; i++) {
		msg[20 + i] ^= 1;
		assert_true(jar_is_forged(&jar, sent, msg, &edns));
		/* Nothing was asked with a cookie. */
		assert_false(jar_is_forged(&jar, 0, msg, &edns));
		msg[20 + i] ^= 1;
	}
	edns.cookie_bad = true;
	assert_true(jar_is_forged(&jar, sent, msg, &edns));
	edns.cookie_bad = false;
	jar_put(&jar, msg, &edns, 0);
	assert_true(jar_is_forged(&jar, sent, msg, &without));
	assert_false(jar_is_forged(&jar, sent, msg, &edns));
}

static void none_for_those_without(void **state)
{
	struct msg_edns edns;

	(void)state;
	assert_int_equal(jar_get(&jar, &rng, true, 5), 0);
	assert_int_equal(jar_get(&jar, &rng, false, 5), MSG_COOKIE_CLIENT);
	jar_put(&jar, msg, &without, 5);
	assert_int_equal(jar_get(&jar, &rng, false, 5 + JAR_OFF_MS - 1), 0);
	assert_int_equal(jar_get(&jar, &rng, false, 5 + JAR_OFF_MS), MSG_COOKIE_CLIENT);
	/* One that had them and has lost them begins anew. */
	edns = with_cookie(8);
	jar_put(&jar, msg, &edns, 10);
	jar_put(&jar, msg, &without, 10);
	assert_false(jar_is_proven(&jar));
	/* A client cookie that comes back alone brings nothing. */
	edns = with_cookie(0);
	assert_false(jar_is_forged(&jar, MSG_COOKIE_CLIENT, msg, &edns));
	jar_put(&jar, msg, &edns, 10);
	assert_false(jar_is_proven(&jar));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(client_cookie_first, set_up),
	    cmocka_unit_test_setup(every_length_is_kept, set_up),
	    cmocka_unit_test_setup(wrong_or_missing, set_up),
	    cmocka_unit_test_setup(none_for_those_without, set_up),
	};

	return cmocka_run_group_tests_name("jar", tests, NULL, NULL);
}
