/* reason.c - the way of a question walked once more, with everything that matches on it. */
#include "resolver/core/reason.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "blocklists/feed.h"
#include "lib/addr.h"
#include "lib/dns/msg.h"
#include "resolver/core/rebind.h"

#define OWN_MAX 8 /* rules of the user's that are shown of a step */

const char reason_note_unknown[] = "where its answer leads is not known: none is in the cache";

static bool is_open(const struct judge_verdict *verdict)
{
	return verdict->outcome == JUDGE_NONE || verdict->outcome == JUDGE_ALLOWED;
}

/* ---- The whole of it: steps and their matches ---- */

/* A match of the last step, to be filled in; NULL: there is no room for it. */
static struct reason_match *next_match(struct reason *r)
{
	struct reason_match *match = NULL;

	if (r->n_matches < REASON_MATCHES) {
		match = &r->match[r->n_matches];
		match->step = (uint16_t)(r->n_steps - 1);
	}
	r->n_matches++;
	return match;
}

static void add_own(struct reason *r, const struct overlay *rules, const uint8_t *name)
{
	struct overlay_rule own[OWN_MAX];
	char text[NAME_TEXT_SIZE];
	size_t n = 0;

	if (rules != NULL && rules->n_rules != 0)
		n = overlay_matches(rules, name, own, OWN_MAX);
	for (size_t i = 0; i < n; i++) {
		struct reason_match *match = next_match(r);
		bool allow = own[i].action == OVERLAY_ALLOW;

		if (match == NULL)
			continue;
		match->list = REASON_OWN;
		match->verdict = allow ? EFFECT_ALLOW : EFFECT_BLOCK;
		(void)snprintf(match->rule, sizeof(match->rule), "%s %s%.*s",
		    allow ? "allow" : "block", own[i].exact ? "=" : "", EXPLAIN_RULE_SIZE - 8,
		    name_to_text(own[i].name, text));
	}
}

static void add_rule(struct reason *r, const struct judge_match *found, const struct rule *rule)
{
	struct reason_match *match = next_match(r);
	char text[RULE_TEXT_SIZE];

	if (match == NULL)
		return;
	match->list = found->list;
	match->verdict = (uint8_t)effect_verdict(rule->effect, rule->effect_len);
	match->flags = (uint8_t)effect_flags(rule->effect, rule->effect_len);
	match->voided = found->voided;
	match->shared = found->shared;
	(void)snprintf(
	    match->rule, sizeof(match->rule), "%.*s", EXPLAIN_RULE_SIZE - 1, rule_text(rule, text));
}

/* The rules on ask->name of the lists below `n_lists`. */
static void add_listed(
    struct reason *r, const struct trie *t, const struct effect_ask *ask, unsigned n_lists)
{
	struct judge_match found[REASON_MATCHES];
	size_t n = judge_matches(t, ask, found, REASON_MATCHES);
	struct rule rule;

	for (size_t i = 0; i < n && i < REASON_MATCHES; i++) {
		if (found[i].list < n_lists && explain_rule(t, ask->name, &found[i], &rule))
			add_rule(r, &found[i], &rule);
	}
	if (n > REASON_MATCHES)
		r->n_matches += (uint32_t)(n - REASON_MATCHES);
}

/* The network of `bits` that the address is in. */
static struct net network_of(int family, const uint8_t *address, unsigned bits)
{
	struct net net = {.bits = (uint8_t)bits, .family = (uint8_t)family};

	for (unsigned i = 0; i < bits; i++)
		net.bytes[i / 8] |= (uint8_t)(address[i / 8] & 0x80u >> i % 8);
	return net;
}

/* The rule of `found`, on the address of a target. */
static struct rule address_rule(
    const struct trie *t, const struct policy_target *target, const struct judge_match *found)
{
	struct rule rule = {
	    .kind = RULE_ADDRESS,
	    .network = network_of(target->family, target->address, found->labels),
	};

	rule.effect = trie_effect(t, found->effect, &rule.effect_len);
	return rule;
}

static void add_addressed(struct reason *r, const struct trie *t, const struct effect_ask *ask,
    unsigned n_lists, const struct policy_target *target)
{
	struct judge_match found[REASON_MATCHES];
	size_t n = judge_address_matches(
	    t, ask, n_lists, target->family, target->address, found, REASON_MATCHES);

	for (size_t i = 0; i < n && i < REASON_MATCHES; i++) {
		struct rule rule = address_rule(t, target, &found[i]);

		add_rule(r, &found[i], &rule);
	}
}

static void add_name(struct reason *r, const struct policy *p, const struct effect_ask *ask,
    unsigned n_lists, enum reason_how how)
{
	struct reason_step *step = &r->step[r->n_steps++];

	step->how = (uint8_t)how;
	memcpy(step->name, ask->name, name_len(ask->name));
	add_own(r, p->rules, ask->name);
	add_listed(r, &p->lists, ask, n_lists);
}

static void add_target(struct reason *r, const struct policy *p, const struct effect_ask *asked,
    unsigned n_lists, const struct policy_target *target)
{
	struct reason_step *step = &r->step[r->n_steps];

	if (target->family == 0) {
		const struct effect_ask ask = policy_ask_target(p, asked, target);

		add_name(r, p, &ask, n_lists, REASON_TARGET);
		return;
	}
	r->n_steps++;
	step->how = REASON_TARGET;
	step->family = (uint8_t)target->family;
	memcpy(step->name, target->address, target->family == AF_INET ? 4 : 16);
	add_addressed(r, &p->lists, asked, n_lists, target);
}

/* A target, as far as something matches it; returns whether it decides: then *verdict is on it. */
static bool add_judged(struct reason *r, const struct policy *p, const struct effect_ask *ask,
    unsigned n_lists, const struct policy_target *target, struct judge_verdict *verdict)
{
	uint32_t n_matches = r->n_matches;
	struct judge_verdict found;

	(void)policy_judge_target(p, ask, n_lists, target, &found);
	r->by_client |= found.by_client;
	if (is_open(&found) && r->n_steps == REASON_STEPS - 1)
		return false;
	add_target(r, p, ask, n_lists, target);
	if (!is_open(&found)) {
		*verdict = found;
		return true;
	}
	if (r->n_matches == n_matches)
		memset(&r->step[--r->n_steps], 0, sizeof(r->step[0]));
	return false;
}

/* What the answer leads to, as far as something matches it, up to what decides: its verdict.  A step
 * is kept for that. */
static void add_targets(struct reason *r, const struct policy *p, const struct effect_ask *ask,
    unsigned n_lists, const struct cache_answer *a, struct judge_verdict *verdict)
{
	struct policy_targets targets;
	struct policy_target target;
	struct msg_walk walk;
	struct msg_rr rr;

	if (msg_walk_start(&walk, a->msg, a->len) != 0)
		return;
	while (msg_walk_next(&walk, &rr) == 1 && rr.section == SECTION_ANSWER) {
		policy_targets_start(&targets, a->msg, a->len, rr.ttl_off);
		while (policy_targets_next(&targets, &target))
			if (add_judged(r, p, ask, n_lists, &target, verdict))
				return;
	}
}

/* Is there anything that an answer could be judged by? */
static bool has_rules(const struct policy *p)
{
	return p->lists.n_rules != 0 || (p->rules != NULL && p->rules->n_blocks != 0);
}

static void judge_answer(struct reason *r, const struct policy *p, const struct effect_ask *ask,
    const struct policy_way *way, const struct cache_answer *cached, struct judge_verdict *verdict)
{
	bool names = policy_judges_answers(p, way, false);
	bool addresses = policy_judges_answers(p, way, true);

	if (!has_rules(p) || (!names && !addresses))
		return;
	if (cached == NULL) {
		r->answer = REASON_ANSWER_UNKNOWN;
		return;
	}
	r->answer = REASON_ANSWER_JUDGED;
	if ((cached->has_targets && names) || (cached->has_addresses && addresses))
		add_targets(r, p, ask, way->verdict.n_lists, cached, verdict);
}

/* The verdict in words, as far as they are not those of the end of the way. */
static void say_verdict(struct reason *r, const struct policy_way *way,
    const struct judge_verdict *verdict, size_t n_listed)
{
	char name[NAME_TEXT_SIZE];

	if (r->paused)
		(void)snprintf(r->verdict, sizeof(r->verdict), "not blocked: blocking is paused");
	else if (way->n_hops != 0 && !r->blocked)
		(void)snprintf(r->verdict, sizeof(r->verdict), "answer CNAME=%.*s",
		    EXPLAIN_VERDICT_SIZE - 16, name_to_text(way->hop[way->n_hops - 1], name));
	else
		(void)explain_verdict(verdict, n_listed, r->verdict);
}

void reason_find(const struct policy *p, const struct effect_ask *asked,
    const struct cache_answer *cached, struct reason *out)
{
	struct effect_ask ask = *asked;
	struct judge_verdict verdict;
	struct policy_way way;
	uint32_t n_listed;

	memset(out, 0, sizeof(*out));
	policy_judge(p, asked, &way);
	verdict = way.verdict;
	out->paused = p->rules != NULL && p->rules->paused;
	out->by_client = verdict.by_client;
	add_name(out, p, &ask, RULE_LISTS_MAX, REASON_ASKED);
	for (unsigned i = 0; i < way.n_hops; i++) {
		ask.name = way.hop[i];
		add_name(out, p, &ask, RULE_LISTS_MAX, REASON_REWRITTEN);
	}
	n_listed = out->n_matches;
	if (is_open(&verdict))
		judge_answer(out, p, &ask, &way, cached, &verdict);
	out->blocked = !is_open(&verdict);
	say_verdict(out, &way, &verdict, n_listed);
}

void reason_find_local(const struct policy *p, const struct effect_ask *ask,
    const struct local_name *found, struct reason *out)
{
	static const char *const ranks[LOCAL_N_RANKS] = {
	    [LOCAL_RECORD] = "a record of the configuration",
	    [LOCAL_RECORD_PTR] = "an address in the configuration",
	    [LOCAL_HOSTS] = "a hosts file",
	    [LOCAL_LEASE] = "a lease",
	};
	struct local_record record;
	const char *from = "what is below it";
	char zone[NAME_TEXT_SIZE];
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	out->n_steps = 1;
	out->step[0].how = REASON_ASKED;
	memcpy(out->step[0].name, ask->name, name_len(ask->name));
	add_own(out, p->rules, ask->name);
	if (local_next(found, &at, &record))
		from = ranks[record.rank];
	if (found->exists)
		(void)snprintf(
		    out->verdict, sizeof(out->verdict), "name of the house, by %s", from);
	else
		(void)snprintf(out->verdict, sizeof(out->verdict),
		    "no name of the house: nothing is known of it in %.256s",
		    name_to_text(found->zone, zone));
}

/* ask->name has a fixed answer, unless a rule of the user's own allows it. */
static void set_special(struct reason *out, const struct policy *p, const struct effect_ask *ask)
{
	struct reason_step *step = &out->step[0];

	memset(out, 0, sizeof(*out));
	out->special = true;
	out->n_steps = 1;
	step->how = REASON_ASKED;
	memcpy(step->name, ask->name, name_len(ask->name));
	add_own(out, p->rules, ask->name);
}

void reason_find_special(const struct policy *p, const struct effect_ask *ask,
    const struct special_answer *special, struct reason *out)
{
	const char *gets = "no records";

	set_special(out, p, ask);
	if (special->rcode == RCODE_NXDOMAIN)
		gets = "NXDOMAIN";
	else if (special->n_records != 0 || special->soa)
		gets = "a fixed answer";
	(void)snprintf(out->verdict, sizeof(out->verdict), "special name (%s): %s",
	    special_words[special->word], gets);
}

void reason_find_lost(const struct policy *p, const struct effect_ask *ask, struct reason *out)
{
	set_special(out, p, ask);
	(void)snprintf(
	    out->verdict, sizeof(out->verdict), "name of one label, not forwarded: NXDOMAIN");
}

void reason_set_suppressed(struct reason *out)
{
	out->answer = REASON_ANSWER_OPEN;
	(void)snprintf(out->verdict, sizeof(out->verdict),
	    "no records: this type is suppressed on this network");
}

void reason_set_rebinding(struct reason *out, const struct cache_answer *cached)
{
	unsigned n = out->n_steps < REASON_STEPS ? out->n_steps++ : REASON_STEPS - 1;
	struct reason_step *step = &out->step[n];
	struct rebind_address address;

	memset(step, 0, sizeof(*step));
	step->how = REASON_TARGET;
	if (rebind_find(cached->msg, cached->len, cached->private_off, &address)) {
		step->family = (uint8_t)address.family;
		memcpy(step->name, address.bytes, address.family == AF_INET ? 4 : 16);
	}
	out->blocked = true;
	out->paused = false;
	(void)snprintf(out->verdict, sizeof(out->verdict),
	    "blocked: rebinding: a private address for a public name");
}

void reason_end(const struct policy *p, const struct effect_ask *ask, uint8_t name[NAME_SIZE])
{
	struct policy_way way;
	const uint8_t *end;

	policy_judge(p, ask, &way);
	end = policy_way_end(&way, ask->name);
	memcpy(name, end, name_len(end));
}

/* ---- In words ---- */

unsigned reason_n_matches(const struct reason *r)
{
	return r->n_matches < REASON_MATCHES ? r->n_matches : REASON_MATCHES;
}

unsigned reason_n_steps(const struct reason *r)
{
	return r->n_steps < REASON_STEPS ? r->n_steps : REASON_STEPS;
}

const char *reason_void_text(const struct reason_match *match)
{
	if (!match->voided)
		return "";
	return match->shared ? " (void: many share this name)" : " (void)";
}

/* The name of list `id`; NULL: it is not known. */
static const char *list_name(const struct reason_names *names, unsigned id)
{
	return names != NULL && id < names->n && names->name[id][0] != '\0' ? names->name[id]
									    : NULL;
}

const char *reason_list(
    const struct reason_match *match, const struct reason_names *names, char text[CONF_NAME_SIZE])
{
	const char *name = list_name(names, match->list);

	if (match->list == REASON_OWN)
		(void)snprintf(text, CONF_NAME_SIZE, "own rule");
	else if ((match->flags & EFFECT_NEEDED) != 0)
		(void)snprintf(text, CONF_NAME_SIZE, "needed by the network");
	else if (name != NULL)
		(void)snprintf(text, CONF_NAME_SIZE, "%s", name);
	else
		(void)snprintf(text, CONF_NAME_SIZE, "list %u", match->list);
	return text;
}

const char *reason_step_text(const struct reason_step *step, char text[NAME_TEXT_SIZE])
{
	uint8_t name[NAME_SIZE];
	size_t off = 0, len;

	text[0] = '\0';
	if (step->family == 0 && name_read(step->name, sizeof(step->name), &off, name, &len) == 0)
		return name_to_text(name, text);
	if (step->family == AF_INET || step->family == AF_INET6)
		(void)inet_ntop(step->family, step->name, text, NAME_TEXT_SIZE);
	return text;
}

const char *reason_hop_text(const struct reason_step *step, char text[REASON_HOP_SIZE])
{
	char name[NAME_TEXT_SIZE];

	text[0] = '\0';
	if (step->how == REASON_REWRITTEN || step->how == REASON_TARGET)
		(void)snprintf(text, REASON_HOP_SIZE, " (%s leads to %s)",
		    step->how == REASON_TARGET ? "its answer" : "a list's CNAME",
		    reason_step_text(step, name));
	return text;
}

const char *reason_verdict_hop(const struct reason *r, char text[REASON_HOP_SIZE])
{
	unsigned n = reason_n_steps(r);

	text[0] = '\0';
	return r->blocked && n != 0 ? reason_hop_text(&r->step[n - 1], text) : text;
}

/* ---- What would change it ---- */

/* Match `nth` (from 0) of a step, void ones left out; NULL: there is none. */
static const struct reason_match *effective(const struct reason *r, unsigned step, unsigned nth)
{
	for (unsigned i = 0; i < reason_n_matches(r); i++) {
		if (r->match[i].step == step && !r->match[i].voided && nth-- == 0)
			return &r->match[i];
	}
	return NULL;
}

static bool blocks(const struct reason_match *match)
{
	return match != NULL && match->verdict != EFFECT_ALLOW && match->verdict != EFFECT_PASS;
}

/* The commands being written. */
struct changes {
	unsigned n;
	char (*out)[REASON_CHANGE_SIZE];
};

/* `command` and a name, which stands for itself in any shell; else nothing. */
static void add_command(struct changes *c, const char *command, const char *name)
{
	const char *plain = name + (name[0] == '=');
	uint8_t wire[NAME_SIZE];
	size_t len;

	if (feed_name(plain, strlen(plain), wire, &len))
		(void)snprintf(c->out[c->n++], REASON_CHANGE_SIZE, "%s %s", command, name);
}

/* Where a rule of the user's decides at `step`, and without it the verdict were another. */
static void add_unset(struct changes *c, const struct reason *r, unsigned step)
{
	const struct reason_match *first = effective(r, step, 0);
	const char *name;

	if (first == NULL || first->list != REASON_OWN ||
	    blocks(effective(r, step, 1)) == blocks(first))
		return;
	name = memchr(first->rule, ' ', sizeof(first->rule));
	if (name != NULL && memchr(name, '\0', sizeof(first->rule) - (size_t)(name - first->rule)))
		add_command(c, "quellctl unset", name + 1);
}

/* Where all that blocks at `step` is of one list of the configuration. */
static void add_remove(
    struct changes *c, const struct reason *r, unsigned step, const struct reason_names *names)
{
	const struct reason_match *first = effective(r, step, 0), *other;

	if (!blocks(first) || r->n_matches > REASON_MATCHES ||
	    list_name(names, first->list) == NULL || !names->configured[first->list])
		return;
	for (unsigned i = 1; (other = effective(r, step, i)) != NULL; i++) {
		if (other->list != first->list && blocks(other))
			return;
	}
	(void)snprintf(c->out[c->n++], REASON_CHANGE_SIZE, "quell-update remove %s",
	    list_name(names, first->list));
}

unsigned reason_changes(const struct reason *r, const uint8_t *name,
    const struct reason_names *names, char out[REASON_CHANGES][REASON_CHANGE_SIZE])
{
	struct changes c = {.out = out};
	char text[NAME_TEXT_SIZE];
	unsigned n_steps = reason_n_steps(r);

	name_to_text(name, text);
	if (r->special) {
		add_command(&c, "quellctl allow", text);
	} else if (r->paused) {
		if (blocks(effective(r, 0, 0)))
			(void)snprintf(out[c.n++], REASON_CHANGE_SIZE, "quellctl resume");
	} else if (r->blocked && n_steps != 0) {
		add_unset(&c, r, n_steps - 1);
		add_command(&c, "quellctl allow", text);
		/* Of a target another may be blocked, too. */
		if (r->step[n_steps - 1].how != REASON_TARGET)
			add_remove(&c, r, n_steps - 1, names);
	} else {
		add_unset(&c, r, 0);
		add_command(&c, "quellctl block", text);
	}
	return c.n;
}

/* ---- The long text ---- */

#define STRING_MAX    255
#define STRINGS_RULES 12 /* so that the answer mostly fits one datagram */

/* The strings being written. */
struct strings {
	uint8_t *out;
	size_t len;
};

/* Cut where it is too long, and left out where there is no room. */
static void QUELL_PRINTF(2, 3) add_string(struct strings *s, const char *fmt, ...)
{
	char text[NAME_TEXT_SIZE + EXPLAIN_VERDICT_SIZE];
	size_t len = 0;
	uint8_t *at;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (REASON_STRINGS_SIZE - s->len < 1 + STRING_MAX)
		return;
	at = s->out + s->len;
	for (; len < STRING_MAX && text[len] != '\0'; len++)
		at[1 + len] = text[len] >= ' ' && text[len] < 0x7f ? (uint8_t)text[len] : '?';
	if (text[len] != '\0')
		memcpy(at + 1 + STRING_MAX - 3, "...", 3);
	at[0] = (uint8_t)len;
	s->len += 1 + len;
}

size_t reason_strings(const struct reason *r, const uint8_t *name, const struct reason_names *names,
    uint8_t out[REASON_STRINGS_SIZE]) /* NOLINT(readability-non-const-parameter): strings.out */
{
	char changes[REASON_CHANGES][REASON_CHANGE_SIZE];
	char text[NAME_TEXT_SIZE], hop[REASON_HOP_SIZE], list[CONF_NAME_SIZE];
	unsigned n = reason_n_matches(r), n_changes = reason_changes(r, name, names, changes);
	struct strings s = {.out = out};

	n = n < STRINGS_RULES ? n : STRINGS_RULES;
	add_string(
	    &s, "%s: %s%s", name_to_text(name, text), r->verdict, reason_verdict_hop(r, hop));
	for (unsigned i = 0; i < n; i++) {
		const struct reason_match *match = &r->match[i];

		add_string(&s, "%s: %s%s%s", reason_list(match, names, list), match->rule,
		    reason_void_text(match), reason_hop_text(&r->step[match->step], hop));
	}
	if (n < r->n_matches)
		add_string(&s, "and %u more rules", r->n_matches - n);
	if (r->answer == REASON_ANSWER_UNKNOWN)
		add_string(&s, "%s", reason_note_unknown);
	for (unsigned i = 0; i < n_changes; i++)
		add_string(&s, "to change it: %s", changes[i]);
	return s.len;
}

/* ---- The short text ---- */

struct text {
	char *out;
	size_t len;
};

/* What does not fit is left away, with three dots at the end. */
static void put(struct text *t, const char *from, size_t len)
{
	size_t room = REASON_SHORT_SIZE - 1 - t->len;

	memcpy(t->out + t->len, from, len < room ? len : room);
	t->len += len < room ? len : room;
	if (len > room)
		memcpy(t->out + REASON_SHORT_SIZE - 4, "...", 3);
}

static void put_text(struct text *t, const char *from)
{
	put(t, from, strlen(from));
}

static void put_name(struct text *t, const uint8_t *name)
{
	char text[NAME_TEXT_SIZE];

	put_text(t, name_to_text(name, text));
}

static void put_target(struct text *t, const struct policy_target *target)
{
	char address[INET6_ADDRSTRLEN];

	put_text(t, "leads to ");
	if (target->family == 0)
		put_name(t, target->name);
	else if (inet_ntop(target->family, target->address, address, sizeof(address)) != NULL)
		put_text(t, address);
	put_text(t, ", ");
}

static void put_regex(struct text *t, const struct rule *rule)
{
	char text[REASON_SHORT_SIZE + 1];
	size_t len = 0;

	put_text(t, rule->inverted ? "!/" : "/");
	for (; len < rule->regex_len && len < sizeof(text); len++)
		text[len] =
		    rule->regex[len] >= ' ' && rule->regex[len] < 0x7f ? rule->regex[len] : '?';
	put(t, text, len);
	put_text(t, "/");
}

/* The rule without what it does: that can be seen. */
static void put_rule(struct text *t, const struct rule *rule)
{
	char network[ADDR_TEXT_SIZE];

	put_text(t, rule_kind_text(rule->kind));
	put_text(t, " ");
	if (rule->kind < RULE_NAME_KINDS) {
		put_name(t, rule->name);
	} else if (rule->kind == RULE_ADDRESS) {
		put_text(t, net_format(&rule->network, network));
	} else {
		put_regex(t, rule);
	}
}

/* What a cause is on: the name asked, or the name of a target. */
static struct effect_ask asked_of(const struct policy *p, const struct reason_cause *cause)
{
	struct effect_ask ask = *cause->ask;

	if (cause->target != NULL && cause->target->family == 0)
		ask = policy_ask_target(p, cause->ask, cause->target);
	ask.rule_wanted = true;
	return ask;
}

/* The list's match that decides, of ask->name or the target's address.  False: there is none. */
static bool decisive_match(const struct policy *p, const struct effect_ask *ask,
    const struct reason_cause *cause, struct judge_match *match)
{
	const struct policy_target *target = cause->target;
	struct judge_verdict verdict;

	if (target != NULL && target->family != 0)
		return judge_address_matches(&p->lists, ask, cause->n_lists, target->family,
			   target->address, match, 1) != 0;
	if (cause->by != NULL) {
		*match = *cause->by;
		return true;
	}
	judge_name(&p->lists, ask, cause->n_lists, &verdict);
	*match = verdict.by;
	return verdict.decided;
}

/* The same, and its rule. */
static bool decisive_rule(const struct policy *p, const struct effect_ask *ask,
    const struct reason_cause *cause, struct judge_match *match, struct rule *rule)
{
	if (!decisive_match(p, ask, cause, match))
		return false;
	if (cause->target == NULL || cause->target->family == 0)
		return explain_rule(&p->lists, ask->name, match, rule);
	*rule = address_rule(&p->lists, cause->target, match);
	return true;
}

const char *reason_short(const struct policy *p, const struct reason_names *names,
    const struct reason_cause *cause, char text[REASON_SHORT_SIZE])
{
	const struct effect_ask ask = asked_of(p, cause);
	struct text t = {.out = text};
	struct overlay_rule own;
	struct judge_match match;
	struct rule rule;
	const char *list;

	if (cause->target != NULL)
		put_target(&t, cause->target);
	if (cause->own) {
		if (p->rules == NULL || overlay_matches(p->rules, ask.name, &own, 1) == 0)
			return NULL;
		put_text(&t, "blocked by a rule of this network: ");
		put_text(&t, own.exact ? "=" : "");
		put_name(&t, own.name);
	} else {
		if (names == NULL || !decisive_rule(p, &ask, cause, &match, &rule))
			return NULL;
		list = list_name(names, match.list);
		if (list == NULL)
			return NULL;
		put_text(&t, "blocked by ");
		put_text(&t, list);
		put_text(&t, ": ");
		put_rule(&t, &rule);
	}
	text[t.len] = '\0';
	return text;
}

/* ---- What it is answered with ---- */

const struct block_answer *reason_block_answer(
    const struct policy *p, const struct reason_answers *answers, const struct reason_cause *cause)
{
	const struct effect_ask ask = asked_of(p, cause);
	const struct block_answer *answer = NULL;
	struct overlay_rule own;
	struct judge_match match;

	if (cause->own) {
		if (p->rules != NULL && overlay_matches(p->rules, ask.name, &own, 1) != 0)
			answer = own.answer;
	} else if (answers != NULL && decisive_match(p, &ask, cause, &match) &&
		   match.list < REASON_LISTS) {
		answer = &answers->list[match.list];
	}
	return answer != NULL && answer->mode != BLOCK_DEFAULT ? answer : NULL;
}
