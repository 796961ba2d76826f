/* coverage.h - included everywhere in a build that counts coverage: processes that end by _exit() are counted too. */
#ifndef QUELL_COVERAGE_H
#define QUELL_COVERAGE_H

#include <unistd.h>

void __gcov_dump(void); /* libgcov's */

static inline __attribute__((noreturn)) void coverage_exit(int status)
{
	__gcov_dump();
	_exit(status);
}

#define _exit(status) coverage_exit(status)

#endif
