/* landlock.h - Landlock (landlock(7)): what a process may do with files, ports and other processes, restricted by
 * itself, for ever, and for all that it starts.
 *
 *   landlock_new(what is handled) -> landlock_allow_*() -> landlock_apply(): handled and not allowed is denied
 *
 * The C library has no functions for it, and the kernel's headers of the oldest system that is supported lack the
 * newer half of its constants, which never change: they are here.
 */
#ifndef QUELL_LANDLOCK_H
#define QUELL_LANDLOCK_H

#include <stdint.h>

#include "lib/err.h"

/* Access to files.  Descriptors that are open are not restricted. */
#define LANDLOCK_EXECUTE     (UINT64_C(1) << 0)
#define LANDLOCK_WRITE_FILE  (UINT64_C(1) << 1)
#define LANDLOCK_READ_FILE   (UINT64_C(1) << 2)
#define LANDLOCK_READ_DIR    (UINT64_C(1) << 3)
#define LANDLOCK_REMOVE_DIR  (UINT64_C(1) << 4)
#define LANDLOCK_REMOVE_FILE (UINT64_C(1) << 5)
#define LANDLOCK_MAKE_CHAR   (UINT64_C(1) << 6)
#define LANDLOCK_MAKE_DIR    (UINT64_C(1) << 7)
#define LANDLOCK_MAKE_REG    (UINT64_C(1) << 8)
#define LANDLOCK_MAKE_SOCK   (UINT64_C(1) << 9)
#define LANDLOCK_MAKE_FIFO   (UINT64_C(1) << 10)
#define LANDLOCK_MAKE_BLOCK  (UINT64_C(1) << 11)
#define LANDLOCK_MAKE_SYM    (UINT64_C(1) << 12)
#define LANDLOCK_REFER	     (UINT64_C(1) << 13) /* rename or link into another folder; ABI 2 */
#define LANDLOCK_TRUNCATE    (UINT64_C(1) << 14) /* ABI 3 */
#define LANDLOCK_IOCTL_DEV   (UINT64_C(1) << 15) /* ABI 5 */
#define LANDLOCK_FILES	     ((UINT64_C(1) << 16) - 1)

/* Use of TCP ports; ABI 4. */
#define LANDLOCK_BIND_TCP    (UINT64_C(1) << 0)
#define LANDLOCK_CONNECT_TCP (UINT64_C(1) << 1)

/* Processes outside; ABI 6.  Nothing can be allowed. */
#define LANDLOCK_ABSTRACT                                                                          \
	(UINT64_C(1) << 0)		   /* to connect to their Unix sockets that have no file */
#define LANDLOCK_SIGNAL (UINT64_C(1) << 1) /* to send them signals */

#define LANDLOCK_ABI_REFER 2 /* before it, no file could be renamed into another folder */
#define LANDLOCK_ABI_TCP   4
#define LANDLOCK_ABI_SCOPE 6

/* What the kernel knows, from 1 on; or ERR_SYS with errno: ENOSYS or EOPNOTSUPP: nothing. */
int landlock_abi(void);

/* Access that is denied from landlock_apply() on unless it is allowed; what `abi` does not know is left out.  Returns
 * a descriptor, the caller's, or ERR_SYS with errno. */
int landlock_new(int abi, uint64_t files, uint64_t tcp, uint64_t scope);

/* Allow `files` at `path`: of a folder, for all below it.  A path that is not there allows nothing, and a pipe
 * needs no leave.  Returns 0 or ERR_SYS. */
int landlock_allow_path(int fd, int abi, uint64_t files, const char *path) QUELL_CHECK;

/* Allow `tcp` for a port.  Returns 0 or ERR_SYS. */
int landlock_allow_port(int fd, uint64_t tcp, uint16_t port) QUELL_CHECK;

/* From now on.  Needs no_new_privs.  Returns 0 or ERR_SYS. */
int landlock_apply(int fd) QUELL_CHECK;

#endif
