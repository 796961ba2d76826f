/* query_family.c - which families of addresses clients are given. */
#include "resolver/core/query_family.h"

#include "lib/dns/msg.h"

/* How long clients may keep that a type is suppressed, s: it rarely changes, and they ask again. */
#define SUPPRESSED_TTL_S 60

#define TEXT_SUPPRESSED "records of this type are suppressed on this network"

/* ---- Suppressed types ---- */

/* Bits of what is suppressed for `name`.  Those who are asked for a forward zone know what there is in it. */
static unsigned suppressed(const struct query *q, const uint8_t *name, uint16_t class)
{
	if (q->options.suppress == 0 || class != CLASS_IN ||
	    query_state_group(q, name, name_len(name)) != 0)
		return 0;
	return q->options.suppress;
}

bool query_family_is_suppressed(
    const struct query *q, const uint8_t *name, uint16_t type, uint16_t class)
{
	return (change_bit(type) & suppressed(q, name, class)) != 0;
}

size_t query_family_suppress(struct query *q, const struct msg_query *asked, const uint8_t *name,
    const struct answer_to *to, uint8_t *out, const char **outcome)
{
	bool truncated;
	size_t len;

	if (!query_family_is_suppressed(q, name, asked->qtype, asked->qclass))
		return 0;
	q->stats.suppressed++;
	*outcome = "answered: its type is suppressed";
	len = answer_write_nodata(to, &q->way, SUPPRESSED_TTL_S, TEXT_SUPPRESSED, out, &truncated);
	q->stats.truncated += truncated;
	return len;
}

/* ---- Records and hints that are left out ---- */

static bool is_service(uint16_t type)
{
	return type == TYPE_SVCB || type == TYPE_HTTPS;
}

/* The bit of `type` where rules or lists do not let a question for it through. */
static unsigned withheld(const struct query *q, const struct effect_ask *ask, uint16_t type)
{
	struct effect_ask other = *ask;

	other.type = type;
	other.rule_wanted = false;
	return policy_lets(&q->policy, &other) ? 0 : change_bit(type);
}

/* What of `a`, the answer to ask->name, is not for who asks. */
static unsigned left_out(
    const struct query *q, const struct effect_ask *ask, const struct cache_answer *a)
{
	/* Its question stands in front. */
	uint16_t class = msg_u16(a->msg + MSG_HEADER + name_len(a->msg + MSG_HEADER) + 2);
	unsigned bits = suppressed(q, ask->name, class);

	if (q->way.verdict.by_type && is_service(ask->type))
		bits |= withheld(q, ask, TYPE_A) | withheld(q, ask, TYPE_AAAA);
	return bits;
}

/* ---- Addresses of IPv4 within those of IPv6 ---- */

/* How long what is made of the A records of `name` may be kept, s: no longer than that there is no AAAA record
 * (RFC 6147, 5.1.7). */
static uint32_t synthesis_ttl(
    struct query *q, const uint8_t *name, const struct answer_to *to, uint64_t now_ms)
{
	const size_t len = name_len(name);
	struct cache_verdict *kept;
	struct cache_answer none;
	struct cache_key key;
	uint32_t ttl_s, age_s;

	cache_key(q->cache, &key, name, len, TYPE_AAAA, CLASS_IN, to->opt.dnssec_ok,
	    (to->flags & MSG_CD) != 0, query_state_group(q, name, len));
	if (!cache_get(q->cache, &key, now_ms, &none, &kept))
		return DNS64_TTL_S;
	ttl_s = dns64_soa_ttl(none.msg, none.len);
	age_s = (uint32_t)((now_ms - none.stored_ms) / 1000);
	return ttl_s > age_s ? ttl_s - age_s : 0;
}

/* For AAAA records with DNS64: `a` is the answer for A, or has addresses that are of no use. */
static void change_for_ipv6(struct query *q, const struct effect_ask *ask,
    const struct cache_answer *a, const struct answer_to *to, uint64_t now_ms,
    struct change *change)
{
	if (ask->type == TYPE_AAAA) {
		change->without_mapped = dns64_need(a->msg, a->len) == DNS64_FILTER;
		return;
	}
	q->stats.dns64++;
	change->without = 0; /* they are no A records any more */
	change->dns64 = &q->options.dns64;
	change->dns64_ttl_s = synthesis_ttl(q, ask->name, to, now_ms);
}

bool query_family_change_it(struct query *q, const struct effect_ask *ask,
    const struct cache_answer *a, const struct answer_to *to, uint64_t now_ms,
    struct change *change)
{
	const uint8_t *fixed = to->question + to->question_len - 4;
	bool is_more = ask->type == TYPE_ANY || is_service(ask->type) || msg_u16(a->msg + 10) != 0;
	bool differs;

	*change = (struct change){.without = is_more ? left_out(q, ask, a) : 0};
	if (query_family_is_dns64(q, msg_u16(fixed), msg_u16(fixed + 2), to->opt.dnssec_ok,
		(to->flags & MSG_CD) != 0))
		change_for_ipv6(q, ask, a, to, now_ms, change);
	if (change->without == 0 && !change->without_mapped && change->dns64 == NULL)
		return false;
	differs = change_find(change, a->msg, a->len);
	q->stats.stripped += differs && change->without != 0;
	/* What is said of A records is not said of the others, even where there are none. */
	return differs || change->dns64 != NULL;
}
