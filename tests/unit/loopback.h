/* loopback.h - sockets on loopback and a loop to serve them, for the tests of I/O. */
#ifndef QUELL_TESTS_LOOPBACK_H
#define QUELL_TESTS_LOOPBACK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/* HOST, port `port` (host order; 0: any). */
union addr loopback_addr(const char *host, uint16_t port);

/* A non-blocking socket of `type`, bound to *a, listening where it is a stream; *a gets the port.
 * A wildcard datagram socket tells local addresses. */
int loopback_bind(union addr *a, int type);

/* A non-blocking socket of `type`, connected to `a`, from any address of its family. */
int loopback_connect(const union addr *a, int type);

bool loopback_has_ip6(void);

/* Run the loop until `until` says true; fails the test after 10 s. */
void loopback_run(struct event_base *base, bool (*until)(void *ctx), void *ctx);

/* Run the loop until `fd` is readable. */
void loopback_await(struct event_base *base, int fd);

/* Run the loop until it has nothing to do for a while. */
void loopback_settle(struct event_base *base);

/* Run the loop until `len` bytes have been read from `fd`; fewer when the other side has closed.
 * Returns how many. */
size_t loopback_read(struct event_base *base, int fd, void *bytes, size_t len);

/* Write all of bytes[0..len) to a stream. */
void loopback_write(struct event_base *base, int fd, const void *bytes, size_t len);

#endif
