/* client.c - the networks that are answered. */
#include "resolver/core/client.h"

#include <assert.h>
#include <string.h>

/* Does a rule on a network of `bits` come before `other`? */
static bool precedes(unsigned bits, enum client_access access, const struct options_access *other)
{
	return bits > other->bits || (bits == other->bits && access > other->access);
}

/* The upper `bits` of a number that has 64. */
static uint64_t mask(unsigned bits)
{
	return bits == 0 ? 0 : UINT64_MAX << (64 - bits);
}

static struct options_access rule_on(const struct net *net, enum client_access access)
{
	struct options_access rule = {
	    .family = net->family, .bits = net->bits, .access = (uint8_t)access};
	union addr a = {.sa = {.sa_family = net->family}};
	struct addr_number n;

	if (net->family == AF_INET) {
		memcpy(&a.in4.sin_addr, net->bytes, 4);
		rule.low_mask = mask(net->bits) >> 32;
	} else {
		memcpy(&a.in6.sin6_addr, net->bytes, 16);
		rule.high_mask = mask(net->bits < 64 ? net->bits : 64);
		rule.low_mask = mask(net->bits < 64 ? 0 : net->bits - 64u);
	}
	n = addr_number(&a);
	rule.high = n.high;
	rule.low = n.low;
	return rule;
}

void client_put(struct options *options, const struct net *net, enum client_access access)
{
	struct options_access *rules = options->access;
	uint32_t at = 0;

	assert(options->n_access < OPTIONS_ACCESS_MAX);
	while (at < options->n_access && !precedes(net->bits, access, &rules[at]))
		at++;
	memmove(&rules[at + 1], &rules[at], (options->n_access++ - at) * sizeof(rules[0]));
	rules[at] = rule_on(net, access);
}

static bool is_loopback(const struct addr_number *n)
{
	if (n->family == AF_INET)
		return n->low >> 24 == IN_LOOPBACKNET;
	return n->family == AF_INET6 && n->high == 0 && n->low == 1;
}

enum client_access client_access(const struct options *options, const union addr *from)
{
	const struct addr_number n = addr_number(from);

	if (is_loopback(&n))
		return CLIENT_LOOPBACK;
	for (const struct options_access *rule = options->access;
	     rule != options->access + options->n_access; rule++)
		if (rule->family == n.family && ((n.high ^ rule->high) & rule->high_mask) == 0 &&
		    ((n.low ^ rule->low) & rule->low_mask) == 0)
			return (enum client_access)rule->access;
	return CLIENT_REFUSE;
}
