/* trie.c - reading an image. */
#include "blocklists/trie.h"

#include "blocklists/format.h"

/* A look-up on its way down from the root. */
struct path {
	uint64_t node; /* slot + 1; 0: the root */
	uint64_t hash;
	unsigned n_left; /* labels not yet followed */
	uint8_t label_off[NAME_LABELS_MAX];
};

static int open_widths(const struct trie *t, struct why *why)
{
	unsigned bits = (unsigned)t->tag_bits + t->parent_bits + t->label_bits + t->set_bits;

	if (t->tag_bits > FORMAT_TAG_MAX || t->parent_bits > FORMAT_FIELD_MAX ||
	    t->label_bits > FORMAT_FIELD_MAX || t->set_bits > FORMAT_FIELD_MAX ||
	    t->slot_size > FORMAT_SLOT_MAX || bits > 8u * t->slot_size || bits == 0)
		return why_set(why, ERR_FORMAT, "the widths of a slot's fields do not fit");
	if (t->n_slots > UINT32_MAX || t->n_probes > FORMAT_PROBES_MAX ||
	    t->n_probes > t->n_slots || (t->n_slots != 0 && t->n_probes == 0))
		return why_set(why, ERR_FORMAT, "a wrong number of slots or probes");
	return 0;
}

/* The parts lie one behind the other and fill the image. */
static int open_parts(struct trie *t, uint64_t sets_len, struct why *why)
{
	uint64_t slots_len = t->n_slots * t->slot_size; /* below 2^36: open_widths() */
	uint64_t left = t->len - FORMAT_HEADER;

	if (slots_len > left || t->labels_len > left - slots_len ||
	    sets_len != left - slots_len - t->labels_len)
		return why_set(why, ERR_FORMAT, "the parts do not fill its %zu bytes", t->len);
	if (t->labels_len < FORMAT_LABELS_PAD)
		return why_set(why, ERR_FORMAT, "the labels do not begin with their padding");
	if (sets_len < 4 * ((uint64_t)t->n_sets + 1))
		return why_set(why, ERR_FORMAT, "%u sets do not fit into their part", t->n_sets);
	t->labels_off = FORMAT_HEADER + slots_len;
	t->sets_off = t->labels_off + t->labels_len;
	t->entries_off = t->sets_off + 4 * ((uint64_t)t->n_sets + 1);
	t->n_entries = (t->len - t->entries_off) / 2;
	return 0;
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
	    .n_slots = format_get_u64(p + FORMAT_AT_SLOTS),
	    .labels_len = format_get_u64(p + FORMAT_AT_LABELS),
	    .seed = format_get_u64(p + FORMAT_AT_SEED),
	    .n_sets = format_get_u32(p + FORMAT_AT_SETS),
	    .n_probes = p[FORMAT_AT_PROBES],
	    .slot_size = p[FORMAT_AT_PROBES + 1],
	    .tag_bits = p[FORMAT_AT_PROBES + 2],
	    .parent_bits = p[FORMAT_AT_PROBES + 3],
	    .label_bits = p[FORMAT_AT_PROBES + 4],
	    .set_bits = p[FORMAT_AT_PROBES + 5],
	};

	err = open_widths(&opened, why);
	if (err == 0)
		err = open_parts(&opened, format_get_u64(p + FORMAT_AT_SETS_LEN), why);
	if (err != 0)
		return err;
	/* The last home has room for all its probes, so that none wraps around. */
	if (opened.n_slots != 0)
		opened.n_homes = opened.n_slots - opened.n_probes + 1;
	*t = opened;
	return 0;
}

static const uint8_t *slot_at(const struct trie *t, uint64_t slot)
{
	return t->bytes + FORMAT_HEADER + slot * t->slot_size;
}

struct trie_node trie_node(const struct trie *t, uint64_t slot)
{
	const uint8_t *p = slot_at(t, slot);
	unsigned label_shift = t->tag_bits + t->parent_bits;

	return (struct trie_node){
	    .parent = format_field(p, t->tag_bits, t->parent_bits),
	    .label = format_field(p, label_shift, t->label_bits),
	    .set = format_field(p, label_shift + t->label_bits, t->set_bits),
	};
}

/* The label (length byte and bytes) at `off`, or NULL where it is not whole or no label. */
static const uint8_t *label_at(const struct trie *t, uint64_t off)
{
	const uint8_t *label = t->bytes + t->labels_off + off;

	if (off >= t->labels_len || *label == 0 || *label > NAME_LABEL_MAX ||
	    *label >= t->labels_len - off)
		return NULL;
	return label;
}

/* One step down: the child of `parent` with `label` and the path hash `hash`, as slot + 1. */
static uint64_t find_child(
    const struct trie *t, uint64_t parent, uint64_t hash, const uint8_t *label)
{
	unsigned key_bits = t->tag_bits + t->parent_bits; /* at most 48 */
	uint64_t tag_mask = (UINT64_C(1) << t->tag_bits) - 1;
	uint64_t key_mask = (UINT64_C(1) << key_bits) - 1;
	uint64_t key = parent << t->tag_bits | (hash & tag_mask);
	uint64_t home = format_home(hash, t->n_homes);
	const uint8_t *p = slot_at(t, home);

	for (unsigned i = 0; i < t->n_probes; i++, p += t->slot_size) {
		uint64_t label_off = format_field(p, key_bits, t->label_bits);
		const uint8_t *found;

		if (label_off == 0)
			return 0;
		if ((format_get_u64(p) & key_mask) != key)
			continue;
		found = label_at(t, label_off);
		if (found != NULL && format_label_equal(found, label))
			return home + i + 1;
	}
	return 0;
}

static void path_start(struct path *path, const uint8_t *name)
{
	unsigned n = 0;

	for (unsigned off = 0; name[off] != 0; off += name[off] + 1u)
		path->label_off[n++] = (uint8_t)off;
	path->n_left = n;
	path->node = path->hash = 0;
}

/* Follow the rightmost label not yet followed.  False: there is no such node. */
static bool path_down(struct path *path, const struct trie *t, const uint8_t *name)
{
	const uint8_t *label = name + path->label_off[--path->n_left];

	path->hash = format_hash(t->seed, path->hash, label);
	path->node = find_child(t, path->node, path->hash, label);
	return path->node != 0;
}

const uint8_t *trie_set(const struct trie *t, uint64_t set, size_t *n)
{
	const uint8_t *ends = t->bytes + t->sets_off;
	uint32_t from, to;

	*n = 0;
	if (set == 0 || set > t->n_sets)
		return NULL;
	from = format_get_u32(ends + 4 * (set - 1));
	to = format_get_u32(ends + 4 * set);
	if (from > to || to > t->n_entries)
		return NULL;
	*n = to - from;
	return t->bytes + t->entries_off + 2 * (uint64_t)from;
}

/* Does a rule of this set cover the name that lies here (`below` false) or further down?  Entries
 * are sorted by kind: exact, suffix, below. */
static bool set_blocks(const struct trie *t, uint64_t set, bool below)
{
	size_t n;
	const uint8_t *entries = trie_set(t, set, &n);

	if (n == 0)
		return false;
	if (below)
		return format_entry_kind(format_get_u16(entries + 2 * (n - 1))) >= RULE_SUFFIX;
	return format_entry_kind(format_get_u16(entries)) <= RULE_SUFFIX;
}

bool trie_blocks(const struct trie *t, const uint8_t *name)
{
	struct path path;

	if (t->n_slots == 0)
		return false;
	path_start(&path, name);
	while (path.n_left != 0) {
		if (!path_down(&path, t, name))
			return false;
		if (set_blocks(t, trie_node(t, path.node - 1).set, path.n_left != 0))
			return true;
	}
	return false;
}

uint64_t trie_find(const struct trie *t, const uint8_t *name)
{
	struct path path;

	if (t->n_slots == 0)
		return 0;
	path_start(&path, name);
	while (path.n_left != 0) {
		if (!path_down(&path, t, name))
			return 0;
	}
	return path.node;
}

size_t trie_matches(const struct trie *t, const uint8_t *name, struct trie_match *out, size_t max)
{
	uint64_t sets[NAME_LABELS_MAX];
	struct path path;
	unsigned depth = 0;
	bool whole = false;
	size_t n_found = 0;

	if (t->n_slots == 0)
		return 0;
	path_start(&path, name);
	while (path.n_left != 0 && path_down(&path, t, name)) {
		sets[depth++] = trie_node(t, path.node - 1).set;
		whole = path.n_left == 0;
	}
	for (; depth != 0; depth--, whole = false) {
		size_t n;
		const uint8_t *entries = trie_set(t, sets[depth - 1], &n);

		for (size_t i = 0; i < n; i++) {
			uint16_t entry = format_get_u16(entries + 2 * i);
			enum rule_kind kind = format_entry_kind(entry);

			if (kind == (whole ? RULE_BELOW : RULE_EXACT) || kind >= RULE_KINDS)
				continue;
			if (n_found < max)
				out[n_found] = (struct trie_match){
				    format_entry_list(entry), kind, (uint8_t)depth};
			n_found++;
		}
	}
	return n_found;
}

size_t trie_name(const struct trie *t, uint64_t slot, uint8_t name[NAME_SIZE])
{
	size_t len = 0;

	for (;;) {
		struct trie_node node = trie_node(t, slot);
		const uint8_t *label = label_at(t, node.label);

		/* A circle of parents ends here too: each step adds two bytes or more. */
		if (label == NULL || len + 1u + *label >= NAME_SIZE || node.parent > t->n_slots)
			return 0;
		memcpy(name + len, label, 1u + *label);
		len += 1u + *label;
		if (node.parent == 0)
			break;
		slot = node.parent - 1;
	}
	name[len] = 0;
	return len + 1;
}

int trie_each(const struct trie *t, int (*each)(void *ctx, const struct rule *rule), void *ctx)
{
	for (uint64_t slot = 0; slot < t->n_slots; slot++) {
		struct trie_node node = trie_node(t, slot);
		struct rule rule;
		const uint8_t *entries;
		size_t n;

		entries = trie_set(t, node.set, &n);
		if (n == 0 || node.label == 0)
			continue;
		rule.name_len = (uint8_t)trie_name(t, slot, rule.name);
		for (size_t i = 0; i < n && rule.name_len != 0; i++) {
			uint16_t entry = format_get_u16(entries + 2 * i);
			int ret;

			rule.kind = format_entry_kind(entry);
			rule.list = format_entry_list(entry);
			ret = rule.kind < RULE_KINDS ? each(ctx, &rule) : 0;
			if (ret != 0)
				return ret;
		}
	}
	return 0;
}
