/* compile.h - list texts to an image in memory.
 *
 * What the loader and quell-update share: the one way from texts to an image.  One text after the
 * other, so that only one of them need be in memory:
 *
 *   compile_new() --> compile_add() for each list, in their order --> compile_image()
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
	const char *text; /* borrowed during compile_add() */
	size_t len;
	const struct feed_syntax *syntax; /* NULL: by content */
	enum conf_match match;
	bool rewrites; /* see struct feed_sink */
	bool
	    gives_back; /* the text's memory (the caller's own, not shared) is given back to the system
			    as it is read: nobody looks at it again */
	/* --- filled in --- */
	const struct feed_syntax *used; /* the syntax that was used */
	struct feed_counts counts;
};

/* Called for each line that gave no rule; may be NULL. */
typedef void compile_skip_fn(void *ctx, const struct compile_source *source, enum feed_skip reason,
    uint64_t line, const char *text, size_t len);

/* Is this the beginning of an image (its magic), rather than text? */
bool compile_is_image(const void *bytes, size_t len);

struct compile;

/* NULL: no memory.  Free with compile_free(). */
struct compile *compile_new(void);
void compile_free(struct compile *c);

/* The rules of one more list; the first has the id 0.  Returns 0, or an error with "NAME: reason" in
 * `why` (the reason names the line); afterwards only compile_free() may follow. */
int compile_add(struct compile *c, struct compile_source *source, compile_skip_fn *skip,
    void *skip_ctx, struct why *why) QUELL_CHECK;

/* Leave out a list: the next has the id after it.  Returns 0 or ERR_LIMIT. */
int compile_add_none(struct compile *c, struct why *why) QUELL_CHECK;

/* A rule of the list that was added last, from elsewhere than a text.  Returns 0 or an error. */
int compile_add_rule(struct compile *c, const struct rule *rule, struct why *why) QUELL_CHECK;

/* `rule` as a list with the option `match` has it. */
struct rule compile_matched(const struct rule *rule, enum conf_match match);

/* The image of all of them, once.  *image is malloc'ed for the caller.  Returns 0 or an error with
 * the reason. */
int compile_image(
    struct compile *c, uint8_t **image, size_t *image_len, struct why *why) QUELL_CHECK;

#endif
