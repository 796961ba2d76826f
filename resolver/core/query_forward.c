/* query_forward.c - questions for upstreams: opened, asked on and on, and what is due with the time. */
#include "resolver/core/query_forward.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

#include "lib/dns/msg.h"
#include "resolver/core/mixcase.h"
#include "resolver/core/query_family.h"
#include "resolver/core/query_state.h"
#include "resolver/core/query_try.h"
#include "resolver/core/query_wait.h"

/* A name with fewer letters may have been given the same letter case by chance, by a client that draws it,
 * too. */
#define LOOP_LETTERS 12

/* Of the questions in flight, so many may be asked for the cache's sake: one of ASIDE_SHARE. */
#define ASIDE_SHARE 8

/* An answer is fetched anew when less than one of PREFETCH_SHARE parts of its time is left. */
#define PREFETCH_SHARE 10

static uint64_t earlier(uint64_t one_ms, uint64_t other_ms)
{
	return one_ms < other_ms ? one_ms : other_ms;
}

void query_forward_arm(struct query *q)
{
	uint64_t at_ms = UINT64_MAX;

	/* The heads of the FIFOs are the earliest. */
	for (unsigned left = q->inflight.any_waiting; left != 0; left &= left - 1) {
		const unsigned i = (unsigned)__builtin_ctz(left);

		at_ms = earlier(at_ms, q->inflight.waiting[i]->sent_ms + upstream_wait_ms(i));
	}
	for (unsigned left = q->inflight.any_hedging; left != 0; left &= left - 1) {
		const unsigned i = (unsigned)__builtin_ctz(left);

		at_ms = earlier(at_ms, q->inflight.hedging[i]->sent_ms + upstream_hedge_ms(i));
	}
	if (q->inflight.oldest != NULL)
		at_ms =
		    earlier(at_ms, q->inflight.oldest->started_ms + q->options.query_timeout_ms);
	if (q->inflight.patient != NULL)
		at_ms = earlier(at_ms, q->inflight.patient->started_ms + q->options.stale_delay_ms);
	if (at_ms != q->armed_ms)
		q->net.arm(q->net.ctx, at_ms);
	q->armed_ms = at_ms;
}

/* ---- The end of a question ---- */

/* A question that is not in flight yet; there is room. */
static struct inflight_question *open_question(
    struct query *q, const struct cache_key *key, uint64_t now_ms)
{
	struct inflight_question *question = inflight_open(&q->inflight, key, now_ms);

	assert(question != NULL);
	question->type = msg_u16(key->bytes);
	question->class = msg_u16(key->bytes + 2);
	question->dnssec_ok = (key->bytes[CACHE_KEY_FLAGS] & CACHE_KEY_DO) != 0;
	question->checking_disabled = (key->bytes[CACHE_KEY_FLAGS] & CACHE_KEY_CD) != 0;
	question->rcode = RCODE_SERVFAIL;
	question->ede = EDE_NONE;
	question->group = cache_key_group(key);
	return question;
}

/* Those who wait for `question`, which is for AAAA, wait for the A records from now on (RFC 6147, 5.1.6); `late`:
 * they have waited long enough to be given old ones.  False: there is no room. */
static bool turn_to_a(
    struct query *q, struct inflight_question *question, bool late, uint64_t now_ms)
{
	struct inflight_question *a;
	struct cache_key key;
	bool is_new;

	if (question->waiters == NULL)
		return true;
	cache_key(q->cache, &key, question->name, question->name_len, TYPE_A, question->class,
	    question->dnssec_ok, question->checking_disabled, question->group);
	a = inflight_find(&q->inflight, &key);
	is_new = a == NULL;
	if (is_new && !inflight_has_room(&q->inflight, true))
		return false;
	if (is_new)
		a = open_question(q, &key, now_ms);
	inflight_hand_over(question, a);
	if (query_wait_cached(q, a, late, now_ms)) {
		if (is_new)
			query_wait_close(q, a);
	} else if (is_new) {
		q->stats.forwarded++;
		query_forward_next(q, a, now_ms);
	} else {
		q->stats.joined++;
	}
	return true;
}

void query_forward_finish(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	const struct cache_verdict unknown = {0};

	if (query_family_is_in_flight(q, question) && query_family_needs_a(&q->answer.view)) {
		if (!question->uncached)
			cache_put(q->cache, &question->key, &q->answer.view, &unknown);
		if (turn_to_a(q, question, false, now_ms)) {
			query_wait_close(q, question);
			return;
		}
	}
	query_wait_finish(q, question, now_ms);
}

/* Nobody answers.  That AAAA records cannot be had says nothing of the A records (RFC 6147, 5.1.2, 5.1.3). */
static void fail(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	if (query_family_is_in_flight(q, question))
		(void)turn_to_a(q, question, true, now_ms);
	query_wait_fail(q, question, now_ms);
}

/* Who waits has waited for long enough: there is an old answer.  The question goes on. */
static void give_old(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	struct cache_verdict *kept;
	struct cache_answer old;

	if (!query_family_is_in_flight(q, question) || !q->options.stale ||
	    !cache_get_stale(q->cache, &question->key, now_ms, &old, &kept) ||
	    !query_family_needs_a(&old) || !turn_to_a(q, question, true, now_ms))
		(void)query_wait_cached(q, question, true, now_ms);
}

/* ---- Whom to ask ---- */

static int choose(const struct query *q, const struct inflight_question *question)
{
	return upstream_choose(&q->upstreams, question->group, question->heard, question->tried);
}

/* Is it asked for the cache's sake alone, while nobody answers?  Then the next probe will do. */
static bool is_vain(const struct query *q, const struct inflight_question *question)
{
	return question->waiters == NULL && upstream_all_down(&q->upstreams, question->group);
}

void query_forward_next(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	int server;

	while (!is_vain(q, question) && (server = choose(q, question)) >= 0)
		if (query_try_send(q, question, (unsigned)server,
			query_try_carrier(q, (unsigned)server), now_ms))
			return;
	if (question->tries == NULL)
		fail(q, question, now_ms);
}

/* Ask other servers at once, where the strategy is to do so. */
static void send_copies(struct query *q, struct inflight_question *question, uint64_t now_ms)
{
	int server;

	/* Without a try it has failed, and is not there any more. */
	for (unsigned n = 0; question->tries != NULL; n++) {
		server = upstream_copy(&q->upstreams, question->group, question->tried, n);
		if (server < 0)
			return;
		query_try_copy(q, question, server, now_ms);
	}
}

void query_forward_lost(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	struct inflight_question *question = t->question;

	query_try_end(q, t);
	if (question == NULL)
		return;
	for (t = question->tries; t != NULL; t = t->question_next)
		if (t->waiting)
			return;
	query_forward_next(q, question, now_ms);
}

/* ---- For a client ---- */

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
		query_wait_give_up(q, q->inflight.oldest, now_ms);
	}
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

size_t query_forward(struct query *q, const struct query_asker *from, const struct msg_query *ask,
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
		query_wait_join(q, question, from, ask, to, now_ms);
		return 0;
	}
	q->stats.forwarded++;
	question = open_question(q, key, now_ms);
	if (is_old)
		inflight_be_patient(&q->inflight, question);
	query_wait_join(q, question, from, ask, to, now_ms);
	probe = upstream_probe(&q->upstreams, question->group, choose(q, question), now_ms);
	if (probe >= 0)
		query_try_copy(q, question, probe, now_ms);
	query_forward_next(q, question, now_ms);
	send_copies(q, question, now_ms);
	query_forward_arm(q);
	return 0;
}

/* ---- For the cache's sake ---- */

/* A question for the cache's sake, in flight from now on but not asked yet.  NULL: it is in flight already,
 * or there is no room: of these there are never many. */
static struct inflight_question *open_aside(
    struct query *q, const struct cache_key *key, uint64_t now_ms)
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
	question = open_question(q, key, now_ms);
	inflight_put_aside(&q->inflight, question);
	return question;
}

/* Look for a newer answer than the old one that clients get meanwhile, with a server to be probed, or -1. */
static void refresh(struct query *q, const struct cache_key *key, int probe, uint64_t now_ms)
{
	struct inflight_question *question = open_aside(q, key, now_ms);

	if (question == NULL)
		return;
	q->stats.refreshed++;
	question->out_of_patience = true;
	for (; probe >= 0; probe = upstream_probe(&q->upstreams, question->group, -1, now_ms))
		query_try_copy(q, question, probe, now_ms);
	if (question->tries == NULL)
		query_forward_next(q, question, now_ms);
	query_forward_arm(q);
}

void query_forward_prefetch(struct query *q, const struct msg_query *ask,
    const struct cache_key *key, const struct cache_answer *a, uint64_t now_ms)
{
	const uint64_t life_ms = a->ttl_s * UINT64_C(1000);
	const uint64_t left_ms = life_ms - (now_ms - a->stored_ms);
	struct inflight_question *question;

	if (left_ms >= life_ms / PREFETCH_SHARE || (ask->flags & MSG_RD) == 0 ||
	    upstream_all_down(&q->upstreams, cache_key_group(key)) ||
	    failures_find(&q->failures, key, now_ms) != NULL)
		return;
	question = open_aside(q, key, now_ms);
	if (question == NULL)
		return;
	q->stats.prefetched++;
	if (q->options.stale)
		inflight_be_patient(&q->inflight, question);
	query_forward_next(q, question, now_ms);
	query_forward_arm(q);
}

bool query_forward_is_hopeless(struct query *q, const struct cache_key *key, uint64_t now_ms)
{
	const unsigned group = cache_key_group(key);
	struct inflight_question *question = inflight_find(&q->inflight, key);
	const struct failure *failure;
	int probe;

	if (question != NULL) {
		if (question->waiters != NULL || !failures_over(&q->failures, question->started_ms))
			return question->out_of_patience;
		/* Asked while nobody answered, and still waiting: now there may be an answer at once. */
		query_wait_close(q, question);
		return false;
	}
	if (upstream_all_down(&q->upstreams, group)) {
		probe = upstream_probe(&q->upstreams, group, -1, now_ms);
		if (probe >= 0)
			refresh(q, key, probe, now_ms);
		return true;
	}
	failure = failures_find(&q->failures, key, now_ms);
	if (failure == NULL) {
		if (q->options.stale_delay_ms != 0)
			return false;
		refresh(q, key, -1, now_ms);
	} else if (!failure->own && now_ms - q->probed_ms >= UPSTREAM_PROBE_MS) {
		q->probed_ms = now_ms;
		refresh(q, key, -1, now_ms);
	}
	return true;
}

/* ---- Time ---- */

/* The time of a try is over.  A late reply is still welcome while its question waits. */
static void try_overdue(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	struct inflight_question *question = t->question;

	q->stats.timeouts++;
	upstream_count(&q->upstreams, &t->sent.to, UPSTREAM_timeouts);
	upstream_silent(&q->upstreams, &t->sent.to, now_ms);
	inflight_overdue(&q->inflight, t);
	if (question == NULL || t->sent.via == CARRIER_TCP) {
		query_forward_lost(q, t, now_ms);
		return;
	}
	/* Of those that are hedged each is followed by its own next. */
	for (const struct inflight_try *other = question->tries; other != NULL;
	     other = other->question_next)
		if (other->waiting && t->spare)
			return;
	query_forward_next(q, question, now_ms);
}

/* The server of `t` is later than usual: ask another, and take whichever is first. */
static void hedge(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	struct inflight_question *question = t->question;
	int server;

	inflight_unhedge(&q->inflight, t);
	if (question == NULL)
		return;
	server = upstream_hedge(&q->upstreams, question->group, question->tried);
	if (server >= 0 && query_try_send(q, question, (unsigned)server,
			       query_try_carrier(q, (unsigned)server), now_ms))
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
		give_old(q, question, now_ms);
	}
	while (q->inflight.oldest != NULL &&
	       q->inflight.oldest->started_ms + q->options.query_timeout_ms <= now_ms)
		fail(q, q->inflight.oldest, now_ms);
	q->armed_ms = UINT64_MAX;
	query_forward_arm(q);
}

void query_network(struct query *q, bool moved, uint64_t now_ms)
{
	struct inflight_question *question, *next;

	upstream_network(&q->upstreams, moved, now_ms);
	if (!moved)
		return;
	failures_good(&q->failures, now_ms);
	DL_FOREACH_SAFE(q->inflight.oldest, question, next)
	{
		query_forward_next(q, question, now_ms);
	}
	query_forward_arm(q);
}
