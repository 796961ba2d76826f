/* adapt.h - clients that ask the same blocked name again and again, and the quieter answers that they
 * are moved to.
 *
 *                 `threshold` in a `window`         the same, after `dwell`
 *   as configured -------------------------> null ---------------------------> nxdomain
 *         ^                                  |  ^                                 |
 *         +------ calm for `return` ---------+  +------- calm for `return` -------+
 *
 * Calm is a time in which no window had `threshold` questions.  It is looked at when the client asks
 * again; who was silent meanwhile goes back by as many steps as the time allows.
 *
 * What is saved is a lower estimate: in each window that begins at a quieter answer, `threshold` less
 * the questions that came in it, for at the louder answer there were at least so many.  Windows in which
 * the client asks nothing count nothing.
 *
 * Memory: a table of fixed size by the hash of client, name and type; of the few places where one can
 * stand, the one that was quiet for longest is taken.  No clock, no allocation after adapt_new().
 */
#ifndef QUELL_ADAPT_H
#define QUELL_ADAPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/hash.h"
#include "resolver/core/options.h"
#include "resolver/core/stats.h"

#define ADAPT_SLOTS 4096 /* 192 KiB; pages that nobody needs are never touched */

enum adapt_level { ADAPT_NONE, ADAPT_NULL, ADAPT_NXDOMAIN };

struct adapt;

/* `key` is the secret for its hash.  NULL: no memory.  Free with free(). */
struct adapt *adapt_new(const struct hash_key *key);

/* One more blocked question of `client` for name[0..len), lower case, and `type`, at now_ms: how it is
 * to be answered.  Moves, and what they save, are counted in *stats.  Cost: a hash and a look at
 * four places. */
enum adapt_level adapt_ask(struct adapt *a, const struct options_adapt *options,
    const union addr *client, const uint8_t *name, size_t len, uint16_t type, uint64_t now_ms,
    struct stats *stats);

#endif
