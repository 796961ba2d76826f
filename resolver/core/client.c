/* client.c - the networks that are answered. */
#include "resolver/core/client.h"

bool client_allowed(const struct options *options, const union addr *from)
{
	if (addr_is_loopback(from))
		return true;
	for (uint32_t i = 0; i < options->n_allow; i++)
		if (net_contains(&options->allow[i], from))
			return true;
	return false;
}
