/* err.c - texts of the errors. */
#include "lib/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_text(int err)
{
	switch ((enum err)err) {
	case ERR_OK:
		return "no error";
	case ERR_NOMEM:
		return "out of memory";
	case ERR_SYS:
		return "system call failed";
	case ERR_FORMAT:
		return "malformed input";
	case ERR_RANGE:
		return "out of range";
	case ERR_NOTFOUND:
		return "not found";
	case ERR_TAKEN:
		return "already in use";
	case ERR_LIMIT:
		return "limit reached";
	case ERR_DENIED:
		return "permission denied";
	case ERR_NET:
		return "network failure";
	}
	return "unknown error";
}

/* A reason quotes what is wrong: nothing in it may steer a terminal, or end the line. */
static void blank_controls(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

int(why_set)(struct why *why, int err, const char *fmt, ...)
{
	int saved = errno;
	struct why text; /* apart from *why: an argument may be the text that is there already */
	va_list ap;

	if (why == NULL)
		return err;
	va_start(ap, fmt);
	if (vsnprintf(text.text, sizeof(text.text), fmt, ap) < 0)
		text.text[0] = '\0';
	va_end(ap);
	blank_controls(text.text);
	memcpy(why->text, text.text, strlen(text.text) + 1);
	errno = saved;
	return err;
}
