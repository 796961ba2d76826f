/* update_explain.h - `quell-update why NAME`: which rules of the configured lists and of the user's own
 * match a name, with their lines, what becomes of it, and what would change that.
 *
 * From the files alone, with or without quelld: the image in the state folder, the kept copies of the
 * lists, the user's rules.  Where an answer leads is not in them: quellctl why.
 */
#ifndef QUELL_UPDATE_EXPLAIN_H
#define QUELL_UPDATE_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/conf.h"

/* Write it for a query of `type`, as lines or as one JSON object.  Returns the exit code. */
int update_explain(const struct conf *conf, const char *name, uint16_t type, bool json);

#endif
