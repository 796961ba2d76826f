/* loader.c - both sides of a job: the parent's events, and the child that does it. */

#include "resolver/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blocklists/compile.h"
#include "blocklists/starter.h"
#include "blocklists/trie.h"
#include "blocklists/verify.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/pages.h"
#include "lib/sandbox.h"
#include "resolver/child.h"
#include "resolver/io/timer.h"
#include "resolver/priv.h"

/* Who waits for an answer has it sooner than huge pages, where the kernel has to make room for them. */
#define GATHER_URGENT_NS (5 * CLOCK_NS_PER_MS)

#define LOADER_NICE 5
#define DATA_USUAL  (16 << 20) /* of the parent, where it is not known */
#define SEALS	    (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

struct loader {
	struct event_base *base;
	loader_done_fn *done;
	void *ctx;
	pid_t pid; /* 0: no job */
	bool for_lists;
	int channel;
	int memfd; /* what the child fills and seals */
	struct loader_limits limits;
	struct event *readable, *limit;
};

/* ---- the child ---- */

/* Pages of ours that are not shared, in bytes: those of the parent, which cost nothing until they are written. */
static rlim_t data_now(void)
{
	unsigned long long pages;
	FILE *file = fopen("/proc/self/statm", "re");
	bool known = file != NULL && fscanf(file, "%*u %*u %*u %*u %*u %llu", &pages) == 1;

	if (file != NULL)
		(void)fclose(file);
	return known ? pages * (rlim_t)sysconf(_SC_PAGESIZE) : DATA_USUAL;
}

/* From now on more memory is not to be had, and the file in memory grows no further. */
static void limit_self(const struct loader_limits *limits)
{
	const rlim_t len = limits->image > limits->compiled ? limits->image : limits->compiled;
	const struct rlimit file = {len, len};
	struct rlimit data;

	if (limits->memory == 0)
		return;
	data.rlim_cur = data.rlim_max = data_now() + limits->memory;
	(void)setrlimit(RLIMIT_DATA, &data);
	(void)signal(SIGXFSZ, SIG_IGN); /* an error, not the end */
	(void)setrlimit(RLIMIT_FSIZE, &file);
}

static int refuse_text(const char *name, uint64_t limit, const char *what, struct why *why)
{
	return why_set(why, ERR_LIMIT,
	    "%s: %s takes more than the %" PRIu64
	    " KiB that `memory` leaves for it: compile the lists before, if need be elsewhere "
	    "(quell-update "
	    "compile -o IMAGE FILE...), and use the image; or raise memory",
	    name, what, limit / 1024);
}

/* Is there room for the image at `in`? */
static int check_size(
    const struct loader_input *in, const struct loader_limits *limits, struct why *why)
{
	struct stat st;

	if (limits->memory == 0 || fstat(in->fd, &st) < 0 || (uint64_t)st.st_size <= limits->image)
		return 0;
	return why_set(why, ERR_LIMIT,
	    "%s: an image of %" PRIu64 " KiB, and `memory` leaves room for %" PRIu64
	    " KiB: use fewer lists, or raise memory",
	    in->path, (uint64_t)st.st_size / 1024, limits->image / 1024);
}

/* Make the image immutable, so that who maps it needs not fear that it changes. */
static int seal(int memfd, struct why *why)
{
	if (fcntl(memfd, F_ADD_SEALS, SEALS) == 0)
		return 0;
	return why_set(why, ERR_SYS, "cannot seal the image: %s", strerror(errno));
}

static int copy_image(const struct loader_input *in, int memfd, struct why *why)
{
	static uint8_t bytes[1 << 16];
	ssize_t n;
	int err;

	while ((n = read(in->fd, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why_set(why, ERR_SYS, "%s: %s", in->path, strerror(errno));
		err = file_write(memfd, "image in memory", bytes, (size_t)n, why);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Add what a source came to: "NAME: 3 of 120 lines not understood, the first is line 17". */
static void count_source(const struct compile_source *source, struct channel_loaded *out)
{
	const struct feed_counts *c = &source->counts;
	size_t used = strlen(out->text);

	out->n_lines += c->lines;
	out->n_bad += c->skips[FEED_BAD];
	if (c->rules == 0)
		(void)snprintf(out->text + used, sizeof(out->text) - used,
		    "%s%s: there is no rule in it", used != 0 ? "; " : "", source->name);
	if (c->skips[FEED_BAD] == 0)
		return;
	(void)snprintf(out->text + used, sizeof(out->text) - used,
	    "%s%s: %" PRIu64 " of %" PRIu64 " lines not understood, the first is line %" PRIu64,
	    used != 0 ? "; " : "", source->name, c->skips[FEED_BAD], c->lines, c->first_bad_line);
}

static int add_text(struct compile *c, const char *name, const char *text, size_t len,
    struct channel_loaded *out, struct why *why)
{
	struct compile_source source = {
	    .name = name, .text = text, .len = len, .gives_back = text != starter_text};
	int err = compile_add(c, &source, NULL, NULL, why);

	if (err == 0)
		count_source(&source, out);
	return err;
}

static bool is_image(const struct loader_input *in)
{
	uint8_t start[64];
	ssize_t n = pread(in->fd, start, sizeof(start), 0);

	return n > 0 && compile_is_image(start, (size_t)n);
}

/* One text after the other, so that only the largest of them needs memory. */
static int add_files(struct compile *c, const struct loader_input *in, unsigned n,
    struct channel_loaded *out, struct why *why)
{
	struct file_buffer text = {NULL, 0};
	int err = 0;

	for (unsigned i = 0; err == 0 && i < n; i++) {
		size_t len;

		if (is_image(&in[i])) {
			err = why_set(why, ERR_FORMAT,
			    "%s: this is an image, which has to be the only file", in[i].path);
			break;
		}
		err = file_read_into(&text, in[i].fd, in[i].path, COMPILE_TEXT_MAX, &len, why);
		if (err == 0)
			err = add_text(c, in[i].path, text.bytes, len, out, why);
	}
	free(text.bytes);
	return err;
}

/* The files' rules, or (n 0) the starter list's, into the memfd. */
static int compile_texts(const struct loader_input *in, unsigned n, int memfd,
    const struct loader_limits *limits, struct channel_loaded *out, struct why *why)
{
	const char *name = n == 1 ? in[0].path : n == 0 ? "starter list" : "the lists";
	struct compile *c = compile_new();
	uint8_t *image = NULL;
	size_t len;
	int err;

	if (c == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	if (n == 0)
		err = add_text(c, "starter list", starter_text, starter_len, out, why);
	else
		err = add_files(c, in, n, out, why);
	if (err == 0)
		err = compile_image(c, &image, &len, why);
	compile_free(c);
	if (err == ERR_NOMEM && limits->memory != 0)
		err = refuse_text(name, limits->memory, "to compile this", why);
	else if (err == 0 && limits->memory != 0 && len > limits->compiled)
		err = refuse_text(name, limits->compiled, "what comes of this", why);
	if (err == 0)
		err = file_write(memfd, "image in memory", image, len, why);
	free(image);
	return err;
}

/* Check what will be mapped, as it will be mapped. */
static int check(
    int memfd, const char *name, bool urgent, struct channel_loaded *out, struct why *why)
{
	struct stat st;
	struct trie trie = {0};
	void *bytes;
	int err;

	if (fstat(memfd, &st) < 0)
		return why_set(why, ERR_SYS, "%s: %s", name, strerror(errno));
	if (st.st_size == 0)
		return why_set(why, ERR_FORMAT, "%s: empty", name);
	bytes = pages_map(memfd, (size_t)st.st_size);
	if (bytes == NULL)
		return why_set(why, ERR_SYS, "%s: cannot be mapped: %s", name, strerror(errno));
	/* For the workers. */
	pages_gather(bytes, (size_t)st.st_size, urgent ? GATHER_URGENT_NS : UINT64_MAX);
	err = verify_checksum(bytes, (size_t)st.st_size, why);
	if (err == 0)
		err = trie_open(&trie, bytes, (size_t)st.st_size, why);
	if (err < 0) {
		err = why_set(why, err, "%s: %s", name, why->text);
	} else {
		out->n_lists = trie.n_lists;
		out->n_rules = trie.n_rules;
		out->n_names = trie.n_names;
		out->image_len = (uint64_t)st.st_size;
	}
	(void)munmap(bytes, (size_t)st.st_size);
	return err;
}

static int load(const struct loader_job *job, const struct loader_input *in, int memfd,
    const struct loader_limits *limits, struct channel_loaded *out, struct why *why)
{
	const unsigned n = job->n;
	int err = 0;

	out->is_image = n == 1 && is_image(in);
	if (out->is_image)
		err = check_size(in, limits, why);
	else if (n == 1 && job->compiled)
		err = why_set(why, ERR_FORMAT, "%s: this is no image", in->path);
	if (err == 0 && out->is_image)
		err = copy_image(in, memfd, why);
	else if (err == 0)
		err = compile_texts(in, n, memfd, limits, out, why);
	if (err == 0)
		err = seal(memfd, why);
	return err == 0 ? check(memfd, n != 0 ? in[0].path : "starter list", job->urgent, out, why)
			: err;
}

/* The same of a job that is not for lists. */
static int do_work(const struct loader_job *job, const struct loader_input *in, int memfd,
    const struct loader_limits *limits, struct channel_loaded *out, struct why *why)
{
	int err = job->work(job->ctx, in, job->n, memfd, out, why);
	struct stat st;

	if (err == ERR_NOMEM && limits->memory != 0)
		return why_set(why, err,
		    "the names of the house take more than the %" PRIu64
		    " KiB that `memory` leaves for it: have fewer, or raise memory",
		    limits->memory / 1024);

	if (err == 0)
		err = seal(memfd, why);
	if (err == 0 && fstat(memfd, &st) < 0)
		err = why_set(why, ERR_SYS, "%s", strerror(errno));
	if (err == 0)
		out->image_len = (uint64_t)st.st_size;
	return err;
}

/* The whole life of the child. */
static int child_main(const struct loader_job *job, const struct loader_input *in,
    const struct loader_limits *limits, int memfd, int channel)
{
	const struct sandbox_wish wish = {.kind = SANDBOX_LOADER};
	const struct rlimit none = {0, 0};
	struct channel_loaded out;
	struct why why = {""};

	memset(&out, 0, sizeof(out));
	/* On a machine with one core the workers come first, unless they have nothing to go by yet. */
	if (!job->urgent)
		(void)setpriority(PRIO_PROCESS, 0, LOADER_NICE);
	limit_self(limits);
	sandbox_enter(&wish, &out.sandbox);
	/* Not a descriptor comes, from now on.  (valgrind does not let it say so.) */
	(void)setrlimit(RLIMIT_NOFILE, &none);
	out.err = job->work != NULL ? do_work(job, in, memfd, limits, &out, &why)
				    : load(job, in, memfd, limits, &out, &why);
	if (out.err < 0)
		(void)snprintf(out.text, sizeof(out.text), "%s", why.text);
	return channel_send(channel, CHANNEL_LOADED, 0, &out, sizeof(out), -1) < 0 ? EXIT_FAILURE
										   : EXIT_SUCCESS;
}

/* ---- the parent ---- */

/* The job is over: stop listening to the child, and end it.  Returns its status. */
static int end_job(struct loader *l)
{
	int status;

	(void)event_del(l->limit);
	if (l->readable != NULL)
		event_free(l->readable);
	l->readable = NULL;
	(void)close(l->channel);
	l->channel = -1;
	status = child_end(l->pid);
	l->pid = 0;
	return status;
}

static void drop_memfd(struct loader *l)
{
	if (l->memfd >= 0)
		(void)close(l->memfd);
	l->memfd = -1;
}

static void fail(struct loader *l, int err, const char *text)
{
	struct channel_loaded loaded;

	drop_memfd(l);
	memset(&loaded, 0, sizeof(loaded));
	loaded.err = err;
	(void)snprintf(loaded.text, sizeof(loaded.text), "%s", text);
	l->done(l->ctx, &loaded, -1);
}

/* It closed its end without a word. */
static void fail_silent(struct loader *l)
{
	char text[64], line[128];

	(void)snprintf(
	    line, sizeof(line), "the loader ended with %s", child_status(end_job(l), text));
	fail(l, ERR_SYS, line);
}

/* The child's word is not enough: the image must be sealed, and as long as it says. */
static bool is_sealed(int fd, uint64_t len)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0 &&
	       (uint64_t)st.st_size == len;
}

static bool is_answer(const struct channel_message *m, struct channel_loaded *loaded)
{
	if (m->head.type != CHANNEL_LOADED || m->len != sizeof(*loaded))
		return false;
	memcpy(loaded, m->payload, sizeof(*loaded));
	loaded->text[sizeof(loaded->text) - 1] = '\0';
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	static struct channel_message message;
	struct loader *l = arg;
	struct channel_loaded loaded;
	int got = channel_receive(fd, &message), memfd = l->memfd;

	(void)what;
	if (got == ERR_SYS && errno == EAGAIN)
		return;
	if (got == 0) {
		fail_silent(l);
		return;
	}
	(void)end_job(l);
	if (got == 1 && message.fd >= 0) /* it has none to give */
		(void)close(message.fd);
	if (got == ERR_SYS) {
		fail(l, ERR_SYS, "what the loader said could not be received");
	} else if (got < 0 || !is_answer(&message, &loaded)) {
		fail(l, ERR_FORMAT, "the loader sent nonsense");
	} else if (loaded.err < 0) {
		fail(l, loaded.err, loaded.text);
	} else if (!is_sealed(memfd, loaded.image_len)) {
		fail(l, ERR_FORMAT, "the loader left the image open to changes");
	} else {
		l->memfd = -1;
		l->done(l->ctx, &loaded, memfd);
	}
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct loader *l = arg;
	char text[80];

	(void)fd, (void)what;
	(void)end_job(l);
	(void)snprintf(text, sizeof(text), "%s not loaded within %d s",
	    l->for_lists ? "the lists were" : "the names of the house were", LOADER_LIMIT_S);
	fail(l, ERR_LIMIT, text);
}

struct loader *loader_new(struct event_base *base, loader_done_fn *done, void *ctx)
{
	struct loader *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	*l = (struct loader){.base = base, .done = done, .ctx = ctx, .channel = -1, .memfd = -1};
	l->limit = evtimer_new(base, on_limit, l);
	if (l->limit == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

void loader_free(struct loader *l)
{
	if (l == NULL)
		return;
	if (l->pid != 0)
		(void)end_job(l);
	drop_memfd(l);
	event_free(l->limit);
	free(l);
}

void loader_limit(struct loader *l, const struct loader_limits *limits)
{
	l->limits = *limits;
}

static int open_input(struct loader_input *in, const char *path, struct why *why)
{
	struct stat st;
	int err;

	in->path = path;
	in->err = 0;
	in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (in->fd < 0) {
		in->err = errno;
		if (errno == EACCES)
			return why_set(why, ERR_DENIED, "%s: the user %s may not read it", path,
			    priv_user_name());
		err = errno == ENOENT ? ERR_NOTFOUND : ERR_SYS;
		return why_set(why, err, "%s: %s", path, strerror(errno));
	}
	if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	(void)close(in->fd);
	in->fd = -1;
	in->err = EINVAL;
	return why_set(why, ERR_FORMAT, "%s: not a regular file", path);
}

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Fork the child over these inputs. */
static int spawn(
    struct loader *l, const struct loader_job *job, const struct loader_input *in, struct why *why)
{
	int keep[CONF_LISTS_MAX + 2], pair[2];
	unsigned n = 0;

	/* Made here, so that the child need not pass a descriptor (there is a limit to those on
	 * their way). */
	l->memfd = memfd_create("quell-lists", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (l->memfd < 0)
		return why_set(why, ERR_SYS, "no file in memory: %s", strerror(errno));
	if (channel_pair(pair) < 0)
		goto fail;
	for (unsigned i = 0; i < job->n; i++)
		if (in[i].fd >= 0)
			keep[n++] = in[i].fd;
	keep[n] = l->memfd;
	keep[n + 1] = pair[1];
	qsort(keep, n + 2, sizeof(keep[0]), compare_int);
	l->pid = child_fork(keep, n + 2);
	if (l->pid == 0)
		_exit(child_main(job, in, &l->limits, l->memfd, pair[1]));
	(void)close(pair[1]);
	l->channel = pair[0];
	if (l->pid > 0)
		return 0;
	l->pid = 0;
	(void)close(pair[0]);
fail:
	(void)why_set(why, ERR_SYS, "no loader: %s", strerror(errno));
	drop_memfd(l);
	return ERR_SYS;
}

int loader_start(struct loader *l, const struct loader_job *job, struct why *why)
{
	struct loader_input in[CONF_LISTS_MAX];
	unsigned n = 0;
	int err = 0;

	l->for_lists = job->work == NULL;
	while (n < job->n &&
	       ((err = open_input(&in[n], job->paths[n], why)) == 0 || job->files_optional)) {
		err = 0;
		n++;
	}
	if (err == 0)
		err = spawn(l, job, in, why);
	while (n-- > 0)
		if (in[n].fd >= 0)
			(void)close(in[n].fd);
	if (err < 0)
		return err;
	l->readable = event_new(l->base, l->channel, EV_READ | EV_PERSIST, on_readable, l);
	if (l->readable == NULL || event_add(l->readable, NULL) < 0) {
		(void)end_job(l);
		drop_memfd(l);
		return why_set(why, ERR_NOMEM, "no memory");
	}
	timer_start(l->limit, LOADER_LIMIT_S * 1000);
	return 0;
}
