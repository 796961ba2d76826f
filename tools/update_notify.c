/* update_notify.c - `reload` over the control socket. */
#include "tools/update_notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SIZE 512 /* of which the first line counts */
#define WAIT_S	    60	/* a large image on a slow card is loaded before quelld answers */

static int sys_error(const char *path, struct why *why)
{
	return why_set(why, ERR_SYS, "%s: %s", path, strerror(errno));
}

static int open_socket(const char *path, struct why *why)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = WAIT_S};
	int fd;

	if (snprintf(to.sun_path, sizeof(to.sun_path), "%s", path) >= (int)sizeof(to.sun_path))
		return why_set(why, ERR_RANGE, "%s: the path is too long for a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sys_error(path, why);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		int err = errno == ENOENT || errno == ECONNREFUSED ? ERR_NOTFOUND : ERR_SYS;

		why_set(why, err, "%s: %s%s", path, strerror(errno),
		    errno == EACCES ? ": it takes the group that quelld runs as" : "");
		close(fd);
		return err;
	}
	return fd;
}

/* All of the answer is read, its beginning is kept. */
static int read_answer(int fd, const char *path, char answer[ANSWER_SIZE], struct why *why)
{
	char more[ANSWER_SIZE];
	size_t len = 0;

	for (;;) {
		bool full = len == ANSWER_SIZE - 1;
		ssize_t n = full ? read(fd, more, sizeof(more))
				 : read(fd, answer + len, ANSWER_SIZE - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return why_set(why, ERR_NET, "%s: no answer within %d s", path, WAIT_S);
		if (n < 0)
			return sys_error(path, why);
		if (n == 0)
			break;
		if (!full)
			len += (size_t)n;
	}
	answer[len] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	return 0;
}

static int judge(const char *path, const char *answer, struct why *why)
{
	if (strcmp(answer, "ok") == 0 || strncmp(answer, "ok ", 3) == 0)
		return 0;
	if (strncmp(answer, "error ", 6) == 0)
		return why_set(why, ERR_DENIED, "%s", answer + 6);
	return why_set(
	    why, ERR_NET, "%s: neither `ok` nor `error` in the answer \"%s\"", path, answer);
}

int update_notify_reload(const char *path, struct why *why)
{
	static const char request[] = "reload\n";
	char answer[ANSWER_SIZE];
	int fd = open_socket(path, why);
	int err = 0;

	if (fd < 0)
		return fd;
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
		err = sys_error(path, why);
	if (err == 0)
		err = read_answer(fd, path, answer, why);
	if (err == 0)
		err = judge(path, answer, why);
	close(fd);
	return err;
}
