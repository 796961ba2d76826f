/* update_list.c - a list on its way to its outcome. */
#include "tools/update_list.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int ignore_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	(void)ctx;
	(void)rule;
	(void)line;
	return 0;
}

/* May this text take the place of the last good copy?  A user's own file may hold comments alone;
 * a publisher's list without a rule is a mishap. */
static int check(const struct conf_list *conf, const char *text, size_t len, struct why *why)
{
	const struct feed_syntax *syntax = feed_find(conf->syntax);
	struct feed_sink sink = {
	    .rewrites = conf->trust == CONF_TRUST_REWRITE, .rule = ignore_rule};
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
	if (!update_store_has(store, conf->name, text, len)) {
		list->outcome = UPDATE_UPDATED;
		if (!dry)
			err = update_store_keep(store, conf->name, text, len, &list->why);
	}
	if (err != 0) {
		free(text);
		return err;
	}
	list->text = text;
	list->len = len;
	return 0;
}

/* The kept copy, if it is (still) a list: the options of the list may have changed since. */
static int load_kept(struct update_list *list, struct update_store *store, struct why *why)
{
	const struct conf_list *conf = list->conf;
	struct why reason;
	int err = update_store_read(store, conf->name, &list->text, &list->len, &reason);

	if (err == ERR_NOTFOUND)
		return why_set(why, err, "there is no copy of it yet");
	if (err == 0) {
		err = check(conf, list->text, list->len, &reason);
		if (err != 0)
			update_list_drop(list);
	}
	return err == 0 ? 0 : why_set(why, err, "its kept copy: %s", reason.text);
}

void update_list_refresh(
    struct update_list *list, struct update_store *store, struct update_fetch *fetch, bool dry)
{
	if (list->asked && renew(list, store, fetch, dry) == 0)
		return;
	/* Why it was not renewed is of more interest than why it has no copy. */
	if (load_kept(list, store, list->asked ? NULL : &list->why) != 0)
		list->outcome = UPDATE_LEFT_OUT;
	else
		list->outcome = list->asked ? UPDATE_KEPT : UPDATE_NOT_ASKED;
}

void update_list_drop(struct update_list *list)
{
	free(list->text);
	list->text = NULL;
}

bool update_list_has_text(const struct update_list *list)
{
	return list->outcome != UPDATE_NOT_REACHED && list->outcome != UPDATE_LEFT_OUT;
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
