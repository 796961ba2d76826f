/* holder.h - who holds a port, so that "address in use" names the program to stop.
 *
 * /proc/net/{udp,tcp}{,6} show the socket and its user to everybody; which process has it open only
 * root sees. So a parent that was started as root leaves a witness behind before it gives up its
 * rights: a child that answers this one question (a struct of fixed size in, one out) and ends when
 * start-up is over.
 */
#ifndef QUELL_HOLDER_H
#define QUELL_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/addr.h"
#include "lib/err.h"

struct holder {
	bool found;
	int32_t pid; /* 0: could not be seen */
	uint32_t uid;
	char command[16]; /* of pid; not escaped */
};

struct holder_witness {
	int fd; /* -1: there is none */
	pid_t pid;
};

/* Leave a witness behind where that helps (the process is root); else w->fd is -1. */
void holder_witness_start(struct holder_witness *w);
void holder_witness_stop(struct holder_witness *w);

/* Who has a socket (TCP: a listening one) that keeps `addr` from being bound.  Asks the witness, if
 * there is one (`w` may be NULL), else looks with the rights of this process. */
void holder_find(
    struct holder *h, const struct holder_witness *w, const union addr *addr, bool tcp);

/* "pid 123 (systemd-resolve)", "a process of user dnsmasq", "a process that cannot be seen from
 * here", into `why`, with what can be done about well-known ones. */
void holder_describe(const struct holder *h, struct why *why);

/* The line of a socket table (`text`, as in /proc/net/udp6): does it keep `addr` from being bound?
 * Then its inode and user.  For holder_find() and its test. */
bool holder_parse_line(
    const char *text, const union addr *addr, bool tcp, uint64_t *inode, uint32_t *uid);

#endif
