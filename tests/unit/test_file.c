/* test_file.c - whole files and pipes, to the last byte and not beyond the bound. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/file.h"

static void test_writes_and_reads_files(void **state)
{
	enum { N = 300000 };
	char path[] = "/tmp/test_file.XXXXXX", *text, *bytes = malloc(N);
	int fd = mkstemp(path);
	struct why why;
	size_t len;

	(void)state;
	assert_non_null(bytes);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < N; i++)
		bytes[i] = (char)('a' + i % 23);
	assert_int_equal(file_write(fd, "f", bytes, N, &why), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read(fd, "f", SIZE_MAX / 2, &text, &len, &why), 0);
	assert_int_equal(len, N);
	assert_memory_equal(text, bytes, N);
	assert_int_equal(text[N], 0);
	free(text);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read(fd, "f", N, &text, &len, &why), 0);
	free(text);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read(fd, "f", N - 1, &text, &len, &why), ERR_RANGE);
	assert_ptr_equal(strstr(why.text, "f: "), why.text);
	close(fd);
	unlink(path);
	free(bytes);
}

static void test_reads_pipes(void **state)
{
	struct why why;
	int fds[2];
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "a.example\n", 10), 10);
	close(fds[1]);
	assert_int_equal(file_read(fds[0], "p", 100, &text, &len, &why), 0);
	assert_int_equal(len, 10);
	assert_string_equal(text, "a.example\n");
	free(text);
	assert_int_equal(file_read(fds[0], "p", 100, &text, &len, &why), 0);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
	free(text);
	close(fds[0]);
	assert_int_equal(file_read(-1, "gone", 100, &text, &len, &why), ERR_SYS);
	assert_ptr_equal(strstr(why.text, "gone: "), why.text);
}

/* Long, short, empty, too long, and then one that fits again. */
static void test_reads_into_a_buffer(void **state)
{
	static const size_t lens[] = {70000, 10, 0, 200000, 99999};
	struct file_buffer buffer = {NULL, 0};
	char path[] = "/tmp/test_file.XXXXXX";
	int fd = mkstemp(path);
	size_t len;

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		char *bytes = malloc(lens[i] + 1);

		assert_non_null(bytes);
		memset(bytes, (int)('a' + i), lens[i]);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, bytes, lens[i], 0), lens[i]);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		if (lens[i] > 100000) {
			assert_int_equal(
			    file_read_into(&buffer, fd, "f", 100000, &len, NULL), ERR_RANGE);
		} else {
			assert_int_equal(file_read_into(&buffer, fd, "f", 100000, &len, NULL), 0);
			assert_int_equal(len, lens[i]);
			assert_memory_equal(buffer.bytes, bytes, len);
			assert_int_equal(buffer.bytes[len], 0);
		}
		free(bytes);
	}
	free(buffer.bytes);
	close(fd);
	unlink(path);
}

static void test_full_disk(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct why why;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(file_write(fd, "full", "x", 1, &why), ERR_SYS);
	assert_ptr_equal(strstr(why.text, "full: "), why.text);
	assert_int_equal(file_write(fd, "full", NULL, 0, &why), 0);
	close(fd);
}

static void test_replaces(void **state)
{
	char folder[] = "/tmp/test_file.XXXXXX", path[64], temp[64], other[64], text[16];
	static char too_long[PATH_MAX];
	struct why why;
	struct stat st;
	int old;

	(void)state;
	memset(too_long, '/', sizeof(too_long) - 1);
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	(void)snprintf(temp, sizeof(temp), "%s/file.new", folder);
	(void)snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(file_replace(path, 0600, "old", 3, &why), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	old = open(path, O_RDONLY);
	assert_true(old >= 0);
	/* What an end in the middle has left is not written through. */
	assert_int_equal(symlink(other, temp), 0);
	assert_int_equal(file_replace(path, 0600, "newer", 5, &why), 0);
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(access(temp, F_OK), -1);
	assert_int_equal(read(old, text, sizeof(text)), 3);
	assert_memory_equal(text, "old", 3);
	close(old);
	old = open(path, O_RDONLY);
	assert_int_equal(read(old, text, sizeof(text)), 5);
	assert_memory_equal(text, "newer", 5);
	close(old);
	/* Where it cannot be done nothing is left. */
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(file_replace(other, 0600, "x", 1, &why), ERR_SYS);
	assert_non_null(strstr(why.text, "/other"));
	(void)snprintf(temp, sizeof(temp), "%s/other.new", folder);
	assert_int_equal(access(temp, F_OK), -1);
	(void)snprintf(temp, sizeof(temp), "%s/nowhere/file", folder);
	assert_int_equal(file_replace(temp, 0600, "x", 1, &why), ERR_SYS);
	assert_int_equal(file_replace(too_long, 0600, "x", 1, &why), ERR_SYS);
	assert_int_equal(rmdir(other), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_writes_and_reads_files),
	    cmocka_unit_test(test_reads_pipes),
	    cmocka_unit_test(test_reads_into_a_buffer),
	    cmocka_unit_test(test_full_disk),
	    cmocka_unit_test(test_replaces),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
