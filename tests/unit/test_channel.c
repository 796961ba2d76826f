/* test_channel.c - messages between processes, with and without a descriptor. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/channel.h"

static struct channel_message message;

static int setup(void **state)
{
	static int pair[2];

	*state = pair;
	return channel_pair(pair);
}

static int teardown(void **state)
{
	int *pair = *state;

	for (int i = 0; i < 2; i++) {
		if (pair[i] >= 0)
			close(pair[i]);
	}
	return 0;
}

static bool same_file(int a, int b)
{
	struct stat of_a, of_b;

	assert_return_code(fstat(a, &of_a), errno);
	assert_return_code(fstat(b, &of_b), errno);
	return of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

static void test_whole_messages_in_order(void **state)
{
	const int *pair = *state;
	uint8_t big[CHANNEL_MAX];

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7);
	assert_int_equal(channel_send(pair[0], CHANNEL_WHY, 77, big, sizeof(big), -1), 0);
	assert_int_equal(channel_send(pair[0], CHANNEL_STATS, 78, NULL, 0, -1), 0);

	assert_int_equal(channel_receive(pair[1], &message), 1);
	assert_int_equal(message.head.type, CHANNEL_WHY);
	assert_int_equal(message.head.serial, 77);
	assert_int_equal(message.len, sizeof(big));
	assert_memory_equal(message.payload, big, sizeof(big));
	assert_int_equal(message.fd, -1);

	assert_int_equal(channel_receive(pair[1], &message), 1);
	assert_int_equal(message.head.type, CHANNEL_STATS);
	assert_int_equal(message.head.serial, 78);
	assert_int_equal(message.len, 0);

	assert_int_equal(channel_receive(pair[1], &message), ERR_SYS);
	assert_int_equal(errno, EAGAIN);
}

static void test_descriptor_goes_along(void **state)
{
	const int *pair = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(channel_send(pair[1], CHANNEL_IMAGE, 1, "x", 1, fd), 0);
	assert_int_equal(channel_receive(pair[0], &message), 1);
	assert_true(message.fd >= 0 && message.fd != fd);
	assert_true(same_file(message.fd, fd));
	assert_true(fcntl(message.fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(message.fd);
	close(fd);
}

static void test_both_ends_are_safe_to_inherit(void **state)
{
	const int *pair = *state;

	for (int i = 0; i < 2; i++) {
		assert_true(fcntl(pair[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(pair[i], F_GETFL) & O_NONBLOCK);
	}
}

static void test_closed(void **state)
{
	int *pair = *state;

	assert_int_equal(channel_send(pair[0], CHANNEL_STATS, 0, NULL, 0, -1), 0);
	close(pair[0]);
	pair[0] = -1;
	/* What was sent before is still read. */
	assert_int_equal(channel_receive(pair[1], &message), 1);
	assert_int_equal(channel_receive(pair[1], &message), 0);
	assert_int_equal(channel_send(pair[1], CHANNEL_STATS, 0, NULL, 0, -1), ERR_SYS);
	assert_int_equal(errno, EPIPE);
}

static void test_closed_with_messages_unread(void **state)
{
	int *pair = *state;

	assert_int_equal(channel_send(pair[1], CHANNEL_STATS, 0, NULL, 0, -1), 0);
	close(pair[0]);
	pair[0] = -1;
	assert_int_equal(channel_receive(pair[1], &message), 0);
}

static void test_too_long(void **state)
{
	static const uint8_t bytes[CHANNEL_MAX + sizeof(struct channel_head) + 1];
	const int *pair = *state;

	assert_int_equal(
	    channel_send(pair[0], CHANNEL_WHY, 0, bytes, CHANNEL_MAX + 1, -1), ERR_RANGE);
	assert_int_equal(send(pair[0], bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_int_equal(channel_receive(pair[1], &message), ERR_FORMAT);
	assert_int_equal(message.fd, -1);
}

static void test_too_short(void **state)
{
	const int *pair = *state;

	assert_int_equal(send(pair[0], "1234567", 7, 0), 7);
	assert_int_equal(channel_receive(pair[1], &message), ERR_FORMAT);
}

/* More than one descriptor is no message of ours, and none of them stays open. */
static void test_descriptors_do_not_leak(void **state)
{
	const int *pair = *state;
	struct channel_head head = {.type = CHANNEL_IMAGE};
	struct iovec iov = {.iov_base = &head, .iov_len = sizeof(head)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	int pipe_fds[2], two[2];
	char byte;

	assert_return_code(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), errno);
	two[0] = two[1] = pipe_fds[1];
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(two));
	memcpy(CMSG_DATA(&control.align), two, sizeof(two));
	assert_int_equal(sendmsg(pair[0], &msg, 0), sizeof(head));
	assert_int_equal(channel_receive(pair[1], &message), ERR_FORMAT);
	assert_int_equal(message.fd, -1);
	close(pipe_fds[1]);
	/* With its last writer the pipe has ended. */
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0);
	close(pipe_fds[0]);
}

static void test_full(void **state)
{
	static const uint8_t bytes[CHANNEL_MAX];
	const int *pair = *state;
	unsigned sent = 0;

	while (channel_send(pair[0], CHANNEL_WHY, sent, bytes, sizeof(bytes), -1) == 0)
		assert_true(++sent < 10000);
	assert_int_equal(errno, EAGAIN);
	assert_true(sent > 0);
	for (unsigned i = 0; i < sent; i++) {
		assert_int_equal(channel_receive(pair[1], &message), 1);
		assert_int_equal(message.head.serial, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_whole_messages_in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_descriptor_goes_along, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_both_ends_are_safe_to_inherit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_closed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_closed_with_messages_unread, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_too_short, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_descriptors_do_not_leak, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
