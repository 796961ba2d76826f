/* fuzz.h - what every fuzz target shares: the entry that libFuzzer calls (replay.c calls it too), and a check
 * that both take for a crash.
 */
#ifndef QUELL_FUZZ_H
#define QUELL_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			__builtin_trap();                                                          \
	} while (0)

/* Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
