/* stats.h - the one table of counters.
 *
 * A worker counts in its own struct stats; the parent asks for them and adds them up.  What it tells all of them
 * it counts itself (network_news).  To add a counter, add a row, anywhere: `quellctl stats` shows the rows of a
 * group together.
 */
#ifndef QUELL_STATS_H
#define QUELL_STATS_H

#include <stdint.h>

/* Groups: name, title for people */
#define STATS_GROUPS(X)                                                                            \
	X(CLIENTS, "Clients")                                                                      \
	X(TCP, "TCP connections of clients")                                                       \
	X(REFUSED, "Not answered, or refused")                                                     \
	X(RULES, "By rules and lists")                                                             \
	X(OWN, "Answered by quell itself")                                                         \
	X(CACHE, "Cache")                                                                          \
	X(UPSTREAM, "Upstream")

/* Counters: name, group, explanation */
#define STATS_TABLE(X)                                                                             \
	X(queries_udp, CLIENTS, "messages received over UDP")                                      \
	X(queries_tcp, CLIENTS, "messages received over TCP")                                      \
	X(dropped, REFUSED, "messages not answered: too short, or themselves a response")          \
	X(client_dropped, REFUSED, "messages not answered: the option drop has their sender")      \
	X(rate_limited, REFUSED, "messages not answered: too many from an unproven source")        \
	X(rate_slipped, REFUSED, "of such ones, those sent to TCP by an empty answer")             \
	X(cookie_good, CLIENTS, "queries with a good server cookie")                               \
	X(cookie_bad, CLIENTS, "queries with a server cookie that is not ours, or too old")        \
	X(cookie_alone, CLIENTS, "queries with a client cookie alone")                             \
	X(malformed, REFUSED, "queries answered FORMERR")                                          \
	X(not_implemented, REFUSED, "queries answered NOTIMP")                                     \
	X(bad_version, REFUSED, "queries answered BADVERS")                                        \
	X(refused, REFUSED,                                                                        \
	    "queries answered REFUSED: not for this client, or not for a forwarder")               \
	X(refused_client, REFUSED, "of these, those of who is no client")                          \
	X(refused_kind, REFUSED, "those for a class or a type that is not forwarded")              \
	X(refused_uncached, REFUSED, "those without RD for what is not in the cache")              \
	X(allowed, RULES, "queries let through by a rule, a list or the pause")                    \
	X(blocked, RULES, "queries blocked because a list or rule has the name")                   \
	X(blocked_target, RULES, "answers withheld because a list has what they lead to")          \
	X(blocked_own, RULES, "of these two, those that a rule of the user's own blocks")          \
	X(rebind, RULES, "answers withheld because a public name leads into this network")         \
	X(blocked_servfail, RULES,                                                                 \
	    "of these and of blocked and blocked_target, those answered SERVFAIL")                 \
	X(blocked_nxdomain, RULES, "those answered NXDOMAIN")                                      \
	X(blocked_nodata, RULES, "those answered NOERROR, without records")                        \
	X(blocked_refused, RULES, "those answered REFUSED")                                        \
	X(blocked_null, RULES, "those answered as null: 0.0.0.0 and ::")                           \
	X(blocked_address, RULES, "those answered with addresses of the configuration")            \
	X(adaptive_moved, RULES, "moves of a client, for a blocked name, to a quieter answer")     \
	X(adaptive_back, RULES, "moves back, after some calm")                                     \
	X(adaptive_saved, RULES, "questions that the quieter answers saved, at least (estimated)") \
	X(list_dropped, RULES, "queries left without an answer because a list says so")            \
	X(list_tcp_only, RULES, "queries over UDP sent to TCP because a list says so")             \
	X(list_answered, RULES, "queries answered with what a list gives for the name")            \
	X(suppressed, OWN, "queries for a type of records that is suppressed")                     \
	X(stripped, OWN,                                                                           \
	    "answers of which such records, or hints of their addresses, were left out")           \
	X(dns64, OWN, "queries for AAAA answered by the A records")                                \
	X(internal, OWN, "queries for names below quell.internal, which quell answers itself")     \
	X(watchdog, OWN, "questions of quelld to itself, for the service manager's watchdog")      \
	X(local, OWN, "queries for names of the house: records, hosts and leases")                 \
	X(local_nxdomain, OWN, "of these, NXDOMAIN")                                               \
	X(single_label, OWN, "queries for names of one label that were not forwarded")             \
	X(special, OWN, "queries for special names, with a fixed answer")                          \
	X(special_nxdomain, OWN, "of these, NXDOMAIN")                                             \
	X(cache_hits, CACHE, "queries answered from the cache")                                    \
	X(cache_misses, CACHE, "queries that were not in the cache")                               \
	X(joined, UPSTREAM, "queries that joined a question already in flight")                    \
	X(forwarded, UPSTREAM, "questions asked upstream")                                         \
	X(tries_udp, UPSTREAM, "messages sent upstream over UDP")                                  \
	X(tries_tcp, UPSTREAM, "messages sent upstream over TCP")                                  \
	X(loops, UPSTREAM, "queries that were our own questions: an upstream forwards to us")      \
	X(network_news, UPSTREAM, "news of addresses, links and routes")                           \
	X(hedged, UPSTREAM,                                                                        \
	    "tries at a second server, for the first was later than it usually is")                \
	X(copies, UPSTREAM, "copies of questions sent to other servers besides")                   \
	X(fallbacks, UPSTREAM, "tries at a fallback group, for nobody before it answered")         \
	X(proxy_opened, UPSTREAM, "connections to upstreams that a proxy made")                    \
	X(proxy_failed, UPSTREAM, "connections to upstreams that a proxy did not make")            \
	X(timeouts, UPSTREAM, "tries upstream that got no answer in time")                         \
	X(net_errors, UPSTREAM, "tries upstream that the network refused")                         \
	X(replies, UPSTREAM, "replies from upstream that were used")                               \
	X(replies_declined, UPSTREAM, "replies from upstream that said no: the next was asked")    \
	X(replies_truncated, UPSTREAM, "replies from upstream that were truncated")                \
	X(replies_no_edns, UPSTREAM, "replies from upstream that did not understand EDNS")         \
	X(replies_unexpected, UPSTREAM,                                                            \
	    "replies dropped: address, port, ID or question did not match")                        \
	X(replies_case, UPSTREAM, "of these, those that differed in letter case alone")            \
	X(replies_cookie, UPSTREAM,                                                                \
	    "replies dropped, and asked for over TCP: our cookie was wrong or missing")            \
	X(replies_no_cookie, UPSTREAM, "replies from upstream that did not understand a cookie")   \
	X(replies_no_subnet, UPSTREAM,                                                             \
	    "replies from upstream that did not take the client subnet")                           \
	X(replies_badcookie, UPSTREAM, "replies from upstream that asked for another cookie")      \
	X(replies_distrusted, UPSTREAM,                                                            \
	    "replies dropped, and asked for over TCP: three had not matched before")               \
	X(replies_malformed, UPSTREAM, "replies from upstream that were malformed")                \
	X(failed, UPSTREAM, "queries for which no upstream had an answer")                         \
	X(stale, CACHE, "queries answered with what was in the cache, though its time was over")   \
	X(refreshed, CACHE, "questions asked upstream without a client that waits, for these")     \
	X(prefetched, CACHE, "questions asked upstream before the time of their answer was over")  \
	X(aside_full, CACHE, "of both, those left out because too many were under way")            \
	X(cache_saved, CACHE, "answers written to the saved cache")                                \
	X(cache_loaded, CACHE, "answers taken from the saved cache")                               \
	X(failed_cached, CACHE, "queries answered with a failure of a moment ago")                 \
	X(overload, UPSTREAM,                                                                      \
	    "queries answered SERVFAIL because too many questions were in flight")                 \
	X(truncated, CLIENTS, "answers that did not fit the client's UDP size")                    \
	X(cache_entries, CACHE, "answers in the cache now")                                        \
	X(cache_bytes, CACHE, "bytes of cache in use now")                                         \
	X(cache_evicted, CACHE, "answers dropped from the cache to make room")                     \
	X(in_flight, UPSTREAM, "questions in flight now")                                          \
	X(tcp_clients, TCP, "TCP connections of clients open now")                                 \
	X(tcp_accepted, TCP, "TCP connections of clients accepted")                                \
	X(tcp_buffered, TCP, "bytes that wait in the buffers of TCP connections now")              \
	X(tcp_refused, TCP, "TCP connections closed because there were too many")                  \
	X(tcp_refused_client, TCP, "TCP connections closed because their client had too many")     \
	X(tcp_idle, TCP, "TCP connections closed because nothing was under way")                   \
	X(tcp_slow, TCP, "TCP connections closed because the client sent or read too slowly")      \
	X(tcp_malformed, TCP, "TCP connections closed for what can have no answer")                \
	X(tcp_accept_failed, TCP, "times that no TCP connection could be accepted")

#define STATS_GROUP(name, title) STATS_##name,
enum stats_group { STATS_GROUPS(STATS_GROUP) STATS_N_GROUPS };

#define STATS_FIELD(name, group, text) uint64_t name;
struct stats {
	STATS_TABLE(STATS_FIELD)
};

#define STATS_N (sizeof(struct stats) / sizeof(uint64_t))

struct stats_row {
	const char *name;
	enum stats_group group;
	const char *text;
};

/* STATS_N rows in the order of the fields. */
extern const struct stats_row stats_rows[];

/* Their titles. */
extern const char *const stats_group_titles[STATS_N_GROUPS];

/* Add each field of `from` to `to`. */
void stats_add(struct stats *to, const struct stats *from);

#endif
