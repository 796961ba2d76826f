#include "tools/update_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/compile.h"
#include "blocklists/trie.h"
#include "tools/update_fetch.h"
#include "tools/update_list.h"
#include "tools/update_notify.h"
#include "tools/update_progress.h"
#include "tools/update_report.h"
#include "tools/update_store.h"
#include "tools/update_text.h"

struct run {
	const struct conf *conf;
	const struct update_options *options;
	struct update_store store;
	struct update_progress progress;
	struct update_list *lists; /* conf->n_lists of them, their index is the list id */
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

static int refresh_lists(struct run *run)
{
	const struct update_options *options = run->options;
	struct update_fetch *fetch = update_fetch_new(
	    options->max_bytes, options->stall_s, on_progress, &run->progress);

	if (fetch == NULL)
		return why_set(&run->result.image_why, ERR_NOMEM, "libcurl cannot be set up");
	update_progress_init(&run->progress, choose_lists(run));
	for (unsigned i = 0; i < run->conf->n_lists && !stopped; i++) {
		struct update_list *list = &run->lists[i];

		if (list->asked)
			update_progress_begin(&run->progress, list->conf->name);
		update_list_refresh(list, &run->store, fetch, options->dry);
		update_progress_end(&run->progress);
	}
	update_fetch_free(fetch);
	return 0;
}

static void on_skip(void *ctx, const struct compile_source *source, enum feed_skip reason,
    uint64_t line, const char *text, size_t len)
{
	struct run *run = ctx;
	struct update_list *list = &run->lists[source - (struct compile_source *)run->sources];

	(void)line;
	if (reason == FEED_BAD && list->bad_text[0] == '\0')
		update_text_escape(list->bad_text, sizeof(list->bad_text), text, len);
}
