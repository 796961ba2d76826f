/* oracle.c - see oracle.h. */
#include "tests/unit/oracle.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What lib/dns knows the form of, written down a second time: where names stand in the rdata, how
 * many of ldns' fields there must be at least, and what ends the rdata. */
enum end { END_FIXED, END_TYPE_MAP, END_MAP_OR_NONE, END_PARAMS };

struct form {
	uint16_t type;
	uint8_t n_fields;
	uint8_t prefix;	   /* bytes before the strings */
	uint8_t n_strings; /* before the names */
	uint8_t n_names;
	enum end end;
};

static const struct form forms[] = {
    {LDNS_RR_TYPE_A, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_NS, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_MD, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_MF, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_CNAME, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_SOA, 7, 0, 0, 2, END_FIXED},
    {LDNS_RR_TYPE_MB, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_MG, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_MR, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_WKS, 2, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_PTR, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_HINFO, 2, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_MINFO, 2, 0, 0, 2, END_FIXED},
    {LDNS_RR_TYPE_MX, 2, 2, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_TXT, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_RP, 2, 0, 0, 2, END_FIXED},
    {LDNS_RR_TYPE_AFSDB, 2, 2, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_RT, 2, 2, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_SIG, 8, 18, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_PX, 3, 2, 0, 2, END_FIXED},
    {LDNS_RR_TYPE_AAAA, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_NXT, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_SRV, 4, 6, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_NAPTR, 6, 4, 3, 1, END_FIXED},
    {LDNS_RR_TYPE_DNAME, 1, 0, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_RRSIG, 8, 18, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_NSEC, 1, 0, 0, 1, END_TYPE_MAP},
    {LDNS_RR_TYPE_SVCB, 2, 2, 0, 1, END_PARAMS},
    {LDNS_RR_TYPE_HTTPS, 2, 2, 0, 1, END_PARAMS},
    {LDNS_RR_TYPE_X25, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_ISDN, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_KEY, 3, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_GPOS, 3, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_LOC, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_KX, 2, 2, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_CERT, 4, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_APL, 0, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_DS, 4, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_SSHFP, 3, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_IPSECKEY, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_DNSKEY, 4, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_DHCID, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_NSEC3, 5, 0, 0, 0, END_MAP_OR_NONE},
    {LDNS_RR_TYPE_NSEC3PARAM, 4, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_TLSA, 4, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_SMIMEA, 4, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_HIP, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_NINFO, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_RKEY, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_TALINK, 2, 0, 0, 2, END_FIXED},
    {LDNS_RR_TYPE_CDS, 4, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_CDNSKEY, 4, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_OPENPGPKEY, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_CSYNC, 2, 0, 0, 0, END_MAP_OR_NONE},
    {LDNS_RR_TYPE_ZONEMD, 4, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_SPF, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_NID, 2, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_L32, 2, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_L64, 2, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_LP, 2, 2, 0, 1, END_FIXED},
    {LDNS_RR_TYPE_EUI48, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_EUI64, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_URI, 3, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_CAA, 2, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_AVC, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_AMTRELAY, 1, 0, 0, 0, END_FIXED},
    {LDNS_RR_TYPE_DLV, 4, 0, 0, 0, END_FIXED},
};

static const struct form *form_of(unsigned type)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].type == type)
			return &forms[i];
	}
	return NULL;
}

bool oracle_pointers_differ(const uint8_t *msg, size_t off, unsigned n_followed)
{
	size_t run = off, pos = off, limit = SIZE_MAX;
	unsigned n = 0;

	while (n < n_followed) {
		if (msg[pos] < 0xc0) {
			if (pos + msg[pos] + 1 > limit)
				return true;
			if (msg[pos] == 0)
				break;
			pos += msg[pos] + 1u;
			continue;
		}
		if (pos + 2 > limit)
			return true;
		pos = (msg[pos] & 0x3fu) << 8 | msg[pos + 1];
		if (pos < 12 || pos >= run || ++n > ORACLE_ALL_POINTERS - 1)
			return true;
		limit = run;
		run = pos;
	}
	return false;
}

/* Move *pos behind the name there.  False where ldns cannot read it. */
static bool ldns_skips_name(const uint8_t *msg, size_t len, size_t *pos)
{
	ldns_rdf *name = NULL;
	bool ok = ldns_wire2dname(&name, msg, len, pos) == LDNS_STATUS_OK;

	ldns_rdf_deep_free(name);
	return ok;
}

/* A record (or question) as it stands in the message, read with ldns' help alone. */
struct place {
	size_t owner, fixed, rdata, end;
	unsigned type;
};

static bool find_place(const uint8_t *msg, size_t len, size_t pos, bool question, struct place *at)
{
	at->owner = pos;
	if (!ldns_skips_name(msg, len, &pos) || len - pos < (question ? 4u : 10u))
		return false;
	at->fixed = pos;
	at->type = ldns_read_uint16(msg + pos);
	at->rdata = at->end = pos + (question ? 4 : 10);
	if (!question)
		at->end += ldns_read_uint16(msg + pos + 8);
	return at->end <= len;
}

static bool type_map_ok(const ldns_rdf *map)
{
	const uint8_t *p;
	size_t left;
	int window = -1;

	if (map == NULL)
		return false;
	p = ldns_rdf_data(map);
	left = ldns_rdf_size(map);
	while (left >= 2 && p[0] > window && p[1] >= 1 && p[1] <= 32 && p[1] + 2u <= left) {
		window = p[0];
		left -= p[1] + 2u;
		p += p[1] + 2u;
	}
	return left == 0;
}

static bool strings_ok(const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;

	if (len == 0)
		return false;
	while (p < end)
		p += p[0] + 1;
	return p == end;
}

static bool params_ok(const ldns_rdf *params)
{
	const uint8_t *p;
	size_t left;
	int key = -1;

	if (params == NULL)
		return true;
	p = ldns_rdf_data(params);
	left = ldns_rdf_size(params);
	while (left >= 4 && ldns_read_uint16(p) > key && ldns_read_uint16(p + 2) + 4u <= left) {
		size_t n = ldns_read_uint16(p + 2);

		key = ldns_read_uint16(p);
		if ((key == 0 && (n == 0 || n % 2 != 0)) || (key == 1 && !strings_ok(p + 4, n)) ||
		    (key == 2 && n != 0) || (key == 3 && n != 2) ||
		    (key == 4 && (n == 0 || n % 4 != 0)) || (key == 6 && (n == 0 || n % 16 != 0)))
			return false;
		left -= n + 4u;
		p += n + 4u;
	}
	return left == 0;
}

/* Move *pos behind the name there, which ldns has not read yet.  False where it cannot be read as name.h
 * says. */
static bool skips_name(const uint8_t *msg, size_t len, size_t *pos)
{
	size_t begin = *pos;

	return ldns_skips_name(msg, len, pos) &&
	       !oracle_pointers_differ(msg, begin, ORACLE_ALL_POINTERS);
}

/* Do the names from msg[pos] on end at `end`? */
static bool names_ok(const uint8_t *msg, size_t len, size_t pos, size_t end)
{
	while (pos < end) {
		if (!skips_name(msg, len, &pos))
			return false;
	}
	return pos == end;
}

/* A gateway of the kind `kind` at msg[pos], with a key behind it or not. */
static bool gateway_ok(
    const uint8_t *msg, size_t len, size_t pos, size_t end, unsigned kind, bool key)
{
	if (kind == 3 && (pos == end || !skips_name(msg, len, &pos)))
		return false;
	pos += kind == 1 ? 4 : kind == 2 ? 16 : 0;
	return kind <= 3 && (key ? pos <= end : pos == end);
}

/* What ldns takes as any bytes, and does have a form. */
static bool value_ok(const uint8_t *msg, size_t len, const struct place *at)
{
	static const int digests[] = {1, 20, 32, 32, 48};
	const uint8_t *p = msg + at->rdata;
	size_t n = at->end - at->rdata;

	switch (at->type) {
	case LDNS_RR_TYPE_LOC:
		return n == 16;
	case LDNS_RR_TYPE_WKS:
		return n >= 5;
	case LDNS_RR_TYPE_NINFO:
	case LDNS_RR_TYPE_AVC:
		return strings_ok(p, n);
	case LDNS_RR_TYPE_RKEY:
		return n > 4;
	case LDNS_RR_TYPE_DS:
	case LDNS_RR_TYPE_CDS:
	case LDNS_RR_TYPE_DLV:
		return n > 4 && (p[3] > 4 || (size_t)digests[p[3]] == n - 4);
	case LDNS_RR_TYPE_CAA:
		if (n < 3 || p[1] == 0)
			return false;
		for (unsigned i = 0; i < p[1]; i++)
			if (p[2 + i] > 127 || !isalnum(p[2 + i]))
				return false;
		return true;
	case LDNS_RR_TYPE_APL:
		for (; n >= 4; p += 4 + (p[3] & 127), n -= 4) {
			size_t most = p[1] == 1 ? 4 : 16, bits = p[2];

			if ((p[3] & 127u) > n - 4)
				return false;
			if (p[0] == 0 && (p[1] == 1 || p[1] == 2) &&
			    ((p[3] & 127u) > most || bits > most * 8))
				return false;
			n -= p[3] & 127u;
		}
		return n == 0;
	case LDNS_RR_TYPE_HIP:
		if (n < 4 || 4u + p[0] + ldns_read_uint16(p + 2) > n)
			return false;
		return names_ok(msg, len, at->rdata + 4u + p[0] + ldns_read_uint16(p + 2), at->end);
	case LDNS_RR_TYPE_IPSECKEY:
		return n >= 3 && gateway_ok(msg, len, at->rdata + 3, at->end, p[1] & 127, true);
	case LDNS_RR_TYPE_AMTRELAY:
		return n >= 2 && gateway_ok(msg, len, at->rdata + 2, at->end, p[1] & 127, false);
	default:
		return true;
	}
}

/* A HIP with more than 255 names: ldns counts its fields in a byte, and then takes what follows for a tag and a
 * key again. */
static bool ldns_loses_count(const uint8_t *msg, size_t len, const struct place *at)
{
	const uint8_t *p = msg + at->rdata;
	size_t n = at->end - at->rdata, pos;

	if (at->type != LDNS_RR_TYPE_HIP || n < 4)
		return false;
	pos = at->rdata + 4u + p[0] + ldns_read_uint16(p + 2);
	for (unsigned i = 0; i < 255 && pos < at->end; i++) {
		if (!ldns_skips_name(msg, len, &pos))
			return false;
	}
	return pos < at->end;
}

/* The reasons to reject the rdata that ldns could read, up to msg[ldns_end). */
static unsigned strictness(
    const uint8_t *msg, size_t len, const struct place *at, const ldns_rr *rr, size_t ldns_end)
{
	const struct form *form = form_of(at->type);
	size_t pos = at->rdata;
	unsigned found = 0;

	if (form == NULL)
		return 0;
	if (ldns_end != at->end)
		return ORACLE_LENGTH;
	if (ldns_rr_rd_count(rr) < form->n_fields)
		return ORACLE_SHORT;
	pos += form->prefix;
	for (unsigned i = 0; i < form->n_strings; i++)
		pos += msg[pos] + 1u;
	for (unsigned i = 0; i < form->n_names; i++) {
		if (oracle_pointers_differ(msg, pos, ORACLE_ALL_POINTERS))
			found |= ORACLE_POINTER;
		if (!ldns_skips_name(msg, len, &pos))
			break;
	}
	if (form->end == END_TYPE_MAP && !type_map_ok(ldns_rr_rdf(rr, 1)))
		found |= ORACLE_TYPE_MAP;
	if (form->end == END_MAP_OR_NONE && ldns_rr_rd_count(rr) > form->n_fields &&
	    !type_map_ok(ldns_rr_rdf(rr, form->n_fields)))
		found |= ORACLE_TYPE_MAP;
	if (form->end == END_PARAMS && !params_ok(ldns_rr_rdf(rr, 2)))
		found |= ORACLE_PARAMS;
	if (!value_ok(msg, len, at))
		found |= ORACLE_VALUE;
	return found;
}

/* The name at msg[*pos], up to `end`, ends in a pointer.  Moves *pos behind it. */
static bool ends_in_pointer(const uint8_t *msg, size_t end, size_t *pos)
{
	while (*pos < end && msg[*pos] > 0 && msg[*pos] < 0xc0)
		*pos += msg[*pos] + 1u;
	if (*pos >= end)
		return false;
	return msg[(*pos)++] >= 0xc0;
}

/* What ldns sees in rdata that is opaque here: an end elsewhere, or a compressed name. */
static unsigned opaqueness(const uint8_t *msg, const struct place *at, size_t ldns_end)
{
	size_t pos = at->rdata;

	if (ldns_end != at->end)
		return ORACLE_LENGTH;
	if ((at->type == LDNS_RR_TYPE_TKEY || at->type == LDNS_RR_TYPE_TSIG) &&
	    ends_in_pointer(msg, at->end, &pos))
		return ORACLE_OPAQUE_NAME;
	return 0;
}

/* The name of a gateway that ends in a pointer: for ldns two bytes as they stand. */
static bool gateway_is_compressed(const uint8_t *msg, const struct place *at)
{
	size_t pos = at->rdata + (at->type == LDNS_RR_TYPE_IPSECKEY ? 3 : 2);

	return (at->type == LDNS_RR_TYPE_IPSECKEY || at->type == LDNS_RR_TYPE_AMTRELAY) &&
	       pos < at->end && (msg[at->rdata + 1] & 127) == 3 &&
	       ends_in_pointer(msg, at->end, &pos);
}

/* A message read by ldns record by record, each where the message says that it begins; and what is
 * to be expected of both. */
struct record {
	ldns_rr *rr;	    /* NULL where ldns cannot read it, or not as it stands */
	bool rdata_differs; /* ldns sees in the rdata what does not come through a copy */
};

struct reading {
	struct record *records; /* behind the questions */
	unsigned n_records;
	bool ldns_accepts, we_accept;
	unsigned differences;
};

static void reading_fini(struct reading *v)
{
	for (unsigned i = 0; i < v->n_records; i++)
		ldns_rr_free(v->records[i].rr);
	free(v->records);
}

/* ldns takes a TSIG out of the additional section while it counts, so it misses a record behind. */
static bool tsig_is_misplaced(const struct reading *v, unsigned n_before, unsigned n_counted)
{
	for (unsigned i = n_before; i < v->n_records && i + 1 < n_counted; i++) {
		const ldns_rr *rr = v->records[i].rr;

		if (rr != NULL && ldns_rr_get_type(rr) == LDNS_RR_TYPE_TSIG)
			return true;
	}
	return false;
}

/* Judge what ldns read up to msg[ldns_end), or could not read (`rr` NULL). */
static void judge(struct reading *v, const uint8_t *msg, size_t len, const struct place *at,
    bool question, const ldns_rr *rr, size_t ldns_end)
{
	bool opaque = !question && form_of(at->type) == NULL;
	unsigned reasons =
	    oracle_pointers_differ(msg, at->owner, ORACLE_ALL_POINTERS) ? ORACLE_POINTER : 0;

	v->ldns_accepts = v->ldns_accepts && rr != NULL;
	if (rr == NULL && opaque) {
		v->differences |= ORACLE_OPAQUE;
	} else if (rr == NULL && !question && ldns_loses_count(msg, len, at)) {
		v->differences |= ORACLE_COUNT;
		v->we_accept = v->we_accept && value_ok(msg, len, at);
	} else if (rr == NULL) {
		v->we_accept = false;
	} else if (opaque) {
		v->differences |= opaqueness(msg, at, ldns_end);
	} else if (!question) {
		reasons |= strictness(msg, len, at, rr, ldns_end);
	}
	v->differences |= reasons;
	v->we_accept = v->we_accept && reasons == 0;
}

static struct reading read_message(const uint8_t *msg, size_t len)
{
	struct reading v = {.ldns_accepts = true, .we_accept = true};
	unsigned n_questions, n_before, n;
	size_t pos = 12;

	if (len < 12)
		return (struct reading){0};
	n_questions = ldns_read_uint16(msg + 4);
	n_before = ldns_read_uint16(msg + 6) + ldns_read_uint16(msg + 8);
	n = n_questions + n_before + ldns_read_uint16(msg + 10);
	v.records = calloc(len, sizeof(v.records[0])); /* each record has 11 bytes and more */
	if (v.records == NULL)
		abort();
	for (unsigned i = 0; i < n; i++) {
		bool question = i < n_questions;
		struct record record = {NULL, false};
		struct place at;

		if (!find_place(msg, len, pos, question, &at)) {
			v.ldns_accepts = v.we_accept = false;
			break;
		}
		if (ldns_wire2rr(&record.rr, msg, len, &pos,
			question ? LDNS_SECTION_QUESTION : LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
			record.rr = NULL;
		if (!question && ldns_loses_count(msg, len, &at)) {
			ldns_rr_free(record.rr);
			record.rr = NULL;
		}
		judge(&v, msg, len, &at, question, record.rr, pos);
		if (question) {
			ldns_rr_free(record.rr);
		} else {
			record.rdata_differs =
			    record.rr != NULL &&
			    (gateway_is_compressed(msg, &at) ||
				(form_of(at.type) == NULL && opaqueness(msg, &at, pos) != 0));
			v.records[v.n_records++] = record;
		}
		pos = at.end;
	}
	if (tsig_is_misplaced(&v, n_before, n - n_questions))
		v.differences |= ORACLE_TSIG;
	return v;
}

size_t oracle_copy(const uint8_t *msg, size_t len, uint8_t *out, size_t size)
{
	struct msg_writer w;
	struct msg_walk walk;
	struct msg_rr rr;
	int more;

	if (msg_walk_start(&walk, msg, len) < 0)
		return 0;
	msg_write_start(&w, out, size, msg_u16(msg), msg_u16(msg + 2));
	while ((more = msg_walk_next(&walk, &rr)) > 0) {
		if (msg_write_copy(&w, msg, len, &rr, msg_u32(msg + rr.ttl_off)) < 0)
			return 0;
	}
	return more == 0 && !w.out.failed ? w.out.pos : 0;
}

/* What lib/dns really does: 0 or ERR_FORMAT.  Each record by itself, so that room is no matter. */
static int walk_and_copy(const uint8_t *msg, size_t len)
{
	static uint8_t out[MSG_MAX];
	struct msg_writer w;
	struct msg_walk walk;
	struct msg_rr rr;
	int more;

	if (msg_walk_start(&walk, msg, len) < 0)
		return ERR_FORMAT;
	while ((more = msg_walk_next(&walk, &rr)) > 0) {
		msg_write_start(&w, out, sizeof(out), 0, 0);
		if (msg_write_copy(&w, msg, len, &rr, rr.ttl) == ERR_FORMAT)
			return ERR_FORMAT;
	}
	return more;
}

static bool same_rr(const ldns_rr *a, const ldns_rr *b)
{
	uint8_t *wire_a = NULL, *wire_b = NULL;
	size_t len_a = 0, len_b = 0;
	bool same;

	/* Uncompressed, in the letter case that was read. */
	same = ldns_rr2wire(&wire_a, a, LDNS_SECTION_ANSWER, &len_a) == LDNS_STATUS_OK &&
	       ldns_rr2wire(&wire_b, b, LDNS_SECTION_ANSWER, &len_b) == LDNS_STATUS_OK &&
	       len_a == len_b && memcmp(wire_a, wire_b, len_a) == 0;
	LDNS_FREE(wire_a);
	LDNS_FREE(wire_b);
	return same;
}

/* Each record that msg_walk_next() gives, against ldns' reading. */
static const char *check_walk(const uint8_t *msg, size_t len, const struct reading *v)
{
	uint8_t owner[NAME_SIZE];
	struct msg_walk walk;
	struct msg_rr rr;
	size_t owner_len;
	unsigned n_in[SECTION_N] = {0}, n = 0;

	if (msg_walk_start(&walk, msg, len) < 0)
		return "the walk does not start a second time";
	for (; msg_walk_next(&walk, &rr) > 0; n++) {
		size_t off = rr.owner_off;
		const ldns_rr *theirs;

		if (n == v->n_records)
			return "ldns has fewer records";
		n_in[rr.section]++;
		theirs = v->records[n].rr;
		if (theirs == NULL)
			continue;
		if (name_read(msg, len, &off, owner, &owner_len) < 0 ||
		    owner_len != ldns_rdf_size(ldns_rr_owner(theirs)) ||
		    memcmp(owner, ldns_rdf_data(ldns_rr_owner(theirs)), owner_len) != 0)
			return "an owner differs";
		if (rr.type != ldns_rr_get_type(theirs) || rr.class != ldns_rr_get_class(theirs))
			return "a type or class differs";
		if (rr.ttl != (ldns_rr_ttl(theirs) > INT32_MAX ? 0 : ldns_rr_ttl(theirs)))
			return "a TTL differs";
	}
	if (n != v->n_records)
		return "ldns has more records";
	for (unsigned i = 0; i < SECTION_N; i++) {
		if (n_in[i] != ldns_read_uint16(msg + 6 + 2 * (size_t)i))
			return "a record is in another section";
	}
	return NULL;
}

/* The copy of a whole message: ldns reads in it what it read in the original. */
static const char *check_copy(const uint8_t *msg, size_t len, const struct reading *v)
{
	static uint8_t copy[MSG_MAX], again[MSG_MAX];
	size_t copy_len = oracle_copy(msg, len, copy, sizeof(copy));
	size_t again_len;
	struct reading copied;
	const char *why = NULL;

	if (copy_len == 0)
		return NULL; /* grown above what a message can hold */
	again_len = oracle_copy(copy, copy_len, again, sizeof(again));
	if (again_len != copy_len || memcmp(copy, again, copy_len) != 0)
		return "the copy of the copy is another message";
	copied = read_message(copy, copy_len);
	if (memcmp(copy + 6, msg + 6, 6) != 0 || copied.n_records != v->n_records)
		why = "the copy has another number of records";
	for (unsigned i = 0; why == NULL && i < v->n_records; i++) {
		const struct record *record = &v->records[i];

		if (record->rr != NULL && !record->rdata_differs &&
		    (copied.records[i].rr == NULL || !same_rr(record->rr, copied.records[i].rr)))
			why = "the copy has another record";
	}
	if (why == NULL && v->ldns_accepts && !copied.ldns_accepts &&
	    (v->differences & (ORACLE_OPAQUE_NAME | ORACLE_LENGTH)) == 0)
		why = "ldns rejects the copy";
	reading_fini(&copied);
	return why;
}

const char *oracle_check_reply(const uint8_t *msg, size_t len, unsigned *differences)
{
	struct reading v = read_message(msg, len);
	bool accepted = walk_and_copy(msg, len) == 0;
	ldns_pkt *pkt = NULL;
	const char *why = NULL;

	*differences = v.differences;
	if (accepted != v.we_accept)
		why = accepted ? "accepted, and should not be" : "rejected, and should not be";
	if (why == NULL && (v.differences & (ORACLE_LENGTH | ORACLE_TSIG | ORACLE_COUNT)) == 0) {
		if ((ldns_wire2pkt(&pkt, msg, len) == LDNS_STATUS_OK) != v.ldns_accepts)
			why = "ldns judges the message otherwise than its records";
		ldns_pkt_free(pkt);
	}
	if (why == NULL && accepted)
		why = check_walk(msg, len, &v);
	if (why == NULL && accepted)
		why = check_copy(msg, len, &v);
	reading_fini(&v);
	return why;
}

/* The question of a query by itself, as ldns reads it; NULL where it does not. */
static ldns_rr *read_question(const uint8_t *packet, size_t len)
{
	ldns_rr *rr = NULL;
	size_t pos = 12;

	if (ldns_wire2rr(&rr, packet, len, &pos, LDNS_SECTION_QUESTION) != LDNS_STATUS_OK)
		return NULL;
	return rr;
}

/* *cookie_bad: the first COOKIE option has a length that none can have (RFC 7873, 5.2.2). */
static bool options_ok(const uint8_t *p, size_t len, bool *cookie_bad)
{
	bool seen = false;

	*cookie_bad = false;
	while (len >= 4 && ldns_read_uint16(p + 2) + 4u <= len) {
		unsigned data_len = ldns_read_uint16(p + 2);

		if (ldns_read_uint16(p) == LDNS_EDNS_COOKIE && !seen) {
			seen = true;
			*cookie_bad = data_len != 8 && (data_len < 16 || data_len > 40);
		}
		len -= ldns_read_uint16(p + 2) + 4u;
		p += ldns_read_uint16(p + 2) + 4u;
	}
	return len == 0;
}

bool oracle_options_ok(const uint8_t *p, size_t len)
{
	bool cookie_bad;

	return options_ok(p, len, &cookie_bad);
}

/* Is the option found where the first of its code is? */
static bool same_option(const uint8_t *msg, size_t off, size_t len, unsigned code, bool found,
    size_t found_off, size_t found_len)
{
	for (size_t pos = off; pos < off + len; pos += 4u + ldns_read_uint16(msg + pos + 2)) {
		if (ldns_read_uint16(msg + pos) == code)
			return found && found_off == pos + 4 &&
			       found_len == ldns_read_uint16(msg + pos + 2);
	}
	return !found;
}

const char *oracle_check_options(
    const uint8_t *msg, size_t off, size_t len, const struct msg_edns *edns)
{
	bool keepalive = false, value = false;

	for (size_t pos = off; pos < off + len; pos += 4u + ldns_read_uint16(msg + pos + 2)) {
		if (ldns_read_uint16(msg + pos) != LDNS_EDNS_KEEPALIVE)
			continue;
		keepalive = true;
		value = value || ldns_read_uint16(msg + pos + 2) != 0;
	}
	if (edns->options_off != off || edns->options_len != len)
		return "the options are elsewhere";
	if (edns->keepalive != keepalive || edns->keepalive_value != value)
		return "a keepalive option differs";
	if (!same_option(
		msg, off, len, LDNS_EDNS_COOKIE, edns->cookie, edns->cookie_off, edns->cookie_len))
		return "the cookie differs";
	if (!same_option(msg, off, len, LDNS_EDNS_CLIENT_SUBNET, edns->subnet, edns->subnet_off,
		edns->subnet_len))
		return "the client subnet differs";
	return NULL;
}

/* A message that ldns accepts, with one question: whether its records hold what the contract of
 * msg_parse_query() rejects all the same; and its OPT, if there is one. */
static bool breaks_contract(const uint8_t *packet, size_t len, struct place *opt, bool *cookie_bad)
{
	unsigned before = 1u + ldns_read_uint16(packet + 6) + ldns_read_uint16(packet + 8);
	unsigned n = before + ldns_read_uint16(packet + 10);
	bool broken = false;
	size_t pos = 12;

	*opt = (struct place){0};
	*cookie_bad = false;
	for (unsigned i = 0; i < n; i++) {
		struct place at;

		if (!find_place(packet, len, pos, i == 0, &at))
			return true;
		/* What the first pointer leads to is not looked at. */
		if (oracle_pointers_differ(packet, at.owner, 1))
			broken = true;
		if (i > 0 && at.type == LDNS_RR_TYPE_OPT) {
			if (opt->type != 0 || i < before || at.fixed != at.owner + 1 ||
			    !options_ok(packet + at.rdata, at.end - at.rdata, cookie_bad))
				broken = true;
			*opt = at;
		}
		pos = at.end;
	}
	return broken;
}

/* The records behind the one question are whole, whatever is in rdata and behind pointers. */
static bool framing_ok(const uint8_t *packet, size_t len)
{
	unsigned n = 1u + ldns_read_uint16(packet + 6) + ldns_read_uint16(packet + 8) +
		     ldns_read_uint16(packet + 10);
	size_t pos = 12;

	for (unsigned i = 0; i < n; i++) {
		while (pos < len && packet[pos] > 0 && packet[pos] < 0x40)
			pos += packet[pos] + 1u;
		if (pos >= len)
			return false;
		pos += packet[pos] == 0 ? 1 : 2;
		pos += i == 0 ? 4 : 10;
		if (pos > len)
			return false;
		if (i > 0)
			pos += ldns_read_uint16(packet + pos - 2);
	}
	return pos <= len;
}

static const char *compare_question(
    const uint8_t *packet, const struct msg_query *q, const ldns_rr *rr)
{
	ldns_rdf *name = ldns_rdf_clone(ldns_rr_owner(rr));
	const char *why = NULL;

	ldns_dname2canonical(name);
	if (ldns_rdf_size(name) != q->qname_len ||
	    memcmp(ldns_rdf_data(name), q->qname, q->qname_len) != 0)
		why = "the name of the question differs";
	else if (ldns_rr_get_type(rr) != q->qtype || ldns_rr_get_class(rr) != q->qclass)
		why = "the type or class of the question differs";
	else if (q->question_end != 12u + q->qname_len + 4 || packet[12] >= 0xc0)
		why = "the question is not where it should be";
	ldns_rdf_deep_free(name);
	return why;
}

static const char *compare_edns(
    const uint8_t *packet, size_t len, const struct msg_edns *edns, const struct place *opt)
{
	ldns_pkt *pkt = NULL;
	const char *why = NULL;

	if (edns->present != (opt->type != 0))
		return "one sees an OPT and the other none";
	if (!edns->present)
		return NULL;
	if (edns->options_len != opt->end - opt->rdata || edns->options_off != opt->rdata)
		return "the options differ";
	if (ldns_wire2pkt(&pkt, packet, len) != LDNS_STATUS_OK)
		return "ldns judges the message otherwise than its records";
	if (edns->udp_size != ldns_pkt_edns_udp_size(pkt) ||
	    edns->version != ldns_pkt_edns_version(pkt) ||
	    edns->ext_rcode != ldns_pkt_edns_extended_rcode(pkt) ||
	    edns->dnssec_ok != ldns_pkt_edns_do(pkt))
		why = "a field of OPT differs";
	ldns_pkt_free(pkt);
	return why;
}

/* The records of a query whose question was read. */
static const char *check_records(
    const uint8_t *packet, size_t len, const struct msg_query *q, int rcode, unsigned *differences)
{
	struct reading v = read_message(packet, len);
	struct place opt;
	const char *why = NULL;
	bool cookie_bad;

	if (!v.ldns_accepts && rcode == RCODE_FORMERR) {
		why = NULL;
	} else if (!v.ldns_accepts) {
		*differences |= ORACLE_UNREAD;
		why = framing_ok(packet, len) ? NULL : "a record that is not whole was accepted";
	} else if (breaks_contract(packet, len, &opt, &cookie_bad)) {
		*differences |= ORACLE_CONTRACT;
		why = rcode == RCODE_FORMERR ? NULL : "against the contract, and not FORMERR";
	} else if (cookie_bad && packet[opt.fixed + 5] == 0) {
		why = rcode == RCODE_FORMERR ? NULL : "a malformed cookie, and not FORMERR";
	} else if (rcode == RCODE_FORMERR) {
		why = "FORMERR, and should not be";
	} else if ((rcode == RCODE_BADVERS) != (q->edns.version != 0)) {
		why = "BADVERS is not for EDNS versions above 0";
	} else if ((v.differences & (ORACLE_LENGTH | ORACLE_TSIG)) == 0) {
		why = compare_edns(packet, len, &q->edns, &opt);
	}
	reading_fini(&v);
	return why;
}

const char *oracle_check_query(const uint8_t *packet, size_t len, unsigned *differences)
{
	struct msg_query q;
	int rcode = msg_parse_query(packet, len, &q);
	ldns_rr *question;
	const char *why = NULL;

	*differences = 0;
	if (len < 12 || (packet[2] & 0x80) != 0)
		return rcode == MSG_QUERY_DROP ? NULL : "not dropped";
	if (q.id != ldns_read_uint16(packet) || q.flags != ldns_read_uint16(packet + 2))
		return "the ID or the flags differ";

	question = ldns_read_uint16(packet + 4) == 1 ? read_question(packet, len) : NULL;
	if (question != NULL && q.question_end == 0 && packet[12] < 0xc0 &&
	    !oracle_pointers_differ(packet, 12, 1))
		why = "the question was not read";
	else if (question == NULL && q.question_end != 0)
		why = "a question was read that ldns does not see";
	else if (q.question_end != 0)
		why = compare_question(packet, &q, question);
	ldns_rr_free(question);
	if (why != NULL)
		return why;

	if ((packet[2] & 0x78) != 0)
		return rcode == RCODE_NOTIMP ? NULL : "another opcode, and not NOTIMP";
	if (ldns_read_uint16(packet + 4) == 0 &&
	    (rcode == MSG_QUERY_COOKIE || rcode == RCODE_BADVERS || q.edns.cookie_bad))
		return q.edns.cookie ? NULL : "no question and no cookie, and not FORMERR";
	if (rcode != RCODE_NOERROR && rcode != RCODE_BADVERS && rcode != RCODE_FORMERR)
		return "a result outside the contract";
	if (q.question_end == 0)
		return rcode == RCODE_FORMERR ? NULL : "no question, and not FORMERR";

	return check_records(packet, len, &q, rcode, differences);
}

uint64_t oracle_random(struct oracle_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

unsigned oracle_below(struct oracle_random *r, unsigned n)
{
	return (unsigned)(oracle_random(r) % n);
}

size_t oracle_random_name(struct oracle_random *r, uint8_t name[NAME_SIZE])
{
	unsigned max = oracle_below(r, 8) == 0 ? NAME_SIZE : 40;
	unsigned longest = oracle_below(r, 4) == 0 ? NAME_LABEL_MAX : 6;
	bool any_byte = oracle_below(r, 3) == 0;
	size_t n = 0;

	while (oracle_below(r, 12) != 0) {
		unsigned label = 1 + oracle_below(r, longest);

		if (n + label + 2 > max)
			break;
		name[n++] = (uint8_t)label;
		for (; label > 0; label--)
			name[n++] = any_byte ? (uint8_t)oracle_random(r)
					     : (uint8_t) "abcXYZ-019"[oracle_below(r, 10)];
	}
	name[n++] = 0;
	return n;
}
