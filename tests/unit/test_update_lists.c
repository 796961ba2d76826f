/* test_update_lists.c - lists added to a configuration and removed from it: all that were named, or
 * none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "blocklists/catalogue.h"
#include "tests/unit/scratch.h"
#include "tools/update_lists.h"
#include "tools/update_run.h"

#define PATH	"quell.conf"
#define HEAD	"# mine\nworkers = 1\n"
#define SECTION "\nlist \"old\" { url = 'https://old.example/list' } # kept\n"

static struct scratch_output said;

typedef int verb(const struct update_lists_options *options);

/* `do_it` with up to two words (NULL: one fewer); what it says is in `said`. */
static int call(verb *do_it, struct update_lists_options options, const char *a, const char *b)
{
	char words[2][256];
	char *list[] = {words[0], words[1]};
	int code;

	(void)snprintf(words[0], sizeof(words[0]), "%s", a);
	(void)snprintf(words[1], sizeof(words[1]), "%s", b != NULL ? b : "");
	options.conf_path = PATH;
	options.words = list;
	options.n_words = b != NULL ? 2 : 1;
	scratch_capture_begin();
	code = do_it(&options);
	scratch_capture_end(&said);
	return code;
}

static void assert_file(const char *text)
{
	char found[4096];

	scratch_read(PATH, found, sizeof(found));
	assert_string_equal(found, text);
}

/* As quelld reads it; free with conf_free(). */
static struct conf *read_conf(void)
{
	struct why why = {""};
	struct conf *conf = NULL;

	if (conf_read(&conf, PATH, &why) != 0)
		fail_msg("%s", why.text);
	return conf;
}

static void assert_said(const char *text)
{
	if (strstr(said.out, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, said.out);
}

static void assert_complained(const char *text)
{
	assert_string_equal(said.out, "");
	if (strstr(said.err, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, said.err);
}

/* A line a list, which its name begins. */
static void test_catalogue(void **state)
{
	const struct catalogue_entry *e = catalogue;
	int code;

	(void)state;
	scratch_capture_begin();
	code = update_lists_catalogue(false);
	scratch_capture_end(&said);
	assert_int_equal(code, UPDATE_EXIT_WELL);
	for (char *rest, *line = strtok_r(said.out, "\n", &rest); line != NULL; e++) {
		assert_non_null(e->name);
		assert_int_equal(strncmp(line, e->name, strlen(e->name)), 0);
		assert_int_equal(line[strlen(e->name)], ' ');
		assert_non_null(strstr(line, e->licence));
		assert_non_null(strstr(line, e->purpose));
		line = strtok_r(NULL, "\n", &rest);
	}
	assert_null(e->name);
	assert_non_null(strstr(said.err, "quell-update add"));
}

/* A name of the catalogue, and a URL, into a file that is not there yet. */
static void test_add(void **state)
{
	const struct update_lists_options options = {0};
	struct conf *conf;

	(void)state;
	assert_int_equal(
	    call(update_lists_add, options, catalogue[0].name, "https://lists.example.org/ads.txt"),
	    UPDATE_EXIT_WELL);
	assert_string_equal(said.err, "");
	assert_said(": added list \"lists.example.org-ads\", https://lists.example.org/ads.txt\n");
	assert_said("quell-update; where it is a service");
	conf = read_conf();
	assert_int_equal(conf->n_lists, 2);
	assert_string_equal(conf->lists[0].name, catalogue[0].name);
	assert_string_equal(conf->lists[0].url, catalogue[0].url);
	assert_string_equal(conf->lists[1].name, "lists.example.org-ads");
	conf_free(conf);
}

/* A URL of the catalogue gets the catalogue's name. */
static void test_add_url_of_catalogue(void **state)
{
	const struct update_lists_options options = {0};
	struct conf *conf;

	(void)state;
	assert_int_equal(call(update_lists_add, options, catalogue[1].url, NULL), UPDATE_EXIT_WELL);
	conf = read_conf();
	assert_int_equal(conf->n_lists, 1);
	assert_string_equal(conf->lists[0].name, catalogue[1].name);
	conf_free(conf);
}

static void test_name_and_syntax(void **state)
{
	const struct update_lists_options options = {
	    .name = "mine", .syntax = "hosts", .conf_named = true};
	struct conf *conf;

	(void)state;
	scratch_write(PATH, HEAD);
	assert_int_equal(
	    call(update_lists_add, options, "https://a.example/x", NULL), UPDATE_EXIT_WELL);
	assert_said("quell-update -c " PATH "\n");
	conf = read_conf();
	assert_string_equal(conf->lists[0].name, "mine");
	assert_string_equal(conf->lists[0].syntax, "hosts");
	conf_free(conf);
}

static void test_syntax_that_is_none(void **state)
{
	const struct update_lists_options options = {.syntax = "nonesuch"};

	(void)state;
	scratch_write(PATH, HEAD);
	assert_int_equal(
	    call(update_lists_add, options, "https://a.example/x", NULL), UPDATE_EXIT_USAGE);
	assert_complained("nonesuch");
	assert_file(HEAD);
}

/* The one that could be added is not. */
static void test_add_all_or_none(void **state)
{
	const struct update_lists_options options = {0};

	(void)state;
	scratch_write(PATH, HEAD SECTION);
	assert_int_equal(
	    call(update_lists_add, options, "https://a.example/x", "nonesuch"), UPDATE_EXIT_USAGE);
	assert_complained("nonesuch");
	assert_int_equal(
	    call(update_lists_add, options, "nonesuch", "https://a.example/x"), UPDATE_EXIT_USAGE);
	assert_complained("nonesuch");
	assert_file(HEAD SECTION);
	assert_int_not_equal(
	    call(update_lists_add, options, "https://a.example/x", "https://old.example/list"),
	    UPDATE_EXIT_WELL);
	assert_complained("old");
	assert_file(HEAD SECTION);
}

/* What somebody else wrote does not move the cursor. */
static void test_words_are_escaped(void **state)
{
	const struct update_lists_options options = {0};

	(void)state;
	assert_int_equal(call(update_lists_add, options, "\033[31mred", NULL), UPDATE_EXIT_USAGE);
	assert_complained("[31mred");
	assert_null(strchr(said.err, '\033'));
	assert_int_not_equal(access(PATH, F_OK), 0);
}

static void test_json(void **state)
{
	const struct update_lists_options options = {.json = true};

	(void)state;
	scratch_write(PATH, HEAD SECTION);
	assert_int_equal(call(update_lists_remove, options, "old", NULL), UPDATE_EXIT_WELL);
	assert_string_equal(said.out, "{\"file\": \"" PATH "\", \"removed\": [{\"name\": \"old\", "
				      "\"url\": \"https://old.example/list\", \"line\": 4}]}\n");
	assert_int_equal(
	    call(update_lists_add, options, "https://b.example/b?\"x", "https://c.example/c"),
	    UPDATE_EXIT_WELL);
	assert_said("{\"file\": \"" PATH "\", \"added\": [{\"name\": \"b.example-b\", "
		    "\"url\": \"https://b.example/b?\\\"x\", \"line\": ");
	assert_said("}, {\"name\": \"c.example-c\", \"url\": \"https://c.example/c\", \"line\": ");
}

/* Not one byte but what was added. */
static void test_add_and_remove(void **state)
{
	const struct update_lists_options options = {0};

	(void)state;
	scratch_write(PATH, HEAD SECTION);
	assert_int_equal(
	    call(update_lists_add, options, "https://a.example/x", "https://b.example/y"),
	    UPDATE_EXIT_WELL);
	assert_int_equal(
	    call(update_lists_remove, options, "a.example-x", "b.example-y"), UPDATE_EXIT_WELL);
	assert_said("removed list \"a.example-x\", https://a.example/x\n");
	assert_said("removed list \"b.example-y\", https://b.example/y\n");
	assert_said("quell-update; where it is a service");
	assert_file(HEAD SECTION);
	assert_int_equal(call(update_lists_remove, options, "old", NULL), UPDATE_EXIT_WELL);
	assert_said(PATH ":4: removed list \"old\", https://old.example/list\n");
	assert_said("No list is left.");
	assert_file(HEAD);
}

static void test_remove_all_or_none(void **state)
{
	const struct update_lists_options options = {0};

	(void)state;
	assert_int_equal(call(update_lists_remove, options, "old", NULL), UPDATE_EXIT_USAGE);
	assert_complained(PATH);
	assert_int_not_equal(access(PATH, F_OK), 0);
	scratch_write(PATH, HEAD SECTION);
	assert_int_equal(call(update_lists_remove, options, "old", "nonesuch"), UPDATE_EXIT_USAGE);
	assert_complained("nonesuch");
	assert_int_equal(call(update_lists_remove, options, "nonesuch", "old"), UPDATE_EXIT_USAGE);
	assert_file(HEAD SECTION);
}

static void test_file_that_is_wrong(void **state)
{
	const struct update_lists_options options = {0};

	(void)state;
	scratch_write(PATH, "workers = many\n");
	assert_int_equal(
	    call(update_lists_add, options, "https://a.example/x", NULL), UPDATE_EXIT_USAGE);
	assert_complained(PATH ":1:");
	assert_int_equal(call(update_lists_remove, options, "old", NULL), UPDATE_EXIT_USAGE);
	assert_complained(PATH ":1:");
	assert_file("workers = many\n");
}

/* The publisher and the file, cut to what a name may have. */
static void test_name(void **state)
{
	char name[CONF_NAME_SIZE], url[256];

	(void)state;
	assert_string_equal(
	    update_lists_name(name, "https://GitLab.com/hagezi/x/Light.txt"), "hagezi-light");
	assert_string_equal(
	    update_lists_name(name, "https://a.example/b/c/light.txt?v=1"), "a.example-light");
	(void)snprintf(url, sizeof(url), "https://a.example/%0150d", 0);
	assert_ptr_equal(update_lists_name(name, url), name);
	assert_int_equal(strlen(name), CONF_NAME_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_set_up, scratch_tear_down)
	    TEST(test_catalogue),
	    TEST(test_add),
	    TEST(test_add_url_of_catalogue),
	    TEST(test_name_and_syntax),
	    TEST(test_syntax_that_is_none),
	    TEST(test_add_all_or_none),
	    TEST(test_words_are_escaped),
	    TEST(test_json),
	    TEST(test_add_and_remove),
	    TEST(test_remove_all_or_none),
	    TEST(test_file_that_is_wrong),
	    cmocka_unit_test(test_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
