/* patterns.c - look-ups in the section of expressions. */
#include "blocklists/patterns.h"

#include <string.h>

#include "blocklists/format.h"
#include "blocklists/patterns_format.h"

int patterns_open(struct patterns *p, const uint8_t *bytes, size_t len, struct why *why)
{
	struct patterns o = {.bytes = bytes, .len = len};
	uint64_t n_buckets, fixed;

	*p = (struct patterns){.n = 0};
	if (len < PATTERNS_HEADER)
		return why_set(why, ERR_FORMAT, "the expressions have no header");
	o.n = format_get_u32(bytes + PATTERNS_AT_N);
	o.n_entries = format_get_u32(bytes + PATTERNS_AT_ENTRIES);
	o.tables_len = format_get_u32(bytes + PATTERNS_AT_TABLES_LEN);
	o.bucket_bits = bytes[PATTERNS_AT_BUCKET_BITS];
	o.lengths = bytes[PATTERNS_AT_LENGTHS];
	if (o.n > PATTERNS_MAX || o.bucket_bits > PATTERNS_BUCKET_BITS_MAX)
		return why_set(why, ERR_FORMAT, "too many expressions, or buckets for them");
	n_buckets = UINT64_C(1) << o.bucket_bits;
	fixed = PATTERNS_HEADER + 2 * n_buckets + 4 * (n_buckets + 1) + 8 * (uint64_t)o.n_entries +
		8 * (uint64_t)o.n + o.tables_len;
	if (fixed > len || len - fixed > UINT32_MAX)
		return why_set(why, ERR_FORMAT, "the expressions do not fit into their part");
	o.filters = bytes + PATTERNS_HEADER;
	o.buckets = o.filters + 2 * n_buckets;
	o.entries = o.buckets + 4 * (n_buckets + 1);
	o.ends = o.entries + 8 * (size_t)o.n_entries;
	o.tables = o.ends + 8 * (size_t)o.n;
	o.texts = o.tables + o.tables_len;
	o.texts_len = (uint32_t)(len - fixed);
	*p = o;
	return 0;
}

/* Part `number` of those that end at the u32 at ends[8 * number]: NULL where they are damaged. */
static const uint8_t *part_of(
    const uint8_t *ends, uint32_t number, const uint8_t *parts, uint32_t parts_len, uint32_t *len)
{
	uint32_t from = number == 0 ? 0 : format_get_u32(ends + 8 * (size_t)number - 8);
	uint32_t to = format_get_u32(ends + 8 * (size_t)number);

	if (from > to || to > parts_len)
		return NULL;
	*len = to - from;
	return parts + from;
}

/* A name as symbols, between its ends. */
static unsigned subject_of(const uint8_t *name, uint8_t subject[NAME_SIZE + 1])
{
	unsigned n = 0;

	subject[n++] = REGEX_BEGIN;
	while (*name != 0) {
		if (n != 1)
			subject[n++] = regex_symbol('.');
		for (unsigned i = 1; i <= *name; i++) {
			/* A dot inside of a label is none. */
			subject[n++] = name[i] == '.' ? REGEX_OTHER : regex_symbol(name[i]);
		}
		name += *name + 1;
	}
	subject[n++] = REGEX_END;
	return n;
}

static bool table_accepts(const uint8_t *table, uint32_t len, const uint8_t *symbols, unsigned n)
{
	const uint8_t *class_of = table + PATTERNS_TABLE_AT_CLASS_OF, *accepts, *next;
	unsigned n_states, first_sink, n_classes, size, state = 0;

	if (len < PATTERNS_TABLE_HEADER)
		return false;
	n_states = format_get_u16(table + PATTERNS_TABLE_AT_STATES);
	first_sink = format_get_u16(table + PATTERNS_TABLE_AT_FIRST_SINK);
	n_classes = table[PATTERNS_TABLE_AT_CLASSES];
	size = patterns_next_size(n_states);
	accepts = table + PATTERNS_TABLE_HEADER;
	next = accepts + (n_states + 7) / 8;
	if (n_states == 0 || first_sink > n_states ||
	    len != PATTERNS_TABLE_HEADER + (n_states + 7) / 8 + first_sink * n_classes * size)
		return false;
	for (unsigned i = 0; i < n && state < first_sink; i++) {
		unsigned class = class_of[symbols[i]], at = (state * n_classes + class) * size;

		if (class >= n_classes)
			return false;
		state = size == 1 ? next[at] : format_get_u16(next + at);
	}
	return state < n_states && (accepts[state / 8] >> state % 8 & 1) != 0;
}

/* One name on its way through all expressions. */
struct match {
	const struct patterns *p;
	uint8_t subject[NAME_SIZE + 1]; /* its ends included */
	unsigned n_symbols;
	void (*found)(void *ctx, uint32_t number);
	void *ctx;
	uint8_t seen[PATTERNS_MAX / 8];
};

static void try_candidate(struct match *m, uint32_t number)
{
	const struct patterns *p = m->p;
	const uint8_t *table;
	uint32_t len;

	if (number >= p->n || (m->seen[number / 8] >> number % 8 & 1) != 0)
		return;
	m->seen[number / 8] |= (uint8_t)(1 << number % 8);
	table = part_of(p->ends, number, p->tables, p->tables_len, &len);
	if (table != NULL && table_accepts(table, len, m->subject + 1, m->n_symbols - 2))
		m->found(m->ctx, number);
}

static uint64_t entry_at(const struct patterns *p, uint32_t i)
{
	return format_get_u64(p->entries + 8 * (size_t)i);
}

/* Could there be expressions that have the literal of this entry? */
static bool filter_passes(const struct patterns *p, uint64_t entry)
{
	uint32_t bit = patterns_first_bits(entry, p->bucket_bits + PATTERNS_FILTER_BITS);

	return (p->filters[bit / 8] >> bit % 8 & 1) != 0;
}

static void try_entry(struct match *m, uint64_t entry)
{
	const struct patterns *p = m->p;
	const uint8_t *bucket = p->buckets + 4 * patterns_first_bits(entry, p->bucket_bits);
	uint32_t from = format_get_u32(bucket), to = format_get_u32(bucket + 4);

	if (to > p->n_entries)
		return;
	for (uint32_t end = to; from < end;) {
		uint32_t middle = from + (end - from) / 2;

		if (entry_at(p, middle) < entry)
			from = middle + 1;
		else
			end = middle;
	}
	for (; from < to; from++) {
		uint64_t number = entry_at(p, from) ^ entry;

		if (number >> PATTERNS_NUMBER_BITS != 0)
			break;
		try_candidate(m, (uint32_t)number);
	}
}

void patterns_match(const struct patterns *p, const uint8_t *name,
    void (*found)(void *ctx, uint32_t number), void *ctx)
{
	uint64_t last = 0; /* symbols, as a literal has them */
	struct match m;

	if (p->n == 0)
		return;
	m.p = p;
	m.found = found;
	m.ctx = ctx;
	m.n_symbols = subject_of(name, m.subject);
	memset(m.seen, 0, (p->n + 7) / 8);
	for (unsigned i = 0; i < m.n_symbols; i++) {
		last = last << REGEX_LITERAL_BITS | (m.subject[i] + 1u);
		for (unsigned lengths = p->lengths; lengths != 0; lengths &= lengths - 1) {
			unsigned n = (unsigned)__builtin_ctz(lengths) + 1;
			uint64_t entry;

			if (n > i + 1)
				break;
			entry =
			    patterns_entry(last & ((UINT64_C(1) << REGEX_LITERAL_BITS * n) - 1));
			if (filter_passes(p, entry))
				try_entry(&m, entry);
		}
	}
}

bool patterns_source(const struct patterns *p, uint32_t number, struct patterns_source *source)
{
	const uint8_t *text;
	uint32_t len;

	if (number >= p->n)
		return false;
	text = part_of(p->ends + 4, number, p->texts, p->texts_len, &len);
	if (text == NULL || len == 0 || *text > 1)
		return false;
	*source = (struct patterns_source){
	    .text = (const char *)text + 1, .len = len - 1, .inverted = *text == 1};
	return true;
}
