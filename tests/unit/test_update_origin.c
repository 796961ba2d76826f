/* test_update_origin.c - of which lists an image is, put down beside it and read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/images.h"
#include "tests/unit/scratch.h"
#include "tools/update_origin.h"
#include "tools/update_store.h"

#define N_IMAGES 2

static uint8_t *images[N_IMAGES];
static size_t lens[N_IMAGES];
static struct origin origin, found;

static int set_up(void **state)
{
	static const char *const texts[N_IMAGES] = {"a.example\n", "b.example\n"};

	for (unsigned i = 0; i < N_IMAGES; i++) {
		images[i] = image_of_texts(&texts[i], 1, &lens[i]);
		assert_non_null(images[i]);
	}
	return scratch_set_up(state);
}

static int tear_down(void **state)
{
	for (unsigned i = 0; i < N_IMAGES; i++)
		free(images[i]);
	return scratch_tear_down(state);
}

static void name_them(const char *a, const char *b)
{
	origin.n = 0;
	origin_add(&origin, a);
	origin_add(&origin, b);
}

static void write_at(int dir_fd, const char *path, unsigned image)
{
	struct why why = {""};

	if (update_origin_write(dir_fd, path, images[image], lens[image], &origin, &why) != 0)
		fail_msg("%s", why.text);
}

static void read_at(int dir_fd, const char *path, unsigned image)
{
	found.n = 77;
	update_origin_read(dir_fd, path, images[image], lens[image], &found);
}

static void test_there_and_back(void **state)
{
	(void)state;
	read_at(AT_FDCWD, "image", 0);
	assert_int_equal(found.n, 0);
	name_them("ads", "tracking");
	write_at(AT_FDCWD, "image", 0);
	read_at(AT_FDCWD, "image", 0);
	assert_true(origin_same(&found, &origin));
	/* Beside the image, which is not there yet. */
	assert_int_equal(access("image" ORIGIN_SUFFIX, F_OK), 0);
	assert_int_equal(access("image", F_OK), -1);
	/* Of another image, and beside another, it says nothing. */
	read_at(AT_FDCWD, "image", 1);
	assert_int_equal(found.n, 0);
	read_at(AT_FDCWD, "other", 0);
	assert_int_equal(found.n, 0);
}

static void test_folder(void **state)
{
	int dir_fd;

	(void)state;
	assert_int_equal(mkdir("state", 0700), 0);
	dir_fd = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir_fd >= 0);
	name_them("ads", "tracking");
	write_at(dir_fd, "image", 0);
	read_at(dir_fd, "image", 0);
	assert_true(origin_same(&found, &origin));
	(void)close(dir_fd);
	assert_int_equal(access("state/image" ORIGIN_SUFFIX, F_OK), 0);
	assert_int_equal(access("image" ORIGIN_SUFFIX, F_OK), -1);
	read_at(AT_FDCWD, "state/image", 0);
	assert_true(origin_same(&found, &origin));
}

/* The image before is still known: it is image.previous by then. */
static void test_the_one_before(void **state)
{
	(void)state;
	name_them("ads", "tracking");
	write_at(AT_FDCWD, "image", 0);
	name_them("new", "ads");
	write_at(AT_FDCWD, "image", 1);
	read_at(AT_FDCWD, "image", 1);
	assert_true(origin_same(&found, &origin));
	read_at(AT_FDCWD, "image", 0);
	assert_int_equal(found.n, 2);
	assert_string_equal(found.name[0], "ads");
	assert_string_equal(found.name[1], "tracking");
}

/* What it says already is not written again: an SD card lives longer. */
static void test_the_same(void **state)
{
	struct stat before, after;
	uint64_t written;

	(void)state;
	name_them("ads", "tracking");
	write_at(AT_FDCWD, "image", 0);
	written = update_store_written();
	assert_int_equal(stat("image" ORIGIN_SUFFIX, &before), 0);
	write_at(AT_FDCWD, "image", 0);
	assert_int_equal(stat("image" ORIGIN_SUFFIX, &after), 0);
	assert_true(before.st_ino == after.st_ino);
	assert_true(update_store_written() == written);
	name_them("ads", "renamed");
	write_at(AT_FDCWD, "image", 0);
	assert_true(update_store_written() > written);
	read_at(AT_FDCWD, "image", 0);
	assert_true(origin_same(&found, &origin));
}

static void test_no_image(void **state)
{
	struct why why = {""};

	(void)state;
	name_them("ads", "tracking");
	write_at(AT_FDCWD, "image", 0);
	found.n = 77;
	update_origin_read(AT_FDCWD, "image", "text", 4, &found);
	assert_int_equal(found.n, 0);
	assert_true(update_origin_write(AT_FDCWD, "none", "text", 4, &origin, &why) < 0);
	assert_non_null(strstr(why.text, "none"));
	assert_int_equal(access("none" ORIGIN_SUFFIX, F_OK), -1);
}

/* A text that cannot be read is none, and a new one takes its place. */
static void test_no_text(void **state)
{
	char *text = malloc(ORIGIN_TEXT_MAX + 1);

	(void)state;
	assert_non_null(text);
	name_them("ads", "tracking");
	write_at(AT_FDCWD, "image", 0);
	/* Sound, but too long. */
	memset(text, '\n', ORIGIN_TEXT_MAX + 1);
	(void)scratch_read("image" ORIGIN_SUFFIX, text, ORIGIN_TEXT_MAX);
	text[strlen(text)] = '\n';
	scratch_write_bytes("image" ORIGIN_SUFFIX, text, ORIGIN_TEXT_MAX);
	read_at(AT_FDCWD, "image", 0);
	assert_true(origin_same(&found, &origin));
	scratch_write_bytes("image" ORIGIN_SUFFIX, text, ORIGIN_TEXT_MAX + 1);
	free(text);
	read_at(AT_FDCWD, "image", 0);
	assert_int_equal(found.n, 0);
	write_at(AT_FDCWD, "image", 0);
	read_at(AT_FDCWD, "image", 0);
	assert_true(origin_same(&found, &origin));
	scratch_write("image" ORIGIN_SUFFIX, "image ?\nlist x\n");
	read_at(AT_FDCWD, "image", 0);
	assert_int_equal(found.n, 0);
}

static void test_no_folder(void **state)
{
	struct why why = {""};

	(void)state;
	name_them("ads", "tracking");
	assert_int_equal(
	    update_origin_write(AT_FDCWD, "none/image", images[0], lens[0], &origin, &why),
	    ERR_SYS);
	assert_non_null(strstr(why.text, "none/image"));
}

/* The text would stand at a path that is too long, and nothing is written to a shorter one. */
static void test_too_long(void **state)
{
	char path[CONF_PATH_SIZE];
	struct why why = {""};
	size_t len = 0;

	(void)state;
	for (; len + 2 + sizeof("image") <= sizeof(path); len += 2)
		memcpy(path + len, "./", 2);
	memcpy(path + len, "image", sizeof("image"));
	assert_int_equal(
	    update_origin_write(AT_FDCWD, path, images[0], lens[0], &origin, &why), ERR_RANGE);
	assert_non_null(strstr(why.text, "too long"));
	assert_int_equal(access(path, F_OK), -1);
	read_at(AT_FDCWD, path, 0);
	assert_int_equal(found.n, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_there_and_back),
	    TEST(test_folder),
	    TEST(test_the_one_before),
	    TEST(test_the_same),
	    TEST(test_no_image),
	    TEST(test_no_text),
	    TEST(test_no_folder),
	    TEST(test_too_long),
	};

	return cmocka_run_group_tests_name("update_origin", tests, NULL, NULL);
}
