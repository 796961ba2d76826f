/* update_survey.c - all kept copies in one image, and a walk over it. */
#include "tools/update_survey.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "blocklists/compile.h"
#include "blocklists/trie.h"
#include "blocklists/walk.h"
#include "tools/text.h"
#include "tools/update_offline.h"
#include "tools/update_run.h"
#include "tools/update_store.h"

struct worth {
	const struct conf_list *conf;
	struct why why; /* not empty: there is no copy, or none that is a list */
	struct feed_counts counts;
	uint64_t age_s;
	uint64_t rules, alone, shadowed, adds; /* distinct ones */
	double share;			       /* of the rules of the image */
};

struct survey {
	struct worth *lists; /* n_lists of them */
	unsigned n_lists;
	struct trie t;
	uint64_t n_distinct;
	/* The rule that is being looked at, and the lists that have it. */
	bool open;
	struct rule rule;
	uint8_t name[NAME_SIZE];
	uint16_t *holders;
	unsigned n_holders;
};

/* ---- Counting ---- */

/* Does a plain block of `kind` at the name, or (`above`) over it, cover a rule of `inner` there? */
static bool covers(enum rule_kind kind, bool above, enum rule_kind inner)
{
	if (above)
		return kind != RULE_EXACT;
	return kind == RULE_SUFFIX && inner != RULE_SUFFIX;
}

/* Up to two lists, the least numbers, that shadow the rule. */
static unsigned find_shadows(const struct survey *s, uint16_t lists[2])
{
	struct trie_path path;
	unsigned labels = name_labels(s->name), n = 0;

	trie_walk(&s->t, s->name, &path);
	for (unsigned i = 0; i < path.n; i++) {
		size_t n_entries = trie_set_size(&s->t, path.at[i].set);

		for (size_t k = 0; k < n_entries && n < 2; k++) {
			struct trie_entry e = trie_set_entry(&s->t, path.at[i].set, k);

			if (e.effect == 0 && (n == 0 || lists[0] != e.list) &&
			    covers(e.kind, path.at[i].labels < labels, s->rule.kind))
				lists[n++] = e.list;
		}
	}
	return n;
}

/* All lists that have the rule are known. */
static void count_rule(struct survey *s)
{
	uint16_t shadows[2];
	unsigned n = 0;

	if (!s->open)
		return;
	if (s->rule.kind < RULE_NAME_KINDS && s->rule.effect_len == 0)
		n = find_shadows(s, shadows);
	s->n_distinct++;
	for (unsigned i = 0; i < s->n_holders; i++) {
		struct worth *w = &s->lists[s->holders[i]];
		bool shadowed = n > 1 || (n == 1 && shadows[0] != s->holders[i]);

		w->rules++;
		w->share += 1.0 / s->n_holders;
		w->alone += s->n_holders == 1;
		w->shadowed += shadowed;
		w->adds += s->n_holders == 1 && !shadowed;
	}
	s->open = false;
}

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* The same rule, on a list behind the last. */
static bool is_same(const struct survey *s, const struct rule *rule, uint16_t list)
{
	const struct rule *last = &s->rule;

	if (!s->open || list <= s->holders[s->n_holders - 1] || last->kind != rule->kind ||
	    !same_bytes(last->effect, last->effect_len, rule->effect, rule->effect_len))
		return false;
	if (rule->kind < RULE_NAME_KINDS)
		return same_bytes(s->name, last->name_len, rule->name, rule->name_len);
	if (rule->kind == RULE_REGEX)
		return last->inverted == rule->inverted &&
		       same_bytes(last->regex, last->regex_len, rule->regex, rule->regex_len);
	return last->network.family == rule->network.family &&
	       last->network.bits == rule->network.bits &&
	       memcmp(last->network.bytes, rule->network.bytes, sizeof(rule->network.bytes)) == 0;
}

static int on_rule(void *ctx, const struct rule *rule, uint16_t list)
{
	struct survey *s = ctx;

	if (list >= s->n_lists)
		return 0;
	if (!is_same(s, rule, list)) {
		count_rule(s);
		s->open = true;
		s->rule = *rule;
		if (rule->kind < RULE_NAME_KINDS)
			memcpy(s->name, rule->name, rule->name_len);
		s->n_holders = 0;
	}
	s->holders[s->n_holders++] = list;
	return 0;
}

/* ---- The image of the kept copies ---- */

static uint64_t age_of(const struct update_store *store, const char *name)
{
	char file[CONF_NAME_SIZE + sizeof(".txt")];
	struct stat st;
	time_t now = time(NULL);

	(void)snprintf(file, sizeof(file), "%s.txt", name);
	if (fstatat(store->lists_fd, file, &st, 0) != 0 || st.st_mtime > now)
		return 0;
	return (uint64_t)(now - st.st_mtime);
}

/* A copy that is none takes its number all the same. */
static int add_list(
    struct survey *s, unsigned i, struct update_store *store, struct compile *c, struct why *why)
{
	struct worth *w = &s->lists[i];
	struct compile_source source = {
	    .name = w->conf->name,
	    .syntax = feed_find(w->conf->syntax),
	    .match = w->conf->match,
	    .rewrites = w->conf->trust == CONF_TRUST_REWRITE,
	};
	char *text = NULL;
	int err = update_store_read(store, w->conf->name, &text, &source.len, &w->why);

	if (err == ERR_NOTFOUND) {
		(void)why_set(&w->why, err, "there is no copy of it yet");
		return compile_add_none(c, why);
	}
	if (err != 0)
		return why_set(why, err, "%s", w->why.text);
	source.text = text;
	err = compile_add(c, &source, NULL, NULL, why);
	w->counts = source.counts;
	w->age_s = age_of(store, w->conf->name);
	free(text);
	return err;
}

static int make_image(
    struct survey *s, const char *state_dir, uint8_t **image, size_t *len, struct why *why)
{
	struct update_store store;
	struct compile *c = compile_new();
	int err = c != NULL ? 0 : why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));

	update_store_look(&store, state_dir);
	for (unsigned i = 0; i < s->n_lists && err == 0; i++)
		err = add_list(s, i, &store, c, why);
	update_store_close(&store, true);
	if (err == 0)
		err = compile_image(c, image, len, why);
	compile_free(c);
	return err;
}

/* ---- Writing ---- */

static double percent(uint64_t part, uint64_t all)
{
	return all != 0 ? 100.0 * (double)part / (double)all : 0;
}

static uint64_t image_bytes(const struct survey *s, const struct worth *w)
{
	return s->n_distinct != 0 ? (uint64_t)(w->share / (double)s->n_distinct * (double)s->t.len)
				  : 0;
}

static const char *format_age(uint64_t age_s, char text[32])
{
	static const struct {
		uint64_t s;
		const char *name;
	} units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
	size_t i = 0;

	while (i < 3 && age_s < 2 * units[i].s)
		i++;
	(void)snprintf(text, 32, "%" PRIu64 " %s", age_s / units[i].s, units[i].name);
	return text;
}

static bool adds_nothing(const struct worth *w)
{
	return w->why.text[0] == '\0' && w->adds == 0;
}

static void write_text(const struct survey *s)
{
	char bytes[TEXT_BYTES_SIZE], age[32];

	for (unsigned i = 0; i < s->n_lists; i++) {
		const struct worth *w = &s->lists[i];

		if (w->why.text[0] != '\0') {
			printf("%s: %s\n", w->conf->name, w->why.text);
			continue;
		}
		printf("%s: %" PRIu64 " rules, %" PRIu64 " bad lines, %.1f %% on no other list, "
		       "%.1f %% shadowed by another, %s of the image, %s old\n",
		    w->conf->name, w->rules, w->counts.skips[FEED_BAD], percent(w->alone, w->rules),
		    percent(w->shadowed, w->rules), text_bytes(bytes, image_bytes(s, w)),
		    format_age(w->age_s, age));
	}
	for (unsigned i = 0; i < s->n_lists; i++) {
		if (adds_nothing(&s->lists[i]))
			printf("%s adds nothing to the other lists\n", s->lists[i].conf->name);
	}
	printf(
	    "all: %" PRIu64 " rules, an image of %s\n", s->t.n_rules, text_bytes(bytes, s->t.len));
}

static void json_number(const char *key, uint64_t value)
{
	printf(",\"%s\":%" PRIu64, key, value);
}

static void write_json(const struct survey *s)
{
	printf("{\"lists\":[");
	for (unsigned i = 0; i < s->n_lists; i++) {
		const struct worth *w = &s->lists[i];

		printf("%s{\"name\":", i != 0 ? "," : "");
		text_json(stdout, w->conf->name);
		if (w->why.text[0] != '\0') {
			printf(",\"reason\":");
			text_json(stdout, w->why.text);
		}
		json_number("rules", w->rules);
		json_number("bad_lines", w->counts.skips[FEED_BAD]);
		json_number("alone", w->alone);
		json_number("shadowed", w->shadowed);
		json_number("adds", w->adds);
		json_number("image_bytes", image_bytes(s, w));
		json_number("age_s", w->age_s);
		putchar('}');
	}
	printf("],\"image\":{\"rules\":%" PRIu64 ",\"bytes\":%zu}}\n", s->t.n_rules, s->t.len);
}

/* ---- All of it ---- */

static int survey(struct survey *s, const struct conf *conf, uint8_t **image, struct why *why)
{
	size_t len;
	int err;

	if (s->lists == NULL || s->holders == NULL)
		return why_set(why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	for (unsigned i = 0; i < s->n_lists; i++)
		s->lists[i].conf = &conf->lists[i];
	err = make_image(s, conf->state_dir, image, &len, why);
	if (err == 0)
		err = trie_open(&s->t, *image, len, why);
	if (err == 0)
		err = walk_rules(&s->t, on_rule, s, why);
	count_rule(s);
	return err;
}

int update_survey(const struct conf *conf, bool json)
{
	struct survey s = {
	    .lists = calloc(conf->n_lists, sizeof(*s.lists)),
	    .n_lists = conf->n_lists,
	    .holders = calloc(conf->n_lists, sizeof(*s.holders)),
	};
	uint8_t *image = NULL;
	struct why why = {""};
	int err = survey(&s, conf, &image, &why);

	if (err == 0 && json)
		write_json(&s);
	else if (err == 0)
		write_text(&s);
	free(image);
	free(s.lists);
	free(s.holders);
	return err == 0 ? UPDATE_EXIT_WELL : update_offline_fail(&why);
}
