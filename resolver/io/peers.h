/* peers.h - the connections of each client: how many there are, and which has done nothing for
 * longest.
 *
 *   table: address -> peer -> link, link, link     the one longest without a touch first
 *
 * A client is an IPv4 address, or a /64 of IPv6: a host there has as many addresses as it likes (RFC
 * 8981).  Loopback is no client: who speaks from there may relay the whole network, and can do
 * worse to this machine than to open connections.
 *
 * A peer is allocated with its first connection and freed with its last.  No sockets, no clock.
 */
#ifndef QUELL_PEERS_H
#define QUELL_PEERS_H

#include <stdint.h>
#include <sys/queue.h>

#include "lib/addr.h"
#include "lib/hash.h"

struct peer;
struct peers;

/* Embedded in each connection; all zero while it is in no peer. */
struct peer_link {
	TAILQ_ENTRY(peer_link) entry;
	struct peer *peer; /* NULL: counted nowhere */
};

/* For about `n` clients; `key` is the secret of the hash.  NULL: no memory. */
struct peers *peers_new(uint32_t n, const struct hash_key *key);

/* Every link must have left. */
void peers_free(struct peers *p);

/* The connections of the client `from`, or NULL where it has none or is not counted. */
struct peer *peers_find(const struct peers *p, const union addr *from);

/* Count a connection of the client `from`.  Returns 0 (loopback too) or ERR_NOMEM. */
int peers_join(struct peers *p, struct peer_link *link, const union addr *from) QUELL_CHECK;
void peers_leave(struct peers *p, struct peer_link *link);

/* It did something just now. */
void peers_touch(struct peer_link *link);

unsigned peers_count(const struct peer *peer);

/* Its connections from the one longest without a touch on; NULL behind the last. */
struct peer_link *peers_first(const struct peer *peer);
struct peer_link *peers_next(const struct peer_link *link);

#endif
