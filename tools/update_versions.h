/* update_versions.h - the versions of a list beside the kept copy, in the lists folder.
 *
 *   NAME.txt     the kept copy, in force
 *   NAME.txt.1   the one before it; NAME.txt.2 the one before that, ...
 *   NAME.held    a new version that was held (update_gate.h)
 *   NAME.back    what the publisher had when NAME was rolled back: not taken again
 *
 * Every step is one rename or one link, so that after a kill at any moment NAME.txt is one of the
 * versions, whole.  Numbers may be missing, and a version may stand there twice; readers do not mind.
 */
#ifndef QUELL_UPDATE_VERSIONS_H
#define QUELL_UPDATE_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "tools/update_store.h"

/* Before another text takes the place of the kept copy of `name`: it becomes NAME.txt.1, and of the
 * older ones as many stay that there are `versions` in all with the new one.  What cannot be kept is
 * not: no version before is worth an update. */
void update_versions_shift(struct update_store *s, const char *name, unsigned versions);

/* After it: what was held or rolled back is past. */
void update_versions_settle(struct update_store *s, const char *name);

/* Keep text[0..len) as NAME.held, if it is not that already.  Returns 0 or ERR_SYS. */
int update_versions_hold(struct update_store *s, const char *name, const char *text, size_t len,
    struct why *why) QUELL_CHECK;

/* The same of the file `part` of the lists folder, which is renamed. */
int update_versions_hold_part(
    struct update_store *s, const char *name, const char *part, struct why *why) QUELL_CHECK;

/* The publisher has the kept copy: what was held is no offer any more. */
void update_versions_unhold(struct update_store *s, const char *name);

/* Is text[0..len) what `name` was rolled back from? */
bool update_versions_was_left(
    struct update_store *s, const char *name, const char *text, size_t len);

/* Bring the version before the kept copy back.  Returns 0; ERR_NOTFOUND where there is none; ERR_SYS,
 * ERR_NOMEM: the kept copy is as it was. */
int update_versions_roll_back(
    struct update_store *s, const char *name, struct why *why) QUELL_CHECK;

/* Make what was held the kept copy; where nothing was, what `name` was rolled back from.  Errors as
 * above. */
int update_versions_accept(
    struct update_store *s, const char *name, unsigned versions, struct why *why) QUELL_CHECK;

#endif
