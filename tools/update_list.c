/* update_list.c - a list on its way to its outcome. */
#include "tools/update_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/update_local.h"
#include "tools/update_look.h"
#include "tools/update_sign.h"
#include "tools/update_versions.h"

#define MAX_BYTES ((uint64_t)256 << 20) /* where a list has no option of its own */
#define MAX_S	  3600

/* ---- where it comes from ---- */

/* Beside the list, unless it is said where. */
static void choose_signature(struct update_list *list)
{
	const struct conf_list *conf = list->conf;
	const char *at = conf->url[0] != '\0' ? conf->url : conf->file;

	if (conf->minisign[0] == '\0')
		return;
	(void)snprintf(list->signature_url, sizeof(list->signature_url), "%s%s",
	    conf->signature[0] != '\0' ? conf->signature : at,
	    conf->signature[0] != '\0' ? "" : ".minisig");
}

void update_list_prepare(struct update_list *list, const struct update_store *store,
    const struct update_list_options *options)
{
	const struct conf_list *conf = list->conf;
	char path[CONF_PATH_SIZE];

	list->max_bytes = options->max_bytes;
	if (list->max_bytes == 0)
		list->max_bytes = conf->max_size != 0 ? conf->max_size : MAX_BYTES;
	choose_signature(list);
	if (!list->asked || conf->url[0] == '\0' || update_local_path(conf->url, path))
		return;
	list->transfer = (struct update_transfer){.name = conf->name,
	    .url = conf->url,
	    .key = conf->minisign,
	    .also = list->signature_url[0] != '\0' ? list->signature_url : NULL,
	    .max_bytes = list->max_bytes,
	    .max_s = conf->max_time_s != 0 ? conf->max_time_s : MAX_S,
	    .lists_fd = store->lists_fd,
	    .dry = options->dry};
}

static bool is_remote(const struct update_list *list)
{
	return list->transfer.url != NULL;
}

static int read_local(struct update_list *list, struct why *why)
{
	const struct conf_list *conf = list->conf;
	char path[CONF_PATH_SIZE];

	if (conf->url[0] == '\0')
		return update_local_read(
		    conf->file, COMPILE_TEXT_MAX, &list->text, &list->len, why);
	(void)update_local_path(conf->url, path);
	return update_local_read(path, (size_t)list->max_bytes, &list->text, &list->len, why);
}

/* The signature of a list that is here. */
static int check_local_signature(struct update_list *list)
{
	char path[sizeof(list->signature_url)], *signature;
	size_t len;
	struct why why;
	int err;

	if (!update_local_path(list->signature_url, path))
		(void)snprintf(path, sizeof(path), "%s", list->signature_url);
	err = update_local_read(path, UPDATE_SIGN_MAX, &signature, &len, &why);
	if (err != 0)
		return why_set(&list->why, err, "its signature: %s", why.text);
	err = update_sign_minisign(
	    list->conf->minisign, signature, len, list->text, list->len, &list->why);
	free(signature);
	return err;
}

/* Is list->text the pinned one, and signed, where that is asked for?  Of a text that is here the server
 * was asked only if it was found to be signed with this very key (struct update_transfer). */
static int check_origin(struct update_list *list)
{
	const struct conf_list *conf = list->conf;
	int err = 0;

	list->remedy = UPDATE_REMEDY_PIN;
	if (conf->sha256[0] != '\0')
		err = update_sign_sha256(conf->sha256, list->text, list->len, &list->why);
	if (err != 0 || conf->minisign[0] == '\0')
		return err;
	list->remedy = UPDATE_REMEDY_KEY;
	if (!is_remote(list))
		return check_local_signature(list);
	if (list->transfer.not_modified)
		return 0;
	return update_sign_minisign(conf->minisign, list->transfer.also_text,
	    list->transfer.also_len, list->text, list->len, &list->why);
}

/* What the publisher has, into list->text. */
static int obtain(struct update_list *list)
{
	const struct update_transfer *t = &list->transfer;
	int err = t->err;

	list->remedy = t->gone ? UPDATE_REMEDY_REMOVE : UPDATE_REMEDY_NONE;
	if (!is_remote(list))
		err = read_local(list, &list->why);
	else if (err != 0)
		why_set(&list->why, err, "%s", t->why.text);
	else
		err = update_part_read(&t->part, &list->text, &list->len, &list->why);
	if (err == ERR_RANGE && list->conf->url[0] != '\0')
		list->remedy = UPDATE_REMEDY_SIZE;
	return err;
}

/* ---- the kept copy ---- */

/* What the publisher has: the kept copy, or what is held, or was rolled back from. */
static void remember(struct update_list *list, struct update_store *store)
{
	struct update_seen *seen = &list->transfer.seen;
	char file[UPDATE_PART_FILE_SIZE];
	struct why why;

	(void)snprintf(file, sizeof(file), "%s.seen", list->conf->name);
	if (!is_remote(list) || !update_seen_has_validator(seen)) {
		(void)unlinkat(store->lists_fd, file, 0);
		return;
	}
	memcpy(seen->key, list->conf->minisign, sizeof(seen->key));
	update_seen_bind(seen, list->text, list->len);
	if (update_seen_write(store->lists_fd, file, seen, &why) != 0)
		(void)unlinkat(store->lists_fd, file, 0);
}

static int keep(struct update_list *list, struct update_store *store)
{
	const char *name = list->conf->name;
	struct update_part *part = &list->transfer.part;
	char file[UPDATE_PART_FILE_SIZE];
	int err;

	if (!is_remote(list))
		return update_store_keep(store, name, list->text, list->len, &list->why);
	err = update_part_sync(part, &list->why);
	update_part_file(part, file);
	if (err == 0)
		err = update_store_adopt(store, name, file, &list->why);
	return err;
}

/* Keep list->text as the version that is held. */
static int hold(struct update_list *list, struct update_store *store)
{
	const char *name = list->conf->name;
	struct update_part *part = &list->transfer.part;
	char file[UPDATE_PART_FILE_SIZE];
	struct why why; /* why it is held is of more interest */
	int err;

	if (!is_remote(list))
		return update_versions_hold(store, name, list->text, list->len, &why);
	if (update_part_is(part, UPDATE_HERE_HELD))
		return 0;
	err = update_part_sync(part, &why);
	update_part_file(part, file);
	return err != 0 ? err : update_versions_hold_part(store, name, file, &why);
}

/* What there is to know of the text, into list->facts. */
static int look(
    struct update_list *list, const struct update_list_options *options, struct why *why)
{
	update_facts_fini(&list->facts);
	return update_look(options->watch, list->conf, list->text, list->len, &list->facts, why);
}

/* The facts of the kept copy: false where it is none. */
static bool look_at_kept(struct update_list *list, struct update_store *store,
    const struct update_list_options *options, struct update_facts *facts)
{
	struct why why;
	bool is_list =
	    update_store_read(store, list->conf->name, &list->text, &list->len, &why) == 0 &&
	    look(list, options, &why) == 0;

	update_list_drop(list);
	if (!is_list)
		return false;
	*facts = list->facts;
	list->facts = (struct update_facts){0};
	return true;
}

/* May list->text, which is another than the kept copy, take its place?  Otherwise it is held. */
static int pass_gate(
    struct update_list *list, struct update_store *store, const struct update_list_options *options)
{
	struct update_facts kept = {0};
	bool has_kept;
	int err;

	update_list_drop(list); /* one text at a time is in memory */
	has_kept = look_at_kept(list, store, options, &kept);
	err = obtain(list);
	if (err == 0)
		err = check_origin(list); /* it may be another one by now */
	if (err == 0) {
		list->remedy = list->conf->url[0] != '\0' ? UPDATE_REMEDY_URL : UPDATE_REMEDY_NONE;
		err = look(list, options, &list->why);
	}
	if (err == 0 && update_gate_judge(options->watch, list->conf, &list->facts,
			    has_kept ? &kept : NULL, &list->why) != 0) {
		list->held = options->dry || hold(list, store) == 0;
		list->remedy = list->held ? UPDATE_REMEDY_ACCEPT : UPDATE_REMEDY_NONE;
		err = ERR_DENIED;
	}
	update_facts_fini(&kept);
	return err;
}

/* Put what the publisher has into the place of the kept copy. */
static int replace(
    struct update_list *list, struct update_store *store, const struct update_list_options *options)
{
	const char *name = list->conf->name;
	int err;

	list->outcome = UPDATE_UPDATED;
	if (options->dry)
		return 0;
	update_versions_shift(store, name, options->versions);
	err = keep(list, store);
	if (err == 0)
		update_versions_settle(store, name);
	return err;
}

static int renew(
    struct update_list *list, struct update_store *store, const struct update_list_options *options)
{
	const char *name = list->conf->name;
	int err = obtain(list);

	if (err == 0)
		err = check_origin(list);
	if (err != 0)
		return err;
	if (update_store_has(store, name, list->text, list->len)) {
		list->outcome = UPDATE_UNCHANGED;
		if (!options->dry)
			update_versions_unhold(store, name);
		err = look(list, options, &list->why);
	} else if (update_versions_was_left(store, name, list->text, list->len)) {
		list->outcome = UPDATE_BACK;
		err = ERR_NOTFOUND;
	} else {
		err = pass_gate(list, store, options);
		if (err == 0)
			err = replace(list, store, options);
	}
	/* A text without what is remembered of it is downloaded once more, no worse. */
	if (!options->dry && (err == 0 || list->held || list->outcome == UPDATE_BACK))
		remember(list, store);
	return err;
}

/* The kept copy, if it is (still) a list: the options of the list may have changed since. */
static int check_kept(struct update_list *list, struct update_store *store,
    const struct update_list_options *options, struct why *why)
{
	const struct conf_list *conf = list->conf;
	struct why reason;
	int err = update_store_read(store, conf->name, &list->text, &list->len, &reason);

	if (err == ERR_NOTFOUND)
		return why_set(why, err, "there is no copy of it yet");
	if (err == 0)
		err = look(list, options, &reason);
	return err == 0 ? 0 : why_set(why, err, "its kept copy: %s", reason.text);
}

/* What it is without a new text. */
static enum update_outcome outcome_of_kept(const struct update_list *list)
{
	if (!list->asked)
		return list->given != 0 ? list->given : UPDATE_NOT_ASKED;
	if (list->outcome == UPDATE_BACK)
		return UPDATE_BACK;
	return list->held ? UPDATE_HELD : UPDATE_KEPT;
}

void update_list_refresh(
    struct update_list *list, struct update_store *store, const struct update_list_options *options)
{
	int err = ERR_NOTFOUND;

	if (list->asked)
		err = renew(list, store, options);
	if (err != 0) {
		update_list_drop(list);
		/* Why it was not renewed is of more interest than why it has no copy. */
		if (check_kept(list, store, options, list->asked ? NULL : &list->why) != 0)
			list->outcome = UPDATE_LEFT_OUT;
		else
			list->outcome = outcome_of_kept(list);
	}
	update_list_drop(list);
	if (!options->dry || list->outcome != UPDATE_UPDATED)
		update_transfer_free(&list->transfer);
}

void update_list_load(
    struct update_list *list, struct update_store *store, const struct update_list_options *options)
{
	int err;

	if (!update_list_has_text(list))
		return;
	if (options->dry && list->outcome == UPDATE_UPDATED)
		err = obtain(list);
	else
		err =
		    update_store_read(store, list->conf->name, &list->text, &list->len, &list->why);
	if (err != 0)
		list->outcome = UPDATE_LEFT_OUT;
}

void update_list_drop(struct update_list *list)
{
	free(list->text);
	list->text = NULL;
}

void update_list_fini(struct update_list *list)
{
	update_list_drop(list);
	update_facts_fini(&list->facts);
	update_transfer_free(&list->transfer);
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
	    [UPDATE_ACCEPTED] = "accepted",
	    [UPDATE_BACK] = "rolled back",
	    [UPDATE_HELD] = "held",
	    [UPDATE_KEPT] = "kept old",
	    [UPDATE_LEFT_OUT] = "left out",
	};

	return texts[outcome];
}

const char *update_list_remedy_text(
    const struct update_list *list, char text[UPDATE_REMEDY_TEXT_SIZE])
{
	static const char *const texts[UPDATE_REMEDIES] = {
	    [UPDATE_REMEDY_ACCEPT] = "to take it all the same: quell-update --accept ",
	    [UPDATE_REMEDY_PIN] = "to take it all the same: change option sha256 of list ",
	    [UPDATE_REMEDY_KEY] = "to take it all the same: change option minisign of list ",
	    [UPDATE_REMEDY_SIZE] = "to take it all the same: raise option max_size of list ",
	    [UPDATE_REMEDY_REMOVE] = "where it is gone for good: quell-update remove ",
	    [UPDATE_REMEDY_URL] = "there is nothing to accept: look at option url of list ",
	};

	if (texts[list->remedy] == NULL)
		return NULL;
	(void)snprintf(
	    text, UPDATE_REMEDY_TEXT_SIZE, "%s%s", texts[list->remedy], list->conf->name);
	return text;
}

bool update_list_failed(const struct update_list *list)
{
	return list->outcome == UPDATE_HELD || list->outcome == UPDATE_KEPT ||
	       list->outcome == UPDATE_LEFT_OUT;
}

const char *update_list_origin(const struct update_list *list)
{
	return list->conf->url[0] != '\0' ? list->conf->url : list->conf->file;
}
