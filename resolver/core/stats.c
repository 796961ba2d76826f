/* stats.c - the rows of the table. */
#include "resolver/core/stats.h"

#define STATS_ROW(name, group, text) {#name, STATS_##group, text},
const struct stats_row stats_rows[] = {STATS_TABLE(STATS_ROW)};

#define STATS_TITLE(name, title) title,
const char *const stats_group_titles[STATS_N_GROUPS] = {STATS_GROUPS(STATS_TITLE)};

void stats_add(struct stats *to, const struct stats *from)
{
#define STATS_ADD(name, group, text) to->name += from->name;
	STATS_TABLE(STATS_ADD)
}
