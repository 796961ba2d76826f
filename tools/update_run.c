/* update_run.c - the steps of a run, in their order. */
#include "tools/update_run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "blocklists/compile.h"
#include "blocklists/trie.h"
#include "blocklists/verify.h"
#include "lib/file.h"
#include "lib/resolvconf.h"
#include "tools/control.h"
#include "tools/text.h"
#include "tools/update_fetch.h"
#include "tools/update_jail.h"
#include "tools/update_list.h"
#include "tools/update_local.h"
#include "tools/update_origin.h"
#include "tools/update_part.h"
#include "tools/update_preview.h"
#include "tools/update_progress.h"
#include "tools/update_report.h"
#include "tools/update_store.h"
#include "tools/update_versions.h"
#include "tools/update_watch.h"

/* Of one list, from the process that compiles. */
struct compiled {
	struct feed_counts counts;
	int left_out; /* it could not be read any more, and why */
	struct why why;
	char bad_text[UPDATE_BAD_SIZE];
};

struct run {
	const struct conf *conf;
	const struct update_options *options;
	struct update_store store;
	struct update_watch watch;
	struct update_list_options list_options;
	struct update_progress progress;
	struct update_transfer **transfers; /* of the lists that are downloaded */
	unsigned n_transfers;
	union addr upstreams[CONF_UPSTREAM_MAX];
	unsigned n_upstreams;
	struct update_list *lists; /* conf->n_lists of them, their index is the list id */
	struct compile *compile;   /* of those that have been refreshed */
	struct compiled *
	    compiled; /* [conf->n_lists]: what the compiler says of each, in memory that both see */
	struct origin origin; /* their names, for those who ask why */
	struct update_result result;
};

#define CLOCK_S 120 /* for the clock to be set, where a certificate fails for it */

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

static bool is_among(char **names, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_named(const struct update_options *options, const char *name)
{
	return options->n_names == 0 || is_among(options->names, options->n_names, name);
}

static bool is_asked(const struct update_options *options, const struct update_list *list)
{
	if (options->roll_back || list->given != 0 ||
	    (options->n_accept != 0 && options->n_names == 0))
		return false;
	return is_named(options, list->conf->name);
}

/* Of the lists that are to take another version, some can, and do.  Returns 0, or the first reason
 * where none can. */
static int move_versions(struct run *run, struct why *why)
{
	const struct update_options *options = run->options;
	unsigned n_moved = 0;
	int first = 0;

	for (unsigned i = 0; i < run->conf->n_lists; i++) {
		const char *name = run->conf->lists[i].name;
		bool accept = is_among(options->accept, options->n_accept, name);
		struct why reason;
		int err;

		if (!accept && !(options->roll_back && is_named(options, name)))
			continue;
		if (accept)
			err =
			    update_versions_accept(&run->store, name, run->conf->versions, &reason);
		else
			err = update_versions_roll_back(&run->store, name, &reason);
		if (err == 0) {
			run->lists[i].given = accept ? UPDATE_ACCEPTED : UPDATE_BACK;
			n_moved++;
		} else if (first == 0) {
			first = why_set(why, err, "list %s: %s", name, reason.text);
		}
	}
	return n_moved != 0 ? 0 : first;
}

static unsigned choose_lists(struct run *run)
{
	unsigned n_asked = 0;

	for (unsigned i = 0; i < run->conf->n_lists; i++) {
		run->lists[i].conf = &run->conf->lists[i];
		run->lists[i].asked = is_asked(run->options, &run->lists[i]);
		n_asked += run->lists[i].asked;
		update_list_prepare(&run->lists[i], &run->store, &run->list_options);
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
	    .syntax = feed_find(list->conf->syntax),
	    .match = list->conf->match,
	    .rewrites = list->conf->trust == CONF_TRUST_REWRITE,
	};
	int err;

	update_list_load(list, &run->store, &run->list_options);
	if (!update_list_has_text(list))
		return compile_add_none(run->compile, why);
	source.text = list->text;
	source.len = list->len;
	err = compile_add(run->compile, &source, on_skip, list, why);
	list->counts = source.counts;
	update_list_drop(list);
	return err;
}

/* ---- the lists ---- */

/* As quelld chooses them, so that quelld itself is never one. */
static void choose_upstreams(struct run *run)
{
	const struct conf *conf = run->conf;

	run->n_upstreams = conf->n_upstream;
	memcpy(run->upstreams, conf->upstream, sizeof(run->upstreams));
	if (conf->n_upstream == 0)
		run->n_upstreams = resolvconf_read(
		    run->upstreams, CONF_UPSTREAM_MAX, conf->listen, conf->n_listen);
	if (run->n_upstreams == 0 && run->n_transfers != 0)
		(void)fprintf(stderr, "quell-update: there is no upstream to ask for the hosts of "
				      "the lists; asking the system's resolver\n");
}

static void refresh(struct run *run, struct update_list *list)
{
	update_list_refresh(list, &run->store, &run->list_options);
	if (list->asked)
		update_progress_ended(&run->progress, list);
}

static struct update_list *list_of(struct run *run, const struct update_transfer *t)
{
	for (unsigned i = 0; i < run->conf->n_lists; i++) {
		if (&run->lists[i].transfer == t)
			return &run->lists[i];
	}
	return NULL;
}

static void on_ended(void *ctx, struct update_transfer *t)
{
	struct run *run = ctx;
	bool was_reached = !stopped || t->tries != 0;

	if (was_reached)
		refresh(run, list_of(run, t));
}

static void on_said(void *ctx, const struct update_transfer *t, const char *text)
{
	struct run *run = ctx;

	update_progress_say(&run->progress, t->name, text);
}

static bool on_tick(void *ctx)
{
	struct run *run = ctx;

	if (!stopped)
		update_progress_show(&run->progress, run->transfers, run->n_transfers);
	return !stopped;
}

static void download(struct run *run)
{
	const struct update_options *options = run->options;
	const struct update_fetch_options fetch = {
	    .parallel = options->parallel,
	    .tries = options->tries,
	    .stall_s = options->stall_s,
	    .pause_ms = options->pause_ms,
	    .clock_s = CLOCK_S,
	    .upstreams = run->upstreams,
	    .n_upstreams = run->n_upstreams,
	    .ended = on_ended,
	    .said = on_said,
	    .tick = on_tick,
	    .ctx = run,
	};

	if (run->n_transfers != 0)
		update_fetch(&fetch, run->transfers, run->n_transfers);
	update_progress_end(&run->progress);
}

/* Bring all lists to their outcomes, those that are here at once, the others as they come. */
static void take_lists(struct run *run)
{
	update_progress_init(&run->progress, choose_lists(run));
	for (unsigned i = 0; i < run->conf->n_lists; i++) {
		struct update_list *list = &run->lists[i];

		if (list->transfer.url != NULL)
			run->transfers[run->n_transfers++] = &list->transfer;
	}
	choose_upstreams(run);
	for (unsigned i = 0; i < run->conf->n_lists && !stopped; i++) {
		if (run->lists[i].transfer.url == NULL)
			refresh(run, &run->lists[i]);
	}
	download(run);
}

/* In the order of the configuration, one text at a time: together they may be larger than the
 * memory. */
static int compile_lists(struct run *run)
{
	int err = 0;

	for (unsigned i = 0; i < run->conf->n_lists && err == 0 && !stopped; i++)
		err = compile_list(run, &run->lists[i]);
	if (err == 0 && stopped)
		err = why_set(&run->result.image_why, ERR_DENIED, "stopped by a signal");
	return err;
}

/* Names that the network needs, where a list blocks one: allowed, by a list of their own behind all
 * others. */
static int exempt(struct run *run)
{
	bool *hits = calloc(run->watch.n + 1, sizeof(*hits)), any = false;
	int err = hits != NULL ? 0 : ERR_NOMEM;

	for (unsigned i = 0; i < run->conf->n_lists && err == 0; i++) {
		const struct update_list *list = &run->lists[i];

		for (unsigned k = 0; k < run->watch.n && update_list_has_text(list); k++) {
			hits[k] = hits[k] || list->facts.hits[k];
			any = any || (hits[k] && run->watch.names[k].kind == UPDATE_WATCH_NEEDED);
		}
	}
	if (any)
		err = update_watch_exempt(&run->watch, hits, run->compile, &run->result.image_why);
	free(hits);
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

/* ---- the image, in a process of its own ---- */

static void tell_compiled(const struct update_list *list, struct compiled *c)
{
	c->counts = list->counts;
	c->left_out = list->outcome == UPDATE_LEFT_OUT;
	c->why = list->why;
	memcpy(c->bad_text, list->bad_text, sizeof(c->bad_text));
}

/* Bytes that were made of a list's text, to be shown. */
static void take_text(char *to, const char *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = from[i] == '\0' || (from[i] >= ' ' && from[i] < 0x7f) ? from[i] : '?';
	to[size - 1] = '\0';
}

static void take_compiled(struct update_list *list, const struct compiled *c)
{
	if (!update_list_has_text(list))
		return;
	list->counts = c->counts;
	take_text(list->bad_text, c->bad_text, sizeof(list->bad_text));
	if (c->left_out == 0)
		return;
	list->outcome = UPDATE_LEFT_OUT;
	take_text(list->why.text, c->why.text, sizeof(list->why.text));
}

/* In that process: the texts to an image, which is written to `out`. */
static int compile_inside(void *ctx, int out, struct why *why)
{
	struct run *run = ctx;
	uint8_t *image = NULL;
	size_t len;
	int err = compile_lists(run);

	for (unsigned i = 0; i < run->conf->n_lists; i++)
		tell_compiled(&run->lists[i], &run->compiled[i]);
	if (err == 0 && !has_texts(run))
		err = why_set(&run->result.image_why, ERR_NOTFOUND, "there is no copy of any list");
	if (err == 0)
		err = exempt(run);
	if (err == 0)
		err = compile_image(run->compile, &image, &len, &run->result.image_why);
	if (err == 0)
		err = file_write(out, "image in memory", image, len, &run->result.image_why);
	free(image);
	*why = run->result.image_why;
	return err;
}

/* The files that the texts are in: the folder of copies, and where nothing is copied the lists' own. */
static unsigned texts_of(const struct run *run, char local[][CONF_PATH_SIZE], const char **paths)
{
	unsigned n = 0;

	paths[n++] = run->conf->state_dir;
	for (unsigned i = 0; i < run->conf->n_lists && run->options->dry; i++) {
		const struct conf_list *list = &run->conf->lists[i];

		if (list->url[0] == '\0')
			paths[n++] = list->file;
		else if (update_local_path(list->url, local[i]))
			paths[n++] = local[i];
	}
	return n;
}

static int compile_outside(struct run *run, char **image, size_t *len)
{
	unsigned n_lists = run->conf->n_lists;
	char(*local)[CONF_PATH_SIZE] = calloc(n_lists, sizeof(*local));
	const char **paths = calloc(n_lists + 1, sizeof(*paths));
	struct why *why = &run->result.image_why;
	int err = ERR_NOMEM;

	if (local != NULL && paths != NULL)
		err = update_jail(
		    compile_inside, run, paths, texts_of(run, local, paths), image, len, why);
	else
		(void)why_set(why, err, "no memory");
	free(local);
	free(paths);
	for (unsigned i = 0; i < n_lists; i++)
		take_compiled(&run->lists[i], &run->compiled[i]);
	if (err == 0 && stopped)
		err = why_set(why, ERR_DENIED, "stopped by a signal");
	return err;
}

/* Into *image: a sound one, or with an error perhaps another. */
static int make_image(struct run *run, uint8_t **image, size_t *len)
{
	struct why *why = &run->result.image_why;
	struct trie trie;
	char *bytes = NULL;
	int err = compile_outside(run, &bytes, len);

	*image = (uint8_t *)bytes;
	if (err == 0)
		err = verify_image(*image, *len, why);
	if (err == 0)
		err = trie_open(&trie, *image, *len, why);
	if (err != 0)
		return err;
	run->result.n_rules = trie.n_rules;
	run->result.image_len = *len;
	return 0;
}

/* Is it put down of which lists the image is? */
static bool has_origin(struct run *run, const uint8_t *image, size_t len)
{
	struct origin known;

	update_origin_read(run->store.dir_fd, "image", image, len, &known);
	return origin_same(&known, &run->origin);
}

static int install(struct run *run, const uint8_t *image, size_t len)
{
	bool same = update_store_has_image(&run->store, image, len) && has_origin(run, image, len);
	int err;

	if (same && !run->options->force) {
		run->result.image = UPDATE_IMAGE_UNCHANGED;
		return 0;
	}
	if (run->options->dry) {
		run->result.image = UPDATE_IMAGE_DRY;
		return 0;
	}
	err = update_origin_write(
	    run->store.dir_fd, "image", image, len, &run->origin, &run->result.image_why);
	if (err == 0)
		err = update_store_install(&run->store, image, len, &run->result.image_why);
	if (err == 0)
		run->result.image = UPDATE_IMAGE_WRITTEN;
	return err;
}

/* What `image` would change beside the one in force; the report goes before it. */
static int show_preview(struct run *run, const uint8_t *image, size_t len)
{
	const struct update_options *options = run->options;
	struct why *why = &run->result.image_why;
	struct trie old = {0}, new;
	struct update_preview preview = {0};
	char *names = NULL, *present;
	size_t names_len, present_len;
	int err = 0;

	if (options->names_path != NULL)
		err = update_store_read_at(
		    AT_FDCWD, options->names_path, COMPILE_TEXT_MAX, &names, &names_len, why);
	if (err == 0)
		err = trie_open(&new, image, len, why);
	/* Without one that is whole, all is new. */
	present = update_store_present(&run->store, &present_len);
	if (present == NULL || verify_image(present, present_len, NULL) != 0 ||
	    trie_open(&old, present, present_len, NULL) != 0)
		old = (struct trie){0};
	if (err == 0)
		err = update_preview_make(&preview, &old, &new, why);
	if (err == 0 && options->json)
		update_preview_json(stdout, &preview, &run->result, names);
	else if (err == 0)
		update_preview_text(stdout, &preview, &run->result, names);
	update_preview_fini(&preview);
	free(names);
	free(present);
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
	run->result.n_written = update_store_written();
	if (run->options->json && run->options->preview && run->result.image != UPDATE_IMAGE_FAILED)
		return; /* it is one object with the preview */
	if (run->options->json)
		update_report_json(stdout, &run->result);
	else
		update_report_text(stdout, &run->result);
}

/* Its errors are in the result. */
static void update_all(struct run *run)
{
	uint8_t *image = NULL;
	size_t len = 0;
	int err;

	take_lists(run);
	err = make_image(run, &image, &len);
	if (err == 0)
		err = install(run, image, len);
	if (err == 0)
		tell_quelld(run);
	report(run);
	if (err == 0 && run->options->preview && show_preview(run, image, len) != 0) {
		(void)fprintf(stderr, "quell-update: %s\n", run->result.image_why.text);
		run->result.exit_code = UPDATE_EXIT_NOTHING;
	}
	free(image);
}

/* Has quelld what the folder has? */
static bool is_in_step(const struct run *run)
{
	if (run->result.told == UPDATE_TOLD_NOT_NEEDED)
		return !run->store.interrupted;
	return run->result.told != UPDATE_TOLD_FAILED;
}

static bool is_downloaded(void *ctx, const char *name)
{
	const struct run *run = ctx;

	for (unsigned i = 0; i < run->conf->n_lists; i++) {
		const struct conf_list *list = &run->conf->lists[i];

		if (list->url[0] != '\0' && strcmp(list->name, name) == 0)
			return true;
	}
	return false;
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
	if (err == 0)
		update_part_sweep(run->store.lists_fd, is_downloaded, run);
	else
		(void)fprintf(stderr, "quell-update: %s\n", why.text);
	return err;
}

static void run_free(struct run *run)
{
	for (unsigned i = 0; i < run->conf->n_lists && run->lists != NULL; i++)
		update_list_fini(&run->lists[i]);
	free(run->lists);
	free(run->transfers);
	compile_free(run->compile);
	if (run->compiled != NULL && run->compiled != MAP_FAILED)
		(void)munmap(run->compiled, (run->conf->n_lists + 1) * sizeof(*run->compiled));
	update_watch_fini(&run->watch);
}

static bool run_alloc(struct run *run)
{
	unsigned n = run->conf->n_lists;

	run->lists = calloc(n, sizeof(*run->lists));
	run->transfers = calloc(n, sizeof(struct update_transfer *));
	run->compile = compile_new();
	run->compiled = mmap(NULL, (n + 1) * sizeof(*run->compiled), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	run->list_options = (struct update_list_options){.watch = &run->watch,
	    .versions = run->conf->versions,
	    .max_bytes = run->options->max_bytes,
	    .dry = run->options->dry};
	run->result.lists = run->lists;
	run->result.n_lists = n;
	run->result.watch = &run->watch;
	run->result.state_dir = run->conf->state_dir;
	for (unsigned i = 0; i < n; i++)
		origin_add(&run->origin, run->conf->lists[i].name);
	return run->lists != NULL && run->transfers != NULL && run->compile != NULL &&
	       run->compiled != MAP_FAILED;
}

/* From here on nothing is written but in the folder of lists, and no program is run. */
static void enter_sandbox(const struct conf *conf)
{
	const char *const write[] = {conf->state_dir};
	const struct sandbox_wish wish = {.kind = SANDBOX_UPDATER, .write = write, .n_write = 1};

	update_jail_enter(&wish);
}

int update_run(const struct conf *conf, const struct update_options *options)
{
	struct run run = {.conf = conf, .options = options};
	int code = UPDATE_EXIT_NOTHING;
	struct why why;

	catch_signals();
	if (!run_alloc(&run) || update_watch_init(&run.watch, conf, &why) != 0) {
		(void)fprintf(stderr, "quell-update: %s\n", err_text(ERR_NOMEM));
		goto out;
	}
	if (run.watch.trouble.text[0] != '\0')
		(void)fprintf(stderr,
		    "quell-update: names that are allowed there are not looked out for: %s\n",
		    run.watch.trouble.text);
	if (open_store(&run) != 0)
		goto out;
	if ((options->roll_back || options->n_accept != 0) && move_versions(&run, &why) != 0) {
		(void)fprintf(stderr, "quell-update: %s\n", why.text);
		update_store_close(&run.store, !run.store.interrupted);
		goto out;
	}
	if (options->sandbox)
		enter_sandbox(conf);
	update_all(&run);
	code = run.result.exit_code;
	update_store_close(&run.store, is_in_step(&run));
out:
	run_free(&run);
	return code;
}
