/* test_intruder.c - a worker that was broken into: a child as the parent forks it, in the sandbox of real options, with
 * a channel and the sockets that a worker is sent, tries what would get it further. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log.h"
#include "resolver/channel.h"
#include "resolver/child.h"
#include "resolver/confine.h"

#define WAIT_MS 30000

/* How an attempt ends: with the process, or with an errno. */
#define ENDS_IT	 (-1)
#define SUCCEEDS 0
#define FAILED	 (-3) /* the child cannot say */
#define SKIPPED	 (-2) /* the layer that forbids it is not there */

/* What the parent has; children know it as it was. */
static struct {
	pid_t pid;
	int udp, tcp;	     /* the listening sockets */
	int upstream, other; /* that listen, to be connected to */
	uint16_t upstream_port, other_port;
	struct sockaddr_un control; /* of a control socket that listens */
	char mem[64];
	int channel;	      /* in the child */
	int got_udp, got_tcp; /* in the child: as received */
} world;

/* ---- attempts; each returns what the call does: 0 or more, or -1 with errno ---- */

static long try_open_self(void)
{
	return open("/proc/self/mem", O_RDWR);
}

static long try_open_parent(void)
{
	return open(world.mem, O_RDWR);
}

static long try_read_parent(void)
{
	return open(world.mem, O_RDONLY);
}

static long try_open_shadow(void)
{
	return open("/etc/shadow", O_RDONLY);
}

static long try_create(void)
{
	return open("/tmp/quell-intruder", O_WRONLY | O_CREAT, 0600);
}

static long try_list_folder(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}

static long try_memfd(void)
{
	return memfd_create("code", 0);
}

static long try_run(void)
{
	char *const none[] = {NULL};

	return execve("/bin/sh", none, none);
}

static long try_run_memory(void)
{
	char *const none[] = {NULL};

	return syscall(SYS_execveat, world.channel, "", none, none, AT_EMPTY_PATH);
}

static long try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_clone(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long try_map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0) == MAP_FAILED
		   ? -1
		   : 0;
}

static long try_protect_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static long try_trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, world.pid, NULL, NULL);
}

static long try_read_memory(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {&world, 1};

	return syscall(SYS_process_vm_readv, world.pid, &here, 1, &there, 1, 0);
}

static long try_steal_descriptor(void)
{
	return syscall(438 /* pidfd_getfd */, 0, 0, 0);
}

static long try_kill_parent(void)
{
	return kill(world.pid, SIGUSR1);
}

static long try_kill_all(void)
{
	return kill(-1, SIGUSR1);
}

static long try_kill_thread(void)
{
	return syscall(SYS_tgkill, world.pid, world.pid, SIGUSR1);
}

static long try_queue_signal(void)
{
	siginfo_t info = {.si_code = SI_QUEUE};

	return syscall(SYS_rt_sigqueueinfo, world.pid, SIGUSR1, &info);
}

/* The kernel sends the signal, when there is input. */
static long try_signal_by_input(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fcntl(fd, F_SETOWN, world.pid) < 0 || fcntl(fd, F_SETSIG, SIGUSR1) < 0)
		return -1;
	return fcntl(fd, F_SETFL, O_ASYNC);
}

static long try_signal_number(void)
{
	return fcntl(world.channel, F_SETSIG, SIGUSR1);
}

static long try_owner_by_ioctl(void)
{
	return ioctl(world.channel, FIOSETOWN, &world.pid);
}

/* RLIMIT_CPU of 0 would kill it. */
static long try_limit_parent(void)
{
	const struct rlimit few = {3, 3};

	return prlimit(world.pid, RLIMIT_NOFILE, &few, NULL);
}

static long try_survive_parent(void)
{
	return prctl(PR_SET_PDEATHSIG, 0);
}

static long try_be_dumped(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

/* The parent writes its log into the same file, and would wait then for who reads it. */
static long try_block_log(void)
{
	return fcntl(STDERR_FILENO, F_SETFL, 0);
}

static long try_type_ahead(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static long try_terminal(void)
{
	return ioctl(STDIN_FILENO, TIOCSCTTY, 0);
}

static long socket_of(int family, int type, int protocol)
{
	return socket(family, type, protocol);
}

static long try_unix(void)
{
	return socket_of(AF_UNIX, SOCK_STREAM, 0);
}

/* With what it has, for it gets no socket. */
static long try_control(void)
{
	return connect(
	    world.got_tcp, (const struct sockaddr *)&world.control, sizeof(world.control));
}

static long try_control_by_channel(void)
{
	return connect(
	    world.channel, (const struct sockaddr *)&world.control, sizeof(world.control));
}

/* A name for the end of the channel that it has. */
static long try_name_channel(void)
{
	const struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/tmp/quell-intruder"};

	return bind(world.channel, (const struct sockaddr *)&at, sizeof(at));
}

static long try_pair(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static long try_raw(void)
{
	return socket_of(AF_INET, SOCK_RAW, IPPROTO_UDP);
}

static long try_packet(void)
{
	return socket_of(AF_PACKET, SOCK_RAW, 0);
}

static long try_netlink(void)
{
	return socket_of(AF_NETLINK, SOCK_RAW, 0);
}

static long try_vsock(void)
{
	return socket_of(40 /* AF_VSOCK */, SOCK_STREAM, 0);
}

static long try_sctp(void)
{
	return socket_of(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
}

static long try_mptcp(void)
{
	return socket_of(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */);
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static long connect_to(uint16_t port)
{
	struct sockaddr_in to = loopback(port);

	return connect(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&to, sizeof(to));
}

static long try_upstream(void)
{
	return connect_to(world.upstream_port);
}

static long try_other_port(void)
{
	return connect_to(world.other_port);
}

static long try_listen(void)
{
	struct sockaddr_in any = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ? -1 : listen(fd, 1);
}

/* These connect, too. */
static long try_fast_open(void)
{
	struct sockaddr_in to = loopback(world.other_port);

	return sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, (int)MSG_FASTOPEN | MSG_NOSIGNAL,
	    (const struct sockaddr *)&to, sizeof(to));
}

static long fast_open(bool many)
{
	struct sockaddr_in to = loopback(world.other_port);
	char byte = 'x';
	struct iovec io = {&byte, 1};
	struct mmsghdr m = {
	    .msg_hdr = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &io, .msg_iovlen = 1}};
	const int flags = (int)MSG_FASTOPEN | MSG_NOSIGNAL;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return many ? sendmmsg(fd, &m, 1, flags) : sendmsg(fd, &m.msg_hdr, flags);
}

static long try_fast_open_message(void)
{
	return fast_open(false);
}

static long try_fast_open_messages(void)
{
	return fast_open(true);
}

static long try_fast_open_option(void)
{
	const int on = 1;

	return setsockopt(socket(AF_INET, SOCK_STREAM, 0), IPPROTO_TCP,
	    30 /* TCP_FASTOPEN_CONNECT */, &on, sizeof(on));
}

/* A socket that is sent to the parent would hold it up when it closes that. */
static long try_linger(void)
{
	const struct linger linger = {1, 3600};

	return setsockopt(
	    socket(AF_INET, SOCK_STREAM, 0), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* On sockets that the next worker has, too: to hear nothing any more, for ever. */
static long try_filter(void)
{
	const int on = 1;

	return setsockopt(world.got_udp, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on));
}

static long try_device(void)
{
	return setsockopt(world.got_udp, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
}

static long try_shut_listener(void)
{
	return shutdown(world.got_tcp, SHUT_RDWR);
}

static long try_block_listener(void)
{
	return fcntl(world.got_udp, F_SETFL, 0);
}

static long try_mount(void)
{
	return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}

static long try_namespace(void)
{
	return syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */);
}

static long try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long try_uring(void)
{
	return syscall(425 /* io_uring_setup */, 1, NULL);
}

static long try_clock(void)
{
	const struct timespec then = {0, 0};

	return clock_settime(CLOCK_REALTIME, &then);
}

static long try_rights(void)
{
	return syscall(SYS_setresuid, 0, 0, 0);
}

static long try_timer(void)
{
	return syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, NULL);
}

static const struct attempt {
	const char *name;
	long (*try)(void);
	int ends_with; /* ENDS_IT, SUCCEEDS, or an errno */
	enum sandbox_layer layer;
} attempts[] = {
    {"write /proc/self/mem", try_open_self, ENDS_IT, SANDBOX_CALLS},
    {"write the parent's memory", try_open_parent, ENDS_IT, SANDBOX_CALLS},
    {"read the parent's memory", try_read_parent, EACCES, SANDBOX_CALLS},
    {"read /etc/shadow", try_open_shadow, EACCES, SANDBOX_CALLS},
    {"make a file", try_create, ENDS_IT, SANDBOX_CALLS},
    {"list a folder", try_list_folder, EACCES, SANDBOX_CALLS},
    {"a file in memory", try_memfd, ENOSYS, SANDBOX_CALLS},
    {"run a program", try_run, ENDS_IT, SANDBOX_CALLS},
    {"run a descriptor", try_run_memory, ENDS_IT, SANDBOX_CALLS},
    {"fork", try_fork, ENDS_IT, SANDBOX_CALLS},
    {"clone", try_clone, ENDS_IT, SANDBOX_CALLS},
    {"map code", try_map_code, ENDS_IT, SANDBOX_CALLS},
    {"make memory code", try_protect_code, ENDS_IT, SANDBOX_CALLS},
    {"trace the parent", try_trace_parent, ENDS_IT, SANDBOX_CALLS},
    {"read the parent's memory otherwise", try_read_memory, ENDS_IT, SANDBOX_CALLS},
    {"take the parent's descriptor", try_steal_descriptor, ENDS_IT, SANDBOX_CALLS},
    {"kill the parent", try_kill_parent, ENDS_IT, SANDBOX_CALLS},
    {"kill everybody", try_kill_all, ENDS_IT, SANDBOX_CALLS},
    {"kill a thread of the parent", try_kill_thread, ENDS_IT, SANDBOX_CALLS},
    {"queue a signal for the parent", try_queue_signal, ENDS_IT, SANDBOX_CALLS},
    {"have the kernel signal the parent", try_signal_by_input, ENDS_IT, SANDBOX_CALLS},
    {"say with which signal", try_signal_number, ENDS_IT, SANDBOX_CALLS},
    {"have it signalled by ioctl", try_owner_by_ioctl, ENOSYS, SANDBOX_CALLS},
    {"lower the parent's limits", try_limit_parent, ENDS_IT, SANDBOX_CALLS},
    {"outlive the parent", try_survive_parent, ENOSYS, SANDBOX_CALLS},
    {"be dumped", try_be_dumped, ENOSYS, SANDBOX_CALLS},
    {"have the log block", try_block_log, ENOSYS, SANDBOX_CALLS},
    {"type into the terminal", try_type_ahead, ENOSYS, SANDBOX_CALLS},
    {"take the terminal", try_terminal, ENOSYS, SANDBOX_CALLS},
    {"a Unix socket", try_unix, ENDS_IT, SANDBOX_CALLS},
    {"the control socket, by a socket it has", try_control, EISCONN, SANDBOX_CALLS},
    {"the control socket, by the channel", try_control_by_channel, EPROTOTYPE, SANDBOX_CALLS},
    {"a socket in a folder", try_name_channel, EACCES, SANDBOX_FILES},
    {"a socket pair", try_pair, ENDS_IT, SANDBOX_CALLS},
    {"a raw socket", try_raw, ENDS_IT, SANDBOX_CALLS},
    {"a packet socket", try_packet, ENDS_IT, SANDBOX_CALLS},
    {"a netlink socket", try_netlink, ENDS_IT, SANDBOX_CALLS},
    {"a socket to the host of a virtual machine", try_vsock, ENDS_IT, SANDBOX_CALLS},
    {"SCTP", try_sctp, ENOSYS, SANDBOX_CALLS},
    {"MPTCP", try_mptcp, ENOSYS, SANDBOX_CALLS},
    {"TCP to the upstream", try_upstream, SUCCEEDS, SANDBOX_TCP},
    {"TCP to another port", try_other_port, EACCES, SANDBOX_TCP},
    {"listen on TCP", try_listen, EACCES, SANDBOX_TCP},
    {"TCP with the first bytes, to another port", try_fast_open, ENDS_IT, SANDBOX_CALLS},
    {"the same by sendmsg", try_fast_open_message, ENDS_IT, SANDBOX_CALLS},
    {"the same by sendmmsg", try_fast_open_messages, ENDS_IT, SANDBOX_CALLS},
    {"the same by an option", try_fast_open_option, ENOSYS, SANDBOX_CALLS},
    {"a socket whose closing takes an hour", try_linger, ENOSYS, SANDBOX_CALLS},
    {"a filter on the socket of all", try_filter, ENOSYS, SANDBOX_CALLS},
    {"bind the socket of all to a device", try_device, ENOSYS, SANDBOX_CALLS},
    {"shut the listening socket down", try_shut_listener, ENOSYS, SANDBOX_CALLS},
    {"have the socket of all block", try_block_listener, ENOSYS, SANDBOX_CALLS},
    {"mount", try_mount, ENDS_IT, SANDBOX_CALLS},
    {"a namespace of its own", try_namespace, ENDS_IT, SANDBOX_CALLS},
    {"bpf", try_bpf, ENDS_IT, SANDBOX_CALLS},
    {"io_uring", try_uring, ENDS_IT, SANDBOX_CALLS},
    {"set the clock", try_clock, ENDS_IT, SANDBOX_CALLS},
    {"become root", try_rights, ENOSYS, SANDBOX_CALLS},
    {"a timer that signals", try_timer, ENOSYS, SANDBOX_CALLS},
};

#define N_ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

/* ---- the child ---- */

/* The next message, of which there must be one. */
static struct channel_message *next(int channel, enum channel_type type)
{
	static struct channel_message m;
	struct pollfd p = {.fd = channel, .events = POLLIN};

	if (poll(&p, 1, WAIT_MS) != 1 || channel_receive(channel, &m) != 1 || m.head.type != type)
		_exit(2);
	return &m;
}

static void intrude(int channel, const struct attempt *a)
{
	const struct rlimit none = {0, 0};
	static struct options options;
	struct confine confine;
	int32_t result;

	(void)setrlimit(RLIMIT_CORE, &none);
	world.channel = channel;
	options = *(const struct options *)next(channel, CHANNEL_OPTIONS)->payload;
	world.got_udp = next(channel, CHANNEL_LISTEN)->fd;
	world.got_tcp = next(channel, CHANNEL_LISTEN)->fd;
	confine_enter(&confine, &options);
	result = SKIPPED;
	if (confine.sandbox.state[a->layer] == SANDBOX_HOLDS)
		result = a->try() < 0 ? errno : SUCCEEDS;
	if (channel_send(channel, CHANNEL_FLUSH, 0, &result, sizeof(result), -1) < 0)
		_exit(3);
	_exit(0);
}

/* ---- the parent ---- */

static int listen_tcp(uint16_t *port)
{
	struct sockaddr_in at = loopback(0);
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static void send_listen(int channel, enum channel_socket kind, int fd)
{
	struct channel_listen listen = {.kind = kind};

	assert_int_equal(channel_send(channel, CHANNEL_LISTEN, 0, &listen, sizeof(listen), fd), 0);
}

/* How the attempt ends, as in the table. */
static int run(const struct attempt *a)
{
	static struct options options;
	static struct channel_message m;
	struct pollfd p = {.events = POLLIN};
	int pair[2], status, got;
	int32_t result;
	pid_t pid;

	options.n_upstream = 1;
	options.upstream[0].in4 = loopback(world.upstream_port);
	assert_int_equal(channel_pair(pair), 0);
	pid = child_fork(&pair[1], 1);
	if (pid == 0)
		intrude(pair[1], a);
	assert_true(pid > 0);
	(void)close(pair[1]);
	assert_int_equal(
	    channel_send(pair[0], CHANNEL_OPTIONS, 0, &options, sizeof(options), -1), 0);
	send_listen(pair[0], CHANNEL_SOCKET_UDP, world.udp);
	send_listen(pair[0], CHANNEL_SOCKET_TCP, world.tcp);
	p.fd = pair[0];
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	got = channel_receive(pair[0], &m);
	(void)close(pair[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (got == 0) {
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? ENDS_IT : FAILED;
	}
	assert_int_equal(got, 1);
	assert_int_equal(m.len, sizeof(result));
	memcpy(&result, m.payload, sizeof(result));
	return result;
}

/* Nothing of all that has reached the parent. */
static void assert_unharmed(void)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	sigset_t pending;
	struct rlimit files;
	int on = -1;

	assert_int_equal(sigpending(&pending), 0);
	assert_false(sigismember(&pending, SIGUSR1));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	assert_true(files.rlim_cur > 3);
	assert_int_equal(access("/tmp/quell-intruder", F_OK), -1);
	len = sizeof(on);
	assert_int_equal(getsockopt(world.tcp, SOL_SOCKET, SO_ACCEPTCONN, &on, &len), 0);
	assert_int_equal(on, 1);
	assert_true((fcntl(world.udp, F_GETFL) & O_NONBLOCK) != 0);
}

static void test_attempts(void **state)
{
	unsigned n_wrong = 0, n_skipped = 0;

	(void)state;
#if SANDBOX_INSTRUMENTED
	skip();
#endif
	for (size_t i = 0; i < N_ATTEMPTS; i++) {
		const struct attempt *a = &attempts[i];
		int ended = run(a);

		n_skipped += ended == SKIPPED;
		if (ended == SKIPPED || ended == a->ends_with)
			continue;
		n_wrong++;
		print_error(
		    "%s: %d (%s)\n", a->name, ended, ended >= 0 ? strerror(ended) : "ended");
	}
	print_message(
	    "%zu attempts, %u of them without the layer that forbids it\n", N_ATTEMPTS, n_skipped);
	assert_int_equal(n_wrong, 0);
	assert_unharmed();
	if (n_skipped == N_ATTEMPTS)
		skip();
}

static int set_up(void **state)
{
	sigset_t usr1;
	uint16_t port;
	int fd;

	(void)state;
	(void)sigemptyset(&usr1);
	(void)sigaddset(&usr1, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &usr1, NULL);
	world.pid = getpid();
	(void)snprintf(world.mem, sizeof(world.mem), "/proc/%d/mem", (int)world.pid);
	world.udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	world.tcp = listen_tcp(&port);
	world.upstream = listen_tcp(&world.upstream_port);
	world.other = listen_tcp(&world.other_port);
	world.control.sun_family = AF_UNIX;
	(void)snprintf(world.control.sun_path, sizeof(world.control.sun_path),
	    "/tmp/quell-intruder-%d.sock", (int)world.pid);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)unlink(world.control.sun_path);
	if (bind(fd, (struct sockaddr *)&world.control, sizeof(world.control)) < 0)
		return -1;
	return listen(fd, 1);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(world.control.sun_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_attempts),
	};

	return cmocka_run_group_tests_name("intruder", tests, set_up, tear_down);
}
