/* trie.c - reading an image. */
#include "blocklists/trie.h"

#include <assert.h>

#include "blocklists/format.h"

/* ---- Sets, effects ---- */

static uint32_t set_word(const struct trie *t, uint32_t set)
{
	return set <= t->n_sets ? format_get_u32(t->set_ends + 4 * (size_t)set) : 0;
}

size_t trie_set_size(const struct trie *t, uint32_t set)
{
	uint32_t from, to;

	if (set == 0 || set > t->n_sets)
		return 0;
	from = set_word(t, set - 1) & FORMAT_SET_END;
	to = set_word(t, set) & FORMAT_SET_END;
	return from <= to && to <= t->n_entries ? to - from : 0;
}

struct trie_entry trie_set_entry(const struct trie *t, uint32_t set, size_t i)
{
	size_t at = (set_word(t, set - 1) & FORMAT_SET_END) + i;
	uint32_t entry = at < t->n_entries ? format_get_u32(t->entries + 4 * at) : 0;

	return (struct trie_entry){
	    .list = format_entry_list(entry),
	    .effect = format_entry_effect(entry),
	    .kind = format_entry_kind(entry),
	};
}

const uint8_t *trie_effect(const struct trie *t, uint32_t effect, size_t *len)
{
	uint32_t from, to;

	*len = 0;
	if (effect == 0 || effect > t->n_effects)
		return NULL;
	from = format_get_u32(t->effect_ends + 4 * ((size_t)effect - 1));
	to = format_get_u32(t->effect_ends + 4 * (size_t)effect);
	if (from > to || to > t->effects_len)
		return NULL;
	*len = to - from;
	return t->effects + from;
}

uint32_t trie_regex_set(const struct trie *t, uint32_t number)
{
	return number < t->patterns.n ? format_get_u32(t->regex_sets + 4 * (size_t)number) : 0;
}

/* ---- Records ---- */

/* Bits [at, end) of the nodes. */
struct span {
	size_t at, end;
};

/* Where a shelf begins in the nodes; of the number of shelves, where the last one ends. */
static size_t shelf_begin(const struct trie *t, uint32_t shelf)
{
	const uint8_t *group = t->directory + (size_t)(shelf / FORMAT_GROUP) * FORMAT_GROUP_SIZE;
	unsigned i = shelf % FORMAT_GROUP;
	size_t units = format_get_u32(group);

	if (i != 0)
		units += format_get_u16(group + 4 + 2 * (i - 1));
	return units * FORMAT_UNIT;
}

/* Bytes of the nodes. */
struct shelf {
	size_t begin, end; /* 0 and 0: malformed */
};

static struct shelf shelf_of(const struct trie *t, uint32_t bucket)
{
	uint32_t number = bucket / FORMAT_SHELF;
	struct shelf shelf = {shelf_begin(t, number), shelf_begin(t, number + 1)};

	if (shelf.begin > shelf.end || shelf.end - shelf.begin < FORMAT_SHELF_HEAD ||
	    shelf.end > t->nodes_len - BITS_PAD)
		return (struct shelf){0, 0};
	return shelf;
}

/* The anchors of a bucket on its shelf. */
static struct span bucket_span(const struct trie *t, struct shelf shelf, uint32_t bucket)
{
	const uint8_t *ends = t->nodes + shelf.begin;
	unsigned i = bucket % FORMAT_SHELF;
	size_t from = FORMAT_SHELF_HEAD, to;

	if (shelf.end == 0)
		return (struct span){0, 0};
	if (i != 0)
		from = format_get_u16(ends + 2 * (size_t)(i - 1));
	to = format_get_u16(ends + 2 * (size_t)i);
	if (from > to || to > shelf.end - shelf.begin)
		return (struct span){0, 0};
	return (struct span){(shelf.begin + from) * 8, (shelf.begin + to) * 8};
}

#define LINE  64  /* bytes that come into the cache together */
#define GUESS 128 /* that far from where they are expected 19 of 20 buckets begin, or nearer */

/* Have come into the cache what bucket_span() will read, and at the same time what probably is the
 * bucket: it is about where it would be if all on the shelf had the same length.  So a look-up waits
 * once for memory, not for one after the other.  (Always inline, or gcc leaves the call out: it has
 * no effect.) */
static inline __attribute__((always_inline)) void expect_bucket(
    const struct trie *t, struct shelf shelf, uint32_t bucket)
{
	size_t i = bucket % FORMAT_SHELF, len = shelf.end - shelf.begin;
	size_t guess = shelf.begin + len * i / FORMAT_SHELF;
	size_t at = guess - shelf.begin > GUESS ? guess - GUESS : shelf.begin;

	__builtin_prefetch(t->nodes + shelf.begin + 2 * i);
	for (; at < guess + GUESS + LINE && at < shelf.end; at += LINE)
		__builtin_prefetch(t->nodes + at);
}

void trie_bucket(const struct trie *t, uint32_t bucket, size_t *begin, size_t *end)
{
	struct span span = bucket_span(t, shelf_of(t, bucket), bucket);

	*begin = span.at / 8;
	*end = span.end / 8;
}

/* A set's number; *at moves behind it.  UINT32_MAX: malformed. */
static uint32_t read_set(const struct trie *t, size_t *at)
{
	uint64_t bits = bits_peek(t->nodes, *at);
	unsigned len;
	int symbol = codes_read(&t->set_code, bits, &len);

	if (symbol < 0)
		return UINT32_MAX;
	*at += len;
	if (symbol < FORMAT_RARE)
		return (uint32_t)symbol;
	*at += FORMAT_RARE_BITS;
	return (uint32_t)bits_low(bits >> len, FORMAT_RARE_BITS);
}

/* ---- Keys: what a record begins with ---- */

static codes_word code(const struct trie *t, unsigned at)
{
	return format_get_u16(t->codes + sizeof(codes_word) * (size_t)at);
}

/* A forged code may be longer than CODES_LEN_MAX, but never than this. */
#define WORD_LEN_MAX 15
#define KEY_BITS_MAX                                                                               \
	(WORD_LEN_MAX + FORMAT_RARE_BITS + NAME_LABEL_MAX * (WORD_LEN_MAX + 8) + WORD_LEN_MAX)

/* Bits of a key that are compared at once. */
#define KEY_HEAD_BITS 32

struct key {
	size_t len; /* bits; 0: no record has it */
	uint64_t head, head_mask;
	uint8_t bytes[KEY_BITS_MAX / 8 + 1 + BITS_PAD];
};

/* Bits on their way into a key, from the lowest on; written in whole words of 32. */
struct key_out {
	uint64_t held;
	unsigned n_held;
	uint8_t *next;
};

static inline void key_put(struct key_out *out, uint64_t bits, unsigned n)
{
	out->held |= bits << out->n_held;
	out->n_held += n;
	if (out->n_held >= 32) {
		uint32_t word = htole32((uint32_t)out->held);

		memcpy(out->next, &word, sizeof(word));
		out->next += sizeof(word);
		out->held >>= 32;
		out->n_held -= 32;
	}
}

/* The key of the child with `label`; of the hub `hub`, or (UINT32_MAX) within its parent's family. */
static void make_key(const struct trie *t, uint32_t hub, const uint8_t *label, struct key *key)
{
	struct key_out out = {.next = key->bytes};
	struct format_context context = {0, 0};
	uint64_t rest;

	key->len = 0;
	if (hub != UINT32_MAX) {
		codes_word word =
		    code(t, FORMAT_CODES_HUB + (hub < FORMAT_RARE ? hub : FORMAT_RARE));

		if (codes_len(word) == 0)
			return;
		key_put(&out, codes_bits(word), codes_len(word));
		if (hub >= FORMAT_RARE)
			key_put(&out, hub, FORMAT_RARE_BITS);
	}
	for (unsigned i = 0; i <= label[0]; i++) {
		unsigned symbol = i < label[0] ? format_symbol[label[1 + i]] : FORMAT_END;
		codes_word word = code(
		    t, FORMAT_CODES_LABEL + format_context(&context) * FORMAT_SYMBOLS + symbol);

		if (codes_len(word) == 0)
			return;
		key_put(&out, codes_bits(word), codes_len(word));
		if (symbol == FORMAT_ESCAPE)
			key_put(&out, label[1 + i], 8);
		format_context_next(&context, symbol);
	}
	key->len = (size_t)(out.next - key->bytes) * 8 + out.n_held;
	rest = htole64(out.held);
	memcpy(out.next, &rest, sizeof(rest));
	key->head = format_get_u64(key->bytes);
	key->head_mask =
	    bits_low(UINT64_MAX, key->len < KEY_HEAD_BITS ? (unsigned)key->len : KEY_HEAD_BITS);
}

/* Does what stands at bit `at` go on as `key` does behind its head? */
static bool goes_on(const struct trie *t, size_t at, const struct key *key)
{
	for (size_t done = KEY_HEAD_BITS; done < key->len; done += 32) {
		uint64_t differ =
		    bits_peek(t->nodes, at + done) ^ format_get_u64(key->bytes + done / 8);
		size_t left = key->len - done;

		if (bits_low(differ, left < 32 ? (unsigned)left : 32) != 0)
			return false;
	}
	return true;
}

/* Find the record in `in` that begins with `key`; *rest is what follows the key. */
static bool find_record(
    const struct trie *t, struct span in, const struct key *key, struct span *rest)
{
	if (key->len == 0)
		return false;
	for (unsigned n = 0; n < FORMAT_SIBLINGS_MAX && in.at + FORMAT_LEN_BITS <= in.end; n++) {
		uint64_t bits = bits_peek(t->nodes, in.at);
		size_t len = (size_t)bits_low(bits, FORMAT_LEN_BITS);

		in.at += FORMAT_LEN_BITS;
		bits >>= FORMAT_LEN_BITS;
		if (len == FORMAT_LEN_LONG) {
			len = (size_t)bits_low(bits, FORMAT_LEN_LONG_BITS);
			in.at += FORMAT_LEN_LONG_BITS;
			if (in.at > in.end)
				return false;
			bits = bits_peek(t->nodes, in.at);
		}
		if (len == 0 || len > in.end - in.at)
			return false;
		if (((bits ^ key->head) & key->head_mask) == 0 && key->len <= len &&
		    goes_on(t, in.at, key)) {
			*rest = (struct span){in.at + key->len, in.at + len};
			return true;
		}
		in.at += len;
	}
	return false;
}

/* ---- A look-up on its way down from the root ---- */

struct path {
	struct span family; /* of the node: the records of its children, unless it is a hub */
	uint32_t hub;	    /* UINT32_MAX: it is none */
	uint32_t set;	    /* of the node; 0: no rule */
	unsigned n_left;    /* labels not yet followed */
	uint8_t name_len;   /* without the root */
	uint8_t label_off[NAME_LABELS_MAX];
};

static void path_start(struct path *path, const uint8_t *name)
{
	unsigned n = 0, off;

	for (off = 0; name[off] != 0; off += name[off] + 1u)
		path->label_off[n++] = (uint8_t)off;
	path->n_left = n;
	path->name_len = (uint8_t)off;
	path->hub = 0;
	path->family = (struct span){0, 0};
}

/* What follows the key of a record: the set, and where the children are. */
static void read_node(const struct trie *t, struct path *path, struct span rest)
{
	path->set = read_set(t, &rest.at);
	path->hub = UINT32_MAX;
	path->family = (struct span){0, 0};
	if (rest.at + 1 >= rest.end || bits_low(bits_peek(t->nodes, rest.at), 1) == 0)
		return;
	if (bits_low(bits_peek(t->nodes, rest.at), 2) == 1)
		path->family = (struct span){rest.at + 2, rest.end};
	else if (rest.end - rest.at >= 2 + FORMAT_RARE_BITS)
		path->hub = (uint32_t)bits_low(bits_peek(t->nodes, rest.at + 2), FORMAT_RARE_BITS);
}

/* The rightmost label of a name as one number, its length lowest; 0 where it has one byte or more
 * than seven. */
static uint64_t top_label(const uint8_t *label)
{
	unsigned len = label[0], n = len < 7 ? len + 2 : 8; /* with the root, if it has room */

	if (len < 2 || len > 7)
		return 0;
	/* The first four and the last four of four to eight bytes. */
	return format_get_u32(label) | (uint64_t)format_get_u32(label + n - 4) << 8 * (n - 4);
}

/* Fibonacci hashing: the upper bits of a product with 2^64 / the golden ratio.  The other place of a
 * label is the one beside it. */
static unsigned top_place(uint64_t label)
{
	return (unsigned)(label * UINT64_C(0x9e3779b97f4a7c15) >> 32) % TRIE_TOPS;
}

/* Go to the child of the root with `label`, if it is one of t->tops. */
static bool top_down(struct path *path, const struct trie *t, const uint8_t *label)
{
	uint64_t number = top_label(label);
	unsigned place = top_place(number);
	const struct trie_top *top = &t->tops[place];

	if (top->label != number)
		top = &t->tops[place ^ 1];
	if (top->label != number || number == 0)
		return false;
	path->hub = top->hub;
	path->set = top->set;
	return true;
}

/* Where the anchor of name[0..len), without its root, is. */
static uint32_t label_bucket(const struct trie *t, const uint8_t *name, size_t len)
{
	return format_bucket(format_hash(t->seed, name, len), t->n_buckets);
}

/* Follow the rightmost label not yet followed.  False: there is no such node. */
static bool path_down(struct path *path, const struct trie *t, const uint8_t *name)
{
	const uint8_t *label = name + path->label_off[--path->n_left];
	struct span in = path->family, rest;
	struct shelf shelf = {0, 0};
	uint32_t bucket = 0;
	struct key key;

	if (path->hub == 0 && top_down(path, t, label))
		return true;
	if (path->hub != UINT32_MAX) {
		bucket = label_bucket(t, label, (size_t)(name + path->name_len - label));
		shelf = shelf_of(t, bucket);
		expect_bucket(t, shelf, bucket);
	}
	/* While it comes. */
	make_key(t, path->hub, label, &key);
	if (path->hub != UINT32_MAX)
		in = bucket_span(t, shelf, bucket);
	if (!find_record(t, in, &key, &rest))
		return false;
	read_node(t, path, rest);
	return true;
}

bool trie_blocks(const struct trie *t, const uint8_t *name)
{
	struct path path;

	if (t->n_buckets == 0)
		return false;
	path_start(&path, name);
	while (path.n_left != 0 && path_down(&path, t, name)) {
		uint32_t covers = path.n_left != 0 ? FORMAT_SET_BELOW : FORMAT_SET_HERE;

		if (path.set != 0 && (set_word(t, path.set) & covers) != 0)
			return true;
	}
	return false;
}

void trie_expect(const struct trie *t, const uint8_t *name)
{
	struct path path;
	const uint8_t *label;
	uint32_t bucket;

	if (t->n_buckets == 0)
		return;
	path_start(&path, name);
	if (path.n_left < 2 || !top_down(&path, t, name + path.label_off[path.n_left - 1]))
		return;
	label = name + path.label_off[path.n_left - 2];
	bucket = label_bucket(t, label, (size_t)(name + path.name_len - label));
	expect_bucket(t, shelf_of(t, bucket), bucket);
}

void trie_walk(const struct trie *t, const uint8_t *name, struct trie_path *found)
{
	struct path path;
	unsigned n_labels, n = 0;

	found->n = 0;
	if (t->n_buckets == 0)
		return;
	path_start(&path, name);
	n_labels = path.n_left;
	/* Filled from its end, for the deepest comes first. */
	while (path.n_left != 0 && path_down(&path, t, name))
		if (path.set != 0 && path.set <= t->n_sets)
			found->at[NAME_LABELS_MAX - ++n] =
			    (struct trie_step){path.set, (uint8_t)(n_labels - path.n_left)};
	memmove(found->at, found->at + NAME_LABELS_MAX - n, n * sizeof(found->at[0]));
	found->n = n;
}

/* ---- Opening ---- */

/* The parts of an image, one behind the other. */
struct parts {
	const uint8_t *next;
	uint64_t left;
};

/* The next part of n * size bytes; NULL where it does not fit. */
static const uint8_t *part(struct parts *p, uint64_t n, uint64_t size)
{
	const uint8_t *at = p->next;

	if (at == NULL || (n != 0 && size > p->left / n)) {
		p->next = NULL;
		return NULL;
	}
	p->next += n * size;
	p->left -= n * size;
	return at;
}

static int open_parts(struct trie *t, struct why *why)
{
	const uint8_t *h = t->bytes;
	struct parts p = {h + FORMAT_HEADER, t->len - FORMAT_HEADER};
	uint32_t patterns_len = format_get_u32(h + FORMAT_AT_PATTERNS_LEN);
	uint32_t networks_len = format_get_u32(h + FORMAT_AT_NETWORKS_LEN);
	uint32_t n_regexes = format_get_u32(h + FORMAT_AT_REGEXES);
	const uint8_t *patterns, *networks;
	codes_word set_code[CODES_SYMBOLS_MAX];
	int err = 0;

	t->codes = part(&p, FORMAT_CODES, sizeof(codes_word));
	t->directory = part(&p, 1, format_directory_len(t->n_buckets));
	t->nodes = part(&p, 1, t->nodes_len);
	t->hub_ends = part(&p, (uint64_t)t->n_hubs + 1, 4);
	t->hub_names = part(&p, 1, t->hub_names_len);
	t->set_ends = part(&p, (uint64_t)t->n_sets + 1, 4);
	t->entries = part(&p, t->n_entries, 4);
	t->regex_sets = part(&p, n_regexes, 4);
	t->effect_ends = part(&p, (uint64_t)t->n_effects + 1, 4);
	t->effects = part(&p, 1, t->effects_len);
	patterns = part(&p, 1, patterns_len);
	networks = part(&p, 1, networks_len);
	if (p.next == NULL || p.left != 0)
		return why_set(why, ERR_FORMAT, "the parts do not fill its %zu bytes", t->len);
	if (t->nodes_len < BITS_PAD || t->nodes_len > FORMAT_NODES_MAX || t->n_hubs == 0)
		return why_set(why, ERR_FORMAT, "it has no nodes, or too many");
	for (unsigned i = 0; i < CODES_SYMBOLS_MAX; i++)
		set_code[i] = code(t, FORMAT_CODES_SET + i);
	if (codes_open(&t->set_code, set_code, CODES_SYMBOLS_MAX) != 0)
		return why_set(why, ERR_FORMAT, "the code of the sets is none");
	if (patterns_len != 0)
		err = patterns_open(&t->patterns, patterns, patterns_len, why);
	if (err == 0 && networks_len != 0)
		err = networks_open(&t->networks, networks, networks_len, why);
	if (err == 0 && t->patterns.n != n_regexes)
		return why_set(why, ERR_FORMAT, "each expression needs its rules");
	return err;
}

/* Fill t->tops: the largest come first, and stay. */
static void find_tops(struct trie *t)
{
	for (uint32_t hub = 1; hub < t->n_hubs && hub < TRIE_TOP_HUBS; hub++) {
		uint32_t from = format_get_u32(t->hub_ends + 4 * (size_t)hub);
		const uint8_t *name;
		struct trie_top *top;
		struct path path;
		uint64_t label;

		if (from >= t->hub_names_len)
			continue;
		name = t->hub_names + from;
		/* One label, and the root. */
		if (name[0] == 0 || name[0] > NAME_LABEL_MAX ||
		    t->hub_names_len - from < name[0] + 2u || name[name[0] + 1] != 0)
			continue;
		label = top_label(name);
		top = &t->tops[top_place(label)];
		if (top->label != 0)
			top = &t->tops[top_place(label) ^ 1];
		path_start(&path, name);
		assert(path.n_left == 1);
		if (label == 0 || top->label != 0 || !path_down(&path, t, name) ||
		    path.hub == UINT32_MAX)
			continue;
		*top = (struct trie_top){label, path.hub, path.set};
	}
}

int trie_open(struct trie *t, const void *bytes, size_t len, struct why *why)
{
	const uint8_t *p = bytes;
	int err;

	memset(t, 0, sizeof(*t));
	if (len < FORMAT_HEADER || memcmp(p, FORMAT_MAGIC, FORMAT_MAGIC_LEN) != 0)
		return why_set(why, ERR_FORMAT, "this is no image of block lists");
	if (format_get_u64(p + FORMAT_AT_VERSION) != FORMAT_VERSION)
		return why_set(why, ERR_FORMAT,
		    "the image is of version %llu, but this program reads %d",
		    (unsigned long long)format_get_u64(p + FORMAT_AT_VERSION), FORMAT_VERSION);
	if (format_get_u64(p + FORMAT_AT_LEN) != len)
		return why_set(why, ERR_FORMAT, "the image should have %llu bytes, but has %zu",
		    (unsigned long long)format_get_u64(p + FORMAT_AT_LEN), len);

	struct trie opened = {
	    .bytes = p,
	    .len = len,
	    .n_lists = format_get_u32(p + FORMAT_AT_LISTS),
	    .n_rules = format_get_u64(p + FORMAT_AT_RULES),
	    .n_names = format_get_u64(p + FORMAT_AT_NAMES),
	    .seed = format_get_u64(p + FORMAT_AT_SEED),
	    .n_buckets = format_get_u32(p + FORMAT_AT_BUCKETS),
	    .nodes_len = format_get_u32(p + FORMAT_AT_NODES_LEN),
	    .n_hubs = format_get_u32(p + FORMAT_AT_HUBS),
	    .hub_names_len = format_get_u32(p + FORMAT_AT_HUB_NAMES_LEN),
	    .n_sets = format_get_u32(p + FORMAT_AT_SETS),
	    .n_entries = format_get_u32(p + FORMAT_AT_ENTRIES),
	    .n_effects = format_get_u32(p + FORMAT_AT_EFFECTS),
	    .effects_len = format_get_u32(p + FORMAT_AT_EFFECTS_LEN),
	};

	err = open_parts(&opened, why);
	if (err != 0)
		return err;
	opened.plain = opened.n_effects == 0 && opened.patterns.n == 0;
	find_tops(&opened);
	*t = opened;
	return 0;
}
