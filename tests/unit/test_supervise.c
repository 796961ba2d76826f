/* test_supervise.c - workers that start, answer, die and are replaced; worker_run() is the test's
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/health.h"
#include "resolver/supervise.h"
#include "resolver/worker.h"

/* What the test's worker does with a message, besides answering pings, and ending when the channel does:
 * answer STATS with its pid and how many descriptors it has; die of FLUSH; leave at CACHED; after NETWORK, loop for ever at the
 * second ping; ignore that the channel ends after WHY. */
int worker_run(int channel)
{
	static struct channel_message m;
	bool stubborn = false, looping = false;
	unsigned n_pings = 0;

	for (;;) {
		struct pollfd p = {.fd = channel, .events = POLLIN};
		int32_t answer[2] = {getpid(), 0};
		int got;

		if (poll(&p, 1, -1) < 0)
			return 1;
		got = channel_receive(channel, &m);
		if (got != 1 && stubborn)
			for (;;)
				(void)pause();
		if (got != 1)
			return got == 0 ? 0 : 1;
		stubborn = stubborn || m.head.type == CHANNEL_WHY;
		if (m.head.type == CHANNEL_FLUSH)
			_exit(3);
		if (m.head.type == CHANNEL_CACHED)
			return channel_send(channel, CHANNEL_LEAVE, 0, NULL, 0, -1) < 0;
		looping = looping || m.head.type == CHANNEL_NETWORK;
		n_pings += m.head.type == CHANNEL_PING;
		if (looping && n_pings == 2)
			for (;;)
				(void)getppid();
		if (m.head.type == CHANNEL_PING &&
		    channel_send(channel, CHANNEL_PING, m.head.serial, NULL, 0, -1) < 0)
			return 1;
		for (int fd = 3; fd < 64; fd++)
			answer[1] += fd != channel && fcntl(fd, F_GETFD) >= 0;
		if (m.head.type == CHANNEL_STATS &&
		    channel_send(
			channel, CHANNEL_STATS, m.head.serial, answer, sizeof(answer), -1) < 0)
			return 1;
	}
}

struct fixture {
	struct event_base *base;
	struct supervisor *workers;
	unsigned n_started, n_died, n_ended;
	unsigned answers; /* bit n: worker n */
	int32_t pid[2], n_fds[2];
	unsigned wanted_started, wanted_answers;
};

/* Leave the loop when what the test waits for has come. */
static void look(struct fixture *f)
{
	if (f->n_started >= f->wanted_started && f->answers == f->wanted_answers)
		(void)event_base_loopbreak(f->base);
}

static void on_started(void *ctx, unsigned worker)
{
	struct fixture *f = ctx;

	assert_true(supervise_send(f->workers, worker, CHANNEL_STATS, 7, NULL, 0, -1));
	f->n_started++;
	look(f);
}

static void on_message(void *ctx, unsigned worker, const struct channel_message *m)
{
	struct fixture *f = ctx;

	assert_int_equal(m->head.type, CHANNEL_STATS);
	assert_int_equal(m->head.serial, 7);
	memcpy(&f->pid[worker], m->payload, sizeof(int32_t));
	memcpy(&f->n_fds[worker], m->payload + sizeof(int32_t), sizeof(int32_t));
	f->answers |= 1U << worker;
	look(f);
}

static void on_died(void *ctx, unsigned worker)
{
	struct fixture *f = ctx;

	f->n_died++;
	f->answers &= ~(1U << worker);
}

static void on_ended(void *ctx)
{
	struct fixture *f = ctx;

	f->n_ended++;
	(void)event_base_loopbreak(f->base);
}

/* Run until so many were started in all, and all of them have answered. */
static void run_until(struct fixture *f, unsigned n_started)
{
	f->wanted_started = n_started;
	f->wanted_answers = (1U << supervise_n(f->workers)) - 1;
	assert_int_equal(event_base_dispatch(f->base), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct supervise_hooks hooks = {
	    .ctx = f, .started = on_started, .message = on_message, .died = on_died};

	assert_non_null(f);
	f->base = event_base_new();
	f->workers = supervise_new(f->base, 2, &hooks);
	assert_non_null(f->workers);
	supervise_start(f->workers);
	run_until(f, 2);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	supervise_free(f->workers);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void test_start(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(supervise_running(f->workers), 2);
	assert_int_not_equal(f->pid[0], f->pid[1]);
	assert_int_not_equal(f->pid[0], getpid());
	/* Nothing of the parent's is open in them. */
	assert_int_equal(f->n_fds[0], 0);
	assert_int_equal(f->n_fds[1], 0);
}

static void test_replace(void **state)
{
	struct fixture *f = *state;
	int32_t first = f->pid[0], second = f->pid[1];

	assert_true(supervise_send(f->workers, 1, CHANNEL_FLUSH, 0, NULL, 0, -1));
	run_until(f, 3);
	assert_int_equal(f->n_died, 1);
	assert_int_equal(f->pid[0], first);
	assert_int_not_equal(f->pid[1], second);
	supervise_kill(f->workers, 0, "the test does");
	run_until(f, 4);
	assert_int_equal(f->n_died, 2);
	assert_int_not_equal(f->pid[0], first);
}

/* One that said it would leave has not died; the next one has to say so itself. */
static void test_leave(void **state)
{
	struct fixture *f = *state;
	const int32_t other = f->pid[1], first = f->pid[0];
	struct supervise_past past;

	assert_true(supervise_send(f->workers, 0, CHANNEL_CACHED, 0, NULL, 0, -1));
	run_until(f, 3);
	assert_int_equal(f->n_died, 1); /* who waits for its answer is told */
	assert_int_not_equal(f->pid[0], first);
	assert_int_equal(f->pid[1], other);
	supervise_past(f->workers, 0, &past);
	assert_int_equal(past.n_died, 0);

	assert_true(supervise_send(f->workers, 0, CHANNEL_FLUSH, 0, NULL, 0, -1));
	run_until(f, 4);
	supervise_past(f->workers, 0, &past);
	assert_int_equal(past.n_died, 1);
	assert_string_not_equal(past.why, "");
}

/* A crash loop is slowed down, not given up. */
static void test_crash_loop(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < HEALTH_DEATHS + 1; i++) {
		supervise_kill(f->workers, 0, "the test does");
		run_until(f, 3 + i);
	}
	assert_int_equal(f->n_died, HEALTH_DEATHS + 1);
	assert_int_equal(supervise_running(f->workers), 2);
	assert_true(supervise_loops(f->workers, 0));
	assert_false(supervise_loops(f->workers, 1));
}

/* One that does not read is replaced when its channel is full. */
static void test_stuck(void **state)
{
	struct fixture *f = *state;
	static const struct options options;
	unsigned n = 0;

	assert_true(supervise_send(f->workers, 0, CHANNEL_WHY, 0, NULL, 0, -1));
	assert_int_equal(kill(f->pid[0], SIGSTOP), 0);
	while (supervise_send(f->workers, 0, CHANNEL_OPTIONS, 0, &options, sizeof(options), -1))
		assert_true(++n < 1000);
	run_until(f, 3);
	assert_int_equal(f->n_died, 1);
}

/* Of two that answer pings, one comes no more to do so: it is replaced, and the idle one stays. */
static void test_stands_still(void **state)
{
	struct fixture *f = *state;
	const int32_t idle = f->pid[1];
	struct supervise_past past;

	assert_true(supervise_send(f->workers, 0, CHANNEL_NETWORK, 0, NULL, 0, -1));
	run_until(f, 3);
	assert_int_equal(f->n_died, 1);
	assert_int_equal(f->pid[1], idle);
	supervise_past(f->workers, 0, &past);
	assert_int_equal(past.n_died, 1);
	assert_string_equal(past.why, "it stands still: signal 9 (Killed)");
	assert_false(past.by_others);
	supervise_past(f->workers, 1, &past);
	assert_int_equal(past.n_died, 0);
}

static void test_stop(void **state)
{
	struct fixture *f = *state;

	supervise_stop(f->workers, 60000, on_ended, f);
	assert_int_equal(event_base_dispatch(f->base), 0);
	assert_int_equal(f->n_ended, 1);
	assert_int_equal(supervise_running(f->workers), 0);
	assert_int_equal(f->n_started, 2);
}

static void test_stop_stubborn(void **state)
{
	struct fixture *f = *state;

	assert_true(supervise_send(f->workers, 0, CHANNEL_WHY, 0, NULL, 0, -1));
	supervise_stop(f->workers, 50, on_ended, f);
	assert_int_equal(event_base_dispatch(f->base), 0);
	assert_int_equal(supervise_running(f->workers), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_start),
	    TEST(test_replace),
	    TEST(test_leave),
	    TEST(test_crash_loop),
	    TEST(test_stuck),
	    TEST(test_stands_still),
	    TEST(test_stop),
	    TEST(test_stop_stubborn),
	};

	return cmocka_run_group_tests_name("supervise", tests, NULL, NULL);
}
