/* doctor_lists.h - how old the lists are, and whether something fetches them. */
#ifndef QUELL_DOCTOR_LISTS_H
#define QUELL_DOCTOR_LISTS_H

#include "tools/doctor.h"

/* The kept copies of the lists with a URL. */
void doctor_lists(struct doctor *d, const struct doctor_case *c);

/* The timer of quell-update, as systemd's files have it. */
void doctor_timer(struct doctor *d, const struct doctor_case *c);

#endif
