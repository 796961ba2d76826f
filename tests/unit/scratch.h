/* scratch.h - for tests of the tools: a private folder to work in, and what a call writes to
 * standard output and standard error.
 *
 * The folder is the working directory while a test runs, so file names are short and the same each
 * time.  It is removed with all that is in it.
 */
#ifndef QUELL_TESTS_SCRATCH_H
#define QUELL_TESTS_SCRATCH_H

#include <stddef.h>

struct scratch_output {
	char out[8192], err[4096]; /* terminated */
};

/* Setup and teardown of a test: make the folder and enter it; leave and remove it.  *state is not
 * used. */
int scratch_set_up(void **state);
int scratch_tear_down(void **state);

/* Make the file `name` with bytes[0..len), or with `text`. */
void scratch_write_bytes(const char *name, const void *bytes, size_t len);
void scratch_write(const char *name, const char *text);

/* The file `name`, terminated, to text[0..size).  Returns its length, which fits. */
size_t scratch_read(const char *name, char *text, size_t size);

/* From here on, and until _end(), both outputs go to files of the folder; no assertion may fail in
 * between. */
void scratch_capture_begin(void);

/* Outputs as before; what was written is in `said`. */
void scratch_capture_end(struct scratch_output *said);

#endif
