/* test_sandbox.c - what each kind of process cannot do any more, tried from inside: each case in a child of its own,
 * which enters as the real one does. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/landlock.h"
#include "lib/sandbox.h"

/* How a child ends. */
enum { PASSED = 0, FAILED = 1, NOT_HELD = 77 };

/* What the children use; they inherit it. */
static struct {
	int unix_fd, tcp_fd, tcp_other_fd, null_fd, epoll_fd, pair[2];
	uint16_t port, other_port;
	char folder[32], file[64], outside[64], unix_path[64];
	pid_t victim;
} world;

static bool lacks(const struct sandbox *s, enum sandbox_layer layer)
{
	return s->state[layer] != SANDBOX_HOLDS;
}

static void enter(enum sandbox_kind kind, enum sandbox_layer needed)
{
	const char *write[] = {world.folder}, *read[] = {world.file};
	struct sandbox_wish wish = {
	    .kind = kind, .ports = &world.port, .n_ports = kind == SANDBOX_WORKER};
	struct sandbox s;

	if (kind == SANDBOX_SAVER || kind == SANDBOX_UPDATER || kind == SANDBOX_OFFLINE) {
		wish.write = write;
		wish.n_write = 1;
	}
	if (kind == SANDBOX_PARSER || kind == SANDBOX_OFFLINE) {
		wish.read = read;
		wish.n_read = 1;
	}
	sandbox_enter(&wish, &s);
	if (lacks(&s, needed))
		_exit(NOT_HELD);
}

/* The status of a child that enters as `kind` and then does `deed`. */
static int status_of(enum sandbox_kind kind, enum sandbox_layer needed, int (*deed)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		const struct rlimit none = {0, 0};

		(void)setrlimit(RLIMIT_CORE, &none);
		enter(kind, needed);
		_exit(deed());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_HELD) {
		print_message("# the kernel, an emulator or valgrind has not what this needs\n");
		skip();
	}
	return status;
}

static void assert_passes(enum sandbox_kind kind, enum sandbox_layer needed, int (*deed)(void))
{
	int status = status_of(kind, needed, deed);

	if (status != 0)
		print_error("%s: status %#x\n", sandbox_kind_text(kind), (unsigned)status);
	assert_int_equal(status, 0);
}

static void assert_killed(enum sandbox_kind kind, int (*deed)(void))
{
	int status = status_of(kind, SANDBOX_CALLS, deed);

	if (!WIFSIGNALED(status))
		print_error("%s: status %#x\n", sandbox_kind_text(kind), (unsigned)status);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int denied(long result, int expected)
{
	return result < 0 && errno == expected ? PASSED : FAILED;
}

/* ---- deeds ---- */

static int run_program(void)
{
	char *const argv[] = {(char[]){"true"}, NULL}, *const none[] = {NULL};

	(void)execve("/bin/true", argv, none);
	return FAILED;
}

static int run_by_descriptor(void)
{
	char *const argv[] = {(char[]){"true"}, NULL}, *const none[] = {NULL};

	(void)syscall(SYS_execveat, world.null_fd, "", argv, none, AT_EMPTY_PATH);
	return FAILED;
}

static int start_process(void)
{
	return fork() == 0 ? PASSED : FAILED;
}

static int trace_other(void)
{
	(void)ptrace(PTRACE_ATTACH, world.victim, NULL, NULL);
	return FAILED;
}

static int write_other(void)
{
	char byte = 'x';
	struct iovec io = {&byte, 1};

	(void)process_vm_writev(world.victim, &io, 1, &io, 1, 0);
	return FAILED;
}

static int kill_other(void)
{
	(void)kill(world.victim, SIGTERM);
	return FAILED;
}

static int kill_thread_of_other(void)
{
	(void)syscall(SYS_tgkill, world.victim, world.victim, SIGTERM);
	return FAILED;
}

static int open_to_read(void)
{
	return denied(open("/etc/passwd", O_RDONLY), EACCES);
}

static int open_to_write(void)
{
	(void)open(world.file, O_WRONLY);
	return FAILED;
}

static int create(void)
{
	(void)open(world.outside, O_RDWR | O_CREAT, 0600);
	return FAILED;
}

/* Flags that write where nothing is opened to be written. */
static int empty_by_reading(void)
{
	(void)open(world.file, O_RDONLY | O_TRUNC);
	return FAILED;
}

static int create_by_reading(void)
{
	(void)open(world.outside, O_RDONLY | O_CREAT, 0600);
	return FAILED;
}

static int open_otherwise(void)
{
	uint64_t how[3] = {O_RDONLY, 0, 0};

	return denied(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof(how)), ENOSYS);
}

static int remove_file(void)
{
	return denied(unlink(world.file), ENOSYS);
}

static int map_code(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return FAILED;
}

static int socket_of(int family, int type, int protocol)
{
	(void)socket(family, type, protocol);
	return FAILED;
}

static int unix_socket(void)
{
	return socket_of(AF_UNIX, SOCK_STREAM, 0);
}

static int netlink_socket(void)
{
	return socket_of(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int packet_socket(void)
{
	return socket_of(AF_PACKET, SOCK_DGRAM, 0);
}

static int raw_socket(void)
{
	return socket_of(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int raw_socket6(void)
{
	return socket_of(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
}

static int udp_socket(void)
{
	return socket_of(AF_INET, SOCK_DGRAM, 0);
}

/* Its rules would not be those of TCP. */
static int other_protocol(void)
{
	return denied(socket(AF_INET, SOCK_STREAM, 262 /* MPTCP */), ENOSYS);
}

static int raise_privileges(void)
{
	return denied(syscall(SYS_bpf, 0, NULL, 0), 0);
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		_exit(FAILED);
	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static int connect_to_upstream(void)
{
	return connect_to(world.port) == 0 ? PASSED : FAILED;
}

static int connect_elsewhere(void)
{
	return denied(connect_to(world.other_port), EACCES);
}

static int bind_tcp(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return denied(bind(fd, (struct sockaddr *)&any, sizeof(any)), EACCES);
}

/* Landlock alone, without the filter's opinion of open(). */
static int open_in_file_layer(void)
{
	return denied(open(world.outside, O_RDWR | O_CREAT | O_CLOEXEC, 0600), EACCES);
}

static int save_below(void)
{
	char path[80], target[80];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/new", world.folder);
	(void)snprintf(target, sizeof(target), "%s/cache", world.folder);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0 || close(fd) != 0)
		return FAILED;
	return rename(path, target) == 0 && unlink(target) == 0 ? PASSED : FAILED;
}

static int read_given(void)
{
	int fd = open(world.file, O_RDONLY | O_CLOEXEC);
	char byte;

	return fd >= 0 && read(fd, &byte, 1) == 1 ? PASSED : FAILED;
}

static int read_other(void)
{
	return denied(open("/etc/passwd", O_RDONLY | O_CLOEXEC), EACCES);
}

static int read_any(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? PASSED : FAILED;
}

static int end_self(void)
{
	abort();
}

static int is_marked(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
		       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
		   ? PASSED
		   : FAILED;
}

/* All that a worker's loop does. */
static int serve(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(any);
	struct mmsghdr messages[1];
	char bytes[8] = "query";
	struct iovec io = {bytes, 5};
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, unsent;
	int udp6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sysinfo machine;
	struct rlimit files;
	struct stat st;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(messages, 0, sizeof(messages));
	messages[0].msg_hdr = (struct msghdr){.msg_iov = &io, .msg_iovlen = 1};
	if (udp < 0 || bind(udp, (struct sockaddr *)&any, sizeof(any)) != 0 ||
	    getsockname(udp, (struct sockaddr *)&any, &len) != 0 ||
	    connect(udp, (struct sockaddr *)&any, len) != 0)
		return 10;
	if (epoll_ctl(world.epoll_fd, EPOLL_CTL_ADD, udp, &event) != 0 ||
	    sendmmsg(udp, messages, 1, 0) != 1 ||
	    epoll_wait(world.epoll_fd, &event, 1, 5000) != 1 ||
	    recvmmsg(udp, messages, 1, 0, NULL) != 1)
		return 11;
	if (send(world.pair[0], "x", 1, MSG_NOSIGNAL) != 1 || recv(world.pair[1], bytes, 8, 0) != 1)
		return 12;
	if (setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &on, sizeof(on)) != 0 ||
	    ioctl(world.pair[0], SIOCOUTQ, &unsent) != 0)
		return 13;
	if (page == MAP_FAILED || munmap(page, 4096) != 0 || fstat(world.null_fd, &st) != 0)
		return 14;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0)
		return 15;
	if (udp6 < 0 && errno != EAFNOSUPPORT)
		return 16;
	if (sysinfo(&machine) != 0) /* qsort() asks */
		return 17;
	return close(udp) == 0 ? PASSED : 18;
}

/* ---- cases ---- */

#if SANDBOX_INSTRUMENTED
#define SKIP_INSTRUMENTED() skip()
#else
#define SKIP_INSTRUMENTED() ((void)0)
#endif

static const enum sandbox_kind children[] = {
    SANDBOX_WORKER, SANDBOX_LOADER, SANDBOX_SAVER, SANDBOX_PARSER, SANDBOX_WITNESS};

#define N_CHILDREN (sizeof(children) / sizeof(children[0]))

static void test_programs(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CHILDREN; i++) {
		assert_killed(children[i], run_program);
		assert_killed(children[i], run_by_descriptor);
	}
	assert_killed(SANDBOX_PARENT, run_program);
	assert_killed(SANDBOX_UPDATER, run_program);
	assert_killed(SANDBOX_OFFLINE, run_program);
}

static void test_processes(void **state)
{
	(void)state;
	SKIP_INSTRUMENTED();
	for (size_t i = 0; i < N_CHILDREN; i++) {
		assert_killed(children[i], start_process);
		assert_killed(children[i], trace_other);
	}
	assert_killed(SANDBOX_PARENT, trace_other);
	assert_killed(SANDBOX_OFFLINE, trace_other);
	assert_killed(SANDBOX_OFFLINE, start_process);
}

static void test_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CHILDREN; i++) {
		assert_killed(children[i], write_other);
		assert_killed(children[i], kill_other);
		assert_killed(children[i], kill_thread_of_other);
	}
	assert_killed(SANDBOX_PARENT, write_other);
	assert_killed(SANDBOX_OFFLINE, kill_other);
	assert_int_equal(waitpid(world.victim, NULL, WNOHANG), 0);
}

static void test_files(void **state)
{
	(void)state;
	SKIP_INSTRUMENTED();
	assert_passes(SANDBOX_WORKER, SANDBOX_CALLS, open_to_read);
	assert_passes(SANDBOX_LOADER, SANDBOX_CALLS, open_to_read);
	for (size_t i = 0; i < N_CHILDREN; i++) {
		if (children[i] == SANDBOX_SAVER)
			continue;
		assert_killed(children[i], open_to_write);
		assert_killed(children[i], create);
		assert_passes(children[i], SANDBOX_CALLS, remove_file);
	}
	assert_killed(SANDBOX_WITNESS, empty_by_reading);
	assert_killed(SANDBOX_PARSER, empty_by_reading);
	assert_killed(SANDBOX_WITNESS, create_by_reading);
	assert_killed(SANDBOX_PARSER, create_by_reading);
	for (size_t i = 0; i < N_CHILDREN; i++)
		assert_passes(children[i], SANDBOX_CALLS, open_otherwise);
}

static void test_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CHILDREN; i++)
		assert_killed(children[i], map_code);
}

static void test_sockets(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CHILDREN; i++) {
		assert_killed(children[i], unix_socket);
		assert_killed(children[i], netlink_socket);
		assert_killed(children[i], packet_socket);
		assert_killed(children[i], raw_socket);
		assert_killed(children[i], raw_socket6);
		if (children[i] != SANDBOX_WORKER)
			assert_killed(children[i], udp_socket);
	}
	assert_killed(SANDBOX_PARENT, packet_socket);
	assert_killed(SANDBOX_OFFLINE, unix_socket);
	assert_killed(SANDBOX_OFFLINE, udp_socket);
}

static void test_protocols(void **state)
{
	(void)state;
	SKIP_INSTRUMENTED();
	assert_passes(SANDBOX_WORKER, SANDBOX_CALLS, other_protocol);
}

static void test_ports(void **state)
{
	(void)state;
	assert_passes(SANDBOX_WORKER, SANDBOX_TCP, connect_to_upstream);
	assert_passes(SANDBOX_WORKER, SANDBOX_TCP, connect_elsewhere);
	assert_passes(SANDBOX_WORKER, SANDBOX_TCP, bind_tcp);
}

static void test_folders(void **state)
{
	(void)state;
	assert_passes(SANDBOX_SAVER, SANDBOX_FILES, save_below);
	assert_passes(SANDBOX_SAVER, SANDBOX_FILES, open_in_file_layer);
	assert_passes(SANDBOX_SAVER, SANDBOX_FILES, read_other);
	assert_passes(SANDBOX_UPDATER, SANDBOX_FILES, save_below);
	assert_passes(SANDBOX_UPDATER, SANDBOX_FILES, open_in_file_layer);
	assert_passes(SANDBOX_UPDATER, SANDBOX_FILES, read_any);
	assert_passes(SANDBOX_OFFLINE, SANDBOX_FILES, save_below);
	assert_passes(SANDBOX_OFFLINE, SANDBOX_FILES, open_in_file_layer);
	assert_passes(SANDBOX_OFFLINE, SANDBOX_FILES, read_given);
	assert_passes(SANDBOX_OFFLINE, SANDBOX_FILES, read_other);
	assert_passes(SANDBOX_WITNESS, SANDBOX_CALLS, read_any);
	assert_passes(SANDBOX_PARSER, SANDBOX_FILES, read_given);
	assert_passes(SANDBOX_PARSER, SANDBOX_FILES, read_other);
	assert_passes(SANDBOX_PARENT, SANDBOX_FILES, read_any);
}

static void test_machine(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CHILDREN; i++)
		assert_killed(children[i], raise_privileges);
	assert_killed(SANDBOX_PARENT, raise_privileges);
	assert_killed(SANDBOX_UPDATER, raise_privileges);
}

/* What is not denied: the loop of a worker, and an honest end. */
static void test_allowed(void **state)
{
	int status;

	(void)state;
	assert_passes(SANDBOX_WORKER, SANDBOX_CALLS, serve);
	assert_passes(SANDBOX_PARENT, SANDBOX_NO_DUMP, is_marked);
	assert_passes(SANDBOX_UPDATER, SANDBOX_NO_DUMP, is_marked);
	status = status_of(SANDBOX_WORKER, SANDBOX_CALLS, end_self);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* A child is in the parent's sandbox and in its own. */
static int serve_as_child(void)
{
	enter(SANDBOX_WORKER, SANDBOX_CALLS);
	return serve();
}

static int save_as_child(void)
{
	enter(SANDBOX_SAVER, SANDBOX_CALLS);
	return save_below();
}

static int read_as_child(void)
{
	enter(SANDBOX_PARSER, SANDBOX_CALLS);
	return read_given();
}

static void test_within(void **state)
{
	(void)state;
	assert_passes(SANDBOX_PARENT, SANDBOX_CALLS, serve_as_child);
	assert_passes(SANDBOX_PARENT, SANDBOX_CALLS, save_as_child);
	assert_passes(SANDBOX_UPDATER, SANDBOX_CALLS, read_as_child);
}

static void test_text(void **state)
{
	const struct sandbox s = {.state = {
				      [SANDBOX_NO_NEW_PRIVS] = SANDBOX_HOLDS,
				      [SANDBOX_NO_DUMP] = SANDBOX_HOLDS,
				      [SANDBOX_TCP] = EOPNOTSUPP,
				      [SANDBOX_CALLS] = EPERM,
				  }};
	char text[SANDBOX_TEXT_SIZE];

	(void)state;
	assert_string_equal(sandbox_holds(&s, text), "no-new-privs, no-dump");
	assert_string_equal(sandbox_lacks(&s, text),
	    "landlock-tcp (Operation not supported), seccomp (Operation not permitted)");
	assert_string_equal(sandbox_lacks(&(struct sandbox){{0}}, text), "");
}

/* ---- the world ---- */

static int listen_tcp(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	(void)strcpy(world.folder, "/tmp/quell-sandbox-XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	(void)snprintf(world.file, sizeof(world.file), "%s/file", world.folder);
	(void)snprintf(world.outside, sizeof(world.outside), "%s-outside", world.folder);
	fd = open(world.file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "text", 4), 4);
	close(fd);
	world.tcp_fd = listen_tcp(&world.port);
	world.tcp_other_fd = listen_tcp(&world.other_port);
	world.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	world.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, world.pair), 0);
	world.victim = fork();
	if (world.victim == 0) {
		for (;;)
			pause();
	}
	return world.victim > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	(void)kill(world.victim, SIGKILL);
	(void)waitpid(world.victim, NULL, 0);
	(void)unlink(world.file);
	assert_int_equal(access(world.outside, F_OK), -1);
	return rmdir(world.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_programs),
	    cmocka_unit_test(test_processes),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_code),
	    cmocka_unit_test(test_sockets),
	    cmocka_unit_test(test_protocols),
	    cmocka_unit_test(test_ports),
	    cmocka_unit_test(test_folders),
	    cmocka_unit_test(test_machine),
	    cmocka_unit_test(test_allowed),
	    cmocka_unit_test(test_within),
	    cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("sandbox", tests, set_up, tear_down);
}
