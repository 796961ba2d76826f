/* feed_domains.c - plain domains, one a line: each stands for itself and all names below it. */
#include <string.h>

#include "blocklists/feed.h"

/* The domain of a line: text[0..*len) without a comment; *rest is what stands behind it.  A leading
 * dot (`.example.com`, as proxies write it) means the same. */
static const char *domain_of(const char *text, size_t *len, bool *rest)
{
	size_t n;

	*rest = false;
	if (*len != 0 && (*text == '#' || *text == '!')) {
		*len = 0;
		return text;
	}
	n = feed_word(&text, len);
	if (n < *len) {
		const char *behind = text + n;
		size_t left = *len - n;

		*rest = feed_word(&behind, &left) != 0 && *behind != '#';
	}
	*len = n;
	if (n > 1 && *text == '.') {
		text++;
		--*len;
	}
	return text;
}

static int domains_line(
    const char *text, size_t len, uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	const char *domain;
	size_t n = len;
	bool rest, given;
	int ret = feed_give_line(text, len, RULE_SUFFIX, &given, line, sink, counts);

	if (given)
		return ret;
	domain = domain_of(text, &n, &rest);
	if (n == 0)
		return 0;
	if (rest) {
		feed_skip(text, len, FEED_BAD, line, sink, counts);
		return 0;
	}
	return feed_give(domain, n, RULE_SUFFIX, NULL, line, sink, counts);
}

static int domains_looks(const char *text, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t name_len;
	bool rest;

	text = domain_of(text, &len, &rest);
	if (len == 0 || rest)
		return 0;
	/* One word may be any text, and an address a firewall's list. */
	if (feed_host(text, len, name, &name_len))
		return name_labels(name) > 1 ? 2 : 1;
	return feed_is_address(text, len) ? 1 : 0;
}

const struct feed_syntax feed_domains = {
    .name = "domains",
    .description = "plain domain list",
    .example = "ads.example.com",
    .line = domains_line,
    .looks = domains_looks,
};
