/* update_offline.c - compile, dump, verify. */
#include "tools/update_offline.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/compile.h"
#include "blocklists/verify.h"
#include "tools/update_run.h"
#include "tools/update_store.h"
#include "tools/text.h"

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
	printf("%s: valid, %" PRIu64 " rules of %" PRIu64 " names in %" PRIu32 " lists, %s\n", path,
	    t.n_rules, t.n_names, t.n_lists, text_bytes(size, t.len));
	free(bytes);
	return UPDATE_EXIT_WELL;
}

/* ---- compile ---- */

struct compile {
	struct compile_source *sources;
	char **texts; /* owned */
	unsigned n;
};

static int read_sources(struct compile *c, char **files, struct why *why)
{
	for (unsigned i = 0; i < c->n; i++) {
		size_t len = 0;
		int err = update_store_read_at(
		    AT_FDCWD, files[i], COMPILE_TEXT_MAX, &c->texts[i], &len, why);

		if (err != 0)
			return err;
		if (compile_is_image(c->texts[i], len))
			return why_set(
			    why, ERR_FORMAT, "%s: it is an image already, not a text", files[i]);
		c->sources[i] = (struct compile_source){
		    .name = files[i], .text = c->texts[i], .len = len, .match = CONF_MATCH_AUTO};
	}
	return 0;
}

static void print_skip(void *ctx, const struct compile_source *source, enum feed_skip reason,
    uint64_t line, const char *text, size_t len)
{
	char shown[96];

	(void)ctx;
	if (reason == FEED_BAD && source->counts.skips[FEED_BAD] <= 1)
		(void)fprintf(stderr, "%s:%" PRIu64 ": %s: \"%s\"\n", source->name, line,
		    feed_skip_text(reason), text_escape(shown, sizeof(shown), text, len));
}

static void print_counts(const struct compile *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct compile_source *source = &c->sources[i];

		printf("%u %s: %s, %" PRIu64 " rules, %" PRIu64 " bad lines\n", i, source->name,
		    source->used->name, source->counts.rules, source->counts.skips[FEED_BAD]);
	}
}

static int compile_to(const char *path, struct compile *c, char **files, struct why *why)
{
	uint8_t *image = NULL;
	size_t len = 0;
	int err = read_sources(c, files, why);

	if (err == 0)
		err = compile_texts(c->sources, c->n, print_skip, NULL, &image, &len, why);
	if (err == 0)
		err = update_store_write_image(path, image, len, why);
	if (err == 0)
		print_counts(c);
	free(image);
	return err;
}

int update_offline_compile(const char *path, char **files, unsigned n)
{
	struct compile c = {.n = n};
	struct why why;
	int code = UPDATE_EXIT_WELL;

	c.sources = calloc(n, sizeof(*c.sources));
	c.texts = calloc(n, sizeof(*c.texts));
	if (c.sources == NULL || c.texts == NULL) {
		why_set(&why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
		code = update_offline_fail(&why);
	} else if (compile_to(path, &c, files, &why) != 0) {
		code = update_offline_fail(&why);
	}
	for (unsigned i = 0; i < n && c.texts != NULL; i++)
		free(c.texts[i]);
	free(c.texts);
	free(c.sources);
	return code;
}

/* ---- dump ---- */

/* All rules of an image; the names lie one behind the other in a pool. */
struct dump {
	struct dump_rule {
		size_t name_off;
		uint16_t list;
		uint8_t kind;
		uint8_t name_len;
	} * rules;
	uint8_t *names;
	size_t n, names_len, names_size;
	uint64_t n_max;
};

static int dump_take(void *ctx, const struct rule *rule)
{
	struct dump *d = ctx;

	if (d->n == d->n_max)
		return ERR_LIMIT;
	if (d->names_len + rule->name_len > d->names_size) {
		size_t size = d->names_size * 2 + NAME_SIZE;
		uint8_t *names = realloc(d->names, size);

		if (names == NULL)
			return ERR_NOMEM;
		d->names = names;
		d->names_size = size;
	}
	memcpy(d->names + d->names_len, rule->name, rule->name_len);
	d->rules[d->n++] = (struct dump_rule){.name_off = d->names_len,
	    .list = rule->list,
	    .kind = (uint8_t)rule->kind,
	    .name_len = rule->name_len};
	d->names_len += rule->name_len;
	return 0;
}

/* 0: the same rule, but for the list. */
static int compare_rules(const struct dump *d, const struct dump_rule *a, const struct dump_rule *b)
{
	if (a->name_len != b->name_len)
		return a->name_len < b->name_len ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return memcmp(d->names + a->name_off, d->names + b->name_off, a->name_len);
}

static int by_rule_and_list(const void *a, const void *b, void *ctx)
{
	const struct dump_rule *x = a, *y = b;
	int order = compare_rules(ctx, x, y);

	return order != 0 ? order : (x->list > y->list) - (x->list < y->list);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The lines, each with a NUL behind it, into `to`; returns how many. */
static size_t write_lines(const struct dump *d, FILE *to)
{
	char text[NAME_TEXT_SIZE];
	size_t n_lines = 0;

	for (size_t i = 0; i < d->n; i++) {
		const struct dump_rule *rule = &d->rules[i];

		if (i + 1 < d->n && compare_rules(d, rule, rule + 1) == 0) {
			(void)fprintf(to, "%u,", rule->list);
			continue;
		}
		(void)fprintf(to, "%u %s %s%c", rule->list, rule_kind_text(rule->kind),
		    name_to_text(d->names + rule->name_off, text), '\0');
		n_lines++;
	}
	return n_lines;
}

static int print_sorted(char *text, size_t n_lines)
{
	char **lines = malloc((n_lines + 1) * sizeof(*lines));

	if (lines == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n_lines; i++, text += strlen(text) + 1)
		lines[i] = text;
	qsort(lines, n_lines, sizeof(*lines), by_text);
	for (size_t i = 0; i < n_lines; i++)
		puts(lines[i]);
	free(lines);
	return 0;
}

static int dump_rules(struct dump *d)
{
	char *text = NULL;
	size_t len, n_lines;
	FILE *to = open_memstream(&text, &len);
	int err = ERR_NOMEM;

	if (to == NULL)
		return ERR_NOMEM;
	qsort_r(d->rules, d->n, sizeof(*d->rules), by_rule_and_list, d);
	n_lines = write_lines(d, to);
	if (fclose(to) == 0)
		err = print_sorted(text, n_lines);
	free(text);
	return err;
}

int update_offline_dump(const char *path)
{
	struct dump d = {0};
	struct why why;
	struct trie t = {0};
	char *bytes = NULL;
	int err = update_offline_open(&t, path, &bytes, &why);

	if (err != 0)
		return update_offline_fail(&why);
	d.n_max = t.n_rules;
	if (t.n_rules < SIZE_MAX / sizeof(*d.rules)) /* sets make rules of few bytes */
		d.rules = malloc(((size_t)t.n_rules + 1) * sizeof(*d.rules));
	err = d.rules != NULL ? trie_each(&t, dump_take, &d) : ERR_NOMEM;
	if (err == 0)
		err = dump_rules(&d);
	if (err != 0)
		why_set(&why, err, "%s: %s", path, err_text(err));
	free(d.rules);
	free(d.names);
	free(bytes);
	return err == 0 ? UPDATE_EXIT_WELL : update_offline_fail(&why);
}
