/* conf_file.h - the configuration file read to be edited, and replaced as a whole.
 *
 * At every moment the file is the old or the new one, whole: the new text is written beside it,
 * synced, read back with conf_read(), and renamed into its place.  Mode and owner stay.  Where
 * the path is a symbolic link, the file it leads to is replaced and the link stays.
 */
#ifndef QUELL_CONF_FILE_H
#define QUELL_CONF_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "lib/err.h"

struct conf_file {
	const char *path; /* as the user named it; borrowed */
	char *real;	  /* where it leads to; owned */
	char *text;	  /* owned, terminated; "" where there is no file yet */
	bool exists;
	struct stat st; /* of the file, if it exists */
};

/* Read the file at `path`; one that is not there is an empty one.  Returns 0, and f is to be
 * freed with conf_file_close(); ERR_FORMAT, where it is no configuration, as conf_read();
 * ERR_DENIED; ERR_SYS; ERR_NOMEM.  After an error there is nothing to free. */
int conf_file_open(struct conf_file *f, const char *path, struct why *why) QUELL_CHECK;
void conf_file_close(struct conf_file *f);

/* Put `text` into its place, on the disk when this returns.  Returns 0; ERR_DENIED, where it may
 * not be written or would get another owner; ERR_TAKEN, where somebody else has changed it since
 * it was opened; ERR_FORMAT, where the text is no configuration; ERR_SYS, ERR_NOMEM.  After an
 * error the file is as it was. */
int conf_file_replace(struct conf_file *f, const char *text, struct why *why) QUELL_CHECK;

#endif
