/* channel.h - the messages between parent, worker and loader (docs/messages.md has each).
 *
 * A channel is one end of a SOCK_SEQPACKET pair.  A message is one packet: its head, at most
 * CHANNEL_MAX bytes of payload, and at most one descriptor.  Both ends are the same program, so a
 * payload is a struct as it lies in memory.
 */
#ifndef QUELL_CHANNEL_H
#define QUELL_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "lib/sandbox.h"
#include "resolver/core/cached.h"
#include "resolver/core/latency.h"
#include "resolver/core/cookie.h"
#include "resolver/core/options.h"
#include "resolver/core/query.h"
#include "resolver/core/reason.h"
#include "resolver/core/stats.h"

#define CHANNEL_MAX 32768

enum channel_type {
	/* parent to worker */
	CHANNEL_OPTIONS = 1, /* struct options */
	CHANNEL_LISTEN,	     /* struct channel_listen, with the socket */
	CHANNEL_UNLISTEN,    /* struct channel_listen: close the socket of this index */
	CHANNEL_IMAGE, /* struct channel_image, with the sealed memfd; without one: no lists */
	CHANNEL_STATS, /* empty; the answer is CHANNEL_STATS with struct channel_stats */
	CHANNEL_WHY,   /* struct channel_name; the answer is CHANNEL_WHY with struct reason */
	CHANNEL_FLUSH, /* struct channel_name, name_len 0: all; answer: a uint64_t: how many */
	CHANNEL_OVERLAY, /* struct channel_overlay, with a memfd of the user's rules; answer: the same */
	CHANNEL_COOKIES,    /* struct cookie_secrets */
	CHANNEL_CACHE_LOAD, /* struct channel_cache, with the file, which stands behind its head */
	CHANNEL_CACHE_SAVE, /* empty, with a pipe to write the cache into */
	CHANNEL_LOCAL, /* empty, with the sealed memfd of the names of the house (local.h), or none */
	CHANNEL_NETWORK,  /* struct channel_network: there is news of the network */
	CHANNEL_CACHED,	  /* struct channel_name, type 0: all; the answer is struct cached */
	CHANNEL_UPSTREAM, /* union addr; the answer is struct query_upstream_whole */
	CHANNEL_PING,	  /* empty; the answer is the same */
	/* worker to parent */
	CHANNEL_SWAPPED, /* struct channel_swapped: these lists are in force (or `failed`) */
	CHANNEL_SANDBOX, /* struct sandbox: what the worker has given up */
	CHANNEL_LEAVE,	 /* empty: it ends now, and nothing is wrong */
	/* loader to parent */
	CHANNEL_LOADED, /* struct channel_loaded: the memfd is filled and sealed, unless err */
};

_Static_assert(sizeof(struct reason) <= CHANNEL_MAX, "an explanation is one message");
_Static_assert(sizeof(struct options) <= CHANNEL_MAX, "options are one message");
_Static_assert(sizeof(struct cached) <= CHANNEL_MAX, "what is cached for a name is one message");
_Static_assert(sizeof(struct query_upstream_whole) <= CHANNEL_MAX, "so is an upstream");

struct channel_head {
	uint32_t type;	 /* enum channel_type */
	uint32_t serial; /* of a request; its answer repeats it */
};

enum channel_socket { CHANNEL_SOCKET_UDP, CHANNEL_SOCKET_TCP };

struct channel_listen {
	uint32_t index; /* of the socket, 0 .. 2 * CONF_LISTEN_MAX - 1; unique while open */
	uint32_t kind;	/* enum channel_socket */
	union addr addr;
};

struct channel_image {
	uint32_t generation;
	struct reason_names names; /* of the lists in it */
	struct reason_answers answers;
	uint32_t answers_differ; /* any of them is not as the options say */
};

_Static_assert(sizeof(struct channel_image) <= CHANNEL_MAX, "an image is one message");

struct channel_swapped {
	uint32_t generation;
	uint32_t failed; /* they could not be mapped or opened; the old lists stay */
};

struct channel_overlay {
	uint32_t paused; /* nothing is blocked */
	uint32_t len;	 /* of the rules in the memfd (overlay.h); 0: none, and no memfd */
	uint32_t failed; /* from the worker: they could not be taken; the old ones stay */
};

struct channel_cache {
	uint64_t age_ms; /* of the file; UINT64_MAX: not known */
};

struct channel_network {
	uint32_t
	    moved; /* upstreams are asked from other addresses, or by other ways, than before */
};

struct channel_stats {
	struct stats stats;
	struct latency latency[LATENCY_N_STAGES];
	struct query_upstream upstream[OPTIONS_SERVERS_MAX];
	uint32_t n_upstream;
	uint32_t generation;
};

_Static_assert(sizeof(struct channel_stats) <= CHANNEL_MAX, "so are figures");

struct channel_name {
	uint16_t name_len;
	uint16_t type;		 /* CHANNEL_WHY: the query's; CHANNEL_CACHED: 0: any */
	uint16_t below;		 /* CHANNEL_FLUSH: the names below it, too */
	union addr client;	 /* CHANNEL_WHY: whose; AF_UNSPEC: one without an address */
	uint8_t name[NAME_SIZE]; /* lower-case wire form */
};

struct channel_loaded {
	int32_t err;
	uint32_t n_lists;
	uint32_t is_image; /* it was compiled before, from lists that are elsewhere */
	uint64_t n_rules, n_names, n_bad, n_lines;
	uint64_t image_len;
	struct sandbox sandbox; /* that the loader was in */
	char text[512]; /* err: the reason; else a summary of lines that were left out, or empty */
};

/* Send one message; `fd` (borrowed) or -1.  `payload` may be NULL with len 0.
 * Returns 0, ERR_SYS (errno; EAGAIN: the other end does not read) or ERR_RANGE. */
int channel_send(int channel, enum channel_type type, uint32_t serial, const void *payload,
    size_t len, int fd) QUELL_CHECK;

struct channel_message {
	struct channel_head head;
	size_t len;					    /* of payload */
	int fd;						    /* now the caller's, or -1 */
	_Alignas(max_align_t) uint8_t payload[CHANNEL_MAX]; /* aligned as by malloc */
};

/* Receive one.  Returns 1; 0 when the other end has closed; ERR_SYS (EAGAIN: nothing there);
 * ERR_FORMAT for one that is too short or too long (its descriptor is closed). */
int channel_receive(int channel, struct channel_message *m) QUELL_CHECK;

/* A pair, both ends close-on-exec and non-blocking. */
int channel_pair(int fds[2]) QUELL_CHECK;

#endif
