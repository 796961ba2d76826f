/* doctor_daemon.c - quelld's status, looked at. */
#include "config.h" /* PACKAGE_VERSION */

#include "tools/doctor_daemon.h"

#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

/* What to do about a reason that begins so; the last one is for all others. */
static const struct remedy {
	const char *reason, *fix;
} remedies[] = {
    {"no upstream answers", "sudo quellctl upstreams; see the checks `upstream` below"},
    {"there is no upstream",
	"name resolvers: upstream = { \"9.9.9.9\", \"149.112.112.112\" } in quell.conf, then: sudo "
	"systemctl reload quelld"},
    {"the last reload failed", "sudo quelld --check"},
    {"nothing is blocked until", "sudo quellctl resume"},
    {"", "sudo journalctl -u quelld -n 50"},
};

static const char *remedy_of(const char *reason)
{
	const struct remedy *r = remedies;

	while (strncmp(reason, r->reason, strlen(r->reason)) != 0)
		r++;
	return r->fix;
}

static void check_state(struct doctor *d, const struct doctor_case *c)
{
	char duration[TEXT_DURATION_SIZE];
	struct doctor_pair pair;
	uint64_t uptime_s =
	    doctor_value(c->status, "uptime_s", &pair) ? strtoull(pair.value, NULL, 10) : 0;
	bool well = doctor_value(c->status, "state", &pair) && strcmp(pair.value, "well") == 0;
	const char *at = c->status;

	doctor_say(d, DOCTOR_OK, "quelld", "has been running for %s%s",
	    text_seconds(duration, uptime_s), well ? ", and says that all is well" : "");
	while (doctor_next(&at, &pair)) {
		/* Who holds a port is found out anew, with what to do. */
		if (strcmp(pair.key, "reason") != 0 || strstr(pair.value, " is held by ") != NULL)
			continue;
		doctor_say(d, DOCTOR_WARN, "quelld", "%s", pair.value);
		doctor_fix(d, "%s", remedy_of(pair.value));
	}
	if (doctor_value(c->status, "version", &pair) && strcmp(pair.value, PACKAGE_VERSION) != 0) {
		doctor_say(d, DOCTOR_WARN, "quelld",
		    "version %s runs, and " PACKAGE_VERSION " is installed", pair.value);
		doctor_fix(d, "sudo systemctl restart quelld");
	}
}

static void check_rules(struct doctor *d, const struct doctor_case *c)
{
	struct doctor_pair pair;

	if (doctor_value(c->status, "rules", &pair) && strcmp(pair.value, "0") == 0) {
		doctor_say(d, DOCTOR_WARN, "lists", "no list is in force: nothing is blocked");
		doctor_fix(
		    d, "quell-update catalogue; sudo quell-update add NAME; sudo quell-update run");
	}
	/* A pause without an end is among the reasons. */
	if (doctor_value(c->status, "blocking", &pair) && strncmp(pair.value, "paused ", 7) == 0) {
		doctor_say(d, DOCTOR_WARN, "blocking", "nothing is blocked now: %s", pair.value);
		doctor_fix(d, "sudo quellctl resume");
	}
}

static void check_sandbox(struct doctor *d, const struct doctor_case *c)
{
	const char *at = c->status;
	struct doctor_pair pair;
	bool lacks = false, holds = false;

	while (doctor_next(&at, &pair)) {
		holds = holds || strcmp(pair.key, "sandbox") == 0;
		if (strcmp(pair.key, "sandbox_lacks") != 0)
			continue;
		lacks = true;
		doctor_say(d, DOCTOR_WARN, "sandbox", "this system does not give %s", pair.value);
		if (strstr(pair.value, "landlock") != NULL)
			doctor_fix(d, "cat /sys/kernel/security/lsm; where landlock is missing "
				      "there, put lsm=landlock "
				      "into the kernel's command line "
				      "(/boot/firmware/cmdline.txt), or install a newer kernel");
		else
			doctor_fix(d, "sudo systemctl show quelld -p SystemCallFilter -p "
				      "NoNewPrivileges; in a container, "
				      "allow it seccomp");
	}
	if (holds && !lacks)
		doctor_say(d, DOCTOR_OK, "sandbox", "every layer holds");
}

void doctor_daemon(struct doctor *d, const struct doctor_case *c)
{
	switch (c->reach) {
	case DOCTOR_AWAY:
		doctor_say(
		    d, DOCTOR_BAD, "quelld", "does not run, or does not answer: %s", c->refusal);
		doctor_fix(d, "sudo quelld --check; sudo systemctl restart quelld; sudo journalctl "
			      "-u quelld -n 50");
		return;
	case DOCTOR_CLOSED:
		doctor_say(
		    d, DOCTOR_UNKNOWN, "quelld", "may not be asked by this user: %s", c->refusal);
		doctor_fix(d, "sudo quellctl doctor");
		return;
	case DOCTOR_ANSWERS:
		check_state(d, c);
		check_rules(d, c);
		check_sandbox(d, c);
	}
}
