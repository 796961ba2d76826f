/* test_witness.c - who holds a port, asked of a child that stays root, and without one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "resolver/witness.h"

/* A bound socket of our own on loopback, its address into *a. */
static int open_own(union addr *a)
{
	socklen_t len = sizeof(*a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(a, 0, sizeof(*a));
	a->in4.sin_family = AF_INET;
	a->in4.sin_addr.s_addr = htonl(0x7f00007f); /* as in test_holder.c */
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &a->sa, sizeof(a->in4)), 0);
	assert_int_equal(getsockname(fd, &a->sa, &len), 0);
	return fd;
}

static void test_witness(void **state)
{
	struct witness w;
	struct holder h;
	union addr a;
	int fd = open_own(&a);

	(void)state;
	witness_start(&w);
	if (geteuid() != 0)
		assert_int_equal(w.fd, -1);
	witness_find(&h, &w, &a, false); /* without a witness it looks itself */
	assert_true(h.found);
	assert_int_equal(h.uid, getuid());
	assert_int_equal(h.pid, getpid());
	witness_find(&h, &w, &a, true);
	assert_false(h.found);
	witness_stop(&w);
	assert_int_equal(w.fd, -1);
	witness_stop(&w);
	witness_find(&h, NULL, &a, false);
	assert_int_equal(h.pid, getpid());
	assert_int_equal(close(fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_witness),
	};

	return cmocka_run_group_tests_name("witness", tests, NULL, NULL);
}
