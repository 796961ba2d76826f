/* update_part.h - a text on its way from its publisher to the disk.
 *
 *   text as it comes   ==== the same as a text that is here ====|-- other --
 *   on disk            nothing                                  | NAME.part, from the first byte on
 *
 * As long as what comes is what the kept copy has, or the version that is held, or the one that the
 * list was rolled back from, nothing is written; at the first byte that none of them has the part is
 * begun with what was the same.  So a publisher's text that has been here before costs no write,
 * whatever its server can tell about it, and no text has to be in memory.
 *
 * Room on the disk is made sure of, and set aside, before it is written to (update_store.h).
 */
#ifndef QUELL_UPDATE_PART_H
#define QUELL_UPDATE_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "tools/update_seen.h"

/* A text of the list that is here. */
enum update_here { UPDATE_HERE_KEPT, UPDATE_HERE_HELD, UPDATE_HERE_BACK, UPDATE_HERES };

struct update_base {
	int fd; /* -1: there is none */
	uint64_t bytes;
	bool differs; /* from what has come */
};

struct update_part {
	int lists_fd;	  /* borrowed */
	const char *name; /* of the list, borrowed */
	bool dry;	  /* the part has no name, and is gone with the run */
	size_t max_bytes;
	struct update_base bases[UPDATE_HERES];
	int fd; /* the part; -1: not begun */
	uint64_t bytes;
	uint64_t expected; /* in all, 0: not announced; for the room on the disk */
	uint64_t reserved; /* of the room that is set aside for it, not yet used */
	uint64_t growth;   /* and for what it will add to the image */
	bool is_noted;	   /* a later run can go on with it, should this one be killed */
};

/* "NAME.txt", "NAME.held" or "NAME.back". */
#define UPDATE_PART_FILE_SIZE (CONF_NAME_SIZE + 16)
void update_part_here(enum update_here which, const char *name, char file[UPDATE_PART_FILE_SIZE]);

/* Begin with nothing, beside the texts of list `name` in the folder `lists_fd` (-1: no folder). */
void update_part_open(
    struct update_part *p, int lists_fd, const char *name, bool dry, size_t max_bytes);

/* Go on with what an earlier run left: true, and `seen` is of it.  Otherwise it is removed. */
bool update_part_resume(struct update_part *p, const char *url, struct update_seen *seen);

/* Forget what has come. */
void update_part_restart(struct update_part *p);

/* More of it.  Returns 0; ERR_RANGE: it is larger than max_bytes; ERR_SYS. */
int update_part_take(
    struct update_part *p, const char *bytes, size_t len, struct why *why) QUELL_CHECK;

/* What has come is the text `which`, all of it. */
bool update_part_is(const struct update_part *p, enum update_here which);

/* The server says that it is. */
void update_part_set(struct update_part *p, enum update_here which);

/* All that has come: *text (malloc'ed for the caller) of *len bytes.  Returns 0, ERR_SYS or ERR_NOMEM. */
int update_part_read(
    const struct update_part *p, char **text, size_t *len, struct why *why) QUELL_CHECK;

/* Once it is worth the write, see to it that a later run can go on though this one is killed: what has
 * been written by then outlives the process, though not the machine.  Does nothing more than once. */
void update_part_note(struct update_part *p, const struct update_seen *seen);

/* Keep it for a later run, with the validators of `seen`.  Returns 0 or ERR_SYS. */
int update_part_save(struct update_part *p, struct update_seen *seen, struct why *why) QUELL_CHECK;

/* Put it on the disk; then it is to be renamed from update_part_file().  Returns 0 or ERR_SYS. */
int update_part_sync(struct update_part *p, struct why *why) QUELL_CHECK;

void update_part_file(const struct update_part *p, char file[UPDATE_PART_FILE_SIZE]);

/* Close it, and leave no part behind but a saved one. */
void update_part_close(struct update_part *p);

/* Remove the parts in the folder `lists_fd` of lists that are downloaded no more: all but those of
 * which wanted(ctx, name) says yes. */
void update_part_sweep(int lists_fd, bool (*wanted)(void *ctx, const char *name), void *ctx);

#endif
