/* update_preview.h - what another image would change: the names that it blocks and the old one does
 * not, and the other way round.
 *
 * A name is one that a rule of either image stands at (for a rule on what is below a name: a name
 * below it, shown with a star), so what has the same verdict by other rules is no change.  Rules that
 * have no name (expressions, networks) are compared as they are written.
 */
#ifndef QUELL_UPDATE_PREVIEW_H
#define QUELL_UPDATE_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "blocklists/trie.h"
#include "lib/err.h"
#include "tools/update_report.h"

/* In the order in which they are shown. */
enum update_change_kind {
	UPDATE_CHANGE_BLOCKED,
	UPDATE_CHANGE_FREED,
	UPDATE_CHANGE_ADDED, /* a rule without a name */
	UPDATE_CHANGE_REMOVED,
	UPDATE_CHANGES
};

struct update_change {
	enum update_change_kind kind;
	uint16_t list;
	size_t text_off;
};

/* Zero at first. */
struct update_preview {
	const struct trie *old, *new;  /* borrowed */
	struct update_change *changes; /* owned; sorted by list, kind and text, each once */
	size_t n_changes, size;
	char *texts; /* owned */
	size_t texts_len, texts_size;
};

/* Compare.  Returns 0, ERR_NOMEM or ERR_FORMAT.  Free with update_preview_fini(). */
int update_preview_make(struct update_preview *p, const struct trie *old, const struct trie *new,
    struct why *why) QUELL_CHECK;
void update_preview_fini(struct update_preview *p);

/* Write it, for the lists of `r`.  `names`: a text of names, one a line, for each of which it is said
 * what would become of it; NULL: none. */
void update_preview_text(
    FILE *to, const struct update_preview *p, const struct update_result *r, const char *names);
void update_preview_json(
    FILE *to, const struct update_preview *p, const struct update_result *r, const char *names);

#endif
