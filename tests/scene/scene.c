/* scene.c - runs scripted questions through the real query core, with a fake clock and a fake
 * network.
 *
 *   scene [-n N] FILE...   each scene in the order given, with -n once more with the cores of N workers, then
 *                          all of them once more in shuffled order
 *
 * Messages are made and read by ldns, not by the code under test.  The language of the files is in
 * tests/scene/README.md.  A scene is run twice with different random numbers, then in another order
 * with those of the first run, its TCP clients behind the real listener (split.h); and twice with N cores, among which
 * the questions are dealt as steer.h does.  The trace of its events must be the same but for IDs and ports, which are
 * not part of it.  Prints TAP; SCENE_SEED=N repeats a shuffle.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "blocklists/build.h"
#include "blocklists/feed.h"
#include "lib/dns/msg.h"
#include "resolver/core/client.h"
#include "resolver/core/query.h"
#include "resolver/core/rebind.h"
#include "resolver/local_build.h"
#include "resolver/steer.h"
#include "tests/scene/split.h"

#define CORES_MAX	  8
#define ASKS_MAX	  256
#define SENT_MAX	  4096
#define WORDS_MAX	  32
#define TRACE_SIZE	  262144
#define TEXT_SIZE	  16384
#define COOKIE_HEX_SIZE	  (2 * 40 + 1)
#define COOKIE_CLIENT_HEX 16
#define START_MS	  1000000u
#define CLIENT		  "192.168.1.5:40000"
#define SCENE_RNG_ONE	  11
#define SCENE_RNG_TWO	  47

struct scene;

/* The core of a worker. */
struct core {
	struct scene *scene;
	struct query *query;
	struct split *split; /* NULL: its TCP clients ask it directly */
	uint64_t armed_ms;
};

struct ask {
	char label[32];
	struct core *core; /* who was asked */
	uint8_t query[512];
	size_t query_len;
	uint8_t *answer; /* NULL: none yet */
	size_t answer_len;
	unsigned n_answers;
	bool unread;   /* its client, in another run, has the answer still to read */
	bool for_good; /* the core said that there will be no answer */
};

struct sent {
	char label[32]; /* "": not claimed by a `sent` line yet */
	struct core *core;
	struct query_try try;
	uint8_t msg[600];
	size_t len;
	bool done; /* the core awaits no reply any more */
};

struct scene {
	const char *path;
	unsigned line;
	char failure[1024];
	struct options options;
	struct cookie_secrets cookies;
	struct core cores[CORES_MAX];
	unsigned n_cores, n_workers; /* so many run, and so many are to */
	bool splits;		     /* TCP clients go through the real listener */
	uint64_t now_ms, rng_seed;
	struct build *lists;
	unsigned n_lists;     /* list 0 has the rules of `block` */
	char text[TEXT_SIZE]; /* of the list being read */
	size_t text_len;
	uint8_t *image, *old_image, *local;
	struct reason_names names;
	struct reason_answers answers;
	struct ask asks[ASKS_MAX];
	unsigned n_asks;
	struct sent *sent;
	unsigned n_sent, n_claimed;
	uint32_t last_port;
	bool network_down;
	char trace[TRACE_SIZE];
	size_t trace_len;
};

/* Behind the last that runs. */
static struct core *cores_end(struct scene *s)
{
	return s->cores + s->n_cores;
}

static bool fail(struct scene *s, const char *fmt, ...) QUELL_PRINTF(2, 3);
static bool fail(struct scene *s, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(s->failure, sizeof(s->failure), "%s:%u: ", s->path, s->line);

	va_start(ap, fmt);
	(void)vsnprintf(s->failure + n, sizeof(s->failure) - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

static void trace(struct scene *s, const char *fmt, ...) QUELL_PRINTF(2, 3);
static void trace(struct scene *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->trace + s->trace_len, sizeof(s->trace) - s->trace_len, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(s->trace) - s->trace_len)
		s->trace_len += (size_t)n;
}

/* ---- The fake network ---- */

/* Take down what the core has for a client. */
static void note_answer(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	const struct core *c = ctx;
	struct scene *s = c->scene;
	struct ask *a = &s->asks[to->listener];

	a->n_answers++;
	free(a->answer);
	a->answer = malloc(len);
	if (a->answer == NULL)
		abort();
	memcpy(a->answer, msg, len);
	a->answer_len = len;
	a->unread = to->tcp && c->split != NULL;
	trace(s, "%" PRIu64 " send %s %zu %u\n", s->now_ms, a->label, len, msg[3] & 15u);
}

static void net_send(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len)
{
	struct core *c = ctx;

	if (len == 0)
		c->scene->asks[to->listener].for_good = to->tcp;
	else
		note_answer(c, to, msg, len);
	if (to->tcp && c->split != NULL)
		split_send(c->split, to, msg, len);
}

static int net_port(void *ctx, enum query_carrier via, const union addr *to, uint32_t *port)
{
	(void)via;
	(void)to;
	*port = ++((struct core *)ctx)->scene->last_port;
	return 0;
}

static int net_ask(void *ctx, const struct query_try *try, const uint8_t *msg, size_t len)
{
	struct core *c = ctx;
	struct scene *s = c->scene;
	struct sent *t = &s->sent[s->n_sent];
	char to[ADDR_TEXT_SIZE];

	trace(s, "%" PRIu64 " ask %s %d\n", s->now_ms, addr_format(&try->to, to), try->via);
	if (s->network_down || s->n_sent == SENT_MAX || len > sizeof(t->msg))
		return ERR_NET;
	s->n_sent++;
	t->label[0] = '\0';
	t->core = c;
	t->try = *try;
	memcpy(t->msg, msg, len);
	t->len = len;
	t->done = false;
	return 0;
}

static void net_done(void *ctx, const struct query_try *try)
{
	struct scene *s = ((struct core *)ctx)->scene;

	for (unsigned i = s->n_sent; i-- > 0;)
		if (s->sent[i].try.port == try->port && s->sent[i].try.via == try->via)
			s->sent[i].done = true;
}

static void net_arm(void *ctx, uint64_t at_ms)
{
	((struct core *)ctx)->armed_ms = at_ms;
}

/* ---- Words of a line ---- */

struct words {
	char *word[WORDS_MAX];
	unsigned n;
};

static void split(char *line, struct words *w)
{
	w->n = 0;
	for (char *p = strtok(line, " \t\r\n"); p != NULL && w->n < WORDS_MAX;
	     p = strtok(NULL, " \t\r\n"))
		w->word[w->n++] = p;
}

static bool has(const struct words *w, const char *word)
{
	for (unsigned i = 0; i < w->n; i++)
		if (strcmp(w->word[i], word) == 0)
			return true;
	return false;
}

/* The word behind `key`, or NULL. */
static const char *after(const struct words *w, const char *key)
{
	for (unsigned i = 0; i + 1 < w->n; i++)
		if (strcmp(w->word[i], key) == 0)
			return w->word[i + 1];
	return NULL;
}

static unsigned long number(const char *text)
{
	return text == NULL ? 0 : strtoul(text, NULL, 10);
}

/* ---- The cores ---- */

static bool start_core(struct scene *s, struct core *c)
{
	const struct query_net net = {c, net_send, net_port, net_ask, net_done, net_arm};
	struct rng rng;

	*c = (struct core){.scene = s, .armed_ms = UINT64_MAX};
	rng_init_fixed(&rng, s->rng_seed + s->n_cores);
	if (query_new(&c->query, &s->options, &net, &rng) != 0)
		return fail(s, "no core");
	s->n_cores++;
	if (s->splits)
		c->split = split_new(c->query, (unsigned)rand(), note_answer, c);
	return true;
}

static bool start(struct scene *s)
{
	bool ok = true;

	while (ok && s->n_cores < s->n_workers)
		ok = start_core(s, &s->cores[s->n_cores]);
	return ok;
}

/* That to which a question comes over UDP; over TCP any would do. */
static struct core *steered(struct scene *s, const ldns_rr *question)
{
	const ldns_rdf *name = ldns_rr_owner(question);

	return &s->cores[steer_worker(ldns_rdf_data(name), ldns_rdf_size(name),
	    (uint16_t)ldns_rr_get_type(question), s->n_cores)];
}

/* The options have changed. */
static void tell_options(struct scene *s)
{
	for (struct core *c = s->cores; c < cores_end(s); c++)
		query_set_options(c->query, &s->options);
}

/* workers N: the scene is about so many, and has them in all runs. */
static bool do_workers(struct scene *s, const struct words *w)
{
	s->n_workers = (unsigned)number(w->n == 2 ? w->word[1] : NULL);
	return (s->n_cores == 0 && s->n_workers > 0 && s->n_workers <= CORES_MAX) ||
	       fail(s, "workers N, before all that needs a core");
}

/* Put the rules gathered by `block` and `list` in force. */
static bool swap_lists(struct scene *s)
{
	struct trie trie = {0};
	struct why why;
	size_t len;

	free(s->old_image);
	s->old_image = s->image;
	s->image = NULL;
	if (build_image(s->lists, s->n_lists, &s->image, &len, &why) != 0 ||
	    trie_open(&trie, s->image, len, &why) != 0)
		return fail(s, "lists: %s", why.text);
	for (struct core *c = s->cores; c < cores_end(s); c++)
		query_set_lists(c->query, &trie);
	build_free(s->lists);
	s->lists = build_new();
	s->n_lists = 1;
	return s->lists != NULL;
}

static int take_rule(void *ctx, const struct rule *rule, uint64_t line)
{
	struct scene *s = ctx;

	(void)line;
	return build_add(s->lists, rule, (uint16_t)s->n_lists);
}

static int take_cancel(void *ctx, const struct rule *rule, uint64_t line)
{
	struct scene *s = ctx;

	(void)line;
	return build_cancel(s->lists, rule);
}

/* list SYNTAX [trust] */
static bool do_list(struct scene *s, const struct words *w)
{
	const struct feed_syntax *syntax = w->n < 2 ? NULL : feed_find(w->word[1]);
	struct feed_sink sink = {
	    .ctx = s,
	    .rewrites = has(w, "trust"),
	    .rule = take_rule,
	    .cancel = take_cancel,
	};
	struct feed_counts counts;
	struct why why = {""};

	if (syntax == NULL)
		return fail(s, "list SYNTAX [trust]");
	if (feed_parse(s->text, s->text_len, syntax, &sink, &counts, &why) != 0)
		return fail(s, "list: %s", why.text);
	if (counts.skips[FEED_BAD] != 0)
		return fail(s, "line %" PRIu64 " of the list is bad", counts.first_bad_line);
	s->n_lists++;
	return true;
}

static bool add_text(struct scene *s, const char *line)
{
	size_t len = strlen(line + 1);

	if (len > sizeof(s->text) - s->text_len)
		return fail(s, "the list is too long");
	memcpy(s->text + s->text_len, line + 1, len);
	s->text_len += len;
	return true;
}

static bool do_block(struct scene *s, const struct words *w)
{
	static const char *const kinds[] = {"exact", "suffix", "below"};
	uint8_t name[NAME_SIZE];
	size_t len;

	for (unsigned kind = 0; w->n == 3 && kind < 3; kind++)
		if (strcmp(w->word[1], kinds[kind]) == 0 &&
		    name_from_text(w->word[2], strlen(w->word[2]), name, &len) == 0)
			return build_add(s->lists,
				   &(struct rule){
				       .kind = (enum rule_kind)kind, .name = name, .name_len = len},
				   0) == 0 ||
			       fail(s, "rule refused");
	return fail(s, "block exact|suffix|below NAME");
}

/* answers [WORD,WORD...]...: what the lists answer with, one after the other; - for as all do */
static bool do_answers(struct scene *s, const struct words *w)
{
	memset(&s->answers, 0, sizeof(s->answers));
	for (unsigned i = 1; i < w->n; i++) {
		struct why why;
		unsigned n = 0;

		for (char *word = w->word[i]; word != NULL && strcmp(word, "-") != 0; n++) {
			const char *one = strsep(&word, ",");

			if (block_answer_add(&s->answers.list[i - 1], n, one, &why) != 0)
				return fail(s, "%s", why.text);
		}
	}
	for (struct core *c = s->cores; c < cores_end(s); c++)
		query_set_answers(c->query, w->n > 1 ? &s->answers : NULL);
	return true;
}

/* own [paused] [allow|block [=]NAME [with WORD]]... */
static bool do_own(struct scene *s, const struct words *w)
{
	bool paused = w->n > 1 && strcmp(w->word[1], "paused") == 0;
	uint8_t rules[WORDS_MAX * OVERLAY_RULE_SIZE], name[NAME_SIZE];
	size_t used = 0, len;

	for (unsigned i = paused ? 2 : 1; i < w->n; i += 2) {
		struct block_answer answer;
		struct why why;
		const char *text = i + 1 < w->n ? w->word[i + 1] : "";
		struct overlay_rule rule = {
		    .action = strcmp(w->word[i], "allow") == 0 ? OVERLAY_ALLOW : OVERLAY_BLOCK,
		    .exact = text[0] == '=',
		    .name = name,
		};

		text += rule.exact;
		if (name_from_text(text, strlen(text), name, &len) != 0)
			return fail(s, "own [paused] [allow|block [=]NAME [with WORD]]...");
		if (i + 3 < w->n && strcmp(w->word[i + 2], "with") == 0) {
			if (block_answer_add(&answer, 0, w->word[i + 3], &why) != 0)
				return fail(s, "%s", why.text);
			rule.answer = &answer;
			i += 2;
		}
		used += overlay_put(rules + used, &rule);
	}
	for (struct core *c = s->cores; c < cores_end(s); c++)
		if (query_set_rules(c->query, paused, rules, used) != 0)
			return fail(s, "rules refused");
	return true;
}

static bool do_upstream(struct scene *s, const struct words *w)
{
	s->options.n_upstream = 0;
	for (unsigned i = 1; i < w->n; i++)
		if (addr_parse(
			&s->options.upstream[s->options.n_upstream++], w->word[i], 53, NULL) != 0)
			return fail(s, "no address: %s", w->word[i]);
	tell_options(s);
	return true;
}

/* This upstream is asked by `group`, and if it is a new one, by that alone. */
static bool add_server(struct scene *s, const char *text, unsigned group)
{
	struct options *o = &s->options;
	unsigned i = 0, n = o->n_upstream + o->n_forward;
	union addr addr;

	if (addr_parse(&addr, text, 53, NULL) != 0)
		return fail(s, "no address: %s", text);
	while (i < n && !addr_equal(&addr, &o->upstream[i]))
		i++;
	if (i == n) {
		o->upstream[i] = addr;
		o->n_forward++;
	}
	o->groups[i] |= (uint64_t)1 << group;
	return true;
}

/* forward [ZONE ADDR...]: they are asked for the names of the zone from now on; alone: there are no such
 * zones any more */
static bool do_forward(struct scene *s, const struct words *w)
{
	uint8_t name[NAME_SIZE];
	unsigned group = s->options.forward.n + 1u;
	size_t len;

	if (w->n == 1) {
		memset(&s->options.forward, 0, sizeof(s->options.forward));
		memset(s->options.groups, 0, sizeof(s->options.groups));
		s->options.n_forward = 0;
	} else if (name_from_text(w->word[1], strlen(w->word[1]), name, &len) != 0 ||
		   zones_add(&s->options.forward, name, (uint8_t)group) != 0) {
		return fail(s, "no zone: %s", w->word[1]);
	}
	for (unsigned i = 2; i < w->n; i++)
		if (!add_server(s, w->word[i], group))
			return false;
	tell_options(s);
	return true;
}

/* fallback [in ZONE] ADDR...: they are asked behind the upstreams for all, or those of the zone, and behind those of
 * earlier ones; alone: there are none any more */
static bool do_fallback(struct scene *s, const struct words *w)
{
	unsigned first = 1, group = 0, next = OPTIONS_GROUPS_MAX - 1;
	struct options *o = &s->options;
	uint8_t name[NAME_SIZE];
	size_t len;

	if (w->n > 2 && strcmp(w->word[1], "in") == 0) {
		if (name_from_text(w->word[2], strlen(w->word[2]), name, &len) != 0 ||
		    zones_find(&o->forward, name, len) < 0)
			return fail(s, "no zone: %s", w->word[2]);
		group = (unsigned)zones_find(&o->forward, name, len);
		first = 3;
	}
	for (unsigned i = 0; i < OPTIONS_GROUPS_MAX; i++)
		next -= o->fallback[i] != 0;
	while (o->fallback[group] != 0)
		group = o->fallback[group];
	if (w->n == 1)
		memset(o->fallback, 0, sizeof(o->fallback));
	else
		o->fallback[group] = (uint8_t)next;
	for (unsigned i = first; i < w->n; i++)
		if (!add_server(s, w->word[i], next))
			return false;
	tell_options(s);
	return true;
}

/* option proxied ADDR...: these upstreams are behind a proxy */
static bool set_proxied(struct scene *s, const struct words *w)
{
	union addr addr;

	memset(s->options.proxy, 0, sizeof(s->options.proxy));
	for (unsigned i = 2; i < w->n; i++) {
		if (addr_parse(&addr, w->word[i], 53, NULL) != 0)
			return fail(s, "no address: %s", w->word[i]);
		for (unsigned k = 0; k < s->options.n_upstream + s->options.n_forward; k++)
			if (addr_equal(&addr, &s->options.upstream[k]))
				s->options.proxy[k] = 1;
	}
	return true;
}

/* option client_subnet [NETWORK] */
static bool set_client_subnet(struct scene *s, const struct words *w)
{
	memset(&s->options.client_subnet, 0, sizeof(s->options.client_subnet));
	return w->n < 3 || net_parse(&s->options.client_subnet, w->word[2], NULL) == 0 ||
	       fail(s, "no network: %s", w->word[2]);
}

/* option special WORD...: those words are special, or with `all` all of them */
static bool set_special(struct scene *s, const struct words *w)
{
	s->options.special = 0;
	for (unsigned i = 2; i < w->n; i++) {
		uint32_t bits =
		    strcmp(w->word[i], "all") == 0 ? SPECIAL_ALL : special_bit(w->word[i]);

		if (bits == 0)
			return fail(s, "no such special name: %s", w->word[i]);
		s->options.special |= bits;
	}
	return true;
}

/* option block_answer WORD...: as in the configuration */
static bool set_block_answer(struct scene *s, const struct words *w)
{
	struct why why;

	for (unsigned i = 2; i < w->n; i++) {
		if (block_answer_add(&s->options.block_answer, i - 2, w->word[i], &why) != 0)
			return fail(s, "%s", why.text);
	}
	return true;
}

/* Of the adaptive answer; false: it is another option. */
static bool set_adapt(struct scene *s, const char *name, unsigned long value)
{
	struct options_adapt *adapt = &s->options.adapt;

	if (strcmp(name, "adaptive") == 0)
		adapt->on = value != 0;
	else if (strcmp(name, "adaptive_threshold") == 0)
		adapt->threshold = (uint32_t)value;
	else if (strcmp(name, "adaptive_window_ms") == 0)
		adapt->window_ms = (uint32_t)value;
	else if (strcmp(name, "adaptive_dwell_ms") == 0)
		adapt->dwell_ms = (uint32_t)value;
	else if (strcmp(name, "adaptive_return_ms") == 0)
		adapt->return_ms = (uint32_t)value;
	else
		return false;
	return true;
}

static bool set_option(struct scene *s, const struct words *w)
{
	const char *name = w->n == 3 ? w->word[1] : "";
	unsigned long value = number(w->n == 3 ? w->word[2] : NULL);

	if (strcmp(name, "rate_limit") == 0)
		s->options.rate_limit = (uint32_t)value;
	else if (strcmp(name, "rate_limit_network") == 0)
		s->options.rate_limit_network = (uint32_t)value;
	else if (strcmp(name, "rate_slip") == 0)
		s->options.rate_slip = (uint16_t)value;
	else if (strcmp(name, "query_timeout_ms") == 0)
		s->options.query_timeout_ms = (uint32_t)value;
	else if (strcmp(name, "questions_max") == 0)
		s->options.questions_max = (uint32_t)value;
	else if (strcmp(name, "udp_size") == 0)
		s->options.udp_size = (uint16_t)value;
	else if (strcmp(name, "cache_max_ttl_s") == 0)
		s->options.cache_max_ttl_s = (uint32_t)value;
	else if (strcmp(name, "cache_negative_ttl_s") == 0)
		s->options.cache_negative_ttl_s = (uint32_t)value;
	else if (strcmp(name, "prefetch") == 0)
		s->options.prefetch = (uint32_t)value;
	else if (strcmp(name, "stale") == 0)
		s->options.stale = value != 0;
	else if (strcmp(name, "stale_delay_ms") == 0)
		s->options.stale_delay_ms = (uint32_t)value;
	else if (strcmp(name, "stale_max_s") == 0)
		s->options.stale_max_s = (uint32_t)value;
	else if (strcmp(name, "min_ttl_s") == 0)
		s->options.min_ttl_s = (uint32_t)value;
	else if (strcmp(name, "cache_failure_ttl_s") == 0)
		s->options.cache_failure_ttl_s = (uint32_t)value;
	else if (strcmp(name, "block_ttl_s") == 0)
		s->options.block_ttl_s = (uint32_t)value;
	else if (strcmp(name, "single_labels") == 0)
		s->options.single_labels = value != 0;
	else if (strcmp(name, "cname_guard") == 0)
		s->options.cname_guard = value != 0;
	else if (strcmp(name, "rebind_protection") == 0)
		s->options.rebind_protection = value != 0;
	else if (!set_adapt(s, name, value))
		return fail(s, "no such option: %s", name);
	return true;
}

/* option rebind_allow NAME...: these, and those that are not public anyway */
static bool set_rebind_allow(struct scene *s, const struct words *w)
{
	memset(&s->options.rebind_allow, 0, sizeof(s->options.rebind_allow));
	rebind_except_usual(&s->options.rebind_allow);
	for (unsigned i = 2; i < w->n; i++) {
		uint8_t name[NAME_SIZE];
		size_t len;

		if (name_from_text(w->word[i], strlen(w->word[i]), name, &len) != 0 ||
		    zones_add(&s->options.rebind_allow, name, 0) != 0)
			return fail(s, "no zone: %s", w->word[i]);
	}
	return true;
}

/* option rebind_trust ADDR...: of the upstreams */
static bool set_rebind_trust(struct scene *s, const struct words *w)
{
	union addr addr;

	memset(s->options.trusted, 0, sizeof(s->options.trusted));
	for (unsigned i = 2; i < w->n; i++) {
		if (addr_parse(&addr, w->word[i], 53, NULL) != 0)
			return fail(s, "no address: %s", w->word[i]);
		for (unsigned k = 0; k < s->options.n_upstream; k++)
			s->options.trusted[k] |= addr_equal(&addr, &s->options.upstream[k]);
	}
	return true;
}

/* option suppress TYPE... */
static bool set_suppress(struct scene *s, const struct words *w)
{
	static const char *const words[] = {"a", "aaaa", "https", "svcb"};

	s->options.suppress = 0;
	for (unsigned i = 2; i < w->n; i++) {
		unsigned k = 0;

		while (k < 4 && strcmp(words[k], w->word[i]) != 0)
			k++;
		if (k == 4)
			return fail(s, "no type to suppress: %s", w->word[i]);
		s->options.suppress |= 1u << k;
	}
	return true;
}

/* option dns64 [PREFIX] */
static bool set_dns64(struct scene *s, const struct words *w)
{
	s->options.dns64 = (struct net){.bits = 0};
	if (w->n == 3 && net_parse(&s->options.dns64, w->word[2], NULL) != 0)
		return fail(s, "no prefix: %s", w->word[2]);
	return true;
}

static bool set_strategy(struct scene *s, const char *word)
{
	static const char *const words[] = {"hedged", "fastest", "strict", "parallel"};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0) {
			s->options.strategy = (enum conf_strategy)i;
			return true;
		}
	return fail(s, "no such strategy: %s", word);
}

static bool do_option(struct scene *s, const struct words *w)
{
	bool ok;

	if (w->n == 3 && strcmp(w->word[1], "strategy") == 0)
		ok = set_strategy(s, w->word[2]);
	else if (w->n > 1 && strcmp(w->word[1], "special") == 0)
		ok = set_special(s, w);
	else if (w->n > 2 && strcmp(w->word[1], "block_answer") == 0)
		ok = set_block_answer(s, w);
	else if (w->n > 1 && strcmp(w->word[1], "rebind_allow") == 0)
		ok = set_rebind_allow(s, w);
	else if (w->n > 1 && strcmp(w->word[1], "rebind_trust") == 0)
		ok = set_rebind_trust(s, w);
	else if (w->n > 1 && strcmp(w->word[1], "proxied") == 0)
		ok = set_proxied(s, w);
	else if (w->n > 1 && strcmp(w->word[1], "client_subnet") == 0)
		ok = set_client_subnet(s, w);
	else if (w->n > 1 && strcmp(w->word[1], "suppress") == 0)
		ok = set_suppress(s, w);
	else if (w->n > 1 && strcmp(w->word[1], "dns64") == 0)
		ok = set_dns64(s, w);
	else
		ok = set_option(s, w);
	if (ok)
		tell_options(s);
	return ok;
}

/* allow|refuse|drop NETWORK...: clients, from now on */
static bool do_access(struct scene *s, const struct words *w)
{
	enum client_access access = w->word[0][0] == 'a'   ? CLIENT_ALLOW
				    : w->word[0][0] == 'r' ? CLIENT_REFUSE
							   : CLIENT_DROP;

	for (unsigned i = 1; i < w->n; i++) {
		struct net net;

		if (net_parse(&net, w->word[i], NULL) != 0)
			return fail(s, "no network: %s", w->word[i]);
		client_put(&s->options, &net, access);
	}
	tell_options(s);
	return true;
}

/* names NAME...: what the lists are called */
static bool do_names(struct scene *s, const struct words *w)
{
	memset(&s->names, 0, sizeof(s->names));
	for (unsigned i = 1; i < w->n; i++)
		(void)snprintf(s->names.name[s->names.n++], CONF_NAME_SIZE, "%s", w->word[i]);
	memset(s->names.configured, true, s->names.n);
	for (struct core *c = s->cores; c < cores_end(s); c++)
		query_set_names(c->query, &s->names);
	return true;
}

/* ---- Questions of clients ---- */

static struct ask *find_ask(struct scene *s, const char *label)
{
	for (unsigned i = 0; i < s->n_asks; i++)
		if (strcmp(s->asks[i].label, label) == 0)
			return &s->asks[i];
	return NULL;
}

/* The data of the COOKIE option in `pkt`, as hex; empty: there is none. */
static void cookie_of(const ldns_pkt *pkt, char hex[COOKIE_HEX_SIZE])
{
	const ldns_rdf *options = ldns_pkt_edns_data(pkt);
	size_t pos = 0, end = options == NULL ? 0 : ldns_rdf_size(options);
	uint16_t code, len;
	const uint8_t *data;

	hex[0] = '\0';
	while (end != 0 && msg_next_option(ldns_rdf_data(options), &pos, end, &code, &data, &len)) {
		if (code != LDNS_EDNS_COOKIE)
			continue;
		for (unsigned i = 0; i < len && 2 * i + 3 < COOKIE_HEX_SIZE; i++)
			(void)snprintf(hex + (size_t)2 * i, 3, "%02x", data[i]);
	}
}

/* cookie HEX, or cookie @LABEL: that which came with this answer */
static bool put_cookie(struct scene *s, ldns_pkt *pkt, const char *text)
{
	char hex[COOKIE_HEX_SIZE];
	uint8_t option[4 + COOKIE_HEX_SIZE / 2] = {0, LDNS_EDNS_COOKIE};
	const struct ask *a = text[0] == '@' ? find_ask(s, text + 1) : NULL;
	ldns_pkt *answer = NULL;
	size_t len;

	if (a != NULL) {
		if (a->answer == NULL ||
		    ldns_wire2pkt(&answer, a->answer, a->answer_len) != LDNS_STATUS_OK)
			return fail(s, "no answer: %s", text);
		cookie_of(answer, hex);
		ldns_pkt_free(answer);
		text = hex;
	}
	len = strlen(text) / 2;
	if (len == 0 || len > sizeof(option) - 4)
		return fail(s, "no cookie: %s", text);
	option[3] = (uint8_t)len;
	for (size_t i = 0; i < len; i++) {
		const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

		option[4 + i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	ldns_pkt_set_edns_data(pkt, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_NONE, 4 + len, option));
	return true;
}

/* The client subnet in `pkt`, as "NETWORK" (RFC 7871, 6); "": there is none; "?": it is malformed. */
static void subnet_of(const ldns_pkt *pkt, char text[ADDR_TEXT_SIZE])
{
	const ldns_rdf *options = ldns_pkt_edns_data(pkt);
	size_t pos = 0, end = options == NULL ? 0 : ldns_rdf_size(options);
	uint16_t code, len;
	const uint8_t *data;

	text[0] = '\0';
	while (end != 0 && msg_next_option(ldns_rdf_data(options), &pos, end, &code, &data, &len)) {
		struct net net = {.family = AF_UNSPEC};

		if (code != 8)
			continue;
		(void)snprintf(text, ADDR_TEXT_SIZE, "?");
		if (len < 4 || data[0] != 0 || len != 4 + (data[2] + 7) / 8)
			return;
		net.family = data[1] == 1 ? AF_INET : AF_INET6;
		net.bits = data[2];
		memcpy(net.bytes, data + 4, len - 4u);
		(void)net_format(&net, text);
	}
}

/* subnet NETWORK */
static bool put_subnet(struct scene *s, ldns_pkt *pkt, const char *text, unsigned scope)
{
	uint8_t option[8 + 16] = {0, 8, 0, 0, 0};
	struct net net;
	size_t len;

	if (text == NULL)
		return true;
	if (net_parse(&net, text, NULL) != 0)
		return fail(s, "no network: %s", text);
	len = 4 + (net.bits + 7u) / 8;
	option[3] = (uint8_t)len;
	option[5] = net.family == AF_INET ? 1 : 2;
	option[6] = net.bits;
	option[7] = (uint8_t)scope;
	memcpy(option + 8, net.bytes, len - 4);
	ldns_rdf_deep_free(ldns_pkt_edns_data(pkt));
	ldns_pkt_set_edns_data(pkt, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_NONE, 4 + len, option));
	return true;
}

/* secret N WALL_S: a secret of the cookies, in the place of that before, and what the wall clock says
 * from now on */
static bool do_secret(struct scene *s, const struct words *w)
{
	struct cookie_secrets *c = &s->cookies;

	if (w->n != 3)
		return fail(s, "secret N WALL_S");
	memcpy(c->previous, c->current, sizeof(c->previous));
	c->rolled = c->known;
	c->known = true;
	memset(c->current, (int)number(w->word[1]), sizeof(c->current));
	c->wall_s = (int64_t)number(w->word[2]) - (int64_t)(s->now_ms / 1000);
	for (struct core *core = s->cores; core < cores_end(s); core++)
		query_set_cookies(core->query, c);
	return true;
}

static struct sent *find_sent(struct scene *s, const char *label)
{
	for (unsigned i = 0; i < s->n_sent; i++)
		if (strcmp(s->sent[i].label, label) == 0)
			return &s->sent[i];
	return NULL;
}

/* as LABEL: in the letter case of this message upstream */
static bool ask_as(struct scene *s, ldns_pkt *pkt, const char *label)
{
	ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
	const struct sent *t = find_sent(s, label);
	ldns_pkt *sent = NULL;

	if (t == NULL || ldns_wire2pkt(&sent, t->msg, t->len) != LDNS_STATUS_OK)
		return fail(s, "no such try: %s", label);
	ldns_rdf_deep_free(ldns_rr_owner(question));
	ldns_rr_set_owner(
	    question, ldns_rdf_clone(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(sent), 0))));
	ldns_pkt_free(sent);
	return true;
}

/* ask LABEL NAME TYPE [-rd] [+cd] [+ad] [+do] [edns SIZE] [cookie HEX|@LABEL] [subnet NETWORK] [tcp]
 * [from ADDR:PORT] [id N] [as LABEL] */
static bool do_ask(struct scene *s, const struct words *w)
{
	static uint8_t out[QUERY_OUT_SIZE];
	struct query_asker asker = {.tcp = has(w, "tcp")};
	const char *from = after(w, "from");
	struct ask *a = &s->asks[s->n_asks];
	ldns_pkt *pkt = NULL;
	ldns_rdf *name = w->n < 4 ? NULL : ldns_dname_new_frm_str(w->word[2]);
	ldns_rr_type type = w->n < 4 ? 0 : ldns_get_rr_type_by_name(w->word[3]);
	uint8_t *wire = NULL;
	size_t wire_len, len;
	bool ok = false;

	if (s->n_asks == ASKS_MAX || name == NULL)
		return fail(s, "ask LABEL NAME TYPE ...");
	*a = (struct ask){0};
	(void)snprintf(a->label, sizeof(a->label), "%s", w->word[1]);
	pkt = ldns_pkt_query_new(name, type, LDNS_RR_CLASS_IN, has(w, "-rd") ? 0 : LDNS_RD);
	if (pkt == NULL)
		return fail(s, "ldns made no query");
	if (after(w, "as") != NULL && !ask_as(s, pkt, after(w, "as")))
		goto out;
	ldns_pkt_set_cd(pkt, has(w, "+cd"));
	ldns_pkt_set_ad(pkt, has(w, "+ad"));
	ldns_pkt_set_id(pkt, after(w, "id") != NULL ? (uint16_t)number(after(w, "id"))
						    : (uint16_t)(1000 + s->n_asks));
	if (after(w, "edns") != NULL)
		ldns_pkt_set_edns_udp_size(pkt, (uint16_t)number(after(w, "edns")));
	if (has(w, "+do")) {
		ldns_pkt_set_edns_do(pkt, true);
		if (ldns_pkt_edns_udp_size(pkt) == 0)
			ldns_pkt_set_edns_udp_size(pkt, 1232);
	}
	if ((after(w, "cookie") != NULL && !put_cookie(s, pkt, after(w, "cookie"))) ||
	    !put_subnet(s, pkt, after(w, "subnet"), 0))
		goto out;
	if (addr_parse(&asker.from, from == NULL ? CLIENT : from, 0, NULL) != 0 ||
	    ldns_pkt2wire(&wire, pkt, &wire_len) != LDNS_STATUS_OK || wire_len > sizeof(a->query)) {
		(void)fail(s, "cannot make the query");
		goto out;
	}
	memcpy(a->query, wire, wire_len);
	a->query_len = wire_len;
	a->core = steered(s, ldns_rr_list_rr(ldns_pkt_question(pkt), 0));
	asker.listener = (uint16_t)s->n_asks++;
	if (asker.tcp && a->core->split != NULL) {
		ok = split_ask(a->core->split, &asker, a->query, a->query_len, s->now_ms) ||
		     fail(s, "the listener does not ask the core");
		goto out;
	}
	len = query_ask(a->core->query, &asker, a->query, a->query_len, s->now_ms, out,
	    asker.tcp ? sizeof(out) : 4096);
	if (len != 0)
		net_send(a->core, &asker, out, len);
	ok = true;
out:
	free(wire);
	ldns_pkt_free(pkt);
	return ok;
}

/* ---- What the core sends upstream ---- */

/* sent LABEL ADDR udp|tcp NAME TYPE [+do] [+cd] [plain] [mixed|lower] [cookie client|HEX]
 * [no-cookie] [subnet NETWORK] */
static bool do_sent(struct scene *s, const struct words *w)
{
	struct sent *t = &s->sent[s->n_claimed];
	char to[ADDR_TEXT_SIZE];
	const char *cookie = after(w, "cookie");
	const char *subnet = after(w, "subnet");
	char sent_cookie[COOKIE_HEX_SIZE], sent_subnet[ADDR_TEXT_SIZE];
	bool is_lower;
	ldns_pkt *pkt = NULL;
	char *name = NULL, *type = NULL;
	bool ok = false;

	if (w->n < 6)
		return fail(s, "sent LABEL ADDR udp|tcp NAME TYPE ...");
	if (s->n_claimed == s->n_sent)
		return fail(s, "nothing was sent");
	s->n_claimed++;
	(void)snprintf(t->label, sizeof(t->label), "%s", w->word[1]);
	if (ldns_wire2pkt(&pkt, t->msg, t->len) != LDNS_STATUS_OK)
		return fail(s, "ldns cannot read what was sent");
	name = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(pkt), 0)));
	type = ldns_rr_type2str(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_question(pkt), 0)));
	is_lower = strcmp(name, w->word[4]) == 0;
	cookie_of(pkt, sent_cookie);
	subnet_of(pkt, sent_subnet);
	if (strcmp(addr_format_host(&t->try.to, to), w->word[2]) != 0)
		(void)fail(s, "sent to %s", to);
	else if ((t->try.via == CARRIER_TCP) != (strcmp(w->word[3], "tcp") == 0))
		(void)fail(s, "sent by another carrier");
	else if (strcasecmp(name, w->word[4]) != 0 || strcmp(type, w->word[5]) != 0)
		(void)fail(s, "asked for %s %s", name, type);
	else if ((has(w, "mixed") && is_lower) || (has(w, "lower") && !is_lower))
		(void)fail(s, "asked for %s", name);
	else if ((has(w, "no-cookie") && sent_cookie[0] != '\0') ||
		 (cookie != NULL && (strlen(sent_cookie) < COOKIE_CLIENT_HEX ||
					strcmp(sent_cookie + COOKIE_CLIENT_HEX,
					    strcmp(cookie, "client") == 0 ? "" : cookie) != 0)))
		(void)fail(s, "cookie %s", sent_cookie);
	else if (strcmp(sent_subnet, subnet == NULL ? "" : subnet) != 0)
		(void)fail(s, "client subnet: %s", sent_subnet);
	else if (!ldns_pkt_rd(pkt) || ldns_pkt_qr(pkt) || ldns_pkt_ancount(pkt) != 0)
		(void)fail(s, "not a recursive query");
	else if (ldns_pkt_edns(pkt) == has(w, "plain"))
		(void)fail(s, "EDNS: %d", ldns_pkt_edns(pkt));
	else if (ldns_pkt_edns_do(pkt) != has(w, "+do") || ldns_pkt_cd(pkt) != has(w, "+cd"))
		(void)fail(s, "DO %d CD %d", ldns_pkt_edns_do(pkt), ldns_pkt_cd(pkt));
	else
		ok = true;
	free(name);
	free(type);
	ldns_pkt_free(pkt);
	return ok;
}

/* Lines that begin with white space belong to the command above: SECTION RECORD. */
struct records {
	ldns_rr_list *section[3];
	ldns_rr_list *local[LOCAL_N_RANKS]; /* below `local` */
	char ede_text[256];		    /* empty: any */
};

static bool add_record(struct scene *s, struct records *r, const char *line)
{
	static const char *const names[] = {"answer", "authority", "additional"};
	static const char *const ranks[LOCAL_N_RANKS] = {
	    [LOCAL_RECORD] = "record ", [LOCAL_HOSTS] = "hosts ", [LOCAL_LEASE] = "lease "};
	ldns_rr *rr;

	while (isspace((unsigned char)*line))
		line++;
	for (unsigned i = 0; i < 3; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(line, names[i], len) != 0 || !isspace((unsigned char)line[len]))
			continue;
		line += len + strspn(line + len, " \t");
		if (ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) != LDNS_STATUS_OK)
			return fail(s, "ldns cannot read the record: %s", line);
		ldns_rr_list_push_rr(r->section[i], rr);
		return true;
	}
	for (unsigned i = 0; i < LOCAL_N_RANKS; i++) {
		size_t len = ranks[i] == NULL ? 0 : strlen(ranks[i]);

		if (len == 0 || strncmp(line, ranks[i], len) != 0)
			continue;
		if (ldns_rr_new_frm_str(&rr, line + len, 300, NULL, NULL) != LDNS_STATUS_OK)
			return fail(s, "ldns cannot read the record: %s", line);
		ldns_rr_list_push_rr(r->local[i], rr);
		return true;
	}
	if (strncmp(line, "ede-text ", 9) == 0) {
		line += 9;
		(void)snprintf(
		    r->ede_text, sizeof(r->ede_text), "%.*s", (int)strcspn(line, "\r\n"), line);
		return true;
	}
	return fail(s, "answer|authority|additional|record|hosts|lease RECORD: %s", line);
}

/* A question that was not asked: one of its three parts differs. */
static void spoil_question(ldns_rr *question, const struct words *w)
{
	if (has(w, "wrong-name")) {
		ldns_rdf_deep_free(ldns_rr_owner(question));
		ldns_rr_set_owner(question, ldns_dname_new_frm_str("other.example."));
	}
	if (has(w, "other-case")) {
		uint8_t *data = ldns_rdf_data(ldns_rr_owner(question));

		for (size_t i = 0; i < ldns_rdf_size(ldns_rr_owner(question)); i++)
			if (isalpha(data[i]))
				data[i] ^= 0x20;
	}
	if (has(w, "wrong-type"))
		ldns_rr_set_type(question, ldns_rr_get_type(question) + 1);
	if (has(w, "wrong-class"))
		ldns_rr_set_class(question, LDNS_RR_CLASS_HS);
}

/* The client cookie of `t`, or a wrong one, with the server cookie `hex` behind it. */
static bool set_cookie(struct scene *s, ldns_pkt *pkt, const char *hex, bool wrong)
{
	char both[COOKIE_HEX_SIZE], sent[COOKIE_HEX_SIZE];

	cookie_of(pkt, sent);
	ldns_rdf_deep_free(ldns_pkt_edns_data(pkt));
	ldns_pkt_set_edns_data(pkt, NULL);
	if (hex == NULL)
		return true;
	(void)snprintf(both, sizeof(both), "%.*s%.*s", COOKIE_CLIENT_HEX,
	    wrong || sent[0] == '\0' ? "0011223344556677" : sent,
	    COOKIE_HEX_SIZE - 1 - COOKIE_CLIENT_HEX, hex);
	return put_cookie(s, pkt, both);
}

/* An extended error for the reply's OPT (RFC 8914, 2). */
static void set_ede(ldns_pkt *pkt, const char *code)
{
	unsigned long n = number(code);
	const uint8_t option[] = {0, 15, 0, 6, (uint8_t)(n >> 8), (uint8_t)n, 't', 'e', 'x', 't'};

	if (code != NULL)
		ldns_pkt_set_edns_data(
		    pkt, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_NONE, sizeof(option), option));
}

static uint8_t *make_reply(struct scene *s, const struct sent *t, const struct words *w,
    const struct records *r, size_t *len)
{
	static const ldns_pkt_section sections[] = {
	    LDNS_SECTION_ANSWER, LDNS_SECTION_AUTHORITY, LDNS_SECTION_ADDITIONAL};
	ldns_pkt *pkt = NULL;
	ldns_lookup_table *rcode;
	uint8_t *wire = NULL, msg[sizeof(t->msg)];

	memcpy(msg, t->msg, t->len);
	if (has(w, "plain")) /* of the additional section ldns sees nothing */
		memset(msg + MSG_HEADER - 2, 0, 2);
	if (ldns_wire2pkt(&pkt, msg, t->len) != LDNS_STATUS_OK)
		return NULL;
	ldns_pkt_set_qr(pkt, !has(w, "no-qr"));
	ldns_pkt_set_opcode(pkt, has(w, "wrong-opcode") ? LDNS_PACKET_NOTIFY : LDNS_PACKET_QUERY);
	ldns_pkt_set_ra(pkt, true);
	ldns_pkt_set_aa(pkt, has(w, "+aa"));
	ldns_pkt_set_ad(pkt, has(w, "+ad"));
	ldns_pkt_set_tc(pkt, has(w, "+tc"));
	for (rcode = ldns_rcodes; rcode->name != NULL; rcode++)
		if (w->n > 2 && strcmp(rcode->name, w->word[2]) == 0)
			ldns_pkt_set_rcode(pkt, (uint8_t)rcode->id);
	if (has(w, "wrong-id"))
		ldns_pkt_set_id(pkt, (uint16_t)(ldns_pkt_id(pkt) + 1));
	spoil_question(ldns_rr_list_rr(ldns_pkt_question(pkt), 0), w);
	if (has(w, "two-questions"))
		ldns_pkt_push_rr(pkt, LDNS_SECTION_QUESTION,
		    ldns_rr_clone(ldns_rr_list_rr(ldns_pkt_question(pkt), 0)));
	ldns_pkt_set_edns_extended_rcode(pkt, has(w, "extended") || has(w, "BADCOOKIE") ? 1 : 0);
	if (has(w, "BADCOOKIE"))
		ldns_pkt_set_rcode(pkt, RCODE_BADCOOKIE & MSG_RCODE);
	if (!set_cookie(s, pkt, after(w, "server-cookie"), has(w, "wrong-cookie"))) {
		ldns_pkt_free(pkt);
		return NULL;
	}
	set_ede(pkt, after(w, "ede"));
	if (!put_subnet(s, pkt, after(w, "subnet"), 24)) {
		ldns_pkt_free(pkt);
		return NULL;
	}
	for (unsigned i = 0; i < 3; i++)
		for (size_t j = 0; j < ldns_rr_list_rr_count(r->section[i]); j++)
			ldns_pkt_push_rr(
			    pkt, sections[i], ldns_rr_clone(ldns_rr_list_rr(r->section[i], j)));
	if (ldns_pkt2wire(&wire, pkt, len) != LDNS_STATUS_OK)
		wire = NULL;
	ldns_pkt_free(pkt);
	return wire;
}

/* reply LABEL RCODE [+tc] [+ad] [+aa] [ede N] [subnet NETWORK] [plain] [header-only] [cut N] [repeat N]
 *       [wrong-id] [wrong-port] [wrong-source-port] [wrong-address]
 *       [two-questions] [extended] [server-cookie HEX] [wrong-cookie] [other-case] [wrong-name] [wrong-type] [wrong-class] [wrong-opcode] [no-qr] */
static bool do_reply(struct scene *s, const struct words *w, const struct records *r)
{
	struct sent *t = w->n < 3 ? NULL : find_sent(s, w->word[1]);
	unsigned long repeat = after(w, "repeat") == NULL ? 1 : number(after(w, "repeat"));
	union addr from;
	uint32_t port;
	uint8_t *wire;
	size_t len;

	if (t == NULL)
		return fail(s, "reply LABEL RCODE ...: no such try");
	wire = make_reply(s, t, w, r, &len);
	if (wire == NULL)
		return fail(s, "ldns cannot make the reply");
	from = t->try.to;
	port = t->try.port;
	if (has(w, "wrong-address"))
		from.in4.sin_addr.s_addr ^= htonl(1);
	if (has(w, "wrong-source-port"))
		from.in4.sin_port ^= htons(1);
	if (has(w, "wrong-port"))
		port += 100000;
	if (has(w, "header-only")) {
		len = MSG_HEADER;
		memset(wire + 4, 0, 8);
	}
	if (after(w, "cut") != NULL && number(after(w, "cut")) < len)
		len -= number(after(w, "cut"));
	for (unsigned long i = 0; i < repeat; i++)
		query_reply(t->core->query, t->try.via, port, &from, wire, len, s->now_ms);
	free(wire);
	return true;
}

/* ---- Names of the house ---- */

static int add_local(struct local_build *b, const ldns_rr *rr, enum local_rank rank)
{
	uint8_t rdata[4096];
	size_t len = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);

		if (ldns_rdf_size(rdf) > sizeof(rdata) - len)
			return ERR_RANGE;
		memcpy(rdata + len, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
		len += ldns_rdf_size(rdf);
	}
	return local_build_add(b, ldns_rdf_data(ldns_rr_owner(rr)), rank,
	    (uint16_t)ldns_rr_get_type(rr), ldns_rr_ttl(rr), rdata, len);
}

/* local [ZONE...]: the names of the house from now on, and zones whose other names do not exist */
static bool do_local(struct scene *s, const struct words *w, const struct records *r)
{
	const struct hash_key key = {1, 2};
	struct local_build *b = local_build_new();
	uint8_t name[NAME_SIZE], *bytes = NULL;
	struct local local;
	size_t len;
	int err = b == NULL ? ERR_NOMEM : 0;

	for (unsigned i = 1; err == 0 && i < w->n; i++) {
		err = name_from_text(w->word[i], strlen(w->word[i]), name, &len);
		if (err == 0)
			err = local_build_zone(b, name);
	}
	for (unsigned i = 0; i < LOCAL_N_RANKS; i++)
		for (size_t k = 0; err == 0 && k < ldns_rr_list_rr_count(r->local[i]); k++)
			err = add_local(b, ldns_rr_list_rr(r->local[i], k), (enum local_rank)i);
	if (err == 0)
		err = local_build_image(b, &key, &bytes, &len);
	if (err == 0)
		err = local_open(&local, bytes, len);
	local_build_free(b);
	if (err != 0) {
		free(bytes);
		return fail(s, "no names of the house: %s", err_text(err));
	}
	for (struct core *c = s->cores; c < cores_end(s); c++)
		query_set_local(c->query, &local);
	free(s->local);
	s->local = bytes;
	return true;
}

/* ---- What clients got ---- */

/* The code of the EDE option in the answer's OPT (RFC 8914), and its text; -1: there is none. */
static int ede_of(const ldns_pkt *pkt, char text[256])
{
	ldns_rdf *data = ldns_pkt_edns_data(pkt);
	const uint8_t *p = data == NULL ? NULL : ldns_rdf_data(data);
	size_t left = data == NULL ? 0 : ldns_rdf_size(data);

	text[0] = '\0';
	while (left >= 4) {
		size_t len = (size_t)(p[2] << 8 | p[3]);

		if (len > left - 4)
			break;
		if ((p[0] << 8 | p[1]) == 15 && len >= 2) {
			(void)snprintf(text, 256, "%.*s", (int)len - 2, (const char *)p + 6);
			return p[4] << 8 | p[5];
		}
		p += 4 + len;
		left -= 4 + len;
	}
	return -1;
}

/* Same records with the same TTLs, in any order. */
static bool same_records(
    struct scene *s, const char *what, const ldns_rr_list *want, const ldns_rr_list *got)
{
	size_t n_want = ldns_rr_list_rr_count(want), n_got = ldns_rr_list_rr_count(got);

	if (n_want != n_got)
		return fail(s, "%s: %zu records, expected %zu", what, n_got, n_want);
	for (size_t i = 0; i < n_want; i++) {
		const ldns_rr *one = ldns_rr_list_rr(want, i);
		size_t j = 0;

		while (j < n_got && (ldns_rr_compare(one, ldns_rr_list_rr(got, j)) != 0 ||
					ldns_rr_ttl(one) != ldns_rr_ttl(ldns_rr_list_rr(got, j))))
			j++;
		if (j == n_got) {
			char *text = ldns_rr2str(one), *got_text = ldns_rr_list2str(got);
			bool ok = fail(s, "%s: missing: %s got: %s", what, text, got_text);

			free(text);
			free(got_text);
			return ok;
		}
	}
	return true;
}

static bool right_header(struct scene *s, const struct ask *a, const ldns_pkt *pkt,
    const struct words *w, const char *ede_text)
{
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(pkt)), said[256];
	const char *ede = after(w, "ede");
	int ede_code = ede_of(pkt, said);
	char cookie[COOKIE_HEX_SIZE], subnet[ADDR_TEXT_SIZE];
	size_t question_len = 0;
	bool ok = false;

	cookie_of(pkt, cookie);
	subnet_of(pkt, subnet);
	while (MSG_HEADER + question_len < a->query_len && a->query[MSG_HEADER + question_len] != 0)
		question_len += a->query[MSG_HEADER + question_len] + 1u;
	question_len += 5;
	if (strcmp(rcode, w->word[2]) != 0)
		(void)fail(s, "RCODE %s", rcode);
	else if (memcmp(a->answer, a->query, 2) != 0)
		(void)fail(s, "another ID");
	else if (a->answer_len < MSG_HEADER + question_len ||
		 memcmp(a->answer + MSG_HEADER, a->query + MSG_HEADER, question_len) != 0)
		(void)fail(s, "the question is not echoed as it was asked");
	else if (!ldns_pkt_qr(pkt) || !ldns_pkt_ra(pkt) || ldns_pkt_aa(pkt))
		(void)fail(
		    s, "QR %d RA %d AA %d", ldns_pkt_qr(pkt), ldns_pkt_ra(pkt), ldns_pkt_aa(pkt));
	else if (((a->query[2] ^ a->answer[2]) & 0x01) != 0 ||
		 ((a->query[3] ^ a->answer[3]) & 0x10) != 0)
		(void)fail(s, "RD or CD is not echoed");
	else if (ldns_pkt_tc(pkt) != has(w, "+tc") || ldns_pkt_ad(pkt) != has(w, "+ad"))
		(void)fail(s, "TC %d AD %d", ldns_pkt_tc(pkt), ldns_pkt_ad(pkt));
	else if (ldns_pkt_edns(pkt) != (a->query[11] != 0))
		(void)fail(s, "OPT: %d", ldns_pkt_edns(pkt));
	else if (ede_code != (ede == NULL ? -1 : (int)number(ede)))
		(void)fail(s, "EDE %d", ede_code);
	else if (ede_text[0] != '\0' && strcmp(said, ede_text) != 0)
		(void)fail(s, "EDE text: %s", said);
	else if (strlen(cookie) != (has(w, "cookie") ? 2 * MSG_COOKIE_SIZE : 0))
		(void)fail(s, "cookie: %s", cookie);
	else if (subnet[0] != '\0')
		(void)fail(s, "client subnet: %s", subnet);
	else
		ok = true;
	free(rcode);
	return ok;
}

/* answered LABEL RCODE [+tc] [+ad] [ede N] [cookie] [any-records] */
static bool do_answered(struct scene *s, const struct words *w, const struct records *r)
{
	struct ask *a = w->n < 3 ? NULL : find_ask(s, w->word[1]);
	ldns_pkt *pkt = NULL;
	bool ok;

	if (a == NULL)
		return fail(s, "answered LABEL RCODE ...: no such question");
	if (a->n_answers != 1)
		return fail(s, "%u answers", a->n_answers);
	if (ldns_wire2pkt(&pkt, a->answer, a->answer_len) != LDNS_STATUS_OK)
		return fail(s, "ldns cannot read the answer");
	ok = right_header(s, a, pkt, w, r->ede_text) &&
	     (has(w, "any-records") ||
		 (same_records(s, "answer", r->section[0], ldns_pkt_answer(pkt)) &&
		     same_records(s, "authority", r->section[1], ldns_pkt_authority(pkt)) &&
		     same_records(s, "additional", r->section[2], ldns_pkt_additional(pkt))));
	if (ok && after(w, "size-at-most") != NULL &&
	    a->answer_len > number(after(w, "size-at-most")))
		ok = fail(s, "%zu bytes", a->answer_len);
	ldns_pkt_free(pkt);
	return ok;
}

/* unanswered LABEL [for-good] */
static bool do_unanswered(struct scene *s, const struct words *w)
{
	const struct ask *a = w->n < 2 ? NULL : find_ask(s, w->word[1]);

	if (a == NULL)
		return fail(s, "unanswered LABEL: no such question");
	if (a->n_answers != 0)
		return fail(s, "it was answered");
	return a->for_good == has(w, "for-good") || fail(s, "for good: %d", a->for_good);
}

/* ---- Time and the rest ---- */

/* The core whose timer is due first. */
static struct core *next_due(struct scene *s)
{
	struct core *first = s->cores;

	for (struct core *c = s->cores; c < cores_end(s); c++)
		if (c->armed_ms < first->armed_ms)
			first = c;
	return first;
}

/* time MS: the loops' timers fire whenever they are due meanwhile. */
static bool do_time(struct scene *s, const struct words *w)
{
	uint64_t until_ms = s->now_ms + number(w->n == 2 ? w->word[1] : NULL);
	struct core *c;

	for (unsigned i = 0; (c = next_due(s))->armed_ms <= until_ms; i++) {
		if (i == 100000)
			return fail(s, "the timer never rests");
		if (c->armed_ms > s->now_ms)
			s->now_ms = c->armed_ms;
		c->armed_ms = UINT64_MAX;
		query_tick(c->query, s->now_ms);
	}
	s->now_ms = until_ms;
	return true;
}

/* count COUNTER N: added up over the cores */
static bool do_count(struct scene *s, const struct words *w)
{
	struct stats stats = {0}, part;
	const uint64_t *field = (const uint64_t *)&stats;

	for (struct core *c = s->cores; c < cores_end(s); c++) {
		query_stats(c->query, &part);
		stats_add(&stats, &part);
	}
	for (size_t i = 0; w->n == 3 && i < STATS_N; i++)
		if (strcmp(stats_rows[i].name, w->word[1]) == 0)
			return field[i] == number(w->word[2]) ||
			       fail(s, "%s is %" PRIu64, w->word[1], field[i]);
	return fail(s, "count COUNTER N");
}

static bool do_line(struct scene *s, const struct words *w, const struct records *r)
{
	const char *command = w->n != 0 ? w->word[0] : "";
	struct sent *t;

	if (strcmp(command, "workers") == 0)
		return do_workers(s, w);
	if (strcmp(command, "upstream") == 0)
		return do_upstream(s, w);
	if (strcmp(command, "forward") == 0)
		return do_forward(s, w);
	if (strcmp(command, "fallback") == 0)
		return do_fallback(s, w);
	if (strcmp(command, "option") == 0)
		return do_option(s, w);
	if (strcmp(command, "allow") == 0 || strcmp(command, "refuse") == 0 ||
	    strcmp(command, "drop") == 0)
		return do_access(s, w);
	if (strcmp(command, "block") == 0)
		return do_block(s, w);
	if (strcmp(command, "list") == 0)
		return do_list(s, w);
	if (!start(s))
		return false;
	if (strcmp(command, "lists") == 0)
		return swap_lists(s);
	if (strcmp(command, "local") == 0)
		return do_local(s, w, r);
	if (strcmp(command, "secret") == 0)
		return do_secret(s, w);
	if (strcmp(command, "names") == 0)
		return do_names(s, w);
	if (strcmp(command, "answers") == 0)
		return do_answers(s, w);
	if (strcmp(command, "own") == 0)
		return do_own(s, w);
	if (strcmp(command, "ask") == 0)
		return do_ask(s, w);
	if (strcmp(command, "sent") == 0)
		return do_sent(s, w);
	if (strcmp(command, "reply") == 0)
		return do_reply(s, w, r);
	if (strcmp(command, "answered") == 0)
		return do_answered(s, w, r);
	if (strcmp(command, "time") == 0)
		return do_time(s, w);
	if (strcmp(command, "count") == 0)
		return do_count(s, w);
	if (strcmp(command, "network") == 0 && w->n == 2) {
		s->network_down = strcmp(w->word[1], "down") == 0;
		return true;
	}
	if (strcmp(command, "forget-sent") == 0) {
		s->n_claimed = s->n_sent;
		return true;
	}
	if (strcmp(command, "nothing-sent") == 0)
		return s->n_claimed == s->n_sent ||
		       fail(s, "%u messages more were sent", s->n_sent - s->n_claimed);
	if (strcmp(command, "news") == 0) {
		for (struct core *c = s->cores; c < cores_end(s); c++)
			query_network(c->query, has(w, "moved"), s->now_ms);
		return true;
	}
	if (strcmp(command, "unanswered") == 0)
		return do_unanswered(s, w);
	if (strcmp(command, "failed") == 0 && w->n == 2 && (t = find_sent(s, w->word[1])) != NULL) {
		query_failed(t->core->query, t->try.try, s->now_ms);
		return true;
	}
	if (strcmp(command, "refused") == 0 && w->n == 2 &&
	    (t = find_sent(s, w->word[1])) != NULL) {
		query_refused(t->core->query, t->try.via, t->try.port, s->now_ms);
		return true;
	}
	return fail(s, "unknown or incomplete: %s", command);
}

/* Those of the split clients who were answered get what the core gave. */
static bool read_answers(struct scene *s)
{
	for (unsigned i = 0; i < s->n_asks; i++) {
		struct ask *a = &s->asks[i];

		if (a->unread && !split_received(a->core->split, i, a->answer, a->answer_len))
			return fail(s, "%s: not the answer that the core gave", a->label);
		a->unread = false;
	}
	return true;
}

/* ---- Files ---- */

static void scene_init(struct scene *s, const char *path, uint64_t rng_seed, unsigned n_workers)
{
	struct net allowed;

	memset(s, 0, sizeof(*s));
	s->path = path;
	s->rng_seed = rng_seed;
	s->n_workers = n_workers;
	s->now_ms = START_MS;
	s->sent = calloc(SENT_MAX, sizeof(*s->sent));
	s->lists = build_new();
	s->n_lists = 1;
	s->options = (struct options){
	    .n_upstream = 1,
	    .single_labels = true,
	    .cache_size = 1 << 20,
	    .cache_max_ttl_s = 86400,
	    .cache_negative_ttl_s = 3600,
	    .cache_failure_ttl_s = 1,
	    .stale_delay_ms = 1800,
	    .stale_max_s = 86400,
	    .query_timeout_ms = 4000,
	    .questions_max = 64,
	    .udp_size = 1232,
	};
	if (s->sent == NULL || s->lists == NULL ||
	    addr_parse(&s->options.upstream[0], "192.0.2.1", 53, NULL) != 0 ||
	    net_parse(&allowed, "192.168.0.0/16", NULL) != 0)
		abort();
	client_put(&s->options, &allowed, CLIENT_ALLOW);
}

static void scene_fini(struct scene *s)
{
	for (struct core *c = s->cores; c < cores_end(s); c++) {
		split_free(c->split);
		query_free(c->query);
	}
	build_free(s->lists);
	free(s->image);
	free(s->local);
	free(s->old_image);
	free(s->sent);
	for (unsigned i = 0; i < s->n_asks; i++)
		free(s->asks[i].answer);
}

static void records_init(struct records *r)
{
	r->ede_text[0] = '\0';
	for (unsigned i = 0; i < 3; i++)
		r->section[i] = ldns_rr_list_new();
	for (unsigned i = 0; i < LOCAL_N_RANKS; i++)
		r->local[i] = ldns_rr_list_new();
}

static void records_fini(struct records *r)
{
	for (unsigned i = 0; i < 3; i++)
		ldns_rr_list_deep_free(r->section[i]);
	for (unsigned i = 0; i < LOCAL_N_RANKS; i++)
		ldns_rr_list_deep_free(r->local[i]);
}

/* Are the lines below this command the text of a list? */
static bool is_list(const char *command)
{
	return strncmp(command, "list", 4) == 0 && isspace((unsigned char)command[4]);
}

/* Run one scene; true: all of it held. */
static bool run(struct scene *s)
{
	char line[4096], command[4096] = "";
	unsigned command_line = 0, line_no = 0;
	struct records records;
	struct words words;
	FILE *f = fopen(s->path, "r");
	bool ok = true, more;

	if (f == NULL)
		return fail(s, "%s", strerror(errno));
	records_init(&records);
	do {
		more = fgets(line, sizeof(line), f) != NULL;
		line_no++;
		if (more && (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0'))
			continue;
		if (more && isspace((unsigned char)line[0])) {
			s->line = line_no;
			ok = is_list(command) ? add_text(s, line) : add_record(s, &records, line);
			continue;
		}
		/* A command is complete when the next begins. */
		if (command[0] != '\0') {
			s->line = command_line;
			split(command, &words);
			ok = do_line(s, &words, &records) && read_answers(s);
			records_fini(&records);
			records_init(&records);
			s->text_len = 0;
		}
		memcpy(command, line, sizeof(command));
		command_line = line_no;
	} while (more && ok);
	records_fini(&records);
	(void)fclose(f);
	return ok;
}

/* Run a scene with these random numbers; its trace (malloc) when it held, else NULL. */
static char *run_path(
    struct scene *s, const char *path, uint64_t rng_seed, unsigned n_workers, bool splits)
{
	char *seen = NULL;

	scene_init(s, path, rng_seed, n_workers);
	s->splits = splits;
	if (run(s))
		seen = strdup(s->trace);
	scene_fini(s);
	return seen;
}

/* Twice, with different random numbers, to the same trace. */
static char *run_twice(struct scene *s, const char *path, unsigned n_workers)
{
	char *one = run_path(s, path, SCENE_RNG_ONE, n_workers, false);
	char *two = one == NULL ? NULL : run_path(s, path, SCENE_RNG_TWO, n_workers, false);
	bool same = two != NULL && strcmp(one, two) == 0;

	if (two != NULL && !same)
		(void)fail(s, "the events depend on the random numbers");
	free(two);
	if (same)
		return one;
	free(one);
	return NULL;
}

/* ---- All of them ---- */

struct play {
	char **path; /* n of them */
	int n;
	char **trace; /* of each, in the order given; NULL: it did not hold */
	int n_cases, n_failed;
};

/* A line of TAP.  `held`: with what is in `s`, if not. */
static void report(struct play *p, const struct scene *s, bool held, const char *how)
{
	(void)printf("%sok %d - %s%s\n", held ? "" : "not ", ++p->n_cases, s->path, how);
	if (!held)
		(void)printf("# %s\n", s->failure);
	p->n_failed += !held;
}

/* The scene was run again, to the trace `again` (freed here): was it that of before? */
static void report_again(
    struct play *p, struct scene *s, char *again, const char *before, const char *how)
{
	bool same = again != NULL && before != NULL && strcmp(again, before) == 0;

	if (again != NULL && !same)
		(void)fail(s, "the events are not those of before");
	free(again);
	report(p, s, same, how);
}

static void play_in_order(struct play *p, struct scene *s)
{
	for (int i = 0; i < p->n; i++) {
		p->trace[i] = run_twice(s, p->path[i], 1);
		report(p, s, p->trace[i] != NULL, "");
	}
}

static void play_shuffled(struct play *p, struct scene *s)
{
	for (int i = p->n - 1; i >= 0; i--) {
		int j = rand() % (i + 1);
		char *path = p->path[j], *trace = p->trace[j];

		p->path[j] = p->path[i];
		p->trace[j] = p->trace[i];
		p->path[i] = path;
		p->trace[i] = trace;
		report_again(p, s, run_path(s, path, SCENE_RNG_ONE, 1, true), trace,
		    " again, in another order and with split frames");
	}
}

static void play_workers(struct play *p, struct scene *s, unsigned n_workers)
{
	char how[64];

	(void)snprintf(how, sizeof(how), " with %u workers", n_workers);
	for (int i = 0; i < p->n; i++)
		report_again(p, s, run_twice(s, p->path[i], n_workers), p->trace[i], how);
}

int main(int argc, char **argv)
{
	static struct scene s;
	const char *seed_text = getenv("SCENE_SEED");
	unsigned seed = seed_text == NULL ? (unsigned)time(NULL) : (unsigned)number(seed_text);
	unsigned n_workers = 1;
	struct play play = {0};
	int c;

	while ((c = getopt(argc, argv, "n:")) != -1) {
		n_workers = c == 'n' ? (unsigned)number(optarg) : 0;
		if (n_workers < 2 || n_workers > CORES_MAX) {
			(void)fprintf(stderr, "scene [-n 2..%d] FILE...\n", CORES_MAX);
			return 2;
		}
	}
	play.path = argv + optind;
	play.n = argc - optind;
	play.trace = calloc((size_t)play.n + 1, sizeof(*play.trace));
	if (play.trace == NULL)
		return 1;
	(void)printf("1..%d\n# SCENE_SEED=%u\n", (n_workers > 1 ? 3 : 2) * play.n, seed);
	srand(seed);
	play_in_order(&play, &s);
	if (n_workers > 1)
		play_workers(&play, &s, n_workers);
	play_shuffled(&play, &s);
	for (int i = 0; i < play.n; i++)
		free(play.trace[i]);
	free(play.trace);
	return play.n_failed != 0;
}
