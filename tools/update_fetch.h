/* update_fetch.h - downloads of list texts, several at once, bounded in bytes and in time (libcurl).
 *
 *   queued -> resolving -> running -> ended
 *     ^                       |  redirect: resolving, at most UPDATE_REDIRECTS_MAX times
 *     |                       |  the clock is not set: clock, then queued
 *     \------- paused <-------/  broken, busy, too slow: with back-off, `tries` times in all
 *
 * http and https; a redirect is followed to these alone, from https to https alone, and from a host
 * on the internet to none of this network.  Compressed transfers are unpacked, and the bound holds
 * for what comes out.  A body that is shorter than announced, and any status that is not one of what
 * was asked for, is a failure.  Hosts are asked for at the upstreams (update_resolve.h), for each
 * redirect too, and at the system only where these have no answer.  Of a slow transfer nobody else takes notice but for its place among `parallel`.
 */
#ifndef QUELL_UPDATE_FETCH_H
#define QUELL_UPDATE_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "tools/update_part.h"
#include "tools/update_seen.h"

#define UPDATE_REDIRECTS_MAX 5

enum update_transfer_state {
	TRANSFER_QUEUED,
	TRANSFER_RESOLVING,
	TRANSFER_RUNNING,
	TRANSFER_PAUSED, /* until the next try */
	TRANSFER_CLOCK,	 /* until the clock is set */
	TRANSFER_ENDED,
};

struct update_flight;

/* One download.  The caller sets the first part, the rest all zero. */
struct update_transfer {
	const char *name; /* of the list, borrowed; its files begin with it */
	const char *url;  /* http: or https:, borrowed */
	const char *key;  /* a text that is here serves if it was signed with this; empty: in any
			    case; borrowed */
	const char *also; /* the URL of a small text that goes with it, or NULL; borrowed */
	uint64_t max_bytes;
	unsigned max_s; /* for all of it, redirects and pauses included */
	int lists_fd;	/* the folder of the kept copies, -1: none */
	bool dry;	/* nothing is written there */

	enum update_transfer_state state;
	/* --- how far it is --- */
	uint64_t now, total, per_s; /* bytes; total 0: not announced */
	/* --- once it has ended --- */
	int err; /* 0; ERR_NET, ERR_RANGE, ERR_SYS, ERR_NOMEM with the reason in `why` */
	struct why why;
	bool gone;		 /* the server says that there is no such list */
	struct update_part part; /* the text; it may be one that is here (update_part_is()) */
	struct update_seen seen; /* what to remember, bound to no text yet */
	char *also_text;	 /* owned, terminated */
	size_t also_len;
	/* --- for the report --- */
	uint64_t transferred; /* bytes of bodies that came over the network */
	uint64_t resumed;     /* bytes that were there when it went on with a range */
	unsigned tries;
	unsigned redirects;
	uint64_t took_ms;
	bool by_system;	   /* some host was resolved by the system */
	bool not_modified; /* the server said that it has a text that is here */

	struct update_flight *flight; /* of update_fetch.c */
};

struct update_fetch_options {
	unsigned parallel; /* transfers at once */
	unsigned tries;	   /* of each, at least 1 */
	unsigned stall_s;  /* at least 1: seconds to connect, and seconds without data */
	unsigned pause_ms; /* about, before the second try; twice as long before the next */
	unsigned clock_s;  /* at most, for the clock to be set */
	const union addr *upstreams; /* n of them; none: the system is asked */
	unsigned n_upstreams;
	/* A transfer has ended; update_transfer_free() it some time. */
	void (*ended)(void *ctx, struct update_transfer *t);
	/* Something is to be said about one: a line without its end. */
	void (*said)(void *ctx, const struct update_transfer *t, const char *text);
	/* Called a few times a second.  False: give up all that have not ended. */
	bool (*tick)(void *ctx);
	void *ctx;
};

/* Carry out all of them.  Those that have not ended when tick() says so end with an error; what has
 * come of them is kept where that is of use. */
void update_fetch(const struct update_fetch_options *options,
    struct update_transfer *const *transfers, unsigned n);

/* Free what it holds, and remove its part unless that was saved or renamed. */
void update_transfer_free(struct update_transfer *t);

#endif
