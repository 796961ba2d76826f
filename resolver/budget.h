/* budget.h - the option `memory`, divided: arithmetic alone.
 *
 *   memory = | processes | ports | queues | questions | connections | cache | names |          lists         |
 *              fixed for a configuration -----/   \--- cut where they would leave   \         what is left,
 *                                                      less than half ------------/            at least half
 *
 * Each part is an upper bound for all processes together, of what a control group counts: what the kernel keeps for a socket
 * too, its queues when they are full, and the pages of files in memory.  In `lists` there are two images while one takes the place of the
 * other, or one, the next one and what the loader needs to compile it.
 *
 * What does not fit is cut in this order: connections down to 64 (a house seldom has more at once), the cache to 1 MiB for each worker,
 * connections to 8, questions in flight to 64.  Less than that is no resolver, and an error.
 */
#ifndef QUELL_BUDGET_H
#define QUELL_BUDGET_H

#include <stdint.h>
#include <stdio.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "resolver/core/options.h"
#include "resolver/loader.h"

enum budget_part {
	BUDGET_PROCESSES,   /* programs, stacks, tables that have one size */
	BUDGET_PORTS,	    /* sockets to ask upstreams from, and connections to them */
	BUDGET_QUEUES,	    /* queries that wait in the listening sockets */
	BUDGET_QUESTIONS,   /* in flight */
	BUDGET_CONNECTIONS, /* of clients over TCP */
	BUDGET_CACHE,
	BUDGET_NAMES, /* of the house */
	BUDGET_LISTS,
	BUDGET_N_PARTS
};

struct budget {
	uint64_t memory; /* bytes in all */
	uint64_t part[BUDGET_N_PARTS];
	/* What is in force of these options, all workers together. */
	uint64_t cache_size;
	uint32_t questions_max, tcp_clients_max;
	char cut[160]; /* "tcp_clients_max 4096 to 64, ..."; empty: nothing was */
};

/* Divide `memory` bytes for `conf`.  Returns 0, or ERR_RANGE: it is too little, and `why` says how much would do. */
int budget_make(
    struct budget *b, const struct conf *conf, uint64_t memory, struct why *why) QUELL_CHECK;

/* Lower what one worker of conf->workers is told to its share. */
void budget_share(const struct budget *b, const struct conf *conf, struct options *options);

/* What the loader may take for lists, while images of `held` bytes are kept; and for the names of the house. */
struct loader_limits budget_lists(const struct budget *b, uint64_t held);
struct loader_limits budget_names(const struct budget *b);

/* The sum and its parts, as comments of a configuration. */
void budget_print(const struct budget *b, FILE *to);

#endif
