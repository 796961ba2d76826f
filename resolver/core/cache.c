/* cache.c - two rings of bytes, an index and ghosts. */
#include "resolver/core/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "lib/table.h"

#define CACHE_SIZE_MIN	    ((size_t)64 << 10)
#define CACHE_SIZE_MAX_LOG2 32 /* positions in a ring have 32 bits */

/* One bucket and one ghost for so many bytes of cache: about what an entry takes. */
#define ENTRY_USUAL 256

#define ALIGN	 8u
#define HITS_MAX 3

/* So many entries of the main ring one cache_put() moves from its tail to its head at most: that
 * bounds its cost.  Where this makes no room, the newcomer has to wait outside. */
#define MOVES_MAX 256

/* What every run of bytes in a ring begins with.  A filler before the end of the ring is nothing
 * more. */
struct run {
	uint32_t size; /* of the whole run, a multiple of ALIGN */
	bool live;     /* an entry that is in the index; else only bytes, until the tail comes by */
};

/* An answer: this, the TTL offsets, the key, the message. */
struct entry {
	struct run run;
	bool in_main;
	bool has_targets, has_addresses, prefetched;
	uint8_t hits; /* at most HITS_MAX */
	uint8_t uses; /* since it was put, at most 255 */
	uint16_t n_records;
	uint16_t key_len;
	uint16_t msg_len;
	int16_t ede;
	uint16_t private_off;
	uint32_t ttl_s;
	uint64_t stored_ms;
	struct cache_verdict verdict;
	struct table_item item;
	uint16_t ttl_off[];
};

#define RUN_MAX                                                                                    \
	(sizeof(struct entry) + MSG_MAX / MSG_RR_MIN * sizeof(uint16_t) + CACHE_KEY_SIZE + MSG_MAX)

/* Runs lie from the tail to the head, around the end; `used` tells an empty ring from a full
 * one. */
struct ring {
	uint8_t *bytes;
	uint32_t size, used;
	uint32_t head, tail;
	uint64_t gone; /* bytes that were dropped at the tail, ever */
};

struct cache {
	struct table index;
	struct ring probation, main;
	uint32_t *ghosts; /* hashes of entries that went, each in the place of its low bits */
	uint32_t ghosts_mask;
	uint32_t run_max; /* bytes of the largest run that is kept */
	uint32_t spare;	  /* bytes that stay free in the main ring: entry_move() needs them */
	uint64_t stale_ms;
	struct cache_usage usage;
};

void cache_key(const struct cache *c, struct cache_key *key, const uint8_t *name, size_t name_len,
    uint16_t type, uint16_t class, bool dnssec_ok, bool checking_disabled, uint8_t group)
{
	assert(name_len <= NAME_SIZE);
	msg_set_u16(key->bytes, type);
	msg_set_u16(key->bytes + 2, class);
	key->bytes[CACHE_KEY_FLAGS] =
	    (uint8_t)((dnssec_ok ? CACHE_KEY_DO : 0) | (checking_disabled ? CACHE_KEY_CD : 0));
	key->bytes[CACHE_KEY_GROUP] = group;
	memcpy(key->bytes + CACHE_KEY_NAME, name, name_len);
	key->len = (uint16_t)(CACHE_KEY_NAME + name_len);
	key->hash = table_hash(&c->index, key->bytes, key->len);
}

void cache_expect(const struct cache *c, uint32_t hash)
{
	table_expect(&c->index, hash);
}

void cache_expect_entry(const struct cache *c, uint32_t hash)
{
	table_expect_item(&c->index, hash);
}

/* ---- rings ---- */

static struct run *ring_tail(const struct ring *r)
{
	return (void *)(r->bytes + r->tail);
}

static void ring_drop_tail(struct ring *r)
{
	const uint32_t size = ring_tail(r)->size;

	r->used -= size;
	r->gone += size;
	r->tail = r->tail + size == r->size ? 0 : r->tail + size;
}

/* Is there room at the head for a run of `size` in one piece, and `spare` bytes beside it? */
static bool ring_fits(const struct ring *r, uint32_t size, uint32_t spare)
{
	const uint32_t to_end = r->size - r->head;
	const uint32_t filler = size <= to_end ? 0 : to_end;

	return (uint64_t)filler + size + spare <= r->size - r->used;
}

static struct run *ring_advance(struct ring *r, uint32_t size)
{
	struct run *run = (void *)(r->bytes + r->head);

	*run = (struct run){.size = size};
	r->used += size;
	r->head = r->head + size == r->size ? 0 : r->head + size;
	return run;
}

/* A run of `size` at the head, where it fits. */
static struct run *ring_take(struct ring *r, uint32_t size)
{
	assert(ring_fits(r, size, 0));
	if (size > r->size - r->head)
		ring_advance(r, r->size - r->head);
	return ring_advance(r, size);
}

static struct ring ring_over(uint8_t *bytes, size_t size)
{
	return (struct ring){.bytes = bytes, .size = (uint32_t)size};
}

/* ---- entries ---- */

static uint8_t *entry_key(struct entry *e)
{
	return (uint8_t *)(e->ttl_off + e->n_records);
}

static uint8_t *entry_msg(struct entry *e)
{
	return entry_key(e) + e->key_len;
}

static bool entry_expired(const struct entry *e, uint64_t now_ms)
{
	return now_ms - e->stored_ms >= (uint64_t)e->ttl_s * 1000;
}

/* May it still be used, where there is nothing better? */
static bool entry_useful(const struct cache *c, const struct entry *e, uint64_t now_ms)
{
	return now_ms - e->stored_ms < (uint64_t)e->ttl_s * 1000 + c->stale_ms;
}

static struct entry *entry_find(const struct cache *c, uint32_t hash, const struct cache_key *key)
{
	struct table_item *item = table_find(&c->index, hash, key->bytes, key->len);

	return item != NULL ? table_entry(item, struct entry, item) : NULL;
}

static void entry_index(struct cache *c, struct entry *e, uint32_t hash)
{
	table_add(&c->index, &e->item, hash, entry_key(e), e->key_len);
	e->run.live = true;
	c->usage.entries++;
	c->usage.bytes += e->run.size;
}

/* From now on the entry is only bytes in its ring. */
static void entry_kill(struct cache *c, struct entry *e)
{
	table_remove(&c->index, &e->item);
	e->run.live = false;
	c->usage.entries--;
	c->usage.bytes -= e->run.size;
}

/* Move the entry at the tail of `from` to the head of the main ring, where it fits.  Both may be
 * the same ring: the run at the head is taken before the tail is given up, so nothing overlaps. */
static void entry_move(struct cache *c, struct ring *from, uint8_t hits)
{
	struct entry *old = (struct entry *)ring_tail(from);
	const uint32_t hash = old->item.hh.hashv;
	struct entry *e;

	entry_kill(c, old);
	e = (struct entry *)ring_take(&c->main, old->run.size);
	memcpy(e, old, old->run.size);
	e->in_main = true;
	e->hits = hits;
	entry_index(c, e, hash);
	ring_drop_tail(from);
}

/* Give an entry up.  Its hash is remembered where the name may well be asked for again: it got no
 * chance to show it, or it was asked for until it expired. */
static void entry_evict(struct cache *c, struct entry *e, uint64_t now_ms)
{
	const bool expired = entry_expired(e, now_ms);

	if (expired ? e->hits > 0 : !e->in_main)
		c->ghosts[e->item.hh.hashv & c->ghosts_mask] = e->item.hh.hashv;
	if (!expired)
		c->usage.evicted++;
	entry_kill(c, e);
}

/* ---- room ---- */

/* Is the run at the tail an answer that still lives? */
static bool tail_lives(const struct ring *r, uint64_t now_ms)
{
	const struct entry *e = (const struct entry *)ring_tail(r);

	return e->run.live && !entry_expired(e, now_ms);
}

/* Returns whether there is room now for a run of `size`.  *moves counts down. */
static bool main_make_room(struct cache *c, uint32_t size, uint64_t now_ms, unsigned *moves)
{
	while (!ring_fits(&c->main, size, c->spare)) {
		struct entry *e = (struct entry *)ring_tail(&c->main);

		if (tail_lives(&c->main, now_ms) && e->hits > 0) {
			if (*moves == 0)
				return false;
			--*moves;
			entry_move(c, &c->main, (uint8_t)(e->hits - 1));
			continue;
		}
		if (e->run.live)
			entry_evict(c, e, now_ms);
		ring_drop_tail(&c->main);
	}
	return true;
}

/* May the entry at the tail of the probation ring go on in the main ring?  While that is not full
 * all may; then only one that was asked for again. */
static bool tail_promoted(struct cache *c, uint64_t now_ms, unsigned *moves)
{
	const struct entry *e = (const struct entry *)ring_tail(&c->probation);

	if (!e->run.live || !entry_useful(c, e, now_ms))
		return false;
	return ring_fits(&c->main, e->run.size, c->spare) ||
	       (e->hits > 0 && !entry_expired(e, now_ms) &&
		   main_make_room(c, e->run.size, now_ms, moves));
}

static void probation_make_room(struct cache *c, uint32_t size, uint64_t now_ms, unsigned *moves)
{
	while (!ring_fits(&c->probation, size, 0)) {
		struct entry *e = (struct entry *)ring_tail(&c->probation);

		if (tail_promoted(c, now_ms, moves)) {
			entry_move(c, &c->probation, 0);
			continue;
		}
		if (e->run.live)
			entry_evict(c, e, now_ms);
		ring_drop_tail(&c->probation);
	}
}

/* ---- the cache ---- */

static size_t align_up(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static size_t align_down(size_t n)
{
	return n & ~(size_t)(ALIGN - 1);
}

/* The largest power of two up to n > 0. */
static size_t power_of_two(size_t n)
{
	return (size_t)1 << (63 - __builtin_clzll(n));
}

/*   [ struct cache | index | ghosts | probation | main ]   in one piece of `size` bytes */
int cache_new(struct cache **out, size_t size, const struct hash_key *key)
{
	const size_t n_usual = power_of_two(size / ENTRY_USUAL | 1);
	const size_t index_off = align_up(sizeof(struct cache));
	const size_t ghosts_off = index_off + align_up(table_memory((uint32_t)n_usual));
	const size_t rings_off = ghosts_off + align_up(n_usual * sizeof(uint32_t));
	struct cache *c;
	uint8_t *bytes;
	size_t probation;

	if (size < CACHE_SIZE_MIN || ((uint64_t)size - 1) >> CACHE_SIZE_MAX_LOG2 != 0)
		return ERR_RANGE;
	bytes = calloc(1, size);
	if (bytes == NULL)
		return ERR_NOMEM;

	c = (void *)bytes;
	probation = align_down((size - rings_off) / 8);
	table_init(&c->index, bytes + index_off, (uint32_t)n_usual, key);
	c->ghosts = (void *)(bytes + ghosts_off);
	c->ghosts_mask = (uint32_t)n_usual - 1;
	c->probation = ring_over(bytes + rings_off, probation);
	c->main =
	    ring_over(bytes + rings_off + probation, align_down(size - rings_off - probation));
	c->run_max = (uint32_t)(probation / 8 < RUN_MAX ? probation / 8 : RUN_MAX);
	/* A move within the ring takes a run and once on the way round a filler, which is
	 * smaller. */
	c->spare = 2 * c->run_max;
	*out = c;
	return 0;
}

void cache_free(struct cache *c)
{
	free(c);
}

void cache_set_stale(struct cache *c, uint64_t stale_ms)
{
	c->stale_ms = stale_ms;
}

bool cache_is_useful(const struct cache *c, const struct cache_answer *answer, uint64_t now_ms)
{
	return now_ms - answer->stored_ms < answer->ttl_s * UINT64_C(1000) + c->stale_ms;
}

static struct cache_answer entry_answer(struct entry *e, uint64_t now_ms)
{
	return (struct cache_answer){
	    .msg = entry_msg(e),
	    .len = e->msg_len,
	    .ttl_off = e->ttl_off,
	    .n_records = e->n_records,
	    .stored_ms = e->stored_ms,
	    .ttl_s = e->ttl_s,
	    .has_targets = e->has_targets,
	    .has_addresses = e->has_addresses,
	    .ede = e->ede,
	    .private_off = e->private_off,
	    .stale = entry_expired(e, now_ms),
	    .prefetched = e->prefetched,
	    .uses = e->uses,
	};
}

/* It is asked for. */
static void entry_use(
    struct entry *e, uint64_t now_ms, struct cache_answer *answer, struct cache_verdict **verdict)
{
	if (e->hits < HITS_MAX)
		e->hits++;
	e->uses = (uint8_t)(e->uses + (e->uses < UINT8_MAX));
	*answer = entry_answer(e, now_ms);
	*verdict = &e->verdict;
}

bool cache_get(struct cache *c, const struct cache_key *key, uint64_t now_ms,
    struct cache_answer *answer, struct cache_verdict **verdict)
{
	struct entry *e = entry_find(c, key->hash, key);

	/* One that has expired stays until it is replaced: what takes its place inherits its
	 * hits. */
	if (e == NULL || entry_expired(e, now_ms))
		return false;
	entry_use(e, now_ms, answer, verdict);
	return true;
}

bool cache_get_stale(struct cache *c, const struct cache_key *key, uint64_t now_ms,
    struct cache_answer *answer, struct cache_verdict **verdict)
{
	struct entry *e = entry_find(c, key->hash, key);

	if (e == NULL || !entry_useful(c, e, now_ms))
		return false;
	entry_use(e, now_ms, answer, verdict);
	return true;
}

bool cache_peek(const struct cache *c, const struct cache_key *key, uint64_t now_ms,
    struct cache_answer *answer)
{
	struct entry *e = entry_find(c, key->hash, key);

	if (e == NULL || !entry_useful(c, e, now_ms))
		return false;
	*answer = entry_answer(e, now_ms);
	return true;
}

/* Bytes of the run for an answer, or 0 where it is not to be kept. */
static uint32_t run_size(
    const struct cache *c, const struct cache_key *key, const struct cache_answer *answer)
{
	size_t size;

	if (answer->ttl_s == 0 || answer->len > MSG_MAX || answer->n_records > MSG_MAX / MSG_RR_MIN)
		return 0;
	size = align_up(offsetof(struct entry, ttl_off) + answer->n_records * sizeof(uint16_t) +
			key->len + answer->len);
	return size <= c->run_max ? (uint32_t)size : 0;
}

static void entry_fill(struct entry *e, const struct cache_key *key,
    const struct cache_answer *answer, const struct cache_verdict *verdict)
{
	e->has_targets = answer->has_targets;
	e->has_addresses = answer->has_addresses;
	e->prefetched = answer->prefetched;
	e->ede = answer->ede;
	e->private_off = answer->private_off;
	e->n_records = (uint16_t)answer->n_records;
	e->key_len = key->len;
	e->msg_len = (uint16_t)answer->len;
	e->ttl_s = answer->ttl_s;
	e->stored_ms = answer->stored_ms;
	e->verdict = *verdict;
	if (answer->n_records != 0)
		memcpy(e->ttl_off, answer->ttl_off, answer->n_records * sizeof(uint16_t));
	memcpy(entry_key(e), key->bytes, key->len);
	memcpy(entry_msg(e), answer->msg, answer->len);
}

/* `size` bytes in one of the rings for a new entry, which is in no index yet. */
static struct entry *take_room(struct cache *c, uint32_t size, bool to_main, uint64_t now_ms)
{
	unsigned moves = MOVES_MAX;
	struct entry *e;

	if (to_main)
		to_main = main_make_room(c, size, now_ms, &moves);
	if (!to_main)
		probation_make_room(c, size, now_ms, &moves);
	e = (struct entry *)ring_take(to_main ? &c->main : &c->probation, size);
	e->in_main = to_main;
	e->uses = 0;
	return e;
}

void cache_put(struct cache *c, const struct cache_key *key, const struct cache_answer *answer,
    const struct cache_verdict *verdict)
{
	const uint32_t hash = key->hash;
	const uint32_t size = run_size(c, key, answer);
	struct entry *e = entry_find(c, hash, key);
	bool to_main = c->ghosts[hash & c->ghosts_mask] == hash;
	uint8_t hits = 0;

	if (e != NULL) {
		to_main = e->in_main;
		hits = e->hits;
		entry_kill(c, e);
	}
	if (size == 0)
		return;

	e = take_room(c, size, to_main, answer->stored_ms);
	e->hits = hits;
	entry_fill(e, key, answer, verdict);
	entry_index(c, e, hash);
}

bool cache_restore(struct cache *c, const struct cache_key *key, const struct cache_answer *answer,
    uint64_t now_ms)
{
	static const struct cache_verdict none;
	const uint32_t size = run_size(c, key, answer);
	struct entry *e;

	if (size == 0 || entry_find(c, key->hash, key) != NULL)
		return false;
	e = take_room(c, size, false, now_ms);
	e->hits = 0;
	entry_fill(e, key, answer, &none);
	entry_index(c, e, key->hash);
	return true;
}

/* The run `past` bytes behind the tail. */
static struct run *ring_at(const struct ring *r, uint64_t past)
{
	const uint64_t pos = r->tail + past;

	return (void *)(r->bytes + (pos < r->size ? pos : pos - r->size));
}

/* The next live entry of the ring, or NULL. */
static struct entry *ring_next(const struct ring *r, struct cache_walk *at)
{
	if (!at->in_ring) {
		at->in_ring = true;
		at->pos = r->gone;
		at->end = r->gone + r->used;
	}
	if (at->pos < r->gone)
		at->pos = r->gone;
	while (at->pos < at->end) {
		struct run *run = ring_at(r, at->pos - r->gone);

		at->pos += run->size;
		if (run->live)
			return (struct entry *)run;
	}
	return NULL;
}

bool cache_next(struct cache *c, struct cache_walk *at, struct cache_key *key,
    struct cache_answer *answer, uint64_t now_ms)
{
	/* First what has proved its worth: it is what comes back first. */
	const struct ring *rings[] = {&c->main, &c->probation};

	for (; at->ring < sizeof(rings) / sizeof(rings[0]); at->ring++, at->in_ring = false) {
		struct entry *e = ring_next(rings[at->ring], at);

		if (e == NULL)
			continue;
		key->len = e->key_len;
		memcpy(key->bytes, entry_key(e), e->key_len);
		*answer = entry_answer(e, now_ms);
		return true;
	}
	return false;
}

static bool entry_has_name(struct entry *e, const uint8_t *name, bool below)
{
	const size_t len = name_len(name);

	if (below)
		return name_in_zone(entry_key(e) + CACHE_KEY_NAME, name);
	return e->key_len == CACHE_KEY_NAME + len &&
	       memcmp(entry_key(e) + CACHE_KEY_NAME, name, len) == 0;
}

static size_t ring_flush(struct cache *c, struct ring *r, const uint8_t *name, bool below)
{
	size_t n = 0;
	struct run *run;

	for (uint32_t past = 0; past < r->used; past += run->size) {
		run = ring_at(r, past);
		if (!run->live ||
		    (name != NULL && !entry_has_name((struct entry *)run, name, below)))
			continue;
		entry_kill(c, (struct entry *)run);
		n++;
	}
	return n;
}

size_t cache_flush(struct cache *c, const uint8_t *name, bool below)
{
	return ring_flush(c, &c->probation, name, below) + ring_flush(c, &c->main, name, below);
}

struct cache_usage cache_usage(const struct cache *c)
{
	return c->usage;
}
