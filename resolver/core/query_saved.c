/* query_saved.c - the cache on its way to disk and back. */
#include <string.h>

#include "lib/dns/msg.h"
#include "lib/hash.h"
#include "resolver/core/cachefile.h"
#include "resolver/core/query_state.h"

/* Who is asked for the names of `group`, as a number that the next process would give it, too, as long as the
 * configuration says the same; 0: the upstreams for all, whoever they are. */
static uint64_t source_of(const struct query *q, unsigned group)
{
	const struct hash_key key = {0};
	uint8_t who[OPTIONS_SERVERS_MAX][16 + 2] = {{0}};
	uint64_t groups = 0;
	unsigned n = 0;

	if (group == 0)
		return 0;
	for (unsigned g = group; g != 0; g = q->options.fallback[g])
		groups |= UINT64_C(1) << g;
	for (unsigned i = 0; i < q->upstreams.n; i++) {
		if ((q->upstreams.server[i].groups & groups) == 0)
			continue;
		(void)addr_host_bytes(&q->upstreams.server[i].addr, who[n]);
		msg_set_u16(who[n++] + 16, addr_port(&q->upstreams.server[i].addr));
	}
	return hash_siphash13(&key, who, n * sizeof(who[0])) | 1;
}

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
		    .source = source_of(q, cache_key_group(&key)),
		    .key = key.bytes,
		    .key_len = key.len,
		    .msg = a.msg,
		    .msg_len = a.len,
		};

		cachefile_put(&to, &entry);
		q->stats.cache_saved++;
	}
	return to.pos;
}

/* The question of a saved entry, with its key under our secret; false: there is none, or others are asked for it
 * now. */
static bool read_key(const struct query *q, const struct cachefile_entry *entry,
    struct answer_question *asked, struct cache_key *key)
{
	const uint8_t *name = entry->key + CACHE_KEY_NAME;
	const size_t len = entry->key_len - CACHE_KEY_NAME;
	const uint8_t flags = entry->key[CACHE_KEY_FLAGS];
	uint8_t lower[NAME_SIZE];
	size_t off = 0;
	uint8_t group;

	if (flags > (CACHE_KEY_DO | CACHE_KEY_CD) || name_skip(name, len, &off) != 0 || off != len)
		return false;
	name_lower(lower, name, len);
	group = query_state_group(q, name, len);
	*asked = (struct answer_question){
	    .name = name,
	    .name_len = len,
	    .type = msg_u16(entry->key),
	    .class = msg_u16(entry->key + 2),
	    .dnssec_ok = (flags & CACHE_KEY_DO) != 0,
	};
	cache_key(q->cache, key, name, len, asked->type, asked->class, asked->dnssec_ok,
	    (flags & CACHE_KEY_CD) != 0, group);
	return memcmp(lower, name, len) == 0 && entry->source == source_of(q, group);
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
	/* Those of a forward zone may say what leads to a private address.  Of others somebody was trusted with it;
	 * whether they still would be, nobody knows. */
	if (entry->source != 0)
		a->private_off = 0;
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
