/* change.c - records left out, and records made of others. */
#include "resolver/core/change.h"

#include "lib/dns/svcb.h"
#include "resolver/core/dns64.h"

/* ---- Records that are left out ---- */

unsigned change_bit(uint16_t type)
{
	switch (type) {
	case TYPE_A:
		return CONF_SUPPRESS_A;
	case TYPE_AAAA:
		return CONF_SUPPRESS_AAAA;
	case TYPE_SVCB:
		return CONF_SUPPRESS_SVCB;
	case TYPE_HTTPS:
		return CONF_SUPPRESS_HTTPS;
	default:
		return 0;
	}
}

static bool is_service(uint16_t type)
{
	return type == TYPE_SVCB || type == TYPE_HTTPS;
}

/* Is this parameter a hint that is left out? */
static bool is_hidden(const struct change *c, unsigned key)
{
	return (key == SVCB_IPV4HINT && (c->without & CONF_SUPPRESS_A) != 0) ||
	       (key == SVCB_IPV6HINT && (c->without & CONF_SUPPRESS_AAAA) != 0);
}

/* Has the record of type SVCB or HTTPS a hint that is left out? */
static bool has_hidden(const struct change *c, const uint8_t *msg, const struct msg_rr *rr)
{
	size_t pos = rr->rdata_off, end = rr->rdata_off + rr->rdata_len;
	struct svcb_param param;

	if (!svcb_skip_target(msg, &pos, end))
		return false;
	while (svcb_next(msg, &pos, end, &param))
		if (is_hidden(c, param.key))
			return true;
	return false;
}

static bool is_left_out(const struct change *c, const uint8_t *msg, const struct msg_rr *rr)
{
	if ((c->without & change_bit(rr->type)) != 0)
		return true;
	return rr->type == TYPE_AAAA && rr->rdata_len == 16 && c->without_mapped &&
	       dns64_is_excluded(msg + rr->rdata_off);
}

/* Do records of `type` become others? */
static bool is_changed(const struct change *c, const uint8_t *msg, const struct msg_rr *rr)
{
	if (rr->type == TYPE_A && c->dns64 != NULL && rr->section == SECTION_ANSWER)
		return true;
	return is_left_out(c, msg, rr) || (is_service(rr->type) && has_hidden(c, msg, rr));
}

bool change_find(struct change *c, const uint8_t *msg, size_t len)
{
	struct msg_walk walk;
	struct msg_rr rr;

	c->changed = 0;
	if (msg_walk_start(&walk, msg, len) != 0)
		return false;
	while (msg_walk_next(&walk, &rr) == 1)
		if (is_changed(c, msg, &rr))
			c->changed |= change_bit(rr.type);
	return c->changed != 0;
}

/* Does the signature `rr` cover a set that is changed?  Sets are told apart by their types alone: there is
 * hardly more than one of a type. */
static bool signs_changed(const struct change *c, const uint8_t *msg, const struct msg_rr *rr)
{
	return (c->changed & change_bit(msg_u16(msg + rr->rdata_off))) != 0;
}

/* ---- Records that are written anew ---- */

/* Owner, type, class and TTL, and a length of rdata that is to be set: returns where. */
static size_t start_record(
    struct msg_writer *w, const uint8_t *owner, uint16_t type, uint16_t class, uint32_t ttl)
{
	msg_write_name(w, owner, true);
	buf_put_u16(&w->out, type);
	buf_put_u16(&w->out, class);
	buf_put_u32(&w->out, ttl);
	buf_put_u16(&w->out, 0);
	return w->out.pos - 2;
}

/* The rdata are there: count the record.  Where it did not fit nothing of it is there, as `before`. */
static int end_record(struct msg_writer *w, const struct buf *before, unsigned n_suffixes,
    size_t len_off, enum msg_section section)
{
	uint8_t *count = w->out.bytes + 6 + 2 * section;

	if (w->out.failed) {
		w->out = *before;
		w->n_suffixes = n_suffixes;
		return ERR_RANGE;
	}
	msg_set_u16(w->out.bytes + len_off, (unsigned)(w->out.pos - len_off - 2));
	msg_set_u16(count, msg_u16(count) + 1u);
	return 0;
}

/* An AAAA record of the A record `rr` (RFC 6147, 5.1.7). */
static int write_synthesized(const struct change *c, struct msg_writer *w, const uint8_t *msg,
    const struct msg_rr *rr, const uint8_t *owner, uint32_t ttl)
{
	const struct buf before = w->out;
	unsigned n_suffixes = w->n_suffixes;
	uint8_t address[16];
	size_t len_off;

	if (rr->rdata_len != 4 || !dns64_may_embed(c->dns64, msg + rr->rdata_off))
		return 0;
	dns64_embed(c->dns64, msg + rr->rdata_off, address);
	len_off = start_record(
	    w, owner, TYPE_AAAA, rr->class, ttl < c->dns64_ttl_s ? ttl : c->dns64_ttl_s);
	buf_put_bytes(&w->out, address, sizeof(address));
	return end_record(w, &before, n_suffixes, len_off, rr->section);
}

/* Is a hint that is left out among the keys of `mandatory`? */
static bool needs_hidden(
    const struct change *c, const uint8_t *msg, const struct svcb_param *mandatory)
{
	for (size_t i = 0; i + 2 <= mandatory->len; i += 2)
		if (is_hidden(c, msg_u16(msg + mandatory->off + i)))
			return true;
	return false;
}

/* The SVCB or HTTPS record `rr` without the hints that are not for the asker. */
static int write_service(const struct change *c, struct msg_writer *w, const uint8_t *msg,
    const struct msg_rr *rr, const uint8_t *owner, uint32_t ttl)
{
	const struct buf before = w->out;
	unsigned n_suffixes = w->n_suffixes;
	size_t pos = rr->rdata_off, end = rr->rdata_off + rr->rdata_len, at, len_off;
	struct svcb_param param;

	if (!svcb_skip_target(msg, &pos, end))
		return 0;
	len_off = start_record(w, owner, rr->type, rr->class, ttl);
	buf_put_bytes(&w->out, msg + rr->rdata_off, pos - rr->rdata_off);
	for (at = pos; svcb_next(msg, &pos, end, &param); at = pos) {
		if (param.key == SVCB_MANDATORY && needs_hidden(c, msg, &param)) {
			w->out = before;
			w->n_suffixes = n_suffixes;
			return 0;
		}
		if (!is_hidden(c, param.key))
			buf_put_bytes(&w->out, msg + at, pos - at);
	}
	return end_record(w, &before, n_suffixes, len_off, rr->section);
}

int change_copy(const struct change *c, struct msg_writer *w, const uint8_t *msg, size_t len,
    const struct msg_rr *rr, uint32_t ttl)
{
	uint8_t owner[NAME_SIZE];
	size_t off = rr->owner_off, owner_len;

	if (is_left_out(c, msg, rr) || (rr->type == TYPE_RRSIG && signs_changed(c, msg, rr)))
		return 0;
	if (!is_changed(c, msg, rr))
		return msg_write_copy(w, msg, len, rr, ttl);
	if (name_read(msg, len, &off, owner, &owner_len) != 0)
		return ERR_FORMAT;
	return rr->type == TYPE_A ? write_synthesized(c, w, msg, rr, owner, ttl)
				  : write_service(c, w, msg, rr, owner, ttl);
}
