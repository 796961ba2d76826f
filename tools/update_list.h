/* update_list.h - one configured list in a run: fetched, checked, kept, and what became of it.
 *
 *   url or file --> text --> is it a list? --> same as the kept copy?  unchanged
 *        |                        |                    \--> keep it:   updated
 *        \-- failed --------------+--> the kept copy: kept          none: left out
 */
#ifndef QUELL_UPDATE_LIST_H
#define QUELL_UPDATE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/compile.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "tools/update_fetch.h"
#include "tools/update_store.h"

enum update_outcome {
	UPDATE_NOT_REACHED, /* the run was stopped before */
	UPDATE_UPDATED,
	UPDATE_UNCHANGED,
	UPDATE_NOT_ASKED, /* another list was named on the command line: the kept copy */
	UPDATE_KEPT,	  /* failed: the kept copy */
	UPDATE_LEFT_OUT,  /* failed, and there is no copy */
	UPDATE_OUTCOMES
};

#define UPDATE_BAD_SIZE 96 /* of the first line that was not understood, escaped */

struct update_list {
	const struct conf_list *conf; /* borrowed */
	bool asked;
	enum update_outcome outcome;
	struct why why; /* of UPDATE_KEPT and UPDATE_LEFT_OUT */
	char *text;	/* owned; NULL: left out, or dropped */
	size_t len;
	struct feed_counts counts; /* of `text` as it was compiled */
	char bad_text[UPDATE_BAD_SIZE];
};

/* Bring `list` (its conf and asked set, the rest zero) to its outcome.  `dry`: the new text is not
 * written to the store. */
void update_list_refresh(
    struct update_list *list, struct update_store *store, struct update_fetch *fetch, bool dry);

/* The text is not needed any more: one at a time is in memory. */
void update_list_drop(struct update_list *list);

/* There is a text of it, new or kept. */
bool update_list_has_text(const struct update_list *list);

/* "updated", ... */
const char *update_list_outcome_text(enum update_outcome outcome);

/* It failed to become what its publisher has. */
bool update_list_failed(const struct update_list *list);

/* Its URL, or its path. */
const char *update_list_origin(const struct update_list *list);

#endif
