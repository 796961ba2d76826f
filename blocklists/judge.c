/* judge.c - rules in the order of their precedence, and the verdict of the first. */
#include "blocklists/judge.h"

#include "lib/dns/msg.h"
#include "lib/dns/name.h"

/* ---- All rules that match ---- */

/* What is judged: a name, or an address. */
struct subject {
	const struct trie *t;
	const struct effect_ask *ask;
	unsigned n_lists;
	bool by_client, by_type;
	struct trie_path path; /* of a name */
	unsigned n_labels;
	const uint8_t *address; /* NULL: a name */
	int family;
};

typedef void match_fn(void *ctx, const struct judge_match *match);

/* The callbacks of patterns.h and networks.h have one context. */
struct visit {
	struct subject *subject;
	match_fn *each;
	void *ctx;
};

/* Does the asker get something else than the answer? */
static bool withholds(const struct trie *t, uint32_t number)
{
	size_t len;
	const uint8_t *effect = trie_effect(t, number, &len);
	enum effect_verdict verdict = effect_verdict(effect, len);

	return verdict == EFFECT_BLOCK || verdict == EFFECT_DROP || verdict == EFFECT_TCP_ONLY ||
	       verdict == EFFECT_ANSWER;
}

/* The rules of one set that count; `match` has what they have in common.  `here`: the name is the
 * node's own. */
static void visit_set(
    const struct visit *v, uint32_t set, struct judge_match match, bool names, bool here)
{
	struct subject *s = v->subject;
	size_t n = trie_set_size(s->t, set);

	for (size_t i = 0; i < n; i++) {
		struct trie_entry entry = trie_set_entry(s->t, set, i);

		if (entry.list >= s->n_lists ||
		    (names && entry.kind == (here ? RULE_BELOW : RULE_EXACT)))
			continue;
		if (entry.effect != 0) {
			size_t len;
			const uint8_t *effect = trie_effect(s->t, entry.effect, &len);

			s->by_type |= effect_has_types(effect, len);
			if (!effect_applies(effect, len, s->ask, &s->by_client))
				continue;
		}
		match.list = entry.list;
		match.effect = entry.effect;
		if (names) {
			match.kind = entry.kind;
			match.shared =
			    match.labels <= s->ask->shared_labels && withholds(s->t, entry.effect);
		}
		v->each(v->ctx, &match);
	}
}

static void visit_regex(void *ctx, uint32_t number)
{
	const struct visit *v = ctx;

	visit_set(v, trie_regex_set(v->subject->t, number),
	    (struct judge_match){.kind = RULE_REGEX, .number = number}, false, false);
}

static void visit_network(void *ctx, const struct net *network, uint32_t set)
{
	visit_set(ctx, set, (struct judge_match){.kind = RULE_ADDRESS, .labels = network->bits},
	    false, false);
}

/* Call each() with every rule that matches and counts, in no order, each once. */
static void visit_all(struct subject *s, match_fn *each, void *ctx)
{
	struct visit v = {s, each, ctx};

	if (s->address != NULL) {
		networks_match(&s->t->networks, s->family, s->address, visit_network, &v);
		return;
	}
	for (unsigned i = 0; i < s->path.n; i++) {
		const struct trie_step *step = &s->path.at[i];

		visit_set(&v, step->set, (struct judge_match){.labels = step->labels}, true,
		    step->labels == s->n_labels);
	}
	if (s->t->patterns.n != 0)
		patterns_match(&s->t->patterns, s->ask->name, visit_regex, &v);
}

/* ---- Their order ---- */

enum rank {
	RANK_ANSWER,
	RANK_ALLOW_IMPORTANT,
	RANK_BLOCK_IMPORTANT,
	RANK_ALLOW,
	RANK_LISTS,
	RANK_NO_ANSWER /* decides nothing */
};

struct ranked {
	uint64_t key; /* less comes first; then number and effect make the order total */
	struct judge_match match;
};

static enum rank rank_of(const struct ranked *r)
{
	return (enum rank)(r->key >> 40);
}

/* Does this answer stand for itself: an RCODE, or a CNAME? */
static bool is_whole(const uint8_t *effect, size_t len)
{
	const uint8_t *rdata;
	size_t at = 0, rdata_len;
	uint16_t type;

	if (effect_rcode(effect, len) != RCODE_NOERROR)
		return true;
	while (effect_record(effect, len, &at, &type, &rdata, &rdata_len)) {
		if (type == TYPE_CNAME)
			return true;
	}
	return false;
}

/* More specific is less. */
static unsigned breadth(const struct judge_match *m)
{
	switch (m->kind) {
	case RULE_EXACT:
	case RULE_ADDRESS:
		return (255u - m->labels) << 2;
	case RULE_BELOW:
		return (255u - m->labels) << 2 | 1;
	case RULE_SUFFIX:
		return (255u - m->labels) << 2 | 2;
	default:
		return 256u << 2;
	}
}

static struct ranked ranked(const struct trie *t, const struct judge_match *m)
{
	static const uint8_t among_equals[EFFECT_VERDICTS] = {
	    [EFFECT_PASS] = 0,
	    [EFFECT_EXEMPT] = 1,
	    [EFFECT_DROP] = 2,
	    [EFFECT_TCP_ONLY] = 3,
	    [EFFECT_ANSWER] = 5, /* 4: a whole one */
	    [EFFECT_BLOCK] = 6,
	};
	size_t len;
	const uint8_t *effect = trie_effect(t, m->effect, &len);
	enum effect_verdict verdict = effect_verdict(effect, len);
	unsigned flags = effect_flags(effect, len), order = among_equals[verdict], before_list = 0;
	bool important = (flags & EFFECT_IMPORTANT) != 0;
	enum rank rank = RANK_LISTS;

	if (verdict == EFFECT_ANSWER && is_whole(effect, len))
		order--;
	if (verdict == EFFECT_NO_ANSWER) {
		rank = RANK_NO_ANSWER;
	} else if (verdict == EFFECT_ANSWER && (flags & EFFECT_NEAREST) == 0) {
		rank = RANK_ANSWER;
		before_list = order << 1 | !important;
	} else if (verdict == EFFECT_ALLOW) {
		rank = important ? RANK_ALLOW_IMPORTANT : RANK_ALLOW;
	} else if (verdict == EFFECT_BLOCK && important) {
		rank = RANK_BLOCK_IMPORTANT;
	}
	return (struct ranked){
	    .key = (uint64_t)rank << 40 | (uint64_t)before_list << 36 | (uint64_t)m->list << 20 |
		   (uint64_t)breadth(m) << 4 | order,
	    .match = *m,
	};
}

static bool comes_before(const struct ranked *a, const struct ranked *b)
{
	if (a->key != b->key)
		return a->key < b->key;
	if (a->match.number != b->match.number)
		return a->match.number < b->match.number;
	return a->match.effect < b->match.effect;
}

/* The rules in their order, a page at a time: a page is the first of those behind the last page. */
#define PAGE 16

struct sequence {
	struct subject *subject;
	struct ranked at[PAGE];
	unsigned n, next;
	bool started;
	struct ranked behind;  /* when started: the last of the page before */
	unsigned exempt_lists; /* the list that an exempt ended, and 1; 0: none */
	bool passed;
};

static void page_add(void *ctx, const struct judge_match *match)
{
	struct sequence *q = ctx;
	struct ranked r = ranked(q->subject->t, match);
	unsigned at = q->n;

	if (q->started && !comes_before(&q->behind, &r))
		return;
	if (at == PAGE) {
		if (!comes_before(&r, &q->at[PAGE - 1]))
			return;
		at--;
	} else {
		q->n++;
	}
	for (; at > 0 && comes_before(&r, &q->at[at - 1]); at--)
		q->at[at] = q->at[at - 1];
	q->at[at] = r;
}

/* The next rule, or NULL. */
static const struct ranked *sequence_next(struct sequence *q)
{
	if (q->next == q->n && (!q->started || q->n == PAGE)) {
		if (q->started)
			q->behind = q->at[PAGE - 1];
		q->n = q->next = 0;
		visit_all(q->subject, page_add, q);
		q->started = true;
	}
	return q->next < q->n ? &q->at[q->next++] : NULL;
}

struct voiding {
	const struct trie *t;
	const uint8_t *answer;
	size_t len;
	bool voided;
};

static void look_for_void(void *ctx, const struct judge_match *match)
{
	struct voiding *v = ctx;
	size_t len;
	const uint8_t *by = trie_effect(v->t, match->effect, &len);

	v->voided = v->voided || (effect_verdict(by, len) == EFFECT_NO_ANSWER &&
				     effect_voids(by, len, v->answer, v->len));
}

/* Does another rule take `r`, the next of its sequence, out?  What says nothing itself (exempt,
 * no-answer) is taken out too. */
static bool is_void(struct sequence *q, const struct ranked *r)
{
	struct voiding v = {.t = q->subject->t};

	if (r->match.shared)
		return true;
	v.answer = trie_effect(v.t, r->match.effect, &v.len);
	switch (rank_of(r)) {
	case RANK_ANSWER:
		visit_all(q->subject, look_for_void, &v);
		return v.voided;
	case RANK_LISTS:
		if (q->passed || q->exempt_lists == r->match.list + 1u)
			return true;
		q->passed = effect_verdict(v.answer, v.len) == EFFECT_PASS;
		if (effect_verdict(v.answer, v.len) != EFFECT_EXEMPT)
			return false;
		q->exempt_lists = r->match.list + 1u;
		return true;
	case RANK_NO_ANSWER:
		return true;
	default:
		return false;
	}
}

/* ---- The verdict ---- */

static void add_answer(struct judge_verdict *verdict, const uint8_t *effect, size_t len)
{
	/* Lists often agree. */
	for (unsigned i = 0; i < verdict->n_answers; i++) {
		if (verdict->answers[i].effect == effect)
			return;
	}
	if (verdict->n_answers < JUDGE_ANSWERS_MAX)
		verdict->answers[verdict->n_answers++] = (struct judge_answer){effect, len};
}

/* Are two answers that do not stand for themselves one? */
static bool is_one_answer(const struct ranked *first, const struct ranked *r)
{
	if (rank_of(first) == RANK_ANSWER)
		return rank_of(r) == RANK_ANSWER;
	return first->key == r->key;
}

/* `r` is an answer: it, and those behind it that belong to it. */
static void decide_answer(struct sequence *q, const struct ranked *r, struct judge_verdict *verdict)
{
	const struct ranked first = *r;
	size_t len;
	const uint8_t *effect = trie_effect(q->subject->t, r->match.effect, &len);

	verdict->outcome = JUDGE_ANSWER;
	add_answer(verdict, effect, len);
	if (is_whole(effect, len))
		return;
	while ((r = sequence_next(q)) != NULL && is_one_answer(&first, r)) {
		effect = trie_effect(q->subject->t, r->match.effect, &len);
		if (!is_void(q, r))
			add_answer(verdict, effect, len);
	}
}

/* The first rule that is not void decides. */
static void decide(struct subject *s, struct judge_verdict *verdict)
{
	struct sequence q = {.subject = s};
	const struct ranked *r = sequence_next(&q);
	size_t len;
	const uint8_t *effect;

	while (r != NULL && is_void(&q, r))
		r = sequence_next(&q);
	verdict->by_client = s->by_client;
	verdict->by_type = s->by_type;
	if (r == NULL)
		return;
	verdict->decided = true;
	verdict->by = r->match;
	effect = trie_effect(s->t, r->match.effect, &len);
	switch (effect_verdict(effect, len)) {
	case EFFECT_BLOCK:
		verdict->outcome = JUDGE_BLOCKED;
		break;
	case EFFECT_ALLOW:
		verdict->outcome = JUDGE_ALLOWED;
		verdict->needed = (effect_flags(effect, len) & EFFECT_NEEDED) != 0;
		verdict->n_lists = 0;
		break;
	case EFFECT_PASS:
		verdict->n_lists = r->match.list;
		break;
	case EFFECT_DROP:
		verdict->outcome = JUDGE_DROP;
		break;
	case EFFECT_TCP_ONLY:
		verdict->outcome = JUDGE_TCP_ONLY;
		verdict->n_lists = r->match.list;
		break;
	case EFFECT_ANSWER:
		decide_answer(&q, r, verdict);
		break;
	case EFFECT_EXEMPT:
	case EFFECT_NO_ANSWER:
	case EFFECT_VERDICTS:
		break;
	}
}

static void verdict_init(struct judge_verdict *verdict, unsigned n_lists)
{
	verdict->outcome = JUDGE_NONE;
	verdict->by_client = false;
	verdict->by_type = false;
	verdict->needed = false;
	verdict->n_lists = (uint16_t)n_lists;
	verdict->decided = false;
	verdict->n_answers = 0;
}

/* An address: `address` is not NULL; else the name.  The path is left as it is. */
static void subject_init(struct subject *s, const struct trie *t, const struct effect_ask *ask,
    unsigned n_lists, const uint8_t *address)
{
	s->t = t;
	s->ask = ask;
	s->n_lists = n_lists;
	s->by_client = false;
	s->by_type = false;
	s->address = address;
	if (address != NULL)
		return;
	s->n_labels = name_labels(ask->name);
	trie_walk(t, ask->name, &s->path);
}

/* What there is besides the plain blocks of all lists, and the first of these: of the first list's the
 * most specific. */
struct plain {
	const struct trie *t;
	bool blocked; /* a plain block covers the name: `by` */
	bool other;   /* another rule stands on the way */
	struct judge_match by;
};

/* Of one list's rules, where the deepest step comes first: in a set suffix comes before below, and the
 * expressions come in any order. */
static bool precedes(
    const struct judge_match *match, const struct trie_entry *entry, const struct judge_match *by)
{
	if (match->kind == RULE_REGEX)
		return by->kind == RULE_REGEX && match->number < by->number;
	return entry->kind == RULE_BELOW && match->labels == by->labels;
}

/* The steps come one after the other, then the expressions. */
static void plain_add(
    struct plain *p, uint32_t set, struct judge_match match, bool names, bool here)
{
	size_t n = trie_set_size(p->t, set);

	for (size_t i = 0; i < n; i++) {
		struct trie_entry entry = trie_set_entry(p->t, set, i);
		bool comes_first = !p->blocked || entry.list < p->by.list;

		p->other |= entry.effect != 0;
		if (names && entry.kind == (here ? RULE_BELOW : RULE_EXACT))
			continue;
		if (!comes_first && !(entry.list == p->by.list && precedes(&match, &entry, &p->by)))
			continue;
		p->blocked = true;
		p->by = match;
		p->by.list = entry.list;
		if (names)
			p->by.kind = entry.kind;
	}
}

static void plain_regex(void *ctx, uint32_t number)
{
	struct plain *p = ctx;

	plain_add(p, trie_regex_set(p->t, number),
	    (struct judge_match){.kind = RULE_REGEX, .number = number}, false, false);
}

/* The usual case: only plain blocks of all lists stand on the way.  False: it is another case. */
static bool decide_plain(const struct subject *s, struct judge_verdict *verdict)
{
	struct plain p = {.t = s->t};

	if (s->n_lists < s->t->n_lists || s->ask->shared_labels != 0)
		return false;
	for (unsigned i = 0; i < s->path.n && !p.other; i++) {
		const struct trie_step *step = &s->path.at[i];

		plain_add(&p, step->set, (struct judge_match){.labels = step->labels}, true,
		    step->labels == s->n_labels);
	}
	if (s->t->patterns.n != 0 && !p.other)
		patterns_match(&s->t->patterns, s->ask->name, plain_regex, &p);
	if (p.other)
		return false;
	if (p.blocked) {
		verdict->outcome = JUDGE_BLOCKED;
		verdict->decided = true;
		verdict->by = p.by;
	}
	return true;
}

void judge_name(const struct trie *t, const struct effect_ask *ask, unsigned n_lists,
    struct judge_verdict *verdict)
{
	struct subject s;

	verdict_init(verdict, n_lists);
	if (t->plain && n_lists >= t->n_lists && !ask->rule_wanted && ask->shared_labels == 0) {
		verdict->outcome = trie_blocks(t, ask->name) ? JUDGE_BLOCKED : JUDGE_NONE;
		return;
	}
	subject_init(&s, t, ask, n_lists, NULL);
	if (!decide_plain(&s, verdict))
		decide(&s, verdict);
}

void judge_address(const struct trie *t, const struct effect_ask *ask, unsigned n_lists, int family,
    const uint8_t *address, struct judge_verdict *verdict)
{
	struct subject s;

	verdict_init(verdict, n_lists);
	if (t->networks.n == 0)
		return;
	subject_init(&s, t, ask, n_lists, address);
	s.family = family;
	decide(&s, verdict);
}

/* All rules that match, the void ones last; what was promised for judge_matches(). */
static size_t all_matches(struct subject *s, struct judge_match *out, size_t max)
{
	size_t n = 0;

	for (int voids = 0; voids < 2; voids++) {
		struct sequence q = {.subject = s};
		const struct ranked *r;

		while ((r = sequence_next(&q)) != NULL) {
			bool is = is_void(&q, r);

			if (is != (voids != 0))
				continue;
			if (n < max) {
				out[n] = r->match;
				out[n].voided = is;
			}
			n++;
		}
	}
	return n;
}

size_t judge_matches(
    const struct trie *t, const struct effect_ask *ask, struct judge_match *out, size_t max)
{
	struct subject s;

	subject_init(&s, t, ask, RULE_LISTS_MAX, NULL);
	return all_matches(&s, out, max);
}

size_t judge_address_matches(const struct trie *t, const struct effect_ask *ask, unsigned n_lists,
    int family, const uint8_t *address, struct judge_match *out, size_t max)
{
	struct subject s;

	if (t->networks.n == 0)
		return 0;
	subject_init(&s, t, ask, n_lists, address);
	s.family = family;
	return all_matches(&s, out, max);
}
