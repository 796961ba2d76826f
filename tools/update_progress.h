/* update_progress.h - how far a run is: on a terminal a line for each transfer under way, redrawn;
 * elsewhere one line a list as it ends.  On standard error, so that the report on standard output
 * stays clean. */
#ifndef QUELL_UPDATE_PROGRESS_H
#define QUELL_UPDATE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/update_list.h"

struct update_progress {
	bool is_terminal;
	unsigned n_drawn;  /* lines that are to be wiped */
	uint64_t drawn_ms; /* when */
	unsigned n, n_all; /* lists that have ended, and of how many */
};

void update_progress_init(struct update_progress *p, unsigned n_all);

/* Redraw the transfers that are under way, unless that was just done. */
void update_progress_show(
    struct update_progress *p, struct update_transfer *const *transfers, unsigned n);

/* A list has got its outcome. */
void update_progress_ended(struct update_progress *p, const struct update_list *list);

/* Something about list `name` that stays to be read. */
void update_progress_say(struct update_progress *p, const char *name, const char *text);

/* Wipe the lines. */
void update_progress_end(struct update_progress *p);

#endif
