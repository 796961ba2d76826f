/* steer.h - the sockets of several workers at one UDP address: which one gets a query.
 *
 *   query ---> kernel: hash of the first bytes of the name ---> socket 0 .. n-1, one for each worker
 *
 * The same question always comes to the same worker, whoever asks it, in whatever letter case: so the cache is
 * one, in parts; an old answer is found when it is needed; and nobody gets one answer now, and another then.
 *
 * The kernel does it, by a program of a few instructions (classic BPF, SO_ATTACH_REUSEPORT_CBPF, Linux 4.5).
 */
#ifndef QUELL_STEER_H
#define QUELL_STEER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/* Let others be bound to the address of `fd`, a socket that is bound, or is to be bound beside one that is.  Until
 * then it is bound exclusively; and no socket for which this was not said can be bound there afterwards.
 * Returns 0, or -1 with errno. */
int steer_share(int fd) QUELL_CHECK;

/* Give each of the `n` sockets (2 to 65535) at the address of `fd`, in the order in which they were bound, its part of the
 * queries from now on.  Returns 0, or -1 with errno. */
int steer_attach(int fd, unsigned n) QUELL_CHECK;

/* Which of n workers gets a question for name[0..len), of `type` and class IN, over UDP.  (With a name of less than
 * seven bytes that has OPT behind it: perhaps another.) */
unsigned steer_worker(const uint8_t *name, size_t len, uint16_t type, unsigned n);

#endif
