/* overlay.c - the table of the user's own rules. */
#include "resolver/core/overlay.h"

#include <stdlib.h>
#include <string.h>

/* A rule begins with its action and what else it has. */
#define BEFORE_ANSWER 2
#define HAS_EXACT     1
#define HAS_ANSWER    2

struct overlay *overlay_new(const struct hash_key *key)
{
	struct overlay *o = calloc(1, sizeof(*o));

	if (o != NULL)
		o->key = *key;
	return o;
}

size_t overlay_put(uint8_t out[OVERLAY_RULE_SIZE], const struct overlay_rule *rule)
{
	size_t len = name_len(rule->name), off = BEFORE_ANSWER;

	out[0] = (uint8_t)rule->action;
	out[1] = (uint8_t)((rule->exact ? HAS_EXACT : 0) | (rule->answer != NULL ? HAS_ANSWER : 0));
	if (rule->answer != NULL) {
		memcpy(out + off, rule->answer, sizeof(*rule->answer));
		off += sizeof(*rule->answer);
	}
	memcpy(out + off, rule->name, len);
	return off + len;
}

/* The rule whose first bytes are sound. */
static struct overlay_rule rule_at(const uint8_t *bytes)
{
	struct overlay_rule rule = {
	    .action = (enum overlay_action)bytes[0],
	    .exact = (bytes[1] & HAS_EXACT) != 0,
	    .name = bytes + BEFORE_ANSWER,
	};

	if ((bytes[1] & HAS_ANSWER) != 0) {
		rule.answer = (const struct block_answer *)rule.name;
		rule.name += sizeof(*rule.answer);
	}
	return rule;
}

/* The rule at bytes[0..len), borrowed; its length, or 0: there is none. */
static size_t read_rule(const uint8_t *bytes, size_t len, struct overlay_rule *rule)
{
	uint8_t name[NAME_SIZE];
	size_t off, start, size;

	if (len < BEFORE_ANSWER || (bytes[0] != OVERLAY_ALLOW && bytes[0] != OVERLAY_BLOCK) ||
	    bytes[1] > (HAS_EXACT | HAS_ANSWER))
		return 0;
	*rule = rule_at(bytes);
	start = off = (size_t)(rule->name - bytes);
	if (rule->answer != NULL &&
	    (bytes[0] != OVERLAY_BLOCK || len < off || !block_answer_valid(rule->answer)))
		return 0;
	if (name_read(bytes, len, &off, name, &size) != 0 || off != start + size)
		return 0;
	return off;
}

static uint32_t first_slot(const struct overlay *o, const uint8_t *name, size_t len)
{
	return (uint32_t)hash_siphash13(&o->key, name, len) & (OVERLAY_SLOTS - 1);
}

static void add(struct overlay *o, size_t off, const struct overlay_rule *rule)
{
	unsigned depth = name_labels(rule->name);
	uint32_t i = first_slot(o, rule->name, name_len(rule->name));

	while (o->slot[i] != 0)
		i = (i + 1) & (OVERLAY_SLOTS - 1);
	o->slot[i] = (uint32_t)off + 1;
	o->depths[depth / 64] |= (uint64_t)1 << depth % 64;
	o->n_rules++;
	o->n_blocks += rule->action == OVERLAY_BLOCK;
	o->n_answers += rule->answer != NULL;
}

/* Are these rules, and not too many? */
static int check(const uint8_t *rules, size_t len)
{
	struct overlay_rule rule;
	size_t off = 0, size, n = 0;

	for (; off < len; off += size) {
		size = read_rule(rules + off, len - off, &rule);
		if (size == 0)
			return ERR_FORMAT;
		if (++n > OVERLAY_RULES_MAX)
			return ERR_RANGE;
	}
	return 0;
}

int overlay_set(struct overlay *o, bool paused, const uint8_t *rules, size_t len)
{
	struct overlay_rule rule;
	int err = check(rules, len);

	if (err != 0)
		return err;
	o->paused = paused;
	o->n_rules = o->n_blocks = o->n_answers = 0;
	memset(o->depths, 0, sizeof(o->depths));
	memset(o->slot, 0, sizeof(o->slot));
	if (len != 0)
		memcpy(o->rules, rules, len);
	for (size_t off = 0, size; (size = read_rule(o->rules + off, len - off, &rule)) != 0;
	     off += size)
		add(o, off, &rule);
	return 0;
}

/* The rules on name[0..len) that are exact, or are not, in the order in which they were given: at most
 * `max` into out.  Returns how many. */
static size_t find(const struct overlay *o, const uint8_t *name, size_t len, bool exact,
    struct overlay_rule *out, size_t max)
{
	size_t n = 0;

	for (uint32_t i = first_slot(o, name, len); o->slot[i] != 0 && n < max;
	     i = (i + 1) & (OVERLAY_SLOTS - 1)) {
		const struct overlay_rule rule = rule_at(o->rules + o->slot[i] - 1);

		if (rule.exact == exact && memcmp(rule.name, name, len) == 0)
			out[n++] = rule;
	}
	return n;
}

size_t overlay_matches(
    const struct overlay *o, const uint8_t *name, struct overlay_rule *out, size_t max)
{
	const uint8_t *part = name;
	size_t len = name_len(name), n = 0;

	for (unsigned depth = name_labels(name);; depth--) {
		if ((o->depths[depth / 64] >> depth % 64 & 1) != 0) {
			if (part == name)
				n = find(o, part, len, true, out, max);
			n += find(o, part, len, false, out + n, max - n);
		}
		if (n == max || depth == 0)
			return n;
		len -= part[0] + 1u;
		part += part[0] + 1u;
	}
}
