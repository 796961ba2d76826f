/* query_reply.c - what came from upstreams, back up the way: whether it is what was asked for, whether it is
 * an answer, and if not, how to go on.
 */
#include <string.h>
#include <utlist.h>

#include "lib/dns/msg.h"
#include "resolver/core/mixcase.h"
#include "resolver/core/query_forward.h"
#include "resolver/core/query_state.h"
#include "resolver/core/query_try.h"
#include "resolver/core/query_wait.h"

/* After so many messages on a port that match nothing, no reply to a question that waited meanwhile is
 * believed: somebody is guessing. */
#define STRAYS_MAX 3

/* ---- Is it what was asked for? ---- */

/* Does a message repeat what was asked? */
enum repeats { REPEATS_NOT, REPEATS_IN_OTHER_CASE, REPEATS };

/* The name of a reply to `t`, which has as many bytes as that of the question. */
static enum repeats repeats_name(const struct inflight_try *t, const uint8_t *name)
{
	const struct inflight_question *question = t->question;
	uint8_t asked[NAME_SIZE];

	(void)mixcase_write(asked, question->name, question->name_len, t->upper);
	if (memcmp(name, asked, question->name_len) == 0)
		return REPEATS;
	if (!name_equal_bytes(name, question->name, question->name_len))
		return REPEATS_NOT;
	return t->mixed ? REPEATS_IN_OTHER_CASE : REPEATS;
}

/* Does the message repeat what `t` asked (RFC 5452, 9.1)?  Servers from before EDNS may leave the
 * question out when they say that they do not understand. */
static enum repeats repeats_question(const struct inflight_try *t, const uint8_t *msg, size_t len)
{
	const struct inflight_question *question = t->question;
	/* There is nothing yet that a pointer could lead to: the name stands as it is. */
	const uint8_t *name = msg + MSG_HEADER;
	unsigned rcode = msg[3] & MSG_RCODE, n_questions = msg_u16(msg + 4);

	if (n_questions == 0 && len == MSG_HEADER &&
	    (rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP))
		return REPEATS;
	if (n_questions != 1 || len - MSG_HEADER < question->name_len + 4u ||
	    msg_u16(name + question->name_len) != question->type ||
	    msg_u16(name + question->name_len + 2) != question->class)
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

/* A message that nobody asked for. */
static void count_stray(
    struct query *q, enum query_carrier via, uint32_t port, const union addr *from)
{
	q->stats.replies_unexpected++;
	if (via != CARRIER_UDP)
		return;
	++*query_state_strays(q, port);
	upstream_count(&q->upstreams, from, UPSTREAM_mismatched);
}

/* Were there so many guesses at a reply to `t` that the next may well be right? */
static bool is_guessed_at(struct query *q, const struct inflight_try *t)
{
	return t->sent.via == CARRIER_UDP &&
	       *query_state_strays(q, t->sent.port) - t->strays >= STRAYS_MAX;
}

/* Is the server that was asked still in its place?  Other options may have come meanwhile. */
static bool server_stays(const struct query *q, const struct inflight_try *t)
{
	return t->server < q->upstreams.n &&
	       addr_equal(&q->upstreams.server[t->server].addr, &t->sent.to);
}

/* ---- Asking on ---- */

/* A reply that is no answer: remember what to say if no server does better, and do not ask this one
 * again. */
static void server_declined(
    struct query *q, struct inflight_try *t, unsigned rcode, uint64_t now_ms)
{
	if (rcode == RCODE_REFUSED || rcode == RCODE_NOTIMP)
		t->question->rcode = (uint8_t)rcode;
	if (server_stays(q, t)) {
		t->question->tried[t->server] = UPSTREAM_TRIES_MAX;
		t->question->heard |= q->upstreams.server[t->server].groups;
	}
	query_forward_lost(q, t, now_ms);
}

/* Ask the server of `t` once more in another way; where that cannot be, go on to the next. */
static void ask_again(
    struct query *q, struct inflight_try *t, enum query_carrier via, uint64_t now_ms)
{
	struct inflight_question *question = t->question;
	unsigned server = t->server;
	bool stays = server_stays(q, t);

	query_try_end(q, t);
	if (!stays || !query_try_send(q, question, server, via, now_ms))
		query_forward_next(q, question, now_ms);
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
		query_try_end(q, t);
	else
		ask_again(q, t, CARRIER_TCP, now_ms);
}

/* All but the letter case of a reply to `t` is right.  The server does not keep it, or it is not the
 * server; TCP brings the answer in both cases.  Where anything else came on that port somebody is guessing,
 * who would have us do without this secret. */
static void other_case(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	q->stats.replies_case++;
	if (*query_state_strays(q, t->sent.port) == t->strays)
		upstream_case_lost(&q->upstreams, &t->sent.to, now_ms);
	count_stray(q, t->sent.via, t->sent.port, &t->sent.to);
	ask_over_tcp(q, t, now_ms);
}

/* ---- Is it an answer? ---- */

/* The reply to `t` in q->answer, where it is none that can be used. */
static void count_refusal(struct query *q, const struct inflight_try *t)
{
	static const enum upstream_counter by_rcode[] = {
	    [RCODE_FORMERR] = UPSTREAM_formerr,
	    [RCODE_SERVFAIL] = UPSTREAM_servfail,
	    [RCODE_NOTIMP] = UPSTREAM_notimp,
	    [RCODE_REFUSED] = UPSTREAM_refused,
	};
	unsigned rcode = q->answer.rcode;

	if (rcode == RCODE_NOERROR ? q->answer.referral : rcode > MSG_RCODE)
		upstream_count(&q->upstreams, &t->sent.to, UPSTREAM_lame);
	else if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN && rcode <= RCODE_REFUSED)
		upstream_count(&q->upstreams, &t->sent.to, by_rcode[rcode]);
}

/* May what the server of `t` says lead into this network?  That of a forward zone may. */
static bool may_be_private(const struct query *q, const struct inflight_try *t)
{
	return t->question->group != 0 ||
	       (server_stays(q, t) && q->upstreams.server[t->server].trusted);
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

/* Was it the client subnet: does it decline with it, or come back as another?  Then the reply is not to be
 * used (RFC 7871, 7.3).  With a prefix of no bits there is nothing to repeat. */
static bool rejects_subnet(
    const struct query *q, const struct inflight_try *t, const uint8_t *msg, const struct answer *a)
{
	const uint8_t *subnet = msg + a->edns.subnet_off;

	if (!t->subnet)
		return false;
	if (a->rcode == RCODE_FORMERR || a->rcode == RCODE_REFUSED)
		return true;
	return a->edns.subnet && q->subnet[2] != 0 &&
	       (a->edns.subnet_len != q->subnet_len || memcmp(subnet, q->subnet, 3) != 0 ||
		   memcmp(subnet + 4, q->subnet + 4, q->subnet_len - 4u) != 0);
}

/* It was, when it answers this question without one: so it is asked others, too. */
static void note_no_subnet(struct query *q, const struct inflight_try *t, uint64_t now_ms)
{
	if (!t->subnet && (t->question->no_subnet >> t->server & 1) != 0 && server_stays(q, t))
		q->upstreams.server[t->server].subnet_until_ms = now_ms + UPSTREAM_PLAIN_MS;
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

/* The reply in q->answer, which was `msg`, says that the server did not understand how it was asked: once more,
 * with less.  False: it does not. */
static bool heed_rejection(
    struct query *q, struct inflight_try *t, const uint8_t *msg, uint64_t now_ms)
{
	if (rejects_edns(t, &q->answer)) {
		q->stats.replies_no_edns++;
		if (server_stays(q, t))
			t->question->plain |= UINT64_C(1) << t->server;
	} else if (rejects_subnet(q, t, msg, &q->answer)) {
		q->stats.replies_no_subnet++;
		if (server_stays(q, t))
			t->question->no_subnet |= UINT64_C(1) << t->server;
	} else if (rejects_cookie(t, &q->answer)) {
		q->stats.replies_no_cookie++;
	} else {
		return false;
	}
	ask_again(q, t, t->sent.via, now_ms);
	return true;
}

/* The reply in q->answer says that this server has no answer: on to the next.  False: it is one. */
static bool heed_refusal(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	unsigned rcode = q->answer.rcode;

	switch (rcode) {
	case RCODE_FORMERR:
	case RCODE_SERVFAIL:
	case RCODE_NOTIMP:
	case RCODE_REFUSED:
		t->question->ede = q->answer.view.ede;
		break;
	default:
		/* An extended RCODE speaks of the hop between us and the server; a referral, of a
		 * server that does not resolve. */
		if (rcode <= MSG_RCODE && !q->answer.referral)
			return false;
		rcode = RCODE_SERVFAIL;
		break;
	}
	q->stats.replies_declined++;
	server_declined(q, t, rcode, now_ms);
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

/* A message that answers the question of `t`, or says why it does not. */
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
	const struct answer_limits limits = query_state_limits(q);

	question->replied = true;
	if ((msg_u16(msg + 2) & MSG_TC) != 0) {
		q->stats.replies_truncated++;
		upstream_count(&q->upstreams, &t->sent.to, UPSTREAM_truncated);
		if (t->sent.via == CARRIER_TCP)
			server_declined(q, t, RCODE_SERVFAIL, now_ms);
		else
			ask_over_tcp(q, t, now_ms);
		return;
	}
	msg = in_lower_case(q, t, msg, len);
	if (answer_normalise(&q->answer, &asked, &limits, msg, len, now_ms) != 0) {
		q->stats.replies_malformed++;
		upstream_count(&q->upstreams, &t->sent.to, UPSTREAM_malformed);
		server_declined(q, t, RCODE_SERVFAIL, now_ms);
		return;
	}
	if (!take_cookie(q, t, msg, now_ms)) {
		q->stats.replies_cookie++;
		count_stray(q, t->sent.via, t->sent.port, &t->sent.to);
		ask_over_tcp(q, t, now_ms);
		return;
	}
	if (heed_bad_cookie(q, t, now_ms))
		return;
	count_refusal(q, t);
	if (heed_rejection(q, t, msg, now_ms) || heed_refusal(q, t, now_ms))
		return;
	q->stats.replies++;
	note_plain(q, t, now_ms);
	note_no_subnet(q, t, now_ms);
	if (may_be_private(q, t))
		q->answer.view.private_off = 0;
	failures_good(&q->failures, now_ms);
	query_forward_finish(q, question, now_ms);
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
		query_try_end(q, t);
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
		count_stray(q, via, port, from);
		return;
	}
	if (repeats == REPEATS_IN_OTHER_CASE)
		other_case(q, t, now_ms);
	else
		good_reply(q, t, msg, len, now_ms);
	query_forward_arm(q);
}

/* ---- No reply will come ---- */

static void unreachable(struct query *q, struct inflight_try *t, uint64_t now_ms)
{
	q->stats.net_errors++;
	upstream_silent(&q->upstreams, &t->sent.to, now_ms);
	query_forward_lost(q, t, now_ms);
}

void query_failed(struct query *q, uint32_t try, uint64_t now_ms)
{
	struct inflight_try *t = inflight_try_by_handle(&q->inflight, try);

	if (t == NULL)
		return;
	unreachable(q, t, now_ms);
	query_forward_arm(q);
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
	while ((t = waiting_on(q, via, port)) != NULL)
		unreachable(q, t, now_ms);
	query_forward_arm(q);
}
