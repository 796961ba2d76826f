/* table.h - a hash table of fixed size: uthash, bounded.
 *
 *   memory (the caller's): [ uthash's own struct | buckets ... ]
 *   struct table ---------> anchor <-> item <-> item     (items lie in the caller's structures)
 *
 * The table is made at its final size in memory that the caller reserves, and never grows, so no
 * call here allocates or fails.  uthash gives a table up with its last item; the anchor, an item
 * that is never removed, keeps it.  The hash is SipHash under a secret key: nobody outside can
 * choose keys that fall into one bucket.
 *
 * To use it, embed a `struct table_item` and let its key lie where it stays while the item is in:
 *
 *	struct thing { struct table_item item; uint8_t key[8]; };
 *
 *	uint32_t hash = table_hash(&t, key, 8);
 *	struct table_item *item = table_find(&t, hash, key, 8);
 *	struct thing *thing = item ? table_entry(item, struct thing, item) : NULL;
 *	...
 *	table_add(&t, &fresh->item, hash, fresh->key, 8);
 *	table_remove(&t, &thing->item);
 *
 * An item that changes its place in memory is removed before and added after.  One thread only.
 */
#ifndef QUELL_TABLE_H
#define QUELL_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "lib/hash.h"

struct table_item {
	UT_hash_handle hh; /* the handle's hashv is the hash that the item was added under */
};

/* Must stay where it is after table_init(): uthash points into it. */
struct table {
	struct table_item *items; /* uthash's head: always &anchor */
	struct table_item anchor;
	struct hash_key key;
	uint8_t *memory; /* borrowed; what uthash has not taken of it */
	uint32_t n_buckets;
};

/* The structure that holds `item` as its `member`. */
#define table_entry(item, type, member) ((type *)(void *)((char *)(item)-offsetof(type, member)))

/* Bytes of memory that table_init() needs for `n_buckets`, a power of two.  A bucket for each item
 * that is expected makes chains of about one. */
size_t table_memory(uint32_t n_buckets);

/* An empty table in memory[0..table_memory(n_buckets)), all zero and aligned as by calloc, which stays
 * the caller's.  Of large tables only what is used becomes memory. */
void table_init(struct table *t, void *memory, uint32_t n_buckets, const struct hash_key *key);

uint32_t table_hash(const struct table *t, const void *key, size_t len);

/* The item under key[0..len), whose table_hash() is `hash`; NULL: none.  len > 0. */
struct table_item *table_find(const struct table *t, uint32_t hash, const void *key, size_t len);

/* Have come into the processor's cache what table_find() will read: where it begins; and, when that has come,
 * the first item that is there. */
void table_expect(const struct table *t, uint32_t hash);
void table_expect_item(const struct table *t, uint32_t hash);

/* Add an item under a key (borrowed, len > 0) that is not in the table. */
void table_add(
    struct table *t, struct table_item *item, uint32_t hash, const void *key, size_t len);

/* Take out an item that is in the table. */
void table_remove(struct table *t, struct table_item *item);

#endif
