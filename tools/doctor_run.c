/* doctor_run.c - from the outside in: quelld, its ports and answers, the upstreams, the network,
 * the machine. */
#include "tools/doctor_run.h"

#include <errno.h>
#include <ifaddrs.h>
#include <libgen.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/dns/name.h"
#include "tools/control.h"
#include "tools/doctor.h"
#include "tools/doctor_answers.h"
#include "tools/doctor_daemon.h"
#include "tools/doctor_host.h"
#include "tools/doctor_lists.h"
#include "tools/doctor_net.h"
#include "tools/doctor_port.h"
#include "tools/doctor_upstream.h"
#include "tools/probe.h"
#include "tools/update_clock.h"

#define NAMES_MAX 2 /* listed ones that quelld is asked about */

/* ---- the configuration ---- */

/* Never NULL but without memory: where there is none that can be read, the defaults. */
static struct conf *read_conf(struct doctor *d, const char *path)
{
	struct conf *conf;
	struct why why;
	int err;

	path = path != NULL ? path : conf_default_path;
	err = conf_read(&conf, path, &why);
	if (err == 0)
		return conf;
	if (err == ERR_NOTFOUND && path == conf_default_path) {
		doctor_say(d, DOCTOR_OK, "config", "there is no %s: the defaults hold", path);
		return conf_new();
	}
	doctor_say(d, err == ERR_DENIED ? DOCTOR_UNKNOWN : DOCTOR_BAD, "config", "%s", why.text);
	doctor_fix(d, err == ERR_DENIED ? "sudo quellctl doctor" : "sudo quelld --check");
	return conf_new();
}

/* ---- what quelld says ---- */

static char *ask(const char *control, const char *request, struct why *why)
{
	char *lines;

	return control_ask_within(control, request, DOCTOR_WAIT_S, &lines, why) == 0 ? lines : NULL;
}

static enum doctor_reach reach_of(const char *control, const char *status)
{
	if (status != NULL)
		return DOCTOR_ANSWERS;
	return access(control, R_OK | W_OK) != 0 && errno == EACCES ? DOCTOR_CLOSED : DOCTOR_AWAY;
}

/* A listed name that quelld says it blocks, if one is found. */
static bool find_listed(const struct doctor_case *c, const char *control, uint8_t name[NAME_SIZE])
{
	for (unsigned i = 0; i < NAMES_MAX && c->reach == DOCTOR_ANSWERS; i++) {
		char request[NAME_TEXT_SIZE + 8], text[NAME_TEXT_SIZE], *lines;
		struct doctor_pair pair;
		struct why why;
		bool blocked;

		if (!doctor_answers_listed(c->conf->state_dir, i, name))
			return false;
		(void)snprintf(request, sizeof(request), "why %s\n", name_to_text(name, text));
		lines = ask(control, request, &why);
		if (lines == NULL)
			return false;
		blocked =
		    doctor_value(lines, "verdict", &pair) && strcmp(pair.value, "blocked") == 0;
		free(lines);
		if (blocked)
			return true;
	}
	return false;
}

/* ---- the machine ---- */

static void find_own(struct doctor_addrs *own)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		union addr a = {.in6.sin6_family = AF_UNSPEC};

		if (i->ifa_addr == NULL || (i->ifa_flags & IFF_LOOPBACK) != 0)
			continue;
		a.sa.sa_family = i->ifa_addr->sa_family;
		if (a.sa.sa_family != AF_INET && a.sa.sa_family != AF_INET6)
			continue;
		memcpy(&a, i->ifa_addr, addr_len(&a));
		doctor_addrs_add(own, &a);
	}
	freeifaddrs(all);
}

static void check_rights(struct doctor *d)
{
	if (geteuid() == 0)
		return;
	doctor_say(d, DOCTOR_UNKNOWN, "rights",
	    "this is not root, who also sees which process holds a port, files of other users, and "
	    "quelld's own view");
	doctor_fix(d, "sudo quellctl doctor");
}

static void check_disk(struct doctor *d, const struct conf *conf)
{
	char path[CONF_PATH_SIZE];

	doctor_folder(d, conf->state_dir, "quell-update");
	memcpy(path, conf->rules, sizeof(path));
	doctor_folder(d, dirname(path), "quell");
}

/* Questions over the network, all at once. */
static void check_answers(struct doctor *d, const struct doctor_case *c, const uint8_t *listed)
{
	static struct probe probes[DOCTOR_ANSWERS_PROBES + DOCTOR_SERVERS_MAX * DOCTOR_PROBES];
	static struct doctor_servers servers;
	unsigned n_here = doctor_answers_ask(c, listed, probes), n;

	doctor_servers(c, &servers);
	n = n_here + doctor_upstream_ask(&servers, probes + n_here);
	probe_run(probes, n, DOCTOR_WAIT_S * 1000);
	doctor_answers(d, c, listed, probes, n_here);
	doctor_upstream(d, &servers, probes + n_here);
}

static void check_all(struct doctor *d, const struct doctor_case *c, const char *control)
{
	uint8_t name[NAME_SIZE];
	bool listed = find_listed(c, control, name);

	doctor_daemon(d, c);
	check_rights(d);
	doctor_port(d, c);
	check_answers(d, c, listed ? name : NULL);
	doctor_self(d, c);
	doctor_router(d, c);
	doctor_ipv6(d, c);
	doctor_clock(d, c, update_clock_built_s(), doctor_clock_synchronised());
	check_disk(d, c->conf);
	doctor_lists(d, c);
	doctor_timer(d, c);
}

int doctor_run(const char *conf_path, const char *control, bool json)
{
	static struct doctor d;
	static struct doctor_case c = {.root = "", .upstreams = ""};
	struct conf *conf = read_conf(&d, conf_path);
	char *status = NULL, *upstreams = NULL;
	struct why why = {""}, unused;

	if (conf == NULL) {
		doctor_say(&d, DOCTOR_BAD, "config", "no memory");
		goto out;
	}
	control = control != NULL ? control : conf->control;
	status = ask(control, "status\n", &why);
	if (status != NULL)
		upstreams = ask(control, "upstreams\n", &unused);
	c.conf = conf;
	c.reach = reach_of(control, status);
	c.status = status != NULL ? status : "";
	c.upstreams = upstreams != NULL ? upstreams : "";
	c.refusal = why.text;
	c.now_s = (int64_t)time(NULL);
	find_own(&c.own);
	doctor_listening(&c);
	check_all(&d, &c, control);
out:
	(json ? doctor_print_json : doctor_print)(&d, stdout);
	free(upstreams);
	free(status);
	conf_free(conf);
	return doctor_exit_status(&d);
}
