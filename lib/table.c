/* table.c - uthash over memory of the caller. */
#include "lib/table.h"

#include <assert.h>
#include <stdbool.h>

/* uthash's macros are used in this file alone, each in a function that has the table as `t`: so
 * memory and size come from there.  The anchor keeps uthash from ever freeing the table. */
static void *table_take(struct table *t, size_t size)
{
	void *taken = t->memory;

	t->memory += size;
	return taken;
}

#undef uthash_malloc
#undef uthash_free
#undef uthash_bzero
#undef uthash_fatal
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define uthash_malloc(size)	      table_take(t, size)
#define uthash_free(ptr, size)	      ((void)0)
#define uthash_bzero(ptr, size)	      ((void)0) /* it is zero, and page by page not yet there */
#define uthash_fatal(text)	      assert(false)
#define HASH_INITIAL_NUM_BUCKETS      (t->n_buckets)
#define HASH_INITIAL_NUM_BUCKETS_LOG2 ((unsigned)__builtin_ctz(t->n_buckets))

#define LINE	   64  /* bytes that come into the processor's cache together */
#define ITEM_BYTES 192 /* of an item and what lies behind it: its key, and what it is there for */

size_t table_memory(uint32_t n_buckets)
{
	return sizeof(UT_hash_table) + n_buckets * sizeof(UT_hash_bucket);
}

void table_init(struct table *t, void *memory, uint32_t n_buckets, const struct hash_key *key)
{
	assert(n_buckets != 0 && (n_buckets & (n_buckets - 1)) == 0);
	*t = (struct table){.key = *key, .memory = memory, .n_buckets = n_buckets};
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->items, "", 0, 0, &t->anchor);
	t->items->hh.tbl->noexpand = 1;
}

uint32_t table_hash(const struct table *t, const void *key, size_t len)
{
	return (uint32_t)hash_siphash13(&t->key, key, len);
}

struct table_item *table_find(const struct table *t, uint32_t hash, const void *key, size_t len)
{
	struct table_item *found;

	HASH_FIND_BYHASHVALUE(hh, t->items, key, len, hash, found);
	return found;
}

static const UT_hash_bucket *bucket_of(const struct table *t, uint32_t hash)
{
	return &t->items->hh.tbl->buckets[hash & (t->n_buckets - 1)];
}

void table_expect(const struct table *t, uint32_t hash)
{
	__builtin_prefetch(bucket_of(t, hash));
}

void table_expect_item(const struct table *t, uint32_t hash)
{
	const uint8_t *item = (const void *)bucket_of(t, hash)->hh_head;

	if (item == NULL)
		return;
	for (size_t at = 0; at < ITEM_BYTES; at += LINE)
		__builtin_prefetch(item + at);
}

void table_add(struct table *t, struct table_item *item, uint32_t hash, const void *key, size_t len)
{
	assert(len > 0);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->items, key, len, hash, item);
}

void table_remove(struct table *t, struct table_item *item)
{
	assert(item != &t->anchor);
	HASH_DELETE(hh, t->items, item);
}
