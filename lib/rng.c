/* rng.c - blocks of getrandom(2), given out from the front. */
#include "lib/rng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SPLITMIX_STEP 0x9e3779b97f4a7c15u /* 2^64 divided by the golden ratio, odd */

/* splitmix64 (Steele, Lea, Flood 2014): a counter with a strong output mix. */
static uint64_t rng_splitmix(uint64_t *state)
{
	uint64_t z;

	*state += SPLITMIX_STEP;
	if (*state == 0) /* 0 stands for "not fixed" */
		*state = SPLITMIX_STEP;
	z = *state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void rng_refill_fixed(struct rng *r)
{
	for (size_t i = 0; i < RNG_BLOCK; i += sizeof(uint64_t)) {
		uint64_t word = rng_splitmix(&r->fixed_state);

		memcpy(r->block + i, &word, sizeof(word));
	}
}

static void rng_refill_kernel(struct rng *r)
{
	size_t have = 0;

	while (have < RNG_BLOCK) {
		ssize_t n = getrandom(r->block + have, RNG_BLOCK - have, 0);

		if (n > 0) {
			have += (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			perror("getrandom");
			abort();
		}
	}
}

void rng_init(struct rng *r)
{
	*r = (struct rng){.used = RNG_BLOCK};
}

void rng_init_fixed(struct rng *r, uint64_t seed)
{
	rng_init(r);
	r->fixed_state = seed != 0 ? seed : SPLITMIX_STEP;
}

void rng_bytes(struct rng *r, void *out, size_t len)
{
	uint8_t *to = out;

	while (len > 0) {
		size_t n;

		if (r->used == RNG_BLOCK) {
			if (r->fixed_state != 0)
				rng_refill_fixed(r);
			else
				rng_refill_kernel(r);
			r->used = 0;
		}
		n = RNG_BLOCK - r->used;
		if (n > len)
			n = len;
		memcpy(to, r->block + r->used, n);
		/* What was given out can no longer be read here, nor in a core file. */
		memset(r->block + r->used, 0, n);
		r->used += n;
		to += n;
		len -= n;
	}
}

uint16_t rng_u16(struct rng *r)
{
	uint16_t v;

	rng_bytes(r, &v, sizeof(v));
	return v;
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	/* 2^32 mod n: below it lie the draws that would favour the small results. */
	uint32_t biased = -n % n;
	uint32_t v;

	do
		rng_bytes(r, &v, sizeof(v));
	while (v < biased);
	return v % n;
}
