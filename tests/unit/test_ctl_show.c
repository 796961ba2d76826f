/* test_ctl_show.c - quelld's answers as people see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/scratch.h"
#include "tools/ctl_show.h"

#define COLUMNS_MAX 8

static struct scratch_output said;

static void show(const char *command, const char *answer)
{
	char *copy = strdup(answer);

	assert_non_null(copy);
	scratch_capture_begin();
	ctl_show(command, copy);
	scratch_capture_end(&said);
	free(copy);
	assert_string_equal(said.err, "");
}

/* The output line that begins with `key`, after blanks; the caller's. */
static char *line_of(const char *key)
{
	char *out = strdup(said.out), *at = out, *line, *found = NULL;

	assert_non_null(out);
	while (found == NULL && (line = strsep(&at, "\n")) != NULL) {
		const char *word = line + strspn(line, " ");
		size_t len = strlen(key);

		if (strncmp(word, key, len) == 0 && (word[len] == ' ' || word[len] == '\0'))
			found = strdup(line);
	}
	free(out);
	if (found == NULL)
		fail_msg("no line `%s` in:\n%s", key, said.out);
	return found;
}

/* It is `key`, blanks, and `value`.  Returns the column of the value. */
static size_t assert_line(const char *key, const char *value)
{
	char *line = line_of(key);
	size_t column = strspn(line, " ") + strlen(key);

	column += strspn(line + column, " ");
	assert_string_equal(line + column, value);
	free(line);
	return column;
}

static void test_next(void **state)
{
	char text[] = "key a value\nbare\nlast \n\nnot this\n", *at = text, *key, *value;
	char cut[] = "key value", empty[] = "";

	(void)state;
	assert_true(ctl_show_next(&at, &key, &value));
	assert_string_equal(key, "key");
	assert_string_equal(value, "a value");
	assert_true(ctl_show_next(&at, &key, &value));
	assert_string_equal(key, "bare");
	assert_string_equal(value, "");
	assert_true(ctl_show_next(&at, &key, &value));
	assert_string_equal(key, "last");
	assert_string_equal(value, "");
	assert_false(ctl_show_next(&at, &key, &value)); /* an empty line ends an answer */

	at = cut;
	assert_true(ctl_show_next(&at, &key, &value));
	assert_string_equal(value, "value");
	assert_false(ctl_show_next(&at, &key, &value));
	assert_false(ctl_show_next(&at, &key, &value));
	at = empty;
	assert_false(ctl_show_next(&at, &key, &value));
}

static void test_status(void **state)
{
	(void)state;
	show("status", "state well\nuptime_s 273600\nqueries 3000\nblocked 1000\ncached 1500\n"
		       "image_age_s never\n");
	assert_line("state", "well");
	assert_line("uptime", "3 d 4 h");
	assert_line("queries", "3000");
	assert_line("blocked", "1000 (33.3 %)");
	assert_line("cached", "1500 (50.0 %)");
	assert_line("image_age_s", "never"); /* no time */
	/* There is no part of nothing. */
	show("status", "queries 0\nblocked 0\ncached 0\n");
	assert_line("blocked", "0");
	assert_line("cached", "0");
	show("status", "");
	assert_string_equal(said.out, "");
}

static void test_others(void **state)
{
	size_t column;

	(void)state;
	show("why", "name a.example\nuptime_s 273600\nqueries 4\nblocked 2\ngroup g\nabout b c\n");
	column = assert_line("name", "a.example");
	assert_int_equal(assert_line("uptime_s", "273600"), column);
	assert_int_equal(assert_line("queries", "4"), column);
	assert_int_equal(assert_line("blocked", "2"), column);
	assert_int_equal(assert_line("group", "g"), column);
	assert_int_equal(assert_line("about", "b c"), column);
}

static void test_counters(void **state)
{
	static const char *const in_order[] = {
	    "\nFrom clients\n", "by_udp", "\n\nFrom upstream\n", "to_udp", NULL};
	const char *at;

	(void)state;
	show("stats", "workers 2\n"
		      "group From clients\nabout all of them\nqueries 17\nby_udp 16\n"
		      "group From upstream\nabout questions sent\nto_udp 4\n");
	assert_line("workers", "2");
	assert_line("queries", "17  all of them");
	assert_line("by_udp", "16  "); /* what is said of one line is not said of the next */
	assert_line("to_udp", "4  questions sent");
	assert_null(strstr(said.out, "about"));
	assert_null(strstr(said.out, "group"));
	at = said.out;
	for (unsigned i = 0; in_order[i] != NULL; i++) {
		at = strstr(at, in_order[i]);
		assert_non_null(at);
	}
}

/* Where the words of a line end, but for the first of them. */
static unsigned word_ends(const char *line, size_t ends[COLUMNS_MAX])
{
	unsigned n = 0;

	for (size_t i = 1; i <= strlen(line); i++)
		if (line[i - 1] != ' ' && (line[i] == '\0' || line[i] == ' ')) {
			assert_true(n < COLUMNS_MAX);
			ends[n++] = i;
		}
	return n;
}

static void test_latencies(void **state)
{
	size_t titles[COLUMNS_MAX] = {0}, figures[COLUMNS_MAX], about = strlen("  Blocked");
	char *line;

	(void)state;
	show("stats", "group Time to answer\n"
		      "about Blocked\nlatency_blocked_n 12\nlatency_blocked_p50_us 7\n"
		      "latency_blocked_p90_us 80\nlatency_blocked_p99_us 990\n"
		      "latency_blocked_p999_us 12300\nlatency_blocked_max_us 2000000\n"
		      "about Cached\nlatency_cached_n 0\nlatency_cached_p50_us 0\n"
		      "latency_cached_p90_us 0\nlatency_cached_p99_us 0\n"
		      "latency_cached_p999_us 0\nlatency_cached_max_us 0\n"
		      "about Forwarded\nlatency_forwarded_n 3\nlatency_forwarded_p50_us 0\n"
		      "latency_forwarded_p90_us 5000\nlatency_forwarded_p99_us 5000\n"
		      "latency_forwarded_p999_us 5000\nlatency_forwarded_max_us 5000\n"
		      "group More\nother 5\n");
	/* The titles once, and the figures of each row below them. */
	line = line_of("answers");
	assert_int_equal(word_ends(line, titles), 6);
	assert_non_null(strstr(line, "p50"));
	free(line);
	assert_null(strstr(strstr(said.out, "p99.9") + 1, "p99.9"));
	line = line_of("Blocked");
	assert_true(strlen(line) > about);
	assert_non_null(strstr(line, " 12 "));
	assert_non_null(strstr(line, " 7 us "));
	assert_non_null(strstr(line, " 80 us "));
	assert_non_null(strstr(line, " 990 us "));
	assert_non_null(strstr(line, " 12.3 ms "));
	assert_string_equal(line + strlen(line) - strlen(" 2.0 s"), " 2.0 s");
	assert_int_equal(strlen(line), titles[5]);
	free(line);
	/* Of no answers there are no times. */
	line = line_of("Cached");
	assert_int_equal(word_ends(line, figures), 7);
	assert_memory_equal(figures + 1, titles, 6 * sizeof(titles[0]));
	for (unsigned i = 1; i < 6; i++)
		assert_int_equal(line[titles[i] - 1], '-');
	free(line);
	line = line_of("Forwarded");
	assert_non_null(strstr(line, " <1 ms "));
	free(line);
	assert_line("other", "5  ");
	assert_null(strstr(said.out, "latency_"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, scratch_set_up, scratch_tear_down)

/* What belongs to an object stands below it, with units; what is 0 or false there is left out. */
static void test_objects(void **state)
{
	(void)state;
	show("upstreams",
	    "note n\n"
	    "upstream 192.0.2.1:53\nzone .\nasked 0\nshare_permille 333\nworker 0\naway_ms 2500\n"
	    "edns false\nworker 1\nedns true\n"
	    "upstream 192.0.2.2:53\nzone lan\nservfail 2\n");
	assert_string_equal(said.out, "note                n\n"
				      "\n"
				      "upstream            192.0.2.1:53\n"
				      "  zone              .\n"
				      "  share             33.3 %\n"
				      "  worker            0\n"
				      "    away            2.5 s\n"
				      "  worker            1\n"
				      "    edns            true\n"
				      "\n"
				      "upstream            192.0.2.2:53\n"
				      "  zone              lan\n"
				      "  servfail          2\n");
	/* `worker` begins nothing there, and a time that is over is said. */
	show("cache", "name a.example\nanswer A\nworker 0\nttl_s 0\nlife_s 7200\nuses 0\nrecord "
		      "x\nrecord y\n");
	assert_string_equal(said.out, "name                a.example\n"
				      "\n"
				      "answer              A\n"
				      "  worker            0\n"
				      "  ttl               0 s\n"
				      "  life              2 h 0 min\n"
				      "  record            x\n"
				      "  record            y\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_next),
	    TEST(test_status),
	    TEST(test_others),
	    TEST(test_counters),
	    TEST(test_latencies),
	    TEST(test_objects),
	};

	return cmocka_run_group_tests_name("ctl_show", tests, NULL, NULL);
}
