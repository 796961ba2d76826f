/* query_saved.c - the cache on its way to disk and back. */
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/cachefile.h"
#include "resolver/core/query_state.h"

size_t query_save(
    struct query *q, struct cache_walk *at, uint64_t now_ms, uint8_t *out, size_t size)
{
	struct buf to = buf_over(out, size);
	struct cache_answer a;
	struct cache_key key;

	while (to.pos < CACHEFILE_PAYLOAD_USUAL && cache_next(q->cache, at, &key, &a, now_ms)) {
		const struct cachefile_entry entry = {
		    .age_ms = now_ms - a.stored_ms,
		    .ttl_s = a.ttl_s,
		    .ede = a.ede,
		    .is_private = a.private_off != 0,
		    .key = key.bytes,
		    .key_len = key.len,
		    .msg = a.msg,
		    .msg_len = a.len,
		};

		/* What other groups are is a matter of the configuration, which may change. */
		if (key.bytes[CACHE_KEY_GROUP] != 0)
			continue;
		cachefile_put(&to, &entry);
		q->stats.cache_saved++;
	}
	return to.pos;
}

/* The question of a saved entry, with its key under our secret; false: there is none. */
static bool read_key(const struct query *q, const struct cachefile_entry *entry,
    struct answer_question *asked, struct cache_key *key)
{
	const uint8_t *name = entry->key + CACHE_KEY_NAME;
	const size_t len = entry->key_len - CACHE_KEY_NAME;
	const uint8_t flags = entry->key[CACHE_KEY_FLAGS];
	uint8_t lower[NAME_SIZE];
	size_t off = 0;

	if (entry->key[CACHE_KEY_GROUP] != 0 || flags > (CACHE_KEY_DO | CACHE_KEY_CD) ||
	    name_skip(name, len, &off) != 0 || off != len)
		return false;
	name_lower(lower, name, len);
	*asked = (struct answer_question){
	    .name = name,
	    .name_len = len,
	    .type = msg_u16(entry->key),
	    .class = msg_u16(entry->key + 2),
	    .dnssec_ok = (flags & CACHE_KEY_DO) != 0,
	};
	cache_key(q->cache, key, name, len, asked->type, asked->class, asked->dnssec_ok,
	    (flags & CACHE_KEY_CD) != 0, 0);
	return memcmp(lower, name, len) == 0;
}

/* Take one entry; false: it is of no use. */
static bool load_entry(
    struct query *q, const struct cachefile_entry *entry, uint64_t age_ms, uint64_t now_ms)
{
	const struct answer_limits limits = query_state_limits(q);
	struct cache_answer *a = &q->answer.view;
	struct answer_question asked;
	struct cache_key key;

	if (!read_key(q, entry, &asked, &key) ||
	    answer_normalise(&q->answer, &asked, &limits, entry->msg, entry->msg_len, now_ms) !=
		0 ||
	    q->answer.rcode > MSG_RCODE || q->answer.referral)
		return false;
	/* Somebody vouched for this address; whether they still would, nobody knows. */
	if (a->private_off != 0 && !entry->is_private)
		return false;
	a->ede = entry->ede >= 0 ? entry->ede : EDE_NONE;
	if (a->ttl_s > entry->ttl_s)
		a->ttl_s = entry->ttl_s;
	if (age_ms == UINT64_MAX)
		age_ms = a->ttl_s * UINT64_C(1000);
	/* The differences count: this may lie before the time when the clock began. */
	a->stored_ms = now_ms - entry->age_ms - age_ms;
	if (entry->age_ms >= UINT64_MAX / 4 || age_ms >= UINT64_MAX / 4 ||
	    !cache_is_useful(q->cache, a, now_ms))
		return false;
	return cache_restore(q->cache, &key, a, now_ms);
}

int query_load(struct query *q, const uint8_t *bytes, size_t len, uint64_t age_ms, uint64_t now_ms)
{
	struct cachefile_entry entry;
	size_t pos = 0;
	int more, n = 0;

	while ((more = cachefile_next(bytes, len, &pos, &entry)) == 1)
		n += load_entry(q, &entry, age_ms, now_ms);
	q->stats.cache_loaded += (unsigned)n;
	return more < 0 ? more : n;
}
