/* cachefile.h - the cache as bytes: what is in the file that outlives a process.
 *
 *   head    magic and version, wall clock, boot and its clock, budget left, checksum
 *   block   length, checksum (of its number, too), entries      again and again
 *   block   of length 0: the end; a file without it is cut
 *
 *   entry   age, time to live, extended error, flags, perhaps a source, key, message
 *
 * The head is the parent's, the blocks are a worker's.  Whoever reads takes nothing on trust: a
 * checksum finds what a disk has done, and each entry is brought into normal form anew, as a reply
 * of an upstream is.  Integers are big endian.  No input or output, no allocation.
 */
#ifndef QUELL_CACHEFILE_H
#define QUELL_CACHEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/err.h"

#define CACHEFILE_HEAD_SIZE	  48
#define CACHEFILE_BLOCK_HEAD_SIZE 12
#define CACHEFILE_PAYLOAD_SIZE	  (1 << 17) /* any entry fits */
#define CACHEFILE_PAYLOAD_USUAL                                                                    \
	(1 << 14) /* a block is closed when it has so much: a short turn's work */

struct cachefile_head {
	uint64_t wall_s;	    /* when it was written, by the wall clock ... */
	uint64_t boot_ms;	    /* ... and by the clock that runs since boot, ... */
	char boot[CLOCK_BOOT_SIZE]; /* ... since this boot; empty: not known */
	uint64_t budget;	    /* bytes that might still be written then */
};

void cachefile_put_head(uint8_t out[CACHEFILE_HEAD_SIZE], const struct cachefile_head *head);

/* Returns 0 or ERR_FORMAT: another version, or damaged. */
int cachefile_get_head(
    struct cachefile_head *head, const uint8_t bytes[CACHEFILE_HEAD_SIZE]) QUELL_CHECK;

/* How old the entries have grown in a file with `head`, in *age_ms.  False: the clocks do not tell, for
 * the wall clock stands before the time of writing. */
bool cachefile_age(
    const struct cachefile_head *head, const struct cachefile_head *now, uint64_t *age_ms);

/* Put the head before the payload block[CACHEFILE_BLOCK_HEAD_SIZE..) of `len` bytes of block `number`,
 * from 0. */
void cachefile_seal(uint8_t *block, size_t len, uint32_t number);

/* The length of the payload behind this head of a block.  Returns 0 or ERR_FORMAT. */
int cachefile_length(const uint8_t head[CACHEFILE_BLOCK_HEAD_SIZE], size_t *len) QUELL_CHECK;

/* Is the block, with its payload of `len` bytes, as it was sealed as block `number`? */
bool cachefile_is_whole(const uint8_t *block, size_t len, uint32_t number);

struct cachefile_entry {
	uint64_t age_ms; /* when the file was written */
	uint32_t ttl_s;
	int16_t ede;
	bool is_private;    /* it leads to a private address, and nobody vouched for it */
	uint64_t source;    /* who said it, as a number; 0: the upstreams for all */
	const uint8_t *key; /* as cache_key() has it */
	size_t key_len;
	const uint8_t *msg;
	size_t msg_len;
};

/* Where it does not fit, `out` has failed. */
void cachefile_put(struct buf *out, const struct cachefile_entry *entry);

/* The entry at bytes[*pos..len), which it moves past; it borrows the bytes.  Returns 1, 0 at the end, or
 * ERR_FORMAT. */
int cachefile_next(
    const uint8_t *bytes, size_t len, size_t *pos, struct cachefile_entry *entry) QUELL_CHECK;

#endif
