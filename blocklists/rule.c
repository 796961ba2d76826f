/* rule.c - kinds of rules, and what they cover. */
#include "blocklists/rule.h"

#include <stdio.h>
#include <string.h>

#include "blocklists/effect.h"

const char *rule_kind_text(enum rule_kind kind)
{
	static const char *const texts[RULE_KINDS] = {
	    [RULE_EXACT] = "exact",
	    [RULE_SUFFIX] = "suffix",
	    [RULE_BELOW] = "below",
	    [RULE_REGEX] = "regex",
	    [RULE_ADDRESS] = "address",
	};

	return kind < RULE_KINDS ? texts[kind] : "unknown kind";
}

const char *rule_text(const struct rule *rule, char text[RULE_TEXT_SIZE])
{
	char operand[NAME_TEXT_SIZE];
	size_t used;
	int n;

	switch (rule->kind) {
	case RULE_REGEX:
		n = snprintf(text, RULE_TEXT_SIZE, "regex %s/%.*s/", rule->inverted ? "!" : "",
		    (int)rule->regex_len, rule->regex);
		break;
	case RULE_ADDRESS:
		n = snprintf(
		    text, RULE_TEXT_SIZE, "address %s", net_format(&rule->network, operand));
		break;
	default:
		n = snprintf(text, RULE_TEXT_SIZE, "%s %s", rule_kind_text(rule->kind),
		    name_to_text(rule->name, operand));
		break;
	}
	used = n < 0 ? 0 : (size_t)n;
	if (rule->effect_len != 0 && used + 2 < RULE_TEXT_SIZE) {
		text[used++] = ' ';
		effect_text(rule->effect, rule->effect_len, text + used, RULE_TEXT_SIZE - used);
	}
	return text;
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
	size_t len;

	/* Asked for each line of a list: how they all begin. */
	if (name[1] != 'l' && name[1] != 'b' && name[1] != 'i')
		return false;
	len = name_len(name);
	/* A literal's terminator is the root label. */
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (len == strlen(own[i]) + 1 && memcmp(name, own[i], len) == 0)
			return true;
	}
	return name_labels(name) == 1 && name[0] > 4 && memcmp(name + 1, "ip6-", 4) == 0;
}
