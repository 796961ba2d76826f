/* update_skips.c - counts by reason. */
#include "tools/update_skips.h"

#include <inttypes.h>

void update_skips_text(FILE *to, const struct feed_counts *counts)
{
	const char *before = "; left out: ";

	for (enum feed_skip reason = 0; reason < FEED_SKIPS; reason++) {
		if (reason == FEED_BAD || reason == FEED_OWN_NAME || counts->skips[reason] == 0)
			continue;
		fprintf(to, "%s%" PRIu64 " (%s)", before, counts->skips[reason],
		    feed_skip_text(reason));
		before = ", ";
	}
}

void update_skips_json(FILE *to, const struct feed_counts *counts)
{
	static const char *const keys[FEED_SKIPS] = {
	    [FEED_BAD] = "bad_lines",
	    [FEED_OWN_NAME] = "own_names",
	    [FEED_REWRITE] = "rewrites_left_out",
	    [FEED_BROWSER] = "browser_rules",
	    [FEED_CLIENT] = "client_rules",
	    [FEED_BUDGET] = "over_budget",
	    [FEED_NOT_HERE] = "not_here",
	};

	for (enum feed_skip reason = 0; reason < FEED_SKIPS; reason++)
		fprintf(to, ",\"%s\":%" PRIu64, keys[reason], counts->skips[reason]);
}
