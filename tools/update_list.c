/* update_list.c - a list on its way to its outcome. */
#include "tools/update_list.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int count_rule(
    void *ctx, const uint8_t *name, size_t name_len, enum rule_kind kind, uint64_t line)
{
	(void)ctx;
	(void)name;
	(void)name_len;
	(void)kind;
	(void)line;
	return 0;
}

/* May this text take the place of the last good copy?  A user's own file may hold comments alone;
 * a publisher's list without a rule is a mishap. */
static int check(const struct conf_list *conf, const char *text, size_t len, struct why *why)
{
	const struct feed_syntax *syntax = feed_find(conf->syntax);
	struct feed_sink sink = {.rule = count_rule};
	struct feed_counts counts;
	int err;

	if (len == 0)
		return why_set(why, ERR_FORMAT, "it is empty");
	err = feed_parse(text, len, syntax, &sink, &counts, why);
	if (err == 0 && counts.rules == 0 && conf->url[0] != '\0')
		err = why_set(why, ERR_FORMAT, "it has no rule");
	return err;
}

static int obtain(const struct conf_list *conf, struct update_fetch *fetch, char **text,
    size_t *len, struct why *why)
{
	int err;

	if (conf->url[0] != '\0')
		err = update_fetch_get(fetch, conf->url, text, len, why);
	else
		err = update_store_read_at(AT_FDCWD, conf->file, COMPILE_TEXT_MAX, text, len, why);
	if (err != 0)
		return err;
	err = check(conf, *text, *len, why);
	if (err != 0)
		free(*text);
	return err;
}

static bool is_same(const struct update_list *list, const char *text, size_t len)
{
	return list->text != NULL && list->len == len && memcmp(list->text, text, len) == 0;
}

/* Put what the publisher has into the place of the kept copy. */
static int renew(
    struct update_list *list, struct update_store *store, struct update_fetch *fetch, bool dry)
{
	const struct conf_list *conf = list->conf;
	char *text;
	size_t len;
	int err = obtain(conf, fetch, &text, &len, &list->why);

	if (err != 0)
		return err;
	list->outcome = UPDATE_UNCHANGED;
	if (is_same(list, text, len)) {
		free(text);
		return 0;
	}
	if (!dry)
		err = update_store_keep(store, conf->name, text, len, &list->why);
	if (err != 0) {
		free(text);
		return err;
	}
	free(list->text);
	list->text = text;
	list->len = len;
	list->outcome = UPDATE_UPDATED;
	return 0;
}

/* The kept copy, if it is (still) a list: the options of the list may have changed since. */
static void load_kept(struct update_list *list, struct update_store *store)
{
	const struct conf_list *conf = list->conf;
	struct why why;
	int err = update_store_read(store, conf->name, &list->text, &list->len, &why);

	if (err == 0)
		err = check(conf, list->text, list->len, &why);
	if (err == 0)
		return;
	if (err != ERR_NOTFOUND)
		why_set(&list->why, err, "its kept copy: %s", why.text);
	else
		why_set(&list->why, err, "there is no copy of it yet");
	free(list->text);
	list->text = NULL;
}

void update_list_refresh(
    struct update_list *list, struct update_store *store, struct update_fetch *fetch, bool dry)
{
	load_kept(list, store);
	if (list->asked && renew(list, store, fetch, dry) == 0)
		return;
	if (list->text == NULL)
		list->outcome = UPDATE_LEFT_OUT;
	else
		list->outcome = list->asked ? UPDATE_KEPT : UPDATE_NOT_ASKED;
}

void update_list_fini(struct update_list *list)
{
	free(list->text);
	list->text = NULL;
}

const char *update_list_outcome_text(enum update_outcome outcome)
{
	static const char *const texts[UPDATE_OUTCOMES] = {
	    [UPDATE_NOT_REACHED] = "not reached",
	    [UPDATE_UPDATED] = "updated",
	    [UPDATE_UNCHANGED] = "unchanged",
	    [UPDATE_NOT_ASKED] = "not asked for",
	    [UPDATE_KEPT] = "kept old",
	    [UPDATE_LEFT_OUT] = "left out",
	};

	return texts[outcome];
}

bool update_list_failed(const struct update_list *list)
{
	return list->outcome == UPDATE_KEPT || list->outcome == UPDATE_LEFT_OUT;
}

const char *update_list_origin(const struct update_list *list)
{
	return list->conf->url[0] != '\0' ? list->conf->url : list->conf->file;
}
