/* ctl_json.h - quelld's answers, lines of KEY VALUE, as one JSON object.
 *
 *   state well                       {"state":"well",
 *   uptime_s 5                        "uptime_s":5,
 *   reason no upstream answers        "reason":["no upstream answers"]}
 *
 * A value of digits is a number, `true` and `false` are booleans, all else is a string.  Keys that may come
 * more than once are arrays, also where there is none; some begin an object, to which the lines behind
 * them belong.
 */
#ifndef QUELL_CTL_JSON_H
#define QUELL_CTL_JSON_H

#include "lib/err.h"

/* Print the answer `lines` to `command`.  Returns 0 or ERR_NOMEM. */
int ctl_json(const char *command, const char *lines) QUELL_CHECK;

#endif
