/* test_family.c - families as trees, and their records as long as measured. */
#include "tests/unit/lists.h"

#include "blocklists/bits.h"
#include "blocklists/family.h"
#include "blocklists/format.h"

struct world {
	struct names names;
	struct sets sets;
	codes_word *codes;
};

/* Codes in which every symbol occurs. */
static void world_start(struct world *w)
{
	uint64_t even[CODES_SYMBOLS_MAX];

	for (unsigned i = 0; i < CODES_SYMBOLS_MAX; i++)
		even[i] = 1;
	names_init(&w->names);
	assert_int_equal(sets_init(&w->sets), 0);
	w->codes = calloc(FORMAT_CODES, sizeof(*w->codes));
	assert_non_null(w->codes);
	for (unsigned i = 0; i < FORMAT_CONTEXTS; i++)
		codes_make(w->codes + FORMAT_CODES_LABEL + (size_t)i * FORMAT_SYMBOLS, even,
		    FORMAT_SYMBOLS);
	codes_make(w->codes + FORMAT_CODES_SET, even, CODES_SYMBOLS_MAX);
	codes_make(w->codes + FORMAT_CODES_HUB, even, CODES_SYMBOLS_MAX);
}

static void world_end(struct world *w)
{
	names_fini(&w->names);
	sets_fini(&w->sets);
	free(w->codes);
}

static void add(struct world *w, const uint8_t *name)
{
	assert_int_equal(names_add(&w->names, name, 1), 0);
}

static void add_text(struct world *w, const char *text)
{
	add(w, rule_of(text, RULE_EXACT, 0).name);
}

static void merge(struct world *w)
{
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++)
		assert_int_equal(names_merge(&w->names, shard, &w->sets, NULL, NULL), 0);
}

/* Nodes are each once, right before what is below them. */
static void check_tree(const struct family *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		const struct family_node *node = &f->nodes[i], *parent = &f->nodes[node->parent];

		assert_in_range(node->end, i + 1, f->n);
		assert_int_equal(node->label_off + 1 + family_label(node)[0], node->name_len);
		if (i == 0)
			continue;
		assert_true(node->parent < i && node->end <= parent->end);
		assert_int_equal(parent->name_len, node->label_off);
		assert_memory_equal(parent->name, node->name, parent->name_len);
		assert_true(node->is_hub == (node->cost > FORMAT_FAMILY_MAX));
	}
	assert_int_equal(f->nodes[0].end, f->n);
}

static void check_records(struct world *w, struct family *f)
{
	static uint8_t bytes[4096];

	assert_int_equal(family_measure(f, w->codes, &w->sets), 0);
	for (uint32_t i = 0; i < f->n; i++) {
		/* Hubs with a code of their own, and one with the rare code. */
		uint32_t hub = i % 2 != 0 ? 3 : 70000;
		uint32_t bits =
		    f->nodes[i].bits + family_number_bits(w->codes + FORMAT_CODES_HUB, hub);
		struct bits_out out = {.bytes = bytes};

		if (!family_is_anchor(f, i))
			continue;
		memset(bytes, 0, sizeof(bytes));
		assert_true(bits < 1 << FORMAT_LEN_LONG_BITS);
		family_put(f, i, hub, w->codes, &w->sets, &out);
		assert_int_equal(out.at, family_len_bits(bits) + bits);
	}
}

/* All families; returns how many, and in *n_nodes, *n_hubs what they have. */
static unsigned check_all(struct world *w, size_t *n_nodes, size_t *n_hubs)
{
	struct family f = {.n = 0};
	unsigned n = 0;

	*n_nodes = *n_hubs = 0;
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++) {
		struct names_cursor c = names_begin(&w->names, shard);
		struct names_one ahead = {.len = 0};

		for (; family_next(&f, &c, &ahead) == 1; n++) {
			check_tree(&f);
			check_records(w, &f);
			*n_nodes += f.n;
			for (size_t i = 0; i < f.n; i++)
				*n_hubs += f.nodes[i].is_hub;
		}
	}
	family_fini(&f);
	return n;
}

static void test_families(void **state)
{
	static const char *const names[] = {
	    "com", "a.com", "b.com", "x.b.com", "z.y.x.b.com", "w.b.com", "c.d.e.net"};
	size_t n_nodes, n_hubs;
	struct world w;

	(void)state;
	world_start(&w);
	for (size_t i = 0; i < COUNT(names); i++)
		add_text(&w, names[i]);
	merge(&w);
	/* com; a.com; b.com, x, y, z, w; e.net, d, c */
	assert_int_equal(check_all(&w, &n_nodes, &n_hubs), 4);
	assert_int_equal(n_nodes, 1 + 1 + 5 + 3);
	assert_int_equal(n_hubs, 0);
	world_end(&w);
}

static void test_many_children_make_a_hub(void **state)
{
	size_t n_nodes, n_hubs;
	struct world w;
	char text[64];

	(void)state;
	world_start(&w);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "n%u.many.com", i);
		add_text(&w, text);
		snprintf(text, sizeof(text), "n%u.few.com", i % 8);
		add_text(&w, text);
		/* Many below it, but under eight others, which become hubs before it does. */
		snprintf(text, sizeof(text), "n%u.m%u.deep.com", i, i % 2);
		add_text(&w, text);
	}
	merge(&w);
	assert_int_equal(check_all(&w, &n_nodes, &n_hubs), 3);
	assert_int_equal(n_nodes, 1 + 100 + 1 + 8 + 1 + 2 + 100);
	assert_int_equal(n_hubs, 1 + 2);
	world_end(&w);
}

static void test_random(void **state)
{
	uint32_t seed = 6;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		size_t n_nodes, n_hubs;
		struct world w;

		world_start(&w);
		for (unsigned i = 0; i < 1000; i++)
			add(&w, dice_rule(&seed, 1, 3).name);
		merge(&w);
		assert_true(check_all(&w, &n_nodes, &n_hubs) > 10);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_families),
	    cmocka_unit_test(test_many_children_make_a_hub),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
