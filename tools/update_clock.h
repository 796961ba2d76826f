/* update_clock.h - whether the wall clock has been set, and a wait until it is.
 *
 * A Raspberry Pi without a battery starts in the past, where every certificate is "not yet valid".
 */
#ifndef QUELL_UPDATE_CLOCK_H
#define QUELL_UPDATE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* When this program was built, in s since 1970: the beginning of that day somewhere. */
int64_t update_clock_built_s(void);

/* False: the clock is before the day on which this program was built. */
bool update_clock_is_set(void);

/* A descriptor, owned by the caller, that can be read as soon as the clock is set anew
 * (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).  -1: none is to be had. */
int update_clock_watch(void);

#endif
