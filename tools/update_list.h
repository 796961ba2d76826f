/* update_list.h - one configured list in a run: fetched, checked, kept, and what became of it.
 *
 *   prepare -> (its transfer, beside others) -> refresh -> ... -> load -> compile -> drop
 *
 *   url or file --> text --> is it a list, --> same as the kept copy?  unchanged
 *        |              the pinned, signed one?        \--> may it be adopted?  updated
 *        |                        |                            \--> held
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
#include "tools/update_gate.h"
#include "tools/update_store.h"

enum update_outcome {
	UPDATE_NOT_REACHED, /* the run was stopped before */
	UPDATE_UPDATED,
	UPDATE_UNCHANGED,
	UPDATE_NOT_ASKED, /* another list was named on the command line: the kept copy */
	UPDATE_ACCEPTED,  /* not asked, but a held version was made the kept copy */
	UPDATE_BACK, /* the kept copy, since a version was rolled back: now, or the publisher still has it */
	UPDATE_HELD,	 /* what came is held (update_gate.h): the kept copy */
	UPDATE_KEPT,	 /* failed: the kept copy */
	UPDATE_LEFT_OUT, /* failed or held, and there is no copy */
	UPDATE_OUTCOMES
};

/* What the user can do about a version that was not taken. */
enum update_remedy {
	UPDATE_REMEDY_NONE,
	UPDATE_REMEDY_ACCEPT, /* it is held */
	UPDATE_REMEDY_PIN,
	UPDATE_REMEDY_KEY,
	UPDATE_REMEDY_SIZE,
	UPDATE_REMEDY_REMOVE, /* the publisher has it no more */
	UPDATE_REMEDY_URL,    /* that is no list */
	UPDATE_REMEDIES
};

#define UPDATE_BAD_SIZE 96 /* of the first line that was not understood, escaped */

struct update_list {
	const struct conf_list *conf; /* borrowed */
	bool asked;
	enum update_outcome
	    given; /* not 0: what it is to be, not asked: UPDATE_ACCEPTED or _BACK */
	enum update_outcome outcome;
	bool held;	/* there is a new version that may be accepted */
	struct why why; /* of what update_list_failed() */
	enum update_remedy remedy;
	/* Of a list whose URL is not on this machine; no `url` in it: there is none. */
	struct update_transfer transfer;
	uint64_t max_bytes;
	char signature_url[CONF_URL_SIZE + 16]; /* or path */
	struct update_facts facts;		/* of the text that goes into the image */
	char *text;				/* owned; NULL but between load and drop */
	size_t len;				/* of the text that goes into the image */
	struct feed_counts counts;		/* of `text` as it was compiled */
	char bad_text[UPDATE_BAD_SIZE];
};

/* What a run asks of each list. */
struct update_list_options {
	const struct update_watch *watch; /* borrowed */
	unsigned versions;		  /* that are kept */
	uint64_t max_bytes;		  /* of a text; 0: as the list's option max_size has it */
	bool dry;			  /* the new text is not written to the store */
};

/* Before anything else, with conf and asked set, the rest zero.  Where it is to be downloaded,
 * transfer.url is set then, and the transfer has to end before update_list_refresh(). */
void update_list_prepare(struct update_list *list, const struct update_store *store,
    const struct update_list_options *options);

/* Bring it to its outcome.  Its text is not in memory then. */
void update_list_refresh(struct update_list *list, struct update_store *store,
    const struct update_list_options *options);

/* Its text, new or kept, into list->text.  Where that fails its outcome is UPDATE_LEFT_OUT. */
void update_list_load(struct update_list *list, struct update_store *store,
    const struct update_list_options *options);

/* The text is not needed any more: one at a time is in memory. */
void update_list_drop(struct update_list *list);

/* Free all that it has. */
void update_list_fini(struct update_list *list);

/* There is a text of it, new or kept. */
bool update_list_has_text(const struct update_list *list);

/* "updated", ... */
const char *update_list_outcome_text(enum update_outcome outcome);

/* Into text: what can be done about it, a part of a sentence.  NULL: nothing in particular. */
#define UPDATE_REMEDY_TEXT_SIZE (CONF_NAME_SIZE + 64)
const char *update_list_remedy_text(
    const struct update_list *list, char text[UPDATE_REMEDY_TEXT_SIZE]);

/* It failed to become what its publisher has. */
bool update_list_failed(const struct update_list *list);

/* Its URL, or its path. */
const char *update_list_origin(const struct update_list *list);

#endif
