/* fuzz_probe.c - what servers may say to the questions of `quellctl doctor`: a reply counts that has the ID and the
 * question which were sent, and is well-formed; every probe ends, with a reason, and no descriptor stays.
 *
 * The first byte: 1: over TCP, 2: with EDNS; the second: the type.  Then what the server sends: a byte, a length of
 * two, so many bytes; bit 0: with the right ID and question put in, bit 1: over TCP, with the right length before it.
 * The clock goes on by what is waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/dns/msg.h"
#include "lib/rng.h"
#include "tests/fuzz/fuzz.h"
#include "tools/probe.h"

#define QUESTION "\7example\3net\0" /* and type and class */
#define SENT_MAX 70000

static struct {
	int fd;
	bool tcp;
	const uint8_t *script; /* what is left of it */
	size_t script_len;
	uint8_t query[600]; /* without its length */
	size_t query_len;
	bool replied; /* there was one that counts */
} server;
static uint64_t now_ms;

/* ---- what probe.c is linked with (--wrap) ---- */

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_poll(struct pollfd *fds, nfds_t n, int wait_ms);
int __real_poll(struct pollfd *fds, nfds_t n, int wait_ms);
uint64_t __wrap_clock_ms(void);
void __wrap_rng_init(struct rng *rng);

int __wrap_socket(int domain, int type, int protocol)
{
	int pair[2];

	(void)domain;
	CHECK(socketpair(AF_UNIX, type, protocol, pair) == 0);
	server.fd = pair[1];
	return pair[0];
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)fd, (void)to, (void)len;
	return 0;
}

uint64_t __wrap_clock_ms(void)
{
	return now_ms;
}

void __wrap_rng_init(struct rng *rng)
{
	rng_init_fixed(rng, 1);
}

/* ---- the server ---- */

static void read_query(void)
{
	uint8_t bytes[2 + sizeof(server.query)];
	ssize_t n = recv(server.fd, bytes, sizeof(bytes), 0);
	size_t prefix = server.tcp ? 2 : 0;

	if (n <= (ssize_t)(prefix + MSG_HEADER))
		return;
	server.query_len = (size_t)n - prefix;
	CHECK(!server.tcp || msg_u16(bytes) == server.query_len);
	memcpy(server.query, bytes + prefix, server.query_len);
	CHECK(memcmp(server.query + MSG_HEADER, QUESTION, sizeof(QUESTION) - 1) == 0);
}

static size_t question_len(void)
{
	return sizeof(QUESTION) - 1 + 4;
}

/* Does it count?  By the words of probe.h. */
static bool counts(const uint8_t *msg, size_t len)
{
	if (len < MSG_HEADER || memcmp(msg, server.query, 2) != 0 || (msg[2] & 0x80) == 0)
		return false;
	if (msg_u16(msg + 4) == 0)
		return (msg[3] & 15) != 0;
	return len >= MSG_HEADER + question_len() &&
	       memcmp(msg + MSG_HEADER, server.query + MSG_HEADER, question_len()) == 0;
}

/* The bytes with the query's ID and question in their place; the length. */
static size_t mend(uint8_t *msg, size_t len)
{
	memmove(msg + MSG_HEADER + question_len(), msg + MSG_HEADER, len - MSG_HEADER);
	memcpy(msg + MSG_HEADER, server.query + MSG_HEADER, question_len());
	memcpy(msg, server.query, 2);
	msg[2] |= 0x80;
	msg_set_u16(msg + 4, 1);
	return len + question_len();
}

static void send_reply(unsigned how, const uint8_t *bytes, size_t len)
{
	static uint8_t out[2 + SENT_MAX];
	const bool prefix = server.tcp && (how & 2) != 0;

	memcpy(out + 2, bytes, len);
	if ((how & 1) != 0 && len >= MSG_HEADER && server.query_len != 0)
		len = mend(out + 2, len);
	if (server.tcp || (server.query_len != 0 && counts(out + 2, len)))
		server.replied = true;
	msg_set_u16(out, (unsigned)len);
	/* What has no room is lost. */
	(void)!send(
	    server.fd, prefix ? out : out + 2, prefix ? len + 2 : len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int wait_ms)
{
	CHECK(n == 1 && wait_ms > 0);
	read_query();
	if (server.script_len >= 3) {
		size_t len = msg_u16(server.script + 1);

		len = len < server.script_len - 3 ? len : server.script_len - 3;
		send_reply(server.script[0], server.script + 3, len);
		server.script += 3 + len;
		server.script_len -= 3 + len;
		now_ms++;
	} else if (server.tcp && server.fd >= 0) {
		CHECK(shutdown(server.fd, SHUT_WR) == 0);
		now_ms++;
	} else {
		now_ms += (uint64_t)wait_ms;
	}
	return __real_poll(fds, n, 0);
}

/* The next descriptor that is opened would be this one. */
static int next_fd(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

	CHECK(fd >= 0 && close(fd) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct probe p;
	int before = next_fd();

	if (size < 2 || size > SENT_MAX - 100)
		return 0;
	memset(&p, 0, sizeof(p));
	p.tcp = (data[0] & 1) != 0;
	p.edns = (data[0] & 2) != 0;
	p.type = data[1];
	memcpy(p.name, QUESTION, sizeof(QUESTION) - 1);
	CHECK(addr_parse(&p.to, "192.0.2.1:53", 0, NULL) == 0);
	memset(&server, 0, sizeof(server));
	server.fd = -1;
	server.tcp = p.tcp;
	server.script = data + 2;
	server.script_len = size - 2;
	probe_run(&p, 1, 3000);
	CHECK(server.query_len != 0);
	CHECK(p.answered == (p.error == 0));
	CHECK(!p.answered || server.replied);
	CHECK(p.answered || p.error == ETIMEDOUT || p.error == EPROTO || p.error == ECONNRESET);
	CHECK(p.answered || probe_trouble(&p)[0] != '\0');
	CHECK(!p.blocked || p.has_opt);
	CHECK(p.rcode < 16 || p.has_opt);
	CHECK(close(server.fd) == 0 && next_fd() == before);
	return 0;
}
