/* patterns_build.c - expressions to the section that patterns.c reads, and back for its check. */
#include "blocklists/patterns.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/format.h"
#include "blocklists/grow.h"
#include "blocklists/patterns_format.h"

struct maker {
	uint64_t *entries;
	uint8_t *tables;
	uint32_t *table_ends;
	size_t n_entries, entries_size, tables_len, tables_size, texts_len;
	uint64_t load; /* of REGEX_LOAD_ONE */
	uint8_t lengths;
};

static void put_table(uint8_t *to, const struct regex *r)
{
	unsigned size = patterns_next_size(r->n_states);
	uint8_t *accepts = to + PATTERNS_TABLE_HEADER, *next = accepts + (r->n_states + 7) / 8;

	format_put(to + PATTERNS_TABLE_AT_STATES, r->n_states, 2);
	format_put(to + PATTERNS_TABLE_AT_FIRST_SINK, r->first_sink, 2);
	to[PATTERNS_TABLE_AT_CLASSES] = r->n_classes;
	memcpy(to + PATTERNS_TABLE_AT_CLASS_OF, r->class_of, REGEX_SYMBOLS);
	memset(accepts, 0, (size_t)(next - accepts));
	for (unsigned s = 0; s < r->n_states; s++)
		accepts[s / 8] |= (uint8_t)(r->accepts[s] << s % 8);
	for (unsigned i = 0; i < (unsigned)r->first_sink * r->n_classes; i++)
		format_put(next + (size_t)i * size, r->next[i], size);
}

static unsigned literal_len(uint64_t literal)
{
	unsigned n = 0;

	for (; literal != 0; literal >>= REGEX_LITERAL_BITS)
		n++;
	return n;
}

static int add_literals(struct maker *m, const struct regex *r, size_t number)
{
	int err = grow((void **)&m->entries, &m->entries_size, m->n_entries + r->n_literals,
	    sizeof(*m->entries));

	for (unsigned i = 0; i < r->n_literals && err == 0; i++) {
		m->entries[m->n_entries++] = patterns_entry(r->literals[i]) | number;
		m->lengths |= (uint8_t)(1 << (literal_len(r->literals[i]) - 1));
	}
	return err;
}

size_t patterns_table_size(const struct regex *r)
{
	return PATTERNS_TABLE_HEADER + (r->n_states + 7u) / 8 +
	       (size_t)r->first_sink * r->n_classes * patterns_next_size(r->n_states);
}

static int add_expression(struct maker *m, const struct regex *r, size_t number, struct why *why)
{
	size_t len = patterns_table_size(r);
	int err;

	m->load += r->load;
	if (m->load > (uint64_t)PATTERNS_LOAD_MAX * REGEX_LOAD_ONE)
		return why_set(why, ERR_LIMIT,
		    "too many expressions that have no rare text in them, as this and others");
	if (m->tables_len + len > PATTERNS_BYTES_MAX)
		return why_set(why, ERR_LIMIT, "the expressions take more than %u bytes together",
		    PATTERNS_BYTES_MAX);
	err = grow((void **)&m->tables, &m->tables_size, m->tables_len + len, 1);
	if (err != 0)
		return err;
	assert(m->tables != NULL); /* no table is empty */
	put_table(m->tables + m->tables_len, r);
	m->tables_len += len;
	m->table_ends[number] = (uint32_t)m->tables_len;
	return add_literals(m, r, number);
}

static int add_source(
    struct maker *m, const struct patterns_source *source, size_t number, struct why *why)
{
	struct regex r;
	int err = regex_compile(&r, source->text, source->len, source->inverted, why);

	if (err == 0)
		err = add_expression(m, &r, number, why);
	regex_free(&r);
	m->texts_len += 1 + source->len;
	if ((err == ERR_FORMAT || err == ERR_LIMIT) && why != NULL) {
		struct why reason = *why;

		why_set(why, err, "regex /%.*s/: %s", source->len < 200 ? (int)source->len : 200,
		    source->text, reason.text);
	}
	return err;
}

static int compare_entries(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/* One to two buckets for each entry. */
static unsigned bucket_bits(size_t n_entries)
{
	unsigned bits = 0;

	while (bits < PATTERNS_BUCKET_BITS_MAX && (size_t)1 << bits < n_entries)
		bits++;
	return bits;
}

static void put_entries(
    const struct maker *m, unsigned bits, uint8_t *filters, uint8_t *buckets, uint8_t *entries)
{
	size_t i = 0;

	for (size_t bucket = 0; bucket < (size_t)1 << bits; bucket++) {
		format_put(buckets + 4 * bucket, i, 4);
		for (; i < m->n_entries; i++) {
			uint64_t entry = m->entries[i];
			uint32_t bit = patterns_first_bits(entry, bits + PATTERNS_FILTER_BITS);

			if (patterns_first_bits(entry, bits) != bucket)
				break;
			format_put(entries + 8 * i, entry, 8);
			filters[bit / 8] |= (uint8_t)(1 << bit % 8);
		}
	}
	format_put(buckets + (4 << bits), i, 4);
}

static int put_section(const struct maker *m, const struct patterns_source *sources, size_t n,
    uint8_t **bytes, size_t *len)
{
	unsigned bits = bucket_bits(m->n_entries);
	size_t n_buckets = (size_t)1 << bits, text_end = 0;
	uint8_t *to, *buckets, *entries, *ends, *tables, *texts;

	*len = PATTERNS_HEADER + 2 * n_buckets + 4 * (n_buckets + 1) + 8 * m->n_entries + 8 * n +
	       m->tables_len + m->texts_len;
	to = calloc(1, *len);
	if (to == NULL)
		return ERR_NOMEM;
	*bytes = to;
	format_put(to + PATTERNS_AT_N, n, 4);
	format_put(to + PATTERNS_AT_ENTRIES, m->n_entries, 4);
	format_put(to + PATTERNS_AT_TABLES_LEN, m->tables_len, 4);
	to[PATTERNS_AT_BUCKET_BITS] = (uint8_t)bits;
	to[PATTERNS_AT_LENGTHS] = m->lengths;
	buckets = to + PATTERNS_HEADER + 2 * n_buckets;
	entries = buckets + 4 * (n_buckets + 1);
	ends = entries + 8 * m->n_entries;
	tables = ends + 8 * n;
	texts = tables + m->tables_len;
	put_entries(m, bits, to + PATTERNS_HEADER, buckets, entries);
	if (m->tables_len != 0)
		memcpy(tables, m->tables, m->tables_len);
	for (size_t i = 0; i < n; i++) {
		texts[text_end] = sources[i].inverted;
		memcpy(texts + text_end + 1, sources[i].text, sources[i].len);
		text_end += 1 + sources[i].len;
		format_put(ends + 8 * i, m->table_ends[i], 4);
		format_put(ends + 8 * i + 4, text_end, 4);
	}
	return 0;
}

int patterns_build(
    const struct patterns_source *sources, size_t n, uint8_t **bytes, size_t *len, struct why *why)
{
	struct maker m = {.n_entries = 0};
	int err = 0;

	*bytes = NULL;
	*len = 0;
	if (n > PATTERNS_MAX)
		return why_set(why, ERR_LIMIT, "%zu expressions are more than %d", n, PATTERNS_MAX);
	m.table_ends = calloc(n + 1, sizeof(*m.table_ends));
	if (m.table_ends == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n && err == 0; i++)
		err = add_source(&m, &sources[i], i, why);
	if (err == 0) {
		if (m.n_entries != 0)
			qsort(m.entries, m.n_entries, sizeof(*m.entries), compare_entries);
		err = put_section(&m, sources, n, bytes, len);
	}
	free(m.entries);
	free(m.tables);
	free(m.table_ends);
	return err;
}

int patterns_verify(const struct patterns *p, struct why *why)
{
	struct patterns_source *sources;
	uint8_t *bytes = NULL;
	size_t len = 0;
	int err = 0;

	if (p->bytes == NULL)
		return 0;
	sources = calloc(p->n + 1u, sizeof(*sources));
	if (sources == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < p->n && err == 0; i++) {
		if (!patterns_source(p, i, &sources[i]))
			err = why_set(why, ERR_FORMAT, "expression %u is not whole", i);
	}
	if (err == 0)
		err = patterns_build(sources, p->n, &bytes, &len, why);
	if (err == ERR_LIMIT)
		err = ERR_FORMAT;
	if (err == 0 && (len != p->len || memcmp(bytes, p->bytes, len) != 0))
		err = why_set(why, ERR_FORMAT, "the expressions are not what their texts mean");
	free(bytes);
	free(sources);
	return err;
}
