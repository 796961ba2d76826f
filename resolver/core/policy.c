/* policy.c - names, and what answers lead to, against the user's rules and the lists. */
#include "resolver/core/policy.h"

#include <string.h>

#include "lib/dns/msg.h"

void policy_set_lists(struct policy *p, const struct trie *lists)
{
	p->lists = *lists;
	p->generation++;
}

void policy_set_rules(struct policy *p, const struct overlay *rules)
{
	p->rules = rules;
	p->generation++;
}

void policy_renew(struct policy *p)
{
	p->generation++;
}

/* ---- One name ---- */

/* The user's rules before the lists; returns whether it is theirs. */
static bool judge_one(const struct policy *p, const struct effect_ask *ask, unsigned n_lists,
    struct judge_verdict *verdict)
{
	enum overlay_action action =
	    p->rules != NULL ? overlay_judge(p->rules, ask->name) : OVERLAY_NONE;

	if (action == OVERLAY_NONE) {
		judge_name(&p->lists, ask, n_lists, verdict);
		return false;
	}
	verdict->outcome = action == OVERLAY_ALLOW ? JUDGE_ALLOWED : JUDGE_BLOCKED;
	verdict->by_client = false;
	verdict->needed = false;
	verdict->decided = false;
	verdict->n_lists = 0;
	verdict->n_answers = 0;
	return true;
}

/* ---- The name asked ---- */

/* The name that the verdict answers a question of `type` with instead of records, into `name` in
 * lower case; false: none. */
static bool leads_on(const struct judge_verdict *verdict, uint16_t type, uint8_t name[NAME_SIZE])
{
	const uint8_t *rdata;
	size_t at = 0, len, rdata_len;
	uint16_t rr_type;

	if (verdict->outcome != JUDGE_ANSWER || type == TYPE_CNAME || type == TYPE_ANY)
		return false;
	while (effect_record(verdict->answers[0].effect, verdict->answers[0].len, &at, &rr_type,
	    &rdata, &rdata_len)) {
		size_t off = 0;

		if (rr_type != TYPE_CNAME || name_read(rdata, rdata_len, &off, name, &len) != 0)
			continue;
		name_lower(name, name, len);
		return true;
	}
	return false;
}

void policy_judge(const struct policy *p, const struct effect_ask *asked, struct policy_way *way)
{
	way->n_hops = way->n_local = 0;
	policy_judge_from(p, asked, way);
}

void policy_judge_from(
    const struct policy *p, const struct effect_ask *asked, struct policy_way *way)
{
	struct effect_ask ask = *asked;
	uint8_t name[NAME_SIZE];
	bool by_client;

	ask.name = policy_way_end(way, asked->name);
	way->own = judge_one(p, &ask, RULE_LISTS_MAX, &way->verdict);
	while (leads_on(&way->verdict, ask.type, name)) {
		if (name_equal(name, ask.name)) {
			way->verdict.outcome = JUDGE_ALLOWED;
			way->verdict.n_lists = 0;
			return;
		}
		if (way->n_hops == POLICY_HOPS_MAX) {
			way->verdict.outcome = JUDGE_BLOCKED;
			return;
		}
		memcpy(way->hop[way->n_hops], name, name_len(name));
		ask.name = way->hop[way->n_hops++];
		by_client = way->verdict.by_client;
		way->own = judge_one(p, &ask, RULE_LISTS_MAX, &way->verdict);
		way->verdict.by_client |= by_client;
	}
}

/* ---- What an answer leads to ---- */

bool policy_target(const uint8_t *msg, size_t len, size_t ttl_off, struct policy_target *target)
{
	unsigned rdata_len = msg_u16(msg + ttl_off + 4);
	size_t off = ttl_off + 6, name_len;

	target->family = 0;
	switch (msg_u16(msg + ttl_off - 4)) {
	case TYPE_SVCB:
	case TYPE_HTTPS:
		off += 2; /* behind the priority (RFC 9460, 2.2) */
			  /* fall through */
	case TYPE_CNAME:
	case TYPE_DNAME:
		if (name_read(msg, len, &off, target->name, &name_len) != 0)
			return false;
		name_lower(target->name, target->name, name_len);
		return true;
	case TYPE_A:
		target->family = AF_INET;
		break;
	case TYPE_AAAA:
		target->family = AF_INET6;
		break;
	default:
		return false;
	}
	target->address = msg + off;
	/* The normal form knows their lengths, but for another class. */
	return rdata_len == (target->family == AF_INET ? 4 : 16);
}

bool policy_judge_target(const struct policy *p, const struct effect_ask *asked, unsigned n_lists,
    const struct policy_target *target, struct judge_verdict *verdict)
{
	struct effect_ask ask = *asked;
	uint8_t elsewhere[NAME_SIZE];
	bool own = false;

	if (target->family != 0) {
		judge_address(&p->lists, &ask, n_lists, target->family, target->address, verdict);
	} else {
		ask.name = target->name;
		own = judge_one(p, &ask, n_lists, verdict);
	}
	if (leads_on(verdict, ask.type, elsewhere))
		verdict->outcome = JUDGE_BLOCKED;
	return own;
}

bool policy_judges_answers(const struct policy *p, const struct policy_way *way, bool addresses)
{
	if (way->own)
		return false;
	if (addresses && way->verdict.n_lists != 0 && p->lists.networks.n != 0)
		return true;
	return !addresses &&
	       (way->verdict.n_lists != 0 || (p->rules != NULL && p->rules->n_blocks != 0));
}

void policy_judge_answer(const struct policy *p, const struct effect_ask *ask, unsigned n_lists,
    const uint8_t *msg, size_t len, struct judge_verdict *verdict, bool *own, uint16_t *ttl_off)
{
	struct policy_target target;
	struct msg_walk walk;
	struct msg_rr rr;
	bool by_client = false;

	verdict->outcome = JUDGE_NONE;
	*own = false;
	if (msg_walk_start(&walk, msg, len) == 0) {
		while (msg_walk_next(&walk, &rr) == 1 && rr.section == SECTION_ANSWER) {
			if (!policy_target(msg, len, rr.ttl_off, &target))
				continue;
			*own = policy_judge_target(p, ask, n_lists, &target, verdict);
			*ttl_off = (uint16_t)rr.ttl_off;
			by_client |= verdict->by_client;
			if (verdict->outcome != JUDGE_NONE && verdict->outcome != JUDGE_ALLOWED)
				break;
			verdict->outcome = JUDGE_NONE;
			*own = false;
		}
	}
	verdict->by_client = by_client;
}
