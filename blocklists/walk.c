/* walk.c - reading all of an image. */
#include "blocklists/walk.h"

#include <stdlib.h>
#include <string.h>

#include "blocklists/format.h"

struct walk {
	const struct trie *t;
	int (*each)(void *ctx, const struct walk_node *node);
	void *ctx;
	struct why *why;
	struct walk_node node; /* the one being told of */
	struct codes_reader label[FORMAT_CONTEXTS], hub;
};

/* Bits [at, end). */
struct span {
	size_t at, end;
};

static int malformed(const struct walk *w, const char *what)
{
	return why_set(w->why, ERR_FORMAT, "bucket %u: %s", (unsigned)w->node.bucket, what);
}

static int open_code(struct codes_reader *r, const struct trie *t, size_t first, unsigned n)
{
	codes_word table[CODES_SYMBOLS_MAX];

	for (unsigned i = 0; i < n; i++)
		table[i] = format_get_u16(t->codes + sizeof(codes_word) * (first + i));
	return codes_open(r, table, n);
}

static int open_codes(struct walk *w)
{
	int err = 0;

	for (unsigned i = 0; i < FORMAT_CONTEXTS && err == 0; i++)
		err = open_code(&w->label[i], w->t, FORMAT_CODES_LABEL + (size_t)i * FORMAT_SYMBOLS,
		    FORMAT_SYMBOLS);
	if (err == 0)
		err = open_code(&w->hub, w->t, FORMAT_CODES_HUB, CODES_SYMBOLS_MAX);
	return err == 0 ? 0 : why_set(w->why, ERR_FORMAT, "a code is none that could be made");
}

/* ---- Parts of a record: false where they do not lie inside it ---- */

static bool take_bits(const struct walk *w, struct span *s, unsigned n, uint32_t *v)
{
	if (s->end - s->at < n)
		return false;
	*v = (uint32_t)bits_low(bits_peek(w->t->nodes, s->at), n);
	s->at += n;
	return true;
}

static bool take_symbol(
    const struct walk *w, struct span *s, const struct codes_reader *code, unsigned *symbol)
{
	unsigned len;
	int found;

	if (s->at >= s->end)
		return false;
	found = codes_read(code, bits_peek(w->t->nodes, s->at), &len);
	if (found < 0 || len > s->end - s->at)
		return false;
	s->at += len;
	*symbol = (unsigned)found;
	return true;
}

static bool take_number(
    const struct walk *w, struct span *s, const struct codes_reader *code, uint32_t *number)
{
	unsigned symbol;

	if (!take_symbol(w, s, code, &symbol))
		return false;
	*number = symbol;
	return symbol < FORMAT_RARE ||
	       (take_bits(w, s, FORMAT_RARE_BITS, number) && *number >= FORMAT_RARE);
}

static bool take_label(const struct walk *w, struct span *s, uint8_t label[NAME_LABEL_MAX + 1])
{
	struct format_context context = {0, 0};
	unsigned n = 0, symbol;

	for (;;) {
		uint32_t byte;

		if (!take_symbol(w, s, &w->label[format_context(&context)], &symbol))
			return false;
		if (symbol == FORMAT_END)
			break;
		byte = format_byte[symbol];
		if (n == NAME_LABEL_MAX ||
		    (symbol == FORMAT_ESCAPE &&
			(!take_bits(w, s, 8, &byte) || format_symbol[byte] != FORMAT_ESCAPE)))
			return false;
		label[++n] = (uint8_t)byte;
		format_context_next(&context, symbol);
	}
	label[0] = (uint8_t)n;
	return n != 0;
}

/* The next record of `in`, which has more bits. */
static bool take_record(const struct walk *w, struct span *in, struct span *record)
{
	uint32_t len;

	if (!take_bits(w, in, FORMAT_LEN_BITS, &len))
		return false;
	if (len == FORMAT_LEN_LONG &&
	    (!take_bits(w, in, FORMAT_LEN_LONG_BITS, &len) || len < FORMAT_LEN_LONG))
		return false;
	if (len == 0 || len > in->end - in->at)
		return false;
	*record = (struct span){in->at, in->at + len};
	in->at += len;
	return true;
}

/* ---- Names ---- */

/* The name of hub `hub`, which ends the names of all below it; NULL: there is none. */
static const uint8_t *hub_name(const struct trie *t, uint32_t hub, size_t *len)
{
	uint32_t from, to;

	if (hub >= t->n_hubs)
		return NULL;
	from = format_get_u32(t->hub_ends + 4 * (size_t)hub);
	to = format_get_u32(t->hub_ends + 4 * ((size_t)hub + 1));
	if (from >= to || to > t->hub_names_len || to - from > NAME_SIZE)
		return NULL;
	*len = to - from;
	/* It is a name that ends where it should. */
	for (size_t off = from;; off += t->hub_names[off] + 1u) {
		if (off >= to || t->hub_names[off] > NAME_LABEL_MAX)
			return NULL;
		if (t->hub_names[off] == 0)
			return off + 1 == to ? t->hub_names + from : NULL;
	}
}

/* ---- The walk ---- */

/* Keys of siblings differ, or a look-up could not find each. */
static bool is_new(const struct walk *w, const struct span *keys, size_t n, const struct span *key)
{
	size_t len = key->end - key->at;

	for (size_t i = 0; i < n; i++) {
		size_t at = 0;

		if (keys[i].end - keys[i].at != len)
			continue;
		while (at < len) {
			unsigned bits = len - at < 32 ? (unsigned)(len - at) : 32;

			if (bits_low(bits_peek(w->t->nodes, keys[i].at + at), bits) !=
			    bits_low(bits_peek(w->t->nodes, key->at + at), bits))
				break;
			at += bits;
		}
		if (at >= len)
			return false;
	}
	return true;
}

static int walk_span(struct walk *w, struct span in, bool is_bucket, const uint8_t *parent,
    size_t parent_len, unsigned depth);

/* What follows the label of a record: told of, and its children walked. */
static int walk_rest(struct walk *w, struct span rest, unsigned depth)
{
	uint8_t name[NAME_SIZE];
	size_t name_len = w->node.name_len;
	uint32_t has_more, is_hub = 0;
	int ret;

	if (!take_number(w, &rest, &w->t->set_code, &w->node.set) || w->node.set > w->t->n_sets ||
	    !take_bits(w, &rest, 1, &has_more) ||
	    (has_more != 0 && !take_bits(w, &rest, 1, &is_hub)))
		return malformed(w, "a record without set and form");
	w->node.hub = UINT32_MAX;
	if (is_hub != 0 && (!take_bits(w, &rest, FORMAT_RARE_BITS, &w->node.hub) ||
			       w->node.hub == 0 || w->node.hub >= w->t->n_hubs))
		return malformed(w, "a hub that is not there");
	if ((rest.at == rest.end) != (has_more == 0 || is_hub != 0))
		return malformed(w, "a record that ends too late or too early");
	memcpy(name, w->node.name, name_len);
	ret = w->each(w->ctx, &w->node);
	if (ret != 0 || has_more == 0 || is_hub != 0)
		return ret;
	return walk_span(w, rest, false, name, name_len, depth + 1);
}

/* The records in `in`: of a bucket, or of the children of `parent`. */
static int walk_span(struct walk *w, struct span in, bool is_bucket, const uint8_t *parent,
    size_t parent_len, unsigned depth)
{
	struct span record, keys[FORMAT_SIBLINGS_MAX];
	size_t n_keys = 0;

	if (depth > NAME_LABELS_MAX)
		return malformed(w, "too many labels");
	/* A bucket is filled up to a whole byte. */
	while (in.end - in.at >= (is_bucket ? 8 : 1)) {
		uint8_t label[NAME_LABEL_MAX + 1];
		size_t key_at;
		int ret;

		if (!take_record(w, &in, &record))
			return malformed(w, "a record that is not whole");
		key_at = record.at;
		w->node.parent_hub = UINT32_MAX;
		if (is_bucket) {
			if (!take_number(w, &record, &w->hub, &w->node.parent_hub))
				return malformed(w, "a record without its hub");
			parent = hub_name(w->t, w->node.parent_hub, &parent_len);
			if (parent == NULL)
				return malformed(w, "a hub without a name");
		}
		if (!take_label(w, &record, label))
			return malformed(w, "a record without a label");
		if (n_keys == FORMAT_SIBLINGS_MAX ||
		    !is_new(w, keys, n_keys, &(struct span){key_at, record.at}))
			return malformed(w, "a name that stands there twice, or too many");
		keys[n_keys++] = (struct span){key_at, record.at};
		w->node.name_len = label[0] + 1u + parent_len;
		if (w->node.name_len > NAME_SIZE)
			return malformed(w, "a name that is too long");
		memcpy(w->node.name, label, label[0] + 1u);
		memcpy(w->node.name + label[0] + 1, parent, parent_len);
		ret = walk_rest(w, record, depth);
		if (ret != 0)
			return ret;
	}
	if (bits_low(bits_peek(w->t->nodes, in.at), (unsigned)(in.end - in.at)) != 0)
		return malformed(w, "something behind its last record");
	return 0;
}

/* The bytes of the nodes in [*at, to) are zero; *at moves there. */
static bool take_zeros(const struct walk *w, size_t *at, size_t to)
{
	while (*at < to && w->t->nodes[*at] == 0)
		++*at;
	return *at == to;
}

/* The next shelf, whose first bucket w->node.bucket begins at `begin`: before its head only what fills
 * up the one before it.  *at moves behind the head. */
static bool take_shelf(const struct walk *w, size_t begin, size_t *at)
{
	size_t head = begin - FORMAT_SHELF_HEAD;
	uint32_t n = w->t->n_buckets - w->node.bucket;

	if (begin < FORMAT_SHELF_HEAD || head != format_whole_units(*at) ||
	    !take_zeros(w, at, head))
		return false;
	*at = n < FORMAT_SHELF ? head + 2 * (size_t)n : begin;
	return take_zeros(w, at, begin);
}

static int walk_buckets(struct walk *w)
{
	const struct trie *t = w->t;
	size_t at = 0;

	for (uint32_t bucket = 0; bucket < t->n_buckets; bucket++) {
		size_t begin, end;
		int ret;

		w->node.bucket = bucket;
		trie_bucket(t, bucket, &begin, &end);
		if (bucket % FORMAT_SHELF == 0 && !take_shelf(w, begin, &at))
			return malformed(w, "its shelf stands elsewhere, or its head is wrong");
		if (begin != at || end < begin)
			return malformed(w, "it does not begin where the one before it ends");
		ret = walk_span(w, (struct span){begin * 8, end * 8}, true, NULL, 0, 1);
		if (ret != 0)
			return ret;
		at = end;
	}
	/* What fills up the last shelf. */
	if (t->nodes_len != format_whole_units(at) + BITS_PAD || !take_zeros(w, &at, t->nodes_len))
		return why_set(w->why, ERR_FORMAT, "the buckets do not fill their part");
	return 0;
}

int walk_nodes(const struct trie *t, int (*each)(void *ctx, const struct walk_node *node),
    void *ctx, struct why *why)
{
	struct walk *w;
	int ret;

	if (t->bytes == NULL)
		return 0;
	w = malloc(sizeof(*w));
	if (w == NULL)
		return why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	w->t = t;
	w->each = each;
	w->ctx = ctx;
	w->why = why;
	ret = open_codes(w);
	if (ret == 0)
		ret = walk_buckets(w);
	free(w);
	return ret;
}

/* ---- Rules ---- */

struct rules {
	const struct trie *t;
	int (*each)(void *ctx, const struct rule *rule, uint16_t list);
	void *ctx;
};

/* `rule` once for each entry of its set. */
static int each_entry(const struct rules *r, struct rule *rule, uint32_t set)
{
	size_t n = trie_set_size(r->t, set);

	for (size_t i = 0; i < n; i++) {
		struct trie_entry entry = trie_set_entry(r->t, set, i);
		int ret;

		if (rule->name != NULL)
			rule->kind = entry.kind;
		rule->effect = trie_effect(r->t, entry.effect, &rule->effect_len);
		ret = r->each(r->ctx, rule, entry.list);
		if (ret != 0)
			return ret;
	}
	return 0;
}

static int node_rules(void *ctx, const struct walk_node *node)
{
	struct rule rule = {.name = node->name, .name_len = node->name_len};

	return each_entry(ctx, &rule, node->set);
}

int walk_rules(const struct trie *t, int (*each)(void *ctx, const struct rule *rule, uint16_t list),
    void *ctx, struct why *why)
{
	struct rules r = {t, each, ctx};
	int ret = walk_nodes(t, node_rules, &r, why);

	for (uint32_t i = 0; i < t->patterns.n && ret == 0; i++) {
		struct rule rule = {.kind = RULE_REGEX};
		struct patterns_source source;

		if (!patterns_source(&t->patterns, i, &source))
			return why_set(why, ERR_FORMAT, "expression %u is not whole", (unsigned)i);
		rule.regex = source.text;
		rule.regex_len = source.len;
		rule.inverted = source.inverted;
		ret = each_entry(&r, &rule, trie_regex_set(t, i));
	}
	for (uint32_t i = 0; i < t->networks.n && ret == 0; i++) {
		struct networks_source source = networks_at(&t->networks, i);
		struct rule rule = {.kind = RULE_ADDRESS, .network = source.network};

		ret = each_entry(&r, &rule, source.set);
	}
	return ret;
}
