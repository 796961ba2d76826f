/* update_skips.h - what of a list gave no rule, and why: for reports. */
#ifndef QUELL_UPDATE_SKIPS_H
#define QUELL_UPDATE_SKIPS_H

#include <stdio.h>

#include "blocklists/feed.h"

/* `; left out: 12 (a rule for browsers), 3 (...)`; nothing where there is nothing.  Lines that are not
 * understood are not among them, and the machine's own names are of no interest. */
void update_skips_text(FILE *to, const struct feed_counts *counts);

/* `,"bad_lines":0,"own_names":2,...`: every reason. */
void update_skips_json(FILE *to, const struct feed_counts *counts);

#endif
