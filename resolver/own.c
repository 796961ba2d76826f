/* own.c - the user's own rules: from the file and quellctl to the workers. */
#include "resolver/own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "resolver/ctl.h"
#include "resolver/pack.h"
#include "resolver/priv.h"
#include "resolver/server.h"

#define MATCHES_MAX 16 /* rules that are looked at for one name */
#define SHOWN_MAX   20 /* lines with a mistake that are told of */
#define WRITES_MAX  5  /* tries to write a file that others write, too */

static struct rules_clock clock_of(const struct own *own)
{
	struct rules_clock now = {.boot_ms = clock_ms(), .wall_s = time(NULL)};

	memcpy(now.boot, own->boot, sizeof(now.boot));
	return now;
}

/* ---- the workers ---- */

/* What they are told: *message, and where there are rules a memfd (the caller's) with them. */
static int pack(const struct own *own, struct channel_overlay *message, int *fd)
{
	struct why why;
	uint8_t *bytes;
	size_t len;
	int err = pack_rules(&own->rules, &bytes, &len);

	*fd = -1;
	*message = (struct channel_overlay){
	    .paused = rules_pause(&own->rules) != NULL, .len = (uint32_t)len};
	if (err == 0 && len != 0) {
		*fd = memfd_create("quell-rules", MFD_CLOEXEC);
		err = *fd < 0 ? ERR_SYS : file_write(*fd, "rules", bytes, len, &why);
	}
	if (err == 0) {
		free(bytes);
		return 0;
	}
	log_error("rules", "cannot be handed to the workers: %s", err_text(err));
	if (*fd >= 0)
		(void)close(*fd);
	free(bytes);
	return err;
}

bool own_tell(struct server *s, unsigned worker, uint32_t serial)
{
	struct channel_overlay message;
	bool sent;
	int fd;

	if (pack(&s->own, &message, &fd) < 0)
		return false;
	sent = supervise_send(
	    s->workers, worker, CHANNEL_OVERLAY, serial, &message, sizeof(message), fd);
	if (fd >= 0)
		(void)close(fd);
	return sent;
}

/* Returns those that will answer. */
static uint64_t tell_all(struct server *s, uint32_t serial)
{
	struct channel_overlay message;
	uint64_t waiting = 0;
	int fd;

	if (pack(&s->own, &message, &fd) < 0)
		return 0;
	for (unsigned i = 0; i < supervise_n(s->workers); i++) {
		if (supervise_send(
			s->workers, i, CHANNEL_OVERLAY, serial, &message, sizeof(message), fd))
			waiting |= (uint64_t)1 << i;
	}
	if (fd >= 0)
		(void)close(fd);
	return waiting;
}

/* ---- the file ---- */

/* Take what it has; where it cannot be had, what is in force stays so. */
static void read_file(struct server *s, const struct rules_clock *now)
{
	struct own *own = &s->own;
	struct why why;

	if (rules_read(&own->rules, s->conf->rules, now, &why) < 0) {
		own->trouble = why;
		log_error("rules", "%s; those that were in force stay", why.text);
	}
	(void)rules_expire(&own->rules, now);
}

/* Where somebody has written it meanwhile, what they wrote comes first. */
static void write_file(struct server *s)
{
	struct own *own = &s->own;
	struct why why;
	int err = rules_write(&own->rules, s->conf->rules, &why);

	for (unsigned tries = 1; err == ERR_TAKEN && tries < WRITES_MAX; tries++) {
		const struct rules_clock now = clock_of(own);

		read_file(s, &now);
		(void)tell_all(s, 0);
		err = rules_write(&own->rules, s->conf->rules, &why);
	}

	if (err == 0) {
		own->trouble.text[0] = '\0';
		return;
	}
	if (!own->rules.unread)
		(void)why_set(&own->trouble, err, "%.380s (the user %.64s writes it)", why.text,
		    priv_user_name());
	log_warning("rules", "%s: changes hold until quelld ends", own->trouble.text);
}

/* ---- time ---- */

/* Wake us for the next expiry. */
static void arm(struct own *own)
{
	uint64_t next_ms = rules_next_ms(&own->rules);
	struct itimerspec at = {{0}, {0}};

	if (next_ms != UINT64_MAX) {
		at.it_value.tv_sec = (time_t)(next_ms / 1000);
		/* All zero would mean never. */
		at.it_value.tv_nsec = (long)(next_ms % 1000) * 1000000 + 1;
	}
	(void)timerfd_settime(own->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct rules_clock now = clock_of(&s->own);
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_error("rules", "timer: %s", strerror(errno));
	if (rules_expire(&s->own.rules, &now)) {
		log_notice(
		    "rules", "a rule or pause has expired, %u rules stay", s->own.rules.n_rules);
		(void)tell_all(s, 0);
		write_file(s);
	}
	arm(&s->own);
}

/* ---- start and reload ---- */

int own_init(struct server *s)
{
	struct own *own = &s->own;

	rules_init(&own->rules);
	clock_boot(own->boot);
	own->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (own->timer_fd < 0)
		return ERR_SYS;
	own->expiry = event_new(s->base, own->timer_fd, EV_READ | EV_PERSIST, on_expiry, s);
	return own->expiry != NULL && event_add(own->expiry, NULL) == 0 ? 0 : ERR_NOMEM;
}

void own_fini(struct server *s)
{
	struct own *own = &s->own;

	if (own->expiry != NULL)
		event_free(own->expiry);
	if (own->timer_fd > 0)
		(void)close(own->timer_fd);
	rules_fini(&own->rules);
}

static void log_mistakes(const struct server *s)
{
	const struct rules *r = &s->own.rules;

	for (size_t i = 0; i < r->n_lines; i++) {
		if (r->lines[i].kind == RULES_BAD)
			log_warning("rules", "%s:%zu: %s", s->conf->rules,
			    rules_number(r, &r->lines[i]), r->lines[i].note);
	}
}

void own_read(struct server *s)
{
	struct rules_clock now = clock_of(&s->own);

	read_file(s, &now);
	log_mistakes(s);
	(void)tell_all(s, 0);
	write_file(s);
	arm(&s->own);
}

/* ---- what is told ---- */

static void say_pause(const struct own *own, const struct rules_clock *now, struct evbuffer *to)
{
	const struct rules_line *pause = rules_pause(&own->rules);
	char text[RULES_TEXT_SIZE];

	if (pause == NULL)
		evbuffer_add_printf(to, "blocking on\n");
	else /* pause... */
		evbuffer_add_printf(
		    to, "blocking paused%s\n", rules_format(pause, now, text) + strlen("pause"));
}

/* What a person should know of, one a line behind `key`. */
static void say_troubles(
    const struct server *s, const char *key, const char *consequence, struct evbuffer *to)
{
	const struct rules *r = &s->own.rules;
	size_t n_bad = 0;

	if (s->own.trouble.text[0] != '\0')
		evbuffer_add_printf(to, "%s %s%s\n", key, s->own.trouble.text, consequence);
	for (size_t i = 0; i < r->n_lines; i++) {
		if (r->lines[i].kind == RULES_BAD && n_bad++ < SHOWN_MAX)
			evbuffer_add_printf(to, "%s %s:%zu: %s\n", key, s->conf->rules,
			    rules_number(r, &r->lines[i]), r->lines[i].note);
	}
	if (n_bad > SHOWN_MAX)
		evbuffer_add_printf(to, "%s %s: %zu more lines have a mistake\n", key,
		    s->conf->rules, n_bad - SHOWN_MAX);
}

static void say_rules(const struct own *own, const struct rules_clock *now, struct evbuffer *to)
{
	char text[RULES_TEXT_SIZE];

	for (size_t i = 0; i < own->rules.n_lines; i++) {
		const struct rules_line *line = &own->rules.lines[i];

		if (line->kind == RULES_ALLOW || line->kind == RULES_BLOCK)
			evbuffer_add_printf(to, "rule %s\n", rules_format(line, now, text));
	}
}

void own_blocking(const struct server *s, struct evbuffer *to)
{
	const struct rules_clock now = clock_of(&s->own);

	say_pause(&s->own, &now, to);
}

bool own_match(const struct server *s, const uint8_t *name, unsigned nth,
    char text[RULES_TEXT_SIZE], size_t *line)
{
	const struct rules_clock now = clock_of(&s->own);
	const struct rules_line *found[MATCHES_MAX];

	if (nth >= rules_matches(&s->own.rules, name, found, MATCHES_MAX))
		return false;
	(void)rules_format(found[nth], &now, text);
	*line = rules_number(&s->own.rules, found[nth]);
	return true;
}

void own_status(const struct server *s, struct evbuffer *to)
{
	const struct rules_clock now = clock_of(&s->own);

	say_pause(&s->own, &now, to);
	evbuffer_add_printf(to, "own_rules %u\n", s->own.rules.n_rules);
}

void own_reasons(const struct server *s, struct evbuffer *to)
{
	const struct rules_line *pause = rules_pause(&s->own.rules);

	if (pause != NULL && pause->for_ms == 0)
		evbuffer_add_printf(to, "reason nothing is blocked until: quellctl resume\n");
	say_troubles(s, "reason", "", to);
}

/* ---- requests ---- */

bool own_is_command(const char *command)
{
	static const char *const commands[] = {
	    "allow", "block", "unset", "pause", "resume", "rules"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i], command) == 0)
			return true;
	}
	return false;
}

/* Make the change on what the file has now, and put it in force. */
static int change(struct server *s, const char *request, uint32_t serial, uint64_t *waiting,
    char done[RULES_TEXT_SIZE], struct why *why)
{
	struct own *own = &s->own;
	struct rules_clock now = clock_of(own);
	struct rules_line line;
	int err = rules_parse_change(&line, request, &now, why);

	if (err < 0)
		return err;
	(void)rules_format(&line, &now, done);
	read_file(s, &now);
	err = rules_apply(&own->rules, &line, &now, why);
	*waiting = tell_all(s, serial);
	if (err == 0)
		log_notice("rules", "%s", done);
	write_file(s);
	arm(own);
	return err;
}

int own_request(struct server *s, const char *command, const char *arguments, uint32_t serial,
    uint64_t *waiting, struct evbuffer *said, struct why *why)
{
	char request[CTL_REQUEST_MAX + 8], done[RULES_TEXT_SIZE];
	struct rules_clock now = clock_of(&s->own);
	bool lists = strcmp(command, "rules") == 0;
	bool pauses = command[0] == 'p' || strcmp(command, "resume") == 0;
	int err;

	*waiting = 0;
	if (!lists) {
		(void)snprintf(request, sizeof(request), "%s %s", command, arguments);
		err = change(s, request, serial, waiting, done, why);
		if (err < 0)
			return err;
		now = clock_of(&s->own);
	}
	if (lists || pauses)
		say_pause(&s->own, &now, said);
	if (lists)
		say_rules(&s->own, &now, said);
	else if (!pauses)
		evbuffer_add_printf(
		    said, "%s%s\n", strcmp(command, "unset") == 0 ? "" : "rule ", done);
	say_troubles(s, "note", lists ? "" : ": this holds until quelld ends", said);
	return 0;
}
