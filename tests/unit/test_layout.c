/* test_layout.c - hubs and their numbers, codes that follow the counts, buckets that are filled. */
#include "tests/unit/lists.h"

#include "blocklists/format.h"
#include "blocklists/layout.h"

struct world {
	struct names names;
	struct sets sets;
	struct layout layout;
};

static void world_start(struct world *w)
{
	names_init(&w->names);
	assert_int_equal(sets_init(&w->sets), 0);
}

static void add(struct world *w, const char *text, uint32_t entry)
{
	struct listed name = rule_of(text, RULE_EXACT, 0);

	assert_int_equal(names_add(&w->names, name.name, entry), 0);
}

static void plan(struct world *w)
{
	struct why why = {""};

	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++)
		assert_int_equal(names_merge(&w->names, shard, &w->sets, NULL, NULL), 0);
	if (layout_plan(&w->layout, &w->names, &w->sets, &why) != 0)
		fail_msg("%s", why.text);
}

static void world_end(struct world *w)
{
	layout_fini(&w->layout);
	names_fini(&w->names);
	sets_fini(&w->sets);
}

/* The most children first: example.com (100), com (30 and example), net (2), org (1). */
static void test_hubs(void **state)
{
	static const uint8_t names[] = "\0"
				       "\7example\3com\0"
				       "\3com\0"
				       "\3net\0"
				       "\3org";
	uint8_t ends[4 * 6] = {0}, written[sizeof(names)];
	struct world w;
	char text[64];

	(void)state;
	world_start(&w);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "n%u.example.com", i);
		add(&w, text, 1);
		snprintf(text, sizeof(text), "n%u.com", i % 30);
		add(&w, text, i);
	}
	add(&w, "net", 1);
	add(&w, "a.net", 1);
	add(&w, "x.b.net", 1);
	add(&w, "a.org", 1);
	plan(&w);
	assert_int_equal(w.layout.n_hubs, 5);
	assert_int_equal(w.layout.n_names, 100 + 30 + 4);
	/* com, org, example.com, b.net */
	assert_int_equal(w.layout.n_bare, 4);
	/* All but x.b.net, which stands in the record of b.net. */
	assert_int_equal(w.layout.n_anchors, 3 + 31 + 100 + 2 + 1);
	assert_int_equal(
	    w.layout.n_buckets, (137 + FORMAT_ANCHORS_PER_BUCKET - 1) / FORMAT_ANCHORS_PER_BUCKET);
	assert_int_equal(layout_hub_names_len(&w.layout), sizeof(names));
	layout_write_hubs(&w.layout, ends, written);
	assert_memory_equal(written, names, sizeof(names));
	assert_int_equal(format_get_u32(ends + 4), 1);
	assert_int_equal(format_get_u32(ends + 8), 14);
	assert_int_equal(format_get_u32(ends + 20), sizeof(names));
	world_end(&w);
}

/* The directory points to each shelf and its head to each bucket; between them stands nothing, and
 * writing fills exactly what was planned. */
static void test_write(void **state)
{
	uint8_t *directory, *nodes;
	size_t directory_len, end = 0;
	struct world w;
	char text[64];

	(void)state;
	world_start(&w);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "%s%u.z%u.com", i % 3 != 0 ? "a" : "b.c", i, i % 2000);
		add(&w, text, i % 5);
	}
	plan(&w);
	directory_len = (size_t)format_directory_len(w.layout.n_buckets);
	directory = calloc(1, directory_len);
	nodes = calloc(1, w.layout.nodes_len);
	assert_non_null(directory);
	assert_non_null(nodes);
	layout_write(&w.layout, directory, nodes);
	for (uint32_t bucket = 0; bucket < w.layout.n_buckets; bucket++) {
		struct trie t = {
		    .n_buckets = w.layout.n_buckets,
		    .directory = directory,
		    .nodes = nodes,
		    .nodes_len = (uint32_t)w.layout.nodes_len,
		};
		size_t begin;
		size_t before = end;

		trie_bucket(&t, bucket, &begin, &end);
		if (bucket % FORMAT_SHELF == 0)
			before = (size_t)(format_whole_units(before) + FORMAT_SHELF_HEAD);
		assert_int_equal(begin, before);
		/* In bits: where an anchor more would go. */
		assert_int_equal((w.layout.buckets[bucket] + 7) / 8, end);
	}
	assert_true(w.layout.n_buckets > FORMAT_GROUP * FORMAT_SHELF);
	assert_int_equal(format_whole_units(end) + BITS_PAD, w.layout.nodes_len);
	free(directory);
	free(nodes);
	world_end(&w);
}

/* What occurs often has the short codes. */
static void test_codes(void **state)
{
	const codes_word *sets, *first;
	struct world w;
	char text[64];

	(void)state;
	world_start(&w);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%s%u.example", i % 50 != 0 ? "a" : "b", i);
		add(&w, text, i % 100 != 0 ? 7 : i);
	}
	plan(&w);
	sets = w.layout.codes + FORMAT_CODES_SET;
	first = w.layout.codes + FORMAT_CODES_LABEL;
	assert_int_equal(codes_len(sets[1]), 1);
	assert_in_range(codes_len(sets[2]), 2, CODES_LEN_MAX);
	assert_int_equal(codes_len(sets[FORMAT_RARE]), 0);
	assert_int_equal(codes_len(first[format_symbol['a']]), 1);
	assert_in_range(codes_len(first[format_symbol['b']]), 2, CODES_LEN_MAX);
	assert_int_equal(codes_len(first[format_symbol['c']]), 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hubs),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
