/* update_preview.c - both images walked, each name judged by both. */
#include "tools/update_preview.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "blocklists/feed.h"
#include "blocklists/grow.h"
#include "blocklists/judge.h"
#include "blocklists/walk.h"
#include "lib/dns/msg.h"
#include "tools/text.h"

#define SHOWN_MAX 10 /* of each kind, of each list */

/* ---- Comparing ---- */

static bool is_blocked(const struct trie *t, const uint8_t *name)
{
	const struct effect_ask ask = {.name = name, .type = TYPE_A};
	struct judge_verdict verdict;

	judge_name(t, &ask, RULE_LISTS_MAX, &verdict);
	return verdict.outcome == JUDGE_BLOCKED || verdict.outcome == JUDGE_DROP ||
	       verdict.outcome == JUDGE_ANSWER;
}

static int add(
    struct update_preview *p, enum update_change_kind kind, uint16_t list, const char *text)
{
	size_t len = strlen(text) + 1;
	void *changes = p->changes, *texts = p->texts;
	int err = grow(&changes, &p->size, p->n_changes + 1, sizeof(*p->changes));

	p->changes = changes;
	if (err == 0)
		err = grow(&texts, &p->texts_size, p->texts_len + len, 1);
	p->texts = texts;
	if (err != 0)
		return err;
	p->changes[p->n_changes++] = (struct update_change){kind, list, p->texts_len};
	memcpy(p->texts + p->texts_len, text, len);
	p->texts_len += len;
	return 0;
}

/* A name that the rule covers: its own, or one below it.  False: there is no room for one. */
static bool name_of(const struct rule *rule, uint8_t name[NAME_SIZE])
{
	size_t star = rule->kind == RULE_BELOW ? 2 : 0;

	if (rule->name_len + star > NAME_SIZE)
		return false;
	memcpy(name, "\1*", 2);
	memcpy(name + star, rule->name, rule->name_len);
	return true;
}

static int compare_name(struct update_preview *p, const struct rule *rule, uint16_t list)
{
	char text[NAME_TEXT_SIZE];
	uint8_t name[NAME_SIZE];
	bool before, after;

	if (!name_of(rule, name))
		return 0;
	before = is_blocked(p->old, name);
	after = is_blocked(p->new, name);
	if (before == after)
		return 0;
	return add(
	    p, after ? UPDATE_CHANGE_BLOCKED : UPDATE_CHANGE_FREED, list, name_to_text(name, text));
}

static int note(
    struct update_preview *p, enum update_change_kind kind, const struct rule *rule, uint16_t list)
{
	char raw[RULE_TEXT_SIZE], text[4 * RULE_TEXT_SIZE];

	if (rule->kind < RULE_NAME_KINDS)
		return compare_name(p, rule, list);
	rule_text(rule, raw);
	return add(p, kind, list, text_escape(text, sizeof(text), raw, strlen(raw)));
}

static int note_old(void *ctx, const struct rule *rule, uint16_t list)
{
	return note(ctx, UPDATE_CHANGE_REMOVED, rule, list);
}

static int note_new(void *ctx, const struct rule *rule, uint16_t list)
{
	return note(ctx, UPDATE_CHANGE_ADDED, rule, list);
}

static int by_list_and_text(
    const struct update_change *x, const struct update_change *y, const char *texts)
{
	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return strcmp(texts + x->text_off, texts + y->text_off);
}

/* One rule, added and removed, stands side by side. */
static int compare_pairs(const void *a, const void *b, void *texts)
{
	const struct update_change *x = a, *y = b;
	int order = by_list_and_text(x, y, texts);

	return order != 0 ? order : (int)x->kind - (int)y->kind;
}

static int compare_changes(const void *a, const void *b, void *texts)
{
	const struct update_change *x = a, *y = b;

	if (x->list == y->list && x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	return by_list_and_text(x, y, texts);
}

static bool is_same(
    const struct update_preview *p, const struct update_change *a, const struct update_change *b)
{
	return a->list == b->list && a->kind == b->kind &&
	       strcmp(p->texts + a->text_off, p->texts + b->text_off) == 0;
}

static bool is_both(
    const struct update_preview *p, const struct update_change *a, const struct update_change *b)
{
	return a->kind == UPDATE_CHANGE_ADDED && b->kind == UPDATE_CHANGE_REMOVED &&
	       a->list == b->list && strcmp(p->texts + a->text_off, p->texts + b->text_off) == 0;
}

/* Each name once; no rule that is in both images. */
static void tidy(struct update_preview *p)
{
	struct update_change *c = p->changes;
	size_t n = 0;

	if (p->n_changes == 0)
		return;
	qsort_r(c, p->n_changes, sizeof(*c), compare_pairs, p->texts);
	for (size_t i = 0; i < p->n_changes; i++) {
		if (n != 0 && is_same(p, &c[n - 1], &c[i]))
			continue;
		if (n != 0 && is_both(p, &c[n - 1], &c[i]))
			n--;
		else
			c[n++] = c[i];
	}
	p->n_changes = n;
	qsort_r(c, n, sizeof(*c), compare_changes, p->texts);
}

int update_preview_make(
    struct update_preview *p, const struct trie *old, const struct trie *new, struct why *why)
{
	struct why reason = {""};
	int err;

	*p = (struct update_preview){.old = old, .new = new};
	err = old->bytes != NULL ? walk_rules(old, note_old, p, &reason) : 0;
	if (err == 0)
		err = walk_rules(new, note_new, p, &reason);
	if (err == 0) {
		tidy(p);
		return 0;
	}
	update_preview_fini(p);
	return why_set(why, err, "%s", reason.text[0] != '\0' ? reason.text : err_text(err));
}

void update_preview_fini(struct update_preview *p)
{
	free(p->changes);
	free(p->texts);
	*p = (struct update_preview){0};
}

/* ---- Writing ---- */

/* The changes of one kind of one list: [*from, return value). */
static size_t range(
    const struct update_preview *p, unsigned list, enum update_change_kind kind, size_t *from)
{
	const struct update_change key = {.kind = kind, .list = (uint16_t)list};
	size_t low = 0, high = p->n_changes, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct update_change *c = &p->changes[middle];

		if (c->list < key.list || (c->list == key.list && c->kind < key.kind))
			low = middle + 1;
		else
			high = middle;
	}
	end = low;
	while (end < p->n_changes && p->changes[end].list == list && p->changes[end].kind == kind)
		end++;
	*from = low;
	return end;
}

/* The image in force may have had more lists. */
static unsigned n_lists(const struct update_preview *p, const struct update_result *r)
{
	unsigned n = p->n_changes != 0 ? p->changes[p->n_changes - 1].list + 1u : 0;

	return n > r->n_lists ? n : r->n_lists;
}

/* What quell-update exempts is of no list of the configuration. */
static const char *list_name(const struct update_result *r, unsigned list, char text[32])
{
	if (list < r->n_lists)
		return r->lists[list].conf->name;
	(void)snprintf(text, 32, "(list %u)", list);
	return text;
}

static void text_changes(
    FILE *to, const struct update_preview *p, unsigned list, enum update_change_kind kind)
{
	static const char *const signs[UPDATE_CHANGES] = {"+", "-", "+", "-"};
	size_t from, end = range(p, list, kind, &from);

	for (size_t i = from; i < end && i - from < SHOWN_MAX; i++)
		fprintf(to, "  %s %s\n", signs[kind], p->texts + p->changes[i].text_off);
	if (end - from > SHOWN_MAX)
		fprintf(to, "  %s ... %zu more\n", signs[kind], end - from - SHOWN_MAX);
}

static void text_list(
    FILE *to, const struct update_preview *p, const struct update_result *r, unsigned list)
{
	size_t n[UPDATE_CHANGES], from;
	char text[32];

	for (unsigned kind = 0; kind < UPDATE_CHANGES; kind++)
		n[kind] = range(p, list, kind, &from) - from;
	if (list >= r->n_lists && n[0] + n[1] + n[2] + n[3] == 0)
		return;
	fprintf(to, "%s: %zu names newly blocked, %zu freed", list_name(r, list, text),
	    n[UPDATE_CHANGE_BLOCKED], n[UPDATE_CHANGE_FREED]);
	if (n[UPDATE_CHANGE_ADDED] + n[UPDATE_CHANGE_REMOVED] != 0)
		fprintf(to, "; %zu rules without a name added, %zu removed", n[UPDATE_CHANGE_ADDED],
		    n[UPDATE_CHANGE_REMOVED]);
	fputc('\n', to);
	for (unsigned kind = 0; kind < UPDATE_CHANGES; kind++)
		text_changes(to, p, list, kind);
}

/* A name of the file. */
struct hit {
	char name[NAME_TEXT_SIZE];
	bool before, after;
	unsigned list; /* that decides: of the new image, or of the old where it does not block */
};

static unsigned deciding_list(const struct trie *t, const uint8_t *name)
{
	const struct effect_ask ask = {.name = name, .type = TYPE_A};
	struct judge_match match = {0};

	(void)judge_matches(t, &ask, &match, 1);
	return match.list;
}

/* The next name that one of the images blocks. */
static bool next_hit(const struct update_preview *p, struct feed_lines *l, struct hit *hit)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	while (feed_lines_next(l)) {
		if (!feed_host(l->text, l->len, name, &len))
			continue;
		hit->before = is_blocked(p->old, name);
		hit->after = is_blocked(p->new, name);
		if (!hit->before && !hit->after)
			continue;
		hit->list = deciding_list(hit->after ? p->new : p->old, name);
		name_to_text(name, hit->name);
		return true;
	}
	return false;
}

void update_preview_text(
    FILE *to, const struct update_preview *p, const struct update_result *r, const char *names)
{
	struct feed_lines l;
	struct hit hit;
	char text[32];

	for (unsigned i = 0; i < n_lists(p, r); i++)
		text_list(to, p, r, i);
	if (names == NULL)
		return;
	feed_lines_start(&l, names, strlen(names));
	while (next_hit(p, &l, &hit))
		fprintf(to, "%s: %s (%s)\n", hit.name,
		    !hit.after	 ? "would be freed"
		    : hit.before ? "stays blocked"
				 : "would be blocked",
		    list_name(r, hit.list, text));
}

static void json_changes(FILE *to, const struct update_preview *p, unsigned list,
    enum update_change_kind kind, const char *key)
{
	size_t from, end = range(p, list, kind, &from);

	fprintf(to, ",\"%s\":[", key);
	for (size_t i = from; i < end; i++) {
		if (i != from)
			fputc(',', to);
		text_json(to, p->texts + p->changes[i].text_off);
	}
	fputc(']', to);
}

static void json_list(
    FILE *to, const struct update_preview *p, const struct update_result *r, unsigned list)
{
	char text[32];

	fputs("{\"name\":", to);
	text_json(to, list_name(r, list, text));
	fputs(",\"result\":", to);
	if (list < r->n_lists)
		text_json(to, update_list_outcome_text(r->lists[list].outcome));
	else
		fputs("\"not configured\"", to);
	if (list < r->n_lists && update_list_failed(&r->lists[list])) {
		fputs(",\"reason\":", to);
		text_json(to, r->lists[list].why.text);
	}
	json_changes(to, p, list, UPDATE_CHANGE_BLOCKED, "blocked");
	json_changes(to, p, list, UPDATE_CHANGE_FREED, "freed");
	json_changes(to, p, list, UPDATE_CHANGE_ADDED, "rules_added");
	json_changes(to, p, list, UPDATE_CHANGE_REMOVED, "rules_removed");
	fputc('}', to);
}

static void json_hits(
    FILE *to, const struct update_preview *p, const struct update_result *r, const char *names)
{
	const char *between = "";
	struct feed_lines l;
	struct hit hit;
	char text[32];

	feed_lines_start(&l, names, strlen(names));
	fputs(",\"names\":[", to);
	for (; next_hit(p, &l, &hit); between = ",") {
		fprintf(to, "%s{\"name\":", between);
		text_json(to, hit.name);
		fprintf(to, ",\"before\":%s,\"after\":%s,\"list\":", hit.before ? "true" : "false",
		    hit.after ? "true" : "false");
		text_json(to, list_name(r, hit.list, text));
		fputc('}', to);
	}
	fputc(']', to);
}

void update_preview_json(
    FILE *to, const struct update_preview *p, const struct update_result *r, const char *names)
{
	fprintf(to, "{\"exit\":%d,\"lists\":[", r->exit_code);
	for (unsigned i = 0; i < n_lists(p, r); i++) {
		if (i != 0)
			fputc(',', to);
		json_list(to, p, r, i);
	}
	fputc(']', to);
	if (names != NULL)
		json_hits(to, p, r, names);
	fputs("}\n", to);
}
