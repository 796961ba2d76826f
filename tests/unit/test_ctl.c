/* test_ctl.c - requests and answers over the control socket, and the datagram to the service
 * manager. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "resolver/ctl.h"
#include "resolver/notify.h"

struct fixture {
	struct event_base *base;
	struct ctl *ctl;
	char path[64];
	uint64_t client; /* of the last request */
	unsigned n_requests;
	char command[64], arguments[64];
	bool later; /* the test answers itself */
};

static void answer(struct fixture *f, uint64_t client, const char *text)
{
	struct evbuffer *b = evbuffer_new();

	assert_non_null(b);
	assert_int_equal(evbuffer_add(b, text, strlen(text)), 0);
	ctl_answer(f->ctl, client, b);
	evbuffer_free(b);
}

static void on_request(void *ctx, uint64_t client, const char *command, const char *arguments)
{
	struct fixture *f = ctx;

	f->n_requests++;
	f->client = client;
	(void)snprintf(f->command, sizeof(f->command), "%s", command);
	(void)snprintf(f->arguments, sizeof(f->arguments), "%s", arguments);
	if (!f->later)
		answer(f, client, "ok\nkey value\n");
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct why why;

	assert_non_null(f);
	f->base = event_base_new();
	(void)snprintf(f->path, sizeof(f->path), "test_ctl-%d", (int)getpid());
	assert_int_equal(ctl_open(&f->ctl, f->base, f->path, on_request, f, &why), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	ctl_close(f->ctl);
	assert_int_equal(access(f->path, F_OK), -1);
	event_base_free(f->base);
	free(f);
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Run the loop until the other end has closed (it may leave words of ours unread); what it had
 * said, terminated. */
static const char *hear(struct fixture *f, int fd)
{
	static char text[256];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno == ECONNRESET)
			break;
		else
			assert_true(event_base_loop(f->base, EVLOOP_ONCE) == 0);
	}
	text[len] = '\0';
	assert_int_equal(close(fd), 0);
	return text;
}

static void test_request(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);

	say(fd, "why  ads.example \r\n");
	assert_string_equal(hear(f, fd), "ok\nkey value\n");
	assert_string_equal(f->command, "why");
	assert_string_equal(f->arguments, "ads.example");
	fd = connect_to(f->path);
	say(fd, "status\nmore\nand more\n");
	assert_string_equal(hear(f, fd), "ok\nkey value\n");
	assert_string_equal(f->command, "status");
	assert_string_equal(f->arguments, "");
	assert_int_equal(f->n_requests, 2);
}

static void test_in_pieces(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);

	say(fd, "sta");
	assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	assert_int_equal(event_base_loop(f->base, EVLOOP_NONBLOCK), 0);
	assert_int_equal(f->n_requests, 0);
	say(fd, "tus\n");
	assert_string_equal(hear(f, fd), "ok\nkey value\n");
	assert_string_equal(f->command, "status");
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	static char text[CTL_REQUEST_MAX + 2];

	memset(text, 'x', CTL_REQUEST_MAX + 1);
	for (unsigned i = 0; i < 2; i++) { /* with its line end it is no shorter */
		int fd = connect_to(f->path);

		say(fd, text);
		assert_string_equal(hear(f, fd), "error the request is too long\n");
		assert_int_equal(f->n_requests, 0);
		text[CTL_REQUEST_MAX] = '\n';
	}
}

static void test_later(void **state)
{
	struct fixture *f = *state;
	int one = connect_to(f->path), two;
	uint64_t first;

	f->later = true;
	say(one, "reload\n");
	while (f->n_requests == 0)
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	first = f->client;
	/* It may have no more to say, and another may come meanwhile. */
	assert_int_equal(shutdown(one, SHUT_WR), 0);
	f->later = false;
	two = connect_to(f->path);
	say(two, "status\n");
	assert_string_equal(hear(f, two), "ok\nkey value\n");
	assert_true(f->client != first);
	ctl_refuse(f->ctl, first, "bad file");
	assert_string_equal(hear(f, one), "error bad file\n");
	/* Too late, and for nobody: nothing. */
	answer(f, first, "ok\n");
	answer(f, 4711, "ok\n");
}

static void test_many(void **state)
{
	struct fixture *f = *state;
	int fds[CTL_CLIENTS], more;

	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		fds[i] = connect_to(f->path);
		assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
	}
	more = connect_to(f->path);
	assert_string_equal(hear(f, more), "error too many clients at once\n");
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		say(fds[i], "status\n");
		assert_string_equal(hear(f, fds[i]), "ok\nkey value\n");
	}
}

static void test_path(void **state)
{
	struct fixture *f = *state;
	struct ctl *other = NULL;
	struct stat st;
	struct why why;
	char path[80];
	int fd;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	/* Somebody is there. */
	assert_int_equal(ctl_open(&other, f->base, f->path, on_request, f, &why), ERR_TAKEN);
	assert_non_null(strstr(why.text, f->path));
	/* No folder; no socket. */
	assert_int_equal(
	    ctl_open(&other, f->base, "/nowhere/socket", on_request, f, &why), ERR_NOTFOUND);
	(void)snprintf(path, sizeof(path), "%s.file", f->path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(ctl_open(&other, f->base, path, on_request, f, &why), ERR_TAKEN);
	assert_int_equal(unlink(path), 0);
	assert_null(other);
}

/* What a daemon that was killed leaves is replaced. */
static void test_stale(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct ctl *other;
	struct why why;

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s.stale", f->path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(ctl_open(&other, f->base, at.sun_path, on_request, f, &why), 0);
	fd = connect_to(at.sun_path);
	assert_int_equal(close(fd), 0);
	ctl_close(other);
}

static void test_notify(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char text[64];
	ssize_t n;

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/%s.notify", f->path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	notify_send("READY=1");
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
	assert_int_equal(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
	notify_send("READY=1\nSTATUS=%s", "x");
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, "READY=1\nSTATUS=x");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(unlink(at.sun_path), 0);
	assert_int_equal(close(fd), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_request),
	    TEST(test_in_pieces),
	    TEST(test_too_long),
	    TEST(test_later),
	    TEST(test_many),
	    TEST(test_path),
	    TEST(test_stale),
	    TEST(test_notify),
	};

	return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
