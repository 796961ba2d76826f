/* sandbox_calls.c - the table of system calls, and libseccomp, which makes a filter of it.
 *
 * A filter is inherited, and all that a process has entered must allow a call: the rows of the parent hold all that
 * its children need.  Calls that a row allows whatever their arguments are cost nothing (since Linux 5.11 the kernel
 * has a bit for each); of those that packets need, only what sends has a condition.
 */
#include "lib/sandbox_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/reserve.h"

#define RESERVE	  ((size_t)512 << 10) /* twice what libseccomp takes */
#define ARGS_MAX  3
#define CALL_SIZE 32		      /* of a name */
#define SOCK_TYPE 0xf		      /* the type of a socket without its flags */
#define O_CHANGES (O_CREAT | O_TRUNC) /* these do so where a file is opened to be read, too */

#define KIND(kind) (1U << SANDBOX_##kind)
#define CHILDREN   (KIND(WORKER) | KIND(LOADER) | KIND(SAVER) | KIND(PARSER) | KIND(WITNESS))
#define READERS	   (KIND(PARSER) | KIND(WITNESS)) /* open files to read them */
#define LISTED	   (KIND(PARENT) | CHILDREN)	  /* what no row names, they cannot */
#define ALL	   (LISTED | KIND(UPDATER) | KIND(OFFLINE))
/* Not in a build whose instruments need these. */
#define STRICT(kinds) (SANDBOX_INSTRUMENTED ? 0 : (kinds))

#define ALLOW	  SCMP_ACT_ALLOW
#define KILL	  SCMP_ACT_KILL_PROCESS
#define REFUSE(n) SCMP_ACT_ERRNO(n)

/* Calls that are not in the table. */
#define UNLISTED (SANDBOX_INSTRUMENTED ? ALLOW : REFUSE(ENOSYS))

struct row {
	unsigned kinds;
	uint32_t action;
	const char *names; /* with a space between them; one that a machine has not is left out */
	struct scmp_arg_cmp args[ARGS_MAX]; /* all must be as they say; behind the last, op is 0 */
};

/* clang-format off */
#define ROW(set, what, calls, ...) {.kinds = (set), .action = (what), .names = (calls), .args = {__VA_ARGS__}}
#define ARG(n, cmp, value) {.arg = (n), .op = SCMP_CMP_##cmp, .datum_a = (value)}
#define BITS(n, mask, value) {.arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value)}

static const struct row rows[] = {
	/* --- memory, time, the end --- */
	ROW(LISTED, ALLOW, "brk munmap mremap madvise futex futex_time64 membarrier sched_yield"),
	ROW(LISTED, ALLOW, "clock_gettime clock_gettime64 clock_getres clock_getres_time64 gettimeofday time getrandom"),
	ROW(LISTED, ALLOW, "exit exit_group restart_syscall rt_sigreturn sigreturn rt_sigaction rt_sigprocmask sigaltstack"),
	ROW(LISTED, ALLOW, "sysinfo"), /* qsort() of the C library asks how much memory there is */
	ROW(LISTED, ALLOW, "getpid gettid getuid geteuid getgid getegid getuid32 geteuid32 getgid32 getegid32"),
	ROW(LISTED, ALLOW, "getrlimit ugetrlimit setrlimit"),
	ROW(LISTED, ALLOW, "prlimit64", ARG(0, EQ, 0)),
	ROW(LISTED, KILL, "prlimit64", ARG(0, NE, 0)), /* the limits of another process */
	ROW(CHILDREN, ALLOW, "mmap mmap2 mprotect", BITS(2, PROT_EXEC, 0)),
	ROW(CHILDREN, KILL, "mmap mmap2 mprotect", BITS(2, PROT_EXEC, PROT_EXEC)),
	ROW(KIND(PARENT), ALLOW, "mmap mmap2 mprotect"),

	/* --- on what is open --- */
	ROW(LISTED, ALLOW, "read write readv writev pread64 pwrite64 lseek _llseek close fstat fstat64"),
	ROW(CHILDREN & ~READERS, ALLOW, "newfstatat fstatat64", BITS(3, AT_EMPTY_PATH, AT_EMPTY_PATH)),
	ROW(CHILDREN & ~READERS, ALLOW, "statx", BITS(2, AT_EMPTY_PATH, AT_EMPTY_PATH)),
	ROW(KIND(PARENT) | READERS, ALLOW, "newfstatat fstatat64 statx stat stat64 getdents getdents64"),
	/* Not F_SETFL: the log is open in all processes as one file, and must not block the others. */
	ROW(CHILDREN, ALLOW, "fcntl fcntl64", ARG(1, EQ, F_GETFD)),
	ROW(CHILDREN, ALLOW, "fcntl fcntl64", ARG(1, EQ, F_SETFD)),
	ROW(CHILDREN, ALLOW, "fcntl fcntl64", ARG(1, EQ, F_GETFL)),
	ROW(KIND(WORKER) | KIND(LOADER), ALLOW, "fcntl fcntl64", ARG(1, EQ, F_GET_SEALS)),
	ROW(KIND(LOADER), ALLOW, "fcntl fcntl64", ARG(1, EQ, F_ADD_SEALS)),
	ROW(CHILDREN, KILL, "fcntl fcntl64", ARG(1, EQ, F_SETOWN)), /* a signal to another, when there is input */
	ROW(CHILDREN, KILL, "fcntl fcntl64", ARG(1, EQ, F_SETOWN_EX)),
	ROW(CHILDREN, KILL, "fcntl fcntl64", ARG(1, EQ, F_SETSIG)),
	ROW(KIND(PARENT), ALLOW, "fcntl fcntl64"),

	/* --- the network --- */
	ROW(KIND(PARENT) | KIND(LOADER), ALLOW, "sendmsg sendto send sendmmsg"),
	ROW(KIND(PARENT) | KIND(WORKER), ALLOW, "recvmmsg recvmmsg_time64 recvmsg recvfrom recv"),
	ROW(KIND(WITNESS), ALLOW, "recvfrom recv sendto send readlinkat"),
	/* Landlock sees who connects, but not who does so while it sends. */
	ROW(KIND(WORKER), ALLOW, "sendto send sendmmsg", BITS(3, MSG_FASTOPEN, 0)),
	ROW(KIND(WORKER), ALLOW, "sendmsg", BITS(2, MSG_FASTOPEN, 0)),
	ROW(KIND(WORKER), KILL, "sendto send sendmmsg", BITS(3, MSG_FASTOPEN, MSG_FASTOPEN)),
	ROW(KIND(WORKER), KILL, "sendmsg", BITS(2, MSG_FASTOPEN, MSG_FASTOPEN)),
	ROW(KIND(PARENT) | KIND(WORKER), ALLOW, "epoll_wait epoll_pwait epoll_pwait2 epoll_ctl accept4 accept"),
	ROW(KIND(PARENT) | KIND(WORKER), ALLOW, "bind connect getsockname getpeername getsockopt"),
	ROW(KIND(PARENT), ALLOW, "setsockopt shutdown"),
	/* Not SO_LINGER, with which a socket that is sent to the parent would block it when it closes that. */
	ROW(KIND(WORKER), ALLOW, "setsockopt", ARG(1, EQ, SOL_SOCKET), ARG(2, EQ, SO_SNDBUF)),
	ROW(KIND(WORKER), ALLOW, "setsockopt", ARG(1, EQ, SOL_SOCKET), ARG(2, EQ, SO_RCVBUF)),
	ROW(KIND(WORKER), ALLOW, "setsockopt", ARG(1, EQ, IPPROTO_TCP), ARG(2, EQ, TCP_NODELAY)),
	ROW(KIND(WORKER), ALLOW, "setsockopt", ARG(1, EQ, IPPROTO_TCP), ARG(2, EQ, TCP_USER_TIMEOUT)),
	ROW(KIND(WORKER), ALLOW, "setsockopt", ARG(1, EQ, IPPROTO_IPV6), ARG(2, EQ, IPV6_V6ONLY)),
	ROW(KIND(WORKER), ALLOW, "epoll_create1"), /* the ports to upstreams, when the options come */
	ROW(KIND(WORKER), ALLOW, "ioctl", ARG(1, EQ, SIOCOUTQ)),
	ROW(KIND(WORKER), ALLOW, "socket", ARG(0, EQ, AF_INET), BITS(1, SOCK_TYPE, SOCK_DGRAM), ARG(2, EQ, 0)),
	ROW(KIND(WORKER), ALLOW, "socket", ARG(0, EQ, AF_INET), BITS(1, SOCK_TYPE, SOCK_STREAM), ARG(2, EQ, 0)),
	ROW(KIND(WORKER), ALLOW, "socket", ARG(0, EQ, AF_INET6), BITS(1, SOCK_TYPE, SOCK_DGRAM), ARG(2, EQ, 0)),
	ROW(KIND(WORKER), ALLOW, "socket", ARG(0, EQ, AF_INET6), BITS(1, SOCK_TYPE, SOCK_STREAM), ARG(2, EQ, 0)),
	ROW(KIND(WORKER), KILL, "socket", ARG(0, LT, AF_INET)), /* AF_UNIX */
	ROW(KIND(WORKER), KILL, "socket", ARG(0, GT, AF_INET6)), /* netlink, packet, ... */
	ROW(KIND(WORKER), KILL, "socket", BITS(1, SOCK_TYPE, SOCK_RAW)),
	ROW(CHILDREN & ~KIND(WORKER), KILL, "socket"),
	ROW(CHILDREN, KILL, "socketpair"),
	ROW(KIND(OFFLINE), KILL, "socket socketpair"),
	ROW(KIND(PARENT), ALLOW, "socket", ARG(0, LE, AF_INET)),
	ROW(KIND(PARENT), ALLOW, "socket", ARG(0, EQ, AF_INET6)),
	ROW(KIND(PARENT), ALLOW, "socket", ARG(0, EQ, AF_NETLINK)),
	ROW(KIND(PARENT), KILL, "socket", ARG(0, GT, AF_NETLINK)),
	ROW(KIND(PARENT), ALLOW, "socketpair listen ioctl"),

	/* --- files --- */
	ROW(STRICT(KIND(WORKER) | KIND(LOADER)), REFUSE(EACCES), "openat", BITS(2, O_ACCMODE, O_RDONLY)),
	ROW(STRICT(KIND(WORKER) | KIND(LOADER)), REFUSE(EACCES), "open", BITS(1, O_ACCMODE, O_RDONLY)),
	ROW(STRICT(READERS), ALLOW, "openat", BITS(2, O_ACCMODE | O_CHANGES, O_RDONLY)),
	ROW(STRICT(READERS), ALLOW, "open", BITS(1, O_ACCMODE | O_CHANGES, O_RDONLY)),
	ROW(STRICT(READERS), KILL, "openat", BITS(2, O_CREAT, O_CREAT)),
	ROW(STRICT(READERS), KILL, "openat", BITS(2, O_TRUNC, O_TRUNC)),
	ROW(STRICT(READERS), KILL, "open", BITS(1, O_CREAT, O_CREAT)),
	ROW(STRICT(READERS), KILL, "open", BITS(1, O_TRUNC, O_TRUNC)),
	ROW(STRICT(CHILDREN & ~KIND(SAVER)), KILL, "openat", BITS(2, O_ACCMODE, O_WRONLY)),
	ROW(STRICT(CHILDREN & ~KIND(SAVER)), KILL, "openat", BITS(2, O_ACCMODE, O_RDWR)),
	ROW(STRICT(CHILDREN & ~KIND(SAVER)), KILL, "open", BITS(1, O_ACCMODE, O_WRONLY)),
	ROW(STRICT(CHILDREN & ~KIND(SAVER)), KILL, "open", BITS(1, O_ACCMODE, O_RDWR)),
	ROW(KIND(PARENT) | KIND(SAVER), ALLOW, "open openat unlink unlinkat rename renameat renameat2 fsync fdatasync"),
	ROW(KIND(PARENT), ALLOW, "lstat lstat64 access faccessat faccessat2 readlink readlinkat"),
	ROW(KIND(PARENT), ALLOW, "getcwd statfs statfs64 fstatfs fstatfs64 ftruncate ftruncate64 fallocate umask flock"),
	ROW(KIND(PARENT), ALLOW, "chmod fchmod fchmodat fchown fchown32 fchownat fadvise64 fadvise64_64 arm_fadvise64_64"),
	ROW(KIND(PARENT), ALLOW, "memfd_create pipe pipe2 dup dup2 dup3 eventfd2 epoll_create epoll_create1 poll ppoll"),
	ROW(KIND(PARENT), ALLOW, "ppoll_time64 select _newselect pselect6 pselect6_time64"),
	ROW(KIND(PARENT), ALLOW, "timerfd_create timerfd_settime timerfd_settime64 inotify_init1 inotify_add_watch"),
	ROW(KIND(PARENT), ALLOW, "inotify_rm_watch"),

	/* --- processes --- */
	ROW(KIND(PARENT), ALLOW, "clone clone3 fork vfork wait4 waitid kill tkill tgkill getppid close_range set_robust_list"),
	ROW(KIND(PARENT), ALLOW, "set_tid_address rseq setpriority getpriority sched_getaffinity uname nanosleep"),
	ROW(KIND(PARENT), ALLOW, "clock_nanosleep clock_nanosleep_time64 prctl capget capset seccomp"),
	ROW(KIND(PARENT), ALLOW, "landlock_create_ruleset landlock_add_rule landlock_restrict_self"),
	ROW(CHILDREN | KIND(OFFLINE), KILL, "kill tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"),
	ROW(STRICT(CHILDREN | KIND(OFFLINE)), KILL, "clone clone3 fork vfork"),
	ROW(STRICT(ALL), KILL, "ptrace process_vm_readv"),
	ROW(ALL, KILL, "execve execveat process_vm_writev pidfd_getfd kcmp"),

	/* --- the machine --- */
	ROW(ALL, KILL, "bpf perf_event_open userfaultfd io_uring_setup keyctl add_key request_key open_by_handle_at"),
	ROW(ALL, KILL, "mount umount umount2 fsopen open_tree move_mount pivot_root chroot unshare setns swapon swapoff"),
	ROW(ALL, KILL, "init_module finit_module delete_module kexec_load kexec_file_load reboot iopl ioperm"),
	ROW(ALL, KILL, "settimeofday clock_settime clock_settime64 adjtimex sethostname setdomainname mknod mknodat acct quotactl"),
};
/* clang-format on */

/* Whether a filter sees the arguments of a call.  On s390x it does not where they lie in memory: the C library calls
 * sockets by socketcall(2), for which libseccomp has numbers below 0, and mmap(2) gets a pointer. */
static bool shows_arguments(int call)
{
	return call >= 0 && (call != SCMP_SYS(mmap) || seccomp_arch_native() != SCMP_ARCH_S390X);
}

/* One row for one of its names.  Returns 0 or a negative errno. */
static int add_call(scmp_filter_ctx filter, const struct row *row, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);
	unsigned n = 0;

	if (call == __NR_SCMP_ERROR) /* newer than the library */
		return 0;
	while (n < ARGS_MAX && row->args[n].op != 0)
		n++;
	if (n > 0 && !shows_arguments(call)) {
		if (row->action != ALLOW)
			return 0; /* or it would be denied whatever they are */
		n = 0;
	}
	return seccomp_rule_add_array(filter, row->action, call, n, row->args);
}

static int add_row(scmp_filter_ctx filter, const struct row *row)
{
	const char *at = row->names;
	int err = 0;

	while (err == 0 && *at != '\0') {
		char name[CALL_SIZE] = "";
		size_t len = strcspn(at, " ");

		memcpy(name, at, len < CALL_SIZE ? len : CALL_SIZE - 1);
		err = add_call(filter, row, name);
		at += len + (at[len] == ' ');
	}
	return err;
}

/* Signals to itself, as abort(3) sends one, and to nobody else. */
static int add_own_signals(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp self = ARG(0, EQ, (scmp_datum_t)getpid());
	const struct scmp_arg_cmp other = ARG(0, NE, (scmp_datum_t)getpid());
	int err = 0;

	if (!SANDBOX_INSTRUMENTED)
		err = seccomp_rule_add_array(filter, ALLOW, SCMP_SYS(tgkill), 1, &self);
	return err != 0 ? err : seccomp_rule_add_array(filter, KILL, SCMP_SYS(tgkill), 1, &other);
}

static int fill(scmp_filter_ctx filter, enum sandbox_kind kind, uint32_t unlisted)
{
	int err = 0;

	/* Some of it older kernels do not know, and do without. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, KILL);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && err == 0; i++) {
		if ((rows[i].kinds & 1U << kind) != 0 && rows[i].action != unlisted)
			err = add_row(filter, &rows[i]);
	}
	if (err == 0 && (CHILDREN & 1U << kind) != 0)
		err = add_own_signals(filter);
	return err;
}

static int enter(enum sandbox_kind kind)
{
	const uint32_t unlisted = (LISTED & 1U << kind) != 0 ? UNLISTED : ALLOW;
	scmp_filter_ctx filter = seccomp_init(unlisted);
	int err;

	if (filter == NULL)
		return ENOMEM;
	err = fill(filter, kind, unlisted);
	if (err == 0)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return -err;
}

int sandbox_calls(enum sandbox_kind kind)
{
	struct reserve reserve;
	int err;

	if (reserve_take(&reserve, RESERVE) < 0)
		return ENOMEM;
	err = enter(kind);
	reserve_drop(&reserve);
	return err;
}
