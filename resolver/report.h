/* report.h - what the control socket answers: status, stats, why, flush. */
#ifndef QUELL_REPORT_H
#define QUELL_REPORT_H

#include "lib/err.h"
#include "resolver/server.h"

/* Make the timers of the reports.  Returns 0 or ERR_NOMEM. */
int report_init(struct server *s) QUELL_CHECK;
void report_fini(struct server *s);

/* A request of the control socket (ctl_request_fn; ctx: struct server). */
void report_request(void *ctx, uint64_t client, const char *command, const char *arguments);

/* A worker's answer, and that a worker died. */
void report_message(struct server *s, unsigned worker, const struct channel_message *m);
void report_died(struct server *s, unsigned worker);

#endif
