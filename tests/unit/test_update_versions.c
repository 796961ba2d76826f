/* test_update_versions.c - the versions of a list after each step, whatever is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tools/update_versions.h"

struct fixture {
	struct update_store store;
	struct why why;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_set_up(NULL);
	assert_int_equal(update_store_open(&f->store, "state", &f->why), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	update_store_close(&f->store, true);
	scratch_tear_down(NULL);
	free(f);
	return 0;
}

/* As a run adopts a text. */
static void adopt(struct fixture *f, const char *text, unsigned versions)
{
	update_versions_shift(&f->store, "a", versions);
	assert_int_equal(update_store_keep(&f->store, "a", text, strlen(text), &f->why), 0);
	update_versions_settle(&f->store, "a");
}

/* NULL: it is not there. */
static void has(const char *file, const char *text)
{
	char path[128], found[64];

	(void)snprintf(path, sizeof(path), "state/lists/%s", file);
	if (text == NULL) {
		assert_int_not_equal(access(path, F_OK), 0);
		return;
	}
	scratch_read(path, found, sizeof(found));
	assert_string_equal(found, text);
}

static int roll_back(struct fixture *f)
{
	return update_versions_roll_back(&f->store, "a", &f->why);
}

static void test_versions(void **state)
{
	struct fixture *f = *state;

	adopt(f, "1", 3);
	has("a.txt.1", NULL);
	adopt(f, "2", 3);
	adopt(f, "3", 3);
	adopt(f, "4", 3);
	has("a.txt", "4");
	has("a.txt.1", "3");
	has("a.txt.2", "2");
	has("a.txt.3", NULL);
	adopt(f, "5", 2); /* the option was lowered */
	has("a.txt.1", "4");
	has("a.txt.2", NULL);
	adopt(f, "6", 1);
	has("a.txt", "6");
	has("a.txt.1", NULL);
}

static void test_roll_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(roll_back(f), ERR_NOTFOUND); /* there is no copy */
	adopt(f, "1", 4);
	assert_int_equal(roll_back(f), ERR_NOTFOUND);
	assert_non_null(strstr(f->why.text, "no version before"));
	adopt(f, "2", 4);
	adopt(f, "3", 4);
	adopt(f, "4", 4);
	assert_int_equal(roll_back(f), 0);
	has("a.txt", "3");
	has("a.txt.1", "2");
	has("a.txt.2", "1");
	has("a.txt.3", NULL);
	assert_true(update_versions_was_left(&f->store, "a", "4", 1));
	assert_false(update_versions_was_left(&f->store, "a", "3", 1));
	assert_int_equal(roll_back(f), 0);
	has("a.txt", "2");
	assert_true(update_versions_was_left(&f->store, "a", "4", 1));
	adopt(f, "5", 4);
	has("a.txt", "5");
	has("a.txt.1", "2");
	assert_false(update_versions_was_left(&f->store, "a", "4", 1));
}

/* A run that was killed leaves numbers out, or a version twice. */
static void test_gaps(void **state)
{
	struct fixture *f = *state;

	adopt(f, "1", 5);
	adopt(f, "2", 5);
	update_versions_shift(&f->store, "a", 5); /* and killed then */
	has("a.txt.1", "2");
	has("a.txt", "2");
	assert_int_equal(rename("state/lists/a.txt.2", "state/lists/a.txt.3"), 0);
	assert_int_equal(roll_back(f), 0);
	has("a.txt", "1");
	assert_int_equal(roll_back(f), ERR_NOTFOUND);
}

static void test_accept(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(update_versions_accept(&f->store, "a", 3, &f->why), ERR_NOTFOUND);
	assert_int_equal(update_versions_hold(&f->store, "a", "first", 5, &f->why), 0);
	assert_int_equal(update_versions_accept(&f->store, "a", 3, &f->why), 0); /* with no copy */
	has("a.txt", "first");
	has("a.held", NULL);
	assert_int_equal(update_versions_hold(&f->store, "a", "held", 4, &f->why), 0);
	assert_int_equal(update_versions_hold(&f->store, "a", "newer", 5, &f->why), 0);
	has("a.txt", "first");
	assert_int_equal(update_versions_accept(&f->store, "a", 3, &f->why), 0);
	has("a.txt", "newer");
	has("a.txt.1", "first");
	assert_int_equal(roll_back(f), 0);
	has("a.back", "newer");
	assert_int_equal(update_versions_accept(&f->store, "a", 3, &f->why), 0); /* after all */
	has("a.txt", "newer");
	has("a.txt.1", "first");
	has("a.back", NULL);
	assert_int_equal(update_versions_accept(&f->store, "a", 3, &f->why), ERR_NOTFOUND);
}

/* What is held already is not written again. */
static void test_hold_writes_once(void **state)
{
	struct fixture *f = *state;
	uint64_t written;

	assert_int_equal(update_versions_hold(&f->store, "a", "held", 4, &f->why), 0);
	written = update_store_written();
	assert_int_equal(update_versions_hold(&f->store, "a", "held", 4, &f->why), 0);
	assert_int_equal(update_store_written(), written);
}

/* A part that was downloaded becomes what is held; and it is no offer any more. */
static void test_hold_part(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    update_versions_hold_part(&f->store, "a", "a.part", &f->why), ERR_NOTFOUND);
	assert_int_equal(update_versions_hold(&f->store, "a", "held", 4, &f->why), 0);
	scratch_write("state/lists/a.part", "newer");
	assert_int_equal(update_versions_hold_part(&f->store, "a", "a.part", &f->why), 0);
	has("a.held", "newer");
	has("a.part", NULL);
	update_versions_unhold(&f->store, "a");
	has("a.held", NULL);
	update_versions_unhold(&f->store, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_roll_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_gaps, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_accept, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hold_writes_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hold_part, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
