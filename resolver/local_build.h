/* local_build.h - names of the house into the bytes that local.h searches.
 *
 * Runs where the configuration, hosts files and leases are read, in a process of its own; the names in
 * these files may come from anybody.  Of a name and type the lowest rank is kept; a name that is an
 * alias (CNAME) by a lower rank is nothing else.  Addresses give their names by themselves (PTR).
 */
#ifndef QUELL_LOCAL_BUILD_H
#define QUELL_LOCAL_BUILD_H

#include "resolver/core/local.h"

#define LOCAL_BUILD_MAX 65536 /* records in all */

struct local_build;

/* An empty one; free with local_build_free().  NULL: no memory. */
struct local_build *local_build_new(void);
void local_build_free(struct local_build *b);

/* Names below `name` (wire form, any case) that are not there do not exist.  Returns 0, ERR_NOMEM or
 * ERR_LIMIT. */
int local_build_zone(struct local_build *b, const uint8_t *name) QUELL_CHECK;

/* A record of `name` (wire form, any case); of its rdata, names are whole.  One that is there already is
 * not added again.  For an address of a name that is no wildcard a PTR record is added, if it is the
 * first of that address.  Returns 0, ERR_NOMEM, or ERR_LIMIT: there are too many. */
int local_build_add(struct local_build *b, const uint8_t *name, enum local_rank rank, uint16_t type,
    uint32_t ttl_s, const void *rdata, size_t len) QUELL_CHECK;

/* All of it, for local_open(): *bytes is the caller's (malloc).  `key` is the secret of the hash.  Returns
 * 0, ERR_NOMEM or ERR_LIMIT: it would be too large. */
int local_build_image(
    struct local_build *b, const struct hash_key *key, uint8_t **bytes, size_t *len) QUELL_CHECK;

/* Records that are in the image, PTR records that were made left out; after local_build_image(). */
unsigned local_build_n(const struct local_build *b);

#endif
