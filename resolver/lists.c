/* lists.c - the order in which lists are tried. */
#include "resolver/lists.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocklists/format.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"

struct lists_loader {
	struct loader *loader;
	lists_done_fn *done;
	void *ctx;
	/* --- of the load that is going on --- */
	const struct conf *conf;
	const struct settings_flags *flags;
	bool fall_back;
	enum lists_source source; /* being tried */
	struct why trouble;	  /* the first thing that went wrong */
};

const char *lists_source_text(enum lists_source source)
{
	static const char *const texts[] = {
	    [LISTS_NONE] = "none",
	    [LISTS_FILES] = "files",
	    [LISTS_IMAGE] = "image",
	    [LISTS_PREVIOUS] = "previous image",
	    [LISTS_STARTER] = "starter list",
	};

	return texts[source];
}

/* Begin with l->source.  Returns 0 or an error with the reason. */
static int try_source(struct lists_loader *l, struct why *why)
{
	char path[CONF_PATH_SIZE + 32];
	const char *one = path;
	/* Any list will do where there is none, or only a fallback. */
	struct loader_job job = {.paths = &one, .n = 1, .urgent = l->fall_back};

	switch (l->source) {
	case LISTS_FILES:
		job.paths = l->flags->blocklist;
		job.n = l->flags->n_blocklist;
		break;
	case LISTS_IMAGE:
		(void)snprintf(path, sizeof(path), "%s/image", l->conf->state_dir);
		job.compiled = true;
		break;
	case LISTS_PREVIOUS:
		(void)snprintf(path, sizeof(path), "%s/image.previous", l->conf->state_dir);
		job.compiled = true;
		break;
	case LISTS_STARTER:
	case LISTS_NONE:
		job.n = 0;
		break;
	}
	return loader_start(l->loader, &job, why);
}

/* What stands beside the image that was loaded.  Nothing depends on it but names: without it they are
 * not known. */
static void read_origin(const struct lists_loader *l, struct lists *lists)
{
	char path[CONF_PATH_SIZE + 32], header[FORMAT_HEADER], *text;
	ssize_t n = pread(lists->fd, header, sizeof(header), 0);
	uint64_t sum;
	size_t len;
	int fd;

	if (l->source == LISTS_FILES)
		(void)snprintf(path, sizeof(path), "%s" ORIGIN_SUFFIX, l->flags->blocklist[0]);
	else
		(void)snprintf(path, sizeof(path), "%s/image" ORIGIN_SUFFIX, l->conf->state_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return;
	if (n > 0 && origin_sum(header, (size_t)n, &sum) &&
	    file_read(fd, path, ORIGIN_TEXT_MAX, &text, &len, NULL) == 0) {
		origin_find(text, len, sum, &lists->origin);
		free(text);
	}
	(void)close(fd);
}

static void finish(struct lists_loader *l, const struct channel_loaded *info, int fd)
{
	struct lists next = {
	    .source = l->source,
	    .fd = fd,
	    .loaded_ms = clock_ms(),
	    .trouble = l->trouble,
	};

	if (info != NULL)
		next.info = *info;
	if (next.info.is_image != 0)
		read_origin(l, &next);
	l->done(l->ctx, 0, &next, NULL);
}

/* What was tried did not work: go on to the next, or end with the error. */
static void try_next(struct lists_loader *l, int err, const struct why *why)
{
	struct why last = *why;

	do {
		if (l->trouble.text[0] == '\0')
			l->trouble = last;
		if (l->source == LISTS_FILES || !l->fall_back) {
			l->done(l->ctx, err, NULL, &last);
			return;
		}
		log_warning("lists", "%s", last.text);
		if (l->source == LISTS_STARTER) {
			l->source = LISTS_NONE;
			finish(l, NULL, -1);
			return;
		}
		l->source++;
	} while ((err = try_source(l, &last)) < 0);
}

static void on_loaded(void *ctx, const struct channel_loaded *loaded, int fd)
{
	struct lists_loader *l = ctx;
	struct why why;

	if (loaded->err == 0) {
		finish(l, loaded, fd);
		return;
	}
	(void)why_set(&why, 0, "%s", loaded->text);
	try_next(l, loaded->err, &why);
}

struct lists_loader *lists_loader_new(struct event_base *base, lists_done_fn *done, void *ctx)
{
	struct lists_loader *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->done = done;
	l->ctx = ctx;
	l->loader = loader_new(base, on_loaded, l);
	if (l->loader != NULL)
		return l;
	free(l);
	return NULL;
}

void lists_loader_free(struct lists_loader *l)
{
	if (l == NULL)
		return;
	loader_free(l->loader);
	free(l);
}

void lists_limit(struct lists_loader *l, const struct loader_limits *limits)
{
	loader_limit(l->loader, limits);
}

void lists_load(struct lists_loader *l, const struct conf *conf, const struct settings_flags *flags,
    bool fall_back)
{
	struct why why;
	int err;

	l->conf = conf;
	l->flags = flags;
	l->fall_back = fall_back;
	l->trouble.text[0] = '\0';
	l->source = LISTS_NONE;
	if (flags->n_blocklist != 0)
		l->source = LISTS_FILES;
	else if (conf->n_lists != 0)
		l->source = LISTS_IMAGE;
	if (l->source == LISTS_NONE) {
		finish(l, NULL, -1);
		return;
	}
	err = try_source(l, &why);
	if (err == ERR_NOTFOUND && l->source == LISTS_IMAGE)
		err = why_set(
		    &why, err, "%s/image is not there yet: run quell-update", conf->state_dir);
	if (err < 0)
		try_next(l, err, &why);
}

/* The end of lists_check(). */
struct check {
	int err;
	struct why *why;
};

static void on_checked(void *ctx, int err, struct lists *next, const struct why *why)
{
	struct check *c = ctx;

	c->err = err;
	if (err < 0 && c->why != NULL)
		*c->why = *why;
	else if (err == 0)
		(void)close(next->fd);
}

int lists_check(const struct conf *conf, const struct settings_flags *flags,
    const struct loader_limits *limits, struct why *why)
{
	struct check check = {.err = ERR_NOMEM, .why = why};
	struct event_base *base = event_base_new();
	struct lists_loader *l;

	if (base == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	l = lists_loader_new(base, on_checked, &check);
	if (l == NULL) {
		(void)why_set(why, ERR_NOMEM, "no memory");
	} else {
		lists_limit(l, limits);
		lists_load(l, conf, flags, false);
		(void)event_base_dispatch(base); /* ends when the loader has */
		lists_loader_free(l);
	}
	event_base_free(base);
	return check.err;
}

/* Texts that are there to be read. */
static bool is_texts(const struct lists *lists, const struct settings_flags *flags)
{
	return lists->source == LISTS_FILES && lists->info.is_image == 0 &&
	       lists->info.n_lists == flags->n_blocklist;
}

/* The list of `conf` that list `id` of an image of quell-update is; NULL: there is none. */
static const struct conf_list *configured(
    const struct lists *lists, const struct conf *conf, unsigned id)
{
	if ((lists->source != LISTS_IMAGE && lists->source != LISTS_PREVIOUS) ||
	    id >= lists->origin.n)
		return NULL;
	for (unsigned i = 0; i < conf->n_lists; i++) {
		if (strcmp(conf->lists[i].name, lists->origin.name[id]) == 0)
			return &conf->lists[i];
	}
	return NULL;
}

static void set_name(char name[CONF_NAME_SIZE], const char *text)
{
	size_t len = 0;

	for (; len < CONF_NAME_SIZE - 1 && text[len] != '\0'; len++)
		name[len] = text[len] >= ' ' && text[len] < 0x7f ? text[len] : '?';
	name[len] = '\0';
}

void lists_names(const struct lists *lists, const struct conf *conf,
    const struct settings_flags *flags, struct reason_names *names)
{
	memset(names, 0, sizeof(*names));
	if (lists->source == LISTS_STARTER) {
		names->n = 1;
		set_name(names->name[0], "starter list");
	} else if (is_texts(lists, flags)) {
		for (; names->n < flags->n_blocklist && names->n < REASON_LISTS; names->n++) {
			const char *path = flags->blocklist[names->n];
			const char *slash = strrchr(path, '/');

			set_name(names->name[names->n], slash != NULL ? slash + 1 : path);
		}
	} else if (lists->source != LISTS_NONE) {
		for (; names->n < lists->origin.n; names->n++) {
			set_name(names->name[names->n], lists->origin.name[names->n]);
			names->configured[names->n] = configured(lists, conf, names->n) != NULL;
		}
	}
}

bool lists_answers(
    const struct lists *lists, const struct conf *conf, struct reason_answers *answers)
{
	bool any = false;

	memset(answers, 0, sizeof(*answers));
	for (unsigned id = 0; id < lists->origin.n && id < REASON_LISTS; id++) {
		const struct conf_list *list = configured(lists, conf, id);

		if (list == NULL)
			continue;
		answers->list[id] = list->block_answer;
		any |= list->block_answer.mode != BLOCK_DEFAULT;
	}
	return any;
}

bool lists_text(const struct lists *lists, const struct conf *conf,
    const struct settings_flags *flags, unsigned id, struct lists_text *text)
{
	static const char *const matches[] = {
	    [CONF_MATCH_AUTO] = "auto",
	    [CONF_MATCH_EXACT] = "exact",
	    [CONF_MATCH_SUFFIX] = "suffix",
	    [CONF_MATCH_BELOW] = "below",
	};
	const struct conf_list *list = configured(lists, conf, id);
	char folder[CONF_PATH_SIZE] = "";

	*text = (struct lists_text){.syntax = "auto", .match = "auto", .trust = "block"};
	if (is_texts(lists, flags) && id < flags->n_blocklist) {
		/* Who reads it has another folder. */
		if (flags->blocklist[id][0] != '/' && getcwd(folder, sizeof(folder)) == NULL)
			return false;
		(void)snprintf(text->path, sizeof(text->path), "%s%s%s", folder,
		    folder[0] != '\0' ? "/" : "", flags->blocklist[id]);
		return true;
	}
	if (list == NULL)
		return false;
	(void)snprintf(
	    text->path, sizeof(text->path), "%s/lists/%s.txt", conf->state_dir, list->name);
	text->syntax = list->syntax;
	text->match = matches[list->match];
	if (list->trust == CONF_TRUST_REWRITE)
		text->trust = "rewrite";
	return true;
}
