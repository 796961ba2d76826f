/* local.h - the names of the house: records of the configuration, of hosts files and of leases.
 *
 *   header | slots: where a node is, by the keyed hash of its name | node, node, ...
 *   node:    name length, flags, length of the records | name | record, record, ...
 *   record:  type, TTL, rank, rdata length | rdata
 *
 * The bytes are made in a process of its own (local_build.h) and searched as they lie in memory.  A
 * node may be a zone: what is below it, and not there, does not exist.  A node without records that is
 * no zone is there for the sake of what is below it (RFC 8020, 2: empty non-terminals).
 *
 * local_open() checks all of the bytes; a look-up relies on it.  No allocation.  A name whose last bytes
 * are those of none here costs a load and a look-up; else a hash, and with zones or wildcards one for
 * each label.
 */
#ifndef QUELL_LOCAL_H
#define QUELL_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dns/name.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "resolver/core/tails.h"

#define LOCAL_SIZE_MAX ((size_t)32 << 20)
#define LOCAL_HOPS_MAX 8 /* CNAMEs that are followed */

/* Where a record is from.  Of a name and type the lowest counts. */
enum local_rank {
	LOCAL_RECORD,	  /* the configuration */
	LOCAL_RECORD_PTR, /* made of the address of such a one */
	LOCAL_HOSTS,	  /* a hosts file */
	LOCAL_LEASE,	  /* a file of leases */
	LOCAL_N_RANKS
};

enum { LOCAL_IS_ZONE = 1 }; /* flags of a node */

#define LOCAL_MAGIC "qlocal1" /* with its terminator 8 bytes */

struct local_header {
	char magic[8];
	struct hash_key key;
	struct tails tails; /* of all names: 4 bytes each */
	uint64_t depths[2]; /* bits: numbers of labels that nodes have */
	uint32_t n_slots;   /* a power of two; each a uint32_t: an offset, or 0 */
	uint32_t n_nodes;
	uint32_t n_wild, n_zones; /* wildcards and zones among them */
};

#define LOCAL_NODE_SIZE	  6 /* before the name: length 1, flags 1, bytes of the records 4 */
#define LOCAL_RECORD_SIZE 9 /* before the rdata: type 2, TTL 4, rank 1, length 2 */

/* All zero: no names. */
struct local {
	const uint8_t *bytes; /* borrowed */
	size_t len;
	struct local_header head;
};

/* What is known of a name. */
struct local_name {
	const uint8_t *zone;	/* a part of the name: itself, or the zone that it lies in */
	bool exists;		/* else, NXDOMAIN */
	const uint8_t *records; /* borrowed */
	size_t records_len;
};

struct local_record {
	uint16_t type;
	uint8_t rank;
	uint32_t ttl_s;
	const uint8_t *rdata; /* borrowed; names in it are whole */
	uint16_t len;
};

/* Bytes bytes[0..len), which stay where they are.  Returns 0, or ERR_FORMAT: they are none such. */
int local_open(struct local *l, const void *bytes, size_t len) QUELL_CHECK;

/* The same as tails_maybe() of the last four bytes alone. */
static inline bool local_maybe(const struct local *l, const uint8_t *name, size_t len)
{
	return l->head.n_nodes != 0 &&
	       (len <= sizeof(uint32_t) || tails_has(&l->head.tails, tails_short(name, len)));
}

/* What is known of name[0..len) (lower-case wire form); false: nothing, others may be asked. */
bool local_find(const struct local *l, const uint8_t *name, size_t len, struct local_name *out);

/* The next record of `name`; *at begins at 0.  False: there is none. */
bool local_next(const struct local_name *name, size_t *at, struct local_record *record);

/* The first record of `type`; false: there is none. */
bool local_get(const struct local_name *name, uint16_t type, struct local_record *record);

#endif
