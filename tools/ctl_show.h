/* ctl_show.h - quelld's answers, lines of KEY VALUE, shown to people.
 *
 *   status   times as "3 d 4 h", and what part of the queries was blocked or cached
 *   stats    counters under the titles of their groups, each with what it counts, and a table of
 *            latencies.  For that there are lines beside the counters:
 *                group TITLE     the counters from here on belong together
 *                about TEXT      what the next line counts
 *   cache, upstreams
 *            what belongs to an answer, an upstream or a worker stands below it (ctl_keys.h); times and
 *            shares with their units; what is 0 or false is left out there
 *   others   as they come, aligned
 */
#ifndef QUELL_CTL_SHOW_H
#define QUELL_CTL_SHOW_H

#include <stdbool.h>

/* Cut the next line off `*at` into key and value.  False: there is none. */
bool ctl_show_next(char **at, char **key, char **value);

/* Print the `answer` to `command`; it is cut into pieces. */
void ctl_show(const char *command, char *answer);

#endif
