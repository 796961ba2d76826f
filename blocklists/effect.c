/* effect.c - the bytes of an effect.
 *
 *   verdict | flags | RCODE | items: tag, length (2 bytes), payload
 *
 * One byte each but for the length.  Items stand in the order of their bytes, so there is one way
 * to write an effect.
 */
#include "blocklists/effect.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "lib/dns/name.h"
#include "lib/dns/type.h"

#define HEADER	    3
#define ITEM_HEADER 3
#define RCODE_MAX   15 /* what the header of a message holds (RFC 1035, 4.1.1) */
#define FLAGS	    (EFFECT_IMPORTANT | EFFECT_NEAREST | EFFECT_NEEDED)

/* In the order in which they stand; the records are the last. */
enum tag {
	TAG_TYPE = 1, /* 2 bytes */
	TAG_NOT_TYPE, /* 2 bytes */
	TAG_CLIENT,   /* 4 or 6, prefix length, address of 4 or 16 bytes */
	TAG_NOT_CLIENT,
	TAG_NOT_NAME, /* wire form */
	TAG_RECORD    /* type in 2 bytes, rdata */
};

/* ---- Writing ---- */

void effect_init(struct effect *e, enum effect_verdict verdict, unsigned flags)
{
	e->bytes[0] = (uint8_t)verdict;
	e->bytes[1] = (uint8_t)(flags & FLAGS);
	e->bytes[2] = RCODE_NOERROR;
	e->len = HEADER;
}

/* Where the item before, at or behind which `item` belongs begins; *there: it stands there. */
static size_t place_of(const struct effect *e, const uint8_t *item, size_t item_len, bool *there)
{
	size_t at = HEADER;

	*there = false;
	while (at < e->len) {
		size_t len = ITEM_HEADER + (size_t)msg_u16(e->bytes + at + 1);
		/* The length is compared before the payload, so that no item begins another. */
		int order = memcmp(e->bytes + at, item, len < item_len ? len : item_len);

		*there = order == 0;
		if (order >= 0)
			break;
		at += len;
	}
	return at;
}

/* An item of two pieces. */
static int add(struct effect *e, enum tag tag, const uint8_t *head, size_t head_len,
    const uint8_t *tail, size_t tail_len)
{
	uint8_t item[EFFECT_SIZE];
	size_t payload = head_len + tail_len, len = ITEM_HEADER + payload, at;
	bool there;

	if (tail_len > EFFECT_SIZE || len > EFFECT_SIZE - e->len)
		return ERR_LIMIT;
	item[0] = (uint8_t)tag;
	msg_set_u16(item + 1, (unsigned)payload);
	memcpy(item + ITEM_HEADER, head, head_len);
	if (tail_len != 0)
		memcpy(item + ITEM_HEADER + head_len, tail, tail_len);
	at = place_of(e, item, len, &there);
	if (there)
		return 0;
	memmove(e->bytes + at + len, e->bytes + at, e->len - at);
	memcpy(e->bytes + at, item, len);
	e->len += len;
	return 0;
}

int effect_add_type(struct effect *e, uint16_t type, bool except)
{
	uint8_t bytes[2];

	msg_set_u16(bytes, type);
	return add(e, except ? TAG_NOT_TYPE : TAG_TYPE, bytes, sizeof(bytes), NULL, 0);
}

int effect_add_client(struct effect *e, const struct net *network, bool except)
{
	const uint8_t head[2] = {network->family == AF_INET ? 4 : 6, network->bits};

	return add(e, except ? TAG_NOT_CLIENT : TAG_CLIENT, head, sizeof(head), network->bytes,
	    network->family == AF_INET ? 4 : 16);
}

int effect_add_except(struct effect *e, const uint8_t *name, size_t name_len)
{
	return add(e, TAG_NOT_NAME, name, name_len, NULL, 0);
}

void effect_set_rcode(struct effect *e, uint8_t rcode)
{
	e->bytes[2] = rcode & RCODE_MAX;
}

int effect_add_record(struct effect *e, uint16_t type, const uint8_t *rdata, size_t rdata_len)
{
	uint8_t bytes[2];

	msg_set_u16(bytes, type);
	return add(e, TAG_RECORD, bytes, sizeof(bytes), rdata, rdata_len);
}

void effect_finish(struct effect *e)
{
	if (e->len == HEADER && e->bytes[0] == EFFECT_BLOCK &&
	    (e->bytes[1] & EFFECT_IMPORTANT) == 0)
		e->len = 0;
}

/* ---- Reading ---- */

struct item {
	const uint8_t *bytes; /* of the payload */
	size_t len;
	uint8_t tag;
};

/* The item at *at (0: the first), which moves on; false where there is none. */
static bool next_item(const uint8_t *effect, size_t len, size_t *at, struct item *item)
{
	if (*at == 0)
		*at = HEADER;
	if (*at >= len || len - *at < ITEM_HEADER)
		return false;
	item->tag = effect[*at];
	item->len = msg_u16(effect + *at + 1);
	if (item->len > len - *at - ITEM_HEADER)
		return false;
	item->bytes = effect + *at + ITEM_HEADER;
	*at += ITEM_HEADER + item->len;
	return true;
}

/* TAG_CLIENT and TAG_NOT_CLIENT. */
static bool network_of(const struct item *item, struct net *network)
{
	bool ipv4 = item->len == 2 + 4 && item->bytes[0] == 4 && item->bytes[1] <= 32;
	bool ipv6 = item->len == 2 + 16 && item->bytes[0] == 6 && item->bytes[1] <= 128;

	if (!ipv4 && !ipv6)
		return false;
	*network = (struct net){
	    .bits = item->bytes[1],
	    .family = ipv4 ? AF_INET : AF_INET6,
	};
	memcpy(network->bytes, item->bytes + 2, item->len - 2);
	return true;
}

/* Are the bytes exactly one name, without pointers? */
static bool is_name(const uint8_t *bytes, size_t size)
{
	uint8_t name[NAME_SIZE];
	size_t off = 0, len;

	return name_read(bytes, size, &off, name, &len) == 0 && off == size && len == size;
}

static bool is_lower_name(const uint8_t *bytes, size_t size)
{
	uint8_t lower[NAME_SIZE];

	if (!is_name(bytes, size))
		return false;
	name_lower(lower, bytes, size);
	return memcmp(lower, bytes, size) == 0;
}

/* Types whose data is one name. */
static bool is_name_type(uint16_t type)
{
	return type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_NS || type == TYPE_PTR;
}

static bool is_record(const struct item *item)
{
	if (item->len < 2)
		return false;
	switch (msg_u16(item->bytes)) {
	case TYPE_A:
		return item->len == 2 + 4;
	case TYPE_AAAA:
		return item->len == 2 + 16;
	default:
		return !is_name_type(msg_u16(item->bytes)) ||
		       is_name(item->bytes + 2, item->len - 2);
	}
}

/* Are the bits behind the prefix all 0? */
static bool is_network(const struct item *item)
{
	struct net network;

	if (!network_of(item, &network))
		return false;
	for (unsigned bit = network.bits; bit < 8 * (item->len - 2); bit++) {
		if ((network.bytes[bit / 8] & 0x80 >> bit % 8) != 0)
			return false;
	}
	return true;
}

static bool is_item(const struct item *item, bool answers)
{
	switch ((enum tag)item->tag) {
	case TAG_TYPE:
	case TAG_NOT_TYPE:
		return item->len == 2;
	case TAG_CLIENT:
	case TAG_NOT_CLIENT:
		return is_network(item);
	case TAG_NOT_NAME:
		return is_lower_name(item->bytes, item->len);
	case TAG_RECORD:
		return answers && is_record(item);
	}
	return false;
}

int effect_check(const uint8_t *effect, size_t len)
{
	size_t at = 0, before = 0, start = HEADER;
	struct item item;
	bool answers;

	if (len == 0)
		return 0;
	if (len < HEADER || len > EFFECT_SIZE || effect[0] >= EFFECT_VERDICTS ||
	    (effect[1] & ~FLAGS) != 0 || effect[2] > RCODE_MAX)
		return ERR_FORMAT;
	answers = effect[0] == EFFECT_ANSWER || effect[0] == EFFECT_NO_ANSWER;
	if (effect[2] != RCODE_NOERROR && !answers)
		return ERR_FORMAT;
	if (len == HEADER && effect[0] == EFFECT_BLOCK && (effect[1] & EFFECT_IMPORTANT) == 0)
		return ERR_FORMAT;
	for (; next_item(effect, len, &at, &item); before = start, start = at) {
		size_t shorter = start - before < at - start ? start - before : at - start;

		if (!is_item(&item, answers) ||
		    (before != 0 && memcmp(effect + before, effect + start, shorter) >= 0))
			return ERR_FORMAT;
	}
	return start == len ? 0 : ERR_FORMAT;
}

enum effect_verdict effect_verdict(const uint8_t *effect, size_t len)
{
	return len < HEADER || effect[0] >= EFFECT_VERDICTS ? EFFECT_BLOCK
							    : (enum effect_verdict)effect[0];
}

unsigned effect_flags(const uint8_t *effect, size_t len)
{
	return len < HEADER ? 0 : effect[1];
}

static bool has_client(const struct item *item, const struct effect_ask *ask)
{
	struct net network;

	return ask->client != NULL && network_of(item, &network) &&
	       net_contains(&network, ask->client);
}

bool effect_applies(
    const uint8_t *effect, size_t len, const struct effect_ask *ask, bool *by_client)
{
	bool types = false, type = false; /* there are types; the one asked for is among them */
	bool clients = false, client = false, not_clients = false, not_client = false;
	struct item item;

	for (size_t at = 0; next_item(effect, len, &at, &item) && item.tag < TAG_RECORD;) {
		switch ((enum tag)item.tag) {
		case TAG_TYPE:
			types = true;
			type |= item.len == 2 && msg_u16(item.bytes) == ask->type;
			break;
		case TAG_NOT_TYPE:
			if (item.len == 2 && msg_u16(item.bytes) == ask->type)
				return false;
			break;
		case TAG_CLIENT:
			clients = true;
			client |= has_client(&item, ask);
			break;
		case TAG_NOT_CLIENT:
			not_clients = true;
			not_client |= has_client(&item, ask);
			break;
		case TAG_NOT_NAME:
			if (is_name(item.bytes, item.len) && name_in_zone(ask->name, item.bytes))
				return false;
			break;
		case TAG_RECORD:
			break;
		}
	}
	if (types && !type)
		return false;
	*by_client |= clients || not_clients;
	return !not_client && (client || !clients);
}

bool effect_has_types(const uint8_t *effect, size_t len)
{
	struct item item;

	for (size_t at = 0; next_item(effect, len, &at, &item);)
		if (item.tag == TAG_TYPE || item.tag == TAG_NOT_TYPE)
			return true;
	return false;
}

uint8_t effect_rcode(const uint8_t *effect, size_t len)
{
	return len < HEADER ? RCODE_NOERROR : effect[2] & RCODE_MAX;
}

bool effect_record(const uint8_t *effect, size_t len, size_t *at, uint16_t *type,
    const uint8_t **rdata, size_t *rdata_len)
{
	struct item item;

	while (next_item(effect, len, at, &item)) {
		if (item.tag == TAG_RECORD && item.len >= 2) {
			*type = msg_u16(item.bytes);
			*rdata = item.bytes + 2;
			*rdata_len = item.len - 2;
			return true;
		}
	}
	return false;
}

/* Where the records begin: they are the last items. */
static size_t records_at(const uint8_t *effect, size_t len)
{
	size_t at = 0, start = len < HEADER ? len : HEADER;
	struct item item;

	while (next_item(effect, len, &at, &item) && item.tag < TAG_RECORD)
		start = at;
	return start;
}

bool effect_voids(const uint8_t *by, size_t by_len, const uint8_t *answer, size_t answer_len)
{
	size_t by_at = records_at(by, by_len), at = records_at(answer, answer_len);

	if ((effect_flags(answer, answer_len) & ~effect_flags(by, by_len) & EFFECT_IMPORTANT) != 0)
		return false;
	if (effect_rcode(by, by_len) == RCODE_NOERROR && by_at == by_len)
		return true;
	return effect_rcode(by, by_len) == effect_rcode(answer, answer_len) &&
	       by_len - by_at == answer_len - at &&
	       memcmp(by + by_at, answer + at, by_len - by_at) == 0;
}

/* ---- Words ---- */

/* Text that is cut at its end. */
struct words {
	char *text;
	size_t len, size;
};

static void QUELL_PRINTF(2, 3) say(struct words *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->text + w->len, w->size - w->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->len += (size_t)n < w->size - w->len ? (size_t)n : w->size - w->len - 1;
}

static void say_type(struct words *w, uint16_t type)
{
	char text[TYPE_TEXT_SIZE];

	say(w, "%s", type_to_text(type, text));
}

static void say_rcode(struct words *w, unsigned rcode)
{
	static const char *const names[RCODE_MAX + 1] = {"NOERROR", "FORMERR", "SERVFAIL",
	    "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
	    "NOTZONE"};

	if (names[rcode] != NULL)
		say(w, "%s", names[rcode]);
	else
		say(w, "RCODE%u", rcode);
}

static void say_network(struct words *w, const struct item *item)
{
	char text[ADDR_TEXT_SIZE];
	struct net network;

	if (!network_of(item, &network))
		return;
	net_format(&network, text);
	if (network.bits == 8 * (item->len - 2))
		text[strcspn(text, "/")] = '\0';
	say(w, "%s", text);
}

static void say_record(struct words *w, const struct item *item)
{
	char text[NAME_TEXT_SIZE > INET6_ADDRSTRLEN ? NAME_TEXT_SIZE : INET6_ADDRSTRLEN];
	const uint8_t *rdata = item->bytes + 2;
	uint16_t type = msg_u16(item->bytes);

	say_type(w, type);
	if (!is_record(item) || (type != TYPE_A && type != TYPE_AAAA && !is_name_type(type))) {
		say(w, "=\\# %zu%s", item->len - 2, item->len > 2 ? " " : ""); /* RFC 3597, 5 */
		for (size_t i = 2; i < item->len && w->len + 1 < w->size; i++)
			say(w, "%02x", item->bytes[i]);
		return;
	}
	if (is_name_type(type))
		name_to_text(rdata, text);
	else
		(void)inet_ntop(type == TYPE_A ? AF_INET : AF_INET6, rdata, text, sizeof(text));
	say(w, "=%s", text);
}

/* `group` is what the items with and without the tilde have in common, and 0 for none. */
static void say_item(struct words *w, const struct item *item, uint8_t *group)
{
	static const struct {
		const char *word;
		uint8_t group;
	} tags[] = {
	    [TAG_TYPE] = {"types=", TAG_TYPE},
	    [TAG_NOT_TYPE] = {"types=", TAG_TYPE},
	    [TAG_CLIENT] = {"clients=", TAG_CLIENT},
	    [TAG_NOT_CLIENT] = {"clients=", TAG_CLIENT},
	    [TAG_NOT_NAME] = {"except=", TAG_NOT_NAME},
	    [TAG_RECORD] = {"", 0},
	};
	char text[NAME_TEXT_SIZE];

	if (item->tag < TAG_TYPE || item->tag > TAG_RECORD ||
	    (item->tag == TAG_RECORD && item->len < 2))
		return;
	if (*group != 0 && *group == tags[item->tag].group)
		say(w, ",");
	else
		say(w, " %s", tags[item->tag].word);
	*group = tags[item->tag].group;
	switch ((enum tag)item->tag) {
	case TAG_TYPE:
	case TAG_NOT_TYPE:
		say(w, "%s", item->tag == TAG_NOT_TYPE ? "~" : "");
		if (item->len == 2)
			say_type(w, msg_u16(item->bytes));
		break;
	case TAG_CLIENT:
	case TAG_NOT_CLIENT:
		say(w, "%s", item->tag == TAG_NOT_CLIENT ? "~" : "");
		say_network(w, item);
		break;
	case TAG_NOT_NAME:
		if (is_name(item->bytes, item->len))
			say(w, "%s", name_to_text(item->bytes, text));
		break;
	case TAG_RECORD:
		say_record(w, item);
		break;
	}
}

const char *effect_text(const uint8_t *effect, size_t len, char *text, size_t size)
{
	static const char *const verdicts[EFFECT_VERDICTS] = {
	    [EFFECT_BLOCK] = "block",
	    [EFFECT_ALLOW] = "allow",
	    [EFFECT_PASS] = "pass",
	    [EFFECT_EXEMPT] = "exempt",
	    [EFFECT_DROP] = "drop",
	    [EFFECT_TCP_ONLY] = "tcp-only",
	    [EFFECT_ANSWER] = "answer",
	    [EFFECT_NO_ANSWER] = "no-answer",
	};
	enum effect_verdict verdict = effect_verdict(effect, len);
	unsigned flags = effect_flags(effect, len), rcode = effect_rcode(effect, len);
	struct words w = {.text = text, .size = size};
	struct item item;
	uint8_t group = 0;

	if (size == 0)
		return text;
	text[0] = '\0';
	if (len == 0)
		return text;
	say(&w, "%s%s%s%s", verdicts[verdict], (flags & EFFECT_IMPORTANT) != 0 ? " important" : "",
	    (flags & EFFECT_NEAREST) != 0 ? " nearest" : "",
	    (flags & EFFECT_NEEDED) != 0 ? " needed" : "");
	if (rcode != RCODE_NOERROR ||
	    (verdict == EFFECT_ANSWER && records_at(effect, len) == len)) {
		say(&w, " rcode=");
		say_rcode(&w, rcode);
	}
	for (size_t at = 0; next_item(effect, len, &at, &item);)
		say_item(&w, &item, &group);
	return text;
}
