/* latency.c - counting into log-linear buckets, and reading from them. */
#include "resolver/core/latency.h"

#define FINE   ((uint64_t)1 << LATENCY_FINE_BITS)
#define NS_MAX (((uint64_t)1 << LATENCY_BITS) - 1)

static unsigned bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < FINE)
		return (unsigned)ns;
	if (ns > NS_MAX)
		ns = NS_MAX;
	/* The highest set bit and the FINE_BITS below it. */
	shift = 63 - (unsigned)__builtin_clzll(ns) - LATENCY_FINE_BITS;
	return (unsigned)((shift << LATENCY_FINE_BITS) + (ns >> shift));
}

/* The highest value that is counted there. */
static uint64_t bucket_end_ns(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2 * FINE)
		return bucket;
	shift = (bucket >> LATENCY_FINE_BITS) - 1;
	return (((bucket & (FINE - 1)) + FINE + 1) << shift) - 1;
}

void latency_count(struct latency *l, uint64_t ns, uint64_t n)
{
	l->n += n;
	l->bucket[bucket_of(ns)] += n;
	if (ns > l->max_ns && n != 0)
		l->max_ns = ns;
}

void latency_add(struct latency *to, const struct latency *from)
{
	to->n += from->n;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

uint64_t latency_percentile_ns(const struct latency *l, unsigned permille)
{
	/* The rank of the answer asked for, from 1: no smaller part than asked took that long. */
	uint64_t rank = l->n / 1000 * permille + (l->n % 1000 * permille + 999) / 1000, seen = 0;
	uint64_t end_ns;

	if (l->n == 0)
		return 0;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		seen += l->bucket[i];
		if (seen != 0 && seen >= rank) {
			end_ns = bucket_end_ns(i);
			return end_ns < l->max_ns ? end_ns : l->max_ns;
		}
	}
	return l->max_ns;
}
