/* update_resolve.h - the addresses of a host, asked of the upstreams of quelld.
 *
 * When quelld is the system's resolver and a list blocks the publisher of a list, asking the system
 * would end all updates.  So quell-update asks the upstreams itself: A and AAAA side by side, over
 * UDP, and over TCP where the answer was cut (RFC 7766); each try goes to the next upstream.
 *
 * A lookup never blocks: its descriptors are polled together with those of the downloads.  It
 * believes only what comes from the address that was asked, with the ID and the question that were
 * sent, and follows aliases within one answer alone, as a forwarder gives them.
 */
#ifndef QUELL_UPDATE_RESOLVE_H
#define QUELL_UPDATE_RESOLVE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "lib/rng.h"

#define UPDATE_ADDRS_MAX 16

struct update_lookup;

/* Whether `host` (as in a URL, without brackets) has to be asked for: no for a literal address and
 * for localhost and what is below it (RFC 6761, 6.3). */
bool update_resolve_needed(const char *host);

/* Begin to ask the `n` upstreams (at least 1, borrowed) for the addresses of `host`.  NULL: no
 * memory, or no name that can be asked for.  Free with update_lookup_free(). */
struct update_lookup *update_lookup_new(
    const union addr *upstreams, unsigned n, struct rng *rng, const char *host, uint64_t now_ms);
void update_lookup_free(struct update_lookup *l);

/* Take what has come, and ask on.  False: it has ended. */
bool update_lookup_step(struct update_lookup *l, uint64_t now_ms);

/* What to poll until the next step, 2 at most, and until when.  Returns how many. */
unsigned update_lookup_fds(const struct update_lookup *l, struct pollfd fds[2], uint64_t *until_ms);

/* After the end: the addresses, borrowed; their port is 0.  Returns how many; 0 with *answered: there
 * are none; 0 without: nobody answered. */
unsigned update_lookup_result(
    const struct update_lookup *l, const union addr **addresses, bool *answered);

#endif
