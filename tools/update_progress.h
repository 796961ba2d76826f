/* update_progress.h - how far a run is: one line redrawn on a terminal, one line a list elsewhere.
 * On standard error, so that the report on standard output stays clean. */
#ifndef QUELL_UPDATE_PROGRESS_H
#define QUELL_UPDATE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct update_progress {
	bool is_terminal;
	bool drawn;	   /* there is a line to wipe */
	uint64_t drawn_ms; /* when */
	unsigned n, n_all;
	const char *name; /* borrowed */
};

void update_progress_init(struct update_progress *p, unsigned n_all);

/* The next list begins. */
void update_progress_begin(struct update_progress *p, const char *name);

/* `now` of `total` bytes (0: not known) of it have come, at `per_s` bytes a second. */
void update_progress_show(struct update_progress *p, uint64_t now, uint64_t total, uint64_t per_s);

/* Wipe the line. */
void update_progress_end(struct update_progress *p);

#endif
