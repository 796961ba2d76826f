/* test_update_why.c - the rules that match a name, out of texts and out of an image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "tests/unit/scratch.h"
#include "tools/update_offline.h"
#include "tools/update_run.h"
#include "tools/update_why.h"

static struct scratch_output said;
static char *both[] = {(char *)"a.txt", (char *)"b.txt"};
static char *image[] = {(char *)"image"};

static int why(char **files, unsigned n, const char *name, uint16_t type)
{
	int code;

	scratch_capture_begin();
	code = update_why(files, n, name, type);
	scratch_capture_end(&said);
	return code;
}

/* a.txt blocks with all below, b.txt only the names themselves; and both as an image. */
static int set_up(void **state)
{
	int code;

	(void)scratch_set_up(state);
	scratch_write("a.txt", "# a\nexample.com\nads.example.com\nother.example\nexample.com\n");
	scratch_write("b.txt", "0.0.0.0 x.ads.example.com example.com\n0.0.0.0 ads.example.com\n");
	scratch_capture_begin();
	code = update_offline_compile("image", both, 2);
	scratch_capture_end(&said);
	assert_int_equal(code, UPDATE_EXIT_WELL);
	return 0;
}

static void assert_answer(char **files, unsigned n, const char *name, const char *wanted)
{
	assert_int_equal(why(files, n, name, TYPE_A), UPDATE_EXIT_WELL);
	assert_string_equal(said.out, wanted);
	assert_string_equal(said.err, "");
}

static void test_texts(void **state)
{
	(void)state;
	assert_answer(both, 2, "x.ads.example.com",
	    "a.txt:3: suffix ads.example.com\n"
	    "a.txt:2: suffix example.com\n"
	    "a.txt:5: suffix example.com\n"
	    "b.txt:1: exact x.ads.example.com\n"
	    "x.ads.example.com A: blocked\n");
	assert_answer(both, 2, "ads.example.com",
	    "a.txt:3: suffix ads.example.com\n"
	    "a.txt:2: suffix example.com\n"
	    "a.txt:5: suffix example.com\n"
	    "b.txt:2: exact ads.example.com\n"
	    "ads.example.com A: blocked\n");
	assert_answer(both, 1, "ads.example.com",
	    "a.txt:3: suffix ads.example.com\n"
	    "a.txt:2: suffix example.com\n"
	    "a.txt:5: suffix example.com\n"
	    "ads.example.com A: blocked\n");
}

static void test_image(void **state)
{
	(void)state;
	assert_answer(image, 1, "x.ads.example.com",
	    "0: suffix ads.example.com\n"
	    "0: suffix example.com\n"
	    "1: exact x.ads.example.com\n"
	    "x.ads.example.com A: blocked\n");
	assert_answer(image, 1, "example.com",
	    "0: suffix example.com\n"
	    "1: exact example.com\n"
	    "example.com A: blocked\n");
}

static void test_not_blocked(void **state)
{
	static const char *const names[] = {"com", "badexample.com", "example.org", "."};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(why(both, 2, names[i], TYPE_A), UPDATE_EXIT_WELL);
		assert_int_equal(strncmp(said.out, names[i], strlen(names[i])), 0);
		assert_string_equal(said.out + strlen(names[i]), " A: not listed\n");
		assert_int_equal(why(image, 1, names[i], TYPE_A), UPDATE_EXIT_WELL);
		assert_string_equal(said.out + strlen(names[i]), " A: not listed\n");
	}
	assert_answer(both + 1, 1, "below.example.com", "below.example.com A: not listed\n");
}

static void test_name_is_normalised(void **state)
{
	(void)state;
	assert_answer(image, 1, "Other.EXAMPLE.",
	    "0: suffix other.example\n"
	    "other.example A: blocked\n");
	assert_answer(both, 2, "OTHER.example",
	    "a.txt:4: suffix other.example\n"
	    "other.example A: blocked\n");
}

static void test_type(void **state)
{
	char *list[] = {(char *)"types.txt"};

	(void)state;
	assert_int_equal(why(image, 1, "other.example", TYPE_HTTPS), UPDATE_EXIT_WELL);
	assert_string_equal(said.out, "0: suffix other.example\nother.example HTTPS: blocked\n");
	scratch_write("types.txt", "||six.example^$dnstype=AAAA\n||all.example^\n");
	assert_int_equal(why(list, 1, "six.example", TYPE_AAAA), UPDATE_EXIT_WELL);
	assert_string_equal(said.out,
	    "types.txt:1: suffix six.example block types=AAAA\nsix.example AAAA: blocked\n");
	assert_int_equal(why(list, 1, "six.example", 65280), UPDATE_EXIT_WELL);
	assert_string_equal(said.out, "six.example TYPE65280: not listed\n");
}

/* Rules of every kind, each in its place; what another takes out is void and comes last. */
static void test_every_kind(void **state)
{
	char *lists[] = {(char *)"rpz", (char *)"adblock", (char *)"regex"};

	(void)state;
	scratch_write("rpz", "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n*.example.com CNAME .\n"
			     "pass.example.com CNAME rpz-passthru.\n");
	scratch_write("adblock", "! a comment\n||example.com^\n@@||good.example.com^\n"
				 "/^ad[0-9]+\\./\n||off.example^\n||off.example^$badfilter\n"
				 "||me.example^$client=192.0.2.7\n");
	scratch_write("regex", "^ad[0-9]+\\.\n^ad[0-9]+\\.;querytype=AAAA\n");
	assert_answer(lists, 3, "ad7.example.com",
	    "rpz:3: below example.com\n"
	    "adblock:2: suffix example.com\n"
	    "adblock:4: regex /^ad[0-9]+\\./\n"
	    "regex:1: regex /^ad[0-9]+\\./\n"
	    "ad7.example.com A: blocked\n");
	assert_answer(lists, 3, "www.good.example.com",
	    "adblock:3: suffix good.example.com allow\n"
	    "rpz:3: below example.com\n"
	    "adblock:2: suffix example.com\n"
	    "www.good.example.com A: allowed\n");
	assert_answer(lists, 3, "pass.example.com",
	    "rpz:4: exact pass.example.com pass nearest\n"
	    "rpz:3: below example.com (void)\n"
	    "adblock:2: suffix example.com (void)\n"
	    "pass.example.com A: let pass\n");
	assert_answer(lists, 3, "off.example", "off.example A: not listed\n");
	assert_answer(lists, 3, "me.example",
	    "me.example A: not listed (another client may get another verdict)\n");
}

/* More matches than fit a first guess: every line of 100 repeats one rule. */
static void test_many_matches(void **state)
{
	char text[100 * 16 + 1];
	char *many[] = {(char *)"many.txt"};
	const char *at = said.out;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		memcpy(text + (size_t)i * 16, "doubles.example\n", 17);
	scratch_write("many.txt", text);
	assert_int_equal(why(many, 1, "a.doubles.example", TYPE_A), UPDATE_EXIT_WELL);
	for (unsigned i = 1; i <= 100; i++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "many.txt:%u: suffix doubles.example\n", i);
		assert_int_equal(strncmp(at, line, strlen(line)), 0);
		at += strlen(line);
	}
	assert_string_equal(at, "a.doubles.example A: blocked\n");
}

static void assert_failed(int code, int wanted, const char *what)
{
	assert_int_equal(code, wanted);
	assert_string_equal(said.out, "");
	assert_int_equal(strncmp(said.err, "quell-update: ", 14), 0);
	assert_non_null(strstr(said.err, what));
}

static void test_no_name(void **state)
{
	(void)state;
	assert_failed(why(both, 2, "a..b", TYPE_A), UPDATE_EXIT_USAGE, "a..b: ");
	assert_failed(why(both, 2, "", TYPE_A), UPDATE_EXIT_USAGE, "no domain name");
}

static void test_files_that_do_not_serve(void **state)
{
	char *missing[] = {(char *)"a.txt", (char *)"missing.txt"};
	char *page[] = {(char *)"a.txt", (char *)"page.html"};
	char *mixed[] = {(char *)"a.txt", (char *)"image"};
	char *mixed_first[] = {(char *)"image", (char *)"a.txt"};
	char *damaged[] = {(char *)"damaged"};
	static char bytes[1 << 16];
	size_t len = scratch_read("image", bytes, sizeof(bytes));

	(void)state;
	scratch_write("page.html", "<!DOCTYPE html>\n<html><body>Not found</body></html>\n");
	bytes[len / 2] = (char)(bytes[len / 2] ^ 1);
	scratch_write_bytes("damaged", bytes, len);
	assert_failed(why(missing, 2, "example.com", TYPE_A), UPDATE_EXIT_NOTHING, "missing.txt: ");
	assert_failed(why(page, 2, "example.com", TYPE_A), UPDATE_EXIT_NOTHING, "page.html: ");
	assert_failed(why(mixed, 2, "example.com", TYPE_A), UPDATE_EXIT_NOTHING, "image: ");
	assert_failed(why(mixed_first, 2, "example.com", TYPE_A), UPDATE_EXIT_NOTHING, "image: ");
	assert_failed(why(damaged, 1, "example.com", TYPE_A), UPDATE_EXIT_NOTHING, "damaged: ");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_texts),
	    TEST(test_image),
	    TEST(test_not_blocked),
	    TEST(test_name_is_normalised),
	    TEST(test_type),
	    TEST(test_every_kind),
	    TEST(test_many_matches),
	    TEST(test_no_name),
	    TEST(test_files_that_do_not_serve),
	};

	return cmocka_run_group_tests_name("update_why", tests, NULL, NULL);
}
