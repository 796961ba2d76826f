/* doctor_answers.c - the same questions that clients ask. */
#include "tools/doctor_answers.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blocklists/trie.h"
#include "blocklists/walk.h"
#include "lib/dns/msg.h"

/* A special name: quelld has its answer without an upstream (RFC 6761, 6.3). */
static const uint8_t asked_name[] = "\011localhost";

/* Where a client of this machine asks. */
static union addr client_side(const union addr *listen)
{
	union addr a = *listen;

	if (!addr_is_wildcard(listen))
		return a;
	if (a.sa.sa_family == AF_INET)
		a.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.in6.sin6_addr = in6addr_loopback;
	return a;
}

unsigned doctor_answers_ask(
    const struct doctor_case *c, const uint8_t *listed, struct probe *probes)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->open.n; i++) {
		for (unsigned tcp = 0; tcp < 2; tcp++) {
			probes[n] = (struct probe){.to = client_side(&c->open.addr[i]),
			    .tcp = tcp != 0,
			    .edns = true,
			    .type = TYPE_A};
			memcpy(probes[n++].name, asked_name, sizeof(asked_name));
		}
	}
	if (n != 0 && listed != NULL) {
		probes[n] = (struct probe){.to = probes[0].to, .edns = true, .type = TYPE_A};
		memcpy(probes[n++].name, listed, name_len(listed));
	}
	return n;
}

static void judge_address(struct doctor *d, const struct probe *udp, const struct probe *tcp)
{
	char text[ADDR_TEXT_SIZE];

	(void)addr_format(&udp->to, text);
	if (udp->answered && tcp->answered) {
		doctor_say(d, DOCTOR_OK, "answers", "quelld answers at %s over UDP and TCP", text);
		return;
	}
	if (!udp->answered && !tcp->answered)
		doctor_say(
		    d, DOCTOR_BAD, "answers", "nobody answers at %s: %s", text, probe_trouble(udp));
	else
		doctor_say(d, DOCTOR_BAD, "answers", "at %s nobody answers over %s: %s", text,
		    udp->answered ? "TCP" : "UDP", probe_trouble(udp->answered ? tcp : udp));
	doctor_fix(d, "sudo systemctl restart quelld; a packet filter may be in the way: sudo nft "
		      "list ruleset");
}

static void judge_listed(
    struct doctor *d, const struct doctor_case *c, const uint8_t *listed, const struct probe *p)
{
	char text[NAME_TEXT_SIZE];
	struct doctor_pair pair;

	/* What has been said of quelld's status is not said again. */
	if ((doctor_value(c->status, "blocking", &pair) && strcmp(pair.value, "on") != 0) ||
	    (doctor_value(c->status, "rules", &pair) && strcmp(pair.value, "0") == 0))
		return;
	if (listed == NULL) {
		doctor_say(d, DOCTOR_UNKNOWN, "blocking",
		    "no name is known that has to be blocked: the lists' image cannot be read, or "
		    "has none");
		doctor_fix(d, "sudo quellctl doctor; sudo quell-update report");
		return;
	}
	if (!p->answered) /* nor is that */
		return;
	(void)name_to_text(listed, text);
	if (p->blocked) {
		doctor_say(d, DOCTOR_OK, "blocking", "the listed name %s is blocked", text);
		return;
	}
	doctor_say(d, DOCTOR_BAD, "blocking", "the listed name %s is not blocked", text);
	doctor_fix(d, "sudo quellctl why %s", text);
}

void doctor_answers(struct doctor *d, const struct doctor_case *c, const uint8_t *listed,
    const struct probe *probes, unsigned n)
{
	unsigned n_addresses = n / 2;

	for (unsigned i = 0; i < n_addresses; i++)
		judge_address(d, &probes[2 * i], &probes[2 * i + 1]);
	if (n != 0)
		judge_listed(d, c, listed, &probes[n - 1]);
}

/* ---- a listed name ---- */

struct search {
	uint8_t name[NAME_SIZE];
	unsigned left; /* to be passed over */
};

static int look_at(void *ctx, const struct rule *rule, uint16_t list)
{
	struct search *s = ctx;

	(void)list;
	if (rule->kind > RULE_SUFFIX || rule->effect_len != 0)
		return 0;
	if (s->left-- != 0)
		return 0;
	memcpy(s->name, rule->name, rule->name_len);
	return 1;
}

bool doctor_answers_listed(const char *state_dir, unsigned nth, uint8_t name[NAME_SIZE])
{
	struct search search = {.left = nth};
	char path[CONF_PATH_SIZE + 8];
	void *bytes = MAP_FAILED;
	static struct trie trie;
	bool found = false;
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/image", state_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	if (bytes == MAP_FAILED)
		return false;
	if (trie_open(&trie, bytes, (size_t)st.st_size, NULL) == 0)
		found = walk_rules(&trie, look_at, &search, NULL) == 1;
	if (found)
		memcpy(name, search.name, name_len(search.name));
	(void)munmap(bytes, (size_t)st.st_size);
	return found;
}
