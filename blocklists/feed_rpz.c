/* feed_rpz.c - response policy zones (draft-vixie-dnsop-dns-rpz): a zone file (RFC 1035, 5) whose
 * owner names say when a rule counts and whose records say what happens then.
 *
 *   ads.example.com         CNAME .               the name: no such name
 *   *.example.com           CNAME rpz-passthru.   what is below it: left alone
 *   24.0.2.0.192.rpz-ip     CNAME .               answers with an address of 192.0.2.0/24
 *   www.example.com         A 192.0.2.1           data of the list's own, all records of the owner
 *
 * The records of an owner may stand anywhere, and are one rule in the place of the first: the first
 * record of local data makes us look ahead for all others.  ldns reads the data of records.
 */
#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "blocklists/feed.h"
#include "blocklists/zonefile.h"
#include "lib/dns/msg.h"

#define WORD_SIZE 80 /* a word of the header of a record but for its owner; a label of an address */

/* ---- The zone ---- */

/* A record of local data. */
struct datum {
	uint64_t line;
	uint16_t type;
	uint16_t rdata_len;
	uint8_t trigger_len;
	uint8_t bytes[]; /* trigger, rdata */
};

struct zone {
	struct feed_sink *sink;
	struct feed_counts *counts;
	struct zonefile file;
	uint8_t origin[NAME_SIZE], apex[NAME_SIZE], owner[NAME_SIZE];
	size_t origin_len, apex_len;
	size_t owner_len;      /* 0: none that a record without one could repeat */
	ldns_rdf *ldns_origin; /* the same as origin */
	bool has_origin;       /* there was an $ORIGIN */
	bool has_soa;
	/* Local data from the first record of it on; sorted by trigger and line but while looking
	 * ahead, when it is collected. */
	bool looks_ahead;
	struct datum **data;
	size_t n_data, max_data;
};

static void skip(struct zone *z, const struct zonefile_entry *e, enum feed_skip reason)
{
	feed_skip(e->raw, e->raw_len, reason, e->line, z->sink, z->counts);
}

/* The name text[0..len) of the zone file in lower-case wire form. */
static bool read_name(
    const struct zone *z, const char *text, size_t len, uint8_t name[NAME_SIZE], size_t *name_len)
{
	uint8_t wire[NAME_SIZE];
	bool absolute = len != 0 && text[len - 1] == '.';

	if (len == 1 && (*text == '@' || absolute)) {
		*name_len = absolute ? 1 : z->origin_len;
		memcpy(name, absolute ? (const uint8_t *)"" : z->origin, *name_len);
		return true;
	}
	if (name_from_text(text, len, wire, name_len) != 0)
		return false;
	/* The dot of `\.` ends no name, and needs no further thought: such a name is no rule. */
	if (!absolute) {
		if (*name_len - 1 + z->origin_len > NAME_SIZE)
			return false;
		memcpy(wire + *name_len - 1, z->origin, z->origin_len);
		*name_len += z->origin_len - 1;
	}
	name_lower(name, wire, *name_len);
	return true;
}

static int set_origin(struct zone *z, const uint8_t *name, size_t name_len)
{
	ldns_rdf *rdf = ldns_dname_new_frm_data((uint16_t)name_len, name);

	if (rdf == NULL)
		return ERR_NOMEM;
	ldns_rdf_deep_free(z->ldns_origin);
	z->ldns_origin = rdf;
	memcpy(z->origin, name, name_len);
	z->origin_len = name_len;
	return 0;
}

static void set_apex(struct zone *z, const uint8_t *name, size_t name_len)
{
	memcpy(z->apex, name, name_len);
	z->apex_len = name_len;
}

/* The word at *at, which moves behind it; *len is 0 at the end. */
static const char *next_word(const char **at, size_t *len)
{
	const char *word = *at + strspn(*at, " ");

	*len = strcspn(word, " ");
	*at = word + *len;
	return word;
}

static bool word_is(const char *word, size_t len, const char *text)
{
	return len == strlen(text) && strncasecmp(word, text, len) == 0;
}

static int take_directive(struct zone *z, const struct zonefile_entry *e)
{
	const char *at = e->text, *directive, *word;
	uint8_t name[NAME_SIZE];
	size_t directive_len, len, name_len;

	directive = next_word(&at, &directive_len);
	word = next_word(&at, &len);
	if (word_is(directive, directive_len, "$TTL"))
		return 0;
	if (word_is(directive, directive_len, "$INCLUDE") ||
	    word_is(directive, directive_len, "$GENERATE")) {
		skip(z, e, FEED_NOT_HERE);
		return 0;
	}
	if (!word_is(directive, directive_len, "$ORIGIN") ||
	    !read_name(z, word, len, name, &name_len)) {
		skip(z, e, FEED_BAD);
		return 0;
	}
	if (z->apex_len == 1 && word[len - 1] == '.')
		set_apex(z, name, name_len);
	z->has_origin = true;
	return set_origin(z, name, name_len);
}

/* What becomes of records of a type. */
enum use {
	USE_BAD,
	USE_SOA,
	USE_NOTHING, /* of the zone or its signatures */
	USE_ALIAS,   /* CNAME: mostly an action */
	USE_DATA,
	USE_NOT_HERE
};

static enum use use_of(ldns_rr_type type)
{
	switch ((int)type) {
	case 0:
		return USE_BAD;
	case LDNS_RR_TYPE_SOA:
		return USE_SOA;
	case LDNS_RR_TYPE_CDNSKEY:
	case LDNS_RR_TYPE_CDS:
	case LDNS_RR_TYPE_DNSKEY:
	case LDNS_RR_TYPE_DS:
	case LDNS_RR_TYPE_NSEC:
	case LDNS_RR_TYPE_NSEC3:
	case LDNS_RR_TYPE_NSEC3PARAM:
	case LDNS_RR_TYPE_RRSIG:
	case LDNS_RR_TYPE_ZONEMD:
		return USE_NOTHING;
	case LDNS_RR_TYPE_CNAME:
		return USE_ALIAS;
	case LDNS_RR_TYPE_A:
	case LDNS_RR_TYPE_AAAA:
	case LDNS_RR_TYPE_CAA:
	case LDNS_RR_TYPE_HTTPS:
	case LDNS_RR_TYPE_MX:
	case LDNS_RR_TYPE_NAPTR:
	case LDNS_RR_TYPE_PTR:
	case LDNS_RR_TYPE_SRV:
	case LDNS_RR_TYPE_SSHFP:
	case LDNS_RR_TYPE_SVCB:
	case LDNS_RR_TYPE_TLSA:
	case LDNS_RR_TYPE_TXT:
		return USE_DATA;
	default:
		return USE_NOT_HERE;
	}
}

/* ---- Triggers ---- */

static bool label_is(const uint8_t *label, const char *text)
{
	return label[0] == strlen(text) && memcmp(label + 1, text, label[0]) == 0;
}

/* The last label of what is no name of a host: triggers of other kinds, and actions. */
static bool is_reserved(const uint8_t *label)
{
	return label[0] > 4 && memcmp(label + 1, "rpz-", 4) == 0;
}

/* A number of `base`, digits alone, at most `max`; else -1. */
static long read_number(const uint8_t *text, size_t len, int base, long max)
{
	char copy[WORD_SIZE], *end;
	long n;

	memcpy(copy, text, len);
	copy[len] = '\0';
	/* strtol() also takes blanks, signs and 0x. */
	if (len == 0 || strspn(copy, "0123456789abcdef") != len)
		return -1;
	n = strtol(copy, &end, base);
	return *end == '\0' && n <= max ? n : -1;
}

/* The groups of an IPv6 address in order, `zz` standing for a run of zeros; n of them. */
static bool read_groups(const uint8_t *const groups[], size_t n, uint8_t bytes[16])
{
	size_t at = 0;
	bool run = false;

	memset(bytes, 0, 16);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *group = groups[i];
		long number;

		if (label_is(group, "zz")) {
			if (run || n > 8)
				return false;
			run = true;
			at += 2 * (9 - n);
			continue;
		}
		number = group[0] <= 4 ? read_number(group + 1, group[0], 16, 0xffff) : -1;
		if (number < 0 || at == 16)
			return false;
		bytes[at++] = (uint8_t)(number >> 8);
		bytes[at++] = (uint8_t)number;
	}
	return at == 16;
}

static bool read_octets(const uint8_t *const octets[4], uint8_t bytes[16])
{
	for (size_t i = 0; i < 4; i++) {
		long number = read_number(octets[i] + 1, octets[i][0], 10, 255);

		if (number < 0)
			return false;
		bytes[i] = (uint8_t)number;
	}
	return true;
}

static bool has_host_bits(const struct net *net)
{
	size_t size = net->family == AF_INET ? 4 : 16;

	for (size_t bit = net->bits; bit < 8 * size; bit++) {
		if ((net->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return true;
	}
	return false;
}

/* The network that the first `n` labels of `name` say: the length of its prefix, then the octets or
 * groups of its address, the last first. */
static bool read_network(const uint8_t *name, unsigned n, struct net *net)
{
	const uint8_t *parts[8];
	bool is_v4 = n == 5;
	long bits = read_number(name + 1, name[0], 10, 128);

	memset(net, 0, sizeof(*net));
	if (n < 2 || n > 9 || bits < 1)
		return false;
	for (unsigned i = 1; i < n; i++) {
		name += name[0] + 1;
		parts[n - 1 - i] = name;
		is_v4 = is_v4 && !label_is(name, "zz");
	}
	net->family = is_v4 ? AF_INET : AF_INET6;
	net->bits = (uint8_t)bits;
	if (is_v4)
		return bits <= 32 && read_octets(parts, net->bytes) && !has_host_bits(net);
	return read_groups(parts, n - 1, net->bytes) && !has_host_bits(net);
}

/* `name` as the name of a rule, in `out`; false: it cannot be, with the reason. */
static bool name_rule(
    struct rule *rule, const uint8_t *name, uint8_t out[NAME_SIZE], enum feed_skip *reason)
{
	char text[NAME_TEXT_SIZE];

	name_to_text(name, text);
	*reason = FEED_BAD;
	if (!feed_name(text, strlen(text), out, &rule->name_len))
		return false;
	*reason = FEED_OWN_NAME;
	rule->name = out;
	return !rule_is_own_name(out);
}

/* The rule that a trigger (an owner name without the zone's) stands for, its name in `name`; false:
 * none, with the reason. */
static bool read_trigger(
    const uint8_t *trigger, struct rule *rule, uint8_t name[NAME_SIZE], enum feed_skip *reason)
{
	unsigned n = name_labels(trigger);
	const uint8_t *last = n != 0 ? name_last_labels(trigger, 1) : trigger;
	bool below = trigger[0] == 1 && trigger[1] == '*';

	memset(rule, 0, sizeof(*rule));
	*reason = FEED_NOT_HERE;
	if (n == 0 || (n == 1 && below))
		return false;
	if (label_is(last, "rpz-ip")) {
		*reason = FEED_BAD;
		rule->kind = RULE_ADDRESS;
		return read_network(trigger, n - 1, &rule->network);
	}
	if (is_reserved(last))
		return false;
	rule->kind = below ? RULE_BELOW : RULE_EXACT;
	return name_rule(rule, below ? trigger + 2 : trigger, name, reason);
}

/* ---- Actions ---- */

/* The effect of an RCODE without records; where the list may only block, a plain block. */
static void make_answer(const struct zone *z, struct effect *effect, uint8_t rcode)
{
	if (z->sink->rewrites)
		feed_answer_rcode(effect, EFFECT_NEAREST, rcode);
	else
		effect_init(effect, EFFECT_BLOCK, 0);
}

/* What a CNAME to `target` (lower-case wire form) does. */
enum action { ACTION_NONE, ACTION_EFFECT, ACTION_BAD, ACTION_NOT_HERE };

static enum action read_action(
    const struct zone *z, const uint8_t *target, const uint8_t *trigger, struct effect *effect)
{
	if (target[0] == 0) {
		make_answer(z, effect, RCODE_NXDOMAIN);
		return ACTION_EFFECT;
	}
	if (name_equal(target, (const uint8_t *)"\1*")) {
		make_answer(z, effect, RCODE_NOERROR);
		return ACTION_EFFECT;
	}
	/* A CNAME to its own trigger is how passing was written at first. */
	if (name_equal(target, (const uint8_t *)"\14rpz-passthru") || name_equal(target, trigger)) {
		effect_init(effect, EFFECT_PASS, EFFECT_NEAREST);
		return ACTION_EFFECT;
	}
	if (name_equal(target, (const uint8_t *)"\10rpz-drop")) {
		effect_init(effect, EFFECT_DROP, EFFECT_NEAREST);
		return ACTION_EFFECT;
	}
	if (name_equal(target, (const uint8_t *)"\14rpz-tcp-only")) {
		effect_init(effect, EFFECT_TCP_ONLY, EFFECT_NEAREST);
		return ACTION_EFFECT;
	}
	if (is_reserved(name_last_labels(target, 1)))
		return ACTION_BAD;
	/* The name asked for would stand for the asterisk. */
	if (target[0] == 1 && target[1] == '*')
		return ACTION_NOT_HERE;
	return ACTION_NONE;
}

static int give(
    struct zone *z, const struct zonefile_entry *e, const uint8_t *trigger, struct effect *effect)
{
	uint8_t name[NAME_SIZE];
	enum feed_skip reason;
	struct rule rule;

	if (!read_trigger(trigger, &rule, name, &reason)) {
		skip(z, e, reason);
		return 0;
	}
	effect_finish(effect);
	rule.effect = effect->bytes;
	rule.effect_len = effect->len;
	return feed_give_rule(&rule, e->line, z->sink, z->counts);
}

/* ---- Local data ---- */

static int keep_datum(struct zone *z, const struct zonefile_entry *e, const uint8_t *trigger,
    uint16_t type, const uint8_t *rdata, size_t rdata_len)
{
	size_t trigger_len = name_len(trigger);
	struct datum *d;

	if (z->n_data == z->max_data) {
		size_t max = z->max_data != 0 ? 2 * z->max_data : 64;
		struct datum **data = realloc(z->data, max * sizeof(struct datum *));

		if (data == NULL)
			return ERR_NOMEM;
		z->data = data;
		z->max_data = max;
	}
	d = malloc(sizeof(*d) + trigger_len + rdata_len);
	if (d == NULL)
		return ERR_NOMEM;
	d->line = e->line;
	d->type = type;
	d->rdata_len = (uint16_t)rdata_len;
	d->trigger_len = (uint8_t)trigger_len;
	memcpy(d->bytes, trigger, trigger_len);
	memcpy(d->bytes + trigger_len, rdata, rdata_len);
	z->data[z->n_data++] = d;
	return 0;
}

static int compare_trigger(const struct datum *d, const uint8_t *trigger)
{
	size_t len = name_len(trigger);

	if (d->trigger_len != len)
		return d->trigger_len < len ? -1 : 1;
	return memcmp(d->bytes, trigger, len);
}

static int compare_data(const void *a, const void *b)
{
	const struct datum *x = *(struct datum *const *)a, *y = *(struct datum *const *)b;
	int order = compare_trigger(x, y->bytes);

	if (order != 0)
		return order;
	return x->line < y->line ? -1 : x->line > y->line;
}

static int ignore_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	(void)ctx;
	(void)rule;
	(void)line;
	return 0;
}

static const uint8_t *rdata_of(const struct datum *d)
{
	return d->bytes + d->trigger_len;
}

static bool is_sink(const struct datum *d)
{
	return (d->type == TYPE_A && feed_is_sink(AF_INET, rdata_of(d))) ||
	       (d->type == TYPE_AAAA && feed_is_sink(AF_INET6, rdata_of(d)));
}

/* A CNAME that has other data beside it (RFC 2181, 10.1). */
static bool has_stray_alias(struct datum *const data[], size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct datum *a = data[0], *b = data[i];
		bool same = a->type == b->type && a->rdata_len == b->rdata_len &&
			    memcmp(rdata_of(a), rdata_of(b), a->rdata_len) == 0;

		if (!same && (a->type == LDNS_RR_TYPE_CNAME || b->type == LDNS_RR_TYPE_CNAME))
			return true;
	}
	return false;
}

/* The rule of all the data of one owner; false: none, with the reason. */
static bool make_data(const struct zone *z, struct datum *const data[], size_t n,
    struct effect *effect, enum feed_skip *reason)
{
	*reason = FEED_BAD;
	if (has_stray_alias(data, n))
		return false;
	if (!z->sink->rewrites) {
		*reason = FEED_REWRITE;
		for (size_t i = 0; i < n; i++) {
			if (!is_sink(data[i]))
				return false;
		}
		effect_init(effect, EFFECT_BLOCK, 0);
		return true;
	}
	*reason = FEED_NOT_HERE;
	effect_init(effect, EFFECT_ANSWER, EFFECT_NEAREST);
	for (size_t i = 0; i < n; i++) {
		if (effect_add_record(
			effect, data[i]->type, rdata_of(data[i]), data[i]->rdata_len) != 0)
			return false;
	}
	return true;
}

static int read_entries(struct zone *z, struct zonefile_entry *e);

/* Collect all local data behind this entry. */
static int look_ahead(struct zone *z)
{
	struct feed_sink nobody = {.rule = ignore_rule, .rewrites = z->sink->rewrites};
	struct feed_counts counts = {0};
	struct zone ahead = *z;
	struct zonefile_entry *e = malloc(sizeof(*e));
	int ret = ERR_NOMEM;

	ahead.sink = &nobody;
	ahead.counts = &counts;
	ahead.looks_ahead = true;
	ahead.ldns_origin = ldns_rdf_clone(z->ldns_origin);
	if (e != NULL && ahead.ldns_origin != NULL)
		ret = read_entries(&ahead, e);
	z->data = ahead.data;
	z->n_data = ahead.n_data;
	if (z->n_data != 0)
		qsort(z->data, z->n_data, sizeof(struct datum *), compare_data);
	ldns_rdf_deep_free(ahead.ldns_origin);
	free(e);
	return ret;
}

/* Where the data of a trigger begin in z->data; there are some. */
static size_t find_data(const struct zone *z, const uint8_t *trigger)
{
	size_t low = 0, high = z->n_data - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_trigger(z->data[middle], trigger) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The rule of all the data of an owner, if this entry is the first of them. */
static int give_data(struct zone *z, const struct zonefile_entry *e, const uint8_t *trigger)
{
	size_t first = find_data(z, trigger), n = 1;
	struct effect effect;
	enum feed_skip reason;

	if (z->data[first]->line != e->line)
		return 0;
	while (first + n < z->n_data && compare_trigger(z->data[first + n], trigger) == 0)
		n++;
	if (make_data(z, z->data + first, n, &effect, &reason))
		return give(z, e, trigger, &effect);
	skip(z, e, reason);
	return 0;
}

/* ---- Records ---- */

/* What every reader of such rdata relies on; the form of RFC 3597 (`\# 4 c0000201`) can break it. */
static bool is_well_formed(const ldns_rr *rr, const uint8_t *rdata, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t off = 0, name_len;

	switch (ldns_rr_get_type(rr)) {
	case LDNS_RR_TYPE_A:
		return len == 4;
	case LDNS_RR_TYPE_AAAA:
		return len == 16;
	case LDNS_RR_TYPE_CNAME:
		return name_read(rdata, len, &off, name, &name_len) == 0 && off == len;
	default:
		return len != 0;
	}
}

/* Data of the types that lists are made of, written as usual; ldns takes some microseconds for each.
 * Returns its length; 0: it is something else. */
static size_t read_usual_rdata(
    const struct zone *z, ldns_rr_type type, const char *text, uint8_t rdata[EFFECT_SIZE])
{
	const char *data;
	size_t len, rest_len, rdata_len;

	next_word(&text, &len);
	data = next_word(&text, &len);
	next_word(&text, &rest_len);
	if (rest_len != 0)
		return 0;
	switch (type) {
	case LDNS_RR_TYPE_A:
		return inet_pton(AF_INET, data, rdata) == 1 ? 4 : 0;
	case LDNS_RR_TYPE_AAAA:
		return inet_pton(AF_INET6, data, rdata) == 1 ? 16 : 0;
	case LDNS_RR_TYPE_CNAME:
		return read_name(z, data, len, rdata, &rdata_len) ? rdata_len : 0;
	default:
		return 0;
	}
}

/* The data of a record, `text` being its type and what follows, in wire form.  Returns its length;
 * 0: it is wrong or too long. */
static size_t read_rdata(
    const struct zone *z, ldns_rr_type type, const char *text, uint8_t rdata[EFFECT_SIZE])
{
	const ldns_rr_descriptor *shape;
	ldns_rr *rr = NULL;
	size_t len = read_usual_rdata(z, type, text, rdata);

	if (len != 0)
		return len;
	/* To ldns it is a record whose owner and TTL are left out. */
	if (ldns_rr_new_frm_str(&rr, text, 0, z->ldns_origin, NULL) != LDNS_STATUS_OK)
		return 0;
	shape = ldns_rr_descript((uint16_t)ldns_rr_get_type(rr));
	if (ldns_rr_rd_count(rr) < ldns_rr_descriptor_minimum(shape))
		goto out;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);
		size_t size = ldns_rdf_size(field);

		if (size > EFFECT_SIZE - len) {
			len = 0;
			goto out;
		}
		if (size != 0) /* an empty field has no bytes to point to */
			memcpy(rdata + len, ldns_rdf_data(field), size);
		len += size;
	}
	if (!is_well_formed(rr, rdata, len))
		len = 0;
out:
	ldns_rr_free(rr);
	return len;
}

/* The owner without the name of the zone; false where it is not in the zone. */
static bool strip_apex(const struct zone *z, uint8_t trigger[NAME_SIZE])
{
	if (!name_in_zone(z->owner, z->apex))
		return false;
	memcpy(trigger, z->owner, z->owner_len - z->apex_len);
	trigger[z->owner_len - z->apex_len] = 0;
	return true;
}

static int take_datum(struct zone *z, const struct zonefile_entry *e, const uint8_t *trigger,
    uint16_t type, const uint8_t *rdata, size_t rdata_len)
{
	int ret = 0;

	if (z->looks_ahead)
		return keep_datum(z, e, trigger, type, rdata, rdata_len);
	if (z->data == NULL) {
		ret = keep_datum(z, e, trigger, type, rdata, rdata_len);
		if (ret == 0)
			ret = look_ahead(z);
	}
	return ret != 0 ? ret : give_data(z, e, trigger);
}

static int take_data(struct zone *z, const struct zonefile_entry *e, const uint8_t *trigger,
    ldns_rr_type type, const char *text)
{
	enum action action = ACTION_NONE;
	uint8_t rdata[EFFECT_SIZE], target[NAME_SIZE];
	size_t rdata_len = read_rdata(z, type, text, rdata);
	struct effect effect;

	if (rdata_len == 0) {
		skip(z, e, FEED_BAD);
		return 0;
	}
	if (type == LDNS_RR_TYPE_CNAME) {
		name_lower(target, rdata, rdata_len);
		action = read_action(z, target, trigger, &effect);
	}
	switch (action) {
	case ACTION_EFFECT:
		return give(z, e, trigger, &effect);
	case ACTION_NONE:
		break;
	default:
		skip(z, e, action == ACTION_BAD ? FEED_BAD : FEED_NOT_HERE);
		return 0;
	}
	return take_datum(z, e, trigger, (uint16_t)type, rdata, rdata_len);
}

/* `3600` or `1h30m`. */
static bool is_ttl(const char *word, size_t len)
{
	return *word >= '0' && *word <= '9' && strspn(word, "0123456789smhdwSMHDW") == len;
}

/* The type of a record, class and TTL passed over in any order; *at then stands on it.  0: it has
 * none or is of another class. */
static ldns_rr_type read_type(const char **at)
{
	bool has_class = false, has_ttl = false;
	char word[WORD_SIZE];

	for (;;) {
		const char *behind = *at, *p;
		size_t len;

		p = next_word(&behind, &len);
		if (len == 0 || len >= sizeof(word))
			return 0;
		if (is_ttl(p, len) && !has_ttl) {
			has_ttl = true;
		} else if (word_is(p, len, "IN") && !has_class) {
			has_class = true;
		} else {
			*at = p;
			memcpy(word, p, len);
			word[len] = '\0';
			return ldns_get_rr_type_by_name(word);
		}
		*at = behind;
	}
}

static int take_soa(struct zone *z, const struct zonefile_entry *e)
{
	if (z->has_soa) {
		if (!name_equal(z->owner, z->apex))
			skip(z, e, FEED_NOT_HERE);
		return 0;
	}
	z->has_soa = true;
	if (z->owner_len == 1)
		return 0;
	set_apex(z, z->owner, z->owner_len);
	return z->has_origin ? 0 : set_origin(z, z->owner, z->owner_len);
}

static int take_record(struct zone *z, const struct zonefile_entry *e)
{
	const char *at = e->text, *word;
	uint8_t trigger[NAME_SIZE];
	ldns_rr_type type;
	enum use use;
	size_t len;

	if (*at != ' ') {
		word = next_word(&at, &len);
		if (!read_name(z, word, len, z->owner, &z->owner_len))
			z->owner_len = 0;
	}
	type = read_type(&at);
	use = z->owner_len != 0 ? use_of(type) : USE_BAD;
	if (use == USE_SOA)
		return take_soa(z, e);
	if (use == USE_NOTHING)
		return 0;
	if (use == USE_BAD || !strip_apex(z, trigger)) {
		skip(z, e, FEED_BAD);
		return 0;
	}
	/* Data of the zone's own name is about the zone. */
	if (trigger[0] == 0 && type != LDNS_RR_TYPE_CNAME)
		return 0;
	if (use == USE_NOT_HERE) {
		skip(z, e, FEED_NOT_HERE);
		return 0;
	}
	/* With the blank before it. */
	return take_data(z, e, trigger, type, at - 1);
}

static int read_entries(struct zone *z, struct zonefile_entry *e)
{
	int ret = 0;

	while (ret == 0 && zonefile_next(&z->file, e)) {
		if (e->bad)
			skip(z, e, FEED_BAD);
		else if (e->text[0] == '$')
			ret = take_directive(z, e);
		else
			ret = take_record(z, e);
	}
	return ret;
}

static int rpz_text(
    const char *text, size_t len, struct feed_sink *sink, struct feed_counts *counts)
{
	struct zone z = {.sink = sink, .counts = counts, .apex_len = 1};
	struct zonefile_entry *e = malloc(sizeof(*e));
	int ret = e != NULL ? set_origin(&z, (const uint8_t *)"", 1) : ERR_NOMEM;

	zonefile_start(&z.file, text, len);
	if (ret == 0)
		ret = read_entries(&z, e);
	counts->lines = z.file.line;
	for (size_t i = 0; i < z.n_data; i++)
		free(z.data[i]);
	free(z.data);
	ldns_rdf_deep_free(z.ldns_origin);
	free(e);
	return ret;
}

/* `$TTL 300`, or a record: a name, a TTL and a class or none, a type, data. */
static int rpz_looks(const char *text, size_t len)
{
	char copy[512];
	const char *at = copy, *type;
	size_t n, n_data;

	if (len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return 0;
	for (size_t i = 0; i < len; i++)
		copy[i] = text[i] == '\t' ? ' ' : text[i];
	copy[len] = '\0';
	/* The numbers of a SOA record often stand on lines of their own. */
	n = strspn(copy, "0123456789smhdwSMHDW() ");
	if (strpbrk(copy, "0123456789)") == copy && (copy[n] == '\0' || copy[n] == ';'))
		return 1;
	type = next_word(&at, &n);
	if (word_is(type, n, "$TTL") || word_is(type, n, "$ORIGIN"))
		return 2;
	if (feed_is_address(type, n) || read_type(&at) == 0)
		return 0;
	type = next_word(&at, &n);
	next_word(&at, &n_data);
	if (n_data == 0)
		return 0;
	/* Hosts lines may have names like `a` and `mx`. */
	return word_is(type, n, "CNAME") || word_is(type, n, "SOA") ? 2 : 1;
}

const struct feed_syntax feed_rpz = {
    .name = "rpz",
    .description = "response policy zone (RPZ)",
    .example = "ads.example.com CNAME .",
    .text = rpz_text,
    .looks = rpz_looks,
};
