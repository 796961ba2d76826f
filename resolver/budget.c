/* budget.c - what each part takes, and what is left for the lists. */
#include "resolver/budget.h"

#include <inttypes.h>
#include <string.h>

#include "resolver/core/inflight.h"
#include "resolver/io/carrier_tcp.h"
#include "resolver/io/carrier_udp.h"
#include "resolver/io/listen_tcp.h"
#include "resolver/listeners.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

/* Measured with an empty configuration, in a control group, and rounded up (docs/decisions/0013-memory.md). */
#define PARENT (6 * MIB) /* with the C library and others that all share, and the loader at rest */
#define WORKER (5 * MIB)
#define SAVER  (1 * MIB) /* one for each worker */
#define SOCKET (4 * KIB) /* a descriptor with its socket, of UDP or TCP, in the kernel */

/* The kernel doubles what is asked for. */
#define CONNECTION	    (SOCKET + 1 * KIB + UINT64_C(2) * 2 * LISTEN_TCP_SOCKET_BUFFER)
#define UPSTREAM_CONNECTION (SOCKET + 2 * UINT64_C(65537) + UINT64_C(2) * 2 * CARRIER_TCP_BUFFER)
/* At most four of 16 bytes for a question, and as many for its tries. */
#define BUCKETS UINT64_C(128)
#define QUESTION                                                                                   \
	(sizeof(struct inflight_question) +                                                        \
	    INFLIGHT_WAITERS_EACH * sizeof(struct inflight_waiter) +                               \
	    INFLIGHT_TRIES_EACH * sizeof(struct inflight_try) +                                    \
	    sizeof(struct inflight_alias) / INFLIGHT_ALIAS_SHARE + BUCKETS)

/* Where the system says who is asked: so many at most (resolv.conf(5), MAXNS). */
#define SYSTEM_UPSTREAMS 3

#define CONNECTIONS_USUAL 64
#define CONNECTIONS_LEAST 8
#define CACHE_LEAST	  MIB /* for each worker */
#define QUESTIONS_LEAST	  64

static const struct {
	const char *name, *text;
} parts[BUDGET_N_PARTS] = {
    [BUDGET_PROCESSES] = {"processes", "parent, workers, savers"},
    [BUDGET_PORTS] = {"ports", "sockets to upstreams"},
    [BUDGET_QUEUES] = {"queues", "queries that wait in sockets"},
    [BUDGET_QUESTIONS] = {"questions", "in flight"},
    [BUDGET_CONNECTIONS] = {"connections", "of clients over TCP, with what is buffered"},
    [BUDGET_CACHE] = {"cache", "answers"},
    [BUDGET_NAMES] = {"names", "of the house, twice while they change"},
    [BUDGET_LISTS] = {"lists", "two images while they change, or one and the loader"},
};

static uint64_t n_upstreams(const struct conf *conf)
{
	uint64_t n = conf->n_upstream != 0 ? conf->n_upstream : SYSTEM_UPSTREAMS;

	for (unsigned i = 0; i < conf->n_forwards; i++)
		n += conf->forwards[i].upstream.n;
	for (unsigned i = 0; i < conf->n_groups; i++)
		n += conf->groups[i].upstream.n;
	return n < OPTIONS_SERVERS_MAX ? n : OPTIONS_SERVERS_MAX;
}

static bool has_names(const struct conf *conf)
{
	return conf->records.n != 0 || conf->hosts.n != 0 || conf->leases.n != 0 ||
	       conf->local_domain[0] != '\0';
}

static uint64_t sum(const struct budget *b)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < BUDGET_N_PARTS; i++)
		all += b->part[i];
	return all;
}

/* The parts that can be cut, as they are now. */
static void count_cuttable(struct budget *b, const struct conf *conf)
{
	b->part[BUDGET_QUESTIONS] = b->questions_max * (uint64_t)QUESTION;
	b->part[BUDGET_CONNECTIONS] =
	    b->tcp_clients_max * CONNECTION + conf->workers * (uint64_t)LISTEN_TCP_BUFFERS_MAX;
	b->part[BUDGET_CACHE] = b->cache_size;
}

static void count(struct budget *b, const struct conf *conf)
{
	const uint64_t n = conf->workers, servers = n_upstreams(conf);

	b->cache_size = conf->cache_size;
	b->questions_max = conf->questions_max;
	b->tcp_clients_max = conf->tcp_clients_max;
	b->part[BUDGET_PROCESSES] = PARENT + n * (WORKER + SAVER);
	b->part[BUDGET_PORTS] =
	    n * servers * (CARRIER_UDP_PORTS * SOCKET + CARRIER_TCP_EACH * UPSTREAM_CONNECTION);
	b->part[BUDGET_QUEUES] = n * conf->n_listen * (SOCKET + UINT64_C(2) * LISTENERS_UDP_BUFFER);
	count_cuttable(b, conf);
}

/* `value`, of which each takes `each` bytes, less as much as brings the sum down to `goal`, but no less than `least`. */
static uint64_t cut(
    const struct budget *b, uint64_t goal, uint64_t value, uint64_t each, uint64_t least)
{
	const uint64_t all = sum(b), over = all > goal ? (all - goal + each - 1) / each : 0;

	if (value <= least)
		return value;
	return over < value - least ? value - over : least;
}

static void cut_connections(
    struct budget *b, const struct conf *conf, uint64_t goal, uint64_t least)
{
	b->tcp_clients_max = (uint32_t)cut(b, goal, b->tcp_clients_max, CONNECTION, least);
	count_cuttable(b, conf);
}

static void cut_all(struct budget *b, const struct conf *conf, uint64_t goal)
{
	cut_connections(b, conf, goal, CONNECTIONS_USUAL);
	b->cache_size =
	    cut(b, goal, b->cache_size / KIB, KIB, conf->workers * CACHE_LEAST / KIB) * KIB;
	count_cuttable(b, conf);
	cut_connections(b, conf, goal, CONNECTIONS_LEAST);
	b->questions_max = (uint32_t)cut(b, goal, b->questions_max, QUESTION, QUESTIONS_LEAST);
	count_cuttable(b, conf);
}

static void tell_cut(struct budget *b, const char *name, uint64_t from, uint64_t to)
{
	const size_t used = strlen(b->cut);

	if (from != to)
		(void)snprintf(b->cut + used, sizeof(b->cut) - used, "%s%s %" PRIu64 " to %" PRIu64,
		    used != 0 ? ", " : "", name, from, to);
}

int budget_make(struct budget *b, const struct conf *conf, uint64_t memory, struct why *why)
{
	uint64_t left;

	*b = (struct budget){.memory = memory};
	count(b, conf);
	cut_all(b, conf, memory / 2);
	if (sum(b) > memory / 2)
		return why_set(why, ERR_RANGE,
		    "memory is too little for %u workers and %" PRIu64
		    " upstreams: give it %" PRIu64 "M or more",
		    conf->workers, n_upstreams(conf), 2 * sum(b) / MIB + 1);
	tell_cut(b, "tcp_clients_max", conf->tcp_clients_max, b->tcp_clients_max);
	tell_cut(b, "cache_size", conf->cache_size, b->cache_size);
	tell_cut(b, "questions_max", conf->questions_max, b->questions_max);
	left = memory - sum(b);
	b->part[BUDGET_NAMES] = has_names(conf) ? left / 8 : 0;
	b->part[BUDGET_LISTS] = left - b->part[BUDGET_NAMES];
	return 0;
}

static uint32_t lower(uint32_t now, uint64_t total, unsigned workers)
{
	const uint64_t part = total / workers != 0 ? total / workers : 1;

	return now < part ? now : (uint32_t)part;
}

void budget_share(const struct budget *b, const struct conf *conf, struct options *options)
{
	const uint64_t cache = b->cache_size / conf->workers;
	const uint32_t share = b->tcp_clients_max / 5 > 10 ? b->tcp_clients_max / 5 : 10;

	if (cache < options->cache_size)
		options->cache_size = (size_t)cache;
	options->questions_max = lower(options->questions_max, b->questions_max, conf->workers);
	options->tcp_clients_max =
	    lower(options->tcp_clients_max, b->tcp_clients_max, conf->workers);
	if (b->tcp_clients_max != conf->tcp_clients_max) /* few, and still not all for one */
		options->tcp_clients_per_address =
		    lower(options->tcp_clients_per_address, share, conf->workers);
}

struct loader_limits budget_lists(const struct budget *b, uint64_t held)
{
	const uint64_t lists = b->part[BUDGET_LISTS], left = lists > held ? lists - held : 0;
	struct loader_limits limits = {.image = lists / 2, .compiled = lists / 8};

	/* A text takes about six times as much as its image while it is compiled. */
	limits.memory = lists / 4 * 3;
	if (limits.image > left)
		limits.image = left;
	if (limits.compiled > left)
		limits.compiled = left;
	if (limits.memory > left - limits.compiled)
		limits.memory = left - limits.compiled;
	if (limits.memory == 0) /* that would be no limit */
		limits.memory = 1;
	return limits;
}

struct loader_limits budget_names(const struct budget *b)
{
	const uint64_t names = b->part[BUDGET_NAMES];

	return (struct loader_limits){.compiled = names / 4, .memory = names != 0 ? names / 2 : 1};
}

void budget_print(const struct budget *b, FILE *to)
{
	(void)fprintf(to, "# Memory, all processes together: %" PRIu64 " KiB\n", b->memory / KIB);
	for (unsigned i = 0; i < BUDGET_N_PARTS; i++)
		(void)fprintf(to, "#   %-12s %8" PRIu64 " KiB  %s\n", parts[i].name,
		    b->part[i] / KIB, parts[i].text);
	(void)fprintf(to,
	    "# An image of lists may have %" PRIu64
	    " KiB; of lists that quelld compiles itself %" PRIu64 " KiB, and %" PRIu64
	    " KiB for that.\n",
	    budget_lists(b, 0).image / KIB, budget_lists(b, 0).compiled / KIB,
	    budget_lists(b, 0).memory / KIB);
	if (b->cut[0] != '\0')
		(void)fprintf(to, "# Cut to fit: %s\n", b->cut);
}
