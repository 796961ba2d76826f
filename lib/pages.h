/* pages.h - a large file in memory, mapped so that looking something up in it costs little.
 *
 * Each look-up at another place makes the processor walk its page tables too; huge pages spare it that.
 * The pages of a file in memory (memfd_create(2)) are shared by all who map it: so one process gathers
 * them, and all who map it from then on have huge pages, and no memory of their own.
 */
#ifndef QUELL_PAGES_H
#define QUELL_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* Map bytes [0, len) of a file, len > 0, to read, so that huge pages may lead to them; they are in the
 * page tables at once.  Returns them, to be given back with munmap(bytes, len), or NULL and errno. */
void *pages_map(int fd, size_t len);

/* Gather what pages_map() gave in huge pages, as far as it fills any and until `limit_ns` are over.  Nothing happens where
 * the kernel cannot (before Linux 6.1), or has no such page left.  Cost: as a copy; for a page that the kernel has to make
 * room for, 7 ms more. */
void pages_gather(void *bytes, size_t len, uint64_t limit_ns);

#endif
