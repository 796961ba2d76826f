/* walk.h - everything in an image, one after the other: for dump, verify and comparisons.
 *
 * A look-up skips what it does not look for; a walk reads all of it and stops at the first fault.
 */
#ifndef QUELL_WALK_H
#define QUELL_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "blocklists/trie.h"
#include "lib/err.h"

/* A node as it stands in the image. */
struct walk_node {
	uint8_t name[NAME_SIZE]; /* wire form */
	size_t name_len;
	uint32_t set;	     /* 0: no rule */
	uint32_t hub;	     /* its number; UINT32_MAX: it is none */
	uint32_t parent_hub; /* of an anchor: the hub that it hangs on; UINT32_MAX: it is none */
	uint32_t bucket;
};

/* All nodes but the root, parents within a bucket before their children.  Stops with what `each`
 * returns when it is not 0.  ERR_FORMAT with the reason for a malformed image, ERR_NOMEM. */
int walk_nodes(const struct trie *t, int (*each)(void *ctx, const struct walk_node *node),
    void *ctx, struct why *why) QUELL_CHECK;

/* All rules, in no order, but those that are equal on several lists one after the other, in the order of
 * the lists; otherwise as walk_nodes(). */
int walk_rules(const struct trie *t, int (*each)(void *ctx, const struct rule *rule, uint16_t list),
    void *ctx, struct why *why) QUELL_CHECK;

#endif
