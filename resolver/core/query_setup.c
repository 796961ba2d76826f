/* query_setup.c - the core made and freed, and what it is told between queries: options, lists, rules,
 * names.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "resolver/core/query_state.h"

static void set_names(struct query *q)
{
	special_set(&q->special, q->options.special);
	special_set_dns64(&q->special, &q->options.dns64);
	policy_set_guard(&q->policy, q->options.cname_guard);
}

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

/* The option that upstreams get, as it stands in a message. */
static void set_subnet(struct query *q)
{
	const struct net *net = &q->options.client_subnet;
	size_t len = (net->bits + 7u) / 8;

	q->subnet_len = 0;
	if (net->family == AF_UNSPEC)
		return;
	/* The numbers of IANA's address families. */
	msg_set_u16(q->subnet, net->family == AF_INET ? 1 : 2);
	q->subnet[2] = net->bits;
	q->subnet[3] = 0;
	memcpy(q->subnet + 4, net->bytes, len);
	q->subnet_len = (uint8_t)(4 + len);
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
	set_subnet(q);
	upstream_configure(&q->upstreams, options);
	set_names(q);
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

/* Others are asked, or believed, from now on; it is not known who said what is cached. */
static void begin_anew(struct query *q)
{
	struct inflight_question *question;

	(void)cache_flush(q->cache, NULL, false);
	for (question = q->inflight.oldest; question != NULL; question = question->next) {
		question->group = query_state_group(q, question->name, question->name_len);
		question->heard = 0;
		question->uncached = true;
	}
}

void query_set_options(struct query *q, const struct options *options)
{
	bool same =
	    same_servers(&q->options, options) && same_servers(options, &q->options) &&
	    zones_equal(&q->options.forward, &options->forward) &&
	    memcmp(q->options.fallback, options->fallback, sizeof(options->fallback)) == 0 &&
	    memcmp(&q->options.client_subnet, &options->client_subnet,
		sizeof(options->client_subnet)) == 0;

	q->options = *options;
	set_rate(q);
	set_stale(q);
	set_subnet(q);
	upstream_configure(&q->upstreams, options);
	set_names(q);
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
