/* test_server.c - a whole parent in a process of its own: start, reload, end.  Its workers are the
 * test's own; they log what they are told, and answer when, and as, the test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "resolver/health.h"
#include "resolver/io/timer.h"
#include "resolver/server.h"
#include "resolver/worker.h"
#include "tests/unit/images.h"

#define WAIT_MS 30000

/* ---- the workers ---- */

/* What they do is told by the option udp_size. */
enum {
	OBEDIENT = 1232,
	REFUSING = 1001, /* lists cannot be taken */
	GATED = 1002,	 /* take lists when standard input says 'g', die when it says 'd' */
	FLOODING =
	    1003, /* send whatever there is to send once lists are taken, until they are told something */
	STUBBORN = 1004, /* do not end with the channel */
};

/* Take lists, or not. */
static void take_image(int channel, unsigned how, const struct channel_image *image, bool has_lists)
{
	struct channel_swapped swapped = {image->generation, how == REFUSING};
	char word = 'g';

	log_each(LOG_INFO, "told", "image %u%s", image->generation, has_lists ? " lists" : "");
	if (how == GATED && read(STDIN_FILENO, &word, 1) != 1)
		_exit(1);
	if (word == 'd')
		_exit(7);
	if (channel_send(channel, CHANNEL_SWAPPED, 0, &swapped, sizeof(swapped), -1) < 0)
		_exit(1);
}

#define FLOOD 5000

/* As who has broken into one might: messages of all types, in all lengths, with a descriptor now and then, as fast as the
 * parent takes them. */
static void flood(int channel)
{
	static const size_t lengths[] = {0, sizeof(uint64_t), sizeof(struct channel_swapped),
	    sizeof(struct sandbox), sizeof(struct channel_stats), sizeof(struct reason),
	    sizeof(struct cached), sizeof(struct query_upstream_whole),
	    sizeof(struct channel_overlay), sizeof(struct channel_loaded), CHANNEL_MAX};
	struct pollfd heard = {.fd = channel, .events = POLLIN};
	struct pollfd room = {.fd = channel, .events = POLLOUT};
	static uint8_t payload[CHANNEL_MAX];

	for (unsigned n = 0; n < FLOOD || poll(&heard, 1, 0) == 0; n++) {
		const enum channel_type type = n % (CHANNEL_LOADED + 2);
		const size_t len = lengths[n / 7 % (sizeof(lengths) / sizeof(lengths[0]))];

		memset(payload, (int)(n * 37 + 11), len);
		while (channel_send(channel, type, n % 9, payload, len,
			   n % 3 == 0 ? STDERR_FILENO : -1) < 0 &&
		       errno == EAGAIN)
			(void)poll(&room, 1, -1);
		if (n == FLOOD)
			log_each(LOG_INFO, "told", "flood");
	}
}

static void told(int channel, const struct channel_message *m)
{
	static struct options options;
	struct channel_listen listen;
	static struct channel_image image;
	char text[ADDR_TEXT_SIZE];

	switch (m->head.type) {
	case CHANNEL_OPTIONS:
		memcpy(&options, m->payload, sizeof(options));
		log_each(LOG_INFO, "told", "options udp_size %u cache_size %zu questions_max %u",
		    options.udp_size, options.cache_size, options.questions_max);
		break;
	case CHANNEL_LISTEN:
	case CHANNEL_UNLISTEN:
		memcpy(&listen, m->payload, sizeof(listen));
		log_each(LOG_INFO, "told", "%s %s %s",
		    m->head.type == CHANNEL_LISTEN ? "listen" : "unlisten",
		    listen.kind == CHANNEL_SOCKET_UDP ? "udp" : "tcp",
		    addr_format(&listen.addr, text));
		break;
	case CHANNEL_IMAGE:
		memcpy(&image, m->payload, sizeof(image));
		take_image(channel, options.udp_size, &image, m->fd >= 0);
		if (options.udp_size == FLOODING)
			flood(channel);
		break;
	case CHANNEL_PING:
		if (channel_send(channel, CHANNEL_PING, m->head.serial, NULL, 0, -1) < 0)
			exit(EXIT_FAILURE);
		break;
	default:
		break;
	}
	if (m->fd >= 0)
		(void)close(m->fd);
}

int worker_run(int channel)
{
	static struct channel_message m;
	bool stubborn = false;

	for (;;) {
		struct pollfd p = {.fd = channel, .events = POLLIN};

		if (poll(&p, 1, -1) < 0)
			return 1;
		if (channel_receive(channel, &m) != 1)
			break;
		told(channel, &m);
		if (m.head.type == CHANNEL_OPTIONS) {
			const struct options *options = (const struct options *)m.payload;

			stubborn = options->udp_size == STUBBORN;
		}
	}
	if (stubborn)
		for (;;)
			(void)pause();
	log_each(LOG_INFO, "told", "the end");
	return 0;
}

/* The limit for taking lists comes early where a test wants so; pings never, for a worker may stand at the gate
 * (linked with --wrap). */
static bool hurry;

int __real_event_add(struct event *ev, const struct timeval *wait);
int __wrap_event_add(struct event *ev, const struct timeval *wait);

int __wrap_event_add(struct event *ev, const struct timeval *wait)
{
	const union timer_wait soon = timer_wait(500), never = timer_wait(86400000),
			       ping = timer_wait(HEALTH_PING_MS);
	const union timer_wait *given = (const union timer_wait *)wait;

	if (hurry && given != NULL && given->s == SERVER_SWAP_LIMIT_S)
		given = &soon;
	else if (given != NULL && given->s == ping.s && given->us == ping.us)
		given = &never;
	return __real_event_add(ev, given != NULL ? &given->tv : NULL);
}

/* ---- a parent ---- */

struct fixture {
	char dir[64];
	char conf[96], control[96], notify[96], list[96], image[96], secret[96];
	struct settings_flags flags;
	union addr listen[2]; /* free ones */
	pid_t pid;	      /* 0: none runs */
	int gate, notified;
	FILE *lines;
	char line[LOG_LINE_SIZE];
	unsigned n_told; /* lines of workers that were read */
	char told[1024]; /* the first of them, from behind their tag */
};

/* An address that nobody uses: the host is this process's own, and the port is below those that the
 * kernel gives to other programs' questions. */
static union addr free_addr(uint16_t port)
{
	uint32_t pid = (uint32_t)getpid();
	union addr a;

	memset(&a, 0, sizeof(a));
	a.in4.sin_family = AF_INET;
	a.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + (pid & 0x7fffff));
	a.in4.sin_port = htons(port);
	return a;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	assert_non_null(f);
	hurry = false;
	f->gate = -1;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_server-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->conf, sizeof(f->conf), "%s/conf", f->dir);
	(void)snprintf(f->control, sizeof(f->control), "%s/control", f->dir);
	(void)snprintf(f->notify, sizeof(f->notify), "%s/notify", f->dir);
	(void)snprintf(f->list, sizeof(f->list), "%s/list", f->dir);
	(void)snprintf(f->image, sizeof(f->image), "%s/image", f->dir);
	(void)snprintf(f->secret, sizeof(f->secret), "%s/" SECRET_FILE, f->dir);
	f->flags.conf_path = f->conf;
	f->listen[0] = free_addr(5301);
	f->listen[1] = free_addr(5302);
	f->notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(at.sun_path, f->notify, strlen(f->notify) + 1);
	assert_int_equal(bind(f->notified, (const struct sockaddr *)&at, sizeof(at)), 0);
	*state = f;
	return 0;
}

static void forget(struct fixture *f)
{
	if (f->lines != NULL)
		(void)fclose(f->lines);
	if (f->gate >= 0)
		(void)close(f->gate);
	f->lines = NULL;
	f->gate = -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->pid > 0) {
		(void)kill(f->pid, SIGKILL);
		(void)waitpid(f->pid, NULL, 0);
	}
	forget(f);
	(void)close(f->notified);
	(void)unlink(f->conf);
	(void)unlink(f->control);
	(void)unlink(f->notify);
	(void)unlink(f->list);
	(void)unlink(f->image);
	(void)unlink(f->secret);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* The configuration: workers as told, listening at f->listen[at], and more lines. */
static void configure(const struct fixture *f, unsigned how, unsigned at, const char *more)
{
	char text[2048], listen[ADDR_TEXT_SIZE];

	(void)snprintf(text, sizeof(text),
	    "listen = {\"%s\"}\nupstream = {\"192.0.2.1\"}\ncontrol = \"%s\"\n"
	    "state_dir = \"%s\"\nrules = \"%s/rules\"\nudp_size = %u\n%s\n",
	    addr_format(&f->listen[at], listen), f->control, f->dir, f->dir, how, more);
	write_file(f->conf, text, strlen(text));
}

#define SMALL "cache_size = 4M\nquestions_max = 128"

/* The daemon's process. */
static void parent(const struct fixture *f, int gate, int log)
{
	const struct witness witness = {.fd = -1};
	struct conf *conf;
	struct why why;

	if (dup2(gate, STDIN_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 ||
	    setenv("NOTIFY_SOCKET", f->notify, 1) < 0)
		exit(EXIT_FAILURE);
	if (settings_read(&conf, &f->flags, &why) < 0) {
		log_error("test", "%s", why.text);
		exit(EXIT_FAILURE);
	}
	exit((int)server_run(conf, &f->flags, &witness, &(struct sandbox){{0}}));
}

static void launch(struct fixture *f)
{
	int gate[2], log[2];

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(log), 0);
	(void)fflush(NULL);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		(void)close(gate[1]);
		(void)close(log[0]);
		parent(f, gate[0], log[1]);
	}
	(void)close(gate[0]);
	(void)close(log[1]);
	f->gate = gate[1];
	f->lines = fdopen(log[0], "r");
	assert_non_null(f->lines);
	setvbuf(f->lines, NULL, _IONBF, 0); /* so that poll() sees all that there is */
}

/* The next line of the log; false at its end. */
static bool next_line(struct fixture *f)
{
	struct pollfd p = {.fd = fileno(f->lines), .events = POLLIN};

	if (poll(&p, 1, WAIT_MS) != 1)
		fail_msg("the log goes on after: %s", f->line);
	if (fgets(f->line, sizeof(f->line), f->lines) == NULL)
		return false;
	if (strncmp(f->line, "info told ", 10) == 0) {
		size_t used = strlen(f->told);

		f->n_told++;
		(void)snprintf(f->told + used, sizeof(f->told) - used, "%s", f->line + 10);
	}
	return true;
}

/* Read on to the line that begins so; it stays in f->line. */
static void await(struct fixture *f, const char *start)
{
	do
		if (!next_line(f))
			fail_msg("the log ended without \"%s\", after: %s", start, f->line);
	while (strncmp(f->line, start, strlen(start)) != 0);
}

static void has(const struct fixture *f, const char *text)
{
	if (strstr(f->line, text) == NULL)
		fail_msg("\"%s\" is not in: %s", text, f->line);
}

static void await_told_listen(struct fixture *f, const char *what, unsigned at)
{
	char start[160], text[ADDR_TEXT_SIZE];

	for (unsigned kind = 0; kind < 2; kind++) {
		(void)snprintf(start, sizeof(start), "info told %s %s %s", what,
		    kind == 0 ? "udp" : "tcp", addr_format(&f->listen[at], text));
		await(f, start);
	}
}

/* What one worker with one listener is told at its start: options, image, two sockets. */
#define TOLD_AT_START 4

/* Start, to the line `ready` and to the last that the worker is told, whichever is later. */
static void await_ready(struct fixture *f)
{
	char ready[sizeof(f->line)];

	launch(f);
	await(f, "notice ready ");
	memcpy(ready, f->line, sizeof(ready));
	while (f->n_told < TOLD_AT_START)
		await(f, "info told ");
	memcpy(f->line, ready, sizeof(ready));
}

/* Let a gated worker go on. */
static void gate(const struct fixture *f, char word)
{
	assert_int_equal(write(f->gate, &word, 1), 1);
}

static void expect_exit(struct fixture *f, enum server_exit status)
{
	pid_t pid = f->pid;
	int got;

	while (next_line(f))
		;
	f->pid = 0;
	assert_int_equal(waitpid(pid, &got, 0), pid);
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
	forget(f);
	assert_int_equal(access(f->control, F_OK), -1);
}

static void stop(struct fixture *f)
{
	assert_int_equal(kill(f->pid, SIGTERM), 0);
	expect_exit(f, SERVER_OK);
}

static void hup(const struct fixture *f)
{
	assert_int_equal(kill(f->pid, SIGHUP), 0);
}

/* A client of the control socket that has asked. */
static int request(const struct fixture *f, const char *command)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(to.sun_path, f->control, strlen(f->control) + 1);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(fd, command, strlen(command), MSG_NOSIGNAL), strlen(command));
	return fd;
}

static void expect_answer(int fd, const char *text)
{
	char answer[1024];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	assert_int_equal(close(fd), 0);
	if (strstr(answer, text) != answer)
		fail_msg("\"%s\" does not begin: %s", text, answer);
}

/* The daemon has seen the requests before: it answers one after the other. */
static void settle(const struct fixture *f)
{
	expect_answer(request(f, "nonsense\n"), "error unknown command");
}

/* Read on to this word to the service manager. */
static void await_notified(const struct fixture *f, const char *start)
{
	struct pollfd p = {.fd = f->notified, .events = POLLIN};
	char text[600];
	ssize_t n;

	do {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = recv(f->notified, text, sizeof(text) - 1, 0);
		assert_true(n > 0);
		text[n] = '\0';
	} while (strncmp(text, start, strlen(start)) != 0);
}

/* ---- start and end ---- */

static void test_start_and_stop(void **state)
{
	struct fixture *f = *state;

	configure(f, OBEDIENT, 0, SMALL "\nworkers = 1");
	await_ready(f);
	has(f, "listen 127.");
	has(f, "lists 0 (none)");
	has(f, "generation 1;");
	has(f, "upstream 192.0.2.1:53;");
	has(f, "workers 1;");
	has(f, "cache_size 4194304,");
	has(f, "questions_max 128,");
	await_notified(f, "READY=1\nSTATUS=running");
	assert_int_equal(access(f->control, F_OK), 0);
	assert_int_equal(kill(f->pid, SIGINT), 0);
	await(f, "notice stopping ");
	await(f, "info told the end");
	expect_exit(f, SERVER_OK);
	await_notified(f, "STOPPING=1");
	/* The lists come before the sockets. */
	assert_ptr_equal(
	    strstr(f->told, "options udp_size 1232 cache_size 4194304 questions_max 128\n"
			    "image 1\nlisten udp 127."),
	    f->told);
}

/* Ready means: all of them; each has its share. */
static void test_workers(void **state)
{
	struct fixture *f = *state;

	configure(f, GATED, 0, SMALL "\nworkers = 2");
	launch(f);
	await(f, "info told options");
	has(f, "cache_size 2097152 questions_max 64");
	gate(f, 'g');
	await_told_listen(f, "listen", 0);
	gate(f, 'g');
	await(f, "notice ready ");
	has(f, "workers 2;");
	stop(f);
}

static void test_stop_stubborn(void **state)
{
	struct fixture *f = *state;

	configure(f, STUBBORN, 0, "");
	await_ready(f);
	stop(f);
}

/* The end may come before the beginning is over. */
static void test_stop_early(void **state)
{
	struct fixture *f = *state;

	configure(f, GATED, 0, "");
	launch(f);
	await(f, "info told image 1");
	stop(f);
}

static void test_listen_taken(void **state)
{
	struct fixture *f = *state;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, &f->listen[0].sa, sizeof(f->listen[0].in4)), 0);
	configure(f, OBEDIENT, 0, "");
	launch(f);
	await(f, "error listen ");
	has(f, "is held by");
	expect_exit(f, SERVER_FAILED);
	assert_int_equal(close(fd), 0);
}

static void test_control_wanted(void **state)
{
	struct fixture *f = *state;

	configure(f, OBEDIENT, 0, "");
	f->flags.control = "/nowhere/control";
	launch(f);
	await(f, "error control /nowhere/control");
	expect_exit(f, SERVER_FAILED);
}

static void test_lists_missing(void **state)
{
	struct fixture *f = *state;

	configure(f, OBEDIENT, 0, "");
	f->flags.blocklist[f->flags.n_blocklist++] = f->list;
	launch(f);
	await(f, "error lists ");
	has(f, f->list);
	expect_exit(f, SERVER_USAGE);
	assert_int_equal(f->n_told, 0);
}

/* An address that is not there does not keep the others from being served. */
static void test_listen_waiting(void **state)
{
	struct fixture *f = *state;

	char text[ADDR_TEXT_SIZE];

	configure(f, OBEDIENT, 0, "");
	f->flags.listen[0] = addr_format(&f->listen[0], text);
	f->flags.listen[1] = "192.0.2.77:5353";
	f->flags.n_listen = 2;
	await_ready(f);
	has(f, " 192.0.2.77:5353 (waiting);");
	stop(f);
}

/* ---- reload ---- */

static void test_reload(void **state)
{
	struct fixture *f = *state;

	configure(f, OBEDIENT, 0, "");
	await_ready(f);
	/* What is kept open is not told again. */
	f->n_told = 0;
	hup(f);
	await(f, "notice reloaded ");
	has(f, "generation 2;");
	assert_int_equal(f->n_told, 2);
	await_notified(f, "RELOADING=1");
	await_notified(f, "READY=1");

	configure(f, OBEDIENT, 1, "");
	expect_answer(request(f, "reload\n"), "ok\ngeneration 3\n");
	await(f, "info told image 3");
	await_told_listen(f, "unlisten", 0);
	await_told_listen(f, "listen", 1);
	stop(f);
}

static void test_reload_failed(void **state)
{
	struct fixture *f = *state;
	static const char nonsense[] = "\nnonsense = 1\n";
	int fd;

	configure(f, OBEDIENT, 0, "");
	await_ready(f);
	f->n_told = 0;
	write_file(f->conf, nonsense, strlen(nonsense));
	expect_answer(request(f, "reload\n"), "error ");
	await(f, "error reload-failed ");
	has(f, "conf:2:");
	await_notified(f, "READY=1\nSTATUS=reload failed: ");
	/* The address of the next is taken: the present one stays open. */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, &f->listen[1].sa, sizeof(f->listen[1].in4)), 0);
	configure(f, OBEDIENT, 1, "");
	hup(f);
	await(f, "error reload-failed ");
	has(f, "is held by");
	assert_int_equal(close(fd), 0);
	assert_int_equal(f->n_told, 0);
	/* The next one is counted as if they had not been. */
	expect_answer(request(f, "reload\n"), "ok\ngeneration 2\n");
	await(f, "notice reloaded ");
	stop(f);
}

/* Asked for while there is no time for it: once more, however often, and each asker is told of
 * one that began after the request. */
static void test_reload_again(void **state)
{
	struct fixture *f = *state;
	int early, other, late;

	configure(f, GATED, 0, "");
	launch(f);
	await(f, "info told image 1");
	early = request(f, "reload\n");
	other = request(f, "reload\n");
	settle(f);
	gate(f, 'g');
	await(f, "notice ready ");
	await(f, "info told image 2");
	late = request(f, "reload\n");
	settle(f);
	gate(f, 'g');
	await(f, "notice reloaded ");
	has(f, "generation 2;");
	expect_answer(early, "ok\ngeneration 2\n");
	expect_answer(other, "ok\ngeneration 2\n");
	await(f, "info told image 3");
	gate(f, 'g');
	expect_answer(late, "ok\ngeneration 3\n");
	stop(f);
}

static void test_swap_refused(void **state)
{
	struct fixture *f = *state;

	configure(f, OBEDIENT, 0, "");
	await_ready(f);
	configure(f, REFUSING, 0, "");
	expect_answer(request(f, "reload\n"), "error a worker could not take the lists\n");
	await(f, "error reload-failed a worker could not take the lists");
	configure(f, OBEDIENT, 0, "");
	expect_answer(request(f, "reload\n"), "ok\ngeneration 3\n");
	stop(f);
}

/* A worker that dies is replaced, also in the midst of a reload, which then ends with the new one.
 */
static void test_worker_dies(void **state)
{
	struct fixture *f = *state;
	int client;

	configure(f, OBEDIENT, 0, "");
	await_ready(f);
	configure(f, GATED, 0, "");
	client = request(f, "reload\n");
	await(f, "info told image 2");
	gate(f, 'd');
	await(f, "warning worker-died ");
	has(f, "exit status 7");
	await(f, "info told options udp_size 1002");
	await(f, "info told image 2");
	gate(f, 'g');
	await(f, "notice reloaded ");
	expect_answer(client, "ok\ngeneration 2\n");
	stop(f);
}

/* Of the parent: how many descriptors are open, and how much memory it has, in KiB: 0 under the address sanitizer, which
 * keeps what is freed, and under valgrind, which has memory of its own there. */
static void weigh(const struct fixture *f, unsigned *n_fds, long *kib)
{
	char path[64], line[128];
	FILE *status;
	DIR *fds;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)f->pid);
	fds = opendir(path);
	assert_non_null(fds);
	for (*n_fds = 0; readdir(fds) != NULL;)
		++*n_fds;
	(void)closedir(fds);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)f->pid);
	status = fopen(path, "r");
	assert_non_null(status);
#if defined(__SANITIZE_ADDRESS__)
	*kib = 0;
#else
	*kib = getenv("QUELL_WRAPPER") != NULL ? 0 : -1;
#endif
	while (*kib < 0 && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "VmData:", 7) == 0)
			*kib = strtol(line + 7, NULL, 10);
	(void)fclose(status);
}

/* What a worker sends, and how much, is no matter for the parent: it goes on with its work, and does not grow. */
static void test_worker_floods(void **state)
{
	struct fixture *f = *state;
	unsigned n_fds, n_fds_then;
	long kib, kib_then;

	configure(f, OBEDIENT, 0, SMALL "\nworkers = 1");
	await_ready(f);
	expect_answer(request(f, "reload\n"), "ok\ngeneration 2\n");
	weigh(f, &n_fds, &kib);
	configure(f, FLOODING, 0, SMALL "\nworkers = 1");
	expect_answer(request(f, "reload\n"), "ok\ngeneration 3\n");
	await(f, "info told flood");
	settle(f);
	configure(f, OBEDIENT, 0, SMALL "\nworkers = 1");
	expect_answer(request(f, "reload\n"), "ok\ngeneration 4\n");
	weigh(f, &n_fds_then, &kib_then);
	assert_int_equal(n_fds_then, n_fds);
	assert_true(kib_then <= kib + 256);
	stop(f);
}

/* So is one that does not take the lists in time. */
static void test_worker_stuck(void **state)
{
	struct fixture *f = *state;

	hurry = true;
	configure(f, OBEDIENT, 0, "");
	await_ready(f);
	configure(f, GATED, 0, "");
	hup(f);
	await(f, "warning worker-stuck worker 0, ");
	await(f, "warning worker-died ");
	has(f, "signal 9");
	/* The next may be too slow as well: there is enough for more of them. */
	for (unsigned i = 0; i < 50; i++)
		gate(f, 'g');
	await(f, "notice reloaded ");
	stop(f);
}

/* Sizes change with the next start: a worker that is replaced does not get others, and the bounds
 * that are named are those in force. */
static void test_restart_needed(void **state)
{
	struct fixture *f = *state;

	configure(f, OBEDIENT, 0, SMALL "\nworkers = 1");
	await_ready(f);
	configure(f, GATED, 0, "cache_size = 1M\nquestions_max = 64\nworkers = 2");
	hup(f);
	await(f, "warning restart-needed ");
	await(f, "info told options udp_size 1002 cache_size 4194304 questions_max 128");
	gate(f, 'd');
	await(f, "warning worker-died ");
	await(f, "info told options udp_size 1002 cache_size 4194304 questions_max 128");
	gate(f, 'g');
	await(f, "notice reloaded ");
	has(f, "workers 1;");
	has(f, "cache_size 4194304,");
	has(f, "questions_max 128,");
	stop(f);
}

/* ---- lists ---- */

static void test_lists(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "ads.example\ntracker.example\n", html[] = "<!DOCTYPE html>\n";

	configure(f, OBEDIENT, 0, "");
	f->flags.blocklist[f->flags.n_blocklist++] = f->list;
	write_file(f->list, text, strlen(text));
	await_ready(f);
	has(f, "lists 1 (files), rules 2,");
	assert_non_null(strstr(f->told, "image 1 lists\n"));
	f->n_told = 0;
	write_file(f->list, html, strlen(html));
	expect_answer(request(f, "reload\n"), "error ");
	await(f, "error reload-failed ");
	has(f, f->list);
	write_file(f->list, text, strlen("ads.example\n"));
	hup(f);
	await(f, "notice reloaded ");
	has(f, "lists 1 (files), rules 1, generation 2;");
	assert_int_equal(f->n_told, 2);
	stop(f);
}

/* Without the configured lists a fallback starts; what is good is not given up for one. */
static void test_fallback(void **state)
{
	struct fixture *f = *state;
	const char *const text = "ads.example\n";
	uint8_t *image;
	size_t len;

	configure(f, OBEDIENT, 0, "list \"mine\" {\n\turl = \"https://lists.example/\"\n}");
	launch(f);
	await(f, "warning degraded ");
	has(f, "run quell-update");
	await(f, "notice ready ");
	has(f, "(starter list)");
	hup(f);
	await(f, "notice reloaded ");
	has(f, "(starter list)");
	image = image_of_texts(&text, 1, &len);
	assert_non_null(image);
	write_file(f->image, image, len);
	free(image);
	hup(f);
	await(f, "notice reloaded ");
	has(f, "lists 1 (image), rules 1, generation 3;");
	f->n_told = 0;
	assert_int_equal(unlink(f->image), 0);
	hup(f);
	await(f, "error reload-failed ");
	assert_int_equal(f->n_told, 0);
	stop(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_start_and_stop),
	    TEST(test_workers),
	    TEST(test_stop_stubborn),
	    TEST(test_stop_early),
	    TEST(test_listen_taken),
	    TEST(test_control_wanted),
	    TEST(test_lists_missing),
	    TEST(test_listen_waiting),
	    TEST(test_reload),
	    TEST(test_reload_failed),
	    TEST(test_reload_again),
	    TEST(test_swap_refused),
	    TEST(test_worker_dies),
	    TEST(test_worker_floods),
	    TEST(test_worker_stuck),
	    TEST(test_restart_needed),
	    TEST(test_lists),
	    TEST(test_fallback),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
