/* watchdog.h - the service manager's watchdog, fed when a question over the network was answered.
 *
 *   parent --- N.alive.quell.internal, over loopback ---> listening address ---> worker
 *          <--------------------------- any answer --------------------------------'
 *          --- WATCHDOG=1 ---> service manager (notify.h)
 *
 * N is a number by which the question comes to the worker whose turn it is (steer.h).  Until there is an answer the
 * question is repeated, at the next listening address each time.  The core knows the name: no rule, rate or statistics
 * of clients count.
 *
 * The dog is also fed where quelld cannot ask itself, since to be started anew would mend nothing: no address is
 * open, the machine does not have it at the moment, or none has ever answered.
 */
#ifndef QUELL_WATCHDOG_H
#define QUELL_WATCHDOG_H

#include <event2/event.h>

#include "resolver/listeners.h"

struct watchdog;

/* For the workers that `listeners` (borrowed) has sockets for.  NULL: no memory. */
struct watchdog *watchdog_new(struct event_base *base, const struct listeners *listeners);

/* Feed it from now on, where the service manager has one. */
void watchdog_start(struct watchdog *w);

/* The addresses are others now: which of them can be asked is not known. */
void watchdog_renew(struct watchdog *w);

void watchdog_free(struct watchdog *w); /* may be NULL */

#endif
