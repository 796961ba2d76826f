/* ctl_show.c - lines, aligned and grouped. */
#include "tools/ctl_show.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_keys.h"
#include "tools/text.h"

bool ctl_show_next(char **at, char **key, char **value)
{
	char *line = strsep(at, "\n");

	if (line == NULL || *line == '\0')
		return false;
	*value = line;
	*key = strsep(value, " ");
	if (*value == NULL)
		*value = line + strlen(line);
	return true;
}

static bool is_number(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t len = strlen(text), suffix_len = strlen(suffix);

	return len > suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

static void show_line(const char *key, const char *value)
{
	printf("%-19s %s\n", key, value);
}

/* ---- status ---- */

/* Counters that are a part of the queries. */
static bool is_share(const char *key)
{
	return strcmp(key, "blocked") == 0 || strcmp(key, "cached") == 0;
}

static void show_status(char *answer)
{
	char *key, *value, text[TEXT_DURATION_SIZE];
	uint64_t queries = 0;

	while (ctl_show_next(&answer, &key, &value)) {
		if (has_suffix(key, "_s") && is_number(value)) {
			key[strlen(key) - 2] = '\0';
			show_line(key, text_seconds(text, strtoull(value, NULL, 10)));
			continue;
		}
		if (strcmp(key, "queries") == 0)
			queries = strtoull(value, NULL, 10);
		if (is_share(key) && queries != 0)
			printf("%-19s %s (%.1f %%)\n", key, value,
			    100.0 * (double)strtoull(value, NULL, 10) / (double)queries);
		else
			show_line(key, value);
	}
}

/* ---- stats ---- */

#define LATENCY "latency_"

/* A row of latencies: latency_STAGE and these, in this order. */
static const struct {
	const char *suffix, *title;
} figures[] = {
    {"_n", "answers"},
    {"_p50_us", "p50"},
    {"_p90_us", "p90"},
    {"_p99_us", "p99"},
    {"_p999_us", "p99.9"},
    {"_max_us", "max"},
};

#define N_FIGURES (sizeof(figures) / sizeof(figures[0]))

/* Which of them `key` is; N_FIGURES: none. */
static size_t figure_of(const char *key)
{
	size_t i = 0;

	if (strncmp(key, LATENCY, strlen(LATENCY)) != 0)
		return N_FIGURES;
	while (i < N_FIGURES && !has_suffix(key, figures[i].suffix))
		i++;
	return i;
}

struct table {
	bool grouped;	   /* a title was shown */
	bool headed;	   /* so were those of the latencies */
	bool empty;	   /* no answers are counted in this row of latencies */
	const char *about; /* of the next line; "" */
};

static void show_figure(struct table *t, size_t figure, const char *value)
{
	char text[TEXT_DURATION_SIZE];

	if (figure != 0) {
		if (!t->empty)
			value = text_micros(text, strtoull(value, NULL, 10));
		printf(" %9s", t->empty ? "-" : value);
	} else {
		if (!t->headed) {
			printf("  %-28s", "");
			for (size_t i = 0; i < N_FIGURES; i++)
				printf(" %9s", figures[i].title);
			putchar('\n');
		}
		t->headed = true;
		t->empty = strcmp(value, "0") == 0;
		printf("  %-28s %9s", t->about, value);
	}
	if (figure == N_FIGURES - 1)
		putchar('\n');
}

static void show_stats(char *answer)
{
	struct table t = {.about = ""};
	char *key, *value;

	while (ctl_show_next(&answer, &key, &value)) {
		size_t figure = figure_of(key);

		if (strcmp(key, "group") == 0) {
			printf("%s%s\n", t.grouped ? "\n" : "", value);
			t.grouped = true;
			continue;
		}
		if (strcmp(key, "about") == 0) {
			t.about = value;
			continue;
		}
		if (figure < N_FIGURES)
			show_figure(&t, figure, value);
		else if (t.grouped)
			printf("  %-22s %12s  %s\n", key, value, t.about);
		else
			show_line(key, value);
		t.about = "";
	}
}

/* ---- answers with objects in them ---- */

#define DEPTH_MAX 3

/* What is so nearly always, and would hide the rest. */
static bool is_usual(const char *key, const char *value)
{
	bool counts = strcmp(key, "worker") != 0 && !has_suffix(key, "_s");

	return strcmp(value, "false") == 0 || (counts && strcmp(value, "0") == 0);
}

/* `key` without the unit, and the value with it. */
static void show_indented(unsigned depth, char *key, const char *value)
{
	static const char permille[] = "_permille";
	char text[TEXT_DURATION_SIZE];
	uint64_t number = is_number(value) ? strtoull(value, NULL, 10) : 0;

	if (!is_number(value)) {
		;
	} else if (has_suffix(key, "_s")) {
		key[strlen(key) - 2] = '\0';
		value = text_seconds(text, number);
	} else if (has_suffix(key, "_ms")) {
		key[strlen(key) - 3] = '\0';
		value = text_micros(text, number * 1000);
	} else if (has_suffix(key, permille)) {
		key[strlen(key) - strlen(permille)] = '\0';
		(void)snprintf(text, sizeof(text), "%.1f %%", (double)number / 10);
		value = text;
	}
	printf("%*s%-*s %s\n", 2 * (int)depth, "", 19 - 2 * (int)depth, key, value);
}

/* Lines that belong to an object stand below it. */
static void show_objects(const char *command, char *answer)
{
	const char *within[DEPTH_MAX + 1] = {NULL};
	unsigned depth = 0;
	char *key, *value;

	while (ctl_show_next(&answer, &key, &value)) {
		const struct ctl_key *k = NULL;
		unsigned at = depth + 1;

		/* Where it begins an object, those within which it cannot be are over. */
		while (at > 0 && (k == NULL || k->member == NULL))
			k = ctl_keys_find(key, command, within[--at]);
		if (k != NULL && k->member != NULL && at < DEPTH_MAX) {
			depth = at + 1;
			within[depth] = key;
			fputs(at == 0 ? "\n" : "", stdout);
			show_indented(at, key, value);
		} else if (depth == 0 || !is_usual(key, value)) {
			show_indented(depth, key, value);
		}
	}
}

void ctl_show(const char *command, char *answer)
{
	char *key, *value;

	if (strcmp(command, "stats") == 0)
		show_stats(answer);
	else if (strcmp(command, "status") == 0)
		show_status(answer);
	else if (strcmp(command, "cache") == 0 || strcmp(command, "upstreams") == 0)
		show_objects(command, answer);
	else
		while (ctl_show_next(&answer, &key, &value))
			show_line(key, value);
}
