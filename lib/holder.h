/* holder.h - who holds a port, so that "address in use" names the program to stop.
 *
 * /proc/net/{udp,tcp}{,6} show the socket and its user to everybody; which process has it open only
 * root sees, or who has that process.
 */
#ifndef QUELL_HOLDER_H
#define QUELL_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"

struct holder {
	bool found;
	int32_t pid; /* 0: could not be seen */
	uint32_t uid;
	char command[16]; /* of pid; not escaped */
};

/* Who has a socket (TCP: a listening one) that keeps `addr` from being bound, as far as this process may
 * see. */
void holder_find(struct holder *h, const union addr *addr, bool tcp);

/* "pid 123 (systemd-resolve)", "a process of user dnsmasq", "a process that cannot be seen from
 * here", into `why`. */
void holder_name(const struct holder *h, struct why *why);

/* The same, with what can be done about well-known ones. */
void holder_describe(const struct holder *h, struct why *why);

/* The line of a socket table (`text`, as in /proc/net/udp6): does it keep `addr` from being bound?
 * Then its inode and user.  For holder_find() and its test. */
bool holder_parse_line(
    const char *text, const union addr *addr, bool tcp, uint64_t *inode, uint32_t *uid);

#endif
