/* sandbox.c - the layers, one after the other, the filter of system calls last. */
#include "lib/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/caps.h"
#include "lib/landlock.h"
#include "lib/log.h"
#include "lib/sandbox_calls.h"

#define AS_IT_HAS UINT64_MAX
/* Nothing is run, and no file is made that is none. */
#define NO_SPECIAL_FILES                                                                           \
	(LANDLOCK_EXECUTE | LANDLOCK_MAKE_CHAR | LANDLOCK_MAKE_BLOCK | LANDLOCK_MAKE_FIFO |        \
	    LANDLOCK_MAKE_SYM | LANDLOCK_MAKE_DIR | LANDLOCK_REMOVE_DIR)
#define READING (LANDLOCK_READ_FILE | LANDLOCK_READ_DIR)
/* What is allowed below a folder where files come, change and go. */
#define WRITING                                                                                    \
	(READING | LANDLOCK_WRITE_FILE | LANDLOCK_TRUNCATE | LANDLOCK_REMOVE_FILE |                \
	    LANDLOCK_MAKE_REG | LANDLOCK_REFER)

#define NO_TCP	   (LANDLOCK_BIND_TCP | LANDLOCK_CONNECT_TCP)
#define NO_OTHERS  (LANDLOCK_SIGNAL | LANDLOCK_ABSTRACT)
#define FILES(set) (SANDBOX_INSTRUMENTED ? 0 : (set))

/* The table of sandbox.h.  Files and ports: what is denied unless the wish allows it. */
static const struct profile {
	const char *name;
	uint64_t capabilities;
	uint64_t files, tcp, scope;
} profiles[SANDBOX_N_KINDS] = {
    [SANDBOX_PARENT] = {"parent", CAPS_BIT(CAP_NET_BIND_SERVICE), FILES(NO_SPECIAL_FILES), 0,
	LANDLOCK_SIGNAL},
    [SANDBOX_WORKER] = {"worker", 0, FILES(LANDLOCK_FILES), NO_TCP, NO_OTHERS},
    [SANDBOX_LOADER] = {"loader", 0, FILES(LANDLOCK_FILES), NO_TCP, NO_OTHERS},
    [SANDBOX_SAVER] = {"saver", 0, FILES(LANDLOCK_FILES), NO_TCP, NO_OTHERS},
    [SANDBOX_UPDATER] = {"updater", AS_IT_HAS, FILES(LANDLOCK_FILES & ~READING), 0,
	LANDLOCK_SIGNAL},
    [SANDBOX_PARSER] = {"parser", 0, FILES(LANDLOCK_FILES), NO_TCP, NO_OTHERS},
    [SANDBOX_OFFLINE] = {"offline", AS_IT_HAS, FILES(LANDLOCK_FILES), NO_TCP, NO_OTHERS},
    [SANDBOX_WITNESS] = {"witness", CAPS_BIT(CAP_SYS_PTRACE) | CAPS_BIT(CAP_DAC_READ_SEARCH), 0, 0,
	0},
};

static const char *const layers[SANDBOX_N_LAYERS] = {
    [SANDBOX_NO_NEW_PRIVS] = "no-new-privs",
    [SANDBOX_NO_DUMP] = "no-dump",
    [SANDBOX_CAPABILITIES] = "capabilities",
    [SANDBOX_FILES] = "landlock-files",
    [SANDBOX_TCP] = "landlock-tcp",
    [SANDBOX_SCOPE] = "landlock-scope",
    [SANDBOX_CALLS] = "seccomp",
};

static int32_t state_of(int failed)
{
	return failed != 0 ? errno : SANDBOX_HOLDS;
}

static int allow(int fd, int abi, const struct profile *p, const struct sandbox_wish *wish)
{
	int err = 0;

	for (unsigned i = 0; i < wish->n_read && err == 0; i++)
		err = landlock_allow_path(fd, abi, p->files & READING, wish->read[i]);
	for (unsigned i = 0; i < wish->n_write && err == 0; i++)
		err = landlock_allow_path(fd, abi, p->files & WRITING, wish->write[i]);
	for (unsigned i = 0; i < wish->n_ports && abi >= LANDLOCK_ABI_TCP && err == 0; i++)
		err = landlock_allow_port(fd, LANDLOCK_CONNECT_TCP, wish->ports[i]);
	return err;
}

/* What this kernel has of Landlock, all of it or nothing.  Returns 0 or ERR_SYS with errno. */
static int enter_landlock(int abi, const struct profile *p, const struct sandbox_wish *wish)
{
	int fd = landlock_new(abi, p->files, p->tcp, p->scope);
	int err = fd < 0 ? ERR_SYS : allow(fd, abi, p, wish), saved;

	if (err == 0)
		err = landlock_apply(fd);
	saved = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return err;
}

/* The state of a part that this kind wants, where the whole is in `whole` and came with ABI `since`. */
static int32_t part(uint64_t wanted, int32_t whole, int abi, int since)
{
	if (wanted == 0)
		return 0;
	return whole != SANDBOX_HOLDS || abi >= since ? whole : EOPNOTSUPP;
}

static void landlock(const struct profile *p, const struct sandbox_wish *wish, struct sandbox *out)
{
	int abi = landlock_abi();
	int32_t whole;

	if (abi >= 0 && abi < LANDLOCK_ABI_REFER) {
		abi = ERR_SYS; /* too little: not a file could be moved */
		errno = EOPNOTSUPP;
	}
	whole = state_of(abi < 0 || enter_landlock(abi, p, wish) != 0);
	out->state[SANDBOX_FILES] = SANDBOX_INSTRUMENTED ? ENOTSUP : part(p->files, whole, abi, 0);
	out->state[SANDBOX_TCP] = part(p->tcp, whole, abi, LANDLOCK_ABI_TCP);
	out->state[SANDBOX_SCOPE] = part(p->scope, whole, abi, LANDLOCK_ABI_SCOPE);
}

void sandbox_enter(const struct sandbox_wish *wish, struct sandbox *out)
{
	const struct profile *p = &profiles[wish->kind];
	int err;

	memset(out, 0, sizeof(*out));
	out->state[SANDBOX_NO_NEW_PRIVS] = state_of(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	out->state[SANDBOX_NO_DUMP] = state_of(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	if (p->capabilities != AS_IT_HAS)
		out->state[SANDBOX_CAPABILITIES] = state_of(caps_keep(p->capabilities));
	landlock(p, wish, out);
	err = sandbox_calls(wish->kind);
	out->state[SANDBOX_CALLS] = err != 0 ? err : SANDBOX_HOLDS;
	for (unsigned i = 0; i < SANDBOX_N_LAYERS; i++) {
		if (out->state[i] != ENOMEM)
			continue;
		log_error("sandbox", "%s: no memory for %s: it ends", p->name, layers[i]);
		_exit(EXIT_FAILURE);
	}
}

const char *sandbox_kind_text(enum sandbox_kind kind)
{
	return profiles[kind].name;
}

const char *sandbox_lacks(const struct sandbox *s, char text[SANDBOX_TEXT_SIZE])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < SANDBOX_N_LAYERS && used < SANDBOX_TEXT_SIZE; i++) {
		if (s->state[i] > 0)
			used += (size_t)snprintf(text + used, SANDBOX_TEXT_SIZE - used, "%s%s (%s)",
			    used != 0 ? ", " : "", layers[i], strerror(s->state[i]));
	}
	return text;
}

const char *sandbox_holds(const struct sandbox *s, char text[SANDBOX_TEXT_SIZE])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < SANDBOX_N_LAYERS && used < SANDBOX_TEXT_SIZE; i++) {
		if (s->state[i] == SANDBOX_HOLDS)
			used += (size_t)snprintf(text + used, SANDBOX_TEXT_SIZE - used, "%s%s",
			    used != 0 ? ", " : "", layers[i]);
	}
	return text;
}
