/* query_names.h - names that have their answer here: those of the house (local.h), special ones (special.h),
 * single labels that nobody knows, and our own below quell.internal.  None of them is forwarded.
 */
#ifndef QUELL_QUERY_NAMES_H
#define QUELL_QUERY_NAMES_H

#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/answer.h"
#include "resolver/core/query.h"

/* The answer to the name asked, which comes before all lists, into out: its length.  0: there is none; then
 * q->way is where the aliases of the house lead.  *outcome is for the log, here and below. */
size_t query_names_answer(struct query *q, const struct msg_query *asked,
    const struct answer_to *to, uint8_t *out, const char **outcome);

/* The same where the lists led q->way: the answer to the name at its end. */
size_t query_names_fixed(struct query *q, const struct msg_query *asked, const struct answer_to *to,
    uint8_t *out, const char **outcome);

/* The same of names of the house alone, for what was forwarded before they were known. */
size_t query_names_house(struct query *q, const uint8_t *name, uint16_t type, uint16_t class,
    const struct answer_to *to, uint8_t *out, const char **outcome);

#define QUERY_NAMES_ZONE "\5quell\10internal" /* a literal's terminator is the root label */

/* Is it a name of our own, quell.internal or one below it? */
static inline bool query_names_is_ours(const struct msg_query *ask)
{
	/* Asked of every query: the last bytes say it of almost all. */
	return ask->qname_len >= sizeof(QUERY_NAMES_ZONE) &&
	       memcmp(ask->qname + ask->qname_len - sizeof(QUERY_NAMES_ZONE), QUERY_NAMES_ZONE,
		   sizeof(QUERY_NAMES_ZONE)) == 0 &&
	       name_in_zone(ask->qname, (const uint8_t *)QUERY_NAMES_ZONE);
}

/* What such a name gets (docs/answers.md, rows 70 to 74): the length. */
size_t query_names_ours(struct query *q, const struct query_asker *from,
    const struct msg_query *asked, const struct answer_to *to, uint64_t now_ms, uint8_t *out);

/* Why ask->name has its answer here.  False: it has none; then `end` is where the house's aliases lead. */
bool query_names_why(
    struct query *q, const struct effect_ask *ask, uint8_t end[NAME_SIZE], struct reason *out);

#endif
