/* type.h - the names of query types, as zone files and people write them. */
#ifndef QUELL_TYPE_H
#define QUELL_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#define TYPE_TEXT_SIZE 16

/* "AAAA", or "TYPE65280" for one that has no name here (RFC 3597, 5).  Returns `text`. */
const char *type_to_text(uint16_t type, char text[TYPE_TEXT_SIZE]);

/* The same back, in any letter case; also "TYPE28" for one that has a name.  False: it is neither. */
bool type_from_text(const char *text, uint16_t *type);

#endif
