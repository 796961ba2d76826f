/* feed_wildcards.c - lists of wildcards: `*.name` and a plain name stand for the name and all below
 * it, for so their publishers mean them; a star elsewhere stands for any bytes. */
#include <string.h>

#include "blocklists/feed.h"

/* The word of a line, a comment left out; 0: nothing, and SIZE_MAX: more than one word. */
static size_t only_word(const char **text, size_t len)
{
	const char *behind;
	size_t n;

	if (len != 0 && (**text == '#' || **text == '!'))
		return 0;
	n = feed_word(text, &len);
	behind = *text + n;
	len -= n;
	if (feed_word(&behind, &len) != 0 && *behind != '#')
		return SIZE_MAX;
	return n;
}

static bool has_star(const char *text, size_t len)
{
	return memchr(text, '*', len) != NULL;
}

static int wildcards_line(
    const char *text, size_t len, uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	const char *word = text;
	size_t n = only_word(&word, len);

	if (n == 0)
		return 0;
	if (n == SIZE_MAX) {
		feed_skip(text, len, FEED_BAD, line, sink, counts);
		return 0;
	}
	if (n > 2 && memcmp(word, "*.", 2) == 0 && !has_star(word + 2, n - 2))
		return feed_give(word + 2, n - 2, RULE_SUFFIX, NULL, line, sink, counts);
	if (has_star(word, n))
		return feed_give_glob(word, n, NULL, line, sink, counts);
	if (n > 1 && *word == '.') { /* as in a plain list */
		word++;
		n--;
	}
	return feed_give(word, n, RULE_SUFFIX, NULL, line, sink, counts);
}

static int wildcards_looks(const char *text, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t name_len, n = only_word(&text, len);

	if (n == 0 || n == SIZE_MAX)
		return 0;
	if (!has_star(text, n))
		return feed_host(text, n, name, &name_len);
	for (size_t i = 0; i < n; i++) {
		if (text[i] != '*' && text[i] != '.' && text[i] != '-' && text[i] != '_' &&
		    !(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'z') &&
		    !(text[i] >= 'A' && text[i] <= 'Z'))
			return 0;
	}
	return memchr(text, '.', n) != NULL ? 2 : 1;
}

const struct feed_syntax feed_wildcards = {
    .name = "wildcards",
    .description = "list of wildcards",
    .example = "*.ads.example.com",
    .line = wildcards_line,
    .looks = wildcards_looks,
};
