/* test_conf_file.c - the configuration file replaced: whole, with its rights, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tools/conf_file.h"

#define PATH "quell.conf"

static void open_file(struct conf_file *f, const char *path)
{
	struct why why = {""};

	if (conf_file_open(f, path, &why) != 0)
		fail_msg("%s", why.text);
}

static void assert_file(const char *path, const char *text)
{
	char found[256];

	(void)scratch_read(path, found, sizeof(found));
	assert_string_equal(found, text);
}

/* So nothing was left beside the files that are meant to be there. */
static void assert_n_files(unsigned n)
{
	DIR *dir = opendir(".");
	unsigned found = 0;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		found += entry->d_name[0] != '.';
	(void)closedir(dir);
	assert_int_equal(found, n);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_replace_keeps_mode(void **state)
{
	struct why why = {""};
	struct conf_file f;

	(void)state;
	scratch_write(PATH, "workers = 2\n");
	assert_int_equal(chmod(PATH, 0640), 0);
	open_file(&f, PATH);
	assert_true(f.exists);
	assert_string_equal(f.text, "workers = 2\n");
	assert_int_equal(conf_file_replace(&f, "workers = 3\n", &why), 0);
	conf_file_close(&f);
	assert_file(PATH, "workers = 3\n");
	assert_int_equal(mode_of(PATH), 0640);
	assert_n_files(1);
}

static void test_replace_keeps_owner(void **state)
{
	struct why why = {""};
	struct conf_file f;
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	scratch_write(PATH, "");
	assert_int_equal(chown(PATH, 12, 34), 0);
	open_file(&f, PATH);
	assert_int_equal(conf_file_replace(&f, "workers = 3\n", &why), 0);
	conf_file_close(&f);
	assert_int_equal(stat(PATH, &st), 0);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
}

static void test_a_new_file(void **state)
{
	struct why why = {""};
	struct conf_file f;

	(void)state;
	open_file(&f, PATH);
	assert_false(f.exists);
	assert_string_equal(f.text, "");
	assert_int_equal(conf_file_replace(&f, "workers = 3\n", &why), 0);
	conf_file_close(&f);
	assert_file(PATH, "workers = 3\n");
	assert_int_equal(mode_of(PATH), 0644);
}

static void test_links_are_followed(void **state)
{
	struct why why = {""};
	struct conf_file f;
	struct stat st;

	(void)state;
	assert_int_equal(mkdir("real", 0755), 0);
	scratch_write("real/file", "workers = 2\n");
	assert_int_equal(symlink("real/file", "link"), 0);
	assert_int_equal(symlink("link", PATH), 0);
	open_file(&f, PATH);
	assert_int_equal(conf_file_replace(&f, "workers = 3\n", &why), 0);
	conf_file_close(&f);
	assert_file("real/file", "workers = 3\n");
	assert_int_equal(lstat(PATH, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_n_files(3);

	assert_int_equal(unlink("real/file"), 0);
	assert_int_equal(conf_file_open(&f, PATH, &why), ERR_SYS);
	assert_string_equal(why.text, PATH ": this is a symbolic link that leads nowhere");
}

static void test_what_is_no_configuration_is_not_written(void **state)
{
	struct why why = {""};
	struct conf_file f;

	(void)state;
	scratch_write(PATH, "workers = 2\n");
	open_file(&f, PATH);
	assert_int_equal(conf_file_replace(&f, "workers = 0\n", &why), ERR_FORMAT);
	conf_file_close(&f);
	assert_file(PATH, "workers = 2\n");
	assert_n_files(1);
}

static void test_what_is_no_configuration_is_not_opened(void **state)
{
	struct why why = {""};
	struct conf_file f;

	(void)state;
	scratch_write(PATH, "workers = 2\n\nworker = 3\n");
	assert_int_equal(conf_file_open(&f, PATH, &why), ERR_FORMAT);
	assert_int_equal(strncmp(why.text, PATH ":3: ", 14), 0);
	scratch_write_bytes(PATH, "workers = 2\n\0x", 14);
	assert_int_equal(conf_file_open(&f, PATH, &why), ERR_FORMAT);
	assert_int_equal(conf_file_open(&f, "/dev/null", &why), ERR_FORMAT);
	assert_int_not_equal(conf_file_open(&f, ".", &why), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(conf_file_open(&f, "fifo", &why), ERR_FORMAT);
	assert_int_not_equal(conf_file_open(&f, PATH "/x", &why), 0);
}

static void test_somebody_else_was_faster(void **state)
{
	struct why why = {""};
	struct conf_file f;

	(void)state;
	scratch_write(PATH, "workers = 2\n");
	open_file(&f, PATH);
	scratch_write(PATH, "workers = 22\n");
	assert_int_equal(conf_file_replace(&f, "workers = 3\n", &why), ERR_TAKEN);
	conf_file_close(&f);
	assert_file(PATH, "workers = 22\n");

	assert_int_equal(unlink(PATH), 0);
	open_file(&f, PATH);
	scratch_write(PATH, "workers = 22\n");
	assert_int_equal(conf_file_replace(&f, "workers = 3\n", &why), ERR_TAKEN);
	conf_file_close(&f);
	assert_file(PATH, "workers = 22\n");
	assert_n_files(1);
}

static void test_no_folder(void **state)
{
	struct why why = {""};
	struct conf_file f;

	(void)state;
	open_file(&f, "none/" PATH);
	assert_int_equal(conf_file_replace(&f, "workers = 3\n", &why), ERR_SYS);
	assert_non_null(strstr(why.text, "No such file"));
	conf_file_close(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_replace_keeps_mode),
	    TEST(test_replace_keeps_owner),
	    TEST(test_a_new_file),
	    TEST(test_links_are_followed),
	    TEST(test_what_is_no_configuration_is_not_written),
	    TEST(test_what_is_no_configuration_is_not_opened),
	    TEST(test_somebody_else_was_faster),
	    TEST(test_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
