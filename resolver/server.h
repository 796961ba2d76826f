/* server.h - the parent: start, reload, end.
 *
 *   start     settings -> listening sockets -> control socket -> names -> lists -> workers -> ready
 *   SIGHUP    settings -> listening sockets -> names -> lists -> all at once to the workers -> reloaded
 *                 |               |            |
 *                 \---------------+------------+--> not good: reload-failed, nothing has changed
 *   SIGTERM   the cache is saved, workers end, within SERVER_STOP_MS
 *
 * One event loop, one thread.  The parent reads no list, and no packet but the answer to its own question
 * (watchdog.h); it hands sockets and images to processes that have no rights (supervise.h, loader.h).
 */
#ifndef QUELL_SERVER_H
#define QUELL_SERVER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/conf.h"
#include "lib/sandbox.h"
#include "resolver/budget.h"
#include "resolver/core/options.h"
#include "resolver/ctl.h"
#include "resolver/witness.h"
#include "resolver/listeners.h"
#include "resolver/lists.h"
#include "resolver/house.h"
#include "resolver/own.h"
#include "resolver/saved.h"
#include "resolver/secret.h"
#include "resolver/settings.h"
#include "resolver/supervise.h"
#include "resolver/watchdog.h"

#define SERVER_STOP_MS	    900 /* workers that have not ended by then are killed */
#define SERVER_SAVE_MS	    500 /* of these, for the cache to be saved */
#define SERVER_RETRY_S	    1	/* for addresses and upstreams that are not there yet */
#define SERVER_SETTLE_MS    250 /* after news of an address, more usually come */
#define SERVER_SWAP_LIMIT_S 20	/* for a worker to take new lists; longer, and it is replaced */
#define SERVER_TRIAL_S	    10	/* of new lists: where workers keep dying, those before come back */

enum server_exit { SERVER_OK = 0, SERVER_FAILED = 1, SERVER_USAGE = 2 };

/* That of an error in what the user wrote, or in reading it: another start may well do where the system was at fault, and
 * the service manager tries none after SERVER_USAGE. */
enum server_exit server_exit_of(int err);

/* A reload, from its request to its end. */
struct reload {
	bool running;		       /* a reload is being made ... */
	bool committed;		       /* ... and workers have been told */
	bool again;		       /* and was asked for once more meanwhile */
	struct conf *conf;	       /* not in force yet, owned */
	struct budget budget;	       /* likewise */
	bool needs_restart;	       /* the file has more that is new */
	struct listeners listeners;    /* likewise */
	uint64_t clients[CTL_CLIENTS]; /* of the control socket, who wait for its end ... */
	unsigned n_clients;
	uint64_t clients_again[CTL_CLIENTS]; /* ... and for the end of the next one */
	unsigned n_clients_again;
	struct why failed; /* the last one: why it failed; empty: it did not */
};

/* A request for figures that workers have to answer first. */
struct report {
	uint64_t client; /* 0: free */
	enum {
		REPORT_STATUS,
		REPORT_STATS,
		REPORT_WHY,
		REPORT_FLUSH,
		REPORT_OWN,
		REPORT_CACHE,
		REPORT_UPSTREAMS,
	} kind;
	uint32_t serial;
	uint64_t waiting; /* bit n: worker n has not answered */
	struct event *limit;
	struct server *owner;
	struct channel_stats total; /* counters added up; upstreams merged */
	struct channel_name name;   /* REPORT_WHY, REPORT_FLUSH */
	struct reason why;
	uint64_t n_flushed;
	struct evbuffer *said; /* the answer's lines as far as there are any, owned; NULL: none */
	/* REPORT_CACHE, REPORT_UPSTREAMS: workers are asked one after the other, for each upstream anew. */
	unsigned step;		     /* the next */
	unsigned n_answers;	     /* so many had one */
	struct evbuffer *of_workers; /* REPORT_UPSTREAMS: what they say, owned; NULL: nothing yet */
	struct query_upstream_whole whole; /* and what is added up */
	bool failed;			   /* REPORT_OWN: a worker could not do it */
};

/* Open to report.c, which tells of all of it. */
struct server {
	const struct settings_flags *flags;
	struct event_base *base;
	uint64_t started_ms;
	bool ready;   /* said so */
	bool stopped; /* nothing is left to wait for */
	enum server_exit exit;

	/* --- in force --- */
	struct conf *conf;
	struct budget budget;			 /* the memory, divided */
	struct options options;			 /* as the workers were told last */
	union addr sources[OPTIONS_SERVERS_MAX]; /* where its upstreams are asked from */
	struct listeners listeners;
	struct own own; /* rules of the user's, before all lists */
	struct secret secret;
	struct saved saved; /* the caches, on disk */
	uint64_t stop_ms;   /* when the end began; 0: not yet */
	struct lists lists;
	struct lists before; /* that are on trial, while `trial` is pending: those that come back */
	struct house house;  /* of the house */
	uint32_t generation; /* of lists */
	uint32_t swapped[CONF_WORKERS_MAX]; /* the generation that each worker has in force */
	bool swap_failed[CONF_WORKERS_MAX]; /* it could not take the last */
	unsigned died[CONF_WORKERS_MAX];    /* times, before the trial began */

	struct sandbox sandbox[SANDBOX_N_KINDS]; /* of the last process of each kind */

	struct witness witness;
	struct supervisor *workers;
	struct watchdog *watchdog;
	struct lists_loader *loader;
	struct ctl *ctl; /* NULL: without */
	struct reload reload;
	struct report reports[CTL_CLIENTS];
	uint32_t report_serial;

	struct event *on_hup, *on_term, *on_int;
	struct event *retry, *swap_limit, *settle, *trial; /* timers */
	struct event *address_news;
	uint64_t network_news; /* so often the workers were told */
	int address_fd;
};

/* Run the daemon until it is told to end.  `conf` becomes its; `flags` is borrowed; `witness` is
 * stopped when start-up is over; `sandbox` is what the process is in.  Returns its exit status. */
enum server_exit server_run(struct conf *conf, const struct settings_flags *flags,
    const struct witness *witness, const struct sandbox *sandbox);

/* How the memory is divided for what is loaded now: as in force, or as it will be after the reload. */
static inline const struct budget *server_budget(const struct server *s)
{
	return s->reload.running ? &s->reload.budget : &s->budget;
}

/* A process of this kind is in `sandbox`: kept for the status, and what lacks is logged once. */
void server_sandbox(struct server *s, enum sandbox_kind kind, const struct sandbox *sandbox);

/* Reload, or once more after the one that runs; `client` (of the control socket, 0: none) is told
 * how it ended. */
void server_reload(struct server *s, uint64_t client);

#endif
