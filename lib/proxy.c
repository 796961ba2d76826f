/* proxy.c - socks5://[USER:PASSWORD@]ADDR:PORT */
#include "lib/proxy.h"

#include <stdio.h>
#include <string.h>

#define SCHEME	   "socks5://"
#define SCHEME_LEN (sizeof(SCHEME) - 1)

/* Of user and password: printable, no blank, and not what ends one of them. */
static bool is_word(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~' || text[i] == ':' || text[i] == '@')
			return false;
	}
	return len > 0 && len < PROXY_WORD_SIZE;
}

/* USER:PASSWORD in text[0..len). */
static bool parse_words(struct proxy *proxy, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	size_t user_len = colon != NULL ? (size_t)(colon - text) : 0;

	if (colon == NULL || !is_word(text, user_len) || !is_word(colon + 1, len - user_len - 1))
		return false;
	memcpy(proxy->user, text, user_len);
	memcpy(proxy->password, colon + 1, len - user_len - 1);
	return true;
}

int proxy_parse(struct proxy *proxy, const char *text, struct why *why)
{
	const char *at = strrchr(text, '@'), *words = text + SCHEME_LEN;

	memset(proxy, 0, sizeof(*proxy));
	if (strncmp(text, SCHEME, SCHEME_LEN) != 0 ||
	    (at != NULL && !parse_words(proxy, words, (size_t)(at - words))))
		return why_set(why, ERR_FORMAT,
		    "'%s' is not a proxy; write socks5://127.0.0.1:9050, or "
		    "socks5://USER:PASSWORD@127.0.0.1:9050 with words of at most %d characters",
		    text, PROXY_WORD_SIZE - 1);
	if (addr_parse(&proxy->addr, at != NULL ? at + 1 : words, 0, why) < 0)
		return ERR_FORMAT;
	if (addr_is_wildcard(&proxy->addr))
		return why_set(why, ERR_FORMAT, "'%s' stands for every address; name one", text);
	return 0;
}

const char *proxy_format(const struct proxy *proxy, char text[PROXY_TEXT_SIZE])
{
	char address[ADDR_TEXT_SIZE];

	(void)snprintf(text, PROXY_TEXT_SIZE, SCHEME "%s%s%s%s%s", proxy->user,
	    proxy->user[0] != '\0' ? ":" : "", proxy->password, proxy->user[0] != '\0' ? "@" : "",
	    addr_format(&proxy->addr, address));
	return text;
}
