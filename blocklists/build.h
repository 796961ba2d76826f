/* build.h - rules to an image (the bytes that trie.h reads; docs/format.md).
 *
 * Add rules in any order, doubles allowed; the image is the same for the same set of rules.
 * Memory while building: about the bytes of the names, then besides these those of the image, and then
 * twice the image.
 */
#ifndef QUELL_BUILD_H
#define QUELL_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "blocklists/rule.h"
#include "lib/err.h"

struct build;

/* NULL: no memory.  Free with build_free(). */
struct build *build_new(void);
void build_free(struct build *b);

/* A rule of list `list` < RULE_LISTS_MAX.  Returns 0, ERR_NOMEM, ERR_RANGE for what is no rule, or
 * ERR_LIMIT. */
int build_add(struct build *b, const struct rule *rule, uint16_t list) QUELL_CHECK;

/* Take out every rule, of whichever list, that is equal to this one ($badfilter), added before or
 * later.  Errors as build_add(). */
int build_cancel(struct build *b, const struct rule *rule) QUELL_CHECK;

/* Make the image, once: afterwards only build_free() may follow.  *bytes (malloc, owned by the
 * caller) of *len bytes.  `n_lists` is written to the header.  Returns 0, ERR_NOMEM, ERR_RANGE where
 * a rule's list is not below n_lists, or ERR_LIMIT where the format cannot hold so much. */
int build_image(
    struct build *b, unsigned n_lists, uint8_t **bytes, size_t *len, struct why *why) QUELL_CHECK;

#endif
