/* printable.h - text that comes from lists, names or workers, in a line of the control socket. */
#ifndef QUELL_PRINTABLE_H
#define QUELL_PRINTABLE_H

#include <event2/buffer.h>
#include <stddef.h>

/* text[0..size), up to its terminator if there is one, added to `to`: what could steer a terminal, or end the
 * line, as \xNN. */
void printable_write(struct evbuffer *to, const char *text, size_t size);

#endif
