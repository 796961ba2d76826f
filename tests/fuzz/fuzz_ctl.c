/* fuzz_ctl.c - what a client writes to the control socket, in pieces: a line is a request, once; each client gets
 * one whole answer of text, or, where it has said no line, none.
 *
 * The first byte: how long the pieces are, and bit 7: whether it goes on after the request; the rest is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "resolver/ctl.h"
#include "resolver/report.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/parent.h"
#include "tools/control.h"

#define SENT_MAX   8192
#define ROUNDS_MAX 100000

static struct server *parent;
static int listening = -1; /* O_PATH: the socket, whose name is gone */

/* What the request should be, and whether it was. */
static struct {
	char line[CTL_REQUEST_MAX + 1];
	const char *command, *arguments; /* in `line` */
	bool is_request, was_request;
} expected;

void server_reload(struct server *s, uint64_t client)
{
	ctl_refuse(s->ctl, client, "not here");
}

static void on_request(void *ctx, uint64_t client, const char *command, const char *arguments)
{
	CHECK(expected.is_request && !expected.was_request);
	CHECK(strcmp(command, expected.command) == 0 && strcmp(arguments, expected.arguments) == 0);
	expected.was_request = true;
	report_request(ctx, client, command, arguments);
}

/* By the words of ctl.h, of sent[0..len). */
static void expect(const uint8_t *sent, size_t len)
{
	const uint8_t *end = len != 0 ? memchr(sent, '\n', len) : NULL;
	char *at = expected.line;
	size_t n;

	memset(&expected, 0, sizeof(expected));
	if (end == NULL || end - sent >= CTL_REQUEST_MAX)
		return;
	expected.is_request = true;
	memcpy(expected.line, sent, (size_t)(end - sent));
	n = strlen(expected.line);
	while (n > 0 && strchr(" \t\r", at[n - 1]) != NULL)
		at[--n] = '\0';
	expected.command = at;
	at += strcspn(at, " \t\r");
	if (*at != '\0')
		*at++ = '\0';
	expected.arguments = at + strspn(at, " \t\r");
}

static void open_parent(void)
{
	char folder[] = "/tmp/fuzz_ctl-XXXXXX", path[64];
	struct why why;

	parent = parent_fresh(1);
	CHECK(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/control", folder);
	CHECK(ctl_open(&parent->ctl, parent->base, path, on_request, parent, &why) == 0);
	listening = open(path, O_PATH | O_CLOEXEC);
	CHECK(listening >= 0 && unlink(path) == 0 && rmdir(folder) == 0);
}

static int connect_client(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", listening);
	CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

/* The parent does what there is to do; its workers say that they have nothing. */
static void step(void)
{
	static const uint8_t nothing[CHANNEL_MAX];

	(void)event_base_loop(parent->base, EVLOOP_NONBLOCK);
	for (unsigned i = 0; i < PARENT_WORKERS_MAX; i++) {
		const uint32_t type = parent_asked[i].type;

		if (type != 0)
			parent_answer(parent, i, type, nothing, parent_size(type));
	}
}

/* Returns the answer's length. */
static size_t talk(
    int fd, const uint8_t *bytes, size_t len, size_t piece, bool goes_on, char *answer)
{
	size_t sent = 0, got = 0;
	ssize_t n;

	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		const bool ended = sent == len || (!goes_on && expected.was_request);

		if (!ended) {
			n = send(fd, bytes + sent, piece < len - sent ? piece : len - sent,
			    MSG_NOSIGNAL);
			if (n > 0)
				sent += (size_t)n;
			else if (errno != EAGAIN)
				len = sent; /* it has closed: an answer is there, or none comes */
		} else {
			(void)shutdown(fd, SHUT_WR);
		}
		step();
		n = recv(fd, answer + got, CONTROL_ANSWER_MAX - got, 0);
		if (n > 0)
			got += (size_t)n;
		else if (n == 0 || errno == ECONNRESET)
			return got;
		else
			CHECK(errno == EAGAIN);
	}
	CHECK(false);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[CONTROL_ANSWER_MAX];
	size_t len;
	int fd;

	if (size < 1 || size > SENT_MAX)
		return 0;
	if (parent == NULL)
		open_parent();
	(void)parent_fresh(1 + data[0] % 3);
	expect(data + 1, size - 1);
	fd = connect_client();
	len = talk(fd, data + 1, size - 1, (data[0] & 0x7fu) + 1u, (data[0] & 0x80) != 0, answer);
	CHECK(close(fd) == 0);
	CHECK(expected.was_request == expected.is_request);
	if (expected.is_request || len != 0)
		parent_check_answer(answer, len);
	else
		CHECK(size - 1 < CTL_REQUEST_MAX);
	return 0;
}
