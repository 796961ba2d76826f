/* adblock_modifiers.c - the modifiers of an Adblock rule, to its effect.
 *
 * A rule with any modifier that is not for the DNS is not for us: to leave the modifier out would
 * make another rule of it.
 */
#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <string.h>
#include <strings.h>

#include "blocklists/adblock.h"

#define CLIENT_MAX 256 /* bytes of one client */

enum kind { IMPORTANT, BADFILTER, DNSTYPE, DENYALLOW, CLIENT, DNSREWRITE, CTAG, KINDS };

static const char *const names[KINDS] = {
    [IMPORTANT] = "important",
    [BADFILTER] = "badfilter",
    [DNSTYPE] = "dnstype",
    [DENYALLOW] = "denyallow",
    [CLIENT] = "client",
    [DNSREWRITE] = "dnsrewrite",
    [CTAG] = "ctag",
};

struct modifier {
	enum kind kind; /* KINDS: another */
	bool has_value; /* a `=` */
	const char *value;
	size_t value_len;
};

size_t adblock_item(const char *text, size_t len, char separator)
{
	size_t n = 0;

	while (n < len && text[n] != separator)
		n += text[n] == '\\' && n + 1 < len ? 2 : 1;
	return n;
}

size_t adblock_unescape(const char *text, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len && strchr(",|'\"", text[i + 1]) != NULL)
			i++;
		if (n + 1 >= size || text[i] == '\0')
			return 0;
		out[n++] = text[i];
	}
	out[n] = '\0';
	return n;
}

uint16_t adblock_type(const char *text, size_t len)
{
	char name[16];

	if (len == 0 || len >= sizeof(name) || memchr(text, '\0', len) != NULL)
		return 0;
	memcpy(name, text, len);
	name[len] = '\0';
	return (uint16_t)ldns_get_rr_type_by_name(name);
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* Letters, digits, hyphen and underscore up to a `=` or the end, a tilde before them: 0 where the
 * modifier has no such name. */
static size_t name_length(const char *text, size_t len)
{
	size_t n = len != 0 && text[0] == '~' ? 1 : 0, first = n;

	while (n < len && is_name_byte(text[n]))
		n++;
	return n != first && (n == len || text[n] == '=') ? n : 0;
}

static enum kind kind_of(const char *text, size_t len)
{
	for (int i = 0; i < KINDS; i++) {
		if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
			return (enum kind)i;
	}
	return KINDS;
}

/* The next modifier; false at the end of *text. */
static bool next_modifier(struct modifier *m, const char **text, size_t *len, bool *bad)
{
	size_t item, n;

	if (*len == 0)
		return false;
	item = adblock_item(*text, *len, ',');
	n = name_length(*text, item);
	*bad = n == 0;
	m->kind = kind_of(*text, n);
	m->has_value = n < item;
	m->value = *text + n + m->has_value;
	m->value_len = item - n - (m->has_value ? 1 : 0);
	/* A comma at the end has an empty modifier behind it. */
	*bad = *bad || item + 1 == *len;
	item += item < *len;
	*text += item;
	*len -= item;
	return true;
}

/* What the rule is, before anything is added to its effect. */
struct outline {
	bool important, badfilter, types; /* `types`: some that it counts for */
	bool limited;
	bool rewrite, has_value; /* $dnsrewrite, with a value */
	struct adblock_rewrite value;
};

/* Is a type of $dnstype=value[0..len) without a tilde? */
static bool has_type(const char *value, size_t len)
{
	while (len != 0) {
		size_t n = adblock_item(value, len, '|');

		if (n != 0 && value[0] != '~')
			return true;
		n += n < len;
		value += n;
		len -= n;
	}
	return false;
}

static bool add_to_outline(struct outline *o, const struct modifier *m, enum feed_skip *reason)
{
	switch (m->kind) {
	case IMPORTANT:
	case BADFILTER:
		if (m->has_value)
			return false;
		o->important |= m->kind == IMPORTANT;
		o->badfilter |= m->kind == BADFILTER;
		return true;
	case DNSTYPE:
		o->types |= has_type(m->value, m->value_len);
		o->limited = true;
		return m->value_len != 0;
	case DENYALLOW:
	case CLIENT:
		o->limited = true;
		return m->value_len != 0;
	case DNSREWRITE:
		if (o->rewrite)
			return false;
		o->rewrite = true;
		o->has_value = m->value_len != 0;
		return !o->has_value ||
		       adblock_read_rewrite(&o->value, m->value, m->value_len, reason);
	case CTAG:
		*reason = m->value_len != 0 ? FEED_CLIENT : FEED_BAD;
		return false;
	case KINDS:
		break;
	}
	return false;
}

static bool read_outline(struct outline *o, const char *text, size_t len, enum feed_skip *reason)
{
	const char *rest = text;
	size_t left = len;
	struct modifier m;
	bool bad, other = false, is_bad = false;

	memset(o, 0, offsetof(struct outline, value));
	while (next_modifier(&m, &rest, &left, &bad)) {
		is_bad |= bad;
		other |= !bad && m.kind == KINDS;
	}
	*reason = is_bad ? FEED_BAD : FEED_BROWSER;
	if (is_bad || other)
		return false;
	while (next_modifier(&m, &text, &len, &bad)) {
		*reason = FEED_BAD;
		if (!add_to_outline(o, &m, reason))
			return false;
	}
	return true;
}

/* AdGuard's page: types to be left out mean nothing beside types that it counts for. */
static bool add_type(struct effect *e, const char *text, size_t len, bool types)
{
	size_t tilde = len != 0 && text[0] == '~' ? 1 : 0;
	uint16_t type = adblock_type(text + tilde, len - tilde);

	if (type == 0)
		return false;
	return (tilde != 0 && types) || effect_add_type(e, type, tilde != 0) == 0;
}

static bool add_except(struct effect *e, const char *text, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t name_len;

	return feed_host(text, len, name, &name_len) && effect_add_except(e, name, name_len) == 0;
}

/* `192.0.2.7`, `192.0.2.0/24`; bits behind the prefix do not count. */
static bool read_network(const char *text, size_t len, struct net *network)
{
	const char *slash = memchr(text, '/', len);
	size_t address_len = slash != NULL ? (size_t)(slash - text) : len;
	unsigned bits = 0, max;
	int family;

	memset(network, 0, sizeof(*network));
	family =
	    memchr(text, '%', len) != NULL ? 0 : feed_address(text, address_len, network->bytes);
	if (family == 0)
		return false;
	max = family == AF_INET ? 32 : 128;
	if (slash == NULL)
		bits = max;
	else if (address_len + 1 == len || len - address_len > 4)
		return false;
	for (size_t i = address_len + 1; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		bits = bits * 10 + (unsigned)(text[i] - '0');
	}
	if (bits > max)
		return false;
	for (unsigned bit = bits; bit < max; bit++)
		network->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	network->family = (uint8_t)family;
	network->bits = (uint8_t)bits;
	return true;
}

static bool add_client(struct effect *e, const char *text, size_t len, enum feed_skip *reason)
{
	size_t tilde = len != 0 && text[0] == '~' ? 1 : 0;
	char client[CLIENT_MAX];
	struct net network;

	text += tilde;
	len -= tilde;
	if (len > 1 && (text[0] == '\'' || text[0] == '"') && text[len - 1] == text[0]) {
		text++;
		len -= 2;
	}
	len = adblock_unescape(text, len, client, sizeof(client));
	if (len == 0)
		return false;
	if (!read_network(client, len, &network)) {
		*reason = FEED_CLIENT;
		return false;
	}
	return effect_add_client(e, &network, tilde != 0) == 0;
}

static bool add_items(
    struct effect *e, const struct modifier *m, bool types, enum feed_skip *reason)
{
	const char *text = m->value;
	size_t len = m->value_len;

	for (;;) {
		size_t n = adblock_item(text, len, '|');
		bool ok = true;

		if (m->kind == DNSTYPE)
			ok = add_type(e, text, n, types);
		else if (m->kind == DENYALLOW)
			ok = add_except(e, text, n);
		else
			ok = add_client(e, text, n, reason);
		if (!ok || n == len)
			return ok;
		text += n + 1;
		len -= n + 1;
	}
}

static void start_effect(struct effect *e, const struct outline *o, bool allow, bool answers)
{
	unsigned flags = o->important ? EFFECT_IMPORTANT : 0;

	if (o->rewrite && allow)
		effect_init(e, EFFECT_NO_ANSWER, flags);
	else if (answers)
		effect_init(e, EFFECT_ANSWER, flags);
	else
		effect_init(e, allow ? EFFECT_ALLOW : EFFECT_BLOCK, flags);
}

/* Is the outline one of a rule that can be kept, and is it one with an answer? */
static bool check_outline(
    const struct outline *o, bool allow, bool rewrites, bool *answers, enum feed_skip *reason)
{
	*reason = FEED_BAD;
	*answers = o->rewrite && o->has_value;
	if (!o->rewrite)
		return true;
	/* Without a value it is an exception; as such, an answer without anything is no value that
	 * could be told from none. */
	if (!allow && !o->has_value)
		return false;
	*reason = FEED_NOT_HERE;
	if (allow)
		return !*answers || o->value.rcode != 0 || o->value.type != 0;
	/* One that takes others away has to be what they are in lists that may answer. */
	if (rewrites || o->badfilter)
		return true;
	*answers = false;
	*reason = FEED_REWRITE;
	return adblock_rewrite_blocks(&o->value);
}

bool adblock_read_modifiers(struct adblock_modifiers *m, const char *text, size_t len, bool allow,
    bool rewrites, enum feed_skip *reason)
{
	struct modifier modifier;
	struct outline o;
	bool answers, bad;

	if (!read_outline(&o, text, len, reason) ||
	    !check_outline(&o, allow, rewrites, &answers, reason))
		return false;
	m->badfilter = o.badfilter;
	m->rewrite = o.rewrite;
	m->limited = o.limited;
	start_effect(&m->effect, &o, allow, answers);
	*reason = FEED_BAD;
	while (next_modifier(&modifier, &text, &len, &bad)) {
		if ((modifier.kind == DNSTYPE || modifier.kind == DENYALLOW ||
			modifier.kind == CLIENT) &&
		    !add_items(&m->effect, &modifier, o.types, reason))
			return false;
	}
	if (answers) {
		effect_set_rcode(&m->effect, o.value.rcode);
		if (o.value.type != 0 && effect_add_record(&m->effect, o.value.type, o.value.rdata,
					     o.value.rdata_len) != 0)
			return false;
	}
	effect_finish(&m->effect);
	return true;
}

bool adblock_is_modifiers(const char *text, size_t len)
{
	static const char *const browser[] = {"3p", "all", "app", "badfilter", "csp", "document",
	    "doc", "domain", "elemhide", "font", "frame", "generichide", "ghide", "image",
	    "inline-script", "match-case", "media", "network", "object", "other", "ping", "popup",
	    "redirect", "removeparam", "script", "stylesheet", "subdocument", "third-party",
	    "first-party", "1p", "webrtc", "websocket", "xhr", "xmlhttprequest"};
	size_t n = len != 0 && text[0] == '~' ? 1 : 0;

	/* This is asked behind every `$` of a line: it reads no further than the name. */
	while (n < len && is_name_byte(text[n]))
		n++;
	n = name_length(text, n < len && text[n] != ',' ? n + 1 : n);
	if (n != 0 && text[0] == '~') {
		text++;
		n--;
	}
	if (n != 0 && kind_of(text, n) != KINDS)
		return true;
	for (size_t i = 0; n != 0 && i < sizeof(browser) / sizeof(browser[0]); i++) {
		if (strlen(browser[i]) == n && memcmp(browser[i], text, n) == 0)
			return true;
	}
	return false;
}
