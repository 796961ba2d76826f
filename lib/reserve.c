/* reserve.c - blocks that are given back at once, which malloc(3) keeps for the next. */
#include "lib/reserve.h"

#include <stdlib.h>

#define BLOCK ((size_t)64 << 10) /* less than what malloc(3) maps by itself, and gives back */

/* The start of one tells where the next is. */
struct block {
	struct block *next;
	char rest[BLOCK - sizeof(struct block *)];
};

int reserve_take(struct reserve *r, size_t len)
{
	struct block *all = NULL, *block = NULL;
	size_t have = 0;

	for (; have < len; have += BLOCK) {
		block = malloc(sizeof(*block));
		if (block == NULL)
			break;
		block->next = all;
		all = block;
	}
	r->guard = have >= len ? malloc(1) : NULL;
	while ((block = all) != NULL) {
		all = block->next;
		free(block);
	}
	return r->guard != NULL ? 0 : ERR_NOMEM;
}

void reserve_drop(struct reserve *r)
{
	free(r->guard);
}
