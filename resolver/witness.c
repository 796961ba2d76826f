/* witness.c - a child that is still root answers one question. */
#include "resolver/witness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/sandbox.h"

#define ANSWER_WAIT_MS 2000 /* a scan of /proc takes some tens */

struct question {
	union addr addr;
	bool tcp;
};

static void enter_sandbox(void)
{
	const struct sandbox_wish wish = {.kind = SANDBOX_WITNESS};
	char lacks[SANDBOX_TEXT_SIZE];
	struct sandbox sandbox;

	sandbox_enter(&wish, &sandbox);
	if (sandbox_lacks(&sandbox, lacks)[0] != '\0')
		log_notice("sandbox", "%s: this system is without %s", sandbox_kind_text(wish.kind),
		    lacks);
	/* It can do without the others, but not have all the rights of root. */
	if (sandbox.state[SANDBOX_CAPABILITIES] != SANDBOX_HOLDS)
		_exit(EXIT_FAILURE);
}

/* Until the other end is closed. */
static void answer_questions(int fd)
{
	struct question question;
	struct holder answer;

	while (recv(fd, &question, sizeof(question), 0) == (ssize_t)sizeof(question)) {
		holder_find(&answer, &question.addr, question.tcp);
		if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
}

void witness_start(struct witness *w)
{
	int fds[2];

	*w = (struct witness){.fd = -1};
	if (geteuid() != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return;
	w->pid = fork();
	if (w->pid == 0) {
		(void)close(fds[0]);
		(void)signal(SIGINT, SIG_IGN);
		enter_sandbox();
		answer_questions(fds[1]);
		_exit(EXIT_SUCCESS);
	}
	(void)close(fds[1]);
	if (w->pid < 0)
		(void)close(fds[0]);
	else
		w->fd = fds[0];
}

void witness_stop(struct witness *w)
{
	if (w->fd < 0)
		return;
	(void)close(w->fd);
	while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*w = (struct witness){.fd = -1};
}

static bool ask_witness(struct holder *h, int fd, const struct question *question)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return send(fd, question, sizeof(*question), MSG_NOSIGNAL) == (ssize_t)sizeof(*question) &&
	       poll(&p, 1, ANSWER_WAIT_MS) == 1 &&
	       recv(fd, h, sizeof(*h), 0) == (ssize_t)sizeof(*h);
}

void witness_find(struct holder *h, const struct witness *w, const union addr *addr, bool tcp)
{
	struct question question;

	memset(&question, 0, sizeof(question));
	question.addr = *addr;
	question.tcp = tcp;
	if (w == NULL || w->fd < 0 || !ask_witness(h, w->fd, &question))
		holder_find(h, addr, tcp);
}
