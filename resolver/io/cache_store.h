/* cache_store.h - a worker's cache to and from the descriptors that the parent hands it, a block at a
 * time between other events: nobody who asks waits for it.
 *
 * It writes into a pipe, and knows no file; it reads a file that may have been damaged, and drops what is
 * not whole from there on, with a line in the log.
 */
#ifndef QUELL_CACHE_STORE_H
#define QUELL_CACHE_STORE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "resolver/core/query.h"

struct cache_store;

/* Both are borrowed.  NULL: no memory.  cache_store_free() closes what it reads and writes. */
struct cache_store *cache_store_new(struct event_base *base, struct query *core);
void cache_store_free(struct cache_store *s);

/* Write the blocks of the cache into `fd`, a pipe that does not block, which becomes ours; the end is the
 * block of length 0.  One that is being written is given up for it.  While there is still something to read,
 * nothing is written: what is saved is more than what is here. */
void cache_store_save(struct cache_store *s, int fd);

/* Read the blocks from `fd`, which becomes ours, from where it stands.  `age_ms`: how long ago they were
 * written; UINT64_MAX: not known, then they are old. */
void cache_store_load(struct cache_store *s, int fd, uint64_t age_ms);

#endif
