/* origin.h - which lists an image was compiled from: an image has only their numbers.
 *
 *   image 5f0c2a81d3e4b7a9      the checksum in the image's header
 *   list ads                    list 0
 *   list tracking               list 1
 *   image ...                   another, as image.previous is
 *
 * The text stands beside the image, in ORIGIN_SUFFIX: the configuration may be another since, and a
 * wrong name is worse than none.  It is written before the image, so that it always has the present
 * one, and keeps ORIGIN_IMAGES of them.  Nothing here reads or writes a file.
 */
#ifndef QUELL_ORIGIN_H
#define QUELL_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/conf.h"
#include "lib/err.h"

#define ORIGIN_SUFFIX	".lists"
#define ORIGIN_IMAGES	3
#define ORIGIN_TEXT_MAX ((size_t)1 << 18) /* bytes; a longer one is none */

struct origin {
	unsigned n; /* 0: not known */
	char name[CONF_LISTS_MAX][CONF_NAME_SIZE];
};

/* The next list is called `name`: what is not printable ASCII, or a blank at an end, becomes `?`; what
 * is too long is cut. */
void origin_add(struct origin *o, const char *name);

/* The checksum of an image; `header` are its first bytes.  False: these are none. */
bool origin_sum(const void *header, size_t len, uint64_t *sum);

/* What text[0..len) (NULL: none) says of the image with this checksum; out->n 0: nothing.  Lines that
 * are not understood have no effect. */
void origin_find(const char *text, size_t len, uint64_t sum, struct origin *out);

/* Are they called the same? */
bool origin_same(const struct origin *a, const struct origin *b);

/* The text with `o` for the image with this checksum, and of text[0..len) what it says of the others,
 * the latest first: *out (malloc'ed, the caller's) of *out_len bytes.  Returns 0 or ERR_NOMEM. */
int origin_write(const struct origin *o, uint64_t sum, const char *text, size_t len, char **out,
    size_t *out_len) QUELL_CHECK;

#endif
