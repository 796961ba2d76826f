/* query_why.c - why a query would get the answer it would get now: its way once more, with words. */
#include "resolver/core/query_answer.h"
#include "resolver/core/query_family.h"
#include "resolver/core/query_names.h"
#include "resolver/core/query_state.h"

/* The answer to `ask` that is in the cache, whichever of its kinds; false: there is none. */
static bool find_cached(
    struct query *q, const struct effect_ask *ask, uint64_t now_ms, struct cache_answer *cached)
{
	size_t len = name_len(ask->name);
	struct cache_key key;

	for (unsigned flags = 0; flags < 4; flags++) {
		cache_key(q->cache, &key, ask->name, len, ask->type, CLASS_IN, (flags & 1) != 0,
		    (flags & 2) != 0, query_state_group(q, ask->name, len));
		if (cache_peek(q->cache, &key, now_ms, cached))
			return true;
	}
	return false;
}

void query_why(struct query *q, const struct effect_ask *ask, uint64_t now_ms, struct reason *out)
{
	struct effect_ask asked = *ask, end = *ask;
	struct cache_answer cached;
	uint8_t aliased[NAME_SIZE], name[NAME_SIZE];
	bool is_suppressed, is_cached;

	if (query_names_why(q, ask, aliased, out))
		return;
	/* Of an alias that is allowed, where it leads is not judged. */
	if (!policy_allows_alias(&q->policy, ask->name, &q->way))
		asked.name = aliased;
	reason_end(&q->policy, &asked, name);
	if (asked.name != aliased)
		memcpy(name, aliased, name_len(aliased));
	end.name = name;
	is_suppressed = query_family_is_suppressed(q, name, ask->type, CLASS_IN);
	is_cached = !is_suppressed && find_cached(q, &end, now_ms, &cached);
	reason_find(&q->policy, &asked, is_cached ? &cached : NULL, out);
	if (is_cached && !out->blocked && query_answer_rebinds(q, name, &cached))
		reason_set_rebinding(out, &cached);
	if (!out->blocked && is_suppressed) {
		reason_set_suppressed(out);
	} else if (!out->blocked) {
		out->forwarded = true;
		out->group = query_state_group(q, name, name_len(name));
		out->asked = (uint8_t)upstream_group(&q->upstreams, out->group);
	}
}
