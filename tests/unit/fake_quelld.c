/* fake_quelld.c - one connection, in a child process. */
#include "tests/unit/fake_quelld.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Up to the end of the line, or of the connection. */
static size_t read_request(int fd, char *request, size_t size)
{
	size_t len = 0;

	while (len < size && memchr(request, '\n', len) == NULL) {
		ssize_t n = read(fd, request + len, size - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

static void send_all(int fd, const char *answer, size_t len, size_t portion)
{
	while (len > 0) {
		ssize_t n = send(fd, answer, len < portion ? len : portion, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		answer += n;
		len -= (size_t)n;
	}
}

/* The child. */
static void serve(
    int listener, int heard_fd, enum fake_quelld_manner manner, const char *answer, size_t len)
{
	struct pollfd asked = {.fd = accept(listener, NULL, NULL), .events = POLLIN};
	char request[sizeof(((struct fake_quelld *)NULL)->heard) - 1];
	size_t n;

	if (manner == FAKE_BRUSQUE) {
		(void)poll(&asked, 1, -1); /* the request is there, and stays there */
	} else {
		n = read_request(asked.fd, request, sizeof(request));
		if (write(heard_fd, request, n) != (ssize_t)n)
			_exit(1);
	}
	send_all(asked.fd, answer, len, manner == FAKE_PIECEMEAL ? 7 : len);
	(void)close(asked.fd);
}

int fake_quelld_bind(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && strlen(path) < sizeof(addr.sun_path));
	memcpy(addr.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void fake_quelld_start(struct fake_quelld *f, const char *path, enum fake_quelld_manner manner,
    const char *answer, size_t len)
{
	int listener = fake_quelld_bind(path);
	int pipe_fds[2];

	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		serve(listener, pipe_fds[1], manner, answer, len);
		_exit(0);
	}
	(void)close(listener);
	(void)close(pipe_fds[1]);
	f->heard_fd = pipe_fds[0];
}

void fake_quelld_stop(struct fake_quelld *f)
{
	ssize_t n;

	/* One that was asked has written the request before it answered. */
	(void)kill(f->pid, SIGKILL);
	assert_int_equal(waitpid(f->pid, NULL, 0), f->pid);
	n = read(f->heard_fd, f->heard, sizeof(f->heard) - 1);
	assert_true(n >= 0);
	f->heard[n] = '\0';
	(void)close(f->heard_fd);
}
