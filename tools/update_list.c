/* update_list.c - a list on its way to its outcome. */
#include "tools/update_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/update_local.h"
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
	    .dry = options->dry,
	    .anew = options->anew};
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

/* Is list->text the pinned one, and signed, where that is asked for? */
static int check_origin(struct update_list *list)
{
	const struct conf_list *conf = list->conf;
	int err = 0;

	if (conf->sha256[0] != '\0')
		err = update_sign_sha256(conf->sha256, list->text, list->len, &list->why);
	if (err != 0 || conf->minisign[0] == '\0')
		return err;
	if (!is_remote(list))
		return check_local_signature(list);
	return update_sign_minisign(conf->minisign, list->transfer.also_text,
	    list->transfer.also_len, list->text, list->len, &list->why);
}

/* What the publisher has, into list->text. */
static int obtain(struct update_list *list)
{
	const struct update_transfer *t = &list->transfer;

	if (!is_remote(list))
		return read_local(list, &list->why);
	if (t->err != 0)
		return why_set(&list->why, t->err, "%s", t->why.text);
	return update_part_read(&t->part, &list->text, &list->len, &list->why);
}

/* ---- the kept copy ---- */

/* What is remembered of it is of no use without it, and the other way round. */
static int remember(struct update_list *list, struct update_store *store)
{
	struct update_seen *seen = &list->transfer.seen;
	char file[UPDATE_PART_FILE_SIZE];

	(void)snprintf(file, sizeof(file), "%s.seen", list->conf->name);
	if (!is_remote(list) || !update_seen_has_validator(seen)) {
		(void)unlinkat(store->lists_fd, file, 0);
		return 0;
	}
	memcpy(seen->key, list->conf->minisign, sizeof(seen->key));
	update_seen_bind(seen, list->text, list->len);
	return update_seen_write(store->lists_fd, file, seen, &list->why);
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

/* What there is to know of the text, into list->facts. */
static int look(
    struct update_list *list, const struct update_list_options *options, struct why *why)
{
	update_facts_fini(&list->facts);
	return update_gate_look(
	    options->watch, list->conf, list->text, list->len, &list->facts, why);
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
	const struct conf_list *conf = list->conf;
	struct update_facts kept = {0};
	bool has_kept;
	int err;

	update_list_drop(list); /* one text at a time is in memory */
	has_kept = look_at_kept(list, store, options, &kept);
	err = obtain(list);
	if (err == 0)
		err = check_origin(list); /* it may be another one by now */
	if (err == 0)
		err = look(list, options, &list->why);
	if (err == 0 && update_gate_judge(options->watch, conf, &list->facts,
			    has_kept ? &kept : NULL, &list->why) != 0) {
		struct why why;

		list->held = options->dry || update_versions_hold(store, conf->name, list->text,
						 list->len, &why) == 0;
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
		err = look(list, options, &list->why);
	} else if (update_versions_was_left(store, name, list->text, list->len)) {
		list->outcome = UPDATE_BACK;
		return ERR_NOTFOUND;
	} else {
		err = pass_gate(list, store, options);
		if (err == 0)
			err = replace(list, store, options);
	}
	/* A copy without what is remembered of it is downloaded once more, no worse. */
	if (err == 0 && !options->dry)
		(void)remember(list, store);
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

/* The publisher has it unchanged; but the pin may be a new one. */
static enum update_outcome outcome_of_current(struct update_list *list)
{
	const char *pin = list->conf->sha256;

	if (pin[0] != '\0' && update_sign_sha256(pin, list->text, list->len, &list->why) != 0)
		return UPDATE_KEPT;
	return UPDATE_UNCHANGED;
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
	bool is_current = list->asked && is_remote(list) && list->transfer.not_modified;
	int err = ERR_NOTFOUND;

	if (list->asked && !is_current)
		err = renew(list, store, options);
	if (err != 0) {
		update_list_drop(list);
		/* Why it was not renewed is of more interest than why it has no copy. */
		if (check_kept(
			list, store, options, list->asked && !is_current ? NULL : &list->why) != 0)
			list->outcome = UPDATE_LEFT_OUT;
		else if (is_current)
			list->outcome = outcome_of_current(list);
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

bool update_list_failed(const struct update_list *list)
{
	return list->outcome == UPDATE_HELD || list->outcome == UPDATE_KEPT ||
	       list->outcome == UPDATE_LEFT_OUT;
}

const char *update_list_origin(const struct update_list *list)
{
	return list->conf->url[0] != '\0' ? list->conf->url : list->conf->file;
}
