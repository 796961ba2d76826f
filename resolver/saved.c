/* saved.c - savers, their files, and the budget. */
#include "resolver/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "resolver/child.h"
#include "resolver/core/cachefile.h"
#include "resolver/io/timer.h"
#include "resolver/server.h"

#define PLACES 2
#define DAY_MS UINT64_C(86400000)

/* What a saver says at its end. */
struct result {
	int32_t err; /* 0, ERR_NOTFOUND: the worker had nothing to give, or another */
	uint64_t written;
	struct sandbox sandbox; /* that it was in */
	char text[200];
};

/* Where a worker's file may be: `place` from 0 in the order of preference. */
static void path_of(const struct conf *conf, unsigned place, unsigned worker, char path[PATH_MAX])
{
	const char *slash = strrchr(conf->rules, '/');

	if (place == 0)
		(void)snprintf(path, PATH_MAX, "%s/cache-%u", conf->state_dir, worker);
	else
		(void)snprintf(path, PATH_MAX, "%.*scache-%u",
		    slash == NULL ? 0 : (int)(slash - conf->rules) + 1, conf->rules, worker);
}

static struct cachefile_head head_now(void)
{
	struct cachefile_head head = {
	    .wall_s = (uint64_t)time(NULL),
	    .boot_ms = clock_ms(),
	};

	clock_boot(head.boot);
	return head;
}

/* ---- the saver ---- */

/* Returns 1, 0 where there is not a byte, or ERR_FORMAT where there are too few. */
static int read_whole(int fd, uint8_t *out, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, out + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return done == 0 ? 0 : ERR_FORMAT;
		done += (size_t)n;
	}
	return 1;
}

/* The next block from `pipe` into block[]: its length with the head, or an error. */
static int read_block(int pipe, uint8_t *block, uint32_t number, size_t *len, struct why *why)
{
	int got = read_whole(pipe, block, CACHEFILE_BLOCK_HEAD_SIZE);

	if (got == 0 && number == 0)
		return ERR_NOTFOUND;
	if (got != 1 || cachefile_length(block, len) < 0 ||
	    (*len != 0 && read_whole(pipe, block + CACHEFILE_BLOCK_HEAD_SIZE, *len) != 1) ||
	    !cachefile_is_whole(block, *len, number))
		return why_set(why, ERR_FORMAT, "the worker ended before it was done");
	*len += CACHEFILE_BLOCK_HEAD_SIZE;
	return 0;
}

/* All blocks from `pipe` to `fd`, at most `budget` bytes; *written counts. */
static int copy_blocks(
    int pipe, int fd, const char *path, uint64_t budget, uint64_t *written, struct why *why)
{
	static uint8_t block[CACHEFILE_BLOCK_HEAD_SIZE + CACHEFILE_PAYLOAD_SIZE];
	size_t len = 0;

	for (uint32_t number = 0; len != CACHEFILE_BLOCK_HEAD_SIZE; number++) {
		int err = read_block(pipe, block, number, &len, why);

		if (err != 0)
			return err;
		if (*written + len > budget)
			return why_set(why, ERR_RANGE, "cache_save_budget is used up");
		err = file_write(fd, path, block, len, why);
		if (err != 0)
			return err;
		*written += len;
	}
	return 0;
}

/* The file at `path` that the worker's blocks make, where none is but it. */
static int write_file(
    int pipe, int fd, const char *path, uint64_t budget, uint64_t *written, struct why *why)
{
	struct cachefile_head head = head_now();
	uint8_t bytes[CACHEFILE_HEAD_SIZE] = {0};
	int err = file_write(fd, path, bytes, sizeof(bytes), why);

	*written = sizeof(bytes);
	if (err == 0)
		err = copy_blocks(pipe, fd, path, budget, written, why);
	if (err != 0)
		return err;
	head.budget = budget - *written;
	cachefile_put_head(bytes, &head);
	if (pwrite(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes) || fsync(fd) < 0)
		return why_set(why, ERR_SYS, "%s: %s", path, strerror(errno));
	return 0;
}

/* A new file beside where it will be, in the first place where there can be one: its descriptor, or -1. */
static int create(const struct conf *conf, unsigned worker, char path[PATH_MAX],
    char beside[PATH_MAX + 4], struct why *why)
{
	int fd = -1;

	for (unsigned i = 0; i < PLACES && fd < 0; i++) {
		path_of(conf, i, worker, path);
		(void)snprintf(beside, PATH_MAX + 4, "%s.new", path);
		(void)unlink(beside);
		fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
		if (fd < 0 && i == 0)
			(void)why_set(why, ERR_SYS, "%s: %s", beside, strerror(errno));
	}
	return fd;
}

static void save(
    const struct conf *conf, unsigned worker, int pipe, uint64_t budget, struct result *result)
{
	char path[PATH_MAX], beside[PATH_MAX + 4];
	struct why why = {{0}};
	int fd = create(conf, worker, path, beside, &why);

	if (fd < 0) {
		result->err = ERR_SYS;
	} else {
		result->err = write_file(pipe, fd, beside, budget, &result->written, &why);
		(void)close(fd);
		if (result->err == 0 && rename(beside, path) < 0)
			result->err = why_set(&why, ERR_SYS, "%s: %s", path, strerror(errno));
		if (result->err == 0)
			file_sync_folder(path);
		else
			(void)unlink(beside);
	}
	(void)snprintf(result->text, sizeof(result->text), "%.190s", why.text);
}

/* ---- the parent ---- */

/* What may be written now. */
static uint64_t budget_left(struct server *s)
{
	struct saved *saved = &s->saved;
	const uint64_t day = s->conf->cache_save_budget, now_ms = clock_ms();
	const uint64_t elapsed_ms = now_ms - saved->budget_ms;

	saved->budget_ms = now_ms;
	saved->budget += elapsed_ms >= DAY_MS ? day : day / 1000 * elapsed_ms / (DAY_MS / 1000);
	if (saved->budget > day)
		saved->budget = day;
	return saved->budget;
}

static void job_end(struct saved_job *job)
{
	if (job->pid == 0)
		return;
	event_free(job->done);
	(void)close(job->result);
	(void)child_end(job->pid);
	job->pid = 0;
	job->owner->saved.n_running--;
}

static void go_on(struct server *s)
{
	void (*then)(struct server * s) = s->saved.then;

	if (then != NULL && s->saved.n_running == 0) {
		s->saved.then = NULL;
		(void)evtimer_del(s->saved.limit);
		then(s);
	}
}

/* Say it when the budget is used up, once until there is room again. */
static void note_spent(struct saved *saved, bool spent)
{
	if (spent && !saved->spent)
		log_notice("cache-file",
		    "cache_save_budget is used up: the cache is saved again when there is room");
	saved->spent = spent;
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct saved_job *job = arg;
	struct server *s = job->owner;
	struct saved *saved = &s->saved;
	struct result result;
	uint64_t left;

	(void)what;
	if (read(fd, &result, sizeof(result)) != (ssize_t)sizeof(result))
		result = (struct result){.err = ERR_SYS, .text = "the saver died"};
	else /* it has read what a worker gave it */
		server_sandbox(s, SANDBOX_SAVER, &result.sandbox);
	result.text[sizeof(result.text) - 1] = '\0';
	left = budget_left(s);
	saved->budget = left > result.written ? left - result.written : 0;
	if (result.err != 0 && result.err != ERR_RANGE && result.err != ERR_NOTFOUND)
		log_warning("cache-file", "the cache is not saved: %s", result.text);
	/* How much more it would have been nobody knows. */
	if (result.err == ERR_RANGE)
		job->size = 2 * result.written;
	else if (result.err == 0)
		job->size = result.written;
	note_spent(saved, result.err == ERR_RANGE);
	job_end(job);
	go_on(s);
}

/* The saver itself: it never returns. */
static void saver_run(const struct server *s, unsigned worker, int pipe, int out, uint64_t budget)
{
	const char *const read[] = {CLOCK_BOOT_FILE};
	char folders[PLACES][PATH_MAX];
	const char *write_below[PLACES];
	const struct sandbox_wish wish = {
	    .kind = SANDBOX_SAVER,
	    .read = read,
	    .n_read = 1,
	    .write = write_below,
	    .n_write = PLACES,
	};
	struct result result;

	for (unsigned i = 0; i < PLACES; i++) {
		path_of(s->conf, i, worker, folders[i]);
		write_below[i] = dirname(folders[i]);
	}
	memset(&result, 0, sizeof(result));
	sandbox_enter(&wish, &result.sandbox);
	save(s->conf, worker, pipe, budget, &result);
	_exit(write(out, &result, sizeof(result)) == (ssize_t)sizeof(result) ? EXIT_SUCCESS
									     : EXIT_FAILURE);
}

/* Returns whether a saver runs for this worker. */
static bool job_start(struct server *s, unsigned worker, uint64_t budget)
{
	struct saved_job *job = &s->saved.job[worker];
	int data[2], result[2], keep[2];

	if (job->pid != 0)
		return false;
	if (pipe2(data, O_CLOEXEC) < 0)
		return false;
	if (pipe2(result, O_CLOEXEC) < 0) {
		(void)close(data[0]);
		(void)close(data[1]);
		return false;
	}
	keep[0] = data[0] < result[1] ? data[0] : result[1];
	keep[1] = data[0] < result[1] ? result[1] : data[0];
	job->owner = s;
	job->result = result[0];
	job->done = event_new(s->base, result[0], EV_READ, on_done, job);
	job->pid = job->done == NULL ? -1 : child_fork(keep, 2);
	if (job->pid == 0)
		saver_run(s, worker, data[0], result[1], budget);
	(void)close(data[0]);
	(void)close(result[1]);
	if (job->pid < 0 || event_add(job->done, NULL) < 0) {
		if (job->pid > 0)
			(void)child_end(job->pid);
		if (job->done != NULL)
			event_free(job->done);
		(void)close(result[0]);
		(void)close(data[1]);
		job->pid = 0;
		return false;
	}
	s->saved.n_running++;
	(void)fcntl(data[1], F_SETFL, O_NONBLOCK);
	/* Where the worker is not there, the saver sees the end at once. */
	(void)supervise_send(s->workers, worker, CHANNEL_CACHE_SAVE, 0, NULL, 0, data[1]);
	(void)close(data[1]);
	return true;
}

static void save_all(struct server *s)
{
	const unsigned n = supervise_n(s->workers);
	const uint64_t budget = budget_left(s) / n, day = s->conf->cache_save_budget / n;

	for (unsigned i = 0; i < n; i++) {
		const uint64_t size = s->saved.job[i].size;

		if (budget < (size < day ? size : day))
			note_spent(&s->saved, true);
		else
			(void)job_start(s, i, budget);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd, (void)what;
	save_all(s);
	timer_start(s->saved.timer, s->saved.interval_s * UINT64_C(1000));
}

void saved_arm(struct server *s)
{
	struct saved *saved = &s->saved;

	if (saved->interval_s == s->conf->cache_save_s)
		return;
	saved->interval_s = s->conf->cache_save_s;
	(void)evtimer_del(saved->timer);
	if (saved->interval_s != 0)
		timer_start(saved->timer, saved->interval_s * UINT64_C(1000));
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd, (void)what;
	log_warning("cache-file", "the disk is too slow: the cache is as it was saved before");
	for (unsigned i = 0; i < CONF_WORKERS_MAX; i++)
		job_end(&s->saved.job[i]);
	go_on(s);
}

void saved_last(struct server *s, unsigned limit_ms, void (*then)(struct server *s))
{
	struct saved *saved = &s->saved;

	if (saved->then != NULL)
		return;
	(void)evtimer_del(saved->timer);
	saved->then = then;
	if (saved->interval_s != 0) {
		timer_start(saved->limit, limit_ms);
		save_all(s);
	}
	go_on(s);
}

/* ---- reading ---- */

/* The file for `worker`, which stands behind its head: its descriptor, with *head; or -1. */
static int open_file(const struct conf *conf, unsigned worker, struct cachefile_head *head)
{
	uint8_t bytes[CACHEFILE_HEAD_SIZE];
	char path[PATH_MAX];
	struct stat st;

	for (unsigned i = 0; i < PLACES; i++) {
		int fd;

		path_of(conf, i, worker, path);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) &&
		    cachefile_get_head(head, bytes) == 0)
			return fd;
		log_warning(
		    "cache-file", "%s: damaged, or of another version: it is dropped", path);
		(void)close(fd);
	}
	return -1;
}

void saved_tell(struct server *s, unsigned worker)
{
	const struct cachefile_head now = head_now();
	struct channel_cache message = {.age_ms = UINT64_MAX};
	struct cachefile_head head;
	int fd = -1;

	if (s->conf->cache_save_s != 0)
		fd = open_file(s->conf, worker, &head);
	/* One worker more than there were: what the first one knew is known to all. */
	if (fd < 0 && worker != 0 && s->conf->cache_save_s != 0)
		fd = open_file(s->conf, 0, &head);
	if (fd < 0)
		return;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
	if (!cachefile_age(&head, &now, &message.age_ms)) {
		message.age_ms = UINT64_MAX;
		log_notice("cache-file",
		    "written in the future, says the clock: its answers count as old");
	}
	(void)supervise_send(
	    s->workers, worker, CHANNEL_CACHE_LOAD, 0, &message, sizeof(message), fd);
	(void)close(fd);
}

/* What was left of the budget at the last save, as far as it is known. */
static void read_budget(struct server *s)
{
	struct saved *saved = &s->saved;
	const struct cachefile_head now = head_now();
	struct cachefile_head head;
	uint64_t age_ms;
	int fd = open_file(s->conf, 0, &head);

	saved->budget = s->conf->cache_save_budget;
	saved->budget_ms = now.boot_ms;
	if (fd < 0)
		return;
	(void)close(fd);
	/* It was divided among the workers. */
	if (cachefile_age(&head, &now, &age_ms) && head.budget < saved->budget / s->conf->workers) {
		saved->budget = head.budget * s->conf->workers;
		saved->budget_ms = now.boot_ms - age_ms;
	}
}

int saved_init(struct server *s)
{
	s->saved.timer = evtimer_new(s->base, on_timer, s);
	s->saved.limit = evtimer_new(s->base, on_limit, s);
	if (s->saved.timer == NULL || s->saved.limit == NULL)
		return ERR_NOMEM;
	if (s->conf->cache_save_s != 0)
		read_budget(s);
	return 0;
}

void saved_fini(struct server *s)
{
	for (unsigned i = 0; i < CONF_WORKERS_MAX; i++)
		job_end(&s->saved.job[i]);
	if (s->saved.timer != NULL)
		event_free(s->saved.timer);
	if (s->saved.limit != NULL)
		event_free(s->saved.limit);
}
