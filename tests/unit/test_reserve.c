/* test_reserve.c - where the system gives no more memory, what was reserved is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs those above. */
#include <cmocka.h>

#include "lib/reserve.h"

#define RESERVED ((size_t)512 << 10)

#define N_BLOCKS 2048

static void *blocks[N_BLOCKS];

static const struct rlimit none = {0, 0};

/* How many blocks of 1 KiB a process gets that the system gives no more, after so much was reserved. */
static unsigned blocks_left(size_t reserved)
{
	struct reserve r;
	unsigned n = 0;

	if (reserve_take(&r, reserved) < 0 || setrlimit(RLIMIT_DATA, &none) < 0)
		return 0;
	while (n < N_BLOCKS && (blocks[n] = malloc(1024)) != NULL)
		n++;
	return n;
}

/* Does a child get at least `n`? */
static bool gets(size_t reserved, unsigned n)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(blocks_left(reserved) >= n ? EXIT_SUCCESS : EXIT_FAILURE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == EXIT_SUCCESS;
}

/* A system that takes the limit and gives memory all the same is an emulator, or valgrind. */
static void skip_without_limits(void)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		void *more = MAP_FAILED;

		if (setrlimit(RLIMIT_DATA, &none) == 0)
			more = mmap(NULL, RESERVED, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		_exit(more == MAP_FAILED ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) != EXIT_SUCCESS) {
		print_message("# a limit on memory does not hold here\n");
		skip();
	}
}

static void is_there(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip(); /* its malloc() is another */
#endif
	skip_without_limits();
	assert_true(gets(RESERVED, 400)); /* a block has a head, too */
	assert_false(gets(0, 400));
}

static void not_to_be_had(void **state)
{
	struct reserve r;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip();
#endif
	skip_without_limits();
	if (fork() == 0) {
		_exit(setrlimit(RLIMIT_DATA, &none) == 0 && reserve_take(&r, RESERVED) == ERR_NOMEM
			  ? EXIT_SUCCESS
			  : EXIT_FAILURE);
	} else {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_there),
	    cmocka_unit_test(not_to_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
