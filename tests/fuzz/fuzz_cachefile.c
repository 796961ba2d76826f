/* fuzz_cachefile.c - any bytes as the entries of a saved cache.
 *
 * The input: a byte of age (255: not known), then entries as cachefile.h has them.
 * Invariants: whatever is taken is written again, and what was written is taken again, all of it, byte for byte;
 * so nothing is in the cache that is not in its normal form.
 */
#include <stdlib.h>
#include <string.h>

#include "resolver/core/cachefile.h"
#include "resolver/core/query.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS 5000000

static void net_arm(void *ctx, uint64_t at_ms)
{
	(void)ctx, (void)at_ms;
}

static struct query *core(void)
{
	static const struct query_net net = {.arm = net_arm};
	static const struct options options = {
	    .cache_size = 1 << 20,
	    .cache_max_ttl_s = 86400,
	    .cache_negative_ttl_s = 3600,
	    .stale = true,
	    .stale_max_s = 86400,
	    .questions_max = 8,
	    .udp_size = 1232,
	};
	struct query *q;
	struct rng rng;

	rng_init_fixed(&rng, 1);
	CHECK(query_new(&q, &options, &net, &rng) == 0);
	return q;
}

/* All of the cache into out[0..size); where it does not fit, the first part. */
static size_t save_all(struct query *q, uint8_t *out, size_t size)
{
	struct cache_walk at = {0};
	size_t len = 0, n;

	while (size - len >= CACHEFILE_PAYLOAD_SIZE &&
	       (n = query_save(q, &at, NOW_MS, out + len, CACHEFILE_PAYLOAD_SIZE)) != 0)
		len += n;
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t once[1 << 21], twice[1 << 21];
	struct query *q;
	uint64_t age_ms;
	size_t len;
	int n;

	if (size == 0)
		return 0;
	age_ms = data[0] == 255 ? UINT64_MAX : data[0] * UINT64_C(1000);
	q = core();
	n = query_load(q, data + 1, size - 1, age_ms, NOW_MS);
	CHECK(n >= 0 || n == ERR_FORMAT);
	len = save_all(q, once, sizeof(once));
	query_free(q);

	q = core();
	CHECK(query_load(q, once, len, 0, NOW_MS) >= (n > 0 ? 1 : 0));
	CHECK(save_all(q, twice, sizeof(twice)) == len);
	CHECK(memcmp(once, twice, len) == 0);
	query_free(q);
	return 0;
}
