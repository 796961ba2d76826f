/* update_owner.h - a run by root is one by the owner of the state folder.
 *
 * Files that root leaves there could not be written by the user as whom the timer runs; and texts from
 * the internet are nothing for root.
 */
#ifndef QUELL_UPDATE_OWNER_H
#define QUELL_UPDATE_OWNER_H

#include "lib/err.h"

/* Where root runs this, and the folder `state_dir` is there and another user's: become that user, for
 * good.  Returns 0 or ERR_SYS with the reason; then the process is no good for anything. */
int update_owner_become(const char *state_dir, struct why *why) QUELL_CHECK;

#endif
