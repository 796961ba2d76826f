/* build.c - rules are taken in as they come, and made into the parts of an image:
 *
 *   names      -> names.h (shards) -> layout.h (codes, directory, nodes, hubs)
 *   regexes    -> patterns.h          addresses -> networks.h
 *   effects and sets of rules, each kept once, and numbered by what they are, not by when they came
 */
#include "blocklists/build.h"

#include <string.h>

#include "blocklists/effect.h"
#include "blocklists/format.h"
#include "blocklists/grow.h"
#include "blocklists/layout.h"
#include "blocklists/names.h"
#include "blocklists/networks.h"
#include "blocklists/patterns.h"
#include "blocklists/regex.h"
#include "blocklists/sets.h"

/* A rule that is no name, and a rule that is taken out: what it matches, as bytes that tell it from
 * every other one (key_of()). */
struct odd {
	uint32_t off, len; /* of the key */
	/* Its kind is not the rule's, which stands in the key; of a cancelled rule the list is 0. */
	uint32_t entry;
};

struct odds {
	struct odd *of;
	size_t n, size;
};

struct effect_one {
	uint32_t off, len;
	uint32_t rank; /* in the image, from 1 */
};

struct build {
	struct names names;
	struct sets sets;
	struct odds others, cancelled;
	uint8_t *keys;
	size_t keys_len, keys_size;
	struct effect_one *effects; /* number 1 is effects[0] */
	size_t n_effects, effects_size;
	uint32_t *effect_index; /* of numbers by hash, open addressing */
	size_t effect_index_size;
	unsigned n_lists; /* above that of every rule */
	struct layout layout;
	/* --- sections, owned --- */
	uint32_t *regex_sets; /* ids */
	size_t n_regexes;
	uint8_t *patterns, *networks;
	size_t patterns_len, networks_len;
	uint64_t n_odd_rules;
	uint64_t regex_load, regex_size; /* of all expressions taken in */
};

struct build *build_new(void)
{
	struct build *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	names_init(&b->names);
	if (sets_init(&b->sets) != 0) {
		free(b);
		return NULL;
	}
	return b;
}

void build_free(struct build *b)
{
	if (b == NULL)
		return;
	names_fini(&b->names);
	sets_fini(&b->sets);
	layout_fini(&b->layout);
	free(b->others.of);
	free(b->cancelled.of);
	free(b->keys);
	free(b->effects);
	free(b->effect_index);
	free(b->regex_sets);
	free(b->patterns);
	free(b->networks);
	free(b);
}

/* ---- Taking rules in ---- */

static int keep(struct build *b, const void *bytes, size_t len, uint32_t *off)
{
	int err = grow((void **)&b->keys, &b->keys_size, b->keys_len + len, 1);

	if (err != 0)
		return err;
	if (len != 0)
		memcpy(b->keys + b->keys_len, bytes, len);
	*off = (uint32_t)b->keys_len;
	b->keys_len += len;
	return 0;
}

static uint32_t *effect_place(const struct build *b, const uint8_t *effect, size_t len)
{
	static const struct hash_key key = {0, 0};
	size_t at = (size_t)hash_siphash13(&key, effect, len);

	for (;; at++) {
		uint32_t *place = &b->effect_index[at & (b->effect_index_size - 1)];
		const struct effect_one *one;

		if (*place == 0)
			return place;
		one = &b->effects[*place - 1];
		if (one->len == len && memcmp(b->keys + one->off, effect, len) == 0)
			return place;
	}
}

static int grow_effect_index(struct build *b)
{
	size_t size = b->effect_index_size != 0 ? 2 * b->effect_index_size : 256;
	uint32_t *index = calloc(size, sizeof(*index));

	if (index == NULL)
		return ERR_NOMEM;
	free(b->effect_index);
	b->effect_index = index;
	b->effect_index_size = size;
	for (uint32_t i = 0; i < b->n_effects; i++)
		*effect_place(b, b->keys + b->effects[i].off, b->effects[i].len) = i + 1;
	return 0;
}

/* The number of an effect, which is no plain block, in the order of their coming. */
static int intern_effect(struct build *b, const uint8_t *effect, size_t len, uint32_t *number)
{
	uint32_t *place, off;
	int err = 0;

	if (len > EFFECT_SIZE)
		return ERR_RANGE;
	if (b->n_effects >= b->effect_index_size / 2)
		err = grow_effect_index(b);
	if (err != 0)
		return err;
	place = effect_place(b, effect, len);
	if (*place == 0) {
		if (b->n_effects == FORMAT_EFFECTS_MAX)
			return ERR_LIMIT;
		err = grow(
		    (void **)&b->effects, &b->effects_size, b->n_effects + 1, sizeof(*b->effects));
		if (err == 0)
			err = keep(b, effect, len, &off);
		if (err != 0)
			return err;
		b->effects[b->n_effects] = (struct effect_one){.off = off, .len = (uint32_t)len};
		*place = (uint32_t)++b->n_effects;
	}
	*number = *place;
	return 0;
}

#define KEY_REGEX 2 /* bytes before its text */

/* What a rule matches, as bytes behind the keys: its kind; then a turned name, `inverted` and text,
 * or family, length and bytes. */
static int key_of(struct build *b, const struct rule *rule, struct odd *odd)
{
	uint8_t head[1 + NAME_SIZE] = {(uint8_t)rule->kind};
	size_t len = 1;
	int err;

	switch (rule->kind) {
	case RULE_REGEX:
		head[len++] = rule->inverted;
		break;
	case RULE_ADDRESS:
		head[len++] = rule->network.family;
		head[len++] = rule->network.bits;
		memcpy(head + len, rule->network.bytes, 16);
		len += 16;
		break;
	default:
		len += names_turn(rule->name, head + 1);
		break;
	}
	err = keep(b, head, len, &odd->off);
	if (err == 0 && rule->kind == RULE_REGEX) {
		uint32_t off;

		err = keep(b, rule->regex, rule->regex_len, &off);
		len += rule->regex_len;
	}
	odd->len = (uint32_t)len;
	return err;
}

static int add_odd(struct build *b, struct odds *to, const struct rule *rule, uint32_t entry)
{
	struct odd odd = {.entry = entry};
	int err = grow((void **)&to->of, &to->size, to->n + 1, sizeof(*to->of));

	if (err == 0)
		err = key_of(b, rule, &odd);
	if (err == 0)
		to->of[to->n++] = odd;
	return err;
}

static bool is_rule(const struct rule *rule)
{
	switch (rule->kind) {
	case RULE_EXACT:
	case RULE_SUFFIX:
	case RULE_BELOW:
		return rule->name_len >= 3 && rule->name_len <= NAME_SIZE;
	case RULE_REGEX:
		return rule->regex != NULL;
	case RULE_ADDRESS:
		return true;
	default:
		return false;
	}
}

/* Does an expression fit beside the others?  Then what it costs is counted. */
static bool has_room(struct build *b, const struct rule *rule)
{
	uint64_t load = b->regex_load + rule->regex_load, size = b->regex_size + rule->regex_size;

	if (load > (uint64_t)PATTERNS_LOAD_MAX * REGEX_LOAD_ONE || size > PATTERNS_BYTES_MAX ||
	    b->others.n >= PATTERNS_MAX)
		return false;
	b->regex_load = load;
	b->regex_size = size;
	return true;
}

int build_add(struct build *b, const struct rule *rule, uint16_t list)
{
	uint32_t effect = 0;
	int err = 0;

	if (!is_rule(rule) || list >= RULE_LISTS_MAX)
		return ERR_RANGE;
	if (rule->effect_len != 0)
		err = intern_effect(b, rule->effect, rule->effect_len, &effect);
	if (err != 0)
		return err;
	if (rule->kind == RULE_REGEX && !has_room(b, rule))
		return ERR_LIMIT;
	if (rule->kind < RULE_NAME_KINDS)
		err = names_add(&b->names, rule->name, format_entry(rule->kind, list, effect));
	else
		err = add_odd(b, &b->others, rule, format_entry(RULE_EXACT, list, effect));
	if (err == 0 && list >= b->n_lists)
		b->n_lists = list + 1u;
	return err;
}

int build_cancel(struct build *b, const struct rule *rule)
{
	uint32_t effect = 0;
	int err = 0;

	if (!is_rule(rule))
		return ERR_RANGE;
	if (rule->effect_len != 0)
		err = intern_effect(b, rule->effect, rule->effect_len, &effect);
	return err != 0 ? err
			: add_odd(b, &b->cancelled, rule, format_entry(RULE_EXACT, 0, effect));
}

/* ---- Order that comes from the rules alone ---- */

static int compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_odd(const void *a, const void *b, void *ctx)
{
	const struct odd *x = a, *y = b;
	const uint8_t *keys = ctx;
	int order = compare_bytes(keys + x->off, x->len, keys + y->off, y->len);

	return order != 0 ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

struct ranking {
	const struct effect_one *effects;
	const uint8_t *keys;
};

static int compare_effect(const void *a, const void *b, void *ctx)
{
	const struct ranking *r = ctx;
	const struct effect_one *x = &r->effects[*(const uint32_t *)a];
	const struct effect_one *y = &r->effects[*(const uint32_t *)b];

	return compare_bytes(r->keys + x->off, x->len, r->keys + y->off, y->len);
}

/* order[0..n_effects): the effects by their bytes; each gets its rank. */
static void rank_effects(struct build *b, uint32_t *order)
{
	struct ranking ranking = {b->effects, b->keys};

	for (uint32_t i = 0; i < b->n_effects; i++)
		order[i] = i;
	if (b->n_effects != 0)
		qsort_r(order, b->n_effects, sizeof(*order), compare_effect, &ranking);
	for (uint32_t i = 0; i < b->n_effects; i++)
		b->effects[order[i]].rank = i + 1;
}

static uint32_t ranked(const struct build *b, uint32_t entry)
{
	uint32_t effect = format_entry_effect(entry);

	return effect == 0 ? entry
			   : format_entry(format_entry_kind(entry), format_entry_list(entry),
				 b->effects[effect - 1].rank);
}

static void sort_odds(struct build *b, struct odds *odds)
{
	for (size_t i = 0; i < odds->n; i++)
		odds->of[i].entry = ranked(b, odds->of[i].entry);
	if (odds->n != 0)
		qsort_r(odds->of, odds->n, sizeof(*odds->of), compare_odd, b->keys);
}

/* Is a rule with this key, kind's byte aside, and this effect taken out?  `entry` is ranked. */
static bool is_cancelled(
    const struct build *b, uint8_t kind, const uint8_t *key, size_t len, uint32_t entry)
{
	size_t from = 0, to = b->cancelled.n;
	uint32_t effect = format_entry_effect(entry);

	while (from < to) {
		size_t at = from + (to - from) / 2;
		const struct odd *odd = &b->cancelled.of[at];
		const uint8_t *found = b->keys + odd->off;
		int order = found[0] - kind;

		if (order == 0)
			order = compare_bytes(found + 1, odd->len - 1, key, len);
		if (order == 0 && format_entry_effect(odd->entry) == effect)
			return true;
		if (order < 0 || (order == 0 && format_entry_effect(odd->entry) < effect))
			from = at + 1;
		else
			to = at;
	}
	return false;
}

static int compare_entry(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* names_filter_fn: the final entries of a name. */
static void finish_name(void *ctx, const uint8_t *turned, size_t len, uint32_t *entries, size_t *n)
{
	const struct build *b = ctx;
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		uint32_t entry = ranked(b, entries[i]);

		if (b->cancelled.n == 0 ||
		    !is_cancelled(b, (uint8_t)format_entry_kind(entry), turned, len, entry))
			entries[kept++] = entry;
	}
	*n = kept;
	if (kept > 1)
		qsort(entries, kept, sizeof(*entries), compare_entry);
}

/* ---- Regexes and networks ---- */

/* The set of the rules from others.of[i] on that have its key; *end: behind them.  0: all are
 * cancelled. */
static int odd_set(struct build *b, size_t i, size_t *end, uint32_t *set)
{
	const struct odd *first = &b->others.of[i];
	const uint8_t *key = b->keys + first->off;
	uint32_t *entries;
	size_t n = 0;
	int err;

	for (*end = i; *end < b->others.n; (*end)++) {
		const struct odd *odd = &b->others.of[*end];

		if (compare_bytes(b->keys + odd->off, odd->len, key, first->len) != 0)
			break;
	}
	entries = malloc((*end - i) * sizeof(*entries));
	if (entries == NULL)
		return ERR_NOMEM;
	for (; i < *end; i++) {
		uint32_t entry = b->others.of[i].entry;

		if ((n == 0 || entries[n - 1] != entry) &&
		    !is_cancelled(b, key[0], key + 1, first->len - 1, entry))
			entries[n++] = entry;
	}
	err = sets_intern(&b->sets, entries, n, set);
	b->n_odd_rules += err == 0 ? n : 0;
	free(entries);
	return err;
}

static struct networks_source network_of(const struct build *b, const struct odd *odd, uint32_t set)
{
	const uint8_t *key = b->keys + odd->off;
	struct networks_source source = {.set = set};

	source.network.family = key[1];
	source.network.bits = key[2];
	memcpy(source.network.bytes, key + 3, 16);
	return source;
}

struct odd_sources {
	struct patterns_source *regexes;
	struct networks_source *networks;
	size_t n_networks;
};

/* Every rule that is no name, once, with the id of its set. */
static int gather_odds(struct build *b, struct odd_sources *to)
{
	for (size_t i = 0, end; i < b->others.n; i = end) {
		const struct odd *odd = &b->others.of[i];
		const uint8_t *key = b->keys + odd->off;
		uint32_t set;
		int err = odd_set(b, i, &end, &set);

		if (err != 0)
			return err;
		if (set == 0)
			continue;
		if (key[0] == RULE_ADDRESS) {
			to->networks[to->n_networks++] = network_of(b, odd, set);
			continue;
		}
		to->regexes[b->n_regexes] = (struct patterns_source){
		    .text = (const char *)key + KEY_REGEX,
		    .len = odd->len - KEY_REGEX,
		    .inverted = key[1] != 0,
		};
		b->regex_sets[b->n_regexes++] = set;
	}
	return 0;
}

/* The sections of regexes and networks; sets are numbered already. */
static int build_odds(struct build *b, struct odd_sources *from, struct why *why)
{
	int err = 0;

	for (size_t i = 0; i < b->n_regexes; i++)
		b->regex_sets[i] = b->sets.of[b->regex_sets[i]].number;
	for (size_t i = 0; i < from->n_networks; i++)
		from->networks[i].set = b->sets.of[from->networks[i].set].number;
	if (b->n_regexes != 0)
		err = patterns_build(
		    from->regexes, b->n_regexes, &b->patterns, &b->patterns_len, why);
	if (err == 0 && from->n_networks != 0)
		err = networks_build(
		    from->networks, from->n_networks, &b->networks, &b->networks_len);
	return err;
}

/* ---- The image ---- */

/* The parts behind the header, one after the other. */
struct places {
	size_t codes, directory, nodes, hub_ends, hub_names, set_ends, entries, regex_sets,
	    effect_ends, effects, patterns, networks, end;
};

static size_t effects_len(const struct build *b)
{
	size_t len = 0;

	for (size_t i = 0; i < b->n_effects; i++)
		len += b->effects[i].len;
	return len;
}

static struct places find_places(const struct build *b)
{
	const struct layout *l = &b->layout;
	struct places p = {.codes = FORMAT_HEADER};

	p.directory = p.codes + FORMAT_CODES * sizeof(codes_word);
	p.nodes = p.directory + (size_t)format_directory_len(l->n_buckets);
	p.hub_ends = p.nodes + l->nodes_len;
	p.hub_names = p.hub_ends + 4 * (l->n_hubs + 1);
	p.set_ends = p.hub_names + layout_hub_names_len(l);
	p.entries = p.set_ends + 4 * b->sets.n;
	p.regex_sets = p.entries + 4 * b->sets.n_entries;
	p.effect_ends = p.regex_sets + 4 * b->n_regexes;
	p.effects = p.effect_ends + 4 * (b->n_effects + 1);
	p.patterns = p.effects + effects_len(b);
	p.networks = p.patterns + b->patterns_len;
	p.end = p.networks + b->networks_len;
	return p;
}

static void write_header(
    const struct build *b, const struct places *p, unsigned n_lists, uint64_t n_rules, uint8_t *to)
{
	const struct layout *l = &b->layout;

	memcpy(to + FORMAT_AT_MAGIC, FORMAT_MAGIC, FORMAT_MAGIC_LEN);
	format_put(to + FORMAT_AT_VERSION, FORMAT_VERSION, 8);
	format_put(to + FORMAT_AT_LEN, p->end, 8);
	format_put(to + FORMAT_AT_RULES, n_rules, 8);
	format_put(to + FORMAT_AT_NAMES, l->n_names, 8);
	format_put(to + FORMAT_AT_SEED, l->seed, 8);
	format_put(to + FORMAT_AT_BUCKETS, l->n_buckets, 4);
	format_put(to + FORMAT_AT_NODES_LEN, l->nodes_len, 4);
	format_put(to + FORMAT_AT_HUBS, l->n_hubs, 4);
	format_put(to + FORMAT_AT_HUB_NAMES_LEN, p->set_ends - p->hub_names, 4);
	format_put(to + FORMAT_AT_SETS, b->sets.n - 1, 4);
	format_put(to + FORMAT_AT_ENTRIES, b->sets.n_entries, 4);
	format_put(to + FORMAT_AT_REGEXES, b->n_regexes, 4);
	format_put(to + FORMAT_AT_EFFECTS, b->n_effects, 4);
	format_put(to + FORMAT_AT_EFFECTS_LEN, p->patterns - p->effects, 4);
	format_put(to + FORMAT_AT_PATTERNS_LEN, b->patterns_len, 4);
	format_put(to + FORMAT_AT_NETWORKS_LEN, b->networks_len, 4);
	format_put(to + FORMAT_AT_LISTS, n_lists, 4);
}

/* Which names the plain entries of a set block: see FORMAT_SET_HERE. */
static uint32_t set_flags(const uint32_t *entries, uint32_t n)
{
	uint32_t flags = 0;

	for (uint32_t i = 0; i < n && format_entry_effect(entries[i]) == 0; i++) {
		enum rule_kind kind = format_entry_kind(entries[i]);

		flags |= kind != RULE_BELOW ? FORMAT_SET_HERE : 0;
		flags |= kind != RULE_EXACT ? FORMAT_SET_BELOW : 0;
	}
	return flags;
}

/* Sets in the order of their numbers.  Returns how many rules there are in all. */
static int write_sets(const struct build *b, uint8_t *ends, uint8_t *to, uint64_t *n_rules)
{
	const struct sets *s = &b->sets;
	uint32_t *by_number = calloc(s->n, sizeof(*by_number));
	uint32_t at = 0;

	if (by_number == NULL)
		return ERR_NOMEM;
	for (uint32_t id = 1; id < s->n; id++)
		by_number[s->of[id].number] = id;
	*n_rules = b->n_odd_rules;
	for (uint32_t number = 1; number < s->n; number++) {
		const struct sets_one *one = &s->of[by_number[number]];
		const uint32_t *entries = s->entries + one->off;

		for (uint32_t i = 0; i < one->n; i++)
			format_put(to + 4 * (size_t)(at + i), entries[i], 4);
		at += one->n;
		format_put(ends + 4 * (size_t)number, at | set_flags(entries, one->n), 4);
		*n_rules += one->n * one->n_uses;
	}
	free(by_number);
	return 0;
}

static void write_effects(const struct build *b, const uint32_t *order, uint8_t *ends, uint8_t *to)
{
	size_t at = 0;

	for (size_t i = 0; i < b->n_effects; i++) {
		const struct effect_one *one = &b->effects[order[i]];

		memcpy(to + at, b->keys + one->off, one->len);
		at += one->len;
		format_put(ends + 4 * (i + 1), at, 4);
	}
}

static int write_image(struct build *b, unsigned n_lists, const uint32_t *effect_order,
    uint8_t **bytes, size_t *len, struct why *why)
{
	struct places p = find_places(b);
	uint64_t n_rules;
	uint8_t *to;
	int err;

	if (b->sets.n_entries > FORMAT_SET_END || p.end > UINT32_MAX)
		return why_set(why, ERR_LIMIT, "more rules than an image can hold");
	to = calloc(1, p.end);
	if (to == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < FORMAT_CODES; i++)
		format_put(
		    to + p.codes + i * sizeof(codes_word), b->layout.codes[i], sizeof(codes_word));
	err = write_sets(b, to + p.set_ends, to + p.entries, &n_rules);
	if (err != 0) {
		free(to);
		return err;
	}
	layout_write(&b->layout, to + p.directory, to + p.nodes);
	layout_write_hubs(&b->layout, to + p.hub_ends, to + p.hub_names);
	for (size_t i = 0; i < b->n_regexes; i++)
		format_put(to + p.regex_sets + 4 * i, b->regex_sets[i], 4);
	write_effects(b, effect_order, to + p.effect_ends, to + p.effects);
	if (b->patterns_len != 0)
		memcpy(to + p.patterns, b->patterns, b->patterns_len);
	if (b->networks_len != 0)
		memcpy(to + p.networks, b->networks, b->networks_len);
	write_header(b, &p, n_lists, n_rules, to);
	format_put(to + FORMAT_AT_SUM, format_sum(to, p.end), 8);
	*bytes = to;
	*len = p.end;
	return 0;
}

static int merge_names(struct build *b)
{
	/* Without effects and cancelled rules the entries are final as they came. */
	bool as_they_are = b->n_effects == 0 && b->cancelled.n == 0;

	for (unsigned shard = 0; shard < NAMES_SHARDS; shard++) {
		int err =
		    names_merge(&b->names, shard, &b->sets, as_they_are ? NULL : finish_name, b);

		if (err != 0)
			return err;
	}
	grow_give_back();
	return 0;
}

int build_image(struct build *b, unsigned n_lists, uint8_t **bytes, size_t *len, struct why *why)
{
	struct odd_sources sources = {0};
	uint32_t *effect_order;
	int err = 0;

	if (b->n_lists > n_lists)
		return why_set(
		    why, ERR_RANGE, "a rule of list %u, of %u lists", b->n_lists - 1, n_lists);
	/* Unless there is another reason. */
	why_set(why, ERR_LIMIT, "more rules than an image can hold");
	effect_order = calloc(b->n_effects + 1, sizeof(*effect_order));
	sources.regexes = calloc(b->others.n + 1, sizeof(*sources.regexes));
	sources.networks = calloc(b->others.n + 1, sizeof(*sources.networks));
	b->regex_sets = calloc(b->others.n + 1, sizeof(*b->regex_sets));
	if (effect_order == NULL || sources.regexes == NULL || sources.networks == NULL ||
	    b->regex_sets == NULL)
		err = ERR_NOMEM;
	if (err == 0) {
		rank_effects(b, effect_order);
		sort_odds(b, &b->cancelled);
		sort_odds(b, &b->others);
		err = merge_names(b);
	}
	if (err == 0)
		err = gather_odds(b, &sources);
	if (err == 0)
		err = layout_plan(&b->layout, &b->names, &b->sets, why);
	names_fini(&b->names);
	grow_give_back();
	if (err == 0)
		err = build_odds(b, &sources, why);
	if (err == 0)
		err = write_image(b, n_lists, effect_order, bytes, len, why);
	free(effect_order);
	free(sources.regexes);
	free(sources.networks);
	return err == ERR_NOMEM ? why_set(why, err, "%s", err_text(err)) : err;
}
