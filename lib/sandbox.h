/* sandbox.h - a process gives up what its work does not need, for ever.
 *
 *   kind      who                       capabilities      files                TCP           system calls
 *   parent    quelld                    to bind port 53   makes no special     not           those of its work
 *                                                         files, runs none     restricted
 *   worker    reads packets             none              none                 to `ports`    those of its loop
 *   loader    reads lists of quelld     none              none                 none          on what is open
 *   saver     writes the saved cache    none              below `write`        none          files
 *   updater   quell-update, downloads   as it has         writes below         not           all but those to run
 *                                                         `write`, runs none   restricted    programs and the like
 *   parser    reads lists there         none              reads `read`         none          on what is open, and reads
 *   offline   quell-update, on files    as it has         reads `read`,        none          all but those to run
 *                                                         writes below `write`               programs, sockets, ...
 *   witness   looks who holds a port    to look into      not                  not           reads
 *                                       processes         restricted           restricted
 *
 * (Landlock would take from the witness what it is for.)
 *
 * Layers are independent of each other.  One that the kernel lacks, or that a container forbids, is left out: the
 * process runs without it, and struct sandbox says so.
 *
 * A system call that a kind has no use for fails with ENOSYS, so that the C library takes another way, and the kernel
 * logs it; one that only an intruder makes (to run a program, to open a file for writing, to look into another
 * process, a socket that is not of the internet) ends the process.
 */
#ifndef QUELL_SANDBOX_H
#define QUELL_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sanitizers look into the process from within, and the counters of coverage are written as it ends: in such a build
 * files are not restricted, and only calls of an intruder fail that these have no use for. */
#if defined(__SANITIZE_ADDRESS__) || defined(QUELL_COVERAGE)
#define SANDBOX_INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_INSTRUMENTED 1
#endif
#endif
#ifndef SANDBOX_INSTRUMENTED
#define SANDBOX_INSTRUMENTED 0
#endif

enum sandbox_kind {
	SANDBOX_PARENT,
	SANDBOX_WORKER,
	SANDBOX_LOADER,
	SANDBOX_SAVER,
	SANDBOX_UPDATER,
	SANDBOX_PARSER,
	SANDBOX_OFFLINE,
	SANDBOX_WITNESS,
	SANDBOX_N_KINDS
};

enum sandbox_layer {
	SANDBOX_NO_NEW_PRIVS,
	SANDBOX_NO_DUMP,      /* not looked into, nor dumped, by others of the same user */
	SANDBOX_CAPABILITIES, /* none but those of the kind */
	SANDBOX_FILES,	      /* Landlock */
	SANDBOX_TCP,	      /* Landlock */
	SANDBOX_SCOPE, /* Landlock: no signals to, no abstract sockets of, processes outside */
	SANDBOX_CALLS, /* seccomp */
	SANDBOX_N_LAYERS
};

#define SANDBOX_HOLDS (-1)

/* What came of it; plain bytes, to be sent to another process.  All zero: nothing is known. */
struct sandbox {
	int32_t state
	    [SANDBOX_N_LAYERS]; /* 0: not for this kind; SANDBOX_HOLDS; else why it lacks: an errno */
};

/* What is allowed beyond what the kind says; all borrowed. */
struct sandbox_wish {
	enum sandbox_kind kind;
	const char *const *read; /* files, and folders with all below them */
	unsigned n_read;
	const char *const *write; /* folders below which files come, change and go */
	unsigned n_write;
	const uint16_t *ports;
	unsigned n_ports;
};

/* Enter, as deep as the system allows.  Nothing has to be undone: it cannot be.  Where there is no memory for a layer that
 * the system has, the process ends, with a line in the log.  Costs about a millisecond. */
void sandbox_enter(const struct sandbox_wish *wish, struct sandbox *out);

/* "parent", "worker", ... */
const char *sandbox_kind_text(enum sandbox_kind kind);

/* Into text: the layers that hold, and those that lack, each with the reason: "no-new-privs, seccomp",
 * "landlock-tcp (Operation not supported)"; "" where there are none. */
#define SANDBOX_TEXT_SIZE 512
const char *sandbox_holds(const struct sandbox *s, char text[SANDBOX_TEXT_SIZE]);
const char *sandbox_lacks(const struct sandbox *s, char text[SANDBOX_TEXT_SIZE]);

#endif
