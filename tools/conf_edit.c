/* conf_edit.c - sections found, cut and written. */
#include "tools/conf_edit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS "\t "

/* ---- where the sections stand ---- */

/* One pass over a text whose comments conf_tidy() has blanked and that conf_read_text() accepts. */
struct scan {
	const char *text, *at;
	unsigned depth;		   /* of braces */
	const char *words[2];	   /* the last two tokens, where they are texts; else NULL */
	struct conf_section *room; /* of `size` sections */
	unsigned n, size;
	const char *section; /* the one that is open; NULL: none */
};

static const char *skip_variable(const char *at)
{
	return at + strcspn(at, "}") + 1;
}

static const char *skip_quoted(const char *at)
{
	char quote = *at++;

	while (*at != quote) {
		if (quote == '"' && strncmp(at, "${", 2) == 0)
			at = skip_variable(at);
		else
			at += *at == '\\' ? 2 : 1;
	}
	return at + 1;
}

static void scan_text(struct scan *s, const char *end)
{
	s->words[0] = s->words[1];
	s->words[1] = s->at;
	s->at = end;
}

/* A brace outside of all others opens a section where the name of one and its title stand before
 * it, and values of an option behind `=`. */
static void scan_open(struct scan *s)
{
	if (s->depth++ == 0 && s->words[0] != NULL)
		s->section = s->words[0];
}

static void scan_close(struct scan *s)
{
	if (--s->depth != 0 || s->section == NULL)
		return;
	if (s->n < s->size) {
		s->room[s->n].start = (size_t)(s->section - s->text);
		s->room[s->n].end = (size_t)(s->at + 1 - s->text);
	}
	s->n++;
	s->section = NULL;
}

static void scan_punctuation(struct scan *s)
{
	if (*s->at == '{')
		scan_open(s);
	else if (*s->at == '}')
		scan_close(s);
	s->words[0] = s->words[1] = NULL;
	s->at++;
}

static void scan_token(struct scan *s)
{
	static const char punctuation[] = "={}(),+";
	size_t len = strcspn(s->at, " \t\r\n\"'={}(),+");

	if (strncmp(s->at, "${", 2) == 0)
		scan_text(s, skip_variable(s->at));
	else if (*s->at == '"' || *s->at == '\'')
		scan_text(s, skip_quoted(s->at));
	else if (len > 0)
		scan_text(s, s->at + len);
	else if (strchr(punctuation, *s->at) != NULL)
		scan_punctuation(s);
	else
		s->at++; /* blanks and line ends */
}

/* Find the sections of e->text, as many as e->conf has lists. */
static int find_sections(struct conf_edit *e, struct why *why)
{
	char *tidy = strdup(e->text);
	struct scan s = {.text = tidy, .at = tidy, .size = e->conf->n_lists};
	int err = 0;

	s.room = calloc((size_t)s.size + 1, sizeof(*s.room));
	if (tidy == NULL || s.room == NULL)
		err = why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	if (err == 0)
		err = conf_tidy(tidy, e->name, why);
	while (err == 0 && *s.at != '\0')
		scan_token(&s);
	if (err == 0 && s.n != s.size)
		err = why_set(why, ERR_FORMAT,
		    "%s: it is not clear where each list begins and ends; edit it by hand",
		    e->name);
	free(tidy);
	if (err == 0)
		e->sections = s.room;
	else
		free(s.room);
	return err;
}

/* ---- */

/* Take `text` over, also after an error. */
static int edit_take(struct conf_edit *e, char *text, const char *name, struct why *why)
{
	struct conf *conf = NULL;
	int err;

	*e = (struct conf_edit){0};
	if (text == NULL)
		return why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	err = conf_read_text(&conf, text, name, why);
	*e = (struct conf_edit){.text = text, .name = name, .conf = conf};
	if (err == 0)
		err = find_sections(e, why);
	if (err != 0)
		conf_edit_fini(e);
	return err;
}

int conf_edit_init(struct conf_edit *e, const char *text, const char *name, struct why *why)
{
	return edit_take(e, strdup(text), name, why);
}

void conf_edit_fini(struct conf_edit *e)
{
	free(e->text);
	free(e->sections);
	conf_free(e->conf);
	*e = (struct conf_edit){0};
}

unsigned conf_edit_line(const struct conf_edit *e, unsigned index)
{
	unsigned line = 1;

	for (size_t i = 0; i < e->sections[index].start; i++)
		line += e->text[i] == '\n';
	return line;
}

static unsigned find_name(const struct conf *conf, const char *name)
{
	unsigned i = 0;

	while (i < conf->n_lists && strcmp(conf->lists[i].name, name) != 0)
		i++;
	return i;
}

static char *printed(const struct conf *conf)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	conf_print(conf, to);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

/* Does `less` say all that `more` says but list `index`?  That one is dropped from `more`. */
static bool is_without(struct conf *more, unsigned index, const struct conf *less)
{
	struct conf_list *lists = more->lists;
	char *a, *b;
	bool same;

	if (index >= more->n_lists)
		return false;
	more->n_lists--;
	memmove(&lists[index], &lists[index + 1], (more->n_lists - index) * sizeof(*lists));
	a = printed(more);
	b = printed(less);
	same = a != NULL && b != NULL && strcmp(a, b) == 0;
	free(a);
	free(b);
	return same;
}

/* Make `text`, which is taken over, the text of `e`, if it is what `e` says with list `index`
 * added, or without it.  Else `e` stays. */
static int edit_become(struct conf_edit *e, char *text, bool added, unsigned index, struct why *why)
{
	struct conf_edit next, more;
	int err = edit_take(&next, text, e->name, why);

	if (err != 0)
		return err;
	/* What is compared is altered, so it is read once more. */
	err = conf_edit_init(&more, added ? next.text : e->text, e->name, why);
	if (err != 0)
		goto out;
	if (!is_without(more.conf, index, added ? e->conf : next.conf))
		err = why_set(why, ERR_FORMAT,
		    "%s: more would change than this list; edit it by hand", e->name);
	conf_edit_fini(&more);
out:
	if (err != 0) {
		conf_edit_fini(&next);
		return err;
	}
	conf_edit_fini(e);
	*e = next;
	return 0;
}

/* ---- adding ---- */

static const char *line_end(const char *text)
{
	const char *lf = strchr(text, '\n');

	return lf != NULL && lf > text && lf[-1] == '\r' ? "\r\n" : "\n";
}

/* The blanks at the beginning of the second line of a section, for the first section that has
 * some. */
static size_t indentation(const struct conf_edit *e, const char **blanks)
{
	for (unsigned i = 0; i < e->conf->n_lists; i++) {
		const char *line = strchr(e->text + e->sections[i].start, '\n');
		size_t len = line != NULL ? strspn(line + 1, BLANKS) : 0;

		if (len > 0 && line + 1 + len < e->text + e->sections[i].end &&
		    strchr("}\r\n", line[1 + len]) == NULL) {
			*blanks = line + 1;
			return len;
		}
	}
	*blanks = "\t";
	return 1;
}

/* In double quotes, as conf_print() does it. */
static void put_value(FILE *to, const char *value)
{
	(void)fputc('"', to);
	for (; *value != '\0'; value++) {
		if (strchr("\"\\$", *value) != NULL)
			(void)fputc('\\', to);
		(void)fputc(*value, to);
	}
	(void)fputc('"', to);
}

static void put_section(FILE *to, const struct conf_edit *e, const struct conf_edit_list *list)
{
	const char *eol = line_end(e->text), *blanks;
	size_t len = strlen(e->text), n_blanks = indentation(e, &blanks);
	bool ended = len == 0 || e->text[len - 1] == '\n';

	(void)fprintf(to, "%s%s%slist \"%s\" {%s%.*surl = ", e->text, ended ? "" : eol,
	    len != 0 ? eol : "", list->name, eol, (int)n_blanks, blanks);
	put_value(to, list->url);
	if (list->syntax != NULL)
		(void)fprintf(to, "%s%.*ssyntax = %s", eol, (int)n_blanks, blanks, list->syntax);
	(void)fprintf(to, "%s}%s", eol, ended ? eol : "");
}

static char *with_section(const struct conf_edit *e, const struct conf_edit_list *list)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	put_section(to, e, list);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

static int check_name(const struct conf_edit *e, const char *name, struct why *why)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";

	if (name[0] != '\0' && name[0] != '.' && name[strspn(name, allowed)] == '\0' &&
	    strlen(name) < CONF_NAME_SIZE)
		return 0;
	return why_set(why, ERR_FORMAT,
	    "%s: '%.64s' is no name for a list; it is 1 to %d letters, digits, '-', '_' and '.', "
	    "and begins with no '.'",
	    e->name, name, CONF_NAME_SIZE - 1);
}

static int check_free(const struct conf_edit *e, const struct conf_edit_list *list, struct why *why)
{
	const struct conf *conf = e->conf;
	unsigned i = find_name(conf, list->name);

	if (i < conf->n_lists)
		return why_set(why, ERR_TAKEN, "%s:%u: there is a list \"%s\" already", e->name,
		    conf_edit_line(e, i), list->name);
	for (i = 0; i < conf->n_lists; i++) {
		if (strcmp(conf->lists[i].url, list->url) == 0)
			return why_set(why, ERR_TAKEN, "%s:%u: list \"%s\" has this URL already",
			    e->name, conf_edit_line(e, i), conf->lists[i].name);
	}
	return 0;
}

int conf_edit_add(struct conf_edit *e, const struct conf_edit_list *list, struct why *why)
{
	int err = check_name(e, list->name, why);

	if (err == 0)
		err = check_free(e, list, why);
	if (err != 0)
		return err;
	return edit_become(e, with_section(e, list), true, e->conf->n_lists, why);
}

/* ---- removing ---- */

/* The line end right before `at`: its length; 0: there is none. */
static size_t end_before(const char *text, size_t at)
{
	if (at == 0 || text[at - 1] != '\n')
		return 0;
	return at >= 2 && text[at - 2] == '\r' ? 2 : 1;
}

/* Where the line that the section begins on begins, if nothing but blanks stands before it. */
static bool begins_line(const char *text, size_t *start)
{
	size_t at = *start;

	while (at > 0 && strchr(BLANKS, text[at - 1]) != NULL)
		at--;
	if (at > 0 && text[at - 1] != '\n')
		return false;
	*start = at;
	return true;
}

/* Where the line behind the section ends (before its line end), if only a comment is left. */
static bool ends_line(const char *text, size_t *end)
{
	size_t at = *end + strspn(text + *end, BLANKS);

	if (text[at] == '#' || strncmp(text + at, "//", 2) == 0)
		at += strcspn(text + at, "\n");
	at += strspn(text + at, "\r");
	if (text[at] != '\0' && text[at] != '\n')
		return false;
	*end = at;
	return true;
}

/* What goes with the section `cut`: its lines, if it has them for itself. */
static void widen(const char *text, struct conf_section *cut)
{
	struct conf_section lines = *cut;
	size_t before;

	if (!begins_line(text, &lines.start) || !ends_line(text, &lines.end))
		return;
	*cut = lines;
	before = end_before(text, cut->start);
	/* The empty line above: a line end, and another before it (or nothing at all). */
	if (before > 0 && (cut->start == before || text[cut->start - before - 1] == '\n'))
		cut->start -= before;
	if (text[cut->end] == '\n')
		cut->end++;
	else if (before > 0 && cut->start > 0) /* the last line, which has no end, gets none */
		cut->start -= before == 2 ? end_before(text, cut->start) : 1;
}

static char *without(const char *text, const struct conf_section *cut)
{
	char *left = strdup(text);

	if (left != NULL)
		memmove(left + cut->start, text + cut->end, strlen(text + cut->end) + 1);
	return left;
}

static int no_such_list(const struct conf_edit *e, const char *name, struct why *why)
{
	char names[256] = "no list";
	size_t used = 0;

	for (unsigned i = 0; i < e->conf->n_lists && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
		    i == 0 ? "" : ", ", e->conf->lists[i].name);
	return why_set(why, ERR_NOTFOUND, "%s: there is no list \"%.64s\"; there is: %s", e->name,
	    name, names);
}

int conf_edit_remove(struct conf_edit *e, const char *name, struct why *why)
{
	unsigned index = find_name(e->conf, name);
	struct conf_section cut;

	if (index == e->conf->n_lists)
		return no_such_list(e, name, why);
	cut = e->sections[index];
	widen(e->text, &cut);
	return edit_become(e, without(e->text, &cut), false, index, why);
}
