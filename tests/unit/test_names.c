/* test_names.c - names from the right, in shards, sorted. */
#include "tests/unit/lists.h"

#include "blocklists/names.h"

static void add(struct names *names, const uint8_t *name, uint32_t value)
{
	assert_int_equal(names_add(names, name, value), 0);
}

static void test_turn(void **state)
{
	uint8_t turned[NAME_SIZE], back[NAME_SIZE];
	uint32_t seed = 4;

	(void)state;
	assert_int_equal(names_turn((const uint8_t *)"\3ads\7example\3com", turned), 16);
	assert_memory_equal(turned, "\3com\7example\3ads", 16);
	assert_int_equal(names_head(turned, 16, 1), 4);
	assert_int_equal(names_head(turned, 16, 2), 12);
	assert_int_equal(names_head(turned, 16, 9), 16);
	for (unsigned i = 0; i < 1000; i++) {
		struct listed name = dice_rule(&seed, 1, 3);
		size_t len = names_turn(name.name, turned);

		assert_int_equal(len, name.rule.name_len - 1);
		assert_int_equal(names_turn_back(turned, len, back), name.rule.name_len);
		assert_memory_equal(back, name.name, name.rule.name_len);
	}
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct merged {
	struct names names;
	struct sets sets;
};

static void merged_start(struct merged *m)
{
	names_init(&m->names);
	assert_int_equal(sets_init(&m->sets), 0);
}

static void merge(struct merged *m, names_filter_fn *filter)
{
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++)
		assert_int_equal(names_merge(&m->names, shard, &m->sets, filter, NULL), 0);
}

static void merged_end(struct merged *m)
{
	names_fini(&m->names);
	sets_fini(&m->sets);
}

/* Is the name of the record `one` this name? */
static bool is_name(const struct names_one *one, const struct listed *name)
{
	uint8_t turned[NAME_SIZE];

	return bytes_equal(one->bytes, one->len, turned, names_turn(name->name, turned));
}

/* All entries of `one` are those of the rules with its name, in order and without doubles. */
static void check_set(const struct merged *m, const struct names_one *one,
    const struct listed *rules, const uint32_t *values, size_t n)
{
	uint32_t expected[1000];
	const struct sets_one *set = &m->sets.of[one->value];
	size_t n_expected = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		if (is_name(one, &rules[i]))
			expected[n_expected++] = values[i];
	qsort(expected, n_expected, sizeof(*expected), compare_u32);
	for (size_t i = 0; i < n_expected; i++)
		if (kept == 0 || expected[kept - 1] != expected[i])
			expected[kept++] = expected[i];
	assert_int_equal(set->n, kept);
	assert_memory_equal(m->sets.entries + set->off, expected, kept * sizeof(*expected));
}

/* The two rightmost labels of one name are one run, in which parents stand before children. */
static void test_merge(void **state)
{
	enum { N = 1000 };
	static struct listed rules[N];
	uint32_t seed = 8, values[N];
	size_t n_names = 0, n_distinct = 0;
	struct merged m;

	(void)state;
	merged_start(&m);
	for (size_t i = 0; i < N; i++) {
		rules[i] = dice_rule(&seed, 1, 3);
		values[i] = dice(&seed, 5);
		add(&m.names, rules[i].name, values[i]);
	}
	for (size_t i = 0; i < N; i++) {
		size_t k = 0;

		while (memcmp(rules[k].name, rules[i].name, NAME_SIZE) != 0)
			k++;
		n_distinct += k == i;
	}
	merge(&m, NULL);
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++) {
		struct names_cursor c = names_begin(&m.names, shard);
		struct names_one one, last = {.len = 0};

		while (names_next(&c, &one)) {
			size_t head = names_head(one.bytes, one.len, 2);

			n_names++;
			check_set(&m, &one, rules, values, N);
			if (last.len != 0 && names_head(last.bytes, last.len, 2) == head &&
			    memcmp(last.bytes, one.bytes, head) == 0) {
				size_t len = last.len < one.len ? last.len : one.len;
				int order = memcmp(last.bytes, one.bytes, len);

				assert_true(order < 0 || (order == 0 && last.len < one.len));
			}
			last = one;
		}
	}
	assert_int_equal(n_names, n_distinct);
	merged_end(&m);
}

/* What hangs on one name of two labels comes in one run, also where the keys of two such are equal:
 * of so many there are dozens. */
static void test_runs(void **state)
{
	enum { HEADS = 50000 };
	size_t n_names = 0, n_runs = 0;
	struct merged m;
	char text[64];

	(void)state;
	merged_start(&m);
	for (unsigned i = 0; i < 3 * HEADS; i++) {
		unsigned head = i % HEADS;

		snprintf(text, sizeof(text), "%sn%u.com",
		    i >= 2 * HEADS ? "b."
		    : i >= HEADS   ? "a."
				   : "",
		    head);
		add(&m.names, rule_of(text, RULE_EXACT, 0).name, 1);
	}
	merge(&m, NULL);
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++) {
		struct names_cursor c = names_begin(&m.names, shard);
		struct names_one one, last = {.len = 0};

		for (; names_next(&c, &one); last = one) {
			size_t head = names_head(one.bytes, one.len, 2);

			n_names++;
			n_runs += last.len < head || memcmp(last.bytes, one.bytes, head) != 0;
		}
	}
	assert_int_equal(n_names, 3 * HEADS);
	assert_int_equal(n_runs, HEADS);
	merged_end(&m);
}

static void only_odd(void *ctx, const uint8_t *turned, size_t len, uint32_t *entries, size_t *n)
{
	size_t kept = 0;

	(void)ctx;
	assert_true(len == turned[0] + 1u);
	for (size_t i = 0; i < *n; i++)
		if (entries[i] % 2 != 0)
			entries[kept++] = entries[i];
	*n = kept;
}

static void test_filter(void **state)
{
	struct merged m;
	struct names_one one;
	unsigned n = 0;

	(void)state;
	merged_start(&m);
	add(&m.names, (const uint8_t *)"\1a", 2);
	add(&m.names, (const uint8_t *)"\1b", 3);
	add(&m.names, (const uint8_t *)"\1b", 2);
	add(&m.names, (const uint8_t *)"\1b", 1);
	merge(&m, only_odd);
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++) {
		struct names_cursor c = names_begin(&m.names, shard);

		for (; names_next(&c, &one); n++) {
			assert_memory_equal(one.bytes, "\1b", 2);
			assert_int_equal(m.sets.of[one.value].n, 2);
			assert_int_equal(m.sets.entries[m.sets.of[one.value].off], 1);
			assert_int_equal(m.sets.of[one.value].n_uses, 1);
		}
	}
	assert_int_equal(n, 1);
	merged_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_turn),
	    cmocka_unit_test(test_merge),
	    cmocka_unit_test(test_runs),
	    cmocka_unit_test(test_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
