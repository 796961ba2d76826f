/* pack.c - of equals the overlay takes the first: so those with an expiry are, and of these what
 * allows. */
#include "resolver/pack.h"

#include <stdlib.h>

#include "resolver/core/overlay.h"

_Static_assert(RULES_MAX <= OVERLAY_RULES_MAX, "the workers have room for all rules");

/* The rules of one action, all with or all without an expiry, to `bytes`; their length. */
static size_t pack(const struct rules *r, enum rules_kind kind, bool timed, uint8_t *bytes)
{
	struct overlay_rule rule = {.action = kind == RULES_ALLOW ? OVERLAY_ALLOW : OVERLAY_BLOCK};
	size_t len = 0;

	for (size_t i = 0; i < r->n_lines; i++) {
		const struct rules_line *line = &r->lines[i];

		if (line->kind != kind || (line->for_ms != 0) != timed)
			continue;
		rule.exact = line->exact;
		rule.name = line->name;
		rule.answer = line->answer.mode != BLOCK_DEFAULT ? &line->answer : NULL;
		len += overlay_put(bytes + len, &rule);
	}
	return len;
}

int pack_rules(const struct rules *r, uint8_t **bytes, size_t *len)
{
	*bytes = malloc((size_t)r->n_rules * OVERLAY_RULE_SIZE + 1);
	if (*bytes == NULL)
		return ERR_NOMEM;
	*len = pack(r, RULES_ALLOW, true, *bytes);
	*len += pack(r, RULES_BLOCK, true, *bytes + *len);
	*len += pack(r, RULES_ALLOW, false, *bytes + *len);
	*len += pack(r, RULES_BLOCK, false, *bytes + *len);
	return 0;
}
