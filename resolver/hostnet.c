/* hostnet.c - getifaddrs(3) and rtnetlink(7). */
#include "resolver/hostnet.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct net private_nets[] = {
    {.family = AF_INET, .bits = 8, .bytes = {10}},
    {.family = AF_INET, .bits = 12, .bytes = {172, 16}},
    {.family = AF_INET, .bits = 16, .bytes = {192, 168}},
    {.family = AF_INET, .bits = 16, .bytes = {169, 254}},
    {.family = AF_INET6, .bits = 7, .bytes = {0xfc}},
    {.family = AF_INET6, .bits = 10, .bytes = {0xfe, 0x80}},
};

/* The bytes of an address, and how many there are (0: of another family). */
static size_t bytes_of(const struct sockaddr *sa, uint8_t bytes[16])
{
	union addr a;

	memset(&a, 0, sizeof(a));
	if (sa->sa_family == AF_INET) {
		memcpy(&a.in4, sa, sizeof(a.in4));
		memcpy(bytes, &a.in4.sin_addr, 4);
		return 4;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&a.in6, sa, sizeof(a.in6));
		memcpy(bytes, &a.in6.sin6_addr, 16);
		return 16;
	}
	return 0;
}

/* The network of one address of an interface.  False: none that says something. */
static bool net_of(const struct ifaddrs *i, struct net *n)
{
	uint8_t mask[16];
	size_t size;

	memset(n, 0, sizeof(*n));
	if (i->ifa_addr == NULL || i->ifa_netmask == NULL)
		return false;
	size = bytes_of(i->ifa_addr, n->bytes);
	n->family = (uint8_t)i->ifa_addr->sa_family;
	/* Some kernels leave the family out of the mask. */
	i->ifa_netmask->sa_family = i->ifa_addr->sa_family;
	if (size == 0 || bytes_of(i->ifa_netmask, mask) != size)
		return false;
	for (size_t k = 0; k < size; k++) {
		n->bytes[k] &= mask[k];
		n->bits = (uint8_t)(n->bits + __builtin_popcount(mask[k]));
	}
	return n->bits != 0; /* a mask of nothing would be everybody */
}

static bool same_net(const struct net *a, const struct net *b)
{
	return a->family == b->family && a->bits == b->bits &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static unsigned add(struct net *out, unsigned n, unsigned max, const struct net *one)
{
	for (unsigned i = 0; i < n; i++) {
		if (same_net(&out[i], one))
			return n;
	}
	if (n < max)
		out[n++] = *one;
	return n;
}

unsigned hostnet_allowed(struct net *out, unsigned max)
{
	struct ifaddrs *all;
	struct net one;
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(private_nets) / sizeof(private_nets[0]); i++)
		n = add(out, n, max, &private_nets[i]);
	if (getifaddrs(&all) < 0)
		return n;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		if (net_of(i, &one))
			n = add(out, n, max, &one);
	}
	freeifaddrs(all);
	return n;
}

void hostnet_sources(const union addr *to, unsigned n, union addr *out)
{
	memset(out, 0, n * sizeof(*out));
	for (unsigned i = 0; i < n; i++) {
		socklen_t len = sizeof(out[i]);
		int fd = socket(to[i].sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			continue;
		if (connect(fd, &to[i].sa, addr_len(&to[i])) < 0 ||
		    getsockname(fd, &out[i].sa, &len) < 0)
			memset(&out[i], 0, sizeof(out[i]));
		(void)close(fd);
		/* The port is another each time; it lies at the same place in both families. */
		out[i].in4.sin_port = 0;
	}
}

int hostnet_watch_open(int *fd)
{
	struct sockaddr_nl groups = {
	    .nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			 RTMGRP_IPV6_ROUTE,
	};

	*fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (*fd < 0)
		return ERR_SYS;
	if (bind(*fd, (const struct sockaddr *)&groups, sizeof(groups)) == 0)
		return 0;
	(void)close(*fd);
	return ERR_SYS;
}

void hostnet_watch_drain(int fd)
{
	char bytes[8192];

	/* ENOBUFS says that news were lost: the same to us as news. */
	while (recv(fd, bytes, sizeof(bytes), 0) > 0 || errno == ENOBUFS || errno == EINTR)
		;
}
