/* landlock.c - the three system calls of Landlock, with structs as the kernel reads them. */
#include "lib/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_VERSION 1U /* flag of landlock_create_ruleset: tell the ABI */
#define RULE_PATH      1U
#define RULE_PORT      2U
/* What can be allowed of something that is no folder. */
#define OF_A_FILE                                                                                  \
	(LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | LANDLOCK_TRUNCATE |         \
	    LANDLOCK_IOCTL_DEV)

/* Kernels take it as short as they know it. */
struct handled {
	uint64_t files, tcp, scope;
};

struct path_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return abi < 0 ? ERR_SYS : (int)abi;
}

/* Of these accesses to files, what `abi` knows. */
static uint64_t known_files(int abi, uint64_t files)
{
	if (abi < LANDLOCK_ABI_REFER)
		files &= ~LANDLOCK_REFER;
	if (abi < 3)
		files &= ~LANDLOCK_TRUNCATE;
	if (abi < 5)
		files &= ~LANDLOCK_IOCTL_DEV;
	return files;
}

int landlock_new(int abi, uint64_t files, uint64_t tcp, uint64_t scope)
{
	const struct handled handled = {
	    .files = known_files(abi, files),
	    .tcp = abi >= LANDLOCK_ABI_TCP ? tcp : 0,
	    .scope = abi >= LANDLOCK_ABI_SCOPE ? scope : 0,
	};
	size_t size = offsetof(struct handled, tcp);
	long fd;

	if (abi >= LANDLOCK_ABI_TCP)
		size = offsetof(struct handled, scope);
	if (abi >= LANDLOCK_ABI_SCOPE)
		size = sizeof(handled);
	fd = syscall(SYS_landlock_create_ruleset, &handled, size, 0U);
	return fd < 0 ? ERR_SYS : (int)fd;
}

int landlock_allow_path(int fd, int abi, uint64_t files, const char *path)
{
	struct path_rule rule = {.fd = open(path, O_PATH | O_CLOEXEC)};
	struct stat st;
	int err = 0;

	if (rule.fd < 0)
		return errno == ENOENT ? 0 : ERR_SYS;
	rule.allowed = known_files(abi, files);
	if (fstat(rule.fd, &st) < 0)
		err = ERR_SYS;
	else if (!S_ISDIR(st.st_mode))
		rule.allowed &= OF_A_FILE;
	/* EBADFD: it is in no file system, as a pipe that is opened by /dev/stdin. */
	if (err == 0 && rule.allowed != 0 &&
	    syscall(SYS_landlock_add_rule, fd, RULE_PATH, &rule, 0U) < 0 && errno != EBADFD)
		err = ERR_SYS;
	(void)close(rule.fd);
	return err;
}

int landlock_allow_port(int fd, uint64_t tcp, uint16_t port)
{
	const struct port_rule rule = {.allowed = tcp, .port = port};

	return syscall(SYS_landlock_add_rule, fd, RULE_PORT, &rule, 0U) < 0 ? ERR_SYS : 0;
}

int landlock_apply(int fd)
{
	return syscall(SYS_landlock_restrict_self, fd, 0U) < 0 ? ERR_SYS : 0;
}
