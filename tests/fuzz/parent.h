/* parent.h - a parent without processes: struct server as far as the control socket asks of it, and workers that
 * the target plays.  What they are asked waits here until the target answers it.
 */
#ifndef QUELL_FUZZ_PARENT_H
#define QUELL_FUZZ_PARENT_H

#include "resolver/server.h"

#define PARENT_WORKERS_MAX 4

/* What a worker was asked last; type 0: nothing that it has not answered. */
struct parent_asked {
	uint32_t type, serial;
};
extern struct parent_asked parent_asked[PARENT_WORKERS_MAX];

/* The one parent, as it is at its start, with so many workers. */
struct server *parent_fresh(unsigned n_workers);

/* Message `type` from a worker as the answer to what it was asked. */
void parent_answer(
    struct server *s, unsigned worker, uint32_t type, const void *payload, size_t len);

/* How long a sound message of this type is; 0: there is none from a worker. */
size_t parent_size(uint32_t type);

/* An answer to a client, whatever workers have said: `ok` and lines of a key and a value, or `error` and a reason;
 * text all of it, and not too long for quellctl. */
void parent_check_answer(const char *text, size_t len);

#endif
