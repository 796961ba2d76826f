/* update_watch.h - the names that a list had better not block, and the rules that touch them.
 *
 *   needed    names that the network needs (blocklists/vital.txt), and the hosts that lists come from:
 *             where a list blocks one, it is exempted
 *   allowed   names that the user's own rules allow: a list that begins to block one is held
 *
 * Rules are sieved by an image of the names themselves: of a list only those rules are looked at that
 * stand above, at or below a name.
 */
#ifndef QUELL_UPDATE_WATCH_H
#define QUELL_UPDATE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/compile.h"
#include "blocklists/trie.h"
#include "lib/conf.h"
#include "lib/dns/name.h"
#include "lib/err.h"

enum update_watch_kind { UPDATE_WATCH_NEEDED, UPDATE_WATCH_ALLOWED };

struct update_watch_name {
	enum update_watch_kind kind;
	bool below; /* and all below it */
	uint8_t len;
	uint8_t name[NAME_SIZE]; /* lower-case wire form */
};

struct update_watch {
	struct update_watch_name *names; /* owned, n of them, each (name, kind) once */
	unsigned n, size;
	struct why trouble; /* not empty: the user's rules are there, but cannot be read, and why */
	uint8_t *image;	    /* owned */
	struct trie near;
};

/* The names of `conf`: the needed ones where its option vital_names has them, and the allowed ones of
 * its rules file, if that can be read.  Returns 0 or ERR_NOMEM; free with update_watch_fini(). */
int update_watch_init(struct update_watch *w, const struct conf *conf, struct why *why) QUELL_CHECK;
void update_watch_fini(struct update_watch *w);

/* May a rule at `name` (lower-case wire form) block one of the names? */
bool update_watch_is_near(const struct update_watch *w, const uint8_t *name);

/* Where hits[i] is set and name i is needed: add a rule to `compile`, as of one more list, that
 * allows it.  Returns 0 or an error. */
int update_watch_exempt(const struct update_watch *w, const bool *hits, struct compile *compile,
    struct why *why) QUELL_CHECK;

#endif
