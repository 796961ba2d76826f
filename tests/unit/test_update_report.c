/* test_update_report.c - a result in words, and as one JSON object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/update_report.h"

/* A result of two lists: `ads` updated with 3 rules, `own` a file that was left out. */
struct fixture {
	struct conf_list confs[2];
	struct update_list lists[2];
	struct update_watch watch; /* one name, which no list blocks */
	struct update_watch_name names[1];
	bool hits[2][1];
	struct update_result result;
	char *report;
};

static char text[] = "a.example\nb.example\nc.example\n";

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->confs[0] = (struct conf_list){.name = "ads", .url = "https://lists.example/ads"};
	f->confs[1] = (struct conf_list){.name = "own", .file = "/etc/quell/own"};
	f->lists[0] = (struct update_list){.conf = &f->confs[0],
	    .asked = true,
	    .outcome = UPDATE_UPDATED,
	    .transfer = {.transferred = 2000},
	    .text = text,
	    .len = 30,
	    .counts = {.lines = 3, .rules = 3}};
	f->lists[1] = (struct update_list){.conf = &f->confs[1],
	    .asked = true,
	    .outcome = UPDATE_LEFT_OUT,
	    .why = {"it is empty"}};
	f->names[0] =
	    (struct update_watch_name){.kind = UPDATE_WATCH_NEEDED, .below = true, .len = 14};
	memcpy(f->names[0].name, "\4pool\3ntp\3org", 14);
	f->watch = (struct update_watch){.names = f->names, .n = 1};
	f->lists[0].facts.hits = f->hits[0];
	f->lists[1].facts.hits = f->hits[1];
	f->result = (struct update_result){.lists = f->lists,
	    .n_lists = 2,
	    .watch = &f->watch,
	    .state_dir = "/var/lib/q",
	    .image = UPDATE_IMAGE_WRITTEN,
	    .n_rules = 3,
	    .image_len = 2500,
	    .n_written = 4500,
	    .told = UPDATE_TOLD_RELOADED,
	    .exit_code = 3};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->report);
	free(f);
	return 0;
}

typedef void report_fn(FILE *to, const struct update_result *r);

static const char *report(struct fixture *f, report_fn *write_it)
{
	size_t len;
	FILE *to;

	free(f->report);
	to = open_memstream(&f->report, &len);
	assert_non_null(to);
	write_it(to, &f->result);
	assert_int_equal(fclose(to), 0);
	return f->report;
}

static void has(struct fixture *f, report_fn *write_it, const char *part)
{
	if (strstr(report(f, write_it), part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, f->report);
}

static void has_not(struct fixture *f, report_fn *write_it, const char *part)
{
	if (strstr(report(f, write_it), part) != NULL)
		fail_msg("'%s' is in:\n%s", part, f->report);
}

/* What a publisher or a server wrote must not reach a terminal as it is. */
static void make_hostile(struct fixture *f)
{
	struct feed_counts *counts = &f->lists[0].counts;

	(void)snprintf(f->lists[1].why.text, sizeof(f->lists[1].why.text), "a\"b\033[2J\n\\\xe9");
	(void)snprintf(f->confs[1].file, sizeof(f->confs[1].file), "/own\007");
	f->result.state_dir = "/var/\x9b";
	counts->skips[FEED_BAD] = 2;
	counts->first_bad_line = 7;
	(void)snprintf(f->lists[0].bad_text, sizeof(f->lists[0].bad_text), "%s", "x\\x1by \"z\"");
}

static void assert_printable(const char *s)
{
	for (; *s != '\0'; s++)
		assert_true(*s == '\n' || (*s >= 0x20 && *s < 0x7f));
}

static void test_text(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(report(f, update_report_text),
	    "ads: updated, 3 rules, 30 B\n"
	    "own: left out: it is empty (/etc/quell/own)\n"
	    "image: written, 3 rules, 2.5 kB, /var/lib/q/image\n"
	    "quelld: reloaded\n"
	    "transferred: 2.0 kB; written: 4.5 kB\n");
	f->result.n_lists = 0;
	assert_string_equal(report(f, update_report_text),
	    "image: written, 3 rules, 2.5 kB, /var/lib/q/image\n"
	    "quelld: reloaded\n"
	    "transferred: 0 B; written: 4.5 kB\n");
}

static void test_text_of_a_kept_list(void **state)
{
	struct fixture *f = *state;

	f->lists[0].outcome = UPDATE_KEPT;
	(void)snprintf(f->lists[0].why.text, sizeof(f->lists[0].why.text), "it broke off");
	has(f, update_report_text,
	    "ads: kept old, 3 rules, 30 B: it broke off (https://lists.example/ads)\n");
	f->lists[0].outcome = UPDATE_NOT_ASKED; /* no failure: no reason */
	has_not(f, update_report_text, "broke off");
}

static void test_text_of_lines_without_rule(void **state)
{
	struct fixture *f = *state;

	f->lists[0].counts.skips[FEED_OWN_NAME] = 9; /* of no interest */
	has(f, update_report_text, "ads: updated, 3 rules, 30 B\n");
	f->lists[0].counts.skips[FEED_REWRITE] = 4;
	has(f, update_report_text, "ads: updated, 3 rules, 30 B; left out: 4 (");
	f->lists[0].counts.skips[FEED_BROWSER] = 17;
	has(f, update_report_text, "), 17 (a rule for browsers)\n");
	make_hostile(f);
	has(f, update_report_text,
	    ", 2 bad lines (the first is line 7: \"x\\x1by \"z\"\"); left out: 4 (");
}

static void test_text_of_failures(void **state)
{
	struct fixture *f = *state;

	f->result.image = UPDATE_IMAGE_FAILED;
	f->result.image_why = (struct why){"no room\n"};
	f->result.told = UPDATE_TOLD_NOT_NEEDED;
	has(f, update_report_text, "image: failed, the old one stays in force: no room\\x0a\n");
	has_not(f, update_report_text, "quelld");
	has_not(f, update_report_text, "/var/lib/q");
	f->result.told = UPDATE_TOLD_FAILED;
	f->result.told_why = (struct why){"bad \033 image"};
	has(f, update_report_text, "quelld: failed, what it had stays in force: bad \\x1b image\n");
	f->result.told = UPDATE_TOLD_NOT_RUNNING;
	has(f, update_report_text, "quelld: not running\n");
}

static void test_text_is_escaped(void **state)
{
	struct fixture *f = *state;

	make_hostile(f);
	assert_printable(report(f, update_report_text));
	has(f, update_report_text, "left out: a\"b\\x1b[2J\\x0a\\\\xe9 (/own\\x07)\n");
	has(f, update_report_text, "/var/\\x9b/image\n");
}

#define NO_SKIPS                                                                                   \
	"\"bad_lines\":0,\"own_names\":0,\"rewrites_left_out\":0,\"browser_rules\":0,"             \
	"\"client_rules\":0,\"over_budget\":0,\"not_here\":0"

static void test_json(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(report(f, update_report_json),
	    "{\"exit\":3,\"lists\":["
	    "{\"name\":\"ads\",\"origin\":\"https://lists.example/ads\",\"result\":\"updated\","
	    "\"bytes\":30,\"lines\":3,\"rules\":3," NO_SKIPS "},"
	    "{\"name\":\"own\",\"origin\":\"/etc/quell/own\",\"result\":\"left out\","
	    "\"reason\":\"it is empty\","
	    "\"bytes\":0,\"lines\":0,\"rules\":0," NO_SKIPS "}],"
	    "\"exempted\":[],"
	    "\"image\":{\"state_dir\":\"/var/lib/q\",\"result\":\"written\",\"rules\":3,"
	    "\"bytes\":2500},\"quelld\":{\"result\":\"reloaded\"},\"bytes_written\":4500}\n");
	f->result.n_lists = 0;
	f->result.exit_code = 0;
	has(f, update_report_json, "{\"exit\":0,\"lists\":[],\"exempted\":[],\"image\":");
}

static void test_json_of_failures(void **state)
{
	struct fixture *f = *state;

	f->result.image = UPDATE_IMAGE_FAILED;
	f->result.image_why = (struct why){"no room"};
	f->result.told = UPDATE_TOLD_FAILED;
	f->result.told_why = (struct why){"bad image"};
	has(f, update_report_json, "\"result\":\"failed\",\"reason\":\"no room\",\"rules\":3");
	has(f, update_report_json,
	    "\"quelld\":{\"result\":\"failed\",\"reason\":\"bad "
	    "image\"},\"bytes_written\":4500}\n");
}

static void test_json_is_escaped(void **state)
{
	struct fixture *f = *state;

	make_hostile(f);
	f->lists[0].counts.skips[FEED_REWRITE] = 4;
	f->lists[0].counts.skips[FEED_CLIENT] = 5;
	f->lists[0].counts.skips[FEED_NOT_HERE] = 6;
	assert_printable(report(f, update_report_json));
	assert_ptr_equal(strchr(f->report, '\n'), f->report + strlen(f->report) - 1);
	has(f, update_report_json, "\"reason\":\"a\\\"b\\\\x1b[2J\\\\x0a\\\\\\\\xe9\",");
	has(f, update_report_json, "\"origin\":\"/own\\\\x07\",");
	has(f, update_report_json, "\"state_dir\":\"/var/\\\\x9b\",");
	has(f, update_report_json,
	    "\"bad_lines\":2,\"own_names\":0,\"rewrites_left_out\":4,\"browser_rules\":0,"
	    "\"client_rules\":5,\"over_budget\":0,\"not_here\":6,\"first_bad_line\":7,"
	    "\"first_bad_text\":\"x\\\\x1by \\\"z\\\"\"}");
}

/* The same word in both, another for each. */
static void test_words(void **state)
{
	static const char *const images[UPDATE_IMAGES] = {
	    "failed", "written", "unchanged", "not written"};
	static const char *const tolds[UPDATE_TOLDS] = {
	    "not told", "reloaded", "not running", "failed"};
	struct fixture *f = *state;
	char part[64];

	for (unsigned i = 0; i < UPDATE_IMAGES; i++) {
		f->result.image = (enum update_image)i;
		(void)snprintf(part, sizeof(part), "\nimage: %s, ", images[i]);
		has(f, update_report_text, part);
		(void)snprintf(part, sizeof(part), "\"result\":\"%s\"", images[i]);
		has(f, update_report_json, part);
	}
	for (unsigned i = 0; i < UPDATE_TOLDS; i++) {
		f->result.told = (enum update_told)i;
		(void)snprintf(part, sizeof(part), "\"quelld\":{\"result\":\"%s\"", tolds[i]);
		has(f, update_report_json, part);
	}
}

static void test_held(void **state)
{
	struct fixture *f = *state;

	f->lists[0].outcome = UPDATE_HELD;
	f->lists[0].held = true;
	f->lists[0].remedy = UPDATE_REMEDY_ACCEPT;
	(void)why_set(&f->lists[0].why, ERR_DENIED, "it has shrunk");
	has(f, update_report_text,
	    "ads: held, 3 rules, 30 B: it has shrunk (https://lists.example/ads); to take it all "
	    "the "
	    "same: quell-update --accept ads\n");
	has(f, update_report_json,
	    "\"result\":\"held\",\"reason\":\"it has shrunk\",\"held\":true,"
	    "\"remedy\":\"to take it all the same: quell-update --accept ads\",");
	f->lists[0].outcome = UPDATE_KEPT;
	f->lists[0].held = false;
	f->lists[0].remedy = UPDATE_REMEDY_SIZE;
	has(f, update_report_text,
	    "; to take it all the same: raise option max_size of list ads\n");
	f->lists[0].remedy = UPDATE_REMEDY_NONE;
	has(f, update_report_text, "it has shrunk (https://lists.example/ads)\n");
	f->lists[0].outcome = UPDATE_BACK; /* which is no failure */
	f->lists[0].held = false;
	has(f, update_report_text, "ads: rolled back, 3 rules, 30 B\n");
}

static void test_exempted(void **state)
{
	struct fixture *f = *state;

	has(f, update_report_json, "\"exempted\":[]");
	assert_null(strstr(report(f, update_report_text), "exempted"));
	f->hits[0][0] = f->hits[1][0] = true; /* the second was left out, though */
	has(f, update_report_text,
	    "exempted: *.pool.ntp.org, since the network needs it (blocked by ads); to "
	    "block it all the same: quellctl block pool.ntp.org\n");
	has(f, update_report_json,
	    "\"exempted\":[{\"name\":\"pool.ntp.org\",\"lists\":[\"ads\"]}]");
	f->lists[1].outcome = UPDATE_KEPT;
	has(f, update_report_text, "(blocked by ads, own); to ");
	f->names[0].kind = UPDATE_WATCH_ALLOWED;
	assert_null(strstr(report(f, update_report_text), "exempted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_text, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_text_of_a_kept_list, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_text_of_lines_without_rule, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_text_of_failures, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_text_is_escaped, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_json, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_json_of_failures, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_json_is_escaped, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_words, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_held, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_exempted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
