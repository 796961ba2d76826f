/* sets.h - the sets of rules that names have, each kept once: a list of entries (format.h), sorted,
 * without doubles.  Most names of a list share one set.
 */
#ifndef QUELL_SETS_H
#define QUELL_SETS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct sets_one {
	uint64_t hash;
	uint64_t n_uses; /* names that have it */
	uint32_t off, n; /* among the entries */
	uint32_t number; /* in the image, when sets_number() has given it: from 1 */
};

struct sets {
	struct sets_one *of; /* by id; 0 is the empty set */
	size_t n, size;
	uint32_t *entries;
	size_t n_entries, entries_size;
	uint32_t *index; /* of ids by hash, open addressing */
	size_t index_size;
};

/* Returns 0 or ERR_NOMEM.  Free with sets_fini(). */
int sets_init(struct sets *s) QUELL_CHECK;
void sets_fini(struct sets *s);

/* The id of the set of entries[0..n), sorted and without doubles.  Returns 0, ERR_NOMEM or
 * ERR_LIMIT. */
int sets_intern(struct sets *s, const uint32_t *entries, size_t n, uint32_t *id) QUELL_CHECK;

/* Number the sets by how many use them, the most used first, then by their entries: order[0..n - 1)
 * (of the caller, s->n elements) gets their ids in that order. */
void sets_number(struct sets *s, uint32_t *order);

#endif
