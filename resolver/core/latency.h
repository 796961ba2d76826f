/* latency.h - how long answers took: a histogram for each stage at which a query can be answered.
 *
 * Log-linear buckets: up to 16 ns one each, and from there on 16 for each power of two, so that a
 * figure read from them is at most 1/16 above the true one.  Nothing is allocated, and nothing here
 * reads a clock.
 *
 * What the figures mean (quellctl(8) says it, too):
 *   blocked, cached   from the wake-up that found the query in the socket until the answers to all
 *                     queries of its batch were handed to the kernel.  How long it lay in the
 *                     socket before is not known.
 *   forwarded         from the wake-up that brought the query to the one that brought its answer, or
 *                     the end of its time; in whole milliseconds, rounded down.
 */
#ifndef QUELL_LATENCY_H
#define QUELL_LATENCY_H

#include <stdint.h>

enum latency_stage {
	LATENCY_BLOCKED,   /* decided on the name, by rules or lists */
	LATENCY_CACHED,	   /* decided on an answer in the cache */
	LATENCY_FORWARDED, /* it had to wait for an upstream */
	LATENCY_N_STAGES,
};

#define LATENCY_FINE_BITS 4  /* buckets for each power of two, as a power of two */
#define LATENCY_BITS	  36 /* what takes longer, 69 s, counts as that long */
#define LATENCY_BUCKETS	  ((LATENCY_BITS - LATENCY_FINE_BITS + 1) << LATENCY_FINE_BITS)

struct latency {
	uint64_t n;
	uint64_t max_ns;
	uint64_t bucket[LATENCY_BUCKETS];
};

/* `n` answers took `ns` each.  About 20 instructions. */
void latency_count(struct latency *l, uint64_t ns, uint64_t n);

/* Add the counts of `from` to `to`. */
void latency_add(struct latency *to, const struct latency *from);

/* So long took `permille` (0 to 1000) of a thousand answers at most; 0 where there were none. */
uint64_t latency_percentile_ns(const struct latency *l, unsigned permille);

#endif
