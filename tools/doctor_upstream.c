/* doctor_upstream.c - three questions to each upstream, and quelld's own counters. */
#include "tools/doctor_upstream.h"

#include <stdlib.h>
#include <string.h>

#include "lib/dns/msg.h"
#include "lib/resolvconf.h"

#define ASKED_MIN      50 /* of fewer questions the share that failed says nothing */
#define FAILED_PERCENT 20
#define SLOW_MS	       500

static const char other_fix[] =
    "choose other resolvers: upstream = { \"9.9.9.9\", \"149.112.112.112\" } in "
    "quell.conf, then: sudo systemctl reload quelld";

/* ---- which ---- */

static struct doctor_server *add(struct doctor_servers *servers, const union addr *a)
{
	for (unsigned i = 0; i < servers->n; i++) {
		if (addr_equal(&servers->server[i].addr, a))
			return &servers->server[i];
	}
	servers->more = servers->more || servers->n == DOCTOR_SERVERS_MAX;
	if (servers->n == DOCTOR_SERVERS_MAX)
		return NULL;
	servers->server[servers->n] = (struct doctor_server){.addr = *a};
	return &servers->server[servers->n++];
}

static void add_all(struct doctor_servers *servers, const union addr *addrs, unsigned n,
    const struct proxy *proxy, bool general)
{
	for (unsigned i = 0; i < n; i++) {
		struct doctor_server *s = add(servers, &addrs[i]);

		if (s == NULL)
			return;
		s->general = s->general || general;
		s->proxied = s->proxied || proxy->addr.sa.sa_family != AF_UNSPEC;
	}
}

static void from_conf(const struct doctor_case *c, struct doctor_servers *servers)
{
	const struct conf *conf = c->conf;
	union addr system[CONF_UPSTREAM_MAX];

	add_all(servers, conf->upstream, conf->n_upstream, &conf->proxy, true);
	if (conf->n_upstream == 0)
		add_all(servers, system,
		    resolvconf_read(system, CONF_UPSTREAM_MAX, c->listen.addr, c->listen.n),
		    &conf->proxy, true);
	for (unsigned i = 0; i < conf->n_groups; i++)
		add_all(servers, conf->groups[i].upstream.addr, conf->groups[i].upstream.n,
		    &conf->groups[i].proxy, true);
	for (unsigned i = 0; i < conf->n_forwards; i++)
		add_all(servers, conf->forwards[i].upstream.addr, conf->forwards[i].upstream.n,
		    &conf->forwards[i].proxy, false);
}

/* What a line says of `s`, of which the workers' own views are left out. */
static void take_line(struct doctor_server *s, const struct doctor_pair *pair)
{
	if (strcmp(pair->key, "zone") == 0 || strcmp(pair->key, "group") == 0)
		s->general =
		    s->general || strcmp(pair->key, "group") == 0 || strcmp(pair->value, ".") == 0;
	else if (strcmp(pair->key, "transport") == 0)
		s->proxied = strcmp(pair->value, "udp") != 0;
	else if (strcmp(pair->key, "state") == 0)
		s->away = strcmp(pair->value, "away") == 0;
	else if (strcmp(pair->key, "asked") == 0)
		s->asked = strtoull(pair->value, NULL, 10);
	else if (strcmp(pair->key, "failed") == 0)
		s->failed = strtoull(pair->value, NULL, 10);
}

static void from_quelld(const char *at, struct doctor_servers *servers)
{
	struct doctor_server *s = NULL;
	struct doctor_pair pair;
	union addr a;

	while (doctor_next(&at, &pair)) {
		if (strcmp(pair.key, "upstream") == 0)
			s = addr_parse(&a, pair.value, 53, NULL) == 0 ? add(servers, &a) : NULL;
		else if (strcmp(pair.key, "worker") == 0)
			s = NULL;
		else if (s != NULL)
			take_line(s, &pair);
	}
}

void doctor_servers(const struct doctor_case *c, struct doctor_servers *servers)
{
	*servers = (struct doctor_servers){.n = 0};
	from_quelld(c->upstreams, servers);
	/* No worker may have said any, for none answers. */
	if (servers->n == 0)
		from_conf(c, servers);
}

unsigned doctor_upstream_ask(const struct doctor_servers *servers, struct probe *probes)
{
	unsigned n = 0;

	for (unsigned i = 0; i < servers->n; i++) {
		if (servers->server[i].proxied)
			continue;
		/* The SOA of the root, which is signed, and which everybody has. */
		for (unsigned k = 0; k < DOCTOR_PROBES; k++)
			probes[n++] = (struct probe){.to = servers->server[i].addr,
			    .tcp = k == DOCTOR_PROBE_TCP,
			    .edns = k != DOCTOR_PROBE_PLAIN,
			    .type = TYPE_SOA};
	}
	return n;
}

/* ---- what came of it ---- */

/* It answers over UDP: what it lacks. */
static void judge_lacks(
    struct doctor *d, const struct doctor_server *s, const char *text, const struct probe *probes)
{
	const struct probe *edns = &probes[DOCTOR_PROBE_EDNS], *tcp = &probes[DOCTOR_PROBE_TCP];

	if (s->general && probes[DOCTOR_PROBE_PLAIN].answered &&
	    probes[DOCTOR_PROBE_PLAIN].rcode != RCODE_NOERROR) {
		doctor_say(d, DOCTOR_WARN, "upstream",
		    "%s does not resolve: the SOA of the root gets RCODE %u", text,
		    probes[DOCTOR_PROBE_PLAIN].rcode);
		doctor_fix(d, "%s", other_fix);
	}
	if (!tcp->answered) {
		doctor_say(d, DOCTOR_WARN, "upstream",
		    "%s does not answer over TCP (%s): answers that are too long for UDP fail",
		    text, probe_trouble(tcp));
		doctor_fix(d,
		    "let TCP port %u through on the router's or its packet filter, or choose "
		    "another "
		    "resolver",
		    addr_port(&s->addr));
	}
	if (!edns->answered || !edns->has_opt) {
		doctor_say(d, DOCTOR_WARN, "upstream",
		    "%s does not understand EDNS%s: answers are cut at 512 bytes, "
		    "and there is no DNSSEC",
		    text, edns->answered ? "" : ", and is silent to it");
		doctor_fix(d, "%s", other_fix);
	} else if (s->general && edns->rcode == RCODE_NOERROR && !edns->truncated &&
		   !edns->is_signed) {
		doctor_say(d, DOCTOR_WARN, "upstream",
		    "%s leaves DNSSEC signatures out: a client that checks them cannot", text);
		doctor_fix(d, "%s", other_fix);
	}
}

/* What quelld has seen of it for longer than a moment. */
static void judge_history(struct doctor *d, const struct doctor_server *s, const char *text)
{
	if (s->away)
		doctor_say(
		    d, DOCTOR_WARN, "upstream", "quelld has had no reply from %s of late", text);
	else if (s->asked >= ASKED_MIN && s->failed * 100 >= s->asked * FAILED_PERCENT)
		doctor_say(d, DOCTOR_WARN, "upstream", "%llu of %llu questions to %s had no reply",
		    (unsigned long long)s->failed, (unsigned long long)s->asked, text);
	else
		return;
	doctor_fix(
	    d, "sudo quellctl upstreams; ping the router and then that resolver: is it the line?");
}

static void judge(
    struct doctor *d, const struct doctor_server *s, const struct probe *probes, bool alone)
{
	const struct probe *plain = &probes[DOCTOR_PROBE_PLAIN], *edns = &probes[DOCTOR_PROBE_EDNS];
	const struct probe *first = plain->answered ? plain : edns;
	unsigned before = d->n;
	char text[ADDR_TEXT_SIZE];

	(void)addr_format(&s->addr, text);
	if (!plain->answered && !edns->answered) {
		doctor_say(d, alone ? DOCTOR_BAD : DOCTOR_WARN, "upstream",
		    "%s does not answer over UDP: %s%s", text, probe_trouble(plain),
		    probes[DOCTOR_PROBE_TCP].answered ? "; over TCP it does" : "");
		doctor_fix(d,
		    "ping the router, then that resolver; where only the latter fails: %s",
		    other_fix);
		return;
	}
	judge_lacks(d, s, text, probes);
	judge_history(d, s, text);
	if (first->rtt_ms >= SLOW_MS) {
		doctor_say(d, DOCTOR_WARN, "upstream", "%s took %u ms", text, first->rtt_ms);
		doctor_fix(d, "%s", other_fix);
	}
	if (d->n == before)
		doctor_say(d, DOCTOR_OK, "upstream",
		    "%s answers in %u ms, over UDP and TCP, with EDNS%s", text, first->rtt_ms,
		    edns->is_signed ? " and DNSSEC" : "");
}

/* Does any of them answer that has all names? */
static bool one_answers(const struct doctor_servers *servers, const struct probe *probes)
{
	for (unsigned i = 0; i < servers->n; i++) {
		if (servers->server[i].proxied)
			return true; /* for all that is known */
		if (servers->server[i].general &&
		    (probes[DOCTOR_PROBE_PLAIN].answered || probes[DOCTOR_PROBE_EDNS].answered))
			return true;
		probes += DOCTOR_PROBES;
	}
	return false;
}

void doctor_upstream(
    struct doctor *d, const struct doctor_servers *servers, const struct probe *probes)
{
	bool alone = !one_answers(servers, probes);
	char text[ADDR_TEXT_SIZE];

	if (servers->n == 0) {
		doctor_say(d, DOCTOR_BAD, "upstream",
		    "there is no upstream: only local names are answered");
		doctor_fix(d, "upstream = { \"9.9.9.9\", \"149.112.112.112\" } in quell.conf, "
			      "then: sudo systemctl reload quelld");
	}
	for (unsigned i = 0; i < servers->n; i++) {
		const struct doctor_server *s = &servers->server[i];

		if (!s->proxied) {
			judge(d, s, probes, alone);
			probes += DOCTOR_PROBES;
			continue;
		}
		doctor_say(d, DOCTOR_UNKNOWN, "upstream",
		    "%s is asked through a proxy, and was not asked here",
		    addr_format(&s->addr, text));
		doctor_fix(d, "sudo quellctl upstreams");
	}
	if (servers->more)
		doctor_say(d, DOCTOR_UNKNOWN, "upstream",
		    "there are more than %u: the others were not asked", DOCTOR_SERVERS_MAX);
}
