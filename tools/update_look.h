/* update_look.h - update_gate_look() in a process of its own (update_jail.h). */
#ifndef QUELL_UPDATE_LOOK_H
#define QUELL_UPDATE_LOOK_H

#include "tools/update_gate.h"

/* As update_gate_look(); ERR_SYS where that process crashed. */
int update_look(const struct update_watch *watch, const struct conf_list *conf, const char *text,
    size_t len, struct update_facts *facts, struct why *why) QUELL_CHECK;

#endif
