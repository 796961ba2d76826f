/* test_pages.c - files mapped whole, at addresses for huge pages, and in these where there are any. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/file.h"
#include "lib/pages.h"

#define HUGE_PAGE ((size_t)2 << 20)

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 24);
}

static int make_file(size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	uint8_t *bytes = malloc(len);
	struct why why;

	assert_true(fd >= 0);
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(i);
	assert_int_equal(file_write(fd, "test", bytes, len, &why), 0);
	free(bytes);
	return fd;
}

static void assert_whole(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != byte_at(i))
			fail_msg("byte %zu", i);
}

/* KiB that /proc/self/smaps says of `what` in the mapping at `bytes`. */
static unsigned long kib(const void *bytes, const char *what)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512], begin[32], name[64];
	unsigned long found = 0, n;
	bool inside = false;

	assert_non_null(f);
	snprintf(begin, sizeof(begin), "%08lx-", (unsigned long)(uintptr_t)bytes);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%63[A-Za-z_]: %lu kB", name, &n) != 2)
			inside = strncmp(line, begin, strlen(begin)) == 0;
		else if (inside && strcmp(name, what) == 0)
			found = n;
	}
	fclose(f);
	return found;
}

/* Is what is mapped here shown there?  Not by an emulator with addresses of its own. */
static bool can_look(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long found = kib(page, "Size");

	assert_int_equal(munmap(page, 4096), 0);
	return found != 0;
}

static void test_maps_all(void **state)
{
	static const size_t lens[] = {
	    1, 4096, 70000, HUGE_PAGE - 1, HUGE_PAGE, 2 * HUGE_PAGE + 777};
	const bool look = can_look();

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		int fd = make_file(lens[i]);
		uint8_t *bytes = pages_map(fd, lens[i]);

		assert_non_null(bytes);
		assert_true(lens[i] < HUGE_PAGE || (uintptr_t)bytes % HUGE_PAGE == 0);
		assert_whole(bytes, lens[i]);
		assert_true(!look || kib(bytes, "Rss") * 1024 >= lens[i]);
		pages_gather(bytes, lens[i], UINT64_MAX);
		assert_whole(bytes, lens[i]);
		assert_int_equal(munmap(bytes, lens[i]), 0);
		close(fd);
	}
}

static void test_says_why_not(void **state)
{
	(void)state;
	for (size_t len = 1; len <= 2 * HUGE_PAGE; len += 2 * HUGE_PAGE - 1) {
		errno = 0;
		assert_null(pages_map(-1, len));
		assert_int_equal(errno, EBADF);
	}
}

/* KiB of huge pages that lead to the file for who maps it now. */
static unsigned long gathered_kib(int fd, size_t len)
{
	uint8_t *bytes = pages_map(fd, len);
	unsigned long found;

	assert_non_null(bytes);
	found = kib(bytes, "ShmemPmdMapped");
	munmap(bytes, len);
	return found;
}

/* When the time is over, nothing more is gathered. */
static void test_gathers_in_time(void **state)
{
	const size_t len = 2 * HUGE_PAGE;
	int fd = make_file(len);
	uint8_t *bytes = pages_map(fd, len);
	unsigned long before;

	(void)state;
	assert_non_null(bytes);
	before = gathered_kib(fd, len);
	pages_gather(bytes, len, 0);
	assert_int_equal(gathered_kib(fd, len), before);
	munmap(bytes, len);
	close(fd);
}

/* What one mapping has gathered the next one finds; both together have the memory of one. */
static void test_gathers_for_all(void **state)
{
	const size_t len = 4 * HUGE_PAGE + 5000;
	int fd = make_file(len);
	uint8_t *first = pages_map(fd, len), *second;
	bool can;

	(void)state;
	assert_non_null(first);
	/* What takes any advice, as an emulator of system calls does, follows none. */
	can = madvise(first, HUGE_PAGE, 25) == 0 && madvise(first, HUGE_PAGE, 9999) < 0;
	pages_gather(first, len, UINT64_MAX);
	second = pages_map(fd, len);
	assert_non_null(second);
	assert_whole(second, len);
	if (can) {
		assert_true(kib(second, "ShmemPmdMapped") * 1024 >= 3 * HUGE_PAGE);
		assert_true(kib(second, "Pss") * 1024 <= len * 3 / 4);
	}
	munmap(first, len);
	munmap(second, len);
	close(fd);
	if (!can) {
		print_message(
		    "# the kernel gathers no huge pages, or an emulator does not ask it\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_maps_all),
	    cmocka_unit_test(test_says_why_not),
	    cmocka_unit_test(test_gathers_in_time),
	    cmocka_unit_test(test_gathers_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
