/* rng.h - random numbers that an attacker cannot predict (getrandom(2), fetched in blocks).
 *
 * The state belongs to one process: a child must call rng_init() anew, or it would draw what its
 * parent draws.  Tests use rng_init_fixed() for a run that can be repeated.
 */
#ifndef QUELL_RNG_H
#define QUELL_RNG_H

#include <stddef.h>
#include <stdint.h>

#define RNG_BLOCK 512 /* bytes fetched by one system call */

struct rng {
	uint8_t block[RNG_BLOCK];
	size_t used;	      /* bytes of block already given out; RNG_BLOCK: empty */
	uint64_t fixed_state; /* not 0: the deterministic generator of tests */
};

void rng_init(struct rng *r);

/* Deterministic (splitmix64 of `seed`, never 0): for tests only. */
void rng_init_fixed(struct rng *r, uint64_t seed);

/* Fill `len` bytes.  Cannot fail: where the kernel gives no random bytes the process ends, since
 * predictable IDs would be worse than none. */
void rng_bytes(struct rng *r, void *out, size_t len);

uint16_t rng_u16(struct rng *r);

/* Uniform in [0, n), n > 0; without modulo bias. */
uint32_t rng_below(struct rng *r, uint32_t n);

#endif
