/* test_reason.c - why a query gets its answer: within the bounds, whatever matches; and the commands that
 * would change it.  What is said of each kind of rule, the scenes why-*.scene have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/compile.h"
#include "lib/dns/msg.h"
#include "resolver/core/answer.h"
#include "resolver/core/reason.h"

static uint8_t *image;
static struct policy policy;
static struct reason said;
static struct reason_names names;
static struct answer answer;
static uint8_t asked[NAME_SIZE];

static size_t wire(const char *text, uint8_t name[NAME_SIZE])
{
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	return len;
}

/* Lists of these texts, each in the syntax before it; NULL ends them.  They are called l0, l1, ... */
static void compile(const char *const *texts)
{
	struct compile *c = compile_new();
	struct why why = {""};
	struct trie trie;
	size_t len;

	memset(&names, 0, sizeof(names));
	for (; *texts != NULL; texts += 2) {
		struct compile_source source = {
		    .name = "list",
		    .syntax = feed_find(texts[0]),
		    .text = texts[1],
		    .len = strlen(texts[1]),
		    .rewrites = true,
		};

		if (compile_add(c, &source, NULL, NULL, &why) != 0)
			fail_msg("%s", why.text);
		(void)snprintf(names.name[names.n], CONF_NAME_SIZE, "l%u", names.n);
		names.n++;
	}
	memset(names.configured, true, names.n);
	assert_int_equal(compile_image(c, &image, &len, &why), 0);
	compile_free(c);
	assert_int_equal(trie_open(&trie, image, len, NULL), 0);
	policy_set_lists(&policy, &trie);
}

static int tear_down(void **state)
{
	(void)state;
	free(image);
	image = NULL;
	policy = (struct policy){0};
	return 0;
}

static void find(const char *name, const struct cache_answer *cached)
{
	const struct effect_ask ask = {.name = asked, .type = TYPE_A};

	wire(name, asked);
	memset(&said, 0xff, sizeof(said));
	reason_find(&policy, &ask, cached, &said);
}

/* `wanted`: the commands, each with a line end. */
static void assert_changes(const char *wanted)
{
	char changes[REASON_CHANGES][REASON_CHANGE_SIZE];
	char all[REASON_CHANGES * (REASON_CHANGE_SIZE + 1) + 1] = "";
	unsigned n = reason_changes(&said, asked, &names, changes);

	for (unsigned i = 0; i < n; i++) {
		strcat(all, changes[i]);
		strcat(all, "\n");
	}
	assert_string_equal(all, wanted);
}

/* The answer to `name` A: CNAMEs from each to the next of targets, NULL ends them. */
static const struct cache_answer *answer_to(const char *name, const char *const *targets)
{
	static uint8_t msg[4096];
	const struct answer_limits limits = {.max_ttl_s = 3600, .negative_ttl_s = 3600};
	uint8_t owner[NAME_SIZE], target[NAME_SIZE];
	const struct answer_question question = {
	    .name = asked, .name_len = wire(name, asked), .type = TYPE_A, .class = CLASS_IN};
	struct msg_writer w;
	unsigned n = 0;

	msg_write_start(&w, msg, sizeof(msg), 1, MSG_QR);
	msg_write_question(&w, asked, TYPE_A, CLASS_IN);
	memcpy(owner, asked, question.name_len);
	for (; targets[n] != NULL; n++) {
		size_t len = wire(targets[n], target);

		buf_put_bytes(&w.out, owner, name_len(owner));
		buf_put_u16(&w.out, TYPE_CNAME);
		buf_put_u16(&w.out, CLASS_IN);
		buf_put_u32(&w.out, 300);
		buf_put_u16(&w.out, (uint16_t)len);
		buf_put_bytes(&w.out, target, len);
		memcpy(owner, target, len);
	}
	assert_false(w.out.failed);
	msg_set_u16(msg + 6, n);
	assert_int_equal(answer_normalise(&answer, &question, &limits, msg, w.out.pos, 1), 0);
	return &answer.view;
}

static void test_changes(void **state)
{
	static const char *const lists[] = {"domains", "one.example\nboth.example\n", "adblock",
	    "||both.example^\n||ads.example^\n@@||good.ads.example^\n", NULL};

	(void)state;
	compile(lists);
	find("a.one.example", NULL);
	assert_string_equal(said.verdict, "blocked");
	assert_changes("quellctl allow a.one.example\nquell-update remove l0\n");
	find("both.example", NULL);
	assert_changes("quellctl allow both.example\n");
	find("good.ads.example", NULL);
	assert_string_equal(said.verdict, "allowed");
	assert_changes("quellctl block good.ads.example\n");
	find("free.example", NULL);
	assert_int_equal(said.answer, REASON_ANSWER_UNKNOWN);
	assert_changes("quellctl block free.example\n");
	/* Of a name that a shell might take for something else no command is made. */
	find("$(id).one.example", NULL);
	assert_string_equal(said.verdict, "blocked");
	assert_changes("quell-update remove l0\n");
	find(".", NULL);
	assert_changes("");
	/* Files that are no configured lists cannot be removed from the configuration. */
	memset(names.configured, false, sizeof(names.configured));
	find("one.example", NULL);
	assert_changes("quellctl allow one.example\n");
}

/* An own rule is only to be unset where that makes a difference. */
static void test_own_changes(void **state)
{
	static const char *const lists[] = {"domains", "ads.example\n", NULL};
	const struct hash_key key = {0};
	struct overlay *overlay = overlay_new(&key);
	uint8_t rules[4 * OVERLAY_RULE_SIZE], name[NAME_SIZE];
	struct overlay_rule rule = {.action = OVERLAY_BLOCK, .name = name};
	size_t len;

	(void)state;
	compile(lists);
	wire("example", name);
	len = overlay_put(rules, &rule);
	wire("ads.example", name);
	rule.exact = true;
	len += overlay_put(rules + len, &rule);
	assert_int_equal(overlay_set(overlay, false, rules, len), 0);
	policy_set_rules(&policy, overlay);
	find("ads.example", NULL);
	assert_int_equal(said.n_matches, 3);
	assert_string_equal(said.match[0].rule, "block =ads.example");
	assert_string_equal(said.match[1].rule, "block example");
	assert_string_equal(said.match[2].rule, "suffix ads.example");
	assert_changes("quellctl allow ads.example\n");
	find("www.example", NULL);
	assert_changes("quellctl unset example\nquellctl allow www.example\n");
	assert_int_equal(overlay_set(overlay, true, rules, len), 0);
	find("www.example", NULL);
	assert_string_equal(said.verdict, "not blocked: blocking is paused");
	assert_changes("quellctl resume\n");
	find("www.test", NULL);
	assert_changes("");
	free(overlay);
}

/* The lists' own CNAMEs are steps; what they lead to is judged. */
static void test_rewritten(void **state)
{
	static const char *const lists[] = {"adblock",
	    "|a.example^$dnsrewrite=b.example\n|b.example^$dnsrewrite=c.example\n"
	    "|x.example^$dnsrewrite=ads.example\n||ads.example^\n",
	    NULL};
	char hop[REASON_HOP_SIZE];

	(void)state;
	compile(lists);
	find("a.example", NULL);
	assert_int_equal(said.n_steps, 3);
	assert_string_equal(said.verdict, "answer CNAME=c.example");
	assert_string_equal(
	    reason_hop_text(&said.step[2], hop), " (a list's CNAME leads to c.example)");
	find("x.example", NULL);
	assert_string_equal(said.verdict, "blocked");
	assert_string_equal(
	    reason_verdict_hop(&said, hop), " (a list's CNAME leads to ads.example)");
}

/* More targets than there are steps, all of them matched: the one that decides is the last. */
static void test_many_steps(void **state)
{
	static const char *const lists[] = {"adblock", "@@||free.example^\n||bad.example^\n", NULL};
	char texts[ANSWER_CHAIN_MAX][32], hop[REASON_HOP_SIZE];
	const char *targets[ANSWER_CHAIN_MAX + 1] = {NULL};

	(void)state;
	compile(lists);
	for (unsigned i = 0; i < ANSWER_CHAIN_MAX; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "t%u.%s.example", i,
		    i == ANSWER_CHAIN_MAX - 1 ? "bad" : "free");
		targets[i] = texts[i];
	}
	find("www.test", answer_to("www.test", targets));
	assert_int_equal(said.answer, REASON_ANSWER_JUDGED);
	assert_int_equal(said.n_steps, REASON_STEPS);
	assert_true(said.blocked);
	assert_string_equal(
	    reason_verdict_hop(&said, hop), " (its answer leads to t15.bad.example)");
	assert_string_equal(said.match[said.n_matches - 1].rule, "suffix bad.example");
	assert_changes("quellctl allow www.test\n");
}

/* More matches than there is room for, and longer rules: counted, and cut. */
static void test_bounds(void **state)
{
	const char *lists[2 * (REASON_MATCHES + 9) + 1] = {NULL};
	char expression[1200];
	uint8_t strings[REASON_STRINGS_SIZE];
	size_t len, at = 0;

	(void)state;
	(void)snprintf(expression, sizeof(expression), "^[a%0450d]ds\\.\n", 0);
	for (unsigned i = 0; i < REASON_MATCHES + 9; i++) {
		lists[2 * i] = i == 0 ? "pihole-regex" : "domains";
		lists[2 * i + 1] = i == 0 ? expression : "example.com\n";
	}
	compile(lists);
	find("ads.example.com", NULL);
	assert_int_equal(said.n_matches, REASON_MATCHES + 9);
	assert_int_equal(reason_n_matches(&said), REASON_MATCHES);
	assert_int_equal(strlen(said.match[0].rule), EXPLAIN_RULE_SIZE - 1);
	assert_int_equal(said.match[REASON_MATCHES - 1].list, REASON_MATCHES - 1);
	assert_changes("quellctl allow ads.example.com\n");
	len = reason_strings(&said, asked, &names, strings);
	assert_in_range(len, 100, REASON_STRINGS_SIZE);
	while (at < len)
		at += 1u + strings[at];
	assert_int_equal(at, len);
	assert_int_equal(strings[0], strlen("ads.example.com: blocked"));
	at = 1u + strings[0];
	assert_int_equal(strings[at], 255); /* the long rule */
	assert_memory_equal(strings + at + 1 + 252, "...", 3);
}

static const char *shown(const char *name, char text[REASON_SHORT_SIZE])
{
	uint8_t wire_name[NAME_SIZE];
	const struct effect_ask ask = {.name = wire_name, .type = TYPE_A};
	const struct reason_cause cause = {.ask = &ask, .n_lists = RULE_LISTS_MAX};

	wire(name, wire_name);
	return reason_short(&policy, &names, &cause, text);
}

#define LONG "abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.abcdefghijkl"

static void test_short(void **state)
{
	static const char *const lists[] = {
	    "domains", "ads.example\n" LONG ".example\n" LONG "m.example\n", NULL};
	char text[REASON_SHORT_SIZE];

	(void)state;
	compile(lists);
	assert_string_equal(shown("www.ads.example", text), "blocked by l0: suffix ads.example");
	/* As long as it may be, and one more. */
	assert_string_equal(shown(LONG ".example", text), "blocked by l0: suffix " LONG ".example");
	assert_int_equal(strlen(text), REASON_SHORT_SIZE - 1);
	assert_string_equal(
	    shown(LONG "m.example", text), "blocked by l0: suffix " LONG "m.exa...");
	assert_int_equal(strlen(text), REASON_SHORT_SIZE - 1);
	/* Not known: no rule, or no name of the list. */
	assert_null(shown("free.example", text));
	names.name[0][0] = '\0';
	assert_null(shown("ads.example", text));
	names.n = 0;
	assert_null(shown("ads.example", text));
}

/* One that comes from another process may hold anything: nothing is read or written outside. */
static void test_hostile(void **state)
{
	char changes[REASON_CHANGES][REASON_CHANGE_SIZE], list[CONF_NAME_SIZE];
	char text[NAME_TEXT_SIZE], hop[REASON_HOP_SIZE];

	(void)state;
	wire("a.example", asked);
	for (unsigned byte = 0; byte < 256; byte++) {
		memset(&said, (int)byte, sizeof(said));
		assert_true(reason_changes(&said, asked, &names, changes) <= REASON_CHANGES);
		assert_true(reason_n_steps(&said) <= REASON_STEPS);
		(void)reason_list(&said.match[0], &names, list);
		(void)reason_step_text(&said.step[0], text);
		(void)reason_verdict_hop(&said, hop);
	}
	memset(&said, 0, sizeof(said));
	said.n_steps = said.n_matches = 1;
	said.blocked = 1;
	said.match[0].list = REASON_OWN;
	(void)snprintf(said.match[0].rule, sizeof(said.match[0].rule), "block a.example; reboot");
	assert_changes("quellctl allow a.example\n");
}

/* A special name: neither rules nor lists are asked, and a rule of the user's own would be. */
static void test_special(void **state)
{
	static const char *const lists[] = {"domains", "nas.local\n", NULL};
	const struct effect_ask ask = {.name = asked, .type = TYPE_A};
	struct special_answer special;
	struct special names_on;

	(void)state;
	compile(lists);
	special_set(&names_on, SPECIAL_ALL);
	assert_true(special_find(&names_on, asked, wire("nas.local", asked), TYPE_A, &special));
	memset(&said, 0xff, sizeof(said));
	reason_find_special(&policy, &ask, &special, &said);
	assert_string_equal(said.verdict, "special name (local): NXDOMAIN");
	assert_int_equal(said.blocked, 0);
	assert_int_equal(said.n_matches, 0);
	assert_changes("quellctl allow nas.local\n");
	assert_true(special_find(&names_on, asked, wire("localhost", asked), TYPE_A, &special));
	reason_find_special(&policy, &ask, &special, &said);
	assert_string_equal(said.verdict, "special name (localhost): a fixed answer");
	assert_true(special_find(&names_on, asked, wire("localhost", asked), TYPE_MX, &special));
	reason_find_special(&policy, &ask, &special, &said);
	assert_string_equal(said.verdict, "special name (localhost): no records");
}

/* Whose block answer counts: that of the rule that decides, on the name or on what its answer leads to. */
static void test_block_answers(void **state)
{
	static const char *const lists[] = {"domains", "one.example\nboth.example\n", "adblock",
	    "||both.example^$important\n", NULL};
	static const struct {
		const char *asked, *target;
		enum block_mode mode;
	} rows[] = {
	    {"one.example", NULL, BLOCK_NODATA},
	    {"a.both.example", NULL, BLOCK_NULL},
	    {"www.example", "x.one.example", BLOCK_NODATA},
	};
	static struct reason_answers answers = {
	    .list = {{.mode = BLOCK_NODATA}, {.mode = BLOCK_NULL}}};
	const struct effect_ask ask = {.name = asked, .type = TYPE_A};
	struct reason_cause cause = {.ask = &ask, .n_lists = RULE_LISTS_MAX};
	struct policy_target target = {.family = 0};
	const struct block_answer *got;

	(void)state;
	compile(lists);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wire(rows[i].asked, asked);
		cause.target = rows[i].target != NULL ? &target : NULL;
		if (rows[i].target != NULL)
			wire(rows[i].target, target.name);
		got = reason_block_answer(&policy, &answers, &cause);
		assert_non_null(got);
		assert_int_equal(got->mode, rows[i].mode);
		assert_null(reason_block_answer(&policy, NULL, &cause));
	}
	answers.list[0].mode = BLOCK_DEFAULT;
	assert_null(reason_block_answer(&policy, &answers, &cause));
	/* No rule, no answer. */
	cause.target = NULL;
	wire("other.example", asked);
	assert_null(reason_block_answer(&policy, &answers, &cause));
	cause.own = true;
	assert_null(reason_block_answer(&policy, &answers, &cause));
}

#define TEST(fn) cmocka_unit_test_teardown(fn, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_changes),
	    TEST(test_own_changes),
	    TEST(test_rewritten),
	    TEST(test_many_steps),
	    TEST(test_bounds),
	    TEST(test_short),
	    TEST(test_hostile),
	    TEST(test_special),
	    TEST(test_block_answers),
	};

	return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
