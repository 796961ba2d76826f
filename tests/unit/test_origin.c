/* test_origin.c - of which lists an image is: written, and found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/origin.h"

static struct origin origin, found;

static void name_them(struct origin *o, const char *a, const char *b)
{
	o->n = 0;
	origin_add(o, a);
	if (b != NULL)
		origin_add(o, b);
}

static char *write_text(uint64_t sum, const char *before, size_t *len)
{
	char *text;

	assert_int_equal(
	    origin_write(&origin, sum, before, before != NULL ? strlen(before) : 0, &text, len), 0);
	assert_int_equal(strlen(text), *len);
	return text;
}

static void test_there_and_back(void **state)
{
	static const char expected[] = "image 00000000000000ff\nlist ads\nlist my list.txt\n";
	size_t len;
	char *text;

	(void)state;
	name_them(&origin, "ads", "my list.txt");
	text = write_text(255, NULL, &len);
	assert_string_equal(text, expected);
	origin_find(text, len, 255, &found);
	assert_true(origin_same(&origin, &found));
	origin_find(text, len, 256, &found);
	assert_int_equal(found.n, 0);
	origin_find(NULL, 0, 255, &found);
	assert_int_equal(found.n, 0);
	name_them(&found, "my list.txt", "ads");
	assert_false(origin_same(&origin, &found));
	name_them(&found, "ads", NULL);
	assert_false(origin_same(&origin, &found));
	free(text);
}

/* The latest first, each image once, and no more than are kept. */
static void test_several(void **state)
{
	size_t len;
	char *text = NULL, *next;

	(void)state;
	for (unsigned i = 0; i < ORIGIN_IMAGES + 2; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "list%u", i);
		name_them(&origin, name, NULL);
		next = write_text(i, text, &len);
		free(text);
		text = next;
	}
	assert_string_equal(text, "image 0000000000000004\nlist list4\n"
				  "image 0000000000000003\nlist list3\n"
				  "image 0000000000000002\nlist list2\n");
	name_them(&origin, "renamed", NULL);
	next = write_text(3, text, &len);
	assert_string_equal(next, "image 0000000000000003\nlist renamed\n"
				  "image 0000000000000004\nlist list4\n"
				  "image 0000000000000002\nlist list2\n");
	free(text);
	free(next);
}

/* Any name is one list, and any text is read. */
static void test_odd(void **state)
{
	static const char *const names[] = {"", " ", " a ", "a\nimage 0000000000000001", "\x1b[0m",
	    "0123456789012345678901234567890123456789012345678901234567890123456789"};
	static const char junk[] = "list lost\nimage 1\nlist lost\nimage 000000000000000x\n"
				   "IMAGE 0000000000000005\nimage 0000000000000005\r\nlist\n"
				   "what\nlist  a b \r\nlist c\nimage 0000000000000005\nlist d";
	size_t len;
	char *text;

	(void)state;
	origin.n = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		origin_add(&origin, names[i]);
	assert_string_equal(origin.name[4], "?[0m");
	text = write_text(7, NULL, &len);
	origin_find(text, len, 7, &found);
	assert_int_equal(found.n, sizeof(names) / sizeof(names[0]));
	assert_true(origin_same(&origin, &found));
	free(text);
	origin_find(junk, strlen(junk), 5, &found);
	assert_int_equal(found.n, 2);
	assert_string_equal(found.name[1], "c");
	origin.n = 0;
	for (unsigned i = 0; i < CONF_LISTS_MAX + 1; i++)
		origin_add(&origin, "x");
	assert_int_equal(origin.n, CONF_LISTS_MAX);
}

static void test_sum(void **state)
{
	uint8_t header[104] = "\177quell\r\n";
	uint64_t sum;

	(void)state;
	header[24] = 0x34; /* where blocklists/format.h has the checksum */
	header[31] = 0x12;
	assert_true(origin_sum(header, sizeof(header), &sum));
	assert_true(sum == 0x1200000000000034);
	assert_false(origin_sum(header, sizeof(header) - 1, &sum));
	header[1] = 'Q';
	assert_false(origin_sum(header, sizeof(header), &sum));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_several),
	    cmocka_unit_test(test_odd),
	    cmocka_unit_test(test_sum),
	};

	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
