/* update_jail.c - fork, sandbox, wait. */
#include "tools/update_jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"

/* What work() returned, in memory that both see. */
struct outcome {
	int done;
	int err;
	struct why why;
};

/* Downloads may be under way in the caller. */
static void close_sockets(void)
{
	DIR *fds = opendir("/proc/self/fd");
	const struct dirent *entry;

	while (fds != NULL && (entry = readdir(fds)) != NULL) {
		int fd = (int)strtol(entry->d_name, NULL, 10);
		struct stat st;

		/* The standard ones are the user's, and may be a service manager's sockets. */
		if (fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
			(void)close(fd);
	}
	if (fds != NULL)
		(void)closedir(fds);
}

static void run_child(update_jail_fn *work, void *ctx, const struct sandbox_wish *wish, int out,
    struct outcome *outcome)
{
	struct sandbox sandbox;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_sockets();
	sandbox_enter(wish, &sandbox);
	outcome->err = work(ctx, out, &outcome->why);
	outcome->done = 1;
	_exit(EXIT_SUCCESS);
}

/* The child's word: a text that can be shown, and an error or 0. */
static int read_outcome(struct outcome *outcome, int status, struct why *why)
{
	if (!WIFEXITED(status) || !outcome->done)
		return why_set(why, ERR_SYS, "the process that reads it ended with %s",
		    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "an error");
	if (outcome->err >= 0)
		return 0;
	outcome->why.text[sizeof(outcome->why.text) - 1] = '\0';
	return why_set(why, outcome->err, "%s", outcome->why.text);
}

static int no_process(struct why *why)
{
	return why_set(why, ERR_SYS, "no process to read it in: %s", strerror(errno));
}

/* With the memory that both see. */
static int run(update_jail_fn *work, void *ctx, const struct sandbox_wish *wish,
    struct outcome *outcome, char **bytes, size_t *len, struct why *why)
{
	int ends[2], status, err, ended;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return no_process(why);
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		run_child(work, ctx, wish, ends[1], outcome);
	}
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return no_process(why);
	}
	err = file_read(ends[0], "pipe", SIZE_MAX / 2, bytes, len, why);
	(void)close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	ended = read_outcome(outcome, status, why);
	if (err == 0 && ended != 0) {
		free(*bytes);
		*bytes = NULL;
	}
	return err != 0 ? err : ended;
}

int update_jail(update_jail_fn *work, void *ctx, const char *const *read, unsigned n_read,
    char **bytes, size_t *len, struct why *why)
{
	const struct sandbox_wish wish = {.kind = SANDBOX_PARSER, .read = read, .n_read = n_read};
	struct outcome *outcome =
	    mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int err;

	*bytes = NULL;
	if (outcome == MAP_FAILED)
		return no_process(why);
	err = run(work, ctx, &wish, outcome, bytes, len, why);
	(void)munmap(outcome, sizeof(*outcome));
	return err;
}

void update_jail_enter(const struct sandbox_wish *wish)
{
	char lacks[SANDBOX_TEXT_SIZE];
	struct sandbox sandbox;

	sandbox_enter(wish, &sandbox);
	/* Of the rest quellctl tells. */
	if (!SANDBOX_INSTRUMENTED &&
	    (sandbox.state[SANDBOX_FILES] > 0 || sandbox.state[SANDBOX_CALLS] > 0))
		(void)fprintf(stderr, "quell-update: this system is without %s\n",
		    sandbox_lacks(&sandbox, lacks));
}
