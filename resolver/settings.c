/* settings.c - flags over file, and a worker's share of the bounds. */
#include "resolver/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocklists/feed.h"
#include "lib/dns/name.h"
#include "lib/dns/reverse.h"
#include "lib/ram.h"
#include "lib/resolvconf.h"
#include "resolver/core/client.h"
#include "resolver/core/rebind.h"
#include "resolver/core/special.h"
#include "resolver/hostnet.h"
#include "resolver/priv.h"

#define CACHE_SHARE_MIN 65536U /* bytes: what cache_new() asks for */

/* texts[0..n) in the place of what the file says of the option `name`. */
static int set_values(
    struct conf *conf, const char *name, const char *const *texts, unsigned n, struct why *why)
{
	for (unsigned i = 0; i < n; i++) {
		struct why reason;
		int err = conf_set(conf, name, i, texts[i], &reason);

		if (err < 0)
			return why_set(why, err, "--%s %s", name, reason.text);
	}
	return 0;
}

static int set_control(struct conf *conf, const struct settings_flags *flags, struct why *why)
{
	char folder[CONF_PATH_SIZE], path[2 * CONF_PATH_SIZE];
	const char *text = flags->control;

	if (text == NULL)
		return 0;
	/* The file has no folder that a path could start from; the command line has. */
	if (text[0] != '/' && text[0] != '\0' && getcwd(folder, sizeof(folder)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, text);
		text = path;
	}
	return set_values(conf, "control", &text, 1, why);
}

/* A question sent to ourselves would come back for ever. */
static int check_server(const struct conf *conf, const union addr *up, struct why *why)
{
	char text[ADDR_TEXT_SIZE];

	for (unsigned i = 0; i < conf->n_listen; i++)
		if (conf->listen[i].sa.sa_family == up->sa.sa_family &&
		    resolvconf_is_own(up, &conf->listen[i], 1))
			return why_set(why, ERR_FORMAT,
			    "upstream and listen are the same address, %s: quell would ask itself; "
			    "name another resolver as upstream",
			    addr_format(up, text));
	return 0;
}

static int check_servers(
    const struct conf *conf, const struct conf_servers *servers, struct why *why)
{
	int err = 0;

	for (unsigned u = 0; err == 0 && u < servers->n; u++)
		err = check_server(conf, &servers->addr[u], why);
	return err;
}

static int check_loop(const struct conf *conf, struct why *why)
{
	int err = 0;

	for (unsigned u = 0; err == 0 && u < conf->n_upstream; u++)
		err = check_server(conf, &conf->upstream[u], why);
	for (unsigned i = 0; err == 0 && i < conf->n_forwards; i++)
		err = check_servers(conf, &conf->forwards[i].upstream, why);
	for (unsigned i = 0; err == 0 && i < conf->n_groups; i++)
		err = check_servers(conf, &conf->groups[i].upstream, why);
	return err;
}

/* Each worker's part of the cache must be worth having. */
static int check_cache(const struct conf *conf, struct why *why)
{
	uint64_t share = conf->cache_size / conf->workers;

	if ((size_t)share != share)
		return why_set(
		    why, ERR_RANGE, "cache_size is larger than what this machine can address");
	if (share >= CACHE_SHARE_MIN)
		return 0;
	return why_set(why, ERR_RANGE,
	    "cache_size is too small for %u workers: give it %uK or more", conf->workers,
	    conf->workers * (CACHE_SHARE_MIN / 1024));
}

/* lib/ does not know the syntaxes. */
static int check_lists(const struct conf *conf, const char *path, struct why *why)
{
	for (unsigned i = 0; i < conf->n_lists; i++) {
		struct why reason;
		int err = feed_check_name(conf->lists[i].syntax, &reason);

		if (err < 0)
			return why_set(
			    why, err, "%s: list %s: %s", path, conf->lists[i].name, reason.text);
	}
	return 0;
}

/* Nor does it know which names are special. */
static int check_special(const struct conf *conf, const char *path, struct why *why)
{
	char words[256] = "";
	size_t used = 0;

	for (unsigned i = 0; i < conf->n_special_off; i++) {
		if (special_bit(conf->special_off[i]) != 0)
			continue;
		for (unsigned k = 0; special_words[k] != NULL; k++)
			used += (size_t)snprintf(words + used, sizeof(words) - used, "%s%s",
			    k != 0 ? ", " : "", special_words[k]);
		return why_set(why, ERR_FORMAT,
		    "%s: special_off: there is no special name '%s'; there are %s", path,
		    conf->special_off[i], words);
	}
	return 0;
}

/* The zone `text`, or the reverse zones of the network, into `zones`.  Returns 0, ERR_FORMAT or
 * ERR_RANGE. */
static int put_zone(const char *text, uint8_t value, struct zones *zones)
{
	uint8_t name[NAME_SIZE];
	struct net net;
	size_t len;
	int err;

	if (strchr(text, '/') == NULL) {
		err = name_from_text(text, strlen(text), name, &len);
		if (err < 0)
			return err;
		name_lower(name, name, len);
		return zones_add(zones, name, value);
	}
	err = net_parse(&net, text, NULL);
	for (unsigned i = 0; err == 0 && i < reverse_n_zones(&net); i++) {
		reverse_zone(&net, i, name);
		err = zones_add(zones, name, value);
	}
	return err;
}

static bool is_proxy(const struct proxy *proxy)
{
	return proxy->addr.sa.sa_family != AF_UNSPEC;
}

/* 1 and the index of `proxy`, which is put there unless it is; 0: it is none.  ERR_RANGE: no room. */
static int put_proxy(const struct proxy *proxy, struct options *options)
{
	for (int i = 0; is_proxy(proxy) && i < OPTIONS_PROXIES_MAX; i++) {
		if (!is_proxy(&options->proxies[i]))
			options->proxies[i] = *proxy;
		/* proxy_parse() has zeroed the gaps. */
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
		if (memcmp(&options->proxies[i], proxy, sizeof(*proxy)) == 0)
			return i + 1;
	}
	return is_proxy(proxy) ? ERR_RANGE : 0;
}

/* `addr` is asked by `group`, through proxies[proxy - 1].  Returns 0, ERR_RANGE, or ERR_FORMAT: the
 * configuration has it asked in another way, too. */
static int put_server(const struct conf *conf, const union addr *addr, unsigned group,
    uint8_t proxy, struct options *options)
{
	unsigned i = 0, n = options->n_upstream + options->n_forward;

	while (i < n && !addr_equal(&options->upstream[i], addr))
		i++;
	/* Of the system's resolvers it says nothing. */
	if (i < n && options->proxy[i] != proxy &&
	    (conf->n_upstream != 0 || i >= options->n_upstream))
		return ERR_FORMAT;
	if (i == n) {
		if (options->n_forward == OPTIONS_FORWARD_MAX)
			return ERR_RANGE;
		options->upstream[i] = *addr;
		options->n_forward++;
	}
	options->proxy[i] = proxy;
	options->groups[i] |= (uint64_t)1 << group;
	return 0;
}

static int put_servers(const struct conf *conf, const struct conf_servers *servers,
    const struct proxy *proxy, unsigned group, struct options *options)
{
	int index = put_proxy(proxy, options), err = index < 0 ? index : 0;

	for (unsigned k = 0; err == 0 && k < servers->n; k++)
		err = put_server(conf, &servers->addr[k], group, (uint8_t)index, options);
	return err;
}

/* The number of the group that a configuration calls `name`; 0: "". */
static uint8_t group_number(const struct conf *conf, const char *name)
{
	for (unsigned i = 0; i < conf->n_groups; i++)
		if (strcmp(conf->groups[i].name, name) == 0)
			return (uint8_t)(1 + conf->n_forwards + i);
	return 0;
}

/* Others than the upstreams for all, behind them: those of forward zones, and of groups. */
static int put_groups(const struct conf *conf, struct options *options)
{
	unsigned group = 1;
	int err = 0;

	options->fallback[0] = group_number(conf, conf->fallback);
	for (unsigned i = 0; err == 0 && i < conf->n_forwards; i++, group++) {
		const struct conf_forward *forward = &conf->forwards[i];

		err = put_zone(forward->zone, (uint8_t)group, &options->forward);
		if (err == 0)
			err =
			    put_servers(conf, &forward->upstream, &forward->proxy, group, options);
		options->fallback[group] = group_number(conf, forward->fallback);
	}
	for (unsigned i = 0; err == 0 && i < conf->n_groups; i++, group++) {
		const struct conf_group *of = &conf->groups[i];

		err = put_servers(conf, &of->upstream, &of->proxy, group, options);
		options->fallback[group] = group_number(conf, of->fallback);
	}
	return err;
}

/* The upstreams for all. */
static void put_upstreams(const struct conf *conf, struct options *options)
{
	/* The first of the proxies: there is room. */
	int proxy = put_proxy(&conf->proxy, options);

	if (conf->n_upstream != 0) {
		memcpy(options->upstream, conf->upstream, sizeof(conf->upstream));
		options->n_upstream = conf->n_upstream;
	} else {
		options->n_upstream = resolvconf_read(
		    options->upstream, CONF_UPSTREAM_MAX, conf->listen, conf->n_listen);
	}
	memset(options->proxy, proxy, options->n_upstream);
}

/* With all of the servers new there is room, too. */
static int check_groups(const struct conf *conf, const char *path, struct why *why)
{
	struct options *options = calloc(1, sizeof(*options));
	int err = ERR_NOMEM;

	if (options != NULL && conf->n_upstream != 0)
		put_upstreams(conf, options);
	if (options != NULL)
		err = put_groups(conf, options);
	free(options);
	if (err == 0 && is_proxy(&conf->proxy) && conf->n_upstream == 0)
		return why_set(why, ERR_FORMAT,
		    "%s: proxy: there is no upstream to ask through it; name one with the option "
		    "upstream",
		    path);
	if (err == 0)
		return 0;
	if (err == ERR_FORMAT)
		return why_set(why, err,
		    "%s: proxy: one upstream is asked through it here, and in another way there; "
		    "take "
		    "another upstream for one of them",
		    path);
	return why_set(why, err,
	    "%s: forward, group: too many; at most %d zones (172.16.0.0/12 counts as 16), %d "
	    "servers and %d proxies are possible",
	    path, ZONES_MAX, OPTIONS_FORWARD_MAX, OPTIONS_PROXIES_MAX);
}

/* The zones whose names may lead to private addresses, into `zones`.  Returns 0 or ERR_RANGE. */
static int put_excepted(const struct conf *conf, struct zones *zones)
{
	int err = 0;

	rebind_except_usual(zones);
	for (unsigned i = 0; err == 0 && i < conf->rebind_allow.n; i++)
		err = put_zone(conf->rebind_allow.text[i], 0, zones);
	return err;
}

static int check_rebind(const struct conf *conf, const char *path, struct why *why)
{
	struct zones zones = {.n = 0};

	if (put_excepted(conf, &zones) == 0)
		return 0;
	return why_set(why, ERR_FORMAT,
	    "%s: rebind_allow: these names are too long in all; take shorter ones", path);
}

static int read_file(struct conf **conf, const char *path, struct why *why)
{
	const char *read = path != NULL ? path : conf_default_path;
	int err = conf_read(conf, read, why);

	if (err == ERR_DENIED)
		return why_set(why, err, "%s: the user %s may not read it", read, priv_user_name());
	if (err == 0) {
		err = check_lists(*conf, read, why);
		if (err == 0)
			err = check_special(*conf, read, why);
		if (err == 0)
			err = check_rebind(*conf, read, why);
		if (err < 0)
			conf_free(*conf);
		return err;
	}
	if (err != ERR_NOTFOUND || path != NULL)
		return err;
	*conf = conf_new();
	return *conf == NULL ? why_set(why, ERR_NOMEM, "no memory") : 0;
}

int settings_read(struct conf **out, const struct settings_flags *flags, struct why *why)
{
	const char *path = flags->conf_path != NULL ? flags->conf_path : conf_default_path;
	struct conf *conf;
	int err = read_file(&conf, flags->conf_path, why);

	if (err < 0)
		return err;
	if (flags->workers != 0)
		conf->workers = flags->workers;
	err = set_values(conf, "listen", flags->listen, flags->n_listen, why);
	if (err == 0)
		err = set_values(conf, "upstream", flags->upstream, flags->n_upstream, why);
	if (err == 0)
		err = set_control(conf, flags, why);
	if (err == 0)
		err = check_groups(conf, path, why);
	if (err == 0)
		err = check_loop(conf, why);
	if (err == 0)
		err = check_cache(conf, why);
	if (err < 0)
		conf_free(conf);
	else
		*out = conf;
	return err;
}

int settings_budget(struct budget *b, const struct conf *conf, struct why *why)
{
	uint64_t memory = conf->memory != 0 ? conf->memory : ram_allowed("");
	int err = budget_make(b, conf, memory, why);

	/* What nobody asked for is no error. */
	while (err < 0 && conf->memory == 0) {
		memory *= 2;
		err = budget_make(b, conf, memory, NULL);
	}
	return err;
}

/* A worker's share of a total: none is left with nothing. */
static uint32_t share(uint32_t total, unsigned workers)
{
	return total / workers != 0 ? total / workers : 1;
}

/* 0 stands for a fifth: enough for a router that asks for a whole household. */
static uint32_t tcp_per_address(const struct conf *conf)
{
	if (conf->tcp_clients_per_address != 0)
		return conf->tcp_clients_per_address;
	return conf->tcp_clients_max / 5 > 10 ? conf->tcp_clients_max / 5 : 10;
}

/* 0 stands for no limit. */
static uint32_t rate_share(uint32_t total, unsigned workers)
{
	return total == 0 ? 0 : share(total, workers);
}

static void put_networks(
    struct options *options, const struct net *nets, unsigned n, enum client_access access)
{
	for (unsigned i = 0; i < n; i++)
		client_put(options, &nets[i], access);
}

static void put_access(const struct conf *conf, struct options *options)
{
	struct net usual[OPTIONS_ALLOW_MAX];

	if (conf->allow.n != 0)
		put_networks(options, conf->allow.net, conf->allow.n, CLIENT_ALLOW);
	else
		put_networks(
		    options, usual, hostnet_allowed(usual, OPTIONS_ALLOW_MAX), CLIENT_ALLOW);
	put_networks(options, conf->refuse.net, conf->refuse.n, CLIENT_REFUSE);
	put_networks(options, conf->drop.net, conf->drop.n, CLIENT_DROP);
}

/* Zones that may lead to private addresses, and upstreams that may say so. */
static void put_rebind(const struct conf *conf, struct options *options)
{
	options->rebind_protection = conf->rebind_protection;
	(void)put_excepted(conf, &options->rebind_allow); /* by check_rebind() there is room */
	for (unsigned i = 0; i < options->n_upstream + options->n_forward; i++)
		for (unsigned k = 0; k < conf->rebind_trust.n; k++)
			options->trusted[i] |=
			    addr_equal(&options->upstream[i], &conf->rebind_trust.addr[k]);
}

void settings_options(const struct conf *conf, struct options *options)
{
	memset(options, 0, sizeof(*options));
	put_upstreams(conf, options);
	put_access(conf, options);
	(void)put_groups(conf, options); /* by check_groups() there is room */
	options->client_subnet = conf->client_subnet;
	put_rebind(conf, options);
	options->suppress = conf->suppress;
	options->dns64 = conf->dns64;
	options->cname_guard = conf->cname_guard;
	options->rate_limit = rate_share(conf->rate_limit, conf->workers);
	options->rate_limit_network = rate_share(conf->rate_limit_network, conf->workers);
	options->rate_slip = conf->rate_slip;
	options->cache_size = (size_t)(conf->cache_size / conf->workers);
	options->cache_max_ttl_s = conf->cache_max_ttl_s;
	options->prefetch = conf->prefetch;
	options->stale = conf->stale;
	options->stale_delay_ms = conf->stale_delay_ms;
	options->stale_max_s = conf->stale_max_s;
	options->min_ttl_s = conf->min_ttl_s;
	options->cache_negative_ttl_s = conf->cache_negative_ttl_s;
	options->cache_failure_ttl_s = conf->cache_failure_ttl_s;
	options->strategy = conf->strategy;
	options->query_timeout_ms = conf->query_timeout_ms;
	options->questions_max = share(conf->questions_max, conf->workers);
	options->tcp_clients_max = share(conf->tcp_clients_max, conf->workers);
	options->tcp_clients_per_address = share(tcp_per_address(conf), conf->workers);
	options->tcp_idle_ms = conf->tcp_idle_ms;
	options->udp_size = conf->udp_size;
	options->log_queries = conf->log_queries;
	options->single_labels = conf->single_label == CONF_SINGLE_FORWARD;
	options->special = SPECIAL_ALL;
	for (unsigned i = 0; i < conf->n_special_off; i++)
		options->special &= ~special_bit(conf->special_off[i]);
	options->block_answer = conf->block_answer;
	options->block_ttl_s = conf->block_ttl_s;
	options->adapt.on = conf->adaptive;
	options->adapt.threshold = conf->adaptive_threshold;
	options->adapt.window_ms = conf->adaptive_window_ms;
	options->adapt.dwell_ms = conf->adaptive_dwell_ms;
	options->adapt.return_ms = conf->adaptive_return_ms;
}
