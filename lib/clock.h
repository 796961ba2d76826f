/* clock.h - the time since boot, read once for each wake-up and passed down.
 *
 * The wall clock of a Raspberry Pi jumps by decades when the network comes up, so nothing that
 * counts down uses it.
 */
#ifndef QUELL_CLOCK_H
#define QUELL_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_MS 1000000

/* Milliseconds of CLOCK_BOOTTIME (it goes on in suspend, so a cached TTL does too). */
uint64_t clock_ms(void);

/* The same clock in nanoseconds, for what takes less. */
uint64_t clock_ns(void);

#define CLOCK_BOOT_SIZE 9
#define CLOCK_BOOT_FILE "/proc/sys/kernel/random/boot_id"

/* The beginning of the ID of this boot, and the terminator; empty, where the system does not tell. */
void clock_boot(char boot[CLOCK_BOOT_SIZE]);

#endif
