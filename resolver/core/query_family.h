/* query_family.h - which families of addresses clients are given: types that are suppressed, hints of such in
 * HTTPS records, and addresses of IPv4 for those who have IPv6 alone (dns64.h).
 */
#ifndef QUELL_QUERY_FAMILY_H
#define QUELL_QUERY_FAMILY_H

#include "resolver/core/change.h"
#include "resolver/core/dns64.h"
#include "resolver/core/query_state.h"

/* Where the type asked is suppressed for `name`, the end of q->way: the answer, which is that there is no such
 * record.  0: it is not.  *outcome is for the log. */
size_t query_family_suppress(struct query *q, const struct msg_query *asked, const uint8_t *name,
    const struct answer_to *to, uint8_t *out, const char **outcome);

/* Are clients given no records of this type and class of `name`, the end of their question's way? */
bool query_family_is_suppressed(
    const struct query *q, const uint8_t *name, uint16_t type, uint16_t class);

/* What query_family_change() does where it has anything to do. */
bool query_family_change_it(struct query *q, const struct effect_ask *ask,
    const struct cache_answer *a, const struct answer_to *to, uint64_t now_ms,
    struct change *change);

/* Is the answer `a` to ask->name, the end of q->way, to be changed for who asked to->question?  Then *change
 * is how. */
static inline bool query_family_change(struct query *q, const struct effect_ask *ask,
    const struct cache_answer *a, const struct answer_to *to, uint64_t now_ms,
    struct change *change)
{
	return ((q->options.suppress | q->options.dns64.bits) != 0 || q->way.verdict.by_type) &&
	       query_family_change_it(q, ask, a, to, now_ms, change);
}

/* May an answer to this question be made of A records?  Who has set DO and CD looks after it themselves (RFC
 * 6147, 5.5). */
static inline bool query_family_is_dns64(
    const struct query *q, uint16_t type, uint16_t class, bool dnssec_ok, bool checking_disabled)
{
	return q->options.dns64.bits != 0 && type == TYPE_AAAA && class == CLASS_IN &&
	       !(dnssec_ok && checking_disabled);
}

/* The same of a question of a client. */
static inline bool query_family_is_asked(const struct query *q, const struct msg_query *asked)
{
	return query_family_is_dns64(
	    q, asked->qtype, asked->qclass, asked->edns.dnssec_ok, (asked->flags & MSG_CD) != 0);
}

/* The same of one in flight. */
static inline bool query_family_is_in_flight(
    const struct query *q, const struct inflight_question *question)
{
	return query_family_is_dns64(
	    q, question->type, question->class, question->dnssec_ok, question->checking_disabled);
}

/* Is `a`, the answer to such a question, in need of A records? */
static inline bool query_family_needs_a(const struct cache_answer *a)
{
	return dns64_need(a->msg, a->len) == DNS64_SYNTHESIS;
}

#endif
