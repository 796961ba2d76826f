/* local_build.c - records sorted by name, and laid out. */
#include "resolver/local_build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/buf.h"
#include "lib/dns/msg.h"
#include "lib/dns/reverse.h"

#define RECORDS_MAX 64 /* of a name and type */

/* Types of entries that are no records. */
#define NO_RECORD 0 /* the name has to be there */

struct entry {
	uint32_t name, rdata; /* where they stand in `bytes` */
	uint16_t len;	      /* of the rdata */
	uint16_t type;
	uint8_t rank;
	bool is_zone, made;
	uint32_t ttl_s;
	uint32_t number; /* in the order in which they came */
};

struct local_build {
	struct entry *entries;
	size_t n, room;
	uint8_t *bytes; /* names and rdata */
	size_t used, size;
	unsigned n_kept;
};

struct local_build *local_build_new(void)
{
	return calloc(1, sizeof(struct local_build));
}

void local_build_free(struct local_build *b)
{
	if (b == NULL)
		return;
	free(b->entries);
	free(b->bytes);
	free(b);
}

/* ---- What comes in ---- */

/* Append bytes; *at is where they stand. */
static int put_bytes(struct local_build *b, const void *bytes, size_t len, uint32_t *at)
{
	if (len > b->size - b->used) {
		size_t size = 2 * b->size + len + 4096;
		uint8_t *more = size <= LOCAL_SIZE_MAX ? realloc(b->bytes, size) : NULL;

		if (more == NULL)
			return size <= LOCAL_SIZE_MAX ? ERR_NOMEM : ERR_LIMIT;
		b->bytes = more;
		b->size = size;
	}
	*at = (uint32_t)b->used;
	if (len != 0)
		memcpy(b->bytes + b->used, bytes, len);
	b->used += len;
	return 0;
}

/* `like` with this name and rdata. */
static int put_entry(struct local_build *b, const uint8_t *name, const struct entry *like,
    const void *rdata, size_t len)
{
	uint8_t lower[NAME_SIZE];
	struct entry *e;
	int err;

	/* Those that images need in between are bounded by the labels of the others. */
	if (like->type != NO_RECORD && b->n >= LOCAL_BUILD_MAX)
		return ERR_LIMIT;
	if (b->n == b->room) {
		size_t room = 2 * b->room + 64;
		struct entry *more = realloc(b->entries, room * sizeof(*more));

		if (more == NULL)
			return ERR_NOMEM;
		b->entries = more;
		b->room = room;
	}
	e = &b->entries[b->n];
	*e = *like;
	e->number = (uint32_t)b->n;
	e->len = (uint16_t)len;
	name_lower(lower, name, name_len(name));
	err = put_bytes(b, lower, name_len(lower), &e->name);
	if (err == 0)
		err = put_bytes(b, rdata, len, &e->rdata);
	if (err == 0)
		b->n++;
	return err;
}

int local_build_zone(struct local_build *b, const uint8_t *name)
{
	const struct entry zone = {.type = NO_RECORD, .is_zone = true};

	return put_entry(b, name, &zone, NULL, 0);
}

static bool is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

int local_build_add(struct local_build *b, const uint8_t *name, enum local_rank rank, uint16_t type,
    uint32_t ttl_s, const void *rdata, size_t len)
{
	const struct entry record = {.type = type, .rank = (uint8_t)rank, .ttl_s = ttl_s};
	const struct entry pointer = {
	    .type = TYPE_PTR,
	    .rank = (uint8_t)(rank == LOCAL_RECORD ? LOCAL_RECORD_PTR : rank),
	    .ttl_s = ttl_s,
	    .made = true,
	};
	uint8_t reverse[NAME_SIZE];
	int err = put_entry(b, name, &record, rdata, len);

	if (err != 0 || is_wildcard(name) ||
	    !((type == TYPE_A && len == 4) || (type == TYPE_AAAA && len == 16)))
		return err;
	reverse_name(type == TYPE_A ? AF_INET : AF_INET6, rdata, reverse);
	return put_entry(b, reverse, &pointer, name, name_len(name));
}

/* ---- Sorted ---- */

static int compare_names(const uint8_t *a, const uint8_t *b)
{
	size_t len_a = name_len(a), len_b = name_len(b);

	if (len_a != len_b)
		return len_a < len_b ? -1 : 1;
	return memcmp(a, b, len_a);
}

/* By name, type, rank, and as they came. */
static int compare(const void *one, const void *other, void *ctx)
{
	const struct local_build *b = ctx;
	const struct entry *x = one, *y = other;
	int order = compare_names(b->bytes + x->name, b->bytes + y->name);

	if (order != 0)
		return order;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static bool same_name(const struct local_build *b, const struct entry *x, const struct entry *y)
{
	return compare_names(b->bytes + x->name, b->bytes + y->name) == 0;
}

/* Is there an entry before `e`, of its name and type, that makes it one too many? */
static bool is_beaten(const struct local_build *b, const struct entry *e)
{
	unsigned n = 0;

	for (const struct entry *x = e;
	     x-- > b->entries && x->type == e->type && same_name(b, x, e);) {
		/* An address has one name that was made; an alias leads to one; and who sends
		 * leases with one name again and again fills no answer. */
		if (x->rank < e->rank || e->made || e->type == TYPE_CNAME || e->type == NO_RECORD ||
		    ++n == RECORDS_MAX)
			return true;
		if (x->len == e->len &&
		    memcmp(b->bytes + x->rdata, b->bytes + e->rdata, e->len) == 0)
			return true;
	}
	return false;
}

/* The lowest rank by which this name is an alias; LOCAL_N_RANKS: it is none. */
static unsigned alias_rank(const struct local_build *b, const struct entry *first, size_t n)
{
	for (const struct entry *e = first; e < b->entries + n && same_name(b, e, first); e++)
		if (e->type == TYPE_CNAME)
			return e->rank;
	return LOCAL_N_RANKS;
}

/* Drop what does not count; the rest stays sorted.  Zones come first of their names. */
static void sift(struct local_build *b)
{
	size_t kept = 0;
	unsigned alias = LOCAL_N_RANKS;

	if (b->n != 0)
		qsort_r(b->entries, b->n, sizeof(*b->entries), compare, b);
	for (size_t i = 0; i < b->n; i++) {
		struct entry e = b->entries[i];

		if (kept == 0 || !same_name(b, &b->entries[kept - 1], &e))
			alias = alias_rank(b, &b->entries[i], b->n);
		/* What was kept lies before, in its order. */
		b->entries[kept] = e;
		if (is_beaten(b, &b->entries[kept]) ||
		    (alias < LOCAL_N_RANKS && e.type != TYPE_CNAME && e.type != NO_RECORD &&
			e.rank >= alias))
			continue;
		kept++;
	}
	b->n = kept;
}

/* ---- Laid out ---- */

/* Has it such an entry: as a zone, or as the parent of a wildcard? */
static bool is_above(const struct local_build *b, const uint8_t *name, size_t n)
{
	uint8_t wildcard[NAME_SIZE + 2] = "\1*";
	size_t len = name_len(name);

	memcpy(wildcard + 2, name, len);
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *wanted = i == 0 ? name : wildcard;
		size_t low = 0, high = n;

		while (low < high) {
			size_t middle = (low + high) / 2;

			if (compare_names(b->bytes + b->entries[middle].name, wanted) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < n && compare_names(b->bytes + b->entries[low].name, wanted) == 0 &&
		    (i == 1 || b->entries[low].is_zone))
			return true;
	}
	return false;
}

/* The names between this one and the highest zone, or parent of a wildcard, above it. */
static int add_above(struct local_build *b, const uint8_t *name, size_t n)
{
	static const struct entry between = {.type = NO_RECORD};
	const uint8_t *part, *last = NULL;
	int err = 0;

	for (part = name + name[0] + 1; part[0] != 0; part += part[0] + 1)
		if (is_above(b, part, n))
			last = part;
	part = name;
	while (err == 0 && last != NULL && part != last) {
		part += part[0] + 1;
		err = put_entry(b, part, &between, NULL, 0);
	}
	return err;
}

static int add_between(struct local_build *b)
{
	size_t n = b->n;
	bool any = false;
	int err = 0;

	for (size_t i = 0; i < n; i++)
		any |= b->entries[i].is_zone || is_wildcard(b->bytes + b->entries[i].name);
	for (size_t i = 0; any && err == 0 && i < n; i++) {
		uint8_t name[NAME_SIZE];

		if (i > 0 && same_name(b, &b->entries[i - 1], &b->entries[i]))
			continue;
		memcpy(
		    name, b->bytes + b->entries[i].name, name_len(b->bytes + b->entries[i].name));
		if (name[0] != 0)
			err = add_above(b, name, n);
	}
	return err;
}

static size_t record_size(const struct entry *e)
{
	return e->type == NO_RECORD ? 0 : LOCAL_RECORD_SIZE + (size_t)e->len;
}

static size_t image_size(const struct local_build *b, uint32_t n_slots)
{
	size_t size = sizeof(struct local_header) + n_slots * sizeof(uint32_t);

	for (size_t i = 0; i < b->n; i++) {
		if (i == 0 || !same_name(b, &b->entries[i - 1], &b->entries[i]))
			size += LOCAL_NODE_SIZE + name_len(b->bytes + b->entries[i].name);
		size += record_size(&b->entries[i]);
	}
	return size;
}

static void put_record(struct buf *out, const struct local_build *b, const struct entry *e)
{
	if (e->type == NO_RECORD)
		return;
	buf_put_u16(out, e->type);
	buf_put_u32(out, e->ttl_s);
	buf_put_u8(out, e->rank);
	buf_put_u16(out, e->len);
	buf_put_bytes(out, b->bytes + e->rdata, e->len);
}

/* Let a slot lead to the node at `at`. */
static void put_slot(struct local_header *head, uint8_t *bytes, const uint8_t *name, size_t at)
{
	uint32_t *slots = (uint32_t *)(void *)(bytes + sizeof(*head)), mask = head->n_slots - 1;
	uint32_t i = (uint32_t)hash_siphash13(&head->key, name, name_len(name)) & mask;

	while (slots[i] != 0)
		i = (i + 1) & mask;
	slots[i] = (uint32_t)at;
}

/* The node of the entries from `first` on that have its name; returns how many these are. */
static size_t put_node(
    const struct local_build *b, size_t first, struct local_header *head, struct buf *out)
{
	const struct entry *e = &b->entries[first];
	const uint8_t *name = b->bytes + e->name;
	size_t len = name_len(name), records = 0, n = 0, at = out->pos;
	unsigned depth = name_labels(name);

	for (; first + n < b->n && same_name(b, e, &e[n]); n++)
		records += record_size(&e[n]);
	buf_put_u8(out, (uint8_t)len);
	buf_put_u8(out, e->is_zone ? LOCAL_IS_ZONE : 0);
	buf_put_u32(out, (uint32_t)records);
	buf_put_bytes(out, name, len);
	for (size_t i = 0; i < n; i++)
		put_record(out, b, &e[i]);
	put_slot(head, out->bytes, name, at);
	head->n_nodes++;
	head->n_zones += e->is_zone;
	head->n_wild += is_wildcard(name);
	head->depths[depth / 64] |= (uint64_t)1 << depth % 64;
	/* Of a wildcard, and of a zone, the names below pass too. */
	if (is_wildcard(name))
		tails_add_short(&head->tails, name + 2, len - 2);
	else if (e->is_zone || len > sizeof(uint32_t))
		tails_add_short(&head->tails, name, len);
	return n;
}

int local_build_image(
    struct local_build *b, const struct hash_key *key, uint8_t **bytes, size_t *len)
{
	struct local_header head = {.magic = LOCAL_MAGIC, .key = *key, .n_slots = 1};
	struct buf out;
	size_t size;
	int err;

	sift(b);
	b->n_kept = 0;
	for (size_t i = 0; i < b->n; i++)
		b->n_kept += b->entries[i].type != NO_RECORD && !b->entries[i].made;
	err = add_between(b);
	if (err != 0)
		return err;
	sift(b);
	while (head.n_slots < 2 * (b->n + 1))
		head.n_slots *= 2;
	size = image_size(b, head.n_slots);
	if (size > LOCAL_SIZE_MAX)
		return ERR_LIMIT;
	*bytes = calloc(1, size);
	if (*bytes == NULL)
		return ERR_NOMEM;
	out = buf_over(*bytes, size);
	out.pos = sizeof(head) + head.n_slots * sizeof(uint32_t);
	for (size_t i = 0; i < b->n;)
		i += put_node(b, i, &head, &out);
	memcpy(*bytes, &head, sizeof(head));
	*len = out.pos;
	return 0;
}

unsigned local_build_n(const struct local_build *b)
{
	return b->n_kept;
}
