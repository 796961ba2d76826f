/* proxy.h - a SOCKS 5 proxy as it is configured: socks5://[USER:PASSWORD@]ADDR:PORT. */
#ifndef QUELL_PROXY_H
#define QUELL_PROXY_H

#include "lib/addr.h"
#include "lib/err.h"

#define PROXY_WORD_SIZE 64 /* of user and password, with the terminator */
#define PROXY_TEXT_SIZE (2 * PROXY_WORD_SIZE + ADDR_TEXT_SIZE + 16) /* and what stands between */

/* All zero: none. */
struct proxy {
	union addr addr;
	char user[PROXY_WORD_SIZE], password[PROXY_WORD_SIZE]; /* both empty: it asks for none */
};

/* Returns 0, or ERR_FORMAT with the right form in `why`: then *proxy is undefined.  The gaps of *proxy are zero,
 * so that two can be compared as bytes. */
int proxy_parse(struct proxy *proxy, const char *text, struct why *why) QUELL_CHECK;

/* As proxy_parse() takes it; returns `text`. */
const char *proxy_format(const struct proxy *proxy, char text[PROXY_TEXT_SIZE]);

#endif
