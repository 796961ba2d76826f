/* update_gate.c - the rules of a text sieved, and compared with those before. */
#include "tools/update_gate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/build.h"
#include "blocklists/effect.h"
#include "blocklists/grow.h"
#include "blocklists/judge.h"
#include "blocklists/trie.h"
#include "lib/dns/msg.h"
#include "tools/update_tld.h"

#define BAD_MORE 10 /* percent points beyond the kept version that are no news */

/* ---- What there is ---- */

/* A walk over the rules of a text. */
struct look {
	const struct update_watch *watch;
	const struct conf_list *conf;
	struct update_facts *facts;
	struct build *near; /* the rules that could block a name that is watched */
	bool any;	    /* there are such */
	bool any_regex;
};

static bool blocks(const struct rule *rule)
{
	enum effect_verdict verdict = effect_verdict(rule->effect, rule->effect_len);

	return verdict == EFFECT_BLOCK || verdict == EFFECT_DROP || verdict == EFFECT_ANSWER;
}

static int note_tld(struct update_facts *facts, const struct rule *rule)
{
	void *tlds = facts->tlds;
	int err = grow(&tlds, &facts->tlds_size, facts->tlds_len + rule->name_len, 1);

	facts->tlds = tlds;
	if (err != 0)
		return err;
	memcpy(facts->tlds + facts->tlds_len, rule->name, rule->name_len);
	facts->tlds_len += rule->name_len;
	return 0;
}

/* A rule at a watched name or below one touches it, whatever the others of the list say. */
static void note_hits(struct look *l, const uint8_t *name)
{
	for (unsigned i = 0; i < l->watch->n; i++) {
		const struct update_watch_name *n = &l->watch->names[i];

		if (n->below && name_in_zone(name, n->name))
			l->facts->hits[i] = true;
	}
}

static int keep_near(struct look *l, const struct rule *rule)
{
	int err = build_add(l->near, rule, 0);

	l->any = l->any || err == 0;
	return err;
}

static int look_at_rule(void *ctx, const struct rule *given, uint64_t line)
{
	struct look *l = ctx;
	struct rule rule = compile_matched(given, l->conf->match);

	(void)line;
	if (rule.kind == RULE_REGEX) {
		l->any_regex = true;
		return keep_near(l, &rule);
	}
	if (rule.kind >= RULE_NAME_KINDS)
		return 0;
	if (rule.kind != RULE_EXACT && blocks(&rule) && update_tld_is(rule.name)) {
		int err = note_tld(l->facts, &rule);

		if (err != 0)
			return err;
	}
	if (!update_watch_is_near(l->watch, rule.name))
		return 0;
	if (blocks(&rule))
		note_hits(l, rule.name);
	return keep_near(l, &rule);
}

static int look_at_cancel(void *ctx, const struct rule *given, uint64_t line)
{
	struct look *l = ctx;
	struct rule rule = compile_matched(given, l->conf->match);

	(void)line;
	return build_cancel(l->near, &rule);
}

static bool is_blocked(const struct trie *t, const uint8_t *name)
{
	const struct effect_ask ask = {.name = name, .type = TYPE_A};
	struct judge_verdict verdict;

	judge_name(t, &ask, RULE_LISTS_MAX, &verdict);
	return verdict.outcome == JUDGE_BLOCKED || verdict.outcome == JUDGE_DROP ||
	       verdict.outcome == JUDGE_ANSWER;
}

/* Names that have nothing in common. */
static bool blocks_everything(const struct trie *t)
{
	static const uint8_t *const probes[] = {
	    (const uint8_t *)"\7example\3com",
	    (const uint8_t *)"\3www\7example\3org",
	    (const uint8_t *)"\12the-office\4test\7invalid",
	    (const uint8_t *)"\3b-7\1q\2zz",
	};

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (!is_blocked(t, probes[i]))
			return false;
	}
	return true;
}

/* What the rules that were kept back say together. */
static int judge_near(struct look *l, struct why *why)
{
	uint8_t *image = NULL;
	struct trie t;
	size_t len;
	int err = build_image(l->near, 1, &image, &len, why);

	if (err == 0)
		err = trie_open(&t, image, len, why);
	for (unsigned i = 0; i < l->watch->n && err == 0; i++)
		l->facts->hits[i] = l->facts->hits[i] || is_blocked(&t, l->watch->names[i].name);
	if (err == 0 && l->any_regex)
		l->facts->everything = blocks_everything(&t);
	free(image);
	return err;
}

/* A user's own file may hold comments alone; a publisher's list without a rule is a mishap. */
static int parse(struct look *l, const char *text, size_t len, struct why *why)
{
	struct feed_sink sink = {
	    .ctx = l,
	    .rewrites = l->conf->trust == CONF_TRUST_REWRITE,
	    .rule = look_at_rule,
	    .cancel = look_at_cancel,
	};
	int err;

	if (len == 0)
		return why_set(why, ERR_FORMAT, "it is empty");
	err = feed_parse(text, len, feed_find(l->conf->syntax), &sink, &l->facts->counts, why);
	if (err == 0 && l->facts->counts.rules == 0 && l->conf->url[0] != '\0')
		return why_set(why, ERR_FORMAT, "it has no rule");
	return err;
}

int update_gate_look(const struct update_watch *watch, const struct conf_list *conf,
    const char *text, size_t len, struct update_facts *facts, struct why *why)
{
	struct look l = {.watch = watch, .conf = conf, .facts = facts, .near = build_new()};
	struct why reason = {""};
	int err = ERR_NOMEM;

	*facts = (struct update_facts){.hits = calloc(watch->n + 1, sizeof(*facts->hits))};
	if (facts->hits != NULL && l.near != NULL)
		err = parse(&l, text, len, &reason);
	if (err == 0 && l.any)
		err = judge_near(&l, &reason);
	build_free(l.near);
	if (err == 0)
		return 0;
	update_facts_fini(facts);
	return why_set(why, err, "%s", reason.text[0] != '\0' ? reason.text : err_text(err));
}

void update_facts_fini(struct update_facts *facts)
{
	free(facts->hits);
	free(facts->tlds);
	*facts = (struct update_facts){0};
}

/* ---- Whether it may be adopted ---- */

/* Percent of the lines that say anything which are not understood. */
static uint64_t bad_share(const struct feed_counts *counts)
{
	uint64_t all = counts->rules;

	for (unsigned i = 0; i < FEED_SKIPS; i++)
		all += counts->skips[i];
	return all != 0 ? counts->skips[FEED_BAD] * 100 / all : 0;
}

static int judge_lines(const struct conf_list *conf, const struct feed_counts *now,
    const struct feed_counts *before, struct why *why)
{
	uint64_t bad = bad_share(now);

	if (bad <= conf->bad_max || (before != NULL && bad <= bad_share(before) + BAD_MORE))
		return 0;
	return why_set(why, ERR_DENIED,
	    "%" PRIu64 " %% of its lines are not understood (the first is line %" PRIu64 ")", bad,
	    now->first_bad_line);
}

static int judge_size(const struct conf_list *conf, uint64_t now, uint64_t before, struct why *why)
{
	/* Texts are far smaller than what would overflow here. */
	if (before >= UPDATE_GATE_SMALL && now * 100 < before * (100 - (uint64_t)conf->shrink_max))
		return why_set(why, ERR_DENIED, "it has shrunk from %" PRIu64 " rules to %" PRIu64,
		    before, now);
	if (now > before + UPDATE_GATE_SLACK &&
	    (now - before - UPDATE_GATE_SLACK) * 100 > before * (uint64_t)conf->grow_max)
		return why_set(why, ERR_DENIED, "it has grown from %" PRIu64 " rules to %" PRIu64,
		    before, now);
	return 0;
}

static bool has_tld(const struct update_facts *facts, const uint8_t *name)
{
	for (size_t at = 0; facts != NULL && at < facts->tlds_len;
	     at += name_len(facts->tlds + at)) {
		if (name_equal(facts->tlds + at, name))
			return true;
	}
	return false;
}

static int judge_tlds(
    const struct update_facts *facts, const struct update_facts *kept, struct why *why)
{
	char text[NAME_TEXT_SIZE];

	for (size_t at = 0; at < facts->tlds_len; at += name_len(facts->tlds + at)) {
		if (!has_tld(kept, facts->tlds + at))
			return why_set(why, ERR_DENIED, "it blocks everything below %s",
			    name_to_text(facts->tlds + at, text));
	}
	if (facts->everything && (kept == NULL || !kept->everything))
		return why_set(why, ERR_DENIED, "an expression of it blocks every name");
	return 0;
}

static int judge_allowed(const struct update_watch *watch, const struct update_facts *facts,
    const struct update_facts *kept, struct why *why)
{
	char text[NAME_TEXT_SIZE];

	for (unsigned i = 0; i < watch->n; i++) {
		if (watch->names[i].kind == UPDATE_WATCH_ALLOWED && facts->hits[i] &&
		    !kept->hits[i])
			return why_set(why, ERR_DENIED,
			    "it now blocks %s, which your own rules allow",
			    name_to_text(watch->names[i].name, text));
	}
	return 0;
}

int update_gate_judge(const struct update_watch *watch, const struct conf_list *conf,
    const struct update_facts *facts, const struct update_facts *kept, struct why *why)
{
	int err;

	if (conf->url[0] == '\0')
		return 0;
	err = judge_lines(conf, &facts->counts, kept != NULL ? &kept->counts : NULL, why);
	if (err == 0 && kept != NULL)
		err = judge_size(conf, facts->counts.rules, kept->counts.rules, why);
	if (err == 0)
		err = judge_tlds(facts, kept, why);
	if (err == 0 && kept != NULL)
		err = judge_allowed(watch, facts, kept, why);
	return err;
}
