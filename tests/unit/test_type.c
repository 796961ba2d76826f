/* test_type.c - names of query types, with ldns as the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/dns/type.h"

static void test_every_number(void **state)
{
	/* All that have a name of their own, and of the others less where each instruction costs many. */
	const unsigned step = getenv("QUELL_WRAPPER") != NULL ? 41 : 1;

	(void)state;
	for (unsigned i = 0; i <= UINT16_MAX; i += i < 512 ? 1 : step) {
		char text[TYPE_TEXT_SIZE];
		uint16_t type;

		assert_ptr_equal(type_to_text((uint16_t)i, text), text);
		assert_true(type_from_text(text, &type));
		assert_int_equal(type, i);
		assert_int_equal(ldns_get_rr_type_by_name(text), i);
		(void)snprintf(text, sizeof(text), "type%u", i);
		assert_true(type_from_text(text, &type));
		assert_int_equal(type, i);
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *text;
		uint16_t type;
	} rows[] = {{"A", 1}, {"a", 1}, {"AAAA", 28}, {"https", 65}, {"Any", 255}, {"CAA", 257}};
	static const char *const none[] = {
	    "", "B", "A ", " A", "AA", "28", "TYPE", "TYPE-1", "TYPE65536", "TYPE 1", "TYPE000001"};
	uint16_t type;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(type_from_text(rows[i].text, &type));
		assert_int_equal(type, rows[i].type);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(type_from_text(none[i], &type));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_number),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("type", tests, NULL, NULL);
}
