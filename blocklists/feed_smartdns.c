/* feed_smartdns.c - smartdns configurations: `address /NAME/WHAT`, `domain-rules /NAME/ -a WHAT`;
 * the most specific name decides. */
#include <string.h>
#include <sys/socket.h>

#include "blocklists/feed.h"
#include "lib/dns/msg.h"

/* A line of which words are taken, and where its rules go. */
struct line {
	const char *whole;
	size_t whole_len;
	const char *name; /* between the slashes */
	size_t name_len;
	uint64_t number;
	struct feed_sink *sink;
	struct feed_counts *counts;
};

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

static int skip_line(const struct line *l, enum feed_skip reason)
{
	feed_skip(l->whole, l->whole_len, reason, l->number, l->sink, l->counts);
	return 0;
}

/* The rule on the names that the line is about. */
static int give(const struct line *l, const struct effect *effect)
{
	const char *name = l->name;
	size_t len = l->name_len;

	if (len > 2 && memcmp(name, "*.", 2) == 0)
		return feed_give(
		    name + 2, len - 2, RULE_BELOW, effect, l->number, l->sink, l->counts);
	if (len > 2 && memcmp(name, "-.", 2) == 0)
		return feed_give(
		    name + 2, len - 2, RULE_EXACT, effect, l->number, l->sink, l->counts);
	if (len != 0 && *name == '*')
		return feed_give_glob(name, len, effect, l->number, l->sink, l->counts);
	return feed_give(name, len, RULE_SUFFIX, effect, l->number, l->sink, l->counts);
}

/* `#`, `#4`, `#6`: blocked; `-`, `-4`, `-6`: not blocked. */
static int give_sign(const struct line *l, const char *sign, size_t len)
{
	struct effect effect;
	bool exempt = *sign == '-';

	if (len > 2 || (len == 2 && sign[1] != '4' && sign[1] != '6'))
		return skip_line(l, FEED_BAD);
	effect_init(&effect,
	    exempt		? EFFECT_EXEMPT
	    : l->sink->rewrites ? EFFECT_ANSWER
				: EFFECT_BLOCK,
	    len == 2 || exempt || l->sink->rewrites ? EFFECT_NEAREST : 0);
	if (len == 2) /* fits into any effect */
		(void)!effect_add_type(&effect, sign[1] == '4' ? TYPE_A : TYPE_AAAA, false);
	effect_finish(&effect);
	return give(l, &effect);
}

/* The addresses among the comma-separated text[0..len): an answer for each family. */
static int give_addresses(const struct line *l, const char *text, size_t len, int family)
{
	bool v4 = family == AF_INET, any = false;
	struct effect effect;
	int err = 0;

	effect_init(&effect, EFFECT_ANSWER, EFFECT_NEAREST);
	while (len != 0 && err == 0) {
		const char *comma = memchr(text, ',', len);
		size_t n = comma != NULL ? (size_t)(comma - text) : len;
		uint8_t address[16];

		if (feed_address(text, n, address) == family) {
			any = true;
			err = effect_add_record(
			    &effect, v4 ? TYPE_A : TYPE_AAAA, address, v4 ? 4 : 16);
		}
		text += n + (comma != NULL);
		len -= n + (comma != NULL);
	}
	if (!any)
		return 0;
	if (err != 0 || effect_add_type(&effect, v4 ? TYPE_A : TYPE_AAAA, false) != 0)
		return skip_line(l, FEED_BUDGET);
	effect_finish(&effect);
	return give(l, &effect);
}

/* What an address rule says of the name: signs and addresses with commas between. */
static int give_what(const struct line *l, const char *what, size_t len)
{
	const char *text = what, *end = what + len;
	bool null = false, other = false;
	int ret = 0;

	if (len == 0)
		return skip_line(l, FEED_BAD);
	while (text < end && ret == 0) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		size_t n = (size_t)((comma != NULL ? comma : end) - text);
		uint8_t address[16];
		int family;

		if (n != 0 && (*text == '#' || *text == '-')) {
			ret = give_sign(l, text, n);
		} else {
			family = feed_address(text, n, address);
			if (family == 0)
				return skip_line(l, FEED_BAD);
			null = null || feed_is_sink(family, address);
			other = other || !feed_is_sink(family, address);
		}
		text += n + 1;
	}
	if (ret != 0)
		return ret;
	if (l->sink->rewrites) {
		ret = give_addresses(l, what, len, AF_INET);
		return ret != 0 ? ret : give_addresses(l, what, len, AF_INET6);
	}
	if (other)
		return skip_line(l, FEED_REWRITE);
	return null ? give(l, NULL) : 0;
}

/* `/NAME/` at the beginning of text[0..len): the name, without dots before it.  Returns how long it
 * is with its slashes; 0: it is none. */
static size_t take_name(struct line *l, const char *text, size_t len)
{
	const char *slash;

	if (len < 2 || text[0] != '/')
		return 0;
	slash = memchr(text + 1, '/', len - 1);
	if (slash == NULL)
		return 0;
	l->name = text + 1;
	l->name_len = (size_t)(slash - l->name);
	while (l->name_len > 1 && *l->name == '.') {
		l->name++;
		l->name_len--;
	}
	return (size_t)(slash + 1 - text);
}

/* Everything, a set of names that is in another file, and `*-.`, which no manual explains. */
static bool is_not_here(const struct line *l)
{
	return l->name_len == 0 || is_word(l->name, l->name_len, ".") ||
	       (l->name_len > 11 && memcmp(l->name, "domain-set:", 11) == 0) ||
	       (l->name_len > 3 && memcmp(l->name, "*-.", 3) == 0);
}

/* Go to the word behind -a or -address. */
static size_t option_address(const char **text, size_t *len)
{
	bool found = false;
	size_t n;

	while ((n = feed_word(text, len)) != 0 && !found) {
		found = is_word(*text, n, "-a") || is_word(*text, n, "-address");
		*text += n;
		*len -= n;
	}
	return n;
}

static int smartdns_line(
    const char *text, size_t len, uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	struct line l = {
	    .whole = text, .whole_len = len, .number = line, .sink = sink, .counts = counts};
	size_t n = feed_word(&text, &len), taken;
	bool is_address = is_word(text, n, "address");
	bool is_rules = is_word(text, n, "domain-rules") || is_word(text, n, "domain-rule");

	if (*text == '#')
		return 0;
	if (!is_address && !is_rules)
		return skip_line(
		    &l, *text >= 'a' && *text <= 'z' && n < len ? FEED_NOT_HERE : FEED_BAD);
	text += n;
	len -= n;
	n = feed_word(&text, &len);
	taken = take_name(&l, text, n);
	if (taken == 0) /* an address rule without a name is on everything */
		return skip_line(
		    &l, is_address && n != 0 && *text != '/' ? FEED_NOT_HERE : FEED_BAD);
	if (is_not_here(&l))
		return skip_line(&l, FEED_NOT_HERE);
	if (is_address)
		return give_what(&l, text + taken, n - taken);
	text += n;
	len -= n;
	n = option_address(&text, &len);
	return n != 0 ? give_what(&l, text, n) : skip_line(&l, FEED_NOT_HERE);
}

static int smartdns_looks(const char *text, size_t len)
{
	static const char *const sure[] = {
	    "address", "domain-rules", "domain-rule", "nameserver", "domain-set"};
	static const char *const likely[] = {"server", "server-tcp", "server-tls", "server-https",
	    "bind", "bind-tcp", "conf-file", "cname", "ipset", "nftset", "bogus-nxdomain",
	    "cache-size", "speed-check-mode", "log-level"};
	size_t n = feed_word(&text, &len);

	for (size_t i = 0; i < sizeof(sure) / sizeof(sure[0]); i++) {
		if (is_word(text, n, sure[i]) && n < len)
			return memchr(text, '/', len) != NULL ? 2 : 1;
	}
	for (size_t i = 0; i < sizeof(likely) / sizeof(likely[0]); i++) {
		if (is_word(text, n, likely[i]) && n < len)
			return 1;
	}
	return 0;
}

const struct feed_syntax feed_smartdns = {
    .name = "smartdns",
    .description = "smartdns configuration",
    .example = "address /ads.example.com/#",
    .line = smartdns_line,
    .looks = smartdns_looks,
};
