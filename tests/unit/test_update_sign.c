/* test_update_sign.c - digests, and signatures that minisign itself has made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/update_sign.h"

/* The key and both signatures are those that the libraries of minisign are tested with; the text is
 * "test". */
#define KEY	"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
#define UNTRUST "untrusted comment: signature from minisign secret key\n"
#define LEGACY                                                                                     \
	"RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351v" \
	"wIasSSbXxwA=\n"
#define LEGACY_COMMENT "trusted comment: timestamp:1555779966\tfile:test\n"
#define LEGACY_GLOBAL                                                                              \
	"QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/"            \
	"SfNQUaOAA==\n"
#define HASHED                                                                                     \
	"RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOo" \
	"crCo8KLzZwo=\n"
#define HASHED_COMMENT "trusted comment: timestamp:1633700835\tfile:test\tprehashed\n"
#define HASHED_GLOBAL                                                                              \
	"wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==" \
	"\n"

static int check(const char *key, const char *signature, const char *text, struct why *why)
{
	return update_sign_minisign(key, signature, strlen(signature), text, strlen(text), why);
}

static void test_good(void **state)
{
	static const char *const good[] = {
	    UNTRUST LEGACY LEGACY_COMMENT LEGACY_GLOBAL,
	    UNTRUST HASHED HASHED_COMMENT HASHED_GLOBAL,
	    "untrusted comment: \n" HASHED HASHED_COMMENT HASHED_GLOBAL "\n",
	    "untrusted comment: x\r\n" HASHED HASHED_COMMENT HASHED_GLOBAL,
	};
	struct why why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(check(KEY, good[i], "test", &why), 0);
}

static void refused(
    const char *key, const char *signature, const char *text, int err, const char *reason)
{
	struct why why = {""};

	assert_int_equal(check(key, signature, text, &why), err);
	if (strstr(why.text, reason) == NULL)
		fail_msg("'%s' is not in '%s'", reason, why.text);
}

static void test_wrong(void **state)
{
	(void)state;
	refused(KEY, UNTRUST LEGACY LEGACY_COMMENT LEGACY_GLOBAL, "tesT", ERR_DENIED, "not belong");
	refused(
	    KEY, UNTRUST HASHED HASHED_COMMENT HASHED_GLOBAL, "test\n", ERR_DENIED, "not belong");
	refused(KEY, UNTRUST HASHED HASHED_COMMENT HASHED_GLOBAL, "", ERR_DENIED, "not belong");
	refused(KEY, UNTRUST LEGACY HASHED_COMMENT LEGACY_GLOBAL, "test", ERR_DENIED, "comment");
	refused(KEY, UNTRUST HASHED HASHED_COMMENT LEGACY_GLOBAL, "test", ERR_DENIED, "comment");
	refused("RWQBphd2+f6eiAqBsvDZEBXBGHQBJfeG6G+wJPPKxCZMoEQYpmoysKUN",
	    UNTRUST HASHED HASHED_COMMENT HASHED_GLOBAL, "test", ERR_DENIED, "another key");
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
	    "",
	    "\n\n\n\n",
	    UNTRUST HASHED HASHED_COMMENT,
	    UNTRUST HASHED_COMMENT HASHED HASHED_GLOBAL,
	    HASHED HASHED_COMMENT HASHED_GLOBAL "\n",
	    UNTRUST "RUQf\n" HASHED_COMMENT HASHED_GLOBAL,
	    UNTRUST HASHED_GLOBAL HASHED_COMMENT HASHED_GLOBAL,
	    UNTRUST HASHED HASHED_COMMENT "!\n",
	    UNTRUST HASHED HASHED_COMMENT HASHED,
	    "<!DOCTYPE html>\n<html>\n<body>\n</body>\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(KEY, bad[i], "test", ERR_FORMAT, "signature");
	refused("RWQf6LRC", UNTRUST HASHED HASHED_COMMENT HASHED_GLOBAL, "test", ERR_FORMAT,
	    "public key");
	refused("AWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
	    UNTRUST HASHED HASHED_COMMENT HASHED_GLOBAL, "test", ERR_FORMAT, "public key");
}

/* Each byte of the file that is not in the first line counts. */
static void test_each_byte(void **state)
{
	static const char good[] = UNTRUST HASHED HASHED_COMMENT HASHED_GLOBAL;
	char signature[sizeof(good)];
	struct why why;

	(void)state;
	for (size_t i = strlen(UNTRUST); i < sizeof(good) - 2; i++) {
		memcpy(signature, good, sizeof(good));
		signature[i] = signature[i] == 'A' ? 'B' : 'A';
		/* The last digit before the padding has bits that mean nothing. */
		if (good[i + 1] == '=')
			continue;
		assert_int_not_equal(check(KEY, signature, "test", &why), 0);
	}
}

static void test_sha256(void **state)
{
	/* FIPS 180-2, B.1 */
	static const char abc[] =
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015AD";
	struct why why;

	(void)state;
	assert_int_equal(update_sign_sha256(abc, "abc", 3, &why), 0);
	assert_int_equal(update_sign_sha256(abc, "abd", 3, &why), ERR_DENIED);
	assert_non_null(strstr(why.text, abc));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_each_byte),
	    cmocka_unit_test(test_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
