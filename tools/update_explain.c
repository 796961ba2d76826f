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
#include "lib/dns/type.h"
#include "tools/text.h"
#include "tools/update_offline.h"
#include "tools/update_run.h"
#include "tools/update_store.h"
#include "tools/why_text.h"

#define RULES_MAX ((size_t)1 << 20) /* bytes of the user's rules */
#define OWN_MAX	  16		    /* rules of the user's that are shown */
#define MATCHES	  64		    /* rules of lists that are shown */

/* A rule of the user's: resolver/rules.h has the form of their file. */
struct own {
	bool allow, exact, timed;
	unsigned labels;
	uint64_t line;
	char name[NAME_TEXT_SIZE];
};

struct explanation {
	const struct conf *conf;
	struct effect_ask ask;
	int64_t now_s;
	bool paused;
	struct own own[OWN_MAX]; /* in the order of precedence */
	unsigned n_own;
	struct why own_why; /* not empty: why the rules cannot be read */
	char *image;	    /* owned */
	struct trie trie;
	struct judge_match match[MATCHES];
	size_t n_matches, n_shown;
	char rule[MATCHES][WHY_RULE_SIZE];
	struct judge_verdict verdict;
};

/* ---- The user's own rules ---- */

/* `2026-11-21T15:31:05Z` is over. */
static bool is_over(const char *text, size_t len, int64_t now_s)
{
	char until[32];
	struct tm tm = {0};

	if (len >= sizeof(until))
		return false;
	memcpy(until, text, len);
	until[len] = '\0';
	return strptime(until, "%Y-%m-%dT%H:%M:%SZ", &tm) != NULL && timegm(&tm) <= now_s;
}

/* `for 30m until TIME ...`, behind a rule; false: that time is over. */
static bool take_time(const char *text, size_t len, int64_t now_s, bool *timed)
{
	size_t n = feed_word(&text, &len);

	*timed = n == 3 && memcmp(text, "for", 3) == 0;
	for (unsigned i = 0; i < 2; i++) {
		text += n;
		len -= n;
		n = feed_word(&text, &len);
	}
	if (!*timed || n != 5 || memcmp(text, "until", 5) != 0)
		return true;
	text += n;
	len -= n;
	n = feed_word(&text, &len);
	return !is_over(text, n, now_s);
}

static bool precedes(const struct own *a, const struct own *b)
{
	if (a->exact != b->exact)
		return a->exact;
	if (a->labels != b->labels)
		return a->labels > b->labels;
	if (a->timed != b->timed)
		return a->timed;
	return a->allow && !b->allow;
}

static void add_own(struct explanation *e, const struct own *own)
{
	unsigned at = e->n_own < OWN_MAX ? e->n_own++ : OWN_MAX - 1;

	for (; at > 0 && precedes(own, &e->own[at - 1]); at--)
		e->own[at] = e->own[at - 1];
	e->own[at] = *own;
}

static void take_own(struct explanation *e, const char *text, size_t len, uint64_t line)
{
	size_t n = feed_word(&text, &len), name_size;
	struct own own = {.line = line, .allow = n == 5 && memcmp(text, "allow", 5) == 0};
	bool pause = n == 5 && memcmp(text, "pause", 5) == 0;
	uint8_t name[NAME_SIZE];

	if (!own.allow && !pause && (n != 5 || memcmp(text, "block", 5) != 0))
		return;
	text += n;
	len -= n;
	if (pause) {
		e->paused = e->paused || take_time(text, len, e->now_s, &own.timed);
		return;
	}
	n = feed_word(&text, &len);
	own.exact = n != 0 && text[0] == '=';
	if (n - own.exact == 1 && text[own.exact] == '.')
		name[0] = 0;
	else if (!feed_host(text + own.exact, n - own.exact, name, &name_size))
		return;
	if (!(own.exact ? name_equal(e->ask.name, name) : name_in_zone(e->ask.name, name)) ||
	    !take_time(text + n, len - n, e->now_s, &own.timed))
		return;
	own.labels = name_labels(name);
	name_to_text(name, own.name);
	add_own(e, &own);
}

/* Where there are none, there is no file. */
static void read_own(struct explanation *e)
{
	struct feed_lines l;
	char *text;
	size_t len;
	int err =
	    update_store_read_at(AT_FDCWD, e->conf->rules, RULES_MAX, &text, &len, &e->own_why);

	if (err != 0) {
		if (err == ERR_NOTFOUND)
			e->own_why.text[0] = '\0';
		return;
	}
	e->own_why.text[0] = '\0';
	feed_lines_start(&l, text, len);
	while (feed_lines_next(&l))
		take_own(e, l.text, l.len, l.number);
	free(text);
}

static void print_own(const struct explanation *e)
{
	if (e->paused)
		puts("blocking is paused");
	if (e->own_why.text[0] != '\0')
		printf("own rules: not known (%s)\n", e->own_why.text);
	for (unsigned i = 0; i < e->n_own; i++)
		printf("own rule: %s %s%s, line %" PRIu64 " of %s\n",
		    e->own[i].allow ? "allow" : "block", e->own[i].exact ? "=" : "", e->own[i].name,
		    e->own[i].line, e->conf->rules);
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
	return e->match[i].list < e->conf->n_lists ? &e->conf->lists[e->match[i].list] : NULL;
}

static const char *list_name(const struct explanation *e, size_t i, char text[32])
{
	const struct conf_list *list = list_of(e, i);
	size_t len;
	const uint8_t *effect = trie_effect(&e->trie, e->match[i].effect, &len);

	if ((effect_flags(effect, len) & EFFECT_NEEDED) != 0)
		return "needed by the network";
	if (list != NULL)
		return list->name;
	(void)snprintf(text, 32, "list %u", e->match[i].list);
	return text;
}

static void print_place(const struct explanation *e, size_t i)
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
		printf(", to be found in %s (%s)", path, why.text);
	else if (rule.n_lines == 0)
		printf(
		    ", no longer in %s, which is %s old", path, why_age(written_s, e->now_s, age));
	else
		printf(", %s of %s, which is %s old", why_places(&rule, places), path,
		    why_age(written_s, e->now_s, age));
}

static void print_matches(const struct explanation *e)
{
	char text[32];

	for (size_t i = 0; i < e->n_shown; i++) {
		printf("%s: %s%s", list_name(e, i, text), e->rule[i],
		    e->match[i].voided ? " (void)" : "");
		print_place(e, i);
		putchar('\n');
	}
	if (e->n_shown < e->n_matches)
		printf("and %zu more\n", e->n_matches - e->n_shown);
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
	return e->n_own != 0 ? !e->own[0].allow : lists_block(e);
}

/* Without the rule that decides. */
static bool would_be_blocked(const struct explanation *e)
{
	return e->n_own > 1 ? !e->own[1].allow : lists_block(e);
}

static void print_verdict(const struct explanation *e)
{
	char name[NAME_TEXT_SIZE], type[TYPE_TEXT_SIZE];
	char raw[EXPLAIN_VERDICT_SIZE], text[4 * EXPLAIN_VERDICT_SIZE];

	if (e->paused)
		(void)snprintf(raw, sizeof(raw), "not blocked: blocking is paused");
	else if (e->n_own != 0)
		(void)snprintf(raw, sizeof(raw), "%s", e->own[0].allow ? "allowed" : "blocked");
	else
		explain_verdict(&e->verdict, e->n_matches, raw);
	printf("%s %s: %s%s\n", name_to_text(e->ask.name, name), type_to_text(e->ask.type, type),
	    text_escape(text, sizeof(text), raw, strlen(raw)),
	    e->verdict.by_client ? " (another client may get another verdict)" : "");
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

static void print_changes(const struct explanation *e)
{
	char name[NAME_TEXT_SIZE];
	uint8_t wire[NAME_SIZE];
	size_t len;

	if (e->paused) {
		if (e->n_own != 0 ? !e->own[0].allow : lists_block(e))
			puts("to change it: quellctl resume");
		return;
	}
	/* Others than host names no rule takes. */
	name_to_text(e->ask.name, name);
	if (!feed_name(name, strlen(name), wire, &len))
		return;
	if (e->n_own != 0 && would_be_blocked(e) != is_blocked(e))
		printf("to change it: quellctl unset %s%s\n", e->own[0].exact ? "=" : "",
		    e->own[0].name);
	printf("to change it: quellctl %s %s\n", is_blocked(e) ? "allow" : "block", name);
	if (is_blocked(e) && e->n_own == 0 && only_list(e) != NULL)
		printf("to change it: quell-update remove %s\n", only_list(e)->name);
}

static void print(const struct explanation *e)
{
	char name[NAME_TEXT_SIZE];

	print_own(e);
	print_matches(e);
	print_verdict(e);
	if (!is_blocked(e) && !e->paused && e->n_own == 0)
		printf("where its answer leads is known to quelld: quellctl why '%s'\n",
		    name_to_text(e->ask.name, name));
	print_changes(e);
}

int update_explain(const struct conf *conf, const char *name, uint16_t type)
{
	struct explanation *e;
	uint8_t wire[NAME_SIZE];
	struct why why;
	size_t len;
	int err = name_from_text(name, strlen(name), wire, &len);

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
	e->now_s = time(NULL);
	read_own(e);
	err = ask_image(e, &why);
	if (err == 0)
		print(e);
	free(e->image);
	free(e);
	return err == 0 ? UPDATE_EXIT_WELL : update_offline_fail(&why);
}
