/* update_store.h - the state folder: kept copies of the lists, the image, and the lock.
 *
 *   STATE/image                 in force, or about to be: quelld reads it
 *         image.previous        the one before
 *         image.lists           of which lists they are: update_origin.h
 *         lists/NAME.txt        the last good copy of each list
 *         lists/NAME.seen       where that came from, and its validators: update_seen.h
 *         lists/NAME.part       a download that broke off, and NAME.part-seen with its validators
 *         lists/NAME.txt.1 ...  versions before, NAME.held, NAME.back: update_versions.h
 *         update.lock           locked while a run lasts; not empty: quelld was not told yet
 *
 * A file is written under its name with `.tmp` behind it, synced, and renamed; so at every moment
 * each name is either missing or whole.  Whatever is left of a run that was killed is removed
 * when the next one opens the folder.
 */
#ifndef QUELL_UPDATE_STORE_H
#define QUELL_UPDATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "lib/file.h"

struct update_store {
	const char *dir; /* borrowed */
	int dir_fd;	 /* -1: the folder is not there, which only a reader accepts */
	int lists_fd;
	int lock_fd;	  /* -1: opened for reading */
	bool interrupted; /* the run before was killed, or quelld refused its image */
};

/* Open `dir` to write: make it where it is missing, lock it, remove what a killed run left.
 * Returns 0; ERR_TAKEN, naming the process that holds the lock; ERR_SYS.  After an error nothing
 * is open. */
int update_store_open(struct update_store *s, const char *dir, struct why *why) QUELL_CHECK;

/* Open `dir` to read only: nothing is made, locked or removed. */
void update_store_look(struct update_store *s, const char *dir);

/* `done`: what quelld has is what the folder has.  Otherwise the next run finds `interrupted`. */
void update_store_close(struct update_store *s, bool done);

/* The kept copy of list `name`: *text (malloc'ed for the caller) of *len bytes.  Returns 0;
 * ERR_NOTFOUND where there is none; ERR_SYS, ERR_NOMEM, ERR_RANGE. */
int update_store_read(struct update_store *s, const char *name, char **text, size_t *len,
    struct why *why) QUELL_CHECK;

/* Is text[0..len) the kept copy of list `name`? */
bool update_store_has(struct update_store *s, const char *name, const char *text, size_t len);

/* Make text[0..len) the kept copy of list `name`.  Returns 0 or ERR_SYS, the old copy untouched. */
int update_store_keep(struct update_store *s, const char *name, const char *text, size_t len,
    struct why *why) QUELL_CHECK;

/* Make the file `part` of the lists folder, synced by the caller, the kept copy of list `name`.
 * Returns 0 or ERR_SYS. */
int update_store_adopt(
    struct update_store *s, const char *name, const char *part, struct why *why) QUELL_CHECK;

/* Is `image` what the folder has already, byte for byte? */
bool update_store_has_image(struct update_store *s, const uint8_t *image, size_t len);

/* The present image, malloc'ed for the caller, and its length; NULL: there is none of the length that it says. */
char *update_store_present(struct update_store *s, size_t *len);

/* Put `image` in force: verified, written and read back, the present one kept as image.previous
 * (if it is valid and another).  Returns 0; ERR_SYS, ERR_NOMEM or ERR_FORMAT, the old one
 * untouched. */
int update_store_install(
    struct update_store *s, const uint8_t *image, size_t len, struct why *why) QUELL_CHECK;

/* Write an image to a path outside of any state folder, in the same way. */
int update_store_write_image(
    const char *path, const uint8_t *image, size_t len, struct why *why) QUELL_CHECK;

/* Read the file `name` of at most `max` bytes, relative to `dir_fd` (AT_FDCWD for a path): as
 * file_read(), and ERR_NOTFOUND. */
int update_store_read_at(int dir_fd, const char *name, size_t max, char **text, size_t *len,
    struct why *why) QUELL_CHECK;

/* The same into `buffer`: as file_read_into(), and ERR_NOTFOUND. */
int update_store_read_into(struct file_buffer *buffer, int dir_fd, const char *name, size_t max,
    size_t *len, struct why *why) QUELL_CHECK;

/* Make bytes[0..len) the content of the file `name` relative to `dir_fd` (AT_FDCWD for a path: then
 * the folder is not synced), whole or not at all.
 * Returns 0 or ERR_SYS. */
int update_store_write_at(
    int dir_fd, const char *name, const void *bytes, size_t len, struct why *why) QUELL_CHECK;

/* Has the file `name` relative to `dir_fd` bytes[0..len), and no more? */
bool update_store_has_at(int dir_fd, const char *name, const void *bytes, size_t len);

/* Is there room for `need` more bytes where `fd` is, beside all that is set aside?  A disk that is
 * nearly full is better left alone than filled up and then cleaned.  Returns 0, or ERR_SYS, `name` in
 * the message. */
int update_store_check_space(int fd, const char *name, uint64_t need, struct why *why) QUELL_CHECK;

/* Set room aside for what this run is going to write, and give it back as that is written, or is not.
 * Room for an image as large as the present one is set aside from update_store_open() to
 * update_store_install(), which gives all of it back. */
void update_store_reserve(uint64_t bytes);
void update_store_release(uint64_t bytes);

/* Bytes that this process has written to disk so far; those that were not written here are added. */
uint64_t update_store_written(void);
void update_store_add_written(uint64_t bytes);

#endif
