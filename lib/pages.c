/* pages.c - mapping at an address that huge pages need. */
#include "lib/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include "lib/clock.h"

#define HUGE_PAGE ((size_t)2 << 20) /* of processors with pages of 4 KiB */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* <linux/mman.h>, from 6.1 on */
#endif

/* `n` to the next multiple of a power of two. */
static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* Addresses for len bytes, from a multiple of HUGE_PAGE on; MAP_FAILED: there are none. */
static char *reserve(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), used = round_up(len, page);
	char *all = mmap(
	    NULL, used + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	if (all == MAP_FAILED)
		return all;
	before = round_up((uintptr_t)all, HUGE_PAGE) - (uintptr_t)all;
	if (before != 0)
		(void)munmap(all, before);
	(void)munmap(all + before + used, HUGE_PAGE - before);
	return all + before;
}

void *pages_map(int fd, size_t len)
{
	/* Private, yet the same pages: before Linux 6.7 a file that is sealed against writing cannot
	 * be mapped shared, even to read. */
	int flags = MAP_PRIVATE | MAP_POPULATE;
	char *at = len >= HUGE_PAGE ? reserve(len) : NULL;
	void *bytes;

	if (at == MAP_FAILED)
		return NULL;
	bytes = mmap(at, len, PROT_READ, at != NULL ? flags | MAP_FIXED : flags, fd, 0);
	if (bytes != MAP_FAILED)
		return bytes;
	if (at != NULL)
		(void)munmap(at, len);
	return NULL;
}

void pages_gather(void *bytes, size_t len, uint64_t limit_ns)
{
	const uint64_t begin_ns = clock_ns();

	for (size_t at = 0; at + HUGE_PAGE <= len && clock_ns() - begin_ns < limit_ns;
	     at += HUGE_PAGE)
		(void)madvise((char *)bytes + at, HUGE_PAGE, MADV_COLLAPSE);
}
