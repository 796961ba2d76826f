/* reverse.c - addresses, label by label from their end. */
#include "lib/dns/reverse.h"

#include <stdio.h>
#include <string.h>

static const char zone4[] = "\7in-addr\4arpa", zone6[] = "\3ip6\4arpa"; /* the root: terminator */

/* What one label stands for. */
static unsigned label_bits(int family)
{
	return family == AF_INET ? 8 : 4;
}

/* Append the label of step `i` (from the front) of an address; returns the place behind it. */
static uint8_t *put_label(uint8_t *to, int family, const uint8_t *bytes, unsigned i)
{
	char text[4];
	int len = family == AF_INET ? snprintf(text, sizeof(text), "%u", bytes[i])
				    : snprintf(text, sizeof(text), "%x",
					  bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15);

	*to++ = (uint8_t)len;
	memcpy(to, text, (size_t)len);
	return to + len;
}

/* The first `n` steps of the address. */
static void put_name(int family, const uint8_t *bytes, unsigned n, uint8_t name[NAME_SIZE])
{
	while (n-- > 0)
		name = put_label(name, family, bytes, n);
	if (family == AF_INET)
		memcpy(name, zone4, sizeof(zone4));
	else
		memcpy(name, zone6, sizeof(zone6));
}

void reverse_name(int family, const uint8_t *bytes, uint8_t name[NAME_SIZE])
{
	put_name(family, bytes, family == AF_INET ? 4 : 32, name);
}

/* Labels of the zones of a network: its last one may be there in part. */
static unsigned n_labels(const struct net *net)
{
	unsigned bits = label_bits(net->family);

	return (net->bits + bits - 1) / bits;
}

unsigned reverse_n_zones(const struct net *net)
{
	return 1u << (n_labels(net) * label_bits(net->family) - net->bits);
}

void reverse_zone(const struct net *net, unsigned i, uint8_t name[NAME_SIZE])
{
	unsigned bits = label_bits(net->family), n = n_labels(net);
	uint8_t bytes[16];

	memcpy(bytes, net->bytes, sizeof(bytes));
	/* The zones differ in the last bits of the last label. */
	if (n > 0) {
		unsigned end = n * bits; /* a multiple of 4 */

		bytes[(end - 1) / 8] |= (uint8_t)(i << (8 - (end - 1) % 8 - 1));
	}
	put_name(net->family, bytes, n, name);
}
