/* client.c - the networks that are answered. */
#include "resolver/core/client.h"

#include <assert.h>
#include <string.h>

/* Does a rule on a network of `bits` come before `other`? */
static bool precedes(unsigned bits, enum client_access access, const struct options_access *other)
{
	return bits > other->net.bits || (bits == other->net.bits && access > other->access);
}

void client_put(struct options *options, const struct net *net, enum client_access access)
{
	struct options_access *rules = options->access;
	uint32_t at = 0;

	assert(options->n_access < OPTIONS_ACCESS_MAX);
	while (at < options->n_access && !precedes(net->bits, access, &rules[at]))
		at++;
	memmove(&rules[at + 1], &rules[at], (options->n_access++ - at) * sizeof(rules[0]));
	rules[at] = (struct options_access){.net = *net, .access = (uint8_t)access};
}

enum client_access client_access(const struct options *options, const union addr *from)
{
	if (addr_is_loopback(from))
		return CLIENT_LOOPBACK;
	for (uint32_t i = 0; i < options->n_access; i++)
		if (net_contains(&options->access[i].net, from))
			return (enum client_access)options->access[i].access;
	return CLIENT_REFUSE;
}
