/* test_holder.c - who holds a port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/holder.h"

static union addr parse(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(&a, text, 0, NULL), 0);
	return a;
}

/* A line as the kernel of a little or big endian machine prints it: words in its own order. */
static void make_line(char line[256], const union addr *a, unsigned state)
{
	uint32_t word[4];
	char address[40];

	if (a->sa.sa_family == AF_INET) {
		(void)snprintf(address, sizeof(address), "%08X", a->in4.sin_addr.s_addr);
	} else {
		memcpy(word, &a->in6.sin6_addr, sizeof(word));
		(void)snprintf(address, sizeof(address), "%08X%08X%08X%08X", word[0], word[1],
		    word[2], word[3]);
	}
	(void)snprintf(line, 256,
	    "  12: %s:%04X 00000000:0000 %02X 00000000:00000000 00:00000000 00000000  1017        "
	    "0 "
	    "98765 2 0000000000000000 0",
	    address, addr_port(a), state);
}

static bool holds(const char *held, unsigned state, const char *wanted, bool tcp)
{
	union addr a = parse(held), b = parse(wanted);
	uint64_t inode = 0;
	uint32_t uid = 0;
	char line[256];
	bool found;

	make_line(line, &a, state);
	found = holder_parse_line(line, &b, tcp, &inode, &uid);
	if (found) {
		assert_int_equal(inode, 98765);
		assert_int_equal(uid, 1017);
	}
	return found;
}

static void test_lines(void **state)
{
	(void)state;
	assert_true(holds("127.0.0.53:53", 7, "127.0.0.53:53", false));
	assert_false(holds("127.0.0.53:53", 7, "127.0.0.1:53", false));
	assert_false(holds("127.0.0.53:53", 7, "127.0.0.53:54", false));
	assert_true(holds("127.0.0.53:53", 7, "0.0.0.0:53", false));
	assert_true(holds("0.0.0.0:53", 7, "192.0.2.1:53", false));
	assert_true(holds("[::]:53", 7, "192.0.2.1:53", false));
	assert_true(holds("[2001:db8::1]:53", 7, "[2001:db8::1]:53", false));
	assert_false(holds("[2001:db8::1]:53", 7, "[2001:db8::2]:53", false));
	assert_false(holds("0.0.0.0:53", 7, "[::1]:53", false));
}

static void test_only_listening_tcp(void **state)
{
	(void)state;
	assert_true(holds("127.0.0.1:53", 10, "127.0.0.1:53", true));
	assert_false(holds("127.0.0.1:53", 1, "127.0.0.1:53", true)); /* an open connection */
	assert_false(holds("127.0.0.1:53", 6, "127.0.0.1:53", true)); /* TIME_WAIT */
}

static void test_other_lines(void **state)
{
	union addr a = parse("127.0.0.1:53");
	static const char *const lines[] = {
	    "",
	    "\n",
	    ":",
	    "  sl  local_address rem_address   st tx_queue",
	    "1: :0035 x 0A",
	    "0: 0100007F0:0035 00000000:0000 0A 0:0 0:0 0 0 0 1",
	};
	uint64_t inode;
	uint32_t uid;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(holder_parse_line(lines[i], &a, true, &inode, &uid));
}

/* A bound socket of our own on loopback, its address into *a. */
static int open_own(union addr *a)
{
	socklen_t len = sizeof(*a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(a, 0, sizeof(*a));
	a->in4.sin_family = AF_INET;
	/* The same in either byte order: an emulator may show the words of a kernel of the other one. */
	a->in4.sin_addr.s_addr = htonl(0x7f00007f);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &a->sa, sizeof(a->in4)), 0);
	assert_int_equal(getsockname(fd, &a->sa, &len), 0);
	return fd;
}

static void check_own(const struct holder *h)
{
	struct why why;
	char text[32];

	assert_true(h->found);
	assert_int_equal(h->uid, getuid());
	assert_int_equal(h->pid, getpid());
	holder_describe(h, &why);
	(void)snprintf(text, sizeof(text), "pid %d (", (int)getpid());
	assert_ptr_equal(strstr(why.text, text), why.text);
}

static void test_find(void **state)
{
	struct holder h;
	union addr a;
	int fd = open_own(&a);

	(void)state;
	holder_find(&h, &a, false);
	check_own(&h);
	holder_find(&h, &a, true);
	assert_false(h.found);
	assert_int_equal(close(fd), 0);
	holder_find(&h, &a, false);
	assert_false(h.found);
}

static void test_describe(void **state)
{
	struct holder h = {.found = true, .pid = 17, .command = "systemd-resolve"};
	struct why why;

	(void)state;
	holder_describe(&h, &why);
	assert_non_null(strstr(why.text, "pid 17 (systemd-resolve)"));
	assert_non_null(strstr(why.text, "DNSStubListener=no"));
	holder_name(&h, &why);
	assert_string_equal(why.text, "pid 17 (systemd-resolve)");
	h = (struct holder){.found = true, .uid = 0};
	holder_describe(&h, &why);
	assert_string_equal(why.text, "a process of user root");
	h = (struct holder){.found = false};
	holder_describe(&h, &why);
	assert_non_null(strstr(why.text, "cannot be seen"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_only_listening_tcp),
	    cmocka_unit_test(test_other_lines),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests_name("holder", tests, NULL, NULL);
}
