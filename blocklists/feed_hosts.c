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
	size_t n = feed_word(&text, &len);
	bool blocks;
	size_t n_names = 0;

	if (n == 0)
		return 0;
	if (!feed_is_address(text, n)) {
		feed_skip(whole, whole_len, FEED_BAD, line, sink, counts);
		return 0;
	}
	blocks = feed_is_sink_address(text, n);
	for (;; n_names++) {
		int ret = 0;

		text += n;
		len -= n;
		n = feed_word(&text, &len);
		if (n == 0)
			break;
		if (blocks || is_own_name(text, n))
			ret = feed_give(text, n, RULE_EXACT, line, sink, counts);
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
	return feed_name(text, n, name, &name_len) ? 2 : 1;
}

const struct feed_syntax feed_hosts = {
    .name = "hosts",
    .description = "hosts file",
    .example = "0.0.0.0 ads.example.com",
    .line = hosts_line,
    .looks = hosts_looks,
};
