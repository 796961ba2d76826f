/* update_gate.h - may a new version of a list take the place of the kept one?
 *
 *   text --look--> facts --judge, beside the facts of the kept version--> adopt, or hold and say why
 *
 * What is no list at all (a web page, an archive, empty, without a rule) has no facts: it is refused.
 * A version is held where
 *   - more lines are not understood than `bad_max` percent (and than before, and 10 of 100);
 *   - it lacks more than `shrink_max`, or adds more than `grow_max` percent of the rules of the kept
 *     version (lists below UPDATE_GATE_SMALL rules may become anything of that size, and
 *     UPDATE_GATE_SLACK rules may always be added);
 *   - a rule of it blocks all of a top-level domain, or of a registry as co.uk, that none of the kept
 *     version blocks; or an expression everything;
 *   - it blocks a name that the user's own rules allow, and the kept version does not.
 * A first version is compared with nothing: its lines, its top-level domains and its expressions
 * count.  A list with `file` is the user's own: nothing of it is held.
 */
#ifndef QUELL_UPDATE_GATE_H
#define QUELL_UPDATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocklists/feed.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "tools/update_watch.h"

#define UPDATE_GATE_SMALL 1000
#define UPDATE_GATE_SLACK 5000

/* What there is to know of a text.  Zero at first; free with update_facts_fini(). */
struct update_facts {
	struct feed_counts counts;
	bool *hits;    /* [watch->n]: it blocks that name; owned */
	uint8_t *tlds; /* names that are blocked with all below them, one behind the other; owned */
	size_t tlds_len, tlds_size;
	bool everything; /* an expression blocks whatever there is */
};

/* The facts of text[0..len), which is read as `conf` says.  Returns 0; ERR_FORMAT with the reason
 * where it is no list (or a publisher's without a rule); ERR_NOMEM, ERR_LIMIT. */
int update_gate_look(const struct update_watch *watch, const struct conf_list *conf,
    const char *text, size_t len, struct update_facts *facts, struct why *why) QUELL_CHECK;

void update_facts_fini(struct update_facts *facts);

/* May a version with `facts` be adopted after one with `kept` (NULL: there is none)?  Returns 0, or
 * ERR_DENIED with the reason why it is held. */
int update_gate_judge(const struct update_watch *watch, const struct conf_list *conf,
    const struct update_facts *facts, const struct update_facts *kept, struct why *why) QUELL_CHECK;

#endif
