/* test_sets.c - each set once, the most used first. */
#include "tests/unit/lists.h"

#include "blocklists/sets.h"

static uint32_t intern(struct sets *s, const uint32_t *entries, size_t n, unsigned n_uses)
{
	uint32_t id;

	assert_int_equal(sets_intern(s, entries, n, &id), 0);
	s->of[id].n_uses += n_uses;
	return id;
}

static void test_each_once(void **state)
{
	static const uint32_t a[] = {1, 2, 3}, b[] = {1, 2}, c[] = {7};
	struct sets s;

	(void)state;
	assert_int_equal(sets_init(&s), 0);
	assert_int_equal(intern(&s, NULL, 0, 0), 0);
	assert_int_equal(intern(&s, a, 3, 1), 1);
	assert_int_equal(intern(&s, b, 2, 1), 2);
	assert_int_equal(intern(&s, a, 3, 1), 1);
	assert_int_equal(intern(&s, c, 1, 1), 3);
	assert_int_equal(s.n, 4);
	assert_int_equal(s.n_entries, 6);
	assert_memory_equal(s.entries + s.of[1].off, a, sizeof(a));
	assert_memory_equal(s.entries + s.of[2].off, b, sizeof(b));
	sets_fini(&s);
}

static void test_order(void **state)
{
	static const uint32_t once[] = {5, 6}, twice_b[] = {4, 1}, twice_a[] = {3, 9},
			      twice_short[] = {3}, often[] = {8};
	uint32_t ids[5], order[6];
	struct sets s;

	(void)state;
	assert_int_equal(sets_init(&s), 0);
	ids[4] = intern(&s, once, 2, 1);
	ids[3] = intern(&s, twice_b, 2, 2);
	ids[2] = intern(&s, twice_a, 2, 2);
	ids[1] = intern(&s, twice_short, 1, 2);
	ids[0] = intern(&s, often, 1, 9);
	sets_number(&s, order);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(order[i], ids[i]);
		assert_int_equal(s.of[ids[i]].number, i + 1);
	}
	sets_fini(&s);
}

static void test_many(void **state)
{
	enum { N = 70000 };
	struct sets s;

	(void)state;
	assert_int_equal(sets_init(&s), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < N; i++) {
			uint32_t entries[] = {i % 300, 300 + i / 300};

			assert_int_equal(intern(&s, entries, 2, 1), i + 1);
		}
	}
	assert_int_equal(s.n, N + 1);
	sets_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_once),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
