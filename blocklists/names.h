/* names.h - the names of an image that is being built: kept in shards by the hash of their two
 * rightmost labels, so that what hangs together lies together and is sorted within the processor's
 * cache; and most of a shard goes to buckets that stand together.
 *
 *   names_add()   (name, entry) as they come  -->  names_merge()  (name, set), sorted, each once
 *
 * A name is kept from the right: 3com7example3ads, without the root.  In this form a parent is the
 * beginning of its children, and the bytes' own order puts it right before them.
 */
#ifndef QUELL_NAMES_H
#define QUELL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/chunks.h"
#include "blocklists/sets.h"
#include "lib/dns/name.h"
#include "lib/err.h"

#define NAMES_SHARDS 256

/* format_hash() of a turned name. */
uint64_t names_hash(uint64_t seed, const uint8_t *turned, size_t len);

/* A name from the right, borrowed from the shard. */
struct names_one {
	const uint8_t *bytes;
	uint8_t len;
	uint32_t value; /* the id of a set */
};

struct names {
	struct names_shard {
		struct chunks chunks;
		size_t n;
	} shards[NAMES_SHARDS];
};

void names_init(struct names *names);
void names_fini(struct names *names);

/* `name` (wire form) from the right into out; returns its length without the root. */
size_t names_turn(const uint8_t *name, uint8_t out[NAME_SIZE]);
/* And back, from one of len bytes; returns the length with the root. */
size_t names_turn_back(const uint8_t *turned, size_t len, uint8_t out[NAME_SIZE]);

/* Add the name `name` (wire form), copied.  Returns 0 or ERR_NOMEM. */
int names_add(struct names *names, const uint8_t *name, uint32_t value) QUELL_CHECK;

/* Called with all entries of one name, sorted, without doubles; may take some out (*n). */
typedef void names_filter_fn(
    void *ctx, const uint8_t *turned, size_t len, uint32_t *entries, size_t *n);

/* Bring a shard into its final form: sorted, each name once, with the set of its entries; a name
 * without entries is left out.  Returns 0, ERR_NOMEM or ERR_LIMIT. */
int names_merge(struct names *names, unsigned shard, struct sets *sets, names_filter_fn *filter,
    void *ctx) QUELL_CHECK;

/* Reading a merged shard in order, from names_begin() on; false: *one is behind the last. */
struct names_cursor {
	const struct chunk *chunk;
	size_t at;
};
struct names_cursor names_begin(const struct names *names, unsigned shard);
bool names_next(struct names_cursor *c, struct names_one *one);

/* Drop a shard's names. */
void names_clear(struct names *names, unsigned shard);

/* Bytes of the first `labels` labels of a turned name. */
static inline size_t names_head(const uint8_t *turned, size_t len, unsigned labels)
{
	size_t off = 0;

	while (labels-- != 0 && off < len)
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): of `len` bytes */
		off += turned[off] + 1u;
	return off;
}

#endif
