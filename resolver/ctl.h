/* ctl.h - the control socket: one request a connection, for quellctl and quell-update.
 *
 *   client: COMMAND [ARGUMENTS] LF          daemon: ok LF | error REASON LF
 *                                                   KEY VALUE LF ...            and closes
 *
 * Whoever may write to the socket (mode 0660) may give commands.  Bounds: CTL_CLIENTS at once,
 * CTL_REQUEST_MAX bytes of request, CTL_LIMIT_S without progress in sending it or in taking the
 * answer.  A slow client waits alone.
 */
#ifndef QUELL_CTL_H
#define QUELL_CTL_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdint.h>

#include "lib/err.h"

#define CTL_CLIENTS	16
#define CTL_REQUEST_MAX 1024
#define CTL_LIMIT_S	5

struct ctl;

/* A request: `command` without its line end, `arguments` behind the first space ("" for none).  The
 * callee answers, now or later, with ctl_answer() of this client's number, which is never used
 * again. */
typedef void ctl_request_fn(void *ctx, uint64_t client, const char *command, const char *arguments);

/* Listen at `path` (a stale socket there is replaced).  Returns 0; ERR_TAKEN where another daemon
 * answers there; ERR_NOTFOUND, ERR_DENIED, ERR_RANGE (path too long), ERR_SYS, ERR_NOMEM; the
 * reason in `why`. */
int ctl_open(struct ctl **out, struct event_base *base, const char *path, ctl_request_fn *request,
    void *ctx, struct why *why) QUELL_CHECK;

/* Stop, and remove the socket's file. */
void ctl_close(struct ctl *c);

/* Send `answer` (drained) to a client; one that has gone: nothing. */
void ctl_answer(struct ctl *c, uint64_t client, struct evbuffer *answer);

/* The same with `error REASON`. */
void ctl_refuse(struct ctl *c, uint64_t client, const char *reason);

#endif
