/* names.c - names in shards. */
#include "blocklists/names.h"

#include <stdlib.h>
#include <string.h>

#include "blocklists/format.h"
#include "blocklists/grow.h"

#define CHUNK_SIZE 8160 /* with malloc()'s own bytes two pages */

/* Records: length, bytes, and the value in 7 bits a byte, lowest first, all but the last with the 8th. */
struct names_chunk {
	struct names_chunk *next;
	size_t len;
	uint8_t bytes[CHUNK_SIZE - 2 * sizeof(void *)];
};

struct names_ref {
	uint64_t hash; /* of the two rightmost labels */
	const uint8_t *record;
};

void names_init(struct names *names)
{
	memset(names, 0, sizeof(*names));
}

void names_clear(struct names *names, unsigned shard)
{
	struct names_shard *s = &names->shards[shard];

	while (s->first != NULL) {
		struct names_chunk *next = s->first->next;

		free(s->first);
		s->first = next;
	}
	*s = (struct names_shard){0};
}

void names_fini(struct names *names)
{
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++)
		names_clear(names, shard);
	names_init(names);
}

size_t names_turn(const uint8_t *name, uint8_t out[NAME_SIZE])
{
	size_t len = name_len(name) - 1, at = len;

	for (const uint8_t *label = name; *label != 0; label += *label + 1u) {
		at -= *label + 1u;
		memcpy(out + at, label, *label + 1u);
	}
	return len;
}

size_t names_turn_back(const uint8_t *turned, size_t len, uint8_t out[NAME_SIZE])
{
	size_t at = len;

	out[len] = 0;
	for (size_t off = 0; off < len; off += turned[off] + 1u) {
		at -= turned[off] + 1u;
		memcpy(out + at, turned + off, turned[off] + 1u);
	}
	return len + 1;
}

size_t names_head(const uint8_t *turned, size_t len, unsigned labels)
{
	size_t off = 0;

	while (labels-- != 0 && off < len)
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): of `len` bytes */
		off += turned[off] + 1u;
	return off;
}

uint64_t names_hash(uint64_t seed, const uint8_t *turned, size_t len)
{
	uint8_t name[NAME_SIZE];

	return format_hash(seed, name, names_turn_back(turned, len, name) - 1);
}

#define SHARD_SHIFT 56 /* of a hash: the buckets stand in the order of its highest bits */
#define TOP_SHIFT   16 /* where sort() looks last */

/* The hash by which names are sorted, of that of the two rightmost labels: with a byte of the last
 * label, so that what has it in common comes together. */
static uint64_t sort_hash(uint64_t hash, const uint8_t *turned)
{
	unsigned top = 0;

	for (unsigned i = 0; i <= turned[0]; i++)
		top = top * 31 + turned[i];
	return (hash & ~(UINT64_C(0xff) << TOP_SHIFT)) | (uint64_t)(top & 0xff) << TOP_SHIFT;
}

static uint64_t hash_head(const uint8_t *turned, size_t len)
{
	return names_hash(0, turned, names_head(turned, len, 2));
}

static int shard_put(struct names_shard *s, const uint8_t *turned, size_t len, uint32_t value)
{
	uint8_t *p;

	if (s->last == NULL || sizeof(s->last->bytes) - s->last->len < 1 + len + BITS_NUMBER_MAX) {
		struct names_chunk *chunk = malloc(sizeof(*chunk));

		if (chunk == NULL)
			return ERR_NOMEM;
		chunk->next = NULL;
		chunk->len = 0;
		*(s->last != NULL ? &s->last->next : &s->first) = chunk;
		s->last = chunk;
	}
	p = s->last->bytes + s->last->len;
	p[0] = (uint8_t)len;
	memcpy(p + 1, turned, len);
	s->last->len = (size_t)(bits_put_number(p + 1 + len, value) - s->last->bytes);
	s->n++;
	return 0;
}

int names_add(struct names *names, const uint8_t *name, uint32_t value)
{
	uint8_t turned[NAME_SIZE];
	size_t len = names_turn(name, turned), head = names_head(turned, len, 2);
	uint64_t hash = format_hash(0, name + len - head, head);

	return shard_put(&names->shards[hash >> SHARD_SHIFT], turned, len, value);
}

static struct names_one record_one(const uint8_t *record)
{
	struct names_one one = {.bytes = record + 1, .len = record[0]};

	(void)bits_get_number(one.bytes + one.len, &one.value);
	return one;
}

struct names_cursor names_begin(const struct names *names, unsigned shard)
{
	return (struct names_cursor){names->shards[shard].first, 0};
}

bool names_next(struct names_cursor *c, struct names_one *one)
{
	while (c->chunk != NULL && c->at == c->chunk->len)
		*c = (struct names_cursor){c->chunk->next, 0};
	if (c->chunk == NULL)
		return false;
	one->bytes = c->chunk->bytes + c->at + 1;
	one->len = one->bytes[-1];
	c->at = (size_t)(bits_get_number(one->bytes + one->len, &one->value) - c->chunk->bytes);
	return true;
}

static inline int compare(const struct names_ref *x, const struct names_ref *y)
{
	struct names_one p, q;
	int order;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	p = record_one(x->record);
	q = record_one(y->record);
	order = memcmp(p.bytes, q.bytes, p.len < q.len ? p.len : q.len);
	if (order != 0)
		return order;
	if (p.len != q.len)
		return p.len - q.len;
	return p.value < q.value ? -1 : p.value > q.value;
}

#define SORT_BITS 12 /* of a pass */

#define SORT_FEW 8 /* are sorted by insertion */

static void sort_few(struct names_ref *refs, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct names_ref ref = refs[i];
		size_t at = i;

		for (; at > 0 && compare(&refs[at - 1], &ref) > 0; at--)
			refs[at] = refs[at - 1];
		refs[at] = ref;
	}
}

/* By merging, with as much spare room; qsort(3) with its calls takes twice as long. */
static void sort_group(struct names_ref *refs, struct names_ref *spare, size_t n)
{
	size_t half = n / 2, left = 0, right = half, at = 0;

	if (n <= SORT_FEW) {
		sort_few(refs, n);
		return;
	}
	sort_group(refs, spare, half);
	sort_group(refs + half, spare, n - half);
	memcpy(spare, refs, half * sizeof(*refs));
	while (left < half && right < n)
		refs[at++] =
		    compare(&refs[right], &spare[left]) < 0 ? refs[right++] : spare[left++];
	memcpy(refs + at, spare + left, (half - left) * sizeof(*refs));
}

static unsigned digit(const struct names_ref *ref, unsigned shift)
{
	return ref->hash >> shift & ((1u << SORT_BITS) - 1);
}

/* By 24 bits of the hash with two passes of counting, which tell most families apart; then the runs
 * in which they are equal. */
static void sort(struct names_ref *refs, struct names_ref *spare, size_t n)
{
	struct names_ref *from = refs, *to = spare;

	for (unsigned shift = 0; shift < 2 * SORT_BITS; shift += SORT_BITS) {
		uint32_t at[(1 << SORT_BITS) + 1] = {0};
		struct names_ref *swap = from;

		for (size_t i = 0; i < n; i++)
			at[digit(&from[i], shift) + 1]++;
		for (unsigned i = 0; i < 1u << SORT_BITS; i++)
			at[i + 1] += at[i];
		for (size_t i = 0; i < n; i++)
			to[at[digit(&from[i], shift)]++] = from[i];
		from = to;
		to = swap;
	}
	for (size_t i = 0, end; i < n; i = end) {
		uint64_t sorted_by = refs[i].hash << (64 - 2 * SORT_BITS);

		for (end = i + 1; end < n; end++)
			if (refs[end].hash << (64 - 2 * SORT_BITS) != sorted_by)
				break;
		sort_group(refs + i, spare, end - i);
	}
}

static bool same_name(const struct names_one *a, const struct names_one *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Names with the entries that stand in the sorted refs, as (name, set) into *to. */
static int merge_sorted(struct names_shard *to, const struct names_ref *refs, size_t n,
    struct sets *sets, names_filter_fn *filter, void *ctx)
{
	uint32_t *entries = NULL, last_entry = 0, last_set = 0;
	size_t entries_size = 0;
	int err = 0;

	for (size_t i = 0, end; i < n && err == 0; i = end) {
		struct names_one first = record_one(refs[i].record);
		size_t n_entries = 0;
		uint32_t set;

		for (end = i; end < n && err == 0; end++) {
			struct names_one one = record_one(refs[end].record);

			if (end != i && !same_name(&one, &first))
				break;
			if (n_entries != 0 && entries[n_entries - 1] == one.value)
				continue;
			err =
			    grow((void **)&entries, &entries_size, n_entries + 1, sizeof(*entries));
			if (err == 0)
				entries[n_entries++] = one.value;
		}
		if (err == 0 && filter != NULL)
			filter(ctx, first.bytes, first.len, entries, &n_entries);
		if (err != 0 || n_entries == 0)
			continue;
		/* Most names of a shard have the one rule that the name before had. */
		set = last_set;
		if (n_entries != 1 || set == 0 || entries[0] != last_entry)
			err = sets_intern(sets, entries, n_entries, &set);
		if (n_entries == 1 && err == 0) {
			last_entry = entries[0];
			last_set = set;
		}
		if (err == 0) {
			sets->of[set].n_uses++;
			err = shard_put(to, first.bytes, first.len, set);
		}
	}
	free(entries);
	return err;
}

int names_merge(
    struct names *names, unsigned shard, struct sets *sets, names_filter_fn *filter, void *ctx)
{
	struct names_shard *s = &names->shards[shard], old;
	struct names_cursor c = names_begin(names, shard);
	struct names_one one;
	struct names_ref *refs = reallocarray(NULL, 2 * s->n + 1, sizeof(*refs));
	size_t n = 0;
	int err;

	if (refs == NULL)
		return ERR_NOMEM;
	for (; names_next(&c, &one); n++)
		refs[n] = (struct names_ref){
		    sort_hash(hash_head(one.bytes, one.len), one.bytes), one.bytes - 1};
	sort(refs, refs + n, n);
	old = *s;
	*s = (struct names_shard){0};
	err = merge_sorted(s, refs, n, sets, filter, ctx);
	free(refs);
	while (old.first != NULL) {
		struct names_chunk *next = old.first->next;

		free(old.first);
		old.first = next;
	}
	return err;
}
