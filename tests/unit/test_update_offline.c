/* test_update_offline.c - compile, dump, verify: texts to an image and back, and what none of them
 * may take for an image. */
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

#include "tests/unit/scratch.h"
#include "tools/update_offline.h"
#include "tools/update_run.h"

#define IMAGE_MAX 65536

static struct scratch_output said;

static int compile(const char *image, char **files, unsigned n)
{
	int code;

	scratch_capture_begin();
	code = update_offline_compile(image, files, n);
	scratch_capture_end(&said);
	return code;
}

static int dump(const char *image)
{
	int code;

	scratch_capture_begin();
	code = update_offline_dump(image);
	scratch_capture_end(&said);
	return code;
}

static int verify(const char *image)
{
	int code;

	scratch_capture_begin();
	code = update_offline_verify(image);
	scratch_capture_end(&said);
	return code;
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("there is no \"%s\" in \"%s\"", part, text);
}

/* The three lists of most tests, compiled to `image`. */
static void compile_three(void)
{
	char *files[] = {(char *)"a.txt", (char *)"b.txt", (char *)"c.txt"};

	scratch_write("a.txt", "example.com\nads.example.net\nexample.com\n");
	scratch_write("b.txt", "0.0.0.0 example.com\n0.0.0.0 www.example.org\n");
	scratch_write("c.txt", "# a comment\nEXAMPLE.com.\nzone.example\n");
	assert_int_equal(compile("image", files, 3), UPDATE_EXIT_WELL);
}

static void test_compile_says_what_it_read(void **state)
{
	struct {
		unsigned id;
		char path[16], syntax[16];
		unsigned long rules, bad;
	} rows[3];
	const char *at;

	(void)state;
	compile_three();
	assert_string_equal(said.err, "");
	at = said.out;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(
		    sscanf(at, "%u %15[^:]: %15[^,], %lu rules, %lu bad lines\n", &rows[i].id,
			rows[i].path, rows[i].syntax, &rows[i].rules, &rows[i].bad),
		    5);
		assert_int_equal(rows[i].id, i);
		assert_int_equal(rows[i].bad, 0);
		at = strchr(at, '\n') + 1;
	}
	assert_string_equal(at, "");
	assert_string_equal(rows[0].path, "a.txt");
	assert_string_equal(rows[1].path, "b.txt");
	assert_string_equal(rows[2].path, "c.txt");
	assert_string_equal(rows[0].syntax, "domains");
	assert_string_equal(rows[1].syntax, "hosts");
	assert_int_equal(rows[1].rules, 2);
	assert_int_equal(rows[2].rules, 2);
	assert_int_not_equal(access("image.tmp", F_OK), 0);
}

static void test_dump(void **state)
{
	(void)state;
	compile_three();
	assert_int_equal(dump("image"), UPDATE_EXIT_WELL);
	assert_string_equal(said.out, "0 suffix ads.example.net\n"
				      "0,2 suffix example.com\n"
				      "1 exact example.com\n"
				      "1 exact www.example.org\n"
				      "2 suffix zone.example\n");
	assert_string_equal(said.err, "");
}

/* Every kind of rule, and effects. */
static void test_dump_of_every_kind(void **state)
{
	char *files[] = {(char *)"a.txt", (char *)"b.txt", (char *)"c.txt"};

	(void)state;
	scratch_write("a.txt", "||example.com^\n@@||good.example.com^$important\n"
			       "/^ad[0-9]+\\./\n||192.0.2.1^\n||six.example^$dnstype=AAAA\n");
	scratch_write("b.txt", "(\\.|^)example\\.com$\n^ad[0-9]+\\.\n^tr[ab]ck\\.;invert\n");
	scratch_write("c.txt", "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n"
			       "*.example.com CNAME .\nfree.example.com CNAME rpz-passthru.\n"
			       "24.0.2.0.192.rpz-ip CNAME .\n");
	assert_int_equal(compile("image", files, 3), UPDATE_EXIT_WELL);
	assert_int_equal(dump("image"), UPDATE_EXIT_WELL);
	assert_string_equal(said.out, "0 address 192.0.2.1/32\n"
				      "0 suffix good.example.com allow important\n"
				      "0 suffix six.example block types=AAAA\n"
				      "0,1 regex /^ad[0-9]+\\./\n"
				      "0,1 suffix example.com\n"
				      "1 regex !/^tr[ab]ck\\./\n"
				      "2 address 192.0.2.0/24\n"
				      "2 below example.com\n"
				      "2 exact free.example.com pass nearest\n");
	assert_int_equal(verify("image"), UPDATE_EXIT_WELL);
	assert_has(said.out, ", 2 expressions, 2 networks, ");
}

/* Sorted by bytes: "10" comes before "2", a blank before a comma. */
static void test_dump_of_many_lists(void **state)
{
	char names[11][8], text[64];
	char *files[11];

	(void)state;
	for (unsigned i = 0; i < 11; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%u", i);
		(void)snprintf(text, sizeof(text), "n%u.example\n%s", i,
		    i == 0 || i == 2 || i == 10 ? "all.example\n" : "");
		scratch_write(names[i], text);
		files[i] = names[i];
	}
	assert_int_equal(compile("image", files, 11), UPDATE_EXIT_WELL);
	assert_int_equal(dump("image"), UPDATE_EXIT_WELL);
	assert_string_equal(said.out, "0 suffix n0.example\n"
				      "0,2,10 suffix all.example\n"
				      "1 suffix n1.example\n"
				      "10 suffix n10.example\n"
				      "2 suffix n2.example\n"
				      "3 suffix n3.example\n"
				      "4 suffix n4.example\n"
				      "5 suffix n5.example\n"
				      "6 suffix n6.example\n"
				      "7 suffix n7.example\n"
				      "8 suffix n8.example\n"
				      "9 suffix n9.example\n");
}

/* Other order of lines, other doubles, other letter case: the same bytes. */
static void test_same_rules_same_image(void **state)
{
	static char one[IMAGE_MAX], two[IMAGE_MAX];
	char *first[] = {(char *)"a.txt"}, *second[] = {(char *)"b.txt"};
	size_t len;

	(void)state;
	scratch_write("a.txt", "one.example\ntwo.example\nthree.example\n");
	scratch_write(
	    "b.txt", "# other\r\nThree.Example\r\ntwo.example.\ntwo.example\none.example");
	assert_int_equal(compile("image-a", first, 1), UPDATE_EXIT_WELL);
	assert_int_equal(compile("image-b", second, 1), UPDATE_EXIT_WELL);
	len = scratch_read("image-a", one, sizeof(one));
	assert_int_equal(scratch_read("image-b", two, sizeof(two)), len);
	assert_memory_equal(one, two, len);
}

static void test_verify(void **state)
{
	unsigned long long rules, names, lists;
	char text[64];
	struct stat st;

	(void)state;
	compile_three();
	assert_int_equal(verify("image"), UPDATE_EXIT_WELL);
	assert_int_equal(sscanf(said.out, "image: valid, %llu rules of %llu names in %llu lists, ",
			     &rules, &names, &lists),
	    3);
	assert_int_equal(rules, 6); /* the lines of the dump, each list of one counted */
	assert_int_equal(names, 4);
	assert_int_equal(lists, 3);
	assert_int_equal(stat("image", &st), 0);
	assert_in_range(st.st_size, 1000, 999000);
	(void)snprintf(text, sizeof(text), ", %.1f kB\n", (double)st.st_size / 1000);
	assert_has(said.out, text);
	assert_string_equal(said.err, "");
}

/* The first line that is not understood is shown, escaped, with its number; the rest are counted. */
static void test_bad_lines(void **state)
{
	char *files[] = {(char *)"a.txt"};

	(void)state;
	scratch_write("a.txt", "0.0.0.0 one.example\n0.0.0.0 two.example\n"
			       "\x1b[2J\"x\n0.0.0.0 b..d\n0.0.0.0 three.example\n");
	assert_int_equal(compile("image", files, 1), UPDATE_EXIT_WELL);
	assert_has(said.out, ", 3 rules, 2 bad lines\n");
	assert_int_equal(strncmp(said.err, "a.txt:3: ", 9), 0);
	assert_has(said.err, "\\x1b[2J");
	assert_ptr_equal(strchr(said.err, '\n'), said.err + strlen(said.err) - 1);
	assert_null(strchr(said.err, '\x1b'));
}

/* Failure of `code`: the reason alone, which names `what`. */
static void assert_failed(int code, const char *what)
{
	assert_int_equal(code, UPDATE_EXIT_NOTHING);
	assert_string_equal(said.out, "");
	assert_int_equal(strncmp(said.err, "quell-update: ", 14), 0);
	assert_has(said.err, what);
	assert_ptr_equal(strchr(said.err, '\n'), said.err + strlen(said.err) - 1);
}

static void test_compile_leaves_the_old_image(void **state)
{
	static char before[IMAGE_MAX], after[IMAGE_MAX];
	char *missing[] = {(char *)"a.txt", (char *)"missing.txt"};
	char *page[] = {(char *)"a.txt", (char *)"page.html"};
	char *image[] = {(char *)"a.txt", (char *)"image"};
	size_t len;

	(void)state;
	compile_three();
	len = scratch_read("image", before, sizeof(before));
	scratch_write("page.html", "<!DOCTYPE html>\n<html><body>Not found</body></html>\n");
	assert_failed(compile("image", missing, 2), "missing.txt: ");
	assert_failed(compile("image", page, 2), "page.html: ");
	assert_failed(compile("image", image, 2), "image: it is an image already");
	assert_int_equal(scratch_read("image", after, sizeof(after)), len);
	assert_memory_equal(before, after, len);
	assert_int_not_equal(access("image.tmp", F_OK), 0);
	assert_failed(compile("missing/image", missing, 1), "missing/image");
}

/* Neither of the readers takes it, and both say why. */
static void assert_no_image(const char *path)
{
	assert_failed(verify(path), path);
	assert_failed(dump(path), path);
}

static void test_what_is_no_image(void **state)
{
	(void)state;
	scratch_write("empty", "");
	scratch_write("text", "example.com\n");
	assert_no_image("empty");
	assert_no_image("text");
	assert_no_image("missing");
	assert_no_image(".");
}

/* The checksum holds for every byte, the length for the end. */
static void test_damaged_image(void **state)
{
	static char image[IMAGE_MAX];
	size_t len;

	(void)state;
	compile_three();
	len = scratch_read("image", image, sizeof(image) - 1);
	for (size_t i = 0; i < len; i += 7) {
		image[i] = (char)(image[i] ^ 0x20);
		scratch_write_bytes("damaged", image, len);
		assert_no_image("damaged");
		image[i] = (char)(image[i] ^ 0x20);
	}
	scratch_write_bytes("cut", image, len - 1);
	assert_no_image("cut");
	scratch_write_bytes("longer", image, len + 1);
	assert_no_image("longer");
}

static void test_open(void **state)
{
	uint8_t name[NAME_SIZE];
	struct trie t = {0};
	struct why why;
	char *bytes = NULL;
	size_t len;

	(void)state;
	compile_three();
	assert_int_equal(update_offline_open(&t, "image", &bytes, &why), 0);
	assert_non_null(bytes);
	assert_int_equal(name_from_text("below.example.com", 17, name, &len), 0);
	assert_true(trie_blocks(&t, name));
	assert_int_equal(name_from_text("example.org", 11, name, &len), 0);
	assert_false(trie_blocks(&t, name));
	free(bytes);
	assert_int_equal(update_offline_open(&t, "missing", &bytes, &why), ERR_NOTFOUND);
	assert_int_equal(strncmp(why.text, "missing: ", 9), 0);
	assert_int_equal(update_offline_open(&t, "a.txt", &bytes, &why), ERR_FORMAT);
	assert_int_equal(strncmp(why.text, "a.txt: ", 7), 0);
}

static void test_fail(void **state)
{
	struct why why = {"a.txt:1: \"\x1b[2J\nquell-update: all is well\""};
	int code;

	(void)state;
	scratch_capture_begin();
	code = update_offline_fail(&why);
	scratch_capture_end(&said);
	assert_failed(code, "quell-update: a.txt:1: ");
	assert_null(strchr(said.err, '\x1b'));
	memset(why.text, 1, sizeof(why.text) - 1); /* the longest there is is shown whole */
	why.text[sizeof(why.text) - 1] = '\0';
	scratch_capture_begin();
	code = update_offline_fail(&why);
	scratch_capture_end(&said);
	assert_failed(code, "\\x01\\x01");
	assert_int_equal(strlen(said.err), 14 + 4 * (sizeof(why.text) - 1) + 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, scratch_set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_compile_says_what_it_read),
	    TEST(test_dump),
	    TEST(test_dump_of_every_kind),
	    TEST(test_dump_of_many_lists),
	    TEST(test_same_rules_same_image),
	    TEST(test_verify),
	    TEST(test_bad_lines),
	    TEST(test_compile_leaves_the_old_image),
	    TEST(test_what_is_no_image),
	    TEST(test_damaged_image),
	    TEST(test_open),
	    TEST(test_fail),
	};

	return cmocka_run_group_tests_name("update_offline", tests, NULL, NULL);
}
