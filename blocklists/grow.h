/* grow.h - arrays that grow while an image is built, and the memory that they leave behind. */
#ifndef QUELL_GROW_H
#define QUELL_GROW_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "lib/err.h"

/* Room for `need` elements of `elem` bytes in *array, which has *size of them.  Returns 0, ERR_NOMEM,
 * or ERR_LIMIT where they could not be numbered in 32 bits. */
static inline int grow(void **array, size_t *size, size_t need, size_t elem)
{
	size_t larger = *size < 64 ? 64 : *size;
	void *p;

	if (need <= *size)
		return 0;
	if (need > UINT32_MAX)
		return ERR_LIMIT;
	while (larger < need)
		larger += larger / 2;
	if (larger > UINT32_MAX)
		larger = UINT32_MAX;
	p = larger <= SIZE_MAX / elem ? realloc(*array, larger * elem) : NULL;
	if (p == NULL)
		return ERR_NOMEM;
	*array = p;
	*size = larger;
	return 0;
}

/* Give free memory back to the system, which malloc() would keep piecemeal: it is more than an
 * image takes. */
static inline void grow_give_back(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

#endif
