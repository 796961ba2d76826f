/* doctor.h - what is in the way of quell on this machine: findings, each with what to type.
 *
 *   ok       clock      it is 2026-11-21 15:00 UTC, synchronised
 *   bad      port       UDP 0.0.0.0:53 is held by pid 312 (dnsmasq)
 *                       fix: sudo systemctl disable --now dnsmasq
 *
 * A check looks at a struct doctor_case and says what it found; it changes nothing, and needs no
 * rights: what it may not see is `unknown`.  The files of the system that it reads are below
 * case->root, so that a test can show it another machine.
 */
#ifndef QUELL_DOCTOR_H
#define QUELL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/addr.h"
#include "lib/conf.h"
#include "lib/err.h"

/* In the order of weight. */
enum doctor_grade { DOCTOR_OK, DOCTOR_UNKNOWN, DOCTOR_WARN, DOCTOR_BAD };

#define DOCTOR_TEXT_SIZE    512
#define DOCTOR_FINDINGS_MAX 256 /* those beyond only count for the worst grade */

struct doctor_finding {
	const char *check; /* one word, static */
	enum doctor_grade grade;
	char text[DOCTOR_TEXT_SIZE]; /* one line */
	char fix[DOCTOR_TEXT_SIZE];  /* what to type, or where to look; "": nothing */
};

struct doctor {
	struct doctor_finding found[DOCTOR_FINDINGS_MAX];
	unsigned n;
	struct doctor_finding *last; /* that doctor_fix() is about; NULL: there was no room */
	enum doctor_grade worst;
};

/* How far quelld can be asked. */
enum doctor_reach {
	DOCTOR_ANSWERS,
	DOCTOR_CLOSED, /* the control socket is not open to this user */
	DOCTOR_AWAY,   /* it does not run, or is of no use */
};

#define DOCTOR_ADDRS_MAX 64

struct doctor_addrs {
	union addr addr[DOCTOR_ADDRS_MAX];
	unsigned n;
};

/* What is known; all borrowed. */
struct doctor_case {
	const char *root; /* before each path of the system; "" */
	const struct conf *conf;
	enum doctor_reach reach;
	const char *status;    /* quelld's answer to `status`; "": none */
	const char *upstreams; /* and to `upstreams` */
	const char *refusal;   /* why there is none */
	struct doctor_addrs
	    own; /* this machine's addresses, without ports; loopback is not among them */
	struct doctor_addrs listen; /* where quelld listens, or is to: doctor_listening() */
	struct doctor_addrs open;   /* of these: where it says that it does, or may */
	int64_t now_s;		    /* s since 1970 */
};

/* Say what `check` found.  The text is cut where it is too long. */
void doctor_say(struct doctor *d, enum doctor_grade grade, const char *check, const char *fmt, ...)
    QUELL_PRINTF(4, 5);

/* What to do about what was said last. */
void doctor_fix(struct doctor *d, const char *fmt, ...) QUELL_PRINTF(2, 3);

/* 0: all is well, or not known; 1: a warning; 2: something is bad. */
int doctor_exit_status(const struct doctor *d);

/* All findings: lines for people;
 * {"state":"well","checks":[{"check":...,"state":...,"text":...,"fix":...}]}. */
void doctor_print(const struct doctor *d, FILE *to);
void doctor_print_json(const struct doctor *d, FILE *to);

/* ---- for the checks ---- */

/* Cut the next line of quelld's answer at *at into key and value, each terminated and perhaps
 * cut.  False: there is none. */
struct doctor_pair {
	char key[32];
	char value[DOCTOR_TEXT_SIZE];
};

bool doctor_next(const char **at, struct doctor_pair *pair);

/* The value of the first line with this key.  False: there is none. */
bool doctor_value(const char *answer, const char *key, struct doctor_pair *pair);

/* The text of the file `path` below the root, at most 64 KiB: malloc'ed, the caller's.  NULL: it
 * cannot be read. */
char *doctor_read(const struct doctor_case *c, const char *path);

/* Put `a` to them, unless it is there already or there is no room. */
void doctor_addrs_add(struct doctor_addrs *all, const union addr *a);

/* Is one of them this host, whatever the port? */
bool doctor_addrs_has_host(const struct doctor_addrs *all, const union addr *a);

/* Their hosts, ", " between them, into text[0..size); "nothing" where there is none. */
const char *doctor_addrs_text(const struct doctor_addrs *all, char *text, size_t size);

/* Does quelld listen at `a`'s host, at port `port`?  A wildcard is every address of its family. */
bool doctor_listens_at(const struct doctor_case *c, const union addr *a, uint16_t port);

#endif
