/* carrier_tcp.h - questions to upstreams over TCP: on connections that are kept, several at once
 * (RFC 7766, 6.2.1 and 6.2.1.1).
 *
 *   port: a connection to that upstream: one that is idle, or else a new one while there are fewer
 *     than CARRIER_TCP_EACH, or else the one with the fewest questions
 *   ask: connect, unless it is -> write length + message  (all that wait, with one system call)
 *   reply: length + message -> query_reply(); the core knows by the ID whose it is
 *   done: nothing is awaited -> kept for CARRIER_TCP_IDLE_MS
 *
 * An upstream may close whenever it likes.  Where the connection had brought replies before, what was
 * asked is asked again on a new one (RFC 7766, 6.2.4); else its questions have failed.  A connection
 * on which a question got no reply in time is not asked on any more.  The core's timers bound how
 * long each question may take.
 *
 * An upstream may be behind a proxy (socks.h): then the connection is one to the proxy, and what is to be asked
 * waits until that has made its own.  Where it does not, its questions have failed, and the log says why.
 */
#ifndef QUELL_CARRIER_TCP_H
#define QUELL_CARRIER_TCP_H

#include <event2/event.h>

#include "resolver/core/query.h"

#define CARRIER_TCP_MAX	    128 /* connections */
#define CARRIER_TCP_EACH    4	/* to one upstream */
#define CARRIER_TCP_DEPTH   32	/* questions on one of them */
#define CARRIER_TCP_IDLE_MS 10000
#define CARRIER_TCP_BUFFER  (64 << 10) /* of the kernel, each way, which it doubles */

struct carrier_tcp;

/* NULL: no memory. */
struct carrier_tcp *carrier_tcp_new(struct event_base *base);

/* Who gets the replies: before the first event. */
void carrier_tcp_set_core(struct carrier_tcp *c, struct query *core);
void carrier_tcp_free(struct carrier_tcp *c);

/* The core's actions, for CARRIER_TCP: port() finds a connection, which others may share (ERR_LIMIT:
 * there is no room), ask() sends, or begins to connect (ERR_RANGE: the message is too long;
 * ERR_NOMEM; ERR_SYS), done() gives the place on it back.  Each port() that gave 0 is followed by one
 * done(). */
int carrier_tcp_port(struct carrier_tcp *c, const union addr *to, uint32_t *port) QUELL_CHECK;
int carrier_tcp_ask(
    struct carrier_tcp *c, const struct query_try *try, const uint8_t *msg, size_t len) QUELL_CHECK;
void carrier_tcp_done(struct carrier_tcp *c, const struct query_try *try);

/* Which of the upstreams of `options` are asked through a proxy, and which, from now on; copied.  Where that
 * changes no connection that is there is asked on any more. */
void carrier_tcp_set_proxies(struct carrier_tcp *c, const struct options *options);

/* Put in the counters of connections by way of a proxy. */
void carrier_tcp_stats(const struct carrier_tcp *c, struct stats *stats);

/* The network is another: no connection that is there is asked on any more, for it has its old address.
 * Not to be called from within an event of a connection. */
void carrier_tcp_renew(struct carrier_tcp *c);

#endif
