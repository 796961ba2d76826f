/* test_update_list.c - what becomes of one list: of what its publisher has, and of the kept copy. */
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
#include "tools/update_list.h"

#define MAX 100000
#define OLD "old.example\n"
#define NEW "new.example\nother.example\n"

struct fixture {
	struct conf_list conf; /* of a list `a` with a URL, which is the file "published" */
	struct update_store store;
	struct update_watch watch; /* no names */
	struct update_list list;
	struct why why;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char folder[128];
	struct conf *conf;

	assert_non_null(f);
	scratch_set_up(NULL);
	assert_non_null(getcwd(folder, sizeof(folder)));
	f->conf = (struct conf_list){.name = "a", .syntax = "auto"};
	(void)snprintf(f->conf.url, sizeof(f->conf.url), "file://%s/published", folder);
	conf = conf_new();
	assert_non_null(conf);
	conf->vital_names = false;
	conf->rules[0] = '\0';
	assert_int_equal(update_watch_init(&f->watch, conf, &f->why), 0);
	conf_free(conf);
	assert_int_equal(update_store_open(&f->store, "state", &f->why), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	update_list_fini(&f->list);
	update_watch_fini(&f->watch);
	update_store_close(&f->store, true);
	scratch_tear_down(NULL);
	free(f);
	return 0;
}

static void keep(struct fixture *f, const char *text)
{
	assert_int_equal(update_store_keep(&f->store, "a", text, strlen(text), &f->why), 0);
}

static void use_file(struct fixture *f)
{
	f->conf.url[0] = '\0';
	(void)snprintf(f->conf.file, sizeof(f->conf.file), "published");
}

static void refresh(struct fixture *f, bool asked, bool dry)
{
	const struct update_list_options options = {
	    .watch = &f->watch, .versions = 1, .max_bytes = MAX, .dry = dry};

	update_list_fini(&f->list);
	f->list = (struct update_list){.conf = &f->conf, .asked = asked};
	update_list_prepare(&f->list, &f->store, &options);
	assert_null(f->list.transfer.url);
	update_list_refresh(&f->list, &f->store, &options);
	assert_null(f->list.text);
	update_list_load(&f->list, &f->store, &options);
}

/* `text` and `kept`, the store's copy, may be NULL: there is none. */
static void assert_became(
    const struct fixture *f, enum update_outcome outcome, const char *text, const char *kept)
{
	char copy[256];

	assert_string_equal(
	    update_list_outcome_text(f->list.outcome), update_list_outcome_text(outcome));
	if (text == NULL) {
		assert_null(f->list.text);
		assert_false(update_list_has_text(&f->list));
	} else {
		assert_true(update_list_has_text(&f->list));
		assert_int_equal(f->list.len, strlen(text));
		assert_memory_equal(f->list.text, text, strlen(text));
	}
	if (kept == NULL) {
		assert_int_not_equal(access("state/lists/a.txt", F_OK), 0);
	} else {
		(void)scratch_read("state/lists/a.txt", copy, sizeof(copy));
		assert_string_equal(copy, kept);
	}
	assert_int_equal(
	    update_list_failed(&f->list), outcome == UPDATE_KEPT || outcome == UPDATE_LEFT_OUT);
}

static void assert_reason(const struct fixture *f, const char *part)
{
	if (strstr(f->list.why.text, part) == NULL)
		fail_msg("'%s' is not in: %s", part, f->list.why.text);
}

static void updates(struct fixture *f)
{
	scratch_write("published", OLD);
	refresh(f, true, false);
	assert_became(f, UPDATE_UPDATED, OLD, OLD);
	refresh(f, true, false);
	assert_became(f, UPDATE_UNCHANGED, OLD, OLD);
	scratch_write("published", NEW);
	refresh(f, true, false);
	assert_became(f, UPDATE_UPDATED, NEW, NEW);
	scratch_write("published", "NEW.example\nother.example\n"); /* as long */
	refresh(f, true, false);
	assert_became(
	    f, UPDATE_UPDATED, "NEW.example\nother.example\n", "NEW.example\nother.example\n");
	scratch_write("published", "NEW.example\n"); /* as it began */
	refresh(f, true, false);
	assert_became(f, UPDATE_UPDATED, "NEW.example\n", "NEW.example\n");
}

static void test_url(void **state)
{
	updates(*state);
}

static void test_file(void **state)
{
	use_file(*state);
	updates(*state);
}

static void test_publisher_has_nothing(void **state)
{
	struct fixture *f = *state;

	refresh(f, true, false);
	assert_became(f, UPDATE_LEFT_OUT, NULL, NULL);
	assert_reason(f, "published");
	keep(f, OLD);
	refresh(f, true, false);
	assert_became(f, UPDATE_KEPT, OLD, OLD);
	assert_reason(f, "published");
	use_file(f);
	refresh(f, true, false);
	assert_became(f, UPDATE_KEPT, OLD, OLD);
	assert_reason(f, "published");
}

static void test_publisher_has_no_list(void **state)
{
	static const char *const texts[] = {"",
	    "<!DOCTYPE html>\n<html><body>Not here</body></html>\n", "# nothing yet\n",
	    "!!!\n???\n"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		scratch_write("published", texts[i]);
		refresh(f, true, false);
		assert_became(f, UPDATE_LEFT_OUT, NULL, NULL);
		assert_int_not_equal(f->list.why.text[0], '\0');
	}
	keep(f, OLD);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		scratch_write("published", texts[i]);
		refresh(f, true, false);
		assert_became(f, UPDATE_KEPT, OLD, OLD);
		assert_int_not_equal(f->list.why.text[0], '\0');
	}
}

/* A user's own file may hold comments alone, but it is not empty. */
static void test_file_of_comments(void **state)
{
	struct fixture *f = *state;

	use_file(f);
	scratch_write("published", "# nothing yet\n");
	refresh(f, true, false);
	assert_became(f, UPDATE_UPDATED, "# nothing yet\n", "# nothing yet\n");
	scratch_write("published", "");
	refresh(f, true, false);
	assert_became(f, UPDATE_KEPT, "# nothing yet\n", "# nothing yet\n");
	assert_reason(f, "empty");
}

static void test_not_asked(void **state)
{
	struct fixture *f = *state;

	scratch_write("published", NEW);
	refresh(f, false, false);
	assert_became(f, UPDATE_LEFT_OUT, NULL, NULL);
	assert_reason(f, "no copy");
	keep(f, OLD);
	refresh(f, false, false);
	assert_became(f, UPDATE_NOT_ASKED, OLD, OLD);
}

static void test_dry(void **state)
{
	struct fixture *f = *state;

	scratch_write("published", NEW);
	refresh(f, true, true);
	assert_became(f, UPDATE_UPDATED, NEW, NULL);
	keep(f, OLD);
	refresh(f, true, true);
	assert_became(f, UPDATE_UPDATED, NEW, OLD);
	keep(f, NEW);
	refresh(f, true, true);
	assert_became(f, UPDATE_UNCHANGED, NEW, NEW);
}

/* The options of a list may have changed since its copy was kept. */
static void test_kept_copy_is_no_list_any_more(void **state)
{
	static const char hosts[] = "0.0.0.0 new.example\n";
	struct fixture *f = *state;

	keep(f, OLD);
	(void)snprintf(f->conf.syntax, sizeof(f->conf.syntax), "hosts");
	refresh(f, false, false);
	assert_became(f, UPDATE_LEFT_OUT, NULL, OLD);
	assert_reason(f, "kept copy");
	scratch_write("published", OLD);
	refresh(f, true, false);
	assert_became(f, UPDATE_LEFT_OUT, NULL, OLD);
	scratch_write("published", hosts);
	refresh(f, true, false);
	assert_became(f, UPDATE_UPDATED, hosts, hosts);
}

/* A list of nothing but answers of its own has rules only where it may have them. */
static void test_trust(void **state)
{
	static const char answers[] = "address=/nas.example/192.0.2.1\n";
	struct fixture *f = *state;

	(void)snprintf(f->conf.syntax, sizeof(f->conf.syntax), "dnsmasq");
	scratch_write("published", answers);
	refresh(f, true, false);
	assert_became(f, UPDATE_LEFT_OUT, NULL, NULL);
	f->conf.trust = CONF_TRUST_REWRITE;
	refresh(f, true, false);
	assert_became(f, UPDATE_UPDATED, answers, answers);
}

/* A copy that cannot be kept would be gone at the next run, so it does not count. */
static void test_copy_cannot_be_written(void **state)
{
	struct fixture *f = *state;

	keep(f, OLD);
	assert_int_equal(mkdir("state/lists/a.txt.tmp", 0700), 0); /* in the way */
	scratch_write("published", NEW);
	refresh(f, true, false);
	assert_became(f, UPDATE_KEPT, OLD, OLD);
	assert_reason(f, "a.txt");
}

static void test_origin(void **state)
{
	struct fixture *f = *state;

	f->list.conf = &f->conf;
	assert_string_equal(update_list_origin(&f->list), f->conf.url);
	use_file(f);
	assert_string_equal(update_list_origin(&f->list), "published");
}

static void test_outcome_texts(void **state)
{
	(void)state;
	assert_string_equal(update_list_outcome_text(UPDATE_UPDATED), "updated");
	for (unsigned i = 0; i < UPDATE_OUTCOMES; i++) {
		const char *text = update_list_outcome_text((enum update_outcome)i);

		assert_non_null(text);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(
			    text, update_list_outcome_text((enum update_outcome)k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_url, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_publisher_has_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_publisher_has_no_list, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_file_of_comments, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_asked, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_dry, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_kept_copy_is_no_list_any_more, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_trust, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_copy_cannot_be_written, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_origin, setup, teardown),
	    cmocka_unit_test(test_outcome_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
