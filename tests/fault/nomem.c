/* nomem.c - a program that gets no memory when a test says so: a library for LD_PRELOAD.
 *
 *   the test -- makes the file QUELL_NOMEM, zeros --> this library maps it, in each process of the program
 *
 * The file is a struct nomem. Each process takes the next row of it when it begins: the program itself has row 0, what it
 * forks the following ones, in that order. A row counts the calls that allocate (malloc(3) and the like, and mmap(2));
 * call number `from` (1 is the first) to `to` fail. The test may read and write all of it at any time, before there is
 * the process of a row, too. A process makes no system call for that: its sandbox is as ever.
 */
#include <dlfcn.h>
#include <errno.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROWS 512

struct row {
	uint64_t pid;	   /* 0: not taken */
	uint64_t n;	   /* calls so far */
	uint64_t from, to; /* those fail; 0: none */
	uint64_t failed;   /* so many have */
};

struct nomem {
	uint64_t n_rows; /* taken */
	struct row row[ROWS];
};

/* The C library's own, under their other names. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern pid_t __libc_fork(void);

static struct nomem *nomem;
static struct row *row; /* of this process; NULL: nothing fails */

static int n_spared; /* calls, one within the other, of the C library that do not survive it */

/* Libraries that do not survive it: lib/reserve.h sees to it that they do not have to, so their own calls do not count. */
static const char *const spared[] = {"/libseccomp.so", "/libconfuse.so"};
static struct {
	uintptr_t from, to;
} code[2];

static int find_code(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size, (void)ctx;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		for (unsigned k = 0; k < 2; k++) {
			if (strstr(info->dlpi_name, spared[k]) == NULL ||
			    info->dlpi_phdr[i].p_type != PT_LOAD ||
			    (info->dlpi_phdr[i].p_flags & PF_X) == 0)
				continue;
			code[k].from = from;
			code[k].to = from + info->dlpi_phdr[i].p_memsz;
		}
	}
	return 0;
}

static int is_spared(uintptr_t at)
{
	return (at >= code[0].from && at < code[0].to) || (at >= code[1].from && at < code[1].to);
}

static void take_row(void)
{
	uint64_t i = __atomic_fetch_add(&nomem->n_rows, 1, __ATOMIC_RELAXED);

	row = i < ROWS ? &nomem->row[i] : NULL;
	if (row != NULL)
		row->pid = (uint64_t)getpid();
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("QUELL_NOMEM");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *all;

	if (fd < 0)
		return;
	all = mmap(NULL, sizeof(*nomem), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (all == MAP_FAILED)
		return;
	nomem = all;
	(void)dl_iterate_phdr(find_code, NULL);
	take_row();
}

/* One call more, from `caller`: does it fail? */
static int fails_for(const void *caller)
{
	const uintptr_t at = (uintptr_t)caller;
	uint64_t n;

	if (row == NULL || n_spared != 0 || is_spared(at))
		return 0;
	n = __atomic_add_fetch(&row->n, 1, __ATOMIC_RELAXED);
	if (n < row->from || n > row->to)
		return 0;
	__atomic_add_fetch(&row->failed, 1, __ATOMIC_RELAXED);
	return 1;
}

pid_t fork(void)
{
	pid_t pid = __libc_fork();

	if (pid == 0 && nomem != NULL)
		take_row();
	return pid;
}

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t size)
{
	return fails_for(__builtin_return_address(0)) ? no_memory() : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails_for(__builtin_return_address(0)) ? no_memory() : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails_for(__builtin_return_address(0)) ? no_memory() : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all))
		return no_memory();
	return fails_for(__builtin_return_address(0)) ? no_memory() : __libc_realloc(old, all);
}

void *aligned_alloc(size_t align, size_t size)
{
	return fails_for(__builtin_return_address(0)) ? no_memory() : __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	*out = fails_for(__builtin_return_address(0)) ? NULL : __libc_memalign(align, size);
	return *out != NULL ? 0 : ENOMEM;
}

/* The C library's own: on some machines the system call has other arguments. */
#define MAPS(name, offset)                                                                         \
	void *name(void *at, size_t len, int prot, int flags, int fd, offset off)                  \
	{                                                                                          \
		void *(*real)(void *, size_t, int, int, int, offset);                              \
                                                                                                   \
		*(void **)&real = dlsym(RTLD_NEXT, #name);                                         \
		if (!fails_for(__builtin_return_address(0)))                                       \
			return real(at, len, prot, flags, fd, off);                                \
		errno = ENOMEM;                                                                    \
		return MAP_FAILED;                                                                 \
	}

MAPS(mmap, off_t)
MAPS(mmap64, off64_t)

char *strdup(const char *text)
{
	const size_t size = strlen(text) + 1;
	char *copy = fails_for(__builtin_return_address(0)) ? no_memory() : __libc_malloc(size);

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

char *strndup(const char *text, size_t max)
{
	const size_t len = strnlen(text, max);
	char *copy = fails_for(__builtin_return_address(0)) ? no_memory() : __libc_malloc(len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

/* The C library (2.36) looks for users where it got no memory for the table of where they are.  quelld does so before it has begun. */
#define SPARED(type, name, argument)                                                               \
	type name(argument value)                                                                  \
	{                                                                                          \
		type (*real)(argument);                                                            \
		type result;                                                                       \
                                                                                                   \
		n_spared++;                                                                        \
		*(void **)&real = dlsym(RTLD_NEXT, #name);                                         \
		result = real(value);                                                              \
		n_spared--;                                                                        \
		return result;                                                                     \
	}

SPARED(struct passwd *, getpwnam, const char *)
SPARED(struct passwd *, getpwuid, uid_t)
