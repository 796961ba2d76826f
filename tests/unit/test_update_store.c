/* test_update_store.c - the state folder after each step, and after one cut off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/images.h"
#include "tools/update_store.h"

struct fixture {
	char dir[64];
	char state[80];
	struct update_store store;
	struct why why;
};

static void path_of(const struct fixture *f, const char *name, char path[128])
{
	assert_true(snprintf(path, 128, "%s/%s", f->state, name) < 128);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/quell-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->state, sizeof(f->state), "%s/deep/state", f->dir);
	assert_int_equal(update_store_open(&f->store, f->state, &f->why), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"image", "image.previous", "image.previous.tmp",
	    "image.tmp", "update.lock", "lists/a.txt", "lists/a.txt.tmp"};
	struct fixture *f = *state;
	char path[128];

	update_store_close(&f->store, true);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(f, names[i], path);
		unlink(path);
	}
	path_of(f, "lists", path);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(f->state), 0);
	*strrchr(f->state, '/') = '\0'; /* its parent was made too */
	assert_int_equal(rmdir(f->state), 0);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

/* An image that blocks `name`. */
static uint8_t *image_of(const char *name, size_t *len)
{
	uint8_t *image = image_of_texts(&name, 1, len);

	assert_non_null(image);
	return image;
}

static void install(struct fixture *f, const char *name)
{
	size_t len;
	uint8_t *image = image_of(name, &len);

	assert_int_equal(update_store_install(&f->store, image, len, &f->why), 0);
	free(image);
}

static bool exists(const struct fixture *f, const char *name)
{
	char path[128];

	path_of(f, name, path);
	return access(path, F_OK) == 0;
}

/* Is the file `file` the image that blocks `name`? */
static bool file_is(struct fixture *f, const char *file, const char *name)
{
	size_t len, found_len;
	uint8_t *image = image_of(name, &len);
	char path[128];
	char *found;
	bool same;

	path_of(f, file, path);
	if (update_store_read_at(AT_FDCWD, path, 1000000, &found, &found_len, &f->why) != 0) {
		free(image);
		return false;
	}
	same = len == found_len && memcmp(image, found, len) == 0;
	free(image);
	free(found);
	return same;
}

static void test_install(void **state)
{
	struct fixture *f = *state;

	install(f, "one.example\n");
	assert_true(file_is(f, "image", "one.example\n"));
	assert_false(exists(f, "image.previous"));
	install(f, "two.example\n");
	assert_true(file_is(f, "image", "two.example\n"));
	assert_true(file_is(f, "image.previous", "one.example\n"));
	install(f, "two.example\n"); /* the same once more must not push out what was before */
	assert_true(file_is(f, "image.previous", "one.example\n"));
	assert_false(exists(f, "image.tmp"));
	assert_false(exists(f, "image.previous.tmp"));
}

/* What is there is no image, but a file with a hole behind it, or a pipe: neither is read to its end. */
static void test_install_over_damage(void **state)
{
	struct fixture *f = *state;
	struct rusage before, after;
	char path[128];

	path_of(f, "image", path);
	install(f, "one.example\n");
	assert_int_equal(truncate(path, 512 << 20), 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	install(f, "two.example\n");
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 128 << 10); /* KiB */
	assert_true(file_is(f, "image", "two.example\n"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0);
	(void)alarm(20);
	install(f, "three.example\n");
	(void)alarm(0);
	assert_true(file_is(f, "image", "three.example\n"));
	assert_false(exists(f, "image.previous"));
}

/* Killed between the two renames: image and image.previous are one file. */
static void test_install_after_half_a_swap(void **state)
{
	struct fixture *f = *state;
	char image[128], previous[128];

	install(f, "one.example\n");
	path_of(f, "image", image);
	path_of(f, "image.previous", previous);
	assert_int_equal(link(image, previous), 0);
	install(f, "two.example\n");
	assert_true(file_is(f, "image", "two.example\n"));
	assert_true(file_is(f, "image.previous", "one.example\n"));
	assert_false(exists(f, "image.previous.tmp"));
}

static void test_install_refuses_what_is_no_image(void **state)
{
	struct fixture *f = *state;

	install(f, "one.example\n");
	assert_int_equal(
	    update_store_install(&f->store, (const uint8_t *)"no image", 8, &f->why), ERR_FORMAT);
	assert_true(file_is(f, "image", "one.example\n"));
	assert_false(exists(f, "image.tmp"));
}

static void test_has_image(void **state)
{
	struct fixture *f = *state;
	size_t len;
	uint8_t *image = image_of("one.example\n", &len);

	assert_false(update_store_has_image(&f->store, image, len));
	install(f, "one.example\n");
	assert_true(update_store_has_image(&f->store, image, len));
	assert_false(update_store_has_image(&f->store, image, len - 1));
	image[len - 1] ^= 1;
	assert_false(update_store_has_image(&f->store, image, len));
	free(image);
}

static void test_lists(void **state)
{
	struct fixture *f = *state;
	char *text;
	size_t len;

	assert_int_equal(update_store_read(&f->store, "a", &text, &len, &f->why), ERR_NOTFOUND);
	assert_int_equal(update_store_keep(&f->store, "a", "one\n", 4, &f->why), 0);
	assert_true(update_store_has(&f->store, "a", "one\n", 4));
	assert_false(update_store_has(&f->store, "a", "one\n\n", 5));
	assert_false(update_store_has(&f->store, "a", "one", 3));
	assert_false(update_store_has(&f->store, "a", "two\n", 4));
	assert_false(update_store_has(&f->store, "a", "", 0));
	assert_false(update_store_has(&f->store, "b", "one\n", 4));
	assert_false(update_store_has(&f->store, "b", "", 0));
	assert_int_equal(update_store_keep(&f->store, "a", "three\n", 6, &f->why), 0);
	assert_int_equal(update_store_read(&f->store, "a", &text, &len, &f->why), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(text, "three\n", 6);
	free(text);
	assert_false(exists(f, "lists/a.txt.tmp"));
}

/* Another process tries, and is told who holds the lock. */
static void test_lock(void **state)
{
	struct fixture *f = *state;
	struct update_store other;
	char pid[32];
	pid_t child = fork();
	int status;

	assert_return_code(child, errno);
	snprintf(pid, sizeof(pid), "process %ld", (long)getppid());
	if (child == 0)
		_exit(update_store_open(&other, f->state, &f->why) == ERR_TAKEN &&
			      strstr(f->why.text, pid) != NULL &&
			      strstr(f->why.text, f->state) != NULL
			  ? 0
			  : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(update_store_open(&other, f->state, &f->why), ERR_TAKEN);
}

static void reopen(struct fixture *f, bool done)
{
	update_store_close(&f->store, done);
	assert_int_equal(update_store_open(&f->store, f->state, &f->why), 0);
}

static void test_interrupted(void **state)
{
	struct fixture *f = *state;

	assert_false(f->store.interrupted);
	reopen(f, false); /* it has changed nothing */
	assert_false(f->store.interrupted);
	install(f, "one.example\n");
	reopen(f, true);
	assert_false(f->store.interrupted);
	install(f, "two.example\n");
	reopen(f, false);
	assert_true(f->store.interrupted);
	reopen(f, false); /* and quelld was not told yet */
	assert_true(f->store.interrupted);
	reopen(f, true);
	assert_false(f->store.interrupted);
}

/* What is whole stays whole: a temporary file in the way, or no room. */
static void test_write_at(void **state)
{
	struct fixture *f = *state;
	uint64_t written = update_store_written();
	char path[128], *text;
	size_t len;

	assert_int_equal(update_store_write_at(f->store.lists_fd, "a.txt", "one\n", 4, &f->why), 0);
	assert_int_equal(update_store_written(), written + 4);
	path_of(f, "lists/a.txt.tmp", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(
	    update_store_write_at(f->store.lists_fd, "a.txt", "two\n", 4, &f->why), ERR_SYS);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(update_store_written(), written + 4);
	assert_int_equal(update_store_read(&f->store, "a", &text, &len, &f->why), 0);
	assert_string_equal(text, "one\n");
	free(text);
	assert_int_equal(
	    update_store_check_space(f->store.dir_fd, "x", (uint64_t)1 << 60, &f->why), ERR_SYS);
	assert_non_null(strstr(f->why.text, "are free"));
	assert_int_equal(update_store_check_space(f->store.dir_fd, "x", 1, &f->why), 0);
}

static void test_adopt(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(update_store_keep(&f->store, "a", "one\n", 4, &f->why), 0);
	assert_int_equal(
	    update_store_write_at(f->store.lists_fd, "a.part", "two\n", 4, &f->why), 0);
	assert_int_equal(update_store_adopt(&f->store, "a", "a.part", &f->why), 0);
	assert_true(update_store_has(&f->store, "a", "two\n", 4));
	assert_false(exists(f, "lists/a.part"));
	assert_int_equal(update_store_adopt(&f->store, "a", "a.part", &f->why), ERR_SYS);
	assert_true(update_store_has(&f->store, "a", "two\n", 4));
}

static void test_look(void **state)
{
	struct fixture *f = *state;
	struct update_store look;
	char *text;
	size_t len;

	assert_int_equal(update_store_keep(&f->store, "a", "one\n", 4, &f->why), 0);
	update_store_look(&look, f->state); /* in spite of the lock */
	assert_int_equal(update_store_read(&look, "a", &text, &len, &f->why), 0);
	free(text);
	update_store_close(&look, true);

	update_store_look(&look, "/nonexistent/folder");
	assert_int_equal(update_store_read(&look, "a", &text, &len, &f->why), ERR_NOTFOUND);
	assert_false(update_store_has_image(&look, (const uint8_t *)"", 0));
	update_store_close(&look, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_install, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_install_over_damage, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_install_after_half_a_swap, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_install_refuses_what_is_no_image, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_has_image, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lock, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_write_at, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_look, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
