/* stats.c - the rows of the table. */
#include "resolver/core/stats.h"

#define STATS_ROW(name, text) {#name, text},
const struct stats_row stats_rows[] = {STATS_TABLE(STATS_ROW)};

void stats_add(struct stats *to, const struct stats *from)
{
#define STATS_ADD(name, text) to->name += from->name;
	STATS_TABLE(STATS_ADD)
}
