/* addr.c - addresses and networks, text to bytes and back. */
#include "lib/addr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Digits alone, 0..max.  Returns the number or -1. */
static long parse_number(const char *text, long max)
{
	long n = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + (*text - '0');
		if (n > max)
			return -1;
	}
	return n;
}

static bool is_link_local(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MC_LINKLOCAL(a);
}

/* What the kernel takes for the name of an interface, and a person can type. */
static bool is_interface_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IF_NAMESIZE)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/' || name[i] == ':')
			return false;
	}
	return true;
}

/* The index of interface `name` (a name or an index), 0 if there is none. */
static unsigned interface_index(const char *name)
{
	char found[IF_NAMESIZE];
	unsigned index = if_nametoindex(name);
	long number;

	if (index != 0)
		return index;
	number = parse_number(name, INT32_MAX);
	if (number > 0 && if_indextoname((unsigned)number, found) != NULL)
		return (unsigned)number;
	return 0;
}

/* `host` is an IPv6 address with or without %interface; `text` is what the user wrote. */
static int parse_host6(union addr *a, char *host, const char *text, struct why *why)
{
	char *interface = strchr(host, '%');

	if (interface != NULL)
		*interface++ = '\0';
	a->in6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) != 1)
		return why_set(why, ERR_FORMAT,
		    "'%s': not an address; write it as 192.0.2.1:53 or [2001:db8::1]:53", text);
	if (!is_link_local(&a->in6.sin6_addr)) {
		if (interface == NULL)
			return 0;
		return why_set(why, ERR_FORMAT,
		    "'%s': only a link-local address (fe80::/10) takes an interface: leave out "
		    "%%%s",
		    text, interface);
	}
	if (interface == NULL || !is_interface_name(interface))
		return why_set(why, ERR_FORMAT,
		    "'%s': a link-local address needs its interface, as in [%s%%eth0]:53", text,
		    host);
	a->in6.sin6_scope_id = interface_index(interface);
	if (a->in6.sin6_scope_id == 0)
		return why_set(
		    why, ERR_NOTFOUND, "'%s': there is no interface %s now", text, interface);
	return 0;
}

/* Cut `buf` into host and port in place.  *port: the text behind the colon, or NULL. */
static int split_port(char *buf, char **host, char **port, const char *text, struct why *why)
{
	char *colon = strrchr(buf, ':');

	*host = buf;
	*port = NULL;
	if (buf[0] == '[') {
		char *end = strchr(buf, ']');

		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return why_set(why, ERR_FORMAT,
			    "'%s': brackets go around the address, as in [2001:db8::1]:53", text);
		*host = buf + 1;
		*port = end[1] == ':' ? end + 2 : NULL;
		*end = '\0';
	} else if (colon != NULL && strchr(buf, ':') == colon) {
		*port = colon + 1;
		*colon = '\0';
	}
	return 0;
}

int addr_parse(union addr *a, const char *text, uint16_t default_port, struct why *why)
{
	char buf[ADDR_TEXT_SIZE], *host, *port_text;
	long port = default_port;
	int err;

	memset(a, 0, sizeof(*a));
	if (strlen(text) >= sizeof(buf))
		return why_set(why, ERR_FORMAT, "'%s': too long for an address", text);
	memcpy(buf, text, strlen(text) + 1);
	err = split_port(buf, &host, &port_text, text, why);
	if (err < 0)
		return err;

	if (port_text != NULL) {
		port = parse_number(port_text, 65535);
		if (port <= 0)
			return why_set(why, ERR_FORMAT,
			    "'%s': '%s' is not a port; a port is a number from 1 to 65535", text,
			    port_text);
	}
	if (inet_pton(AF_INET, host, &a->in4.sin_addr) == 1 && text[0] != '[') {
		a->in4.sin_family = AF_INET;
		a->in4.sin_port = htons((uint16_t)port);
	} else {
		memset(a, 0, sizeof(*a));
		err = parse_host6(a, host, text, why);
		a->in6.sin6_port = htons((uint16_t)port);
	}
	if (err == 0 && port == 0) {
		bool bare6 = a->sa.sa_family == AF_INET6 && text[0] != '[';

		err = why_set(why, ERR_FORMAT, "'%s': the port is missing, as in %s%s%s:53", text,
		    bare6 ? "[" : "", text, bare6 ? "]" : "");
	}
	if (err < 0)
		memset(a, 0, sizeof(*a));
	return err;
}

const char *addr_format_host(const union addr *a, char text[ADDR_TEXT_SIZE])
{
	char interface[IF_NAMESIZE];
	size_t len;

	if (a->sa.sa_family == AF_INET)
		return inet_ntop(AF_INET, &a->in4.sin_addr, text, ADDR_TEXT_SIZE);
	if (a->sa.sa_family != AF_INET6) {
		(void)snprintf(text, ADDR_TEXT_SIZE, "none");
		return text;
	}
	(void)inet_ntop(AF_INET6, &a->in6.sin6_addr, text, ADDR_TEXT_SIZE);
	if (a->in6.sin6_scope_id == 0 || !is_link_local(&a->in6.sin6_addr))
		return text;
	len = strlen(text);
	if (if_indextoname(a->in6.sin6_scope_id, interface) != NULL)
		(void)snprintf(text + len, ADDR_TEXT_SIZE - len, "%%%s", interface);
	else /* it is gone; its number is what is left */
		(void)snprintf(text + len, ADDR_TEXT_SIZE - len, "%%%u", a->in6.sin6_scope_id);
	return text;
}

const char *addr_format(const union addr *a, char text[ADDR_TEXT_SIZE])
{
	char host[ADDR_TEXT_SIZE];

	(void)addr_format_host(a, host);
	if (a->sa.sa_family == AF_INET)
		(void)snprintf(text, ADDR_TEXT_SIZE, "%.15s:%u", host, addr_port(a));
	else if (a->sa.sa_family == AF_INET6)
		(void)snprintf(text, ADDR_TEXT_SIZE, "[%.62s]:%u", host, addr_port(a));
	else
		memcpy(text, host, sizeof(host));
	return text;
}

socklen_t addr_len(const union addr *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return sizeof(a->in4);
	case AF_INET6:
		return sizeof(a->in6);
	default:
		return 0;
	}
}

uint16_t addr_port(const union addr *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return ntohs(a->in4.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return 0;
	}
}

/* The address in network order to bytes[0..16), an IPv4 address mapped into IPv6 as IPv4.
 * Returns the family of what was written; another family than the two gives AF_UNSPEC. */
int addr_host_bytes(const union addr *a, uint8_t bytes[16])
{
	const uint8_t *b6 = a->in6.sin6_addr.s6_addr;

	switch (a->sa.sa_family) {
	case AF_INET:
		memcpy(bytes, &a->in4.sin_addr, 4);
		return AF_INET;
	case AF_INET6:
		if (memcmp(b6, mapped_prefix, sizeof(mapped_prefix)) == 0) {
			memcpy(bytes, b6 + 12, 4);
			return AF_INET;
		}
		memcpy(bytes, b6, 16);
		return AF_INET6;
	default:
		return AF_UNSPEC;
	}
}

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return be64toh(word);
}

struct addr_number addr_number(const union addr *a)
{
	const uint8_t *b6 = a->in6.sin6_addr.s6_addr;
	struct addr_number n = {.family = a->sa.sa_family};

	if (n.family == AF_INET) {
		n.low = ntohl(a->in4.sin_addr.s_addr);
	} else if (n.family == AF_INET6) {
		n.high = load_be64(b6);
		n.low = load_be64(b6 + 8);
		if (n.high == 0 && n.low >> 32 == 0xffff) {
			n.family = AF_INET;
			n.low &= UINT32_MAX;
		}
	} else {
		n.family = AF_UNSPEC;
	}
	return n;
}

bool addr_is_wildcard(const union addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return a->in4.sin_addr.s_addr == htonl(INADDR_ANY);
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

bool addr_is_loopback(const union addr *a)
{
	uint8_t bytes[16];

	switch (addr_host_bytes(a, bytes)) {
	case AF_INET:
		return bytes[0] == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
	default:
		return false;
	}
}

bool addr_equal(const union addr *a, const union addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family || addr_port(a) != addr_port(b))
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	if (a->sa.sa_family != AF_INET6)
		return true;
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
	       (a->in6.sin6_scope_id == b->in6.sin6_scope_id || !is_link_local(&a->in6.sin6_addr));
}

/* Clear what lies behind the first `bits` bits of bytes[0..size).  True if some of it was set. */
static bool clear_host_bits(uint8_t *bytes, size_t size, unsigned bits)
{
	bool found = false;

	for (size_t i = bits / 8; i < size; i++) {
		uint8_t host = (uint8_t)(i == bits / 8 ? 0xff >> bits % 8 : 0xff);

		found = found || (bytes[i] & host) != 0;
		bytes[i] &= (uint8_t)~host;
	}
	return found;
}

int net_parse(struct net *n, const char *text, struct why *why)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t host_len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	size_t size;
	long bits;

	memset(n, 0, sizeof(*n));
	if (host_len >= sizeof(host))
		goto malformed;
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	if (inet_pton(AF_INET, host, n->bytes) == 1)
		n->family = AF_INET;
	else if (inet_pton(AF_INET6, host, n->bytes) == 1)
		n->family = AF_INET6;
	else
		goto malformed;

	size = n->family == AF_INET ? 4 : 16;
	bits = slash != NULL ? parse_number(slash + 1, (long)size * 8) : (long)size * 8;
	if (bits < 0)
		return why_set(why, ERR_FORMAT,
		    "'%s': the prefix length is a number from 0 to %zu, as in %s/%zu", text,
		    size * 8, host, size * 6);
	n->bits = (uint8_t)bits;
	if (clear_host_bits(n->bytes, size, n->bits)) {
		char meant[ADDR_TEXT_SIZE];

		return why_set(why, ERR_FORMAT,
		    "'%s': bits behind the prefix are set; the network is %s", text,
		    net_format(n, meant));
	}
	if (bits >= 96 && memcmp(n->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return why_set(why, ERR_FORMAT,
		    "'%s': write an IPv4 network as IPv4, as in 192.168.0.0/16", text);
	return 0;

malformed:
	return why_set(why, ERR_FORMAT,
	    "'%s': not a network; write it as 192.168.0.0/16, fe80::/10 or a bare address", text);
}

const char *net_format(const struct net *n, char text[ADDR_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN];

	(void)inet_ntop(n->family, n->bytes, host, sizeof(host));
	(void)snprintf(text, ADDR_TEXT_SIZE, "%s/%u", host, n->bits);
	return text;
}

bool net_contains(const struct net *n, const union addr *a)
{
	uint8_t bytes[16] = {0};
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (addr_host_bytes(a, bytes) != n->family)
		return false;
	if (memcmp(bytes, n->bytes, whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ n->bytes[whole]) & (0xff00 >> rest & 0xff)) == 0;
}
