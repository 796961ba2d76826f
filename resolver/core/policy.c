/* policy.c - names, and what answers lead to, against the user's rules and the lists. */
#include "resolver/core/policy.h"

#include <string.h>

#include "lib/dns/msg.h"
#include "lib/dns/svcb.h"
#include "resolver/core/shared.h"

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

void policy_set_guard(struct policy *p, bool on)
{
	if (on == (p->shared.n != 0))
		return;
	p->shared = (struct zones){.n = 0};
	if (on)
		shared_put(&p->shared);
	p->generation++;
}

void policy_renew(struct policy *p)
{
	p->generation++;
}

/* ---- One name ---- */

static bool is_open(const struct judge_verdict *verdict)
{
	return verdict->outcome == JUDGE_NONE || verdict->outcome == JUDGE_ALLOWED;
}

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
	verdict->by_type = false;
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

bool policy_allows_alias(const struct policy *p, const uint8_t *asked, const struct policy_way *way)
{
	return way->n_local != 0 && p->rules != NULL &&
	       overlay_judge(p->rules, asked) == OVERLAY_ALLOW;
}

void policy_judge_from(
    const struct policy *p, const struct effect_ask *asked, struct policy_way *way)
{
	struct effect_ask ask = *asked;
	uint8_t name[NAME_SIZE];
	bool by_client;

	if (!policy_allows_alias(p, asked->name, way))
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

bool policy_lets(const struct policy *p, const struct effect_ask *ask)
{
	struct judge_verdict verdict;

	(void)judge_one(p, ask, RULE_LISTS_MAX, &verdict);
	return is_open(&verdict);
}

/* ---- What an answer leads to ---- */

void policy_targets_start(struct policy_targets *t, const uint8_t *msg, size_t len, size_t ttl_off)
{
	size_t rdata_len = msg_u16(msg + ttl_off + 4);

	*t =
	    (struct policy_targets){.msg = msg, .pos = ttl_off + 6, .end = ttl_off + 6 + rdata_len};
	/* Nothing stands behind the end in an answer in normal form. */
	if (t->end <= len)
		t->type = msg_u16(msg + ttl_off - 4);
}

static bool next_name(struct policy_targets *t, struct policy_target *target)
{
	size_t name_len;

	target->family = 0;
	if (t->pos > t->end || name_read(t->msg, t->end, &t->pos, target->name, &name_len) != 0)
		return false;
	name_lower(target->name, target->name, name_len);
	return true;
}

/* All of the rdata.  The normal form knows the length, but for another class. */
static bool next_address(struct policy_targets *t, int family, struct policy_target *target)
{
	t->type = 0;
	target->family = family;
	target->address = t->msg + t->pos;
	return t->end - t->pos == (family == AF_INET ? 4 : 16);
}

static bool next_hint(struct policy_targets *t, struct policy_target *target)
{
	for (;;) {
		size_t size = t->family == AF_INET ? 4 : 16;
		struct svcb_param param;

		if (t->family != 0 && t->hints_end - t->pos >= size) {
			target->family = t->family;
			target->address = t->msg + t->pos;
			t->pos += size;
			return true;
		}
		if (t->family != 0)
			t->pos = t->hints_end;
		if (!svcb_next(t->msg, &t->pos, t->end, &param))
			return false;
		t->family = param.key == SVCB_IPV4HINT	 ? AF_INET
			    : param.key == SVCB_IPV6HINT ? AF_INET6
							 : 0;
		t->hints_end = t->pos;
		if (t->family != 0)
			t->pos = param.off;
	}
}

bool policy_targets_next(struct policy_targets *t, struct policy_target *target)
{
	switch (t->type) {
	case TYPE_SVCB:
	case TYPE_HTTPS:
		if (t->named)
			return next_hint(t, target);
		t->named = true;
		t->pos += 2; /* behind the priority (RFC 9460, 2.2) */
		return next_name(t, target);
	case TYPE_CNAME:
	case TYPE_DNAME:
		t->type = 0;
		return next_name(t, target);
	case TYPE_A:
		return next_address(t, AF_INET, target);
	case TYPE_AAAA:
		return next_address(t, AF_INET6, target);
	default:
		return false;
	}
}

struct effect_ask policy_ask_target(
    const struct policy *p, const struct effect_ask *ask, const struct policy_target *target)
{
	struct effect_ask about = *ask;
	int labels = zones_find(&p->shared, target->name, name_len(target->name));

	about.name = target->name;
	about.shared_labels = (uint8_t)(labels > 0 ? labels : 0);
	return about;
}

bool policy_judge_target(const struct policy *p, const struct effect_ask *asked, unsigned n_lists,
    const struct policy_target *target, struct judge_verdict *verdict)
{
	uint8_t elsewhere[NAME_SIZE];
	bool own = false;

	if (target->family != 0) {
		judge_address(&p->lists, asked, n_lists, target->family, target->address, verdict);
	} else {
		const struct effect_ask ask = policy_ask_target(p, asked, target);

		own = judge_one(p, &ask, n_lists, verdict);
	}
	if (leads_on(verdict, asked->type, elsewhere))
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

bool policy_find_withheld(const struct policy *p, const struct effect_ask *ask, unsigned n_lists,
    const uint8_t *msg, size_t len, size_t ttl_off, struct policy_target *target)
{
	struct judge_verdict verdict;
	struct policy_targets targets;

	policy_targets_start(&targets, msg, len, ttl_off);
	while (policy_targets_next(&targets, target)) {
		(void)policy_judge_target(p, ask, n_lists, target, &verdict);
		if (!is_open(&verdict))
			return true;
	}
	return false;
}

/* The verdict on what one record leads to; returns whether it is the user's own. */
static bool judge_record(const struct policy *p, const struct effect_ask *ask, unsigned n_lists,
    struct policy_targets *targets, struct judge_verdict *verdict)
{
	struct policy_target target;
	bool own = false, by_client = false;

	verdict->outcome = JUDGE_NONE;
	while (is_open(verdict) && policy_targets_next(targets, &target)) {
		own = policy_judge_target(p, ask, n_lists, &target, verdict);
		by_client |= verdict->by_client;
	}
	verdict->by_client = by_client;
	return own;
}

void policy_judge_answer(const struct policy *p, const struct effect_ask *ask, unsigned n_lists,
    const uint8_t *msg, size_t len, struct judge_verdict *verdict, bool *own, uint16_t *ttl_off)
{
	struct policy_targets targets;
	struct msg_walk walk;
	struct msg_rr rr;
	bool by_client = false;

	verdict->outcome = JUDGE_NONE;
	*own = false;
	if (msg_walk_start(&walk, msg, len) == 0) {
		while (msg_walk_next(&walk, &rr) == 1 && rr.section == SECTION_ANSWER) {
			policy_targets_start(&targets, msg, len, rr.ttl_off);
			*own = judge_record(p, ask, n_lists, &targets, verdict);
			*ttl_off = (uint16_t)rr.ttl_off;
			by_client |= verdict->by_client;
			if (!is_open(verdict))
				break;
			verdict->outcome = JUDGE_NONE;
			*own = false;
		}
	}
	verdict->by_client = by_client;
}
