/* fuzz_channel.c - workers and loaders that were broken into: whatever they send, a message is taken whole or not at
 * all, no descriptor stays, each client gets one answer, and nothing stands in it but text.
 *
 * The first byte: what the client asks; the second: how many workers there are.  Then commands: a byte, a length of
 * two, so many bytes.
 *   0 to 3  a worker's answer of the right type and length: zeros, and over them changes, each an offset of two
 *           bytes, a length of one, and so many bytes; bits 3 to 5: which worker, bit 6: of another type
 *   4       a packet of these bytes, with descriptors (bits 3, 4), the right serial number in it where bit 5 is set
 *   5       a worker dies       6  the time is over       7  what a process says of its sandbox
 */
#include <fcntl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/dns/msg.h"
#include "resolver/ctl.h"
#include "resolver/report.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/parent.h"
#include "tools/control.h"

#define CLIENT	  7
#define FDS_MAX	  3
#define STEPS_MAX 1000

static unsigned n_answers;

/* ---- the control socket ---- */

void ctl_answer(struct ctl *c, uint64_t client, struct evbuffer *answer)
{
	size_t len = evbuffer_get_length(answer);

	(void)c;
	CHECK(client == CLIENT && len != 0);
	parent_check_answer((const char *)evbuffer_pullup(answer, -1), len);
	(void)evbuffer_drain(answer, len);
	n_answers++;
}

void ctl_refuse(struct ctl *c, uint64_t client, const char *reason)
{
	(void)c, (void)reason;
	CHECK(client == CLIENT);
	n_answers++;
}

void server_reload(struct server *s, uint64_t client)
{
	(void)s, (void)client;
	CHECK(false); /* it is not asked for */
}

/* ---- what comes ---- */

/* A worker's answer. */
static void answer(
    struct server *s, unsigned worker, uint32_t type, const uint8_t *changes, size_t len)
{
	static uint8_t payload[CHANNEL_MAX];
	size_t size = parent_size(type);

	if (size == 0)
		return;
	memset(payload, 0, size);
	while (len >= 3) {
		size_t off = msg_u16(changes) % size, n = changes[2];

		n = n < len - 3 ? n : len - 3;
		n = n < size - off ? n : size - off;
		memcpy(payload + off, changes + 3, n);
		changes += 3 + n;
		len -= 3 + n;
	}
	parent_answer(s, worker, type, payload, size);
}

static void send_packet(int to, const uint8_t *bytes, size_t len, const int *fds, unsigned n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n_fds != 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n_fds * sizeof(int));
	}
	CHECK(sendmsg(to, &msg, MSG_NOSIGNAL) == (ssize_t)len);
}

/* The next descriptor that is opened would be this one. */
static int next_fd(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

	CHECK(fd >= 0 && close(fd) == 0);
	return fd;
}

static void packet(struct server *s, unsigned how, uint8_t *bytes, size_t len)
{
	static struct channel_message m;
	const int fds[FDS_MAX] = {STDIN_FILENO, STDIN_FILENO, STDIN_FILENO};
	const unsigned n_fds = how & 3;
	int pair[2], before = next_fd(), got;

	CHECK(channel_pair(pair) == 0);
	if ((how & 4) != 0 && len >= sizeof(m.head))
		memcpy(bytes + 4, &parent_asked[0].serial, 4);
	if (len != 0) { /* an empty one is as good as an end */
		send_packet(pair[1], bytes, len, fds, n_fds);
		got = channel_receive(pair[0], &m);
		CHECK(got == 1 || got == ERR_FORMAT);
		CHECK((got == 1) ==
		      (len >= sizeof(m.head) && len <= sizeof(m.head) + CHANNEL_MAX && n_fds <= 1));
		CHECK(got == 1 ? (m.fd >= 0) == (n_fds == 1) : m.fd == -1);
		if (m.fd >= 0)
			CHECK(close(m.fd) == 0);
		m.fd = -1;
		if (got == 1) {
			CHECK(m.len == len - sizeof(m.head));
			CHECK(m.len == 0 || memcmp(m.payload, bytes + sizeof(m.head), m.len) == 0);
			report_message(s, 0, &m);
		}
	}
	CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
	CHECK(next_fd() == before);
}

static void check_words(const char *text)
{
	for (; *text != '\0'; text++)
		CHECK(*text >= ' ' && *text < 0x7f);
}

static void sandbox(const uint8_t *bytes, size_t len)
{
	struct sandbox said = {{0}};
	char text[SANDBOX_TEXT_SIZE];

	memcpy(&said, bytes, len < sizeof(said) ? len : sizeof(said));
	check_words(sandbox_holds(&said, text));
	check_words(sandbox_lacks(&said, text));
}

/* The limit of the one report. */
static void time_over(struct server *s)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		if (s->reports[i].client != 0)
			event_active(s->reports[i].limit, EV_TIMEOUT, 0);
	}
	(void)event_base_loop(s->base, EVLOOP_NONBLOCK);
}

static void command(struct server *s, unsigned which, uint8_t *bytes, size_t len)
{
	const unsigned worker = (which >> 3 & 7) % supervise_n(s->workers);
	uint32_t type = parent_asked[worker].type;

	switch (which & 7) {
	case 4:
		packet(s, which >> 3, bytes, len);
		break;
	case 5:
		report_died(s, worker);
		break;
	case 6:
		time_over(s);
		break;
	case 7:
		sandbox(bytes, len);
		break;
	default:
		if ((which & 0x40) != 0)
			type = which >> 3 & 31;
		answer(s, worker, type, bytes, len);
	}
}

/* All die, until nobody is asked any more. */
static void end(struct server *s)
{
	for (unsigned i = 0; i < STEPS_MAX && n_answers == 0; i++)
		report_died(s, i % supervise_n(s->workers));
	CHECK(n_answers == 1);
	for (unsigned i = 0; i < CTL_CLIENTS; i++)
		CHECK(s->reports[i].client == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *command, *arguments;
	} requests[] = {
	    {"status", ""},
	    {"stats", ""},
	    {"why", "a.b AAAA"},
	    {"why", "a.b A 192.0.2.7"},
	    {"flush", "a.b"},
	    {"flush", "--below a.b"},
	    {"flush", "--all"},
	    {"cache", "a.b"},
	    {"cache", "a.b HTTPS"},
	    {"upstreams", ""},
	    {"allow", "a.b for 1h # c"},
	    {"pause", "5m"},
	};
	uint8_t bytes[UINT16_MAX];
	struct server *s;
	unsigned request;

	if (size < 2)
		return 0;
	s = parent_fresh(1 + data[1] % PARENT_WORKERS_MAX);
	request = data[0] % (sizeof(requests) / sizeof(requests[0]));
	n_answers = 0;
	report_request(s, CLIENT, requests[request].command, requests[request].arguments);
	for (data += 2, size -= 2; size >= 3;) {
		size_t len = msg_u16(data + 1);

		len = len < size - 3 ? len : size - 3;
		memcpy(bytes, data + 3, len);
		command(s, data[0], bytes, len);
		CHECK(n_answers <= 1);
		data += 3 + len;
		size -= 3 + len;
	}
	end(s);
	return 0;
}
