/* house.c - making the names of the house, and noticing when that has to be done again. */
#include "resolver/house.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/rng.h"
#include "resolver/io/timer.h"
#include "resolver/loader.h"
#include "resolver/house_read.h"
#include "resolver/printable.h"
#include "resolver/server.h"

#define WATCHED (IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

/* ---- the loader's process ---- */

/* Add to the report what `path` came to. */
static void tell(struct channel_loaded *out, const char *path, const char *what)
{
	size_t used = strlen(out->text);

	(void)snprintf(out->text + used, sizeof(out->text) - used, "%s%s: %s",
	    used != 0 ? "; " : "", path, what);
}

/* What file `i` of the job says: those of `hosts` come first. */
static int read_file(const struct conf *conf, struct local_build *b, const struct loader_input *in,
    unsigned i, const uint8_t *domain, struct channel_loaded *out)
{
	struct house_counts counts = {0};
	char said[128], *text;
	struct why why;
	size_t len;
	int err;

	if (in->fd < 0) {
		tell(out, in->path, in->err == EINVAL ? "not a regular file" : strerror(in->err));
		out->n_bad++;
		return 0;
	}
	err = file_read(in->fd, in->path, HOUSE_TEXT_MAX, &text, &len, &why);
	if (err == ERR_NOMEM) /* nothing is wrong with the file: the names before stay */
		return err;
	if (err < 0) {
		tell(out, in->path, "cannot be read, or is too long");
		out->n_bad++;
		return 0;
	}
	if (i < conf->hosts.n)
		err = house_read_hosts(b, text, len, domain, &counts);
	else
		err = house_read_leases(b, text, len, domain, time(NULL), &counts);
	free(text);
	if (err == ERR_LIMIT) {
		tell(out, in->path, "has too many names: those that come first count");
		out->n_bad++;
		err = 0;
	}
	out->n_names += counts.n_names;
	out->n_bad += counts.n_bad;
	if (counts.n_bad != 0) {
		(void)snprintf(said, sizeof(said),
		    "%" PRIu64 " not understood, the first in line %" PRIu64, counts.n_bad,
		    counts.first_bad);
		tell(out, in->path, said);
	}
	return err;
}

/* The domain of the house in wire form, or NULL. */
static const uint8_t *domain_of(const struct conf *conf, uint8_t name[NAME_SIZE])
{
	size_t len;

	if (name_from_text(conf->local_domain, strlen(conf->local_domain), name, &len) != 0)
		return NULL;
	name_lower(name, name, len);
	return name;
}

/* Record `i` of the configuration. */
static int read_record(const struct conf *conf, struct local_build *b, unsigned i, struct why *why)
{
	struct why said;
	int err = house_read_record(b, conf->records.text[i], &said);

	return err == 0
		   ? 0
		   : why_set(why, err, "%s:%u: %s", conf->file, conf->record_line[i], said.text);
}

static int read_all(const struct conf *conf, struct local_build *b, const struct loader_input *in,
    unsigned n, struct channel_loaded *out, struct why *why)
{
	uint8_t name[NAME_SIZE];
	const uint8_t *domain = domain_of(conf, name);
	int err = domain != NULL ? local_build_zone(b, domain) : 0;

	for (unsigned i = 0; err == 0 && i < conf->records.n; i++)
		err = read_record(conf, b, i, why);
	if (err < 0)
		return err;
	for (unsigned i = 0; err == 0 && i < n; i++)
		err = read_file(conf, b, &in[i], i, domain, out);
	return err == 0 ? 0 : why_set(why, err, "names of the house: %s", err_text(err));
}

/* A loader_work_fn. */
static int make(void *ctx, const struct loader_input *in, unsigned n, int memfd,
    struct channel_loaded *out, struct why *why)
{
	struct local_build *b = local_build_new();
	uint8_t *bytes = NULL;
	struct hash_key key;
	struct rng rng;
	size_t len;
	int err;

	if (b == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	rng_init(&rng);
	rng_bytes(&rng, &key, sizeof(key));
	err = read_all(ctx, b, in, n, out, why);
	if (err == 0) {
		err = local_build_image(b, &key, &bytes, &len);
		if (err < 0)
			(void)why_set(why, err, "names of the house: %s", err_text(err));
	}
	if (err == 0) {
		out->n_rules = local_build_n(b);
		err = file_write(memfd, "names in memory", bytes, len, why);
	}
	free(bytes);
	local_build_free(b);
	return err;
}

/* ---- jobs ---- */

static bool has_names(const struct conf *conf)
{
	return conf->records.n != 0 || conf->hosts.n != 0 || conf->leases.n != 0 ||
	       conf->local_domain[0] != '\0';
}

/* Begin to make the names of `conf`. */
static int start(struct loader *loader, const struct conf *conf, struct why *why)
{
	const char *paths[2 * CONF_FILES_MAX];
	struct loader_job job = {.paths = paths, .work = make, .files_optional = true};
	union {
		const struct conf *conf;
		void *ctx;
	} u = {.conf = conf};

	job.ctx = u.ctx;
	for (unsigned i = 0; i < conf->hosts.n; i++)
		paths[job.n++] = conf->hosts.text[i];
	for (unsigned i = 0; i < conf->leases.n; i++)
		paths[job.n++] = conf->leases.text[i];
	return loader_start(loader, &job, why);
}

static void close_made(struct house_made *made)
{
	if (made->fd >= 0)
		(void)close(made->fd);
	*made = (struct house_made){.fd = -1};
}

void house_drop(struct server *s)
{
	close_made(&s->house.next);
}

static void tell_workers(struct server *s)
{
	struct house *h = &s->house;

	if (h->now.info.text[0] != '\0')
		log_warning("names", "%s", h->now.info.text);
	supervise_send_all(s->workers, CHANNEL_LOCAL, 0, NULL, 0, h->now.fd);
}

static void take_next(struct house *h)
{
	close_made(&h->now);
	h->now = h->next;
	h->next = (struct house_made){.fd = -1};
}

static void run_next(struct server *s);

/* A job of the loader has ended, or could not begin. */
static void finish(struct server *s, int err, const struct why *why)
{
	struct house *h = &s->house;
	house_done_fn *done = h->done;

	h->running = false;
	h->done = NULL;
	if (done != NULL) {
		done(s, err, why);
	} else if (err == 0) {
		take_next(h);
		tell_workers(s);
		log_info("names", "changed: %" PRIu64 " records of the house", h->now.info.n_rules);
	} else {
		log_error("names", "%s; those before stay", why->text);
	}
	run_next(s);
}

static void on_loaded(void *ctx, const struct channel_loaded *loaded, int fd)
{
	struct server *s = ctx;
	struct why why;

	(void)why_set(&why, 0, "%s", loaded->text);
	close_made(&s->house.next);
	s->house.next = (struct house_made){.fd = fd, .info = *loaded};
	finish(s, loaded->err, &why);
}

/* `done` NULL: a file has changed. */
static void run(struct server *s, const struct conf *conf, house_done_fn *done)
{
	struct house *h = &s->house;
	struct why why = {""};
	int err = 0;

	const struct loader_limits limits = budget_names(server_budget(s));

	h->running = true;
	h->done = done;
	loader_limit(h->loader, &limits);
	close_made(&h->next);
	if (has_names(conf))
		err = start(h->loader, conf, &why);
	if (err < 0 || !has_names(conf))
		finish(s, err, &why);
}

/* What had to wait, the configuration first: it has the files, too. */
static void run_next(struct server *s)
{
	struct house *h = &s->house;
	const struct conf *conf = h->waiting;

	if (h->running || conf == NULL)
		return;
	h->waiting = NULL;
	run(s, conf, h->waiting_done);
}

void house_prepare(struct server *s, const struct conf *conf, house_done_fn *done)
{
	struct house *h = &s->house;

	h->waiting = conf;
	h->waiting_done = done;
	run_next(s);
}

/* ---- files that change ---- */

/* Is `name`, in whatever folder, that of one of the files? */
static bool is_ours(const struct conf_texts *paths, const char *name)
{
	for (unsigned i = 0; i < paths->n; i++) {
		const char *slash = strrchr(paths->text[i], '/');

		if (slash != NULL && strcmp(slash + 1, name) == 0)
			return true;
	}
	return false;
}

/* Have the events that wait to do with our files? */
static bool read_events(const struct server *s, int fd)
{
	_Alignas(struct inotify_event) char bytes[4096];
	bool any = false;
	ssize_t len;

	while ((len = read(fd, bytes, sizeof(bytes))) > 0) {
		const struct inotify_event *e;

		for (char *at = bytes; at < bytes + len; at += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)(const void *)at;
			any |= (e->mask & IN_Q_OVERFLOW) != 0 ||
			       (e->len != 0 && (is_ours(&s->conf->hosts, e->name) ||
						   is_ours(&s->conf->leases, e->name)));
		}
	}
	return any;
}

static void on_change(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct house *h = &s->house;
	uint64_t now_ms = clock_ms(), left_ms;

	(void)what;
	if (!read_events(s, fd))
		return;
	if (h->changed_ms == 0)
		h->changed_ms = now_ms;
	left_ms = h->changed_ms + HOUSE_SETTLE_MAX_MS;
	left_ms = left_ms > now_ms ? left_ms - now_ms : 0;
	timer_start(h->settle, left_ms < HOUSE_SETTLE_MS ? left_ms : HOUSE_SETTLE_MS);
}

/* While the loader is at work, or a reload is prepared, the change waits. */
static void on_settled(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct house *h = &s->house;

	(void)fd, (void)what;
	if (h->running || s->reload.running) {
		timer_start(h->settle, HOUSE_SETTLE_MS);
		return;
	}
	h->changed_ms = 0;
	run(s, s->conf, NULL);
}

static void unwatch(struct house *h)
{
	if (h->readable != NULL)
		event_free(h->readable);
	h->readable = NULL;
	if (h->watch >= 0)
		(void)close(h->watch);
	h->watch = -1;
	(void)evtimer_del(h->settle);
	h->changed_ms = 0;
}

/* Folders, for files are replaced. */
static void watch_folders(const struct house *h, const struct conf_texts *paths)
{
	char path[CONF_URL_SIZE];

	for (unsigned i = 0; i < paths->n; i++) {
		(void)snprintf(path, sizeof(path), "%s", paths->text[i]);
		if (inotify_add_watch(h->watch, dirname(path), WATCHED) < 0)
			log_warning(
			    "names", "%s cannot be watched: %s", paths->text[i], strerror(errno));
	}
}

static void watch(struct server *s)
{
	struct house *h = &s->house;

	unwatch(h);
	if (s->conf->hosts.n == 0 && s->conf->leases.n == 0)
		return;
	h->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (h->watch >= 0)
		h->readable = event_new(s->base, h->watch, EV_READ | EV_PERSIST, on_change, s);
	if (h->readable == NULL || event_add(h->readable, NULL) < 0) {
		log_warning("names", "files cannot be watched: %s", strerror(errno));
		unwatch(h);
		return;
	}
	watch_folders(h, &s->conf->hosts);
	watch_folders(h, &s->conf->leases);
}

void house_commit(struct server *s)
{
	take_next(&s->house);
	tell_workers(s);
	watch(s);
}

void house_without(struct server *s, const struct why *why)
{
	struct house *h = &s->house;

	close_made(&h->next);
	(void)snprintf(
	    h->next.info.text, sizeof(h->next.info.text), "there are none: %.200s", why->text);
	house_commit(s);
	timer_start(h->settle, HOUSE_AGAIN_MS);
}

void house_tell(struct server *s, unsigned worker)
{
	(void)supervise_send(s->workers, worker, CHANNEL_LOCAL, 0, NULL, 0, s->house.now.fd);
}

/* ---- life ---- */

int house_init(struct server *s)
{
	struct house *h = &s->house;

	h->loader = loader_new(s->base, on_loaded, s);
	h->settle = evtimer_new(s->base, on_settled, s);
	return h->loader == NULL || h->settle == NULL ? ERR_NOMEM : 0;
}

void house_fini(struct server *s)
{
	struct house *h = &s->house;

	if (h->settle != NULL) {
		unwatch(h);
		event_free(h->settle);
	}
	loader_free(h->loader);
	close_made(&h->now);
	close_made(&h->next);
}

/* The end of house_check(). */
struct check {
	int err;
	struct why *why;
};

static void on_checked(void *ctx, const struct channel_loaded *loaded, int fd)
{
	struct check *c = ctx;

	c->err = loaded->err;
	if (loaded->err < 0)
		(void)why_set(c->why, loaded->err, "%s", loaded->text);
	if (fd >= 0)
		(void)close(fd);
}

int house_check(const struct conf *conf, const struct loader_limits *limits, struct why *why)
{
	struct check check = {.err = ERR_NOMEM, .why = why};
	struct event_base *base;
	struct loader *loader = NULL;

	if (!has_names(conf))
		return 0;
	base = event_base_new();
	if (base != NULL)
		loader = loader_new(base, on_checked, &check);
	if (loader == NULL) {
		(void)why_set(why, ERR_NOMEM, "no memory");
	} else {
		loader_limit(loader, limits);
		check.err = start(loader, conf, why);
		if (check.err == 0)
			(void)event_base_dispatch(base); /* ends when the loader has */
		loader_free(loader);
	}
	if (base != NULL)
		event_base_free(base);
	return check.err;
}

void house_status(const struct server *s, struct evbuffer *to)
{
	evbuffer_add_printf(to, "local_names %" PRIu64 "\n", s->house.now.info.n_rules);
}

void house_reasons(const struct server *s, struct evbuffer *to)
{
	const struct channel_loaded *info = &s->house.now.info;

	if (info->text[0] == '\0')
		return;
	evbuffer_add_printf(to, "reason names of the house: ");
	printable_write(to, info->text, sizeof(info->text)); /* the loader's own words */
	evbuffer_add_printf(to, "\n");
}
