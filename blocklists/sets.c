/* sets.c - sets of entries, interned. */
#include "blocklists/sets.h"

#include <stdlib.h>
#include <string.h>

#include "blocklists/grow.h"
#include "lib/hash.h"

static uint64_t hash_of(const uint32_t *entries, size_t n)
{
	static const struct hash_key key = {0, 0};

	return hash_siphash13(&key, entries, n * sizeof(*entries));
}

static void index_put(struct sets *s, uint32_t id)
{
	size_t at = (size_t)s->of[id].hash;

	while (s->index[at & (s->index_size - 1)] != 0)
		at++;
	s->index[at & (s->index_size - 1)] = id;
}

/* Room in the index for one more, at most three quarters full. */
static int index_reserve(struct sets *s)
{
	size_t size = s->index_size;
	uint32_t *index;

	if (s->n < size / 4 * 3)
		return 0;
	size = size != 0 ? 2 * size : 1024;
	index = calloc(size, sizeof(*index));
	if (index == NULL)
		return ERR_NOMEM;
	free(s->index);
	s->index = index;
	s->index_size = size;
	for (uint32_t id = 1; id < s->n; id++)
		index_put(s, id);
	return 0;
}

int sets_init(struct sets *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	err = grow((void **)&s->of, &s->size, 1, sizeof(*s->of));
	if (err != 0)
		return err;
	s->of[0] = (struct sets_one){0};
	s->n = 1;
	return 0;
}

void sets_fini(struct sets *s)
{
	free(s->of);
	free(s->entries);
	free(s->index);
	memset(s, 0, sizeof(*s));
}

int sets_intern(struct sets *s, const uint32_t *entries, size_t n, uint32_t *id)
{
	uint64_t hash = hash_of(entries, n);
	int err;

	*id = 0;
	if (n == 0)
		return 0;
	for (size_t at = (size_t)hash; s->index_size != 0; at++) {
		const struct sets_one *one;

		*id = s->index[at & (s->index_size - 1)];
		if (*id == 0)
			break;
		one = &s->of[*id];
		if (one->hash == hash && one->n == n &&
		    memcmp(s->entries + one->off, entries, n * sizeof(*entries)) == 0)
			return 0;
	}
	err = grow((void **)&s->of, &s->size, s->n + 1, sizeof(*s->of));
	if (err == 0)
		err = grow(
		    (void **)&s->entries, &s->entries_size, s->n_entries + n, sizeof(*s->entries));
	if (err == 0)
		err = index_reserve(s);
	if (err != 0)
		return err;
	memcpy(s->entries + s->n_entries, entries, n * sizeof(*entries));
	*id = (uint32_t)s->n++;
	s->of[*id] =
	    (struct sets_one){.hash = hash, .off = (uint32_t)s->n_entries, .n = (uint32_t)n};
	s->n_entries += n;
	index_put(s, *id);
	return 0;
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct sets *s = ctx;
	const struct sets_one *x = &s->of[*(const uint32_t *)a], *y = &s->of[*(const uint32_t *)b];

	if (x->n_uses != y->n_uses)
		return x->n_uses > y->n_uses ? -1 : 1;
	for (uint32_t i = 0; i < x->n && i < y->n; i++) {
		uint32_t p = s->entries[x->off + i], q = s->entries[y->off + i];

		if (p != q)
			return p < q ? -1 : 1;
	}
	return x->n != y->n ? (x->n < y->n ? -1 : 1) : 0;
}

void sets_number(struct sets *s, uint32_t *order)
{
	size_t n = s->n - 1;

	for (uint32_t i = 0; i < n; i++)
		order[i] = i + 1;
	qsort_r(order, n, sizeof(*order), compare, s);
	for (uint32_t i = 0; i < n; i++)
		s->of[order[i]].number = i + 1;
}
