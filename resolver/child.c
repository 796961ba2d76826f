/* child.c - the fork of workers and loaders. */

#include "resolver/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/caps.h"
#include "lib/log.h"

/* Close the descriptors first..last.  An old kernel, or a filter, may not know the call. */
static void close_from_to(unsigned first, unsigned last)
{
	struct rlimit limit;

	if (first > last || close_range(first, last, 0) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && last >= limit.rlim_cur)
		last = (unsigned)limit.rlim_cur - 1;
	for (unsigned fd = first; fd <= last; fd++)
		(void)close((int)fd);
}

static void close_others(const int *keep, unsigned n_keep)
{
	unsigned next = STDERR_FILENO + 1;

	for (unsigned i = 0; i < n_keep; i++) {
		if ((unsigned)keep[i] > next)
			close_from_to(next, (unsigned)keep[i] - 1);
		next = (unsigned)keep[i] + 1;
	}
	close_from_to(next, ~0U);
}

/* The parent's handlers write to descriptors that are closed here. */
static void reset_signals(void)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	(void)sigaction(SIGCHLD, &action, NULL);
	action.sa_handler = SIG_IGN;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)sigaction(ignored[i], &action, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t child_fork(const int *keep, unsigned n_keep)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid != 0) {
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		return pid;
	}
	close_others(keep, n_keep);
	reset_signals();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || caps_keep(0) < 0) {
		log_error("no-rights", "a child process could not give up its rights");
		_exit(EXIT_FAILURE);
	}
	if (getppid() != parent) /* it died before the signal was asked for */
		_exit(EXIT_FAILURE);
	return 0;
}

int child_end(pid_t pid)
{
	int status = 0;

	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

const char *child_status(int status, char text[64])
{
	if (WIFSIGNALED(status))
		(void)snprintf(
		    text, 64, "signal %d (%.40s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(text, 64, "exit status %d", WEXITSTATUS(status));
	return text;
}
