/* test_conf_edit.c - lists added to and removed from the text of a configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/conf_edit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct conf_edit_list new_list = {"new", "https://example.net/new.txt", NULL};

/* The section of new_list, indented by a tab. */
#define NEW "list \"new\" {\n\turl = \"https://example.net/new.txt\"\n}"

static void start(struct conf_edit *e, const char *text)
{
	struct why why = {""};

	if (conf_edit_init(e, text, "test", &why) != 0)
		fail_msg("%s: %s", why.text, text);
}

static void add(struct conf_edit *e)
{
	struct why why = {""};

	if (conf_edit_add(e, &new_list, &why) != 0)
		fail_msg("%s: %s", why.text, e->text);
}

static void removes(struct conf_edit *e, const char *name)
{
	struct why why = {""};

	if (conf_edit_remove(e, name, &why) != 0)
		fail_msg("%s: %s", why.text, e->text);
}

/* ---- adding ---- */

static void test_add(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
	    {"", NEW "\n"},
	    {"workers = 2\n", "workers = 2\n\n" NEW "\n"},
	    {"workers = 2\n\n", "workers = 2\n\n\n" NEW "\n"},
	    {"workers = 2", "workers = 2\n\n" NEW},
	    {"# nothing but a comment", "# nothing but a comment\n\n" NEW},
	    {"/* closed */", "/* closed */\n\n" NEW},
	    {"workers = 2\r\n", "workers = 2\r\n\r\nlist \"new\" {\r\n\turl = "
				"\"https://example.net/new.txt\"\r\n}\r\n"},
	    {"list a {\n    file = x\n}\n",
		"list a {\n    file = x\n}\n\nlist \"new\" {\n    url = "
		"\"https://example.net/new.txt\"\n}\n"},
	    {"list a { file = x }\nlist b {\n\n  file = y }\nlist c {\n  file = z\n}\n",
		"list a { file = x }\nlist b {\n\n  file = y }\nlist c {\n  file = z\n}\n"
		"\nlist \"new\" {\n  url = \"https://example.net/new.txt\"\n}\n"},
	    /* The blanks before a closing brace are no indentation. */
	    {"list a { file = x\n  }\n", "list a { file = x\n  }\n\n" NEW "\n"},
	};
	struct conf_edit e;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		start(&e, cases[i].before);
		add(&e);
		assert_string_equal(e.text, cases[i].after);
		assert_string_equal(e.conf->lists[e.conf->n_lists - 1].name, "new");
		assert_string_equal(
		    e.conf->lists[e.conf->n_lists - 1].url, "https://example.net/new.txt");
		conf_edit_fini(&e);
	}
}

static void test_add_with_syntax_and_odd_url(void **state)
{
	const struct conf_edit_list list = {"odd", "https://x/${HOME}\"\\{}#//'*/", "hosts"};
	struct why why = {""};
	struct conf_edit e;

	(void)state;
	start(&e, "");
	if (conf_edit_add(&e, &list, &why) != 0)
		fail_msg("%s", why.text);
	assert_string_equal(e.text,
	    "list \"odd\" {\n\turl = \"https://x/\\${HOME}\\\"\\\\{}#//'*/\"\n"
	    "\tsyntax = hosts\n}\n");
	assert_string_equal(e.conf->lists[0].url, list.url);
	assert_string_equal(e.conf->lists[0].syntax, "hosts");
	removes(&e, "odd");
	assert_string_equal(e.text, "");
	conf_edit_fini(&e);
}

static void test_add_refuses(void **state)
{
	static const char text[] = "workers = 2\n# list \"new\" { file = x }\n\nlist 'old' { url = "
				   "\"https://example.net/old.txt\" }\n";
	static const struct {
		struct conf_edit_list list;
		int err;
		const char *says;
	} cases[] = {
	    {{"old", "https://x/y", NULL}, ERR_TAKEN, "test:4: there is a list \"old\" already"},
	    {{"other", "https://example.net/old.txt", NULL}, ERR_TAKEN,
		"test:4: list \"old\" has this URL already"},
	    {{"", "https://x/y", NULL}, ERR_FORMAT, "no name"},
	    {{".x", "https://x/y", NULL}, ERR_FORMAT, "no name"},
	    {{"a b", "https://x/y", NULL}, ERR_FORMAT, "no name"},
	    {{"a\" { file = x } list \"b", "https://x/y", NULL}, ERR_FORMAT, "no name"},
	    {{"0123456789012345678901234567890123456789012345678901234567890123", "https://x/y",
		 NULL},
		ERR_FORMAT, "no name"},
	    {{"ok", "ftp://x/y", NULL}, ERR_FORMAT, "is not a URL"},
	    {{"ok", "https://x/a b", NULL}, ERR_FORMAT, "is not a URL"},
	    {{"ok", "https://x/\"\n}\nworkers = 3\n", NULL}, ERR_FORMAT, "test:"},
	};
	struct conf_edit e;

	(void)state;
	start(&e, text);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct why why = {""};

		assert_int_equal(conf_edit_add(&e, &cases[i].list, &why), cases[i].err);
		if (strstr(why.text, cases[i].says) == NULL)
			fail_msg("%s", why.text);
		assert_string_equal(e.text, text);
		assert_int_equal(e.conf->n_lists, 1);
	}
	conf_edit_fini(&e);
}

static void test_add_too_many(void **state)
{
	struct why why = {""};
	struct conf_edit e;
	char name[16], url[64];
	const struct conf_edit_list list = {name, url, NULL};

	(void)state;
	start(&e, "");
	for (unsigned i = 0; i < CONF_LISTS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "l%u", i);
		(void)snprintf(url, sizeof(url), "https://example.net/%u", i);
		assert_int_equal(conf_edit_add(&e, &list, &why), 0);
	}
	assert_int_equal(conf_edit_add(&e, &new_list, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "too many lists"));
	assert_int_equal(e.conf->n_lists, CONF_LISTS_MAX);
	conf_edit_fini(&e);
}

/* ---- removing ---- */

#define A "list \"a\" {\n\tfile = a\n}\n"
#define B "list \"b\" {\n\tfile = b\n}\n"

static void test_remove(void **state)
{
	/* List "b" goes. */
	static const struct {
		const char *before, *after;
	} cases[] = {
	    {B, ""},
	    {"\n" B, ""},
	    {A "\n" B, A},
	    {A "\n\n" B, A "\n"},
	    {B "\n" A, "\n" A},
	    {A B, A},
	    {"workers = 2\n\n" B "\n" A, "workers = 2\n\n" A},
	    /* Comments above it stay, those inside and behind it go. */
	    {A "\n# about b\n" B, A "\n# about b\n"},
	    {"list b { # here } \n file = b // } there\n /* } */ } # behind\nworkers = 2\n",
		"workers = 2\n"},
	    {"\t list b { file = b } // behind", ""},
	    {"workers = 2\nlist b { file = b }", "workers = 2"},
	    {"workers = 2\r\n\r\nlist b {\r\n file = b\r\n}\r\nudp_size = 512\r\n",
		"workers = 2\r\nudp_size = 512\r\n"},
	    /* Not alone on its lines: the section and no more. */
	    {"list b { file = b } list a { file = a }\n", " list a { file = a }\n"},
	    {"list a { file = a } list b { file = b } \n", "list a { file = a }  \n"},
	    {"/* x */ list b { file = b } /* y */\n", "/* x */  /* y */\n"},
	    {"workers = 2 list b {\nfile = b } udp_size = 512\n", "workers = 2  udp_size = 512\n"},
	    /* Texts that look like sections. */
	    {"list a {\n file = 'list b { file = x }'\n}\nlist b { file = '}' }\n",
		"list a {\n file = 'list b { file = x }'\n}\n"},
	    {"# list b { file = x }\n//list b { file = x }\n/* list b\n{ file = x } */\n" B,
		"# list b { file = x }\n//list b { file = x }\n/* list b\n{ file = x } */\n"},
	    {"list a { file = \"\\\" } list b {\" }\n" B,
		"list a { file = \"\\\" } list b {\" }\n"},
	    {"list a { file = 'x\\' }' }\n" B, "list a { file = 'x\\' }' }\n"},
	    {"list list { file = list }\nlist b { file = list }\n", "list list { file = list }\n"},
	    {"listen = {\"127.0.0.1:53\", '[::1]:53'} list b { file = b }\n",
		"listen = {\"127.0.0.1:53\", '[::1]:53'} \n"},
	    {"allow = 10.0.0.0/8 list b { file = b }\n", "allow = 10.0.0.0/8 \n"},
	    {"state_dir = /list/b//c list b { file = b }\n", "state_dir = /list/b//c \n"},
	    /* Names written in other ways. */
	    {"'list' \"\\x62\" { file = b }\n", ""},
	    {"\"li\\163t\"'b'{file=b}\n", ""},
	    {"list \"${QUELL_NO_SUCH:-b}\" { file = \"${QUELL_NO_SUCH:-\"{\"}\" }\n" A, A},
	    {"list ${QUELL_NO_SUCH:-b} { file = b }\n" A, A},
	};
	struct conf_edit e;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf *conf = NULL;

		start(&e, cases[i].before);
		removes(&e, "b");
		assert_string_equal(e.text, cases[i].after);
		assert_int_equal(conf_read_text(&conf, e.text, "after", NULL), 0);
		for (unsigned k = 0; k < conf->n_lists; k++)
			assert_string_not_equal(conf->lists[k].name, "b");
		conf_free(conf);
		conf_edit_fini(&e);
	}
}

static void test_remove_refuses(void **state)
{
	struct why why = {""};
	struct conf_edit e;

	(void)state;
	start(&e, A "\n" B);
	assert_int_equal(conf_edit_remove(&e, "c", &why), ERR_NOTFOUND);
	assert_string_equal(why.text, "test: there is no list \"c\"; there is: a, b");
	assert_string_equal(e.text, A "\n" B);
	removes(&e, "a");
	removes(&e, "b");
	assert_int_equal(conf_edit_remove(&e, "b", &why), ERR_NOTFOUND);
	assert_string_equal(why.text, "test: there is no list \"b\"; there is: no list");
	conf_edit_fini(&e);
}

/* What stands on both sides of the section must not become one word, or the section's option
 * another's. */
static void test_remove_that_would_change_more(void **state)
{
	static const char *const texts[] = {
	    "state_dir = \"/x\"list b { file = b }udp_size = 512\n",
	    "allow = 10.0.0.0/8 list b { file = b }, 10.0.0.0/8\n",
	    "listen = {} list b {file=b}= {}\n",
	};
	struct why why = {""};
	struct conf_edit e;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct conf *conf = NULL;

		if (conf_edit_init(&e, texts[i], "test", &why) != 0)
			continue; /* refused at once: as good */
		if (conf_edit_remove(&e, "b", &why) == 0) {
			assert_int_equal(conf_read_text(&conf, e.text, "after", &why), 0);
			assert_int_equal(conf->n_lists, 0);
			conf_free(conf);
		} else {
			assert_string_equal(e.text, texts[i]);
		}
		conf_edit_fini(&e);
	}
}

/* ---- both ---- */

static void test_added_and_removed(void **state)
{
	static const char *const texts[] = {
	    "",
	    "\n",
	    "\n\n",
	    "\r\n",
	    " ",
	    "\t\n ",
	    "#",
	    "//\r\n",
	    "/**/",
	    "/* \n*/\n",
	    "workers = 2",
	    "workers = 2\r",
	    "workers = 2\r\nudp_size = 512\r",
	    "workers = 2\nudp_size = 512\r\n",
	    "workers = 2\r\nudp_size = 512\n",
	    "workers = 2\r\nudp_size = 512",
	    "\xef\xbb\xbfworkers = 2\n",
	    "\xef\xbb\xbf",
	    A,
	    (A "\n\n" B "\n\n\n# the end"),
	    "listen = {\"127.0.0.1:53\"}",
	    "list a { file = '}' } # {",
	};
	struct conf_edit e;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		start(&e, texts[i]);
		add(&e);
		removes(&e, "new");
		assert_string_equal(e.text, texts[i]);
		conf_edit_fini(&e);
	}
}

static void test_lines(void **state)
{
	struct conf_edit e;

	(void)state;
	start(&e, "\n# x\n\nlist a { file = a } list\nb { file = b }\r\n\nlist c { file = c }");
	assert_int_equal(e.conf->n_lists, 3);
	assert_int_equal(conf_edit_line(&e, 0), 4);
	assert_int_equal(conf_edit_line(&e, 1), 4);
	assert_int_equal(conf_edit_line(&e, 2), 7);
	conf_edit_fini(&e);
}

static void test_not_a_configuration(void **state)
{
	static const char *const texts[] = {"list", "list a", "list a {", "}", "list a { file = x",
	    "list a { file = 'x }", "/* list a { file = x }", "<html>", "workers = 0\n",
	    "include(\"x\")\n", "list a { list b { file = x } }"};
	struct why why;
	struct conf_edit e;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		why.text[0] = '\0';
		assert_int_equal(conf_edit_init(&e, texts[i], "test", &why), ERR_FORMAT);
		assert_int_equal(strncmp(why.text, "test:1: ", 8), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_add),
	    cmocka_unit_test(test_add_with_syntax_and_odd_url),
	    cmocka_unit_test(test_add_refuses),
	    cmocka_unit_test(test_add_too_many),
	    cmocka_unit_test(test_remove),
	    cmocka_unit_test(test_remove_refuses),
	    cmocka_unit_test(test_remove_that_would_change_more),
	    cmocka_unit_test(test_added_and_removed),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_not_a_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
