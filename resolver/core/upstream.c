/* upstream.c - round trips, silence, and the order of servers. */
#include "resolver/core/upstream.h"

#include <string.h>

#define NS_PER_MS 1000000

#define COUNTER_NAME(name, text) #name,
const char *const upstream_counter_names[UPSTREAM_N_COUNTERS] = {UPSTREAM_COUNTERS(COUNTER_NAME)};

static struct upstream *find(struct upstreams *u, const union addr *addr)
{
	for (unsigned i = 0; i < u->n; i++)
		if (addr_equal(&u->server[i].addr, addr))
			return &u->server[i];
	return NULL;
}

void upstream_configure(struct upstreams *u, const struct options *options)
{
	struct upstreams old = *u;

	memset(u, 0, sizeof(*u));
	u->strategy = options->strategy;
	for (; u->n < options->n_upstream + options->n_forward; u->n++) {
		const struct upstream *known = find(&old, &options->upstream[u->n]);

		if (known != NULL)
			u->server[u->n] = *known;
		u->server[u->n].addr = options->upstream[u->n];
		u->server[u->n].groups = options->groups[u->n] | (u->n < options->n_upstream);
		u->server[u->n].trusted = options->trusted[u->n];
		u->server[u->n].proxied = options->proxy[u->n] != 0;
	}
	memcpy(u->fallback, options->fallback, sizeof(u->fallback));
}

bool upstream_is_down(const struct upstreams *u, unsigned i)
{
	return u->server[i].silent >= UPSTREAM_DOWN_AFTER;
}

/* Is server i to be asked before server j, when both are up, or both are down? */
static bool better(const struct upstreams *u, const uint8_t *tries, unsigned i, unsigned j)
{
	if (tries[i] != tries[j])
		return tries[i] < tries[j];
	return u->strategy != CONF_STRICT && u->server[i].srtt_ms8 < u->server[j].srtt_ms8;
}

static bool is_of(const struct upstreams *u, unsigned i, unsigned group)
{
	return (u->server[i].groups >> group & 1) != 0;
}

/* Is one of `group` itself up? */
static bool has_up(const struct upstreams *u, unsigned group)
{
	for (unsigned i = 0; i < u->n; i++)
		if (is_of(u, i, group) && !upstream_is_down(u, i))
			return true;
	return false;
}

unsigned upstream_group(const struct upstreams *u, unsigned group)
{
	while (!has_up(u, group) && u->fallback[group] != 0)
		group = u->fallback[group];
	return group;
}

bool upstream_has(const struct upstreams *u, unsigned group)
{
	for (unsigned i = 0; i < u->n; i++)
		if (is_of(u, i, group))
			return true;
	/* No group behind another is empty. */
	return u->fallback[group] != 0;
}

bool upstream_all_down(const struct upstreams *u, unsigned group)
{
	return !has_up(u, upstream_group(u, group));
}

bool upstream_is_behind(const struct upstreams *u, unsigned i, unsigned group)
{
	return !is_of(u, i, group);
}

/* Of `group` itself, one that is down, or one that is not. */
static int choose_of(const struct upstreams *u, unsigned group, bool down, const uint8_t *tries)
{
	int best = -1;

	for (unsigned i = 0; i < u->n; i++)
		if (is_of(u, i, group) && tries[i] < UPSTREAM_TRIES_MAX &&
		    upstream_is_down(u, i) == down &&
		    (best < 0 || better(u, tries, i, (unsigned)best)))
			best = (int)i;
	return best;
}

int upstream_choose(const struct upstreams *u, unsigned group, uint64_t heard,
    const uint8_t tries[OPTIONS_SERVERS_MAX])
{
	int best = -1;

	for (int down = 0; down <= 1 && best < 0; down++) {
		unsigned g = group;

		best = choose_of(u, g, down != 0, tries);
		while (best < 0 && (heard >> g & 1) == 0 && u->fallback[g] != 0) {
			g = u->fallback[g];
			best = choose_of(u, g, down != 0, tries);
		}
	}
	return best;
}

/* Of `group` itself. */
static int probe_of(struct upstreams *u, unsigned group, int except, uint64_t now_ms)
{
	for (unsigned i = 0; i < u->n; i++) {
		if ((int)i == except || !is_of(u, i, group) || !upstream_is_down(u, i) ||
		    now_ms < u->server[i].probe_ms)
			continue;
		u->server[i].probe_ms = now_ms + UPSTREAM_PROBE_MS;
		return (int)i;
	}
	return -1;
}

int upstream_probe(struct upstreams *u, unsigned group, int except, uint64_t now_ms)
{
	int i = probe_of(u, group, except, now_ms);

	while (i < 0 && !has_up(u, group) && u->fallback[group] != 0) {
		group = u->fallback[group];
		i = probe_of(u, group, except, now_ms);
	}
	return i;
}

/* The server that was asked least and is up, as long as it was not asked this. */
static int least_asked(
    const struct upstreams *u, unsigned group, const uint8_t tries[OPTIONS_SERVERS_MAX])
{
	int least = -1;

	for (unsigned i = 0; i < u->n; i++)
		if (is_of(u, i, group) && tries[i] == 0 && !upstream_is_down(u, i) &&
		    (least < 0 || u->server[i].asked < u->server[least].asked))
			least = (int)i;
	return least;
}

int upstream_copy(struct upstreams *u, unsigned group, const uint8_t tries[OPTIONS_SERVERS_MAX],
    unsigned n_copies)
{
	if (u->strategy == CONF_PARALLEL)
		return n_copies + 1 < UPSTREAM_PARALLEL ? upstream_hedge(u, group, tries) : -1;
	if (u->strategy == CONF_STRICT || n_copies != 0 || ++u->n_explored < UPSTREAM_EXPLORE_EACH)
		return -1;
	u->n_explored = 0;
	return least_asked(u, upstream_group(u, group), tries);
}

int upstream_hedge(
    const struct upstreams *u, unsigned group, const uint8_t tries[OPTIONS_SERVERS_MAX])
{
	int i = choose_of(u, upstream_group(u, group), false, tries);

	return i >= 0 && tries[i] == 0 ? i : -1;
}

/* Half as much again from one to the next, and a third: so each is double the last but one. */
static const uint16_t hedge_ms[UPSTREAM_HEDGES] = {
    10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960};

/* The class of the time that 95 of 100 keep. */
unsigned upstream_hedge_class(const struct upstreams *u, unsigned i)
{
	const struct upstream *s = &u->server[i];
	unsigned class = 0, late = s->n_rtts;

	if (u->strategy != CONF_HEDGED || s->n_rtts < UPSTREAM_HEDGE_AFTER)
		return UPSTREAM_HEDGES;
	for (late -= s->rtts[0]; late * 20 > s->n_rtts; late -= s->rtts[class])
		class ++;
	return class;
}

uint32_t upstream_hedge_ms(unsigned hedge_class)
{
	return hedge_ms[hedge_class];
}

/* One more reply after so many ms. */
static void count_rtt(struct upstream *s, uint64_t rtt_ms)
{
	unsigned class = 0;

	while (class < UPSTREAM_HEDGES && rtt_ms > hedge_ms[class])
		class ++;
	s->rtts[class]++;
	if (++s->n_rtts == UPSTREAM_HEDGE_AGE) {
		s->n_rtts = 0;
		for (unsigned i = 0; i <= UPSTREAM_HEDGES; i++)
			s->n_rtts = (uint16_t)(s->n_rtts + (s->rtts[i] /= 2));
	}
}

static const uint16_t wait_ms[UPSTREAM_WAIT_CLASSES] = {
    100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1000, 1280, 1600, 2000, 2560, 3200};

uint32_t upstream_wait_ms(unsigned wait_class)
{
	return wait_ms[wait_class];
}

/* The servers of the groups of server i, and of those behind them. */
static unsigned count_fellows(const struct upstreams *u, unsigned i)
{
	uint64_t groups = u->server[i].groups;
	unsigned n = 0;

	for (unsigned g = 0; g < OPTIONS_GROUPS_MAX; g++)
		for (unsigned f = g; is_of(u, i, g) && (f = u->fallback[f]) != 0;)
			groups |= UINT64_C(1) << f;
	for (unsigned k = 0; k < u->n; k++)
		n += k == i || (u->server[k].groups & groups) != 0;
	return n;
}

unsigned upstream_wait_class(const struct upstreams *u, unsigned i, unsigned earlier, bool tcp)
{
	const struct upstream *s = &u->server[i];
	const uint32_t unknown_ms = s->proxied ? UPSTREAM_WAIT_PROXY_MS : UPSTREAM_WAIT_UNKNOWN_MS;
	/* As TCP does (RFC 6298, 2.3). */
	const uint32_t want_ms = s->srtt_ms8 == 0 ? unknown_ms : (s->srtt_ms8 + 4 * s->dev_ms8) / 8;
	unsigned class = 0;

	while (class < UPSTREAM_WAIT_CLASSES - 1 && wait_ms[class] < want_ms)
		class ++;
	if (earlier != 0)
		class += earlier * (UPSTREAM_WAIT_BACKOFF / count_fellows(u, i));
	/* A connection takes a round trip more. */
	if (tcp)
		class += UPSTREAM_WAIT_DOUBLE;
	return class < UPSTREAM_WAIT_CLASSES ? class : UPSTREAM_WAIT_CLASSES - 1;
}

/* The gains are those of TCP's estimator (RFC 6298, 2). */
static void measure(struct upstream *s, uint64_t rtt_ms)
{
	const uint32_t sample = (uint32_t)(rtt_ms < 60000 ? rtt_ms : 60000) * 8 + 1;
	const uint32_t dev = sample > s->srtt_ms8 ? sample - s->srtt_ms8 : s->srtt_ms8 - sample;

	if (s->srtt_ms8 == 0) {
		s->srtt_ms8 = sample;
		s->dev_ms8 = sample / 2;
	} else {
		s->srtt_ms8 = (s->srtt_ms8 * 7 + sample) / 8;
		s->dev_ms8 = (s->dev_ms8 * 3 + dev) / 4;
	}
}

void upstream_answered(struct upstreams *u, const union addr *addr, uint64_t rtt_ms)
{
	struct upstream *s = find(u, addr);

	if (s == NULL)
		return;
	measure(s, rtt_ms);
	count_rtt(s, rtt_ms);
	latency_count(&s->rtt, rtt_ms * NS_PER_MS, 1);
	s->silent = 0;
	s->answered++;
}

void upstream_silent(struct upstreams *u, const union addr *addr, uint64_t now_ms)
{
	struct upstream *s = find(u, addr);

	if (s == NULL)
		return;
	s->failed++;
	if (s->silent < UPSTREAM_DOWN_AFTER && ++s->silent == UPSTREAM_DOWN_AFTER) {
		s->down_ms = now_ms;
		s->probe_ms = now_ms + UPSTREAM_PROBE_MS;
	}
}

void upstream_count(struct upstreams *u, const union addr *addr, enum upstream_counter what)
{
	struct upstream *s = find(u, addr);

	if (s != NULL)
		s->counter[what]++;
}

void upstream_network(struct upstreams *u, bool moved, uint64_t now_ms)
{
	for (struct upstream *s = u->server; s < u->server + u->n; s++) {
		s->probe_ms = now_ms;
		if (!moved)
			continue;
		s->silent = 0;
		s->srtt_ms8 = s->dev_ms8 = 0;
		memset(s->rtts, 0, sizeof(s->rtts));
		s->n_rtts = 0;
		s->plain_until_ms = s->case_until_ms = 0;
		s->case_lost = 0;
		jar_empty(&s->jar);
	}
}

bool upstream_mixes_case(const struct upstreams *u, unsigned i, uint64_t now_ms)
{
	return now_ms >= u->server[i].case_until_ms;
}

void upstream_case_kept(struct upstreams *u, const union addr *addr)
{
	struct upstream *s = find(u, addr);

	if (s != NULL)
		s->case_lost = 0;
}

void upstream_case_lost(struct upstreams *u, const union addr *addr, uint64_t now_ms)
{
	struct upstream *s = find(u, addr);

	/* When its time is over one more such reply is enough. */
	if (s == NULL || ++s->case_lost < UPSTREAM_CASE_LOST_MAX)
		return;
	s->case_lost = UPSTREAM_CASE_LOST_MAX - 1;
	s->case_until_ms = now_ms + UPSTREAM_CASE_MS;
}
