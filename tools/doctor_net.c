/* doctor_net.c - resolvers and addresses of this machine, looked at. */
#include "tools/doctor_net.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/resolvconf.h"
#include "tools/doctor_leases.h"
#include "tools/doctor_port.h"

#define RESOLVERS_MAX 16
#define HOSTS_SIZE    (DOCTOR_TEXT_SIZE / 4)

/* ---- this machine ---- */

static unsigned read_resolvers(const struct doctor_case *c, const char *path, union addr *out)
{
	char *text = doctor_read(c, path);
	unsigned n = text != NULL ? resolvconf_parse(text, out, RESOLVERS_MAX, NULL, 0) : 0;

	free(text);
	return n;
}

/* 127.0.0.53 and .54 of systemd-resolved stand for those in a file of its own. */
static bool is_stub(const union addr *a)
{
	return a->sa.sa_family == AF_INET && (ntohl(a->in4.sin_addr.s_addr) == 0x7f000035 ||
						 ntohl(a->in4.sin_addr.s_addr) == 0x7f000036);
}

void doctor_self(struct doctor *d, const struct doctor_case *c)
{
	struct doctor_addrs quell = {.n = 0}, others = {.n = 0};
	union addr found[RESOLVERS_MAX];
	unsigned n = read_resolvers(c, "/etc/resolv.conf", found);
	char text[HOSTS_SIZE], here[HOSTS_SIZE];

	if (n == 1 && is_stub(&found[0]) && !doctor_listens_at(c, &found[0], DOCTOR_DNS_PORT))
		n = read_resolvers(c, "/run/systemd/resolve/resolv.conf", found);
	for (unsigned i = 0; i < n; i++) {
		bool here_too =
		    addr_is_loopback(&found[i]) || doctor_addrs_has_host(&c->own, &found[i]);

		doctor_addrs_add(
		    here_too && doctor_listens_at(c, &found[i], DOCTOR_DNS_PORT) ? &quell : &others,
		    &found[i]);
	}
	(void)doctor_addrs_text(&others, text, sizeof(text));
	if (n == 0) {
		doctor_say(
		    d, DOCTOR_UNKNOWN, "self", "whom this machine asks is not in /etc/resolv.conf");
		doctor_fix(d, "cat /etc/resolv.conf; resolvectl status");
	} else if (others.n == 0) {
		doctor_say(d, DOCTOR_OK, "self", "this machine asks quell");
	} else if (quell.n == 0) {
		doctor_say(d, DOCTOR_OK, "self",
		    "this machine itself asks %s and not quell: it does not lose its DNS with "
		    "quell, and nothing is "
		    "blocked for it",
		    text);
	} else {
		doctor_say(d, DOCTOR_WARN, "self",
		    "this machine asks quell at %s and also %s: what is blocked it may get there",
		    doctor_addrs_text(&quell, here, sizeof(here)), text);
		doctor_fix(d,
		    "take `nameserver %s` out of /etc/resolv.conf, or out of what writes it (nmcli "
		    "connection "
		    "show --active)",
		    text);
	}
}

/* ---- the router ---- */

/* An address of this machine that devices can be told, as text. */
static const char *own_address(const struct doctor_case *c, char text[ADDR_TEXT_SIZE])
{
	(void)snprintf(text, ADDR_TEXT_SIZE, "this machine's address");
	for (unsigned i = 0; i < c->own.n; i++) {
		if (c->own.addr[i].sa.sa_family == AF_INET)
			return addr_format_host(&c->own.addr[i], text);
	}
	return text;
}

static bool has_family(const struct doctor_addrs *all, int family)
{
	for (unsigned i = 0; i < all->n; i++) {
		if (all->addr[i].sa.sa_family == family)
			return true;
	}
	return false;
}

static void fix_router(
    struct doctor *d, const struct doctor_case *c, const struct doctor_addrs *others)
{
	char own[ADDR_TEXT_SIZE];
	const char *ipv6 = has_family(others, AF_INET6)
			       ? "; and in its IPv6 settings switch the announcement of a DNS "
				 "server (RDNSS, DHCPv6) off"
			       : "";

	doctor_fix(d,
	    "in the router's DHCP settings make %s the DNS server, and the only one%s; then "
	    "reconnect the "
	    "devices",
	    own_address(c, own), ipv6);
}

void doctor_router(struct doctor *d, const struct doctor_case *c)
{
	struct doctor_addrs given = {.n = 0}, quell = {.n = 0}, others = {.n = 0};
	char text[HOSTS_SIZE], here[HOSTS_SIZE], own[ADDR_TEXT_SIZE];

	doctor_leases(c, &given);
	for (unsigned i = 0; i < given.n; i++)
		doctor_addrs_add(doctor_addrs_has_host(&c->own, &given.addr[i]) ? &quell : &others,
		    &given.addr[i]);
	(void)doctor_addrs_text(&others, text, sizeof(text));
	(void)doctor_addrs_text(&quell, here, sizeof(here));
	if (given.n == 0) {
		doctor_say(d, DOCTOR_UNKNOWN, "router",
		    "what the router hands out to devices cannot be known from here: this machine "
		    "has no lease that can "
		    "be read");
		doctor_fix(d,
		    "on a device, look at its network settings: %s has to be its only DNS server; "
		    "there, "
		    "nslookup doubleclick.net has to fail each time",
		    own_address(c, own));
	} else if (others.n == 0) {
		doctor_say(
		    d, DOCTOR_OK, "router", "the router hands out this machine alone (%s)", here);
	} else if (quell.n == 0) {
		doctor_say(d, DOCTOR_WARN, "router",
		    "the router hands out %s, and not this machine: nothing is blocked, unless "
		    "that one asks quell",
		    text);
		fix_router(d, c, &others);
	} else {
		doctor_say(d, DOCTOR_BAD, "router",
		    "beside this machine (%s) the router hands out %s: devices ask either, and "
		    "what is blocked they get "
		    "there",
		    here, text);
		fix_router(d, c, &others);
	}
}

/* ---- IPv6 ---- */

/* Flags of /proc/net/if_inet6 (linux/if_addr.h). */
enum { TEMPORARY = 0x01, DEPRECATED = 0x20 };

struct ipv6 {
	struct doctor_addrs all;
	union addr best; /* that stays longest; family AF_UNSPEC: there is none */
	int rank;
};

static bool is_unique_local(const union addr *a)
{
	return (a->in6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc; /* RFC 4193, 3.1 */
}

/* A line: 32 digits, interface, bits, scope (0: global), flags, name. */
static void take_address(struct ipv6 *v6, const char *line)
{
	char digits[33], name[32];
	unsigned scope, flags;
	union addr a = {.in6.sin6_family = AF_INET6};
	int rank;

	if (sscanf(line, "%32s %*x %*x %x %x %31s", digits, &scope, &flags, name) != 4 ||
	    scope != 0 || (flags & DEPRECATED) != 0 || strlen(digits) != 32 ||
	    strcmp(name, "lo") == 0)
		return;
	for (unsigned i = 0; i < 16; i++) {
		const char byte[3] = {digits[2 * i], digits[2 * i + 1]};

		a.in6.sin6_addr.s6_addr[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	doctor_addrs_add(&v6->all, &a);
	rank = 1 + ((flags & TEMPORARY) == 0) + 2 * is_unique_local(&a);
	if (rank > v6->rank) {
		v6->rank = rank;
		v6->best = a;
	}
}

static bool listens_at_one(
    const struct doctor_case *c, const struct doctor_addrs *all, const union addr **at)
{
	for (unsigned i = 0; i < all->n; i++) {
		*at = &all->addr[i];
		if (doctor_listens_at(c, *at, DOCTOR_DNS_PORT))
			return true;
	}
	return false;
}

void doctor_ipv6(struct doctor *d, const struct doctor_case *c)
{
	char *table = doctor_read(c, "/proc/net/if_inet6"), *at = table, *line,
	     text[ADDR_TEXT_SIZE];
	struct ipv6 v6 = {.rank = 0};
	const union addr *own = NULL;

	while ((line = strsep(&at, "\n")) != NULL)
		take_address(&v6, line);
	free(table);
	if (v6.all.n == 0) {
		doctor_say(d, DOCTOR_OK, "ipv6",
		    "this machine has no address of IPv6 but for its own link");
	} else if (listens_at_one(c, &v6.all, &own)) {
		doctor_say(d, DOCTOR_OK, "ipv6",
		    "quell %s at IPv6, too; the address that stays is %s",
		    c->reach == DOCTOR_AWAY ? "is to listen" : "listens",
		    addr_format_host(&v6.best, text));
	} else {
		doctor_say(d, DOCTOR_WARN, "ipv6",
		    "there is IPv6 here (%s), and quell does not listen at it: a resolver that the "
		    "router announces by "
		    "IPv6 gets the questions",
		    addr_format_host(&v6.best, text));
		doctor_fix(d,
		    "add \"[%s]:53\" or \"[::]:53\" to `listen` in quell.conf, then: sudo "
		    "systemctl restart quelld; "
		    "and in the router make that the DNS server for IPv6, or switch its "
		    "announcement off",
		    text);
	}
}
