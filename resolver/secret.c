/* secret.c - the secret of the DNS cookies: from the file to the workers. */
#include "resolver/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/rng.h"
#include "resolver/io/timer.h"
#include "resolver/server.h"

#define PLACES	 2
#define MAGIC	 "quell-c1"
#define MADE_OFF (sizeof(MAGIC) - 1)
#define ROLL_OFF (MADE_OFF + 8)
#define NOW_OFF	 (ROLL_OFF + 1)
#define OLD_OFF	 (NOW_OFF + COOKIE_SECRET_SIZE)
#define SIZE	 (OLD_OFF + COOKIE_SECRET_SIZE)

/* ---- the file ---- */

/* Where it may be: `place` from 0 in the order of preference. */
static void path_of(const struct conf *conf, unsigned place, char path[PATH_MAX])
{
	const char *slash = strrchr(conf->rules, '/');

	if (place == 0)
		(void)snprintf(path, PATH_MAX, "%s/" SECRET_FILE, conf->state_dir);
	else
		(void)snprintf(path, PATH_MAX, "%.*s" SECRET_FILE,
		    slash == NULL ? 0 : (int)(slash - conf->rules) + 1, conf->rules);
}

static void pack(const struct secret *secret, uint8_t bytes[SIZE])
{
	uint64_t made = (uint64_t)secret->made_s;

	memcpy(bytes, MAGIC, MADE_OFF);
	for (unsigned i = 0; i < 8; i++)
		bytes[MADE_OFF + i] = (uint8_t)(made >> (56 - 8 * i));
	bytes[ROLL_OFF] = secret->cookies.rolled;
	memcpy(bytes + NOW_OFF, secret->cookies.current, COOKIE_SECRET_SIZE);
	memcpy(bytes + OLD_OFF, secret->cookies.previous, COOKIE_SECRET_SIZE);
}

static bool unpack(struct secret *secret, const uint8_t *bytes, size_t len)
{
	uint64_t made = 0;

	if (len != SIZE || memcmp(bytes, MAGIC, MADE_OFF) != 0 || bytes[ROLL_OFF] > 1)
		return false;
	for (unsigned i = 0; i < 8; i++)
		made = made << 8 | bytes[MADE_OFF + i];
	if (made > INT64_MAX)
		return false;
	secret->made_s = (int64_t)made;
	secret->cookies.known = true;
	secret->cookies.rolled = bytes[ROLL_OFF] == 1;
	memcpy(secret->cookies.current, bytes + NOW_OFF, COOKIE_SECRET_SIZE);
	memcpy(secret->cookies.previous, bytes + OLD_OFF, COOKIE_SECRET_SIZE);
	return true;
}

/* A secret that others may read is none. */
static bool is_private(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

/* Take it out of the file at `path`; false: there is none that is any good. */
static bool read_file(struct secret *secret, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	uint8_t bytes[SIZE + 1];
	ssize_t len;
	bool good;

	if (fd < 0)
		return false;
	len = read(fd, bytes, sizeof(bytes));
	good = len >= 0 && is_private(fd) && unpack(secret, bytes, (size_t)len);
	(void)close(fd);
	if (!good)
		log_warning("cookies", "%s: this is no secret; there will be another", path);
	return good;
}

static bool read_any(struct secret *secret, const struct conf *conf)
{
	char path[PATH_MAX];

	for (unsigned i = 0; i < PLACES; i++) {
		path_of(conf, i, path);
		if (read_file(secret, path))
			return true;
	}
	return false;
}

static void write_any(const struct secret *secret, const struct conf *conf)
{
	char path[PATH_MAX];
	struct why why[PLACES];
	uint8_t bytes[SIZE];

	pack(secret, bytes);
	for (unsigned i = 0; i < PLACES; i++) {
		path_of(conf, i, path);
		if (file_replace(path, S_IRUSR | S_IWUSR, bytes, sizeof(bytes), &why[i]) == 0)
			return;
	}
	log_warning("cookies",
	    "the secret is only in memory, a restart makes another: %.300s; %.300s", why[0].text,
	    why[1].text);
}

/* ---- time ---- */

static void draw(struct secret *secret, int64_t wall_s)
{
	struct rng rng;

	rng_init(&rng);
	rng_bytes(&rng, secret->cookies.current, COOKIE_SECRET_SIZE);
	explicit_bzero(&rng, sizeof(rng));
	secret->cookies.known = true;
	secret->made_s = wall_s;
}

static void roll(struct secret *secret, int64_t wall_s)
{
	memcpy(secret->cookies.previous, secret->cookies.current, COOKIE_SECRET_SIZE);
	secret->cookies.rolled = true;
	draw(secret, wall_s);
}

/* When one that is `age_s` old is due. */
static void arm(struct secret *secret, int64_t age_s)
{
	struct rng rng;
	int64_t life_s;

	rng_init(&rng);
	life_s = SECRET_LIFE_S - rng_below(&rng, SECRET_LIFE_S / 100 * SECRET_JITTER_SHARE);
	timer_start(secret->roll, age_s < life_s ? (uint64_t)(life_s - age_s) * 1000 : 0);
}

/* ---- the workers ---- */

void secret_tell(struct server *s, unsigned worker)
{
	(void)supervise_send(s->workers, worker, CHANNEL_COOKIES, 0, &s->secret.cookies,
	    sizeof(s->secret.cookies), -1);
}

static void on_roll(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd, (void)what;
	roll(&s->secret, time(NULL));
	supervise_send_all(
	    s->workers, CHANNEL_COOKIES, 0, &s->secret.cookies, sizeof(s->secret.cookies), -1);
	write_any(&s->secret, s->conf);
	arm(&s->secret, 0);
}

int secret_init(struct server *s)
{
	struct secret *secret = &s->secret;
	const int64_t wall_s = time(NULL);
	int64_t age_s;

	secret->roll = evtimer_new(s->base, on_roll, s);
	if (secret->roll == NULL)
		return ERR_NOMEM;
	if (!read_any(secret, s->conf)) {
		draw(secret, wall_s);
		write_any(secret, s->conf);
	} else if (secret->made_s > wall_s || wall_s - secret->made_s >= SECRET_LIFE_S) {
		roll(secret, wall_s);
		write_any(secret, s->conf);
	}
	secret->cookies.wall_s = wall_s - (int64_t)(clock_ms() / 1000);
	age_s = wall_s - secret->made_s;
	arm(secret, age_s);
	return 0;
}

void secret_fini(struct server *s)
{
	if (s->secret.roll != NULL)
		event_free(s->secret.roll);
	explicit_bzero(&s->secret.cookies, sizeof(s->secret.cookies));
}
