/* test_table.c - the bounded table against an array, in no more memory than it says. */
#include "lib/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/rng.h"

static const struct hash_key secret = {1, 2};

struct thing {
	char text[12]; /* so that the item is not what a thing begins with */
	struct table_item item;
	bool in;
};

static struct table_item *find(const struct table *t, const struct thing *thing)
{
	const size_t len = strlen(thing->text);

	return table_find(t, table_hash(t, thing->text, len), thing->text, len);
}

static void add(struct table *t, struct thing *thing)
{
	const size_t len = strlen(thing->text);

	table_add(t, &thing->item, table_hash(t, thing->text, len), thing->text, len);
	thing->in = true;
}

/* Many more things than buckets, so that chains are long; and few, so that the table is often
 * empty. */
static void against_array(uint32_t n_buckets, uint32_t n_things)
{
	/* Exactly as many bytes as are asked for: a sanitizer sees one more. */
	void *memory = calloc(1, table_memory(n_buckets));
	struct thing *things = calloc(n_things, sizeof(*things));
	struct table t;
	struct rng r;

	assert_non_null(memory);
	assert_non_null(things);
	rng_init_fixed(&r, n_things);
	table_init(&t, memory, n_buckets, &secret);
	for (uint32_t i = 0; i < n_things; i++)
		(void)snprintf(things[i].text, sizeof(things[i].text), "%u", i);
	for (unsigned step = 0; step < 20000; step++) {
		struct thing *thing = &things[rng_below(&r, n_things)];
		struct table_item *found = find(&t, thing);

		assert_int_equal(found != NULL, thing->in);
		if (thing->in) {
			assert_ptr_equal(table_entry(found, struct thing, item), thing);
			table_remove(&t, found);
			thing->in = false;
		} else {
			add(&t, thing);
		}
	}
	for (uint32_t i = 0; i < n_things; i++)
		assert_int_equal(find(&t, &things[i]) != NULL, things[i].in);
	free(things);
	free(memory);
}

static void test_against_array(void **state)
{
	(void)state;
	against_array(1, 40);
	against_array(2, 1);
	against_array(16, 1000);
	against_array(4096, 1000);
}

/* What lies under an equal hash is told apart by its key, and a key by its length. */
static void test_equal_hashes(void **state)
{
	uint64_t memory[64] = {0};
	struct thing a = {.text = "a"}, ab = {.text = "ab"}, b = {.text = "b"};
	struct table t;

	(void)state;
	assert_true(table_memory(4) <= sizeof(memory));
	table_init(&t, memory, 4, &secret);
	table_add(&t, &a.item, 7, a.text, 1);
	table_add(&t, &ab.item, 7, ab.text, 2);
	table_add(&t, &b.item, 7, b.text, 1);
	assert_ptr_equal(table_find(&t, 7, "a", 1), &a.item);
	assert_ptr_equal(table_find(&t, 7, "ab", 2), &ab.item);
	assert_ptr_equal(table_find(&t, 7, "b", 1), &b.item);
	assert_null(table_find(&t, 7, "c", 1));
	assert_null(table_find(&t, 11, "a", 1)); /* the same bucket */
	table_remove(&t, &a.item);
	assert_null(table_find(&t, 7, "a", 1));
	assert_ptr_equal(table_find(&t, 7, "ab", 2), &ab.item);
}

static void test_hash_is_keyed(void **state)
{
	const struct hash_key other = {1, 3};
	uint64_t memory[2][64] = {0};
	struct table t, u;

	(void)state;
	table_init(&t, memory[0], 1, &secret);
	table_init(&u, memory[1], 1, &other);
	assert_int_equal(table_hash(&t, "name", 4), (uint32_t)hash_siphash13(&secret, "name", 4));
	assert_int_not_equal(table_hash(&t, "name", 4), table_hash(&u, "name", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_array),
	    cmocka_unit_test(test_equal_hashes),
	    cmocka_unit_test(test_hash_is_keyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
