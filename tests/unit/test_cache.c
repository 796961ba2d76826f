/* test_cache.c - the cache against a naive map without bounds, its bound, and its resistance to
 * scans. */
#include "resolver/core/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/rng.h"
#include "tests/unit/counted.h"

#define MSG_SIZE_MAX 65535

static const struct hash_key secret = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

/* ---- answers whose every byte follows from a number ---- */

struct answer {
	uint8_t msg[MSG_SIZE_MAX + 1];
	uint16_t ttl_off[6000];
	struct cache_answer a;
	struct cache_verdict verdict;
};

static void answer_make(
    struct answer *to, uint64_t seed, size_t len, unsigned n_records, uint32_t ttl_s, uint64_t now)
{
	struct rng r;

	rng_init_fixed(&r, seed + 1);
	rng_bytes(&r, to->msg, len);
	rng_bytes(&r, to->ttl_off, n_records * sizeof(to->ttl_off[0]));
	to->a = (struct cache_answer){
	    .msg = to->msg,
	    .len = len,
	    .ttl_off = to->ttl_off,
	    .n_records = n_records,
	    .stored_ms = now,
	    .ttl_s = ttl_s,
	    .has_targets = (seed & 1) != 0,
	    .has_addresses = (seed & 4) != 0,
	    .ede = (int16_t)(seed % 30),
	};
	to->verdict = (struct cache_verdict){
	    .generation = (uint32_t)seed, .outcome = seed & 3, .holds = (seed & 2) != 0};
}

static void assert_answer(
    const struct cache_answer *got, const struct cache_verdict *verdict, const struct answer *want)
{
	assert_int_equal(got->len, want->a.len);
	assert_memory_equal(got->msg, want->msg, want->a.len);
	assert_int_equal(got->n_records, want->a.n_records);
	if (got->n_records != 0)
		assert_memory_equal(
		    got->ttl_off, want->ttl_off, want->a.n_records * sizeof(want->ttl_off[0]));
	assert_true(got->stored_ms == want->a.stored_ms);
	assert_int_equal(got->ttl_s, want->a.ttl_s);
	assert_int_equal(got->has_targets, want->a.has_targets);
	assert_int_equal(got->has_addresses, want->a.has_addresses);
	assert_int_equal(got->ede, want->a.ede);
	assert_int_equal(verdict->generation, want->verdict.generation);
	assert_int_equal(verdict->outcome, want->verdict.outcome);
	assert_int_equal(verdict->holds, want->verdict.holds);
}

/* A name for a number, of a length that follows from it too. */
static size_t name_make(uint8_t name[NAME_SIZE], uint32_t n)
{
	char text[64];
	int len = snprintf(
	    text, sizeof(text), "%.*s%u", (int)(n % 29), "abcdefghijklmnopqrstuvwxyzab", n);

	name[0] = (uint8_t)len;
	memcpy(name + 1, text, (size_t)len);
	memcpy(name + 1 + len, "\7example\3com", 13);
	return (size_t)len + 14;
}

static struct cache *same_secret; /* all caches here hash alike */

static struct cache_key key_make(uint32_t n, uint16_t type)
{
	struct cache_key key;
	uint8_t name[NAME_SIZE];
	size_t len = name_make(name, n);

	cache_key(same_secret, &key, name, len, type, 1, false, false, 0);
	return key;
}

static struct cache *new_cache(size_t size)
{
	struct cache *c = NULL;

	assert_int_equal(cache_new(&c, size, &secret), 0);
	return c;
}

static void put(struct cache *c, struct answer *scratch, uint32_t n, uint64_t seed, size_t len,
    uint32_t ttl_s, uint64_t now)
{
	const struct cache_key key = key_make(n, 1);

	answer_make(scratch, seed, len, 1, ttl_s, now);
	cache_put(c, &key, &scratch->a, &scratch->verdict);
}

static bool has(struct cache *c, uint32_t n, uint64_t now)
{
	const struct cache_key key = key_make(n, 1);
	struct cache_answer answer;
	struct cache_verdict *verdict;

	return cache_get(c, &key, now, &answer, &verdict);
}

static struct answer *scratch_new(void **state)
{
	(void)state;
	struct answer *a = test_malloc(sizeof(*a));

	assert_non_null(a);
	return a;
}

/* ---- tests ---- */

static void test_key_tells_questions_apart(void **state)
{
	static const uint8_t name[] = "\3www\7example\3com", other[] = "\3wwv\7example\3com";
	struct cache_key keys[7];
	(void)state;

	cache_key(same_secret, &keys[0], name, sizeof(name), 1, 1, false, false, 0);
	cache_key(same_secret, &keys[1], other, sizeof(other), 1, 1, false, false, 0);
	cache_key(same_secret, &keys[2], name, sizeof(name), 28, 1, false, false, 0);
	cache_key(same_secret, &keys[3], name, sizeof(name), 1, 3, false, false, 0);
	cache_key(same_secret, &keys[4], name, sizeof(name), 1, 1, true, false, 0);
	cache_key(same_secret, &keys[5], name, sizeof(name), 1, 1, false, true, 0);
	cache_key(same_secret, &keys[6], name, sizeof(name), 1, 1, false, false, 1);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(keys[i].len, sizeof(name) + 6);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(keys[i].bytes, keys[j].bytes, keys[i].len);
	}
}

static void test_size_has_limits(void **state)
{
	struct cache *c = NULL;
	(void)state;

	assert_int_equal(cache_new(&c, 65535, &secret), ERR_RANGE);
	assert_int_equal(cache_new(&c, 0, &secret), ERR_RANGE);
#if SIZE_MAX > UINT32_MAX
	assert_int_equal(cache_new(&c, (size_t)1 << 33, &secret), ERR_RANGE);
#endif
	assert_null(c);
	cache_free(NULL);
}

static void test_lives_for_its_ttl(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache(65536);
	const uint64_t now = 5000;

	put(c, a, 1, 7, 100, 60, now);
	assert_true(has(c, 1, now));
	assert_true(has(c, 1, now + 59999));
	assert_false(has(c, 1, now + 60000));
	assert_false(has(c, 1, now + 1000000));
	assert_false(has(c, 2, now));
	put(c, a, 3, 7, 100, UINT32_MAX, now);
	assert_true(has(c, 3, now + (uint64_t)UINT32_MAX * 1000 - 1));
	assert_false(has(c, 3, now + (uint64_t)UINT32_MAX * 1000));
	cache_free(c);
	test_free(a);
}

static void test_ttl_0_is_not_kept(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache(65536);

	put(c, a, 1, 7, 100, 0, 1000);
	assert_false(has(c, 1, 1000));
	assert_int_equal(cache_usage(c).entries, 0);
	put(c, a, 2, 7, 100, 60, 1000);
	put(c, a, 2, 8, 100, 0, 1000);
	assert_false(has(c, 2, 1000));
	assert_int_equal(cache_usage(c).bytes, 0);
	cache_free(c);
	test_free(a);
}

static void test_too_large_is_not_kept(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache(65536);

	put(c, a, 1, 7, 65536 / 64, 60, 1000); /* the message alone is over the limit */
	assert_false(has(c, 1, 1000));
	put(c, a, 1, 7, 512, 60, 1000);
	assert_true(has(c, 1, 1000));
	put(c, a, 1, 7, MSG_SIZE_MAX, 60, 1000);
	assert_false(has(c, 1, 1000)); /* nor the older answer */
	cache_free(c);

	c = new_cache((size_t)16 << 20); /* here the largest message there is fits */
	answer_make(a, 9, MSG_SIZE_MAX, MSG_SIZE_MAX / 11, 60, 1000);
	const struct cache_key key = key_make(1, 1);
	struct cache_answer got;
	struct cache_verdict *verdict;

	cache_put(c, &key, &a->a, &a->verdict);
	assert_true(cache_get(c, &key, 1000, &got, &verdict));
	assert_answer(&got, verdict, a);
	put(c, a, 1, 7, MSG_SIZE_MAX + 1, 60, 1000); /* no such message */
	assert_false(has(c, 1, 1000));
	cache_free(c);
	test_free(a);
}

static void test_verdict_can_be_written(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache(65536);
	const struct cache_key key = key_make(1, 1);
	struct cache_answer got;
	struct cache_verdict *verdict;

	put(c, a, 1, 4, 100, 60, 0);
	assert_true(cache_get(c, &key, 0, &got, &verdict));
	*verdict = (struct cache_verdict){.generation = 99, .outcome = 2, .holds = true};
	assert_true(cache_get(c, &key, 0, &got, &verdict));
	assert_int_equal(verdict->generation, 99);
	assert_int_equal(verdict->outcome, 2);
	assert_true(verdict->holds);
	cache_free(c);
	test_free(a);
}

static void test_flush(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache((size_t)1 << 20);
	uint8_t name[NAME_SIZE];

	for (uint32_t n = 0; n < 50; n++)
		put(c, a, n, n, 50, 60, 0);
	for (uint16_t type = 2; type < 6; type++) { /* the same name with other types */
		const struct cache_key key = key_make(7, type);

		answer_make(a, type, 60, 2, 60, 0);
		cache_put(c, &key, &a->a, &a->verdict);
	}
	assert_int_equal(cache_usage(c).entries, 54);
	name_make(name, 7);
	assert_int_equal(cache_flush(c, name, false), 5);
	assert_int_equal(cache_flush(c, name, false), 0);
	for (uint32_t n = 0; n < 50; n++)
		assert_int_equal(has(c, n, 0), n != 7);
	/* its parent is another name, and has nothing */
	assert_int_equal(cache_flush(c, (const uint8_t *)"\7example\3com", false), 0);
	/* a label is a whole one, and a name lies below itself */
	assert_int_equal(cache_flush(c, (const uint8_t *)"\6xample\3com", true), 0);
	name_make(name, 8);
	assert_int_equal(cache_flush(c, name, true), 1);
	assert_int_equal(cache_flush(c, (const uint8_t *)"\7example\3com", true), 48);
	for (uint32_t n = 0; n < 49; n++)
		put(c, a, n, n, 50, 60, 0);
	assert_int_equal(cache_flush(c, NULL, false), 49);
	assert_int_equal(cache_usage(c).entries, 0);
	assert_int_equal(cache_usage(c).bytes, 0);
	put(c, a, 7, 1, 50, 60, 0);
	assert_true(has(c, 7, 0));
	cache_free(c);
	test_free(a);
}

/* The naive map: what was put last under each key. */
struct known {
	uint64_t seed, stored_ms;
	uint32_t ttl_s;
	uint16_t len, n_records;
	bool there;
};

#define KEYS 3000

static struct cache_key known_key(uint32_t i)
{
	return key_make(i / 3, (uint16_t)(i % 3 + 1));
}

static void against_map(size_t size, uint64_t seed, unsigned steps, uint32_t len_max)
{
	struct known *map = test_calloc(KEYS, sizeof(*map));
	struct answer *a = test_malloc(sizeof(*a));
	struct cache *c = new_cache(size);
	const unsigned allocations = counted.n;
	uint64_t now = 1, hits = 0, next_seed = seed << 32;
	struct cache_answer got;
	struct cache_verdict *verdict;
	struct rng r;

	rng_init_fixed(&r, seed + 1);
	for (unsigned step = 0; step < steps; step++) {
		/* half of the steps on a tenth of the keys: some are hot */
		const uint32_t i = rng_below(&r, rng_below(&r, 2) ? KEYS / 10 : KEYS);
		const struct cache_key key = known_key(i);
		struct known *k = &map[i];
		const uint32_t what = rng_below(&r, 1000);

		now += rng_below(&r, 30);
		if (what < 500) {
			const bool lives =
			    k->there && now - k->stored_ms < k->ttl_s * UINT64_C(1000);

			if (cache_get(c, &key, now, &got, &verdict)) {
				assert_true(lives);
				answer_make(
				    a, k->seed, k->len, k->n_records, k->ttl_s, k->stored_ms);
				assert_answer(&got, verdict, a);
				hits++;
			}
		} else if (what < 998) {
			k->seed = next_seed++;
			k->stored_ms = now;
			k->ttl_s = rng_below(&r, 20) ? rng_below(&r, 300) : 0;
			k->len = (uint16_t)(12 + rng_below(&r, rng_below(&r, 8) ? 300 : len_max));
			k->n_records = (uint16_t)rng_below(&r, 1 + k->len / 11u);
			k->there = true;
			answer_make(a, k->seed, k->len, k->n_records, k->ttl_s, now);
			cache_put(c, &key, &a->a, &a->verdict);
		} else if (what < 999 || rng_below(&r, 10) != 0) {
			uint8_t name[NAME_SIZE];

			name_make(name, i / 3);
			assert_true(cache_flush(c, name, false) <= 3);
			for (uint32_t j = i / 3 * 3; j < i / 3 * 3 + 3; j++)
				map[j].there = false;
		} else {
			cache_flush(c, NULL, false);
			memset(map, 0, KEYS * sizeof(*map));
		}
		assert_true(cache_usage(c).bytes <= size);
	}
	assert_true(hits > steps / 50); /* the comparison above was made, and often */
	assert_int_equal(counted.n, allocations);

	/* all that counts as kept can be found, each entry once */
	uint64_t found = 0;
	for (uint32_t i = 0; i < KEYS; i++) {
		const struct cache_key key = known_key(i);

		found += cache_get(c, &key, map[i].stored_ms, &got, &verdict);
	}
	assert_int_equal(found, cache_usage(c).entries);
	assert_true(cache_flush(c, NULL, false) == found);
	assert_int_equal(cache_usage(c).bytes, 0);
	cache_free(c);
	test_free(a);
	test_free(map);
}

static void test_against_map_small(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		against_map(65536 + (size_t)seed * 1237, seed, 15000, 1200);
}

static void test_against_map_large(void **state)
{
	(void)state;
	against_map((size_t)1 << 20, 11, 20000, 20000);
	against_map((size_t)6 << 20, 12, 10000, 65000);
}

/* Runs of one size at a time, so that the end of the ring is met with every remainder. */
static void test_wraps_around(void **state)
{
	struct answer *a = scratch_new(state);

	for (size_t len = 12; len < 700; len += 8) {
		struct cache *c = new_cache(65536 + len);

		for (uint32_t n = 0; n < 400; n++) {
			const struct cache_key key = key_make(n, 1);
			struct cache_answer got;
			struct cache_verdict *verdict;

			/* asked for twice each, so that they go through both rings */
			put(c, a, n, n, len, 600, 0);
			assert_true(cache_get(c, &key, 0, &got, &verdict));
			assert_answer(&got, verdict, a);
			if (n > 0)
				assert_true(has(c, n - 1, 0));
		}
		cache_free(c);
	}
	test_free(a);
}

static void test_takes_one_piece_of_its_size(void **state)
{
	static const size_t sizes[] = {65536, 65537, 100000, 1 << 20, 3333333, (size_t)32 << 20};
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		counted.n = 0;
		counted.size = 0;
		struct cache *c = new_cache(sizes[i]);

		assert_int_equal(counted.n, 1);
		assert_true(counted.size <= sizes[i]);
		cache_free(c);
	}
}

/* What it can hold is nearly all of its size: seven eighths of what entries may take are in the
 * main ring. */
static void test_is_used_whole(void **state)
{
	struct answer *a = scratch_new(state);
	const size_t size = (size_t)1 << 20;
	struct cache *c = new_cache(size);

	for (uint32_t n = 0; n < 20000; n++) {
		put(c, a, n, n, 200, 600, 0);
		assert_true(has(c, n, 0));
	}
	assert_true(cache_usage(c).bytes > size * 3 / 4);
	assert_true(cache_usage(c).bytes <= size);
	assert_int_equal(cache_usage(c).entries + cache_usage(c).evicted, 20000);
	cache_free(c);
	test_free(a);
}

static void test_expired_are_not_evicted(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache(65536);

	for (uint32_t n = 0; n < 5000; n++) /* long gone when its bytes are needed */
		put(c, a, n, n, 200, 1, n * UINT64_C(10000));
	assert_int_equal(cache_usage(c).evicted, 0);
	cache_free(c);
	test_free(a);
}

#define FLOOD_FIRST 1000000u

/* An answer whose time is over is there for those who take it, until that is too long ago. */
static void test_stale(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache(65536);
	const struct cache_key key = key_make(1, 1);
	struct cache_answer got;
	struct cache_verdict *verdict;

	put(c, a, 1, 1, 100, 10, 5000);
	assert_true(cache_get_stale(c, &key, 14999, &got, &verdict));
	assert_false(got.stale);
	assert_false(cache_get_stale(c, &key, 15000, &got, &verdict));
	cache_set_stale(c, 60000);
	assert_false(cache_get(c, &key, 15000, &got, &verdict));
	assert_true(cache_get_stale(c, &key, 15000, &got, &verdict));
	assert_true(got.stale);
	answer_make(a, 1, 100, a->a.n_records, 10, 5000);
	assert_answer(&got, verdict, a);
	assert_true(cache_get_stale(c, &key, 74999, &got, &verdict));
	assert_false(cache_get_stale(c, &key, 75000, &got, &verdict));
	cache_free(c);
	test_free(a);
}

/* It takes room that is free, and no room of an answer that lives. */
static void test_stale_gives_way(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache((size_t)1 << 20);
	struct cache_answer got;
	struct cache_verdict *verdict;
	const struct cache_key key = key_make(1, 1);
	uint32_t n = FLOOD_FIRST;

	cache_set_stale(c, 86400000);
	put(c, a, 1, 1, 100, 1, 0);
	/* More than probation holds, less than all. */
	for (unsigned i = 0; i < 1500; i++)
		put(c, a, n++, 2, 100, 3600, 1000);
	assert_true(cache_usage(c).evicted == 0);
	assert_true(cache_get_stale(c, &key, 1000, &got, &verdict));
	while (cache_usage(c).evicted == 0)
		put(c, a, n++, 2, 100, 3600, 1000);
	for (unsigned i = 0; i < 20000; i++)
		put(c, a, n++, 2, 100, 3600, 1000);
	assert_false(cache_get_stale(c, &key, 1000, &got, &verdict));
	cache_free(c);
	test_free(a);
}

/* Zipf: rank i of n is drawn in proportion to 1 / (i + 1).  Of the ranks from 2^k - 1 on, 2^k have the same chance to be
 * drawn, and of those some are rejected, less than half. */
static uint32_t zipf(struct rng *r, uint32_t n)
{
	const uint32_t n_octaves = 32 - (uint32_t)__builtin_clz(n);

	for (;;) {
		const uint32_t size = UINT32_C(1) << rng_below(r, n_octaves);
		const uint32_t i = size - 1 + rng_below(r, size);

		if (i < n && rng_below(r, i + 1) < size)
			return i;
	}
}

#define HOT 500

/* `n_hot` names of which each takes less than 1 KiB: they fit into the main ring of 1 MiB (7/8). */
static void scan(uint32_t n_hot, unsigned times_asked, uint32_t ttl_s)
{
	struct answer *a = test_malloc(sizeof(*a));
	struct cache *c = new_cache((size_t)1 << 20);
	unsigned lost = 0, renewed = 0;
	uint64_t put_ms[HOT];
	uint64_t now = 0;
	struct rng r;

	rng_init_fixed(&r, 5);
	for (uint32_t n = 0; n < n_hot; n++) {
		put(c, a, n, n, 500, ttl_s, now);
		put_ms[n] = now;
		assert_true(has(c, n, now));
	}
	for (uint32_t flood = 0; flood < 30000; flood++) {
		/* Where the main ring is filled again, by a flood that is hit or by renewed
		 * answers, a name stays that is asked for once in the time that takes: so all are
		 * asked for in turn. */
		const bool in_turn = times_asked > 1 || ttl_s < 300;
		const uint32_t n = in_turn ? flood % n_hot : zipf(&r, n_hot);

		now += 10;
		if (now - put_ms[n] >= ttl_s * UINT64_C(1000)) {
			put(c, a, n, n, 500, ttl_s, now); /* as a resolver would */
			put_ms[n] = now;
			renewed++;
		} else if (!has(c, n, now)) {
			lost++;
		}
		put(c, a, FLOOD_FIRST + flood, flood, 100, 3600, now);
		for (unsigned i = 1; i < times_asked; i++)
			has(c, FLOOD_FIRST + flood, now);
	}
	assert_true(cache_usage(c).evicted > 0); /* the flood was larger than the cache */
	assert_int_equal(lost, 0);
	assert_int_equal(renewed > 0, ttl_s < 300);
	cache_free(c);
	test_free(a);
}

static void test_scan_takes_no_hot_name(void **state)
{
	(void)state;
	scan(HOT, 1, 100000);
}

static void test_scan_with_renewed_names(void **state)
{
	(void)state;
	/* A renewed name may have to pass probation again, which the flood fills with some 500
	 * names: each is asked for twice in that time. */
	scan(HOT / 2, 1, 60);
}

static void test_scan_asked_twice(void **state)
{
	(void)state;
	scan(HOT, 2, 100000);
}

/* Of 1,000 questions in the second half for names by Zipf, those that hit, where each of that half is followed
 * by `n_flood` for a random name that never comes again. */
static unsigned zipf_hits(uint32_t n_names, unsigned n_flood)
{
	const unsigned n_asked = 100000;
	struct answer *a = test_malloc(sizeof(*a));
	struct cache *c = new_cache((size_t)1 << 20);
	uint32_t flood = FLOOD_FIRST;
	unsigned n_hits = 0;
	uint64_t now = 0;
	struct rng r;

	rng_init_fixed(&r, 8);
	for (unsigned i = 0; i < n_asked; i++) {
		const uint32_t n = zipf(&r, n_names);
		const bool hit = has(c, n, ++now);

		if (!hit)
			put(c, a, n, n, 150, 3600, now);
		n_hits += hit && i >= n_asked / 2;
		for (unsigned k = 0; k < n_flood && i >= n_asked / 2; k++)
			put(c, a, flood++, k, 150, 3600, now);
		assert_true(cache_usage(c).bytes <= (uint64_t)1 << 20);
	}
	cache_free(c);
	test_free(a);
	return n_hits / (n_asked / 2 / 1000);
}

/* Names that fit, and ten times as many: a flood takes two points at most of what hits. */
static void test_flood_takes_no_hits(void **state)
{
	static const uint32_t sizes[] = {2500, 25000};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const unsigned calm = zipf_hits(sizes[i], 0);

		for (unsigned n_flood = 1; n_flood <= 10; n_flood += 9)
			assert_true(zipf_hits(sizes[i], n_flood) + 20 >= calm);
	}
}

/* A name that went without a hit and comes back soon is not put off by a flood any more. */
static void test_ghost_goes_to_main(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache((size_t)1 << 20);
	uint32_t n = FLOOD_FIRST;

	while (cache_usage(c).evicted == 0) /* until both rings are full */
		put(c, a, n++, 2, 100, 3600, 0);
	put(c, a, 1, 1, 100, 3600, 0);
	for (unsigned i = 0; i < 600; i++) /* more than probation holds */
		put(c, a, n++, 2, 100, 3600, 0);
	assert_false(has(c, 1, 0));
	put(c, a, 1, 1, 100, 3600, 0);
	for (unsigned i = 0; i < 2000; i++)
		put(c, a, n++, 2, 100, 3600, 0);
	assert_true(has(c, 1, 0));
	cache_free(c);
	test_free(a);
}

/* A hot name whose answer is renewed has not to earn its place again. */
static void test_renewed_stays_in_main(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache((size_t)1 << 20);
	uint32_t n = FLOOD_FIRST;

	put(c, a, 1, 1, 100, 1, 0);
	assert_true(has(c, 1, 0));
	for (unsigned i = 0; i < 20000; i++) { /* moves it to the main ring, where it expires */
		put(c, a, n++, 2, 100, 3600, 10);
		if (i % 500 == 0)
			assert_true(has(c, 1, 10));
	}
	assert_false(has(c, 1, 1000));
	put(c, a, 1, 3, 100, 3600, 1000);
	for (unsigned i = 0; i < 20000; i++)
		put(c, a, n++, 2, 100, 3600, 1000);
	assert_true(has(c, 1, 1000));
	cache_free(c);
	test_free(a);
}

/* Everything is hit all the time: whatever has to go, no put may take long or get lost in a loop,
 * and answers stay right. */
static void test_all_are_hot(void **state)
{
	struct answer *a = scratch_new(state);
	struct cache *c = new_cache((size_t)1 << 20);
	struct cache_answer got;
	struct cache_verdict *verdict;

	for (unsigned round = 0; round < 10; round++) {
		for (uint32_t n = 0; n < 6000; n++) {
			const struct cache_key key = key_make(n, 1);

			answer_make(a, n, 150, 1, 3600, 0);
			for (unsigned i = 0; i < 3; i++) {
				if (!cache_get(c, &key, 0, &got, &verdict))
					cache_put(c, &key, &a->a, &a->verdict);
				else
					assert_answer(&got, verdict, a);
			}
			assert_true(has(c, n, 0));
		}
	}
	cache_free(c);
	test_free(a);
}

static int make_same_secret(void **state)
{
	(void)state;
	return cache_new(&same_secret, 65536, &secret);
}

static int free_same_secret(void **state)
{
	(void)state;
	cache_free(same_secret);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_key_tells_questions_apart),
	    cmocka_unit_test(test_size_has_limits),
	    cmocka_unit_test(test_lives_for_its_ttl),
	    cmocka_unit_test(test_ttl_0_is_not_kept),
	    cmocka_unit_test(test_too_large_is_not_kept),
	    cmocka_unit_test(test_verdict_can_be_written),
	    cmocka_unit_test(test_flush),
	    cmocka_unit_test(test_against_map_small),
	    cmocka_unit_test(test_against_map_large),
	    cmocka_unit_test(test_wraps_around),
	    cmocka_unit_test(test_takes_one_piece_of_its_size),
	    cmocka_unit_test(test_is_used_whole),
	    cmocka_unit_test(test_expired_are_not_evicted),
	    cmocka_unit_test(test_stale),
	    cmocka_unit_test(test_stale_gives_way),
	    cmocka_unit_test(test_scan_takes_no_hot_name),
	    cmocka_unit_test(test_scan_with_renewed_names),
	    cmocka_unit_test(test_scan_asked_twice),
	    cmocka_unit_test(test_flood_takes_no_hits),
	    cmocka_unit_test(test_ghost_goes_to_main),
	    cmocka_unit_test(test_renewed_stays_in_main),
	    cmocka_unit_test(test_all_are_hot),
	};

	return cmocka_run_group_tests(tests, make_same_secret, free_same_secret);
}
