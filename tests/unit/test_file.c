/* test_file.c - whole files and pipes, to the last byte and not beyond the bound. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_writes_and_reads_files),
	    cmocka_unit_test(test_reads_pipes),
	    cmocka_unit_test(test_reads_into_a_buffer),
	    cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
