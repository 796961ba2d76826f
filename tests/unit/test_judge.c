/* test_judge.c - the weight of rules: by example, and against a naive reference over random mixes of
 * rules of all kinds and lists. */
#include <arpa/inet.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocklists/build.h"
#include "blocklists/judge.h"
#include "lib/dns/msg.h"
#include "tests/unit/rounds.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RULES_MAX 64
#define N_LISTS	  6

/* ---- Rules, and their image ---- */

struct made {
	enum rule_kind kind;
	char text[128]; /* name or expression */
	uint8_t name[NAME_SIZE];
	size_t name_len;
	bool inverted;
	struct net network;
	struct effect effect;
	uint16_t list;
};

struct world {
	struct made rule[RULES_MAX];
	size_t n;
	uint8_t *image;
	struct trie trie;
};

static struct made *add(struct world *w, unsigned list, enum rule_kind kind, const char *text)
{
	struct made *m = &w->rule[w->n++];

	assert_true(w->n <= RULES_MAX);
	memset(m, 0, sizeof(*m));
	m->kind = kind;
	m->list = (uint16_t)list;
	m->inverted = kind == RULE_REGEX && text[0] == '!';
	(void)snprintf(m->text, sizeof(m->text), "%s", text + m->inverted);
	if (kind < RULE_NAME_KINDS)
		assert_int_equal(name_from_text(text, strlen(text), m->name, &m->name_len), 0);
	if (kind == RULE_ADDRESS)
		assert_int_equal(net_parse(&m->network, text, NULL), 0);
	return m;
}

/* The same with an effect: of words as effect_text() has them, those that the tests need. */
static void add_effect(struct world *w, unsigned list, enum rule_kind kind, const char *text,
    enum effect_verdict verdict, unsigned flags, const char *words)
{
	struct effect *e = &add(w, list, kind, text)->effect;
	char copy[128], *word, *rest = copy;
	struct net network;
	uint8_t rdata[NAME_SIZE];
	size_t len;

	effect_init(e, verdict, flags);
	(void)snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strtok_r(rest, " ", &rest)) != NULL) {
		char *value = strchr(word, '=') + 1;
		bool except = *value == '~';

		value += except;
		if (strncmp(word, "type=", 5) == 0) {
			assert_int_equal(effect_add_type(e, (uint16_t)atoi(value), except), 0);
		} else if (strncmp(word, "client=", 7) == 0) {
			assert_int_equal(net_parse(&network, value, NULL), 0);
			assert_int_equal(effect_add_client(e, &network, except), 0);
		} else if (strncmp(word, "except=", 7) == 0) {
			assert_int_equal(name_from_text(value, strlen(value), rdata, &len), 0);
			assert_int_equal(effect_add_except(e, rdata, len), 0);
		} else if (strncmp(word, "rcode=", 6) == 0) {
			effect_set_rcode(e, (uint8_t)atoi(value));
		} else if (strncmp(word, "a=", 2) == 0) {
			assert_int_equal(inet_pton(AF_INET, value, rdata), 1);
			assert_int_equal(effect_add_record(e, TYPE_A, rdata, 4), 0);
		} else {
			assert_int_equal(strncmp(word, "cname=", 6), 0);
			assert_int_equal(name_from_text(value, strlen(value), rdata, &len), 0);
			assert_int_equal(effect_add_record(e, TYPE_CNAME, rdata, len), 0);
		}
	}
	effect_finish(e);
	assert_int_equal(effect_check(e->bytes, e->len), 0);
}

static void open_world(struct world *w)
{
	struct build *b = build_new();
	struct why why = {""};
	size_t len;

	assert_non_null(b);
	for (size_t i = 0; i < w->n; i++) {
		const struct made *m = &w->rule[i];
		const struct rule rule = {
		    .kind = m->kind,
		    .name = m->name,
		    .name_len = m->name_len,
		    .regex = m->text,
		    .regex_len = strlen(m->text),
		    .inverted = m->inverted,
		    .network = m->network,
		    .effect = m->effect.bytes,
		    .effect_len = m->effect.len,
		};

		assert_int_equal(build_add(b, &rule, m->list), 0);
	}
	if (build_image(b, N_LISTS, &w->image, &len, &why) != 0 ||
	    trie_open(&w->trie, w->image, len, &why) != 0)
		fail_msg("%s", why.text);
	build_free(b);
}

static void close_world(struct world *w)
{
	free(w->image);
	w->image = NULL;
	w->n = 0;
}

/* ---- What is asked ---- */

struct asked {
	struct effect_ask ask;
	uint8_t name[NAME_SIZE];
	union addr client;
};

static void ask(struct asked *a, const char *name, uint16_t type, const char *client)
{
	size_t len;

	assert_int_equal(name_from_text(name, strlen(name), a->name, &len), 0);
	if (client != NULL)
		assert_int_equal(addr_parse(&a->client, client, 53, NULL), 0);
	a->ask = (struct effect_ask){
	    .name = a->name, .type = type, .client = client == NULL ? NULL : &a->client};
}

static struct judge_verdict judged(
    const struct world *w, const char *name, uint16_t type, const char *client)
{
	struct judge_verdict v;
	struct asked a;

	ask(&a, name, type, client);
	judge_name(&w->trie, &a.ask, RULE_LISTS_MAX, &v);
	return v;
}

static enum judge_outcome outcome(const struct world *w, const char *name)
{
	return judged(w, name, TYPE_A, NULL).outcome;
}

/* ---- By example ---- */

static void test_empty(void **state)
{
	struct world w = {0};

	(void)state;
	assert_int_equal(outcome(&w, "a.example"), JUDGE_NONE);
	assert_int_equal(judged(&w, ".", TYPE_A, NULL).n_lists, RULE_LISTS_MAX);
}

/* $important over @@ over a block, and @@$important over all, whatever the lists. */
static void test_allow_and_important(void **state)
{
	struct world w = {0};

	(void)state;
	add(&w, 0, RULE_SUFFIX, "example");
	add_effect(&w, 5, RULE_SUFFIX, "a.example", EFFECT_ALLOW, 0, "");
	add_effect(&w, 3, RULE_SUFFIX, "b.a.example", EFFECT_BLOCK, EFFECT_IMPORTANT, "");
	add_effect(&w, 4, RULE_EXACT, "c.b.a.example", EFFECT_ALLOW, EFFECT_IMPORTANT, "");
	open_world(&w);
	assert_int_equal(outcome(&w, "example"), JUDGE_BLOCKED);
	assert_int_equal(outcome(&w, "a.example"), JUDGE_ALLOWED);
	assert_int_equal(outcome(&w, "x.a.example"), JUDGE_ALLOWED);
	assert_int_equal(outcome(&w, "b.a.example"), JUDGE_BLOCKED);
	assert_int_equal(outcome(&w, "c.b.a.example"), JUDGE_ALLOWED);
	assert_int_equal(outcome(&w, "d.c.b.a.example"), JUDGE_BLOCKED);
	assert_int_equal(outcome(&w, "test"), JUDGE_NONE);
	close_world(&w);
}

static void test_types_and_clients(void **state)
{
	struct world w = {0};
	struct judge_verdict v;

	(void)state;
	add_effect(&w, 0, RULE_SUFFIX, "example", EFFECT_BLOCK, 0, "type=28");
	add_effect(&w, 0, RULE_EXACT, "kids.example", EFFECT_BLOCK, 0, "client=192.168.1.0/24");
	open_world(&w);
	assert_int_equal(judged(&w, "a.example", TYPE_AAAA, NULL).outcome, JUDGE_BLOCKED);
	assert_int_equal(judged(&w, "a.example", TYPE_A, NULL).outcome, JUDGE_NONE);
	v = judged(&w, "kids.example", TYPE_A, "192.168.1.7");
	assert_int_equal(v.outcome, JUDGE_BLOCKED);
	assert_true(v.by_client);
	v = judged(&w, "kids.example", TYPE_A, "192.168.2.7");
	assert_int_equal(v.outcome, JUDGE_NONE);
	assert_true(v.by_client);
	assert_false(judged(&w, "a.example", TYPE_A, "192.168.1.7").by_client);
	close_world(&w);
}

/* RPZ: the lists in their order; pass ends it, for what the answer leads to as well. */
static void test_pass(void **state)
{
	struct judge_match matches[4];
	struct world w = {0};
	struct judge_verdict v;
	struct asked a;

	(void)state;
	add(&w, 0, RULE_SUFFIX, "zero.example");
	add_effect(&w, 1, RULE_SUFFIX, "example", EFFECT_PASS, EFFECT_NEAREST, "");
	add_effect(&w, 1, RULE_EXACT, "drop.example", EFFECT_DROP, EFFECT_NEAREST, "");
	add(&w, 2, RULE_SUFFIX, "example");
	add_effect(&w, 0, RULE_EXACT, "first.example", EFFECT_PASS, EFFECT_NEAREST, "");
	open_world(&w);
	v = judged(&w, "a.example", TYPE_A, NULL);
	assert_int_equal(v.outcome, JUDGE_NONE);
	assert_int_equal(v.n_lists, 1);
	ask(&a, "a.example", TYPE_A, NULL);
	assert_int_equal(judge_matches(&w.trie, &a.ask, matches, COUNT(matches)), 2);
	assert_int_equal(matches[0].list, 1);
	assert_false(matches[0].voided);
	assert_int_equal(matches[1].list, 2);
	assert_true(matches[1].voided);
	assert_int_equal(outcome(&w, "zero.example"), JUDGE_BLOCKED);
	assert_int_equal(outcome(&w, "drop.example"), JUDGE_DROP);
	v = judged(&w, "first.example", TYPE_A, NULL);
	assert_int_equal(v.outcome, JUDGE_NONE);
	assert_int_equal(v.n_lists, 0);
	/* A name that an answer leads to, when list 1 passed the name asked. */
	ask(&a, "drop.example", TYPE_A, NULL);
	judge_name(&w.trie, &a.ask, 1, &v);
	assert_int_equal(v.outcome, JUDGE_NONE);
	ask(&a, "zero.example", TYPE_A, NULL);
	judge_name(&w.trie, &a.ask, 1, &v);
	assert_int_equal(v.outcome, JUDGE_BLOCKED);
	close_world(&w);
}

/* dnsmasq: of a list the most specific rule; other lists are not concerned. */
static void test_exempt(void **state)
{
	struct world w = {0};

	(void)state;
	add(&w, 0, RULE_SUFFIX, "example");
	add_effect(&w, 0, RULE_SUFFIX, "a.example", EFFECT_EXEMPT, EFFECT_NEAREST, "");
	add(&w, 0, RULE_SUFFIX, "b.a.example");
	add(&w, 1, RULE_SUFFIX, "c.a.example");
	add_effect(&w, 0, RULE_BELOW, "d.example", EFFECT_TCP_ONLY, EFFECT_NEAREST, "");
	open_world(&w);
	assert_int_equal(outcome(&w, "x.example"), JUDGE_BLOCKED);
	assert_int_equal(outcome(&w, "x.a.example"), JUDGE_NONE);
	assert_int_equal(outcome(&w, "b.a.example"), JUDGE_BLOCKED);
	assert_int_equal(outcome(&w, "c.a.example"), JUDGE_BLOCKED);
	assert_int_equal(outcome(&w, "d.example"), JUDGE_BLOCKED);
	assert_int_equal(outcome(&w, "x.d.example"), JUDGE_TCP_ONLY);
	close_world(&w);
}

static void test_answers(void **state)
{
	struct world w = {0};
	struct judge_verdict v;

	(void)state;
	add_effect(&w, 0, RULE_SUFFIX, "example", EFFECT_ALLOW, EFFECT_IMPORTANT, "");
	add_effect(&w, 1, RULE_SUFFIX, "a.example", EFFECT_ANSWER, 0, "a=192.0.2.1");
	add_effect(&w, 2, RULE_SUFFIX, "a.example", EFFECT_ANSWER, 0, "a=192.0.2.2");
	add_effect(&w, 3, RULE_SUFFIX, "b.a.example", EFFECT_ANSWER, 0, "rcode=3");
	add_effect(&w, 3, RULE_SUFFIX, "c.a.example", EFFECT_NO_ANSWER, 0, "a=192.0.2.1");
	add_effect(&w, 3, RULE_SUFFIX, "d.a.example", EFFECT_NO_ANSWER, 0, "");
	add_effect(&w, 4, RULE_EXACT, "nearest.test", EFFECT_ANSWER, EFFECT_NEAREST, "a=192.0.2.3");
	add_effect(&w, 4, RULE_EXACT, "nearest.test", EFFECT_ANSWER, EFFECT_NEAREST, "a=192.0.2.4");
	add_effect(&w, 4, RULE_SUFFIX, "test", EFFECT_ANSWER, EFFECT_NEAREST, "a=192.0.2.5");
	add_effect(&w, 3, RULE_SUFFIX, "z.nearest.test", EFFECT_ALLOW, 0, "");
	open_world(&w);
	v = judged(&w, "a.example", TYPE_A, NULL);
	assert_int_equal(v.outcome, JUDGE_ANSWER);
	assert_int_equal(v.n_answers, 2);
	v = judged(&w, "b.a.example", TYPE_A, NULL);
	assert_int_equal(v.n_answers, 1);
	assert_int_equal(effect_rcode(v.answers[0].effect, v.answers[0].len), RCODE_NXDOMAIN);
	v = judged(&w, "c.a.example", TYPE_A, NULL);
	assert_int_equal(v.n_answers, 1);
	assert_memory_equal(v.answers[0].effect, w.rule[2].effect.bytes, v.answers[0].len);
	assert_int_equal(outcome(&w, "d.a.example"), JUDGE_ALLOWED);
	assert_int_equal(judged(&w, "nearest.test", TYPE_A, NULL).n_answers, 2);
	assert_int_equal(judged(&w, "x.nearest.test", TYPE_A, NULL).n_answers, 1);
	assert_int_equal(outcome(&w, "z.nearest.test"), JUDGE_ALLOWED);
	close_world(&w);
}

static void test_addresses(void **state)
{
	static const uint8_t inside[4] = {192, 0, 2, 7}, outside[4] = {192, 0, 3, 7},
			     spared[4] = {192, 0, 2, 8};
	struct world w = {0};
	struct judge_verdict v;
	struct asked a;

	(void)state;
	add(&w, 1, RULE_ADDRESS, "192.0.2.0/24");
	add_effect(&w, 1, RULE_ADDRESS, "192.0.2.8", EFFECT_PASS, EFFECT_NEAREST, "");
	open_world(&w);
	ask(&a, "a.example", TYPE_A, NULL);
	judge_address(&w.trie, &a.ask, RULE_LISTS_MAX, AF_INET, inside, &v);
	assert_int_equal(v.outcome, JUDGE_BLOCKED);
	judge_address(&w.trie, &a.ask, 1, AF_INET, inside, &v);
	assert_int_equal(v.outcome, JUDGE_NONE);
	judge_address(&w.trie, &a.ask, RULE_LISTS_MAX, AF_INET, outside, &v);
	assert_int_equal(v.outcome, JUDGE_NONE);
	judge_address(&w.trie, &a.ask, RULE_LISTS_MAX, AF_INET, spared, &v);
	assert_int_equal(v.outcome, JUDGE_NONE);
	assert_int_equal(outcome(&w, "a.example"), JUDGE_NONE);
	close_world(&w);
}

/* ---- Against the naive reference ---- */

/* Does rule `m` match what is asked, and count? */
static bool counts(const struct made *m, const struct asked *a, const uint8_t *address)
{
	char text[NAME_TEXT_SIZE];
	bool by_client = false, matches = false;
	union addr v4 = {.in4 = {.sin_family = AF_INET}};
	regex_t re;

	if (m->kind < RULE_NAME_KINDS) {
		matches = address == NULL && rule_covers(m->kind, m->name, a->name);
	} else if (m->kind == RULE_REGEX && address == NULL) {
		assert_int_equal(regcomp(&re, m->text, REG_EXTENDED | REG_NOSUB), 0);
		matches =
		    (regexec(&re, name_to_text(a->name, text), 0, NULL, 0) == 0) != m->inverted;
		regfree(&re);
	} else if (m->kind == RULE_ADDRESS && address != NULL) {
		memcpy(&v4.in4.sin_addr, address, 4);
		matches = net_contains(&m->network, &v4);
	}
	return matches && effect_applies(m->effect.bytes, m->effect.len, &a->ask, &by_client);
}

/* Of two rules that match the same: is `m` more specific (1), as specific (0) or less (-1)? */
static int specific(const struct made *m, const struct made *than)
{
	static const int order[] = {[RULE_EXACT] = 0, [RULE_BELOW] = 1, [RULE_SUFFIX] = 2};

	if (m->kind == RULE_ADDRESS)
		return (m->network.bits > than->network.bits) -
		       (m->network.bits < than->network.bits);
	if (m->kind == RULE_REGEX || than->kind == RULE_REGEX)
		return (than->kind == RULE_REGEX) - (m->kind == RULE_REGEX);
	if (name_labels(m->name) != name_labels(than->name))
		return name_labels(m->name) > name_labels(than->name) ? 1 : -1;
	return (order[m->kind] < order[than->kind]) - (order[m->kind] > order[than->kind]);
}

static enum effect_verdict verdict_of(const struct made *m)
{
	return effect_verdict(m->effect.bytes, m->effect.len);
}

static bool has_flag(const struct made *m, unsigned flag)
{
	return (effect_flags(m->effect.bytes, m->effect.len) & flag) != 0;
}

static bool whole(const struct made *m)
{
	char text[1024];

	effect_text(m->effect.bytes, m->effect.len, text, sizeof(text));
	return strstr(text, " CNAME=") != NULL ||
	       effect_rcode(m->effect.bytes, m->effect.len) != RCODE_NOERROR;
}

struct expected {
	enum judge_outcome outcome;
	unsigned n_lists;
	const struct made *answer[RULES_MAX]; /* together; or, of whole ones, any of these */
	unsigned n_answers;
	bool is_whole;
};

/* The rules of `in` that are answers: those that make the answer, by weight. */
static void expect_answers(
    struct expected *e, const struct made *const *in, unsigned n, bool by_weight)
{
	e->outcome = JUDGE_ANSWER;
	for (unsigned i = 0; i < n; i++)
		e->is_whole |= whole(in[i]);
	for (unsigned i = 0; i < n; i++) {
		bool better = false;

		if (e->is_whole && !whole(in[i]))
			continue;
		for (unsigned j = 0; j < n && e->is_whole && by_weight; j++) {
			int important =
			    has_flag(in[j], EFFECT_IMPORTANT) - has_flag(in[i], EFFECT_IMPORTANT);

			if (!whole(in[j]))
				continue;
			better |=
			    important > 0 ||
			    (important == 0 &&
				(in[j]->list < in[i]->list ||
				    (in[j]->list == in[i]->list && specific(in[j], in[i]) > 0)));
		}
		/* The same said twice is one. */
		for (unsigned j = 0; j < e->n_answers && !e->is_whole; j++)
			better |= e->answer[j]->effect.len == in[i]->effect.len &&
				  memcmp(e->answer[j]->effect.bytes, in[i]->effect.bytes,
				      in[i]->effect.len) == 0;
		if (!better)
			e->answer[e->n_answers++] = in[i];
	}
}

/* What the page of judge.h says, word by word. */
static struct expected expect(
    const struct world *w, const struct asked *a, unsigned n_lists, const uint8_t *address)
{
	struct expected e = {.outcome = JUDGE_NONE, .n_lists = n_lists};
	const struct made *in[RULES_MAX], *some[RULES_MAX];
	unsigned n = 0, n_some = 0;

	for (size_t i = 0; i < w->n; i++) {
		bool twice = false;

		for (size_t j = 0; j < i; j++) {
			const struct made *x = &w->rule[i], *y = &w->rule[j];

			twice |= x->kind == y->kind && strcmp(x->text, y->text) == 0 &&
				 x->inverted == y->inverted && x->list == y->list &&
				 x->effect.len == y->effect.len &&
				 memcmp(x->effect.bytes, y->effect.bytes, x->effect.len) == 0;
		}
		if (!twice && w->rule[i].list < n_lists && counts(&w->rule[i], a, address))
			in[n++] = &w->rule[i];
	}
	for (unsigned i = 0; i < n; i++) {
		bool voided = false;

		for (unsigned j = 0; j < n; j++)
			voided |= verdict_of(in[j]) == EFFECT_NO_ANSWER &&
				  effect_voids(in[j]->effect.bytes, in[j]->effect.len,
				      in[i]->effect.bytes, in[i]->effect.len);
		if (verdict_of(in[i]) == EFFECT_ANSWER && !has_flag(in[i], EFFECT_NEAREST) &&
		    !voided)
			some[n_some++] = in[i];
	}
	if (n_some != 0) {
		expect_answers(&e, some, n_some, true);
		return e;
	}
	for (unsigned step = 2; step <= 4; step++) {
		for (unsigned i = 0; i < n; i++) {
			bool allows = verdict_of(in[i]) == EFFECT_ALLOW;
			bool important = has_flag(in[i], EFFECT_IMPORTANT);

			if (step == 3 ? verdict_of(in[i]) == EFFECT_BLOCK && important
				      : allows && (important || step == 4)) {
				e.outcome = step == 3 ? JUDGE_BLOCKED : JUDGE_ALLOWED;
				e.n_lists = step == 3 ? n_lists : 0;
				return e;
			}
		}
	}
	for (unsigned list = 0; list < N_LISTS; list++) {
		static const enum effect_verdict order[] = {EFFECT_PASS, EFFECT_EXEMPT, EFFECT_DROP,
		    EFFECT_TCP_ONLY, EFFECT_ANSWER, EFFECT_BLOCK};

		n_some = 0;
		for (unsigned i = 0; i < n; i++) {
			int less = 0;

			if (in[i]->list != list || verdict_of(in[i]) == EFFECT_NO_ANSWER ||
			    (verdict_of(in[i]) == EFFECT_ANSWER &&
				!has_flag(in[i], EFFECT_NEAREST)))
				continue;
			for (unsigned j = 0; j < n_some; j++)
				less = specific(in[i], some[j]);
			if (less > 0)
				n_some = 0;
			if (less >= 0)
				some[n_some++] = in[i];
		}
		for (size_t k = 0; k < COUNT(order) && n_some != 0; k++) {
			unsigned n_equal = 0;

			for (unsigned i = 0; i < n_some; i++)
				if (verdict_of(some[i]) == order[k])
					some[n_equal++] = some[i];
			if (n_equal == 0)
				continue;
			switch (order[k]) {
			case EFFECT_PASS:
				e.n_lists = list;
				return e;
			case EFFECT_EXEMPT:
				n_some = 0;
				continue;
			case EFFECT_DROP:
				e.outcome = JUDGE_DROP;
				return e;
			case EFFECT_TCP_ONLY:
				e.outcome = JUDGE_TCP_ONLY;
				e.n_lists = list;
				return e;
			case EFFECT_ANSWER:
				expect_answers(&e, some, n_equal, false);
				return e;
			default:
				e.outcome = JUDGE_BLOCKED;
				return e;
			}
		}
	}
	return e;
}

static bool is_effect(const struct made *m, const struct judge_answer *answer)
{
	return m->effect.len == answer->len &&
	       memcmp(m->effect.bytes, answer->effect, answer->len) == 0;
}

static void assert_verdict(const struct judge_verdict *v, const struct expected *e)
{
	assert_int_equal(v->outcome, e->outcome);
	assert_int_equal(v->n_lists, e->n_lists);
	if (v->outcome != JUDGE_ANSWER)
		return;
	assert_int_equal(v->n_answers, e->is_whole			  ? 1
				       : e->n_answers < JUDGE_ANSWERS_MAX ? e->n_answers
									  : JUDGE_ANSWERS_MAX);
	for (unsigned i = 0; i < v->n_answers; i++) {
		bool found = false;

		for (unsigned j = 0; j < e->n_answers; j++)
			found |= is_effect(e->answer[j], &v->answers[i]);
		assert_true(found);
	}
}

/* The rules in their order lead to the same verdict, and are all that match. */
static void assert_matches(
    const struct world *w, const struct asked *a, const struct judge_verdict *v)
{
	struct judge_match at[RULES_MAX], few[3];
	size_t n = judge_matches(&w->trie, &a->ask, at, RULES_MAX), len;
	enum judge_outcome first = JUDGE_NONE;
	const uint8_t *effect;

	assert_true(n <= RULES_MAX);
	assert_int_equal(judge_matches(&w->trie, &a->ask, few, COUNT(few)), n);
	for (size_t i = 0; i < n; i++) {
		if (i < COUNT(few)) {
			assert_int_equal(few[i].list, at[i].list);
			assert_int_equal(few[i].effect, at[i].effect);
		}
		if (i != 0)
			assert_true(at[i].voided >= at[i - 1].voided);
	}
	if (n != 0 && !at[0].voided) {
		static const enum judge_outcome outcomes[EFFECT_VERDICTS] = {
		    [EFFECT_BLOCK] = JUDGE_BLOCKED,
		    [EFFECT_ALLOW] = JUDGE_ALLOWED,
		    [EFFECT_PASS] = JUDGE_NONE,
		    [EFFECT_DROP] = JUDGE_DROP,
		    [EFFECT_TCP_ONLY] = JUDGE_TCP_ONLY,
		    [EFFECT_ANSWER] = JUDGE_ANSWER,
		};

		effect = trie_effect(&w->trie, at[0].effect, &len);
		first = outcomes[effect_verdict(effect, len)];
	}
	assert_int_equal(v->outcome, first);
	/* Whose it is. */
	assert_int_equal(v->decided, n != 0 && !at[0].voided);
	if (!v->decided)
		return;
	assert_int_equal(v->by.list, at[0].list);
	assert_int_equal(v->by.kind, at[0].kind);
	assert_int_equal(v->by.labels, at[0].labels);
	assert_int_equal(v->by.number, at[0].number);
	assert_int_equal(v->by.effect, at[0].effect);
}

static uint32_t dice(uint32_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state % n;
}

static const char *dice_name(uint32_t *state, char text[64])
{
	static const char *const labels[] = {"a", "b", "ads", "example"};
	unsigned n = 1 + dice(state, 4);

	text[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		strcat(text, i != 0 ? "." : "");
		strcat(text, labels[dice(state, COUNT(labels))]);
	}
	return text;
}

static void dice_rule(struct world *w, uint32_t *state, unsigned n_plain)
{
	static const char *const regexes[] = {"^ads", "a.*b", "!^a", "example$", "!a|b"};
	static const char *const networks[] = {"10.0.0.0/8", "10.1.0.0/16", "10.1.1.1"};
	static const struct {
		enum effect_verdict verdict;
		unsigned flags;
	} effects[] = {
	    {EFFECT_BLOCK, 0},
	    {EFFECT_BLOCK, EFFECT_IMPORTANT},
	    {EFFECT_ALLOW, 0},
	    {EFFECT_ALLOW, EFFECT_IMPORTANT},
	    {EFFECT_PASS, EFFECT_NEAREST},
	    {EFFECT_PASS, EFFECT_NEAREST},
	    {EFFECT_EXEMPT, EFFECT_NEAREST},
	    {EFFECT_EXEMPT, EFFECT_NEAREST},
	    {EFFECT_DROP, EFFECT_NEAREST},
	    {EFFECT_TCP_ONLY, EFFECT_NEAREST},
	    {EFFECT_ANSWER, 0},
	    {EFFECT_ANSWER, EFFECT_IMPORTANT},
	    {EFFECT_ANSWER, EFFECT_NEAREST},
	    {EFFECT_ANSWER, EFFECT_NEAREST},
	    {EFFECT_NO_ANSWER, 0},
	    {EFFECT_NO_ANSWER, EFFECT_IMPORTANT},
	};
	static const char *const limits[] = {"", "", "", "type=1", "type=28", "type=~1",
	    "client=192.168.0.0/16", "client=~192.168.0.1", "except=ads.example"};
	static const char *const answers[] = {"", "a=192.0.2.1", "a=192.0.2.2", "a=192.0.2.3",
	    "a=192.0.2.4", "rcode=3", "cname=x.test"};
	char text[64], words[128];
	enum rule_kind kind = (enum rule_kind)dice(state, RULE_KINDS);
	unsigned which = dice(state, COUNT(effects)), list = dice(state, N_LISTS);

	if (kind < RULE_NAME_KINDS || dice(state, 2) == 0) {
		kind = kind % RULE_NAME_KINDS;
		dice_name(state, text);
	} else if (kind == RULE_REGEX) {
		(void)snprintf(text, sizeof(text), "%s", regexes[dice(state, COUNT(regexes))]);
	} else {
		(void)snprintf(text, sizeof(text), "%s", networks[dice(state, COUNT(networks))]);
	}
	if (dice(state, 10) < n_plain) {
		add(w, list, kind, text);
		return;
	}
	(void)snprintf(words, sizeof(words), "%s ", limits[dice(state, COUNT(limits))]);
	if (effects[which].verdict == EFFECT_ANSWER || effects[which].verdict == EFFECT_NO_ANSWER)
		strcat(words, answers[dice(state, COUNT(answers))]);
	add_effect(w, list, kind, text, effects[which].verdict, effects[which].flags, words);
}

static void test_random(void **state)
{
	static const char *const clients[] = {NULL, "192.168.0.1", "192.168.7.7", "10.0.0.1"};
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA, TYPE_HTTPS};
	unsigned seen[JUDGE_ANSWER + 1] = {0};
	uint32_t seed = 4711;

	(void)state;
	for (unsigned round = rounds(1500); round > 0; round--) {
		struct world w = {0};
		unsigned n_plain = dice(&seed, 11), n_rules = 1 + dice(&seed, RULES_MAX);

		while (w.n < n_rules)
			dice_rule(&w, &seed, n_plain);
		open_world(&w);
		for (int i = 0; i < 40; i++) {
			const uint8_t address[4] = {
			    (uint8_t)(10 + dice(&seed, 2)), (uint8_t)dice(&seed, 3), 1, 1};
			unsigned n_lists =
			    dice(&seed, 4) == 0 ? dice(&seed, N_LISTS) : RULE_LISTS_MAX;
			struct judge_verdict v;
			struct expected e;
			struct asked a;
			char text[64];

			ask(&a, dice_name(&seed, text), types[dice(&seed, COUNT(types))],
			    clients[dice(&seed, COUNT(clients))]);
			a.ask.rule_wanted = true;
			judge_name(&w.trie, &a.ask, n_lists, &v);
			e = expect(&w, &a, n_lists, NULL);
			assert_verdict(&v, &e);
			seen[v.outcome]++;
			if (n_lists == RULE_LISTS_MAX)
				assert_matches(&w, &a, &v);
			judge_address(&w.trie, &a.ask, n_lists, AF_INET, address, &v);
			e = expect(&w, &a, n_lists, address);
			assert_verdict(&v, &e);
			/* Who says that no client would hear otherwise is right. */
			if (!v.by_client) {
				ask(&a, text, a.ask.type, "192.168.0.1");
				judge_address(&w.trie, &a.ask, n_lists, AF_INET, address, &v);
				assert_verdict(&v, &e);
			}
		}
		close_world(&w);
	}
	for (size_t i = 0; i < COUNT(seen); i++)
		assert_true(seen[i] > rounds(100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_allow_and_important),
	    cmocka_unit_test(test_types_and_clients),
	    cmocka_unit_test(test_pass),
	    cmocka_unit_test(test_exempt),
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
