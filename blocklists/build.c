/* build.c - the trie grows while rules are added: nodes in the order of their coming, found by an
 * index of their path hashes; sets interned, so that a node carries one number.  The image is then
 * laid out in the order of the hashes, which is the same whatever the order of the rules was:
 *
 *   nodes sorted by hash (home by home) -> slots; labels and sets numbered as these use them
 */
#include "blocklists/build.h"

#include <stdlib.h>

#include "blocklists/format.h"
#include "blocklists/trie.h"
#include "blocklists/verify.h"

#define SEEDS_MAX    16 /* tried until no look-up needs more than FORMAT_PROBES_MAX probes */
#define TAG_BITS_MIN 6	/* of 64 labels that are not the one sought, 63 are passed over unread */

#define AHEAD 8 /* nodes */

struct node {
	uint64_t hash;
	uint32_t parent; /* its number, from 1; 0: the root */
	uint32_t label;	 /* offset in the labels */
	uint32_t set;	 /* number of the set; when laid out: number in the image */
	uint32_t slot;	 /* when laid out */
};

struct set {
	uint32_t off; /* in entries */
	uint32_t n;
	uint64_t hash;
};

/* Open addressing over numbers from 1 on; the hashes stand with the things numbered. */
struct index {
	uint32_t *ids; /* size of them, 0: empty */
	size_t size;   /* a power of two, or 0 */
};

struct build {
	struct node *nodes; /* number 1 is nodes[0] */
	size_t n_nodes, nodes_size;
	struct index node_index;
	uint8_t *labels;
	size_t labels_len, labels_size;
	struct set *sets; /* number 1 is sets[0] */
	size_t n_sets, sets_size;
	struct index set_index;
	uint16_t *entries; /* one set's room is always free behind the last */
	size_t n_entries, entries_size;
	uint64_t seed;
	/* The last step from set to set: most rules of a list take the same. */
	uint32_t step_from, step_to;
	uint16_t step_entry;
	unsigned max_list;
};

/* Room for `need` elements of `elem` bytes. */
static int grow(void **array, size_t *size, size_t need, size_t elem)
{
	size_t larger = *size < 64 ? 64 : *size;
	void *p;

	if (need <= *size)
		return 0;
	while (larger < need)
		larger += larger / 2;
	if (larger > UINT32_MAX) {
		if (need > UINT32_MAX)
			return ERR_LIMIT;
		larger = UINT32_MAX;
	}
	p = larger <= SIZE_MAX / elem ? realloc(*array, larger * elem) : NULL;
	if (p == NULL)
		return ERR_NOMEM;
	*array = p;
	*size = larger;
	return 0;
}

static int index_make(struct index *index, size_t n)
{
	size_t size = 64;

	while (size < n)
		size *= 2;
	index->ids = calloc(size, sizeof(*index->ids));
	index->size = index->ids != NULL ? size : 0;
	return index->ids != NULL ? 0 : ERR_NOMEM;
}

static void index_put(struct index *index, uint64_t hash, uint32_t id)
{
	size_t at = (size_t)hash & (index->size - 1);

	while (index->ids[at] != 0)
		at = (at + 1) & (index->size - 1);
	index->ids[at] = id;
}

/* Make an index with room for one more than `n` things; `hash` is that of thing 0, `stride` the
 * bytes to the next. */
static int index_reserve(struct index *index, size_t n, const uint64_t *hash, size_t stride)
{
	struct index larger;

	if (n < index->size / 4 * 3)
		return 0;
	if (index_make(&larger, index->size * 2) != 0)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		index_put(&larger,
		    *(const uint64_t *)(const void *)((const char *)hash + i * stride),
		    (uint32_t)(i + 1));
	free(index->ids);
	*index = larger;
	return 0;
}

struct build *build_new(void)
{
	return calloc(1, sizeof(struct build));
}

void build_free(struct build *b)
{
	if (b == NULL)
		return;
	free(b->nodes);
	free(b->node_index.ids);
	free(b->labels);
	free(b->sets);
	free(b->set_index.ids);
	free(b->entries);
	free(b);
}

static uint32_t node_find(
    const struct build *b, uint32_t parent, uint64_t hash, const uint8_t *label)
{
	const struct index *index = &b->node_index;
	size_t at = (size_t)hash;

	if (index->size == 0)
		return 0;
	for (;; at++) {
		uint32_t id = index->ids[at & (index->size - 1)];
		const struct node *node;

		if (id == 0)
			return 0;
		node = &b->nodes[id - 1];
		if (node->hash == hash && node->parent == parent &&
		    format_label_equal(b->labels + node->label, label))
			return id;
	}
}

static int node_add(
    struct build *b, uint32_t parent, uint64_t hash, const uint8_t *label, uint32_t *id)
{
	size_t label_size = 1u + label[0];
	int err;

	err = grow((void **)&b->nodes, &b->nodes_size, b->n_nodes + 1, sizeof(*b->nodes));
	if (err == 0)
		err = grow((void **)&b->labels, &b->labels_size, b->labels_len + label_size, 1);
	if (err == 0)
		err = index_reserve(&b->node_index, b->n_nodes, &b->nodes->hash, sizeof(*b->nodes));
	if (err != 0)
		return err;
	b->nodes[b->n_nodes] =
	    (struct node){.hash = hash, .parent = parent, .label = (uint32_t)b->labels_len};
	memcpy(b->labels + b->labels_len, label, label_size);
	b->labels_len += label_size;
	*id = (uint32_t)++b->n_nodes;
	index_put(&b->node_index, hash, *id);
	return 0;
}

/* The number of the set of entries[0..n), which stand behind the last set: found, or made of
 * them. */
static int set_intern(struct build *b, uint32_t n, uint32_t *id)
{
	static const struct hash_key key = {0, 0};
	const uint16_t *entries = b->entries + b->n_entries;
	uint64_t hash = hash_siphash13(&key, entries, n * sizeof(*entries));
	int err;

	for (size_t at = (size_t)hash; b->set_index.size != 0; at++) {
		const struct set *set;

		*id = b->set_index.ids[at & (b->set_index.size - 1)];
		if (*id == 0)
			break;
		set = &b->sets[*id - 1];
		if (set->hash == hash && set->n == n &&
		    memcmp(b->entries + set->off, entries, n * sizeof(*entries)) == 0)
			return 0;
	}
	err = grow((void **)&b->sets, &b->sets_size, b->n_sets + 1, sizeof(*b->sets));
	if (err == 0)
		err = index_reserve(&b->set_index, b->n_sets, &b->sets->hash, sizeof(*b->sets));
	if (err != 0)
		return err;
	b->sets[b->n_sets] = (struct set){.off = (uint32_t)b->n_entries, .n = n, .hash = hash};
	b->n_entries += n;
	*id = (uint32_t)++b->n_sets;
	index_put(&b->set_index, hash, *id);
	return 0;
}

/* The set `from` with `entry` in it. */
static int set_with(struct build *b, uint32_t from, uint16_t entry, uint32_t *to)
{
	const struct set none = {0}, *set = from != 0 ? &b->sets[from - 1] : &none;
	uint32_t n = set->n, at = 0;
	const uint16_t *old;
	uint16_t *new;
	int err;

	err =
	    grow((void **)&b->entries, &b->entries_size, b->n_entries + n + 1, sizeof(*b->entries));
	if (err != 0)
		return err;
	old = b->entries + set->off;
	new = b->entries + b->n_entries;
	while (at < n && old[at] < entry)
		at++;
	if (at < n && old[at] == entry) {
		*to = from;
		return 0;
	}
	memcpy(new, old, at * sizeof(*new));
	new[at] = entry;
	memcpy(new + at + 1, old + at, (n - at) * sizeof(*new));
	return set_intern(b, n + 1, to);
}

static int node_add_entry(struct build *b, struct node *node, uint16_t entry)
{
	if (b->step_to == 0 || b->step_from != node->set || b->step_entry != entry) {
		uint32_t from = node->set, to;
		int err = set_with(b, from, entry, &to);

		if (err != 0)
			return err;
		b->step_from = from;
		b->step_to = to;
		b->step_entry = entry;
	}
	node->set = b->step_to;
	return 0;
}

int build_add(
    struct build *b, const uint8_t *name, size_t name_len, enum rule_kind kind, uint16_t list)
{
	uint8_t label_off[NAME_LABELS_MAX];
	unsigned n_labels = 0;
	uint32_t node = 0;
	uint64_t hash = 0;
	int err;

	if (name_len < 3 || name_len > NAME_SIZE || kind >= RULE_KINDS || list >= RULE_LISTS_MAX)
		return ERR_RANGE;
	for (size_t off = 0; name[off] != 0; off += name[off] + 1u)
		label_off[n_labels++] = (uint8_t)off;
	while (n_labels-- != 0) {
		const uint8_t *label = name + label_off[n_labels];
		uint32_t parent = node;

		hash = format_hash(b->seed, hash, label);
		node = node_find(b, parent, hash, label);
		err = node == 0 ? node_add(b, parent, hash, label, &node) : 0;
		if (err != 0)
			return err;
	}
	err = node_add_entry(b, &b->nodes[node - 1], format_entry(kind, list));
	if (err != 0)
		return err;
	if (list > b->max_list)
		b->max_list = list;
	return 0;
}

/* An order of nodes that does not depend on their numbers: by hash, and where two hashes are equal
 * by the labels from the node up. */
static int node_order(const struct build *b, uint32_t x, uint32_t y)
{
	while (x != y) {
		const struct node *a = &b->nodes[x - 1], *c = &b->nodes[y - 1];
		const uint8_t *p, *q;
		int order;

		if (a->hash != c->hash)
			return a->hash < c->hash ? -1 : 1;
		p = b->labels + a->label;
		q = b->labels + c->label;
		order = p[0] != q[0] ? p[0] - q[0] : memcmp(p, q, 1u + p[0]);
		if (order != 0)
			return order;
		x = a->parent;
		y = c->parent;
	}
	return 0;
}

/* order[0..n_nodes): the numbers of the nodes by node_order(). */
static int sort_nodes(const struct build *b, uint64_t n_homes, uint32_t *order)
{
	uint32_t *ends = calloc((size_t)n_homes + 1, sizeof(*ends));

	if (ends == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < b->n_nodes; i++)
		ends[format_home(b->nodes[i].hash, n_homes) + 1]++;
	for (uint64_t home = 0; home < n_homes; home++)
		ends[home + 1] += ends[home];
	for (size_t i = 0; i < b->n_nodes; i++)
		order[ends[format_home(b->nodes[i].hash, n_homes)]++] = (uint32_t)i + 1;
	free(ends);
	/* Now only nodes of one home may stand in a wrong order. */
	for (size_t i = 1; i < b->n_nodes; i++) {
		uint32_t id = order[i];
		size_t at = i;

		for (; at > 0 && node_order(b, order[at - 1], id) > 0; at--)
			order[at] = order[at - 1];
		order[at] = id;
	}
	return 0;
}

/* The node that is the i-th in order.  In this order nodes lie anywhere in memory, so those to come
 * are fetched ahead. */
static struct node *node_at(const struct build *b, const uint32_t *order, size_t i)
{
	if (i + 2 * AHEAD < b->n_nodes)
		__builtin_prefetch(&b->nodes[order[i + 2 * AHEAD] - 1]);
	return &b->nodes[order[i] - 1];
}

static void rehash(struct build *b, uint64_t seed)
{
	/* A parent's number is below those of its children. */
	for (size_t i = 0; i < b->n_nodes; i++) {
		struct node *node = &b->nodes[i];
		uint64_t above = node->parent != 0 ? b->nodes[node->parent - 1].hash : 0;

		node->hash = format_hash(seed, above, b->labels + node->label);
	}
	b->seed = seed;
}

/* Give each node its slot: in order, each at its home or behind the one before it.  Returns the
 * probes that the worst of them takes. */
static uint64_t place_nodes(struct build *b, uint64_t n_homes, const uint32_t *order)
{
	uint64_t next = 0, worst = 0;

	for (size_t i = 0; i < b->n_nodes; i++) {
		struct node *node = node_at(b, order, i);
		uint64_t home = format_home(node->hash, n_homes);

		if (next < home)
			next = home;
		if (next - home >= worst)
			worst = next - home + 1;
		node->slot = (uint32_t)next++;
	}
	return worst;
}

/* Slots of all nodes under the first seed that keeps the probes short. */
static int lay_out(struct build *b, struct trie *t, uint32_t *order, struct why *why)
{
	/* A load of 3/4: a look-up reads 8.5 slots on average before it knows that a label is not
	 * there (Knuth, The Art of Computer Programming 3, 6.4, linear probing). */
	t->n_homes = b->n_nodes + b->n_nodes / 3 + (b->n_nodes != 0);
	if (t->n_homes > UINT32_MAX - FORMAT_PROBES_MAX ||
	    b->labels_len > UINT32_MAX - FORMAT_LABELS_PAD)
		return why_set(why, ERR_LIMIT, "more names than an image can hold");
	for (uint64_t seed = 0; seed < SEEDS_MAX; seed++) {
		uint64_t worst;

		if (b->seed != seed)
			rehash(b, seed);
		if (sort_nodes(b, t->n_homes, order) != 0)
			return why_set(why, ERR_NOMEM, "no memory to sort the names");
		worst = place_nodes(b, t->n_homes, order);
		if (worst <= FORMAT_PROBES_MAX) {
			t->seed = seed;
			t->n_probes = (uint8_t)worst;
			t->n_slots = worst != 0 ? t->n_homes + worst - 1 : 0;
			return 0;
		}
	}
	return why_set(why, ERR_LIMIT, "no seed gives these names short look-ups");
}

/* Put each distinct label once, in the order of the slots: the labels of the image take the place
 * of the build's. */
static int gather_labels(struct build *b, const uint32_t *order)
{
	static const struct hash_key key = {0, 0};
	struct index index;
	size_t len = FORMAT_LABELS_PAD;
	uint8_t *out = malloc(b->labels_len + FORMAT_LABELS_PAD);

	if (out == NULL || index_make(&index, b->n_nodes + b->n_nodes / 3) != 0) {
		free(out);
		return ERR_NOMEM;
	}
	memset(out, 0, len);
	for (size_t i = 0; i < b->n_nodes; i++) {
		struct node *node = node_at(b, order, i);
		const uint8_t *label = b->labels + node->label;
		size_t at = (size_t)hash_siphash13(&key, label, 1u + label[0]);
		uint32_t *off;

		if (i + AHEAD < b->n_nodes)
			__builtin_prefetch(b->labels + b->nodes[order[i + AHEAD] - 1].label);
		for (;; at++) {
			off = &index.ids[at & (index.size - 1)];
			if (*off == 0 || format_label_equal(out + *off, label))
				break;
		}
		if (*off == 0) {
			*off = (uint32_t)len;
			memcpy(out + len, label, 1u + label[0]);
			len += 1u + label[0];
		}
		node->label = *off;
	}
	free(index.ids);
	free(b->labels);
	b->labels = out;
	b->labels_len = len;
	return 0;
}

/* Number the sets that are in use in the order of the slots, used[0] first; nodes then carry the
 * new numbers.  Counts rules, names, sets and entries into *t. */
static int gather_sets(struct build *b, const uint32_t *order, struct trie *t, uint32_t *used)
{
	uint32_t *renumbered = calloc(b->n_sets + 1, sizeof(*renumbered));

	if (renumbered == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < b->n_nodes; i++) {
		struct node *node = node_at(b, order, i);
		uint32_t old = node->set;

		if (old == 0)
			continue;
		if (renumbered[old] == 0) {
			used[t->n_sets] = old;
			renumbered[old] = ++t->n_sets;
			t->n_entries += b->sets[old - 1].n;
		}
		node->set = renumbered[old];
		t->n_names++;
		t->n_rules += b->sets[old - 1].n;
	}
	free(renumbered);
	return 0;
}

static uint8_t bits_for(uint64_t v)
{
	uint8_t bits = 0;

	for (; v != 0; v >>= 1)
		bits++;
	return bits;
}

static void choose_widths(struct trie *t)
{
	unsigned bits, spare;

	t->parent_bits = bits_for(t->n_slots);
	t->label_bits = bits_for(t->labels_len);
	t->set_bits = bits_for(t->n_sets);
	bits = (unsigned)t->parent_bits + t->label_bits + t->set_bits;
	t->slot_size = (uint8_t)((bits + TAG_BITS_MIN + 7) / 8);
	spare = 8u * t->slot_size - bits;
	t->tag_bits = (uint8_t)(spare < FORMAT_TAG_MAX ? spare : FORMAT_TAG_MAX);
	t->labels_off = FORMAT_HEADER + t->n_slots * t->slot_size;
	t->sets_off = t->labels_off + t->labels_len;
	t->entries_off = t->sets_off + 4 * ((uint64_t)t->n_sets + 1);
}

static void write_header(const struct trie *t, uint8_t *p)
{
	memcpy(p + FORMAT_AT_MAGIC, FORMAT_MAGIC, FORMAT_MAGIC_LEN);
	format_put(p + FORMAT_AT_VERSION, FORMAT_VERSION, 8);
	format_put(p + FORMAT_AT_LISTS, t->n_lists, 4);
	format_put(p + FORMAT_AT_LEN, t->len, 8);
	format_put(p + FORMAT_AT_RULES, t->n_rules, 8);
	format_put(p + FORMAT_AT_NAMES, t->n_names, 8);
	format_put(p + FORMAT_AT_SLOTS, t->n_slots, 8);
	format_put(p + FORMAT_AT_LABELS, t->labels_len, 8);
	format_put(p + FORMAT_AT_SETS_LEN, t->len - t->sets_off, 8);
	format_put(p + FORMAT_AT_SEED, t->seed, 8);
	format_put(p + FORMAT_AT_SETS, t->n_sets, 4);
	p[FORMAT_AT_PROBES] = t->n_probes;
	p[FORMAT_AT_PROBES + 1] = t->slot_size;
	p[FORMAT_AT_PROBES + 2] = t->tag_bits;
	p[FORMAT_AT_PROBES + 3] = t->parent_bits;
	p[FORMAT_AT_PROBES + 4] = t->label_bits;
	p[FORMAT_AT_PROBES + 5] = t->set_bits;
	format_put(p + FORMAT_AT_SUM, format_sum(p, t->len), 8);
}

/* Add the lowest `bits` of `v` to the field `shift` bits from the lowest of the slot at p. */
static void put_field(uint8_t *p, unsigned shift, unsigned bits, uint64_t v)
{
	v = (v & ((UINT64_C(1) << bits) - 1)) << shift % 8;
	for (p += shift / 8; v != 0; v >>= 8)
		*p++ |= (uint8_t)v;
}

static void write_slots(const struct build *b, const struct trie *t, uint8_t *slots)
{
	for (size_t i = 0; i < b->n_nodes; i++) {
		const struct node *node = &b->nodes[i];
		uint8_t *p = slots + (size_t)node->slot * t->slot_size;
		uint64_t parent = node->parent != 0 ? b->nodes[node->parent - 1].slot + 1ull : 0;
		unsigned shift = 0;

		put_field(p, shift, t->tag_bits, node->hash);
		put_field(p, shift += t->tag_bits, t->parent_bits, parent);
		put_field(p, shift += t->parent_bits, t->label_bits, node->label);
		put_field(p, shift + t->label_bits, t->set_bits, node->set);
	}
}

static void write_sets(
    const struct build *b, const struct trie *t, const uint32_t *used, uint8_t *bytes)
{
	uint8_t *end = bytes + t->sets_off, *entry = bytes + t->entries_off;
	uint32_t n_entries = 0;

	for (uint32_t i = 0; i < t->n_sets; i++) {
		const struct set *set = &b->sets[used[i] - 1];

		for (uint32_t k = 0; k < set->n; k++, entry += 2)
			format_put(entry, b->entries[set->off + k], 2);
		n_entries += set->n;
		format_put(end += 4, n_entries, 4);
	}
}

int build_image(struct build *b, unsigned n_lists, uint8_t **bytes, size_t *len, struct why *why)
{
	struct trie t = {.n_lists = n_lists};
	uint32_t *order = NULL, *used = NULL;
	uint8_t *image = NULL;
	int err = ERR_NOMEM;

	if (n_lists > RULE_LISTS_MAX || (b->n_nodes != 0 && b->max_list >= n_lists))
		return why_set(why, ERR_RANGE, "a rule of list %u, but there are %u lists",
		    b->max_list, n_lists);
	order = calloc(b->n_nodes + 1, sizeof(*order));
	used = calloc(b->n_sets + 1, sizeof(*used));
	if (order == NULL || used == NULL)
		goto out;
	err = lay_out(b, &t, order, why);
	if (err != 0)
		goto out;
	/* Nothing is added any more. */
	free(b->node_index.ids);
	b->node_index = (struct index){0};
	err = ERR_NOMEM;
	if (gather_labels(b, order) != 0 || gather_sets(b, order, &t, used) != 0)
		goto out;
	t.labels_len = b->labels_len;
	choose_widths(&t);
	t.len = (size_t)(t.entries_off + 2 * t.n_entries);
	image = calloc(1, t.len);
	if (image == NULL)
		goto out;
	write_slots(b, &t, image + FORMAT_HEADER);
	memcpy(image + t.labels_off, b->labels, b->labels_len);
	write_sets(b, &t, used, image);
	write_header(&t, image);
	err = verify_image(image, t.len, why);
	if (err != 0)
		goto out;
	*bytes = image;
	*len = t.len;
	image = NULL;
out:
	if (err == ERR_NOMEM)
		why_set(why, err, "not enough memory for an image of %zu names", b->n_nodes);
	free(image);
	free(used);
	free(order);
	return err;
}
