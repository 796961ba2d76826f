/* chunks.h - bytes put one behind the other, in chunks of one size, so that what one such store gives
 * back serves the next.
 */
#ifndef QUELL_CHUNKS_H
#define QUELL_CHUNKS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define CHUNK_SIZE 8160 /* with malloc()'s own bytes two pages */
#define CHUNK_ROOM (CHUNK_SIZE - 2 * sizeof(void *))

struct chunk {
	struct chunk *next;
	size_t len;
	uint8_t bytes[CHUNK_ROOM];
};

struct chunks {
	struct chunk *first, *last;
};

/* Room for `n` <= CHUNK_ROOM bytes in one piece; NULL: no memory. */
static inline uint8_t *chunks_room(struct chunks *c, size_t n)
{
	if (c->last == NULL || CHUNK_ROOM - c->last->len < n) {
		struct chunk *chunk = malloc(sizeof(*chunk));

		if (chunk == NULL)
			return NULL;
		chunk->next = NULL;
		chunk->len = 0;
		*(c->last != NULL ? &c->last->next : &c->first) = chunk;
		c->last = chunk;
	}
	return c->last->bytes + c->last->len;
}

/* Of that room the bytes before `end` were taken. */
static inline void chunks_took(struct chunks *c, const uint8_t *end)
{
	c->last->len = (size_t)(end - c->last->bytes);
}

static inline void chunks_free(struct chunks *c)
{
	while (c->first != NULL) {
		struct chunk *next = c->first->next;

		free(c->first);
		c->first = next;
	}
	c->last = NULL;
}

#endif
