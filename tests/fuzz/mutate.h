/* mutate.h - changes to a DNS message that leave it one, mostly: for the targets that read packets, where a
 * change of any byte is nearly always a broken length or count.
 */
#ifndef QUELL_FUZZ_MUTATE_H
#define QUELL_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Change msg[0..len), which may be any bytes, into another message of at most `max` bytes, by one step that
 * `seed` chooses.  Returns its length. */
size_t mutate_message(uint8_t *msg, size_t len, size_t max, unsigned seed);

/* libFuzzer's own mutation of data[0..size), in its place. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* What libFuzzer calls. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

#endif
