/* fuzz_overlay.c - any bytes as the rules that the parent sends: taken as a whole or not at all, and then what covers
 * a name comes as overlay.h says, by a list that is searched from end to end.
 */
#include <stdlib.h>
#include <string.h>

#include "resolver/core/overlay.h"
#include "tests/fuzz/fuzz.h"

#define RULES_MAX 256 /* that are looked at here */
#define FOUND_MAX 8

static struct overlay_rule rules[RULES_MAX];
static size_t n_rules;

/* Read them as overlay.h draws them, and overlay_put() writes them.  False: they are none, or too many for here. */
static bool read_rules(const uint8_t *bytes, size_t len)
{
	for (n_rules = 0; len != 0; n_rules++) {
		struct overlay_rule *rule = &rules[n_rules];
		size_t head = 2, size, off;
		uint8_t name[NAME_SIZE];

		if (n_rules == RULES_MAX || len < head || bytes[0] < OVERLAY_ALLOW ||
		    bytes[0] > OVERLAY_BLOCK || bytes[1] > 3)
			return false;
		*rule = (struct overlay_rule){
		    .action = (enum overlay_action)bytes[0], .exact = bytes[1] & 1};
		if ((bytes[1] & 2) != 0) {
			rule->answer = (const struct block_answer *)(bytes + head);
			head += sizeof(struct block_answer);
			if (bytes[0] != OVERLAY_BLOCK || len < head ||
			    !block_answer_valid(rule->answer))
				return false;
		}
		rule->name = bytes + head;
		off = head;
		/* No pointer: one leads out of the rule. */
		if (name_skip(bytes, len, &off) < 0 || off - head > NAME_SIZE ||
		    bytes[off - 1] != 0)
			return false;
		size = off;
		off = 0;
		if (name_read(rule->name, len - head, &off, name, &off) < 0)
			return false;
		bytes += size;
		len -= size;
	}
	return true;
}

static bool covers(const struct overlay_rule *rule, const uint8_t *name)
{
	const size_t len = name_len(rule->name);
	const unsigned labels = name_labels(rule->name);
	const uint8_t *part;

	/* Both are in lower case, or what is not is another name. */
	if (labels > name_labels(name) || (rule->exact && labels != name_labels(name)))
		return false;
	part = name_last_labels(name, labels);
	return name_len(part) == len && memcmp(part, rule->name, len) == 0;
}

static bool precedes(const struct overlay_rule *a, const struct overlay_rule *b)
{
	if (a->exact != b->exact)
		return a->exact;
	return name_labels(a->name) >
	       name_labels(b->name); /* of equals, the first that was given */
}

/* The first of those that cover `name` and come behind `before` (NULL: any). */
static const struct overlay_rule *next(const uint8_t *name, const struct overlay_rule *before)
{
	const struct overlay_rule *found = NULL;

	for (size_t i = 0; i < n_rules; i++) {
		const struct overlay_rule *rule = &rules[i];

		if (!covers(rule, name))
			continue;
		if (before != NULL &&
		    (precedes(rule, before) || (!precedes(before, rule) && rule <= before)))
			continue;
		if (found == NULL || precedes(rule, found))
			found = rule;
	}
	return found;
}

static void check_name(const struct overlay *o, const uint8_t *name)
{
	struct overlay_rule found[FOUND_MAX];
	size_t n = overlay_matches(o, name, found, FOUND_MAX);
	const struct overlay_rule *expected = NULL;

	CHECK(n <= FOUND_MAX);
	for (size_t i = 0; i < n; i++) {
		expected = next(name, expected);
		CHECK(expected != NULL && found[i].action == expected->action);
		CHECK(found[i].exact == expected->exact);
		CHECK(name_len(found[i].name) == name_len(expected->name));
		CHECK(memcmp(found[i].name, expected->name, name_len(expected->name)) == 0);
		CHECK((found[i].answer != NULL) == (expected->answer != NULL));
		if (expected->answer != NULL)
			CHECK(memcmp(found[i].answer, expected->answer,
				  sizeof(*expected->answer)) == 0);
	}
	CHECK(n == FOUND_MAX || next(name, expected) == NULL);
	expected = next(name, NULL);
	CHECK(overlay_judge(o, name) == (o->paused	       ? OVERLAY_ALLOW
					    : expected != NULL ? expected->action
							       : OVERLAY_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct overlay *o;
	uint8_t below[NAME_SIZE + 2] = {1, 'x'};
	bool paused;
	int err;

	if (o == NULL)
		o = overlay_new(&(struct hash_key){1, 2});
	CHECK(o != NULL);
	if (size < 1)
		return 0;
	paused = (data[0] & 1) != 0;
	CHECK(overlay_set(o, false, (const uint8_t *)"", 0) == 0);
	err = overlay_set(o, paused, data + 1, size - 1);
	if (!read_rules(data + 1, size - 1)) {
		CHECK(err < 0 || n_rules == RULES_MAX);
		CHECK(err == 0 || (!o->paused && o->n_rules == 0));
		return 0;
	}
	CHECK(err == 0 && o->paused == paused && o->n_rules == n_rules);
	for (size_t i = 0; i < n_rules; i++) {
		check_name(o, rules[i].name);
		memcpy(below + 2, rules[i].name, name_len(rules[i].name));
		if (name_len(rules[i].name) + 2 <= NAME_SIZE)
			check_name(o, below);
		if (rules[i].name[0] != 0)
			check_name(o, rules[i].name + 1 + rules[i].name[0]);
	}
	return 0;
}
