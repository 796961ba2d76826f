/* explain.c - matches back to rules, and verdicts to words. */
#include "blocklists/explain.h"

#include <stdio.h>
#include <string.h>

bool explain_rule(
    const struct trie *t, const uint8_t *name, const struct judge_match *match, struct rule *rule)
{
	struct patterns_source source;

	*rule = (struct rule){.kind = match->kind};
	rule->effect = trie_effect(t, match->effect, &rule->effect_len);
	if (match->kind < RULE_NAME_KINDS) {
		rule->name = name_last_labels(name, match->labels);
		rule->name_len = name_len(rule->name);
		return true;
	}
	if (match->kind != RULE_REGEX || !patterns_source(&t->patterns, match->number, &source))
		return false;
	rule->regex = source.text;
	rule->regex_len = source.len;
	rule->inverted = source.inverted;
	return true;
}

/* All answers of a verdict, one behind the other. */
static void say_answers(const struct judge_verdict *verdict, char text[EXPLAIN_VERDICT_SIZE])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < verdict->n_answers && used + 3 < EXPLAIN_VERDICT_SIZE; i++) {
		if (i != 0) {
			memcpy(text + used, ", ", 3);
			used += 2;
		}
		effect_text(verdict->answers[i].effect, verdict->answers[i].len, text + used,
		    EXPLAIN_VERDICT_SIZE - used);
		used += strlen(text + used);
	}
}

const char *explain_verdict(
    const struct judge_verdict *verdict, size_t n_matches, char text[EXPLAIN_VERDICT_SIZE])
{
	const char *words = "not blocked";

	switch (verdict->outcome) {
	case JUDGE_NONE:
		if (n_matches == 0)
			words = "not listed";
		else if (verdict->n_lists != RULE_LISTS_MAX)
			words = "let pass";
		break;
	case JUDGE_ALLOWED:
		words = verdict->needed ? "exempt: the network needs it" : "allowed";
		break;
	case JUDGE_BLOCKED:
		words = "blocked";
		break;
	case JUDGE_DROP:
		words = "dropped";
		break;
	case JUDGE_TCP_ONLY:
		words = "truncated over UDP";
		break;
	case JUDGE_ANSWER:
		say_answers(verdict, text);
		return text;
	}
	(void)snprintf(text, EXPLAIN_VERDICT_SIZE, "%s", words);
	return text;
}
