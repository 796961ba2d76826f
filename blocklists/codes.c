/* codes.c - lengths by Huffman's algorithm, codes from the lengths (RFC 1951, 3.2.2). */
#include "blocklists/codes.h"

#include <string.h>

#include "blocklists/bits.h"

/* Lengths for counts[0..n) into lens; returns the longest.  Huffman's algorithm with two queues
 * (van Leeuwen): leaves in ascending order, and inner nodes, which come into being in ascending
 * order. */
static unsigned make_lengths(uint8_t *lens, const uint64_t *counts, unsigned n)
{
	uint64_t weight[2 * CODES_SYMBOLS_MAX];
	uint16_t parent[2 * CODES_SYMBOLS_MAX], order[CODES_SYMBOLS_MAX];
	uint8_t depth[2 * CODES_SYMBOLS_MAX];
	unsigned n_leaves = 0, leaf = 0, inner, end, longest = 0;

	memset(lens, 0, n);
	for (unsigned symbol = 0; symbol < n; symbol++) {
		unsigned at = n_leaves;

		if (counts[symbol] == 0)
			continue;
		for (; at > 0 && counts[order[at - 1]] > counts[symbol]; at--)
			order[at] = order[at - 1];
		order[at] = (uint16_t)symbol;
		n_leaves++;
	}
	if (n_leaves <= 1) {
		if (n_leaves == 1)
			lens[order[0]] = 1;
		return n_leaves;
	}
	for (unsigned i = 0; i < n_leaves; i++)
		weight[i] = counts[order[i]];
	inner = end = n_leaves;
	while (end < 2 * n_leaves - 1) {
		weight[end] = 0;
		for (int child = 0; child < 2; child++) {
			bool take_leaf =
			    leaf < n_leaves && (inner == end || weight[leaf] <= weight[inner]);
			unsigned taken = take_leaf ? leaf++ : inner++;

			weight[end] += weight[taken];
			parent[taken] = (uint16_t)end;
		}
		end++;
	}
	depth[end - 1] = 0;
	for (unsigned i = end - 1; i-- > 0;) {
		depth[i] = (uint8_t)(depth[parent[i]] + 1);
		if (i < n_leaves)
			lens[order[i]] = depth[i];
		if (depth[i] > longest)
			longest = depth[i];
	}
	return longest;
}

static unsigned reversed(unsigned code, unsigned len)
{
	unsigned bits = 0;

	for (; len != 0; len--, code >>= 1)
		bits = bits << 1 | (code & 1);
	return bits;
}

/* The first code of each length, as a number whose highest bit comes first in the bits. */
static void first_codes(uint16_t first[CODES_LEN_MAX + 2], const uint16_t n_of[CODES_LEN_MAX + 2])
{
	unsigned code = 0;

	first[0] = 0;
	for (unsigned len = 1; len <= CODES_LEN_MAX + 1; len++) {
		code = (code + (len == 1 ? 0 : n_of[len - 1])) << 1;
		first[len] = (uint16_t)code;
	}
}

static void assign(codes_word *table, const uint8_t *lens, unsigned n)
{
	uint16_t next[CODES_LEN_MAX + 2], n_of[CODES_LEN_MAX + 2] = {0};

	for (unsigned symbol = 0; symbol < n; symbol++)
		n_of[lens[symbol]]++;
	first_codes(next, n_of);
	for (unsigned symbol = 0; symbol < n; symbol++) {
		unsigned len = lens[symbol];

		table[symbol] = len != 0 ? codes_make_word(reversed(next[len]++, len), len) : 0;
	}
}

void codes_make(codes_word *table, const uint64_t *counts, unsigned n)
{
	uint64_t flattened[CODES_SYMBOLS_MAX];
	uint8_t lens[CODES_SYMBOLS_MAX];

	memcpy(flattened, counts, n * sizeof(*counts));
	/* Too long a code: make the rare symbols a little less rare, until it is not. */
	while (make_lengths(lens, flattened, n) > CODES_LEN_MAX) {
		for (unsigned symbol = 0; symbol < n; symbol++)
			if (flattened[symbol] != 0)
				flattened[symbol] = flattened[symbol] / 2 + 1;
	}
	assign(table, lens, n);
}

static int read_slowly(const struct codes_reader *r, uint64_t bits, unsigned *len)
{
	unsigned code = 0;

	for (unsigned l = 1; l <= CODES_LEN_MAX; l++, bits >>= 1) {
		unsigned n_of = r->index[l + 1] - r->index[l];

		code = code << 1 | (unsigned)(bits & 1);
		if (code - r->first[l] < n_of) {
			*len = l;
			return r->symbols[r->index[l] + code - r->first[l]];
		}
	}
	return -1;
}

int codes_open(struct codes_reader *r, const codes_word *table, unsigned n)
{
	codes_word canonical[CODES_SYMBOLS_MAX];
	uint16_t n_of[CODES_LEN_MAX + 2] = {0}, next[CODES_LEN_MAX + 2] = {0};
	uint8_t lens[CODES_SYMBOLS_MAX] = {0};
	uint32_t space = 0;
	unsigned len;

	for (unsigned symbol = 0; symbol < n; symbol++) {
		len = codes_len(table[symbol]);
		if (len > CODES_LEN_MAX)
			return ERR_FORMAT;
		lens[symbol] = (uint8_t)len;
		n_of[len]++;
		space += len != 0 ? UINT32_C(1) << (CODES_LEN_MAX - len) : 0;
	}
	/* Complete; but a symbol alone has one bit. */
	if (n - n_of[0] > 1 ? space != UINT32_C(1) << CODES_LEN_MAX : n_of[1] != n - n_of[0])
		return ERR_FORMAT;
	assign(canonical, lens, n);
	if (memcmp(canonical, table, n * sizeof(*table)) != 0)
		return ERR_FORMAT;
	memset(r, 0, sizeof(*r));
	first_codes(r->first, n_of);
	for (len = 1; len <= CODES_LEN_MAX; len++)
		r->index[len + 1] = next[len + 1] = (uint16_t)(r->index[len] + n_of[len]);
	for (unsigned symbol = 0; symbol < n; symbol++) {
		len = lens[symbol];
		if (len == 0)
			continue;
		r->symbols[next[len]++] = (uint8_t)symbol;
		for (unsigned bits = codes_bits(table[symbol]);
		     len <= CODES_FAST_BITS && bits < 1u << CODES_FAST_BITS; bits += 1u << len)
			r->fast[bits] = (uint16_t)(symbol | len << 8);
	}
	return 0;
}

int codes_read(const struct codes_reader *r, uint64_t bits, unsigned *len)
{
	uint16_t fast = r->fast[bits_low(bits, CODES_FAST_BITS)];

	if (fast == 0)
		return read_slowly(r, bits, len);
	*len = fast >> 8;
	return fast & 0xff;
}
