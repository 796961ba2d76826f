/* feed_dnsmasq.c - dnsmasq configurations: `address=/NAME/`, `local=/NAME/`, `server=/NAME/`, as
 * dnsmasq(8) 2.86 and later defines them; the most specific name decides. */
#include <string.h>

#include "blocklists/feed.h"
#include "lib/dns/msg.h"

/* What a line does to its names. */
enum action { ACTION_BLOCK, ACTION_EXEMPT, ACTION_ANSWER, ACTION_NOT_HERE, ACTION_BAD };

/* `KEY=VALUE`, or `KEY` alone. */
struct directive {
	const char *key, *value;
	size_t key_len, value_len;
};

/* A comment begins with `#` behind a blank. */
static size_t without_comment(const char *text, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		if (text[i] == '#' && (text[i - 1] == ' ' || text[i - 1] == '\t'))
			return i;
	}
	return len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(const char **text, size_t *len)
{
	while (*len != 0 && is_blank((*text)[*len - 1]))
		--*len;
	while (*len != 0 && is_blank(**text)) {
		++*text;
		--*len;
	}
}

/* False: the line does not look like a directive. */
static bool split(const char *text, size_t len, struct directive *d)
{
	size_t n = 0;

	len = without_comment(text, len);
	while (n < len && ((text[n] >= 'a' && text[n] <= 'z') || (n != 0 && text[n] == '-') ||
			      (n != 0 && text[n] >= '0' && text[n] <= '9')))
		n++;
	d->key = text;
	d->key_len = n;
	d->value = text + n;
	d->value_len = len - n;
	trim(&d->value, &d->value_len);
	if (n == 0)
		return false;
	if (d->value_len == 0)
		return true;
	if (d->value[0] != '=')
		return false;
	d->value++;
	d->value_len--;
	trim(&d->value, &d->value_len);
	if (d->value_len >= 2 && d->value[0] == '"' && d->value[d->value_len - 1] == '"') {
		d->value++;
		d->value_len -= 2;
	}
	return true;
}

static bool key_is(const struct directive *d, const char *key)
{
	return d->key_len == strlen(key) && memcmp(d->key, key, d->key_len) == 0;
}

/* `address=/...`, `server=/...`, `local=/...` */
static bool has_names(const struct directive *d)
{
	return d->value_len != 0 && d->value[0] == '/' &&
	       (key_is(d, "address") || key_is(d, "server") || key_is(d, "local"));
}

/* The null addresses for both types, as `#` says. */
static void answer_null(struct effect *effect)
{
	static const uint8_t null[16];

	effect_init(effect, EFFECT_ANSWER, EFFECT_NEAREST);
	/* Two types and two records fit into any effect. */
	(void)!effect_add_type(effect, TYPE_A, false);
	(void)!effect_add_type(effect, TYPE_AAAA, false);
	(void)!effect_add_record(effect, TYPE_A, null, 4);
	(void)!effect_add_record(effect, TYPE_AAAA, null, 16);
	effect_finish(effect);
}

/* What stands behind the last slash: what is to be done; an answer is made in *effect. */
static enum action action_of(
    const struct directive *d, const char *what, size_t len, bool rewrites, struct effect *effect)
{
	bool is_null = len == 1 && what[0] == '#';
	uint8_t address[16];
	int family;

	if (len == 0) {
		if (rewrites)
			feed_answer_rcode(effect, EFFECT_NEAREST, RCODE_NXDOMAIN);
		return rewrites ? ACTION_ANSWER : ACTION_BLOCK;
	}
	if (!key_is(d, "address")) {
		if (!is_null)
			return ACTION_NOT_HERE;
		effect_init(effect, EFFECT_EXEMPT, EFFECT_NEAREST);
		effect_finish(effect);
		return ACTION_EXEMPT;
	}
	if (is_null) {
		if (rewrites)
			answer_null(effect);
		return rewrites ? ACTION_ANSWER : ACTION_BLOCK;
	}
	family = feed_address(what, len, address);
	if (family == 0)
		return ACTION_BAD;
	if (!rewrites && feed_is_sink(family, address))
		return ACTION_BLOCK;
	feed_answer_address(effect, EFFECT_NEAREST, family, address);
	return ACTION_ANSWER;
}

/* One name of a line. */
static int give(const char *name, size_t len, const struct effect *effect, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts)
{
	if (len > 2 && memcmp(name, "*.", 2) == 0)
		return feed_give(name + 2, len - 2, RULE_BELOW, effect, line, sink, counts);
	if (*name == '*')
		return feed_give_glob(name, len, effect, line, sink, counts);
	if (len > 1 && *name == '.')
		return feed_give(name + 1, len - 1, RULE_SUFFIX, effect, line, sink, counts);
	return feed_give(name, len, RULE_SUFFIX, effect, line, sink, counts);
}

/* `/NAME/NAME/WHAT`.  Names that stand for everything, or for those without a dot (an empty one),
 * are not for here. */
static int give_names(const struct directive *d, const char *text, size_t len, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts)
{
	const char *name = d->value + 1, *end = d->value + d->value_len;
	const char *last = memrchr(d->value, '/', d->value_len), *slash;
	struct effect effect;
	enum action action;

	if (last == d->value) {
		feed_skip(text, len, FEED_BAD, line, sink, counts);
		return 0;
	}
	action = action_of(d, last + 1, (size_t)(end - last) - 1, sink->rewrites, &effect);
	if (action == ACTION_BAD || action == ACTION_NOT_HERE) {
		feed_skip(
		    text, len, action == ACTION_BAD ? FEED_BAD : FEED_NOT_HERE, line, sink, counts);
		return 0;
	}
	for (; name <= last; name = slash + 1) {
		size_t n;
		int ret = 0;

		slash = memchr(name, '/', (size_t)(last - name) + 1);
		n = (size_t)(slash - name);
		if (n == 0 || (n == 1 && strchr("#*.", *name) != NULL))
			feed_skip(text, len, FEED_NOT_HERE, line, sink, counts);
		else if (action == ACTION_ANSWER && !sink->rewrites)
			feed_skip(name, n, FEED_REWRITE, line, sink, counts);
		else
			ret = give(
			    name, n, action == ACTION_BLOCK ? NULL : &effect, line, sink, counts);
		if (ret != 0)
			return ret;
	}
	return 0;
}

static int dnsmasq_line(
    const char *text, size_t len, uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	struct directive d;

	if (text[0] == '#')
		return 0;
	if (!split(text, len, &d)) {
		feed_skip(text, len, FEED_BAD, line, sink, counts);
		return 0;
	}
	if (has_names(&d))
		return give_names(&d, text, len, line, sink, counts);
	feed_skip(text, len, FEED_NOT_HERE, line, sink, counts);
	return 0;
}

static int dnsmasq_looks(const char *text, size_t len)
{
	struct directive d;

	if (!split(text, len, &d))
		return 0;
	return has_names(&d) ? 2 : 1;
}

const struct feed_syntax feed_dnsmasq = {
    .name = "dnsmasq",
    .description = "dnsmasq configuration",
    .example = "address=/ads.example.com/",
    .line = dnsmasq_line,
    .looks = dnsmasq_looks,
};
