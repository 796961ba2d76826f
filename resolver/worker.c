/* worker.c - the wiring of listeners, core and carriers, and what the parent says to them. */

#include "resolver/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/pages.h"
#include "resolver/channel.h"
#include "resolver/confine.h"
#include "resolver/io/cache_store.h"
#include "resolver/io/carrier_tcp.h"
#include "resolver/io/carrier_udp.h"
#include "resolver/io/listen_tcp.h"
#include "resolver/io/listen_udp.h"
#include "resolver/io/timer.h"

#define MESSAGES_MAX   16 /* of the parent, for one wake-up */
#define LEAVE_LOOK_MS  20 /* how often it is looked whether questions are in flight */
#define FILES_RESERVED 64 /* descriptors besides those of clients and upstreams */

/* The lists in force: a sealed memfd, mapped. */
struct image {
	void *bytes; /* NULL: no lists */
	size_t len;
	struct trie trie;
	uint32_t generation;
	struct reason_names *names;	/* owned; NULL: not known */
	struct reason_answers *answers; /* owned; NULL: none differs */
};

/* The names of the house: likewise. */
struct names {
	void *bytes; /* NULL: none */
	size_t len;
};

struct worker {
	struct confine confine;
	int channel;
	int status; /* of the process */
	struct event_base *base;
	struct event *readable, *tick;
	struct event *leave; /* timer; NULL: it stays */
	uint64_t leave_ms;   /* no later than then */
	uint64_t tick_ms;    /* when the core wants query_tick(); UINT64_MAX: never */
	struct rng rng;
	struct query *core; /* NULL: no options yet */
	struct listen_udp *listen_udp;
	struct listen_tcp *listen_tcp;
	struct carrier_udp *carrier_udp;
	struct carrier_tcp *carrier_tcp;
	struct cache_store *cache_store;
	struct image image;
	struct names names;
	struct channel_message message;
};

static void worker_stop(struct worker *w, int status)
{
	w->status = status;
	event_base_loopbreak(w->base);
}

static void worker_tell(
    struct worker *w, enum channel_type type, uint32_t serial, const void *payload, size_t len)
{
	if (channel_send(w->channel, type, serial, payload, len, -1) == 0)
		return;
	log_warning("channel", "message %d for the parent is lost: %s", (int)type, strerror(errno));
	/* Without this one nothing goes on there: with another worker it does. */
	if (type == CHANNEL_SWAPPED)
		worker_stop(w, EXIT_FAILURE);
}

/* ---- the core's actions ---- */

static void net_send(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	struct worker *w = ctx;

	if (to->tcp)
		listen_tcp_send(w->listen_tcp, to, msg, len);
	else
		listen_udp_send(w->listen_udp, to, msg, len);
}

static int net_port(void *ctx, enum query_carrier via, const union addr *to, uint32_t *port)
{
	struct worker *w = ctx;

	if (via == CARRIER_TCP)
		return carrier_tcp_port(w->carrier_tcp, to, port);
	return carrier_udp_port(w->carrier_udp, to, port);
}

static int net_ask(void *ctx, const struct query_try *try, const uint8_t *msg, size_t len)
{
	struct worker *w = ctx;

	if (try->via == CARRIER_TCP)
		return carrier_tcp_ask(w->carrier_tcp, try, msg, len);
	return carrier_udp_ask(w->carrier_udp, try, msg, len);
}

static void net_done(void *ctx, const struct query_try *try)
{
	struct worker *w = ctx;

	if (try->via == CARRIER_TCP)
		carrier_tcp_done(w->carrier_tcp, try);
	else
		carrier_udp_done(w->carrier_udp, try);
}

static void net_arm(void *ctx, uint64_t at_ms)
{
	struct worker *w = ctx;
	uint64_t now_ms;

	w->tick_ms = at_ms;
	if (at_ms == UINT64_MAX) {
		evtimer_del(w->tick);
		return;
	}
	now_ms = clock_ms();
	timer_start(w->tick, at_ms > now_ms ? at_ms - now_ms : 0);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t now_ms = clock_ms();

	(void)fd;
	(void)what;
	/* The loop's clock is another, and finer: it can be early by part of a millisecond. */
	if (now_ms < w->tick_ms)
		net_arm(w, w->tick_ms);
	else
		query_tick(w->core, now_ms);
}

/* ---- messages of the parent ---- */

/* What everything at its bound needs: half of it, and no less, is for the ports to ask from. */
static rlim_t files_wanted(const struct options *options)
{
	rlim_t n = options->n_upstream + options->n_forward, pools = n > 2 ? n : 2;

	return 2 * pools * CARRIER_UDP_PORTS + CARRIER_TCP_MAX + options->tcp_clients_max +
	       2 * CONF_LISTEN_MAX + FILES_RESERVED;
}

/* As many descriptors as are wanted, or as many as we may have. */
static void raise_file_limit(const struct options *options)
{
	rlim_t wanted = files_wanted(options);
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_warning("descriptors", "cannot raise their limit: %s", strerror(errno));
}

/* Where descriptors are few, clients get a quarter of them: half are for the ports to ask from, and
 * a list that the parent sends takes one, too. */
static uint32_t tcp_clients_allowed(const struct options *options)
{
	struct rlimit files;
	uint32_t n;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= files_wanted(options) ||
	    files.rlim_cur / 4 >= options->tcp_clients_max)
		return options->tcp_clients_max;
	n = (uint32_t)(files.rlim_cur / 4);
	log_warning("tcp-clients",
	    "only %" PRIu32 " TCP clients at once, not %" PRIu32
	    ": %llu descriptors are allowed (LimitNOFILE)",
	    n, options->tcp_clients_max, (unsigned long long)files.rlim_cur);
	return n;
}

static struct listen_tcp_limits tcp_limits(const struct options *options)
{
	return (struct listen_tcp_limits){
	    .clients_max = tcp_clients_allowed(options),
	    .per_address_max = options->tcp_clients_per_address,
	    .idle_ms = options->tcp_idle_ms,
	};
}

/* The first options: make everything. */
static int start(struct worker *w, const struct options *options)
{
	const struct query_net net = {
	    .ctx = w,
	    .send = net_send,
	    .port = net_port,
	    .ask = net_ask,
	    .done = net_done,
	    .arm = net_arm,
	};
	struct listen_tcp_limits limits;
	struct hash_key key;
	int err;

	w->carrier_udp = carrier_udp_new(w->base, &w->rng);
	w->carrier_tcp = carrier_tcp_new(w->base);
	if (w->carrier_udp == NULL || w->carrier_tcp == NULL)
		return ERR_NOMEM;
	carrier_tcp_set_proxies(w->carrier_tcp, options);
	err = query_new(&w->core, options, &net, &w->rng);
	if (err < 0)
		return err;
	carrier_udp_set_core(w->carrier_udp, w->core);
	carrier_tcp_set_core(w->carrier_tcp, w->core);
	w->listen_udp = listen_udp_new(w->base, w->core);
	limits = tcp_limits(options);
	rng_bytes(&w->rng, &key, sizeof(key));
	w->listen_tcp = listen_tcp_new(w->base, w->core, &limits, &key);
	w->cache_store = cache_store_new(w->base, w->core);
	return w->listen_udp == NULL || w->listen_tcp == NULL || w->cache_store == NULL ? ERR_NOMEM
											: 0;
}

/* Nothing is in flight, or nothing that was when this began. */
static void on_leave(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct stats stats = {0};

	(void)fd;
	(void)what;
	query_stats(w->core, &stats);
	if (stats.in_flight != 0 && clock_ms() < w->leave_ms) {
		timer_start(w->leave, LEAVE_LOOK_MS);
		return;
	}
	listen_udp_flush(w->listen_udp);
	worker_tell(w, CHANNEL_LEAVE, 0, NULL, 0);
	worker_stop(w, EXIT_SUCCESS);
}

/* The sandbox does not let it connect to all of these upstreams by TCP: end when that costs nobody an answer, and a
 * new one takes over. */
static void leave(struct worker *w, const struct options *options)
{
	if (w->leave != NULL)
		return;
	w->leave = evtimer_new(w->base, on_leave, w);
	if (w->leave == NULL)
		return;
	log_notice(
	    "worker", "it may not connect to the port of a new upstream: another takes over");
	w->leave_ms = clock_ms() + options->query_timeout_ms;
	timer_start(w->leave, 0);
}

static void on_options(struct worker *w, struct channel_message *m)
{
	const struct options *options = (const struct options *)m->payload;
	struct listen_tcp_limits limits;
	int err;

	raise_file_limit(options);
	if (w->core != NULL) {
		if (!confine_fits(&w->confine, options))
			leave(w, options);
		query_set_options(w->core, options);
		carrier_tcp_set_proxies(w->carrier_tcp, options);
		limits = tcp_limits(options);
		listen_tcp_set(w->listen_tcp, &limits);
		return;
	}
	confine_enter(&w->confine, options);
	worker_tell(w, CHANNEL_SANDBOX, 0, &w->confine.sandbox, sizeof(w->confine.sandbox));
	err = start(w, options);
	if (err < 0) {
		log_error("worker", "cannot start: %s", err_text(err));
		worker_stop(w, EXIT_FAILURE);
	}
}

static void on_listen(struct worker *w, struct channel_message *m)
{
	const struct channel_listen *listen = (const struct channel_listen *)m->payload;
	char text[ADDR_TEXT_SIZE];
	int fd = m->fd;
	int err;

	m->fd = -1;
	if (fd < 0)
		err = ERR_FORMAT;
	else if (listen->kind == CHANNEL_SOCKET_UDP)
		err = listen_udp_add(w->listen_udp, listen->index, fd, &listen->addr);
	else
		err = listen_tcp_add(w->listen_tcp, listen->index, fd);
	if (err < 0) {
		log_error("listen", "worker cannot listen on %s: %s",
		    addr_format(&listen->addr, text), err_text(err));
		if (fd >= 0) /* another can, perhaps: nobody else reads there */
			worker_stop(w, EXIT_FAILURE);
	}
}

static void on_unlisten(struct worker *w, struct channel_message *m)
{
	const struct channel_listen *listen = (const struct channel_listen *)m->payload;

	if (listen->kind == CHANNEL_SOCKET_UDP)
		listen_udp_remove(w->listen_udp, listen->index);
	else
		listen_tcp_remove(w->listen_tcp, listen->index);
}

static void image_close(struct image *image)
{
	if (image->bytes != NULL)
		munmap(image->bytes, image->len);
	free(image->names);
	free(image->answers);
	*image = (struct image){0};
}

/* Map the sealed memfd `fd`: nobody can change or shorten it while we read. */
static int map_sealed(int fd, void **bytes, size_t *len, struct why *why)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	*bytes = NULL;
	if (seals < 0 || (seals & (F_SEAL_WRITE | F_SEAL_SHRINK)) != (F_SEAL_WRITE | F_SEAL_SHRINK))
		return why_set(why, ERR_DENIED, "its file is not sealed");
	if (fstat(fd, &st) < 0)
		return why_set(why, ERR_SYS, "%s", strerror(errno));
	if (st.st_size <= 0)
		return why_set(why, ERR_FORMAT, "its file is empty");
	*len = (size_t)st.st_size;
	*bytes = pages_map(fd, *len);
	if (*bytes == NULL)
		return why_set(why, ERR_SYS, "%s", strerror(errno));
	return 0;
}

/* What it is told cannot be used.  With what was before it goes on; one that is new has nothing before: rather than to
 * let pass what is on the lists, it leaves its place to another.  Returns whether it does. */
static bool refuse(struct worker *w)
{
	if (w->image.generation != 0)
		return false;
	worker_stop(w, EXIT_FAILURE);
	return true;
}

static int image_open(struct image *image, int fd, struct why *why)
{
	int err = map_sealed(fd, &image->bytes, &image->len, why);

	return err < 0 ? err : trie_open(&image->trie, image->bytes, image->len, why);
}

/* NULL: no memory; then they are not known. */
static void *copy_of(const void *bytes, size_t len)
{
	void *copy = malloc(len);

	if (copy != NULL)
		memcpy(copy, bytes, len);
	return copy;
}

static void on_image(struct worker *w, struct channel_message *m)
{
	const struct channel_image *message = (const struct channel_image *)m->payload;
	struct channel_swapped swapped = {.generation = message->generation};
	struct image next = {.generation = swapped.generation};
	struct why why;

	swapped.failed = m->fd >= 0 && image_open(&next, m->fd, &why) < 0;
	if (swapped.failed) {
		log_error("image", "lists %u cannot be used: %s", next.generation, why.text);
		image_close(&next);
		if (refuse(w))
			return;
	} else {
		next.names = copy_of(&message->names, sizeof(message->names));
		if (message->answers_differ)
			next.answers = copy_of(&message->answers, sizeof(message->answers));
		query_set_lists(w->core, &next.trie);
		query_set_names(w->core, next.names);
		query_set_answers(w->core, next.answers);
		image_close(&w->image);
		w->image = next;
	}
	worker_tell(w, CHANNEL_SWAPPED, m->head.serial, &swapped, sizeof(swapped));
}

/* The rules in `fd`, which is only read and closed. */
static int take_rules(struct worker *w, const struct channel_overlay *overlay, int fd)
{
	uint8_t *rules = NULL;
	int err = ERR_FORMAT;

	if (overlay->len > OVERLAY_SIZE || (fd < 0) != (overlay->len == 0))
		return err;
	if (fd >= 0) {
		rules = malloc(overlay->len);
		if (rules == NULL)
			return ERR_NOMEM;
		/* The place in the file is shared with the other workers. */
		if (pread(fd, rules, overlay->len, 0) != (ssize_t)overlay->len)
			goto out;
	}
	err = query_set_rules(w->core, overlay->paused != 0, rules, overlay->len);
out:
	free(rules);
	return err;
}

static void on_overlay(struct worker *w, struct channel_message *m)
{
	struct channel_overlay overlay = *(const struct channel_overlay *)m->payload;
	int err = take_rules(w, &overlay, m->fd);

	overlay.failed = err < 0;
	if (err < 0) {
		log_error("rules", "cannot be used: %s", err_text(err));
		(void)refuse(w);
	}
	worker_tell(w, CHANNEL_OVERLAY, m->head.serial, &overlay, sizeof(overlay));
}

static void names_close(struct names *names)
{
	if (names->bytes != NULL)
		munmap(names->bytes, names->len);
	*names = (struct names){0};
}

static void on_local(struct worker *w, struct channel_message *m)
{
	struct names next = {0};
	struct local local = {0};
	struct why why;
	int err = m->fd < 0 ? 0 : map_sealed(m->fd, &next.bytes, &next.len, &why);

	if (err == 0 && next.bytes != NULL) {
		err = local_open(&local, next.bytes, next.len);
		(void)why_set(&why, err, "%s", err_text(err));
	}
	if (err < 0) {
		log_error("names", "the names of the house cannot be used: %s", why.text);
		names_close(&next);
		(void)refuse(w);
		return;
	}
	query_set_local(w->core, &local);
	names_close(&w->names);
	w->names = next;
}

static void on_cookies(struct worker *w, struct channel_message *m)
{
	query_set_cookies(w->core, (const struct cookie_secrets *)m->payload);
}

static void on_cache_load(struct worker *w, struct channel_message *m)
{
	const struct channel_cache *cache = (const struct channel_cache *)m->payload;

	if (m->fd >= 0)
		cache_store_load(w->cache_store, m->fd, cache->age_ms);
	m->fd = -1;
}

static void on_cache_save(struct worker *w, struct channel_message *m)
{
	if (m->fd >= 0)
		cache_store_save(w->cache_store, m->fd);
	m->fd = -1;
}

static void on_network(struct worker *w, struct channel_message *m)
{
	const struct channel_network *network = (const struct channel_network *)m->payload;

	if (network->moved) {
		carrier_udp_renew(w->carrier_udp);
		carrier_tcp_renew(w->carrier_tcp);
	}
	query_network(w->core, network->moved, clock_ms());
}

static void on_stats(struct worker *w, struct channel_message *m)
{
	struct channel_stats stats = {.generation = w->image.generation};

	query_stats(w->core, &stats.stats);
	query_latency(w->core, stats.latency);
	listen_tcp_stats(w->listen_tcp, &stats.stats);
	carrier_tcp_stats(w->carrier_tcp, &stats.stats);
	stats.n_upstream = query_upstreams(w->core, stats.upstream, OPTIONS_SERVERS_MAX);
	worker_tell(w, CHANNEL_STATS, m->head.serial, &stats, sizeof(stats));
}

static void on_why(struct worker *w, struct channel_message *m)
{
	const struct channel_name *name = (const struct channel_name *)m->payload;
	const struct effect_ask ask = {
	    .name = name->name,
	    .type = name->type,
	    .client = name->client.sa.sa_family != AF_UNSPEC ? &name->client : NULL,
	};
	struct reason answer;

	query_why(w->core, &ask, clock_ms(), &answer);
	worker_tell(w, CHANNEL_WHY, m->head.serial, &answer, sizeof(answer));
}

static void on_flush(struct worker *w, struct channel_message *m)
{
	const struct channel_name *name = (const struct channel_name *)m->payload;
	uint64_t flushed =
	    query_flush(w->core, name->name_len > 0 ? name->name : NULL, name->below != 0);

	worker_tell(w, CHANNEL_FLUSH, m->head.serial, &flushed, sizeof(flushed));
}

static void on_cached(struct worker *w, struct channel_message *m)
{
	const struct channel_name *name = (const struct channel_name *)m->payload;
	struct cached answer;

	query_cached(w->core, name->name, name->type, clock_ms(), &answer);
	worker_tell(w, CHANNEL_CACHED, m->head.serial, &answer, sizeof(answer));
}

static void on_upstream(struct worker *w, struct channel_message *m)
{
	const union addr *addr = (const union addr *)m->payload;
	struct query_upstream_whole answer;

	query_upstream(w->core, addr, clock_ms(), &answer);
	worker_tell(w, CHANNEL_UPSTREAM, m->head.serial, &answer, sizeof(answer));
}

static void on_ping(struct worker *w, struct channel_message *m)
{
	worker_tell(w, CHANNEL_PING, m->head.serial, NULL, 0);
}

/* What each message must bring, and who takes it; a descriptor left in it is closed. */
static const struct handler {
	size_t len;
	void (*take)(struct worker *w, struct channel_message *m);
} handlers[] = {
    [CHANNEL_OPTIONS] = {sizeof(struct options), on_options},
    [CHANNEL_LISTEN] = {sizeof(struct channel_listen), on_listen},
    [CHANNEL_UNLISTEN] = {sizeof(struct channel_listen), on_unlisten},
    [CHANNEL_IMAGE] = {sizeof(struct channel_image), on_image},
    [CHANNEL_STATS] = {0, on_stats},
    [CHANNEL_WHY] = {sizeof(struct channel_name), on_why},
    [CHANNEL_FLUSH] = {sizeof(struct channel_name), on_flush},
    [CHANNEL_CACHED] = {sizeof(struct channel_name), on_cached},
    [CHANNEL_UPSTREAM] = {sizeof(union addr), on_upstream},
    [CHANNEL_LOCAL] = {0, on_local},
    [CHANNEL_COOKIES] = {sizeof(struct cookie_secrets), on_cookies},
    [CHANNEL_CACHE_LOAD] = {sizeof(struct channel_cache), on_cache_load},
    [CHANNEL_CACHE_SAVE] = {0, on_cache_save},
    [CHANNEL_NETWORK] = {sizeof(struct channel_network), on_network},
    [CHANNEL_OVERLAY] = {sizeof(struct channel_overlay), on_overlay},
    [CHANNEL_PING] = {0, on_ping},
};

static void dispatch(struct worker *w, struct channel_message *m)
{
	const struct handler *handler = NULL;

	if (m->head.type < sizeof(handlers) / sizeof(handlers[0]))
		handler = &handlers[m->head.type];
	if (handler == NULL || handler->take == NULL || handler->len != m->len) {
		log_error("channel", "message %u of %zu bytes is not known", m->head.type, m->len);
	} else if (w->core == NULL && m->head.type != CHANNEL_OPTIONS) {
		log_error("channel", "message %u came before the options", m->head.type);
		worker_stop(w, EXIT_FAILURE);
	} else {
		handler->take(w, m);
	}
	if (m->fd >= 0)
		close(m->fd);
}

static void on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)what;
	for (unsigned i = 0; i < MESSAGES_MAX && !event_base_got_break(w->base); i++) {
		int got = channel_receive(fd, &w->message);

		if (got == 1) {
			dispatch(w, &w->message);
		} else if (got == 0) {
			worker_stop(w, EXIT_SUCCESS);
		} else if (got == ERR_FORMAT) {
			log_error("channel", "a message of the parent was cut");
		} else if (errno != EAGAIN) {
			log_error("channel", "cannot be read: %s", strerror(errno));
			worker_stop(w, EXIT_FAILURE);
		} else {
			return;
		}
	}
}

static void worker_free(struct worker *w)
{
	listen_udp_free(w->listen_udp);
	listen_tcp_free(w->listen_tcp);
	cache_store_free(w->cache_store);
	query_free(w->core);
	carrier_udp_free(w->carrier_udp);
	carrier_tcp_free(w->carrier_tcp);
	image_close(&w->image);
	names_close(&w->names);
	if (w->readable != NULL)
		event_free(w->readable);
	if (w->tick != NULL)
		event_free(w->tick);
	if (w->leave != NULL)
		event_free(w->leave);
	if (w->base != NULL)
		event_base_free(w->base);
	free(w);
}

/* Rounds of events, until the end; what the core asks and answers in one goes out together. */
static void worker_serve(struct worker *w)
{
	while (event_base_loop(w->base, EVLOOP_ONCE) == 0 && !event_base_got_break(w->base)) {
		if (w->core == NULL)
			continue;
		carrier_udp_flush(w->carrier_udp);
		listen_udp_flush(w->listen_udp);
	}
}

int worker_run(int channel)
{
	struct worker *w = calloc(1, sizeof(*w));
	int status = EXIT_FAILURE;

	if (w == NULL)
		goto out;
	w->channel = channel;
	w->status = EXIT_FAILURE;
	w->tick_ms = UINT64_MAX;
	rng_init(&w->rng);
	(void)signal(SIGPIPE, SIG_IGN);
	w->base = event_base_new();
	if (w->base == NULL)
		goto out;
	w->readable = event_new(w->base, channel, EV_READ | EV_PERSIST, on_channel, w);
	w->tick = evtimer_new(w->base, on_tick, w);
	if (w->readable == NULL || w->tick == NULL || event_add(w->readable, NULL) < 0)
		goto out;
	/* The loop makes room for several timers with its first one: now, for later nothing allocates. */
	timer_start(w->tick, 0);
	evtimer_del(w->tick);
	worker_serve(w);
	status = w->status;
out:
	if (w != NULL)
		worker_free(w);
	close(channel);
	return status;
}
