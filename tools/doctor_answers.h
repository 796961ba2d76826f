/* doctor_answers.h - does quelld answer at each address, over UDP and TCP, and does it block
 * what is listed? */
#ifndef QUELL_DOCTOR_ANSWERS_H
#define QUELL_DOCTOR_ANSWERS_H

#include "tools/doctor.h"
#include "tools/probe.h"

#define DOCTOR_ANSWERS_PROBES (2 * DOCTOR_ADDRS_MAX + 1)

/* Write what is to be asked into probes[0..DOCTOR_ANSWERS_PROBES); `listed` (NULL: none is
 * known) is a name that has to be blocked.  Returns how many. */
unsigned doctor_answers_ask(
    const struct doctor_case *c, const uint8_t *listed, struct probe *probes);

/* Judge the same when they have been asked. */
void doctor_answers(struct doctor *d, const struct doctor_case *c, const uint8_t *listed,
    const struct probe *probes, unsigned n);

/* A name that the lists in the folder `state_dir` block, the nth of those that are found first
 * (from 0).  False: there is none, or they cannot be read. */
bool doctor_answers_listed(const char *state_dir, unsigned nth, uint8_t name[NAME_SIZE]);

#endif
