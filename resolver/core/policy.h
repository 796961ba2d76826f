/* policy.h - the verdict on a name: what the lists now in force say of it, and of the names that an
 * answer leads to.
 *
 * A verdict holds for one generation: it goes up by one with every change of the lists, so that a
 * verdict kept beside a cached answer can be known to be old.
 */
#ifndef QUELL_POLICY_H
#define QUELL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/trie.h"

struct policy {
	struct trie lists; /* all zero: nothing is blocked */
	uint32_t generation;
};

/* Judge by `lists` from now on; their bytes stay mapped until the next call. */
void policy_set_lists(struct policy *p, const struct trie *lists);

/* Is `name` (lower-case wire form) blocked?  Cost: trie_blocks(). */
bool policy_blocks(const struct policy *p, const uint8_t *name);

/* Does an answer in normal form (answer.h) lead to a blocked name: by CNAME, DNAME, SVCB or HTTPS
 * in its answer section?  Cost: a walk over the answer section and a look-up for each target. */
bool policy_blocks_targets(const struct policy *p, const uint8_t *msg, size_t len);

#endif
