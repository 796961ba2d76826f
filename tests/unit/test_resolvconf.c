/* test_resolvconf.c - the system's resolvers out of resolv.conf, never quell itself. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/resolvconf.h"

#define MAX 8

static union addr addr(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(&a, text, 53, NULL), 0);
	return a;
}

/* The addresses found in `text`, separated by spaces. */
static const char *found(const char *text, const char *own_text)
{
	static char all[MAX * ADDR_TEXT_SIZE];
	union addr out[MAX], own = {0};
	char one[ADDR_TEXT_SIZE];
	unsigned n;

	if (own_text != NULL)
		own = addr(own_text);
	n = resolvconf_parse(text, out, MAX, &own, own_text != NULL);
	all[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		(void)strcat(all, i > 0 ? " " : "");
		(void)strcat(all, addr_format(&out[i], one));
	}
	return all;
}

static void test_lines(void **state)
{
	(void)state;
	assert_string_equal(found("", NULL), "");
	assert_string_equal(found("nameserver 198.51.100.1", NULL), "198.51.100.1:53");
	assert_string_equal(
	    found("# nameserver 198.51.100.9\n;nameserver 198.51.100.8\nsearch nameserver "
		  "198.51.100.7\n"
		  "nameserver 198.51.100.1\r\nnameserver\t 2001:db8::1  \noptions edns0\n"
		  "nameserver 198.51.100.2 # the second\n",
		NULL),
	    "198.51.100.1:53 [2001:db8::1]:53 198.51.100.2:53");
	assert_string_equal(found("nameserver\nnameserver \n198.51.100.1\nnameserver dns.example\n"
				  "nameservers 198.51.100.1\nnameserver198.51.100.1\n"
				  "nameserver 0.0.0.0\nnameserver fe80::1%no-such-if\n",
				NULL),
	    "");
	assert_string_equal(
	    found("nameserver 198.51.100.1\nnameserver 198.51.100.1\n", NULL), "198.51.100.1:53");
}

static void test_at_most_max(void **state)
{
	union addr out[2];

	(void)state;
	assert_int_equal(resolvconf_parse("nameserver 198.51.100.1\nnameserver 198.51.100.2\n"
					  "nameserver 198.51.100.3\n",
			     out, 2, NULL, 0),
	    2);
	assert_int_equal(resolvconf_parse("nameserver 198.51.100.1\n", out, 0, NULL, 0), 0);
}

static void test_own_addresses_are_left_out(void **state)
{
	static const char text[] =
	    "nameserver 127.0.0.1\nnameserver ::1\nnameserver 198.51.100.1\n";

	(void)state;
	assert_string_equal(found(text, "127.0.0.1:53"), "[::1]:53 198.51.100.1:53");
	assert_string_equal(found(text, "127.0.0.1:5300"), "127.0.0.1:53 [::1]:53 198.51.100.1:53");
	assert_string_equal(found(text, "0.0.0.0:53"), "198.51.100.1:53");
	assert_string_equal(found(text, "[::]:53"), "198.51.100.1:53");
	assert_string_equal(found(text, "[::]:5300"), "127.0.0.1:53 [::1]:53 198.51.100.1:53");
	assert_string_equal(found("nameserver 127.0.0.53\n", "0.0.0.0:53"), "");
}

static void test_wildcard_stands_for_each_interface(void **state)
{
	struct ifaddrs *all;

	(void)state;
	assert_int_equal(getifaddrs(&all), 0);
	for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		char line[ADDR_TEXT_SIZE + 16], host[ADDR_TEXT_SIZE];
		union addr a;

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&a.in4, i->ifa_addr, sizeof(a.in4));
		(void)snprintf(line, sizeof(line), "nameserver %s\n", addr_format_host(&a, host));
		assert_string_equal(found(line, "0.0.0.0:53"), "");
	}
	freeifaddrs(all);
}

static int write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return -1;
	(void)fputs(text, f);
	return fclose(f);
}

/* A mount namespace of our own, for which a user who is not root needs one of users too. */
static int enter_namespace(void)
{
	char map[64];

	if (unshare(CLONE_NEWNS) == 0)
		return 0;
	(void)snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -1;
	return write_text("/proc/self/uid_map", map);
}

/* Runs in a mount namespace of its own, where /run is empty and /etc/resolv.conf ours.  Returns the
 * line of the first thing that is wrong, 0, or -1 where such a namespace cannot be had. */
static int read_in_own_namespace(void)
{
	union addr out[MAX], own = {0};
	char text[ADDR_TEXT_SIZE];

	if (enter_namespace() < 0)
		return -1;
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/systemd", 0755) < 0 ||
	    mkdir("/run/systemd/resolve", 0755) < 0 || write_text("/run/etc", "") < 0 ||
	    mount("/run/etc", "/etc/resolv.conf", "none", MS_BIND, NULL) < 0)
		return -1;

	if (resolvconf_read(out, MAX, NULL, 0) != 0)
		return __LINE__;
	if (write_text("/run/etc", "nameserver 127.0.0.53\n") < 0)
		return -1;
	if (resolvconf_read(out, MAX, NULL, 0) != 1 ||
	    strcmp(addr_format(&out[0], text), "127.0.0.53:53") != 0)
		return __LINE__;
	if (write_text("/run/systemd/resolve/resolv.conf",
		"nameserver 198.51.100.1\nnameserver 198.51.100.2\n") < 0)
		return -1;
	if (resolvconf_read(out, MAX, NULL, 0) != 2 ||
	    strcmp(addr_format(&out[0], text), "198.51.100.1:53") != 0)
		return __LINE__;
	if (resolvconf_read(out, 1, NULL, 0) != 1)
		return __LINE__;

	/* quell itself is the system's resolver. */
	own.in4.sin_family = AF_INET;
	own.in4.sin_port = htons(53);
	if (write_text("/run/etc", "nameserver 127.0.0.1\n") < 0)
		return -1;
	if (resolvconf_read(out, MAX, &own, 1) != 2)
		return __LINE__;

	if (write_text("/run/etc", "nameserver 127.0.0.53\nnameserver 198.51.100.9\n") < 0)
		return -1;
	if (resolvconf_read(out, MAX, NULL, 0) != 2 ||
	    strcmp(addr_format(&out[1], text), "198.51.100.9:53") != 0)
		return __LINE__;

	/* A pipe that nobody writes holds nobody up. */
	if (write_text("/run/etc", "") < 0 || unlink("/run/systemd/resolve/resolv.conf") < 0 ||
	    mkfifo("/run/systemd/resolve/resolv.conf", 0644) < 0)
		return -1;
	(void)alarm(10);
	if (resolvconf_read(out, MAX, NULL, 0) != 0)
		return __LINE__;
	return 0;
}

static void test_files(void **state)
{
	int ends[2], result = -1;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		result = read_in_own_namespace();
		_exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
	}
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(read(ends[0], &result, sizeof(result)), sizeof(result));
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(close(ends[0]), 0);
	if (result == -1)
		print_message("# no mount namespace to be had: not tested\n");
	else
		assert_int_equal(result, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_at_most_max),
	    cmocka_unit_test(test_own_addresses_are_left_out),
	    cmocka_unit_test(test_wildcard_stands_for_each_interface),
	    cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests_name("resolvconf", tests, NULL, NULL);
}
