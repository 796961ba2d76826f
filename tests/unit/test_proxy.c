/* test_proxy.c - what says where a proxy is, and who asks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/proxy.h"

static void test_reads_and_writes(void **state)
{
	static const char *const texts[] = {
	    "socks5://127.0.0.1:9050",
	    "socks5://[::1]:9050",
	    "socks5://me:secret@192.0.2.7:1080",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char text[PROXY_TEXT_SIZE];
		struct proxy proxy;
		struct why why;

		assert_int_equal(proxy_parse(&proxy, texts[i], &why), 0);
		assert_string_equal(proxy_format(&proxy, text), texts[i]);
	}
}

/* RFC 1929, 2: a word has up to 255 bytes; here PROXY_WORD_SIZE - 1, and as many can be written out again. */
static void test_words(void **state)
{
	char word[PROXY_WORD_SIZE + 1], in[2 * sizeof(word) + 64], text[PROXY_TEXT_SIZE];
	struct proxy proxy;
	struct why why;

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		memset(word, 'w', sizeof(word));
		word[PROXY_WORD_SIZE - 1 + more] = '\0';
		(void)snprintf(in, sizeof(in), "socks5://%s:%s@192.0.2.7:1080", word, word);
		assert_int_equal(proxy_parse(&proxy, in, &why), more == 0 ? 0 : ERR_FORMAT);
		if (more == 0)
			assert_string_equal(proxy_format(&proxy, text), in);
		(void)snprintf(in, sizeof(in), "socks5://me:%s@192.0.2.7:1080", word);
		assert_int_equal(proxy_parse(&proxy, in, &why), more == 0 ? 0 : ERR_FORMAT);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *in, *hint;
	} cases[] = {
	    {"", "is not a proxy"},
	    {"127.0.0.1:9050", "is not a proxy"},
	    {"socks4://127.0.0.1:9050", "is not a proxy"},
	    {"http://127.0.0.1:9050", "is not a proxy"},
	    {"socks5://me@127.0.0.1:9050", "is not a proxy"},
	    {"socks5://:secret@127.0.0.1:9050", "is not a proxy"},
	    {"socks5://me:@127.0.0.1:9050", "is not a proxy"},
	    {"socks5://@127.0.0.1:9050", "is not a proxy"},
	    {"socks5://me:two words@127.0.0.1:9050", "is not a proxy"},
	    {"socks5://me:a:b@127.0.0.1:9050", "is not a proxy"},
	    {"socks5://me:a@b@127.0.0.1:9050", "is not a proxy"},
	    {"socks5://me:\x7f@127.0.0.1:9050", "is not a proxy"},
	    {"socks5://tor.example:9050", "tor.example"},
	    {"socks5://0.0.0.0:9050", "every address"},
	    {"socks5://me:secret@[::]:9050", "every address"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy proxy;
		struct why why = {""};

		assert_int_equal(proxy_parse(&proxy, cases[i].in, &why), ERR_FORMAT);
		if (strstr(why.text, cases[i].hint) == NULL)
			fail_msg("%s: %s", cases[i].in, why.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reads_and_writes),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
