/* feed_hosts.c - hosts files (hosts(5)): an address, then names; `#` starts a comment anywhere. */
#include <string.h>

#include "blocklists/feed.h"

static size_t without_comment(const char *text, size_t len)
{
	const char *hash = memchr(text, '#', len);

	return hash != NULL ? (size_t)(hash - text) : len;
}

static bool is_own_name(const char *text, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t name_len;

	return feed_name(text, len, name, &name_len) && rule_is_own_name(name);
}

static int hosts_line(
    const char *text, size_t len, uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	const char *whole = text;
	size_t whole_len = len = without_comment(text, len);
	size_t n = feed_word(&text, &len), n_names = 0;
	struct effect effect;
	uint8_t address[16];
	bool blocks;
	int family;

	if (n == 0)
		return 0;
	family = feed_address(text, n, address);
	if (family == 0) {
		feed_skip(whole, whole_len, FEED_BAD, line, sink, counts);
		return 0;
	}
	blocks = feed_is_sink(family, address);
	if (!blocks && sink->rewrites)
		feed_answer_address(&effect, 0, family, address);
	for (;; n_names++) {
		int ret = 0;

		text += n;
		len -= n;
		n = feed_word(&text, &len);
		if (n == 0)
			break;
		if (blocks || sink->rewrites || is_own_name(text, n))
			ret = feed_give(
			    text, n, RULE_EXACT, blocks ? NULL : &effect, line, sink, counts);
		else
			feed_skip(text, n, FEED_REWRITE, line, sink, counts);
		if (ret != 0)
			return ret;
	}
	if (n_names == 0)
		feed_skip(whole, whole_len, FEED_BAD, line, sink, counts);
	return 0;
}

static int hosts_looks(const char *text, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t n, name_len;

	len = without_comment(text, len);
	n = feed_word(&text, &len);
	if (!feed_is_address(text, n))
		return 0;
	text += n;
	len -= n;
	n = feed_word(&text, &len);
	if (n == 0)
		return 0;
	return feed_host(text, n, name, &name_len) ? 2 : 1;
}

const struct feed_syntax feed_hosts = {
    .name = "hosts",
    .description = "hosts file",
    .example = "0.0.0.0 ads.example.com",
    .line = hosts_line,
    .looks = hosts_looks,
};
