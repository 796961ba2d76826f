/* listeners.h - the listening sockets: the parent opens and keeps them, workers get copies.
 *
 *   option listen ---> struct listener: the address as written, a UDP socket for each worker (steer.h), and a
 *                      TCP socket for all
 *                        OPEN      both are bound
 *                        WAITING   the address or its interface is not there yet: tried again
 *                        UNUSABLE  this machine has no such address family: not tried again
 *
 * The first is bound exclusively, TCP with SO_REUSEADDR alone (which lets nobody else listen), so that a
 * second daemon fails.  A set is replaced as a whole: open the next one with what it shares with
 * the present one kept open, then switch; or drop it, and nothing has changed.
 */
#ifndef QUELL_LISTENERS_H
#define QUELL_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "resolver/channel.h"
#include "resolver/witness.h"

#define LISTENERS_BACKLOG 1024 /* TCP connections not accepted yet; the kernel may allow fewer */
#define LISTENERS_UDP_BUFFER                                                                       \
	(1024 * 1024) /* bytes of queries that may wait while a worker is replaced */

enum listener_state { LISTENER_WAITING, LISTENER_OPEN, LISTENER_UNUSABLE };

struct listener {
	char text[ADDR_TEXT_SIZE]; /* as configured */
	union addr addr;	   /* as bound, where it is open */
	enum listener_state state;
	int udp[CONF_WORKERS_MAX]; /* the first n_workers of the set; open as long as `tcp` is */
	int tcp;		   /* -1 unless open */
	unsigned place;		   /* its sockets are number 2 * place + kind in the workers */
	bool kept;	/* the sockets belong to the set before this one, until the switch */
	struct why why; /* waiting, unusable: the reason */
};

struct listeners {
	struct listener all[CONF_LISTEN_MAX];
	unsigned n, n_workers;
};

/* Told of each socket that a worker has to open (CHANNEL_LISTEN, with `fd` borrowed) or close
 * (CHANNEL_UNLISTEN, -1). */
typedef void listeners_change_fn(void *ctx, unsigned worker, enum channel_type type,
    const struct channel_listen *listen, int fd);

/* Open what conf->listen says, for conf->workers, into *next.  Addresses that are open in `now` are shared with it.
 * `witness` (may be NULL) is asked who holds a port.
 * Returns 0, also where addresses are waiting; ERR_TAKEN or ERR_DENIED or ERR_SYS with the reason
 * in `why`, and *next is empty. */
int listeners_open(struct listeners *next, const struct listeners *now, const struct conf *conf,
    const struct witness *witness, struct why *why) QUELL_CHECK;

/* Close the sockets of *next that it does not share: it will not be used. */
void listeners_drop(struct listeners *next);

/* *now becomes *next (empty then); `change` is told the differences, what is closed first. */
void listeners_switch(
    struct listeners *now, struct listeners *next, listeners_change_fn *change, void *ctx);

/* Try those that are waiting again, and those whose interface has gone; `change` is told of what is
 * closed, and of what is open now.  Returns how many still wait. */
unsigned listeners_retry(struct listeners *now, listeners_change_fn *change, void *ctx);

/* How many are waiting. */
unsigned listeners_waiting(const struct listeners *now);

/* Tell `change` of every open socket of a new worker. */
void listeners_each(
    const struct listeners *now, unsigned worker, listeners_change_fn *change, void *ctx);

/* Close all. */
void listeners_close(struct listeners *now);

#endif
