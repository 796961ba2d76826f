/* worker.h - the process that answers queries: one event loop, one thread, no locks, no rights.
 *
 * Wires listeners, core and carriers together on libevent and takes messages from the parent
 * (docs/messages.md).
 */
#ifndef QUELL_WORKER_H
#define QUELL_WORKER_H

/* Run until the parent closes the channel (then 0) or the worker cannot go on (1): the exit status
 * of the process.  The first message must be CHANNEL_OPTIONS.  `channel` becomes the worker's.
 * Signals are the matter of child_fork(); only SIGPIPE is ignored here. */
int worker_run(int channel);

#endif
