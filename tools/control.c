/* control.c - connect, ask, read to the end. */
#include "tools/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int sys_error(const char *path, struct why *why)
{
	return why_set(why, ERR_SYS, "%s: %s", path, strerror(errno));
}

static int connect_error(const char *path, struct why *why)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		return why_set(why, ERR_NOTFOUND,
		    "%s: %s: quelld does not run, or has another --control", path, strerror(errno));
	case EACCES:
		return why_set(why, ERR_SYS,
		    "%s: %s: only root and the group of quelld may; try sudo", path,
		    strerror(errno));
	default:
		return sys_error(path, why);
	}
}

/* Returns the socket, or an error. */
static int open_socket(const char *path, unsigned wait_s, struct why *why)
{
	const struct timeval wait = {.tv_sec = (time_t)wait_s};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(to.sun_path))
		return why_set(why, ERR_RANGE, "%s: too long for a socket's path", path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sys_error(path, why);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	err = connect_error(path, why);
	close(fd);
	return err;
}

/* The answer is shown on a terminal: nothing in it may steer that. */
static void blank_controls(char *answer, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)answer[i] < ' ' && answer[i] != '\n' && answer[i] != '\t') ||
		    answer[i] == 0x7f)
			answer[i] = ' ';
	}
}

static int read_answer(int fd, const char *path, unsigned wait_s, char *answer, struct why *why)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = recv(fd, answer + len, CONTROL_ANSWER_MAX - len, 0);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return why_set(why, ERR_NET, "%s: no answer within %u s", path, wait_s);
	/* Closed with the request unread: a reset comes behind what was said. */
	if (n < 0 && (errno != ECONNRESET || len == 0))
		return sys_error(path, why);
	if (len == CONTROL_ANSWER_MAX)
		return why_set(why, ERR_NET, "%s: the answer is too long", path);
	answer[len] = '\0';
	blank_controls(answer, len);
	return 0;
}

/* The first line of the answer says how it went; a copy of what follows it becomes *lines. */
static int judge(const char *path, char *answer, char **lines, struct why *why)
{
	char *rest = answer;

	(void)strsep(&rest, "\n");
	if (strncmp(answer, "error ", 6) == 0)
		return why_set(why, ERR_DENIED, "%s", answer + 6);
	if (strcmp(answer, "ok") != 0 && strncmp(answer, "ok ", 3) != 0)
		return why_set(why, ERR_NET, "%s: neither `ok` nor `error` in the answer \"%s\"",
		    path, answer);
	if (rest == NULL || (*rest != '\0' && rest[strlen(rest) - 1] != '\n'))
		return why_set(why, ERR_NET, "%s: the answer was cut: \"%s\"", path, answer);
	*lines = strdup(rest);
	return *lines != NULL ? 0 : why_set(why, ERR_NOMEM, "no memory");
}

int control_ask_within(
    const char *path, const char *request, unsigned wait_s, char **lines, struct why *why)
{
	const size_t len = strlen(request);
	char *answer = NULL;
	int err = 0, fd = open_socket(path, wait_s, why);

	if (fd < 0)
		return fd;
	/* It may close at once, having said why. */
	if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len && errno != EPIPE) {
		err = sys_error(path, why);
		goto out;
	}
	answer = malloc(CONTROL_ANSWER_MAX + 1);
	if (answer == NULL) {
		err = why_set(why, ERR_NOMEM, "no memory");
		goto out;
	}
	err = read_answer(fd, path, wait_s, answer, why);
	if (err == 0)
		err = judge(path, answer, lines, why);
out:
	close(fd);
	free(answer);
	return err;
}

int control_ask(const char *path, const char *request, char **lines, struct why *why)
{
	return control_ask_within(path, request, CONTROL_WAIT_S, lines, why);
}
