/* verify.c - every set and slot of an image, one by one. */
#include "blocklists/verify.h"

#include <inttypes.h>

#include "blocklists/format.h"
#include "blocklists/trie.h"

static int verify_sets(const struct trie *t, struct why *why)
{
	const uint8_t *ends = t->bytes + t->sets_off;

	if (format_get_u32(ends) != 0 ||
	    format_get_u32(ends + 4 * (uint64_t)t->n_sets) != t->n_entries ||
	    (t->len - t->entries_off) % 2 != 0)
		return why_set(why, ERR_FORMAT,
		    "offset %" PRIu64 ": the sets do not fill their part", t->sets_off);
	for (uint64_t set = 1; set <= t->n_sets; set++) {
		size_t n;
		const uint8_t *entries = trie_set(t, set, &n);
		int last = -1;

		if (n == 0)
			return why_set(why, ERR_FORMAT,
			    "offset %" PRIu64 ": set %" PRIu64 " is empty or outside",
			    t->sets_off + 4 * set, set);
		for (size_t i = 0; i < n; i++, entries += 2) {
			uint16_t entry = format_get_u16(entries);

			if (entry <= last || format_entry_kind(entry) >= RULE_KINDS ||
			    format_entry_list(entry) >= t->n_lists)
				return why_set(why, ERR_FORMAT,
				    "offset %zu: a wrong entry of set %" PRIu64,
				    (size_t)(entries - t->bytes), set);
			last = entry;
		}
	}
	return 0;
}

/* Every node must be the one that a look-up of its own name ends at. */
static int verify_slots(const struct trie *t, struct why *why)
{
	uint64_t n_rules = 0, n_names = 0;

	for (uint64_t slot = 0; slot < t->n_slots; slot++) {
		struct trie_node node = trie_node(t, slot);
		uint8_t name[NAME_SIZE];
		const char *wrong = NULL;
		size_t n;

		if (node.label == 0)
			continue;
		trie_set(t, node.set, &n);
		if (trie_name(t, slot, name) == 0)
			wrong = "has no whole name";
		else if (trie_find(t, name) != slot + 1)
			wrong = "is not found where it is";
		else if (node.set > t->n_sets)
			wrong = "has a set that is not there";
		if (wrong != NULL)
			return why_set(why, ERR_FORMAT,
			    "offset %" PRIu64 ": the node of slot %" PRIu64 " %s",
			    FORMAT_HEADER + slot * t->slot_size, slot, wrong);
		n_names += n != 0;
		n_rules += n;
	}
	if (n_rules != t->n_rules || n_names != t->n_names)
		return why_set(why, ERR_FORMAT,
		    "offset %d: %" PRIu64 " rules and %" PRIu64
		    " names, but the header says %" PRIu64 " and %" PRIu64,
		    FORMAT_AT_RULES, n_rules, n_names, t->n_rules, t->n_names);
	return 0;
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
	int err = verify_checksum(bytes, len, why);

	if (err == 0)
		err = trie_open(&t, bytes, len, why);
	if (err == 0)
		err = verify_sets(&t, why);
	if (err == 0)
		err = verify_slots(&t, why);
	return err;
}
