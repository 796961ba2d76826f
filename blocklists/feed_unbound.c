/* feed_unbound.c - unbound configurations: `local-zone:` and `local-data:`, as unbound.conf(5)
 * defines them; of the zones the most specific one decides.
 *
 * What a zone means can depend on other lines: a zone of the type redirect answers with its
 * local-data, and a tag makes it one for certain clients.  So the text is read twice, first for
 * those lines.  Where the list may only block, few or none of them are remembered.
 */
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "blocklists/feed.h"
#include "blocklists/grow.h"
#include "lib/dns/msg.h"

/* What a type of zone does. */
enum action {
	ACTION_ANSWER,	 /* a code, or nothing */
	ACTION_NULL,	 /* the null addresses */
	ACTION_REDIRECT, /* its local-data, for all names of the zone */
	ACTION_DROP,	 /* no answer */
	ACTION_NO_A,	 /* no IPv4 addresses */
	ACTION_EXEMPT,	 /* resolved as usual */
	ACTION_NOT_HERE
};

struct zone_type {
	const char *name;
	enum action action;
	uint8_t rcode;
	bool ignores_data;    /* local-data in it does not count */
	bool types_fall_back; /* for types that a name's data does not have the zone decides */
};

static const struct zone_type zone_types[] = {
    {"always_nxdomain", ACTION_ANSWER, RCODE_NXDOMAIN, true, false},
    {"always_refuse", ACTION_ANSWER, RCODE_REFUSED, true, false},
    {"always_null", ACTION_NULL, RCODE_NOERROR, true, false},
    {"always_nodata", ACTION_ANSWER, RCODE_NOERROR, true, false},
    {"always_deny", ACTION_DROP, RCODE_NOERROR, true, false},
    {"static", ACTION_ANSWER, RCODE_NXDOMAIN, false, false},
    {"refuse", ACTION_ANSWER, RCODE_REFUSED, false, true},
    {"deny", ACTION_DROP, RCODE_NOERROR, false, true},
    {"inform_deny", ACTION_DROP, RCODE_NOERROR, false, true},
    {"redirect", ACTION_REDIRECT, RCODE_NOERROR, false, false},
    {"inform_redirect", ACTION_REDIRECT, RCODE_NOERROR, false, false},
    {"block_a", ACTION_NO_A, RCODE_NOERROR, false, true},
    {"transparent", ACTION_EXEMPT, RCODE_NOERROR, false, false},
    {"inform", ACTION_EXEMPT, RCODE_NOERROR, false, false},
    {"typetransparent", ACTION_EXEMPT, RCODE_NOERROR, false, true},
    {"always_transparent", ACTION_EXEMPT, RCODE_NOERROR, true, false},
    {"noview", ACTION_EXEMPT, RCODE_NOERROR, false, false},
    {"nodefault", ACTION_NOT_HERE, RCODE_NOERROR, false, false},
    {"ipset", ACTION_NOT_HERE, RCODE_NOERROR, false, false},
};

/* A piece of a line. */
struct word {
	const char *text;
	size_t len;
};

enum note_what { NOTE_ZONE, NOTE_TAG, NOTE_DATA };

/* A line that others depend on. */
struct note {
	enum note_what what;
	uint32_t name_off; /* in reader.names; in wire form */
	uint32_t name_len;
	uint32_t number;	      /* in the order of the text */
	struct word rr;		      /* data: the record */
	const struct zone_type *type; /* zone */
};

struct reader {
	struct feed_sink *sink;
	struct feed_counts *counts;
	struct feed_lines lines;
	bool in_view;
	struct note *notes; /* sorted by name, what, number */
	size_t n_notes, notes_size;
	uint8_t *names;
	size_t names_len, names_size;
	uint8_t zone[NAME_SIZE]; /* the zone of the last line that blocked one */
	size_t zone_len;
};

/* One attribute with its values. */
struct attribute {
	struct word key;
	struct word values[2];
	unsigned n_values;
};

static bool word_is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->text, text, w->len) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next value of *rest: bare, or in quotes of either kind.  False: there is none, or its quote
 * has no end. */
static bool take_value(struct word *rest, struct word *value)
{
	size_t n = feed_word(&rest->text, &rest->len);
	const char *end;

	if (n == 0 || *rest->text == '#')
		return false;
	if (*rest->text != '"' && *rest->text != '\'') {
		*value = (struct word){rest->text, n};
	} else {
		end = memchr(rest->text + 1, *rest->text, rest->len - 1);
		if (end == NULL)
			return false;
		*value = (struct word){rest->text + 1, (size_t)(end - rest->text) - 1};
		n = value->len + 2;
	}
	rest->text += n;
	rest->len -= n;
	return true;
}

/* The next attribute of *rest: its key, a colon behind it. */
static bool take_key(struct word *rest, struct word *key)
{
	size_t n = 0;

	(void)feed_word(&rest->text, &rest->len);
	while (n < rest->len &&
	       ((rest->text[n] >= 'a' && rest->text[n] <= 'z') || rest->text[n] == '-' ||
		   (rest->text[n] >= '0' && rest->text[n] <= '9')))
		n++;
	if (n == 0 || n == rest->len || rest->text[n] != ':')
		return false;
	*key = (struct word){rest->text, n};
	rest->text += n + 1;
	rest->len -= n + 1;
	return true;
}

/* A clause begins: `server:`, `view:` and others have nothing behind them. */
static bool is_clause(const struct word *rest)
{
	struct word left = *rest;

	return feed_word(&left.text, &left.len) == 0 || *left.text == '#';
}

static const struct zone_type *find_type(const struct word *w)
{
	for (size_t i = 0; i < sizeof(zone_types) / sizeof(zone_types[0]); i++) {
		if (word_is(w, zone_types[i].name))
			return &zone_types[i];
	}
	return NULL;
}

/* A record as local-data has it: `NAME [TTL] [CLASS] TYPE DATA`. */
struct record {
	struct word name, type, data;
	bool null; /* a null or loopback address */
	bool leads_on;
};

static bool is_ttl(const struct word *w)
{
	return w->len != 0 && w->text[0] >= '0' && w->text[0] <= '9';
}

static bool take_word(struct word *rest, struct word *out)
{
	size_t n = feed_word(&rest->text, &rest->len);

	*out = (struct word){rest->text, n};
	rest->text += n;
	rest->len -= n;
	return n != 0;
}

static bool word_is_nocase(const struct word *w, const char *text)
{
	return w->len == strlen(text) && strncasecmp(w->text, text, w->len) == 0;
}

static bool read_record(struct word rest, struct record *r)
{
	uint8_t address[16];
	int family;

	memset(r, 0, sizeof(*r));
	if (!take_word(&rest, &r->name) || !take_word(&rest, &r->type))
		return false;
	if (is_ttl(&r->type) && !take_word(&rest, &r->type))
		return false;
	if (word_is_nocase(&r->type, "IN") && !take_word(&rest, &r->type))
		return false;
	if (feed_word(&rest.text, &rest.len) == 0)
		return false;
	r->data = rest;
	family = feed_address(rest.text, rest.len, address);
	if (word_is_nocase(&r->type, "A") || word_is_nocase(&r->type, "AAAA")) {
		if (family != (r->type.len == 1 ? AF_INET : AF_INET6))
			return false;
		r->null = feed_is_sink(family, address);
		r->leads_on = !r->null;
	} else {
		r->leads_on =
		    word_is_nocase(&r->type, "CNAME") || word_is_nocase(&r->type, "DNAME");
	}
	return true;
}

/* ---- the first reading: what other lines depend on ---- */

static int add_note(struct reader *r, const struct word *name, struct note note)
{
	uint8_t wire[NAME_SIZE];
	size_t len;
	int err;

	if (!feed_host(name->text, name->len, wire, &len))
		return 0; /* the second reading says so */
	err = grow((void **)&r->names, &r->names_size, r->names_len + len, 1);
	if (err == 0)
		err = grow((void **)&r->notes, &r->notes_size, r->n_notes + 1, sizeof(note));
	if (err != 0)
		return err;
	memcpy(r->names + r->names_len, wire, len);
	note.name_off = (uint32_t)r->names_len;
	note.name_len = (uint32_t)len;
	note.number = (uint32_t)r->n_notes;
	r->names_len += len;
	r->notes[r->n_notes++] = note;
	return 0;
}

static int note_attribute(struct reader *r, const struct attribute *a)
{
	const struct word *name = &a->values[0];
	struct record record;

	if (r->in_view)
		return 0;
	if (word_is(&a->key, "local-zone-tag"))
		return add_note(r, name, (struct note){.what = NOTE_TAG});
	if (word_is(&a->key, "local-zone") && r->sink->rewrites && find_type(&a->values[1]) != NULL)
		return add_note(
		    r, name, (struct note){.what = NOTE_ZONE, .type = find_type(&a->values[1])});
	if (!word_is(&a->key, "local-data") || !read_record(*name, &record))
		return 0;
	if (!r->sink->rewrites && !record.leads_on)
		return 0;
	return add_note(r, &record.name, (struct note){.what = NOTE_DATA, .rr = *name});
}

/* -1, 0, 1: is the note before, among or behind those of this kind on this name? */
static int compare(const struct reader *r, const struct note *note, const uint8_t *name, size_t len,
    enum note_what what)
{
	size_t shorter = note->name_len < len ? note->name_len : len;
	int order = memcmp(r->names + note->name_off, name, shorter);

	if (order != 0)
		return order < 0 ? -1 : 1;
	if (note->name_len != len)
		return note->name_len < len ? -1 : 1;
	return note->what < what ? -1 : note->what > what;
}

static int note_order(const void *a, const void *b, void *ctx)
{
	const struct note *x = a, *y = b;
	const struct reader *r = ctx;
	int order = compare(r, x, r->names + y->name_off, y->name_len, y->what);

	return order != 0 ? order : x->number < y->number ? -1 : x->number > y->number;
}

/* The notes of a kind on a name: the first of *n. */
static const struct note *notes_on(
    const struct reader *r, const uint8_t *name, size_t len, enum note_what what, size_t *n)
{
	size_t bounds[2]; /* the first of them, and the first behind them */

	*n = 0;
	if (r->n_notes == 0)
		return NULL;
	for (int side = 0; side < 2; side++) {
		size_t low = side == 0 ? 0 : bounds[0], high = r->n_notes;

		while (low < high) {
			size_t mid = low + (high - low) / 2;

			if (compare(r, &r->notes[mid], name, len, what) < side)
				low = mid + 1;
			else
				high = mid;
		}
		bounds[side] = low;
	}
	*n = bounds[1] - bounds[0];
	return r->notes + bounds[0];
}

/* ---- the second reading: rules ---- */

static int skip(struct reader *r, const struct word *what, enum feed_skip reason)
{
	const struct word line = {r->lines.text, r->lines.len};

	if (what == NULL || what->len == 0)
		what = &line;
	feed_skip(what->text, what->len, reason, r->lines.number, r->sink, r->counts);
	return 0;
}

/* The rule on a name that is ready. */
static int give(struct reader *r, enum rule_kind kind, const uint8_t *name, size_t len,
    const struct effect *effect)
{
	struct rule rule = {.kind = kind, .name = name, .name_len = len};

	if (effect != NULL) {
		rule.effect = effect->bytes;
		rule.effect_len = effect->len;
	}
	return feed_give_rule(&rule, r->lines.number, r->sink, r->counts);
}

/* A name of a line in wire form; false, and the name is skipped, where it is no name for a rule. */
static bool read_name(struct reader *r, const struct word *w, uint8_t *name, size_t *len)
{
	if (w->len == 1 && w->text[0] == '.')
		(void)skip(r, NULL, FEED_NOT_HERE);
	else if (!feed_host(w->text, w->len, name, len))
		(void)skip(r, w, FEED_BAD);
	else if (rule_is_own_name(name))
		(void)skip(r, w, FEED_OWN_NAME);
	else
		return true;
	return false;
}

/* Add the record of a note to an effect (and its type, where the rule is to count for that alone).
 * Returns 0, ERR_FORMAT where ldns cannot read it, or ERR_LIMIT. */
static int add_record(struct effect *effect, const struct word *text, bool by_type)
{
	uint8_t rdata[2048];
	char line[2048];
	ldns_rr *rr = NULL;
	size_t len = 0;
	int err = ERR_LIMIT;

	if (text->len >= sizeof(line))
		return ERR_LIMIT;
	if (memchr(text->text, '\0', text->len) != NULL)
		return ERR_FORMAT;
	memcpy(line, text->text, text->len);
	line[text->len] = '\0';
	if (ldns_rr_new_frm_str(&rr, line, 3600, NULL, NULL) != LDNS_STATUS_OK)
		return ERR_FORMAT;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);

		if (ldns_rdf_size(field) > sizeof(rdata) - len)
			goto out;
		memcpy(rdata + len, ldns_rdf_data(field), ldns_rdf_size(field));
		len += ldns_rdf_size(field);
	}
	err = effect_add_record(effect, (uint16_t)ldns_rr_get_type(rr), rdata, len);
	if (err == 0 && by_type)
		err = effect_add_type(effect, (uint16_t)ldns_rr_get_type(rr), false);
out:
	ldns_rr_free(rr);
	return err;
}

/* An answer with all records that there are for a name. */
static int give_records(struct reader *r, enum rule_kind kind, const uint8_t *name, size_t len,
    const struct note *data, size_t n, bool by_type)
{
	struct effect effect;

	effect_init(&effect, EFFECT_ANSWER, EFFECT_NEAREST);
	for (size_t i = 0; i < n; i++) {
		int err = add_record(&effect, &data[i].rr, by_type);

		if (err != 0)
			return skip(r, NULL, err == ERR_FORMAT ? FEED_BAD : FEED_BUDGET);
	}
	effect_finish(&effect);
	return give(r, kind, name, len, &effect);
}

/* The effect of a zone in a list that gives answers of its own, without local-data. */
static void answer_of(const struct zone_type *type, struct effect *effect)
{
	static const uint8_t null[16];

	effect_init(
	    effect, type->action == ACTION_DROP ? EFFECT_DROP : EFFECT_ANSWER, EFFECT_NEAREST);
	if (type->action != ACTION_DROP)
		effect_set_rcode(effect, type->rcode);
	if (type->action == ACTION_NULL) { /* fits into any effect */
		(void)!effect_add_record(effect, TYPE_A, null, 4);
		(void)!effect_add_record(effect, TYPE_AAAA, null, 16);
	}
	if (type->action == ACTION_NO_A)
		(void)!effect_add_type(effect, TYPE_A, false);
	effect_finish(effect);
}

/* A zone that is blocked, one way or another. */
static int give_zone(
    struct reader *r, const struct zone_type *type, const uint8_t *name, size_t len)
{
	const struct note *data;
	struct effect effect;
	size_t n = 0;

	if (type->action == ACTION_REDIRECT)
		data = notes_on(r, name, len, NOTE_DATA, &n);
	if (n != 0 && !r->sink->rewrites)
		return skip(r, NULL, FEED_REWRITE);
	if (n != 0)
		return give_records(r, RULE_SUFFIX, name, len, data, n, false);
	if (r->sink->rewrites) {
		answer_of(type, &effect);
	} else if (type->action == ACTION_NO_A) {
		effect_init(&effect, EFFECT_BLOCK, EFFECT_NEAREST);
		(void)!effect_add_type(&effect, TYPE_A, false); /* fits into any effect */
		effect_finish(&effect);
	} else {
		memcpy(r->zone, name, len);
		r->zone_len = len;
		return give(r, RULE_SUFFIX, name, len, NULL);
	}
	return give(r, RULE_SUFFIX, name, len, &effect);
}

static int read_zone(struct reader *r, const struct attribute *a)
{
	const struct zone_type *type = find_type(&a->values[1]);
	uint8_t name[NAME_SIZE];
	struct effect effect;
	size_t len, n;

	if (type == NULL)
		return skip(r, NULL, FEED_BAD);
	if (type->action == ACTION_NOT_HERE)
		return skip(r, NULL, FEED_NOT_HERE);
	if (!read_name(r, &a->values[0], name, &len))
		return 0;
	(void)notes_on(r, name, len, NOTE_TAG, &n);
	if (n != 0)
		return skip(r, NULL, FEED_CLIENT);
	if (type->action != ACTION_EXEMPT)
		return give_zone(r, type, name, len);
	effect_init(&effect, EFFECT_EXEMPT, EFFECT_NEAREST);
	effect_finish(&effect);
	return give(r, RULE_SUFFIX, name, len, &effect);
}

/* The type of the zone that a name is in; NULL: in none. */
static const struct zone_type *zone_of(const struct reader *r, const uint8_t *name, bool *is_apex)
{
	size_t n;

	for (const uint8_t *zone = name; *zone != 0; zone += *zone + 1u) {
		const struct note *note = notes_on(r, zone, name_len(zone), NOTE_ZONE, &n);

		*is_apex = zone == name;
		if (n != 0)
			return note->type;
	}
	return NULL;
}

/* local-data in a list that gives answers: the first line of a name gives all of its records. */
static int give_data(struct reader *r, const struct word *rr, const uint8_t *name, size_t len)
{
	const struct zone_type *type;
	const struct note *data;
	bool is_apex;
	size_t n;

	type = zone_of(r, name, &is_apex);
	if (type != NULL && (type->ignores_data || (type->action == ACTION_REDIRECT && !is_apex)))
		return skip(r, NULL, FEED_NOT_HERE);
	data = notes_on(r, name, len, NOTE_DATA, &n);
	if (n == 0 || data->rr.text != rr->text ||
	    (type != NULL && type->action == ACTION_REDIRECT))
		return 0;
	return give_records(
	    r, RULE_EXACT, name, len, data, n, type != NULL && type->types_fall_back);
}

static int read_data(struct reader *r, const struct attribute *a)
{
	struct record record;
	uint8_t name[NAME_SIZE];
	size_t len;

	if (!read_record(a->values[0], &record))
		return skip(r, NULL, FEED_BAD);
	if (!read_name(r, &record.name, name, &len))
		return 0;
	if (r->sink->rewrites)
		return give_data(r, &a->values[0], name, len);
	if (!record.null)
		return skip(r, NULL, FEED_REWRITE);
	/* The zone of the line before, which is blocked with all that is in it. */
	if (len == r->zone_len && memcmp(name, r->zone, len) == 0)
		return 0;
	return give(r, RULE_EXACT, name, len, NULL);
}

static int read_attribute(struct reader *r, const struct attribute *a)
{
	if (r->in_view || word_is(&a->key, "local-zone-tag"))
		return skip(r, NULL, FEED_CLIENT);
	return word_is(&a->key, "local-zone") ? read_zone(r, a) : read_data(r, a);
}

/* Both readings go this way. */
typedef int attribute_fn(struct reader *r, const struct attribute *a);

/* The attributes of a line that matter here, to fn(); `second`: what is not understood, or not for
 * here, is skipped. */
static int each_attribute(struct reader *r, attribute_fn *fn, bool second)
{
	struct word rest = {r->lines.text, r->lines.len};
	int ret = 0;

	while (ret == 0 && feed_word(&rest.text, &rest.len) != 0 && *rest.text != '#') {
		struct attribute a = {.n_values = 0};
		unsigned n_wanted = 0;

		if (!take_key(&rest, &a.key))
			return second ? skip(r, NULL, FEED_BAD) : 0;
		if (is_clause(&rest) || word_is(&a.key, "server")) {
			r->in_view = word_is(&a.key, "view");
			if (second && !word_is(&a.key, "server"))
				return skip(r, NULL, FEED_NOT_HERE);
			continue;
		}
		if (word_is(&a.key, "local-data"))
			n_wanted = 1;
		else if (word_is(&a.key, "local-zone") || word_is(&a.key, "local-zone-tag"))
			n_wanted = 2;
		else
			return second ? skip(r, NULL, FEED_NOT_HERE) : 0;
		while (a.n_values < n_wanted && take_value(&rest, &a.values[a.n_values]))
			a.n_values++;
		if (a.n_values < n_wanted || (rest.len != 0 && !is_blank(*rest.text)))
			return second ? skip(r, NULL, FEED_BAD) : 0;
		ret = fn(r, &a);
	}
	return ret;
}

static bool contains(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what)) != NULL;
}

static int first_reading(struct reader *r, const char *text, size_t len)
{
	int err = 0;

	/* Zones alone, as most lists have them, do not depend on each other. */
	if (!contains(text, len, "local-data") && !contains(text, len, "local-zone-tag"))
		return 0;
	feed_lines_start(&r->lines, text, len);
	while (err == 0 && feed_lines_next(&r->lines))
		err = each_attribute(r, note_attribute, false);
	if (err == 0 && r->n_notes != 0)
		qsort_r(r->notes, r->n_notes, sizeof(*r->notes), note_order, r);
	return err;
}

static int unbound_text(
    const char *text, size_t len, struct feed_sink *sink, struct feed_counts *counts)
{
	struct reader r = {.sink = sink, .counts = counts};
	int ret = first_reading(&r, text, len);

	r.in_view = false;
	feed_lines_start(&r.lines, text, len);
	while (ret == 0 && feed_lines_next(&r.lines)) {
		counts->lines = r.lines.number;
		ret = each_attribute(&r, read_attribute, true);
	}
	free(r.notes);
	free(r.names);
	return ret;
}

static int unbound_looks(const char *text, size_t len)
{
	static const char *const sure[] = {"local-zone", "local-data", "local-zone-tag", "server"};
	struct word rest = {text, len}, key;

	if (!take_key(&rest, &key))
		return 0;
	for (size_t i = 0; i < sizeof(sure) / sizeof(sure[0]); i++) {
		if (word_is(&key, sure[i]))
			return 2;
	}
	return rest.len == 0 || is_blank(*rest.text) ? 1 : 0;
}

const struct feed_syntax feed_unbound = {
    .name = "unbound",
    .description = "unbound configuration",
    .example = "local-zone: \"ads.example.com\" always_nxdomain",
    .text = unbound_text,
    .looks = unbound_looks,
};
