/* inspect.h - `quellctl cache` and `upstreams`: the workers are asked one after the other, and what they
 * say is written as it comes.
 *
 *   cache       each worker                   name, verdict; for each answer that it has: `answer ...`
 *   upstreams   each upstream, each worker    `upstream ...`: what adds up; `worker ...`: what does not
 *
 * So the lines stand in one order, and the parent holds no more than one worker's answer at a time.  Works on
 * those fields of struct report (server.h) that are for this.
 */
#ifndef QUELL_INSPECT_H
#define QUELL_INSPECT_H

#include <event2/buffer.h>
#include <stdbool.h>

#include "resolver/channel.h"
#include "resolver/server.h"

/* Ask the next worker, whose bit is then set in r->waiting.  False: all that run were asked. */
bool inspect_next(struct report *r);

/* Take what `worker` says.  False: that is no such message. */
bool inspect_take(struct report *r, unsigned worker, const struct channel_message *m);

/* All that was said; of a worker whose bit is still set, that it does not answer. */
void inspect_write(struct report *r, struct evbuffer *to);

#endif
