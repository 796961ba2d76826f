/* feed_pihole_regex.c - Pi-hole's regular expressions, one a line, with its options behind them:
 *
 *   (^|\.)ads[0-9]*\.
 *   ^tv\.;querytype=AAAA,HTTPS      ^abc$;invert      ^ads\.;reply=NXDOMAIN
 */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "blocklists/feed.h"
#include "blocklists/regex.h"
#include "lib/dns/msg.h"

#define BUDGET_TEXT (2 * REGEX_TEXT_MAX) /* comments within the expression are not counted */

/* The types that Pi-hole knows; OTHER stands for the rest. */
static const struct {
	const char *name;
	uint16_t type;
} types[] = {{"A", 1}, {"AAAA", 28}, {"ANY", 255}, {"SRV", 33}, {"SOA", 6}, {"PTR", 12},
    {"TXT", 16}, {"NAPTR", 35}, {"MX", 15}, {"DS", 43}, {"RRSIG", 46}, {"DNSKEY", 48}, {"NS", 2},
    {"SVCB", 64}, {"HTTPS", 65}};

#define TYPES	   (sizeof(types) / sizeof(types[0]))
#define OTHER_TYPE (1u << TYPES)
#define ALL_TYPES  (2 * OTHER_TYPE - 1)

enum reply {
	REPLY_NONE_SAID,
	REPLY_RCODE,
	REPLY_DROP,
	REPLY_OWN_ADDRESS,
	REPLY_ADDRESS,
	REPLY_ALIAS
};

struct options {
	unsigned types; /* bits of types[] and OTHER_TYPE; 0: not said */
	bool inverted;
	enum reply reply;
	uint8_t rcode;
	bool has_a, has_aaaa;
	uint8_t a[16], aaaa[16]; /* of the first, 4 bytes */
	uint8_t alias[NAME_SIZE];
	size_t alias_len;
};

/* Text up to `end` or the end; the rest moves behind it. */
static const char *cut(const char **text, size_t *len, char end, size_t *n)
{
	const char *piece = *text, *found = *len != 0 ? memchr(piece, end, *len) : NULL;

	*n = found != NULL ? (size_t)(found - piece) : *len;
	*text += found != NULL ? *n + 1 : *n;
	*len -= found != NULL ? *n + 1 : *n;
	return piece;
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

static unsigned type_bit(const char *text, size_t len)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (is_word(text, len, types[i].name))
			return 1u << i;
	}
	return is_word(text, len, "OTHER") ? OTHER_TYPE : 0;
}

static bool read_types(const char *text, size_t len, struct options *o)
{
	bool except = len != 0 && *text == '!';
	unsigned bits = 0;

	if (o->types != 0)
		return false;
	if (except) {
		text++;
		len--;
	}
	do {
		size_t n;
		const char *name = cut(&text, &len, ',', &n);
		unsigned bit = type_bit(name, n);

		if (bit == 0)
			return false;
		bits |= bit;
	} while (len != 0);
	o->types = except ? ALL_TYPES & ~bits : bits;
	return o->types != 0;
}

static bool read_address(const char *text, size_t len, struct options *o)
{
	uint8_t bytes[16];
	int family = feed_address(text, len, bytes);
	bool *has = family == AF_INET ? &o->has_a : &o->has_aaaa;

	/* One of each family is one reply. */
	if (family == 0 || *has || (o->reply != REPLY_NONE_SAID && o->reply != REPLY_ADDRESS))
		return false;
	memcpy(family == AF_INET ? o->a : o->aaaa, bytes, family == AF_INET ? 4 : 16);
	*has = true;
	o->reply = REPLY_ADDRESS;
	return true;
}

static bool read_reply(const char *text, size_t len, struct options *o)
{
	static const char alias[] = "CNAME,";
	static const struct {
		const char *word;
		enum reply reply;
		uint8_t rcode;
	} replies[] = {
	    {"NODATA", REPLY_RCODE, RCODE_NOERROR},
	    {"NXDOMAIN", REPLY_RCODE, RCODE_NXDOMAIN},
	    {"REFUSED", REPLY_RCODE, RCODE_REFUSED},
	    {"NONE", REPLY_DROP, 0},
	    {"IP", REPLY_OWN_ADDRESS, 0},
	};

	if (read_address(text, len, o))
		return true;
	if (o->reply != REPLY_NONE_SAID)
		return false;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		if (is_word(text, len, replies[i].word)) {
			o->reply = replies[i].reply;
			o->rcode = replies[i].rcode;
			return true;
		}
	}
	if (len < sizeof(alias) || strncasecmp(text, alias, sizeof(alias) - 1) != 0)
		return false;
	o->reply = REPLY_ALIAS;
	return feed_host(
	    text + sizeof(alias) - 1, len - sizeof(alias) + 1, o->alias, &o->alias_len);
}

static bool read_options(const char *text, size_t len, struct options *o)
{
	memset(o, 0, sizeof(*o));
	while (len != 0) {
		size_t n, name_len;
		const char *value = cut(&text, &len, ';', &n), *name;
		bool right;

		if (n == 0)
			continue;
		if (is_word(value, n, "invert")) {
			o->inverted = true;
			continue;
		}
		name = cut(&value, &n, '=', &name_len);
		if (is_word(name, name_len, "querytype"))
			right = read_types(value, n, o);
		else
			right = is_word(name, name_len, "reply") && read_reply(value, n, o);
		if (!right)
			return false;
	}
	return true;
}

static int add_types(struct effect *effect, unsigned bits)
{
	bool except = (bits & OTHER_TYPE) != 0;
	int ret = 0;

	if (bits == 0)
		return 0;
	for (size_t i = 0; i < TYPES && ret == 0; i++) {
		if (((bits & 1u << i) != 0) != except)
			ret = effect_add_type(effect, types[i].type, except);
	}
	return ret;
}

static int make_address(const struct options *o, struct effect *effect)
{
	/* The family that is not said has the address of nowhere. */
	int ret = effect_add_record(effect, TYPE_A, o->a, 4);

	return ret != 0 ? ret : effect_add_record(effect, TYPE_AAAA, o->aaaa, 16);
}

/* False: it is no rule, with the reason. */
static bool make_effect(
    const struct options *o, bool rewrites, struct effect *effect, enum feed_skip *reason)
{
	bool blocks = o->reply == REPLY_NONE_SAID || (o->reply == REPLY_RCODE && !rewrites);
	int ret = 0;

	if (o->reply == REPLY_ADDRESS && !rewrites)
		blocks = (!o->has_a || feed_is_sink(AF_INET, o->a)) &&
			 (!o->has_aaaa || feed_is_sink(AF_INET6, o->aaaa));
	*reason = o->reply == REPLY_OWN_ADDRESS ? FEED_NOT_HERE : FEED_REWRITE;
	if (blocks) {
		effect_init(effect, EFFECT_BLOCK, 0);
	} else if (o->reply == REPLY_DROP) {
		effect_init(effect, EFFECT_DROP, 0);
	} else if (rewrites && o->reply != REPLY_OWN_ADDRESS) {
		effect_init(effect, EFFECT_ANSWER, 0);
		effect_set_rcode(effect, o->rcode);
		if (o->reply == REPLY_ADDRESS)
			ret = make_address(o, effect);
		else if (o->reply == REPLY_ALIAS)
			ret = effect_add_record(effect, TYPE_CNAME, o->alias, o->alias_len);
	} else {
		return false;
	}
	if (ret == 0)
		ret = add_types(effect, o->types);
	effect_finish(effect);
	return ret == 0;
}

/* What names, and so expressions, are made of: no blanks, controls and letters beyond ASCII. */
static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return true;
}

/* The expression in lower case but for what is escaped or in brackets, without its comments
 * `(?#...)`; `out` has room for it.  False: a comment has no end. */
static bool copy_regex(const char *text, size_t len, char *out, size_t *out_len)
{
	const char *class = NULL; /* behind the bracket that opened it */
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '\\' && i + 1 < len) {
			out[n++] = c;
			out[n++] = text[++i];
			continue;
		}
		if (class == NULL && len - i >= 3 && memcmp(text + i, "(?#", 3) == 0) {
			const char *end = memchr(text + i, ')', len - i);

			if (end == NULL)
				return false;
			i = (size_t)(end - text);
			continue;
		}
		if (class == NULL && c == '[')
			class = text + i + 1;
		else if (c == ']' && text + i != class)
			class = NULL;
		/* In `[A-z]` there is more than letters. */
		out[n++] = class == NULL && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	*out_len = n;
	return true;
}

static int give_regex(const char *text, size_t len, struct rule *rule, uint64_t line,
    struct feed_sink *sink, struct feed_counts *counts)
{
	uint8_t name[NAME_SIZE];
	int ret;

	if (!rule->inverted && regex_is_name(rule->regex, rule->regex_len, rule, name)) {
		if (!rule_is_own_name(name))
			return feed_give_rule(rule, line, sink, counts);
		feed_skip(text, len, FEED_OWN_NAME, line, sink, counts);
		return 0;
	}
	rule->kind = RULE_REGEX;
	ret = feed_check_regex(rule, counts);
	if (ret == 0)
		return feed_give_rule(rule, line, sink, counts);
	if (ret == ERR_NOMEM)
		return ret;
	feed_skip(text, len, ret == ERR_LIMIT ? FEED_BUDGET : FEED_BAD, line, sink, counts);
	return 0;
}

static int pihole_regex_line(
    const char *text, size_t len, uint64_t line, struct feed_sink *sink, struct feed_counts *counts)
{
	const char *rest = text, *expression;
	char regex[BUDGET_TEXT];
	size_t rest_len = len, n;
	struct rule rule = {.regex = regex};
	enum feed_skip reason = FEED_BAD;
	struct effect effect;
	struct options o;

	if (*text == '#')
		return 0;
	expression = cut(&rest, &rest_len, ';', &n);
	if (n == 0 || !read_options(rest, rest_len, &o))
		goto skip;
	reason = FEED_BUDGET;
	if (n > sizeof(regex))
		goto skip;
	reason = FEED_BAD;
	if (!copy_regex(expression, n, regex, &rule.regex_len) || rule.regex_len == 0 ||
	    !is_plain(regex, rule.regex_len))
		goto skip;
	if (!make_effect(&o, sink->rewrites, &effect, &reason))
		goto skip;
	rule.inverted = o.inverted;
	rule.effect = effect.bytes;
	rule.effect_len = effect.len;
	return give_regex(text, len, &rule, line, sink, counts);
skip:
	feed_skip(text, len, reason, line, sink, counts);
	return 0;
}

/* `||ads.example.com^` */
static bool is_adblock(const char *text, size_t len)
{
	return *text == '|' || (len > 1 && text[len - 1] == '^' && text[len - 2] != '\\');
}

static int pihole_regex_looks(const char *text, size_t len)
{
	bool anchored, special = false;
	struct options o;
	size_t n;
	const char *regex = cut(&text, &len, ';', &n);

	if (n == 0 || *regex == '*' || is_adblock(regex, n))
		return 0;
	if (len != 0)
		return read_options(text, len, &o) ? 2 : 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)regex[i];

		if (c <= ' ' || c > '~' || strchr("/#@!\"'`%&", c) != NULL)
			return 0;
		special = special || strchr("\\()[", c) != NULL;
	}
	anchored = regex[0] == '^' || regex[n - 1] == '$';
	return anchored || special ? 2 : 1;
}

const struct feed_syntax feed_pihole_regex = {
    .name = "pihole-regex",
    .description = "list of Pi-hole's regular expressions",
    .example = "(^|\\.)ads[0-9]*\\.example\\.com$",
    .line = pihole_regex_line,
    .looks = pihole_regex_looks,
};
