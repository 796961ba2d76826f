/* stats.h - the one table of counters.
 *
 * A worker counts in its own struct stats; the parent asks for them and adds them up.  To add a
 * counter, add a row.
 */
#ifndef QUELL_STATS_H
#define QUELL_STATS_H

#include <stdint.h>

/* name, explanation */
#define STATS_TABLE(X)                                                                             \
	X(queries_udp, "messages received over UDP")                                               \
	X(queries_tcp, "messages received over TCP")                                               \
	X(dropped, "messages not answered: too short, or themselves a response")                   \
	X(malformed, "queries answered FORMERR")                                                   \
	X(not_implemented, "queries answered NOTIMP")                                              \
	X(bad_version, "queries answered BADVERS")                                                 \
	X(refused, "queries answered REFUSED: not for this client, or not for a forwarder")        \
	X(blocked, "queries answered SERVFAIL because a list has the name")                        \
	X(blocked_target, "answers withheld because a list has what they lead to")                 \
	X(blocked_own, "of these two, those that a rule of the user's own blocks")                 \
	X(list_dropped, "queries left without an answer because a list says so")                   \
	X(list_tcp_only, "queries over UDP sent to TCP because a list says so")                    \
	X(list_answered, "queries answered with what a list gives for the name")                   \
	X(internal, "queries for names below quell.internal, which quell answers itself")          \
	X(cache_hits, "queries answered from the cache")                                           \
	X(cache_misses, "queries that were not in the cache")                                      \
	X(joined, "queries that joined a question already in flight")                              \
	X(forwarded, "questions asked upstream")                                                   \
	X(tries_udp, "messages sent upstream over UDP")                                            \
	X(tries_tcp, "messages sent upstream over TCP")                                            \
	X(timeouts, "tries upstream that got no answer in time")                                   \
	X(net_errors, "tries upstream that the network refused")                                   \
	X(replies, "replies from upstream that were used")                                         \
	X(replies_unexpected, "replies dropped: address, port, ID or question did not match")      \
	X(replies_malformed, "replies from upstream that were malformed")                          \
	X(failed, "queries for which no upstream had an answer")                                   \
	X(overload, "queries answered SERVFAIL because too many questions were in flight")         \
	X(truncated, "answers that did not fit the client's UDP size")                             \
	X(cache_entries, "answers in the cache now")                                               \
	X(cache_bytes, "bytes of cache in use now")                                                \
	X(cache_evicted, "answers dropped from the cache to make room")                            \
	X(in_flight, "questions in flight now")                                                    \
	X(tcp_clients, "TCP connections of clients open now")                                      \
	X(tcp_refused, "TCP connections closed because there were too many")

#define STATS_FIELD(name, text) uint64_t name;
struct stats {
	STATS_TABLE(STATS_FIELD)
};

#define STATS_N (sizeof(struct stats) / sizeof(uint64_t))

struct stats_row {
	const char *name;
	const char *text;
};

/* STATS_N rows in the order of the fields. */
extern const struct stats_row stats_rows[];

/* Add each field of `from` to `to`. */
void stats_add(struct stats *to, const struct stats *from);

#endif
