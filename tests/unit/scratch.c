/* scratch.c - the folder and the outputs. */
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static int start_fd = -1; /* the working directory before */
static int kept_out, kept_err;

int scratch_set_up(void **state)
{
	(void)state;
	start_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(start_fd >= 0);
	(void)snprintf(folder, sizeof(folder), "/tmp/quell-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int scratch_tear_down(void **state)
{
	(void)state;
	assert_int_equal(fchdir(start_fd), 0);
	(void)close(start_fd);
	assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	return 0;
}

void scratch_write_bytes(const char *name, const void *bytes, size_t len)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

void scratch_write(const char *name, const char *text)
{
	scratch_write_bytes(name, text, strlen(text));
}

size_t scratch_read(const char *name, char *text, size_t size)
{
	FILE *file = fopen(name, "re");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, size, file);
	assert_true(len < size);
	(void)fclose(file);
	text[len] = '\0';
	return len;
}

/* Let `fd` be a new file `name`; returns what it was. */
static int redirect(int fd, const char *name)
{
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int to = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(kept >= 0 && to >= 0);
	assert_int_equal(dup2(to, fd), fd);
	(void)close(to);
	return kept;
}

static void restore(int fd, int kept)
{
	assert_int_equal(dup2(kept, fd), fd);
	(void)close(kept);
}

void scratch_capture_begin(void)
{
	(void)fflush(NULL);
	kept_out = redirect(STDOUT_FILENO, "captured-out");
	kept_err = redirect(STDERR_FILENO, "captured-err");
}

void scratch_capture_end(struct scratch_output *said)
{
	(void)fflush(NULL);
	restore(STDOUT_FILENO, kept_out);
	restore(STDERR_FILENO, kept_err);
	(void)scratch_read("captured-out", said->out, sizeof(said->out));
	(void)scratch_read("captured-err", said->err, sizeof(said->err));
}
