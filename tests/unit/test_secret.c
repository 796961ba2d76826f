/* test_secret.c - the secret of the cookies in the parent: kept, rolled, told; the workers are the test's
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "resolver/io/timer.h"
#include "resolver/server.h"
#include "tests/unit/scratch.h"

#define FILE_SIZE 49
#define MADE_OFF  8
#define ROLL_OFF  16

/* ---- the workers ---- */

struct supervisor {
	unsigned n_one, n_all; /* messages */
	struct cookie_secrets told;
};

static struct supervisor workers;

static void take(enum channel_type type, const void *payload, size_t len)
{
	assert_int_equal(type, CHANNEL_COOKIES);
	assert_int_equal(len, sizeof(workers.told));
	memcpy(&workers.told, payload, len);
}

bool supervise_send(struct supervisor *s, unsigned worker, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd)
{
	(void)worker, (void)serial, (void)fd;
	s->n_one++;
	take(type, payload, len);
	return true;
}

void supervise_send_all(struct supervisor *s, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd)
{
	(void)serial, (void)fd;
	s->n_all++;
	take(type, payload, len);
}

/* ---- the server ---- */

static struct server *server;

static void start(void)
{
	server = calloc(1, sizeof(*server));
	assert_non_null(server);
	server->base = event_base_new();
	server->conf = conf_new();
	assert_true(server->base != NULL && server->conf != NULL);
	server->workers = &workers;
	(void)snprintf(server->conf->state_dir, sizeof(server->conf->state_dir), "state");
	(void)snprintf(server->conf->rules, sizeof(server->conf->rules), "own/rules");
	assert_int_equal(secret_init(server), 0);
	secret_tell(server, 0);
	assert_true(workers.told.known);
}

static void stop(void)
{
	secret_fini(server);
	conf_free(server->conf);
	event_base_free(server->base);
	free(server);
	server = NULL;
}

static void restart(void)
{
	stop();
	start();
}

static int set_up(void **state)
{
	workers = (struct supervisor){.n_one = 0};
	return scratch_set_up(state) == 0 && mkdir("state", 0700) == 0 && mkdir("own", 0700) == 0
		   ? 0
		   : -1;
}

static int tear_down(void **state)
{
	if (server != NULL)
		stop();
	return scratch_tear_down(state);
}

/* Change byte `off` of the file. */
static void poke(const char *path, size_t off, char byte)
{
	char bytes[FILE_SIZE + 1];

	assert_int_equal(scratch_read(path, bytes, sizeof(bytes)), FILE_SIZE);
	bytes[off] = byte;
	scratch_write_bytes(path, bytes, FILE_SIZE);
}

/* Say in the file that it was made `age_s` ago. */
static void set_age(const char *path, int64_t age_s)
{
	uint64_t made = (uint64_t)(time(NULL) - age_s);

	for (unsigned i = 0; i < 8; i++)
		poke(path, MADE_OFF + i, (char)(made >> (56 - 8 * i)));
}

static void assert_same(const struct cookie_secrets *a, const struct cookie_secrets *b)
{
	assert_memory_equal(a->current, b->current, sizeof(a->current));
	assert_int_equal(a->rolled, b->rolled);
	assert_memory_equal(a->previous, b->previous, sizeof(a->previous));
}

/* `now` has a new one, and the one of `before` as the previous. */
static void assert_rolled(const struct cookie_secrets *now, const struct cookie_secrets *before)
{
	assert_true(now->rolled);
	assert_memory_equal(now->previous, before->current, sizeof(before->current));
	assert_memory_not_equal(now->current, before->current, sizeof(before->current));
}

/* ---- tests ---- */

static void is_drawn_and_kept(void **state)
{
	struct cookie_secrets first;
	struct stat st;

	(void)state;
	start();
	first = workers.told;
	assert_false(first.rolled);
	assert_int_equal(stat("state/" SECRET_FILE, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, FILE_SIZE);
	assert_int_equal(access("own/" SECRET_FILE, F_OK), -1);
	restart();
	assert_same(&workers.told, &first);
	/* Another machine has another. */
	assert_int_equal(unlink("state/" SECRET_FILE), 0);
	restart();
	assert_memory_not_equal(workers.told.current, first.current, sizeof(first.current));
}

static void tells_the_time(void **state)
{
	int64_t wall_s;

	(void)state;
	start();
	wall_s = workers.told.wall_s + (int64_t)(clock_ms() / 1000);
	assert_in_range(wall_s, (uint64_t)time(NULL) - 2, (uint64_t)time(NULL) + 2);
}

static void an_old_one_is_rolled_at_the_start(void **state)
{
	static const int64_t ages_s[] = {SECRET_LIFE_S, 100 * SECRET_LIFE_S, -60, -100000000};

	(void)state;
	start();
	for (size_t i = 0; i < sizeof(ages_s) / sizeof(ages_s[0]); i++) {
		struct cookie_secrets before = workers.told;

		set_age("state/" SECRET_FILE, ages_s[i]);
		restart();
		assert_rolled(&workers.told, &before);
		before = workers.told;
		restart();
		assert_same(&workers.told, &before);
	}
}

/* One that lived for its time less a second is due within one. */
static void is_rolled_in_time(void **state)
{
	struct cookie_secrets before, after;
	unsigned n_all;

	(void)state;
	start();
	before = workers.told;
	set_age("state/" SECRET_FILE, SECRET_LIFE_S - 1);
	restart();
	if (!workers.told.rolled)
		while (workers.n_all == 0)
			assert_int_equal(event_base_loop(server->base, EVLOOP_ONCE), 0);
	after = workers.told;
	n_all = workers.n_all; /* none where the second was over at the start */
	assert_rolled(&after, &before);
	assert_int_equal(after.wall_s, server->secret.cookies.wall_s);
	/* It is kept, and the next is not due yet. */
	restart();
	assert_same(&workers.told, &after);
	assert_true(evtimer_pending(server->secret.roll, NULL));
	assert_int_equal(event_base_loop(server->base, EVLOOP_NONBLOCK), 0);
	assert_int_equal(workers.n_all, n_all);
}

/* From 60 to 100 % of a day. */
static void the_next_roll_is_within_a_day(void **state)
{
	uint64_t least_s = UINT64_MAX, most_s = 0;

	(void)state;
	start();
	for (unsigned i = 0; i < 60; i++) {
		union timer_wait at;
		struct timeval now;
		uint64_t wait_s;

		restart();
		assert_true(event_pending(server->secret.roll, EV_TIMEOUT, &at.tv));
		assert_int_equal(gettimeofday(&now, NULL), 0);
		wait_s = (uint64_t)(at.s - now.tv_sec);
		assert_in_range(wait_s, SECRET_LIFE_S * 6 / 10 - 60, SECRET_LIFE_S + 1);
		least_s = wait_s < least_s ? wait_s : least_s;
		most_s = wait_s > most_s ? wait_s : most_s;
	}
	assert_true(most_s - least_s > SECRET_LIFE_S / 20);
}

/* In the jail of a service the lists' folder is another's. */
static void the_folder_of_the_rules_does_too(void **state)
{
	struct cookie_secrets first;

	(void)state;
	assert_int_equal(rmdir("state"), 0);
	start();
	first = workers.told;
	assert_int_equal(access("own/" SECRET_FILE, R_OK), 0);
	restart();
	assert_same(&workers.told, &first);
}

static void without_a_folder_it_is_in_memory(void **state)
{
	struct scratch_output said;
	struct cookie_secrets first;

	(void)state;
	assert_int_equal(rmdir("state"), 0);
	assert_int_equal(rmdir("own"), 0);
	scratch_capture_begin();
	start();
	scratch_capture_end(&said);
	assert_non_null(strstr(said.err, "warning cookies the secret is only in memory"));
	first = workers.told;
	restart();
	assert_memory_not_equal(workers.told.current, first.current, sizeof(first.current));
}

static void what_is_no_secret_is_replaced(void **state)
{
	static const char *const path = "state/" SECRET_FILE;
	struct cookie_secrets before;
	char bytes[FILE_SIZE + 2];

	(void)state;
	start();
	for (unsigned i = 0; i < 7; i++) {
		struct scratch_output said;

		before = workers.told;
		assert_int_equal(scratch_read(path, bytes, sizeof(bytes)), FILE_SIZE);
		switch (i) {
		case 0:
			scratch_write_bytes(path, bytes, FILE_SIZE - 1);
			break;
		case 1:
			scratch_write_bytes(path, bytes, FILE_SIZE + 1);
			break;
		case 2:
			poke(path, 0, 'Q');
			break;
		case 3:
			poke(path, ROLL_OFF, 2);
			break;
		case 5: /* made before there was time: it would never be old */
			poke(path, MADE_OFF, (char)0x80);
			break;
		case 4:
			scratch_write(path, "");
			break;
		default:
			assert_int_equal(chmod(path, 0640), 0);
			break;
		}
		scratch_capture_begin();
		restart();
		scratch_capture_end(&said);
		assert_non_null(strstr(said.err, "warning cookies state/" SECRET_FILE));
		assert_false(workers.told.rolled);
		assert_memory_not_equal(
		    workers.told.current, before.current, sizeof(before.current));
		before = workers.told;
		restart();
		assert_same(&workers.told, &before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(is_drawn_and_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(tells_the_time, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_old_one_is_rolled_at_the_start, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(is_rolled_in_time, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_next_roll_is_within_a_day, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_folder_of_the_rules_does_too, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_a_folder_it_is_in_memory, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_secret_is_replaced, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
