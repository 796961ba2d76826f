/* test_update_local.c - files and folders, and the URLs that name them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tools/update_local.h"

static void assert_text(const char *path, size_t max, const char *wanted)
{
	struct why why;
	char *text;
	size_t len;

	if (update_local_read(path, max, &text, &len, &why) != 0)
		fail_msg("%s: %s", path, why.text);
	assert_int_equal(len, strlen(wanted));
	assert_string_equal(text, wanted);
	free(text);
}

static void assert_refused(const char *path, size_t max, int err, const char *part)
{
	struct why why;
	char *text;
	size_t len;

	assert_int_equal(update_local_read(path, max, &text, &len, &why), err);
	if (strstr(why.text, part) == NULL)
		fail_msg("'%s' is not in: %s", part, why.text);
}

static void test_path(void **state)
{
	char path[CONF_PATH_SIZE], url[CONF_PATH_SIZE + 64];

	(void)state;
	assert_true(update_local_path("file:///etc/a%20b", path));
	assert_string_equal(path, "/etc/a b");
	assert_true(update_local_path("FILE:///a/", path));
	assert_string_equal(path, "/a/");
	assert_false(update_local_path("http://host/a", path));
	assert_false(update_local_path("https://host/file:", path));
	assert_true(update_local_path("file:///a%00b", path)); /* no path, but of this machine */
	assert_string_equal(path, "");
	memset(url, 'a', sizeof(url));
	memcpy(url, "file:///", 8);
	url[sizeof(url) - 1] = '\0';
	assert_true(update_local_path(url, path));
	assert_string_equal(path, "");
}

static void test_file(void **state)
{
	(void)state;
	scratch_write("list", "a.example\n");
	assert_text("list", 10, "a.example\n");
	assert_refused("list", 9, ERR_RANGE, "larger than 9 B");
	assert_refused("none", 9, ERR_NOTFOUND, "none: No such file");
	assert_refused("", 9, ERR_NOTFOUND, "No such file");
	scratch_write("list", "");
	assert_text("list", 0, "");
	assert_return_code(mkfifo("pipe", 0600), errno); /* nobody ever writes to it */
	assert_refused("pipe", 9, ERR_FORMAT, "pipe: neither a file nor a folder");
	assert_refused("/dev/zero", 9, ERR_FORMAT, "neither a file nor a folder");
	assert_return_code(unlink("pipe"), errno); /* which the teardown does not know */
}

static void test_folder(void **state)
{
	(void)state;
	assert_return_code(mkdir("d", 0700), errno);
	assert_text("d", 100, "");
	scratch_write("d/b", "b.example");
	scratch_write("d/a", "a.example\n");
	scratch_write("d/C", "c.example\n\n");
	scratch_write("d/.a.swp", "hidden.example\n");
	scratch_write("d/empty", "");
	scratch_write("linked", "linked.example\n");
	assert_return_code(symlink("../linked", "d/z"), errno);
	assert_return_code(mkdir("d/aa", 0700), errno);
	scratch_write("d/aa/x", "deep.example\n");
	assert_return_code(mkfifo("d/fifo", 0600), errno);
	assert_text("d", 100, "c.example\n\na.example\nb.example\nlinked.example\n");
	assert_text("d/", 46, "c.example\n\na.example\nb.example\nlinked.example\n");
	assert_refused("d", 45, ERR_RANGE, "larger than 45 B");
	assert_return_code(symlink("gone", "d/link"), errno);
	assert_refused("d", 100, ERR_NOTFOUND, "d/link: No such file");
	assert_return_code(unlink("d/fifo"), errno); /* which the teardown does not know */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_path),
	    cmocka_unit_test_setup_teardown(test_file, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(test_folder, scratch_set_up, scratch_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
