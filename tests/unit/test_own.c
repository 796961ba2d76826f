/* test_own.c - the user's own rules in the parent: who is told what, and when; the workers are the
 * test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "resolver/core/overlay.h"
#include "resolver/server.h"
#include "tests/unit/scratch.h"

#define N_WORKERS 2

static const struct hash_key secret = {1, 2};

/* ---- the workers ---- */

struct supervisor {
	bool runs[N_WORKERS];
	unsigned n_told[N_WORKERS];
	uint32_t serial;
	struct overlay *rules[N_WORKERS];
};

static struct supervisor workers;

unsigned supervise_n(const struct supervisor *s)
{
	(void)s;
	return N_WORKERS;
}

bool supervise_send(struct supervisor *s, unsigned worker, enum channel_type type, uint32_t serial,
    const void *payload, size_t len, int fd)
{
	static uint8_t bytes[OVERLAY_SIZE];
	struct channel_overlay message;

	assert_int_equal(type, CHANNEL_OVERLAY);
	assert_int_equal(len, sizeof(message));
	memcpy(&message, payload, len);
	assert_true((fd >= 0) == (message.len != 0));
	if (!s->runs[worker])
		return false;
	if (fd >= 0)
		assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), message.len);
	assert_int_equal(overlay_set(s->rules[worker], message.paused != 0, bytes, message.len), 0);
	s->n_told[worker]++;
	s->serial = serial;
	return true;
}

/* 'a', 'b' or '-' for what worker `worker` says of the name. */
static char says(unsigned worker, const char *text)
{
	uint8_t name[NAME_SIZE];
	size_t len;

	assert_int_equal(name_from_text(text, strlen(text), name, &len), 0);
	return "-ab"[overlay_judge(workers.rules[worker], name)];
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
	(void)snprintf(server->conf->rules, sizeof(server->conf->rules), "rules");
	assert_int_equal(own_init(server), 0);
	own_read(server);
}

static void stop(void)
{
	own_fini(server);
	conf_free(server->conf);
	event_base_free(server->base);
	free(server);
}

static int set_up(void **state)
{
	workers = (struct supervisor){.runs = {true, true}};
	for (unsigned i = 0; i < N_WORKERS; i++)
		workers.rules[i] = overlay_new(&secret);
	if (scratch_set_up(state) != 0)
		return -1;
	start();
	return 0;
}

static int tear_down(void **state)
{
	stop();
	for (unsigned i = 0; i < N_WORKERS; i++)
		free(workers.rules[i]);
	return scratch_tear_down(state);
}

static char said[4096];

/* `command arguments`; what is answered is in `said`.  Returns what own_request() does. */
static int request(const char *command, const char *arguments, uint64_t *waiting)
{
	struct evbuffer *to = evbuffer_new();
	struct why why = {""};
	size_t len;
	int err;

	assert_non_null(to);
	assert_true(own_is_command(command));
	err = own_request(server, command, arguments, 77, waiting, to, &why);
	len = evbuffer_get_length(to);
	assert_true(len < sizeof(said));
	(void)evbuffer_remove(to, said, len);
	said[len] = '\0';
	if (err < 0)
		(void)snprintf(said, sizeof(said), "%s", why.text);
	evbuffer_free(to);
	return err;
}

static void do_it(const char *command, const char *arguments, const char *answer)
{
	uint64_t waiting;

	assert_int_equal(request(command, arguments, &waiting), 0);
	assert_string_equal(said, answer);
}

/* ---- tests ---- */

static void all_workers_are_told(void **state)
{
	uint64_t waiting;

	(void)state;
	assert_int_equal(request("block", "a.test # telly", &waiting), 0);
	assert_string_equal(said, "rule block a.test # telly\n");
	assert_int_equal(waiting, 3);
	assert_int_equal(workers.serial, 77);
	assert_int_equal(says(0, "x.a.test"), 'b');
	assert_int_equal(says(1, "x.a.test"), 'b');
	/* One that is not there is not waited for, and gets it all when it starts. */
	workers.runs[1] = false;
	assert_int_equal(request("allow", "=a.test for 1h", &waiting), 0);
	assert_string_equal(said, "rule allow =a.test left 1h\n");
	assert_int_equal(waiting, 1);
	assert_int_equal(says(0, "a.test"), 'a');
	assert_int_equal(says(1, "a.test"), 'b');
	workers.runs[1] = true;
	assert_true(own_tell(server, 1, 0));
	assert_int_equal(says(1, "a.test"), 'a');
	assert_int_equal(says(1, "x.a.test"), 'b');
}

static void mistakes_tell_nobody(void **state)
{
	static const char *const commands[] = {"allow", "unset"};
	uint64_t waiting;

	(void)state;
	workers.n_told[0] = 0;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(request(commands[i], "*", &waiting), ERR_FORMAT);
	assert_non_null(strstr(said, "not a name"));
	assert_int_equal(workers.n_told[0], 0);
	assert_int_equal(request("unset", "a.test", &waiting), ERR_NOTFOUND);
	assert_false(own_is_command("status"));
	assert_false(own_is_command(""));
}

static void a_restart_keeps_all(void **state)
{
	(void)state;
	do_it("block", "a.test", "rule block a.test\n");
	do_it("allow", "b.a.test", "rule allow b.a.test\n");
	do_it("pause", "", "blocking paused\n");
	stop();
	for (unsigned i = 0; i < N_WORKERS; i++)
		assert_int_equal(overlay_set(workers.rules[i], false, NULL, 0), 0);
	start();
	assert_int_equal(says(0, "a.test"), 'a');
	do_it("resume", "", "blocking on\n");
	assert_int_equal(says(0, "a.test"), 'b');
	assert_int_equal(says(1, "b.a.test"), 'a');
	do_it("unset", "a.test", "unset a.test\n");
	assert_int_equal(says(1, "a.test"), '-');
	do_it("rules", "", "blocking on\nrule allow b.a.test\n");
}

/* What was written by hand comes into force by a reload, and by the next change. */
static void the_hand_writes_too(void **state)
{
	(void)state;
	scratch_write("rules", "block a.test # mine\nblok b.test\n");
	assert_int_equal(says(0, "a.test"), '-');
	own_read(server);
	assert_int_equal(says(0, "a.test"), 'b');
	do_it("rules", "",
	    "blocking on\nrule block a.test # mine\n"
	    "note rules:2: 'blok' is not known; a line is: allow NAME, block NAME or pause\n");
	scratch_write("rules", "block c.test\n");
	do_it("allow", "d.test", "rule allow d.test\n");
	assert_int_equal(says(0, "a.test"), '-');
	assert_int_equal(says(0, "c.test"), 'b');
	assert_int_equal(says(0, "d.test"), 'a');
}

/* Of many mistakes some are shown, and how many there are. */
static void many_mistakes(void **state)
{
	FILE *to = fopen("rules", "w");
	struct evbuffer *reasons = evbuffer_new();
	char text[4096] = "";
	unsigned n = 0;

	(void)state;
	assert_true(to != NULL && reasons != NULL);
	for (unsigned i = 0; i < 1000; i++)
		fprintf(to, "blok n%u.test\n", i);
	assert_int_equal(fclose(to), 0);
	own_read(server);
	own_reasons(server, reasons);
	assert_true(evbuffer_get_length(reasons) < sizeof(text));
	(void)evbuffer_remove(reasons, text, sizeof(text) - 1);
	evbuffer_free(reasons);
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		n++;
	assert_int_equal(n, 21);
	assert_non_null(strstr(text, "reason rules:20: 'blok' is not known"));
	assert_non_null(strstr(text, "reason rules: 980 more lines have a mistake\n"));
}

static void an_expiry_comes_by_itself(void **state)
{
	char text[512];
	uint64_t waiting;

	(void)state;
	do_it("block", "a.test", "rule block a.test\n");
	do_it("allow", "a.test for 100ms", "rule allow a.test left 1s\n");
	assert_int_equal(says(1, "a.test"), 'a');
	while (says(0, "a.test") == 'a')
		(void)event_base_loop(server->base, EVLOOP_ONCE);
	assert_int_equal(request("pause", "50ms", &waiting), 0);
	assert_int_equal(says(1, "b.test"), 'a');
	while (says(0, "b.test") == 'a')
		(void)event_base_loop(server->base, EVLOOP_ONCE);
	assert_int_equal(says(1, "a.test"), 'b');
	(void)scratch_read("rules", text, sizeof(text));
	assert_non_null(strstr(text, "\nblock a.test\n"));
	assert_null(strstr(text, "\nallow"));
	assert_null(strstr(text, "\npause"));
}

/* An expiry writes the file, but not over what was written by hand since it was read. */
static void an_expiry_spares_the_hand(void **state)
{
	char text[512];

	(void)state;
	do_it("allow", "a.test for 50ms", "rule allow a.test left 1s\n");
	scratch_write("rules", "# mine\nblock c.test\n");
	while (says(0, "a.test") == 'a')
		(void)event_base_loop(server->base, EVLOOP_ONCE);
	(void)scratch_read("rules", text, sizeof(text));
	assert_string_equal(text, "# mine\nblock c.test\n");
	assert_int_equal(says(1, "c.test"), 'b');
}

/* A folder that cannot be written: the rule holds, and everybody says so. */
static void unwritable_holds_for_now(void **state)
{
	struct evbuffer *to = evbuffer_new();
	uint64_t waiting;

	(void)state;
	assert_non_null(to);
	assert_int_equal(mkdir("rules.new", 0700), 0);
	assert_int_equal(request("block", "a.test", &waiting), 0);
	assert_int_equal(waiting, 3);
	assert_int_equal(strncmp(said, "rule block a.test\nnote rules.new: ", 34), 0);
	assert_non_null(strstr(said, "holds until quelld ends"));
	own_reasons(server, to);
	assert_true(evbuffer_get_length(to) != 0);
	evbuffer_free(to);
	own_read(server);
	assert_int_equal(says(0, "a.test"), 'b');
	assert_int_equal(rmdir("rules.new"), 0);
	own_read(server);
	assert_int_equal(access("rules", F_OK), 0);
	do_it("rules", "", "blocking on\nrule block a.test\n");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest cases[] = {
	    CASE(all_workers_are_told),
	    CASE(mistakes_tell_nobody),
	    CASE(a_restart_keeps_all),
	    CASE(the_hand_writes_too),
	    CASE(many_mistakes),
	    CASE(an_expiry_comes_by_itself),
	    CASE(an_expiry_spares_the_hand),
	    CASE(unwritable_holds_for_now),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
