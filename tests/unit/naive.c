/* naive.c - rules in an array: see naive.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocklists/regex.h"
#include "tests/unit/naive.h"

static void *copy_of(const void *bytes, size_t len)
{
	void *copy = malloc(len + 1);

	assert_non_null(copy);
	if (len != 0)
		memcpy(copy, bytes, len);
	((char *)copy)[len] = '\0';
	return copy;
}

static struct rule rule_copy(const struct rule *rule)
{
	struct rule copy = *rule;

	copy.name = NULL;
	copy.regex = NULL;
	if (rule->kind < RULE_NAME_KINDS)
		copy.name = copy_of(rule->name, rule->name_len);
	if (rule->kind == RULE_REGEX)
		copy.regex = copy_of(rule->regex, rule->regex_len);
	copy.effect = copy_of(rule->effect, rule->effect_len);
	return copy;
}

static void rule_free(const struct rule *rule)
{
	free((void *)(uintptr_t)rule->name);
	free((void *)(uintptr_t)rule->regex);
	free((void *)(uintptr_t)rule->effect);
}

static bool rule_is(const struct rule *a, const struct rule *b)
{
	if (a->kind != b->kind || a->effect_len != b->effect_len ||
	    memcmp(a->effect, b->effect, a->effect_len) != 0)
		return false;
	if (a->kind == RULE_ADDRESS)
		return memcmp(&a->network, &b->network, sizeof(a->network)) == 0;
	if (a->kind == RULE_REGEX)
		return a->inverted == b->inverted && a->regex_len == b->regex_len &&
		       memcmp(a->regex, b->regex, a->regex_len) == 0;
	return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

/* ---- Expressions, as the C library has them ---- */

static char *put(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return out + len;
}

/* A class from behind its `[` at *p on, which moves behind it.  In ours a backslash escapes; in POSIX
 * it does not, and `]` has to come first and `-` last.  Returns the end of `out`. */
static char *translate_class(const char **p, char *out)
{
	bool bracket = false, hyphen = false;
	char *start;

	*out++ = '[';
	if (**p == '^')
		*out++ = *(*p)++;
	start = out;
	for (bool first = true; **p != '\0' && (**p != ']' || first); ++*p, first = false) {
		const char *at = *p;

		if (at[0] == '[' && at[1] == ':') {
			size_t n = strcspn(at, "]") + 1;

			out = put(out, at, n);
			*p += n - 1;
		} else if (at[0] == '\\' && at[1] != '\0') {
			++*p;
			if (at[1] == 'd')
				out = put(out, "0-9", 3);
			else if (at[1] == 'w')
				out = put(out, "a-z0-9_", 7);
			else if (at[1] == ']' || at[1] == '-')
				*(at[1] == ']' ? &bracket : &hyphen) = true;
			else
				*out++ = at[1];
		} else if (at[0] == '-' && at[1] == ']') {
			hyphen = true;
		} else {
			*out++ = at[0];
		}
	}
	if (bracket) {
		memmove(start + 1, start, (size_t)(out++ - start));
		*start = ']';
	}
	if (hyphen)
		*out++ = '-';
	*out++ = ']';
	*p += **p == ']';
	return out;
}

static void translate(const char *p, char *out)
{
	while (*p != '\0') {
		size_t n = 2;

		if (*p == '[') {
			p++;
			out = translate_class(&p, out);
			continue;
		}
		if (strncmp(p, "(?:", 3) == 0) {
			*out++ = '(';
			n = 3;
		} else if (strncmp(p, "\\d", 2) == 0) {
			out = put(out, "[0-9]", 5);
		} else if (strncmp(p, "\\D", 2) == 0) {
			out = put(out, "[^0-9]", 6);
		} else if (strncmp(p, "\\-", 2) == 0 || strncmp(p, "\\_", 2) == 0) {
			*out++ = p[1];
		} else if (*p == '\\' && p[1] != '\0') {
			out = put(out, p, 2);
		} else if (strchr("*+?}", *p) != NULL && p[1] == '?') {
			*out++ = *p; /* lazy: the same names */
		} else {
			*out++ = *p;
			n = 1;
		}
		p += n;
	}
	*out = '\0';
}

static void regex_of(struct naive_rule *rule)
{
	static char text[16 * REGEX_TEXT_MAX + 64];

	assert_true(rule->rule.regex_len <= REGEX_TEXT_MAX);
	translate(rule->rule.regex, text);
	if (regcomp(&rule->regex, text, REG_EXTENDED | REG_NOSUB) != 0)
		fail_msg("the C library does not understand %s", text);
}

/* ---- The array ---- */

void naive_init(struct naive *naive)
{
	memset(naive, 0, sizeof(*naive));
}

void naive_fini(struct naive *naive)
{
	for (size_t i = 0; i < naive->n; i++) {
		if (naive->rules[i].rule.kind == RULE_REGEX)
			regfree(&naive->rules[i].regex);
		rule_free(&naive->rules[i].rule);
	}
	for (size_t i = 0; i < naive->n_cancels; i++)
		rule_free(&naive->cancels[i]);
	free(naive->rules);
	free(naive->cancels);
}

void naive_add(struct naive *naive, const struct rule *rule, unsigned list)
{
	struct naive_rule *copy;

	if (naive->n == naive->size) {
		naive->size = naive->size * 2 + 64;
		naive->rules = realloc(naive->rules, naive->size * sizeof(*naive->rules));
		assert_non_null(naive->rules);
	}
	copy = &naive->rules[naive->n++];
	*copy = (struct naive_rule){.list = list, .rule = rule_copy(rule)};
	if (rule->kind == RULE_REGEX)
		regex_of(copy);
	for (size_t i = 0; i < naive->n_cancels; i++)
		copy->taken_away |= rule_is(&naive->cancels[i], &copy->rule);
}

void naive_cancel(struct naive *naive, const struct rule *rule)
{
	naive->cancels = realloc(naive->cancels, (naive->n_cancels + 1) * sizeof(*naive->cancels));
	assert_non_null(naive->cancels);
	naive->cancels[naive->n_cancels++] = rule_copy(rule);
	for (size_t i = 0; i < naive->n; i++)
		naive->rules[i].taken_away |= rule_is(rule, &naive->rules[i].rule);
}

struct feeding {
	struct naive *naive;
	unsigned list;
};

static int on_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	struct feeding *f = ctx;

	(void)line;
	naive_add(f->naive, rule, f->list);
	return 0;
}

static int on_cancel(void *ctx, const struct rule *rule, uint64_t line)
{
	struct feeding *f = ctx;

	(void)line;
	naive_cancel(f->naive, rule);
	return 0;
}

int naive_feed(struct naive *naive, unsigned list, const char *text, size_t len,
    const struct feed_syntax *syntax, bool rewrites, struct why *why)
{
	struct feeding f = {naive, list};
	struct feed_sink sink = {
	    .ctx = &f, .rule = on_rule, .cancel = on_cancel, .rewrites = rewrites};
	struct feed_counts counts;

	return feed_parse(text, len, syntax, &sink, &counts, why);
}

bool naive_matches(const struct naive_rule *rule, const uint8_t *name)
{
	char text[NAME_TEXT_SIZE];

	switch (rule->rule.kind) {
	case RULE_ADDRESS:
		return false;
	case RULE_REGEX:
		return (regexec(&rule->regex, name_to_text(name, text), 0, NULL, 0) == 0) !=
		       rule->rule.inverted;
	default:
		return rule_covers(rule->rule.kind, rule->rule.name, name);
	}
}

/* ---- The verdict ---- */

static enum effect_verdict verdict_of(const struct naive_rule *r)
{
	return effect_verdict(r->rule.effect, r->rule.effect_len);
}

static bool has(const struct naive_rule *r, unsigned flag)
{
	return (effect_flags(r->rule.effect, r->rule.effect_len) & flag) != 0;
}

static bool counts(const struct naive_rule *r, const struct effect_ask *ask)
{
	bool by_client = false;

	return !r->taken_away && naive_matches(r, ask->name) &&
	       effect_applies(r->rule.effect, r->rule.effect_len, ask, &by_client);
}

/* 0 is the most specific. */
static unsigned breadth(const struct naive_rule *r)
{
	if (r->rule.kind == RULE_REGEX)
		return 1000;
	return r->rule.kind == RULE_EXACT
		   ? 0
		   : 2 * (200 - name_labels(r->rule.name)) + (r->rule.kind == RULE_SUFFIX);
}

static bool is_voided(
    const struct naive *naive, const struct naive_rule *answer, const struct effect_ask *ask)
{
	for (size_t i = 0; i < naive->n; i++) {
		const struct naive_rule *r = &naive->rules[i];

		if (verdict_of(r) == EFFECT_NO_ANSWER && counts(r, ask) &&
		    effect_voids(r->rule.effect, r->rule.effect_len, answer->rule.effect,
			answer->rule.effect_len))
			return true;
	}
	return false;
}

/* Is it one of the rules that stand above the order of the lists? */
static bool is_above(const struct naive_rule *r)
{
	switch (verdict_of(r)) {
	case EFFECT_ALLOW:
	case EFFECT_NO_ANSWER:
		return true;
	case EFFECT_ANSWER:
		return !has(r, EFFECT_NEAREST);
	default:
		return verdict_of(r) == EFFECT_BLOCK && has(r, EFFECT_IMPORTANT);
	}
}

/* What list `list` says, of its most specific rules the first in the order of judge.h; -1: nothing. */
static int list_verdict(const struct naive *naive, unsigned list, const struct effect_ask *ask)
{
	static const unsigned order[EFFECT_VERDICTS] = {[EFFECT_PASS] = 0,
	    [EFFECT_EXEMPT] = 1,
	    [EFFECT_DROP] = 2,
	    [EFFECT_TCP_ONLY] = 3,
	    [EFFECT_ANSWER] = 4,
	    [EFFECT_BLOCK] = 5};
	const struct naive_rule *best = NULL;

	for (size_t i = 0; i < naive->n; i++) {
		const struct naive_rule *r = &naive->rules[i];

		if (r->list != list || is_above(r) || !counts(r, ask))
			continue;
		if (best == NULL || breadth(r) < breadth(best) ||
		    (breadth(r) == breadth(best) && order[verdict_of(r)] < order[verdict_of(best)]))
			best = r;
	}
	return best != NULL ? (int)verdict_of(best) : -1;
}

enum judge_outcome naive_judge(const struct naive *naive, const struct effect_ask *ask)
{
	bool found[2][2] = {{false, false}, {false, false}}; /* [important][allow] */
	unsigned n_lists = 0;

	for (size_t i = 0; i < naive->n; i++) {
		const struct naive_rule *r = &naive->rules[i];

		n_lists = r->list >= n_lists ? r->list + 1 : n_lists;
		if (!is_above(r) || !counts(r, ask))
			continue;
		if (verdict_of(r) == EFFECT_ANSWER && !is_voided(naive, r, ask))
			return JUDGE_ANSWER;
		if (verdict_of(r) == EFFECT_ALLOW || verdict_of(r) == EFFECT_BLOCK)
			found[has(r, EFFECT_IMPORTANT)][verdict_of(r) == EFFECT_ALLOW] = true;
	}
	if (found[true][true])
		return JUDGE_ALLOWED;
	if (found[true][false])
		return JUDGE_BLOCKED;
	if (found[false][true])
		return JUDGE_ALLOWED;
	for (unsigned list = 0; list < n_lists; list++) {
		switch (list_verdict(naive, list, ask)) {
		case EFFECT_BLOCK:
			return JUDGE_BLOCKED;
		case EFFECT_DROP:
			return JUDGE_DROP;
		case EFFECT_TCP_ONLY:
			return JUDGE_TCP_ONLY;
		case EFFECT_ANSWER:
			return JUDGE_ANSWER;
		case EFFECT_PASS:
			return list == 0 ? JUDGE_ALLOWED : JUDGE_NONE;
		default:
			break;
		}
	}
	return JUDGE_NONE;
}
