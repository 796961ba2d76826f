/* test_explain.c - verdicts and rules in words, from the texts of lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/compile.h"
#include "blocklists/explain.h"
#include "lib/dns/msg.h"

static uint8_t *image;
static struct trie trie;
#define MATCHES 16

/* What is said of a name. */
static struct {
	char verdict[EXPLAIN_VERDICT_SIZE];
	bool by_client;
	size_t n_matches;
	struct judge_match match[MATCHES];
	char rule[MATCHES][RULE_TEXT_SIZE];
} said;

/* The image of these texts, each in its own syntax; `rewrites` holds for all. */
static void compile(
    bool rewrites, unsigned n, const char *const *syntaxes, const char *const *texts)
{
	struct compile *c = compile_new();
	struct why why = {""};
	size_t len;

	assert_non_null(c);
	for (unsigned i = 0; i < n; i++) {
		struct compile_source source = {.name = "list",
		    .text = texts[i],
		    .len = strlen(texts[i]),
		    .syntax = feed_find(syntaxes[i]),
		    .rewrites = rewrites};

		if (compile_add(c, &source, NULL, NULL, &why) != 0)
			fail_msg("%s", why.text);
	}
	if (compile_image(c, &image, &len, &why) != 0)
		fail_msg("%s", why.text);
	compile_free(c);
	assert_int_equal(trie_open(&trie, image, len, NULL), 0);
}

static int teardown(void **state)
{
	(void)state;
	free(image);
	image = NULL;
	return 0;
}

static void explain(const char *text, uint16_t type)
{
	uint8_t name[NAME_SIZE];
	const struct effect_ask ask = {.name = name, .type = type};
	struct judge_verdict verdict;
	struct rule rule;
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	judge_name(&trie, &ask, RULE_LISTS_MAX, &verdict);
	said.by_client = verdict.by_client;
	said.n_matches = judge_matches(&trie, &ask, said.match, MATCHES);
	assert_true(said.n_matches <= MATCHES);
	assert_ptr_equal(explain_verdict(&verdict, said.n_matches, said.verdict), said.verdict);
	for (size_t i = 0; i < said.n_matches; i++) {
		assert_true(explain_rule(&trie, name, &said.match[i], &rule));
		rule_text(&rule, said.rule[i]);
	}
}

static void assert_match(unsigned i, unsigned list, const char *rule, bool voided)
{
	assert_true(i < said.n_matches);
	assert_string_equal(said.rule[i], rule);
	assert_int_equal(said.match[i].list, list);
	assert_int_equal(said.match[i].voided != 0, voided);
}

#define COMPILE(rewrites, syntaxes, texts)                                                         \
	compile(rewrites, sizeof(texts) / sizeof((texts)[0]), syntaxes, texts)

static void test_blocked_and_allowed(void **state)
{
	static const char *const syntaxes[] = {"hosts", "domains", "adblock", "pihole-regex"};
	static const char *const texts[] = {"0.0.0.0 ads.example.com\n", "example.com\n",
	    "@@||good.example.com^\n||only.example^$dnstype=AAAA\n", "^ads[0-9]*\\.\n"};

	(void)state;
	COMPILE(false, syntaxes, texts);
	explain("ads.example.com", TYPE_A);
	assert_string_equal(said.verdict, "blocked");
	assert_int_equal(said.n_matches, 3);
	assert_match(0, 0, "exact ads.example.com", false);
	assert_match(1, 1, "suffix example.com", false);
	assert_match(2, 3, "regex /^ads[0-9]*\\./", false);

	explain("www.good.example.com", TYPE_A);
	assert_string_equal(said.verdict, "allowed");
	assert_match(0, 2, "suffix good.example.com allow", false);
	assert_match(1, 1, "suffix example.com", false);

	explain("example.net", TYPE_A);
	assert_string_equal(said.verdict, "not listed");
	assert_int_equal(said.n_matches, 0);
	explain("only.example", TYPE_A);
	assert_string_equal(said.verdict, "not listed");
	explain("only.example", TYPE_AAAA);
	assert_string_equal(said.verdict, "blocked");
	assert_match(0, 2, "suffix only.example block types=AAAA", false);
}

static void test_answers(void **state)
{
	static const char *const syntaxes[] = {"dnsmasq", "rpz"};
	static const char *const texts[] = {
	    "address=/nas.example/192.0.2.1\naddress=/nas.example/192.0.2.2\n"
	    "address=/example/\nserver=/free.example/#\n",
	    "pass.example CNAME rpz-passthru.\ndrop.test CNAME rpz-drop.\n"
	    "tcp.test CNAME rpz-tcp-only.\nnone.test CNAME *.\n"};

	(void)state;
	COMPILE(true, syntaxes, texts);
	explain("nas.example", TYPE_A);
	assert_non_null(strstr(said.verdict, "A=192.0.2.1"));
	assert_non_null(strstr(said.verdict, "A=192.0.2.2"));
	explain("free.example", TYPE_A);
	assert_string_equal(said.verdict, "not blocked");
	assert_int_equal(said.n_matches, 2);
	assert_true(said.match[0].voided && said.match[1].voided);
	explain("pass.example", TYPE_A); /* the list before it has decided */
	assert_non_null(strstr(said.verdict, "answer"));
	assert_non_null(strstr(said.verdict, "rcode=NXDOMAIN"));
	explain("drop.test", TYPE_A);
	assert_string_equal(said.verdict, "dropped");
	explain("tcp.test", TYPE_A);
	assert_string_equal(said.verdict, "truncated over UDP");
	explain("none.test", TYPE_A);
	assert_non_null(strstr(said.verdict, "answer"));
	assert_non_null(strstr(said.verdict, "rcode=NOERROR"));
}

static void test_pass(void **state)
{
	static const char *const syntaxes[] = {"domains", "rpz", "domains"};
	static const char *const texts[] = {
	    "first.example\n", "www.example CNAME rpz-passthru.\n", "example\n"};

	(void)state;
	COMPILE(false, syntaxes, texts);
	explain("www.example", TYPE_A);
	assert_string_equal(said.verdict, "let pass");
	assert_int_equal(said.n_matches, 2);
	assert_false(said.match[0].voided);
	assert_true(said.match[1].voided);
}

static void test_clients(void **state)
{
	static const char *const syntaxes[] = {"adblock"};
	static const char *const texts[] = {"||example.com^$client=192.0.2.0/24\n"};

	(void)state;
	COMPILE(false, syntaxes, texts);
	explain("example.com", TYPE_A);
	assert_string_equal(said.verdict, "not listed");
	assert_int_not_equal(said.by_client, 0);
	explain("example.org", TYPE_A);
	assert_int_equal(said.by_client, 0);
}

static void test_no_lists(void **state)
{
	static const struct trie none;

	(void)state;
	trie = none;
	explain("ads.example.com", TYPE_A);
	assert_string_equal(said.verdict, "not listed");
	assert_int_equal(said.n_matches, 0);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_blocked_and_allowed),
	    TEST(test_answers),
	    TEST(test_pass),
	    TEST(test_clients),
	    TEST(test_no_lists),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
