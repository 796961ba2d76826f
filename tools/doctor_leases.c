/* doctor_leases.c - the files of those who speak DHCP, and listen to the router. */
#include "tools/doctor_leases.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "lib/resolvconf.h"
#include "tools/doctor_port.h"

#define RESOLVERS_MAX 16

enum syntax {
	IN_KEYS,  /* DNS=192.0.2.1 2001:db8::1 */
	IN_LEASE, /* option domain-name-servers 192.0.2.1, 192.0.2.2; */
	IN_CONF,  /* nameserver 192.0.2.1 */
};

/* Where it is written what this machine was given.  (What resolved uses may be set by hand: not
 * here.) */
static const struct source {
	const char *pattern;
	enum syntax syntax;
	int family; /* AF_UNSPEC: both; else the other one may be set by hand */
} sources[] = {
    {"/run/systemd/netif/leases/*", IN_KEYS, AF_UNSPEC},
    {"/run/systemd/netif/links/*", IN_KEYS, AF_INET6}, /* with router advertisements */
    {"/var/lib/dhcp/dhclient*.leases", IN_LEASE, AF_UNSPEC},
    {"/var/lib/NetworkManager/dhclient*.lease", IN_LEASE, AF_UNSPEC},
    {"/run/resolvconf/interface*/*.dhcp*", IN_CONF, AF_UNSPEC}, /* dhcpcd, ifupdown */
    {"/run/resolvconf/interface*/*.dhclient*", IN_CONF, AF_UNSPEC},
    {"/run/resolvconf/interface*/*.ra", IN_CONF, AF_INET6},
};

/* The addresses between blanks and commas in `text`, up to `;` or the end of the line. */
static void take_list(struct doctor_addrs *given, const char *text, int family)
{
	char word[ADDR_TEXT_SIZE];
	union addr a;

	while (*text != '\0' && *text != ';' && *text != '\n') {
		size_t len = strcspn(text, " ,;\n");

		if (len > 0 && len < sizeof(word)) {
			memcpy(word, text, len);
			word[len] = '\0';
			if (addr_parse(&a, word, DOCTOR_DNS_PORT, NULL) == 0 &&
			    (family == AF_UNSPEC || a.sa.sa_family == family))
				doctor_addrs_add(given, &a);
		}
		text += len + (text[len] == ' ' || text[len] == ',');
	}
}

/* Those of the last line that has `key` (a file of leases grows at its end). */
static void take_last(struct doctor_addrs *given, const char *text, const char *key, int family)
{
	const char *last = NULL;

	for (const char *at = text; (at = strstr(at, key)) != NULL; at += strlen(key)) {
		if (at == text || at[-1] == '\n' || at[-1] == ' ')
			last = at + strlen(key);
	}
	if (last != NULL)
		take_list(given, last, family);
}

static void take_file(struct doctor_addrs *given, const char *text, const struct source *source)
{
	union addr found[RESOLVERS_MAX];
	unsigned n;

	switch (source->syntax) {
	case IN_KEYS:
		take_last(given, text, "DNS=", source->family);
		return;
	case IN_LEASE:
		take_last(given, text, "option domain-name-servers ", source->family);
		take_last(given, text, "option dhcp6.name-servers ", source->family);
		return;
	case IN_CONF:
		n = resolvconf_parse(text, found, RESOLVERS_MAX, NULL, 0);
		for (unsigned i = 0; i < n; i++) {
			if (source->family == AF_UNSPEC || found[i].sa.sa_family == source->family)
				doctor_addrs_add(given, &found[i]);
		}
	}
}

/* ---- NetworkManager ---- */

/* It does not keep leases that could be read, but what it made of them, together with what was
 * set by hand: so that counts only where nothing was, by the files of the connections that are
 * in use, which are root's. */

#define UUID_SIZE 64

/* A pattern below the root, and what to do with the text of each file. */
typedef void visit_fn(void *ctx, const char *text);

static void visit(const struct doctor_case *c, const char *pattern, visit_fn *each, void *ctx)
{
	char whole[CONF_PATH_SIZE];
	glob_t found;

	if (snprintf(whole, sizeof(whole), "%s%s", c->root, pattern) >= (int)sizeof(whole) ||
	    glob(whole, 0, NULL, &found) != 0)
		return;
	for (size_t k = 0; k < found.gl_pathc; k++) {
		char *text = doctor_read(c, found.gl_pathv[k] + strlen(c->root));

		if (text != NULL)
			each(ctx, text);
		free(text);
	}
	globfree(&found);
}

/* The line that begins with `key` in text[0..len): what is behind it.  NULL: there is none. */
static const char *find_line(const char *text, size_t len, const char *key)
{
	for (const char *at = text; at < text + len; at += strcspn(at, "\n") + 1) {
		if (strncmp(at, key, strlen(key)) == 0)
			return at + strlen(key);
	}
	return NULL;
}

/* Is nothing set by hand in this section of a connection? */
static bool is_automatic(const char *text, const char *section)
{
	const char *begin = find_line(text, strlen(text), section), *end, *method;
	size_t len;

	if (begin == NULL)
		return false;
	end = strstr(begin, "\n[");
	len = end != NULL ? (size_t)(end - begin) : strlen(begin);
	method = find_line(begin, len, "method=");
	return method != NULL && strncmp(method, "auto\n", 5) == 0 &&
	       find_line(begin, len, "dns=") == NULL &&
	       find_line(begin, len, "ignore-auto-dns=true") == NULL;
}

struct connections {
	const struct doctor_case *c;
	char uuid[UUID_SIZE];
	unsigned n, n_ipv4, n_ipv6; /* in use; of these without anything by hand */
};

static void look_at_connection(void *ctx, const char *text)
{
	struct connections *all = ctx;
	const char *uuid = find_line(text, strlen(text), "uuid=");
	size_t len = strlen(all->uuid);

	if (uuid == NULL || strncmp(uuid, all->uuid, len) != 0 || uuid[len] != '\n')
		return;
	all->n_ipv4 += is_automatic(text, "[ipv4]\n");
	all->n_ipv6 += is_automatic(text, "[ipv6]\n");
}

static void look_at_device(void *ctx, const char *text)
{
	struct connections *all = ctx;
	const char *uuid = find_line(text, strlen(text), "connection-uuid=");
	size_t len = uuid != NULL ? strcspn(uuid, "\n") : 0;

	if (len == 0 || len >= sizeof(all->uuid))
		return;
	memcpy(all->uuid, uuid, len);
	all->uuid[len] = '\0';
	all->n++;
	visit(all->c, "/etc/NetworkManager/system-connections/*", look_at_connection, all);
	visit(all->c, "/run/NetworkManager/system-connections/*", look_at_connection, all);
}

static void take_network_manager(const struct doctor_case *c, struct doctor_addrs *given)
{
	struct connections all = {.c = c};
	union addr found[RESOLVERS_MAX];
	unsigned n;
	char *text;

	visit(c, "/run/NetworkManager/devices/*", look_at_device, &all);
	/* Where resolved is between, its own file names just that. */
	text = doctor_read(c, "/run/NetworkManager/no-stub-resolv.conf");
	if (text == NULL)
		text = doctor_read(c, "/run/NetworkManager/resolv.conf");
	n = text != NULL && all.n != 0 ? resolvconf_parse(text, found, RESOLVERS_MAX, NULL, 0) : 0;
	for (unsigned i = 0; i < n; i++) {
		if ((found[i].sa.sa_family == AF_INET ? all.n_ipv4 : all.n_ipv6) == all.n)
			doctor_addrs_add(given, &found[i]);
	}
	free(text);
}

/* ---- all of them ---- */

struct taking {
	struct doctor_addrs *given;
	const struct source *source;
};

static void take_one(void *ctx, const char *text)
{
	const struct taking *t = ctx;

	take_file(t->given, text, t->source);
}

void doctor_leases(const struct doctor_case *c, struct doctor_addrs *given)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct taking taking = {given, &sources[i]};

		visit(c, sources[i].pattern, take_one, &taking);
	}
	take_network_manager(c, given);
}
