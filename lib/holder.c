/* holder.c - from an address to a socket's inode to the process that has it open. */
#include "lib/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_TCP_LISTEN 10 /* include/net/tcp_states.h of Linux */

/* The address column: words of 32 bits as they lie in memory, in hex, and the port.  Returns the
 * family. */
static int parse_address(const char *text, union addr *a)
{
	uint32_t word[4];
	unsigned port;

	memset(a, 0, sizeof(*a));
	if (sscanf(text, "%8" SCNx32 "%8" SCNx32 "%8" SCNx32 "%8" SCNx32 ":%4x", &word[0], &word[1],
		&word[2], &word[3], &port) == 5) {
		a->in6.sin6_family = AF_INET6;
		memcpy(&a->in6.sin6_addr, word, sizeof(word));
		a->in6.sin6_port = htons((uint16_t)port);
	} else if (sscanf(text, "%8" SCNx32 ":%4x", &word[0], &port) == 2) {
		a->in4.sin_family = AF_INET;
		a->in4.sin_addr.s_addr = word[0];
		a->in4.sin_port = htons((uint16_t)port);
	}
	return a->sa.sa_family;
}

/* Does a socket at `held` keep `wanted` from being bound?  Scopes are not shown in /proc, so two
 * link-local addresses of different interfaces count as the same. */
static bool conflicts(const union addr *held, const union addr *wanted)
{
	if (addr_port(held) != addr_port(wanted))
		return false;
	if (held->sa.sa_family != wanted->sa.sa_family) /* "::" may hold IPv4 as well */
		return held->sa.sa_family == AF_INET6 && addr_is_wildcard(held);
	if (addr_is_wildcard(held) || addr_is_wildcard(wanted))
		return true;
	if (held->sa.sa_family == AF_INET)
		return held->in4.sin_addr.s_addr == wanted->in4.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&held->in6.sin6_addr, &wanted->in6.sin6_addr);
}

bool holder_parse_line(
    const char *text, const union addr *addr, bool tcp, uint64_t *inode, uint32_t *uid)
{
	char local[48];
	unsigned state;
	union addr held;

	/* sl local remote state queues timer retransmits uid time-out inode */
	if (sscanf(text, " %*[^:]: %47s %*s %x %*s %*s %*s %" SCNu32 " %*s %" SCNu64, local, &state,
		uid, inode) != 4)
		return false;
	if (tcp && state != STATE_TCP_LISTEN)
		return false;
	return parse_address(local, &held) != AF_UNSPEC && conflicts(&held, addr);
}

/* Seek in one socket table. */
static bool find_socket(
    const char *path, const union addr *addr, bool tcp, uint64_t *inode, uint32_t *uid)
{
	FILE *f = fopen(path, "re");
	bool found = false;
	char line[512];

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = holder_parse_line(line, addr, tcp, inode, uid);
	(void)fclose(f);
	return found;
}

/* Is the link `target` among the descriptors of a process, listed in the folder `path`? */
static bool has_link(const char *path, const char *target)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool found = false;
	char text[64];

	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, text, sizeof(text) - 1);

		if (n <= 0)
			continue;
		text[n] = '\0';
		found = strcmp(text, target) == 0;
	}
	(void)closedir(dir);
	return found;
}

static void read_command(struct holder *h)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/comm", h->pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fgets(h->command, sizeof(h->command), f) != NULL)
		h->command[strcspn(h->command, "\n")] = '\0';
	(void)fclose(f);
}

/* Which process has the socket of this inode open? */
static void find_process(struct holder *h, uint64_t inode)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char path[300], target[64];

	if (proc == NULL)
		return;
	(void)snprintf(target, sizeof(target), "socket:[%" PRIu64 "]", inode);
	while (h->pid == 0 && (entry = readdir(proc)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/fd", entry->d_name);
		if (has_link(path, target))
			h->pid = (int32_t)strtol(entry->d_name, NULL, 10);
	}
	(void)closedir(proc);
	if (h->pid != 0)
		read_command(h);
}

void holder_find(struct holder *h, const union addr *addr, bool tcp)
{
	uint64_t inode = 0;

	memset(h, 0, sizeof(*h));
	h->found =
	    find_socket(tcp ? "/proc/net/tcp" : "/proc/net/udp", addr, tcp, &inode, &h->uid) ||
	    find_socket(tcp ? "/proc/net/tcp6" : "/proc/net/udp6", addr, tcp, &inode, &h->uid);
	if (h->found)
		find_process(h, inode);
}

/* What to do about those that usually sit on port 53. */
static const char *hint(const struct holder *h, const struct passwd *user)
{
	if (strncmp(h->command, "systemd-resolve", 15) == 0 ||
	    (h->pid == 0 && user != NULL && strcmp(user->pw_name, "systemd-resolve") == 0))
		return ": its stub on 127.0.0.53 is switched off by DNSStubListener=no in "
		       "/etc/systemd/resolved.conf; or listen on the machine's own address instead "
		       "of 0.0.0.0";
	if (strcmp(h->command, "quelld") == 0)
		return ": quell is running already";
	return "";
}

static const struct passwd *user_of(const struct holder *h)
{
	return h->found ? getpwuid(h->uid) : NULL;
}

void holder_name(const struct holder *h, struct why *why)
{
	const struct passwd *user = user_of(h);

	if (h->pid != 0)
		(void)why_set(why, 0, "pid %" PRId32 " (%s)", h->pid, h->command);
	else if (user != NULL)
		(void)why_set(why, 0, "a process of user %s", user->pw_name);
	else if (h->found)
		(void)why_set(why, 0, "a process of user %" PRIu32, h->uid);
	else
		(void)why_set(why, 0, "a process that cannot be seen from here");
}

void holder_describe(const struct holder *h, struct why *why)
{
	holder_name(h, why);
	(void)why_set(why, 0, "%s%s", why->text, hint(h, user_of(h)));
}
