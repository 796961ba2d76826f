/* clock.c - the time since boot. */
#include "lib/clock.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_ns(void)
{
	struct timespec ts = {0};

	/* Fails only for a clock that the kernel lacks; this one is there since Linux 2.6.39. */
	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t clock_ms(void)
{
	return clock_ns() / CLOCK_NS_PER_MS;
}

void clock_boot(char boot[CLOCK_BOOT_SIZE])
{
	int fd = open(CLOCK_BOOT_FILE, O_RDONLY | O_CLOEXEC);

	memset(boot, 0, CLOCK_BOOT_SIZE);
	if (fd < 0)
		return;
	if (read(fd, boot, CLOCK_BOOT_SIZE - 1) != CLOCK_BOOT_SIZE - 1)
		boot[0] = '\0';
	(void)close(fd);
}
