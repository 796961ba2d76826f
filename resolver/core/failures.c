/* failures.c - a small table of questions that failed. */
#include "resolver/core/failures.h"

static uint64_t id_of(const struct failures *f, const struct cache_key *key)
{
	return hash_siphash13(&f->key, key->bytes, key->len) | 1;
}

static unsigned set_of(uint64_t id)
{
	return (unsigned)(id >> 32) & (FAILURES_SETS - 1);
}

void failures_init(struct failures *f, const struct hash_key *key)
{
	f->key = *key;
}

void failures_put(struct failures *f, const struct cache_key *key, uint8_t rcode, int16_t ede,
    uint64_t started_ms, uint64_t now_ms)
{
	const uint64_t id = id_of(f, key);
	struct failure *set = f->set[set_of(id)], *place = set;

	for (unsigned i = 0; i < FAILURES_WAYS; i++) {
		if (set[i].id == id) {
			place = &set[i];
			break;
		}
		if (set[i].at_ms < place->at_ms)
			place = &set[i];
	}
	*place = (struct failure){
	    .id = id,
	    .at_ms = now_ms,
	    .epoch = f->epoch,
	    .ede = ede,
	    .rcode = rcode,
	    .own = f->any_good && f->good_ms > started_ms,
	};
	f->newest_ms = now_ms;
	f->any_since |= !place->own;
}

void failures_good(struct failures *f, uint64_t now_ms)
{
	if (f->any_since) {
		f->epoch++;
		f->over_ms = now_ms;
	}
	f->any_since = false;
	f->any_good = true;
	f->good_ms = now_ms;
}

bool failures_over(const struct failures *f, uint64_t since_ms)
{
	return f->epoch != 0 && f->over_ms >= since_ms;
}

const struct failure *failures_find(
    const struct failures *f, const struct cache_key *key, uint64_t now_ms)
{
	const struct failure *set;
	uint64_t id;

	if (f->newest_ms == 0 || now_ms - f->newest_ms >= FAILURES_RECHECK_MS)
		return NULL;
	id = id_of(f, key);
	set = f->set[set_of(id)];
	for (unsigned i = 0; i < FAILURES_WAYS; i++)
		if (set[i].id == id)
			return now_ms - set[i].at_ms < FAILURES_RECHECK_MS &&
				       (set[i].own || set[i].epoch == f->epoch)
				   ? &set[i]
				   : NULL;
	return NULL;
}
