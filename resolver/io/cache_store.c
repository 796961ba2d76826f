/* cache_store.c - one block for each turn of the loop. */
#include "resolver/io/cache_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "resolver/core/cachefile.h"
#include "resolver/io/timer.h"

#define BLOCK_SIZE (CACHEFILE_BLOCK_HEAD_SIZE + CACHEFILE_PAYLOAD_SIZE)

struct saving {
	int fd; /* -1: nothing is saved */
	struct event *writable;
	struct cache_walk at;
	uint32_t n_blocks;
	bool ends; /* the block in hand is the last */
	size_t len, done;
	uint8_t block[BLOCK_SIZE];
};

struct loading {
	int fd; /* -1: nothing is loaded */
	struct event *turn;
	uint64_t age_ms;
	uint32_t n_blocks;
	uint64_t n_entries;
	uint8_t block[BLOCK_SIZE];
};

struct cache_store {
	struct event_base *base;
	struct query *core;
	struct saving saving;
	struct loading loading;
};

/* ---- saving ---- */

static void save_end(struct saving *save)
{
	if (save->writable != NULL)
		event_free(save->writable);
	if (save->fd >= 0)
		(void)close(save->fd);
	save->writable = NULL;
	save->fd = -1;
}

static void save_next_block(struct cache_store *s)
{
	struct saving *save = &s->saving;
	size_t len = query_save(s->core, &save->at, clock_ms(),
	    save->block + CACHEFILE_BLOCK_HEAD_SIZE, CACHEFILE_PAYLOAD_SIZE);

	cachefile_seal(save->block, len, save->n_blocks++);
	save->ends = len == 0;
	save->len = CACHEFILE_BLOCK_HEAD_SIZE + len;
	save->done = 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct cache_store *s = arg;
	struct saving *save = &s->saving;
	ssize_t n;

	(void)what;
	if (save->done == save->len) {
		if (save->ends) {
			save_end(save);
			return;
		}
		save_next_block(s);
	}
	n = write(fd, save->block + save->done, save->len - save->done);
	if (n >= 0) {
		save->done += (size_t)n;
	} else if (errno != EAGAIN && errno != EINTR) {
		/* Whoever reads it has had enough; the parent tells why. */
		save_end(save);
	}
}

void cache_store_save(struct cache_store *s, int fd)
{
	struct saving *save = &s->saving;

	save_end(save);
	if (s->loading.fd >= 0) {
		(void)close(fd);
		return;
	}
	save->fd = fd;
	save->at = (struct cache_walk){0};
	save->n_blocks = 0;
	save->len = save->done = 0;
	save->ends = false;
	save->writable = event_new(s->base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
	if (save->writable == NULL || event_add(save->writable, NULL) < 0)
		save_end(save);
}

/* ---- loading ---- */

static void load_end(struct loading *load)
{
	if (load->fd >= 0)
		(void)close(load->fd);
	load->fd = -1;
}

/* All of it, from a file. */
static bool read_whole(int fd, uint8_t *out, size_t len)
{
	while (len != 0) {
		ssize_t n = read(fd, out, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		out += n;
		len -= (size_t)n;
	}
	return true;
}

/* Returns 1, 0 at the end, or ERR_FORMAT. */
static int load_block(struct cache_store *s)
{
	struct loading *load = &s->loading;
	uint8_t *payload = load->block + CACHEFILE_BLOCK_HEAD_SIZE;
	size_t len;
	int n;

	if (!read_whole(load->fd, load->block, CACHEFILE_BLOCK_HEAD_SIZE) ||
	    cachefile_length(load->block, &len) < 0 || !read_whole(load->fd, payload, len) ||
	    !cachefile_is_whole(load->block, len, load->n_blocks))
		return ERR_FORMAT;
	load->n_blocks++;
	if (len == 0)
		return 0;
	n = query_load(s->core, payload, len, load->age_ms, clock_ms());
	if (n < 0)
		return n;
	load->n_entries += (unsigned)n;
	return 1;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct cache_store *s = arg;
	struct loading *load = &s->loading;
	int more = load_block(s);

	(void)fd, (void)what;
	if (more == 1) {
		timer_start(load->turn, 0);
		return;
	}
	if (more < 0)
		log_warning("cache-file", "damaged behind %" PRIu64 " answers: the rest is dropped",
		    load->n_entries);
	else
		log_info("cache-file", "%" PRIu64 " answers were kept", load->n_entries);
	load_end(load);
}

void cache_store_load(struct cache_store *s, int fd, uint64_t age_ms)
{
	struct loading *load = &s->loading;

	load_end(load);
	load->fd = fd;
	load->age_ms = age_ms;
	load->n_blocks = 0;
	load->n_entries = 0;
	timer_start(load->turn, 0);
}

struct cache_store *cache_store_new(struct event_base *base, struct query *core)
{
	struct cache_store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->base = base;
	s->core = core;
	s->saving.fd = s->loading.fd = -1;
	s->loading.turn = evtimer_new(base, on_turn, s);
	if (s->loading.turn == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void cache_store_free(struct cache_store *s)
{
	if (s == NULL)
		return;
	save_end(&s->saving);
	load_end(&s->loading);
	event_free(s->loading.turn);
	free(s);
}
