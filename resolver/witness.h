/* witness.h - who holds a port (lib/holder.h), answered by a child that is still root.
 *
 * Which process has a socket open only root sees.  So a parent that was started as root leaves a witness
 * behind before it gives up its rights: a child that answers this one question (a struct of fixed size in,
 * one out) and ends when start-up is over.
 */
#ifndef QUELL_WITNESS_H
#define QUELL_WITNESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/addr.h"
#include "lib/holder.h"

struct witness {
	int fd; /* -1: there is none */
	pid_t pid;
};

/* Leave a witness behind where that helps (the process is root); else w->fd is -1. */
void witness_start(struct witness *w);
void witness_stop(struct witness *w);

/* As holder_find(), by the witness if there is one (`w` may be NULL), else with the rights of this
 * process. */
void witness_find(struct holder *h, const struct witness *w, const union addr *addr, bool tcp);

#endif
