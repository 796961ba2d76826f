/* loopback.c - sockets on loopback and a loop to serve them. */

#include "tests/unit/loopback.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS	   10
#define WAITS_MAX  1000
#define QUIET_RUNS 5

union addr loopback_addr(const char *host, uint16_t port)
{
	union addr a = {0};

	if (strchr(host, ':') != NULL) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, host, &a.in6.sin6_addr), 1);
	} else {
		a.in4.sin_family = AF_INET;
		a.in4.sin_port = htons(port);
		assert_int_equal(inet_pton(AF_INET, host, &a.in4.sin_addr), 1);
	}
	return a;
}

int loopback_bind(union addr *a, int type)
{
	int fd = socket(a->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*a);
	const int on = 1;

	assert_true(fd >= 0);
	if (a->sa.sa_family == AF_INET6) {
		assert_return_code(
		    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), errno);
		assert_return_code(
		    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)), errno);
	} else {
		assert_return_code(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)), errno);
	}
	assert_return_code(bind(fd, &a->sa, addr_len(a)), errno);
	if (type == SOCK_STREAM)
		assert_return_code(listen(fd, 128), errno);
	assert_return_code(getsockname(fd, &a->sa, &len), errno);
	return fd;
}

int loopback_connect(const union addr *a, int type)
{
	int fd = socket(a->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, &a->sa, addr_len(a)) < 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

bool loopback_has_ip6(void)
{
	union addr a = loopback_addr("::1", 0);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && bind(fd, &a.sa, addr_len(&a)) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

void loopback_run(struct event_base *base, bool (*until)(void *ctx), void *ctx)
{
	for (unsigned i = 0; i < WAITS_MAX; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (until(ctx))
			return;
		poll(NULL, 0, i < 100 ? 0 : WAIT_MS);
	}
	fail_msg("waited in vain");
}

static bool is_readable(void *ctx)
{
	struct pollfd p = {.fd = *(int *)ctx, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

void loopback_await(struct event_base *base, int fd)
{
	loopback_run(base, is_readable, &fd);
}

void loopback_settle(struct event_base *base)
{
	for (unsigned i = 0; i < QUIET_RUNS; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		poll(NULL, 0, 1);
	}
}

size_t loopback_read(struct event_base *base, int fd, void *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = recv(fd, (char *)bytes + done, len - done, 0);

		if (got < 0 && errno == EAGAIN) {
			loopback_await(base, fd);
			continue;
		}
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static bool is_writable(void *ctx)
{
	struct pollfd p = {.fd = *(int *)ctx, .events = POLLOUT};

	return poll(&p, 1, 0) > 0;
}

void loopback_write(struct event_base *base, int fd, const void *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t sent = send(fd, (const char *)bytes + done, len - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN) {
			loopback_run(base, is_writable, &fd);
			continue;
		}
		assert_return_code(sent, errno);
		done += (size_t)sent;
	}
}
