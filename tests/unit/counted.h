/* counted.h - every allocation of the modules under test comes through here (linked with --wrap). */
#ifndef QUELL_TESTS_COUNTED_H
#define QUELL_TESTS_COUNTED_H

#include <stddef.h>

extern struct counted {
	unsigned n;
	size_t size;
	unsigned fail_at; /* the allocation that fails, counted by `n`; 0: none */
} counted;

#endif
