/* test_update_explain.c - why, by the files of a state folder and the user's rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/dns/msg.h"
#include "tests/unit/scratch.h"
#include "tools/update_explain.h"
#include "tools/update_offline.h"
#include "tools/update_origin.h"
#include "tools/update_run.h"

static struct scratch_output said;
static struct conf *conf;

/* Say that the image is of these lists. */
static void write_origin(const char *a, const char *b)
{
	static char image[1 << 20];
	struct origin *origin = calloc(1, sizeof(*origin));
	size_t len = 0;
	FILE *file = fopen("image", "r");

	assert_true(origin != NULL && file != NULL);
	len = fread(image, 1, sizeof(image), file);
	assert_int_equal(fclose(file), 0);
	origin_add(origin, a);
	origin_add(origin, b);
	assert_int_equal(update_origin_write(AT_FDCWD, "image", image, len, origin, NULL), 0);
	free(origin);
}

static int set_up(void **state)
{
	static char *files[] = {(char *)"lists/ads.txt", (char *)"lists/more.txt"};
	static struct conf_list lists[2] = {
	    {.name = "ads", .syntax = "auto"}, {.name = "more", .syntax = "auto"}};
	int code;

	(void)scratch_set_up(state);
	assert_int_equal(mkdir("lists", 0755), 0);
	scratch_write("lists/ads.txt", "# ads\nads.example\nboth.example\n");
	scratch_write("lists/more.txt", "||both.example^\n@@||good.ads.example^\n");
	scratch_capture_begin();
	code = update_offline_compile("image", files, 2);
	scratch_capture_end(&said);
	assert_int_equal(code, UPDATE_EXIT_WELL);
	write_origin("ads", "more");
	conf = conf_new();
	assert_non_null(conf);
	strcpy(conf->state_dir, ".");
	strcpy(conf->rules, "rules");
	conf->lists = lists;
	conf->n_lists = 2;
	return 0;
}

static int tear_down(void **state)
{
	conf->lists = NULL;
	conf->n_lists = 0;
	conf_free(conf);
	return scratch_tear_down(state);
}

/* The output, without how old the texts are. */
static void assert_said(const char *name, const char *wanted)
{
	static const char shortest[] = ", which is 1 second old";
	char got[sizeof(said.out)], *at;
	int code;

	scratch_capture_begin();
	code = update_explain(conf, name, TYPE_A, false);
	scratch_capture_end(&said);
	assert_string_equal(said.err, "");
	assert_int_equal(code, UPDATE_EXIT_WELL);
	strcpy(got, said.out);
	while ((at = strstr(got, ", which is ")) != NULL) {
		size_t len = strcspn(at + 1, ",\n") + 1;

		assert_true(len >= sizeof(shortest) - 1);
		memmove(at, at + len, strlen(at + len) + 1);
	}
	assert_string_equal(got, wanted);
}

static void test_lists(void **state)
{
	(void)state;
	assert_said("WWW.ads.example.", "ads: suffix ads.example, line 2 of ./lists/ads.txt\n"
					"www.ads.example A: blocked\n"
					"to change it: quellctl allow www.ads.example\n"
					"to change it: quell-update remove ads\n");
	assert_said("both.example", "ads: suffix both.example, line 3 of ./lists/ads.txt\n"
				    "more: suffix both.example, line 1 of ./lists/more.txt\n"
				    "both.example A: blocked\n"
				    "to change it: quellctl allow both.example\n");
	assert_said("good.ads.example",
	    "more: suffix good.ads.example allow, line 2 of ./lists/more.txt\n"
	    "ads: suffix ads.example, line 2 of ./lists/ads.txt\n"
	    "good.ads.example A: allowed\n"
	    "where its answer leads is known to quelld: quellctl why 'good.ads.example'\n"
	    "to change it: quellctl block good.ads.example\n");
	/* Of a name that a shell might take for something else no command is made. */
	assert_said("$x.ads.example", "ads: suffix ads.example, line 2 of ./lists/ads.txt\n"
				      "$x.ads.example A: blocked\n");
}

static void test_own(void **state)
{
	(void)state;
	scratch_write("rules",
	    "# mine\n\nblock example # all\nallow =ads.example for 1h\n"
	    "block ads.example for 1h until 2001-01-01T00:00:00Z boot 00000000+5.000\n"
	    "allow\nblock =\nallow nonsense..\nblock www.ads.example for\n");
	assert_said("ads.example", "own rule: allow =ads.example left 1h, line 4 of rules\n"
				   "own rule: block example # all, line 3 of rules\n"
				   "ads: suffix ads.example, line 2 of ./lists/ads.txt\n"
				   "ads.example A: allowed\n"
				   "to change it: quellctl unset =ads.example\n"
				   "to change it: quellctl block ads.example\n");
	assert_said("free.example", "own rule: block example # all, line 3 of rules\n"
				    "free.example A: blocked\n"
				    "to change it: quellctl unset example\n"
				    "to change it: quellctl allow free.example\n");
	/* The list would block it all the same. */
	assert_said("a.both.example", "own rule: block example # all, line 3 of rules\n"
				      "ads: suffix both.example, line 3 of ./lists/ads.txt\n"
				      "more: suffix both.example, line 1 of ./lists/more.txt\n"
				      "a.both.example A: blocked\n"
				      "to change it: quellctl allow a.both.example\n");
}

static void test_pause(void **state)
{
	(void)state;
	scratch_write("rules", "pause for 1h until 2001-01-01T00:00:00Z\n");
	assert_said("x.test", "x.test A: not listed\n"
			      "where its answer leads is known to quelld: quellctl why 'x.test'\n"
			      "to change it: quellctl block x.test\n");
	scratch_write("rules", "pause\n");
	assert_said("ads.example", "blocking is paused\n"
				   "ads: suffix ads.example, line 2 of ./lists/ads.txt\n"
				   "ads.example A: not blocked: blocking is paused\n"
				   "to change it: quellctl resume\n");
	assert_said("x.test", "blocking is paused\nx.test A: not blocked: blocking is paused\n");
}

/* The configuration is another than that of the image: what is in the image is called as it was. */
static void test_other_lists(void **state)
{
	(void)state;
	write_origin("more", "gone");
	assert_said("www.ads.example", "more: suffix ads.example, no longer in ./lists/more.txt\n"
				       "www.ads.example A: blocked\n"
				       "to change it: quellctl allow www.ads.example\n"
				       "to change it: quell-update remove more\n");
	assert_said("x.both.example", "more: suffix both.example, line 1 of ./lists/more.txt\n"
				      "gone: suffix both.example\n"
				      "x.both.example A: blocked\n"
				      "to change it: quellctl allow x.both.example\n");
	assert_int_equal(remove("image.lists"), 0);
	assert_said("www.ads.example", "list 0: suffix ads.example\n"
				       "www.ads.example A: blocked\n"
				       "which lists these are is not known: run quell-update\n"
				       "to change it: quellctl allow www.ads.example\n");
}

static void test_json(void **state)
{
	int code;

	(void)state;
	scratch_write("rules", "pause # \"guests\"\nallow x.both.example # \303\244\n");
	scratch_capture_begin();
	code = update_explain(conf, "x.both.example", TYPE_A, true);
	scratch_capture_end(&said);
	assert_int_equal(code, UPDATE_EXIT_WELL);
	assert_non_null(strstr(said.out,
	    "{\"name\":\"x.both.example\",\"type\":\"A\",\"blocking\":\"paused # \\\"guests\\\"\","
	    "\"match\":[\"own rule: allow x.both.example # \\\\xc3\\\\xa4, line 2 of rules\","
	    "\"ads: suffix both.example, line 3 of ./lists/ads.txt, which is "));
	assert_non_null(strstr(said.out,
	    "\"],\"verdict\":\"not blocked: blocking is paused\",\"note\":[],\"change\":[]}\n"));
	assert_int_equal(remove("rules"), 0);
	scratch_capture_begin();
	code = update_explain(conf, "x.test", TYPE_A, true);
	scratch_capture_end(&said);
	assert_int_equal(code, UPDATE_EXIT_WELL);
	assert_string_equal(said.out,
	    "{\"name\":\"x.test\",\"type\":\"A\",\"match\":[],\"verdict\":\"not listed\",\"note\":"
	    "[\"where its answer leads is known to quelld: quellctl why 'x.test'\"],"
	    "\"change\":[\"quellctl block x.test\"]}\n");
}

static void test_errors(void **state)
{
	int code;

	(void)state;
	scratch_capture_begin();
	code = update_explain(conf, "a..b", TYPE_A, false);
	scratch_capture_end(&said);
	assert_int_equal(code, UPDATE_EXIT_USAGE);
	assert_string_equal(said.out, "");
	assert_non_null(strstr(said.err, "a..b"));
	assert_int_equal(remove("image"), 0);
	scratch_capture_begin();
	code = update_explain(conf, "a.example", TYPE_A, false);
	scratch_capture_end(&said);
	assert_int_equal(code, UPDATE_EXIT_NOTHING);
	assert_string_equal(said.out, "");
	assert_non_null(strstr(said.err, "./image: "));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lists),
	    TEST(test_own),
	    TEST(test_pause),
	    TEST(test_other_lists),
	    TEST(test_json),
	    TEST(test_errors),
	};

	return cmocka_run_group_tests_name("update_explain", tests, NULL, NULL);
}
