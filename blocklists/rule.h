/* rule.h - the normal form of a rule: what every list syntax is turned into.
 *
 *   exact    matches the name              suffix  the name and all below it
 *   below    only what is below            regex   names that match a regular expression (regex.h)
 *   address  answers that hold an address of a network
 *
 * and its effect (effect.h): what happens to a name that it matches.  An empty effect blocks.
 */
#ifndef QUELL_RULE_H
#define QUELL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/dns/name.h"

#define RULE_LISTS_MAX 4096 /* list ids are 0 .. RULE_LISTS_MAX - 1 */

/* The first RULE_NAME_KINDS of them have a name. */
enum rule_kind { RULE_EXACT, RULE_SUFFIX, RULE_BELOW, RULE_REGEX, RULE_ADDRESS, RULE_KINDS };
#define RULE_NAME_KINDS 3

/* Which fields hold something, the kind says.  All is borrowed. */
struct rule {
	enum rule_kind kind;
	const uint8_t *name; /* RULE_NAME_KINDS: lower-case wire form, A-labels; never the root */
	size_t name_len;
	const char *regex; /* RULE_REGEX: in lower case but for escapes, as regex.h reads it */
	size_t regex_len;
	uint32_t regex_load, regex_size; /* what it costs: feed_check_regex(); 0: not known */
	bool inverted;	    /* RULE_REGEX: matches the names that the expression does not match */
	struct net network; /* RULE_ADDRESS */
	const uint8_t *effect; /* finished by effect_finish(); effect_len 0: a plain block */
	size_t effect_len;
};

/* "exact", "suffix", ... */
const char *rule_kind_text(enum rule_kind kind);

#define RULE_TEXT_SIZE 8192 /* longer ones are cut */

/* `suffix example.com`, `regex /^ad/`, `regex !/^ad/`, `address 192.0.2.0/24`, and behind it, where
 * the rule does not just block, the effect as effect_text() has it.  Returns `text`. */
const char *rule_text(const struct rule *rule, char text[RULE_TEXT_SIZE]);

/* Does a rule of `kind` (one of RULE_NAME_KINDS) at `rule_name` cover `name`?  Both lower-case wire
 * names.  This is the definition that the trie is tested against. */
bool rule_covers(enum rule_kind kind, const uint8_t *rule_name, const uint8_t *name);

/* The machine's own names on hosts lists (localhost, local, broadcasthost, ip6-*), which are no
 * rules.  `name` is a lower-case wire name. */
bool rule_is_own_name(const uint8_t *name);

#endif
