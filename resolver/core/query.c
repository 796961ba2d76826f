/* query.c - the way of a query, down to the upstreams and back up. */
#include "resolver/core/query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/dns/msg.h"
#include "lib/log.h"
#include "resolver/core/adapt.h"
#include "resolver/core/answer.h"
#include "resolver/core/cache.h"
#include "resolver/core/cachefile.h"
#include "resolver/core/client.h"
#include "resolver/core/cookie.h"
#include "resolver/core/failures.h"
#include "resolver/core/inflight.h"
#include "resolver/core/policy.h"
#include "resolver/core/rate.h"
#include "resolver/core/reason.h"
#include "resolver/core/rebind.h"
#include "resolver/core/special.h"
#include "resolver/core/upstream.h"

#define NS_PER_MS 1000000

/* IDs drawn for one try before its port counts as full. */
#define ID_DRAWS 16

/* After so many messages on a port that match nothing, no reply to a question that waited meanwhile is
 * believed: somebody is guessing. */
#define STRAYS_MAX 3

/* Counters of such messages; ports share them by their last bits. */
#define STRAYS_SIZE 4096

/* A name with fewer letters may have been given the same letter case by chance, by a client that draws it,
 * too. */
#define LOOP_LETTERS 12

/* The EDE texts where the rule that blocks cannot be named. */
#define TEXT_BLOCKED	    "on a block list of this network"
#define TEXT_BLOCKED_TARGET "leads to what is on a block list of this network"
#define TEXT_OWN	    "blocked by a rule of this network"
#define TEXT_OWN_TARGET	    "leads to what a rule of this network blocks"
#define TEXT_NOT_A_CLIENT   "this resolver serves its own network only"
#define TEXT_NOT_HERE	    "not answered by a forwarding resolver"
#define TEXT_NOT_CACHED	    "not in the cache, and recursion was not desired"
#define TEXT_REBIND	    "rebinding: private address for a public name"
#define TEXT_NO_UPSTREAM    "no upstream resolver answered"
#define TEXT_FAILED	    "no upstream resolver had an answer a moment ago"

/* Of the questions in flight, so many may be asked for the cache's sake: one of ASIDE_SHARE. */
#define ASIDE_SHARE 8

/* An answer is fetched anew when less than one of PREFETCH_SHARE parts of its time is left. */
#define PREFETCH_SHARE 10

/* For the log. */
#define OUTCOME_STALE "cached, and its time is over"

struct query {
	struct options options;
	struct query_net net;
	struct rng rng;
	struct cookie_secrets cookies;
	struct rate *rate;
	struct policy policy;
	struct overlay *rules;		      /* the user's own */
	const struct reason_names *names;     /* of the lists, borrowed; NULL: not known */
	const struct reason_answers *answers; /* of the lists, borrowed; NULL: none differs */
	struct special special;
	struct local local; /* names of the house */
	struct adapt *adapt;
	struct upstreams upstreams;
	struct inflight inflight;
	uint32_t strays[STRAYS_SIZE];
	struct failures failures;
	struct cache *cache;
	struct stats stats;
	/* Answers, and those that query_sent() has not told of yet. */
	struct latency latency[LATENCY_N_STAGES];
	uint32_t unsent[LATENCY_N_STAGES];
	uint64_t probed_ms;    /* when the network was last tried while it failed */
	uint64_t armed_ms;     /* what net->arm() was told last */
	struct policy_way way; /* of the question being worked on */
	struct answer answer;  /* the reply being worked on */
	uint8_t out[MSG_MAX];  /* the answer being written for a waiter */
};

static void set_rate(struct query *q)
{
	const struct rate_limits limits = {
	    .address = q->options.rate_limit,
	    .network = q->options.rate_limit_network,
	    .slip = q->options.rate_slip,
	};

	rate_set(q->rate, &limits);
}

static void set_stale(struct query *q)
{
	cache_set_stale(q->cache, q->options.stale ? q->options.stale_max_s * UINT64_C(1000) : 0);
}

int query_new(struct query **out, const struct options *options, const struct query_net *net,
    const struct rng *rng)
{
	struct query *q = calloc(1, sizeof(*q));
	struct hash_key key;
	int err = ERR_NOMEM;

	if (q == NULL)
		return ERR_NOMEM;
	q->options = *options;
	q->net = *net;
	q->rng = *rng;
	q->armed_ms = UINT64_MAX;
	upstream_configure(&q->upstreams, options);
	special_set(&q->special, options->special);
	rng_bytes(&q->rng, &key, sizeof(key));
	failures_init(&q->failures, &key);
	rng_bytes(&q->rng, &key, sizeof(key));
	err = inflight_init(&q->inflight, options->questions_max, &key);
	if (err != 0)
		goto out;
	rng_bytes(&q->rng, &key, sizeof(key));
	err = cache_new(&q->cache, options->cache_size, &key);
	if (err != 0)
		goto out;
	set_stale(q);
	rng_bytes(&q->rng, &key, sizeof(key));
	q->rate = rate_new(&key);
	if (q->rate == NULL) {
		err = ERR_NOMEM;
		goto out;
	}
	set_rate(q);
	rng_bytes(&q->rng, &key, sizeof(key));
	q->rules = overlay_new(&key);
	rng_bytes(&q->rng, &key, sizeof(key));
	q->adapt = adapt_new(&key);
	if (q->rules == NULL || q->adapt == NULL)
		err = ERR_NOMEM;
	else
		policy_set_rules(&q->policy, q->rules);
out:
	if (err != 0) {
		query_free(q);
		q = NULL;
	}
	*out = q;
	return err;
}

void query_free(struct query *q)
{
	if (q == NULL)
		return;
	cache_free(q->cache);
	rate_free(q->rate);
	free(q->rules);
	free(q->adapt);
	inflight_fini(&q->inflight);
	free(q);
}

/* Is what is said of the upstreams of `a`, besides that they are there, also said of those of `b`? */
static bool same_servers(const struct options *a, const struct options *b)
{
	unsigned n_b = b->n_upstream + b->n_forward;

	for (unsigned i = 0; i < a->n_upstream + a->n_forward; i++) {
		unsigned k = 0;

		while (k < n_b && !addr_equal(&a->upstream[i], &b->upstream[k]))
			k++;
		if (a->groups[i] != (k < n_b ? b->groups[k] : 0) ||
		    a->trusted[i] != (k < n_b && b->trusted[k]))
			return false;
	}
	return true;
}

/* The group of upstreams that is asked for name[0..len). */
static uint8_t group_of(const struct query *q, const uint8_t *name, size_t len)
{
	int group = zones_find(&q->options.forward, name, len);

	return group > 0 ? (uint8_t)group : 0;
}

/* Others are asked, or believed, from now on; it is not known who said what is cached. */
static void begin_anew(struct query *q)
{
	struct inflight_question *question;

	(void)cache_flush(q->cache, NULL);
	for (question = q->inflight.oldest; question != NULL; question = question->next) {
		question->group = group_of(q, question->name, question->name_len);
		question->uncached = true;
	}
}

void query_set_options(struct query *q, const struct options *options)
{
	bool same = same_servers(&q->options, options) && same_servers(options, &q->options) &&
		    zones_equal(&q->options.forward, &options->forward);

	q->options = *options;
	set_rate(q);
	set_stale(q);
	upstream_configure(&q->upstreams, options);
	special_set(&q->special, options->special);
	if (!same)
		begin_anew(q);
}

void query_set_lists(struct query *q, const struct trie *lists)
{
	policy_set_lists(&q->policy, lists);
}

int query_set_rules(struct query *q, bool paused, const uint8_t *rules, size_t len)
{
	int err = overlay_set(q->rules, paused, rules, len);

	if (err == 0)
		policy_set_rules(&q->policy, q->rules);
	return err;
}

void query_set_local(struct query *q, const struct local *local)
{
	q->local = *local;
	policy_renew(&q->policy);
}

void query_set_cookies(struct query *q, const struct cookie_secrets *secrets)
{
	q->cookies = *secrets;
}

void query_set_names(struct query *q, const struct reason_names *names)
{
	q->names = names;
}

void query_set_answers(struct query *q, const struct reason_answers *answers)
{
	q->answers = answers;
}

/* ---- Log lines, only when asked for ---- */

static void note(const struct query *q, const struct query_asker *from, const uint8_t *name,
    uint16_t type, const char *outcome)
{
	char client[ADDR_TEXT_SIZE], text[NAME_TEXT_SIZE];

	if (q->options.log_queries)
		log_each(LOG_INFO, "query", "%s %s type %u: %s",
		    addr_format_host(&from->from, client), name_to_text(name, text), type, outcome);
}

/* ---- 1.  A client's message: who asks, and how an answer must look ---- */

static struct answer_to answer_for(const struct query *q, const struct query_asker *from,
    const struct msg_query *ask, const uint8_t *msg, size_t out_size)
{
	struct answer_to to = {
	    .id = ask->id,
	    .flags = ask->flags,
	    .edns = ask->edns.present,
	    .opt =
		{
		    .udp_size = q->options.udp_size,
		    .dnssec_ok = ask->edns.dnssec_ok,
		    /* Over UDP it means nothing (RFC 7828, 3.3.1). */
		    .keepalive = from->tcp && ask->edns.keepalive,
		    .keepalive_ds = from->keepalive_ds,
		},
	    .limit = out_size,
	};

	/* Of another opcode's message we do not know what stands where a question would. */
	if (ask->question_end != 0 && (ask->flags & MSG_OPCODE) == 0) {
		to.question = msg + MSG_HEADER;
		to.question_len = ask->question_end - MSG_HEADER;
	}
	if (!from->tcp) {
		size_t size = ask->edns.present ? ask->edns.udp_size : MSG_UDP_PLAIN;

		if (size > q->options.udp_size)
			size = q->options.udp_size;
		if (size < MSG_UDP_PLAIN)
			size = MSG_UDP_PLAIN;
		if (size < to.limit)
			to.limit = size;
	}
	return to;
}

/* Heed the client's cookie, where there is one that counts: *to gets the one to answer with. */
static enum cookie_state heed_cookie(struct query *q, const struct query_asker *from,
    const struct msg_query *ask, const uint8_t *msg, uint64_t now_ms, struct answer_to *to)
{
	const struct msg_edns *edns = &ask->edns;
	enum cookie_state state;

	if (!edns->cookie || edns->cookie_bad || edns->version != 0 || !q->cookies.known)
		return COOKIE_NONE;
	state = cookie_check(&q->cookies, msg + edns->cookie_off, edns->cookie_len, &from->from,
	    now_ms, to->opt.cookie);
	to->opt.cookie_len = MSG_COOKIE_SIZE;
	q->stats.cookie_good += state == COOKIE_GOOD;
	q->stats.cookie_bad += state == COOKIE_BAD;
	q->stats.cookie_alone += state == COOKIE_ALONE;
	return state;
}

/* The result of msg_parse_query() with what it does not know: how the message came, and whether there are
 * cookies. */
static int judge_options(int rcode, const struct query_asker *from, const struct msg_edns *edns,
    enum cookie_state cookie)
{
	if (rcode > RCODE_NOERROR)
		return rcode;
	/* Over UDP keepalive does not count (RFC 7828, 3.3.1). */
	if (from->tcp && edns->keepalive_value)
		return RCODE_FORMERR;
	return rcode == MSG_QUERY_COOKIE && cookie == COOKIE_NONE ? RCODE_FORMERR : rcode;
}

/* Whoever forges the address of a victim gets no more sent there than they send: `len` bytes. */
static void keep_small(struct answer_to *to, size_t len)
{
	to->opt.cookie_len = 0;
	if (to->limit > len)
		to->limit = len;
}

/* A source that may be forged asks too often (row 9b). */
static size_t answer_over_rate(
    struct query *q, const struct answer_to *to, enum rate_verdict verdict, uint8_t *out)
{
	if (verdict == RATE_OVER) {
		q->stats.rate_limited++;
		return 0;
	}
	q->stats.rate_slipped++;
	return answer_write_truncated(to, out);
}

/* A cookie is all that is asked for (RFC 7873, 5.4). */
static size_t answer_cookie(const struct answer_to *to, enum cookie_state state, uint8_t *out)
{
	return answer_write_empty(
	    to, state == COOKIE_BAD ? RCODE_BADCOOKIE : RCODE_NOERROR, EDE_NONE, NULL, out);
}

/* What a message that is no good query gets (docs/answers.md, rows 3 to 8). */
static size_t answer_bad(struct query *q, const struct answer_to *to, int rcode, uint8_t *out)
{
	switch (rcode) {
	case RCODE_NOTIMP:
		q->stats.not_implemented++;
		break;
	case RCODE_BADVERS:
		q->stats.bad_version++;
		break;
	default:
		q->stats.malformed++;
		break;
	}
	return answer_write_empty(to, (unsigned)rcode, EDE_NONE, NULL, out);
}

static size_t answer_refused(
    struct query *q, const struct answer_to *to, int ede, const char *text, uint8_t *out)
{
	q->stats.refused++;
	return answer_write_empty(to, RCODE_REFUSED, ede, text, out);
}

/* Types and classes that are not forwarded (rows 10 to 13): the length of their answer, or 0. */
static size_t answer_unforwardable(
    struct query *q, const struct msg_query *ask, const struct answer_to *to, uint8_t *out)
{
	if (ask->qclass == CLASS_CH || ask->qclass == CLASS_NONE || ask->qclass == 0) {
		q->stats.refused_kind++;
		return answer_refused(q, to, EDE_NOT_AUTHORITATIVE, TEXT_NOT_HERE, out);
	}
	switch (ask->qtype) {
	case TYPE_AXFR:
	case TYPE_IXFR:
		q->stats.refused_kind++;
		return answer_refused(q, to, EDE_NOT_AUTHORITATIVE, TEXT_NOT_HERE, out);
	case 0:
	case TYPE_OPT:
	case TYPE_NXNAME:
	case TYPE_TSIG:
		return answer_bad(q, to, RCODE_FORMERR, out);
	case TYPE_TKEY:
		return answer_bad(q, to, RCODE_NOTIMP, out);
	default:
		return 0;
	}
}

/* ---- 2.  The lists ---- */

/* Over TCP a rule that leads there passes. */
static void heed_carrier(struct judge_verdict *verdict, const struct query_asker *from)
{
	if (verdict->outcome == JUDGE_TCP_ONLY && from->tcp)
		verdict->outcome = JUDGE_NONE;
}

/* The lists let it be. */
static bool is_open(const struct judge_verdict *verdict)
{
	return verdict->outcome == JUDGE_NONE || verdict->outcome == JUDGE_ALLOWED;
}

/* No answer will come: those who count what they wait for are told. */
static void leave_unanswered(struct query *q, const struct query_asker *from)
{
	if (from->tcp)
		q->net.send(q->net.ctx, from, NULL, 0);
}

/* What a verdict is on: the name at the end of q->way, or what its answer leads to. */
struct subject {
	const struct effect_ask *ask;	   /* the name at the end of the way */
	const struct cache_answer *answer; /* NULL: the name itself; else a record of this, ... */
	uint16_t ttl_off;		   /* ... whose TTL stands here */
	bool own;			   /* the verdict is the user's own, not a list's */
};

/* What blocks `what`, with *target for its room.  False: the rule is not known. */
static bool find_cause(const struct query *q, const struct subject *what,
    struct policy_target *target, struct reason_cause *cause)
{
	*cause =
	    (struct reason_cause){.ask = what->ask, .n_lists = RULE_LISTS_MAX, .own = what->own};
	target->family = 0;
	if (what->answer != NULL) {
		cause->n_lists = q->way.verdict.n_lists;
		cause->target = target;
		return policy_target(what->answer->msg, what->answer->len, what->ttl_off, target);
	}
	if (q->way.verdict.decided)
		cause->by = &q->way.verdict.by;
	if (q->way.n_hops != 0) {
		cause->target = target;
		memcpy(target->name, what->ask->name, name_len(what->ask->name));
	}
	return true;
}

/* Have own rules, or lists, block answers that differ? */
static bool answers_differ(const struct query *q, bool own)
{
	return own ? q->rules->n_answers != 0 : q->answers != NULL;
}

/* `how`, or what is quieter for a client that asks for the same again and again.  Of the answers that
 * make clients ask on there are two. */
static const struct block_answer *adapt_answer(struct query *q, const struct query_asker *from,
    const struct block_answer *how, const struct answer_to *to, uint64_t now_ms)
{
	static const struct block_answer quiet[] = {
	    [ADAPT_NULL] = {.mode = BLOCK_NULL},
	    [ADAPT_NXDOMAIN] = {.mode = BLOCK_NXDOMAIN},
	};
	size_t len = to->question_len - 4;
	enum adapt_level level;
	uint8_t name[NAME_SIZE];

	if (!q->options.adapt.on || (how->mode != BLOCK_SERVFAIL && how->mode != BLOCK_REFUSED))
		return how;
	name_lower(name, to->question, len);
	level = adapt_ask(q->adapt, &q->options.adapt, &from->from, name, len,
	    msg_u16(to->question + len), now_ms, &q->stats);
	return level == ADAPT_NONE ? how : &quiet[level];
}

static void count_blocked(struct query *q, const struct block_answer *how)
{
	static const size_t counters[BLOCK_MODES] = {
	    [BLOCK_DEFAULT] = offsetof(struct stats, blocked_servfail),
	    [BLOCK_SERVFAIL] = offsetof(struct stats, blocked_servfail),
	    [BLOCK_NXDOMAIN] = offsetof(struct stats, blocked_nxdomain),
	    [BLOCK_NODATA] = offsetof(struct stats, blocked_nodata),
	    [BLOCK_REFUSED] = offsetof(struct stats, blocked_refused),
	    [BLOCK_NULL] = offsetof(struct stats, blocked_null),
	    [BLOCK_ADDRESS] = offsetof(struct stats, blocked_address),
	};

	++*(uint64_t *)(void *)((char *)&q->stats + counters[how->mode]);
}

/* Blocked, by a list or a rule of the user's own. */
static size_t answer_blocked(struct query *q, const struct query_asker *from,
    const struct subject *what, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    const char **outcome)
{
	bool target = what->answer != NULL || q->way.n_hops != 0, own = what->own;
	bool differ = answers_differ(q, own);
	const struct block_answer *how = NULL;
	struct policy_target where;
	struct reason_cause cause;
	char text[REASON_SHORT_SIZE];
	const char *ede = NULL;
	static const struct {
		const char *outcome, *ede;
	} says[2][2] = {
	    {{"blocked", TEXT_BLOCKED}, {"blocked by an own rule", TEXT_OWN}},
	    {{"blocked: leads to what is listed", TEXT_BLOCKED_TARGET},
		{"blocked: leads to what an own rule blocks", TEXT_OWN_TARGET}},
	};

	if (target)
		q->stats.blocked_target++;
	else
		q->stats.blocked++;
	q->stats.blocked_own += own;
	*outcome = says[target][own].outcome;
	/* Only those who have EDNS see the text. */
	if ((to->edns || differ) && find_cause(q, what, &where, &cause)) {
		ede = to->edns ? reason_short(&q->policy, q->names, &cause, text) : NULL;
		how = differ ? reason_block_answer(&q->policy, q->answers, &cause) : NULL;
	}
	if (how == NULL)
		how = &q->options.block_answer;
	how = adapt_answer(q, from, how, to, now_ms);
	count_blocked(q, how);
	return answer_write_blocked(
	    to, how, q->options.block_ttl_s, ede != NULL ? ede : says[target][own].ede, out);
}

/* What an asker gets who is not let through, by the verdict on `what`: the length, 0 for no answer at
 * all.  *outcome is for the log. */
static size_t answer_by_list(struct query *q, const struct query_asker *from,
    const struct judge_verdict *verdict, const struct subject *what, const struct answer_to *to,
    uint64_t now_ms, uint8_t *out, const char **outcome)
{
	bool truncated;
	size_t len;

	switch (verdict->outcome) {
	case JUDGE_DROP:
		q->stats.list_dropped++;
		*outcome = "dropped: a list says so";
		leave_unanswered(q, from);
		return 0;
	case JUDGE_TCP_ONLY:
		q->stats.list_tcp_only++;
		*outcome = "sent to TCP: a list says so";
		return answer_write_truncated(to, out);
	case JUDGE_ANSWER:
		q->stats.list_answered++;
		*outcome = "answered by a list";
		len = answer_write_rule(verdict, &q->way, to, out, &truncated);
		q->stats.truncated += truncated;
		return len;
	default:
		return answer_blocked(q, from, what, to, now_ms, out, outcome);
	}
}

/* The same by the verdict on the name at the end of q->way, ask->name. */
static size_t answer_by_name(struct query *q, const struct query_asker *from,
    const struct effect_ask *ask, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    const char **outcome)
{
	const struct subject what = {.ask = ask, .own = q->way.own};

	return answer_by_list(q, from, &q->way.verdict, &what, to, now_ms, out, outcome);
}

/* The verdict on what `a`, an answer at the end of q->way, leads to; by what and by whom is put into
 * *what.  It is kept in *kept where it holds for all who ask, until lists or rules change. */
static void judge_targets(const struct query *q, const struct cache_answer *a,
    struct cache_verdict *kept, struct judge_verdict *verdict, struct subject *what)
{
	const struct policy *p = &q->policy;
	const struct judge_verdict *of_name = &q->way.verdict;

	verdict->outcome = JUDGE_NONE;
	if (!(a->has_targets && policy_judges_answers(p, &q->way, false)) &&
	    !(a->has_addresses && policy_judges_answers(p, &q->way, true)))
		return;
	if (kept->holds && kept->generation == p->generation) {
		verdict->outcome = (enum judge_outcome)kept->outcome;
		what->own = kept->own;
		what->ttl_off = kept->ttl_off;
		return;
	}
	policy_judge_answer(
	    p, what->ask, of_name->n_lists, a->msg, a->len, verdict, &what->own, &what->ttl_off);
	/* What a list answers is found anew each time. */
	if (verdict->outcome == JUDGE_ANSWER || verdict->by_client || of_name->by_client)
		return;
	*kept = (struct cache_verdict){
	    .generation = p->generation,
	    .ttl_off = what->ttl_off,
	    .outcome = (uint8_t)verdict->outcome,
	    .own = what->own,
	    .holds = true,
	};
}

/* ---- 3.  Names of the house, and special names ---- */

/* Is something known of name[0..len), of class `class`, and does no rule of the user's own block it?  In a
 * forward zone there may be more than is known here. */
static bool find_local(const struct query *q, const uint8_t *name, size_t len, uint16_t class,
    struct local_name *found)
{
	struct overlay_rule own;

	if (!local_maybe(&q->local, name, len) || (class != CLASS_IN && class != CLASS_ANY) ||
	    !local_find(&q->local, name, len, found) ||
	    (!found->exists && group_of(q, name, len) != 0))
		return false;
	return q->rules->paused || overlay_matches(q->rules, name, &own, 1) == 0 ||
	       own.action != OVERLAY_BLOCK;
}

/* Follow the aliases of the house from `name` on.  Returns whether it has the answer; if not, q->way is
 * where they lead to. */
static bool follow_local(struct query *q, const uint8_t *name, uint16_t type, uint16_t class)
{
	struct policy_way *way = &q->way;
	struct local_name found;
	struct local_record record;

	way->n_hops = way->n_local = 0;
	while (find_local(q, name, name_len(name), class, &found)) {
		if (type == TYPE_CNAME || type == TYPE_ANY || local_get(&found, type, &record) ||
		    !local_get(&found, TYPE_CNAME, &record) || way->n_hops == LOCAL_HOPS_MAX) {
			way->n_hops = way->n_local = 0;
			return true;
		}
		name_lower(way->hop[way->n_hops], record.rdata, record.len);
		name = way->hop[way->n_hops++];
		way->n_local = way->n_hops;
	}
	return false;
}

/* `name`, the end of q->way, is one of the house. */
static size_t answer_local(struct query *q, const uint8_t *name, const struct answer_to *to,
    uint8_t *out, const char **outcome)
{
	bool truncated;
	unsigned rcode;
	size_t len = answer_write_local(to, &q->local, name, &q->way, out, &rcode, &truncated);

	q->stats.local++;
	q->stats.local_nxdomain += rcode == RCODE_NXDOMAIN;
	q->stats.truncated += truncated;
	*outcome = "answered: a name of the house";
	return len;
}

/* Is it a name of one label, asked for an address, that nobody here knows?  Top-level names have none, and
 * who is asked elsewhere would learn what is looked for in this house. */
static bool is_lost(const struct query *q, const uint8_t *name, size_t len, uint16_t type)
{
	struct overlay_rule own;

	return name[0] + 2u == len && !q->options.single_labels &&
	       (type == TYPE_A || type == TYPE_AAAA || type == TYPE_SVCB || type == TYPE_HTTPS) &&
	       group_of(q, name, len) == 0 && overlay_matches(q->rules, name, &own, 1) == 0;
}

static size_t answer_lost(
    struct query *q, const struct answer_to *to, uint8_t *out, const char **outcome)
{
	q->stats.single_label++;
	*outcome = "not forwarded: one label";
	return answer_write_nxdomain(to, ANSWER_RULE_TTL_S, out);
}

/* Is name[0..len) special, and does neither a forward zone nor a rule of the user's own say otherwise?  In
 * a pause none of those that block counts; what special names get does not block. */
static bool find_special(const struct query *q, const uint8_t *name, size_t len, uint16_t type,
    struct special_answer *special)
{
	struct overlay_rule own;

	if (!special_maybe(&q->special, name, len) ||
	    !special_find(&q->special, name, len, type, special) || group_of(q, name, len) != 0)
		return false;
	return overlay_matches(q->rules, name, &own, 1) == 0 ||
	       (q->rules->paused && own.action == OVERLAY_BLOCK);
}

/* `way`: aliases lead the question there. */
static size_t answer_special(struct query *q, const struct special_answer *special,
    const struct policy_way *way, const struct answer_to *to, uint8_t *out, const char **outcome)
{
	bool truncated;
	size_t len;

	q->stats.special++;
	q->stats.special_nxdomain += special->rcode == RCODE_NXDOMAIN;
	*outcome = "answered: a special name";
	len = answer_write_special(to, special, way, out, &truncated);
	q->stats.truncated += truncated;
	return len;
}

/* ---- 4.  Rebinding protection ---- */

/* Does `a`, the answer to `name`, lead from outside into this network?  An allow of the user's own is an
 * exception; a pause is not. */
static bool rebinds(const struct query *q, const uint8_t *name, const struct cache_answer *a)
{
	struct overlay_rule own;

	if (a->private_off == 0 || !q->options.rebind_protection ||
	    !rebind_is_public(&q->options.rebind_allow, name, name_len(name)))
		return false;
	return overlay_matches(q->rules, name, &own, 1) == 0 || own.action != OVERLAY_ALLOW;
}

static size_t answer_rebinding(struct query *q, const struct query_asker *from,
    const struct answer_to *to, uint64_t now_ms, uint8_t *out, const char **outcome)
{
	const struct block_answer *how =
	    adapt_answer(q, from, &q->options.block_answer, to, now_ms);

	q->stats.rebind++;
	*outcome = "refused: a private address for a public name";
	count_blocked(q, how);
	return answer_write_blocked(to, how, q->options.block_ttl_s, TEXT_REBIND, out);
}

/* ---- 5.  The cache ---- */

/* The answer `a` to ask->name, the end of q->way, for one asker; unless what it leads to is listed.
 * Returns the length, 0 for no answer at all. */
static size_t write_judged(struct query *q, const struct query_asker *from,
    const struct effect_ask *ask, const struct cache_answer *a, struct cache_verdict *kept,
    const struct answer_to *to, uint64_t now_ms, uint8_t *out, const char **outcome)
{
	struct subject what = {.ask = ask, .answer = a};
	struct judge_verdict verdict;
	bool truncated;
	size_t len;

	judge_targets(q, a, kept, &verdict, &what);
	heed_carrier(&verdict, from);
	if (!is_open(&verdict))
		return answer_by_list(q, from, &verdict, &what, to, now_ms, out, outcome);
	if (rebinds(q, ask->name, a))
		return answer_rebinding(q, from, to, now_ms, out, outcome);
	if (q->way.n_hops == 0) {
		len = answer_write(a, to, now_ms, out, &truncated);
	} else {
		q->stats.list_answered += policy_way_is_forged(&q->way);
		len = answer_write_behind(a, &q->way, to, now_ms, out, &truncated);
	}
	q->stats.truncated += truncated;
	return len;
}

/* ---- 6.  Upstream: tries ---- */

/* Tell the loop when query_tick() is due: the heads of the FIFOs are the earliest. */
static void arm(struct query *q)
{
	uint64_t at_ms = UINT64_MAX;

	for (unsigned i = 0; i < UPSTREAM_WAIT_CLASSES; i++) {
		const struct inflight_try *t = q->inflight.waiting[i];

		if (t != NULL && t->sent_ms + upstream_wait_ms(i) < at_ms)
			at_ms = t->sent_ms + upstream_wait_ms(i);
	}
	for (unsigned i = 0; i < UPSTREAM_HEDGES; i++) {
		const struct inflight_try *t = q->inflight.hedging[i];

		if (t != NULL && t->sent_ms + upstream_hedge_ms(i) < at_ms)
			at_ms = t->sent_ms + upstream_hedge_ms(i);
	}
	if (q->inflight.oldest != NULL &&
	    q->inflight.oldest->started_ms + q->options.query_timeout_ms < at_ms)
		at_ms = q->inflight.oldest->started_ms + q->options.query_timeout_ms;
	if (q->inflight.patient != NULL &&
	    q->inflight.patient->started_ms + q->options.stale_delay_ms < at_ms)
		at_ms = q->inflight.patient->started_ms + q->options.stale_delay_ms;
	if (at_ms != q->armed_ms)
		q->net.arm(q->net.ctx, at_ms);
	q->armed_ms = at_ms;
}

static void end_try(struct query *q, struct inflight_try *t)
{
	q->net.done(q->net.ctx, &t->sent);
	inflight_end(&q->inflight, t);
}

/* Messages that came on this port and matched nothing. */
static uint32_t *stray_count(struct query *q, uint32_t port)
{
	return &q->strays[port % STRAYS_SIZE];
}

/* The message to ask `t` upstream: its length. */
static size_t write_upstream(
    const struct query *q, struct inflight_try *t, uint8_t *out, size_t size)
{
	const struct inflight_question *question = t->question;
	struct msg_opt opt = {
	    .udp_size = q->options.udp_size,
	    .dnssec_ok = question->dnssec_ok,
	    .ede = EDE_NONE,
	    .cookie_len = t->cookie_len,
	};
	struct msg_writer w;
	unsigned flags = MSG_RD;
	uint8_t name[NAME_SIZE];

	/* AD says that we understand AD in the reply (RFC 6840, 5.7). */
	if (!t->plain)
		flags |= MSG_AD;
	if (question->checking_disabled)
		flags |= MSG_CD;
	msg_write_start(&w, out, size, t->id, (uint16_t)flags);
	t->mixed = mixcase_write(name, question->name, question->name_len, t->upper) != 0;
	msg_write_question(&w, name, question->type, question->class);
	if (!t->plain) {
		memcpy(opt.cookie, q->upstreams.server[t->server].jar.cookie, opt.cookie_len);
		msg_write_opt(&w, &opt);
	}
	return w.out.pos;
}

/* An ID that no other try on this port waits with; false: the port is full. */
static bool draw_id(struct query *q, struct inflight_try *t)
{
	for (unsigned i = 0; i < ID_DRAWS; i++) {
		t->id = rng_u16(&q->rng);
		if (inflight_match(&q->inflight, t->sent.via, t->sent.port, t->id) == NULL)
			return true;
	}
	return false;
}

/* Ask `server` once.  False: it could not be asked, which counts as a try. */
static bool send_try(struct query *q, struct inflight_question *question, unsigned server,
    enum query_carrier via, uint64_t now_ms)
{
	uint8_t msg[MSG_HEADER + NAME_SIZE + 4 + 11 + 4 + MSG_COOKIE_MAX];
	struct upstream *s = &q->upstreams.server[server];
	uint8_t *tries = via == CARRIER_UDP ? question->tries_udp : question->tries_tcp;
	struct inflight_try *t;
	unsigned hedge;
	size_t len;
	int err;

	if (tries[server] >= UPSTREAM_TRIES_MAX)
		return false;
	tries[server]++;
	t = inflight_try(&q->inflight, question);
	if (t == NULL)
		return false;
	t->server = (uint8_t)server;
	t->plain = now_ms < s->plain_until_ms || (question->plain >> server & 1) != 0;
	if (!t->plain)
		t->cookie_len =
		    jar_get(&s->jar, &q->rng, tries[server] == UPSTREAM_TRIES_MAX, now_ms);
	if (via == CARRIER_UDP && upstream_mixes_case(&q->upstreams, server, now_ms))
		mixcase_draw(t->upper, &q->rng, question->name_len);
	/* TCP needs a round trip more. */
	t->wait_class = (uint8_t)upstream_wait_class(
	    &q->upstreams, server, tries[server] - 1u + (via == CARRIER_TCP));
	t->sent.try = inflight_try_handle(&q->inflight, t);
	t->sent.via = via;
	t->sent.to = s->addr;
	s->asked++;
	if (q->net.port(q->net.ctx, via, &s->addr, &t->sent.port) != 0) {
		inflight_end(&q->inflight, t);
		goto failed;
	}
	if (!draw_id(q, t)) {
		end_try(q, t);
		goto failed;
	}
	inflight_sent(&q->inflight, t, now_ms);
	t->strays = *stray_count(q, t->sent.port);
	len = write_upstream(q, t, msg, sizeof(msg));
	err = q->net.ask(q->net.ctx, &t->sent, msg, len);
	if (err != 0) {
		end_try(q, t);
		goto failed;
	}
	question->asked = true;
	hedge = upstream_hedge_class(&q->upstreams, server);
	if (hedge < UPSTREAM_HEDGES && via == CARRIER_UDP)
		inflight_hedge(&q->inflight, t, hedge);
	if (via == CARRIER_UDP)
		q->stats.tries_udp++;
	else
		q->stats.tries_tcp++;
	return true;
failed:
	q->stats.net_errors++;
	upstream_silent(&q->upstreams, &s->addr, now_ms);
	return false;
}

/* Ask `server` besides another, whose reply is the one that is waited for. */
static void send_copy(
    struct query *q, struct inflight_question *question, int server, uint64_t now_ms)
{
	if (!send_try(q, question, (unsigned)server, CARRIER_UDP, now_ms))
		return;
	/* It is the youngest. */
	question->tries->spare = true;
	inflight_unhedge(&q->inflight, question->tries);
	q->stats.copies++;
}

/* ---- 7.  Upstream: the end of a question ---- */

static struct answer_to answer_for_waiter(const struct inflight_question *question,
    const struct inflight_waiter *w, uint8_t asked[NAME_SIZE + 4])
{
	return (struct answer_to){
	    .id = w->id,
	    .flags = w->flags,
	    .question = asked,
	    .question_len = inflight_question_as_asked(question, w, asked),
	    .edns = w->edns,
	    .opt = w->opt,
	    .limit = w->limit,
	};
}

/* Forget a question whose waiters were answered.  A try at a server that is down goes on: its reply
 * would say that the server is back. */
static void close_question(struct query *q, struct inflight_question *question)
{
	struct inflight_try *t, *next;

	for (t = question->tries; t != NULL; t = next) {
		next = t->question_next;
		if (t->waiting && upstream_is_down(&q->upstreams, t->server))
			inflight_orphan(t);
		else
			end_try(q, t);
	}
	inflight_close(&q->inflight, question);
}

/* It waits no longer. */
static void count_wait(struct query *q, const struct inflight_waiter *w, uint64_t now_ms)
{
	latency_count(&q->latency[LATENCY_FORWARDED], (now_ms - w->asked_ms) * NS_PER_MS, 1);
}

/* The verdict by which `w` was let through holds still; then q->way says so. */
static bool judged_before(struct query *q, const struct inflight_waiter *w)
{
	if (w->alias != NULL || w->verdict.generation != q->policy.generation)
		return false;
	q->way.n_hops = q->way.n_local = 0;
	q->way.own = w->verdict.own;
	q->way.verdict.outcome = w->verdict.own ? JUDGE_ALLOWED : JUDGE_NONE;
	q->way.verdict.n_lists = w->verdict.n_lists;
	q->way.verdict.by_client = w->verdict.by_client;
	q->way.verdict.n_answers = 0;
	q->way.verdict.decided = false;
	return true;
}

/* The answer `a` for one of those who wait, by the lists that are in force now: its length, or 0 for
 * none. */
static size_t answer_waiter(struct query *q, const struct inflight_question *question,
    const struct inflight_waiter *w, const struct answer_to *to, const struct cache_answer *a,
    struct cache_verdict *kept, uint64_t now_ms, const char **outcome)
{
	struct effect_ask ask = {
	    .name = inflight_asked_name(question, w),
	    .type = question->type,
	    .client = &w->asker.from,
	    .rule_wanted = w->edns || q->answers != NULL,
	};

	if (!judged_before(q, w)) {
		if (follow_local(q, ask.name, question->type, question->class))
			return answer_local(q, ask.name, to, q->out, outcome);
		policy_judge_from(&q->policy, &ask, &q->way);
		heed_carrier(&q->way.verdict, &w->asker);
	}
	ask.name = policy_way_end(&q->way, ask.name);
	if (!is_open(&q->way.verdict))
		return answer_by_name(q, &w->asker, &ask, to, now_ms, q->out, outcome);
	if (!name_equal(ask.name, question->name)) {
		q->stats.failed++;
		*outcome = "failed: the lists lead elsewhere now";
		return answer_write_empty(to, RCODE_SERVFAIL, EDE_NONE, NULL, q->out);
	}
	return write_judged(q, &w->asker, &ask, a, kept, to, now_ms, q->out, outcome);
}

/* Give `a` to all that wait. */
static void answer_waiters(struct query *q, const struct inflight_question *question,
    const struct cache_answer *a, struct cache_verdict *kept, const char *how, uint64_t now_ms)
{
	uint8_t asked[NAME_SIZE + 4];

	for (const struct inflight_waiter *w = question->waiters; w != NULL; w = w->next) {
		struct answer_to to = answer_for_waiter(question, w, asked);
		const char *outcome = how;
		size_t len = answer_waiter(q, question, w, &to, a, kept, now_ms, &outcome);

		q->stats.stale += a->stale;
		note(q, &w->asker, inflight_asked_name(question, w), question->type, outcome);
		if (len != 0) {
			q->net.send(q->net.ctx, &w->asker, q->out, len);
			count_wait(q, w, now_ms);
		}
	}
}

/* The old answer, where there is one, for all that wait; the question goes on. */
static void answer_stale(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	struct cache_answer old;
	struct cache_verdict *kept;

	if (question->waiters == NULL || !q->options.stale ||
	    !cache_get_stale(q->cache, &question->key, now_ms, &old, &kept))
		return;
	answer_waiters(q, question, &old, kept, OUTCOME_STALE, now_ms);
	inflight_dismiss(&q->inflight, question);
}

/* No answer: who waits gets the old one, or is told. */
static void give_up_question(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	int ede = question->replied ? question->ede : EDE_NO_REACHABLE_AUTHORITY;
	const char *text = question->replied ? ANSWER_EDE_TEXT : TEXT_NO_UPSTREAM;
	uint8_t asked[NAME_SIZE + 4];

	answer_stale(q, question, now_ms);
	for (const struct inflight_waiter *w = question->waiters; w != NULL; w = w->next) {
		struct answer_to to = answer_for_waiter(question, w, asked);
		size_t len = answer_write_empty(&to, question->rcode, ede, text, q->out);

		q->stats.failed++;
		note(q, &w->asker, inflight_asked_name(question, w), question->type,
		    "failed: no upstream answered");
		q->net.send(q->net.ctx, &w->asker, q->out, len);
		count_wait(q, w, now_ms);
	}
	close_question(q, question);
}

/* No upstream had an answer.  Where none could even be asked, the next question may try at once. */
static void fail_question(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	if (question->asked)
		failures_put(
		    &q->failures, &question->key, question->rcode, question->started_ms, now_ms);
	give_up_question(q, question, now_ms);
}

/* q->answer answers the question: keep it and give it to all that wait. */
static void finish_question(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	struct cache_verdict kept = {0};

	answer_waiters(q, question, &q->answer.view, &kept, "forwarded", now_ms);
	if (!question->uncached)
		cache_put(q->cache, &question->key, &q->answer.view, &kept);
	close_question(q, question);
}

/* Ask the next server.  When none is left the question ends with its last try. */
static void advance(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	int server;

	while ((server = upstream_choose(&q->upstreams, question->group, question->tries_udp)) >= 0)
		if (send_try(q, question, (unsigned)server, CARRIER_UDP, now_ms))
			return;
	if (question->tries == NULL)
		fail_question(q, question, now_ms);
}

/* Ask other servers at once, where the strategy is to do so. */
static void send_copies(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	int server;

	/* Without a try it has failed, and is not there any more. */
	for (unsigned n = 0; question->tries != NULL; n++) {
		server = upstream_copy(&q->upstreams, question->group, question->tries_udp, n);
		if (server < 0)
			return;
		send_copy(q, question, server, now_ms);
	}
}

/* A try got no answer that can be used: ask on, unless another is still awaited. */
static void try_lost(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	struct inflight_question *question = t->question;

	end_try(q, t);
	if (question == NULL)
		return;
	for (t = question->tries; t != NULL; t = t->question_next)
		if (t->waiting)
			return;
	advance(q, question, now_ms);
}

/* ---- The way of a query: down ---- */

/* Let the asker of `ask` wait for `question`; there is room. */
static void join(struct query *q, struct inflight_question *question,
    const struct query_asker *from, const struct msg_query *ask, const struct answer_to *to,
    uint64_t now_ms)
{
	struct inflight_waiter *w = inflight_wait(&q->inflight, question);

	assert(w != NULL);
	w->asker = *from;
	w->asked_ms = now_ms;
	w->id = to->id;
	w->flags = to->flags;
	w->limit = (uint16_t)to->limit;
	w->edns = to->edns;
	w->opt = to->opt;
	w->verdict = (struct inflight_verdict){
	    .generation = q->policy.generation,
	    .n_lists = q->way.verdict.n_lists,
	    .own = q->way.own,
	    .by_client = q->way.verdict.by_client,
	};
	inflight_keep_case(w, to->question, to->question_len - 4);
	if (q->way.n_hops != 0)
		(void)inflight_wait_as(&q->inflight, w, ask->qname, ask->qname_len);
}

/* The question in flight under `key`, or NULL, with room for one more that waits.  The oldest
 * questions are given up for it, whichever table is full: many may wait for one question, and one
 * that no server answers has many tries. */
static struct inflight_question *find_with_room(
    struct query *q, const struct cache_key *key, uint64_t now_ms)
{
	struct inflight_question *question = inflight_find(&q->inflight, key);

	while (!inflight_has_room(&q->inflight, question == NULL) && q->inflight.oldest != NULL) {
		q->stats.overload++;
		log_warning("overload", "%llu questions are in flight: the oldest is given up",
		    (unsigned long long)q->inflight.n_questions);
		if (question == q->inflight.oldest)
			question = NULL;
		give_up_question(q, q->inflight.oldest, now_ms);
	}
	return question;
}

/* A question that is not in flight yet; there is room. */
static struct inflight_question *open_question(
    struct query *q, const struct msg_query *ask, const struct cache_key *key, uint64_t now_ms)
{
	struct inflight_question *question = inflight_open(&q->inflight, key, now_ms);

	assert(question != NULL);
	question->type = ask->qtype;
	question->class = ask->qclass;
	question->dnssec_ok = ask->edns.dnssec_ok;
	question->checking_disabled = (ask->flags & MSG_CD) != 0;
	question->rcode = RCODE_SERVFAIL;
	question->ede = EDE_NONE;
	question->group = cache_key_group(key);
	return question;
}

/* Is it our own question that came back, in the letter case that was drawn for it? */
static bool comes_back(const struct inflight_question *question, const struct answer_to *to)
{
	uint8_t asked[NAME_SIZE];
	unsigned n_letters = 0;

	if (to->question_len != question->name_len + 4u)
		return false;
	for (unsigned i = 0; i < question->name_len; i++)
		n_letters += question->name[i] >= 'a' && question->name[i] <= 'z';
	for (const struct inflight_try *t = question->tries; n_letters >= LOOP_LETTERS && t != NULL;
	     t = t->question_next) {
		(void)mixcase_write(asked, question->name, question->name_len, t->upper);
		if (t->mixed && memcmp(asked, to->question, question->name_len) == 0)
			return true;
	}
	return false;
}

/* Ask upstream, or wait for what was asked already; with `is_old`, no longer than it takes to give the old
 * answer.  Returns the length of an answer when that cannot be. */
static size_t forward(struct query *q, const struct query_asker *from, const struct msg_query *ask,
    const struct cache_key *key, bool is_old, const struct answer_to *to, uint64_t now_ms,
    uint8_t *out)
{
	struct inflight_question *question;
	int probe;

	if (!upstream_has(&q->upstreams, cache_key_group(key))) {
		q->stats.failed++;
		return answer_write_empty(
		    to, RCODE_SERVFAIL, EDE_NO_REACHABLE_AUTHORITY, TEXT_NO_UPSTREAM, out);
	}
	if (q->way.n_hops != 0 && !inflight_has_alias(&q->inflight)) {
		q->stats.overload++;
		return answer_write_empty(to, RCODE_SERVFAIL, EDE_NONE, NULL, out);
	}
	question = find_with_room(q, key, now_ms);
	if (question != NULL && comes_back(question, to)) {
		q->stats.loops++;
		log_warning("loop",
		    "a question came back from whom it was sent to: an upstream, or one behind it, "
		    "forwards to quell");
		return answer_write_empty(to, RCODE_SERVFAIL, EDE_NONE, NULL, out);
	}
	if (question != NULL) {
		q->stats.joined++;
		join(q, question, from, ask, to, now_ms);
		return 0;
	}
	q->stats.forwarded++;
	question = open_question(q, ask, key, now_ms);
	if (is_old)
		inflight_be_patient(&q->inflight, question);
	join(q, question, from, ask, to, now_ms);
	probe = upstream_probe(&q->upstreams, question->group,
	    upstream_choose(&q->upstreams, question->group, question->tries_udp), now_ms);
	if (probe >= 0)
		send_copy(q, question, probe, now_ms);
	advance(q, question, now_ms);
	send_copies(q, question, now_ms);
	arm(q);
	return 0;
}

/* A question for the cache's sake, in flight from now on but not asked yet.  NULL: it is in flight already,
 * or there is no room: of these there are never many. */
static struct inflight_question *open_aside(
    struct query *q, const struct msg_query *ask, const struct cache_key *key, uint64_t now_ms)
{
	struct inflight_question *question;

	if (!upstream_has(&q->upstreams, cache_key_group(key)) ||
	    inflight_find(&q->inflight, key) != NULL)
		return NULL;
	if (q->inflight.n_aside >= q->options.questions_max / ASIDE_SHARE ||
	    !inflight_has_room(&q->inflight, true)) {
		q->stats.aside_full++;
		return NULL;
	}
	question = open_question(q, ask, key, now_ms);
	inflight_put_aside(&q->inflight, question);
	return question;
}

/* Look for a newer answer than the old one that clients get meanwhile. */
static void refresh(
    struct query *q, const struct msg_query *ask, const struct cache_key *key, uint64_t now_ms)
{
	struct inflight_question *question = open_aside(q, ask, key, now_ms);
	int server;

	if (question == NULL)
		return;
	q->stats.refreshed++;
	question->out_of_patience = true;
	while ((server = upstream_probe(&q->upstreams, question->group, -1, now_ms)) >= 0)
		send_copy(q, question, server, now_ms);
	if (question->tries == NULL)
		advance(q, question, now_ms);
	arm(q);
}

/* `a` was given once more: when it is asked for often, and its time is nearly over, the next is fetched
 * before anybody has to wait for it. */
static void prefetch(struct query *q, const struct msg_query *ask, const struct cache_key *key,
    const struct cache_answer *a, uint64_t now_ms)
{
	const uint64_t life_ms = a->ttl_s * UINT64_C(1000);
	const uint64_t left_ms = life_ms - (now_ms - a->stored_ms);
	struct inflight_question *question;

	if (left_ms >= life_ms / PREFETCH_SHARE || (ask->flags & MSG_RD) == 0 ||
	    upstream_all_down(&q->upstreams, cache_key_group(key)) ||
	    failures_find(&q->failures, key, now_ms) != NULL)
		return;
	question = open_aside(q, ask, key, now_ms);
	if (question == NULL)
		return;
	q->stats.prefetched++;
	if (q->options.stale)
		inflight_be_patient(&q->inflight, question);
	advance(q, question, now_ms);
	arm(q);
}

/* Is it of no use to let a client wait for a newer answer?  Then this finds out, once in
 * FAILURES_RECHECK_MS for a question and once in UPSTREAM_PROBE_MS for the network, whether it still is. */
static bool is_hopeless(
    struct query *q, const struct msg_query *ask, const struct cache_key *key, uint64_t now_ms)
{
	struct inflight_question *question = inflight_find(&q->inflight, key);
	const struct failure *failure;

	if (question != NULL) {
		if (question->waiters != NULL || !failures_over(&q->failures, question->started_ms))
			return question->out_of_patience;
		/* Asked while nobody answered, and still waiting: now there may be an answer at once. */
		close_question(q, question);
		return false;
	}
	failure = failures_find(&q->failures, key, now_ms);
	if (failure == NULL) {
		if (q->options.stale_delay_ms != 0 &&
		    !upstream_all_down(&q->upstreams, cache_key_group(key)))
			return false;
		refresh(q, ask, key, now_ms);
	} else if (!failure->own && now_ms - q->probed_ms >= UPSTREAM_PROBE_MS) {
		q->probed_ms = now_ms;
		refresh(q, ask, key, now_ms);
	}
	return true;
}

/* Where neither lists nor upstreams count: the answer to the name at the end of q->way.  0: there is
 * none. */
static size_t answer_fixed(struct query *q, const struct msg_query *asked,
    const struct answer_to *to, uint8_t *out, const char **outcome)
{
	const uint8_t *name = policy_way_end(&q->way, asked->qname);
	size_t len = q->way.n_hops == 0 ? asked->qname_len : name_len(name);
	struct special_answer special;
	struct local_name found;

	/* The name asked was looked for before. */
	if (policy_way_is_forged(&q->way) && find_local(q, name, len, asked->qclass, &found))
		return answer_local(q, name, to, out, outcome);
	if (find_special(q, name, len, asked->qtype, &special))
		return answer_special(q, &special, &q->way, to, out, outcome);
	if (q->way.n_hops == 0 && is_lost(q, name, len, asked->qtype))
		return answer_lost(q, to, out, outcome);
	return 0;
}

/* The answer to what has just failed; 0: it has not. */
static size_t answer_failed(struct query *q, const struct cache_key *key,
    const struct answer_to *to, uint64_t now_ms, uint8_t *out)
{
	const struct failure *failure = failures_find(&q->failures, key, now_ms);

	if (failure == NULL || now_ms - failure->at_ms >= q->options.cache_failure_ttl_s * 1000u)
		return 0;
	q->stats.failed_cached++;
	return answer_write_empty(to, failure->rcode, EDE_CACHED_ERROR, TEXT_FAILED, out);
}

/* A good question of a client: the lists, the cache, upstream.  Returns the length of the answer, or
 * 0 when there is none now; *outcome is for the log, and NULL where there is nothing to say yet. */
static size_t answer_question(struct query *q, const struct query_asker *from,
    const struct msg_query *asked, const struct answer_to *to, uint64_t now_ms, uint8_t *out,
    const char **outcome)
{
	struct effect_ask ask = {
	    .name = asked->qname,
	    .type = asked->qtype,
	    .client = &from->from,
	    .rule_wanted = to->edns || q->answers != NULL,
	};
	struct cache_verdict *kept;
	struct cache_answer cached;
	struct cache_key key;
	bool is_old;
	size_t len;

	if (follow_local(q, asked->qname, asked->qtype, asked->qclass))
		return answer_local(q, asked->qname, to, out, outcome);
	len = answer_fixed(q, asked, to, out, outcome);
	if (len != 0)
		return len;
	policy_judge_from(&q->policy, &ask, &q->way);
	heed_carrier(&q->way.verdict, from);
	ask.name = policy_way_end(&q->way, ask.name);
	if (!is_open(&q->way.verdict)) {
		len = answer_by_name(q, from, &ask, to, now_ms, out, outcome);
		q->unsent[LATENCY_BLOCKED] += len != 0;
		return len;
	}
	q->stats.allowed += q->way.verdict.outcome == JUDGE_ALLOWED;
	if (policy_way_is_forged(&q->way) && !q->way.own) {
		len = answer_fixed(q, asked, to, out, outcome);
		if (len != 0)
			return len;
	}
	cache_key(q->cache, &key, ask.name, name_len(ask.name), asked->qtype, asked->qclass,
	    asked->edns.dnssec_ok, (asked->flags & MSG_CD) != 0,
	    group_of(q, ask.name, name_len(ask.name)));
	if (cache_get(q->cache, &key, now_ms, &cached, &kept)) {
		q->stats.cache_hits++;
		*outcome = "cached";
		len = write_judged(q, from, &ask, &cached, kept, to, now_ms, out, outcome);
		q->unsent[LATENCY_CACHED] += len != 0;
		if (cached.uses >= q->options.prefetch && q->options.prefetch != 0)
			prefetch(q, asked, &key, &cached, now_ms);
		return len;
	}
	*outcome = NULL;
	if ((asked->flags & MSG_RD) == 0) {
		q->stats.refused_uncached++;
		return answer_refused(q, to, EDE_NOT_AUTHORITATIVE, TEXT_NOT_CACHED, out);
	}
	is_old = q->options.stale && cache_get_stale(q->cache, &key, now_ms, &cached, &kept);
	if (is_old && is_hopeless(q, asked, &key, now_ms)) {
		q->stats.stale++;
		*outcome = OUTCOME_STALE;
		len = write_judged(q, from, &ask, &cached, kept, to, now_ms, out, outcome);
		q->unsent[LATENCY_CACHED] += len != 0;
		return len;
	}
	len = is_old ? 0 : answer_failed(q, &key, to, now_ms, out);
	if (len != 0) {
		*outcome = "failed: no upstream answered a moment ago";
		return len;
	}
	q->stats.cache_misses++;
	return forward(q, from, asked, &key, is_old, to, now_ms, out);
}

/* ---- Names of our own: all below quell.internal ---- */

#define OWN_ZONE "\5quell\10internal" /* a literal's terminator is the root label */
#define WHY_ZONE "\3why" OWN_ZONE

static bool is_ours(const struct msg_query *ask)
{
	/* Asked of every query: the last bytes say it of almost all. */
	return ask->qname_len >= sizeof(OWN_ZONE) &&
	       memcmp(ask->qname + ask->qname_len - sizeof(OWN_ZONE), OWN_ZONE, sizeof(OWN_ZONE)) ==
		   0 &&
	       name_in_zone(ask->qname, (const uint8_t *)OWN_ZONE);
}

/* What they get (docs/answers.md, rows 70 to 74); nothing of it is ever forwarded. */
static size_t answer_ours(struct query *q, const struct query_asker *from,
    const struct msg_query *asked, const struct answer_to *to, uint64_t now_ms, uint8_t *out)
{
	bool why = name_in_zone(asked->qname, (const uint8_t *)WHY_ZONE);
	uint8_t name[NAME_SIZE], strings[REASON_STRINGS_SIZE];
	const struct effect_ask ask = {.name = name, .type = TYPE_A, .client = &from->from};
	struct reason reason;
	bool truncated;
	size_t len;

	q->stats.internal++;
	if (!why && asked->qname_len > sizeof(OWN_ZONE))
		return answer_write_empty(to, RCODE_NXDOMAIN, EDE_NONE, NULL, out);
	if (!why || asked->qname_len == sizeof(WHY_ZONE) ||
	    (asked->qtype != TYPE_TXT && asked->qtype != TYPE_ANY))
		return answer_write_empty(to, RCODE_NOERROR, EDE_NONE, NULL, out);
	len = asked->qname_len - sizeof(WHY_ZONE);
	memcpy(name, asked->qname, len);
	name[len] = 0;
	query_why(q, &ask, now_ms, &reason);
	len = reason_strings(&reason, name, q->names, strings);
	len = answer_write_txt(to, strings, len, out, &truncated);
	q->stats.truncated += truncated;
	return len;
}

size_t query_ask(struct query *q, const struct query_asker *from, const uint8_t *msg, size_t len,
    uint64_t now_ms, uint8_t *out, size_t out_size)
{
	const enum client_access access = client_access(&q->options, &from->from);
	enum cookie_state cookie;
	struct answer_to to;
	struct msg_query ask;
	const char *outcome;
	int rcode;

	if (from->tcp)
		q->stats.queries_tcp++;
	else
		q->stats.queries_udp++;

	rcode = msg_parse_query(msg, len, &ask);
	if (rcode == MSG_QUERY_DROP) {
		q->stats.dropped++;
		return 0;
	}
	if (access == CLIENT_DROP) {
		q->stats.client_dropped++;
		leave_unanswered(q, from);
		return 0;
	}
	to = answer_for(q, from, &ask, msg, out_size);
	cookie = heed_cookie(q, from, &ask, msg, now_ms, &to);
	if (!from->tcp && cookie != COOKIE_GOOD && access != CLIENT_LOOPBACK) {
		enum rate_verdict verdict = rate_take(q->rate, &from->from, now_ms);

		if (access == CLIENT_REFUSE)
			keep_small(&to, len);
		if (verdict != RATE_PASS)
			return answer_over_rate(q, &to, verdict, out);
	}
	rcode = judge_options(rcode, from, &ask.edns, cookie);
	if (rcode > RCODE_NOERROR)
		return answer_bad(q, &to, rcode, out);
	if (access == CLIENT_REFUSE) {
		if (ask.question_end != 0)
			note(q, from, ask.qname, ask.qtype, "refused: not a client");
		q->stats.refused_client++;
		return answer_refused(q, &to, EDE_PROHIBITED, TEXT_NOT_A_CLIENT, out);
	}
	if (rcode == MSG_QUERY_COOKIE)
		return answer_cookie(&to, cookie, out);
	len = answer_unforwardable(q, &ask, &to, out);
	if (len != 0)
		return len;
	if (is_ours(&ask))
		return answer_ours(q, from, &ask, &to, now_ms, out);
	len = answer_question(q, from, &ask, &to, now_ms, out, &outcome);
	if (outcome != NULL)
		note(q, from, ask.qname, ask.qtype, outcome);
	return len;
}

void query_sent(struct query *q, uint64_t took_ns)
{
	for (unsigned i = 0; i < LATENCY_N_STAGES; i++) {
		if (q->unsent[i] != 0)
			latency_count(&q->latency[i], took_ns, q->unsent[i]);
		q->unsent[i] = 0;
	}
}

/* ---- The way of a query: back up ---- */

/* Does a message repeat what was asked? */
enum repeats { REPEATS_NOT, REPEATS_IN_OTHER_CASE, REPEATS };

/* The name of a reply to `t`. */
static enum repeats repeats_name(const struct inflight_try *t, const uint8_t name[NAME_SIZE])
{
	const struct inflight_question *question = t->question;
	uint8_t asked[NAME_SIZE];

	if (!name_equal(name, question->name))
		return REPEATS_NOT;
	if (!t->mixed)
		return REPEATS;
	(void)mixcase_write(asked, question->name, question->name_len, t->upper);
	return memcmp(name, asked, question->name_len) == 0 ? REPEATS : REPEATS_IN_OTHER_CASE;
}

/* Does the message repeat what `t` asked (RFC 5452, 9.1)?  Servers from before EDNS may leave the
 * question out when they say that they do not understand. */
static enum repeats repeats_question(const struct inflight_try *t, const uint8_t *msg, size_t len)
{
	const struct inflight_question *question = t->question;
	uint8_t name[NAME_SIZE];
	unsigned rcode = msg[3] & MSG_RCODE, n_questions = msg_u16(msg + 4);
	size_t off = MSG_HEADER, name_size;

	if (n_questions == 0 && len == MSG_HEADER &&
	    (rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP))
		return REPEATS;
	if (n_questions != 1 || name_read(msg, len, &off, name, &name_size) != 0 || len - off < 4 ||
	    msg_u16(msg + off) != question->type || msg_u16(msg + off + 2) != question->class)
		return REPEATS_NOT;
	return repeats_name(t, name);
}

/* The try whose ID, port and address this message has; NULL: nobody asked for it. */
static struct inflight_try *awaited(const struct query *q, enum query_carrier via, uint32_t port,
    const union addr *from, const uint8_t *msg, size_t len)
{
	struct inflight_try *t;

	if (len < MSG_HEADER || (msg_u16(msg + 2) & (MSG_QR | MSG_OPCODE)) != MSG_QR)
		return NULL;
	t = inflight_match(&q->inflight, via, port, msg_u16(msg));
	return t == NULL || (via == CARRIER_UDP && !addr_equal(&t->sent.to, from)) ? NULL : t;
}

/* Is the server that was asked still in its place?  Other options may have come meanwhile. */
static bool server_stays(const struct query *q, const struct inflight_try *t)
{
	return t->server < q->upstreams.n &&
	       addr_equal(&q->upstreams.server[t->server].addr, &t->sent.to);
}

/* May what the server of `t` says lead into this network?  That of a forward zone may. */
static bool may_be_private(const struct query *q, const struct inflight_try *t)
{
	return t->question->group != 0 ||
	       (server_stays(q, t) && q->upstreams.server[t->server].trusted);
}

/* A reply that is no answer: remember what to say if no server does better, and do not ask this one
 * again. */
static void server_declined(
    struct query *q, struct inflight_try *t, unsigned rcode, uint64_t now_ms)
{
	if (rcode == RCODE_REFUSED || rcode == RCODE_NOTIMP)
		t->question->rcode = (uint8_t)rcode;
	if (server_stays(q, t))
		t->question->tries_udp[t->server] = UPSTREAM_TRIES_MAX;
	try_lost(q, t, now_ms);
}

/* Was EDNS what the server did not understand (RFC 6891, 7)? */
static bool rejects_edns(const struct inflight_try *t, const struct answer *a)
{
	return !t->plain && !a->edns.present &&
	       (a->rcode == RCODE_FORMERR || a->rcode == RCODE_NOTIMP);
}

/* It was, when it answers this question without EDNS: so it is asked others, too.  One that is rejected
 * either way says nothing of EDNS, and must not take the signatures from everybody. */
static void note_plain(struct query *q, const struct inflight_try *t, uint64_t now_ms)
{
	if (t->plain && (t->question->plain >> t->server & 1) != 0 && server_stays(q, t))
		q->upstreams.server[t->server].plain_until_ms = now_ms + UPSTREAM_PLAIN_MS;
}

/* Ask the server of `t` once more in another way; where that cannot be, go on to the next. */
static void ask_again(
    struct query *q, struct inflight_try *t, enum query_carrier via, uint64_t now_ms)
{
	struct inflight_question *question = t->question;
	unsigned server = t->server;
	bool stays = server_stays(q, t);

	end_try(q, t);
	if (!stays || !send_try(q, question, server, via, now_ms))
		advance(q, question, now_ms);
}

/* Is `server` being asked this over TCP already?  A repeated question over UDP brings a second
 * truncated reply. */
static bool fetched_over_tcp(const struct inflight_question *question, unsigned server)
{
	for (const struct inflight_try *t = question->tries; t != NULL; t = t->question_next)
		if (t->sent.via == CARRIER_TCP && t->server == server)
			return true;
	return false;
}

/* Ask the server of `t`, where UDP does not do, over TCP. */
static void ask_over_tcp(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	if (fetched_over_tcp(t->question, t->server))
		end_try(q, t);
	else
		ask_again(q, t, CARRIER_TCP, now_ms);
}

/* A message that nobody asked for. */
static void count_stray(struct query *q, enum query_carrier via, uint32_t port)
{
	q->stats.replies_unexpected++;
	if (via == CARRIER_UDP)
		++*stray_count(q, port);
}

/* All but the letter case of a reply to `t` is right.  The server does not keep it, or it is not the
 * server; TCP brings the answer in both cases.  Where anything else came on that port somebody is guessing,
 * who would have us do without this secret. */
static void other_case(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	q->stats.replies_case++;
	if (*stray_count(q, t->sent.port) == t->strays)
		upstream_case_lost(&q->upstreams, &t->sent.to, now_ms);
	count_stray(q, t->sent.via, t->sent.port);
	ask_over_tcp(q, t, now_ms);
}

/* Were there so many guesses at a reply to `t` that the next may well be right? */
static bool is_guessed_at(struct query *q, const struct inflight_try *t)
{
	return t->sent.via == CARRIER_UDP &&
	       *stray_count(q, t->sent.port) - t->strays >= STRAYS_MAX;
}

/* Was it the cookie that the server did not understand?  It should pass over what it does not know (RFC
 * 6891, 6.1.2), and not all do. */
static bool rejects_cookie(const struct inflight_try *t, const struct answer *a)
{
	return t->cookie_len == MSG_COOKIE_CLIENT && !a->edns.cookie && a->rcode == RCODE_FORMERR;
}

/* The reply in q->answer, which was msg, wants another cookie and has it: once more, then over TCP (RFC
 * 7873, 5.3).  False: it is no such reply. */
static bool heed_bad_cookie(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	bool again = t->question->cookie_refused;

	if (q->answer.rcode != RCODE_BADCOOKIE || t->cookie_len == 0 || t->sent.via == CARRIER_TCP)
		return false;
	q->stats.replies_badcookie++;
	t->question->cookie_refused = true;
	if (again)
		ask_over_tcp(q, t, now_ms);
	else
		ask_again(q, t, CARRIER_UDP, now_ms);
	return true;
}

/* False: the reply in q->answer, which was `msg`, has not the cookie that it should have.  Over TCP it
 * need not have one. */
static bool take_cookie(
    struct query *q, const struct inflight_try *t, const uint8_t *msg, uint64_t now_ms)
{
	struct jar *jar;

	if (!server_stays(q, t))
		return true;
	jar = &q->upstreams.server[t->server].jar;
	if (t->sent.via == CARRIER_UDP && jar_is_forged(jar, t->cookie_len, msg, &q->answer.edns))
		return false;
	jar_put(jar, msg, &q->answer.edns, now_ms);
	return true;
}

/* The reply to `t`, of which nothing shows in which letter case it was asked: names in records may be
 * pointers to the question.  Borrowed until q->out is written. */
static const uint8_t *in_lower_case(
    struct query *q, const struct inflight_try *t, const uint8_t *msg, size_t len)
{
	if (!t->mixed || len <= MSG_HEADER)
		return msg;
	memcpy(q->out, msg, len);
	memcpy(q->out + MSG_HEADER, t->question->name, t->question->name_len);
	return q->out;
}

static struct answer_limits limits_of(const struct query *q)
{
	return (struct answer_limits){
	    .min_ttl_s = q->options.min_ttl_s,
	    .max_ttl_s = q->options.cache_max_ttl_s,
	    .negative_ttl_s = q->options.cache_negative_ttl_s,
	};
}

static void use_reply(
    struct query *q, struct inflight_try *t, const uint8_t *msg, size_t len, uint64_t now_ms)
{
	struct inflight_question *question = t->question;
	const struct answer_question asked = {
	    .name = question->name,
	    .name_len = question->name_len,
	    .type = question->type,
	    .class = question->class,
	    .dnssec_ok = question->dnssec_ok,
	};
	const struct answer_limits limits = limits_of(q);

	question->replied = true;
	if ((msg_u16(msg + 2) & MSG_TC) != 0) {
		q->stats.replies_truncated++;
		if (t->sent.via == CARRIER_TCP)
			server_declined(q, t, RCODE_SERVFAIL, now_ms);
		else
			ask_over_tcp(q, t, now_ms);
		return;
	}
	msg = in_lower_case(q, t, msg, len);
	if (answer_normalise(&q->answer, &asked, &limits, msg, len, now_ms) != 0) {
		q->stats.replies_malformed++;
		server_declined(q, t, RCODE_SERVFAIL, now_ms);
		return;
	}
	if (!take_cookie(q, t, msg, now_ms)) {
		q->stats.replies_cookie++;
		count_stray(q, t->sent.via, t->sent.port);
		ask_over_tcp(q, t, now_ms);
		return;
	}
	if (heed_bad_cookie(q, t, now_ms))
		return;
	if (rejects_edns(t, &q->answer)) {
		q->stats.replies_no_edns++;
		if (server_stays(q, t))
			question->plain |= UINT64_C(1) << t->server;
		ask_again(q, t, t->sent.via, now_ms);
		return;
	}
	if (rejects_cookie(t, &q->answer)) {
		q->stats.replies_no_cookie++;
		ask_again(q, t, t->sent.via, now_ms);
		return;
	}
	switch (q->answer.rcode) {
	case RCODE_FORMERR:
	case RCODE_SERVFAIL:
	case RCODE_NOTIMP:
	case RCODE_REFUSED:
		q->stats.replies_declined++;
		question->ede = q->answer.view.ede;
		server_declined(q, t, q->answer.rcode, now_ms);
		return;
	default:
		break;
	}
	if (q->answer.rcode > MSG_RCODE || q->answer.referral) {
		/* An extended RCODE speaks of the hop between us and the server; a referral, of a
		 * server that does not resolve. */
		q->stats.replies_declined++;
		server_declined(q, t, RCODE_SERVFAIL, now_ms);
		return;
	}
	q->stats.replies++;
	note_plain(q, t, now_ms);
	if (may_be_private(q, t))
		q->answer.view.private_off = 0;
	failures_good(&q->failures, now_ms);
	finish_question(q, question, now_ms);
}

/* A reply to what `t` asked, by all that its sender has to know. */
static void good_reply(
    struct query *q, struct inflight_try *t, const uint8_t *msg, size_t len, uint64_t now_ms)
{
	if (t->mixed)
		upstream_case_kept(&q->upstreams, &t->sent.to);
	if (t->question != NULL && is_guessed_at(q, t)) {
		q->stats.replies_distrusted++;
		ask_over_tcp(q, t, now_ms);
		return;
	}
	upstream_answered(&q->upstreams, &t->sent.to, now_ms - t->sent_ms);
	if (t->question == NULL)
		end_try(q, t);
	else
		use_reply(q, t, msg, len, now_ms);
}

void query_reply(struct query *q, enum query_carrier via, uint32_t port, const union addr *from,
    const uint8_t *msg, size_t len, uint64_t now_ms)
{
	struct inflight_try *t = awaited(q, via, port, from, msg, len);
	enum repeats repeats = REPEATS_NOT;

	/* Of an orphan the question is not known any more; nothing is believed of its reply. */
	if (t != NULL)
		repeats = t->question == NULL ? REPEATS : repeats_question(t, msg, len);
	if (repeats == REPEATS_NOT) {
		count_stray(q, via, port);
		return;
	}
	if (repeats == REPEATS_IN_OTHER_CASE)
		other_case(q, t, now_ms);
	else
		good_reply(q, t, msg, len, now_ms);
	arm(q);
}

void query_failed(struct query *q, uint32_t try, uint64_t now_ms)
{
	struct inflight_try *t = inflight_try_by_handle(&q->inflight, try);

	if (t == NULL)
		return;
	q->stats.net_errors++;
	upstream_silent(&q->upstreams, &t->sent.to, now_ms);
	try_lost(q, t, now_ms);
	arm(q);
}

/* A try that waits for its reply on `port`; NULL: there is none. */
static struct inflight_try *waiting_on(const struct query *q, enum query_carrier via, uint32_t port)
{
	struct inflight_try *t;

	for (unsigned i = 0; i < UPSTREAM_WAIT_CLASSES; i++)
		DL_FOREACH(q->inflight.waiting[i], t)
	if (t->sent.via == via && t->sent.port == port)
		return t;
	return NULL;
}

void query_refused(struct query *q, enum query_carrier via, uint32_t port, uint64_t now_ms)
{
	struct inflight_try *t;

	/* Their questions are asked elsewhere, or once more from another port: each try ends here. */
	while ((t = waiting_on(q, via, port)) != NULL) {
		q->stats.net_errors++;
		upstream_silent(&q->upstreams, &t->sent.to, now_ms);
		try_lost(q, t, now_ms);
	}
	arm(q);
}

/* ---- Time ---- */

/* The time of a try is over.  A late reply is still welcome while its question waits. */
static void try_overdue(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	struct inflight_question *question = t->question;

	q->stats.timeouts++;
	upstream_silent(&q->upstreams, &t->sent.to, now_ms);
	inflight_overdue(&q->inflight, t);
	if (question == NULL || t->sent.via == CARRIER_TCP) {
		try_lost(q, t, now_ms);
		return;
	}
	/* Of those that are hedged each is followed by its own next. */
	for (const struct inflight_try *other = question->tries; other != NULL;
	     other = other->question_next)
		if (other->waiting && t->spare)
			return;
	advance(q, question, now_ms);
}

/* The server of `t` is later than usual: ask another, and take whichever is first. */
static void hedge(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	struct inflight_question *question = t->question;
	int server;

	inflight_unhedge(&q->inflight, t);
	if (question == NULL)
		return;
	server = upstream_hedge(&q->upstreams, question->group, question->tries_udp);
	if (server >= 0 && send_try(q, question, (unsigned)server, CARRIER_UDP, now_ms))
		q->stats.hedged++;
}

void query_tick(struct query *q, uint64_t now_ms)
{
	for (unsigned i = 0; i < UPSTREAM_WAIT_CLASSES; i++) {
		struct inflight_try *t;

		while ((t = q->inflight.waiting[i]) != NULL &&
		       t->sent_ms + upstream_wait_ms(i) <= now_ms)
			try_overdue(q, t, now_ms);
	}
	for (unsigned i = 0; i < UPSTREAM_HEDGES; i++) {
		struct inflight_try *t;

		while ((t = q->inflight.hedging[i]) != NULL &&
		       t->sent_ms + upstream_hedge_ms(i) <= now_ms)
			hedge(q, t, now_ms);
	}
	while (q->inflight.patient != NULL &&
	       q->inflight.patient->started_ms + q->options.stale_delay_ms <= now_ms) {
		struct inflight_question *question = q->inflight.patient;

		inflight_lose_patience(&q->inflight, question);
		answer_stale(q, question, now_ms);
	}
	while (q->inflight.oldest != NULL &&
	       q->inflight.oldest->started_ms + q->options.query_timeout_ms <= now_ms)
		fail_question(q, q->inflight.oldest, now_ms);
	q->armed_ms = UINT64_MAX;
	arm(q);
}

void query_network(struct query *q, bool moved, uint64_t now_ms)
{
	struct inflight_question *question, *next;

	q->stats.network_news++;
	upstream_network(&q->upstreams, moved, now_ms);
	if (!moved)
		return;
	failures_good(&q->failures, now_ms);
	DL_FOREACH_SAFE(q->inflight.oldest, question, next)
	advance(q, question, now_ms);
	arm(q);
}

/* ---- Why ---- */

/* The answer to `ask` that is in the cache, whichever of its kinds; false: there is none. */
static bool find_cached(
    struct query *q, const struct effect_ask *ask, uint64_t now_ms, struct cache_answer *cached)
{
	size_t len = name_len(ask->name);
	struct cache_verdict *kept;
	struct cache_key key;

	for (unsigned flags = 0; flags < 4; flags++) {
		cache_key(q->cache, &key, ask->name, len, ask->type, CLASS_IN, (flags & 1) != 0,
		    (flags & 2) != 0, group_of(q, ask->name, len));
		if (cache_get(q->cache, &key, now_ms, cached, &kept))
			return true;
	}
	return false;
}

void query_why(struct query *q, const struct effect_ask *ask, uint64_t now_ms, struct reason *out)
{
	struct effect_ask asked, end = *ask;
	struct special_answer special;
	struct cache_answer cached;
	struct local_name found;
	uint8_t aliased[NAME_SIZE], name[NAME_SIZE];
	bool is_cached;

	if (follow_local(q, ask->name, ask->type, CLASS_IN)) {
		(void)find_local(q, ask->name, name_len(ask->name), CLASS_IN, &found);
		reason_find_local(&q->policy, ask, &found, out);
		return;
	}
	/* Aliases of the house are only followed. */
	memcpy(aliased, policy_way_end(&q->way, ask->name),
	    name_len(policy_way_end(&q->way, ask->name)));
	end.name = aliased;
	if (find_special(q, aliased, name_len(aliased), ask->type, &special)) {
		reason_find_special(&q->policy, &end, &special, out);
		return;
	}
	asked = end;
	reason_end(&q->policy, &asked, name);
	end.name = name;
	is_cached = find_cached(q, &end, now_ms, &cached);
	reason_find(&q->policy, &asked, is_cached ? &cached : NULL, out);
	if (is_cached && !out->blocked && rebinds(q, name, &cached))
		reason_set_rebinding(out, &cached);
}

/* ---- For the control socket ---- */

void query_stats(const struct query *q, struct stats *out)
{
	const struct cache_usage usage = cache_usage(q->cache);

	*out = q->stats;
	out->cache_entries = usage.entries;
	out->cache_bytes = usage.bytes;
	out->cache_evicted = usage.evicted;
	out->in_flight = q->inflight.n_questions;
}

void query_latency(const struct query *q, struct latency out[LATENCY_N_STAGES])
{
	memcpy(out, q->latency, sizeof(q->latency));
}

unsigned query_upstreams(const struct query *q, struct query_upstream *out, unsigned max)
{
	for (unsigned i = 0; i < q->upstreams.n && i < max; i++) {
		const struct upstream *s = &q->upstreams.server[i];

		out[i] = (struct query_upstream){
		    .addr = s->addr,
		    .down = upstream_is_down(&q->upstreams, i),
		    .forward = (s->groups & 1) == 0,
		    .rtt_ms = (s->srtt_ms8 + 7) / 8,
		    .asked = s->asked,
		    .answered = s->answered,
		    .failed = s->failed,
		};
	}
	return q->upstreams.n;
}

/* ---- The saved cache ---- */

size_t query_save(
    struct query *q, struct cache_walk *at, uint64_t now_ms, uint8_t *out, size_t size)
{
	struct buf to = buf_over(out, size);
	struct cache_answer a;
	struct cache_key key;

	while (to.pos < CACHEFILE_PAYLOAD_USUAL && cache_next(q->cache, at, &key, &a, now_ms)) {
		const struct cachefile_entry entry = {
		    .age_ms = now_ms - a.stored_ms,
		    .ttl_s = a.ttl_s,
		    .ede = a.ede,
		    .is_private = a.private_off != 0,
		    .key = key.bytes,
		    .key_len = key.len,
		    .msg = a.msg,
		    .msg_len = a.len,
		};

		/* What other groups are is a matter of the configuration, which may change. */
		if (key.bytes[CACHE_KEY_GROUP] != 0)
			continue;
		cachefile_put(&to, &entry);
		q->stats.cache_saved++;
	}
	return to.pos;
}

/* The question of a saved entry, with its key under our secret; false: there is none. */
static bool read_key(const struct query *q, const struct cachefile_entry *entry,
    struct answer_question *asked, struct cache_key *key)
{
	const uint8_t *name = entry->key + CACHE_KEY_NAME;
	const size_t len = entry->key_len - CACHE_KEY_NAME;
	const uint8_t flags = entry->key[CACHE_KEY_FLAGS];
	uint8_t lower[NAME_SIZE];
	size_t off = 0;

	if (entry->key[CACHE_KEY_GROUP] != 0 || flags > (CACHE_KEY_DO | CACHE_KEY_CD) ||
	    name_skip(name, len, &off) != 0 || off != len)
		return false;
	name_lower(lower, name, len);
	*asked = (struct answer_question){
	    .name = name,
	    .name_len = len,
	    .type = msg_u16(entry->key),
	    .class = msg_u16(entry->key + 2),
	    .dnssec_ok = (flags & CACHE_KEY_DO) != 0,
	};
	cache_key(q->cache, key, name, len, asked->type, asked->class, asked->dnssec_ok,
	    (flags & CACHE_KEY_CD) != 0, 0);
	return memcmp(lower, name, len) == 0;
}

/* Take one entry; false: it is of no use. */
static bool load_entry(
    struct query *q, const struct cachefile_entry *entry, uint64_t age_ms, uint64_t now_ms)
{
	const struct answer_limits limits = limits_of(q);
	struct cache_answer *a = &q->answer.view;
	struct answer_question asked;
	struct cache_key key;

	if (!read_key(q, entry, &asked, &key) ||
	    answer_normalise(&q->answer, &asked, &limits, entry->msg, entry->msg_len, now_ms) !=
		0 ||
	    q->answer.rcode > MSG_RCODE || q->answer.referral)
		return false;
	/* Somebody vouched for this address; whether they still would, nobody knows. */
	if (a->private_off != 0 && !entry->is_private)
		return false;
	a->ede = entry->ede >= 0 ? entry->ede : EDE_NONE;
	if (a->ttl_s > entry->ttl_s)
		a->ttl_s = entry->ttl_s;
	if (age_ms == UINT64_MAX)
		age_ms = a->ttl_s * UINT64_C(1000);
	/* The differences count: this may lie before the time when the clock began. */
	a->stored_ms = now_ms - entry->age_ms - age_ms;
	if (entry->age_ms >= UINT64_MAX / 4 || age_ms >= UINT64_MAX / 4 ||
	    !cache_is_useful(q->cache, a, now_ms))
		return false;
	return cache_restore(q->cache, &key, a, now_ms);
}

int query_load(struct query *q, const uint8_t *bytes, size_t len, uint64_t age_ms, uint64_t now_ms)
{
	struct cachefile_entry entry;
	size_t pos = 0;
	int more, n = 0;

	while ((more = cachefile_next(bytes, len, &pos, &entry)) == 1)
		n += load_entry(q, &entry, age_ms, now_ms);
	q->stats.cache_loaded += (unsigned)n;
	return more < 0 ? more : n;
}

size_t query_flush(struct query *q, const uint8_t *name)
{
	return cache_flush(q->cache, name);
}
