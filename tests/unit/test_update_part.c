/* test_update_part.c - a text that comes in pieces, beside a kept copy of the same, a similar, or no text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tools/update_part.h"
#include "tools/update_store.h"

#define MAX 200000
#define URL "http://lists.example/"

struct fixture {
	int lists_fd;
	struct update_part part;
	struct update_seen seen; /* with a strong validator */
	struct why why;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_set_up(NULL);
	assert_return_code(mkdir("lists", 0700), errno);
	f->lists_fd = open("lists", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_return_code(f->lists_fd, errno);
	f->seen = (struct update_seen){.url = URL, .from = URL, .etag = "\"1\""};
	update_part_open(&f->part, f->lists_fd, "a", false, MAX);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	update_part_close(&f->part);
	assert_int_not_equal(access("lists/a.part", F_OK), 0);
	close(f->lists_fd);
	scratch_tear_down(NULL);
	free(f);
	return 0;
}

static void open_anew(struct fixture *f, const char *kept, bool dry)
{
	update_part_close(&f->part);
	if (kept != NULL)
		scratch_write("lists/a.txt", kept);
	update_part_open(&f->part, f->lists_fd, "a", dry, MAX);
}

static void take(struct fixture *f, const char *text)
{
	if (update_part_take(&f->part, text, strlen(text), &f->why) != 0)
		fail_msg("%s", f->why.text);
}

static void assert_has(struct fixture *f, const char *wanted)
{
	char *text;
	size_t len;

	assert_int_equal(update_part_read(&f->part, &text, &len, &f->why), 0);
	assert_int_equal(len, strlen(wanted));
	assert_string_equal(text, wanted);
	free(text);
}

static bool is_written(void)
{
	return access("lists/a.part", F_OK) == 0;
}

static void test_first_copy(void **state)
{
	struct fixture *f = *state;

	assert_has(f, "");
	assert_false(update_part_is(&f->part, UPDATE_HERE_KEPT));
	take(f, "one\n");
	take(f, "two\n");
	assert_true(is_written());
	assert_has(f, "one\ntwo\n");
	take(f, "three\n"); /* reading does not move the end */
	assert_has(f, "one\ntwo\nthree\n");
	assert_false(update_part_is(&f->part, UPDATE_HERE_KEPT));
}

static void test_same(void **state)
{
	struct fixture *f = *state;
	uint64_t written = update_store_written();

	open_anew(f, "one\ntwo\n", false);
	take(f, "on");
	assert_has(f, "on");
	take(f, "e\ntwo");
	assert_false(update_part_is(&f->part, UPDATE_HERE_KEPT));
	take(f, "\n");
	assert_true(update_part_is(&f->part, UPDATE_HERE_KEPT));
	assert_has(f, "one\ntwo\n");
	assert_false(is_written());
	assert_int_equal(update_store_written(), written);
	take(f, "x");
	assert_false(update_part_is(&f->part, UPDATE_HERE_KEPT));
	assert_has(f, "one\ntwo\nx");
	open_anew(f, "", false);
	assert_true(update_part_is(&f->part, UPDATE_HERE_KEPT));
}

/* The first other byte is at each place of the text, and of the pieces that it comes in. */
static void test_other(void **state)
{
	static const char kept[] = "0123456789";
	struct fixture *f = *state;
	char text[sizeof(kept)];

	for (size_t at = 0; at < 10; at++) {
		for (size_t piece = 1; piece <= 10; piece++) {
			memcpy(text, kept, sizeof(text));
			text[at] = 'x';
			open_anew(f, kept, false);
			for (size_t i = 0; i < 10; i += piece)
				assert_int_equal(update_part_take(&f->part, text + i,
						     10 - i < piece ? 10 - i : piece, &f->why),
				    0);
			assert_true(is_written());
			assert_false(update_part_is(&f->part, UPDATE_HERE_KEPT));
			assert_has(f, text);
		}
	}
}

/* Longer than what is compared and copied at a time. */
static void test_long(void **state)
{
	static char text[150001];
	struct fixture *f = *state;
	char *found;
	size_t len;

	memset(text, 'a', sizeof(text) - 1);
	open_anew(f, text, false);
	text[149999] = 'b';
	take(f, text);
	assert_int_equal(update_part_read(&f->part, &found, &len, &f->why), 0);
	assert_int_equal(len, 150000);
	assert_memory_equal(found, text, len);
	free(found);
}

static void test_too_large(void **state)
{
	static char text[MAX];
	struct fixture *f = *state;

	memset(text, 'a', sizeof(text));
	assert_int_equal(update_part_take(&f->part, text, MAX, &f->why), 0);
	assert_int_equal(update_part_take(&f->part, "x", 1, &f->why), ERR_RANGE);
	assert_non_null(strstr(f->why.text, "larger than 200.0 kB"));
}

static void test_no_room(void **state)
{
	struct fixture *f = *state;

	f->part.expected = (uint64_t)1 << 60;
	assert_int_equal(update_part_take(&f->part, "x", 1, &f->why), ERR_SYS);
	assert_non_null(strstr(f->why.text, "No space left"));
}

static void test_restart(void **state)
{
	struct fixture *f = *state;

	open_anew(f, "one\n", false);
	take(f, "two\n");
	update_part_restart(&f->part);
	assert_false(is_written());
	assert_has(f, "");
	take(f, "one\n");
	assert_true(update_part_is(&f->part, UPDATE_HERE_KEPT));
}

static void save(struct fixture *f)
{
	if (update_part_save(&f->part, &f->seen, &f->why) != 0)
		fail_msg("%s", f->why.text);
}

static bool resume(struct fixture *f, const char *url)
{
	struct update_seen seen;

	return update_part_resume(&f->part, url, &seen) && strcmp(seen.etag, "\"1\"") == 0 &&
	       seen.bytes == f->part.bytes;
}

static void test_resume(void **state)
{
	struct fixture *f = *state;

	assert_false(resume(f, URL));
	take(f, "one\n");
	save(f);
	open_anew(f, NULL, false);
	assert_true(is_written());
	assert_true(resume(f, URL));
	take(f, "two\n");
	assert_has(f, "one\ntwo\n");
	update_part_close(&f->part);
	assert_false(is_written());
	assert_int_not_equal(access("lists/a.part-seen", F_OK), 0);
}

/* What was the same as the kept copy is part of it too. */
static void test_resume_of_the_same(void **state)
{
	struct fixture *f = *state;

	open_anew(f, "one\ntwo\n", false);
	take(f, "one\n");
	save(f);
	open_anew(f, NULL, false);
	assert_true(resume(f, URL));
	take(f, "three\n");
	assert_has(f, "one\nthree\n");
}

static void test_no_resume(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 6; i++) {
		struct update_seen weak = f->seen;

		open_anew(f, NULL, false);
		take(f, "one\n");
		(void)snprintf(weak.etag, sizeof(weak.etag), "W/\"1\"");
		if (i == 0)
			assert_int_equal(update_part_save(&f->part, &weak, &f->why), 0);
		else
			save(f);
		if (i == 1)
			scratch_write("lists/a.part", "One\n");
		if (i == 2)
			scratch_write("lists/a.part", "one\nt");
		if (i == 3)
			scratch_write("lists/a.part", "one");
		if (i == 4)
			assert_return_code(unlink("lists/a.part"), errno);
		open_anew(f, NULL, false);
		assert_false(resume(f, i == 5 ? "http://other.example/" : URL));
		assert_false(is_written());
		assert_has(f, "");
	}
}

/* Beside three texts: as long as one of them has what comes, nothing is written. */
static void test_same_as_any(void **state)
{
	static const char *const files[] = {"lists/a.txt", "lists/a.held", "lists/a.back"};
	static const char *const texts[] = {"one\ntwo\n", "one\nthree\n", "one\ntwo\nfour\n"};
	struct fixture *f = *state;

	for (unsigned i = 0; i < UPDATE_HERES; i++)
		scratch_write(files[i], texts[i]);
	for (unsigned i = 0; i < UPDATE_HERES; i++) {
		open_anew(f, NULL, false);
		take(f, "one\nt");
		assert_has(f, "one\nt");
		take(f, texts[i] + 5);
		assert_false(is_written());
		assert_has(f, texts[i]);
		for (unsigned k = 0; k < UPDATE_HERES; k++)
			assert_int_equal(update_part_is(&f->part, k), k == i);
		open_anew(f, NULL, false);
		update_part_set(&f->part, i);
		assert_has(f, texts[i]);
		assert_true(update_part_is(&f->part, i));
		update_part_restart(&f->part);
		take(f, "one\n");
		take(f, texts[i] + 4);
		take(f, "x");
		assert_true(is_written());
		assert_int_equal(f->part.bytes, strlen(texts[i]) + 1);
		assert_false(update_part_is(&f->part, i));
	}
	open_anew(f, NULL, false);
	take(f, "one\ntwo\nfive\n");
	assert_has(f, "one\ntwo\nfive\n");
}

/* A run that is killed closes nothing and saves nothing. */
static void be_killed(struct fixture *f)
{
	close(f->part.fd);
	f->part.fd = -1;
	open_anew(f, NULL, false);
}

static void test_resume_after_a_kill(void **state)
{
	static char text[1 << 18];
	struct update_seen seen;
	struct fixture *f = *state;
	uint64_t written;

	memset(text, 'a', sizeof(text));
	f->part.max_bytes = 4 * sizeof(text);
	assert_int_equal(update_part_take(&f->part, text, sizeof(text) - 1, &f->why), 0);
	update_part_note(&f->part, &f->seen); /* it is not worth it yet */
	assert_int_not_equal(access("lists/a.part-seen", F_OK), 0);
	take(f, "b");
	update_part_note(&f->part, &f->seen);
	assert_int_equal(access("lists/a.part-seen", F_OK), 0);
	take(f, "c");
	written = update_store_written();
	update_part_note(&f->part, &f->seen); /* once is enough */
	assert_int_equal(update_store_written(), written);
	be_killed(f);
	f->part.max_bytes = 4 * sizeof(text);
	assert_true(update_part_resume(&f->part, URL, &seen));
	assert_string_equal(seen.etag, "\"1\"");
	assert_int_equal(f->part.bytes, sizeof(text) + 1);
	take(f, "d");
	be_killed(f); /* and larger by now than may be */
	assert_false(update_part_resume(&f->part, URL, &seen));
	assert_false(is_written());
	assert_int_not_equal(access("lists/a.part-seen", F_OK), 0);
}

/* After the machine was started anew, what was not synced may be lost. */
static void test_no_resume_after_a_start(void **state)
{
	struct fixture *f = *state;

	take(f, "one\n");
	be_killed(f);
	(void)snprintf(f->seen.boot, sizeof(f->seen.boot), "00000000");
	assert_int_equal(update_seen_write(f->lists_fd, "a.part-seen", &f->seen, NULL), 0);
	assert_false(resume(f, URL));
	assert_false(is_written());
}

static bool is_b(void *ctx, const char *name)
{
	++*(unsigned *)ctx;
	return strcmp(name, "b") == 0;
}

static void test_sweep(void **state)
{
	static const char *const swept[] = {"a.part", "a.part-seen", "b.txt.part"};
	static const char *const stay[] = {
	    "b.part", "b.part-seen", "a.txt", "a.held", "part", ".part", "b.parts", "a.part.txt"};
	struct fixture *f = *state;
	unsigned n_asked = 0;
	char path[64];

	for (size_t i = 0; i < sizeof(swept) / sizeof(swept[0]); i++) {
		(void)snprintf(path, sizeof(path), "lists/%s", swept[i]);
		scratch_write(path, "x");
	}
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++) {
		(void)snprintf(path, sizeof(path), "lists/%s", stay[i]);
		scratch_write(path, "x");
	}
	update_part_sweep(f->lists_fd, is_b, &n_asked);
	assert_int_equal(n_asked, 5);
	for (size_t i = 0; i < sizeof(swept) / sizeof(swept[0]); i++)
		assert_int_not_equal(faccessat(f->lists_fd, swept[i], F_OK, 0), 0);
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		assert_int_equal(faccessat(f->lists_fd, stay[i], F_OK, 0), 0);
}

/* What one has set aside, another does not get; and it is given back. */
static void test_room(void **state)
{
	struct fixture *f = *state;
	struct update_part other;

	f->part.expected = 100000;
	take(f, "one\n");
	assert_int_equal(f->part.reserved, 100000 - 4);
	update_store_reserve((uint64_t)1 << 60);
	update_part_open(&other, f->lists_fd, "b", false, MAX);
	assert_int_equal(update_part_take(&other, "x", 1, &f->why), ERR_SYS);
	assert_non_null(strstr(f->why.text, "No space left"));
	update_part_close(&other);
	take(f, "two\n"); /* its own is its own */
	update_store_release((uint64_t)1 << 60);
	update_part_open(&other, f->lists_fd, "b", false, MAX);
	assert_int_equal(update_part_take(&other, "x", 1, &f->why), 0);
	update_part_close(&other);
}

static void test_rename(void **state)
{
	struct fixture *f = *state;
	char file[UPDATE_PART_FILE_SIZE], text[64];

	open_anew(f, "one\ntwo\n", false);
	take(f, "one\n"); /* shorter than the kept copy: nothing is on the disk yet */
	assert_int_equal(update_part_sync(&f->part, &f->why), 0);
	update_part_file(&f->part, file);
	assert_return_code(renameat(f->lists_fd, file, f->lists_fd, "a.txt"), errno);
	update_part_close(&f->part);
	(void)scratch_read("lists/a.txt", text, sizeof(text));
	assert_string_equal(text, "one\n");
}

static void test_dry(void **state)
{
	struct fixture *f = *state;
	uint64_t written = update_store_written();

	open_anew(f, "one\ntwo\n", true);
	take(f, "one\nother\n");
	assert_has(f, "one\nother\n");
	assert_false(is_written());
	assert_false(resume(f, URL));
	assert_int_equal(update_store_written(), written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_first_copy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_same, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_other, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_resume_of_the_same, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_resume, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_same_as_any, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_resume_after_a_kill, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_resume_after_a_start, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_room, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rename, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_dry, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
