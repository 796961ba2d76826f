/* doctor_port.h - are the ports quelld's, who else has them, and can the house reach them? */
#ifndef QUELL_DOCTOR_PORT_H
#define QUELL_DOCTOR_PORT_H

#include "lib/holder.h"
#include "tools/doctor.h"

#define DOCTOR_DNS_PORT 53

/* Fill c->listen and c->open: by quelld's `status`, and without one by the configuration. */
void doctor_listening(struct doctor_case *c);

void doctor_port(struct doctor *d, const struct doctor_case *c);

/* What to type so that this program gives the port free; `user` (NULL: not known) is whose it
 * is. */
const char *doctor_port_fix(const struct holder *h, const char *user);

#endif
