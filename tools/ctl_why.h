/* ctl_why.h - what quelld says of `why`, with the lines of the lists' texts put to it.
 *
 *   match ads: suffix example.com              match ads: suffix example.com, line 7 of /.../ads.txt,
 *   text auto auto block /.../ads.txt TAB ...     which is 3 hours old
 *
 * quelld does not read texts; whoever asks may be allowed to.
 */
#ifndef QUELL_CTL_WHY_H
#define QUELL_CTL_WHY_H

#include <stdint.h>

/* `lines` (consumed) as they are to be shown at `now_s` (s since 1970): malloc'ed, the caller's.  NULL:
 * no memory. */
char *ctl_why(char *lines, int64_t now_s);

#endif
