/* inflight.h - the questions that wait for an upstream: who waits for each, and what was tried.
 *
 *   question  (name, type, class, DO, CD)  found by its key: asked once for all its clients
 *     |-- waiter, waiter, ...              a client each, first come first
 *     `-- try, try, ...                    found by (carrier, port, ID): a message sent upstream
 *
 * Tables of fixed size, made by inflight_init(); nothing is allocated later.  Tries wait in
 * one FIFO for each class of waiting time (upstream.h), questions in one FIFO by age: the heads are
 * what is due next.
 *
 * A try whose question was answered by another may go on as an orphan (question NULL), only to
 * learn whether its server is back.  The structs are open, for the way of a query (query_state.h)
 * works on their fields; nothing else does.
 */
#ifndef QUELL_INFLIGHT_H
#define QUELL_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dns/msg.h"
#include "lib/table.h"
#include "resolver/core/cache.h"
#include "resolver/core/mixcase.h"
#include "resolver/core/query.h"
#include "resolver/core/upstream.h"

/* Waiters and tries in the tables, for each question. */
#define INFLIGHT_WAITERS_EACH 2
#define INFLIGHT_TRIES_EACH   2

/* Questions for each alias in its table. */
#define INFLIGHT_ALIAS_SHARE 16

/* The name that was asked (lower case), where the lists answer it with a CNAME to that of the
 * question. */
struct inflight_alias {
	struct inflight_alias *next; /* of the free ones */
	uint16_t name_len;
	uint8_t name[NAME_SIZE];
};

/* The verdict on the name that a waiter asked, when it was let through. */
struct inflight_verdict {
	uint32_t generation; /* it holds as long as this is the one in force */
	uint16_t n_lists;    /* these judge where the answer leads */
	bool own, by_client, by_type;
};

struct inflight_waiter {
	struct query_asker asker;
	struct inflight_verdict verdict;
	uint64_t asked_ms;
	uint16_t id, flags; /* of its query */
	uint16_t limit;	    /* bytes that it can take */
	bool edns;
	struct msg_opt opt; /* of its answer */
	bool as_aaaa;	    /* the question is for A, and it asked for AAAA (dns64.h) */
	bool has_upper;
	uint8_t upper[MIXCASE_SIZE];  /* which bytes of the name were asked in upper case */
	struct inflight_alias *alias; /* NULL: the question's name was asked */
	struct inflight_waiter *next;
};

struct inflight_question;

struct inflight_try {
	struct table_item item;
	uint64_t key; /* carrier, port and ID */
	struct query_try sent;
	uint16_t id;
	struct inflight_question *question; /* NULL: an orphan */
	uint8_t server;			    /* index of upstreams */
	uint8_t wait_class;
	bool plain;		     /* sent without EDNS */
	uint8_t cookie_len;	     /* of the cookie that it was sent with */
	bool subnet;		     /* sent with a client subnet */
	bool mixed;		     /* sent with letters in upper case, ... */
	uint8_t upper[MIXCASE_SIZE]; /* ... these */
	uint32_t strays;	     /* messages that had come on its port and matched nothing */
	bool waiting; /* stands in its FIFO; else its time is over, but a late reply is welcome */
	uint64_t sent_ms;
	bool open, findable;
	struct inflight_try *prev, *next; /* in its FIFO, or the free ones */
	bool spare;   /* a copy: another try of its question is the one that counts */
	bool hedging; /* stands in this FIFO: */
	uint8_t hedge_class;
	struct inflight_try *hedge_prev, *hedge_next;
	struct inflight_try *question_next; /* of the same question */
};

struct inflight_question {
	struct table_item item;
	struct cache_key key;
	const uint8_t *name; /* in key */
	uint16_t name_len;
	uint16_t type, class;
	bool dnssec_ok, checking_disabled;
	uint8_t rcode;	/* of the answer when no upstream gives a better one ... */
	int16_t ede;	/* ... and the extended error with it, or EDE_NONE */
	bool asked;	/* a message was sent upstream */
	bool replied;	/* some upstream replied */
	uint8_t group;	/* of the upstreams that are asked */
	uint64_t heard; /* bits of groups: one of these has said something, but no answer */
	bool uncached;	/* other options came: its answer is not to be kept */
	/* By the way that a server is asked first, UDP unless it is behind a proxy; and over TCP because UDP
	 * did not do. */
	uint8_t tried[OPTIONS_SERVERS_MAX], tried_tcp[OPTIONS_SERVERS_MAX];
	uint64_t plain;	     /* a bit for each server to be asked this without EDNS ... */
	uint64_t no_subnet;  /* ... or without a client subnet */
	bool cookie_refused; /* one wanted another cookie */
	uint64_t started_ms;
	struct inflight_waiter *waiters, *last_waiter; /* none: it is asked for the cache's sake */
	struct inflight_try *tries;
	struct inflight_question *prev, *next; /* by age, or the free ones */
	bool aside;			       /* it was opened for the cache's sake */
	bool patient;	      /* stands in the FIFO of those for which there is an old answer ... */
	bool out_of_patience; /* ... or did, and who asks now gets the old one at once */
	struct inflight_question *patient_prev, *patient_next;
};

struct inflight {
	struct inflight_question *oldest;  /* utlist DL list by age */
	struct inflight_question *patient; /* likewise, those with an old answer */
	struct inflight_try *waiting[UPSTREAM_WAIT_CLASSES]; /* utlist DL lists by time sent */
	struct inflight_try *hedging[UPSTREAM_HEDGES];	     /* the same */
	uint32_t any_waiting, any_hedging; /* a bit for each of these that is not empty */
	uint64_t n_questions;
	uint32_t n_aside; /* of these, for the cache's sake */
	/* --- owned by inflight.c --- */
	struct table questions_by_key, tries_by_id;
	struct inflight_question *free_questions; /* used before, and given back */
	struct inflight_waiter *free_waiters;
	struct inflight_try *free_tries;
	struct inflight_alias *free_aliases;
	/* All of them; those from n_used_... on were never used, and are no memory yet. */
	struct inflight_question *questions;
	struct inflight_waiter *waiters;
	struct inflight_try *tries; /* a handle is an index */
	struct inflight_alias *aliases;
	uint32_t n_questions_max, n_waiters_max, n_tries_max, n_aliases_max;
	uint32_t n_used_questions, n_used_waiters, n_used_tries, n_used_aliases;
	void *by_key, *by_id; /* memory of the tables */
};

/* Tables for `n` questions; `key` is the secret of the hash of tries (questions bring theirs).  Returns 0 or ERR_NOMEM. */
int inflight_init(struct inflight *f, uint32_t n, const struct hash_key *key) QUELL_CHECK;
void inflight_fini(struct inflight *f);

/* Is there room for one more that waits and, with `new_question`, for a question and a try of
 * it? */
bool inflight_has_room(const struct inflight *f, bool new_question);

/* The question in flight under `key`, or NULL. */
struct inflight_question *inflight_find(const struct inflight *f, const struct cache_key *key);

/* A new question, the youngest; there must be none under `key`.  NULL: the table is full. */
struct inflight_question *inflight_open(
    struct inflight *f, const struct cache_key *key, uint64_t now_ms);

/* Forget a question that has no tries any more, with its waiters. */
void inflight_close(struct inflight *f, struct inflight_question *q);

/* `q`, which has no waiters yet, is asked for the cache's sake. */
void inflight_put_aside(struct inflight *f, struct inflight_question *q);

/* There is an old answer to `q`, the youngest question, that its waiters get when it is time. */
void inflight_be_patient(struct inflight *f, struct inflight_question *q);

/* It is time. */
void inflight_lose_patience(struct inflight *f, struct inflight_question *q);

/* Those who wait for `from`, a question for AAAA, wait for `to`, one for A, from now on. */
void inflight_hand_over(struct inflight_question *from, struct inflight_question *to);

/* Forget all who wait for `q`; it goes on. */
void inflight_dismiss(struct inflight *f, struct inflight_question *q);

/* A new waiter, the last of `q`; the caller fills it but for `next`.  NULL: the table is full. */
struct inflight_waiter *inflight_wait(struct inflight *f, struct inflight_question *q);

/* `w` asked `name` (lower case) instead of its question's name.  False: the table is full. */
bool inflight_wait_as(
    struct inflight *f, struct inflight_waiter *w, const uint8_t *name, size_t name_len);

/* Is there room for one more of these? */
bool inflight_has_alias(const struct inflight *f);

/* The name that `w`, a waiter of `q`, asked; in lower case. */
const uint8_t *inflight_asked_name(
    const struct inflight_question *q, const struct inflight_waiter *w);

/* Keep, and give back, the letter case of the question that `w` asked (name, type, class as they
 * stand in a message). */
void inflight_keep_case(struct inflight_waiter *w, const uint8_t *question, size_t name_len);
size_t inflight_question_as_asked(
    const struct inflight_question *q, const struct inflight_waiter *w, uint8_t out[NAME_SIZE + 4]);

/* A new try of `q`, in no FIFO and under no ID yet; NULL: the table is full. */
struct inflight_try *inflight_try(struct inflight *f, struct inflight_question *q);

/* Its handle, for struct query_try, and back; NULL: no such try is open. */
uint32_t inflight_try_handle(const struct inflight *f, const struct inflight_try *t);
struct inflight_try *inflight_try_by_handle(const struct inflight *f, uint32_t handle);

/* The try that was sent by `via` from `port` with `id`, or NULL. */
struct inflight_try *inflight_match(
    const struct inflight *f, enum query_carrier via, uint32_t port, uint16_t id);

/* `t` (its sent.via, sent.port and id are set) is sent at now_ms: find it by these from now on, and let it
 * wait in the FIFO of its class.  False, and nothing is done: another try waits with this ID there. */
bool inflight_sent(struct inflight *f, struct inflight_try *t, uint64_t now_ms) QUELL_CHECK;

/* Its time is over: out of its FIFO, a late reply still finds it. */
void inflight_overdue(struct inflight *f, struct inflight_try *t);

/* When the time of `hedge_class` is over another server is to be asked besides; and: no more. */
void inflight_hedge(struct inflight *f, struct inflight_try *t, unsigned hedge_class);
void inflight_unhedge(struct inflight *f, struct inflight_try *t);

/* It waits on without its question. */
void inflight_orphan(struct inflight_try *t);

/* Forget a try. */
void inflight_end(struct inflight *f, struct inflight_try *t);

#endif
