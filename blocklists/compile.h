/* compile.h - list texts to a verified image in memory.
 *
 * What the loader and quell-update share: the one way from texts to an image.
 */
#ifndef QUELL_COMPILE_H
#define QUELL_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/feed.h"
#include "lib/conf.h"
#include "lib/err.h"

#define COMPILE_TEXT_MAX ((size_t)1 << 30) /* bytes of one list text */

struct compile_source {
	const char *name; /* for messages: a path or a list's name */
	const char *text; /* borrowed */
	size_t len;
	const struct feed_syntax *syntax; /* NULL: by content */
	enum conf_match match;
	/* --- filled in --- */
	const struct feed_syntax *used; /* the syntax that was used */
	struct feed_counts counts;
};

/* Called for each line that gave no rule; may be NULL. */
typedef void compile_skip_fn(void *ctx, const struct compile_source *source, enum feed_skip reason,
    uint64_t line, const char *text, size_t len);

/* Is this the beginning of an image (its magic), rather than text? */
bool compile_is_image(const void *bytes, size_t len);

/* Compile sources[0..n), the list id of each its index.  *image is malloc'ed for the caller.
 * Returns 0, or an error with "NAME: reason" in `why` (the reason names the line). */
int compile_texts(struct compile_source *sources, unsigned n, compile_skip_fn *skip, void *skip_ctx,
    uint8_t **image, size_t *image_len, struct why *why) QUELL_CHECK;

#endif
