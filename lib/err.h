/* err.h - the one list of errors, and the text that goes with one.
 *
 * A function that can fail returns 0 or a negative `enum err`; its result must be looked at
 * (QUELL_CHECK).  Where a person needs more than the number (a file and a line, the holder of a
 * port), the function also takes a `struct why` and fills it when it fails.
 */
#ifndef QUELL_ERR_H
#define QUELL_ERR_H

#include <stddef.h>

#define QUELL_CHECK		__attribute__((warn_unused_result))
#define QUELL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum err {
	ERR_OK = 0,
	ERR_NOMEM = -1,	 /* memory, or a table made at its final size, is used up */
	ERR_SYS = -2,	 /* a system call failed: errno says why */
	ERR_FORMAT = -3, /* the input does not follow its syntax */
	ERR_RANGE = -4,	 /* a value or a buffer is too small or too large */
	ERR_NOTFOUND = -5,
	ERR_TAKEN = -6, /* somebody else holds it */
	ERR_LIMIT = -7, /* a declared bound was reached */
	ERR_DENIED = -8,
	ERR_NET = -9, /* a peer failed or did not answer */
};

/* A short text for `err`, static; "unknown error" for a number not in the list. */
const char *err_text(int err);

/* What a person is told: one line, no newline at its end, always terminated. */
struct why {
	char text[512];
};

/* Format into `why` (may be NULL: then nothing is written) and return `err`, so that
 * `return why_set(why, ERR_FORMAT, "%s:%d: ...", ...)` reads well.  A longer text is cut, and control
 * characters become blanks.  An argument may be why->text itself; errno is left as it was. */
int why_set(struct why *why, int err, const char *fmt, ...) QUELL_PRINTF(3, 4);

/* clang's analyzer looks at one file at a time, and must know that the result is `err`. */
#ifdef __clang_analyzer__
#define why_set(why, err, ...) ((void)why_set((why), (err), __VA_ARGS__), (err))
#endif

#endif
