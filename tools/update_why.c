/* update_why.c - matching rules out of an image or texts. */
#include "tools/update_why.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/compile.h"
#include "blocklists/feed.h"
#include "blocklists/trie.h"
#include "tools/update_offline.h"
#include "tools/update_run.h"
#include "tools/update_store.h"

/* A rule that covers the name; its own name is the rightmost `labels` labels of it. */
struct match {
	unsigned labels;
	enum rule_kind kind;
	unsigned list;
	uint64_t line; /* of a text */
};

struct search {
	uint8_t name[NAME_SIZE];
	unsigned list;	       /* the text that is searched now */
	struct match *matches; /* owned */
	size_t n, size;
};

static int add(struct search *s, struct match match)
{
	if (s->n == s->size) {
		size_t size = s->size * 2 + 16;
		struct match *matches = realloc(s->matches, size * sizeof(*matches));

		if (matches == NULL)
			return ERR_NOMEM;
		s->matches = matches;
		s->size = size;
	}
	s->matches[s->n++] = match;
	return 0;
}

static int take_rule(
    void *ctx, const uint8_t *name, size_t name_len, enum rule_kind kind, uint64_t line)
{
	struct search *s = ctx;

	(void)name_len;
	if (!rule_covers(kind, name, s->name))
		return 0;
	return add(
	    s, (struct match){
		   .labels = name_labels(name), .kind = kind, .list = s->list, .line = line});
}

static int search_text(
    struct search *s, const char *file, const char *text, size_t len, struct why *why)
{
	struct feed_sink sink = {.ctx = s, .rule = take_rule};
	struct why reason = {""};
	struct feed_counts counts;
	int err = feed_parse(text, len, NULL, &sink, &counts, &reason);

	if (err == 0)
		return 0;
	return why_set(
	    why, err, "%s: %s", file, reason.text[0] != '\0' ? reason.text : err_text(err));
}

static int search_image(struct search *s, const char *file, struct why *why)
{
	struct trie_match *found;
	struct trie t;
	char *bytes = NULL;
	size_t n;
	int err = update_offline_open(&t, file, &bytes, why);

	if (err != 0)
		return err;
	n = trie_matches(&t, s->name, NULL, 0);
	found = calloc(n + 1, sizeof(*found));
	if (found == NULL) {
		err = why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
		goto out;
	}
	trie_matches(&t, s->name, found, n);
	for (size_t i = 0; i < n && err == 0; i++)
		err = add(s,
		    (struct match){
			.labels = found[i].labels, .kind = found[i].kind, .list = found[i].list});
out:
	free(found);
	free(bytes);
	return err;
}

/* *is_image: what it is. */
static int search_file(
    struct search *s, const char *file, bool alone, bool *is_image, struct why *why)
{
	char *text = NULL;
	size_t len = 0;
	int err = update_store_read_at(AT_FDCWD, file, SIZE_MAX / 2, &text, &len, why);

	if (err != 0)
		return err;
	*is_image = compile_is_image(text, len);
	if (*is_image && !alone)
		err = why_set(
		    why, ERR_FORMAT, "%s: an image stands alone, without other files", file);
	else if (*is_image)
		err = search_image(s, file, why);
	else
		err = search_text(s, file, text, len, why);
	free(text);
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct match *x = a, *y = b;

	if (x->labels != y->labels)
		return x->labels > y->labels ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

static void print(const struct search *s, char **files, bool is_image, const char *type)
{
	char text[NAME_TEXT_SIZE];

	for (size_t i = 0; i < s->n; i++) {
		const struct match *m = &s->matches[i];

		if (is_image)
			printf("%u: ", m->list);
		else
			printf("%s:%" PRIu64 ": ", files[m->list], m->line);
		printf("%s %s\n", rule_kind_text(m->kind),
		    name_to_text(name_last_labels(s->name, m->labels), text));
	}
	printf("%s%s%s: %s\n", name_to_text(s->name, text), type != NULL ? " " : "",
	    type != NULL ? type : "", s->n != 0 ? "blocked" : "not blocked");
}

int update_why(char **files, unsigned n, const char *name, const char *type)
{
	struct search s = {0};
	bool is_image = false;
	struct why why;
	size_t len;
	int err = name_from_text(name, strlen(name), s.name, &len);

	if (err != 0) {
		why_set(&why, err, "%s: this is no domain name", name);
		(void)update_offline_fail(&why);
		return UPDATE_EXIT_USAGE;
	}
	name_lower(s.name, s.name, len);
	for (s.list = 0; s.list < n && err == 0; s.list++)
		err = search_file(&s, files[s.list], n == 1, &is_image, &why);
	if (err == 0 && s.n != 0)
		qsort(s.matches, s.n, sizeof(*s.matches), compare);
	if (err == 0)
		print(&s, files, is_image, type);
	free(s.matches);
	return err == 0 ? UPDATE_EXIT_WELL : update_offline_fail(&why);
}
