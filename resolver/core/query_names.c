/* query_names.c - names that have their answer here. */
#include "resolver/core/query_names.h"

#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/dns64.h"
#include "resolver/core/query_state.h"

/* ---- Names of the house ---- */

/* Is something known of name[0..len), of class `class`?  In a forward zone there may be more than is known
 * here. */
static bool knows_local(const struct query *q, const uint8_t *name, size_t len, uint16_t class,
    struct local_name *found)
{
	return local_maybe(&q->local, name, len) && (class == CLASS_IN || class == CLASS_ANY) &&
	       local_find(&q->local, name, len, found) &&
	       (found->exists || query_state_group(q, name, len) == 0);
}

/* The same, and does no rule of the user's own block it? */
static bool find_local(const struct query *q, const uint8_t *name, size_t len, uint16_t class,
    struct local_name *found)
{
	struct overlay_rule own;

	return knows_local(q, name, len, class, found) &&
	       (q->rules->paused || overlay_matches(q->rules, name, &own, 1) == 0 ||
		   own.action != OVERLAY_BLOCK);
}

/* Is `name`, which is asked for its pointer, that of an address of IPv4 within one of IPv6?  Then it is an alias
 * of the name of the former (RFC 6147, 5.3.1), unless the house knows it. */
static bool is_embedded(
    struct query *q, const uint8_t *name, uint16_t type, uint16_t class, uint8_t alias[NAME_SIZE])
{
	struct local_name found;

	return q->options.dns64.bits != 0 && type == TYPE_PTR && class == CLASS_IN &&
	       dns64_reverse(&q->options.dns64, name, name_len(name), alias) &&
	       !find_local(q, name, name_len(name), class, &found);
}

/* Follow the aliases of the house from `name` on.  Returns whether it has the answer, for the end of q->way;
 * if not, q->way is where they lead to. */
static bool follow_local(struct query *q, const uint8_t *asked, uint16_t type, uint16_t class)
{
	struct policy_way *way = &q->way;
	const uint8_t *name = asked;
	struct local_name found;
	struct local_record record;
	unsigned n_before = is_embedded(q, name, type, class, way->hop[0]) ? 1 : 0;

	way->n_hops = way->n_local = n_before;
	name = policy_way_end(way, name);
	while (find_local(q, name, name_len(name), class, &found) ||
	       (policy_allows_alias(&q->policy, asked, way) &&
		   knows_local(q, name, name_len(name), class, &found))) {
		if (type == TYPE_CNAME || type == TYPE_ANY || local_get(&found, type, &record) ||
		    !local_get(&found, TYPE_CNAME, &record) || way->n_hops == LOCAL_HOPS_MAX) {
			way->n_hops = way->n_local = n_before;
			return true;
		}
		name_lower(way->hop[way->n_hops], record.rdata, record.len);
		name = way->hop[way->n_hops++];
		way->n_local = way->n_hops;
	}
	return false;
}

/* `name`, the end of q->way, is one of the house. */
static size_t answer_local(struct query *q, const uint8_t *name, const struct answer_to *to,
    uint8_t *out, const char **outcome)
{
	bool truncated;
	unsigned rcode;
	size_t len = answer_write_local(to, &q->local, name, &q->way, out, &rcode, &truncated);

	q->stats.local++;
	q->stats.local_nxdomain += rcode == RCODE_NXDOMAIN;
	q->stats.truncated += truncated;
	*outcome = "answered: a name of the house";
	return len;
}

size_t query_names_house(struct query *q, const uint8_t *name, uint16_t type, uint16_t class,
    const struct answer_to *to, uint8_t *out, const char **outcome)
{
	if (!follow_local(q, name, type, class))
		return 0;
	return answer_local(q, policy_way_end(&q->way, name), to, out, outcome);
}

/* ---- Names that are nobody's, and special names ---- */

/* Is it a name of one label, asked for an address, that nobody here knows?  Top-level names have none, and
 * who is asked elsewhere would learn what is looked for in this house. */
static bool is_lost(const struct query *q, const uint8_t *name, size_t len, uint16_t type)
{
	struct overlay_rule own;

	return name[0] + 2u == len && !q->options.single_labels &&
	       (type == TYPE_A || type == TYPE_AAAA || type == TYPE_SVCB || type == TYPE_HTTPS) &&
	       query_state_group(q, name, len) == 0 &&
	       overlay_matches(q->rules, name, &own, 1) == 0;
}

static size_t answer_lost(
    struct query *q, const struct answer_to *to, uint8_t *out, const char **outcome)
{
	q->stats.single_label++;
	*outcome = "not forwarded: one label";
	return answer_write_nxdomain(to, ANSWER_RULE_TTL_S, out);
}

/* Is name[0..len) special, and does neither a forward zone nor a rule of the user's own say otherwise?  In
 * a pause none of those that block counts; what special names get does not block. */
static bool find_special(const struct query *q, const uint8_t *name, size_t len, uint16_t type,
    struct special_answer *special)
{
	struct overlay_rule own;

	if (!special_maybe(&q->special, name, len) ||
	    !special_find(&q->special, name, len, type, special) ||
	    query_state_group(q, name, len) != 0)
		return false;
	return overlay_matches(q->rules, name, &own, 1) == 0 ||
	       (q->rules->paused && own.action == OVERLAY_BLOCK);
}

/* `way`: aliases lead the question there. */
static size_t answer_special(struct query *q, const struct special_answer *special,
    const struct policy_way *way, const struct answer_to *to, uint8_t *out, const char **outcome)
{
	bool truncated;
	size_t len;

	q->stats.special++;
	q->stats.special_nxdomain += special->rcode == RCODE_NXDOMAIN;
	*outcome = "answered: a special name";
	len = answer_write_special(to, special, way, out, &truncated);
	q->stats.truncated += truncated;
	return len;
}

size_t query_names_fixed(struct query *q, const struct msg_query *asked, const struct answer_to *to,
    uint8_t *out, const char **outcome)
{
	const uint8_t *name = policy_way_end(&q->way, asked->qname);
	size_t len = q->way.n_hops == 0 ? asked->qname_len : name_len(name);
	struct special_answer special;
	struct local_name found;

	/* The name asked was looked for before. */
	if (policy_way_is_forged(&q->way) && find_local(q, name, len, asked->qclass, &found))
		return answer_local(q, name, to, out, outcome);
	if (find_special(q, name, len, asked->qtype, &special))
		return answer_special(q, &special, &q->way, to, out, outcome);
	if (q->way.n_hops == 0 && is_lost(q, name, len, asked->qtype))
		return answer_lost(q, to, out, outcome);
	return 0;
}

size_t query_names_answer(struct query *q, const struct msg_query *asked,
    const struct answer_to *to, uint8_t *out, const char **outcome)
{
	if (follow_local(q, asked->qname, asked->qtype, asked->qclass))
		return answer_local(q, policy_way_end(&q->way, asked->qname), to, out, outcome);
	return query_names_fixed(q, asked, to, out, outcome);
}

/* ---- Names of our own: all below quell.internal ---- */

#define WHY_ZONE   "\3why" QUERY_NAMES_ZONE
#define ALIVE_ZONE "\5alive" QUERY_NAMES_ZONE

/* The parent's question whether this worker answers (resolver/watchdog.h): no client's. */
static bool is_watchdog(const struct query_asker *from, const struct msg_query *asked)
{
	return !from->tcp && addr_is_loopback(&from->from) &&
	       name_in_zone(asked->qname, (const uint8_t *)ALIVE_ZONE);
}

size_t query_names_ours(struct query *q, const struct query_asker *from,
    const struct msg_query *asked, const struct answer_to *to, uint64_t now_ms, uint8_t *out)
{
	bool why = name_in_zone(asked->qname, (const uint8_t *)WHY_ZONE);
	uint8_t name[NAME_SIZE], strings[REASON_STRINGS_SIZE];
	const struct effect_ask ask = {.name = name, .type = TYPE_A, .client = &from->from};
	struct reason reason;
	bool truncated;
	size_t len;

	if (is_watchdog(from, asked)) {
		q->stats.queries_udp--;
		q->stats.watchdog++;
		return answer_write_empty(to, RCODE_NOERROR, EDE_NONE, NULL, out);
	}
	q->stats.internal++;
	if (!why && asked->qname_len > sizeof(QUERY_NAMES_ZONE))
		return answer_write_empty(to, RCODE_NXDOMAIN, EDE_NONE, NULL, out);
	if (!why || asked->qname_len == sizeof(WHY_ZONE) ||
	    (asked->qtype != TYPE_TXT && asked->qtype != TYPE_ANY))
		return answer_write_empty(to, RCODE_NOERROR, EDE_NONE, NULL, out);
	len = asked->qname_len - sizeof(WHY_ZONE);
	memcpy(name, asked->qname, len);
	name[len] = 0;
	query_why(q, &ask, now_ms, &reason);
	len = reason_strings(&reason, name, q->names, strings);
	len = answer_write_txt(to, strings, len, out, &truncated);
	q->stats.truncated += truncated;
	return len;
}

/* ---- Why ---- */

bool query_names_why(
    struct query *q, const struct effect_ask *ask, uint8_t end[NAME_SIZE], struct reason *out)
{
	struct effect_ask aliased = *ask;
	struct special_answer special;
	struct local_name found;
	size_t len;

	if (follow_local(q, ask->name, ask->type, CLASS_IN)) {
		aliased.name = policy_way_end(&q->way, ask->name);
		(void)find_local(q, aliased.name, name_len(aliased.name), CLASS_IN, &found);
		reason_find_local(&q->policy, ask, &found, out);
		return true;
	}
	/* Aliases of the house are only followed. */
	aliased.name = policy_way_end(&q->way, ask->name);
	len = name_len(aliased.name);
	memcpy(end, aliased.name, len);
	aliased.name = end;
	if (find_special(q, end, len, ask->type, &special))
		reason_find_special(&q->policy, &aliased, &special, out);
	else if (q->way.n_hops == 0 && is_lost(q, end, len, ask->type))
		reason_find_lost(&q->policy, ask, out);
	else
		return false;
	return true;
}
