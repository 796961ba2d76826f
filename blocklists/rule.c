/* rule.c - kinds of rules, and what they cover. */
#include "blocklists/rule.h"

#include <string.h>

const char *rule_kind_text(enum rule_kind kind)
{
	static const char *const texts[RULE_KINDS] = {
	    [RULE_EXACT] = "exact", [RULE_SUFFIX] = "suffix", [RULE_BELOW] = "below"};

	return kind < RULE_KINDS ? texts[kind] : "unknown kind";
}

bool rule_covers(enum rule_kind kind, const uint8_t *rule_name, const uint8_t *name)
{
	unsigned own = name_labels(name), of_rule = name_labels(rule_name);

	if (own < of_rule)
		return false;
	name = name_last_labels(name, of_rule);
	if (name_len(name) != name_len(rule_name) ||
	    memcmp(name, rule_name, name_len(rule_name)) != 0)
		return false;
	switch (kind) {
	case RULE_EXACT:
		return own == of_rule;
	case RULE_SUFFIX:
		return true;
	default:
		return own > of_rule;
	}
}

bool rule_is_own_name(const uint8_t *name)
{
	static const char *const own[] = {"\11localhost", "\11localhost\13localdomain",
	    "\12localhost4", "\12localhost4\14localdomain4", "\12localhost6",
	    "\12localhost6\14localdomain6", "\5local", "\15broadcasthost"};
	size_t len = name_len(name);

	/* A literal's terminator is the root label. */
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (len == strlen(own[i]) + 1 && memcmp(name, own[i], len) == 0)
			return true;
	}
	return name_labels(name) == 1 && name[0] > 4 && memcmp(name + 1, "ip6-", 4) == 0;
}
