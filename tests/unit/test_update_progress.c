/* test_update_progress.c - what standard error shows: a line a list in a file, and a terminal's lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/unit/scratch.h"
#include "tools/update_progress.h"

#define LONG_MS 60000 /* no line stays that long */
#define WIPE	"\r\033[K"
#define MARK	"\001"

static uint64_t now_ms = 1000000;

uint64_t __wrap_clock_ms(void);
uint64_t __wrap_clock_ms(void)
{
	return now_ms;
}

static struct conf_list confs[] = {{.name = "ads"}, {.name = "more"}};

static void test_elsewhere(void **state)
{
	struct update_list lists[] = {
	    {.conf = &confs[0],
		.outcome = UPDATE_UPDATED,
		.transfer = {.name = "ads",
		    .url = "http://x/",
		    .state = TRANSFER_RUNNING,
		    .transferred = 2500,
		    .tries = 2,
		    .resumed = 1000,
		    .took_ms = 61250}},
	    {.conf = &confs[1], .outcome = UPDATE_KEPT}, /* a file */
	};
	struct update_transfer *transfers[] = {&lists[0].transfer};
	struct update_progress p;
	struct scratch_output said;

	(void)state;
	scratch_capture_begin();
	update_progress_init(&p, 2);
	for (unsigned i = 0; i < 3; i++) {
		now_ms += LONG_MS;
		update_progress_show(&p, transfers, 1);
	}
	update_progress_say(&p, "ads", "no \033 answer");
	update_progress_ended(&p, &lists[1]);
	update_progress_ended(&p, &lists[0]);
	update_progress_end(&p);
	scratch_capture_end(&said);
	assert_string_equal(said.err,
	    "quell-update: ads: no \\x1b answer\n"
	    "[1/2] more: kept old\n"
	    "[2/2] ads: updated, 2.5 kB in 61.2 s, 2 tries, went on behind 1.0 kB\n");
	assert_string_equal(said.out, "");
}

/* ---- on a terminal ---- */

struct terminal {
	int ours, theirs, kept;
};

static bool terminal_open(struct terminal *t)
{
	*t = (struct terminal){.theirs = -1};
	t->ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->ours < 0)
		return false;
	if (grantpt(t->ours) == 0 && unlockpt(t->ours) == 0)
		t->theirs = open(ptsname(t->ours), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->theirs < 0) {
		close(t->ours);
		return false;
	}
	(void)fflush(stderr);
	t->kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_return_code(t->kept, errno);
	assert_return_code(dup2(t->theirs, STDERR_FILENO), errno);
	return true;
}

static void terminal_close(struct terminal *t)
{
	assert_return_code(dup2(t->kept, STDERR_FILENO), errno);
	close(t->kept);
	close(t->theirs);
	close(t->ours);
}

/* What was written since the last call.  A terminal passes it on when it likes, so a mark is sent
 * behind it and waited for. */
static void terminal_read(struct terminal *t, char *text, size_t size)
{
	size_t len = 0;

	(void)fflush(stderr);
	assert_int_equal(write(t->theirs, MARK, 1), 1);
	do {
		ssize_t n = read(t->ours, text + len, size - 1 - len);

		assert_true(n > 0);
		len += (size_t)n;
	} while (text[len - 1] != MARK[0]);
	text[len - 1] = '\0';
}

/* What is on the terminal now, as it is sent: the lines before are wiped, bottom to top. */
static void assert_shown(struct terminal *t, const char *wanted)
{
	char text[1024], back[1024];
	size_t n = 0;

	terminal_read(t, text, sizeof(text));
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\r' && c[1] == '\n') /* as a terminal passes a newline on */
			continue;
		back[n++] = *c;
	}
	back[n] = '\0';
	assert_string_equal(back, wanted);
}

static void test_on_a_terminal(void **state)
{
	struct update_transfer a = {.name = "ads", .state = TRANSFER_QUEUED};
	struct update_transfer b = {.name = "more", .state = TRANSFER_QUEUED};
	struct update_transfer *both[] = {&a, &b};
	struct update_list list = {.conf = &confs[0], .outcome = UPDATE_UPDATED};
	struct update_progress p;
	struct terminal t;

	(void)state;
	if (!terminal_open(&t)) {
		print_message("no terminal is to be had\n");
		skip();
	}
	update_progress_init(&p, 2);
	assert_shown(&t, "");
	update_progress_end(&p); /* nothing to wipe */
	assert_shown(&t, "");

	a.state = TRANSFER_RESOLVING;
	update_progress_show(&p, both, 2);
	assert_shown(&t, "ads  looking up its host");
	a.state = b.state = TRANSFER_RUNNING;
	update_progress_show(&p, both, 2); /* within the same millisecond */
	assert_shown(&t, "");
	a.now = 2500;
	a.total = 10000;
	a.per_s = 1500;
	now_ms += LONG_MS;
	update_progress_show(&p, both, 2);
	assert_shown(&t, WIPE "ads  2.5 kB  1.5 kB/s  25 %\nmore  0 B  0 B/s");
	a.state = TRANSFER_PAUSED;
	b.state = TRANSFER_CLOCK;
	now_ms += LONG_MS;
	update_progress_show(&p, both, 2);
	assert_shown(&t, WIPE "\033[A" WIPE "ads  trying again soon\n"
			      "more  waiting for the clock to be set");
	a.state = TRANSFER_ENDED;
	b.state = TRANSFER_RUNNING;
	b.now = 300;
	b.total = 200; /* more than was announced */
	update_progress_ended(&p, &list);
	update_progress_show(&p, both, 2); /* at once, however little time has passed */
	assert_shown(&t, WIPE "\033[A" WIPE "more  300 B  0 B/s  100 %");
	update_progress_say(&p, "more", "wait");
	assert_shown(&t, WIPE "quell-update: more: wait\n");
	update_progress_show(&p, both, 2);
	assert_shown(&t, "more  300 B  0 B/s  100 %");
	update_progress_end(&p);
	assert_shown(&t, WIPE);
	update_progress_end(&p);
	assert_shown(&t, "");
	terminal_close(&t);
}

/* A line that the terminal would break is cut. */
static void test_narrow_terminal(void **state)
{
	struct update_transfer a = {.name = "a-rather-long-name", .state = TRANSFER_RUNNING};
	struct update_transfer *one[] = {&a};
	const struct winsize size = {.ws_col = 10, .ws_row = 5};
	struct update_progress p;
	struct terminal t;

	(void)state;
	if (!terminal_open(&t)) {
		print_message("no terminal is to be had\n");
		skip();
	}
	assert_return_code(ioctl(t.ours, TIOCSWINSZ, &size), errno);
	update_progress_init(&p, 1);
	update_progress_show(&p, one, 1);
	assert_shown(&t, "a-rather-");
	update_progress_end(&p);
	assert_shown(&t, WIPE);
	terminal_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_elsewhere, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test(test_on_a_terminal),
	    cmocka_unit_test(test_narrow_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
