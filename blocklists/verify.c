/* verify.c - every part of an image. */
#include "blocklists/verify.h"

#include <inttypes.h>
#include <stdlib.h>

#include "blocklists/effect.h"
#include "blocklists/format.h"
#include "blocklists/trie.h"
#include "blocklists/walk.h"

/* What a walk over the nodes finds. */
struct found {
	const struct trie *t;
	struct why *why;
	uint8_t *hubs; /* by number: has been met */
	uint64_t n_names, n_rules;
	uint32_t n_hubs;
};

static int verify_set(const struct trie *t, uint32_t set, struct why *why)
{
	uint32_t word = format_get_u32(t->set_ends + 4 * (size_t)set), flags = 0;
	size_t n = trie_set_size(t, set);
	int64_t last = -1;

	if (n == 0)
		return why_set(why, ERR_FORMAT, "set %" PRIu32 " is empty or lies outside", set);
	for (size_t i = 0; i < n; i++) {
		struct trie_entry e = trie_set_entry(t, set, i);
		uint32_t entry = format_entry(e.kind, e.list, e.effect);

		if (entry <= last || e.kind >= RULE_NAME_KINDS || e.list >= t->n_lists ||
		    e.effect > t->n_effects)
			return why_set(
			    why, ERR_FORMAT, "set %" PRIu32 ": entry %zu is wrong", set, i);
		if (e.effect == 0) {
			flags |= e.kind != RULE_BELOW ? FORMAT_SET_HERE : 0;
			flags |= e.kind != RULE_EXACT ? FORMAT_SET_BELOW : 0;
		}
		last = entry;
	}
	if ((word & ~FORMAT_SET_END) != flags)
		return why_set(why, ERR_FORMAT, "set %" PRIu32 ": its flags are wrong", set);
	return 0;
}

static int verify_sets(const struct trie *t, struct why *why)
{
	int err = 0;

	if (format_get_u32(t->set_ends) != 0 ||
	    (format_get_u32(t->set_ends + 4 * (size_t)t->n_sets) & FORMAT_SET_END) != t->n_entries)
		return why_set(why, ERR_FORMAT, "the sets do not fill their part");
	for (uint32_t set = 1; set <= t->n_sets && err == 0; set++)
		err = verify_set(t, set, why);
	return err;
}

static int verify_effects(const struct trie *t, struct why *why)
{
	const uint8_t *last = NULL;
	size_t last_len = 0;

	if (format_get_u32(t->effect_ends) != 0 ||
	    format_get_u32(t->effect_ends + 4 * (size_t)t->n_effects) != t->effects_len)
		return why_set(why, ERR_FORMAT, "the effects do not fill their part");
	for (uint32_t number = 1; number <= t->n_effects; number++) {
		size_t len;
		const uint8_t *effect = trie_effect(t, number, &len);
		int order = 1;

		if (effect == NULL || len == 0 || effect_check(effect, len) != 0)
			return why_set(why, ERR_FORMAT, "effect %" PRIu32 " is malformed", number);
		if (last != NULL)
			order = memcmp(effect, last, len < last_len ? len : last_len);
		if (order < 0 || (order == 0 && len <= last_len))
			return why_set(
			    why, ERR_FORMAT, "effect %" PRIu32 " stands in a wrong place", number);
		last = effect;
		last_len = len;
	}
	return 0;
}

static int verify_node(void *ctx, const struct walk_node *node)
{
	struct found *found = ctx;
	const struct trie *t = found->t;

	if (node->parent_hub != UINT32_MAX &&
	    format_bucket(format_hash(t->seed, node->name, node->name_len - 1), t->n_buckets) !=
		node->bucket)
		return why_set(found->why, ERR_FORMAT,
		    "bucket %" PRIu32 ": a name that belongs elsewhere", node->bucket);
	if (node->hub != UINT32_MAX) {
		uint32_t from = format_get_u32(t->hub_ends + 4 * (size_t)node->hub);
		uint32_t to = format_get_u32(t->hub_ends + 4 * ((size_t)node->hub + 1));

		if (found->hubs[node->hub]++ != 0 || from > to || to > t->hub_names_len ||
		    to - from != node->name_len ||
		    memcmp(t->hub_names + from, node->name, node->name_len) != 0)
			return why_set(found->why, ERR_FORMAT,
			    "hub %" PRIu32 ": it stands there twice or has another's name",
			    node->hub);
		found->n_hubs++;
	}
	found->n_names += node->set != 0;
	found->n_rules += trie_set_size(t, node->set);
	return 0;
}

static int verify_nodes(const struct trie *t, struct found *found)
{
	int err;

	found->hubs = calloc(t->n_hubs, 1);
	if (found->hubs == NULL)
		return why_set(found->why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	err = walk_nodes(t, verify_node, found, found->why);
	free(found->hubs);
	if (err != 0)
		return err;
	if (found->n_hubs + 1 != t->n_hubs || format_get_u32(t->hub_ends) != 0 ||
	    format_get_u32(t->hub_ends + 4 * (size_t)t->n_hubs) != t->hub_names_len)
		return why_set(found->why, ERR_FORMAT, "a hub is missing");
	return 0;
}

/* Regexes and networks, with the rules of each. */
static int verify_odds(const struct trie *t, struct found *found)
{
	int err = 0;

	if (t->patterns.n != 0)
		err = patterns_verify(&t->patterns, found->why);
	if (err == 0 && t->networks.n != 0)
		err = networks_verify(&t->networks, found->why);
	for (uint32_t i = 0; i < t->patterns.n && err == 0; i++) {
		size_t n = trie_set_size(t, trie_regex_set(t, i));

		found->n_rules += n;
		if (n == 0)
			err = why_set(
			    found->why, ERR_FORMAT, "expression %" PRIu32 " has no rule", i);
	}
	for (uint32_t i = 0; i < t->networks.n && err == 0; i++) {
		size_t n = trie_set_size(t, networks_at(&t->networks, i).set);

		found->n_rules += n;
		if (n == 0)
			err = why_set(found->why, ERR_FORMAT, "network %" PRIu32 " has no rule", i);
	}
	return err;
}

int verify_checksum(const void *bytes, size_t len, struct why *why)
{
	struct trie t;
	int err = trie_open(&t, bytes, len, why);

	if (err == 0 && format_sum(bytes, len) != format_get_u64(t.bytes + FORMAT_AT_SUM))
		err = why_set(why, ERR_FORMAT, "offset %d: the checksum is wrong", FORMAT_AT_SUM);
	return err;
}

int verify_image(const void *bytes, size_t len, struct why *why)
{
	struct trie t;
	struct found found = {.t = &t, .why = why};
	int err = verify_checksum(bytes, len, why);

	if (err == 0)
		err = trie_open(&t, bytes, len, why);
	if (err == 0)
		err = verify_sets(&t, why);
	if (err == 0)
		err = verify_effects(&t, why);
	if (err == 0)
		err = verify_nodes(&t, &found);
	if (err == 0)
		err = verify_odds(&t, &found);
	if (err == 0 && (found.n_rules != t.n_rules || found.n_names != t.n_names))
		err = why_set(why, ERR_FORMAT,
		    "%" PRIu64 " rules and %" PRIu64 " names, but the header says %" PRIu64
		    " and %" PRIu64,
		    found.n_rules, found.n_names, t.n_rules, t.n_names);
	return err;
}
