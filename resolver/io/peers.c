/* peers.c - a table of clients, with a list of connections for each. */
#include "resolver/io/peers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/table.h"

#define IP6_BYTES 8 /* a /64 */

struct peer_key {
	uint8_t bytes[IP6_BYTES];
	uint8_t family;
};

TAILQ_HEAD(peer_links, peer_link);

struct peer {
	struct table_item item;
	struct peer_key key;
	struct peer_links links;
	unsigned n;
};

struct peers {
	struct table by_address;
	void *memory; /* of the table */
};

static struct peer_key key_of(const union addr *from)
{
	uint8_t bytes[16] = {0};
	struct peer_key key = {.family = (uint8_t)addr_host_bytes(from, bytes)};
	/* On the link itself all share one /64, and the rest of the address is the host. */
	bool is_linklocal = key.family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&from->in6.sin6_addr);

	memcpy(key.bytes, bytes + (is_linklocal ? IP6_BYTES : 0), IP6_BYTES);
	return key;
}

static struct peer *find(const struct peers *p, const struct peer_key *key, uint32_t hash)
{
	struct table_item *item = table_find(&p->by_address, hash, key, sizeof(*key));

	return item != NULL ? table_entry(item, struct peer, item) : NULL;
}

struct peers *peers_new(uint32_t n, const struct hash_key *key)
{
	struct peers *p = calloc(1, sizeof(*p));
	uint32_t n_buckets = 1;

	if (p == NULL)
		return NULL;
	while (n_buckets < n)
		n_buckets *= 2;
	p->memory = calloc(1, table_memory(n_buckets));
	if (p->memory == NULL) {
		free(p);
		return NULL;
	}
	table_init(&p->by_address, p->memory, n_buckets, key);
	return p;
}

void peers_free(struct peers *p)
{
	if (p == NULL)
		return;
	free(p->memory);
	free(p);
}

struct peer *peers_find(const struct peers *p, const union addr *from)
{
	struct peer_key key;

	if (addr_is_loopback(from))
		return NULL;
	key = key_of(from);
	return find(p, &key, table_hash(&p->by_address, &key, sizeof(key)));
}

int peers_join(struct peers *p, struct peer_link *link, const union addr *from)
{
	struct peer_key key;
	struct peer *peer;
	uint32_t hash;

	link->peer = NULL;
	if (addr_is_loopback(from))
		return 0;
	key = key_of(from);
	hash = table_hash(&p->by_address, &key, sizeof(key));
	peer = find(p, &key, hash);
	if (peer == NULL) {
		peer = calloc(1, sizeof(*peer));
		if (peer == NULL)
			return ERR_NOMEM;
		peer->key = key;
		TAILQ_INIT(&peer->links);
		table_add(&p->by_address, &peer->item, hash, &peer->key, sizeof(peer->key));
	}
	TAILQ_INSERT_TAIL(&peer->links, link, entry);
	peer->n++;
	link->peer = peer;
	return 0;
}

void peers_leave(struct peers *p, struct peer_link *link)
{
	struct peer *peer = link->peer;

	if (peer == NULL)
		return;
	TAILQ_REMOVE(&peer->links, link, entry);
	link->peer = NULL;
	if (--peer->n == 0) {
		table_remove(&p->by_address, &peer->item);
		free(peer);
	}
}

void peers_touch(struct peer_link *link)
{
	if (link->peer == NULL || TAILQ_NEXT(link, entry) == NULL)
		return;
	TAILQ_REMOVE(&link->peer->links, link, entry);
	TAILQ_INSERT_TAIL(&link->peer->links, link, entry);
}

unsigned peers_count(const struct peer *peer)
{
	return peer->n;
}

struct peer_link *peers_first(const struct peer *peer)
{
	return TAILQ_FIRST(&peer->links);
}

struct peer_link *peers_next(const struct peer_link *link)
{
	return TAILQ_NEXT(link, entry);
}
