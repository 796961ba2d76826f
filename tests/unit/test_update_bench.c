/* test_update_bench.c - which names are in which group, and that each is looked up; how long that
 * takes is not judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/scratch.h"
#include "tools/update_bench.h"
#include "tools/update_offline.h"
#include "tools/update_run.h"

static struct scratch_output said;

static int bench(const char *image, const char *names)
{
	int code;

	scratch_capture_begin();
	code = update_bench(image, names);
	scratch_capture_end(&said);
	return code;
}

/* An image of a list that blocks with all below, and one of names alone. */
static int set_up(void **state)
{
	char *files[] = {(char *)"a.txt", (char *)"b.txt"};
	int code;

	(void)scratch_set_up(state);
	scratch_write("a.txt", "example.com\nads.example.com\n");
	scratch_write("b.txt", "0.0.0.0 www.example.org\n");
	scratch_capture_begin();
	code = update_offline_compile("image", files, 2);
	scratch_capture_end(&said);
	assert_int_equal(code, UPDATE_EXIT_WELL);
	return 0;
}

/* The next line of the output is this group's, with so many names, all or none of them blocked. */
static const char *assert_group(const char *at, const char *label, unsigned n, unsigned n_blocked)
{
	unsigned found = 0, found_blocked = 0;
	char group[16];
	double ns = 0;

	assert_int_equal(sscanf(at, "%15s %u names", group, &found), 2);
	assert_string_equal(group, label);
	assert_int_equal(found, n);
	if (n > 0) {
		assert_int_equal(sscanf(at, "%15s %u names, %lf ns a look-up, %u of them blocked\n",
				     group, &found, &ns, &found_blocked),
		    4);
		assert_true(ns > 0);
		assert_int_equal(found_blocked, n_blocked);
	}
	at = strchr(at, '\n');
	assert_non_null(at);
	return at + 1;
}

static void assert_groups(unsigned listed, unsigned below, unsigned unlisted)
{
	const char *at = said.out;

	at = assert_group(at, "listed", listed, listed);
	at = assert_group(at, "below", below, below);
	at = assert_group(at, "unlisted", unlisted, 0);
	assert_string_equal(at, "");
	assert_string_equal(said.err, "");
}

static void test_groups(void **state)
{
	(void)state;
	scratch_write("names", "example.com\n"
			       "ads.example.com\n" /* below a listed one, but listed itself */
			       "www.example.org\n"
			       "www.example.com\n"
			       "x.ads.example.com\n"
			       "below.www.example.org\n"
			       "example.org\n"
			       "com\n"
			       "free.example\n"
			       "notexample.com\n");
	assert_int_equal(bench("image", "names"), UPDATE_EXIT_WELL);
	assert_groups(3, 2, 5);
}

/* Names as lists have them: letter case, line ends, what stands behind; a repeated name counts. */
static void test_lines(void **state)
{
	(void)state;
	scratch_write("names", "EXAMPLE.com.\r\nexample.com A\n\nexample.com\tcomment\n"
			       "a..b\nWWW.Example.Com");
	assert_int_equal(bench("image", "names"), UPDATE_EXIT_WELL);
	assert_groups(3, 1, 0);
}

static void test_no_names(void **state)
{
	(void)state;
	scratch_write("names", "");
	assert_int_equal(bench("image", "names"), UPDATE_EXIT_WELL);
	assert_groups(0, 0, 0);
}

/* More than the first allocation holds. */
static void test_many_names(void **state)
{
	FILE *file = fopen("names", "we");

	(void)state;
	assert_non_null(file);
	for (unsigned i = 0; i < 2000; i++)
		(void)fprintf(file, "host-%u.free.example\n", i);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(bench("image", "names"), UPDATE_EXIT_WELL);
	assert_groups(0, 0, 2000);
}

/* Where there is more than plain blocks, the whole verdict is measured too, and says what is
 * blocked. */
static void test_verdicts(void **state)
{
	char *files[] = {(char *)"c.txt"};
	unsigned n, n_blocked;
	double ns, verdict_ns;

	(void)state;
	scratch_write("c.txt", "||example.com^\n@@||good.example.com^\n/^ads[0-9]/\n");
	scratch_capture_begin();
	assert_int_equal(update_offline_compile("image", files, 1), UPDATE_EXIT_WELL);
	scratch_capture_end(&said);
	scratch_write("names", "example.com\ngood.example.com\na.good.example.com\n"
			       "bad.example.com\nads1.example\nads.example\n");
	assert_int_equal(bench("image", "names"), UPDATE_EXIT_WELL);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const groups[] = {"listed", "below", "unlisted"};
		const char *line = strstr(said.out, groups[i]);

		assert_non_null(line);
		assert_int_equal(
		    sscanf(line + strlen(groups[i]),
			"%u names, %lf ns a look-up, %lf ns a verdict, %u of them blocked", &n, &ns,
			&verdict_ns, &n_blocked),
		    4);
		assert_int_equal(n, 2);
		assert_true(ns > 0 && verdict_ns > 0);
		assert_int_equal(n_blocked, 1);
	}
}

static void assert_failed(const char *image, const char *names, const char *what)
{
	assert_int_equal(bench(image, names), UPDATE_EXIT_NOTHING);
	assert_string_equal(said.out, "");
	assert_int_equal(strncmp(said.err, "quell-update: ", 14), 0);
	assert_non_null(strstr(said.err, what));
}

static void test_failures(void **state)
{
	(void)state;
	scratch_write("names", "example.com\n");
	assert_failed("missing", "names", "missing: ");
	assert_failed("a.txt", "names", "a.txt: ");
	assert_failed("image", "missing", "missing: ");
	assert_failed("image", ".", ".: ");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_groups),
	    TEST(test_lines),
	    TEST(test_no_names),
	    TEST(test_many_names),
	    TEST(test_verdicts),
	    TEST(test_failures),
	};

	return cmocka_run_group_tests_name("update_bench", tests, NULL, NULL);
}
