/* listeners.c - opening, keeping and replacing listening sockets. */
#include "resolver/listeners.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "resolver/steer.h"

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* What has to be set before the address is bound. */
static int prepare(int fd, const union addr *a, enum channel_socket kind)
{
	bool v6 = a->sa.sa_family == AF_INET6;

	if (v6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0)
		return ERR_SYS;
	if (kind == CHANNEL_SOCKET_TCP) /* connections of an earlier run may linger */
		return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ? ERR_SYS : 0;
	/* The kernel gives what it may. */
	(void)set_option(fd, SOL_SOCKET, SO_RCVBUF, LISTENERS_UDP_BUFFER);
	/* No forged word of a narrow path makes our answers come in pieces: only what is longer than the
	 * interface takes is split, and udp_size is meant to keep below that (RFC 9715, 3.1). */
	if (v6)
		(void)set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	else
		(void)set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	if (!addr_is_wildcard(a))
		return 0;
	/* The answer has to leave from the address that was asked. */
	if (set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1) <
	    0)
		return ERR_SYS;
	return 0;
}

/* A bound socket, or -1 with errno; `beside`: others are bound there, by ourselves. */
static int open_socket(const union addr *a, enum channel_socket kind, bool beside)
{
	int type = kind == CHANNEL_SOCKET_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(a->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int saved;

	if (fd < 0)
		return -1;
	if (prepare(fd, a, kind) == 0 && (!beside || steer_share(fd) == 0) &&
	    bind(fd, &a->sa, addr_len(a)) == 0 &&
	    (kind == CHANNEL_SOCKET_UDP || listen(fd, LISTENERS_BACKLOG) == 0))
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static void close_sockets(struct listener *l)
{
	for (unsigned i = 0; i < CONF_WORKERS_MAX; i++) {
		if (l->udp[i] >= 0)
			(void)close(l->udp[i]);
		l->udp[i] = -1;
	}
	if (l->tcp >= 0)
		(void)close(l->tcp);
	l->tcp = -1;
}

/* The UDP sockets of n workers.  Returns 0, or -1 with errno; what is open then stands in l->udp.  A system that
 * runs Linux programs without being Linux deals queries out as it likes: only the caches have less in common. */
static int open_udp(struct listener *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		l->udp[i] = open_socket(&l->addr, CHANNEL_SOCKET_UDP, i != 0);
		if (l->udp[i] < 0 || (i == 0 && n > 1 && steer_share(l->udp[0]) < 0))
			return -1;
	}
	if (n == 1 || steer_attach(l->udp[0], n) == 0)
		return 0;
	if (errno != ENOPROTOOPT)
		return -1;
	log_warning("listen",
	    "%s: this system cannot send the same question to the same worker: %s", l->text,
	    strerror(errno));
	return 0;
}

/* Say why a socket could not be opened, and what that means for the address. */
static int explain(
    struct listener *l, int saved_errno, enum channel_socket kind, const struct witness *witness)
{
	const char *protocol = kind == CHANNEL_SOCKET_UDP ? "UDP" : "TCP";
	struct holder holder;
	struct why who;

	switch (saved_errno) {
	case EADDRNOTAVAIL:
	case ENODEV:
		return why_set(
		    &l->why, ERR_NOTFOUND, "no interface of this machine has %s now", l->text);
	case EAFNOSUPPORT:
		l->state = LISTENER_UNUSABLE;
		return why_set(&l->why, ERR_NOTFOUND,
		    "this machine does not speak the protocol of %s", l->text);
	case EADDRINUSE:
		witness_find(&holder, witness, &l->addr, kind == CHANNEL_SOCKET_TCP);
		holder_describe(&holder, &who);
		return why_set(
		    &l->why, ERR_TAKEN, "%s %s is held by %s", protocol, l->text, who.text);
	case EACCES:
	case EPERM:
		if (addr_port(&l->addr) >= IPPORT_RESERVED)
			break; /* something else forbids it */
		return why_set(&l->why, ERR_DENIED,
		    "%s %s needs the right to bind ports below 1024 (CAP_NET_BIND_SERVICE): start "
		    "as root or "
		    "by the systemd unit, or listen on a port above 1023",
		    protocol, l->text);
	default:
		break;
	}
	return why_set(&l->why, ERR_SYS, "%s %s cannot be opened: %s", protocol, l->text,
	    strerror(saved_errno));
}

/* Open the sockets of `l`.  Returns 0, or an error with l->why; ERR_NOTFOUND: the address is not
 * there. */
static int listener_open(struct listener *l, unsigned n_workers, const struct witness *witness)
{
	int err = addr_parse(&l->addr, l->text, 53, &l->why);

	if (err < 0)
		return err;
	if (open_udp(l, n_workers) < 0) {
		err = explain(l, errno, CHANNEL_SOCKET_UDP, witness);
		goto out;
	}
	l->tcp = open_socket(&l->addr, CHANNEL_SOCKET_TCP, false);
	if (l->tcp < 0) {
		err = explain(l, errno, CHANNEL_SOCKET_TCP, witness);
		goto out;
	}
	l->state = LISTENER_OPEN;
out:
	if (err < 0)
		close_sockets(l);
	return err;
}

/* The open listener of `now` with this text, or NULL. */
static const struct listener *find(const struct listeners *now, const char *text)
{
	for (unsigned i = 0; i < now->n; i++) {
		if (now->all[i].state == LISTENER_OPEN && strcmp(now->all[i].text, text) == 0)
			return &now->all[i];
	}
	return NULL;
}

/* Do sockets at these two addresses exclude each other?  (IPv6 never takes IPv4: IPV6_V6ONLY.) */
static bool overlap(const union addr *a, const union addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family || addr_port(a) != addr_port(b))
		return false;
	return addr_is_wildcard(a) || addr_is_wildcard(b) || addr_equal(a, b);
}

/* Is the address of `l` taken by another one in `set`?  Says so in `why`. */
static int check_overlap(
    const struct listener *l, const struct listeners *set, const char *remedy, struct why *why)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct listener *other = &set->all[i];

		if (other->state == LISTENER_OPEN && overlap(&other->addr, &l->addr))
			return why_set(why, ERR_TAKEN, "%s and %s exclude each other: %s", l->text,
			    other->text, remedy);
	}
	return 0;
}

/* A taken address: by ourselves?  That is told in its own words. */
static int explain_taken(const struct listener *l, const struct listeners *next,
    const struct listeners *now, struct why *why)
{
	int err = check_overlap(l, next, "keep one of the two", why);

	if (err == 0)
		err = check_overlap(l, now, "such a change takes a restart", why);
	return err != 0 ? err : why_set(why, ERR_TAKEN, "%s", l->why.text);
}

int listeners_open(struct listeners *next, const struct listeners *now, const struct conf *conf,
    const struct witness *witness, struct why *why)
{
	next->n = 0;
	/* Their number changes with a restart alone. */
	next->n_workers = now->n_workers != 0 ? now->n_workers : conf->workers;
	for (unsigned i = 0; i < conf->n_listen; i++) {
		struct listener *l = &next->all[i];
		const struct listener *same = find(now, conf->listen_text[i]);
		int err;

		if (same != NULL) {
			*l = *same;
			l->kept = true;
			next->n++;
			continue;
		}
		*l = (struct listener){.state = LISTENER_WAITING, .tcp = -1};
		memset(l->udp, -1, sizeof(l->udp));
		memcpy(l->text, conf->listen_text[i], sizeof(l->text));
		err = listener_open(l, next->n_workers, witness);
		if (err == ERR_TAKEN)
			err = explain_taken(l, next, now, why);
		else if (err < 0 && err != ERR_NOTFOUND)
			err = why_set(why, err, "%s", l->why.text);
		if (err < 0 && err != ERR_NOTFOUND) {
			listeners_drop(next);
			return err;
		}
		if (err == ERR_NOTFOUND)
			log_warning("listen-waiting", "%s%s", l->why.text,
			    l->state == LISTENER_WAITING ? ": trying again" : "");
		next->n++;
	}
	return 0;
}

void listeners_drop(struct listeners *next)
{
	for (unsigned i = 0; i < next->n; i++) {
		if (!next->all[i].kept)
			close_sockets(&next->all[i]);
	}
	next->n = 0;
}

/* Tell of both sockets of `l` that a worker has. */
static void announce_to(unsigned worker, const struct listener *l, enum channel_type type,
    listeners_change_fn *change, void *ctx)
{
	const int fds[] = {[CHANNEL_SOCKET_UDP] = l->udp[worker], [CHANNEL_SOCKET_TCP] = l->tcp};

	for (unsigned kind = CHANNEL_SOCKET_UDP; kind <= CHANNEL_SOCKET_TCP; kind++) {
		struct channel_listen message;

		memset(&message, 0, sizeof(message));
		message.index = 2 * l->place + kind;
		message.kind = kind;
		message.addr = l->addr;
		change(ctx, worker, type, &message, type == CHANNEL_LISTEN ? fds[kind] : -1);
	}
}

/* The same to all workers of `set`. */
static void announce(const struct listeners *set, const struct listener *l, enum channel_type type,
    listeners_change_fn *change, void *ctx)
{
	for (unsigned i = 0; i < set->n_workers; i++)
		announce_to(i, l, type, change, ctx);
}

/* The lowest place that no open listener of `set` has. */
static unsigned free_place(const struct listeners *set)
{
	bool used[CONF_LISTEN_MAX + 1] = {false};
	unsigned place = 0;

	for (unsigned i = 0; i < set->n; i++) {
		if (set->all[i].place != UINT32_MAX)
			used[set->all[i].place] = true;
	}
	while (used[place])
		place++;
	return place;
}

void listeners_switch(
    struct listeners *now, struct listeners *next, listeners_change_fn *change, void *ctx)
{
	for (unsigned i = 0; i < now->n; i++) {
		struct listener *l = &now->all[i];

		if (l->state != LISTENER_OPEN || find(next, l->text) != NULL)
			continue;
		announce(now, l, CHANNEL_UNLISTEN, change, ctx);
		close_sockets(l);
	}
	for (unsigned i = 0; i < next->n; i++) {
		if (!next->all[i].kept)
			next->all[i].place = UINT32_MAX;
	}
	for (unsigned i = 0; i < next->n; i++) {
		struct listener *l = &next->all[i];

		if (!l->kept) {
			l->place = free_place(next);
			if (l->state == LISTENER_OPEN)
				announce(next, l, CHANNEL_LISTEN, change, ctx);
		}
		l->kept = false;
	}
	*now = *next;
	next->n = 0;
}

/* Has its interface gone?  An address of one interface alone is bound by the interface's number, and one
 * that comes back has another. */
static bool is_stale(const struct listener *l)
{
	union addr found;

	if (l->state != LISTENER_OPEN || l->addr.sa.sa_family != AF_INET6 ||
	    l->addr.in6.sin6_scope_id == 0)
		return false;
	return addr_parse(&found, l->text, 53, NULL) < 0 || !addr_equal(&found, &l->addr);
}

static void close_stale(struct listeners *now, listeners_change_fn *change, void *ctx)
{
	for (unsigned i = 0; i < now->n; i++) {
		struct listener *l = &now->all[i];

		if (!is_stale(l))
			continue;
		announce(now, l, CHANNEL_UNLISTEN, change, ctx);
		close_sockets(l);
		l->state = LISTENER_WAITING;
		(void)why_set(&l->why, 0, "the interface of %s has gone", l->text);
		log_warning("listen-waiting", "%s: trying again", l->why.text);
	}
}

unsigned listeners_retry(struct listeners *now, listeners_change_fn *change, void *ctx)
{
	close_stale(now, change, ctx);
	for (unsigned i = 0; i < now->n; i++) {
		struct listener *l = &now->all[i];
		struct why before = l->why;

		if (l->state != LISTENER_WAITING)
			continue;
		if (listener_open(l, now->n_workers, NULL) == 0) {
			log_notice("listening", "%s is there now", l->text);
			announce(now, l, CHANNEL_LISTEN, change, ctx);
		} else if (strcmp(before.text, l->why.text) != 0) {
			log_warning("listen-waiting", "%s: trying again", l->why.text);
		}
	}
	return listeners_waiting(now);
}

unsigned listeners_waiting(const struct listeners *now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < now->n; i++)
		n += now->all[i].state == LISTENER_WAITING;
	return n;
}

void listeners_each(
    const struct listeners *now, unsigned worker, listeners_change_fn *change, void *ctx)
{
	for (unsigned i = 0; i < now->n; i++) {
		if (now->all[i].state == LISTENER_OPEN)
			announce_to(worker, &now->all[i], CHANNEL_LISTEN, change, ctx);
	}
}

void listeners_close(struct listeners *now)
{
	for (unsigned i = 0; i < now->n; i++)
		close_sockets(&now->all[i]);
	now->n = 0;
}
