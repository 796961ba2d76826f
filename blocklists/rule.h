/* rule.h - the normal form of a rule: what every list syntax is turned into.
 *
 *   exact   blocks the name              suffix  blocks the name and all below it
 *   below   blocks only what is below
 */
#ifndef QUELL_RULE_H
#define QUELL_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/dns/name.h"

#define RULE_LISTS_MAX 4096 /* list ids are 0 .. RULE_LISTS_MAX - 1 */

enum rule_kind { RULE_EXACT, RULE_SUFFIX, RULE_BELOW, RULE_KINDS };

struct rule {
	uint8_t name[NAME_SIZE]; /* wire form, lower case, A-labels; never the root */
	uint8_t name_len;
	enum rule_kind kind;
	uint16_t list;
};

/* "exact", "suffix", "below". */
const char *rule_kind_text(enum rule_kind kind);

/* Does a rule of `kind` at `rule_name` cover `name`?  Both lower-case wire names.  This is the
 * definition that the trie is tested against. */
bool rule_covers(enum rule_kind kind, const uint8_t *rule_name, const uint8_t *name);

/* The machine's own names on hosts lists (localhost, local, broadcasthost, ip6-*), which are no
 * rules.  `name` is a lower-case wire name. */
bool rule_is_own_name(const uint8_t *name);

#endif
