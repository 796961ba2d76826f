/* test_update_run.c - whole runs over two lists in files: the image, the report, what quelld is
 * asked, and the exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake_quelld.h"
#include "tests/unit/images.h"
#include "tests/unit/scratch.h"
#include "tools/update_run.h"
#include "tools/update_store.h"

#define ONE	"one.example\n"
#define TWO	"two.example\n"
#define CONTROL "control"

struct fixture {
	struct conf *conf; /* list a: the file "a"; list b: the URL of the file "b" */
	struct update_options options;
	struct scratch_output said;
	struct why why;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char folder[128], text[1024];

	assert_non_null(f);
	scratch_set_up(NULL);
	assert_non_null(getcwd(folder, sizeof(folder)));
	(void)snprintf(text, sizeof(text),
	    "state_dir = %s/state\nlist a { file = %s/a }\nlist b { url = 'file://%s/b' }\n",
	    folder, folder, folder);
	assert_int_equal(conf_read_text(&f->conf, text, "test.conf", &f->why), 0);
	f->options =
	    (struct update_options){.control = CONTROL, .stall_s = 60, .max_bytes = 100000};
	scratch_write("a", ONE);
	scratch_write("b", TWO);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	conf_free(f->conf);
	scratch_tear_down(NULL);
	free(f);
	return 0;
}

static void run(struct fixture *f, int expected)
{
	int code;

	scratch_capture_begin();
	code = update_run(f->conf, &f->options);
	scratch_capture_end(&f->said);
	if (code != expected)
		fail_msg("%d instead of %d:\n%s%s", code, expected, f->said.out, f->said.err);
}

static void says(const struct fixture *f, const char *part)
{
	if (strstr(f->said.out, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, f->said.out);
}

/* A run, while a quelld listens that answers so.  `heard`: what it is to be asked. */
static void run_with_quelld(struct fixture *f, int expected, const char *answer, const char *heard)
{
	struct fake_quelld quelld;

	(void)unlink(CONTROL);
	fake_quelld_start(&quelld, CONTROL, FAKE_POLITE, answer, strlen(answer));
	run(f, expected);
	fake_quelld_stop(&quelld);
	assert_string_equal(quelld.heard, heard);
}

/* The image in `file` is that of these two texts, in this order. */
static void assert_image(const char *file, const char *a, const char *b)
{
	const char *const texts[] = {a, b};
	static char found[1 << 16];
	size_t len = 0, found_len = scratch_read(file, found, sizeof(found));
	uint8_t *image = image_of_texts(texts, 2, &len);

	assert_non_null(image);
	assert_int_equal(found_len, len);
	assert_memory_equal(found, image, len);
	free(image);
}

static void assert_no_image(void)
{
	assert_int_not_equal(access("state/image", F_OK), 0);
}

static void test_first_and_second(void **state)
{
	struct fixture *f = *state;

	run(f, UPDATE_EXIT_WELL);
	says(f, "a: updated");
	says(f, "b: updated");
	says(f, "image: written, 2 rules");
	says(f, "quelld: not running"); /* which is no failure */
	assert_string_equal(f->said.err, "[1/2] a: updated\n[2/2] b: updated\n");
	assert_image("state/image", ONE, TWO);
	run_with_quelld(f, UPDATE_EXIT_WELL, "ok\n", "");
	says(f, "a: unchanged");
	says(f, "image: unchanged");
	scratch_write("b", ONE ONE TWO); /* distinct rules are counted: name, kind and list */
	run(f, UPDATE_EXIT_WELL);
	says(f, "a: unchanged");
	says(f, "b: updated");
	says(f, "image: written, 3 rules");
	assert_image("state/image", ONE, ONE TWO);
	assert_image("state/image.previous", ONE, TWO);
}

static void test_quelld_is_told(void **state)
{
	struct fixture *f = *state;

	run_with_quelld(f, UPDATE_EXIT_WELL, "ok\n", "reload\n");
	says(f, "quelld: reloaded");
	run_with_quelld(f, UPDATE_EXIT_WELL, "ok\n", "");
	f->options.force = true;
	run_with_quelld(f, UPDATE_EXIT_WELL, "ok\n", "reload\n");
	says(f, "image: written");
}

/* It is told again at the next run, until it has what the folder has. */
static void test_quelld_refuses(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		run_with_quelld(f, UPDATE_EXIT_NOTHING, "error it is too large\n", "reload\n");
		says(f, i == 0 ? "image: written" : "image: unchanged");
		says(f, "quelld: failed");
		says(f, "it is too large");
	}
	assert_int_equal(rename("a", "a.away") | rename("b", "b.away"), 0);
	assert_int_equal(unlink("state/lists/a.txt") | unlink("state/lists/b.txt"), 0);
	run(f, UPDATE_EXIT_NOTHING); /* a failure in between changes nothing of that */
	assert_int_equal(rename("a.away", "a") | rename("b.away", "b"), 0);
	run_with_quelld(f, UPDATE_EXIT_WELL, "ok\n", "reload\n");
	says(f, "image: unchanged");
	says(f, "quelld: reloaded");
	run_with_quelld(f, UPDATE_EXIT_WELL, "ok\n", "");
}

static void test_a_list_fails(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink("b"), 0);
	run(f, UPDATE_EXIT_PARTLY);
	says(f, "b: left out");
	assert_image("state/image", ONE, "");
	scratch_write("b", TWO);
	run(f, UPDATE_EXIT_WELL);
	assert_int_equal(unlink("b"), 0);
	scratch_write("a", "new.example\n");
	run(f, UPDATE_EXIT_PARTLY);
	says(f, "b: kept old, 1 rules");
	assert_image("state/image", "new.example\n", TWO);
	assert_int_equal(unlink("a"), 0);
	run(f, UPDATE_EXIT_PARTLY); /* of both the copies */
	says(f, "image: unchanged");
}

/* Its rules keep their list id, which is the place in the configuration. */
static void test_id_behind_a_list_without_copy(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink("a"), 0);
	run(f, UPDATE_EXIT_PARTLY);
	assert_image("state/image", "", TWO);
}

static void test_no_list_at_all(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink("a"), 0);
	assert_int_equal(unlink("b"), 0);
	run_with_quelld(f, UPDATE_EXIT_NOTHING, "ok\n", "");
	says(f, "image: failed");
	assert_no_image();
}

static void test_bound_of_a_download(void **state)
{
	struct fixture *f = *state;

	f->options.max_bytes = strlen(TWO) - 1;
	run(f, UPDATE_EXIT_PARTLY);
	says(f, "b: left out: it is larger than");
	f->options.max_bytes++;
	run(f, UPDATE_EXIT_WELL);
}

static void test_named_lists(void **state)
{
	static char name[] = "b";
	char *names[] = {name};
	struct fixture *f = *state;

	run(f, UPDATE_EXIT_WELL);
	scratch_write("a", "new.example\n");
	scratch_write("b", "newer.example\n");
	f->options.names = names;
	f->options.n_names = 1;
	run(f, UPDATE_EXIT_WELL);
	says(f, "a: not asked for");
	says(f, "b: updated");
	assert_string_equal(f->said.err, "[1/1] b: updated\n");
	assert_image("state/image", ONE, "newer.example\n");
}

static void test_dry(void **state)
{
	struct fixture *f = *state;

	f->options.dry = true;
	run_with_quelld(f, UPDATE_EXIT_WELL, "ok\n", "");
	says(f, "a: updated");
	says(f, "image: not written, 2 rules");
	assert_int_not_equal(access("state", F_OK), 0);
	f->options.dry = false;
	run(f, UPDATE_EXIT_WELL);
	scratch_write("b", ONE TWO);
	f->options.dry = f->options.force = true;
	run_with_quelld(f, UPDATE_EXIT_WELL, "ok\n", "");
	says(f, "b: updated");
	says(f, "image: not written, 3 rules");
	assert_image("state/image", ONE, TWO);
}

static void test_first_bad_line(void **state)
{
	struct fixture *f = *state;

	(void)snprintf(f->conf->lists[0].syntax, sizeof(f->conf->lists[0].syntax), "domains");
	scratch_write("a", ONE "localhost\nbad \033 line\nworse line\n");
	run(f, UPDATE_EXIT_WELL);
	says(f, "a: updated, 1 rules");
	says(f, "2 bad lines (the first is line 3: \"bad \\x1b line\")");
}

static void test_json(void **state)
{
	struct fixture *f = *state;
	const char *out = f->said.out;

	f->options.json = true;
	assert_int_equal(unlink("b"), 0);
	run(f, UPDATE_EXIT_PARTLY);
	assert_memory_equal(out, "{\"exit\":3,", 10);
	assert_string_equal(out + strlen(out) - 2, "}\n");
	says(f, "\"reason\":");
}

static void test_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct update_store other;

	assert_int_equal(update_store_open(&other, "state", &f->why), 0);
	run(f, UPDATE_EXIT_NOTHING);
	assert_string_equal(f->said.out, "");
	assert_non_null(strstr(f->said.err, "lock"));
	assert_no_image();
	update_store_close(&other, true);
	run(f, UPDATE_EXIT_WELL);
}

static void test_state_cannot_be_made(void **state)
{
	struct fixture *f = *state;

	scratch_write("state", "in the way\n");
	run(f, UPDATE_EXIT_NOTHING);
	assert_string_equal(f->said.out, "");
	assert_non_null(strstr(f->said.err, "quell-update: "));
}

/* The last test: a signal ends the program, so a run after it is stopped too. */
static void test_stopped(void **state)
{
	struct fixture *f = *state;

	run(f, UPDATE_EXIT_WELL);
	scratch_write("b", ONE);
	assert_int_equal(raise(SIGTERM), 0);
	run_with_quelld(f, UPDATE_EXIT_NOTHING, "ok\n", "");
	says(f, "b: not reached");
	says(f, "image: failed");
	says(f, "signal");
	assert_image("state/image", ONE, TWO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_first_and_second, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_quelld_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_quelld_refuses, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_list_fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_id_behind_a_list_without_copy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_list_at_all, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bound_of_a_download, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_named_lists, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_dry, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_first_bad_line, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_json, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_one_at_a_time, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_state_cannot_be_made, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
