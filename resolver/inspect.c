/* inspect.c - one worker after the other, and lines of what they say. */
#include "resolver/inspect.h"

#include <inttypes.h>
#include <string.h>

#include "lib/dns/name.h"
#include "lib/dns/type.h"
#include "resolver/printable.h"

/* Bytes of an answer, of which quellctl takes a megabyte: behind these there are no more messages, and behind
 * those no more answers. */
#define MESSAGES_MAX (512 * 1024)
#define LINES_MAX    (768 * 1024)

/* ---- cache ---- */

static void write_bool(struct evbuffer *to, const char *key, bool value)
{
	evbuffer_add_printf(to, "%s %s\n", key, value ? "true" : "false");
}

/* The parent reads no message of the network: quellctl does. */
static void write_message(struct evbuffer *to, const uint8_t *msg, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	evbuffer_add_printf(to, "message ");
	for (size_t i = 0; i < len; i++) {
		const char byte[2] = {digits[msg[i] >> 4], digits[msg[i] & 0xf]};

		evbuffer_add(to, byte, sizeof(byte));
	}
	evbuffer_add_printf(to, "\n");
}

static void write_entry(struct evbuffer *to, unsigned worker, const struct cached_entry *e,
    const char *verdict, const uint8_t *msg)
{
	const char *state = !e->answer ? "none" : e->stale ? "stale" : "fresh";
	char type[TYPE_TEXT_SIZE];

	evbuffer_add_printf(to, "answer %s\nclass %u\nworker %u\nstate %s\n",
	    type_to_text(e->type, type), e->class, worker, state);
	write_bool(to, "dnssec_ok", e->dnssec_ok);
	write_bool(to, "checking_disabled", e->checking_disabled);
	write_bool(to, "asked_upstream", e->asked);
	if (e->failed)
		evbuffer_add_printf(
		    to, "failure %u\nfailure_age_ms %" PRIu32 "\n", e->failure, e->failure_age_ms);
	evbuffer_add_printf(to, "verdict ");
	printable_write(to, verdict, e->verdict_len);
	evbuffer_add_printf(to, "\n");
	if (!e->answer)
		return;
	evbuffer_add_printf(to,
	    "ttl_s %" PRIu32 "\nlife_s %" PRIu32 "\nage_s %" PRIu64 "\nuses %u\n", e->ttl_s,
	    e->life_s, e->age_ms / 1000, e->uses);
	write_bool(to, "prefetched", e->prefetched);
	if (e->cut || evbuffer_get_length(to) > MESSAGES_MAX)
		write_bool(to, "cut", true);
	else
		write_message(to, msg, e->msg_len);
}

/* What `worker` has. */
static void take_cached(struct report *r, unsigned worker, const struct cached *cached)
{
	uint32_t n_left_out = cached->n_left_out;
	struct cached_entry entry;
	const char *verdict;
	const uint8_t *msg;
	size_t pos = 0;

	if (r->n_answers == 0) {
		evbuffer_add_printf(r->said, "verdict ");
		printable_write(r->said, cached->verdict, sizeof(cached->verdict));
		evbuffer_add_printf(r->said, "\n");
	}
	while (cached_next(cached, &pos, &entry, &verdict, &msg)) {
		if (evbuffer_get_length(r->of_workers) < LINES_MAX)
			write_entry(r->of_workers, worker, &entry, verdict, msg);
		else
			n_left_out++;
	}
	if (n_left_out != 0)
		evbuffer_add_printf(
		    r->said, "note worker %u has %" PRIu32 " more\n", worker, n_left_out);
}

/* ---- upstreams ---- */

static const char *const state_words[] = {
    [QUERY_GOOD] = "good",
    [QUERY_SUSPECT] = "suspect",
    [QUERY_AWAY] = "away",
};

static const char *state_word(unsigned state)
{
	return state_words[state <= QUERY_AWAY ? state : QUERY_AWAY];
}

/* What upstream `i` is asked for: names of zones, and groups that others fall back on. */
static void write_groups(const struct server *s, unsigned i, struct evbuffer *to)
{
	const struct conf *conf = s->conf;
	uint64_t groups = s->options.groups[i] >> 1; /* 0 are the upstreams for all */

	if (i < s->options.n_upstream)
		evbuffer_add_printf(to, "zone .\n");
	for (unsigned k = 0; k < conf->n_forwards; k++, groups >>= 1)
		if ((groups & 1) != 0)
			evbuffer_add_printf(to, "zone %s\n", conf->forwards[k].zone);
	for (unsigned k = 0; k < conf->n_groups; k++, groups >>= 1)
		if ((groups & 1) != 0)
			evbuffer_add_printf(to, "group %s\n", conf->groups[k].name);
}

/* How it is asked; a proxy without its password. */
static void write_transport(const struct server *s, unsigned i, struct evbuffer *to)
{
	unsigned proxy = s->options.proxy[i];
	char text[ADDR_TEXT_SIZE];

	if (proxy == 0)
		evbuffer_add_printf(to, "transport udp\n");
	else
		evbuffer_add_printf(to, "transport socks5 %s\n",
		    addr_format(&s->options.proxies[proxy - 1].addr, text));
}

/* So long took `permille` of the replies at most, in whole milliseconds, rounded up; 0: there were none. */
static uint64_t percentile_ms(const struct latency *rtt, unsigned permille)
{
	return rtt->n != 0 ? latency_percentile_ns(rtt, permille) / 1000000 + 1 : 0;
}

/* In tenths of a percent; of nothing there is no part. */
static unsigned permille(uint64_t part, uint64_t of)
{
	return of != 0 && part <= of ? (unsigned)((double)part * 1000 / (double)of + 0.5) : 0;
}

/* All workers have said what they know of upstream `i`. */
static void write_whole(const struct report *r, unsigned i, struct evbuffer *to)
{
	const struct server *s = r->owner;
	const struct query_upstream_whole *w = &r->whole;
	char text[ADDR_TEXT_SIZE];
	uint64_t asked = 0;

	for (unsigned k = 0; k < r->total.n_upstream; k++)
		asked += r->total.upstream[k].asked;
	evbuffer_add_printf(to, "upstream %s\n", addr_format(&s->options.upstream[i], text));
	write_groups(s, i, to);
	write_transport(s, i, to);
	evbuffer_add_printf(to, "state %s\n", state_word(w->state));
	evbuffer_add_printf(to,
	    "asked %" PRIu64 "\nshare_permille %u\nanswered %" PRIu64 "\nfailed %" PRIu64 "\n",
	    w->upstream.asked, permille(w->upstream.asked, asked), w->upstream.answered,
	    w->upstream.failed);
	/* What failed failed by silence, or at once. */
	evbuffer_add_printf(
	    to, "net_errors %" PRIu64 "\n", w->upstream.failed - w->counter[UPSTREAM_timeouts]);
	for (unsigned k = 0; k < UPSTREAM_N_COUNTERS; k++)
		evbuffer_add_printf(
		    to, "%s %" PRIu64 "\n", upstream_counter_names[k], w->counter[k]);
	evbuffer_add_printf(to,
	    "rtt_p50_ms %" PRIu64 "\nrtt_p95_ms %" PRIu64 "\nrtt_p99_ms %" PRIu64 "\n",
	    percentile_ms(&w->rtt, 500), percentile_ms(&w->rtt, 950), percentile_ms(&w->rtt, 990));
}

/* What cannot be added up: what each worker has found out for itself. */
static void write_part(const struct query_upstream_whole *w, unsigned worker, struct evbuffer *to)
{
	static const char *const cookies[] = {
	    [QUERY_COOKIES_UNKNOWN] = "unknown",
	    [QUERY_COOKIES_YES] = "yes",
	    [QUERY_COOKIES_NO] = "no",
	};

	evbuffer_add_printf(to, "worker %u\nstate %s\nrtt_ms %" PRIu32 "\n", worker,
	    state_word(w->state), w->upstream.rtt_ms);
	if (w->state == QUERY_AWAY)
		evbuffer_add_printf(to, "away_ms %" PRIu64 "\nprobe_in_ms %" PRIu64 "\n",
		    w->away_ms, w->probe_in_ms);
	write_bool(to, "edns", w->plain_ms == 0);
	write_bool(to, "letter_case", w->folded_ms == 0);
	evbuffer_add_printf(
	    to, "cookies %s\n", cookies[w->cookies <= QUERY_COOKIES_NO ? w->cookies : 0]);
}

/* What `worker` says of the upstream that it was asked about. */
static void take_whole(struct report *r, unsigned worker, const struct query_upstream_whole *part)
{
	struct query_upstream_whole *to = &r->whole;

	if (!part->known)
		return;
	/* It is as well as it is for any of them. */
	if (!to->known || part->state < to->state)
		to->state = part->state;
	to->known = true;
	to->upstream.asked += part->upstream.asked;
	to->upstream.answered += part->upstream.answered;
	to->upstream.failed += part->upstream.failed;
	for (unsigned i = 0; i < UPSTREAM_N_COUNTERS; i++)
		to->counter[i] += part->counter[i];
	latency_add(&to->rtt, &part->rtt);
	write_part(part, worker, r->of_workers);
}

/* ---- one after the other ---- */

/* The upstream that was asked about last, told when all workers were. */
static void end_upstream(struct report *r, unsigned i)
{
	if (i < r->owner->options.n_upstream + r->owner->options.n_forward)
		write_whole(r, i, r->said);
	(void)evbuffer_add_buffer(r->said, r->of_workers);
	memset(&r->whole, 0, sizeof(r->whole));
}

/* So many questions are put to the workers. */
static unsigned n_steps(const struct report *r)
{
	const struct options *options = &r->owner->options;
	unsigned n_workers = supervise_n(r->owner->workers);

	return r->kind == REPORT_CACHE ? n_workers
				       : n_workers * (options->n_upstream + options->n_forward);
}

static bool ask(struct report *r, unsigned worker, unsigned upstream)
{
	struct server *s = r->owner;

	if (r->kind == REPORT_CACHE)
		return supervise_send(
		    s->workers, worker, CHANNEL_CACHED, r->serial, &r->name, sizeof(r->name), -1);
	return supervise_send(s->workers, worker, CHANNEL_UPSTREAM, r->serial,
	    &s->options.upstream[upstream], sizeof(s->options.upstream[upstream]), -1);
}

bool inspect_next(struct report *r)
{
	unsigned n_workers = supervise_n(r->owner->workers);

	while (r->step < n_steps(r)) {
		unsigned worker = r->step % n_workers, upstream = r->step / n_workers;

		if (r->kind == REPORT_UPSTREAMS && worker == 0 && upstream != 0)
			end_upstream(r, upstream - 1);
		r->step++;
		if (ask(r, worker, upstream)) {
			r->waiting = (uint64_t)1 << worker;
			return true;
		}
	}
	return false;
}

bool inspect_take(struct report *r, unsigned worker, const struct channel_message *m)
{
	if (m->head.type == CHANNEL_CACHED && m->len == sizeof(struct cached))
		take_cached(r, worker, (const struct cached *)m->payload);
	else if (m->head.type == CHANNEL_UPSTREAM && m->len == sizeof(struct query_upstream_whole))
		take_whole(r, worker, (const struct query_upstream_whole *)m->payload);
	else
		return false;
	r->n_answers++;
	return true;
}

static void write_asked(const struct report *r, struct evbuffer *to)
{
	char text[NAME_TEXT_SIZE];

	evbuffer_add_printf(to, "name %s\n", name_to_text(r->name.name, text));
	if (r->name.type != 0)
		evbuffer_add_printf(to, "type %s\n", type_to_text(r->name.type, text));
}

void inspect_write(struct report *r, struct evbuffer *to)
{
	if (r->kind == REPORT_CACHE)
		write_asked(r, to);
	else if (r->step != 0)
		end_upstream(r, (r->step - 1) / supervise_n(r->owner->workers));
	if (r->waiting != 0)
		evbuffer_add_printf(to,
		    "note worker %d does not answer: what it and those behind it know is not "
		    "here\n",
		    __builtin_ctzll(r->waiting));
	(void)evbuffer_add_buffer(to, r->said);
	if (r->kind == REPORT_CACHE && evbuffer_get_length(r->of_workers) == 0)
		evbuffer_add_printf(to, "note nothing is in the cache\n");
	(void)evbuffer_add_buffer(to, r->of_workers);
}
