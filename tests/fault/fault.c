/* fault - run a program, and let some of its system calls fail.
 *
 *     fault LOG WHO CALL[,CALL...] WHAT FIRST COUNT PROGRAM [ARGUMENT...]
 *
 * The calls of the program and of all processes that it starts are counted together; WHO says of which: "parent" (the
 * program itself), "child" (those it starts), "any".  From the one of number FIRST on (from 1; 0: none), COUNT of them
 * fare as WHAT says:
 *
 *     an errno (ENOMEM, ...)  the call is not made, and fails with it
 *     short                   a read or write of several bytes does the first half; others are not counted
 *     kill                    the call is not made: all processes die at once, as by a loss of power
 *     torn                    as short, and then as kill
 *
 * LOG gets a line for each, `CALL PID`, and at the end how many there were of each, `total WHO CALL NUMBER`, and `end`.  CALL "all" is
 * each call: to see which there are.
 *
 * This is seccomp's user notification: no call is traced but those that are named, the program runs with its own
 * process number, may be not dumpable, and may have filters of its own, which come first.  Calls of the dynamic
 * linker are neither counted nor failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define CALLS_MAX  64  /* that are named */
#define NUMBER_MAX 600 /* of a call */
#define SHORT_MAX  ((size_t)64 << 10)
#define LINKER	   "/ld-linux"

enum what { FAIL, SHORT, KILL, TORN };
enum who { PARENT, CHILD, ANY };

/* What both sides know before the program runs. */
struct shared {
	_Atomic int listener; /* -1: not yet */
	_Atomic bool go;
};

struct job {
	enum who who;
	enum what what;
	int error;
	unsigned long first, count;
	int calls[CALLS_MAX];
	unsigned n_calls; /* 0: all */
	FILE *log;
	pid_t main;
	unsigned long n;		     /* calls so far */
	unsigned long totals[2][NUMBER_MAX]; /* parent, child */
	uint64_t linker[2];		     /* where the dynamic linker's code is */
	bool running;			     /* the program, no more this one */
};

static const struct error {
	const char *name;
	int number;
} errors[] = {
    {"EACCES", EACCES},
    {"EADDRINUSE", EADDRINUSE},
    {"EADDRNOTAVAIL", EADDRNOTAVAIL},
    {"EAGAIN", EAGAIN},
    {"ECONNABORTED", ECONNABORTED},
    {"ECONNREFUSED", ECONNREFUSED},
    {"ECONNRESET", ECONNRESET},
    {"EHOSTUNREACH", EHOSTUNREACH},
    {"EINTR", EINTR},
    {"EINVAL", EINVAL},
    {"EIO", EIO},
    {"EMFILE", EMFILE},
    {"ENETUNREACH", ENETUNREACH},
    {"ENFILE", ENFILE},
    {"ENOBUFS", ENOBUFS},
    {"ENOENT", ENOENT},
    {"ENOMEM", ENOMEM},
    {"ENOPROTOOPT", ENOPROTOOPT},
    {"ENOSPC", ENOSPC},
    {"ENOSYS", ENOSYS},
    {"EOPNOTSUPP", EOPNOTSUPP},
    {"EPERM", EPERM},
    {"EPIPE", EPIPE},
    {"EROFS", EROFS},
    {"ETIMEDOUT", ETIMEDOUT},
};

static void usage(const char *what)
{
	(void)fprintf(stderr, "fault: %s\n", what);
	exit(2);
}

static void parse_what(struct job *job, const char *text)
{
	static const char *const names[] = {[SHORT] = "short", [KILL] = "kill", [TORN] = "torn"};

	for (unsigned i = SHORT; i <= TORN; i++) {
		if (strcmp(text, names[i]) == 0) {
			job->what = i;
			return;
		}
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (strcmp(text, errors[i].name) == 0) {
			job->error = errors[i].number;
			return;
		}
	}
	usage("unknown WHAT");
}

/* A call that this machine has not is left out. */
static void parse_calls(struct job *job, char *text)
{
	if (strcmp(text, "all") == 0)
		return;
	job->calls[job->n_calls++] = SCMP_SYS(execve); /* with it the program begins */
	for (char *name = strtok(text, ","); name != NULL; name = strtok(NULL, ",")) {
		int number = seccomp_syscall_resolve_name(name);

		if (number >= 0 && job->n_calls < CALLS_MAX)
			job->calls[job->n_calls++] = number;
	}
	if (job->n_calls < 2)
		usage("unknown CALL");
}

static void parse(struct job *job, char **argv)
{
	static const char *const whos[] = {[PARENT] = "parent", [CHILD] = "child", [ANY] = "any"};

	job->log = fopen(argv[1], "we");
	if (job->log == NULL)
		usage("cannot write LOG");
	for (job->who = PARENT; job->who < ANY && strcmp(argv[2], whos[job->who]) != 0; job->who++)
		;
	parse_calls(job, argv[3]);
	parse_what(job, argv[4]);
	job->first = strtoul(argv[5], NULL, 10);
	job->count = strtoul(argv[6], NULL, 10);
}

/* ---- the program's side ---- */

static int listen_to(const struct job *job)
{
	struct sock_filter filter[CALLS_MAX + 3];
	struct sock_fprog program = {.filter = filter};
	unsigned short n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < job->n_calls; i++) /* forward to the last statement */
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		    (unsigned)job->calls[i], (unsigned char)(job->n_calls - i), 0);
	if (job->n_calls != 0)
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	program.len = n;
	if (geteuid() != 0)
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
}

static void run(const struct job *job, struct shared *shared, char **argv)
{
	int listener;

	(void)setpgid(0, 0);
	listener = listen_to(job);
	shared->listener = listener < 0 ? INT_MAX : listener;
	if (listener < 0)
		usage("this kernel has no seccomp notifications");
	/* No call until the other side listens. */
	while (!shared->go)
		;
	(void)execv(argv[0], argv);
	_exit(127);
}

/* ---- the other side ---- */

/* The program has begun: where its linker is. */
static void find_linker(struct job *job)
{
	char path[64], line[PATH_MAX + 100];
	FILE *maps;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)job->main);
	maps = fopen(path, "re");
	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		uint64_t from, to;

		if (strstr(line, LINKER) == NULL || strstr(line, " r-xp ") == NULL ||
		    sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to) != 2)
			continue;
		job->linker[0] = from;
		job->linker[1] = to;
	}
	if (maps != NULL)
		(void)fclose(maps);
}

static const char *name_of(int call)
{
	static char *names[NUMBER_MAX];

	if (names[call] == NULL)
		names[call] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
	return names[call] != NULL ? names[call] : "?";
}

static int descriptor_of(const struct seccomp_notif *n)
{
	int process = (int)syscall(SYS_pidfd_open, n->pid, 0);
	int fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, n->data.args[0], 0);

	if (process >= 0)
		(void)close(process);
	return fd;
}

static bool is_ready(int fd, short what)
{
	struct pollfd look = {.fd = fd, .events = what};

	return poll(&look, 1, 0) == 1 && (look.revents & what) != 0;
}

/* Of a pread64 or pwrite64; registers of 32 bits have it in an even pair, the low half first. */
static off_t position_of(const struct seccomp_notif *n)
{
	const __u64 *args = n->data.args;

	return (off_t)(sizeof(long) == sizeof(*args) ? args[3] : args[4] | args[5] << 32);
}

/* Do half of a read or write in the program's place.  Returns how many bytes, or -1: it is not one that can be halved. */
static ssize_t do_half(const struct seccomp_notif *n)
{
	static char bytes[SHORT_MAX];
	const int call = n->data.nr;
	const bool reads = call == SCMP_SYS(read) || call == SCMP_SYS(pread64);
	const bool placed = call == SCMP_SYS(pwrite64) || call == SCMP_SYS(pread64);
	const size_t whole = (size_t)n->data.args[2];
	const size_t len = whole / 2 < SHORT_MAX ? whole / 2 : SHORT_MAX;
	struct iovec here = {.iov_base = bytes, .iov_len = len};
	struct iovec there = {.iov_base = (void *)(uintptr_t)n->data.args[1], .iov_len = len};
	const off_t at = position_of(n);
	ssize_t done = -1;
	int fd;

	if ((!reads && call != SCMP_SYS(write) && call != SCMP_SYS(pwrite64)) || len == 0)
		return -1;
	fd = descriptor_of(n);
	if (fd < 0)
		return -1;
	if (reads && (placed || is_ready(fd, POLLIN))) {
		done = placed ? pread(fd, bytes, len, at) : read(fd, bytes, len);
		here.iov_len = done > 0 ? (size_t)done : 0;
		if (done > 0 && process_vm_writev((pid_t)n->pid, &here, 1, &there, 1, 0) != done)
			done = -1;
	} else if (!reads && (placed || is_ready(fd, POLLOUT)) &&
		   process_vm_readv((pid_t)n->pid, &here, 1, &there, 1, 0) == (ssize_t)len) {
		done = placed ? pwrite(fd, bytes, len, at) : write(fd, bytes, len);
	}
	(void)close(fd);
	return done;
}

static bool is_read_or_write(int call)
{
	return call == SCMP_SYS(read) || call == SCMP_SYS(write) || call == SCMP_SYS(pread64) ||
	       call == SCMP_SYS(pwrite64);
}

/* Can a read or write of this descriptor fare so?  Disks are not busy, and nothing else is full.  Two pipes of the
 * program's are left alone, since what is lost there is lost by design: of signals, to itself, and of its log. */
static bool can_be(const struct job *job, const struct seccomp_notif *n)
{
	char path[64], target[64] = "";
	bool file;

	if (!is_read_or_write(n->data.nr))
		return true;
	(void)snprintf(path, sizeof(path), "/proc/%u/fd/%d", n->pid, (int)n->data.args[0]);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return false;
	file = target[0] == '/';
	if (!file && ((pid_t)n->pid == job->main || n->data.args[0] == STDERR_FILENO))
		return false;
	if (file)
		return job->error != EAGAIN && job->error != EPIPE;
	return job->error != EIO && job->error != ENOSPC;
}

static bool is_asked_for(const struct job *job, const struct seccomp_notif *n)
{
	const bool parent = (pid_t)n->pid == job->main;
	const uint64_t from = n->data.instruction_pointer;

	if (from >= job->linker[0] && from < job->linker[1])
		return false;
	return (job->who == ANY || (job->who == PARENT) == parent) && can_be(job, n);
}

/* What becomes of a call. */
static void decide(
    struct job *job, const struct seccomp_notif *n, struct seccomp_notif_resp *answer)
{
	const int call = n->data.nr;
	ssize_t half = -1;
	bool now;

	answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (!is_asked_for(job, n))
		return;
	now = job->first != 0 && job->n + 1 >= job->first && job->n + 1 - job->first < job->count;
	if (now && (job->what == SHORT || job->what == TORN)) {
		half = do_half(n);
		if (half < 0)
			return;
	}
	job->n++;
	if (call >= 0 && call < NUMBER_MAX)
		job->totals[(pid_t)n->pid != job->main][call]++;
	if (!now)
		return;
	(void)fprintf(job->log, "%s %u\n", name_of(call), n->pid);
	(void)fflush(job->log);
	if (job->what == KILL || job->what == TORN)
		(void)kill(-job->main, SIGKILL);
	answer->flags = 0;
	if (half >= 0)
		answer->val = half;
	else
		answer->error = -job->error;
}

/* Nothing of the program's stays open here: its pipes are to end with it. */
static void begin(struct job *job, int listener)
{
	const int log = fileno(job->log);

	for (int fd = 0; fd < 64; fd++) {
		if (fd != listener && fd != log)
			(void)close(fd);
	}
	find_linker(job);
	job->running = true;
}

static void serve(struct job *job, int listener)
{
	struct pollfd look = {.fd = listener, .events = POLLIN};
	bool exec_seen = false;

	for (;;) {
		struct seccomp_notif n = {0};
		struct seccomp_notif_resp answer = {0};

		if (poll(&look, 1, -1) < 0 && errno == EINTR)
			continue;
		if ((look.revents & POLLIN) == 0)
			return; /* all have ended */
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) != 0)
			continue;
		answer.id = n.id;
		if (!job->running && exec_seen)
			begin(job, listener);
		exec_seen = n.data.nr == SCMP_SYS(execve);
		if (job->running)
			decide(job, &n, &answer);
		else
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

static void watch(struct job *job, struct shared *shared)
{
	int listener;

	(void)setsid();
	while ((listener = shared->listener) == -1)
		(void)sched_yield();
	if (listener == INT_MAX)
		_exit(2);
	shared->go = true;
	serve(job, listener);
	for (int call = 0; call < NUMBER_MAX; call++) {
		for (int child = 0; child < 2; child++) {
			if (job->totals[child][call] != 0)
				(void)fprintf(job->log, "total %s %s %lu\n",
				    child != 0 ? "child" : "parent", name_of(call),
				    job->totals[child][call]);
		}
	}
	(void)fputs("end\n", job->log);
	(void)fclose(job->log);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct job job = {.main = getpid()};
	struct shared *shared;
	long other;

	if (argc < 8)
		usage("LOG WHO CALL[,CALL...] WHAT FIRST COUNT PROGRAM [ARGUMENT...]");
	parse(&job, argv);
	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		usage("no memory");
	shared->listener = -1;
	shared->go = false;
	/* Both have the same descriptors until the program begins, and the same parent: the program is to have no child
	 * that it does not know. */
	other = syscall(SYS_clone, CLONE_FILES | CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
	if (other < 0)
		usage("no process");
	if (other == 0)
		watch(&job, shared);
	run(&job, shared, argv + 7);
}
