/* test_sandbox_calls.c - the table of calls makes a filter for this machine, also under an emulator, which cannot load it.
 *
 * The filter is run here as the kernel would run it, and asked about calls.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "lib/sandbox_calls.h"

#define FULL_API 6    /* of libseccomp: it does not look what the kernel can do */
#define OPS_MAX	 4096 /* BPF_MAXINSNS: the kernel takes no more */
#define LEAST	 20   /* instructions */

#define ALLOW SCMP_ACT_ALLOW
#define KILL  SCMP_ACT_KILL_PROCESS

static struct sock_filter filter[OPS_MAX + 1]; /* the one that was to be loaded */
static size_t n_ops;

int __wrap_seccomp_load(const scmp_filter_ctx ctx);

int __wrap_seccomp_load(const scmp_filter_ctx ctx)
{
	FILE *file = tmpfile();
	int err;

	assert_non_null(file);
	err = seccomp_export_bpf(ctx, fileno(file));
	rewind(file);
	n_ops = fread(filter, sizeof(filter[0]), OPS_MAX + 1, file);
	(void)fclose(file);
	return err;
}

static void make_filter(enum sandbox_kind kind)
{
	n_ops = 0;
	assert_int_equal(seccomp_api_set(FULL_API), 0);
	assert_int_equal(sandbox_calls(kind), 0);
}

/* What the filter says to a call. */
static uint32_t verdict(const struct seccomp_data *call)
{
	uint32_t a = 0;

	for (size_t at = 0; at < n_ops; at++) {
		const struct sock_filter *op = &filter[at];

		switch (op->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(op->k <= sizeof(*call) - sizeof(a));
			memcpy(&a, (const char *)call + op->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= op->k;
			break;
		case BPF_JMP | BPF_JA:
			at += op->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == op->k ? op->jt : op->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			at += a > op->k ? op->jt : op->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= op->k ? op->jt : op->jf;
			break;
		case BPF_RET | BPF_K:
			return op->k;
		default:
			fail_msg("an instruction that libseccomp does not write: %#x", op->code);
		}
	}
	fail_msg("the filter has no end");
	return 0;
}

static uint32_t ask(long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	const struct seccomp_data call = {
	    .nr = (int)nr, .arch = seccomp_arch_native(), .args = {a0, a1, a2, a3}};

	return verdict(&call);
}

static void test_every_kind_has_one(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < SANDBOX_N_KINDS; kind++) {
		struct seccomp_data foreign = {.nr = SYS_read, .arch = ~seccomp_arch_native()};

		make_filter((enum sandbox_kind)kind);
		assert_in_range(n_ops, LEAST, OPS_MAX);
		assert_int_equal(ask(SYS_read, 0, 0, 0, 0), ALLOW);
		assert_int_equal(ask(SYS_execve, 0, 0, 0, 0), KILL);
		assert_int_equal(ask(SYS_unshare, 0, 0, 0, 0), KILL);
		assert_int_equal(verdict(&foreign), KILL);
	}
}

static void test_arguments(void **state)
{
	(void)state;
	make_filter(SANDBOX_WORKER);
	assert_int_equal(ask(SYS_mprotect, 0, 1, PROT_READ, 0), ALLOW);
	assert_int_equal(ask(SYS_mprotect, 0, 1, PROT_READ | PROT_EXEC, 0), KILL);
	assert_int_equal(ask(SYS_prlimit64, 0, 0, 0, 0), ALLOW);
	assert_int_equal(ask(SYS_prlimit64, 1, 0, 0, 0), KILL);
	assert_int_equal(ask(SYS_connect, 3, 0, 0, 0), ALLOW);
	assert_int_equal(ask(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0), ALLOW);
	assert_int_equal(ask(SYS_sendmmsg, 3, 0, 1, MSG_DONTWAIT), ALLOW);
	assert_int_equal(ask(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 0), KILL);
	make_filter(SANDBOX_LOADER);
	assert_int_equal(ask(SYS_socket, AF_INET, SOCK_DGRAM, 0, 0), KILL);
	make_filter(SANDBOX_PARENT);
	assert_int_equal(ask(SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0), ALLOW);
}

#ifdef SYS_socketcall

/* The arguments are in memory: what it is that is wanted of a socket shows, and not for which.  (What the calls are is in
 * linux/net.h.) */
static void test_arguments_in_memory(void **state)
{
	const uint64_t socket_call = 1, socketpair_call = 8, sendto_call = 11, setsockopt_call = 14;
	const uint64_t memory = 0x3ffffffffe7;

	(void)state;
	make_filter(SANDBOX_WORKER);
	assert_int_equal(ask(SYS_socketcall, socket_call, memory, memory, memory), ALLOW);
	assert_int_equal(ask(SYS_socketcall, sendto_call, memory, memory, memory), ALLOW);
	assert_int_equal(ask(SYS_socketcall, setsockopt_call, memory, memory, memory), ALLOW);
	assert_int_equal(ask(SYS_socketcall, socketpair_call, memory, 0, 0), KILL);
	assert_int_equal(ask(SYS_mmap, memory, memory, memory, memory), ALLOW);
	make_filter(SANDBOX_LOADER);
	assert_int_equal(ask(SYS_socketcall, socket_call, memory, memory, memory), KILL);
	make_filter(SANDBOX_OFFLINE);
	assert_int_equal(ask(SYS_socketcall, socket_call, memory, memory, memory), KILL);
	make_filter(SANDBOX_PARENT);
	assert_int_equal(ask(SYS_socketcall, socketpair_call, memory, memory, memory), ALLOW);
}

#else

static void test_arguments_in_registers(void **state)
{
	(void)state;
	make_filter(SANDBOX_WORKER);
	assert_int_equal(ask(SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0), KILL);
	assert_int_equal(ask(SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0), KILL);
	assert_int_equal(ask(SYS_sendmmsg, 3, 0, 1, MSG_FASTOPEN), KILL);
	assert_int_equal(ask(SYS_setsockopt, 3, SOL_SOCKET, SO_LINGER, 0),
	    SANDBOX_INSTRUMENTED ? ALLOW : SCMP_ACT_ERRNO(ENOSYS));
	make_filter(SANDBOX_PARENT);
	assert_int_equal(ask(SYS_socket, AF_PACKET, SOCK_RAW, 0, 0), KILL);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_kind_has_one),
	    cmocka_unit_test(test_arguments),
#ifdef SYS_socketcall
	    cmocka_unit_test(test_arguments_in_memory),
#else
	    cmocka_unit_test(test_arguments_in_registers),
#endif
	};

	return cmocka_run_group_tests_name("sandbox_calls", tests, NULL, NULL);
}
