/* answer.c - replies into normal form, and answers out of it. */
#include "resolver/core/answer.h"

#include <stddef.h>
#include <string.h>

#include "lib/hash.h"
#include "resolver/core/rebind.h"

/* ---- Normal form ---- */

/* CNAMEs in the answer section of a message, whatever they belong to: more are malformed.  Reading
 * on, pass after pass over all that fit into a message, would take a second. */
#define CNAMES_MAX (2 * ANSWER_CHAIN_MAX)

/* Places of the table of RRsets that are looked at for one record: a set that is not found then keeps
 * its TTLs. */
#define SET_PROBES 16

#define POINTER 0xc000 /* with an offset: a name that stands there (RFC 1035, 4.1.4) */

/* What does not fit the field; private use begins above (RFC 8914, 5.2). */
#define EDE_PRIVATE 0x8000

/* The question's name, what its CNAME leads to, and so on; all in lower case.  Each name but the last
 * is an alias.  Of several CNAMEs at one name the first counts (RFC 2181, 10.1: there is but one). */
struct chain {
	uint8_t name[ANSWER_CHAIN_MAX + 1][NAME_SIZE];
	unsigned n;
};

/* Where `name` stands in it; c->n: nowhere. */
static unsigned chain_find(const struct chain *c, const uint8_t *name)
{
	unsigned i = 0;

	while (i < c->n && !name_equal(c->name[i], name))
		i++;
	return i;
}

/* Does a name of the chain lie in `zone`? */
static bool chain_in_zone(const struct chain *c, const uint8_t *zone)
{
	for (unsigned i = 0; i < c->n; i++)
		if (name_in_zone(c->name[i], zone))
			return true;
	return false;
}

static bool in_class(const struct answer_question *question, const struct msg_rr *rr)
{
	return rr->class == question->class || question->class == CLASS_ANY;
}

/* One pass over the answer section.  Returns 1 when the chain grew, 0 when not. */
static int chain_extend(
    struct chain *c, const struct answer_question *question, struct msg_walk walk)
{
	const uint8_t *reply = walk.msg;
	const size_t len = walk.len;
	uint8_t owner[NAME_SIZE], target[NAME_SIZE];
	unsigned n_before = c->n, n_cnames = 0;
	struct msg_rr rr;
	size_t off, name_len;
	int err;

	while ((err = msg_walk_next(&walk, &rr)) == 1 && rr.section == SECTION_ANSWER) {
		if (rr.type != TYPE_CNAME || !in_class(question, &rr))
			continue;
		if (++n_cnames > CNAMES_MAX)
			return ERR_FORMAT;
		off = rr.owner_off;
		if (name_read(reply, len, &off, owner, &name_len) != 0)
			return ERR_FORMAT;
		if (!name_equal(c->name[c->n - 1], owner))
			continue;
		off = rr.rdata_off;
		if (name_read(reply, len, &off, target, &name_len) != 0)
			return ERR_FORMAT;
		if (chain_find(c, target) < c->n)
			continue; /* a loop ends here */
		if (c->n > ANSWER_CHAIN_MAX)
			return ERR_FORMAT;
		name_lower(c->name[c->n++], target, name_len);
	}
	return err < 0 ? err : c->n > n_before;
}

/* Follow the CNAMEs among the records, where `walk` begins, from the question on.  Servers may send them in
 * any order (RFC 1034, 3.6), so passes are made until nothing is added; each adds a name, and there are at
 * most ANSWER_CHAIN_MAX. */
static int chain_follow(
    struct chain *c, const struct answer_question *question, const struct msg_walk *walk)
{
	int grew;

	memcpy(c->name[0], question->name, question->name_len);
	c->n = 1;
	if (question->type == TYPE_CNAME || question->type == TYPE_ANY)
		return 0;
	do {
		grew = chain_extend(c, question, *walk);
	} while (grew == 1);
	return grew;
}

/* Types that no data has: of questions only, or of the hop (OPT, TSIG, TKEY; RFC 6895, 3.1). */
static bool is_meta(uint16_t type)
{
	return type == 0 || type == TYPE_OPT || (type >= 128 && type <= 255);
}

/* Is `rr` there only to prove others, for an asker who did not want that (RFC 4035, 3.2.1)? */
static bool is_unwanted_proof(const struct answer_question *question, const struct msg_rr *rr)
{
	if (question->dnssec_ok || question->type == TYPE_ANY || question->type == rr->type)
		return false;
	return rr->type == TYPE_RRSIG || rr->type == TYPE_NSEC || rr->type == TYPE_NSEC3;
}

/* At an alias there is its one CNAME, and what proves it, and nothing else (RFC 1034, 3.6.2; RFC 4035,
 * 2.5).  A CNAME to another name than `target` is one too many. */
static bool may_stand_at_alias(
    const struct msg_rr *rr, const uint8_t *target, const uint8_t *reply, size_t len)
{
	uint8_t name[NAME_SIZE];
	size_t off = rr->rdata_off, name_len;

	if (rr->type == TYPE_CNAME)
		return name_read(reply, len, &off, name, &name_len) == 0 &&
		       name_equal(name, target);
	return rr->type == TYPE_RRSIG || rr->type == TYPE_NSEC;
}

/* Does `rr` with this owner belong into an answer to the chain? */
static bool belongs(const struct chain *chain, const struct answer_question *question,
    const struct msg_rr *rr, const uint8_t *owner, const uint8_t *reply, size_t len)
{
	unsigned at;

	if (is_meta(rr->type) || !in_class(question, rr) || is_unwanted_proof(question, rr))
		return false;
	switch (rr->section) {
	case SECTION_ANSWER:
		at = chain_find(chain, owner);
		if (at + 1 < chain->n)
			return may_stand_at_alias(rr, chain->name[at + 1], reply, len);
		if (at < chain->n)
			return true;
		/* A DNAME and its signature stand above the name that they redirect (RFC 6672). */
		return (rr->type == TYPE_DNAME || rr->type == TYPE_RRSIG) &&
		       chain_in_zone(chain, owner);
	case SECTION_AUTHORITY:
		switch (rr->type) {
		case TYPE_SOA:
		case TYPE_NS:
		case TYPE_DS:
			return chain_in_zone(chain, owner);
		case TYPE_RRSIG:
		case TYPE_NSEC:
		case TYPE_NSEC3:
			return true;
		default:
			return false;
		}
	default:
		return rr->type != TYPE_SIG; /* it signs the hop's message (RFC 2931) */
	}
}

/* What the records said, gathered while they are copied. */
struct gathered {
	unsigned n_answers; /* records of the type asked for */
	bool has_targets, has_addresses;
	bool has_soa, has_ns; /* in the authority section */
	uint32_t soa_ttl_s;   /* min(TTL, MINIMUM): how long "no" holds (RFC 2308, 5) */
	uint32_t min_ttl_s;
};

static void gather(struct gathered *g, const struct msg_rr *rr,
    const struct answer_question *question, const uint8_t *reply, uint32_t ttl)
{
	if (ttl < g->min_ttl_s)
		g->min_ttl_s = ttl;
	if (rr->section == SECTION_ANSWER) {
		g->n_answers += rr->type == question->type || question->type == TYPE_ANY;
		g->has_targets |= rr->type == TYPE_CNAME || rr->type == TYPE_DNAME ||
				  rr->type == TYPE_SVCB || rr->type == TYPE_HTTPS;
		/* The last two may have hints. */
		g->has_addresses |= rr->type == TYPE_A || rr->type == TYPE_AAAA ||
				    rr->type == TYPE_SVCB || rr->type == TYPE_HTTPS;
	}
	if (rr->section == SECTION_AUTHORITY && rr->type == TYPE_NS)
		g->has_ns = true;
	if (rr->section == SECTION_AUTHORITY && rr->type == TYPE_SOA) {
		/* MINIMUM is the last of the fixed fields; the copy has checked that they are
		 * there. */
		uint32_t minimum = msg_u32(reply + rr->rdata_off + rr->rdata_len - 4);

		g->has_soa = true;
		g->soa_ttl_s = ttl < minimum ? ttl : minimum;
	}
}

/* Two free slots for each record that the reply says it has. */
static void clear_slots(struct answer *a, const uint8_t *reply)
{
	unsigned n_records = 0u + msg_u16(reply + 6) + msg_u16(reply + 8) + msg_u16(reply + 10);
	unsigned n = 2;

	while (n < ANSWER_SLOTS && n < 2 * n_records)
		n *= 2;
	memset(a->slot, 0, n * sizeof(a->slot[0]));
	a->slots_mask = n - 1;
}

/* What an RRset is told by: section, owner, class and type; signatures are a set for each type that they
 * cover (RFC 4034, 3).  Most records belong to the name that was asked for.  That two sets look the same
 * lowers a TTL, and is no harm. */
static uint64_t hash_set(const struct answer_question *question, const struct msg_rr *rr,
    uint16_t covers, const uint8_t *owner, size_t owner_len)
{
	static const struct hash_key key;
	uint64_t hash = ((uint64_t)rr->section << 48 | (uint64_t)rr->class << 32 |
			    (uint64_t)rr->type << 16 | covers) *
			UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by the golden ratio */
	uint8_t lower[NAME_SIZE];

	if (owner_len != question->name_len ||
	    !name_equal_bytes(owner, question->name, owner_len)) {
		name_lower(lower, owner, owner_len);
		hash ^= hash_siphash13(&key, lower, owner_len);
	}
	return hash ^ hash >> 32;
}

/* Note the record that was written last as one of its RRset, with the owner owner[0..owner_len): the TTL
 * of the set's first record becomes the lowest of all (RFC 2181, 5.2). */
static void note_set(struct answer *a, const struct answer_question *question,
    const struct msg_rr *rr, const uint8_t *owner, size_t owner_len)
{
	const unsigned last = a->view.n_records - 1;
	uint8_t *ttl = a->msg + a->ttl_off[last];
	const uint16_t covers = rr->type == TYPE_RRSIG ? msg_u16(ttl + 6) : 0;
	const uint64_t hash = hash_set(question, rr, covers, owner, owner_len);

	a->set[last].hash = (uint32_t)(hash >> 32);
	for (unsigned i = (unsigned)hash, n = 0; n < SET_PROBES; i++, n++) {
		uint16_t *slot = &a->slot[i & a->slots_mask];

		if (*slot == 0)
			*slot = (uint16_t)(last + 1);
		if (a->set[*slot - 1].hash == a->set[last].hash) {
			uint8_t *first = a->msg + a->ttl_off[*slot - 1];

			a->set[last].first = (uint16_t)(*slot - 1);
			if (msg_u32(ttl) < msg_u32(first))
				memcpy(first, ttl, 4);
			return;
		}
	}
	a->set[last].first = (uint16_t)last;
}

/* Give every record the TTL that its set has. */
static void level_ttls(struct answer *a)
{
	for (unsigned i = 0; i < a->view.n_records; i++)
		memcpy(a->msg + a->ttl_off[i], a->msg + a->ttl_off[a->set[i].first], 4);
}

/* The first extended error of a reply's OPT, for the asker (RFC 8914, 3).  Codes for private use are the
 * hop's. */
static int16_t read_ede(const uint8_t *reply, const struct msg_edns *edns)
{
	size_t pos = edns->options_off, end = pos + edns->options_len;
	uint16_t code, data_len;
	const uint8_t *data;

	while (msg_next_option(reply, &pos, end, &code, &data, &data_len))
		if (code == OPTION_EDE && data_len >= 2 && msg_u16(data) < EDE_PRIVATE)
			return (int16_t)msg_u16(data);
	return EDE_NONE;
}

static int take_opt(struct answer *a, const uint8_t *reply, const struct msg_rr *rr)
{
	if (a->edns.present || rr->section != SECTION_ADDITIONAL ||
	    msg_read_edns(reply, rr, &a->edns) != 0)
		return ERR_FORMAT;
	a->rcode |= (unsigned)a->edns.ext_rcode << 4;
	a->view.ede = read_ede(reply, &a->edns);
	return 0;
}

/* Could the record that was written last lead an asker to a private address?  Then note the first such.
 * Those beside a SVCB or HTTPS record are there to be used (RFC 9460, 4.1); other additional ones are
 * not. */
static void note_private(
    struct answer *a, const struct answer_question *question, const struct msg_rr *rr, size_t len)
{
	uint16_t ttl_off = a->ttl_off[a->view.n_records - 1];
	bool is_service = question->type == TYPE_SVCB || question->type == TYPE_HTTPS;
	struct rebind_address address;

	if (a->view.private_off == 0 &&
	    (rr->section == SECTION_ANSWER || (rr->section == SECTION_ADDITIONAL && is_service)) &&
	    rebind_find(a->msg, len, ttl_off, &address))
		a->view.private_off = ttl_off;
}

/* Copy the records, where `walk` begins, that belong to the chain. */
static int copy_records(struct answer *a, struct msg_writer *w, struct gathered *g,
    const struct chain *chain, const struct answer_question *question,
    const struct answer_limits *limits, struct msg_walk walk)
{
	const uint8_t *reply = walk.msg;
	const size_t len = walk.len;
	uint8_t owner[NAME_SIZE];
	struct msg_rr rr;
	int more, err;

	clear_slots(a, reply);
	while ((more = msg_walk_next(&walk, &rr)) == 1) {
		size_t owner_len, off = rr.owner_off, written = w->out.pos;
		uint32_t ttl = rr.ttl < limits->max_ttl_s ? rr.ttl : limits->max_ttl_s;

		if (rr.type == TYPE_OPT && take_opt(a, reply, &rr) != 0)
			return ERR_FORMAT;
		if (name_read(reply, len, &off, owner, &owner_len) != 0)
			return ERR_FORMAT;
		if (!belongs(chain, question, &rr, owner, reply, len))
			continue;
		err = msg_write_copy_of(w, reply, &rr, owner, ttl);
		if (err != 0)
			return err;
		gather(g, &rr, question, reply, ttl);
		if (name_skip(a->msg, w->out.pos, &written) != 0)
			return ERR_FORMAT;
		a->ttl_off[a->view.n_records++] = (uint16_t)(written + 4);
		note_set(a, question, &rr, owner, owner_len);
		note_private(a, question, &rr, w->out.pos);
	}
	level_ttls(a);
	return more;
}

/* Say in the authority section's SOA how long the answer "no" holds, as an authoritative server
 * would have (RFC 2308, 3). */
static void lower_soa_ttl(struct answer *a, uint32_t ttl_s)
{
	for (unsigned i = 0; i < a->view.n_records; i++) {
		uint8_t *ttl = a->msg + a->ttl_off[i];

		if (msg_u16(ttl - 4) == TYPE_SOA && msg_u32(ttl) > ttl_s)
			msg_set_u32(ttl, ttl_s);
	}
}

/* An answer that would live for ttl_s lives for `min_ttl_s` at least.  What is not to be kept stays so. */
static uint32_t raise_ttls(struct answer *a, uint32_t ttl_s, const struct answer_limits *limits)
{
	uint32_t least_s =
	    limits->min_ttl_s < limits->max_ttl_s ? limits->min_ttl_s : limits->max_ttl_s;

	if (ttl_s == 0 || ttl_s >= least_s)
		return ttl_s;
	for (unsigned i = 0; i < a->view.n_records; i++) {
		uint8_t *ttl = a->msg + a->ttl_off[i];

		if (msg_u32(ttl) < least_s)
			msg_set_u32(ttl, least_s);
	}
	return least_s;
}

/* How long the answer lives; 0: it is not kept. */
static uint32_t life_s(
    struct answer *a, const struct gathered *g, const struct answer_limits *limits)
{
	uint32_t ttl_s = g->min_ttl_s;

	if (a->rcode != RCODE_NOERROR && a->rcode != RCODE_NXDOMAIN)
		return 0;
	if (a->rcode == RCODE_NOERROR && g->n_answers > 0)
		return raise_ttls(a, ttl_s, limits);
	/* A "no" without a SOA says not for how long it holds (RFC 2308, 5). */
	if (!g->has_soa)
		return 0;
	if (g->soa_ttl_s < ttl_s)
		ttl_s = g->soa_ttl_s;
	if (limits->negative_ttl_s < ttl_s)
		ttl_s = limits->negative_ttl_s;
	lower_soa_ttl(a, ttl_s);
	return ttl_s;
}

int answer_normalise(struct answer *a, const struct answer_question *question,
    const struct answer_limits *limits, const uint8_t *reply, size_t len, uint64_t now_ms)
{
	struct gathered g = {.min_ttl_s = UINT32_MAX};
	struct msg_writer w;
	struct msg_walk walk;
	struct chain chain;
	uint16_t flags;
	int err;

	if (msg_walk_start(&walk, reply, len) != 0)
		return ERR_FORMAT;
	flags = msg_u16(reply + 2);
	a->view = (struct cache_answer){
	    .msg = a->msg, .ttl_off = a->ttl_off, .stored_ms = now_ms, .ede = EDE_NONE};
	a->rcode = flags & MSG_RCODE;
	a->edns = (struct msg_edns){0};
	err = chain_follow(&chain, question, &walk);
	if (err != 0)
		return err;
	msg_write_start(&w, a->msg, sizeof(a->msg), 0, flags & (MSG_AD | MSG_RCODE));
	msg_write_question(&w, question->name, question->type, question->class);
	err = copy_records(a, &w, &g, &chain, question, limits, walk);
	if (err != 0)
		return err;
	a->view.len = w.out.pos;
	a->view.has_targets = g.has_targets;
	a->view.has_addresses = g.has_addresses;
	a->view.ttl_s = life_s(a, &g, limits);
	/* RFC 2308, 2.2: neither an answer nor a "no". */
	a->referral =
	    a->rcode == RCODE_NOERROR && msg_u16(a->msg + 6) == 0 && g.has_ns && !g.has_soa;
	return 0;
}

/* ---- Answers for one asker ---- */

static uint16_t flags_for(const struct answer_to *to, unsigned extra)
{
	return (uint16_t)(MSG_QR | MSG_RA | (to->flags & (MSG_OPCODE | MSG_RD | MSG_CD)) | extra);
}

static struct msg_opt opt_for(
    const struct answer_to *to, unsigned rcode, int ede, const char *ede_text)
{
	struct msg_opt opt = to->opt;

	opt.rcode = (uint16_t)rcode;
	opt.ede = (int16_t)ede;
	opt.ede_text = ede_text;
	return opt;
}

/* The bytes that its OPT will take. */
static size_t opt_len_for(const struct answer_to *to, int ede, const char *ede_text)
{
	const struct msg_opt opt = opt_for(to, RCODE_NOERROR, ede, ede_text);

	return to->edns ? msg_opt_size(&opt) : 0;
}

/* Append OPT to the message of `len` bytes; returns the new length. */
static size_t put_opt(const struct answer_to *to, unsigned rcode, int ede, const char *ede_text,
    uint8_t *out, size_t len)
{
	const struct msg_opt opt = opt_for(to, rcode, ede, ede_text);
	struct msg_writer w;

	if (!to->edns)
		return len;
	w.out = buf_over(out, to->limit);
	w.out.pos = len;
	w.n_suffixes = 0;
	msg_write_opt(&w, &opt);
	return w.out.pos;
}

/* The section of record `i`, by the counts of the header. */
static enum msg_section section_of(const uint8_t *msg, unsigned i)
{
	unsigned n_answer = msg_u16(msg + 6);

	if (i < n_answer)
		return SECTION_ANSWER;
	return i < n_answer + msg_u16(msg + 8) ? SECTION_AUTHORITY : SECTION_ADDITIONAL;
}

static size_t record_end(const struct cache_answer *a, unsigned i)
{
	const uint8_t *ttl = a->msg + a->ttl_off[i];

	return a->ttl_off[i] + 6u + msg_u16(ttl + 4);
}

/* Where record `i` begins: behind the one before it, the first behind the question. */
static size_t record_start(const struct cache_answer *a, unsigned i, size_t question_len)
{
	return i == 0 ? MSG_HEADER + question_len : record_end(a, i - 1);
}

/* Do records i - 1 and i belong to one RRset: same section, owner, type and class? */
static bool same_rrset(const struct cache_answer *a, unsigned i, size_t question_len)
{
	uint8_t one[NAME_SIZE], other[NAME_SIZE];
	size_t one_off = record_start(a, i - 1, question_len), one_len;
	size_t other_off = record_start(a, i, question_len), other_len;

	return section_of(a->msg, i - 1) == section_of(a->msg, i) &&
	       memcmp(a->msg + a->ttl_off[i - 1] - 4, a->msg + a->ttl_off[i] - 4, 4) == 0 &&
	       name_read(a->msg, a->len, &one_off, one, &one_len) == 0 &&
	       name_read(a->msg, a->len, &other_off, other, &other_len) == 0 &&
	       name_equal(one, other);
}

/* How many of the records fit into `room` bytes, cut at the edge of an RRset. */
static unsigned records_that_fit(const struct cache_answer *a, size_t room, size_t question_len)
{
	unsigned n = 0;

	while (n < a->n_records && record_end(a, n) <= room)
		n++;
	while (n > 0 && n < a->n_records && same_rrset(a, n, question_len))
		n--;
	return n;
}

/* Set the counts of the three sections for the first `n` records of `a`. */
static void set_counts(uint8_t *out, const struct cache_answer *a, unsigned n)
{
	unsigned left = n;

	for (size_t off = 6; off < MSG_HEADER; off += 2) {
		unsigned count = msg_u16(a->msg + off);

		count = count < left ? count : left;
		msg_set_u16(out + off, count);
		left -= count;
	}
}

/* What is left now of the TTL `ttl_s` of a record of `a`. */
static uint32_t ttl_left(const struct cache_answer *a, uint32_t ttl_s, uint64_t now_ms)
{
	const uint32_t age_s = (uint32_t)((now_ms - a->stored_ms) / 1000);

	if (a->stale)
		return ANSWER_STALE_TTL_S;
	return ttl_s > age_s ? ttl_s - age_s : 0;
}

/* The extended error of `a`, with its text. */
static int ede_of(const struct cache_answer *a, const char **text)
{
	*text = a->stale ? ANSWER_STALE_TEXT : a->ede != EDE_NONE ? ANSWER_EDE_TEXT : NULL;
	if (!a->stale)
		return a->ede;
	return (msg_u16(a->msg + 2) & MSG_RCODE) == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE;
}

size_t answer_write(const struct cache_answer *a, const struct answer_to *to, uint64_t now_ms,
    uint8_t *out, bool *truncated)
{
	const uint16_t kept = msg_u16(a->msg + 2);
	unsigned n = a->n_records, extra = kept & MSG_RCODE;
	const char *text;
	int ede = ede_of(a, &text);
	size_t len = a->len, opt_len = opt_len_for(to, ede, text);

	*truncated = false;
	if (len + opt_len > to->limit && ede != EDE_NONE) {
		ede = EDE_NONE;
		text = NULL;
		opt_len = opt_len_for(to, ede, text);
	}
	if (len + opt_len > to->limit) {
		n = records_that_fit(a, to->limit - opt_len, to->question_len);
		len = record_start(a, n, to->question_len);
		*truncated = section_of(a->msg, n) != SECTION_ADDITIONAL;
	}
	memcpy(out, a->msg, len);
	/* The AD bit is for those who asked to know (RFC 6840, 5.8), and do not want to check themselves.  An
	 * old answer was authentic; whether it is, nobody knows. */
	if (!a->stale && (to->opt.dnssec_ok || (to->flags & MSG_AD) != 0) &&
	    (to->flags & MSG_CD) == 0)
		extra |= kept & MSG_AD;
	if (*truncated)
		extra |= MSG_TC;
	msg_set_u16(out, to->id);
	msg_set_u16(out + 2, flags_for(to, extra));
	memcpy(out + MSG_HEADER, to->question, to->question_len);
	if (n < a->n_records)
		set_counts(out, a, n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *ttl = out + a->ttl_off[i];

		msg_set_u32(ttl, ttl_left(a, msg_u32(ttl), now_ms));
	}
	return put_opt(to, kept & MSG_RCODE, ede, text, out, len);
}

/* Header and question; returns their length. */
static size_t start_empty(const struct answer_to *to, unsigned rcode, uint8_t *out)
{
	memset(out, 0, MSG_HEADER);
	msg_set_u16(out, to->id);
	msg_set_u16(out + 2, flags_for(to, rcode & MSG_RCODE));
	if (to->question_len != 0) {
		msg_set_u16(out + 4, 1);
		memcpy(out + MSG_HEADER, to->question, to->question_len);
	}
	return MSG_HEADER + to->question_len;
}

size_t answer_write_empty(
    const struct answer_to *to, unsigned rcode, int ede, const char *ede_text, uint8_t *out)
{
	size_t len = start_empty(to, rcode, out);

	if (len + opt_len_for(to, ede, ede_text) > to->limit)
		ede_text = NULL;
	if (len + opt_len_for(to, ede, ede_text) > to->limit)
		ede = EDE_NONE;
	return put_opt(to, rcode, ede, ede_text, out, len);
}

size_t answer_write_truncated(const struct answer_to *to, uint8_t *out)
{
	size_t len = answer_write_empty(to, RCODE_NOERROR, EDE_NONE, NULL, out);

	msg_set_u16(out + 2, msg_u16(out + 2) | MSG_TC);
	return len;
}

/* ---- Answers that the lists give ---- */

/* The question as it was asked, in a message that leaves room for OPT. */
static void start_own(struct msg_writer *w, const struct answer_to *to, int ede, uint8_t *out)
{
	const uint8_t *fixed = to->question + to->question_len - 4;
	size_t opt_len = opt_len_for(to, ede, NULL);

	msg_write_start(w, out, to->limit - opt_len, to->id, flags_for(to, 0));
	msg_write_question(w, to->question, msg_u16(fixed), msg_u16(fixed + 2));
}

static size_t end_own(
    struct msg_writer *w, const struct answer_to *to, unsigned rcode, int ede, bool truncated)
{
	uint8_t *out = w->out.bytes;

	msg_set_u16(out + 2, flags_for(to, rcode | (truncated ? MSG_TC : 0)));
	return put_opt(to, rcode, ede, NULL, out, w->out.pos);
}

/* The class of a record: that of the question, where that is one. */
static uint16_t record_class(const struct answer_to *to)
{
	uint16_t class = msg_u16(to->question + to->question_len - 2);

	return class == CLASS_ANY ? CLASS_IN : class;
}

/* One record more in a section. */
static void count_record(struct buf *out, enum msg_section section)
{
	uint8_t *count = out->bytes + 6 + 2 * section;

	msg_set_u16(count, msg_u16(count) + 1u);
}

/* A record of the answer section; false: it does not fit, and nothing of it is written. */
static bool put_record(struct msg_writer *w, const struct answer_to *to, const uint8_t *owner,
    uint16_t type, uint32_t ttl_s, const uint8_t *rdata, size_t rdata_len)
{
	const struct buf before = w->out;

	msg_write_name(w, owner, true);
	buf_put_u16(&w->out, type);
	buf_put_u16(&w->out, record_class(to));
	buf_put_u32(&w->out, ttl_s);
	buf_put_u16(&w->out, (uint16_t)rdata_len);
	buf_put_bytes(&w->out, rdata, rdata_len);
	if (w->out.failed) {
		w->out = before;
		return false;
	}
	count_record(&w->out, SECTION_ANSWER);
	return true;
}

/* A record whose owner stands at `owner_off` of the message already; false as above. */
static bool put_record_at(struct buf *out, const struct answer_to *to, enum msg_section section,
    size_t owner_off, uint16_t type, uint32_t ttl_s, const uint8_t *rdata, size_t rdata_len)
{
	if (out->size - out->pos < 12 + rdata_len)
		return false;
	buf_put_u16(out, (uint16_t)(POINTER | owner_off));
	buf_put_u16(out, type);
	buf_put_u16(out, record_class(to));
	buf_put_u32(out, ttl_s);
	buf_put_u16(out, (uint16_t)rdata_len);
	buf_put_bytes(out, rdata, rdata_len);
	count_record(out, section);
	return true;
}

/* The SOA of the zone whose name stands at `zone_off`, by which a "no" may be kept for ttl_s (RFC 2308,
 * 5); as that of an empty zone (RFC 6303, 3).  False as above. */
static bool put_soa(struct buf *out, const struct answer_to *to, enum msg_section section,
    size_t zone_off, uint32_t ttl_s)
{
	uint8_t rdata[] = "MM\6nobody\7invalid\0"
			  "\0\0\0\1"	   /* serial */
			  "\0\0\016\020"   /* refresh: 3600 */
			  "\0\0\004\260"   /* retry: 1200 */
			  "\0\011\072\200" /* expire: 604800 */
			  "MIN";

	msg_set_u16(rdata, (unsigned)(POINTER | zone_off));
	msg_set_u32(rdata + sizeof(rdata) - 4, ttl_s);
	return put_record_at(out, to, section, zone_off, TYPE_SOA, ttl_s, rdata, sizeof(rdata));
}

/* The zone whose SOA goes with a "no" about the name at `name_off`: a zone's own name is there, so it is
 * the one above where the name is not (RFC 2308, 2.1); dnsmasq makes NODATA of what says otherwise. */
static size_t denying_zone(const struct buf *out, size_t name_off, unsigned rcode)
{
	uint8_t label_len = out->bytes[name_off];

	if (rcode != RCODE_NXDOMAIN || label_len == 0 || label_len >= 0x40)
		return name_off;
	return name_off + 1 + label_len;
}

/* The CNAMEs of the lists; *end is where they lead to.  The last bytes of the message are this name
 * then, or, where there are none, the question. */
static bool put_way(struct msg_writer *w, const struct answer_to *to, const struct policy_way *way,
    const uint8_t **end)
{
	*end = to->question;
	for (unsigned i = 0; i < way->n_hops; i++) {
		if (!put_record(w, to, *end, TYPE_CNAME, ANSWER_RULE_TTL_S, way->hop[i],
			name_len(way->hop[i])))
			return false;
		*end = way->hop[i];
	}
	return true;
}

/* Where the name at the end of the way stands, just behind put_way(). */
static size_t way_end_off(
    const struct msg_writer *w, const struct policy_way *way, const uint8_t *end)
{
	return way->n_hops == 0 ? MSG_HEADER : w->out.pos - name_len(end);
}

static bool put_answer(struct msg_writer *w, const struct answer_to *to, const uint8_t *owner,
    const struct judge_answer *answer, unsigned *n)
{
	uint16_t asked = msg_u16(to->question + to->question_len - 4), type;
	const uint8_t *rdata;
	size_t at = 0, rdata_len;

	while (effect_record(answer->effect, answer->len, &at, &type, &rdata, &rdata_len)) {
		if (type != asked && type != TYPE_CNAME && asked != TYPE_ANY)
			continue;
		if (!put_record(w, to, owner, type, ANSWER_RULE_TTL_S, rdata, rdata_len))
			return false;
		(*n)++;
	}
	return true;
}

size_t answer_write_rule(const struct judge_verdict *verdict, const struct policy_way *way,
    const struct answer_to *to, uint8_t *out, bool *truncated)
{
	const struct judge_answer *first = &verdict->answers[0];
	unsigned rcode = effect_rcode(first->effect, first->len), n = 0;
	struct msg_writer w;
	const uint8_t *owner;
	size_t owner_off;
	bool fits;

	start_own(&w, to, EDE_FORGED, out);
	fits = put_way(&w, to, way, &owner);
	owner_off = way_end_off(&w, way, owner);
	for (unsigned i = 0; i < verdict->n_answers && fits; i++)
		fits = put_answer(&w, to, owner, &verdict->answers[i], &n);
	/* Only a "no" is kept by its SOA (RFC 2308, 5). */
	if (fits && n == 0 && (rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN))
		fits = put_soa(&w.out, to, SECTION_AUTHORITY,
		    denying_zone(&w.out, owner_off, rcode), ANSWER_RULE_TTL_S);
	*truncated = !fits;
	if (!fits)
		start_own(&w, to, EDE_FORGED, out);
	return end_own(&w, to, rcode, EDE_FORGED, !fits);
}

/* Is it there for itself, and not to lead on, or to prove what does? */
static bool is_data(uint16_t type)
{
	return type != TYPE_CNAME && type != TYPE_DNAME && type != TYPE_RRSIG;
}

/* The records of `a`, as `change` has them, with a SOA of the name at name_off where all data are left out.
 * False: not all that are needed fit. */
static bool put_changed(struct msg_writer *w, const struct answer_to *to,
    const struct cache_answer *a, const struct change *change, size_t name_off, uint64_t now_ms)
{
	const uint8_t *n_answers = w->out.bytes + 6;
	unsigned n_data = 0, n_left = 0;
	struct msg_walk walk;
	struct msg_rr rr;
	int more;

	if (msg_walk_start(&walk, a->msg, a->len) != 0)
		return true;
	while ((more = msg_walk_next(&walk, &rr)) == 1 && rr.section == SECTION_ANSWER) {
		unsigned n_before = msg_u16(n_answers);

		if (change_copy(change, w, a->msg, a->len, &rr, ttl_left(a, rr.ttl, now_ms)) != 0)
			return false;
		n_data += is_data(rr.type);
		n_left += is_data(rr.type) && msg_u16(n_answers) != n_before;
	}
	if (n_data != 0 && n_left == 0 &&
	    !put_soa(&w->out, to, SECTION_AUTHORITY, name_off, ANSWER_RULE_TTL_S))
		return false;
	for (; more == 1; more = msg_walk_next(&walk, &rr))
		if (change_copy(change, w, a->msg, a->len, &rr, ttl_left(a, rr.ttl, now_ms)) != 0)
			return rr.section == SECTION_ADDITIONAL;
	return true;
}

size_t answer_write_behind(const struct cache_answer *a, const struct policy_way *way,
    const struct change *change, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    bool *truncated)
{
	static const struct change none = {0};
	const bool forged = policy_way_is_forged(way) || (change != NULL && change->without != 0);
	const int ede = forged ? EDE_FORGED : EDE_NONE;
	struct msg_writer w;
	const uint8_t *end;

	start_own(&w, to, ede, out);
	*truncated =
	    !put_way(&w, to, way, &end) || !put_changed(&w, to, a, change != NULL ? change : &none,
					       way_end_off(&w, way, end), now_ms);
	return end_own(&w, to, msg_u16(a->msg + 2) & MSG_RCODE, ede, *truncated);
}

/* ---- Answers of our own ---- */

size_t answer_write_txt(const struct answer_to *to, const uint8_t *rdata, size_t rdata_len,
    uint8_t *out, bool *truncated)
{
	struct msg_writer w;

	start_own(&w, to, EDE_NONE, out);
	*truncated = !put_record(&w, to, to->question, TYPE_TXT, 0, rdata, rdata_len);
	return end_own(&w, to, RCODE_NOERROR, EDE_NONE, *truncated);
}

size_t answer_write_nodata(const struct answer_to *to, const struct policy_way *way, uint32_t ttl_s,
    const char *ede_text, uint8_t *out, bool *truncated)
{
	struct answer_to bare = *to;
	struct msg_writer w;
	const uint8_t *end;

	bare.limit -= opt_len_for(to, EDE_FORGED, ede_text) - opt_len_for(to, EDE_FORGED, NULL);
	start_own(&w, &bare, EDE_FORGED, out);
	*truncated = !put_way(&w, to, way, &end) ||
		     !put_soa(&w.out, to, SECTION_AUTHORITY, way_end_off(&w, way, end), ttl_s);
	if (*truncated)
		start_own(&w, &bare, EDE_FORGED, out);
	msg_set_u16(out + 2, flags_for(to, *truncated ? MSG_TC : 0));
	return put_opt(to, RCODE_NOERROR, EDE_FORGED, ede_text, out, w.out.pos);
}

size_t answer_write_nxdomain(const struct answer_to *to, uint32_t ttl_s, uint8_t *out)
{
	struct msg_writer w;

	start_own(&w, to, EDE_NONE, out);
	(void)put_soa(&w.out, to, SECTION_AUTHORITY, MSG_HEADER, ttl_s);
	return end_own(&w, to, RCODE_NXDOMAIN, EDE_NONE, false);
}

/* The addresses of `how` that were asked for.  Returns how many. */
static unsigned put_addresses(
    struct buf *out, const struct answer_to *to, const struct block_answer *how, uint32_t ttl_s)
{
	uint16_t asked = msg_u16(to->question + to->question_len - 4);
	unsigned n = 0;

	/* Elsewhere than in the internet, an A record is something else (RFC 1035, 3.4). */
	if (record_class(to) != CLASS_IN)
		return 0;
	for (unsigned i = 0; i < how->n_in4 && (asked == TYPE_A || asked == TYPE_ANY); i++)
		n += put_record_at(
		    out, to, SECTION_ANSWER, MSG_HEADER, TYPE_A, ttl_s, how->in4[i], 4);
	for (unsigned i = 0; i < how->n_in6 && (asked == TYPE_AAAA || asked == TYPE_ANY); i++)
		n += put_record_at(
		    out, to, SECTION_ANSWER, MSG_HEADER, TYPE_AAAA, ttl_s, how->in6[i], 16);
	return n;
}

size_t answer_write_blocked(const struct answer_to *to, const struct block_answer *how,
    uint32_t ttl_s, const char *ede_text, uint8_t *out)
{
	static const struct block_answer none = {0}, null = {.n_in4 = 1, .n_in6 = 1};
	const struct block_answer *addresses = &none;
	unsigned rcode = RCODE_NOERROR;
	struct buf b;

	switch ((enum block_mode)how->mode) {
	case BLOCK_DEFAULT:
	case BLOCK_SERVFAIL:
		return answer_write_empty(to, RCODE_SERVFAIL, EDE_BLOCKED, ede_text, out);
	case BLOCK_REFUSED:
		return answer_write_empty(to, RCODE_REFUSED, EDE_BLOCKED, ede_text, out);
	case BLOCK_NXDOMAIN:
		rcode = RCODE_NXDOMAIN;
		break;
	case BLOCK_NULL:
		addresses = &null;
		break;
	case BLOCK_ADDRESS:
		addresses = how;
		break;
	case BLOCK_NODATA:
	case BLOCK_MODES:
		break;
	}
	/* With the longest name, SOA, addresses and OPT take less than 512 bytes. */
	b = buf_over(out, to->limit - opt_len_for(to, EDE_BLOCKED, ede_text));
	b.pos = start_empty(to, rcode, out);
	if (put_addresses(&b, to, addresses, ttl_s) == 0)
		(void)put_soa(
		    &b, to, SECTION_AUTHORITY, denying_zone(&b, MSG_HEADER, rcode), ttl_s);
	return put_opt(to, rcode, EDE_BLOCKED, ede_text, out, b.pos);
}

size_t answer_write_special(const struct answer_to *to, const struct special_answer *special,
    const struct policy_way *way, uint8_t *out, bool *truncated)
{
	static const struct policy_way straight = {.n_hops = 0};
	const struct policy_way *hops = way != NULL ? way : &straight;
	const int ede = policy_way_is_forged(hops) ? EDE_FORGED : EDE_NONE;
	struct msg_writer w;
	const uint8_t *owner;
	size_t owner_off;
	bool fits;

	start_own(&w, to, ede, out);
	fits = put_way(&w, to, hops, &owner);
	owner_off = way_end_off(&w, hops, owner);
	for (unsigned i = 0; i < special->n_records && fits; i++)
		fits = put_record_at(&w.out, to, SECTION_ANSWER, owner_off, special->record[i].type,
		    SPECIAL_TTL_S, special->record[i].rdata, special->record[i].len);
	if (special->n_records == 0 && fits)
		fits = put_soa(&w.out, to, special->soa ? SECTION_ANSWER : SECTION_AUTHORITY,
		    owner_off + name_len(owner) - name_len(special->zone), SPECIAL_TTL_S);
	*truncated = !fits;
	if (!fits)
		start_own(&w, to, ede, out);
	return end_own(&w, to, special->rcode, ede, !fits);
}

/* The name whose records are being written, and where it stands. */
struct local_owner {
	uint8_t name[NAME_SIZE]; /* lower case */
	size_t len, off;
};

/* Records of the type asked.  Returns how many, or -1: they do not fit. */
static int put_local_records(struct buf *out, const struct answer_to *to,
    const struct local_owner *owner, const struct local_name *found)
{
	uint16_t asked = msg_u16(to->question + to->question_len - 4);
	struct local_record r;
	int n = 0;

	for (size_t at = 0; local_next(found, &at, &r);) {
		if (r.type != asked && asked != TYPE_ANY)
			continue;
		if (!put_record_at(
			out, to, SECTION_ANSWER, owner->off, r.type, r.ttl_s, r.rdata, r.len))
			return -1;
		n++;
	}
	return n;
}

/* All that there is from `owner` on; false: it does not fit. */
static bool put_local(struct buf *out, const struct answer_to *to, const struct local *local,
    struct local_owner *owner, unsigned *rcode)
{
	struct local_name found;
	struct local_record alias;

	for (unsigned hops = 0;; hops++) {
		int n;

		if (!local_find(local, owner->name, owner->len, &found))
			return true; /* elsewhere */
		n = put_local_records(out, to, owner, &found);
		if (n != 0)
			return n > 0;
		if (hops == LOCAL_HOPS_MAX || !local_get(&found, TYPE_CNAME, &alias))
			break;
		if (!put_record_at(out, to, SECTION_ANSWER, owner->off, TYPE_CNAME, alias.ttl_s,
			alias.rdata, alias.len))
			return false;
		owner->len = alias.len;
		owner->off = out->pos - alias.len;
		name_lower(owner->name, alias.rdata, alias.len);
	}
	*rcode = found.exists ? RCODE_NOERROR : RCODE_NXDOMAIN;
	return put_soa(out, to, SECTION_AUTHORITY, owner->off + (size_t)(found.zone - owner->name),
	    ANSWER_RULE_TTL_S);
}

size_t answer_write_local(const struct answer_to *to, const struct local *local,
    const uint8_t *name, const struct policy_way *way, uint8_t *out, unsigned *rcode,
    bool *truncated)
{
	const int ede = policy_way_is_forged(way) ? EDE_FORGED : EDE_NONE;
	struct local_owner owner = {.len = name_len(name)};
	struct msg_writer w;
	const uint8_t *end;
	bool fits;

	memcpy(owner.name, name, owner.len);
	*rcode = RCODE_NOERROR;
	start_own(&w, to, ede, out);
	fits = put_way(&w, to, way, &end);
	owner.off = way_end_off(&w, way, end);
	fits = fits && put_local(&w.out, to, local, &owner, rcode);
	*truncated = !fits;
	if (!fits)
		start_own(&w, to, ede, out);
	return end_own(&w, to, *rcode, ede, !fits);
}
