/* test_update_seen.c - validators, as they are kept and as they may be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tools/update_seen.h"
#include "tools/update_store.h"

#define URL	 "https://lists.example/ads.txt?x=1"
#define DATE	 "Sat, 21 Nov 2026 10:01:00 GMT"
#define MODIFIED "Sat, 21 Nov 2026 10:00:00 GMT" /* 60 s before */
#define RECENT	 "Sat, 21 Nov 2026 10:00:01 GMT"

static struct update_seen seen_of(const char *etag, const char *modified)
{
	struct update_seen seen = {.url = URL, .from = URL};

	update_seen_note(&seen, etag, modified, DATE);
	return seen;
}

static void test_file(void **state)
{
	struct update_seen seen = seen_of("W/\"a b\"", MODIFIED), found;
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t written;
	char text[1024];

	(void)state;
	(void)snprintf(seen.key, sizeof(seen.key), "RWQ+/=");
	update_seen_bind(&seen, "text", 4);
	assert_false(update_seen_read(AT_FDCWD, "seen", &found));
	assert_int_equal(update_seen_write(fd, "seen", &seen, NULL), 0);
	assert_true(update_seen_read(AT_FDCWD, "seen", &found));
	assert_memory_equal(&found, &seen, sizeof(seen));
	(void)scratch_read("seen", text, sizeof(text));
	assert_non_null(strstr(text, "\nurl " URL "\nfrom " URL "\netag W/\"a b\"\n"
				     "modified " MODIFIED "\nkey RWQ+/=\nbytes 4\nhash "));
	written = update_store_written();
	assert_int_equal(update_seen_write(fd, "seen", &seen, NULL), 0);
	assert_int_equal(update_store_written(), written); /* the same is not written again */
	update_seen_note(&seen, "\"x\"", NULL, NULL);
	assert_int_equal(update_seen_write(fd, "seen", &seen, NULL), 0);
	assert_true(update_store_written() > written);
	assert_true(update_seen_read(AT_FDCWD, "seen", &found));
	assert_string_equal(found.etag, "\"x\"");
	assert_string_equal(found.modified, "");
	close(fd);
}

/* A file that makes no sense is none. */
static void test_other_files(void **state)
{
	static const char *const texts[] = {"", "# nothing\n", "etag \"1\"\n", "url\n",
	    "url http://x/\nwhat is this\n", "url http://x/\nbytes many\n",
	    "url http://x/\nhash xyz\n", "url http://x/\netag \"\t\"\n", "\n\nurl \n"};
	struct update_seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		scratch_write("seen", texts[i]);
		if (update_seen_read(AT_FDCWD, "seen", &seen))
			fail_msg("accepted: %s", texts[i]);
	}
	scratch_write("seen", "\nurl http://x/\n# and\netag \"1\"");
	assert_true(update_seen_read(AT_FDCWD, "seen", &seen));
	assert_string_equal(seen.etag, "\"1\"");
}

static void test_note(void **state)
{
	char etag[UPDATE_ETAG_SIZE + 1];
	struct update_seen seen = seen_of(NULL, NULL);

	(void)state;
	assert_false(update_seen_has_validator(&seen));
	seen = seen_of("\"1\"", NULL);
	assert_true(update_seen_has_validator(&seen));
	seen = seen_of(NULL, MODIFIED);
	assert_string_equal(seen.modified, MODIFIED);
	assert_true(update_seen_has_validator(&seen));
	seen = seen_of(NULL, RECENT); /* it may change within the same second */
	assert_false(update_seen_has_validator(&seen));
	seen = seen_of(NULL, "yesterday, or so");
	assert_false(update_seen_has_validator(&seen));
	update_seen_note(&seen, NULL, MODIFIED, NULL); /* no Date to compare with */
	assert_false(update_seen_has_validator(&seen));
	update_seen_note(
	    &seen, NULL, "Sat, 21 Jan 2040 10:00:00 GMT", "Sat, 21 Jan 2040 10:01:00 GMT");
	assert_true(update_seen_has_validator(&seen)); /* that takes more than 32 bits */
	memset(etag, 'x', sizeof(etag));
	etag[sizeof(etag) - 1] = '\0';
	seen = seen_of(etag, NULL); /* too long */
	assert_false(update_seen_has_validator(&seen));
	seen = seen_of("\"\033[2J\"", NULL);
	assert_false(update_seen_has_validator(&seen));
}

/* RFC 9110, 5.6.7: the forms of a date, those that are obsolete too. */
static void test_dates(void **state)
{
	static const char *const good[] = {
	    MODIFIED, "Saturday, 21-Nov-26 10:00:00 GMT", "Sat Nov 21 10:00:00 2026"};
	static const char *const bad[] = {"Sat, 21 Nov 2026 10:00:00 GMT and so on",
	    "Sat, 21 Nov 2026 10:00:00 CET", "21 Nov", "1795255200"};
	struct update_seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		seen = seen_of(NULL, good[i]);
		assert_string_equal(seen.modified, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seen = seen_of(NULL, bad[i]);
		assert_string_equal(seen.modified, "");
	}
}

/* RFC 9110, 8.8.3; and tags without quotes, which are in use. */
static void test_tags(void **state)
{
	static const char *const good[] = {"\"1\"", "W/\"1\"", "\"\"", "\"a b\"", "5-6f", "\"W/\""};
	static const char *const bad[] = {
	    "\"", "\"1", "1\"", "W/\"", "W/\"1", "w/\"1\"", "x\"1\"", "\"1\", \"2\"", "\"1\" "};
	struct update_seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		seen = seen_of(good[i], NULL);
		assert_string_equal(seen.etag, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seen = seen_of(bad[i], NULL);
		assert_string_equal(seen.etag, "");
	}
}

/* RFC 9110, 8.8.1 and 13.1.5 */
static void test_strong(void **state)
{
	struct update_seen seen = seen_of("\"1\"", MODIFIED);

	(void)state;
	assert_string_equal(update_seen_strong(&seen), "\"1\"");
	seen = seen_of("W/\"1\"", MODIFIED);
	assert_null(update_seen_strong(&seen));
	seen = seen_of("no quotes", MODIFIED);
	assert_null(update_seen_strong(&seen));
	seen = seen_of(NULL, MODIFIED);
	assert_string_equal(update_seen_strong(&seen), MODIFIED);
	seen = seen_of(NULL, NULL);
	assert_null(update_seen_strong(&seen));
}

static void test_fits(void **state)
{
	struct update_seen seen = {.url = ""};

	(void)state;
	update_seen_bind(&seen, "text", 4);
	assert_true(update_seen_fits(&seen, "text", 4));
	assert_false(update_seen_fits(&seen, "tex", 3));
	assert_false(update_seen_fits(&seen, "test", 4));
	update_seen_bind(&seen, "", 0);
	assert_true(update_seen_fits(&seen, "", 0));
}

static void test_is_from(void **state)
{
	struct update_seen seen = {.from = URL};

	(void)state;
	assert_true(update_seen_is_from(&seen, URL, false));
	assert_false(update_seen_is_from(&seen, "https://lists.example/ads.txt?x=2", false));
	assert_false(update_seen_is_from(&seen, "https://lists.example/ads.txt", false));
	assert_true(update_seen_is_from(&seen, "https://lists.example/ads.txt?signed=now", true));
	assert_true(update_seen_is_from(&seen, "https://lists.example/ads.txt", true));
	assert_false(update_seen_is_from(&seen, "https://lists.example/ads.txt2", true));
	assert_false(update_seen_is_from(&seen, "https://lists.example/ads", true));
	assert_false(update_seen_is_from(&seen, "https://other.example/ads.txt", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_file, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(test_other_files, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test(test_note),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_strong),
	    cmocka_unit_test(test_fits),
	    cmocka_unit_test(test_is_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
