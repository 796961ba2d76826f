/* update_explain.c - the image asked, and lines looked up. */
#include "tools/update_explain.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "blocklists/explain.h"
#include "blocklists/feed.h"
#include "blocklists/rules.h"
#include "lib/clock.h"
#include "lib/dns/type.h"
#include "tools/text.h"
#include "tools/update_offline.h"
#include "tools/update_origin.h"
#include "tools/update_run.h"
#include "tools/why_text.h"

#define OWN_MAX 16 /* rules of the user's that are shown */
#define MATCHES 64 /* rules of lists that are shown */

/* What is said, by its key in JSON; all but one verdict and one `blocking` may come more than once. */
enum said_key { SAID_BLOCKING, SAID_MATCH, SAID_VERDICT, SAID_NOTE, SAID_CHANGE, N_SAID };

struct explanation {
	const struct conf *conf;
	struct effect_ask ask;
	struct rules_clock now;
	struct rules rules;
	const struct rules_line *own[OWN_MAX]; /* in the order of precedence */
	size_t n_own;
	bool paused;
	struct why own_why; /* not empty: why the rules cannot be read */
	char *image;	    /* owned */
	struct trie trie;
	struct origin origin;
	struct judge_match match[MATCHES];
	size_t n_matches, n_shown;
	char rule[MATCHES][WHY_RULE_SIZE];
	struct judge_verdict verdict;
	struct said { /* lines, one behind the other, each with a newline */
		FILE *to;
		char *text; /* owned */
		size_t len;
	} said[N_SAID];
};

/* ---- The user's own rules ---- */

/* Where there is no file, there are none. */
static void read_own(struct explanation *e)
{
	rules_init(&e->rules);
	e->now.boot_ms = clock_ms();
	e->now.wall_s = time(NULL);
	clock_boot(e->now.boot);
	e->own_why.text[0] = '\0';
	if (rules_read(&e->rules, e->conf->rules, &e->now, &e->own_why) != 0)
		return;
	(void)rules_expire(&e->rules, &e->now);
	e->paused = rules_pause(&e->rules) != NULL;
	e->n_own = rules_matches(&e->rules, e->ask.name, e->own, OWN_MAX);
}

static void say_own(struct explanation *e)
{
	char text[RULES_TEXT_SIZE];

	if (e->paused) /* pause... */
		fprintf(e->said[SAID_BLOCKING].to, "paused%s\n",
		    rules_format(rules_pause(&e->rules), &e->now, text) + strlen("pause"));
	if (e->own_why.text[0] != '\0')
		fprintf(e->said[SAID_NOTE].to, "own rules are not known: %s\n", e->own_why.text);
	for (size_t i = 0; i < e->n_own; i++)
		fprintf(e->said[SAID_MATCH].to, "own rule: %s, line %zu of %s\n",
		    rules_format(e->own[i], &e->now, text), rules_number(&e->rules, e->own[i]),
		    e->conf->rules);
}

static bool own_allows(const struct explanation *e, size_t i)
{
	return e->own[i]->kind == RULES_ALLOW;
}

/* ---- The lists ---- */

static int ask_image(struct explanation *e, struct why *why)
{
	char path[CONF_PATH_SIZE + 8];
	struct rule rule;
	int err;

	(void)snprintf(path, sizeof(path), "%s/image", e->conf->state_dir);
	err = update_offline_open(&e->trie, path, &e->image, why);
	if (err != 0)
		return err;
	update_origin_read(AT_FDCWD, path, e->image, e->trie.len, &e->origin);
	e->n_matches = judge_matches(&e->trie, &e->ask, e->match, MATCHES);
	e->n_shown = e->n_matches < MATCHES ? e->n_matches : MATCHES;
	for (size_t i = 0; i < e->n_shown; i++) {
		if (!explain_rule(&e->trie, e->ask.name, &e->match[i], &rule))
			return why_set(why, ERR_FORMAT, "%s: the image is damaged", path);
		why_rule_text(&rule, e->rule[i]);
	}
	judge_name(&e->trie, &e->ask, RULE_LISTS_MAX, &e->verdict);
	return 0;
}

/* Its list; NULL: it is of none that is configured. */
static const struct conf_list *list_of(const struct explanation *e, size_t i)
{
	for (unsigned k = 0; k < e->conf->n_lists && e->match[i].list < e->origin.n; k++) {
		if (strcmp(e->conf->lists[k].name, e->origin.name[e->match[i].list]) == 0)
			return &e->conf->lists[k];
	}
	return NULL;
}

static const char *list_name(const struct explanation *e, size_t i, char text[32])
{
	unsigned list = e->match[i].list;
	size_t len;
	const uint8_t *effect = trie_effect(&e->trie, e->match[i].effect, &len);

	if ((effect_flags(effect, len) & EFFECT_NEEDED) != 0)
		return "needed by the network";
	if (list < e->origin.n)
		return e->origin.name[list];
	(void)snprintf(text, 32, "list %u", list);
	return text;
}

static void say_place(const struct explanation *e, size_t i, FILE *to)
{
	const struct conf_list *list = list_of(e, i);
	char path[CONF_PATH_SIZE + CONF_NAME_SIZE + 16], places[WHY_PLACES_SIZE], age[WHY_AGE_SIZE];
	struct why_rule rule = {.text = e->rule[i]};
	struct why_text text = {.path = path};
	int64_t written_s;
	struct why why;

	if (list == NULL)
		return;
	(void)snprintf(path, sizeof(path), "%s/lists/%s.txt", e->conf->state_dir, list->name);
	text.syntax = feed_find(list->syntax);
	text.match = list->match;
	text.rewrites = list->trust == CONF_TRUST_REWRITE;
	if (why_text_find(&text, &rule, 1, &written_s, &why) != 0)
		fprintf(to, ", to be found in %s (%s)", path, why.text);
	else if (rule.n_lines == 0)
		fprintf(to, ", no longer in %s, which is %s old", path,
		    why_age(written_s, e->now.wall_s, age));
	else
		fprintf(to, ", %s of %s, which is %s old", why_places(&rule, places), path,
		    why_age(written_s, e->now.wall_s, age));
}

static void say_matches(struct explanation *e)
{
	FILE *to = e->said[SAID_MATCH].to;
	char text[32];

	for (size_t i = 0; i < e->n_shown; i++) {
		fprintf(to, "%s: %s%s", list_name(e, i, text), e->rule[i],
		    e->match[i].voided ? " (void)" : "");
		say_place(e, i, to);
		fputc('\n', to);
	}
	if (e->n_shown < e->n_matches)
		fprintf(to, "and %zu more\n", e->n_matches - e->n_shown);
	if (e->n_matches != 0 && e->origin.n == 0)
		fputs("which lists these are is not known: run quell-update\n",
		    e->said[SAID_NOTE].to);
}

/* ---- The verdict ---- */

static bool lists_block(const struct explanation *e)
{
	return e->verdict.outcome != JUDGE_NONE && e->verdict.outcome != JUDGE_ALLOWED;
}

static bool is_blocked(const struct explanation *e)
{
	if (e->paused)
		return false;
	return e->n_own != 0 ? !own_allows(e, 0) : lists_block(e);
}

/* Without the rule that decides. */
static bool would_be_blocked(const struct explanation *e)
{
	return e->n_own > 1 ? !own_allows(e, 1) : lists_block(e);
}

static void say_verdict(struct explanation *e)
{
	char raw[EXPLAIN_VERDICT_SIZE], text[4 * EXPLAIN_VERDICT_SIZE];

	if (e->paused)
		(void)snprintf(raw, sizeof(raw), "not blocked: blocking is paused");
	else if (e->n_own != 0)
		(void)snprintf(raw, sizeof(raw), "%s", own_allows(e, 0) ? "allowed" : "blocked");
	else
		explain_verdict(&e->verdict, e->n_matches, raw);
	fprintf(
	    e->said[SAID_VERDICT].to, "%s\n", text_escape(text, sizeof(text), raw, strlen(raw)));
	if (e->verdict.by_client)
		fputs("another client may get another verdict\n", e->said[SAID_NOTE].to);
}

/* The one list that has all that blocks; NULL: there are several, or it is not configured. */
static const struct conf_list *only_list(const struct explanation *e)
{
	const struct conf_list *only = NULL;

	for (size_t i = 0; i < e->n_shown; i++) {
		size_t len;
		const uint8_t *effect = trie_effect(&e->trie, e->match[i].effect, &len);
		enum effect_verdict verdict = effect_verdict(effect, len);

		if (e->match[i].voided || verdict == EFFECT_ALLOW || verdict == EFFECT_PASS)
			continue;
		if (list_of(e, i) == NULL || (only != NULL && only != list_of(e, i)))
			return NULL;
		only = list_of(e, i);
	}
	return e->n_shown < e->n_matches ? NULL : only;
}

static void say_changes(struct explanation *e)
{
	FILE *to = e->said[SAID_CHANGE].to;
	char name[NAME_TEXT_SIZE];
	uint8_t wire[NAME_SIZE];
	size_t len;

	if (e->paused) {
		if (e->n_own != 0 ? !own_allows(e, 0) : lists_block(e))
			fputs("quellctl resume\n", to);
		return;
	}
	/* Others than host names no rule takes. */
	name_to_text(e->ask.name, name);
	if (!feed_name(name, strlen(name), wire, &len))
		return;
	if (e->n_own != 0 && would_be_blocked(e) != is_blocked(e)) {
		char own[NAME_TEXT_SIZE];

		fprintf(to, "quellctl unset %s%s\n", e->own[0]->exact ? "=" : "",
		    name_to_text(e->own[0]->name, own));
	}
	fprintf(to, "quellctl %s %s\n", is_blocked(e) ? "allow" : "block", name);
	if (is_blocked(e) && e->n_own == 0 && only_list(e) != NULL)
		fprintf(to, "quell-update remove %s\n", only_list(e)->name);
}

static void say_all(struct explanation *e)
{
	char name[NAME_TEXT_SIZE];

	say_own(e);
	say_matches(e);
	say_verdict(e);
	if (!is_blocked(e) && !e->paused && e->n_own == 0)
		fprintf(e->said[SAID_NOTE].to,
		    "where its answer leads is known to quelld: quellctl why '%s'\n",
		    name_to_text(e->ask.name, name));
	say_changes(e);
}

/* ---- Output ---- */

static int open_said(struct explanation *e)
{
	for (unsigned i = 0; i < N_SAID; i++) {
		e->said[i].to = open_memstream(&e->said[i].text, &e->said[i].len);
		if (e->said[i].to == NULL)
			return ERR_NOMEM;
	}
	return 0;
}

/* Returns 0, or ERR_NOMEM where not all that was said is there. */
static int close_said(struct explanation *e)
{
	int err = 0;

	for (unsigned i = 0; i < N_SAID; i++) {
		if (e->said[i].to == NULL || fclose(e->said[i].to) != 0)
			err = ERR_NOMEM;
		e->said[i].to = NULL;
	}
	return err;
}

static void print_text(struct explanation *e)
{
	static const char *const before[N_SAID] = {
	    [SAID_BLOCKING] = "blocking is ", [SAID_CHANGE] = "to change it: "};
	char name[NAME_TEXT_SIZE], type[TYPE_TEXT_SIZE];

	for (unsigned i = 0; i < N_SAID; i++) {
		char *at = e->said[i].text, *line;

		while ((line = strsep(&at, "\n")) != NULL && *line != '\0') {
			if (i == SAID_VERDICT)
				printf("%s %s: ", name_to_text(e->ask.name, name),
				    type_to_text(e->ask.type, type));
			printf("%s%s\n", before[i] != NULL ? before[i] : "", line);
		}
	}
}

/* The keys, and what is an array, are those of quellctl --json why. */
static void print_json(struct explanation *e)
{
	static const struct {
		const char *key;
		bool array;
	} keys[N_SAID] = {
	    [SAID_BLOCKING] = {"blocking", false},
	    [SAID_MATCH] = {"match", true},
	    [SAID_VERDICT] = {"verdict", false},
	    [SAID_NOTE] = {"note", true},
	    [SAID_CHANGE] = {"change", true},
	};
	char name[NAME_TEXT_SIZE], type[TYPE_TEXT_SIZE];

	fputs("{\"name\":", stdout);
	text_json(stdout, name_to_text(e->ask.name, name));
	fputs(",\"type\":", stdout);
	text_json(stdout, type_to_text(e->ask.type, type));
	for (unsigned i = 0; i < N_SAID; i++) {
		char *at = e->said[i].text, *line;
		const char *separator = "";

		if (!keys[i].array && e->said[i].len == 0)
			continue;
		printf(",\"%s\":%s", keys[i].key, keys[i].array ? "[" : "");
		while ((line = strsep(&at, "\n")) != NULL && *line != '\0') {
			fputs(separator, stdout);
			text_json(stdout, line);
			separator = ",";
		}
		fputs(keys[i].array ? "]" : "", stdout);
	}
	puts("}");
}

/* Returns the exit code. */
static int explain(struct explanation *e, bool json)
{
	struct why why;
	int err = ask_image(e, &why);

	if (err == 0)
		err = why_set(&why, open_said(e), "%s", err_text(ERR_NOMEM));
	if (err == 0)
		say_all(e);
	if (close_said(e) != 0 && err == 0)
		err = why_set(&why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	if (err != 0)
		return update_offline_fail(&why);
	if (json)
		print_json(e);
	else
		print_text(e);
	return UPDATE_EXIT_WELL;
}

int update_explain(const struct conf *conf, const char *name, uint16_t type, bool json)
{
	struct explanation *e;
	uint8_t wire[NAME_SIZE];
	struct why why;
	size_t len;
	int err = name_from_text(name, strlen(name), wire, &len), code;

	if (err != 0) {
		(void)why_set(&why, err, "%s: this is no domain name", name);
		(void)update_offline_fail(&why);
		return UPDATE_EXIT_USAGE;
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL) {
		(void)why_set(&why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
		return update_offline_fail(&why);
	}
	name_lower(wire, wire, len);
	e->conf = conf;
	e->ask = (struct effect_ask){.name = wire, .type = type};
	read_own(e);
	code = explain(e, json);
	for (unsigned i = 0; i < N_SAID; i++)
		free(e->said[i].text);
	rules_fini(&e->rules);
	free(e->image);
	free(e);
	return code;
}
