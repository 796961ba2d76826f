/* resolvconf.c - the `nameserver` lines of resolv.conf(5). */
#include "lib/resolvconf.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_TEXT_SIZE 16384 /* what lies behind it in a resolv.conf is not looked at */
#define SPACE	       " \t\r"
#define DNS_PORT       53

/* systemd-resolved's stub, and the file where it keeps the resolvers behind it. */
static const char *const stub_hosts[] = {"127.0.0.53", "127.0.0.54"};
static const char system_path[] = "/etc/resolv.conf";
static const char behind_stub_path[] = "/run/systemd/resolve/resolv.conf";

static bool same_host(const struct sockaddr *sa, const union addr *a)
{
	if (sa == NULL || sa->sa_family != a->sa.sa_family)
		return false;
	if (sa->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr ==
		       a->in4.sin_addr.s_addr;
	return sa->sa_family == AF_INET6 &&
	       IN6_ARE_ADDR_EQUAL(
		   &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, &a->in6.sin6_addr);
}

/* Whether `a` is an address of this machine. */
static bool is_local(const union addr *a)
{
	struct ifaddrs *all;
	bool found = false;

	if (addr_is_loopback(a))
		return true;
	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next)
		found = same_host(i->ifa_addr, a);
	freeifaddrs(all);
	return found;
}

bool resolvconf_is_own(const union addr *a, const union addr *own, unsigned n_own)
{
	for (unsigned i = 0; i < n_own; i++) {
		if (addr_equal(a, &own[i]))
			return true;
		if (addr_is_wildcard(&own[i]) && addr_port(a) == addr_port(&own[i]) && is_local(a))
			return true;
	}
	return false;
}

static bool is_stub(const union addr *a)
{
	char host[ADDR_TEXT_SIZE];

	(void)addr_format_host(a, host);
	return strcmp(host, stub_hosts[0]) == 0 || strcmp(host, stub_hosts[1]) == 0;
}

static bool is_among(const union addr *a, const union addr *some, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (addr_equal(a, &some[i]))
			return true;
	}
	return false;
}

/* The address of line[0..len) if it is a `nameserver` line that can be used. */
static bool parse_line(union addr *a, const char *line, size_t len)
{
	static const char keyword[] = "nameserver";
	char text[ADDR_TEXT_SIZE];
	const char *end = line + len;
	size_t n;

	if (len < sizeof(keyword) || memcmp(line, keyword, sizeof(keyword) - 1) != 0)
		return false;
	line += sizeof(keyword) - 1;
	n = strspn(line, SPACE);
	line += n;
	if (n == 0 || line >= end)
		return false;
	n = strcspn(line, SPACE "\n");
	if (n >= sizeof(text))
		return false;
	memcpy(text, line, n);
	text[n] = '\0';
	return addr_parse(a, text, DNS_PORT, NULL) == 0;
}

unsigned resolvconf_parse(
    const char *text, union addr *out, unsigned max, const union addr *own, unsigned n_own)
{
	unsigned n = 0;

	while (*text != '\0' && n < max) {
		size_t len = strcspn(text, "\n");
		union addr a;

		if (parse_line(&a, text, len) && !addr_is_wildcard(&a) &&
		    !resolvconf_is_own(&a, own, n_own) && !is_among(&a, out, n))
			out[n++] = a;
		text += len + (text[len] == '\n');
	}
	return n;
}

static unsigned read_file(
    const char *path, union addr *out, unsigned max, const union addr *own, unsigned n_own)
{
	/* For a pipe, which has nothing to say, nobody waits. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	char text[FILE_TEXT_SIZE];
	size_t len;

	if (file == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	len = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[len] = '\0';
	return resolvconf_parse(text, out, max, own, n_own);
}

unsigned resolvconf_read(union addr *out, unsigned max, const union addr *own, unsigned n_own)
{
	union addr stub;
	unsigned n = read_file(system_path, out, max, own, n_own);

	for (unsigned i = 0; i < n; i++) {
		if (!is_stub(&out[i]))
			return n;
	}
	/* Nothing, or the stub alone, which serves where there is nothing better. */
	if (n > 0)
		stub = out[0];
	if (max > 0) {
		unsigned n_behind = read_file(behind_stub_path, out, max, own, n_own);

		if (n_behind > 0)
			return n_behind;
	}
	if (n == 0)
		return 0;
	out[0] = stub;
	return 1;
}
