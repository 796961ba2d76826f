/* test_block_answer.c - the words of a block answer, there and back. */
#include "lib/block_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* `text`, words with a blank between them, into *a. */
static int read_words(struct block_answer *a, const char *text, struct why *why)
{
	char *copy = strdup(text), *at = copy, *word;
	int err = 0;

	assert_non_null(copy);
	*a = (struct block_answer){0};
	for (unsigned i = 0; err == 0 && (word = strsep(&at, " ")) != NULL; i++)
		err = block_answer_add(a, i, word, why);
	free(copy);
	return err;
}

static void words_come_back(void **state)
{
	static const struct {
		const char *text;
		enum block_mode mode;
		const char *back; /* NULL: the same */
	} rows[] = {
	    {"servfail", BLOCK_SERVFAIL, NULL},
	    {"nxdomain", BLOCK_NXDOMAIN, NULL},
	    {"nodata", BLOCK_NODATA, NULL},
	    {"refused", BLOCK_REFUSED, NULL},
	    {"null", BLOCK_NULL, NULL},
	    {"192.0.2.1", BLOCK_ADDRESS, NULL},
	    {"2001:DB8:0::1", BLOCK_ADDRESS, "2001:db8::1"},
	    {"2001:db8::1 192.0.2.1", BLOCK_ADDRESS, "192.0.2.1 2001:db8::1"},
	    {"192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2", BLOCK_ADDRESS, NULL},
	    {"2001:db8:1111:2222:3333:4444:5555:6666 2001:db8:1111:2222:3333:4444:5555:7777 "
	     "255.255.255.254 255.255.255.255",
		BLOCK_ADDRESS,
		"255.255.255.254 255.255.255.255 2001:db8:1111:2222:3333:4444:5555:6666 "
		"2001:db8:1111:2222:3333:4444:5555:7777"},
	};
	char text[BLOCK_TEXT_SIZE];
	struct block_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(read_words(&a, rows[i].text, NULL), 0);
		assert_int_equal(a.mode, rows[i].mode);
		assert_true(block_answer_valid(&a));
		assert_string_equal(block_answer_text(&a, text),
		    rows[i].back != NULL ? rows[i].back : rows[i].text);
	}
	a = (struct block_answer){0};
	assert_string_equal(block_answer_text(&a, text), "");
	assert_true(block_answer_valid(&a));
}

static void addresses_are_in_network_order(void **state)
{
	static const uint8_t in4[] = {192, 0, 2, 80}, in6[] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x80};
	struct block_answer a;

	(void)state;
	assert_int_equal(read_words(&a, "2001:db8::80 192.0.2.80", NULL), 0);
	assert_int_equal(a.n_in4, 1);
	assert_int_equal(a.n_in6, 1);
	assert_memory_equal(a.in4[0], in4, sizeof(in4));
	assert_memory_equal(a.in6[0], in6, sizeof(in6));
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *text, *told;
	} rows[] = {
	    {"drop", "it is servfail, nxdomain, nodata, refused, null or addresses"},
	    {"", "''"},
	    {"SERVFAIL", "'SERVFAIL'"},
	    {"192.0.2.1:53", "without ports"},
	    {"192.0.2", "'192.0.2'"},
	    {"null nxdomain", "'nxdomain' can only stand alone"},
	    {"192.0.2.1 null", "'null' can only stand alone"},
	    {"null 192.0.2.1", "'null' can only stand alone"},
	    {"192.0.2.1 192.0.2.1", "twice"},
	    {"2001:db8::1 2001:db8:0::1", "twice"},
	    {"192.0.2.1 192.0.2.2 192.0.2.3", "at most 2"},
	    {"::1 ::2 ::3", "at most 2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct block_answer a;
		struct why why = {""};

		assert_int_equal(read_words(&a, rows[i].text, &why), ERR_FORMAT);
		assert_non_null(strstr(why.text, rows[i].told));
		assert_true(block_answer_valid(&a));
	}
}

static void a_first_word_begins_anew(void **state)
{
	char text[BLOCK_TEXT_SIZE];
	struct block_answer a;

	(void)state;
	assert_int_equal(read_words(&a, "192.0.2.1 2001:db8::1", NULL), 0);
	assert_int_equal(block_answer_add(&a, 0, "192.0.2.2", NULL), 0);
	assert_string_equal(block_answer_text(&a, text), "192.0.2.2");
	assert_int_equal(block_answer_add(&a, 0, "nodata", NULL), 0);
	assert_string_equal(block_answer_text(&a, text), "nodata");
}

static void bytes_from_elsewhere(void **state)
{
	static const struct block_answer bad[] = {
	    {.mode = BLOCK_MODES},
	    {.mode = 255},
	    {.mode = BLOCK_ADDRESS},
	    {.mode = BLOCK_ADDRESS, .n_in4 = BLOCK_ADDRESSES_MAX + 1},
	    {.mode = BLOCK_ADDRESS, .n_in4 = 1, .n_in6 = 255},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(block_answer_valid(&bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_come_back),
	    cmocka_unit_test(addresses_are_in_network_order),
	    cmocka_unit_test(mistakes_are_told),
	    cmocka_unit_test(a_first_word_begins_anew),
	    cmocka_unit_test(bytes_from_elsewhere),
	};

	return cmocka_run_group_tests_name("block_answer", tests, NULL, NULL);
}
