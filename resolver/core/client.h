/* client.h - which clients are answered: a resolver open to the world is a weapon against
 * others. */
#ifndef QUELL_CLIENT_H
#define QUELL_CLIENT_H

#include <stdbool.h>

#include "resolver/core/options.h"

/* Is the client at `from` answered?  Loopback always, else the networks of options->allow.
 * Cost: one comparison for each network. */
bool client_allowed(const struct options *options, const union addr *from);

#endif
