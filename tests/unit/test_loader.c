/* test_loader.c - a job from its files to the sealed image, and children that crash, hang and
 * lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocklists/trie.h"
#include "resolver/io/timer.h"
#include "resolver/loader.h"

/* ---- what the child does instead of sending its result (linked with --wrap) ---- */

static enum { HONEST, EXITS, CRASHES, HANGS, OTHER_TYPE, SHORT, LONG, WRONG_LENGTH, NO_END } child;
static int extra_fd = -1; /* sent along with the result; one that the child has */

int __real_channel_send(
    int channel, enum channel_type type, uint32_t serial, const void *payload, size_t len, int fd);
int __wrap_channel_send(
    int channel, enum channel_type type, uint32_t serial, const void *payload, size_t len, int fd);

int __wrap_channel_send(
    int channel, enum channel_type type, uint32_t serial, const void *payload, size_t len, int fd)
{
	struct {
		struct channel_loaded loaded;
		char more;
	} m;

	if (type != CHANNEL_LOADED || len != sizeof(m.loaded) || fd != -1)
		_exit(4);
	memset(&m, 0, sizeof(m));
	memcpy(&m.loaded, payload, len);
	switch (child) {
	case HONEST:
		break;
	case EXITS:
		_exit(3);
	case CRASHES:
		(void)raise(SIGKILL);
		break;
	case HANGS:
		for (;;)
			(void)pause();
	case OTHER_TYPE:
		type = CHANNEL_SWAPPED;
		break;
	case SHORT:
		len--;
		break;
	case LONG:
		len = sizeof(m);
		break;
	case WRONG_LENGTH:
		m.loaded.image_len++;
		break;
	case NO_END:
		m.loaded.err = ERR_FORMAT;
		memset(m.loaded.text, 'x', sizeof(m.loaded.text));
		break;
	}
	return __real_channel_send(channel, type, serial, &m, len, extra_fd);
}

/* The job's limit comes at once where a test wants so. */
static bool no_time;
static unsigned n_limits; /* timers of LOADER_LIMIT_S that were started */

int __real_event_add(struct event *ev, const struct timeval *wait);
int __wrap_event_add(struct event *ev, const struct timeval *wait);

int __wrap_event_add(struct event *ev, const struct timeval *wait)
{
	static const struct timeval now;

	if (wait == NULL || ((const union timer_wait *)wait)->s != LOADER_LIMIT_S)
		return __real_event_add(ev, wait);
	n_limits++;
	return __real_event_add(ev, no_time ? &now : wait);
}

/* ---- a loader and its files ---- */

struct fixture {
	struct event_base *base;
	struct loader *loader;
	char dir[64];
	char paths[4][128];
	unsigned n_paths, n_fds;
	/* --- the result --- */
	unsigned n_done;
	struct channel_loaded loaded;
	int fd;
};

/* How many descriptors this process has. */
static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	assert_int_equal(closedir(dir), 0);
	return n;
}

static void on_done(void *ctx, const struct channel_loaded *loaded, int fd)
{
	struct fixture *f = ctx;

	f->n_done++;
	f->loaded = *loaded;
	f->fd = fd;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	child = HONEST;
	extra_fd = -1;
	no_time = false;
	n_limits = 0;
	f->fd = -1;
	f->base = event_base_new();
	f->loader = loader_new(f->base, on_done, f);
	assert_non_null(f->loader);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_loader-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->n_fds = count_fds();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->fd >= 0)
		assert_int_equal(close(f->fd), 0);
	assert_int_equal(count_fds(), f->n_fds);
	for (unsigned i = 0; i < f->n_paths; i++)
		assert_int_equal(unlink(f->paths[i]), 0);
	assert_int_equal(rmdir(f->dir), 0);
	loader_free(f->loader);
	event_base_free(f->base);
	/* No child is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	free(f);
	return 0;
}

static const char *new_path(struct fixture *f, const char *name)
{
	char *path = f->paths[f->n_paths++];

	(void)snprintf(path, sizeof(f->paths[0]), "%s/%s", f->dir, name);
	return path;
}

static const char *write_file(struct fixture *f, const char *name, const void *bytes, size_t len)
{
	const char *path = new_path(f, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	return path;
}

static const char *write_text(struct fixture *f, const char *name, const char *text)
{
	return write_file(f, name, text, strlen(text));
}

/* Begin a job; the paths are gone when loader_start() has returned. */
static int start(struct fixture *f, unsigned n, const char *const *paths, struct why *why)
{
	char copies[3][128];
	const char *list[3] = {copies[0], copies[1], copies[2]};
	struct loader_job job = {.paths = list, .n = n};
	int err;

	assert_true(n <= 3);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(copies[i], sizeof(copies[i]), "%s", paths[i]);
	f->n_done = 0;
	if (f->fd >= 0)
		assert_int_equal(close(f->fd), 0);
	f->fd = -1;
	err = loader_start(f->loader, &job, why);
	memset(copies, 'z', sizeof(copies));
	memset(list, 0, sizeof(list));
	return err;
}

/* A whole job; its result is in the fixture. */
static void load(struct fixture *f, unsigned n, const char *const *paths)
{
	struct why why;

	assert_int_equal(start(f, n, paths, &why), 0);
	assert_int_equal(f->n_done, 0); /* later, not now */
	assert_true(event_base_dispatch(f->base) >= 0);
	assert_int_equal(f->n_done, 1);
	assert_true((f->fd >= 0) == (f->loaded.err == 0));
}

static void expect_failure(const struct fixture *f, int err, const char *text)
{
	assert_int_equal(f->loaded.err, err);
	assert_int_equal(f->fd, -1);
	if (strstr(f->loaded.text, text) == NULL)
		fail_msg("\"%s\" is not in: %s", text, f->loaded.text);
}

/* Does the image block this name (wire form)? */
static bool blocks(const struct fixture *f, const char *name)
{
	size_t len = (size_t)f->loaded.image_len;
	struct trie trie;
	bool blocked;
	void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, f->fd, 0);

	assert_ptr_not_equal(bytes, MAP_FAILED);
	assert_int_equal(trie_open(&trie, bytes, len, NULL), 0);
	blocked = trie_blocks(&trie, (const uint8_t *)name);
	assert_int_equal(munmap(bytes, len), 0);
	return blocked;
}

static void test_texts(void **state)
{
	struct fixture *f = *state;
	const char *paths[] = {
	    write_text(f, "a", "0.0.0.0 ads.example\n0.0.0.0 bad..name\n0.0.0.0 b.example\n"),
	    write_text(f, "b", "tracker.example\nother.example\n")};
	struct stat st;

	load(f, 2, paths);
	assert_int_equal(f->loaded.err, 0);
	assert_int_equal(f->loaded.n_lists, 2);
	assert_int_equal(f->loaded.n_rules, 4);
	assert_int_equal(f->loaded.n_names, 4);
	assert_int_equal(f->loaded.n_lines, 5);
	assert_int_equal(f->loaded.n_bad, 1);
	assert_non_null(strstr(f->loaded.text, paths[0]));
	assert_non_null(strstr(f->loaded.text, "1 of 3 lines"));
	assert_non_null(strstr(f->loaded.text, "line 2"));
	assert_null(strstr(f->loaded.text, paths[1]));
	assert_int_equal(fstat(f->fd, &st), 0);
	assert_int_equal(st.st_size, f->loaded.image_len);
	assert_true(blocks(f, "\3ads\7example"));
	assert_false(blocks(f, "\3www\3ads\7example"));
	assert_true(blocks(f, "\3www\5other\7example"));
	assert_int_equal(n_limits, 1);
}

/* Nobody can change it any more, also who has the descriptor. */
static void test_sealed(void **state)
{
	struct fixture *f = *state;
	const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

	load(f, 0, NULL);
	assert_int_equal(fcntl(f->fd, F_GET_SEALS) & all, all);
	assert_int_equal(pwrite(f->fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(f->fd, 0), -1);
	assert_true((fcntl(f->fd, F_GETFD) & FD_CLOEXEC) != 0);
}

static void test_starter(void **state)
{
	struct fixture *f = *state;

	load(f, 0, NULL);
	assert_int_equal(f->loaded.err, 0);
	assert_int_equal(f->loaded.n_lists, 1);
	assert_int_equal(f->loaded.n_bad, 0);
	assert_string_equal(f->loaded.text, "");
	assert_true(blocks(f, "\13doubleclick\3net"));
}

static void test_image(void **state)
{
	struct fixture *f = *state;
	const char *text = write_text(f, "a", "ads.example\nb.example\n"), *image;
	uint8_t bytes[65536], copy[65536];
	size_t len;

	load(f, 1, &text);
	len = (size_t)f->loaded.image_len;
	assert_true(len <= sizeof(bytes));
	assert_int_equal(pread(f->fd, bytes, len, 0), len);

	image = write_file(f, "image", bytes, len);
	load(f, 1, &image);
	assert_int_equal(f->loaded.err, 0);
	assert_int_equal(f->loaded.n_rules, 2);
	assert_int_equal(f->loaded.image_len, len);
	assert_int_equal(pread(f->fd, copy, len, 0), len);
	assert_memory_equal(copy, bytes, len);

	/* It is an image or it is texts. */
	load(f, 2, (const char *const[]){text, image});
	expect_failure(f, ERR_FORMAT, image);
	load(f, 2, (const char *const[]){image, image});
	expect_failure(f, ERR_FORMAT, image);

	/* Any damage: one bit, an end that is missing. */
	for (size_t i = 0; i < len; i += len / 5) {
		f->n_paths--;
		bytes[len - 1 - i] ^= 1;
		(void)write_file(f, "image", bytes, len);
		bytes[len - 1 - i] ^= 1;
		load(f, 1, &image);
		expect_failure(f, ERR_FORMAT, image);
	}
	f->n_paths--;
	(void)write_file(f, "image", bytes, len - 8);
	load(f, 1, &image);
	expect_failure(f, ERR_FORMAT, image);
}

static void test_bad_text(void **state)
{
	struct fixture *f = *state;
	const char *paths[] = {
	    write_text(f, "a", "ads.example\n"), write_text(f, "b", "<!DOCTYPE html>\n<html>\n")};

	load(f, 2, paths);
	expect_failure(f, ERR_FORMAT, paths[1]);
	/* The next job is not the worse for it. */
	load(f, 1, paths);
	assert_int_equal(f->loaded.err, 0);
}

/* What is wrong with a path is known at once, and then nothing was begun. */
static void test_bad_paths(void **state)
{
	struct fixture *f = *state;
	const char *good = write_text(f, "a", "ads.example\n");
	const char *pipe_path = new_path(f, "pipe");
	struct why why;

	assert_int_equal(
	    start(f, 2, (const char *const[]){good, "/nowhere/list"}, &why), ERR_NOTFOUND);
	assert_non_null(strstr(why.text, "/nowhere/list"));
	assert_int_equal(start(f, 1, (const char *const[]){f->dir}, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, f->dir));
	/* Nobody writes to it: opening it must not wait. */
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	assert_int_equal(start(f, 2, (const char *const[]){good, pipe_path}, &why), ERR_FORMAT);
	assert_int_equal(start(f, 1, (const char *const[]){"/dev/null"}, &why), ERR_FORMAT);
	assert_int_equal(start(f, 1, (const char *const[]){"a/\1"}, &why), ERR_NOTFOUND);
	assert_int_equal(
	    start(f, 2, (const char *const[]){good, "/proc/version/x"}, &why), ERR_SYS);
	assert_int_equal(count_fds(), f->n_fds);
	assert_int_equal(n_limits, 0);
	assert_int_equal(event_base_dispatch(f->base), 1); /* there is nothing to wait for */
	assert_int_equal(f->n_done, 0);
	load(f, 1, &good);
	assert_int_equal(f->loaded.err, 0);
}

#define SOMEBODY 65534 /* any user without rights */

static void test_denied(void **state)
{
	struct fixture *f = *state;
	const char *path = write_text(f, "a", "ads.example\n");
	struct why why;

	bool root = geteuid() == 0;
	int err;

	assert_int_equal(chmod(path, 0), 0);
	if (root)
		assert_int_equal(seteuid(SOMEBODY), 0);
	err = start(f, 1, &path, &why);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(err, ERR_DENIED);
	assert_non_null(strstr(why.text, path));
}

static void test_child_dies(void **state)
{
	struct fixture *f = *state;

	child = EXITS;
	load(f, 0, NULL);
	expect_failure(f, ERR_SYS, "exit status 3");
	child = CRASHES;
	load(f, 0, NULL);
	expect_failure(f, ERR_SYS, "signal 9");
	child = HONEST;
	load(f, 0, NULL);
	assert_int_equal(f->loaded.err, 0);
}

static void test_child_hangs(void **state)
{
	struct fixture *f = *state;

	child = HANGS;
	no_time = true;
	load(f, 0, NULL);
	expect_failure(f, ERR_LIMIT, "within 60 s");
	child = HONEST;
	no_time = false;
	load(f, 0, NULL);
	assert_int_equal(f->loaded.err, 0);
}

static void test_child_lies(void **state)
{
	struct fixture *f = *state;

	child = OTHER_TYPE;
	load(f, 0, NULL);
	expect_failure(f, ERR_FORMAT, "nonsense");
	child = SHORT;
	load(f, 0, NULL);
	expect_failure(f, ERR_FORMAT, "nonsense");
	child = LONG;
	load(f, 0, NULL);
	expect_failure(f, ERR_FORMAT, "nonsense");
	child = WRONG_LENGTH;
	load(f, 0, NULL);
	expect_failure(f, ERR_FORMAT, "open to changes");
	child = NO_END;
	load(f, 0, NULL);
	expect_failure(f, ERR_FORMAT, "xxx");
	assert_int_equal(strlen(f->loaded.text), sizeof(f->loaded.text) - 1);
	/* A descriptor that comes along does not stay (tear_down() counts). */
	child = HONEST;
	extra_fd = STDERR_FILENO;
	load(f, 0, NULL);
	assert_int_equal(f->loaded.err, 0);
}

/* A job that runs is ended with the loader: no child, no descriptor, no word. */
static void test_free_while_it_runs(void **state)
{
	struct fixture *f = *state;
	struct why why;

	child = HANGS;
	assert_int_equal(start(f, 0, NULL, &why), 0);
	loader_free(f->loader);
	loader_free(NULL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(count_fds(), f->n_fds);
	assert_int_equal(event_base_dispatch(f->base), 1);
	assert_int_equal(f->n_done, 0);
	f->loader = loader_new(f->base, on_done, f);
	assert_non_null(f->loader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_texts),
	    TEST(test_sealed),
	    TEST(test_starter),
	    TEST(test_image),
	    TEST(test_bad_text),
	    TEST(test_bad_paths),
	    TEST(test_denied),
	    TEST(test_child_dies),
	    TEST(test_child_hangs),
	    TEST(test_child_lies),
	    TEST(test_free_while_it_runs),
	};

	return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
