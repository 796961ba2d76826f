/* test_update_progress.c - what standard error shows: a file's lines, and a terminal's one line. */
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
#include <unistd.h>

#include "lib/clock.h"
#include "tests/unit/scratch.h"
#include "tools/update_progress.h"

#define LONG_MS 60000 /* no line stays that long */
#define WIPE	"\r\033[K"
#define MARK	"\001"

static uint64_t now_ms = 1000000;

uint64_t clock_ms(void)
{
	return now_ms;
}

/* A run over two lists: one line each, whatever comes of them. */
static void test_elsewhere(void **state)
{
	struct update_progress p;
	struct scratch_output said;

	(void)state;
	scratch_capture_begin();
	update_progress_init(&p, 2);
	update_progress_begin(&p, "ads");
	for (unsigned i = 0; i < 3; i++) {
		now_ms += LONG_MS;
		update_progress_show(&p, 10 * i, 100, 5);
	}
	update_progress_end(&p);
	update_progress_begin(&p, "more");
	update_progress_end(&p);
	scratch_capture_end(&said);
	assert_string_equal(said.err, "[1/2] ads\n[2/2] more\n");
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

/* The line that is there since the last call; NULL: nothing was written. */
static const char *shown(struct terminal *t, char *text, size_t size)
{
	terminal_read(t, text, size);
	assert_null(strchr(text, '\n')); /* it is redrawn, never left behind */
	if (text[0] == '\0')
		return NULL;
	assert_memory_equal(text, WIPE, strlen(WIPE));
	return strrchr(text, '\033') + strlen(WIPE) - 1;
}

static void test_on_a_terminal(void **state)
{
	struct update_progress p;
	struct terminal t;
	char text[1024];

	(void)state;
	if (!terminal_open(&t)) {
		print_message("no terminal is to be had\n");
		skip();
	}
	update_progress_init(&p, 2);
	assert_null(shown(&t, text, sizeof(text)));
	update_progress_end(&p); /* nothing to wipe */
	assert_null(shown(&t, text, sizeof(text)));

	update_progress_begin(&p, "ads");
	assert_string_equal(shown(&t, text, sizeof(text)), "[1/2] ads  0 B  0 B/s");
	update_progress_show(&p, 1, 100, 1); /* within the same millisecond */
	assert_null(shown(&t, text, sizeof(text)));
	now_ms += LONG_MS;
	update_progress_show(&p, 2500, 10000, 1500);
	assert_string_equal(shown(&t, text, sizeof(text)), "[1/2] ads  2.5 kB  1.5 kB/s  25 %");
	now_ms += LONG_MS;
	update_progress_show(&p, 300, 0, 20); /* the whole is not known */
	assert_string_equal(shown(&t, text, sizeof(text)), "[1/2] ads  300 B  20 B/s");
	now_ms += LONG_MS;
	update_progress_show(&p, 300, 200, 20); /* more than was announced: it was packed */
	assert_string_equal(shown(&t, text, sizeof(text)), "[1/2] ads  300 B  20 B/s  100 %");
	update_progress_end(&p);
	assert_string_equal(shown(&t, text, sizeof(text)), "");
	update_progress_end(&p);
	assert_null(shown(&t, text, sizeof(text)));

	update_progress_begin(&p, "more"); /* at once, however little time has passed */
	assert_string_equal(shown(&t, text, sizeof(text)), "[2/2] more  0 B  0 B/s");
	update_progress_end(&p);
	terminal_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_elsewhere, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test(test_on_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
