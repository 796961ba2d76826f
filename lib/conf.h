/* conf.h - the one option table and its reader, for quelld, quell-update and quellctl.
 *
 * The file is the user's and is only read.  Every option stands as one row in the table of conf.c:
 * name, type, default, check, a line of explanation.  From that row come the parser (libconfuse),
 * the error with file and line, and the output of `quelld --check`.
 */
#ifndef QUELL_CONF_H
#define QUELL_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/addr.h"
#include "lib/block_answer.h"
#include "lib/err.h"
#include "lib/proxy.h"

#define CONF_LISTEN_MAX	  32
#define CONF_UPSTREAM_MAX 16
#define CONF_NETWORKS_MAX 64 /* values of allow, refuse and drop, each */
#define CONF_LISTS_MAX	  256
#define CONF_PATH_SIZE	  1024
#define CONF_NAME_SIZE	  64
#define CONF_URL_SIZE	  2048
#define CONF_WORKERS_MAX  64
#define CONF_SHA256_SIZE  65 /* hex digits and the terminator */
#define CONF_KEY_SIZE	  57 /* base64 of 42 bytes, and the terminator */
#define CONF_VERSIONS_MAX 20
#define CONF_SPECIAL_MAX  32
#define CONF_ZONES_MAX	  64 /* values of rebind_allow */
#define CONF_FORWARDS_MAX 47
#define CONF_GROUPS_MAX	  16
#define CONF_RECORDS_MAX  4096
#define CONF_FILES_MAX	  16 /* values of hosts and leases, each */
#define CONF_ZONE_SIZE	  256

/* What a rule of a list covers; CONF_MATCH_AUTO: what its syntax says. */
enum conf_match { CONF_MATCH_AUTO, CONF_MATCH_EXACT, CONF_MATCH_SUFFIX, CONF_MATCH_BELOW };

/* CONF_TRUST_BLOCK: a list may only block; CONF_TRUST_REWRITE: it may give names answers of its own. */
enum conf_trust { CONF_TRUST_BLOCK, CONF_TRUST_REWRITE };

/* Whom a question is asked of (upstream.h). */
enum conf_strategy { CONF_HEDGED, CONF_FASTEST, CONF_STRICT, CONF_PARALLEL };

/* What becomes of names of one label that are not known. */
enum conf_single_label { CONF_SINGLE_NXDOMAIN, CONF_SINGLE_FORWARD };

/* Types whose records are kept from clients: bits. */
enum conf_suppress {
	CONF_SUPPRESS_A = 1,
	CONF_SUPPRESS_AAAA = 2,
	CONF_SUPPRESS_HTTPS = 4,
	CONF_SUPPRESS_SVCB = 8,
};

/* One `list "name" { ... }` section.  Exactly one of url and file is not empty. */
struct conf_list {
	/* [A-Za-z0-9._-]+, not starting with a dot: it is a file's name too */
	char name[CONF_NAME_SIZE];
	char url[CONF_URL_SIZE];   /* http:, https: or file: */
	char file[CONF_PATH_SIZE]; /* absolute, or relative to the folder of the configuration */
	char syntax[16];	   /* "auto", or a name of feed_find() */
	enum conf_match match;
	enum conf_trust trust;
	uint64_t max_size;   /* bytes of its text */
	uint32_t max_time_s; /* for a download of it, all tries included */
	/* When a new version is held, in percent: see update_gate.h. */
	uint16_t bad_max;
	uint16_t shrink_max;
	uint32_t grow_max;
	char sha256[CONF_SHA256_SIZE]; /* of the text, in hex; empty: any */
	char minisign[CONF_KEY_SIZE];  /* the key that must have signed it, base64; empty: none */
	char signature[CONF_URL_SIZE]; /* where the signature is; empty: `url` with .minisig */
	struct block_answer block_answer; /* of what it blocks; BLOCK_DEFAULT: as for all */
};

/* The value of allow, refuse or drop. */
struct conf_networks {
	struct net net[CONF_NETWORKS_MAX];
	unsigned n;
};

/* Addresses with ports. */
struct conf_servers {
	union addr addr[CONF_UPSTREAM_MAX];
	unsigned n;
};

/* One `forward "lan" { ... }` section: who is asked for the names of a zone. */
struct conf_forward {
	char zone[CONF_ZONE_SIZE];    /* a name, or a network whose reverse zones are meant */
	struct conf_servers upstream; /* at least one */
	struct proxy proxy;
	char fallback[CONF_NAME_SIZE]; /* a group before; empty: none */
};

/* One `group "name" { ... }` section: who is asked where none of others answers that name it. */
struct conf_group {
	char name[CONF_NAME_SIZE];
	struct conf_servers upstream; /* at least one */
	struct proxy proxy;
	char fallback[CONF_NAME_SIZE]; /* a group before; empty: none */
};

/* Values of any length; owned. */
struct conf_texts {
	char **text;
	unsigned n;
};

struct conf {
	/* Where the interface of a link-local address is not there, listen[i] is AF_UNSPEC and
	 * listen_text[i] is to be parsed again later; the text is kept as it stands in the file. */
	union addr listen[CONF_LISTEN_MAX];
	char listen_text[CONF_LISTEN_MAX][ADDR_TEXT_SIZE];
	unsigned n_listen;
	union addr upstream[CONF_UPSTREAM_MAX]; /* none: the system's resolvers */
	unsigned n_upstream;
	struct proxy proxy; /* by which they are asked */
	char fallback
	    [CONF_NAME_SIZE]; /* the group that is asked where none of them answers; empty: none */
	struct net
	    client_subnet; /* is sent as the client's (RFC 7871); family AF_UNSPEC: none is */
	enum conf_strategy strategy;
	char local_domain[CONF_ZONE_SIZE]; /* of the names in hosts and leases; empty: none */
	enum conf_single_label single_label;
	uint32_t suppress; /* bits of enum conf_suppress */
	struct net dns64;  /* the prefix that addresses of IPv4 are given under; 0 bits: none */
	bool cname_guard;  /* rules on names that many share do not count for targets */
	bool rebind_protection;		  /* public names lead to no private address ... */
	struct conf_servers rebind_trust; /* ... but for what these upstreams say, and ... */
	struct conf_networks allow;	  /* answered besides loopback; none: the default set */
	struct conf_networks refuse, drop;
	/* Queries a second from unproven sources, all workers together; 0: no limit */
	uint32_t rate_limit, rate_limit_network;
	uint16_t rate_slip; /* of those over it, each of that many is sent to TCP; 0: none */
	unsigned workers;
	char control[108]; /* sun_path */
	char state_dir[CONF_PATH_SIZE];
	char rules[CONF_PATH_SIZE]; /* the user's own, written by quelld */
	uint32_t versions;	    /* of each list that are kept, the present one included */
	bool vital_names;	    /* names that the network needs are exempted from the lists */
	struct block_answer block_answer;
	uint32_t block_ttl_s;				    /* how long clients may keep it */
	char special_off[CONF_SPECIAL_MAX][CONF_NAME_SIZE]; /* words of special names */
	unsigned n_special_off;
	bool adaptive; /* who asks again and again gets quieter block answers */
	uint32_t adaptive_threshold;
	uint32_t adaptive_window_ms, adaptive_dwell_ms, adaptive_return_ms;
	uint64_t memory;     /* bytes, all processes together; 0: what the system allows (ram.h) */
	uint64_t cache_size; /* bytes, all workers together */
	uint32_t min_ttl_s;  /* answers that are no "no" are kept for so long at least */
	uint32_t cache_max_ttl_s;
	uint32_t cache_negative_ttl_s; /* upper bound for answers that say no (RFC 2308, 5) */
	uint32_t cache_failure_ttl_s;  /* how long who asks again is told that it failed */
	uint32_t
	    prefetch; /* hits after which an answer is fetched before its time is over; 0: never */
	bool stale;   /* an answer whose time is over is given where upstreams have none ... */
	uint32_t stale_delay_ms;	  /* ... after this time, */
	uint32_t stale_max_s;		  /* if it is not over for longer than this */
	uint32_t cache_save_s;		  /* the cache is saved in this interval; 0: never */
	uint64_t cache_save_budget;	  /* bytes a day that may be written for that */
	uint32_t query_timeout_ms;	  /* a question is given up after this */
	uint32_t questions_max;		  /* in flight, all workers together */
	uint32_t tcp_clients_max;	  /* all workers together */
	uint32_t tcp_clients_per_address; /* 0: a fifth of these, at least 10 */
	uint32_t tcp_idle_ms;
	uint16_t udp_size; /* largest UDP message sent or asked for, bytes */
	bool log_queries;
	/* --- owned --- */
	struct conf_list *lists; /* n_lists of them, in the order of the file */
	unsigned n_lists;
	struct conf_forward *forwards; /* n_forwards of them, in the order of the file */
	unsigned n_forwards;
	struct conf_group *groups; /* n_groups of them, each behind those that it names */
	unsigned n_groups;
	struct conf_texts records, hosts, leases; /* the names of the house */
	unsigned record_line[CONF_RECORDS_MAX];	  /* of `file`: where each record stands */
	struct conf_texts rebind_allow;		  /* ... for names in these zones */
	char *file; /* that it was read from, for messages; owned; NULL: none */
};

/* The compiled-in path of the configuration. */
extern const char conf_default_path[];

/* All defaults, no lists.  Free with conf_free().  NULL: no memory. */
struct conf *conf_new(void);
void conf_free(struct conf *conf);

/* Read `path` into a fresh conf.  Returns 0 and *out (owned by the caller); ERR_NOTFOUND where the
 * file is not there; ERR_DENIED where it may not be read; ERR_SYS; ERR_FORMAT with "FILE:LINE: what
 * is wrong and what would be right". */
int conf_read(struct conf **out, const char *path, struct why *why) QUELL_CHECK;

/* The same from text in memory; `name` stands for the path in messages.  For tests and fuzzing. */
int conf_read_text(
    struct conf **out, const char *text, const char *name, struct why *why) QUELL_CHECK;

/* Blank out the comments of a configuration's text, and a byte order mark, in place: every other
 * byte stays where it is.  Returns 0 or ERR_FORMAT with "NAME:LINE: reason": a comment, quoted
 * text or brace without an end, a control character. */
int conf_tidy(char *text, const char *name, struct why *why) QUELL_CHECK;

/* Set value `index` (0 unless a list) of the option `name`, which is one outside of lists, as the
 * file would; later values of a list are dropped.  Returns 0 or ERR_FORMAT with the reason. */
int conf_set(struct conf *conf, const char *name, unsigned index, const char *text,
    struct why *why) QUELL_CHECK;

/* Write the effective configuration in the file's own syntax, every option on its line, so that
 * reading it again gives the same conf. */
void conf_print(const struct conf *conf, FILE *to);

/* `300`, `300s`, `5m`, `1h`, `2d`, `250ms` to milliseconds.  Returns 0 or ERR_FORMAT. */
int conf_parse_duration(uint64_t *ms, const char *text, struct why *why) QUELL_CHECK;

/* `65536`, `64K`, `32M`, `1G` to bytes.  Returns 0 or ERR_FORMAT. */
int conf_parse_size(uint64_t *bytes, const char *text, struct why *why) QUELL_CHECK;

/* Names of the options, sorted, NULL at the end: for the test that each is documented. */
const char *const *conf_option_names(void);

#endif
