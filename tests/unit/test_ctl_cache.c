/* test_ctl_cache.c - messages of the cache as text: which records, and that nothing in them steers a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_cache.h"

/* A header with these counts of records, and the question a.example, TXT. */
#define HEAD(rcode, n_answers, n_authority)                                                        \
	"0000818" rcode "00010" n_answers "0" n_authority "0000"                                   \
	"0161076578616d706c650000100001"

static char *shown(const char *lines)
{
	char *copy = strdup(lines), *text;

	assert_non_null(copy);
	text = ctl_cache(copy);
	assert_non_null(text);
	return text;
}

static void assert_shown(const char *lines, const char *text)
{
	char *got = shown(lines);

	assert_string_equal(got, text);
	free(got);
}

static void test_others_stay(void **state)
{
	(void)state;
	assert_shown(
	    "name a.example\nverdict not listed\n", "name a.example\nverdict not listed\n");
	assert_shown("", "");
	assert_shown("class 1\nclass 4\nclass 65280\nfailure 2\nfailure 5\n",
	    "class IN\nclass HS\nclass CLASS65280\nfailure SERVFAIL\nfailure REFUSED\n");
}

static void test_records(void **state)
{
	(void)state;
	assert_shown(
	    "age_s 5\nmessage " HEAD("0", "001", "000") "c00c00100001000000fa00060561206222"
							"5c\nnote x\n",
	    "age_s 5\nrcode NOERROR\nrecord a.example. 250 IN TXT \"a b\\\"\\\\\"\nnote x\n");
	/* A type without a name (RFC 3597, 5); what says why there is none. */
	assert_shown("message " HEAD("3", "000", "001") "c00effff00010000000000020001\n",
	    "rcode NXDOMAIN\nrecord example. 0 IN TYPE65535 \\# 2 0001\n");
}

/* Escape sequences in a name and in a text. */
static void test_hostile(void **state)
{
	char *text = shown("message " HEAD("0", "001", "000") "051b5b324a0a076578616d706c6500"
							      "001000010000000000060"
							      "51b5b324a0a\n");

	(void)state;
	assert_non_null(strstr(text, "record \\027[2J\\010.example. 0 IN TXT \"\\027[2J\\010\"\n"));
	for (const char *c = text; *c != '\0'; c++)
		assert_true((*c >= ' ' && *c < 0x7f) || *c == '\n');
	free(text);
}

/* What is no message is said to be none. */
static void test_unreadable(void **state)
{
	(void)state;
	assert_shown("message \n", "unreadable true\n");
	assert_shown("message 0\n", "unreadable true\n");
	assert_shown("message zz\n", "unreadable true\n");
	assert_shown("message " HEAD("0", "001", "000") "c00c001000010000\n", "unreadable true\n");
	assert_shown("message " HEAD("0", "001", "000") "c00c001000010000000000ff00\nnote x\n",
	    "unreadable true\nnote x\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_others_stay),
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests_name("ctl_cache", tests, NULL, NULL);
}
