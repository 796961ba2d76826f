/* update_offline.c - compile, dump, verify. */
#include "tools/update_offline.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/compile.h"
#include "blocklists/verify.h"
#include "blocklists/walk.h"
#include "lib/file.h"
#include "tools/text.h"
#include "tools/update_origin.h"
#include "tools/update_run.h"
#include "tools/update_skips.h"
#include "tools/update_store.h"

int update_offline_fail(const struct why *why)
{
	char text[4 * sizeof(why->text)];

	text_escape(text, sizeof(text), why->text, strlen(why->text));
	(void)fprintf(stderr, "quell-update: %s\n", text);
	return UPDATE_EXIT_NOTHING;
}

int update_offline_open(struct trie *t, const char *path, char **bytes, struct why *why)
{
	struct why reason;
	size_t len;
	int err = update_store_read_at(AT_FDCWD, path, SIZE_MAX / 2, bytes, &len, why);

	if (err != 0)
		return err;
	err = verify_image(*bytes, len, &reason);
	if (err == 0)
		err = trie_open(t, *bytes, len, &reason);
	if (err == 0)
		return 0;
	free(*bytes);
	*bytes = NULL;
	return why_set(why, err, "%s: %s", path, reason.text);
}

int update_offline_verify(const char *path)
{
	char size[TEXT_BYTES_SIZE];
	struct why why;
	struct trie t = {0};
	char *bytes = NULL;

	if (update_offline_open(&t, path, &bytes, &why) != 0)
		return update_offline_fail(&why);
	printf("%s: valid, %" PRIu64 " rules of %" PRIu64 " names in %" PRIu32 " lists, ", path,
	    t.n_rules, t.n_names, t.n_lists);
	if (t.patterns.n != 0)
		printf("%" PRIu32 " expressions, ", t.patterns.n);
	if (t.networks.n != 0)
		printf("%" PRIu32 " networks, ", t.networks.n);
	puts(text_bytes(size, t.len));
	free(bytes);
	return UPDATE_EXIT_WELL;
}

/* ---- compile ---- */

static void print_skip(void *ctx, const struct compile_source *source, enum feed_skip reason,
    uint64_t line, const char *text, size_t len)
{
	char shown[96];

	(void)ctx;
	if (reason == FEED_BAD && source->counts.skips[FEED_BAD] <= 1)
		(void)fprintf(stderr, "%s:%" PRIu64 ": %s: \"%s\"\n", source->name, line,
		    feed_skip_text(reason), text_escape(shown, sizeof(shown), text, len));
}

static void print_counts(const struct compile_source *sources, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct compile_source *source = &sources[i];

		printf("%u %s: %s, %" PRIu64 " rules, %" PRIu64 " bad lines", i, source->name,
		    source->used->name, source->counts.rules, source->counts.skips[FEED_BAD]);
		update_skips_text(stdout, &source->counts);
		putchar('\n');
	}
}

static int add_file(struct compile *c, struct compile_source *source, struct file_buffer *buffer,
    compile_skip_fn *skip, struct why *why)
{
	int err = update_store_read_into(
	    buffer, AT_FDCWD, source->name, COMPILE_TEXT_MAX, &source->len, why);

	if (err != 0)
		return err;
	if (compile_is_image(buffer->bytes, source->len))
		return why_set(
		    why, ERR_FORMAT, "%s: it is an image already, not a text", source->name);
	source->text = buffer->bytes;
	source->gives_back = true;
	err = compile_add(c, source, skip, NULL, why);
	source->text = NULL;
	return err;
}

int update_offline_image(struct compile_source *sources, unsigned n, compile_skip_fn *skip,
    uint8_t **image, size_t *len, struct why *why)
{
	struct compile *c = compile_new();
	struct file_buffer text = {NULL, 0};
	int err = c != NULL ? 0 : why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));

	for (unsigned i = 0; i < n && err == 0; i++)
		err = add_file(c, &sources[i], &text, skip, why);
	free(text.bytes);
	if (err == 0)
		err = compile_image(c, image, len, why);
	compile_free(c);
	return err;
}

/* Lists are called as their files are. */
static int write_origin(
    const char *path, char **files, unsigned n, const uint8_t *image, size_t len, struct why *why)
{
	struct origin *origin = calloc(1, sizeof(*origin));
	int err;

	if (origin == NULL)
		return why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	for (unsigned i = 0; i < n; i++) {
		const char *slash = strrchr(files[i], '/');

		origin_add(origin, slash != NULL ? slash + 1 : files[i]);
	}
	err = update_origin_write(AT_FDCWD, path, image, len, origin, why);
	free(origin);
	return err;
}

int update_offline_compile(const char *path, char **files, unsigned n)
{
	struct compile_source *sources = calloc(n, sizeof(*sources));
	uint8_t *image = NULL;
	struct why why;
	size_t len;
	int err;

	if (sources == NULL) {
		err = why_set(&why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
		goto out;
	}
	for (unsigned i = 0; i < n; i++)
		sources[i].name = files[i];
	err = update_offline_image(sources, n, print_skip, &image, &len, &why);
	if (err == 0)
		err = write_origin(path, files, n, image, len, &why);
	if (err == 0)
		err = update_store_write_image(path, image, len, &why);
	if (err == 0)
		print_counts(sources, n);
out:
	free(image);
	free(sources);
	return err == 0 ? UPDATE_EXIT_WELL : update_offline_fail(&why);
}

/* ---- dump ---- */

/* The lines of a dump, each with a NUL behind it. */
struct dump {
	char *text;
	size_t len, size;
	size_t n_lines;
	size_t rule_off; /* in the last line: where the rule begins, behind the lists */
	uint16_t list;	 /* of the last line: the last one */
};

static int dump_put(struct dump *d, const char *text, size_t len)
{
	if (d->size - d->len < len) {
		size_t size = d->size + d->size / 2 + len + 4096;
		char *larger = realloc(d->text, size);

		if (larger == NULL)
			return ERR_NOMEM;
		d->text = larger;
		d->size = size;
	}
	memcpy(d->text + d->len, text, len);
	d->len += len;
	return 0;
}

/* Is the rule the one of the last line, on one more list?  (Lists come in their order.) */
static bool is_last_rule(const struct dump *d, const char *rule, uint16_t list)
{
	return d->n_lines != 0 && list > d->list && strcmp(d->text + d->rule_off, rule) == 0;
}

static int dump_rule(void *ctx, const struct rule *rule, uint16_t list)
{
	struct dump *d = ctx;
	char raw[RULE_TEXT_SIZE], text[4 * RULE_TEXT_SIZE], lists[16];
	size_t lists_len;
	int err;

	rule_text(rule, raw);
	text_escape(text, sizeof(text), raw, strlen(raw));
	if (is_last_rule(d, text, list)) {
		d->len = d->rule_off - 1;
		lists_len = (size_t)snprintf(lists, sizeof(lists), ",%u ", list);
	} else {
		d->n_lines++;
		lists_len = (size_t)snprintf(lists, sizeof(lists), "%u ", list);
	}
	d->list = list;
	err = dump_put(d, lists, lists_len);
	d->rule_off = d->len;
	return err != 0 ? err : dump_put(d, text, strlen(text) + 1);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int print_sorted(const struct dump *d)
{
	const char **lines = malloc((d->n_lines + 1) * sizeof(*lines)), *line = d->text;

	if (lines == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < d->n_lines; i++, line += strlen(line) + 1)
		lines[i] = line;
	qsort(lines, d->n_lines, sizeof(*lines), by_text);
	for (size_t i = 0; i < d->n_lines; i++)
		puts(lines[i]);
	free(lines);
	return 0;
}

int update_offline_dump(const char *path)
{
	struct dump d = {0};
	struct why why, reason = {""};
	struct trie t = {0};
	char *bytes = NULL;
	int err = update_offline_open(&t, path, &bytes, &why);

	if (err != 0)
		return update_offline_fail(&why);
	err = walk_rules(&t, dump_rule, &d, &reason);
	free(bytes);
	if (err == 0)
		err = print_sorted(&d);
	if (err != 0)
		why_set(&why, err, "%s: %s", path,
		    reason.text[0] != '\0' ? reason.text : err_text(err));
	free(d.text);
	return err == 0 ? UPDATE_EXIT_WELL : update_offline_fail(&why);
}
