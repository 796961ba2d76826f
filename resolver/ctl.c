/* ctl.c - connections of the control socket. */

#include "resolver/ctl.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/log.h"
#include "resolver/io/timer.h"
#include "resolver/priv.h"

#define ACCEPT_WAIT_MS 1000

struct client {
	struct ctl *owner;
	struct bufferevent *stream; /* NULL: a free place */
	uint64_t number;
	bool asked; /* the request is being worked on */
};

struct ctl {
	struct event_base *base;
	struct event *acceptable;
	struct event *resume; /* timer: accepting goes on */
	int fd;
	struct sockaddr_un addr;
	ctl_request_fn *request;
	void *ctx;
	uint64_t n_clients; /* ever */
	struct client clients[CTL_CLIENTS];
};

static void client_close(struct client *c)
{
	bufferevent_free(c->stream);
	*c = (struct client){.owner = c->owner};
}

static void on_written(struct bufferevent *stream, void *arg)
{
	(void)stream;
	client_close(arg);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
	struct client *c = arg;

	(void)stream;
	/* One that shuts its side down after the request still wants its answer. */
	if (c->asked && what == (BEV_EVENT_READING | BEV_EVENT_EOF))
		return;
	client_close(c);
}

static void on_read(struct bufferevent *stream, void *arg)
{
	static const char spaces[] = " \t\r";
	struct client *c = arg;
	struct evbuffer *in = bufferevent_get_input(stream);
	char *line, *arguments;
	ev_ssize_t line_len;
	size_t len;

	if (c->asked) { /* one request is all */
		(void)evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	line_len = evbuffer_search_eol(in, NULL, NULL, EVBUFFER_EOL_LF).pos;
	/* More than that may come at once. */
	if ((line_len < 0 ? evbuffer_get_length(in) : (size_t)line_len) >= CTL_REQUEST_MAX) {
		ctl_refuse(c->owner, c->number, "the request is too long");
		return;
	}
	if (line_len < 0)
		return;
	line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF);
	if (line == NULL) {
		ctl_refuse(c->owner, c->number, "no memory");
		return;
	}
	c->asked = true;
	/* From now on it only matters whether the client is still there. */
	(void)bufferevent_set_timeouts(stream, NULL, NULL);
	len = strlen(line);
	while (len > 0 && strchr(spaces, line[len - 1]) != NULL)
		line[--len] = '\0';
	arguments = line + strcspn(line, spaces);
	if (*arguments != '\0')
		*arguments++ = '\0';
	arguments += strspn(arguments, spaces);
	c->owner->request(c->owner->ctx, c->number, line, arguments);
	free(line);
}

/* A free place for a connection, or NULL. */
static struct client *free_client(struct ctl *ctl)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		if (ctl->clients[i].stream == NULL)
			return &ctl->clients[i];
	}
	return NULL;
}

/* A connection that cannot be taken leaves the listener readable: look away for a while instead of
 * spinning. */
static void accept_pause(struct ctl *ctl)
{
	log_warning("control-busy", "cannot take a connection: %s", strerror(errno));
	(void)event_del(ctl->acceptable);
	timer_start(ctl->resume, ACCEPT_WAIT_MS);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	const struct ctl *ctl = arg;

	(void)fd, (void)what;
	(void)event_add(ctl->acceptable, NULL);
}

static void on_acceptable(evutil_socket_t listener, short what, void *arg)
{
	static const char busy[] = "error too many clients at once\n";
	const union timer_wait limit = timer_wait(CTL_LIMIT_S * 1000);
	struct ctl *ctl = arg;
	struct client *c = free_client(ctl);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			accept_pause(ctl);
		return;
	}
	if (c != NULL)
		c->stream = bufferevent_socket_new(ctl->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c == NULL || c->stream == NULL) {
		log_warning(
		    "control-busy", "a client was sent away, %d are connected", CTL_CLIENTS);
		(void)send(fd, busy, strlen(busy), MSG_NOSIGNAL);
		(void)close(fd);
		return;
	}
	c->number = ++ctl->n_clients;
	bufferevent_setcb(c->stream, on_read, NULL, on_event, c);
	(void)bufferevent_set_timeouts(c->stream, &limit.tv, &limit.tv);
	/* One that is never read would wait for ever. */
	if (bufferevent_enable(c->stream, EV_READ | EV_WRITE) < 0)
		client_close(c);
}

/* Does somebody answer at this address? */
static bool is_alive(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive;

	if (fd < 0)
		return false;
	alive = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN;
	(void)close(fd);
	return alive;
}

/* Remove the socket of a daemon that did not end well; nothing but a socket is removed. */
static int clear_path(const struct sockaddr_un *addr, struct why *why)
{
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return why_set(
		    why, ERR_TAKEN, "%s is there already, and no socket", addr->sun_path);
	if (is_alive(addr))
		return why_set(
		    why, ERR_TAKEN, "%s is held by another daemon that runs", addr->sun_path);
	(void)unlink(addr->sun_path);
	return 0;
}

static int open_socket(struct ctl *ctl, const char *path, struct why *why)
{
	int err;

	ctl->addr.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(ctl->addr.sun_path))
		return why_set(why, ERR_RANGE, "%s: too long for a socket's path", path);
	memcpy(ctl->addr.sun_path, path, strlen(path) + 1);
	err = clear_path(&ctl->addr, why);
	if (err < 0)
		return err;
	ctl->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ctl->fd < 0)
		return why_set(why, ERR_SYS, "%s: %s", path, strerror(errno));
	/* The mode is set before anybody can connect. */
	if (bind(ctl->fd, (const struct sockaddr *)&ctl->addr, sizeof(ctl->addr)) == 0) {
		if (chmod(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) == 0 &&
		    listen(ctl->fd, CTL_CLIENTS) == 0)
			return 0;
		err = errno;
		(void)unlink(path);
		errno = err;
	}
	err = errno == ENOENT ? ERR_NOTFOUND : errno == EACCES ? ERR_DENIED : ERR_SYS;
	if (err == ERR_DENIED)
		(void)why_set(
		    why, err, "%s: the user %s may not make it there", path, priv_user_name());
	else
		(void)why_set(why, err, "%s: %s", path, strerror(errno));
	(void)close(ctl->fd);
	return err;
}

int ctl_open(struct ctl **out, struct event_base *base, const char *path, ctl_request_fn *request,
    void *ctx, struct why *why)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	int err;

	if (ctl == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	ctl->base = base;
	ctl->request = request;
	ctl->ctx = ctx;
	for (unsigned i = 0; i < CTL_CLIENTS; i++)
		ctl->clients[i].owner = ctl;
	err = open_socket(ctl, path, why);
	if (err < 0) {
		free(ctl);
		return err;
	}
	ctl->resume = evtimer_new(base, on_resume, ctl);
	ctl->acceptable = event_new(base, ctl->fd, EV_READ | EV_PERSIST, on_acceptable, ctl);
	if (ctl->resume != NULL && ctl->acceptable != NULL &&
	    event_add(ctl->acceptable, NULL) == 0) {
		*out = ctl;
		return 0;
	}
	ctl_close(ctl);
	return why_set(why, ERR_NOMEM, "no memory");
}

void ctl_close(struct ctl *ctl)
{
	if (ctl == NULL)
		return;
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		if (ctl->clients[i].stream != NULL)
			client_close(&ctl->clients[i]);
	}
	if (ctl->acceptable != NULL)
		event_free(ctl->acceptable);
	if (ctl->resume != NULL)
		event_free(ctl->resume);
	(void)close(ctl->fd);
	(void)unlink(ctl->addr.sun_path);
	free(ctl);
}

/* NULL: it has gone. */
static struct client *find_client(struct ctl *ctl, uint64_t number)
{
	for (unsigned i = 0; i < CTL_CLIENTS; i++) {
		if (ctl->clients[i].stream != NULL && ctl->clients[i].number == number)
			return &ctl->clients[i];
	}
	return NULL;
}

void ctl_answer(struct ctl *ctl, uint64_t number, struct evbuffer *answer)
{
	const union timer_wait limit = timer_wait(CTL_LIMIT_S * 1000);
	struct client *c = find_client(ctl, number);

	if (c == NULL) {
		(void)evbuffer_drain(answer, evbuffer_get_length(answer));
		return;
	}
	/* As a rule all of it goes at once. */
	(void)evbuffer_write(answer, bufferevent_getfd(c->stream));
	if (evbuffer_get_length(answer) == 0) {
		client_close(c);
		return;
	}
	(void)bufferevent_disable(c->stream, EV_READ);
	bufferevent_setcb(c->stream, NULL, on_written, on_event, c);
	(void)bufferevent_set_timeouts(c->stream, NULL, &limit.tv);
	(void)bufferevent_write_buffer(c->stream, answer);
}

void ctl_refuse(struct ctl *ctl, uint64_t number, const char *reason)
{
	struct evbuffer *answer = evbuffer_new();
	struct client *c = find_client(ctl, number);

	if (answer == NULL) { /* the end of the connection says it, too */
		if (c != NULL)
			client_close(c);
		return;
	}
	(void)evbuffer_add_printf(answer, "error %s\n", reason);
	ctl_answer(ctl, number, answer);
	evbuffer_free(answer);
}
