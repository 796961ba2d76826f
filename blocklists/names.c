/* names.c - names in shards. */
#include "blocklists/names.h"

#include <stdlib.h>
#include <string.h>

#include "blocklists/format.h"
#include "blocklists/grow.h"

/* Records: length, bytes, [until the shard is merged: 16 bits of the hash of the two rightmost labels],
 * value. */

#define HASH_SIZE 2 /* bytes of it */

struct names_ref {
	uint32_t key; /* see sort_key() */
	uint32_t value;
	const uint8_t *record;
};

void names_init(struct names *names)
{
	memset(names, 0, sizeof(*names));
}

void names_clear(struct names *names, unsigned shard)
{
	chunks_free(&names->shards[shard].chunks);
	names->shards[shard].n = 0;
}

void names_fini(struct names *names)
{
	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++)
		names_clear(names, shard);
	names_init(names);
}

/* name[0..len), labels without the root, from the right into out[0..len). */
static void turn(const uint8_t *name, size_t len, uint8_t *out)
{
	while (len != 0) {
		size_t label = *name + 1u;

		len -= label;
		memcpy(out + len, name, label);
		name += label;
	}
}

size_t names_turn(const uint8_t *name, uint8_t out[NAME_SIZE])
{
	size_t len = name_len(name) - 1;

	turn(name, len, out);
	return len;
}

size_t names_turn_back(const uint8_t *turned, size_t len, uint8_t out[NAME_SIZE])
{
	turn(turned, len, out);
	out[len] = 0;
	return len + 1;
}

uint64_t names_hash(uint64_t seed, const uint8_t *turned, size_t len)
{
	uint8_t name[NAME_SIZE];

	return format_hash(seed, name, names_turn_back(turned, len, name) - 1);
}

#define SHARD_SHIFT 56 /* of a hash: the buckets stand in the order of its highest bits */

#define KEY_BITS (8 * HASH_SIZE + 8)

/* What names are sorted by first: some of the hash of the two rightmost labels, and above it a byte of
 * the last label, so that what has it in common comes together. */
static uint32_t sort_key(unsigned hash, const uint8_t *turned)
{
	unsigned top = 0;

	for (unsigned i = 0; i <= turned[0]; i++)
		top = top * 31 + turned[i];
	return (top & 0xff) << (8 * HASH_SIZE) | hash;
}

int names_add(struct names *names, const uint8_t *name, uint32_t value)
{
	size_t len = 0, last = 0, head = 0; /* where the two rightmost labels begin */
	struct names_shard *s;
	uint64_t hash;
	uint8_t *p;

	for (; name[len] != 0; len += name[len] + 1u) {
		head = last;
		last = len;
	}
	hash = format_hash(0, name + head, len - head);
	s = &names->shards[hash >> SHARD_SHIFT];
	p = chunks_room(&s->chunks, 1 + len + HASH_SIZE + BITS_NUMBER_MAX);
	if (p == NULL)
		return ERR_NOMEM;
	p[0] = (uint8_t)len;
	turn(name, len, p + 1);
	format_put(p + 1 + len, hash, HASH_SIZE);
	chunks_took(&s->chunks, bits_put_number(p + 1 + len + HASH_SIZE, value));
	s->n++;
	return 0;
}

static int put_merged(struct names_shard *s, const uint8_t *record, uint32_t value)
{
	size_t len = record[0];
	uint8_t *p = chunks_room(&s->chunks, 1 + len + BITS_NUMBER_MAX);

	if (p == NULL)
		return ERR_NOMEM;
	memcpy(p, record, 1 + len);
	chunks_took(&s->chunks, bits_put_number(p + 1 + len, value));
	s->n++;
	return 0;
}

struct names_cursor names_begin(const struct names *names, unsigned shard)
{
	return (struct names_cursor){names->shards[shard].chunks.first, 0};
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

/* By the hashes of the two rightmost labels; then by the names, and by their values.  The keys are
 * equal. */
static int compare(const struct names_ref *x, const struct names_ref *y)
{
	const uint8_t *p = x->record + 1, *q = y->record + 1;
	size_t p_len = x->record[0], q_len = y->record[0], head;
	int order = memcmp(p, q, p_len < q_len ? p_len : q_len);

	if (order == 0 && p_len == q_len)
		return x->value < y->value ? -1 : x->value > y->value;
	head = names_head(p, p_len, 2);
	if (head != names_head(q, q_len, 2) || memcmp(p, q, head) != 0) {
		uint64_t a = names_hash(0, p, head);
		uint64_t b = names_hash(0, q, names_head(q, q_len, 2));

		if (a >> KEY_BITS != b >> KEY_BITS)
			return a < b ? -1 : 1;
	}
	return order != 0 ? order : (int)p_len - (int)q_len;
}

#define SORT_BITS (KEY_BITS / 2) /* of a pass */

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
	return ref->key >> shift & ((1u << SORT_BITS) - 1);
}

/* By the keys with two passes of counting, which tell most families apart; then the runs in which they
 * are equal. */
static void sort(struct names_ref *refs, struct names_ref *spare, size_t n)
{
	struct names_ref *from = refs, *to = spare;

	for (unsigned shift = 0; shift < KEY_BITS; shift += SORT_BITS) {
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
		for (end = i + 1; end < n && refs[end].key == refs[i].key; end++)
			;
		if (end - i > 1)
			sort_group(refs + i, spare, end - i);
	}
}

static bool same_name(const struct names_ref *a, const struct names_ref *b)
{
	size_t len = a->record[0];

	return a->key == b->key && len == b->record[0] &&
	       memcmp(a->record + 1, b->record + 1, len) == 0;
}

/* The sets that single entries have, by their lowest bits: most names have one rule, of one of a few
 * lists. */
#define SINGLES 256
struct single {
	uint32_t entry, set; /* set 0: none */
};

static int find_set(struct sets *sets, struct single singles[SINGLES], const uint32_t *entries,
    size_t n, uint32_t *set)
{
	struct single *single = &singles[entries[0] % SINGLES];
	int err;

	if (n == 1 && single->set != 0 && single->entry == entries[0]) {
		*set = single->set;
		return 0;
	}
	err = sets_intern(sets, entries, n, set);
	if (n == 1 && err == 0)
		*single = (struct single){entries[0], *set};
	return err;
}

/* Names with the entries that stand in the sorted refs, as (name, set) into *to. */
static int merge_sorted(struct names_shard *to, const struct names_ref *refs, size_t n,
    struct sets *sets, names_filter_fn *filter, void *ctx)
{
	struct single singles[SINGLES] = {{0}};
	uint32_t *entries = NULL;
	size_t entries_size = 0;
	int err = 0;

	for (size_t i = 0, end; i < n && err == 0; i = end) {
		const uint8_t *record = refs[i].record;
		size_t n_entries = 0;
		uint32_t set;

		for (end = i; end < n && (end == i || same_name(&refs[end], &refs[i])); end++) {
			if (n_entries != 0 && entries[n_entries - 1] == refs[end].value)
				continue;
			err =
			    grow((void **)&entries, &entries_size, n_entries + 1, sizeof(*entries));
			if (err != 0)
				break;
			entries[n_entries++] = refs[end].value;
		}
		if (err == 0 && filter != NULL)
			filter(ctx, record + 1, record[0], entries, &n_entries);
		if (err != 0 || n_entries == 0)
			continue;
		err = find_set(sets, singles, entries, n_entries, &set);
		if (err == 0) {
			sets->of[set].n_uses++;
			err = put_merged(to, record, set);
		}
	}
	free(entries);
	return err;
}

/* A ref for each record of a shard. */
static size_t make_refs(struct names_ref *refs, const struct names_shard *s)
{
	size_t n = 0;

	for (const struct chunk *chunk = s->chunks.first; chunk != NULL; chunk = chunk->next) {
		const uint8_t *p = chunk->bytes, *end = chunk->bytes + chunk->len;

		for (; p < end; n++) {
			const uint8_t *behind = p + 1 + p[0];

			refs[n].record = p;
			refs[n].key = sort_key(format_get_u16(behind), p + 1);
			p = bits_get_number(behind + HASH_SIZE, &refs[n].value);
		}
	}
	return n;
}

int names_merge(
    struct names *names, unsigned shard, struct sets *sets, names_filter_fn *filter, void *ctx)
{
	struct names_shard *s = &names->shards[shard], old;
	struct names_ref *refs = reallocarray(NULL, 2 * s->n + 1, sizeof(*refs));
	size_t n;
	int err;

	if (refs == NULL)
		return ERR_NOMEM;
	n = make_refs(refs, s);
	sort(refs, refs + n, n);
	old = *s;
	*s = (struct names_shard){0};
	err = merge_sorted(s, refs, n, sets, filter, ctx);
	free(refs);
	chunks_free(&old.chunks);
	return err;
}
