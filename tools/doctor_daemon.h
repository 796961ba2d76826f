/* doctor_daemon.h - does quelld run, and what does it say of itself: trouble, sandbox, lists,
 * whether it blocks. */
#ifndef QUELL_DOCTOR_DAEMON_H
#define QUELL_DOCTOR_DAEMON_H

#include "tools/doctor.h"

void doctor_daemon(struct doctor *d, const struct doctor_case *c);

#endif
