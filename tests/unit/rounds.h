/* rounds.h - how often a test tries what it makes up. */
#ifndef QUELL_TESTS_ROUNDS_H
#define QUELL_TESTS_ROUNDS_H

#include <stdlib.h>

/* `n`, or a tenth of it where each instruction costs many (valgrind, an emulator). */
static inline unsigned rounds(unsigned n)
{
	return getenv("QUELL_WRAPPER") != NULL ? n / 10 : n;
}

#endif
