/* test_socks.c - SOCKS 5 byte by byte, as RFC 1928 (3, 4 and 6) and RFC 1929 (2) have it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "resolver/io/socks.h"

static struct socks socks;
static struct socks_out out;
static struct why why;

static void start(const char *proxy_text, const char *to_text)
{
	struct proxy proxy;
	union addr to;

	assert_int_equal(proxy_parse(&proxy, proxy_text, &why), 0);
	assert_int_equal(addr_parse(&to, to_text, 53, &why), 0);
	socks_start(&socks, &proxy, &to, &out);
}

/* What is said is this, and no more. */
static void assert_said(const void *bytes, size_t len)
{
	assert_int_equal(out.len, len);
	assert_memory_equal(out.bytes, bytes, len);
}

/* The proxy says this, of which it is all its own. */
static int hear(const void *bytes, size_t len)
{
	size_t used;
	int err = socks_feed(&socks, bytes, len, &used, &out, &why);

	if (err >= 0)
		assert_int_equal(used, len);
	return err;
}

static void connects(void **state)
{
	(void)state;
	start("socks5://127.0.0.1:9050", "192.0.2.1:5353");
	assert_said("\5\1\0", 3);
	assert_int_equal(hear("\5\0", 2), 0);
	assert_said("\5\1\0\1\300\0\2\1\024\351", 10);
	assert_int_equal(hear("\5\0\0\1\0\0\0\0\0\0", 10), 1);
	assert_said("", 0);
}

static void connects_with_a_password_to_ipv6(void **state)
{
	(void)state;
	start("socks5://quell:secret@[::1]:9050", "[2001:db8::1]:53");
	assert_said("\5\1\2", 3);
	assert_int_equal(hear("\5\2", 2), 0);
	assert_said("\1\5quell\6secret", 14);
	assert_int_equal(hear("\1\0", 2), 0);
	assert_said("\5\1\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\65", 22);
	assert_int_equal(hear("\5\0\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\1\2", 22), 1);
}

/* The longest of everything fits. */
static void longest_words(void **state)
{
	char text[PROXY_TEXT_SIZE], word[PROXY_WORD_SIZE];

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	(void)snprintf(text, sizeof(text), "socks5://%s:%s@127.0.0.1:1", word, word);
	start(text, "[2001:db8::1]:53");
	/* All at once, though nobody could answer yet. */
	assert_int_equal(hear("\5\2\1\0", 4), 0);
	assert_int_equal(out.len, 1 + 2 * (1 + 63) + 22);
}

/* Whatever its answer's address is, and however it comes, what follows is not the proxy's. */
static void pieces_and_what_follows(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} replies[] = {
	    {"\5\0\5\0\0\1\1\2\3\4\0\65DNS", 12},
	    {"\5\0\5\0\0\3\0\0\65DNS", 9},
	    {"\5\0\5\0\0\3\3abc\0\65DNS", 12},
	    {"\5\0\5\0\0\4 2345678901234567\0\65DNS", 24},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		for (size_t cut = 1; cut <= replies[i].len + 3; cut++) {
			size_t used, pos = 0, len = cut;
			int err = 0;

			start("socks5://127.0.0.1:9050", "192.0.2.1");
			while (err == 0) {
				assert_true(pos < replies[i].len);
				if (len > replies[i].len + 3 - pos)
					len = replies[i].len + 3 - pos;
				err = socks_feed(&socks, (const uint8_t *)replies[i].bytes + pos,
				    len, &used, &out, &why);
				assert_true(used <= len && (err != 0 || used == len));
				pos += used;
			}
			assert_int_equal(err, 1);
			assert_int_equal(pos, replies[i].len);
		}
	}
}

static void assert_failure(
    const char *proxy, const char *first, size_t len, const char *next, size_t next_len, int err)
{
	start(proxy, "192.0.2.1");
	if (next != NULL)
		assert_int_equal(hear(first, len), 0);
	else
		next = first, next_len = len;
	why.text[0] = '\0';
	assert_int_equal(hear(next, next_len), err);
	assert_true(why.text[0] != '\0');
}

static void refusals(void **state)
{
	static const char plain[] = "socks5://127.0.0.1:1", with[] = "socks5://u:p@127.0.0.1:1";

	(void)state;
	assert_failure(plain, "\5\377", 2, NULL, 0, ERR_DENIED);
	assert_string_equal(why.text, "it wants a user and password");
	assert_failure(plain, "\5\2", 2, NULL, 0, ERR_DENIED);
	/* Without a password circuits would be shared. */
	assert_failure(with, "\5\0", 2, NULL, 0, ERR_DENIED);
	assert_failure(with, "\5\377", 2, NULL, 0, ERR_DENIED);
	assert_failure(with, "\5\2", 2, "\1\1", 2, ERR_DENIED);
	assert_string_equal(why.text, "it refuses the user or the password");
	for (unsigned code = 1; code < 256; code++) {
		const uint8_t reply[10] = {5, (uint8_t)code, 0, 1};

		assert_failure(plain, "\5\0", 2, (const char *)reply, 5, ERR_DENIED);
	}
	assert_failure(plain, "\5\0", 2, "\5\5\0\1\0", 5, ERR_DENIED);
	assert_string_equal(why.text, "the upstream refuses the connection");
}

static void garbage(void **state)
{
	static const char plain[] = "socks5://127.0.0.1:1";

	(void)state;
	assert_failure(plain, "\4\0", 2, NULL, 0, ERR_FORMAT);
	assert_failure(plain, "HTTP/1.1 400 Bad Request", 24, NULL, 0, ERR_FORMAT);
	assert_failure(plain, "\5\0", 2, "\4\0\0\1\0", 5, ERR_FORMAT);
	for (unsigned type = 0; type < 256; type++) {
		const uint8_t reply[5] = {5, 0, 0, (uint8_t)type};

		if (type != 1 && type != 3 && type != 4)
			assert_failure(plain, "\5\0", 2, (const char *)reply, 5, ERR_FORMAT);
	}
}

/* ---- the option ---- */

#define WORD_63 "123456789012345678901234567890123456789012345678901234567890123"
#define WORD_64 WORD_63 "4"

static void proxy_texts(void **state)
{
	static const char *const good[] = {"socks5://127.0.0.1:9050", "socks5://[::1]:1080",
	    "socks5://" WORD_63 ":" WORD_63 "@127.0.0.1:1",
	    "socks5://user:pass-word!$@192.168.1.1:9050"};
	static const char *const bad[] = {"", "127.0.0.1:9050", "http://127.0.0.1:9050",
	    "socks5://", "socks5://127.0.0.1", "socks5://127.0.0.1:0", "socks5://localhost:9050",
	    "socks5://0.0.0.0:9050", "socks5://@127.0.0.1:9050", "socks5://u@127.0.0.1:9050",
	    "socks5://:p@127.0.0.1:9050", "socks5://u:@127.0.0.1:9050",
	    "socks5://u:p:q@127.0.0.1:9050", "socks5://u p:q@127.0.0.1:9050", "socks5://u:p@", "@",
	    "socks5:/@", ("socks5://" WORD_64 ":p@127.0.0.1:1"),
	    ("socks5://u:" WORD_64 "@127.0.0.1:1")};
	char text[PROXY_TEXT_SIZE];
	struct proxy proxy;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(proxy_parse(&proxy, good[i], &why), 0);
		assert_string_equal(proxy_format(&proxy, text), good[i]);
	}
	assert_string_equal(proxy.user, "user");
	assert_string_equal(proxy.password, "pass-word!$");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why.text[0] = '\0';
		assert_int_equal(proxy_parse(&proxy, bad[i], &why), ERR_FORMAT);
		assert_true(why.text[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(connects),
	    cmocka_unit_test(connects_with_a_password_to_ipv6),
	    cmocka_unit_test(longest_words),
	    cmocka_unit_test(pieces_and_what_follows),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(garbage),
	    cmocka_unit_test(proxy_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
