/* test_ram.c - what the system allows, as files in a folder say that stands for /. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka.h needs those above. */
#include <cmocka.h>

#include "lib/ram.h"
#include "tests/unit/scratch.h"

#define MIB ((uint64_t)1024 * 1024)

/* With those above it. */
static void make_folder(const char *path)
{
	char part[256];

	for (size_t i = 0; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
		assert_true(mkdir(part, S_IRWXU) == 0 || errno == EEXIST);
	}
}

static void half_of_the_machine(void **state)
{
	(void)state;
	make_folder("proc/self");
	scratch_write("proc/meminfo", "MemTotal:         524288 kB\nMemFree:          1024 kB\n");
	assert_int_equal(ram_allowed("."), 256 * MIB);
	/* A group without a bound, and one of version 1. */
	make_folder("sys/fs/cgroup");
	scratch_write("proc/self/cgroup", "4:memory:/a\n0::/\n");
	scratch_write("sys/fs/cgroup/memory.max", "max\n");
	assert_int_equal(ram_allowed("."), 256 * MIB);
}

static void the_least_of_the_groups(void **state)
{
	(void)state;
	make_folder("proc/self");
	make_folder("sys/fs/cgroup/system.slice/quelld.service");
	scratch_write("proc/meminfo", "MemTotal:         524288 kB\n");
	scratch_write("proc/self/cgroup", "4:memory:/a\n0::/system.slice/quelld.service\n");
	scratch_write("sys/fs/cgroup/system.slice/quelld.service/memory.max", "100663296\n");
	assert_int_equal(ram_allowed("."), 96 * MIB);
	scratch_write("sys/fs/cgroup/system.slice/memory.max", "67108864\n");
	assert_int_equal(ram_allowed("."), 64 * MIB);
	scratch_write("sys/fs/cgroup/system.slice/memory.max", "max\n");
	assert_int_equal(ram_allowed("."), 96 * MIB);
	/* Of a container that sees its own group as the first. */
	scratch_write("proc/self/cgroup", "0::/\n");
	scratch_write("sys/fs/cgroup/memory.max", "33554432\n");
	assert_int_equal(ram_allowed("."), 32 * MIB);
	/* One that has more than the machine. */
	scratch_write("sys/fs/cgroup/memory.max", "33554432000\n");
	assert_int_equal(ram_allowed("."), 256 * MIB);
}

static void not_known(void **state)
{
	(void)state;
	assert_true(ram_allowed(".") == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(half_of_the_machine, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(
		the_least_of_the_groups, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(not_known, scratch_set_up, scratch_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
