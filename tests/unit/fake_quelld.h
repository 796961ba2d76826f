/* fake_quelld.h - a control socket without quelld: a process that takes one connection, answers as
 * it was told, and says what it was asked. */
#ifndef QUELL_TESTS_FAKE_QUELLD_H
#define QUELL_TESTS_FAKE_QUELLD_H

#include <stddef.h>
#include <sys/types.h>

struct fake_quelld {
	pid_t pid;
	int heard_fd;	  /* the request comes out here, when it has been read */
	char heard[2048]; /* filled by _stop(), terminated */
};

enum fake_quelld_manner {
	FAKE_POLITE,	/* read the request, answer, close */
	FAKE_PIECEMEAL, /* the same, in many small writes */
	FAKE_BRUSQUE, /* answer and close with the request unread, as quelld with too many clients */
};

/* Listen at `path` and answer one connection with answer[0..len), in a process of its own. */
void fake_quelld_start(struct fake_quelld *f, const char *path, enum fake_quelld_manner manner,
    const char *answer, size_t len);

/* End it, whether or not somebody came; f->heard is the request ("" without one). */
void fake_quelld_stop(struct fake_quelld *f);

/* A bound stream socket at `path`; its descriptor. */
int fake_quelld_bind(const char *path);

#endif
