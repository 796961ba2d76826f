/* update_part.h - a text on its way from its publisher to the disk.
 *
 *   text as it comes   ==== the same as the kept copy ====|-- other --
 *   on disk            nothing                            | NAME.part, from the first byte on
 *
 * As long as what comes is what the kept copy has, nothing is written; at the first other byte the
 * part is begun with what was the same.  So a list that has not changed costs no write, whatever
 * its server can tell about it, and no text has to be in memory.
 */
#ifndef QUELL_UPDATE_PART_H
#define QUELL_UPDATE_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "tools/update_seen.h"

struct update_part {
	int lists_fd;	  /* borrowed */
	const char *name; /* of the list, borrowed */
	bool dry;	  /* the part has no name, and is gone with the run */
	size_t max_bytes;
	int kept_fd; /* the kept copy; -1: none */
	uint64_t kept_bytes;
	int fd; /* the part; -1: not begun */
	uint64_t bytes;
	uint64_t expected; /* in all, 0: not announced; for the room on the disk */
};

/* Begin with nothing, beside the kept copy of list `name` in the folder `lists_fd` (-1: no folder). */
void update_part_open(
    struct update_part *p, int lists_fd, const char *name, bool dry, size_t max_bytes);

/* Go on with what an earlier run left: true, and `seen` is of it.  Otherwise it is removed. */
bool update_part_resume(struct update_part *p, const char *url, struct update_seen *seen);

/* Forget what has come. */
void update_part_restart(struct update_part *p);

/* More of it.  Returns 0; ERR_RANGE: it is larger than max_bytes; ERR_SYS. */
int update_part_take(
    struct update_part *p, const char *bytes, size_t len, struct why *why) QUELL_CHECK;

/* What has come is the kept copy, all of it. */
bool update_part_is_kept(const struct update_part *p);

/* All that has come: *text (malloc'ed for the caller) of *len bytes.  Returns 0, ERR_SYS or ERR_NOMEM. */
int update_part_read(
    const struct update_part *p, char **text, size_t *len, struct why *why) QUELL_CHECK;

/* Keep it for a later run, with the validators of `seen`.  Returns 0 or ERR_SYS. */
int update_part_save(struct update_part *p, struct update_seen *seen, struct why *why) QUELL_CHECK;

/* Put it on the disk; then it may be renamed from update_part_file().  Returns 0 or ERR_SYS. */
int update_part_sync(struct update_part *p, struct why *why) QUELL_CHECK;

#define UPDATE_PART_FILE_SIZE (CONF_NAME_SIZE + 16)
void update_part_file(const struct update_part *p, char file[UPDATE_PART_FILE_SIZE]);

/* Close it, and leave no part behind but a saved one. */
void update_part_close(struct update_part *p);

#endif
