/* networks.h - the rules on addresses (RPZ's rpz-ip, `||192.0.2.1^`): a section of the image.
 *
 * Networks sorted by family, length and bytes, each with the number of its set of rules; a look-up
 * is a binary search for each length of prefix that there is.
 */
#ifndef QUELL_NETWORKS_H
#define QUELL_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"

/* Over the bytes of the section; all zero: no networks. */
struct networks {
	const uint8_t *bytes;
	size_t len;
	uint32_t n;
};

/* The section for networks[0..n), which have no doubles, with their sets; sorts them.  *bytes is
 * malloc'ed for the caller.  Returns 0 or ERR_NOMEM. */
struct networks_source {
	struct net network;
	uint32_t set;
};
int networks_build(
    struct networks_source *sources, size_t n, uint8_t **bytes, size_t *len) QUELL_CHECK;

/* Constant cost.  Returns 0 or ERR_FORMAT with the reason. */
int networks_open(
    struct networks *s, const uint8_t *bytes, size_t len, struct why *why) QUELL_CHECK;

/* What networks_build() makes?  Returns 0 or ERR_FORMAT. */
int networks_verify(const struct networks *s, struct why *why) QUELL_CHECK;

/* Call found() with network and set of each network that has `address` (family AF_INET or AF_INET6,
 * network order), longest prefix first. */
void networks_match(const struct networks *s, int family, const uint8_t *address,
    void (*found)(void *ctx, const struct net *network, uint32_t set), void *ctx);

/* Network `i` of the section, i < n. */
struct networks_source networks_at(const struct networks *s, uint32_t i);

#endif
