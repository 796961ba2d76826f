/* layout.c - where each name goes. */
#include "blocklists/layout.h"

#include <stdlib.h>
#include <string.h>

#include "blocklists/format.h"
#include "blocklists/grow.h"
#include "lib/hash.h"

#define SEEDS_MAX 16 /* tried until no bucket is too full */

/* ---- Hubs and names of one label ---- */

static int keep_name(struct layout *l, const uint8_t *turned, size_t len, uint32_t *off)
{
	int err = grow((void **)&l->hub_names, &l->hub_names_size, l->hub_names_len + len, 1);

	if (err != 0)
		return err;
	memcpy(l->hub_names + l->hub_names_len, turned, len);
	*off = (uint32_t)l->hub_names_len;
	l->hub_names_len += len;
	return 0;
}

static int add_hub(struct layout *l, uint32_t name_off, size_t name_len, uint32_t *index)
{
	int err = grow((void **)&l->hubs, &l->hubs_size, l->n_hubs + 1, sizeof(*l->hubs));

	if (err != 0)
		return err;
	l->hubs[l->n_hubs] =
	    (struct layout_hub){.name_off = name_off, .name_len = (uint8_t)name_len};
	*index = (uint32_t)l->n_hubs++;
	return 0;
}

static const uint8_t *top_label(const struct layout *l, uint32_t top)
{
	return l->hub_names + l->tops[top].name_off;
}

static bool same_label(const uint8_t *a, const uint8_t *b)
{
	return a[0] == b[0] && memcmp(a, b, 1u + a[0]) == 0;
}

static uint32_t *top_place(const struct layout *l, const uint8_t *label)
{
	static const struct hash_key key = {0, 0};
	size_t at = (size_t)hash_siphash13(&key, label, 1u + label[0]);

	for (;; at++) {
		uint32_t *place = &l->top_index[at & (l->top_index_size - 1)];

		if (*place == 0 || same_label(top_label(l, *place - 1), label))
			return place;
	}
}

static int grow_top_index(struct layout *l)
{
	size_t size = l->top_index_size != 0 ? 2 * l->top_index_size : 4096;
	uint32_t *index = calloc(size, sizeof(*index));

	if (index == NULL)
		return ERR_NOMEM;
	free(l->top_index);
	l->top_index = index;
	l->top_index_size = size;
	for (uint32_t i = 0; i < l->n_tops; i++)
		*top_place(l, top_label(l, i)) = i + 1;
	return 0;
}

/* The name of one label `label`, made where it is new. */
static int find_top(struct layout *l, const uint8_t *label, struct layout_top **top)
{
	uint32_t *place, off;
	int err = 0;

	/* Families with the same come together. */
	if (l->last_top < l->n_tops && same_label(top_label(l, l->last_top), label)) {
		*top = &l->tops[l->last_top];
		return 0;
	}
	if (l->n_tops >= l->top_index_size / 2)
		err = grow_top_index(l);
	if (err != 0)
		return err;
	place = top_place(l, label);
	if (*place == 0) {
		err = grow((void **)&l->tops, &l->tops_size, l->n_tops + 1, sizeof(*l->tops));
		if (err == 0)
			err = keep_name(l, label, 1u + label[0], &off);
		if (err != 0)
			return err;
		l->tops[l->n_tops] = (struct layout_top){.name_off = off, .hub = UINT32_MAX};
		*place = (uint32_t)++l->n_tops;
	}
	l->last_top = *place - 1;
	*top = &l->tops[l->last_top];
	return 0;
}

static bool is_top(const struct family *f)
{
	return f->n == 1 && f->nodes[0].label_off == 0;
}

/* ---- Counting ---- */

static void count_label(struct layout *l, const uint8_t *label)
{
	struct format_context context = {0, 0};

	for (unsigned i = 0; i <= label[0]; i++) {
		unsigned symbol = i < label[0] ? format_symbol[label[1 + i]] : FORMAT_END;

		l->label_counts[format_context(&context) * FORMAT_SYMBOLS + symbol]++;
		format_context_next(&context, symbol);
	}
}

static int count_top(struct layout *l)
{
	const struct family_node *node = &l->family.nodes[0];
	struct layout_top *top;
	int err = find_top(l, family_label(node), &top);

	if (err != 0)
		return err;
	top->set = node->set;
	l->n_names++;
	return 0;
}

static int count_family(struct layout *l)
{
	struct family *f = &l->family;
	struct layout_top *top;
	int err;

	if (is_top(f))
		return count_top(l);
	err = find_top(l, f->nodes[0].name, &top);
	if (err == 0 && top->hub == UINT32_MAX) {
		uint32_t hub, off = top->name_off;

		err = add_hub(l, off, 1u + l->hub_names[off], &hub);
		if (err == 0)
			top->hub = hub;
	}
	if (err != 0)
		return err;
	l->hubs[top->hub].n_children++;
	for (uint32_t i = 0; i < f->n; i++) {
		struct family_node *node = &f->nodes[i];

		count_label(l, family_label(node));
		l->n_names += node->set != 0;
		l->n_bare += node->set == 0;
		l->n_anchors += family_is_anchor(f, i);
		if (i != 0 && family_is_anchor(f, i))
			l->hubs[f->nodes[node->parent].hub].n_children++;
		if (node->is_hub) {
			uint32_t off;

			err = keep_name(l, node->name, node->name_len, &off);
			if (err == 0)
				err = add_hub(l, off, node->name_len, &node->hub);
			if (err != 0)
				return err;
		}
	}
	return 0;
}

static int count_families(struct layout *l)
{
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++) {
		struct names_cursor c = names_begin(l->names, shard);
		struct names_one ahead = {.len = 0};
		int ret;

		while ((ret = family_next(&l->family, &c, &ahead)) == 1) {
			int err = count_family(l);

			if (err != 0)
				return err;
		}
		if (ret != 0)
			return ret;
	}
	return 0;
}

static int compare_names(
    const struct layout *l, const struct layout_hub *a, const struct layout_hub *b)
{
	size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
	int order = memcmp(l->hub_names + a->name_off, l->hub_names + b->name_off, len);

	return order != 0 ? order : a->name_len - b->name_len;
}

static int compare_hubs(const void *a, const void *b, void *ctx)
{
	const struct layout *l = ctx;
	const struct layout_hub *x = &l->hubs[*(const uint32_t *)a];
	const struct layout_hub *y = &l->hubs[*(const uint32_t *)b];

	if (x->n_children != y->n_children)
		return x->n_children > y->n_children ? -1 : 1;
	return compare_names(l, x, y);
}

/* Number the hubs: the root 0, then those with the most children first. */
static int number_hubs(struct layout *l)
{
	l->hub_order = calloc(l->n_hubs, sizeof(*l->hub_order));
	if (l->hub_order == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < l->n_hubs; i++)
		l->hub_order[i] = i;
	qsort_r(l->hub_order + 1, l->n_hubs - 1, sizeof(*l->hub_order), compare_hubs, l);
	for (uint32_t i = 0; i < l->n_hubs; i++)
		l->hubs[l->hub_order[i]].number = i;
	return 0;
}

/* Inner hubs come in one run; those of the names of one label are met in between and elsewhere. */
static bool is_inner(const struct layout *l, uint32_t hub)
{
	const struct layout_hub *h = &l->hubs[hub];

	return h->name_len > 1u + l->hub_names[h->name_off];
}

static uint32_t next_inner(const struct layout *l, uint32_t *next_hub)
{
	while (!is_inner(l, *next_hub))
		(*next_hub)++;
	return l->hubs[(*next_hub)++].number;
}

/* The numbers of the family's hubs. */
static void number_family(struct layout *l, uint32_t *next_hub)
{
	for (size_t i = 0; i < l->family.n; i++)
		if (l->family.nodes[i].is_hub)
			l->family.nodes[i].hub = next_inner(l, next_hub);
}

static void make_codes(struct layout *l)
{
	uint64_t sets[CODES_SYMBOLS_MAX] = {l->n_bare}, hubs[CODES_SYMBOLS_MAX] = {l->n_tops};

	for (uint32_t id = 1; id < l->sets->n; id++) {
		uint32_t number = l->sets->of[id].number;

		sets[number < FORMAT_RARE ? number : FORMAT_RARE] += l->sets->of[id].n_uses;
	}
	for (uint32_t hub = 1; hub < l->n_hubs; hub++) {
		uint32_t number = l->hubs[hub].number;

		hubs[number < FORMAT_RARE ? number : FORMAT_RARE] += l->hubs[hub].n_children;
	}
	for (unsigned context = 0; context < FORMAT_CONTEXTS; context++)
		codes_make(l->codes + FORMAT_CODES_LABEL + context * FORMAT_SYMBOLS,
		    l->label_counts + context * FORMAT_SYMBOLS, FORMAT_SYMBOLS);
	codes_make(l->codes + FORMAT_CODES_SET, sets, CODES_SYMBOLS_MAX);
	codes_make(l->codes + FORMAT_CODES_HUB, hubs, CODES_SYMBOLS_MAX);
}

/* ---- Buckets ---- */

static int compare_tops(const void *a, const void *b, void *ctx)
{
	const struct layout *l = ctx;
	const uint8_t *x = l->hub_names + ((const struct layout_top *)a)->name_off;
	const uint8_t *y = l->hub_names + ((const struct layout_top *)b)->name_off;

	return x[0] != y[0] ? x[0] - y[0] : memcmp(x, y, 1u + x[0]);
}

/* The names of one label in their order, and the index anew. */
static int sort_tops(struct layout *l)
{
	if (l->n_tops != 0)
		qsort_r(l->tops, l->n_tops, sizeof(*l->tops), compare_tops, l);
	if (l->top_index == NULL)
		return 0;
	memset(l->top_index, 0, l->top_index_size * sizeof(*l->top_index));
	for (uint32_t i = 0; i < l->n_tops; i++)
		*top_place(l, top_label(l, i)) = i + 1;
	return 0;
}

/* A name of one label as a family of its own. */
static int top_family(struct layout *l, const struct layout_top *top)
{
	const uint8_t *label = l->hub_names + top->name_off;
	int err = grow((void **)&l->family.nodes, &l->family.size, 1, sizeof(*l->family.nodes));

	if (err != 0)
		return err;
	l->family.nodes[0] = (struct family_node){
	    .name = label,
	    .name_len = (uint8_t)(1 + label[0]),
	    .is_hub = top->hub != UINT32_MAX,
	    .set = top->set,
	    .end = 1,
	    .hub = top->hub != UINT32_MAX ? l->hubs[top->hub].number : 0,
	};
	l->family.n = 1;
	return 0;
}

struct filling {
	uint8_t *n_anchors; /* of each bucket */
	bool too_full;
	uint32_t last_bucket;
};

/* From one number to another; most are near each other: the sign is the lowest bit. */
static uint8_t *put_step(uint8_t *p, uint32_t from, uint32_t to)
{
	return bits_put_number(p, to >= from ? (to - from) << 1 : (from - to) << 1 | 1);
}

static const uint8_t *get_step(const uint8_t *p, uint32_t *number)
{
	uint32_t step;

	p = bits_get_number(p, &step);
	*number += (step & 1) == 0 ? step >> 1 : 0 - (step >> 1);
	return p;
}

/* The record of anchor i of the measured family, which hangs on the hub with this number. */
static int put_anchor(struct layout *l, uint32_t i, uint32_t hub, struct filling *filling)
{
	const struct family_node *node = &l->family.nodes[i];
	uint32_t bucket =
	    format_bucket(names_hash(l->seed, node->name, node->name_len), l->n_buckets);
	size_t bytes_max = node->bits / 8 + 3 * BITS_PAD; /* with length and hub */
	uint8_t *p = chunks_room(&l->records, BITS_NUMBER_MAX + bytes_max);
	struct bits_out out = {.at = 0};

	if (p == NULL)
		return ERR_NOMEM;
	out.bytes = put_step(p, filling->last_bucket, bucket);
	filling->last_bucket = bucket;
	memset(out.bytes, 0, bytes_max);
	family_put(&l->family, i, hub, l->codes, l->sets, &out);
	chunks_took(&l->records, out.bytes + (out.at + 7) / 8);
	l->buckets[bucket] += (uint32_t)out.at;
	if (filling->n_anchors[bucket]++ == FORMAT_SIBLINGS_MAX)
		filling->too_full = true;
	return 0;
}

/* The records of the family's anchors; its first node hangs on the hub with this number. */
static int put_family(struct layout *l, uint32_t hub, struct filling *filling)
{
	struct family *f = &l->family;
	int err = family_measure(f, l->codes, l->sets);

	for (uint32_t i = 0; i < f->n && err == 0; i++)
		if (family_is_anchor(f, i))
			err = put_anchor(
			    l, i, i == 0 ? hub : f->nodes[f->nodes[i].parent].hub, filling);
	return err;
}

/* The records of all anchors, in the order of the image. */
static int put_families(struct layout *l, struct filling *filling)
{
	uint32_t next_hub = 1;

	for (uint32_t i = 0; i < l->n_tops; i++) {
		int err = top_family(l, &l->tops[i]);

		if (err == 0)
			err = put_family(l, 0, filling);
		if (err != 0)
			return err;
	}
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++) {
		struct names_cursor c = names_begin(l->names, shard);
		struct names_one ahead = {.len = 0};
		int ret;

		while ((ret = family_next(&l->family, &c, &ahead)) == 1) {
			struct layout_top *top;

			if (is_top(&l->family))
				continue;
			ret = find_top(l, l->family.nodes[0].name, &top);
			number_family(l, &next_hub);
			if (ret == 0)
				ret = put_family(l, l->hubs[top->hub].number, filling);
			if (ret != 0)
				return ret;
		}
		if (ret != 0)
			return ret;
		/* The room of a large family stays not beside the records to come. */
		family_fini(&l->family);
	}
	return 0;
}

static uint32_t bucket_len(const struct layout *l, uint32_t bucket)
{
	return (l->buckets[bucket] + 7) / 8;
}

/* Bytes of the shelf that begins with this bucket. */
static uint64_t shelf_len(const struct layout *l, uint32_t bucket)
{
	uint64_t len = FORMAT_SHELF_HEAD;

	for (unsigned i = 0; i < FORMAT_SHELF && bucket < l->n_buckets; i++)
		len += bucket_len(l, bucket++);
	return len;
}

/* Bytes of all shelves, and whether the directory can point to each and its head to its buckets. */
static bool add_up(struct layout *l, struct why *why, int *err)
{
	uint32_t n_shelves = format_n_shelves(l->n_buckets);
	uint64_t total = 0, group = 0;

	for (uint32_t shelf = 0; shelf < n_shelves; shelf++) {
		uint64_t len = shelf_len(l, shelf * FORMAT_SHELF);

		if (shelf % FORMAT_GROUP == 0)
			group = total;
		total += format_whole_units(len);
		if (len > UINT16_MAX || (total - group) / FORMAT_UNIT > UINT16_MAX)
			return false;
	}
	if (total > FORMAT_NODES_MAX - BITS_PAD)
		*err = why_set(why, ERR_LIMIT, "more names than an image can hold");
	l->nodes_len = (size_t)total + BITS_PAD;
	return true;
}

/* The first seed is 0, under which a hostile list can pile up its names; the next comes from all
 * names, so that none can be chosen by it. */
static void next_seed(struct layout *l)
{
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++) {
		struct names_cursor c = names_begin(l->names, shard);
		struct names_one one;

		while (names_next(&c, &one)) {
			const struct hash_key key = {l->seed, 0};

			l->seed = hash_siphash13(&key, one.bytes, one.len);
		}
	}
}

static int fill_buckets(struct layout *l, struct why *why)
{
	struct filling filling;
	int err = 0;

	l->n_buckets =
	    (uint32_t)((l->n_anchors + FORMAT_ANCHORS_PER_BUCKET - 1) / FORMAT_ANCHORS_PER_BUCKET);
	l->buckets = calloc(l->n_buckets + 1u, sizeof(*l->buckets));
	filling.n_anchors = malloc(l->n_buckets + 1u);
	if (l->buckets == NULL || filling.n_anchors == NULL)
		err = ERR_NOMEM;
	for (unsigned n_tried = 0; err == 0; next_seed(l)) {
		if (n_tried++ == SEEDS_MAX) {
			err = why_set(why, ERR_LIMIT, "no seed spreads these names evenly");
			break;
		}
		memset(l->buckets, 0, l->n_buckets * sizeof(*l->buckets));
		memset(filling.n_anchors, 0, l->n_buckets);
		filling.too_full = false;
		filling.last_bucket = 0;
		chunks_free(&l->records);
		err = put_families(l, &filling);
		if (err == 0 && !filling.too_full && add_up(l, why, &err))
			break;
	}
	free(filling.n_anchors);
	return err;
}

int layout_plan(struct layout *l, const struct names *names, struct sets *sets, struct why *why)
{
	uint32_t root, *order;
	int err;

	memset(l, 0, sizeof(*l));
	l->names = names;
	l->sets = sets;
	l->codes = calloc(FORMAT_CODES, sizeof(*l->codes));
	l->label_counts = calloc(FORMAT_CONTEXTS * FORMAT_SYMBOLS, sizeof(*l->label_counts));
	order = calloc(sets->n, sizeof(*order));
	err = l->codes == NULL || l->label_counts == NULL || order == NULL
		  ? ERR_NOMEM
		  : add_hub(l, 0, 0, &root);
	if (err == 0)
		err = count_families(l);
	if (err == 0)
		err = sort_tops(l);
	if (err != 0)
		goto out;
	for (uint32_t i = 0; i < l->n_tops; i++) {
		count_label(l, top_label(l, i));
		l->n_bare += l->tops[i].set == 0;
	}
	l->n_anchors += l->n_tops;
	sets_number(sets, order);
	if (l->n_hubs >= 1u << FORMAT_RARE_BITS || sets->n >= 1u << FORMAT_RARE_BITS) {
		err = why_set(why, ERR_LIMIT, "more kinds of rules than an image can hold");
		goto out;
	}
	err = number_hubs(l);
	if (err != 0)
		goto out;
	make_codes(l);
	err = fill_buckets(l, why);
out:
	free(order);
	return err;
}

void layout_fini(struct layout *l)
{
	free(l->codes);
	free(l->hubs);
	free(l->hub_order);
	free(l->hub_names);
	free(l->tops);
	free(l->top_index);
	free(l->buckets);
	free(l->label_counts);
	chunks_free(&l->records);
	family_fini(&l->family);
	memset(l, 0, sizeof(*l));
}

/* ---- Writing ---- */

/* Where shelf `shelf` begins, or the last one ends. */
static void write_shelf_begin(uint8_t *directory, uint32_t shelf, uint64_t at, uint64_t *group)
{
	uint8_t *p = directory + (size_t)(shelf / FORMAT_GROUP) * FORMAT_GROUP_SIZE;
	unsigned i = shelf % FORMAT_GROUP;

	if (i == 0) {
		*group = at;
		format_put(p, at / FORMAT_UNIT, 4);
	} else {
		format_put(p + 4 + 2 * (i - 1), (at - *group) / FORMAT_UNIT, 2);
	}
}

/* The directory and the heads; buckets[] become the bits where their next anchor goes. */
static void write_directory(struct layout *l, uint8_t *directory, uint8_t *nodes)
{
	uint32_t n_shelves = format_n_shelves(l->n_buckets), bucket = 0;
	uint64_t at = 0, group = 0;

	for (uint32_t shelf = 0; shelf < n_shelves; shelf++) {
		uint64_t end = FORMAT_SHELF_HEAD;

		write_shelf_begin(directory, shelf, at, &group);
		for (unsigned i = 0; i < FORMAT_SHELF && bucket < l->n_buckets; i++, bucket++) {
			uint32_t len = bucket_len(l, bucket);

			l->buckets[bucket] = (uint32_t)(at + end) * 8;
			end += len;
			format_put(nodes + at + 2 * (size_t)i, end, 2);
		}
		at += format_whole_units(end);
	}
	write_shelf_begin(directory, n_shelves, at, &group);
}

/* The bits of a record, its length included. */
static size_t record_bits(const uint8_t *record)
{
	uint64_t v = bits_peek(record, 0);
	size_t len = (size_t)bits_low(v, FORMAT_LEN_BITS);

	if (len < FORMAT_LEN_LONG)
		return FORMAT_LEN_BITS + len;
	return FORMAT_LEN_BITS + FORMAT_LEN_LONG_BITS +
	       (size_t)bits_low(v >> FORMAT_LEN_BITS, FORMAT_LEN_LONG_BITS);
}

/* Move the records of a chunk to where the next of their buckets goes. */
static void write_records(
    struct layout *l, const struct chunk *chunk, uint32_t *bucket, uint8_t *nodes)
{
	const uint8_t *record = chunk->bytes, *end = chunk->bytes + chunk->len;

	while (record < end) {
		struct bits_out out;
		size_t n;

		record = get_step(record, bucket);
		n = record_bits(record);
		out.bytes = nodes;
		out.at = l->buckets[*bucket];
		bits_copy(&out, record, n);
		l->buckets[*bucket] = (uint32_t)out.at;
		record += (n + 7) / 8;
	}
}

void layout_write(struct layout *l, uint8_t *directory, uint8_t *nodes)
{
	uint32_t bucket = 0;

	write_directory(l, directory, nodes);
	for (const struct chunk *chunk = l->records.first; chunk != NULL; chunk = chunk->next)
		write_records(l, chunk, &bucket, nodes);
}

size_t layout_hub_names_len(const struct layout *l)
{
	size_t len = 0;

	for (size_t i = 0; i < l->n_hubs; i++)
		len += l->hubs[i].name_len + 1u;
	return len;
}

void layout_write_hubs(const struct layout *l, uint8_t *ends, uint8_t *names)
{
	size_t at = 0;

	for (size_t i = 0; i < l->n_hubs; i++) {
		const struct layout_hub *hub = &l->hubs[l->hub_order[i]];

		/* That of the root is empty, and without hubs there are no names. */
		const uint8_t *name = hub->name_len != 0 ? l->hub_names + hub->name_off : NULL;

		at += names_turn_back(name, hub->name_len, names + at);
		format_put(ends + 4 * (i + 1), at, 4);
	}
}
