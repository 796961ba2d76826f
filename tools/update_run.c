/* update_run.c - the steps of a run, in their order. */
#include "tools/update_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/compile.h"
#include "blocklists/trie.h"
#include "tools/control.h"
#include "tools/update_fetch.h"
#include "tools/update_list.h"
#include "tools/update_progress.h"
#include "tools/update_report.h"
#include "tools/update_store.h"
#include "tools/text.h"

struct run {
	const struct conf *conf;
	const struct update_options *options;
	struct update_store store;
	struct update_progress progress;
	struct update_list *lists; /* conf->n_lists of them, their index is the list id */
	struct compile *compile;   /* of those that have been refreshed */
	struct update_result result;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void catch_signals(void)
{
	struct sigaction stop = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigemptyset(&stop.sa_mask);
	sigemptyset(&ignore.sa_mask);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL); /* write() fails instead, and is reported */
}

static bool on_progress(void *ctx, uint64_t now, uint64_t total, uint64_t per_s)
{
	update_progress_show(ctx, now, total, per_s);
	return !stopped;
}

static bool is_asked(const struct update_options *options, const char *name)
{
	for (unsigned i = 0; i < options->n_names; i++) {
		if (strcmp(options->names[i], name) == 0)
			return true;
	}
	return options->n_names == 0;
}

static unsigned choose_lists(struct run *run)
{
	unsigned n_asked = 0;

	for (unsigned i = 0; i < run->conf->n_lists; i++) {
		run->lists[i].conf = &run->conf->lists[i];
		run->lists[i].asked = is_asked(run->options, run->conf->lists[i].name);
		n_asked += run->lists[i].asked;
	}
	return n_asked;
}

/* Of each list the first line that was not understood is shown. */
static void on_skip(void *ctx, const struct compile_source *source, enum feed_skip reason,
    uint64_t line, const char *text, size_t len)
{
	struct update_list *list = ctx;

	(void)source;
	(void)line;
	if (reason == FEED_BAD && list->bad_text[0] == '\0')
		text_escape(list->bad_text, sizeof(list->bad_text), text, len);
}

/* The rules of a list that was refreshed; its text is not needed any more then.  One without a copy
 * takes its id all the same, so that ids do not move. */
static int compile_list(struct run *run, struct update_list *list)
{
	struct why *why = &run->result.image_why;
	struct compile_source source = {
	    .name = list->conf->name,
	    .text = list->text,
	    .len = list->len,
	    .syntax = feed_find(list->conf->syntax),
	    .match = list->conf->match,
	    .rewrites = list->conf->trust == CONF_TRUST_REWRITE,
	};
	int err;

	if (!update_list_has_text(list))
		return compile_add_none(run->compile, why);
	err = compile_add(run->compile, &source, on_skip, list, why);
	list->counts = source.counts;
	update_list_drop(list);
	return err;
}

/* All lists, one after the other: their texts together may be larger than the memory. */
static int take_lists(struct run *run)
{
	const struct update_options *options = run->options;
	struct update_fetch *fetch =
	    update_fetch_new(options->max_bytes, options->stall_s, on_progress, &run->progress);
	int err = 0;

	if (fetch == NULL)
		return why_set(&run->result.image_why, ERR_NOMEM, "libcurl cannot be set up");
	update_progress_init(&run->progress, choose_lists(run));
	for (unsigned i = 0; i < run->conf->n_lists && err == 0 && !stopped; i++) {
		struct update_list *list = &run->lists[i];

		if (list->asked)
			update_progress_begin(&run->progress, list->conf->name);
		update_list_refresh(list, &run->store, fetch, options->dry);
		update_progress_end(&run->progress);
		err = compile_list(run, list);
	}
	update_fetch_free(fetch);
	return err;
}

static bool has_texts(const struct run *run)
{
	for (unsigned i = 0; i < run->conf->n_lists; i++) {
		if (update_list_has_text(&run->lists[i]))
			return true;
	}
	return false;
}

static int make_image(struct run *run, uint8_t **image, size_t *len)
{
	struct why *why = &run->result.image_why;
	struct trie trie;
	int err;

	if (!has_texts(run))
		return why_set(why, ERR_NOTFOUND, "there is no copy of any list");
	err = compile_image(run->compile, image, len, why);
	compile_free(run->compile);
	run->compile = NULL;
	if (err != 0)
		return err;
	if (trie_open(&trie, *image, *len, NULL) == 0)
		run->result.n_rules = trie.n_rules;
	run->result.image_len = *len;
	return 0;
}

static int install(struct run *run, const uint8_t *image, size_t len)
{
	bool same = update_store_has_image(&run->store, image, len);
	int err;

	if (same && !run->options->force) {
		run->result.image = UPDATE_IMAGE_UNCHANGED;
		return 0;
	}
	if (run->options->dry) {
		run->result.image = UPDATE_IMAGE_DRY;
		return 0;
	}
	err = update_store_install(&run->store, image, len, &run->result.image_why);
	if (err == 0)
		run->result.image = UPDATE_IMAGE_WRITTEN;
	return err;
}

static void tell_quelld(struct run *run)
{
	struct update_result *result = &run->result;
	bool is_new = result->image == UPDATE_IMAGE_WRITTEN ||
		      (result->image == UPDATE_IMAGE_UNCHANGED && run->store.interrupted);
	char *lines = NULL;
	int err;

	if (!is_new || run->options->dry)
		return;
	err = control_ask(run->options->control, "reload\n", &lines, &result->told_why);
	free(lines);
	if (err == 0)
		result->told = UPDATE_TOLD_RELOADED;
	else if (err == ERR_NOTFOUND)
		result->told = UPDATE_TOLD_NOT_RUNNING;
	else
		result->told = UPDATE_TOLD_FAILED;
}

static int update_all(struct run *run)
{
	uint8_t *image = NULL;
	size_t len = 0;
	int err = take_lists(run);

	if (err == 0 && stopped)
		err = why_set(&run->result.image_why, ERR_DENIED, "stopped by a signal");
	if (err == 0)
		err = make_image(run, &image, &len);
	if (err == 0)
		err = install(run, image, len);
	if (err == 0)
		tell_quelld(run);
	free(image);
	return err;
}

static int exit_code(const struct run *run)
{
	if (run->result.image == UPDATE_IMAGE_FAILED || run->result.told == UPDATE_TOLD_FAILED)
		return UPDATE_EXIT_NOTHING;
	for (unsigned i = 0; i < run->conf->n_lists; i++) {
		if (update_list_failed(&run->lists[i]))
			return UPDATE_EXIT_PARTLY;
	}
	return UPDATE_EXIT_WELL;
}

static void report(struct run *run)
{
	run->result.exit_code = exit_code(run);
	if (run->options->json)
		update_report_json(stdout, &run->result);
	else
		update_report_text(stdout, &run->result);
}

/* Has quelld what the folder has? */
static bool is_in_step(const struct run *run)
{
	if (run->result.told == UPDATE_TOLD_NOT_NEEDED)
		return !run->store.interrupted;
	return run->result.told != UPDATE_TOLD_FAILED;
}

static int open_store(struct run *run)
{
	struct why why;
	int err;

	if (run->options->dry) {
		update_store_look(&run->store, run->conf->state_dir);
		return 0;
	}
	err = update_store_open(&run->store, run->conf->state_dir, &why);
	if (err != 0)
		(void)fprintf(stderr, "quell-update: %s\n", why.text);
	return err;
}

static void run_free(struct run *run)
{
	for (unsigned i = 0; i < run->conf->n_lists && run->lists != NULL; i++)
		update_list_drop(&run->lists[i]);
	free(run->lists);
	compile_free(run->compile);
}

static bool run_alloc(struct run *run)
{
	unsigned n = run->conf->n_lists;

	run->lists = calloc(n, sizeof(*run->lists));
	run->compile = compile_new();
	run->result.lists = run->lists;
	run->result.n_lists = n;
	run->result.state_dir = run->conf->state_dir;
	return run->lists != NULL && run->compile != NULL;
}

int update_run(const struct conf *conf, const struct update_options *options)
{
	struct run run = {.conf = conf, .options = options};
	int code = UPDATE_EXIT_NOTHING;

	catch_signals();
	if (!run_alloc(&run)) {
		(void)fprintf(stderr, "quell-update: %s\n", err_text(ERR_NOMEM));
		goto out;
	}
	if (open_store(&run) != 0)
		goto out;
	(void)update_all(&run); /* its errors are in the result */
	report(&run);
	code = run.result.exit_code;
	update_store_close(&run.store, is_in_step(&run));
out:
	run_free(&run);
	return code;
}
