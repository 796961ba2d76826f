/* build.h - rules to an image (the bytes that trie.h reads; docs/format.md).
 *
 * Add rules in any order, doubles allowed; the image is the same for the same set of rules.
 * Memory while building: about 50 bytes a distinct name beside the image; doubles cost nothing.
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

/* `name` is lower-case wire form (not the root), `list` < RULE_LISTS_MAX.
 * Returns 0, ERR_NOMEM or ERR_RANGE. */
int build_add(struct build *b, const uint8_t *name, size_t name_len, enum rule_kind kind,
    uint16_t list) QUELL_CHECK;

/* Make the image, once: afterwards only build_free() may follow.  *bytes (malloc, owned by the
 * caller) of *len bytes, verified.  `n_lists` is written to the header.  Returns 0, ERR_NOMEM,
 * ERR_RANGE where a rule's list is not below n_lists, or ERR_LIMIT where the format cannot hold so
 * much. */
int build_image(
    struct build *b, unsigned n_lists, uint8_t **bytes, size_t *len, struct why *why) QUELL_CHECK;

#endif
