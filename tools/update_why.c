/* update_why.c - matching rules and their lines, out of an image or texts. */
#include "tools/update_why.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/explain.h"
#include "lib/dns/type.h"
#include "tools/text.h"
#include "tools/update_offline.h"
#include "tools/update_run.h"
#include "tools/update_store.h"

/* A place where a text has the rule of a match. */
struct place {
	size_t match;
	uint64_t line;
};

struct search {
	struct effect_ask ask;
	char **files; /* n_files texts; 0: an image */
	unsigned n_files;
	char *image; /* owned */
	struct trie trie;
	/* --- what was found --- */
	struct judge_match *matches; /* owned */
	struct rule *rules;	     /* owned: of each match; they borrow from the image */
	size_t n;
	struct place *places; /* owned: by list, then by line */
	size_t n_places, places_size;
	unsigned list; /* whose lines are looked for */
};

static int no_memory(struct why *why)
{
	return why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
}

/* ---- The image ---- */

/* One that cannot be read is none: reading it as a text will tell why. */
static bool is_image(const char *path)
{
	char start[64];
	FILE *file = fopen(path, "re");
	size_t n;

	if (file == NULL)
		return false;
	n = fread(start, 1, sizeof(start), file);
	(void)fclose(file);
	return compile_is_image(start, n);
}

static int compile_texts(struct search *s, struct why *why)
{
	struct compile_source *sources = calloc(s->n_files, sizeof(*sources));
	uint8_t *image = NULL;
	size_t len;
	int err;

	if (sources == NULL)
		return no_memory(why);
	for (unsigned i = 0; i < s->n_files; i++)
		sources[i].name = s->files[i];
	err = update_offline_image(sources, s->n_files, NULL, &image, &len, why);
	free(sources);
	s->image = (char *)image;
	return err != 0 ? err : trie_open(&s->trie, image, len, why);
}

/* ---- Matches ---- */

static int find_matches(struct search *s, struct why *why)
{
	s->n = judge_matches(&s->trie, &s->ask, NULL, 0);
	s->matches = calloc(s->n + 1, sizeof(*s->matches));
	s->rules = calloc(s->n + 1, sizeof(*s->rules));
	if (s->matches == NULL || s->rules == NULL)
		return no_memory(why);
	(void)judge_matches(&s->trie, &s->ask, s->matches, s->n);
	for (size_t i = 0; i < s->n; i++) {
		if (!explain_rule(&s->trie, s->ask.name, &s->matches[i], &s->rules[i]))
			return why_set(why, ERR_FORMAT, "the image is damaged");
	}
	return 0;
}

/* ---- Lines ---- */

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* Of two rules that match a name. */
static bool same_rule(const struct rule *a, const struct rule *b)
{
	if (a->kind != b->kind || !same_bytes(a->effect, a->effect_len, b->effect, b->effect_len))
		return false;
	if (a->kind == RULE_REGEX)
		return a->inverted == b->inverted &&
		       same_bytes(a->regex, a->regex_len, b->regex, b->regex_len);
	return same_bytes(a->name, a->name_len, b->name, b->name_len);
}

static int add_place(struct search *s, struct place place)
{
	if (s->n_places == s->places_size) {
		size_t size = s->places_size * 2 + 16;
		struct place *places = realloc(s->places, size * sizeof(*places));

		if (places == NULL)
			return ERR_NOMEM;
		s->places = places;
		s->places_size = size;
	}
	s->places[s->n_places++] = place;
	return 0;
}

static int compare_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	struct search *s = ctx;

	if (rule->kind == RULE_ADDRESS)
		return 0;
	for (size_t i = 0; i < s->n; i++) {
		if (s->matches[i].list == s->list && same_rule(rule, &s->rules[i]))
			return add_place(s, (struct place){.match = i, .line = line});
	}
	return 0;
}

static bool has_match(const struct search *s, unsigned list)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->matches[i].list == list)
			return true;
	}
	return false;
}

/* Read the texts once more, and note where the rules of the matches stand. */
static int find_places(struct search *s, struct why *why)
{
	struct feed_sink sink = {.ctx = s, .rule = compare_rule};
	struct file_buffer text = {NULL, 0};
	struct feed_counts counts;
	int err = 0;

	for (s->list = 0; s->list < s->n_files && err == 0; s->list++) {
		const char *file = s->files[s->list];
		size_t len;

		if (!has_match(s, s->list))
			continue;
		err = update_store_read_into(&text, AT_FDCWD, file, COMPILE_TEXT_MAX, &len, why);
		if (err == 0)
			err = feed_parse(text.bytes, len, NULL, &sink, &counts, why);
	}
	free(text.bytes);
	return err;
}

/* ---- Output ---- */

static void print_match(const struct search *s, size_t match)
{
	char raw[RULE_TEXT_SIZE], text[4 * RULE_TEXT_SIZE];

	rule_text(&s->rules[match], raw);
	printf("%s%s\n", text_escape(text, sizeof(text), raw, strlen(raw)),
	    s->matches[match].voided ? " (void)" : "");
}

static void print_places(const struct search *s, size_t match)
{
	for (size_t i = 0; i < s->n_places; i++) {
		if (s->places[i].match != match)
			continue;
		printf("%s:%" PRIu64 ": ", s->files[s->matches[match].list], s->places[i].line);
		print_match(s, match);
	}
}

static void print(const struct search *s)
{
	char name[NAME_TEXT_SIZE], type[TYPE_TEXT_SIZE];
	char raw[EXPLAIN_VERDICT_SIZE], text[4 * EXPLAIN_VERDICT_SIZE];
	struct judge_verdict verdict;

	for (size_t i = 0; i < s->n; i++) {
		if (s->n_files != 0) {
			print_places(s, i);
		} else {
			printf("%u: ", s->matches[i].list);
			print_match(s, i);
		}
	}
	judge_name(&s->trie, &s->ask, RULE_LISTS_MAX, &verdict);
	explain_verdict(&verdict, s->n, raw);
	printf("%s %s: %s%s\n", name_to_text(s->ask.name, name), type_to_text(s->ask.type, type),
	    text_escape(text, sizeof(text), raw, strlen(raw)),
	    verdict.by_client ? " (another client may get another verdict)" : "");
}

static int search(struct search *s, char **files, unsigned n, struct why *why)
{
	int err;

	for (unsigned i = 0; i < n; i++) {
		if (n != 1 && is_image(files[i]))
			return why_set(why, ERR_FORMAT,
			    "%s: an image stands alone, without other files", files[i]);
	}
	if (n == 1 && is_image(files[0])) {
		err = update_offline_open(&s->trie, files[0], &s->image, why);
	} else {
		s->files = files;
		s->n_files = n;
		err = compile_texts(s, why);
	}
	if (err == 0)
		err = find_matches(s, why);
	return err == 0 ? find_places(s, why) : err;
}

int update_why(char **files, unsigned n, const char *name, uint16_t type)
{
	uint8_t wire[NAME_SIZE];
	struct search s = {.ask = {.name = wire, .type = type}};
	struct why why;
	size_t len;
	int err = name_from_text(name, strlen(name), wire, &len);

	if (err != 0) {
		why_set(&why, err, "%s: this is no domain name", name);
		(void)update_offline_fail(&why);
		return UPDATE_EXIT_USAGE;
	}
	name_lower(wire, wire, len);
	err = search(&s, files, n, &why);
	if (err == 0)
		print(&s);
	free(s.places);
	free(s.rules);
	free(s.matches);
	free(s.image);
	return err == 0 ? UPDATE_EXIT_WELL : update_offline_fail(&why);
}
