/* test_update_watch.c - which names are looked out for, which rules may touch them, and what is
 * exempted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blocklists/judge.h"
#include "lib/dns/msg.h"
#include "tests/unit/scratch.h"
#include "tools/update_watch.h"

/* The names of a configuration with vital_names off are those of the rules alone. */
#define RULES_ONLY "vital_names = no\n"

struct fixture {
	struct conf *conf;
	struct update_watch watch;
	struct why why;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_set_up(NULL);
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

/* The names of `text`, with the rules file `rules` of the folder. */
static void watch(struct fixture *f, const char *text)
{
	char folder[256], whole[1024];

	assert_non_null(getcwd(folder, sizeof(folder)));
	(void)snprintf(whole, sizeof(whole), "rules = '%s/rules'\n%s", folder, text);
	assert_int_equal(conf_read_text(&f->conf, whole, "test.conf", &f->why), 0);
	assert_int_equal(update_watch_init(&f->watch, f->conf, &f->why), 0);
}

static const uint8_t *wire(const char *text)
{
	static uint8_t name[NAME_SIZE];
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	return name;
}

/* Its number; -1: it is not watched. */
static int find(const struct fixture *f, enum update_watch_kind kind, bool below, const char *text)
{
	const uint8_t *name = wire(text);
	size_t len = name_len(name);
	int found = -1;

	for (unsigned i = 0; i < f->watch.n; i++) {
		const struct update_watch_name *n = &f->watch.names[i];

		if (n->kind != kind || n->len != len || memcmp(n->name, name, len) != 0)
			continue;
		assert_int_equal(found, -1); /* each once */
		assert_int_equal(n->below, below);
		found = (int)i;
	}
	return found;
}

static bool is_near(const struct fixture *f, const char *text)
{
	return update_watch_is_near(&f->watch, wire(text));
}

static void test_needed(void **state)
{
	struct fixture *f = *state;

	watch(f, "");
	assert_true(find(f, UPDATE_WATCH_NEEDED, false, "captive.apple.com") >= 0);
	assert_true(find(f, UPDATE_WATCH_NEEDED, true, "pool.ntp.org") >= 0);
	assert_string_equal(f->watch.trouble.text, ""); /* there is no rules file */
}

/* The host of a URL, however it is written, once; an address is no name. */
static void test_hosts(void **state)
{
	struct fixture *f = *state;
	unsigned n_vital;

	watch(f, "");
	n_vital = f->watch.n;
	update_watch_fini(&f->watch);
	conf_free(f->conf);
	watch(f, "list a { url = 'https://Lists.Example.ORG:8443/a.txt' }\n"
		 "list b { url = 'https://lists.example.org/b.txt' }\n"
		 "list c { url = 'https://192.0.2.1/c.txt' }\n"
		 "list d { url = 'http://me@other.example/d@1:2' }\n"
		 "list e { url = 'https://third.example?e' }\n"
		 "list f { file = '/srv/fourth.example' }\n"
		 "list g { url = 'file:///srv/fifth.example' }\n");
	assert_int_equal(f->watch.n, n_vital + 3);
	assert_true(find(f, UPDATE_WATCH_NEEDED, false, "lists.example.org") >= 0);
	assert_true(find(f, UPDATE_WATCH_NEEDED, false, "other.example") >= 0);
	assert_true(find(f, UPDATE_WATCH_NEEDED, false, "third.example") >= 0);
}

static void test_switched_off(void **state)
{
	struct fixture *f = *state;

	watch(f, RULES_ONLY "list a { url = 'https://lists.example.org/a.txt' }\n");
	assert_int_equal(f->watch.n, 0);
	assert_false(is_near(f, "org"));
	assert_false(is_near(f, "captive.apple.com"));
}

/* Those that allow, and are in force. */
static void test_allowed(void **state)
{
	struct fixture *f = *state;

	scratch_write("rules", "# allow comment.example\n"
			       "allow example.com\n"
			       "allow =www.example.net\n"
			       "allow =twice.example\n"
			       "allow twice.example for 2h\n"
			       "block blocked.example\n"
			       "allow now.example for 1h\n"
			       "allow past.example for 30m until 2001-01-01T00:00:00Z "
			       "boot 00000000+1.000\n"
			       "pause for 1h\n");
	watch(f, RULES_ONLY);
	assert_true(find(f, UPDATE_WATCH_ALLOWED, true, "example.com") >= 0);
	assert_true(find(f, UPDATE_WATCH_ALLOWED, false, "www.example.net") >= 0);
	assert_true(find(f, UPDATE_WATCH_ALLOWED, true, "twice.example") >= 0);
	assert_true(find(f, UPDATE_WATCH_ALLOWED, true, "now.example") >= 0);
	assert_int_equal(f->watch.n, 4);
	assert_string_equal(f->watch.trouble.text, "");
}

/* A name that is needed and allowed is both. */
static void test_both(void **state)
{
	struct fixture *f = *state;

	scratch_write("rules", "allow captive.apple.com\n");
	watch(f, "");
	assert_true(find(f, UPDATE_WATCH_NEEDED, false, "captive.apple.com") >= 0);
	assert_true(find(f, UPDATE_WATCH_ALLOWED, true, "captive.apple.com") >= 0);
}

/* More than there is room for at first. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	char text[32];
	FILE *rules = fopen("rules", "we");

	assert_non_null(rules);
	for (unsigned i = 0; i < 1000; i++)
		(void)fprintf(rules, "allow n%u.example\n", i);
	assert_int_equal(fclose(rules), 0);
	watch(f, RULES_ONLY);
	assert_int_equal(f->watch.n, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "n%u.example", i);
		assert_true(find(f, UPDATE_WATCH_ALLOWED, true, text) >= 0);
		assert_true(is_near(f, text));
	}
}

/* The needed names are there without the rules. */
static void test_rules_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir("rules", 0700), 0);
	watch(f, "");
	assert_string_not_equal(f->watch.trouble.text, "");
	assert_true(find(f, UPDATE_WATCH_NEEDED, false, "captive.apple.com") >= 0);
}

static void test_near(void **state)
{
	static const char *const yes[] = {"com", "example.com", "www.example.com",
	    "a.b.example.com", "net", "example.net", "www.example.net"};
	static const char *const no[] = {"org", "example.org", "badexample.com", "com.example",
	    "a.www.example.net", "ftp.example.net", "example"};
	struct fixture *f = *state;

	scratch_write("rules", "allow example.com\nallow =www.example.net\n");
	watch(f, RULES_ONLY);
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (!is_near(f, yes[i]))
			fail_msg("%s", yes[i]);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		if (is_near(f, no[i]))
			fail_msg("%s", no[i]);
	}
}

/* What becomes of `name`, which lists block that have been exempted from. */
static enum judge_outcome outcome(const struct trie *t, const char *name, bool *needed)
{
	const struct effect_ask ask = {.name = wire(name), .type = TYPE_A};
	struct judge_verdict verdict;

	judge_name(t, &ask, RULE_LISTS_MAX, &verdict);
	*needed = verdict.needed;
	return verdict.outcome;
}

/* Needed names that were hit are allowed, above anything; others and allowed names are not. */
static void test_exempt(void **state)
{
	static const char text[] = "||com^$important\n||org^\n||example^\n";
	struct compile_source source = {.name = "a", .text = text, .len = strlen(text)};
	struct fixture *f = *state;
	struct compile *c = compile_new();
	struct trie t;
	uint8_t *image;
	bool *hits, needed;
	size_t len;

	scratch_write("rules", "allow mine.example\n");
	watch(f, "");
	hits = calloc(f->watch.n, sizeof(*hits));
	assert_non_null(c);
	assert_non_null(hits);
	hits[find(f, UPDATE_WATCH_NEEDED, false, "captive.apple.com")] = true;
	hits[find(f, UPDATE_WATCH_NEEDED, true, "pool.ntp.org")] = true;
	hits[find(f, UPDATE_WATCH_ALLOWED, true, "mine.example")] = true;
	assert_int_equal(compile_add(c, &source, NULL, NULL, &f->why), 0);
	assert_int_equal(update_watch_exempt(&f->watch, hits, c, &f->why), 0);
	assert_int_equal(compile_image(c, &image, &len, &f->why), 0);
	assert_int_equal(trie_open(&t, image, len, &f->why), 0);

	assert_int_equal(t.n_lists, 2);
	assert_int_equal(outcome(&t, "captive.apple.com", &needed), JUDGE_ALLOWED);
	assert_true(needed);
	assert_int_equal(outcome(&t, "www.captive.apple.com", &needed), JUDGE_BLOCKED);
	assert_int_equal(outcome(&t, "0.pool.ntp.org", &needed), JUDGE_ALLOWED);
	assert_true(needed);
	assert_int_equal(outcome(&t, "detectportal.firefox.com", &needed), JUDGE_BLOCKED);
	assert_int_equal(outcome(&t, "mine.example", &needed), JUDGE_BLOCKED);
	free(image);
	free(hits);
	compile_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_needed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hosts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_switched_off, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_allowed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_both, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rules_that_cannot_be_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_near, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_exempt, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
