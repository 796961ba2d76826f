/* doctor_port.c - addresses to listen at, and the sockets that are there. */
#include "tools/doctor_port.h"

#include <pwd.h>
#include <string.h>

/* Those that sit on port 53: the beginning of the program's name, the user where that cannot be
 * seen. */
static const struct known {
	const char *command, *user, *fix;
} known[] = {
    {"systemd-resolve", "systemd-resolve",
	"printf '[Resolve]\\nDNSStubListener=no\\n' | sudo tee "
	"/etc/systemd/resolved.conf.d/quell.conf; sudo ln -sf "
	"/run/systemd/resolve/resolv.conf /etc/resolv.conf; sudo systemctl restart "
	"systemd-resolved quelld"},
    {"dnsmasq", "dnsmasq",
	"sudo systemctl disable --now dnsmasq; where NetworkManager, libvirt or LXC started it, "
	"listen at this "
	"machine's own address instead of 0.0.0.0 and [::] (quell.conf)"},
    {"pihole-FTL", "pihole",
	"sudo systemctl disable --now pihole-FTL; sudo systemctl restart quelld"},
    {"AdGuardHome", "adguard",
	"sudo systemctl disable --now AdGuardHome; sudo systemctl restart quelld"},
    {"unbound", "unbound",
	"sudo systemctl disable --now unbound; or let it listen at another port, and name that as "
	"upstream"},
    {"named", "bind", "sudo systemctl disable --now named; sudo systemctl restart quelld"},
    {"quelld", NULL,
	"sudo systemctl restart quelld; a quelld that was started by hand: end it first"},
};

const char *doctor_port_fix(const struct holder *h, const char *user)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known *k = &known[i];

		if (h->pid != 0 ? strncmp(h->command, k->command, strlen(k->command)) == 0
				: user != NULL && k->user != NULL && strcmp(user, k->user) == 0)
			return k->fix;
	}
	return h->pid != 0
		   ? "stop that program, or give quell another address with `listen` (quell.conf)"
		   : "sudo ss -lnptu 'sport = :53'; stop that program, or give quell another "
		     "address with "
		     "`listen` (quell.conf)";
}

/* `ADDRESS STATE`, as `listen` has it in a status; *state is behind the address. */
static bool parse_listen(char *value, union addr *a, const char **state)
{
	char *blank = strrchr(value, ' ');

	if (blank == NULL)
		return false;
	*blank = '\0';
	*state = blank + 1;
	return addr_parse(a, value, DOCTOR_DNS_PORT, NULL) == 0;
}

void doctor_listening(struct doctor_case *c)
{
	const char *at = c->status, *state;
	struct doctor_pair pair;
	union addr a;

	c->listen.n = c->open.n = 0;
	while (doctor_next(&at, &pair)) {
		if (strcmp(pair.key, "listen") != 0 || !parse_listen(pair.value, &a, &state) ||
		    strcmp(state, "unusable") == 0)
			continue;
		doctor_addrs_add(&c->listen, &a);
		if (strcmp(state, "open") == 0)
			doctor_addrs_add(&c->open, &a);
	}
	if (c->reach == DOCTOR_ANSWERS)
		return;
	for (unsigned i = 0; i < c->conf->n_listen; i++) {
		if (c->conf->listen[i].sa.sa_family != AF_UNSPEC)
			doctor_addrs_add(&c->listen, &c->conf->listen[i]);
	}
	if (c->reach == DOCTOR_CLOSED)
		c->open = c->listen;
}

/* Who keeps quelld from listening at `a`?  False: nobody. */
static bool check_holder(struct doctor *d, const union addr *a)
{
	char text[ADDR_TEXT_SIZE];
	const struct passwd *user;
	struct holder h;
	bool tcp = false;
	struct why who;

	holder_find(&h, a, false);
	if (!h.found) {
		tcp = true;
		holder_find(&h, a, true);
	}
	if (!h.found)
		return false;
	user = getpwuid(h.uid);
	holder_name(&h, &who);
	doctor_say(d, DOCTOR_BAD, "port", "%s %s is held by %s", tcp ? "TCP" : "UDP",
	    addr_format(a, text), who.text);
	doctor_fix(d, "%s", doctor_port_fix(&h, user != NULL ? user->pw_name : NULL));
	return true;
}

/* It runs, but not everywhere. */
static void check_waiting(struct doctor *d, const struct doctor_case *c)
{
	const char *at = c->status, *state;
	struct doctor_pair pair;
	union addr a;

	while (doctor_next(&at, &pair)) {
		if (strcmp(pair.key, "listen") != 0 || !parse_listen(pair.value, &a, &state) ||
		    strcmp(state, "waiting") != 0 || check_holder(d, &a))
			continue;
		doctor_say(d, DOCTOR_WARN, "port",
		    "quelld cannot listen at %s yet, and goes on trying", pair.value);
		doctor_fix(d, "ip address; where that address is not this machine's, change "
			      "`listen` (quell.conf)");
	}
}

static void check_free(struct doctor *d, const struct doctor_case *c)
{
	char text[ADDR_TEXT_SIZE];

	for (unsigned i = 0; i < c->listen.n; i++) {
		if (!check_holder(d, &c->listen.addr[i]))
			doctor_say(d, DOCTOR_OK, "port", "%s is free",
			    addr_format(&c->listen.addr[i], text));
	}
}

/* Can another device ask at all? */
static void check_house(struct doctor *d, const struct doctor_case *c)
{
	char text[DOCTOR_TEXT_SIZE / 2];

	for (unsigned i = 0; i < c->listen.n; i++) {
		const union addr *a = &c->listen.addr[i];

		if (addr_port(a) == DOCTOR_DNS_PORT && !addr_is_loopback(a))
			return;
	}
	doctor_say(d, DOCTOR_WARN, "house",
	    "other devices cannot ask quell: it listens at %s, and at port 53 of no address that "
	    "they reach",
	    doctor_addrs_text(&c->listen, text, sizeof(text)));
	doctor_fix(d, "listen = { \"0.0.0.0:53\", \"[::]:53\" } in quell.conf, then: sudo "
		      "systemctl restart quelld");
}

void doctor_port(struct doctor *d, const struct doctor_case *c)
{
	if (c->reach == DOCTOR_ANSWERS)
		check_waiting(d, c);
	else if (c->reach == DOCTOR_AWAY)
		check_free(d, c);
	check_house(d, c);
}
