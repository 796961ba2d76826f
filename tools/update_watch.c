/* update_watch.c - names from the built-in list, the URLs and the user's rules. */
#include "tools/update_watch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "blocklists/build.h"
#include "blocklists/effect.h"
#include "blocklists/feed.h"
#include "blocklists/rules.h"
#include "blocklists/vital.h"
#include "lib/clock.h"

static struct update_watch_name *find(
    const struct update_watch *w, const uint8_t *name, size_t len, enum update_watch_kind kind)
{
	for (unsigned i = 0; i < w->n; i++) {
		struct update_watch_name *n = &w->names[i];

		if (n->kind == kind && n->len == len && memcmp(n->name, name, len) == 0)
			return n;
	}
	return NULL;
}

static int add_name(struct update_watch *w, const uint8_t *name, size_t len, bool below,
    enum update_watch_kind kind)
{
	struct update_watch_name *n = find(w, name, len, kind);

	if (n != NULL) {
		n->below = n->below || below;
		return 0;
	}
	if (w->n == w->size) {
		unsigned size = w->size != 0 ? 2 * w->size : 128;
		struct update_watch_name *larger = realloc(w->names, size * sizeof(*larger));

		if (larger == NULL)
			return ERR_NOMEM;
		w->names = larger;
		w->size = size;
	}
	n = &w->names[w->n++];
	*n = (struct update_watch_name){.kind = kind, .below = below, .len = (uint8_t)len};
	memcpy(n->name, name, len);
	return 0;
}

/* What is no name (an address in a URL) is none to watch. */
static int add(
    struct update_watch *w, const char *text, size_t len, bool below, enum update_watch_kind kind)
{
	uint8_t name[NAME_SIZE];
	size_t name_size;

	return feed_host(text, len, name, &name_size) ? add_name(w, name, name_size, below, kind)
						      : 0;
}

static int add_vital(struct update_watch *w)
{
	struct feed_lines l;
	int err = 0;

	feed_lines_start(&l, vital_text, vital_len);
	while (err == 0 && feed_lines_next(&l)) {
		bool below = l.len != 0 && l.text[0] == '.';

		if (l.len != 0 && l.text[0] != '#')
			err = add(w, l.text + below, l.len - below, below, UPDATE_WATCH_NEEDED);
	}
	return err;
}

/* https://user@host:443/path */
static int add_host(struct update_watch *w, const char *url)
{
	const char *host = strstr(url, "://"), *at;
	size_t len;

	if (host == NULL)
		return 0;
	host += 3;
	len = strcspn(host, "/?#");
	at = memchr(host, '@', len);
	if (at != NULL) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	at = memchr(host, ':', len);
	return add(w, host, at != NULL ? (size_t)(at - host) : len, false, UPDATE_WATCH_NEEDED);
}

/* The names that the user allows, now.  quelld may keep its rules to itself. */
static int add_rules(struct update_watch *w, const char *path)
{
	struct rules_clock now = {.boot_ms = clock_ms(), .wall_s = time(NULL)};
	struct rules rules;
	int err;

	clock_boot(now.boot);
	rules_init(&rules);
	err = rules_read(&rules, path, &now, &w->trouble);
	if (err != 0)
		return err == ERR_NOMEM ? err : 0;
	w->trouble.text[0] = '\0';
	(void)rules_expire(&rules, &now);
	for (size_t i = 0; i < rules.n_lines && err == 0; i++) {
		const struct rules_line *line = &rules.lines[i];

		if (line->kind == RULES_ALLOW && line->name[0] != 0)
			err = add_name(w, line->name, name_len(line->name), !line->exact,
			    UPDATE_WATCH_ALLOWED);
	}
	rules_fini(&rules);
	return err;
}

static int collect(struct update_watch *w, const struct conf *conf)
{
	int err = 0;

	if (conf->vital_names)
		err = add_vital(w);
	for (unsigned i = 0; i < conf->n_lists && err == 0 && conf->vital_names; i++)
		err = add_host(w, conf->lists[i].url);
	return err != 0 ? err : add_rules(w, conf->rules);
}

/* An image of all places where a rule stands that touches a name. */
static int make_near(struct update_watch *w, struct why *why)
{
	struct build *b = build_new();
	size_t len;
	int err = b != NULL ? 0 : ERR_NOMEM;

	for (unsigned i = 0; i < w->n && err == 0; i++) {
		const struct update_watch_name *n = &w->names[i];
		struct rule rule = {.kind = n->below ? RULE_SUFFIX : RULE_EXACT};

		for (unsigned labels = name_labels(n->name); labels > 0 && err == 0; labels--) {
			rule.name = name_last_labels(n->name, labels);
			rule.name_len = name_len(rule.name);
			err = build_add(b, &rule, 0);
			rule.kind = RULE_EXACT;
		}
	}
	if (err == 0)
		err = build_image(b, 1, &w->image, &len, why);
	build_free(b);
	return err != 0 ? err : trie_open(&w->near, w->image, len, why);
}

int update_watch_init(struct update_watch *w, const struct conf *conf, struct why *why)
{
	int err;

	*w = (struct update_watch){0};
	err = collect(w, conf);
	if (err == 0)
		err = make_near(w, why);
	if (err != 0)
		update_watch_fini(w);
	return err == 0 ? 0 : why_set(why, err, "%s", err_text(err));
}

void update_watch_fini(struct update_watch *w)
{
	free(w->names);
	free(w->image);
	*w = (struct update_watch){0};
}

bool update_watch_is_near(const struct update_watch *w, const uint8_t *name)
{
	return trie_blocks(&w->near, name);
}

int update_watch_exempt(
    const struct update_watch *w, const bool *hits, struct compile *compile, struct why *why)
{
	struct effect effect;
	int err = compile_add_none(compile, why);

	effect_init(&effect, EFFECT_ALLOW, EFFECT_IMPORTANT | EFFECT_NEEDED);
	effect_finish(&effect);
	for (unsigned i = 0; i < w->n && err == 0; i++) {
		const struct update_watch_name *n = &w->names[i];
		struct rule rule = {
		    .kind = n->below ? RULE_SUFFIX : RULE_EXACT,
		    .name = n->name,
		    .name_len = n->len,
		    .effect = effect.bytes,
		    .effect_len = effect.len,
		};

		if (hits[i] && n->kind == UPDATE_WATCH_NEEDED)
			err = compile_add_rule(compile, &rule, why);
	}
	return err;
}
