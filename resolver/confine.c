/* confine.c - the ports of the options. */
#include "resolver/confine.h"

#include "lib/addr.h"

#define DNS_PORT 53

static bool has(const struct confine *c, uint16_t port)
{
	for (unsigned i = 0; i < c->n_ports; i++) {
		if (c->ports[i] == port)
			return true;
	}
	return false;
}

static void add(struct confine *c, uint16_t port)
{
	if (!has(c, port))
		c->ports[c->n_ports++] = port;
}

static void collect(struct confine *c, const struct options *options)
{
	c->n_ports = 0;
	add(c, DNS_PORT);
	for (uint32_t i = 0; i < options->n_upstream + options->n_forward; i++)
		add(c, addr_port(&options->upstream[i]));
	for (uint32_t i = 0; i < OPTIONS_PROXIES_MAX; i++) {
		if (options->proxies[i].addr.sa.sa_family != AF_UNSPEC)
			add(c, addr_port(&options->proxies[i].addr));
	}
}

void confine_enter(struct confine *c, const struct options *options)
{
	struct sandbox_wish wish = {.kind = SANDBOX_WORKER, .ports = c->ports};

	collect(c, options);
	wish.n_ports = c->n_ports;
	sandbox_enter(&wish, &c->sandbox);
}

bool confine_fits(const struct confine *c, const struct options *options)
{
	struct confine wanted;

	collect(&wanted, options);
	for (unsigned i = 0; i < wanted.n_ports; i++) {
		if (!has(c, wanted.ports[i]))
			return c->sandbox.state[SANDBOX_TCP] != SANDBOX_HOLDS;
	}
	return true;
}
