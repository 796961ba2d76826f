/* channel.c - messages as packets, descriptors beside them. */
#include "resolver/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Room for one descriptor, and for a second that is one too many. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(2 * sizeof(int))];
};

int channel_send(
    int channel, enum channel_type type, uint32_t serial, const void *payload, size_t len, int fd)
{
	struct channel_head head = {.type = type, .serial = serial};
	struct iovec iov[2] = {
	    {.iov_base = &head, .iov_len = sizeof(head)},
	    {.iov_base = (void *)(uintptr_t)payload, .iov_len = len},
	};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = len != 0 ? 2 : 1};
	union control control = {0};
	ssize_t sent;

	if (len > CHANNEL_MAX)
		return ERR_RANGE;
	if (fd >= 0) {
		struct cmsghdr *cmsg = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(fd));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	do
		sent = sendmsg(channel, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? ERR_SYS : 0;
}

/* The first descriptor of a received message into *fd (or -1), any other closed.  Returns how
 * many. */
static unsigned take_descriptors(struct msghdr *msg, int *fd)
{
	unsigned n = 0;

	*fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
			int got;

			memcpy(&got, (const char *)c + at, sizeof(got));
			if (n++ == 0)
				*fd = got;
			else
				close(got);
		}
	}
	return n;
}

int channel_receive(int channel, struct channel_message *m)
{
	struct iovec iov[2] = {
	    {.iov_base = &m->head, .iov_len = sizeof(m->head)},
	    {.iov_base = m->payload, .iov_len = sizeof(m->payload)},
	};
	union control control = {0};
	struct msghdr msg = {
	    .msg_iov = iov,
	    .msg_iovlen = 2,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control),
	};
	ssize_t got;

	do
		got = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	/* ECONNRESET: closed, with messages of ours unread. */
	if (got == 0 || (got < 0 && errno == ECONNRESET))
		return 0;
	if (got < 0)
		return ERR_SYS;
	if (take_descriptors(&msg, &m->fd) > 1 || (size_t)got < sizeof(m->head) ||
	    (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		if (m->fd >= 0)
			close(m->fd);
		m->fd = -1;
		return ERR_FORMAT;
	}
	m->len = (size_t)got - sizeof(m->head);
	return 1;
}

int channel_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		return ERR_SYS;
	return 0;
}
