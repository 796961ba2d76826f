/* listen_tcp.h - clients over TCP (RFC 7766): a length and a message, pipelined, answered in any
 * order.
 *
 *   read 2 KiB -> [ half a message ] -> query_ask() -> answers of this turn -> [ unsent ] -> write
 *                                       listen_tcp_send() -----------------------^
 *
 * A connection stands in one of four lists, each ordered by the time of its last progress:
 *
 *   idle     nothing is under way                          ends after idle_ms (RFC 7766, 6.2.3)
 *   half     part of a message came                        ends idle_ms after its first byte
 *   waiting  messages await the core                       which bounds how long
 *   unsent   the client does not take its answers          ends after idle_ms without a byte taken
 *
 * Bytes for each connection in user space: about 450 when idle or waiting; half, besides, at most
 * twice what came of the message, so up to 128 KiB; unsent, up to 256 KiB.  These buffers are counted:
 * together they take at most LISTEN_TCP_BUFFERS_MAX, and for more the connections that have made no
 * progress for longest end.  Memory of 64 KiB more is kept for the next ones, so that a query allocates
 * nothing.  The kernel holds at most 64 KiB each way (LISTEN_TCP_SOCKET_BUFFER,
 * which it doubles).
 *
 * Other bounds: connections in all, and of one client (peers.h): one more takes the place of the one
 * that has made no progress for longest, of that client where it has too many, and rather of one
 * that does not wait for us.  Who comes always gets in, else a few would keep all others out.
 * Messages awaited by each: LISTEN_TCP_PENDING_MAX, answers that wait for each reader:
 * LISTEN_TCP_OUT_MAX; beyond them we stop reading from that client until it drains, and an answer
 * that comes still and does not fit ends the connection.
 *
 * A turn of one connection is one read of at most 2 KiB, 97 messages, however many it has sent.  What
 * is answered within a turn is written at once, with one system call.  Kept connections cost no
 * system calls but the wait, the read and the write.
 *
 * A message that can never have an answer (shorter than a header, or itself a response) ends its
 * connection.  A client that has shut down its side gets what is pending.  Where a client closes
 * first, no state is left here; one that does not take what was sent to it is reset, so that none
 * is left either.
 */
#ifndef QUELL_LISTEN_TCP_H
#define QUELL_LISTEN_TCP_H

#include <event2/event.h>

#include "lib/hash.h"
#include "resolver/core/query.h"

#define LISTEN_TCP_OUT_MAX	 (2 * 65537)
#define LISTEN_TCP_PENDING_MAX	 64
#define LISTEN_TCP_BUFFERS_MAX	 (4 << 20)
#define LISTEN_TCP_SOCKET_BUFFER (32 << 10)

struct listen_tcp;

struct listen_tcp_limits {
	unsigned clients_max;	  /* connections in all, > 0 */
	unsigned per_address_max; /* of one client, > 0; not for loopback */
	unsigned idle_ms;
};

/* `key` is the secret of the table of clients.  NULL: no memory. */
struct listen_tcp *listen_tcp_new(struct event_base *base, struct query *core,
    const struct listen_tcp_limits *limits, const struct hash_key *key);
void listen_tcp_free(struct listen_tcp *l);

/* Other bounds; connections above lower ones stay. */
void listen_tcp_set(struct listen_tcp *l, const struct listen_tcp_limits *limits);

/* Accept from `fd` (bound, listening and non-blocking; becomes the listener's, and is closed on an
 * error) as number `index` (< 2 * CONF_LISTEN_MAX).  Returns 0, ERR_RANGE (no such number, or in
 * use) or ERR_NOMEM. */
int listen_tcp_add(struct listen_tcp *l, unsigned index, int fd) QUELL_CHECK;

/* Close socket `index`; its connections stay.  Unknown: nothing. */
void listen_tcp_remove(struct listen_tcp *l, unsigned index);

/* The core's net->send() for asker->tcp true (len 0: no answer will come); a connection that is gone:
 * nothing.  May be called within query_ask(). */
void listen_tcp_send(
    struct listen_tcp *l, const struct query_asker *to, const uint8_t *msg, size_t len);

/* Fill the fields tcp_... of *stats. */
void listen_tcp_stats(const struct listen_tcp *l, struct stats *stats);

#endif
