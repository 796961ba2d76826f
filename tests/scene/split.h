/* split.h - the TCP clients of a scene, through the real listener: their frames come in pieces of random
 * sizes, and the answers are read from the sockets.
 *
 * The listener sees the time of the scene, and the addresses that the scene gives its clients.  One at a
 * time.
 */
#ifndef QUELL_TESTS_SPLIT_H
#define QUELL_TESTS_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resolver/core/query.h"

struct split;

/* A listener on loopback for `core`, to which clients are numbered by `listener` of their asker.  What the
 * core answers at once goes to answered(), with `ctx`; what later, has to go to split_send(). */
struct split *split_new(struct query *core, unsigned seed,
    void (*answered)(void *ctx, const struct query_asker *to, const uint8_t *msg, size_t len),
    void *ctx);
void split_free(struct split *s);

/* `from` sends msg[0..len) on a connection of its own.  True: the core was asked. */
bool split_ask(struct split *s, const struct query_asker *from, const uint8_t *msg, size_t len,
    uint64_t now_ms);

/* The core's net->send() for a client over TCP. */
void split_send(struct split *s, const struct query_asker *to, const uint8_t *msg, size_t len);

/* Client number `n` has received msg[0..len) as one frame. */
bool split_received(struct split *s, unsigned n, const uint8_t *msg, size_t len);

#endif
