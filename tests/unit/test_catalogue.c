/* test_catalogue.c - the catalogue's form, and what its entries and other URLs become in a
 * configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocklists/catalogue.h"
#include "blocklists/feed.h"
#include "tools/conf_edit.h"
#include "tools/update_lists.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static size_t n_entries(void)
{
	size_t n = 0;

	while (catalogue[n].name != NULL)
		n++;
	return n;
}

/* Printable ASCII, with no blank at either end. */
static void check_text(const char *name, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (len == 0) {
		fail_msg("%s: a field is empty", name);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e)
			fail_msg("%s: \"%s\" is not plain", name, text);
	}
	if (text[0] == ' ' || text[len - 1] == ' ')
		fail_msg("%s: \"%s\" begins or ends with a blank", name, text);
}

static void check_https(const char *name, const char *url)
{
	if (strncmp(url, "https://", 8) != 0 || strlen(url) < 12 || strpbrk(url, " \"\\'") != NULL)
		fail_msg("%s: %s", name, url);
}

static void test_every_field_is_there(void **state)
{
	(void)state;
	assert_in_range(n_entries(), 25, CONF_LISTS_MAX);
	for (const struct catalogue_entry *e = catalogue; e->name != NULL; e++) {
		check_text("name", e->name);
		check_text(e->name, e->title);
		check_text(e->name, e->licence);
		check_text(e->name, e->purpose);
		check_text(e->name, e->url);
		check_text(e->name, e->homepage);
		check_https(e->name, e->url);
		check_https(e->name, e->homepage);
		check_text(e->name, e->syntax);
		if (feed_find(e->syntax) == NULL)
			fail_msg("%s: there is no syntax %s", e->name, e->syntax);
	}
}

static void test_names_are_short_words(void **state)
{
	(void)state;
	for (const struct catalogue_entry *e = catalogue; e->name != NULL; e++) {
		if (e->name[strspn(e->name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0' ||
		    strlen(e->name) > 24)
			fail_msg("%s", e->name);
	}
}

static void test_a_number_has_its_month(void **state)
{
	(void)state;
	for (const struct catalogue_entry *e = catalogue; e->name != NULL; e++) {
		unsigned year, month;
		int end = 0;

		assert_non_null(e->as_of);
		if (e->n_names == 0) {
			assert_string_equal(e->as_of, "");
		} else if (sscanf(e->as_of, "%4u-%2u%n", &year, &month, &end) != 2 || end != 7 ||
			   e->as_of[7] != '\0' || year < 2020 || month < 1 || month > 12) {
			fail_msg("%s: %s", e->name, e->as_of);
		}
	}
}

static void test_nothing_twice(void **state)
{
	size_t n = n_entries();

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = i + 1; k < n; k++) {
			if (strcmp(catalogue[i].name, catalogue[k].name) == 0 ||
			    strcmp(catalogue[i].url, catalogue[k].url) == 0 ||
			    strcmp(catalogue[i].title, catalogue[k].title) == 0)
				fail_msg("%s and %s", catalogue[i].name, catalogue[k].name);
		}
	}
}

/* All of it in one configuration, every URL as the catalogue has it. */
static void test_can_be_added(void **state)
{
	struct conf_edit e;
	struct why why = {""};
	size_t n = n_entries();

	(void)state;
	assert_int_equal(conf_edit_init(&e, "", "test", &why), 0);
	for (size_t i = 0; i < n; i++) {
		const struct conf_edit_list list = {
		    catalogue[i].name, catalogue[i].url, catalogue[i].syntax};

		if (conf_edit_add(&e, &list, &why) != 0)
			fail_msg("%s", why.text);
	}
	assert_int_equal(e.conf->n_lists, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(e.conf->lists[i].url, catalogue[i].url);
	conf_edit_fini(&e);
}

static void test_name_of_a_url(void **state)
{
	static const struct {
		const char *url, *name;
	} cases[] = {
	    {"https://raw.githubusercontent.com/StevenBlack/hosts/master/hosts",
		"stevenblack-hosts"},
	    {"https://raw.githubusercontent.com/a/b/main/wildcard/light-onlydomains.txt",
		"a-light-onlydomains"},
	    {"https://example.net/hosts.txt", "example.net-hosts"},
	    {"https://example.net:8443/a/Ads.LIST.txt?x=1/2#y", "example.net-ads.list"},
	    {"https://small.oisd.nl", "small.oisd.nl"},
	    {"https://small.oisd.nl/", "small.oisd.nl"},
	    {"https://urlhaus.abuse.ch/downloads/hostfile/", "urlhaus.abuse.ch-hostfile"},
	    {"https://github.com/", "list"},
	    {"https://github.com", "list"},
	    {"https://github.com/?x", "list"},
	    {"file:///srv/lists/My%20ads.txt", "my-20ads"},
	    {"file:///srv/.hidden", "hidden"},
	    {"file:///srv/\xc3\xa4.txt", "list"},
	    {"http://[::1]:80/x", "x"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[CONF_NAME_SIZE];

		assert_string_equal(update_lists_name(name, cases[i].url), cases[i].name);
	}
}

/* Whatever the URL, its name is one that a list may have. */
static void test_name_of_any_url(void **state)
{
	char url[512] = "https://", name[CONF_NAME_SIZE];
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t len = 8 + round % 200;

		for (size_t i = 8; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			url[i] = (round & 1) != 0 ? "/.?#%:a-_"[(seed >> 16) % 9]
						  : (char)(1 + (seed >> 16) % 255);
		}
		url[len] = '\0';
		update_lists_name(name, url);
		assert_in_range(strlen(name), 1, CONF_NAME_SIZE - 1);
		assert_true(name[0] != '.');
		assert_int_equal(
		    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")], '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_field_is_there),
	    cmocka_unit_test(test_names_are_short_words),
	    cmocka_unit_test(test_a_number_has_its_month),
	    cmocka_unit_test(test_nothing_twice),
	    cmocka_unit_test(test_can_be_added),
	    cmocka_unit_test(test_name_of_a_url),
	    cmocka_unit_test(test_name_of_any_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
