/* printable.c - all but printable ASCII escaped. */
#include "resolver/printable.h"

void printable_write(struct evbuffer *to, const char *text, size_t size)
{
	for (size_t i = 0; i < size && text[i] != '\0'; i++)
		evbuffer_add_printf(to, text[i] >= ' ' && text[i] < 0x7f ? "%c" : "\\x%02x",
		    (unsigned char)text[i]);
}
