/* ctl_why.c - each text is parsed once, for all rules that are wanted of it. */
#include "tools/ctl_why.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tools/why_text.h"

#define TEXT "text "

/* A line of the answer, and what was found for it. */
struct line {
	const char *line;
	struct why_text text; /* path NULL: no text is said */
	struct why_rule rule;
	int64_t written_s;
	bool looked;
	int err;
	struct why why;
};

struct answer {
	struct line *lines; /* owned, n of them */
	size_t n;
};

static bool begins(const char *line, const char *key)
{
	return strncmp(line, key, strlen(key)) == 0;
}

static enum conf_match match_of(const char *word)
{
	if (strcmp(word, "exact") == 0)
		return CONF_MATCH_EXACT;
	if (strcmp(word, "suffix") == 0)
		return CONF_MATCH_SUFFIX;
	return strcmp(word, "below") == 0 ? CONF_MATCH_BELOW : CONF_MATCH_AUTO;
}

/* `SYNTAX MATCH TRUST PATH TAB RULE`, cut into pieces: where the text of the line before is. */
static void take_text(struct line *line, char *words)
{
	const char *syntax = strsep(&words, " "), *match, *trust, *path;

	match = words != NULL ? strsep(&words, " ") : NULL;
	trust = words != NULL ? strsep(&words, " ") : NULL;
	path = words != NULL ? strsep(&words, "\t") : NULL;
	if (words == NULL)
		return;
	line->text = (struct why_text){
	    .path = path,
	    .syntax = feed_find(syntax),
	    .match = match_of(match),
	    .rewrites = strcmp(trust, "rewrite") == 0,
	};
	line->rule.text = words;
}

/* Those of `lines` that are shown; it is cut into pieces. */
static int split(struct answer *a, char *lines)
{
	size_t n = 1;

	for (const char *at = lines; (at = strchr(at, '\n')) != NULL; at++)
		n++;
	a->lines = calloc(n, sizeof(*a->lines));
	if (a->lines == NULL)
		return ERR_NOMEM;
	for (char *line; (line = strsep(&lines, "\n")) != NULL && *line != '\0';) {
		if (!begins(line, TEXT))
			a->lines[a->n++].line = line;
		else if (a->n != 0)
			take_text(&a->lines[a->n - 1], line + strlen(TEXT));
	}
	return 0;
}

/* Look for all rules of the text that a->lines[first] names. */
static int look(struct answer *a, size_t first)
{
	const struct line *of = &a->lines[first];
	struct why_rule *rules = calloc(a->n, sizeof(*rules));
	struct why why = {""};
	int64_t written_s = 0;
	size_t n = 0;
	int err;

	if (rules == NULL)
		return ERR_NOMEM;
	for (size_t i = first; i < a->n; i++) {
		if (a->lines[i].text.path != NULL &&
		    strcmp(a->lines[i].text.path, of->text.path) == 0)
			rules[n++] = a->lines[i].rule;
	}
	err = why_text_find(&of->text, rules, n, &written_s, &why);
	n = 0;
	for (size_t i = first; i < a->n; i++) {
		struct line *line = &a->lines[i];

		if (line->text.path == NULL || strcmp(line->text.path, of->text.path) != 0)
			continue;
		line->rule = rules[n++];
		line->written_s = written_s;
		line->looked = true;
		line->err = err;
		line->why = why;
	}
	free(rules);
	return 0;
}

static void write_line(FILE *to, const struct line *line, int64_t now_s)
{
	char places[WHY_PLACES_SIZE], age[WHY_AGE_SIZE];

	fputs(line->line, to);
	if (line->text.path == NULL)
		;
	else if (line->err != 0)
		fprintf(to, ", to be found in %s (%s)", line->text.path, line->why.text);
	else if (line->rule.n_lines == 0)
		fprintf(to, ", no longer in %s, which is %s old", line->text.path,
		    why_age(line->written_s, now_s, age));
	else
		fprintf(to, ", %s of %s, which is %s old", why_places(&line->rule, places),
		    line->text.path, why_age(line->written_s, now_s, age));
	fputc('\n', to);
}

char *ctl_why(char *lines, int64_t now_s)
{
	struct answer a = {.n = 0};
	char *shown = NULL;
	size_t len;
	FILE *to = NULL;
	int err = split(&a, lines);

	for (size_t i = 0; i < a.n && err == 0; i++) {
		if (a.lines[i].text.path != NULL && !a.lines[i].looked)
			err = look(&a, i);
	}
	if (err == 0)
		to = open_memstream(&shown, &len);
	for (size_t i = 0; i < a.n && to != NULL; i++)
		write_line(to, &a.lines[i], now_s);
	if (to != NULL && fclose(to) != 0) {
		free(shown);
		shown = NULL;
	}
	free(a.lines);
	free(lines);
	return shown;
}
