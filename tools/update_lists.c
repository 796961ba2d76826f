/* update_lists.c - the catalogue shown, and the configuration edited. */
#include "tools/update_lists.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "blocklists/catalogue.h"
#include "blocklists/feed.h"
#include "tools/conf_edit.h"
#include "tools/conf_file.h"
#include "tools/text.h"
#include "tools/update_run.h"

#define ESCAPED_SIZE (4 * sizeof(((struct why *)NULL)->text))

static int fail(int err, const struct why *why)
{
	char text[ESCAPED_SIZE];

	text_escape(text, sizeof(text), why->text, strlen(why->text));
	(void)fprintf(stderr, "quell-update: %s\n", text);
	return err == ERR_FORMAT || err == ERR_NOTFOUND ? UPDATE_EXIT_USAGE : UPDATE_EXIT_NOTHING;
}

/* ---- the catalogue ---- */

static void show_line(const struct catalogue_entry *e)
{
	char n_names[16] = "-";

	if (e->n_names != 0)
		(void)snprintf(n_names, sizeof(n_names), "%u", e->n_names);
	printf("%-24s %7s  %-8s %-26s  %s\n", e->name, n_names, e->syntax, e->licence, e->purpose);
}

static void json_field(const char *key, const char *value)
{
	printf("\"%s\": ", key);
	text_json(stdout, value);
	fputs(", ", stdout);
}

/* "ads, tracking" as an array. */
static void json_words(const char *words)
{
	char word[64];

	for (const char *sep = ""; *words != '\0'; sep = ", ") {
		size_t len = strcspn(words, ",");

		(void)snprintf(word, sizeof(word), "%.*s", (int)len, words);
		fputs(sep, stdout);
		text_json(stdout, word);
		words += len + strspn(words + len, ", ");
	}
}

static void show_json(const struct catalogue_entry *e)
{
	fputs("{", stdout);
	json_field("name", e->name);
	json_field("title", e->title);
	json_field("url", e->url);
	json_field("syntax", e->syntax);
	json_field("licence", e->licence);
	json_field("homepage", e->homepage);
	fputs("\"for\": [", stdout);
	json_words(e->purpose);
	if (e->n_names != 0)
		printf("], \"names\": %u, \"as_of\": \"%s\"}", e->n_names, e->as_of);
	else
		fputs("], \"names\": null, \"as_of\": null}", stdout);
}

int update_lists_catalogue(bool json)
{
	if (json)
		fputs("{\"lists\": [", stdout);
	for (const struct catalogue_entry *e = catalogue; e->name != NULL; e++) {
		if (!json) {
			show_line(e);
			continue;
		}
		fputs(e == catalogue ? "\n" : ",\n", stdout);
		show_json(e);
	}
	if (json)
		puts("\n]}");
	else
		(void)fputs("Add one of them: quell-update add NAME\n", stderr);
	return UPDATE_EXIT_WELL;
}

/* ---- names ---- */

/* Hosts where the first part of the path, not the host, is the publisher. */
static bool is_forge(const char *host, size_t len)
{
	static const char *const forges[] = {"raw.githubusercontent.com", "github.com",
	    "gitlab.com", "codeberg.org", "bitbucket.org"};

	for (size_t i = 0; i < sizeof(forges) / sizeof(forges[0]); i++) {
		if (strlen(forges[i]) == len && strncasecmp(forges[i], host, len) == 0)
			return true;
	}
	return false;
}

static void put_word(char out[CONF_NAME_SIZE], const char *word, size_t len)
{
	size_t pos = strlen(out);

	if (len > 0 && pos > 0 && pos < CONF_NAME_SIZE - 1)
		out[pos++] = '-';
	for (size_t i = 0; i < len && pos < CONF_NAME_SIZE - 1; i++) {
		unsigned char c = (unsigned char)word[i];
		bool plain = c < 0x80 && (isalnum(c) || (c != '\0' && strchr("._-", c) != NULL));

		if (plain && (pos > 0 || c != '.'))
			out[pos++] = (char)tolower(c);
		else if (pos > 0 && out[pos - 1] != '-')
			out[pos++] = '-';
	}
	out[pos] = '\0';
}

const char *update_lists_name(char out[CONF_NAME_SIZE], const char *url)
{
	const char *colon = strstr(url, "://");
	const char *host = colon != NULL ? colon + 3 : url;
	const char *path = host + strcspn(host, "/?#"), *end = path + strcspn(path, "?#");
	size_t host_len = strcspn(host, ":/?#"), dot;
	const char *first, *last;

	while (end > path && end[-1] == '/')
		end--;
	first = path < end ? path + 1 : path;
	last = end;
	while (last > first && last[-1] != '/')
		last--;
	dot = (size_t)(end - last);
	while (dot > 0 && last[dot] != '.')
		dot--;

	out[0] = '\0';
	if (is_forge(host, host_len))
		put_word(out, first,
		    (size_t)(end - first) < strcspn(first, "/") ? (size_t)(end - first)
								: strcspn(first, "/"));
	else
		put_word(out, host, host_len);
	put_word(out, last, dot > 0 ? dot : (size_t)(end - last));
	if (out[0] == '\0')
		(void)snprintf(out, CONF_NAME_SIZE, "list");
	return out;
}

/* ---- add and remove ---- */

/* A configuration that is being edited. */
struct edit {
	struct conf_file file;
	struct conf_edit edit;
};

static int edit_open(struct edit *e, const char *path, struct why *why)
{
	int err = conf_file_open(&e->file, path, why);

	if (err != 0)
		return err;
	err = conf_edit_init(&e->edit, e->file.text, path, why);
	if (err != 0)
		conf_file_close(&e->file);
	return err;
}

static void edit_close(struct edit *e)
{
	conf_edit_fini(&e->edit);
	conf_file_close(&e->file);
}

static void json_open(const struct update_lists_options *o, const char *verb)
{
	fputs("{", stdout);
	json_field("file", o->conf_path);
	printf("\"%s\": [", verb);
}

static void json_list(const char *name, const char *url, unsigned line, bool is_first)
{
	fputs(is_first ? "{" : ", {", stdout);
	json_field("name", name);
	json_field("url", url);
	printf("\"line\": %u}", line);
}

static void tell_next(const struct update_lists_options *o, const struct conf *conf)
{
	if (o->json) {
		puts("]}");
		return;
	}
	if (conf->n_lists == 0)
		puts("No list is left.  What was blocked stays so until another list is added.");
	else if (o->conf_named)
		printf("To put this into force: quell-update -c %s\n", o->conf_path);
	else
		puts("To put this into force: quell-update; where it is a service: "
		     "systemctl start quell-update");
}

static const struct catalogue_entry *find_entry(const char *word)
{
	for (const struct catalogue_entry *e = catalogue; e->name != NULL; e++) {
		if (strcmp(e->name, word) == 0 || strcmp(e->url, word) == 0)
			return e;
	}
	return NULL;
}

/* What `word`, a name of the catalogue or a URL, stands for.  `name` is room for one made up. */
static int make_list(struct conf_edit_list *list, const char *word,
    const struct update_lists_options *o, char name[CONF_NAME_SIZE], struct why *why)
{
	const struct catalogue_entry *entry = find_entry(word);

	*list = (struct conf_edit_list){.url = word, .syntax = o->syntax};
	if (entry != NULL) {
		list->name = entry->name;
		list->url = entry->url;
	} else if (strstr(word, "://") != NULL) {
		list->name = update_lists_name(name, word);
	} else {
		return why_set(why, ERR_NOTFOUND,
		    "%s: neither a list of the catalogue, which `quell-update catalogue` shows, "
		    "nor a URL",
		    word);
	}
	if (o->name != NULL)
		list->name = o->name;
	return 0;
}

static int add_words(struct conf_edit *e, const struct update_lists_options *o, struct why *why)
{
	char name[CONF_NAME_SIZE];
	struct conf_edit_list list;
	int err = 0;

	for (unsigned i = 0; i < o->n_words && err == 0; i++) {
		err = make_list(&list, o->words[i], o, name, why);
		if (err == 0)
			err = conf_edit_add(e, &list, why);
	}
	return err;
}

int update_lists_add(const struct update_lists_options *o)
{
	struct edit e;
	struct why why;
	unsigned n_before;
	int err = 0;

	if (o->syntax != NULL)
		err = feed_check_name(o->syntax, &why);
	if (err == 0)
		err = edit_open(&e, o->conf_path, &why);
	if (err != 0)
		return fail(err, &why);

	n_before = e.edit.conf->n_lists;
	err = add_words(&e.edit, o, &why);
	if (err == 0)
		err = conf_file_replace(&e.file, e.edit.text, &why);
	if (err != 0)
		goto out;
	if (o->json)
		json_open(o, "added");
	for (unsigned i = n_before; i < e.edit.conf->n_lists; i++) {
		const struct conf_list *list = &e.edit.conf->lists[i];
		unsigned line = conf_edit_line(&e.edit, i);

		if (o->json)
			json_list(list->name, list->url, line, i == n_before);
		else
			printf("%s:%u: added list \"%s\", %s\n", o->conf_path, line, list->name,
			    list->url);
	}
	tell_next(o, e.edit.conf);
out:
	edit_close(&e);
	return err == 0 ? UPDATE_EXIT_WELL : fail(err, &why);
}

static void tell_removed(const struct conf_edit *before, const struct update_lists_options *o)
{
	bool is_first = true;

	if (o->json)
		json_open(o, "removed");
	for (unsigned i = 0; i < before->conf->n_lists; i++) {
		const struct conf_list *list = &before->conf->lists[i];
		unsigned k = 0;

		while (k < o->n_words && strcmp(o->words[k], list->name) != 0)
			k++;
		if (k == o->n_words)
			continue;
		if (o->json)
			json_list(list->name, list->url[0] != '\0' ? list->url : list->file,
			    conf_edit_line(before, i), is_first);
		else
			printf("%s:%u: removed list \"%s\", %s\n", o->conf_path,
			    conf_edit_line(before, i), list->name,
			    list->url[0] != '\0' ? list->url : list->file);
		is_first = false;
	}
}

int update_lists_remove(const struct update_lists_options *o)
{
	struct conf_edit before;
	struct edit e;
	struct why why;
	int err = edit_open(&e, o->conf_path, &why);

	if (err != 0)
		return fail(err, &why);
	if (!e.file.exists) {
		edit_close(&e);
		return fail(
		    why_set(&why, ERR_NOTFOUND, "%s: %s", o->conf_path, strerror(ENOENT)), &why);
	}
	err = conf_edit_init(&before, e.file.text, o->conf_path, &why);
	for (unsigned i = 0; i < o->n_words && err == 0; i++)
		err = conf_edit_remove(&e.edit, o->words[i], &why);
	if (err == 0)
		err = conf_file_replace(&e.file, e.edit.text, &why);
	if (err == 0) {
		tell_removed(&before, o);
		tell_next(o, e.edit.conf);
	}
	conf_edit_fini(&before);
	edit_close(&e);
	return err == 0 ? UPDATE_EXIT_WELL : fail(err, &why);
}
