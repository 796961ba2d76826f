/* test_zones.c - the nearest zone above a name, compared with a search over all of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns/name.h"
#include "resolver/core/zones.h"

static void add(struct zones *z, const char *text, uint8_t value)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	assert_int_equal(zones_add(z, name, value), 0);
}

static int find(const struct zones *z, const char *text)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	return zones_find(z, name, len);
}

static void the_longest_zone_counts(void **state)
{
	static struct zones z;

	(void)state;
	assert_int_equal(find(&z, "a.lan"), -1);
	add(&z, "lan", 1);
	add(&z, "b.a.lan", 3);
	add(&z, "a.lan", 2);
	add(&z, "168.192.in-addr.arpa", 4);
	add(&z, "lan", 9); /* it has its own already */
	assert_int_equal(find(&z, "lan"), 1);
	assert_int_equal(find(&z, "x.lan"), 1);
	assert_int_equal(find(&z, "a.lan"), 2);
	assert_int_equal(find(&z, "xa.lan"), 1);
	assert_int_equal(find(&z, "c.a.lan"), 2);
	assert_int_equal(find(&z, "b.a.lan"), 3);
	assert_int_equal(find(&z, "c.b.a.lan"), 3);
	assert_int_equal(find(&z, "1.1.168.192.in-addr.arpa"), 4);
	assert_int_equal(find(&z, "1.1.169.192.in-addr.arpa"), -1);
	assert_int_equal(find(&z, "elan"), -1);
	assert_int_equal(find(&z, "x.plan"), -1);
	assert_int_equal(find(&z, "."), -1);
}

static void short_zones_are_found(void **state)
{
	static struct zones z;

	(void)state;
	add(&z, "x", 1);
	add(&z, "de", 2);
	assert_int_equal(find(&z, "x"), 1);
	assert_int_equal(find(&z, "a.x"), 1);
	assert_int_equal(find(&z, "www.example.x"), 1);
	assert_int_equal(find(&z, "de"), 2);
	assert_int_equal(find(&z, "www.example.de"), 2);
	assert_int_equal(find(&z, "ee"), -1);
	assert_int_equal(find(&z, "www.example.com"), -1);
}

/* The filter hides nothing that a search without it finds. */
static void the_filter_agrees(void **state)
{
	static const char *const labels[] = {"a", "bb", "lan", "home", "example", "com"};
	static struct zones z;
	unsigned n_found = 0;

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t name[NAME_SIZE];
		char text[64] = "";
		size_t len;
		int slowly;

		for (int k = rand() % 4; k >= 0; k--) {
			(void)strcat(text, labels[rand() % 6]);
			(void)strcat(text, ".");
		}
		assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
		if (i < 20) {
			assert_int_equal(zones_add(&z, name, (uint8_t)i), 0);
			continue;
		}
		slowly = zones_find_slowly(&z, name, len);
		n_found += slowly >= 0;
		assert_int_equal(zones_find(&z, name, len), slowly);
	}
	assert_true(n_found > 100);
}

static void it_is_bounded(void **state)
{
	static struct zones z;
	uint8_t name[NAME_SIZE] = "\3aaa\3lan";
	unsigned n = 0;

	(void)state;
	for (; n < 1000; n++) {
		name[1] = (uint8_t)('a' + n / 100);
		name[2] = (uint8_t)('a' + n / 10 % 10);
		name[3] = (uint8_t)('a' + n % 10);
		if (zones_add(&z, name, 7) != 0)
			break;
	}
	assert_int_equal(n, ZONES_MAX);
	assert_int_equal(find(&z, "x.abc.lan"), 7);
	assert_int_equal(find(&z, "x.zzz.lan"), -1);
	/* By their bytes, too. */
	memset(&z, 0, sizeof(z));
	for (n = 0; n < 1000; n++) {
		uint8_t long_name[NAME_SIZE];

		memset(long_name, 'a', sizeof(long_name));
		long_name[0] = long_name[64] = long_name[128] = 63;
		long_name[192] = 0;
		long_name[1] = (uint8_t)('a' + n % 26);
		long_name[2] = (uint8_t)('a' + n / 26);
		if (zones_add(&z, long_name, 1) != 0)
			break;
	}
	assert_int_equal(n, ZONES_SIZE / 193);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_longest_zone_counts),
	    cmocka_unit_test(short_zones_are_found),
	    cmocka_unit_test(the_filter_agrees),
	    cmocka_unit_test(it_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
