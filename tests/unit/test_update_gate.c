/* test_update_gate.c - what of a new version is held, beside the one before; the names that are
 * looked out for; top-level domains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/judge.h"
#include "lib/dns/msg.h"
#include "tests/unit/scratch.h"
#include "tools/update_gate.h"
#include "tools/update_tld.h"

#define TEXT_SIZE (1 << 20)

struct fixture {
	struct conf *conf; /* one list, with a URL */
	struct conf_list *list;
	struct update_watch watch;
	struct why why;
};

static void configure(struct fixture *f, const char *more)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "rules = '/no/such/file'\nlist a { url = 'https://lists.example.org:8443/a.txt'\n%s "
	    "}\n",
	    more);
	conf_free(f->conf);
	assert_int_equal(conf_read_text(&f->conf, text, "test.conf", &f->why), 0);
	f->list = &f->conf->lists[0];
}

static void watch(struct fixture *f)
{
	update_watch_fini(&f->watch);
	assert_int_equal(update_watch_init(&f->watch, f->conf, &f->why), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_set_up(NULL);
	configure(f, "");
	watch(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	update_watch_fini(&f->watch);
	conf_free(f->conf);
	scratch_tear_down(NULL);
	free(f);
	return 0;
}

static void look(struct fixture *f, const char *text, struct update_facts *facts)
{
	if (update_gate_look(&f->watch, f->list, text, strlen(text), facts, &f->why) != 0)
		fail_msg("%s: %.40s", f->why.text, text);
}

/* What becomes of `text` after `before` (NULL: nothing). */
static int judge(struct fixture *f, const char *before, const char *text)
{
	struct update_facts kept = {0}, facts = {0};
	int err;

	if (before != NULL)
		look(f, before, &kept);
	look(f, text, &facts);
	f->why.text[0] = '\0';
	err = update_gate_judge(&f->watch, f->list, &facts, before != NULL ? &kept : NULL, &f->why);
	update_facts_fini(&kept);
	update_facts_fini(&facts);
	return err;
}

static void adopted(struct fixture *f, const char *before, const char *text)
{
	if (judge(f, before, text) != 0)
		fail_msg("held: %s", f->why.text);
}

static void held(struct fixture *f, const char *before, const char *text, const char *reason)
{
	assert_int_equal(judge(f, before, text), ERR_DENIED);
	if (strstr(f->why.text, reason) == NULL)
		fail_msg("'%s' is not in '%s'", reason, f->why.text);
}

/* A list of `n` names, and `n_bad` lines that are none. */
static const char *list_of(unsigned n, unsigned n_bad)
{
	static char texts[2][TEXT_SIZE];
	static unsigned turn;
	char *text = texts[turn++ % 2];
	size_t used = 0;

	for (unsigned i = 0; i < n + n_bad; i++)
		used += (size_t)snprintf(
		    text + used, TEXT_SIZE - used, i < n ? "n%u.example\n" : "?! %u\n", i);
	text[used] = '\0';
	return text;
}

static void test_sizes(void **state)
{
	struct fixture *f = *state;

	adopted(f, list_of(2000, 0), list_of(1000, 0));
	held(f, list_of(2000, 0), list_of(999, 0), "it has shrunk from 2000 rules to 999");
	adopted(f, list_of(999, 0), list_of(1, 0)); /* small lists do that */
	held(f, list_of(1000, 0), list_of(1, 0), "shrunk");
	adopted(f, list_of(2000, 0), list_of(11000, 0));
	held(f, list_of(2000, 0), list_of(11001, 0), "it has grown from 2000 rules to 11001");
	adopted(f, list_of(1, 0), list_of(5003, 0));
	held(f, list_of(1, 0), list_of(5004, 0), "grown");
	adopted(f, NULL, list_of(20000, 0));
	configure(f, "shrink_max = 90\n grow_max = 0");
	adopted(f, list_of(2000, 0), list_of(200, 0));
	held(f, list_of(2000, 0), list_of(199, 0), "shrunk");
	held(f, list_of(2000, 0), list_of(7001, 0), "grown");
	configure(f, "shrink_max = 100");
	adopted(f, list_of(2000, 0), list_of(1, 0));
}

static void test_bad_lines(void **state)
{
	struct fixture *f = *state;

	adopted(f, NULL, list_of(80, 20));
	held(f, NULL, list_of(78, 22),
	    "22 % of its lines are not understood (the first is line 79)");
	held(f, list_of(100, 0), list_of(78, 22), "22 %");
	adopted(f, list_of(80, 20), list_of(70, 30)); /* as it was, nearly */
	held(f, list_of(80, 20), list_of(69, 31), "31 %");
	configure(f, "bad_max = 0");
	held(f, NULL, list_of(98, 2), "2 %");
}

static void test_top_level_domains(void **state)
{
	struct fixture *f = *state;

	held(f, "a.example\n", "a.example\ncom\n", "it blocks everything below com");
	held(f, NULL, "||com^\n", "below com"); /* a first version too */
	held(f, NULL, "*.co.uk\n*.example.com\n", "below co.uk");
	held(f, NULL, "||de^\n", "below de");
	held(f, NULL, "local-zone: \"org.\" always_nxdomain\n", "below org");
	adopted(f, NULL, "0.0.0.0 com\n0.0.0.0 co.uk\n"); /* the name alone */
	adopted(f, NULL, "@@||com^\n||ads.example.com^\n");
	adopted(f, "||com^\n||zip^\n",
	    "||zip^\n||other.example^\n||com^\n"); /* known, and accepted once */
	held(f, "||com^\n||zip^\n", "||zip^\n||com^\n||net^\n", "below net");
	held(f, NULL, "/./\n||ads.example^\n", "every name");
	held(f, NULL, "/^/\n||ads.example^\n", "every name");
	adopted(f, NULL, "/^ads?[0-9]*\\./\n/[aeiou]{3}\\./\n||ads.example^\n");
	configure(f, "match = exact");
	adopted(f, NULL, "||com^\n");
	configure(f, "match = below");
	held(f, NULL, "0.0.0.0 com\n", "below com");
}

static bool is_hit(const struct fixture *f, const struct update_facts *facts,
    enum update_watch_kind kind, const char *text)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	for (unsigned i = 0; i < f->watch.n; i++) {
		if (f->watch.names[i].kind == kind && name_equal(f->watch.names[i].name, name))
			return facts->hits[i];
	}
	fail_msg("%s is not looked out for", text);
	return false;
}

static unsigned count_hits(struct fixture *f, const char *text)
{
	struct update_facts facts;
	unsigned n = 0;

	look(f, text, &facts);
	for (unsigned i = 0; i < f->watch.n; i++)
		n += facts.hits[i];
	update_facts_fini(&facts);
	return n;
}

static void test_needed_names(void **state)
{
	static const struct {
		const char *text, *hit;
	} rows[] = {
	    {"captive.apple.com\n", "captive.apple.com"},
	    {"0.0.0.0 captive.apple.com\n", "captive.apple.com"},
	    {"||msftconnecttest.com^\n", "www.msftconnecttest.com"},
	    {"*.gstatic.com\n", "connectivitycheck.gstatic.com"},
	    {"/^connectivity/\n||x.example^\n", "connectivity-check.ubuntu.com"},
	    {"0.0.0.0 0.pool.ntp.org\n", "pool.ntp.org"},
	    {"0.0.0.0 lists.example.org\n", "lists.example.org"}, /* where the list comes from */
	    {"address=/detectportal.firefox.com/\n", "detectportal.firefox.com"},
	    {"captive.apple.com CNAME .\n", "captive.apple.com"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct update_facts facts;

		look(f, rows[i].text, &facts);
		assert_true(is_hit(f, &facts, UPDATE_WATCH_NEEDED, rows[i].hit));
		update_facts_fini(&facts);
	}
	assert_int_equal(count_hits(f, "x.captive.apple.com\n0.0.0.0 apple.com\nads.example\n"), 0);
	assert_int_equal(count_hits(f, "||captive.apple.com^\n@@||captive.apple.com^\n"), 0);
	assert_int_equal(
	    count_hits(f, "||captive.apple.com^\n||captive.apple.com^$badfilter\n||x.example^\n"),
	    0);
	f->conf->vital_names = false;
	watch(f);
	assert_int_equal(f->watch.n, 0);
	assert_int_equal(count_hits(f, "captive.apple.com\n"), 0);
}

static void test_allowed_names(void **state)
{
	struct fixture *f = *state;

	scratch_write("rules", "# mine\nallow bank.example for 1h # why\n allow =only.example\n"
			       "block ads.example\nallow\nallow not..a.name\npause\nallow .\n"
			       "allow ads.example for 1h until 2001-01-01T00:00:00Z\n"); /* over */
	(void)snprintf(f->conf->rules, sizeof(f->conf->rules), "rules");
	f->conf->vital_names = false;
	watch(f);
	assert_int_equal(f->watch.n, 2);
	held(f, "x.example\n", "x.example\nbank.example\n", "it now blocks bank.example");
	held(f, "x.example\n", "x.example\nwww.bank.example\n", "bank.example");
	held(f, "x.example\n", "0.0.0.0 only.example\n", "only.example");
	held(f, "x.example\n", "||example^\n", "example"); /* a top-level domain, too */
	adopted(f, "x.example\n", "www.only.example\nads.example\n");
	adopted(f, "bank.example\n", "bank.example\nx.example\n"); /* that is why it is allowed */
	adopted(f, NULL, "bank.example\n");
}

static void test_own_file(void **state)
{
	struct fixture *f = *state;

	f->list->url[0] = '\0';
	(void)snprintf(f->list->file, sizeof(f->list->file), "own");
	adopted(f, list_of(2000, 0), "||com^\n");
	adopted(f, list_of(2000, 0), "# nothing\n");
}

static void refuses(struct fixture *f, const char *text, const char *reason)
{
	struct update_facts facts;

	assert_int_equal(
	    update_gate_look(&f->watch, f->list, text, strlen(text), &facts, &f->why), ERR_FORMAT);
	if (strstr(f->why.text, reason) == NULL)
		fail_msg("'%s' is not in '%s'", reason, f->why.text);
}

static void test_no_list(void **state)
{
	struct fixture *f = *state;

	refuses(f, "", "it is empty");
	refuses(f, "# moved\n", "it has no rule");
	refuses(f, "<!DOCTYPE html>\n<html></html>\n", "web page");
	refuses(f, "PK\003\004rest\n", "archive");
}

/* The rules that exempt a name are above those of the list, and of the names that were hit alone. */
static void test_exempt(void **state)
{
	static const char text[] = "||pool.ntp.org^$important\n||captive.apple.com^\n";
	const uint8_t *const names[] = {
	    (const uint8_t *)"\0010\4pool\3ntp\3org", (const uint8_t *)"\7captive\5apple\3com"};
	struct compile_source source = {.name = "a", .text = text, .len = strlen(text)};
	struct fixture *f = *state;
	struct compile *c = compile_new();
	struct update_facts facts;
	struct judge_verdict verdict;
	struct trie t;
	uint8_t *image;
	size_t len;

	look(f, "pool.ntp.org\n", &facts);
	assert_int_equal(compile_add(c, &source, NULL, NULL, &f->why), 0);
	assert_int_equal(update_watch_exempt(&f->watch, facts.hits, c, &f->why), 0);
	assert_int_equal(compile_image(c, &image, &len, &f->why), 0);
	assert_int_equal(trie_open(&t, image, len, &f->why), 0);
	assert_int_equal(t.n_lists, 2);
	assert_int_equal(t.n_rules, 3);
	for (unsigned i = 0; i < 2; i++) {
		const struct effect_ask ask = {.name = names[i], .type = TYPE_A};

		judge_name(&t, &ask, RULE_LISTS_MAX, &verdict);
		assert_int_equal(verdict.outcome, i == 0 ? JUDGE_ALLOWED : JUDGE_BLOCKED);
	}
	free(image);
	compile_free(c);
	update_facts_fini(&facts);
}

static void test_tld(void **state)
{
	static const char *const yes[] = {
	    "com", "museum", "co.uk", "com.au", "in-addr.arpa", "waw.pl"};
	static const char *const no[] = {"example.com", "co.example", "a.co.uk", "uk.co",
	    "www.com.au", "o.uk", "coo.uk", "com.com"};
	uint8_t name[NAME_SIZE];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_int_equal(name_from_text(yes[i], strlen(yes[i]), name, &len), 0);
		assert_true(update_tld_is(name));
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		assert_int_equal(name_from_text(no[i], strlen(no[i]), name, &len), 0);
		assert_false(update_tld_is(name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_lines, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_top_level_domains, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_needed_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_allowed_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_own_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_list, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_exempt, setup, teardown),
	    cmocka_unit_test(test_tld),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
