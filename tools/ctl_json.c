/* ctl_json.c - lines into an array, and that into an object. */
#include "tools/ctl_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_keys.h"
#include "tools/ctl_show.h"
#include "tools/text.h"

struct line {
	const char *key, *value;
};

/* Lines that say how to show the others. */
static bool is_for_people(const char *command, const char *key)
{
	return strcmp(command, "stats") == 0 &&
	       (strcmp(key, "group") == 0 || strcmp(key, "about") == 0);
}

static void print_value(const char *value)
{
	bool digits = *value != '\0' && strspn(value, "0123456789") == strlen(value);
	bool number = digits && (value[0] != '0' || value[1] == '\0'); /* RFC 8259, 6 */

	if (number || strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
		fputs(value, stdout);
	else
		text_json(stdout, value);
}

/* Where the object ends that begins with *line, in the array `k`. */
static const struct line *end_of(
    const struct ctl_key *k, const struct line *line, const struct line *end)
{
	do
		line++;
	while (line < end && strcmp(line->key, k->key) != 0);
	return line;
}

/* The members of an object of `command` that begins with `within`, of the lines [line, end); one was printed
 * before, with `behind`. */
static void print_members(const char *command, const char *within, const struct line *line,
    const struct line *end, bool behind);

static void print_array(
    const char *command, const struct ctl_key *k, const struct line *line, const struct line *end)
{
	const char *separator = "";

	printf("\"%s\":[", k->array);
	for (; line < end; line++) {
		if (strcmp(line->key, k->key) != 0)
			continue;
		fputs(separator, stdout);
		separator = ",";
		if (k->member == NULL) {
			text_json(stdout, line->value);
			continue;
		}
		printf("{\"%s\":", k->member);
		print_value(line->value);
		print_members(command, k->key, line + 1, end_of(k, line, end), true);
		putchar('}');
	}
	putchar(']');
}

static void print_members(const char *command, const char *within, const struct line *line,
    const struct line *end, bool behind)
{
	const struct ctl_key *k = NULL;

	/* What follows the beginning of an object is its own. */
	for (const struct line *at = line; at < end; at++) {
		k = ctl_keys_find(at->key, command, within);
		if (k != NULL && k->member != NULL)
			break;
		if (k != NULL || is_for_people(command, at->key))
			continue;
		fputs(behind ? "," : "", stdout);
		text_json(stdout, at->key);
		putchar(':');
		print_value(at->value);
		behind = true;
	}
	for (size_t i = 0; i < ctl_keys_n; i++) {
		if (!ctl_keys_is_here(&ctl_keys[i], command, within))
			continue;
		fputs(behind ? "," : "", stdout);
		print_array(command, &ctl_keys[i], line, end);
		behind = true;
	}
}

int ctl_json(const char *command, const char *lines)
{
	char *copy = strdup(lines), *at = copy, *key, *value;
	struct line *all = NULL;
	size_t n = 1;

	for (const char *c = lines; (c = strchr(c, '\n')) != NULL; c++)
		n++;
	all = calloc(n, sizeof(*all));
	if (copy == NULL || all == NULL) {
		free(copy);
		free(all);
		return ERR_NOMEM;
	}
	for (n = 0; ctl_show_next(&at, &key, &value); n++)
		all[n] = (struct line){key, value};
	putchar('{');
	print_members(command, NULL, all, all + n, false);
	puts("}");
	free(copy);
	free(all);
	return 0;
}
