/* test_update_survey.c - what lists are worth beside each other, counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tools/update_run.h"
#include "tools/update_store.h"
#include "tools/update_survey.h"

struct fixture {
	struct conf *conf; /* the lists a, b, c */
	struct scratch_output said;
	struct why why;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char folder[128], text[512];

	assert_non_null(f);
	scratch_set_up(NULL);
	assert_non_null(getcwd(folder, sizeof(folder)));
	(void)snprintf(text, sizeof(text),
	    "state_dir = %s/state\nlist a { file = x }\nlist b { file = x }\nlist c { file = x }\n",
	    folder);
	assert_int_equal(conf_read_text(&f->conf, text, "test.conf", &f->why), 0);
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

static void keep(struct fixture *f, const char *name, const char *text)
{
	struct update_store store;

	assert_int_equal(update_store_open(&store, "state", &f->why), 0);
	assert_int_equal(update_store_keep(&store, name, text, strlen(text), &f->why), 0);
	update_store_close(&store, true);
}

static void survey(struct fixture *f, bool json, int expected)
{
	int code;

	scratch_capture_begin();
	code = update_survey(f->conf, json);
	scratch_capture_end(&f->said);
	if (code != expected)
		fail_msg("%d instead of %d:\n%s%s", code, expected, f->said.out, f->said.err);
}

static void says(const struct fixture *f, const char *part)
{
	if (strstr(f->said.out, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, f->said.out);
}

static void test_counts(void **state)
{
	struct fixture *f = *state;

	/* own.example alone; both.example on b too; sub.wide.example below a rule of b */
	keep(f, "a", "own.example\nboth.example\nsub.wide.example\nsub.both.example\n");
	keep(f, "b", "both.example\nwide.example\na bad line\n");
	/* 0: shadowed by a and b; 1: by b; 2: by nobody, for own.example of a covers it: shadowed too */
	keep(f, "c", "0.0.0.0 both.example\n0.0.0.0 wide.example\n0.0.0.0 own.example\n");
	survey(f, true, UPDATE_EXIT_WELL);
	says(f,
	    "{\"name\":\"a\",\"rules\":4,\"bad_lines\":0,\"alone\":3,\"shadowed\":2,\"adds\":1,");
	says(f,
	    "{\"name\":\"b\",\"rules\":2,\"bad_lines\":1,\"alone\":1,\"shadowed\":0,\"adds\":1,");
	says(f,
	    "{\"name\":\"c\",\"rules\":3,\"bad_lines\":0,\"alone\":3,\"shadowed\":3,\"adds\":0,");
	survey(f, false, UPDATE_EXIT_WELL);
	says(f, "a: 4 rules, 0 bad lines, 75.0 % on no other list, 50.0 % shadowed by another, ");
	says(f, "c adds nothing to the other lists\n");
	assert_null(strstr(f->said.out, "b adds nothing"));
}

/* The lists' bytes add up to the image. */
static void test_bytes(void **state)
{
	struct fixture *f = *state;
	unsigned long sum = 0, all = 0;
	const char *at;

	keep(f, "a", "one.example\ntwo.example\nthree.example\n/^ad[0-9]/\n");
	keep(f, "b", "one.example\nfour.example\n||five.example^$dnstype=A\n");
	keep(f, "c", "one.example\n");
	survey(f, true, UPDATE_EXIT_WELL);
	for (at = f->said.out; (at = strstr(at, "\"image_bytes\":")) != NULL; at++)
		sum += strtoul(at + strlen("\"image_bytes\":"), NULL, 10);
	at = strstr(f->said.out, "\"bytes\":");
	assert_non_null(at);
	all = strtoul(at + strlen("\"bytes\":"), NULL, 10);
	assert_in_range(sum, all - 3, all); /* each is rounded down */
}

static void test_missing_copy(void **state)
{
	struct fixture *f = *state;

	keep(f, "b", "b.example\n");
	survey(f, false, UPDATE_EXIT_WELL);
	says(f, "a: there is no copy of it yet\n");
	says(f, "b: 1 rules");
	assert_null(strstr(f->said.out, "adds nothing"));
	survey(f, true, UPDATE_EXIT_WELL);
	says(f, "{\"name\":\"a\",\"reason\":\"there is no copy of it yet\",\"rules\":0");
}

static void test_age(void **state)
{
	struct fixture *f = *state;
	struct timespec times[2];

	keep(f, "a", "a.example\n");
	times[0].tv_nsec = times[1].tv_nsec = 0;
	times[0].tv_sec = times[1].tv_sec = time(NULL) - 3 * 86400 - 10;
	assert_int_equal(utimensat(AT_FDCWD, "state/lists/a.txt", times, 0), 0);
	survey(f, false, UPDATE_EXIT_WELL);
	says(f, ", 3 days old\n");
	times[1].tv_sec = time(NULL) + 86400; /* a clock that was wrong */
	assert_int_equal(utimensat(AT_FDCWD, "state/lists/a.txt", times, 0), 0);
	survey(f, false, UPDATE_EXIT_WELL);
	says(f, ", 0 seconds old\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_missing_copy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_age, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
